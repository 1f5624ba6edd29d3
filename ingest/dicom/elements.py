"""The elements of one DICOM data set as plain values, and the error of a file that is none."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from pydicom.datadict import tag_for_keyword

from ontology.records import Scalar

__all__ = ["BrokenDicomError", "Common", "Elements", "Header", "Watched", "place_of"]


class BrokenDicomError(ValueError):
    """A file that is not what it says; ``place`` is where, ``wanted`` what would be right. Never holds a value."""

    def __init__(self, place: str, problem: str, wanted: str) -> None:
        super().__init__(problem)
        self.place, self.problem, self.wanted = place, problem, wanted


@dataclass(frozen=True, slots=True)
class Elements:
    """Decoded elements by keyword: the values of a data set or of one item of a sequence."""

    values: Mapping[str, tuple[Scalar, ...]]
    items: Mapping[str, tuple[Elements, ...]] = field(default_factory=dict)

    def text(self, keyword: str) -> str:
        """The first value as text, or ``""`` where there is none."""
        values = self.values.get(keyword)
        return str(values[0]) if values else ""

    def number(self, keyword: str) -> Decimal | None:
        """The first value as a number, or None where there is none."""
        value = next(iter(self.values.get(keyword, ())), None)
        return Decimal(str(value)) if isinstance(value, Decimal | int | float) else None


class Watched(NamedTuple):
    """What a watched attribute holds: the attributes that lead to it and itself, and its values."""

    path: tuple[str, ...]
    values: tuple[Scalar, ...]

    @property
    def keyword(self) -> str:
        """The attribute itself."""
        return self.path[-1]


@dataclass(frozen=True, slots=True, eq=False)
class Common:
    """What several headers of a series have in common byte for byte: one object, by which it is known again."""

    values: Mapping[str, tuple[Scalar, ...]]
    items: Mapping[str, tuple[Elements, ...]]
    watched: tuple[Watched, ...]
    differing: frozenset[str]
    """What is not in common and more than a value: sequences, and what is watched."""


@dataclass(frozen=True, slots=True)
class Header(Elements):
    """The elements of a file, with the SHA-256 (hex) of its bytes before the pixel data."""

    digest: str = ""
    pixels: int | None = None
    """Where in the file the element of the pixel data begins; None where there is none or the file is deflated."""
    watched: tuple[Watched, ...] = field(kw_only=True)
    """What stands at any depth where a person could be named; the gate judges it, and nothing of it is stored.

    There is no default: a reader that forgot it would let every name pass.
    """
    common: Common | None = field(default=None, compare=False, kw_only=True)
    """What it shares with other headers, where that is known."""
    own: Mapping[str, tuple[Scalar, ...]] = field(default_factory=dict, compare=False, kw_only=True)
    """The values that it does not share."""


def place_of(keyword: str) -> str:
    """How an attribute is named in a reject.

    >>> place_of("PatientID")
    '(0010,0020) PatientID'
    """
    tag = tag_for_keyword(keyword) or 0
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword}"
