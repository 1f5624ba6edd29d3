"""A form as a CDISC ODM 1.3.2 document: one event, one form, its items, code lists and units."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from typing import Any

from lxml import etree

from mappings.forms import FormField

__all__ = ["odm_document"]

NAMESPACE = "http://www.cdisc.org/ns/odm/v1.3"
NAMESPACES: Any = {None: NAMESPACE}  # lxml-stubs do not know the default namespace
LANGUAGE = "{http://www.w3.org/XML/1998/namespace}lang"
YES_NO = (("1", "Yes"), ("0", "No"))

DATATYPES: Mapping[str, str] = {
    "number": "float",
    "integer": "integer",
    "date_ymd": "date",
    "datetime_seconds_ymd": "datetime",
    "time": "time",
}
"""The data types of ODM by REDCap's validation; text otherwise."""


def odm_document(fields: Iterable[FormField], form: str, title: str, created: dt.datetime) -> bytes:
    """The document in UTF-8; elements are aliases of items (context ``caDSR``), concepts of choices (``NCIt``)."""
    listed = list(fields)
    root = etree.Element(_tag("ODM"), nsmap=NAMESPACES)
    stamp = created.isoformat(timespec="seconds")
    _put(
        root,
        FileType="Snapshot",
        FileOID=f"{form}.{stamp}",
        CreationDateTime=stamp,
        ODMVersion="1.3.2",
        SourceSystem="Qilin",
    )
    study = _add(root, "Study", OID=f"Study.{form}")
    names = _add(study, "GlobalVariables")
    for name in ("StudyName", "StudyDescription", "ProtocolName"):
        _add(names, name).text = title
    _units(study, listed)
    version = _add(study, "MetaDataVersion", OID=f"Metadata.{form}", Name=title)
    protocol = _add(version, "Protocol")
    _add(protocol, "StudyEventRef", StudyEventOID="SE.1", OrderNumber="1", Mandatory="No")
    event = _add(version, "StudyEventDef", OID="SE.1", Name="Visit", Repeating="No", Type="Scheduled")
    _add(event, "FormRef", FormOID=f"F.{form}", OrderNumber="1", Mandatory="No")
    crf = _add(version, "FormDef", OID=f"F.{form}", Name=title, Repeating="No")
    _add(crf, "ItemGroupRef", ItemGroupOID=f"IG.{form}", OrderNumber="1", Mandatory="No")
    group = _add(version, "ItemGroupDef", OID=f"IG.{form}", Name=title, Repeating="No")
    for number, field in enumerate(listed, 1):
        _add(group, "ItemRef", ItemOID=f"I.{field.name}", OrderNumber=str(number), Mandatory="No")
    for field in listed:
        _item(version, field)
    for field in listed:
        _code_list(version, field)
    etree.indent(root)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return written


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _put(element: etree._Element, **attributes: str) -> None:
    for name, value in attributes.items():
        element.set(name, value)


def _add(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    child = etree.SubElement(parent, _tag(name))
    _put(child, **attributes)
    return child


def _translated(parent: etree._Element, name: str, text: str) -> None:
    inner = _add(_add(parent, name), "TranslatedText")
    inner.set(LANGUAGE, "en")
    inner.text = text


def _units(study: etree._Element, fields: list[FormField]) -> None:
    units = sorted({field.unit for field in fields if field.unit})
    if not units:
        return
    definitions = _add(study, "BasicDefinitions")
    for unit in units:
        defined = _add(definitions, "MeasurementUnit", OID=f"MU.{unit}", Name=unit)
        _translated(defined, "Symbol", unit)
        _add(defined, "Alias", Context="UCUM", Name=unit)


def _coded(field: FormField) -> bool:
    return bool(field.choices) or field.type == "yesno"


def _item(version: etree._Element, field: FormField) -> None:
    """The definition of an item; its children stand in the order of the schema."""
    datatype = DATATYPES.get(field.validation, "text")
    item = _add(version, "ItemDef", OID=f"I.{field.name}", Name=field.name, DataType=datatype)
    if datatype == "text":
        item.set("Length", "255")
    elif datatype == "float":
        _put(item, Length="18", SignificantDigits="6")
    elif datatype == "integer":
        item.set("Length", "9")
    _translated(item, "Question", field.label)
    if field.unit:
        _add(item, "MeasurementUnitRef", MeasurementUnitOID=f"MU.{field.unit}")
    if _coded(field):
        _add(item, "CodeListRef", CodeListOID=f"CL.{field.name}")
    _add(item, "Alias", Context="caDSR", Name=field.reference)


def _code_list(version: etree._Element, field: FormField) -> None:
    if not _coded(field):
        return
    listed = _add(version, "CodeList", OID=f"CL.{field.name}", Name=field.name, DataType="text")
    for code, label in YES_NO if not field.choices else ():
        _translated(_add(listed, "CodeListItem", CodedValue=code), "Decode", label)
    for choice in field.choices:
        item = _add(listed, "CodeListItem", CodedValue=choice.code)
        _translated(item, "Decode", choice.label)
        if choice.concept and choice.concept.startswith("ncit:"):
            _add(item, "Alias", Context="NCIt", Name=choice.concept.partition(":")[2])
