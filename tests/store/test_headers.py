"""Headers of one study, series or collection from sources of several audiences: which triple stands in which graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

import store.generations
from ontology.records import CollectionFacts, DataClass, Record, SeriesHeader
from store.warehouse import ANONYMOUS, Caller, Warehouse
from tests.store import toys

IMAGING = Caller("of imaging", frozenset({"public", "imaging"}))
READERS = Caller("of readers", frozenset({"public", "readers"}))
BOTH = Caller("of both", frozenset({"public", "imaging", "readers"}))
IMAGES, METADATA = DataClass.IMAGES, DataClass.METADATA
TYPES = {"images": ("ORIGINAL", "AXIAL"), "report": ("ORIGINAL", "DERIVED")}


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse.open(tmp_path / "var", workers=1)
    yield opened
    opened.close()


@pytest.fixture
def by_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """However large a change is, make it as a difference."""
    monkeypatch.setattr(store.generations, "SMALL", 0)


def scan(name: str, manufacturer: str) -> list[Record]:
    """A study and its series as a source of a name describes them: alike but for one type of image."""

    def described(record: Record) -> Record:
        if not isinstance(record, SeriesHeader):
            return record
        return replace(record, attributes={**record.attributes, "ImageType": TYPES[name]})

    return [CollectionFacts(title="Toys"), *map(described, toys.scan("S1", 1, 0, manufacturer))]


def fill(opened: Warehouse, images: str, metadata: str, makers: tuple[str, str] = ("ACME", "ACME")) -> None:
    """Images and a report of them, each open to an audience."""
    toys.collection(opened, images=images, metadata=metadata, clinical="clinic")
    for name, data_class, maker in zip(TYPES, (IMAGES, METADATA), makers, strict=True):
        toys.put(opened, name, scan(name, maker), data_class)


def values(opened: Warehouse, predicate: str, caller: Caller) -> Counter[str]:
    """The objects of a predicate, as often as a caller is told of them."""
    rows = opened.select(f"SELECT ?o {{ ?s {predicate} ?o }}", caller).rows
    return Counter(row[0].value for row in rows if row[0])


@pytest.mark.usefixtures("by_difference")
def test_what_two_audiences_are_both_told_is_told_once(warehouse: Warehouse) -> None:
    fill(warehouse, "imaging", "readers")
    for caller in (IMAGING, READERS, BOTH):
        assert values(warehouse, "dicom:Manufacturer", caller) == {"ACME": 1}
        assert values(warehouse, "dcterms:title", caller) == {"Toys": 1}
        study = "SELECT ?d ?l { ?s a q:Study ; q:day ?d ; q:clock/rdfs:label ?l }"
        assert len(warehouse.select(study, caller).rows) == 1
    assert values(warehouse, "dicom:ImageType", IMAGING) == dict.fromkeys(TYPES["images"], 1)
    assert values(warehouse, "dicom:ImageType", READERS) == dict.fromkeys(TYPES["report"], 1)
    assert values(warehouse, "dicom:ImageType", BOTH) == dict.fromkeys(("ORIGINAL", "AXIAL", "DERIVED"), 1)
    assert values(warehouse, "dicom:Manufacturer", ANONYMOUS) == {}


def test_the_public_header_does_for_everyone_unless_another_is_of_a_better_source(warehouse: Warehouse) -> None:
    fill(warehouse, "public", "readers", ("ACME", "Other"))
    for caller in (ANONYMOUS, READERS):
        assert values(warehouse, "dicom:Manufacturer", caller) == {"ACME": 1}
        assert values(warehouse, "dicom:ImageType", caller) == dict.fromkeys(TYPES["images"], 1)
    toys.put(warehouse, "file", scan("report", "Other"), METADATA, kind="dicom")
    assert values(warehouse, "dicom:Manufacturer", ANONYMOUS) == {"ACME": 1}
    assert values(warehouse, "dicom:Manufacturer", READERS) == {"ACME": 1, "Other": 1}
    assert values(warehouse, "dicom:ImageType", READERS) == dict.fromkeys(("ORIGINAL", "AXIAL", "DERIVED"), 1)


def test_headers_of_two_audiences_are_told_when_one_audience_gets_both(warehouse: Warehouse) -> None:
    fill(warehouse, "imaging", "readers")
    warehouse.set_collection(warehouse.control.collection("toys").within("public"))
    assert values(warehouse, "dicom:Manufacturer", ANONYMOUS) == {"ACME": 1}
    assert len(values(warehouse, "dicom:ImageType", ANONYMOUS)) == 2
