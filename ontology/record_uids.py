"""The UID of a record, by which a document that is written names what it restates.

It is made of the source's content and the record's key within it, so that it is the same in whatever warehouse and
collection the source is. Read again, the statement is known as the record's duplicate (`store.copies`).
"""

from __future__ import annotations

import hashlib
from typing import Final

__all__ = ["LABEL", "record_uid"]

LABEL: Final = "Record that it restates"
"""What the UID is called in documents, as its name says what it is of."""


def record_uid(digest: str, key: str) -> str:
    """The UID of the record with a key in a source with a SHA-256, of which the first 16 hex digits do.

    >>> record_uid("0123456789abcdef" * 4, "row 2") == record_uid("0123456789abcdef", "row 2")
    True
    """
    said = f"{digest[:16]} {key}".encode()
    # little-endian, as DuckDB's md5_number
    return f"2.25.{int.from_bytes(hashlib.md5(said, usedforsecurity=False).digest(), 'little')}"
