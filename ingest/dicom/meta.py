"""The file meta information (PS3.10 7.1), which in the files of a series says the same but for the UID of the image."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from ingest.dicom.walk import OddBytesError, Syntax, head
from ontology.records import Scalar

__all__ = ["MARK", "Metas", "meta_of"]

MARK: Final = b"DICM"
"""Stands at byte 128 of a DICOM file."""

INSTANCE: Final = 0x00020003
"""Media Storage SOP Instance UID."""
WANTED: Final = frozenset({0x00020002, 0x00020010})
"""Media Storage SOP Class UID and Transfer Syntax UID."""

GROUP: Final = b"\x02\0"
SYNTAX: Final = Syntax(little=True, explicit=True)
UNDEFINED: Final = 0xFFFFFFFF

MOST_REMEMBERED: Final = 64
BEGINNING: Final = slice(132, 144)
"""The length of the group, which the length of the UID changes."""

Said = Mapping[int, tuple[Scalar, ...]]


def meta_of(data: bytes) -> tuple[Said, int]:
    """What is wanted of the meta information by tag, and where the data set begins."""
    said, _, at = _read(data)
    return said, at


def _read(data: bytes) -> tuple[Said, dict[int, slice], int]:
    """The same, and where the values of the elements lie."""
    at = 132 if data[128:132] == MARK else 0
    said: dict[int, tuple[Scalar, ...]] = {}
    places: dict[int, slice] = {}
    while data[at : at + 2] == GROUP:
        tag, _, length, start = head(data, at, SYNTAX)
        at = start + length
        if length == UNDEFINED or at > len(data):
            raise OddBytesError("meta information without end")
        places[tag] = slice(start, at)
        if tag in WANTED:
            said[tag] = (data[start:at].rstrip(b" \0").decode("ascii"),)
    return said, places, at


class Known(NamedTuple):
    """The meta information of a file: the bytes before and behind the UID of the image, and what they say."""

    before: bytes
    """Up to the two bytes of the UID's length."""
    behind: bytes
    said: Said


@dataclass(slots=True)
class Metas:
    """Reads the meta information of files, of which most say what one before them said."""

    known: dict[bytes, Known] = field(default_factory=dict)

    def read(self, data: bytes) -> tuple[Said, int]:
        """As `meta_of`."""
        known = self.known.get(data[BEGINNING])
        if known is not None and data.startswith(known.before):
            at = len(known.before) + 2
            at += int.from_bytes(data[at - 2 : at], "little")
            if data.startswith(known.behind, at):
                at += len(known.behind)
                if data[at : at + 2] != GROUP:
                    return known.said, at
        said, places, at = _read(data)
        if INSTANCE in places:
            if len(self.known) >= MOST_REMEMBERED:
                self.known.clear()
            uid = places[INSTANCE]
            self.known[data[BEGINNING]] = Known(data[: uid.start - 2], data[uid.stop : at], said)
        return said, at
