"""Bringing a vocabulary into the term index: staged, compared with what is there, and applied in one transaction.

Only concepts that changed are written again. A concept that an earlier import held and this one does not is kept as
withdrawn, so that a decision that points at it can still be explained.
"""

from __future__ import annotations

import datetime as dt
import json
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from ontology.elements import Element, PermissibleValue, normal_version
from ontology.imports.base import Concept, Item, Release, Status, UnreadableError
from ontology.index_schema import code_of, fold, rank
from ontology.records import Reject

__all__ = ["Changed", "Header", "Update", "element_from", "element_text", "store_items"]

KEPT_REJECTS = 1000
"""So many rejects are kept in full; the rest are counted."""

LONGEST = 4095
"""So many synonyms of one concept are kept."""


class Header(NamedTuple):
    """What is known of an import before its file is read; ``bundled`` where the terms come with Qilin."""

    vocabulary: str
    format: str
    source: str
    digest: str | None = None
    partial: bool = False
    bundled: bool = False


class Changed(NamedTuple):
    """One change that an import made: ``kind`` is added, retired, withdrawn, relabelled, reparented or restored."""

    kind: str
    curie: str
    before: str | None
    after: str | None


@dataclass(slots=True)
class Update:
    """The report of an import: counts of each kind of change; the changes themselves are kept in the index."""

    vocabulary: str
    imported: str
    first: bool
    """True where the vocabulary was not in the index: its concepts are counted as added, and not listed."""
    release: str | None = None
    read: int = 0
    elements: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    rejected: int = 0
    rejects: list[Reject] = field(default_factory=list)

    @property
    def exit_status(self) -> int:
        """0 where all came in, 1 where something was rejected."""
        return 1 if self.rejected else 0


STAGE = """
CREATE TEMP TABLE staged (
    curie TEXT PRIMARY KEY, code TEXT, label TEXT, definition TEXT, status TEXT, replaced TEXT, bundled INTEGER,
    synonyms TEXT, parents TEXT, print TEXT
) WITHOUT ROWID;
CREATE TEMP TABLE gone (rank INTEGER PRIMARY KEY);
CREATE TEMP TABLE fresh (rank INTEGER PRIMARY KEY, concept INTEGER, synonym INTEGER, text TEXT, folded TEXT)
"""


def store_items(
    connection: sqlite3.Connection,
    header: Header,
    items: Iterable[Item],
    bundled: Iterable[Item] = (),
    step: Callable[[int], None] = lambda _: None,
) -> Update:
    """Store what an importer yields as a vocabulary, all or nothing; ``step`` is told how many were read.

    ``bundled`` are the vocabulary's terms that come with Qilin: they fill in what the file lacks.
    """
    now = dt.datetime.now(dt.UTC).isoformat(timespec="microseconds")
    first = not connection.execute("SELECT 1 FROM vocabulary WHERE name = ?", (header.vocabulary,)).fetchone()
    update = Update(header.vocabulary, now, first)
    for statement in STAGE.split(";"):
        connection.execute(statement)
    try:
        release = _stage(connection, header, items, update, step)
        if not update.read:
            raise UnreadableError(f"{header.source} holds no concept that could be read; {_first_reject(update)}")
        for item in () if header.partial else bundled:
            if isinstance(item, Concept):
                _stage_bundled(connection, item)
        _apply(connection, header, update)
        _describe(connection, header, release, update)
    finally:
        for table in ("staged", "gone", "fresh"):
            connection.execute(f"DROP TABLE temp.{table}")
    return update


def _first_reject(update: Update) -> str:
    if not update.rejects:
        return "is it really of this format? Name the format with --as"
    reject = update.rejects[0]
    return f"{reject.place}: {reject.problem}; wanted: {reject.wanted}"


def _stage(
    connection: sqlite3.Connection, header: Header, items: Iterable[Item], update: Update, step: Callable[[int], None]
) -> Release:
    release = Release()
    for item in items:
        match item:
            case Concept():
                _stage_concept(connection, item, bundled=header.bundled)
                update.read += 1
                step(update.read)
            case Element():
                if _newest_staged(connection, item):
                    _stage_concept(connection, concept_of(item), bundled=header.bundled)
                _store_element(connection, item, bundled=header.bundled)
                update.read += 1
                update.elements += 1
                step(update.read)
            case Release():
                release = Release(*(new or old for new, old in zip(_parts(item), _parts(release), strict=True)))
            case Reject():
                update.rejected += 1
                if len(update.rejects) < KEPT_REJECTS:
                    update.rejects.append(item)
    return release


def _parts(release: Release) -> tuple[str | None, ...]:
    return release.title, release.version, release.date, release.licence


def concept_of(item: Element) -> Concept:
    """The concept under which a data element is found; the texts of forms are its synonyms."""
    synonyms = tuple(dict.fromkeys(text for text in item.question if text and text != item.long_name))
    return Concept(item.curie, item.long_name, (), synonyms, item.definition, retired=item.retired)


def _newest_staged(connection: sqlite3.Connection, item: Element) -> bool:
    """Whether no newer version of the element is there: the label and synonyms are those of the newest."""
    rows = connection.execute("SELECT version FROM element WHERE public_id = ?", (item.public_id,)).fetchall()
    return all(_ordered(row[0]) <= _ordered(normal_version(item.version)) for row in rows)


def _ordered(version: str) -> list[int]:
    return [int(part) if part.isdigit() else 0 for part in version.split(".")]


def _row(item: Concept, *, bundled: bool) -> tuple[object, ...]:
    synonyms = [text for text in dict.fromkeys(item.synonyms) if text and text != item.label][:LONGEST]
    parents = sorted({parent for parent in item.parents if parent != item.curie})
    status = Status.RETIRED if item.retired else Status.ACTIVE
    body = (item.label, item.definition, status, item.replaced_by, synonyms, parents)
    return (
        item.curie,
        item.code or code_of(item.curie),
        item.label,
        item.definition,
        status,
        item.replaced_by,
        int(bundled),
        json.dumps(synonyms, ensure_ascii=False),
        json.dumps(parents),
        json.dumps(body, ensure_ascii=False),
    )


def _stage_concept(connection: sqlite3.Connection, item: Concept, *, bundled: bool) -> None:
    row = _row(item, bundled=bundled)
    connection.execute("INSERT OR REPLACE INTO staged VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)


def _stage_bundled(connection: sqlite3.Connection, item: Concept) -> None:
    """Stage a bundled term that the file lacks; where the file has it without broader terms, give it ours."""
    found = connection.execute(
        "SELECT label, definition, synonyms, parents, status, replaced FROM staged WHERE curie = ?", (item.curie,)
    ).fetchone()
    if found is None:
        _stage_concept(connection, item, bundled=True)
    elif found[3] == "[]" and item.parents:
        label, definition, synonyms, _, status, replaced = found
        retired = status == Status.RETIRED
        whole = Concept(item.curie, label, item.parents, tuple(json.loads(synonyms)), definition, retired, replaced)
        _stage_concept(connection, whole, bundled=False)


CHANGES = """
SELECT s.curie, s.code, s.label, s.definition, s.status, s.replaced, s.bundled, s.synonyms, s.parents, s.print,
       c.id, c.label, c.status, c.parents
FROM staged s LEFT JOIN concept c INDEXED BY concept_in_vocabulary ON c.vocabulary = ?1 AND c.curie = s.curie
WHERE (c.id IS NULL OR c.print != s.print OR c.status = 'withdrawn' OR c.bundled != s.bundled)
  AND NOT (?2 AND c.id IS NOT NULL AND c.bundled = 0)
"""
"""What has to be written; a refresh of the bundled terms (?2) leaves alone what was imported."""


def _apply(connection: sqlite3.Connection, header: Header, update: Update) -> None:
    next_id = int(connection.execute("SELECT coalesce(max(id), 0) + 1 FROM concept").fetchone()[0])
    written = 0
    for row in connection.cursor().execute(CHANGES, (header.vocabulary, header.bundled)):
        values, (known, label, status, parents) = row[:10], row[10:]
        if known is None:
            known, next_id = next_id, next_id + 1
            _insert(connection, known, header.vocabulary, values)
            _note(connection, update, Changed("added", values[0], None, values[2]), listed=not update.first)
        else:
            _replace(connection, known, values)
            for change in _differences(values, label, status, parents):
                _note(connection, update, change)
        _names(connection, known, values)
        written += 1
    if not header.partial:
        written += _withdraw(connection, header, update)
    if written:
        _write_names(connection)
        _write_hierarchy(connection, header.vocabulary)


def _insert(connection: sqlite3.Connection, known: int, vocabulary: str, values: tuple[str, ...]) -> None:
    connection.execute(
        "INSERT INTO concept (id, vocabulary, curie, code, label, definition, status, replaced, bundled, synonyms,"
        " parents, print) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (known, vocabulary, *values),
    )


def _replace(connection: sqlite3.Connection, known: int, values: tuple[str, ...]) -> None:
    connection.execute(
        "UPDATE concept SET code = ?, label = ?, definition = ?, status = ?, replaced = ?, bundled = ?, synonyms = ?,"
        " parents = ?, print = ? WHERE id = ?",
        (*values[1:], known),
    )


def _differences(values: tuple[str, ...], label: str, status: str, parents: str) -> Iterator[Changed]:
    """What a steward would want to know of a concept that changed."""
    curie = values[0]
    if values[4] != status:
        yield Changed("retired" if values[4] == Status.RETIRED else "restored", curie, status, values[5] or values[4])
    if values[2] != label:
        yield Changed("relabelled", curie, label, values[2])
    if values[8] != parents:
        yield Changed("reparented", curie, "|".join(json.loads(parents)), "|".join(json.loads(values[8])))


def _note(connection: sqlite3.Connection, update: Update, change: Changed, *, listed: bool = True) -> None:
    update.counts[change.kind] = update.counts.get(change.kind, 0) + 1
    if listed:
        connection.execute(
            "INSERT INTO change (imported, vocabulary, kind, curie, before, after) VALUES (?, ?, ?, ?, ?, ?)",
            (update.imported, update.vocabulary, *change),
        )


def _names(connection: sqlite3.Connection, known: int, values: tuple[str, ...]) -> None:
    """Note the names of a concept that go and those that come."""
    retired = values[4] != Status.ACTIVE
    connection.execute("INSERT OR IGNORE INTO gone SELECT rank FROM name WHERE concept = ?", (known,))
    named = ((order, text, fold(text)) for order, text in enumerate([values[2], *json.loads(values[7])]))
    connection.executemany(
        "INSERT INTO fresh VALUES (?, ?, ?, ?, ?)",
        (
            (rank(known, order, folded, retired=retired), known, int(order > 0), text, folded)
            for order, text, folded in named
            if folded
        ),
    )


def _withdraw(connection: sqlite3.Connection, header: Header, update: Update) -> int:
    """Mark what an earlier import held and this one does not; the number of such concepts."""
    found = connection.cursor().execute(
        "SELECT id, curie, code, label, definition, status, replaced, bundled, synonyms, parents, print FROM concept"
        " WHERE vocabulary = ? AND status != 'withdrawn' AND NOT (? AND bundled = 0)"
        " AND NOT EXISTS (SELECT 1 FROM staged WHERE staged.curie = concept.curie)",
        (header.vocabulary, header.bundled),
    )
    times = 0
    for known, *values in found:
        times += 1
        values[4] = Status.WITHDRAWN
        connection.execute("UPDATE concept SET status = 'withdrawn' WHERE id = ?", (known,))
        _note(connection, update, Changed("withdrawn", values[0], values[2], None))
        _names(connection, known, tuple(values))
    return times


def _write_names(connection: sqlite3.Connection) -> None:
    """Bring names and full-text index up to date, in the order of the row numbers, which is what the index likes."""
    connection.execute(
        "INSERT INTO words (words, rowid, folded)"
        " SELECT 'delete', n.rank, n.folded FROM gone CROSS JOIN name n ON n.rank = gone.rank ORDER BY gone.rank"
    )
    connection.execute("DELETE FROM name WHERE rank IN (SELECT rank FROM gone)")
    connection.execute("INSERT INTO name SELECT * FROM fresh ORDER BY rank")
    connection.execute("INSERT INTO words (rowid, folded) SELECT rank, folded FROM fresh ORDER BY rank")


def _write_hierarchy(connection: sqlite3.Connection, vocabulary: str) -> None:
    """Make the edges of a vocabulary and their reflexive, transitive closure anew; a cycle does no harm.

    A parent that the vocabulary does not hold gives no edge: the concept is then a root.
    """
    ours = "SELECT id FROM concept WHERE vocabulary = ?"
    connection.execute(f"DELETE FROM edge WHERE child IN ({ours})", (vocabulary,))
    connection.execute(f"DELETE FROM closure WHERE descendant IN ({ours})", (vocabulary,))
    connection.execute(
        "INSERT OR IGNORE INTO edge SELECT c.id, p.id FROM concept c CROSS JOIN json_each(c.parents) j"
        " CROSS JOIN concept p ON p.vocabulary = c.vocabulary AND p.curie = j.value WHERE c.vocabulary = ?",
        (vocabulary,),
    )
    connection.execute(
        "INSERT INTO closure WITH RECURSIVE up (ancestor, descendant) AS ("
        " SELECT id, id FROM concept WHERE vocabulary = ?"
        " UNION SELECT edge.parent, up.descendant FROM up CROSS JOIN edge ON edge.child = up.ancestor"
        ") SELECT ancestor, descendant FROM up ORDER BY ancestor, descendant",
        (vocabulary,),
    )


def _describe(connection: sqlite3.Connection, header: Header, release: Release, update: Update) -> None:
    """Write down which release the vocabulary is now in; a refresh of bundled terms leaves an import's own words."""
    found = connection.execute(
        "SELECT format, release, title, licence FROM vocabulary WHERE name = ?", (header.vocabulary,)
    ).fetchone()
    known, version, title, licence = found or (None, None, None, None)
    update.release = release.version
    if header.bundled and known not in (None, header.format):
        update.release = version
        return
    connection.execute(
        "INSERT OR REPLACE INTO vocabulary VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            header.vocabulary,
            release.title or title or header.vocabulary,
            release.version,
            release.date,
            release.licence or licence,
            header.format,
            header.source,
            header.digest,
            update.imported,
        ),
    )


def element_text(item: Element) -> str:
    """An element as the index keeps it, in JSON."""
    return json.dumps(
        {
            "long_name": item.long_name,
            "datatype": item.datatype,
            "unit": item.unit,
            "definition": item.definition,
            "question": item.question,
            "status": item.status,
            "values": [(value.value, value.meaning, value.concepts) for value in item.values],
            "concepts": item.concepts,
            "decided": item.decided,
            "variable": item.variable,
        },
        ensure_ascii=False,
    )


def element_from(public_id: str, version: str, text: str) -> Element:
    """The element that the index keeps."""
    body = json.loads(text)
    values = tuple(PermissibleValue(value, meaning, tuple(concepts)) for value, meaning, concepts in body["values"])
    return Element(
        public_id=public_id,
        version=version,
        long_name=body["long_name"],
        datatype=body["datatype"],
        unit=body["unit"],
        definition=body["definition"],
        question=tuple(body["question"]),
        status=body["status"],
        values=values,
        concepts=tuple(body["concepts"]),
    )


def _store_element(connection: sqlite3.Connection, item: Element, *, bundled: bool) -> None:
    """Keep one version of an element; a bundled one never takes the place of an imported one."""
    rule = "DO UPDATE SET bundled = excluded.bundled, body = excluded.body" + (" WHERE bundled = 1" if bundled else "")
    connection.execute(
        f"INSERT INTO element VALUES (?, ?, ?, ?) ON CONFLICT (public_id, version) {rule}",
        (item.public_id, normal_version(item.version), int(bundled), element_text(item)),
    )
