"""Rules that say, from its datatype, name and unit, what a data element is: its kind of value, its unit, its record.

The names of caDSR follow ISO/IEC 11179-5: object, property, and last the representation term (*Value*, *Date* …).
Where a rule errs, ``ontology/elements.tsv`` decides for the one element.
"""

from __future__ import annotations

import re
from enum import StrEnum

__all__ = ["Makes", "ValueType", "makes_of", "unit_of", "value_type_of"]


class ValueType(StrEnum):
    """What kind of value an element takes."""

    CODE = "code"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    TEXT = "text"


class Makes(StrEnum):
    """The kind of record that a value of an element makes, or the part that it plays in one."""

    FINDING = "finding"
    MEASUREMENT = "measurement"
    RESPONSE = "response"
    OUTCOME = "outcome"
    TREATMENT = "treatment"
    EVENT = "event"
    DATE = "date"
    """It dates the other values of its row."""
    SUBJECT = "subject"
    """It names the subject."""
    IDENTIFYING = "identifying"
    """It may identify a person, and never comes in."""
    ADMINISTRATIVE = "administrative"
    """It says something of the study, the form or a file, not of the subject."""


def _pattern(words: str) -> re.Pattern[str]:
    return re.compile(rf"\b(?:{words})\b", re.IGNORECASE)


DATATYPES: tuple[tuple[re.Pattern[str], ValueType], ...] = (
    (re.compile(r"enum", re.IGNORECASE), ValueType.CODE),
    (re.compile(r"bool|^ISO21090BL|\.BL\.", re.IGNORECASE), ValueType.BOOLEAN),
    (re.compile(r"date.?/?.?time|timestamp|ISO21090\.?TS|dateTime", re.IGNORECASE), ValueType.DATETIME),
    (re.compile(r"date", re.IGNORECASE), ValueType.DATE),
    (re.compile(r"^time|^HL7TM", re.IGNORECASE), ValueType.TIME),
    (re.compile(r"\b(?:integer|long|short|byte|int)\b|ISO21090\.?INT", re.IGNORECASE), ValueType.INTEGER),
    (
        re.compile(r"number|(?<!alpha)numeric|double|float|decimal|ISO21090\.?(?:REAL|PQ)", re.IGNORECASE),
        ValueType.NUMBER,
    ),
    (re.compile(r"ISO21090\.?(?:CD|CE|DSET)", re.IGNORECASE), ValueType.CODE),
)

ENDINGS: tuple[tuple[re.Pattern[str], ValueType], ...] = (
    (re.compile(r"\bDate/Time$|\bDate and Time$", re.IGNORECASE), ValueType.DATETIME),
    (re.compile(r"\bDate(?:\s*\S)?$", re.IGNORECASE), ValueType.DATE),
    (re.compile(r"\b(?:Integer|Count|Year)$|^Year of\b", re.IGNORECASE), ValueType.INTEGER),
    (re.compile(r"\bAge(?: at \w+)?$", re.IGNORECASE), ValueType.NUMBER),
    (
        re.compile(r"\b(?:Value|Measurement|Number|Percentage|Float|Rate|Quantity|Dose)$", re.IGNORECASE),
        ValueType.NUMBER,
    ),
    (re.compile(r"^Lab, ", re.IGNORECASE), ValueType.NUMBER),
    (
        re.compile(
            r"\b(?:Type|Category|Code|Status|Stage|Grade|Indicator|Ind|Ind-3|Laterality"
            r"|Classification|Scale|Response|Outcome)$",
            re.IGNORECASE,
        ),
        ValueType.CODE,
    ),
)


def value_type_of(datatype: str, name: str, *, enumerated: bool) -> ValueType:
    """The kind of value: enumerated values are codes, else the registry's datatype decides, else the name's end.

    A registry calls many numbers CHARACTER, so a name that ends as a number does counts more than that.

    >>> value_type_of("java.lang.Integer", "", enumerated=False)
    <ValueType.INTEGER: 'integer'>
    >>> value_type_of("", "Person Cigarette Smoking History Pack Year Value", enumerated=False)
    <ValueType.NUMBER: 'number'>
    """
    by_datatype = next((kind for pattern, kind in DATATYPES if pattern.search(datatype)), None)
    by_name = next((kind for pattern, kind in ENDINGS if pattern.search(name)), None)
    if enumerated and by_datatype not in (ValueType.NUMBER, ValueType.INTEGER):
        return ValueType.CODE
    return by_datatype or by_name or ValueType.TEXT


UNITS: tuple[tuple[re.Pattern[str], str], ...] = (
    (_pattern("Pack Year"), "{pack_year}"),
    (_pattern("Square Centimeters?"), "cm2"),
    (_pattern("Milligrams? per Milliliter"), "mg/ml"),
    (_pattern(r"Percent|Percentage"), "%"),
    (_pattern(r"Calculated Day Value|Day Count|Day Value|Days Value"), "d"),
    (_pattern(r"Millimeters?|in Millimeter\(s\)"), "mm"),
    (_pattern("Centimeters?"), "cm"),
    (_pattern("Milligrams?"), "mg"),
    (_pattern("Kilograms?"), "kg"),
    (_pattern("Milliliters?"), "ml"),
    (_pattern("Celsius"), "Cel"),
    (_pattern("Minutes? (?:Time|Count|Value)"), "min"),
    (_pattern("Years? (?:Count|Number|Value)|in Derived Years|in Years"), "a"),
)


def unit_of(name: str) -> str | None:
    """The UCUM code that an element's name states, None where it states none.

    >>> unit_of("Patient Diagnosis Age Day Value")
    'd'
    """
    if re.search(r"\b(?:Birth|Death|Started|Stopped|Diagnosis) (?:Date )?Year\b|\bYear (?:Birth|Death|of)\b", name):
        return None  # a calendar year is not a span of years
    return next((unit for pattern, unit in UNITS if pattern.search(name)), None)


DATES = frozenset({ValueType.DATE, ValueType.DATETIME, ValueType.TIME})
NUMBERS = frozenset({ValueType.NUMBER, ValueType.INTEGER})

IDENTIFYING = _pattern(
    r"(?:First|Given|Middle|Family|Last|Maiden|Full Formatted|Person Other) ?/?\w* Name|Initials|Birth Date"
    r"|Social Security|Telephone|Phone|Fax|Email|E-mail|Postal|ZIP|Street|Street Address|Address|Hospital Number"
    r"|Medical Record Number|ORCID|Name Prefix"
)
SUBJECT = _pattern(r"Patient ID|(?:Subject|Patient|Participant|Person) (?:\w+ )?Identifi(?:er|cation)(?: Number)?")
ADMINISTRATIVE = _pattern(
    r"Protocol|Study (?:Name|Short|Research|Subject|Administration|Protocol)|File|Software|Institution\S*"
    r"|Participating Group|Program|Publication|Funding|Grant|Form|Completed By|Date Completed|Registry"
    r"|Identifier|Accession|Electronic|Version Type|Comment|Interval Report|Affiliation"
)
OUTCOME = _pattern(
    r"(?:Last Communication Contact|Last Known Alive|Death|Progression|Recurrence|Relapse|Follow-up)"
    r"\b.*\bDay (?:Value|Count)|Survival"
    r"|End Point Event Occurrence"
)
RESPONSE = _pattern(
    r"(?:Best|Disease|Tumor|Target Lesion|Treatment|Overall|Objective) Response|Response Assessment|Treatment Outcome"
)
TREATED = _pattern(
    r"Therapy|Therapeutic|Treatment|Regimen|Chemotherapy|Agent|Dose|Radiation|Course Number|Hormonal"
    r"|Immunotherapy|Surgery"
)
NOT_TREATMENT = _pattern(r"Indicator|Ind|Ind-3|Diagnosis|Neoplasm Event|Location|Adverse Event|Toxicity")
EVENT = _pattern(
    r"Diagnosis|Surgery|Procedure|Recurrence|Progression|Metastasis|Relapse|Registration|Enrollment|Randomization"
    r"|Last Known Alive|Last Contact|Adverse Event|Death|Transplantation"
)
SPAN = _pattern(r"Start|Begin|End|Stop|From|To|First|Last")


def makes_of(name: str, value_type: ValueType) -> Makes:
    """The kind of record that an element makes; the first rule that holds decides.

    >>> makes_of("Karnofsky Performance Status Score", ValueType.NUMBER)
    <Makes.MEASUREMENT: 'measurement'>
    >>> makes_of("Best Response Assessment Type", ValueType.CODE)
    <Makes.RESPONSE: 'response'>
    """
    dated, counted = value_type in DATES, value_type in NUMBERS
    treated = bool(TREATED.search(name)) and not NOT_TREATMENT.search(name)
    rules: tuple[tuple[bool, Makes], ...] = (
        (bool(IDENTIFYING.search(name)), Makes.IDENTIFYING),
        (bool(SUBJECT.search(name)), Makes.SUBJECT),
        (bool(ADMINISTRATIVE.search(name)), Makes.ADMINISTRATIVE),
        (dated and treated, Makes.TREATMENT),
        (dated and bool(EVENT.search(name)) and "Assessment" not in name, Makes.EVENT),
        (dated, Makes.DATE),
        (counted and bool(OUTCOME.search(name)), Makes.OUTCOME),
        (bool(RESPONSE.search(name)) and not counted, Makes.RESPONSE),
        (treated, Makes.TREATMENT),
        (counted, Makes.MEASUREMENT),
    )
    return next((kind for holds, kind in rules if holds), Makes.FINDING)
