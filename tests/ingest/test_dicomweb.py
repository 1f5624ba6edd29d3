"""DICOMweb services: what is asked, what becomes of the answers, and what the archives in use answer differently."""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pydicom
import pytest

import ingest.run
from ingest.archives import dicomweb_server
from ingest.archives.dicomweb import SOURCE
from ingest.base import Context, Yield
from ingest.gate.shown import NotShownError, shown
from ingest.run import Job, Progress, run
from ontology.records import Reject, SeriesHeader, SourceRecord
from store.control import QuarantineEntry
from store.warehouse import Warehouse
from tests.ingest.test_run import slice_of

Answer = tuple[int, str, bytes]
JSON = "application/dicom+json"
DATA = Path(__file__).parents[3] / "shared" / "data" / "imaging" / "dicomweb"


@dataclass
class Archive:
    """A small DICOMweb service over data sets in memory, that can be told to answer as other archives do."""

    instances: list[pydicom.Dataset] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    page: int = 1000
    paging: bool = True
    empty: Answer = (200, JSON, b"[]")
    changed: Callable[[str, Answer], Answer] = lambda _path, answer: answer
    address: str = ""
    ignored: set[str] = field(default_factory=lambda: {"limit", "offset"})
    """What it does not search by."""
    lost: int = 0
    """The bytes at the end of the next answer that never come."""

    def add(self, path: Path) -> None:
        data = pydicom.dcmread(path)
        self.instances.append(data)
        self.files[data.SOPInstanceUID] = path.read_bytes()

    def answer(self, target: str) -> Answer:
        parts = urlsplit(target)
        path = parts.path.removeprefix("/dicom-web/")
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        words = path.split("/")
        named = dict(zip(words[::2], words[1::2], strict=False))
        level = words[-1]
        found = [
            data
            for data in self.instances
            if data.StudyInstanceUID == named.get("studies", data.StudyInstanceUID)
            and data.SeriesInstanceUID == named.get("series", data.SeriesInstanceUID)
            and data.SOPInstanceUID == named.get("instances", data.SOPInstanceUID)
            and all(str(data.get(name)) == value for name, value in query.items() if name not in self.ignored)
        ]
        if level == "metadata":
            return 200, JSON, json.dumps([_json(data) for data in found]).encode()
        if len(words) % 2 == 0:
            return 200, 'multipart/related; type="application/dicom"; boundary="xyz"', _part(self.files[level])
        return self._listed(found, level, query)

    def _listed(self, found: list[pydicom.Dataset], level: str, query: dict[str, str]) -> Answer:
        uid = {"studies": "StudyInstanceUID", "series": "SeriesInstanceUID", "instances": "SOPInstanceUID"}[level]
        distinct = {str(data.get(uid)): data for data in found}
        listed = list(distinct.values())
        if self.paging:
            start = int(query["offset"])
            listed = listed[start : start + min(self.page, int(query["limit"]))]
        names = (uid, "StudyInstanceUID", "PatientID", "StudyDate", "SOPClassUID", "ModalitiesInStudy")
        names += ("Modality",) if level == "series" else ()
        return (200, JSON, json.dumps([_json(data, names) for data in listed]).encode()) if listed else self.empty


def _json(data: pydicom.Dataset, names: tuple[str, ...] = ()) -> dict[str, Any]:
    shown = pydicom.Dataset()
    for element in data:
        if element.keyword != "PixelData" and (not names or element.keyword in names):
            shown.add(element)
    plain: dict[str, Any] = shown.to_json_dict()
    if not names:
        plain["7FE00010"] = {"vr": "OW", "BulkDataURI": "../bulk/7FE00010"}  # relative, as some archives write it
    return plain


def _part(content: bytes) -> bytes:
    return b"preamble\r\n--xyz\r\nContent-Type: application/dicom\r\n\r\n" + content + b"\r\n--xyz--\r\n"


@pytest.fixture
def archive(monkeypatch: pytest.MonkeyPatch) -> Iterator[Archive]:
    monkeypatch.setattr(dicomweb_server, "WAITS", (0.0, 0.0))
    for name in (dicomweb_server.USER, dicomweb_server.PASSWORD, dicomweb_server.TOKEN):
        monkeypatch.delenv(name, raising=False)
    made = Archive()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.asked.append(self.path)
            made.headers.append(dict(self.headers))
            status, kind, content = made.changed(self.path, made.answer(self.path))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) - made.lost])
            made.lost = 0

        def log_message(self, *_args: object) -> None:
            """Keep quiet."""

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    made.address = f"dicomweb+http://127.0.0.1:{served.server_port}/dicom-web"
    yield made
    served.shutdown()
    thread.join()
    served.server_close()


@pytest.fixture
def filled(archive: Archive, tmp_path: Path) -> Archive:
    """An archive with two studies of a patient and one of another: three, one and two slices."""
    for number in (1, 2, 3):
        archive.add(slice_of(tmp_path / "scans", number))
    archive.add(slice_of(tmp_path / "scans", 1, series="1.2.3.5"))
    for number in (1, 2):
        path = slice_of(tmp_path / "scans", number, patient="P2", series="1.2.4.4")
        data = pydicom.dcmread(path)
        data.StudyInstanceUID = "1.2.4"
        data.save_as(path)
        archive.add(path)
    return archive


def read(locator: str, **more: Any) -> list[Yield]:
    return list(SOURCE.read(iter([locator]), Context(collection="test", secret=b"x", **more)))


def counts(items: list[Yield]) -> dict[str, int | None]:
    return {item.uid: item.instance_count for item in items if isinstance(item, SeriesHeader)}


def rejects(items: list[Yield]) -> list[Reject]:
    return [item for item in items if isinstance(item, Reject)]


def files_of(tmp_path: Path) -> list[Yield]:
    from ingest.dicom.reader import SOURCE as FILES

    paths = sorted(str(path) for path in (tmp_path / "scans").iterdir())
    return list(FILES.read(iter(paths), Context(collection="test")))


WHOLE = {"1.2.3.4": 3, "1.2.3.5": 1, "1.2.4.4": 2}


def test_series_say_the_same_from_the_server_as_from_files(filled, tmp_path):
    web, files = read(filled.address), files_of(tmp_path)
    assert rejects(web) == []

    def records(items: list[Yield]) -> Counter[str]:
        kept = (item for item in items if not isinstance(item, SourceRecord))
        return Counter(repr(_without_syntax(item)) for item in kept)

    assert records(web) == records(files)
    heads = [item for item in web if isinstance(item, SourceRecord)]
    assert [head.locator for head in heads] == [
        f"{filled.address}/studies/1.2.3/series/1.2.3.4",
        f"{filled.address}/studies/1.2.3/series/1.2.3.5",
        f"{filled.address}/studies/1.2.4/series/1.2.4.4",
    ]
    assert not any("bulk" in path for path in filled.asked)


def _without_syntax(item: Yield) -> Yield:
    """A record without what a server's metadata does not say: how the file was encoded."""
    if isinstance(item, SeriesHeader):
        item.attributes.pop("TransferSyntaxUID", None)  # type: ignore[attr-defined]
    return item


@pytest.mark.parametrize(
    ("within", "expected"),
    [
        ("/studies", WHOLE),
        ("/studies/1.2.3", {"1.2.3.4": 3, "1.2.3.5": 1}),
        ("/studies/1.2.3/series/1.2.3.5", {"1.2.3.5": 1}),
        ("?PatientID=P2", {"1.2.4.4": 2}),
        ("/studies/9.9", {}),
    ],
)
def test_what_is_asked_for_is_what_comes(filled, within, expected):
    items = read(filled.address + within)
    assert (counts(items), rejects(items)) == (expected, [])


def _strict(path: str, answer: Answer) -> Answer:
    """Studies have no modality: nothing has the one that is asked for."""
    return (204, "", b"") if "/studies?" in path and re.search("[?&](Modality|00080060)=", path) else answer


def _forgetful(path: str, answer: Answer) -> Answer:
    """What studies hold is not listed, so that no study is found by it; series are searched."""
    return (204, "", b"") if "/studies?" in path and "ModalitiesInStudy" in path else answer


def _deaf(_path: str, answer: Answer) -> Answer:
    return answer


@pytest.mark.parametrize("changed", [_strict, _forgetful, _deaf])
@pytest.mark.parametrize("name", ["Modality", "00080060"])
def test_what_stands_on_series_is_asked_of_series(filled, changed, name):
    for data in filled.instances:
        data.Modality = "PT" if data.SeriesInstanceUID == "1.2.3.5" else "CT"
        data.ModalitiesInStudy = ["CT", "PT"] if data.StudyInstanceUID == "1.2.3" else ["CT"]
    filled.changed = changed
    filled.ignored |= {"ModalitiesInStudy", "StudyDate", *(["Modality", "00080060"] if changed is _deaf else [])}
    if name == "00080060":
        filled.ignored.add(name)
    assert counts(read(f"{filled.address}?{name}=PT")) == {"1.2.3.5": 1}
    assert counts(read(f"{filled.address}?{name}=CT&PatientID=P2")) == {"1.2.4.4": 2}


def test_series_of_one_modality_in_studies_of_another(filled):
    for data in filled.instances:
        data.Modality = "PT" if data.SeriesInstanceUID == "1.2.3.5" else "CT"
        data.ModalitiesInStudy = ["CT", "PT"] if data.StudyInstanceUID == "1.2.3" else ["CT"]
    filled.ignored.add("ModalitiesInStudy")
    assert counts(read(f"{filled.address}?ModalitiesInStudy=PT&Modality=CT")) == {"1.2.3.4": 3}


def test_an_archive_that_cannot_search_all_series_is_not_blamed_for_it(filled):
    filled.changed = lambda path, answer: (400, "", b"") if "-web/series?" in path else _forgetful(path, answer)
    assert read(f"{filled.address}?Modality=PT") == []


def test_what_an_archive_does_not_search_by_is_left_out_all_the_same(filled):
    filled.ignored |= {"PatientID", "StudyInstanceUID", "SeriesInstanceUID"}
    assert counts(read(f"{filled.address}?PatientID=P2")) == {"1.2.4.4": 2}
    assert counts(read(f"{filled.address}/studies/1.2.3/series/1.2.3.5")) == {"1.2.3.5": 1}


def test_answers_in_other_words_say_the_same(filled, tmp_path):
    """Numbers and names as texts, JSON in parts, limits that are ignored, queries that are refused if unknown."""

    def loosely(path: str, answer: Answer) -> Answer:
        status, kind, content = answer
        if "includefield" in path:
            return 400, "text/plain", b""
        if "json" not in kind or not content:
            return answer
        said = json.loads(content, object_hook=_as_texts)
        packed = b"--xyz\r\nContent-Type: application/dicom+json\r\n\r\n" + json.dumps(said).encode() + b"\r\n--xyz--"
        return status, 'multipart/related; type="application/dicom+json"; boundary=xyz', packed

    whole = read(filled.address)
    filled.changed, filled.paging = loosely, False
    assert read(filled.address) == whole
    assert counts(whole) == WHOLE


def _as_texts(found: dict[str, Any]) -> dict[str, Any]:
    if found.get("vr") == "PN":
        return {**found, "Value": [name["Alphabetic"] for name in found.get("Value", [])]}
    held = found.get("Value", [])
    return {**found, "Value": [str(one) if isinstance(one, int | float) else one for one in held]} if held else found


def test_parts_without_an_end_are_no_answer(filled):
    filled.changed = lambda _path, _answer: (
        200,
        'multipart/related; type="application/dicom+json"; boundary=x',
        b"--x",
    )
    (reject,) = rejects(read(filled.address))
    assert "no list of data sets" in reject.problem


def test_an_answer_that_breaks_off_is_asked_for_again(filled):
    broken: set[str] = set()

    def once(path: str, answer: Answer) -> Answer:
        if "metadata" not in path or path in broken:
            return answer
        broken.add(path)
        filled.lost = 20
        return answer

    filled.changed = once
    items = read(filled.address)
    assert (counts(items), rejects(items)) == (WHOLE, [])
    assert len(broken) == 3


def test_every_page_is_asked_for(filled):
    filled.page = 1
    assert counts(read(filled.address)) == WHOLE


def test_an_archive_that_knows_no_paging_is_not_asked_for_ever(filled):
    filled.paging = False
    assert counts(read(filled.address)) == WHOLE
    assert sum("/studies?" in path for path in filled.asked) == 2


@pytest.mark.parametrize("empty", [(204, "text/plain", b""), (200, JSON, b""), (200, JSON, b"[]")])
def test_nothing_may_be_said_in_several_ways(archive, empty):
    archive.empty = empty
    assert read(archive.address) == []


def test_a_busy_archive_is_asked_again(filled):
    told: Counter[str] = Counter()

    def busy(path: str, answer: Answer) -> Answer:
        told[path] += 1
        return answer if told[path] == 3 else (503, "text/html", b"busy")

    filled.changed = busy
    assert counts(read(filled.address)) == WHOLE


def test_what_fails_for_one_series_leaves_the_others(filled):
    filled.changed = lambda path, answer: (500, "text/html", b"P1 DOE") if "1.2.3.4/metadata" in path else answer
    items = read(filled.address)
    assert counts(items) == {"1.2.3.5": 1, "1.2.4.4": 2}
    (reject,) = rejects(items)
    assert (reject.name, reject.place) == ("dicom-web", "GET /studies/1.2.3/series/1.2.3.4/metadata")
    assert reject.problem == "the server answered with status 500, 3 times"
    assert "DOE" not in repr(items)


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        ((200, "text/html; charset=utf-8", b"<html>P1</html>"), "the answer is text/html, not DICOM JSON"),
        ((200, JSON, b"[{"), "no list of data sets"),
        ((200, JSON, b'"P1"'), "no list of data sets"),
        ((401, "text/html", b""), "does not know the credentials"),
        ((403, "text/html", b""), "refuses these credentials"),
        ((404, "text/html", b""), "nothing at this address"),
        ((302, "text/html", b""), "status 302"),
        ((400, "text/html", b"P1"), "status 400"),
    ],
)
def test_an_answer_that_is_none_is_told_with_its_request(filled, answer, problem):
    filled.changed = lambda _path, _answer: answer
    (reject,) = rejects(read(f"{filled.address}?PatientID=P1"))
    assert problem in reject.problem
    assert reject.place.startswith("GET /studies?PatientID=…")
    assert "P1" not in repr(reject)


def test_a_server_that_is_gone_ends_it_with_one_reject(filled, monkeypatch):
    items = read("dicomweb+http://127.0.0.1:9/dicom-web")
    assert ["cannot be reached" in reject.problem for reject in rejects(items)] == [True]

    def leaving(path: str, answer: Answer) -> Answer:
        return (401, "text/html", b"") if "1.2.3.5" in path else answer

    filled.changed = leaving
    items = read(filled.address)
    assert counts(items) == {"1.2.3.4": 3}
    assert len(rejects(items)) == 1


def test_a_server_without_tls_is_not_spoken_to_as_if_it_had_it(filled):
    (reject,) = rejects(read(filled.address.replace("http:", "https:")))
    assert "speaks no TLS" in reject.problem


def test_a_run_that_was_cut_off_goes_on_where_it_stopped(filled, tmp_path, monkeypatch):
    monkeypatch.setattr(ingest.run, "FLUSH_RECORDS", 1)

    def stop(_kind: str, done: int, _total: int | None) -> None:
        if done == 2:
            raise KeyboardInterrupt

    warehouse = Warehouse.open(tmp_path / "var")
    try:
        job = Job(locators=(filled.address,), collection="trial")
        with pytest.raises(KeyboardInterrupt):
            run(warehouse, [job], Progress(step=stop))
        filled.asked.clear()
        report = run(warehouse, [job])
        assert report.added + report.unchanged == 3
        assert report.unchanged >= 1
        assert sum("metadata" in path for path in filled.asked) == report.added
    finally:
        warehouse.close()


def test_credentials_come_from_the_environment_alone(filled, monkeypatch):
    monkeypatch.setenv(dicomweb_server.USER, "me")
    monkeypatch.setenv(dicomweb_server.PASSWORD, "p:ß")
    assert counts(read(filled.address)) == WHOLE
    assert filled.headers[0]["Authorization"] == "Basic bWU6cDrDnw=="
    monkeypatch.setenv(f"{dicomweb_server.TOKEN}_SITE2", "t0ken")
    filled.headers.clear()
    read(f"{filled.address}#site2")
    assert {headers["Authorization"] for headers in filled.headers} == {"Bearer t0ken"}
    filled.asked.clear()
    for locator in (
        filled.address.replace("127.0.0.1", "me:p@127.0.0.1"),
        filled.address.replace("127.0.0.1", "pacs.example.org"),
        f"{filled.address}?access_token=p",
    ):
        (reject,) = rejects(read(locator))
        assert reject.place == "locator"
    assert filled.asked == []


@pytest.mark.parametrize("within", ["/studies/P1", "/studies/1.2/instances/3", "/studies/1.2/series/x"])
def test_what_names_no_study_or_series_is_refused(archive, within):
    (reject,) = rejects(read(archive.address + within))
    assert (reject.place, archive.asked) == ("locator", [])


def test_the_gate_is_the_same_as_before_files(filled):
    for data in filled.instances[:2]:
        data.PatientName = "Doe^Jane"
    del filled.instances[3].PatientIdentityRemoved
    items = read(filled.address)
    assert counts(items) == {"1.2.3.4": 1, "1.2.4.4": 2}
    assert [(reject.name, reject.place, reject.quarantine) for reject in rejects(items)] == [
        ("series 1.2.3.4", "(0010,0010) PatientName", True),
        ("series 1.2.3.4", "(0010,0010) PatientName", True),
        ("series 1.2.3.5", "(0012,0062) PatientIdentityRemoved", True),
    ]
    assert "Doe" not in repr(items)
    released = {reject.content for reject in rejects(items)[:2]}
    items = read(filled.address, released=lambda content, _place: content in released)
    assert counts(items)["1.2.3.4"] == 3


def test_a_text_under_review_is_shown_as_the_server_has_it(filled, tmp_path):
    filled.instances[3].SeriesDescription = "arm of Zebulon"
    warehouse = Warehouse.open(tmp_path / "var")
    try:
        run(warehouse, [Job(locators=(filled.address,), collection="trial")])
        asked = [entry for entry in warehouse.control.quarantine() if "SeriesDescription" in entry.place]
        assert [(item.file, item.text) for item in shown(warehouse, asked)] == [
            (filled.instances[3].SOPInstanceUID, "arm of Zebulon")
        ]
        filled.changed = lambda _path, _answer: (404, "", b"")
        with pytest.raises(NotShownError, match="there is nothing at this address"):
            shown(warehouse, asked)
    finally:
        warehouse.close()


def nested(keyword: str, value: Any) -> pydicom.Dataset:
    """A data set with a value two sequences deep."""
    inner, outer = pydicom.Dataset(), pydicom.Dataset()
    setattr(inner, keyword, value)
    outer.RequestAttributesSequence = [inner]
    return outer


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientBirthDate", "19480211"),
        ("ReferringPhysicianName", "Doe^Jane"),
        ("OperatorsName", "Anonymous\\Doe^Jane"),
        ("OtherPatientIDs", "4711-X"),
        ("InstitutionAddress", "12 Main Street"),
        ("PatientAddress", "12 Main Street"),
        ("IssuerOfPatientID", "St. Elsewhere"),
        ("RequestAttributesSequence", [nested("RequestingPhysician", "Doe^Jane")]),
        ("OriginalAttributesSequence", [nested("PatientName", "Doe^Jane")]),
    ],
)
def test_what_identifies_a_person_is_found_at_any_depth(filled, keyword, value):
    setattr(filled.instances[3], keyword, value)
    items = read(filled.address)
    assert counts(items) == {"1.2.3.4": 3, "1.2.4.4": 2}
    (reject,) = rejects(items)
    assert (reject.name, reject.quarantine) == ("series 1.2.3.5", True)
    assert keyword in reject.place
    assert not any(text in repr(items) for text in ("Doe", "Main", "19480211", "4711", "Elsewhere"))


@pytest.mark.parametrize(
    "element",
    [
        {"00420011": {"vr": "OB", "BulkDataURI": "../bulk/00420011"}},
        {"00080090": {"vr": "PN", "Value": [{"Ideographic": "山田^太郎"}]}},
        {"00080090": {"vr": "PN", "Value": [{"Alphabetic": "A\u0001B"}]}},
        {"00080090": {"vr": "PN", "Value": ["Doe^Jane"]}},
        {"00080090": {"vr": "PN", "BulkDataURI": "../bulk/00080090"}},
    ],
)
def test_what_hides_what_it_is_does_not_come_in(filled, element):
    def hiding(path: str, answer: Answer) -> Answer:
        if "1.2.3.5/metadata" not in path:
            return answer
        (found,) = json.loads(answer[2])
        return 200, JSON, json.dumps([found | element]).encode()

    filled.changed = hiding
    items = read(filled.address)
    assert "1.2.3.5" not in counts(items)
    assert [reject.quarantine for reject in rejects(items)] == [True]


def test_an_instance_of_another_patient_does_not_join_the_series(filled):
    filled.instances[1].PatientID = filled.instances[1].PatientName = "P9"
    items = read(filled.address)
    assert counts(items)["1.2.3.4"] == 2
    (reject,) = rejects(items)
    assert (reject.name, reject.place, reject.quarantine) == ("series 1.2.3.4", "(0020,000D) StudyInstanceUID", True)
    assert "another Patient ID" in reject.problem


def refused(warehouse: Warehouse) -> list[QuarantineEntry]:
    """What did not come in; what came in under review is not asked for."""
    return [entry for entry in warehouse.control.quarantine() if not entry.review]


def test_a_series_is_not_fetched_again_unless_it_changed(filled, tmp_path):
    warehouse = Warehouse.open(tmp_path / "var")
    try:
        job = Job(locators=(filled.address,), collection="trial")
        assert run(warehouse, [job]).added == 3
        filled.changed = lambda _path, _answer: (404, "text/html", b"")
        assert [reject.name for reject in run(warehouse, [job]).rejects] == ["dicom-web"]
        assert len(refused(warehouse)) == 1
        filled.changed = lambda _path, answer: answer
        filled.asked.clear()
        assert run(warehouse, [job]).unchanged == 3
        assert not any("metadata" in path for path in filled.asked)
        assert refused(warehouse) == []
        filled.add(slice_of(tmp_path / "scans", 4))
        report = run(warehouse, [job])
        assert (report.added, report.replaced, report.unchanged) == (1, 1, 2)
    finally:
        warehouse.close()


SEGMENTATION = "binary"
REPORT = Path(__file__).parent / "sr" / "bidirectional" / "input.dcm"


def of_report(items: list[Yield]) -> list[str]:
    return sorted(repr(item) for item in items if not isinstance(item, SourceRecord | Reject))


def test_a_report_is_retrieved_and_read_as_its_file_is(filled):
    from ingest.sr.reader import SOURCE as REPORTS

    filled.add(REPORT)
    items = read(f"{filled.address}/studies/{filled.instances[-1].StudyInstanceUID}", attested=True)
    files = list(REPORTS.read(iter([str(REPORT)]), Context(collection="test", secret=b"x", attested=True)))
    assert len(files) > 5
    assert of_report(items) == of_report(files)
    (web_head,), (file_head,) = ([x for x in y if isinstance(x, SourceRecord)] for y in (items, files))
    assert (web_head.kind, web_head.digest) == ("sr", file_head.digest)
    assert web_head.locator.startswith(f"{filled.address}/studies/")


@pytest.mark.parametrize(
    "refusal", [(406, "text/html", b""), (200, "text/html", b"<html/>"), (200, "multipart/related; boundary=z", b"--z")]
)
def test_a_report_that_cannot_be_retrieved_is_read_from_its_metadata(filled, refusal):
    filled.add(REPORT)
    uid = filled.instances[-1].SOPInstanceUID
    filled.changed = lambda path, answer: refusal if path.endswith(uid) else answer
    items = read(f"{filled.address}/studies/{filled.instances[-1].StudyInstanceUID}", attested=True)
    assert rejects(items) == []
    assert "Measurement" in {type(item).__name__ for item in items}


def test_another_object_that_cannot_be_retrieved_is_told_and_the_rest_comes_in(filled):
    filled.add(Path(__file__).parent / "seg" / SEGMENTATION / "input.dcm")
    uid = filled.instances[-1].SOPInstanceUID
    filled.changed = lambda path, answer: (404, "text/html", b"") if path.endswith(uid) else answer
    items = read(filled.address, attested=True)
    assert counts(items) == WHOLE
    (reject,) = rejects(items)
    assert reject.place.endswith(f"/instances/{uid}")


def test_a_file_that_comes_without_parts_is_read_too(filled):
    filled.add(REPORT)
    uid = filled.instances[-1].SOPInstanceUID
    filled.changed = lambda path, answer: (
        (200, "application/dicom", REPORT.read_bytes()) if path.endswith(uid) else answer
    )
    assert [item.kind for item in read(filled.address, attested=True) if isinstance(item, SourceRecord)].count(
        "sr"
    ) == 1


def test_numbers_that_were_printed_as_binary_floats_are_the_decimals_that_they_were(archive, tmp_path):
    path = slice_of(tmp_path / "scans", 1)
    data = pydicom.dcmread(path)
    data.PixelSpacing, data.RepetitionTime = ["0.691406", "0.691406"], "4.744"
    archive.add(path)
    archive.instances[0] = data

    def printed(spath: str, answer: Answer) -> Answer:
        return answer[0], answer[1], answer[2].replace(b"0.691406", b"0.69140599999999997")

    archive.changed = printed
    (header,) = (item for item in read(archive.address) if isinstance(item, SeriesHeader))
    assert str(header.attributes["PixelSpacing"]) == "0.691406"


@pytest.mark.real
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not present")
def test_recorded_answers_of_an_archive_are_read(archive):
    answers = {
        "studies": "DWCLIENT_search_for_studies.json",
        "series": "DWCLIENT_search_for_series.json",
        "instances": "DWCLIENT_search_for_instances.json",
        "metadata": "DWCLIENT_retrieve_instance_metadata.json",
    }

    def recorded(target: str) -> Answer:
        level = urlsplit(target).path.rpartition("/")[2]
        if "offset" in target and "offset=0" not in target:
            return 204, "", b""
        return 200, JSON, (DATA / answers[level]).read_bytes()

    archive.answer = recorded  # type: ignore[method-assign]
    items = read(archive.address, attested=True)
    # the one answer with metadata, recorded without the patient's id, stands for all series: in most it is a stranger
    places = {"(0010,0020) PatientID", "(0020,000E) SeriesInstanceUID"}
    assert {reject.place for reject in rejects(items)} == places
    studies, series = (json.loads((DATA / answers[level]).read_bytes()) for level in ("studies", "series"))
    assert len(items) == len(studies) * len({found["0020000E"]["Value"][0] for found in series}) > 3
