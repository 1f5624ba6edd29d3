"""The quick way through the header of a DICOM file: bytes are walked, and what was decoded once is not decoded again.

The files of a series repeat most of their header byte for byte. A `Plan` says which elements are wanted and remembers
what their bytes meant, so that of a further file only what differs is decoded. It reads what `ingest.dicom.walk`
follows; for other files it raises `OddBytesError`, and pydicom reads them.
"""

from __future__ import annotations

import warnings
import zlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final, NamedTuple

from pydicom.charset import convert_encodings, python_encoding

from ingest.dicom import walk as dicom_walk
from ingest.dicom.elements import BrokenDicomError, Common, Elements, Watched, place_of
from ingest.dicom.values import UNTOLD, Decoder, decoder_of, known_attribute, whole_text
from ingest.dicom.walk import Buffer, Element, MoreBytesError, OddBytesError, Syntax
from ingest.dicom.watch import SEEN, WATCHED_BY_TAG, judged_values
from ingest.gate.private import PrivateElements, may_be_read
from ontology.records import Scalar

__all__ = [
    "CHARACTER_SET",
    "DEEPEST_ITEM",
    "DEFLATED",
    "FIRST_ENCODINGS",
    "INFLATED",
    "OWN",
    "PIXELS",
    "UNDEFINED",
    "UNSTATED",
    "Encodings",
    "Plan",
    "Texts",
    "Walked",
    "inflated",
    "read_elements",
    "read_on",
    "syntax_of",
    "too_deep",
]

DEEPEST_ITEM: Final = 4
PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
UNDEFINED: Final = 0xFFFFFFFF
CHARACTER_SET: Final = 0x00080005
OWN: Final = frozenset({0x00100010, 0x00100020})
"""PatientName and PatientID of the data set itself, which have checks of their own."""

IMPLICIT: Final = "1.2.840.10008.1.2"
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
DEFLATED: Final = "1.2.840.10008.1.2.1.99"
STANDARD: Final = "1.2.840.10008.1.2"

UNSTATED: Final = frozenset({b"", b"UN"})
"""Where the dictionary alone says whether an element is a sequence."""

INFLATED: Final = 1 << 26
"""The most bytes to which a deflated data set (PS3.5 A.5) may grow; pixels included, and headers are small."""

MOST_REMEMBERED: Final = 1 << 13
LONGEST_REMEMBERED: Final = 4096
LONGEST_SEQUENCE: Final = 1 << 20

Encodings = tuple[str, ...]
Texts = tuple[Scalar, ...]
FIRST_ENCODINGS: Final[Encodings] = ("iso8859",)
"""Of a data set that has stated no character set yet."""


class Entry(NamedTuple):
    """What is done with an element of the data set itself."""

    keyword: str
    decoder: Decoder | None
    wanted: bool
    watched: bool
    vr: bytes = b""
    """That of the dictionary."""
    private: bool = False
    known: int = 0
    """The tag by which its values are remembered; 0 where they are not."""


class Items(NamedTuple):
    """A sequence: its items where they are wanted, and what is watched within it."""

    items: tuple[Elements, ...]
    watched: tuple[Watched, ...]


@dataclass(slots=True)
class Plan:
    """Which elements are wanted, and what those that were read before meant."""

    wanted: dict[int, str]
    deepest: int | None = None
    lists: frozenset[str] = frozenset()
    private: frozenset[str] = frozenset()
    """The keywords that may be read of private elements (`ingest.gate.private`)."""
    entries: dict[int, Entry | None] = field(default_factory=dict)
    values: dict[tuple[int, bytes, Encodings, bool], Texts] = field(default_factory=dict)
    """By tag and bytes, of elements that have the VR of the dictionary."""
    stated: dict[tuple[int, bytes], Entry] = field(default_factory=dict)
    """What is done with elements of which a file states another VR."""
    sequences: dict[tuple[int, Syntax, int, Encodings], tuple[bytes, Items]] = field(default_factory=dict)

    def entry(self, tag: int) -> Entry | None:
        """What is done with a tag; None where it is passed over."""
        if tag not in self.entries:
            self.entries[tag] = self._entry(tag)
        return self.entries[tag]

    def _entry(self, tag: int) -> Entry | None:
        if self.private and may_be_read(tag):
            return Entry("", None, wanted=False, watched=False, private=True)
        keyword, vr = known_attribute(tag)
        wanted, watched = tag in self.wanted, tag in WATCHED_BY_TAG and tag not in OWN
        if not keyword or not (wanted or watched or tag == CHARACTER_SET or vr == "SQ"):
            return None
        return Entry(keyword, self.decoder(keyword, vr, b""), wanted, watched, vr.encode(), known=tag)

    def as_stated(self, tag: int, entry: Entry, vr: bytes) -> Entry:
        """What is done with an element of which the file states another VR than the dictionary."""
        found = self.stated.get((tag, vr))
        if found is None:
            decoder = self.decoder(entry.keyword, entry.vr.decode(), vr)
            found = self.stated[tag, vr] = entry._replace(decoder=decoder, vr=vr, known=0)
        return found

    def decoder(self, keyword: str, vr: str, stated: bytes) -> Decoder | None:
        """The decoder of an attribute, whose VR in the file may be another than that of the dictionary."""
        return whole_text if keyword in self.lists else decoder_of(vr, stated)

    def decode(self, tag: int, decoder: Decoder, value: bytes, encodings: Encodings, little: bool) -> Texts:
        """The values of an element; those of short ones are remembered by the tag, unless it is 0."""
        if len(value) > LONGEST_REMEMBERED or not tag:
            return decoder(value, encodings, little)
        key = (tag, value, encodings, little)
        found = self.values.get(key)
        if found is None:
            if len(self.values) >= MOST_REMEMBERED:
                self.values.clear()
            found = self.values[key] = decoder(value, encodings, little)
        return found


@dataclass(slots=True)
class Walked:
    """The elements of a data set before its pixel data, and how far it was read."""

    data: Buffer
    plan: Plan
    syntax: Syntax
    encodings: Encodings = FIRST_ENCODINGS
    values: dict[str, Texts] = field(default_factory=dict)
    items: dict[str, tuple[Elements, ...]] = field(default_factory=dict)
    watched: list[Watched] = field(default_factory=list)
    private: PrivateElements = field(default_factory=PrivateElements)
    last: int = 0
    end: int = 0
    at: int = 0
    """Where the pixel data begins, or where the file ends."""
    pixels: bool = False
    pixels_undefined: bool = False
    starts: list[int] | None = None
    """Where the elements begin, that of the pixel data included, where this is to be known."""
    common: Common | None = None
    """What the header shares with others, where that is known."""
    own: dict[str, Texts] = field(default_factory=dict)
    """The values that it does not share."""

    def add(self, tag: int, entry: Entry, start: int, stop: int) -> None:
        """Take in an element that is no sequence."""
        if stop > len(self.data):
            raise MoreBytesError
        value, little = self.data[start:stop], self.syntax.little
        if tag == CHARACTER_SET:
            self.encodings = _encodings_before(self.values or self.items or self.watched, value)
        decoded = self.plan.values.get((entry.known, value, self.encodings, little))
        if decoded is None:
            decoded = (
                self.plan.decode(entry.known, entry.decoder, value, self.encodings, little) if entry.decoder else ()
            )
        if entry.wanted and decoded:
            self.values[entry.keyword] = decoded
        if entry.watched and (shown := judged_values(entry.keyword, decoded, filled=bool(value.strip(b" \0")))):
            self.watched.append(Watched((entry.keyword,), shown))

    def read_private(self) -> Mapping[str, Texts]:
        """What private elements say of wanted attributes; where a public one stands, it counts."""
        if not self.private.found:
            return {}
        read = self.private.values(little=self.syntax.little)
        return {keyword: values for keyword, values in read.items() if keyword in self.plan.private}

    def add_sequence(self, tag: int, vr: bytes, start: int, length: int, entry: Entry | None) -> int:
        """Take in a sequence, or know it again by its bytes; where it ends."""
        data, syntax = self.data, self.syntax
        if vr == b"UN" or (length == UNDEFINED and vr not in {b"SQ", b""}):
            raise OddBytesError("a sequence that is not said to be one")
        if length != UNDEFINED and start + length > len(data):
            raise MoreBytesError
        if entry is None or entry.private:  # private, or unknown: never stored, so never looked at
            undefined = length == UNDEFINED
            return dicom_walk.skip_sequence(data, start, length, len(data), syntax) if undefined else start + length
        if known_attribute(tag)[1] != "SQ":
            raise OddBytesError("a sequence where the dictionary has none")
        key = (tag, syntax, length, self.encodings)
        before = self.plan.sequences.get(key)
        if before is not None and data[start : start + len(before[0])] == before[0]:
            stop, read = start + len(before[0]), before[1]
        else:
            raw, stop = dicom_walk.sequence(data, start, length, len(data), syntax, 1)
            read = self._items(raw, entry)
            if stop - start <= LONGEST_SEQUENCE:
                self.plan.sequences[key] = (data[start:stop], read)
        if entry.wanted:
            self.items[entry.keyword] = read.items
        self.watched += read.watched
        return stop

    def _items(self, raw: tuple[tuple[Element, ...], ...], entry: Entry) -> Items:
        watched: list[Watched] = []
        if raw and entry.keyword in SEEN:
            watched.append(Watched((entry.keyword,), judged_values(entry.keyword, (), filled=True)))
        reading = _Reading(self.data, self.plan, self.syntax.little, watched)
        path = (entry.keyword,)
        items = tuple(reading.item(elements, path, self.encodings, 1, kept=entry.wanted) for elements in raw)
        return Items(items if entry.wanted else (), tuple(watched))


def syntax_of(transfer_syntax: str, data: bytes, at: int) -> Syntax:
    """How a data set is encoded, where its meta information says so and its first element bears it out."""
    if not transfer_syntax.startswith(STANDARD):
        raise OddBytesError("a transfer syntax that is not of the standard")
    if transfer_syntax == DEFLATED:
        return Syntax(little=True, explicit=True)
    states_vr = data[at + 4 : at + 6] in dicom_walk.SHORT | dicom_walk.LONG
    explicit = transfer_syntax != IMPLICIT
    if states_vr != explicit:
        raise OddBytesError("another encoding than is stated")
    return Syntax(little=transfer_syntax != BIG_ENDIAN, explicit=explicit)


def inflated(data: bytes) -> bytes:
    """A deflated data set as it was; `BrokenDicomError` where it grows beyond all use or ends early."""
    inflating = zlib.decompressobj(-zlib.MAX_WBITS)
    found = inflating.decompress(data, INFLATED)
    if inflating.unconsumed_tail or not inflating.eof:
        problem = "is larger than any header" if inflating.unconsumed_tail else "ends early"
        wanted = f"a deflated data set of at most {INFLATED >> 20} MB, whole"
        raise BrokenDicomError("file", f"the deflated data set {problem}", wanted)
    return found


def read_elements(data: Buffer, at: int, size: int, plan: Plan, syntax: Syntax, found: Walked | None = None) -> Walked:
    """Read a data set of which ``data`` are the first bytes of ``size``; `MoreBytesError` where they do not suffice.

    ``found`` is what was read before ``at``.
    """
    found = found or Walked(data, plan, syntax)
    read_on(found, at, size - 7, size)
    if not found.pixels:
        if len(data) < size:
            raise MoreBytesError
        found.at = size
    return found


def read_on(found: Walked, at: int, limit: int, size: int) -> int:
    """Read the elements that begin before ``limit`` or up to the pixel data, in a file of ``size``; where they end."""
    data, syntax, starts = found.data, found.syntax, found.starts
    entries, head = found.plan.entries, dicom_walk.head
    while at < limit:
        tag, vr, length, start = head(data, at, syntax)
        found.last, found.end, found.at = tag, start, at
        if length != UNDEFINED and start + length > size:
            raise _cut(tag, start + length - size)
        if starts is not None:
            starts.append(at)
        if tag in PIXELS:
            found.pixels, found.pixels_undefined = True, length == UNDEFINED
            return at
        entry = entries[tag] if tag in entries else found.plan.entry(tag)
        if vr == b"SQ" or length == UNDEFINED or (vr in UNSTATED and dicom_walk.is_sequence(tag)):
            at = found.add_sequence(tag, vr, start, length, entry)
        else:
            at = start + length
            if entry is not None and length:
                if vr != entry.vr and vr not in UNTOLD and not entry.private:
                    entry = found.plan.as_stated(tag, entry, vr)
                found.add(tag, entry, start, at)
                if entry.private:
                    found.private.add(tag, vr, data[start:at])
        found.end = at
    return at


def _cut(tag: int, missing: int) -> BrokenDicomError:
    keyword, _ = known_attribute(tag)
    return BrokenDicomError(
        f"({tag >> 16:04X},{tag & 0xFFFF:04X}) {keyword}".rstrip(),
        f"the file ends {missing} bytes before the end of this element",
        "the complete file: copy it again from its source",
    )


@dataclass(slots=True)
class _Reading:
    """The reading of one sequence's items."""

    data: Buffer
    plan: Plan
    little: bool
    watched: list[Watched]

    def item(
        self, raw: tuple[Element, ...], path: tuple[str, ...], encodings: Encodings, depth: int, *, kept: bool
    ) -> Elements:
        """One item, decoded as far as headers have sequences; beyond it, what is watched is still seen."""
        values: dict[str, Texts] = {}
        items: dict[str, tuple[Elements, ...]] = {}
        private = PrivateElements()
        for element in raw:
            keyword, vr = known_attribute(element.tag)
            if not keyword:
                if kept and self.plan.private and element.items is None and may_be_read(element.tag):
                    private.add(element.tag, element.vr, self.data[element.start : element.stop])
                continue
            if (element.items is None) == (vr == "SQ"):
                raise OddBytesError("a sequence where the dictionary has none, or none where it has one")
            if element.tag == CHARACTER_SET:
                encodings = _encodings_before(values or items, self.data[element.start : element.stop])
            if element.items is not None:
                inner = self._sequence(element.items, (*path, keyword), encodings, depth, kept=kept)
                if inner is not None:
                    items[keyword] = inner
            elif (kept or element.tag in WATCHED_BY_TAG) and (
                decoded := self._value(element, (*path, keyword), vr, encodings)
            ):
                values[keyword] = decoded
        if private.found:
            read = private.values(little=self.little)
            values = {**{keyword: held for keyword, held in read.items() if keyword in self.plan.private}, **values}
        return Elements(values if kept else {}, items)

    def _value(self, element: Element, path: tuple[str, ...], vr: str, encodings: Encodings) -> Texts:
        """The values of an element; noted where it is watched."""
        keyword, value = path[-1], self.data[element.start : element.stop]
        decoder = self.plan.decoder(keyword, vr, element.vr)
        known = element.tag if element.vr in UNTOLD or element.vr == vr.encode() else 0
        decoded = self.plan.decode(known, decoder, value, encodings, self.little) if decoder and value else ()
        if element.tag in WATCHED_BY_TAG:
            filled = bool(value.strip(b" \0"))
            if shown := judged_values(keyword, decoded, filled=filled):
                self.watched.append(Watched(path, shown))
        return decoded

    def _sequence(
        self,
        raw: tuple[tuple[Element, ...], ...],
        path: tuple[str, ...],
        encodings: Encodings,
        depth: int,
        *,
        kept: bool,
    ) -> tuple[Elements, ...] | None:
        """The items of an inner sequence; None where they are too deep to be wanted."""
        deepest = self.plan.deepest
        if kept and deepest is not None and depth >= deepest:
            raise too_deep(path[-1], deepest)
        if raw and path[-1] in SEEN:
            self.watched.append(Watched(path, judged_values(path[-1], (), filled=True)))
        kept = kept and depth < (deepest or DEEPEST_ITEM)
        items = tuple(self.item(elements, path, encodings, depth + 1, kept=kept) for elements in raw)
        return items if kept else None


def too_deep(keyword: str, deepest: int) -> BrokenDicomError:
    """The error of a wanted sequence that holds sequences beyond a stated depth."""
    problem = f"sequences are nested more than {deepest} deep"
    return BrokenDicomError(place_of(keyword), problem, "a document of usual depth")


def _encodings_before(read: Collection[object], value: bytes) -> Encodings:
    """The encodings of what follows; where something was read already, its texts are of that character set too."""
    if read:
        raise OddBytesError("a character set that is stated behind texts")
    return _encodings(value)


@lru_cache(maxsize=256)
def _encodings(value: bytes) -> Encodings:
    """The Python names of the character sets that a data set states (PS3.3 C.12.1.1.2), as pydicom has them."""
    names = [name.strip() for name in value.rstrip(b" \0").decode("iso8859").split("\\")]
    if not set(names) <= python_encoding.keys():  # pydicom would warn, with the value in its text
        raise OddBytesError("an unknown character set")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return tuple(convert_encodings(names))
    except (LookupError, ValueError):
        raise OddBytesError("an unknown character set") from None
