"""Where a DICOM data set can name a person, by attribute and at any depth (PS3.15 Annex E, Table E.1-1).

The header's reader collects what stands there, so that the gate can judge it; none of it is ever stored.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pydicom._dicom_dict import DicomDictionary
from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag, tag_for_keyword

from ingest.dicom.elements import Elements, Watched
from ingest.gate.profile import profile
from ontology.fields import dicom_attributes
from ontology.records import Scalar

__all__ = [
    "PERSON_NAMES",
    "PRESENT",
    "REMOVED",
    "SEEN",
    "UNREADABLE_TEXT",
    "UNREMOVED",
    "WATCHED",
    "WATCHED_BY_TAG",
    "judged_values",
    "watched_in",
]


def _keyword(tag: str) -> str:
    """The keyword of a single attribute of the profile's table that holds text or numbers, or ``""``."""
    number = int(tag, 16) if re.fullmatch("[0-9A-F]{8}", tag) else 0
    held = number and dictionary_has_tag(number) and dictionary_VR(number) not in UNREMOVED
    return keyword_for_tag(number) if held else ""


def _is_sequence(keyword: str) -> bool:
    tag = tag_for_keyword(keyword)
    return tag is not None and dictionary_VR(tag) == "SQ"


PERSON_NAMES: Final = frozenset(entry[4] for entry in DicomDictionary.values() if entry[0] == "PN") - {
    "SelectorPNValue"
}
"""Every attribute that holds a person's name; that of hanging protocols holds a rule."""

CONTENTS: Final = frozenset({"EncapsulatedDocument", "OriginalAttributesSequence", "ReferencedPatientPhotoSequence"})
"""What is looked at as a whole: a document of any kind, a photograph, the header as it was before it was changed."""

UNREMOVED: Final = frozenset({"AE", "DA", "DT", "OB", "OW", "PN", "SQ", "TM", "UI", "UN"})
"""The value representations of which the check for removed attributes does not speak: others do, or sequences are
entered."""

KEEPING: Final[dict[str, str]] = {
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
    **dict.fromkeys(("InstitutionCodeSequence", "InstitutionalDepartmentTypeCodeSequence"), "institution"),
    **dict.fromkeys(("IssuerOfAdmissionIDSequence", "IssuerOfPatientIDQualifiersSequence"), "identifier"),
    **dict.fromkeys(("IssuerOfServiceEpisodeIDSequence", "PatientInsurancePlanCodeSequence"), "identifier"),
    **dict.fromkeys(("ContentCreatorIdentificationCodeSequence", "PersonIdentificationCodeSequence"), "name"),
    "VerifyingObserverIdentificationCodeSequence": "name",
}  # fmt: skip
"""The attributes that keep a file out, and what kind of check judges each (`ingest.gate.dicom`)."""

REMOVED: Final = frozenset(
    {_keyword(tag) for tag, action in profile().items() if action.basic == "X"}
    - {"", "PatientAge", "StudyDescription"}
    - KEEPING.keys()
    - dicom_attributes().keys()
)
"""What the basic profile removes and is never stored: a steward is told of that which is there."""

WATCHED: Final = {**KEEPING, **dict.fromkeys(sorted(REMOVED), "removed")}
"""All that is watched at any depth, and what kind of check judges each."""

SEEN: Final = frozenset(keyword for keyword in WATCHED if keyword in REMOVED or _is_sequence(keyword)) | CONTENTS
"""What is looked at only as far as it is there."""

WATCHED_BY_TAG: Final = {tag: keyword for keyword in WATCHED if (tag := tag_for_keyword(keyword)) is not None}

PRESENT: Final = ("present",)
"""What stands for a content that is not read."""
UNREADABLE_TEXT: Final = ("unreadable text",)
"""What stands for a value that has no text: two words, so that it is taken for a name."""


def watched_in(elements: Elements, path: tuple[str, ...] = ()) -> Iterator[Watched]:
    """What stands at the watched attributes of a data set that is decoded as a whole."""
    for keyword, values in elements.values.items():
        filled = any(str(value).strip() for value in values)
        if keyword in WATCHED and values and (judged := judged_values(keyword, values, filled=filled)):
            yield Watched((*path, keyword), judged)
    for keyword, items in elements.items.items():
        if keyword in SEEN and items:
            yield Watched((*path, keyword), PRESENT)
        for item in items:
            yield from watched_in(item, (*path, keyword))


def judged_values(keyword: str, values: tuple[Scalar, ...], *, filled: bool) -> tuple[Scalar, ...]:
    """The values as the gate is shown them: of some that they are there, of what is no text that it is unreadable."""
    if keyword in SEEN:
        return PRESENT if filled else ()
    return values or (UNREADABLE_TEXT if filled else ())
