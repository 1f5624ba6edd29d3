"""Curated queries that the record log answers, against their own SPARQL in pyoxigraph, over one data folder.

Run ``QILIN_HOME=… python -m benchmarks.queries [NAME …]``: whether both give the same rows is checked. With
``--tables FOLDER`` the sums of diameters are also made by pandas from the SDTM tables of a folder (``tr_onco.csv``,
``tu_onco.csv``), read anew, as a script for that one study would.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from pathlib import Path

import pandas as pd

from queries.catalogue import Query, queries
from queries.results import run
from store.warehouse import OPERATOR, Warehouse
from store.workers import QueryError

SECONDS = 300.0
"""What the triples may take."""


def compare(warehouse: Warehouse, query: Query) -> str:
    """Both ways of one query, in words; the log is asked twice, and the second time counts."""
    run(warehouse, query, {}, OPERATOR)
    started = time.perf_counter()
    ours = run(warehouse, query, {}, OPERATOR).rows
    between = time.perf_counter()
    try:
        theirs = run(warehouse, replace(query, sql=None), {}, OPERATOR, SECONDS).rows
    except QueryError as error:
        return f"{query.name}: {len(ours):,} rows, {between - started:.2f} s; the triples: {error}"
    took = time.perf_counter() - between
    same = "the same" if ours == theirs else "NOT THE SAME"
    return f"{query.name}: {len(ours):,} rows, {between - started:.2f} s; the triples {took:.2f} s, {same}"


def by_pandas(folder: Path) -> str:
    """The sums of target diameters of SDTM tables by reader and visit, with their change, in words."""
    started = time.perf_counter()
    sizes, places = (pd.read_csv(folder / name, low_memory=False) for name in ("tr_onco.csv", "tu_onco.csv"))
    nodes = places.loc[places["TULOC"] == "LYMPH NODE", ["USUBJID", "TULNKID"]].drop_duplicates()
    sizes["reader"] = sizes["TREVALID"].fillna(sizes["TREVAL"])
    joined = sizes.merge(nodes, left_on=["USUBJID", "TRLNKID"], right_on=["USUBJID", "TULNKID"], how="left")
    axis = joined["TULNKID"].isna().map({True: "LDIAM", False: "LPERP"})
    targets = joined[(joined["TRGRPID"] == "TARGET") & (joined["TRTESTCD"] == axis)]
    keys = ["USUBJID", "reader", "VISITNUM", "VISIT", "TRDTC"]
    sums = targets.groupby(keys, dropna=False)["TRSTRESN"].agg(["sum", "count", "size"]).reset_index()
    first = sums[sums["VISITNUM"] == sums.groupby("USUBJID")["VISITNUM"].transform("min")]
    compared = sums.merge(first[["USUBJID", "reader", "sum"]], on=["USUBJID", "reader"], suffixes=("", " first"))
    change = (1000 * compared["sum"] / compared["sum first"]).round() / 10 - 100
    told = change.where(compared["count"] == compared["size"]).count()
    return f"pandas from the tables: {len(sums):,} rows, {told:,} changes, {time.perf_counter() - started:.2f} s"


def main() -> None:
    """Measure and print."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("names", nargs="*", help="the queries; else all")
    options.add_argument("--tables", type=Path, help="a folder with SDTM's tables")
    given = options.parse_args()
    if given.tables:
        print(by_pandas(given.tables), flush=True)
    warehouse = Warehouse.open(workers=1)
    for query in queries().values():
        if query.sql and (query.name in given.names or not given.names):
            print(compare(warehouse, query), flush=True)
    warehouse.close()


if __name__ == "__main__":
    main()
