"""Readings of SDTM at visits that go by number or by name: two readers side by side, and sizes with their roles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

from ingest.run import Job, run
from queries.catalogue import query
from queries.results import run as answer
from store.warehouse import OPERATOR, Warehouse

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "sdtm" / "rs_onco.csv"

HEADER = (
    "STUDYID,DOMAIN,USUBJID,RSSEQ,RSTESTCD,RSTEST,RSCAT,RSORRES,RSSTRESC,RSEVAL,RSEVALID,RSACPTFL,VISITNUM,VISIT,RSDTC"
)
ROWS = """T7,RS,S1,1,OVRLRESP,Overall Response,RECIST 1.1,PR,PR,INVESTIGATOR,,,2,WEEK 6,2020-01-10
T7,RS,S1,2,OVRLRESP,Overall Response,RECIST 1.1,PD,PD,INDEPENDENT ASSESSOR,RADIOLOGIST 1,Y,2,WEEK 6,2020-01-10
T7,RS,S1,3,OVRLRESP,Overall Response,RECIST 1.1,PR,PR,INDEPENDENT ASSESSOR,RADIOLOGIST 2,N,2,WEEK 6,2020-01-10
T7,RS,S1,4,OVRLRESP,Overall Response,RECIST 1.1,SD,SD,INVESTIGATOR,,,2.1,UNSCHED 2.1,2020-02-10
T7,RS,S1,5,OVRLRESP,Overall Response,RECIST 1.1,SD,SD,INDEPENDENT ASSESSOR,RADIOLOGIST 1,Y,2.1,UNSCHED 2.1,2020-02-11
T7,RS,S1,6,OVRLRESP,Overall Response,RECIST 1.1,PD,PD,INVESTIGATOR,,,3,WEEK 12,2020-03-10
T7,RS,S2,7,OVRLRESP,Overall Response,RECIST 1.1,PD,PD,INDEPENDENT ASSESSOR,RADIOLOGIST 1,Y,3,WEEK 12,2020-03-10
"""

SIZES = """STUDYID,DOMAIN,USUBJID,TRSEQ,TRGRPID,TRLNKGRP,TRLNKID,TRTESTCD,TRTEST,TRORRES,TRORRESU,TRSTRESC,TRSTRESN,\
TRSTRESU,TRSTAT,TRREASND,TRMETHOD,TREVAL,TREVALID,TRACPTFL,VISITNUM,VISIT,TRDTC,TRDY
T7,TR,S1,1,TARGET,A1,T01,LDIAM,Longest Diameter,29,mm,29,29,mm,,,CT SCAN,INVESTIGATOR,,,1,BASELINE,2010-03-04,1
T7,TR,S1,2,TARGET,A2,T01,LDIAM,Longest Diameter,25,mm,25,25,mm,,,CT SCAN,INVESTIGATOR,,,2,WEEK 6,2010-04-15,43
T7,TR,S1,3,TARGET,A3,T01,LDIAM,Longest Diameter,25,mm,25,25,mm,,,CT SCAN,INVESTIGATOR,,,2.1,UNSCHED 2.1,2010-05-01,59
"""

Pair = tuple[str, str, str, bool]


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse.open(tmp_path / "var")
    yield opened
    opened.close()


def pairs(warehouse: Warehouse, table: Path) -> list[Pair]:
    run(warehouse, [Job(locators=(str(table),), collection="trial", audience="public")])
    found = answer(warehouse, query("investigator-and-independent"), {"collection": "trial"}, OPERATOR).dicts()
    return sorted(
        (str(row["subject"]), str(row["visitLabel"] or row["visit"]), str(row["independent"]), bool(row["agree"]))
        for row in found
    )


def test_readings_of_one_visit_are_paired(warehouse: Warehouse, tmp_path: Path) -> None:
    """A visit without a number goes by its name; a reading not accepted, or without a partner, is left out."""
    (tmp_path / "rs.csv").write_text(f"{HEADER}\n{ROWS}", encoding="utf-8")
    found = pairs(warehouse, tmp_path / "rs.csv")
    assert found == [("S1", "2", "RADIOLOGIST 1", False), ("S1", "UNSCHED 2.1", "RADIOLOGIST 1", True)]


def test_a_visit_that_was_not_planned_has_its_size_once(warehouse: Warehouse, tmp_path: Path) -> None:
    """A role is given at each visit, by number or by name: a size has that of its visit, once."""
    (tmp_path / "tr.csv").write_text(SIZES, encoding="utf-8")
    job = Job(locators=(str(tmp_path / "tr.csv"),), collection="trial", audience="public")
    assert not run(warehouse, [job]).rejects
    rows = answer(warehouse, query("lesion-diameters"), {"collection": "trial"}, OPERATOR).dicts()
    found = [(row["visit"], bool(row["role"])) for row in rows]
    assert sorted(found, key=str) == [(1, True), (2, True), (None, True)]


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_file(), reason="../shared/data is not present")
def test_real_readings_are_paired_as_pandas_does(warehouse: Warehouse) -> None:
    table = pd.read_csv(REAL)
    # the answer CHECK is no response: it waits for a decision
    said = table[(table["RSTESTCD"] == "OVRLRESP") & (table["RSSTRESC"] != "CHECK")]
    keys = ["USUBJID", "VISITNUM", "VISIT"]
    of_site = said["RSEVAL"] == "INVESTIGATOR"
    both = said[of_site].merge(said[~of_site], on=keys)
    expected = sorted(
        (
            row["USUBJID"],
            str(int(row["VISITNUM"])) if row["VISITNUM"] == int(row["VISITNUM"]) else row["VISIT"],
            row["RSEVALID_y"],
            row["RSSTRESC_x"] == row["RSSTRESC_y"],
        )
        for _, row in both.iterrows()
    )
    assert len(expected) > 1_000
    assert pairs(warehouse, REAL) == expected
