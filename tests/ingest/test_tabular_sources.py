"""FileMaker, cBioPortal, GDC, Biotab and SAS files at their edges: what is theirs, what is refused, what streams."""

from pathlib import Path

import pandas as pd
import pyreadstat
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest import biotab, cbioportal, filemaker, gdc, sas, sources
from ingest.base import Context
from ingest.filemaker import iso
from ingest.gdc import GdcFile
from ingest.sas import TransportFile
from ingest.table import reader as table
from ingest.table.file import TableError
from mappings.tables import table_maps
from ontology.records import Finding, Lesion, LesionFacts, Measurement, Reader, Reject, SourceRecord
from ontology.terms import q

FMP = (
    '<?xml version="1.0" encoding="UTF-8"?>{doctype}<FMPXMLRESULT xmlns="http://www.filemaker.com/fmpxmlresult">'
    "<ERRORCODE>{error}</ERRORCODE><DATABASE DATEFORMAT='{form}' NAME='x' RECORDS='1'/><METADATA>"
    "<FIELD MAXREPEAT='1' NAME='ID' TYPE='TEXT'/><FIELD MAXREPEAT='{repeats}' NAME='Seen' TYPE='DATE'/></METADATA>"
    "<RESULTSET FOUND='1'>{rows}</RESULTSET></FMPXMLRESULT>"
)
ROW = "<ROW MODID='0' RECORDID='1'><COL><DATA>P1</DATA></COL><COL><DATA>2/3/2014</DATA></COL></ROW>"


def export(folder, doctype="", error="0", form="M/d/yyyy", repeats="1", rows=ROW):
    path = folder / "export.xml"
    path.write_text(FMP.format(doctype=doctype, error=error, form=form, repeats=repeats, rows=rows), encoding="utf-8")
    return path


def read(source, path, mapping=None):
    context = Context(collection="c", mapping=str(mapping) if mapping else None)
    return list(source.read(iter([str(path)]), context))


@pytest.mark.parametrize(
    ("form", "cell"),
    [
        ("M/d/yyyy", "2014-02-03"),
        ("D/m/yyyy", "2014-03-02"),
        ("dd.MM.yyyy", "2014-03-02"),
        ("yyyy-MM-dd", "2/3/2014"),
        ("", "2/3/2014"),
    ],
)
def test_dates_of_filemaker_are_read_as_the_export_says(tmp_path, form, cell):
    assert list(filemaker.FileMakerTable(export(tmp_path, form=form)).rows()) == [["ID", "Seen"], ["P1", cell]]


@pytest.mark.parametrize(
    ("changed", "says"),
    [
        ({"doctype": "<!DOCTYPE x [<!ENTITY a 'b'>]>"}, "DOCTYPE"),
        ({"error": "802"}, "reports a fault"),
        ({"repeats": "1000000000"}, "repeats more than"),
        ({"rows": ROW[:-9]}, "not well-formed"),
    ],
)
def test_a_faulty_export_of_filemaker_is_refused(tmp_path, changed, says):
    path = export(tmp_path, **changed)
    assert filemaker.SOURCE.accepts(str(path))
    (reject,) = read(filemaker.SOURCE, path)
    assert says in reject.problem
    assert "P1" not in repr(reject)


def test_a_record_with_more_fields_than_the_layout_is_no_row(tmp_path):
    path = export(tmp_path, rows=ROW.replace("</ROW>", "<COL><DATA>surplus</DATA></COL></ROW>"))
    assert len(list(filemaker.FileMakerTable(path).rows())[1]) == 3


@given(st.dates(), st.permutations("dmy"), st.sampled_from("./-"))
def test_every_date_comes_back_from_every_order(date, order, mark):
    parts = {"d": str(date.day), "m": str(date.month), "y": f"{date.year:04d}"}
    assert iso(mark.join(parts[piece] for piece in order), "".join(order)) == date.isoformat()


@given(st.text(max_size=20), st.permutations("dmy"))
def test_no_text_breaks_the_reading_of_dates(text, order):
    assert isinstance(iso(text, "".join(order)), str)


def test_records_of_filemaker_come_before_the_document_ends(tmp_path):
    path = export(tmp_path, rows=ROW * 2000)
    path.write_text(path.read_text()[:-40])
    rows = filemaker.FileMakerTable(path).rows()
    assert [next(rows) for _ in range(3)][1:] == [["P1", "2014-02-03"]] * 2
    with pytest.raises(TableError, match="not well-formed"):
        list(rows)


CBIO = "#Patient\tSex\n#x\tx\n#STRING\tSTRING\n#1\t1\nPATIENT_ID\tSEX\nP1\tMale\n"
GDC = "project.project_id\tcases.submitter_id\tdemographic.gender\nX\tP1\tmale\n"
BIOTAB = (
    "bcr_patient_uuid\tbcr_patient_barcode\tvital_status\na\tb\tc\nCDE_ID:\tCDE_ID:2673794\tCDE_ID:5\nu\tP1\tAlive\n"
)


@pytest.mark.parametrize(
    ("name", "text", "source"),
    [
        ("data_clinical_patient.txt", CBIO, cbioportal.SOURCE),
        ("renamed.txt", CBIO, cbioportal.SOURCE),
        ("data_timeline_treatment.txt", "PATIENT_ID\tSTART_DATE\nP1\t3\n", cbioportal.SOURCE),
        ("other.txt", "PATIENT_ID\tSTART_DATE\nP1\t3\n", table.SOURCE),
        ("notes.txt", "# notes\tof mine\nA\tB\n", table.SOURCE),
        ("clinical.tsv", GDC, gdc.SOURCE),
        ("patients.txt", BIOTAB, biotab.SOURCE),
        ("plain.tsv", "a\tb\n1\t2\n", table.SOURCE),
    ],
)
def test_each_file_goes_to_the_kind_that_knows_it(tmp_path, name, text, source):
    path = tmp_path / name
    path.write_text(text)
    assert sources.accepting(str(path)) is source


@pytest.mark.parametrize("source", [biotab.SOURCE, cbioportal.SOURCE, filemaker.SOURCE, gdc.SOURCE, sas.SOURCE])
@pytest.mark.parametrize("content", [b"", b"\0\1\2" * 100, b"<html></html>", b"%PDF-1.4", b"a,b\n1,2\n"])
def test_what_is_named_so_and_is_something_else_is_refused(tmp_path, source, content):
    path = tmp_path / "data_clinical_patient.txt"
    path.write_bytes(content)
    items = read(source, path)
    assert items
    assert all(isinstance(item, Reject) for item in items)


def test_a_missing_file_is_said_to_be_missing(tmp_path):
    for source in (biotab.SOURCE, cbioportal.SOURCE, filemaker.SOURCE, gdc.SOURCE, sas.SOURCE):
        (reject,) = read(source, tmp_path / "none.txt")
        assert isinstance(reject, Reject)


def test_the_tables_that_a_gdc_file_joins_have_each_row_once(tmp_path):
    path = tmp_path / "clinical.tsv"
    path.write_text(
        "cases.submitter_id\tdiagnoses.diagnosis_id\ttreatments.treatment_id\n"
        "P1\td1\tt1\nP1\td1\tt2\nP1\td2\t'--\nP2\td3\tt3\n"
    )
    file = GdcFile(path)
    assert [bool(row) for row in file.rows("cases")][1:] == [True, False, False, True]
    assert [bool(row) for row in file.rows("diagnoses")][1:] == [True, False, True, True]
    assert [bool(row) for row in file.rows("treatments")][1:] == [True, True, False, True]
    assert len(list(file.rows())) == 5


def test_transport_files_come_piece_by_piece_and_whole(tmp_path, monkeypatch):
    path = tmp_path / "dm.xpt"
    frame = pd.DataFrame({"ID": [f"P{n}" for n in range(10)], "AGE": [n / 2 if n else None for n in range(10)]})
    frame["NOTE"] = "Größe"
    pyreadstat.write_xport(frame, str(path), table_name="DM")
    wanted = [["ID", "AGE", "NOTE"]]
    wanted += [[f"P{n}", "" if not n else f"{n / 2:g}", "Größe"] for n in range(10)]
    for size in (3, 5, 10, 11):
        monkeypatch.setattr(sas, "CHUNK", size)
        assert list(TransportFile(path).rows()) == wanted
    path.write_bytes(path.read_bytes()[:500])
    assert all(isinstance(item, Reject) for item in read(sas.SOURCE, path))


SHAPE = """
name: own
title: t
subject: ID
missing: [NA]
visits: {baseline: 0}
common:
  reader: {column: WHO, as_written: true, optional: true, role: ROLE, otherwise: {column: ROLE, as_written: true}}
columns:
  LD:
    - record: measurement
      unit: mm
      lesion: {column: LESION}
      visit: {column: VISIT, unscheduled: true}
      visit_label: {column: LABEL, as_written: true, lenient: true, optional: true}
      where: {TEST: [LD], STATE: [""]}
    - record: measurement
      unit: mm
      derived: true
      where: {TEST: [SUM]}
"""
DECISIONS = (
    "subject_id\tpredicate_id\tobject_id\tmapping_justification\ncolumn:LD\tskos:exactMatch\tncit:C96684\tx\n"
    "value:ROLE/site\tskos:exactMatch\tq:Investigator\tx\n"
)


@pytest.fixture
def own(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "map.yaml").write_text(SHAPE)
    (folder / "mapping.sssom.tsv").write_text(DECISIONS)
    return folder


def test_conditions_stand_ins_and_lenient_columns(tmp_path, own):
    path = tmp_path / "t.csv"
    path.write_text(
        "ID,TEST,STATE,LD,LESION,VISIT,LABEL,WHO,ROLE\n"
        "P1,LD,,10,T1,1,WEEK 1,Reader A,site\n"
        "P1,LD,NA,11,T1,1.1,a label that is far too long to be a label and may tell of a person by name,,site\n"
        "P1,SUM,,21,,1,,,guest\n"
        "P1,LD,DONE,12,T1,1,,,site\n"
        "P1,LD,,13,T1,x,,,site\n"
    )
    items = read(table.SOURCE, path, own)
    made = [item for item in items if isinstance(item, Measurement)]
    assert [(item.value, item.visit, item.visit_label, item.reader, item.derived) for item in made] == [
        (10, 1, "WEEK 1", "Reader A", False),
        (11, None, None, "site", False),
        (21, None, None, "guest", True),
    ]
    assert {(item.key, item.role) for item in items if isinstance(item, Reader)} == {
        ("Reader A", q.INVESTIGATOR),
        ("site", q.INVESTIGATOR),
        ("guest", None),
    }
    assert [item.place for item in items if isinstance(item, Reject)] == ["R3C7", "R6C6"]


def test_a_file_may_lack_what_is_optional_and_what_only_decides_by_being_empty(tmp_path, own):
    path = tmp_path / "t.csv"
    path.write_text("ID,TEST,LD,LESION,VISIT,ROLE\nP1,LD,10,T1,1,site\n")
    items = read(table.SOURCE, path, own)
    assert [type(item) for item in items] == [SourceRecord, Lesion, Reader, LesionFacts, Measurement]
    path.write_text("ID,TEST,LD,VISIT,ROLE\nP1,LD,10,1,site\nP1,SUM,10,1,site\n")
    items = read(table.SOURCE, path, own)
    assert [item.problem for item in items if isinstance(item, Reject)] == ["no column 'LESION'"]
    assert len([item for item in items if isinstance(item, Measurement)]) == 1


def test_biotab_takes_no_value_whose_concept_has_another_name():
    named = {"stage": next(item for item in biotab.elements().values() if item.curie == "cadsr:3203222")}
    decided = biotab.map_of(named).decisions.values("stage")
    assert decided["Stage I"] == "ncit:C27966"
    # the registry names a stage of FIGO here
    assert "Stage IA" not in decided
    assert not [cell for cell in decided if cell.casefold() in {"unknown", "not reported"}]


def test_a_map_that_names_the_columns_recognises_no_file_by_them(tmp_path):
    path = tmp_path / "data.csv"
    path.write_text("P1,1\nP2,2\n")
    assert [item.problem for item in read(table.SOURCE, path)] == ["no table map fits"]
    assert not [item for item in read(table.SOURCE, path) if isinstance(item, Finding)]


def test_every_kind_and_ready_map_of_these_sources_is_documented():
    text = (Path(__file__).parents[2] / "docs" / "sources.md").read_text(encoding="utf-8")
    ready = [name for name in table_maps() if name.startswith(("sdtm_", "cbioportal_", "gdc_", "tcga_biotab"))]
    ready.remove("cbioportal_mrna_rsem")  # a matrix of genes, not of clinical data
    assert [name for name in ready if f"`{name}`" not in text] == []
    assert len(ready) == 15
