"""Kept tables: the cells that a map read, after the gate, and the table that they are again.

Kept are the cells of the columns that the map speaks of, at their rows and columns, so that record keys stay the same.
Each cell is kept in the form in which the store knows it, and no other:

- what the map reads, as it is written; calendar dates as days from the subject's origin, names of readers as
  pseudonyms, ages of 90 and above as ``>=90``;
- what the map cannot read (an undecided value, a word where a number should be) as a keyed hash, so that it is known
  again once a steward has decided about it;
- what looks like an identifier, and the cells of a record that the gate refused, not at all.

A document is JSON lines: a head, then for each part of the map ``{"part": n}`` and its rows ``[number, cell, …]``.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

from ingest.base import Context, Days
from ingest.gate import FREE, NAMING, OLDEST, identifier_in
from ingest.table_cells import WITHHELD, Fault, Number, Reading, dated
from ingest.table_file import TableFile
from ingest.table_plan import Plan
from ingest.table_records import AGES, Problems, RowReader
from mappings.shape import Part, Ref, plain
from mappings.tables import TableMap
from ontology.prefixes import Curie
from ontology.records import When

__all__ = ["KeptPart", "KeptTable", "Shortfall", "TableDocument", "shortfall"]

FORM: Final = 1
SEARCHED: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("lesion", "reader"), NAMING),
    **dict.fromkeys(("study", "series", "procedure"), ()),
}
"""What the gate looks for in the cells of a field; `FREE` in all others."""

Cell: TypeAlias = str | list[Any] | None
"""Kept as it is; as ``["day", first, last, clock]`` or ``["mark", hash]``; or not at all."""


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def layout_of(part: Part) -> str:
    """A digest of where things stand in a part, but for what its columns mean."""
    return _digest(part.model_dump(mode="json", exclude={"columns", "common"}, exclude_defaults=True))


def ways_of(part: Part) -> dict[str, str]:
    """For each column that a part speaks of, a digest of how it is read."""
    ways: dict[str, list[str]] = defaultdict(list)
    for written, entries in part.columns.items():
        for entry in entries:
            ways[written].append(_digest(entry.model_dump(mode="json", exclude={"fields"}, exclude_defaults=True)))
            for name, given in entry.fields.items():
                if isinstance(given, Ref) and given.column:
                    ways[plain(given.column)].append(_digest([name, given.model_dump(mode="json")]))
    for name in part.named:
        ways.setdefault(name, [])
    return {name: _digest(sorted(set(found))) for name, found in ways.items()}


# keeping


@dataclass(frozen=True)
class KeptPart:
    """One part of the map as it was read: its columns in the file, its plans, and the mark before its keys."""

    part: Part
    headers: tuple[str, ...]
    plans: Sequence[Plan]
    mark: str


@dataclass(frozen=True)
class TableDocument:
    """What may be kept of a table that was read; `lines` makes the text once the gate has judged its records."""

    kind: str
    mapping: str
    table: TableFile
    parts: Sequence[KeptPart]
    context: Context
    elements: Mapping[str, Curie] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    @property
    def again(self) -> str | None:
        """The document that the table was read from, None where it was read from its file."""
        return self.table.document if isinstance(self.table, KeptTable) else None

    def lines(self, refused: Set[str], days: Days) -> Iterator[str]:
        """The document's text."""
        keepers = [_Keeper(part, self.context, refused, days) for part in self.parts]
        read = {name for keeper in keepers for name in keeper.names}
        head = {
            "form": FORM,
            "kind": self.kind,
            "elements": {name: term for name, term in self.elements.items() if name in read},
            "labels": {name: dict(labels) for name, labels in self.labels.items() if name in read},
            "parts": [keeper.head() for keeper in keepers],
        }
        yield json.dumps(head, ensure_ascii=False, sort_keys=True)
        for number, keeper in enumerate(keepers):
            yield json.dumps({"part": number})
            for row in keeper.rows(self.table):
                yield json.dumps(row, ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True, slots=True)
class _Use:
    """One way in which a column is read: for a field of a record, or (without a plan) to tell rows apart."""

    field: str
    read: Reading
    listed: frozenset[str]
    """Texts that stand in the map itself."""
    only_listed: bool
    plan: Plan | None = None


class _Keeper:
    """Brings the cells of one part into the forms in which they are kept."""

    def __init__(self, source: KeptPart, context: Context, refused: Set[str], days: Days) -> None:
        self.part, self.headers, self.plans = source.part, source.headers, source.plans
        self.context, self.refused, self.days = context, refused, days
        self.keys = RowReader(source.part, source.plans, source.headers, Problems(""), source.mark)
        index = {name: number for number, name in enumerate(source.headers) if name}
        self.subject = index[plain(self.part.subject.column)]
        self.only = [(index[plain(name)], frozenset(cells)) for name, cells in self.part.only.items()]
        self.uses = self._uses(index)
        self.names = {self.headers[number] for number in (*self.uses, self.subject)}
        self._held: dict[tuple[int, str], Cell | When] = {}

    def _uses(self, index: Mapping[str, int]) -> dict[int, list[_Use]]:
        uses: dict[int, list[_Use]] = defaultdict(list)
        for plan in self.plans:
            listed = plan.missing | plan.only_if | frozenset(plan.absent)
            uses[plan.index].append(_Use(plan.main, plan.read, listed, bool(plan.only_if), plan))
            for item in plan.fields:
                uses[item.index].append(_Use(item.name, item.read, item.missing, only_listed=False))
        for number, cells in self.only:
            uses[number].append(_Use("only", str, cells, only_listed=True))
        for name in self.part.one_row_per:
            if plain(name) in index:
                uses[index[plain(name)]].append(_Use("one_row_per", str, frozenset(), only_listed=True))
        return uses

    def head(self) -> dict[str, Any]:
        """What the head of the document says of this part."""
        kept = {*self.uses, self.subject}
        return {
            "sheet": self.part.sheet,
            "layout": layout_of(self.part),
            "ways": ways_of(self.part),
            "headers": [name if number in kept else "" for number, name in enumerate(self.headers)],
        }

    def rows(self, table: TableFile) -> Iterator[list[Any]]:
        """The rows that the map reads, each with its number."""
        width = len(self.headers)
        numbered = enumerate(table.table(self.part), 1)
        for number, row in islice(numbered, self.part.data_row - 1, self.part.last_row):
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if any(cells[width:]):
                yield [number, *[None] * (width + 1)]
                continue
            cells = cells[:width] + [""] * (width - len(cells))
            if all(cells[index] in wanted for index, wanted in self.only):
                yield [number, *self._row(number, cells)]

    def _row(self, number: int, cells: list[str]) -> list[Cell]:
        cell = cells[self.subject]
        name = self.part.subject.identifier(cell)
        if not cell or cell in self.part.missing:
            return [cell if index == self.subject else None for index in range(len(cells))]
        if identifier_in(cell, NAMING) or identifier_in(name, NAMING):
            return [None] * len(cells)
        kept: list[Cell] = [""] * len(cells)
        kept[self.subject] = cell
        for index, uses in self.uses.items():
            if index != self.subject and cells[index]:
                kept[index] = self._cell(index, uses, cells, name)
        if self.refused:
            for plan in self.plans:
                if self.keys.key_of(plan, number) in self.refused:
                    for index in {plan.index, *(item.index for item in plan.fields)} - {self.subject}:
                        kept[index] = None
        return kept

    def _cell(self, index: int, uses: Sequence[_Use], cells: Sequence[str], subject: str) -> Cell:
        text = cells[index]
        if (index, text) not in self._held:
            if len(self._held) > 100_000:
                self._held.clear()
            self._held[index, text] = self._form(uses, text)
        form = self._held[index, text]
        if isinstance(form, When):
            first, last, _ = self.days(subject, form)
            return ["day", first, last, form.clock]
        if isinstance(form, str) and any(use.plan and self._is_old(use.plan, text, cells) for use in uses):
            years = all(use.plan is None or use.plan.constants.get("unit") in (None, "a") for use in uses)
            return f">={OLDEST}" if years and not text.startswith("-") else None
        return form

    def _form(self, uses: Sequence[_Use], text: str) -> Cell | When:
        """The strictest of the forms that the uses of a column call for."""
        forms = [self._judged(use, text) for use in uses]
        for form in forms:
            if isinstance(form, When):
                return form
        hidden = [form for form in forms if form is not None and form != text]
        kinds = {kind for use in uses for kind in SEARCHED.get(use.field, FREE)}
        if hidden:
            return hidden[0]
        if identifier_in(text, tuple(sorted(kinds))):
            return None
        return text if text in forms else None if identifier_in(text) else ["mark", self.context.mark(text)]

    @staticmethod
    def _judged(use: _Use, text: str) -> str | When | None:
        """The text itself, its pseudonym or its time; None where the map cannot read it."""
        if text in use.listed:
            return text
        if use.only_listed:
            return None
        found = use.read(text)
        if isinstance(found, Fault):
            return None
        if isinstance(found, When) and isinstance(found.first, dt.date):
            return found
        return str(found) if use.field == "reader" else text

    @staticmethod
    def _is_old(plan: Plan, text: str, cells: Sequence[str]) -> bool:
        """Whether a cell is an age that may identify a person; in doubt about its unit it is."""
        if plan.main != "value":
            return False
        variable = plan.constants.get("variable")
        for item in plan.fields:
            if item.name == "variable":
                variable = item.read(cells[item.index])
        found = plan.read(text)
        if variable not in AGES or not isinstance(found, Number):
            return False
        unit = found.unit or plan.constants.get("unit")
        years = found.converted(unit, "a") if unit and unit != "a" else found
        if isinstance(years, Fault):
            return True
        return any(abs(bound) >= OLDEST for bound in (years.value, years.low, years.high) if bound is not None)


# reading again


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why a kept document does not serve a map whole: columns that it does not hold, and whether it serves at all."""

    columns: tuple[str, ...]
    useless: bool


def shortfall(head: Mapping[str, Any], mapping: TableMap) -> Shortfall:
    """What a document lacks of what a map reads; it serves no map that reads one of its columns in another way."""
    kept = {part["sheet"]: part for part in head["parts"]}
    lacking: list[str] = []
    useless = head["form"] != FORM
    for part in mapping.parts:
        found = kept.get(part.sheet)
        ways = ways_of(part)
        if found is None or found["layout"] != layout_of(part):
            useless = True
            lacking += sorted(ways)
            continue
        lacking += sorted(ways.keys() - found["ways"].keys())
        changed = sorted(name for name, way in ways.items() if found["ways"].get(name, way) != way)
        lacking += changed
        useless = useless or bool(changed)
    return Shortfall(tuple(dict.fromkeys(lacking)), useless)


class KeptTable(TableFile):
    """A kept document as the table that it was made of; cells that were not kept begin with `WITHHELD`."""

    def __init__(
        self,
        document: str,
        lines: Callable[[], Iterator[str]],
        known: dict[str, str],
        origins: Mapping[tuple[str, str], dt.date],
        clock: str,
    ) -> None:
        super().__init__(Path(document))
        self.document = document
        self.workbook = True
        self.known = known
        """Texts by the hashes that stand for them."""
        self._lines, self._origins, self._clock = lines, origins, clock

    @cached_property
    def head(self) -> dict[str, Any]:
        """The head of the document."""
        found: dict[str, Any] = json.loads(next(self._lines()))
        return found

    def reopen(self, encoding: str | None, delimiter: str | None) -> None:
        """There is nothing to read anew: the text was decoded and cut when it was kept."""

    def settle(self, part: Part) -> None:
        """The delimiter was found when the table was kept."""

    def check(self) -> None:
        """A kept document is a table."""

    def headers(self, part: Part) -> tuple[str, ...]:
        """The names of the columns that were kept; the others are empty."""
        return tuple(next((kept["headers"] for kept in self.head["parts"] if kept["sheet"] == part.sheet), ()))

    def table(self, part: Part) -> Iterator[Sequence[str]]:
        """The rows of a part at their numbers; those that were not kept are empty."""
        sheets = [kept["sheet"] for kept in self.head["parts"]]
        subject = self.headers(part).index(plain(part.subject.column))
        within, reached = False, 0
        for line in islice(self._lines(), 1, None):
            row = json.loads(line)
            if isinstance(row, dict):
                within = sheets[row["part"]] == part.sheet
            elif within:
                yield from ([] for _ in range(reached + 1, row[0]))
                reached = row[0]
                name = part.subject.identifier(row[subject + 1] or "") if isinstance(row[subject + 1], str) else ""
                yield [self._text(cell, f"R{row[0]}C{at}", name) for at, cell in enumerate(row[1:], 1)]

    def _text(self, cell: Cell, place: str, subject: str) -> str:
        match cell:
            case str():
                return cell
            case ["day", int(first), int(last), clock]:
                origin = self._origins.get((subject, clock or self._clock))
                if origin is not None:
                    ends = [origin + dt.timedelta(days=day) for day in (first, last)]
                    return dated(When(ends[0], ends[1], clock))
            case ["mark", str(mark)]:
                return self.known.get(mark, WITHHELD + mark)
        return WITHHELD + place
