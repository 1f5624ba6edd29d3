"""Ready maps of brain, prostate, breast, lung and spine collections, against pandas over the published tables."""

from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from ingest.base import Context
from ingest.table import reader as table
from ontology.records import Finding, Lesion, Measurement, Outcome, Reject, Response, SourceRecord
from ontology.terms import ncit, q, radlex

CLINICAL = Path(__file__).parents[3] / "shared" / "data" / "clinical" / "tcia"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not CLINICAL.is_dir(), reason="../shared/data is not present"),
]
LUNG3 = "characteristics.tag."

# collection, file, map, subject column, columns of concepts, columns of numbers with the factor to the canonical unit
TABLES = {
    "upenn_gbm": (
        "upenn_gbm",
        "UPENN-GBM_clinical_info_v2.1.csv",
        "ID",
        {
            "Gender": ncit.SEX,
            "Survival_Status": ncit.VITAL_STATUS,
            "IDH1": ncit.IDH1_GENE,
            "MGMT": ncit.MGMT_GENE,
        },
        {"Age_at_scan_years": (ncit.AGE, 1), "KPS": (ncit.KPS_SCALE_KARNOFSKY_PERFORMANCE_STATUS, 1)},
    ),
    "prostate_mri_us_biopsy_targets": (
        "prostate_mri_us_biopsy",
        "Target-Data_2019-12-05-2.xlsx",
        "Patient ID",
        {},
        {"ROI Volume (cc)": (ncit.VOLUME, 1000)},
    ),
    "prostatex_findings": (
        "prostatex",
        "ProstateX-TrainingLesionInformationv2/ProstateX-Findings-Train.csv",
        "ProxID",
        {"zone": radlex.ANATOMICAL_ENTITY, "ClinSig": ncit.CLINICALLY_SIGNIFICANT_INDICATOR},
        {},
    ),
    "remind": (
        "remind",
        "ReMIND-Dataset-Clinical-Data-September-2023.xlsx",
        "Case Number",
        {
            "Sex": ncit.SEX,
            "Race": ncit.RACE,
            "WHO Grade": ncit.HISTOLOGIC_GRADE,
            "Histopathology": ncit.MORPHOLOGIC_FINDING,
            "IDH-mutant": ncit.IDH_GENE_FAMILY,
        },
        {"Age": (ncit.AGE, 1), "Preoperative Tumor Volume": (ncit.VOLUME, 1000)},
    ),
    "qin_breast": (
        "qin_breast",
        "QIN-Breast_TreatmentResponse2014-12-16.xlsx",
        "Patient ID",
        {"Response": ncit.PATHOLOGIC_RESPONSE},
        {},
    ),
    "nsclc_radiomics_genomics_lung3": (
        "nsclc_radiomics_genomics",
        "Lung3.metadata.xls",
        "sample.name",
        {
            f"{LUNG3}histology": ncit.MORPHOLOGIC_FINDING,
            f"{LUNG3}stage.primary.tumor": ncit.GENERIC_PRIMARY_TUMOR_TNM_FINDING,
            f"{LUNG3}stage.nodes": ncit.GENERIC_REGIONAL_LYMPH_NODES_TNM_FINDING,
            f"{LUNG3}grade": ncit.HISTOLOGIC_GRADE,
        },
        {f"{LUNG3}tumor.size.maximumdiameter": (ncit.TUMOR_SIZE, 10)},
    ),
    "nsclc_radiomics_interobserver1": (
        "nsclc_radiomics_interobserver1",
        "Interobserver1.clinical_updated_released_2019-June-17.csv",
        "PatientID",
        {
            "Sex": ncit.SEX,
            "Histology": ncit.MORPHOLOGIC_FINDING,
            "TumourLocation": ncit.ANATOMIC_SITE,
            "Overall.Stage": ncit.DISEASE_STAGE_QUALIFIER,
        },
        {"Age.years": (ncit.AGE, 1)},
    ),
    "varepop_apollo": (
        "varepop_apollo",
        "VAREPOP-APOLLO-DA-OTHER_073125_2.csv",
        "Patient ID",
        {"Disease Site": ncit.ANATOMIC_SITE, "Cancer Type": ncit.DIAGNOSIS_ASSESSMENT},
        {},
    ),
    "spie_aapm_lung_ct_challenge_calibration": (
        "spie_aapm_lung_ct_challenge",
        "CalibrationSet_NoduleData.xlsx",
        "Scan Number",
        {"Diagnosis": ncit.DIAGNOSIS_ASSESSMENT},
        {},
    ),
    "spie_aapm_lung_ct_challenge_test": (
        "spie_aapm_lung_ct_challenge",
        "TestSet_NoduleData_PublicRelease_wTruth.xlsx",
        "Scan Number",
        {"Final Diagnosis": ncit.DIAGNOSIS_ASSESSMENT},
        {},
    ),
    "spine_mets_ct_seg": (
        "spine_mets_ct_seg",
        "Spine-Mets-CT-SEG_Clinical.xlsx",
        "Case",
        {"Sex": ncit.SEX, "Primary cancer": ncit.ANATOMIC_SITE},
        {
            "Age (Y)": (ncit.AGE_AT_DIAGNOSIS, 1),
            "Height (m)": (ncit.HEIGHT, 100),
            "BMI (kg/m^2)": (ncit.BODY_MASS_INDEX, 1),
        },
    ),
}
MISSING = ["", "NA", "Not Available"]


def frame_of(name):
    """The rows of a published table that its map reads, as text."""
    collection, file, key, *_ = TABLES[name]
    path = CLINICAL / collection / file
    text = {"dtype": str, "keep_default_na": False}
    if path.suffix == ".csv":
        frame = pd.read_csv(path, **text)
    else:
        engine = {".xlsx": "openpyxl", ".xls": "calamine"}[path.suffix]
        sheet = "Spine-Mets-CT-SEG" if name == "spine_mets_ct_seg" else 0
        frame = pd.read_excel(path, sheet_name=sheet, engine=engine, **text)
    frame = frame.map(str.strip)
    if name == "upenn_gbm":
        frame[key] = frame[key].str.removesuffix("_11").str.removesuffix("_21")
        frame = frame.drop_duplicates(key)  # a second surgery stands in a row below the first
    if name == "remind":
        frame[key] = "ReMIND-" + frame[key]
    if name == "spie_aapm_lung_ct_challenge_calibration":
        frame[key] = frame[key].str.replace("-lc", "-LC").str.replace("-be", "-BE")
    if name == "prostate_mri_us_biopsy_targets":
        frame = frame.drop_duplicates([key, "seriesInstanceUID_MR", "Target No.", "ROI Volume (cc)"])
    if name.startswith("spie"):
        frame = frame[frame["Nodule Center Image"] != ""]
    return frame


@pytest.fixture(scope="module", params=TABLES)
def ready(request):
    """A map's name, its records and the rows that they come from."""
    collection, file, *_ = TABLES[request.param]
    items = list(table.SOURCE.read(iter([str(CLINICAL / collection / file)]), Context(collection=collection)))
    return request.param, items, frame_of(request.param)


def facts(items, variable):
    return [item for item in items if getattr(item, "variable", None) == variable]


def test_the_table_is_taken_by_its_map_alone_and_comes_in_whole(ready):
    name, items, frame = ready
    assert isinstance(items[0], SourceRecord)
    assert items[0].recipe.split("@")[0] == name
    assert [item for item in items if isinstance(item, Reject)] == []
    _, _, key, concepts, numbers = TABLES[name]
    observed = [item for item in items if isinstance(item, Finding | Measurement | Response | Outcome)]
    given = frame[[*concepts, *numbers]].apply(lambda row: any(cell not in MISSING for cell in row), axis=1)
    assert {item.subject for item in observed} == set(frame[given][key])
    assert len({item.key for item in observed}) == len(observed)


def test_concepts_are_those_of_the_table(ready):
    name, items, frame = ready
    _, _, key, concepts, _ = TABLES[name]
    for column, variable in concepts.items():
        present = frame[~frame[column].isin(MISSING)]
        found = facts(items, variable)
        assert Counter((item.subject, item.raw) for item in found) == Counter(
            zip(present[key], present[column], strict=True)
        ), column
        assert Counter(item.raw for item in found) == present[column].value_counts().to_dict()
        assert all(item.value_concept or item.absent_reason for item in found)


def test_numbers_are_those_of_the_table(ready):
    name, items, frame = ready
    *_, numbers = TABLES[name]
    for column, (variable, factor) in numbers.items():
        present = pd.to_numeric(frame[column][~frame[column].isin(MISSING)])
        found = pd.Series([float(item.value) for item in facts(items, variable)])
        assert len(found) == len(present), column
        assert found.median() == pytest.approx(present.median() * factor)
        assert sorted(found) == pytest.approx(sorted(present * factor))


def records(name):
    collection, file, *_ = TABLES[name]
    return list(table.SOURCE.read(iter([str(CLINICAL / collection / file)]), Context(collection=collection)))


def test_survival_of_upenn_gbm_is_from_surgery_and_each_subject_has_one():
    frame = frame_of("upenn_gbm").set_index("ID")
    frame = frame[frame["Time_since_baseline_preop"] == "0"]
    outcomes = [item for item in records("upenn_gbm") if isinstance(item, Outcome)]
    died = frame["Survival_from_surgery_days_UPDATED"]
    assert {item.subject: str(item.value) for item in outcomes if item.event} == died[died != "Not Available"].to_dict()
    alive = frame["Survival_Censor"]
    assert {item.subject: str(item.value) for item in outcomes if item.event is False} == alive[
        alive != "Not Available"
    ].to_dict()
    assert sorted(item.subject for item in outcomes) == sorted(frame.index)
    assert {item.start_event for item in outcomes} == {q.SURGERY_ANCHOR}


def test_subjects_of_upenn_gbm_with_a_second_surgery_alone_are_among_them():
    subjects = {item.subject for item in records("upenn_gbm") if isinstance(item, Finding)}
    assert len(subjects) == 630
    assert {item.subject for item in records("upenn_gbm") if isinstance(item, Outcome)} < subjects


def test_tumors_of_remind_have_the_side_that_their_location_names():
    found = facts(records("remind"), radlex.ANATOMICAL_ENTITY)
    assert len(found) > 80
    for item in found:
        assert item.laterality == (ncit.LEFT if "Left" in item.raw else ncit.RIGHT)
    sides = {item.subject: item.value_concept for item in facts(records("remind"), ncit.LATERALITY)}
    assert all(sides[item.subject] == item.laterality for item in found)


def test_targets_of_one_mri_are_lesions_of_its_subject():
    items = records("prostate_mri_us_biopsy_targets")
    frame = frame_of("prostate_mri_us_biopsy_targets")
    frame = frame[frame["ROI Volume (cc)"] != ""]
    named = frame["seriesInstanceUID_MR"] + "-" + frame["Target No."]
    assert Counter((item.subject, item.lesion) for item in facts(items, ncit.VOLUME)) == Counter(
        zip(frame["Patient ID"], named, strict=True)
    )


def test_lesions_of_prostatex_are_as_many_as_findings():
    items = records("prostatex_findings")
    assert len({(item.subject, item.key) for item in items if isinstance(item, Lesion)}) == len(
        frame_of("prostatex_findings")
    )
    significant = facts(items, ncit.CLINICALLY_SIGNIFICANT_INDICATOR)
    assert all(item.lesion and item.site for item in significant)
    assert {item.raw: item.value_concept for item in significant} == {"TRUE": ncit.YES, "FALSE": ncit.NO}


@pytest.mark.parametrize(
    ("file", "variables"),
    [
        ("ProstateX-2-Findings-Test.csv", {radlex.ANATOMICAL_ENTITY}),
        ("ProstateX-TestLesionInformation/ProstateX-Findings-Test.csv", {radlex.ANATOMICAL_ENTITY}),
        ("ProstateX-Findings-Test.csv", {radlex.ANATOMICAL_ENTITY, ncit.CLINICALLY_SIGNIFICANT_INDICATOR}),
    ],
)
def test_the_test_sets_of_prostatex_are_read_by_the_same_map(file, variables):
    path = CLINICAL / "prostatex" / file
    items = list(table.SOURCE.read(iter([str(path)]), Context(collection="prostatex")))
    frame = pd.read_csv(path, dtype=str, keep_default_na=False)
    assert not [item for item in items if isinstance(item, Reject)]
    found = [item for item in items if isinstance(item, Finding)]
    assert {item.variable for item in found} == variables
    assert (
        Counter(item.raw for item in facts(items, radlex.ANATOMICAL_ENTITY)) == frame["zone"].value_counts().to_dict()
    )
    assert {item.subject for item in found} == set(frame["ProxID"])


def test_pt1_tumors_of_lung3_measure_three_centimeters_at_most():
    items = records("nsclc_radiomics_genomics_lung3")
    sizes = {item.subject: item.value for item in facts(items, ncit.TUMOR_SIZE)}
    stages = facts(items, ncit.GENERIC_PRIMARY_TUMOR_TNM_FINDING)
    small = [sizes[item.subject] for item in stages if item.raw.startswith("pT1")]
    assert len(small) == sum(
        frame_of("nsclc_radiomics_genomics_lung3")[f"{LUNG3}stage.primary.tumor"].str.startswith("pT1")
    )
    assert max(small) <= 30
