"""What a map makes of a table, before anything is stored: its coverage, and the columns and cells that wait.

Cells are for the steward's eyes alone: they are neither logged nor kept, and those that look like identifiers are not
even shown.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from ingest import sources
from ingest.base import Context, Yield
from ingest.gate.forms import identifier_in
from ingest.gate.records import admit
from ingest.table.cells import Fault
from ingest.table.kept import TableDocument
from ingest.table.uses import PartRead, Use
from mappings.shape import template
from mappings.sssom import MappingError
from mappings.tables import Library
from ontology.records import Record, Reject

__all__ = ["ColumnReview", "TableReview", "review_table"]


@dataclass(slots=True)
class ColumnReview:
    """One column that the map reads: how many cells it has, how many of them are understood, and which wait."""

    name: str
    read: bool = True
    """Whether anything is made of it: not where its entry has no variable yet, or cannot be read for another reason."""
    cells: int = 0
    understood: int = 0
    distinct: int = 0
    distinct_understood: int = 0
    waiting: Counter[str] = field(default_factory=Counter)
    """Texts that the map cannot read, with the number of their rows."""
    problems: dict[str, str] = field(default_factory=dict)
    """What is wrong with each of them."""


@dataclass(slots=True)
class TableReview:
    """A table under a map."""

    name: str
    mapping: str
    columns: list[ColumnReview]
    unmapped: list[str]
    """Columns of which the map does not speak."""
    rows: int = 0
    rows_read: int = 0
    """Rows of which at least one record is made."""
    rejects: list[Reject] = field(default_factory=list)

    @property
    def shares(self) -> dict[str, tuple[int, int]]:
        """Of columns, of distinct values and of rows: how many are covered, and how many there are."""
        return {
            "columns": (sum(c.read for c in self.columns), len(self.columns) + len(self.unmapped)),
            "values": (sum(c.distinct_understood for c in self.columns), sum(c.distinct for c in self.columns)),
            "cells": (sum(c.understood for c in self.columns), sum(c.cells for c in self.columns)),
            "rows": (self.rows_read, self.rows),
        }


def review_table(
    locator: str, library: Library, mapping: str | None = None, collection: str = "review", secret: bytes = b""
) -> TableReview:
    """Read a table through the map that is named, or the one that fits; `MappingError` where none can read it."""
    kept: list[TableDocument] = []
    context = Context(
        collection=collection,
        mapping=mapping,
        library=lambda: library,
        secret=secret,
        keep=lambda document: kept.append(document) if isinstance(document, TableDocument) else None,
    )
    kind = sources.accepting(locator)
    if kind is None:
        raise MappingError(f"{sources.shown(locator)}: no kind of source reads this; {', '.join(sources.names())} do")
    items = kind.read(iter([locator]), context)
    made, rejects = _judged(items, context)
    if not kept:
        first = rejects[0] if rejects else None
        said = f"{first.place}: {first.problem}; wanted: {first.wanted}" if first else "is not read through a map"
        raise MappingError(f"{sources.shown(locator)}: {said}")
    document = kept[0]
    result = TableReview(sources.shown(locator), document.mapping, [], [], rejects=rejects)
    for part in document.parts:
        _review_part(part, document, made, result)
    return result


def _judged(items: Iterable[Yield], context: Context) -> tuple[set[str], list[Reject]]:
    """The keys of the records that would be stored, and what would not come in."""
    made: set[str] = set()
    rejects: list[Reject] = []
    for item in items:
        found = admit(item, context) if isinstance(item, Record) else item
        if isinstance(found, Reject):
            rejects.append(found)
        elif isinstance(found, Record) and not found.identity:
            made.add(str(getattr(found, "key", "")))
    return made, rejects


def _review_part(part: PartRead, document: TableDocument, made: set[str], result: TableReview) -> None:
    """Add what one part of the map reads and leaves."""
    patterns = [pattern for name in part.part.columns if (pattern := template(name))]
    for index, name in enumerate(document.table.headers(part.part)):
        spoken = name in part.part.named or any(pattern.fullmatch(name) for pattern in patterns)
        if name and not spoken and part.headers[index]:
            result.unmapped.append(part.mark + name)
    unread = _unread(part, patterns)
    counts: dict[int, Counter[str]] = {index: Counter() for index in {*part.uses, part.subject, *unread}}
    for number, cells in part.rows(document.table):
        result.rows += 1
        result.rows_read += any(part.key_of(plan, number) in made for plan in part.plans)
        for index, counter in counts.items():
            if cells[index] and len(cells) == len(part.headers):
                counter[cells[index]] += 1
    for index, counter in sorted(counts.items()):
        name = part.mark + part.headers[index]
        if index in unread:
            result.columns.append(ColumnReview(name, False, cells=counter.total(), distinct=len(counter)))
        else:
            result.columns.append(_review_column(name, part.uses.get(index, ()), counter))


def _unread(part: PartRead, patterns: Sequence[re.Pattern[str]]) -> set[int]:
    """The columns that have an entry in the map of which nothing can be made, and that serve no other entry."""
    entries = {
        index
        for name, index in part.index.items()
        if name in part.part.columns or any(pattern.fullmatch(name) for pattern in patterns)
    }
    return entries - part.uses.keys() - {part.subject}


def _review_column(name: str, uses: Sequence[Use], counter: Counter[str]) -> ColumnReview:
    found = ColumnReview(name, cells=counter.total(), distinct=len(counter))
    for text, count in counter.items():
        problem = _problem(uses, text)
        if problem is None:
            found.understood += count
            found.distinct_understood += 1
        else:
            found.waiting[text] = count
            found.problems[text] = problem
    return found


def _problem(uses: Sequence[Use], text: str) -> str | None:
    """Why the map cannot read a cell in any of the ways in which it reads the column; None where it can."""
    problem = None
    for use in uses:
        if use.only_listed or text in use.listed:
            return None
        said = use.read(text)
        if not isinstance(said, Fault):
            return None
        problem = said.problem
    found = identifier_in(text)
    return f"looks like {found}" if problem and found else problem
