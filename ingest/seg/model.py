"""A segmentation (DICOM SEG, PS3.3 sections A.51 and C.8.20) as its header describes it: segments and frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from ingest.dicom.document import Document, codes_in, uid_in
from ingest.dicom.header import Elements, place_of
from ingest.observed.coded import Code
from ontology.records import Reject

__all__ = ["SEG_KEYWORDS", "Plane", "Segment", "planes_of", "segments_of"]

SEG_KEYWORDS: Final = frozenset(
    (
        "ContentCreatorName",
        "FrameOfReferenceUID",
        "MaximumFractionalValue",
        "PerFrameFunctionalGroupsSequence",
        "ReferencedSeriesSequence",
        "SegmentSequence",
        "SegmentationFractionalType",
        "SegmentationType",
        "SharedFunctionalGroupsSequence",
    )
)

MOST_SEGMENTS: Final = 65535
"""Segment Number is of VR US."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One item of the Segment Sequence (PS3.3 section C.8.20.4)."""

    number: int
    label: str
    category: tuple[Code, ...]
    kind: tuple[Code, ...]
    anatomy: tuple[Code, ...]
    modifiers: tuple[Code, ...]
    """Of the anatomic region and of the type: sides stand in either."""
    automation: str
    algorithm: str
    version: str
    tracking_id: str
    tracking_uid: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plane:
    """Where a frame lies: of whose segment it is, on which images, and its place and spacing."""

    segment: int | None
    images: tuple[str, ...]
    position: tuple[float, ...]
    """Of its first pixel in the patient (mm), or of a slide's tile: column and row in the whole (pixels from 0)."""
    slide: bool
    across: tuple[float, ...]
    """The directions of rows and columns: six cosines."""
    spacing: tuple[float, ...]
    """The distance of rows and of columns in mm."""
    thickness: float | None
    between: float | None
    """The distance of slices in mm, where it is stated."""


def segments_of(document: Document) -> tuple[dict[int, Segment], list[Reject]]:
    """The segments by number, and a reject for each that has none of its own."""
    found: dict[int, Segment] = {}
    flaws: list[Reject] = []
    for at, item in enumerate(document.header.items.get("SegmentSequence", ())):
        number = item.number("SegmentNumber")
        place = f"{place_of('SegmentNumber')}, item {at + 1}"
        if number is None or not 0 <= number <= MOST_SEGMENTS:
            flaws.append(document.reject(place, "is missing or no number of a segment", "a whole number up to 65535"))
        elif int(number) in found:
            flaws.append(document.reject(place, "stands twice", "one item for each segment"))
        else:
            found[int(number)] = _segment(int(number), item)
    return found, flaws


def _segment(number: int, item: Elements) -> Segment:
    named = next(iter(item.items.get("SegmentationAlgorithmIdentificationSequence", ())), Elements({}))
    below = ("AnatomicRegionSequence", "SegmentedPropertyTypeCodeSequence")
    modified = ("AnatomicRegionModifierSequence", "SegmentedPropertyTypeModifierCodeSequence")
    modifiers = [
        code
        for above, name in zip(below, modified, strict=True)
        for holder in (item, *item.items.get(above, ()))
        for code in codes_in(holder, name)
    ]
    return Segment(
        number=number,
        label=item.text("SegmentLabel"),
        category=codes_in(item, "SegmentedPropertyCategoryCodeSequence"),
        kind=codes_in(item, "SegmentedPropertyTypeCodeSequence"),
        anatomy=codes_in(item, "AnatomicRegionSequence"),
        modifiers=tuple(dict.fromkeys(modifiers)),
        automation=item.text("SegmentAlgorithmType"),
        algorithm=named.text("AlgorithmName") or item.text("SegmentAlgorithmName"),
        version=named.text("AlgorithmVersion"),
        tracking_id=item.text("TrackingID"),
        tracking_uid=item.text("TrackingUID"),
    )


class _Groups:
    """The functional groups of a frame: its own, else those that all frames share (PS3.3 section C.7.6.16)."""

    def __init__(self, own: Elements, shared: Elements) -> None:
        self.own, self.shared = own, shared

    def item(self, keyword: str) -> Elements:
        found = self.own.items.get(keyword) or self.shared.items.get(keyword)
        return found[0] if found else Elements({})

    def numbers(self, group: str, keyword: str, count: int) -> tuple[float, ...]:
        values = [float(value) for value in self.item(group).values.get(keyword, ()) if not isinstance(value, str)]
        return tuple(values) if len(values) == count else ()

    def images(self) -> tuple[str, ...]:
        derivations = self.own.items.get("DerivationImageSequence") or self.shared.items.get("DerivationImageSequence")
        sources = (source for item in derivations or () for source in item.items.get("SourceImageSequence", ()))
        return tuple(uid for source in sources if (uid := uid_in(source, "ReferencedSOPInstanceUID")))


def planes_of(document: Document) -> Iterator[Plane]:
    """Where each frame lies, in their order."""
    shared = next(iter(document.header.items.get("SharedFunctionalGroupsSequence", ())), Elements({}))
    for own in document.header.items.get("PerFrameFunctionalGroupsSequence", ()):
        yield _plane(_Groups(own, shared))


def _plane(groups: _Groups) -> Plane:
    number = groups.item("SegmentIdentificationSequence").number("ReferencedSegmentNumber")
    tile = groups.item("PlanePositionSlideSequence")
    corner = [tile.number(f"{side}PositionInTotalImagePixelMatrix") for side in ("Column", "Row")]
    slide = all(value is not None for value in corner)
    position = groups.numbers("PlanePositionSequence", "ImagePositionPatient", 3)
    return Plane(
        segment=None if number is None else int(number),
        images=groups.images(),
        position=tuple(float(value) - 1 for value in corner if value is not None) if slide else position,
        slide=slide,
        across=groups.numbers("PlaneOrientationSequence", "ImageOrientationPatient", 6),
        spacing=groups.numbers("PixelMeasuresSequence", "PixelSpacing", 2),
        thickness=_positive(groups.numbers("PixelMeasuresSequence", "SliceThickness", 1)),
        between=_positive(groups.numbers("PixelMeasuresSequence", "SpacingBetweenSlices", 1)),
    )


def _positive(values: tuple[float, ...]) -> float | None:
    return values[0] if values and values[0] > 0 else None
