"""A map as a steward sees it: each column with what is decided, by whom and why, and what is still open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mappings.shape import Entry, Part
from mappings.sssom import Decision, column_id
from mappings.tables import TableMap

__all__ = ["ColumnState", "overview"]


@dataclass(frozen=True, slots=True)
class ColumnState:
    """A column of a map: what it makes, the decisions in force about it and its cells, and what is proposed."""

    name: str
    sheet: str | int | None
    makes: tuple[str, ...]
    """The records that it fills; none where it only serves other columns."""
    decisions: tuple[Decision, ...]
    values: tuple[Decision, ...]
    proposals: tuple[Decision, ...]
    undecided: bool
    """Whether nothing says what the column means, so that nothing is read from it."""


def overview(mapping: TableMap, proposals: Mapping[str, Sequence[Decision]] | None = None) -> list[ColumnState]:
    """The columns of a map in the order in which it names them, then those that serve others."""
    states: list[ColumnState] = []
    for part in mapping.parts:
        others = sorted(part.named - part.columns.keys())
        states += [
            _state(mapping, part, name, part.columns.get(name, ()), proposals or {})
            for name in (*part.columns, *others)
        ]
    return states


def _state(
    mapping: TableMap,
    part: Part,
    name: str,
    entries: Sequence[Entry],
    proposals: Mapping[str, Sequence[Decision]],
) -> ColumnState:
    spoken = (f"{part.sheet}!{name}", name) if isinstance(part.sheet, str) else (name,)
    rows = [row for row in mapping.decisions.rows if row.column in spoken]
    decided = any(row.value is None and row.applied for row in rows)
    open_ = any(entry.record != "treatment" and not {"variable", "kind"} & entry.fields.keys() for entry in entries)
    return ColumnState(
        name=name,
        sheet=part.sheet,
        makes=tuple(entry.record for entry in entries),
        decisions=tuple(row for row in rows if row.value is None),
        values=tuple(row for row in rows if row.value is not None),
        proposals=tuple(row for one in spoken for row in proposals.get(column_id(one), ())),
        undecided=open_ and not decided,
    )
