"""What a cell says: numbers with bounds, dates and day counts, yes and no, decided concepts.

Each function makes a *reading*: a function from a cell's text (without surrounding blanks, not empty) to the fields it
fills. A `Fault` says what is wrong with a cell without repeating it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import TypeAlias

from ontology.prefixes import Curie
from ontology.records import When
from ontology.units import IncompatibleUnitsError, UnknownUnitError, convert, normalise

__all__ = [
    "Fault",
    "Number",
    "Reading",
    "boolean",
    "concept",
    "integer",
    "matching",
    "number",
    "remembered",
    "ucum",
    "when",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a cell was not read, and what would be right."""

    problem: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Number:
    """A number as a cell gives it: exact, or bounds of a censored value; with its unit as written, if any."""

    value: Decimal | None
    low: Decimal | None = None
    high: Decimal | None = None
    unit: str | None = None

    def converted(self, source: str, target: str) -> Number | Fault:
        """The same in another UCUM unit."""
        try:
            value, low, high = (
                None if item is None else convert(item, source, target) for item in (self.value, self.low, self.high)
            )
        except (UnknownUnitError, IncompatibleUnitsError) as error:
            return Fault(f"the unit {source} does not fit the variable", str(error))
        return Number(value, low, high, target)


Reading: TypeAlias = Callable[[str], object]
"""From a cell's text to what it says; a `Fault` where it cannot be read."""

NUMBER = re.compile(
    r"(?P<sign>>=|<=|[<>\u2264\u2265])?\s*(?P<digits>[+-]?(?:\d+(?:[.]\d*)?|[.]\d+)(?:[eE][+-]?\d+)?)\s*(?P<unit>\D.*)?"
)
CACHE = 100_000


def remembered(reading: Reading) -> Reading:
    """The same reading, which reads each distinct text once; bounded, for columns in which every cell differs."""
    held: dict[str, object] = {}

    def read(text: str) -> object:
        found = held.get(text, held)
        if found is held:
            if len(held) >= CACHE:
                held.clear()
            found = held[text] = reading(text)
        return found

    return read


def number(decimal: str = ".", units: Mapping[str, str] | None = None) -> Reading:
    """Numbers such as ``4.2``, ``>=90``, ``<0.2``, and ``15.6 cc`` where the map lists the unit."""
    known = units or {}

    def read(text: str) -> Number | Fault:
        form = f"a number such as 1{decimal}5, >=90 or <0{decimal}2"
        if decimal == ",":
            if "." in text:
                return Fault("not a number with a decimal comma", form)
            text = text.replace(",", ".")
        found = NUMBER.fullmatch(text)
        if found is None:
            return Fault("not a number", form)
        try:
            value = bounded_decimal(found["digits"])
        except InvalidOperation:
            return Fault("not a number", form)
        unit = None
        if found["unit"]:
            unit = known.get(found["unit"].strip())
            if unit is None:
                return Fault("a number with a unit that the map does not list", "the unit below units: in the map")
        return _bounded(found["sign"], value, unit)

    return read


def bounded_decimal(text: str) -> Decimal:
    """A decimal of a magnitude that a double holds; InvalidOperation otherwise.

    Beyond it a short text such as ``1e999999999`` would become a number of as many digits.
    """
    value = Decimal(text)
    if value.is_finite() and abs(value.adjusted()) > 308:
        raise InvalidOperation
    return value


def _bounded(sign: str | None, value: Decimal, unit: str | None) -> Number:
    if sign is None:
        return Number(value, unit=unit)
    if sign in {">", ">=", "\u2265"}:
        return Number(None, low=value, unit=unit)
    return Number(None, high=value, unit=unit)


def integer(text: str) -> int | Fault:
    """A whole number; ``3.0`` is one.

    >>> integer("3.0")
    3
    """
    try:
        value = bounded_decimal(text)
        whole = int(value)
    except (InvalidOperation, ValueError, OverflowError):
        return Fault("not a whole number", "a whole number such as 3")
    return whole if whole == value and abs(whole) < 10**9 else Fault("not a whole number", "a whole number such as 3")


def boolean(is_true: Collection[str], is_false: Collection[str]) -> Reading:
    """Yes or no, by the cells that the map lists for each."""
    known = {**dict.fromkeys(is_true, True), **dict.fromkeys(is_false, False)}
    fault = Fault(
        "neither a cell of is_true nor of is_false", "the cell below is_true:, is_false: or missing: in the map"
    )
    return lambda text: known.get(text, fault)


def concept(decided: Mapping[str, Curie | None], *, keep_unmapped: bool, place: str) -> Reading:
    """The decided concept of a cell; None where it is kept as written. ``place`` names column and mapping set."""
    fault = Fault("value without a decision", f"a row for the value of {place}, or missing: in the map")
    if keep_unmapped:
        return decided.get
    return lambda text: decided.get(text, fault)


def matching(pattern: str, wanted: str) -> Reading:
    """The cell itself where it has a form in which nothing identifying fits."""
    form = re.compile(pattern)
    fault = Fault("not of the expected form", wanted)
    return lambda text: text if form.fullmatch(text) else fault


def when(form: str | None, clock: str | None, *, counted: bool, unit: str = "d") -> Reading:
    """Dates in a ``strptime`` form or ISO (day or month may lack), or counts of time on a named clock."""
    if counted:
        return _counted(clock or "", unit)
    fault = Fault("not a date", f"a date of the form {form or 'YYYY-MM-DD'}")

    def read(text: str) -> When | Fault:
        if form is not None:
            try:
                return When.on(dt.datetime.strptime(text, form).date(), clock)
            except ValueError:
                pass  # a workbook's own date reads in ISO form whatever the map says
        date = re.split(r"[T ]", text, maxsplit=1)[0]
        try:
            return When.partial(date, clock) if re.fullmatch(r"\d{4}(-\d{1,2}){0,2}", date) else fault
        except ValueError:
            return fault

    return read


def _counted(clock: str, unit: str) -> Reading:
    """Counts of days, weeks or study days from a clock's event; study days know no day 0: day 1 is that event's."""
    factor = 7 if unit == "wk" else 1
    fault = Fault("not a day count", f"a whole number of {'weeks' if factor == 7 else 'days'}")
    zero = Fault("a study day 0, which there is not", "1 for the day of the event itself, -1 for the day before it")

    def count(text: str) -> When | Fault:
        days = integer(text)
        if isinstance(days, Fault):
            return fault
        if unit == "study-day":
            if days == 0:
                return zero
            days -= days > 0
        return When.day(days * factor, clock)

    return count


def ucum(units: Mapping[str, str]) -> Reading:
    """The UCUM code of a unit as written, by the map's list, else by the known spellings."""

    def read(text: str) -> str | Fault:
        code = units.get(text) or normalise(text)
        return code or Fault("a unit that is not known", "the unit and its UCUM code below units: in the map")

    return read
