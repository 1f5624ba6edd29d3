"""Places in the body as structure, side and modifier, whatever way a source names them.

A term may name all three at once (*upper lobe of left lung*): ``mappings/sites.tsv`` says, row by row, what it is made
of. Else a source states them apart: as an AIM characteristic, an SR modifier, TULAT and TUDIR, or as a text.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Final

from ingest.observed.coded import Code
from mappings.codes import Codes, scheme_of
from ontology.prefixes import Curie
from ontology.terms import ncit

__all__ = ["LATERALITIES", "MODIFIERS", "NO_SITE", "Site", "parts_of", "site_of", "text_site"]

LATERALITIES: Final = frozenset((ncit.BILATERAL, ncit.LEFT, ncit.RIGHT, ncit.UNILATERAL))

MODIFIERS: Final = frozenset(
    (
        ncit.ANTERIOR,
        ncit.APICAL,
        ncit.DISTAL,
        ncit.INFERIOR,
        ncit.LATERAL,
        ncit.LOWER,
        ncit.MEDIAL,
        ncit.MIDDLE,
        ncit.MIDLINE,
        ncit.POSTERIOR,
        ncit.PROXIMAL,
        ncit.SUPERIOR,
        ncit.UPPER,
    )
)

NO_SITE: Final = frozenset((ncit.INDETERMINATE, ncit.NONE, ncit.NOT_APPLICABLE, ncit.UNKNOWN))
"""Terms that say that there is no place to name."""

SIDES: Final[dict[str, Curie]] = {
    "b": ncit.BILATERAL,
    "bil": ncit.BILATERAL,
    "bilat": ncit.BILATERAL,
    "bilateral": ncit.BILATERAL,
    "l": ncit.LEFT,
    "left": ncit.LEFT,
    "lt": ncit.LEFT,
    "r": ncit.RIGHT,
    "right": ncit.RIGHT,
    "rt": ncit.RIGHT,
    "unilateral": ncit.UNILATERAL,
}
"""Sides as they are written beside a structure."""


@dataclass(frozen=True, slots=True)
class Site:
    """A place in the body; what a source does not say of it is None."""

    structure: Curie | None = None
    laterality: Curie | None = None
    modifier: Curie | None = None

    def with_qualifiers(self, terms: Iterable[Curie]) -> Site:
        """The site with the side and modifier that qualifiers state; what the structure's own term says goes first."""
        stated = list(terms)
        side = next((term for term in stated if term in LATERALITIES), None)
        modifier = next((term for term in stated if term in MODIFIERS), None)
        return replace(self, laterality=self.laterality or side, modifier=self.modifier or modifier)


@cache
def _compounds() -> dict[str, Site]:
    """What terms that name several things at once are made of, by CURIE."""
    with files("mappings").joinpath("sites.tsv").open(encoding="utf-8") as table:
        return {
            row["term"]: Site(*(Curie(row[name]) if row[name] else None for name in Site.__slots__))
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        }


def parts_of(term: Curie) -> Site:
    """What a term names: structure, side and modifier where ``mappings/sites.tsv`` has it; else the structure itself.

    >>> parts_of(ncit.LEFT_LUNG)
    Site(structure='ncit:C12468', laterality='ncit:C25229', modifier=None)
    """
    return _compounds().get(term) or Site(term)


def site_of(found: Iterable[Code], codes: Codes, qualifiers: Iterable[Code] = ()) -> Site | None:
    """The place that code triplets name, with qualifiers (side, modifier) that are coded beside it; None if none is.

    A code may say more than the term that it means here (*left breast* is the breast, on the left): then its own row of
    ``mappings/sites.tsv`` is taken.
    """
    below = [term for code in qualifiers if (term := codes.canonical(code.value, code.scheme, code.meaning))]
    whole = [(code, codes.canonical(code.value, code.scheme, code.meaning)) for code in found]
    stated = [*below, *(term for _, term in whole if term)]
    for code, term in whole:
        own = _compounds().get(_curie(code))
        if own is not None:
            return own.with_qualifiers(stated)
        if term is not None and term not in NO_SITE | LATERALITIES | MODIFIERS:
            return parts_of(term).with_qualifiers(stated)
    return None


def _curie(code: Code) -> str:
    scheme = scheme_of(code.scheme, code.value)
    return f"{scheme.name}:{code.value.strip()}" if scheme else ""


def _without_side(text: str) -> Iterator[tuple[str, Curie | None]]:
    """A text as it is, then without the word for a side at either end."""
    yield text, None
    words = re.findall(r"[^\W_]+", text)
    for at, rest in ((0, words[1:]), (-1, words[:-1])):
        if len(words) > 1 and words[at].casefold() in SIDES:
            yield " ".join(rest), SIDES[words[at].casefold()]


def text_site(text: str, known: dict[str, Curie]) -> Site | None:
    """The place that a text names, with the side at its beginning or end; None where the text names no known one.

    ``known`` are the structures by their names, in lower case.

    >>> text_site("L adrenal", {"adrenal": ncit.ADRENAL_GLAND})
    Site(structure='ncit:C12666', laterality='ncit:C25229', modifier=None)
    """
    for name, side in _without_side(text.strip()):
        term = known.get(name.casefold())
        if term is not None:
            found = parts_of(term)
            return replace(found, laterality=found.laterality or side)
    return None
