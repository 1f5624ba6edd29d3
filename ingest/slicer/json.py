"""Markups of 3D Slicer as it writes them since version 4.11: ``.mrk.json``, schema *markups* version 1."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from typing import Any, Final

from ingest.observed.quantities import ValueProblem
from ingest.slicer.model import Markup, Point, Stated, finite, to_patient
from ingest.slicer.text import Fault
from ontology.prefixes import Curie
from ontology.terms import q

__all__ = ["read_markups"]

SHAPES: Final[dict[str, Curie]] = {
    "Angle": q.OPEN_CONTOUR_SHAPE,
    "ClosedCurve": q.CLOSED_CONTOUR_SHAPE,
    "Curve": q.OPEN_CONTOUR_SHAPE,
    "Fiducial": q.POINTS_SHAPE,
    "Line": q.LINE_SHAPE,
    "Plane": q.RECTANGLE_SHAPE,
    "ROI": q.RECTANGLE_SHAPE,
}
"""Shapes by the type of a markup; another type has none."""

MOST_POINTS: Final = 1_000_000


def read_markups(text: str) -> Iterator[Markup | Fault]:
    """The markups of a document; a fault for each that cannot be read, or one for the whole."""
    try:
        document = json.loads(text, parse_constant=_no_number)
    except (ValueError, RecursionError):
        yield Fault("document", "the document is no JSON", "JSON with finite numbers, as 3D Slicer writes it")
        return
    found = document.get("markups") if isinstance(document, dict) else None
    if not isinstance(found, list):
        yield Fault("document", "the document holds no list of markups", "an object with markups: […]")
        return
    for at, item in enumerate(found, 1):
        try:
            yield from _markup(item, f"markups[{at}]")
        except ValueProblem as error:
            yield Fault(f"markups[{at}]", error.problem, error.wanted)


def _no_number(name: str) -> float:
    raise ValueError(name)


def _markup(item: Any, place: str) -> Iterator[Markup | Fault]:
    if not isinstance(item, dict):
        raise ValueProblem("the markup is no object", "an object with type and controlPoints")
    kind, name = item.get("type"), item.get("name")
    if not isinstance(kind, str):
        raise ValueProblem("the markup has no type", f"one of {', '.join(SHAPES)}")
    # a document without a coordinate system is in LPS (schema version 1.0)
    system = item.get("coordinateSystem", "LPS")
    if _unit(item.get("coordinateUnits", "mm")) != "mm":
        raise ValueProblem("the coordinates are in an unknown unit", "coordinateUnits: mm")
    points = list(_points(item, place, str(system)))
    yield from (point for point in points if isinstance(point, Fault))
    defined = tuple(point for point in points if not isinstance(point, Fault))
    whole = len(defined) == len(points)
    shape = q.POINT_SHAPE if kind == "Fiducial" and len(defined) == 1 else SHAPES.get(kind)
    corners, volume = _box(item, str(system)) if kind == "ROI" else ((), None)
    stated = list(_stated(item, place))
    yield from (value for value in stated if isinstance(value, Fault))
    values = [value for value in stated if isinstance(value, Stated)]
    yield Markup(
        place=place,
        name=name if isinstance(name, str) else _only_label(item),
        shape=shape,
        points=defined,
        corners=corners,
        volume=volume,
        values=(*values, *_given(kind, defined if whole else (), {value.name for value in values}, place)),
    )


def _unit(value: Any) -> str:
    """A unit: its UCUM code, or the code of a triplet, as later versions write it."""
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, str) and value.startswith("("):
        value = value.strip("()").partition(",")[0].strip(" \"'")
    return value.strip() if isinstance(value, str) else ""


def _only_label(item: dict[str, Any]) -> str:
    """The name of a markup that is named by its only point."""
    points = item.get("controlPoints")
    label = points[0].get("label") if isinstance(points, list) and len(points) == 1 and _is_object(points[0]) else ""
    return label if isinstance(label, str) else ""


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _points(item: dict[str, Any], place: str, system: str) -> Iterator[Point | Fault]:
    """The control points that are placed."""
    given = item.get("controlPoints", [])
    if not isinstance(given, list) or len(given) > MOST_POINTS:
        raise ValueProblem("the control points are no list", "controlPoints: […]")
    for at, point in enumerate(given, 1):
        try:
            fields = point if isinstance(point, dict) else {}
            if str(fields.get("positionStatus", "defined")) in {"defined", "preview"}:
                yield to_patient(_numbers(fields.get("position")), system)
        except ValueProblem as error:
            yield Fault(f"{place}/controlPoints[{at}]", error.problem, error.wanted)


def _numbers(value: Any) -> list[float]:
    if not isinstance(value, list) or not all(isinstance(n, int | float) and not isinstance(n, bool) for n in value):
        raise ValueProblem("the position is not of numbers", "three numbers")
    try:
        return [float(number) for number in value]
    except OverflowError as error:
        raise ValueProblem("the position is too large", "three numbers in mm") from error


def _box(item: dict[str, Any], system: str) -> tuple[tuple[Point, ...], float | None]:
    """The corners of a box of interest by centre, edges and orientation (rows of a matrix, axes in its columns)."""
    if "center" not in item or "size" not in item:
        return (), None
    centre, size = finite(_numbers(item["center"])), finite(_numbers(item["size"]))
    turned = _numbers(item.get("orientation", [1, 0, 0, 0, 1, 0, 0, 0, 1]))
    if len(turned) != 9:
        raise ValueProblem("the orientation is no matrix", "nine numbers")
    corners = []
    for signs in ((a, b, c) for a in (-1, 1) for b in (-1, 1) for c in (-1, 1)):
        half = [sign * edge / 2 for sign, edge in zip(signs, size, strict=True)]
        away = [sum(turned[3 * row + column] * half[column] for column in range(3)) for row in range(3)]
        corners.append(to_patient([c + a for c, a in zip(centre, away, strict=True)], system))
    volume = math.prod(map(abs, size))
    return tuple(corners), volume or None


def _stated(item: dict[str, Any], place: str) -> Iterator[Stated | Fault]:
    """The values that the document states and shows (``enabled``)."""
    found = item.get("measurements", [])
    for at, value in enumerate(found if isinstance(found, list) else [], 1):
        if not isinstance(value, dict) or value.get("enabled", True) is False:
            continue
        number, name = value.get("value"), value.get("name")
        at_place = f"{place}/measurements[{at}]"
        if number is None:
            continue
        if isinstance(number, bool) or not isinstance(number, int | float) or not isinstance(name, str):
            yield Fault(at_place, "the measurement is no number with a name", "name and value")
            continue
        yield Stated(name=name, text=repr(number), unit=_unit(value.get("units", "")), place=at_place)


def _given(kind: str, points: Sequence[Point], stated: set[str], place: str) -> Iterator[Stated]:
    """What the points of a line or an angle give, where the document does not state it."""
    if kind == "Line" and len(points) == 2 and "length" not in stated:
        text = repr(math.dist(points[0], points[1]))
        yield Stated(name="length", text=text, unit="mm", place=f"{place}/length", derived=True)
    if kind == "Angle" and len(points) == 3 and "angle" not in stated:
        one, other = ([a - b for a, b in zip(points[end], points[1], strict=True)] for end in (0, 2))
        size = math.hypot(*one) * math.hypot(*other)
        if size:
            cosine = max(-1.0, min(1.0, sum(a * b for a, b in zip(one, other, strict=True)) / size))
            text = repr(math.degrees(math.acos(cosine)))
            yield Stated(name="angle", text=text, unit="deg", place=f"{place}/angle", derived=True)
