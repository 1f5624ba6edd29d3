"""The main job on real data: the Lung1 spreadsheet and the image catalogue of its subjects, in one question.

The same figures are computed directly from the two sources with pandas and DuckDB.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from ingest.run import Job, run
from queries.catalogue import query
from queries.results import run as answer
from store.warehouse import ANONYMOUS, OPERATOR, Warehouse

SHARED = Path(__file__).parents[1] / ".." / "shared" / "data"
TABLE = SHARED / "clinical/tcia/nsclc_radiomics/NSCLC-Radiomics-Lung1.clinical-version3-Oct-2019.csv"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not TABLE.exists(), reason="../shared/data is not present"),
]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    opened = Warehouse.open(tmp_path_factory.mktemp("lung1"))
    catalogue = Job(locators=("idc://nsclc_radiomics",), collection="nsclc_radiomics", audience="public")
    table = Job(locators=(str(TABLE),), collection="nsclc_radiomics", audience="public")
    report = run(opened, [catalogue, table])
    assert report.rejects == []
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def direct() -> pd.DataFrame:
    """Stage as written, subjects, CT series, subjects with RTSTRUCT, median survival of the dead: from the sources."""
    import idc_index_data

    clinical = pd.read_csv(TABLE, dtype=str, keep_default_na=False)
    index = str(idc_index_data.IDC_INDEX_PARQUET_FILEPATH)
    images = duckdb.execute(
        "SELECT PatientID, count(*) FILTER (Modality = 'CT') AS ct, bool_or(Modality = 'RTSTRUCT') AS rtstruct "
        "FROM read_parquet(?) WHERE collection_id = 'nsclc_radiomics' GROUP BY ALL",
        [index],
    ).df()
    joined = clinical.merge(images, on="PatientID", how="left")
    assert joined.ct.notna().all()
    joined["days"] = joined["Survival.time"].astype(float).where(joined["deadstatus.event"] == "1")
    return joined.groupby("Overall.Stage").agg(
        subjects=("PatientID", "nunique"), ct=("ct", "sum"), rtstruct=("rtstruct", "sum"), median=("days", "median")
    )


def test_one_question_across_images_and_clinical_data(warehouse: Warehouse, direct: pd.DataFrame) -> None:
    sparql = """
    SELECT ?stage ?subject ?days (COUNT(DISTINCT ?ct) AS ?cts) (COUNT(DISTINCT ?rt) > 0 AS ?contoured) {
      ?finding q:variable ncit:C28108 ; q:raw ?stage ; q:subject ?subject .
      OPTIONAL { ?ct q:subject ?subject ; q:modality dcm:CT }
      OPTIONAL { ?rt q:subject ?subject ; q:modality dcm:RTSTRUCT }
      OPTIONAL { ?os q:subject ?subject ; q:variable ncit:C125201 ; q:event true ; q:value ?days }
    } GROUP BY ?stage ?subject ?days
    """
    rows = [[term.value if term else None for term in row] for row in warehouse.select(sparql, ANONYMOUS).rows]
    found = pd.DataFrame(rows, columns=["stage", "subject", "days", "cts", "contoured"])
    figures = (
        found.assign(days=found.days.astype(float), cts=found.cts.astype(int), contoured=found.contoured == "true")
        .groupby("stage")
        .agg(
            subjects=("subject", "nunique"), ct=("cts", "sum"), rtstruct=("contoured", "sum"), median=("days", "median")
        )
    )
    written = direct[direct.index != "NA"]
    assert figures.index.tolist() == written.index.tolist() == ["I", "II", "IIIa", "IIIb"]
    for column in ("subjects", "ct", "rtstruct", "median"):
        assert figures[column].astype(float).tolist() == written[column].astype(float).tolist(), column


def test_the_curated_query_gives_the_same_figures(warehouse: Warehouse, direct: pd.DataFrame) -> None:
    table = answer(warehouse, query("survival-by-stage"), {"collection": "nsclc_radiomics"}, ANONYMOUS)
    figures = {row["stageLabel"]: (row["subjects"], row["annotated"], row["medianDays"]) for row in table.dicts()}
    names = {"I": "Stage I", "II": "Stage II", "IIIa": "Stage IIIA", "IIIb": "Stage IIIB"}
    for written, label in names.items():
        expected = direct.loc[written]
        subjects, annotated, median = figures[label]
        assert (subjects, annotated) == (expected.subjects, expected.rtstruct)
        assert float(str(median)) == expected["median"]


def test_all_subjects_link(warehouse: Warehouse) -> None:
    linked = """
    SELECT (COUNT(DISTINCT ?s) AS ?n) {
      ?s a q:Subject . ?series a q:Series ; q:subject ?s . ?outcome a q:Outcome ; q:subject ?s
    }"""
    subjects = "SELECT (COUNT(?s) AS ?n) { ?s a q:Subject }"
    for query_text in (linked, subjects):
        [[count]] = warehouse.select(query_text, OPERATOR).rows
        assert count is not None
        assert count.value == "422"


def test_what_the_source_wrote_is_kept_visible(warehouse: Warehouse) -> None:
    def raws(variable: str) -> dict[tuple[str, str], int]:
        facts = f"?f q:variable {variable} ; q:raw ?r ; q:valueConcept ?c"
        text = f"SELECT ?r ?c (COUNT(*) AS ?n) {{ {facts} }} GROUP BY ?r ?c"
        rows = warehouse.select(text, OPERATOR).rows
        return {(r.value, c.value.rsplit("/", 1)[-1]): int(n.value) for r, c, n in rows if r and c and n}

    source = pd.read_csv(TABLE, dtype=str, keep_default_na=False)
    assert raws("ncit:C28108")["IIIb", "NCIT_C27978"] == (source["Overall.Stage"] == "IIIb").sum()
    unmapped = {raw: count for (raw, concept), count in raws("ncit:C48885").items() if concept == "ns#Unmapped"}
    assert unmapped == {"5": (source["clinical.T.Stage"] == "5").sum()}
