"""Units: spellings met in sources become UCUM codes, and values are converted between UCUM codes.

Lengths, volumes, masses, times and their quotients are converted exactly; every other unit of UCUM goes through
``ucumvert`` and ``pint``, which are imported only then (they take half a second).
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterator
from decimal import Decimal, localcontext
from fractions import Fraction
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

__all__ = ["IncompatibleUnitsError", "UnknownUnitError", "convert", "normalise", "usual"]

SIGNIFICANT = 15
"""Digits kept of a quotient that does not end, such as days in years."""

PREFIXES = {"k": 3, "h": 2, "d": -1, "c": -2, "m": -3, "u": -6, "n": -9, "p": -12}
METRIC = {"m": ("m", Fraction(1)), "g": ("g", Fraction(1)), "s": ("s", Fraction(1)), "l": ("m3", Fraction(1, 1000))}
FIXED = {
    "min": ("s", Fraction(60)),
    "h": ("s", Fraction(3600)),
    "d": ("s", Fraction(86400)),
    "wk": ("s", Fraction(604800)),
    "mo": ("s", Fraction(2629800)),  # UCUM's month is a twelfth of its year
    "a": ("s", Fraction(31557600)),  # UCUM's year has 365.25 days
    "%": ("", Fraction(1, 100)),
    "10*": ("", Fraction(10)),
}
SIGNS = str.maketrans(
    {
        "\N{MICRO SIGN}": "u",
        "\N{GREEK SMALL LETTER MU}": "u",
        "\N{SUPERSCRIPT TWO}": "2",
        "\N{SUPERSCRIPT THREE}": "3",
        "\N{MIDDLE DOT}": ".",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{MINUS SIGN}": "-",
        "\N{DEGREE SIGN}": "deg",
    }
)
ANNOTATION = re.compile(r"\{[^}]*\}")
FACTOR = re.compile(r"(?P<divide>/)?(?P<atom>10\*|%|[1-9]\d*|[A-Za-z]+)(?P<power>[+-]?\d+)?(?:\.|(?=/)|$)")


class UnknownUnitError(ValueError):
    """A unit that is no UCUM code."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        super().__init__(f"{unit!r} is no UCUM unit; right would be, for instance, 'mm', 'g/ml' or '10*-6.mm2/s'")


class IncompatibleUnitsError(ValueError):
    """Two units that measure different quantities."""

    def __init__(self, source: str, target: str) -> None:
        self.source, self.target = source, target
        super().__init__(f"{source!r} cannot be converted to {target!r}: they measure different quantities")


class _Exact(NamedTuple):
    """A unit as a factor and its powers of metre, gram and second."""

    factor: Fraction
    powers: tuple[tuple[str, int], ...]


def _atom(text: str) -> tuple[str, Fraction] | None:
    """Base unit and factor of one atom with its prefix; None where it is not among the exact ones."""
    if text in FIXED:
        return FIXED[text]
    if text in METRIC:
        return METRIC[text]
    if text.isdecimal():
        return "", Fraction(int(text))
    prefix, rest = text[:1], text[1:]
    if prefix in PREFIXES and rest in METRIC:
        base, factor = METRIC[rest]
        return base, factor * Fraction(10) ** PREFIXES[prefix]
    return None


def _factors(unit: str) -> Iterator[tuple[str, Fraction, int] | None]:
    """Base, factor and power of each factor of a unit; None for what is not among the exact ones."""
    at = 0
    while at < len(unit):
        found = FACTOR.match(unit, at)
        atom = _atom(found["atom"]) if found else None
        # only 10* takes a power among the numbers: 10-6 is no UCUM
        if found is None or atom is None or (found["atom"].isdecimal() and found["power"]):
            yield None
            return
        power = int(found["power"] or 1) * (-1 if found["divide"] else 1)
        yield *atom, power
        at = found.end()


@cache
def _exact(unit: str) -> _Exact | None:
    """A unit in exact terms; None where it has other atoms, parentheses or arbitrary units."""
    total, powers = Fraction(1), Counter[str]()
    for part in _factors(unit):
        if part is None:
            return None
        base, factor, power = part
        total *= factor**power
        if base:
            # a litre is a cubed length
            powers[base[0]] += power * int(base[1:] or 1)
    return _Exact(total, tuple(sorted((base, power) for base, power in powers.items() if power)))


def _bare(unit: str) -> str:
    """A unit without its annotations, which carry no meaning for conversion: ``{SUVbw}g/ml`` is ``g/ml``."""
    return ANNOTATION.sub("", unit).strip() or "1"


def _decimal(value: Fraction) -> Decimal:
    """A fraction as a decimal: exact where it ends, else to `SIGNIFICANT` digits."""
    with localcontext() as context:
        context.prec = 60
        exact = Decimal(value.numerator) / Decimal(value.denominator)
        if Fraction(exact) != value:
            context.prec = SIGNIFICANT
        shown = +exact
        # 4.2E+2 is how normalize writes 420
        return Decimal(int(shown)) if shown == shown.to_integral_value() else shown.normalize()


@cache
def _registry() -> Any:
    """The registry of ``ucumvert``, made once."""
    from ucumvert import PintUcumRegistry  # noqa: PLC0415

    return PintUcumRegistry()


@cache
def _general(unit: str) -> Any:
    """A unit as a ``pint`` quantity; `UnknownUnitError` where UCUM has no such unit."""
    from lark.exceptions import LarkError  # noqa: PLC0415

    try:
        quantity = _registry().from_ucum(unit)
    except (LarkError, ValueError, KeyError, AttributeError) as error:
        raise UnknownUnitError(unit) from error
    if not hasattr(quantity, "to"):
        raise UnknownUnitError(unit)
    return quantity


def _known(unit: str) -> bool:
    """Whether UCUM has a unit."""
    if _exact(unit) is not None:
        return True
    try:
        _general(unit)
    except UnknownUnitError:
        return False
    return True


def convert(value: Decimal, source: str, target: str) -> Decimal:
    """A value in the UCUM unit ``source``, in the UCUM unit ``target``.

    Raises `UnknownUnitError` where one of them is no UCUM unit, `IncompatibleUnitsError` where they measure different
    quantities.

    >>> convert(Decimal("4.2"), "cm", "mm")
    Decimal('42')
    >>> convert(Decimal("1.2"), "10*-3.mm2/s", "um2/s")
    Decimal('1200')
    """
    bare, wanted = _bare(source), _bare(target)
    if bare == wanted:
        return value
    one, other = _exact(bare), _exact(wanted)
    if one is not None and other is not None:
        if one.powers != other.powers:
            raise IncompatibleUnitsError(source, target)
        return _decimal(Fraction(value) * one.factor / other.factor)
    return _convert_general(value, bare, wanted)


def _convert_general(value: Decimal, source: str, target: str) -> Decimal:
    """The same through ``pint``, in binary floating point, to `SIGNIFICANT` digits."""
    quantity, wanted = _general(source), _general(target)
    if quantity.dimensionality != wanted.dimensionality:
        raise IncompatibleUnitsError(source, target)
    ratio = (float(value) * quantity).to(wanted.units).magnitude / wanted.magnitude
    return _decimal(Fraction(f"{ratio:.{SIGNIFICANT - 1}e}"))


@cache
def _spellings() -> dict[str, str]:
    """UCUM code by spelling from ``ontology/units.tsv``: in lower case, but single letters as they are written."""
    with files("ontology").joinpath("units.tsv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    return {spelling: row["ucum"] for row in rows for spelling in row["spellings"].split("|")}


def _respelled(text: str) -> str:
    """A unit text with the signs that UCUM does not use replaced: ``mm³``, ``µg/mL``, ``10^-6 mm^2/s``."""
    text = re.sub(r"(?i)^[x*]\s*(?=10)", "", text.translate(SIGNS))
    text = re.sub(r"\b10(?:\^|\*\*?|(?=[+-]))([+-]?\d+)(?=[\s./*])", r"10*\1", text)
    text = re.sub(r"(?<=10\*)([+-]?\d+)[\s*.]+(?=\w)", r"\1.", text)
    text = re.sub(r"\^|\*\*", "", text)
    text = re.sub(r"^1/", "/", text)
    text = re.sub(r"(?<![A-Za-z\[])([pnumcdk]?)L(?![A-Za-z])", r"\1l", text)
    return re.sub(r"\s*([/.])\s*", r"\1", text)


def _listed(text: str) -> str | None:
    """The UCUM code of a listed spelling; M may be mega or molar, so single letters keep their case."""
    return _spellings().get(text if len(text) == 1 else text.casefold())


@cache
def normalise(unit_text: str) -> str | None:
    """The UCUM code that a unit text of AIM, DICOM or a table means; None where it is not recognised.

    >>> normalise("10-6 mm2/s"), normalise("HU"), normalise("mL"), normalise("furlong")
    ('um2/s', "[hnsf'U]", 'ml', None)
    """
    return _meant(unit_text, _known)


@cache
def usual(unit_text: str) -> str | None:
    """The same for a text that may be no unit at all: only listed spellings and units of common atoms.

    It is never read by the whole grammar of UCUM, which takes seconds to load.

    >>> usual("ng/mL"), usual("y/n"), usual("max")
    ('ng/ml', None, None)
    """
    return _meant(unit_text, lambda form: _exact(form) is not None)


def _meant(unit_text: str, known: Callable[[str], bool]) -> str | None:
    text = " ".join(unit_text.split())
    if not text or (text.isdecimal() and text != "1"):
        return None
    bare = text if _bare(text) == "1" else _bare(text)
    respelled = _respelled(bare)
    listed = _listed(text) or _listed(bare) or _listed(respelled)
    forms = (respelled, respelled.lower()) if len(respelled) > 1 else (respelled,)
    return listed or next((form for form in forms if known(form)), None)
