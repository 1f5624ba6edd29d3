"""What every importer of a vocabulary yields, and the exception that ends one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple

from ontology.elements import Element
from ontology.prefixes import compact
from ontology.records import Reject

__all__ = ["Concept", "Importer", "Item", "Release", "Status", "UnreadableError", "curie_of", "text_lines"]


class Status(StrEnum):
    """Whether a concept may be used in a new mapping."""

    ACTIVE = "active"
    RETIRED = "retired"
    WITHDRAWN = "withdrawn"
    """It was in an earlier import, and is not in the last."""


@dataclass(frozen=True, slots=True)
class Concept:
    """A concept as a vocabulary file states it; ``curie`` is an IRI where no prefix of ours fits."""

    curie: str
    label: str
    parents: tuple[str, ...] = ()
    synonyms: tuple[str, ...] = ()
    definition: str | None = None
    retired: bool = False
    replaced_by: str | None = None
    code: str | None = None
    """What people type; by default the end of the CURIE."""


@dataclass(frozen=True, slots=True)
class Release:
    """What a file says of itself; a later one of the same import fills in what an earlier one leaves out."""

    title: str | None = None
    version: str | None = None
    date: str | None = None
    licence: str | None = None


Item = Concept | Element | Release | Reject


class Importer(NamedTuple):
    """A vocabulary format.

    ``accepts`` looks at the name and the first bytes; ``read`` streams the items of a file for a vocabulary (its
    prefix). ``vocabulary`` is the one the format always holds, None where the file has to say. ``partial`` formats hold
    a selection, so that an import adds to what is there and takes nothing away.
    """

    name: str
    title: str
    accepts: Callable[[Path, bytes], bool]
    read: Callable[[Path, str], Iterator[Item]]
    vocabulary: str | None = None
    partial: bool = False


class UnreadableError(ValueError):
    """A file that cannot be imported at all; nothing of the index was changed."""


ALIASES = {
    "http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl#": "ncit",
    "http://www.radlex.org/RID/#": "radlex",
    "http://www.radlex.org/RID/": "radlex",
    "http://radlex.org/RID/#": "radlex",
    "http://www.owl-ontologies.com/RADLEX.owl#": "radlex",
}
"""Namespaces that files use for vocabularies of ours, longest first among those that begin alike."""


def curie_of(iri: str) -> str:
    """The CURIE of an IRI in any of its known spellings, or the IRI itself where no prefix of ours fits.

    >>> curie_of("http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl#C3262")
    'ncit:C3262'
    """
    for namespace, prefix in ALIASES.items():
        if iri.startswith(namespace):
            return f"{prefix}:{iri.removeprefix(namespace)}"
    return compact(iri)


def text_lines(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a UTF-8 text with their numbers from 1; `UnreadableError` where it is another encoding."""
    try:
        with path.open(encoding="utf-8-sig") as text:
            for number, line in enumerate(text, 1):
                yield number, line.rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{path.name} is not UTF-8 text; save it as UTF-8") from error
