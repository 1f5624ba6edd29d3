"""The harmonised question over the real tables of many collections, against pandas over the published spreadsheets.

Each collection states here, anew and by hand, how its columns answer; nothing of our readers or maps is used for that.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pytest

from ingest.run import Job, run
from queries import results
from queries.catalogue import query
from store.warehouse import ANONYMOUS, Warehouse

CLINICAL = Path(__file__).parents[2].parent / "shared" / "data" / "clinical"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not CLINICAL.is_dir(), reason="../shared/data is not present"),
]

ACRIN = "tcia/acrin_nsclc_fdg_pet/ACRIN 6668 NSCLC FDG PET - ACRIN Data TCIA Anonymized"
TCGA_MISSING = {"", "[Not Available]", "[Not Applicable]", "[Not Evaluated]", "[Unknown]", "[Discrepancy]"}
STAGES = {"I": "Stage I", "II": "Stage II", "IIIa": "Stage IIIA", "IIIb": "Stage IIIB"}
EARLY = {"Ia": "Stage IA", "Ib": "Stage IB", "IIb": "Stage IIB"}
SEX = {"M": "Male", "F": "Female", "1": "Male", "2": "Female"}
LUNG = {
    "adenocarcinoma": "Lung Adenocarcinoma",
    "large cell": "Lung Large Cell Carcinoma",
    "squamous cell carcinoma": "Lung Squamous Cell Carcinoma",
    "nos": "Lung Non-Small Cell Carcinoma",
}
MONTH = 30.4375


def read(name: str) -> pd.DataFrame:
    """A published table as text."""
    path = CLINICAL / name
    if path.suffix == ".csv":
        return pd.read_csv(path, dtype=str, keep_default_na=False)
    if path.suffix == ".txt":
        return pd.read_csv(path, dtype=str, keep_default_na=False, sep="\t").iloc[2:]
    return pd.read_excel(path, dtype=str, keep_default_na=False, engine="calamine")


@dataclass(frozen=True)
class Case:
    """A collection: its files, and the question's columns by subject as pandas has them from those files."""

    files: tuple[str, ...]
    answer: Callable[[], pd.DataFrame]
    """Indexed by subject; a column that it does not have is not compared."""


def numbers(column: pd.Series, factor: float = 1) -> pd.Series:
    return pd.to_numeric(column, errors="coerce") * factor


def ages(column: pd.Series) -> pd.Series:
    """Years; the gate keeps an age above 89 as a bound, which is no number."""
    years = numbers(column)
    return years.where(years < 90)


def lung1() -> pd.DataFrame:
    frame = read("tcia/nsclc_radiomics/NSCLC-Radiomics-Lung1.clinical-version3-Oct-2019.csv").set_index("PatientID")
    dead = frame["deadstatus.event"] == "1"
    return pd.DataFrame(
        {
            "diagnosedLabel": frame["Histology"].map(LUNG),
            "stagedLabel": frame["Overall.Stage"].map(STAGES),
            "whichStage": frame["Overall.Stage"].map(STAGES).notna().map({True: "overall"}),
            "sexedLabel": frame["gender"].str.capitalize(),
            "age": ages(frame["age"]),
            "statusLabel": dead.map({True: "Dead", False: "Alive"}),
            "days": numbers(frame["Survival.time"]),
            "died": dead,
        }
    )


def interobserver() -> pd.DataFrame:
    frame = read("tcia/nsclc_radiomics_interobserver1/Interobserver1.clinical_updated_released_2019-June-17.csv")
    frame = frame.set_index("PatientID")
    return pd.DataFrame(
        {
            "stagedLabel": frame["Overall.Stage"].map(STAGES | EARLY),
            "sexedLabel": frame["Sex"].str.capitalize(),
            "age": ages(frame["Age.years"]),
        }
    )


def kidneys() -> pd.DataFrame:
    frame = read("tcia/c4kc_kits/C4KC-KiTS_Clinical-Data_Version-1.csv").set_index("patient_id")
    dead = frame["vital_status"] == "dead"
    return pd.DataFrame(
        {
            "sexedLabel": frame["gender"].str.capitalize(),
            "age": ages(frame["age_at_nephrectomy"]),
            "statusLabel": dead.map({True: "Dead", False: "Alive"}),
            "days": numbers(frame["vital_days_after_surgery"]),
            "died": dead,
            "startEventLabel": "surgery",
        }
    )


def liver() -> pd.DataFrame:
    frame = read("tcia/colorectal_liver_metastases/Colorectal-Liver-Metastases-Clinical-data-April-2023.xlsx")
    frame = frame.set_index("Patient-ID")
    dead = frame["vital_status"] == "1"
    return pd.DataFrame(
        {
            "sexedLabel": frame["sex"].map(SEX),
            "age": ages(frame["age"]),
            "statusLabel": dead.map({True: "Dead", False: "Alive"}),
            "days": numbers(frame["overall_survival_months"], MONTH),
            "died": dead,
        }
    )


def glioblastoma() -> pd.DataFrame:
    frame = read("tcia/upenn_gbm/UPENN-GBM_clinical_info_v2.1.csv")
    frame = frame[frame["Time_since_baseline_preop"] == "0"]
    frame = frame.assign(ID=frame["ID"].str.removesuffix("_11")).set_index("ID")
    days, censored = numbers(frame["Survival_from_surgery_days_UPDATED"]), numbers(frame["Survival_Censor"])
    # a subject that has no day of death was alive when last seen, also where it was then lost
    words = {"Alive": "Alive", "Deceased": "Dead", "Lost to Follow-up": "Alive"}
    words["Deceased - uncertain date of death"] = "Dead"
    return pd.DataFrame(
        {
            "sexedLabel": frame["Gender"].map(SEX),
            "age": ages(frame["Age_at_scan_years"]),
            "statusLabel": frame["Survival_Status"].map(words).where(days.isna(), "Dead"),
            "days": days.where(days.notna(), censored),
            "died": days.notna().where(days.notna() | censored.notna()),
        }
    )


def acrin() -> pd.DataFrame:
    base = read(f"{ACRIN}/A0.csv").set_index("cn")
    stage = read(f"{ACRIN}/I1.csv").set_index("cn")["i1e6"]
    follow = read(f"{ACRIN}/F1.csv")
    dead, alive = (set(follow.loc[follow["f1e2"] == code, "cn"]) for code in "21")
    status = {**dict.fromkeys(alive, "Alive"), **dict.fromkeys(dead, "Dead")}
    named = stage.map({"1": "Stage IIB", "2": "Stage IIIA", "3": "Stage IIIB", "4": "unmapped: 4"})
    return pd.DataFrame(
        {
            "stagedLabel": named.reindex(base.index),
            "sexedLabel": base["a0e11"].map(SEX),
            "age": ages(base["entryage"]),
            "statusLabel": pd.Series(base.index.map(status), index=base.index),
        }
    )


def pancreas() -> pd.DataFrame:
    frame = read("tcia/ctpred_sunitinib_pannet/Clinical-Information-for-CTpred-Sunitinib-panNET.xlsx")
    frame = frame.set_index("Patient ID")
    return pd.DataFrame({"sexedLabel": frame["Sex"], "ageAtDiagnosis": ages(frame["Age at diagnosis"])})


def neoadjuvant() -> pd.DataFrame:
    frame = read("tcia/ispy2/ISPY2-Imaging-Cohort-1-Clinical-Data.xlsx").set_index("Patient_ID")
    words = {"1": "Pathologic Complete Response", "0": "unmapped: 0"}
    return pd.DataFrame({"age": ages(frame["Age_at_Screening"]), "respondedLabel": frame["pCR"].map(words)}).assign(
        whichResponse="pathologic"
    )


def lymph_nodes() -> pd.DataFrame:
    frame = read("tcia/mediastinal_lymph_node_seg/Mediastinal-Lymph-Node-SEG-VER1-CLINICAL-1.csv").set_index("case")
    return pd.DataFrame({"sexedLabel": frame["PatientSex"].map(SEX)})


def screening() -> pd.DataFrame:
    frame = read("tcia/cmmd/CMMD_clinicaldata_revision.xlsx")
    subtype = {
        "Luminal A": "Luminal A Breast Carcinoma",
        "Luminal B": "Luminal B Breast Carcinoma",
        "HER2-enriched": "HER2-Positive Breast Carcinoma",
        "triple negative": "Triple-Negative Breast Carcinoma",
    }
    rows = frame.groupby("ID1")
    kinds = rows["subtype"].agg(lambda cells: next((subtype[c] for c in sorted(cells) if c in subtype), None))
    malignant = rows["classification"].agg(lambda cells: "Malignant" if "Malignant" in set(cells) else "Benign")
    several = rows["subtype"].agg(lambda cells: len(set(cells) & subtype.keys()) > 1)
    found = pd.DataFrame(
        {
            "diagnosedLabel": kinds.where(kinds.notna(), malignant),
            "age": rows["Age"].agg(lambda cells: min(map(float, cells))),
        }
    )
    return found[~several]


def tcga(name: str, stage: str | None, which: str | None = None) -> Callable[[], pd.DataFrame]:
    def answer() -> pd.DataFrame:
        frame = read(f"tcga_biotab/nationwidechildrens.org_clinical_patient_{name}.txt")
        frame = frame.set_index("bcr_patient_barcode").map(str.strip)
        age = "age_at_diagnosis" if "age_at_diagnosis" in frame else "age_at_initial_pathologic_diagnosis"
        death, contact = numbers(frame["death_days_to"]), numbers(frame["last_contact_days_to"])
        # only of the living is the last contact an end of survival
        stated = frame["vital_status"].where(frame["vital_status"].isin(["Alive", "Dead"]))
        days = death.where(death.notna(), contact.where(stated == "Alive"))
        found = pd.DataFrame(
            {
                "sexedLabel": frame["gender"].str.capitalize(),
                "ageAtDiagnosis": ages(frame[age]),
                "statusLabel": stated.where(death.isna(), "Dead"),
                "days": days,
                "died": death.notna().where(days.notna() & (death.notna() | stated.notna())),
                "startEventLabel": pd.Series("diagnosis", index=frame.index).where(days.notna()),
            }
        )
        if stage:
            staged = frame[stage].where(~frame[stage].isin(TCGA_MISSING))
            found["stagedLabel"] = staged
            found["whichStage"] = staged.notna().map({True: which})
        return found

    return answer


def biotab(name: str) -> tuple[str, ...]:
    return (f"tcga_biotab/nationwidechildrens.org_clinical_patient_{name}.txt",)


CASES = {
    "nsclc_radiomics": Case(("tcia/nsclc_radiomics/NSCLC-Radiomics-Lung1.clinical-version3-Oct-2019.csv",), lung1),
    "nsclc_radiomics_interobserver1": Case(
        ("tcia/nsclc_radiomics_interobserver1/Interobserver1.clinical_updated_released_2019-June-17.csv",),
        interobserver,
    ),
    "c4kc_kits": Case(("tcia/c4kc_kits/C4KC-KiTS_Clinical-Data_Version-1.csv",), kidneys),
    "colorectal_liver_metastases": Case(
        ("tcia/colorectal_liver_metastases/Colorectal-Liver-Metastases-Clinical-data-April-2023.xlsx",), liver
    ),
    "upenn_gbm": Case(("tcia/upenn_gbm/UPENN-GBM_clinical_info_v2.1.csv",), glioblastoma),
    # case numbers that the cross-walk has not linked to the images' subjects
    "acrin_nsclc_fdg_pet": Case(
        (f"{ACRIN}/A0.csv", f"{ACRIN}/I1.csv", f"{ACRIN}/F1.csv"), lambda: acrin().rename(index="acrin-case|{}".format)
    ),
    "ctpred_sunitinib_pannet": Case(
        ("tcia/ctpred_sunitinib_pannet/Clinical-Information-for-CTpred-Sunitinib-panNET.xlsx",), pancreas
    ),
    "ispy2": Case(("tcia/ispy2/ISPY2-Imaging-Cohort-1-Clinical-Data.xlsx",), neoadjuvant),
    "mediastinal_lymph_node_seg": Case(
        ("tcia/mediastinal_lymph_node_seg/Mediastinal-Lymph-Node-SEG-VER1-CLINICAL-1.csv",), lymph_nodes
    ),
    "cmmd": Case(("tcia/cmmd/CMMD_clinicaldata_revision.xlsx",), screening),
    "tcga_luad": Case(biotab("luad"), tcga("luad", "ajcc_pathologic_tumor_stage", "pathologic")),
    "tcga_lihc": Case(biotab("lihc"), tcga("lihc", "ajcc_pathologic_tumor_stage", "pathologic")),
    "tcga_dlbc": Case(biotab("dlbc"), tcga("dlbc", "clinical_stage", "clinical")),
    "tcga_gbm": Case(biotab("gbm"), tcga("gbm", None)),
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """All the collections together, so that what is asked of one has to be told from the others."""
    opened = Warehouse.open(tmp_path_factory.mktemp("harmonised"))
    run(
        opened,
        [
            Job(locators=tuple(str(CLINICAL / file) for file in case.files), collection=name, audience="public")
            for name, case in CASES.items()
        ],
    )
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def answers(warehouse: Warehouse) -> pd.DataFrame:
    return pd.DataFrame(results.run(warehouse, query("harmonised-subjects"), {}, ANONYMOUS).dicts())


@pytest.mark.parametrize("name", CASES)
def test_each_subject_is_answered_as_its_table_says(name: str, answers: pd.DataFrame) -> None:
    expected = CASES[name].answer()
    found = answers[answers["collection"] == name].set_index("subject")
    assert found.index.is_unique
    assert set(expected.index) <= set(found.index)
    found = found.loc[expected.index]
    for column in expected:
        wanted, given = expected[column], found[column]
        if column in {"days", "age", "ageAtDiagnosis"}:
            pd.testing.assert_series_equal(given.astype(float), wanted.astype(float), check_names=False)
            assert wanted.notna().any(), column
        else:
            told = [None if pd.isna(cell) else cell for cell in wanted]
            assert any(cell is not None for cell in told), column
            assert [None if pd.isna(cell) else cell for cell in given] == told, column


def test_the_triples_answer_the_same(warehouse: Warehouse, answers: pd.DataFrame) -> None:
    """What the record log was asked, asked of the triples."""
    asked = replace(query("harmonised-subjects"), sql=None)
    rows = list(results.run(warehouse, asked, {}, ANONYMOUS, seconds=120).dicts())
    assert rows == list(results.run(warehouse, query("harmonised-subjects"), {}, ANONYMOUS).dicts())
    assert len(rows) == len(answers)


def test_counts_are_those_of_the_rows(warehouse: Warehouse, answers: pd.DataFrame) -> None:
    rows = pd.DataFrame(results.run(warehouse, query("harmonised-counts"), {}, ANONYMOUS).dicts())
    by = ["collection", "diagnosedLabel", "stagedLabel", "sexedLabel", "statusLabel", "respondedLabel"]
    wanted = answers.fillna(dict.fromkeys(by, "")).groupby(by).size()
    found = rows.fillna(dict.fromkeys(by, "")).groupby(by)["subjects"].sum()
    pd.testing.assert_series_equal(found, wanted, check_names=False)


def test_counts_by_filter_are_those_of_the_rows(warehouse: Warehouse, answers: pd.DataFrame) -> None:
    asked = {"stage": "Stage III", "sex": "ncit:C16576", "vital": "ncit:C28554"}
    rows = results.run(warehouse, query("harmonised-subjects"), asked, ANONYMOUS).dicts()
    stage = answers["stagedLabel"].fillna("").str.startswith("Stage III")
    women = answers[stage & (answers["sexedLabel"] == "Female") & (answers["statusLabel"] == "Dead")]
    assert Counter(row["collection"] for row in rows) == Counter(women["collection"])
    assert len(women) > 50
