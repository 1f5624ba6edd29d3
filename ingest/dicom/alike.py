"""Headers that are alike: of a further file of a series, only the elements that differ in it are read.

A `Pattern` holds the bytes of one header of a series, cut where other headers were seen to differ. What lies between
the cuts is compared as bytes, all of it in every file, and means what the same bytes meant before; the rest is read by
`ingest.dicom.fast`. A file that has other elements is read on without a pattern, from there.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from ingest.dicom.elements import Elements, Watched
from ingest.dicom.fast import FIRST_ENCODINGS, Encodings, Plan, Texts, Walked, read_elements, read_on
from ingest.dicom.walk import Syntax
from ingest.gate.private import PrivateElements

__all__ = ["Alike"]

SERIES: Final = {True: b"\x20\x00\x0e\x00", False: b"\x00\x20\x00\x0e"}
"""The tag of SeriesInstanceUID, by little endian; the first place with these bytes finds the pattern."""
CHARACTER_SET: Final = {True: b"\x08\x00\x05\x00", False: b"\x00\x08\x00\x05"}
LONGEST_KEY: Final = 8 + 64

MOST_PATTERNS: Final = 64
LONGEST_PATTERN: Final = 1 << 17
"""In bytes; 64 of them take 8 MB."""


class Run(NamedTuple):
    """Neighbouring elements that no header was seen to differ in, and what they mean."""

    content: bytes
    begin: int
    """The place of the first of them among the elements of the pattern."""
    values: dict[str, Texts]
    items: dict[str, tuple[Elements, ...]]
    watched: tuple[Watched, ...]
    private: PrivateElements
    encodings: Encodings
    last: int


@dataclass(slots=True)
class Pattern:
    """The header of a series' first file, and which of its elements differ in others."""

    plan: Plan
    syntax: Syntax
    content: bytes
    starts: list[int]
    """Where the elements begin; and where the last of them ends."""
    differ: set[int] = field(default_factory=set)
    pieces: list[Run | bytes] = field(default_factory=list)
    """Runs, and the tags of the elements between them as bytes; made when a second file is read."""

    def follow(self, found: Walked, data: bytes, at: int, size: int) -> tuple[int, bool]:
        """Read as far as a header is alike: where that ends, and whether it has all elements of the pattern."""
        if not self.pieces:
            self.pieces = self._pieces()
        for piece in self.pieces:
            if isinstance(piece, bytes):
                if not data.startswith(piece, at):
                    return at, False
                at = read_on(found, at, min(at + 1, size - 7), size)
            elif data.startswith(piece.content, at):
                found.values.update(piece.values)
                found.items.update(piece.items)
                found.watched += piece.watched
                found.private.creators.update(piece.private.creators)
                found.private.found.update(piece.private.found)
                found.encodings, found.last = piece.encodings, piece.last
                at += len(piece.content)
                found.end = at
            else:
                at, alike = self._find_differing(found, piece, data, at, size)
                if not alike:
                    return at, False
        return at, True

    def _find_differing(self, found: Walked, run: Run, data: bytes, at: int, size: int) -> tuple[int, bool]:
        """Read the elements of a run one by one, and note those that differ."""
        number, left = run.begin, len(run.content)
        self.pieces = []
        while left > 0:
            before = self.content[self.starts[number] : self.starts[number + 1]]
            same = data.startswith(before, at)
            if not same and (not data.startswith(before[:4], at) or before[:4] == CHARACTER_SET[self.syntax.little]):
                return at, False
            if not same:
                self.differ.add(number)
            at = read_on(found, at, min(at + 1, size - 7), size)
            number, left = number + 1, left - len(before)
        return at, True

    def _pieces(self) -> list[Run | bytes]:
        pieces: list[Run | bytes] = []
        encodings = FIRST_ENCODINGS
        cuts = [-1, *sorted(self.differ), len(self.starts) - 1]
        for before, cut in pairwise(cuts):
            if (begin := before + 1) < cut:
                part = Walked(self.content, self.plan, self.syntax, encodings)
                start, stop = self.starts[begin], self.starts[cut]
                read_on(part, start, stop, len(self.content))
                encodings = part.encodings
                content = self.content[start:stop]
                watched = tuple(part.watched)
                pieces.append(Run(content, begin, part.values, part.items, watched, part.private, encodings, part.last))
            if cut < len(self.starts) - 1:
                pieces.append(self.content[self.starts[cut] : self.starts[cut] + 4])
        return pieces


@dataclass(slots=True)
class Alike:
    """Reads headers by a plan, with the patterns of the series that were met last."""

    plan: Plan
    patterns: dict[tuple[Syntax, bytes], Pattern] = field(default_factory=dict)

    def read(self, data: bytes, at: int, size: int, syntax: Syntax) -> Walked:
        """As `ingest.dicom.fast.read_elements`."""
        place = data.find(SERIES[syntax.little], at)
        if place < 0:
            return read_elements(data, at, size, self.plan, syntax)
        key = (syntax, data[place : place + _length(data, place, syntax)])
        pattern = self.patterns.get(key)
        if pattern is None:
            return self._learn(data, at, size, key)
        found = Walked(data, self.plan, syntax)
        at, alike = pattern.follow(found, data, at, size)
        if not alike:
            del self.patterns[key]
        return read_elements(data, at, size, self.plan, syntax, found)

    def _learn(self, data: bytes, at: int, size: int, key: tuple[Syntax, bytes]) -> Walked:
        """Read all of a header, and keep it as the pattern of its series."""
        starts: list[int] = []
        found = read_elements(data, at, size, self.plan, key[0], Walked(data, self.plan, key[0], starts=starts))
        if not found.pixels:
            starts.append(found.end)
        if len(starts) > 1 and starts[-1] <= LONGEST_PATTERN:
            if len(self.patterns) >= MOST_PATTERNS:
                del self.patterns[next(iter(self.patterns))]
            self.patterns[key] = Pattern(self.plan, key[0], data[: starts[-1]], starts)
        return found


def _length(data: bytes, place: int, syntax: Syntax) -> int:
    """The length of an element with a UID, head included, as far as it can be one."""
    stated = data[place + 6 : place + 8] if syntax.explicit else data[place + 4 : place + 8]
    return min(8 + int.from_bytes(stated, "little" if syntax.little else "big"), LONGEST_KEY)
