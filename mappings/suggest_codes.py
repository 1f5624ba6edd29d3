"""Proposals for a code by the meaning that it is found with: which concept it is, with a score and the reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from rapidfuzz import fuzz, process

from mappings.cell_forms import forms
from mappings.codes import Codes
from mappings.schemes import plain_meaning
from mappings.sssom import NO_TERM
from mappings.suggest_values import CODES, Lookup, bundled_lookup
from mappings.words import fold
from ontology.prefixes import Curie
from ontology.terminology import terms

__all__ = ["CodeProposal", "suggest_code"]

SHOWN = 5
ALIKE = 90.0


@dataclass(frozen=True, slots=True)
class CodeProposal:
    """A concept for a code."""

    term: Curie
    label: str
    score: float
    reason: str
    predicate: str = "skos:exactMatch"

    @property
    def fields(self) -> dict[str, Any]:
        """The fields of a row that proposes it."""
        return {
            "predicate": self.predicate,
            "term": self.term,
            "line": 0,
            "label": self.label,
            "justification": "semapv:LexicalMatching",
            "confidence": f"{self.score:g}",
            "comment": self.reason,
        }


def suggest_code(meaning: str, codes: Codes, lookup: Lookup = bundled_lookup) -> list[CodeProposal]:
    """What a code of that meaning may mean, best first; nothing where nothing known fits.

    >>> suggest_code("Standardized Uptake Value Maximum", Codes())[0].term
    'ncit:C95012'
    """
    best: dict[Curie, CodeProposal] = {}
    for item in _candidates(meaning, codes, lookup):
        if item.term not in best or best[item.term].score < item.score:
            best[item.term] = item
    return sorted(best.values(), key=lambda item: (-item.score, item.term))[:SHOWN]


def _candidates(meaning: str, codes: Codes, lookup: Lookup) -> Iterator[CodeProposal]:
    wanted = plain_meaning(meaning)
    if not wanted:
        return
    for row in codes.rows:
        if row.applied and row.term != NO_TERM and plain_meaning(row.subject_label) == wanted:
            yield CodeProposal(Curie(row.term), row.label, 0.9, f"so decided of {row.subject}", row.predicate)
    named = False
    for rank, form in enumerate(forms(fold(meaning))):
        for term, label in list(lookup(form))[:SHOWN]:
            named = True
            yield CodeProposal(term, label, round(0.85 - 0.07 * rank, 3), "its label or synonym")
    if not named and len(wanted) > 3:
        near = process.extract(fold(meaning), _labels(), scorer=fuzz.token_sort_ratio, score_cutoff=ALIKE, limit=3)
        for label, ratio, term in near:
            yield CodeProposal(
                term, terms()[term].label, round(ratio / 100 * 0.75, 3), f"like {label!r}", "skos:closeMatch"
            )


@cache
def _labels() -> dict[Curie, str]:
    return {item.curie: fold(item.label) for item in terms().values() if item.curie.startswith(CODES)}
