"""The question of NSCLC-Radiomics (Lung1): imaging and survival by stage, held against the spreadsheet itself."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from ingest.run import Job, run
from queries import results
from queries.catalogue import query
from store.warehouse import ANONYMOUS, Warehouse

TABLE = (
    Path(__file__).parents[3]
    / "shared/data/clinical/tcia/nsclc_radiomics/NSCLC-Radiomics-Lung1.clinical-version3-Oct-2019.csv"
)


@pytest.mark.real
@pytest.mark.skipif(not TABLE.exists(), reason="../shared/data is not present")
def test_survival_by_stage_is_that_of_the_spreadsheet(tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path, workers=1)
    try:
        places = ("idc://nsclc_radiomics", str(TABLE))
        run(warehouse, [Job(locators=(place,), collection="nsclc_radiomics", audience="public") for place in places])
        answer = results.run(warehouse, query("survival-by-stage"), {"collection": "nsclc_radiomics"}, ANONYMOUS)
        persons = results.run(warehouse, query("stage-imaging-survival"), {}, ANONYMOUS)
    finally:
        warehouse.close()
    table = pd.read_csv(TABLE)
    found = {str(row["stageLabel"]).removeprefix("Stage ").upper(): row for row in answer.dicts()}
    for stage, group in table.groupby(table["Overall.Stage"].str.upper()):
        dead = group[group["deadstatus.event"] == 1]
        row = found.pop(str(stage))
        assert (row["subjects"], row["dead"]) == (len(group), len(dead))
        assert row["medianDays"] == Decimal(str(dead["Survival.time"].median()))
        assert (row["seriesCount"], row["annotated"]) == (len(group), len(group))
    assert found == {}
    assert len(persons.rows) == table["Overall.Stage"].notna().sum()
