"""Checkboxes of exports: a column for each box, or all ticked boxes of a field in one cell.

REDCap writes a box as 1 or 0, as Checked or Unchecked, or as its label where it is ticked; a report may combine the
boxes of a field into one column, in which the codes or labels of those that are ticked stand side by side.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from ingest.redcap.dictionary import Dictionary, RedcapField

__all__ = ["SWITCHED", "box_cells", "spread"]

SWITCHED = {"TRUE": "1", "FALSE": "0"}
"""What R and Excel make of a column that holds nothing but 1 and 0."""

WRITTEN = {"Checked": "1", "Unchecked": "0", **SWITCHED}


def box_cells(field: RedcapField, column: str) -> dict[str, str]:
    """What the cells of a box's column stand for: 1 or 0."""
    label = dict(zip(field.columns(), field.choices.values(), strict=True)).get(column)
    own = {label: "1"} if label and label not in {"0", "1", *WRITTEN} else {}
    return WRITTEN | own


def spread(
    dictionary: Dictionary, names: Sequence[str], rows: Iterator[Sequence[str]]
) -> tuple[list[str], Iterator[Sequence[str]]]:
    """Column names and rows with a column for each box, where a report had combined them."""
    combined = {
        number: field
        for number, name in enumerate(names)
        if (field := dictionary.fields.get(name)) is not None and field.type == "checkbox" and field.choices
    }
    if not combined:
        return list(names), rows
    wide = [
        column
        for number, name in enumerate(names)
        for column in (combined[number].columns() if number in combined else [name])
    ]
    return wide, (_spread_row(row, combined) for row in rows)


def _spread_row(row: Sequence[str], combined: Mapping[int, RedcapField]) -> list[str]:
    cells: list[str] = []
    for number, cell in enumerate(row):
        field = combined.get(number)
        cells.extend(_boxes(field.choices, cell.strip()) if field else [cell])
    return cells


def _boxes(choices: Mapping[str, str], cell: str) -> list[str]:
    """1 or 0 for each choice; the cell itself for each where it holds anything else."""
    if not cell:
        return ["" for _ in choices]
    ticked = _listed(list(choices), cell) or _listed(list(choices.values()), cell)
    if ticked is None:
        return [cell for _ in choices]
    return ["1" if {code, label} & ticked else "0" for code, label in choices.items()]


def _listed(texts: list[str], cell: str) -> set[str] | None:
    """The texts that stand in a cell, with commas between them (labels may hold commas); None for anything else."""
    form = "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True) if text)
    if not form or not re.fullmatch(rf"(?:{form})(?:\s*,\s*(?:{form}))*", cell):
        return None
    return set(re.findall(rf"(?:{form})(?=\s*,\s*(?:{form})|\s*$)", cell))
