"""What each export of a project holds, by which a later export of the same project is known: a table of control data.

Rows are kept as keyed hashes of what tells them apart. Nothing of it is served.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

import sqlalchemy as sa

from ontology.records import Extent
from store.control import Control, metadata, source_table

__all__ = ["Overlap", "Projects", "overlap"]

ROW = 8
"""Bytes of a row's hash."""

extent_table = sa.Table(
    "extent",
    metadata,
    sa.Column("collection", sa.String, primary_key=True),
    sa.Column("digest", sa.String, primary_key=True),
    sa.Column("fields", sa.String, nullable=False),
    sa.Column("columns", sa.String, nullable=False),
    sa.Column("rows", sa.LargeBinary, nullable=False),
    sa.Column("superseded_by", sa.String),
)


@dataclass(frozen=True, slots=True)
class Overlap:
    """That two exports of one project state the same facts, and what of the earlier the later lacks."""

    rows: int
    """How many rows of the earlier the later lacks."""
    columns: tuple[str, ...]
    """Which columns of it that are wanted, in alphabetical order."""

    @property
    def whole(self) -> bool:
        """Whether the later lacks nothing of the earlier."""
        return not self.rows and not self.columns


def overlap(earlier: Extent, later: Extent) -> Overlap | None:
    """What two exports have to do with one another; None where they are of two projects or share no cell.

    They are of one project where more than half of the fields of the smaller dictionary are in the other.
    """
    fewer = min(len(earlier.fields), len(later.fields))
    if len(earlier.fields & later.fields) * 2 <= fewer:
        return None
    wanted = earlier.columns & later.wanted
    if not wanted & later.columns or not earlier.rows & later.rows:
        return None
    return Overlap(len(earlier.rows - later.rows), tuple(sorted(wanted - later.columns)))


class Projects:
    """The extents of one warehouse's exports, each by its collection and digest."""

    def __init__(self, control: Control) -> None:
        self._engine = control.engine
        extent_table.create(self._engine, checkfirst=True)

    def enter(self, collection: str, digest: str, extent: Extent) -> None:
        """Enter what an export holds, in place of what was entered of it before; it is superseded by none."""
        row = {
            "collection": collection,
            "digest": digest,
            "fields": json.dumps(sorted(extent.fields)),
            "columns": json.dumps(sorted(extent.columns)),
            "rows": b"".join(sorted(extent.rows)),
        }
        with self._engine.begin() as connection:
            connection.execute(sa.delete(extent_table).where(*_is(collection, digest)))
            connection.execute(sa.insert(extent_table), row)

    def supersede(self, collection: str, digest: str, by: str) -> None:
        """Note that another export of the collection has taken an export's place, and that of those before it."""
        mine = sa.or_(extent_table.c.digest == digest, extent_table.c.superseded_by == digest)
        with self._engine.begin() as connection:
            changed = sa.update(extent_table).where(extent_table.c.collection == collection, mine)
            connection.execute(changed.values(superseded_by=by))

    def superseded_by(self, collection: str, digest: str) -> str | None:
        """The digest of the export that has taken an export's place, if any."""
        query = sa.select(extent_table.c.superseded_by).where(*_is(collection, digest))
        with self._engine.begin() as connection:
            return connection.scalar(query)

    def extents(self, collection: str, digests: Collection[str]) -> dict[str, Extent]:
        """What those of a collection's exports hold that are known, by digest."""
        query = sa.select(extent_table).where(extent_table.c.collection == collection)
        with self._engine.begin() as connection:
            rows = connection.execute(query).all()
        return {
            row.digest: Extent(
                fields=frozenset(json.loads(row.fields)),
                columns=frozenset(json.loads(row.columns)),
                rows=frozenset(row.rows[at : at + ROW] for at in range(0, len(row.rows), ROW)),
            )
            for row in rows
            if row.digest in digests
        }

    def forget(self, sids: Iterable[str]) -> None:
        """Remove what sources' contents hold; to be called while the ledger still names the sources."""
        with self._engine.begin() as connection:
            for sid in sids:
                named = sa.select(source_table.c.collection, source_table.c.digest).where(source_table.c.sid == sid)
                for collection, digest in connection.execute(named).all():
                    connection.execute(sa.delete(extent_table).where(*_is(collection, digest)))


def _is(collection: str, digest: str) -> tuple[sa.ColumnElement[bool], ...]:
    return extent_table.c.collection == collection, extent_table.c.digest == digest
