"""What is written is what others take: AIM by the order of its schema, SR by dcmtk, dicom3tools and highdicom."""

from __future__ import annotations

import csv
import re
import shutil
import subprocess
from collections import defaultdict
from pathlib import Path

import highdicom
import pydicom
import pytest
from lxml import etree

from analysis.measurement_set import Image
from ingest.aim import reader as aim
from tests.analysis.said import CONTEXT, set_of, written

HERE = Path(__file__).parent
AIM = HERE.parent / "ingest" / "aim"
CASES = ["aim3_study_dialect", "aim3_target_lesion", "aim4_array", "aim4_epad", "aim4_tracked"]
CT_IMAGE = "1.2.840.10008.5.1.4.1.1.2"
XSI = "{http://www.w3.org/2001/XMLSchema-instance}type"


def made(case, form, folder, *, images=False):
    given = set_of(aim.read(iter([str(AIM / case / "input.xml")]), CONTEXT))
    if images:
        seen = {(group.study, group.series) for group in given.groups() if group.series}
        given = given.with_images(Image(f"{series}.9", series, study, CT_IMAGE) for study, series in seen)
    return written(given, form, folder).files


def schema():
    """The children of each type in their order: those of AIM_v4_rv44 that we write, which no copy of it is here for."""
    found = defaultdict(list)
    with (HERE / "aim_schema.tsv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table, delimiter="\t"):
            found[row["type"]].append((row["element"], row["occurs"]))
    return found


OCCURS = {"0": "?", "1": "", "+": "+", "*": "*"}


@pytest.mark.parametrize("case", CASES)
def test_aim_has_the_elements_of_its_schema_in_their_order(case, tmp_path):
    types = {
        name: re.compile("".join(f"(?:{element} ){OCCURS[occurs]}" for element, occurs in children))
        for name, children in schema().items()
    }
    for path in made(case, "aim", tmp_path):
        root = etree.parse(path).getroot()
        assert root.get("aimVersion") == "AIMv4_0"
        for element in root.iter():
            name = etree.QName(element).localname
            kind = element.get(XSI, "") if name == "CharacteristicQuantification" else name
            children = "".join(f"{etree.QName(child).localname} " for child in element)
            if kind in types:
                assert types[kind].fullmatch(children), (kind, children)
            elif children and not name.lower().endswith("collection") and name != "imageAnnotations":
                assert children == "displayName ", (name, children)  # a code
            held = {"value", "root", "code", "nullFlavor"} & set(element.keys())
            assert children or held or name.endswith("displayName"), name


def test_uids_in_aim_are_uids(tmp_path):
    for path in made("aim4_tracked", "aim", tmp_path):
        roots = list(etree.parse(path).xpath("//@root"))
        assert roots
        assert all(re.fullmatch(r"[0-2](\.\d+)+", text) and len(text) <= 64 for text in roots)


@pytest.mark.parametrize("images", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_dcmtk_reads_reports(case, images, tmp_path):
    if shutil.which("dsrdump") is None:
        pytest.skip("dsrdump (Debian dcmtk) is not installed")
    for path in made(case, "sr", tmp_path, images=images):
        result = subprocess.run(["dsrdump", str(path)], capture_output=True, text=True, check=False)
        assert result.returncode == 0, result.stderr
        assert not [line for line in result.stderr.splitlines() if line.startswith("E:")]
        assert "Imaging Measurement Report" in result.stdout


@pytest.mark.parametrize("images", [False, True])
@pytest.mark.parametrize("case", CASES)
def test_dciodvfy_finds_no_error_in_reports(case, images, tmp_path):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian dicom3tools) is not installed")
    for path in made(case, "sr", tmp_path, images=images):
        result = subprocess.run(["dciodvfy", str(path)], capture_output=True, text=True, check=False)
        assert not [line for line in (result.stderr + result.stdout).splitlines() if line.startswith("Error")]
        assert "Comprehensive3DSR" in result.stderr + result.stdout


@pytest.mark.parametrize("case", CASES)
def test_highdicom_reads_reports(case, tmp_path):
    for path in made(case, "sr", tmp_path, images=True):
        report = highdicom.sr.srread(path)
        groups = report.content.get_image_measurement_groups()
        assert groups
        assert all(group.tracking_uid for group in groups)


def test_images_that_are_known_are_referred_to(tmp_path):
    (path,) = made("aim4_tracked", "sr", tmp_path, images=True)
    report = pydicom.dcmread(path)
    (study,) = report.CurrentRequestedProcedureEvidenceSequence
    assert study.StudyInstanceUID == report.StudyInstanceUID
    named = {
        item.ReferencedSOPInstanceUID
        for series in study.ReferencedSeriesSequence
        for item in series.ReferencedSOPSequence
    }
    assert named
    plain = pydicom.dcmread(made("aim4_tracked", "sr", tmp_path / "plain")[0])
    assert "CurrentRequestedProcedureEvidenceSequence" not in plain


def test_a_report_names_nobody_and_no_time_of_writing(tmp_path):
    for path in made("aim4_epad", "sr", tmp_path):
        report = pydicom.dcmread(path)
        assert report.PatientName == report.PatientID
        assert report.PatientIdentityRemoved == "YES"
        assert "InstanceCreationDate" not in report
