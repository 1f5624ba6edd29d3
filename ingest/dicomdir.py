"""A DICOMDIR: the index of a medium, which names the files on it (PS3.10 8.6, PS3.3 F.3)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ingest.dicom_header import BrokenDicomError, read_header, sop_class_of

__all__ = ["is_directory", "named_files"]

STORAGE: Final = "1.2.840.10008.1.3.10"
"""Media Storage Directory Storage (PS3.4 B.5)."""


def is_directory(head: bytes) -> bool:
    """Whether the first bytes are those of a DICOMDIR."""
    return sop_class_of(head) == STORAGE


def named_files(path: Path) -> Iterator[tuple[int, Path | str]]:
    """The files that it names, by the number of their record: the path, or the last part of a name that is not there.

    Names are told apart without regard to case, since copies of media often change it. A DICOMDIR that cannot be read
    names itself, so that its reader says what is wrong with it.
    """
    try:
        header = read_header(path, {"DirectoryRecordSequence"}, 1)
    except BrokenDicomError:
        yield 0, path
        return
    for number, record in enumerate(header.items.get("DirectoryRecordSequence", ()), 1):
        parts = [str(part) for part in record.values.get("ReferencedFileID", ())]
        if parts and record.text("DirectoryRecordType") != "PRIVATE":
            yield number, _found(path.parent, parts) or parts[-1]


def _found(folder: Path, parts: list[str]) -> Path | None:
    """The file of a name, within the folder of the index."""
    for part in parts:
        if part in {"", ".", ".."} or "/" in part or "\\" in part:
            return None
        following = folder / part
        if not following.exists():
            alike = (entry for entry in folder.iterdir() if entry.name.casefold() == part.casefold())
            following = next(alike, following)
        if not following.exists():
            return None
        folder = following
    return folder if folder.is_file() else None
