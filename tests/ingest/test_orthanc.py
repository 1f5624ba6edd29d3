"""A real Orthanc over DICOMweb and DIMSE: the same files say the same as from their folder."""

from __future__ import annotations

import signal
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pydicom
import pytest
import requests
from dicomweb_client.api import DICOMwebClient

from ingest import sources
from ingest.archives import dicomweb, dicomweb_server, dimse, dimse_server
from ingest.base import Context, Yield
from ingest.gate.private import private_rows
from ingest.run import Job, run
from ontology.records import Record, Reject, SeriesHeader, SourceRecord
from store.warehouse import OPERATOR, Warehouse
from tests.ingest.orthanc_server import BINARY, PASSWORD, PLUGIN, USER, Orthanc, running
from tests.ingest.test_run import slice_of

DATA = Path(__file__).parents[3] / "shared" / "data" / "imaging"
GOLDEN = Path(__file__).parent
READERS = ("dicom", "sr", "seg", "rt", "rwv")
pytestmark = [
    pytest.mark.orthanc,
    pytest.mark.skipif(BINARY is None or PLUGIN is None, reason="Orthanc or its DICOMweb plug-in is not installed"),
]


@pytest.fixture(scope="module")
def orthanc(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    with running(tmp_path_factory.mktemp("orthanc")) as server:
        yield server


@pytest.fixture(autouse=True)
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(dicomweb_server.USER, USER)
    monkeypatch.setenv(dicomweb_server.PASSWORD, PASSWORD)


def context() -> Context:
    return Context(collection="test", secret=b"x", attested=True)


OF_FILES = {"TransferSyntaxUID"}.union(row.keyword for row in private_rows())
"""How a file is encoded a server's metadata does not say, and private elements are read of files only."""


def by_source(items: list[Yield]) -> dict[str, list[Record]]:
    """The records by source: of a series by its UID, of another object by its content."""
    found: dict[str, list[Record]] = defaultdict(list)
    name = ""
    for item in items:
        if isinstance(item, SourceRecord):
            name = item.name if item.name.startswith("series ") else item.digest
        elif isinstance(item, SeriesHeader):
            plain = {key: value for key, value in item.attributes.items() if key not in OF_FILES}
            found[name].append(replace(item, attributes=plain))
        elif isinstance(item, Record):
            found[name].append(item)
    return found


def by_path(paths: list[Path]) -> dict[str, list[Record]]:
    accepted: dict[str, list[str]] = defaultdict(list)
    for path in paths:
        source = sources.accepting(str(path))
        if source is not None and source.name in READERS:
            accepted[source.name].append(str(path))
    items: list[Yield] = []
    for kind, locators in accepted.items():
        source = sources.accepting("", kind)
        assert source is not None
        items += source.read(iter(locators), context())
    return by_source(items)


def stored(orthanc: Orthanc, paths: list[Path]) -> list[Path]:
    return [path for path in paths if orthanc.store(path)]


def test_small_files_of_every_kind_say_the_same_from_both_places(orthanc, tmp_path):
    paths = [slice_of(tmp_path / "scans", number) for number in (1, 2, 3)]
    paths += [GOLDEN / "sr" / "bidirectional" / "input.dcm", GOLDEN / "seg" / "binary" / "input.dcm"]
    assert stored(orthanc, paths) == paths
    studies = {str(pydicom.dcmread(path).StudyInstanceUID) for path in paths}
    locators = [f"{orthanc.web}/studies/{study}" for study in sorted(studies)]
    web = by_source(list(dicomweb.read(iter(locators), context())))
    assert len(web) == 3
    assert web == by_path(paths)


@pytest.mark.real
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not present")
def test_real_files_say_the_same_from_both_places(orthanc):
    paths = sorted(path for kind in ("ct", "mr", "pet", "sr", "rwvm") for path in (DATA / f"dicom_{kind}").iterdir())
    paths = stored(orthanc, paths)
    assert len(paths) > 50
    files = by_path(paths)
    web = by_source(list(dicomweb.read(iter([orthanc.web]), context())))
    assert {name: web.get(name) for name in files} == files
    assert sum(name.startswith("series ") for name in files) > 5


def test_an_independent_client_finds_the_same_series(orthanc, tmp_path):
    stored(orthanc, [slice_of(tmp_path / "scans", number) for number in (1, 2, 3)])
    session = requests.Session()
    session.auth = (USER, PASSWORD)
    client = DICOMwebClient(orthanc.web.removeprefix("dicomweb+"), session=session)
    expected = {found["0020000E"]["Value"][0] for found in client.search_for_series()}
    server = dicomweb_server.Server(orthanc.web)
    assert {found["0020000E"]["Value"][0] for found in server.search("series")} == expected


def test_a_wrong_password_and_a_wrong_address_are_told(orthanc, monkeypatch):
    (reject,) = dicomweb.read(iter([f"{orthanc.web.removesuffix('dicom-web')}nothing"]), context())
    assert "nothing at this address" in reject.problem
    (reject,) = dicomweb.read(iter([f"{orthanc.web.removesuffix('dicom-web')}app/explorer.html"]), context())
    assert isinstance(reject, Reject)
    monkeypatch.setenv(dicomweb_server.PASSWORD, "wrong")
    (reject,) = dicomweb.read(iter([orthanc.web]), context())
    assert (reject.problem, reject.place) == (
        "the server does not know the credentials",
        "GET /studies?limit=200&offset=0",
    )
    assert "wrong" not in repr(reject)


def test_a_server_that_ends_midway_leaves_what_came_in(orthanc, tmp_path, monkeypatch):
    monkeypatch.setattr(dicomweb_server, "WAITS", ())
    folder = tmp_path / "own"
    folder.mkdir()
    with running(folder) as own:
        for number in range(1, 4):
            own.store(slice_of(tmp_path / "scans", 1, series=f"1.2.9.{number}"))
        items = dicomweb.read(iter([own.web]), context())
        before = [next(items) for _ in range(2)]  # the head of the first series, and its first record
        own.process.terminate()
        own.process.wait(30)
        rest = list(items)
    assert isinstance(before[0], SourceRecord)
    assert isinstance(rest[-1], Reject)
    assert "cannot be reached" in rest[-1].problem
    assert sum(isinstance(item, SeriesHeader) for item in rest) == 1


def test_a_run_goes_on_with_a_server_that_came_back(orthanc, tmp_path, monkeypatch):
    monkeypatch.setattr(dicomweb_server, "WAITS", (0.1,))
    folder = tmp_path / "own"
    folder.mkdir()
    warehouse = Warehouse.open(tmp_path / "var")
    try:
        with running(folder) as own:
            for number in range(1, 4):
                own.store(slice_of(tmp_path / "scans", 1, series=f"1.2.9.{number}"))
            within = f"{own.web}/studies/1.2.3/series/1.2.9.1"
            assert run(warehouse, [Job(locators=(within,), collection="trial", attestation="me")]).added == 1
        whole = Job(locators=(own.web,), collection="trial")
        gone = run(warehouse, [whole])
        assert (gone.added, ["cannot be reached" in reject.problem for reject in gone.rejects]) == (0, [True])
        with running(folder, (own.http, own.dicom)):
            again = run(warehouse, [whole])
        assert (again.added, again.unchanged, list(again.rejects)) == (2, 1, [])
    finally:
        warehouse.close()


def test_an_archive_that_limits_its_answers_is_told(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    with running(folder, LimitFindResults=1) as own:
        for number in range(1, 4):
            own.store(slice_of(tmp_path / "scans", 1, series=f"1.2.9.{number}"))
        web = list(dicomweb.read(iter([own.web]), context()))
        (told,) = dimse.read(iter([own.dimse]), context())
    (fewer,) = (item for item in web if isinstance(item, Reject))
    assert fewer.problem == "the server lists 2 of 3 series"  # it gives one more than its limit
    assert sum(isinstance(item, SeriesHeader) for item in web) == 2
    assert isinstance(told, Reject)
    assert "narrower query" in told.wanted


def test_pages_of_one_result_bring_all_of_them(orthanc, tmp_path, monkeypatch):
    stored(orthanc, [slice_of(tmp_path / "scans", number) for number in (1, 2, 3)])
    study = f"{orthanc.web}?StudyInstanceUID=1.2.3"
    whole = by_source(list(dicomweb.read(iter([study]), context())))
    monkeypatch.setattr(dicomweb_server, "PAGE", 1)
    assert by_source(list(dicomweb.read(iter([study]), context()))) == whole != {}
    assert list(dicomweb.read(iter([f"{orthanc.web}?PatientID=nobody"]), context())) == []


@pytest.mark.parametrize("reader", [dicomweb, dimse])
def test_a_modality_finds_its_series_alone(orthanc, tmp_path, reader):
    paths = [slice_of(tmp_path / "scans", number, series=f"1.2.7.{number}") for number in (1, 2)]
    for path, modality in zip(paths, ("PT", "CT"), strict=True):
        data = pydicom.dcmread(path)
        data.StudyInstanceUID, data.PatientID, data.PatientName, data.Modality = "1.2.7", "P7", "P7", modality
        data.save_as(path)
    stored(orthanc, paths)
    place = {dicomweb: orthanc.web, dimse: orthanc.dimse}[reader]
    items = list(reader.read(iter([f"{place}?PatientID=P7&Modality=PT"]), context()))
    assert [item.uid for item in items if isinstance(item, SeriesHeader)] == ["1.2.7.1"]
    assert not any(isinstance(item, Reject) for item in items)


def test_a_query_finds_the_series_with_their_sizes(orthanc, tmp_path):
    stored(orthanc, [slice_of(tmp_path / "scans", number) for number in (1, 2, 3)])
    items = list(dimse.read(iter([f"{orthanc.dimse}/studies/1.2.3"]), context()))
    (header,) = (item for item in items if isinstance(item, SeriesHeader))
    assert (header.uid, header.instance_count, header.modality) == ("1.2.3.4", 3, "dcm:CT")
    assert header.when is not None
    (head,) = (item for item in items if isinstance(item, SourceRecord))
    assert head.locator == f"{orthanc.dimse}#1.2.3.4"
    assert list(dimse.read(iter([f"{orthanc.dimse}?PatientID=nobody"]), context())) == []


def test_an_archive_that_does_not_know_us_refuses(orthanc, monkeypatch):
    monkeypatch.setattr(dimse_server, "WAITS", ())
    (reject,) = dimse.read(iter([orthanc.dimse.replace("ORTHANC", "OTHER")]), context())
    assert (reject.place, reject.problem) == ("association", "the archive refuses it")
    (reject,) = dimse.read(iter([f"dimse://ORTHANC@localhost:{orthanc.http}"]), context())
    assert reject.place == "association"


def test_every_level_lists_what_it_holds(orthanc, tmp_path):
    stored(orthanc, [slice_of(tmp_path / "scans", number) for number in (1, 2, 3)])
    with dimse_server.Archive(orthanc.dimse).associated() as association:
        (study,) = association.find("STUDY", {"StudyInstanceUID": "1.2.3", "PatientID": ""})
        (series,) = association.find("SERIES", {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4"})
        keys = {"StudyInstanceUID": "1.2.3", "SeriesInstanceUID": "1.2.3.4", "SOPInstanceUID": ""}
        images = association.find("IMAGE", keys)
    assert study.text("PatientID") == "P1"
    assert series.text("SeriesInstanceUID") == "1.2.3.4"
    assert len({image.text("SOPInstanceUID") for image in images}) == len(images) == 3


def test_an_archive_that_falls_silent_is_waited_for_no_longer_than_agreed(orthanc, tmp_path, monkeypatch):
    monkeypatch.setattr(dimse_server, "ANSWERING", 1.0)
    folder = tmp_path / "own"
    folder.mkdir()
    with running(folder) as own:
        own.store(slice_of(tmp_path / "scans", 1))
        try:
            with dimse_server.Archive(own.dimse).associated() as association:
                own.process.send_signal(signal.SIGSTOP)
                with pytest.raises(dimse_server.DimseError, match="did not answer in time") as refused:
                    association.find("STUDY", {"StudyInstanceUID": ""})
        finally:
            own.process.send_signal(signal.SIGCONT)
    assert (refused.value.place, "what came in stays" in refused.value.wanted) == ("C-FIND STUDY", True)


def test_what_came_by_query_gives_way_to_what_the_files_say(orthanc, tmp_path):
    paths = [slice_of(tmp_path / "scans", number) for number in (1, 2, 3)]
    stored(orthanc, paths)
    warehouse = Warehouse.open(tmp_path / "var")
    try:
        query = f"{orthanc.dimse}/studies/1.2.3"
        refused = run(warehouse, [Job(locators=(query,), collection="trial")])
        assert [reject.wanted for reject in refused.rejects] == ["the owner's attestation (--attest)"]
        job = Job(locators=(query,), collection="trial", attestation="me", audience="public")
        assert run(warehouse, [job]).added == 1
        run(warehouse, [Job(locators=(f"{orthanc.web}/studies/1.2.3", query), collection="trial")])
        thickness = "SELECT ?t { ?s <https://w3id.org/qilin/dicom#SliceThickness> ?t }"
        assert [row[0].value for row in warehouse.select(thickness, OPERATOR).rows] == ["2.5"]
    finally:
        warehouse.close()
