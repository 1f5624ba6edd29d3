"""Planar contours in summary: slices, area and volume of what they enclose (DICOM PS3.3 section C.8.8.6).

- Contours are of one plane where they are within a hundredth of a millimetre of it, along the normal of the largest.
- Within a plane a contour that lies in an odd number of others is a hole, in an even number it counts: the rule of
  CLOSEDPLANAR_XOR, and of what tools write as CLOSED_PLANAR without keyholes. A keyhole's way in and out cancel.
  The same contour twice is one. Where two overlap in part, what most points of the one lie in decides.
- Each plane is a slab up to halfway to its neighbours; where one is missing or further away than one and a half times
  the usual distance, half of that. A single plane has the thickness that is stated, else no volume.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

import numpy as np
import numpy.typing as npt

from ingest.observed.quantities import ValueProblem

__all__ = ["Contours", "Ring", "points_in"]

Points = npt.NDArray[np.float64]

MOST_IN_PLANE: Final = 400
"""Contours of one plane that are compared with each other; what has more is a scribble or an attack."""

PROBES: Final = 64
"""Points of a contour that are looked for in another."""

FARTHEST: Final = 1e6
"""Millimetres from the origin beyond which a coordinate is none."""

WIDER: Final = 1.5


@dataclass(frozen=True, slots=True)
class Ring:
    """A closed planar contour."""

    points: Points
    area: float
    normal: tuple[float, float, float]


def points_in(text: str, stated: int | None = None) -> Points:
    """The points of Contour Data, in mm. Raises `ValueProblem` where they are no such, or not as many as is stated."""
    wanted = "three numbers for each point, joined by backslashes, as many points as is stated"
    try:
        values = np.array(text.strip(" \0").split("\\"), dtype=np.float64)
    except ValueError:
        raise ValueProblem("the contour's coordinates are no numbers", wanted) from None
    if values.size % 3 or not np.all(np.abs(values) < FARTHEST):
        raise ValueProblem("the contour's coordinates are no points in a patient", wanted)
    if stated is not None and stated * 3 != values.size:
        raise ValueProblem("the contour has another number of points than it states", wanted)
    return values.reshape(-1, 3)


def _ring(points: Points) -> Ring | None:
    """A closed contour with its area, by Newell's vector; None where it encloses nothing."""
    moved = points - points[0]
    across = np.cross(moved, np.roll(moved, -1, axis=0)).sum(axis=0)
    length = float(np.sqrt((across * across).sum()))
    if length < 1e-9:
        return None
    x, y, z = (float(value) / length for value in across)
    return Ring(points, length / 2, (x, y, z))


@dataclass(slots=True)
class Contours:
    """The contours of one region."""

    thickness: float | None = None
    """The stated thickness of a slab (ContourSlabThickness, mm)."""
    rings: list[Ring] = field(default_factory=list)

    def add(self, points: Points) -> None:
        """Take in one closed contour."""
        if len(points) >= 3 and (ring := _ring(points)) is not None:
            self.rings.append(ring)

    def planes(self) -> dict[float, list[Ring]]:
        """The contours of each plane, by how far along their normal it lies in mm, in that order.

        Raises `ValueProblem` where they are not parallel.
        """
        if not self.rings:
            return {}
        normal = np.array(max(self.rings, key=lambda ring: ring.area).normal)
        found: dict[float, list[Ring]] = {}
        for ring in self.rings:
            offsets = ring.points @ normal
            if abs(float(np.dot(ring.normal, normal))) < 0.999 or float(np.ptp(offsets)) > 0.1:
                raise ValueProblem("the contours are not in parallel planes", "planar contours of one direction")
            found.setdefault(round(float(offsets.mean()), 2) + 0.0, []).append(ring)
        return dict(sorted(found.items()))

    def sizes(self) -> tuple[int, float, float | None]:
        """How many planes there are, the area of all in mm2, and the volume in mm3 where it is known.

        Raises `ValueProblem` where they cannot be had.
        """
        planes = self.planes()
        areas = [_area(rings) for rings in planes.values()]
        slabs = _slabs(list(planes), self.thickness)
        volume = None if slabs is None else sum(area * slab for area, slab in zip(areas, slabs, strict=True))
        return len(planes), sum(areas), volume


def _slabs(places: Sequence[float], stated: float | None) -> list[float] | None:
    """How thick the slab of each plane is, in mm."""
    gaps = [after - before for before, after in pairwise(places)]
    if not gaps:
        return [stated] * len(places) if stated else None
    usual = statistics.median(gaps)
    halves = [(gap if gap <= WIDER * usual else usual) / 2 for gap in gaps]
    return [before + after for before, after in zip([usual / 2, *halves], [*halves, usual / 2], strict=True)]


def _area(rings: Sequence[Ring]) -> float:
    """The area within the contours of a plane, without holes."""
    if len(rings) > MOST_IN_PLANE:
        raise ValueProblem("too many contours in one plane", f"at most {MOST_IN_PLANE}")
    distinct = list({ring.points.tobytes(): ring for ring in rings}.values())
    flat = [_flat(ring) for ring in distinct]
    boxes = [(ring.min(axis=0), ring.max(axis=0)) for ring in flat]
    total = 0.0
    for at, ring in enumerate(distinct):
        depth = sum(
            other != at
            and distinct[other].area > ring.area
            and bool(np.all(boxes[at][0] <= boxes[other][1]) and np.all(boxes[other][0] <= boxes[at][1]))
            and _mostly_in(flat[at], flat[other])
            for other in range(len(distinct))
        )
        total += -ring.area if depth % 2 else ring.area
    return max(total, 0.0)


def _flat(ring: Ring) -> Points:
    """The points of a contour without the coordinate that changes least along its normal."""
    drop = int(np.argmax(np.abs(ring.normal)))
    return np.delete(ring.points, drop, axis=1)


def _mostly_in(ring: Points, other: Points) -> bool:
    """Whether most points of a contour lie in another: of each, how often a ray from it crosses that."""
    probes = ring[:: max(1, math.ceil(len(ring) / PROBES))]
    x, y = probes[:, :1], probes[:, 1:]
    ax, ay = other[:, 0], other[:, 1]
    bx, by = np.roll(ax, -1), np.roll(ay, -1)
    spans = (ay > y) != (by > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        crossing = ax + (y - ay) * (bx - ax) / (by - ay)
    inside = np.count_nonzero(spans & (x < crossing), axis=1) % 2 == 1
    return int(np.count_nonzero(inside)) * 2 > len(probes)
