"""The data elements of what a column holds, best first: by earlier use, by name, by permissible values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Protocol, TypeVar

from mappings.fitting import texts_of
from mappings.knowledge import Knowledge
from mappings.naming import Fit
from mappings.profile import Column, ValueKind
from ontology.element_rules import ValueType
from ontology.prefixes import Curie

__all__ = ["ElementProposal", "apart", "elements_of"]

SHOWN = 5
STEP = 0.001
BY_NAME, BY_USE, BY_VALUES = 0.45, 0.35, 0.2
"""What name, earlier use and permissible values weigh among the elements of one variable."""


@dataclass(frozen=True, slots=True)
class ElementProposal:
    """A data element for a column, with its score and reason."""

    curie: Curie
    version: str
    label: str
    score: float
    reason: str


def elements_of(
    knowledge: Knowledge, column: Column, key: str, score: float, fits: Mapping[tuple[str, Curie | None], Fit]
) -> list[ElementProposal]:
    """The elements of a target whose score is given, for a column that fits names as ``fits`` says."""
    uses: Mapping[Curie | None, int] = knowledge.uses.get(key, {})
    texts = set(texts_of(column).values()) if column.exact else set()
    made = []
    for curie in knowledge.elements_of.get(key, ()):
        item = knowledge.elements[curie]
        rank, reason = _rank(knowledge, column, curie, uses, texts, fits.get((key, curie)))
        worth = round(min(0.99, score * (0.35 + 0.65 * rank)), 3)
        made.append(ElementProposal(curie, item.version, item.long_name, worth, reason))
    return apart(sorted(made, key=lambda item: (-item.score, int(item.curie.partition(":")[2] or 0)))[:SHOWN])


class Scored(Protocol):
    """What has a score."""

    @property
    def score(self) -> float:
        """From 0 to 1."""
        ...


Ranked = TypeVar("Ranked", bound=Scored)


def apart(ranked: Sequence[Ranked]) -> list[Ranked]:
    """Proposals in their order, each scored below the one before, so that what is first is so wherever it is read."""
    made: list[Ranked] = []
    for item in ranked:
        below = made[-1].score - STEP if made else 1.0
        made.append(item if item.score <= below else replace(item, score=round(below, 3)))  # type: ignore[type-var]
    return made


def _rank(
    knowledge: Knowledge,
    column: Column,
    curie: Curie,
    uses: Mapping[Curie | None, int],
    texts: set[str],
    fit: Fit | None,
) -> tuple[float, str]:
    """How well an element fits among those of its variable, from 0 to 1, and why."""
    if curie in {column.header.element, column.described.element if column.described else None}:
        return 1.0, "the header names it"
    known = knowledge.element_cells.get(curie, frozenset())
    valued = len(texts & known) / len(texts) if texts and known else 0.0
    used = uses.get(curie, 0)
    rank = BY_NAME * (fit.score if fit else 0.0) + BY_USE * used / (sum(uses.values()) + 1) + BY_VALUES * valued
    if knowledge.elements[curie].value_type is ValueType.CODE and column.kind is ValueKind.NUMBER:
        return rank * 0.5, "its values are coded"
    return rank, _reason(fit, used, valued)


def _reason(fit: Fit | None, used: int, valued: float) -> str:
    parts = []
    if fit and fit.score > 0.3:
        parts.append(f"like {fit.name.text[:60]!r} ({fit.name.origin})")
    if used:
        parts.append(f"decided {used} times for this variable" if used > 1 else "decided once for this variable")
    if valued > 0.3:
        parts.append(f"{valued:.0%} of the values are permissible")
    return "; ".join(parts) or "an element of this variable"
