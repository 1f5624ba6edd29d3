"""Which region is meant, and its geometry in summary: box, slices, area. Coordinates stay in the document."""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Final, TypedDict

__all__ = ["PIXELS", "Box", "box_of", "polygon_area", "region_key", "size"]

PIXELS: Final = "{pixel}"
MILLIMETRES: Final = "mm"

PLAIN = re.compile(r"[\w.~-]{1,80}", re.ASCII)

DIGITS: Final = Decimal("0.001")
"""A thousandth of a millimetre or pixel: no image resolves more."""


def region_key(document: str, part: str | int) -> str:
    """The key of a region: the UID of its own where it has one (``part`` empty), else its document's and its number.

    Two documents that name the region by these agree. A part that is no plain name is hashed.

    >>> region_key("1.2.3", 4), region_key("1.2.3.9", "")
    ('1.2.3.4', '1.2.3.9')
    """
    key = f"{document}.{part}" if str(part) else document
    return key if PLAIN.fullmatch(key) else hashlib.sha256(key.encode()).hexdigest()[:32]


class Box(TypedDict):
    """The box of a region's points as `records.RegionFacts` holds it."""

    x_low: Decimal
    x_high: Decimal
    y_low: Decimal
    y_high: Decimal
    z_low: Decimal | None
    z_high: Decimal | None
    box_unit: str


def _held(value: float) -> Decimal:
    return Decimal(repr(value)).quantize(DIGITS).normalize() + 0


def box_of(points: Iterable[Sequence[float]], unit: str) -> Box | None:
    """The box of points of two or three coordinates; None where there are none, or one is not finite.

    >>> box_of([(1, 2), (4, 0.5)], PIXELS)["x_high"]
    Decimal('4')
    """
    lows: list[float] = [math.inf] * 3
    highs: list[float] = [-math.inf] * 3
    depth = 0
    for point in points:
        if not 2 <= len(point) <= 3 or not all(math.isfinite(value) and abs(value) < 1e9 for value in point):
            return None
        depth = max(depth, len(point))
        for axis, value in enumerate(point):
            lows[axis], highs[axis] = min(lows[axis], value), max(highs[axis], value)
    if not depth:
        return None
    return Box(
        x_low=_held(lows[0]),
        x_high=_held(highs[0]),
        y_low=_held(lows[1]),
        y_high=_held(highs[1]),
        z_low=_held(lows[2]) if depth == 3 else None,
        z_high=_held(highs[2]) if depth == 3 else None,
        box_unit=unit,
    )


def size(value: float) -> Decimal | None:
    """An area or volume as it is held, below 1 with more digits (of slides); None where it can be none.

    >>> size(12.34567), size(0.0000498), size(0.0)
    (Decimal('12.346'), Decimal('0.0000498'), None)
    """
    if not 1e-9 <= value < 1e12:
        return None
    return _held(value) if value >= 1 else Decimal(repr(value)).quantize(Decimal("1e-9")).normalize()


def polygon_area(points: Sequence[Sequence[float]]) -> float:
    """The area within a closed planar polygon of points in two or three dimensions (half of Newell's vector).

    >>> polygon_area([(0, 0), (2, 0), (2, 3), (0, 3)])
    6.0
    """
    across = [0.0, 0.0, 0.0]
    whole = [(*map(float, point), 0.0)[:3] for point in points]
    for (ax, ay, az), (bx, by, bz) in zip(whole, [*whole[1:], *whole[:1]], strict=True):
        across[0] += ay * bz - az * by
        across[1] += az * bx - ax * bz
        across[2] += ax * by - ay * bx
    return math.hypot(*across) / 2
