"""Data dictionaries beside tables, and what headers say themselves."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.dictionary import read_dictionary
from mappings.header import choices, header


def test_a_row_for_each_answer():
    rows = [
        ["Col_num", "field_name", "ques_desc", "data_type", "resp_seq_no", "resp_desc"],
        ["1", "a0e9", "ETHNICITY", "List", "1", "Hispanic or Latino"],
        ["1", "a0e9", "ETHNICITY", "List", "2", "Not Hispanic or Latino[ (proceed to Q3)]"],
        ["2", "a0e12", "tumor size (mm)", "#", "", "best8."],
    ]
    found = read_dictionary("d.csv", rows)
    assert found is not None
    assert found.of("A0E9").choices == {"1": "Hispanic or Latino", "2": "Not Hispanic or Latino"}
    assert found.of("a0e12").unit == "mm"
    assert found.covers(["a0e9", "a0e12", "cn"]) == 2


def test_further_answers_in_rows_without_a_name():
    rows = [
        ["Variable Name", "Variable Label", "Data Type", "Option Code", "Option Description"],
        ["", "", "", "", ""],
        ["i1e2", "menopausal status", "List", "1", "Premenopausal"],
        ["", "", "", "2", "Postmenopausal"],
    ]
    assert read_dictionary("d", rows).of("i1e2").choices == {"1": "Premenopausal", "2": "Postmenopausal"}


def test_a_legend_in_one_cell_below_a_title():
    rows = [
        ["The dictionary of the trial", "", ""],
        ["Variable name", "Variable definition", "Code Table/Values (numeric)"],
        ["SEX", "Sex of the subject", "1=Male\n2=Female"],
        ["DATE_YYYY DATE_DAYS", "Randomization date", "Num"],
    ]
    found = read_dictionary("d", rows)
    assert found.of("sex").choices == {"1": "Male", "2": "Female"}
    assert found.of("DATE_DAYS").label == "Randomization date"


def test_two_columns_without_a_header_are_known_by_the_table():
    rows = [["Age", "Completed years"], ["Sex", "Observed sex"], ["Grade", "WHO grade"]]
    assert read_dictionary("d", rows, ["Age", "Sex", "Grade", "Case"]).of("Grade").label == "WHO grade"
    assert read_dictionary("d", rows) is None


def test_a_table_is_no_dictionary():
    assert read_dictionary("t", [["id", "name", "value"], ["1", "a", "2"]]) is None
    assert read_dictionary("t", []) is None


@given(st.lists(st.lists(st.text(max_size=12), max_size=4), max_size=10))
def test_any_rows_can_be_tried(rows):
    head = ["Variable Name", "Description", "Values", "Unit"]
    found = read_dictionary("d", [head, *rows])
    assert found is None or all(item.name for item in found.fields.values())


@pytest.mark.parametrize(
    ("text", "name", "unit"),
    [
        ("weight (kg)", "weight", "kg"),
        ("ROI Volume (cc)", "ROI Volume", "cm3"),
        ("PFS, months", "PFS, months", "mo"),
        ("Age.years", "Age.years", "a"),
        ("pack_years", "pack_years", "{pack_year}"),
        ("Survival_from_surgery_days_UPDATED", "Survival_from_surgery_days_UPDATED", "d"),
        ("Early response (1-2 months post-therapy)", "Early response (1-2 months post-therapy)", None),
        ("ER [%] 1", "ER 1", "%"),
        ("AIF [CRp] (mM)", "AIF [CRp]", "mmol/l"),
    ],
)
def test_units_in_headers(text, name, unit):
    said = header(text)
    assert (said.name, said.unit) == (name, unit)


def test_codes_and_codings_in_headers():
    said = header("Vital status (0: alive; 1: dead) CDE:5v5.1")
    assert (said.choices, said.element, said.version) == ({"0": "alive", "1": "dead"}, "cadsr:5", "5.1")


@given(st.text(max_size=60))
def test_any_text_can_be_a_header_or_a_coding(text):
    assert header(text).text is not None
    assert all(choices(text).values()) or choices(text) == {}
