"""The whole vocabulary as triples: what the store loads into the vocabulary graph.

Ontology, DICOM attributes, bundled terms with their hierarchy, data elements and the registry of variables. It holds
whole releases, never only what some data use, so that it betrays nothing of the data.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import cache
from importlib.resources import files

import pyoxigraph as ox

from ontology.prefixes import Curie, compact, expand
from ontology.terminology import SCHEMES, Term, broader_or_same, terms
from ontology.variables import Variable, variables

__all__ = ["broader_concepts", "concept_labels", "vocabulary_digest", "vocabulary_lines", "vocabulary_triples"]


@cache
def _node(curie: str) -> ox.NamedNode:
    """The node of a CURIE."""
    return ox.NamedNode(expand(curie))


def _text(text: str) -> ox.Literal:
    """An English text."""
    return ox.Literal(text, language="en")


def _triple(subject: str, predicate: str, value: str | ox.Literal) -> ox.Triple:
    """A triple from CURIEs; the object may be a literal."""
    return ox.Triple(_node(subject), _node(predicate), _node(value) if isinstance(value, str) else value)


def _ontology() -> Iterator[ox.Triple]:
    """The triples of ``qilin.ttl``; blank nodes are numbered in the order of the file, so that every load agrees."""
    turtle = files("ontology").joinpath("qilin.ttl").read_bytes()
    numbered: dict[str, ox.BlankNode] = {}

    def stable(node: ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple) -> ox.NamedNode | ox.BlankNode | ox.Literal:
        if isinstance(node, ox.BlankNode):
            return numbered.setdefault(node.value, ox.BlankNode(f"vocabulary{len(numbered)}"))
        assert not isinstance(node, ox.Triple), "the ontology quotes no triples"
        return node

    for quad in ox.parse(turtle, format=ox.RdfFormat.TURTLE):
        subject = stable(quad.subject)
        assert not isinstance(subject, ox.Literal)
        yield ox.Triple(subject, quad.predicate, stable(quad.object))


def _individuals(ontology: list[ox.Triple]) -> Iterator[ox.Triple]:
    """What makes our own individuals findable like any other concept: a preferred label, and themselves as broader."""
    individual, kind, name = _node("owl:NamedIndividual"), _node("rdf:type"), _node("rdfs:label")
    ours = {triple.subject for triple in ontology if triple.predicate == kind and triple.object == individual}
    for triple in ontology:
        if triple.predicate == name and triple.subject in ours:
            yield ox.Triple(triple.subject, _node("skos:prefLabel"), triple.object)
            yield ox.Triple(triple.subject, _node("q:broaderTransitive"), triple.subject)


def _dicom() -> Iterator[ox.Triple]:
    """The declarations of DICOM attributes."""
    from ontology.dicom_terms import dicom_terms  # noqa: PLC0415 - pydicom's import takes a moment, and only here

    for attribute in dicom_terms():
        yield _triple(attribute.curie, "rdf:type", "owl:DatatypeProperty")
        yield _triple(attribute.curie, "rdfs:label", _text(attribute.label))
        yield _triple(attribute.curie, "rdfs:range", attribute.range)
        yield _triple(attribute.curie, "skos:notation", ox.Literal(attribute.tag))
        yield _triple(attribute.curie, "q:vr", ox.Literal(attribute.vr))


def _concept(item: Term) -> Iterator[ox.Triple]:
    """One bundled term: labels, code, scheme, broader terms and their closure."""
    prefix, _, code = item.curie.partition(":")
    yield _triple(item.curie, "rdf:type", "skos:Concept")
    if prefix == "cadsr":
        yield _triple(item.curie, "rdf:type", "q:DataElement")
    yield _triple(item.curie, "skos:prefLabel", _text(item.label))
    yield _triple(item.curie, "skos:notation", ox.Literal(code))
    yield _triple(item.curie, "skos:inScheme", SCHEMES[prefix])
    for synonym in item.synonyms:
        yield _triple(item.curie, "skos:altLabel", _text(synonym))
    for parent in item.parents:
        yield _triple(item.curie, "skos:broader", parent)
    for broader in sorted(broader_or_same(item.curie)):
        yield _triple(item.curie, "q:broaderTransitive", broader)


def _registered(item: Variable) -> Iterator[ox.Triple]:
    """One variable of the registry."""
    yield _triple(item.curie, "rdf:type", "q:Variable")
    yield _triple(item.curie, "rdf:type", "skos:Concept")
    yield _triple(item.curie, "skos:prefLabel", _text(item.label))
    yield _triple(item.curie, "skos:definition", _text(item.definition))
    yield _triple(item.curie, "q:variableKind", Curie(f"q:{item.kind.capitalize()}"))
    if item.unit:
        yield _triple(item.curie, "q:canonicalUnit", ox.Literal(item.unit))
    for code in item.codes:
        yield _triple(item.curie, "q:code", code)


def _all() -> Iterator[ox.Triple]:
    """Every triple; some come from more than one table."""
    ontology = list(_ontology())
    yield from ontology
    yield from _individuals(ontology)
    yield from _dicom()
    for item in terms().values():
        yield from _concept(item)
    for variable in variables().values():
        yield from _registered(variable)


def vocabulary_triples() -> Iterator[ox.Triple]:
    """The whole vocabulary, each triple once."""
    yield from dict.fromkeys(_all())


def concept_labels() -> Iterator[tuple[Curie, str]]:
    """The preferred labels of concepts, as `vocabulary_triples` has them."""
    bundled = {(item.curie, item.label) for item in terms().values()}
    registered = {(item.curie, item.label) for item in variables().values()}
    yield from sorted(bundled | registered | set(_ours()))


def broader_concepts() -> Iterator[tuple[Curie, Curie]]:
    """Concepts with each of their broader ones and themselves, as `vocabulary_triples` has them."""
    own = {(curie, curie) for curie, _ in _ours()}
    yield from sorted(own | {(curie, broader) for curie in terms() for broader in broader_or_same(curie)})


def _ours() -> Iterator[tuple[Curie, str]]:
    """Our own individuals with their labels."""
    label = _node("skos:prefLabel")
    for triple in _individuals(list(_ontology())):
        if triple.predicate == label and isinstance(triple.subject, ox.NamedNode):
            assert isinstance(triple.object, ox.Literal)
            yield Curie(compact(triple.subject.value)), triple.object.value


@cache
def vocabulary_lines() -> tuple[str, ...]:
    """The triples of the vocabulary as N-Triples has them, without the dots, sorted."""
    return tuple(sorted(str(triple) for triple in vocabulary_triples()))


@cache
def vocabulary_digest() -> str:
    """The SHA-256 (hex) of the vocabulary's triples; it changes exactly when one of them does."""
    return hashlib.sha256("\n".join(vocabulary_lines()).encode()).hexdigest()
