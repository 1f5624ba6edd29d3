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

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from itertools import tee
from pathlib import Path
from typing import Any, Final

from lxml import etree

from ingest.aim.dialects import COLLECTION, COLLECTIONS, ROOTS, read_annotations
from ingest.aim.kept import AimDocument
from ingest.aim.model import Annotation
from ingest.aim.others import refusal
from ingest.aim.records import translate, visits
from ingest.apart import apart
from ingest.base import Context, KeptText, Source, Yield, head_of, once, sha256_of, unreadable
from ingest.judging import Judged, Judging
from mappings.codes import Codes
from mappings.sssom import Decision
from ontology import json_elements, xml
from ontology.records import DataClass, Record, Reject, SourceRecord
from store.packs import Pack

__all__ = ["SOURCE", "accepts", "read"]

VERSION: Final = "aim-5"
"""The reader's version: raise it when the same document would give other records."""

HEAD: Final = 4096

TOGETHER: Final = 512 << 10
"""Bytes of documents that are read in one go: their records are columns of the same tables."""

MANY: Final = 500
"""How many documents at most."""

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
    judged: Judged | None = None
    """In place of the records, where they are in columns with those of other documents."""
    keys: frozenset[bytes] = frozenset()
    kept: AimDocument | KeptText | None = None
    """None where nothing of the document can go in."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """What some documents say."""

    told: tuple[_Told, ...]
    pack: Pack
    """The records of all of them that were judged."""


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """The records of each document, in the order of the locators; many documents are read in several processes."""
    ahead, met = tee(_together(_meet(Path(locator), context) for locator in locators))
    answers = apart(_Reading.of(context), ahead, lambda documents: sum(document.size for document in documents))
    with closing(answers):
        done = 0
        for documents, answer in zip(met, answers, strict=True):
            for document, told in zip(documents, answer.told, strict=True):
                yield from _said(document, told, answer.pack, context)
                done += 1
                context.progress(done, None)


def _together(met: Iterator[_Met]) -> Iterator[tuple[_Met, ...]]:
    """Documents that are read in one go, in their order."""
    held: list[_Met] = []
    size = 0
    for document in met:
        held.append(document)
        size += document.size
        if size >= TOGETHER or len(held) >= MANY:
            yield tuple(held)
            held, size = [], 0
    if held:
        yield tuple(held)


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


def _said(document: _Met, told: _Told, pack: Pack, context: Context) -> Iterator[Yield]:
    """What a document says: its source and records, or rejects."""
    if document.instead is not None:
        yield document.instead
    yield from told.rejects
    if document.head is not None and told.kept is not None:
        yield document.head
        context.codes.tell(told.keys)
        yield from told.records
        if told.judged is not None:
            yield told.judged.whole(pack)
        context.keep(told.kept)


class _Reading:
    """Reads documents, in whatever process: it has what that takes of a context, and nothing of the run."""

    def __init__(self, given: Context) -> None:
        self._keys: set[bytes] = set()
        self._context = replace(given, codes=given.codes.noting(self._keys.add))

    @classmethod
    def of(cls, context: Context) -> _Reading:
        """As a context says."""
        return cls(_bare(context))

    def __reduce__(self) -> tuple[Callable[..., _Reading], tuple[dict[str, Any], tuple[Decision, ...]]]:
        given = {name: getattr(self._context, name) for name in GIVEN}
        return _reading, (given, self._context.codes.rows)

    def __call__(self, documents: tuple[_Met, ...]) -> _Answer:
        """What some documents say."""
        judging = Judging(self._context)
        told = tuple(self._told(document, judging) for document in documents)
        return _Answer(told, judging.made())

    def _told(self, document: _Met, judging: Judging) -> _Told:
        """What a document says."""
        if document.head is None:
            return _Told()
        self._keys.clear()
        path = document.path
        try:
            root, *others = _parsed(path).iter()  # all are kept, since each is met often, and would be made anew
            found = _told_apart(read_annotations(root))
        except xml.XmlError as error:
            return _Told((Reject(name=path.name, place=error.place, problem=error.problem, wanted=error.wanted),))
        if not found:
            return _Told((_empty(path.name),))
        refused = [(annotation, _refused(path.name, annotation)) for annotation in found]
        usable = [annotation for annotation, why in refused if why is None]
        rejects = tuple(why for _, why in refused if why is not None)
        if not usable:
            return _Told(rejects)
        items = tuple(once(_records(document.head, usable, self._context)))
        keys, kept = frozenset(self._keys), AimDocument.of((root, *others), document.size)
        if not self._context.blocks:
            return _Told(rejects, items, keys=keys, kept=kept)
        rejects += tuple(item for item in items if isinstance(item, Reject))
        judged = judging.source(item for item in items if isinstance(item, Record))
        return _Told(rejects, judged=judged, keys=keys, kept=kept.packed())


GIVEN: Final = ("collection", "clock", "secret", "attested", "reviewed", "blocks")
"""What of a context decides the records of a document, with the codes."""


def _bare(context: Context) -> Context:
    """What reading takes of a context."""
    return Context(**{name: getattr(context, name) for name in GIVEN}, codes=context.codes)


def _reading(given: dict[str, Any], rows: tuple[Decision, ...]) -> _Reading:
    """The same in another process."""
    return _Reading(Context(**given, codes=Codes(rows)))


def _told_apart(given: Iterable[Annotation]) -> list[Annotation]:
    """The annotations of a document, each once; a UID that several others share, as ``0`` is, is none of theirs."""
    found = list(given)
    shared = {uid for uid, count in Counter(annotation.uid for annotation in found).items() if count > 1}
    said: dict[str, set[str]] = {uid: set() for uid in shared}
    apart: list[Annotation] = []
    for annotation in found:
        if annotation.uid in shared:
            text = repr(replace(annotation, person_place="")).replace(annotation.place, "")
            if text in said[annotation.uid]:
                continue
            said[annotation.uid].add(text)
        apart.append(annotation)
    return [replace(each, uid="") if len(said.get(each.uid, ())) > 1 else each for each in apart]


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
