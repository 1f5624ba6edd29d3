"""A set of observations of images, whatever it came from, as groups that a document can state.

A group is what one annotation (AIM) or measurement group (TID 1501) says: of one lesion, by one reader, in one reading,
on one series, at one time and place. The warehouse (`analysis.selection`) and files (`analysis.file_set`) both give
records; from here on there is no difference.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import Final

from analysis.uids import is_uid, uid_of
from ingest.observed.lesions import tracking_uid
from ingest.observed.sites import Site
from ontology.records import (
    Finding,
    Instance,
    Lesion,
    LesionFacts,
    Measurement,
    Observation,
    Procedure,
    Reader,
    Record,
    RegionFacts,
    Response,
    Scalar,
    Series,
    SeriesHeader,
    When,
)
from ontology.terms import q

__all__ = ["Document", "Group", "Image", "MeasurementSet", "Segment", "Tracked", "Unwritten", "as_text", "gathered"]

WRITTEN: Final = (Measurement, Finding, Response)
"""What a document of images can state; an outcome is none of images."""


@dataclass(frozen=True, slots=True)
class Image:
    """A DICOM object that is referred to; the class is None where nothing says it."""

    uid: str
    series: str | None = None
    study: str | None = None
    sop_class: str | None = None


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment: the UID of its segmentation, its number, and the series that it is drawn on."""

    segmentation: str
    number: int
    series: str | None = None


@dataclass(frozen=True, slots=True)
class Tracked:
    """A lesion as a document names it."""

    uid: str
    """Its tracking UID: that of its sources, or one made of what the lesion is called."""
    label: str | None = None
    stated: bool = True
    """Whether a reader of the document should know it by the UID; else by its name and reader, or by the document."""


@dataclass(frozen=True, slots=True)
class Group:
    """What one annotation or measurement group states."""

    uid: str
    subject: str
    document: str | None
    lesion: Tracked | None
    reader: Reader | None
    session: str | None
    study: str | None
    series: str | None
    images: tuple[Image, ...]
    when: When | None
    visit: int | None
    visit_label: str | None
    site: Site
    observations: tuple[Observation, ...]
    segment: tuple[Segment, Image] | None = None
    """The one segment that all of it is of, with its segmentation, where that object is known."""

    @property
    def of_annotations(self) -> bool:
        """Whether it is of no lesion, with a derived number: what is said of other annotations, such as a sum."""
        return self.lesion is None and any(item.derived for item in self.observations)


@dataclass(frozen=True, slots=True)
class Document:
    """What one file states: the groups of one subject, reader, reading and study."""

    subject: str
    reader: Reader | None
    session: str | None
    study: str | None
    groups: tuple[Group, ...]

    @property
    def uid(self) -> str:
        """A UID of all that the document states."""
        return uid_of("document", self.groups)


@dataclass(slots=True)
class Unwritten:
    """How many observations a format could not take, by reason."""

    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def count(self) -> int:
        """How many in all."""
        return self.reasons.total()

    def add(self, reason: str) -> None:
        """Count what is left out."""
        self.reasons[reason] += 1


@dataclass(frozen=True)
class MeasurementSet:
    """Observations with what they refer to: lesions by subject and key, all else by key or UID."""

    collection: str
    observations: tuple[Observation, ...]
    lesions: Mapping[tuple[str, str], Tracked]
    readers: Mapping[str, Reader]
    procedures: Mapping[str, Procedure]
    images: Mapping[str, Image]
    studies: Mapping[str, str]
    """The study of each series."""
    segments: Mapping[tuple[str, str], Segment] = field(default_factory=dict)
    """The segments among the regions, by subject and key."""
    deidentified: bool = False
    """Whether who answers for the data says that subjects and readers are pseudonyms."""

    def with_images(self, found: Iterable[Image]) -> MeasurementSet:
        """The set with what is known of images from elsewhere, such as their files."""
        listed = list(found)
        images = dict(self.images) | {image.uid: image for image in listed}
        studies = dict(self.studies) | {image.series: image.study for image in listed if image.series and image.study}
        return replace(self, images=images, studies=studies)

    def procedure(self, observation: Observation) -> Procedure | None:
        """What an observation was made with."""
        return self.procedures.get(observation.procedure) if observation.procedure else None

    @cached_property
    def _of_series(self) -> dict[str, list[Image]]:
        found: dict[str, list[Image]] = defaultdict(list)
        for image in self.images.values():
            if image.series and image.sop_class:
                found[image.series].append(image)
        return found

    def groups(self) -> Iterator[Group]:
        """The groups in a fixed order, whatever the order of the observations."""
        parts: dict[tuple[object, ...], list[Observation]] = defaultdict(list)
        for item in self.observations:
            parts[_shared(item)].append(item)
        whole = Counter(key[:2] for key in parts)
        for key in sorted(parts, key=repr):
            members = tuple(sorted(parts[key], key=lambda item: (_order(item.key), item.key)))
            yield self._group(members, alone=whole[key[:2]] == 1)

    def _group(self, members: tuple[Observation, ...], *, alone: bool) -> Group:
        """One group; ``alone`` says whether it is all of its document that is in the set."""
        one = members[0]
        document = tracking_uid(one.document or "")
        return Group(
            uid=document if document and alone else uid_of("group", self.collection, _shared(one), _said(members)),
            subject=one.subject,
            document=one.document,
            lesion=self._lesion(one),
            reader=self.readers.get(one.reader) if one.reader else None,
            session=one.read_session,
            study=one.study or self.studies.get(one.series or ""),
            series=one.series,
            images=tuple(self._images(members)),
            when=one.when,
            visit=one.visit,
            visit_label=one.visit_label,
            site=Site(one.site, one.laterality, one.site_modifier),
            observations=members,
            segment=self._segment(members),
        )

    def _segment(self, members: Sequence[Observation]) -> tuple[Segment, Image] | None:
        """The segment that observations are of, where it is one and its segmentation can be referred to."""
        named = {(item.subject, item.region) for item in members if item.region}
        found = self.segments.get(next(iter(named))) if len(named) == 1 else None
        image = self.images.get(found.segmentation) if found is not None else None
        if found is None or image is None or not all(map(is_uid, (image.sop_class, image.series, image.study))):
            return None
        return (found, image) if is_uid(found.series) else None

    def _lesion(self, one: Observation) -> Tracked | None:
        if one.lesion is None:
            return None
        known = self.lesions.get((one.subject, one.lesion))
        return known or Tracked(_tracking(self.collection, one.subject, one.lesion))

    def _images(self, members: Sequence[Observation]) -> Iterator[Image]:
        """The images that observations name; else, where their files are known, all of the series."""
        named = sorted({item.instance for item in members if item.instance})
        one = members[0]
        if not named and one.series:
            yield from sorted(self._of_series.get(one.series, ()), key=lambda image: image.uid)
        for uid in named:
            image = self.images.get(uid, Image(uid))
            series = image.series or one.series
            study = image.study or self.studies.get(series or "") or (one.study if series == one.series else None)
            yield replace(image, series=series, study=study)

    def documents(self) -> Iterator[Document]:
        """The groups by what one file states."""
        parts: dict[tuple[str, str, str, str, bool], list[Group]] = defaultdict(list)
        for group in self.groups():
            reader = group.reader.key if group.reader else ""
            parts[group.subject, reader, group.session or "", group.study or "", group.of_annotations].append(group)
        for key in sorted(parts):
            one = parts[key][0]
            yield Document(one.subject, one.reader, one.session, one.study, tuple(parts[key]))


def gathered(collection: str, found: Iterable[Record], *, deidentified: bool = False) -> MeasurementSet:
    """The set of records: observations of images, and the identities that they refer to."""
    listed = list(found)
    studies = {item.uid: item.study for item in listed if isinstance(item, Series) and item.study}
    classes = {item.uid: item.attributes.get("SOPClassUID") for item in listed if isinstance(item, SeriesHeader)}
    images = {
        item.uid: Image(item.uid, item.series, studies.get(item.series or ""), _text(classes.get(item.series or "")))
        for item in listed
        if isinstance(item, Instance)
    }
    lesions: dict[tuple[str, str], Tracked] = {}
    for item in listed:
        if isinstance(item, Lesion):
            uid = tracking_uid(item.key) or _tracking(collection, item.subject, item.key)
            lesions.setdefault((item.subject, item.key), Tracked(uid, item.label))
    for item in listed:
        if isinstance(item, LesionFacts):
            lesions[item.subject, item.lesion] = _tracked(collection, item, lesions.get((item.subject, item.lesion)))
    return MeasurementSet(
        collection=collection,
        observations=tuple(item for item in listed if isinstance(item, WRITTEN)),
        lesions=lesions,
        readers={item.key: item for item in listed if isinstance(item, Reader)},
        procedures={item.key: item for item in listed if isinstance(item, Procedure)},
        images=images,
        studies=studies,
        segments=dict(_segments(listed)),
        deidentified=deidentified,
    )


def _segments(found: Iterable[Record]) -> Iterator[tuple[tuple[str, str], Segment]]:
    """The segments that descriptions of regions are of, by subject and key of the region."""
    for item in found:
        if isinstance(item, RegionFacts) and item.shape == q.MASK_SHAPE and item.document and item.number is not None:
            yield (item.subject, item.region), Segment(item.document, item.number, item.series)


def _tracked(collection: str, facts: LesionFacts, known: Tracked | None) -> Tracked:
    """A lesion by how a source identified it; a tracking UID goes before any other way."""
    label = facts.label or (known.label if known else None)
    if facts.tracking_uid:
        return Tracked(facts.tracking_uid, label)
    if known is not None and known.stated and facts.rule == q.BY_TRACKING_UID:
        return replace(known, label=label)
    return Tracked(_tracking(collection, facts.subject, facts.lesion), label, stated=False)


def _tracking(collection: str, subject: str, lesion: str) -> str:
    """The tracking UID of a lesion that has none: of what it is called within its subject."""
    return uid_of("lesion", collection, subject, lesion)


def _shared(item: Observation) -> tuple[object, ...]:
    """What the observations of a group have in common; the first two name the document."""
    return (
        item.subject,
        item.document,
        item.lesion,
        item.reader,
        item.read_session,
        item.study,
        item.series,
        item.when,
        item.visit,
        item.visit_label,
        item.site,
        item.laterality,
        item.site_modifier,
    )


def _said(members: Iterable[Observation]) -> list[tuple[object, ...]]:
    """What observations state, without the keys by which a source is read again."""
    left_out = {"key", "part_of", "raw", "document", "states", "primary", "duplicate_of"}
    return [tuple(getattr(item, each.name) for each in fields(item) if each.name not in left_out) for item in members]


def _order(key: str) -> list[int]:
    """The numbers in a key, by which records of one source stand in the order of their document."""
    return [int(part) for part in "".join(c if c.isascii() and c.isdigit() else " " for c in key).split()]


def _text(value: Scalar | tuple[Scalar, ...] | None) -> str | None:
    return value if isinstance(value, str) else None


def as_text(value: Scalar) -> str:
    """A number as a document writes it: decimal without exponent where it can be.

    >>> from decimal import Decimal
    >>> as_text(Decimal("1E+2")), as_text(0.5)
    ('100', '0.5')
    """
    return repr(value) if isinstance(value, float) else format(value, "f") if not isinstance(value, str) else value
