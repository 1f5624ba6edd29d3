"""Observations of images out of files, without bringing them into the warehouse: an algorithm's table, or annotations.

The files are read as `qilin ingest` would read them, a table through its table map, and what the gate refuses stays out
of what is written; what is refused and what cannot be read is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import pydicom
from pydicom.errors import InvalidDicomError

from analysis.measurement_set import Image, MeasurementSet, gathered
from analysis.selection import NoRecordsError
from ingest.base import Context
from ingest.gate.records import admit, bare
from ingest.sources import accepting, expand
from ontology.record_uids import record_uid
from ontology.records import Observation, Record, Reject, SourceRecord

__all__ = ["images_in", "of_files"]

KEYWORDS: Final = ["SOPClassUID", "SOPInstanceUID", "SeriesInstanceUID", "StudyInstanceUID"]


def of_files(locators: Sequence[str], context: Context, kind: str | None = None) -> tuple[MeasurementSet, list[Reject]]:
    """The set of files, and what of them could not be read; `NoRecordsError` where nothing of images is in them.

    Files of one kind are read together, so that those which belong together do.
    """
    parts: dict[str, list[str]] = {}
    for locator in expand(locators):
        source = accepting(locator, kind)
        if source is None:
            name, there = Path(locator).name, Path(locator).exists() or "://" in locator or "!/" in locator
            why = "is of no kind that can be read; `qilin ingest --help` says which" if there else "is not there"
            raise NoRecordsError(f"{name} {why}")
        parts.setdefault(source.name, []).append(locator)
    records: list[Record] = []
    rejects: list[Reject] = []
    for name, listed in sorted(parts.items()):
        source, digest = accepting(listed[0], name), ""
        assert source is not None
        for item in source.read(iter(listed), context):
            if isinstance(item, Reject):
                rejects.append(item)
            elif isinstance(item, SourceRecord):
                digest = item.digest
            elif isinstance(item, Record):
                records += [_named(each, digest) for each in _admitted(item, context, rejects)]
    if not any(isinstance(item, Observation) for item in records):
        raise NoRecordsError(_nothing(rejects))
    given = gathered(context.collection, records, deidentified=context.attested)
    # a segmentation is referred to as an object, of which no record speaks
    return given.with_images(images_in(locators)) if given.segments else given, rejects


def _admitted(record: Record, context: Context, rejects: list[Reject]) -> Iterator[Record]:
    """The record as the gate lets it in, if it does; what it refuses is added to ``rejects``."""
    admitted = admit(record, context)
    if isinstance(admitted, Reject):
        rejects.append(admitted)
        reduced = bare(record)
        admitted = admit(reduced, context) if reduced is not None else admitted
    if not isinstance(admitted, Reject):
        yield admitted


def _named(record: Record, digest: str) -> Record:
    """An observation with the UID of what it states: its own, but for one that restates another already."""
    if not isinstance(record, Observation) or record.states is not None:
        return record
    return replace(record, states=record_uid(digest, record.key))


def _nothing(rejects: Iterable[Reject]) -> str:
    first = next(iter(rejects), None)
    if first is None:
        return "the files state no observation of images"
    return f"nothing can be read: {first.name}, {first.place}: {first.problem}; right would be {first.wanted}"


def images_in(locators: Sequence[str]) -> Iterator[Image]:
    """The DICOM objects of files and folders, by their headers; other files are passed over."""
    for locator in expand(locators):
        try:
            header = pydicom.dcmread(locator, stop_before_pixels=True, specific_tags=KEYWORDS)
        except (InvalidDicomError, OSError):
            continue
        uids = [str(header.get(keyword, "")) for keyword in KEYWORDS]
        if all(uids):
            sop_class, uid, series, study = uids
            yield Image(uid, series, study, sop_class)
