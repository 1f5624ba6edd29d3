"""Archives that are queried by C-FIND: what is asked, what comes of the answers, and what goes wrong."""

from __future__ import annotations

import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE, evt
from pynetdicom.sop_class import StudyRootQueryRetrieveInformationModelFind as Find
from pynetdicom.sop_class import Verification

from ingest.archives import dimse_server
from ingest.archives.dimse import read
from ingest.base import Context, Yield
from ontology.records import Reject, Series, SeriesHeader, SourceRecord, StudyHeader

STUDY = {"PatientID": "P1", "PatientName": "P1", "StudyInstanceUID": "1.2.3", "StudyDate": "20140203"}
SERIES = {"SeriesInstanceUID": "1.2.3.4", "Modality": "PT", "SeriesDate": "20140204"}


@dataclass
class Archive:
    """What a small archive answers at each level, and what it was asked."""

    answers: dict[str, list[dict[str, Any]]] = field(
        default_factory=lambda: {
            "STUDY": [STUDY],
            "SERIES": [SERIES],
            "IMAGE": [{"SOPInstanceUID": f"1.2.3.4.{n}"} for n in (1, 2)],
        }
    )
    status: int = 0x0000
    limited: str = ""
    """The study whose series are more than the archive gives."""
    asked: list[Dataset] = field(default_factory=list)
    port: int = 0

    def find(self, event: Any) -> Iterator[tuple[int, Dataset | None]]:
        self.asked.append(event.identifier)
        level = event.identifier.QueryRetrieveLevel
        for answer in self.answers[level]:
            found = Dataset()
            found.QueryRetrieveLevel = level
            for keyword, value in answer.items():
                setattr(found, keyword, value)
            yield 0xFF00, found
        limited = self.limited == event.identifier.StudyInstanceUID and level == "SERIES"
        yield 0xFE00 if limited else self.status, None

    @property
    def locator(self) -> str:
        return f"dimse://PACS@localhost:{self.port}"


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setattr(dimse_server, "WAITS", ())
    made = Archive()
    entity = AE(ae_title="PACS")
    entity.add_supported_context(Find)
    entity.require_called_aet = True
    served = entity.start_server(("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_FIND, made.find)])
    made.port = served.socket.getsockname()[1]
    yield made
    served.shutdown()


def found(locator: str, *, attested: bool = True) -> list[Yield]:
    return list(read(iter([locator]), Context(collection="test", attested=attested)))


def only_reject(items: list[Yield]) -> Reject:
    (item,) = items
    assert isinstance(item, Reject)
    return item


def test_a_series_has_what_a_query_can_say(archive):
    items = found(archive.locator)
    (header,) = (item for item in items if isinstance(item, SeriesHeader))
    assert (header.uid, header.subject, header.modality, header.instance_count) == ("1.2.3.4", "P1", "dcm:PT", 2)
    assert str(header.when.first) == "2014-02-04"
    (study,) = (item for item in items if isinstance(item, StudyHeader))
    assert str(study.when.first) == "2014-02-03"


def test_instances_are_listed_only_where_the_series_does_not_say_how_many(archive):
    archive.answers["SERIES"] = [{**SERIES, "NumberOfSeriesRelatedInstances": 47}]
    (header,) = (item for item in found(archive.locator) if isinstance(item, SeriesHeader))
    assert header.instance_count == 47
    assert [asked.QueryRetrieveLevel for asked in archive.asked] == ["STUDY", "SERIES"]


def test_what_is_wanted_is_asked_of_the_archive(archive):
    found(f"{archive.locator}/studies/1.2.3/series/1.2.3.4?PatientID=P1&StudyDate=2014-")
    study, series = archive.asked[:2]
    assert (study.StudyInstanceUID, study.PatientID, study.StudyDate) == ("1.2.3", "P1", "2014-")
    assert (series.StudyInstanceUID, series.SeriesInstanceUID) == ("1.2.3", "1.2.3.4")


def test_what_stands_on_series_is_asked_of_series(archive):
    archive.answers["STUDY"] = [
        {**STUDY, "ModalitiesInStudy": ["PT", "CT"]},
        {**STUDY, "StudyInstanceUID": "1.2.4", "ModalitiesInStudy": "MR"},  # an archive that does not search by it
    ]
    archive.answers["SERIES"] = [SERIES, {"SeriesInstanceUID": "1.2.3.5", "Modality": "CT"}]
    (uid,) = [item.uid for item in found(f"{archive.locator}?Modality=PT") if isinstance(item, SeriesHeader)]
    assert uid == "1.2.3.4"
    assert [
        (asked.QueryRetrieveLevel, asked.get("Modality"), asked.get("ModalitiesInStudy")) for asked in archive.asked
    ][:2] == [("STUDY", None, "PT"), ("SERIES", "PT", None)]


def test_without_attestation_nothing_is_even_asked(archive):
    reject = only_reject(found(archive.locator, attested=False))
    assert (reject.quarantine, reject.wanted, archive.asked) == (True, "the owner's attestation (--attest)", [])


def test_the_gate_sees_the_names_that_are_never_kept(archive):
    archive.answers["STUDY"] = [{**STUDY, "PatientName": "Doe^Jane"}]
    reject = only_reject(found(archive.locator))
    assert (reject.name, reject.place, reject.quarantine) == ("series 1.2.3.4", "(0010,0010) PatientName", True)
    assert "Doe" not in repr(reject)


def test_a_release_lets_in_the_series_and_nothing_of_what_identifies(archive):
    archive.answers["STUDY"] = [{**STUDY, "PatientName": "Doe^Jane", "PatientBirthDate": "19610312"}]
    released: set[tuple[str, str]] = set()

    def read_on() -> list[Yield]:
        context = Context(collection="test", secret=b"x", attested=True, released=lambda *about: about in released)
        return list(read(iter([archive.locator]), context))

    for place in ("(0010,0010) PatientName", "(0010,0030) PatientBirthDate"):
        reject = only_reject(read_on())
        assert reject.place == place
        released.add((reject.content, reject.place))
    records = read_on()
    assert any(isinstance(item, SourceRecord) for item in records)
    assert not {"Doe", "1961"} & set(re.findall("Doe|1961", repr(records)))


@pytest.mark.parametrize(("level", "keyword"), [("STUDY", "ReferringPhysicianName"), ("SERIES", "OperatorsName")])
def test_names_of_others_are_seen_at_either_level(archive, level, keyword):
    archive.answers[level] = [{**archive.answers[level][0], keyword: "Doe^Jane"}]
    reject = only_reject(found(archive.locator))
    assert keyword in reject.place
    assert reject.quarantine


@pytest.mark.parametrize(
    ("level", "lacking"),
    [("STUDY", "PatientID"), ("STUDY", "StudyInstanceUID"), ("SERIES", "SeriesInstanceUID")],
)
def test_what_is_nobodys_is_rejected(archive, level, lacking):
    archive.answers[level] = [{**archive.answers[level][0], lacking: ""}]
    assert only_reject(found(archive.locator)).problem


def test_the_same_answer_is_the_same_source_and_a_changed_one_another(archive):
    def digest() -> str:
        (head,) = (item for item in found(archive.locator) if isinstance(item, SourceRecord))
        return head.digest

    first = digest()
    assert digest() == first
    archive.answers["IMAGE"].append({"SOPInstanceUID": "1.2.3.4.3"})
    assert digest() != first


def test_a_failing_query_is_told_with_its_status(archive):
    archive.status = 0xA700
    reject = only_reject(found(archive.locator))
    assert (reject.place, reject.problem) == ("C-FIND STUDY", "the archive answered with status 0xA700")


def test_a_query_that_fails_for_one_study_leaves_the_others(archive):
    archive.answers["STUDY"] = [STUDY, {**STUDY, "StudyInstanceUID": "1.2.4"}]
    archive.limited = "1.2.3"
    items = found(archive.locator)
    (reject,) = (item for item in items if isinstance(item, Reject))
    assert (reject.place, "narrower query" in reject.wanted) == ("C-FIND SERIES", True)
    assert [item.study for item in items if isinstance(item, Series)] == ["1.2.4"]


def test_an_archive_that_does_not_know_the_title_is_told(archive):
    reject = only_reject(found(archive.locator.replace("PACS", "OTHER")))
    assert (reject.place, reject.problem) == ("association", "the archive refuses it")


def test_an_archive_without_queries_is_told(archive):
    entity = AE(ae_title="PACS")
    entity.add_supported_context(Verification)
    served = entity.start_server(("127.0.0.1", 0), block=False)
    try:
        reject = only_reject(found(f"dimse://PACS@localhost:{served.socket.getsockname()[1]}"))
        assert reject.problem == "the archive accepts no queries"
    finally:
        served.shutdown()


def test_where_nothing_answers_it_is_told(archive):
    assert "nothing answers" in only_reject(found("dimse://PACS@localhost:9")).problem
    assert "nothing answers" in only_reject(found(archive.locator.replace("dimse", "dimse+tls"))).problem


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl, which makes a certificate, is not installed")
def test_with_tls_only_a_certificate_that_is_trusted_is_spoken_to(archive, tmp_path, monkeypatch):
    command = "openssl req -x509 -newkey rsa:2048 -nodes -keyout key.pem -out cert.pem -days 2 -subj /CN=localhost"
    alternative = ["-addext", "subjectAltName=DNS:localhost"]
    subprocess.run([*command.split(), *alternative], cwd=tmp_path, check=True, capture_output=True)
    own = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    own.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    entity = AE(ae_title="PACS")
    entity.add_supported_context(Find)
    served = entity.start_server(
        ("127.0.0.1", 0), block=False, ssl_context=own, evt_handlers=[(evt.EVT_C_FIND, archive.find)]
    )
    try:
        locator = f"dimse+tls://PACS@localhost:{served.socket.getsockname()[1]}"
        assert "no TLS that is trusted" in only_reject(found(locator)).problem
        assert archive.asked == []
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "cert.pem"))
        assert [item.instance_count for item in found(locator) if isinstance(item, SeriesHeader)] == [2]
    finally:
        served.shutdown()


@pytest.mark.parametrize(
    "locator",
    ["dimse://localhost:104", "dimse://PACS@localhost:x", "dimse://PACS:secret@localhost", "dimse://PACS@localhost/a",
     "dimse://PACS@localhost/studies/1?token=secret", "dimse://" + "P" * 17 + "@localhost", "dimse://PACS@"],
)  # fmt: skip
def test_a_locator_that_is_none_is_told(archive, locator):
    reject = only_reject(found(locator))
    assert reject.place == "locator"
    assert "secret" not in repr(reject)
