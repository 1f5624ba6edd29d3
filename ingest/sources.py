"""The kinds of source that this house reads, in the order in which they are asked, and the walk over locators."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from operator import attrgetter
from pathlib import Path
from typing import Final

from ingest.base import Source, head_of
from ingest.dicom.header import sop_class_of
from ingest.dicom.meta import MARK
from ingest.locators import shown

__all__ = ["UnknownKindError", "accepting", "all_sources", "expand", "files_at", "names", "shown"]

HEAD: Final = 4096
"""The bytes of a DICOM file within which its SOP class is looked for."""

IMAGES: Final = "dicom"
"""The kind of all DICOM files that no other kind reads."""


class UnknownKindError(LookupError):
    """A kind of source that is not read; the message names those that are."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"no kind of source {kind!r}; there are: {', '.join(names())}")


@cache
def all_sources() -> tuple[Source, ...]:
    """Every kind of source; the first that accepts a locator reads it."""
    from ingest.kinds import KINDS  # noqa: PLC0415 - readers' imports are heavy

    return KINDS


def names() -> list[str]:
    """The names of the kinds."""
    return [source.name for source in all_sources()]


def accepting(locator: str, kind: str | None = None) -> Source | None:
    """The kind that reads a locator, or None; a named kind is taken at its word."""
    if kind is not None:
        named = [source for source in all_sources() if source.name == kind]
        if not named:
            raise UnknownKindError(kind)
        return named[0]
    if "://" not in locator and (head := head_of(locator, HEAD))[128:132] == MARK:
        return _reader_of(sop_class_of(head))  # most files of most runs, of which no other kind need be asked
    return next((source for source in all_sources() if source.accepts(locator)), None)


@lru_cache(maxsize=256)
def _reader_of(sop_class: str) -> Source | None:
    """The kind that reads DICOM files of an SOP class: one of those of single objects, else that of images."""
    kinds = all_sources()
    single = (source for source in kinds if source.sop_classes(sop_class))
    return next(single, next((source for source in kinds if source.name == IMAGES), None))


def expand(locators: Iterable[str]) -> Iterator[str]:
    """Every file below the folders among the locators, sorted, but no hidden ones; URLs and files as they are.

    Paths are absolute, so that a file is the same place from wherever it is named; each place comes once.
    """
    seen: set[str] = set()
    for locator in locators:
        for place in files_at(locator):
            if place not in seen:
                seen.add(place)
                yield place


def files_at(locator: str) -> Iterator[str]:
    """The files of one locator, as `expand` gives them."""
    if "://" in locator:
        yield locator
        return
    path = str(Path(locator).absolute())
    if os.path.isdir(path):  # noqa: PTH112 - a path in a folder that is shut is no error
        yield from _files_below(path)
    else:
        yield path


def _files_below(folder: str) -> Iterator[str]:
    """In the order of their names, folder by folder; links to folders are not followed, nor those that lead nowhere.

    A folder that is shut comes itself, so that it is told. One call of the system for each folder says what everything
    in it is.
    """
    try:
        with os.scandir(folder) as entries:
            listed = sorted((entry for entry in entries if not entry.name.startswith(".")), key=attrgetter("name"))
    except PermissionError:
        yield folder
        return
    for entry in listed:
        if entry.is_dir(follow_symlinks=False):
            yield from _files_below(entry.path)
        elif _is_file(entry):
            yield entry.path


def _is_file(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_file()
    except OSError:  # a link that leads in a circle
        return False
