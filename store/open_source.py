"""A source while its records are being logged: how its times become days, and what it names and refers to."""

from __future__ import annotations

import datetime as dt
import secrets
from collections import defaultdict
from dataclasses import dataclass, field

import pyarrow as pa

from ontology.records import Observation, Record, SourceRecord, When
from store.identity import origin_key

__all__ = ["OpenSource"]

REFERENCES = ("lesion", "study", "series", "reader", "procedure")


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
        key = origin_key(self.head.namespace, subject)
        origin = self.origins.get((key, clock))
        if origin is None:
            origin = self.origins[key, clock] = when.first
            self.new_origins.append((self.collection, key, clock, origin))
        return (when.first - origin).days, (when.last - origin).days, clock

    def note(self, record: Record) -> None:
        """Remember what a record names and refers to, for the check at the end of the source."""
        if isinstance(record, Observation):
            for name in REFERENCES:
                value = getattr(record, name)
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
                    self.references[name].update(value for value in rows.column(name).to_pylist() if value is not None)

    def dangling(self) -> list[str]:
        """The kinds of identity record that observations refer to and the reader did not yield."""
        return [name for name, keys in self.references.items() if keys - self.identities[name]]
