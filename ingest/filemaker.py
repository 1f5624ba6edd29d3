"""FileMaker Pro: its XML export (the FMPXMLRESULT grammar), read through a table map as any table.

The names and types of the fields stand in the document. Dates are written as its ``DATEFORMAT`` says and come out in
ISO form; the further values of a repeating field are the columns ``NAME[2]``, ``NAME[3]`` …; the content of containers
is left out. The document streams, and one with a DOCTYPE is refused. A CSV of FileMaker is a table without a header
row: its map gives the ``names:`` of the fields.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path

from lxml import etree

from ingest.base import Context, Source, Yield, head_of
from ingest.table.file import Table, TableError
from ingest.table.reader import read_files
from ontology.xml import XmlError, root_name, stream

__all__ = ["SOURCE", "FileMakerTable", "iso"]

ROOT = "FMPXMLRESULT"
REPEATS = 100
"""The most repetitions of a field that become columns; beyond that the document is refused."""


@dataclass(frozen=True, slots=True)
class _Field:
    """A field of the layout: its name, its repetitions and how its values are read."""

    name: str
    repeats: int
    read: Callable[[str], str]

    @property
    def columns(self) -> list[str]:
        """The names of its columns."""
        return [self.name, *(f"{self.name}[{number}]" for number in range(2, self.repeats + 1))]

    def cells(self, column: etree._Element) -> list[str]:
        """The values of one record, one for each repetition."""
        texts = (self.read("".join(map(str, data.itertext())).strip()) for data in islice(column, self.repeats))
        found = list(texts)
        return found + [""] * (self.repeats - len(found))


def iso(text: str, order: str) -> str:
    """A date, or a date and time, in ISO form; ``order`` says in which order day, month and year stand.

    What is no such date is left as it is, for the reader to refuse.

    >>> iso("2/3/2014", "mdy"), iso("3.2.2014 8:15:00", "dmy"), iso("2/3/14", "mdy")
    ('2014-02-03', '2014-02-03 8:15:00', '2/3/14')
    """
    found = re.fullmatch(r"(\d{1,4})\D(\d{1,4})\D(\d{1,4})(?P<time> .*)?", text)
    if found is None:
        return text
    parts = dict(zip(order, found.groups()[:3], strict=True))
    if len(parts["y"]) != 4:
        return text
    try:
        date = dt.date(int(parts["y"]), int(parts["m"]), int(parts["d"]))
    except ValueError:
        return text
    return date.isoformat() + (found["time"] or "")


class FileMakerTable(Table):
    """An FMPXMLRESULT document: the names of its fields, then its records."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path

    def check(self) -> None:
        """`TableError` where the document is no whole export of FileMaker."""
        next(self.rows(), None)

    def rows(self, _sheet: str | int | None = None) -> Iterator[Sequence[str]]:
        """The names of the fields, then the records."""
        fields: list[_Field] = []
        order, named = "", False
        try:
            for element in stream(
                self.path, *(f"{{*}}{tag}" for tag in ("ERRORCODE", "DATABASE", "FIELD", "METADATA", "ROW"))
            ):
                match etree.QName(element).localname:
                    case "ERRORCODE" if (element.text or "0").strip() != "0":
                        raise TableError(
                            "ERRORCODE", "FileMaker reports a fault instead of records", "an export without fault"
                        )
                    case "DATABASE":
                        order = _order(element.get("DATEFORMAT", ""))
                    case "FIELD":
                        fields.append(_field(element, order))
                    case "METADATA":
                        named = True
                        yield [name for field in fields for name in field.columns]
                    case "ROW":
                        yield _record(element, fields)
        except XmlError as error:
            raise TableError(error.place, error.problem, error.wanted) from error
        if not named:
            raise TableError("METADATA", "does not name its fields", "the export of FileMaker as a whole")


def _order(form: str) -> str:
    """The order of day, month and year in a DATEFORMAT such as ``M/d/yyyy``, ``D/m/yyyy``; else empty."""
    letters = "".join(dict.fromkeys(re.sub(r"[^dmy]", "", form.lower())))
    return letters if sorted(letters) == ["d", "m", "y"] else ""


def _field(element: etree._Element, order: str) -> _Field:
    name, kind, repeats = element.get("NAME", ""), element.get("TYPE", "TEXT").upper(), element.get("MAXREPEAT", "1")
    if not repeats.isdecimal() or int(repeats) > REPEATS:
        raise TableError("METADATA", f"a field repeats more than {REPEATS} times", "fields with fewer repetitions")
    if kind == "CONTAINER":
        return _Field(name, 1, lambda _text: "")
    dated = kind in {"DATE", "TIMESTAMP"} and order
    return _Field(name, max(1, int(repeats)), partial(iso, order=order) if dated else str)


def _record(row: etree._Element, fields: Sequence[_Field]) -> list[str]:
    columns = [column for column in row if etree.QName(column).localname == "COL"]
    cells = [cell for field, column in zip(fields, columns, strict=False) for cell in field.cells(column)]
    # a record with more columns than there are fields must not pass for a whole one
    return cells + ["(no field)"] * (len(columns) - len(fields))


def accepts(locator: str) -> bool:
    """Whether a locator is an XML file whose root is that of FileMaker."""
    return "://" not in locator and root_name(head_of(locator, 8192)) == ROOT


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """Yield each export's head, records and rejects."""
    return read_files("filemaker", FileMakerTable, locators, context)


SOURCE = Source(name="filemaker", accepts=accepts, read=read, summary="FileMaker Pro exports (FMPXMLRESULT)")
