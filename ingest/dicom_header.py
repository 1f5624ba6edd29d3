"""The header of one DICOM file as plain values: read up to the pixel data, checked for truncation, hashed.

pydicom finds the elements; values are decoded from their bytes by the VR of the data dictionary (PS3.6), and nothing
of pydicom leaves this module.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import re
import struct
import warnings
import zlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from functools import lru_cache
from pathlib import Path

from pydicom.config import disable_value_validation
from pydicom.datadict import dictionary_has_tag, dictionary_keyword, dictionary_VR, tag_for_keyword
from pydicom.dataelem import RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.tag import BaseTag
from pydicom.valuerep import VR

from ingest.dicom_values import DECODERS, whole_text
from ontology.records import Scalar

__all__ = [
    "UNREADABLE",
    "BrokenDicomError",
    "Elements",
    "Header",
    "is_dicom",
    "place_of",
    "read_header",
    "sop_class_of",
]

PIXELS = {0x7FE00008, 0x7FE00009, 0x7FE00010}
LAST_EXPECTED = {
    "1.2.840.10008.5.1.4.1.1.2": 0x00280103,
    "1.2.840.10008.5.1.4.1.1.4": 0x00280103,
    "1.2.840.10008.5.1.4.1.1.128": 0x00541001,
}
"""CT, MR and PET Image Storage (PS3.4 B.5): the last attribute that every header has before its pixel data, Pixel
Representation (PS3.3 C.7.6.3) or Units (C.8.9.1). A header without pixel data is accepted when it reaches this far."""

META = {0x00020002: "MediaStorageSOPClassUID", 0x00020010: "TransferSyntaxUID"}
"""What is taken from the file meta information (PS3.10 7.1)."""

UNDEFINED = 0xFFFFFFFF
SEQUENCE_END = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"
DEEPEST_ITEM = 3

OTHER_FORMATS = (
    (b"NRRD", "an NRRD file"),
    (b"PK\x03\x04", "a zip archive"),
    (b"\x1f\x8b", "a gzip file"),
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"%PDF", "a PDF document"),
    (b"<", "an XML or HTML document"),
    (b"{", "a JSON document"),
)
VR_NAMES = {vr.value.encode() for vr in VR if len(vr.value) == 2}

UNREADABLE = (
    AttributeError,  # pydicom reads an attribute of an element that a broken length turned into bytes
    BytesLengthException,  # a value that is no multiple of its VR's size; its message holds the value
    EOFError,  # a sequence or value that ends early
    InvalidDicomError,
    LookupError,  # unknown VR, character set or tag; empty value lists
    MemoryError,  # a length of gigabytes within a sequence
    NotImplementedError,  # an unknown VR
    OSError,  # "No tag to read at file position", and the file system's own
    OverflowError,  # numbers beyond C types
    RecursionError,  # sequences nested without end
    struct.error,  # a value shorter than its VR
    TypeError,  # None where bytes were expected, after a broken length
    ValueError,  # values, VRs and encodings; includes UnicodeError
    zlib.error,  # a broken deflated transfer syntax
)
"""What pydicom 3 was seen to raise, or raises by its source, on damaged bytes; each is a property of the file."""


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


@dataclass(frozen=True, slots=True)
class Header(Elements):
    """The elements of a file, with the SHA-256 (hex) of its bytes before the pixel data."""

    digest: str = ""
    pixels: int | None = None
    """Where in the file the element of the pixel data begins; None where there is none or the file is deflated."""


def place_of(keyword: str) -> str:
    """How an attribute is named in a reject.

    >>> place_of("PatientID")
    '(0010,0020) PatientID'
    """
    tag = tag_for_keyword(keyword) or 0
    return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword}"


def is_dicom(head: bytes) -> bool:
    """Whether the first bytes are those of a DICOM file: the ``DICM`` mark, or else a plausible first element.

    Files without preamble (PS3.10 7.1 asks for one, older writers left it out) begin with group 0002 or 0008.

    >>> is_dicom(bytes(128) + b"DICM"), is_dicom(b"subject,day")
    (True, False)
    """
    return head[128:132] == b"DICM" or any(_plausible(head, order) for order in "<>")


def _plausible(head: bytes, order: str) -> bool:
    if len(head) < 8:
        return False
    group, element = struct.unpack(f"{order}HH", head[:4])
    known = element == 0 or dictionary_has_tag(group << 16 | element)
    implicit = order == "<" and head[6:8] == b"\0\0"
    return group in (2, 8) and known and (implicit or head[4:6] in VR_NAMES)


SOP_CLASS = re.compile(
    rb"(?:\x02\x00\x02\x00|\x08\x00\x16\x00|\x00\x08\x00\x16)(?:UI..|....)(?P<uid>[0-9.]{1,64})", re.DOTALL
)
"""Media Storage SOP Class UID (0002,0002) and SOP Class UID (0008,0016), in either byte order."""


def sop_class_of(head: bytes) -> str:
    """The SOP class that the first bytes of a DICOM file state; empty where they state none, or are of another file.

    >>> sop_class_of(bytes(128) + b"DICM\\x02\\0\\x02\\0UI\\x1c\\0" + b"1.2.840.10008.5.1.4.1.1.88.33")
    '1.2.840.10008.5.1.4.1.1.88.33'
    """
    found = SOP_CLASS.search(head) if is_dicom(head) else None
    return found["uid"].decode() if found else ""


class _Walk:
    """The stop condition of pydicom's reader: ends before the pixel data, and refuses a value that the file cuts short.

    It sees every top-level element before its value is read, so that a damaged length never allocates its size.
    """

    def __init__(self, handle: io.BufferedReader, size: int) -> None:
        self.handle, self.size, self.last, self.end = handle, size, 0, 0
        self.pixels = self.deflated = False

    def __call__(self, tag: BaseTag, _vr: str | None, length: int) -> bool:
        start = self.handle.tell()
        self.deflated = self.deflated or (not self.last and start == self.size and length > 0)
        if self.deflated:
            return tag in PIXELS  # pydicom has inflated the file into a buffer of its own, whose end it checks itself
        self.last, self.end = int(tag), start
        if length != UNDEFINED and start + length > self.size:
            raise BrokenDicomError(
                _tag_text(tag), f"the file ends {start + length - self.size} bytes before the end of this element",
                "the complete file: copy it again from its source",
            )  # fmt: skip
        self.end = start if length == UNDEFINED else start + length
        self.pixels = self.pixels or tag in PIXELS
        if tag in PIXELS and length == UNDEFINED and not self._closed():
            raise BrokenDicomError(
                _tag_text(tag), "the file ends within its compressed pixel data", "the complete file: copy it again"
            )
        return tag in PIXELS

    def _closed(self) -> bool:
        """Whether encapsulated pixel data (PS3.5 A.4) reaches its closing delimiter near the end of the file."""
        here = self.handle.tell()
        self.handle.seek(max(here, self.size - 65536))
        closed = SEQUENCE_END in self.handle.read()
        self.handle.seek(here)
        return closed


def _tag_text(tag: int) -> str:
    try:
        return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {dictionary_keyword(tag)}"
    except KeyError:
        return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


@contextmanager
def _silent_pydicom() -> Iterator[None]:
    """Keep pydicom from warning and logging, since its texts quote values."""
    log = logging.getLogger("pydicom")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with disable_value_validation(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


def read_header(path: Path, keywords: Iterable[str], deepest: int | None = None, lists: Collection[str] = ()) -> Header:
    """The named attributes of a file, read up to its pixel data (PS3.10).

    Sequences are decoded with their items, as deep as headers have them, or ``deepest`` levels where that is given;
    what is deeper still is then refused. ``lists`` are attributes whose value stays one text as the file has it, since
    it may be thousands of numbers. Raises `BrokenDicomError` for whatever is no complete DICOM header.
    """
    tags = _tags(frozenset(keywords))
    try:
        with path.open("rb") as handle, _silent_pydicom():
            size = os.fstat(handle.fileno()).st_size
            _require_dicom(handle.read(132))
            handle.seek(0)
            walk = _Walk(handle, size)
            found = read_partial(handle, walk, force=True, specific_tags=list(tags))
            end = handle.tell()
            elements = _decode(found, tags, deepest, frozenset(lists))
            meta = {
                keyword: (str(found.file_meta[tag].value),) for tag, keyword in META.items() if tag in found.file_meta
            }
            elements = Elements({**elements.values, **meta}, elements.items)
            _require_complete(walk, elements, size)
            handle.seek(0)
            pixels = end if walk.pixels and not walk.deflated else None
            return Header(elements.values, elements.items, _digest(handle, end), pixels)
    except BrokenDicomError:
        raise
    except UNREADABLE as error:
        raise BrokenDicomError(
            "file", f"the header cannot be read ({type(error).__name__})", "a file that a DICOM reader opens"
        ) from None


@lru_cache(maxsize=64)
def _tags(keywords: frozenset[str]) -> dict[int, str]:
    """The keywords by tag."""
    return {tag: keyword for keyword in keywords if (tag := tag_for_keyword(keyword)) is not None}


def _require_dicom(head: bytes) -> None:
    if not head:
        raise BrokenDicomError("file", "the file is empty", "a DICOM file")
    if not is_dicom(head):
        other = next((name for magic, name in OTHER_FORMATS if head.lstrip().startswith(magic)), None)
        raise BrokenDicomError(
            "byte 128", f"the file is {other}, not DICOM" if other else "the file is not DICOM",
            "the mark DICM at byte 128, or a data set that begins with group 0002 or 0008",
        )  # fmt: skip


def _require_complete(walk: _Walk, elements: Elements, size: int) -> None:
    """Refuse a header that stops between two elements, where lengths alone show nothing."""
    if walk.pixels or walk.deflated or not walk.last:
        return
    if 0 < size - walk.end < 8 or walk.last < LAST_EXPECTED.get(elements.text("SOPClassUID"), 0):
        raise BrokenDicomError(
            f"after {_tag_text(walk.last)}", "the file ends within its header", "the complete file: copy it again"
        )


def _digest(handle: io.BufferedReader, end: int) -> str:
    hashed = hashlib.sha256()
    while end > 0 and (piece := handle.read(min(end, 1 << 20))):
        hashed.update(piece)
        end -= len(piece)
    return hashed.hexdigest()


def _decode(
    found: Dataset, tags: Mapping[int, str] | None, deepest: int | None, lists: frozenset[str], depth: int = 0
) -> Elements:
    """The named elements of a data set, or all public ones, decoded; what its VR forbids is left out."""
    values: dict[str, tuple[Scalar, ...]] = {}
    items: dict[str, tuple[Elements, ...]] = {}
    for raw in list(found.elements()):  # as they are: to read a sequence, pydicom converts Pixel Representation
        tag = int(raw.tag)
        keyword, vr = _known(tag)
        if not keyword or (tags is not None and tag not in tags):
            continue
        if vr == "SQ":
            if deepest is not None and depth >= deepest:
                raise BrokenDicomError(
                    place_of(keyword), f"sequences are nested more than {deepest} deep", "a document of usual depth"
                )
            if depth < (deepest or DEEPEST_ITEM) and isinstance(sequence := found[tag].value, Iterable):
                items[keyword] = tuple(_decode(item, None, deepest, lists, depth + 1) for item in sequence)
            continue
        decoder = whole_text if keyword in lists else DECODERS.get(vr)
        if decoder and isinstance(raw, RawDataElement) and raw.value:
            decoded = decoder(bytes(raw.value), found, raw.is_little_endian)
            if decoded:
                values[keyword] = decoded
    return Elements(values, items)


@lru_cache(maxsize=8192)
def _known(tag: int) -> tuple[str, str]:
    """Keyword and VR of a public attribute (PS3.6); empty for others."""
    return (dictionary_keyword(tag), dictionary_VR(tag)) if dictionary_has_tag(tag) else ("", "")
