"""Every kind of source in every answer: AIM, a structured report, SDTM and a site's own sheet say the same of a lesion.

In each, an investigator and a central reader read lesion T01 of a subject at two visits. A query that passes a whole
kind over gives no row of it.
"""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydicom.dataset import Dataset

from ingest.run import Job, run
from store.control import Collection
from store.warehouse import OPERATOR, Warehouse
from tests.ingest import sr_documents as sr

ROOT = "1.2.840.99999.78"
DAYS = (dt.date(2010, 3, 4), dt.date(2010, 4, 15))
ROLES = {"Investigator": "INVESTIGATOR", "Central reader": "INDEPENDENT ASSESSOR"}
"""The readers of each source by their roles, as AIM and reports say them and as SDTM does."""

SIZES = {"Investigator": (40, 20), "Central reader": (42, 60)}
"""Longest diameters in mm at the two visits; short axes are 10, but for one that is longer: an anomaly."""


@dataclass(frozen=True, slots=True)
class Reading:
    """One visit of lesion T01 as one reader of one kind of source sees it."""

    kind: str
    role: str
    visit: int

    @property
    def subject(self) -> str:
        return f"S-{self.kind}"

    @property
    def reader(self) -> str:
        return f"{self.kind} {self.role}"

    @property
    def size(self) -> int:
        return SIZES[self.role][self.visit - 1]

    @property
    def short(self) -> int:
        return self.size + 5 if self.role == "Investigator" and self.visit == 2 else 10

    @property
    def uid(self) -> str:
        """A root for the UIDs of one document."""
        number = 10 * list(ROLES).index(self.role) + self.visit
        return f"{ROOT}.{len(self.kind)}.{ord(self.kind[0])}.{number}"

    @property
    def study(self) -> str:
        return f"{ROOT}.{len(self.kind)}.{ord(self.kind[0])}.9{self.visit}"

    @property
    def day(self) -> dt.date:
        return DAYS[self.visit - 1]

    @property
    def lesion(self) -> str:
        """The tracking UID of the lesion as its reader follows it."""
        return f"{ROOT}.{len(self.kind)}.{ord(self.kind[0])}.8{list(ROLES).index(self.role)}"


def readings(kind: str) -> list[Reading]:
    return [Reading(kind, role, visit) for role in ROLES for visit in (1, 2)]


# AIM 4, as ePAD writes it

AIM = """<?xml version="1.0" encoding="UTF-8"?>
<ImageAnnotationCollection xmlns="gme://caCORE.caCORE/4.4/edu.northwestern.radiology.AIM"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:iso="uri:iso.org:21090" aimVersion="AIMv4_2">
  <uniqueIdentifier root="{uid}.1"/><dateTime value="{day}"/>
  <user><name value="{reader}"/><loginName value="{reader}"/><roleInTrial value="{role}"/></user>
  <person><name value="{subject}"/><id value="{subject}"/></person>
  <imageAnnotations><ImageAnnotation>
    <uniqueIdentifier root="{uid}.2"/><trackingUniqueIdentifier root="{lesion}"/>
    <typeCode code="RECIST_v2" codeSystemName="99EPAD"><iso:displayName value="Tumor assessment"/></typeCode>
    <dateTime value="{day}"/><name value="T01"/>
    <imagingPhysicalEntityCollection><ImagingPhysicalEntity>
      <typeCode code="RID58" codeSystemName="RadLex"><iso:displayName value="liver"/></typeCode>
      <label value="Location"/></ImagingPhysicalEntity></imagingPhysicalEntityCollection>
    <calculationEntityCollection>{calculations}</calculationEntityCollection>
    <imagingObservationEntityCollection><ImagingObservationEntity>
      <typeCode code="RID38780" codeSystemName="RadLex"><iso:displayName value="lesion"/></typeCode>
      <imagingObservationCharacteristicCollection>
        <ImagingObservationCharacteristic><typeCode code="S90" codeSystemName="99EPAD">
          <iso:displayName value="FU Number (0=Baseline)"/></typeCode>
          <characteristicQuantificationCollection><CharacteristicQuantification xsi:type="Scale">
          <valueLabel value="{visit}"/><value value="{visit}"/></CharacteristicQuantification>
          </characteristicQuantificationCollection></ImagingObservationCharacteristic>
        <ImagingObservationCharacteristic><typeCode code="S71" codeSystemName="99EPAD">
          <iso:displayName value="Target Lesion"/></typeCode></ImagingObservationCharacteristic>
      </imagingObservationCharacteristicCollection>
    </ImagingObservationEntity><ImagingObservationEntity>
      <typeCode code="{answer}" codeSystemName="NCIt"><iso:displayName value="{answered}"/></typeCode>
      <questionTypeCode code="C96613" codeSystemName="NCIt"><iso:displayName value="Overall Response"/>
      </questionTypeCode>
    </ImagingObservationEntity></imagingObservationEntityCollection>
    <imageReferenceEntityCollection><ImageReferenceEntity xsi:type="DicomImageReferenceEntity">
      <imageStudy><instanceUid root="{study}"/><startDate value="{day}"/>
        <imageSeries><instanceUid root="{study}.1"/>
        <modality code="CT" codeSystemName="DCM"><iso:displayName value="Computed Tomography"/></modality>
        <imageCollection/></imageSeries>
      </imageStudy></ImageReferenceEntity></imageReferenceEntityCollection>
  </ImageAnnotation></imageAnnotations>
</ImageAnnotationCollection>
"""
CALCULATION = """<CalculationEntity><uniqueIdentifier root="0"/>
<typeCode code="{code}" codeSystemName="NCIt"><iso:displayName value="{name}"/></typeCode><description value="none"/>
<calculationResultCollection><CalculationResult type="Scalar" xsi:type="CompactCalculationResult">
<unitOfMeasure value="mm"/><dataType code="C48870" codeSystemName="NCI"><iso:displayName value="Double"/></dataType>
<value value="{value}"/></CalculationResult></calculationResultCollection></CalculationEntity>"""

ANSWERS = {
    "Investigator": ("C18058", "Partial Remission", "PR"),
    "Central reader": ("C35571", "Progressive Disease", "PD"),
}
"""What each reader answers: codes of NCIt, words, and SDTM's terms."""


NAMES = ("uid", "reader", "role", "subject", "lesion", "visit", "study")


def write_aim(folder: Path) -> None:
    for number, reading in enumerate(readings("aim")):
        sizes = (("C96684", "Longest Diameter", reading.size), ("C96685", "Longest Perpendicular", reading.short))
        code, words, _ = ANSWERS[reading.role]
        text = AIM.format(
            **{
                name: getattr(reading, name)
                for name in ("uid", "reader", "role", "subject", "lesion", "visit", "study")
            },
            day=f"{reading.day:%Y%m%d}",
            calculations="".join(CALCULATION.format(code=c, name=n, value=v) for c, n, v in sizes),
            answer=code,
            answered=words,
        )
        (folder / f"{number}.xml").write_text(text, encoding="utf-8")


def report(reading: Reading) -> Dataset:
    """A report with one measurement group; its reader and their role are the observer's."""
    code, words, _ = ANSWERS[reading.role]
    found = sr.measured_report(
        sr.container(
            sr.GROUP,
            *sr.tracked("T01", reading.lesion),
            sr.coded(sr.FINDING, ("RID38780", "RADLEX", "lesion")),
            sr.coded(sr.SITE, ("T-62000", "SRT", "Liver"), relationship="HAS CONCEPT MOD"),
            sr.number(("G-A185", "SRT", "Long Axis"), str(reading.size), sr.MM),
            sr.number(("G-A186", "SRT", "Short Axis"), str(reading.short), sr.MM),
        ),
    )
    found.ContentSequence[0].PersonName = reading.reader
    part = sr.coded(("121011", "DCM", "Role"), (reading.role, "99X", reading.role), relationship="HAS OBS CONTEXT")
    found.ContentSequence.insert(1, part)
    found.ContentSequence.append(
        sr.container(
            ("C0034375", "UMLS", "Qualitative Evaluations"),
            sr.coded(("RDETBD3", "RADELEMENT", "Lesion Type"), ("S71", "99EPAD", "Target Lesion")),
            sr.text(("RDETBD2", "RADELEMENT", "Timepoint"), str(reading.visit), "CONTAINS"),
            sr.coded(("C96613", "NCIt", "Overall Response"), (code, "NCIt", words)),
        )
    )
    made = sr.document(
        found,
        PatientID=reading.subject,
        PatientName=reading.subject,
        StudyDate=f"{reading.day:%Y%m%d}",
        StudyInstanceUID=reading.study,
        SeriesInstanceUID=f"{reading.uid}.7",
        SOPInstanceUID=f"{reading.uid}.8",
    )
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    del made.CurrentRequestedProcedureEvidenceSequence
    return made


def write_reports(folder: Path) -> None:
    for number, reading in enumerate(readings("sr")):
        report(reading).save_as(folder / f"{number}.dcm", enforce_file_format=True)


def write_sdtm(folder: Path) -> None:
    """TU, TR and RS."""
    identified, measured, answered = [], [], []
    for reading in readings("sdtm"):
        who = ROLES[reading.role]
        visit = f"{reading.visit},VISIT {reading.visit},{reading.day}"
        identified.append(f"T1,TU,{reading.subject},T01,TUMIDENT,TARGET,TARGET,LIVER,{who},Y,{visit}")
        for code, value in (("LDIAM", reading.size), ("LPERP", reading.short)):
            measured.append(f"T1,TR,{reading.subject},TARGET,T01,{code},{value},mm,{value},{value},mm,{who},Y,{visit}")
        answer = ANSWERS[reading.role][2]
        answered.append(f"T1,RS,{reading.subject},OVRLRESP,RECIST 1.1,{answer},{answer},{who},,Y,{visit}")
    tables = {
        "tu": ("TULNKID,TUTESTCD,TUORRES,TUSTRESC,TULOC,TUEVAL,TUACPTFL,VISITNUM,VISIT,TUDTC", identified),
        "tr": (
            "TRGRPID,TRLNKID,TRTESTCD,TRORRES,TRORRESU,TRSTRESC,TRSTRESN,TRSTRESU,TREVAL,TRACPTFL,VISITNUM,VISIT,TRDTC",
            measured,
        ),
        "rs": ("RSTESTCD,RSCAT,RSORRES,RSSTRESC,RSEVAL,RSEVALID,RSACPTFL,VISITNUM,VISIT,RSDTC", answered),
    }
    for name, (columns, rows) in tables.items():
        lines = [f"STUDYID,DOMAIN,USUBJID,{columns}", *rows]
        (folder / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


MAP = """name: own_sheet
title: A site's own sheet of lesions
data_class: metadata
subject: Patient
common:
  lesion: {column: Lesion}
  site: {column: Where}
  reader: {column: Read by, role: As}
  when: {column: Scanned}
  visit: {column: Visit}
columns:
  LD (mm): {record: measurement, unit: mm}
  SA (mm): {record: measurement, unit: mm}
  Role: {record: finding}
  Answer: {record: response}
"""
DECIDED = {
    "column:LD%20(mm)": "ncit:C96684",
    "column:SA%20(mm)": "ncit:C96685",
    "column:Role": "ncit:C94523",
    "column:Answer": "ncit:C96613",
    "value:Where/liver": "ncit:C12392",
    "value:As/Investigator": "q:Investigator",
    "value:As/Central%20reader": "q:CentralReader",
    "value:Role/target": "ncit:C94520",
    "value:Answer/Partial%20Remission": "ncit:C18058",
    "value:Answer/Progressive%20Disease": "ncit:C35571",
}


def write_sheet(folder: Path) -> None:
    lines = ["Patient,Lesion,Where,Read by,As,Scanned,Visit,LD (mm),SA (mm),Role,Answer"]
    for reading in readings("sheet"):
        who = f"{reading.reader},{reading.role},{reading.day},{reading.visit}"
        answer = ANSWERS[reading.role][1]
        lines.append(f"{reading.subject},T01,liver,{who},{reading.size},{reading.short},target,{answer}")
    (folder / "sheet.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def decide(home: Path) -> None:
    """What the columns and cells of the sheet mean."""
    folder = home / "mappings" / "own_sheet"
    folder.mkdir(parents=True)
    (folder / "map.yaml").write_text(MAP, encoding="utf-8")
    rows = [f"{key}\tskos:exactMatch\t{term}\tsemapv:ManualMappingCuration\n" for key, term in DECIDED.items()]
    heading = "subject_id\tpredicate_id\tobject_id\tmapping_justification\n"
    (folder / "mapping.sssom.tsv").write_text(heading + "".join(sorted(rows)), encoding="utf-8")


WRITTEN = {"aim": write_aim, "sr": write_reports, "sdtm": write_sdtm, "sheet": write_sheet}
AUDIENCES = dict(zip(WRITTEN, ("public", "team", "trial", "site"), strict=True))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """A collection for each kind of source, of an audience of its own; two readers' lesions are linked where named."""
    home = tmp_path_factory.mktemp("sources")
    decide(home)
    opened = Warehouse.open(home, workers=1)
    jobs = []
    for kind, write in WRITTEN.items():
        folder = tmp_path_factory.mktemp(kind)
        write(folder)
        opened.control.save_collection(Collection(kind).within(AUDIENCES[kind]))
        mapping = "own_sheet" if kind == "sheet" else None
        jobs.append(Job(locators=tuple(map(str, sorted(folder.iterdir()))), collection=kind, mapping=mapping))
    found = run(opened, jobs)
    assert [(item.problem, item.place) for item in found.rejects] == []
    with opened.writing() as writing:
        rows = opened.select(
            "SELECT DISTINCT ?c ?s ?l { ?l a q:Lesion ; q:subject ?n . ?n q:identifier ?s ; "
            "q:collection/q:identifier ?c }",
            OPERATOR,
        ).rows
        keys = defaultdict(list)
        for collection, subject, lesion in rows:
            keys[collection.value, subject.value].append(lesion.value)
        writing.publish()
    yield opened
    opened.close()
