"""The gate before a DICOM header: what PS3.15 Annex E removes, as far as it shows in single attributes.

`header_flaw` is asked by the reader, since it alone sees the attributes that are never stored: names, addresses, the
birth date, and whether the file says that it was de-identified.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

from ingest.dicom_concepts import words_of
from ingest.dicom_header import Elements, place_of
from ingest.gate import DESCRIBING, FREE_TEXT, NAMING, TECHNICAL, identifier_in
from ontology.fields import dicom_attributes

__all__ = ["HEADER_CHECKS", "HEADER_KEYWORDS", "Flaw", "header_flaw"]


class Flaw(NamedTuple):
    """Why a header is refused: the attribute, what is wrong with it, what would be right; never the value."""

    place: str
    problem: str
    wanted: str
    releasable: bool = False
    """Whether a steward may answer for the file: what the check looks at is a mark, or is never stored anyway."""


DUMMY_NAMES = {
    "anon", "anonym", "anonymous", "anonymized", "anonymised", "deidentified", "de identified", "dummy", "no name",
    "none", "not available", "null", "patient", "phantom", "removed", "research", "subject", "test", "unknown",
    "unspecified", "xxx", "xxxx",
}  # fmt: skip
DUMMY_BIRTHDAYS = {"00010101", "11111111", "17000101", "18000101", "19000101", "99991231"}

NAMES = (
    "ContentCreatorName",
    "NameOfPhysiciansReadingStudy",
    "OperatorsName",
    "OtherPatientNames",
    "PatientBirthName",
    "PatientMotherBirthName",
    "PerformingPhysicianName",
    "PhysiciansOfRecord",
    "ReferringPhysicianName",
    "RequestingPhysician",
    "ResponsiblePerson",
    "ReviewerName",
    "ScheduledPerformingPhysicianName",
)
CONTACTS = (
    "InstitutionAddress",
    "PatientAddress",
    "PatientTelephoneNumbers",
    "ReferringPhysicianAddress",
    "ReferringPhysicianTelephoneNumbers",
)
TEXTS = {
    **{name: TECHNICAL for name, attribute in dicom_attributes().items() if attribute.vr in ("LO", "SH")},
    **dict.fromkeys((*FREE_TEXT, "StudyDescription"), DESCRIBING),
}
"""Text that somebody typed, and the patterns of identifiers that it is searched for."""
METHODS = ("DeidentificationMethod", "DeidentificationMethodCodeSequence")

HEADER_KEYWORDS = frozenset(
    {"PatientID", "PatientName", "PatientBirthDate", "PatientIdentityRemoved", "BurnedInAnnotation", "OtherPatientIDs"}
).union(METHODS, NAMES, CONTACTS, TEXTS)
"""The attributes that `header_flaw` looks at."""


def person_like(text: str) -> bool:
    """Whether a PN value reads as a person's name: two words of letters, or a family name of letters before ``^``.

    >>> person_like("DOE^JANE"), person_like("Jane Doe"), person_like("LUNG1-001"), person_like("06^Breast-MR")
    (True, True, False, False)
    """
    words = [word for word in re.split(r"[\^=\s,]+", text) if re.fullmatch(r"[^\W\d_](?:[^\W\d_]|['.-])*", word)]
    family = text.split("^", 1)[0]
    digits = any(character.isdigit() for character in text)
    return len(words) >= 2 or ("^" in text and not digits and family.strip() in words)


def is_dummy(text: str) -> bool:
    """Whether a name says that there is none: ``Anonymous``, ``----``, nothing."""
    words = words_of(text)
    return words in DUMMY_NAMES or not any(character.isalpha() for character in text)


def _patient_name(header: Elements, _attested: bool) -> Flaw | None:
    name, identifier = header.text("PatientName"), header.text("PatientID")
    doubtful = person_like(name) and not is_dummy(name) and (name != identifier or "^" in name)
    return _asked("PatientName", "looks like a person's name", "nothing, or the Patient ID") if doubtful else None


def _patient_id(header: Elements, _attested: bool) -> Flaw | None:
    found = identifier_in(header.text("PatientID"), NAMING)
    return _flaw("PatientID", f"looks like {found}", "the subject's code within the collection") if found else None


def _birth_date(header: Elements, attested: bool) -> Flaw | None:
    born = header.text("PatientBirthDate").replace(".", "")
    doubtful = bool(born) and born not in DUMMY_BIRTHDAYS and not attested
    return _flaw("PatientBirthDate", "holds a date", "no date, or the owner's attestation") if doubtful else None


def _other_names(header: Elements, attested: bool) -> Flaw | None:
    for keyword in NAMES:
        for name in map(str, header.values.get(keyword, ())):
            coded = any(character.isdigit() for character in name) and not person_like(name)
            if not (is_dummy(name) or coded) and (person_like(name) or not attested):
                return _flaw(keyword, "holds a name", "nothing, or a code")
    return None


def _contacts(header: Elements, _attested: bool) -> Flaw | None:
    filled = (keyword for keyword in CONTACTS if _filled(header, keyword))
    return next((_flaw(keyword, "holds a value", "nothing") for keyword in filled), None)


def _other_identifiers(header: Elements, attested: bool) -> Flaw | None:
    doubtful = not attested and _filled(header, "OtherPatientIDs")
    return _flaw("OtherPatientIDs", "holds a value", "nothing, or the owner's attestation") if doubtful else None


def _filled(header: Elements, keyword: str) -> bool:
    """Whether an attribute holds more than punctuation or a word for nothing."""
    texts = map(str, header.values.get(keyword, ()))
    return any(any(map(str.isalnum, text)) and words_of(text) not in DUMMY_NAMES for text in texts)


def _burned_in(header: Elements, _attested: bool) -> Flaw | None:
    burned = header.text("BurnedInAnnotation").upper() == "YES"
    return _asked("BurnedInAnnotation", "is YES: the pixels hold text", "NO, after cleaning") if burned else None


def _marked(header: Elements, attested: bool) -> Flaw | None:
    if attested:
        return None
    if header.text("PatientIdentityRemoved").upper() != "YES":
        return _asked("PatientIdentityRemoved", "is not YES", "YES (PS3.15 Annex E), or the owner's attestation")
    if not any(header.values.get(method) or header.items.get(method) for method in METHODS):
        return _asked(METHODS[0], "is missing, and so is its code sequence", "the method, or the owner's attestation")
    return None


def _texts(header: Elements, _attested: bool) -> Flaw | None:
    for keyword, kinds in TEXTS.items():
        for text in header.values.get(keyword, ()):
            if isinstance(text, str) and (found := identifier_in(text, kinds)):
                return _flaw(keyword, f"looks like {found}", "a description that identifies nobody")
    return None


def _flaw(keyword: str, problem: str, wanted: str) -> Flaw:
    return Flaw(place_of(keyword), problem, wanted)


def _asked(keyword: str, problem: str, wanted: str) -> Flaw:
    """A flaw that a person may look at and answer for: the name of a phantom, a mark that is missing."""
    return Flaw(place_of(keyword), problem, wanted, releasable=True)


HEADER_CHECKS: tuple[Callable[[Elements, bool], Flaw | None], ...] = (
    _patient_name,
    _patient_id,
    _birth_date,
    _other_names,
    _contacts,
    _other_identifiers,
    _burned_in,
    _texts,
    _marked,
)
"""In this order, so that a planted name is told even where the file is also unmarked."""


def header_flaw(
    header: Elements, *, attested: bool, released: Callable[[str], bool] = lambda _place: False
) -> Flaw | None:
    """Why a DICOM header may not come in, or None (PS3.15 Annex E; first part of its table).

    ``released(place)`` says whether a steward answers for what this header has there; identifying values are not asked.
    """
    found = (flaw for check in HEADER_CHECKS if (flaw := check(header, attested)))
    return next((flaw for flaw in found if not (flaw.releasable and released(flaw.place))), None)
