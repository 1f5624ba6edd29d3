"""FHIR documents as a stream of resources: JSON bundles, single resources, and NDJSON of bulk exports.

A bundle is cut into its entries by their brackets, and each entry is parsed by the standard library: one resource is
held at a time. What is longer or nested deeper than any resource of use is left out with a fault, not held.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from io import BufferedReader
from pathlib import Path
from typing import Any, Final

__all__ = ["DEPTH", "LINES", "WHOLE", "Entry", "StreamFault", "resources"]

LINES: Final = frozenset({".ndjson", ".jsonl"})
"""Suffixes of files with one resource on each line (FHIR Bulk Data Access)."""

DEPTH: Final = 64
"""Levels of nesting within a resource; those of FHIR itself stay below 20."""

NODES: Final = 200_000
"""Values within one resource."""

LENGTH: Final = 16 << 20
"""Characters of one resource."""

WHOLE: Final = "document"
"""The place of what is wrong with a document as a whole."""

CHUNK: Final = 1 << 16
WORD: Final = 1 << 18
"""Characters within which a number ends."""


@dataclass(frozen=True, slots=True)
class StreamFault:
    """Something of a document that cannot be read."""

    place: str
    problem: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource with its place in the document, and the URL by which others refer to it."""

    place: str
    resource: dict[str, Any]
    full_url: str = ""


TOO_MUCH: Final = (
    f"is longer than {LENGTH >> 20} MiB, nested deeper than {DEPTH} levels or holds more than {NODES:,} values",
    "a resource as FHIR R4 defines it",
)
NO_RESOURCE: Final = ("holds no resource", "an object with a resourceType")
NO_JSON: Final = ("is no JSON", "a resource as JSON in UTF-8")


def resources(path: Path) -> Iterator[Entry | StreamFault]:
    """The resources of a document in order; OSError where the file cannot be opened."""
    return _lines(path) if path.suffix.lower() in LINES else _document(path)


def _parsed(text: str, place: str) -> dict[str, Any] | StreamFault:
    """A JSON object within the bounds; numbers with a point are Decimals."""
    try:
        built = json.loads(text, parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, ArithmeticError):
        return StreamFault(place, *NO_JSON)
    except RecursionError:
        return StreamFault(place, *TOO_MUCH)
    if not isinstance(built, dict):
        return StreamFault(place, *NO_RESOURCE)
    return built if _within(built) else StreamFault(place, *TOO_MUCH)


def _no_constant(text: str) -> float:
    raise ValueError(text)


def _within(top: object) -> bool:
    """Whether a value is within the bounds of depth and number."""
    level, depth, count = [top], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > DEPTH + 1 or count > NODES:
            return False
        level = [
            item
            for node in level
            if isinstance(node, dict | list)
            for item in (node.values() if isinstance(node, dict) else node)
        ]
    return True


# one resource a line


def _lines(path: Path) -> Iterator[Entry | StreamFault]:
    with path.open("rb") as handle:
        number = 0
        while line := handle.readline(LENGTH):
            number += 1
            place = f"line {number}"
            if not line.endswith(b"\n") and len(line) == LENGTH:
                yield StreamFault(place, *TOO_MUCH)
                return
            if line.strip():
                yield _line(line, place)


def _line(line: bytes, place: str) -> Entry | StreamFault:
    try:
        built = _parsed(line.decode("utf-8-sig"), place)
    except UnicodeDecodeError:
        return StreamFault(place, *NO_JSON)
    return built if isinstance(built, StreamFault) else Entry(place, built)


# one JSON document


class _BrokenError(ValueError):
    """A document that is cut off, or no JSON."""


def _document(path: Path) -> Iterator[Entry | StreamFault]:
    with path.open("rb") as handle:
        try:
            yield from _root(_Scanner(handle))
        except ValueError:  # also what is no UTF-8
            yield StreamFault(WHOLE, "is no JSON, or is cut off", "a whole JSON document in UTF-8")


def _root(scanner: _Scanner) -> Iterator[Entry | StreamFault]:
    """The entries of a bundle as they come; where the document is one resource, that."""
    if scanner.next() != "{":
        yield StreamFault(WHOLE, "is no object", "a Bundle or another resource")
        return
    members: list[str] = []
    entries, whole = False, True
    while scanner.goes_on("{", "}"):
        key = scanner.value() or ""
        scanner.expect(":")
        if key == '"entry"' and scanner.next() == "[":
            entries = True
            yield from _entries(scanner)
        elif key == '"entry"':
            scanner.value()
            yield StreamFault(WHOLE, "has an entry that is no array", "a Bundle with an array of entries")
        else:
            value = scanner.value()
            whole = whole and value is not None and sum(map(len, members)) < LENGTH
            if value is not None and whole:
                members.append(f"{key}:{value}")
    scanner.end()
    yield from _closed(members, entries=entries, whole=whole)


def _closed(members: list[str], *, entries: bool, whole: bool) -> Iterator[Entry | StreamFault]:
    """What the members of the root beside the entries say."""
    root = _parsed("{" + ",".join(members) + "}", WHOLE) if whole else StreamFault(WHOLE, *TOO_MUCH)
    if isinstance(root, StreamFault):
        yield root
    elif root.get("resourceType") == "Bundle":
        return
    elif entries or not isinstance(root.get("resourceType"), str):
        yield StreamFault(WHOLE, "is neither a Bundle nor a resource", "a resourceType at the root")
    else:
        yield Entry(WHOLE, root)


def _entries(scanner: _Scanner) -> Iterator[Entry | StreamFault]:
    number = 0
    while scanner.goes_on("[", "]"):
        place = f"entry[{number}]"
        text = scanner.value()
        found = StreamFault(place, *TOO_MUCH) if text is None else _entry(text, place)
        if found is not None:
            yield found
        number += 1


def _entry(text: str, place: str) -> Entry | StreamFault | None:
    """An entry; None where it is only a query, or the answer to a request, as in batches and transactions."""
    built = _parsed(text, place)
    if isinstance(built, StreamFault):
        return built
    resource, full_url = built.get("resource"), built.get("fullUrl")
    if resource is None and _asks_only(built):
        return None
    if not isinstance(resource, dict):
        return StreamFault(place, *NO_RESOURCE)
    return Entry(f"{place}.resource", resource, full_url if isinstance(full_url, str) else "")


def _asks_only(built: dict[str, Any]) -> bool:
    """Whether an entry changes nothing; one that deletes or patches does, and is told of as it cannot be followed."""
    request = built.get("request")
    method = request.get("method") if isinstance(request, dict) else None
    return method in {"GET", "HEAD"} or (request is None and isinstance(built.get("response"), dict))


BLANK = re.compile(r"[ \t\r\n]*")
BRACKETS = re.compile(r'[{}\[\]"]')
IN_STRING = re.compile(r'["\\]')
PLAIN = re.compile(r"[-+.\w]+")


class _Scanner:
    """Finds where the values of a JSON text end, reading it in pieces; what lies within them is parsed elsewhere."""

    def __init__(self, handle: BufferedReader) -> None:
        self._handle = handle
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._over = False
        self.text = ""
        self.at = 0

    def _more(self, keep: int) -> bool:
        """Read on, letting go of what lies before an index, which becomes 0; False at the end of the file."""
        if self._over:
            return False
        piece = self._handle.read(CHUNK)
        self._over = not piece
        self.text = self.text[keep:] + self._decoder.decode(piece, final=self._over)
        return not self._over

    def next(self) -> str:
        """The next character that is not blank, which is not consumed; `_BrokenError` at the end of the file."""
        while True:
            found = BLANK.match(self.text, self.at)
            self.at = found.end() if found else self.at
            if self.at < len(self.text):
                return self.text[self.at]
            if self._over:
                raise _BrokenError
            self._more(self.at)
            self.at = 0

    def goes_on(self, opening: str, closing: str) -> bool:
        """Consume what stands before an item of an object or array; False where it ends, and its end is consumed."""
        character = self.next()
        if character not in {opening, ",", closing}:
            raise _BrokenError
        self.at += 1
        if character == opening and self.next() == closing:
            self.at += 1
            return False
        return character != closing

    def expect(self, character: str) -> None:
        """Consume a character; `_BrokenError` where another stands there."""
        if self.next() != character:
            raise _BrokenError
        self.at += 1

    def end(self) -> None:
        """`_BrokenError` where anything but blanks follows."""
        try:
            self.next()
        except _BrokenError:
            return
        raise _BrokenError

    def value(self) -> str | None:
        """Consume a value and give its text; None where it is too long."""
        first = self.next()
        return self._spanned() if first in '{["' else self._word()

    def _word(self) -> str:
        """A number or one of the words of JSON."""
        while True:
            found = PLAIN.match(self.text, self.at)
            end = found.end() if found else self.at
            if end < len(self.text) or self._over:
                break
            self._more(self.at)
            self.at = 0
            if len(self.text) > WORD:
                raise _BrokenError
        if found is None:
            raise _BrokenError
        self.at = end
        return found[0]

    def _spanned(self) -> str | None:
        """A string, object or array, to the quotation mark or bracket that closes it."""
        start = at = self.at
        depth, in_string, too_long = 0, False, False
        while True:
            found = (IN_STRING if in_string else BRACKETS).search(self.text, at)
            if found is None:
                # a backslash may have been the last character: its pair is still to come
                at = max(at, len(self.text))
                if len(self.text) - start > LENGTH:
                    start, too_long = min(at, len(self.text)), True
                at -= start
                if not self._more(start):
                    raise _BrokenError
                start = 0
                continue
            character, at = found[0], found.end()
            if character == "\\":
                at += 1
            elif character == '"':
                in_string = not in_string
            else:
                depth += 1 if character in "{[" else -1
            if depth == 0 and not in_string:
                self.at = at
                return None if too_long else self.text[start:at]
