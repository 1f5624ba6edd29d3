"""Archives, indexes and other places: the same files say the same from each of them."""

from __future__ import annotations

import functools
import http.server
import io
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path

import fsspec
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset

from ingest import holders, staging
from ingest.base import Context
from ingest.gate.shown import NotShownError, shown
from ingest.run import Job, Report, run
from ingest.sources import accepting
from ingest.staging import Staging
from ontology.records import Reject
from store.warehouse import OPERATOR, Warehouse
from tests.ingest.test_run import slice_of

TABLE = "patient,day,note\nP1,3,x\n"


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse.open(tmp_path / "var")
    yield opened
    opened.close()


@pytest.fixture
def scans(tmp_path: Path) -> Path:
    """A folder with two series in folders of their own."""
    for number in (1, 2, 3):
        slice_of(tmp_path / "scans", number)
    (tmp_path / "scans" / "second").mkdir()
    slice_of(tmp_path / "scans" / "second", 1, series="1.2.3.5")
    return tmp_path / "scans"


def zipped(folder: Path, path: Path, inside: str = "") -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                packed.write(file, f"{inside}{file.relative_to(folder)}")
    return path


def ingest(warehouse: Warehouse, *locators: object, kind: str | None = None) -> Report:
    return run(warehouse, [Job(locators=tuple(map(str, locators)), collection="trial", audience="public", kind=kind)])


def locators(warehouse: Warehouse) -> list[str]:
    return sorted(source.locator for source in warehouse.control.sources())


def walked(*places: object) -> tuple[list[str], list[Reject]]:
    """What is yielded for places, as where it came from, and the rejects."""
    with Staging() as stage:
        found = list(stage.walk(map(str, places), lambda place: accepting(place) is not None))
        return [stage.origin(one) for one in found if isinstance(one, str)], [
            one for one in found if isinstance(one, Reject)
        ]


def test_an_archive_says_what_its_folder_says(warehouse, scans, tmp_path):
    packed = zipped(scans, tmp_path / "scans.zip", "baseline/")
    first = ingest(warehouse, packed)
    assert (first.added, first.rejects) == (2, [])
    assert locators(warehouse) == [f"{packed}!/baseline#1.2.3.4", f"{packed}!/baseline/second#1.2.3.5"]
    again = ingest(warehouse, scans)
    assert (again.added, again.unchanged) == (0, 2)


def test_an_archive_within_an_archive_is_read_and_one_too_deep_is_told(scans, tmp_path):
    inner = zipped(scans, tmp_path / "0.zip")
    for depth in (1, 2, 3):
        folder = tmp_path / f"holds-{depth}"
        folder.mkdir()
        inner.rename(folder / inner.name)
        inner = zipped(folder, tmp_path / f"{depth}.zip")
    found, rejects = walked(tmp_path / "3.zip")
    assert found == []
    assert [(reject.name, "too deep" in reject.problem) for reject in rejects] == [("0.zip", True)]
    second = tmp_path / "holds-3" / "2.zip"
    assert walked(second)[0][0] == f"{second}!/1.zip!/0.zip!/1.2.3.4-1.dcm"


def test_an_archive_without_files_is_said_to_be_empty(tmp_path):
    (tmp_path / "folder").mkdir()
    for name, folders in (("nothing.zip", ()), ("folders.zip", ("folder",))):
        with zipfile.ZipFile(tmp_path / name, "w") as packed:
            for folder in folders:
                packed.write(tmp_path / folder, folder)
        found, (reject,) = walked(tmp_path / name)
        assert (found, reject.name, reject.problem) == ([], name, "the archive is empty")


def test_a_part_of_an_archive_can_be_named(scans, tmp_path):
    packed = zipped(scans, tmp_path / "scans.zip")
    outer = tmp_path / "outer"
    outer.mkdir()
    packed.rename(outer / "scans.zip")
    packed = zipped(outer, tmp_path / "outer.zip")
    found, rejects = walked(f"{packed}!/scans.zip!/second")
    assert (found, rejects) == ([f"{packed}!/scans.zip!/second/1.2.3.5-1.dcm"], [])
    found, rejects = walked(f"{packed}!/elsewhere")
    assert (found, [reject.problem for reject in rejects]) == ([], ["is not there"])


def test_tables_and_what_describes_them_are_read_side_by_side_from_an_archive(warehouse, tmp_path):
    golden = Path(__file__).parent / "redcap"
    case = next(folder for folder in sorted(golden.iterdir()) if folder.is_dir() and list(folder.glob("*ictionary*")))
    folder_report = ingest(warehouse, case)
    packed = zipped(case, tmp_path / "export.zip")
    other = Warehouse.open(tmp_path / "other")
    try:
        report = ingest(other, packed)
        assert dict(report.records) == dict(folder_report.records)
        assert report.added == folder_report.added
    finally:
        other.close()


def test_one_dicom_file_at_a_time_is_laid_out_whole(scans, tmp_path):
    big = slice_of(scans, 9, series="1.2.3.9")
    data = pydicom.dcmread(big)
    data.Rows = data.Columns = 512
    data.PixelData = bytes(512 * 512 * 2)
    data.save_as(big)
    packed = zipped(scans, tmp_path / "scans.zip")
    with Staging() as stage:
        places = [str(place) for place in stage.walk([str(packed)], lambda place: accepting(place) is not None)]
        sizes = {Path(place).name: Path(place).stat().st_size for place in places}
        assert sizes[big.name] == staging.HEAD < big.stat().st_size
        for place in stage.whole(places):
            assert Path(place).stat().st_size == (scans / Path(place).relative_to(stage.folder / "0")).stat().st_size
            assert sum(Path(other).stat().st_size > staging.HEAD for other in places if Path(other).exists()) <= 1
        assert not any(Path(place).exists() for place in places)
    assert not stage.folder.exists()


@pytest.mark.parametrize("name", ["../out.csv", "/out.csv", "a/../../out.csv", "C:/out.csv", "a//b.csv", "a\nb.csv"])
def test_a_name_that_leads_elsewhere_is_refused(tmp_path, name):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr(name, TABLE)
        packed.writestr("good.csv", TABLE)
    found, rejects = walked(tmp_path / "a.zip")
    assert found == [f"{tmp_path}/a.zip!/good.csv"]
    assert [(reject.name, reject.place) for reject in rejects] == [("a.zip", "member")]
    assert not (tmp_path / "out.csv").exists()


def test_hidden_members_are_left_out(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        for name in ("__MACOSX/._a.csv", ".git/a.csv", "a/.b.csv", "a.csv"):
            packed.writestr(name, TABLE)
    assert walked(tmp_path / "a.zip") == ([f"{tmp_path}/a.zip!/a.csv"], [])


def test_an_archive_that_promises_more_than_it_can_hold_is_refused_unopened(tmp_path, monkeypatch):
    monkeypatch.setattr(holders, "MOST_TIMES", 2)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("zeros", bytes(3 << 20))
    found, rejects = walked(tmp_path / "bomb.zip")
    assert (found, [reject.name for reject in rejects]) == ([], ["bomb.zip"])
    assert "bomb" in rejects[0].wanted


def test_a_file_that_is_too_large_is_refused_and_the_rest_comes_in(tmp_path, monkeypatch):
    monkeypatch.setattr(staging, "LARGEST", 1000)
    with zipfile.ZipFile(tmp_path / "a.zip", "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.csv", TABLE)
        packed.writestr("large.csv", TABLE * 100)
    found, rejects = walked(tmp_path / "a.zip")
    assert found == [f"{tmp_path}/a.zip!/a.csv"]
    assert [(reject.name, "too large" in reject.problem) for reject in rejects] == [("large.csv", True)]


def test_broken_and_encrypted_members_are_told(tmp_path):
    path = tmp_path / "a.zip"
    with zipfile.ZipFile(path, "w") as packed:
        packed.writestr("broken.csv", TABLE * 50)
        packed.writestr("locked.csv", TABLE)
    content = bytearray(path.read_bytes())
    content[60:70] = bytes(10)  # within the first member, whose checksum fails
    second = content.rindex(b"PK\x01\x02")
    content[second + 8] |= 1  # the flag of encryption in the directory
    path.write_bytes(content)
    found, rejects = walked(path)
    assert found == []
    told = {reject.name: reject.problem for reject in rejects}
    assert told == {"broken.csv": "cannot be unpacked (BadZipFile)", "locked.csv": "is encrypted"}


def test_a_broken_archive_is_told_and_the_rest_comes_in(warehouse, scans):
    (scans / "cut.zip").write_bytes(b"PK\x03\x04" + bytes(40))
    report = ingest(warehouse, scans)
    assert report.added == 2
    assert [(reject.name, reject.place) for reject in report.rejects] == [("cut.zip", "file")]
    (scans / "cut.zip").unlink()
    zipped(scans / "second", scans / "cut.zip")
    ingest(warehouse, scans)
    assert all(entry.review for entry in warehouse.control.quarantine())


def test_office_documents_are_no_archives(tmp_path):
    with zipfile.ZipFile(tmp_path / "letter.docx", "w") as packed:
        packed.writestr("[Content_Types].xml", "<x/>")
        packed.writestr("word/data.csv", TABLE)
    assert walked(tmp_path / "letter.docx") == ([f"{tmp_path}/letter.docx"], [])


# DICOMDIR


def directory(folder: Path, *names: str) -> Path:
    """A DICOMDIR that names these files."""
    index = Dataset()
    index.DirectoryRecordSequence = []
    for name in names:
        record = Dataset()
        record.DirectoryRecordType = "IMAGE"
        record.add_new("ReferencedFileID", "LO", name.split("/"))
        index.DirectoryRecordSequence.append(record)
    index.file_meta = FileMetaDataset()
    index.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.1.3.10"
    index.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
    index.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    index.save_as(folder / "DICOMDIR", enforce_file_format=True)
    return folder / "DICOMDIR"


def medium(tmp_path: Path) -> Path:
    """A folder as on a medium: files without suffix, one of those that the index names missing, and one unnamed."""
    folder = tmp_path / "medium"
    folder.mkdir()
    (folder / "images").mkdir()
    for number, name in enumerate(("im0", "IM1", "im9"), 1):
        slice_of(folder, number).rename(folder / "images" / name)
    directory(folder, "IMAGES/IM0", "IMAGES/IM1", "IMAGES/IM2")
    return folder


def test_a_dicomdir_stands_for_the_files_that_it_names(tmp_path):
    folder = medium(tmp_path)
    found, rejects = walked(folder / "DICOMDIR")
    assert found == [f"{folder}/images/im0", f"{folder}/images/IM1"]
    assert [(reject.name, reject.place, reject.problem) for reject in rejects] == [
        ("DICOMDIR", "IM2 (record 3)", "names a file that is not there")
    ]


def test_in_a_folder_it_tells_what_is_missing_and_all_files_are_read(warehouse, tmp_path):
    folder = medium(tmp_path)
    found, rejects = walked(folder)
    assert sorted(found) == [f"{folder}/images/{name}" for name in ("IM1", "im0", "im9")]
    assert [reject.name for reject in rejects] == ["DICOMDIR"]
    report = ingest(warehouse, zipped(folder, tmp_path / "medium.zip"))
    assert report.records["SeriesHeader"] == 1
    assert [reject.place for reject in report.rejects] == ["IM2 (record 3)"]
    directory(folder, "IMAGES/IM0")
    ingest(warehouse, folder)
    assert all(entry.review for entry in warehouse.control.quarantine())


def test_a_name_in_a_dicomdir_leads_nowhere_else(tmp_path):
    folder = tmp_path / "medium"
    folder.mkdir()
    slice_of(tmp_path, 1)
    directory(folder, "../1.2.3.4-1.dcm")
    found, rejects = walked(folder)
    assert (found, len(rejects)) == ([], 1)


# conflicted copies


@pytest.mark.parametrize(
    "copy", ["{} (Jo's conflicted copy 2024-01-05){}", "{}.sync-conflict-20240105-101112-ABCDEFG{}"]
)
def test_a_conflicted_copy_counts_once_or_is_told(tmp_path, copy):
    folder = tmp_path / "shared"
    folder.mkdir()
    (folder / "a.csv").write_text(TABLE)
    copied = folder / copy.format("a", ".csv")
    copied.write_text(TABLE)
    alone = folder / copy.format("b", ".csv")
    alone.write_text(TABLE)
    kept = sorted([str(folder / "a.csv"), str(alone)])
    assert walked(folder) == (kept, [])
    copied.write_text(TABLE.replace("x", "y"))
    found, (told,) = walked(folder)
    assert (sorted(found), told.name) == (kept, copied.name)
    assert "conflicted copy" in told.problem
    assert walked(copied) == ([str(copied)], []), "who names a file means it"
    packed, (told,) = walked(zipped(folder, tmp_path / "a.zip"))
    assert (len(packed), told.name) == (2, copied.name)


def test_a_conflicted_copy_of_an_image_does_not_take_its_place(warehouse, scans):
    image = scans / "1.2.3.4-1.dcm"
    changed = pydicom.dcmread(image)
    changed.KVP = "100"
    changed.save_as(scans / "1.2.3.4-1 (conflicted copy).dcm")
    shutil.copy(image, scans / "second" / image.name)
    report = ingest(warehouse, scans)
    assert [(reject.name, report.added) for reject in report.rejects] == [("1.2.3.4-1 (conflicted copy).dcm", 2)]
    rows = warehouse.select("SELECT ?n { <urn:oid:1.2.3.4> q:instanceCount ?n }", OPERATOR).rows
    assert [row[0].value for row in rows] == ["3"]


# other places


def test_what_lies_in_a_store_that_fsspec_knows_is_read(warehouse, scans, tmp_path):
    memory = fsspec.filesystem("memory")
    try:
        memory.put(f"{scans}/", "/bucket/scans/", recursive=True)
        memory.pipe("/bucket/more.zip", zipped(scans / "second", tmp_path / "more.zip").read_bytes())
        report = ingest(warehouse, "memory://bucket/scans", "memory://bucket/nothing")
        assert report.added == 2
        assert locators(warehouse) == ["memory://bucket/scans#1.2.3.4", "memory://bucket/scans/second#1.2.3.5"]
        assert [(reject.name, reject.problem) for reject in report.rejects] == [
            ("nothing", "there is nothing at this place")
        ]
        assert walked("memory://bucket/more.zip!/nothing")[0] == []
        assert walked("memory://bucket/more.zip!/1.2.3.5-1.dcm") == walked("memory://bucket/more.zip")
        assert walked("memory://bucket/more.zip") == (["memory://bucket/more.zip!/1.2.3.5-1.dcm"], [])
    finally:
        memory.store.clear()
        memory.pseudo_dirs[:] = [""]


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[Path, str, list[str]]]:
    """A folder that is served by HTTP, its address, and the paths that were asked for."""
    folder = tmp_path / "web"
    folder.mkdir()
    asked: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_args):
            asked.append(self.path)

    served = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(folder)))
    thread = threading.Thread(target=served.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{served.server_port}", asked
    served.shutdown()
    thread.join()
    served.server_close()


def test_a_file_behind_a_web_address_is_read_and_its_token_is_not_kept(warehouse, scans, web):
    folder, address, _ = web
    zipped(scans, folder / "scans.zip")
    report = ingest(warehouse, f"{address}/scans.zip?token=s3cret")
    assert (report.added, report.rejects) == (2, [])
    assert locators(warehouse)[0] == f"{address}/scans.zip!#1.2.3.4"
    _, (reject,) = walked(f"{address}/missing.zip?token=s3cret")
    assert (reject.name, reject.problem) == ("missing.zip", "is not there, or its server does not answer")


# what is asked about it


def described(scans: Path, text: str) -> None:
    """Give the second series a text that a steward has to see, beyond the head of its file."""
    (path,) = (scans / "second").iterdir()
    data = pydicom.dcmread(path)
    data.SeriesDescription = text
    data.save_as(path)


def texts(warehouse: Warehouse) -> list[tuple[str, str]]:
    asked = [entry for entry in warehouse.control.quarantine() if entry.review]
    return [(item.file, item.text) for item in shown(warehouse, asked) if "SeriesDescription" in item.entry.place]


@pytest.mark.parametrize("inside", ["", "baseline/"])
def test_a_text_that_came_in_an_archive_is_shown_from_it(warehouse, scans, tmp_path, inside):
    described(scans, "arm of Zebulon")
    ingest(warehouse, zipped(scans, tmp_path / "scans.zip", inside))
    assert texts(warehouse) == [("1.2.3.5-1.dcm", "arm of Zebulon")]


def test_a_text_in_an_archive_within_one_is_shown_from_it(warehouse, scans, tmp_path):
    described(scans, "arm of Zebulon")
    (tmp_path / "outer").mkdir()
    zipped(scans, tmp_path / "outer" / "inner.zip")
    ingest(warehouse, zipped(tmp_path / "outer", tmp_path / "outer.zip"))
    assert texts(warehouse) == [("1.2.3.5-1.dcm", "arm of Zebulon")]


@pytest.mark.parametrize("address", ["{}/scans/", "{}/scans.zip"])
def test_a_text_that_came_from_the_web_is_shown_from_there(warehouse, scans, web, address):
    described(scans, "arm of Zebulon")
    folder, served, _ = web
    zipped(scans, folder / "scans.zip")
    shutil.copytree(scans, folder / "scans")
    ingest(warehouse, address.format(served))
    assert texts(warehouse) == [("1.2.3.5-1.dcm", "arm of Zebulon")]


def test_where_a_text_is_not_any_more_it_is_told(warehouse, scans, tmp_path):
    described(scans, "arm of Zebulon")
    packed = zipped(scans, tmp_path / "scans.zip")
    ingest(warehouse, packed)
    packed.unlink()
    with pytest.raises(NotShownError, match="is not where it was read"):
        texts(warehouse)


def test_a_place_that_does_not_answer_or_is_not_known_is_told(warehouse):
    _, (reject,) = walked("http://127.0.0.1:9/a.csv")
    assert "does not answer" in reject.problem
    report = ingest(warehouse, "nosuch://user:s3cret@host/a.csv")
    assert "s3cret" not in repr(report.rejects)


@pytest.mark.parametrize(
    "error", [ImportError("Install s3fs to access S3"), ModuleNotFoundError("No module named 's3fs'", name="s3fs.core")]
)
def test_a_kind_whose_package_is_missing_is_told_with_its_name(monkeypatch, error):
    def lacking(_url, **_options):
        raise error

    monkeypatch.setattr("fsspec.core.url_to_fs", lacking)
    found, rejects = walked("s3://bucket/scans")
    assert (found, rejects[0].wanted) == ([], "pip install s3fs")


def test_what_cannot_be_brought_in_again_is_rejected_by_its_reader(scans, tmp_path):
    packed = zipped(scans, tmp_path / "scans.zip")
    with Staging() as stage:
        places = [str(place) for place in stage.walk([str(packed)], lambda place: accepting(place) is not None)]
        for holder in stage._holders:
            holder.close()
        source = accepting(places[0])
        assert source is not None
        items = list(source.read(stage.whole(places), Context(collection="c")))
    assert len(items) == len(places)
    assert all(isinstance(item, Reject) for item in items)


def test_bytes_that_are_no_archive_are_no_holder(tmp_path):
    (tmp_path / "a.zip").write_bytes(io.BytesIO(b"PK\x03\x04 and nothing more").getvalue())
    with pytest.raises(holders.HolderError):
        holders.ZipHolder(tmp_path / "a.zip", "a.zip!")
