"""One lesion that four sources measured: an AIM document, a structured report, SDTM and a spreadsheet, asked as one.

The AIM document and the report share a tracking UID. SDTM and the spreadsheet call the lesion by names of their own,
so a person says that it is the same. Two sizes and a volume, from every source that has them, stand in one shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.run import Job, Report, run
from queries.catalogue import query
from queries.lesion_suggestions import measured, suggestions
from queries.results import run as answer
from store.crosswalk import Decision
from store.lesion_pairs import LesionPair, Verdict
from store.same_lesions import named_lesions
from store.warehouse import OPERATOR, Warehouse
from tests.ingest import sr_documents as sr

SUBJECT, LESION = "S-01", f"{sr.ROOT}.77.1"
LONGEST, SHORTEST, VOLUME = "ncit:C96684", "ncit:C96685", "dcm:118565006"

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
      <typeCode code="RID58" codeSystemName="RadLex"><iso:displayName value="liver"/></typeCode><label value="Location"/>
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
SIZES = (("G-A185", "LongAxis", "cm", "2.81"), ("G-A186", "ShortAxis", "linear", "1.42"), ("G-D705", "Volume", "ml", "9.5"))

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
ORGANS = """# curie_map: {}
subject_id\tsubject_label\tpredicate_id\tobject_id\tobject_label\tmapping_justification
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
    contents = {"tu.csv": TUMORS, "tr.csv": RESULTS, "sizes.csv": SHEET}
    for name, text in contents.items():
        (folder / name).write_text(text, encoding="utf-8")
    return [folder / name for name in contents]


def sizes(warehouse: Warehouse, variable: str) -> list[dict[str, object]]:
    values = {"collection": "trial", "variable": variable}
    return list(answer(warehouse, query("lesion-diameters"), values, OPERATOR).dicts())


def test_four_sources_say_one_lesion_in_one_shape(warehouse: Warehouse, tmp_path: Path) -> None:
    done = ingest(warehouse, aim(tmp_path), report(tmp_path), *tables(tmp_path, tmp_path / "var"))
    print(done.rejects)
    for variable in (LONGEST, SHORTEST, VOLUME):
        for row in sizes(warehouse, variable):
            print({k: v for k, v in row.items() if v not in (None, "")})
    found = measured(warehouse, OPERATOR, "trial")
    for item in suggestions(found, set()):
        print(item)
    assert 0
