"""Drafts of maps: valid whatever the names of columns, applied in nothing that was not decided, SSSOM throughout."""

import warnings

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from mappings.dictionary import Described
from mappings.draft import draft
from mappings.draft_sets import Sheet
from mappings.knowledge import gather
from mappings.layout import Layout
from mappings.profile import Profiler, Table
from mappings.shape import Shape
from mappings.sssom import read_decisions
from mappings.suggest import Suggester
from mappings.suggest_table import families, subject_of
from mappings.suggest_values import values_of
from mappings.tables import table_map, table_maps

PATIENTS = [
    ["Patient ID", "Gender", "age (years)", "Stage", "OS_days", "Vital status", "LD_T0 (mm)", "LD_T1 (mm)", "Comment"],
    ["P1", "male", "61", "IIIA", "300", "Dead", "12.5", "10", "x"],
    ["P2", "female", "47", "IV", "412", "Alive", "30", "31", "y"],
    ["P3", "female", "55", "?", "90", "Dead", "8", "NA", "y"],
]


@pytest.fixture(scope="module")
def suggester():
    return Suggester(gather(table_maps().values()))


def sheet_of(suggester, rows, name=None, layout=None):
    profiler = Profiler(rows[0])
    profiler.add(rows[1:])
    table = Table("t.csv", "table", name, True, layout or Layout((1,), 2), profiler.rows, tuple(profiler.columns()))
    advice = suggester.table(table)
    values = {
        item.column.name: values_of(suggester, item.column, item.proposed.target) for item in advice if item.proposed
    }
    return Sheet(table, advice, values)


def written(folder, made):
    folder.mkdir()
    (folder / "map.yaml").write_text(made.shape, encoding="utf-8")
    (folder / "mapping.sssom.tsv").write_text(made.decisions, encoding="utf-8")
    (folder / "proposals.sssom.tsv").write_text(made.proposals, encoding="utf-8")
    return folder


def test_a_draft_is_a_map(suggester, tmp_path):
    made = draft("trial_x", "Trial X", "trial", [sheet_of(suggester, PATIENTS)], "2026-11-24")
    mapping = table_map(str(written(tmp_path / "trial_x", made)))
    part = mapping.parts[0]
    assert (mapping.shape.collection, part.subject.column, part.one_row_per) == ("trial", "Patient ID", ("Patient ID",))
    assert part.columns["OS_days"][0].fields["event"].is_true == ("Dead",)
    assert part.columns["LD_T{visit} (mm)"][0].fields["visit"].header == "visit"
    assert part.columns["age (years)"][0].fields["unit"] == "a"
    assert "Comment" not in part.columns
    assert set(part.missing) == {"?", "NA"}


def test_only_identical_decisions_are_taken_over(suggester, tmp_path):
    made = draft("trial_x", "Trial X", None, [sheet_of(suggester, PATIENTS)], "2026-11-24")
    folder = written(tmp_path / "trial_x", made)
    decided = read_decisions(folder / "mapping.sssom.tsv").rows
    assert {row.column for row in decided} == {"Gender"}
    assert {row.value for row in decided} == {None, "male", "female"}
    proposed = read_decisions_loosely(folder / "proposals.sssom.tsv")
    assert {"Stage", "OS_days", "Vital status"} <= {row["subject_label"] for row in proposed}
    assert any(row["subject_id"] == "value:Stage/IIIA" and row["object_id"] == "ncit:C27977" for row in proposed)


def read_decisions_loosely(path):
    """Proposals may contradict each other, so that they are read as rows."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    head = lines[0].split("\t")
    return [dict(zip(head, line.split("\t"), strict=True)) for line in lines[1:]]


def test_sets_are_sssom(suggester, tmp_path):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import sssom_pydantic

    folder = written(tmp_path / "x", draft("x", "X", None, [sheet_of(suggester, PATIENTS)], "2026-11-24"))
    for name in ("mapping.sssom.tsv", "proposals.sssom.tsv"):
        read, _, _, errors = sssom_pydantic.read(folder / name, return_errors=True)
        assert not errors
        assert read
    rows = read_decisions_loosely(folder / "proposals.sssom.tsv")
    assert all(0.3 <= float(row["confidence"]) <= 1 and row["comment"] for row in rows)
    keys = [(row["subject_id"], -float(row["confidence"]), row["object_id"]) for row in rows]
    assert keys == sorted(keys)
    assert len({(row["subject_id"], row["object_id"]) for row in rows}) == len(rows)


def test_sheets_of_a_workbook(suggester, tmp_path):
    labs = [["Case", "Hemoglobin (g/dl)"], ["P1", "13.5"], ["P2", "12"]]
    sheets = [sheet_of(suggester, PATIENTS, "Patients"), sheet_of(suggester, labs, "Labs")]
    mapping = table_map(str(written(tmp_path / "x", draft("x", "X", None, sheets, "2026-11-24"))))
    assert [(part.sheet, part.subject.column) for part in mapping.parts] == [
        ("Patients", "Patient ID"),
        ("Labs", "Case"),
    ]
    assert any(row.column == "Patients!Gender" for row in mapping.decisions.rows)


def test_rows_of_the_layout(suggester, tmp_path):
    sheet = sheet_of(suggester, PATIENTS, layout=Layout((3, 4), 7))
    made = draft("x", "X", None, [sheet], "2026-11-24")
    part = table_map(str(written(tmp_path / "x", made))).parts[0]
    assert (part.header_row, part.data_row) == ((3, 4), 7)


def test_no_map_where_nothing_is_proposed(suggester):
    made = draft("x", "X", None, [sheet_of(suggester, [["a", "b"], ["q", "z"]])], "2026-11-24")
    assert made.shape is None


NAMES = st.text(min_size=1, max_size=12).map(lambda text: f"Gender {text}")


@settings(max_examples=40)
@given(NAMES, st.text(max_size=8))
def test_any_names_and_cells_make_a_valid_map(suggester, name, cell):
    rows = [["Patient ID", name, "sex"], ["P1", "male", "male"], ["P2", cell, "female"], ["P3", "female", "male"]]
    made = draft("x", "X", None, [sheet_of(suggester, rows)], "2026-11-24")
    assert made.shape is not None
    shape = Shape.model_validate(yaml.safe_load(made.shape))
    assert "sex" in shape.parts()[0].columns
    for text in (made.decisions, made.proposals):
        lines = [line for line in text.split("\n") if line and not line.startswith("#")]
        assert len({line.count("\t") for line in lines}) == 1


def test_the_subject_is_found_by_its_name_or_its_cells(suggester):
    for rows, subject in [
        ([["sex", "study id"], ["m", "1"], ["f", "2"]], "study id"),
        ([["cn", "sex"], ["1", "m"], ["2", "f"], ["3", "m"]], "cn"),
        ([["sex", "age (years)"], ["m", "61"], ["f", "47"], ["m", "47"]], None),
    ]:
        sheet = sheet_of(suggester, rows)
        assert subject_of(sheet.table, sheet.advice) == subject


def test_columns_that_differ_in_a_number_are_a_family(suggester):
    rows = [["id", "GRADE1", "GRADE2", "GRADE3"], ["a", "1", "2", "3"], ["b", "2", "2", "1"]]
    sheet = sheet_of(suggester, rows)
    assert [(item.pattern, len(item.members)) for item in families(sheet.advice)] == [("GRADE{number}", 3)]


def test_answers_of_a_list_are_no_family(suggester):
    labels = ("Race: White", "Race: Asian")
    made = Profiler(["id", "r1", "r2"])
    made.add([["a", "0", "1"], ["b", "1", "0"]])
    key, *answers = made.columns()
    columns = (
        key,
        *(column.described_by(Described(column.name, label)) for column, label in zip(answers, labels, strict=True)),
    )
    table = Table("t.csv", "table", None, True, Layout((1,), 2), 2, columns)
    assert [item.pattern for item in families(suggester.table(table))] == ["r1", "r2"]
