"""DICOM objects that are read one by one, each a source of its own: segmentations, radiotherapy objects, value maps.

A kind says which SOP classes it reads and what it makes of a document; what all share is here: the object's identity,
the gate before its header, and the records of its series.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Final

from ingest.base import Context, Source, Yield, head_of, once, sha256_of, unreadable
from ingest.dicom import reader as dicom
from ingest.dicom.concepts import date_of
from ingest.dicom.header import BrokenDicomError, Elements, Header, place_of, read_header, sop_class_of
from ingest.dicom.kept import DicomDocument
from ingest.dicom.series import Instance, SeriesSum
from ingest.gate import dicom as gate_dicom
from ingest.gate import review as gate_review
from ingest.gate.review import Asked, Reviews
from ingest.observed.coded import Code
from mappings.codes import Codes
from ontology.records import DataClass, Record, Reject, SeriesHeader, SourceRecord, When

__all__ = [
    "Document",
    "DocumentKind",
    "codes_in",
    "contradicting",
    "header_refusal",
    "series_of",
    "source_of",
    "uid_in",
]

HEAD: Final = 4096

LARGEST: Final = 1 << 30
"""The bytes of the largest object that is read: structure sets have some megabytes, and of a segmentation with
thousands of frames the header has a few."""

DEEPEST: Final = 8
"""How deep sequences may be nested."""

UID = re.compile(r"(?=.{3,64}$)[0-2](\.\d+)+", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One object that has passed the gate."""

    path: Path
    header: Header
    context: Context

    @property
    def uid(self) -> str:
        """Its SOPInstanceUID."""
        return self.header.text("SOPInstanceUID")

    @property
    def subject(self) -> str:
        """Its PatientID."""
        return self.header.text("PatientID")

    @property
    def study(self) -> str:
        """Its StudyInstanceUID."""
        return self.header.text("StudyInstanceUID")

    @property
    def codes(self) -> Codes:
        """What coded terms mean."""
        return self.context.codes

    @property
    def when(self) -> When | None:
        """The day of its study, which is that of the images."""
        day = date_of(self.header.text("StudyDate"))
        return When.on(day) if day else None

    def reject(self, place: str, problem: str, wanted: str) -> Reject:
        """A part that stays out."""
        return Reject(name=self.path.name, place=place, problem=problem, wanted=wanted)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentKind:
    """A kind of object: its name and version as a source, its SOP classes (PS3.4 B.5), and what is read of it."""

    name: str
    version: str
    """Changes whenever the same object would give other records."""
    summary: str
    keywords: frozenset[str]
    lists: frozenset[str] = frozenset()
    bulky: frozenset[str] = frozenset()
    """The attributes that are not kept with the document, since they are as long as its frames are many."""
    classes: dict[str, Callable[[Document], Iterator[Yield]]]
    """The records of an object, by its SOP class."""


def uid_in(item: Elements, keyword: str) -> str | None:
    """A UID that is one."""
    text = item.text(keyword)
    return text if UID.fullmatch(text) else None


def codes_in(item: Elements, keyword: str) -> tuple[Code, ...]:
    """The code triplets of a code sequence (PS3.3 section 8.8)."""
    found = (
        Code(
            next((text for name in ("CodeValue", "LongCodeValue", "URNCodeValue") if (text := code.text(name))), ""),
            code.text("CodingSchemeDesignator"),
            code.text("CodeMeaning"),
        )
        for code in item.items.get(keyword, ())
    )
    return tuple(code for code in found if code.value)


def source_of(kind: DocumentKind) -> Source:
    """The kind of source that reads a kind of object."""

    def accepts(locator: str) -> bool:
        return sop_class_of(head_of(locator, HEAD)) in kind.classes

    def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
        seen: dict[str, tuple[str, str]] = {}
        reviews = Reviews(context)
        for done, locator in enumerate(locators, 1):
            yield from _read(Path(locator), kind, reviews, seen)
            context.progress(done, None)

    return Source(
        name=kind.name, accepts=accepts, read=read, summary=kind.summary, sop_classes=kind.classes.__contains__
    )


def _read(path: Path, kind: DocumentKind, reviews: Reviews, seen: dict[str, tuple[str, str]]) -> Iterator[Yield]:
    """One object: its source and records, or a reject for the whole of it."""
    context = reviews.context
    try:
        _require_size(path)
        digest = sha256_of(path)
        header = read_header(path, {*dicom.HEADER_KEYWORDS, *kind.keywords}, DEEPEST, kind.lists)
    except BrokenDicomError as error:
        yield Reject(name=path.name, place=error.place, problem=error.problem, wanted=error.wanted)
        return
    except OSError as error:
        yield unreadable(path.name, error)
        return
    refused = _refused(path, header, digest, context, seen)
    if refused is not None:
        yield refused
        return
    if header.text("SOPInstanceUID") in seen:
        return  # the same file, under another name
    seen[header.text("SOPInstanceUID")] = digest, path.name
    asked = reviews.asked(header)
    head = SourceRecord(
        kind=kind.name,
        name=path.name,
        digest=digest,
        locator=str(path),
        data_class=DataClass.METADATA,
        recipe=f"{kind.version}{asked.recipe} codes-{context.codes.digest[:16]}",
    )
    yield head
    if context.known(digest, head.recipe):
        return
    document = Document(path=path, header=header, context=context)
    reviews.tell(path.name, asked)
    yield from once(chain(series_of(path, header, digest, asked), _parts(document, kind)))
    context.keep(DicomDocument(header, kind.keywords - kind.bulky, path.stat().st_size, kind.name))


def _require_size(path: Path) -> None:
    if path.stat().st_size > LARGEST:
        raise BrokenDicomError("file", "the object is too large", f"at most {LARGEST >> 20} MB")


def _parts(document: Document, kind: DocumentKind) -> Iterator[Yield]:
    """What the object holds."""
    make = kind.classes.get(document.header.text("SOPClassUID"))
    if make is None:
        yield document.reject(place_of("SOPClassUID"), "differs from that of the file's head", "one SOP class")
        return
    yield from make(document)


def _refused(
    path: Path, header: Header, digest: str, context: Context, seen: dict[str, tuple[str, str]]
) -> Reject | None:
    """Why nothing of an object can go in: no identity, what its header says of a person, or another with its UID."""
    if refused := header_refusal(path, header, context):
        return refused
    before, name = seen.get(header.text("SOPInstanceUID"), (digest, path.name))
    return None if before == digest else contradicting(path.name, name)


def header_refusal(path: Path, header: Header, context: Context) -> Reject | None:
    """Why nothing of an object can go in: it says not whose it is, or its header says what may identify a person."""
    if refused := dicom.identity_flaw(str(path), header):
        return refused
    if flaw := gate_dicom.header_flaw(header, attested=context.attested):
        return Reject(name=path.name, place=flaw.place, problem=flaw.problem, wanted=flaw.wanted, quarantine=True)
    return None


def contradicting(name: str, other: str) -> Reject:
    """The reject of an object whose UID another file has, with other content."""
    return Reject(
        name=name,
        place=place_of("SOPInstanceUID"),
        problem=f"stands in {other} too, with other content",
        wanted="one content for one UID",
        quarantine=True,
    )


def series_of(path: Path, header: Header, digest: str, asked: Asked) -> Iterator[Record]:
    """The records of the object's series, as its header states them; how many objects it has, one does not know."""
    series = SeriesSum(*(header.text(name) for name in ("SeriesInstanceUID", "StudyInstanceUID", "PatientID")))
    series.add(header, Instance.at(str(path), header.text("SOPInstanceUID"), digest))
    records = series.records(attested=True, instances=asked.instances)
    for record in filter(None, (gate_review.without(record, asked.withheld) for record in records)):
        yield replace(record, instance_count=None) if isinstance(record, SeriesHeader) else record
