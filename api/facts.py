"""What the head of a subject's page says: diagnosis, sex, age, stage, best response, survival, and counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from api.events import EventRow, by_reader
from ontology.prefixes import Curie
from ontology.terms import ncit

__all__ = ["Fact", "facts_of"]

FACTS: tuple[tuple[str, tuple[Curie, ...]], ...] = (
    ("Diagnosis", (ncit.DIAGNOSIS_ASSESSMENT, ncit.MORPHOLOGIC_FINDING)),
    ("Sex", (ncit.SEX,)),
    ("Age", (ncit.AGE_AT_DIAGNOSIS, ncit.AGE)),
    ("Stage", (ncit.DISEASE_STAGE_QUALIFIER,)),
    ("Grade", (ncit.HISTOLOGIC_GRADE,)),
    ("Best response", (ncit.BEST_OVERALL_RESPONSE,)),
    ("Overall survival", (ncit.OVERALL_SURVIVAL,)),
    ("Progression-free survival", (ncit.PROGRESSION_FREE_SURVIVAL,)),
)
"""What the head of a subject's page says, and the variables that say it; the first that is there."""


@dataclass(frozen=True, slots=True)
class Fact:
    """A fact of the page's head: its name, and what is said; more than one where sources differ."""

    name: str
    values: tuple[str, ...]


def facts_of(rows: Sequence[EventRow]) -> list[Fact]:
    """What the head of a subject's page says."""
    by_variable: dict[Curie, list[EventRow]] = {}
    for row in rows:
        if row.variable and not row.lesion:
            by_variable.setdefault(row.variable, []).append(row)
    facts = []
    for name, asked in FACTS:
        found = next((by_variable[variable] for variable in asked if variable in by_variable), [])
        values = tuple(dict.fromkeys(row.said + by_reader(row) for row in found if row.said))
        if values:
            facts.append(Fact(name, values[:3]))
    return facts + _counts(rows)


def _counts(rows: Sequence[EventRow]) -> list[Fact]:
    counted = {
        "Imaging studies": len({row.study for row in rows if row.kind == "imaging" and row.study}),
        "Series": sum(row.kind == "imaging" for row in rows),
        "Lesions": len({row.lesion for row in rows if row.lesion}),
        "Treatments": sum(row.kind == "treatment" for row in rows),
    }
    return [Fact(name, (str(count),)) for name, count in counted.items() if count]
