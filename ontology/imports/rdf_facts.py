"""What an RDF document says of its concepts, gathered subject by subject in a file of its own.

In RDF the statements on one concept may stand anywhere, so they wait in a scratch database, and memory stays small
however large the release is.
"""

from __future__ import annotations

import re
import sqlite3
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from ontology.imports.base import Concept, Item, Release, curie_of
from ontology.records import Reject

__all__ = ["KINDS", "Facts", "Part", "facts"]


class Part(NamedTuple):
    """Which part of a concept a predicate states; a lower ``order`` counts before a higher."""

    name: str
    order: int = 0


OWL = "http://www.w3.org/2002/07/owl#"
RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
RDFS = "http://www.w3.org/2000/01/rdf-schema#"
SKOS = "http://www.w3.org/2004/02/skos/core#"
OBOINOWL = "http://www.geneontology.org/formats/oboInOwl#"
OBO = "http://purl.obolibrary.org/obo/"
NCIT = ("http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl#", OBO + "NCIT_")
RADLEX = (
    "http://radlex.org/RID/",
    "http://www.radlex.org/RID/#",
    "http://www.radlex.org/RID/",
    "http://www.owl-ontologies.com/RADLEX.owl#",
)


def _in(namespaces: tuple[str, ...], names: Mapping[str, Part]) -> dict[str, Part]:
    return {namespace + name: part for namespace in namespaces for name, part in names.items()}


PARTS: Mapping[str, Part] = {
    SKOS + "prefLabel": Part("label", 0),
    RDFS + "label": Part("label", 2),
    SKOS + "altLabel": Part("synonym"),
    SKOS + "hiddenLabel": Part("synonym"),
    **{OBOINOWL + f"has{kind}Synonym": Part("synonym") for kind in ("Exact", "Related", "Narrow", "Broad")},
    SKOS + "definition": Part("definition"),
    OBO + "IAO_0000115": Part("definition"),
    SKOS + "notation": Part("code"),
    OWL + "deprecated": Part("retired"),
    OBO + "IAO_0100001": Part("replaced"),
    "http://purl.org/dc/terms/isReplacedBy": Part("replaced"),
    OWL + "versionInfo": Part("version", 0),
    OWL + "versionIRI": Part("version", 1),
    "http://purl.org/dc/terms/title": Part("title", 0),
    "http://purl.org/dc/elements/1.1/title": Part("title", 1),
    "http://purl.org/dc/terms/license": Part("licence", 0),
    "http://purl.org/dc/elements/1.1/rights": Part("licence", 1),
    "http://purl.org/dc/terms/modified": Part("date", 0),
    "http://purl.org/dc/elements/1.1/date": Part("date", 1),
    RDFS + "subClassOf": Part("parent"),
    SKOS + "broader": Part("parent"),
    OWL + "equivalentClass": Part("parent"),
    OWL + "intersectionOf": Part("list"),
    RDF + "first": Part("first"),
    RDF + "rest": Part("rest"),
    **_in(
        NCIT,
        {
            "P108": Part("label", 1),
            "P107": Part("synonym"),
            "P90": Part("synonym"),
            "P97": Part("definition"),
            "P310": Part("status"),
        },
    ),
    **_in(
        RADLEX,
        {
            "Preferred_name": Part("label", 1),
            "Preferred_Name_for_Obsolete": Part("obsolete"),
            "Synonym": Part("synonym"),
            "Definition": Part("definition"),
            "Is_A": Part("parent"),
        },
    ),
}
"""What is taken from a document, by predicate. NCI Thesaurus: P90 FULL_SYN, P97 DEFINITION, P107 Display_Name,
P108 Preferred_Name, P310 Concept_Status."""

KINDS: Mapping[str, str] = {
    OWL + "Class": "concept",
    RDFS + "Class": "concept",
    SKOS + "Concept": "concept",
    OWL + "Ontology": "ontology",
    SKOS + "ConceptScheme": "ontology",
}

RETIRED = frozenset({"Retired_Concept", "Obsolete_Concept"})
SCRATCH = """
CREATE TABLE kind (subject TEXT PRIMARY KEY, kind TEXT) WITHOUT ROWID;
CREATE TABLE said (subject TEXT, part TEXT, ord INTEGER, value TEXT);
CREATE TABLE up (subject TEXT, object TEXT);
CREATE TABLE list (subject TEXT, part TEXT, object TEXT)
"""
LISTED = """
CREATE INDEX said_subject ON said (subject);
CREATE INDEX up_subject ON up (subject);
CREATE INDEX list_subject ON list (subject, part)
"""
BATCH = 20_000


class Facts:
    """A scratch database of statements; give it every statement, then ask it for the items."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("PRAGMA synchronous = OFF")
        for statement in SCRATCH.split(";"):
            self._db.execute(statement)
        self._waiting: dict[str, list[tuple[object, ...]]] = {"kind": [], "said": [], "up": [], "list": []}
        self._db.execute("BEGIN")

    def close(self) -> None:
        """Close the database; its file may then go."""
        self._db.close()

    def kind(self, subject: str, iri: str) -> None:
        """State the class of a subject."""
        if iri in KINDS:
            self._put("kind", (subject, KINDS[iri]))

    def text(self, subject: str, predicate: str, value: str, language: str = "") -> None:
        """State a literal; one in another language than English counts as a synonym where it is a name."""
        part = PARTS.get(predicate)
        if part is None or value.startswith("<ncicb:"):
            return
        english = not language or language.casefold().startswith("en")
        name, order = part
        if not english:
            if name not in {"label", "synonym"}:
                return
            name = "foreign"
        self._put("said", (subject, name, order, " ".join(value.split())))

    def link(self, subject: str, predicate: str, value: str) -> None:
        """State a link to another node; blank nodes are written ``_:name``."""
        part = PARTS.get(predicate)
        if part is None:
            return
        if part.name == "parent":
            self._put("up", (subject, value))
        elif part.name in {"list", "first", "rest"}:
            self._put("list", (subject, part.name, value))
        elif part.name in {"replaced", "version", "licence"}:
            self._put("said", (subject, part.name, part.order, value))

    def _put(self, table: str, row: tuple[object, ...]) -> None:
        waiting = self._waiting[table]
        waiting.append(row)
        if len(waiting) >= BATCH:
            self._flush(table)

    def _flush(self, table: str) -> None:
        rows = self._waiting[table]
        if rows:
            marks = ", ".join("?" * len(rows[0]))
            self._db.executemany(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", rows)
            rows.clear()

    def items(self, name: str) -> Iterator[Item]:
        """The release and the concepts, in the order of their IRIs; a concept without any name is rejected."""
        for table in self._waiting:
            self._flush(table)
        for statement in LISTED.split(";"):
            self._db.execute(statement)
        yield self._release()
        subjects = self._db.cursor().execute(
            "SELECT subject FROM kind WHERE kind = 'concept' UNION SELECT subject FROM said WHERE part = 'obsolete'"
            " ORDER BY subject"
        )
        for (subject,) in subjects:
            if not subject.startswith("_:"):
                yield self._concept(subject, name)

    def _said(self, subject: str) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        rows = self._db.execute("SELECT part, value FROM said WHERE subject = ? ORDER BY ord, rowid", (subject,))
        for part, value in rows:
            if value:
                found.setdefault(part, []).append(value)
        return found

    def _release(self) -> Release:
        row = self._db.execute("SELECT subject FROM kind WHERE kind = 'ontology' ORDER BY subject LIMIT 1").fetchone()
        said = self._said(row[0]) if row else {}
        first = {part: values[0] for part, values in said.items()}
        title = first.get("title") or first.get("label")
        return Release(title, first.get("version"), first.get("date"), first.get("licence"))

    def _concept(self, subject: str, name: str) -> Concept | Reject:
        said = self._said(subject)
        names = said.get("label") or said.get("obsolete") or said.get("foreign") or []
        if not names:
            curie = curie_of(subject)
            return Reject(name=name, place=curie, problem="no name", wanted="rdfs:label or skos:prefLabel")
        retired = (
            "true" in said.get("retired", ())
            or "1" in said.get("retired", ())
            or not RETIRED.isdisjoint(said.get("status", ()))
            or ("obsolete" in said and "label" not in said)
        )
        replaced = said.get("replaced")
        return Concept(
            curie=curie_of(subject),
            label=names[0],
            parents=tuple(dict.fromkeys(map(curie_of, self._parents(subject)))),
            synonyms=tuple(dict.fromkeys([*names[1:], *said.get("synonym", ()), *said.get("foreign", ())])),
            definition=next(iter(said.get("definition", ())), None),
            retired=retired,
            replaced_by=curie_of(replaced[0]) if replaced and "://" in replaced[0] else None,
            code=next(iter(said.get("code", ())), None),
        )

    def _parents(self, subject: str) -> Iterator[str]:
        """The named classes above: stated, and the named parts of what defines the class (its intersections)."""
        for (above,) in self._db.execute("SELECT object FROM up WHERE subject = ?", (subject,)).fetchall():
            if not above.startswith("_:"):
                if above != OWL + "Thing":
                    yield above
                continue
            yield from self._members(above)

    def _members(self, node: str) -> Iterator[str]:
        """The named members of the intersection that a blank node is."""
        rows = self._db.execute(
            "WITH RECURSIVE cell (node) AS ("
            " SELECT object FROM list WHERE subject = ? AND part = 'list'"
            " UNION SELECT object FROM list JOIN cell ON list.subject = cell.node AND list.part = 'rest'"
            ") SELECT object FROM cell JOIN list ON list.subject = cell.node AND list.part = 'first'",
            (node,),
        )
        for (member,) in rows.fetchall():
            if not re.match(r"_:", member):
                yield member


@contextmanager
def facts() -> Iterator[Facts]:
    """A scratch database that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="qilin-terms-") as folder:
        gathered = Facts(Path(folder, "facts.db"))
        try:
            yield gathered
        finally:
            gathered.close()
