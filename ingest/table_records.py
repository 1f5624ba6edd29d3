"""Rows become records, some thousand at a time: the engine that table and REDCap readers share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import TypeAlias

from ingest.base import Block
from ingest.gate_tables import Watch
from ingest.table_blocks import Maker, Makings, Misread
from ingest.table_cells import WITHHELD, Fault, Number, suspicious
from ingest.table_file import WIDE
from ingest.table_plan import Condition, Made, Plan
from mappings.shape import Part, plain
from ontology.records import Record, Reject
from store.columns import records_of

__all__ = ["Problems", "RowReader", "at_once", "one_by_one"]

BLOCK = 10_000
"""Rows looked at together."""

SHOWN = 3


Columns: TypeAlias = Sequence[Sequence[str]]
"""Cells by column; those of columns that the map does not name are of no use."""


class Problems:
    """What was wrong with cells and rows: one reject for each problem, with its first places and their number."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._places: defaultdict[Fault, list[str]] = defaultdict(list)
        self._counts: defaultdict[Fault, int] = defaultdict(int)

    def add(self, place: str, problem: str, wanted: str) -> None:
        """Note a problem at a place; a cell of which several columns make use has it once."""
        fault = Fault(problem, wanted)
        if self._places[fault][-1:] == [place]:
            return
        self._counts[fault] += 1
        if len(self._places[fault]) < SHOWN:
            self._places[fault].append(place)

    def rejects(self) -> Iterator[Reject]:
        """One reject for each problem."""
        for fault, places in self._places.items():
            more = self._counts[fault] - len(places)
            shown = ", ".join(places) + (f" and {more} more" if more else "")
            yield Reject(name=self._name, place=shown, problem=fault.problem, wanted=fault.wanted)


@dataclass
class RowReader:
    """Reads the rows of one part of a table."""

    part: Part
    plans: Sequence[Plan]
    headers: tuple[str, ...]
    problems: Problems
    mark: str = ""
    """What goes before places and keys: ``Sheet!`` in a workbook of which several sheets are read."""
    made: Sequence[Made] = ()
    """Columns made of others, which stand behind those of the file."""
    _named: set[Record] = field(default_factory=set)
    _rows_seen: set[int] = field(default_factory=set)
    _last_rows: dict[int, int] = field(default_factory=dict)
    _elsewhere: dict[tuple[int, str, tuple[str, ...]], str | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Look up the columns that decide about rows."""
        index = {name: number for number, name in enumerate(self.headers) if name}
        self._subject = index[plain(self.part.subject.column)]
        self._unique = [index[plain(name)] for name in self.part.one_row_per if plain(name) in index]
        self._missing = frozenset(self.part.missing)
        self.conditions = [
            Condition(index[name], frozenset(cells), self._missing, negated)
            for negated, listed in ((False, self.part.only), (True, self.part.skip))
            for name, cells in listed.items()
        ]
        self._turned = self.part.orientation == "columns"
        width = len(self.headers)
        plans = (column for plan in self.plans for column in plan.uses())
        others = (column for made in self.made for column in (*made.indexes, *made.per))
        rows = (self._subject, *self._unique, *(condition.index for condition in self.conditions))
        self._used = sorted({column for column in (*plans, *others, *rows) if column < width})

    def survey(self, rows: Iterator[tuple[int, Sequence[str]]]) -> Watch:
        """Look at the rows once before they are read: for identifiers, and for what rows take from others below."""
        width = len(self.headers)
        stored = frozenset[int]().union(*(plan.stored(self.made, width) for plan in self.plans))
        watch = Watch(sorted({*stored, self._subject} if self.plans else ()))
        ahead = self.part.repeats == "last" or any(made.per for made in self.made)
        for numbers, columns in self._blocks(rows, told=False):
            watch.look(columns)
            for row, subject in enumerate(self._subjects(columns)) if ahead else ():
                if isinstance(subject, str):
                    self._note(numbers[row], subject, columns, row)
        return watch

    def doubtful(self, watch: Watch) -> Iterator[int]:
        """The columns of numbers of which some may stand for a missing value, though the map does not say so."""
        for plan in self.plans:
            cells = watch.distinct(plan.index) - plan.missing - plan.absent.keys()
            read = (
                [plan.read(cell) for cell in cells if cell] if plan.entry.record in {"measurement", "outcome"} else []
            )
            if suspicious([found.value for found in read if isinstance(found, Number) and found.value is not None]):
                yield plan.index

    def without(self, columns: Container[int]) -> bool:
        """Leave out what columns make that are kept out; False where they name the subjects, and nothing is left."""
        width = len(self.headers)
        left = [plan for plan in self.plans if not any(column in columns for column in plan.stored(self.made, width))]
        named = self._subject not in columns
        self.plans = left if named else []
        return named

    def _note(self, number: int, subject: str, columns: Columns, row: int) -> None:
        """Remember what rows further up take from a row."""
        if self.part.repeats == "last":
            self._last_rows[self._repeat(subject, columns, row)] = number
        for order, made in enumerate(self.made):
            if made.per and (text := made.cell(columns, row)):
                key = (order, subject, tuple(columns[index][row] for index in made.per))
                # two rows that differ leave it open which of them is meant
                self._elsewhere[key] = text if self._elsewhere.get(key, text) == text else None

    def read(self, rows: Iterator[tuple[int, Sequence[str]]]) -> Iterator[list[Makings]]:
        """What some thousand numbered rows at a time become (as a person counts them, the header being row 1)."""
        makers = [Maker(plan, self._named) for plan in self.plans]
        for numbers, columns in self._blocks(rows):
            yield self._made_of(makers, numbers, columns)

    def _made_of(self, makers: Sequence[Maker], numbers: list[int], columns: Columns) -> list[Makings]:
        said = self._subjects(columns)
        rows = [row for row in range(len(numbers)) if self._counts(numbers[row], said[row], columns, row)]
        if not rows:
            return []
        subjects = [str(said[row]) for row in rows]
        if len(rows) < len(numbers):
            numbers = [numbers[row] for row in rows]
            used = {*self._used}
            columns = [[column[row] for row in rows] if at in used else () for at, column in enumerate(columns)]
        every = [*columns, *(self._made(order, subjects, columns) for order in range(len(self.made)))]
        return [makings for maker in makers for makings in self._makings(maker, every, numbers, subjects)]

    def _makings(
        self, maker: Maker, columns: Columns, numbers: Sequence[int], subjects: Sequence[str]
    ) -> Iterator[Makings]:
        place, suffix = self._placer(maker.plan.index), maker.plan.suffix

        def misread(row: int, wrong: Misread) -> None:
            self.problems.add(self._place(numbers[row], wrong.index), wrong.fault.problem, wrong.fault.wanted)

        return maker.make(columns, subjects, lambda row: place(numbers[row]) + suffix, misread)

    def _blocks(
        self, rows: Iterator[tuple[int, Sequence[str]]], *, told: bool = True
    ) -> Iterator[tuple[list[int], Columns]]:
        """Some thousand rows at a time: their numbers, and their cells by column, those of the map without blanks."""
        whole = self._whole(rows, told=told)
        while block := list(islice(whole, BLOCK)):
            columns: list[Sequence[str]] = list(zip(*(row for _, row in block), strict=True))
            for index in self._used:
                columns[index] = list(map(str.strip, columns[index]))
            yield [number for number, _ in block], columns

    def _whole(self, rows: Iterator[tuple[int, Sequence[str]]], *, told: bool) -> Iterator[tuple[int, Sequence[str]]]:
        """The rows that hold something, with a cell for each column."""
        width = len(self.headers)
        for number, row in rows:
            if not any(row):
                continue
            if len(row) == width:
                yield number, row
            elif len(row) < width:
                yield number, [*row, *[""] * (width - len(row))]
            elif not any(map(str.strip, row[width:])):
                yield number, row[:width]
            elif told:
                wanted = "a row with a cell for each column"
                self.problems.add(self._place(number), "more cells than columns", wanted)

    def _made(self, order: int, subjects: Sequence[str], columns: Columns) -> list[str]:
        """The cells of a column that is made of others."""
        made = self.made[order]
        if not made.per:
            return [made.cell(columns, row) for row in range(len(subjects))]
        keys = zip(subjects, zip(*(columns[index] for index in made.per), strict=True), strict=True)
        return [self._elsewhere.get((order, subject, cells)) or "" for subject, cells in keys]

    def _place(self, number: int, index: int | None = None) -> str:
        """A row, or one of its cells, as a person finds it in the file."""
        if self.part.orientation != "matrix" and (index is None or index >= len(self.headers)):
            return f"{self.mark}{'C' if self._turned else 'R'}{number}"
        return self._placer(index or 0)(number)

    def key_of(self, plan: Plan, number: int) -> str:
        """The key of the record that an entry makes of a row."""
        return self._placer(plan.index)(number) + plan.suffix

    def _placer(self, index: int) -> Callable[[int], str]:
        """The place of a column's cell in a row by the row's number; a number of a matrix is that of the cell."""
        mark = self.mark
        if self.part.orientation == "matrix":
            return lambda number: f"{mark}R{number // WIDE}C{number % WIDE}"
        if self._turned:
            return lambda number: f"{mark}R{index + 1}C{number}"
        return lambda number: f"{mark}R{number}C{index + 1}"

    def _subjects(self, columns: Columns) -> list[str | Fault | None]:
        """The subject of each row; None where the row is not to be read."""
        cells = columns[self._subject]
        known = {cell: self._subject_of(cell) for cell in set(cells)}
        said = [known[cell] for cell in cells]
        if isinstance(known.get(""), Fault):
            said = [
                None if subject is known[""] and _blank(columns, row) else subject for row, subject in enumerate(said)
            ]
        for condition in self.conditions:
            others = columns[condition.index]
            holds = {cell: condition.holds(cell) for cell in set(others)}
            said = [subject if holds[other] else None for subject, other in zip(said, others, strict=True)]
        return said

    def _subject_of(self, cell: str) -> str | Fault | None:
        if not cell or cell in self._missing or cell.startswith(WITHHELD):
            return Fault("a row without its subject", f"the subject in column {self.part.subject.column!r}")
        subject = self.part.subject.identifier(cell)
        if not subject and self.part.subject.find:
            return Fault("a subject of another form", f"a cell in which find: finds it: {self.part.subject.find}")
        return subject or None

    def _repeat(self, subject: str, columns: Columns, row: int) -> int:
        """What rows have in common that repeat each other; the subject counts by its identifier."""
        # hashes, so that a million rows cost some megabytes
        return hash(tuple(subject if index == self._subject else columns[index][row] for index in self._unique))

    def _counts(self, number: int, subject: str | Fault | None, columns: Columns, row: int) -> bool:
        """Whether a row has a subject and counts, where rows may repeat each other."""
        if not isinstance(subject, str):
            if subject is not None:
                self.problems.add(self._place(number, self._subject), subject.problem, subject.wanted)
            return False
        if not self._unique or self.part.repeats == "all":
            return True
        repeat = self._repeat(subject, columns, row)
        if self.part.repeats == "last":
            return self._last_rows.get(repeat) == number
        if repeat not in self._rows_seen:
            self._rows_seen.add(repeat)
            return True
        if self.part.repeats == "reject":
            shared = ", ".join(self.part.one_row_per)
            wanted = "one row for each, or repeats: in the map"
            self.problems.add(self._place(number), f"a second row for the same {shared}", wanted)
        return False


def _blank(columns: Columns, row: int) -> bool:
    return not any(column[row].strip() for column in columns)


def at_once(makings: Sequence[Makings]) -> Iterator[Record | Block]:
    """The records of some rows as blocks, each after the nodes that it names."""
    for each in makings:
        yield from (node for _, node in each.nodes)
        yield each.block


def one_by_one(makings: Sequence[Makings]) -> Iterator[Record]:
    """The records of some rows in the order of the rows, each after the nodes that it is the first to name."""
    found: list[tuple[int, int, int, Record]] = []
    for order, each in enumerate(makings):
        found.extend((each.rows[place], order, 0, node) for place, node in each.nodes)
        records = records_of(each.block.kind, each.block.rows)
        found.extend((row, order, 1, record) for row, record in zip(each.rows, records, strict=True))
    for *_, record in sorted(found, key=lambda item: item[:3]):
        yield record
