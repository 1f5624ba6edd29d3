"""Vocabularies in RDF: OWL, RDFS and SKOS as RDF/XML, Turtle, N-Triples, N-Quads, TriG or JSON-LD, and OWL/XML.

The class tree is the one that the file states: subclasses, and the named parts of a class's definition, as NCI
Thesaurus and RadLex have them. `ontology.imports.inferred` gives the tree that a reasoner infers.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import pyoxigraph as ox

from ontology import xml
from ontology.imports.base import Importer, Item, UnreadableError
from ontology.imports.owl_xml import owl_xml
from ontology.imports.rdf_facts import RDF, Facts, facts

__all__ = ["RDF_IMPORTER", "accepts", "read", "triples"]

FORMATS: Mapping[str, ox.RdfFormat] = {
    ".owl": ox.RdfFormat.RDF_XML,
    ".rdf": ox.RdfFormat.RDF_XML,
    ".xml": ox.RdfFormat.RDF_XML,
    ".ttl": ox.RdfFormat.TURTLE,
    ".nt": ox.RdfFormat.N_TRIPLES,
    ".nq": ox.RdfFormat.N_QUADS,
    ".trig": ox.RdfFormat.TRIG,
    ".jsonld": ox.RdfFormat.JSON_LD,
}
TEXT_MARKS = (b"@prefix", b"@base", b"PREFIX ", b"prefix ")
PROLOG = 2**20
LONGEST = 300
ENTITY = re.compile(rb"""<!ENTITY\s+[\w.-]+\s+["']([^"']*)["']\s*>""")
TYPE = RDF + "type"


def _suffix(path: Path) -> str:
    name = path.name.casefold().removesuffix(".gz")
    return Path(name).suffix


def accepts(path: Path, head: bytes) -> bool:
    """Whether the name ends as one of an RDF format."""
    if _suffix(path) != ".xml":
        return _suffix(path) in FORMATS
    return xml.root_name(head) in {"RDF", "Ontology"}


def read(path: Path, vocabulary: str) -> Iterator[Item]:  # noqa: ARG001 - the IRIs say what they are of
    """The classes or concepts of an RDF document; `UnreadableError` where it is none."""
    with facts() as gathered:
        gather(path, gathered)
        yield from gathered.items(path.name)


def gather(path: Path, gathered: Facts) -> None:
    """Give every statement of a document to ``gathered``."""
    head = _head(path)
    if head.lstrip().startswith((b"Prefix(", b"Ontology(")):
        raise UnreadableError(f"{path.name} is in OWL functional syntax; save it as RDF/XML, Turtle or OWL/XML")
    if not path.name.endswith(".gz") and xml.root_name(head) == "Ontology":
        owl_xml(path, gathered)
        return
    for triple in triples(path):
        _state(triple, gathered)


def _head(path: Path) -> bytes:
    with _open(path) as file:
        return file.read(2**16)


def _open(path: Path) -> IO[bytes]:
    return gzip.open(path) if path.name.casefold().endswith(".gz") else path.open("rb")  # type: ignore[return-value]


def triples(path: Path) -> Iterator[ox.Quad]:
    """The statements of an RDF document, by the end of its name unless it plainly is Turtle."""
    form = FORMATS.get(_suffix(path), ox.RdfFormat.TURTLE)
    if form is ox.RdfFormat.RDF_XML and _head(path).lstrip(b"\xef\xbb\xbf \r\n").startswith(TEXT_MARKS):
        form = ox.RdfFormat.TURTLE
    if form is ox.RdfFormat.RDF_XML:
        _refuse_entities(path)
    try:
        with _open(path) as file:
            yield from ox.parse(file, format=form, base_iri="file:///", lenient=True)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        place = f", line {line}" if line else ""
        raise UnreadableError(f"{path.name}{place}: not well-formed {form.name}") from error
    except OSError as error:
        raise UnreadableError(f"{path.name} cannot be read ({type(error).__name__})") from error


def _refuse_entities(path: Path) -> None:
    """`UnreadableError` where a DOCTYPE declares more than short names for namespaces: such can multiply text."""
    with _open(path) as file:
        head = file.read(PROLOG)
    if b"\x00" in head or xml.root_name(head) is None:
        raise UnreadableError(f"{path.name} does not begin as RDF/XML in UTF-8")
    if b"<!DOCTYPE" not in head and b"<!ENTITY" not in head:
        return
    declared = head.count(b"<!ENTITY")
    plain = [value for value in ENTITY.findall(head) if b"&" not in value and b"%" not in value]
    if b"]" not in head or len(plain) != declared or any(len(value) > LONGEST for value in plain):
        raise UnreadableError(
            f"{path.name}: its DOCTYPE declares entities that could multiply text or name files;"
            " only short names for namespaces are taken"
        )


def _node(term: ox.NamedNode | ox.BlankNode) -> str:
    return term.value if isinstance(term, ox.NamedNode) else f"_:{term.value}"


def _state(triple: ox.Quad, gathered: Facts) -> None:
    if not isinstance(triple.subject, ox.NamedNode | ox.BlankNode):
        return
    subject, predicate, value = _node(triple.subject), triple.predicate.value, triple.object
    if isinstance(value, ox.Literal):
        gathered.text(subject, predicate, value.value, value.language or "")
    elif isinstance(value, ox.NamedNode | ox.BlankNode):
        if predicate == TYPE:
            gathered.kind(subject, _node(value))
        else:
            gathered.link(subject, predicate, _node(value))


RDF_IMPORTER = Importer("rdf", "OWL, RDFS or SKOS: RDF/XML, Turtle, N-Triples, JSON-LD, OWL/XML", accepts, read)
