"""Kept reports: the content of a structured report without what may identify a person, as DICOM JSON (PS3.18 F.2).

What may stay is listed by value type: codes, numbers, references, shapes with their coordinates, UIDs. Names, texts,
dates and times go, and so does each code whose meaning the gate takes for an identifier. What stays is a data set that
DICOM software loads, and gives the same measurements when it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass
from typing import Any, Final

from pydicom.datadict import dictionary_VR, tag_for_keyword

from ingest.base import Days
from ingest.dicom.header import Elements
from ingest.dicom.kept import formed
from ingest.gate.forms import CODED, identifier_in
from ingest.observed.lesions import lesion_name
from ingest.sr.concepts import Role, role_of
from ingest.sr.model import Code, Item, Reference

__all__ = ["SrDocument", "redacted"]

IDENTITY: Final = ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "PatientID")
"""What of the header says which report it is; `ingest.gate.records` has passed the id of the subject."""

MODEL: Final = ("ManufacturerModelName", "SoftwareVersions")

NUMBERED: Final = frozenset({Role.ACTIVITY_SESSION, Role.TIME_POINT, Role.VISIT})
"""The texts that are kept where they are a number."""

NAMED: Final = frozenset({Role.ALGORITHM_NAME, Role.ALGORITHM_VERSION, Role.DEVICE_MODEL})
"""The texts that name software or a device."""

Json = dict[str, Any]


def redacted(header: Elements, root: Item) -> Json:
    """A report with what may be kept of it, in the DICOM JSON model."""
    whole = _item(root)
    for keyword in (*IDENTITY, *MODEL):
        text = header.text(keyword)
        if text and identifier_in(text, CODED) is None:
            whole |= _element(keyword, text)
    for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
        whole |= _sequence(keyword, [_elements(study) for study in header.items.get(keyword, ())])
    return dict(sorted(whole.items()))


def _tag(keyword: str) -> tuple[str, str]:
    tag = tag_for_keyword(keyword)
    assert tag is not None, f"{keyword} is an attribute of PS3.6"
    return f"{tag:08X}", dictionary_VR(tag)


def _element(keyword: str, *values: Any) -> Json:
    tag, vr = _tag(keyword)
    kept = formed(vr, values)
    return {tag: {"vr": vr, "Value": kept}} if kept else {}


def _sequence(keyword: str, items: list[Json]) -> Json:
    return _element(keyword, *items)


def _elements(elements: Elements) -> Json:
    """The UIDs of an item of an evidence sequence."""
    found: Json = {}
    for keyword, values in elements.values.items():
        if keyword.endswith("UID"):
            found |= _element(keyword, *values)
    for keyword, items in elements.items.items():
        found |= _sequence(keyword, [_elements(item) for item in items])
    return found


def _code(keyword: str, code: Code | None) -> Json:
    """A code triplet; one whose meaning looks like an identifier is left out."""
    if code is None or identifier_in(str(code), CODED) is not None:
        return {}
    value = "CodeValue" if len(code.value) <= 16 else "LongCodeValue"
    parts = {value: code.value, "CodingSchemeDesignator": code.scheme, "CodeMeaning": code.meaning}
    return _sequence(keyword, [{k: v for name, text in parts.items() if text for k, v in _element(name, text).items()}])


def _item(item: Item) -> Json:
    """A content item and those below it, in a tree no deeper than was read."""
    found: Json = {}
    for keyword, text in (("RelationshipType", item.relationship), ("ValueType", item.kind)):
        if text:
            found |= _element(keyword, text)
    found |= _code("ConceptNameCodeSequence", item.name)
    found |= _code("ConceptCodeSequence", item.code)
    found |= _code("NumericValueQualifierCodeSequence", item.qualifier)
    if item.kind == "NUM":
        found |= _measured(item)
    if _keeps_text(item):
        found |= _element("UID" if item.kind == "UIDREF" else "TextValue", item.text)
    if item.references:
        found |= _sequence("ReferencedSOPSequence", [_reference(reference) for reference in item.references])
    if item.graphic is not None:
        found |= _element("GraphicType", item.graphic.kind) | _element("GraphicData", *item.graphic.data)
        if item.graphic.frame:
            found |= _element("ReferencedFrameOfReferenceUID", item.graphic.frame)
    if item.target:
        found |= _element("ReferencedContentItemIdentifier", *map(int, item.target.split(".")))
    found |= _sequence("ContentSequence", [_item(child) for child in item.children])
    return found


def _keeps_text(item: Item) -> bool:
    said = role_of(item)
    if item.kind == "UIDREF":
        return bool(item.text)
    if item.kind != "TEXT" or not item.text or identifier_in(item.text, CODED) is not None:
        return False
    return (
        said in NAMED
        or (said in NUMBERED and item.text.isdecimal())
        or (said is Role.TRACKING_IDENTIFIER and lesion_name(item.text) is not None)
    )


def _measured(item: Item) -> Json:
    if not item.number:
        return {}
    measured = _element("NumericValue", item.number) | _code("MeasurementUnitsCodeSequence", item.unit)
    return _sequence("MeasuredValueSequence", [measured])


def _reference(reference: Reference) -> Json:
    found = _element("ReferencedSOPClassUID", reference.sop_class)
    found |= _element("ReferencedSOPInstanceUID", reference.instance)
    found |= _element("ReferencedSegmentNumber", *reference.segments)
    return found | _element("ReferencedFrameNumber", *reference.frames)


@dataclass(frozen=True)
class SrDocument:
    """What may be kept of a report (`ingest.base.Keepable`)."""

    header: Elements
    root: Item
    size: int
    mapping: str = "sr"
    again: str | None = None

    def lines(self, refused: Set[str], days: Days) -> Iterator[str]:  # noqa: ARG002 - no record's text is kept unjudged
        """The text of the document; it has no dates, so none is counted."""
        kept: Mapping[str, Any] = redacted(self.header, self.root)
        yield from json.dumps(kept, indent=1, ensure_ascii=False).splitlines()
