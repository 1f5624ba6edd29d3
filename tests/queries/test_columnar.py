"""Queries that the record log answers: the same rows as the triples give, for everyone who asks."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from importlib.resources import files
from pathlib import Path

import duckdb
import pytest

from ontology.prefixes import Curie
from ontology.records import (
    DataClass,
    Finding,
    Lesion,
    Measurement,
    Outcome,
    Reader,
    Record,
    Response,
    Series,
    Study,
)
from ontology.terms import ncit, q
from queries import columnar
from queries.catalogue import Query, queries, query
from queries.results import run
from store.control import Collection
from store.crosswalk import Decision
from store.lesion_pairs import LesionPair, NamedLesion, Verdict
from store.warehouse import ANONYMOUS, OPERATOR, Caller, Warehouse
from store.workers import QueryFailedError, QueryTimeoutError
from tests.queries.conftest import log_source, log_sources
from tests.queries.odd_lesions import KEYS, readings

COLUMNAR = [item for item in queries().values() if item.sql]
TEAM = Caller("of the team", frozenset({"public", "team"}))
ASKED: list[dict[str, str]] = [
    {},
    {"collection": "odd"},
    {"collection": "nowhere"},
    {"diagnosis": "Lung Carcinoma"},
    {"diagnosis": "https://example.org/unknown"},
    {"stage": "Stage III"},
    {"sex": "ncit:C16576"},
    {"vital": "ncit:C28554", "collection": "odd"},
]

READINGS: list[dict[str, str]] = [
    {},
    {"collection": "read", "subject": "s2"},
    {"accepted": "false", "readAs": "q:CentralReader"},
    {"variable": "Longest Perpendicular", "apart": "33.3"},
    {"variable": "Longest Perpendicular", "accepted": "true"},
    {"maxLength": "12.4", "changeFactor": "1.5"},
    {"response": "Best Overall Response", "criteria": "ncit:C124415"},
    {"onlyDifferent": "true", "collection": "read"},
]
"""What is asked of readings of lesions, as far as the query has those parameters."""


def found(name: str, variable: Curie, concept: Curie, raw: str | None = None, key: str = "") -> Finding:
    key = f"{name}{variable}{concept}{raw}{key}"
    return Finding(key=key, subject=name, variable=variable, value_concept=concept, raw=raw)


def odd() -> list[Record]:
    """Statements that differ, repeat, are unmapped or unknown, or are numbers of several types."""
    age, survival = ncit.AGE, ncit.OVERALL_SURVIVAL
    lung, stage = ncit.LUNG_ADENOCARCINOMA, ncit.DISEASE_STAGE_QUALIFIER

    def aged(name: str, value: Decimal | float | int, variable: Curie = age, study: str | None = None) -> Measurement:
        key = f"{name}{variable}{value}{study}"
        return Measurement(key=key, subject=name, variable=variable, value=value, unit="a", study=study)

    def lived(
        name: str, value: Decimal | float | int | None, event: bool | None, start: Curie | None = None
    ) -> Outcome:
        key = f"{name}{value}{event}{start}"
        return Outcome(key=key, subject=name, variable=survival, value=value, unit="d", event=event, start_event=start)

    return [
        found("two", ncit.MORPHOLOGIC_FINDING, lung),
        found("two", ncit.MORPHOLOGIC_FINDING, q.UNMAPPED, "of the “lung”, 1\\2"),
        found("two", ncit.MORPHOLOGIC_FINDING, lung, key="again"),
        found("two", ncit.SEX, ncit.MALE),
        found("two", ncit.SEX, ncit.FEMALE),
        found("unmapped", ncit.MORPHOLOGIC_FINDING, q.UNMAPPED, "mixed"),
        found("unmapped", stage, q.UNMAPPED, "?"),
        found("unmapped", ncit.SEX, q.UNMAPPED, "x"),
        found("woman", ncit.SEX, ncit.FEMALE),
        found("woman", ncit.SEX, q.UNMAPPED, "f?"),
        found("woman", stage, ncit.STAGE_IIIA),
        found("woman", q.PATHOLOGIC_STAGE, ncit.STAGE_IVA),
        Response(key="r1", subject="woman", variable=ncit.BEST_OVERALL_RESPONSE, value_concept=ncit.STABLE_DISEASE),
        Response(key="r2", subject="woman", variable=ncit.BEST_OVERALL_RESPONSE, value_concept=ncit.PARTIAL_REMISSION),
        Study(uid="1.9", subject="woman"),
        Series(uid="1.9.1", subject="woman", study="1.9"),
        aged("woman", Decimal("61.50")),
        aged("woman", Decimal(60), study="1.9"),
        aged("scanned", Decimal(70), study=None),
        aged("scanned", 69, study="1.9"),
        aged("precise", 61.123456789),
        aged("precise", 99),
        lived("precise", Decimal("430.1833333333333335987"), True, ncit.DIAGNOSIS_ASSESSMENT),
        lived("precise", 9000, False),
        lived("alive", -3, False, ncit.DIAGNOSIS_ASSESSMENT),
        lived("alive", Decimal("1200.25"), False),
        lived("event only", None, True),
        lived("unknown", 20, None),
        found("gone", ncit.VITAL_STATUS, ncit.DEAD),
        found("gone", ncit.VITAL_STATUS, ncit.ALIVE),
    ]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Collections that are open, closed, and open in part, and a study that two subjects claim."""
    opened = Warehouse.open(tmp_path_factory.mktemp("columnar"), workers=1)
    audiences = dict.fromkeys(DataClass, "public") | {DataClass.METADATA: "team"}
    for made in (
        Collection("odd").within("public"),
        Collection("closed").within("team"),
        Collection("read", audiences=audiences),
    ):
        opened.control.save_collection(made)
    link_lesions(opened)
    claimed = Measurement(key="c", subject="other", variable=ncit.AGE, value=Decimal(55), unit="a", study="1.9")
    everyone, team = DataClass.CLINICAL, DataClass.METADATA
    log_sources(
        opened,
        ("odd", odd(), everyone),
        ("closed", [Study(uid="1.9", subject="other"), claimed, *odd()[:8]], everyone),
        ("read", readings(1, 120), everyone),
        ("read", readings(2, 60), team),  # of the same lesions
        ("read", readings(2, 20), everyone),  # copies, some of them of one document
    )
    yield opened
    opened.close()


def link_lesions(opened: Warehouse) -> None:
    """Some lesions are one."""
    ends = [NamedLesion("", "s2", key) for key in KEYS]
    with opened.writing():
        for a, b in ((0, 1), (2, 1)):
            pair = LesionPair.of("read", ends[a], ends[b])
            opened.lesions.decide(pair, Verdict.SAME, Decision("tester", "they are one"))


def asked(curated: Query, caller: Caller) -> list[dict[str, str]]:
    """The values to ask a query with; the operator, who may read what the team may, asks once."""
    known = {item.name for item in curated.parameters}
    values = ASKED if curated.name.startswith("harmonised") else READINGS
    return [chosen for chosen in values if chosen.keys() <= known][: 1 if caller is OPERATOR else None]


@pytest.mark.parametrize("curated", COLUMNAR, ids=lambda item: item.name)
@pytest.mark.parametrize("caller", [ANONYMOUS, TEAM, OPERATOR], ids=lambda item: item.name)
def test_the_log_answers_as_the_triples_do(curated: Query, caller: Caller, warehouse: Warehouse) -> None:
    given = 0
    for values in asked(curated, caller):
        by_log = columnar.rows(warehouse, curated, values, caller, 30)
        assert by_log == run(warehouse, replace(curated, sql=None), values, caller).rows, values
        given += len(by_log)
    assert given > 1


SLOW = {"lesion-diameters", "lesions-at-visits", "sum-of-diameters"}
"""Where the triples take long for every subject of the demonstration; the golden results hold what the log says."""


@pytest.mark.parametrize("curated", COLUMNAR, ids=lambda item: item.name)
def test_the_log_answers_as_the_triples_do_of_the_demonstration(curated: Query, demo_warehouse: Warehouse) -> None:
    values = {"subject": "QD-003"} if curated.name in SLOW else {}
    by_log = columnar.rows(demo_warehouse, curated, values, ANONYMOUS, 30)
    assert by_log == run(demo_warehouse, replace(curated, sql=None), values, ANONYMOUS).rows
    assert by_log or curated.name in {"investigator-and-independent", "measurement-anomalies", "reader-agreement"}


def test_what_is_closed_is_not_told(warehouse: Warehouse) -> None:
    def names(caller: Caller) -> set[object]:
        return {row["collection"] for row in run(warehouse, query("harmonised-subjects"), {}, caller).dicts()}

    assert names(ANONYMOUS) == {"odd", "read"}
    assert names(TEAM) == {"odd", "read", "closed"}


def test_the_triples_answer_while_something_is_taken_away(tmp_path_factory: pytest.TempPathFactory) -> None:
    opened = Warehouse.open(tmp_path_factory.mktemp("taken"), workers=1)
    opened.control.save_collection(Collection("odd").within("public"))
    log_source(opened, "odd", odd())
    assert len(run(opened, query("harmonised-subjects"), {}, ANONYMOUS).rows) > 5
    opened.control.save_collection(Collection("odd").within("team"))
    assert columnar.rows(opened, query("harmonised-subjects"), {}, ANONYMOUS, 30) is None
    assert run(opened, query("harmonised-subjects"), {}, ANONYMOUS).rows == ()
    opened.close()


@pytest.mark.parametrize("seconds", [0.2, 0.001])  # the shorter has passed before the statement begins
def test_a_question_has_its_time(seconds: float, warehouse: Warehouse) -> None:
    endless = replace(
        query("harmonised-subjects"),
        parameters=(),
        sql="SELECT count(*) FROM range(1000000) a, range(1000000) b, range(100) c WHERE a.range * b.range = 7",
    )
    with pytest.raises(QueryTimeoutError, match=rf"longer than {seconds:g} seconds"):
        columnar.rows(warehouse, endless, {}, ANONYMOUS, seconds)


def test_a_result_has_its_size(warehouse: Warehouse) -> None:
    asked_for = query("lesion-diameters")
    with pytest.raises(columnar.ResultSizeError, match="passes 1,000 bytes"):
        columnar.rows(warehouse, asked_for, {}, ANONYMOUS, 30, 1_000)
    assert columnar.rows(warehouse, asked_for, {}, ANONYMOUS, 30, 1_000_000)


def test_a_question_without_memory_is_told_so(warehouse: Warehouse) -> None:
    with warehouse.observations(ANONYMOUS) as connection:
        assert connection is not None
        limit = connection.execute("SELECT current_setting('memory_limit')").fetchone()
        assert limit == ("2.0 GiB",)  # that of a query worker
        with (
            pytest.raises(QueryFailedError, match="more memory"),
            columnar._limits(connection, 30, time.monotonic() + 30),
        ):
            raise duckdb.OutOfMemoryException


def test_a_question_takes_a_place_among_the_queries(warehouse: Warehouse) -> None:
    with warehouse.pool.place(1), pytest.raises(QueryTimeoutError, match="busy"):
        columnar.rows(warehouse, query("harmonised-subjects"), {}, ANONYMOUS, 0.1)
    assert columnar.rows(warehouse, query("harmonised-subjects"), {}, ANONYMOUS, 30)


def test_a_number_that_sql_cannot_hold_is_for_the_triples(tmp_path: Path) -> None:
    opened = Warehouse.open(tmp_path, workers=1)
    opened.control.save_collection(Collection("odd").within("public"))
    about = {"subject": "s", "lesion": "l", "reader": "r", "visit": 1}
    said = Finding(
        key="f", variable=ncit.TUMOR_IDENTIFICATION, value_concept=ncit.TARGET_LESION_IDENTIFICATION, **about
    )
    vast = Measurement(key="m", variable=ncit.LONGEST_DIAMETER, value=1e30, unit="mm", **about)
    log_source(opened, "odd", [Reader(key="r"), Lesion(subject="s", key="l"), said, vast])
    assert columnar.rows(opened, query("sum-of-diameters"), {}, OPERATOR, 30) is None
    assert [row["total"] for row in run(opened, query("sum-of-diameters"), {}, OPERATOR).dicts()] == [1e30]
    opened.close()


def test_every_sql_has_the_columns_of_its_query(warehouse: Warehouse) -> None:
    names = {item.name[:-4] for item in files("queries").iterdir() if item.name.endswith(".sql")}
    assert names == {item.name for item in COLUMNAR}
    with warehouse.observations(OPERATOR) as connection:
        assert connection is not None
        held = {name for name, *_ in connection.execute("DESCRIBE observation").fetchall()}
    assert {"collection", "subject", "variable", "value", "value_concept", "event", "start_event"} <= held
