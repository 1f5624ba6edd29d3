"""Opening a table to profile it: its sheets, where the header stands, and the data dictionaries beside it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from itertools import chain, islice, zip_longest
from pathlib import Path

from ingest import filemaker, sas, sql
from ingest.locators import shown
from ingest.redcap import dictionary_of
from ingest.redcap_dictionary import Dictionary as RedcapDictionary
from ingest.redcap_dictionary import is_dictionary
from ingest.redcap_table import ProjectTable
from ingest.table_file import DELIMITED, WORKBOOKS, TableError, TableFile, header_names
from ingest.table_file import Table as SourceTable
from mappings.dictionary import Described, Dictionary, read_dictionary, unit_in_text
from mappings.header import element_of
from mappings.layout import LOOKED_AT, Layout, find_layout, is_turned
from mappings.profile import Column, Profiler, Table
from mappings.shape import plain

__all__ = ["profile_file", "profile_locator"]

BESIDE = re.compile(r"dict|codebook|code.?book|legend|variables|data.?def|field.?desc", re.IGNORECASE)
"""Names of files that describe others."""
LARGEST = 8 << 20
"""Bytes of the largest file that is read as a dictionary."""
MOST = 24
"""Dictionaries beside a table that are read."""
COVERED = 0.25
"""The share of columns that a dictionary must describe to be that of the table."""
SENTENCE = 40
"""Letters of a lone cell in a row that make it a note."""


def profile_file(path: Path, sheet: str | None = None) -> list[Table]:
    """The profile of each table in a file, or of one sheet (by name, or number from 1).

    Raises `TableError` where the file cannot be read, or holds no table: what is wrong, and what would be right.
    """
    if not path.is_file():
        raise TableError("file", "is not there or is no file", "the path of a table")
    if path.suffix.lower() not in DELIMITED | WORKBOOKS | {".dat"}:
        TableFile(path).check()  # says of a web page or an archive what it is
        raise TableError("file", f"has the suffix {path.suffix or 'of no table'}", "CSV, TSV, TXT, XLSX, XLS or ODS")
    redcap = dictionary_of(path) if path.suffix.lower() == ".csv" and not is_dictionary(path) else None
    table = ProjectTable(path, redcap) if redcap else TableFile(path)
    table.check()
    names = table.sheet_names()
    found = [made for name in _wanted(names, sheet) if (made := _table(table, name, names, redcap))]
    describing = {item.dictionary for item in found}
    found = [item for item in found if f"sheet {item.sheet}" not in describing]
    if not found:
        raise TableError("file", *_nothing(table, names))
    return found


def profile_locator(locator: str, sheet: str | None = None, query: str | None = None) -> list[Table]:
    """The profile of each table of what `qilin ingest` takes as a table: a file, or a database by its URL.

    ``sqlite:///trial.db#labs`` is one table, without ``#labs`` every one; ``query`` gives the rows in place of a table.
    Raises `TableError` as `profile_file` does.
    """
    if sql.accepts(locator):
        with sql.opened(locator) as database:
            return _of_database(database, shown(locator), sheet, query)
    if query is not None:
        raise TableError("query", "a file has no queries", "the command without --query, or the URL of a database")
    if "://" in locator:
        raise TableError(
            "locator", "is no database that is known", "postgresql://…#table, sqlite:///…#table, or a file"
        )
    path = Path(locator)
    whole = next((kind(path) for accepts, kind in WHOLE if path.is_file() and accepts(locator)), None)
    if whole is None:
        return profile_file(path, sheet)
    _wanted((), sheet)
    whole.check()
    made = _profiled(path.name, whole.rows)
    if made is None:
        raise TableError("file", "holds no rows", "a table with rows")
    return [made]


WHOLE: tuple[tuple[Callable[[str], bool], Callable[[Path], SourceTable]], ...] = (
    (sas.accepts, sas.TransportFile),
    (filemaker.accepts, filemaker.FileMakerTable),
)
"""Kinds of files that say themselves what their columns are called."""


def _of_database(database: sql.DatabaseTable, name: str, sheet: str | None, query: str | None) -> list[Table]:
    """The tables of a database that have rows, or what a query gives."""
    if query is not None:
        found = [_profiled(name, partial(database.query_rows, query), query=query)]
    else:
        names = database.sheet_names()
        wanted = _wanted(names, sheet)
        found = [_profiled(name, partial(database.rows, item), sheet=item) for item in wanted]
    tables = [item for item in found if item]
    if not tables:
        raise TableError("database", "gives no rows", "a table with rows (#TABLE at the end of the URL), or --query")
    return tables


def _profiled(
    name: str, rows: Callable[[], Iterable[Sequence[str]]], *, sheet: str | None = None, query: str | None = None
) -> Table | None:
    """The profile of rows the first of which holds the names; None where no row follows."""
    cells = iter(rows())
    profiler = Profiler(header_names([list(next(cells, ()))]))
    profiler.add(cells)
    if not profiler.rows:
        return None
    columns = tuple(profiler.columns())
    first = sheet is None
    return Table(name, "table", sheet, first, Layout((1,), 2), profiler.rows, columns, query=query)


def _wanted(names: Sequence[str], sheet: str | None) -> list[str | None]:
    if not names:
        if sheet is not None:
            raise TableError(f"sheet {sheet}", "a text file has no sheets", "the command without --sheet")
        return [None]
    if sheet is None:
        return list(names)
    if sheet not in names and sheet.isdigit() and 1 <= int(sheet) <= len(names):
        return [names[int(sheet) - 1]]
    if sheet not in names:
        raise TableError(f"sheet {sheet}", "is not in the workbook", f"one of: {', '.join(names)}")
    return [sheet]


def _nothing(table: TableFile, names: Sequence[str]) -> tuple[str, str]:
    """Why a file holds no table, and what would be right."""
    sheets: Sequence[str | None] = names or [None]
    rows = chain.from_iterable(islice(table.rows(name), 30) for name in sheets)
    if not any(cell.strip() for row in rows for cell in row):
        return "is empty", "a table with a header and rows"
    if any(read_dictionary("", table.rows(name)) for name in sheets):
        return "is a data dictionary", "the table that it describes; the dictionary is read where it lies beside it"
    return "holds no table: no header with at least one row below it", (
        "a table with a row of column names; a table without one takes a map that gives them (`names:`)"
    )


def _table(table: TableFile, sheet: str | None, sheets: Sequence[str], redcap: RedcapDictionary | None) -> Table | None:
    """The profile of one sheet; None where it is empty, a text, or a dictionary."""
    top = [list(row) for row in islice(table.rows(sheet), LOOKED_AT)]
    turned = redcap is None and len(top) < LOOKED_AT and is_turned(top)
    if turned:
        top = [list(row) for row in zip_longest(*top, fillvalue="")]
    layout = find_layout(top)
    if layout is None or (redcap is None and read_dictionary(sheet or "", table.rows(sheet))):
        return None
    names = header_names([top[number - 1] for number in layout.header_rows])
    closed = redcap.closed if redcap else frozenset()
    rows = _Rows(top if turned else table.rows(sheet), layout.first_row, sum(map(bool, names)))
    profiler = Profiler(names)
    profiler.add(rows)
    if not profiler.rows:
        return None
    dictionary = _of_redcap(redcap, names) if redcap else _beside(table, sheet, sheets, names)
    columns = [_described(column, dictionary) for column in _with_others(profiler.columns(), top, layout)]
    columns = [replace(column, values={}) if column.name in closed else column for column in columns]
    return Table(
        file=table.path.name,
        kind="redcap" if redcap else "table",
        sheet=sheet,
        first=not sheets or sheet == sheets[0],
        layout=layout,
        rows=profiler.rows,
        columns=tuple(columns),
        dictionary=dictionary.origin if dictionary else None,
        last_row=rows.last_row,
        turned=turned,
    )


class _Rows:
    """The rows of data, without notes below them; ``last_row`` says where they end if there are notes."""

    def __init__(self, rows: Iterable[Sequence[str]], first: int, width: int) -> None:
        self._rows, self._first, self._width = rows, first, width
        self._full, self._notes = 0, 0

    def __iter__(self) -> Iterator[Sequence[str]]:
        """Each row but the notes."""
        few = self._width > 2
        for number, row in enumerate(self._rows, 1):
            if number < self._first:
                continue
            if few:
                said = [cell for cell in row if cell]
                if len(said) == 1 and len(said[0]) > SENTENCE:
                    self._notes = number
                    continue
                if len(said) > 1:
                    self._full = number
            yield row

    @property
    def last_row(self) -> int | None:
        """The last row before notes; None where there are none below the data."""
        return self._full if self._notes > self._full > 0 else None


def _with_others(columns: list[Column], top: Sequence[Sequence[str]], layout: Layout) -> Iterator[Column]:
    """Columns with what further header rows say: other names, data elements."""
    for column in columns:
        said = [plain(top[number - 1][column.index]) for number in layout.others if column.index < len(top[number - 1])]
        element = next((found for text in said if (found := element_of(text)[0])), None)
        others = tuple(text for text in said if text and ":" not in text and text != column.name)
        header = column.header if element is None else replace(column.header, element=element)
        yield replace(column, header=header, other_names=others)


def _described(column: Column, dictionary: Dictionary | None) -> Column:
    said = dictionary.of(column.name) if dictionary else None
    return column.described_by(said) if said else column


def _beside(table: TableFile, sheet: str | None, sheets: Sequence[str], names: Sequence[str]) -> Dictionary | None:
    """The dictionary that describes most of the columns: another sheet, or a file beside the table."""
    named = [name for name in names if name]
    found: list[Dictionary] = []
    others = (read_dictionary(f"sheet {other}", table.rows(other), named) for other in sheets if other != sheet)
    found += [own for own in others if own]
    for path in _files_beside(table.path):
        found += _dictionaries(path, path.stat().st_mtime_ns)
    best = max(found, key=lambda item: item.covers(named), default=None)
    return best if best and best.covers(named) >= max(1, COVERED * len(named)) else None


def _files_beside(path: Path) -> list[Path]:
    """Files in the same folder, or in one below or beside it, whose names say that they describe others."""
    folders = [
        path.parent,
        *(item for item in sorted(path.parent.iterdir()) if item.is_dir() and BESIDE.search(item.name)),
    ]
    files = (file for folder in folders for file in sorted(folder.iterdir()))
    fitting = (
        file
        for file in files
        if file != path
        and file.suffix.lower() in DELIMITED | WORKBOOKS
        and (BESIDE.search(file.name) or file.parent != path.parent)
        and file.stat().st_size < LARGEST
    )
    return list(islice(fitting, MOST))


@lru_cache(maxsize=64)
def _dictionaries(path: Path, _changed_at: int) -> tuple[Dictionary, ...]:
    """The dictionaries that a file holds, one a sheet; none where it cannot be read."""
    table = TableFile(path)
    try:
        table.check()
        sheets = table.sheet_names() or (None,)
        made = (read_dictionary(f"{path.name}!{sheet}" if sheet else path.name, table.rows(sheet)) for sheet in sheets)
        return tuple(item for item in made if item)
    except TableError:
        return ()


def _of_redcap(redcap: RedcapDictionary, names: Sequence[str]) -> Dictionary:
    """A REDCap dictionary as any other; a checkbox's column is described by its choice too. Cells are labels."""
    fields: dict[str, Described] = {}
    for name in names:
        field = redcap.field_of(name)
        if field is None:
            continue
        choice = field.choices.get(name.split("___", 1)[1], "") if "___" in name else ""
        fields[name.casefold()] = Described(
            name=name,
            label=plain(f"{field.label} {choice}"),
            type=field.type,
            unit=unit_in_text(field.label),
            element=field.element,
            identifies=field.identifies,
        )
    return Dictionary(redcap.path.name, fields)
