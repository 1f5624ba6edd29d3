"""Regions of a structured report: shapes drawn in it, and segments of segmentations that it refers to."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Final

from ingest.observed.regions import MILLIMETRES, PIXELS, box_of, polygon_area, region_key
from ingest.sr.model import Graphic, Reference, Shape
from ontology.prefixes import Curie
from ontology.records import Region, RegionFacts
from ontology.terms import q

__all__ = ["images_of", "region_of", "regions"]

SHAPES: Final[dict[str, Curie]] = {
    "CIRCLE": q.CIRCLE_SHAPE,
    "ELLIPSE": q.ELLIPSE_SHAPE,
    "ELLIPSOID": q.ELLIPSOID_SHAPE,
    "MULTIPOINT": q.POINTS_SHAPE,
    "POINT": q.POINT_SHAPE,
    "POLYGON": q.CLOSED_CONTOUR_SHAPE,
}
"""Shapes by graphic type (PS3.3 C.18.6.1.1 and C.18.9.1.1), but for lines, whose points decide."""

AXES: Final = {"ELLIPSE": 2, "ELLIPSOID": 3}
"""How many axes a shape is given by, each by its two ends (PS3.3 C.18.6.1.2)."""

EDGES: Final = Decimal("0.001")


def region_of(document: str, place: str, shapes: tuple[Shape, ...]) -> str | None:
    """The key of the region that shapes mark: the one segment that they refer to, else what is drawn at that place."""
    segments = {(image.instance, number) for shape in shapes for image in shape.images for number in image.segments}
    if any(shape.graphic is not None for shape in shapes):
        return region_key(document, place)
    return region_key(*segments.pop()) if len(segments) == 1 else None


def images_of(shapes: tuple[Shape, ...]) -> list[Reference]:
    """The images that shapes are drawn on, each once."""
    found = (image for shape in shapes if shape.graphic is not None for image in shape.images)
    return list(dict.fromkeys(found))


def regions(subject: str, document: str, place: str, shapes: tuple[Shape, ...]) -> Iterator[Region | RegionFacts]:
    """The regions that shapes mark: identities, and the geometry of what is drawn, all shapes together.

    A segment is described by its segmentation.
    """
    for shape in shapes:
        if shape.graphic is None:
            for image in shape.images:
                for number in image.segments:
                    yield Region(subject=subject, key=region_key(image.instance, number))
    drawn = [shape.graphic for shape in shapes if shape.graphic is not None]
    if drawn:
        key = region_key(document, place)
        yield Region(subject=subject, key=key)
        yield _described(RegionFacts(key=f"{place}/region", subject=subject, region=key, document=document), shapes)


def _described(facts: RegionFacts, shapes: tuple[Shape, ...]) -> RegionFacts:
    """The summary of what is drawn."""
    drawn = [shape.graphic for shape in shapes if shape.graphic is not None]
    images = images_of(shapes)
    points = [point for graphic in drawn for point in _points(graphic)]
    corners = [point for graphic in drawn for point in _corners(graphic)]
    spatial = {graphic.spatial for graphic in drawn}
    one_image = len({(image.instance, image.frames) for image in images}) <= 1
    # pixels of several images, or pixels and millimetres, have no box in common
    box = box_of(corners, MILLIMETRES if spatial == {True} else PIXELS) if spatial == {True} or one_image else None
    kinds = {_shape(graphic) for graphic in drawn}
    frames = {graphic.frame for graphic in drawn if graphic.frame}
    whole = replace(
        facts,
        instance=images[0].instance if len({image.instance for image in images}) == 1 else None,
        instance_count=len({image.instance for image in images}) or None,
        shape=kinds.pop() if len(kinds) == 1 else None,
        contours=len(drawn),
        slices=len({(image.instance, image.frames) for image in images}) or None,
        points=len(points),
        frame_of_reference=frames.pop() if len(frames) == 1 else None,
        area=_area(drawn),
    )
    return replace(whole, **box) if box is not None else whole


def _width(graphic: Graphic) -> int:
    return 3 if graphic.spatial else 2


def _points(graphic: Graphic) -> list[tuple[float, ...]]:
    width = _width(graphic)
    whole = len(graphic.data) // width * width
    return [graphic.data[at : at + width] for at in range(0, whole, width)]


def _corners(graphic: Graphic) -> list[tuple[float, ...]]:
    """The points between which a shape lies: of a circle and an ellipse, those of its box, not of its axes."""
    points = _points(graphic)
    if graphic.kind == "CIRCLE" and len(points) == 2 and not graphic.spatial:
        radius = math.dist(*points)
        return [tuple(value + side * radius for value in points[0]) for side in (-1, 1)]
    if graphic.kind in {"ELLIPSE", "ELLIPSOID"} and len(points) == AXES[graphic.kind] * 2:
        axes = [(points[at], points[at + 1]) for at in range(0, len(points), 2)]
        centre = [(one + other) / 2 for one, other in zip(*axes[0], strict=True)]
        reach = [math.hypot(*((end[axis] - begin[axis]) / 2 for begin, end in axes)) for axis in range(len(centre))]
        return [tuple(value + side * r for value, r in zip(centre, reach, strict=True)) for side in (-1, 1)]
    return points


def _shape(graphic: Graphic) -> Curie | None:
    """The kind of a shape: a line that ends where it began is closed."""
    if graphic.kind != "POLYLINE":
        return SHAPES.get(graphic.kind)
    points = _points(graphic)
    if len(points) == 2:
        return q.LINE_SHAPE
    return q.CLOSED_CONTOUR_SHAPE if len(points) > 2 and points[0] == points[-1] else q.OPEN_CONTOUR_SHAPE


def _area(drawn: list[Graphic]) -> Decimal | None:
    """The area in mm2 of one closed contour in the patient's coordinates; on an image its spacing would be needed."""
    if len(drawn) != 1 or not drawn[0].spatial or _shape(drawn[0]) != q.CLOSED_CONTOUR_SHAPE:
        return None
    area = polygon_area(_points(drawn[0]))
    return Decimal(repr(area)).quantize(EDGES) if 0 < area < 1e9 else None
