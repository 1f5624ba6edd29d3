"""Releases, backup and restore, and the upgrade of an older log."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ontology.records import DataClass
from store import keeping, log
from store.home import Home
from store.warehouse import ANONYMOUS, OPERATOR, Warehouse
from tests.store import toys


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse.open(tmp_path / "var")
    toys.collection(opened)
    toys.put(opened, "ct", toys.scan("S1", 1, 5), DataClass.IMAGES)
    yield opened
    opened.close()


COUNT = "SELECT (COUNT(?s) AS ?n) { ?s a q:Subject }"


def ask_release(warehouse: Warehouse, name: str) -> str:
    return warehouse.ask(COUNT, ANONYMOUS, "csv", release=name).read().decode().splitlines()[1]


def test_a_release_answers_as_it_was(warehouse: Warehouse) -> None:
    warehouse.releases.keep("2026-11")
    toys.put(warehouse, "clinic", [toys.sex("S2")])
    assert toys.number(warehouse, COUNT) == 2
    assert ask_release(warehouse, "2026-11") == "1"
    warehouse.releases.keep("2026-12")
    difference = warehouse.releases.diff("2026-11", "2026-12")
    assert (difference.added, difference.removed, difference.changed) == (("toys/clinic",), (), ())


def test_a_release_is_asked_under_the_audiences_of_today(warehouse: Warehouse) -> None:
    warehouse.releases.keep("open")
    assert ask_release(warehouse, "open") == "1"
    warehouse.set_collection(warehouse.control.collection("toys").within("team"))
    assert ask_release(warehouse, "open") == "0"


def test_a_release_is_kept_once_and_named_well(warehouse: Warehouse) -> None:
    warehouse.releases.keep("one")
    with pytest.raises(FileExistsError):
        warehouse.releases.keep("one")
    with pytest.raises(ValueError, match="letters"):
        warehouse.releases.keep("../two")
    with pytest.raises(keeping.UnknownReleaseError, match="one"):
        ask_release(warehouse, "two")


def test_backup_and_restore_give_the_same_warehouse(warehouse: Warehouse, tmp_path: Path) -> None:
    toys.put(warehouse, "clinic", [toys.diagnosis("S1", -3)])
    warehouse.releases.keep("one")
    before = toys.everything(warehouse)
    keeping.backup(warehouse.home, tmp_path / "saved.tar")
    elsewhere = Home(tmp_path / "elsewhere")
    keeping.restore(tmp_path / "saved.tar", elsewhere)
    restored = Warehouse(elsewhere)
    restored.rebuild()
    assert toys.everything(restored) == before
    assert restored.releases.names() == ["one"]
    # day origins are control data: a new scan of the same subject joins the restored days
    toys.put(restored, "ct2", toys.scan("S1", 2, 47), DataClass.IMAGES)
    rows = restored.select("SELECT ?d { ?s a q:Study ; q:day ?d } ORDER BY ?d", OPERATOR).rows
    assert [row[0].value for row in rows if row[0]] == ["8", "50"]
    restored.close()
    with pytest.raises(keeping.NotEmptyError):
        keeping.restore(tmp_path / "saved.tar", elsewhere)


def test_an_older_log_is_upgraded_and_a_newer_one_refused(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A made-up next version, in which the manufacturer's column is cleaned."""
    warehouse.releases.keep("old")

    def clean(kind: str, table: pa.Table) -> pa.Table:
        if kind != "SeriesHeader":
            return table
        index = table.column_names.index("Manufacturer")
        return table.set_column(index, "Manufacturer", pa.array(["Acme Ltd"] * len(table)))

    monkeypatch.setattr(log, "SCHEMA_VERSION", 2)
    monkeypatch.setitem(keeping.UPGRADES, 1, clean)
    warehouse.rebuild()
    rows = warehouse.select("SELECT ?m { ?s dicom:Manufacturer ?m }", OPERATOR).rows
    assert [row[0].value for row in rows if row[0]] == ["Acme Ltd"]
    live = warehouse.generations.current().files()
    assert {pq.read_schema(warehouse.home.log / name).metadata[b"qilin.schema"] for name in live} == {b"2"}
    assert warehouse.releases.manifest("old").files() == live
    monkeypatch.setattr(log, "SCHEMA_VERSION", 1)
    with pytest.raises(keeping.NewerLogError, match="version 2"):
        warehouse.rebuild()


def test_moving_a_collection_to_another_audience_moves_its_triples(warehouse: Warehouse) -> None:
    public = toys.everything(warehouse, ANONYMOUS)
    assert public
    collection = warehouse.control.collection("toys")
    moved = replace(collection, audiences={**collection.audiences, DataClass.IMAGES: "team"})
    warehouse.set_collection(moved)
    assert toys.everything(warehouse, ANONYMOUS) == set()
    assert toys.everything(warehouse) == public
