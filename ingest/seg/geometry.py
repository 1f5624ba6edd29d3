"""How large the segments of a segmentation are and where: counted from its frames, one strip of pixels at a time.

- A voxel belongs to a segment where its bit is set (BINARY), its value is the segment's number (LABELMAP), it is
  occupied at all (FRACTIONAL, occupancy) or its probability is at least half of the maximum (FRACTIONAL, probability).
- The volume is the number of voxels times their size; of an occupancy, the sum of the fractions. Slices are as far
  apart as is stated; else as the frames are, where that is no more than half above their thickness; else as thick.
- The box is that of the voxels' centres, frame by frame, in the patient's coordinates; of a slide, or of an image
  without a place, in pixels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple, TypeAlias

import numpy as np

from ingest.dicom.frames import Array, Frames, Strip
from ingest.seg.model import Plane

__all__ = ["Extent", "Geometry", "Reading", "fractional", "labels", "marked", "measure"]

SAME: Final = 0.01
"""Slices nearer to each other than this (mm) are one."""

THICKER: Final = 1.5


class Extent(NamedTuple):
    """The voxels of one segment in one strip or frame: how many, and between which rows and columns."""

    voxels: float
    top: int
    bottom: int
    left: int
    right: int

    def with_(self, other: Extent) -> Extent:
        """Both together."""
        return Extent(
            self.voxels + other.voxels,
            min(self.top, other.top),
            max(self.bottom, other.bottom),
            min(self.left, other.left),
            max(self.right, other.right),
        )


Reading: TypeAlias = Callable[[Strip, Plane], Iterator[tuple[int | None, Extent]]]
"""The segments of a strip with their extents; None where the frame does not say which."""


@dataclass(slots=True)
class Geometry:
    """The sums of one segment."""

    volume: float = 0.0
    area: float = 0.0
    sized: bool = True
    """Whether all of its frames say how large a voxel is."""
    flat: bool = True
    """Whether all of its frames say how large a pixel is."""
    places: set[bool] = field(default_factory=set)
    """Whether its frames say where they lie in the patient."""
    slide: bool = False
    slices: set[float] = field(default_factory=set)
    points: list[tuple[float, ...]] = field(default_factory=list)
    """The corners of its voxels, frame by frame: mm where a frame is placed, else pixels."""
    images: dict[str, None] = field(default_factory=dict)


def marked(strip: Strip, plane: Plane) -> Iterator[tuple[int | None, Extent]]:
    """The set pixels of a frame of one segment."""
    yield from _one(plane.segment, strip, strip.pixels != 0, None)


def fractional(maximum: int, *, occupancy: bool) -> Reading:
    """How frames of fractions are read."""

    def read(strip: Strip, plane: Plane) -> Iterator[tuple[int | None, Extent]]:
        inside = strip.pixels > 0 if occupancy else strip.pixels.astype(np.int64) * 2 >= maximum
        yield from _one(plane.segment, strip, inside, strip.pixels.sum() / maximum if occupancy else None)

    return read


def _one(segment: int | None, strip: Strip, inside: Array, voxels: float | None) -> Iterator[tuple[int | None, Extent]]:
    rows, columns = np.flatnonzero(inside.any(axis=1)), np.flatnonzero(inside.any(axis=0))
    if rows.size:
        count = float(np.count_nonzero(inside)) if voxels is None else float(voxels)
        top, bottom = int(rows[0]) + strip.row, int(rows[-1]) + strip.row
        yield segment, Extent(count, top, bottom, int(columns[0]), int(columns[-1]))


def labels(wanted: Set[int]) -> Reading:
    """How frames are read whose values are numbers of segments."""

    def read(strip: Strip, _plane: Plane) -> Iterator[tuple[int | None, Extent]]:
        rows, columns = np.nonzero(strip.pixels if 0 not in wanted else np.ones_like(strip.pixels))
        values = strip.pixels[rows, columns]
        order = np.argsort(values, kind="stable")
        found, starts, counts = np.unique(values[order], return_index=True, return_counts=True)
        if not found.size:
            return
        rows, columns = rows[order] + strip.row, columns[order]
        bounds = [bound.reduceat(axis, starts) for axis in (rows, columns) for bound in (np.minimum, np.maximum)]
        for value, count, *edges in zip(found, counts, *bounds, strict=True):
            if value or 0 in wanted:  # a number that no segment has is told
                top, bottom, left, right = map(int, edges)
                yield int(value), Extent(float(count), top, bottom, left, right)

    return read


def measure(frames: Frames, planes: Sequence[Plane], read: Reading) -> dict[int | None, Geometry]:
    """The sums of each segment that has a voxel; those of frames that do not say whose they are under None."""
    distances = _distances(planes)
    found: dict[int | None, Geometry] = {}
    frame: dict[int | None, Extent] = {}
    last = 0
    for strip in frames.strips():
        if strip.frame != last:
            _take(found, frame, planes[last], last, distances[last])
            frame, last = {}, strip.frame
        for number, extent in read(strip, planes[strip.frame]):
            frame[number] = extent.with_(frame[number]) if number in frame else extent
    _take(found, frame, planes[last], last, distances[last])
    return found


def _take(
    found: dict[int | None, Geometry],
    frame: dict[int | None, Extent],
    plane: Plane,
    index: int,
    distance: float | None,
) -> None:
    """Add what one frame holds of each segment."""
    for number, extent in frame.items():
        geometry = found.setdefault(number, Geometry())
        geometry.images.update(dict.fromkeys(plane.images))
        geometry.slide = geometry.slide or plane.slide
        pixel = math.prod(plane.spacing) if plane.spacing else None
        if pixel is None or pixel <= 0:
            geometry.flat = geometry.sized = False
        else:
            geometry.area += extent.voxels * pixel
            geometry.volume += extent.voxels * pixel * (distance or 0.0)
            geometry.sized = geometry.sized and distance is not None
        offset = _offset(plane)
        geometry.places.add(offset is not None)
        geometry.slices.add(round(offset / SAME) * SAME if offset is not None else float(index))
        corners = [(row, column) for row in extent[1:3] for column in extent[3:5]]
        geometry.points.extend(_point(plane, row, column) for row, column in corners)


def _point(plane: Plane, row: int, column: int) -> tuple[float, ...]:
    """The centre of a pixel: in the patient (PS3.3 section C.7.6.2.1.1), in the slide, or in the image."""
    if plane.slide:
        return plane.position[0] + column, plane.position[1] + row
    if _offset(plane) is None:
        return column, row
    down, right = plane.spacing
    return tuple(
        plane.position[axis] + plane.across[axis] * column * right + plane.across[axis + 3] * row * down
        for axis in range(3)
    )


def _offset(plane: Plane) -> float | None:
    """How far along its normal a frame lies, in mm; None where it has no place in the patient."""
    if plane.slide or len(plane.position) != 3 or len(plane.across) != 6 or len(plane.spacing) != 2:
        return None
    (a, b, c), (d, e, f) = plane.across[:3], plane.across[3:]
    normal = (b * f - c * e, c * d - a * f, a * e - b * d)
    offset = sum(n * p for n, p in zip(normal, plane.position, strict=True))
    return offset if math.isfinite(offset) and abs(offset) < 1e9 else None


def _distances(planes: Sequence[Plane]) -> list[float | None]:
    """How far apart the slices of each frame are, in mm."""
    places: dict[tuple[float, ...], set[float]] = {}
    for plane in planes:
        if (offset := _offset(plane)) is not None:
            places.setdefault(tuple(round(cosine, 3) for cosine in plane.across), set()).add(offset)
    nearest = {
        across: min((b - a for a, b in pairwise(sorted(found)) if b - a > SAME), default=None)
        for across, found in places.items()
    }
    return [_distance(plane, nearest.get(tuple(round(cosine, 3) for cosine in plane.across))) for plane in planes]


def _distance(plane: Plane, nearest: float | None) -> float | None:
    if plane.slide:
        return None
    if plane.between is not None:
        return plane.between
    if nearest is not None and (plane.thickness is None or nearest <= THICKER * plane.thickness):
        return nearest
    return plane.thickness
