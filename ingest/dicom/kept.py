"""Kept objects: what may be kept of a segmentation, radiotherapy object or value map, as DICOM JSON (PS3.18 F.2).

What may stay is listed by value representation: numbers, coordinates, UIDs, coded strings. Of texts only codes, names
of software, and names of regions that are made of known words stay; descriptions, names, dates and times go.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator, Set
from dataclasses import dataclass
from typing import Any, Final

from pydicom.datadict import dictionary_VR, tag_for_keyword

from ingest.base import Days
from ingest.dicom.header import Elements
from ingest.gate.forms import CODED, TECHNICAL, identifier_in
from ingest.observed.lesions import lesion_name
from ingest.observed.region_names import region_name

__all__ = ["DicomDocument", "formed", "redacted"]

IDENTITY: Final = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID")
"""What of the header says which object it is; `ingest.gate.dicom` has passed the id of the subject."""

NUMBERS: Final = frozenset(("DS", "FD", "FL", "IS", "SL", "SS", "UL", "US"))
PLAIN: Final = NUMBERS | {"CS", "UI"}
"""The value representations (PS3.5 section 6.2) that hold no text of a person's."""

FORMS: Final = {
    "CS": re.compile(r"[A-Z0-9_ ]{0,16}"),
    "UI": re.compile(r"[0-9.]{1,64}"),
    "DS": re.compile(r"[0-9eE.+ -]{1,16}"),
    "IS": re.compile(r"[0-9+ -]{1,12}"),
}
"""How values of these are written (PS3.5 section 6.2): files hold anything in them."""

CODE: Final = ("CodeValue", "LongCodeValue", "URNCodeValue", "CodingSchemeDesignator", "CodeMeaning")


def formed(vr: str, values: Iterable[Any]) -> list[Any]:
    """The values that are written as their value representation asks for; others may be a name as well."""
    form = FORMS.get(vr)
    return [value for value in values if form is None or not isinstance(value, str) or form.fullmatch(value)]


def _technical(text: str) -> bool:
    return identifier_in(text, TECHNICAL) is None


def _names_region(text: str) -> bool:
    return lesion_name(text) is not None or region_name(text) is not None


TEXTS: Final[dict[str, Callable[[str], bool]]] = {
    **dict.fromkeys(("AlgorithmName", "AlgorithmVersion", "SegmentAlgorithmName"), _technical),
    **dict.fromkeys(("ManufacturerModelName", "SoftwareVersions"), _technical),
    **dict.fromkeys(("ROIName", "SegmentLabel"), _names_region),
    "TrackingID": lambda text: lesion_name(text) is not None,
}
"""The texts that are kept, and when."""

Json = dict[str, Any]


def redacted(header: Elements, keywords: Set[str]) -> Json:
    """An object with what may be kept of the named attributes."""
    top = {*keywords, *IDENTITY, "ManufacturerModelName", "SoftwareVersions"}
    found = _item(
        Elements(
            {keyword: values for keyword, values in header.values.items() if keyword in top},
            {keyword: items for keyword, items in header.items.items() if keyword in keywords},
        )
    )
    found |= _element("PatientID", header.values.get("PatientID", ()))
    return dict(sorted(found.items()))


def _element(keyword: str, values: tuple[Any, ...]) -> Json:
    tag = tag_for_keyword(keyword)
    if tag is None or not values:
        return {}
    vr = dictionary_VR(tag)
    if vr in NUMBERS:
        # a list that was kept as one text
        parts = [part for value in values for part in (value.split("\\") if isinstance(value, str) else (value,))]
        try:
            values = tuple(float(part) if isinstance(part, str) else part for part in parts)
        except ValueError:
            return {}
    kept = formed(vr, values)
    return {f"{tag:08X}": {"vr": vr, "Value": kept}} if kept else {}


def _item(item: Elements) -> Json:
    """What may be kept of an item and of those within it."""
    found: Json = {}
    for keyword, values in item.values.items():
        tag = tag_for_keyword(keyword)
        vr = dictionary_VR(tag) if tag is not None else ""
        may = TEXTS.get(keyword)
        if vr in PLAIN or (may is not None and all(may(str(value)) for value in values)):
            found |= _element(keyword, values)
    if item.text("CodingSchemeDesignator") and identifier_in(" ".join(item.text(name) for name in CODE), CODED) is None:
        for name in CODE:
            found |= _element(name, item.values.get(name, ()))
    for keyword, items in item.items.items():
        found |= _element(keyword, tuple(kept for below in items if (kept := _item(below))))
    return found


def _plain(value: Any) -> float:
    """A decimal as JSON writes numbers."""
    return float(value)


@dataclass(frozen=True)
class DicomDocument:
    """What may be kept of an object (`ingest.base.Keepable`)."""

    header: Elements
    keywords: Set[str]
    size: int
    mapping: str
    again: str | None = None

    def lines(self, refused: Set[str], days: Days) -> Iterator[str]:  # noqa: ARG002 - no record's text is kept unjudged
        """The text of the document; it has no dates, so none is counted."""
        kept = redacted(self.header, self.keywords)
        yield from json.dumps(kept, indent=1, ensure_ascii=False, default=_plain).splitlines()
