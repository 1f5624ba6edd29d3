"""How each field of a record is read: from a cell of its column, or from a constant of the table map."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from ingest.observed.sites import text_site
from ingest.table_cells import (
    SILENT,
    Fault,
    Reading,
    boolean,
    concept,
    integer,
    kept_when,
    matching,
    number,
    ucum,
    when,
)
from mappings.shape import Entry, Part, Ref, field_kind
from mappings.sssom import Decisions
from ontology.fields import Kind
from ontology.prefixes import Curie
from ontology.records import When
from ontology.terms import q
from ontology.variables import canonical

__all__ = ["NAME", "Site", "Vocabulary", "constant", "main_reading", "reading"]

NAME = r"[\w .:/#+()-]{1,64}"
"""The form of lesion, procedure and visit names: short, so that no free text comes in by them."""

SYMBOL = re.compile(r"[\w.@/() +-]{1,40}")
"""The form of names of variables that may be kept without a decision, such as symbols of genes."""


@dataclass(frozen=True)
class Vocabulary:
    """What the steward, or a REDCap dictionary, says of columns and cells."""

    decisions: Decisions
    elements: Mapping[str, Curie]
    """Data elements that the source's own dictionary names; the steward's come first."""
    labels: Mapping[str, Mapping[str, str]]
    """For each coded column, the label of each code: a decision about the code holds for the label."""
    pseudonym: Callable[[str], str]
    codes: Mapping[str, Callable[[str], Curie | None]] = field(default_factory=dict)
    """For each column whose cells are codes of a vocabulary, the concept of a cell."""
    decimals: Mapping[str, str] = field(default_factory=dict)
    """The decimal sign of each column for which the source's dictionary states it."""

    def values(self, *names: str, facet: str = "") -> dict[str, Curie | None]:
        """The decided cells of a column, also by the label of a decided code and the code of a decided label."""
        decided = self.decisions.values(*names, facet=facet)
        for code, label in self.labels.get(names[-1], {}).items():
            for said, other in ((code, label), (label, code)):
                if said in decided:
                    decided.setdefault(other, decided[said])
        return decided

    def element(self, *names: str, facet: str = "") -> Curie | None:
        """The data element of a column."""
        return self.decisions.element(*names, facet=facet) or self.elements.get(names[-1])


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

    def decided(self, column: str, facet: str = "", *, keep_unmapped: bool = False) -> Reading:
        """The reading of a coded column, or of one facet of it: what a cell says of that facet alone."""
        names = self.names(column)
        facets = self.vocabulary.decisions.facets(*names)
        own = facet if facet in facets else ""
        elsewhere = {cell for other in facets - {own} for cell in self.vocabulary.values(*names, facet=other)}
        values = self.vocabulary.values(*names, facet=own)
        decided = concept(values, keep_unmapped=keep_unmapped, wanted=self._wanted(column), elsewhere=elsewhere)
        coded = self.vocabulary.codes.get(column)
        if coded is None:
            return decided
        return lambda text: decided(text) if text in values else coded(text) or decided(text)

    def structures(self, column: str, facet: str = "") -> dict[str, Curie]:
        """What is decided of a column's cells, by the cells in lower case; none of those that case alone parts."""
        names = self.names(column)
        own = facet if facet in self.vocabulary.decisions.facets(*names) else ""
        found: dict[str, Curie | None] = {}
        for cell, term in self.vocabulary.values(*names, facet=own).items():
            name = cell.casefold()
            found[name] = term if found.get(name, term) == term else None
        return {name: term for name, term in found.items() if term is not None}

    def _wanted(self, column: str) -> str:
        """What a cell of a column wants about which nothing is decided."""
        name = self.vocabulary.decisions.path.parent.name
        if not name:
            return (
                f"{self.vocabulary.decisions.path} with a decision on the cell of {column!r}; see `qilin map suggest`"
            )
        return (
            f"a decision on the cell of {column!r}: `qilin map pending {name}` shows it, `qilin map decide {name} "
            "COLUMN=CELL TERM` decides; or missing: in the map"
        )

    def decimal(self, column: str) -> str:
        """The decimal sign of a column's numbers."""
        return self.vocabulary.decimals.get(column, self.part.decimal)


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
        unit = entry.fields.get("unit")
        return typed.get(entry.type) or numbers(site, written, unit if isinstance(unit, str) else None)
    if kind is Kind.CONCEPT:
        decided = site.decided(written, entry.facet, keep_unmapped=entry.keep_unmapped or bool(entry.only_if))
        return visible(decided) if entry.main == "value_concept" and not entry.only_if else decided
    own = Ref(
        column=written,
        facet=entry.facet or None,
        format=entry.format,
        clock=entry.day_clock,
        unit=entry.day_unit,
        is_true=entry.is_true,
        is_false=entry.is_false,
    )
    return reading(site, kind, entry.main, written, own)


def _dates(site: Site, _column: str, ref: Ref) -> Reading:
    clock = ref.clock or site.part.clock
    return kept_when(when(ref.format, clock, counted=(clock or "").startswith("from-"), unit=ref.unit))


def numbers(site: Site, column: str, own: str | None = None) -> Reading:
    """Numbers as the map says that they are written; ``own`` is the unit of the column."""
    return number(site.decimal(column), site.part.units, site.part.thousands, own)


def _texts(site: Site, column: str, ref: Ref) -> Reading:
    """Approved texts only: those about which there is a decision, or short names where the map vouches for them."""
    if ref.as_written:
        return matching(NAME, "a short name")
    decided = site.decided(column, ref.facet or "")

    def read(text: str) -> object:
        found = decided(text)
        return found if isinstance(found, Fault) or found is SILENT else text

    return read


def _decimal(site: Site, column: str, _ref: Ref) -> Reading:
    read = numbers(site, column)

    def exact(text: str) -> object:
        found = read(text)
        value = getattr(found, "value", None)
        return value if value is not None else found if isinstance(found, Fault) else Fault("not exact", "one number")

    return exact


def _pseudonyms(site: Site, _column: str, ref: Ref) -> Reading:
    return matching(_names(ref), "a short pseudonym") if ref.as_written else site.vocabulary.pseudonym


def _names(ref: Ref) -> str:
    """The form of a name; one that several columns make may be as long as they."""
    return NAME.replace("64", str(64 * len(ref.columns))) if ref.columns else NAME


READINGS: Final[Mapping[Kind, Callable[[Site, str, Ref], Reading]]] = {
    Kind.CONCEPT: lambda site, column, ref: site.decided(column, ref.facet or ""),
    Kind.STRING: _texts,
    Kind.DECIMAL: _decimal,
    Kind.INTEGER: lambda _site, _column, _ref: integer,
    Kind.BOOLEAN: lambda _site, _column, ref: boolean(ref.is_true, ref.is_false),
    Kind.DERIVED: lambda _site, _column, ref: boolean(ref.is_true, ref.is_false),
    Kind.WHEN: _dates,
    Kind.LESION: lambda _site, _column, ref: matching(_names(ref), "a short name of the lesion, such as T01"),
    Kind.PROCEDURE: lambda _site, _column, ref: matching(_names(ref), "a short name of the procedure"),
    Kind.REGION: lambda _site, _column, ref: matching(_names(ref), "a short name of the region"),
    Kind.READER: _pseudonyms,
    Kind.UID: lambda _site, _column, _ref: matching(r"(?=.{1,64}$)[0-9]+(\.[0-9]+)+", "a DICOM UID: digits and dots"),
}
"""How a further field is read, by the way it is written."""


def _variables(site: Site, column: str, ref: Ref) -> Reading:
    """The variable that a cell names, in a table with one test a row; the decided term itself where as written."""
    decided = site.decided(column, ref.facet or "")

    def read(text: str) -> object:
        found = decided(text)
        if ref.keep_unmapped and isinstance(found, Fault | None) and SYMBOL.fullmatch(text):
            return {"variable": q.UNMAPPED, "raw_code": text}
        if ref.as_written:
            return found
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


def _places(site: Site, column: str, ref: Ref) -> Reading:
    """The place that a cell names; where nothing is decided about it, without the side at its beginning or end."""
    decided = site.decided(column, ref.facet or "")
    known = site.structures(column, ref.facet or "")

    def read(text: str) -> object:
        found = decided(text)
        if not isinstance(found, Fault):
            return found
        place = text_site(text, known)
        if place is None or place.laterality is None:
            return found
        stated = {"site": place.structure, "laterality": place.laterality, "site_modifier": place.modifier}
        return {name: term for name, term in stated.items() if term is not None}

    return read


def reading(site: Site, kind: Kind, field: str, column: str, ref: Ref) -> Reading:
    """How a further field is read from its column; ``kind`` is how the field is written."""
    ref = ref if ref.facet is not None else ref.model_copy(update={"facet": field})
    if field == "visit":
        return _visits(site, ref)
    if field == "variable":
        return _variables(site, column, ref)
    if field == "site":
        return _places(site, column, ref)
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
    return when((), clock, counted=False)(str(given))


CONSTANTS: Final[Mapping[Kind, Callable[[Site, bool | float | str], object]]] = {
    Kind.WHEN: _constant_day,
    Kind.CONCEPT: lambda _site, given: Curie(str(given)),
    Kind.DERIVED: lambda _site, given: given if isinstance(given, bool) else Fault("not yes or no", "true or false"),
    Kind.BOOLEAN: lambda _site, given: given if isinstance(given, bool) else Fault("not yes or no", "true or false"),
    Kind.INTEGER: lambda _site, given: integer(str(given)),
    Kind.DECIMAL: lambda _site, given: Decimal(str(given)),
}
"""How a constant of the map is taken, by the way its field is written; text where nothing is said."""
