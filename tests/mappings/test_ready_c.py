"""Ready maps of published tables against pandas: CPTAC, lung, pancreas, breast, lymph nodes, cervix, TCGA."""

from collections import Counter
from decimal import Decimal
from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from ingest.base import Context
from ingest.table import reader as table
from ontology.records import Finding, Measurement, Observation, Outcome, Reject, Response, SourceRecord, Treatment
from ontology.terms import ncit, q, radlex

CLINICAL = Path(__file__).parents[2].parent / "shared" / "data" / "clinical"
TCIA = CLINICAL / "tcia"
BIOTAB = CLINICAL / "tcga_biotab"
EA1141 = TCIA / "ea1141" / "EA1141 Reviewed Clinical Data  and Data Dictionaries"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not CLINICAL.is_dir(), reason="../shared/data is not present"),
]

MISSING = {"", "N/A", "Not Reported", "[Not Available]", "[Not Applicable]", "[Not Evaluated]", "[Unknown]"}
MISSING |= {"[Discrepancy]", "[Completed]"}
SEX = {"M": ncit.MALE, "F": ncit.FEMALE}
SEX |= {"Male": ncit.MALE, "Female": ncit.FEMALE, "MALE": ncit.MALE, "FEMALE": ncit.FEMALE}
GRADES = {
    f"{mark}{number}": term
    for mark in ("", "G")
    for number, term in enumerate((ncit.GRADE_1, ncit.GRADE_2, ncit.GRADE_3), 1)
}
N_STAGES = {
    "0": ncit.N0_STAGE_FINDING,
    "1": ncit.N1_STAGE_FINDING,
    "2": ncit.N2_STAGE_FINDING,
    "3": ncit.N3_STAGE_FINDING,
}
VITAL = {"Alive": ncit.ALIVE, "Dead": ncit.DEAD, "Deceased": ncit.DEAD, "NED": ncit.ALIVE, "DOD": ncit.DEAD}
BEHAVIOUR = {"MALIGNANT": ncit.MALIGNANT, "BENIGN": ncit.BENIGN, "BENIGN_WITHOUT_CALLBACK": ncit.BENIGN}
BIRADS = {
    "1": radlex.BI_RADS_1,
    "2": radlex.BI_RADS_2,
    "3": radlex.BI_RADS_3,
    "4": radlex.BI_RADS_4,
    "5": radlex.BI_RADS_5,
}


def path_of(folder, pattern):
    (path,) = folder.glob(pattern)
    return path


@cache
def read(path, collection):
    return list(table.SOURCE.read(iter([str(path)]), Context(collection=collection)))


@cache
def frame_of(path, skip=0):
    if path.suffix == ".xlsx":
        frame = pd.read_excel(path, dtype=str, keep_default_na=False, skiprows=skip, engine="openpyxl")
    else:
        separator = "\t" if path.suffix == ".txt" else ","
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, sep=separator, encoding="utf-8-sig")
    if path.suffix == ".txt":
        frame = frame.iloc[2:]
    frame.columns = [" ".join(str(name).split()) for name in frame.columns]
    return frame.apply(lambda column: column.str.strip())


def observed(items, variable, kind=Observation):
    return [item for item in items if isinstance(item, kind) and item.variable == variable]


def present(column):
    return column[~column.isin(MISSING)]


# map -> folder, file, (column of the subject, what goes before it), column -> (variable, meaning of its cells)
TABLES = {
    "cptac_aml": (
        TCIA / "cptac_aml",
        "*.xlsx",
        ("Case_ID", ""),
        {
            "Gender": (ncit.SEX, SEX),
            "Vital Status": (ncit.VITAL_STATUS, VITAL),
            "Race": (ncit.RACE, {"White": ncit.WHITE, "Other": q.UNMAPPED}),
            "Disease_Type": (ncit.DIAGNOSIS_ASSESSMENT, {"Acute Myeloid Leukemia": ncit.ACUTE_MYELOID_LEUKEMIA}),
        },
    ),
    "lung_pet_ct_dx": (
        TCIA / "lung_pet_ct_dx",
        "*.xlsx",
        ("NewPatientID", "Lung_Dx-"),
        {
            "Sex": (ncit.SEX, SEX),
            "N-Stage": (ncit.GENERIC_REGIONAL_LYMPH_NODES_TNM_FINDING, N_STAGES),
            "Histopathological grading": (
                ncit.HISTOLOGIC_GRADE,
                GRADES | dict.fromkeys(("G1-2", "G1-G2", "G2-3", "G2-G3"), q.UNMAPPED),
            ),
        },
    ),
    "ctpred_sunitinib_pannet": (
        TCIA / "ctpred_sunitinib_pannet",
        "*.xlsx",
        ("Patient ID", ""),
        {"Sex": (ncit.SEX, SEX), "Tumor grade": (ncit.HISTOLOGIC_GRADE, GRADES)},
    ),
    "mediastinal_lymph_node_seg": (
        TCIA / "mediastinal_lymph_node_seg",
        "*.csv",
        ("case", ""),
        {"PatientSex": (ncit.SEX, SEX)},
    ),
    "cbis_ddsm_mass": (
        TCIA / "cbis_ddsm",
        "mass*train*.csv",
        ("patient_id", ""),
        {
            "pathology": (ncit.DIAGNOSIS_ASSESSMENT, BEHAVIOUR),
            "abnormality type": (radlex.IMAGING_OBSERVATION, {"mass": radlex.MASS}),
        },
    ),
    "cbis_ddsm_calc": (
        TCIA / "cbis_ddsm",
        "calc*test*.csv",
        ("patient_id", ""),
        {
            "pathology": (ncit.DIAGNOSIS_ASSESSMENT, BEHAVIOUR),
            "abnormality type": (radlex.IMAGING_OBSERVATION, {"calcification": radlex.CALCIFICATION}),
        },
    ),
    "ea1141_demography": (
        EA1141,
        "*baseline*.csv",
        ("SUBJECT_DE", ""),
        {"SEX": (ncit.SEX, {"1": ncit.FEMALE})},
    ),
    "tcga_biotab": (
        BIOTAB,
        "*luad.txt",
        ("bcr_patient_barcode", ""),
        {
            "gender": (ncit.SEX, SEX),
            "vital_status": (ncit.VITAL_STATUS, VITAL),
            "ajcc_nodes_pathologic_pn": (
                ncit.GENERIC_REGIONAL_LYMPH_NODES_TNM_FINDING,
                {f"N{cell}": term for cell, term in N_STAGES.items()} | {"NX": ncit.NX_STAGE_FINDING},
            ),
        },
    ),
}


@pytest.mark.parametrize("name", TABLES)
def test_subjects_and_findings_are_those_of_the_table(name):
    folder, pattern, (key, prefix), columns = TABLES[name]
    path = path_of(folder, pattern)
    items, frame = read(path, folder.name), frame_of(path)
    head = items[0]
    assert isinstance(head, SourceRecord)
    assert head.recipe.startswith(f"{name}@")
    assert {item.subject for item in items if isinstance(item, Observation)} == {prefix + cell for cell in frame[key]}
    for column, (variable, meaning) in columns.items():
        cells = present(frame[column])
        rows = zip(frame.loc[cells.index, key], cells, strict=True)
        wanted = Counter((prefix + subject, cell, meaning[cell]) for subject, cell in rows)
        assert wanted, column
        found = Counter((item.subject, item.raw, item.value_concept) for item in observed(items, variable))
        assert found == wanted, column


@pytest.mark.parametrize("name", TABLES)
def test_nothing_is_rejected(name):
    folder, pattern, *_ = TABLES[name]
    assert not [item for item in read(path_of(folder, pattern), folder.name) if isinstance(item, Reject)]


@pytest.mark.parametrize(
    ("name", "column", "variable", "unit"),
    [
        ("lung_pet_ct_dx", "Age", ncit.AGE, "a"),
        ("lung_pet_ct_dx", "weight (kg)", ncit.BODY_WEIGHT, "kg"),
        ("ctpred_sunitinib_pannet", "Age at diagnosis", ncit.AGE_AT_DIAGNOSIS, "a"),
        ("ctpred_sunitinib_pannet", "Ki-67 index", ncit.KI_67_LABELING_INDEX, "%"),
        ("ea1141_demography", "AGE", ncit.AGE, "a"),
        ("tcga_biotab", "age_at_initial_pathologic_diagnosis", ncit.AGE_AT_DIAGNOSIS, "a"),
        ("tcga_biotab", "tobacco_smoking_pack_years_smoked", ncit.PACK_YEAR, "{pack_year}"),
    ],
)
def test_numbers_are_those_of_the_table(name, column, variable, unit):
    folder, pattern, *_ = TABLES[name]
    path = path_of(folder, pattern)
    wanted = present(frame_of(path)[column]).map(float)
    found = observed(read(path, folder.name), variable, Measurement)
    assert sorted(float(item.value) for item in found) == sorted(wanted)
    assert pd.Series([float(item.value) for item in found]).median() == wanted.median()
    assert {item.unit for item in found} == {unit}


@pytest.mark.parametrize("collection", ["cptac_ccrcc", "cptac_ucec", "cptac_pda"])
def test_cptac_volumes_of_segmentations(collection):
    path = path_of(TCIA / collection, "*.csv")
    items, frame = read(path, collection), frame_of(path)
    assert not [item for item in items if isinstance(item, Reject)]
    rows = frame[(frame["Annotation Type"] == "Segmentation") & (frame["ROIVolume"] != "")]
    found = observed(items, ncit.VOLUME, Measurement)
    assert items[0].recipe.startswith(f"{collection}@")
    assert Counter(item.subject for item in found) == Counter(rows["PatientID"])
    assert Counter((item.study, item.series, item.raw, item.visit_label) for item in found) == Counter(
        zip(
            rows["StudyInstanceUID"],
            rows["ReferencedSeriesInstanceUID"],
            rows["ROIVolume"],
            rows["ClinicalTrialTimePointID"],
            strict=True,
        )
    )
    assert [item.value for item in found] == [Decimal(cell.removesuffix(" cc")) * 1000 for cell in rows["ROIVolume"]]
    organs = {"cptac_ccrcc": ("KIDNEY", ncit.KIDNEY), "cptac_ucec": ("TERUS", ncit.UTERUS)}
    organs["cptac_pda"] = ("PANCREAS", ncit.PANCREAS)
    word, organ = organs[collection]
    assert sum(item.site == organ for item in found) == rows["StructureSetLabel"].str.contains(word).sum()


def test_ctpred_survival_and_earlier_agents():
    path = path_of(TCIA / "ctpred_sunitinib_pannet", "*.xlsx")
    items, frame = read(path, "ctpred_sunitinib_pannet"), frame_of(path)
    outcomes = {item.subject: item for item in observed(items, ncit.PROGRESSION_FREE_SURVIVAL, Outcome)}
    assert {subject: item.raw for subject, item in outcomes.items()} == {
        subject: f"{months} mo" for subject, months in zip(frame["Patient ID"], frame["PFS, months"], strict=True)
    }
    assert sum(item.event for item in outcomes.values()) == (frame["Progression status"] == "PD").sum()
    agents = Counter(item.agent for item in items if isinstance(item, Treatment))
    before = frame["Other treatment before"]
    words = {
        ncit.OCTREOTIDE_ACETATE: "Octreotide",
        ncit.EVEROLIMUS: "Everolimus",
        ncit.CAPECITABINE: "Captem",
        ncit.TEMOZOLOMIDE: "Captem",
    }
    assert agents == {agent: before.str.contains(word).sum() for agent, word in words.items()}


def test_mediastinal_diagnoses_have_a_term_each():
    path = path_of(TCIA / "mediastinal_lymph_node_seg", "*.csv")
    found = observed(read(path, "mediastinal_lymph_node_seg"), ncit.DIAGNOSIS_ASSESSMENT)
    assert Counter(item.raw for item in found) == Counter(frame_of(path)["PrimaryCondition"])
    terms = {item.raw: item.value_concept for item in found}
    assert terms["Breast"] == ncit.MALIGNANT_BREAST_NEOPLASM
    assert terms["Mantle Cell Lymphoma"] == ncit.MANTLE_CELL_LYMPHOMA
    assert q.UNMAPPED not in terms.values()


def test_cervical_cancer_responses_and_deaths():
    path = path_of(TCIA / "cc_tumor_heterogeneity", "*.xlsx")
    items, frame = read(path, "cc_tumor_heterogeneity"), frame_of(path)
    frame = frame[frame["Case Name"] != ""]
    assert not [item for item in items if isinstance(item, Reject)]
    assert {item.subject for item in items[1:]} == set(frame["Case Name"])
    responses = observed(items, ncit.DISEASE_RESPONSE, Response)
    assert Counter(item.raw for item in responses) == Counter(frame["Early response (1-2 months post-therapy)"])
    status = {item.subject: item.value_concept for item in observed(items, ncit.VITAL_STATUS, Finding)}
    cells = frame.set_index("Case Name")["Disease Status (at last contact)"]
    assert status == cells.map(VITAL).to_dict()
    causes = {item.subject for item in observed(items, ncit.CAUSE_OF_DEATH, Finding)}
    assert causes == set(frame[frame["Death from Cervical Cancer (y/n)"] == "y"]["Case Name"])


def test_pulmonary_function():
    path = path_of(TCIA / "ct_vs_pet_ventilation_imaging", "*.xlsx")
    items, frame = read(path, "ct_vs_pet_ventilation_imaging"), frame_of(path, skip=9)
    assert not [item for item in items if isinstance(item, Reject)]
    # in the file the names of the columns stand in two rows; pandas sees the second, which names the subject only
    frame = frame[frame["SUBJECT"] != ""].set_index("SUBJECT").iloc[:, 1]
    wanted = {f"CT-PET-VI-{int(number):02}": Decimal(cell) for number, cell in present(frame).items()}
    found = observed(items, ncit.PERCENT_PREDICTED_FORCED_EXPIRATORY_VOLUME_IN_1_SECOND, Measurement)
    assert {item.subject: item.value for item in found} == wanted
    assert {item.unit for item in found} == {"%"}


def test_ea1141_screening_readings_by_day():
    path = path_of(EA1141, "*screening*.csv")
    items, frame = read(path, "ea1141"), frame_of(path)
    assert not [item for item in items if isinstance(item, Reject)]
    found = Counter(
        (item.subject, item.value_concept, item.when.first, item.when.clock)
        for item in observed(items, radlex.BI_RADS_ASSESSMENT, Finding)
    )
    wanted = Counter(
        (subject, BIRADS[cell], int(day), "from-randomization")
        for reading in ("TOMO", "MRI")
        for subject, cell, day in zip(
            frame["SUBJECT_DE"], frame[f"{reading}_BIRADS_YR0"], frame[f"{reading}_YR0_DATE_DAYS"], strict=True
        )
    )
    assert found == wanted
    status = Counter(item.raw for item in observed(items, ncit.MENOPAUSE_STATUS, Finding))
    assert status == Counter(cell for cell in frame["MRI_MENSTRUALSTATUS_YR0"] if cell != "M")


@pytest.mark.parametrize("path", sorted(BIOTAB.glob("*.txt")), ids=lambda path: path.stem.rsplit("_", 1)[-1])
def test_tcga_survival_takes_one_end_for_each_patient(path):
    items, frame = read(path, None), frame_of(path)
    assert {item.subject for item in items if isinstance(item, Observation)} == set(frame["bcr_patient_barcode"])
    dead, alive = frame["vital_status"] == "Dead", frame["vital_status"] == "Alive"
    outcomes = observed(items, ncit.OVERALL_SURVIVAL, Outcome)
    of_dead = present(frame[dead].set_index("bcr_patient_barcode")["death_days_to"]).map(Decimal).to_dict()
    of_alive = present(frame[alive].set_index("bcr_patient_barcode")["last_contact_days_to"]).map(Decimal).to_dict()
    assert {item.subject: item.value for item in outcomes if item.event} == of_dead
    assert {item.subject: item.value for item in outcomes if item.event is False} == of_alive
    assert {item.start_event for item in outcomes} == {q.DIAGNOSIS_ANCHOR}
    assert not [item for item in items if isinstance(item, Reject)]


@pytest.mark.parametrize("path", sorted(BIOTAB.glob("*.txt")), ids=lambda path: path.stem.rsplit("_", 1)[-1])
def test_tcga_histology_stage_and_response(path):
    items, frame = read(path, None), frame_of(path)
    columns = {
        ncit.MORPHOLOGIC_FINDING: ("histologic_diagnosis", "histologic_diagnosis.1", "histological_type"),
        q.PATHOLOGIC_STAGE: ("ajcc_pathologic_tumor_stage",),
        q.CLINICAL_STAGE: ("clinical_stage",),
        ncit.DISEASE_RESPONSE: ("treatment_outcome_first_course",),
        ncit.RACE: ("race",),
    }
    for variable, names in columns.items():
        wanted = sum((Counter(present(frame[name])) for name in names if name in frame), Counter())
        found = observed(items, variable)
        assert Counter(item.raw for item in found) == wanted, variable
        assert q.UNMAPPED not in {item.value_concept for item in found}, variable
