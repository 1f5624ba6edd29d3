"""The texts that a steward is asked about, read again from their files: they stand nowhere else.

However many are asked for, each file is read once at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from ingest.base import Context
from ingest.dicom import reader as dicom
from ingest.dicom.header import BrokenDicomError, read_header
from ingest.gate.records import judged
from ingest.gate.review import reviews_of
from ingest.sources import accepting
from ontology.records import Record
from store.control import QuarantineEntry
from store.warehouse import Warehouse

__all__ = ["NotShownError", "Shown", "shown"]


class NotShownError(LookupError):
    """An entry whose text cannot be shown; the message says why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What an entry asks about, and one of the files in which it stands."""

    entry: QuarantineEntry
    path: Path
    text: str


def shown(warehouse: Warehouse, entries: Iterable[QuarantineEntry]) -> list[Shown]:
    """The text or condition that each of some entries asks about, with the first file that has it, in their order.

    Raises `NotShownError` where one is no review, or where its files are not where they were read.
    """
    chosen = list(entries)
    if other := next((entry for entry in chosen if not entry.review), None):
        raise NotShownError(f"entry {other.id} is not under review: what is held back is looked at in its file")
    found: dict[int, Shown] = {}
    for place, asked in _by_place(warehouse, chosen).items():
        found.update(_found(warehouse, place, [entry for entry in asked if entry.id not in found]))
    if lost := next((entry for entry in chosen if entry.id not in found), None):
        raise NotShownError(
            f"entry {lost.id}: no local file of {lost.name} holds it; give `qilin ingest` again where the file "
            "changed, and look at the file itself where it came from a server or out of an archive"
        )
    return [found[entry.id] for entry in chosen]


def _by_place(warehouse: Warehouse, entries: Iterable[QuarantineEntry]) -> dict[Path, list[QuarantineEntry]]:
    """The entries by the local file or folder of the source that each names."""
    named: dict[tuple[str, str], list[QuarantineEntry]] = {}
    for entry in entries:
        named.setdefault((entry.collection, entry.name), []).append(entry)
    places: dict[Path, list[QuarantineEntry]] = {}
    for source in warehouse.control.sources():
        if asked := named.get((source.collection, source.name)):
            places.setdefault(Path(source.locator.partition("#")[0]), []).extend(asked)
    return places


def _found(warehouse: Warehouse, place: Path, entries: Iterable[QuarantineEntry]) -> Iterator[tuple[int, Shown]]:
    """What a file or the files of a folder hold of what entries ask about."""
    secret = bytes.fromhex(warehouse.control.setting("secret"))
    open_ = {(entry.collection, entry.place, entry.content): entry for entry in entries}
    contexts = {name: Context(collection=name, secret=secret, attested=True) for name, _, _ in open_}
    for path in _files(place) if open_ else ():
        for name, context in contexts.items():
            for asked, text in _asked(path, context):
                if entry := open_.pop((name, asked, context.mark(text)), None):
                    yield entry.id, Shown(entry, path, text)
        if not open_:
            return


def _asked(path: Path, context: Context) -> list[tuple[str, str]]:
    """What a steward is asked about a file, by its header and by reading what is no image: where, and the text."""
    found: list[tuple[str, str]] = []
    try:
        header = read_header(path, dicom.HEADER_KEYWORDS)
    except (BrokenDicomError, OSError):
        pass
    else:
        found += [(review.place, review.about) for review in reviews_of(header, context)]
    source = accepting(str(path))
    if source is not None and source is not dicom.SOURCE:
        asking = replace(context, asked=lambda place, text: found.append((place, text)))
        for item in source.read(iter([str(path)]), asking):
            if isinstance(item, Record):
                judged(item, asking)
    return found


def _files(place: Path) -> Iterator[Path]:
    return (path for path in sorted(place.rglob("*")) if path.is_file()) if place.is_dir() else iter([place])
