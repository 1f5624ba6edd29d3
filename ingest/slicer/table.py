"""Tables of 3D Slicer's *Segment Statistics*: a row for each segment, a column for each quantity.

Columns are those that the module shows (``Volume [mm3] (1)``) or its keys
(``LabelmapSegmentStatisticsPlugin.volume_mm3``). Beside a table may lie what Slicer calls its schema,
``NAME.schema.csv``: the unit and the missing value of each column.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from ingest.observed.quantities import ValueProblem

__all__ = ["Cell", "Column", "Row", "is_statistics", "read_table", "schema_of"]

SCHEMA_END: Final = ".schema.csv"
FIRST: Final = "Segment"

SHOWN = re.compile(r"(?P<name>[^\[\]()]+?)\s*(?:\[(?P<unit>[^\]]*)\])?\s*(?:\((?P<plugin>[^)]{1,12})\))?")
KEY = re.compile(r"(?P<plugin>\w+SegmentStatisticsPlugin)\.(?P<name>[a-z0-9_]+?)(?:_(?P<unit>mm3|cm3|mm2|cm2|mm|cm))?")

COORDINATES = re.compile(r"centroid.*|obb.*|principal_axis.*|principal_axes.*")
"""Columns that hold places and directions, which stay in the document."""

SAMPLE: Final = re.compile(r"volume.* \[(mm3|cm3)\]|surface area \[mm2\]|\w+segmentstatisticsplugin\.", re.IGNORECASE)
MOST_ROWS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its number from 1, its header, the name of its quantity, its unit, and which plugin computed it."""

    number: int
    header: str
    name: str
    unit: str
    plugin: str
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell that is not empty."""

    column: Column
    text: str


@dataclass(frozen=True, slots=True)
class Row:
    """A segment: its row in the file, from 1, its name and its cells."""

    number: int
    segment: str
    cells: tuple[Cell, ...]


def is_statistics(header: str, path: Path) -> bool:
    """Whether the first line of a table is one of segment statistics, or a schema says what its columns are."""
    cells = re.split(r"[,\t]", header.strip().lstrip("\ufeff"))
    if cells[0].strip('" ') != FIRST:
        return False
    return bool(SAMPLE.search(header)) or schema_of(path).is_file()


def schema_of(path: Path) -> Path:
    """Where the schema of a table lies."""
    return path.with_name(f"{path.stem}{SCHEMA_END}")


def read_table(path: Path) -> Iterator[Row]:
    """The rows of a table; `ValueProblem` where it is none."""
    delimiter = "\t" if path.suffix.casefold() in {".tsv", ".txt"} else ","
    try:
        with path.open(encoding="utf-8-sig", newline="") as handle:
            rows = csv.reader(handle, delimiter=delimiter)
            columns = list(_columns(next(rows, []), _schema(path)))
            for at, row in enumerate(rows, 2):
                if at > MOST_ROWS:
                    raise ValueProblem("the table is too long", f"at most {MOST_ROWS} segments")
                if row and row[0].strip():
                    yield Row(at, row[0].strip(), tuple(_cells(row, columns)))
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueProblem("the table cannot be read", "CSV in UTF-8") from error


def _columns(header: list[str], schema: dict[str, dict[str, str]]) -> Iterator[Column]:
    """The columns that hold numbers; of a volume in several units the first."""
    seen: set[tuple[str, str]] = set()
    for number, text in enumerate(header[1:], 2):
        said = schema.get(text, {})
        found = KEY.fullmatch(text.strip()) or SHOWN.fullmatch(text.strip())
        if found is None or said.get("type", "double") in {"string", "bit"}:
            continue
        name = re.sub(r"[^a-z0-9]+", "_", found["name"].casefold()).strip("_")
        if COORDINATES.fullmatch(name) or (name, found["plugin"] or "") in seen:
            continue
        seen.add((name, found["plugin"] or ""))
        unit = said.get("unitLabel") or found["unit"] or ""
        yield Column(number, text.strip(), name, unit, found["plugin"] or "", said.get("nullValue", ""))


def _schema(path: Path) -> dict[str, dict[str, str]]:
    file = schema_of(path)
    if not file.is_file():
        return {}
    with file.open(encoding="utf-8-sig", newline="") as handle:
        return {
            row["columnName"]: {key: value or "" for key, value in row.items() if isinstance(key, str)}
            for row in csv.DictReader(handle)
            if row.get("columnName")
        }


def _cells(row: list[str], columns: list[Column]) -> Iterator[Cell]:
    for column in columns:
        text = row[column.number - 1].strip() if len(row) >= column.number else ""
        if text and text.casefold() not in {"nan", "none"} and not _missing(text, column.missing):
            yield Cell(column, text)


def _missing(text: str, missing: str) -> bool:
    """Whether a cell is the column's missing value, as a number or as written."""
    try:
        return bool(missing) and float(text) == float(missing)
    except ValueError:
        return text == missing
