"""Links between lesions: decided by a person, of effect in the next generation, and told to those who may know."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

import store.generations
from ontology.records import (
    DataClass,
    Instance,
    Lesion,
    LesionFacts,
    Measurement,
    Reader,
    Record,
    Series,
    Study,
)
from ontology.terms import ncit, q
from store.crosswalk import Decision
from store.lesion_pairs import LesionPair, LesionPairError, NamedLesion, Verdict
from store.same_lesions import named_lesions, same
from store.warehouse import ANONYMOUS, OPERATOR, Caller, Warehouse
from tests.store import toys

DECISION = Decision("A. Steward", "seen on the images")
SAME = "SELECT (COUNT(*) AS ?n) { ?a q:sameLesionAs ?b }"


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    monkeypatch.setattr(store.generations, "SMALL", 0)
    opened = Warehouse.open(tmp_path / "var")
    toys.collection(opened)
    yield opened
    opened.close()


def lesions(*keys: str, subject: str = "S1") -> list[Record]:
    return [Lesion(subject=subject, key=key) for key in keys]


def named(key: str, subject: str = "S1", namespace: str = "") -> NamedLesion:
    return NamedLesion(namespace, subject, key)


def decide(warehouse: Warehouse, one: NamedLesion, other: NamedLesion, verdict: Verdict = Verdict.SAME) -> None:
    """Decide and publish; what is made by difference is what is made anew."""
    with warehouse.writing() as writing:
        warehouse.lesions.decide(LesionPair.of("toys", one, other), verdict, DECISION)
        writing.publish()
    grown = toys.everything(warehouse)
    warehouse.rebuild()
    assert toys.everything(warehouse) == grown


def links(warehouse: Warehouse, caller: Caller = OPERATOR) -> set[tuple[str, str]]:
    rows = warehouse.select("SELECT ?a ?b { ?a q:sameLesionAs ?b }", caller).rows
    return {(a.value.rpartition("/")[2], b.value.rpartition("/")[2]) for a, b in rows if a and b}


def test_a_link_comes_and_goes_with_the_next_generation(warehouse: Warehouse) -> None:
    toys.put(warehouse, "a", lesions("A1", "B1", "C1"))
    before = toys.everything(warehouse)
    decide(warehouse, named("A1"), named("B1"))
    assert links(warehouse) == {("A1", "B1"), ("B1", "A1")}
    decide(warehouse, named("C1"), named("B1"))
    assert len(links(warehouse)) == 6, "what is one by way of a third is one"
    decide(warehouse, named("B1"), named("A1"), Verdict.WITHDRAWN)
    assert links(warehouse) == {("C1", "B1"), ("B1", "C1")}
    decide(warehouse, named("C1"), named("B1"), Verdict.DIFFERENT)
    assert toys.everything(warehouse) == before
    assert [entry.verdict for entry in warehouse.lesions.history("toys")] == ["same", "same", "withdrawn", "different"]


def test_a_link_waits_for_its_lesions_and_stays_within_a_subject(warehouse: Warehouse) -> None:
    toys.put(warehouse, "a", lesions("A1"))
    decide(warehouse, named("A1"), named("B1"))
    decide(warehouse, named("A1"), named("A1", subject="S2"))
    assert links(warehouse) == set()
    toys.put(warehouse, "b", [*lesions("B1"), *lesions("A1", subject="S2")])
    assert links(warehouse) == {("A1", "B1"), ("B1", "A1")}


def test_a_link_follows_the_cross_walk(warehouse: Warehouse) -> None:
    toys.put(warehouse, "a", lesions("A1"))
    toys.put(warehouse, "b", lesions("B1", subject="other"))
    decide(warehouse, named("A1"), named("B1", subject="other"))
    assert links(warehouse) == set()
    with warehouse.writing() as writing:
        warehouse.crosswalk.merge("toys", "other", "S1", DECISION)
        writing.publish()
    assert links(warehouse) == {("A1", "B1"), ("B1", "A1")}
    grown = toys.everything(warehouse)
    found = named_lesions(warehouse.home.log, warehouse.generations.current(), "toys")
    assert found == {("S1", "A1"): named("A1"), ("S1", "B1"): named("B1", subject="other")}
    warehouse.rebuild()
    assert toys.everything(warehouse) == grown


def test_decisions_that_contradict_each_other_are_refused(warehouse: Warehouse) -> None:
    def put(one: str, other: str, verdict: Verdict) -> bool:
        return warehouse.lesions.decide(LesionPair.of("toys", named(one), named(other)), verdict, DECISION)

    assert put("A", "B", Verdict.SAME)
    assert not put("B", "A", Verdict.SAME), "that stands already"
    assert put("A", "C", Verdict.DIFFERENT)
    with pytest.raises(LesionPairError, match="by way of a third"):
        put("B", "C", Verdict.SAME)
    with pytest.raises(LesionPairError, match="withdrawn"):
        put("B", "C", Verdict.WITHDRAWN)
    with pytest.raises(LesionPairError, match="itself"):
        put("A", "A", Verdict.DIFFERENT)
    put("A", "C", Verdict.WITHDRAWN)
    assert put("B", "C", Verdict.SAME)


def test_decisions_are_only_added(warehouse: Warehouse) -> None:
    warehouse.lesions.decide(LesionPair.of("toys", named("A"), named("B")), Verdict.SAME, DECISION)
    with pytest.raises(sa.exc.IntegrityError), warehouse.control.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM lesion_decision"))


def test_nobody_is_told_of_a_lesion_that_they_may_not_read(warehouse: Warehouse) -> None:
    toys.collection(warehouse, "toys", images="public", metadata="readers", clinical="clinic")
    toys.put(warehouse, "a", lesions("A1"), DataClass.IMAGES)
    toys.put(warehouse, "b", lesions("B1", "B2"), DataClass.METADATA)
    toys.put(warehouse, "c", lesions("C1"), DataClass.CLINICAL)
    decide(warehouse, named("A1"), named("B1"))
    decide(warehouse, named("B1"), named("C1"))
    decide(warehouse, named("B2"), named("C1"))
    readers, clinic = (Caller(name, frozenset({"public", name})) for name in ("readers", "clinic"))
    both = Caller("both", frozenset({"public", "readers", "clinic"}))
    assert links(warehouse, ANONYMOUS) == links(warehouse, clinic) == set()
    assert links(warehouse, readers) == {("A1", "B1"), ("B1", "A1")}
    assert ("B1", "C1") not in links(warehouse, both), "no graph is that of the members of two audiences at once"


EDGES = st.sets(st.frozensets(st.sampled_from("abcdef"), min_size=2, max_size=2), max_size=8)
AUDIENCES = st.fixed_dictionaries({key: st.sets(st.sampled_from(["public", "x", "y"]), min_size=1) for key in "abcdef"})


@given(EDGES, AUDIENCES)
def test_what_is_told_follows_from_what_may_be_read(edges: set[frozenset[str]], known: dict[str, set[str]]) -> None:
    def lesion(key: str) -> tuple[str, str, str]:
        return "c", "s", key

    told = same([frozenset(map(lesion, edge)) for edge in edges], {lesion(key): names for key, names in known.items()})
    for (one, other), graph in told.items():
        assert (other, one) in told
        assert one != other
        for name in graph.split("+"):
            assert known[one[2]] & {"public", name}
            assert known[other[2]] & {"public", name}
    for edge in edges:
        a, b = sorted(edge)
        if known[a] & known[b]:
            assert (lesion(a), lesion(b)) in told
    for name in ("public", "x", "y"):
        mine = {both for both, graph in told.items() if {"public", name} & set(graph.split("+"))}
        for one, middle in mine:
            assert all((one, last) in mine for first, last in mine if first == middle and last != one)


# what documents leave open


def identity(key: str, lesion: str, **said: Any) -> list[Record]:
    subject = said.pop("subject", "S1")
    facts = LesionFacts(key=key, subject=subject, lesion=lesion, **{"rule": q.BY_TRACKING_UID, **said})
    return [Lesion(subject=subject, key=lesion), facts]


def open_lesions(warehouse: Warehouse) -> list[tuple[str, str, str]]:
    found = warehouse.generations.current().ambiguous
    assert warehouse.rebuild().ambiguous == found
    return [(item.subject, item.lesion, item.other) for item in found]


def test_one_tracking_uid_at_two_sites_is_to_be_decided(warehouse: Warehouse) -> None:
    toys.put(warehouse, "a", identity("a", "1.2.3", site=ncit.LIVER))
    toys.put(warehouse, "b", identity("b", "1.2.3"))
    assert open_lesions(warehouse) == []
    wrong = toys.put(warehouse, "c", identity("c", "1.2.3", site=ncit.LUNG))
    toys.put(warehouse, "d", identity("d", "1.2.3", site=ncit.LUNG, subject="S2"))
    assert open_lesions(warehouse) == [("S1", "1.2.3", ""), ("S1", "1.2.3", ""), ("S2", "1.2.3", "")]
    warehouse.retract([wrong])
    assert open_lesions(warehouse) == [("S1", "1.2.3", ""), ("S2", "1.2.3", "")]


def test_a_name_with_and_without_a_site_is_to_be_decided(warehouse: Warehouse) -> None:
    named_alike: dict[str, Any] = {"rule": q.BY_NAME_WITHIN_READER, "label": "T01", "reader": "r1"}
    toys.put(warehouse, "a", [Reader(key="r1"), *identity("a", "r1.t01", **named_alike)])
    toys.put(warehouse, "b", [Reader(key="r1"), *identity("b", "r1.t01.c12392", site=ncit.LIVER, **named_alike)])
    toys.put(warehouse, "c", [Reader(key="r2"), *identity("c", "r2.t01", **{**named_alike, "reader": "r2"})])
    assert open_lesions(warehouse) == [("S1", "r1.t01", "r1.t01.c12392")]


def sized(lesion: str, value: str, reader: str | None = None, image: str = "1.2.1.1") -> list[Record]:
    """A lesion with its size on an image."""
    size = {"variable": ncit.LONGEST_DIAMETER, "value": Decimal(value), "unit": "mm", "instance": image}
    placed = [
        Study(uid="1.2", subject="S1"),
        Series(uid="1.2.1", subject="S1", study="1.2"),
        Instance(uid=image, subject="S1", series="1.2.1"),
    ]
    named_by: list[Record] = [Reader(key=reader)] if reader else []
    measured = Measurement(key="size", subject="S1", lesion=lesion, reader=reader, **size)
    return [*placed, *named_by, *identity(lesion, lesion), measured]


def test_two_lesions_of_one_size_on_one_image_are_to_be_decided(warehouse: Warehouse) -> None:
    """Two exports of one annotation may have nothing in common but what was measured."""
    toys.put(warehouse, "a", sized("1.2.3.1", "28.2671270367918"))
    toys.put(warehouse, "b", sized("1.2.3.2", "28.267127036"))
    toys.put(warehouse, "c", sized("1.2.3.3", "28.267127036", image="1.2.1.2"))
    toys.put(warehouse, "d", sized("1.2.3.4", "28.3"))
    toys.put(warehouse, "e", sized("1.2.3.5", "28.30"))
    for reader in ("r1", "r2"):
        toys.put(warehouse, reader, sized(f"1.2.3.{reader}", "31.4159265", reader))
    assert open_lesions(warehouse) == [("S1", "1.2.3.1", "1.2.3.2")]


def test_collections_are_looked_at_one_by_one(warehouse: Warehouse) -> None:
    toys.collection(warehouse, "others")
    for name in ("toys", "others"):
        for site in (ncit.LIVER, ncit.LUNG):
            toys.put(warehouse, f"{name}/{site}", identity(site, "1.2.3", site=site), in_collection=name)
    assert [item.collection for item in warehouse.generations.current().ambiguous] == ["others", "toys"]
