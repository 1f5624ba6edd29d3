"""What one entry of a table map makes of many rows at once: columns of values, and the nodes that they name.

Columns hold few distinct values as a rule, and what a cell says is the same wherever it recurs: each distinct cell, or
combination of cells where one decides how another is read, is read once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from types import NoneType
from typing import Any, TypeAlias

import pyarrow as pa

from ingest.base import Block
from ingest.gate import AGES, OLDEST
from ingest.observed.lesions import Listed, listed
from ingest.observed.sites import parts_of
from ingest.table_cells import SILENT, WITHHELD, Fault, Number, Reading
from ingest.table_plan import Field, Plan
from ontology.fields import star_of
from ontology.prefixes import Curie
from ontology.records import (
    Instance,
    Lesion,
    LesionFacts,
    Procedure,
    Reader,
    Record,
    Region,
    Series,
    Study,
    Treatment,
    When,
)
from ontology.terms import q
from ontology.variables import variables
from store.columns import columns_of, defaults_of, logged

__all__ = ["Maker", "Makings", "Misread"]

HELD = 50_000
"""Combinations of cells whose meaning is kept ready, for each field of an entry."""

NOT_KEPT = Fault("was not kept when the table was read", "the file itself")
BACKWARDS = Fault("a treatment that ends before it starts", "an end that is not before the start; it is left out")

DECIDING = frozenset({"variable", "unit"})
"""The fields on which it depends how the column itself is read."""

QUALIFIERS = frozenset({"laterality", "site_modifier"})
"""The fields that a site may say too."""

NODES = ("lesion", "reader", "procedure", "study", "series", "region", "instance")


@dataclass(frozen=True, slots=True)
class Misread:
    """A cell that could not be read: its column and why."""

    index: int
    fault: Fault


class Partly(dict[str, Any]):
    """What cells say but for some of them, which could not be read and are told: the record is made without them."""

    def __init__(self, said: dict[str, Any], unread: Sequence[Misread]) -> None:
        super().__init__(said)
        self.unread = tuple(unread)


Said: TypeAlias = Any
"""What cells say: a dictionary of the record log's columns and their values, a `Misread`, or `SILENT`."""


@dataclass
class Group:
    """Cells of a row that are read together, and the columns that follow from them."""

    indexes: tuple[int, ...]
    read: Callable[[Sequence[str]], Said]
    names: set[str] = field(default_factory=set)
    """The columns that were filled so far."""
    held: dict[Any, Said] = field(default_factory=dict)

    def said(self, columns: Sequence[Sequence[str]], rows: Sequence[int]) -> list[Said]:
        """What the cells of each of some rows say."""
        if len(self.indexes) == 1:
            column = columns[self.indexes[0]]
            keys: list[Any] = [column[row] for row in rows]
        else:
            cells = [columns[index] for index in self.indexes]
            keys = [tuple(column[row] for column in cells) for row in rows]
        if len(self.held) > HELD:
            self.held.clear()
        held = self.held
        for key in set(keys) - held.keys():
            found = held[key] = self.read((key,) if len(self.indexes) == 1 else key)
            if isinstance(found, dict):
                self.names.update(found)
        return [held[key] for key in keys]


FIRSTS = frozenset({"when_first", "start_first", "end_first"})
"""The columns of the log that say when something was, or began to be."""


@dataclass(frozen=True)
class Makings:
    """What an entry made of some rows: the records as columns, whose rows they are, and the nodes that they name."""

    rows: list[int]
    block: Block
    nodes: list[tuple[int, Record]]
    """Each with the row in which it is named for the first time."""


class Maker:
    """Makes the records of one plan from columns of cells."""

    def __init__(self, plan: Plan, named: set[Record]) -> None:
        self.plan = plan
        self.star = star_of(plan.record.__name__)
        self._types = columns_of(self.star)
        self._fields = {item.name: item for item in self.star.fields}
        self._named = named
        self._labels: dict[str, str | None] = {}
        deciding = [item for item in plan.fields if item.name in DECIDING]
        indexes = (plan.index, *(item.index for item in deciding))
        self._groups = [Group(indexes, lambda texts: self._logged(self._main(deciding, texts)))]
        further = dict.fromkeys(item.name for item in plan.fields if item.name not in DECIDING)
        # a side that is written with the site goes before the column of sides
        for name in sorted(further, key=QUALIFIERS.__contains__):
            items = [item for item in plan.fields if item.name == name]
            self._groups.append(Group(tuple(item.index for item in items), self._further(items)))

    def make(
        self,
        columns: Sequence[Sequence[str]],
        subjects: Sequence[str],
        key: Callable[[int], str],
        misread: Callable[[int, Misread], None],
    ) -> Iterator[Makings]:
        """The records of some rows (columns of cells, and the subject of each row).

        ``key`` gives the key of a row's record; ``misread`` is told of each cell that could not be read.
        """
        rows = self._chosen(columns)
        said = [group.said(columns, rows) for group in self._groups]
        if any(type(item) is not dict for group in said for item in group):
            good = list(self._readable(rows, said, misread))
            rows = [rows[place] for place in good]
            said = [[group[place] for place in good] for group in said]
        if self.plan.record is Treatment:
            said = self._forwards(rows, said, misread)
        if self.plan.detail:
            said[0] = self._detailed(self.plan.detail, columns[self.plan.detail.index], rows, said[0], misread)
        for places in _alike(said, len(rows)):
            if len(places) == len(rows):
                yield self._makings(columns, subjects, key, rows, said)
                continue
            chosen = [rows[place] for place in places]
            yield self._makings(columns, subjects, key, chosen, [[group[place] for place in places] for group in said])

    def _makings(
        self,
        columns: Sequence[Sequence[str]],
        subjects: Sequence[str],
        key: Callable[[int], str],
        rows: list[int],
        said: Sequence[Sequence[Said]],
    ) -> Makings:
        """The records of rows of which the times are dates, or day counts, throughout."""
        own = [subjects[row] for row in rows]
        arrays: dict[str, pa.Array] = {
            "key": pa.array([key(row) for row in rows], pa.string()),
            "subject": pa.array(own, pa.string()),
        }
        for name, value in defaults_of(self.plan.record).items():
            arrays[name] = pa.repeat(pa.scalar(value, self._types[name]), len(rows))
        for group, found in zip(self._groups, said, strict=True):
            for name in sorted(group.names):
                values = [item.get(name) for item in found]
                if name in QUALIFIERS and name in arrays:
                    values = _first_said(arrays[name].to_pylist(), values)
                arrays[name] = self._array(name, values)
        self._sited(arrays)
        lesions = self._listed(arrays) if "lesion" in arrays else None
        block = Block(self.plan.record, pa.table(arrays))
        if not self.plan.names_nodes:
            return Makings(rows, block, [])
        nodes = list(self._nodes(arrays, own, self._roles(columns, rows)))
        if lesions:
            nodes += self._identities(arrays, own, lesions)
        return Makings(rows, block, nodes)

    def _sited(self, arrays: dict[str, pa.Array]) -> None:
        """Part sites into structure, side and part; what the term of the site says goes before other columns."""
        if "site" not in arrays:
            return
        terms = arrays["site"].to_pylist()
        parted = {term: parts_of(Curie(term)) for term in set(terms) if term}
        if all(found.structure == term for term, found in parted.items()):
            return
        for name, part in (("laterality", "laterality"), ("site_modifier", "modifier")):
            said = [getattr(parted[term], part) if term else None for term in terms]
            stated = arrays[name].to_pylist() if name in arrays else [None] * len(said)
            if any(said):
                arrays[name] = self._array(name, _first_said(said, stated))
        arrays["site"] = self._array("site", [parted[term].structure if term else None for term in terms])

    def _listed(self, arrays: dict[str, pa.Array]) -> list[Listed | None]:
        """Which lesion each record is about, by the rules for all sources; the keys take the place of the names."""
        names = arrays["lesion"].to_pylist()
        readers = arrays["reader"].to_pylist() if "reader" in arrays else [None] * len(names)
        known = {pair: listed(*pair) for pair in set(zip(names, readers, strict=True)) if pair[0]}
        found = [known.get(pair) for pair in zip(names, readers, strict=True)]
        self._labels.update((item.key, item.label) for item in known.values())
        arrays["lesion"] = pa.array([item and item.key for item in found], pa.string())
        return found

    def _identities(
        self, arrays: dict[str, pa.Array], subjects: Sequence[str], lesions: Sequence[Listed | None]
    ) -> Iterator[tuple[int, Record]]:
        """By which rule each lesion is that one, once for each reader and site of it."""
        nothing = [None] * len(subjects)
        readers, sites = (arrays[name].to_pylist() if name in arrays else nothing for name in ("reader", "site"))
        keys = arrays["key"].to_pylist()
        for place, (subject, reader, site, lesion) in enumerate(zip(subjects, readers, sites, lesions, strict=True)):
            if lesion is None:
                continue
            said = LesionFacts(
                key="",
                subject=subject,
                lesion=lesion.key,
                rule=lesion.rule,
                tracking_uid=lesion.tracking_uid,
                label=lesion.label,
                site=site and Curie(site),
                reader=reader if lesion.rule == q.BY_NAME else None,
            )
            if said not in self._named:
                self._named.add(said)
                yield place, replace(said, key=f"{keys[place]}/lesion")

    def _chosen(self, columns: Sequence[Sequence[str]]) -> list[int]:
        """The rows in which the column says something, and of which the record is to be made."""
        plan = self.plan
        cells = columns[plan.index]
        silent = plan.missing | {""}
        rows = [row for row, cell in enumerate(cells) if cell not in silent]
        if plan.only_if:
            rows = [row for row in rows if cells[row] in plan.only_if]
        for condition in plan.conditions:
            others = columns[condition.index]
            holds = {cell: condition.holds(cell) for cell in set(others)}
            rows = [row for row in rows if holds[others[row]]]
        return rows

    def _readable(
        self, rows: Sequence[int], said: Sequence[Sequence[Said]], misread: Callable[[int, Misread], None]
    ) -> Iterator[int]:
        """The places among the rows of which every cell was read and says something."""
        order = [*said[1:], said[0]]  # the first fault is told, the fields before the column itself
        for place, row in enumerate(rows):
            found = [group[place] for group in order]
            wrong = next((item for item in found if isinstance(item, Misread)), None)
            if wrong:
                misread(row, wrong)
            elif found[-1] is not SILENT:
                for unread in (each for item in found if isinstance(item, Partly) for each in item.unread):
                    misread(row, unread)
                yield place

    def _forwards(
        self, rows: Sequence[int], said: list[list[Said]], misread: Callable[[int, Misread], None]
    ) -> list[list[Said]]:
        """What cells say of treatments, without the ends that come before their starts."""
        for place, row in enumerate(rows):
            start, end = (_time(name, said, place) for name in ("start", "end"))
            if start and end and end.before(start):
                misread(row, Misread(self.plan.index, BACKWARDS))
                for group in said:
                    group[place] = {name: value for name, value in group[place].items() if not name.startswith("end_")}
        return said

    @staticmethod
    def _detailed(
        detail: Field,
        cells: Sequence[str],
        rows: Sequence[int],
        said: Sequence[Said],
        misread: Callable[[int, Misread], None],
    ) -> list[Said]:
        """What cells say with the text of the detail joined to the raw text; one of another form is left out."""
        joined: list[Said] = []
        for row, values in zip(rows, said, strict=True):
            text = cells[row]
            found = text and text not in detail.missing and _read(detail.read, text)
            if isinstance(found, Fault):
                misread(row, Misread(detail.index, Fault(found.problem, f"{found.wanted}; it is left out")))
                found = ""
            joined.append({**values, "raw": f"{values.get('raw') or ''} {found}".strip()} if found else values)
        return joined

    def _array(self, name: str, values: list[Any]) -> pa.Array:
        kind = self._types[name]
        if name.endswith(("_first", "_last")) and any(value is not None and type(value) is not int for value in values):
            kind = pa.date32()
        return pa.array(values, kind)

    def _roles(self, columns: Sequence[Sequence[str]], rows: Sequence[int]) -> list[Curie | None]:
        """The role in which the reader of each row read; None where no decided cell says it."""
        roles: list[Curie | None] = [None] * len(rows)
        for index, read in self.plan.roles:
            said = {cell: read(cell) for cell in {columns[index][row] for row in rows} if cell}
            for place, row in enumerate(rows):
                found = said.get(columns[index][row])
                if roles[place] is None and isinstance(found, str):
                    roles[place] = Curie(found)
        return roles

    def _nodes(
        self, arrays: dict[str, pa.Array], subjects: Sequence[str], roles: Sequence[Curie | None]
    ) -> Iterator[tuple[int, Record]]:
        """The nodes that the records refer to, each once in a file, with the place of the first record that does."""
        nothing = [None] * len(subjects)
        columns = [arrays[name].to_pylist() if name in arrays else nothing for name in NODES]
        first: dict[tuple[Any, ...], int] = {}
        for place, row in enumerate(zip(subjects, roles, *columns, strict=True)):
            first.setdefault(row, place)
        for row, place in first.items():
            for found in nodes_of(*row):
                node = replace(found, label=self._labels.get(found.key)) if isinstance(found, Lesion) else found
                if node not in self._named:
                    self._named.add(node)
                    yield place, node

    # what cells say

    def _logged(self, values: Any) -> Said:
        """Values of fields as columns of the log."""
        if not isinstance(values, dict):
            return values
        columns: dict[str, Any] = {}
        for name, value in values.items():
            columns |= logged(self._fields[name], value)
        return Partly(columns, values.unread) if isinstance(values, Partly) else columns

    def _further(self, items: Sequence[Field]) -> Callable[[Sequence[str]], Said]:
        """The reading of the columns of one further field."""
        return lambda texts: self._logged(self._fields_of(items, texts, {}))

    def _fields_of(self, items: Sequence[Field], texts: Sequence[str], values: dict[str, Any]) -> Said:
        """The values with what the cells of some fields say."""
        unread = []
        for item, text in zip(items, texts, strict=True):
            if not text or text in item.missing:
                continue
            found = _read(item.read, text)
            if isinstance(found, Fault):
                if not item.lenient:
                    return Misread(item.index, found)
                unread.append(Misread(item.index, found))
            elif found is not SILENT:
                values.update(found if isinstance(found, dict) else {item.name: found})
        return Partly(values, unread) if unread else values

    def _main(self, deciding: Sequence[Field], texts: Sequence[str]) -> Said:
        """What the column itself says, where other cells may say its variable and unit."""
        plan, cell = self.plan, texts[0]
        values = self._fields_of(deciding, texts[1:], dict(plan.constants))
        if not isinstance(values, dict):
            return values
        units = [text for item, text in zip(deciding, texts[1:], strict=True) if item.name == "unit" and text]
        found = self._own(cell, values, units[0] if units else values.get("unit"))
        if isinstance(found, Fault):
            return Misread(plan.index, found)
        return SILENT if found is SILENT else values

    def _own(self, cell: str, values: dict[str, Any], unit: str | None) -> object:
        """Fill the field that the column itself fills, and those that follow from it; ``unit`` is as written."""
        plan = self.plan
        if cell in plan.absent:
            values.setdefault("absent_reason", plan.absent[cell])
            values["raw"] = cell
            values.pop("unit", None)
            return None
        if plan.entry.record not in {"treatment", "event"} and values.get("variable") is None:
            return Fault("nothing says which variable the row holds", "a value in the column that names it")
        found = _read(plan.read, cell)
        if isinstance(found, Fault) or found is SILENT:
            return found
        if isinstance(found, Number):
            raw = f"{cell} {unit}" if unit and not found.unit else cell
            return quantity(found, raw, values, plan.entry.record)
        if found is not None or plan.main not in values:
            values[plan.main] = found
        if plan.main not in {"when", "start", "end"}:
            values["raw"] = cell
        return None


def _read(reading: Reading, text: str) -> object:
    """What a cell says; a fault where a kept document does not hold it, whatever the reading makes of that."""
    found = reading(text)
    return NOT_KEPT if text.startswith(WITHHELD) and not isinstance(found, Fault) else found


def _alike(said: Sequence[Sequence[Said]], count: int) -> Iterator[Sequence[int]]:
    """The places of rows by whether their times are dates or day counts: a column of a block holds one of them."""
    times = [(name, group) for group in said for name in {name for item in group for name in item if name in FIRSTS}]
    mixed = [(name, group) for name, group in times if len({type(item.get(name)) for item in group} - {NoneType}) > 1]
    if not mixed:
        if count:
            yield range(count)
        return
    places: dict[tuple[type, ...], list[int]] = {}
    for place in range(count):
        kinds = tuple(type(group[place].get(name)) for name, group in mixed)
        places.setdefault(kinds, []).append(place)
    yield from places.values()


def _first_said(first: Sequence[Any], then: Sequence[Any]) -> list[Any]:
    """What the first says of each row, else the other."""
    return [one if one is not None else other for one, other in zip(first, then, strict=True)]


def _time(name: str, said: Sequence[Sequence[Said]], place: int) -> When | None:
    """A time of a record, out of what its groups of cells say."""
    for group in said:
        if group[place].get(f"{name}_first") is not None:
            return When(*(group[place][f"{name}_{end}"] for end in ("first", "last", "clock")))
    return None


def nodes_of(
    subject: str,
    role: Curie | None,
    lesion: str | None,
    reader: str | None,
    procedure: str | None,
    study: str | None,
    series: str | None,
    region: str | None,
    instance: str | None,
) -> Iterator[Record]:
    """The nodes that a record refers to."""
    if lesion:
        yield Lesion(subject=subject, key=lesion)
    if reader:
        yield Reader(key=reader, role=role)
    if procedure:
        yield Procedure(key=procedure)
    if study:
        yield Study(uid=study, subject=subject)
        if series:
            yield Series(uid=series, subject=subject, study=study)
    if region:
        yield Region(subject=subject, key=region)
    if instance:
        yield Instance(uid=instance, subject=subject, series=series if study else None)


def quantity(found: Number, raw: str, values: dict[str, Any], record: str) -> Fault | None:
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
        values["raw"] = f"{OLDEST}+"
    return None
