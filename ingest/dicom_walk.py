"""The elements of a DICOM data set as byte ranges (PS3.5 7.1): a walk that decodes nothing and copies nothing.

It knows little and big endian, explicit and implicit VR, and sequences of either kind of length. Whatever is odd about
a file (an unknown VR, an item where none belongs) ends the walk with `OddBytesError`: pydicom, which knows what
writers have done over thirty years, then reads that file.
"""

from __future__ import annotations

import mmap
import struct
from functools import lru_cache
from typing import Final, NamedTuple, TypeAlias

from pydicom.datadict import dictionary_has_tag, dictionary_VR

__all__ = ["DEEPEST_WALK", "Buffer", "Element", "MoreBytesError", "OddBytesError", "Syntax", "skip_sequence", "walk"]

Buffer: TypeAlias = bytes | mmap.mmap

UNDEFINED: Final = 0xFFFFFFFF
ITEM: Final = 0xFFFEE000
ITEM_END: Final = 0xFFFEE00D
SEQUENCE_END: Final = 0xFFFEE0DD
DEEPEST_WALK: Final = 72
"""Somewhat more than structured reports may nest (`ingest.sr_tree`); reports of the field reach twelve levels."""

SHORT: Final = frozenset(b"AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split())
LONG: Final = frozenset(b"OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())
"""The VRs with lengths of two and of four bytes (PS3.5 7.1.2)."""


class OddBytesError(ValueError):
    """Bytes that this walk does not follow; pydicom may. Holds no value."""


class MoreBytesError(ValueError):
    """The data set goes on behind the bytes that are at hand."""


class Element(NamedTuple):
    """Where an element's value lies; ``items`` are the data sets of a sequence, None for other elements."""

    tag: int
    vr: bytes
    start: int
    stop: int
    items: tuple[tuple[Element, ...], ...] | None = None


class Syntax(NamedTuple):
    """How a data set is encoded: byte order as `struct` names it, and whether each element states its VR."""

    little: bool
    explicit: bool


EXPLICIT: Final = {True: struct.Struct("<HH2sH"), False: struct.Struct(">HH2sH")}
IMPLICIT: Final = {True: struct.Struct("<HHL"), False: struct.Struct(">HHL")}
LENGTH: Final = {True: struct.Struct("<L"), False: struct.Struct(">L")}


@lru_cache(maxsize=8192)
def is_sequence(tag: int) -> bool:
    """Whether the data dictionary (PS3.6) has a tag as a sequence."""
    return dictionary_has_tag(tag) and dictionary_VR(tag) == "SQ"


def head(data: Buffer, at: int, syntax: Syntax) -> tuple[int, bytes, int, int]:
    """Tag, VR (empty where none is stated), length and start of the value of the element at ``at``."""
    try:
        if not syntax.explicit:
            group, number, length = IMPLICIT[syntax.little].unpack_from(data, at)
            return group << 16 | number, b"", length, at + 8
        group, number, vr, length = EXPLICIT[syntax.little].unpack_from(data, at)
        if vr in SHORT:
            return group << 16 | number, vr, length, at + 8
        if vr in LONG:
            (length,) = LENGTH[syntax.little].unpack_from(data, at + 8)
            return group << 16 | number, vr, length, at + 12
        if group == 0xFFFE:  # items and delimiters state no VR
            group, number, length = IMPLICIT[syntax.little].unpack_from(data, at)
            return group << 16 | number, b"", length, at + 8
    except struct.error:
        raise MoreBytesError from None
    raise OddBytesError("a VR that is none")


def walk(
    data: Buffer, at: int, stop: int, syntax: Syntax, depth: int = 0, *, open_ended: bool = False
) -> tuple[tuple[Element, ...], int]:
    """The elements between two places of the bytes, and where they end; ``open_ended`` until an item's delimiter."""
    if depth > DEEPEST_WALK:
        raise OddBytesError("sequences nested without end")
    found: list[Element] = []
    while at < stop:
        tag, vr, length, start = head(data, at, syntax)
        if tag == ITEM_END and open_ended:
            return tuple(found), start
        if tag >> 16 == 0xFFFE:
            raise OddBytesError("an item outside of a sequence")
        if vr == b"SQ" or length == UNDEFINED or ((not vr or vr == b"UN") and is_sequence(tag)):
            if length == UNDEFINED and vr not in {b"SQ", b"UN", b""}:
                raise OddBytesError("a length that is not stated")
            inner = syntax if vr != b"UN" else Syntax(syntax.little, explicit=False)
            items, at = sequence(data, start, length, stop, inner, depth + 1)
            found.append(Element(tag, b"SQ", start, at, items))
            continue
        at = start + length
        if at > stop:
            raise MoreBytesError
        found.append(Element(tag, vr, start, at))
    if open_ended:
        raise MoreBytesError
    return tuple(found), at


def sequence(
    data: Buffer, at: int, length: int, stop: int, syntax: Syntax, depth: int
) -> tuple[tuple[tuple[Element, ...], ...], int]:
    """The items of a sequence whose first item begins at ``at`` (PS3.5 7.5), and where it ends."""
    end = stop if length == UNDEFINED else at + length
    if end > stop:
        raise MoreBytesError
    items: list[tuple[Element, ...]] = []
    while at < end:
        tag, _, size, start = head(data, at, Syntax(syntax.little, explicit=False))
        if tag == SEQUENCE_END and length == UNDEFINED:
            return tuple(items), start
        if tag != ITEM:
            raise OddBytesError("no item within a sequence")
        open_ended = size == UNDEFINED
        if not open_ended and start + size > end:
            raise MoreBytesError
        item, at = walk(data, start, end if open_ended else start + size, syntax, depth, open_ended=open_ended)
        items.append(item)
    if length == UNDEFINED:
        raise MoreBytesError
    return tuple(items), end


def skip_sequence(data: Buffer, at: int, length: int, stop: int, syntax: Syntax) -> int:
    """Where a sequence of undefined length ends."""
    return sequence(data, at, length, stop, syntax, 1)[1]
