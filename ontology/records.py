"""The record types: what readers yield and the record log keeps.

Every fact is one record, and every record becomes one star of triples with exactly one source. Readers build these
frozen dataclasses and never write triples; `ontology.fields` says which field becomes which predicate.

Two families:

- *identity* records (`Subject`, `Study`, `Series`, `Instance`, `Lesion`, `Region`, `Reader`, `Procedure`) carry only
  what identifies a node. Any number of sources may name the same node.
- *fact* records carry what a source asserts. They have a ``key`` that is unique within their source (a cell, a UID, a
  path in the document), by which the fact is found again in the source.

Nodes are referred to by their key (subjects, lesions, regions, readers, procedures) or UID (studies, series,
instances); the collection is that of the source. A source that refers to a node also yields its identity record (in
any order); the subject's own identity record is added by the run.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum
from typing import ClassVar

from ontology.prefixes import Curie

Scalar = Decimal | int | float | bool | str
"""A literal value. Write `Decimal` for numbers of a document, `float` only for values beyond decimal's range."""


class DataClass(StrEnum):
    """The three classes of data that a collection's owner assigns to audiences."""

    IMAGES = "images"
    METADATA = "metadata"
    CLINICAL = "clinical"


@dataclass(frozen=True, slots=True)
class When:
    """A time as its source states it: a calendar date or a day count, exact or with bounds.

    ``first`` and ``last`` are both dates or both day numbers on ``clock``; they are equal when the day is known.
    Dates never reach the record log: the run turns them into days from a per-subject origin.

    >>> When.partial("2014-02").last
    datetime.date(2014, 2, 28)
    """

    first: dt.date | int
    last: dt.date | int
    clock: str | None = None
    """The clock's name within the collection; the run's own where None. ``from-EVENT`` counts days from that event."""

    @classmethod
    def on(cls, date: dt.date, clock: str | None = None) -> When:
        """A known calendar date."""
        return cls(date, date, clock)

    @classmethod
    def day(cls, day: int, clock: str) -> When:
        """A known day number on a named clock, such as ``from-diagnosis``."""
        return cls(day, day, clock)

    def before(self, other: When) -> bool:
        """Whether all of it is surely before another time; times on two clocks are not compared.

        >>> When.day(3, "from-diagnosis").before(When.day(4, "from-diagnosis"))
        True
        """
        last, first = self.last, other.first
        if self.clock != other.clock:
            return False
        if isinstance(last, int) and isinstance(first, int):
            return last < first
        return isinstance(last, dt.date) and isinstance(first, dt.date) and last < first

    @classmethod
    def partial(cls, text: str, clock: str | None = None) -> When:
        """An ISO date that may lack its day or month: ``2014-02-03``, ``2014-02``, ``2014``; ValueError otherwise."""
        parts = [int(part) for part in text.split("-")]
        if len(parts) == 3:
            return cls.on(dt.date(*parts), clock)
        year, month = (parts[0], parts[1]) if len(parts) == 2 else (parts[0], None)
        first = dt.date(year, month or 1, 1)
        after = dt.date(year + 1, 1, 1) if month in (None, 12) else dt.date(year, month + 1, 1)
        return cls(first, after - dt.timedelta(days=1), clock)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extent:
    """What an export holds of a project, by which a later export is seen to state the same again."""

    fields: frozenset[str]
    """The fields of the project's dictionary, whether or not the export has them."""
    columns: frozenset[str]
    """The columns of the export that are of those fields."""
    rows: frozenset[bytes]
    """A keyed hash of what tells a row from others, of each row that says something."""
    wanted: frozenset[str] = frozenset()
    """The columns of the project that its map reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceRecord:
    """The head of a source: a reader yields it before the records that come from that source.

    ``digest`` is the SHA-256 (hex) of the content; ``recipe`` names what else decides the records (mapping and its
    version); ``name`` is shown, so it has no path; ``locator`` is private to the ledger.
    """

    kind: str
    name: str
    digest: str
    locator: str
    data_class: DataClass
    recipe: str = ""
    collection: str | None = None
    """Only where the locator itself names the collection (``idc://``); the run's collection otherwise."""
    namespace: str = ""
    """Which ids the subjects are called by; empty for the collection's own, in which images have their PatientIDs."""
    extent: Extent | None = None
    """Only of an export of a project, of which there may be others."""
    public: bool = False
    """Whether the place that it is from shows it to everybody: a new collection does so with this class of data."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What every record shares."""

    identity: ClassVar[bool] = False


@dataclass(frozen=True, slots=True, kw_only=True)
class CollectionFacts(Record):
    """What a source says of its collection as a whole."""

    title: str | None = None
    description: str | None = None
    license: str | None = None
    doi: str | None = None
    cancer_type: str | None = None
    synthetic: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject(Record):
    """A person or animal under study, or a phantom, as named within the collection."""

    identity: ClassVar[bool] = True
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Study(Record):
    """A DICOM study by its StudyInstanceUID."""

    identity: ClassVar[bool] = True
    uid: str
    subject: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Series(Record):
    """A DICOM series by its SeriesInstanceUID."""

    identity: ClassVar[bool] = True
    uid: str
    subject: str
    study: str | None
    """None only where the study's UID is already another subject's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance(Record):
    """A DICOM object by its SOPInstanceUID; only where something refers to it."""

    identity: ClassVar[bool] = True
    uid: str
    subject: str
    series: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesion(Record):
    """A lesion followed over time; ``key`` is unique within the subject and decides ``label``."""

    identity: ClassVar[bool] = True
    subject: str
    key: str
    label: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Region(Record):
    """A region marked on images: a segment, a radiotherapy contour, an annotation's markup.

    ``key`` is unique within the subject and made of UIDs (`ingest.observed.regions`), so that two documents which name
    one region agree.
    """

    identity: ClassVar[bool] = True
    subject: str
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader(Record):
    """Who observed: a pseudonym unique within the collection, never a name."""

    identity: ClassVar[bool] = True
    key: str
    role: Curie | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Procedure(Record):
    """How something was measured: software, version and settings; ``key`` is unique within the collection."""

    identity: ClassVar[bool] = True
    key: str
    software: str | None = None
    version: str | None = None
    automation: Curie | None = None
    settings: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyHeader(Record):
    """What a source says of a study."""

    uid: str
    subject: str
    when: When | None = None
    year: int | None = None
    """The calendar year of the study, where its date is known; the gate fills it in."""
    description: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesHeader(Record):
    """What a source says of a series: concepts derived by stated rules, and DICOM attributes by keyword.

    ``attributes`` holds only keywords of ``ontology/dicom_attributes.tsv``: values that are constant over the series,
    or a tuple where the attribute has several.
    """

    uid: str
    subject: str
    modality: Curie | None = None
    when: When | None = None
    instance_count: int | None = None
    body_part: Curie | None = None
    body_part_code: str | None = None
    tracer: Curie | None = None
    tracer_code: str | None = None
    radionuclide: Curie | None = None
    radionuclide_code: str | None = None
    contrast: Curie | None = None
    contrast_code: str | None = None
    title_code: str | None = None
    """What a report or a selection of key objects is: the triplet of its title."""
    view_code: str | None = None
    """From where a breast or body part was projected, with modifiers."""
    stain: Curie | None = None
    """The staining of the specimen on a slide."""
    stain_code: str | None = None
    uptake_minutes: Decimal | None = None
    acquisition: Curie | None = None
    acquisition_rule: str | None = None
    """The stated rule that the kind of the acquisition follows from."""
    field_strength: Decimal | None = None
    """In T, also where the header has it in gauss."""
    slice_spacing: Decimal | None = None
    temporal_positions: int | None = None
    time_step: Decimal | None = None
    """The median time between two acquisitions of a slice with the same settings, in s."""
    scan_seconds: Decimal | None = None
    """From the first to the last acquisition of the series, in s."""
    viewer: str | None = None
    license: str | None = None
    source_doi: str | None = None
    attributes: Mapping[str, Scalar | tuple[Scalar, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Derivation(Record):
    """What a series was made from or on: another series, or an image whose series is not known.

    It is part of the identity of what was made, which any number of sources may state.
    """

    identity: ClassVar[bool] = True
    uid: str
    """Of the series that was made."""
    subject: str
    origin: str
    """The UID of the series or image that it was made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesImages(Record):
    """The images of a series that a source holds: by them a series is found where only an image is named.

    No triple is made of it: an image is a node where something refers to it.
    """

    uid: str
    subject: str
    images: str
    """The UIDs of the images, joined by a backslash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageSources(Record):
    """The images that a series was made from where its header names no series.

    Which series they are of is found when triples are made, by the `SeriesImages` of all sources.
    """

    uid: str
    """Of the series that was made."""
    subject: str
    images: str
    """The UIDs of the images, joined by a backslash."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LesionFacts(Record):
    """How a source identified a lesion: by which rule, and by which of its names."""

    key: str
    subject: str
    lesion: str
    rule: Curie
    """One of the individuals of `q:IdentityRule`."""
    tracking_uid: str | None = None
    label: str | None = None
    """The form of the lesion's name, such as ``T01``."""
    site: Curie | None = None
    reader: str | None = None
    """The reader within whose documents the name identifies the lesion."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionFacts(Record):
    """What a source says of a region, its geometry in summary: coordinates stay in the document.

    The box is that of all points: in mm in the patient's coordinates (PS3.3 section C.7.6.2.1.1, ``box_unit`` ``mm``),
    or in pixels of ``instance`` (columns are x, rows y, frames z; ``{pixel}``). ``area`` is in mm2 and ``volume`` in
    mm3, as they follow from the geometry; those that a source states are measurements.
    """

    key: str
    subject: str
    region: str
    document: str | None = None
    """The UID of the document that holds the region: an annotation, a segmentation or structure set."""
    number: int | None = None
    """Its number in the document (SegmentNumber, ROINumber)."""
    lesion: str | None = None
    study: str | None = None
    series: str | None = None
    """The series on whose images it is marked."""
    instance: str | None = None
    """The image on which it is marked, where it is one."""
    instance_count: int | None = None
    """How many images it is marked on or refers to."""
    reader: str | None = None
    procedure: str | None = None
    """The algorithm that made it, with its `q:automation`."""
    when: When | None = None
    shape: Curie | None = None
    category: Curie | None = None
    category_code: str | None = None
    kind: Curie | None = None
    """What it is of: the segmented property type, the type of an ROI."""
    kind_code: str | None = None
    site: Curie | None = None
    site_code: str | None = None
    laterality: Curie | None = None
    site_modifier: Curie | None = None
    label: str | None = None
    tracking_uid: str | None = None
    contours: int | None = None
    slices: int | None = None
    points: int | None = None
    frame_of_reference: str | None = None
    x_low: Decimal | None = None
    x_high: Decimal | None = None
    y_low: Decimal | None = None
    y_high: Decimal | None = None
    z_low: Decimal | None = None
    z_high: Decimal | None = None
    box_unit: str | None = None
    area: Decimal | None = None
    volume: Decimal | None = None
    method: Curie | None = None
    """How the volume, else the area, follows from the geometry."""
    primary: bool = True
    """True for exactly one description of a region; set when a generation is built."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation(Record):
    """What every observation may say (`q:Observation`, aligned to `sosa:Observation`).

    A number is in the canonical unit of its variable (``ontology/variables.tsv``); ``raw`` is the value as written,
    with its unit; ``raw_code`` the code triplet as found, ``"G-A185|SRT|Long Axis"``.
    """

    key: str
    subject: str
    variable: Curie
    element: Curie | None = None
    lesion: str | None = None
    region: str | None = None
    study: str | None = None
    series: str | None = None
    instance: str | None = None
    reader: str | None = None
    read_session: str | None = None
    """Which of the reader's readings: a short label, such as ``1``."""
    assessment: str | None = None
    """Which assessment of the subject it belongs to, as its source calls it: a response and what it was judged from."""
    procedure: str | None = None
    value: Scalar | None = None
    value_concept: Curie | None = None
    unit: str | None = None
    raw: str | None = None
    raw_code: str | None = None
    when: When | None = None
    visit: int | None = None
    visit_label: str | None = None
    baseline: bool | None = None
    minute: Decimal | None = None
    statistic: Curie | None = None
    method: Curie | None = None
    site: Curie | None = None
    laterality: Curie | None = None
    site_modifier: Curie | None = None
    certainty: Decimal | None = None
    low: Decimal | None = None
    high: Decimal | None = None
    absent_reason: Curie | None = None
    part_of: str | None = None
    """The key of another observation of the same source."""
    replicate: int | None = None
    accepted_reading: bool | None = None
    derived: bool = False
    document: str | None = None
    """The UID of the annotation or report that states it, which its copies in other formats share."""
    states: str | None = None
    """The UID of the record that it restates (`ontology.record_uids`), of which its document was written.

    No triple says it: it tells, when a generation is built, whose duplicate this is.
    """
    primary: bool = True
    """True for exactly one of a group of duplicates; set when a generation is built."""
    duplicate_of: str | None = None
    """The primary record of the group, where this one is another; set when a generation is built."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement(Observation):
    """A number with a unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding(Observation):
    """A concept or an approved text: a stage, a histology, a smoking status, a lesion's role."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response(Observation):
    """A response category by named criteria."""

    criteria: Curie | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Observation):
    """Time to an endpoint: ``variable`` is the endpoint, ``value`` the days, ``event`` whether it happened."""

    event: bool | None = None
    start_event: Curie | None = None
    censor_reason: Curie | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment(Record):
    """A treatment given over an interval."""

    key: str
    subject: str
    agent: Curie | None = None
    kind: Curie | None = None
    regimen: str | None = None
    line: int | None = None
    dose: Decimal | None = None
    dose_unit: str | None = None
    fractions: int | None = None
    intent: Curie | None = None
    setting: Curie | None = None
    start: When | None = None
    end: When | None = None
    element: Curie | None = None
    raw: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Event(Record):
    """Something that happened on a day: diagnosis, surgery, death."""

    key: str
    subject: str
    kind: Curie
    when: When | None = None
    element: Curie | None = None
    raw: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reject:
    """Something that did not come in: what is wrong, where, and what would be right. Never an identifying value."""

    name: str
    place: str
    problem: str
    wanted: str
    quarantine: bool = False
    """True where the content is sound but may identify a person or contradicts what is already held."""
    content: str = ""
    """The digest of the content, where a steward may let it pass this check; empty where nobody can."""
    review: bool = False
    """True where the source came in, but a steward is to look at something of it, which may be withheld until then."""
