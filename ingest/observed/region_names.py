"""What the name of a region says: segments, ROIs and structures are named by the words of a planning room.

``mappings/region_names.tsv`` lists the words that count: *structures* with their term, *kinds* of region (targets, the
body's outline), and *plain* words that say nothing more. A name that is made of them alone, with sides and numbers,
can name nobody: it is kept, and says what the region is of where no code does.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

from ingest.observed.sites import SIDES, Site, parts_of
from ontology.prefixes import Curie

__all__ = ["RegionName", "region_name"]

WORDS = re.compile(r"[A-Z]*\d+(?![a-z])|[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+", re.ASCII)
NUMBER = re.compile(r"[A-Za-z]?\d{1,3}", re.ASCII)

LONGEST: Final = 64
"""The characters of the longest name that is looked at (LO)."""

MOST_NUMBERS: Final = 2
"""More could be an identifier written in groups."""


@dataclass(frozen=True, slots=True)
class RegionName:
    """What a name says of its region."""

    kind: Curie | None = None
    site: Site | None = None


@cache
def _names() -> dict[str, dict[str, Curie | None]]:
    """What names by lower-case words, by what they name; words of several words are joined."""
    found: dict[str, dict[str, Curie | None]] = {"structure": {}, "kind": {}, "plain": {}}
    with files("mappings").joinpath("region_names.tsv").open(encoding="utf-8") as table:
        for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE):
            found[row["names"]][row["name"].replace(" ", "")] = Curie(row["term"]) if row["term"] else None
    return found


def region_name(text: str) -> RegionName | None:
    """What a name says, where it is made of known words alone; None else, since it could name anyone.

    >>> region_name("Lung_L").site, region_name("GTV-1").kind
    (Site(structure='ncit:C12468', laterality='ncit:C25229', modifier=None), 'sct:228791009')
    >>> region_name("Jane's lung")
    """
    if not text.strip() or len(text) > LONGEST or re.sub(r"[\w ,/+-]", "", text, flags=re.ASCII):
        return None
    words = [word.casefold() for word in WORDS.findall(text)]
    numbers = sum(NUMBER.fullmatch(word) is not None for word in words)
    if sum(map(len, words)) != len(re.sub(r"[\W_]", "", text)) or numbers > MOST_NUMBERS:
        return None
    structures, kinds, plain = (_names()[name] for name in ("structure", "kind", "plain"))
    kind = next((kinds[word] for word in words if word in kinds), None)
    sides = {SIDES[word] for word in words if word in SIDES}
    # as a whole first: the side of "L" stands apart from the words of the structure, which stand together
    rest = [word for word in words if word not in kinds and word not in SIDES and not _passes(word, plain)]
    name = "".join(rest)
    if rest and name not in structures:
        return None
    term = structures.get(name)
    if term is None:
        return RegionName(kind)
    site = parts_of(term)
    return RegionName(kind, Site(site.structure, site.laterality or (sides.pop() if len(sides) == 1 else None)))


def _passes(word: str, plain: dict[str, Curie | None]) -> bool:
    return word in plain or bool(NUMBER.fullmatch(word))
