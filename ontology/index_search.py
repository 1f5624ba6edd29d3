"""Searching the term index as people type: every word the beginning of a word, best names first.

The names lie in the order of their rank (`ontology.index_schema.rank`), so the full-text index yields the best first
and is left as soon as there are enough. Within a small scope it is quicker to look at all of its names.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum
from typing import NamedTuple

from ontology.index_schema import CONCEPT_BITS, ORDINAL_BITS, words

__all__ = ["Hit", "Match", "Scope", "search"]

SMALL = 600
"""A scope of at most so many concepts is searched name by name."""

SPARE = 4
"""So many names are fetched for each concept wanted, as a concept may match by several."""


class Match(IntEnum):
    """How a concept was found, best first."""

    CODE = 0
    LABEL = 1
    SYNONYM = 2
    CODE_PREFIX = 3
    LABEL_PREFIX = 4
    SYNONYM_PREFIX = 5
    LABEL_WORDS = 6
    SYNONYM_WORDS = 7


@dataclass(frozen=True, slots=True)
class Hit:
    """A concept that was found, by which of its names, and how."""

    curie: str
    code: str
    vocabulary: str
    label: str
    name: str
    match: Match
    retired: bool


class Scope(NamedTuple):
    """Where to search: a vocabulary, a branch (the ids of its top), both or neither."""

    vocabulary: str | None = None
    branch: list[int] | None = None

    def clause(self, concept: str = "c.id") -> str:
        """The SQL condition on ``c``, a concept, whose id is the expression ``concept``; ids are integers of ours."""
        parts = ["c.vocabulary = :vocabulary"] if self.vocabulary is not None else []
        if self.branch is not None:
            tops = ", ".join(map(str, self.branch))
            parts.append(f"EXISTS (SELECT 1 FROM closure WHERE descendant = {concept} AND ancestor IN ({tops}))")
        return " AND ".join(parts) or "1"

    def size(self, connection: sqlite3.Connection) -> int | None:
        """How many concepts it holds, counted no further than what is small; None where it is not limited at all."""
        if self.branch is not None:
            tops = ", ".join(map(str, self.branch))
            counted = f"SELECT 1 FROM closure WHERE ancestor IN ({tops}) LIMIT {SMALL + 1}"
        elif self.vocabulary is not None:
            counted = f"SELECT 1 FROM concept WHERE vocabulary = :vocabulary LIMIT {SMALL + 1}"
        else:
            return None
        return int(
            connection.execute(f"SELECT count(*) FROM ({counted})", {"vocabulary": self.vocabulary}).fetchone()[0]
        )

    def names(self) -> str:
        """The SQL for all of its names, for a small scope."""
        if self.branch is not None:
            tops = ", ".join(map(str, self.branch))
            below = f"SELECT DISTINCT descendant AS id FROM closure WHERE ancestor IN ({tops})"
            source = f"({below}) b CROSS JOIN concept c ON c.id = b.id"
        else:
            source = "concept c"
        return f"SELECT {COLUMNS} FROM {source} JOIN name n ON n.concept = c.id WHERE {self.clause()}"


COLUMNS = "c.curie, c.code, c.vocabulary, c.label, n.text, c.status, n.synonym, n.rank, n.folded"
NAMED = f"SELECT {COLUMNS} FROM name n CROSS JOIN concept c ON c.id = n.concept"
FOUND = f"SELECT {COLUMNS} FROM words w CROSS JOIN name n ON n.rank = w.rowid CROSS JOIN concept c ON c.id = n.concept"
RANKED = f"((w.rowid >> {ORDINAL_BITS}) & {2**CONCEPT_BITS - 1})"
"""The concept of a name, out of its rank: it spares the look-up of names that are not in the branch."""

CODED = "SELECT c.curie, c.code, c.vocabulary, c.label, c.label, c.status, 0, c.id, '' FROM concept c"

Row = tuple[str, str, str, str, str, str, int, int, str]


def search(connection: sqlite3.Connection, text: str, scope: Scope, limit: int) -> list[Hit]:
    """The best ``limit`` concepts for a text within a scope."""
    typed = words(text)
    found: dict[str, tuple[int, int, int, Hit]] = {}
    for match, row in _candidates(connection, text.strip(), typed, scope, limit):
        retired = row[5] != "active"
        hit = Hit(row[0], row[1], row[2], row[3], row[4], match, retired)
        # a code is what was asked for, retired or not; the vocabulary of its own comes before one that borrows
        order = (int(retired and match is not Match.CODE), int(match), row[7])
        known = found.get(hit.curie)
        if known is None or order < known[:3]:
            found[hit.curie] = (*order, hit)
    return [entry[3] for entry in sorted(found.values(), key=lambda entry: entry[:3])[:limit]]


def _candidates(
    connection: sqlite3.Connection, text: str, typed: list[str], scope: Scope, limit: int
) -> Iterator[tuple[Match, Row]]:
    yield from _by_code(connection, text, scope, limit)
    if not typed:
        return
    size = scope.size(connection)
    if size is not None and size <= SMALL:
        yield from _by_looking(connection.execute(scope.names(), {"vocabulary": scope.vocabulary}), typed)
    else:
        yield from _by_index(connection, typed, scope, limit)


def _by_code(connection: sqlite3.Connection, text: str, scope: Scope, limit: int) -> Iterator[tuple[Match, Row]]:
    """Concepts whose CURIE or code is the text, or whose code begins with it, where it may be one."""
    if not text or len(text) > 200 or " " in text:
        return
    prefix, _, local = text.partition(":")
    given = {"text": text, "curie": f"{prefix.casefold()}:{local}", "vocabulary": scope.vocabulary, "limit": limit}
    exact = f"{CODED} WHERE (c.curie IN (:text, :curie) OR c.code = :text) AND {scope.clause()} LIMIT :limit"
    for row in connection.execute(exact, given):
        yield Match.CODE, row
    if any(mark.isdigit() for mark in text):
        begins = "c.code >= :text AND c.code < :text || char(1114111)"
        for row in connection.execute(
            f"{CODED} WHERE {begins} AND {scope.clause()} ORDER BY length(c.code), c.code LIMIT :limit", given
        ):
            yield Match.CODE_PREFIX, row


def _by_index(
    connection: sqlite3.Connection, typed: list[str], scope: Scope, limit: int
) -> Iterator[tuple[Match, Row]]:
    whole = " ".join(typed)
    given: dict[str, object] = {"vocabulary": scope.vocabulary, "limit": limit * SPARE, "folded": whole}
    exact = f"{NAMED} WHERE n.folded = :folded AND {scope.clause()} ORDER BY n.rank LIMIT :limit"
    yield from _classed(connection.execute(exact, given), typed)
    # words hold letters and digits alone, so that in quotation marks nothing is syntax
    begun = f'^ "{whole}" *'
    among = " AND ".join(f'"{word}" *' for word in dict.fromkeys(typed))
    seen = 0
    for query in (begun, among):
        statement = f"{FOUND} WHERE words MATCH :query AND {scope.clause(RANKED)} ORDER BY w.rowid LIMIT :limit"
        rows = connection.execute(statement, {**given, "query": query}).fetchall()
        yield from _classed(rows, typed)
        seen += len({row[0] for row in rows})
        if seen >= limit:
            return


def _by_looking(rows: Iterable[Row], typed: list[str]) -> Iterator[tuple[Match, Row]]:
    """The rows whose name has, for every word that was typed, one that begins so."""
    for row in rows:
        spaced = f" {row[8]}"
        if all(f" {word}" in spaced for word in typed):
            yield from _classed([row], typed)


def _classed(rows: Iterable[Row], typed: list[str]) -> Iterator[tuple[Match, Row]]:
    whole = " ".join(typed)
    for row in rows:
        synonym, folded = row[6], row[8]
        if folded == whole:
            match = Match.SYNONYM if synonym else Match.LABEL
        elif folded.startswith(whole):
            match = Match.SYNONYM_PREFIX if synonym else Match.LABEL_PREFIX
        else:
            match = Match.SYNONYM_WORDS if synonym else Match.LABEL_WORDS
        yield match, row
