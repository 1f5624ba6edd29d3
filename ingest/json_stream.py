"""A JSON array of objects, read one object at a time."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from decimal import Decimal
from typing import IO, Any, Final

__all__ = ["objects"]

LARGEST: Final = 64 << 20
"""The characters of one object."""


def objects(content: IO[bytes]) -> Iterator[dict[str, Any]]:
    """The objects of an array in UTF-8, or the one object that stands alone; numbers with a point are Decimals.

    ValueError where the text is neither or is cut off, or where an object is too long; RecursionError where it is
    nested too deep. Nothing is no object.
    """
    text = _Text(content)
    first = text.first()
    if first == "{":
        yield text.object()
    elif first == "[":
        yield from _listed(text)
    if text.first():
        raise ValueError("something that is no list of objects")


def _listed(text: _Text) -> Iterator[dict[str, Any]]:
    text.drop()
    if text.first() == "]":
        text.drop()
        return
    while True:
        text.first()
        yield text.object()
        following = text.first()
        text.drop()
        if following == "]":
            return
        if following != ",":
            raise ValueError("a list that is cut off")


class _Text:
    """A text that is read as far as it is needed."""

    def __init__(self, content: IO[bytes]) -> None:
        self.content, self.held, self.size, self.ended = content, "", 1 << 16, False
        self.bytes = codecs.getincrementaldecoder("utf-8-sig")()
        self.parser = json.JSONDecoder(parse_float=Decimal, parse_constant=_no_constant)

    def first(self) -> str:
        """The next sign that is no white space; empty at the end."""
        self.held = self.held.lstrip()
        while not self.held and not self.ended:
            self._more()
            self.held = self.held.lstrip()
        return self.held[:1]

    def drop(self) -> None:
        """Go on behind the sign that `first` gave."""
        self.held = self.held[1:]

    def object(self) -> dict[str, Any]:
        """The next value, which must be an object."""
        while True:
            try:
                found, end = self.parser.raw_decode(self.held)
            except json.JSONDecodeError:
                if self.ended or len(self.held) > LARGEST:
                    raise
                self._more()
                continue
            if not isinstance(found, dict):
                raise ValueError("a value that is no object")  # noqa: TRY004 - a fault of the text, as the others
            self.held = self.held[end:]
            return found

    def _more(self) -> None:
        """Read on, twice as much each time that an object is not yet whole, so that none is parsed often."""
        piece = self.content.read(max(self.size, len(self.held)))
        self.ended = not piece
        self.held += self.bytes.decode(piece, final=self.ended)


def _no_constant(name: str) -> float:
    raise ValueError(name)
