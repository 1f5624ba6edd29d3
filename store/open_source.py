"""A source while its records are being logged: how its times become days, and what it names and refers to."""

from __future__ import annotations

import datetime as dt
import secrets
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ontology.records import LesionFacts, Observation, Record, RegionFacts, SourceRecord, When
from store.identity import origin_key

__all__ = ["OpenSource"]

EPOCH = dt.date(1970, 1, 1)
EPOCH_DAY = EPOCH.toordinal()

REFERENCES = ("lesion", "region", "study", "series", "instance", "reader", "procedure")

REFERRING = (LesionFacts, Observation, RegionFacts)


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
    files: set[str] = field(default_factory=set)
    subjects: set[str] = field(default_factory=set)
    identities: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    references: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))

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

    def day_columns(self, name: str, rows: pa.Table) -> dict[str, pa.ChunkedArray | pa.Array]:
        """The three columns of a time, from rows whose times are dates or day counts, as `days` for each of them."""
        first, last, clock = (rows.column(f"{name}_{end}") for end in ("first", "last", "clock"))
        given = pc.is_valid(first)
        clocks = pc.if_else(given, pc.fill_null(clock.cast(pa.string()), self.clock), None)
        if not pa.types.is_date(first.type):
            return {f"{name}_first": first, f"{name}_last": last, f"{name}_clock": clocks}
        zeros = np.zeros(rows.num_rows, dtype=np.int64)
        starts = pc.fill_null(first.cast(pa.int32()), 0).to_numpy()
        subjects = pc.dictionary_encode(rows.column("subject")).combine_chunks()
        codes = subjects.indices.to_numpy()
        for each in pc.unique(clocks.drop_null()).to_pylist():
            here = np.flatnonzero(pc.fill_null(pc.equal(clocks, each), fill_value=False).to_numpy())
            named, at, back = np.unique(codes[here], return_index=True, return_inverse=True)
            origins = [
                self._origin(subjects.dictionary[int(code)].as_py(), each, int(starts[here[row]]))
                for code, row in zip(named, at, strict=True)
            ]
            zeros[here] = np.array(origins, dtype=np.int64)[back]
        zero = pa.array(zeros)
        return {
            f"{name}_first": pc.subtract(first.cast(pa.int32()), zero),
            f"{name}_last": pc.subtract(last.cast(pa.int32()), zero),
            f"{name}_clock": clocks,
        }

    def _origin(self, subject: str, clock: str, day: int) -> int:
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
        if isinstance(record, REFERRING):
            for name in REFERENCES:
                value = getattr(record, name, None)
                if value is not None:
                    self.references[name].add(value)
        elif record.identity:
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
        """The kinds of identity record that observations refer to and the reader did not yield."""
        return [name for name, keys in self.references.items() if keys - self.identities[name]]
