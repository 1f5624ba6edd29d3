"""Profiles of columns: what the cells of a table look like, found in one pass and in bounded memory.

Cells are counted one by one up to `HELD` different ones a column; beyond that the number of different cells is
estimated from the smallest of their hashes. Types are read from the cells that were held.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from mappings.cell_kinds import CODED, INTEGER, ValueKind, kind_of, missing_cells, plain_number, unit_in
from mappings.dictionary import Described
from mappings.header import Header, header
from mappings.layout import Layout
from ontology.units import normalise

__all__ = ["HELD", "Column", "Profiler", "Table", "ValueKind"]

HELD = 2000
"""Different cells of a column that are held; beyond them their number is an estimate."""
SKETCH = 256
LARGEST = 1 << 32


@dataclass(frozen=True)
class Column:
    """The profile of a column. ``values`` are the cells that say something, by how often they stand there."""

    index: int
    header: Header
    rows: int
    filled: int
    """Cells that are not empty, those that say nothing among them."""
    distinct: int
    exact: bool
    """Whether ``distinct`` was counted; else it is an estimate."""
    kind: ValueKind
    values: Mapping[str, int]
    missing: Mapping[str, int] = field(default_factory=dict)
    """Cells, as written, that say nothing, with how often they stand there."""
    form: str | None = None
    """The ``strptime`` form of dates; empty for ISO."""
    cell_unit: str | None = None
    """The UCUM code of the unit that stands in the cells, and as it is written there."""
    cell_unit_text: str = ""
    decimal_comma: bool = False
    low: float | None = None
    high: float | None = None
    described: Described | None = None
    """What a data dictionary says of the column."""
    other_names: tuple[str, ...] = ()
    """Further names from other header rows."""

    @property
    def name(self) -> str:
        """The column's name as a table map writes it."""
        return self.header.text

    @property
    def share(self) -> float:
        """The share of rows that say something."""
        absent = self.filled - self.said
        return (self.filled - absent) / self.rows if self.rows else 0.0

    @property
    def said(self) -> int:
        """How many cells say something; of a column that was not held whole, of those that were."""
        return sum(self.values.values()) if self.exact else self.filled

    @cached_property
    def meanings(self) -> Mapping[str, str]:
        """Meanings by cell, from the header's coding or the dictionary."""
        own = dict(self.described.choices) if self.described else {}
        return {**own, **self.header.choices}

    @property
    def unit(self) -> str | None:
        """The UCUM code that the header or the dictionary gives."""
        return self.cell_unit or self.header.unit or (self.described.unit if self.described else None)

    @property
    def coded(self) -> bool:
        """Whether the cells are a closed list."""
        return self.exact and 0 < len(self.values) <= CODED and self.kind in {ValueKind.CODE, ValueKind.INTEGER}

    def described_by(self, said: Described) -> Column:
        """The column with what a dictionary says of it: a cell that it explains says something after all."""
        explained = {cell: count for cell, count in self.missing.items() if cell in said.choices}
        missing = {cell: count for cell, count in self.missing.items() if cell not in explained}
        return replace(self, described=said, values={**self.values, **explained}, missing=missing)

    @property
    def years(self) -> bool:
        """Whether the cells are calendar years."""
        return self.kind is ValueKind.INTEGER and self.low is not None and 1900 <= self.low <= (self.high or 0) <= 2100

    @property
    def numeric(self) -> bool:
        """Whether the cells are numbers."""
        return self.kind in {ValueKind.INTEGER, ValueKind.NUMBER}


@dataclass(frozen=True)
class Table:
    """The profile of a table: a file, or one sheet of a workbook."""

    file: str
    kind: str
    """The kind of source that reads it: ``table`` or ``redcap``."""
    sheet: str | None
    """The sheet's name; None where the file has no sheets."""
    first: bool
    """Whether it is the first sheet."""
    layout: Layout
    rows: int
    columns: tuple[Column, ...]
    dictionary: str | None = None
    """Where the columns are described, if anywhere."""
    last_row: int | None = None
    """The last row of data, where notes stand below."""
    query: str | None = None
    """The query that gives the rows, of a database."""
    turned: bool = False
    """Whether each column of the file speaks of a subject: columns, rows and layout are those of the turned table."""


@dataclass
class _Cells:
    """The cells of one column as they come by."""

    counts: dict[str, int] = field(default_factory=dict)
    filled: int = 0
    smallest: set[int] = field(default_factory=set)
    limit: int = LARGEST

    def overflow(self, cell: str) -> None:
        """Note a cell beyond those that are held."""
        if not self.smallest:
            for held in self.counts:
                self._note(held)
        self._note(cell)

    def _note(self, cell: str) -> None:
        hashed = zlib.crc32(cell.encode("utf-8", "surrogatepass"))
        if hashed < self.limit:
            self.smallest.add(hashed)
            if len(self.smallest) > SKETCH:
                self.smallest.remove(max(self.smallest))
                self.limit = max(self.smallest)

    @property
    def distinct(self) -> int:
        """How many different cells there are, estimated where not all were held."""
        if not self.smallest:
            return len(self.counts)
        return max(len(self.counts), round((SKETCH - 1) * LARGEST / max(1, *self.smallest)))


class Profiler:
    """Profiles the columns of a table from its rows, each seen once."""

    def __init__(self, names: Sequence[str]) -> None:
        self._names = names
        self._cells = [_Cells() for _ in names]
        self.rows = 0

    def add(self, rows: Iterable[Sequence[str]]) -> None:
        """Take rows in; those without any cell do not count."""
        cells = self._cells
        for row in rows:
            found = False
            for column, cell in zip(cells, row, strict=False):
                if not cell or not (text := cell.strip()):
                    continue
                found = True
                column.filled += 1
                counts = column.counts
                if text in counts:
                    counts[text] += 1
                elif len(counts) < HELD:
                    counts[text] = 1
                else:
                    column.overflow(text)
            self.rows += found

    def columns(self) -> list[Column]:
        """The profiles of the columns that have a name."""
        return [
            _profiled(index, name, self.rows, cells)
            for index, (name, cells) in enumerate(zip(self._names, self._cells, strict=True))
            if name
        ]


def _profiled(index: int, name: str, rows: int, cells: _Cells) -> Column:
    missing = missing_cells(cells.counts)
    values = {cell: count for cell, count in cells.counts.items() if cell not in missing}
    exact = not cells.smallest
    written = unit_in(values)
    bare = {cell.removesuffix(written).strip(): count for cell, count in values.items()} if written else values
    shown = kind_of(bare, cells.distinct - len(missing), rows)
    numbers = [float(cell.replace(",", ".")) for cell in values if INTEGER.fullmatch(cell) or plain_number(cell)]
    return Column(
        index=index,
        header=header(name),
        rows=rows,
        filled=cells.filled,
        distinct=cells.distinct,
        exact=exact,
        kind=shown.kind,
        values=dict(sorted(values.items(), key=lambda item: (-item[1], item[0]))),
        missing={cell: cells.counts[cell] for cell in sorted(missing)},
        form=shown.form,
        cell_unit=normalise(written) if written else None,
        cell_unit_text=written,
        decimal_comma=any("," in cell for cell in values) and shown.kind is ValueKind.NUMBER,
        low=min(numbers, default=None),
        high=max(numbers, default=None),
    )
