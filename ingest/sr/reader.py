"""Structured reports (DICOM SR) as a source: PS3.3 A.35, PS3.16 TID 1500 and others.

One file is one source. What comes in:

- The report's own series, its header through the same gate as any DICOM header, and the studies and series that it
  refers to. The report's day is that of the study that it is about; where that is not dated it is the report's own, on
  the clock ``annotation``.
- Each number outside image libraries as a measurement, in the unit of its variable: what it is of by the code of its
  name, with what derived it (mean, maximum …) as statistic, its method, site and side, the algorithm, and the region or
  image that it was measured on. A number without a value says why it has none.
- Each coded statement as a finding or response: findings, finding sites, qualitative evaluations, properties.
- What a measurement group is about as a lesion: by its tracking UID, else by the rules of `ingest.observed.lesions`.
- Shapes as regions, with their geometry in summary, and segments of segmentations by their UID and number.
- The person who observed as a pseudonym; a device or algorithm as procedure.
- AIM that was written as a report, by the rules of AIM and as the same annotations.
- Whatever code has no mapping is kept as ``q:Unmapped`` with its triplet.

Items are known by the codes of their concepts (``concepts.tsv``), not by templates, so older and private reports
are read alike. Texts are never kept: not comments, names, nor what is said of the patient. Codes, numbers, references
and coordinates are, as DICOM JSON (`ingest.sr.kept`). A content item that is none,
or a reference that leads nowhere or in a circle, is rejected with its place (``1.5.2``); the rest goes in.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from ingest.aim.records import translate as translate_annotation
from ingest.aim.records import visits
from ingest.base import Context, Source, Yield, head_of, once, sha256_of, unreadable
from ingest.dicom import reader as dicom
from ingest.dicom.document import Seen, one_document
from ingest.dicom.header import BrokenDicomError, Header, read_header, sop_class_of
from ingest.dicom.json import read_json, sop_class_in
from ingest.gate.review import Reviews
from ingest.sr.aim import annotations_of, is_aim
from ingest.sr.kept import SrDocument
from ingest.sr.model import Item, Report
from ingest.sr.records import translate
from ingest.sr.report import read_report
from ingest.sr.tree import DEEPEST, KEYWORDS, tree
from ontology.records import Record, Reject, SourceRecord

__all__ = ["SOURCE", "accepts", "read"]

VERSION: Final = "sr-5"
"""The reader's version: raise it when the same document would give other records."""

REPORTS: Final = "1.2.840.10008.5.1.4.1.1.88."
"""The SOP classes of structured reports (PS3.4 B.5): basic text, enhanced, comprehensive, computer-aided detection …"""

KEY_OBJECTS: Final = "1.2.840.10008.5.1.4.1.1.88.59"
"""Key Object Selection: a list of images that states nothing of them."""

HEAD: Final = 4096

LARGEST: Final = 32 << 20
"""The bytes of the largest report that is read: those in use have some kilobytes, with many contours some megabytes."""

HEADER_KEYWORDS: Final = sorted({*dicom.HEADER_KEYWORDS, *KEYWORDS, "ContentDate"})


def accepts(locator: str) -> bool:
    """Whether a local file begins as a structured report, in DICOM or in DICOM JSON."""
    head = head_of(locator, HEAD)
    sop_class = sop_class_of(head) or sop_class_in(head)
    return _is_report(sop_class)


def _is_report(sop_class: str) -> bool:
    return sop_class.startswith(REPORTS) and sop_class != KEY_OBJECTS


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """The records of each report, in the order of the locators; a report that lies in several files comes once."""
    seen: Seen = {}
    reviews = Reviews(context)
    for done, locator in enumerate(locators, 1):
        yield from _document(Path(locator), reviews, seen)
        context.progress(done, None)


def _document(path: Path, reviews: Reviews, seen: Seen) -> Iterator[Yield]:
    """One report: its source and records, or a reject for the whole of it."""
    try:
        header = _loaded(path)
        digest = sha256_of(path)
        root, flaws = tree(header)
    except BrokenDicomError as error:
        yield Reject(name=path.name, place=error.place, problem=error.problem, wanted=error.wanted)
        return
    except OSError as error:
        yield unreadable(path.name, error)
        return

    def said(head: SourceRecord, series: Iterator[Record]) -> Iterator[Yield]:
        for flaw in flaws:
            yield Reject(name=path.name, place=flaw.place, problem=flaw.problem, wanted=flaw.wanted)
        yield from once(series)
        yield from once(_content(head, read_report(header, root), root, reviews.context))
        reviews.context.keep(SrDocument(header, root, path.stat().st_size))

    # a copy in JSON is a document of its own, whose statements are told as those of the first
    form = " in JSON" if _is_json(path) else ""
    yield from one_document(path, header, digest, ("sr", VERSION), reviews, seen, said, form=form)


def _is_json(path: Path) -> bool:
    return bool(sop_class_in(head_of(str(path), HEAD)))


def _loaded(path: Path) -> Header:
    """Header and content of a file; `BrokenDicomError` where it is no whole report."""
    if path.stat().st_size > LARGEST:
        raise BrokenDicomError("file", "the report is too large", f"at most {LARGEST >> 20} MB")
    return read_json(path, DEEPEST) if _is_json(path) else read_header(path, HEADER_KEYWORDS, DEEPEST)


def _content(head: SourceRecord, report: Report, root: Item, context: Context) -> Iterator[Yield]:
    """The records of the content."""
    if not is_aim(root):
        yield from translate(head, report, context)
        return
    found = annotations_of(report, root)
    numbers: dict[str, int] = {}
    for item in visits(head.name, found, context.codes):
        if isinstance(item, Reject):
            yield item
        else:
            numbers.setdefault(*item)
    for annotation in found:
        yield from translate_annotation(head, annotation, numbers, context)


SOURCE = Source(
    name="sr",
    accepts=accepts,
    read=read,
    summary="DICOM structured reports: TID 1500, AIM as SR, and others",
    sop_classes=_is_report,
)
