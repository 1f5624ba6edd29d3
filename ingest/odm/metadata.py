"""What an ODM document says of its study: forms, items, code lists, units, events (CDISC ODM 1.3, section 3.1.3).

REDCap's project XML and the exports of other systems (C3D, eCRF) become the same `Dictionary` that a REDCap data
dictionary gives. REDCap adds attributes in a namespace of its own; others name data elements and concepts by ``Alias``.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from lxml import etree

from ingest.redcap.annotations import concept_named
from ingest.redcap.dictionary import FIXED_CHOICES, Dictionary, RedcapField, choices_of, shown_text
from ingest.redcap.events import StudyEvent
from ontology.prefixes import Curie
from ontology.xml import stream

__all__ = ["Item", "Study", "local", "read_study"]

REDCAP = "{https://projectredcap.org}"
CODE = "{http://ncicb.nci.nih.gov/xml/odm/EVS/CDISC}ExtCodeID"
"""The NCI Thesaurus code of a code list's item, as CDISC publishes its controlled terminology."""

KEY, EVENT = "SubjectKey", "StudyEventOID"

TYPES = {"select": "dropdown", "textarea": "notes"}
VALIDATIONS = {"int": "integer", "float": "number"}
"""Names of REDCap's project XML and those of its data dictionary."""

DATATYPES = {
    "integer": "integer",
    "float": "number",
    "double": "number",
    "date": "date_ymd",
    "partialDate": "date_ymd",
    "datetime": "datetime_seconds_ymd",
    "partialDatetime": "datetime_seconds_ymd",
    "incompleteDatetime": "datetime_seconds_ymd",
    "time": "time",
}
"""The data types of ODM (section 2.4) and the validation of a REDCap field that holds the same."""


@dataclass(frozen=True, slots=True)
class Item:
    """An item of a form: the column that it fills, and the column of its unit where the data give one."""

    column: str
    unit: str = ""


@dataclass
class Study:
    """The metadata of a document, and what is needed to lay its data out as a table."""

    dictionary: Dictionary
    redcap: bool
    items: Mapping[str, Item]
    """By OID."""
    columns: tuple[str, ...]
    """In the order of the forms."""
    units: Mapping[str, str]
    """Symbols of measurement units by OID."""
    event_names: Mapping[str, str]
    """Unique names of events by OID; for other systems the OIDs themselves."""
    form_names: Mapping[str, str]
    repeating_forms: frozenset[tuple[str, str]] = frozenset()
    """Pairs of event and form, by name, of which a record has one row for each repetition; the event may be empty."""
    repeating_events: frozenset[str] = frozenset()
    repeats: bool = False
    """Whether the table says which repetition a row is."""
    longitudinal: bool = False


def local(element: etree._Element) -> str:
    """The name of an element without its namespace; empty for what is no element."""
    tag = element.tag
    return tag.rpartition("}")[2] if isinstance(tag, str) else ""


def read_study(path: Path) -> Study | None:
    """The metadata of a document, None where it has none; `XmlError` where it cannot be read."""
    study = next(stream(path, "{*}Study"), None)
    return _study(path, study) if study is not None else None


def _all(parent: etree._Element, name: str) -> list[etree._Element]:
    return list(parent.iter("{*}" + name))


def _own(element: etree._Element, name: str) -> str:
    """An attribute that REDCap adds."""
    return element.get(REDCAP + name, "")


def _text(element: etree._Element, *path: str) -> str:
    """The text below an element; the first language where there are several."""
    found = element.find("/".join("{*}" + name for name in path))
    return "".join(str(part) for part in found.itertext()).strip() if found is not None else ""


def _study(path: Path, study: etree._Element) -> Study:
    """The definitions of all versions of the metadata in a document; a later one takes the place of an earlier."""
    items = _by_oid(study, "ItemDef")
    stated = (_own(version, "RecordIdField") for version in _all(study, "MetaDataVersion"))
    # early versions of REDCap do not name the field, which is always the first
    record = next(filter(None, stated), "") or next((_own(item, "Variable") for item in items.values()), "")
    units = {unit.get("OID", ""): _symbol(unit) for unit in _all(study, "MeasurementUnit")}
    names = _names(items, redcap=bool(record))
    forms = _by_oid(study, "FormDef")
    form_names = {
        oid: _own(form, "FormName") or (form.get("Name", oid) if record else oid) for oid, form in forms.items()
    }
    placed = list(_placed(forms, form_names, _by_oid(study, "ItemGroupDef"), items))
    fields = _fields(placed, items, _by_oid(study, "CodeList"), units, names)
    dictionary = Dictionary(
        path,
        # the record's identifier comes first
        {name: fields[name] for name in sorted(fields, key=lambda name: name != record)} if record else fields,
        events=tuple(_events(study, scheduled=_setting(study, "SchedulingEnabled") == "1")),
        missing_codes=choices_of(_setting(study, "MissingDataCodes").replace("\n", "|")),
        key="" if record else KEY,
        event_column="redcap_event_name" if record else EVENT,
    )
    with_unit = {oid for oid, _ in placed if items[oid].find("{*}MeasurementUnitRef") is not None}
    made = {oid: Item(names[oid], f"{names[oid]} unit" if oid in with_unit else "") for oid, _ in placed}
    events = {oid: _own(event, "UniqueEventName") or oid for oid, event in _by_oid(study, "StudyEventDef").items()}
    repeating = {
        (_own(item, "UniqueEventName") if events else "", _own(item, "RepeatInstrument"))
        for item in study.iter(f"{REDCAP}RepeatingInstrument")
    }
    return Study(
        dictionary,
        bool(record),
        made,
        tuple(dict.fromkeys(text for item in made.values() for text in (item.column, item.unit) if text)),
        units,
        events,
        form_names,
        repeating_forms=frozenset(repeating),
        repeating_events=frozenset(_own(item, "UniqueEventName") for item in study.iter(f"{REDCAP}RepeatingEvent")),
        repeats=study.find(f".//{REDCAP}RepeatingInstrumentsAndEvents") is not None,
        longitudinal=bool(events),
    )


def _by_oid(study: etree._Element, name: str) -> dict[str, etree._Element]:
    return {element.get("OID", ""): element for element in _all(study, name)}


def _setting(study: etree._Element, name: str) -> str:
    """A setting of a REDCap project; empty where there is none."""
    found = next(study.iter(REDCAP + name), None)
    return (found.text or "").strip() if found is not None else ""


def _symbol(unit: etree._Element) -> str:
    """A measurement unit as a code: its alias in UCUM, else its symbol, else its name."""
    aliases = {alias.get("Context", "").upper(): alias.get("Name", "") for alias in unit.iter("{*}Alias")}
    return aliases.get("UCUM") or _text(unit, "Symbol", "TranslatedText") or str(unit.get("Name", ""))


def _names(items: Mapping[str, etree._Element], *, redcap: bool) -> dict[str, str]:
    """The column of each item: its name, but its OID where several items bear that."""
    if redcap:
        return {oid: oid for oid in items}
    counted = Counter(item.get("Name", "") for item in items.values())
    named = {oid: item.get("Name", "") for oid, item in items.items()}
    return {
        oid: name if name and counted[name] == 1 and name not in items.keys() - {oid} else oid
        for oid, name in named.items()
    }


def _placed(
    forms: Mapping[str, etree._Element],
    form_names: Mapping[str, str],
    groups: Mapping[str, etree._Element],
    items: Mapping[str, etree._Element],
) -> Iterator[tuple[str, str]]:
    """The OID of each item with the first form that has it, in the order of the forms."""
    seen: set[str] = set()
    for oid, form in forms.items():
        for group in (groups.get(ref.get("ItemGroupOID", "")) for ref in form.iter("{*}ItemGroupRef")):
            for ref in group.iter("{*}ItemRef") if group is not None else ():
                item = ref.get("ItemOID", "")
                if item in items and item not in seen:
                    seen.add(item)
                    yield item, form_names[oid]


def _fields(
    placed: list[tuple[str, str]],
    items: Mapping[str, etree._Element],
    lists: Mapping[str, etree._Element],
    units: Mapping[str, str],
    names: Mapping[str, str],
) -> dict[str, RedcapField]:
    """The fields by name, one for all boxes of a checkbox; what REDCap adds on its own is no field."""
    fields: dict[str, RedcapField] = {}
    for oid, form in placed:
        item = items[oid]
        kind = _own(item, "FieldType")
        name = _own(item, "Variable") or names[oid]
        added = (not kind and _own(item, "Variable")) or name == f"{form}_complete"
        if name not in fields and not added:
            fields[name] = _field(item, name, form, kind, lists, units)
    return fields


def _field(
    item: etree._Element,
    name: str,
    form: str,
    kind: str,
    lists: Mapping[str, etree._Element],
    units: Mapping[str, str],
) -> RedcapField:
    ref = item.find("{*}CodeListRef")
    listed = lists.get(ref.get("CodeListOID", "")) if ref is not None else None
    choices, concepts = _choices(listed)
    if kind == "checkbox" and listed is not None:
        choices, concepts = choices_of(_own(listed, "CheckboxChoices")), {}
    kind = TYPES.get(kind, kind) or ("radio" if choices else "text")
    validation = _own(item, "TextValidationType") or (
        "" if choices or _own(item, "FieldType") else item.get("DataType", "")
    )
    refs = [units.get(ref.get("MeasurementUnitOID", ""), "") for ref in item.iter("{*}MeasurementUnitRef")]
    return RedcapField(
        name=name,
        form=form,
        type=kind,
        label=_text(item, "Question", "TranslatedText")
        or _text(item, "Description", "TranslatedText")
        or item.get("Name", name),
        choices=FIXED_CHOICES.get(kind, choices),
        identifies=_own(item, "Identifier").lower() in {"y", "yes", "1"},
        annotation=" ".join(filter(None, (_own(item, "FieldAnnotation"), *_aliases(item)))),
        note=_own(item, "FieldNote"),
        validation=VALIDATIONS.get(validation, DATATYPES.get(validation, validation)).lower()
        if kind != "radio"
        else "",
        branching=_own(item, "BranchingLogic"),
        ontology=_ontology(item),
        unit=refs[0] if len(set(refs)) == 1 else "",
        concepts=concepts,
    )


def _aliases(item: etree._Element) -> Iterator[str]:
    """The aliases of an item or code as an annotation has them: ``caDSR:2200604v3``."""
    for alias in item.iterchildren("{*}Alias"):
        yield f"{alias.get('Context', '').strip()}:{alias.get('Name', '').strip()}"


def _ontology(item: etree._Element) -> str:
    """The vocabulary of a field whose values REDCap takes from BioPortal."""
    found = _own(item, "OntologySearch") or _own(item, "Ontology") or _own(item, "Calculation")
    return found if found.upper().startswith("BIOPORTAL:") else ""


def _choices(listed: etree._Element | None) -> tuple[dict[str, str], dict[str, Curie]]:
    """Labels by code, and what the code list says that each label means."""
    choices: dict[str, str] = {}
    concepts: dict[str, Curie] = {}
    if listed is None:
        return choices, concepts
    for entry in (*listed.iter("{*}CodeListItem"), *listed.iter("{*}EnumeratedItem")):
        code = entry.get("CodedValue", "")
        label = shown_text(_text(entry, "Decode", "TranslatedText")) or code
        choices[code] = label
        named = [f"NCIT:{entry.get(CODE)}"] if entry.get(CODE) else []
        found = next(filter(None, map(concept_named, (*named, *_aliases(entry)))), None)
        if found:
            concepts[label] = found
    return choices, concepts


def _events(study: etree._Element, *, scheduled: bool) -> Iterator[StudyEvent]:
    """The events in the order that the protocol gives them, else in that of the document."""
    order = {
        ref.get("StudyEventOID", ""): (
            int(number) if re.fullmatch(r"\d{1,6}", number := ref.get("OrderNumber", "")) else place
        )
        for place, ref in enumerate(_all(study, "StudyEventRef"), 1)
    }
    defined = _all(study, "StudyEventDef")
    defined.sort(key=lambda event: order.get(event.get("OID", ""), len(defined) + 1))
    for event in defined:
        offset = _own(event, "DayOffset")
        yield StudyEvent(
            name=_own(event, "UniqueEventName") or event.get("OID", ""),
            label=_own(event, "EventName") or event.get("Name", ""),
            arm=_own(event, "ArmNum") or "1",
            planned=int(offset) if scheduled and re.fullmatch(r"-?\d{1,6}", offset) else None,
        )
