"""REDCap dictionaries: choices, identifying fields, annotations, and which export belongs to which dictionary."""

import pytest

from ingest.redcap import SOURCE, dictionary_of
from ingest.redcap_dictionary import read_dictionary

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
    ("annotation", "element"),
    [
        ("CDE: 2200604", "cadsr:2200604"),
        ("@HIDDEN caDSR ID=2192199", "cadsr:2192199"),
        ("NCIT:C28421", "ncit:C28421"),
        ("@DEFAULT='2200604'", None),
        ("", None),
    ],
)
def test_annotations_name_data_elements(project, annotation, element):
    folder = project(f"id,f,text,ID,,,{annotation}")
    assert read_dictionary(folder / "dictionary.csv").fields["id"].element == element


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


def test_a_label_that_two_fields_bear_is_not_translated(project):
    folder = project("id,f,text,ID,,,", "a,f,text,Date,,,", "b,f,text,Date,,,", "c,f,text,Age,,,")
    named = read_dictionary(folder / "dictionary.csv").by_label
    assert "Date" not in named
    assert named["Age"] == "c"
