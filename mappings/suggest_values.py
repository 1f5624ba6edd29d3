"""Proposals for the cells of a coded column: which concept each means, with a score and the reason."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache

from rapidfuzz import fuzz, process

from mappings.knowledge import PLAIN_ANSWERS, Knowledge, Target
from mappings.profile import Column
from mappings.suggest import Suggester
from mappings.words import fold, words
from ontology.prefixes import Curie
from ontology.terminology import terms
from ontology.terms import ncit, radlex

__all__ = ["Lookup", "ValueProposal", "bundled_lookup", "values_of"]

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


def values_of(
    suggester: Suggester, column: Column, target: Target, lookup: Lookup = bundled_lookup
) -> dict[str, list[ValueProposal]]:
    """Proposals for each cell of a column that holds a target, best first; none for cells that nothing known fits."""
    if target.record in {"measurement", "outcome", "event"} or not column.exact or len(column.values) > MOST:
        return {}
    texts = suggester.texts_of(column)
    meant = {cell for cell in column.values if texts[cell] != fold(cell)}
    checked = suggester.choice_of(column, target)
    made: dict[str, list[ValueProposal]] = {}
    for cell, text in texts.items():
        if checked and text in YES and (label := suggester.knowledge.label(checked)):
            found = [ValueProposal(cell, text, checked, label, 0.85, ABOUT)]
        else:
            found = _of_cell(suggester.knowledge, cell, text, target, lookup, coded=cell not in meant)
        if found:
            made[cell] = found
    return made


def _of_cell(
    knowledge: Knowledge, cell: str, text: str, target: Target, lookup: Lookup, *, coded: bool
) -> list[ValueProposal]:
    found: dict[Curie, ValueProposal] = {}

    def add(term: Curie, score: float, reason: str, label: str = "") -> None:
        label = label or knowledge.label(term)
        if label and score >= LIKELY and (term not in found or found[term].score < score):
            found[term] = ValueProposal(cell, text, term, label, round(score, 3), reason)

    known = _known(knowledge, target.key)
    bare = coded and text.lstrip("-.").replace(".", "").isdigit()
    if label := stage_label(target.key, text):
        for term, named in lookup(label):
            add(term, 0.9, f"written as {label}", named)
    worth = 0.6 if bare else 1.0
    note = "; a bare number, so look for what it means" if bare else ""
    for rank, form in enumerate(forms(text)):
        if squeezed(form) in known:
            counts = known[squeezed(form)]
            total = sum(counts.values())
            for term, count in counts.most_common(SHOWN):
                score = (0.95 - 0.07 * rank) * worth * (0.5 + 0.5 * count / total)
                add(term, score, f"{form!r} is known for {target.label}{note}")
        if not bare and form not in PLAIN_ANSWERS:
            for term, named in list(lookup(form))[:SHOWN]:
                add(term, 0.8 - 0.07 * rank, "its label or synonym", named)
            for other in sorted(knowledge.cell_targets.get(form, ())):
                for term, _ in knowledge.cells[other][form].most_common(1):
                    add(term, 0.6 - 0.05 * rank, f"{form!r} is known for {knowledge.targets[other].label}")
    if not bare and text not in PLAIN_ANSWERS and not any(item.score >= LIKELY for item in found.values()):
        _by_likeness(knowledge.cells.get(target.key, {}), text, add)
    return sorted(found.values(), key=lambda item: (-item.score, item.term))[:SHOWN]


def _known(knowledge: Knowledge, key: str) -> Mapping[str, Counter[Curie]]:
    """Terms by the letters and digits of a cell, so that ``Pre-menopausal`` and ``premenopausal`` are one."""
    if key not in knowledge.squeezed:
        made: dict[str, Counter[Curie]] = {}
        for text, counts in knowledge.cells.get(key, {}).items():
            made.setdefault(squeezed(text), Counter()).update(counts)
        knowledge.squeezed[key] = made
    return knowledge.squeezed[key]


def squeezed(text: str) -> str:
    """The letters, digits and signs of a text.

    >>> squeezed("pre-menopausal"), squeezed("hr + / her2 -")
    ('premenopausal', 'hr+her2-')
    """
    if re.search(r"[a-z]\s*[+-](?![a-z])|^[+-]", text):
        return re.sub(r"[^a-z0-9+-]", "", text)
    return re.sub(r"[^a-z0-9]", "", text)


def forms(text: str) -> list[str]:
    """A text in simpler forms, the nearest first: without brackets, without *NOS*, with abbreviations written out.

    >>> forms("chronic lymphocytic leukemia (cll)")
    ['chronic lymphocytic leukemia (cll)', 'chronic lymphocytic leukemia', 'cll']
    """
    bare = " ".join(re.sub(r"[(\[].*?(?:[)\]]|$)", " ", text).split())
    found = [text, bare, re.sub(r",?\s*(?:nos|not otherwise specified)\b", "", bare).strip()]
    found += [part.strip() for part in re.findall(r"\(([^()]*)\)", text)]
    found.append(re.sub(r"^\S{1,3}\s*[:=.]\s*", "", bare))
    if len(text) < 60:
        found.append(" ".join(words(bare)))
    return [form for form in dict.fromkeys(found) if form]


ROMAN = {"i": "1", "ii": "2", "iii": "3", "iv": "4"}
STAGED: Mapping[str, tuple[re.Pattern[str], str]] = {
    ncit.GENERIC_PRIMARY_TUMOR_TNM_FINDING: (re.compile(r"[ypc]*\s*t?\s*([0-4][a-d]?|x|is)"), "t{} stage finding"),
    ncit.GENERIC_REGIONAL_LYMPH_NODES_TNM_FINDING: (re.compile(r"[ypc]*\s*n?\s*([0-3][a-d]?|x)"), "n{} stage finding"),
    ncit.GENERIC_DISTANT_METASTASIS_TNM_FINDING: (re.compile(r"[ypc]*\s*m?\s*([01][a-d]?|x)"), "m{} stage finding"),
    ncit.HISTOLOGIC_GRADE: (re.compile(r"(?:g|grade|isup|who)?\s*([1-4]|i{1,3}|iv)(?:\s*\(.*)?"), "grade {}"),
    ncit.DISEASE_STAGE_QUALIFIER: (re.compile(r"(?:stage)?\s*(0|i{1,3}v?|iv|i{1,3}[abc]\d?|iv[abc])"), "stage {}"),
    radlex.BI_RADS_ASSESSMENT: (re.compile(r"(?:bi-?rads)?\s*([0-6])(?:\s*:.*)?"), "bi-rads {}"),
}
"""The ways in which stages and grades are written, and the label of the concept."""


def stage_label(key: str, text: str) -> str | None:
    """The label of a stage, grade or category as it is commonly written; None where it is none.

    >>> stage_label("ncit:C48885", "pt2"), stage_label("ncit:C18000", "iii (high)")
    ('t2 stage finding', 'grade 3')
    """
    pattern, label = STAGED.get(key, (None, ""))
    hit = pattern.fullmatch(text) if pattern else None
    if hit is None:
        return None
    return label.format(ROMAN.get(hit[1], hit[1]) if label.startswith("grade") else hit[1])


def _by_likeness(known: Mapping[str, Mapping[Curie, int]], text: str, add: Callable[[Curie, float, str], None]) -> None:
    """Texts that are nearly the same, or of which one holds the other; digits are compared in full."""
    if len(text) < 4:
        return
    near = [other for other in known if len(other) > 3 and _digits(other) == _digits(text)]
    for other, ratio, _ in process.extract(text, near, scorer=fuzz.token_sort_ratio, score_cutoff=ALIKE, limit=3):
        add(_usual(known[other]), ratio / 100 * 0.85, f"{text!r} is like {other!r}")
    holding = process.extract(text, near, scorer=fuzz.token_set_ratio, score_cutoff=99.0, limit=8)
    terms_held = {_usual(known[other]) for other, _, _ in holding}
    if len(terms_held) == 1:
        add(terms_held.pop(), 0.65, f"{text!r} is part of {holding[0][0]!r}, or the other way round")


def _usual(counts: Mapping[Curie, int]) -> Curie:
    return max(counts, key=lambda item: (counts[item], item))


def _digits(text: str) -> str:
    return "".join(letter for letter in text if letter.isdigit())
