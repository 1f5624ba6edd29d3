"""How cells and unit of a column agree with what it may hold: a factor on the score, and what speaks against it."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TypeAlias

from mappings.cell_words import named_so
from mappings.knowledge import Knowledge, Target
from mappings.profile import Column, ValueKind
from mappings.words import fold
from ontology.prefixes import Curie
from ontology.units import IncompatibleUnitsError, UnknownUnitError, convert

__all__ = ["answers_of", "choice_of", "convertible", "fitting", "texts_of", "ticked"]

Factor: TypeAlias = tuple[float, str]
FITS: Factor = (1.0, "")

SAID_BY_NAME = frozenset({"a", "d", "%", "g/ml", "kg/m2", "{pack_year}", "[hnsf'U]"})
"""Units that go without saying: of ages, survival, percentages, uptake values, pack years, Hounsfield."""
ANSWERS = frozenset(
    {"0", "1", "yes", "no", "y", "n", "true", "false", "unknown", "marked", "not marked", "checked", "unchecked"}
)
YES = frozenset({"yes", "y", "true"})
TICKED = re.compile(r"\w___\w+$")
PIECE = re.compile(r":|\s-\s|\)\s|=")
"""What parts the answer from the question, where each answer of a list is a column."""


def texts_of(column: Column) -> dict[str, str]:
    """What each cell of a column says, folded: its meaning where header or dictionary give one."""
    meanings = column.meanings
    short = {cell.lstrip("."): text for cell, text in meanings.items()}
    return {cell: fold(meanings.get(cell) or short.get(cell) or cell) for cell in column.values}


def answers_of(column: Column) -> bool:
    """Whether all that the cells of a column say is yes, no and their like."""
    said = set(texts_of(column).values())
    return bool(said) and said <= ANSWERS


def choice_of(knowledge: Knowledge, column: Column, target: Target) -> Curie | None:
    """The term of the value that a yes/no column is about, as *Race: White* is."""
    known = knowledge.cells.get(target.key, {})
    for piece in reversed(PIECE.split(_label(column))):
        text = fold(piece.strip(" )"))
        if terms := known.get(text):
            return terms.most_common(1)[0][0]
        named = [term for term in named_so(text) if target.key in knowledge.term_targets.get(term, ())]
        if len(named) == 1:
            return named[0]
    return None


def ticked(column: Column) -> bool:
    """Whether a column is one choice of a REDCap checkbox, *race___5*, ticked or not: its 1 means that choice alone."""
    return bool(TICKED.search(column.name)) and answers_of(column)


def _label(column: Column) -> str:
    return column.described.label if column.described else column.header.name


def fitting(knowledge: Knowledge, column: Column, target: Target) -> Factor:
    """A factor for how a column agrees with a target, and what speaks for or against it."""
    if target.leave:
        return FITS
    if target.record in {"measurement", "outcome"}:
        return _as_number(column, target)
    if target.record == "event":
        counted = column.numeric and not column.meanings and column.unit in {"d", "wk"}
        dated = column.kind is ValueKind.DATE or counted
        return FITS if dated else (0.4, "its cells are neither dates nor counts of days")
    against = next((found for found in _not_coded(column, target)), None)
    return against or _answers(knowledge, column, target)


def _as_number(column: Column, target: Target) -> Factor:
    if not column.numeric:
        return 0.25, "its cells are not numbers"
    if len(column.meanings) > 2 and column.coded:
        return 0.35, "its numbers are codes"
    if column.years:
        return 0.3, "its cells are calendar years"
    return _unit(column, target.unit)


def _unit(column: Column, wanted: str | None) -> Factor:
    if wanted in {None, "1"} or (column.unit is None and wanted in SAID_BY_NAME):
        return FITS
    if column.unit is None:
        return 0.62, f"nothing says its unit, and {wanted} is needed"
    if convertible(column.unit, wanted or ""):
        return 1.0, f"its unit {column.unit} fits"
    return 0.35, f"its unit {column.unit} does not fit"


def _not_coded(column: Column, target: Target) -> list[Factor]:
    """What speaks against a column of concepts, most important first."""
    kind, bare = column.kind, not column.meanings
    counted = column.numeric and bare
    rules: tuple[tuple[bool, Factor], ...] = (
        (kind in {ValueKind.UID, ValueKind.DATE}, (0.2, f"its cells are {kind.value}s")),
        (kind is ValueKind.NUMBER and bare and len(column.values) > 12, (0.3, "its cells are numbers")),
        (counted and len(column.values) > 15, (0.3, "its cells are many different numbers")),
        (kind in {ValueKind.TEXT, ValueKind.IDENTIFIER}, (0.6, "its cells are free text")),
        (bool(column.unit) and bare and target.record == "finding", (0.7, f"it has a unit, {column.unit}")),
    )
    return [factor for holds, factor in rules if holds]


def _answers(knowledge: Knowledge, column: Column, target: Target) -> Factor:
    """Less where the cells are yes and no and those of the target are not; more where the column is one of them."""
    if not answers_of(column):
        return FITS
    if choice_of(knowledge, column, target):
        return 1.15, "one of its values is a column of its own"
    listed = bool(column.described and re.search(r":\s|\s-\s|\)\s", column.described.label))
    known = knowledge.cells.get(target.key, {})
    unlike = bool(known) and not (YES | {"no"}) & known.keys()
    if unlike and column.meanings and not listed and target.record == "finding":
        return 0.75, "its cells are yes and no"
    return FITS


def convertible(unit: str, other: str) -> bool:
    """Whether two UCUM units measure the same quantity.

    >>> convertible("cm", "mm"), convertible("cm", "kg")
    (True, False)
    """
    try:
        convert(Decimal(1), unit, other)
    except (UnknownUnitError, IncompatibleUnitsError):
        return False
    return True
