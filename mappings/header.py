"""What the text of a header says besides the name: a unit, a coding of the cells, the number of a data element."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from mappings.shape import plain
from ontology.prefixes import Curie
from ontology.units import usual

__all__ = ["Header", "choices", "element_of", "header"]

ELEMENT = re.compile(
    r"\b(?:CDE|caDSR)(?:[\s_]*(?:ID|public[\s_]*id))?\s*[:=#_]?\s*(\d{1,9})(?:\s*v\s*(\d+(?:[._]\d+)?))?\b",
    re.IGNORECASE,
)
"""``CDE:58204v3``, ``CDE_ID:3104937``, ``caDSR 2200604``."""

BRACKETED = re.compile(r"[(\[]([^()\[\]]{1,60})[)\]]")
AFTER_COMMA = re.compile(r",\s*(?:in\s+)?([A-Za-z%/0-9^*. ]{1,12})$")
IN_UNIT = re.compile(r"\bin\s+([A-Za-z%/]{1,12})$", re.IGNORECASE)
TRAILING = re.compile(
    r"(?:^|[\s_.])(pack[\s_-]?years?|years?|yrs?|months?|mos?|weeks?|wks?|days?|kg|cm|mm|cc|mm3|cm3|percent|pct|gy|cgy|hours?|hrs)$",
    re.IGNORECASE,
)
"""Units at the end of a name. ``HR`` alone is a hormone receptor, a heart rate or a hazard ratio, so no hour."""
INSIDE = re.compile(r"[_.](days|months|weeks|kg|cm|mm|percent)(?=[_.])|^(days|months|weeks)(?=[_.])", re.IGNORECASE)
PAIR = re.compile(r"\s*['\"]?(-?[\w.+]{1,12}?)['\"]?\s*(?:=|:|\)|\s[-\u2013]\s)\s*(.+?)\s*", re.DOTALL)
SPLIT = re.compile(r"\s*(?:\||;|\n|,(?=\s*['\"]?-?[\w.+]{1,4}['\"]?\s*[=:]))\s*")


@dataclass(frozen=True, slots=True)
class Header:
    """A column's name as the table gives it, and what it says.

    ``name`` is the text without unit, coding and code; ``unit`` a UCUM code; ``choices`` meanings by cell.
    """

    text: str
    name: str
    unit: str | None = None
    unit_text: str = ""
    choices: Mapping[str, str] = field(default_factory=dict)
    element: Curie | None = None
    version: str | None = None


def header(text: str) -> Header:
    """What a header says.

    >>> said = header("Sex (1=male, 2=female)")
    >>> said.name, said.choices
    ('Sex', {'1': 'male', '2': 'female'})
    >>> header("weight (kg)").unit, header("PFS, months").unit, header("os_days").unit, header("AIF (mM)").unit
    ('kg', 'mo', 'd', 'mmol/l')
    >>> header("Hemoglobin CDE:58204v3").element
    'cadsr:58204'
    """
    whole = plain(text)
    element, version = element_of(whole)
    name = ELEMENT.sub(" ", whole) if element else whole
    coded: Mapping[str, str] = {}
    unit, unit_text = None, ""
    for found in BRACKETED.finditer(name):
        said = choices(found[1])
        if len(said) > 1:
            coded, name = said, name.replace(found[0], " ")
        elif unit is None and (code := _unit(found[1])):
            unit, unit_text, name = code, found[1].strip(), name.replace(found[0], " ")
    if unit is None:
        unit, unit_text = _loose_unit(name)
    name = plain(name).strip(" ,:;*") or whole
    return Header(whole, name, unit, unit_text, coded, element, version)


def _unit(text: str) -> str | None:
    """The UCUM code of a bracket; a single letter only where it is a usual one (``(m)``, ``(Y)``, ``(%)``)."""
    text = text.strip()
    if molar := re.fullmatch("([munp]?)M", text):
        return f"{molar[1]}mol/l"
    return usual(text) if len(text) > 1 or text in {"m", "g", "l", "L", "d", "y", "Y", "h", "s", "%"} else None


def _loose_unit(name: str) -> tuple[str | None, str]:
    """A unit that stands without brackets: after a comma, after *in*, at the end, or as a word of the name."""
    for pattern in (AFTER_COMMA, IN_UNIT, TRAILING, INSIDE):
        if (found := pattern.search(name)) and (
            code := usual((text := found[found.lastindex or 1].strip()).lower().replace("_", " "))
        ):
            return code, text
    return ("%", "%") if re.search(r"%\s*$|%\s+pred", name) else (None, "")


def element_of(text: str) -> tuple[Curie | None, str | None]:
    """The data element that a text names, with its version if given.

    >>> element_of("CDE_ID:3104937"), element_of("CDE:58204v3"), element_of("CDE_ID:")
    (('cadsr:3104937', None), ('cadsr:58204', '3'), (None, None))
    """
    found = ELEMENT.search(text)
    return (
        (Curie(f"cadsr:{int(found[1])}"), found[2].replace("_", ".") if found[2] else None) if found else (None, None)
    )


def choices(text: str) -> dict[str, str]:
    """Meanings by cell of a coding that is written in one text; empty where it is none.

    >>> choices("1 - Male | 2 - Female"), choices("0=No"), choices("character")
    ({'1': 'Male', '2': 'Female'}, {'0': 'No'}, {})
    """
    said: dict[str, str] = {}
    for item in SPLIT.split(text.strip()):
        pair = PAIR.fullmatch(item)
        if pair is None:
            if said and item:
                # a meaning that runs on in the next line
                last = next(reversed(said))
                said[last] = plain(f"{said[last]} {item}")
                continue
            return {}
        said.setdefault(pair[1], plain(pair[2]))
    return said
