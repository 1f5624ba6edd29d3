"""Data dictionaries that lie beside a table: a sheet or file with a row for each field, or for each answer of one.

Their columns have no common names; `ROLES` lists those by which they are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice

from mappings.header import choices, element_of
from mappings.shape import plain
from mappings.words import fold
from ontology.prefixes import Curie
from ontology.units import usual

__all__ = ["Described", "Dictionary", "read_dictionary", "unit_in_text"]

ROLES: Mapping[str, frozenset[str]] = {
    "name": frozenset(
        {
            "variable name",
            "variable",
            "variable / field name",
            "field name",
            "field_name",
            "field",
            "column",
            "column name",
            "column title",
            "column header",
            "data element",
            "header",
            "parameter",
            "item",
            "name",
        }
    ),
    "label": frozenset(
        {
            "description",
            "definition",
            "variable definition",
            "variable description",
            "variable label",
            "label",
            "field label",
            "field_label",
            "field description",
            "column description",
            "ques_desc",
            "question",
            "question text",
            "meaning",
            "explanation",
        }
    ),
    "code": frozenset({"resp_seq_no", "option code", "code", "value", "answer code", "response code"}),
    "meaning": frozenset(
        {
            "resp_desc",
            "option description",
            "code description",
            "answer",
            "value label",
            "response",
            "value description",
        }
    ),
    "values": frozenset(
        {
            "values",
            "allowed values",
            "permissible values",
            "possible values",
            "choices",
            "coding",
            "codes",
            "code table",
            "code table/values",
            "value set",
            "options",
            "legend",
        }
    ),
    "type": frozenset({"data type", "data_type", "datatype", "type", "format"}),
    "unit": frozenset({"unit", "units", "unit of measure", "uom"}),
    "element": frozenset({"cde", "cde id", "cde_id", "cadsr", "cadsr id", "public id", "data element id"}),
}
TOP = 12
"""The header of a dictionary is looked for in so many rows."""
ASIDE = re.compile(
    r"\[[^\[\]]*\]|\((?:proceed|complete|specify|provide|explain|sign|see|skip|go to|continue)[^()]*\)", re.IGNORECASE
)
"""Instructions to who fills in a form."""

UNIT = re.compile(
    r"\(\s*(mm|cm|mm3|cm3|cc|ml|kg|g|lbs?|gy|cgy|%|percent|years?|months?|weeks?|days?|minutes?|millimet(?:er|re)s?|centimet(?:er|re)s?|kilograms?|pounds|g/ml|ng/ml|kg/m2|kg/m\^2)\s*\)"
    r"|\bin (millimet(?:er|re)s?|centimet(?:er|re)s?|mm|cm|mL|kg|kilograms?|years|months|weeks|days|minutes)\b",
    re.IGNORECASE,
)
"""A unit within the text of a description."""


def unit_in_text(text: str) -> str | None:
    """The UCUM code of the unit that a description names, None where it names none.

    >>> unit_in_text("Height (cm)"), unit_in_text("Age in years"), unit_in_text("Height")
    ('cm', 'a', None)
    """
    found = UNIT.search(text)
    return usual((found[1] or found[2]).lower()) if found else None


@dataclass(frozen=True)
class Described:
    """What a dictionary says of a field; ``choices`` are meanings by cell."""

    name: str
    label: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    type: str = ""
    unit: str | None = None
    element: Curie | None = None
    identifies: bool = False
    """Whether the dictionary flags the field as identifying."""


@dataclass(frozen=True)
class Dictionary:
    """A data dictionary by field name, folded; ``origin`` names its file or sheet."""

    origin: str
    fields: Mapping[str, Described]

    def covers(self, names: Iterable[str]) -> int:
        """How many of the names it describes."""
        return sum(1 for name in names if self.of(name))

    def of(self, name: str) -> Described | None:
        """What it says of a column."""
        key = fold(name)
        return self.fields.get(key) or self.fields.get(re.sub(r"\s*[(\[].*?[)\]]\s*$", "", key))


def read_dictionary(origin: str, rows: Iterable[Sequence[str]], names: Iterable[str] = ()) -> Dictionary | None:
    """The dictionary that some rows are; None where they are none.

    ``names`` are those of the table's columns: a list of names and texts without a header of its own is known by them.
    """
    held = [[cell.strip() for cell in row] for row in islice(rows, 20_000)]
    found = _columns(held[:TOP])
    if found is None:
        found = _headless(held, {fold(name) for name in names if name})
    if found is None:
        return None
    start, places = found
    fields: dict[str, Described] = {}
    last: list[str] = []
    for row in held[start:]:
        cells = {role: row[at] if at < len(row) else "" for role, at in places.items()}
        named = _names(cells["name"])
        if named:
            last = named
            for name in named:
                fields.setdefault(fold(name), Described(name))
        for name in last:
            fields[fold(name)] = _with(fields[fold(name)], cells)
    return Dictionary(origin, fields) if fields else None


def _role(cell: str) -> str | None:
    folded = fold(cell)
    for role, names in ROLES.items():
        if folded in names or re.sub(r"\s*[(\[].*$", "", folded) in names:
            return role
    if folded.startswith(("code table", "values (", "permissible value")):
        return "values"
    return None


def _columns(top: Sequence[Sequence[str]]) -> tuple[int, dict[str, int]] | None:
    """The first row of fields and the place of each role, where a row names at least a field and its description."""
    for number, row in enumerate(top, 1):
        places: dict[str, int] = {}
        for at, cell in enumerate(row):
            role = _role(cell)
            if role and role not in places:
                places[role] = at
        described = "label" in places or {"code", "meaning"} <= places.keys()
        if "name" in places and described and sum(map(bool, row)) <= 20:
            return number, places
    return None


def _headless(rows: Sequence[Sequence[str]], names: set[str]) -> tuple[int, dict[str, int]] | None:
    """Two columns, of which the first lists the columns of the table."""
    if not names or not rows or max(map(len, rows)) > 4:
        return None
    listed = sum(1 for row in rows if row and fold(row[0]) in names and any(row[1:]))
    return (0, {"name": 0, "label": 1}) if listed >= max(3, 0.5 * len(names)) else None


def _names(cell: str) -> list[str]:
    """The fields that a cell names: one, or several names without blanks that share a description."""
    parts = cell.split()
    several = len(parts) in (2, 3) and all("_" in part for part in parts)
    return parts if several else [cell] if cell else []


def _with(known: Described, cells: Mapping[str, str]) -> Described:
    """A field with what a further row says of it."""
    said = dict(known.choices)
    code, meaning = cells.get("code", ""), cells.get("meaning", "")
    if code and meaning:
        said.setdefault(code, plain(ASIDE.sub(" ", meaning)) or meaning)
    if cells.get("values"):
        said = {**choices(cells["values"]), **said}
    label = known.label or plain(cells.get("label", "")).strip(chr(34))
    if len(said) < 2 and label and (inside := re.search(r"[:(\[]\s*(\S{1,8}\s*[=:].+?)[)\]]?\s*$", label)):
        within = choices(inside[1])
        said = within if len(within) > 1 else said
    element = known.element
    if element is None:
        number = cells.get("element", "")
        element = Curie(f"cadsr:{number}") if number.isdigit() else element_of(f"{label} {number}")[0]
    unit = known.unit or usual(cells.get("unit", ""))
    if unit is None and known.label == "":
        unit = unit_in_text(label)
    return Described(known.name, label, said, known.type or cells.get("type", ""), unit, element, known.identifies)
