"""Every curated query on the demonstration cohort, against golden results and against the truth it was made from.

``QILIN_WRITE_GOLDEN=1 pytest tests/queries/test_golden.py`` writes them anew; look at what changed before you keep it.
"""

from __future__ import annotations

import os
from collections import defaultdict
from decimal import Decimal
from pathlib import Path

import pytest

from api.demo import COLLECTION, SEED
from api.demo.cohort import make
from api.demo.dicom_files import protocols
from api.demo.disease import CancerKind
from api.demo.model import Patient, Seen
from queries.catalogue import queries, query
from queries.results import Cell, run, write
from store.warehouse import ANONYMOUS, Warehouse

GOLDEN = Path(__file__).parent / "golden"

CASES: dict[str, dict[str, dict[str, str]]] = {
    "best-response-and-survival": {"all": {}},
    "biomarker-measurement": {"egfr": {}, "kras": {"biomarker": "KRAS Gene Mutation", "variable": "Longest Diameter"}},
    "clinical-variables": {"all": {}, "stage": {"keyword": "stage"}, "metadata": {"dataClass": "q:ImageMetadata"}},
    "cohort-by-diagnosis": {
        "all": {},
        "lung-pet-twice": {"diagnosis": "Lung Carcinoma", "modality": "PT", "minTimePoints": "2"},
        "breast": {"diagnosis": "Invasive Breast Carcinoma", "modality": "MR"},
    },
    "collection-inventory": {"all": {}},
    "concept-observations": {"lesion": {"concept": "radlex:RID38780", "subject": "QD-006"}},
    "harmonised-counts": {"all": {}, "women": {"sex": "ncit:C16576"}},
    "harmonised-subjects": {
        "all": {},
        "dead-stage-iii-women": {"stage": "Stage III", "sex": "ncit:C16576", "vital": "ncit:C28554"},
        "lung": {"collection": COLLECTION, "diagnosis": "Lung Carcinoma"},
    },
    "imaging-checks": {"failing": {}, "all": {"onlyFailing": "false"}},
    "investigator-and-independent": {"none": {}},
    "labs-and-diameters": {"cea": {}, "ldh-same-day": {"lab": "ncit:C64855", "maxDays": "0"}},
    "lesion-diameters": {"one": {"collection": COLLECTION, "subject": "QD-001"}, "breast": {"subject": "QD-003"}},
    "lesions-at-visits": {"one": {"collection": COLLECTION, "subject": "QD-002"}},
    "measurement-anomalies": {"none": {}, "narrow": {"maxLength": "80", "changeFactor": "3"}},
    "measurement-provenance": {"one": {"record": "the first of lesion-diameters"}},
    "pet-protocol": {"breaking": {}, "all": {"onlyBreaking": "false"}},
    "reader-agreement": {"suvmax": {"variable": "ncit:C95012"}, "apart": {"variable": "ncit:C95012", "apart": "10"}},
    "response-by-visit": {"all": {}, "one": {"subject": "QD-002", "criteria": "ncit:C124415"}},
    "scanner-changes": {"pet": {}, "ct": {"modality": "CT"}},
    "series-acquisition-outcome": {"thin": {"maxSliceThickness": "1.25"}, "pet": {"modality": "PT"}},
    "stage-imaging-survival": {"all": {}, "stage-four": {"stage": "Stage IVA"}},
    "subject-timeline": {"one": {"collection": COLLECTION, "subject": "QD-003"}},
    "subjects-with-segmentation": {"none": {}, "mr": {"annotation": "MR", "modality": "MR"}},
    "sum-of-diameters": {"all": {}},
    "survival-by-stage": {"all": {}},
    "suvmax-baseline-response": {"best": {}, "at-visits": {"response": "ncit:C96613"}},
    "treatment-response": {"pembrolizumab": {"agent": "Pembrolizumab"}},
}
"""Named sets of parameters for each query."""


def test_every_query_has_a_golden_result() -> None:
    assert CASES.keys() == queries().keys()
    expected = {f"{name}.{case}.csv" for name, cases in CASES.items() for case in cases}
    assert {path.name for path in GOLDEN.iterdir()} == expected


@pytest.mark.parametrize(("name", "case"), [(name, case) for name, cases in CASES.items() for case in cases])
def test_the_answer_is_the_golden_one(name: str, case: str, demo_warehouse: Warehouse) -> None:
    values = CASES[name][case]
    if "record" in values:
        first = run(demo_warehouse, query("lesion-diameters"), {"subject": "QD-001"}, ANONYMOUS)
        values = {"record": str(next(first.dicts())["record"])}
    lines = write(run(demo_warehouse, query(name), values, ANONYMOUS), "csv")
    if "importedAt" in lines:
        lines = "\n".join(masked(line) for line in lines.split("\n"))
    path = GOLDEN / f"{name}.{case}.csv"
    if os.environ.get("QILIN_WRITE_GOLDEN"):
        path.write_text(lines, encoding="utf-8")
    assert lines == path.read_text(encoding="utf-8")


def masked(line: str) -> str:
    """A line without the time at which a source was read."""
    return ",".join("(time)" if cell.startswith("20") and cell.endswith("Z") else cell for cell in line.split(","))


@pytest.fixture(scope="module")
def cohort() -> dict[str, Patient]:
    """The truth by subject."""
    return {patient.name: patient for patient in make(SEED)}


def ask(warehouse: Warehouse, name: str, **values: str) -> list[dict[str, Cell]]:
    return list(run(warehouse, query(name), values, ANONYMOUS).dicts())


def test_a_cohort_is_that_of_the_truth(demo_warehouse: Warehouse, cohort: dict[str, Patient]) -> None:
    lung = {CancerKind.ADENO, CancerKind.SQUAMOUS}
    wanted = {
        name: sum(visit.uptake is not None for visit in patient.visits)
        for name, patient in cohort.items()
        if patient.person.cancer in lung
    }
    rows = ask(demo_warehouse, "cohort-by-diagnosis", diagnosis="Lung Carcinoma", modality="PT", minTimePoints="2")
    assert {row["subject"]: row["timePoints"] for row in rows} == {name: n for name, n in wanted.items() if n >= 2}
    everyone = ask(demo_warehouse, "cohort-by-diagnosis")
    assert {row["subject"]: row["timePoints"] for row in everyone} == {
        name: len(patient.visits) for name, patient in cohort.items()
    }


def test_the_timeline_says_side_and_part_of_a_site(demo_warehouse: Warehouse) -> None:
    rows = ask(demo_warehouse, "subject-timeline", collection=COLLECTION, subject="QD-001")
    sites = {row["lesion"]: row["siteLabel"] for row in rows if row["lesion"] and row["siteLabel"]}
    assert sites["T01"] == "Lung Lobe, left, upper"
    assert sites["T02"] == "Liver"


def test_diameters_are_those_that_were_read(demo_warehouse: Warehouse, cohort: dict[str, Patient]) -> None:
    rows = ask(demo_warehouse, "lesion-diameters", collection=COLLECTION)
    found = defaultdict(list)
    for row in rows:
        if row["value"] is not None:
            found[row["subject"], row["visit"]].append(row["value"])
    wanted = defaultdict(list)
    for name, patient in cohort.items():
        for reading in patient.readings:
            if reading.long_axis is not None:
                wanted[name, reading.visit].append(reading.long_axis)
    assert {key: sorted(values) for key, values in found.items()} == {
        key: sorted(values) for key, values in wanted.items()
    }


def test_days_between_visits_are_those_of_the_truth(demo_warehouse: Warehouse, cohort: dict[str, Patient]) -> None:
    days = {(row["subject"], row["visit"]): row["day"] for row in ask(demo_warehouse, "lesion-diameters")}
    for (name, number), day in days.items():
        assert isinstance(day, int)
        patient = cohort[str(name)]
        first = days[name, 0]
        assert isinstance(first, int)
        assert isinstance(number, int)
        assert day - first == (patient.visit(number).date - patient.visit(0).date).days


def test_sums_are_those_of_the_assessments(demo_warehouse: Warehouse, cohort: dict[str, Patient]) -> None:
    """The cohort sums by RECIST 1.1; a visit at which a target could not be evaluated has no comparable sum."""
    found = defaultdict(set)
    for row in ask(demo_warehouse, "sum-of-diameters"):
        if row["missing"] == 0:
            found[row["subject"], row["visit"]].add(row["total"])
    compared = 0
    for name, patient in cohort.items():
        for visit in {assessment.visit for assessment in patient.assessments}:
            wanted = {item.total for item in patient.assessments if item.visit == visit}
            if len(found[name, visit]) == len(wanted):
                assert found[name, visit] == wanted
                compared += 1
    assert compared > 100


def test_uptake_at_baseline_is_the_largest_that_was_read(demo_warehouse: Warehouse, cohort: dict[str, Patient]) -> None:
    rows = ask(demo_warehouse, "suvmax-baseline-response")
    found = defaultdict(list)
    for row in rows:
        found[row["subject"]].append(row["largest"])
    wanted = defaultdict(list)
    for name, patient in cohort.items():
        for reader in Seen:
            seen = [item for item in patient.readings if item.reader is reader and item.visit == 0]
            values = [item.suv_max for item in seen if item.suv_max is not None]
            if values:
                wanted[name].append(max(values))
    assert {name: sorted(values) for name, values in found.items()} == {
        name: sorted(values) for name, values in wanted.items()
    }
    short = {"Complete Remission": "CR", "Partial Remission": "PR", "Stable Disease": "SD", "Progressive Disease": "PD"}
    for row in rows:
        assert short[str(row["categoryLabel"])] == cohort[str(row["subject"])].best.value


def test_acquisition_stands_beside_the_true_outcome(demo_warehouse: Warehouse, cohort: dict[str, Patient]) -> None:
    rows = ask(demo_warehouse, "series-acquisition-outcome")
    found = defaultdict(list)
    for row in rows:
        patient = cohort[str(row["subject"])]
        assert (row["days"], row["event"]) == (patient.survival, patient.died)
        found[row["subject"]].append((row["manufacturer"], row["model"], row["kernel"], row["sliceThickness"]))
    wanted = defaultdict(list)
    for name, patient in cohort.items():
        for visit in patient.visits:
            for protocol in protocols(patient, visit, SEED):
                if protocol.modality == "CT":
                    made = protocol.header
                    thickness = Decimal(str(made["SliceThickness"]))
                    names = ("Manufacturer", "ManufacturerModelName", "ConvolutionKernel")
                    wanted[name].append((*(str(made[item]) for item in names), thickness))
    assert {name: sorted(series) for name, series in found.items()} == {
        name: sorted(series) for name, series in wanted.items()
    }


def test_protocol_breaks_are_those_of_the_truth(demo_warehouse: Warehouse, cohort: dict[str, Patient]) -> None:
    wanted = set()
    for name, patient in cohort.items():
        times = [visit.uptake for visit in patient.visits if visit.uptake is not None]
        for minutes in times:
            if not 50 <= minutes <= 70 or abs(minutes - times[0]) > 15:
                wanted.add((name, minutes))
    rows = ask(demo_warehouse, "pet-protocol")
    assert {(row["subject"], row["uptake"]) for row in rows} == wanted
    assert wanted
