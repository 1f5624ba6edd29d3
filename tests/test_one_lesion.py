"""One lesion that four sources measured: an AIM document, a structured report, SDTM and a spreadsheet, asked as one.

The AIM document and the report share a tracking UID. SDTM and the spreadsheet call the lesion by names of their own,
so a person says that it is the same. Two sizes and a volume, from every source that has them, stand in one shape.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from analysis.selection import Selection, selected
from analysis.writing import write_documents
from ingest.run import Job, Report, run
from mappings.codes import bundled
from queries.catalogue import query
from queries.lesion_suggestions import measured, suggestions
from queries.results import run as answer
from store.crosswalk import Decision
from store.lesion_pairs import LesionPair, Verdict
from store.same_lesions import named_lesions
from store.warehouse import OPERATOR, Warehouse
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
CALCULATION = """<CalculationEntity><uniqueIdentifier root="0"/>
  <typeCode code="{code}" codeSystemName="SRT"><iso:displayName value="{meaning}"/></typeCode>
  <calculationResultCollection><CalculationResult type="Scalar" xsi:type="CompactCalculationResult">
    <unitOfMeasure value="{unit}"/><value value="{value}"/>
  </CalculationResult></calculationResultCollection></CalculationEntity>"""
SIZES = (
    ("G-A185", "LongAxis", "cm", "2.81"),
    ("G-A186", "ShortAxis", "linear", "1.42"),
    ("G-D705", "Volume", "ml", "9.5"),
)

TUMORS = """STUDYID,DOMAIN,USUBJID,TUSEQ,TULNKID,TUTESTCD,TUTEST,TUORRES,TUSTRESC,TULOC,TUMETHOD,TUEVAL,TUEVALID,TUACPTFL,VISITNUM,VISIT,TUDTC,TUDY
T7,TU,S-01,1,T01,TUMIDENT,Tumor Identification,TARGET,TARGET,LIVER,CT SCAN,INVESTIGATOR,,,1,BASELINE,2010-03-04,1
"""  # noqa: E501 - one line of a table
RESULTS = """STUDYID,DOMAIN,USUBJID,TRSEQ,TRGRPID,TRLNKGRP,TRLNKID,TRTESTCD,TRTEST,TRORRES,TRORRESU,TRSTRESC,TRSTRESN,TRSTRESU,TRSTAT,TRREASND,TRMETHOD,TREVAL,TREVALID,TRACPTFL,VISITNUM,VISIT,TRDTC,TRDY
T7,TR,S-01,1,TARGET,A1,T01,LDIAM,Longest Diameter,29,mm,29,29,mm,,,CT SCAN,INVESTIGATOR,,,1,BASELINE,2010-03-04,1
T7,TR,S-01,2,TARGET,A1,T01,LPERP,Longest Perpendicular,15,mm,15,15,mm,,,CT SCAN,INVESTIGATOR,,,1,BASELINE,2010-03-04,1
"""  # noqa: E501
SHEET = "Patient,Scan,Lesion,Organ,Reader,LD (cm),SA (cm),Vol (ml)\nS-01,2010-03-04,liver met 1,Liver,B,3.0,1.6,9.9\n"
FIELDS = """record: measurement
    lesion: {column: Lesion}
    reader: {column: Reader}
    site: {column: Organ}
    when: {column: Scan}
"""
MAP = f"""name: sizes
title: Sizes of lesions, one row each
matches: {{headers: [Patient, Scan, Lesion, "LD (cm)"]}}
data_class: metadata
subject: Patient
columns:
  LD (cm):
    {FIELDS}    variable: {LONGEST}
    unit: cm
  SA (cm):
    {FIELDS}    variable: {SHORTEST}
    unit: cm
  Vol (ml):
    {FIELDS}    variable: {VOLUME}
    unit: ml
"""
DECISIONS = """#mapping_set_id: https://w3id.org/qilin/mappings/sizes
#license: https://creativecommons.org/publicdomain/zero/1.0/
#curie_map:
#  ncit: http://purl.obolibrary.org/obo/NCIT_
#  value: https://w3id.org/qilin/mappings/sizes/value/
subject_id\tsubject_label\tpredicate_id\tobject_id\tobject_label\tmapping_justification
value:Organ/Liver\tLiver\tskos:exactMatch\tncit:C12392\tLiver\tsemapv:ManualMappingCuration
"""


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse.open(tmp_path / "var")
    yield opened
    opened.close()


def ingest(warehouse: Warehouse, *places: Path) -> Report:
    return run(warehouse, [Job(locators=tuple(map(str, places)), collection="trial", audience="public")])


def aim(folder: Path, name: str = "lesion.xml", sizes: tuple[tuple[str, str, str, str], ...] = SIZES) -> Path:
    items = (CALCULATION.format(code=code, meaning=said, unit=unit, value=value) for code, said, unit, value in sizes)
    (path := folder / name).write_text(AIM.format(calculations="\n".join(items)), encoding="utf-8")
    return path


def report(folder: Path) -> Path:
    """What another reader measured of the same lesion with another tool."""
    content = sr.measured_report(
        sr.container(
            sr.GROUP,
            *sr.tracked("Lesion 3", LESION),
            sr.coded(sr.SITE, ("T-62000", "SRT", "Liver"), relationship="HAS CONCEPT MOD"),
            sr.number(("G-A185", "SRT", "Long Axis"), "28.3", sr.MM),
            sr.number(("103340004", "SCT", "Short Axis"), "1.45", ("cm", "UCUM", "centimeter")),
            sr.number(("118565006", "SCT", "Volume"), "9700", ("mm3", "UCUM", "cubic millimeter")),
        )
    )
    sr.document(content).save_as(path := folder / "report.dcm", enforce_file_format=True)
    return path


def tables(folder: Path, home: Path) -> list[Path]:
    (own := home / "mappings" / "sizes").mkdir(parents=True)
    (own / "map.yaml").write_text(MAP, encoding="utf-8")
    (own / "mapping.sssom.tsv").write_text(DECISIONS, encoding="utf-8")
    contents = {"tu.csv": TUMORS, "tr.csv": RESULTS, "sizes.csv": SHEET}
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in contents]


def sizes(warehouse: Warehouse, variable: str) -> list[dict[str, object]]:
    values = {"collection": "trial", "variable": variable}
    return list(answer(warehouse, query("lesion-diameters"), values, OPERATOR).dicts())


FOUR = {
    LONGEST: {("aim", "28.1", "mm"), ("sr", "28.3", "mm"), ("table", "29", "mm"), ("table", "30", "mm")},
    SHORTEST: {("aim", "14.2", "mm"), ("sr", "14.5", "mm"), ("table", "15", "mm"), ("table", "16", "mm")},
    VOLUME: {("aim", "9500", "mm3"), ("sr", "9700", "mm3"), ("table", "9900", "mm3")},
}
"""What the files say, in canonical units: read off them by hand. SDTM states no volume."""


def decide(warehouse: Warehouse, one: str, other: str) -> None:
    """Say that two lesions are one, as `qilin lesions link` does."""
    known = named_lesions(warehouse.home.log, warehouse.generations.current(), "trial")
    with warehouse.writing() as writing:
        pair = LesionPair.of("trial", known[SUBJECT, one], known[SUBJECT, other])
        warehouse.lesions.decide(pair, Verdict.SAME, Decision("A. Steward", "seen on the images"))
        writing.publish()


def test_four_sources_say_one_lesion_in_one_shape(warehouse: Warehouse, tmp_path: Path) -> None:
    done = ingest(warehouse, aim(tmp_path), report(tmp_path), *tables(tmp_path, tmp_path / "var"))
    assert not done.rejects
    named = {row["lesionIri"]: row["kind"] for row in sizes(warehouse, LONGEST)}
    assert len(named) == 3, "the document and the report share a lesion; names of tables are never merged by themselves"

    # every pair of readers is suggested, and a person decides
    found = [(item.a.key, item.b.key) for item in suggestions(measured(warehouse, OPERATOR, "trial"), set())]
    keys = sorted({key for pair in found for key in pair})
    assert len(found) == 3
    assert LESION in keys
    assert len(keys) == 3
    for other in keys[1:]:
        decide(warehouse, keys[0], other)
    assert not list(suggestions(measured(warehouse, OPERATOR, "trial"), set()))

    for variable, expected in FOUR.items():
        rows = sizes(warehouse, variable)
        assert {(row["kind"], str(row["value"]), row["unit"]) for row in rows} == expected
        assert len(rows) == len(expected)
        assert len({row["one"] for row in rows}) == 1
        assert {row["day"] for row in rows} == {0}
        assert all(row["reader"] for row in rows)
        for row in rows:
            assert (row["kind"] != "table") == bool(row["tool"]) == bool(row["series"])
    # one reader's sizes do not change another's: each source can be taken out alone
    assert len({row["reader"] for row in sizes(warehouse, LONGEST)}) == 4


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


def test_a_visit_that_was_not_planned_has_its_size_once(warehouse: Warehouse, tmp_path: Path) -> None:
    """A role is given at each visit, by number or by name: a size has that of its visit, once."""
    header, line, _ = RESULTS.splitlines()
    visits = ("1,BASELINE,2010-03-04,1", "2,WEEK 6,2010-04-15,43", "2.1,UNSCHED 2.1,2010-05-01,59")
    rows = [line.replace(visits[0], visit).replace(",1,TARGET", f",{at},TARGET") for at, visit in enumerate(visits, 1)]
    (tmp_path / "tr.csv").write_text("\n".join([header, *rows, ""]), encoding="utf-8")
    assert not ingest(warehouse, tmp_path / "tr.csv").rejects
    found = [(row["visit"], bool(row["role"])) for row in sizes(warehouse, LONGEST)]
    assert sorted(found, key=str) == [(1, True), (2, True), (None, True)]
