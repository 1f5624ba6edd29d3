"""Where a table's header stands: below titles and notes, in one row or several, with rows of codes beneath it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from mappings.header import element_of
from mappings.shape import plain

__all__ = ["LOOKED_AT", "Layout", "find_layout"]

LOOKED_AT = 60
"""Rows from the top in which the header is looked for."""
NUMBER = re.compile(r"[<>]?=?\s*[+-]?[\d.,]+(?:[eE][+-]?\d+)?%?|(?:19|20)\d\d-\d\d-\d\d.*")
LONGEST = 200
"""Letters beyond which a cell is a sentence rather than the name of a column."""
MOST_HEADERS = 3


@dataclass(frozen=True, slots=True)
class Layout:
    """The rows of the header and the first row of data, counted from 1.

    ``others`` are rows of further names and of data elements between them. A table without a header has no rows of it.
    """

    header_rows: tuple[int, ...]
    first_row: int
    others: tuple[int, ...] = ()


def find_layout(rows: Sequence[Sequence[str]]) -> Layout | None:
    """The layout by the first rows of a table; None where they hold no table.

    >>> find_layout([["Data of a trial", ""], ["", ""], ["ID", "Sex"], ["1", "m"], ["2", "f"]])
    Layout(header_rows=(3,), first_row=4, others=())
    >>> find_layout([["id", "sex"], ["bcr_id", "gender"], ["CDE_ID:1", "CDE_ID:2200604"], ["A", "m"]])
    Layout(header_rows=(1,), first_row=4, others=(2, 3))
    """
    top = [[plain(cell) for cell in row] for row in rows[:LOOKED_AT]]
    filled = [sum(map(bool, row)) for row in top]
    widest = max(filled, default=0)
    if widest == 0:
        return None
    needed = max(2, round(0.5 * _usual(filled, widest))) if widest > 1 else 1
    start = next((at for at, row in enumerate(top) if filled[at] >= needed and _names(row)), None)
    if start is None:
        return None
    end = _last(top, start)
    coded = [at for at in range(end + 1, min(end + 1 + MOST_HEADERS, len(top))) if _codes(top[at])]
    if coded:
        return Layout(_numbers(start, end), coded[-1] + 2, tuple(range(end + 2, coded[-1] + 2)))
    return Layout(_numbers(start, end), end + 2)


def _numbers(start: int, end: int) -> tuple[int, ...]:
    return tuple(range(start + 1, end + 2))


def _usual(filled: Sequence[int], widest: int) -> int:
    """How many cells a full row has: the widest, unless that is a lone row of notes."""
    broad = sorted((count for count in filled if count > 1), reverse=True)
    return broad[min(1, len(broad) - 1)] if broad else widest


def _names(row: Sequence[str]) -> bool:
    """Whether a row can be one of names: mostly words, mostly different."""
    cells = [cell for cell in row if cell]
    if any(len(cell) > LONGEST for cell in cells) and len(cells) < 3:
        return False
    worded = sum(1 for cell in cells if not NUMBER.fullmatch(cell))
    return worded >= 0.7 * len(cells) and len(set(cells)) >= 0.5 * len(cells)


def _codes(row: Sequence[str]) -> bool:
    """Whether a row holds the numbers of data elements."""
    cells = [cell for cell in row if cell]
    return bool(cells) and sum(
        1 for cell in cells if element_of(cell)[0] or cell.rstrip(": ").upper() in {"CDE_ID", "CDE"}
    ) >= 0.5 * len(cells)


def _last(top: Sequence[Sequence[str]], start: int) -> int:
    """The last row of the header: a row of words below gaps of the first belongs to it where numbers follow."""
    at = start
    while at - start < MOST_HEADERS - 1 and at + 2 < len(top):
        here, below, after = top[at], top[at + 1], top[at + 2]
        cells = [cell for cell in below if cell]
        gaps = [
            column
            for column, cell in enumerate(below)
            if cell and not (column < len(here) and here[column]) and not NUMBER.fullmatch(cell)
        ]
        numbers = [column for column, cell in enumerate(after) if cell and NUMBER.fullmatch(cell)]
        wordy = all(not NUMBER.fullmatch(cell) for cell in cells)
        if not (cells and gaps and wordy and numbers and len(gaps) >= 0.5 * len(cells)):
            break
        at += 1
    return at
