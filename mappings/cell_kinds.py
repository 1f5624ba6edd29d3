"""What the cells of a column are: numbers, dates, codes, texts; which say nothing; the unit that they bring."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from mappings.words import fold
from ontology.units import usual

__all__ = ["CODED", "INTEGER", "Shown", "ValueKind", "kind_of", "missing_cells", "plain_number", "unit_in"]

CODED = 60
"""A column with at most so many different cells may be coded."""
LONG = 60
"""Letters of a cell beyond which it reads as free text."""


class ValueKind(StrEnum):
    """What the cells of a column are."""

    EMPTY = "empty"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    CODE = "code"
    TEXT = "text"
    IDENTIFIER = "identifier"
    UID = "uid"


MISSING = re.compile(
    r"#?n\.?/?a\.?|nan|nd|nr|null|nil|missing|-+|\.|\?"
    r"|\[?not[ _](?:applicable|assessed|available|done|evaluated|recorded|reported)\]?"
    r"|\[(?:completed|discrepancy|pending|unknown)\]"
)
"""Cells, folded, that usually say nothing. *Unknown* and *none* are answers."""
SENTINELS = frozenset(["-1", "-9", "-88", "-99", "-888", "-999", "-8888", "-9999", "99", "999", "9999"])
"""Numbers that often stand for nothing, where they lie outside of the other cells."""

NUMBER = re.compile(r"[<>\u2264\u2265]?=?\s*[+-]?(?:\d+(?:[.,]\d*)?|[.,]\d+)(?:[eE][+-]?\d+)?")
WITH_UNIT = re.compile(r"[<>]?=?\s*[+-]?\d+(?:[.,]\d+)?\s*([A-Za-z%/\u00b5\u00b3\u00b2]{1,8}\d?)")
INTEGER = re.compile(r"[+-]?\d{1,15}")
UID = re.compile(r"\d+(?:\.\d+){5,}")
DATES: Mapping[str, re.Pattern[str]] = {
    "": re.compile(r"(?:19|20)\d\d-(?:0?[1-9]|1[0-2])(?:-(?:0?[1-9]|[12]\d|3[01]))?(?:[T ]\d\d:\d\d(?::\d\d)?.*)?"),
    "%m/%d/%Y": re.compile(r"(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])/(?:19|20)\d\d"),
    "%d/%m/%Y": re.compile(r"(?:0?[1-9]|[12]\d|3[01])/(?:0?[1-9]|1[0-2])/(?:19|20)\d\d"),
    "%d.%m.%Y": re.compile(r"(?:0?[1-9]|[12]\d|3[01])\.(?:0?[1-9]|1[0-2])\.(?:19|20)\d\d"),
    "%Y/%m/%d": re.compile(r"(?:19|20)\d\d/(?:0?[1-9]|1[0-2])/(?:0?[1-9]|[12]\d|3[01])"),
    "%Y%m%d": re.compile(r"(?:19|20)\d\d(?:0[1-9]|1[0-2])(?:0[1-9]|[12]\d|3[01])"),
    "%d-%b-%Y": re.compile(r"(?:0?[1-9]|[12]\d|3[01])-[A-Za-z]{3}-(?:19|20)\d\d"),
    "%d%b%Y": re.compile(r"(?:0[1-9]|[12]\d|3[01])[A-Za-z]{3}(?:19|20)\d\d"),
}
"""Forms of dates by ``strptime`` form; the empty one is ISO, which a map need not name."""


@dataclass(frozen=True, slots=True)
class Shown:
    """The kind of cells, and the form of dates among them."""

    kind: ValueKind
    form: str | None = None


def unit_in(values: Mapping[str, int]) -> str:
    """The unit that stands behind the number in nearly every cell; empty where there is none."""
    found = Counter(hit[1] for cell in values if (hit := WITH_UNIT.fullmatch(cell)))
    unit, count = found.most_common(1)[0] if found else ("", 0)
    return unit if count > 0.9 * len(values) and usual(unit) else ""


def plain_number(cell: str) -> bool:
    """Whether a cell is a number without sign of comparison or unit."""
    return re.fullmatch(r"[+-]?\d*[.,]?\d+", cell) is not None


def missing_cells(counts: Mapping[str, int]) -> frozenset[str]:
    """The cells that say nothing: by their words, or numbers far from all others."""
    found = {cell for cell in counts if MISSING.fullmatch(fold(cell))}
    numbers = {cell: float(cell) for cell in counts if cell not in found and INTEGER.fullmatch(cell)}
    suspects = SENTINELS & numbers.keys()
    if suspects:
        rest = [number for cell, number in numbers.items() if cell not in suspects]
        rest += [float(cell.replace(",", ".")) for cell in counts if "." in cell and plain_number(cell)]
        for cell in suspects:
            below = numbers[cell] < 0 and (not rest or min(rest) >= 0)
            above = numbers[cell] >= 99 and bool(rest) and max(rest) * 5 < numbers[cell]
            if below or above:
                found.add(cell)
    return frozenset(found)


def kind_of(values: Mapping[str, int], distinct: int, rows: int) -> Shown:
    """What the cells of a column are; nine in ten of the different ones decide.

    >>> kind_of({"2014-02-03": 1, "2014-05-01": 1}, 2, 2).kind, kind_of({"M": 5, "F": 4}, 2, 9).kind
    (<ValueKind.DATE: 'date'>, <ValueKind.CODE: 'code'>)
    """
    if not values:
        return Shown(ValueKind.EMPTY)
    shapes: tuple[tuple[ValueKind, re.Pattern[str], float], ...] = (
        (ValueKind.UID, UID, 0.9),
        *((ValueKind.DATE, pattern, 0.9) for pattern in DATES.values()),
        (ValueKind.INTEGER, INTEGER, 0.9),
        (ValueKind.NUMBER, NUMBER, 0.8),
    )
    for kind, pattern, share in shapes:
        if sum(1 for cell in values if pattern.fullmatch(cell)) >= share * len(values):
            form = next(form for form, known in DATES.items() if known is pattern) if kind is ValueKind.DATE else None
            return Shown(kind, form)
    return Shown(_worded(values, distinct, rows))


def _worded(values: Mapping[str, int], distinct: int, rows: int) -> ValueKind:
    """The kind of cells that are words."""
    length = sum(map(len, values)) / len(values)
    alone = distinct / max(sum(values.values()), 1)
    if distinct > 20 and alone > 0.95 and length < LONG and all(" " not in cell for cell in list(values)[:200]):
        return ValueKind.IDENTIFIER
    long = length > LONG and distinct > 20
    return ValueKind.TEXT if long or (distinct > CODED and distinct > 0.3 * rows) else ValueKind.CODE
