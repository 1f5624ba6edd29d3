"""Every kind of source in every answer: AIM, a structured report, SDTM and a site's own sheet say the same of a lesion.

In each, an investigator and a central reader read lesion T01 of a subject at two visits. A query that passes a whole
kind over gives no row of it.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from ingest.run import Job, run
from queries.catalogue import query
from queries.results import run as ask
from store.control import Collection
from store.crosswalk import Decision
from store.lesion_pairs import LesionPair, NamedLesion, Verdict
from store.warehouse import OPERATOR, Caller, Warehouse
from tests.aim_text import calculation
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

ANSWERS = {
    "Investigator": ("C18058", "Partial Remission", "PR"),
    "Central reader": ("C35571", "Progressive Disease", "PD"),
}
"""What each reader answers: codes of NCIt, words, and SDTM's terms."""

NAMES = ("uid", "reader", "role", "subject", "lesion", "visit", "study")
"""What a document is filled with of a reading."""


def write_aim(folder: Path) -> None:
    for number, reading in enumerate(readings("aim")):
        sizes = (("C96684", "Longest Diameter", reading.size), ("C96685", "Longest Perpendicular", reading.short))
        code, words, _ = ANSWERS[reading.role]
        text = AIM.format(
            **{name: getattr(reading, name) for name in NAMES},
            day=f"{reading.day:%Y%m%d}",
            calculations="".join(calculation(c, n, "mm", v) for c, n, v in sizes),
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
    link(opened)
    yield opened
    opened.close()


def link(opened: Warehouse) -> None:
    """Each subject's two lesions are one, a person says: what two readers name is never one by itself."""
    lesions = opened.select(
        "SELECT ?collection ?subject ?lesion { ?lesion a q:Lesion ; q:subject ?s . "
        "?s q:identifier ?subject ; q:collection/q:identifier ?collection } ORDER BY ?lesion",
        OPERATOR,
    )
    ends = defaultdict(list)
    for collection, subject, lesion in lesions.rows:
        assert collection
        assert subject
        assert lesion
        ends[collection.value].append(NamedLesion("", subject.value, unquote(lesion.value.rpartition("/")[2])))
    with opened.writing() as writing:
        for collection_name, (one, other) in ends.items():
            pair = LesionPair.of(collection_name, one, other)
            opened.lesions.decide(pair, Verdict.SAME, Decision("tester", "they are one"))
        writing.publish()


ROWS = {
    "lesion-diameters": 4,
    "lesions-at-visits": 4,
    "sum-of-diameters": 4,
    "reader-agreement": 2,
    "measurement-anomalies": 1,
    "response-by-visit": 4,
    "investigator-and-independent": 2,
    "concept-observations": 4,
}
"""How many rows every source has in the answer to a query."""

STATED_TWICE = {("concept-observations", "sdtm"): 8}
"""SDTM says what a lesion is in TU and in TR."""

PARAMETERS = {"concept-observations": {"concept": "ncit:C94523"}}
"""What lesions were said to be: sizes and sites are found in another case."""


def rows_by_source(warehouse: Warehouse, name: str, caller: Caller, by_log: bool) -> Counter[str]:
    """How many rows each collection, that is each kind of source, has in an answer."""
    curated = query(name)
    chosen = curated if by_log else replace(curated, sql=None)
    return Counter(str(row["collection"]) for row in ask(warehouse, chosen, PARAMETERS.get(name), caller).dicts())


def wanted(name: str, kinds: Iterable[str]) -> dict[str, int]:
    """How many rows sources of some kinds have in an answer."""
    return {kind: STATED_TWICE.get((name, kind), ROWS[name]) for kind in kinds}


WAYS = [(name, by_log) for name in ROWS for by_log in ([True, False] if query(name).sql else [False])]


@pytest.mark.parametrize(("name", "by_log"), WAYS)
def test_no_kind_of_source_is_missing(name: str, by_log: bool, warehouse: Warehouse) -> None:
    assert rows_by_source(warehouse, name, OPERATOR, by_log) == wanted(name, WRITTEN)


@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(audiences=st.sets(st.sampled_from(sorted(AUDIENCES.values()))), name=st.sampled_from(sorted(ROWS)))
def test_nobody_sees_a_row_of_another_audience(audiences: set[str], name: str, warehouse: Warehouse) -> None:
    caller = Caller("member", frozenset({"public", *audiences}))
    readable = {kind for kind, audience in AUDIENCES.items() if audience in caller.audiences}
    for by_log in {True, False} if query(name).sql else {False}:
        assert rows_by_source(warehouse, name, caller, by_log) == wanted(name, readable)


@pytest.mark.parametrize("concept", ["radlex:RID58", "ncit:C12392", "liver"])
def test_a_site_is_found_by_the_code_of_either_vocabulary(concept: str, warehouse: Warehouse) -> None:
    rows = list(ask(warehouse, query("concept-observations"), {"concept": concept}, OPERATOR).dicts())
    assert {row["collection"] for row in rows if row["found"] == "site"} == {"aim", "sr", "sheet", "sdtm"}
    assert len({(row["record"], row["found"]) for row in rows}) == len(rows)


def test_sizes_sums_and_answers_are_those_that_were_written(warehouse: Warehouse) -> None:
    def found(name: str, *columns: str) -> set[tuple[object, ...]]:
        rows = ask(warehouse, query(name), {}, OPERATOR).dicts()
        return {tuple(row[column] for column in ("collection", *columns)) for row in rows}

    every = [reading for kind in WRITTEN for reading in readings(kind)]
    said = [(reading.kind, reading.role.casefold(), reading.visit) for reading in every]
    assert found("lesion-diameters", "readerRoleLabel", "visit", "value") == {
        (*who, reading.size) for who, reading in zip(said, every, strict=True)
    }
    assert found("response-by-visit", "readerRole", "visit", "categoryLabel") == {
        (*who, ANSWERS[reading.role][1]) for who, reading in zip(said, every, strict=True)
    }
    changes = ((1, 40, 0), (2, 20, -50), (1, 42, 0), (2, 60, Decimal("42.9")))
    assert found("sum-of-diameters", "visit", "total", "percentChange") == {
        (kind, *change) for kind in WRITTEN for change in changes
    }
    assert found("measurement-anomalies", "rule", "value", "compared") == {
        (kind, "long axis shorter than short axis", 20, 25) for kind in WRITTEN
    }
