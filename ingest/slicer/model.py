"""What 3D Slicer's files of markups say, whatever their format: shapes in the patient's coordinates, with values."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from ingest.observed.quantities import ValueProblem
from ontology.prefixes import Curie

__all__ = ["SIGNS", "Markup", "Point", "Stated", "finite", "to_patient"]

Point: TypeAlias = tuple[float, float, float]

SIGNS: Final[dict[str, tuple[int, int]]] = {"LPS": (1, 1), "RAS": (-1, -1)}
"""The signs of x and y by coordinate system: DICOM's is LPS, Slicer's own RAS."""

FARTHEST: Final = 1e6
"""No point of a patient is a kilometre away."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stated:
    """A value of a markup: that which the file states, or that which its points give."""

    name: str
    """As Slicer names it: ``length``, ``angle``, ``area``, ``volume``."""
    text: str
    unit: str
    place: str
    derived: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Markup:
    """One markup: a list of points, a line, an angle, a curve, a plane, a box."""

    place: str
    """Where it stands in the file."""
    name: str
    shape: Curie | None
    points: tuple[Point, ...]
    """Control points in mm in the patient's coordinates (LPS)."""
    corners: tuple[Point, ...] = ()
    """The corners of its box, where its points are not on its edge."""
    volume: float | None = None
    values: tuple[Stated, ...] = ()


def finite(values: Sequence[float]) -> Point:
    """Three coordinates; `ValueProblem` where they are not three, or no place in a patient."""
    if len(values) != 3 or not all(math.isfinite(value) and abs(value) < FARTHEST for value in values):
        raise ValueProblem("the point is not a place", "three numbers in mm, such as 12.5 -93.5 7.5")
    return values[0], values[1], values[2]


def to_patient(values: Sequence[float], system: str) -> Point:
    """A point in the patient's coordinates of DICOM.

    >>> to_patient((1.0, 2.0, 3.0), "RAS")
    (-1.0, -2.0, 3.0)
    """
    if system not in SIGNS:
        raise ValueProblem("the coordinate system is not known", "LPS or RAS")
    point, (x, y) = finite(values), SIGNS[system]
    return x * point[0] + 0.0, y * point[1] + 0.0, point[2] + 0.0
