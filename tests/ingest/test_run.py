"""The run: what comes in, what does not and why, what replaces what."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from ingest.run import Job, NothingToDoError, Report, run
from store.warehouse import OPERATOR, Warehouse

AIM = "gme://caCORE.caCORE/4.4/edu.northwestern.radiology.AIM"
DOCTYPE = f'<!DOCTYPE x [<!ENTITY a "b">]><ImageAnnotationCollection xmlns="{AIM}"/>'
HEADER = (
    "PatientID,age,clinical.T.Stage,Clinical.N.Stage,Clinical.M.Stage,Overall.Stage,Histology,gender,"
    "Survival.time,deadstatus.event\n"
)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse.open(tmp_path / "var")
    yield opened
    opened.close()


def slice_of(folder: Path, number: int, patient: str = "P1", series: str = "1.2.3.4") -> Path:
    """A CT slice, marked as de-identified, without pixels."""
    data = pydicom.Dataset()
    data.SOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    data.SOPInstanceUID = f"{series}.{number}"
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.3", series
    data.PatientID = data.PatientName = patient
    data.PatientIdentityRemoved, data.DeidentificationMethod = "YES", "by hand"
    data.StudyDate, data.Modality, data.SliceThickness = "20200110", "CT", "2.5"
    data.ImagePositionPatient, data.ImageOrientationPatient = [0, 0, 2.5 * number], [1, 0, 0, 0, 1, 0]
    data.Rows = data.Columns = 2
    data.BitsAllocated = data.BitsStored = 16
    data.HighBit, data.PixelRepresentation, data.SamplesPerPixel = 15, 0, 1
    data.PhotometricInterpretation = "MONOCHROME2"
    data.PixelData = bytes(8)
    data.file_meta = pydicom.dataset.FileMetaDataset()
    data.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    folder.mkdir(exist_ok=True)
    path = folder / f"{series}-{number}.dcm"
    data.save_as(path, enforce_file_format=True)
    return path


def ingest(warehouse: Warehouse, *locators: Path, collection: str = "trial") -> Report:
    job = Job(locators=tuple(map(str, locators)), collection=collection, audience="public")
    return run(warehouse, [job])


def values(warehouse: Warehouse, query: str) -> list[list[str]]:
    return [[term.value for term in row if term] for row in warehouse.select(query, OPERATOR).rows]


def test_broken_files_are_told_by_file_and_place_and_the_rest_goes_in(warehouse: Warehouse, tmp_path: Path) -> None:
    site = tmp_path / "site"
    for number in range(3):
        slice_of(site, number)
    whole = slice_of(site, 9, series="1.2.3.9").read_bytes()
    (site / "1.2.3.9-9.dcm").unlink()
    (site / "cut.dcm").write_bytes(whole[:400])
    (site / "lie.dcm").write_text("<html>not found</html>")
    (site / "doctype.xml").write_text(DOCTYPE)
    (site / "keyless.csv").write_text(HEADER.replace("PatientID,", "") + "60,1,0,0,I,nos,male,100,1\n")
    (site / "page.csv").write_text("<!DOCTYPE html><html><body>404</body></html>")
    (site / "notes.bin").write_bytes(bytes(range(256)))
    (site / "lung1.csv").write_text(HEADER + "P1,60,2,0,0,I,adenocarcinoma,male,100,1\n")
    report = ingest(warehouse, site)
    assert report.exit_status == 1
    told = {reject.name: reject for reject in report.rejects}
    assert told.keys() == {"cut.dcm", "lie.dcm", "doctype.xml", "keyless.csv", "page.csv", "notes.bin"}
    assert all(reject.place and reject.problem and reject.wanted for reject in report.rejects)
    assert "DOCTYPE" in told["doctype.xml"].problem
    assert "PatientID" in told["keyless.csv"].wanted + told["keyless.csv"].problem
    assert values(warehouse, "SELECT ?n { ?s a q:Series ; q:instanceCount ?n }") == [["3"]]
    assert values(warehouse, "SELECT ?r { ?f q:variable ncit:C28108 ; q:raw ?r }") == [["I"]]
    listed = [entry for entry in warehouse.control.quarantine("trial") if not entry.review]
    assert {entry.name for entry in listed} == told.keys()
    (site / "cut.dcm").write_bytes(whole)
    again = ingest(warehouse, site)
    assert "cut.dcm" not in {entry.name for entry in warehouse.control.quarantine("trial")}
    assert (again.added, again.unchanged) == (1, 2)


def test_a_file_that_is_not_there_is_said_to_be_missing(warehouse: Warehouse, tmp_path: Path) -> None:
    (reject,) = ingest(warehouse, tmp_path / "nowhere.csv").rejects
    assert (reject.name, reject.problem) == ("nowhere.csv", "is not there")


def test_a_folder_read_again_or_elsewhere_changes_nothing(warehouse: Warehouse, tmp_path: Path) -> None:
    slice_of(tmp_path / "a", 1)
    first = ingest(warehouse, tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    again = ingest(warehouse, tmp_path / "a", tmp_path / "b")
    assert (again.added, again.replaced, again.generation) == (0, 0, first.generation)


def test_a_changed_file_replaces_exactly_its_own_records(warehouse: Warehouse, tmp_path: Path) -> None:
    site = tmp_path / "site"
    slice_of(site, 1)
    table = site / "lung1.csv"
    table.write_text(HEADER + "P1,60,2,0,0,I,adenocarcinoma,male,100,1\nP2,61,2,0,0,II,nos,male,200,0\n")
    ingest(warehouse, site)
    images = values(warehouse, "SELECT ?s ?p ?o { ?s a q:Series ; ?p ?o } ORDER BY ?p ?o")
    table.write_text(HEADER + "P1,60,2,0,0,IIIb,adenocarcinoma,male,100,1\n")
    report = ingest(warehouse, site)
    assert (report.added, report.replaced, report.unchanged) == (1, 1, 1)
    assert values(warehouse, "SELECT ?i ?r { ?f q:variable ncit:C28108 ; q:raw ?r ; q:subject/q:identifier ?i }") == [
        ["P1", "IIIb"]
    ]
    assert values(warehouse, "SELECT ?i { ?s a q:Subject ; q:identifier ?i }") == [["P1"]]
    assert values(warehouse, "SELECT ?s ?p ?o { ?s a q:Series ; ?p ?o } ORDER BY ?p ?o") == images


def test_a_uid_under_a_second_subject_is_quarantined(warehouse: Warehouse, tmp_path: Path) -> None:
    slice_of(tmp_path / "a", 1, patient="P1")
    slice_of(tmp_path / "b", 2, patient="P2")
    ingest(warehouse, tmp_path / "a")
    report = ingest(warehouse, tmp_path / "b")
    assert report.rejects
    assert all(reject.quarantine and "another subject" in reject.problem for reject in report.rejects)
    assert "P2" not in str(report.rejects)
    assert values(warehouse, "SELECT ?i { ?s a q:Series ; q:subject/q:identifier ?i }") == [["P1"]]


def test_a_new_collection_starts_in_its_own_audience(warehouse: Warehouse, tmp_path: Path) -> None:
    from store.warehouse import ANONYMOUS

    slice_of(tmp_path / "a", 1)
    run(warehouse, [Job(locators=(str(tmp_path / "a"),), collection="private")])
    assert warehouse.select("SELECT ?s { ?s a q:Series }", ANONYMOUS).rows == ()
    assert len(warehouse.select("SELECT ?s { ?s a q:Series }", OPERATOR).rows) == 1


def test_what_cannot_be_read_at_all_is_said(warehouse: Warehouse, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(NothingToDoError, match="nothing to read"):
        ingest(warehouse, tmp_path / "empty")
    report = run(warehouse, [Job(locators=("idc://qin_brest",), collection="idc")])
    assert "qin_breast" in report.rejects[0].wanted
    assert warehouse.generations.folder() is None


def test_a_corrected_subject_takes_its_images_along(warehouse: Warehouse, tmp_path: Path) -> None:
    """Two series of one study at the same place, now under the right patient, are a change and no conflict."""
    for series in ("1.2.3.4", "1.2.3.5"):
        slice_of(tmp_path / "a", 1, patient="P-WRONG", series=series)
    ingest(warehouse, tmp_path / "a")
    for series in ("1.2.3.4", "1.2.3.5"):
        slice_of(tmp_path / "a", 1, patient="P1", series=series)
    report = ingest(warehouse, tmp_path / "a")
    assert (report.rejects, report.replaced) == ([], 2)
    assert values(warehouse, "SELECT ?i { ?s a q:Study ; q:subject/q:identifier ?i }") == [["P1"]]


def test_the_same_content_twice_in_one_run_comes_in_once(warehouse: Warehouse, tmp_path: Path) -> None:
    slice_of(tmp_path / "x", 1)
    shutil.copytree(tmp_path / "x", tmp_path / "y")
    for name in ("x", "y"):
        (tmp_path / name / "lung1.csv").write_text(HEADER + "P1,60,2,0,0,I,adenocarcinoma,male,100,1\n")
    report = ingest(warehouse, tmp_path / "x" / "lung1.csv", tmp_path / "x", tmp_path / "y")
    assert (report.added, report.rejects) == (2, [])
    assert len(values(warehouse, "SELECT ?r { ?f q:variable ncit:C28108 ; q:raw ?r }")) == 1


def test_files_of_one_name_in_two_folders_are_two_places(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, site in enumerate(("a", "b")):
        (tmp_path / site).mkdir()
        row = f"P{number},60,2,0,0,I,adenocarcinoma,male,100,1\n"
        (tmp_path / site / "lung1.csv").write_text(HEADER + row)
        monkeypatch.chdir(tmp_path / site)
        report = ingest(warehouse, Path("lung1.csv"))
        assert report.replaced == 0
    assert len(values(warehouse, "SELECT ?s { ?s a q:Subject }")) == 2


def test_a_renamed_file_is_the_same_source_at_its_new_place(warehouse: Warehouse, tmp_path: Path) -> None:
    first, second = tmp_path / "lung1.csv", tmp_path / "old.csv"
    first.write_text(HEADER + "P1,60,2,0,0,I,adenocarcinoma,male,100,1\n")
    ingest(warehouse, first)
    first.rename(second)
    assert ingest(warehouse, second).unchanged == 1
    first.write_text(HEADER + "P2,60,2,0,0,I,adenocarcinoma,male,100,1\n")
    report = ingest(warehouse, first)
    assert (report.added, report.replaced) == (1, 0)
    assert len(values(warehouse, "SELECT ?s { ?s a q:Subject }")) == 2


def test_a_file_whose_name_is_not_utf8_is_told_and_the_rest_goes_in(warehouse: Warehouse, tmp_path: Path) -> None:
    slice_of(tmp_path / "a", 1)
    (tmp_path / "a" / os.fsdecode(b"M\xfcller.bin")).write_bytes(b"x")
    report = ingest(warehouse, tmp_path / "a")
    assert [reject.problem for reject in report.rejects] == ["the file's name is not UTF-8"]
    assert report.added == 1


def test_a_refused_name_of_a_lesion_does_not_take_its_measurements_along() -> None:
    from ingest.base import Context
    from ingest.gate import admit, bare
    from ontology.records import Lesion, Reject

    lesion = Lesion(subject="S1", key="T01", label="seen 1961-03-12")
    context = Context(collection="trial")
    assert isinstance(admit(lesion, context), Reject)
    assert bare(lesion) == Lesion(subject="S1", key="T01")


def test_what_did_not_come_in_of_an_unchanged_source_stays_listed(warehouse: Warehouse, tmp_path: Path) -> None:
    slice_of(tmp_path / "a", 1, patient="P1")
    slice_of(tmp_path / "b", 2, patient="P2")
    ingest(warehouse, tmp_path / "a")
    ingest(warehouse, tmp_path / "b")
    before = warehouse.control.quarantine("trial")
    assert before
    assert ingest(warehouse, tmp_path / "b").unchanged == 1
    assert warehouse.control.quarantine("trial") == before


def test_a_catalogue_leaves_no_empty_collection_behind(warehouse: Warehouse) -> None:
    run(warehouse, [Job(locators=("idc://qin_pet_phantom",), collection="idc")])
    assert list(warehouse.control.collections()) == ["qin_pet_phantom"]


def test_a_catalogue_says_the_licence_and_doi_of_its_images(warehouse: Warehouse) -> None:
    run(warehouse, [Job(locators=("idc://qin_pet_phantom",), collection="idc")])
    query = "SELECT ?doi ?licence { ?c a q:Collection ; dcterms:identifier ?doi ; dcterms:license ?licence }"
    (row,) = warehouse.select(query, OPERATOR).rows
    assert [term.value for term in row if term] == ["10.7937/k9/tcia.2015.zpukhckb", "CC BY 3.0"]


def test_images_become_nodes_where_they_are_asked_for_and_go_again(warehouse: Warehouse, tmp_path: Path) -> None:
    made = pydicom.dcmread(slice_of(tmp_path / "scans", 1))
    path = slice_of(tmp_path / "scans", 1, series="1.2.3.5")
    derived = pydicom.dcmread(path)
    derived.SourceImageSequence = [pydicom.Dataset()]
    derived.SourceImageSequence[0].ReferencedSOPInstanceUID = made.SOPInstanceUID
    derived.save_as(path)
    images = "SELECT ?image { ?image a q:Instance ; q:series ?series }"
    origin = "SELECT ?origin { <urn:oid:1.2.3.5> q:derivedFrom ?origin . ?origin a q:Series }"
    for everyone, number in ((False, 0), (True, 2), (False, 0)):
        job = Job(locators=(str(tmp_path / "scans"),), collection="trial", instances=everyone)
        assert run(warehouse, [job]).exit_status == 0
        assert len(warehouse.select(images, OPERATOR).rows) == number
        assert [row[0].value for row in warehouse.select(origin, OPERATOR).rows if row[0]] == ["urn:oid:1.2.3.4"]
