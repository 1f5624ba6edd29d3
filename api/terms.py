"""RDF terms as Python values and as cells of a table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

import pyoxigraph as ox

from ontology.prefixes import compact, prefixes
from ontology.terminology import label
from store.warehouse import Term

__all__ = ["Cell", "cell", "day_of", "float_of", "label_of", "natural", "plain", "text_of"]

NUMERIC = frozenset(prefixes()["xsd"] + name for name in ("integer", "decimal", "double", "float"))


STANDARDS = ("dcat", "dcterms", "odrl", "owl", "prov", "qudt", "rdf", "rdfs", "sh", "skos", "sosa", "xsd")
STANDARD = tuple(prefixes()[name] for name in STANDARDS)
"""Namespaces of the standards that we use: their terms are not described here, so nothing links to them."""


@dataclass(frozen=True, slots=True)
class Cell:
    """What a cell of a table shows: its text, the IRI that it links to, and whether it is a number."""

    text: str
    iri: str | None = None
    number: bool = False
    title: str | None = None


def cell(term: Term | None) -> Cell:
    """The cell of a term: an IRI is shown as the label of its concept, or as CURIE, or by its end."""
    match term:
        case None:
            return Cell("")
        case ox.NamedNode():
            ours = not term.value.startswith(STANDARD)
            return Cell(label_of(term.value), term.value if ours else None, title=term.value)
        case ox.Literal():
            numeric = term.datatype.value in NUMERIC
            return Cell(term.value, number=numeric)
        case _:
            return Cell(str(term))


def label_of(iri: str) -> str:
    """A short name for an IRI: a bundled label, a CURIE, or its last parts.

    >>> label_of("http://purl.obolibrary.org/obo/NCIT_C96684")
    'Longest Diameter'
    """
    short = compact(iri)
    known = label(short) if short != iri else None
    if known:
        return known
    if short != iri:
        return short
    if iri.startswith("urn:") or iri.count("/") < 5:
        return iri
    parts = [unquote(part) for part in iri.split("/")[-2:]]
    return "…/" + "/".join(part if len(part) <= 28 else f"{part[:14]}…{part[-8:]}" for part in parts)


def text_of(term: Term | None) -> str:
    """The text of a literal or IRI, empty for None."""
    return term.value if isinstance(term, ox.Literal | ox.NamedNode) else ""


def float_of(term: Term | None) -> float | None:
    """The value of a number, None for anything else."""
    if isinstance(term, ox.Literal) and term.datatype.value in NUMERIC:
        return float(term.value)
    return None


def day_of(term: Term | None) -> int | None:
    """The value of a whole number, None for anything else."""
    value = float_of(term)
    return None if value is None else int(value)


def natural(text: str) -> list[tuple[int, str]]:
    """Order by numbers where there are numbers: ``P-2`` before ``P-10``."""
    return [(int(part), "") if part.isdecimal() else (0, part.casefold()) for part in re.split(r"(\d+)", text)]


def plain(term: Term | None) -> str | float | int | bool | None:
    """A term as a JSON value."""
    if isinstance(term, ox.Literal):
        if term.datatype.value == prefixes()["xsd"] + "boolean":
            return term.value in ("true", "1")
        if term.datatype.value == prefixes()["xsd"] + "integer":
            return int(term.value)
        if term.datatype.value in NUMERIC:
            return float(term.value)
    return text_of(term) or None
