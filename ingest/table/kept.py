"""Kept tables: the cells that a map read, after the gate, and the table that they are again.

Kept are the cells of the columns that the map speaks of, at their rows and columns, so that record keys stay the same.
Each cell is kept in the form in which the store knows it, and no other:

- what the map reads, as it is written, and of a key cell only what the map finds in it; calendar dates as days from
  the subject's origin, names of readers as pseudonyms, ages of 90 and above as ``>=90``, in the unit of their row;
- what the map cannot read (an undecided value, a word where a number should be) as a keyed hash, so that it is known
  again once a steward has decided about it;
- what looks like an identifier, and the cells of a record that the gate refused, not at all.

A document is JSON lines: a head, then for each part of the map ``{"part": n}`` and its rows ``[number, cell, …]``.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Any, Final, TypeAlias

from ingest.base import Context, Days
from ingest.gate.forms import FREE, NAMING, identifier_in
from ingest.gate.records import AGES, OLDEST
from ingest.table.blocks import NOT_KEPT
from ingest.table.cells import SILENT, WITHHELD, Fault, Number, dated
from ingest.table.file import Table, TableError
from ingest.table.plan import Plan
from ingest.table.uses import PartRead, Use
from ingest.table.ways import FORM, completion_of, layout_of, ways_of
from mappings.shape import Entry, Part, plain
from ontology.prefixes import Curie
from ontology.records import When
from store.identity import origin_key

__all__ = ["KeptTable", "Known", "TableDocument"]

SEARCHED: Final[Mapping[str, tuple[str, ...]]] = {
    **dict.fromkeys(("lesion", "reader"), NAMING),
    **dict.fromkeys(("study", "series", "procedure"), ()),
}
"""What the gate looks for in the cells of a field; `FREE` in all others."""

Cell: TypeAlias = str | list[Any] | None
"""Kept as it is; as ``["day", first, last, clock]`` or ``["mark", hash]``; or not at all."""


@dataclass(frozen=True)
class Known:
    """What a source knows of its columns besides the map: from its data dictionary."""

    elements: Mapping[str, Curie] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    decimals: Mapping[str, str] = field(default_factory=dict)
    coded: Set[str] = frozenset()
    """Columns whose cells are codes of a vocabulary, of which a document does not keep what they mean."""

    def of(self, names: Set[str]) -> dict[str, Any]:
        """The same as text, of some columns only."""
        return {
            "elements": {name: term for name, term in self.elements.items() if name in names},
            "labels": {name: dict(labels) for name, labels in self.labels.items() if name in names},
            "decimals": {name: sign for name, sign in self.decimals.items() if name in names},
            "coded": sorted(self.coded & names),
        }


@dataclass(frozen=True)
class TableDocument:
    """What may be kept of a table that was read; `lines` makes the text once the gate has judged its records."""

    kind: str
    mapping: str
    table: Table
    parts: Sequence[PartRead]
    context: Context
    known: Known

    @property
    def again(self) -> str | None:
        """The document that the table was read from, None where it was read from its file."""
        return self.table.document if isinstance(self.table, KeptTable) else None

    @property
    def size(self) -> int:
        """The bytes of the file; 0 where there is none."""
        path = getattr(self.table, "path", None)
        return path.stat().st_size if isinstance(path, Path) and path.exists() else 0

    def lines(self, refused: Set[str], days: Days) -> Iterator[str]:
        """The document's text."""
        keepers = [_Keeper(part, self.context, refused, days) for part in self.parts]
        read = {name for keeper in keepers for name in keeper.names}
        head = {
            "form": FORM,
            "kind": self.kind,
            **self.known.of(read),
            "parts": [keeper.head() for keeper in keepers],
        }
        yield json.dumps(head, ensure_ascii=False, sort_keys=True)
        for number, keeper in enumerate(keepers):
            yield json.dumps({"part": number})
            for row in keeper.rows(self.table):
                yield json.dumps(row, ensure_ascii=False, separators=(",", ":"))


class _Keeper:
    """Brings the cells of one part into the forms in which they are kept."""

    def __init__(self, read: PartRead, context: Context, refused: Set[str], days: Days) -> None:
        self.read, self.context, self.refused, self.days = read, context, refused, days
        self.part = read.part
        self.kept = {*read.uses, read.subject}
        self.names = {read.headers[index] for index in self.kept}
        self._held: dict[tuple[int, str], Cell | When] = {}

    def head(self) -> dict[str, Any]:
        """What the head of the document says of this part."""
        stated = self.read.as_stated
        return {
            "sheet": self.part.sheet,
            "layout": layout_of(stated),
            "ways": ways_of(stated),
            "completion": completion_of(stated, self.part),
            "headers": [name if index in self.kept else "" for index, name in enumerate(self.read.headers)],
        }

    def rows(self, table: Table) -> Iterator[list[Any]]:
        """The rows that the map reads, each with its number."""
        for number, cells in self.read.rows(table):
            too_many = len(cells) > len(self.read.headers)
            yield [number, *([None] * len(cells) if too_many else self._row(number, cells))]

    def _row(self, number: int, cells: list[str]) -> list[Cell]:
        at = self.read.subject
        cell = cells[at]
        name = self.part.subject.identifier(cell)
        if not name or cell in self.part.missing:
            # nothing of it is read but what tells that it is such a row
            known = {at} if not cell or cell in self.part.missing else set[int]()
            choosing = {*known, *(condition.index for condition in self.read.conditions)}
            return [text if index in choosing else None for index, text in enumerate(cells)]
        if identifier_in(cell, NAMING) or identifier_in(name, NAMING):
            return [None] * len(cells)
        kept: list[Cell] = [""] * len(cells)
        kept[at] = self._key(cell)
        for index, uses in self.read.uses.items():
            if index != at and cells[index]:
                kept[index] = self._cell(index, uses, cells, name)
        for index in self._refused(number, cells) - {at} if self.refused else ():
            kept[index] = None
        return kept

    def _key(self, cell: str) -> str | None:
        """What is kept of the key column's cell: only what its identifier is found in, unless all of it is read."""
        subject = self.part.subject
        if not subject.find or self._form(self.read.uses.get(self.read.subject, ()), cell) == cell:
            return cell
        found = re.search(subject.find, cell)
        text = found[0] if found else ""
        return text if subject.identifier(text) == subject.identifier(cell) else None

    def _refused(self, number: int, cells: Sequence[str]) -> set[int]:
        """The cells that only records refused by the gate are made of."""
        refused, others = set[int](), set[int]()
        for plan in self.read.plans:
            if cells[plan.index]:
                made_of = {plan.index, *self.read.columns_of(plan)}
                (refused if self.read.key_of(plan, number) in self.refused else others).update(made_of)
        return refused - others

    def _cell(self, index: int, uses: Sequence[Use], cells: Sequence[str], subject: str) -> Cell:
        text = cells[index]
        if (index, text) not in self._held:
            if len(self._held) > 100_000:
                self._held.clear()
            self._held[index, text] = self._form(uses, text)
        form = self._held[index, text]
        if isinstance(form, When):
            first, last, _ = self.days(subject, form)
            return ["day", first, last, form.clock]
        plans = [use.plan for use in uses if use.plan]
        if isinstance(form, str) and any(self._is_old(plan, text, cells) for plan in plans):
            doubtful = any(self._said(plan, "variable", cells) is NOT_KEPT for plan in plans)
            units = {self._unit(plan, cells) for plan in plans}
            return None if text.startswith("-") or doubtful else self._oldest(units)
        return form

    def _oldest(self, units: set[str]) -> str | None:
        """The bound of ages that may identify a person in the unit of the row; None where that is not one for all."""
        bound = Number(Decimal(OLDEST)).converted("a", units.pop()) if len(units) == 1 else None
        if not isinstance(bound, Number) or bound.value is None:
            return None
        written = f">={bound.value.normalize():f}"
        return written.replace(".", ",") if self.read.part.decimal == "," else written

    def _said(self, plan: Plan, name: str, cells: Sequence[str]) -> object:
        """What a row says for a field of a record; a fault where that cannot be told from the row."""
        said = plan.constants.get(name)
        for item in (item for item in plan.fields if item.name == name):
            text = self.read.cell_of(item, cells)
            if text is None:
                return NOT_KEPT
            if text and text not in item.missing and (found := item.read(text)) is not SILENT:
                said = found
        return said

    def _unit(self, plan: Plan, cells: Sequence[str]) -> str:
        """The unit in which a row gives a number without one of its own: years if nothing says it, empty in doubt."""
        unit = self._said(plan, "unit", cells)
        return "" if isinstance(unit, Fault) else str(unit or "a")

    def _form(self, uses: Sequence[Use], text: str) -> Cell | When:
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
    def _judged(use: Use, text: str) -> str | When | None:
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

    def _is_old(self, plan: Plan, text: str, cells: Sequence[str]) -> bool:
        """Whether a cell is an age that may identify a person; in doubt about its variable or unit it is."""
        if plan.main != "value" or text in plan.missing or text in plan.absent:
            return False
        variable, found = self._said(plan, "variable", cells), plan.read(text)
        if (variable not in AGES and variable is not NOT_KEPT) or not isinstance(found, Number):
            return False
        years = found.converted(found.unit or self._unit(plan, cells), "a")
        if isinstance(years, Fault):
            return True
        return any(abs(bound) >= OLDEST for bound in (years.value, years.low, years.high) if bound is not None)


# reading again


class KeptTable(Table):
    """A kept document as the table that it was made of; cells that were not kept begin with `WITHHELD`."""

    def __init__(
        self,
        document: str,
        lines: Callable[[], Iterator[str]],
        known: dict[str, str],
        origins: Mapping[tuple[str, str], dt.date],
        clock: str,
        namespace: str = "",
    ) -> None:
        super().__init__()
        self.document = document
        self.workbook = True
        self.known = known
        """Texts by the hashes that stand for them."""
        self._lines, self._origins, self._clock, self._namespace = lines, origins, clock, namespace

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
        for kept in self.head["parts"]:
            if kept["sheet"] == part.sheet:
                return tuple(kept["headers"])
        raise TableError(f"sheet {part.sheet}", NOT_KEPT.problem, NOT_KEPT.wanted)

    def completed(self, part: Part) -> Part:
        """The part with what the source added to it when it was read."""
        added = next((kept["completion"] for kept in self.head["parts"] if kept["sheet"] == part.sheet), None)
        if not added:
            return part

        def given(name: str, at: int, entry: Entry) -> dict[str, Any]:
            fields = added["columns"].get(name, [])[at : at + 1]
            return {item: value for each in fields for item, value in each.items() if entry.takes(item)}

        columns = {
            name: tuple(entry.giving(**given(name, at, entry)) for at, entry in enumerate(entries))
            for name, entries in part.columns.items()
        }
        return part.model_copy(update={"columns": columns, "visits": {**added["visits"], **part.visits}})

    def numbered(self, part: Part) -> Iterator[tuple[int, Sequence[str]]]:
        """The rows of a part that were kept, with their numbers in the file."""
        sheets = [kept["sheet"] for kept in self.head["parts"]]
        subject = self.headers(part).index(plain(part.subject.column))
        within = False
        for line in islice(self._lines(), 1, None):
            row = json.loads(line)
            if isinstance(row, dict):
                within = sheets[row["part"]] == part.sheet
            elif within:
                name = part.subject.identifier(row[subject + 1] or "") if isinstance(row[subject + 1], str) else ""
                yield row[0], [self._text(cell, f"R{row[0]}C{at}", name) for at, cell in enumerate(row[1:], 1)]

    def _text(self, cell: Cell, place: str, subject: str) -> str:
        match cell:
            case str():
                return cell
            case ["day", int(first), int(last), clock]:
                origin = self._origins.get((origin_key(self._namespace, subject), clock or self._clock))
                if origin is not None:
                    ends = [origin + dt.timedelta(days=day) for day in (first, last)]
                    return dated(When(ends[0], ends[1], clock))
            case ["mark", str(mark)]:
                return self.known.get(mark, WITHHELD + mark)
        return WITHHELD + place
