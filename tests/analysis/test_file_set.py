"""Measurement sets out of files: what the gate refuses stays out, and segments are referred to."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import highdicom
import pydicom
import pytest

from analysis.file_set import images_in, of_files
from analysis.measurement_set import gathered
from analysis.selection import NoRecordsError, Selection, selected
from ingest import sr
from ingest.base import Yield
from ingest.run import Job, run
from ontology.records import Measurement, RegionFacts
from ontology.terms import q
from store.warehouse import OPERATOR, Warehouse
from tests.analysis.said import CONTEXT, written

HERE = Path(__file__).parents[1] / "ingest"
AIM = HERE / "aim" / "aim3_target_lesion" / "input.xml"
SEG = HERE / "seg" / "binary" / "input.dcm"
STUDY, SEGMENTATION = "1.2.826.0.1.3680043.10.998.1", "1.2.826.0.1.3680043.10.998.4.5"


def changed(folder: Path, old: str, new: str) -> str:
    text = AIM.read_text(encoding="utf-8")
    assert old in text
    path = folder / "input.xml"
    path.write_text(text.replace(old, new), encoding="utf-8")
    return str(path)


def test_what_the_gate_refuses_is_told_and_not_written(tmp_path: Path) -> None:
    path = changed(tmp_path, 'codeMeaning="Spiculated"', 'codeMeaning="call 212-555-0142"')
    given, rejects = of_files([path], CONTEXT)
    assert [item.problem for item in rejects] == ["looks like a telephone number"]
    assert not any("555-0142" in repr(item) for item in (*given.observations, *rejects))
    for form in ("aim", "sr"):
        for file in written(given, form, tmp_path / form).files:
            assert b"555-0142" not in file.read_bytes()


def test_nothing_is_written_of_a_subject_whose_id_is_a_name(tmp_path: Path) -> None:
    path = changed(tmp_path, ' id="P-001"', ' id="Example^Jane"')
    with pytest.raises(NoRecordsError, match="looks like a person's name") as refused:
        of_files([path], CONTEXT)
    assert "Jane" not in str(refused.value)


# segments


@pytest.fixture
def report(tmp_path: Path) -> str:
    """A report on the first segment of a segmentation."""
    document = pydicom.dcmread(HERE / "sr" / "segment" / "input.dcm")
    document.PatientID = "P-01"
    document.StudyInstanceUID = STUDY
    for element in document.iterall():
        if element.keyword == "ReferencedSegmentNumber":
            element.value = 1
        if element.keyword == "ReferencedSOPInstanceUID" and element.value == "1.2.826.0.1.3680043.10.999.6.6":
            element.value = SEGMENTATION
    document.save_as(tmp_path / "report.dcm")
    return str(tmp_path / "report.dcm")


def numbers(found: list[Yield]) -> list[tuple[object, ...]]:
    """The measurements that a term is known of, by value and region."""
    known = (item for item in found if isinstance(item, Measurement) and item.variable != q.UNMAPPED)
    return sorted((str(item.variable), str(item.statistic), str(item.value), item.unit, item.region) for item in known)


def test_a_group_of_a_segment_refers_to_it(report: str, tmp_path: Path) -> None:
    given, rejects = of_files([report, str(SEG)], CONTEXT)
    assert not rejects
    assert [item.region for item in given.observations if isinstance(item, Measurement)][:1] == [f"{SEGMENTATION}.1"]
    [path] = written(given, "sr", tmp_path / "out").files
    again = list(sr.read(iter([str(path)]), CONTEXT))
    assert numbers(again) == numbers(list(given.observations))
    [group] = highdicom.sr.srread(path).content.get_volumetric_roi_measurement_groups()
    assert group.reference_type.meaning == "Referenced Segment"
    [study] = pydicom.dcmread(path).CurrentRequestedProcedureEvidenceSequence
    [series] = study.ReferencedSeriesSequence
    assert [item.ReferencedSOPInstanceUID for item in series.ReferencedSOPSequence] == [SEGMENTATION]


def test_a_segmentation_that_is_not_known_is_told(report: str, tmp_path: Path) -> None:
    known, _ = of_files([report, str(SEG)], CONTEXT)
    assert not [reason for reason in written(known, "sr", tmp_path / "a").missing if "marked region" in reason]
    alone, _ = of_files([report], CONTEXT)
    result = written(alone, "sr", tmp_path / "b")
    assert [reason for reason in result.missing if "marked region" in reason]
    [path] = result.files
    assert not highdicom.sr.srread(path).content.get_volumetric_roi_measurement_groups()


@pytest.mark.parametrize("tool", ["dsrdump", "dciodvfy"])
def test_others_take_a_report_of_segments(report: str, tmp_path: Path, tool: str) -> None:
    if shutil.which(tool) is None:
        pytest.skip(f"{tool} (Debian dcmtk or dicom3tools) is not installed")
    given, _ = of_files([report, str(SEG)], CONTEXT)
    for path in written(given, "sr", tmp_path / "out").files:
        result = subprocess.run([tool, str(path)], capture_output=True, text=True, check=False)
        said = (result.stderr + result.stdout).splitlines()
        assert not [line for line in said if line.startswith(("Error", "E:"))]


def test_segments_out_of_the_warehouse_need_their_segmentations(report: str, tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path / "var")
    run(warehouse, [Job(locators=(report, str(SEG)), collection="c", attestation="test: made up")])
    given = selected(warehouse, Selection(collection="c"), OPERATOR)
    warehouse.close()
    assert sorted(segment.number for segment in given.segments.values()) == [1]
    assert not [group for group in given.groups() if group.segment]
    known = given.with_images(images_in([str(SEG.parent)]))
    assert {group.segment[0].segmentation for group in known.groups() if group.segment} == {SEGMENTATION}


def test_a_region_that_is_no_segment_is_none() -> None:
    facts = RegionFacts(key="k", subject="S", region="1.2.3.1", document="1.2.3", number=1)
    assert gathered("c", [facts]).segments == {}
