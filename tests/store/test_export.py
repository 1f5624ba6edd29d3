"""Exports: what a caller may read and nothing else, whole and in parts, each triple once."""

from __future__ import annotations

import gzip
import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest

from ontology.records import DataClass, Procedure, Record
from store.export import FORMATS, NothingToExportError, RdfForm, Readable, write_rdf
from store.new_file import new_file
from store.warehouse import ANONYMOUS, OPERATOR, Caller, Warehouse
from tests.store import toys

TEAM = Caller("team", frozenset({"public", "team"}))

SOURCES: list[tuple[str, str, DataClass, list[Record]]] = [
    ("ct", "toys", DataClass.IMAGES, toys.scan("S1", 1, 0)),
    ("ct of another", "toys", DataClass.IMAGES, toys.scan("S2", 2, 4)),
    ("reading", "toys", DataClass.METADATA, [*toys.diameter("S1", "m1", 3, "12.5"), Procedure(key="p", software="s")]),
    ("clinic", "toys", DataClass.CLINICAL, [toys.sex("S1"), toys.sex("S3"), toys.diagnosis("S1", -4)]),
    ("more", "others", DataClass.CLINICAL, [toys.sex("S1"), *toys.diameter("S9", "m2", 1, "7")]),
]
SETTINGS = {
    "toys": {"images": "public", "metadata": "team", "clinical": "clinic"},
    "others": {"images": "team", "metadata": "team", "clinical": "team"},
}


def filled(place: Path, audiences: frozenset[str]) -> Warehouse:
    """A warehouse of those sources that a caller of these audiences may read."""
    warehouse = Warehouse.open(place)
    for name, settings in SETTINGS.items():
        toys.collection(warehouse, name, **settings)
    for name, collection, data_class, records in SOURCES:
        if SETTINGS[collection][str(data_class)] in audiences:
            toys.put(warehouse, name, records, data_class, collection)
    return warehouse


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    opened = filled(tmp_path_factory.mktemp("all"), frozenset({"public", "team", "clinic"}))
    yield opened
    opened.close()


def lines(quads: Iterable[ox.Quad]) -> list[str]:
    """Quads as sorted text, without the moment at which a source was logged."""
    return sorted(str(quad.triple) for quad in quads if not quad.predicate.value.endswith("generatedAtTime"))


@pytest.mark.parametrize("caller", [ANONYMOUS, TEAM], ids=lambda caller: caller.name)
def test_an_export_is_that_of_a_warehouse_of_only_what_may_be_read(
    warehouse: Warehouse, tmp_path: Path, caller: Caller
) -> None:
    alone = filled(tmp_path, caller.audiences)
    assert lines(warehouse.readable(caller).whole()) == lines(alone.readable(OPERATOR).whole())
    here, there = warehouse.readable(caller), alone.readable(OPERATOR)
    assert lines(here.of_collection("toys")) == lines(there.of_collection("toys"))
    assert lines(here.of_subject("S1", "toys")) == lines(there.of_subject("S1", "toys"))
    alone.close()


def test_what_may_not_be_read_is_not_there(warehouse: Warehouse) -> None:
    public = warehouse.readable(ANONYMOUS)
    text = "\n".join(lines(public.whole()))
    assert "S2" in text
    assert not [word for word in ("S3", "S9", "others", "team", "clinic", "T01", "12.5", "reader-a") if word in text]
    for collection in ("others", "no such"):
        with pytest.raises(NothingToExportError, match="among what may be read"):
            public.of_collection(collection)
    for subject, within in (("S3", None), ("S9", "others"), ("S3", "toys"), ("S8", None)):
        with pytest.raises(NothingToExportError, match="among what may be read"):
            public.of_subject(subject, within)


def test_what_was_taken_away_is_not_exported_before_the_next_publication(tmp_path: Path) -> None:
    opened = filled(tmp_path, frozenset({"public"}))
    assert lines(opened.readable(ANONYMOUS).whole())
    opened.control.save_collection(opened.control.collection("toys").within("team"))
    assert lines(opened.readable(ANONYMOUS).whole()) == []
    opened.close()


def test_the_collections_together_are_the_whole_and_every_triple_comes_once(warehouse: Warehouse) -> None:
    readable = warehouse.readable(OPERATOR)
    parts = [quad for name in SETTINGS for quad in readable.of_collection(name)]
    whole = list(readable.whole())
    assert sorted(map(str, parts)) == sorted(map(str, whole))
    assert len({str(quad.triple) for quad in whole}) == len(whole)


def test_a_subject_comes_with_what_its_records_name_and_nothing_of_others(warehouse: Warehouse) -> None:
    text = "\n".join(lines(warehouse.readable(OPERATOR).of_subject("S1", "toys")))
    assert all(f"{warehouse.base}{kind}/toys/" in text for kind in ("source", "clock", "reader", "lesion", "record"))
    assert not [word for word in ("S2", "S3", "S9", "others") if word in text]


def test_a_subject_of_two_collections_is_asked_for_by_collection(warehouse: Warehouse) -> None:
    with pytest.raises(NothingToExportError, match="several"):
        warehouse.readable(OPERATOR).of_subject("S1")
    assert lines(warehouse.readable(ANONYMOUS).of_subject("S1"))  # of which the public knows one


@pytest.mark.parametrize("form", RdfForm)
def test_every_form_reads_back_as_what_was_written(warehouse: Warehouse, form: RdfForm) -> None:
    readable: Readable = warehouse.readable(OPERATOR)
    out = io.BytesIO()
    count = write_rdf(readable.whole(), out, form)
    back = list(ox.parse(out.getvalue(), format=FORMATS[form]))
    assert count == len(back)
    assert lines(back) == lines(readable.whole())
    keeps = form in (RdfForm.NQUADS, RdfForm.TRIG, RdfForm.JSONLD)
    assert {quad.graph_name for quad in back if isinstance(quad.graph_name, ox.NamedNode)} == (
        {ox.NamedNode(graph) for graph in readable.graphs} if keeps else set()
    )


def test_a_release_is_exported_under_the_audiences_of_today(tmp_path: Path) -> None:
    opened = filled(tmp_path, frozenset({"public", "team"}))
    opened.releases.keep("one")
    before = lines(opened.readable(TEAM, "one").whole())
    toys.put(opened, "later", [toys.sex("S7")], DataClass.IMAGES)
    assert lines(opened.readable(TEAM, "one").whole()) == before
    opened.set_collection(opened.control.collection("others").within("clinic"))
    assert "others" not in "\n".join(lines(opened.readable(TEAM, "one").whole()))
    opened.close()


def test_a_new_file_is_whole_or_not_there_and_replaces_only_by_force(tmp_path: Path) -> None:
    place = tmp_path / "out.nq.gz"
    with pytest.raises(ZeroDivisionError), new_file(place) as out:
        out.write(b"half" * (1 // 0))
    assert list(tmp_path.iterdir()) == []
    with new_file(place) as out:
        out.write(b"whole")
    with pytest.raises(FileExistsError, match="--force"), new_file(place):
        pass
    assert gzip.decompress(place.read_bytes()) == b"whole"
    with new_file(place, force=True) as out:
        out.write(b"new")
    assert gzip.decompress(place.read_bytes()) == b"new"
