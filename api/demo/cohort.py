"""The demonstration cohort: some forty made-up subjects with cancer, from a fixed seed. Nobody of them exists.

>>> patients = make(seed=1, subjects=3)
>>> [patient.name for patient in patients]
['QD-001', 'QD-002', 'QD-003']
"""

from __future__ import annotations

import datetime as dt
import math
import random

from api.demo.care import first_line, labs_of, second_line, surgery_and_after, treat
from api.demo.course import Story, tell
from api.demo.disease import CYCLE, CancerKind, Course
from api.demo.model import Given, Lesion, Patient, Person, Role, Seen, chance
from api.demo.recist import Category

__all__ = ["LAST_DAY", "SEED", "make"]

SEED = 20120401
FIRST_DAY = dt.date(2018, 3, 5)
LAST_DAY = dt.date(2022, 12, 30)
"""When the data were locked: nothing is known of anybody after it."""

RACES = ("White", "White", "White", "White", "Asian", "Asian", "Black or African American", "Unknown")


def make(seed: int = SEED, subjects: int = 40) -> tuple[Patient, ...]:
    """The cohort: the same for the same seed, and a subject does not change when more are enrolled."""
    return tuple(_patient(index, seed) for index in range(subjects))


def _patient(index: int, seed: int) -> Patient:
    """One subject from enrolment to death or last contact."""
    person = _person(index, seed)
    rng = chance(seed, person.name, "course")
    started = person.registered + dt.timedelta(days=rng.randint(2, 9))
    courses, weights = zip(*person.about.courses, strict=True)
    course: Course = rng.choices(courses, weights)[0]
    story = tell(person, course, started, seed)
    last_contact, died = _end(person, story, rng)
    stage, tnm = _stage(person, story.lesions)
    treatments, surgery = _treated(person, stage, story, started, last_contact, died, rng)
    return Patient(
        person=person,
        stage=stage,
        tnm=tnm,
        side=_side(person, story.lesions, rng),
        lesions=tuple(story.lesions),
        visits=tuple(story.visits),
        readings=tuple(story.readings),
        assessments=tuple(story.assessments),
        treatments=tuple(treatments),
        labs=tuple(labs_of(person, story, started, rng)),
        surgery=surgery,
        cleared=_cleared(story, rng) if surgery else None,
        progressed=story.progressed,
        last_contact=last_contact,
        died=died,
    )


def _person(index: int, seed: int) -> Person:
    """Who is enrolled next."""
    name = f"QD-{index + 1:03d}"
    rng = chance(seed, name, "person")
    cancer = CYCLE[index % len(CYCLE)]
    breast = cancer is CancerKind.BREAST
    sex = "Female" if breast or rng.random() < 0.45 else "Male"
    registered = FIRST_DAY + dt.timedelta(days=index * 21 + rng.randint(0, 18))
    centre = 51 if breast else 66 if cancer is not CancerKind.COLORECTAL else 62
    age = min(max(round(rng.gauss(centre, 9)), 33), 86)
    smoking, pack_years = _smoking(cancer, age, rng)
    male = sex == "Male"
    return Person(
        name=name,
        cancer=cancer,
        sex=sex,
        age=age,
        race=rng.choice(RACES),
        hispanic=rng.random() < 0.12,
        smoking=smoking,
        pack_years=pack_years,
        ecog=rng.choice((0, 0, 1, 1, 1, 2) if not breast else (0, 0, 0, 1)),
        registered=registered,
        diagnosed=registered - dt.timedelta(days=rng.randint(11, 60)),
        biomarkers=_biomarkers(cancer, smoking, rng),
        height=round(rng.gauss(1.76 if male else 1.63, 0.06), 2),
        weight=round(max(rng.gauss(81 if male else 69, 11), 46), 1),
    )


def _smoking(cancer: CancerKind, age: int, rng: random.Random) -> tuple[str, int]:
    """Smoking status and pack years: heavier where the tumour is of the lung."""
    lung = {CancerKind.ADENO: (4, 7, 3), CancerKind.SQUAMOUS: (0, 6, 6)}
    status = rng.choices(("Never", "Former", "Current"), lung.get(cancer, (11, 6, 2)))[0]
    if status == "Never":
        return status, 0
    return status, min(rng.randint(12, 58), (age - 18) * 2)


def _biomarkers(cancer: CancerKind, smoking: str, rng: random.Random) -> dict[str, str]:
    """Markers that are tested in that cancer: ``positive``, ``negative``, a percentage, or empty where not tested."""
    if cancer is CancerKind.BREAST:
        er = rng.random() < 0.62
        her2 = rng.random() < 0.3
        ki67 = rng.randint(8, 35) if er else rng.randint(30, 85)
        pr = er and rng.random() < 0.8
        return {"er": _sign(er), "pr": _sign(pr), "her2": _sign(her2), "ki67": str(ki67)}
    if cancer is CancerKind.COLORECTAL:
        return {"kras": _sign(rng.random() < 0.42)}
    tps = str(rng.choice((0, 0, 1, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90)))
    if rng.random() < 0.08:
        tps = "NA"
    elif tps == "0":
        tps = "<1"
    if cancer is CancerKind.SQUAMOUS:
        return {"egfr": "negative", "kras": "", "alk": "negative", "pdl1": tps}
    drivers = (("egfr", 0.55 if smoking == "Never" else 0.12), ("alk", 0.25 if smoking == "Never" else 0.03))
    driver = next((name for name, share in drivers if rng.random() < share), None)
    if driver is None and rng.random() < 0.38:
        driver = "kras"
    return {name: _sign(name == driver) for name in ("egfr", "kras", "alk")} | {"pdl1": tps}


def _sign(positive: bool) -> str:
    """A marker's result as the form has it."""
    return "positive" if positive else "negative"


def _stage(person: Person, lesions: list[Lesion]) -> tuple[str, tuple[str, str, str]]:
    """Stage group and T, N, M at baseline, by size and spread (AJCC 8th edition without its finer letters)."""
    first = [lesion for lesion in lesions if lesion.role is not Role.NEW]
    size = first[0].size
    nodes = any(lesion.organ.nodal for lesion in first)
    if person.cancer is CancerKind.BREAST:
        tumour = "T3" if size > 50 else "T2"
        return {"T2": ("IIA", "IIB"), "T3": ("IIB", "IIIA")}[tumour][nodes], (tumour, "N1" if nodes else "N0", "M0")
    if person.cancer is CancerKind.COLORECTAL:
        organs = {lesion.site for lesion in first if lesion.site != "colon"}
        return ("IVB" if len(organs) > 1 else "IVA"), ("T4" if size > 60 else "T3", "N1", "M1")
    tumour = "T4" if size > 70 else "T3" if size > 50 else "T2" if size > 30 else "T1"
    far = [lesion for lesion in first[1:] if not lesion.organ.nodal]
    node = "N2" if nodes else "N0"
    if far:
        return ("IVB" if len(far) > 1 else "IVA"), (tumour, node, "M1")
    return ("IIIB" if tumour in ("T3", "T4") else "IIIA"), (tumour, node, "M0")


def _side(person: Person, lesions: list[Lesion], rng: random.Random) -> str:
    """The side of the primary tumour, or nothing where it has none."""
    if person.cancer is CancerKind.COLORECTAL:
        return ""
    if person.cancer is CancerKind.BREAST:
        return rng.choice(("Left", "Right"))
    return "Right" if lesions[0].site.startswith("r") else "Left"


def _end(person: Person, story: Story, rng: random.Random) -> tuple[dt.date, bool]:
    """The last day on which something is known, and whether the subject died on it."""
    last_visit = story.visits[-1].date
    median = person.about.hazard
    anchor = story.progressed or last_visit
    wait = -math.log(max(rng.random(), 1e-6)) * median / math.log(2) * (1 if story.progressed else 3.5)
    death = max(anchor + dt.timedelta(days=round(wait)), last_visit + dt.timedelta(days=rng.randint(12, 60)))
    leave = last_visit + dt.timedelta(days=rng.randint(60, 1500))
    if death <= min(LAST_DAY, leave):
        return death, True
    return min(leave, LAST_DAY), False


def _treated(
    person: Person, stage: str, story: Story, started: dt.date, until: dt.date, died: bool, rng: random.Random
) -> tuple[list[Given], dt.date | None]:
    """All treatments in order of their start, and the day of surgery."""
    regimen, setting = first_line(person, stage)
    death = until if died else None
    given = treat(regimen, 1, setting, started, story.progressed or death, until)
    surgery, after = surgery_and_after(person, started, death, until, rng)
    given += after
    following = second_line(person, regimen)
    if story.progressed and following and rng.random() < 0.7:
        begin = story.progressed + dt.timedelta(days=rng.randint(10, 24))
        over = begin + dt.timedelta(days=rng.randint(60, 210))
        if begin < until - dt.timedelta(days=14):
            given += treat(following, 2, "Metastatic", begin, min(over, death or over), until)
    return sorted(given, key=lambda item: (item.start, item.drug)), surgery


def _cleared(story: Story, rng: random.Random) -> bool:
    """Whether the pathologist found no tumour left: likelier, the better the last images looked."""
    last = [item.category for item in story.assessments if item.reader is Seen.A][-1]
    return rng.random() < {Category.CR: 0.8, Category.PR: 0.25}.get(last, 0.0)
