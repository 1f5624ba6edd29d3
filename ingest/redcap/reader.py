"""REDCap: exports (CSV) with their data dictionary beside them, and projects on a server, read through a table map.

The dictionary gives the choices' labels, the data elements of annotated fields, and which fields identify a person:
those are never read. Raw and label exports come out the same. Where no table map fits, the annotated fields come in
under the data elements and concepts that their annotations name (`ingest.redcap.map`).
"""

from __future__ import annotations

import codecs
import csv
import hashlib
import io
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from itertools import islice
from pathlib import Path

from ingest.base import Context, Source, Yield, head_of, sha256_of
from ingest.redcap.api import ServerError, downloaded, is_server
from ingest.redcap.dictionary import Dictionary, is_dictionary, read_dictionary, shown_text
from ingest.redcap.events import is_events, read_events
from ingest.redcap.map import project_input
from ingest.redcap.table import SHOWN, ProjectTable
from ingest.table.reader import read_input
from mappings.shape import plain
from ontology.records import Reject

__all__ = ["SOURCE", "dictionary_of"]

HEAD = 262_144
"""Bytes in which the column names of the widest projects fit."""

ADDED = frozenset({*SHOWN, "Complete?", "Survey Timestamp"})
"""What label exports call columns that REDCap adds."""

SUFFIXES = (".csv", ".zip")
SYSTEM = ("redcap_", "___", "_complete", "_timestamp")
"""Parts of the names of columns that REDCap adds to those of the dictionary."""


def accepts(locator: str) -> bool:
    """Whether a locator is a server, a data dictionary, a list of events, or a CSV beside its dictionary."""
    if is_server(locator):
        return True
    path = Path(locator)
    if not path.name.lower().endswith(SUFFIXES) or not path.is_file():
        return False
    if is_dictionary(path) or path.suffix.lower() == ".zip":
        return is_dictionary(path)
    if is_events(path):
        return bool(_dictionaries(path.parent))
    return dictionary_of(path) is not None


def dictionary_of(path: Path) -> Dictionary | None:
    """The dictionary in the same folder that describes an export: its first field leads the export."""
    known = _dictionaries(path.parent)
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
    items = dictionary.fields.values()
    labels = {label for item in items for label in (shown_text(item.label), *item.columns().values())}
    own = [name for name in map(shown_text, header) if name not in ADDED]
    return header[0] == shown_text(record.label) and sum(name in labels for name in own) * 2 > len(own)


def _state(folder: Path) -> tuple[tuple[str, int, int], ...]:
    """The files of a folder that may describe a project, each with its time and size."""
    with os.scandir(folder) as entries:
        likely = [entry for entry in entries if entry.name.lower().endswith(SUFFIXES) and entry.is_file()]
        return tuple(sorted((entry.name, entry.stat().st_mtime_ns, entry.stat().st_size) for entry in likely))


def _dictionaries(folder: Path) -> tuple[Dictionary, ...]:
    """The dictionaries of a folder, each with the folder's list of events."""
    return _read_folder(folder, _state(folder))


@lru_cache(maxsize=32)
def _read_folder(folder: Path, state: tuple[tuple[str, int, int], ...]) -> tuple[Dictionary, ...]:
    """The same; read again when one of the files changes."""
    files = [folder / name for name, _, _ in state]
    lists = [path for path in files if path.suffix.lower() == ".csv" and read_events(path)]
    found = (read_dictionary(path) for path in files if is_dictionary(path))
    dictionaries = [dictionary for dictionary in found if dictionary is not None]
    if len(lists) != 1:  # of several lists none can be told to be this project's
        return tuple(dictionaries)
    return tuple(replace(item, events=read_events(lists[0]), files=(lists[0],)) for item in dictionaries)


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """Yield each export's head, records and rejects; dictionary and events are part of their exports' sources."""
    described: list[Dictionary] = []
    lone: list[Path] = []
    for locator in locators:
        path = Path(locator)
        if is_server(locator):
            yield from _read_server(locator, context)
        elif is_dictionary(path):
            lone.append(path)
        elif is_events(path):
            continue  # read with the dictionary
        elif (dictionary := dictionary_of(path)) is None:
            wanted = "the data dictionary (CSV) in the same folder"
            yield Reject(name=path.name, place="file", problem="a REDCap export without its dictionary", wanted=wanted)
        else:
            described.append(dictionary)
            yield from _read_export(path, dictionary, context)
    for path in lone:
        own = read_dictionary(path)
        # a project may lie there twice, as downloaded and as the programming interface gives it
        if own is None or not any(own.fields.keys() <= other.fields.keys() for other in described):
            wanted = "the export of the project (CSV) beside it"
            yield Reject(name=path.name, place="file", problem="a data dictionary without its export", wanted=wanted)


def _read_export(path: Path, dictionary: Dictionary, context: Context) -> Iterator[Yield]:
    """An export, its dictionary and its list of events as one source."""
    parts = [sha256_of(item) for item in (path, dictionary.path, *dictionary.files)]
    digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
    yield from read_input(project_input("redcap", ProjectTable(path, dictionary), digest, context), context)


def _read_server(locator: str, context: Context) -> Iterator[Yield]:
    """A project on a server, downloaded whole before anything of it is yielded."""
    try:
        with downloaded(locator, context.progress) as (table, name):
            digest = sha256_of(table.path)
            given = project_input("redcap", table, digest, context, name=name, locator=locator)
            yield from read_input(given, context)
    except ServerError as error:
        yield Reject(name=error.name, place="server", problem=error.problem, wanted=error.wanted)


SOURCE = Source(
    name="redcap",
    accepts=accepts,
    read=read,
    summary="REDCap: exports (CSV) with their data dictionary, and projects on a server (redcap+https://…/api/)",
)
