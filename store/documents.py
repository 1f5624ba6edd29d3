"""Kept documents: what was read of a small table, after the gate, so that a changed mapping can read it again.

A document is a gzip file ``documents/ab/abcd….gz`` of the data folder, named by the SHA-256 of its content. The ledger
names it by the source that was read from it, together with how that source was read. What a document holds is the
reader's to say (`ingest.table.kept`); it is no part of a generation. Who may read the source of an annotation or report
may have its document (`store.warehouse.Warehouse.kept`).
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Collection, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import sqlalchemy as sa

from store.control import Control, metadata, source_table
from store.document_text import LIMIT, PackedText, packed
from store.home import Home

__all__ = ["LIMIT", "Documents", "Reading"]

SETTLING = 16
"""How many documents are brought to the disk at once."""

reading_table = sa.Table(
    "reading",
    metadata,
    sa.Column("sid", sa.String, primary_key=True),
    sa.Column("mapping", sa.String, nullable=False, index=True),
    sa.Column("clock", sa.String, nullable=False),
    sa.Column("document", sa.String, index=True),
)


@dataclass(frozen=True, slots=True)
class Reading:
    """How a source was read through a map: the map's name, the clock of its dates, and what was kept of it, if any."""

    sid: str
    mapping: str
    clock: str
    document: str | None = None


class Documents:
    """The kept documents of one warehouse."""

    def __init__(self, home: Home, control: Control) -> None:
        self._home = home
        self._engine = control.engine
        self._writing: dict[str, Future[None]] = {}
        """What is on its way to the disk, by name."""
        self._folders: set[Path] = set()
        """The folders that are there."""
        reading_table.create(self._engine, checkfirst=True)

    def path(self, document: str) -> Path:
        """Where a document lies."""
        return self._home.documents / document[:2] / f"{document}.gz"

    def put(self, lines: Iterable[str], limit: int = LIMIT) -> str | None:
        """Keep lines of text; the name of the document, or None where they are more than ``limit`` bytes."""
        text = packed(lines, limit)
        return None if text is None else self.put_packed(text)

    def put_packed(self, text: PackedText) -> str:
        """Keep a text that is packed already; the name of the document."""
        if text.name not in self._writing:
            self._writing[text.name] = self._writers.submit(self._write, text.name, text.content)
        return text.name

    def _write(self, name: str, content: bytes) -> None:
        """Put a packed document in its place; it is on the disk before it has its name."""
        place = self.path(name)
        draft = self._home.scratch / f"document.{os.getpid()}.{name}.gz"
        for folder in (draft.parent, place.parent):
            if folder not in self._folders:
                folder.mkdir(parents=True, exist_ok=True)
                self._folders.add(folder)
        with draft.open("wb") as handle:
            handle.write(content)
            handle.flush()
            os.fsync(handle.fileno())
        draft.replace(place)

    @cached_property
    def _writers(self) -> ThreadPoolExecutor:
        """What writes documents while the next ones are read, many at once: the disk settles them together."""
        return ThreadPoolExecutor(SETTLING, "documents")

    def _settle(self) -> None:
        """See that what was kept is on the disk."""
        writing, self._writing = self._writing, {}
        for written in writing.values():
            written.result()

    def lines(self, document: str) -> Iterator[str]:
        """The lines of a document."""
        with gzip.open(self.path(document), "rt", encoding="utf-8", newline="\n") as handle:
            for line in handle:
                yield line.removesuffix("\n")

    def enter(self, readings: Iterable[Reading]) -> None:
        """Enter how sources were read, in place of what was entered of them before; what was kept is on the disk."""
        self._settle()
        names = reading_table.c.keys()
        last = {reading.sid: reading for reading in readings}
        rows = [{name: getattr(reading, name) for name in names} for reading in last.values()]
        if not rows:
            return
        with self._engine.begin() as connection:
            of_source = reading_table.c.sid == sa.bindparam("of_source")
            connection.execute(sa.delete(reading_table).where(of_source), [{"of_source": row["sid"]} for row in rows])
            connection.execute(sa.insert(reading_table), rows)

    def reading(self, sid: str) -> Reading | None:
        """How a source was read; None where it was not read through a map."""
        query = sa.select(reading_table).where(reading_table.c.sid == sid)
        with self._engine.begin() as connection:
            row = connection.execute(query).mappings().first()
        return Reading(**row) if row else None

    def kept_of(self, collection: str, digest: str) -> list[str]:
        """The documents that were kept of a content within a collection, the last one read first."""
        query = (
            sa.select(reading_table.c.document)
            .join(source_table, source_table.c.sid == reading_table.c.sid)
            .where(source_table.c.collection == collection, source_table.c.digest == digest)
            .where(reading_table.c.document.is_not(None))
            .order_by(source_table.c.logged_at.desc())
        )
        with self._engine.begin() as connection:
            return list(dict.fromkeys(connection.scalars(query)))

    def named(self, digest: str, collection: str | None = None) -> list[tuple[str, str]]:
        """Sources with their documents by a digest: that of the document, or the first digits of the source's content.

        The last one logged comes first.
        """
        source, document = source_table.c, reading_table.c.document
        query = (
            sa.select(source.sid, document)
            .join(reading_table, source.sid == reading_table.c.sid)
            .where(document.is_not(None))
            .where(sa.or_(document == digest, source.digest.startswith(digest, autoescape=True)))
            .order_by(source.logged_at.desc(), source.sid)
        )
        if collection is not None:
            query = query.where(source.collection == collection)
        with self._engine.begin() as connection:
            return [(row.sid, row.document) for row in connection.execute(query)]

    def forget(self, sids: Iterable[str]) -> None:
        """Remove what was kept of sources' contents, under whatever mapping they were read, from the disk too.

        To be called while the ledger still names the sources. Another collection's document of the same content stays.
        """
        with self._engine.begin() as connection:
            for sid in sids:
                own = sa.select(source_table.c.collection, source_table.c.digest).where(source_table.c.sid == sid)
                same = sa.select(source_table.c.sid).where(
                    sa.tuple_(source_table.c.collection, source_table.c.digest).in_(own)
                )
                connection.execute(sa.delete(reading_table).where(reading_table.c.sid.in_(same)))
        self.sweep()

    def keep_only(self, contents: Collection[tuple[str, str]]) -> None:
        """Remove what was kept of contents other than these, given as collection and digest; the write lock is held.

        What a replaced file said is read again from nowhere: releases are made of the record log.
        """
        query = (
            sa.select(reading_table.c.sid, source_table.c.collection, source_table.c.digest)
            .join(source_table, source_table.c.sid == reading_table.c.sid)
            .where(reading_table.c.document.is_not(None))
        )
        with self._engine.begin() as connection:
            gone = [row.sid for row in connection.execute(query) if (row.collection, row.digest) not in contents]
            for sid in gone:
                connection.execute(sa.update(reading_table).where(reading_table.c.sid == sid).values(document=None))
        if gone:
            self.sweep()

    def sweep(self) -> None:
        """Remove the documents that no entry names; the write lock must be held."""
        with self._engine.begin() as connection:
            named = set(connection.scalars(sa.select(reading_table.c.document)))
        for path in self._home.documents.glob("*/*.gz"):
            if path.name.removesuffix(".gz") not in named:
                path.unlink()
