"""The header of one DICOM file as plain values: read up to the pixel data, checked for truncation, hashed.

pydicom finds the elements; values are decoded from their bytes by the VR of the data dictionary (PS3.6), and nothing
of pydicom leaves this module.
"""

from __future__ import annotations

import hashlib
import io
import mmap
import os
import re
import struct
import zlib
from collections.abc import Collection, Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO

from pydicom.charset import default_encoding
from pydicom.datadict import dictionary_has_tag, dictionary_keyword, tag_for_keyword
from pydicom.dataelem import DataElement, RawDataElement
from pydicom.dataset import Dataset
from pydicom.errors import BytesLengthException, InvalidDicomError
from pydicom.filereader import read_partial
from pydicom.sequence import Sequence
from pydicom.tag import BaseTag
from pydicom.valuerep import VR

from ingest.dicom.alike import FIRST, Alike
from ingest.dicom.elements import BrokenDicomError, Elements, Header, Watched, place_of
from ingest.dicom.fast import (
    DEEPEST_ITEM,
    DEFLATED,
    OWN,
    PIXELS,
    UNDEFINED,
    Plan,
    Texts,
    Walked,
    inflated,
    read_elements,
    syntax_of,
    too_deep,
)
from ingest.dicom.meta import MARK, meta_of
from ingest.dicom.values import known_attribute, silent_pydicom
from ingest.dicom.walk import DEEPEST_WALK, MoreBytesError, OddBytesError, Syntax
from ingest.dicom.watch import SEEN, WATCHED_BY_TAG, judged_values
from ingest.gate.private import PrivateElements, may_be_read, private_rows
from ontology.records import Scalar

__all__ = [
    "UNREADABLE",
    "BrokenDicomError",
    "Elements",
    "Header",
    "Watched",
    "is_dicom",
    "place_of",
    "read_header",
    "sop_class_of",
]

LAST_EXPECTED = {
    "1.2.840.10008.5.1.4.1.1.2": 0x00280103,
    "1.2.840.10008.5.1.4.1.1.4": 0x00280103,
    "1.2.840.10008.5.1.4.1.1.128": 0x00541001,
}
"""CT, MR and PET Image Storage (PS3.4 B.5): the last attribute that every header has before its pixel data, Pixel
Representation (PS3.3 C.7.6.3) or Units (C.8.9.1). A header without pixel data is accepted when it reaches this far."""

META = {0x00020002: "MediaStorageSOPClassUID", 0x00020010: "TransferSyntaxUID"}
"""What is taken from the file meta information (PS3.10 7.1)."""

SEQUENCE_END = b"\xfe\xff\xdd\xe0\x00\x00\x00\x00"

LEAST = 1 << 13
"""The bytes that are read where the header of the file before was not longer."""
LARGEST = 1 << 30
"""The bytes of the largest file that is mapped where its header is longer than that."""

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


SHUT = (FileNotFoundError, IsADirectoryError, PermissionError)
"""What the system says of a file that it does not open."""


def is_dicom(head: bytes) -> bool:
    """Whether the first bytes are those of a DICOM file: the ``DICM`` mark, or else a plausible first element.

    Files without preamble (PS3.10 7.1 asks for one, older writers left it out) begin with group 0002 or 0008.

    >>> is_dicom(bytes(128) + b"DICM"), is_dicom(b"subject,day")
    (True, False)
    """
    return head[128:132] == MARK or any(_plausible(head, order) for order in "<>")


def _plausible(head: bytes, order: str) -> bool:
    if len(head) < 8:
        return False
    group, element = struct.unpack(f"{order}HH", head[:4])
    if group not in (2, 8):
        return False  # of every file of a run that is none, so the dictionary is not asked
    known = element == 0 or dictionary_has_tag(group << 16 | element)
    implicit = order == "<" and head[6:8] == b"\0\0"
    return known and (implicit or head[4:6] in VR_NAMES)


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
        self.pixels = False
        self.deflated = DEFLATED.encode() in handle.read(FIRST)
        handle.seek(0)

    def __call__(self, tag: BaseTag, _vr: str | None, length: int) -> bool:
        start = self.handle.tell()
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
        if tag in PIXELS and length == UNDEFINED:
            here = self.handle.tell()
            _require_closed(self.handle, int(tag), self.size)
            self.handle.seek(here)
        return tag in PIXELS


def _tag_text(tag: int) -> str:
    try:
        return f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {dictionary_keyword(tag)}"
    except KeyError:
        return f"({tag >> 16:04X},{tag & 0xFFFF:04X})"


def read_header(
    path: Path | str, keywords: Iterable[str], deepest: int | None = None, lists: Collection[str] = ()
) -> Header:
    """The named attributes of a file, read up to its pixel data (PS3.10), and what is watched at any depth.

    Sequences are decoded with their items, as deep as headers have them, or ``deepest`` levels where that is given;
    what is deeper still is then refused. ``lists`` are attributes whose value stays one text as the file has it, since
    it may be thousands of numbers. Raises `BrokenDicomError` for whatever is no complete DICOM header.
    """
    alike = _alike(tuple(keywords), deepest, frozenset(lists))
    try:
        with open(path, "rb", buffering=0) as handle:  # noqa: PTH123 - of every file of a run
            size = os.fstat(handle.fileno()).st_size
            data = handle.read(alike.ahead)
            if data[128:132] != MARK:
                _require_dicom(data[:132])
            try:
                return _quickly(handle, data, size, alike)
            except (OddBytesError, MoreBytesError):
                handle.seek(0)
                _require_bounded(handle, handle.read(FIRST))
                with silent_pydicom():
                    return _patiently(io.BufferedReader(handle), size, alike.plan)
    except BrokenDicomError:
        raise
    except SHUT as error:
        raise BrokenDicomError(
            "file", f"the file cannot be read ({type(error).__name__})", "a file that may be read"
        ) from None
    except UNREADABLE as error:
        raise BrokenDicomError(
            "file", f"the header cannot be read ({type(error).__name__})", "a file that a DICOM reader opens"
        ) from None


@lru_cache(maxsize=32)
def _alike(keywords: tuple[str, ...], deepest: int | None, lists: frozenset[str]) -> Alike:
    tags = {tag: keyword for keyword in keywords if (tag := tag_for_keyword(keyword)) is not None}
    private = frozenset(keywords).intersection(row.keyword for row in private_rows())
    return Alike(Plan(tags, deepest, lists, private))


def _quickly(handle: BinaryIO, data: bytes, size: int, alike: Alike) -> Header:
    """The header by `ingest.dicom.fast`; of most files the first bytes hold all of it."""
    meta, at = alike.metas.read(data)
    (transfer_syntax,) = meta.get(0x00020010, ("",))
    syntax = syntax_of(str(transfer_syntax), data, at)
    if transfer_syntax == DEFLATED:
        return _deflated(handle, data, size, alike.plan, meta, at)
    try:
        found = alike.read(data, at, size, syntax)
    except MoreBytesError:
        if len(data) < min(size, FIRST):
            return _quickly(handle, data + handle.read(FIRST - len(data)), size, alike)
        if len(data) >= size or size > LARGEST:
            raise
        with mmap.mmap(handle.fileno(), 0, access=mmap.ACCESS_READ) as mapped:
            found = read_elements(mapped, at, size, alike.plan, syntax)
            return _header(handle, found, meta, size, hashlib.sha256(memoryview(mapped)[: found.at]).hexdigest())
    alike.ahead = max(LEAST, min(FIRST, found.at + found.at // 4))
    return _header(handle, found, meta, size, hashlib.sha256(memoryview(data)[: found.at]).hexdigest())


def _header(handle: BinaryIO, found: Walked, meta: Mapping[int, Texts], size: int, digest: str) -> Header:
    if found.pixels and found.pixels_undefined:
        _require_closed(handle, found.last, size)
    values, own = _values(found, meta)
    at = found.at if found.pixels else None
    watched = tuple(found.watched)
    header = Header(values, found.items, digest, at, watched=watched, common=found.common, own=own)
    if not found.pixels:
        _require_complete(found.last, found.end, header, size)
    return header


def _values(found: Walked, meta: Mapping[int, Texts]) -> tuple[dict[str, Texts], dict[str, Texts]]:
    """All values of a header, and those that it does not share with others."""
    stated = {META[tag]: value for tag, value in meta.items() if value[0]}
    if found.common is None:
        return {**found.read_private(), **found.values, **stated}, {}
    return found.values | stated, found.own | stated


def _deflated(handle: BinaryIO, data: bytes, size: int, plan: Plan, meta: Mapping[int, Texts], at: int) -> Header:
    """The header of a deflated data set, which is inflated no further than any header may be long."""
    if size > LARGEST:
        raise BrokenDicomError("file", "the deflated file is too large", f"at most {LARGEST >> 20} MB")
    whole = data + handle.read()
    content = inflated(whole[at:])
    found = read_elements(content, 0, len(content), plan, Syntax(little=True, explicit=True))
    values, _ = _values(found, meta)
    return Header(values, found.items, hashlib.sha256(whole).hexdigest(), watched=tuple(found.watched))


def _require_bounded(handle: BinaryIO, data: bytes) -> None:
    """Refuse a deflated data set that pydicom would inflate beyond all use, and put the file back to its beginning."""
    if DEFLATED.encode() in data:
        _, at = meta_of(data)
        handle.seek(at)
        inflated(handle.read())
    handle.seek(0)


def _patiently(handle: io.BufferedReader, size: int, plan: Plan) -> Header:
    """The header by pydicom, which reads what thirty years of writers have left; slower, and all of it."""
    walk = _Walk(handle, size)
    found = read_partial(handle, walk, force=True)
    end = handle.tell()
    elements, watched = _decode(found, plan)
    meta = {keyword: (str(found.file_meta[tag].value),) for tag, keyword in META.items() if tag in found.file_meta}
    header = Elements({**elements.values, **meta}, elements.items)
    if not walk.pixels and walk.last:
        _require_complete(walk.last, walk.end, header, size)
    handle.seek(0)
    return Header(header.values, header.items, _digest(handle, end), end if walk.pixels else None, watched=watched)


def _require_dicom(head: bytes) -> None:
    if not head:
        raise BrokenDicomError("file", "the file is empty", "a DICOM file")
    if not is_dicom(head):
        other = next((name for magic, name in OTHER_FORMATS if head.lstrip().startswith(magic)), None)
        raise BrokenDicomError(
            "byte 128", f"the file is {other}, not DICOM" if other else "the file is not DICOM",
            "the mark DICM at byte 128, or a data set that begins with group 0002 or 0008",
        )  # fmt: skip


def _require_complete(last: int, end: int, elements: Elements, size: int) -> None:
    """Refuse a header that stops between two elements, where lengths alone show nothing."""
    if last and (0 < size - end < 8 or last < LAST_EXPECTED.get(elements.text("SOPClassUID"), 0)):
        raise BrokenDicomError(
            f"after {_tag_text(last)}", "the file ends within its header", "the complete file: copy it again"
        )


def _require_closed(handle: BinaryIO, tag: int, size: int) -> None:
    """Refuse encapsulated pixel data (PS3.5 A.4) that does not reach its closing delimiter near the end of the file."""
    handle.seek(max(0, size - 65536))
    if SEQUENCE_END not in handle.read():
        raise BrokenDicomError(
            _tag_text(tag), "the file ends within its compressed pixel data", "the complete file: copy it again"
        )


def _digest(handle: io.BufferedReader, end: int) -> str:
    hashed = hashlib.sha256()
    while end > 0 and (piece := handle.read(min(end, 1 << 20))):
        hashed.update(piece)
        end -= len(piece)
    return hashed.hexdigest()


def _decode(found: Dataset, plan: Plan) -> tuple[Elements, tuple[Watched, ...]]:
    """The wanted elements of a data set that pydicom has read, and what is watched in all of it."""
    watched: list[Watched] = []
    elements = _item(found, plan, watched, (), 0, kept=True)
    return elements, tuple(watched)


def _private_of(found: Iterable[RawDataElement | DataElement], plan: Plan) -> Mapping[str, tuple[Scalar, ...]]:
    """The same as `Walked.read_private`, of the elements of a data set that pydicom has read."""
    held, little = PrivateElements(), True
    for raw in found if plan.private else ():
        # sequences, which pydicom has read by now, are none of the listed elements
        if may_be_read(int(raw.tag)) and isinstance(raw, RawDataElement) and raw.value:
            held.add(int(raw.tag), (raw.VR or "").encode(), bytes(raw.value))
            little = raw.is_little_endian
    return {keyword: values for keyword, values in held.values(little=little).items() if keyword in plan.private}


def _item(
    found: Dataset, plan: Plan, watched: list[Watched], path: tuple[str, ...], depth: int, *, kept: bool
) -> Elements:
    """One data set or item, decoded; what its VR forbids is left out."""
    values: dict[str, tuple[Scalar, ...]] = {}
    items: dict[str, tuple[Elements, ...]] = {}
    encodings = _encodings_of(found)
    raws = tuple(found.elements())  # as they are now: pydicom converts some of them while it reads others
    for raw in raws:
        tag = int(raw.tag)
        keyword, vr = known_attribute(tag)
        if not keyword:
            continue
        taken = kept and (depth > 0 or tag in plan.wanted)
        if vr == "SQ":
            inner = _inner(found, tag, plan, watched, (*path, keyword), depth, kept=taken)
            if inner is not None:
                items[keyword] = inner
            continue
        if taken and isinstance(raw, DataElement) and isinstance(raw.value, int):  # Pixel Representation of an item
            values[keyword] = (int(raw.value),)
        seen = tag in WATCHED_BY_TAG and not (depth == 0 and tag in OWN)
        if not ((taken or seen) and isinstance(raw, RawDataElement) and raw.value):
            continue
        decoder = plan.decoder(keyword, vr, (raw.VR or "").encode())
        value = bytes(raw.value)
        decoded = decoder(value, encodings, raw.is_little_endian) if decoder else ()
        if taken and decoded:
            values[keyword] = decoded
        if seen and (shown := judged_values(keyword, decoded, filled=bool(value.strip(b" \0")))):
            watched.append(Watched((*path, keyword), shown))
    return Elements({**_private_of(raws, plan), **values} if kept else values, items)


def _inner(
    found: Dataset, tag: int, plan: Plan, watched: list[Watched], path: tuple[str, ...], depth: int, *, kept: bool
) -> tuple[Elements, ...] | None:
    """The items of a sequence; None where they are not wanted."""
    keyword, deepest = path[-1], plan.deepest
    if kept and deepest is not None and depth >= deepest:
        raise too_deep(keyword, deepest)
    if depth > DEEPEST_WALK:
        raise too_deep(keyword, DEEPEST_WALK)
    sequence = found[tag].value
    if not isinstance(sequence, Sequence):
        return None
    if sequence and keyword in SEEN:
        watched.append(Watched(path, judged_values(keyword, (), filled=True)))
    kept = kept and depth < (deepest or DEEPEST_ITEM)
    items = tuple(_item(item, plan, watched, path, depth + 1, kept=kept) for item in sequence)
    return items if kept else None


def _encodings_of(found: Dataset) -> tuple[str, ...]:
    stated = getattr(found, "original_character_set", None) or default_encoding
    return (stated,) if isinstance(stated, str) else tuple(stated)
