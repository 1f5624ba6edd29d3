"""Long tables: one column names the item, another holds its value, perhaps a third its unit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mappings.profile import Column, Table, ValueKind
from mappings.suggest import PROPOSED, Advice, Proposal, Suggester
from ontology.units import usual

__all__ = ["RECORDS", "Long", "long_of"]

MOST = 400
"""Different items of a long table."""
SEPARATE = r"(?:^|[\W_]|(?<=[a-z])(?=[A-Z]))"
ITEM = re.compile(
    rf"(?:{SEPARATE}|^)(?:test|parameter|param|item|analyte|measure|variable|attribute|question|observation|feature|"
    r"marker|component|field)(?:[ _]?(?:name|label|type))?s?$|^[A-Z]{2}TEST$",
    re.IGNORECASE,
)
"""Names of columns that name what a row is about; ``LBTEST`` is how SDTM has it."""
VALUE = re.compile(
    rf"(?:{SEPARATE}|^)(?:value|result|answer|response|reading|score)(?:[ _]?(?:numeric|num|text))?s?$"
    r"|^[A-Z]{2}(?:ORRES|STRESN|STRESC)$",
    re.IGNORECASE,
)
"""Names of columns that hold the value of what the row is about, the likeliest first where SDTM has several."""
UNIT = re.compile(rf"(?:{SEPARATE}|^)(?:unit|uom)s?$|^[A-Z]{{2}}(?:ORRESU|STRESU)$", re.IGNORECASE)
RECORDS = ("measurement", "finding", "response")
"""What the items of a long table may be."""
KNOWN = 0.3
"""The share of items that must be known for a table to count as long."""


@dataclass(frozen=True)
class Long:
    """What makes a table long. ``items`` are the proposals for each cell of the item's column that is known."""

    item: Column
    value: Column
    unit: Column | None
    items: Mapping[str, Sequence[Proposal]]
    score: float
    reason: str

    @property
    def names(self) -> frozenset[str]:
        """The columns that it takes up."""
        return frozenset(column.name for column in (self.item, self.value, self.unit) if column)

    def of(self, record: str) -> tuple[str, ...]:
        """The items of which the best proposal makes such a record."""
        return tuple(sorted(cell for cell, found in self.items.items() if found[0].target.record == record))


def long_of(suggester: Suggester, table: Table, advice: Sequence[Advice], subject: str | None) -> Long | None:
    """How a table is long; None where it has no column of items of which enough are known, beside one of values."""
    key = next((item.column for item in advice if item.column.name == subject), None)
    if key is None or not (key.distinct < 0.9 * key.filled):
        return None
    others = [item.column for item in advice if item.column.name != subject]
    value = next((column for column in others if _called(column, VALUE) and _may_be_value(column)), None)
    if value is None:
        return None
    found = [
        made for column in others if column is not value and (made := _long(suggester, table, column, value, others))
    ]
    return max(found, key=lambda made: (made.score, -made.item.index), default=None)


def _called(column: Column, pattern: re.Pattern[str]) -> bool:
    return bool(pattern.search(column.header.name))


def _may_be_value(column: Column) -> bool:
    return column.kind not in {ValueKind.EMPTY, ValueKind.DATE, ValueKind.UID, ValueKind.IDENTIFIER}


def _long(suggester: Suggester, table: Table, item: Column, value: Column, others: Sequence[Column]) -> Long | None:
    called = _called(item, ITEM)
    if (
        not (item.exact and (1 if called else 2) <= len(item.values) <= MOST)
        or item.numeric
        or item.kind is ValueKind.DATE
    ):
        return None
    items = {
        cell: found
        for cell in item.values
        if (found := [p for p in suggester.named(cell) if p.target.record in RECORDS]) and found[0].score >= PROPOSED
    }
    share = len(items) / len(item.values)
    if not items or share < (KNOWN if called else 0.75) or item.filled < 0.9 * table.rows:
        return None
    score = round(min(0.95, 0.45 + 0.35 * share + (0.2 if called else 0.0)), 3)
    reason = f"{len(items)} of the {len(item.values)} cells of {item.name!r} are known items"
    return Long(item, value, _unit(value, others), items, score, reason)


def _unit(value: Column, others: Sequence[Column]) -> Column | None:
    """The column of units: called so, and its cells are mostly units; of several the one after the value."""
    called = [column for column in others if _called(column, UNIT) and column.exact and column.values]
    known = [
        column for column in called if 2 * sum(usual(cell) is not None for cell in column.values) >= len(column.values)
    ]
    return min(known, key=lambda column: (column.index < value.index, abs(column.index - value.index)), default=None)
