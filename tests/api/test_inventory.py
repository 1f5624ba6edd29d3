"""What a collection holds is counted over the record log as a query counts it, for every caller."""

from __future__ import annotations

import csv
from pathlib import Path

from api.asking import Asking
from api.collections import _inventory
from api.settings import Settings
from ontology.records import DataClass, Record, Series
from queries.catalogue import query
from queries.results import run
from store.warehouse import ANONYMOUS, OPERATOR, Caller, Warehouse
from tests.store import toys

SUBJECTS = "SELECT ?c ?s { ?n a q:Subject ; q:identifier ?s ; q:collection ?of . ?of q:identifier ?c }"
CALLERS = (ANONYMOUS, OPERATOR, *(Caller(name, frozenset({"public", name})) for name in ("team", "clinic")))


def held_alike(warehouse: Warehouse) -> None:
    """Every collection's inventory is that of the query, for every caller."""
    asking = Asking(warehouse, Settings())
    for caller in CALLERS:
        answer = warehouse.ask(SUBJECTS, caller, "csv").read().decode()
        lines = csv.reader(answer.splitlines()[1:])
        assert sorted(warehouse.subjects(caller) or []) == sorted((name, subject) for name, subject in lines)
        for name in warehouse.generations.current().collections:
            counted = warehouse.inventory(name, caller)
            assert counted is not None
            asked = run(warehouse, query("collection-inventory"), {"collection": name}, caller)
            told = _inventory(asking, caller, name)
            assert told is not None
            assert told.rows == asked.rows


def test_the_record_log_counts_what_a_query_counts(web_warehouse: Warehouse) -> None:
    held_alike(web_warehouse)


SOURCES: list[tuple[str, DataClass, list[Record]]] = [
    ("toys", DataClass.IMAGES, [*toys.scan("S1", 1, 0), *toys.scan("S1", 2, 30)]),
    ("toys", DataClass.IMAGES, toys.scan("S1", 1, 0, "Other")),  # two headers of one series
    ("toys", DataClass.IMAGES, [Series(uid="1.9.1", subject="S2", study="1.9")]),  # no header
    ("toys", DataClass.METADATA, [*toys.diameter("S1", "a", 3, "12"), *toys.diameter("S1", "b", 3, "13", "reader-b")]),
    ("toys", DataClass.METADATA, toys.diameter("S3", "a", 3, "12")),
    ("toys", DataClass.CLINICAL, [toys.sex("S1"), toys.treatment("S1", 1, 5), toys.diagnosis("S1", -3)]),
    ("toys", DataClass.CLINICAL, [toys.sex("S4")]),
    ("others", DataClass.IMAGES, toys.scan("S1", 7, 0)),
    ("others", DataClass.CLINICAL, [toys.sex("S1")]),
]


def test_sources_of_many_audiences_are_counted_as_each_caller_may_read_them(tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path / "var")
    toys.collection(warehouse, "toys", images="public", metadata="team", clinical="clinic")
    toys.collection(warehouse, "others", images="team", metadata="team", clinical="team")
    with warehouse.writing() as writing:
        for number, (collection, data_class, records) in enumerate(SOURCES):
            writing.log.begin(toys.head(f"source {number}", records, data_class), collection, "calendar")
            for record in records:
                writing.log.add(record)
            writing.log.finish()
        for logged in writing.log.flush():
            writing.keep(logged)
        writing.publish()
    held_alike(warehouse)
    subjects = [held.subjects for held in warehouse.inventory("toys", ANONYMOUS) or () if held.kind == "q:Subject"]
    assert subjects == [2]
    warehouse.close()


def test_a_node_that_another_collection_claims_is_left_to_the_triples(tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path / "var")
    for name in ("toys", "others"):
        toys.collection(warehouse, name)
        toys.put(warehouse, f"ct of {name}", toys.scan("S1", 1, 0), DataClass.IMAGES, name)
    claims = [warehouse.inventory(name, OPERATOR) for name in ("toys", "others")]
    assert claims.count(None) == 1
    asking = Asking(warehouse, Settings())
    told = [_inventory(asking, OPERATOR, name) for name in ("toys", "others")]
    series = [sum(1 for row in table.dicts() if row["kind"] == "series") for table in told if table]
    assert sorted(series) == [0, 1]
    warehouse.close()


def test_while_something_is_taken_away_only_the_triples_tell(tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path / "var")
    toys.collection(warehouse)
    toys.put(warehouse, "ct", toys.scan("S1", 1, 0), DataClass.IMAGES)
    warehouse.control.save_collection(warehouse.control.collection("toys").within("team"))
    assert warehouse.inventory("toys", ANONYMOUS) is None
    assert warehouse.subjects(ANONYMOUS) is None
    warehouse.close()
