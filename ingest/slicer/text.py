"""Older markups of 3D Slicer in text: ``.fcsv`` (lists of points) and ``.acsv`` (annotations: rulers, boxes, points).

The columns and the coordinate system are named in comments of the header. An ``.fcsv`` without a coordinate system, and
every ``.acsv``, is in RAS, as the versions that wrote them were.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from ingest.observed.quantities import ValueProblem, number
from ingest.slicer.model import Markup, Point, Stated, to_patient
from ontology.terms import q

__all__ = ["Fault", "read_annotation", "read_fiducials"]

SYSTEMS: Final = {"0": "RAS", "1": "LPS", "RAS": "RAS", "LPS": "LPS"}
"""How the header writes a coordinate system; the numbers are those before version 4.11. 2 (IJK) needs the image."""

ENTRY = re.compile(r"#\s*([^=#]{1,60}?)\s*=\s*(.*)")


@dataclass(frozen=True, slots=True)
class Fault:
    """A line that cannot be read."""

    place: str
    problem: str
    wanted: str


@dataclass(slots=True)
class Lines:
    """A file: what its comments say, and the lines below, with their numbers."""

    said: dict[str, str] = field(default_factory=dict)
    rows: list[tuple[int, str]] = field(default_factory=list)


def _lines(text: str) -> Lines:
    found = Lines()
    for at, line in enumerate(text.splitlines(), 1):
        entry = ENTRY.match(line)
        if entry:
            found.said.setdefault(entry[1], entry[2].strip())
        elif line.strip() and not line.startswith("#"):
            found.rows.append((at, line))
    return found


def _coordinates(row: Mapping[str, str], system: str) -> Point:
    return to_patient([float(number(row.get(axis) or "")) for axis in "xyz"], system)


def read_fiducials(text: str) -> Iterator[Markup | Fault]:
    """The points of an ``.fcsv``: one markup; a line that is no point is a fault of its own."""
    lines = _lines(text)
    columns = lines.said.get("columns", "label,x,y,z,sel,vis").split(",")
    system = SYSTEMS.get(lines.said.get("CoordinateSystem", "RAS").upper(), "")
    points: list[Point] = []
    names: list[str] = []
    for at, line in lines.rows:
        try:
            row = dict(zip(columns, next(csv.reader([line]), []), strict=False))
            points.append(_coordinates(row, system))
            names.append(row.get("label") or "")
        except (ValueProblem, csv.Error) as error:
            yield _fault(f"line {at}", error)
    if points:
        name = lines.said.get("name") or (names[0] if len(points) == 1 else "")
        shape = q.POINT_SHAPE if len(points) == 1 else q.POINTS_SHAPE
        yield Markup(place="markups[1]", name=name, shape=shape, points=tuple(points))


def read_annotation(text: str) -> Iterator[Markup | Fault]:
    """The annotation of an ``.acsv``: a ruler, a box given by centre and half its edges, or a point."""
    lines = _lines(text)
    columns = lines.said.get("pointColumns", "type|x|y|z|sel|vis").split("|")
    rows: list[Point] = []
    for at, line in lines.rows:
        if not line.startswith("point|"):
            continue
        try:
            rows.append(_coordinates(dict(zip(columns, line.split("|"), strict=False)), "RAS"))
        except ValueProblem as error:
            yield _fault(f"line {at}", error)
    name, kinds = lines.said.get("Name", ""), {line.partition("|")[0] for _, line in lines.rows}
    if not rows:
        return
    if "ruler" in kinds and len(rows) == 2:
        yield _ruler(name, (rows[0], rows[1]))
    elif "line" in kinds and len(rows) == 2:
        yield _box(name, rows[0], rows[1])
    else:
        shape = q.POINT_SHAPE if len(rows) == 1 else q.POINTS_SHAPE
        yield Markup(place="annotation", name=name, shape=shape, points=tuple(rows))


def _ruler(name: str, ends: tuple[Point, Point]) -> Markup:
    """A ruler: its length is the distance of its ends, as Slicer shows it."""
    length = Stated(name="length", text=repr(math.dist(*ends)), unit="mm", place="annotation/length", derived=True)
    return Markup(place="annotation", name=name, shape=q.LINE_SHAPE, points=ends, values=(length,))


def _box(name: str, centre: Point, half: Point) -> Markup:
    """A box of interest: its second point holds half its edges."""
    edges = [abs(value) for value in half]
    low, high = ((*(c + side * e for c, e in zip(centre, edges, strict=True)),) for side in (-1, 1))
    corners = ((low[0], low[1], low[2]), (high[0], high[1], high[2]))
    volume = math.prod(2 * edge for edge in edges)
    return Markup(
        place="annotation",
        name=name,
        shape=q.RECTANGLE_SHAPE,
        points=(centre,),
        corners=corners,
        volume=volume if all(edges) else None,
    )


def _fault(place: str, error: ValueProblem | csv.Error) -> Fault:
    if isinstance(error, ValueProblem):
        return Fault(place, error.problem, error.wanted)
    return Fault(place, "the line cannot be read", "values separated by commas")
