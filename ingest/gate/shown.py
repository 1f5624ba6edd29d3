"""The texts that a steward is asked about, read again from where they came from: they stand nowhere else.

Files are read again from their folder, archive or location, and a DICOMweb server is asked once more; however many
texts are asked for, each place is read once at most. What C-FIND said is looked at in the archive itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from ingest.archives.dicomweb_server import DicomwebError, Server, is_server
from ingest.base import Context
from ingest.dicom import reader as dicom
from ingest.dicom.elements import Elements
from ingest.dicom.header import BrokenDicomError, read_header
from ingest.dicom.json import header_in
from ingest.gate.records import judged
from ingest.gate.review import reviews_of
from ingest.sources import accepting
from ingest.staging import INSIDE, Staging
from ontology.records import Record, Reject
from store.control import QuarantineEntry
from store.warehouse import Warehouse

__all__ = ["NotShownError", "Shown", "shown"]

DEEPEST: Final = 16
"""How deep sequences of metadata may be nested."""


class NotShownError(LookupError):
    """An entry whose text cannot be shown; the message says why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What an entry asks about, and one of the files in which it stands."""

    entry: QuarantineEntry
    file: str
    """The name of the file, or the instance of a server."""
    text: str


def shown(warehouse: Warehouse, entries: Iterable[QuarantineEntry]) -> list[Shown]:
    """The text or condition that each of some entries asks about, with the first file that has it, in their order.

    Raises `NotShownError` where one is no review, or where its files are not where they were read.
    """
    chosen = list(entries)
    if other := next((entry for entry in chosen if not entry.review), None):
        raise NotShownError(f"entry {other.id} is not under review: what is held back is looked at in its file")
    found: dict[int, Shown] = {}
    problems: list[str] = []
    for place, asked in _by_place(warehouse, chosen).items():
        found.update(_found(warehouse, place, [entry for entry in asked if entry.id not in found], problems))
    if lost := next((entry for entry in chosen if entry.id not in found), None):
        told = f" ({'; '.join(dict.fromkeys(problems))})" if problems else ""
        raise NotShownError(
            f"entry {lost.id}: {lost.name} is not where it was read, or changed there, or only a query described it"
            f"{told}; give `qilin ingest` again where it moved or changed, and else look at it in its archive"
        )
    return [found[entry.id] for entry in chosen]


def _by_place(warehouse: Warehouse, entries: Iterable[QuarantineEntry]) -> dict[str, list[QuarantineEntry]]:
    """The entries by the place of the source that each names: a file, a folder, or what is within an archive."""
    named: dict[tuple[str, str], list[QuarantineEntry]] = {}
    for entry in entries:
        named.setdefault((entry.collection, entry.name), []).append(entry)
    places: dict[str, list[QuarantineEntry]] = {}
    for source in warehouse.control.sources():
        if asked := named.get((source.collection, source.name)):
            places.setdefault(source.locator.partition("#")[0], []).extend(asked)
    return places


def _found(
    warehouse: Warehouse, place: str, entries: Iterable[QuarantineEntry], problems: list[str]
) -> Iterator[tuple[int, Shown]]:
    """What the headers at a place hold of what entries ask about."""
    secret = bytes.fromhex(warehouse.control.setting("secret"))
    open_ = {(entry.collection, entry.place, entry.content): entry for entry in entries}
    contexts = {name: Context(collection=name, secret=secret, attested=True) for name, _, _ in open_}
    for name_of_file, said in _said(place, problems) if open_ else ():
        for name, context in contexts.items():
            for asked, text in _asked(said, context):
                if entry := open_.pop((name, asked, context.mark(text)), None):
                    yield entry.id, Shown(entry, name_of_file, text)
        if not open_:
            return


def _asked(said: Elements | Path, context: Context) -> list[tuple[str, str]]:
    """What a steward is asked about a header or a file: where, and the text; by reading it where it is no image."""
    if isinstance(said, Elements):
        return [(review.place, review.about) for review in reviews_of(said, context)]
    found: list[tuple[str, str]] = []
    with suppress(BrokenDicomError, OSError):
        found += _asked(read_header(said, dicom.HEADER_KEYWORDS), context)
    source = accepting(str(said))
    if source is not None and source is not dicom.SOURCE:
        asking = replace(context, asked=lambda place, text: found.append((place, text)))
        for item in source.read(iter([str(said)]), asking):
            if isinstance(item, Record):
                judged(item, asking)
    return found


def _said(place: str, problems: list[str]) -> Iterator[tuple[str, Elements | Path]]:
    """The files or headers at a place, each with its name; why a place cannot be read any more is noted."""
    if is_server(place):
        yield from _served(place, problems)
    elif "://" in place or place.endswith(INSIDE[:1]) or INSIDE in place:
        yield from _staged(place, problems)
    else:
        yield from ((path.name, path) for path in _files(Path(place)))


def _files(place: Path) -> Iterator[Path]:
    return (path for path in sorted(place.rglob("*")) if path.is_file()) if place.is_dir() else iter([place])


def _staged(place: str, problems: list[str]) -> Iterator[tuple[str, Path]]:
    """Those of an archive or another location, which are laid out again, one DICOM file at a time.

    Of the web it is not known whether an address is that of a file or of a folder, so that both are tried.
    """
    whole = place.removesuffix(INSIDE[:1])
    on_web = whole.lower().startswith(("http://", "https://")) and INSIDE not in whole
    for listed in (whole, f"{whole}/") if on_web else (whole,):
        with Staging() as staging:
            walked = list(staging.walk([listed], lambda _locator: False))
            problems += [f"{item.name} {item.problem}" for item in walked if isinstance(item, Reject)]
            paths = [item for item in walked if not isinstance(item, Reject)]
            yield from ((Path(path).name, Path(path)) for path in staging.whole(paths))


def _served(place: str, problems: list[str]) -> Iterator[tuple[str, Elements]]:
    """Those of a series on a DICOMweb server, by its metadata, also where an object of it was read as a file."""
    try:
        server = Server(place.partition("/instances/")[0])
        study, series = server.within
        path = f"studies/{study}/series/{series}" if series else f"studies/{study}"
        for answer in server.data_sets(f"{path}/metadata") if study else ():
            with suppress(BrokenDicomError):
                header = header_in(answer, DEEPEST)
                yield header.text("SOPInstanceUID"), header
    except DicomwebError as error:
        problems.append(f"{error.problem}; wanted: {error.wanted}")
