"""AIM annotations (Annotation and Image Markup, versions 3 and 4) in XML, and in the JSON of ePAD, as a source.

One file is one source. What comes in:

- The subject by the person's id. Name, birth date, sex, free-text comments and annotation names are never kept.
- Referenced studies and series; the first series is that of the annotation's observations. The day is that of the
  image study. Where no study is dated it is the annotation's own, on the clock ``annotation``: when an image was read
  is not when it was made.
- The lesion, by the first of: its tracking UID (label: the lesion name); reader, lesion name and anatomic structure,
  where the annotation's name (up to ePAD's ``~``) is only a word for a lesion and a number, such as ``Lesion1`` or
  ``T01``; the annotation's UID, without a label (`ingest.observed.lesions`).
- The annotator as a pseudonym, and the equipment or the algorithm of a calculation as procedure.
- Each value of each calculation as a measurement, in the unit of its variable. One length on an assessed lesion that
  is no lymph node is its longest diameter; any other length stays a length. A statistic alone (*mean*) is of the
  quantity that its unit names (``HU``); where there is none, of an unmapped one.
- Anatomy, imaging observations, characteristics, inferences and the annotation's type as findings and responses: each
  nested statement is ``part_of`` that above it, and a finding of what its label asks, else of the term above it.
  Anatomy is also the site (and side) of all.
- The visit by number, where a characteristic states it for the image study (ePAD's ``FU Number``); by name only where
  *Baseline* or *Follow-up* stands as a word of its own.
- Whatever code has no mapping (`mappings.codes`) is kept as ``q:Unmapped`` (variable or value) with its triplet.

- Each markup as a region with its geometry in summary, and the segment that ePAD refers to as that of its
  segmentation (`ingest.aim.regions`). A measurement is of the region that its calculation names, else of the only one.
- PyRadiomics' features by their names, with one procedure for each image type (`ingest.aim.radiomics`).
- What is said of other annotations (``AnnotationOfAnnotation``) is derived, and of no lesion.

Coordinates stay in the document, which is kept without what may identify a person (`ingest.aim.kept`). A document with
a DOCTYPE, one that is no sound JSON, and any element that cannot be read, is rejected with its place; the rest goes in.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import tee
from pathlib import Path
from typing import Final

from lxml import etree

from ingest.aim.dialects import COLLECTION, COLLECTIONS, ROOTS, read_annotations
from ingest.aim.kept import AimDocument
from ingest.aim.model import Annotation
from ingest.aim.others import refusal
from ingest.aim.records import translate, visits
from ingest.apart import apart
from ingest.base import Context, Source, Yield, head_of, once, sha256_of, unreadable
from mappings.codes import Codes
from ontology import json_elements, xml
from ontology.records import DataClass, Reject, SourceRecord

__all__ = ["SOURCE", "accepts", "read"]

VERSION: Final = "aim-4"
"""The reader's version: raise it when the same document would give other records."""

HEAD: Final = 4096

LONGEST_ID: Final = 64
"""The length of DICOM's PatientID (VR LO)."""


def accepts(locator: str) -> bool:
    """Whether a file begins as an AIM annotation, in XML or in ePAD's JSON, or as what is taken for one."""
    head = head_of(locator, HEAD)
    in_xml = xml.root_name(head)
    return in_xml in ROOTS or json_elements.mentions(head, {COLLECTION}) or refusal("", head) is not None


def _parsed(path: Path) -> etree._Element:
    """The root element of a document; that which it mirrors, where it is JSON."""
    if xml.root_name(head_of(str(path), HEAD)) is None:
        return json_elements.parse(path, COLLECTION, COLLECTIONS)
    return xml.parse(path)


@dataclass(frozen=True, slots=True)
class _Met:
    """A document before it is read: its head, or what is said in place of reading it."""

    path: Path
    head: SourceRecord | None = None
    instead: SourceRecord | Reject | None = None
    size: int = 0


@dataclass(frozen=True, slots=True)
class _Told:
    """What a document says: rejects of what cannot go in, then its records, with the keys of the codes asked for."""

    rejects: tuple[Reject, ...] = ()
    records: tuple[Yield, ...] = ()
    keys: frozenset[bytes] = frozenset()
    kept: AimDocument | None = None
    """None where nothing of the document can go in."""


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """The records of each document, in the order of the locators; many documents are read in several processes."""
    ahead, met = tee(_meet(Path(locator), context) for locator in locators)
    told = apart(_Reading.of(context), ahead, lambda document: document.size)
    with closing(told):
        for done, (document, said) in enumerate(zip(met, told, strict=True), 1):
            yield from _said(document, said, context)
            context.progress(done, None)


def _meet(path: Path, context: Context) -> _Met:
    """A document before it is read."""
    try:
        digest, size = sha256_of(path), path.stat().st_size
    except OSError as error:
        return _Met(path, instead=unreadable(path.name, error, "document"))
    other = refusal(path.name, head_of(str(path), HEAD))
    if other is not None:
        return _Met(path, instead=other)
    head = SourceRecord(
        kind="aim",
        name=path.name,
        digest=digest,
        locator=str(path),
        data_class=DataClass.METADATA,
        recipe=f"{VERSION} codes-{context.codes.digest[:16]}",
    )
    return _Met(path, instead=head) if context.known(digest, head.recipe) else _Met(path, head, size=size)


def _said(document: _Met, told: _Told, context: Context) -> Iterator[Yield]:
    """What a document says: its source and records, or rejects."""
    if document.instead is not None:
        yield document.instead
    yield from told.rejects
    if document.head is not None and told.kept is not None:
        yield document.head
        context.codes.tell(told.keys)
        yield from told.records
        context.keep(told.kept)


class _Reading:
    """Reads documents one by one, in whatever process: it has what that takes of a context, and nothing of the run."""

    def __init__(self, collection: str, clock: str, secret: bytes, codes: Codes) -> None:
        self._keys: set[bytes] = set()
        noting = codes.noting(self._keys.add)
        self._context = Context(collection=collection, clock=clock, secret=secret, codes=noting)

    @classmethod
    def of(cls, context: Context) -> _Reading:
        """As a context says."""
        return cls(context.collection, context.clock, context.secret, context.codes)

    def __reduce__(self) -> tuple[type[_Reading], tuple[str, str, bytes, Codes]]:
        context = self._context
        return _Reading, (context.collection, context.clock, context.secret, Codes(context.codes.rows))

    def __call__(self, document: _Met) -> _Told:
        """What a document says."""
        if document.head is None:
            return _Told()
        self._keys.clear()
        path = document.path
        try:
            root = _parsed(path)
            found = list(read_annotations(root))
        except xml.XmlError as error:
            return _Told((Reject(name=path.name, place=error.place, problem=error.problem, wanted=error.wanted),))
        if not found:
            return _Told((_empty(path.name),))
        refused = [(annotation, _refused(path.name, annotation)) for annotation in found]
        usable = [annotation for annotation, why in refused if why is None]
        rejects = tuple(why for _, why in refused if why is not None)
        if not usable:
            return _Told(rejects)
        told = tuple(once(_records(document.head, usable, self._context)))
        return _Told(rejects, told, frozenset(self._keys), AimDocument.of(root, document.size))


def _empty(name: str) -> Reject:
    return Reject(
        name=name,
        place="document",
        problem="the document holds no annotation",
        wanted="an ImageAnnotation, alone or in an ImageAnnotationCollection",
    )


def _refused(name: str, annotation: Annotation) -> Reject | None:
    """Why nothing of an annotation can go in."""
    person = annotation.person
    if person and len(person) <= LONGEST_ID and person.isprintable():
        return None
    return Reject(
        name=name,
        place=annotation.person_place,
        problem="the person's id is not usable" if person else "the person has no id, so the subject is not known",
        wanted=f"the subject's id in the collection, at most {LONGEST_ID} printable characters",
    )


def _records(head: SourceRecord, found: list[Annotation], context: Context) -> Iterator[Yield]:
    """The records of the annotations."""
    stated = list(visits(head.name, found, context.codes))
    yield from (item for item in stated if isinstance(item, Reject))
    pairs = {item for item in stated if not isinstance(item, Reject)}
    # a study with two numbers has none
    numbers = {study: number for study, number in pairs if [pair[0] for pair in pairs].count(study) == 1}
    for annotation in found:
        yield from translate(head, annotation, numbers, context)


SOURCE = Source(
    name="aim",
    accepts=accepts,
    read=read,
    summary="AIM annotations, versions 3 and 4, in XML or ePAD's JSON",
)
