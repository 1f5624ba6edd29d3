"""Records of several whole sources as columns, made where the sources are read: what `store.log` takes in one piece.

A process that reads documents sends these instead of records: a table a record type is sent, taken over and written in
a fraction of the time. A table has the columns of the log but for those that name the source, in whose place ``source``
says which source of the pack a row is of. Times are not counted yet, since only the log knows the origins
(`store.columns.dates`).
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import pyarrow as pa

from ontology.fields import STARS, Kind, star_of
from ontology.prefixes import Curie, expand
from ontology.records import Record, Subject
from store.columns import as_table, dates, record_columns
from store.open_source import Named

__all__ = ["SOURCE", "BrokenRecordError", "Pack", "Packed", "Packing", "check"]

SOURCE = "source"
"""The column that says which source of the pack a row is of."""


class BrokenRecordError(ValueError):
    """A record that the log cannot hold: a code without a known prefix, a number out of range."""


CHECKED = {
    star.record: tuple(
        tuple(item.name for item in star.fields if item.kind is kind) for kind in (Kind.CONCEPT, Kind.INTEGER)
    )
    for star in STARS
}
"""The concept fields and the integer fields of each record type."""


@lru_cache(maxsize=1 << 16)
def _expands(curie: Curie) -> str | None:
    """What is wrong with a concept, if anything."""
    try:
        expand(curie)
    except ValueError as error:
        return str(error)
    return None


def check(record: Record) -> None:
    """That concepts have a known prefix and integers fit the log; `BrokenRecordError` where it cannot hold a record."""
    concepts, integers = CHECKED[type(record)]
    for name in concepts:
        curie = getattr(record, name)
        if curie is not None and (wrong := _expands(curie)) is not None:
            raise BrokenRecordError(f"{name}: {wrong}")
    for name in integers:
        number = getattr(record, name)
        if number is not None and not -(2**31) <= number < 2**31:
            raise BrokenRecordError(f"{name}: a whole number beyond 32 bits")


@dataclass(frozen=True, slots=True)
class Pack:
    """The records of several whole sources, by record type."""

    tables: Mapping[str, pa.Table]


@dataclass(frozen=True, slots=True)
class Packed:
    """What the log has to know of one source of a pack."""

    at: int
    """Its number in the pack."""
    counts: Mapping[str, int]
    """How many records of each type it has, without those of its subjects."""
    subjects: int
    missing: tuple[str, ...] = ()
    """The kinds of identity record that its records refer to and that are not among them."""


@dataclass(slots=True)
class Packing:
    """A pack that is being made, source by source."""

    _rows: dict[str, tuple[list[int], list[Record]]] = field(default_factory=lambda: defaultdict(lambda: ([], [])))
    _sources: int = 0
    _named: Named = field(default_factory=Named)
    _counts: Counter[str] = field(default_factory=Counter)
    _subjects: set[str] = field(default_factory=set)

    def add(self, record: Record) -> None:
        """Take a record of the source that is under way, and its subject's identity the first time it is named.

        `BrokenRecordError` where the log cannot hold it; the source may go on.
        """
        check(record)
        subject = getattr(record, "subject", None)
        if subject is not None and subject not in self._subjects:
            self._subjects.add(subject)
            self._append(Subject(subject=subject))
        self._counts[type(record).__name__] += 1
        if not isinstance(record, Subject):
            self._append(record)

    def _append(self, record: Record) -> None:
        self._named.note(record)
        sources, records = self._rows[type(record).__name__]
        sources.append(self._sources)
        records.append(record)

    def finish(self) -> Packed:
        """End the source that is under way; the next one follows."""
        own = len(self._subjects)
        done = Packed(self._sources, dict(self._counts), own, tuple(self._named.dangling()))
        self._sources += 1
        self._named, self._counts, self._subjects = Named(), Counter(), set()
        return done

    def made(self) -> Pack:
        """The pack of the sources that are finished."""
        return Pack({name: _table(name, *rows) for name, rows in self._rows.items()})


def _table(name: str, sources: list[int], records: list[Record]) -> pa.Table:
    star = star_of(name)
    columns: list[tuple[str, list[Any]]] = [(SOURCE, sources), *record_columns(star, records, dates)]
    dated = {f"{item.name}_dated": pa.bool_() for item in star.fields if item.kind is Kind.WHEN}
    return as_table(star, columns, {SOURCE: pa.int32(), **dated})
