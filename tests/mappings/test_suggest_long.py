"""Long tables and turned ones are recognised, and drafted so that the engine reads them."""

import csv

import pytest
import yaml

from ingest.table.file import TableFile
from ingest.table.profile import profile_file
from mappings.draft import draft
from mappings.draft_sets import Sheet
from mappings.knowledge import gather
from mappings.layout import is_turned
from mappings.shape import Shape
from mappings.suggest import Suggester
from mappings.suggest_long import long_of
from mappings.suggest_table import subject_of
from mappings.suggest_values import values_of

LONG = [
    ["Patient ID", "Collected", "Test name", "Result", "Units"],
    ["P1", "2014-02-03", "Hemoglobin", "13.5", "g/dl"],
    ["P1", "2014-02-03", "PSA", "4.5", "ng/ml"],
    ["P1", "2014-03-03", "PSA", "5.5", "ng/ml"],
    ["P2", "2014-02-05", "Hemoglobin", "12", "g/dl"],
    ["P2", "2014-02-05", "LDH", "180", "U/l"],
    ["P2", "2014-02-05", "frobs", "1", "U/l"],
]
MIXED = [
    ["id", "item", "value"],
    ["1", "Sex", "male"],
    ["1", "Weight", "70"],
    ["2", "Sex", "female"],
    ["2", "Weight", "81"],
]
TURNED = [
    ["Patient ID", "P01", "P02", "P03", "P04"],
    ["Sex", "male", "female", "female", "male"],
    ["Weight (kg)", "70", "81", "55.5", "90"],
    ["Karnofsky performance status", "70", "80", "90", "100"],
]


@pytest.fixture(scope="module")
def suggester():
    return Suggester(gather([]))


@pytest.fixture
def drafted(suggester, tmp_path):
    """The draft of a CSV: its sheet, its part, its proposals and the file."""

    def made(rows):
        path = tmp_path / "t.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows(rows)
        (table,) = profile_file(path)
        advice = suggester.table(table)
        values = {i.column.name: values_of(suggester, i.column, i.proposed.target) for i in advice if i.proposed}
        sheet = Sheet(table, advice, values, long_of(suggester, table, advice, subject_of(table, advice)))
        text = draft("x", "X", None, [sheet], "2026-11-24")
        return sheet, Shape.model_validate(yaml.safe_load(text.shape)).parts()[0], text.proposals, path

    return made


def test_a_long_table_has_its_items_and_units_in_columns(drafted):
    sheet, part, proposals, _ = drafted(LONG)
    (entry,) = part.columns["Result"]
    assert (entry.record, entry.fields["variable"].column, entry.fields["unit"].column) == (
        "measurement",
        "Test name",
        "Units",
    )
    assert set(sheet.long.items) == {"Hemoglobin", "PSA", "LDH"}, "what is not known is not proposed"
    assert "value:Test%20name/Hemoglobin\tHemoglobin\t\tskos:exactMatch\tncit:C64848" in proposals
    assert sheet.long.score >= 0.6
    assert "3 of the 4 cells" in sheet.long.reason


def test_findings_and_measurements_of_a_long_table_are_apart(drafted):
    _, part, _, _ = drafted(MIXED)
    measured, found = part.columns["value"]
    assert (measured.record, measured.where) == ("measurement", {"item": ("Weight",)})
    assert (found.record, found.where) == ("finding", {"item": ("Sex",)})


@pytest.mark.parametrize("header", [["id", "group", "value"], ["id", "test", "colour"]])
def test_other_tables_are_not_long(drafted, header):
    rows = [[*header, "Sex"], ["1", "a", "2", "male"], ["1", "b", "3", "male"], ["2", "c", "4", "female"]]
    sheet, _, _, _ = drafted(rows)
    assert sheet.long is None


def test_a_turned_table_is_read_by_columns(drafted):
    sheet, part, _, path = drafted(TURNED)
    assert sheet.table.turned
    assert (part.orientation, part.subject.column) == ("columns", "Patient ID")
    assert {"Sex", "Weight (kg)", "Karnofsky performance status"} <= set(part.columns)
    table = TableFile(path)
    assert table.headers(part) == ("Patient ID", "Sex", "Weight (kg)", "Karnofsky performance status")
    assert [row[0] for _, row in table.numbered(part)] == ["P01", "P02", "P03", "P04"]


@pytest.mark.parametrize(
    "rows",
    [
        [["id", "LD1", "LD2"], ["P1", "3", "4"], ["P2", "5", "6"], ["P3", "5", "6"]],
        [["gene", "S01", "S02"], ["TP53", "3", "4"], ["EGFR", "5", "6"], ["KRAS", "5", "6"]],
        [["id", "sex", "age"], ["P1", "m", "4"], ["P2", "f", "6"], ["P3", "f", "6"]],
        [[], [""], ["a"]],
    ],
)
def test_tables_that_are_not_turned(rows):
    assert not is_turned(rows)
