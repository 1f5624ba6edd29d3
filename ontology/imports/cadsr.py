"""Data elements of caDSR: CDE XML (``DataElementsList``), form XML, and JSON of the registry's API or of CRDC's list.

Each element keeps its public id and version, and its permissible values with meanings and concept codes; form XML
has no concept codes. Exports are selections, so an import adds elements and takes none away.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from lxml import etree

from ontology import xml
from ontology.elements import Element, PermissibleValue, normal_version
from ontology.imports.base import Importer, Item, Release, UnreadableError
from ontology.prefixes import Curie
from ontology.records import Reject

__all__ = ["CADSR_XML", "TITLE", "checked", "codes", "units"]

TITLE = Release("caDSR common data elements", None, None, "content of a United States government registry")
CODE = re.compile(r"C\d+")
UCUM = {
    "mm": "mm",
    "millimeter": "mm",
    "cm": "cm",
    "centimeter": "cm",
    "kg": "kg",
    "kilogram": "kg",
    "g": "g",
    "mg": "mg",
    "milligram": "mg",
    "ml": "ml",
    "milliliter": "ml",
    "percent": "%",
    "percentage": "%",
    "days": "d",
    "day": "d",
    "months": "mo",
    "month": "mo",
    "weeks": "wk",
    "years": "a",
    "year": "a",
    "hours": "h",
    "minutes": "min",
    "seconds": "s",
    "gy": "Gy",
    "cgy": "cGy",
    "degrees c": "Cel",
    "celsius": "Cel",
    "m2": "m2",
}
"""Units of measure as value domains write them, in small letters without a plural ``s``, and their UCUM codes."""

PLACEHOLDERS = frozenset({"", "null"})


def units(text: str | None) -> str | None:
    """The UCUM code of a value domain's unit of measure, None where it is none that is known.

    >>> units("Millimeters"), units("furlong")
    ('mm', None)
    """
    plain = (text or "").strip().casefold()
    return UCUM.get(plain) or UCUM.get(plain.removesuffix("s"))


def codes(text: str | None) -> tuple[Curie, ...]:
    """The Thesaurus codes in a list such as ``C14173:C25308``, in their order."""
    return tuple(dict.fromkeys(Curie(f"ncit:{code}") for code in CODE.findall(text or "")))


def checked(item: Element, name: str, place: str) -> Element | Reject:
    """The element, or why it cannot be taken: public id, version and long name make an element."""
    parts = {"public id": item.public_id.isdigit(), "version": bool(item.version), "long name": bool(item.long_name)}
    missing = [part for part, there in parts.items() if not there]
    if missing:
        wanted = "a data element with public id, version and long name"
        return Reject(name=name, place=place, problem=f"no {' and no '.join(missing)}", wanted=wanted)
    return item


def accepts(path: Path, head: bytes) -> bool:  # noqa: ARG001
    """Whether the root is that of a CDE export, one element or a form."""
    root = xml.root_name(head)
    return root in {"DataElementsList", "DataElement"} or (root == "form" and b"publicID" in head)


def read(path: Path, vocabulary: str) -> Iterator[Item]:  # noqa: ARG001 - elements are always caDSR's
    """The data elements of an export; one without public id, version or name is rejected."""
    yield TITLE
    try:
        for node in xml.stream(path, "DataElement", "dataElement"):
            build = _exported if node.tag == "DataElement" else _asked
            yield checked(build(node), path.name, f"the {node.tag} that ends before line {_line(node)}")
    except xml.XmlError as error:
        raise UnreadableError(f"{path.name}: {error}") from error


def _line(node: etree._Element) -> int:
    lines: list[Any] = [child.sourceline for child in node.iter("*")]
    return int(max(line or 0 for line in lines)) + 1


def _text(node: etree._Element | None, path: str) -> str:
    """The text at a path with single spaces; empty where there is none, or where ``NULL="TRUE"`` says so."""
    found = node.find(path) if node is not None else None
    if found is None or found.get("NULL") == "TRUE":
        return ""
    text = " ".join((found.text or "").split())
    return "" if text.casefold() in PLACEHOLDERS else text


def _exported(node: etree._Element) -> Element:
    """An element of the registry's own CDE XML."""
    domain = node.find("VALUEDOMAIN")
    values = [
        PermissibleValue(_text(item, "VALIDVALUE"), _text(item, "VALUEMEANING"), codes(_text(item, "MEANINGCONCEPTS")))
        for item in node.iterfind("VALUEDOMAIN/PermissibleValues/PermissibleValues_ITEM")
    ]
    about = [
        _text(item, "PREFERRED_NAME")
        for part in ("ObjectClass", "Property")
        for item in node.iterfind(f"DATAELEMENTCONCEPT/{part}/ConceptDetails/ConceptDetails_ITEM")
    ]
    asked = [
        _text(item, "DocumentText")
        for item in node.iterfind("REFERENCEDOCUMENTSLIST/REFERENCEDOCUMENTSLIST_ITEM")
        if "Question Text" in _text(item, "DocumentType")
    ]
    return Element(
        public_id=_text(node, "PUBLICID"),
        version=normal_version(_text(node, "VERSION")),
        long_name=_text(node, "LONGNAME"),
        datatype=_text(domain, "Datatype"),
        unit=units(_text(domain, "UnitOfMeasure")),
        definition=_text(node, "PREFERREDDEFINITION") or None,
        question=tuple(dict.fromkeys(text for text in asked if text)),
        status=_text(node, "WORKFLOWSTATUS"),
        values=tuple(dict.fromkeys(values)),
        concepts=codes(":".join(about)),
    )


def _asked(node: etree._Element) -> Element:
    """An element as a question of a form carries it."""
    domain = node.find("valueDomain")
    values = [
        PermissibleValue(_text(item, "value"), _text(item, "valueMeaning/longName"))
        for item in node.iterfind("valueDomain/permissibleValue")
    ]
    asked = [
        _text(item, "doctext")
        for item in node.iterfind("referenceDocument")
        if "Question Text" in _text(item, "type") and _text(item, "languageName") in {"", "ENGLISH"}
    ]
    return Element(
        public_id=_text(node, "publicID"),
        version=normal_version(_text(node, "version")),
        long_name=_text(node, "longName"),
        datatype=_text(domain, "datatypeName"),
        unit=units(_text(domain, "unitOfMeasureName")),
        definition=_text(node, "preferredDefinition") or None,
        question=tuple(dict.fromkeys(text for text in asked if text)),
        status=_text(node, "workflowStatusName"),
        values=tuple(dict.fromkeys(values)),
    )


CADSR_XML = Importer("cadsr-xml", "caDSR data elements, CDE XML or form XML", accepts, read, "cadsr", partial=True)
