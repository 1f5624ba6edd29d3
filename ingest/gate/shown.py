"""The text that a steward is asked about, read again from its file: it stands nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ingest.base import Context
from ingest.dicom import reader as dicom
from ingest.dicom.header import BrokenDicomError, read_header
from ingest.gate.review import content_of, reviews_of
from store.control import QuarantineEntry
from store.warehouse import Warehouse

__all__ = ["NotShownError", "Shown", "shown"]


class NotShownError(LookupError):
    """An entry whose text cannot be shown; the message says why."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What an entry asks about, and one of the files in which it stands."""

    path: Path
    text: str


def shown(warehouse: Warehouse, entry: QuarantineEntry) -> Shown:
    """The text or condition that an entry of the steward's queue asks about, from the first file that has it.

    Raises `NotShownError` where the entry is no review, or its files are not where they were read.
    """
    if not entry.review:
        raise NotShownError(f"entry {entry.id} is not under review: what is held back is looked at in its file")
    control = warehouse.control
    context = Context(collection=entry.collection, secret=bytes.fromhex(control.setting("secret")))
    for path in _files(warehouse, entry):
        try:
            header = read_header(path, dicom.HEADER_KEYWORDS)
        except (BrokenDicomError, OSError):
            continue
        for review in reviews_of(header, context):
            if review.place == entry.place and content_of(context, review) == entry.content:
                return Shown(path, review.about)
    raise NotShownError(f"entry {entry.id}: no file of {entry.name} holds it any more; give `qilin ingest` again")


def _files(warehouse: Warehouse, entry: QuarantineEntry) -> Iterator[Path]:
    """The local files of the source that an entry names."""
    for source in warehouse.control.sources():
        if (source.collection, source.name) == (entry.collection, entry.name):
            place = Path(source.locator.partition("#")[0])
            yield from (path for path in sorted(place.rglob("*")) if path.is_file()) if place.is_dir() else [place]
