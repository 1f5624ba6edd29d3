"""The same lesion from AIM, a structured report, SDTM and a spreadsheet: asked for with one query, in one shape."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote

import pytest
from typer.testing import CliRunner

from api.cli import app
from ingest.run import Job, run
from queries.catalogue import query
from queries.results import run as ask
from store.warehouse import OPERATOR, Warehouse
from tests.aim_text import calculation
from tests.ingest import sr_documents as sr

ROOT = "1.2.840.99999.77"
TRACKED = f"{ROOT}.1"
AIM = """<?xml version="1.0" encoding="UTF-8"?>
<ImageAnnotationCollection xmlns="gme://caCORE.caCORE/4.4/edu.northwestern.radiology.AIM"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:iso="uri:iso.org:21090" aimVersion="AIMv4_2">
  <uniqueIdentifier root="{root}.10"/><dateTime value="20100401"/>
  <user><name value="Jane Example"/><loginName value="jexample"/><roleInTrial value="Central reader"/></user>
  <equipment><manufacturerName value="Works"/><manufacturerModelName value="Marker"/>
  <softwareVersion value="4.1"/></equipment>
  <person><name value="S-01"/><id value="S-01"/></person>
  <imageAnnotations><ImageAnnotation>
    <uniqueIdentifier root="{root}.11"/><trackingUniqueIdentifier root="{tracked}"/>
    <typeCode code="RECIST_v2" codeSystemName="99EPAD"><iso:displayName value="Tumor assessment"/></typeCode>
    <dateTime value="20100401"/><name value="T01"/>
    <imagingPhysicalEntityCollection>
      <ImagingPhysicalEntity><typeCode code="RID1326" codeSystemName="RadLex">
      <iso:displayName value="left lung"/></typeCode>
      <label value="Location"/></ImagingPhysicalEntity>
    </imagingPhysicalEntityCollection>
    <calculationEntityCollection>{calculations}</calculationEntityCollection>
    <imageReferenceEntityCollection><ImageReferenceEntity xsi:type="DicomImageReferenceEntity">
      <imageStudy><instanceUid root="{study}"/><startDate value="20100304"/>
        <imageSeries><instanceUid root="{series}"/>
        <modality code="CT" codeSystemName="DCM"><iso:displayName value="Computed Tomography"/></modality>
        <imageCollection/></imageSeries>
      </imageStudy></ImageReferenceEntity></imageReferenceEntityCollection>
  </ImageAnnotation></imageAnnotations>
</ImageAnnotationCollection>
"""
SAID = [
    ("C96684", "Longest Diameter", "mm", "42.5"),
    ("C96685", "Longest Perpendicular", "mm", "21"),
    ("C25335", "Volume", "mm3", "12500"),
]
TU = """STUDYID,DOMAIN,USUBJID,TUSEQ,TULNKID,TUTESTCD,TUTEST,TUORRES,TUSTRESC,TULOC,TULAT,TUMETHOD,TUEVAL,TUEVALID,\
TUACPTFL,VISITNUM,VISIT,TUDTC,TUDY
T1,TU,S-01,1,T01,TUMIDENT,Tumor Identification,TARGET,TARGET,LUNG,LEFT,CT SCAN,INVESTIGATOR,,Y,1,BASELINE,2010-03-04,1
"""
TR = """STUDYID,DOMAIN,USUBJID,TRSEQ,TRGRPID,TRLNKGRP,TRLNKID,TRTESTCD,TRTEST,TRORRES,TRORRESU,TRSTRESC,TRSTRESN,\
TRSTRESU,TRSTAT,TRREASND,TRMETHOD,TREVAL,TREVALID,TRACPTFL,VISITNUM,VISIT,TRDTC,TRDY
T1,TR,S-01,1,TARGET,A1,T01,LDIAM,Longest Diameter,4.3,cm,4.3,4.3,cm,,,CT SCAN,INVESTIGATOR,,Y,1,BASELINE,2010-03-04,1
T1,TR,S-01,2,TARGET,A1,T01,LPERP,Longest Perpendicular,20,mm,20,20,mm,,,CT SCAN,INVESTIGATOR,,Y,1,BASELINE,2010-03-04,1
T1,TR,S-01,3,TARGET,A1,T01,VOLUME,Volume,12,cm3,12,12,cm3,,,CT SCAN,INVESTIGATOR,,Y,1,BASELINE,2010-03-04,1
"""
SHEET = """Patient,Lesion,Where,Read by,Scanned,LD (mm),SA (mm),Volume (ml)
S-01,target 1,L lung,Roe,2010-03-04,41,22,11.5
S-01,target 2,lung,Roe,2010-03-04,39,20,11
"""
MAP = """name: own_sheet
title: A site's own sheet of lesions
data_class: metadata
subject: Patient
common:
  lesion: {column: Lesion}
  site: {column: Where}
  reader: {column: Read by}
  when: {column: Scanned}
columns:
  LD (mm): {record: measurement, unit: mm}
  SA (mm): {record: measurement, unit: mm}
  Volume (ml): {record: measurement, unit: ml}
"""
DECISIONS = (
    "subject_id\tpredicate_id\tobject_id\tmapping_justification\n"
    "column:LD%20(mm)\tskos:exactMatch\tncit:C96684\tsemapv:ManualMappingCuration\n"
    "column:SA%20(mm)\tskos:exactMatch\tncit:C96685\tsemapv:ManualMappingCuration\n"
    "column:Volume%20(ml)\tskos:exactMatch\tncit:C25335\tsemapv:ManualMappingCuration\n"
    "value:Where/lung\tskos:exactMatch\tncit:C12468\tsemapv:ManualMappingCuration\n"
)


def annotation(tracked: str = TRACKED) -> str:
    calculations = "".join(calculation(c, n, u, v) for c, n, u, v in SAID)
    return AIM.format(root=ROOT, tracked=tracked, study=sr.STUDY, series=sr.SERIES, calculations=calculations)


def report(uid: str = TRACKED):
    site = sr.coded(sr.SITE, ("39607008", "SCT", "Lung"), relationship="HAS CONCEPT MOD")
    side = ("272741003", "SCT", "Laterality")
    site.ContentSequence = [sr.coded(side, ("7771000", "SCT", "Left"), relationship="HAS CONCEPT MOD")]
    return sr.document(
        sr.measured_report(
            sr.container(
                sr.GROUP,
                *sr.tracked("Lesion 1", uid),
                site,
                sr.number(("G-A185", "SRT", "Long Axis"), "44", sr.MM, sr.line(1, 2, 4, 6)),
                sr.number(("G-A186", "SRT", "Short Axis"), "2.3", ("cm", "UCUM", "centimeter")),
                sr.number(("G-D705", "SRT", "Volume"), "13", ("ml", "UCUM", "Milliliter")),
            )
        )
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with the same lesion out of four kinds of file, and another one of the spreadsheet."""
    folder, files = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("files")
    (folder / "mappings" / "own_sheet").mkdir(parents=True)
    (folder / "mappings" / "own_sheet" / "map.yaml").write_text(MAP, encoding="utf-8")
    (folder / "mappings" / "own_sheet" / "mapping.sssom.tsv").write_text(DECISIONS, encoding="utf-8")
    (files / "t01.xml").write_text(annotation(), encoding="utf-8")
    report().save_as(files / "t01.dcm", enforce_file_format=True)
    for name, text in (("tu.csv", TU), ("tr.csv", TR), ("sheet.csv", SHEET)):
        (files / name).write_text(text, encoding="utf-8")
    warehouse = Warehouse.open(folder)
    names = ("t01.xml", "t01.dcm", "tu.csv", "tr.csv")
    found = run(
        warehouse,
        [
            Job(locators=tuple(str(files / name) for name in names), collection="trial"),
            Job(locators=(str(files / "sheet.csv"),), collection="trial", mapping="own_sheet"),
        ],
    )
    warehouse.close()
    assert [(item.problem, item.place) for item in found.rejects] == []
    return folder


@pytest.fixture
def warehouse(home: Path) -> Iterator[Warehouse]:
    opened = Warehouse.open(home)
    yield opened
    opened.close()


def sizes(warehouse: Warehouse, variable: str = "ncit:C96684"):
    values = {"collection": "trial", "variable": variable}
    return list(ask(warehouse, query("lesion-diameters"), values, OPERATOR).dicts())


def lesions(home: Path, *words: str):
    return CliRunner().invoke(app, ["lesions", *words], env={"QILIN_HOME": str(home)})


@pytest.mark.parametrize(
    ("variable", "unit", "values"),
    [
        ("ncit:C96684", "mm", {"aim": 42.5, "sr": 44, "table": [43, 41, 39]}),
        ("ncit:C96685", "mm", {"aim": 21, "sr": 23, "table": [20, 22, 20]}),
        ("ncit:C25335", "mm3", {"aim": 12_500, "sr": 13_000, "table": [12_000, 11_500, 11_000]}),
    ],
)
def test_a_quantity_of_every_source_has_one_unit(warehouse: Warehouse, variable: str, unit: str, values) -> None:
    rows = sizes(warehouse, variable)
    found = {kind: [float(row["value"]) for row in rows if row["kind"] == kind] for kind in ("aim", "sr", "table")}
    assert {kind: sorted(each) for kind, each in found.items()} == {
        "aim": [values["aim"]],
        "sr": [values["sr"]],
        "table": sorted(values["table"]),
    }
    assert {row["unit"] for row in rows} == {unit}


def test_each_row_says_who_with_what_where_and_on_which_series(warehouse: Warehouse) -> None:
    rows = {(row["kind"], float(row["value"])): row for row in sizes(warehouse)}
    aim, report_, sdtm, sheet = (rows[key] for key in (("aim", 42.5), ("sr", 44), ("table", 43), ("table", 41)))
    assert (aim["tool"], report_["tool"]) == ("Marker 4.1", "Ruler 2.1")
    assert aim["series"] == report_["series"] == f"urn:oid:{sr.SERIES}"
    assert all(row["reader"] and row["record"] and row["day"] == 0 for row in (aim, report_, sdtm, sheet))
    assert len({row["reader"] for row in (aim, report_, sdtm, sheet)}) == 4
    # one RadLex term, a coded modifier and "L lung" are the same place
    assert {(row["siteLabel"], row["sideLabel"]) for row in (aim, report_, sheet)} == {("Lung", "Left")}
    assert (sdtm["roleLabel"], sdtm["acceptedReading"]) == ("Target Lesion Identification", True)


def test_what_rules_leave_apart_is_suggested_and_paired_by_decision(home: Path) -> None:
    found = json.loads(lesions(home, "suggest", "trial", "--json").output)
    pairs = {frozenset((row["lesion"], row["other"])): row for row in found}
    with closing(Warehouse.open(home)) as warehouse:
        keys = {
            (row["kind"], float(row["value"])): unquote(row["lesionIri"].rpartition("/")[2]) for row in sizes(warehouse)
        }
    assert keys["aim", 42.5] == keys["sr", 44] == TRACKED  # by tracking UID alone
    sdtm, sheet, second = keys["table", 43], keys["table", 41], keys["table", 39]
    assert len({TRACKED, sdtm, sheet, second}) == 4
    # two lesions of the sheet fit as well as each other: a person has to look
    assert pairs[frozenset((TRACKED, sheet))]["note"] == pairs[frozenset((TRACKED, second))]["note"] != ""
    assert frozenset((sheet, second)) not in pairs  # one reader's two lesions are two
    for other in (sdtm, sheet):
        done = lesions(home, "link", "trial", "S-01", TRACKED, other, "--author", "A. Steward", "--reason", "images")
        assert done.exit_code == 0, done.output
    with closing(Warehouse.open(home)) as warehouse:
        one = {(row["kind"], float(row["value"])): row["one"] for row in sizes(warehouse)}
    assert len({one["aim", 42.5], one["sr", 44], one["table", 43], one["table", 41]}) == 1
    assert one["table", 39] != one["table", 41]
    with closing(Warehouse.open(home)) as warehouse:
        for variable in ("ncit:C96685", "ncit:C25335"):
            rows = [row for row in sizes(warehouse, variable) if unquote(row["lesionIri"].rpartition("/")[2]) != second]
            assert len(rows) == 4
            assert len({row["one"] for row in rows}) == 1
    left = json.loads(lesions(home, "suggest", "trial", "--json").output)
    assert not [row for row in left if {row["lesion"], row["other"]} <= {TRACKED, sdtm, sheet}]
