"""Headers that are alike: of a further file of a series, only the elements that differ in it are read.

A `Pattern` holds the bytes of one header of a series. The elements in which others were seen to differ cut it into
pieces: what lies between them is compared as bytes, all of it in every file, and means what the same bytes meant
before; the rest is read in every file. A header that differs elsewhere is read whole, and tells by that where the
pattern is to be cut; where it has other elements, it is a pattern of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Literal, NamedTuple

from ingest.dicom.elements import Common, Watched
from ingest.dicom.fast import (
    CHARACTER_SET,
    FIRST_ENCODINGS,
    UNDEFINED,
    UNSTATED,
    Encodings,
    Plan,
    Texts,
    Walked,
    read_elements,
    read_on,
)
from ingest.dicom.meta import Metas
from ingest.dicom.values import UNTOLD, Decoder, known_attribute
from ingest.dicom.walk import LONG, Syntax, head, is_sequence
from ingest.gate.private import PrivateElements, may_be_read

__all__ = ["FIRST", "Alike"]

FIRST: Final = 1 << 16
"""The bytes of which a header is read at first: those of most images are shorter."""

SERIES: Final = {True: b"\x20\x00\x0e\x00", False: b"\x00\x20\x00\x0e"}
"""The tag of SeriesInstanceUID, by little endian; the first place with these bytes finds the pattern."""
LONGEST_KEY: Final = 8 + 64

MOST_SERIES: Final = 64
MOST_PATTERNS: Final = 3
"""Of one series, whose images may be of several kinds."""
LONGEST_PATTERN: Final = 1 << 17
"""In bytes; as a rule a header has a tenth of that."""

SHORT: Final = 6
"""The bytes before a length of two bytes; before one of four there are four or eight (PS3.5 7.1.2)."""

ITEMS: Final = 0xFFFE0000
"""From here on, tags are of items."""


class Differing(NamedTuple):
    """An element in which headers differ."""

    begins: bytes
    """Its bytes before its length: the tag, and the VR where one is stated."""
    tag: int
    keyword: str
    decoder: Decoder | None
    """Decodes its value; None where it is not wanted."""
    whole: bool
    """Whether it takes more than that: a sequence, what is watched, a private element that may be read."""
    encodings: Encodings
    known: int
    """The tag by which values are remembered (`ingest.dicom.fast.Entry`)."""


class Piece(NamedTuple):
    """Elements in which no header was seen to differ, what is watched in them, and the element behind them."""

    content: bytes
    watched: tuple[Watched, ...]
    differing: Differing


class Track(NamedTuple):
    """A pattern that is cut: its pieces, what follows the last of them, and what all of it means."""

    pieces: tuple[Piece, ...]
    rest: bytes
    """The elements behind the last piece, and the beginning of the pixel data."""
    watched: tuple[Watched, ...]
    """What is watched in these."""
    common: Common
    private: PrivateElements | None
    """What may be read of private elements, where those differ; else it is among what is in common."""


@dataclass(slots=True)
class Pattern:
    """The header of one file of a series, and which of its elements differ in others."""

    plan: Plan
    syntax: Syntax
    content: bytes
    """With the pixel data's tag and VR."""
    starts: list[int]
    """Where the elements begin, and where the last of them ends."""
    tags: list[int]
    pixels: int
    """The tag of the pixel data behind them; 0 where there is none."""
    differ: set[int] = field(default_factory=set)
    track: Track | None = None
    """Made when a second file is read, and again after each cut."""

    @classmethod
    def of(cls, found: Walked, data: bytes, starts: list[int]) -> Pattern | None:
        """The pattern that a header is; None where elements stand twice or out of order, or where it is too long."""
        begins, end = starts[:-1], starts[-1]
        tags = [head(data, at, found.syntax)[0] for at in begins]
        ordered = all(before < after for before, after in pairwise(tags)) and bool(tags) and tags[-1] < ITEMS
        if not ordered or end > LONGEST_PATTERN:
            return None
        stop = _length_at(data, end, found.syntax) if found.pixels else end
        if found.pixels and stop - end == SHORT:
            return None
        return cls(found.plan, found.syntax, data[:stop], starts, tags, found.last if found.pixels else 0)

    def follow(self, data: bytes, at: int, size: int) -> Walked | None:
        """Read a header that differs in known elements alone; None where it does not, or where bytes are missing."""
        track = self.track = self.track or self._cut()
        plan, little = self.plan, self.syntax.little
        order = _order(self.syntax)
        own: dict[str, Texts] = {}
        odd: dict[int, Walked] = {}
        for content, _, (begins, tag, keyword, decoder, whole, encodings, known) in track.pieces:
            at += len(content)
            if not (data.startswith(content, at - len(content)) and data.startswith(begins, at)):
                return None
            if whole:
                odd[tag] = part = Walked(data, plan, self.syntax, encodings)
                at = read_on(part, at, min(at + 1, size - 7), size)
                continue
            at += len(begins)
            start = at + (2 if len(begins) == SHORT else 4)
            stop = start + int.from_bytes(data[at:start], order)
            if stop > len(data):
                return None
            if decoder is not None and stop > start:
                decoded = plan.decode(known, decoder, data[start:stop], encodings, little)
                if decoded:
                    own[keyword] = decoded
            at = stop
        if not data.startswith(track.rest, at):
            return None
        found = Walked(data, plan, self.syntax, last=self.tags[-1], common=track.common, own=own)
        if not self._ends(found, at + len(track.rest), size):
            return None
        _complete(found, track, odd)
        return found

    def _ends(self, found: Walked, at: int, size: int) -> bool:
        """Whether a header ends as the pattern does, with pixel data or with the file."""
        if not self.pixels:
            found.end = found.at = size
            return at == size
        found.last, found.end, found.pixels = self.pixels, at + 4, True
        found.at = at - len(self.content) + self.starts[-1]
        length = int.from_bytes(found.data[at : at + 4], _order(self.syntax))
        found.pixels_undefined = length == UNDEFINED
        return at + 4 <= len(found.data) and (length == UNDEFINED or at + 4 + length <= size)

    def widen(self, found: Walked, data: bytes, starts: list[int]) -> bool:
        """Cut the pattern where a header that was read whole differs from it; False where it has other elements."""
        pixels = found.last if found.pixels else 0
        if len(starts) != len(self.starts) or pixels != self.pixels or not data.startswith(self.rest, starts[-1]):
            return False
        differ: set[int] = set()
        for number, (own, other) in enumerate(zip(pairwise(self.starts), pairwise(starts), strict=True)):
            before, after = self.content[slice(*own)], data[slice(*other)]
            if before != after:
                if not after.startswith(self._begins(number)) or self.tags[number] == CHARACTER_SET:
                    return False
                differ.add(number)
        if not differ <= self.differ:
            self.differ |= differ
            self.track = None
        return True

    @property
    def rest(self) -> bytes:
        """The pixel data's tag and VR."""
        return self.content[self.starts[-1] :]

    def _begins(self, number: int) -> bytes:
        at = self.starts[number]
        return self.content[at : _length_at(self.content, at, self.syntax)]

    def _cut(self) -> Track:
        """The pieces between the elements that differ, and what they mean."""
        part = Walked(self.content, self.plan, self.syntax, FIRST_ENCODINGS)
        pieces: list[Piece] = []
        begin = 0
        for number in sorted(self.differ):
            content, watched = self._between(part, begin, number)
            pieces.append(Piece(content, watched, self._differing(number, part.encodings)))
            begin = number + 1
        rest, watched = self._between(part, begin, len(self.tags))
        private = any(may_be_read(piece.differing.tag) for piece in pieces) and bool(self.plan.private)
        common = Common(
            values=part.values if private else {**part.read_private(), **part.values},
            items=part.items,
            watched=tuple(part.watched),
            differing=frozenset(piece.differing.keyword for piece in pieces if piece.differing.whole),
        )
        return Track(tuple(pieces), rest + self.rest, watched, common, part.private if private else None)

    def _between(self, part: Walked, begin: int, end: int) -> tuple[bytes, tuple[Watched, ...]]:
        """The bytes of the elements from one to another, once they are read, and what is watched in them."""
        start, stop, before = self.starts[begin], self.starts[end], len(part.watched)
        read_on(part, start, stop, len(self.content))
        return self.content[start:stop], tuple(part.watched[before:])

    def _differing(self, number: int, encodings: Encodings) -> Differing:
        tag, vr, length, _ = head(self.content, self.starts[number], self.syntax)
        entry = self.plan.entry(tag)
        nested = vr == b"SQ" or length == UNDEFINED or (vr in UNSTATED and is_sequence(tag))
        whole = nested or (entry is not None and (entry.watched or entry.private))
        if entry is not None and vr != entry.vr and vr not in UNTOLD and not entry.private:
            entry = self.plan.as_stated(tag, entry, vr)
        decoder = entry.decoder if entry is not None and entry.wanted else None
        known = entry.known if entry is not None else 0
        return Differing(self._begins(number), tag, known_attribute(tag)[0], decoder, whole, encodings, known)


def _order(syntax: Syntax) -> Literal["little", "big"]:
    return "little" if syntax.little else "big"


def _length_at(data: bytes, at: int, syntax: Syntax) -> int:
    """Where the length of an element stands."""
    if not syntax.explicit:
        return at + 4
    return at + (8 if data[at + 4 : at + 6] in LONG else SHORT)


def _complete(found: Walked, track: Track, odd: dict[int, Walked]) -> None:
    """Put together what is in common and what was read of the elements that take more than a value."""
    common = track.common
    found.items = dict(common.items)
    found.watched = list(common.watched)
    if any(part.watched for part in odd.values()):
        found.watched = []
        for piece in track.pieces:
            found.watched += piece.watched
            if piece.differing.whole:
                found.watched += odd[piece.differing.tag].watched
        found.watched += track.watched
    for part in odd.values():
        found.items.update(part.items)
        found.own.update(part.values)
    if track.private is not None:
        for elements in (track.private, *(part.private for part in odd.values())):
            found.private.creators.update(elements.creators)
            found.private.found.update(elements.found)
        read = found.read_private()
        found.own = {**{keyword: read[keyword] for keyword in read.keys() - common.values.keys()}, **found.own}
    found.values = {**common.values, **found.own}


@dataclass(slots=True)
class Alike:
    """Reads headers by a plan, with the patterns of the series that were met last."""

    plan: Plan
    patterns: dict[tuple[Syntax, bytes], list[Pattern]] = field(default_factory=dict)
    metas: Metas = field(default_factory=Metas)
    ahead: int = FIRST
    """How many bytes of the next file are read at first; its header is as long as that of the last, as a rule."""

    def read(self, data: bytes, at: int, size: int, syntax: Syntax) -> Walked:
        """As `ingest.dicom.fast.read_elements`."""
        place = data.find(SERIES[syntax.little], at)
        if place < 0:
            return read_elements(data, at, size, self.plan, syntax)
        key = (syntax, data[place : place + _length(data, place, syntax)])
        known = self.patterns.get(key, [])
        for number, pattern in enumerate(known):
            if (found := pattern.follow(data, at, size)) is not None:
                known.insert(0, known.pop(number))  # the one that was of no use for longest gives way
                return found
        starts: list[int] = []
        found = read_elements(data, at, size, self.plan, syntax, Walked(data, self.plan, syntax, starts=starts))
        if not found.pixels:
            starts.append(found.end)
        if not any(pattern.widen(found, data, starts) for pattern in known):
            new = Pattern.of(found, data, starts)
            if new is not None:
                self._learn(key, [new, *known][:MOST_PATTERNS])
        return found

    def _learn(self, key: tuple[Syntax, bytes], patterns: list[Pattern]) -> None:
        if key not in self.patterns and len(self.patterns) >= MOST_SERIES:
            del self.patterns[next(iter(self.patterns))]
        self.patterns[key] = patterns


def _length(data: bytes, place: int, syntax: Syntax) -> int:
    """The length of an element with a UID, head included, as far as it can be one."""
    stated = data[place + 6 : place + 8] if syntax.explicit else data[place + 4 : place + 8]
    return min(8 + int.from_bytes(stated, _order(syntax)), LONGEST_KEY)
