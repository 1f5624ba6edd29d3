"""Which codes a source asked the code mappings for, so that a decision about one of them finds the sources it touches.

A code is held as a key (`mappings.codes.key_of`), never as text. The recipe of such a source ends with a digest of what
was in force about its codes, so that another reading under other decisions is another source of the ledger.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

import sqlalchemy as sa

from store.control import Control, metadata, source_table

__all__ = ["Coded", "CodedSource"]

KEY = 8
"""The bytes of a key."""

coded_table = sa.Table(
    "coded",
    metadata,
    sa.Column("sid", sa.String, primary_key=True),
    sa.Column("asked", sa.LargeBinary, nullable=False),
)


@dataclass(frozen=True, slots=True)
class CodedSource:
    """A logged source, the recipe with which it was logged, and the keys of the codes that it asked for."""

    sid: str
    recipe: str
    keys: frozenset[bytes]


class Coded:
    """The codes that the sources of one warehouse asked for."""

    def __init__(self, control: Control) -> None:
        self._engine = control.engine
        coded_table.create(self._engine, checkfirst=True)

    def enter(self, keys: Mapping[str, frozenset[bytes]]) -> None:
        """Enter the keys of sources, in place of what was entered of them before."""
        if not keys:
            return
        rows = [{"sid": sid, "asked": b"".join(sorted(found))} for sid, found in keys.items()]
        with self._engine.begin() as connection:
            of_source = coded_table.c.sid == sa.bindparam("of_source")
            connection.execute(sa.delete(coded_table).where(of_source), [{"of_source": sid} for sid in keys])
            connection.execute(sa.insert(coded_table), rows)

    def of_content(self, kind: str, collection: str) -> dict[str, list[CodedSource]]:
        """The sources of a kind and collection that asked for codes, by the digest of their content."""
        query = (
            sa.select(source_table.c.digest, source_table.c.sid, source_table.c.recipe, coded_table.c.asked)
            .join(coded_table, coded_table.c.sid == source_table.c.sid)
            .where(source_table.c.kind == kind, source_table.c.collection == collection)
        )
        found: dict[str, list[CodedSource]] = {}
        with self._engine.begin() as connection:
            for digest, sid, recipe, keys in connection.execute(query):
                found.setdefault(digest, []).append(CodedSource(sid, recipe, frozenset(_cut(keys))))
        return found

    def keys(self) -> dict[str, frozenset[bytes]]:
        """The keys of every source, by its id."""
        with self._engine.begin() as connection:
            return {sid: frozenset(_cut(keys)) for sid, keys in connection.execute(sa.select(coded_table))}

    def forget(self, sids: Iterable[str]) -> None:
        """Remove what is held of sources."""
        with self._engine.begin() as connection:
            for sid in sids:
                connection.execute(sa.delete(coded_table).where(coded_table.c.sid == sid))


def _cut(keys: bytes) -> Iterator[bytes]:
    return (keys[at : at + KEY] for at in range(0, len(keys), KEY))
