"""Where a table's header stands: below titles and notes, in one row or several, with rows of codes beneath it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from mappings.header import element_of
from mappings.shape import plain

__all__ = ["LOOKED_AT", "Layout", "find_layout", "is_turned"]

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


def is_turned(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a table has its subjects in columns: its rows are of one kind each, its columns are not.

    The cells beside the first of the header have the form of identifiers, and the first column holds names.

    >>> is_turned([["id", "P1", "P2", "P3"], ["Sex", "m", "f", "m"], ["Age", "61", "47", "59"], ["LD", "2", "3", "4"]])
    True
    >>> is_turned([["id", "Sex", "Age", "LD"], ["P1", "m", "61", "2"], ["P2", "f", "47", "3"], ["P3", "m", "59", "4"]])
    False
    """
    grid = [row for row in ([plain(cell) for cell in row] for row in rows) if sum(map(bool, row)) > 1]
    if len(grid) < 3:
        return False
    names = [row[0] for row in grid[1:]]
    ids = [cell for cell in grid[0][1:] if cell]
    if len(ids) < 2 or len(set(ids)) < len(ids) or len(set(names)) < len(names) or not all(names):
        return False
    numbered = [name for name in names if re.search(r"\d", name)]
    if _alike(ids) < 0.9 or len(numbered) > 0.5 * len(names) or not re.search(r"\d", "".join(ids)):
        return False
    body = [row[1:] for row in grid[1:]]
    columns = list(zip_longest(*body, fillvalue=""))
    return _purity(body) >= 0.9 and _purity(body) > _purity(columns) + 0.15


def _alike(cells: Sequence[str]) -> float:
    """The share of cells of the commonest form, where letters are one sign and digits another."""
    forms = Counter(re.sub(r"[^\W\d_]+", "a", re.sub(r"\d+", "9", cell)) for cell in cells)
    return forms.most_common(1)[0][1] / len(cells)


def _purity(lines: Sequence[Sequence[str]]) -> float:
    """How much the cells of a line are of one kind, numbers or words, on average."""
    shares = []
    for line in lines:
        cells = [cell for cell in line if cell and cell.casefold() not in {"na", "n/a", "nan", "."}]
        if cells:
            numbers = sum(1 for cell in cells if NUMBER.fullmatch(cell))
            shares.append(max(numbers, len(cells) - numbers) / len(cells))
    return sum(shares) / len(shares) if shares else 0.0


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
