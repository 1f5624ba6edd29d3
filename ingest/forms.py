"""Case-report forms of the cooperative groups: a CSV for each form, read through a table map as any table.

A dictionary beside the tables (or in a folder of dictionaries below) gives the answers' texts, so that decisions may
speak of codes or of answers, and says which questions ask for what identifies a person: those are never read.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

from ingest.base import Context, Source, Yield, sha256_of
from ingest.form_dictionary import NAMED, FormDictionary, is_named_dictionary, read_dictionaries
from ingest.table.file import DELIMITED, TableError, TableFile
from ingest.table.reader import Input, read_input
from mappings.shape import plain
from ontology.records import Reject

__all__ = ["SOURCE", "dictionary_of"]


def accepts(locator: str) -> bool:
    """Whether a locator is a dictionary of forms, or a table that such a dictionary describes."""
    path = Path(locator)
    if "://" in locator or path.name.startswith((".", "~$")) or not path.is_file():
        return False
    if is_named_dictionary(path):
        return bool(_read(path, path.stat().st_mtime_ns))
    return path.suffix.lower() in DELIMITED and dictionary_of(path) is not None


def dictionary_of(path: Path) -> FormDictionary | None:
    """The dictionary that describes a table best: most of its columns are fields of the form."""
    known = [item for near in _near(path.parent, path.parent.stat().st_mtime_ns) for item in near]
    header = _header(path) if known else ()
    return max(known, key=lambda item: item.describes(header), default=None) if _any(known, header) else None


def _any(known: Sequence[FormDictionary], header: Sequence[str]) -> bool:
    return any(item.describes(header) for item in known)


@lru_cache(maxsize=64)
def _near(folder: Path, _changed_at: int) -> tuple[tuple[FormDictionary, ...], ...]:
    """The dictionaries of a folder and of its folders of dictionaries; read again when the folder changes."""
    below = [item for item in sorted(folder.iterdir()) if item.is_dir() and NAMED.search(item.name)]
    files = (path for place in (folder, *below) for path in sorted(place.iterdir()))
    named = [path for path in files if path.is_file() and is_named_dictionary(path)]
    return tuple(_read(path, path.stat().st_mtime_ns) for path in named)


@lru_cache(maxsize=256)
def _read(path: Path, _changed_at: int) -> tuple[FormDictionary, ...]:
    return read_dictionaries(path)


def _header(path: Path) -> tuple[str, ...]:
    """The column names of a table, empty where it cannot be read."""
    try:
        return tuple(plain(cell) for cell in next(TableFile(path).rows(), ()))
    except (TableError, OSError):
        return ()


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """Yield each form's head, records and rejects; a dictionary is part of the sources of its forms."""
    used: set[Path] = set()
    dictionaries: list[Path] = []
    for locator in locators:
        path = Path(locator)
        if is_named_dictionary(path):
            dictionaries.append(path)
            continue
        dictionary = dictionary_of(path)
        if dictionary is None:
            wanted = "its dictionary in the same folder: a row for each field and answer code"
            yield Reject(name=path.name, place="file", problem="a form without its dictionary", wanted=wanted)
            continue
        used.update((dictionary.path, dictionary.path.parent, path.parent))
        yield from read_input(_input(path, dictionary), context)
    for path in dictionaries:
        # a folder may hold its dictionaries twice, as a workbook and form by form
        if not used & {path, path.parent}:
            wanted = "the tables of its forms (CSV) beside it"
            yield Reject(name=path.name, place="file", problem="a dictionary without its forms", wanted=wanted)


def _input(path: Path, dictionary: FormDictionary) -> Input:
    """A form and its dictionary as one source."""
    header = _header(path)
    digest = hashlib.sha256(f"{sha256_of(path)}\n{sha256_of(dictionary.path)}".encode())
    return Input(
        kind="forms",
        path=path,
        table=TableFile(path),
        digest=digest.hexdigest(),
        labels=dictionary.labels(header),
        closed=dictionary.closed(header),
    )


SOURCE = Source(
    name="forms", accepts=accepts, read=read, summary="case-report forms of cooperative groups (CSV) with dictionaries"
)
