"""Code triplets as sources write them (DICOM PS3.3 section 8.8), and the terms that they mean."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from mappings.codes import Codes
from ontology.prefixes import Curie

__all__ = ["Code", "meaning", "meanings", "raw_code"]


@dataclass(frozen=True, slots=True)
class Code:
    """A code triplet as found.

    >>> str(Code("G-A185", "SRT", "Long Axis"))
    'G-A185|SRT|Long Axis'
    """

    value: str
    scheme: str
    meaning: str

    def __str__(self) -> str:
        return f"{self.value}|{self.scheme}|{self.meaning}"


def meanings(found: Iterable[Code], codes: Codes) -> list[Curie]:
    """The terms of code triplets, those that are known, in their order."""
    terms = (codes.canonical(code.value, code.scheme, code.meaning) for code in found)
    return [term for term in terms if term is not None]


def meaning(found: Iterable[Code], codes: Codes) -> Curie | None:
    """The term of the first code triplet that is known."""
    return next(iter(meanings(found, codes)), None)


def raw_code(found: Iterable[Code]) -> str | None:
    """The triplets as found, in one text; None where there are none."""
    return " + ".join(map(str, found)) or None
