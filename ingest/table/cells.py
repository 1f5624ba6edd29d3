"""What a cell says: numbers with bounds, dates and day counts, yes and no, decided concepts.

Each function makes a *reading*: a function from a cell's text (without surrounding blanks, not empty) to the fields it
fills. A `Fault` says what is wrong with a cell without repeating it.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias

from ontology.prefixes import Curie
from ontology.records import When
from ontology.units import IncompatibleUnitsError, UnknownUnitError, convert, normalise

__all__ = [
    "SILENT",
    "WAITING",
    "WITHHELD",
    "Fault",
    "Number",
    "Reading",
    "boolean",
    "concept",
    "dated",
    "integer",
    "kept_when",
    "matching",
    "number",
    "remembered",
    "suspicious",
    "ucum",
    "when",
]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a cell was not read, and what would be right."""

    problem: str
    wanted: str


WAITING = "value without a decision"
"""The problem of a cell about which nothing is decided: it waits for the steward."""


class _Silent:
    """What a cell says that was decided, but says nothing about what is asked for."""


SILENT: Final = _Silent()


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

WITHHELD = "\0"
"""The beginning of a cell of a kept document whose text was not kept."""

DATED = "\1"


def dated(when: When) -> str:
    """A time as a cell of a kept document: only `kept_when` reads it."""
    return f"{DATED}{when.first}/{when.last}/{when.clock or ''}"


def kept_when(reading: Reading) -> Reading:
    """The same reading of times, which also takes those of kept documents."""

    def read(text: str) -> object:
        if not text.startswith(DATED):
            return reading(text)
        first, last, clock = text[1:].split("/", 2)
        return When(dt.date.fromisoformat(first), dt.date.fromisoformat(last), clock or None)

    return read


DIGITS = r"[+-]?(?:\d+(?:[.]\d*)?|[.]\d+)(?:[eE][+-]?\d+)?"
UNIT = r"(?P<unit>[^\s\d.,<>=~+\u2010-\u2015\u2212-].*)?"
NUMBER = re.compile(rf"(?P<sign>>=|<=|[<>\u2264\u2265~\u2248])?\s*(?P<digits>{DIGITS})\s*{UNIT}")
RANGE = re.compile(rf"(?P<low>{DIGITS})\s*(?:[-\u2010-\u2015\u2212]|to\s)\s*(?P<high>{DIGITS})\s*{UNIT}")
EXCEL = {"excel": dt.date(1899, 12, 30), "excel-1904": dt.date(1904, 1, 1)}
"""The day 0 of a workbook's day counts; 1900 was no leap year, but its calendar holds it for one until March."""

BEYOND = 10**9
"""Whole numbers and days from here on are none: the record log holds 32 bits."""
CACHE = 100_000
LONGEST = 64
"""Characters of the longest text that is looked at as a number or a date."""


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


def number(
    decimal: str = ".", units: Mapping[str, str] | None = None, thousands: str = "", own: str | None = None
) -> Reading:
    """Numbers such as ``4.2``, ``>=90``, ``<0.2``, ranges such as ``51-60``, and ``15.6 cc`` where the unit is listed.

    ``own`` is the unit of the column, which a cell may repeat. A number that a cell calls approximate (``~5``) is
    taken; the sign stays in the raw text.
    """
    known = {**({own: own} if own else {}), **(units or {})}
    fault = Fault("not a number", f"a number such as 1{decimal}5, >=90, <0{decimal}2 or 51-60")
    listed = Fault("a number with a unit that the map does not list", "the unit below units: in the map")
    plainly = _pointed(decimal, thousands)

    def read(text: str) -> Number | Fault:
        if len(text) > LONGEST:
            return fault
        pointed = plainly(text)
        if pointed is None:
            return Fault("not a number with a decimal comma", fault.wanted)
        try:
            found = _range(pointed) or _single(pointed)
        except InvalidOperation:
            return fault
        if found is None or found.unit is None:
            return found or fault
        unit = known.get(found.unit)
        return replace(found, unit=unit) if unit else listed

    return read


def _pointed(decimal: str, thousands: str) -> Callable[[str], str | None]:
    """A text with a decimal point and no marks between thousands; None where a point stands for no decimal mark."""
    grouped = re.compile(rf"(?<![\d.,])\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+(?!\d)") if thousands else None

    def plainly(text: str) -> str | None:
        if grouped:
            text = grouped.sub(lambda hit: hit[0].replace(thousands, ""), text)
        if decimal == ".":
            return text
        return None if "." in text else text.replace(",", ".")

    return plainly


def _single(text: str) -> Number | None:
    """A number, censored (then a bound) or not; its unit as written."""
    found = NUMBER.fullmatch(text)
    if found is None:
        return None
    value, unit = bounded_decimal(found["digits"]), _text(found["unit"])
    if found["sign"] in {None, "~", "\u2248"}:
        return Number(value, unit=unit)
    above = found["sign"] in {">", ">=", "\u2265"}
    return Number(None, low=value, unit=unit) if above else Number(None, high=value, unit=unit)


def _range(text: str) -> Number | None:
    """A range from the lower to the higher number; its unit as written."""
    found = RANGE.fullmatch(text)
    if found is None:
        return None
    low, high = bounded_decimal(found["low"]), bounded_decimal(found["high"])
    return Number(None, low, high, _text(found["unit"])) if low < high else None


def _text(text: str | None) -> str | None:
    return text.strip() if text else None


CODES: Final = frozenset(Decimal(code) for code in (-9999, -999, -99, -9, -1, 9, 99, 999, 9999, 88, 888, 8888))
"""Numbers that often stand for a missing value."""


def suspicious(numbers: Collection[Decimal]) -> list[Decimal]:
    """Those of a column's numbers that may stand for a missing value: such a code, far from all the others.

    >>> suspicious([Decimal(1), Decimal(4), Decimal(99)]), suspicious([Decimal(-1), Decimal(0), Decimal(3)])
    ([Decimal('99')], [Decimal('-1')])
    >>> suspicious([Decimal(90), Decimal(99)]), suspicious([Decimal(-2), Decimal(-1), Decimal(3)])
    ([], [])
    """
    codes = CODES & frozenset(numbers)
    others = frozenset(numbers) - codes
    if not others:
        return []
    low, high = min(others), max(others)
    return sorted(code for code in codes if (code < 0 <= low) or (code > 0 and code > 3 * max(high, Decimal(0))))


def bounded_decimal(text: str) -> Decimal:
    """A decimal of a magnitude that a double holds; InvalidOperation otherwise.

    Beyond it a short text such as ``1e999999999`` would become a number of as many digits.
    """
    value = Decimal(text)
    if value.is_finite() and abs(value.adjusted()) > 308:
        raise InvalidOperation
    return value


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
    return whole if whole == value and abs(whole) < BEYOND else Fault("not a whole number", "a whole number such as 3")


def boolean(is_true: Collection[str], is_false: Collection[str]) -> Reading:
    """Yes or no, by the cells that the map lists for each."""
    known = {**dict.fromkeys(is_true, True), **dict.fromkeys(is_false, False)}
    fault = Fault(
        "neither a cell of is_true nor of is_false", "the cell below is_true:, is_false: or missing: in the map"
    )
    return lambda text: known.get(text, fault)


def concept(
    decided: Mapping[str, Curie | None], *, keep_unmapped: bool, wanted: str, elsewhere: Collection[str] = ()
) -> Reading:
    """The decided concept of a cell; None where it is kept as written. ``wanted`` says how one is decided.

    ``elsewhere`` are the cells that were decided for what else the column says: here they say nothing.
    """
    fault = Fault(WAITING, wanted)
    known: dict[str, object] = {**dict.fromkeys(elsewhere, SILENT), **decided}
    if keep_unmapped:
        return known.get
    return lambda text: known.get(text, fault)


def matching(pattern: str, wanted: str) -> Reading:
    """The cell itself where it has a form in which nothing identifying fits."""
    form = re.compile(pattern)
    fault = Fault("not of the expected form", wanted)
    return lambda text: text if form.fullmatch(text) else fault


def when(forms: Sequence[str], clock: str | None, *, counted: bool, unit: str = "d") -> Reading:
    """Dates in any of several ``strptime`` forms or ISO (day or month may lack), or counts on a named clock.

    A text that two forms read as different days is refused: which of them is meant cannot be told from it.
    """
    if counted:
        return _counted(clock or "", unit)
    shown = " or ".join(forms) or "YYYY-MM-DD"
    fault = Fault("not a date", f"a date of the form {shown}")
    ambiguous = Fault(
        "a date that can be read in two ways", f"one of the forms {shown} alone, below format: in the map"
    )
    workbook = [EXCEL[form] for form in forms if form in EXCEL]
    written = [form for form in forms if form not in EXCEL]

    def read(text: str) -> When | Fault:
        if len(text) > LONGEST:
            return fault
        found = {day for form in written if (day := _parsed(text, form))}
        found |= {day for start in workbook if (day := _serial(text, start))}
        if found:
            return When.on(found.pop(), clock) if len(found) == 1 else ambiguous
        date = re.split(r"[T ]", text, maxsplit=1)[0]  # a workbook's own date reads in ISO form whatever the map says
        try:
            return When.partial(date, clock) if re.fullmatch(r"[0-9]{4}(-[0-9]{1,2}){0,2}", date) else fault
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
        if isinstance(days, Fault) or abs(days) * factor >= BEYOND:
            return fault
        if unit == "study-day":
            if days == 0:
                return zero
            days -= days > 0
        return When.day(days * factor, clock)

    return count


def _parsed(text: str, form: str) -> dt.date | None:
    try:
        return dt.datetime.strptime(text, form).date()
    except ValueError:
        return None


def _serial(text: str, start: dt.date) -> dt.date | None:
    """The day of a workbook's day count; 61 to 73,050 (1900-03-01 to 2099) is taken for one."""
    found = re.fullmatch(r"([0-9]{2,5})(?:\.[0-9]*)?", text)
    return start + dt.timedelta(days=int(found[1])) if found and 61 <= int(found[1]) <= 73_050 else None


def ucum(units: Mapping[str, str]) -> Reading:
    """The UCUM code of a unit as written, by the map's list, else by the known spellings."""

    def read(text: str) -> str | Fault:
        code = units.get(text) or normalise(text)
        return code or Fault("a unit that is not known", "the unit and its UCUM code below units: in the map")

    return read
