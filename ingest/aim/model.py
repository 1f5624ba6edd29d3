"""The one shape in which annotations of AIM 3, AIM 4 and ePAD's JSON are held between reading and translation.

Texts are as they stand in the document. ``place`` is the path of the element by name and position below the
collection elements, such as ``ImageAnnotation[1]/Calculation[2]``: it is shown in messages and is the key of records.
AIM foundation model: ISO 21090 based, versions 3.0 and 4.0 to 4.2 (caBIG / NCI, Northwestern University).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ingest.observed.coded import Code

__all__ = [
    "Annotation",
    "Calculation",
    "Cell",
    "Entity",
    "ImageReference",
    "Markup",
    "Point",
    "Quantification",
    "Segment",
    "Software",
    "User",
]


@dataclass(frozen=True, slots=True)
class Cell:
    """One value of a calculation's result."""

    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Software:
    """What made a value: name and version of a program, or model and software version of a device."""

    name: str
    version: str
    automation: str = ""
    """How much of the work it did, where the document says so."""


@dataclass(frozen=True, slots=True)
class Calculation:
    """A calculation with the values of one result; one without values has no cells."""

    place: str
    codes: tuple[Code, ...]
    unit: str
    cells: tuple[Cell, ...]
    software: Software | None = None
    packed: bool = False
    """Whether the values are compressed or encoded (AIM 4 compact result)."""
    marked: str | None = None
    """The place of the one markup or segment that it was calculated of."""
    states: str = ""
    """The UID of the record that it restates, in documents that are written here."""


@dataclass(frozen=True, slots=True)
class Quantification:
    """How much of a characteristic: a concept, a number with an operator, or an interval."""

    place: str
    code: Code | None
    value: str = ""
    operator: str = ""
    """Of a number, or of both ends of an interval where they have the same."""
    low: str = ""
    high: str = ""
    unit: str = ""
    confidence: str = ""


@dataclass(frozen=True, slots=True)
class Entity:
    """A coded statement of the annotation: anatomy, observation, characteristic or inference."""

    place: str
    codes: tuple[Code, ...]
    present: bool | None = None
    confidence: str = ""
    question: tuple[Code, ...] = ()
    """What the statement answers, where it says so (AIM 4 ``questionTypeCode``)."""
    label: str = ""
    """What a template calls the statement: of a characteristic, the question that it answers."""
    characteristics: tuple[Entity, ...] = ()
    quantifications: tuple[Quantification, ...] = ()
    states: str = ""


@dataclass(frozen=True, slots=True)
class ImageReference:
    """A referenced DICOM study with its date, the series named below it, and images, each with its series."""

    place: str
    study: str
    date: str
    series: tuple[str, ...]
    images: tuple[tuple[str, str], ...] = ()
    """SOP instance UID and series UID of each image."""


@dataclass(frozen=True, slots=True)
class Point:
    """A coordinate of a markup: in pixels of a frame of an image, or in mm where it has a z and no image."""

    coordinates: tuple[str, ...]
    image: str = ""
    frame: str = ""


@dataclass(frozen=True, slots=True)
class Markup:
    """A shape that is drawn; ``kind`` is its type as the document names it."""

    place: str
    number: int
    """Its position among the annotation's markups, from 1."""
    uid: str
    kind: str
    points: tuple[Point, ...]
    frame_of_reference: str = ""
    measured: bool = False
    """Whether a calculation says that it was made of it."""


@dataclass(frozen=True, slots=True)
class Segment:
    """A segment of a DICOM segmentation that an annotation refers to."""

    place: str
    uid: str
    instance: str
    segment: str
    series: str
    study: str


@dataclass(frozen=True, slots=True)
class User:
    """Who annotated: names, of which only a pseudonym is ever made, and the role in the trial."""

    name: str
    login: str
    role: str


@dataclass(frozen=True, slots=True)
class Annotation:
    """One image annotation with what its collection says of it."""

    place: str
    uid: str
    name: str
    date: str
    codes: tuple[Code, ...]
    tracking_uid: str
    person: str
    person_place: str
    user: User | None
    equipment: Software | None
    calculations: tuple[Calculation, ...] = field(default=())
    anatomy: tuple[Entity, ...] = field(default=())
    observations: tuple[Entity, ...] = field(default=())
    inferences: tuple[Entity, ...] = field(default=())
    images: tuple[ImageReference, ...] = field(default=())
    markups: tuple[Markup, ...] = field(default=())
    segments: tuple[Segment, ...] = field(default=())
    of_no_lesion: bool = False
    """Whether it says itself that what it is of is no lesion, as annotations written here do."""
    of_annotations: bool = False
    """Whether it is about other annotations rather than images: what it says is derived, and of no one lesion."""
