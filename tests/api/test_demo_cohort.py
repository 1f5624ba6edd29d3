"""The demonstration cohort: response arithmetic against a second reading of RECIST 1.1, and clinical sense."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import pairwise

import pytest

from api.demo.cohort import LAST_DAY, make
from api.demo.disease import DRUGS, CancerKind
from api.demo.model import Patient, Role, Seen
from api.demo.recist import Category, overall, target_response

PATIENTS = make()
EACH = pytest.mark.parametrize("patient", PATIENTS, ids=lambda patient: patient.name)


def seen_at(patient: Patient, number: int, reader: Seen) -> tuple[list[tuple[Decimal | None, bool]], list[bool], bool]:
    """What one reader has of one visit: target sizes with whether nodal, presence of non-targets, any new lesion."""
    targets: list[tuple[Decimal | None, bool]] = []
    others: list[bool] = []
    fresh = False
    for reading in patient.readings:
        if reading.visit == number and reading.reader is reader:
            lesion = patient.lesion(reading.lesion)
            size = reading.short_axis if lesion.organ.nodal else reading.long_axis
            if lesion.role is Role.TARGET:
                targets.append((size, lesion.organ.nodal))
            elif lesion.role is Role.OTHER:
                others.append(reading.present)
            fresh = fresh or lesion.role is Role.NEW
    return targets, others, fresh


def expected_categories(patient: Patient, reader: Seen) -> dict[int, str]:
    """RECIST 1.1 from the readings alone, written without a look at the cohort's own code."""
    found: dict[int, str] = {}
    complete: list[Decimal] = []
    for visit in patient.visits:
        targets, others, fresh = seen_at(patient, visit.number, reader)
        sizes = sum((size for size, _ in targets if size is not None), Decimal(0))
        missing = any(size is None for size, _ in targets)
        disease = missing or any(
            size is not None and size >= (10 if nodal else Decimal("0.1")) for size, nodal in targets
        )
        if visit.number:
            grown = disease and sizes - min(complete) >= 5 and sizes * 5 >= min(complete) * 6
            shrunk = "PR" if sizes * 10 <= complete[0] * 7 else "SD"
            cleared = "PR" if any(others) else "CR"
            evaluable = "NE" if missing else shrunk if disease else cleared
            found[visit.number] = "PD" if fresh or grown else evaluable
        if not missing:
            complete.append(sizes)
    return found


@EACH
@pytest.mark.parametrize("reader", Seen)
def test_responses_follow_from_the_measurements(patient: Patient, reader: Seen) -> None:
    stated = {item.visit: item.category.value for item in patient.assessments if item.reader is reader}
    assert stated == expected_categories(patient, reader)


@pytest.mark.parametrize(
    ("sizes", "baseline", "nadir", "category"),
    [
        ([("0", False), ("9.9", True)], "60", "60", Category.CR),
        ([("0", False), ("10", True)], "60", "60", Category.PR),
        ([("42", False)], "60", "60", Category.PR),
        ([("42.1", False)], "60", "60", Category.SD),
        ([("24", False)], "60", "20", Category.PR),  # 20 % and only 4 mm above the nadir
        ([("25", False)], "60", "20", Category.PD),
        ([("59", False)], "60", "50", Category.SD),  # 9 mm and only 18 % above the nadir
        ([("60", False)], "60", "50", Category.PD),
        ([("5", False)], "60", "0", Category.PD),
        ([(None, False), ("30", False)], "60", "60", Category.NE),
        ([(None, False), ("80", False)], "60", "60", Category.PD),
    ],
)
def test_target_response_at_its_bounds(
    sizes: list[tuple[str | None, bool]], baseline: str, nadir: str, category: Category
) -> None:
    targets = [(None if size is None else Decimal(size), nodal) for size, nodal in sizes]
    assert target_response(targets, Decimal(baseline), Decimal(nadir)) is category


def test_overall_response_table() -> None:
    assert overall(Category.CR, None, new_lesion=False) is Category.CR
    assert overall(Category.CR, others_present=True, new_lesion=False) is Category.PR
    assert overall(Category.CR, others_present=False, new_lesion=False) is Category.CR
    assert overall(Category.CR, None, new_lesion=True) is Category.PD
    assert overall(Category.NE, others_present=True, new_lesion=False) is Category.NE


def test_same_seed_same_cohort() -> None:
    assert make() == PATIENTS
    assert make(seed=1, subjects=4) != make(seed=2, subjects=4)


def test_a_subject_does_not_depend_on_how_many_are_enrolled() -> None:
    assert make(subjects=5) == PATIENTS[:5]


def test_the_cohort_has_the_variety_that_pages_need() -> None:
    assert Counter(patient.person.cancer for patient in PATIENTS) == {
        CancerKind.ADENO: 16,
        CancerKind.SQUAMOUS: 8,
        CancerKind.BREAST: 10,
        CancerKind.COLORECTAL: 6,
    }
    assert {patient.best for patient in PATIENTS} >= {Category.CR, Category.PR, Category.SD, Category.PD}
    assert all(3 <= len(patient.visits) <= 7 for patient in PATIENTS)
    assert any(not reading.evaluable for patient in PATIENTS for reading in patient.readings)
    missed = [patient for patient in PATIENTS if patient.visits[-1].number >= len(patient.visits)]
    assert 0 < len(missed) < 15
    assert 10 <= sum(patient.died for patient in PATIENTS) <= 30
    uptakes = [visit.uptake for patient in PATIENTS for visit in patient.visits if visit.uptake]
    assert sum(not 55 <= uptake <= 75 for uptake in uptakes) == 1


@EACH
def test_days_are_in_order(patient: Patient) -> None:
    person = patient.person
    dates = [visit.date for visit in patient.visits]
    assert all(earlier < later for earlier, later in pairwise(dates))
    assert person.diagnosed < person.registered < min(given.start for given in patient.treatments)
    assert person.diagnosed < dates[0]
    assert dates[0] < min(given.start for given in patient.treatments) < dates[1]
    assert dates[-1] <= patient.last_contact <= LAST_DAY
    assert 0 < patient.progression_free <= patient.survival


@EACH
def test_treatment_keeps_within_life_and_line(patient: Patient) -> None:
    for given in patient.treatments:
        assert given.drug in DRUGS
        assert given.start <= patient.last_contact
        assert given.stop is None or given.start < given.stop <= patient.last_contact
        assert not (patient.died and given.stop is None)
    second = [given.start for given in patient.treatments if given.line == 2]
    assert all(patient.progressed and start > patient.progressed for start in second)
    assert (patient.surgery is not None) <= (patient.person.cancer is CancerKind.BREAST)


@EACH
def test_progression_is_the_investigators_first(patient: Patient) -> None:
    progressive = [
        patient.visit(item.visit).date
        for item in patient.assessments
        if item.reader is Seen.A and item.category is Category.PD
    ]
    assert patient.progressed == min(progressive, default=None)


@EACH
def test_measurements_make_sense(patient: Patient) -> None:
    pairs: dict[tuple[int, str], list[Decimal]] = {}
    for reading in patient.readings:
        lesion, visit = patient.lesion(reading.lesion), patient.visit(reading.visit)
        for number in (reading.long_axis, reading.short_axis, reading.volume, reading.ktrans, reading.suv_max):
            assert number is None or number >= 0
        assert (reading.short_axis is not None) <= lesion.organ.nodal
        if reading.short_axis is not None:
            assert reading.long_axis is not None
            assert reading.short_axis < reading.long_axis
        assert (reading.suv_max is not None) <= (visit.uptake is not None)
        assert (reading.long_axis is None) == (lesion.role is Role.OTHER or not reading.evaluable)
        if reading.long_axis:
            pairs.setdefault((reading.visit, reading.lesion), []).append(reading.long_axis)
    assert all(max(pair) <= min(pair) * Decimal("1.25") for pair in pairs.values())


@EACH
def test_stage_markers_and_habits_fit_together(patient: Patient) -> None:
    person, (_, node, metastasis) = patient.person, patient.tnm
    first = [lesion for lesion in patient.lesions if lesion.role is not Role.NEW]
    targets = [lesion for lesion in first if lesion.role is Role.TARGET]
    assert 1 <= len(targets) <= 5
    assert max(Counter(lesion.organ.written for lesion in targets).values()) <= 2
    assert patient.stage.startswith("IV") == (metastasis == "M1")
    assert (node == "N0") <= (not any(lesion.organ.nodal for lesion in first))
    assert (person.smoking == "Never") == (person.pack_years == 0)
    assert 18 < person.age < 90
    drivers = [name for name in ("egfr", "kras", "alk") if person.biomarkers.get(name) == "positive"]
    assert len(drivers) <= 1
    if person.cancer is CancerKind.BREAST:
        assert person.sex == "Female"
        assert metastasis == "M0"


def test_uptake_falls_where_the_tumour_shrinks() -> None:
    """SUVmax at the first follow-up goes the same way as the diameter, in most lesions."""
    same = total = 0
    for patient in PATIENTS:
        values = {(item.lesion, item.visit): item for item in patient.readings if item.reader is Seen.A}
        for (label, number), after in values.items():
            before = values.get((label, 0))
            if number == 1 and before and before.suv_max and after.suv_max and before.long_axis and after.long_axis:
                total += 1
                same += (after.suv_max < before.suv_max) == (after.long_axis < before.long_axis)
    assert total >= 20
    assert same / total > 0.8
