"""Philips PAR/REC: each PAR file a series, with what its header says of the acquisition.

The REC file beside it holds the pixels, which are not read; it is only told where it is shorter than the header says. A
PAR file names its patient and examination and has the date: none of them is stored. It has no mark of
de-identification either, so it needs the attestation of the collection's owner, or a steward's release.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ingest.base import Context, Source, Yield, head_of, unreadable
from ingest.gate.dicom import is_dummy, person_like
from ingest.gate.forms import NAMING, identifier_in
from ingest.gate.review import Reviews
from ingest.observed.quantities import ValueProblem
from ingest.volumes.image_file import ImageFile
from ingest.volumes.parrec_header import MARK, ParHeader, read_header
from ontology.records import Reject

__all__ = ["SOURCE", "accepts", "read"]

VERSION: Final = "parrec-2"
"""Changes whenever the same file would give other records."""

HEAD: Final = 512
BINARY: Final = ".rec"
NAMES: Final = {"patient_name": "Patient name", "exam_name": "Examination name"}


def accepts(locator: str) -> bool:
    """Whether a file is a PAR header by how it begins, or the REC file of one."""
    path = Path(locator)
    return MARK in head_of(locator, HEAD) or (path.suffix.lower() == BINARY and path.is_file())


def _beside(path: Path, suffix: str) -> Path | None:
    """The file of the same name with another suffix, in either case."""
    found = (path.with_suffix(text) for text in (suffix.upper(), suffix))
    return next((other for other in found if other.is_file()), None)


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """The series of each PAR file, in the order of the locators; a REC file is read with its header."""
    reviews = Reviews(context)
    for done, locator in enumerate(locators, 1):
        path = Path(locator)
        if path.suffix.lower() != BINARY:
            yield from _file(path, reviews)
        elif _beside(path, ".par") is None:
            yield _reject(
                path, "file", "the pixels are without their header", "the PAR file of the same name beside it"
            )
        context.progress(done, None)


def _file(path: Path, reviews: Reviews) -> Iterator[Yield]:
    context = reviews.context
    try:
        header = read_header(path)
        file = ImageFile.at(path, context)
    except ValueProblem as error:
        yield _reject(path, "file", error.problem, error.wanted)
        return
    except OSError as error:
        yield unreadable(path.name, error)
        return
    if refused := _refused(file, header):
        yield refused
        return
    head = file.head("parrec", VERSION)
    yield head
    if not context.known(head.digest, head.recipe):
        yield from file.reviewed(header.described(), header.text("patient_name"), reviews)
    pixels = _beside(path, BINARY)
    if pixels is not None and pixels.stat().st_size < header.pixel_bytes:
        yield _reject(pixels, "file", "the file is shorter than its header says", f"{header.pixel_bytes} bytes")


def _refused(file: ImageFile, header: ParHeader) -> Reject | None:
    """Why a header may not come in (PS3.15 Annex E, as `ingest.gate.dicom` has it), or None."""
    context, path = file.context, file.path
    for name, place in NAMES.items():
        text = header.text(name)
        if found := identifier_in(text, NAMING):
            return _reject(path, place, f"looks like {found}", "a code that identifies nobody", quarantine=True)
    name, place = header.text("patient_name"), NAMES["patient_name"]
    doubtful = person_like(name) and not is_dummy(name) and name != file.whose.subject
    if doubtful and not context.released(file.digest, place):
        wanted = "nothing, or the subject's code"
        return _reject(path, place, "looks like a person's name", wanted, quarantine=True, content=file.digest)
    if not context.attested and not context.released(file.digest, "header"):
        problem, wanted = "nothing says that it was de-identified", "the owner's attestation (--attest)"
        return _reject(path, "header", problem, wanted, quarantine=True, content=file.digest)
    return None


def _reject(
    path: Path, place: str, problem: str, wanted: str, *, quarantine: bool = False, content: str = ""
) -> Reject:
    return Reject(name=path.name, place=place, problem=problem, wanted=wanted, quarantine=quarantine, content=content)


SOURCE = Source(
    name="parrec",
    accepts=accepts,
    read=read,
    summary="Philips PAR/REC: the header of each PAR file as a series; subjects.yaml says whose",
)
