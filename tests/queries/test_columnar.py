"""Queries that the record log answers: the same rows as the triples give, for everyone who asks."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from importlib.resources import files

import pytest

from ontology.prefixes import Curie
from ontology.records import Finding, Measurement, Outcome, Record, Response, Series, Study
from ontology.terms import ncit, q
from queries import columnar
from queries.catalogue import Query, queries, query
from queries.results import run
from store.control import Collection
from store.warehouse import ANONYMOUS, OPERATOR, Caller, Warehouse
from store.workers import QueryTimeoutError
from tests.queries.conftest import log_source

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
    """Two open collections, of which the second says more to the team, and a study that two subjects claim."""
    opened = Warehouse.open(tmp_path_factory.mktemp("columnar"), workers=1)
    opened.control.save_collection(Collection("odd").within("public"))
    opened.control.save_collection(Collection("closed").within("team"))
    log_source(opened, "odd", odd())
    claimed = Measurement(key="c", subject="other", variable=ncit.AGE, value=Decimal(55), unit="a", study="1.9")
    log_source(opened, "closed", [Study(uid="1.9", subject="other"), claimed, *odd()[:8]])
    yield opened
    opened.close()


def asked(curated: Query) -> list[dict[str, str]]:
    known = {item.name for item in curated.parameters}
    return [values for values in ASKED if values.keys() <= known]


@pytest.mark.parametrize("curated", COLUMNAR, ids=lambda item: item.name)
@pytest.mark.parametrize("caller", [ANONYMOUS, TEAM, OPERATOR], ids=lambda item: item.name)
def test_the_log_answers_as_the_triples_do(curated: Query, caller: Caller, warehouse: Warehouse) -> None:
    given = 0
    for values in asked(curated):
        by_log = columnar.rows(warehouse, curated, values, caller, 30)
        assert by_log == run(warehouse, replace(curated, sql=None), values, caller).rows, values
        given += len(by_log)
    assert given > 10


@pytest.mark.parametrize("curated", COLUMNAR, ids=lambda item: item.name)
def test_the_log_answers_as_the_triples_do_of_the_demonstration(curated: Query, demo_warehouse: Warehouse) -> None:
    by_log = columnar.rows(demo_warehouse, curated, {}, ANONYMOUS, 30)
    assert by_log == run(demo_warehouse, replace(curated, sql=None), {}, ANONYMOUS).rows
    assert by_log


def test_what_is_closed_is_not_told(warehouse: Warehouse) -> None:
    def names(caller: Caller) -> set[object]:
        return {row["collection"] for row in run(warehouse, query("harmonised-subjects"), {}, caller).dicts()}

    assert names(ANONYMOUS) == {"odd"}
    assert names(TEAM) == {"odd", "closed"}


def test_the_triples_answer_while_something_is_taken_away(tmp_path_factory: pytest.TempPathFactory) -> None:
    opened = Warehouse.open(tmp_path_factory.mktemp("taken"), workers=1)
    opened.control.save_collection(Collection("odd").within("public"))
    log_source(opened, "odd", odd())
    assert len(run(opened, query("harmonised-subjects"), {}, ANONYMOUS).rows) > 5
    opened.control.save_collection(Collection("odd").within("team"))
    assert columnar.rows(opened, query("harmonised-subjects"), {}, ANONYMOUS, 30) is None
    assert run(opened, query("harmonised-subjects"), {}, ANONYMOUS).rows == ()
    opened.close()


def test_a_question_has_its_time(warehouse: Warehouse) -> None:
    endless = replace(
        query("harmonised-subjects"),
        parameters=(),
        sql="SELECT count(*) FROM range(1000000) a, range(1000000) b, range(100) c WHERE a.range * b.range = 7",
    )
    with pytest.raises(QueryTimeoutError, match=r"longer than 0\.2 seconds"):
        columnar.rows(warehouse, endless, {}, ANONYMOUS, 0.2)


def test_every_sql_has_the_columns_of_its_query(warehouse: Warehouse) -> None:
    names = {item.name[:-4] for item in files("queries").iterdir() if item.name.endswith(".sql")}
    assert names == {item.name for item in COLUMNAR}
    with warehouse.observations(OPERATOR) as connection:
        assert connection is not None
        held = {name for name, *_ in connection.execute("DESCRIBE observation").fetchall()}
    assert {"collection", "subject", "variable", "value", "value_concept", "event", "start_event"} <= held
