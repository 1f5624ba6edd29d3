"""Segmentations (DICOM SEG) as a source: BINARY, FRACTIONAL and LABELMAP (PS3.3 sections A.51 and C.8.20).

One file is one source. What comes in:

- The segmentation's own series, its header through the same gate as any DICOM header, and the series that it refers to.
- Each segment as a region: its number, category, type and anatomic region with their sides (each code as found, too),
  who or what made it and how automatic that was, its tracking UID, how many images it lies on, its slices, box, and its
  area or volume by counting voxels (`ingest.seg.geometry`). A segment that is the background is none.
- What a segment marks as a lesion, by the rules of `ingest.observed.lesions`: where its category is an abnormal
  structure, its type a mass, nodule or neoplasm, or its name that of a lesion.
- The content's creator as a pseudonym, where a person took part.

A segment's label is kept where it is made of the words of structures (`ingest.observed.region_names`) or a steward
has approved it; its description never. Where pixels are missing or cannot be decoded, the segments come in
without geometry, beside a reject that says why.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Final

from ingest.base import Yield
from ingest.dicom.document import Document, DocumentKind, source_of, uid_in
from ingest.dicom.frames import FRAME_KEYWORDS, frames_of
from ingest.dicom.header import BrokenDicomError, place_of
from ingest.gate.dicom import is_dummy
from ingest.observed import lesions, quantities, readers
from ingest.observed.coded import meaning, raw_code
from ingest.observed.regions import MILLIMETRES, PIXELS, box_of, region_key, size
from ingest.observed.sites import Site, site_of
from ingest.seg.geometry import Geometry, Reading, fractional, labels, marked, measure
from ingest.seg.model import SEG_KEYWORDS, Segment, planes_of, segments_of
from ontology import records
from ontology.prefixes import Curie
from ontology.records import Region, RegionFacts
from ontology.terms import dcm, q

__all__ = ["SOURCE"]

VERSION: Final = "seg-5"

SEGMENTATION: Final = "1.2.840.10008.5.1.4.1.1.66.4"
LABEL_MAP: Final = "1.2.840.10008.5.1.4.1.1.66.7"


def translate(document: Document) -> Iterator[Yield]:
    """The records of a segmentation."""
    segments, flaws = segments_of(document)
    yield from flaws
    if not segments:
        yield document.reject(place_of("SegmentSequence"), "holds no segment", "at least one segment")
        return
    series = list(_series(document))
    yield from (records.Series(uid=uid, subject=document.subject, study=document.study) for uid, _ in series)
    kept = {number: segment for number, segment in segments.items() if not _background(document, segment)}
    found: dict[int | None, Geometry] = {}
    try:
        found = _geometry(document, kept)
    except BrokenDicomError as error:
        yield document.reject(error.place, error.problem, error.wanted)
    stray = found.pop(None, None)
    if stray is not None:
        wanted = "the number of a segment for each frame"
        yield document.reject(place_of("ReferencedSegmentNumber"), "is missing for frames with pixels", wanted)
    if strange := found.keys() - segments.keys():
        place = f"{place_of('ReferencedSegmentNumber')} {min(n for n in strange if n is not None)}"
        yield document.reject(place, "is the number of no segment", "a number of the Segment Sequence")
    for number, segment in sorted(kept.items()):
        yield from _region(document, segment, found.get(number), series)


def _series(document: Document) -> Iterator[tuple[str, frozenset[str]]]:
    """The series that are segmented, with the images that are named."""
    for item in document.header.items.get("ReferencedSeriesSequence", ()):
        if uid := uid_in(item, "SeriesInstanceUID"):
            images = item.items.get("ReferencedInstanceSequence", ())
            yield uid, frozenset(found for image in images if (found := uid_in(image, "ReferencedSOPInstanceUID")))


def _background(document: Document, segment: Segment) -> bool:
    return meaning(segment.kind, document.codes) == dcm.BACKGROUND


def _geometry(document: Document, segments: dict[int, Segment]) -> dict[int | None, Geometry]:
    """The geometry of each segment that has a voxel. Raises `BrokenDicomError` where it cannot be had."""
    frames = frames_of(document.path, document.header)
    planes = list(planes_of(document))
    if len(planes) != frames.count:
        raise BrokenDicomError(
            place_of("PerFrameFunctionalGroupsSequence"),
            f"has {len(planes)} items for {frames.count} frames", "one item for each frame",
        )  # fmt: skip
    if len(segments) == 1 and all(plane.segment is None for plane in planes):
        planes = [replace(plane, segment=next(iter(segments))) for plane in planes]
    return measure(frames, planes, _reading(document, segments))


def _reading(document: Document, segments: dict[int, Segment]) -> Reading:
    """How the pixels are read, by Segmentation Type."""
    header = document.header
    kind = header.text("SegmentationType")
    if header.text("SOPClassUID") == LABEL_MAP or kind == "LABELMAP":
        return labels(segments.keys())
    if kind == "BINARY":
        return marked
    maximum = header.number("MaximumFractionalValue") or Decimal(0)
    if kind == "FRACTIONAL" and maximum > 0:
        return fractional(int(maximum), occupancy=header.text("SegmentationFractionalType") == "OCCUPANCY")
    raise BrokenDicomError(
        place_of("SegmentationType"), "is none that is read", "BINARY, LABELMAP, or FRACTIONAL with its maximum"
    )


def _region(
    document: Document, segment: Segment, geometry: Geometry | None, series: list[tuple[str, frozenset[str]]]
) -> Iterator[Yield]:
    """The records of a segment: who made it, the lesion that it marks, the region and what is said of it."""
    key, place = region_key(document.uid, segment.number), f"segment/{segment.number}"
    kind, category = meaning(segment.kind, document.codes), meaning(segment.category, document.codes)
    site = _site(document, segment, {kind, category})
    procedure = _procedure(document, segment)
    reader = _reader(document) if procedure.automation != q.AUTOMATIC else None
    lesion = _lesion(document, segment, {kind, category}, reader, site)
    yield procedure
    yield from (record for record in (reader, *(lesion or ())) if record is not None)
    yield Region(subject=document.subject, key=key)
    facts = RegionFacts(
        key=place,
        subject=document.subject,
        region=key,
        document=document.uid,
        number=segment.number,
        lesion=lesion[0].key if lesion else None,
        study=document.study,
        series=series[0][0] if len(series) == 1 else None,
        reader=reader.key if reader else None,
        procedure=procedure.key,
        when=document.when,
        shape=q.MASK_SHAPE,
        category=category or (q.UNMAPPED if segment.category else None),
        category_code=raw_code(segment.category),
        kind=kind or (q.UNMAPPED if segment.kind else None),
        kind_code=raw_code(segment.kind),
        site=site.structure if site else (q.UNMAPPED if segment.anatomy else None),
        site_code=raw_code((*segment.anatomy, *segment.modifiers)),
        laterality=site.laterality if site else None,
        site_modifier=site.modifier if site else None,
        label=segment.label or None,
        tracking_uid=lesions.tracking_uid(segment.tracking_uid),
        frame_of_reference=uid_in(document.header, "FrameOfReferenceUID"),
    )
    yield from _described(facts, geometry or Geometry(), series)


def _lesion(
    document: Document,
    segment: Segment,
    said: set[Curie | None],
    reader: records.Reader | None,
    site: Site | None,
) -> tuple[records.Lesion, records.LesionFacts] | None:
    """The lesion that a segment marks, and by which rule it is that one; None where it marks none."""
    name = next(filter(lesions.lesion_name, (segment.tracking_id, segment.label)), "")
    if not lesions.is_lesion(said, name):
        return None
    return lesions.identified(
        lesions.Named(
            subject=document.subject,
            place=f"segment/{segment.number}",
            document=region_key(document.uid, segment.number),
            tracking_uid=segment.tracking_uid,
            name=name,
            reader=reader.key if reader else None,
            site=site.structure if site else None,
        )
    )


def _site(document: Document, segment: Segment, said: set[Curie | None]) -> Site | None:
    """Where a segment lies: its anatomic region, else its type, where that is of a structure of the body.

    ePAD writes the category of an abnormal structure as anatomic region, which names no place.
    """
    named = segment.anatomy or (() if said & lesions.ABNORMAL or not said & lesions.ANATOMICAL else segment.kind)
    site = site_of(named, document.codes, segment.modifiers)
    return None if site is None or site.structure in lesions.ABNORMAL else site


def _described(
    facts: RegionFacts, geometry: Geometry, series: list[tuple[str, frozenset[str]]]
) -> Iterator[records.Instance | RegionFacts]:
    """What is said of the region with its geometry, and the image that it lies on where it is one."""
    images = geometry.images or dict.fromkeys(uid for _, named in series for uid in named)
    one = next(iter(images)) if len(images) == 1 else None
    inside = {uid for _, named in series for uid in named}
    if one is not None:
        yield records.Instance(uid=one, subject=facts.subject, series=facts.series if one in inside else None)
    facts = replace(facts, instance=one, instance_count=len(images) or None)
    if not geometry.points:
        yield facts
        return
    # pixels of several images, or pixels and millimetres, have no box in common
    common = geometry.places == {True} or (geometry.places == {False} and one is not None)
    box = box_of(geometry.points, MILLIMETRES if True in geometry.places else PIXELS) if common else None
    volume = size(geometry.volume) if geometry.sized and not geometry.slide else None
    flat = geometry.flat and (geometry.slide or len(geometry.slices) == 1)
    whole = replace(
        facts,
        slices=None if geometry.slide else len(geometry.slices),
        area=size(geometry.area) if flat else None,
        volume=volume,
        method=dcm.SUM_OF_SEGMENTED_VOXEL_METHOD_FOR_VOLUME if volume is not None else None,
    )
    yield replace(whole, **box) if box is not None else whole


def _procedure(document: Document, segment: Segment) -> records.Procedure:
    """The algorithm of a segment, or the program that it was made with, and how automatic that was."""
    automation = quantities.automation(segment.automation)
    software = segment.algorithm or document.header.text("ManufacturerModelName")
    version = segment.version if segment.algorithm else document.header.text("SoftwareVersions")
    key = hashlib.sha256(f"{software}\0{version}\0{automation}".encode()).hexdigest()[:16]
    return records.Procedure(
        key=f"seg-{key}", software=software or None, version=version or None, automation=automation
    )


def _reader(document: Document) -> records.Reader | None:
    """The person who made the content, where the header names one."""
    name = document.header.text("ContentCreatorName")
    words = [word for word in re.split(r"[\^=\s,]+", name) if word]
    return readers.reader_of(document.context, name) if words and not all(map(is_dummy, words)) else None


SOURCE = source_of(
    DocumentKind(
        name="seg",
        version=VERSION,
        summary="DICOM segmentations: each segment as a region, with its volume",
        keywords=SEG_KEYWORDS | FRAME_KEYWORDS,
        bulky=frozenset({"PerFrameFunctionalGroupsSequence"}),
        classes=dict.fromkeys((SEGMENTATION, LABEL_MAP), translate),
    )
)
