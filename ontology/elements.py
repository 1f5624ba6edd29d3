"""Common data elements of caDSR: what a column of a table may hold, and what kind of record it makes.

A steward maps a column to an element and never writes RDF. The bundled elements are ``ontology/elements.tsv`` with the
permissible values of ``ontology/element_values.tsv``; a term index adds those that were imported into it. An element is
its public id **and** version: versions differ in datatype and values.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from importlib.resources import files

from ontology.element_rules import Makes, ValueType, makes_of, unit_of, value_type_of
from ontology.prefixes import Curie

__all__ = [
    "Element",
    "Makes",
    "PermissibleValue",
    "UnknownElementError",
    "ValueType",
    "element",
    "elements",
    "fullest",
    "newest",
]


@dataclass(frozen=True, slots=True)
class PermissibleValue:
    """A value that an element allows, with its meaning and the concepts of that meaning, the main one last."""

    value: str
    meaning: str = ""
    concepts: tuple[Curie, ...] = ()


@dataclass(frozen=True, slots=True)
class Element:
    """One version of a data element.

    ``datatype`` is as the registry writes it, empty where it is not known; ``unit`` a UCUM code. ``variable`` is the
    variable of the registry that the element measures, where that has been decided.
    """

    public_id: str
    version: str
    long_name: str
    datatype: str = ""
    unit: str | None = None
    definition: str | None = None
    question: tuple[str, ...] = ()
    """The texts that forms print beside the field."""
    status: str = ""
    """The workflow status, such as ``RELEASED`` or ``RETIRED ARCHIVED``."""
    values: tuple[PermissibleValue, ...] = ()
    concepts: tuple[Curie, ...] = ()
    """The concepts of the object and property that the element is about."""
    decided: Makes | None = None
    """What a curator decided that the element makes, over what the rules say."""
    variable: Curie | None = None

    @property
    def curie(self) -> Curie:
        """The data element, whatever its version."""
        return Curie(f"cadsr:{self.public_id}")

    @property
    def retired(self) -> bool:
        """Whether the registry says that it should not be used any more."""
        return "RETIRED" in self.status.upper()

    @property
    def value_type(self) -> ValueType:
        """What kind of value it takes."""
        return value_type_of(self.datatype, self.long_name, enumerated=bool(self.values))

    @property
    def makes(self) -> Makes:
        """The kind of record that a value of it makes: as decided, else by the rules of `ontology.element_rules`."""
        return self.decided or makes_of(self.long_name, self.value_type)

    @property
    def canonical_unit(self) -> str | None:
        """The UCUM code of its numbers: as the registry states it, else as its name says."""
        return self.unit or unit_of(self.long_name)


class UnknownElementError(KeyError):
    """A data element that neither the bundled table nor the index holds; the message says which versions there are."""

    def __init__(self, curie: str, version: str | None, known: Iterable[str]) -> None:
        self.curie = curie
        self.version = version
        self.known = tuple(known)
        super().__init__(curie)

    def __str__(self) -> str:
        if self.known:
            return f"{self.curie} has no version {self.version}; known: {', '.join(self.known)}"
        return f"{self.curie!r} is no data element that is bundled or imported; write it as cadsr:2200604"


class _Column(StrEnum):
    """The columns of ``elements.tsv``."""

    PUBLIC_ID = "public_id"
    VERSION = "version"
    LONG_NAME = "long_name"
    DATATYPE = "datatype"
    UNIT = "unit"
    MAKES = "makes"
    VARIABLE = "variable"


def _table(name: str) -> list[dict[str, str]]:
    with files("ontology").joinpath(name).open(encoding="utf-8") as table:
        return list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


def _bundled_values() -> dict[tuple[str, str], tuple[PermissibleValue, ...]]:
    found: dict[tuple[str, str], list[PermissibleValue]] = {}
    for row in _table("element_values.tsv"):
        concepts = tuple(Curie(code) for code in row["concepts"].split("|") if code)
        value = PermissibleValue(row["value"], row["meaning"], concepts)
        found.setdefault((row["public_id"], row["version"]), []).append(value)
    return {key: tuple(values) for key, values in found.items()}


@cache
def bundled_elements() -> Mapping[tuple[str, str], Element]:
    """The bundled elements by public id and version, in the order of the table."""
    values = _bundled_values()
    return {
        (row[_Column.PUBLIC_ID], row[_Column.VERSION]): Element(
            public_id=row[_Column.PUBLIC_ID],
            version=row[_Column.VERSION],
            long_name=row[_Column.LONG_NAME],
            datatype=row[_Column.DATATYPE],
            unit=row[_Column.UNIT] or None,
            values=values.get((row[_Column.PUBLIC_ID], row[_Column.VERSION]), ()),
            decided=Makes(row[_Column.MAKES]) if row[_Column.MAKES] else None,
            variable=Curie(row[_Column.VARIABLE]) if row[_Column.VARIABLE] else None,
        )
        for row in _table("elements.tsv")
    }


def normal_version(version: str) -> str:
    """A version as this project writes it: without zeros that say nothing.

    >>> normal_version("3.00"), normal_version("2.31"), normal_version("5")
    ('3', '2.31', '5')
    """
    whole, point, part = version.strip().lstrip("vV").partition(".")
    part = part.rstrip("0")
    return f"{whole}.{part}" if point and part else whole


def newest(found: Iterable[Element]) -> Element:
    """The element with the highest version."""
    return max(found, key=lambda item: _order(item.version))


def fullest(found: Iterable[Element]) -> Element:
    """The newest of those whose permissible values are known, where there are any; else the newest."""
    versions = list(found)
    return newest([item for item in versions if item.values] or versions)


def _order(version: str) -> tuple[int, ...]:
    return tuple(int(part) if part.isdigit() else 0 for part in version.split("."))


def elements(imported: Iterable[Element] = ()) -> dict[tuple[Curie, str], Element]:
    """Every element by CURIE and version: the bundled ones, and over them those that ``imported`` yields.

    Pass `TermIndex.elements()` for the elements of an index. What was decided of an element (what it makes, its
    variable) holds for every version of it that has no decision of its own.
    """
    found = dict(bundled_elements())
    decided = {public_id: item for (public_id, _), item in found.items()}
    for item in imported:
        found[item.public_id, item.version] = _with_decision(item, found.get((item.public_id, item.version)), decided)
    return {(item.curie, item.version): item for item in found.values()}


def _with_decision(item: Element, same: Element | None, decided: Mapping[str, Element]) -> Element:
    known = same or decided.get(item.public_id)
    if known is None:
        return item
    return replace(
        item,
        decided=item.decided or known.decided,
        variable=item.variable or known.variable,
        unit=item.unit or (same.unit if same else None),
    )


def element(curie: str, version: str | None = None, imported: Iterable[Element] = ()) -> Element:
    """The element of a CURIE, in its newest version unless one is named; `UnknownElementError` where there is none.

    >>> element("cadsr:2200604").long_name
    'Person Gender Text Type'
    """
    found = [item for (name, _), item in elements(imported).items() if name == curie]
    wanted = [item for item in found if version is None or item.version == normal_version(version)]
    if not wanted:
        raise UnknownElementError(curie, version, sorted(item.version for item in found))
    return newest(wanted)
