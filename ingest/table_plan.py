"""How each row of a table becomes records: a part of a table map, compiled against the columns of one file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ingest.table_cells import Fault, Reading, remembered
from ingest.table_fields import Site, Vocabulary, constant, main_reading, reading
from mappings.shape import RECORDS, Entry, Part, Ref, field_kind, plain, template
from ontology.fields import Kind, star_of
from ontology.prefixes import Curie
from ontology.records import Record, Reject
from ontology.variables import canonical

__all__ = ["Field", "Plan", "compile_part"]

NODES = frozenset({"lesion", "reader", "procedure", "study", "series"})
"""The fields that refer to a node."""

ABOUT = {"event": "kind", "treatment": "kind"}
"""The field that the term of a column fills: the variable, but of events and treatments the kind."""


@dataclass(frozen=True, slots=True)
class Field:
    """A further field of a record that comes from a column (its index) of the same row."""

    name: str
    index: int
    read: Reading
    missing: frozenset[str]
    lenient: bool = False
    """Whether a cell that cannot be read leaves the record without the field, instead of refusing it."""


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
    where: tuple[tuple[int, frozenset[str]], ...]
    """Other columns and the cells of which they must hold one."""
    roles: tuple[tuple[int, Reading], ...]
    """The columns that say in which role the reader read."""
    absent: Mapping[str, Curie]
    with_units: bool
    """Whether cells may bring their unit with them."""
    suffix: str
    """The end of the record's key where a column makes several records."""
    names_nodes: bool
    held: dict[tuple[str, ...], Any] = field(default_factory=dict)
    """What combinations of cells say, each read once."""
    unread: dict[tuple[str, ...], list[Any]] = field(default_factory=dict)
    """The lenient cells of such combinations that could not be read."""


def compile_part(part: Part, headers: tuple[str, ...], vocabulary: Vocabulary) -> tuple[list[Plan], list[Reject]]:
    """The plans of a part for a file with these columns, and a reject (without file name) for each column lacking."""
    site = Site(part, {name: index for index, name in enumerate(headers) if name}, vocabulary)
    plans: list[Plan] = []
    rejects: list[Reject] = []
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
                made = _plan(site, written, name, pieces, entry, suffix)
                if isinstance(made, Plan):
                    plans.append(made)
                elif made is not None:
                    rejects.append(made)
        if not found and not all(entry.optional for entry in entries):
            rejects.append(
                _rejected("header", f"no column like {written!r}", "such columns, or optional: true in the map")
            )
    return plans, rejects


def _rejected(place: str, problem: str, wanted: str) -> Reject:
    return Reject(name="", place=place, problem=problem, wanted=wanted)


def _plan(
    site: Site, written: str, name: str, pieces: Mapping[str, str], entry: Entry, suffix: str
) -> Plan | Reject | None:
    """The plan of one entry; a reject where the file or the map lacks something, None where that is optional."""
    lacking = [column for column in (name, *map(plain, entry.needed)) if column not in site.columns]
    if lacking:
        wanted = "the column under that name, or optional: true in the map"
        return None if entry.optional else _rejected("header", f"no column {lacking[0]!r}", wanted)
    constants = _terms(site, entry, written)
    fields: list[Field] = []
    for item, given in entry.fields.items():
        kind = field_kind(entry.record, item)
        if isinstance(given, Ref) and given.column:
            fields.extend(_choices(site, kind, item, given))
            continue
        value = constant(site, kind, item, pieces.get(given.header or "", "") if isinstance(given, Ref) else given)
        if isinstance(value, Fault):
            return _rejected(f"column {name}", f"{item}: {value.problem}", value.wanted)
        constants.update(value if isinstance(value, dict) else {item: value})
    about = ABOUT.get(entry.record, "variable")
    said = about in constants or about in entry.fields or about == entry.main
    if not said and entry.record != "treatment":
        wanted = f"a row column:{written} and its term in {site.vocabulary.decisions.path.name}"
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
        where=_conditions(site, entry),
        roles=_roles(site, entry),
        absent={cell: Curie(term) for cell, term in entry.absent.items()},
        with_units=bool(site.part.units),
        suffix=suffix,
        names_nodes=not NODES.isdisjoint((*constants, *(item.name for item in fields))),
    )
    return _with_variable(plan, name)


def _choices(site: Site, kind: Kind, item: str, given: Ref) -> Iterator[Field]:
    """The columns of the file that a field may come from, the first choice last: what is read later stands."""
    for choice in reversed(given.choices):
        column = plain(choice.column or "")
        if column in site.columns:
            read = remembered(reading(site, kind, item, column, choice))
            yield Field(item, site.columns[column], read, frozenset(site.part.missing), choice.lenient)


def _conditions(site: Site, entry: Entry) -> tuple[tuple[int, frozenset[str]], ...]:
    """The columns that decide whether a record is made, and their cells; a missing cell reads as empty."""
    empty = frozenset(site.part.missing)
    return tuple(
        (site.columns[column], frozenset(cells) | (empty if "" in cells else frozenset()))
        for column, cells in entry.where.items()
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
    terms = {"element": site.vocabulary.element(*names)}
    if entry.main != about or entry.only_if:
        terms[about] = site.vocabulary.decisions.variable(*names)
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
