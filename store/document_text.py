"""The text of a kept document, packed: what `store.documents` puts in its place, made wherever the document is read."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

__all__ = ["LIMIT", "PackedText", "packed"]

LIMIT = 16 << 20
"""Bytes of a file, or of the text to keep of it, beyond which nothing is kept: it is read again from its locator."""

PIECE = 1 << 16
"""Characters that are packed at once."""


@dataclass(frozen=True, slots=True)
class PackedText:
    """A text as a gzip file, named by the SHA-256 of the text."""

    name: str
    content: bytes


def packed(lines: Iterable[str], limit: int = LIMIT) -> PackedText | None:
    """Lines of text, packed; None where they are more than ``limit`` bytes."""
    digest, size, content = hashlib.sha256(), 0, []
    # gzip without file name and time, so that the same content is the same file
    packing = zlib.compressobj(level=3, wbits=31)
    for data in _pieces(lines):
        size += len(data)
        if size > limit:
            return None
        digest.update(data)
        content.append(packing.compress(data))
    content.append(packing.flush())
    return PackedText(digest.hexdigest(), b"".join(content))


def _pieces(lines: Iterable[str]) -> Iterator[bytes]:
    """Lines in pieces of some length, each line ended."""
    held: list[str] = []
    length = 0
    for line in lines:
        held.append(line)
        length += len(line)
        if length >= PIECE:
            yield "\n".join((*held, "")).encode()
            held, length = [], 0
    if held:
        yield "\n".join((*held, "")).encode()
