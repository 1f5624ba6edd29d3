"""The bundled table of the confidentiality profile, against a second source that was made from another edition."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from pydicom.datadict import dictionary_has_tag, dictionary_keyword, dictionary_VR

from ingest.dicom.elements import Elements
from ingest.dicom.watch import REMOVED, UNREMOVED, WATCHED
from ingest.gate.dicom import facts_of, method_of
from ingest.gate.profile import OPTIONS, profile, removed_by_profile, shapes
from ontology.fields import dicom_attributes
from ontology.terms import dcm

SECOND = Path(__file__).with_name("profile_2026c.tsv")
"""Tags and actions of edition 2026c, as dicom-anonymizer 2.1.0 (BSD licence) took them from the standard."""

ADDED_IN_2026D = {"3004007F"}
"""Dose Calculation Model Name."""


MARKS = [
    # as RSNA CTP, its profile for The Cancer Imaging Archive, and the RSNA anonymizer write it
    ("CTP Default: based on DICOM PS3.15 AnnexE. Details in 0012,0064", "passes"),
    ("Per DICOM PS 3.15 AnnexE. Details in 0012,0064", "passes"),
    ("RSNA DICOM ANONYMIZER", "passes"),
    ("ACR TRIAD 4.9", "passes"),  # made up: no text of TRIAD was seen
    # the codes as text, and the profile by name (gdcmanon, Orthanc, DicomBrowser)
    ("DCM:113100/113105/113107/113108/113109/113111", "passes"),
    ("BASIC APPLICATION LEVEL CONFIDENTIALITY PROFILE", "passes"),
    ("Orthanc 1.12.1 - PS 3.15-2017c Table E.1-1 Basic Profile", "passes"),
    # scripts of sites
    ("NRG DicomBrowser 1.5.2, DICOM Basic Profile script", "review"),
    ("dicomedit used to anonymize PII tags", "review"),
    ("DIAN common deidentification v001", "review"),
    ("HIPAA Safe Harbor", "review"),
    ("Anonimizado por mim", "review"),
    ("dcanon\\no identifiers\\keep descriptions\\keep dates", "review"),
    # made up: no text of these was seen
    ("OsiriX Anonymizer", "review"),
    ("Horos", "review"),
    ("3D Slicer DICOM de-identification", "review"),
    ("PMOD anonymized", "review"),
    # a profile that was followed in part
    ("AviRadiology AI / PS3.15 Basic Profile (subset)", "review"),
    ("limited direct-identifier removal v0.2", "review"),
    ("Limited Data Set, basic profile", "review"),
    # nothing was done
    ("not anonymized", "missing"),
    ("None", "missing"),
    ("", "missing"),
]
"""Texts of DeidentificationMethod, as programs that are published write them, and what is made of them."""


def second() -> dict[str, str]:
    with SECOND.open(encoding="utf-8") as lines:
        return {row["tag"]: row["basic"] for row in csv.DictReader(lines, delimiter="\t") if "(" not in row["tag"]}


def test_the_table_says_what_the_second_source_says():
    ours = {tag: action.basic for tag, action in profile().items() if "x" not in tag and tag != "PRIVATE"}
    assert set(ours) - set(second()) == ADDED_IN_2026D
    assert {tag: basic for tag, basic in ours.items() if tag not in ADDED_IN_2026D} == second()


def test_the_table_is_sorted_and_speaks_of_attributes_that_there_are():
    tags = [tag for tag in profile() if "x" not in tag and tag != "PRIVATE"]
    assert tags == sorted(tags)
    assert len(tags) > 650
    newer = [tag for tag in tags if int(tag[:4], 16) > 2 and not dictionary_has_tag(int(tag, 16))]
    assert len(newer) < 30  # attributes that came after the edition of pydicom's dictionary


def test_every_option_is_a_code_of_the_standard():
    assert {code for action in profile().values() for code in action.options} <= OPTIONS
    assert {str(code).partition(":")[2] for code in vars(dcm).values() if isinstance(code, str)} >= OPTIONS


def test_what_is_watched_is_in_the_table_but_for_what_is_older_than_it():
    known = (int(tag, 16) for tag in profile() if "x" not in tag and tag != "PRIVATE")
    named = {dictionary_keyword(tag) for tag in known if dictionary_has_tag(tag)}
    assert set(WATCHED) - named <= NOT_IN_THE_TABLE
    assert {*REMOVED} < named


def test_all_that_the_profile_removes_is_watched_dropped_under_review_or_no_text_of_its_own():
    single = ((tag, action) for tag, action in profile().items() if "x" not in tag and tag != "PRIVATE")
    tags = {int(tag, 16) for tag, action in single if action.basic == "X"}
    named = {tag: dictionary_VR(tag) for tag in tags if dictionary_has_tag(tag) and tag >> 16}
    passed = {dictionary_keyword(tag) for tag, vr in named.items() if vr not in UNREMOVED} - set(WATCHED)
    assert passed <= {*dicom_attributes(), "PatientAge", "StudyDescription"}


NOT_IN_THE_TABLE = {
    *("AddressTrial", "DistributionAddress", "InstitutionalDepartmentName", "IssuerOfServiceEpisodeID"),
    *("CurrentObserverTrial", "DocumentAuthorTrial", "EvaluatorName", "SecondaryReviewerName", "VerbalSourceTrial"),
    *("IssuerOfPatientIDQualifiersSequence", "PatientBirthDateInAlternativeCalendar"),
}


def test_what_is_stored_and_removed_by_the_profile_has_an_option_that_keeps_it():
    asked = {keyword: removed_by_profile(keyword) for keyword in dicom_attributes()}
    assert [keyword for keyword, keeping in asked.items() if keeping is not None and not keeping] == []
    assert asked["PatientWeight"] == {"113108"}
    assert asked["SeriesDescription"] == {"113105"}


@pytest.mark.parametrize(("text", "verdict"), MARKS)
def test_what_programs_write_of_themselves_has_a_verdict(text, verdict):
    header = Elements({"DeidentificationMethod": tuple(text.split("\\"))})
    assert method_of(facts_of(header)) == verdict


def test_the_code_of_a_script_of_xnat_is_looked_at():
    """DicomEdit writes the number of the script as a code of scheme XNAT, and no text."""
    code = Elements(
        {"CodeValue": ("1",), "CodingSchemeDesignator": ("XNAT",), "CodeMeaning": ("XNAT DicomEdit 6 Script",)}
    )
    assert method_of(facts_of(Elements({}, {"DeidentificationMethodCodeSequence": (code,)}))) == "review"


def test_shapes_of_published_collections():
    assert shapes()["nlst"].fullmatch("100002")
    assert not shapes()["nlst"].fullmatch("1000021")
