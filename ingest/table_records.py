"""Rows become records: the engine that table and REDCap readers share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from ingest.table_cells import Fault, Number
from ingest.table_plan import Plan
from mappings.shape import Part, plain
from ontology.prefixes import Curie
from ontology.records import Lesion, Procedure, Reader, Record, Reject, Series, Study
from ontology.terms import ncit
from ontology.variables import variables

__all__ = ["Problems", "RowReader"]

AGES = frozenset({ncit.AGE, ncit.AGE_AT_DIAGNOSIS})
OLDEST = 90
"""From this age on, years may identify a person (45 CFR 164.514(b)); the raw text then says only ``90+``."""

SHOWN = 3
HELD = 20_000
"""Combinations of cells whose meaning is kept ready, for each entry of a map."""


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


@dataclass(frozen=True, slots=True)
class Misread:
    """A cell that could not be read: its column and why."""

    index: int
    fault: Fault


@dataclass
class RowReader:
    """Reads the rows of one part of a table."""

    part: Part
    plans: Sequence[Plan]
    headers: tuple[str, ...]
    problems: Problems
    mark: str = ""
    """What goes before places and keys: ``Sheet!`` in a workbook of which several sheets are read."""
    _named: set[Record] = field(default_factory=set)
    _rows_seen: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        """Look up the columns that decide about rows."""
        index = {name: number for number, name in enumerate(self.headers) if name}
        self._subject = index[plain(self.part.subject.column)]
        self._unique = [index[plain(name)] for name in self.part.one_row_per if plain(name) in index]
        self._only = [(index[plain(name)], frozenset(cells)) for name, cells in self.part.only.items()]
        self._missing = frozenset(self.part.missing)
        self._turned = self.part.orientation == "columns"

    def read(self, rows: Iterator[tuple[int, Sequence[str]]]) -> Iterator[Record]:
        """The records of numbered rows (as a person counts them, the header being row 1 as a rule)."""
        width = len(self.headers)
        for number, row in rows:
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if len(cells) < width:
                cells.extend([""] * (width - len(cells)))
            elif len(cells) > width and any(cells[width:]):
                self.problems.add(self._place(number), "more cells than columns", "a row with a cell for each column")
                continue
            subject = self._subject_of(number, cells)
            if subject:
                for plan in self.plans:
                    yield from self._record(plan, number, subject, cells)

    def _place(self, number: int, index: int | None = None) -> str:
        """A row, or one of its cells, as a person finds it in the file."""
        if self._turned:
            return f"{self.mark}C{number}" if index is None else f"{self.mark}R{index + 1}C{number}"
        return f"{self.mark}R{number}" if index is None else f"{self.mark}R{number}C{index + 1}"

    def _subject_of(self, number: int, cells: Sequence[str]) -> str | None:
        """The row's subject; None where the row is not to be read."""
        if any(cells[index] not in wanted for index, wanted in self._only):
            return None
        cell = cells[self._subject]
        if not cell or cell in self._missing:
            wanted = f"the subject in column {self.part.subject.column!r}"
            self.problems.add(self._place(number, self._subject), "a row without its subject", wanted)
            return None
        if self._unique:
            # hashes, so that a million rows cost some megabytes
            repeat = hash(tuple(cells[index] for index in self._unique))
            if repeat in self._rows_seen:
                columns = ", ".join(self.part.one_row_per)
                self.problems.add(self._place(number), f"a second row for the same {columns}", "one row for each")
                return None
            self._rows_seen.add(repeat)
        return self.part.subject.identifier(cell)

    def _record(self, plan: Plan, number: int, subject: str, cells: Sequence[str]) -> Iterable[Record]:
        """What one entry makes of one row: the nodes named for the first time, then the record; nothing for a fault."""
        cell = cells[plan.index]
        if not cell or cell in plan.missing or (plan.only_if and cell not in plan.only_if):
            return ()
        if any(cells[index] not in wanted for index, wanted in plan.where):
            return ()
        texts = (cell, *[cells[item.index] for item in plan.fields])
        values = plan.held.get(texts)
        if values is None:
            # columns hold few distinct values, and what follows from the cells is the same wherever they recur
            if len(plan.held) >= HELD:
                plan.held.clear()
                plan.unread.clear()
            values = plan.held[texts] = self._values(plan, texts)
        if isinstance(values, Misread):
            self.problems.add(self._place(number, values.index), values.fault.problem, values.fault.wanted)
            return ()
        for unread in plan.unread.get(texts, ()) if plan.unread else ():
            self.problems.add(self._place(number, unread.index), unread.fault.problem, unread.fault.wanted)
        key = self._place(number, plan.index) + plan.suffix
        record = plan.record(key=key, subject=subject, **values)  # type: ignore[call-arg]
        return (*self._identities(plan, subject, values, cells), record) if plan.names_nodes else (record,)

    def _values(self, plan: Plan, texts: Sequence[str]) -> dict[str, Any] | Misread:
        """The fields of a record, from the texts of its cells: that of the column itself, then those of the fields."""
        values = dict(plan.constants)
        unit = values.get("unit")
        for item, text in zip(plan.fields, texts[1:], strict=True):
            if not text or text in item.missing:
                continue
            found = item.read(text)
            if isinstance(found, Fault):
                if item.lenient:
                    plan.unread.setdefault(tuple(texts), []).append(Misread(item.index, found))
                    continue
                return Misread(item.index, found)
            values.update(found if isinstance(found, dict) else {item.name: found})
            unit = text if item.name == "unit" else unit
        fault = self._main(plan, texts[0], values, unit)
        return values if fault is None else Misread(plan.index, fault)

    def _main(self, plan: Plan, cell: str, values: dict[str, Any], unit: str | None) -> Fault | None:
        """Fill the field that the column itself fills, and those that follow from it; ``unit`` is as written."""
        if cell in plan.absent:
            values.setdefault("absent_reason", plan.absent[cell])
            values["raw"] = cell
            values.pop("unit", None)
            return None
        if plan.entry.record not in {"treatment", "event"} and values.get("variable") is None:
            return Fault("nothing says which variable the row holds", "a value in the column that names it")
        found = plan.read(cell)
        if isinstance(found, Fault):
            return found
        if isinstance(found, Number):
            raw = f"{cell} {unit}" if unit and not found.unit else cell
            return _quantity(found, raw, values, plan.entry.record)
        if found is not None or plan.main not in values:
            values[plan.main] = found
        if plan.main not in {"when", "start", "end"}:
            values["raw"] = cell
        return None

    def _identities(self, plan: Plan, subject: str, values: dict[str, Any], cells: Sequence[str]) -> Iterator[Record]:
        """The nodes that a record refers to, each once."""
        nodes: list[Record] = []
        if values.get("lesion"):
            nodes.append(Lesion(subject=subject, key=values["lesion"]))
        if values.get("reader"):
            nodes.append(Reader(key=values["reader"], role=_role(plan, cells)))
        if values.get("procedure"):
            nodes.append(Procedure(key=values["procedure"]))
        if values.get("study"):
            nodes.append(Study(uid=values["study"], subject=subject))
            if values.get("series"):
                nodes.append(Series(uid=values["series"], subject=subject, study=values["study"]))
        for node in nodes:
            if node not in self._named:
                self._named.add(node)
                yield node


def _role(plan: Plan, cells: Sequence[str]) -> Curie | None:
    """The role in which the reader of a row read; None where no decided cell says it."""
    for index, read in plan.roles:
        found = read(cells[index])
        if isinstance(found, str):
            return Curie(found)
    return None


def _quantity(found: Number, raw: str, values: dict[str, Any], record: str) -> Fault | None:
    """Fill value, bounds, unit and raw of a number, in the canonical unit of its variable; outcomes are in days."""
    written = found.unit or values.get("unit")
    registered = variables().get(Curie(values["variable"]))
    wanted = "d" if record == "outcome" else registered.unit if registered else None
    if wanted and wanted != "1" and written is None:
        return Fault("a number without its unit", f"a unit that can be converted to {wanted}")
    result: Number | Fault = found
    if written and wanted and written != wanted:
        result = found.converted(written, wanted)
    if isinstance(result, Fault):
        return result
    values.update(value=result.value, low=result.low, high=result.high)
    unit = wanted or written
    if unit:
        values["unit"] = unit
    values["raw"] = raw
    # days from diagnosis to birth are negative
    years = result.value if result.value is not None else result.low
    if values["variable"] in AGES and years is not None and abs(years) >= OLDEST:
        values["raw"] = "90+"
    return None
