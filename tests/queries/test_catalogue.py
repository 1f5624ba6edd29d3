"""Every curated query holds what docs/queries.md asks of it."""

from __future__ import annotations

import re
from pathlib import Path

import pyoxigraph as ox
import pytest

from ontology.prefixes import prefixes
from queries.catalogue import (
    BrokenQueryError,
    Query,
    UnknownParameterError,
    UnknownQueryError,
    parse,
    queries,
    query,
)
from queries.parameters import ParameterError
from queries.results import run
from store.guard import check_query
from store.warehouse import ANONYMOUS, OPERATOR, Warehouse

FOLDER = Path(__file__).parents[2] / "queries"
DOCS = Path(__file__).parents[2] / "docs" / "queries.md"
QUESTIONS = {f"C{number:02d}" for number in range(1, 37)}
"""The ids of the competency questions."""

NAMED = {
    "subject-timeline",
    "cohort-by-diagnosis",
    "lesion-diameters",
    "series-acquisition-outcome",
    "suvmax-baseline-response",
    "collection-inventory",
}

every = pytest.mark.parametrize("curated", queries().values(), ids=list(queries()))


def sample(curated: Query, **given: str) -> dict[str, str]:
    """Values for the parameters that have to be given."""
    anything = {"iri": "https://example.org/none", "collection": "none", "subject": "none"}
    required = {item.name: anything[item.type] for item in curated.parameters if item.required}
    return required | {name: value for name, value in given.items() if name in {p.name for p in curated.parameters}}


def test_the_catalogue_has_the_promised_queries() -> None:
    assert len(queries()) >= 14
    assert queries().keys() >= NAMED


@every
def test_a_query_says_what_it_answers(curated: Query) -> None:
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", curated.name)
    assert curated.summary
    assert not curated.summary.endswith(".")
    assert curated.description.endswith(".")
    assert curated.questions
    assert set(curated.questions) <= QUESTIONS


@every
def test_columns_are_those_of_the_select(curated: Query) -> None:
    """The text needs no prefixes but its own: it runs on any SPARQL 1.1 engine."""
    result = ox.Store().query(curated.text)
    assert isinstance(result, ox.QuerySolutions)
    assert [variable.value for variable in result.variables] == [column.name for column in curated.columns]


@every
def test_a_concept_has_its_label_beside_it(curated: Query) -> None:
    names = [column.name for column in curated.columns]
    for column in curated.columns:
        assert column.label
        if column.type == "concept":
            assert names[names.index(column.name) + 1] == f"{column.name}Label"


@every
def test_days_come_with_their_clock(curated: Query) -> None:
    if any(column.type == "day" for column in curated.columns):
        assert curated.column("clock").type == "string"


@every
def test_a_query_file_is_formatted(curated: Query) -> None:
    text = (FOLDER / f"{curated.name}.rq").read_text(encoding="utf-8")
    lines = text.splitlines()
    assert text.endswith("}\n") or re.search(r"\n(ORDER|GROUP) BY[^\n]*\n$", text)
    assert "\n\n\n" not in text
    for line in lines:
        assert line == line.rstrip()
        assert len(line) <= 120
        assert "\t" not in line
        indent = len(line) - len(line.lstrip())
        assert line.startswith("#+") or indent % 2 == 0
    body = curated.text.splitlines()
    declared = [line for line in body if line.startswith("PREFIX")]
    assert declared == sorted(declared) == body[: len(declared)]
    known = {f"PREFIX {prefix}: <{namespace}>" for prefix, namespace in prefixes().items()}
    assert set(declared) <= known
    rest = "\n".join(body[len(declared) :])
    assert [line for line in declared if not re.search(rf"(?<![\w:]){line.split()[1]}\w", rest)] == []
    words = re.findall(
        r"\b(select|where|optional|filter|union|values|bind|order by|group by|count|min|max|distinct)\b", rest
    )
    assert words == []
    order = re.findall(r"^#\+ (\w+):", text, re.MULTILINE)
    assert order == [w for w in ("summary", "description", "questions", "parameters", "columns") if w in order]


@every
def test_a_query_passes_the_guard(curated: Query) -> None:
    check_query(curated.bind(sample(curated)))


@every
def test_where_nothing_is_known_there_are_no_rows(curated: Query, handmade: Warehouse) -> None:
    table = run(handmade, curated, sample(curated, collection="none"), OPERATOR)
    assert table.rows == ()


@every
def test_a_closed_collection_gives_no_rows(curated: Query, handmade: Warehouse) -> None:
    table = run(handmade, curated, sample(curated, collection="closed", subject="S1"), ANONYMOUS)
    assert table.rows == ()


@every
def test_answers_are_in_a_fixed_order(curated: Query, handmade: Warehouse) -> None:
    given = sample(curated, collection="open", subject="S1")
    assert run(handmade, curated, given, OPERATOR).rows == run(handmade, curated, given, OPERATOR).rows
    if not any(item.required and item.type == "iri" for item in curated.parameters):
        assert "ORDER BY" in curated.text


def test_every_query_is_documented() -> None:
    listed = re.findall(r"^\| \[`([a-z0-9-]+)`\]", DOCS.read_text(encoding="utf-8"), re.MULTILINE)
    assert listed == list(queries())


def test_the_documented_list_is_true() -> None:
    text = DOCS.read_text(encoding="utf-8")
    for curated in queries().values():
        link = f"[`{curated.name}`](../queries/{curated.name}.rq)"
        assert f"| {link} | {curated.summary} | {', '.join(curated.questions)} |" in text


def test_an_unknown_query_lists_the_known_ones() -> None:
    with pytest.raises(UnknownQueryError, match=r"no query 'nonsense'; there are: .*subject-timeline"):
        query("nonsense")


def test_an_unknown_parameter_lists_the_known_ones() -> None:
    with pytest.raises(UnknownParameterError, match="has no parameter 'patient'; there are: collection, subject"):
        query("subject-timeline").bind({"patient": "S1"})


def test_a_missing_parameter_is_named() -> None:
    with pytest.raises(ParameterError, match="subject: is missing; wanted: the identifier of a subject"):
        query("subject-timeline").bind({"collection": "open", "subject": " "})


GOOD = """\
#+ summary: One
#+ description: One.
#+ questions: [C01]
#+ parameters:
#+   x: {type: integer, label: X}
#+ columns:
#+   x: {label: X, type: integer}
SELECT ?x WHERE {
  #- x
}
"""


def test_a_mark_becomes_values_only_where_there_is_one() -> None:
    found = parse("one", GOOD)
    assert found.bind() == "SELECT ?x WHERE {\n\n}\n"
    assert 'VALUES ?x { "3"^^<http://www.w3.org/2001/XMLSchema#integer> }' in found.bind({"x": "3"})


@pytest.mark.parametrize(
    ("before", "after", "problem"),
    [
        ("#- x", "#- y", "differ in x, y"),
        ("type: integer, label: X}\n#+ columns", "type: number, label: X}\n#+ columns", "no parameter type 'number'"),
        ("{label: X, type: integer}\nSELECT", "{label: X, type: number}\nSELECT", "no column type 'number'"),
        ("#+ summary: One\n", "", "its head is wrong"),
        ("[C01]", "[C01", "its head is wrong"),
        ("label: X}\n#+ columns", "label: X, colour: red}\n#+ columns", "its head is wrong"),
    ],
)
def test_a_broken_file_is_named(before: str, after: str, problem: str) -> None:
    with pytest.raises(BrokenQueryError, match=r"^one\.rq: ") as caught:
        parse("one", GOOD.replace(before, after))
    assert problem in str(caught.value)
