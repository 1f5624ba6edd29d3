"""The record log: the accepted records of each source as Parquet, content-addressed. It is the truth.

One folder per record type; a file holds rows of one or many sources. A row names its source (``sid``) and the reading
that wrote it (``lot``): rows of a reading that was cut off may lie in a file, and no ledger entry names their lot. Days
are counted from a per-subject origin that only the control data knows, so no calendar date is in the log. A column
that is empty throughout is left out of a file: readers take the union of columns by name.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import itertools
import os
import secrets
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ontology.fields import STARS, Kind, Star, star_of
from ontology.records import Record, SourceRecord, Subject
from store.columns import as_table, batch_columns, columns_of
from store.control import Control, LoggedSource, now
from store.home import Home
from store.open_source import OpenSource, day_columns
from store.packs import SOURCE, BrokenRecordError, Pack, Packed, check

__all__ = ["SCHEMA_VERSION", "BrokenRecordError", "BrokenSourceError", "LogWriter", "sid_of"]

SCHEMA_VERSION = 1
"""The version of the log's columns, written into every file; `store.upgrade` reads older ones."""

IntArray = np.ndarray[Any, np.dtype[np.int64]]

Piece = tuple[list[OpenSource], pa.Table]
"""A table that is ready to be written, and the sources of its rows."""

BATCH = 40_000
"""Records held in memory before they are written."""


class BrokenSourceError(ValueError):
    """A source whose observations refer to a lesion, series or reader that it did not bring in."""


@lru_cache(maxsize=1 << 12)
def sid_of(kind: str, digest: str, recipe: str, collection: str, clock: str) -> str:
    """The id of a source within the log: what it holds (16 hex digits) and how it was read (8).

    Two readings of one content under different mappings or clocks differ in the second part only.
    """
    how = hashlib.sha256("\0".join((collection, kind, recipe, clock)).encode()).hexdigest()
    return f"{digest[:16]}-{how[:8]}"


class LogWriter:
    """Writes records to the log and enters finished sources in the ledger, batch by batch.

    A batch is put in place before the ledger names it, so that a run killed at any moment leaves whole sources only.
    """

    def __init__(self, home: Home, control: Control) -> None:
        self.home = home
        self.control = control
        self._rows: dict[str, list[tuple[OpenSource, Record]]] = defaultdict(list)
        self._lots = itertools.count(secrets.randbits(61))
        """Asking the system for a number at each source would take longer than all else that begins one."""
        self._tables: dict[str, list[Piece]] = defaultdict(list)
        self._packs: dict[int, tuple[Pack, dict[int, OpenSource]]] = {}
        """Packs with those of their sources that are to be logged, by number."""
        self.held = 0
        self._open: OpenSource | None = None
        self._finished: list[OpenSource] = []
        self._origins: dict[str, dict[tuple[str, str], dt.date]] = {}
        self._left: list[tuple[str, str, str, dt.date]] = []
        """Origins that came of sources which were abandoned: others of the run may count from them."""

    def begin(self, head: SourceRecord, collection: str, clock: str, since: str | None = None) -> OpenSource:
        """Start a source; the one before it must have been finished or abandoned.

        ``since`` is when its content was logged, where this is another reading of what is served already.
        """
        assert self._open is None, "the source before this one was not finished"
        if collection not in self._origins:
            self._origins[collection] = self.control.origins(collection)
        sid = sid_of(head.kind, head.digest, head.recipe, collection, clock)
        self._open = OpenSource(head, collection, clock, sid, self._origins[collection], since, next(self._lots))
        return self._open

    def add(self, record: Record) -> None:
        """Log a record of the open source, and its subject's identity the first time it is named.

        `BrokenRecordError` where the log cannot hold it; the source may go on.
        """
        source = self._open
        assert source is not None, "no source was begun"
        check(record)
        subject = getattr(record, "subject", None)
        if subject is not None and subject not in source.subjects:
            source.subjects.add(subject)
            self._append(source, Subject(subject=subject))
        if not isinstance(record, Subject):
            self._append(source, record)

    def add_rows(self, kind: type[Record], rows: pa.Table) -> None:
        """Log many records of one type of the open source: columns as `columns_of`, with dates for times."""
        source = self._open
        assert source is not None, "no source was begun"
        star = star_of(kind.__name__)
        for subject in pc.unique(rows.column("subject")).to_pylist():
            if subject not in source.subjects:
                source.subjects.add(subject)
                self._append(source, Subject(subject=subject))
        source.note_rows(kind, rows)
        types = columns_of(star)
        count = rows.num_rows
        arrays: dict[str, Any] = {
            "lot": pa.repeat(pa.scalar(source.lot, types["lot"]), count),
            "sid": pa.repeat(source.sid, count),
            "collection": pa.repeat(source.collection, count),
        }
        arrays |= {name: rows.column(name) for name in rows.column_names}
        for item in star.fields:
            if item.kind is Kind.WHEN and f"{item.name}_first" in arrays:
                arrays |= day_columns([source], np.zeros(count, dtype=np.int64), item.name, rows)
        table = pa.table({name: values.cast(types[name]) for name, values in arrays.items()})
        source.records += count
        self._tables[star.table].append(([source], table))
        self._hold(count)

    def add_pack(self, pack: Pack, packed: Packed) -> None:
        """Log all records of the open source, which is one of a pack."""
        source = self._open
        assert source is not None, "no source was begun"
        source.missing.extend(packed.missing)
        count = sum(packed.counts.values()) - packed.counts.get("Subject", 0) + packed.subjects
        source.records += count
        self._packs.setdefault(id(pack), (pack, {}))[1][packed.at] = source
        self._hold(count)

    def _append(self, source: OpenSource, record: Record) -> None:
        source.note(record)
        source.records += 1
        self._rows[type(record).__name__].append((source, record))
        self._hold(1)

    def _hold(self, count: int) -> None:
        self.held += count
        if self.held >= BATCH:
            self._write()

    def finish(self, recipe: str | None = None) -> OpenSource:
        """End the open source; it is in the ledger after the next `flush`, and at the latest then.

        ``recipe`` is that of its head with what is known of it only at the end; rows that were written before then
        name the source by what it was called until now, and are found by their reading (``lot``).
        """
        source, self._open = self._open, None
        assert source is not None, "no source was begun"
        if missing := source.dangling():
            self.abandon(source)
            raise BrokenSourceError(f"observations refer to a {missing[0]} that did not come in")
        if recipe is not None and recipe != source.head.recipe:
            source.head = replace(source.head, recipe=recipe)
            source.sid = sid_of(source.head.kind, source.head.digest, recipe, source.collection, source.clock)
        self._finished.append(source)
        return source

    def abandon(self, source: OpenSource) -> None:
        """Forget what is held of a source; rows already written are never named by the ledger."""
        self._open = None
        self._left += source.new_origins
        for table, rows in self._rows.items():
            self._rows[table] = [row for row in rows if row[0] is not source]
        for table, pieces in self._tables.items():
            self._tables[table] = [piece for piece in pieces if piece[0][0] is not source]
        for _, sources in self._packs.values():
            for at in [at for at, held in sources.items() if held is source]:
                del sources[at]
        self.held -= source.records - source.written

    def flush(self) -> list[LoggedSource]:
        """Write what is held and enter the finished sources in the ledger."""
        self._write()
        logged = [
            LoggedSource(
                sid=source.sid,
                lot=source.lot,
                collection=source.collection,
                digest=source.head.digest,
                recipe=source.head.recipe,
                kind=source.head.kind,
                name=source.head.name,
                locator=source.head.locator,
                data_class=source.head.data_class,
                records=source.records,
                files=tuple(sorted(source.files)),
                logged_at=source.since or now(),
                namespace=source.head.namespace,
            )
            for source in self._finished
        ]
        everyone = [*self._finished, *([self._open] if self._open else [])]
        origins = [origin for source in everyone for origin in source.new_origins]
        self.control.record_sources(logged, [*self._left, *origins])
        self._left.clear()
        for source in everyone:
            source.new_origins.clear()
        self._finished.clear()
        return logged

    def _write(self) -> None:
        packed = _unpacked(list(self._packs.values()))
        for name in dict.fromkeys((*self._rows, *self._tables, *packed)):
            star, rows = star_of(name), self._rows[name]
            pieces = [*self._tables[name], *packed.get(name, ())]
            tables = [piece for _, piece in pieces]
            if rows:
                tables.append(as_table(star, list(batch_columns(star, rows))))
            if tables:
                file = put_table(self.home, name, together(star, tables))
                for source in {id(source): source for source, _ in rows}.values():
                    source.files.add(file)
                for sources, _ in pieces:
                    for source in sources:
                        source.files.add(file)
        for source in (*self._finished, *([self._open] if self._open else [])):
            source.written = source.records
        self._rows.clear()
        self._tables.clear()
        self._packs.clear()
        self.held = 0


def _unpacked(packs: Iterable[tuple[Pack, dict[int, OpenSource]]]) -> dict[str, list[Piece]]:
    """The rows of those sources of packs that are to be logged, as tables of the log, by record type."""
    taken: dict[str, list[tuple[pa.Table, IntArray]]] = defaultdict(list)
    sources: list[OpenSource] = []
    for pack, held in packs:
        first = len(sources)
        sources.extend(held.values())
        places = {at: first + number for number, at in enumerate(held)}
        for name, table in pack.tables.items():
            at = table.column(SOURCE).to_numpy()
            whose = np.array([places.get(number, -1) for number in range(at[-1] + 1)])[at]
            wanted = whose >= 0
            if wanted.all():
                taken[name].append((table, whose))
            elif wanted.any():
                taken[name].append((table.filter(pa.array(wanted)), whose[wanted]))
    return {name: [_placed(star_of(name), sources, pieces)] for name, pieces in taken.items()}


def _placed(star: Star, sources: list[OpenSource], pieces: list[tuple[pa.Table, IntArray]]) -> Piece:
    """Rows of packs with the columns that name their sources, and with days for times."""
    rows = pa.concat_tables([table for table, _ in pieces], promote_options="default")
    at = np.concatenate([whose for _, whose in pieces])
    types, whose = columns_of(star), pa.array(at)
    arrays: dict[str, Any] = {
        "lot": pa.array([source.lot for source in sources], types["lot"]).take(whose),
        "sid": pa.array([source.sid for source in sources]).take(whose),
        "collection": pa.array([source.collection for source in sources]).take(whose),
    }
    arrays |= {name: rows.column(name) for name in rows.column_names if name in types}
    for item in star.fields:
        if item.kind is Kind.WHEN and f"{item.name}_first" in rows.column_names:
            arrays |= day_columns(sources, at, item.name, rows)
    table = pa.table({name: values.cast(types[name]) for name, values in arrays.items()})
    return [sources[number] for number in np.unique(at)], table


def write_table(home: Home, star: Star, columns: list[tuple[str, list[Any]]]) -> str:
    """Write a batch of one record type; its name within the log, ``Table/sha256.parquet``.

    The same rows give the same name: the file is named by its content.
    """
    return put_table(home, star.table, as_table(star, columns))


def together(star: Star, tables: list[pa.Table]) -> pa.Table:
    """Tables of one record type as one, its columns in the order of the log and none that is empty throughout."""
    whole = pa.concat_tables(tables, promote_options="default")
    names = [name for name in columns_of(star) if name in whole.column_names]
    return whole.select([name for name in names if whole.column(name).null_count < whole.num_rows])


def put_table(home: Home, kind: str, table: pa.Table) -> str:
    """Put a table in its place in the log, under the name of its content, with the version of its columns."""
    versioned = table.replace_schema_metadata({"qilin.schema": str(SCHEMA_VERSION)})
    home.scratch.mkdir(parents=True, exist_ok=True)
    draft = home.scratch / f"{kind}.{os.getpid()}.parquet"
    pq.write_table(versioned, draft, compression="zstd")
    with draft.open("rb") as handle:
        digest = hashlib.file_digest(handle, "sha256").hexdigest()
        os.fsync(handle.fileno())
    name = f"{kind}/{digest[:40]}.parquet"
    place = home.log / name
    place.parent.mkdir(parents=True, exist_ok=True)
    draft.replace(place)
    return name


def files_by_table(log: Path, names: Iterable[str]) -> dict[str, list[str]]:
    """The paths of log files by record type, each once, in order."""
    tables: dict[str, list[str]] = {star.table: [] for star in STARS}
    for name in sorted(set(names)):
        tables[name.split("/", 1)[0]].append(str(log / name))
    return tables
