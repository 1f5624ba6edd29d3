"""Forms of data elements: valid as REDCap and ODM take them, and what is entered in them arrives mapped."""

import csv
import datetime as dt
import io
import re
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from ingest.base import Context
from ingest.odm import reader as odm
from ingest.redcap import reader as redcap
from mappings.form_odm import NAMESPACE, odm_document
from mappings.form_redcap import COLUMNS, data_dictionary
from mappings.forms import NAME_LENGTH, FormError, chosen, elements_of_map, form_fields, form_name
from mappings.tables import table_maps
from ontology.elements import Makes, UnknownElementError, elements
from ontology.records import Finding, Measurement, Reject, Response, SourceRecord

KNOWN = elements()
CREATED = dt.datetime(2026, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
WANTED = ["cadsr:2200604", "2003853v4.2", "CDE:2003324v4", "2179643", "88v5.1"]
SAID = ("variable", "kind", "value", "value_concept", "unit", "absent_reason", "when")
MOST = 30
"""Choices that are entered of each field."""
BOUNDED = {"number": "12.5", "integer": "7", "date_ymd": "2020-02-03"}


def entered(field):
    """Made-up entries for a field: a cell, and for a coded one its choices."""
    if field.type == "yesno":
        return ["1"]
    return [choice.code for choice in field.choices][:MOST] or [BOUNDED.get(field.validation, "text")]


def fields_of(references, form="base"):
    return form_fields(chosen(references, KNOWN), form)


def as_csv(folder, fields, form="base"):
    """The form filled in REDCap and exported: one record for each choice of the longest list."""
    (folder / "dictionary.csv").write_text(data_dictionary(fields, form), encoding="utf-8")
    entries = [entered(field) for field in fields]
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(["record_id", *(field.name for field in fields), f"{form}_complete"])
    for number in range(max(map(len, entries))):
        writer.writerow([f"S{number}", *(item[number % len(item)] for item in entries), "2"])
    (folder / "export.csv").write_text(text.getvalue(), encoding="utf-8")
    return list(redcap.SOURCE.read(iter([str(folder / "export.csv")]), Context(collection="trial")))


def as_odm(folder, fields, form="base"):
    """The same, entered in another system and exported as ODM."""
    root = etree.fromstring(odm_document(fields, form, "Baseline", CREATED))
    clinical = etree.SubElement(
        root, f"{{{NAMESPACE}}}ClinicalData", StudyOID=f"Study.{form}", MetaDataVersionOID=f"Metadata.{form}"
    )
    entries = [entered(field) for field in fields]
    for number in range(max(map(len, entries))):
        place = etree.SubElement(clinical, f"{{{NAMESPACE}}}SubjectData", SubjectKey=f"S{number}")
        for tag, oid in [("StudyEventData", "SE.1"), ("FormData", f"F.{form}"), ("ItemGroupData", f"IG.{form}")]:
            place = etree.SubElement(place, f"{{{NAMESPACE}}}{tag}", {f"{tag.removesuffix('Data')}OID": oid})
        for field, item in zip(fields, entries, strict=True):
            etree.SubElement(
                place, f"{{{NAMESPACE}}}ItemData", ItemOID=f"I.{field.name}", Value=item[number % len(item)]
            )
    path = folder / "form.xml"
    path.write_bytes(etree.tostring(root))
    assert odm.SOURCE.accepts(str(path))
    return list(odm.SOURCE.read(iter([str(path)]), Context(collection="trial")))


def told(items):
    """What was said of whom, whatever the layout of the export."""
    facts = [item for item in items if not isinstance(item, Reject | SourceRecord)]
    return sorted(
        (item.subject, type(item).__name__, item.element or "", *(str(getattr(item, name, "")) for name in SAID))
        for item in facts
    )


def test_what_is_entered_in_a_form_arrives_mapped_without_typing(tmp_path):
    fields = fields_of(WANTED)
    from_csv, from_odm = as_csv(tmp_path, fields), as_odm(tmp_path, fields)
    assert not [item for item in (*from_csv, *from_odm) if isinstance(item, Reject)]
    assert told(from_csv) == told(from_odm)
    facts = [item for item in from_csv if not isinstance(item, SourceRecord)]
    assert {item.element for item in facts} == {
        "cadsr:2200604",
        "cadsr:2003853",
        "cadsr:2003324",
        "cadsr:2179643",
        "cadsr:88",
    }
    rows = max(len(entered(field)) for field in fields)
    assert len(facts) == rows * len(fields), "every entry of every record is there"
    genders = {(item.raw, item.value_concept) for item in facts if item.element == "cadsr:2200604"}
    assert {("Male", "ncit:C20197"), ("female", "ncit:C16576")} <= genders
    scores = [item for item in facts if item.element == "cadsr:2003853" and item.value is not None]
    assert {item.value for item in scores} == {Decimal(number) for number in range(0, 101, 10)}
    assert {type(item) for item in facts} == {Finding, Measurement, Response}


@pytest.fixture(scope="module")
def every(tmp_path_factory):
    """The newest version of every bundled element in one form, read as CSV and as ODM."""
    folder = tmp_path_factory.mktemp("every")
    fields = fields_of(dict.fromkeys(curie for curie, _ in KNOWN))
    return fields, as_csv(folder, fields), as_odm(folder, fields)


def test_every_element_that_can_arrives_mapped(every):
    fields, from_csv, from_odm = every
    assert told(from_csv) == told(from_odm)
    records = {item.element for item in from_csv if not isinstance(item, Reject | SourceRecord)}
    alone = {field.element.curie for field in fields if field.alone and field.element.makes is not Makes.DATE}
    assert alone <= records
    assert len(alone) > 150
    assert not records & {field.element.curie for field in fields if field.identifies}


@settings(max_examples=8)
@given(references=st.lists(st.sampled_from(sorted(KNOWN)), min_size=1, max_size=8, unique_by=lambda key: key[0]))
def test_the_form_of_any_elements_is_read_alike(tmp_path_factory, references):
    folder = tmp_path_factory.mktemp("form")
    fields = fields_of(f"{curie} v{version}" if version else curie for curie, version in references)
    assert told(as_csv(folder, fields)) == told(as_odm(folder, fields))


def test_dictionaries_are_as_redcap_takes_them():
    fields = form_fields(list(KNOWN.values()), "base")
    rows = list(csv.DictReader(io.StringIO(data_dictionary(fields, "base"))))
    assert tuple(rows[0]) == COLUMNS
    assert len(COLUMNS) == 18
    names = [row["Variable / Field Name"] for row in rows]
    assert len(set(names)) == len(names) == len(KNOWN) + 1
    assert not [
        name for name in names if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > NAME_LENGTH
    ]
    for row in rows:
        codes = [item.partition(",")[0].strip() for item in row[COLUMNS[5]].split("|") if item]
        assert len(set(codes)) == len(codes)
        assert not [code for code in codes if not re.fullmatch(r"\w+", code)]
        assert bool(codes) == (row["Field Type"] in {"radio", "dropdown"})
    annotated = [re.fullmatch(r"CDE:\d+(v[\d.]+)?", row["Field Annotation"]) for row in rows[1:]]
    assert all(annotated)
    flagged = [row for row in rows if row["Identifier?"] == "y"]
    assert len(flagged) == sum(item.makes is Makes.IDENTIFYING for item in KNOWN.values())


def test_units_are_noted():
    (field,) = fields_of(["2179643"])
    assert field.unit
    assert f"Unit: {field.unit}" in data_dictionary([field], "base")


def test_documents_are_well_formed_and_complete():
    root = etree.fromstring(odm_document(fields_of(WANTED), "base", "Visit <1> & more", CREATED))
    assert root.get("ODMVersion") == "1.3.2"
    assert root.get("CreationDateTime") == "2026-01-02T03:04:05+00:00"
    found = {
        tag: {item.get("OID") for item in root.iter(f"{{*}}{tag}")}
        for tag in ("ItemDef", "CodeList", "MeasurementUnit")
    }
    for ref, tag in [("ItemRef", "ItemDef"), ("CodeListRef", "CodeList"), ("MeasurementUnitRef", "MeasurementUnit")]:
        named = {next(iter(item.attrib.values())) for item in root.iter(f"{{*}}{ref}")}
        assert named == found[tag]
    aliases = [(item.get("Context"), item.get("Name")) for item in root.iter("{*}Alias")]
    assert ("caDSR", "2200604v3") in aliases
    assert ("NCIt", "C20197") in aliases


def test_choices_keep_their_codes_when_values_are_added():
    (gender,) = fields_of(["2200604v3"])
    assert ("C20197", "Male", "ncit:C20197") in [(item.code, item.label, item.concept) for item in gender.choices]


@pytest.mark.parametrize("text", ["", "nope", "ncit:C28421", "cadsr:", "12 34"])
def test_what_is_no_reference_is_said(text):
    with pytest.raises(FormError, match="right would be"):
        chosen([text], KNOWN)


def test_unknown_elements_and_versions_are_said():
    with pytest.raises(UnknownElementError, match="no data element that is bundled"):
        chosen(["999999999"], KNOWN)
    with pytest.raises(UnknownElementError, match="known: 3"):
        chosen(["2200604v77"], KNOWN)
    with pytest.raises(FormError, match="no data element is named"):
        chosen([], KNOWN)


def test_the_elements_of_a_table_map():
    named = [
        name
        for name in sorted(table_maps())
        if any(row.term.startswith("cadsr:") for row in table_maps()[name].decisions.rows)
    ]
    fields = fields_of(elements_of_map(table_maps()[named[0]]))
    assert fields


@pytest.mark.parametrize("text", ["", "1st", "___"])
def test_names_that_no_form_can_have(text):
    with pytest.raises(FormError):
        form_name(text)
