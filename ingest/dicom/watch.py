"""Where a DICOM data set can name a person, by attribute and at any depth (PS3.15 Annex E, Table E.1-1).

The header's reader collects what stands there, so that the gate can judge it; none of it is ever stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import tag_for_keyword

from ingest.dicom.elements import Elements, Watched
from ontology.records import Scalar

__all__ = [
    "CONTENTS",
    "PERSON_NAMES",
    "PRESENT",
    "UNREADABLE_TEXT",
    "WATCHED",
    "WATCHED_BY_TAG",
    "judged_values",
    "watched_in",
]

PERSON_NAMES: Final = frozenset(entry[4] for entry in DicomDictionary.values() if entry[0] == "PN") - {
    "SelectorPNValue"
}
"""Every attribute that holds a person's name; that of hanging protocols holds a rule."""

CONTENTS: Final = frozenset({"EncapsulatedDocument", "OriginalAttributesSequence"})
"""What is looked at as a whole: a document of any kind, and the header as it was before it was changed."""

WATCHED: Final[dict[str, str]] = {
    **dict.fromkeys(sorted(PERSON_NAMES), "name"),
    **dict.fromkeys(("PatientBirthDate", "PatientBirthDateInAlternativeCalendar", "PatientBirthTime"), "birth"),
    **dict.fromkeys(
        ("AdmissionID", "InsurancePlanIdentification", "MedicalRecordLocator", "OtherPatientIDs", "PatientID"),
        "identifier",
    ),
    **dict.fromkeys(
        ("IssuerOfAdmissionID", "IssuerOfPatientID", "IssuerOfServiceEpisodeID", "MilitaryRank"), "identifier"
    ),
    **dict.fromkeys(
        ("AddressTrial", "DistributionAddress", "PatientAddress", "PersonAddress", "ReferringPhysicianAddress"),
        "contact",
    ),
    **dict.fromkeys(
        ("OrderCallbackPhoneNumber", "OrderCallbackTelecomInformation", "PatientTelecomInformation"), "contact"
    ),
    **dict.fromkeys(("PatientTelephoneNumbers", "PersonTelecomInformation", "PersonTelephoneNumbers"), "contact"),
    **dict.fromkeys(("ReferringPhysicianTelephoneNumbers", "TelephoneNumberTrial"), "contact"),
    **dict.fromkeys(("InstitutionAddress", "InstitutionName"), "institution"),
    **dict.fromkeys(("InstitutionalDepartmentName", "ResponsibleOrganization"), "institution"),
    **dict.fromkeys(sorted(CONTENTS), "content"),
}  # fmt: skip
"""The watched attributes, and what kind of check judges each (`ingest.gate.dicom`)."""

WATCHED_BY_TAG: Final = {tag: keyword for keyword in WATCHED if (tag := tag_for_keyword(keyword)) is not None}

PRESENT: Final = ("present",)
"""What stands for a content that is not read."""
UNREADABLE_TEXT: Final = ("unreadable text",)
"""What stands for a value that has no text: two words, so that it is taken for a name."""


def watched_in(elements: Elements, path: tuple[str, ...] = ()) -> Iterator[Watched]:
    """What stands at the watched attributes of a data set that is decoded as a whole."""
    for keyword, values in elements.values.items():
        if keyword in WATCHED and values:
            yield Watched((*path, keyword), PRESENT if keyword in CONTENTS else values)
    for keyword, items in elements.items.items():
        if keyword in CONTENTS and items:
            yield Watched((*path, keyword), PRESENT)
        for item in items:
            yield from watched_in(item, (*path, keyword))


def judged_values(keyword: str, values: tuple[Scalar, ...], *, filled: bool) -> tuple[Scalar, ...]:
    """The values as the gate is shown them: of a content that it is there, of what is no text that it is unreadable."""
    if keyword in CONTENTS:
        return PRESENT if filled else ()
    return values or (UNREADABLE_TEXT if filled else ())
