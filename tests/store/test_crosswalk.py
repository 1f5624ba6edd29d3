"""The cross-walk: what a link moves, in time and between audiences, and that it is the same however it came about."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import store.generations
from ontology.records import (
    DataClass,
    Event,
    Lesion,
    Measurement,
    Record,
    SourceRecord,
    Treatment,
    When,
)
from ontology.terms import ncit
from store import keeping
from store.control import Control
from store.crosswalk import CrosswalkError, Decision, Id, Links, Method
from store.crosswalk_rules import IdRule
from store.home import Home
from store.identity import subject_key
from store.manifest import Manifest
from store.matching import live_ids, matches, states
from store.warehouse import ANONYMOUS, OPERATOR, Caller, Warehouse, Writing
from tests.store import toys

WHO = Decision("steward", "seen in the key list")
CASE = "case"


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse.open(tmp_path / "var")
    toys.collection(opened)
    yield opened
    opened.close()


@pytest.fixture
def by_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """However large a change is, make it as a difference, and never build anew."""
    monkeypatch.setattr(store.generations, "SMALL", 0)


@dataclass(frozen=True)
class Toy:
    """A source that can be logged under any ids: its digest and keys do not depend on them."""

    name: str
    ids: tuple[Id, ...]
    """One namespace, and one or more ids in it."""
    data_class: DataClass
    records: Callable[[str], list[Record]] = field(compare=False)

    def under(self, naming: Callable[[Id], Id]) -> tuple[str, list[Record]]:
        """Its namespace and records where ids are called otherwise."""
        called = [naming(of) for of in self.ids]
        [namespace] = {namespace for namespace, _ in called}
        return namespace, [record for _, name in called for record in self.records(name)]


def put(warehouse: Warehouse, *given: Toy, naming: Callable[[Id], Id] = lambda of: of) -> list[str]:
    """Log and publish sources, with ids called otherwise; their own ids."""
    with warehouse.writing() as writing:
        sids = [log(writing, toy, naming) for toy in given]
        writing.publish()
    return sids


def log(writing: Writing, toy: Toy, naming: Callable[[Id], Id]) -> str:
    namespace, records = toy.under(naming)
    digest = hashlib.sha256(toy.name.encode()).hexdigest()
    head = SourceRecord(
        kind="toy",
        name=toy.name,
        digest=digest,
        locator=toy.name,
        data_class=toy.data_class,
        recipe=f"{toy.ids}",
        namespace=namespace,
    )
    source = writing.log.begin(head, "toys", "calendar")
    for record in records:
        writing.log.add(record)
    writing.log.finish()
    for logged in writing.log.flush():
        writing.keep(logged)
    return source.sid


def on(day: int) -> When:
    return When.on(toys.DAY0 + dt.timedelta(days=day))


def scans(name: str, number: int, *days: int) -> Toy:
    def records(subject: str) -> list[Record]:
        return [record for at, day in enumerate(days) for record in toys.scan(subject, number * 100 + at, day)]

    return Toy(f"ct {name} {number}", (("", name),), DataClass.IMAGES, records)


def chart(of: Id, number: int, diagnosed: int, treated: int) -> Toy:
    """A table with a diagnosis, a treatment, and a lesion of the same name in every table."""

    def records(subject: str) -> list[Record]:
        return [
            Event(key="dx", subject=subject, kind=ncit.DIAGNOSIS_ASSESSMENT, when=on(diagnosed)),
            Treatment(key="tx", subject=subject, agent=ncit.CISPLATIN, start=on(treated), end=on(treated + 30)),
            Lesion(subject=subject, key="T01", label="T01"),
            Measurement(
                key="ld",
                subject=subject,
                variable=ncit.LONGEST_DIAMETER,
                lesion="T01",
                value=Decimal(12),
                unit="mm",
                when=on(treated - 1),
            ),
        ]

    return Toy(f"chart {number}", (of,), DataClass.CLINICAL, records)


def publish(warehouse: Warehouse) -> Manifest:
    with warehouse.writing() as writing:
        return writing.publish()


def link(warehouse: Warehouse, of: Id, subject: str) -> None:
    warehouse.crosswalk.link("toys", of, subject, WHO)
    publish(warehouse)


def untimed(lines: set[str]) -> set[str]:
    """Without the moment of logging."""
    return {line for line in lines if "generatedAtTime" not in line}


DAYS = "SELECT ?d { ?t q:subject/q:identifier 'LUNG-017' ; q:day|q:startDay ?d } ORDER BY ?d"


def days(warehouse: Warehouse) -> list[int]:
    return [int(row[0].value) for row in warehouse.select(DAYS, OPERATOR).rows if row[0]]


# one subject


@pytest.mark.usefixtures("by_difference")
def test_dates_of_a_linked_id_are_counted_as_if_it_had_been_the_subject_s_from_the_beginning(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    toy = (scans("LUNG-017", 1, 40, 90), chart((CASE, "17"), 1, 3, 20))
    put(warehouse, *toy)
    assert days(warehouse) == [0, 50]
    link(warehouse, (CASE, "17"), "LUNG-017")
    assert days(warehouse) == [0, 16, 17, 37, 87]
    own = Warehouse.open(tmp_path / "own")
    toys.collection(own)
    put(own, *reversed(toy), naming=lambda _: ("", "LUNG-017"))
    assert untimed(toys.everything(own)) == untimed(toys.everything(warehouse))
    own.close()


@pytest.mark.usefixtures("by_difference")
def test_a_link_moves_exactly_the_records_of_its_id_and_unlinking_moves_them_back(warehouse: Warehouse) -> None:
    for number, name in enumerate(("LUNG-017", "LUNG-018"), 1):
        put(warehouse, scans(name, number, 5), chart((CASE, name[-2:]), number, 0, 10))
    before = toys.everything(warehouse)
    link(warehouse, (CASE, "17"), "LUNG-017")
    after = toys.everything(warehouse)
    moved = before ^ after
    assert moved
    assert not [line for line in moved if "LUNG-018" in line or "case%7C18" in line or "/chart" in line]
    assert not [line for line in after if "case%7C17" in line or "case|17" in line]
    warehouse.crosswalk.unlink("toys", (CASE, "17"), WHO)
    publish(warehouse)
    assert toys.everything(warehouse) == before


def test_a_link_is_a_difference_of_its_two_subjects_alone(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(warehouse, *(scans(f"LUNG-{number:03}", number + 1, 5) for number in range(12)), chart((CASE, "3"), 1, 0, 10))

    def no_rebuild(*_args: object) -> None:
        raise AssertionError("built anew")

    monkeypatch.setattr(store.generations.Generations, "_make", no_rebuild)
    link(warehouse, (CASE, "3"), "LUNG-003")
    assert toys.number(warehouse, "SELECT (COUNT(?s) AS ?n) { ?s a q:Subject }") == 12


@pytest.mark.usefixtures("by_difference")
def test_two_patient_ids_of_one_person_become_one_subject(warehouse: Warehouse) -> None:
    put(warehouse, scans("A", 1, 0), scans("B", 2, 30))
    warehouse.crosswalk.merge("toys", "B", "A", WHO)
    publish(warehouse)
    rows = warehouse.select(
        "SELECT ?i ?d { ?s a q:Study ; q:day ?d ; q:subject/q:identifier ?i } ORDER BY ?d", OPERATOR
    )
    assert [[term.value for term in row if term] for row in rows.rows] == [["A", "0"], ["A", "30"]]
    assert toys.number(warehouse, "SELECT (COUNT(?s) AS ?n) { ?s a q:Subject }") == 1


def test_a_merge_ends_the_quarrel_about_a_study(warehouse: Warehouse) -> None:
    put(warehouse, scans("A", 1, 0))
    put(warehouse, replace(scans("B", 1, 0), name="again"))
    assert publish(warehouse).conflicts
    link(warehouse, ("", "B"), "A")
    assert not publish(warehouse).conflicts
    assert toys.number(warehouse, "SELECT (COUNT(?s) AS ?n) { ?s a q:Study ; q:subject/q:identifier 'A' }") == 1


def test_an_id_without_a_link_is_never_taken_for_a_patient_id(warehouse: Warehouse) -> None:
    """Neither that of the same text, nor one that is written as such a subject is shown."""
    put(warehouse, scans("17", 1, 0), scans("case|17", 2, 0))
    put(warehouse, chart((CASE, "17"), 1, 0, 1), chart(("other", "17"), 2, 0, 1))
    rows = warehouse.select("SELECT ?i { ?s a q:Subject ; q:identifier ?i } ORDER BY ?i", OPERATOR).rows
    assert [row[0].value for row in rows if row[0]] == ["17", "case|17", "case||17", "other|17"]
    assert toys.number(warehouse, "SELECT (COUNT(DISTINCT ?s) AS ?n) { ?s a q:Subject }") == 4


@given(st.lists(st.tuples(st.sampled_from(["", "a", "a-b", "b"]), st.text("ab|-", max_size=5)), max_size=30))
def test_no_two_ids_share_a_subject_unlinked(ids: list[Id]) -> None:
    assert len({subject_key(*of) for of in ids}) == len(set(ids))


# random histories

NAMES = ("P1", "P2", "P3")
CASES = ("1", "2")
STEPS = st.one_of(
    st.tuples(st.just("scan"), st.sampled_from(NAMES), st.integers(0, 90)),
    st.tuples(st.just("chart"), st.sampled_from(CASES), st.integers(0, 90)),
    st.tuples(st.just("link"), st.sampled_from(CASES), st.sampled_from(NAMES)),
    st.tuples(st.just("unlink"), st.sampled_from(CASES), st.none()),
    st.tuples(st.just("merge"), st.sampled_from(NAMES), st.sampled_from(NAMES)),
    st.tuples(st.just("part"), st.sampled_from(NAMES), st.none()),
    st.tuples(st.just("retract"), st.integers(0, 9), st.none()),
)


HISTORIES = int(os.environ.get("QILIN_HISTORIES", "2"))
"""How many are tried; each takes some seconds."""


@settings(max_examples=HISTORIES, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.lists(STEPS, min_size=4, max_size=6))
@pytest.mark.usefixtures("by_difference")
def test_any_history_gives_what_one_id_from_the_beginning_gives(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, object, object]]
) -> None:
    """Each state is held against a rebuild, and the last against a warehouse that never knew any other id.

    What the public reads of it is held against a warehouse of the images alone.
    """
    root = tmp_path_factory.mktemp("history")
    warehouse = Warehouse.open(root / "var")
    toys.collection(warehouse, images="public", metadata="public", clinical="clinic")
    first = (scans("P1", 1, 0, 20), scans("P2", 2, 9), chart((CASE, "1"), 3, -4, 12))
    live = dict(zip(put(warehouse, *first), first, strict=True))
    for number, step in enumerate(steps, 4):
        before = warehouse.generations.current().number
        _take(warehouse, live, number, *step)
        if warehouse.generations.current().number > before:
            made = toys.everything(warehouse)
            warehouse.rebuild()
            assert made == toys.everything(warehouse)
    links = warehouse.crosswalk.links("toys")
    fresh = Warehouse.open(root / "fresh")
    toys.collection(fresh, images="public", metadata="public", clinical="clinic")

    def linked(of: Id) -> Id:
        subject = links.get(of)
        return of if subject is None else ("", subject)

    put(fresh, *live.values(), naming=linked)
    assert untimed(toys.everything(fresh)) == untimed(toys.everything(warehouse))
    pictures = [toy for toy in live.values() if toy.data_class is DataClass.IMAGES]
    public = untimed(toys.everything(warehouse, ANONYMOUS))
    if pictures:
        seen = Warehouse.open(root / "seen")
        toys.collection(seen, images="public", metadata="public", clinical="clinic")
        put(seen, *pictures, naming=linked)
        assert public == untimed(toys.everything(seen))
        seen.close()
    else:
        assert not public
    fresh.close()
    warehouse.close()


def _take(warehouse: Warehouse, live: dict[str, Toy], number: int, step: str, one: object, two: object) -> None:
    of: Id = (CASE if one in CASES else "", str(one))
    try:
        match step:
            case "scan":
                assert isinstance(two, int)
                toy = scans(str(one), number, two, two + 7)
                live[put(warehouse, toy)[0]] = toy
            case "chart":
                assert isinstance(two, int)
                toy = chart(of, number, two, two + 9)
                live[put(warehouse, toy)[0]] = toy
            case "link" | "merge":
                link(warehouse, of, str(two))
            case "unlink" | "part":
                warehouse.crosswalk.unlink("toys", of, WHO)
                publish(warehouse)
            case _:
                assert isinstance(one, int)
                if len(live) > 1:
                    sid = list(live)[one % len(live)]
                    del live[sid]
                    warehouse.retract([sid])
    except CrosswalkError:
        pass  # a chain, a cycle, or nothing to withdraw: refused, and all stays as it was


# audiences


def test_who_reads_only_the_images_sees_what_a_warehouse_of_only_the_images_shows(tmp_path: Path) -> None:
    """Whatever is linked to them, and whatever a rule says of ids that they may not see."""
    audiences = {"images": "imaging", "metadata": "readers", "clinical": "clinic"}
    whole, images, clinic = (Warehouse.open(tmp_path / name) for name in ("whole", "images", "clinic"))
    charts = [chart((CASE, "17"), 1, 3, 20), chart((CASE, "19"), 2, 8, 30), chart((CASE, "x"), 3, 8, 30)]
    pictures = [scans("LUNG-017", 1, 40), scans("LUNG-018", 2, 50)]
    for opened, held in ((whole, [*charts, *pictures]), (images, pictures), (clinic, charts)):
        toys.collection(opened, **audiences)
        put(opened, *held)
    _rule(whole, CASE, IdRule(pad=3, prefix="LUNG-"))
    _rule(clinic, CASE, IdRule(pad=3, prefix="LUNG-"))
    only_images = Caller("radiologist", frozenset({"public", "imaging"}))
    only_clinic = Caller("oncologist", frozenset({"public", "clinic"}))
    assert untimed(toys.everything(whole, only_images)) == untimed(toys.everything(images))
    assert untimed(toys.everything(whole, only_clinic)) == untimed(toys.everything(clinic))
    assert untimed(toys.everything(whole, ANONYMOUS)) == set()
    member = Caller("both", frozenset({"public", "imaging", "clinic"}))
    assert toys.number(whole, "SELECT (COUNT(?s) AS ?n) { ?s a q:Subject }", member) == 4
    for opened in (whole, images, clinic):
        opened.close()


# rules


def _rule(warehouse: Warehouse, namespace: str, steps: IdRule) -> int:
    number = warehouse.rules.propose("toys", namespace, steps, WHO).id
    warehouse.rules.approve(number, WHO)
    publish(warehouse)
    return number


def _states(warehouse: Warehouse) -> dict[tuple[str, str], tuple[str, str]]:
    ids = live_ids(warehouse.home.log, warehouse.generations.current().sources)
    found = states(ids, warehouse.crosswalk.standing("toys"), warehouse.rules.approved("toys"))
    return {(match.side, match.source_id): (match.subject, match.state) for match in found}


def test_an_approved_rule_links_the_ids_of_every_later_source_and_leaves_what_a_person_decided(
    warehouse: Warehouse,
) -> None:
    put(warehouse, scans("LUNG-017", 1, 0), chart((CASE, "17"), 1, 0, 1))
    number = warehouse.rules.propose("toys", CASE, IdRule(pad=3, prefix="LUNG-"), WHO).id
    publish(warehouse)
    assert _states(warehouse)["tables", "17"] == ("case|17", "unmatched")
    warehouse.rules.approve(number, Decision("chair", "checked by age"))
    publish(warehouse)
    assert _states(warehouse)["tables", "17"] == ("LUNG-017", "matched")
    assert _states(warehouse)["images", "LUNG-017"] == ("LUNG-017", "matched")
    put(warehouse, chart((CASE, "9"), 2, 0, 1), chart((CASE, "A9"), 3, 0, 1))
    assert _states(warehouse)["tables", "9"] == ("LUNG-009", "unmatched")
    assert _states(warehouse)["tables", "A9"] == ("case|A9", "unmatched")
    warehouse.crosswalk.unlink("toys", (CASE, "9"), WHO)
    publish(warehouse)
    assert _states(warehouse)["tables", "9"] == ("case|9", "unmatched")
    assert [(e.subject, e.method, e.rule, e.author) for e in warehouse.crosswalk.history("toys", CASE, "9")] == [
        ("LUNG-009", Method.RULE, number, "chair"),
        (None, Method.HAND, None, "steward"),
    ]
    warehouse.rules.withdraw(number, WHO)
    publish(warehouse)
    assert not warehouse.generations.current().links
    _rule(warehouse, CASE, IdRule(prefix="L"))
    assert {match[0] for match in _states(warehouse).values()} == {"LUNG-017", "L17", "LA9", "case|9"}


def test_ids_on_which_rules_do_not_agree_are_left_and_reported(warehouse: Warehouse) -> None:
    put(warehouse, *(chart((CASE, name), number, 0, 1) for number, name in enumerate(("1", "0202", "0203"), 1)))
    _rule(warehouse, CASE, IdRule(prefix="P"))
    _rule(warehouse, CASE, IdRule(strip_prefix="0", prefix="Q"))
    standing = warehouse.crosswalk.standing("toys")
    # the first rule had linked them before there was a second one to disagree
    assert {of[1]: entry.subject for of, entry in standing.items()} == {"1": "P1", "0202": "P0202", "0203": "P0203"}
    put(warehouse, chart((CASE, "05"), 9, 0, 1))
    assert _states(warehouse)["tables", "05"] == ("case|05", "ambiguous")
    live = warehouse.generations.current().sources
    [found] = matches(warehouse.crosswalk, warehouse.rules, warehouse.home.log, live)
    assert (found.ids, found.linked, found.unmatched, found.ambiguous) == (4, 3, 3, 1)


def test_a_rule_that_would_make_a_chain_links_nothing(warehouse: Warehouse) -> None:
    put(warehouse, *(scans(name, number, 0) for number, name in enumerate(("x-x-1", "x-1", "2"), 1)))
    _rule(warehouse, "", IdRule(strip_prefix="x-"))
    assert _states(warehouse) == {
        ("images", "x-x-1"): ("x-x-1", "ambiguous"),
        ("images", "x-1"): ("1", "unmatched"),
        ("images", "2"): ("2", "unmatched"),
    }


@pytest.mark.parametrize(
    ("steps", "source_id", "subject"),
    [
        (IdRule(), "17", "17"),
        (IdRule(strip_prefix="pt"), "17", None),
        (IdRule(strip_prefix="pt", pad=4), "pt17", "0017"),
        (IdRule(strip_suffix=".dcm", case="upper"), "ab.dcm", "AB"),
        (IdRule(pad=3), "A7", None),
        (IdRule(pad=3), "²", None),
        (IdRule(pad=3), "1000", "1000"),
        (IdRule(pattern="(?:a|b)-([0-9]+)", suffix="/x"), "b-3", "3/x"),
        (IdRule(pattern="a-([0-9]+)"), "a-3 ", None),
        (IdRule(pattern="a(b)?"), "a", None),
        (IdRule(strip_prefix="pt"), "pt", None),
    ],
)
def test_what_a_rule_makes_of_an_id(steps: IdRule, source_id: str, subject: str | None) -> None:
    assert steps.subject(source_id) == subject


@pytest.mark.parametrize("pattern", ["(", "[0-9]+", "(a)(b)"])
def test_a_pattern_that_keeps_nothing_of_the_id_is_refused(pattern: str) -> None:
    with pytest.raises(CrosswalkError, match="pattern"):
        IdRule(pattern=pattern)


# decisions


@pytest.mark.parametrize(
    ("standing", "of", "subject", "problem"),
    [
        ({}, ("", "A"), "A", "itself"),
        ({("", "A"): "B"}, ("case", "1"), "A", "itself linked"),
        ({("case", "1"): "A"}, ("", "A"), "B", "other ids"),
        ({("", "A"): "B"}, ("", "B"), "A", "itself linked"),
        ({}, ("Case 1", "1"), "A", "namespace"),
        ({}, ("case", " "), "A", "empty"),
        ({}, ("case", "1"), "A\n", "printable"),
    ],
)
def test_chains_cycles_and_nonsense_are_refused(standing: dict[Id, str], of: Id, subject: str, problem: str) -> None:
    with pytest.raises(CrosswalkError, match=problem):
        Links(standing).put(of, subject)


def test_an_import_names_its_faulty_rows_and_leaves_what_was_decided_by_hand(warehouse: Warehouse) -> None:
    links = warehouse.crosswalk
    links.link("toys", (CASE, "1"), "A", WHO)
    rows = [
        (2, (CASE, "1"), "B"),
        (3, (CASE, "2"), "B"),
        (4, (CASE, "2"), "C"),
        (5, ("", "B"), "C"),
        (6, (CASE, "1"), "A"),
        (7, (CASE, "3"), ""),
        (8, (CASE, "2"), "B"),
    ]
    new, refused = links.bring("toys", rows, WHO)
    assert new == 1
    assert [row for row, _ in refused] == [2, 4, 5, 7]
    assert dict(links.links("toys").items()) == {(CASE, "1"): "A", (CASE, "2"): "B"}
    assert links.bring("toys", rows[1:2], WHO) == (0, [])


def test_a_decision_needs_an_author_and_a_reason() -> None:
    for author, reason in (("", "why"), ("who", " ")):
        with pytest.raises(CrosswalkError, match="author and a reason"):
            Decision(author, reason)


def test_a_rule_that_would_link_on_what_ids_are_linked_to_is_not_approved(warehouse: Warehouse) -> None:
    warehouse.crosswalk.link("toys", (CASE, "1"), "x-A", WHO)
    number = warehouse.rules.propose("toys", "", IdRule(strip_prefix="x-"), WHO).id
    with pytest.raises(CrosswalkError, match="link on"):
        warehouse.rules.approve(number, WHO)
    assert warehouse.rules.get(number).verdict == "proposed"


# keeping


def test_a_release_and_a_restored_backup_are_under_the_links_of_their_day(warehouse: Warehouse, tmp_path: Path) -> None:
    put(warehouse, scans("LUNG-017", 1, 40), chart((CASE, "17"), 1, 3, 20))
    link(warehouse, (CASE, "17"), "LUNG-017")
    linked = days(warehouse)
    warehouse.releases.keep("linked")
    warehouse.crosswalk.unlink("toys", (CASE, "17"), WHO)
    publish(warehouse)
    assert days(warehouse) == [0]
    warehouse.releases.keep("unlinked")
    assert warehouse.releases.diff("linked", "unlinked").relinked == 1
    link(warehouse, (CASE, "17"), "LUNG-018")
    keeping.backup(warehouse.home, tmp_path / "saved.tar")
    keeping.restore(tmp_path / "saved.tar", Home(tmp_path / "elsewhere"))
    restored = Warehouse(Home(tmp_path / "elsewhere"))
    restored.rebuild()
    assert toys.everything(restored) == toys.everything(warehouse)
    answer = restored.ask(DAYS, OPERATOR, "csv", release="linked").read().decode().split()[1:]
    assert list(map(int, answer)) == linked
    restored.close()


def test_no_calendar_date_is_in_a_manifest(warehouse: Warehouse) -> None:
    put(warehouse, scans("LUNG-017", 1, 40), chart((CASE, "17"), 1, 3, 20))
    link(warehouse, (CASE, "17"), "LUNG-017")
    [held] = warehouse.generations.current().links
    assert held.shifts == (("calendar", 3 - 40),)
    folder = warehouse.generations.folder()
    assert folder is not None
    table = pq.read_table(folder / "crosswalk.parquet").to_pylist()
    assert "2020" not in json.dumps(table, default=str)


def test_only_links_that_live_sources_use_are_in_a_manifest(warehouse: Warehouse) -> None:
    put(warehouse, scans("LUNG-017", 1, 40))
    before = warehouse.generations.current().number
    link(warehouse, (CASE, "17"), "LUNG-017")
    assert (warehouse.generations.current().number, warehouse.generations.current().links) == (before, ())
    sids = put(warehouse, chart((CASE, "17"), 1, 3, 20))
    assert len(warehouse.generations.current().links) == 1
    warehouse.retract(sids)
    assert warehouse.generations.current().links == ()


def test_a_data_folder_of_an_earlier_version_is_read(warehouse: Warehouse) -> None:
    """A ledger without the column of namespaces, and a manifest without it and without links."""
    put(warehouse, scans("LUNG-017", 1, 40))
    before = toys.everything(warehouse)
    folder = warehouse.generations.folder()
    assert folder is not None
    table = pq.read_table(folder / "sources.parquet")
    pq.write_table(table.drop_columns(["namespace"]), folder / "sources.parquet")
    warehouse.close()
    with sqlite3.connect(warehouse.home.control) as ledger:
        ledger.execute("ALTER TABLE source DROP COLUMN namespace")
    older = Warehouse(warehouse.home)
    assert [source.namespace for source in older.control.sources()] == [""]
    assert [source.namespace for source in older.generations.current().sources] == [""]
    put(older, chart(("", "LUNG-017"), 1, 40, 41))
    assert before < toys.everything(older) | before
    assert {source.namespace for source in Control(f"sqlite:///{older.home.control}").sources()} == {""}
    older.close()


def test_what_matches_is_counted_the_same_with_and_without_a_cross_walk(warehouse: Warehouse) -> None:
    """Collections without any decision are counted in the database, the others id by id."""
    put(warehouse, scans("A", 1, 0), scans("B", 2, 0), chart(("", "A"), 1, 0, 1), chart((CASE, "A"), 2, 0, 1))
    live = warehouse.generations.current().sources

    def found() -> list[tuple[str, str, int, int]]:
        counted = matches(warehouse.crosswalk, warehouse.rules, warehouse.home.log, live)
        return [(item.namespace, item.side, item.matched, item.unmatched) for item in counted]

    before = found()
    assert before == [("", "images", 1, 1), ("", "tables", 1, 0), (CASE, "tables", 0, 1)]
    warehouse.crosswalk.link("toys", (CASE, "elsewhere"), "A", WHO)
    assert found() == before


def test_a_rule_whose_withdrawal_was_cut_off_can_be_withdrawn_again(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = warehouse.rules.propose("toys", CASE, IdRule(prefix="S"), WHO)
    warehouse.rules.approve(rule.id, WHO)
    warehouse.rules.follow("toys", [(CASE, "1")])
    steps: list[Callable[[], None]] = []
    with monkeypatch.context() as dying:
        for owner, name in ((warehouse.rules, "_enter"), (warehouse.crosswalk, "enter")):
            whole = getattr(owner, name)

            def step(*given, whole=whole, **more):
                if steps:
                    raise KeyboardInterrupt
                steps.append(whole)
                return whole(*given, **more)

            dying.setattr(owner, name, step)
        with pytest.raises(KeyboardInterrupt):
            warehouse.rules.withdraw(rule.id, WHO)
    warehouse.rules.withdraw(rule.id, WHO)
    assert not warehouse.crosswalk.links("toys")
    assert not warehouse.rules.approved("toys")
