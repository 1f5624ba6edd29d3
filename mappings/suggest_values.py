"""Proposals for the cells of a coded column: which concept each means, with a score and the reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache

from rapidfuzz import fuzz, process

from mappings.cell_forms import forms, numbered, polar, squeezed, stage_label
from mappings.cell_words import DISEASE, NEGATIONS, SIDES, bag, by_words
from mappings.fitting import choice_of, texts_of, ticked
from mappings.knowledge import PLAIN_ANSWERS, Knowledge, Target
from mappings.profile import Column, Table
from mappings.suggest import Suggester
from mappings.words import fold
from ontology.index import TermIndex
from ontology.index_search import Match
from ontology.prefixes import Curie
from ontology.terminology import terms
from ontology.terms import ncit, radlex

__all__ = ["Lookup", "ValueProposal", "bundled_lookup", "index_lookup", "values_of"]

MOST = 60
"""Cells of a column for which concepts are proposed."""
SHOWN = 5
ALIKE = 87.0
LIKELY = 0.5
"""A proposal below this is not listed for a cell."""
ABOUT = "the column is about this value"
"""Why a cell of yes means a concept: the column is one answer of a list."""
YES = frozenset({"yes", "y", "true", "marked", "checked", "1"})
CODES = ("ncit:", "radlex:", "dcm:", "sct:")

Lookup = Callable[[str], Iterable[tuple[Curie, str]]]
"""From a folded text to the concepts of that label or synonym, with their labels."""


@dataclass(frozen=True, slots=True)
class ValueProposal:
    """A concept for a cell."""

    cell: str
    text: str
    """What the cell says: itself, or the meaning that header or dictionary give it."""
    term: Curie
    label: str
    score: float
    reason: str


@cache
def _bundled() -> Mapping[str, tuple[tuple[Curie, str], ...]]:
    found: dict[str, list[tuple[Curie, str]]] = {}
    for item in terms().values():
        if item.curie.startswith(CODES):
            for text in (item.label, *item.synonyms):
                found.setdefault(fold(text), []).append((item.curie, item.label))
    return {text: tuple(dict.fromkeys(items)) for text, items in found.items()}


def bundled_lookup(text: str) -> Iterable[tuple[Curie, str]]:
    """The bundled concepts of a label or synonym.

    >>> [curie for curie, _ in bundled_lookup("carboplatin")]
    ['ncit:C1282']
    """
    return _bundled().get(fold(text), ())


def index_lookup(index: TermIndex) -> Lookup:
    """The concepts of a label or synonym in a term index, which holds the bundled ones too."""

    def found(text: str) -> list[tuple[Curie, str]]:
        hits = index.search(text, limit=5) if text.strip() else []
        named = [hit for hit in hits if hit.match in {Match.LABEL, Match.SYNONYM} and not hit.retired]
        return [(Curie(hit.curie), hit.label) for hit in named if hit.curie.startswith(CODES)]

    return found


def values_of(
    suggester: Suggester, column: Column, target: Target, lookup: Lookup = bundled_lookup, table: Table | None = None
) -> dict[str, list[ValueProposal]]:
    """Proposals for each cell of a column that holds a target, best first; none for cells that nothing known fits."""
    if target.record in {"measurement", "outcome", "event"} or not column.exact or len(column.values) > MOST:
        return {}
    texts = texts_of(column)
    context = _about(column, table)
    meant = {cell for cell in column.values if texts[cell] != fold(cell)}
    checked = choice_of(suggester.knowledge, column, target)
    if ticked(column) and not checked:
        return {}
    counted = numbered(target.key, {cell: fold(text) for cell, text in column.meanings.items()})
    made: dict[str, list[ValueProposal]] = {}
    for cell, text in texts.items():
        if checked and text in YES and (label := suggester.knowledge.label(checked)):
            found = [ValueProposal(cell, text, checked, label, 0.85, ABOUT)]
        else:
            found = _of_cell(suggester.knowledge, cell, text, target, lookup, context, coded=cell not in meant)
        if not found and counted:
            found = _of_scale(suggester.knowledge, cell, text, target, lookup)
        if found:
            made[cell] = found
    return made


PLACES = frozenset({ncit.ANATOMIC_SITE, radlex.ANATOMICAL_ENTITY})
DIAGNOSES = frozenset({ncit.MORPHOLOGIC_FINDING, ncit.DIAGNOSIS_ASSESSMENT})
ORGANS = frozenset(
    {"lung", "breast", "prostate", "liver", "kidney", "brain", "pancreas", "colon", "rectum", "cervix", "ovary"}
    | {"bladder", "esophagus", "stomach", "thyroid", "uterus", "skin"}
)


def _about(column: Column, table: Table | None) -> frozenset[str]:
    """The one organ of which name, description and cells of a column speak, or else the file's name; else none."""
    label = column.described.label if column.described else ""
    texts = (column.header.name, label, *(column.values if column.exact else ()))
    own = {word for text in texts for word in bag(text)} & ORGANS
    named = set(bag(table.file.rpartition(".")[0])) & ORGANS if table else set()
    return frozenset(own if len(own) == 1 else named if len(named) == 1 and not own else ())


@dataclass
class _Found:
    """What is found for a cell, the best of each term."""

    knowledge: Knowledge
    cell: str
    text: str
    by_term: dict[Curie, ValueProposal] = field(default_factory=dict)

    def add(self, term: Curie, score: float, reason: str, label: str = "") -> None:
        label = label or self.knowledge.label(term)
        better = term not in self.by_term or self.by_term[term].score < score
        if label and score >= LIKELY and better:
            self.by_term[term] = ValueProposal(self.cell, self.text, term, label, round(score, 3), reason)

    def best(self) -> list[ValueProposal]:
        return sorted(self.by_term.values(), key=lambda item: (-item.score, item.term))[:SHOWN]


def _of_cell(
    knowledge: Knowledge, cell: str, text: str, target: Target, lookup: Lookup, context: frozenset[str], *, coded: bool
) -> list[ValueProposal]:
    found = _Found(knowledge, cell, text)
    bare = coded and text.lstrip("-.").replace(".", "").isdigit()
    if label := stage_label(target.key, text):
        for term, named in lookup(label):
            found.add(term, 0.9, f"written as {label}", named)
    said = polar(target.label, text) if not bare else None
    for label in said or ():
        for term, named in lookup(label):
            found.add(term, 0.88, f"{text!r} says {named}", named)
    for rank, form in enumerate(forms(text)):
        _by_target(found, target, form, 0.95 - 0.07 * rank, bare=bare)
        if not bare and form not in PLAIN_ANSWERS:
            _by_label(found, form, 0.07 * rank, lookup)
    if not bare and text not in PLAIN_ANSWERS:
        _by_words(found, target, context)
    if not bare and text not in PLAIN_ANSWERS and not found.by_term:
        _by_likeness(knowledge.cells.get(target.key, {}), text, found.add)
    return found.best()


def _of_scale(knowledge: Knowledge, cell: str, text: str, target: Target, lookup: Lookup) -> list[ValueProposal]:
    """The grade that a code counts, where its meaning describes the grade without naming it."""
    found = _Found(knowledge, cell, text)
    if label := stage_label(target.key, cell):
        for term, named in lookup(label):
            found.add(term, 0.7, f"the codes count from 0 as the scale does: {label}", named)
    return found.best()


def _by_words(found: _Found, target: Target, context: frozenset[str]) -> None:
    """Concepts of the same words; of a disease the malignant one, and of a place none that is a disease."""
    placed = target.key in PLACES
    text = " ".join(word for word in found.text.split() if word not in SIDES) if placed else found.text
    for said, less in ((found.text, 0.0), (text, 0.04)) if text != found.text else ((found.text, 0.0),):
        for term, label, score, reason in by_words(said, context):
            away = placed and bool(bag(label) & DISEASE)
            found.add(term, score - less - (0.2 if away else 0.0), reason, label)
    if target.key in DIAGNOSES and not bag(found.text) & DISEASE:
        for term, label, score, _ in by_words(f"malignant {found.text} neoplasm"):
            if score > 0.7:
                found.add(term, 0.82, f"a site where a disease is asked for: {label}", label)


def _by_target(found: _Found, target: Target, form: str, worth: float, *, bare: bool) -> None:
    """What the cell means elsewhere for the same target; a bare number may mean another thing here."""
    counts = _known(found.knowledge, target.key).get(squeezed(form), Counter())
    total = sum(counts.values())
    note = "; a bare number, so look for what it means" if bare else ""
    for term, count in counts.most_common(SHOWN):
        score = worth * (0.6 if bare else 1.0) * (0.5 + 0.5 * count / total)
        found.add(term, score, f"{form!r} is known for {target.label}{note}")


def _by_label(found: _Found, form: str, less: float, lookup: Lookup) -> None:
    """Concepts of that label or synonym, and what the cell means for other targets."""
    knowledge = found.knowledge
    for term, named in list(lookup(form))[:SHOWN]:
        found.add(term, 0.8 - less, "its label or synonym", named)
    for other in sorted(knowledge.cell_targets.get(form, ())):
        for term, _ in knowledge.cells[other][form].most_common(1):
            found.add(term, 0.6 - less, f"{form!r} is known for {knowledge.targets[other].label}")


def _known(knowledge: Knowledge, key: str) -> Mapping[str, Counter[Curie]]:
    """Terms by the letters and digits of a cell, so that ``Pre-menopausal`` and ``premenopausal`` are one."""
    if key not in knowledge.squeezed:
        made: dict[str, Counter[Curie]] = {}
        for text, counts in knowledge.cells.get(key, {}).items():
            made.setdefault(squeezed(text), Counter()).update(counts)
        knowledge.squeezed[key] = made
    return knowledge.squeezed[key]


def _by_likeness(known: Mapping[str, Mapping[Curie, int]], text: str, add: Callable[[Curie, float, str], None]) -> None:
    """Texts that are nearly the same, or of which one holds the other; digits are compared in full."""
    if len(text) < 4:
        return
    text = " ".join(re.findall(r"[^\W_]+|[+-]", text))
    negated = bag(text) & NEGATIONS
    near = [
        other
        for other in known
        if len(other) > 3 and _digits(other) == _digits(text) and bag(other) & NEGATIONS == negated
    ]
    for other, ratio, _ in process.extract(text, near, scorer=fuzz.token_sort_ratio, score_cutoff=ALIKE, limit=3):
        add(_usual(known[other]), ratio / 100 * 0.85, f"{text!r} is like {other!r}")
    holding = process.extract(text, near, scorer=fuzz.token_set_ratio, score_cutoff=99.0, limit=8)
    terms_held = {_usual(known[other]) for other, _, _ in holding}
    if len(terms_held) == 1:
        add(terms_held.pop(), 0.65, f"{text!r} is part of {holding[0][0]!r}, or the other way round")


def _usual(counts: Mapping[Curie, int]) -> Curie:
    return max(counts, key=lambda item: (counts[item], item))


@lru_cache(maxsize=1 << 16)
def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())
