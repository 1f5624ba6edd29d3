"""What was given to a subject and what the laboratory found: chosen by tumour and markers, following the course."""

from __future__ import annotations

import datetime as dt
import random

from api.demo.course import Story, size_at
from api.demo.disease import CancerKind, Regimen
from api.demo.model import Given, Lab, Person, Role

__all__ = ["first_line", "labs_of", "second_line", "surgery_and_after", "treat"]

CHEMORADIATION = Regimen(
    "cisplatin + etoposide + RT",
    (("Cisplatin", 0, 36), ("Etoposide", 0, 40), ("Thoracic radiotherapy", 1, 42), ("Durvalumab", 63, None)),
)
BY_MARKER: dict[str, tuple[Regimen, Regimen]] = {
    "egfr": (
        Regimen("erlotinib", (("Erlotinib", 0, None),)),
        Regimen("osimertinib", (("Osimertinib", 0, None),)),
    ),
    "alk": (
        Regimen("alectinib", (("Alectinib", 0, None),)),
        Regimen("carboplatin + pemetrexed", (("Carboplatin", 0, 63), ("Pemetrexed", 0, None))),
    ),
}
PEMBROLIZUMAB = Regimen("pembrolizumab", (("Pembrolizumab", 0, None),))
DOCETAXEL = Regimen("docetaxel", (("Docetaxel", 0, None),))
NIVOLUMAB = Regimen("nivolumab", (("Nivolumab", 0, None),))
PLATINUM = {
    CancerKind.ADENO: Regimen(
        "carboplatin + pemetrexed + pembrolizumab",
        (("Carboplatin", 0, 63), ("Pemetrexed", 0, None), ("Pembrolizumab", 0, None)),
    ),
    CancerKind.SQUAMOUS: Regimen("carboplatin + paclitaxel", (("Carboplatin", 0, 84), ("Paclitaxel", 0, 84))),
}
AC_THEN_PACLITAXEL = (
    ("Doxorubicin", 0, 56),
    ("Cyclophosphamide", 0, 56),
    ("Paclitaxel", 63, 140),
)
FOLFOX = (("Oxaliplatin", 0, 154), ("Leucovorin", 0, None), ("Fluorouracil", 0, None))
FOLFIRI = Regimen("FOLFIRI", (("Irinotecan", 0, None), ("Leucovorin", 0, None), ("Fluorouracil", 0, None)))


def first_line(person: Person, stage: str) -> tuple[Regimen, str]:
    """The first regimen and its setting."""
    marks = person.biomarkers
    if person.cancer is CancerKind.BREAST:
        if marks["her2"] == "positive":
            her2 = (("Trastuzumab", 63, 140), ("Pertuzumab", 63, 140))
            return Regimen("AC-T + trastuzumab + pertuzumab", AC_THEN_PACLITAXEL + her2), "Neoadjuvant"
        return Regimen("AC-T", AC_THEN_PACLITAXEL), "Neoadjuvant"
    if person.cancer is CancerKind.COLORECTAL:
        antibody = "Bevacizumab" if marks["kras"] == "positive" else "Cetuximab"
        return Regimen(f"FOLFOX + {antibody.lower()}", (*FOLFOX, (antibody, 0, None))), "Metastatic"
    if not stage.startswith("IV"):
        return CHEMORADIATION, "Locally advanced"
    for marker, (first, _) in BY_MARKER.items():
        if marks[marker] == "positive":
            return first, "Metastatic"
    high = marks["pdl1"].isdigit() and int(marks["pdl1"]) >= 50
    return (PEMBROLIZUMAB if high else PLATINUM[person.cancer]), "Metastatic"


def second_line(person: Person, first: Regimen) -> Regimen | None:
    """What is given after progression, or None."""
    if person.cancer is CancerKind.BREAST:
        return None
    if person.cancer is CancerKind.COLORECTAL:
        return FOLFIRI
    for before, after in BY_MARKER.values():
        if first is before:
            return after
    if first is PEMBROLIZUMAB:
        return PLATINUM[person.cancer]
    return NIVOLUMAB if first is PLATINUM[CancerKind.SQUAMOUS] else DOCETAXEL


def treat(
    regimen: Regimen, line: int, setting: str, started: dt.date, ended: dt.date | None, known_until: dt.date
) -> list[Given]:
    """The parts of a regimen from its first day; what goes on until progression stops at ``ended`` or goes on."""
    given = []
    for drug, first, last in regimen.parts:
        start = started + dt.timedelta(days=first)
        planned = None if last is None else started + dt.timedelta(days=last)
        stops = [day for day in (planned, ended) if day is not None]
        stop = min(stops, default=None)
        if start > known_until or (stop is not None and start >= stop):
            continue
        if stop is not None and stop > known_until:
            stop = None
        given.append(Given(drug, line, setting, regimen.name, start, stop))
    return given


def surgery_and_after(
    person: Person, started: dt.date, ended: dt.date | None, until: dt.date, rng: random.Random
) -> tuple[dt.date | None, list[Given]]:
    """Breast surgery after neoadjuvant treatment, and what follows it until ``ended``, the day of death."""
    if person.cancer is not CancerKind.BREAST:
        return None, []
    day = started + dt.timedelta(days=rng.randint(168, 189))
    if day >= until:
        return None, []
    after: list[Given] = []
    begin = day + dt.timedelta(days=35)
    if person.biomarkers["her2"] == "positive":
        regimen = Regimen("trastuzumab", (("Trastuzumab", 0, 250),))
        after += treat(regimen, 1, "Adjuvant", begin, ended, until)
    if person.biomarkers["er"] == "positive":
        after += treat(Regimen("tamoxifen", (("Tamoxifen", 0, None),)), 1, "Adjuvant", begin, ended, until)
    return day, after


def burden(story: Story, days: int) -> float:
    """The sum of true sizes in mm so many days after treatment began."""
    return sum(
        size_at(lesion, days)
        for lesion in story.lesions
        if lesion.role is Role.TARGET or (lesion.role is Role.NEW and lesion.appears <= days)
    )


def labs_of(person: Person, story: Story, started: dt.date, rng: random.Random) -> list[Lab]:
    """Blood values at each visit, with the untidiness of a chart: units, names and missing values vary."""
    labs: list[Lab] = []
    start = max(burden(story, 0), 1.0)
    secretes = person.cancer is CancerKind.COLORECTAL or (person.cancer is CancerKind.ADENO and rng.random() < 0.7)
    cea = rng.uniform(9, 140) if secretes else rng.uniform(0.35, 3.5)
    ldh = rng.uniform(150, 190) + 1.1 * start * rng.uniform(0.4, 1.2)
    haemoglobin = rng.uniform(11.9, 14.6)
    grams_per_litre = rng.random() < 0.25
    for visit in story.visits:
        days = (visit.date - started).days
        load = burden(story, days) / start
        drawn = visit.date - dt.timedelta(days=rng.randint(0, 3))
        if person.cancer is not CancerKind.BREAST:
            level = 1.1 + cea * load**1.4 * rng.gauss(1, 0.09) if secretes else cea * rng.gauss(1, 0.12)
            labs.append(Lab(drawn, "CEA", "<1.0" if level < 1 else f"{level:.1f}", rng.choice(("ng/mL", "ug/L"))))
        enzyme = 150 + (ldh - 150) * (0.3 + 0.7 * load) * rng.gauss(1, 0.06)
        labs.append(Lab(drawn, rng.choice(("LDH", "LDH", "ldh")), f"{enzyme:.0f}", "U/L"))
        level = haemoglobin - (1.6 if 0 < days < 150 else 0.6 if days > 0 else 0) + rng.gauss(0, 0.35)
        if rng.random() < 0.03:
            labs.append(Lab(drawn, "Hemoglobin", "NA", "g/dL"))
        elif grams_per_litre:
            labs.append(Lab(drawn, "Haemoglobin", f"{level * 10:.0f}", "g/L"))
        else:
            labs.append(Lab(drawn, "Hemoglobin", f"{level:.1f}", "g/dL"))
    return labs
