"""Series that were made from images: whose series those are, whichever source comes first and whoever asks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import store.generations
from ontology.records import DataClass, ImageSources, Instance, Record, Series, SeriesImages, Study
from store.twin import inventory
from store.warehouse import OPERATOR, Caller, Warehouse
from tests.store import toys

MADE_FROM = "SELECT ?made ?of { ?made q:derivedFrom ?of } ORDER BY ?made ?of"
IMAGES = "SELECT ?image ?subject { ?image a q:Instance ; q:subject ?subject } ORDER BY ?image"
PUBLIC = Caller("anyone", frozenset({"public"}))


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse.open(tmp_path / "var")
    toys.collection(opened)
    yield opened
    opened.close()


def original(*images: str, subject: str = "S1") -> list[Record]:
    """A series with its images."""
    return [
        Study(uid="1.2", subject=subject),
        Series(uid="1.2.1", subject=subject, study="1.2"),
        SeriesImages(uid="1.2.1", subject=subject, images="\\".join(images)),
    ]


def derived(*images: str) -> list[Record]:
    """A series that was made from images."""
    return [
        Study(uid="1.3", subject="S1"),
        Series(uid="1.3.1", subject="S1", study="1.3"),
        SeriesImages(uid="1.3.1", subject="S1", images="1.3.1.1"),
        ImageSources(uid="1.3.1", subject="S1", images="\\".join(images)),
    ]


def asked(warehouse: Warehouse, query: str, caller: Caller = OPERATOR) -> list[str]:
    """The last column but for its prefix; images come with their subjects."""
    column = 1 if query is MADE_FROM else 0
    return [row[column].value.removeprefix("urn:oid:") for row in warehouse.select(query, caller).rows if row[column]]


@pytest.mark.parametrize("small", [0, 10**9])
@pytest.mark.parametrize("order", [("original", "derived"), ("derived", "original")])
def test_the_series_of_an_image_is_found_whichever_comes_first(
    warehouse: Warehouse, order: tuple[str, str], small: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.generations, "SMALL", small)
    sources = {"original": original("1.2.1.1", "1.2.1.2"), "derived": derived("1.2.1.1", "1.2.1.2", "1.9")}
    sids = {name: toys.put(warehouse, name, sources[name], DataClass.IMAGES) for name in order}
    assert asked(warehouse, MADE_FROM) == ["1.2.1", "1.9"]
    assert asked(warehouse, IMAGES) == ["1.9"]
    grown = toys.everything(warehouse)
    warehouse.rebuild()
    assert toys.everything(warehouse) == grown
    # what the images are of goes with the source that said so
    warehouse.retract([sids["original"]])
    assert asked(warehouse, MADE_FROM) == asked(warehouse, IMAGES) == ["1.2.1.1", "1.2.1.2", "1.9"]
    warehouse.retract([sids["derived"]])
    assert asked(warehouse, MADE_FROM) == []


def test_an_audience_finds_series_by_what_it_may_read(warehouse: Warehouse) -> None:
    toys.collection(warehouse, "toys", images="clinic", metadata="clinic", clinical="public")
    toys.put(warehouse, "derived", derived("1.2.1.1"), DataClass.CLINICAL)
    alone = toys.everything(warehouse)
    toys.put(warehouse, "original", original("1.2.1.1"), DataClass.IMAGES)
    assert asked(warehouse, MADE_FROM, PUBLIC) == ["1.2.1.1"]
    assert asked(warehouse, IMAGES, PUBLIC) == ["1.2.1.1"]
    assert alone <= toys.everything(warehouse)
    # what is public may be used of whoever reads something else
    toys.collection(warehouse, "toys", images="public", metadata="clinic", clinical="clinic")
    warehouse.rebuild()
    assert asked(warehouse, MADE_FROM) == ["1.2.1"]
    assert asked(warehouse, MADE_FROM, PUBLIC) == []


def test_a_series_of_another_subject_is_not_found(warehouse: Warehouse) -> None:
    toys.put(warehouse, "original", original("1.2.1.1", subject="S2"), DataClass.IMAGES)
    toys.put(warehouse, "derived", derived("1.2.1.1"), DataClass.IMAGES)
    assert asked(warehouse, MADE_FROM) == ["1.2.1.1"]


def test_an_image_without_series_belongs_to_one_subject(warehouse: Warehouse) -> None:
    toys.put(warehouse, "derived", derived("1.9"), DataClass.IMAGES)
    toys.put(warehouse, "stated", [Instance(uid="1.9", subject="S2")], DataClass.IMAGES)
    subjects = [row[1].value for row in warehouse.select(IMAGES, OPERATOR).rows if row[1]]
    assert len(subjects) == 1
    assert subjects[0].endswith("/S1")
    manifest = warehouse.generations.current()
    assert [claim for _, claim, _ in manifest.conflicts] == ["Instance 1.9"]


def test_the_images_of_a_series_are_no_nodes(warehouse: Warehouse) -> None:
    toys.put(warehouse, "original", original("1.2.1.1"), DataClass.IMAGES)
    before = toys.everything(warehouse)
    assert not [triple for triple in before if "1.2.1.1" in str(triple)]
    found = inventory(warehouse.home, warehouse.generations.current(), "toys")
    assert found is not None
    assert sum(held.number for held in found if held.kind == "q:Instance") == 0


def test_images_of_their_own_series_are_no_sources(warehouse: Warehouse) -> None:
    toys.put(warehouse, "derived", derived("1.3.1.1"), DataClass.IMAGES)
    assert asked(warehouse, MADE_FROM) == asked(warehouse, IMAGES) == []
