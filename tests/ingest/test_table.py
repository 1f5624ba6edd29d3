"""Tables in every wrapping: encodings, delimiters, workbooks, damaged files, and any text at all in a cell."""

import csv
import io
from decimal import Decimal

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.base import Context
from ingest.table.cells import Fault, number
from ingest.table.file import TableError, TableFile, cell_text
from ingest.table.reader import SOURCE, coverage
from mappings.tables import table_map
from ontology.records import Finding, Measurement, Reject, SourceRecord
from ontology.terms import ncit

DECISIONS = (
    "subject_id\tpredicate_id\tobject_id\tmapping_justification\n"
    "column:Sex\tskos:exactMatch\tncit:C28421\tsemapv:ManualMappingCuration\n"
    "column:Age\tskos:exactMatch\tncit:C25150\tsemapv:ManualMappingCuration\n"
    "value:Sex/m%C3%A4nnlich\tskos:exactMatch\tncit:C20197\tsemapv:ManualMappingCuration\n"
)
COLUMNS = "columns:\n  Sex: {record: finding}\n  Age: {record: measurement, unit: a}\n"
ROWS = [["ID", "Sex", "Age"], ["A1", "männlich", "40.5"], ["A2", "männlich", "51"]]


def make_map(folder, text=f"subject: ID\n{COLUMNS}", decisions=DECISIONS):
    target = folder / "own"
    target.mkdir(exist_ok=True)
    (target / "map.yaml").write_text(f"name: own\ntitle: A map\n{text}", encoding="utf-8")
    (target / "mapping.sssom.tsv").write_text(decisions, encoding="utf-8")
    return str(target)


def run(path, mapping=None, **context):
    return list(SOURCE.read(iter([str(path)]), Context(collection="c", mapping=mapping, **context)))


def facts(items):
    return [
        (item.subject, item.raw, getattr(item, "value", None))
        for item in items
        if isinstance(item, Finding | Measurement)
    ]


EXPECTED = [
    ("A1", "männlich", None),
    ("A1", "40.5 a", Decimal("40.5")),
    ("A2", "männlich", None),
    ("A2", "51 a", Decimal(51)),
]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_one_table_in_every_wrapping_gives_the_same_records(tmp_path, encoding, delimiter, end):
    path = tmp_path / "t.csv"
    path.write_bytes(end.join(delimiter.join(row) for row in ROWS).encode(encoding))
    assert facts(run(path, make_map(tmp_path))) == EXPECTED


def test_a_workbook_gives_the_same_records_and_names_its_cells(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Notes"
    sheet = book.create_sheet("Patients")
    sheet.append(["A title above the table"])
    for row in [ROWS[0], ["A1", "männlich", 40.5], ["A2", "männlich", 51]]:
        sheet.append(row)
    path = tmp_path / "t.xlsx"
    book.save(path)
    mapping = make_map(tmp_path, f"sheet: Patients\nheader_row: 2\nsubject: ID\n{COLUMNS}")
    items = run(path, mapping)
    assert facts(items) == EXPECTED
    assert [item.key for item in items if isinstance(item, Measurement)] == ["Patients!R3C3", "Patients!R4C3"]


def test_sheets_are_parts_of_one_source_and_decisions_may_speak_of_one_sheet(tmp_path):
    book = openpyxl.Workbook()
    book.active.title = "Men"
    women = book.create_sheet("Women")
    for sheet in (book.active, women):
        sheet.append(["ID", "Code"])
        sheet.append([f"{sheet.title}1", 1])
    path = tmp_path / "t.xlsx"
    book.save(path)
    mapping = make_map(
        tmp_path,
        "subject: ID\nsheets:\n  Men: {columns: {Code: {record: finding}}}\n"
        "  Women: {columns: {Code: {record: finding}}}\n  Children: {columns: {Code: {record: finding}}}\n",
        "subject_id\tpredicate_id\tobject_id\tmapping_justification\n"
        "column:Code\tskos:exactMatch\tncit:C28421\tx\nvalue:Code/1\tskos:exactMatch\tncit:C20197\tx\n"
        "value:Women%21Code/1\tskos:exactMatch\tncit:C16576\tx\n",
    )
    items = run(path, mapping)
    assert [item.value_concept for item in items if isinstance(item, Finding)] == [ncit.MALE, ncit.FEMALE]
    assert sum(isinstance(item, SourceRecord) for item in items) == 1
    assert [item.place for item in items if isinstance(item, Reject)] == ["sheet Children"]


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.csv", b"PK\x03\x04rest", "packed file"),
        ("t.csv", b"\x00\x01\x02\x03binary", "binary"),
        ("t.csv", b"  <HTML><body>", "web page"),
        ("t.csv", b"%PDF-1.7", "PDF"),
        ("t.xlsx", b"ID,Sex\nA,m\n", "no workbook"),
        ("t.xls", b"\xd0\xcf\x11\xe0 damaged", "no workbook"),
        ("t.csv", b"", "is empty"),
        ("t.csv", b'ID,Sex,Age\nA,"' + b"x" * 140_000, "quotation mark"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_what_is_no_table_is_rejected_with_what_would_be_right(tmp_path, name, content, says, named):
    path = tmp_path / name
    path.write_bytes(content)
    assert SOURCE.accepts(str(path))
    items = run(path, make_map(tmp_path) if named else None)
    rejects = [item for item in items if isinstance(item, Reject)]
    assert rejects
    assert all(reject.name == name and reject.wanted for reject in rejects)
    if named or says != "quotation mark":
        assert says in rejects[0].problem


def test_a_table_that_no_map_fits_says_where_maps_are_listed(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    (reject,) = run(path)
    assert reject.problem == "no table map fits"
    assert "qilin map list" in reject.wanted


def test_an_unknown_map_is_named_with_those_like_it(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n", encoding="utf-8")
    (reject,) = run(path, "nsclc_radiomics_lung")
    assert "nsclc_radiomics_lung1" in reject.wanted


def test_a_known_source_is_not_read_again(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("ID,Sex,Age\nA1,männlich,3\n", encoding="utf-8")
    mapping = make_map(tmp_path)
    (head,) = run(path, mapping, known=lambda digest, recipe: recipe.startswith("own@") and len(digest) == 64)
    assert isinstance(head, SourceRecord)


def test_a_changed_map_changes_the_recipe(tmp_path):
    first = table_map(make_map(tmp_path)).recipe
    assert table_map(make_map(tmp_path)).recipe == first
    assert table_map(make_map(tmp_path, decisions=DECISIONS.replace("C20197", "C16576"))).recipe != first
    assert table_map(make_map(tmp_path, f"missing: x\nsubject: ID\n{COLUMNS}")).recipe != first


def test_coverage_tells_which_columns_are_left_out(tmp_path):
    path = tmp_path / "t.csv"
    path.write_text("ID,Sex,Name,Age,Sex\n", encoding="utf-8")
    found = coverage(path, table_map(make_map(tmp_path)))
    assert found.mapped == ("ID", "Sex", "Age")
    assert found.unmapped == ("Name", "Sex.2")


def test_only_tables_are_accepted(tmp_path):
    for name, text in (("a.txt", "x\ty\n1\t2\n"), ("b.txt", "plain text\n"), (".c.csv", "a,b\n"), ("~$d.xlsx", "")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    assert [SOURCE.accepts(str(path)) for path in sorted(tmp_path.iterdir())] == [False, True, False, False]
    assert not SOURCE.accepts("https://example.org/t.csv")
    assert not SOURCE.accepts(str(tmp_path / "missing.csv"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=5), max_size=8))
def test_any_text_in_cells_is_read_or_rejected_and_never_repeated(tmp_path, rows):
    mapping = make_map(tmp_path)
    path = tmp_path / "any.csv"
    text = io.StringIO()
    csv.writer(text).writerows([["ID", "Sex", "Age"], *rows])
    path.write_bytes(text.getvalue().encode())
    items = run(path, mapping)
    assert not [item for item in items if isinstance(item, Finding) and item.raw != "männlich"]
    for item in items:
        if isinstance(item, Reject):
            assert item.place == "file" or set(item.place) <= set("RC0123456789, andmore")
            assert item.place != "file" or "\0" in text.getvalue()


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_are_rows_or_an_error_that_says_where(tmp_path_factory, content):
    path = tmp_path_factory.mktemp("bytes") / "any.csv"
    path.write_bytes(content)
    try:
        rows = list(TableFile(path).rows())
    except TableError as error:
        said = error
    else:
        said = None
        assert all(isinstance(cell, str) for row in rows for cell in row)
    assert said is None or (said.place and said.wanted)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=4, min_value=-(10**9), max_value=10**9))
def test_numbers_survive_both_decimal_marks(value):
    text = f"{value:f}"
    assert number()(text).value == value
    assert number(",")(text.replace(".", ",")).value == value


@given(st.text(max_size=30))
def test_any_text_is_a_number_or_a_fault(text):
    found = number()(text)
    assert isinstance(found, Fault) or found.value is not None or found.low is not None or found.high is not None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_workbooks_number_reads_back_as_itself(value):
    assert float(cell_text(value)) == value


@pytest.mark.parametrize("text", ["", "\n\n", "  ,\n"])
def test_an_empty_file_is_called_empty(tmp_path, text):
    path = tmp_path / "new.csv"
    path.write_text(text, encoding="utf-8")
    for mapping in (None, make_map(tmp_path)):
        (reject,) = run(path, mapping)
        assert (reject.place, reject.problem) == ("file", "is empty")


def test_a_header_without_rows_is_told_as_that(tmp_path):
    path = tmp_path / "new.csv"
    path.write_text("Something,Else\n", encoding="utf-8")
    (reject,) = run(path)
    assert reject.problem == "has a header and no rows, and no table map fits"
    path.write_text("Something,Else\n1,2\n", encoding="utf-8")
    (reject,) = run(path)
    assert reject.problem == "no table map fits"
