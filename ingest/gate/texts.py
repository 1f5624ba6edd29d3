"""Texts that somebody typed: free text, of which each value is approved once, and what of other texts is looked at."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from ingest.gate.forms import FREE, TECHNICAL, identifier_in
from ingest.gate.tables import IDENTIFIERS
from ontology.fields import dicom_attributes

__all__ = ["FREE_TEXT", "TEXTS", "WANTED", "text_asked", "text_flaw"]

WANTED: Final = "a text that identifies nobody, or a steward's word for it"
"""What would be right where a steward is asked about a text."""

FREE_TEXT: Final = frozenset(keyword for keyword, attribute in dicom_attributes().items() if attribute.free_text)
TEXTS: Final = frozenset({*FREE_TEXT, "StudyDescription"})
"""Descriptions, comments and names of protocols: free text, of which each value is approved once."""

NUMBERS: Final = {"ClinicalTrialSiteID": re.compile(r"[0-9]{1,8}")}
"""Attributes that hold numbers of something else than persons, and the form of those; archives number sites so."""

DIGITS: Final = re.compile(r"(?<!\d)\d{6,}(?!\d)")
LABEL: Final = re.compile(
    r"\b(?:MRN|PID|SSN|ID|ACC(?:ESSION)?|CHART|NHS)\b ?(?:no|nr|number)?[ .:#=]*[A-Z]{0,3}\d{2,}", re.IGNORECASE
)
FORMS: Final = tuple((kind.called, re.compile(kind.cell, re.IGNORECASE)) for kind in IDENTIFIERS if kind.cell)


@lru_cache(maxsize=1 << 14)
def text_flaw(keyword: str, text: str) -> str | None:
    """What kind of identifier a text of a header seems to hold, or None.

    What is no attribute of DICOM, such as the label of a region, is free text.

    >>> text_flaw("SeriesDescription", "call 555-010-0142"), text_flaw("SoftwareVersions", "VB17A 20140312")
    ('a telephone number', None)
    """
    if not _is_free(keyword):
        return identifier_in(text, TECHNICAL)
    if keyword in NUMBERS and NUMBERS[keyword].fullmatch(text):
        return None
    if found := identifier_in(text, FREE):
        return found
    if LABEL.search(text):
        return "a labelled number"
    if DIGITS.search(text):
        return "a number of six digits or more"
    return next((called for called, form in FORMS if form.search(text)), None)


def text_asked(keyword: str, text: str) -> str | None:
    """What a steward is asked about a text before it is shown, or None."""
    if found := text_flaw(keyword, text):
        return f"looks like {found}"
    return "is a text that nobody has approved" if _is_free(keyword) else None


def _is_free(keyword: str) -> bool:
    return keyword in TEXTS or keyword not in dicom_attributes()
