"""The tables of the term index: one SQLite file with concepts, their names, their hierarchy and its closure.

Names are ranked by their row number, so that the full-text index yields them best first and may stop early: active
before retired, labels before synonyms, short before long.
"""

from __future__ import annotations

import re
import sqlite3
import unicodedata
from pathlib import Path

__all__ = ["CONCEPT_BITS", "ORDINAL_BITS", "SCHEMA", "IndexVersionError", "code_of", "connect", "fold", "rank", "words"]

SCHEMA = "1"
"""The version of these tables."""

CONCEPT_BITS = 32
ORDINAL_BITS = 12
"""How many bits of a name's rank hold its concept and its number among the concept's names."""

TABLES = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE vocabulary (
    name TEXT PRIMARY KEY, title TEXT NOT NULL, release TEXT, date TEXT, licence TEXT,
    format TEXT NOT NULL, source TEXT NOT NULL, digest TEXT, imported TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE concept (
    id INTEGER PRIMARY KEY, vocabulary TEXT NOT NULL, curie TEXT NOT NULL, code TEXT NOT NULL COLLATE NOCASE,
    label TEXT NOT NULL, definition TEXT, status TEXT NOT NULL, replaced TEXT, bundled INTEGER NOT NULL,
    synonyms TEXT NOT NULL, parents TEXT NOT NULL, print TEXT NOT NULL
);
CREATE UNIQUE INDEX concept_in_vocabulary ON concept (vocabulary, curie);
CREATE INDEX concept_curie ON concept (curie);
CREATE INDEX concept_code ON concept (code);
CREATE TABLE name (
    rank INTEGER PRIMARY KEY, concept INTEGER NOT NULL, synonym INTEGER NOT NULL,
    text TEXT NOT NULL, folded TEXT NOT NULL
);
CREATE INDEX name_concept ON name (concept);
CREATE INDEX name_folded ON name (folded);
CREATE VIRTUAL TABLE words USING fts5 (
    folded, content='name', content_rowid='rank', columnsize=0, prefix='1 2 3 4',
    tokenize='unicode61 remove_diacritics 0'
);
CREATE TABLE edge (child INTEGER, parent INTEGER, PRIMARY KEY (child, parent)) WITHOUT ROWID;
CREATE INDEX edge_parent ON edge (parent, child);
CREATE TABLE closure (ancestor INTEGER, descendant INTEGER, PRIMARY KEY (ancestor, descendant)) WITHOUT ROWID;
CREATE INDEX closure_descendant ON closure (descendant, ancestor);
CREATE TABLE change (
    id INTEGER PRIMARY KEY, imported TEXT NOT NULL, vocabulary TEXT NOT NULL, kind TEXT NOT NULL, curie TEXT NOT NULL,
    before TEXT, after TEXT
);
CREATE INDEX change_curie ON change (curie);
CREATE TABLE element (
    public_id TEXT NOT NULL, version TEXT NOT NULL, bundled INTEGER NOT NULL, body TEXT NOT NULL,
    PRIMARY KEY (public_id, version)
) WITHOUT ROWID;
"""


class IndexVersionError(ValueError):
    """A term index that another version of Qilin made."""

    def __init__(self, path: Path, found: str) -> None:
        self.path = path
        super().__init__(
            f"{path.name} has tables of version {found}, this Qilin reads version {SCHEMA}; "
            "move the file away, and import its vocabularies again"
        )


def connect(path: Path) -> sqlite3.Connection:
    """A connection to the index at a path; the tables are made where the file is new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, timeout=120, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA temp_store = FILE")
    connection.execute("PRAGMA mmap_size = 1073741824")
    if not _version(connection):
        _create(connection)
    found = _version(connection)
    if found != SCHEMA:
        connection.close()
        raise IndexVersionError(path, found or "0")
    return connection


def _version(connection: sqlite3.Connection) -> str | None:
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'meta'").fetchone():
        return None
    return str(connection.execute("SELECT value FROM meta WHERE key = 'schema'").fetchone()[0])


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if not _version(connection):
        for statement in TABLES.split(";"):
            connection.execute(statement)
        connection.execute("INSERT INTO meta VALUES ('schema', ?)", (SCHEMA,))
    connection.execute("COMMIT")


WORD = re.compile(r"[^\W_]+")


def words(text: str) -> list[str]:
    """The words of a text without case, accents and punctuation.

    >>> words("Non-Small Cell, Ménière's")
    ['non', 'small', 'cell', 'meniere', 's']
    """
    plain = "".join(mark for mark in unicodedata.normalize("NFKD", text) if not unicodedata.combining(mark))
    return WORD.findall(plain.casefold())


def fold(text: str) -> str:
    """The words of a text with a space between."""
    return " ".join(words(text))


def rank(concept: int, ordinal: int, folded: str, *, retired: bool) -> int:
    """The row number of a concept's name: ``ordinal`` 0 is the label, up to 4,095 a synonym."""
    assert ordinal < 2**ORDINAL_BITS
    length = min(len(folded), 2**8 - 1)
    return (((int(retired) << 1 | int(ordinal > 0)) << 8 | length) << CONCEPT_BITS | concept) << ORDINAL_BITS | ordinal


def code_of(curie: str) -> str:
    """The code that people type: without prefix; of an IRI, its last part as ``MONDO:0005138``.

    >>> code_of("ncit:C3262"), code_of("http://purl.obolibrary.org/obo/MONDO_0005138")
    ('C3262', 'MONDO:0005138')
    """
    if "/" not in curie:
        return curie.partition(":")[2] or curie
    local = re.split(r"[/#]", curie.rstrip("/#"))[-1]
    return re.sub(r"^([A-Za-z]+)_(\w+)$", r"\1:\2", local)
