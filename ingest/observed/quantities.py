"""Numbers and what they are of: from the texts and terms of a source to a variable of the registry, in its unit.

A quantity with a statistic is one variable where the registry has one (the standardized uptake value with *maximum* is
SUVmax); else the statistic is kept beside the quantity.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Final

from ontology.prefixes import Curie
from ontology.terms import dcm, ncit, q
from ontology.units import IncompatibleUnitsError, UnknownUnitError, convert, normalise
from ontology.variables import canonical, variables

__all__ = [
    "STATISTICS",
    "Amount",
    "Quantity",
    "ValueProblem",
    "amount",
    "as_written",
    "automation",
    "automation_word",
    "bound",
    "certainty",
    "length_of",
    "number",
    "quantity_of",
    "same_range",
    "unit_code",
]

STATISTICS: Final = frozenset(
    (ncit.ARITHMETIC_MEAN, ncit.MAXIMUM, ncit.MEDIAN, ncit.MINIMUM, ncit.STANDARD_DEVIATION, dcm.PEAK_VALUE_WITHIN_ROI)
)

NODES: Final = frozenset((ncit.AXILLARY_LYMPH_NODE, ncit.LYMPH_NODE, ncit.MEDIASTINAL_LYMPH_NODE))

QUANTITY_OF_UNIT: Final = (
    ("[hnsf'U]", "", dcm.ATTENUATION_COEFFICIENT),
    ("g/ml", "suv", ncit.STANDARDIZED_UPTAKE_VALUE),
)
"""What a statistic alone is of, by UCUM code and a part of the unit as written."""

AUTOMATIONS: Final[dict[str, Curie]] = {
    "automatic": q.AUTOMATIC,
    "automated": q.AUTOMATIC,
    "manual": q.MANUAL,
    "semiautomatic": q.SEMI_AUTOMATIC,
    "semiautomated": q.SEMI_AUTOMATIC,
}
"""How much of a measurement software did, by the words of tools (DICOM's SegmentAlgorithmType and its like)."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
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


def automation(text: str) -> Curie | None:
    """How much of a measurement software did; None where the text does not say it.

    >>> automation("SEMIAUTOMATIC"), automation("Semi-automated"), automation("who knows")
    ('q:SemiAutomatic', 'q:SemiAutomatic', None)
    """
    return AUTOMATIONS.get(re.sub(r"[^a-z]", "", text.casefold()))


def automation_word(term: Curie) -> str:
    """The word by which `automation` knows a term, as DICOM's SegmentAlgorithmType writes it.

    >>> automation_word(q.SEMI_AUTOMATIC)
    'SEMIAUTOMATIC'
    """
    return next(word for word, known in AUTOMATIONS.items() if known == term).upper()


@dataclass(frozen=True, slots=True)
class Quantity:
    """What a number is of: a variable, and the statistic that has to be kept beside it."""

    variable: Curie
    statistic: Curie | None = None


def quantity_of(
    terms: Iterable[Curie], unit: str, *, length: Curie = ncit.LENGTH, statistic: Curie | None = None
) -> Quantity:
    """What the terms of a measurement mean together: a quantity, a statistic, or both, as codes in any order.

    A statistic alone is of the quantity that its unit names; where it names none, of ``q:Unmapped``. ``length`` is what
    a length of this document is (`length_of`); ``statistic`` one that is stated apart from the terms.

    >>> quantity_of([ncit.MAXIMUM, ncit.STANDARDIZED_UPTAKE_VALUE], "g/ml").variable
    'ncit:C95012'
    >>> quantity_of([ncit.ARITHMETIC_MEAN], "HU")
    Quantity(variable='dcm:112181', statistic=None)
    """
    found = list(terms)
    statistic = statistic or next((term for term in found if term in STATISTICS), None)
    quantity = next((term for term in found if term not in STATISTICS), None)
    if quantity is None and statistic is not None:
        code, written = unit_code(unit, None), unit.casefold()
        quantity = next((of for known, part, of in QUANTITY_OF_UNIT if known == code and part in written), None)
    if quantity is None:
        return Quantity(q.UNMAPPED, statistic)
    quantity = length if quantity == ncit.LENGTH else quantity
    registered = canonical(quantity, statistic)
    if registered is None:
        return Quantity(quantity, statistic)
    return Quantity(registered.curie, statistic if registered == canonical(quantity) else None)


def length_of(lengths: int, site: Curie | None, *, assessed: bool) -> Curie:
    """What a length of a document is: the longest diameter where it is alone, on a lesion, and not on a node.

    The one line that is drawn on a lesion in a response assessment is its longest diameter (RECIST 1.1, section 3.1);
    on a lymph node it would be the short axis. ``lengths`` is how many the document has, ``assessed`` whether it
    assesses a lesion.
    """
    return ncit.LONGEST_DIAMETER if assessed and lengths == 1 and site not in NODES else ncit.LENGTH
