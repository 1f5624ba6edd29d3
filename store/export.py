"""Export: what a caller may read, as RDF to keep or to hand on, whole or of one collection or subject.

It reads the quads of the caller's graphs and of no others, as they stand in the store, and holds none of them: memory
does not grow with what is exported. As N-Quads and N-Triples, the same state gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, cast
from urllib.parse import quote

import pyoxigraph as ox

from ontology.prefixes import expand, prefixes
from ontology.terms import q

__all__ = ["NothingToExportError", "RdfForm", "Readable", "form_of", "write_rdf"]

TYPE = ox.NamedNode(prefixes()["rdf"] + "type")
IDENTIFIER, COLLECTION, SUBJECT = (ox.NamedNode(expand(name)) for name in (q.IDENTIFIER, q.COLLECTION, q.SUBJECT))
SHARED = {"reader": ox.NamedNode(expand(q.READER_CLASS)), "procedure": ox.NamedNode(expand(q.PROCEDURE_CLASS))}
"""The nodes of a collection that name no collection themselves: the part of their IRI that says so, and their class."""

Node = ox.NamedNode | ox.BlankNode | ox.Triple
Term = Node | ox.Literal


class NothingToExportError(LookupError):
    """A collection or subject that there is none of among what the caller may read."""


class RdfForm(StrEnum):
    """A form of RDF; those of `DATASETS` say which graph, and so which audience, each triple is of."""

    NQUADS = "nquads"
    TRIG = "trig"
    TURTLE = "turtle"
    NTRIPLES = "ntriples"
    JSONLD = "jsonld"


FORMATS = {
    RdfForm.NQUADS: ox.RdfFormat.N_QUADS,
    RdfForm.TRIG: ox.RdfFormat.TRIG,
    RdfForm.TURTLE: ox.RdfFormat.TURTLE,
    RdfForm.NTRIPLES: ox.RdfFormat.N_TRIPLES,
    RdfForm.JSONLD: ox.RdfFormat.JSON_LD,
}
DATASETS = {RdfForm.NQUADS, RdfForm.TRIG, RdfForm.JSONLD}
SUFFIXES = {
    ".nq": RdfForm.NQUADS,
    ".trig": RdfForm.TRIG,
    ".ttl": RdfForm.TURTLE,
    ".nt": RdfForm.NTRIPLES,
    ".jsonld": RdfForm.JSONLD,
}


def form_of(path: Path) -> RdfForm | None:
    """The form that a file's name says, with or without ``.gz`` after it.

    >>> form_of(Path("lung.ttl.gz")), form_of(Path("lung.zip"))
    (<RdfForm.TURTLE: 'turtle'>, None)
    """
    return SUFFIXES.get((path.with_suffix("") if path.suffix == ".gz" else path).suffix)


@dataclass(frozen=True, slots=True)
class Readable:
    """The graphs of one state that one caller may read: no quad of another graph is reached through it."""

    store: ox.Store
    base: str
    graphs: tuple[str, ...]
    vocabulary: str
    """The IRI of the graph of the vocabulary."""

    def whole(self) -> Iterator[ox.Quad]:
        """Every quad but those of the vocabulary, graph by graph."""
        return self._quads()

    def words(self) -> Iterator[ox.Quad]:
        """The quads of the vocabulary: classes, properties, variables, and terms with their labels."""
        return self.store.quads_for_pattern(None, None, None, ox.NamedNode(self.vocabulary))

    def of_collection(self, name: str) -> Iterator[ox.Quad]:
        """What is said of a collection, its subjects and everything about them, its sources, clocks and readers.

        Raises `NothingToExportError` where the caller may read nothing of that name.
        """
        node = ox.NamedNode(f"{self.base}collection/{quote(name, safe='')}")
        if next(self._quads(node), None) is None:
            raise NothingToExportError(f"no collection {name!r} among what may be read")
        return self._collection(node, name)

    def of_subject(self, identifier: str, collection: str | None = None) -> Iterator[ox.Quad]:
        """What is said of a subject, everything about it, and the sources, clocks and readers that this names.

        Raises `NothingToExportError` where there is none, or several and no collection is named.
        """
        named = (quad.subject for quad in self._quads(None, IDENTIFIER, ox.Literal(identifier)))
        of = {
            subject: quad.object
            for subject in named
            if next(self._quads(subject, TYPE, ox.NamedNode(expand(q.SUBJECT_CLASS))), None)
            for quad in self._quads(subject, COLLECTION)
        }
        if collection is not None:
            node = ox.NamedNode(f"{self.base}collection/{quote(collection, safe='')}")
            of = {subject: within for subject, within in of.items() if within == node}
        if len(of) != 1:
            known = "; name its collection: there are several" if of else " among what may be read"
            raise NothingToExportError(f"no one subject {identifier!r}{known}")
        return self._subject(*of.popitem())

    def _quads(
        self, subject: Node | None = None, predicate: ox.NamedNode | None = None, value: Term | None = None
    ) -> Iterator[ox.Quad]:
        for graph in self.graphs:
            yield from self.store.quads_for_pattern(subject, predicate, value, ox.NamedNode(graph))

    def _collection(self, node: ox.NamedNode, name: str) -> Iterator[ox.Quad]:
        yield from self._quads(node)
        for kind, type_ in SHARED.items():
            within = f"{self.base}{kind}/{quote(name, safe='')}/"
            for quad in self._quads(None, TYPE, type_):
                if isinstance(quad.subject, ox.NamedNode) and quad.subject.value.startswith(within):
                    yield from self._quads(quad.subject)
        for quad in self._quads(None, COLLECTION, node):
            yield from self._about(quad.subject)

    def _about(self, subject: Node) -> Iterator[ox.Quad]:
        """A node, and every node that has it as its subject; a node has one at most, so none comes twice."""
        yield from self._quads(subject)
        for quad in self._quads(None, SUBJECT, subject):
            yield from self._quads(quad.subject)

    def _subject(self, subject: Node, collection: Term) -> Iterator[ox.Quad]:
        """The subject's own quads, then the shared nodes that they name: few, and each once."""
        shared = {collection: None}
        kinds = tuple(f"{self.base}{kind}/" for kind in ("source", "clock", *SHARED))
        for quad in self._about(subject):
            if isinstance(quad.object, ox.NamedNode) and quad.object.value.startswith(kinds):
                shared[quad.object] = None
            yield quad
        for node in shared:
            yield from self._quads(cast("ox.NamedNode", node))


def write_rdf(quads: Iterator[ox.Quad], out: IO[bytes], form: RdfForm) -> int:
    """Write quads as they come; how many they were. Forms without graphs leave out which graph each was in."""
    count = 0

    def counted() -> Iterator[ox.Quad | ox.Triple]:
        nonlocal count
        for count, quad in enumerate(quads, 1):  # noqa: B007 - how far it came is the result
            yield quad if form in DATASETS else quad.triple

    names = prefixes() if form not in {RdfForm.NQUADS, RdfForm.NTRIPLES} else None
    ox.serialize(cast("Iterator[ox.Quad]", counted()), out, format=FORMATS[form], prefixes=names)
    return count
