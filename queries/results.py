"""Runs a curated query and writes its result: a table of plain values with typed columns."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pyoxigraph as ox

from ontology.prefixes import compact
from queries.catalogue import Column, Query
from queries.columnar import rows
from store.warehouse import Caller, Warehouse

__all__ = ["FORMATS", "Cell", "Table", "UnknownFormatError", "run", "write"]

Cell = str | int | Decimal | float | bool | None
"""A value: an IRI and a text are both str; the type of the column tells them apart."""

LINKS = frozenset({"concept", "iri", "record", "series", "source", "study"})
"""The column types whose cells are IRIs."""


class UnknownFormatError(LookupError):
    """A format that tables are not written in; the message names those that they are."""

    def __init__(self, name: str) -> None:
        super().__init__(f"no format {name!r}; there are: {', '.join(FORMATS)}")


@dataclass(frozen=True, slots=True)
class Table:
    """The result of a curated query; every row has a cell for each column."""

    query: Query
    rows: tuple[tuple[Cell, ...], ...]

    @property
    def columns(self) -> tuple[Column, ...]:
        """The columns, as the query declares them."""
        return self.query.columns

    def dicts(self) -> Iterator[dict[str, Cell]]:
        """Each row by column name."""
        names = [column.name for column in self.columns]
        for row in self.rows:
            yield dict(zip(names, row, strict=True))

    def shown(self) -> tuple[list[str], list[list[str]]]:
        """Titles and rows as text for a terminal: a concept by its label, other IRIs as CURIEs, units in the title."""
        names = {column.name for column in self.columns}
        hidden = {item.name for item in self.columns if item.type == "concept" and f"{item.name}Label" in names}
        kept = [index for index, column in enumerate(self.columns) if column.name not in hidden]
        titles = [_title(self.columns[index]) for index in kept]
        return titles, [[_text(self.columns[index], row[index]) for index in kept] for row in self.rows]


def run(
    warehouse: Warehouse,
    query: Query,
    values: Mapping[str, str] | None,
    caller: Caller,
    seconds: float | None = None,
) -> Table:
    """Answer a curated query over what the caller may read.

    Raises `queries.parameters.ParameterError` or `queries.catalogue.UnknownParameterError` before it asks, and what
    `store.warehouse.Warehouse.ask` raises.
    """
    found = rows(warehouse, query, values, caller, warehouse.pool.limits.seconds if seconds is None else seconds)
    if found is not None:
        return Table(query, found)
    result = warehouse.select(query.bind(values), caller, seconds=seconds)
    places = [result.columns.index(column.name) for column in query.columns]
    return Table(query, tuple(tuple(value(row[place]) for place in places) for row in result.rows))


def value(term: ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple | None) -> Cell:
    """The plain value of a term; a literal of another type than number or truth is its text.

    >>> value(ox.Literal("4.20", datatype=ox.NamedNode("http://www.w3.org/2001/XMLSchema#decimal")))
    Decimal('4.20')
    """
    if term is None:
        return None
    if isinstance(term, ox.Literal):
        return READ.get(term.datatype.value.rpartition("#")[2], str)(term.value)
    if isinstance(term, ox.Triple):
        raise TypeError("a curated query returns no quoted triples")
    return term.value


READ: Mapping[str, Callable[[str], Cell]] = {
    "integer": int,
    "decimal": Decimal,
    "double": float,
    "float": float,
    "boolean": lambda text: text in ("true", "1"),
}


def _title(column: Column) -> str:
    return f"{column.label} [{column.unit}]" if column.unit and column.unit != "1" else column.label


def _text(column: Column, cell: Cell) -> str:
    """A cell for people."""
    match cell:
        case None:
            return ""
        case bool():
            return "yes" if cell else "no"
        case str() if column.type in LINKS:
            return compact(cell)
        case _:
            return plain(cell)


def plain(cell: Cell) -> str:
    """A cell as text for programs: decimals without exponent, truth as ``true`` and ``false``, nothing as empty.

    >>> plain(Decimal("1E+3")), plain(True), plain(None)
    ('1000', 'true', '')
    """
    match cell:
        case None:
            return ""
        case bool():
            return "true" if cell else "false"
        case Decimal():
            return format(cell, "f")
        case _:
            return str(cell)


def write(table: Table, form: str) -> str:
    """The table as text in one of `FORMATS`; `UnknownFormatError` otherwise.

    CSV and TSV have the column names in the first row. JSON tells label, type and unit of each column, and its rows are
    objects; its numbers are those of JSON, so a decimal beyond 15 digits is exact in CSV only.
    """
    if form not in FORMATS:
        raise UnknownFormatError(form)
    return FORMATS[form](table)


def _json(table: Table) -> str:
    columns = [
        {"name": item.name, "label": item.label, "type": item.type} | ({"unit": item.unit} if item.unit else {})
        for item in table.columns
    ]
    rows = [{name: _number(cell) for name, cell in row.items()} for row in table.dicts()]
    content: dict[str, Any] = {"query": table.query.name, "summary": table.query.summary, "columns": columns}
    return json.dumps(content | {"rows": rows}, ensure_ascii=False, indent=1) + "\n"


def _number(cell: Cell) -> str | int | float | bool | None:
    if isinstance(cell, Decimal):
        return int(cell) if cell == cell.to_integral_value() else float(cell)
    return cell


def _separated(delimiter: str) -> Callable[[Table], str]:
    def text(table: Table) -> str:
        out = io.StringIO()
        writer = csv.writer(out, delimiter=delimiter, lineterminator="\n")
        writer.writerow([column.name for column in table.columns])
        writer.writerows([plain(cell) for cell in row] for row in table.rows)
        return out.getvalue()

    return text


FORMATS: Mapping[str, Callable[[Table], str]] = {"json": _json, "csv": _separated(","), "tsv": _separated("\t")}
"""Writers by name."""
