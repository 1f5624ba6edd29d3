"""From the texts of an annotation to typed values: numbers, units, dates, confidences, names of lesions and visits."""

from __future__ import annotations

import datetime as dt
import math
import re
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final

from ontology.prefixes import Curie
from ontology.records import When
from ontology.terms import ncit
from ontology.units import IncompatibleUnitsError, UnknownUnitError, convert, normalise
from ontology.variables import variables

__all__ = [
    "Amount",
    "ValueProblem",
    "amount",
    "as_written",
    "bound",
    "certainty",
    "date",
    "lesion_name",
    "number",
    "same_range",
    "unit_code",
    "visit_label",
]

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:$|[T ]|\d{2,})", re.ASCII)
UNSET_YEAR = 1
"""``0001-01-01`` is how AIM 3 tools write an empty date."""

LESION = re.compile(
    r"(?P<kind>lesion|non-?target|target|new|node|nodule|tumou?r|[tnlm]|nt|nl|nn|tl|ntl|ln)[\s_#-]*(?P<number>\d{1,3})",
    re.ASCII | re.IGNORECASE,
)
VISIT = re.compile(
    r"(?<![^\W_])(?:(?P<baseline>baseline)|follow[- ]?up(?:[ _-]?(?P<number>\d{1,2}))?)(?![^\W_])",
    re.ASCII | re.IGNORECASE,
)

LINEAR: Final = "linear"
"""How ePAD writes the unit of a length: its values are centimetres."""

PLANE: Final = {"mm": "mm2", "cm": "cm2"}
"""Units of an area by that of its ruler: AIM 3 tools write ``mm`` for an area in square millimetres (the area of the
markup in pixels times the square of the pixel spacing, which lengths beside it give, agrees to all digits)."""

UPTAKE_UNIT: Final = "g/ml"
"""Standardized uptake values are often written without their unit."""


class ValueProblem(ValueError):  # noqa: N818  it becomes a Reject, not an error of the program
    """A value that cannot be taken: the problem and what would be right, without the value itself."""

    def __init__(self, problem: str, wanted: str) -> None:
        self.problem = problem
        self.wanted = wanted
        super().__init__(f"{problem}; {wanted}")


LARGEST = 308
"""The powers of ten that a double holds: beyond them a short text would become a number of millions of digits."""


@dataclass(frozen=True, slots=True)
class Amount:
    """A number in the unit of its variable; the unit is None where the source's is not known."""

    value: Decimal | float
    unit: str | None


def number(text: str) -> Decimal:
    """A number as written; `ValueProblem` where the text is none.

    >>> number(" 22.9 ")
    Decimal('22.9')
    """
    text = text.strip()
    if not text:
        raise ValueProblem("the value is missing", "a decimal number such as 22.9")
    if len(text) > 400 or not NUMBER.fullmatch(text):
        raise ValueProblem("the value is not a number", "a finite decimal number with a point, such as 22.9")
    value = Decimal(text)
    if abs(value.adjusted()) > LARGEST:
        raise ValueProblem("the value is too large or too small", "a number between 1e-308 and 1e308")
    return value


def _held(value: Decimal) -> Decimal | float:
    """The value as the store holds it: decimal up to 18 fractional digits and below 1e17, else a double."""
    exponent = value.as_tuple().exponent
    if isinstance(exponent, int) and exponent >= -18 and abs(value) < Decimal(10) ** 17:
        return value
    if math.isinf(approximate := float(value)):
        raise ValueProblem("the value is too large", "a number below 1.8e308")
    return approximate


@cache
def _uptake() -> frozenset[Curie]:
    """The standardized uptake value and its statistics."""
    base = ncit.STANDARDIZED_UPTAKE_VALUE
    composed = (item.curie for item in variables().values() if any(pair[0] == base for pair in item.composed))
    return frozenset((base, *composed))


def unit_code(text: str, variable: Curie | None) -> str | None:
    """The UCUM code of a unit as written for a variable; None where it is not known.

    >>> unit_code("linear", None), unit_code("mm", ncit.AREA), unit_code("HU", None)
    ('cm', 'mm2', "[hnsf'U]")
    """
    if len(text) > 40:
        return None
    code = "cm" if text.strip().casefold() == LINEAR else normalise(text)
    if variable == ncit.AREA:
        return PLANE.get(code or "", code)
    if variable in _uptake() and (code == "1" or not text.strip()):
        return UPTAKE_UNIT
    return code


def amount(text: str, unit: str, variable: Curie) -> Amount:
    """A number in the canonical unit of its variable, or as found where the variable has none.

    Raises `ValueProblem` where the text is no number, or its unit cannot be that of the variable.
    """
    value, code = number(text), unit_code(unit, variable)
    registered = variables().get(variable)
    wanted = registered.unit if registered else None
    if wanted is None:
        return Amount(_held(value), code)
    if code is None:
        raise ValueProblem("the unit is missing or not known", f"a UCUM unit that converts to {wanted}")
    try:
        return Amount(_held(convert(value, code, wanted)), wanted)
    except (IncompatibleUnitsError, UnknownUnitError) as error:
        raise ValueProblem("the unit is of another quantity", f"a UCUM unit that converts to {wanted}") from error


def bound(given: Amount | None) -> Decimal | None:
    """The bound of a range; `ValueProblem` where it is beyond what a bound can hold."""
    if given is None:
        return None
    if isinstance(given.value, Decimal):
        return given.value
    raise ValueProblem("the bound is too large or too small", "a number below 1e17 with at most 18 fractional digits")


def as_written(text: str, unit: str) -> str:
    """Number and unit as written; a unit that is not known is left out, since it could be any text.

    >>> as_written("3.38", "linear"), as_written("1", "who knows")
    ('3.38 linear', '1')
    """
    return f"{text.strip()} {unit.strip()}".strip() if unit_code(unit, None) else text.strip()


def same_range(low: str, high: str, operator: str) -> tuple[str, str, str]:
    """Value, low and high of an interval whose ends are equal, or of a number with an operator.

    The operator says on which side the value lies: ``LessThan 5`` has only an upper bound.

    >>> same_range("5", "5", "LessThan")
    ('', '', '5')
    """
    side = operator.casefold()
    if low != high:
        return "", low, high
    if side.startswith("lessthan"):
        return "", "", high
    if side.startswith("greaterthan"):
        return "", low, ""
    if side in {"", "equal", "none"}:
        return low, "", ""
    raise ValueProblem("the operator is not known", "Equal, LessThan, LessThanEqual, GreaterThan or GreaterThanEqual")


def date(text: str, clock: str | None = None) -> When | None:
    """The day of an ISO date or time, ``YYYYMMDDhhmmss`` or ``YYYYMMDD``; None where it is empty or ``0001-01-01``.

    Raises `ValueProblem` where there is another text.

    >>> date("20080606").first, date("2000-07-01T00:00:00").first, date("0001-01-01T00:00:00")
    (datetime.date(2008, 6, 6), datetime.date(2000, 7, 1), None)
    """
    if not text.strip():
        return None
    found = DATE.match(text.strip())
    try:
        day = dt.date(*(int(part) for part in found.groups())) if found else None
    except ValueError:
        day = None
    if day is None:
        raise ValueProblem("the date is none of the calendar", "YYYY-MM-DD, YYYYMMDD or YYYYMMDDhhmmss")
    return None if day.year == UNSET_YEAR else When.on(day, clock)


def certainty(text: str) -> Decimal | None:
    """An annotator's confidence from 0 to 1; None where it is not stated, for which ePAD writes 0.

    Raises `ValueProblem` where it is outside.
    """
    if not text.strip():
        return None
    value = number(text)
    if not 0 <= value <= 1:
        raise ValueProblem("the confidence is out of range", "a number from 0 to 1")
    return value or None


def lesion_name(name: str) -> str | None:
    """The lesion that an annotation's name names, None where it names none.

    Only a name that is nothing but a word for a lesion and a number counts (the part before ePAD's ``~``): other names
    hold subjects, readers and times.

    >>> lesion_name("Lesion 2~sp1~-~sp1~-1~sp1~#FFFFFF"), lesion_name("t01"), lesion_name("Jane Roe 2012")
    ('Lesion2', 'T01', None)
    """
    found = LESION.fullmatch(name.partition("~")[0].strip())
    if not found:
        return None
    kind = found["kind"].replace("-", "")
    return f"{kind.upper() if len(kind) <= 3 and kind.casefold() != 'new' else kind.capitalize()}{found['number']}"


def visit_label(*texts: str) -> str | None:
    """The visit that names or meanings state as a word of its own; None where they state none, or several.

    >>> visit_label("Lesion Followup Evaluation"), visit_label("0022BaselineA")
    ('Follow-up', None)
    """
    stated = {
        "Baseline" if found["baseline"] else f"Follow-up {int(found['number'])}" if found["number"] else "Follow-up"
        for text in texts
        for found in VISIT.finditer(text)
    }
    return stated.pop() if len(stated) == 1 else None
