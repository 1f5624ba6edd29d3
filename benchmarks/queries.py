"""Curated queries that the record log answers, against their own SPARQL in pyoxigraph, over one data folder.

Run ``QILIN_HOME=… python -m benchmarks.queries [NAME …]``: whether both give the same rows is checked.
"""

from __future__ import annotations

import sys
import time
from dataclasses import replace

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


def main() -> None:
    """Measure and print."""
    warehouse = Warehouse.open(workers=1)
    for query in queries().values():
        if query.sql and (query.name in sys.argv[1:] or not sys.argv[1:]):
            print(compare(warehouse, query), flush=True)
    warehouse.close()


if __name__ == "__main__":
    main()
