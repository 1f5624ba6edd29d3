"""The term index: every loaded vocabulary in one SQLite file, searched as people type.

Search is full text over labels, synonyms and codes, within a vocabulary or a branch; the hierarchy is kept with its
reflexive, transitive closure. The bundled terms are in it from the start; `qilin terms import` adds whole releases.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ontology.elements import Element
from ontology.imports.base import Importer, Status
from ontology.index_bundled import bundled_digest, bundled_items, bundled_names
from ontology.index_import import Changed, Header, Update, element_from, store_items
from ontology.index_schema import connect
from ontology.index_search import Hit, Scope, search

__all__ = ["Entry", "TermIndex", "UnknownConceptError", "UnknownVocabularyError", "Vocabulary"]


@dataclass(frozen=True, slots=True)
class Entry:
    """All that the index knows of a concept; ``parents`` and ``children`` are CURIEs with labels."""

    curie: str
    code: str
    vocabulary: str
    label: str
    synonyms: tuple[str, ...]
    definition: str | None
    status: Status
    replaced_by: str | None
    parents: tuple[tuple[str, str], ...]
    children: int
    descendants: int
    release: str | None
    source: str


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A vocabulary of the index with what its file said of itself."""

    name: str
    title: str
    release: str | None
    date: str | None
    licence: str | None
    format: str
    source: str
    imported: str
    concepts: int
    retired: int


class UnknownConceptError(KeyError):
    """A CURIE that no vocabulary of the index holds."""

    def __init__(self, curie: str) -> None:
        self.curie = curie
        super().__init__(curie)

    def __str__(self) -> str:
        return f"{self.curie!r} is in no vocabulary of the index; `qilin terms search` finds terms by name and code"


class UnknownVocabularyError(KeyError):
    """A vocabulary that the index does not hold; the message names those that it does."""

    def __init__(self, name: str, known: list[str]) -> None:
        self.name = name
        self.known = known
        super().__init__(name)

    def __str__(self) -> str:
        return f"there is no vocabulary {self.name!r} in the index; known: {', '.join(self.known)}"


class TermIndex:
    """The term index at a path, made or brought up to date with the bundled terms when it is opened.

    One object may be used by several threads; `IndexVersionError` where another version of Qilin made the file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._local = threading.local()
        self._opened: list[sqlite3.Connection] = []
        if self._meta("bundled") != bundled_digest():
            self._refresh()

    @property
    def _db(self) -> sqlite3.Connection:
        """The connection of this thread."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = connect(self.path)
            self._local.connection = connection
            self._opened.append(connection)
        return connection

    def close(self) -> None:
        """Close the connection of this thread; those of others close with their threads."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            self._opened.remove(connection)
            self._local.connection = None
            connection.close()

    def _meta(self, key: str) -> str | None:
        found = self._db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return found[0] if found else None

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """One transaction, alone; nothing of it stays where it fails."""
        connection = self._db
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def _refresh(self) -> None:
        """Bring the bundled terms up to date; what was imported stays."""
        with self._writing() as connection:
            if self._meta("bundled") == bundled_digest():
                return  # another process did it while this one waited
            connection.execute("DELETE FROM element WHERE bundled = 1")
            for name in bundled_names():
                header = Header(name, "bundled", "bundled terms", bundled_digest(), bundled=True)
                store_items(connection, header, bundled_items(name))
            connection.execute("INSERT OR REPLACE INTO meta VALUES ('bundled', ?)", (bundled_digest(),))

    def load(
        self,
        path: Path,
        importer: Importer,
        vocabulary: str,
        digest: str | None = None,
        step: Callable[[int], None] = lambda _: None,
    ) -> Update:
        """Import a file as a vocabulary in one transaction, and report what changed.

        A whole release replaces the vocabulary; a format that holds a selection adds to it. `UnreadableError` where
        nothing of the file can be read: the index is then as it was.
        """
        header = Header(vocabulary, importer.name, path.name, digest, partial=importer.partial)
        with self._writing() as connection:
            update = store_items(connection, header, importer.read(path, vocabulary), bundled_items(vocabulary), step)
        self._db.execute("PRAGMA optimize")
        self._db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        return update

    def remove(self, vocabulary: str) -> None:
        """Take a vocabulary out, down to the bundled terms; `UnknownVocabularyError` where there is none."""
        self._known(vocabulary)
        with self._writing() as connection:
            ours = "(SELECT id FROM concept WHERE vocabulary = ?)"
            connection.execute(
                "INSERT INTO words (words, rowid, folded) SELECT 'delete', rank, folded FROM name"
                f" WHERE concept IN {ours} ORDER BY rank",
                (vocabulary,),
            )
            connection.execute(f"DELETE FROM name WHERE concept IN {ours}", (vocabulary,))
            connection.execute(f"DELETE FROM closure WHERE descendant IN {ours}", (vocabulary,))
            connection.execute(f"DELETE FROM edge WHERE child IN {ours}", (vocabulary,))
            for table, column in (("concept", "vocabulary"), ("change", "vocabulary"), ("vocabulary", "name")):
                connection.execute(f"DELETE FROM {table} WHERE {column} = ?", (vocabulary,))
            if vocabulary == "cadsr":
                connection.execute("DELETE FROM element")
            connection.execute("DELETE FROM meta WHERE key = 'bundled'")
        self._refresh()

    def _known(self, vocabulary: str) -> None:
        names = [name for (name,) in self._db.execute("SELECT name FROM vocabulary ORDER BY name")]
        if vocabulary not in names:
            raise UnknownVocabularyError(vocabulary, names)

    def _ids(self, curie: str) -> list[int]:
        found = [known for (known,) in self._db.execute("SELECT id FROM concept WHERE curie = ?", (curie,))]
        if not found:
            raise UnknownConceptError(curie)
        return found

    def search(self, text: str, vocabulary: str | None = None, under: str | None = None, limit: int = 20) -> list[Hit]:
        """Concepts by label, synonym or code, best first; every word of the text is the beginning of one in the name.

        ``under`` keeps to a concept and its descendants. Any text may be given: nothing in it is query syntax. Raises
        `UnknownVocabularyError` and `UnknownConceptError` for a scope that is not there.
        """
        if vocabulary is not None:
            self._known(vocabulary)
        branch = self._ids(under) if under is not None else None
        return search(self._db, text, Scope(vocabulary, branch), limit)

    def show(self, curie: str, vocabulary: str | None = None) -> Entry:
        """All that is known of a concept; `UnknownConceptError` where there is none.

        Where several vocabularies hold the CURIE, that of its own prefix counts, unless one is named.
        """
        row = self._db.execute(
            "SELECT c.id, c.curie, c.code, c.vocabulary, c.label, c.synonyms, c.definition, c.status, c.replaced,"
            " v.release, v.source, c.parents FROM concept c JOIN vocabulary v ON v.name = c.vocabulary"
            " WHERE c.curie = ?1 AND (?2 IS NULL OR c.vocabulary = ?2) ORDER BY c.vocabulary != ?3, c.vocabulary",
            (curie, vocabulary, curie.partition(":")[0]),
        ).fetchone()
        if row is None:
            raise UnknownConceptError(curie)
        known = row[0]
        labels = dict(
            self._db.execute(
                "SELECT p.curie, p.label FROM edge JOIN concept p ON p.id = edge.parent WHERE edge.child = ?", (known,)
            )
        )
        children = self._db.execute("SELECT count(*) FROM edge WHERE parent = ?", (known,)).fetchone()[0]
        below = self._db.execute("SELECT count(*) - 1 FROM closure WHERE ancestor = ?", (known,)).fetchone()[0]
        return Entry(
            curie=row[1],
            code=row[2],
            vocabulary=row[3],
            label=row[4],
            synonyms=tuple(json.loads(row[5])),
            definition=row[6],
            status=Status(row[7]),
            replaced_by=row[8],
            parents=tuple((parent, labels.get(parent, "")) for parent in json.loads(row[11])),
            children=children,
            descendants=below,
            release=row[9],
            source=row[10],
        )

    def descendants(self, curie: str) -> Iterator[str]:
        """The CURIEs of everything narrower, without the concept itself, in order of the CURIE."""
        return self._closure("descendant", "ancestor", curie)

    def ancestors(self, curie: str) -> Iterator[str]:
        """The CURIEs of everything broader, without the concept itself, in order of the CURIE."""
        return self._closure("ancestor", "descendant", curie)

    def _closure(self, wanted: str, given: str, curie: str) -> Iterator[str]:
        marks = ", ".join(map(str, self._ids(curie)))
        rows = self._db.execute(
            f"SELECT DISTINCT c.curie FROM closure JOIN concept c ON c.id = closure.{wanted}"
            f" WHERE closure.{given} IN ({marks}) AND c.curie != ? ORDER BY c.curie",
            (curie,),
        )
        return (row[0] for row in rows)

    def vocabularies(self) -> list[Vocabulary]:
        """The vocabularies of the index by name."""
        rows = self._db.execute(
            "SELECT v.name, v.title, v.release, v.date, v.licence, v.format, v.source, v.imported,"
            " count(c.id), coalesce(sum(c.status != 'active'), 0)"
            " FROM vocabulary v LEFT JOIN concept c ON c.vocabulary = v.name GROUP BY v.name ORDER BY v.name"
        )
        return [Vocabulary(*row) for row in rows]

    def changes(self, imported: str | None = None, vocabulary: str | None = None) -> Iterator[Changed]:
        """What imports changed, oldest first: of one import by its time, of one vocabulary, or all."""
        rows = self._db.execute(
            "SELECT kind, curie, before, after FROM change WHERE (?1 IS NULL OR imported = ?1)"
            " AND (?2 IS NULL OR vocabulary = ?2) ORDER BY id",
            (imported, vocabulary),
        )
        return (Changed(*row) for row in rows)

    def elements(self) -> Iterator[Element]:
        """The data elements that were imported, each version; pass them to `ontology.elements.elements`."""
        rows = self._db.execute(
            "SELECT public_id, version, body FROM element WHERE bundled = 0"
            " ORDER BY length(public_id), public_id, version"
        )
        return (element_from(*row) for row in rows)
