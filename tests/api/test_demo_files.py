"""The demonstration files: the same bytes for the same seed, and through the ordinary readers what was put in."""

from __future__ import annotations

import hashlib
from collections import Counter
from decimal import Decimal
from pathlib import Path

import pydicom
import pytest

from api.demo import COLLECTION, SEED, DemoFiles, write_demo
from api.demo.aim_files import SPREADSHEET_READERS, write_aim
from api.demo.cohort import make
from api.demo.dicom_files import protocols, series_uid
from api.demo.disease import DRUGS
from api.demo.model import Reading, Seen
from api.demo.redcap_files import write_redcap
from api.demo.table_files import write_labs, write_lesions, write_treatments
from api.demo.uids import tracking_uid
from ingest.aim import reader as aim
from ingest.base import Context, Source
from ingest.dicom import reader as dicom
from ingest.gate.records import admit
from ingest.observed.sites import Site, parts_of
from ingest.redcap import reader as redcap
from ingest.table import reader as table
from ontology.prefixes import Curie
from ontology.records import (
    Event,
    Finding,
    Measurement,
    Outcome,
    Record,
    Reject,
    Response,
    Series,
    SeriesHeader,
    SourceRecord,
    Treatment,
    When,
)
from ontology.terms import dcm, ncit

PATIENTS = make()
CONTEXT = Context(collection=COLLECTION, secret=b"demonstration")


def read(source: Source, *paths: Path) -> list[Record]:
    """The records of files, which the kind accepts, and of which the readers and the gate reject nothing."""
    locators = sorted(map(str, paths))
    assert all(map(source.accepts, locators))
    found = list(source.read(iter(locators), CONTEXT))
    assert not [item for item in found if isinstance(item, Reject)]
    assert any(isinstance(item, SourceRecord) for item in found)
    kept = [item for item in found if isinstance(item, Record)]
    assert not [item for item in kept if isinstance(admit(item, CONTEXT), Reject)]
    return kept


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> DemoFiles:
    return write_demo(tmp_path_factory.mktemp("demo"), subjects=5)


@pytest.fixture(scope="module")
def annotations(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    folder = tmp_path_factory.mktemp("aim")
    for patient in PATIENTS:
        write_aim(patient, folder, SEED)
    return read(aim.SOURCE, *folder.iterdir())


@pytest.fixture(scope="module")
def clinical(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    folder = tmp_path_factory.mktemp("redcap")
    write_redcap(PATIENTS, folder / "data.csv", folder / "dictionary.csv", SEED)
    return read(redcap.SOURCE, folder / "data.csv", folder / "dictionary.csv")


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_same_seed_same_bytes(small: DemoFiles, tmp_path: Path) -> None:
    again = write_demo(tmp_path / "again", subjects=5)
    assert digests(small.folder) == digests(again.folder)
    assert len(digests(small.folder)) == small.images + small.annotations + 7


def test_workbook_does_not_carry_the_time_of_writing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_lesions(PATIENTS, tmp_path / "one.xlsx", SEED)
    monkeypatch.setattr("time.localtime", lambda *_: (2001, 1, 1, 1, 1, 1, 0, 1, 0))
    write_lesions(PATIENTS, tmp_path / "two.xlsx", SEED)
    assert (tmp_path / "one.xlsx").read_bytes() == (tmp_path / "two.xlsx").read_bytes()


def test_everything_is_marked_as_synthetic(small: DemoFiles) -> None:
    assert small.readme.read_text(encoding="utf-8").startswith("SYNTHETIC DATA")
    image = pydicom.dcmread(next(small.dicom.rglob("*.dcm")))
    assert image.PatientIdentityRemoved == "YES"
    assert "Synthetic" in image.DeidentificationMethod
    assert "113100" in {item.CodeValue for item in image.DeidentificationMethodCodeSequence}
    assert image.PatientName == image.PatientID
    assert "PatientBirthDate" not in image
    assert "synthetic" in small.dictionary.read_text(encoding="utf-8")


def test_images_come_in_as_planned(small: DemoFiles) -> None:
    records = read(dicom.SOURCE, *small.dicom.rglob("*.dcm"))
    headers = {item.uid: item for item in records if isinstance(item, SeriesHeader)}
    planned = {
        series_uid(SEED, patient, visit, protocol.key): (patient, visit, protocol)
        for patient in small.patients
        for visit in patient.visits
        for protocol in protocols(patient, visit, SEED)
    }
    assert headers.keys() == planned.keys()
    modalities = {"CT": dcm.COMPUTED_TOMOGRAPHY, "MR": dcm.MAGNETIC_RESONANCE, "PT": dcm.POSITRON_EMISSION_TOMOGRAPHY}
    for uid, (patient, visit, protocol) in planned.items():
        header = headers[uid]
        assert header.subject == patient.name
        assert header.modality == modalities[protocol.modality]
        assert header.when == When.on(visit.date)
        assert header.instance_count == 3 * protocol.phases
        assert header.uptake_minutes == (visit.uptake if protocol.modality == "PT" else None)
        assert header.tracer == (ncit.FLUDEOXYGLUCOSE_F_18 if protocol.modality == "PT" else None)
    assert sum(item.instance_count or 0 for item in headers.values()) == small.images


def in_annotations() -> list[tuple[str, Reading]]:
    """Subject and reading of all that stands in annotations."""
    return [
        (patient.name, reading)
        for patient in PATIENTS
        for reading in patient.readings
        if (patient.person.cancer, reading.reader) not in SPREADSHEET_READERS
    ]


@pytest.mark.parametrize(
    ("variable", "unit", "of", "key"),
    [
        (ncit.LONGEST_DIAMETER, "mm", "long_axis", 0),
        (ncit.LONGEST_PERPENDICULAR, "mm", "short_axis", 0),
        (ncit.STANDARDIZED_UPTAKE_VALUE_MAXIMUM, "g/ml", "suv_max", -1),
    ],
)
def test_annotated_values_come_in(annotations: list[Record], variable: Curie, unit: str, of: str, key: int) -> None:
    """Both readers' codes give one variable; value, unit, day, lesion, reader and series are those of the truth."""
    by_name = {patient.name: patient for patient in PATIENTS}
    expected = Counter()
    for name, reading in in_annotations():
        value = getattr(reading, of)
        if value is not None:
            patient = by_name[name]
            visit = patient.visit(reading.visit)
            series = series_uid(SEED, patient, visit, protocols(patient, visit, SEED)[key].key)
            lesion = tracking_uid(SEED, name, reading.lesion)
            expected[name, lesion, CONTEXT.pseudonym(reading.reader), visit.date, value, unit, series] += 1
    found = Counter(
        (item.subject, item.lesion, item.reader, item.when and item.when.first, item.value, item.unit, item.series)
        for item in annotations
        if isinstance(item, Measurement) and item.variable == variable
    )
    assert found == expected
    assert expected


def test_annotated_sites_are_one_vocabulary(annotations: list[Record]) -> None:
    """Structure, side and part are the same concepts, whether the reader's tool names them by RadLex or by NCIt."""
    lesions = {
        (patient.name, tracking_uid(SEED, patient.name, lesion.label)): lesion
        for patient in PATIENTS
        for lesion in patient.lesions
    }
    wrong = Counter(
        (item.site, lesions[item.subject, item.lesion or ""].site)
        for item in annotations
        if isinstance(item, Measurement)
        and Site(item.site, item.laterality, item.site_modifier)
        != parts_of(lesions[item.subject, item.lesion or ""].organ.ncit)
    )
    assert not wrong


def test_annotated_roles_come_in(annotations: list[Record]) -> None:
    roles = {
        "target": ncit.TARGET_LESION_IDENTIFICATION,
        "non-target": ncit.NON_TARGET_LESION_IDENTIFICATION,
        "new": ncit.NEW_LESION_IDENTIFICATION,
    }
    by_name = {patient.name: patient for patient in PATIENTS}
    expected = Counter(roles[by_name[name].lesion(reading.lesion).role] for name, reading in in_annotations())
    found = Counter(
        item.value_concept
        for item in annotations
        if isinstance(item, Finding) and item.variable == ncit.TUMOR_IDENTIFICATION
    )
    assert found == expected


def test_annotated_states_come_in(annotations: list[Record]) -> None:
    """Whether a lesion is there, is not, or could not be evaluated: what the response rests on besides sizes."""
    states = [reading.present if reading.evaluable else None for _, reading in in_annotations()]
    findings = [item for item in annotations if isinstance(item, Finding)]
    found = Counter(item.value_concept for item in findings if item.variable == ncit.TUMOR_STATUS)
    assert found == {ncit.PRESENT: states.count(True), ncit.ABSENT: states.count(False)}
    assert sum(item.value_concept == ncit.UNEVALUABLE for item in findings) == states.count(None) > 0


def test_annotated_series_are_those_of_the_images(small: DemoFiles) -> None:
    made = {item.uid for item in read(dicom.SOURCE, *small.dicom.rglob("*.dcm")) if isinstance(item, SeriesHeader)}
    named = {item.uid for item in read(aim.SOURCE, *small.aim.iterdir()) if isinstance(item, Series)}
    assert named < made


def test_spreadsheet_comes_in(tmp_path: Path) -> None:
    path = tmp_path / "lesions_breast.xlsx"
    write_lesions(PATIENTS, path, SEED)
    found = [item for item in read(table.SOURCE, path) if isinstance(item, Measurement)]
    assert any(item.raw and item.raw.endswith(" cm") for item in found)
    by_variable = {
        ncit.LONGEST_DIAMETER: ("long_axis", "mm", 1),
        ncit.LONGEST_PERPENDICULAR: ("short_axis", "mm", 1),
        ncit.VOLUME: ("volume", "mm3", 1000),
        dcm.KTRANS: ("ktrans", "/min", 1),
    }
    expected = Counter()
    for patient in PATIENTS:
        for reading in patient.readings:
            if (patient.person.cancer, reading.reader) in SPREADSHEET_READERS:
                lesion = tracking_uid(SEED, patient.name, reading.lesion)
                for variable, (of, unit, factor) in by_variable.items():
                    value = getattr(reading, of)
                    if value is not None:
                        day = patient.visit(reading.visit).date
                        expected[patient.name, lesion, reading.visit, day, variable, value * factor, unit] += 1
    assert (
        Counter(
            (item.subject, item.lesion, item.visit, item.when and item.when.first, item.variable, item.value, item.unit)
            for item in found
            if item.absent_reason is None
        )
        == expected
    )
    assert {item.reader for item in found} == {CONTEXT.pseudonym(Seen.A)}


def test_laboratory_values_come_in(tmp_path: Path) -> None:
    path = tmp_path / "labs.csv"
    write_labs(PATIENTS, path)
    found = [item for item in read(table.SOURCE, path) if isinstance(item, Measurement)]
    labs = [lab for patient in PATIENTS for lab in patient.labs]
    assert len(found) == sum(lab.value != "NA" for lab in labs)
    assert {item.unit for item in found} == {"ng/ml", "U/l", "g/dl"}
    blood = [item.value for item in found if item.variable == ncit.HEMOGLOBIN_MEASUREMENT]
    assert all(isinstance(value, Decimal) and 6 < value < 18 for value in blood)
    assert {lab.unit for lab in labs if lab.test == "Haemoglobin"} == {"g/L"}
    assert any(item.value is None and item.high == Decimal("1.0") for item in found)


def test_treatments_come_in(tmp_path: Path) -> None:
    path = tmp_path / "treatments.csv"
    write_treatments(PATIENTS, path, SEED)
    found = [item for item in read(table.SOURCE, path) if isinstance(item, Treatment)]
    given = [(patient.name, item) for patient in PATIENTS for item in patient.treatments]
    assert len(found) == len(given)
    for record, (name, item) in zip(found, given, strict=True):
        assert record.subject == name
        assert record.agent == DRUGS[item.drug].concept
        assert record.line == item.line
        assert record.dose == Decimal(DRUGS[item.drug].dose)
        assert record.start is not None
        assert record.start.first <= item.start <= record.start.last
        assert (record.end and record.end.first) == item.stop
    assert any(record.start and record.start.first != record.start.last for record in found)
    assert any(record.raw == "Keytruda" for record in found)


def test_outcomes_come_in(clinical: list[Record]) -> None:
    outcomes = {(item.subject, item.variable): item for item in clinical if isinstance(item, Outcome)}
    for patient in PATIENTS:
        survival = outcomes[patient.name, ncit.OVERALL_SURVIVAL]
        assert (survival.value, survival.event) == (patient.survival, patient.died)
        free = outcomes[patient.name, ncit.PROGRESSION_FREE_SURVIVAL]
        assert (free.value, free.event) == (patient.progression_free, patient.progressed is not None or patient.died)
        assert survival.start_event == free.start_event == ncit.REGISTRATION


def test_responses_come_in(clinical: list[Record]) -> None:
    categories = {
        ncit.COMPLETE_REMISSION: "CR",
        ncit.PARTIAL_REMISSION: "PR",
        ncit.STABLE_DISEASE: "SD",
        ncit.PROGRESSIVE_DISEASE: "PD",
        None: "NE",
    }
    found = {
        (item.subject, item.visit): (categories[item.value_concept], item.when and item.when.first)
        for item in clinical
        if isinstance(item, Response) and item.variable == ncit.OVERALL_RESPONSE
    }
    assert found == {
        (patient.name, item.visit): (item.category.value, patient.visit(item.visit).date)
        for patient in PATIENTS
        for item in patient.assessments
        if item.reader is Seen.A
    }


def test_characteristics_come_in(clinical: list[Record]) -> None:
    found = {(item.subject, item.variable): item.value_concept for item in clinical if isinstance(item, Finding)}
    sexes = {"Male": ncit.MALE, "Female": ncit.FEMALE}
    smoking = {"Never": ncit.NEVER_SMOKER, "Former": ncit.FORMER_SMOKER, "Current": ncit.CURRENT_SMOKER}
    for patient in PATIENTS:
        person = patient.person
        assert found[patient.name, ncit.SEX] == sexes[person.sex]
        assert found[patient.name, ncit.MORPHOLOGIC_FINDING] == person.about.diagnosis
        assert found[patient.name, ncit.SMOKING_STATUS] == smoking[person.smoking]
    events = [item for item in clinical if isinstance(item, Event)]
    assert sum(item.kind == ncit.DEAD for item in events) == sum(patient.died for patient in PATIENTS)
    assert sum(item.kind == ncit.REGISTRATION for item in events) == len(PATIENTS)
    diagnoses = [item.when for item in events if item.kind == ncit.DIAGNOSIS_ASSESSMENT]
    assert len(diagnoses) == len(PATIENTS)
    assert any(when and when.first != when.last for when in diagnoses)
