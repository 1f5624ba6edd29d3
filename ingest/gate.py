"""The gate between readers and the record log: what may identify a person does not come in.

`admit` judges every record of every source. A reader that sees more than its records show asks earlier: the header of
a DICOM file is judged by `ingest.gate_dicom` before anything is taken from it. Both name the place of what they refuse,
never the value. What is checked, and what is not yet, is listed in ``docs/deidentification.md``.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields, replace
from decimal import Decimal
from functools import lru_cache
from typing import Any

from ingest.base import Context
from ontology import records
from ontology.fields import dicom_attributes
from ontology.records import Measurement, Record, Reject, Series, SeriesHeader, Study, StudyHeader
from ontology.terms import ncit

__all__ = ["DESCRIBING", "FREE_TEXT", "NAMING", "OLDEST", "TECHNICAL", "admit", "bare", "identifier_in"]


MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
YEAR = r"(?:18|19|20)\d\d"
DAY = r"(?:0?[1-9]|[12]\d|3[01])"
MONTH = r"(?:0?[1-9]|1[0-2])"
NTH = rf"{DAY}(?:st|nd|rd|th)?"
SPELT = rf"\b{NTH}[-. ]+{MONTHS}[-., ]+{YEAR}\b|\b{MONTHS}[. ]+{NTH},? +{YEAR}\b"

PATTERNS: dict[str, tuple[str, str]] = {
    "person": ("a person's name in DICOM form", r"[^\W\d_]{2,}\^+[^\W\d_]"),
    "mail": ("an e-mail address", r"[\w.+-]+@[\w-]+\.[a-z]{2,}"),
    "security": ("a social security number", r"(?<![\d.-])\d{3}-\d{2}-\d{4}(?![\d-])"),
    "phone": (
        "a telephone number",
        r"(?<![\d.])(?:\(\d{3}\) ?\d{3}[ -]\d{4}|\d{3}-\d{3}-\d{4}|\+\d{1,3}[ -]\(?\d{1,4}\)?[ -]?\d{3}[\d -]*)(?!\d)",
    ),
    "date": (
        "a calendar date",
        rf"(?<![\d.])(?:{YEAR}([-/.]){MONTH}\1{DAY}|{DAY}([-/.]){DAY}\2{YEAR})(?![\d.]*\d)|{SPELT}",
    ),
}
"""Name to what it is called in a reject, and the expression that finds it."""

FREE = ("person", "mail", "security", "phone", "date")
DESCRIBING = ("mail", "security", "phone", "date")
"""For descriptions of studies and series, where ``^`` joins region and protocol (``Head^Routine``), not names."""
TECHNICAL = ("person", "mail", "security", "phone")
"""For names of software, devices and settings, where a date is that of a version."""
NAMING = ("person", "mail", "security", "date")
"""For identifiers of subjects and lesions, where runs of digits are common."""

HARMLESS = re.compile(r"[<>=~+-]{0,2}\d{0,9}(?:[.,]\d*)?(?:[eE][-+]?\d+)? ?[^\W_]{0,12}(?:/[^\W_]{1,6})?")
"""Single words, and numbers with or without a unit: most texts of records, and quick to tell."""

COMPILED = {name: re.compile(expression, re.IGNORECASE) for name, (_, expression) in PATTERNS.items()}


@lru_cache(maxsize=1 << 16)
def identifier_in(text: str, kinds: tuple[str, ...] = FREE) -> str | None:
    """What kind of identifier a text holds, or None.

    >>> identifier_in("born 1961-03-12"), identifier_in("42 mm"), identifier_in("v2021.03.12", TECHNICAL)
    ('a calendar date', None, None)
    """
    return next((PATTERNS[kind][0] for kind in kinds if COMPILED[kind].search(text)), None)


KINDS_BY_FIELD: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(("raw", "value", "visit_label", "regimen", "raw_code", "dose_unit", "unit"), FREE),
    **dict.fromkeys(("software", "version"), TECHNICAL),
    "description": DESCRIBING,
    "settings": ("mail", "security", "phone"),
    **dict.fromkeys(("subject", "label", "lesion", "reader"), NAMING),
}
"""The text fields that a source fills, by name; concepts, UIDs, keys and numbers cannot hold a name."""

UID = re.compile(r"[0-9]+(\.[0-9]+)*")

OLDEST = 90
AGES = frozenset({ncit.AGE, ncit.AGE_AT_DIAGNOSIS})
FREE_TEXT = frozenset(keyword for keyword, attribute in dicom_attributes().items() if attribute.free_text)


def _text_fields(kind: type[Record]) -> tuple[tuple[str, tuple[str, ...]], ...]:
    named = [field.name for field in fields(kind)] + (["key"] if kind is records.Reader else [])
    table = {**KINDS_BY_FIELD, "key": NAMING} if kind in (records.Reader, records.Lesion) else KINDS_BY_FIELD
    return tuple((name, table[name]) for name in dict.fromkeys(named) if name in table)


CHECKED: dict[type[Record], tuple[tuple[str, tuple[str, ...]], ...]] = {
    kind: _text_fields(kind)
    for kind in vars(records).values()
    if isinstance(kind, type) and issubclass(kind, Record) and kind is not records.CollectionFacts
}
"""The fields that are checked, by record type; the facts of a collection are published text about no single person."""


def admit(record: Record, context: Context) -> Record | Reject:
    """A record as it may be stored, or a reject that names the field where it may identify a person.

    Free text of headers is dropped unless the collection's owner has attested de-identification, and ages of 90 and
    above become the bound 90 (45 CFR 164.514(b)(2)(i)(C)). What an archive has published and reviewed is not searched
    again for what looks like an identifier: `git@github.com:…` is the name of a device there.
    """
    if isinstance(record, Study | Series) and not (len(record.uid) <= 64 and UID.fullmatch(record.uid)):
        wanted = "at most 64 characters of digits and dots (PS3.5 section 9)"
        return Reject(name=type(record).__name__, place="UID", problem="not a DICOM UID", wanted=wanted)
    tailor = TAILORS.get(type(record))
    if tailor is not None:
        record = tailor(record, context)
    if context.reviewed:
        return record
    for name, kinds in CHECKED.get(type(record), ()):
        text = getattr(record, name)
        if isinstance(text, str) and not HARMLESS.fullmatch(text) and (found := identifier_in(text, kinds)):
            return _refused(record, name, found)
    if isinstance(record, SeriesHeader):
        for keyword, value in record.attributes.items():
            kinds = DESCRIBING if keyword in FREE_TEXT else TECHNICAL
            for text in value if isinstance(value, tuple) else (value,):
                if isinstance(text, str) and (found := identifier_in(text, kinds)):
                    return _refused(record, f"{dicom_attributes()[keyword].tag} {keyword}", found)
    return record


def bare(record: Record) -> Record | None:
    """An identity record without what describes it, so that what refers to it keeps it; None for other records."""
    describing = DESCRIPTIONS.get(type(record))
    return replace(record, **dict.fromkeys(describing)) if describing else None


DESCRIPTIONS: dict[type[Record], tuple[str, ...]] = {
    records.Lesion: ("label",),
    records.Procedure: ("software", "version", "settings"),
}
"""The fields of identity records that say what the node is called and are no part of its identity."""


def _refused(record: Record, place: str, found: str) -> Reject:
    key = getattr(record, "key", None)
    within = f"record {key}, " if isinstance(key, str) and not identifier_in(key) else ""
    return Reject(
        name=type(record).__name__,
        place=f"{within}{place}",
        problem=f"looks like {found}",
        wanted="a value that identifies nobody",
        quarantine=True,
    )


def _series_header(record: Any, context: Context) -> Record:
    kept: SeriesHeader = record
    if context.attested or not FREE_TEXT & kept.attributes.keys():
        return kept
    return replace(kept, attributes={k: v for k, v in kept.attributes.items() if k not in FREE_TEXT})


def _study_header(record: Any, context: Context) -> Record:
    kept: StudyHeader = record
    return kept if context.attested or kept.description is None else replace(kept, description=None)


def _measurement(record: Any, _context: Context) -> Record:
    kept: Measurement = record
    if kept.variable not in AGES or isinstance(kept.value, str | bool):
        return kept
    bounds = [bound for bound in (kept.value, kept.low, kept.high) if bound is not None]
    if all(bound < OLDEST for bound in bounds) or (kept.value is None and kept.raw == f"{OLDEST}+"):
        return kept
    return replace(kept, value=None, low=Decimal(OLDEST), high=None, raw=f"{OLDEST}+")


TAILORS: dict[type[Record], Callable[[Any, Context], Record]] = {
    SeriesHeader: _series_header,
    StudyHeader: _study_header,
    Measurement: _measurement,
}
