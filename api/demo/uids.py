"""Identifiers of the demonstration data: the same for the same seed, and marked as made from a UUID."""

from __future__ import annotations

import uuid

__all__ = ["tracking_uid", "uid"]

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://w3id.org/qilin/demo")


def uid(*parts: object) -> str:
    """A DICOM UID under the root 2.25 (PS3.5 B.2) that names these parts and nothing else.

    >>> uid(1, "QD-001") == uid(1, "QD-001") != uid(2, "QD-001")
    True
    """
    return f"2.25.{uuid.uuid5(NAMESPACE, '/'.join(map(str, parts))).int}"


def tracking_uid(seed: int, subject: str, lesion: str) -> str:
    """The UID that follows a lesion over time, for every reader the same (as DICOM's Tracking Unique Identifier)."""
    return uid(seed, subject, lesion, "tracking")
