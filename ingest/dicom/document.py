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
from typing import Final, TypeAlias

from ingest.base import Context, Source, Yield, head_of, once, sha256_of, unreadable
from ingest.dicom import reader as dicom
from ingest.dicom.concepts import date_of
from ingest.dicom.header import BrokenDicomError, Elements, Header, place_of, read_header, sop_class_of
from ingest.dicom.instances import Instance
from ingest.dicom.kept import DicomDocument
from ingest.dicom.series import SeriesSum
from ingest.gate import review as gate_review
from ingest.gate.dicom import facts_of
from ingest.gate.records import LABEL
from ingest.gate.review import Asked, Reviews
from ingest.observed.coded import Code
from mappings.codes import Codes
from ontology.records import DataClass, Record, Reject, SeriesHeader, SourceRecord, When

__all__ = [
    "Document",
    "DocumentKind",
    "Seen",
    "codes_in",
    "one_document",
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

Seen: TypeAlias = dict[str, tuple[str, str]]
"""The objects of a run by UID: the SHA-256 of each, and the path of the file that it was read of."""


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
        seen: Seen = {}
        reviews = Reviews(context)
        for done, locator in enumerate(locators, 1):
            yield from _read(Path(locator), kind, reviews, seen)
            context.progress(done, None)

    return Source(
        name=kind.name, accepts=accepts, read=read, summary=kind.summary, sop_classes=kind.classes.__contains__
    )


def _read(path: Path, kind: DocumentKind, reviews: Reviews, seen: Seen) -> Iterator[Yield]:
    """One object: its source and records, or a reject for the whole of it."""
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
    document = Document(path=path, header=header, context=reviews.context)

    def said(_head: SourceRecord, series: Iterator[Record]) -> Iterator[Yield]:
        yield from once(chain(series, _parts(document, kind)))
        document.context.keep(DicomDocument(header, kind.keywords - kind.bulky, path.stat().st_size, kind.name))

    yield from one_document(path, header, digest, (kind.name, kind.version), reviews, seen, said)


def one_document(
    path: Path,
    header: Header,
    digest: str,
    kind: tuple[str, str],
    reviews: Reviews,
    seen: Seen,
    said: Callable[[SourceRecord, Iterator[Record]], Iterator[Yield]],
    *,
    form: str = "",
) -> Iterator[Yield]:
    """The source of an object that is one file, and what it says, unless it may not come in or came before.

    ``kind`` is the name of the kind of source and the version of its reader; ``said(head, series)`` gives what is
    read of it, from its source record and the records of its series; ``form`` tells the copies of an object that are
    documents of their own.
    """
    context = reviews.context
    if refused := dicom.refusals(str(path), header, facts_of(header), context):
        yield from refused
        return
    before, at = seen.setdefault(f"{header.text('SOPInstanceUID')}{form}", (digest, str(path)))
    if before != digest:
        yield dicom.contradicting(str(path), at)
        return
    if at != str(path):
        return  # the same file, under another name
    asked = reviews.asked(header)
    name, version = kind
    head = SourceRecord(
        kind=name,
        name=path.name,
        digest=digest,
        locator=str(path),
        data_class=DataClass.METADATA,
        recipe=f"{version}{asked.recipe}{context.answers(LABEL)} codes-{context.codes.digest[:16]}",
    )
    yield head
    if not context.known(digest, head.recipe):
        reviews.tell(path.name, asked)
        yield from said(head, _series_of(path, header, digest, asked))


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


def _series_of(path: Path, header: Header, digest: str, asked: Asked) -> Iterator[Record]:
    """The records of the object's series, as its header states them; how many objects it has, one does not know."""
    series = SeriesSum(*(header.text(name) for name in ("SeriesInstanceUID", "StudyInstanceUID", "PatientID")))
    series.add(header, Instance.at(str(path), header.text("SOPInstanceUID"), digest))
    records = series.records(instances=asked.instances)
    for record in filter(None, (gate_review.without(record, asked.withheld) for record in records)):
        yield replace(record, instance_count=None) if isinstance(record, SeriesHeader) else record
