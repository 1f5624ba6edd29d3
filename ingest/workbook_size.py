"""How much a workbook would unfold to, told before it is opened.

The reader of workbooks lays each sheet out as a full rectangle: two cells at opposite corners of a file of some
kilobytes would take all memory and end the process. So what a file says of its extent is added up from its packed XML
first, in pieces.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from lxml import etree

__all__ = ["too_large"]

UNPACKED_LIMIT = 1 << 30
"""Bytes to which a workbook may unpack; a small file that unpacks to more is an attack or a mistake."""

CELL_LIMIT = 20_000_000
"""Cells of the rectangle of a sheet; one takes 32 bytes in the reader, before it is text."""

TEXT_LIMIT = 1 << 31
"""Characters of all cells together, were each of them the longest shared text."""

PIECE = 1 << 20
OVERLAP = 256
CELL = re.compile(rb"<(?:\w+:)?c[\s/>]")
PLACE = re.compile(rb"""\br=["']([A-Z]{1,3})([0-9]{1,7})["']""")
ROW = re.compile(rb"<(?:\w+:)?row[\s/>]")
TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}p"
VALUE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}value-type"
TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"


def too_large(path: Path) -> str | None:
    """What is too large in a packed workbook, or None; `zipfile.BadZipFile` or OSError where it cannot be looked at."""
    with zipfile.ZipFile(path) as packed:
        if sum(item.file_size for item in packed.infolist()) > UNPACKED_LIMIT:
            return "unpacks to more than 1 GiB"
        names = packed.namelist()
        longest = max((_longest_text(packed, name) for name in names if name.endswith("sharedStrings.xml")), default=0)
        for name in names:
            if "worksheets/" in name and name.endswith(".xml"):
                extent, cells = _sheet_extent(packed, name)
                if extent > CELL_LIMIT or cells * longest > TEXT_LIMIT:
                    return "holds a sheet of too large an extent"
            elif name == "content.xml" and _ods_extent(packed, name) > CELL_LIMIT:
                return "holds a sheet of too large an extent"
    return None


def _pieces(packed: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """A member in pieces, each with the end of the one before."""
    with packed.open(name) as member:
        kept = b""
        while piece := member.read(PIECE):
            yield kept + piece
            kept = piece[-OVERLAP:]


def _sheet_extent(packed: zipfile.ZipFile, name: str) -> tuple[int, int]:
    """The cells of the rectangle that a sheet spans, and how many cells there are, at the most."""
    wide, tall, cells, rows, placed = 0, 0, 0, 0, 0
    longest_row, open_row = 0, 0
    for piece in _pieces(packed, name):
        found = PLACE.findall(piece)
        placed += len(found)
        cells += len(CELL.findall(piece))
        rows += len(ROW.findall(piece))
        wide = max((wide, *map(column_number, {letters for letters, _ in found})))
        tall = max((tall, *map(int, {digits for _, digits in found})))
        if placed < cells:  # cells without a place stand one after the other
            first, *others = ROW.split(piece)
            open_row += len(CELL.findall(first))
            longest_row = max(longest_row, open_row, *(len(CELL.findall(row)) for row in others), 0)
            open_row = len(CELL.findall(others[-1])) if others else open_row
    return max(wide, longest_row) * max(tall, rows if placed < cells else 0), cells


def column_number(letters: bytes) -> int:
    """The number of a column from its letters.

    >>> column_number(b"A"), column_number(b"AA"), column_number(b"XFD")
    (1, 27, 16384)
    """
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _longest_text(packed: zipfile.ZipFile, name: str) -> int:
    """The length of the longest shared text, roughly: bytes between the ends of two."""
    longest, current = 0, 0
    with packed.open(name) as member:
        while piece := member.read(PIECE):
            first, *others = piece.split(b"</si>")
            current += len(first)
            longest = max(longest, current, *map(len, others), 0)
            current = len(others[-1]) if others else current
    return longest


def _ods_extent(packed: zipfile.ZipFile, name: str) -> int:
    """The largest rectangle of cells with content, repeated rows and cells written out."""
    largest, tall, wide, rows = 0, 0, 0, 0
    with packed.open(name) as member:
        for tag, element in _parsed(member):
            if tag == "table":
                largest, tall, wide, rows = max(largest, tall * wide), 0, 0, 0
            else:
                rows += _repeated(element, "rows")
                column = 0
                for cell in element:
                    column += _repeated(cell, "columns")
                    if cell.find(TEXT) is not None or VALUE in cell.attrib:
                        wide, tall = max(wide, column), rows
                parent = element.getparent()
                while parent is not None and element.getprevious() is not None:  # rows that were looked at are let go
                    del parent[0]
            element.clear()
    return largest


def _parsed(member: IO[bytes]) -> Iterator[tuple[str, etree._Element]]:
    tags = (f"{TABLE}table-row", f"{TABLE}table")
    safe = {"resolve_entities": False, "no_network": True, "load_dtd": False, "huge_tree": False}
    for _, element in etree.iterparse(member, events=("end",), tag=tags, **safe):
        yield str(element.tag).rpartition("}")[2], element


def _repeated(element: etree._Element, what: str) -> int:
    """How often a row or cell stands, as it says."""
    text = element.get(f"{TABLE}number-{what}-repeated", "1")
    return int(text) if re.fullmatch("[0-9]{1,9}", text) else 1
