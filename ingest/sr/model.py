"""The shapes in which a structured report is held between reading and translation (DICOM PS3.3 C.17.3).

A report is a tree of content items. ``place`` is the position of an item in it as DICOM counts (PS3.3 C.17.3.2.5): the
root is ``1``, its third child ``1.3``. It is shown in messages and is the key of records.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from ingest.aim.model import Software
from ingest.observed.coded import Code

__all__ = [
    "Code",
    "Flaw",
    "Graphic",
    "Group",
    "Item",
    "Number",
    "Observer",
    "Reference",
    "Report",
    "Shape",
    "Site",
    "Software",
    "Statement",
    "TimePoint",
]


@dataclass(frozen=True, slots=True)
class Flaw:
    """A content item that stays out: where, what is wrong, what would be right; never the value."""

    place: str
    problem: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Reference:
    """A referenced SOP instance, with the segments or frames of it that are meant."""

    sop_class: str
    instance: str
    segments: tuple[int, ...] = ()
    frames: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Graphic:
    """A shape: its type, and its coordinates one after the other (pairs in pixels, or triples in mm)."""

    kind: str
    data: tuple[float, ...] = field(repr=False)
    spatial: bool
    """Whether the coordinates are in the frame of reference ``frame`` (SCOORD3D), not on an image (SCOORD)."""
    frame: str = ""


@dataclass(frozen=True, slots=True)
class Item:
    """A content item with its children.

    ``text`` is that of every value type that is written as text, people's names among them: it is looked at, and stored
    only where it is a UID or becomes a number, a date or a pseudonym.
    """

    place: str
    relationship: str
    kind: str
    name: Code | None = None
    code: Code | None = None
    text: str = field(default="", repr=False)
    number: str = ""
    unit: Code | None = None
    qualifier: Code | None = None
    references: tuple[Reference, ...] = ()
    graphic: Graphic | None = None
    observed: str = ""
    target: str = ""
    """The place of the item that stands here by reference (PS3.3 C.17.3.2.5)."""
    children: tuple[Item, ...] = ()

    def walk(self) -> Iterator[Item]:
        """The item and all below it, in the order of the document."""
        stack = [self]
        while stack:
            item = stack.pop()
            yield item
            stack.extend(reversed(item.children))


@dataclass(frozen=True, slots=True)
class Site:
    """A finding site, with what is said of its side and part (TID 1419, TID 300)."""

    place: str
    code: Code
    modifiers: tuple[Code, ...] = ()
    states: str = ""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a measurement is of: a shape on or in images, or segments of a segmentation, with the images referenced."""

    place: str
    graphic: Graphic | None
    images: tuple[Reference, ...]


@dataclass(frozen=True, slots=True)
class Number:
    """A numeric content item; one without a value has no ``number``, and a ``qualifier`` that says why."""

    place: str
    quantity: Code | None
    number: str
    unit: Code | None
    qualifier: Code | None = None
    derivations: tuple[Code, ...] = ()
    methods: tuple[Code, ...] = ()
    modifiers: tuple[Code, ...] = ()
    """Values of modifiers of other kinds: they narrow what is measured."""
    sites: tuple[Site, ...] = ()
    shapes: tuple[Shape, ...] = ()
    images: tuple[Reference, ...] = ()
    software: Software | None = None
    part_of: str | None = None
    states: str = ""
    """The UID of the record that it restates, in reports that are written here."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A coded content item: a finding, or the answer to an evaluation."""

    place: str
    name: Code | None
    value: Code
    finding: bool
    """Whether it names what was found, and is no answer to a question."""
    certainty: Number | None = None
    part_of: str | None = None
    states: str = ""


@dataclass(frozen=True, slots=True)
class TimePoint:
    """When in the course of a trial, as stated: its type, identifier or number (TID 1502)."""

    place: str
    label: str
    number: str = ""


@dataclass(frozen=True, slots=True)
class Observer:
    """A person, whose name only ever becomes a pseudonym and may have been taken out, or a device (TID 1002)."""

    name: str = field(default="", repr=False)
    role: Code | None = None
    device: Software | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """What stands together in a report: a measurement group (TID 1410, 1411, 1501), or another section."""

    place: str
    about: str = ""
    """The place of what it is about, where that can be followed: a measurement group, a finding of a detector."""
    tracking_identifier: str = field(default="", repr=False)
    tracking_uid: str = ""
    of_no_lesion: bool = False
    """Whether it says itself that what it is about is no lesion, as reports written here do."""
    session: str = ""
    time_points: tuple[TimePoint, ...] = ()
    observers: tuple[Observer, ...] = ()
    sites: tuple[Site, ...] = ()
    methods: tuple[Code, ...] = ()
    software: Software | None = None
    observed: str = ""
    source_series: str = ""
    source_document: str = ""
    """The UID of the document that stated first what the group states, where the report was made of others."""
    numbers: tuple[Number, ...] = ()
    statements: tuple[Statement, ...] = ()
    shapes: tuple[Shape, ...] = ()
    marked: str = ""
    """The place of the group that states the shapes."""
    images: tuple[Reference, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """A structured report: what it says of itself, of images, and by its groups."""

    uid: str
    subject: str
    study: str
    series: str
    title: Code | None
    date: str
    """The date of the content."""
    equipment: Software | None
    procedures: tuple[Code, ...]
    instances: Mapping[str, tuple[str, str]]
    """Study and series of the instances that are referenced (evidence sequences, image library)."""
    dates: Mapping[str, str]
    """The dates of studies."""
    groups: tuple[Group, ...]
