"""Case-report forms with dictionaries: the three layouts, answers as codes, closed questions, the real folders."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from openpyxl import Workbook

from ingest import forms, sources
from ingest.base import Context
from ingest.form_dictionary import read_dictionaries
from ingest.table import reader as table
from ontology.records import Event, Finding, Measurement, Reject, SourceRecord, Treatment
from ontology.terms import ncit

CASE = Path(__file__).with_name("forms") / "csv_beside"
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "clinical" / "tcia"
CONTEXT = Context(collection="trial", mapping=str(CASE / "trial"))
FORM, DICTIONARY = CASE / "9999_F1.csv", CASE / "9999_F1_Dictionary.csv"


def test_decisions_may_speak_of_answers_or_of_codes() -> None:
    found = list(forms.read(iter([str(FORM), str(DICTIONARY)]), CONTEXT))
    smoking = {
        item.subject: item for item in found if isinstance(item, Finding) and item.variable == ncit.SMOKING_STATUS
    }
    assert {key: item.value_concept for key, item in smoking.items()} == {
        "1": ncit.NEVER_SMOKER,
        "2": ncit.CURRENT_SMOKER,
        "3": ncit.UNKNOWN,
    }
    assert smoking["1"].raw == "1"
    status = [item.value_concept for item in found if isinstance(item, Finding) and item.variable == ncit.VITAL_STATUS]
    assert status == [ncit.ALIVE, ncit.DEAD, ncit.ALIVE, ncit.ALIVE]
    assert [item.value for item in found if isinstance(item, Measurement)] == [12, 8, 8]
    rejects = [item for item in found if isinstance(item, Reject)]
    assert sorted(item.problem for item in rejects) == [
        "column 'f1e4' is flagged as identifying in the data dictionary and is not read",
        "value without a decision",
    ]
    assert "AB" not in repr([item for item in found if not isinstance(item, SourceRecord)])


def test_the_dictionary_is_part_of_the_source(tmp_path: Path) -> None:
    for path in (FORM, DICTIONARY):
        (tmp_path / path.name).write_bytes(path.read_bytes())

    def digest() -> str:
        return next(
            item.digest
            for item in forms.read(iter([str(tmp_path / FORM.name)]), CONTEXT)
            if isinstance(item, SourceRecord)
        )

    before = digest()
    with (tmp_path / DICTIONARY.name).open("a", encoding="utf-8") as handle:
        handle.write("7,6,F1e6,comment,Char(80),,$F80.\n")
    (tmp_path / "another").touch()  # the folder has changed
    assert digest() != before


def test_a_form_and_its_dictionary_are_accepted_and_other_tables_are_not(tmp_path: Path) -> None:
    assert {source.name for path in (FORM, DICTIONARY) if (source := sources.accepting(str(path)))} == {"forms"}
    other = tmp_path / "other.csv"
    other.write_text("id,age\n1,50\n", encoding="utf-8")
    (tmp_path / "Dictionary.csv").write_bytes(DICTIONARY.read_bytes())
    assert [source.name for path in (other,) if (source := sources.accepting(str(path)))] == ["table"]
    lone = list(forms.read(iter([str(tmp_path / "Dictionary.csv")]), CONTEXT))
    assert [item.problem for item in lone if isinstance(item, Reject)] == ["a dictionary without its forms"]
    (tmp_path / "dictionary of nothing.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    assert read_dictionaries(tmp_path / "dictionary of nothing.csv") == ()
    (tmp_path / "dictionary.xlsx").write_bytes(b"PK\x03\x04 is no workbook")
    assert read_dictionaries(tmp_path / "dictionary.xlsx") == ()


def book(path: Path, sheets: dict[str, list[list[object]]]) -> Path:
    made = Workbook()
    for name, rows in sheets.items():
        sheet = made.create_sheet(name)
        for row in rows:
            sheet.append(row)
    del made["Sheet"]
    made.save(path)
    return path


def test_a_workbook_has_a_sheet_for_each_form(tmp_path: Path) -> None:
    head: list[object] = [
        "Form element number",
        "Variable Name",
        "Variable Label",
        "Data Type",
        "Option Code",
        "Option Description",
    ]
    rows: list[list[object]] = [
        head,
        [" "],
        [2, "a0e2", "ELIGIBLE?", "List", 1, "No"],
        ["", "", "", "", 2, "Yes"],
        [3, "a0e3", '"Days from Base_dt to DATE OF BIRTH', "#", " ", "best32."],
        [4, "a0e4", "SIZE (cm)", "#", " ", ""],
    ]
    path = book(tmp_path / "Data Dictionary.xlsx", {"Form Index": [["form", "form_desc"], ["A0", "x"]], "A0": rows})
    (dictionary,) = read_dictionaries(path)
    assert dictionary.form == "A0"
    assert dictionary.labels(["cn", "A0E2"]) == {"A0E2": {"1": "No", "2": "Yes"}}
    assert dictionary.closed(["a0e2", "A0e3"]) == {"A0e3"}
    field = dictionary.field_of("a0e4")
    assert field is not None
    assert (field.unit, field.answers) == ("cm", {})


def test_a_sheet_may_begin_with_titles_and_write_codes_with_their_answers(tmp_path: Path) -> None:
    rows: list[list[object]] = [
        ["The below data dictionary is for the analysis dataset"],
        ["Variable name", "Variable definition", "Code Table/Values\nNum signifies a number"],
        ["Demographic variables [2 variables]"],
        ["SEX", "Participant sex", "1=Female"],
        ["", "", "2=Male\n.M=Missing"],
        ["SEEN_YYYY SEEN_DAYS", "Date of the visit", "Num"],
        ["LIVEBIRTH", "Age at first live birth", "Num"],
    ]
    below = tmp_path / "Data Dictionaries"
    below.mkdir()
    book(below / "00_DataDictionary.xlsx", {"Table 1": rows})
    form = tmp_path / "demography.csv"
    form.write_text("SUBJECT,SEX,SEEN_YYYY,SEEN_DAYS,LIVEBIRTH\n1,1,2017,3,25\n", encoding="utf-8")
    dictionary = forms.dictionary_of(form)
    assert dictionary is not None
    assert dictionary.labels(["SEX"]) == {"SEX": {"1": "Female", "2": "Male", ".M": "Missing", "M": "Missing"}}
    assert dictionary.closed(["SEX", "SEEN_DAYS", "LIVEBIRTH"]) == frozenset()


FOLDERS = {
    "acrin_contralateral_breast_mr": (16, ()),
    "acrin_flt_breast": (28, ()),
    "acrin_nsclc_fdg_pet": (20, ()),
    # the archive has no dictionary of these four
    "ea1141": (3, ("12month_fup", "6month_fup", "year0_mrilesions_outcome", "year0_tomolesions_outcome")),
}


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not present")
@pytest.mark.parametrize("name", FOLDERS)
def test_every_real_form_has_its_dictionary(name: str) -> None:
    tables = [path for path in sorted((REAL / name).rglob("*.csv")) if "ictionary" not in path.name]
    described = {path: forms.dictionary_of(path) for path in tables}
    count, without = FOLDERS[name]
    assert sum(found is not None for found in described.values()) == count
    assert tuple(path.stem.removeprefix("ea1141_") for path, found in described.items() if found is None) == without
    codes = (path.stem.removesuffix(" reviewed")[-2:] for path in tables)
    if name != "ea1141":
        forms_found = [
            found.form.split("_")[1] if "_" in found.form else found.form for found in described.values() if found
        ]
        assert forms_found == list(codes)


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not present")
def test_real_forms_read_as_their_tables_do_and_are_dated() -> None:
    folder = next((REAL / "acrin_nsclc_fdg_pet").iterdir())
    context = Context(collection="acrin_nsclc_fdg_pet")
    dated: Counter[str] = Counter()
    for name in ("A0", "I1", "T1", "TF"):
        path = str(folder / f"{name}.csv")
        found = [item for item in forms.read(iter([path]), context) if not isinstance(item, SourceRecord)]
        assert found == [item for item in table.read(iter([path]), context) if not isinstance(item, SourceRecord)]
        dated[name] = sum(
            isinstance(item, Event) or (isinstance(item, Treatment) and item.start is not None) for item in found
        )
    assert dated == {"A0": 189, "I1": 186, "T1": 176, "TF": 351}


def test_a_treatment_that_ends_before_it_starts_has_no_end(tmp_path: Path) -> None:
    folder = tmp_path / "courses"
    folder.mkdir()
    decisions = (CASE / "trial" / "mapping.sssom.tsv").read_text(encoding="utf-8")
    rows = ("value:agent/cisplatin\tcisplatin\tskos:exactMatch\tncit:C376\tCisplatin\tsemapv:ManualMappingCuration\n",)
    (folder / "mapping.sssom.tsv").write_text(decisions + "".join(rows), encoding="utf-8")
    (folder / "map.yaml").write_text(
        "name: courses\ntitle: Courses\nsubject: id\nclock: from-base\ncolumns:\n"
        "  agent: {record: treatment, start: {column: from}, end: {column: to}}\n",
        encoding="utf-8",
    )
    path = tmp_path / "courses.csv"
    path.write_text("id,agent,from,to\n1,cisplatin,5,9\n2,cisplatin,9,5\n", encoding="utf-8")
    found = list(table.read(iter([str(path)]), Context(collection="trial", mapping=str(folder))))
    assert [(item.subject, item.end is None) for item in found if isinstance(item, Treatment)] == [
        ("1", False),
        ("2", True),
    ]
    assert [item.place for item in found if isinstance(item, Reject)] == ["R3C2"]
