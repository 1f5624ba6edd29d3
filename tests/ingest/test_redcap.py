"""REDCap dictionaries: choices, identifying fields, annotations, and which export belongs to which dictionary."""

import zipfile

import pytest

from ingest.base import Context
from ingest.redcap.dictionary import read_dictionary
from ingest.redcap.events import to_events, visit_numbers
from ingest.redcap.reader import SOURCE, dictionary_of
from ingest.redcap.table import ProjectTable

HEAD = (
    "Variable / Field Name,Form Name,Field Type,Field Label,"
    '"Choices, Calculations, OR Slider Labels",Identifier?,Field Annotation\n'
)


@pytest.fixture
def project(tmp_path):
    def write(*rows, name="dictionary.csv", head=HEAD):
        (tmp_path / name).write_text(head + "\n".join(rows) + "\n", encoding="utf-8")
        return tmp_path

    return write


def test_choices_may_hold_commas_and_negative_codes(project):
    folder = project("id,f,text,ID,,,", 'sex,f,radio,Sex,"1, Male | -9, Unknown, or other|2,Female",,')
    fields = read_dictionary(folder / "dictionary.csv").fields
    assert fields["sex"].choices == {"1": "Male", "-9": "Unknown, or other", "2": "Female"}
    assert fields["id"].choices == {}


@pytest.mark.parametrize(
    ("annotation", "element", "version", "concept"),
    [
        ("CDE: 2200604", "cadsr:2200604", None, None),
        ("CDE:3v3", "cadsr:3", "3", None),
        ("CDE 3 of 5", None, None, None),
        ("CDE:2200604v3.10", "cadsr:2200604", "3.1", None),
        ("@HIDDEN caDSR ID=2192199", "cadsr:2192199", None, None),
        ("CDE_ID:2192199 @NCIT:C17049", "cadsr:2192199", None, "ncit:C17049"),
        ("caDSR 2192199 version 2", "cadsr:2192199", "2", None),
        ("NCIT:C28421", None, None, "ncit:C28421"),
        ("NCIt_C28421", None, None, "ncit:C28421"),
        ("RADLEX:RID1301 LOINC:2857-1", None, None, "radlex:RID1301"),
        ('@ONTOLOGY={"1": "NCIT:C20197"}', None, None, None),
        ("@DEFAULT='2200604'", None, None, None),
        ("INCIDENT:C28421", None, None, None),
        ("", None, None, None),
    ],
)
def test_annotations_name_data_elements_and_concepts(project, annotation, element, version, concept):
    folder = project(f"id,f,text,ID,,,{annotation}")
    field = read_dictionary(folder / "dictionary.csv").fields["id"]
    assert (field.element, field.named and field.named.version, field.concept) == (element, version, concept)


def test_the_programming_interfaces_dictionary_is_the_same(project):
    head = "field_name,form_name,field_type,field_label,select_choices_or_calculations,identifier,field_annotation\n"
    folder = project("id,f,text,ID,NA,NA,NA", "dob,f,text,Born,NA,y,NA", name="metadata.csv", head=head)
    dictionary = read_dictionary(folder / "metadata.csv")
    assert dictionary.closed == {"dob", "redcap_survey_identifier"}


def test_an_export_is_known_by_its_dictionarys_first_field(project):
    folder = project("id,f,text,ID,,,", "age,f,text,Age,,,")
    export, other = folder / "export.csv", folder / "other.csv"
    export.write_text("id,redcap_event_name,age,f_complete\n1,e,5,2\n", encoding="utf-8")
    other.write_text("subject,age\n1,5\n", encoding="utf-8")
    assert dictionary_of(export).path.name == "dictionary.csv"
    assert dictionary_of(other) is None
    assert [SOURCE.accepts(str(folder / name)) for name in ("export.csv", "other.csv", "dictionary.csv")] == [
        True,
        False,
        True,
    ]


def rows_of(path):
    return list(ProjectTable(path, dictionary_of(path)).rows())


def test_labels_that_several_fields_bear_are_told_apart_by_their_order(project):
    folder = project("id,f,text,ID,,,", "a,f,text,Date,,,", "b,g,text,Date,,,", "c,g,text,Age,,,")
    whole, part = folder / "whole.csv", folder / "part.csv"
    whole.write_text("ID,Date,Complete?,Date,Age,Complete?\n1,2,Complete,3,4,Incomplete\n", encoding="utf-8")
    part.write_text("ID,Date,Age\n1,2,3\n", encoding="utf-8")
    assert rows_of(whole)[0] == ["id", "a", "f_complete", "b", "c", "g_complete"]
    assert rows_of(part)[0] == ["id", "Date", "c"], "which of the two dates it is cannot be told"


def test_cells_mean_the_same_from_every_program(project):
    folder = project("id,f,text,ID,,,", 'sex,f,radio,Sex,"0, <i>Female</i> | 1, Male",,', "ok,f,truefalse,OK,,,")
    export = folder / "export.csv"
    export.write_text("id,f_timestamp,sex,ok\n1,[not completed],TRUE,1\n2,2024-01-01 10:00,0,FALSE\n", encoding="utf-8")
    assert rows_of(export)[1:] == [["1", "", "Male", "True"], ["2", "2024-01-01 10:00", "Female", "False"]]


def test_fields_that_people_can_be_known_by_are_closed(project):
    head = HEAD.replace("Identifier?", "Text Validation Type OR Show Slider Number,Identifier?")
    rows = ["id,f,text,ID,,,,", "a,f,text,A,,email,,", "b,f,text,B,,phone,,", "c,f,file,C,,,,", "d,f,text,D,,zipcode,,"]
    folder = project(*rows, 'e,f,checkbox,E,"1, x",,y,', "g,f,text,G,,number,,", head=head)
    closed = read_dictionary(folder / "dictionary.csv").closed
    assert closed == {"a", "b", "c", "d", "e", "e___1", "redcap_survey_identifier"}


def test_a_zipped_dictionary_is_read(project, tmp_path):
    folder = project("id,f,text,ID,,,", "age,f,text,Age,,,")
    with zipfile.ZipFile(folder / "dictionary.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "dictionary.csv", "dictionary.csv")
    (folder / "dictionary.csv").unlink()
    (folder / "export.csv").write_text("id,age\n1,5\n", encoding="utf-8")
    assert SOURCE.accepts(str(folder / "dictionary.zip"))
    assert dictionary_of(folder / "export.csv").path.name == "dictionary.zip"


@pytest.mark.parametrize("content", [b"", b"PK", b"PK\x03\x04 nonsense"])
def test_other_archives_are_left_to_others(tmp_path, content):
    (tmp_path / "a.zip").write_bytes(content)
    assert not SOURCE.accepts(str(tmp_path / "a.zip"))


def test_events_stand_beside_the_dictionary(project):
    folder = project("id,f,text,ID,,,", "age,f,text,Age,,,")
    head = "event_name,arm_num,unique_event_name,custom_event_label,event_id\n"
    (folder / "events.csv").write_text(head + "Intake,1,intake_arm_1,,1\n", encoding="utf-8")
    (folder / "arms.csv").write_text("arm_num,name\n1,Arm 1\n", encoding="utf-8")
    (folder / "export.csv").write_text("ID,Event Name,Age\n1,Intake,5\n", encoding="utf-8")
    assert rows_of(folder / "export.csv")[1] == ["1", "intake_arm_1", "5"]
    files = [str(folder / name) for name in ("arms.csv", "dictionary.csv", "events.csv", "export.csv")]
    assert all(map(SOURCE.accepts, files))
    items = list(SOURCE.read(iter(files), Context(collection="trial")))
    assert [(item.name, item.problem) for item in items] == [("export.csv", "no table map fits")]


@pytest.mark.parametrize(("scheduled", "order"), [(False, {"a": 0, "b": 1}), (True, {"b": 0, "a": 1})])
def test_a_planned_day_orders_the_visits_where_scheduling_is_on(scheduled, order):
    rows = [
        {"event_name": "A", "arm_num": 1, "unique_event_name": "a", "day_offset": 30},
        {"event_name": "B", "arm_num": 1, "unique_event_name": "b", "day_offset": 0},
    ]
    assert visit_numbers(to_events(rows, scheduled=scheduled)) == order


BOXES = 'sym,f,checkbox,Symptoms,"1, Cough | 2, Weight loss, severe | 3, Weight loss",,'


@pytest.mark.parametrize(
    ("header", "cells", "ticked"),
    [
        ("sym___1,sym___2,sym___3", "1,0,0", ["1", "0", "0"]),
        ("sym___1,sym___2,sym___3", "TRUE,FALSE,", ["1", "0", ""]),
        ("sym___1,sym___2,sym___3", 'Cough,"Weight loss, severe",', ["1", "1", ""]),
        ("sym", '"1,3"', ["1", "0", "1"]),
        ("sym", '"Weight loss, severe,Cough"', ["1", "1", "0"]),
        ("sym", '"Cough, Weight loss"', ["1", "0", "1"]),
        ("sym", "", ["", "", ""]),
        ("sym", "Fever", ["Fever", "Fever", "Fever"]),
    ],
)
def test_boxes_are_one_and_nought_however_they_are_exported(project, header, cells, ticked):
    folder = project("id,f,text,ID,,,", BOXES, "age,f,text,Age,,,")
    export = folder / "export.csv"
    export.write_text(f"id,{header},age\n1,{cells},5\n", encoding="utf-8")
    assert rows_of(export) == [["id", "sym___1", "sym___2", "sym___3", "age"], ["1", *ticked, "5"]]


def test_a_label_export_may_combine_boxes(project):
    folder = project("id,f,text,ID,,,", BOXES)
    export = folder / "export.csv"
    export.write_text('ID,Symptoms,Complete?\n1,"Cough,Weight loss",Complete\n', encoding="utf-8")
    assert rows_of(export)[1] == ["1", "1", "0", "1", "Complete"]


def test_dictionaries_are_read_with_any_delimiter(tmp_path):
    head = "field_name;form_name;field_type;field_label;select_choices_or_calculations;identifier;field_annotation\n"
    (tmp_path / "d.csv").write_text(head + 'id;f;text;ID;;;\nsex;f;radio;Sex;"1, M | 2, F";;\n', encoding="utf-8")
    assert read_dictionary(tmp_path / "d.csv").fields["sex"].choices == {"1": "M", "2": "F"}
