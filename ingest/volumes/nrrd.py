"""NRRD images (``.nrrd``, ``.nhdr``): each file a series, with what its header says. Voxels are not read.

Label maps are read by `ingest.slicer.reader`, which also says where a file is one. A header may repeat attributes of
the DICOM files that the image was made from: they pass the gate of DICOM headers, and what it refuses quarantines the
file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Final

from ingest.base import Context, Source, Yield, head_of, unreadable
from ingest.gate.dicom import header_flaw
from ingest.gate.review import Reviews
from ingest.observed.quantities import ValueProblem
from ingest.slicer.segments import is_named_label_map
from ingest.volumes.image_file import ImageFile
from ingest.volumes.nrrd_file import MAGIC, read_header
from ingest.volumes.nrrd_series import Image
from ontology.records import Reject

__all__ = ["SOURCE", "accepts", "read"]

VERSION: Final = "nrrd-2"
"""Changes whenever the same file would give other records."""


DATA: Final = re.compile(r"(.+?)\.(?:raw|img|dat|hex|txt)?(?:\.?(?:gz|bz2))?", re.IGNORECASE)
"""The name of a file of voxels beside a header, before what says how they are packed."""


def _is_data(path: Path) -> bool:
    """Whether a file holds the voxels of a header (``.nhdr``) of the same name beside it."""
    found = DATA.fullmatch(path.name)
    return found is not None and path.suffix.lower() != ".nhdr" and path.with_name(f"{found[1]}.nhdr").is_file()


def accepts(locator: str) -> bool:
    """Whether a file is an NRRD that neither its name nor its header calls a label map, or the voxels of a header."""
    path = Path(locator)
    if not head_of(locator, len(MAGIC)).startswith(MAGIC):
        return "://" not in locator and _is_data(path)
    try:
        return not is_named_label_map(path, read_header(path))
    except (OSError, ValueProblem):
        return False  # the reader of label maps says what is wrong


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """The series of each file, in the order of the locators; voxels that stand beside their header are passed over."""
    reviews = Reviews(context)
    for done, locator in enumerate(locators, 1):
        if not _is_data(Path(locator)):
            yield from _file(Path(locator), reviews)
        context.progress(done, None)


def _file(path: Path, reviews: Reviews) -> Iterator[Yield]:
    context = reviews.context
    try:
        image = Image(read_header(path))
        described = image.described()
        file = ImageFile.at(path, context)
    except ValueProblem as error:
        yield Reject(name=path.name, place="file", problem=error.problem, wanted=error.wanted)
        return
    except OSError as error:
        yield unreadable(path.name, error)
        return
    # geometry alone is nobody's; of what was copied from a DICOM header the same is asked as of that
    released = partial(context.released, file.digest)
    if flaw := header_flaw(image.copied, attested=context.attested or not image.copied.values, released=released):
        content = file.digest if flaw.releasable else ""
        yield Reject(
            name=path.name, place=flaw.place, problem=flaw.problem, wanted=flaw.wanted, quarantine=True, content=content
        )
        return
    head = file.head("nrrd", VERSION)
    yield head
    if not context.known(head.digest, head.recipe):
        named = image.copied.text("PatientName")
        yield from file.reviewed(described, named, reviews) if image.copied.values else file.records(described)


SOURCE = Source(
    name="nrrd",
    accepts=accepts,
    read=read,
    summary="NRRD images (.nrrd, .nhdr): the header of each file as a series; subjects.yaml says whose",
)
