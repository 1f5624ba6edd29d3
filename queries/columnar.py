"""Curated queries that the record log answers faster than the triples: a ``.sql`` text beside the ``.rq`` of its name.

The ``.rq`` says what is asked and can be asked anywhere; the ``.sql`` has the same columns and parameters, and a test
holds that both answer the same. It reads these views, of what the caller may read and of nothing else:

- ``observation``: measurements, findings, responses and outcomes, with every column of the record log;
- ``concept``: ``curie``, ``iri`` and ``name`` of the vocabulary's concepts;
- ``broader``: ``curie`` and ``broader``, each concept itself among its broader ones.

A parameter ``x`` is ``$x``: null where it is not given, a concept as CURIE. A number is a text, or
a structure of its text (``value``) and datatype (``type``).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
import pyoxigraph as ox

from ontology.prefixes import UnknownPrefixError, compact, expand
from ontology.vocabulary import broader_concepts, concept_labels
from queries.catalogue import Query
from store.warehouse import Caller, Warehouse
from store.workers import QueryTimeoutError

__all__ = ["Row", "rows"]

Row = tuple[str | int | Decimal | float | bool | None, ...]


def rows(
    warehouse: Warehouse, query: Query, values: Mapping[str, str] | None, caller: Caller, seconds: float
) -> tuple[Row, ...] | None:
    """The rows of a query's columns; None where the query has no SQL, or only the triples can tell.

    Raises what `queries.catalogue.Query.terms` raises, and `store.workers.QueryTimeoutError` after ``seconds``.
    """
    if query.sql is None:
        return None
    given = query.terms(values)
    parameters = {item.name: _plain(given[item.name]) if item.name in given else None for item in query.parameters}
    with warehouse.observations(caller) as connection:
        if connection is None:
            return None
        for name, table in _vocabulary().items():
            connection.register(name, table)
        names, found = _within(seconds, connection, query.sql, parameters)
        cells = [(names.index(column.name), CELLS.get(column.type)) for column in query.columns]
        return tuple(
            tuple(read(row[place]) if read and row[place] is not None else row[place] for place, read in cells)
            for row in found
        )


@cache
def _vocabulary() -> Mapping[str, pa.Table]:
    """The views of the vocabulary; it is read once a process."""
    names = [(curie, expand(curie), name) for curie, name in concept_labels()]
    broader = list(broader_concepts())
    return {
        "concept": pa.table(list(map(list, zip(*names, strict=True))), ["curie", "iri", "name"]),
        "broader": pa.table(list(map(list, zip(*broader, strict=True))), ["curie", "broader"]),
    }


def _plain(term: ox.NamedNode | ox.Literal) -> str:
    """A parameter as SQL takes it: a concept as the log writes it."""
    if isinstance(term, ox.Literal):
        return term.value
    try:
        return compact(term.value)
    except UnknownPrefixError:
        return term.value


def _within(
    seconds: float, connection: duckdb.DuckDBPyConnection, sql: str, parameters: Mapping[str, str | None]
) -> tuple[list[str], list[tuple[Any, ...]]]:
    """The columns and rows that a statement finds; `QueryTimeoutError` where that takes longer."""
    alarm = threading.Timer(seconds, connection.interrupt)
    alarm.start()
    try:
        found = connection.execute(sql, parameters)
        return [item[0] for item in found.description], found.fetchall()
    except duckdb.InterruptException:
        raise QueryTimeoutError(f"the query took longer than {seconds:g} seconds; narrow it") from None
    finally:
        alarm.cancel()


def _number(cell: str | Mapping[str, str]) -> Decimal | float:
    """A number as the store has it: without zeros at its end, or a double where it is one.

    >>> _number("1.50"), _number({"value": "60.0", "type": "decimal"}), _number({"value": "0.1", "type": "double"})
    (Decimal('1.5'), Decimal('60'), 0.1)
    """
    if not isinstance(cell, str):
        return float(cell["value"]) if cell["type"] == "double" else _number(cell["value"])
    number = Decimal(cell)
    whole = number.to_integral_value()
    return whole if number == whole else number.normalize()


CELLS: Mapping[str, Callable[[Any], Decimal | float]] = {"decimal": _number}
"""How cells are read, by the type of their column, where they are not taken as they are."""
