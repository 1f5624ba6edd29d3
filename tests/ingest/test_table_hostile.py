"""Hostile and damaged tables: each is read or refused with what would be right; none raises, hangs or fills memory."""

import datetime as dt
import io
import zipfile

import openpyxl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import workbook_size
from ingest.base import Context
from ingest.table.cells import Fault, Number, number, when
from ingest.table.file import TableError, TableFile
from ingest.table.reader import SOURCE
from ingest.workbook_size import too_large
from ontology.records import Measurement, Reject, When
from tests.ingest.test_table_shapes import of, read

SHAPE = "columns:\n  Age: {record: measurement, unit: a}\n  Sex: {record: finding}\n"
OFFICE = "urn:oasis:names:tc:opendocument:xmlns"


def sheet(path, rows, shared=""):
    """A workbook whose one sheet is this XML of rows, packed as XLSX; with these shared texts."""
    book = openpyxl.Workbook()
    book.active.append(["ID"])
    content = io.BytesIO()
    book.save(content)
    with zipfile.ZipFile(content) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for item in old.namelist():
            data = old.read(item)
            if item.endswith("sheet1.xml"):
                space = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
                data = f"<worksheet {space}><sheetData>{rows}</sheetData></worksheet>".encode()
            new.writestr(item, data)
        if shared:
            new.writestr("xl/sharedStrings.xml", f"<sst>{shared}</sst>")
    return path


def ods(path, rows):
    """An OpenDocument workbook with these rows."""
    spaces = f'xmlns:office="{OFFICE}:office:1.0" xmlns:table="{OFFICE}:table:1.0" xmlns:text="{OFFICE}:text:1.0"'
    body = f'<office:spreadsheet><table:table table:name="S">{rows}</table:table></office:spreadsheet>'
    body = f"<office:body>{body}</office:body>"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        packed.writestr(
            "content.xml", f'<?xml version="1.0"?><office:document-content {spaces}>{body}</office:document-content>'
        )
        manifest = f'<manifest:manifest xmlns:manifest="{OFFICE}:manifest:1.0"/>'
        packed.writestr("META-INF/manifest.xml", manifest)
    return path


def cell(text, columns=1):
    repeated = f' table:number-columns-repeated="{columns}"'
    said = f'office:value-type="string"{repeated}><text:p>{text}</text:p>' if text else f"{repeated}>"
    return f"<table:table-cell {said}</table:table-cell>"


def row(cells, times=1):
    return f'<table:table-row table:number-rows-repeated="{times}">{cells}</table:table-row>'


def test_two_cells_at_opposite_corners_are_refused_before_they_are_laid_out(tmp_path):
    far = '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>'
    path = sheet(tmp_path / "far.xlsx", far)
    assert path.stat().st_size < 10_000
    with pytest.raises(TableError, match="too large an extent"):
        list(TableFile(path).rows())


def test_cells_without_a_place_are_counted(tmp_path):
    rows = "<row>" + "<c><v>1</v></c>" * 9_000 + "</row>" + "<row><c><v>1</v></c></row>" * 9_000
    assert too_large(sheet(tmp_path / "t.xlsx", rows)) is not None
    assert too_large(sheet(tmp_path / "u.xlsx", "<row><c><v>1</v></c></row>" * 9_000)) is None


def test_repeated_rows_of_an_open_document_are_counted_where_they_say_something(tmp_path):
    path = ods(tmp_path / "bomb.ods", row(cell("x", 1_000), 1_000_000))
    with pytest.raises(TableError, match="too large an extent"):
        list(TableFile(path).rows())
    # what office programs write below every table: empty rows to the end of the sheet
    usual = ods(tmp_path / "usual.ods", row(cell("ID") + cell("Age")) + row(cell("", 16_384), 1_048_000))
    assert next(iter(TableFile(usual).rows())) == ["ID", "Age"]


def test_one_long_text_in_many_cells_is_refused(tmp_path, monkeypatch):
    rows = '<row><c t="s"><v>0</v></c></row>' * 200
    sheet(tmp_path / "t.xlsx", rows, f"<si><t>short</t></si><si><t>{'x' * 2_000}</t></si>")
    assert too_large(tmp_path / "t.xlsx") is None
    monkeypatch.setattr(workbook_size, "TEXT_LIMIT", 200 * 1_000)
    assert too_large(tmp_path / "t.xlsx") is not None


def test_a_workbook_that_unpacks_to_too_much_is_refused(tmp_path, monkeypatch):
    path = sheet(tmp_path / "t.xlsx", "<row><c><v>1</v></c></row>" * 1_000)
    monkeypatch.setattr(workbook_size, "UNPACKED_LIMIT", 10_000)
    with pytest.raises(TableError, match="unpacks"):
        TableFile(path).check()


def test_a_binary_workbook_is_refused(tmp_path):
    (tmp_path / "t.xlsb").write_bytes(b"PK\x03\x04")
    with pytest.raises(TableError, match="binary form"):
        TableFile(tmp_path / "t.xlsb").check()


def small_workbook():
    book = openpyxl.Workbook()
    for line in (["ID", "Age"], ["A", 40], ["B", dt.datetime(2020, 1, 2)]):
        book.active.append(line)
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


SMALL = small_workbook()
CHANGES = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 255)), min_size=1, max_size=6)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(CHANGES)
def test_a_workbook_with_changed_bytes_is_rows_or_an_error_that_says_where(tmp_path, changes):
    raw = bytearray(SMALL)
    for place, byte in changes:
        raw[place % len(raw)] = byte
    path = tmp_path / "t.xlsx"
    path.write_bytes(bytes(raw))
    said, rows = None, []
    try:
        rows = list(TableFile(path).rows())
    except TableError as error:
        said = error
    assert said is None or said.wanted
    assert all(isinstance(cell, str) for line in rows for cell in line)


@pytest.mark.parametrize(
    "content",
    [
        b"ID,Age,Sex\nA,4\x000,m\nB,50,f\n",
        b"ID,Age,Sex\nA,40,m\nB,50,f,more,still more\nC\n,,,\n\n",
        b"ID,Age,Sex\nA,40,m\xff\xfe\nB,50,f\n",
        b"\xef\xbb\xbfID;Age;Sex\rA;40;m\rB;50;f\r",
        "ID|Age|Sex\nA|40|m\nB|50|f\n".encode("utf-16"),
        b'ID,Age,Sex\n"A,40,m\nB,50,f\n',
        b"ID,Age,Sex\nA," + b"9" * 100_000 + b",m\nB,50,f\n",
        b"ID,Age,Sex\nA,40," + b"(" * 100_000 + b"\nB,50,f\n",
        b"ID,Age,Sex\n" + b"A,40,m\n" * 3 + "Ä".encode("cp1252") + b",50,f\n",
    ],
    ids=[
        "nul",
        "ragged",
        "mixed encodings",
        "bom and cr",
        "utf-16",
        "open quote",
        "long number",
        "long text",
        "cp1252",
    ],
)
def test_damaged_text_is_read_as_far_as_it_goes(tmp_path, content):
    read(tmp_path, "", SHAPE)
    path = tmp_path / "t.csv"
    path.write_bytes(content)
    items = list(SOURCE.read(iter([str(path)]), Context(collection="c", mapping=str(tmp_path / "own"))))
    assert items
    for item in items:
        if isinstance(item, Reject):
            assert item.place
            assert item.wanted
            assert "((((" not in f"{item.place}{item.problem}{item.wanted}"
    kept = [(item.subject, item.value) for item in items if isinstance(item, Measurement)]
    assert all(value in {40, 50} for _, value in kept)


@given(st.text(max_size=40) | st.from_regex(r"[0-9]{1,5}[-./][0-9]{1,5}[-./][0-9]{1,5}", fullmatch=True))
def test_any_text_is_a_date_or_a_fault(text):
    found = when(("%d.%m.%Y", "%m/%d/%Y", "%d/%m/%y", "excel"), "calendar", counted=False)(text)
    assert isinstance(found, Fault | When)


@given(st.dates(dt.date(1900, 3, 1), dt.date(2099, 12, 31)))
def test_dates_survive_every_form_of_a_list(date):
    assert when((), "c", counted=False)(date.isoformat()) == When.on(date, "c")
    forms = ("%d.%m.%Y", "excel")
    assert when(forms, "c", counted=False)(date.strftime("%d.%m.%Y")) == When.on(date, "c")
    assert when(forms, "c", counted=False)(str((date - dt.date(1899, 12, 30)).days)) == When.on(date, "c")
    both = when(("%d/%m/%Y", "%m/%d/%Y"), "c", counted=False)(date.strftime("%d/%m/%Y"))
    certain = date.day > 12 or date.day == date.month
    assert (both == When.on(date, "c")) if certain else isinstance(both, Fault)


@given(
    st.decimals(0, 10**6, places=2),
    st.decimals("0.01", 1000, places=2),
    st.sampled_from(["-", "\N{EN DASH}", " to ", " - "]),
)
def test_ranges_survive(low, span, between):
    found = number()(f"{low:f}{between}{low + span:f}")
    assert found == Number(None, low, low + span)


@given(st.decimals(0, 10**9, places=2), st.sampled_from([",", ".", " ", "'"]))
def test_marks_between_thousands_survive(value, mark):
    decimal = "," if mark == "." else "."
    text = f"{value:,.2f}".replace(".", "\0").replace(",", mark).replace("\0", decimal)
    assert number(decimal, thousands=mark)(text) == Number(value)


def test_weeks_beyond_what_the_log_holds_are_told(tmp_path):
    shape = "columns:\n  LD: {record: measurement, unit: mm, when: {column: W, unit: wk, clock: from-surgery}}\n"
    items = read(tmp_path, "ID,LD,W\nS1,3,900000000\nS2,4,-200000000\nS3,5,2\n", shape)
    assert [(item.subject, item.when.first) for item in of(items, Measurement)] == [("S3", 14)]
    assert [item.place for item in of(items, Reject)] == ["R2C3, R3C3"]
