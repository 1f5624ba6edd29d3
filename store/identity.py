"""Whose record a row of the log is: ids as sources have them, and the subjects that the cross-walk makes of them.

A source has a **namespace** of ids; ``""`` is the collection's own, in which the images' PatientIDs are. An id of
another namespace is a subject of its own until it is linked. The log keeps the id as the source has it; here is the SQL
that names the subject, and that moves the days of ids which became one subject to one origin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    import duckdb

__all__ = ["NAMESPACE", "OWN", "Identity", "Link", "link_table", "links_from", "origin_key", "subject_key"]

OWN = ""
"""The collection's own namespace."""

NAMESPACE = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
"""What a namespace is called: no mark of it can be taken for a part of an id."""

LINK_SCHEMA = pa.schema(
    [
        ("collection", pa.string()),
        ("namespace", pa.string()),
        ("source_id", pa.string()),
        ("subject", pa.string()),
        ("shifts", pa.map_(pa.string(), pa.int32())),
    ]
)


@dataclass(frozen=True, slots=True)
class Link:
    """An id of a namespace that is a subject of the collection, as a manifest holds it."""

    collection: str
    namespace: str
    source_id: str
    subject: str
    shifts: tuple[tuple[str, int], ...] = ()
    """By clock, the days from the origin of the subject's days to that of the id's own; zeros are left out."""

    @property
    def subjects(self) -> tuple[tuple[str, str], tuple[str, str]]:
        """Whom the link is about: the subject, and what the id names without the link."""
        own = subject_key(self.namespace, self.source_id)
        return (self.collection, subject_key(OWN, self.subject)), (self.collection, own)


def subject_key(namespace: str, source_id: str) -> str:
    """The identifier of an id's subject where no link says otherwise; no two ids of different namespaces share one.

    It is the id itself in the collection's own namespace, and ``namespace|id`` in another, as FHIR writes a token; a
    bar within an id is doubled.

    >>> subject_key("", "LUNG-017"), subject_key("case", "17"), subject_key("", "case|17")
    ('LUNG-017', 'case|17', 'case||17')
    """
    escaped = source_id.replace("|", "||")
    return f"{namespace}|{escaped}" if namespace else escaped


def origin_key(namespace: str, source_id: str) -> str:
    """The name under which the control data keeps the origin of an id's days."""
    return f"{namespace}|{source_id}" if namespace else source_id


def link_table(links: tuple[Link, ...]) -> pa.Table:
    """Links as a table, for a file or a query."""
    columns = [[getattr(link, name) for link in links] for name in LINK_SCHEMA.names]
    return pa.Table.from_arrays(
        [pa.array(values, item.type) for values, item in zip(columns, LINK_SCHEMA, strict=True)], schema=LINK_SCHEMA
    )


def links_from(table: pa.Table) -> tuple[Link, ...]:
    """What `link_table` wrote."""
    return tuple(Link(**{**row, "shifts": tuple(map(tuple, row["shifts"]))}) for row in table.to_pylist())


class Identity:
    """SQL over rows ``r`` of the log and the sources ``l`` that they belong to, under the links of one manifest.

    ``table`` is the name of the table of links that this makes; ``namespaces`` are those of the sources.
    """

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, table: str, links: Iterable[Link], namespaces: Iterable[str]
    ) -> None:
        links = tuple(
            Link(link.collection, link.namespace, link.source_id, subject_key(OWN, link.subject), link.shifts)
            for link in links
        )
        self._linked = bool(links)
        self._shifted = any(link.shifts for link in links)
        self._named = any(namespaces)
        self._table = table
        connection.register("link_arrow", link_table(links))
        connection.execute(f"CREATE TABLE {table} AS FROM link_arrow")
        connection.unregister("link_arrow")

    @property
    def join(self) -> str:
        """Joins the link ``x`` of a row, where it has one."""
        if not self._linked:
            return ""
        same = "x.collection = l.collection AND x.namespace = l.namespace AND x.source_id = r.subject"
        return f"LEFT JOIN {self._table} x ON {same}"

    @property
    def subject(self) -> str:
        """The identifier of a row's subject."""
        own = "replace(r.subject, '|', '||')"
        if self._named:
            own = f"CASE WHEN l.namespace = '' THEN {own} ELSE l.namespace || '|' || {own} END"
        return f"coalesce(x.subject, {own})" if self._linked else own

    def day(self, column: str, clock: str) -> str:
        """A day of a row, counted from the origin of its subject."""
        if not self._shifted:
            return f'r."{column}"'
        return f'r."{column}" + coalesce(map_extract(x.shifts, r."{clock}")[1], 0)'
