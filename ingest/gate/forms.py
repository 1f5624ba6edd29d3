"""The forms of identifiers in texts: names as DICOM writes them, addresses, telephone and other numbers, dates."""

from __future__ import annotations

import re
from functools import lru_cache

__all__ = ["CODED", "DESCRIBING", "FREE", "GIVEN_NAMES", "HARMLESS", "NAMING", "PATTERNS", "TECHNICAL", "identifier_in"]

MONTHS = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*"
YEAR = r"(?:18|19|20)\d\d"
DAY = r"(?:0?[1-9]|[12]\d|3[01])"
MONTH = r"(?:0?[1-9]|1[0-2])"
NTH = rf"{DAY}(?:st|nd|rd|th)?"
SPELT = rf"\b{NTH}[-. ]+{MONTHS}[-., ]+{YEAR}\b|\b{MONTHS}[. ]+{NTH},? +{YEAR}\b"

GIVEN_NAMES = """
Aaron Adam Alan Albert Alexander Alice Amanda Amy Andrea Andrew Angela Ann Anna Anne Anthony Arthur Ashley Barbara
Benjamin Betty Beverly Brandon Brenda Brian Bruce Carl Carol Carolyn Catherine Charles Cheryl Christina Christine
Christopher Cynthia Daniel David Deborah Debra Denise Dennis Diana Diane Donald Donna Dorothy Douglas Edward Elizabeth
Emily Emma Eric Ethan Eugene Evelyn Frances Frank Gary George Gerald Gloria Gregory Hannah Harold Heather Helen Henry
Jack Jacob Jacqueline James Jane Janet Janice Jason Jean Jeffrey Jennifer Jeremy Jessica Joan Joe John Jonathan Jose
Joseph Joshua Joyce Juan Judith Judy Julia Julie Justin Karen Katherine Kathleen Kathryn Keith Kelly Kenneth Kevin
Kimberly Larry Laura Lauren Lawrence Linda Lisa Louis Margaret Maria Marie Marilyn Martha Martin Mary Matthew Megan
Melissa Michael Michelle Nancy Nathan Nicholas Nicole Olivia Pamela Patricia Patrick Paul Peter Philip Rachel Ralph
Raymond Rebecca Richard Robert Roger Ronald Roy Russell Ruth Ryan Samantha Samuel Sandra Sara Sarah Scott Sean Sharon
Shirley Sophia Stephanie Stephen Steven Susan Teresa Theresa Thomas Timothy Tyler Victoria Vincent Virginia Walter
Wayne William Zachary
""".split()  # noqa: SIM905 - a list of two hundred strings is no better to read
"""Frequent given names of the United States (census and birth statistics): with a second word they read as a person."""

NAMED = (
    rf"(?-i:\b(?:{'|'.join(GIVEN_NAMES)})\b,? (?:[A-Z]\. )?[A-Z][a-z]{{2,}}"
    rf"|\b[A-Z][a-z]{{2,}}, (?:{'|'.join(GIVEN_NAMES)})\b|\b(?:Mr|Mrs|Ms|Dr|Prof)\.? [A-Z][a-z]+)"
)

PATTERNS: dict[str, tuple[str, str]] = {
    "person": ("a person's name in DICOM form", r"[^\W\d_]{2,}\^+[^\W\d_]"),
    "named": ("a person's name", NAMED),
    "number": ("a labelled number", r"\b(?:MRN|SSN|PID|NHS|CHART)\b ?(?:no|nr|number)?[ .:#=]*[A-Z]{0,3}\d{3,}"),
    # but for the address of a repository of software, which dcmqi states as a device's model
    "mail": ("an e-mail address", r"(?<![\w.+-])(?!git@[\w.-]+:)[\w.+-]+@[\w-]+\.[a-z]{2,}"),
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
CODED = ("person", "named", "number", "mail", "security", "phone", "date")
"""For code triplets, whose meaning somebody typed where the scheme is private."""
TECHNICAL = ("person", "named", "mail", "security", "phone")
"""For names of software, devices and settings, where a date is that of a version."""
NAMING = ("person", "mail", "security", "date")
"""For identifiers of subjects and lesions, where runs of digits are common."""

HARMLESS = re.compile(r"[<>=~+-]{0,2}\d{0,9}(?:[.,]\d*)?(?:[eE][-+]?\d+)? ?(?:[^\W\d_][^\W_]{0,11})?(?:/[^\W_]{1,6})?")
"""Single words, and numbers with or without a unit: most texts of records, and quick to tell.

A word begins with a letter: two groups of digits may be a telephone number.
"""

COMPILED = {name: re.compile(expression, re.IGNORECASE) for name, (_, expression) in PATTERNS.items()}


@lru_cache(maxsize=1 << 16)
def identifier_in(text: str, kinds: tuple[str, ...] = FREE) -> str | None:
    """What kind of identifier a text holds, or None.

    >>> identifier_in("born 1961-03-12"), identifier_in("42 mm"), identifier_in("v2021.03.12", TECHNICAL)
    ('a calendar date', None, None)
    """
    return next((PATTERNS[kind][0] for kind in kinds if COMPILED[kind].search(text)), None)
