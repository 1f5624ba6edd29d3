"""What is known of the things that a column may hold: their names, the cells by which they are said, who decided so.

Four sources: the registry of variables, the data elements with their permissible values, the curated names of
``mappings/names.tsv``, and the decisions of earlier tables. What a column holds is a *target*: a variable of the
registry, a data element or term where there is none, or a reason to leave the column out.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files

from mappings.cell_words import named_so
from mappings.shape import Entry, plain, template
from mappings.sssom import Decision
from mappings.tables import TableMap
from mappings.words import fold
from ontology.elements import Element, elements
from ontology.prefixes import Curie
from ontology.terminology import label as label_of
from ontology.terms import ncit
from ontology.variables import VariableKind, canonical, variables

__all__ = ["DRAFTED", "PLAIN_ANSWERS", "Decided", "Knowledge", "Name", "Target", "gather"]

PLAIN_ANSWERS = frozenset(
    [
        "yes",
        "no",
        "y",
        "n",
        "true",
        "false",
        "0",
        "1",
        "2",
        "3",
        "4",
        "5",
        "6",
        "7",
        "8",
        "9",
        "unknown",
        "other",
        "none",
        "positive",
        "negative",
        "pos",
        "neg",
        "present",
        "absent",
        "u",
        "x",
    ]
)
"""Cells that say the same of many things, so that they tell nothing of what a column holds."""

DEMONSTRATION = "qilin_demo"
"""The collection of made-up data: what was decided for it speaks of no real table."""

DRAFTED = "qilin map suggest"
"""The author of what a draft took over from earlier decisions: an echo of them, and no decision of its own."""

ROLES: Mapping[str, str] = {
    "role:subject": "names the subject",
    "role:date": "dates other columns",
    "role:visit": "names the visit of other columns",
    "role:lesion": "names the lesion of other columns",
    "role:reader": "names the reader of other columns",
    "leave:identifying": "may identify a person",
    "leave:administrative": "is about the study, the form or a file, not about the subject",
    "leave:image": "is about the images, which say it themselves",
    "leave:text": "is free text",
}
"""What is said of columns that make no record of their own."""


TREATMENTS = frozenset(
    {
        ncit.CHEMOTHERAPY,
        ncit.HORMONE_THERAPY,
        ncit.IMMUNOTHERAPY,
        ncit.PHARMACOTHERAPY,
        ncit.RADIATION_THERAPY,
        ncit.TARGETED_MOLECULAR_THERAPY,
    }
)
"""The curated targets that are kinds of treatment; other terms without a variable are kinds of event."""


@dataclass(frozen=True, slots=True)
class Target:
    """What a column may hold. ``record`` is what it makes, empty where it makes none."""

    key: str
    label: str
    record: str = ""
    unit: str | None = None
    variable: Curie | None = None
    leave: str = ""
    """Why a column of this kind makes no record of its own."""


@dataclass(frozen=True, slots=True)
class Name:
    """A name of a target; ``element`` where it is that of a data element, ``origin`` for people."""

    target: str
    text: str
    origin: str
    element: Curie | None = None


@dataclass(frozen=True, slots=True)
class Decided:
    """An earlier decision about a column: where, and how it is read."""

    source: str
    collection: str | None
    column: str
    target: str
    variable: Curie | None
    element: Curie | None
    entry: Entry
    values: Mapping[str, Curie | None]
    rows: tuple[Decision, ...] = ()
    """The rows of the mapping set that are applied to the column and its cells."""


@dataclass(frozen=True)
class Knowledge:
    """All targets with names and cells."""

    targets: Mapping[str, Target]
    names: tuple[Name, ...]
    cells: Mapping[str, Mapping[str, Counter[Curie]]]
    """Terms by target and folded cell; how often they were decided (permissible values count once)."""
    element_cells: Mapping[Curie, frozenset[str]]
    """Folded values and meanings by data element."""
    elements: Mapping[Curie, Element]
    uses: Mapping[str, Counter[Curie | None]]
    """How often each data element (or none) was decided for a target."""
    decided: tuple[Decided, ...]
    squeezed: dict[str, Mapping[str, Counter[Curie]]] = field(default_factory=dict)
    """``cells`` by letters and digits alone, filled as they are asked for."""

    @cached_property
    def cell_targets(self) -> Mapping[str, frozenset[str]]:
        """The targets that know a folded cell."""
        found: defaultdict[str, set[str]] = defaultdict(set)
        for target, cells in self.cells.items():
            for cell in cells:
                found[cell].add(target)
        return {cell: frozenset(targets) for cell, targets in found.items()}

    @cached_property
    def term_targets(self) -> Mapping[Curie, frozenset[str]]:
        """The targets of which a cell means a term."""
        found: defaultdict[Curie, set[str]] = defaultdict(set)
        for target, cells in self.cells.items():
            for terms in cells.values():
                for term in terms:
                    found[term].add(target)
        return {term: frozenset(targets) for term, targets in found.items()}

    def tellers(self, text: str) -> frozenset[str]:
        """The targets that know a folded cell: as it is written, else by the concept of that name."""
        if (known := self.cell_targets.get(text)) or text in PLAIN_ANSWERS:
            return known or frozenset()
        return frozenset().union(*(self.term_targets.get(term, frozenset()) for term in named_so(text)))

    @cached_property
    def elements_of(self) -> Mapping[str, frozenset[Curie]]:
        """The data elements of a target: those of its variable, and those that were decided for it."""
        found: defaultdict[str, set[Curie]] = defaultdict(set)
        for curie, item in self.elements.items():
            found[curie].add(curie)
            if item.variable:
                found[item.variable].add(curie)
        for target, uses in self.uses.items():
            found[target].update(curie for curie in uses if curie is not None and curie in self.elements)
        return {target: frozenset(curies) for target, curies in found.items()}

    @cached_property
    def by_name(self) -> Mapping[str, tuple[Decided, ...]]:
        """Earlier decisions by folded column name."""
        found: defaultdict[str, list[Decided]] = defaultdict(list)
        for item in self.decided:
            found[fold(item.column)].append(item)
        return {name: tuple(items) for name, items in found.items()}

    def label(self, term: Curie) -> str:
        """The label of a term, empty where none is bundled."""
        if term in self.elements:
            return self.elements[term].long_name
        return label_of(term) or (self.targets[term].label if term in self.targets else "")


@dataclass
class _Gathered:
    """Knowledge as it is put together."""

    targets: dict[str, Target] = field(default_factory=dict)
    names: list[Name] = field(default_factory=list)
    cells: defaultdict[str, defaultdict[str, Counter[Curie]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    uses: defaultdict[str, Counter[Curie | None]] = field(default_factory=lambda: defaultdict(Counter))
    decided: list[Decided] = field(default_factory=list)

    def name(self, target: str, text: str, origin: str, element: Curie | None = None) -> None:
        self.names.append(Name(target, text, origin, element))


def gather(maps: Iterable[TableMap], imported: Iterable[Element] = (), *, usual: bool = True) -> Knowledge:
    """The knowledge of the registries and of earlier maps; without the curated names where they are not ``usual``."""
    known = _Gathered()
    newest = {item.curie: item for item in elements(imported).values() if not item.retired}
    for variable in variables().values():
        record = "measurement" if variable.kind is VariableKind.MEASUREMENT else variable.kind.value
        known.targets[variable.curie] = Target(variable.curie, variable.label, record, variable.unit, variable.curie)
        known.name(variable.curie, variable.label, "label of the variable")
        for code in variable.codes:
            if text := label_of(code):
                known.name(variable.curie, text, f"label of {code}")
    for item in newest.values():
        _take_element(known, item)
    for row in curated_names() if usual else ():
        _take_name(known, row["target"], row["name"])
    for mapping in (item for item in maps if item.shape.collection != DEMONSTRATION):
        for decided in decisions_of(mapping):
            _take_decided(known, decided)
    return Knowledge(
        targets=known.targets,
        names=tuple(known.names),
        cells=known.cells,
        element_cells={curie: _folded(item) for curie, item in newest.items()},
        elements=newest,
        uses=known.uses,
        decided=tuple(known.decided),
    )


@cache
def curated_names() -> list[dict[str, str]]:
    """The rows of ``mappings/names.tsv``."""
    with files("mappings").joinpath("names.tsv").open(encoding="utf-8") as table:
        return list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


def _folded(item: Element) -> frozenset[str]:
    return frozenset(fold(text) for value in item.values for text in (value.value, value.meaning) if text)


def _take_element(known: _Gathered, item: Element) -> None:
    """The names and values of a data element, below its variable where it has one."""
    key = item.variable if item.variable in known.targets else item.curie
    if key not in known.targets:
        known.targets[key] = _target_of(item)
    known.name(key, item.long_name, "name of the data element", item.curie)
    for text in item.question:
        known.name(key, text, "question of the data element", item.curie)
    for value in item.values:
        if value.concepts:
            for text in {fold(value.value), fold(value.meaning)} - {""}:
                known.cells[key][text][value.concepts[-1]] += 1


def _target_of(item: Element) -> Target:
    makes = item.makes.value
    if makes == "treatment":
        return Target(item.curie, item.long_name, "treatment", item.canonical_unit)
    reasons = {
        "identifying": ROLES["leave:identifying"],
        "administrative": ROLES["leave:administrative"],
        "subject": ROLES["role:subject"],
        "date": ROLES["role:date"],
    }
    leave = reasons.get(makes, "is known as a data element, for which the registry has no variable yet")
    return Target(item.curie, item.long_name, leave=leave)


def _take_name(known: _Gathered, key: str, text: str) -> None:
    if key not in known.targets:
        known.targets[key] = _curated(key)
    known.name(key, text, "usual name")


def _curated(key: str) -> Target:
    """A target that only the curated names speak of: a role, a reason to leave a column, or the kind of an event."""
    kind, _, topic = key.partition(":")
    if kind == "none":
        return Target(key, topic, leave=f"is about {topic}, for which the registry has no variable")
    if key in ROLES:
        return Target(key, topic, leave=ROLES[key])
    return Target(key, label_of(key) or key, "treatment" if key in TREATMENTS else "event", variable=Curie(key))


def decisions_of(mapping: TableMap) -> Iterable[Decided]:
    """The decisions of a map about columns, with how each is read."""
    for part in mapping.parts:
        sheet = f"{part.sheet}!" if isinstance(part.sheet, str) else ""
        for column, entries in part.columns.items():
            names = (f"{sheet}{column}", column)
            variable, element = mapping.decisions.variable(*names), mapping.decisions.element(*names)
            about = variable or next(
                (Curie(value) for entry in entries if isinstance(value := entry.fields.get("variable"), str)), None
            )
            rows = tuple(row for row in mapping.decisions.rows if row.applied and row.column in names)
            if (about is None and element is None) or (rows and all(row.author == DRAFTED for row in rows)):
                continue
            registered = canonical(about) if about else None
            target = registered.curie if registered else about or element
            yield Decided(
                source=mapping.name,
                collection=mapping.shape.collection,
                column=column,
                target=str(target),
                variable=about,
                element=element,
                entry=entries[0],
                values=mapping.decisions.values(*names),
                rows=rows,
            )


def _take_decided(known: _Gathered, item: Decided) -> None:
    """What an earlier decision teaches: the column's name, its cells, its element."""
    if item.target not in known.targets:
        shown = label_of(item.target) or item.target
        known.targets[item.target] = Target(item.target, shown, item.entry.record, variable=item.variable)
    known.decided.append(item)
    known.uses[item.target][item.element] += 1
    text = item.column
    if template(text):
        text = " ".join(piece.partition("}")[2] if "}" in piece else piece for piece in text.split("{"))
    known.name(item.target, plain(text), f"column of {item.source}", item.element)
    for cell, term in item.values.items():
        if term is not None:
            known.cells[item.target][fold(cell)][term] += 1
