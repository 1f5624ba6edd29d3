"""REDCap exports: a CSV with its data dictionary beside it, read through a table map as any table.

The dictionary gives the choices' labels, the data elements of annotated fields, and which fields identify a person:
those are never read. Raw and label exports come out the same.
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from pathlib import Path

from ingest.base import Context, Source, Yield, head_of, sha256_of
from ingest.redcap_dictionary import Dictionary, RedcapField, is_dictionary, read_dictionary
from ingest.table import Input, read_input
from ingest.table_file import TableFile
from mappings.shape import plain
from ontology.records import Reject

__all__ = ["SOURCE", "Export", "dictionary_of"]

HEAD = 262_144
"""Bytes in which the column names of the widest projects fit."""

CHECKED = {"Checked": "1", "Unchecked": "0"}
SYSTEM = ("redcap_", "___", "_complete", "_timestamp")
"""Parts of the names of columns that REDCap adds to those of the dictionary."""


class Export(TableFile):
    """An export as a table: columns by field name, cells by the choices' labels, checkboxes as 1 and 0."""

    def __init__(self, path: Path, dictionary: Dictionary) -> None:
        super().__init__(path)
        self._dictionary = dictionary

    def names(self) -> list[str]:
        """The field names of the columns; `TableError` where the file cannot be read."""
        return list(next(self.rows(), []))

    def rows(self, sheet: str | int | None = None) -> Iterator[Sequence[str]]:
        """The rows, the first being the field names."""
        rows = super().rows(sheet)
        first = [plain(cell) for cell in next(rows, [])]
        labelled = bool(first) and first[0] not in self._dictionary.fields
        names = [self._dictionary.by_label.get(name, name) for name in first] if labelled else first
        yield names
        meanings = [_cells(self._dictionary.field_of(name), name, labelled=labelled) for name in names]
        for row in rows:
            yield [
                meaning.get(cell, cell) if meaning else cell
                for meaning, cell in zip([*meanings, *([None] * (len(row) - len(meanings)))], row, strict=False)
            ]


def _cells(field: RedcapField | None, column: str, *, labelled: bool) -> Mapping[str, str] | None:
    """What the cells of a column stand for; None where they are as they read."""
    if field is None:
        return None
    if field.type == "checkbox":
        return CHECKED if "___" in column else None
    # in a label export a label may look like another choice's code
    return None if labelled else field.choices or None


def accepts(locator: str) -> bool:
    """Whether a locator is a data dictionary, or a CSV beside the dictionary that describes it."""
    path = Path(locator)
    if path.suffix.lower() != ".csv" or not path.is_file():
        return False
    return is_dictionary(path) or dictionary_of(path) is not None


def dictionary_of(path: Path) -> Dictionary | None:
    """The dictionary in the same folder that describes an export: its first field leads the export."""
    known = _dictionaries(path.parent, _changed(path.parent))
    header = _first_row(path) if known else []
    fitting = [item for item in known if _describes(item, header)]
    return max(fitting, key=lambda item: sum(item.field_of(name) is not None for name in header), default=None)


def _first_row(path: Path) -> list[str]:
    """The column names, from the first bytes alone: exports are cut by commas, semicolons or tabs."""
    head = head_of(str(path), HEAD)
    encoding = "utf-16" if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    lines = list(islice(io.StringIO(head.decode(encoding, errors="replace"), newline=""), 20))
    try:
        rows = (next(csv.reader(lines, delimiter=delimiter), []) for delimiter in ",;\t")
        return [plain(cell) for cell in max(rows, key=len)]
    except csv.Error:
        return []


def _describes(dictionary: Dictionary, header: Sequence[str]) -> bool:
    """Whether an export with these columns can be of a dictionary's project."""
    if not header:
        return False
    record = next(iter(dictionary.fields.values()))
    if header[0] == record.name:
        own = [name for name in header if not any(part in name for part in SYSTEM)]
        return sum(name in dictionary.fields for name in own) * 2 > len(own)
    return header[0] == plain(record.label) and sum(name in dictionary.by_label for name in header) * 2 > len(header)


def _changed(folder: Path) -> int:
    return folder.stat().st_mtime_ns


@lru_cache(maxsize=32)
def _dictionaries(folder: Path, _changed_at: int) -> tuple[Dictionary, ...]:
    """The dictionaries of a folder; read again when the folder changes."""
    found = (read_dictionary(path) for path in sorted(folder.glob("*.[cC][sS][vV]")) if is_dictionary(path))
    return tuple(dictionary for dictionary in found if dictionary is not None)


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """Yield each export's head, records and rejects; a dictionary is part of its exports' sources."""
    described: list[Dictionary] = []
    lone: list[Path] = []
    for locator in locators:
        path = Path(locator)
        if is_dictionary(path):
            lone.append(path)
            continue
        dictionary = dictionary_of(path)
        if dictionary is None:
            wanted = "the data dictionary (CSV) in the same folder"
            yield Reject(name=path.name, place="file", problem="a REDCap export without its dictionary", wanted=wanted)
            continue
        described.append(dictionary)
        yield from read_input(_input(path, dictionary), context)
    for path in lone:
        own = read_dictionary(path)
        # a project may lie there twice, as downloaded and as the programming interface gives it
        if own is None or not any(own.fields.keys() <= other.fields.keys() for other in described):
            wanted = "the export of the project (CSV) beside it"
            yield Reject(name=path.name, place="file", problem="a data dictionary without its export", wanted=wanted)


def _input(path: Path, dictionary: Dictionary) -> Input:
    """An export and its dictionary as one source."""
    export = Export(path, dictionary)
    digest = hashlib.sha256(f"{sha256_of(path)}\n{sha256_of(dictionary.path)}".encode())
    checkboxes = {name for name in export.names() if name.split("___", 1)[0] in dictionary.closed}
    return Input(
        kind="redcap",
        path=path,
        table=export,
        digest=digest.hexdigest(),
        elements=dictionary.elements,
        labels=dictionary.labels,
        closed=dictionary.closed | checkboxes,
    )


SOURCE = Source(name="redcap", accepts=accepts, read=read, summary="REDCap exports (CSV) with their data dictionary")
