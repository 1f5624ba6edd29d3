"""Archives without DICOMweb as a source: what C-FIND says of studies and series (PS3.4 C).

``dimse://TITLE@host:port`` is everything that the archive lets us see; ``/studies/UID``, ``/series/UID`` and
``?PatientID=…`` narrow it. A query says little of an image and nothing of how it was de-identified, so that a series
comes in only where the collection's owner has attested that the archive is, and only with what a query can hold:
whose it is, when, modality, body part, the number of instances, descriptions.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from typing import Final

from ingest.archives.dimse_server import Archive, Association, DimseError, is_archive
from ingest.archives.levels import by_level, contradicts
from ingest.base import Context, Source, Yield
from ingest.dicom import reader as dicom
from ingest.dicom.header import Elements, Header, place_of
from ingest.dicom.instances import Instance
from ingest.dicom.series import SeriesSum
from ingest.gate import dicom as gate_dicom
from ingest.gate import review as gate_review
from ingest.gate.review import Reviews
from ingest.locators import shown
from ontology.records import DataClass, Record, Reject, SeriesHeader, SourceRecord

__all__ = ["SOURCE", "read"]

VERSION: Final = "dimse 3"
"""Changes whenever the same answers would give other records."""

STUDY: Final = (
    "PatientID", "PatientName", "PatientBirthDate", "PatientSex", "ReferringPhysicianName", "StudyDate",
    "StudyDescription", "StudyInstanceUID",
)  # fmt: skip
SERIES: Final = (
    "BodyPartExamined", "Manufacturer", "ManufacturerModelName", "Modality", "NumberOfSeriesRelatedInstances",
    "OperatorsName", "PatientIdentityRemoved", "PerformingPhysicianName", "ProtocolName", "SeriesDate",
    "SeriesDescription", "SeriesInstanceUID", "SeriesNumber", "StudyInstanceUID",
)  # fmt: skip
"""What is asked of each level; the names and the birth date only for the gate, which refuses what has them."""


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """Every series that the archives name, each headed by its source record."""
    reviews = Reviews(context)
    for locator in locators:
        name = shown(locator.partition("?")[0])
        if not context.attested:
            problem = "a query does not say whether the archive's images are de-identified"
            yield Reject(
                name=name, place="query", problem=problem, wanted="the owner's attestation (--attest)", quarantine=True
            )
            continue
        archive = Archive(locator)
        try:
            wanted = archive.filters
            with archive.associated() as association:
                yield from _studies(archive, association, dict(wanted), name, reviews)
        except DimseError as error:
            yield Reject(name=name, place=error.place, problem=error.problem, wanted=error.wanted)


def _studies(
    archive: Archive, association: Association, wanted: dict[str, str], name: str, reviews: Reviews
) -> Iterator[Yield]:
    """The series of every study that matches."""
    of_studies, of_series = by_level(wanted)
    seen: set[str] = set()
    done = 0
    for study in association.find("STUDY", {**dict.fromkeys(STUDY, ""), **of_studies}):
        uid = study.text("StudyInstanceUID")
        if uid in seen or contradicts(study, of_studies):
            continue
        seen.add(uid)
        if not dicom.UID.fullmatch(uid):
            yield Reject(
                name=name, place="C-FIND STUDY", problem="a study has no valid UID", wanted="UIDs by PS3.5 9.1"
            )
            continue
        try:
            for header in _series_of(association, study, of_series):
                yield from _series(archive, association, header, reviews)
                done += 1
                reviews.context.progress(done, None)
        except DimseError as error:  # of one study, which leaves the others
            if error.over:
                raise
            yield Reject(name=name, place=error.place, problem=error.problem, wanted=error.wanted)


def _series_of(association: Association, study: Header, wanted: dict[str, str]) -> Iterator[Header]:
    """The series of a study that match, each with what is said of the study."""
    uid = study.text("StudyInstanceUID")
    keys = {**dict.fromkeys(SERIES, ""), **wanted, "StudyInstanceUID": uid}
    for found in association.find("SERIES", keys):
        if not contradicts(found, wanted):
            values = {**study.values, **found.values, "StudyInstanceUID": (uid,)}
            yield Header(values, watched=(*study.watched, *found.watched))


def _series(archive: Archive, association: Association, header: Header, reviews: Reviews) -> Iterator[Yield]:
    """One series, unless the gate refuses what the query says of it."""
    context, uid = reviews.context, header.text("SeriesInstanceUID")
    name = f"series {uid}"
    for keyword in ("PatientID", "SeriesInstanceUID"):
        if not header.text(keyword) or (keyword != "PatientID" and not dicom.UID.fullmatch(uid)):
            wanted = "a value: it says whose the series is"
            yield Reject(name=name, place=place_of(keyword), problem="is missing, or no valid UID", wanted=wanted)
            return
    said = context.mark(_told(header))
    if flaw := gate_dicom.header_flaw(header, attested=context.attested, released=partial(context.released, said)):
        content = said if flaw.releasable else ""
        yield Reject(
            name=name, place=flaw.place, problem=flaw.problem, wanted=flaw.wanted, quarantine=True, content=content
        )
        return
    asked, count = reviews.asked(header), _count(association, header)
    head = SourceRecord(
        kind="dimse",
        name=name,
        digest=hashlib.sha256(_told(header, count).encode()).hexdigest(),
        locator=f"{archive.told}#{uid}",
        data_class=DataClass.IMAGES,
        recipe=VERSION + asked.recipe,
    )
    yield head
    if not context.known(head.digest, head.recipe):
        reviews.tell(name, asked)
        yield from _records(header, head, count, asked.withheld)


def _told(header: Header, count: int | None = None) -> str:
    """All that the query says of a series."""
    return json.dumps([count, sorted((keyword, header.values[keyword]) for keyword in header.values)], default=str)


def _records(header: Header, head: SourceRecord, count: int | None, withheld: frozenset[str]) -> Iterator[Record]:
    series = SeriesSum(*(header.text(name) for name in ("SeriesInstanceUID", "StudyInstanceUID", "PatientID")))
    series.add(header, Instance.at(head.locator, "", head.digest))
    for record in filter(None, (gate_review.without(record, withheld) for record in series.records())):
        yield replace(record, instance_count=count) if isinstance(record, SeriesHeader) else record


def _count(association: Association, header: Elements) -> int | None:
    """How many instances the series has: as stated, else as they are listed at their own level."""
    stated = header.number("NumberOfSeriesRelatedInstances")
    if stated is not None and stated > 0:
        return int(stated)
    keys = {name: header.text(name) for name in ("StudyInstanceUID", "SeriesInstanceUID")}
    listed = association.find("IMAGE", {**keys, "SOPInstanceUID": ""})
    return len({found.text("SOPInstanceUID") for found in listed} - {""}) or None


SOURCE = Source(
    name="dimse",
    accepts=is_archive,
    read=read,
    summary="Archives that are queried by DIMSE C-FIND (dimse://TITLE@host:port): their studies and series",
)
