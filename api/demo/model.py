"""What the demonstration cohort knows of its subjects: the truth that the files are written from."""

from __future__ import annotations

import datetime as dt
import random
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from api.demo.disease import CANCERS, ORGANS, Cancer, CancerKind, Organ
from api.demo.recist import Category

__all__ = [
    "Assessment",
    "Given",
    "Lab",
    "Lesion",
    "Patient",
    "Person",
    "Reading",
    "Role",
    "Seen",
    "Visit",
    "chance",
    "tenths",
]


class Role(StrEnum):
    """What a lesion is to RECIST."""

    TARGET = "target"
    OTHER = "non-target"
    NEW = "new"


class Seen(StrEnum):
    """Who reads the images, both made up."""

    A = "Reader A"
    B = "Reader B"


@dataclass(frozen=True, slots=True)
class Person:
    """A subject at enrolment. ``biomarkers`` are as the REDCap project writes them; no date of birth exists."""

    name: str
    cancer: CancerKind
    sex: str
    age: int
    race: str
    hispanic: bool
    smoking: str
    pack_years: int
    ecog: int
    registered: dt.date
    diagnosed: dt.date
    biomarkers: dict[str, str]
    height: float
    weight: float

    @property
    def about(self) -> Cancer:
        """The cancer that the subject has."""
        return CANCERS[self.cancer]


@dataclass(frozen=True, slots=True)
class Lesion:
    """A lesion followed over time; ``size`` in mm at baseline (or when it appears): short axis where nodal.

    ``kill`` and ``grow`` are the weekly rates at which treatment shrinks it and the tumour escapes.
    """

    label: str
    site: str
    role: Role
    size: float
    kill: float
    grow: float
    shape: float
    uptake: float
    appears: int = 0

    @property
    def organ(self) -> Organ:
        """Where it lies."""
        return ORGANS[self.site]


@dataclass(frozen=True, slots=True)
class Visit:
    """An imaging time point: ``number`` counts planned visits, so that a missed one leaves a gap.

    ``uptake`` is minutes from injection to the PET scan, None where there was no PET.
    """

    number: int
    date: dt.date
    modality: str
    uptake: int | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """What one reader wrote of one lesion at one visit; sizes in mm, volume in cm3, transfer constant per minute.

    ``evaluable`` is false where the images did not show the lesion well enough; then nothing was measured.
    """

    visit: int
    lesion: str
    reader: Seen
    long_axis: Decimal | None
    short_axis: Decimal | None
    suv_max: Decimal | None = None
    volume: Decimal | None = None
    ktrans: Decimal | None = None
    present: bool = True
    evaluable: bool = True


@dataclass(frozen=True, slots=True)
class Assessment:
    """The response that one reader's measurements give at one visit after baseline; ``total`` in mm."""

    visit: int
    reader: Seen
    category: Category
    total: Decimal


@dataclass(frozen=True, slots=True)
class Given:
    """A treatment given from a day to a day; ``stop`` is None while it goes on."""

    drug: str
    line: int
    setting: str
    regimen: str
    start: dt.date
    stop: dt.date | None


@dataclass(frozen=True, slots=True)
class Lab:
    """A laboratory value as charted."""

    date: dt.date
    test: str
    value: str
    unit: str


@dataclass(frozen=True, slots=True)
class Patient:
    """A subject with everything that happened."""

    person: Person
    stage: str
    tnm: tuple[str, str, str]
    side: str
    lesions: tuple[Lesion, ...]
    visits: tuple[Visit, ...]
    readings: tuple[Reading, ...]
    assessments: tuple[Assessment, ...]
    treatments: tuple[Given, ...]
    labs: tuple[Lab, ...]
    surgery: dt.date | None
    cleared: bool | None
    progressed: dt.date | None
    last_contact: dt.date
    died: bool

    @property
    def name(self) -> str:
        """The subject's identifier."""
        return self.person.name

    @property
    def survival(self) -> int:
        """Days from registration to death or last contact."""
        return (self.last_contact - self.person.registered).days

    @property
    def progression_free(self) -> int:
        """Days from registration to progression, death or last contact, whichever comes first."""
        return ((self.progressed or self.last_contact) - self.person.registered).days

    @property
    def best(self) -> Category:
        """The best response that the investigator saw up to progression, without asking for confirmation."""
        order = list(Category)
        seen = [item.category for item in self.assessments if item.reader is Seen.A]
        until = seen.index(Category.PD) + 1 if Category.PD in seen else len(seen)
        return min(seen[:until], key=order.index, default=Category.NE)

    def lesion(self, label: str) -> Lesion:
        """The lesion of that label; KeyError where there is none."""
        return {lesion.label: lesion for lesion in self.lesions}[label]

    def visit(self, number: int) -> Visit:
        """The visit of that number; KeyError where it was missed."""
        return {visit.number: visit for visit in self.visits}[number]


def chance(*parts: object) -> random.Random:
    """A stream of chance of its own for every use, so that one more draw here does not move another's."""
    return random.Random("/".join(map(str, parts)))  # noqa: S311 - a reproducible cohort, no secret


def tenths(number: float) -> Decimal:
    """A number as charts write it, to one decimal place."""
    return Decimal(str(number)).quantize(Decimal("0.1"))
