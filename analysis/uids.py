"""UIDs of what is written: made of the content, so that the same input gives the same object."""

from __future__ import annotations

import re
import uuid

__all__ = ["is_uid", "uid_of"]

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://w3id.org/qilin/documents")

UID = re.compile(r"(?=.{3,64}$)[0-2](\.(0|[1-9]\d*))+", re.ASCII)


def uid_of(*parts: object) -> str:
    """A UID under ``2.25`` (PS3.5 section B.2) of a name-based UUID of parts; the same parts give the same.

    >>> uid_of("a", 1) == uid_of("a", 1), uid_of("a", 1) == uid_of("a", 2)
    (True, False)
    """
    return f"2.25.{uuid.uuid5(NAMESPACE, repr(parts)).int}"


def is_uid(text: str | None) -> bool:
    """Whether a text is a DICOM UID (PS3.5 chapter 9).

    >>> is_uid("1.2.3"), is_uid("1.2.03"), is_uid("T01")
    (True, False, False)
    """
    return bool(text and UID.fullmatch(text))
