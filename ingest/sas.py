"""SAS transport files (XPT, version 5 and 8), the form in which SDTM datasets are submitted; read through a table map.

A file is read piece by piece with ``pyreadstat``. Of a library with several datasets the first one is read.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ingest.base import Context, Source, Yield, head_of, sha256_of
from ingest.table.file import Table, TableError, cell_text
from ingest.table.reader import Input, read_input
from ontology.records import Reject

__all__ = ["SOURCE", "TransportFile"]

MARK = b"HEADER RECORD*******LIB"
CHUNK = 50_000
"""Rows that are held at once."""


class TransportFile(Table):
    """A SAS transport file: the names of its variables, then its observations; missing numbers are empty."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def check(self) -> None:
        """`TableError` where the file is no transport file."""
        next(self.rows(), None)

    def rows(self, _sheet: str | int | None = None) -> Iterator[Sequence[str]]:
        """The names of the variables, then the rows."""
        from pyreadstat import ReadstatError  # noqa: PLC0415 - slow to import, and few runs have such a file

        named = False
        try:
            for columns, meta in self._pieces():
                if not named:
                    yield [str(name) for name in meta.column_names]
                    named = True
                for row in zip(*(columns[name] for name in meta.column_names), strict=True):
                    yield [text_of(cell) for cell in row]
        except ReadstatError as error:
            raise TableError(
                "file", "is no whole SAS transport file", "a file written by PROC COPY or its like"
            ) from error

    def _pieces(self) -> Iterator[tuple[dict[str, Any], Any]]:
        """The columns of up to `CHUNK` rows at a time; the format does not say how many rows there are."""
        from pyreadstat import read_xport  # noqa: PLC0415

        done = 0
        while True:
            columns, meta = read_xport(
                str(self.path), row_limit=CHUNK, row_offset=done, output_format="dict", encoding="LATIN1"
            )
            size = len(next(iter(columns.values()), ()))
            if size or not done:
                yield columns, meta
            if size < CHUNK:
                return
            done += size


def text_of(cell: object) -> str:
    """A cell as a CSV of the dataset has it.

    >>> text_of(63.0), text_of(float("nan")), text_of("WHITE "), text_of("M\\xc3\\xa4rz")
    ('63', '', 'WHITE', 'März')
    """
    if cell is None:
        return ""
    if isinstance(cell, str):
        return cell.rstrip() if cell.isascii() else _decoded(cell).rstrip()
    if isinstance(cell, dt.date | dt.time | dt.timedelta):
        return cell_text(cell)
    number = float(cell)  # type: ignore[arg-type]  # numpy's own number types
    return "" if math.isnan(number) else cell_text(number)


def _decoded(text: str) -> str:
    """A text that was read byte by byte: UTF-8 where it is that, Windows-1252 otherwise. The file does not say."""
    data = text.encode("latin-1")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("cp1252", errors="replace")


def accepts(locator: str) -> bool:
    """Whether a locator is a SAS transport file, by its suffix or its first bytes."""
    if "://" in locator:
        return False
    return Path(locator).suffix.lower() == ".xpt" or head_of(locator, len(MARK)) == MARK


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """Yield each dataset's head, records and rejects."""
    for locator in locators:
        path = Path(locator)
        if head_of(locator, len(MARK)) != MARK:
            problem = "does not begin as a SAS transport file"
            yield Reject(name=path.name, place="file", problem=problem, wanted="XPT version 5 or 8, or a CSV")
            continue
        yield from read_input(Input("sas", path, TransportFile(path), sha256_of(path)), context)


SOURCE = Source(name="sas", accepts=accepts, read=read, summary="SAS transport files (XPT), such as SDTM datasets")
