"""Opening tables to profile them: sheets, headers, dictionaries beside them, and what is refused."""

import csv
from pathlib import Path

import openpyxl
import pytest

from ingest.table.file import TableError
from ingest.table.profile import profile_file, profile_locator
from mappings.profile import ValueKind


def wrote(path: Path, rows: list[list[str]], delimiter: str = ",", encoding: str = "utf-8") -> Path:
    with path.open("w", newline="", encoding=encoding) as handle:
        csv.writer(handle, delimiter=delimiter).writerows(rows)
    return path


def book(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made.save(path)
    return path


FORM = [["cn", "a0e11", "a0e12"], ["1", "1", "99"], ["2", "2", "3"], ["3", "1", "4"]]
DICTIONARY = [
    ["field_name", "ques_desc", "data_type", "resp_seq_no", "resp_desc"],
    ["A0e11", "GENDER", "List", "1", "Male"],
    ["A0e11", "GENDER", "List", "2", "Female"],
    ["A0e12", "Age in years", "#", "", "best8."],
]


def test_a_dictionary_file_beside_the_table(tmp_path):
    wrote(tmp_path / "A0_Dictionary.csv", DICTIONARY)
    wrote(tmp_path / "B1_Dictionary.csv", [DICTIONARY[0], ["b1", "OTHER", "List", "1", "x"]])
    (table,) = profile_file(wrote(tmp_path / "A0.csv", FORM))
    assert table.dictionary == "A0_Dictionary.csv"
    _, sex, age = table.columns
    assert (sex.described.label, dict(sex.meanings)) == ("GENDER", {"1": "Male", "2": "Female"})
    assert age.unit == "a"


def test_dictionaries_in_a_folder_beside_it(tmp_path):
    (tmp_path / "Data Dictionaries").mkdir()
    book(tmp_path / "Data Dictionaries" / "form.xlsx", {"A0": DICTIONARY, "B1": [["x"]]})
    (table,) = profile_file(wrote(tmp_path / "A0.csv", FORM))
    assert table.dictionary == "form.xlsx!A0"


def test_a_dictionary_sheet_is_no_table_of_its_own(tmp_path):
    path = book(
        tmp_path / "t.xlsx",
        {
            "Data": [["Case", "Sex"], ["A-1", 1], ["A-2", 2]],
            "Legend": [["Field", "Description", "Values"], ["Sex", "Sex", "1 - male | 2 - female"]],
            "Empty": [],
            "Plain": [["Case", "The case"], ["Sex", "The sex"]],
        },
    )
    (table, *others) = profile_file(path)
    assert (table.sheet, table.dictionary) == ("Data", "sheet Legend")
    assert dict(table.columns[1].meanings) == {"1": "male", "2": "female"}
    assert [item.sheet for item in others] == ["Plain"]
    assert [item.sheet for item in profile_file(path, "1")] == ["Data"]
    with pytest.raises(TableError, match="one of: Data, Legend"):
        profile_file(path, "Labs")


def test_titles_above_and_notes_below(tmp_path):
    rows = [
        ["Data of a trial that is described elsewhere", "", ""],
        ["ID", "Sex", "Age"],
        ["a", "m", "61"],
        ["b", "f", "47"],
        ["", "", ""],
        ["* a note of many words that explains what stands above", "", ""],
    ]
    (table,) = profile_file(wrote(tmp_path / "t.csv", rows))
    assert (table.layout.header_rows, table.layout.first_row, table.rows, table.last_row) == ((2,), 3, 2, 4)


def test_rows_of_short_names_and_data_elements(tmp_path):
    rows = [
        ["patient_barcode", "gender", "x1"],
        ["bcr_patient_barcode", "gender", "karnofsky_score"],
        ["CDE_ID:2003301", "CDE_ID:2200604", "CDE_ID:"],
        ["TCGA-1", "MALE", "80"],
        ["TCGA-2", "FEMALE", "[Not Available]"],
    ]
    (table,) = profile_file(wrote(tmp_path / "clinical.txt", rows, delimiter="\t"))
    barcode, gender, score = table.columns
    assert table.layout.first_row == 4
    assert (gender.header.element, score.header.element) == ("cadsr:2200604", None)
    assert score.other_names == ("karnofsky_score",)
    assert (score.kind, list(score.missing)) == (ValueKind.INTEGER, ["[Not Available]"])
    assert barcode.other_names == ("bcr_patient_barcode",)


def test_a_redcap_export_with_its_dictionary(tmp_path):
    fields = [
        [
            "Variable / Field Name",
            "Form Name",
            "Field Type",
            "Field Label",
            "Choices, Calculations, OR Slider Labels",
            "Identifier?",
        ],
        ["record_id", "demo", "text", "Study ID", "", ""],
        ["name_last", "demo", "text", "Last Name", "", "y"],
        ["sex", "demo", "radio", "Gender", "0, Female | 1, Male", ""],
        ["race", "demo", "checkbox", "Race", "1, Asian | 2, White", ""],
    ]
    wrote(tmp_path / "dictionary.csv", fields)
    data = [["record_id", "name_last", "sex", "race___1", "race___2"], ["1", "Nutmouse", "0", "0", "1"]]
    (table,) = profile_file(wrote(tmp_path / "data.csv", data))
    found = {column.name: column for column in table.columns}
    assert (table.kind, table.dictionary) == ("redcap", "dictionary.csv")
    assert list(found["sex"].values) == ["Female"]
    assert found["race___2"].described.label == "Race White"
    assert found["name_last"].described.identifies
    assert not found["name_last"].values, "cells of a flagged column are not kept"


@pytest.mark.parametrize(("encoding", "delimiter"), [("utf-16", ","), ("cp1252", ";"), ("utf-8-sig", "\t")])
def test_encodings_and_delimiters(tmp_path, encoding, delimiter):
    rows = [["ID", "Größe (cm)"], ["ä1", "171"], ["ä2", "180"]]
    (table,) = profile_file(wrote(tmp_path / "t.csv", rows, delimiter, encoding))
    assert [column.name for column in table.columns] == ["ID", "Größe (cm)"]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("page.txt", b"<!DOCTYPE html><html><body>Log in</body></html>", "web page"),
        ("data.csv", b"", "is empty"),
        ("data.csv", b"a,b\n", "holds no table"),
        ("data.csv", b"Variable Name,Description\nsex,Sex of the subject\n", "data dictionary"),
        ("book.xlsx", b"PK\x03\x04 and no more", "no workbook"),
        ("book.csv", b"PK\x03\x04 and no more", "packed file"),
        ("notes.pdf", b"%PDF-1.4", "PDF"),
        ("notes.docx", b"plain text", "suffix .docx"),
    ],
)
def test_what_is_refused_says_why(tmp_path, name, content, problem):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TableError, match=problem):
        profile_file(path)


def test_a_place_without_a_file(tmp_path):
    with pytest.raises(TableError, match="is not there"):
        profile_file(tmp_path / "none.csv")
    with pytest.raises(TableError, match="no sheets"):
        profile_file(wrote(tmp_path / "t.csv", FORM), "Data")


def test_databases_are_profiled_as_files_are(tmp_path):
    import sqlite3

    path = tmp_path / "t.db"
    with sqlite3.connect(path) as base:
        base.execute("CREATE TABLE patients (id TEXT PRIMARY KEY, sex TEXT, kg REAL)")
        base.execute("CREATE TABLE empty (id TEXT)")
        base.executemany("INSERT INTO patients VALUES (?, ?, ?)", [("P1", "male", 70.5), ("P2", "female", None)])
    whole = profile_locator(f"sqlite:///{path}")
    assert [(table.sheet, table.rows) for table in whole] == [("patients", 2)]
    (named,) = profile_locator(f"sqlite:///{path}#patients")
    (asked,) = profile_locator(f"sqlite:///{path}", query="SELECT id, sex FROM patients WHERE kg > 1")
    assert [column.name for column in named.columns] == ["id", "sex", "kg"]
    assert (asked.query, asked.rows, len(asked.columns)) == ("SELECT id, sex FROM patients WHERE kg > 1", 1, 2)
    for locator, query in [
        (f"sqlite:///{path}#nope", None),
        (f"sqlite:///{path}", "DROP TABLE patients"),
        (f"sqlite:///{path}x", None),
        ("ftp://host/x", None),
        (str(tmp_path / "t.csv"), "SELECT 1"),
    ]:
        with pytest.raises(TableError):
            profile_locator(locator, query=query)
