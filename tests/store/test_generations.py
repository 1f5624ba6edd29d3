"""What a generation holds: made as a difference or anew, replaced, retracted, anchored and placed."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyoxigraph as ox
import pytest

import store.generations
from ontology.records import DataClass, Measurement, Record
from store.check import DuplicateTripleError, check_one_graph
from store.log import BrokenSourceError
from store.warehouse import ANONYMOUS, OPERATOR, Caller, Warehouse
from tests.store import toys


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse.open(tmp_path / "var")
    toys.collection(opened)
    yield opened
    opened.close()


@pytest.fixture
def by_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """However large a change is, make it as a difference."""
    monkeypatch.setattr(store.generations, "SMALL", 0)


def test_a_star_is_what_the_record_says(warehouse: Warehouse) -> None:
    toys.put(warehouse, "ct", toys.scan("S1", 1, 0), DataClass.IMAGES)
    rows = warehouse.select(
        "SELECT ?subject ?modality ?type { ?s a q:Series ; q:subject/q:identifier ?subject ; q:modality ?modality ; "
        "dicom:SliceThickness 2.5 ; dicom:ImageType ?type ; q:instanceCount 3 } ORDER BY ?type",
        ANONYMOUS,
    ).rows
    assert [[term.value for term in row if term] for row in rows] == [
        ["S1", "http://dicom.nema.org/resources/ontology/DCM/CT", "AXIAL"],
        ["S1", "http://dicom.nema.org/resources/ontology/DCM/CT", "ORIGINAL"],
    ]


def test_ingesting_again_changes_nothing(warehouse: Warehouse) -> None:
    toys.put(warehouse, "ct", toys.scan("S1", 1, 0), DataClass.IMAGES)
    before = warehouse.generations.current().number
    toys.put(warehouse, "ct", toys.scan("S1", 1, 0), DataClass.IMAGES)
    assert warehouse.generations.current().number == before


@pytest.mark.usefixtures("by_difference")
def test_a_difference_gives_what_building_anew_gives(warehouse: Warehouse) -> None:
    """Random histories of adding, replacing and retracting sources, each step held against a rebuild."""
    toys.collection(warehouse, "others", images="public", metadata="team", clinical="clinic")
    chance = random.Random(7)
    live: dict[str, str] = {}
    for step in range(18):
        where = chance.choice(["toys", "others"])
        name = f"{where}-{chance.randrange(5)}"
        if name in live and chance.random() < 0.4:
            warehouse.retract([live.pop(name)])
        else:
            subject = f"{where}-S{chance.randrange(3)}"
            records, data_class = _source(chance, subject, step)
            live[name] = toys.put(warehouse, name, records, data_class, where, replacing=live.get(name))
        made = toys.everything(warehouse)
        warehouse.rebuild()
        assert made == toys.everything(warehouse)


def _source(chance: random.Random, subject: str, step: int) -> tuple[list[Record], DataClass]:
    match chance.randrange(5):
        case 0:
            return toys.scan(subject, 100 + step, chance.randrange(90)), DataClass.IMAGES
        case 1:  # a study that images and reports describe, alike or not
            study = toys.scan(subject, 10 + ord(subject[0]) + int(subject[-1]), 5, chance.choice(["ACME", "Other"]))
            return study, chance.choice([DataClass.IMAGES, DataClass.METADATA])
        case 2:
            return toys.diameter(subject, "R1", chance.randrange(90), "12.5", chance.choice("ab")), DataClass.METADATA
        case 3:
            return [toys.diagnosis(subject, -chance.randrange(30)), toys.sex(subject)], DataClass.CLINICAL
        case _:
            return [toys.treatment(subject, chance.randrange(20), 80)], DataClass.CLINICAL


@pytest.mark.usefixtures("by_difference")
def test_a_retracted_source_leaves_no_triple(warehouse: Warehouse) -> None:
    toys.put(warehouse, "ct", toys.scan("S1", 1, 0), DataClass.IMAGES)
    before = toys.everything(warehouse)
    sid = toys.put(warehouse, "lesions", toys.diameter("S1", "R1", 3, "12.5"), DataClass.METADATA)
    assert toys.everything(warehouse) > before
    warehouse.retract([sid])
    assert toys.everything(warehouse) == before


def test_the_best_ranked_header_is_shown(warehouse: Warehouse) -> None:
    for kind, manufacturer in (("idc", "CATALOGUE"), ("dicom", "FILES")):
        records = toys.scan("S1", 1, 0, manufacturer)
        with warehouse.writing() as writing:
            head = replace(toys.head(kind, records, DataClass.IMAGES), kind=kind)
            writing.log.begin(head, "toys", "calendar")
            for record in records:
                writing.log.add(record)
            writing.log.finish()
            for logged in writing.log.flush():
                writing.keep(logged)
            writing.publish()
    rows = warehouse.select("SELECT ?m { ?s a q:Series ; dicom:Manufacturer ?m }", OPERATOR).rows
    assert [row[0].value for row in rows if row[0]] == ["FILES"]


def test_days_follow_the_ordered_list_of_anchors_without_reading_again(warehouse: Warehouse) -> None:
    toys.put(warehouse, "ct", toys.scan("S1", 1, 5) + toys.scan("S1", 2, 47), DataClass.IMAGES)
    toys.put(warehouse, "clinic", [toys.diagnosis("S1", -10), toys.treatment("S1", 12, 40)])

    def days() -> list[float]:
        query = "SELECT ?d { ?s a q:Study ; q:day ?d } ORDER BY ?d"
        return [float(row[0].value) for row in warehouse.select(query, OPERATOR).rows if row[0]]

    assert days() == [15, 57]
    files = sorted((warehouse.home.log).rglob("*.parquet"))
    warehouse.set_collection(replace(warehouse.control.collection("toys"), anchors=("baseline-scan", "diagnosis")))
    assert days() == [0, 42]
    warehouse.set_collection(replace(warehouse.control.collection("toys"), anchors=("first-treatment",)))
    assert days() == [-7, 35]
    assert sorted((warehouse.home.log).rglob("*.parquet")) == files


def test_days_of_lesions_alone_are_counted_from_the_first_reading(warehouse: Warehouse) -> None:
    query = "SELECT ?d ?l { ?m q:value ?v ; q:day ?d ; q:clock/rdfs:label ?l } ORDER BY ?d"

    def days() -> list[tuple[float, str]]:
        rows = warehouse.select(query, OPERATOR).rows
        return [(float(row[0].value), row[1].value.partition(" (")[0]) for row in rows if row[0] and row[1]]

    first, later = (toys.diameter("S1", key, day, "12.5") for key, day in (("R1", 3), ("R2", 31)))
    toys.put(warehouse, "lesions", first + later, DataClass.METADATA)
    assert days() == [(0, "days from first reading"), (28, "days from first reading")]
    toys.put(warehouse, "ct", toys.scan("S1", 1, 1), DataClass.IMAGES)
    assert days() == [(2, "days from baseline scan"), (30, "days from baseline scan")]


def test_no_calendar_date_is_in_log_or_store(warehouse: Warehouse) -> None:
    toys.put(warehouse, "clinic", [toys.diagnosis("S1", 0), toys.treatment("S1", 12, 40)])
    for file in warehouse.home.log.rglob("*.parquet"):
        assert b"2020" not in file.read_bytes()
    assert not [line for line in toys.everything(warehouse) if '"2020-' in line]


def test_a_restricted_event_anchors_no_public_day(warehouse: Warehouse) -> None:
    toys.collection(warehouse, images="public", metadata="public", clinical="clinic")
    toys.put(warehouse, "ct", toys.scan("S1", 1, 5), DataClass.IMAGES)
    public = toys.everything(warehouse, ANONYMOUS)
    toys.put(warehouse, "clinic", [toys.diagnosis("S1", -10)])
    assert toys.everything(warehouse, ANONYMOUS) == public


def test_a_subject_named_by_three_audiences_counts_once(warehouse: Warehouse) -> None:
    toys.collection(warehouse, images="imaging", metadata="readers", clinical="clinic")
    toys.put(warehouse, "ct", toys.scan("S1", 1, 0), DataClass.IMAGES)
    toys.put(warehouse, "lesions", toys.diameter("S1", "R1", 3, "12.5"), DataClass.METADATA)
    toys.put(warehouse, "clinic", [toys.sex("S1")])
    member = Caller("of all three", frozenset({"public", "imaging", "readers", "clinic"}))
    assert toys.number(warehouse, "SELECT (COUNT(?s) AS ?n) { ?s a q:Subject }", member) == 1
    assert toys.number(warehouse, "SELECT (SUM(?v) AS ?n) { ?m q:value ?v }", member) == 12.5
    joined = (
        "SELECT (COUNT(*) AS ?n) { ?m q:value ?v ; q:subject ?s . ?f q:variable ncit:C28421 ; q:subject ?s . "
        "?x a q:Series ; q:subject ?s }"
    )
    assert toys.number(warehouse, joined, member) == 1
    for audience in ("imaging", "readers", "clinic"):
        only = Caller(audience, frozenset({"public", audience}))
        assert toys.number(warehouse, "SELECT (COUNT(?s) AS ?n) { ?s a q:Subject }", only) == 1
        assert toys.number(warehouse, joined, only) == 0
    assert toys.number(warehouse, "SELECT (COUNT(?s) AS ?n) { ?s a q:Subject }", ANONYMOUS) == 0


def test_what_a_caller_reads_is_what_their_own_warehouse_would_hold(tmp_path: Path) -> None:
    """The rule of audiences, for callers of every combination, on sources that share subjects and lesions."""
    sources = {
        "imaging": (toys.scan("S1", 1, 5) + toys.scan("S2", 2, 9), DataClass.IMAGES),
        "readers": (toys.diameter("S1", "R1", 6, "12.5") + toys.diameter("S2", "R2", 9, "8"), DataClass.METADATA),
        "clinic": ([toys.sex("S1"), toys.sex("S3")], DataClass.CLINICAL),
    }
    audiences = {"images": "imaging", "metadata": "readers", "clinical": "clinic"}
    whole = Warehouse.open(tmp_path / "whole")
    toys.collection(whole, **audiences)
    for name, (records, data_class) in sources.items():
        toys.put(whole, name, records, data_class)
    for chosen in [["imaging"], ["readers"], ["clinic"], ["imaging", "clinic"], ["readers", "clinic"], [*sources]]:
        own = Warehouse.open(tmp_path / "-".join(chosen))
        toys.collection(own, **audiences)
        for name in chosen:
            toys.put(own, name, *sources[name])
        caller = Caller("member", frozenset({"public", *chosen}))
        assert _undated(toys.everything(whole, caller)) == _undated(toys.everything(own)), chosen
        own.close()
    whole.close()


def _undated(lines: set[str]) -> set[str]:
    """Without the moment of logging, and without what names days: those differ only where clocks do."""
    return {line for line in lines if "generatedAtTime" not in line}


def test_a_triple_in_two_graphs_is_found() -> None:
    triples = ox.Store()
    node = ox.NamedNode("urn:n")
    for graph in ("urn:g1", "urn:g2"):
        triples.add(ox.Quad(node, node, ox.Literal("1"), ox.NamedNode(graph)))
    with pytest.raises(DuplicateTripleError):
        check_one_graph(triples)


@pytest.mark.usefixtures("by_difference")
def test_who_owns_a_node_is_decided_the_same_in_every_order(warehouse: Warehouse) -> None:
    first = toys.put(warehouse, "a", toys.scan("S1", 1, 0), DataClass.IMAGES)
    toys.put(warehouse, "b", [*toys.scan("S2", 1, 3), *toys.scan("S2", 2, 9)], DataClass.IMAGES)
    owners = "SELECT ?u ?i { ?u a q:Series ; q:subject/q:identifier ?i } ORDER BY ?u"

    def found() -> list[tuple[str, str]]:
        return [(u.value, i.value) for u, i in warehouse.select(owners, OPERATOR).rows if u and i]

    assert found() == [("urn:oid:1.2.1.1", "S1"), ("urn:oid:1.2.2.1", "S2")]
    assert {claim for _, claim, _ in warehouse.generations.current().conflicts} == {"Series 1.2.1.1", "Study 1.2.1"}
    made = toys.everything(warehouse)
    warehouse.rebuild()
    assert toys.everything(warehouse) == made
    warehouse.retract([first])
    assert found() == [("urn:oid:1.2.1.1", "S2"), ("urn:oid:1.2.2.1", "S2")]
    assert warehouse.generations.current().conflicts == ()


def test_rights_that_are_taken_away_are_gone_even_where_publishing_fails(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    toys.put(warehouse, "clinic", [toys.sex("S1")])
    assert toys.everything(warehouse, ANONYMOUS)

    def full(*_args: object, **_kwargs: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(store.generations, "load", full)
    with pytest.raises(OSError, match="space"):
        warehouse.set_collection(warehouse.control.collection("toys").within("team"))
    assert toys.everything(warehouse, ANONYMOUS) == set()


@pytest.mark.parametrize("name", ["CT+public", "vocabulary", " ", "a\nb"])
def test_a_name_that_could_be_taken_for_another_is_refused(warehouse: Warehouse, name: str) -> None:
    from store.control import BadNameError

    with pytest.raises(BadNameError):
        toys.collection(warehouse, name)
    with pytest.raises(BadNameError):
        toys.collection(warehouse, "fine", images=name)


def test_a_data_folder_may_have_any_name(tmp_path: Path) -> None:
    opened = Warehouse.open(tmp_path / "O'Brien's $(data)")
    toys.collection(opened)
    toys.put(opened, "a", [toys.sex("S1")])
    toys.put(opened, "b", [toys.sex("S2")])
    assert toys.number(opened, "SELECT (COUNT(?s) AS ?n) { ?s a q:Subject }") == 2
    opened.close()


def test_the_origins_of_a_source_that_did_not_come_in_are_entered_where_another_counts_from_them(
    warehouse: Warehouse,
) -> None:
    def rows(day: int, **more: str) -> pa.Table:
        said = {"key": f"R{day}", "subject": "S1", "variable": "ncit:C96684", "value": "3", "value_type": "integer"}
        table = pa.table({name: [value] for name, value in {**said, "unit": "mm", **more}.items()})
        for end in ("first", "last"):
            table = table.append_column(f"when_{end}", pa.array([dt.date(2020, 1, day)]))
        return table.append_column("when_clock", pa.array([None], pa.string()))

    with warehouse.writing() as writing:
        writing.log.begin(toys.head("broken", []), "toys", "calendar")
        writing.log.add_rows(Measurement, rows(5, lesion="of another file"))
        with pytest.raises(BrokenSourceError):
            writing.log.finish()
        source = writing.log.begin(toys.head("whole", []), "toys", "calendar")
        writing.log.add_rows(Measurement, rows(7))
        writing.log.finish()
        writing.log.flush()
    assert warehouse.control.origins("toys") == source.origins == {("S1", "calendar"): dt.date(2020, 1, 5)}
