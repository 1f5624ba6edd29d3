"""How the columns of a table are read by a map: what the kept document and the steward's review both go by."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from ingest.table.cells import Reading
from ingest.table.file import Table
from ingest.table.plan import Condition, Field, Made, Plan
from ingest.table.records import Problems, RowReader
from mappings.shape import Part, plain

__all__ = ["PartRead", "Use"]


@dataclass(frozen=True, slots=True)
class Use:
    """One way in which a column is read: for a field of a record, or to tell rows apart."""

    field: str
    read: Reading
    listed: frozenset[str]
    """Texts that stand in the map itself."""
    only_listed: bool = False
    """Whether the map acts on those alone and leaves other texts aside."""
    plan: Plan | None = None
    """The plan whose record the column fills, where it is the column that makes the record."""


@dataclass(frozen=True)
class PartRead:
    """One part of a map as it was read: its columns in the file, its plans, and the mark before its keys."""

    part: Part
    headers: tuple[str, ...]
    plans: Sequence[Plan]
    mark: str
    made: Sequence[Made] = ()
    stated: Part | None = None
    """The part as the map has it, where the source completed it with what it knows of its columns."""

    @property
    def as_stated(self) -> Part:
        """The part as the map has it."""
        return self.stated or self.part

    @cached_property
    def index(self) -> dict[str, int]:
        """Where each column stands."""
        return {name: number for number, name in enumerate(self.headers) if name}

    @property
    def subject(self) -> int:
        """Where the key column stands."""
        return self.index[plain(self.part.subject.column)]

    @cached_property
    def uses(self) -> Mapping[int, Sequence[Use]]:
        """The uses of each column that is read, but for the key column's own."""
        uses: dict[int, list[Use]] = defaultdict(list)
        for plan in self.plans:
            listed = plan.missing | plan.only_if | frozenset(plan.absent)
            uses[plan.index].append(Use(plan.main, plan.read, listed, bool(plan.only_if), plan))
            for item in (*plan.fields, *([plan.detail] if plan.detail else [])):
                for index in self._columns(item):
                    uses[index].append(Use(item.name, item.read, item.missing))
            for index, read in plan.roles:
                uses[index].append(Use("role", read, plan.missing))
            for condition in plan.conditions:
                uses[condition.index].append(Use("where", str, condition.cells, only_listed=True))
        for condition in self.conditions:
            uses[condition.index].append(Use("only", str, condition.cells, only_listed=True))
        compared = [self.index[plain(name)] for name in self.part.one_row_per if plain(name) in self.index]
        for index in (*compared, *(column for made in self.made for column in made.per)):
            uses[index].append(Use("per", str, frozenset(), only_listed=True))
        return uses

    def columns_of(self, plan: Plan) -> set[int]:
        """The columns that the further fields of a plan are read from."""
        return {index for item in plan.fields for index in self._columns(item)}

    def _columns(self, item: Field) -> tuple[int, ...]:
        """The columns of the file that a field is read from."""
        width = len(self.headers)
        return (item.index,) if item.index < width else self.made[item.index - width].indexes

    def cell_of(self, item: Field, cells: Sequence[str]) -> str | None:
        """The cell of a row that a field is read from; None where it is fetched from another row."""
        width = len(self.headers)
        if item.index < width:
            return cells[item.index]
        made = self.made[item.index - width]
        return None if made.per else made.cell([[cell] for cell in cells], 0)

    def key_of(self, plan: Plan, number: int) -> str:
        """The key of the record that an entry makes of a row."""
        return self._keys.key_of(plan, number)

    @cached_property
    def _keys(self) -> RowReader:
        return RowReader(self.part, self.plans, self.headers, Problems(""), self.mark)

    @property
    def conditions(self) -> Sequence[Condition]:
        """What decides which rows are read."""
        return self._keys.conditions

    def rows(self, table: Table) -> Iterator[tuple[int, list[str]]]:
        """The rows that the map reads, with their numbers, cells without surrounding blanks.

        All have a cell for each column; a row with more of them has all of its own.
        """
        width = len(self.headers)
        for number, row in table.numbered(self.part):
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if not any(cells[width:]):
                cells = cells[:width] + [""] * (width - len(cells))
            if all(condition.holds(cells[condition.index]) for condition in self.conditions):
                yield number, cells
