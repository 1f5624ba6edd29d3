"""Copies of one document count once: an annotation in three formats, and the report that is written of it."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from analysis.file_set import of_files
from analysis.selection import Selection, selected
from analysis.writing import write_documents
from ingest.base import Context
from ingest.run import Job, Report, run
from mappings.codes import bundled
from ontology.terms import ncit
from queries.catalogue import query
from queries.results import run as answer
from store.warehouse import OPERATOR, Warehouse
from tests.aim_text import calculation
from tests.ingest import sr_documents as sr

SUBJECT, LESION = "S-01", f"{sr.ROOT}.77.1"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
LENGTHS = """SELECT ?kind ?first {
  ?m q:variable ncit:C96684 ; q:primary ?first ; prov:wasDerivedFrom/q:sourceKind ?kind
} ORDER BY ?kind"""
LONGEST, SHORTEST, VOLUME = "ncit:C96684", "ncit:C96685", "ncit:C25335"

AIM = f"""<?xml version="1.0" encoding="UTF-8"?>
<ImageAnnotationCollection xmlns="gme://caCORE.caCORE/4.4/edu.northwestern.radiology.AIM"
    xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:iso="uri:iso.org:21090" aimVersion="AIMv4_2">
  <uniqueIdentifier root="{sr.ROOT}.10"/><dateTime value="20100304"/>
  <user><name value="jexample"/><loginName value="jexample"/></user>
  <equipment><manufacturerModelName value="ePAD"/><softwareVersion value="3.2"/></equipment>
  <person><id value="{SUBJECT}"/></person>
  <imageAnnotations><ImageAnnotation>
    <uniqueIdentifier root="{sr.ROOT}.11"/><trackingUniqueIdentifier root="{LESION}"/>
    <typeCode code="RECIST" codeSystemName="99EPAD"><iso:displayName value="Tumor assessment"/></typeCode>
    <dateTime value="20100304"/><name value="Lesion 3"/>
    <imagingPhysicalEntityCollection><ImagingPhysicalEntity>
      <typeCode code="RID58" codeSystemName="RadLex"><iso:displayName value="liver"/></typeCode>
      <label value="Location"/>
    </ImagingPhysicalEntity></imagingPhysicalEntityCollection>
    <calculationEntityCollection>
      {{calculations}}
    </calculationEntityCollection>
    <imageReferenceEntityCollection><ImageReferenceEntity xsi:type="DicomImageReferenceEntity"><imageStudy>
      <instanceUid root="{sr.STUDY}"/><startDate value="20100304"/>
      <imageSeries><instanceUid root="{sr.SERIES}"/><modality code="CT" codeSystemName="DCM"/></imageSeries>
    </imageStudy></ImageReferenceEntity></imageReferenceEntityCollection>
  </ImageAnnotation></imageAnnotations>
</ImageAnnotationCollection>
"""
SIZES = (
    ("G-A185", "LongAxis", "cm", "2.81"),
    ("G-A186", "ShortAxis", "linear", "1.42"),
    ("G-D705", "Volume", "ml", "9.5"),
)


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse.open(tmp_path / "var")
    yield opened
    opened.close()


def ingest(warehouse: Warehouse, *places: Path) -> Report:
    return run(warehouse, [Job(locators=tuple(map(str, places)), collection="trial", audience="public")])


def aim(folder: Path, name: str = "lesion.xml", sizes: tuple[tuple[str, str, str, str], ...] = SIZES) -> Path:
    items = (calculation(*size, scheme="SRT") for size in sizes)
    (path := folder / name).write_text(AIM.format(calculations="\n".join(items)), encoding="utf-8")
    return path


def sizes(warehouse: Warehouse, variable: str) -> list[dict[str, object]]:
    values = {"collection": "trial", "variable": variable}
    return list(answer(warehouse, query("lesion-diameters"), values, OPERATOR).dicts())


def as_epad_json(element: etree._Element) -> Any:
    """An AIM 4 element as ePAD writes it: attributes and children by name, several of a name as a list."""
    found: dict[str, Any] = {etree.QName(str(name)).localname: str(value) for name, value in element.attrib.items()}
    if kind := element.get(f"{{{XSI}}}type"):
        del found["type"]
        found |= {"xsi:type": kind} | ({"type": said} if (said := element.get("type")) else {})
    for child in element:
        name = etree.QName(child).localname
        name = f"iso:{name}" if name == "displayName" else name
        found.setdefault(name, []).append(as_epad_json(child))
    single = {"ImageAnnotation", "typeCode", "CalculationEntity", "ImagingPhysicalEntity"}
    return {
        name: value[0] if isinstance(value, list) and len(value) == 1 and name not in single else value
        for name, value in found.items()
    }


def test_an_annotation_its_json_and_its_report_count_once(warehouse: Warehouse, tmp_path: Path) -> None:
    """AIM 3, the same annotation as AIM 4 in ePAD's JSON, and as the report that the AIM toolkit makes of it."""
    uid, length = f"{sr.ROOT}.55", "39.5795974731445"
    old = (Path(__file__).parent / "ingest/aim/aim3_target_lesion/input.xml").read_text(encoding="utf-8")
    for before, after in (("1.2.840.99999.1.1", uid), ("P-001", SUBJECT), ("1.2.840.99999.2.1", sr.STUDY)):
        old = old.replace(f'"{before}"', f'"{after}"')
    old = old.replace('"1.2.840.99999.3.1"', f'"{sr.SERIES}"').replace('"1.2.840.99999.4.1"', f'"{sr.IMAGE}"')
    (tmp_path / "three.xml").write_text(old, encoding="utf-8")
    new = aim(tmp_path, "four.xml", (("G-A22A", "Length", "mm", length),)).read_text(encoding="utf-8")
    new = new.replace(f"{sr.ROOT}.11", uid).replace(f'<trackingUniqueIdentifier root="{LESION}"/>', "")
    root = etree.fromstring(new.encode())
    (tmp_path / "four.xml").unlink()
    (tmp_path / "four.json").write_text(json.dumps({"ImageAnnotationCollection": as_epad_json(root)}), encoding="utf-8")
    sr.aim().save_as(tmp_path / "three.dcm", enforce_file_format=True)

    done = ingest(warehouse, tmp_path / "three.xml", tmp_path / "four.json", tmp_path / "three.dcm")
    assert not done.rejects
    found = warehouse.select(LENGTHS, OPERATOR).rows
    assert [row[0].value for row in found if row[0]] == ["aim", "aim", "sr"]
    assert [row[1].value for row in found if row[1]].count("true") == 1
    copies = warehouse.select("SELECT ?of { ?m q:variable ncit:C96684 ; q:duplicateOf ?of }", OPERATOR).rows
    assert len(copies) == 2
    assert len({row[0] for row in copies}) == 1, "both copies point at the one that counts"
    assert len(sizes(warehouse, LONGEST)) == 1


def test_a_report_written_of_an_annotation_and_read_in_again_counts_once(warehouse: Warehouse, tmp_path: Path) -> None:
    """A lesion is measured in one document; the report that is written of it is a copy, of each of its groups."""
    assert not ingest(warehouse, aim(tmp_path)).rejects
    before = {variable: sizes(warehouse, variable) for variable in (LONGEST, SHORTEST, VOLUME)}
    given = selected(warehouse, Selection(collection="trial"), OPERATOR)
    write_documents(given, "sr", bundled(), tmp_path / "out")
    written = list((tmp_path / "out").iterdir())
    done = ingest(warehouse, *written)
    assert (done.added, done.rejects) == (len(written), [])
    for variable, rows in before.items():
        assert len(rows) == 1
        again = sizes(warehouse, variable)
        assert [(row["value"], row["unit"], row["one"]) for row in again] == [
            (row["value"], row["unit"], row["one"]) for row in rows
        ]
        copies = f"SELECT ?m {{ ?m q:variable {variable} ; q:primary false ; q:duplicateOf ?of }}"
        assert len(warehouse.select(copies, OPERATOR).rows) == 1


# what is written of records that no document states, or of a part of one

TABLE = f"""Patient,Lesion,Study,Series,Volume (ml)
{SUBJECT},T01,{sr.STUDY},{sr.SERIES},2.5
{SUBJECT},T02,{sr.STUDY},{sr.SERIES},2.5
S-02,T01,,,2.5
"""
MAP = """name: results
title: What a segmenter measured
data_class: metadata
subject: Patient
common: {lesion: {column: Lesion}, study: {column: Study}, series: {column: Series}}
columns:
  Volume (ml): {record: measurement, unit: ml}
"""
DECISION = (
    "subject_id\tpredicate_id\tobject_id\tmapping_justification\n"
    "column:Volume%20(ml)\tskos:exactMatch\tncit:C25335\tsemapv:ManualMappingCuration\n"
)
VOLUMES = f"SELECT ?first ?of ?m {{ ?m q:variable {VOLUME} ; q:primary ?first OPTIONAL {{ ?m q:duplicateOf ?of }} }}"


@pytest.fixture
def table(warehouse: Warehouse, tmp_path: Path) -> Path:
    """A table of three volumes of one number, ingested."""
    folder = warehouse.home.root / "mappings" / "results"
    folder.mkdir(parents=True)
    (folder / "map.yaml").write_text(MAP, encoding="utf-8")
    (folder / "mapping.sssom.tsv").write_text(DECISION, encoding="utf-8")
    (path := tmp_path / "results.csv").write_text(TABLE, encoding="utf-8")
    job = Job(locators=(str(path),), collection="trial", audience="public", mapping="results")
    assert not run(warehouse, [job]).rejects
    return path


def counts(warehouse: Warehouse, times: int = 1) -> tuple[int, int]:
    """How many volumes count, and how many are copies of one that does: of each at most so many."""
    rows = warehouse.select(VOLUMES, OPERATOR).rows
    first = {row[2] for row in rows if row[0] is not None and row[0].value == "true"}
    copies = Counter(row[1] for row in rows if row[1] is not None)
    assert copies.keys() <= first, "copies are of what counts"
    assert all(count <= times for count in copies.values()), "each copy is of a record of its own"
    return len(first), copies.total()


@pytest.mark.parametrize("form", ["aim", "sr"])
def test_a_table_and_what_is_written_of_it_count_once(
    warehouse: Warehouse, table: Path, tmp_path: Path, form: str
) -> None:
    write_documents(selected(warehouse, Selection(collection="trial"), OPERATOR), form, bundled(), tmp_path / "out")
    assert not ingest(warehouse, tmp_path / "out").rejects
    assert counts(warehouse) == (3, 3)


@pytest.mark.parametrize(("form", "number"), [("aim", b'value="2500"'), ("sr", b"DS\x06\x002500.0")])
def test_a_number_that_was_changed_in_between_is_another(
    warehouse: Warehouse, table: Path, tmp_path: Path, form: str, number: bytes
) -> None:
    given = selected(warehouse, Selection(collection="trial", subjects=("S-02",)), OPERATOR)
    write_documents(given, form, bundled(), tmp_path / "out")
    [path] = (tmp_path / "out").iterdir()
    content = path.read_bytes()
    assert content.count(number) == 1
    path.write_bytes(content.replace(number, number.replace(b"2500", b"3500")))
    assert not ingest(warehouse, path).rejects
    assert counts(warehouse) == (4, 0)


@pytest.mark.parametrize(("through", "form"), [("aim", "sr"), ("sr", "aim")])
def test_a_part_of_a_report_counts_once_however_often_it_is_written(
    warehouse: Warehouse, tmp_path: Path, through: str, form: str
) -> None:
    """A part is written, and of that file, before it is ingested, another."""
    groups = (
        sr.container(
            sr.GROUP,
            *sr.tracked(f"Lesion {at}", f"{sr.ROOT}.77.{at}"),
            sr.number(("G-A185", "SRT", "Long Axis"), "28", sr.MM),
            sr.number(("G-D705", "SRT", "Volume"), "2.5", ("ml", "UCUM", "Milliliter")),
        )
        for at in (1, 2)
    )
    sr.document(sr.measured_report(*groups)).save_as(tmp_path / "report.dcm", enforce_file_format=True)
    assert not ingest(warehouse, tmp_path / "report.dcm").rejects
    given = selected(warehouse, Selection(collection="trial", variables=(ncit.VOLUME,)), OPERATOR)
    write_documents(given, through, bundled(), tmp_path / "part")
    context = Context(collection="trial", secret=b"a secret of the tests", attested=True)
    again, rejects = of_files([str(tmp_path / "part")], context)
    assert not rejects
    write_documents(again, form, bundled(), tmp_path / "again")
    assert not ingest(warehouse, tmp_path / "again").rejects
    assert counts(warehouse) == (2, 2)


def test_a_record_of_another_collection_is_no_original(warehouse: Warehouse, table: Path, tmp_path: Path) -> None:
    given = selected(warehouse, Selection(collection="trial", subjects=("S-02",)), OPERATOR)
    write_documents(given, "sr", bundled(), tmp_path / "out")
    job = Job(locators=(str(tmp_path / "out"),), collection="other", audience="public")
    assert not run(warehouse, [job]).rejects
    assert counts(warehouse) == (4, 0)


def written(warehouse: Warehouse, form: str, folder: Path) -> Path:
    """What is written of the collection as it stands."""
    write_documents(selected(warehouse, Selection(collection="trial"), OPERATOR), form, bundled(), folder)
    return folder


def retract(warehouse: Warehouse, kind: str) -> None:
    sources = warehouse.generations.current().sources
    warehouse.retract([source.sid for source in sources if source.kind == kind])


@pytest.mark.parametrize("order", [("table", "aim", "sr"), ("sr", "table", "aim"), ("aim", "sr", "table")])
def test_a_table_and_all_that_is_written_of_it_count_once_whatever_comes_first_or_goes(
    warehouse: Warehouse, table: Path, tmp_path: Path, order: tuple[str, ...]
) -> None:
    places = {form: written(warehouse, form, tmp_path / form) for form in ("aim", "sr")}
    retract(warehouse, "table")
    for copies, kind in enumerate(order):
        job = Job(locators=(str(places.get(kind, table)),), collection="trial", audience="public")
        assert not run(warehouse, [replace(job, mapping="results") if kind == "table" else job]).rejects
        assert counts(warehouse, copies) == (3, 3 * copies)
    for copies, kind in ((1, order[0]), (0, order[1])):
        retract(warehouse, kind)
        assert counts(warehouse, 1) == (3, 3 * copies)
