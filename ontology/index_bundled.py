"""The terms that come with Qilin, as the term index takes them in."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files

import pyoxigraph as ox

from ontology.elements import bundled_elements
from ontology.imports.base import Concept, Item, Release
from ontology.index_schema import SCHEMA
from ontology.prefixes import compact, expand
from ontology.terminology import terms

__all__ = ["bundled_digest", "bundled_items", "bundled_names"]

TITLES: Mapping[str, tuple[str, str]] = {
    "cadsr": ("caDSR common data elements", "content of a United States government registry"),
    "dcm": ("DICOM controlled terminology (PS3.16)", "codes as DICOM publishes them for use"),
    "ibsi": (
        "Image Biomarker Standardisation Initiative (IBSI)",
        "codes as IBSI and DICOM PS3.16 publish them for use",
    ),
    "ncit": ("NCI Thesaurus", "CC BY 4.0"),
    "q": ("Terms of Qilin", "Apache-2.0"),
    "radlex": ("RadLex", "RadLex License 2.0"),
    "sct": ("SNOMED CT as DICOM PS3.16 uses it", "for use in DICOM; any other use needs an affiliate licence"),
}
"""Title and licence of each bundled vocabulary."""


def bundled_names() -> tuple[str, ...]:
    """The prefixes of the bundled vocabularies."""
    return tuple(TITLES)


@cache
def bundled_digest() -> str:
    """The SHA-256 (hex) of everything that is bundled, and of the index's own version."""
    folder = files("ontology")
    tables = [entry for entry in folder.joinpath("bundled").iterdir() if entry.name.endswith(".tsv")]
    tables += [folder.joinpath(name) for name in ("elements.tsv", "element_values.tsv", "qilin.ttl")]
    digest = hashlib.sha256(SCHEMA.encode())
    for table in sorted(tables, key=lambda entry: entry.name):
        digest.update(table.read_bytes())
    return digest.hexdigest()


def bundled_items(vocabulary: str) -> Iterator[Item]:
    """The bundled terms of a vocabulary, its data elements among them; nothing for a vocabulary that is not bundled."""
    if vocabulary not in TITLES:
        return
    title, licence = TITLES[vocabulary]
    yield Release(title, "bundled slice", None, licence)
    if vocabulary == "q":
        yield from _own()
    for item in terms().values():
        if item.curie.startswith(f"{vocabulary}:"):
            yield Concept(item.curie, item.label, item.parents, item.synonyms)
    if vocabulary == "cadsr":
        yield from bundled_elements().values()


def _own() -> Iterator[Concept]:
    """Our own individuals: qualities, endpoints and variables that no vocabulary has a code for."""
    label, definition = (ox.NamedNode(expand(name)) for name in ("rdfs:label", "skos:definition"))
    kind, individual = ox.NamedNode(expand("rdf:type")), ox.NamedNode(expand("owl:NamedIndividual"))
    turtle = files("ontology").joinpath("qilin.ttl").read_bytes()
    said: dict[str, dict[str, str]] = {}
    ours: set[str] = set()
    for quad in ox.parse(turtle, format=ox.RdfFormat.TURTLE):
        if not isinstance(quad.subject, ox.NamedNode):
            continue
        if quad.predicate == kind and quad.object == individual:
            ours.add(quad.subject.value)
        elif quad.predicate in (label, definition) and isinstance(quad.object, ox.Literal):
            said.setdefault(quad.subject.value, {})[quad.predicate.value] = quad.object.value
    for iri in sorted(ours):
        texts = said.get(iri, {})
        if label.value in texts:
            yield Concept(compact(iri), texts[label.value], definition=texts.get(definition.value))
