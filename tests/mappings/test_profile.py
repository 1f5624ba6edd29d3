"""Profiles of columns, and where a table's header stands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mappings.dictionary import Described
from mappings.layout import Layout, find_layout
from mappings.profile import HELD, Column, Profiler, ValueKind


def profiled(*cells: str, name: str = "x") -> Column:
    profiler = Profiler([name])
    profiler.add([cell] for cell in cells)
    (column,) = profiler.columns()
    return column


@pytest.mark.parametrize(
    ("cells", "kind"),
    [
        (["1", "2", "3"], ValueKind.INTEGER),
        (["1.5", "2,5", "<0.2"], ValueKind.NUMBER),
        (["2014-02-03", "2014-5-1", "2014-02"], ValueKind.DATE),
        (["12/14/2008", "1/3/2009"], ValueKind.DATE),
        (["M", "F", "M"], ValueKind.CODE),
        (["1.2.840.113619.2.1", "1.2.840.113619.2.2"], ValueKind.UID),
        ([f"P-{number:04}" for number in range(50)], ValueKind.IDENTIFIER),
        ([f"a remark of many words, number {number}" for number in range(90)], ValueKind.TEXT),
        (["", "  "], ValueKind.EMPTY),
        (["NA", "[Not Available]", "n/a"], ValueKind.EMPTY),
    ],
)
def test_kind_of_cells(cells, kind):
    filler = [] if any(cell.strip() for cell in cells) else ["", ""]
    assert profiled(*cells, *filler).kind is kind


def test_form_of_dates():
    assert profiled("12/14/2008", "1/3/2009").form == "%m/%d/%Y"
    assert profiled("14/12/2008", "1/3/2009").form == "%d/%m/%Y"
    assert profiled("2008-12-14").form == ""


def test_cells_that_say_nothing():
    column = profiled("61", "47", "NA", "-9", "999")
    assert list(column.missing) == ["-9", "999", "NA"]
    assert (column.low, column.high) == (47, 61)
    assert "Unknown" in profiled("Yes", "Unknown").values, "unknown is an answer"
    assert not profiled("1", "2", "98", "99").missing, "both may be codes: a dictionary tells"


def test_missing_codes_that_are_values():
    assert not profiled("95", "97", "99", "101").missing
    assert not profiled("-3", "-1", "2").missing


def test_a_cell_that_the_dictionary_explains_says_something():
    column = profiled("1", "2", "99").described_by(Described("x", "", {"99": "Unknown"}))
    assert (dict(column.missing), list(column.values)) == ({}, ["1", "2", "99"])


def test_unit_within_cells():
    column = profiled("15.649307 cc", "2.1 cc", "0.4 cc")
    assert (column.kind, column.cell_unit, column.cell_unit_text) == (ValueKind.NUMBER, "cm3", "cc")
    assert profiled("3 a", "4 b", "5 c").cell_unit is None


def test_share_and_counts():
    column = profiled("a", "a", "b", "", "NA", name="x")
    assert (column.filled, column.distinct, column.rows) == (4, 3, 4), "an empty row does not count"
    assert list(column.values.items()) == [("a", 2), ("b", 1)]


def test_many_different_cells_are_estimated_and_not_held():
    count = 60_000
    profiler = Profiler(["id", "code"])
    profiler.add([f"P{number}", "AB"[number % 2]] for number in range(count))
    named, coded = profiler.columns()
    assert not named.exact
    assert len(named.values) <= HELD
    assert abs(named.distinct - count) < 0.25 * count
    assert (coded.exact, coded.distinct, profiler.rows) == (True, 2, count)


@given(st.lists(st.lists(st.text(max_size=20), max_size=5), max_size=30))
def test_any_cells_can_be_profiled(rows):
    profiler = Profiler(["a", "b", "", "c"])
    profiler.add(rows)
    for column in profiler.columns():
        assert 0 <= column.share <= 1
        assert column.filled <= column.rows == profiler.rows


@pytest.mark.parametrize(
    ("rows", "layout"),
    [
        ([["ID", "Sex"], ["1", "m"]], Layout((1,), 2)),
        ([["A title that says what this is", "", ""], ["ID", "Sex", "Age"], ["1", "m", "3"]], Layout((2,), 3)),
        ([["", "", "PFT"], ["SUBJECT", "", ""], ["", "FEV1", "Volume"], ["1", "90", "2"]], Layout((3,), 4)),
        ([["CASE", "", ""], ["", "FEV1", "Volume"], ["1", "90", "2"], ["2", "80", "1"]], Layout((2,), 3)),
        ([["id"], ["1"]], Layout((1,), 2)),
        ([["a", "b"], ["b_1", "c"], ["CDE_ID:", "CDE_ID:62"], ["x", "y"]], Layout((1,), 4, (2, 3))),
        ([["", ""], ["", ""]], None),
        ([], None),
    ],
)
def test_where_the_header_stands(rows, layout):
    assert find_layout(rows) == layout


@given(st.lists(st.lists(st.sampled_from(["", "a", "1", "CDE_ID:1", "b c", "2.5"]), max_size=4), max_size=8))
def test_a_layout_lies_within_the_rows(rows):
    layout = find_layout(rows)
    if layout is not None:
        assert 1 <= layout.header_rows[0] <= layout.header_rows[-1] < layout.first_row <= len(rows) + 1
        assert any(cell.strip() for cell in rows[layout.header_rows[0] - 1])
