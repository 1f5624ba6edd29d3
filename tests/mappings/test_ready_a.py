"""Ready mappings of breast, kidney, liver and ACRIN collections: subjects, values and medians against pandas."""

from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ingest.base import Context
from ingest.table import reader as table
from ontology.records import Event, Finding, Measurement, Outcome, Reject, Response, SourceRecord, Treatment
from ontology.terms import ncit, q, radlex

TCIA = Path(__file__).parents[2].parent / "shared" / "data" / "clinical" / "tcia"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not TCIA.is_dir(), reason="../shared/data is not present"),
]
RACES = {
    "White": ncit.WHITE,
    "Black": ncit.BLACK_OR_AFRICAN_AMERICAN,
    "Black or African American": ncit.BLACK_OR_AFRICAN_AMERICAN,
    "Asian": ncit.ASIAN,
    "American Indian or Alaska Native": ncit.AMERICAN_INDIAN_OR_ALASKA_NATIVE,
    "Native Hawaiian or other Pacific Islander": ncit.NATIVE_HAWAIIAN_OR_OTHER_PACIFIC_ISLANDER,
    "Native Hawaiian or Pacific Islander": ncit.NATIVE_HAWAIIAN_OR_OTHER_PACIFIC_ISLANDER,
    "Native Hawaiian or Other Pacific Islande": ncit.NATIVE_HAWAIIAN_OR_OTHER_PACIFIC_ISLANDER,
    "Unknown": ncit.UNKNOWN,
}
ETHNICITIES = {"1": ncit.HISPANIC_OR_LATINO, "2": ncit.NOT_HISPANIC_OR_LATINO, "9": ncit.UNKNOWN}
SEXES = {"1": ncit.MALE, "2": ncit.FEMALE}
ESTROGEN = {
    "1": ncit.ESTROGEN_RECEPTOR_NEGATIVE,
    "2": ncit.ESTROGEN_RECEPTOR_POSITIVE,
    "99": ncit.ESTROGEN_RECEPTOR_STATUS_UNKNOWN,
}
GRADES = {"1": ncit.GRADE_1, "2": ncit.GRADE_2, "3": ncit.GRADE_3, "4": ncit.GRADE_4}
TUMORS = {"benign": ncit.BENIGN, "cancer": ncit.MALIGNANT}


@dataclass(frozen=True)
class Case:
    """A table: its map, the column of its subjects, coded columns with their terms, and numbers with their factor.

    A cell that is not named in the terms of a column is expected as unmapped.
    """

    collection: str
    file: str
    name: str
    subject: str
    coded: dict[str, tuple[str, dict[str, str]]]
    numbers: dict[str, tuple[str, Decimal]] = field(default_factory=dict)
    missing: tuple[str, ...] = ()
    header: int = 0

    @property
    def path(self) -> Path:
        (path,) = (TCIA / self.collection).rglob(self.file)
        return path


CASES = [
    Case(
        "c4kc_kits",
        "C4KC*.csv",
        "c4kc_kits",
        "patient_id",
        {
            "gender": (ncit.SEX, {"male": ncit.MALE, "female": ncit.FEMALE}),
            "smoking_history": (
                ncit.SMOKING_STATUS,
                {
                    "never_smoked": ncit.NEVER_SMOKER,
                    "previous_smoker": ncit.FORMER_SMOKER,
                    "current_smoker": ncit.CURRENT_SMOKER,
                },
            ),
            "tumor_isup_grade": (ncit.HISTOLOGIC_GRADE, GRADES),
            "vital_status": (ncit.VITAL_STATUS, {"dead": ncit.DEAD, "censored": ncit.ALIVE}),
            "pathology_n_stage": (
                ncit.GENERIC_REGIONAL_LYMPH_NODES_TNM_FINDING,
                {"0": ncit.N0_STAGE_FINDING, "1": ncit.N1_STAGE_FINDING, "X": ncit.NX_STAGE_FINDING},
            ),
        },
        {
            "age_at_nephrectomy": (ncit.AGE, Decimal(1)),
            "body_mass_index": (ncit.BODY_MASS_INDEX, Decimal(1)),
            "pack_years": (ncit.PACK_YEAR, Decimal(1)),
            "vital_days_after_surgery": (ncit.OVERALL_SURVIVAL, Decimal(1)),
        },
        missing=("NA", "not_applicable"),
    ),
    *(
        Case(
            "breast_cancer_screening_dbt",
            f"BCS-DBT-boxes-{part}*.csv",
            "breast_cancer_screening_dbt_boxes",
            "PatientID",
            {"Class": (ncit.DIAGNOSIS_ASSESSMENT, TUMORS)},
        )
        for part in ("train", "validation", "test")
    ),
    Case(
        "colorectal_liver_metastases",
        "*.xlsx",
        "colorectal_liver_metastases",
        "Patient-ID",
        {"sex": (ncit.SEX, SEXES), "vital_status": (ncit.VITAL_STATUS, {"0": ncit.ALIVE, "1": ncit.DEAD})},
        {
            "age": (ncit.AGE, Decimal(1)),
            "max_tumor_size": (ncit.TUMOR_SIZE, Decimal(10)),
            "overall_survival_months": (ncit.OVERALL_SURVIVAL, Decimal("30.4375")),
            "months_to_DFS_progression": (ncit.DISEASE_FREE_SURVIVAL, Decimal("30.4375")),
        },
    ),
    Case(
        "acrin_6698",
        "*.xlsx",
        "acrin_6698",
        "TCIA PATIENT ID",
        {
            "race": (ncit.RACE, RACES),
            "SBRgrade": (
                ncit.HISTOLOGIC_GRADE,
                {"I (Low)": ncit.GRADE_1, "II (Intermediate)": ncit.GRADE_2, "III (High)": ncit.GRADE_3},
            ),
            "pcr": (ncit.PATHOLOGIC_RESPONSE, {"pCR": ncit.PATHOLOGIC_COMPLETE_RESPONSE}),
        },
        {"age": (ncit.AGE, Decimal(1)), "MRLD": (ncit.LONGEST_DIAMETER, Decimal(10))},
        missing=("NA",),
    ),
    Case(
        "ispy2",
        "*Cohort*.xlsx",
        "ispy2",
        "Patient_ID",
        {
            "HER2": (ncit.HER2_NEU_STATUS, {"1": ncit.HER2_NEU_POSITIVE, "0": ncit.HER2_NEU_NEGATIVE}),
            "pCR": (ncit.PATHOLOGIC_RESPONSE, {"1": ncit.PATHOLOGIC_COMPLETE_RESPONSE}),
            "Race": (ncit.RACE, RACES),
            "ethnicity": (
                ncit.ETHNIC_GROUP,
                {
                    "Hispanic or Latino": ncit.HISPANIC_OR_LATINO,
                    "Not Hispanic or Latino": ncit.NOT_HISPANIC_OR_LATINO,
                },
            ),
        },
        {"Age_at_Screening": (ncit.AGE, Decimal(1))},
        missing=("NA", "NULL"),
    ),
    Case(
        "cmmd",
        "*.xlsx",
        "cmmd",
        "ID1",
        {"abnormality": (radlex.IMAGING_OBSERVATION, {"calcification": ncit.CALCIFICATION, "mass": ncit.MASS})},
        {"Age": (ncit.AGE, Decimal(1))},
    ),
    Case(
        "b_mode_and_ceus_liver",
        "*.xlsx",
        "b_mode_and_ceus_liver",
        "Anonymized Patient ID",
        {
            "Final Diagnosis": (
                ncit.DIAGNOSIS_ASSESSMENT,
                {
                    "HCC": ncit.HEPATOCELLULAR_CARCINOMA,
                    "Intrahepatic cholangiocarcinoma": ncit.INTRAHEPATIC_CHOLANGIOCARCINOMA,
                    "Hepatic carcinoma favoring intrahepatc cholangiocarcinoma on explant pathology": (
                        ncit.LIVER_AND_INTRAHEPATIC_BILE_DUCT_CARCINOMA
                    ),
                    "Benign": ncit.BENIGN,
                    "Benign mass": ncit.BENIGN,
                    "Benign mass: abscess": ncit.ABSCESS,
                },
            ),
            "Complete Response to TACE?": (ncit.DISEASE_RESPONSE, {"complete": ncit.COMPLETE_REMISSION}),
        },
        missing=("N/A",),
    ),
    Case(
        "advanced_mri_breast_lesions",
        "*.xlsx",
        "advanced_mri_breast_lesions",
        "Patient ID",
        {},
        {"age at MRI": (ncit.AGE, Decimal(1))},
        header=1,
    ),
    Case(
        "acrin_flt_breast",
        "A0.csv",
        "acrin_flt_breast_a0",
        "cn",
        {"a0e11": (ncit.SEX, SEXES), "a0e9": (ncit.ETHNIC_GROUP, ETHNICITIES)},
        {"entryage": (ncit.AGE, Decimal(1))},
    ),
    Case(
        "acrin_flt_breast",
        "BR.csv",
        "acrin_flt_breast_br",
        "cn",
        {
            "bre13": (
                ncit.GENERIC_DISTANT_METASTASIS_TNM_FINDING,
                {"1": ncit.M0_STAGE_FINDING, "2": ncit.M1_STAGE_FINDING, "3": ncit.MX_STAGE_FINDING},
            ),
            "bre14": (
                ncit.MENOPAUSE_STATUS,
                {"1": ncit.PREMENOPAUSAL, "2": ncit.POSTMENOPAUSAL, "99": ncit.UNKNOWN},
            ),
        },
        {"bre7": (ncit.AGE_AT_DIAGNOSIS, Decimal(1))},
    ),
    Case(
        "acrin_flt_breast",
        "PM.csv",
        "acrin_flt_breast_pm",
        "cn",
        {"pme48": (ncit.ESTROGEN_RECEPTOR_STATUS, ESTROGEN), "pme53": (ncit.HISTOLOGIC_GRADE, GRADES)},
    ),
    Case(
        "acrin_nsclc_fdg_pet",
        "A0.csv",
        "acrin_nsclc_fdg_pet_a0",
        "cn",
        {"a0e11": (ncit.SEX, SEXES), "a0e9": (ncit.ETHNIC_GROUP, ETHNICITIES)},
        {"entryage": (ncit.AGE, Decimal(1))},
    ),
    Case(
        "acrin_nsclc_fdg_pet",
        "I1.csv",
        "acrin_nsclc_fdg_pet_i1",
        "cn",
        {
            "i1e6": (
                q.CLINICAL_STAGE,
                {"1": ncit.STAGE_IIB, "2": ncit.STAGE_IIIA, "3": ncit.STAGE_IIIB},
            ),
            "i1e5": (
                ncit.ECOG_PERFORMANCE_STATUS,
                {"0": ncit.ECOG_PERFORMANCE_STATUS_0, "1": ncit.ECOG_PERFORMANCE_STATUS_1},
            ),
        },
    ),
    Case(
        "acrin_nsclc_fdg_pet",
        "F1.csv",
        "acrin_nsclc_fdg_pet_f1",
        "cn",
        {"f1e2": (ncit.VITAL_STATUS, {"1": ncit.ALIVE, "2": ncit.DEAD})},
    ),
    Case(
        "acrin_contralateral_breast_mr",
        "6667_A0 reviewed.csv",
        "acrin_contralateral_breast_mr_a0",
        "cn",
        {"a0e11": (ncit.SEX, SEXES), "a0e9": (ncit.ETHNIC_GROUP, ETHNICITIES)},
        {"entryage": (ncit.AGE, Decimal(1))},
    ),
    Case(
        "acrin_contralateral_breast_mr",
        "6667_PE reviewed.csv",
        "acrin_contralateral_breast_mr_pe",
        "cn",
        {
            "pee4": (
                ncit.DIAGNOSIS_ASSESSMENT,
                {"1": ncit.BENIGN, "4": ncit.INVASIVE_BREAST_CARCINOMA},
            ),
        },
    ),
    Case(
        "acrin_contralateral_breast_mr",
        "6667_F1 reviewed.csv",
        "acrin_contralateral_breast_mr_f1",
        "cn",
        {"f1e4": (ncit.VITAL_STATUS, {"1": ncit.ALIVE, "2": ncit.DEAD})},
    ),
]
ALL = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}-{case.file.split('*')[0]}")


@cache
def items_of(collection: str, path: Path) -> tuple[Any, ...]:
    return tuple(table.SOURCE.read(iter([str(path)]), Context(collection=collection)))


@cache
def frame_of(path: Path, header: int = 0) -> pd.DataFrame:
    if path.suffix == ".csv":
        return pd.read_csv(path, header=header, dtype=str, keep_default_na=False).map(str.strip)
    return pd.read_excel(path, header=header, dtype=str, keep_default_na=False, engine="openpyxl").map(str.strip)


def facts(items, *kinds):
    return [item for item in items if isinstance(item, kinds)]


@ALL
def test_a_published_table_is_taken_by_its_map_without_rejects(case):
    items = items_of(case.collection, case.path)
    assert isinstance(items[0], SourceRecord)
    assert items[0].recipe.startswith(f"{case.name}@")
    assert not facts(items, Reject)
    facts_of_it = [item for item in items if hasattr(item, "key") and type(item).__name__ != "Lesion"]
    assert len({item.key for item in facts_of_it}) == len(facts_of_it)


@ALL
def test_the_subjects_are_those_of_the_table(case):
    frame = frame_of(case.path, case.header)
    told = ~frame[[*case.coded, *case.numbers]].isin(["", *case.missing]).all(axis=1)
    expected = set(frame.loc[told, case.subject])
    found = {item.subject for item in items_of(case.collection, case.path)[1:]}
    assert expected <= found <= set(frame[case.subject])


@ALL
def test_the_values_are_those_of_the_table(case):
    items, frame = items_of(case.collection, case.path), frame_of(case.path, case.header)
    for column, (variable, terms) in case.coded.items():
        cells = Counter(cell for cell in frame[column] if cell not in {"", *case.missing})
        expected = Counter()
        for cell, count in cells.items():
            expected[terms.get(" ".join(cell.split()), q.UNMAPPED)] += count
        found = Counter(item.value_concept for item in facts(items, Finding, Response) if item.variable == variable)
        assert found == expected, column


@ALL
def test_the_numbers_are_those_of_the_table(case):
    items, frame = items_of(case.collection, case.path), frame_of(case.path, case.header)
    for column, (variable, factor) in case.numbers.items():
        cells = [Decimal(cell) * factor for cell in frame[column] if cell not in {"", *case.missing}]
        found = [item.value for item in facts(items, Measurement, Outcome) if item.variable == variable]
        assert len(found) == len(cells), column
        assert pd.Series(list(map(float, found))).median() == pytest.approx(pd.Series(list(map(float, cells))).median())


@pytest.mark.parametrize("part", ["train", "validation", "test"])
def test_screening_labels_with_the_side_of_their_view(part):
    (path,) = (TCIA / "breast_cancer_screening_dbt").glob(f"BCS-DBT-labels-{part}*.csv")
    items, frame = items_of("breast_cancer_screening_dbt", path), frame_of(path)
    assert not facts(items, Reject)
    found = Counter((item.value_concept, item.laterality) for item in facts(items, Finding))
    expected = Counter()
    for column, term in (("Normal", ncit.NORMAL), ("Benign", ncit.BENIGN), ("Cancer", ncit.MALIGNANT)):
        for view in frame.loc[frame[column] == "1", "View"]:
            expected[term, ncit.LEFT if view.startswith("l") else ncit.RIGHT] += 1
    assert found == expected


def test_density_as_each_radiologist_sees_it():
    (path,) = (TCIA / "duke_breast_cancer_mri").glob("*Density*.xlsx")
    items, frame = items_of("duke_breast_cancer_mri", path), frame_of(path)
    assert not facts(items, Reject)
    assert {item.subject for item in facts(items, Finding)} == set(frame["Subject_ID"])
    for reader in "ABC":
        found = Counter(item.raw for item in facts(items, Finding) if item.reader == reader)
        assert found == Counter(frame[f"Radiologist {reader}"])
    fat = [item for item in facts(items, Finding) if item.value_concept == radlex.ALMOST_ENTIRELY_FAT]
    assert len(fat) == int((frame.filter(like="Radiologist") == "a").sum().sum())


def test_receptors_that_share_a_column():
    case = next(case for case in CASES if case.name == "acrin_6698")
    items, cells = items_of(case.collection, case.path), frame_of(case.path)["hrher4g"]
    for variable, positive, negative, mark in (
        (ncit.HORMONE_RECEPTOR_STATUS, ncit.HORMONE_RECEPTOR_POSITIVE, None, "HR"),
        (ncit.HER2_NEU_STATUS, ncit.HER2_NEU_POSITIVE, ncit.HER2_NEU_NEGATIVE, "HER2"),
    ):
        found = [item for item in facts(items, Finding) if item.variable == variable]
        assert sum(item.value_concept == positive for item in found) == cells.str.contains(rf"\b{mark} \+").sum()
        assert sum(item.value is False for item in found) == cells.str.contains(rf"\b{mark} -").sum()
        assert negative is None or {item.value_concept for item in found} == {positive, negative}


def test_each_agent_of_an_arm():
    case = next(case for case in CASES if case.name == "ispy2")
    items, arms = items_of(case.collection, case.path), frame_of(case.path)["Arm"]
    found = Counter(item.agent for item in facts(items, Treatment))
    assert sum(found.values()) == arms.str.count(r" \+ ").sum() + len(arms)
    for word, agent in (
        ("Paclitaxel", ncit.PACLITAXEL),
        ("Trastuzumab", ncit.TRASTUZUMAB),
        ("Pertuzumab", ncit.PERTUZUMAB),
    ):
        assert found[agent] == arms.str.contains(word).sum()


def test_longest_diameters_at_four_visits():
    (path,) = (TCIA / "ispy2").glob("Multi-feature*.xlsx")
    items, frame = items_of("ispy2", path), frame_of(path)
    assert not facts(items, Reject)
    for visit in range(4):
        found = {item.subject: item.value for item in facts(items, Measurement) if item.visit == visit}
        expected = frame.set_index("CLINICAL-TRIAL-SUBJECT-ID")[f"LD_T{visit}"].map(lambda cell: Decimal(cell) * 10)
        assert found == expected.to_dict()


def test_lesions_in_numbered_columns():
    case = next(case for case in CASES if case.name == "advanced_mri_breast_lesions")
    items, frame = items_of(case.collection, case.path), frame_of(case.path, case.header)
    benign = Counter(item.value_concept for item in facts(items, Finding) if item.variable == ncit.DIAGNOSIS_ASSESSMENT)
    cells = Counter(frame.filter(regex=r"^tumor/benign\d").to_numpy().ravel())
    assert benign == {ncit.BENIGN: cells["0"], q.UNMAPPED: cells["1"]}
    grades = Counter(item.value_concept for item in facts(items, Finding) if item.variable == ncit.HISTOLOGIC_GRADE)
    written = Counter(frame.filter(regex=r"^GRADE\d").to_numpy().ravel())
    assert {term: grades[term] for term in (ncit.GRADE_2, ncit.GRADE_3)} == {
        ncit.GRADE_2: written["2"],
        ncit.GRADE_3: written["3"],
    }
    ranges = Counter(item.raw for item in facts(items, Measurement) if item.low is not None)
    percent = frame.filter(regex=r"^(ER|PR) +\[%\] \d|^KI67\[%\] \d").to_numpy().ravel()
    assert ranges == Counter(f"{cell} %" for cell in percent if " to " in cell and cell[0].isdigit())
    assert sum(ranges.values()) >= 12


@pytest.mark.parametrize(
    ("collection", "file", "first"),
    [
        ("acrin_flt_breast", "A0.csv", 19),
        ("acrin_nsclc_fdg_pet", "A0.csv", 19),
        ("acrin_contralateral_breast_mr", "6667_A0 reviewed.csv", 42),
    ],
)
def test_races_that_are_columns(collection, file, first):
    (path,) = (TCIA / collection).rglob(file)
    items, frame = items_of(collection, path), frame_of(path)
    races = Counter(item.value_concept for item in facts(items, Finding) if item.variable == ncit.RACE)
    order = [
        ncit.AMERICAN_INDIAN_OR_ALASKA_NATIVE,
        ncit.ASIAN,
        ncit.BLACK_OR_AFRICAN_AMERICAN,
        ncit.NATIVE_HAWAIIAN_OR_OTHER_PACIFIC_ISLANDER,
        ncit.WHITE,
        ncit.UNKNOWN,
    ]
    expected = {term: (frame[f"a0e{first + number}"] == "2").sum() for number, term in enumerate(order)}
    assert races == {term: count for term, count in expected.items() if count}


def test_agents_of_chemotherapy():
    (path,) = (TCIA / "acrin_nsclc_fdg_pet").rglob("TF.csv")
    items, frame = items_of("acrin_nsclc_fdg_pet", path), frame_of(path)
    # one agent is said to have been completed before it was begun
    assert [item.problem for item in facts(items, Reject)] == ["a treatment that ends before it starts"]
    days = {(first, last): (f"TFe{first}d", f"TFe{last}d") for first, last in ((4, 5), (12, 13), (20, 21), (28, 29))}
    agents = {(4, 5): "tfe2", (12, 13): "tfe10", (20, 21): "tfe18", (28, 29): "tfe26"}
    expected = Counter(
        (row["cn"], row[start], row[end] if int(row[end]) >= int(row[start]) else "")
        for _, row in frame.iterrows()
        for pair, (start, end) in days.items()
        if row[agents[pair]] not in {"", "8", "9"} and row[start] and row[end]
    )
    treatments = [item for item in facts(items, Treatment) if item.start]
    stated = Counter(
        (item.subject, str(item.start.first), str(item.end.first) if item.end else "") for item in treatments
    )
    assert not expected - stated
    assert {item.start.clock for item in treatments} == {"from-base"}
    cells = Counter(frame[["tfe2", "tfe10", "tfe18", "tfe26", "tfe34"]].to_numpy().ravel())
    found = Counter(item.agent for item in facts(items, Treatment))
    assert found[ncit.CISPLATIN] == cells["1"]
    assert found[ncit.CARBOPLATIN] == cells["2"]
    assert sum(found.values()) == sum(count for cell, count in cells.items() if cell not in {"", "8", "9"})


@pytest.mark.parametrize(
    ("collection", "file", "column", "kind"),
    [
        ("acrin_nsclc_fdg_pet", "A0.csv", "A0e17d", ncit.REGISTRATION),
        ("acrin_nsclc_fdg_pet", "I1.csv", "I1e13d", ncit.DIAGNOSIS_ASSESSMENT),
        ("acrin_flt_breast", "A0.csv", "A0e17d", ncit.REGISTRATION),
        ("acrin_flt_breast", "BR.csv", "BRe6d", ncit.DIAGNOSIS_ASSESSMENT),
    ],
)
def test_events_that_days_are_counted_from(collection, file, column, kind):
    (path,) = (TCIA / collection).rglob(file)
    items, frame = items_of(collection, path), frame_of(path)
    found = {(item.subject, str(item.when.first)) for item in facts(items, Event) if item.kind == kind}
    # one day lies 990 years after the others
    assert found == {(row["cn"], row[column]) for _, row in frame.iterrows() if row[column] not in {"", "361567"}}
