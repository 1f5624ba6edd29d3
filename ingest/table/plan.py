"""How each row of a table becomes records: a part of a table map, compiled against the columns of one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ingest.table.cells import SILENT, Fault, Reading, matching, remembered
from ingest.table.fields import NAME, Site, Vocabulary, constant, main_reading, reading
from mappings.shape import RECORDS, Entry, Part, Ref, field_kind, plain, template
from ontology.fields import Kind, star_of
from ontology.prefixes import Curie
from ontology.records import Record, Reject
from ontology.variables import canonical

__all__ = ["Compiled", "Condition", "Field", "Made", "Plan", "compile_part"]

NODES = frozenset({"lesion", "reader", "procedure", "study", "series", "region", "instance"})
"""The fields that refer to a node."""

ABOUT = {"event": "kind", "treatment": "kind"}
"""The field that the term of a column fills: the variable, but of events and treatments the kind."""


@dataclass(frozen=True, slots=True)
class Field:
    """A further field of a record that comes from a column (its index), of the file or made of some (`Made`)."""

    name: str
    index: int
    read: Reading
    missing: frozenset[str]
    kept: bool
    """Whether the cell itself may be stored; of a time only the day is, of a person only a pseudonym."""
    lenient: bool = False
    """Whether a cell that cannot be read leaves the record without the field, instead of refusing it."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A column whose cell decides whether a record is made: one of ``cells``, or none of them."""

    index: int
    cells: frozenset[str]
    missing: frozenset[str]
    negated: bool

    def holds(self, cell: str) -> bool:
        """Whether the cell lets the record be made; a missing one reads as empty."""
        listed = cell in self.cells or (cell in self.missing and "" in self.cells)
        return listed is not self.negated


@dataclass(frozen=True, slots=True)
class Made:
    """A column that stands behind those of the file: cells joined, or fetched from another row of the subject."""

    indexes: tuple[int, ...]
    join: str
    per: tuple[int, ...]
    """The columns in which that other row agrees; empty where the cells are those of the same row."""
    missing: frozenset[str]

    def cell(self, columns: Sequence[Sequence[str]], row: int) -> str:
        """The joined cells of a row; empty where one of them is missing."""
        found = [columns[index][row] for index in self.indexes]
        return "" if any(not text or text in self.missing for text in found) else self.join.join(found)


@dataclass(frozen=True)
class Plan:
    """One record that one column makes."""

    entry: Entry
    record: type[Record]
    index: int
    header: str
    main: str
    read: Reading
    fields: tuple[Field, ...]
    constants: Mapping[str, Any]
    missing: frozenset[str]
    only_if: frozenset[str]
    conditions: tuple[Condition, ...]
    roles: tuple[tuple[int, Reading], ...]
    """The columns that say in which role the reader read."""
    absent: Mapping[str, Curie]
    with_units: bool
    """Whether cells may bring their unit with them."""
    suffix: str
    """The end of the record's key where a column makes several records."""
    names_nodes: bool
    kept: bool
    """Whether the column's cell may be stored, as for a `Field`."""
    detail: Field | None = None
    """What joins the cell in the raw text, where the file has that column."""

    def uses(self) -> Iterator[int]:
        """The columns that it looks at."""
        yield self.index
        yield from (item.index for item in self.fields)
        if self.detail:
            yield self.detail.index
        yield from (condition.index for condition in self.conditions)
        yield from (index for index, _ in self.roles)

    def stored(self, made: Sequence[Made], width: int) -> frozenset[int]:
        """The columns of the file whose cells the record may store."""
        own = {item.index for item in self.fields if item.kept} | ({self.index} if self.kept else set())
        return frozenset(
            column for index in own for column in (made[index - width].indexes if index >= width else (index,))
        )


@dataclass
class Compiled:
    """A part of a map for one file: its plans, the columns made of others, and a reject for each column lacking."""

    plans: list[Plan] = field(default_factory=list)
    made: list[Made] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    """Without file name."""


def compile_part(part: Part, headers: tuple[str, ...], vocabulary: Vocabulary) -> Compiled:
    """The plans of a part for a file with these columns."""
    compiled = Compiled()
    site = Site(part, {name: index for index, name in enumerate(headers) if name}, vocabulary)
    for written, entries in part.columns.items():
        pattern = template(written)
        found = (
            [(written, {})]
            if pattern is None
            else [(name, hit.groupdict()) for name in site.columns if (hit := pattern.fullmatch(name))]
        )
        for order, entry in enumerate(entries, 1):
            suffix = f".{order}" if order > 1 else ""
            for name, pieces in found:
                plan = _plan(site, written, name, pieces, entry, suffix, compiled.made, len(headers))
                if isinstance(plan, Plan):
                    compiled.plans.append(plan)
                elif plan is not None:
                    compiled.rejects.append(plan)
        if not found and not all(entry.optional for entry in entries):
            compiled.rejects.append(
                _rejected("header", f"no column like {written!r}", "such columns, or optional: true in the map")
            )
    return compiled


def _rejected(place: str, problem: str, wanted: str) -> Reject:
    return Reject(name="", place=place, problem=problem, wanted=wanted)


def _plan(
    site: Site,
    written: str,
    name: str,
    pieces: Mapping[str, str],
    entry: Entry,
    suffix: str,
    made: list[Made],
    width: int,
) -> Plan | Reject | None:
    """The plan of one entry; a reject where the file or the map lacks something, None where that is optional.

    The columns that it makes of others join ``made``; their indexes follow those of the file's own (``width``).
    """
    given_fields = {item: _within(given, pieces) for item, given in entry.fields.items()}
    needed = [column for given in given_fields.values() if isinstance(given, Ref) for column in given.needed]
    lacking = [column for column in (name, *map(plain, needed), *entry.told) if column not in site.columns]
    if lacking:
        wanted = "the column under that name, or optional: true in the map"
        return None if entry.optional else _rejected("header", f"no column {lacking[0]!r}", wanted)
    constants = _terms(site, entry, written)
    fields: list[Field] = []
    for item, given in given_fields.items():
        kind = field_kind(entry.record, item)
        if isinstance(given, Ref) and given.sources:
            own = entry.fields[item]
            assert isinstance(own, Ref)
            fields.extend(_choices(site, kind, item, own, given, made, width))
            continue
        value = _said(site, kind, item, written, given, pieces)
        if isinstance(value, Fault):
            return _rejected(f"column {name}", f"{item}: {value.problem}", value.wanted)
        if value is SILENT:
            continue
        constants.update(value if isinstance(value, dict) else {item: value})
    about = ABOUT.get(entry.record, "variable")
    said = about in constants or about in entry.fields or about == entry.main
    if not said and entry.record != "treatment":
        place = site.vocabulary.decisions.path
        wanted = f"`qilin map decide {place.parent.name} {written!r} TERM`, which is a row column:… in {place.name}"
        return _rejected(f"column {name}", "nothing says which variable it holds", wanted)
    plan = Plan(
        entry=entry,
        record=star_of(RECORDS[entry.record]).record,
        index=site.columns[name],
        header=name,
        main=entry.main,
        read=main_reading(site, entry, written),
        fields=tuple(fields),
        constants=constants,
        missing=frozenset((*site.part.missing, *entry.missing)),
        only_if=frozenset(entry.only_if),
        conditions=_conditions(site, entry),
        roles=_roles(site, entry),
        absent={cell: Curie(term) for cell, term in entry.absent.items()},
        with_units=bool(site.part.units),
        suffix=suffix,
        kept=_kept(field_kind(entry.record, entry.main)),
        names_nodes=not NODES.isdisjoint((*constants, *(item.name for item in fields))),
        detail=_detail(site, entry),
    )
    return _with_variable(plan, name)


def _detail(site: Site, entry: Entry) -> Field | None:
    """How the column that joins the raw text is read; None where the file has none."""
    if entry.detail is None:
        return None
    column = next((name for name in map(plain, entry.detail.names) if name in site.columns), None)
    if column is None:
        return None
    read = matching(entry.detail.form, f"a text of the form {entry.detail.form}")
    return Field("detail", site.columns[column], read, frozenset(site.part.missing), kept=True)


def _kept(kind: Kind, *, as_written: bool = False) -> bool:
    return kind not in {Kind.WHEN, Kind.UID} and (kind is not Kind.READER or as_written)


def _within(given: Ref | bool | float | str, pieces: Mapping[str, str]) -> Ref | bool | float | str:
    return given.within(pieces) if isinstance(given, Ref) else given


def _said(
    site: Site, kind: Kind, item: str, written: str, given: Ref | bool | float | str, pieces: Mapping[str, str]
) -> object:
    """What a constant says, or a piece of the column's name: a concept through the decisions of that facet."""
    if not isinstance(given, Ref):
        return constant(site, kind, item, given)
    piece = pieces.get(given.header or "", "")
    if kind is Kind.CONCEPT:
        return site.decided(written, given.facet or item)(piece)
    if kind in {Kind.STRING, Kind.LESION, Kind.REGION, Kind.READER, Kind.PROCEDURE} and item != "visit":
        return matching(NAME, "a short name")(piece)
    return constant(site, kind, item, piece)


def _index(site: Site, given: Ref, made: list[Made], width: int) -> int:
    """The index of the column that a field is read from; one that is made of others is added to ``made``."""
    indexes = tuple(site.columns[plain(column)] for column in given.sources)
    per = tuple(site.columns[plain(column)] for column in given.per)
    if len(indexes) == 1 and not per:
        return indexes[0]
    column = Made(indexes, given.join, per, frozenset(site.part.missing))
    if column not in made:
        made.append(column)
    return width + made.index(column)


def _choices(site: Site, kind: Kind, item: str, own: Ref, given: Ref, made: list[Made], width: int) -> Iterator[Field]:
    """The columns of the file that a field may come from, the first choice last: what is read later stands.

    ``own`` is the reference as the map has it, under whose names decisions speak; ``given`` that to this column.
    """
    missing = frozenset(site.part.missing)
    for spoken_of, choice in reversed([*zip(own.choices, given.choices, strict=True)]):
        if all(plain(column) in site.columns for column in (*choice.sources, *choice.per)):
            read = remembered(reading(site, kind, item, plain(spoken_of.column or ""), choice))
            kept = _kept(kind, as_written=choice.as_written)
            yield Field(item, _index(site, choice, made, width), read, missing, kept, choice.lenient)


def _conditions(site: Site, entry: Entry) -> tuple[Condition, ...]:
    """What decides whether a record is made; a column that the file lacks reads as empty."""
    missing = frozenset(site.part.missing)
    return tuple(
        Condition(site.columns[column], frozenset(cells), missing, negated)
        for negated, listed in ((False, entry.where), (True, entry.unless))
        for column, cells in listed.items()
        if column in site.columns
    )


def _roles(site: Site, entry: Entry) -> tuple[tuple[int, Reading], ...]:
    """The columns that say in which role a reader read."""
    given = entry.fields.get("reader")
    named = [plain(choice.role) for choice in given.choices if choice.role] if isinstance(given, Ref) else []
    return tuple((site.columns[column], site.decided(column)) for column in named if column in site.columns)


def _terms(site: Site, entry: Entry, written: str) -> dict[str, Any]:
    """What the decisions about a column fill: the data element, and the variable or kind where no cell gives it."""
    names = site.names(written)
    about = ABOUT.get(entry.record, "variable")
    terms = {"element": site.vocabulary.element(*names, facet=entry.facet)}
    if entry.main != about or entry.only_if:
        terms[about] = site.vocabulary.decisions.variable(*names, facet=entry.facet)
    return {item: term for item, term in terms.items() if term is not None}


def _with_variable(plan: Plan, name: str) -> Plan | Reject:
    """The plan with the registry's variable for its term; a reject where that has a unit and the map gives none."""
    term = plan.constants.get("variable")
    if term is None:
        return plan
    registered = canonical(term, plan.constants.get("statistic"))
    if registered is None:
        return plan
    with_unit = "unit" in plan.constants or any(item.name == "unit" for item in plan.fields)
    if plan.main == "value" and registered.unit not in {None, "1"} and not with_unit and not plan.with_units:
        wanted = f"unit: in the map; {registered.label} is kept in {registered.unit}"
        return _rejected(f"column {name}", "nothing says in which unit it is", wanted)
    return replace(plan, constants={**plan.constants, "variable": registered.curie})
