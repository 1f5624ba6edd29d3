"""What comes in under review: the steward is asked by place, and what is doubtful stays out until it is answered."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian
from typer.testing import CliRunner

from api.cli import app
from ingest.base import Context
from ingest.dicom.header import read_header
from ingest.gate.dicom import HEADER_KEYWORDS, Facts, facts_of
from ingest.gate.review import reviews_of
from ingest.gate.texts import text_flaw
from ontology.records import Measurement, Reject, SeriesHeader, StudyHeader
from store.warehouse import OPERATOR, Warehouse

TEXTS = {
    "SeriesDescription": "call 555-010-0142",
    "StudyDescription": "seen 12 March 2014",
    "ProtocolName": "jane@example.org",
    "Manufacturer": "Roe^Jane",
    "ContrastBolusAgent": "MRN 0047112",
}
CODES = "DeidentificationMethodCodeSequence"
MANY = ("113100", "113105", "113107", "113108", "113109")


def codes(*values: str, scheme: str = "DCM") -> list[dict[str, str]]:
    return [{"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": "option"} for value in values]


def facts(factory: Any, **changes: Any) -> Facts:
    return facts_of(read_header(factory.write("a.dcm", **changes), HEADER_KEYWORDS))


def places(factory: Any, collection: str = "test", **changes: Any) -> set[str]:
    found = reviews_of(facts(factory, **changes), Context(collection=collection))
    return {review.place.split()[-1] for review in found}


@pytest.mark.parametrize("keyword", TEXTS)
def test_a_text_like_an_identifier_stays_out_and_is_told_by_its_place(factory, keyword):
    factory.write("a.dcm", 1, **{keyword: TEXTS[keyword]})
    factory.write("b.dcm", 2, **{keyword: TEXTS[keyword]})
    asked: list[Reject] = []
    records = factory.read(attested=True, review=asked.append)
    assert TEXTS[keyword] not in str(records)
    assert [record.instance_count for record in records if isinstance(record, SeriesHeader)] == [2]
    [entry] = asked
    assert (entry.name, entry.review, entry.quarantine) == ("series 1.2.3.1.1", True, False)
    assert entry.place.endswith(keyword)
    assert TEXTS[keyword] not in str(entry)


@pytest.mark.parametrize("keyword", ["SeriesDescription", "StudyDescription"])
@pytest.mark.parametrize("attested", [True, False])
def test_an_approved_text_comes_in(factory, keyword, attested):
    factory.write("a.dcm", **{keyword: TEXTS[keyword]})
    asked: list[Reject] = []
    factory.read(attested=attested, review=asked.append)
    words = {(entry.content, entry.place) for entry in asked}
    records = factory.read(attested=attested, released=lambda *about: about in words, review=asked.append)
    found = [item.attributes.get(keyword) for item in records if isinstance(item, SeriesHeader)]
    found += [item.description for item in records if isinstance(item, StudyHeader)]
    assert TEXTS[keyword] in found


@pytest.mark.parametrize("attested", [True, False])
def test_every_text_waits_and_each_once(factory, attested):
    for number, text in enumerate(["T1 axial", "T1 axial", "T2"], 1):
        factory.write(f"{number}.dcm", number, SeriesInstanceUID=f"1.2.3.1.{number}", SeriesDescription=text)
    asked: list[Reject] = []
    factory.read(attested=attested, review=asked.append)
    assert [entry.problem for entry in asked] == ["is a text that nobody has approved"] * 2


@pytest.mark.parametrize(
    ("changes", "keyword"),
    [
        ({"PatientName": "Mouse"}, "PatientName"),
        ({"PatientID": "4711223", "PatientName": ""}, "PatientID"),
        ({CODES: codes("113107")}, CODES),
        ({CODES: [*codes(*MANY), *codes("1", scheme="99X")]}, CODES),
        ({"DeidentificationMethod": "XNAT DicomEdit 6", CODES: None}, "DeidentificationMethod"),
        ({"DeidentificationMethod": "our script", CODES: None}, "DeidentificationMethod"),
        ({"StudyDate": "20140312", CODES: codes("113100")}, "StudyDate"),
        ({"StudyDate": "20140312", CODES: codes("113100", "113106")}, "StudyDate"),
        ({"PatientWeight": "70", CODES: codes("113100")}, "PatientWeight"),
    ],
)  # fmt: skip
def test_what_is_doubtful_is_told(factory, changes, keyword):
    assert keyword in places(factory, **changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"PatientID": "471122", "PatientName": "", "collection": "NLST"},
        {"DeidentificationMethod": "DCM:113100/113107", CODES: None},
        {"StudyDate": "20140312", "PatientWeight": "70"},
        {"PatientName": "Anonymous"},
    ],
)
def test_what_is_as_it_should_be_is_not_told(factory, changes):
    assert not places(factory, **changes)


def test_what_the_profile_removes_and_no_option_keeps_stays_out(factory):
    kept = {"PatientAge": "060Y", "PatientWeight": "70", "Modality": "PT"}
    factory.write("a.dcm", **kept, DeidentificationMethodCodeSequence=codes("113100"))
    records = factory.read()
    assert not [record for record in records if isinstance(record, Measurement)]
    assert [record.attributes.get("PatientWeight") for record in records if isinstance(record, SeriesHeader)] == [None]
    factory.write("a.dcm", **kept)
    assert [record.key for record in factory.read() if isinstance(record, Measurement)] == ["PatientAge"]


UNREMOVED = [
    {"Occupation": "Quarxley"},
    {"PregnancyStatus": 4},
    {"RequestAttributesSequence": [{"ScheduledProcedureStepDescription": "Quarxley"}]},
    {"ContentSequence": [{"ContentSequence": [{"TextString": "Quarxley"}]}]},
]


@pytest.mark.parametrize("changes", UNREMOVED)
@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian])
def test_what_the_profile_removes_and_is_never_stored_is_told_where_no_option_keeps_it(factory, changes, syntax):
    basic, kept = codes("113100"), codes("113100", "113105", "113108")
    factory.write("a.dcm", **changes, TransferSyntaxUID=syntax, DeidentificationMethodCodeSequence=basic)
    asked: list[Reject] = []
    records = factory.read(review=asked.append)
    [entry] = [entry for entry in asked if "no option" in entry.problem]
    assert entry.review
    assert f"({entry.place.split()[-1]})" not in str(records)
    assert "Quarxley" not in str([*records, *asked])
    factory.write("a.dcm", **changes, TransferSyntaxUID=syntax, DeidentificationMethodCodeSequence=kept)
    again: list[Reject] = []
    factory.read(review=again.append)
    assert entry.place not in {entry.place for entry in again} or "TextString" in entry.place


def test_empty_values_of_what_the_profile_removes_are_not_told(factory):
    assert not places(factory, Occupation="", PatientComments=" ", RequestAttributesSequence=[{}])


@pytest.mark.parametrize(
    "text",
    [
        *("12/03/1961", "call 555-010-0142", "a@b.org", "MRN: 4711", "scan 471122"),
        *("Dr. Who", "ROE^JANE", "see www.x.org", "10.0.0.7"),
    ],
)  # fmt: skip
def test_forms_of_identifiers_in_texts(text):
    assert text_flaw("SeriesDescription", text)


@pytest.mark.parametrize("text", ["AX T1 POST", "CT 2.5mm B31f", "PET WB 3D AC", "t2_tse_tra_512", "Series 12345"])
def test_texts_of_series_are_no_identifiers(text):
    assert text_flaw("SeriesDescription", text) is None


def qilin(*words: object) -> Any:
    return CliRunner().invoke(app, list(map(str, words)))


def told() -> set[str]:
    rows = Warehouse.open().select("SELECT ?t { ?s q:seriesDescription|dicom:SeriesDescription ?t }", OPERATOR).rows
    return {row[0].value for row in rows if row[0] is not None}


def test_a_steward_sees_a_text_approves_it_and_takes_the_word_back(factory, tmp_path, monkeypatch):
    home = tmp_path.parent / f"{tmp_path.name}-var"
    monkeypatch.setenv("QILIN_HOME", str(home))
    factory.write("a.dcm", SeriesDescription="arm of Zebulon")
    ingest = ("ingest", tmp_path, "--collection", "toys")
    signed = ("--by", "Jo", "--reason", "no name of a person")
    assert qilin(*ingest).exit_code == 0
    assert not told()
    assert not _holding(home, b"Zebulon")
    [entry] = json.loads(qilin("quarantine", "list", "--json").stdout)
    assert "arm of Zebulon" in qilin("quarantine", "text", entry["id"]).stdout
    assert qilin("quarantine", "release", entry["id"], *signed).exit_code == 0
    assert not _holding(home, b"Zebulon")
    qilin(*ingest)
    assert told() == {"arm of Zebulon"}
    assert json.loads(qilin("quarantine", "list", "--json").stdout) == []
    [release] = json.loads(qilin("quarantine", "releases", "--json").stdout)
    qilin("quarantine", "take-back", release["id"], *signed)
    qilin(*ingest)
    assert not told()


def _holding(home: Path, secret: bytes) -> list[Path]:
    return [path for path in home.rglob("*") if path.is_file() and secret in path.read_bytes()]


COIL = {"MRReceiveCoilSequence": [{"ReceiveCoilName": "Roe^Jane"}]}
TAKEN_OVER = {"UnassignedPerFrameConvertedAttributesSequence": [{"SeriesDescription": "call 555-010-0142"}]}
TRACER = {"Radiopharmaceutical": "jane@example.org"}


@pytest.mark.parametrize(
    ("planted", "place", "said"),
    [
        ({"SharedFunctionalGroupsSequence": [COIL]}, "ReceiveCoilName", "Roe"),
        ({"PerFrameFunctionalGroupsSequence": [{}, COIL]}, "ReceiveCoilName", "Roe"),
        ({"PerFrameFunctionalGroupsSequence": [TAKEN_OVER]}, "SeriesDescription", "555-010"),
        ({"RadiopharmaceuticalInformationSequence": [TRACER]}, "Radiopharmaceutical", "jane"),
    ],
)
def test_a_text_within_sequences_is_reviewed_as_one_at_the_top(factory, planted, place, said):
    """It stays out, the steward is asked by its place, and the image comes in."""
    factory.write("a.dcm", **planted)
    asked: list[Reject] = []
    records = factory.read(attested=True, review=asked.append)
    [header] = (record for record in records if isinstance(record, SeriesHeader))
    assert place not in header.attributes
    assert said not in str(records)
    assert [entry.place.split()[-1] for entry in asked] == [place]
    released = factory.read(attested=True, released=lambda content, _place: content == asked[0].content)
    [header] = (record for record in released if isinstance(record, SeriesHeader))
    assert place in header.attributes


def test_the_number_of_a_site_is_not_taken_for_that_of_a_person():
    assert text_flaw("ClinicalTrialSiteID", "76952311") is None
    assert text_flaw("ClinicalTrialProtocolName", "76952311") == "a number of six digits or more"
    assert text_flaw("ClinicalTrialSiteID", "MRN 76952311")
    assert text_flaw("ClinicalTrialSiteID", "123456789")
