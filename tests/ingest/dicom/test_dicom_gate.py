from __future__ import annotations

import pytest

from ingest.dicom.header import Elements
from ingest.gate.dicom import header_flaw, is_dummy, person_like
from ontology.records import Reject, SeriesHeader

SECRETS = {
    "PatientName": "Roe^Jane",
    "OtherPatientNames": "Roe^Janet",
    "PatientBirthDate": "19610312",
    "PatientAddress": "12 Hill Road",
    "PatientTelephoneNumbers": "555-0142",
    "ReferringPhysicianName": "Poe^Edgar",
    "OperatorsName": "Mary Moe",
    "PatientMotherBirthName": "Zoe",
    "OtherPatientIDs": "77881234",
    "PatientID": "Roe^Jane",
}
TEXTS = {
    "SeriesDescription": "call 555-010-0142",
    "StudyDescription": "seen 12 March 2014",
    "ProtocolName": "jane@example.org",
    "Manufacturer": "Roe^Jane",
    "ContrastBolusAgent": "MRN 0047112",
}


@pytest.mark.parametrize("keyword", SECRETS)
def test_planted_identifier_is_quarantined_by_tag_and_never_told(factory, keyword):
    factory.write("good.dcm", 1)
    factory.write("bad.dcm", 2, **{keyword: SECRETS[keyword]})
    records = factory.read()
    (reject,) = [record for record in records if isinstance(record, Reject)]
    assert (reject.name, reject.quarantine) == ("bad.dcm", True)
    assert keyword in reject.place
    assert SECRETS[keyword] not in str(records)
    assert [record.instance_count for record in records if isinstance(record, SeriesHeader)] == [1]


@pytest.mark.parametrize("keyword", SECRETS)
def test_attestation_opens_for_nothing_that_identifies(factory, keyword):
    factory.write("bad.dcm", **{keyword: SECRETS[keyword]})
    (reject,) = factory.read(attested=True)
    assert (keyword in reject.place, reject.quarantine) == (True, True)


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"PatientIdentityRemoved": None}, "(0012,0062) PatientIdentityRemoved"),
        ({"PatientIdentityRemoved": "NO"}, "(0012,0062) PatientIdentityRemoved"),
        (
            {"DeidentificationMethod": None, "DeidentificationMethodCodeSequence": None},
            "(0012,0063) DeidentificationMethod",
        ),
        (
            {"DeidentificationMethod": "not anonymized", "DeidentificationMethodCodeSequence": None},
            "(0012,0063) DeidentificationMethod",
        ),
        (
            {"DeidentificationMethod": None, "DeidentificationMethodCodeSequence": [{"CodeValue": ""}]},
            "(0012,0063) DeidentificationMethod",
        ),
    ],
)
def test_attestation_stands_for_the_marks(factory, changes, place):
    factory.write("a.dcm", **changes)
    (reject,) = factory.read()
    assert (reject.place, reject.quarantine) == (place, True)
    records = factory.read(attested=True)
    assert [record.instance_count for record in records if isinstance(record, SeriesHeader)] == [1]


def test_method_as_code_sequence_suffices(factory):
    code = {"CodeValue": "113100", "CodingSchemeDesignator": "DCM", "CodeMeaning": "Basic Profile"}
    factory.write("a.dcm", DeidentificationMethod=None, DeidentificationMethodCodeSequence=[code])
    assert not [record for record in factory.read() if isinstance(record, Reject)]


CODED = [{"CodeValue": "Q1", "CodingSchemeDesignator": "99Q", "CodeMeaning": "Quarxley Hospital"}]
SEQUENCES = {
    "InstitutionCodeSequence": CODED,
    "PatientInsurancePlanCodeSequence": CODED,
    "IssuerOfAdmissionIDSequence": [{"LocalNamespaceEntityID": "Quarxley"}],
    "IssuerOfPatientIDQualifiersSequence": [{"UniversalEntityID": "Quarxley"}],
    "ReferringPhysicianIdentificationSequence": [{"PersonIdentificationCodeSequence": CODED}],
    "ReferencedPatientPhotoSequence": [{"StudyInstanceUID": "1.2.3"}],
    "OriginalAttributesSequence": [{"ModifyingSystem": "Quarxley"}],
}


@pytest.mark.parametrize("keyword", SEQUENCES)
@pytest.mark.parametrize("within", [False, True])
def test_sequences_that_identify_keep_a_file_out_at_any_depth(factory, keyword, within):
    told = {keyword: SEQUENCES[keyword]}
    factory.write("bad.dcm", **({"ReferencedStudySequence": [told]} if within else told))
    (reject,) = factory.read(attested=True)
    assert (keyword in reject.place, reject.quarantine) == (True, True)
    factory.write("bad.dcm", **{keyword: []})
    assert not [item for item in factory.read() if isinstance(item, Reject)]


@pytest.mark.parametrize("attested", [True, False])
def test_burned_in_text_is_quarantined(factory, attested):
    factory.write("a.dcm", BurnedInAnnotation="YES")
    (reject,) = factory.read(attested=attested)
    assert reject.place == "(0028,0301) BurnedInAnnotation"


@pytest.mark.parametrize(
    "text", ["Doe^Jane", "DOE^JANE^^DR", "Jane Doe", "O'Neil^Ann", "Müller^Jürgen", "王^小东", "Doe^^^^"]
)
def test_person_like(text):
    assert person_like(text)


@pytest.mark.parametrize(
    "text", ["LUNG1-001", "06^Breast-MR-UCSF", "1.2.840.113", "STS_001", "Phantom", "anon123", "^^^^"]
)
def test_not_person_like(text):
    assert not person_like(text)


@pytest.mark.parametrize("text", ["Anonymous", "ANONYMOUS^^", "----", "Removed", "de-identified"])
def test_dummy_names_pass(text):
    assert is_dummy(text)
    values = {"PatientID": ("P",), "PatientName": (text,), "ReferringPhysicianName": (text,)}
    assert header_flaw(Elements(values), attested=True) is None


def test_siemens_region_and_protocol_is_no_name():
    values = {"PatientID": ("P",), "StudyDescription": ("Head^Routine",), "ProtocolName": ("Abdomen^Library",)}
    assert header_flaw(Elements(values), attested=True) is None


RELEASABLE = {
    "BurnedInAnnotation": "YES",
    "PatientIdentityRemoved": "NO",
    "PatientName": "Lung Phantom",
}


@pytest.mark.parametrize("keyword", RELEASABLE)
def test_what_a_steward_answers_for_passes_that_check_for_that_file_alone(factory, keyword):
    factory.write("a.dcm", 1, **{keyword: RELEASABLE[keyword]})
    factory.write("b.dcm", 2, **{keyword: RELEASABLE[keyword]})
    first, second = factory.read()
    assert first.content
    assert first.content != second.content
    records = factory.read(released=lambda content, place: (content, place) == (first.content, first.place))
    assert [record.name for record in records if isinstance(record, Reject)] == ["b.dcm"]
    assert [record.instance_count for record in records if isinstance(record, SeriesHeader)] == [1]


@pytest.mark.parametrize("keyword", [keyword for keyword in SECRETS if keyword != "PatientID"])
def test_what_identifies_is_never_stored_also_after_a_release(factory, keyword):
    factory.write("bad.dcm", **{keyword: SECRETS[keyword]})
    (reject,) = factory.read()
    assert reject.content
    records = factory.read(released=lambda *about: about == (reject.content, reject.place))
    assert [record.instance_count for record in records if isinstance(record, SeriesHeader)] == [1]
    assert SECRETS[keyword] not in str(records)


def test_each_place_is_released_by_itself(factory):
    factory.write("bad.dcm", BurnedInAnnotation="YES", PatientBirthDate="19610312", OperatorsName="Mary Moe")
    places: list[str] = []
    while rejects := [
        item for item in factory.read(released=lambda _, place: place in places) if isinstance(item, Reject)
    ]:
        places.append(rejects[0].place)
    assert [place.split()[-1] for place in places] == ["OperatorsName", "PatientBirthDate", "BurnedInAnnotation"]


def test_all_that_may_be_released_of_a_file_is_told_at_once(factory):
    factory.write("bad.dcm", BurnedInAnnotation="YES", PatientBirthDate="19610312", OperatorsName="Mary Moe")
    told = factory.read()
    assert [item.place.split()[-1] for item in told] == ["OperatorsName", "PatientBirthDate", "BurnedInAnnotation"]
    answered = {(item.content, item.place) for item in told}
    records = factory.read(released=lambda *about: about in answered)
    assert [record.instance_count for record in records if isinstance(record, SeriesHeader)] == [1]


@pytest.mark.parametrize("identifier", ["Roe^Jane", "jane@example.org", "219-09-9999", "12.03.1961"])
def test_an_identifier_as_patient_id_is_not_released(factory, identifier):
    factory.write("bad.dcm", PatientID=identifier, PatientName="", BurnedInAnnotation="YES")
    (reject,) = factory.read(released=lambda _content, _place: True)
    assert (reject.place, reject.content) == ("(0010,0020) PatientID", "")


def test_a_name_is_no_patient_id(factory):
    factory.write("bad.dcm", PatientID="Jane Roe", PatientName="Jane Roe")
    (reject,) = factory.read(attested=True)
    assert (reject.place, reject.problem) == ("(0010,0020) PatientID", "looks like a person's name")


def test_a_released_name_is_not_stored(factory):
    factory.write("a.dcm", PatientName="Lung Phantom")
    records = factory.read(released=lambda _content, _place: True)
    assert records
    assert "Phantom" not in str(records)
