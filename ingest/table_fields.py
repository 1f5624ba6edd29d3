"""How each field of a record is read: from a cell of its column, or from a constant of the table map."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ingest.table_cells import Fault, Reading, boolean, concept, integer, matching, number, ucum, when
from mappings.shape import Entry, Part, Ref, field_kind
from mappings.sssom import Decisions
from ontology.fields import Kind
from ontology.prefixes import Curie
from ontology.records import When
from ontology.terms import q
from ontology.variables import canonical

__all__ = ["Site", "Vocabulary", "constant", "main_reading", "reading"]

NAME = r"[\w .:/#+()-]{1,64}"
"""The form of lesion, procedure and visit names: short, so that no free text comes in by them."""


@dataclass(frozen=True)
class Vocabulary:
    """What the steward, or a REDCap dictionary, says of columns and cells."""

    decisions: Decisions
    elements: Mapping[str, Curie]
    """Data elements that the source's own dictionary names; the steward's come first."""
    labels: Mapping[str, Mapping[str, str]]
    """For each coded column, the label of each code: a decision about the code holds for the label."""
    pseudonym: Callable[[str], str]

    def values(self, *names: str) -> dict[str, Curie | None]:
        """The decided cells of a column, also by the label of a decided code."""
        decided = self.decisions.values(*names)
        for code, label in self.labels.get(names[-1], {}).items():
            if code in decided:
                decided.setdefault(label, decided[code])
        return decided

    def element(self, *names: str) -> Curie | None:
        """The data element of a column."""
        return self.decisions.element(*names) or self.elements.get(names[-1])


@dataclass(frozen=True)
class Site:
    """Where an entry is compiled: the part, the file's columns, and the names by which decisions speak of a column."""

    part: Part
    columns: Mapping[str, int]
    vocabulary: Vocabulary

    def names(self, column: str) -> tuple[str, ...]:
        """A column as decisions name it, ``Sheet!column`` first."""
        sheet = self.part.sheet
        return (f"{sheet}!{column}", column) if isinstance(sheet, str) else (column,)

    def decided(self, column: str, *, keep_unmapped: bool = False) -> Reading:
        """The reading of a coded column."""
        place = f"column {column!r} in {self.vocabulary.decisions.path.name}"
        return concept(self.vocabulary.values(*self.names(column)), keep_unmapped=keep_unmapped, place=place)


def visible(decided: Reading) -> Reading:
    """The same, but a value for which there is no term stays visible as unmapped, beside its raw text."""

    def read(text: str) -> object:
        found = decided(text)
        return q.UNMAPPED if found is None else found

    return read


def main_reading(site: Site, entry: Entry, written: str) -> Reading:
    """How the column itself is read."""
    kind = field_kind(entry.record, entry.main)
    if kind is Kind.SCALAR:
        typed: dict[str | None, Reading] = {"integer": integer, "boolean": boolean(entry.is_true, entry.is_false)}
        return typed.get(entry.type) or number(site.part.decimal, site.part.units)
    if kind is Kind.CONCEPT:
        decided = site.decided(written, keep_unmapped=entry.keep_unmapped or bool(entry.only_if))
        return visible(decided) if entry.main == "value_concept" and not entry.only_if else decided
    own = Ref(
        column=written,
        format=entry.format,
        clock=entry.day_clock,
        unit=entry.day_unit,
        is_true=entry.is_true,
        is_false=entry.is_false,
    )
    return reading(site, kind, entry.main, written, own)


def _dates(site: Site, _column: str, ref: Ref) -> Reading:
    clock = ref.clock or site.part.clock
    return when(ref.format, clock, counted=(clock or "").startswith("from-"), unit=ref.unit)


def _texts(site: Site, column: str, ref: Ref) -> Reading:
    """Approved texts only: those about which there is a decision, or names by their form."""
    if ref.as_written:
        return matching(NAME, "a short name, such as WEEK 6")
    decided = site.decided(column)

    def read(text: str) -> object:
        found = decided(text)
        return found if isinstance(found, Fault) else text

    return read


def _decimal(site: Site, _column: str, _ref: Ref) -> Reading:
    read = number(site.part.decimal)

    def exact(text: str) -> object:
        found = read(text)
        value = getattr(found, "value", None)
        return value if value is not None else found if isinstance(found, Fault) else Fault("not exact", "one number")

    return exact


def _pseudonyms(site: Site, _column: str, ref: Ref) -> Reading:
    return matching(NAME, "a short pseudonym") if ref.as_written else site.vocabulary.pseudonym


READINGS: Final[Mapping[Kind, Callable[[Site, str, Ref], Reading]]] = {
    Kind.CONCEPT: lambda site, column, _ref: site.decided(column),
    Kind.STRING: _texts,
    Kind.DECIMAL: _decimal,
    Kind.INTEGER: lambda _site, _column, _ref: integer,
    Kind.BOOLEAN: lambda _site, _column, ref: boolean(ref.is_true, ref.is_false),
    Kind.DERIVED: lambda _site, _column, ref: boolean(ref.is_true, ref.is_false),
    Kind.WHEN: _dates,
    Kind.LESION: lambda _site, _column, _ref: matching(NAME, "a short name of the lesion, such as T01"),
    Kind.PROCEDURE: lambda _site, _column, _ref: matching(NAME, "a short name of the procedure"),
    Kind.READER: _pseudonyms,
    Kind.UID: lambda _site, _column, _ref: matching(r"(?=.{1,64}$)[0-9]+(\.[0-9]+)+", "a DICOM UID: digits and dots"),
}
"""How a further field is read, by the way it is written."""


def _variables(site: Site, column: str) -> Reading:
    """The variable that a cell names, in a table with one test a row."""
    decided = site.decided(column)

    def read(text: str) -> object:
        found = decided(text)
        registered = canonical(Curie(found)) if isinstance(found, str) else None
        return registered.curie if registered else found

    return read


def _visits(site: Site, ref: Ref | None = None) -> Reading:
    """A visit's number, and its text where the map lists it.

    An unscheduled visit has a number between two others in SDTM (10.1): it has no number here, only its label.
    """
    numbers = site.part.visits
    fault = Fault("a visit that the map does not list", "the visit's text and number below visits: in the map")

    def read(text: str) -> object:
        if text in numbers:
            return {"visit": numbers[text], "visit_label": text}
        found = integer(text)
        if isinstance(found, int):
            return {"visit": found}
        return {} if ref and ref.unscheduled and re.fullmatch(r"\d+\.\d+", text) else fault

    return read


def reading(site: Site, kind: Kind, field: str, column: str, ref: Ref) -> Reading:
    """How a further field is read from its column; ``kind`` is how the field is written."""
    if field == "visit":
        return _visits(site, ref)
    if field == "variable":
        return _variables(site, column)
    if field in {"unit", "dose_unit"}:
        return ucum(site.part.units)
    return READINGS[kind](site, column, ref)


def constant(site: Site, kind: Kind, field: str, given: bool | float | str) -> object:
    """A constant as its field takes it; a `Fault` where it does not fit."""
    if field == "visit":
        return _visits(site)(str(given))
    make = CONSTANTS.get(kind)
    return make(site, given) if make else str(given)


def _constant_day(site: Site, given: bool | float | str) -> object:
    clock = site.part.clock
    if isinstance(given, int):
        return When.day(given, clock) if clock else Fault("a day without a clock", "clock: in the map")
    return when(None, clock, counted=False)(str(given))


CONSTANTS: Final[Mapping[Kind, Callable[[Site, bool | float | str], object]]] = {
    Kind.WHEN: _constant_day,
    Kind.CONCEPT: lambda _site, given: Curie(str(given)),
    Kind.DERIVED: lambda _site, given: given if isinstance(given, bool) else Fault("not yes or no", "true or false"),
    Kind.BOOLEAN: lambda _site, given: given if isinstance(given, bool) else Fault("not yes or no", "true or false"),
    Kind.INTEGER: lambda _site, given: integer(str(given)),
    Kind.DECIMAL: lambda _site, given: Decimal(str(given)),
}
"""How a constant of the map is taken, by the way its field is written; text where nothing is said."""
