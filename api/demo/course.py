"""How the tumours of a subject go: true sizes over time, what two readers measure, and what counts as progression."""

from __future__ import annotations

import datetime as dt
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from api.demo.disease import CancerKind, Course
from api.demo.model import Assessment, Lesion, Person, Reading, Role, Seen, Visit, chance, tenths
from api.demo.recist import Category, overall, target_response

__all__ = ["Story", "lesions_of", "size_at", "tell"]

RATES: dict[Course, tuple[tuple[float, float], tuple[float, float]]] = {
    Course.CLEARS: ((0.32, 0.42), (0.0, 0.0)),
    Course.SHRINKS: ((0.055, 0.10), (0.006, 0.017)),
    Course.HOLDS: ((0.012, 0.025), (0.007, 0.016)),
    Course.GROWS: ((0.0, 0.006), (0.028, 0.05)),
}
"""Weekly rates of shrinking and of escape, from and to (after Stein et al. 2008: both act from the first day)."""

ESCAPE = {Course.CLEARS: 0.01, Course.SHRINKS: 0.06, Course.HOLDS: 0.1, Course.GROWS: 0.4}
"""The chance of a new lesion at a visit."""

LUNG = (CancerKind.ADENO, CancerKind.SQUAMOUS)
NORMAL_NODE = 5.0
LATE_SCAN = ("QD-004", 1)
"""The subject and visit whose PET scan began too late after injection, for the pages to point out."""

BLUR = {Seen.A: 0.02, Seen.B: 0.035}
NEW_SITES = {CancerKind.BREAST: ("axilla",), CancerKind.COLORECTAL: ("liver", "rll", "lul")}


@dataclass(slots=True)
class Story:
    """Imaging as it happened; grows visit by visit."""

    lesions: list[Lesion]
    visits: list[Visit] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    assessments: list[Assessment] = field(default_factory=list)
    progressed: dt.date | None = None
    sums: dict[Seen, list[Decimal]] = field(default_factory=lambda: {Seen.A: [], Seen.B: []})


def lesions_of(person: Person, course: Course, rng: random.Random) -> list[Lesion]:
    """The lesions at baseline: the primary, then what has spread; at most two targets an organ, five in all."""
    primary = rng.choice(person.about.primary)
    spread = list(person.about.spread)
    rng.shuffle(spread)
    count = rng.choice((1, 1, 2, 2, 3, 4)) if person.cancer in LUNG else rng.choice((0, 1, 1, 1, 2, 2))
    sites = [primary, *spread[:count]]
    if person.cancer is CancerKind.COLORECTAL:
        sites = [*sites, "colon"]
    lesions: list[Lesion] = []
    for site in sites:
        unmeasurable = site in ("bone", "brain", "colon")
        role = Role.OTHER if unmeasurable else Role.TARGET
        number = 1 + sum(lesion.role is role for lesion in lesions)
        label = f"{'T' if role is Role.TARGET else 'N'}{number:02d}"
        lesions.append(_lesion(label, site, role, course, rng, first=not lesions))
    return lesions


def _lesion(label: str, site: str, role: Role, course: Course, rng: random.Random, first: bool = False) -> Lesion:
    """A lesion of a plausible size that takes the subject's course in its own way."""
    kills, grows = RATES[course]
    nodal = site in ("mediastinum", "axilla")
    low, high = (16, 27) if nodal else ((26, 78) if first else (14, 42))
    return Lesion(
        label=label,
        site=site,
        role=role,
        size=rng.uniform(low, high),
        kill=rng.uniform(*kills),
        grow=rng.uniform(*grows),
        shape=rng.uniform(0.58, 0.85),
        uptake=rng.uniform(5.5, 17.5),
    )


def size_at(lesion: Lesion, days: int) -> float:
    """The true size in mm so many days after treatment began (or after the lesion appeared); 0 once it is gone."""
    weeks = max(days - lesion.appears, 0) / 7
    factor = math.exp(-lesion.kill * weeks) + math.exp(lesion.grow * weeks) - 1
    if lesion.organ.nodal:
        return NORMAL_NODE + (lesion.size - NORMAL_NODE) * factor
    size = lesion.size * factor
    return size if size >= 3 else 0.0


def tell(person: Person, course: Course, started: dt.date, seed: int) -> Story:
    """Everything that imaging saw of a subject whose treatment started on that day."""
    rng = chance(seed, person.name, "imaging")
    story = Story(lesions_of(person, course, rng))
    pet = person.cancer in LUNG and (rng.random() < 0.75 or person.name == LATE_SCAN[0])
    planned = len(person.about.visits) if rng.random() < 0.7 else len(person.about.visits) - 1
    for number in range(planned + 1):
        day = -rng.randint(4, 14) if number == 0 else person.about.visits[number - 1] + rng.randint(-4, 4)
        if 2 <= number < planned and rng.random() < 0.05:
            continue  # a missed visit
        if number and not any(lesion.role is Role.NEW for lesion in story.lesions):
            story.lesions.extend(_appeared(person, course, day, rng))
        uptake = rng.randint(55, 75) if pet and number <= 1 else None
        if uptake and (person.name, number) == LATE_SCAN:
            uptake = 98
        visit = Visit(number, started + dt.timedelta(days=day), person.about.modality, uptake)
        story.visits.append(visit)
        _read(story, person, visit, day, chance(seed, person.name, "readers", number))
        if story.progressed and len(story.visits) >= 3 and visit.date > story.progressed:
            break
        if story.progressed and len(story.visits) >= 3 and rng.random() < 0.5:
            break
    return story


def _appeared(person: Person, course: Course, day: int, rng: random.Random) -> Iterator[Lesion]:
    """Perhaps a new lesion, first seen on that day."""
    share = 0.3 if person.cancer is CancerKind.BREAST else 1.0
    if rng.random() >= ESCAPE[course] * share:
        return
    site = rng.choice(NEW_SITES.get(person.cancer, ("liver", "brain", "lll", "adrenal")))
    rates = RATES[Course.GROWS]
    yield Lesion("NL01", site, Role.NEW, rng.uniform(11, 22), 0, rng.uniform(*rates[1]), 0.8, rng.uniform(5, 12), day)


def _read(story: Story, person: Person, visit: Visit, day: int, rng: random.Random) -> None:
    """Both readers read a visit, and each draws the conclusion from what that reader measured."""
    for reader in Seen:
        known = {reading.lesion for reading in story.readings if reading.reader is reader}
        for lesion in story.lesions:
            late = lesion.role is Role.NEW and reader is Seen.B and lesion.label not in known and rng.random() < 0.15
            if not late:
                story.readings.append(_reading(lesion, person, visit, day, reader, rng))
        _assess(story, visit, reader)


def _reading(lesion: Lesion, person: Person, visit: Visit, day: int, reader: Seen, rng: random.Random) -> Reading:
    """One reader's measurement: a little off, 5 mm for what is too small to measure, nothing where not evaluable."""
    true = size_at(lesion, day)
    blurred = max(rng.gauss(1.0, BLUR[reader]), 0.8) * true
    evaluable = not (lesion.role is Role.TARGET and visit.number >= 1 and rng.random() < 0.012)
    if lesion.role is Role.OTHER or not evaluable:
        return Reading(visit.number, lesion.label, reader, None, None, present=true > 0, evaluable=evaluable)
    size = tenths(blurred if true == 0 else max(blurred, 5.0))
    if lesion.organ.nodal:
        long_axis, short_axis = tenths(float(size) / lesion.shape), size
    else:
        long_axis, short_axis = size, None
    measured = Reading(visit.number, lesion.label, reader, long_axis, short_axis, present=size > 0)
    return _with_function(measured, lesion, person, visit, true, rng)


def _with_function(
    reading: Reading, lesion: Lesion, person: Person, visit: Visit, true: float, rng: random.Random
) -> Reading:
    """The same reading with what PET or contrast-enhanced MRI adds to it."""
    ratio = true / lesion.size
    suv = volume = ktrans = None
    if visit.uptake and lesion.role is Role.TARGET:
        level = lesion.uptake * ratio**1.8 * rng.gauss(1, 0.04)
        suv = max(tenths(level), Decimal("1.2"))
    if person.cancer is CancerKind.BREAST and reading.reader is Seen.A and lesion.role is Role.TARGET:
        volume = tenths(math.pi / 6 * (true / 10) ** 3 * lesion.shape)
        level = lesion.uptake / 40 * (0.35 + 0.65 * ratio) * rng.gauss(1, 0.05)
        ktrans = Decimal(str(level)).quantize(Decimal("0.001")) if true else None
    return Reading(
        reading.visit,
        reading.lesion,
        reading.reader,
        reading.long_axis,
        reading.short_axis,
        suv_max=suv,
        volume=volume,
        ktrans=ktrans,
        present=reading.present,
    )


def _assess(story: Story, visit: Visit, reader: Seen) -> None:
    """The response at a visit by one reader; the investigator's first progression is the subject's."""
    here = [item for item in story.readings if item.visit == visit.number and item.reader is reader]
    by_label = {lesion.label: lesion for lesion in story.lesions}
    roles = [(item, by_label[item.lesion]) for item in here]
    targets = [
        (item.short_axis if lesion.organ.nodal else item.long_axis, lesion.organ.nodal)
        for item, lesion in roles
        if lesion.role is Role.TARGET
    ]
    total = sum((size for size, _ in targets if size is not None), Decimal(0))
    complete = all(size is not None for size, _ in targets)
    sums = story.sums[reader]
    if visit.number == 0:
        sums.append(total)
        return
    others = [item.present for item, lesion in roles if lesion.role is Role.OTHER]
    category = overall(
        target_response(targets, sums[0], min(sums)),
        any(others) if others else None,
        any(lesion.role is Role.NEW for _, lesion in roles),
    )
    story.assessments.append(Assessment(visit.number, reader, category, total))
    if complete:
        sums.append(total)
    if category is Category.PD and reader is Seen.A and story.progressed is None:
        story.progressed = visit.date
