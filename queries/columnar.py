"""Curated queries that the record log answers faster than the triples: a ``.sql`` text beside the ``.rq`` of its name.

The ``.rq`` says what is asked and can be asked anywhere; the ``.sql`` has the same columns and parameters, and a test
holds that both answer the same. It reads these views, of what the caller may read and of nothing else:

- ``observation``: measurements, findings, responses and outcomes, with every column of the record log;
- ``concept``: ``curie``, ``iri`` and ``name`` of the vocabulary's concepts;
- ``broader``: ``curie`` and ``broader``, each concept itself among its broader ones;
- ``canonical``: ``variable`` and ``unit``.

And what is derived for a generation (which takes about a second more), instead of ``observation``:

- ``fact``: the observations with ``record_type``, the IRIs ``record``, ``source`` and ``about`` (the lesion),
  ``"primary"`` as it is among duplicates, ``day`` and the label of its ``clock``, ``number`` (the value
  with its datatype), and ``occasion``, the same for two facts of one visit, by number or else by name;
- ``lesion``, ``reader`` and ``procedure``: by ``collection`` and ``key``, with what is known of them;
- ``identity``: how sources identified lesions; ``place``: every site of a lesion, and the ``record`` that says it;
- ``same``: two lesions (``key``, ``other`` and its ``iri``) that are one by decision;
- and the function ``iri`` of a CURIE.

A parameter ``x`` is ``$x``: null where it is not given, a concept as CURIE. A number is a text, or
a structure of its text (``value``) and datatype (``type``).
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
import pyoxigraph as ox

from ontology.prefixes import UnknownPrefixError, compact, expand
from ontology.variables import variables
from ontology.vocabulary import broader_concepts, concept_labels
from queries.catalogue import Query
from store.asked import DERIVED
from store.warehouse import Caller, Warehouse
from store.workers import QueryFailedError, QueryTimeoutError

__all__ = ["ResultSizeError", "Row", "rows"]

VIEWS_READ = re.compile(r"\b(?:FROM|JOIN) (\w+)")
"""The views that a statement reads."""

PART = 2_000
"""Rows that are read at a time."""

AGAIN = 0.05
"""Seconds after which a statement is interrupted again."""

Row = tuple[str | int | Decimal | float | bool | None, ...]


class ResultSizeError(QueryFailedError):
    """A result that passes the bytes that its caller allows."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"the result passes {limit:,} bytes; narrow it")


def rows(
    warehouse: Warehouse,
    query: Query,
    values: Mapping[str, str] | None,
    caller: Caller,
    seconds: float,
    size: int | None = None,
) -> tuple[Row, ...] | None:
    """The rows of a query's columns; None where the query has no SQL, or only the triples can tell.

    The limits are those of a query of the triples: ``seconds`` from the waiting for a place to the last row, the
    memory of a worker (`store.workers.QueryLimits`), and ``size`` bytes of result. Raises what
    `queries.catalogue.Query.terms` raises, `store.workers.QueryTimeoutError`, `ResultSizeError`, and
    `store.workers.QueryFailedError` where the memory does not do.
    """
    if query.sql is None:
        return None
    end = time.monotonic() + seconds
    given = query.terms(values)
    parameters = {item.name: _plain(given[item.name]) if item.name in given else None for item in query.parameters}
    derived = not DERIVED.isdisjoint(VIEWS_READ.findall(query.sql))
    with warehouse.observations(caller, derived, seconds) as connection:
        if connection is None:
            return None
        for name, table in _vocabulary().items():
            connection.register(name, table)
        reading = _Reading(query, warehouse.pool.limits.result if size is None else size)
        with _limits(connection, seconds, end):
            try:
                return reading.rows(connection.execute(query.sql, parameters))
            except (duckdb.ConversionException, duckdb.OutOfRangeException):
                return None  # a number that SQL cannot hold exactly


@dataclass(frozen=True, slots=True)
class _Reading:
    """The reading of a statement's result as a query's columns, of ``size`` bytes at most."""

    query: Query
    size: int

    def rows(self, found: duckdb.DuckDBPyConnection) -> tuple[Row, ...]:
        """Every row; read by and by, so that a result that is too large is never held whole."""
        names = [item[0] for item in found.description]
        cells = [(names.index(column.name), CELLS.get(column.type)) for column in self.query.columns]
        whole, taken = list[Row](), 0
        while part := found.fetchmany(PART):
            new = [
                tuple(read(row[place]) if read and row[place] is not None else row[place] for place, read in cells)
                for row in part
            ]
            taken += sum(len(str(cell)) for row in new for cell in row if cell is not None)
            if taken > self.size:
                raise ResultSizeError(self.size)
            whole += new
        return tuple(whole)


@contextmanager
def _limits(connection: duckdb.DuckDBPyConnection, seconds: float, end: float) -> Iterator[None]:
    """Ends a statement at its time; its errors become those of queries of the triples."""
    ended = threading.Event()
    alarm = threading.Thread(target=_interrupt, args=(connection, end, ended))
    alarm.start()
    try:
        yield
    except duckdb.InterruptException:
        raise QueryTimeoutError(f"the query took longer than {seconds:g} seconds; narrow it") from None
    except duckdb.OutOfMemoryException:
        raise QueryFailedError("the query needed more memory than a query may use") from None
    finally:
        ended.set()
        alarm.join()


def _interrupt(connection: duckdb.DuckDBPyConnection, end: float, ended: threading.Event) -> None:
    """Interrupt a statement from its time on until it has ended: what comes before it begins is without effect."""
    wait = end - time.monotonic()
    while not ended.wait(max(wait, AGAIN)):
        connection.interrupt()
        wait = AGAIN


@cache
def _vocabulary() -> Mapping[str, pa.Table]:
    """The views of the vocabulary; it is read once a process."""
    names = [(curie, expand(curie), name) for curie, name in concept_labels()]
    broader = list(broader_concepts())
    units = [(item.curie, item.unit) for item in variables().values() if item.unit]
    return {
        "concept": pa.table(list(map(list, zip(*names, strict=True))), ["curie", "iri", "name"]),
        "broader": pa.table(list(map(list, zip(*broader, strict=True))), ["curie", "broader"]),
        "canonical": pa.table(list(map(list, zip(*units, strict=True))), ["variable", "unit"]),
    }


def _plain(term: ox.NamedNode | ox.Literal) -> str:
    """A parameter as SQL takes it: a concept as the log writes it."""
    if isinstance(term, ox.Literal):
        return term.value
    try:
        return compact(term.value)
    except UnknownPrefixError:
        return term.value


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


def _any(cell: Mapping[str, str] | str) -> Decimal | float | str:
    """A value of any kind: a number where it is one."""
    return _number(cell) if isinstance(cell, Mapping) and cell["type"] != "string" else _text(cell)


def _text(cell: Mapping[str, str] | str) -> str:
    return cell if isinstance(cell, str) else cell["value"]


CELLS: Mapping[str, Callable[[Any], Decimal | float | str]] = {"any": _any, "decimal": _number}
"""How cells are read, by the type of their column, where they are not taken as they are."""
