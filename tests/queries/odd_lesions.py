"""Made-up readings of lesions in which whatever may be missing, repeated or contradictory is so somewhere."""

from __future__ import annotations

import datetime as dt
import random
from decimal import Decimal
from typing import Any

from ontology.prefixes import Curie
from ontology.records import (
    Event,
    Finding,
    Lesion,
    LesionFacts,
    Measurement,
    Procedure,
    Reader,
    Record,
    Region,
    RegionFacts,
    Response,
    Study,
    StudyHeader,
    When,
)
from ontology.terms import ncit, q, radlex

__all__ = ["KEYS", "SUBJECTS", "readings"]

SUBJECTS = ("s|1", "s2", "s3")
KEYS = ("a/1", "a 2", "b", "c")
READERS = ("r1", "r2", "r3")
SITES = (ncit.LIVER, ncit.BRAIN, radlex.MEDIASTINAL_LYMPH_NODE, q.UNMAPPED)
DAY0 = dt.date(2020, 1, 10)
VALUES: tuple[Decimal | float | int | None, ...] = (
    *(Decimal("12.5"), Decimal("12.50"), Decimal(8), Decimal("0.0000001"), Decimal(0), Decimal(-3), Decimal(400)),
    *(17, 3, Decimal("33.3333333333"), None),
)
VARIABLES = (*(ncit.LONGEST_DIAMETER,) * 3, ncit.LONGEST_PERPENDICULAR, ncit.DIAMETER, q.UNMAPPED)
CRITERIA = (
    ncit.RESPONSE_EVALUATION_CRITERIA_IN_SOLID_TUMORS_VERSION_1_1,
    ncit.CHESON_MALIGNANT_LYMPHOMA_2007_ONCOLOGY_RESPONSE_CRITERIA,
)
RESPONSES = (ncit.PARTIAL_REMISSION, ncit.STABLE_DISEASE, q.UNMAPPED)


class _Dice:
    """What readings share: chosen at random, but the same in every run."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.keys = iter(range(10_000))

    def one(self, *choices: Any) -> Any:
        return self.rng.choice(choices)

    def when(self) -> When | None:
        day = When.on(DAY0 + dt.timedelta(days=self.one(-20, 0, 0, 0, 0, 42, 42)))
        found: When | None = self.one(*(day,) * 6, When.partial("2020-02"), When.day(7, "from-diagnosis"), None)
        return found

    def about(self) -> dict[str, Any]:
        """Where, when and by whom something was seen."""
        visit = self.one(1, 1, 2, 2, 3, None)
        return {
            "key": f"R{next(self.keys)}",
            "subject": self.one(*SUBJECTS),
            "reader": self.one(*READERS, None),
            "visit": visit,
            "visit_label": self.one("WEEK 6", "visit 1", None),
            "when": self.when(),
            "accepted_reading": self.one(True, False, None),
            "primary": True,
            "document": self.one("1.9.9", None, None, None),
        }

    def place(self) -> dict[str, Any]:
        """A lesion, and now and then where it is."""
        placed = self.one(True, False, False)
        return {
            "lesion": self.one(*KEYS, *KEYS, None),
            "site": self.one(*SITES) if placed else None,
            "laterality": self.one(ncit.LEFT, None) if placed else self.one(ncit.RIGHT, None, None, None),
            "site_modifier": self.one(ncit.UPPER, None) if placed else None,
        }


def readings(seed: int, count: int) -> list[Record]:
    """Readings of three subjects by three readers, of whom one has no role, with three tools.

    Those with a lower ``count`` are the first of those with a higher one.
    """
    dice = _Dice(seed)
    records: list[Record] = [
        Reader(key="r1", role=q.INVESTIGATOR),
        Reader(key="r2", role=q.CENTRAL_READER),
        Reader(key="r3"),
        Procedure(key="p1", software="Ruler", version="2"),
        Procedure(key="p2", software="Pencil"),
        Procedure(key="p3", version="4"),
    ]
    for subject in SUBJECTS:
        records += [Lesion(subject=subject, key=key, label=dice.one(f"T {key}", "T1", None)) for key in KEYS]
        records += [
            Event(key=f"diagnosis {subject}", subject=subject, kind=ncit.DIAGNOSIS_ASSESSMENT, when=dice.when())
        ]
        records += [*_images(subject, seed, count), Region(subject=subject, key="1")]
    for _ in range(count):
        records += [_measured(dice), _role(dice), _answer(dice), _identified(dice)]
    return records


def _images(subject: str, seed: int, count: int) -> list[Record]:
    uid = f"1.{seed}.{count}.{SUBJECTS.index(subject) + 1}"
    return [Study(uid=uid, subject=subject), StudyHeader(uid=uid, subject=subject, when=When.on(DAY0))]


def _measured(dice: _Dice) -> Record:
    value = dice.one(*VALUES)
    return Measurement(
        **dice.about(),
        **dice.place(),
        variable=dice.one(*VARIABLES),
        value=value,
        unit=dice.one("mm", "mm", "mm", "cm", None),
        raw=dice.one(f"{value}", None),
        raw_code=dice.one("G-A185|SRT|Long Axis", None),
        absent_reason=dice.one(ncit.UNEVALUABLE, None) if value is None else None,
        procedure=dice.one("p1", "p2", "p3", None),
        read_session=dice.one("A", None),
    )


def _role(dice: _Dice) -> Record:
    target, other = ncit.TARGET_LESION_IDENTIFICATION, ncit.NON_TARGET_LESION_IDENTIFICATION
    return Finding(
        **dice.about(),
        **dice.place(),
        variable=ncit.TUMOR_IDENTIFICATION,
        value_concept=dice.one(target, target, other),
    )


def _answer(dice: _Dice) -> Record:
    variable: Curie = dice.one(ncit.OVERALL_RESPONSE, ncit.OVERALL_RESPONSE, ncit.BEST_OVERALL_RESPONSE)
    criteria: Curie | None = dice.one(*CRITERIA, None)
    derived, about = dice.one(True, False), dice.about()
    given: Curie = dice.one(*RESPONSES)
    return Response(**about, variable=variable, value_concept=given, criteria=criteria, derived=derived)


def _identified(dice: _Dice) -> Record:
    key, subject, lesion = f"R{next(dice.keys)}", dice.one(*SUBJECTS), dice.one(*KEYS)
    site = dice.one(*SITES, None, None)
    if dice.one(True, False, False):
        return RegionFacts(key=key, subject=subject, region="1", lesion=lesion, site=site, reader=dice.one("r1", None))
    rule = dice.one(q.BY_NAME, q.BY_TRACKING_UID)
    return LesionFacts(key=key, subject=subject, lesion=lesion, rule=rule, site=site, reader=dice.one(*READERS, None))
