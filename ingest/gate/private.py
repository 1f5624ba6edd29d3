"""Private elements that may be read: those of ``gate/private.tsv``, each with the publication that says what it holds.

Most stand in the list of safe private attributes of PS3.15 (Table E.3.10-1). An element counts as what the table says
where its creator, group, place in the creator's block and VR (PS3.5 section 7.8) are those of the table; a VR that is
not stated, or UN, is the table's. Of the others nothing is read. Numbers, times and defined terms are listed, and the
trial and the number of the site, texts of which a steward approves each value.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from ingest.dicom.values import DECODERS
from ontology.records import Scalar

__all__ = ["PrivateElements", "PrivateRow", "may_be_read", "private_rows"]

UNSTATED: Final = frozenset({b"", b"UN"})

DIRECTIONS: Final = frozenset({"DIRECTIONAL", "BMATRIX", "ISOTROPIC", "NONE"})
"""The defined terms of Diffusion Directionality (PS3.3 section C.8.13.5.9)."""


class PrivateRow(NamedTuple):
    """A row of the table: where an element stands, and the public attribute as which it is read, if it has none."""

    creator: str
    group: int
    offset: int
    vr: str
    name: str
    keyword: str
    use: str
    """``stored`` as the public attribute; ``checked`` where checks and rules look at it and nothing of it is stored."""
    most: float | None
    """What is larger is no such value, nor is a text that is no number."""
    source: str


@cache
def private_rows() -> tuple[PrivateRow, ...]:
    """The rows of the table."""
    text = files("ingest").joinpath("gate/private.tsv").read_text(encoding="utf-8")
    return tuple(
        PrivateRow(
            row["creator"],
            int(row["group"], 16),
            int(row["offset"], 16),
            row["vr"],
            row["name"],
            row["keyword"],
            row["use"],
            float(row["most"]) if row["most"] else None,
            row["source"],
        )
        for row in csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    )


@cache
def _by_place() -> dict[tuple[str, int, int], PrivateRow]:
    return {(row.creator, row.group, row.offset): row for row in private_rows()}


@cache
def _offsets() -> dict[int, frozenset[int]]:
    """The places within a block that the table lists, by group."""
    rows = private_rows()
    return {group: frozenset(row.offset for row in rows if row.group == group) for group in {row.group for row in rows}}


def may_be_read(tag: int) -> bool:
    """Whether a tag may be an element of the table, or the creator of such.

    >>> may_be_read(0x00190010), may_be_read(0x0019100C), may_be_read(0x00191099), may_be_read(0x00280010)
    (True, True, False, False)
    """
    element, offsets = tag & 0xFFFF, _offsets().get(tag >> 16)
    return offsets is not None and (0x10 <= element <= 0xFF or (element >= 0x1000 and element & 0xFF in offsets))


class PrivateElements:
    """The private elements of a data set that may be read, until all creators are known."""

    __slots__ = ("creators", "found")

    def __init__(self) -> None:
        self.creators: dict[int, str] = {}
        self.found: dict[int, tuple[bytes, bytes]] = {}

    def add(self, tag: int, vr: bytes, value: bytes) -> None:
        """Take in an element of which `may_be_read` holds; ``vr`` is empty where none is stated."""
        if tag & 0xFF00:
            self.found[tag] = (vr, value)
        elif vr == b"LO" or vr in UNSTATED:
            self.creators[tag] = value.strip(b" \0").decode("ascii", "replace")

    def values(self, *, little: bool) -> dict[str, tuple[Scalar, ...]]:
        """What the elements hold, by the keyword of the table; what its VR forbids is left out."""
        read: dict[str, tuple[Scalar, ...]] = {}
        for tag, (vr, value) in sorted(self.found.items()):
            creator = self.creators.get(tag & 0xFFFF0000 | (tag & 0xFF00) >> 8, "")
            row = _by_place().get((creator, tag >> 16, tag & 0xFF))
            if row is not None and (vr in UNSTATED or vr == row.vr.encode()) and (held := _held(row, value, little)):
                read.setdefault(row.keyword, held)
        return read


def _held(row: PrivateRow, value: bytes, little: bool) -> tuple[Scalar, ...]:
    held = DECODERS[row.vr](value, ("iso8859",), little)
    if row.vr == "FD":
        return held if len(held) == 3 else ()
    if row.vr == "CS":
        held = tuple(text for text in held if text in DIRECTIONS)
    if row.vr == "DT":
        return tuple(text for text in held[:1] if str(text)[:14].isdigit())
    return held[:1] if all(_fits(one, row.most) for one in held[:1]) else ()


def _fits(value: Scalar, most: float | None) -> bool:
    if most is None:
        return True
    return value.isdecimal() and int(value) <= most if isinstance(value, str) else 0 <= value <= most
