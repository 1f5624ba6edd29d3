"""Rows become records, some thousand at a time: the engine that table and REDCap readers share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice

from ingest.base import Block
from ingest.gate_tables import Watch
from ingest.table_blocks import Maker, Makings, Misread
from ingest.table_cells import Fault
from ingest.table_plan import Condition, Made, Plan
from mappings.shape import Part, plain
from ontology.records import Record, Reject
from store.columns import records_of

__all__ = ["Problems", "RowReader", "at_once", "one_by_one"]

BLOCK = 10_000
"""Rows looked at together."""

SHOWN = 3


class Problems:
    """What was wrong with cells and rows: one reject for each problem, with its first places and their number."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._places: defaultdict[Fault, list[str]] = defaultdict(list)
        self._counts: defaultdict[Fault, int] = defaultdict(int)

    def add(self, place: str, problem: str, wanted: str) -> None:
        """Note a problem at a place."""
        fault = Fault(problem, wanted)
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
        self._conditions = [
            Condition(index[name], frozenset(cells), self._missing, negated)
            for negated, listed in ((False, self.part.only), (True, self.part.skip))
            for name, cells in listed.items()
        ]
        self._turned = self.part.orientation == "columns"

    def survey(self, rows: Iterator[tuple[int, Sequence[str]]]) -> Watch:
        """Look at the rows once before they are read: for identifiers, and for what rows take from others below."""
        width = len(self.headers)
        stored = frozenset[int]().union(*(plan.stored(self.made, width) for plan in self.plans))
        watch = Watch(sorted({*stored, self._subject} if self.plans else ()))
        ahead = self.part.repeats == "last" or any(made.per for made in self.made)
        whole = self._whole(rows, told=False)
        while block := list(islice(whole, BLOCK)):
            watch.look(cells for _, cells in block)
            for number, cells in block if ahead else ():
                self._note(number, cells)
        return watch

    def without(self, columns: Container[int]) -> bool:
        """Leave out what columns make that are kept out; False where nothing is left, or nobody to say it of."""
        width = len(self.headers)
        self.plans = [
            plan for plan in self.plans if not any(column in columns for column in plan.stored(self.made, width))
        ]
        return bool(self.plans) and self._subject not in columns

    def _note(self, number: int, cells: Sequence[str]) -> None:
        """Remember what rows further up take from a row."""
        subject = self._subject_of(cells)
        if subject is None or isinstance(subject, Fault):
            return
        if self.part.repeats == "last":
            self._last_rows[self._repeat(subject, cells)] = number
        for order, made in enumerate(self.made):
            if made.per and (text := made.cell(cells)):
                key = (order, subject, tuple(cells[index] for index in made.per))
                # two rows that differ leave it open which of them is meant
                self._elsewhere[key] = text if self._elsewhere.get(key, text) == text else None

    def read(self, rows: Iterator[tuple[int, Sequence[str]]]) -> Iterator[list[Makings]]:
        """What some thousand numbered rows at a time become (as a person counts them, the header being row 1)."""
        makers = [Maker(plan, self._named) for plan in self.plans]
        whole = self._whole(rows)
        while block := list(islice(whole, BLOCK)):
            yield self._made_of(makers, block)

    def _made_of(self, makers: Sequence[Maker], block: Sequence[tuple[int, list[str]]]) -> list[Makings]:
        numbers: list[int] = []
        subjects: list[str] = []
        rows: list[list[str]] = []
        for number, cells in block:
            subject = self._subject_of(cells)
            if isinstance(subject, Fault):
                self.problems.add(self._place(number, self._subject), subject.problem, subject.wanted)
            elif subject is not None and self._counts(number, subject, cells):
                numbers.append(number)
                subjects.append(subject)
                rows.append([*cells, *self._made(subject, cells)] if self.made else cells)
        columns = list(zip(*rows, strict=True))
        found = [self._makings(maker, columns, numbers, subjects) for maker in makers] if rows else []
        return [makings for makings in found if makings is not None]

    def _makings(
        self, maker: Maker, columns: Sequence[Sequence[str]], numbers: Sequence[int], subjects: Sequence[str]
    ) -> Makings | None:
        before, after = self._around(maker.plan.index)
        after += maker.plan.suffix

        def misread(row: int, wrong: Misread) -> None:
            self.problems.add(self._place(numbers[row], wrong.index), wrong.fault.problem, wrong.fault.wanted)

        return maker.make(columns, subjects, lambda row: f"{before}{numbers[row]}{after}", misread)

    def _whole(
        self, rows: Iterator[tuple[int, Sequence[str]]], *, told: bool = True
    ) -> Iterator[tuple[int, list[str]]]:
        """The rows that hold something, with a cell for each column."""
        width = len(self.headers)
        for number, row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if len(cells) < width:
                cells.extend([""] * (width - len(cells)))
            elif len(cells) > width and any(cells[width:]):
                if told:
                    wanted = "a row with a cell for each column"
                    self.problems.add(self._place(number), "more cells than columns", wanted)
                continue
            yield number, cells[:width]

    def _made(self, subject: str, cells: Sequence[str]) -> Iterator[str]:
        for order, made in enumerate(self.made):
            if made.per:
                yield self._elsewhere.get((order, subject, tuple(cells[index] for index in made.per))) or ""
            else:
                yield made.cell(cells)

    def _place(self, number: int, index: int | None = None) -> str:
        """A row, or one of its cells, as a person finds it in the file."""
        if index is None or index >= len(self.headers):
            return f"{self.mark}{'C' if self._turned else 'R'}{number}"
        return str(number).join(self._around(index))

    def _around(self, index: int) -> tuple[str, str]:
        """What stands before and after the number of the row in the place of a cell."""
        return (f"{self.mark}R{index + 1}C", "") if self._turned else (f"{self.mark}R", f"C{index + 1}")

    def _subject_of(self, cells: Sequence[str]) -> str | Fault | None:
        """The row's subject; None where the row is not to be read."""
        if not all(condition.holds(cells[condition.index]) for condition in self._conditions):
            return None
        cell = cells[self._subject]
        if not cell or cell in self._missing:
            return Fault("a row without its subject", f"the subject in column {self.part.subject.column!r}")
        return self.part.subject.identifier(cell) or None

    def _repeat(self, subject: str, cells: Sequence[str]) -> int:
        """What rows have in common that repeat each other; the subject counts by its identifier."""
        # hashes, so that a million rows cost some megabytes
        return hash(tuple(subject if index == self._subject else cells[index] for index in self._unique))

    def _counts(self, number: int, subject: str, cells: Sequence[str]) -> bool:
        """Whether a row counts where rows may repeat each other."""
        if not self._unique or self.part.repeats == "all":
            return True
        repeat = self._repeat(subject, cells)
        if self.part.repeats == "last":
            return self._last_rows.get(repeat) == number
        if repeat not in self._rows_seen:
            self._rows_seen.add(repeat)
            return True
        if self.part.repeats == "reject":
            columns = ", ".join(self.part.one_row_per)
            wanted = "one row for each, or repeats: in the map"
            self.problems.add(self._place(number), f"a second row for the same {columns}", wanted)
        return False


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
