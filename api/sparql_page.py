"""The page of ``/sparql``: a plain form, examples, and the first rows of a result."""

from __future__ import annotations

from dataclasses import dataclass

import pyoxigraph as ox
from starlette.requests import Request
from starlette.responses import Response

from api.asking import asking_of
from api.errors import status_of
from api.pages import pages_of
from api.terms import Cell, cell
from queries.catalogue import Query, queries
from queries.parameters import ParameterError
from store.guard import QueryRefusedError
from store.warehouse import Caller, EmptyWarehouseError
from store.workers import Answer, QueryError

__all__ = ["form_page", "result_page"]

FIRST = """SELECT ?collection ?modality (COUNT(*) AS ?series)
WHERE {
  ?s a q:Series ; q:subject ?subject ; q:modality ?modality .
  ?subject q:collection ?collection .
}
GROUP BY ?collection ?modality
ORDER BY ?collection DESC(?series)
LIMIT 100
"""
"""What the form holds at first."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A result as the page shows it: a table, a yes or no, or a graph as Turtle; ``more`` where it goes on."""

    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()
    truth: bool | None = None
    graph: str | None = None
    more: bool = False


@dataclass(frozen=True, slots=True)
class Example:
    """A curated query that may be opened in the form."""

    title: str
    text: str


def form_page(
    request: Request, query: str = FIRST, shown: Shown | None = None, error: str | None = None, status_code: int = 200
) -> Response:
    """The form with a query, and its result or what is wrong with it."""
    examples = [Example(item.summary, text) for item in queries().values() if (text := _runnable(item))]
    return pages_of(request).response(
        request, "sparql.html", status_code, query=query, shown=shown, error=error, examples=examples
    )


def _runnable(item: Query) -> str | None:
    """The text of a curated query with its defaults; None where it needs a value."""
    try:
        return item.bind()
    except ParameterError:
        return None


def result_page(request: Request, caller: Caller, query: str) -> Response:
    """The form with the first rows of the result below it."""
    asking = asking_of(request)
    limit = asking.settings.page_rows
    try:
        answer = asking.warehouse.ask(query, caller, "tsv", "turtle", asking.settings.query_seconds)
        lines, more = _lines(answer, limit + 1)
        form = answer.format
    except (QueryError, QueryRefusedError, EmptyWarehouseError) as error:
        status = status_of(error)
        assert status is not None, "each of these has a status"
        return form_page(request, query, error=str(error), status_code=status.code)
    if form == "turtle":
        return form_page(request, query, Shown(graph=b"".join(lines).decode(), more=more))
    return form_page(request, query, _table(b"".join(lines), more))


def _lines(answer: Answer, limit: int) -> tuple[list[bytes], bool]:
    """The first lines of an answer, and whether there are more; the rest is not computed."""
    lines, rest = list[bytes](), b""
    for piece in answer:
        *whole, rest = (rest + piece).split(b"\n")
        lines += [line + b"\n" for line in whole]
        if len(lines) > limit:
            answer.close()
            return lines[:limit], True
    return [*lines, rest] if rest else lines, False


def _table(text: bytes, more: bool) -> Shown:
    result = ox.parse_query_results(text, format=ox.QueryResultsFormat.TSV)
    if isinstance(result, ox.QueryBoolean):
        return Shown(truth=bool(result))
    assert isinstance(result, ox.QuerySolutions), "the engine writes TSV for nothing else"
    columns = tuple(variable.value for variable in result.variables)
    rows = tuple(tuple(cell(solution[name]) for name in columns) for solution in result)
    return Shown(columns, rows, more=more)
