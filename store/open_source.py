"""A source while its records are being logged: how its times become days, and what it names and refers to."""

from __future__ import annotations

import datetime as dt
import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ontology.fields import STARS
from ontology.records import LesionFacts, Observation, Record, RegionFacts, SourceRecord, When
from store.identity import origin_key

__all__ = ["EPOCH_DAY", "Named", "OpenSource", "day_columns"]

EPOCH = dt.date(1970, 1, 1)
EPOCH_DAY = EPOCH.toordinal()

REFERENCES = ("lesion", "region", "study", "series", "instance", "reader", "procedure")

REFERRING = (LesionFacts, Observation, RegionFacts)


def _references(kind: type[Record]) -> tuple[str, ...]:
    """The fields by which a record of a type refers to nodes that its source brings in."""
    held = {item.name for item in fields(kind)} if issubclass(kind, REFERRING) else set[str]()
    return tuple(name for name in REFERENCES if name in held)


REFERS = {star.record: _references(star.record) for star in STARS}


@dataclass(slots=True)
class Named:
    """What the records of a source name and refer to."""

    identities: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    references: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

    def note(self, record: Record) -> None:
        """Remember what a record names and refers to."""
        for name in REFERS.get(type(record), ()):
            value = getattr(record, name)
            if value is not None:
                self.references[name].add(value)
        if record.identity:
            key = getattr(record, "uid", None) or getattr(record, "key", None)
            self.identities[type(record).__name__.lower()].add(str(key))

    def note_rows(self, kind: type[Record], rows: pa.Table) -> None:
        """The same for many records of one type."""
        if kind.identity:
            self.identities[kind.__name__.lower()].update(rows.column("uid").to_pylist())
        elif issubclass(kind, Observation):
            for name in REFERENCES:
                if name in rows.column_names:
                    self.references[name].update(pc.unique(rows.column(name).drop_null()).to_pylist())

    def dangling(self) -> list[str]:
        """The kinds of identity record that others refer to and that are not among them."""
        return [name for name, keys in self.references.items() if keys - self.identities[name]]


@dataclass(slots=True)
class OpenSource:
    """A source whose records are being logged."""

    head: SourceRecord
    collection: str
    clock: str
    sid: str
    origins: dict[tuple[str, str], dt.date]
    since: str | None = None
    """When the content was first logged, where this is another reading of it."""
    lot: int = field(default_factory=lambda: secrets.randbits(62))
    new_origins: list[tuple[str, str, str, dt.date]] = field(default_factory=list)
    records: int = 0
    written: int = 0
    """How many of the records are in files."""
    files: set[str] = field(default_factory=set)
    subjects: set[str] = field(default_factory=set)
    named: Named = field(default_factory=Named)
    missing: list[str] = field(default_factory=list)
    """The same as `dangling` says, of records that were noted where the source was read."""

    def days(self, subject: str, when: When | None) -> tuple[int | None, int | None, str | None]:
        """A time as first day, last day and clock, counted from the subject's origin where it is a date."""
        if when is None:
            return None, None, None
        clock = when.clock or self.clock
        if isinstance(when.first, int) or isinstance(when.last, int):
            assert isinstance(when.first, int) and isinstance(when.last, int)  # noqa: PT018
            return when.first, when.last, clock
        origin = self._known_origin(subject, clock) or self._new_origin(subject, clock, when.first)
        return (when.first - origin).days, (when.last - origin).days, clock

    def origin(self, subject: str, clock: str, day: int) -> int:
        """The subject's origin as a day since 1970; ``day`` becomes it where the subject has none."""
        date = EPOCH + dt.timedelta(days=day)
        return (self._known_origin(subject, clock) or self._new_origin(subject, clock, date)).toordinal() - EPOCH_DAY

    def _known_origin(self, subject: str, clock: str) -> dt.date | None:
        return self.origins.get((origin_key(self.head.namespace, subject), clock))

    def _new_origin(self, subject: str, clock: str, date: dt.date) -> dt.date:
        key = origin_key(self.head.namespace, subject)
        self.origins[key, clock] = date
        self.new_origins.append((self.collection, key, clock, date))
        return date

    def note(self, record: Record) -> None:
        """Remember what a record names and refers to, for the check at the end of the source."""
        self.named.note(record)

    def note_rows(self, kind: type[Record], rows: pa.Table) -> None:
        """The same for many records of one type."""
        self.named.note_rows(kind, rows)

    def dangling(self) -> list[str]:
        """The kinds of identity record that observations refer to and the reader did not yield."""
        return [*self.missing, *self.named.dangling()]


def day_columns(
    sources: Sequence[OpenSource], at: np.ndarray[Any, np.dtype[np.int64]], name: str, rows: pa.Table
) -> dict[str, pa.ChunkedArray | pa.Array]:
    """The three columns of a time, from rows whose times are dates or day counts, as `OpenSource.days` for each row.

    ``at`` says which of the sources each row is of. Which times are dates the type of their column says, or a column
    ``_dated`` where both kinds stand in one (`store.columns.dates`).
    """
    first, last = (rows.column(f"{name}_{end}") for end in ("first", "last"))
    given = pc.is_valid(first)
    stated = rows.column(f"{name}_clock") if f"{name}_clock" in rows.column_names else pa.nulls(rows.num_rows)
    own = pa.array([source.clock for source in sources]).take(pa.array(at))
    clocks = pc.if_else(given, pc.coalesce(stated.cast(pa.string()), own), None)
    is_date = given if pa.types.is_date(first.type) else pa.nulls(rows.num_rows, pa.bool_())
    if f"{name}_dated" in rows.column_names:
        is_date = rows.column(f"{name}_dated")
    starts = pc.fill_null(first.cast(pa.int32()), 0).to_numpy()
    here = np.flatnonzero(pc.fill_null(is_date, fill_value=False).to_numpy(zero_copy_only=False))
    zeros = np.zeros(rows.num_rows, dtype=np.int64)
    if here.size:
        subjects, named = (_coded(values) for values in (rows.column("subject"), clocks))
        keys = (at[here] * len(subjects.dictionary) + subjects.indices.to_numpy()[here]) * len(named.dictionary)
        keys += pc.fill_null(named.indices, 0).to_numpy()[here]
        _, rows_of, back = np.unique(keys, return_index=True, return_inverse=True)
        origins = np.zeros(rows_of.size, dtype=np.int64)
        for place in np.argsort(rows_of):  # in the order of the rows: the first date of a subject is its origin
            row = int(here[rows_of[place]])
            origins[place] = sources[at[row]].origin(subjects[row].as_py(), named[row].as_py(), int(starts[row]))
        zeros[here] = origins[back]
    zero = pa.array(zeros)
    return {
        f"{name}_first": pc.subtract(first.cast(pa.int32()), zero),
        f"{name}_last": pc.subtract(last.cast(pa.int32()), zero),
        f"{name}_clock": clocks,
    }


def _coded(values: pa.ChunkedArray) -> pa.DictionaryArray:
    """Values with a number for each that is different."""
    coded = pc.dictionary_encode(values)
    return coded.combine_chunks() if isinstance(coded, pa.ChunkedArray) else coded
