"""What an AIM document draws: shapes with their points (markups), the segments that it refers to, and of which of
them its calculations were made.

AIM 3 has ``GeometricShape`` elements that calculations name by their number, AIM 4 ``MarkupEntity`` and
``SegmentationEntity`` elements to which statements of the annotation link calculations by UID.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Final

from lxml import etree

from ingest.aim.elements import field_of, kind_of, named, numbered, under
from ingest.aim.model import Markup, Point, Segment

__all__ = ["markups", "segments", "shapes_of"]

SHAPES: Final = ("geometricShapeCollection/GeometricShape", "markupEntityCollection/MarkupEntity")

COORDINATES: Final = (
    "spatialCoordinateCollection/SpatialCoordinate",
    "twoDimensionSpatialCoordinateCollection/TwoDimensionSpatialCoordinate",
    "threeDimensionSpatialCoordinateCollection/ThreeDimensionSpatialCoordinate",
)

SEGMENTS: Final = "segmentationEntityCollection/SegmentationEntity"

STATEMENTS: Final = "imageAnnotationStatementCollection/ImageAnnotationStatement"

REFERRED: Final = "referencedGeometricShapeCollection/ReferencedGeometricShape"

TEXT: Final = "TextAnnotation"
"""What is written on an image is no region."""

SEVERAL: Final = ""
"""Stands for more than one shape where only one would say something."""


def _drawn(annotation: etree._Element) -> Iterator[tuple[str, etree._Element]]:
    """The shapes of an annotation that are regions, with their places."""
    for at, element in numbered("", under(annotation, *SHAPES)):
        if not kind_of(element).startswith(TEXT):
            yield at, element


def shapes_of(place: str, annotation: etree._Element, calculations: str) -> dict[int, str]:
    """Of which markup or segment, by place, each calculation was made, by its position from 1; others are left out.

    ``calculations`` is the path of the calculations.

    ePAD writes ``0`` for the UID of every calculation: where all statements about it name one shape, it is that of all.
    """
    by_number: dict[str, str] = {}
    by_uid: dict[str, str] = {}
    for at, element in _drawn(annotation):
        number, uid = field_of(element, "shapeIdentifier"), field_of(element, "uniqueIdentifier")
        by_number[number] = SEVERAL if number in by_number else f"{place}/{at}"
        by_uid[uid] = SEVERAL if uid in by_uid else f"{place}/{at}"
    for at, element in numbered("", under(annotation, SEGMENTS)):
        uid = field_of(element, "uniqueIdentifier")
        by_uid[uid] = SEVERAL if uid in by_uid else f"{place}/{at}"
    linked = _linked(annotation, by_uid)
    found: dict[int, str] = {}
    for position, element in enumerate(under(annotation, calculations), 1):
        referred = {
            by_number.get(field_of(item, "referencedShapeIdentifier"), SEVERAL) for item in under(element, REFERRED)
        }
        uid = field_of(element, "uniqueIdentifier", "uid")
        shape = next(iter(referred)) if len(referred) == 1 else linked.get(uid, SEVERAL)
        if shape != SEVERAL:
            found[position] = shape
    return found


def _linked(annotation: etree._Element, shapes: Mapping[str, str]) -> dict[str, str]:
    """The one shape that statements name for the UID of a calculation, by that UID."""
    named_by: defaultdict[str, set[str]] = defaultdict(set)
    for element in under(annotation, STATEMENTS):
        shape = shapes.get(field_of(element, "objectUniqueIdentifier"))
        if shape is not None:
            named_by[field_of(element, "subjectUniqueIdentifier")].add(shape)
    return {uid: next(iter(found)) for uid, found in named_by.items() if len(found) == 1}


def markups(place: str, annotation: etree._Element, measured: Mapping[int, str]) -> Iterator[Markup]:
    """The shapes of an annotation; ``measured`` are those that calculations were made of (`shapes_of`)."""
    of_calculations = set(measured.values())
    for number, (at, element) in enumerate(_drawn(annotation), 1):
        where = f"{place}/{at}"
        coordinates = list(under(element, *COORDINATES))
        frames = [field_of(child, "frameOfReferenceUid", "frameOfReferenceUID") for child in (element, *coordinates)]
        yield Markup(
            place=where,
            number=number,
            uid=field_of(element, "uniqueIdentifier"),
            kind=kind_of(element),
            points=tuple(_point(element, child) for child in _in_order(coordinates)),
            frame_of_reference=next((uid for uid in frames if uid), ""),
            measured=where in of_calculations,
        )


def _in_order(coordinates: list[etree._Element]) -> list[etree._Element]:
    """Coordinates by their index where all have one of their own, else as they stand."""
    indexes = [field_of(child, "coordinateIndex") for child in coordinates]
    if len(set(indexes)) != len(indexes) or not all(
        text.isascii() and text.isdecimal() and len(text) < 10 for text in indexes
    ):
        return coordinates
    return [child for _, child in sorted(zip(map(int, indexes), coordinates, strict=True), key=lambda pair: pair[0])]


def _point(shape: etree._Element, coordinate: etree._Element) -> Point:
    """A coordinate with its image, which AIM 3 states with each and AIM 4 with the shape."""
    image, frame = (
        field_of(coordinate, *names) or field_of(shape, *names)
        for names in (("imageReferenceUID", "imageReferenceUid"), ("referencedFrameNumber",))
    )
    texts = [field_of(coordinate, axis) for axis in ("x", "y", "z")]
    return Point(tuple(texts if texts[2] else texts[:2]), image, frame)


def segments(place: str, annotation: etree._Element) -> Iterator[Segment]:
    """The segments of DICOM segmentations that an annotation refers to."""
    for at, element in numbered(place, under(annotation, SEGMENTS)):
        if next(named(element, "sopInstanceUid"), None) is not None:
            yield Segment(
                place=at,
                uid=field_of(element, "uniqueIdentifier"),
                instance=field_of(element, "sopInstanceUid"),
                segment=field_of(element, "segmentNumber"),
                series=field_of(element, "seriesInstanceUid"),
                study=field_of(element, "studyInstanceUid"),
            )
