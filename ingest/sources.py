"""The kinds of source that this house reads, in the order in which they are asked, and the walk over locators."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from ingest.base import Source
from ingest.locators import shown

__all__ = ["UnknownKindError", "accepting", "all_sources", "expand", "names", "shown"]


class UnknownKindError(LookupError):
    """A kind of source that is not read; the message names those that are."""

    def __init__(self, kind: str) -> None:
        super().__init__(f"no kind of source {kind!r}; there are: {', '.join(names())}")


@cache
def all_sources() -> tuple[Source, ...]:
    """Every kind of source; the first that accepts a locator reads it."""
    from ingest import (  # noqa: PLC0415 - readers' imports are heavy
        aim,
        biotab,
        cbioportal,
        collection_file,
        dcmqi,
        dicom,
        dicomweb,
        dimse,
        fhir,
        filemaker,
        forms,
        gdc,
        idc,
        nbia,
        nrrd,
        odm,
        parrec,
        radiomics,
        redcap,
        rt,
        rwv,
        sas,
        seg,
        slicer,
        sql,
        sr,
        subjects_file,
        table,
        tcia_manifest,
        xnat,
    )

    return (
        idc.SOURCE,
        nbia.ARCHIVE,  # before the reader of all other archives
        nbia.SOURCE,
        tcia_manifest.SOURCE,
        dicomweb.SOURCE,
        dimse.SOURCE,
        collection_file.SOURCE,
        subjects_file.SOURCE,
        sr.SOURCE,  # this and the next before the reader of all other DICOM files
        seg.SOURCE,
        rt.SOURCE,
        rwv.SOURCE,
        dicom.SOURCE,
        xnat.SOURCE,
        aim.SOURCE,
        dcmqi.SOURCE,
        parrec.SOURCE,
        nrrd.SOURCE,  # before the reader of label maps
        slicer.SOURCE,
        radiomics.SOURCE,
        fhir.SOURCE,
        odm.SOURCE,
        redcap.SOURCE,
        forms.SOURCE,
        filemaker.SOURCE,
        sas.SOURCE,
        sql.SOURCE,
        gdc.SOURCE,
        cbioportal.SOURCE,
        biotab.SOURCE,
        table.SOURCE,
    )


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
    return next((source for source in all_sources() if source.accepts(locator)), None)


def expand(locators: Iterable[str]) -> Iterator[str]:
    """Every file below the folders among the locators, sorted, but no hidden ones; URLs and files as they are.

    Paths are absolute, so that a file is the same place from wherever it is named; each place comes once.
    """
    seen: set[str] = set()
    for locator in locators:
        for place in _places(locator):
            if place not in seen:
                seen.add(place)
                yield place


def _places(locator: str) -> Iterator[str]:
    if "://" in locator:
        yield locator
        return
    path = Path(locator).absolute()
    if not path.is_dir():
        yield str(path)
        return
    for file in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in file.relative_to(path).parts)
        if file.is_file() and not hidden:
            yield str(file)
