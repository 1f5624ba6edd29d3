"""What a steward changes in the shape of a map, one column or one field at a time, without writing YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml
from pydantic import ValidationError

from mappings.shape import Shape, plain
from mappings.shape_edit import changed, flow, removed
from mappings.sssom import MappingError
from mappings.tables import SHAPE, explained
from ontology.elements import Element, elements
from ontology.prefixes import Curie
from ontology.units import normalise, usual
from ontology.variables import canonical

__all__ = ["Change", "applied", "record_of", "unit_of"]

RECORDS = ("measurement", "finding", "response", "outcome", "treatment", "event")


@dataclass(frozen=True)
class Change:
    """What is to be said. ``entry`` are keys of the column's entry, or of all entries where no column is named."""

    column: str | None = None
    sheet: str | None = None
    subject: str | None = None
    entry: Mapping[str, Any] = field(default_factory=dict)
    drop: bool = False
    """Whether the column is read no longer."""


def record_of(term: str, imported: Iterable[Element] = ()) -> str | None:
    """The record that a data element or variable makes; None where nothing says it.

    >>> record_of("ncit:C28421"), record_of("cadsr:2200604"), record_of("ncit:C125201")
    ('finding', 'finding', 'outcome')
    """
    item = next((item for item in elements(imported).values() if item.curie == term and not item.retired), None)
    about = item.variable if item is not None and item.variable else term
    variable = canonical(Curie(about))
    if variable is not None:
        return str(variable.kind.value)
    makes = str(item.makes.value) if item is not None else ""
    return makes if makes in RECORDS else None


def unit_of(text: str) -> str:
    """The UCUM code of a unit as a steward writes it; `MappingError` where it is none."""
    code = usual(text) or normalise(text)
    if code is None:
        raise MappingError(
            f"{text!r} is no unit that is known; write its UCUM code, such as mm, g/dl, 10*9/l or {{score}}"
        )
    return code


def applied(text: str | None, name: str, change: Change) -> str:
    """The text of the map after a change, or of a new map; `MappingError` where it would be no map any more."""
    if text is None:
        text = _new(name, change)
    else:
        at = _part(text, change.sheet)
        if change.subject is not None:
            text = changed(text, [*at, "subject"], _subject(text, at, change.subject))
        text = _with_entry(text, at, change)
    _check(text, name)
    return text


def _new(name: str, change: Change) -> str:
    if change.subject is None or change.column is None or "record" not in change.entry:
        raise MappingError(f"there is no map {name} yet; a new one needs --subject and a --column with its meaning")
    head = {"name": name, "title": f"{name}, made by hand", "data_class": "clinical", "subject": change.subject}
    if change.sheet:
        head["sheet"] = change.sheet
    lines = [flow({key: value})[1:-1] for key, value in head.items()]
    return "\n".join([*lines, "columns:", f"  {flow({change.column: dict(change.entry)})[1:-1]}", ""])


def _part(text: str, sheet: str | None) -> list[str]:
    """The keys that lead to a table of the map."""
    shape = yaml.safe_load(text)
    sheets = shape.get("sheets") if isinstance(shape, dict) else None
    if not sheets:
        return []
    if sheet is None or sheet not in sheets:
        raise MappingError(f"the map has several sheets; name one with --sheet: {', '.join(map(str, sheets))}")
    return ["sheets", sheet]


def _held(text: str, path: list[str]) -> Any:
    """What stands at a path of keys; None where nothing does."""
    found = yaml.safe_load(text)
    for key in path:
        items = found if isinstance(found, dict) else {}
        found = next((value for name, value in items.items() if plain(str(name)) == key), None)
    return found


def _subject(text: str, at: list[str], column: str) -> object:
    """The subject with another column: what else is said of its ids stays."""
    held = _held(text, [*at, "subject"])
    return {**held, "column": column} if isinstance(held, dict) else column


def _with_entry(text: str, at: list[str], change: Change) -> str:
    if change.column is None:
        for key, value in change.entry.items():
            text = changed(text, [*at, "common", key], value)
        return text
    path = [*at, "columns", plain(change.column)]
    held = _held(text, path)
    if change.drop:
        return removed(text, path)
    if isinstance(held, list):
        raise MappingError(f"{change.column} makes several records in {SHAPE}: change them there")
    entry = {**(held or {}), **change.entry}
    if "record" not in entry:
        raise MappingError(f"nothing says what {change.column} makes; name it with --record: {', '.join(RECORDS)}")
    return changed(text, path, entry) if entry != held else text


def _check(text: str, name: str) -> None:
    try:
        Shape.model_validate(yaml.safe_load(text)).parts()
    except ValidationError as error:
        raise MappingError(explained(name, error)) from error
