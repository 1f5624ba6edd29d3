"""From what an annotation draws to regions: their identities, and their geometry in summary.

A markup is the region of its own UID where it has one that is one, else of its document with its position. A segment
of a DICOM segmentation that the annotation refers to is the region that the segmentation describes.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from ingest.aim.model import Annotation, Markup, Segment
from ingest.observed import lesions
from ingest.observed.quantities import ValueProblem, number
from ingest.observed.regions import MILLIMETRES, PIXELS, box_of, polygon_area, region_key
from ontology.prefixes import Curie
from ontology.records import Region, RegionFacts, Reject
from ontology.terms import q

__all__ = ["Marked", "described", "is_uid", "marked"]

UID = re.compile(r"[0-2](\.\d+)+", re.ASCII)

SHAPES: Final[dict[str, Curie]] = {
    "circle": q.CIRCLE_SHAPE,
    "ellipse": q.ELLIPSE_SHAPE,
    "ellipsoid": q.ELLIPSOID_SHAPE,
    "multipoint": q.POINTS_SHAPE,
    "point": q.POINT_SHAPE,
    "polygon": q.CLOSED_CONTOUR_SHAPE,
}
"""Shapes by type, but for lines, whose points decide; AIM 4 writes ``TwoDimension`` or ``ThreeDimension`` before."""

DIMENSIONS: Final = re.compile(r"(?:two|three)dimension", re.IGNORECASE)

THOUSANDTH: Final = Decimal("0.001")


def is_uid(text: str) -> bool:
    """Whether a text can be a DICOM UID (PS3.5 section 9.1): numbers with points, at most 64 characters."""
    return len(text) <= 64 and UID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Marked:
    """What an annotation marks: the key of the region, and the one image that it is on, by the place of the shape."""

    region: str
    instance: str | None = None
    markup: Markup | None = None
    points: tuple[tuple[float, ...], ...] = ()
    encloses: bool = False
    """Whether something was measured of what lies within it."""


def marked(
    name: str, document: str, annotation: Annotation, enclosing: Set[str]
) -> Iterator[tuple[str, Marked] | Reject]:
    """The regions of an annotation by the place of their shape; what cannot be one is rejected with its place.

    ``document`` is the UID of the annotation, or a stable name of it; ``enclosing`` are the places of shapes of which
    something was measured that only what is closed has, such as an area.
    """
    for markup in annotation.markups:
        try:
            points = tuple(tuple(float(number(text)) for text in point.coordinates) for point in markup.points)
        except ValueProblem as problem:
            yield Reject(name=name, place=markup.place, problem=problem.problem, wanted=problem.wanted)
            continue
        if not points:
            wanted = "a shape with the coordinates of its points"
            yield Reject(name=name, place=markup.place, problem="the markup has no coordinates", wanted=wanted)
            continue
        own = lesions.tracking_uid(markup.uid)
        images = {point.image for point in markup.points if is_uid(point.image)}
        key = region_key(own, "") if own else region_key(document, markup.number)
        yield (
            markup.place,
            Marked(key, images.pop() if len(images) == 1 else None, markup, points, markup.place in enclosing),
        )
    for segment in annotation.segments:
        yield _segment(name, segment)


def _segment(name: str, segment: Segment) -> tuple[str, Marked] | Reject:
    if is_uid(segment.instance) and segment.segment.isascii() and segment.segment.isdecimal():
        return segment.place, Marked(region_key(segment.instance, int(segment.segment)))
    problem, wanted = "the segment has no usable UID or number", "the UID of a segmentation and a segment's number"
    return Reject(name=name, place=segment.place, problem=problem, wanted=wanted)


def described(shape: Marked, facts: RegionFacts, series: Mapping[str, str]) -> Iterator[Region | RegionFacts]:
    """The records of a region; ``facts`` is what its annotation says of it, ``series`` the series of images by UID.

    A segment is described by its segmentation.
    """
    yield Region(subject=facts.subject, key=shape.region)
    markup = shape.markup
    if markup is None:
        return
    images = {point.image for point in markup.points if is_uid(point.image)}
    planes = {(point.image, point.frame) for point in markup.points}
    spatial = all(len(point) == 3 and not given.image for point, given in zip(shape.points, markup.points, strict=True))
    flat = tuple(point if spatial else point[:2] for point in shape.points)
    # pixels of several images have no box in common
    box = box_of(flat, MILLIMETRES if spatial else PIXELS) if spatial or len(planes) == 1 else None
    kind = _shape(shape, markup)
    on_series = {series[image] for image in images if image in series}
    whole = replace(
        facts,
        region=shape.region,
        number=markup.number,
        instance=shape.instance,
        series=on_series.pop() if len(on_series) == 1 else facts.series,
        instance_count=len(images) or None,
        shape=kind,
        contours=1,
        slices=len(planes) if images else None,
        points=len(shape.points),
        frame_of_reference=markup.frame_of_reference if is_uid(markup.frame_of_reference) else None,
        area=_area(flat) if spatial and kind == q.CLOSED_CONTOUR_SHAPE else None,
    )
    yield replace(whole, **box) if box is not None else whole


def _shape(shape: Marked, markup: Markup) -> Curie | None:
    """The kind of a shape: a polyline is closed where it ends as it began, or what lies within it was measured.

    Two points of a calculation are a line: ePAD and ClearCanvas write a ruler as a ``MultiPoint``.
    """
    kind, points = DIMENSIONS.sub("", markup.kind).casefold(), shape.points
    if len(points) == 2 and (kind == "polyline" or (kind == "multipoint" and markup.measured)):
        return q.LINE_SHAPE
    if kind == "polyline":
        closed = len(points) > 2 and (shape.encloses or points[0] == points[-1])
        return q.CLOSED_CONTOUR_SHAPE if closed else q.OPEN_CONTOUR_SHAPE
    return SHAPES.get(kind)


def _area(points: tuple[tuple[float, ...], ...]) -> Decimal | None:
    """The area in mm2 within a closed contour in the patient's coordinates; on an image its spacing would be needed."""
    area = polygon_area(points)
    return Decimal(repr(area)).quantize(THOUSANDTH) if math.isfinite(area) and 0 < area < 1e9 else None
