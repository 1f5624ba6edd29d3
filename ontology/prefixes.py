"""The one table of prefixes, and the two ways across it: CURIE to IRI and back."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, NewType

if TYPE_CHECKING:
    from curies import Converter

Curie = NewType("Curie", str)
"""A compact identifier whose prefix stands in ``ontology/prefixes.tsv``, such as ``ncit:C96684``."""

__all__ = ["Curie", "UnknownPrefixError", "compact", "converter", "expand", "prefixes"]


class UnknownPrefixError(ValueError):
    """A CURIE whose prefix is not in the table; the message names those that are."""

    def __init__(self, curie: str) -> None:
        self.curie = curie
        super().__init__(f"{curie!r} has no known prefix; known: {', '.join(sorted(prefixes()))}")


@cache
def prefixes() -> dict[str, str]:
    """Prefix to namespace, in the order of the table.

    >>> prefixes()["ncit"]
    'http://purl.obolibrary.org/obo/NCIT_'
    """
    with files("ontology").joinpath("prefixes.tsv").open(encoding="utf-8") as table:
        return {row["prefix"]: row["namespace"] for row in csv.DictReader(table, delimiter="\t")}


@cache
def converter() -> Converter:
    """The same table as a ``curies`` converter."""
    from curies import Converter  # noqa: PLC0415 - slow to import, and most commands never compact an IRI

    return Converter.from_prefix_map(prefixes())


def expand(curie: str) -> str:
    """The IRI of a CURIE; `UnknownPrefixError` where its prefix is not ours.

    >>> expand("ncit:C96684")
    'http://purl.obolibrary.org/obo/NCIT_C96684'
    """
    prefix, colon, local = curie.partition(":")
    namespace = prefixes().get(prefix)
    if not colon or namespace is None:
        raise UnknownPrefixError(curie)
    return namespace + local


def compact(iri: str) -> str:
    """The CURIE of an IRI, or the IRI itself where no prefix fits.

    >>> compact("http://purl.obolibrary.org/obo/NCIT_C96684")
    'ncit:C96684'
    >>> compact("urn:oid:1.2.3")
    'urn:oid:1.2.3'
    """
    return converter().compress(iri, passthrough=True) or iri
