"""A table as rows of text cells: what every kind of table gives, and the files CSV, TSV and Excel workbooks.

Delimited text is read with the standard library: its parser takes ragged rows, every kind of line end and quoted line
ends, and streams, so that memory does not grow with the file. Workbooks are read by ``python-calamine``.
"""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import hashlib
import io
import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import dropwhile, islice, takewhile, zip_longest
from pathlib import Path

from lxml import etree
from python_calamine import CalamineError, CalamineWorkbook, load_workbook

from ingest.base import head_of
from ingest.workbook_size import too_large
from mappings.shape import Part, plain
from ontology.records import Extent

__all__ = ["DELIMITED", "WORKBOOKS", "Table", "TableError", "TableFile", "cell_text", "header_names"]

DELIMITED = frozenset({".csv", ".maf", ".mer", ".tab", ".tsv", ".txt"})
WORKBOOKS = frozenset({".xlsx", ".xlsm", ".xls", ".xlsb", ".ods"})
UNTOLD = frozenset({".xlsb"})
"""Workbooks of which it cannot be told, before they are opened, how much they would unfold to."""

HEAD = 65536
DELIMITERS = ",;\t|"
MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
MISTAKEN = (
    (b"PK\x03\x04", "is a packed file (a workbook or an archive) under a text name", "its right suffix, such as .xlsx"),
    (b"\xd0\xcf\x11\xe0", "is an old Excel workbook under a text name", "the suffix .xls"),
    (b"\x1f\x8b", "is packed with gzip", "the unpacked table"),
    (b"%PDF", "is a PDF document", "the table as CSV, TSV or XLSX"),
    (b"{\\rtf", "is a text document", "the table as CSV, TSV or XLSX"),
)
WEB = (b"<!doctype", b"<html", b"<?xml", b"<table", b"<head")


class TableError(ValueError):
    """A table that cannot be read: where, what is wrong, and what would be right."""

    def __init__(self, place: str, problem: str, wanted: str) -> None:
        self.place, self.problem, self.wanted = place, problem, wanted
        super().__init__(f"{place}: {problem}; wanted: {wanted}")


class Table:
    """Something with rows of text cells: what the engine asks of every kind of table.

    A kind says how its `rows` come; names of columns, turned tables and the choice of rows follow from them.
    """

    workbook = False
    """Whether it has several tables, which a map names as sheets."""

    def __init__(self) -> None:
        self._heads: dict[tuple[object, ...], list[list[str]]] = {}

    def rows(self, sheet: str | int | None = None) -> Iterator[Sequence[str]]:
        """Every row of the table or of one sheet (by name, or by number from 1), from the beginning each time.

        The first rows are those of the column names. Raises `TableError` where they cannot be read.
        """
        raise NotImplementedError

    def check(self) -> None:
        """`TableError` where this is no table at all."""

    def reopen(self, encoding: str | None, delimiter: str | None) -> None:
        """Read anew with what a map says of encoding and delimiter; nothing to do where the text is decoded already."""

    def settle(self, part: Part) -> None:
        """Settle what the rows leave open, by the part of the map that is to be read; nothing to do as a rule."""

    def completed(self, part: Part) -> Part:
        """The part of a map with what the source itself knows of its columns; the part itself as a rule."""
        return part

    def extent(self, part: Part, mark: Callable[[str], str]) -> Extent | None:  # noqa: ARG002
        """What of a project the source holds, rows by ``mark`` of what tells them apart; None as a rule."""
        return None

    def digest(self, parts: Sequence[Part]) -> str:
        """The SHA-256 (hex) of the rows that a map reads, whatever their order; in bounded memory.

        For tables that are no file: what order a database gives its rows in is its own affair.
        """
        whole = hashlib.sha256()
        for part in parts:
            rows = self.part_rows(part)
            whole.update("\x1f".join(next(rows, ())).encode())
            count = total = 0
            for row in rows:
                count += 1
                total += int.from_bytes(hashlib.sha256("\x1f".join(row).encode()).digest(), "big")
            whole.update(f"\0{count}\0{total % (1 << 256):x}\0".encode())
        return whole.hexdigest()

    def part_rows(self, part: Part) -> Iterator[Sequence[str]]:
        """Every row of what a part of a map reads, as it stands."""
        return self.rows(part.sheet)

    def table(self, part: Part) -> Iterator[Sequence[str]]:
        """The rows of a part of a map; the columns where each of them speaks of a subject."""
        rows = self.part_rows(part)
        if part.comment:
            rows = dropwhile(lambda row: bool(row) and row[0].startswith(part.comment), rows)
        if part.orientation == "matrix":
            return (row for _number, row in melted(part, rows))
        return zip_longest(*rows, fillvalue="") if part.orientation == "columns" else rows

    def numbered(self, part: Part) -> Iterator[tuple[int, Sequence[str]]]:
        """The rows of data of a part, with their numbers in the file; of a matrix, the numbers of its cells."""
        skipped = self._comments(part)
        if part.orientation == "matrix":
            yield from islice(melted(part, islice(self.part_rows(part), skipped, None), skipped), 1, None)
            return
        rows = enumerate(self.table(part), skipped + 1)
        yield from islice(rows, part.data_row - 1, part.last_row)

    def _comments(self, part: Part) -> int:
        """How many rows before the header are comments."""
        if not part.comment:
            return 0
        rows = self.part_rows(part)
        return sum(1 for _ in takewhile(lambda row: bool(row) and row[0].startswith(part.comment), rows))

    def headers(self, part: Part) -> tuple[str, ...]:
        """The column names as a part of a map reads them: plain, and repeated ones numbered ``name.2``."""
        if part.names:
            return _numbered([plain(name) for name in part.names])
        top = self._head(part)
        numbers = (1,) if part.orientation == "matrix" else part.header_row
        return header_names([top[number - 1] for number in numbers if number <= len(top)])

    def _head(self, part: Part) -> list[list[str]]:
        """The rows down to the last header row."""
        size = max(part.header_row)
        layout = (part.sheet, part.query, part.orientation, part.comment, part.labels)
        held = self._heads.get(layout, [])
        if len(held) < size:
            held = [list(row) for row in islice(self.table(part), max(size, 20))]
            self._heads[layout] = held
        return held


class TableFile(Table):
    """One file; ``rows`` starts from the beginning each time. Raises `TableError` where the file cannot be read."""

    def __init__(self, path: Path, encoding: str | None = None, delimiter: str | None = None) -> None:
        super().__init__()
        self.path = path
        self.workbook = path.suffix.lower() in WORKBOOKS
        self._encoding, self._delimiter = encoding, delimiter
        self._book: CalamineWorkbook | None = None
        self._sheet: tuple[int, list[list[str]]] = (-1, [])

    def reopen(self, encoding: str | None, delimiter: str | None) -> None:
        """Read anew with what a map says of encoding and delimiter."""
        if encoding or delimiter:
            self._heads.clear()
            self._encoding, self._delimiter = encoding, delimiter

    def settle(self, part: Part) -> None:
        """Take the delimiter by which the part's subject column is found, where the first rows mislead."""
        if self.workbook or self._delimiter:
            return
        likely = self._sniffed(self._detected_encoding())
        subject = plain(part.subject.column)
        for delimiter in (likely, *DELIMITERS):
            self.reopen(self._encoding, delimiter)
            if subject in self.headers(part):
                return
        self.reopen(self._encoding, likely)

    def check(self) -> None:
        """`TableError` where the file is no table at all."""
        if self.workbook:
            self._opened()
        else:
            self._detected_encoding()

    def rows(self, sheet: str | int | None = None) -> Iterator[Sequence[str]]:
        """Every row of the file or of one sheet (by name, or by number from 1), the first row first."""
        if self.workbook:
            return iter(self._sheet_rows(sheet))
        return self._text_rows()

    def sheet_names(self) -> tuple[str, ...]:
        """The names of a workbook's sheets in their order; none of a text file."""
        return tuple(self._opened().sheet_names) if self.workbook else ()

    def _sheet_rows(self, sheet: str | int | None) -> list[list[str]]:
        book = self._opened()
        names = book.sheet_names
        if isinstance(sheet, str) and sheet not in names:
            raise TableError(
                f"sheet {sheet}", "is not in the workbook", "a workbook with that sheet, or sheet: in the map"
            )
        number = sheet - 1 if isinstance(sheet, int) else names.index(sheet) if sheet else 0
        if not 0 <= number < len(names):
            raise TableError(f"sheet {sheet}", f"the workbook has {len(names)} sheets", "one of their numbers or names")
        if self._sheet[0] == number:
            return self._sheet[1]
        try:
            rows = [[cell_text(cell) for cell in row] for row in _from_first_cell(book, number)]
        except CalamineError as error:
            raise TableError(f"sheet {names[number]}", "cannot be read", "the workbook saved again as XLSX") from error
        self._sheet = (number, rows)
        return rows

    def _opened(self) -> CalamineWorkbook:
        if self._book is None:
            if self.path.suffix.lower() in UNTOLD:
                raise TableError(
                    "file", "is a workbook in binary form", "the workbook saved as XLSX, or a sheet as CSV"
                )
            if zipfile.is_zipfile(self.path):
                _check_size(self.path)
            try:
                self._book = load_workbook(self.path)
            except (CalamineError, OSError) as error:
                problem = "is no workbook that can be opened (damaged, locked by a password, or another kind of file)"
                raise TableError("file", problem, "an unlocked XLSX, XLS or ODS workbook") from error
        return self._book

    def _text_rows(self) -> Iterator[Sequence[str]]:
        encoding = self._detected_encoding()
        delimiter = self._delimiter or self._sniffed(encoding)
        number = 0
        try:
            with self.path.open(encoding=encoding, errors="replace", newline="") as handle:
                for row in csv.reader(handle, delimiter=delimiter):
                    number += 1
                    yield row
        except csv.Error as error:
            problem = "a cell of more than 131,072 characters: a quotation mark that is never closed?"
            raise TableError(
                f"R{number + 1}", problem, "each quotation mark closed, or doubled within a cell"
            ) from error

    def _detected_encoding(self) -> str:
        """The map's, that of the mark at the beginning, UTF-8 where all bytes fit it, Windows-1252 otherwise."""
        if self._encoding:
            return self._encoding
        head = head_of(str(self.path), HEAD)
        for mark, encoding in MARKS:
            if head.startswith(mark):
                self._encoding = encoding
                return encoding
        _check_kind(head)
        decoder = codecs.getincrementaldecoder("utf-8")()
        self._encoding = "utf-8"
        try:
            with self.path.open("rb") as handle:
                while block := handle.read(1 << 20):
                    decoder.decode(block)
                decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            self._encoding = "cp1252"
        return self._encoding

    def _sniffed(self, encoding: str) -> str:
        """The delimiter that cuts the first rows most evenly; a tab for .tsv."""
        if self.path.suffix.lower() in {".tsv", ".tab", ".maf"}:
            return "\t"
        text = head_of(str(self.path), HEAD).decode(encoding, errors="replace")
        lines = list(islice(io.StringIO(text, newline=""), 50))
        return max(DELIMITERS, key=lambda delimiter: _evenness(lines, delimiter))


WIDE = 1 << 20
"""More columns than a table has: number of a matrix's cell is row times this, plus column."""


def melted(part: Part, rows: Iterator[Sequence[str]], skipped: int = 0) -> Iterator[tuple[int, Sequence[str]]]:
    """A matrix as a long table: its label columns, the name of the cell's column, and the cell; the header first.

    Rows and columns that ``only`` leaves out are passed over before their cells are looked at.
    """
    header = [plain(cell) for cell in next(islice(rows, part.header_row[-1] - 1, None), ())]
    labels = [header.index(name) for name in map(plain, part.labels) if name in header]
    yield 0, [*(header[at] for at in labels), "column", "cell"]
    wanted = {plain(name): frozenset(cells) for name, cells in part.only.items()}
    named = wanted.get("column")
    columns = [
        (at, name) for at, name in enumerate(header) if name and at not in labels and (named is None or name in named)
    ]
    tests = [(at, wanted[header[at]]) for at in labels if header[at] in wanted]
    first = part.header_row[-1] + 1
    for number, row in enumerate(rows, first):
        if part.last_row is not None and number > part.last_row:
            return
        if number < part.data_row or any(at >= len(row) or row[at].strip() not in cells for at, cells in tests):
            continue
        start = [row[at] if at < len(row) else "" for at in labels]
        for at, name in columns:
            if at < len(row):
                yield (number + skipped) * WIDE + at + 1, [*start, name, row[at]]


def header_names(rows: Sequence[Sequence[str]]) -> tuple[str, ...]:
    """The column names that header rows give: plain, and repeated ones numbered ``name.2``."""
    width = max(map(len, rows), default=0)
    padded = [[plain(cell) for cell in row] + [""] * (width - len(row)) for row in rows]
    for row in padded[:-1]:
        # a merged cell of an upper header row speaks for the columns to its right
        for at in range(1, width):
            row[at] = row[at] or row[at - 1]
    return _numbered([" ".join(filter(None, column)) for column in zip(*padded, strict=True)])


def _evenness(lines: list[str], delimiter: str) -> int:
    """How many cells the rows of the most common width hold, that width being at least two."""
    try:
        widths = Counter(len(row) for row in csv.reader(lines, delimiter=delimiter))
    except csv.Error:
        return 0
    return max((width * count for width, count in widths.items() if width > 1), default=0)


def _check_kind(head: bytes) -> None:
    """`TableError` where the first bytes are those of something else than text."""
    for mark, problem, wanted in MISTAKEN:
        if head.startswith(mark):
            raise TableError("file", problem, wanted)
    if head.lstrip().lower().startswith(WEB):
        raise TableError("file", "is a web page or XML, not a table", "the table itself (a download may need a log-in)")
    if b"\0" in head:
        raise TableError("file", "is binary, not text", "text in UTF-8, UTF-16 with its mark, or Windows-1252")


def _check_size(path: Path) -> None:
    """`TableError` where a workbook would unfold to more than memory should hold."""
    try:
        problem = too_large(path)
    except (zipfile.BadZipFile, OSError, etree.XMLSyntaxError, NotImplementedError, RuntimeError, zlib.error) as error:
        raise TableError(
            "file", "is a damaged workbook", "a whole copy of the file, not locked by a password"
        ) from error
    if problem:
        raise TableError("file", problem, "the sheet saved as CSV, which is read piece by piece")


def _from_first_cell(book: CalamineWorkbook, number: int) -> list[list[object]]:
    """All rows from A1 on, so that row and column numbers are those a person sees."""
    rows: list[list[object]] = book.get_sheet_by_index(number).to_python(skip_empty_area=False)  # type: ignore[assignment]
    return rows


def _numbered(names: list[str]) -> tuple[str, ...]:
    """Names with repeated ones numbered from the second on."""
    seen: Counter[str] = Counter()
    unique = []
    for name in names:
        seen[name] += 1
        unique.append(f"{name}.{seen[name]}" if name and seen[name] > 1 else name)
    return tuple(unique)


def cell_text(cell: object) -> str:
    """A workbook's cell as it reads: whole numbers without ``.0``, dates in ISO form.

    >>> cell_text(3.0), cell_text(78.7515), cell_text(dt.datetime(2014, 2, 3)), cell_text(True)
    ('3', '78.7515', '2014-02-03', 'TRUE')
    """
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, float):
        return str(int(cell)) if cell.is_integer() and abs(cell) < 1e15 else repr(cell)
    if isinstance(cell, dt.datetime):
        midnight = cell.time() == dt.time()
        return cell.date().isoformat() if midnight else cell.isoformat(sep=" ", timespec="seconds")
    return str(cell)
