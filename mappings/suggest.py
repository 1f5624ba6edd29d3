"""Proposals for the columns of a table: what each holds, with a score and the reason, best first.

A score is from 0 to 1 and calibrated so that below `PROPOSED` there is no proposal: a column that nothing known fits is
left out, and that is an answer. Nothing here is applied; a steward decides.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from mappings.fitting import answers_of, convertible, fitting, texts_of
from mappings.header import header
from mappings.knowledge import PLAIN_ANSWERS, Decided, Knowledge, Target
from mappings.naming import Fit, Naming
from mappings.profile import Column, Table, ValueKind
from mappings.suggest_elements import ElementProposal, apart, elements_of
from mappings.words import fold, words
from ontology.prefixes import Curie

__all__ = ["PROPOSED", "Advice", "Proposal", "Suggester"]

PROPOSED = 0.6
"""The score from which a target is proposed."""
LEFT = 0.5
"""The score from which a column is left out for the reason that fits it best."""
SHOWN = 5
EXPLAINS = re.compile(
    r"^(?:please )?(?:specify|if other|explain|describe)\b|\b(?:other|specify|explain)\b[^a-z]*$", re.IGNORECASE
)
"""Questions that ask for words."""
SYSTEM = re.compile(r"redcap_(?:event_name|repeat_(?:instrument|instance)|data_access_group|survey_identifier)")
"""The columns that REDCap itself adds to an export."""
STATES = frozenset({"incomplete", "unverified", "complete"})
NEGLIGIBLE = 0.15
"""Below this score nothing is listed at all."""
BY_NAME = 0.92
"""What a name that fits in every word is worth alone."""
SHARED = 0.6
"""The share of its answers that have a word of which the whole question speaks."""
FEWEST = 3
"""Answers from which it may be told what all of them speak of."""
BY_CELLS = 0.7
"""What cells that are all known are worth alone."""


@dataclass(frozen=True)
class Proposal:
    """What a column may hold."""

    target: Target
    score: float
    reasons: tuple[str, ...]
    unit: str | None = None
    elements: tuple[ElementProposal, ...] = ()

    @property
    def reason(self) -> str:
        """The reasons in one line."""
        return "; ".join(self.reasons)

    @property
    def term(self) -> Curie:
        """The variable, or what stands for it."""
        return Curie(self.target.variable or self.target.key)


@dataclass(frozen=True)
class Advice:
    """What is advised for a column. ``proposals`` are candidates, best first, also where none of them is proposed."""

    column: Column
    proposed: Proposal | None
    proposals: tuple[Proposal, ...]
    role: str = ""
    """``role:date`` and such, where the column speaks of others; ``leave:…`` where it should be left out."""
    leave: str = ""
    """Why nothing is proposed."""
    role_score: float = 0.0
    """How well the role fits."""
    identical: tuple[Decided, ...] = ()
    """Earlier decisions about the same name with the same meaning, which agree."""


@dataclass
class _Scored:
    score: float
    reasons: list[str] = field(default_factory=list)
    named: float = 0.0
    """The score by name and cells alone, before unit and kind of cells are weighed."""


class Suggester:
    """Proposes what columns hold, from what is known."""

    def __init__(self, knowledge: Knowledge) -> None:
        self.knowledge = knowledge
        self._naming = Naming(knowledge)

    def table(self, table: Table, collection: str | None = None) -> list[Advice]:
        """Advice for each column of a table."""
        common = self._naming.common([column.header.name for column in table.columns])
        return [self.column(column, common, collection) for column in table.columns]

    def column(self, column: Column, common: frozenset[str] = frozenset(), collection: str | None = None) -> Advice:
        """Advice for one column."""
        if column.described and column.described.identifies:
            return Advice(column, None, (), "leave:identifying", "the data dictionary flags it as identifying")
        if column.kind is ValueKind.EMPTY:
            return Advice(column, None, (), "leave:empty", "says nothing in any row")
        fits = self._fits(column, common)
        scored = self._scored(column, fits)
        ranked = self._ranked(scored)
        listed = [key for key in ranked if self.knowledge.targets[key].record and scored[key].score >= NEGLIGIBLE]
        proposals = tuple(apart([self._proposal(column, key, scored[key], fits) for key in listed[:SHOWN]]))
        if identical := self._identical(column, collection):
            places = ", ".join(item.source for item in identical[:4])
            first = self._proposal(column, identical[0].target, _Scored(0.99, [f"decided so in {places}"]), fits)
            others = [item for item in proposals if item.target.key != first.target.key]
            return Advice(column, first, tuple(apart([first, *others])[:SHOWN]), identical=identical)
        best = ranked[0] if ranked else ""
        if proposals and best == listed[0] and proposals[0].score >= PROPOSED:
            return Advice(column, proposals[0], proposals)
        role, leave = self._left(column, scored, best, listed)
        return Advice(column, None, proposals, role, leave, round(scored[best].score, 3) if role else 0.0)

    def named(self, text: str) -> list[Proposal]:
        """What a text may name, best first, where it stands alone as the item of a row does."""
        column = Column(0, header(text), 0, 0, 0, exact=False, kind=ValueKind.EMPTY, values={})
        fits = self._fits(column, frozenset())
        found = {
            key: _Scored(BY_NAME * fit.score**1.2, [_named(fit)]) for (key, element), fit in fits.items() if not element
        }
        ranked = self._ranked(found)
        listed = [key for key in ranked if self.knowledge.targets[key].record and found[key].score >= NEGLIGIBLE]
        if not listed or ranked[0] != listed[0]:
            return []
        return apart([self._proposal(column, key, found[key], fits) for key in listed[:SHOWN]])

    def _ranked(self, scored: Mapping[str, _Scored]) -> list[str]:
        """The targets best first; of those that fit alike the one that was decided more often."""
        used = {key: sum(self.knowledge.uses.get(key, {}).values()) for key in scored}
        return sorted(scored, key=lambda key: (-round(scored[key].score, 3), -used[key], key))

    def _left(self, column: Column, scored: dict[str, _Scored], best: str, listed: list[str]) -> tuple[str, str]:
        """Role and reason of a column for which nothing is proposed."""
        if listed and scored[listed[0]].named >= max(PROPOSED, scored[best].score):
            # it is called so, but unit or cells speak against it
            return "", f"{self.knowledge.targets[listed[0]].label}? {scored[listed[0]].reasons[-1]}"
        target = self.knowledge.targets.get(best)
        if target and target.leave and scored[best].score >= LEFT:
            role = target.key if target.key.startswith(("role:", "leave:")) else "leave:none"
            return role, f"{target.leave} ({scored[best].reasons[0]})"
        return "", NOTHING.get(column.kind, "nothing known fits well enough")

    def _fits(self, column: Column, common: frozenset[str]) -> dict[tuple[str, Curie | None], Fit]:
        """The best fit of each target by any text of the column."""
        texts = [column.header.name, *column.other_names]
        if column.described and column.described.label:
            texts.append(column.described.label)
        if shared := _shared(column, texts[-1]):
            texts[-1] = shared
        answered = answers_of(column)
        best: dict[tuple[str, Curie | None], Fit] = {}
        for text in texts:
            for key, fit in self._naming.fits(text, common, answered=answered).items():
                if key not in best or best[key].score < fit.score:
                    best[key] = fit
        return best

    def _scored(self, column: Column, fits: Mapping[tuple[str, Curie | None], Fit]) -> dict[str, _Scored]:
        scored: dict[str, _Scored] = {}
        for (key, element), fit in fits.items():
            if element is None:
                scored[key] = _Scored(BY_NAME * fit.score**1.2, [_named(fit)])
        for key, share, known in self._by_cells(column):
            item = scored.setdefault(key, _Scored(0.0))
            item.score = 1 - (1 - item.score) * (1 - BY_CELLS * share)
            item.reasons.append(f"{known} of its values are known for it")
        self._by_form(column, scored)
        for key, item in scored.items():
            factor, reason = fitting(self.knowledge, column, self.knowledge.targets[key])
            item.named = item.score
            item.score *= factor
            if reason:
                item.reasons.append(reason)
        self._by_code(column, scored)
        return scored

    def _by_form(self, column: Column, scored: dict[str, _Scored]) -> None:
        """Raise the roles that the form of the cells or of the question tells: dates, years, explanations."""
        label = column.described.label if column.described else column.header.name
        if column.years or column.kind is ValueKind.DATE:
            form = "calendar years" if column.years else "dates"
            self._raise(scored, "role:date", 0.8, f"its cells are {form}")
        if SYSTEM.fullmatch(column.name) or (column.name.endswith("_complete") and _state_of_form(column)):
            self._raise(scored, "leave:administrative", 0.95, "REDCap's own: the state of a form, an event or a repeat")
        if EXPLAINS.search(label) or EXPLAINS.search(column.header.name):
            self._raise(scored, "leave:text", 0.85, "it asks to explain an answer that is not listed")

    def _raise(self, scored: dict[str, _Scored], key: str, score: float, reason: str) -> None:
        """Give a target at least a score."""
        if key in self.knowledge.targets and (key not in scored or scored[key].score < score):
            scored[key] = _Scored(score, [reason])

    def _by_code(self, column: Column, scored: dict[str, _Scored]) -> None:
        """Raise the target of the data element that the header or the dictionary names."""
        stated = column.header.element or (column.described.element if column.described else None)
        if stated is None:
            return
        item = self.knowledge.elements.get(stated)
        key = str(item.variable) if item and item.variable in self.knowledge.targets else str(stated)
        if key in self.knowledge.targets:
            scored[key] = _Scored(0.98, [f"the header names the data element {stated}"])

    def _by_cells(self, column: Column) -> list[tuple[str, float, int]]:
        """The targets that know the cells, with the share they know and how many cells that is."""
        if not (column.exact and column.values) or (column.kind is ValueKind.NUMBER and not column.meanings):
            return []
        said = set(texts_of(column).values()) | {fold(text) for text in column.meanings.values()}
        telling = [text for text in said if text not in PLAIN_ANSWERS and not text.lstrip("-.").isdigit()]
        if not telling or len(telling) > 400:
            return []
        tellers = {text: self.knowledge.tellers(text) for text in telling}
        weights = {text: 1 / max(1, len(found)) for text, found in tellers.items()}
        total = sum(weights.values())
        shares: dict[str, list[float]] = {}
        for text in telling:
            for key in tellers[text]:
                shares.setdefault(key, []).append(weights[text])
        return [
            (
                key,
                sum(found) / total * len(found) / (len(found) + 0.7) * (1.0 if total > 0.5 else total * 2),
                len(found),
            )
            for key, found in shares.items()
        ]

    def _proposal(
        self, column: Column, key: str, found: _Scored, fits: Mapping[tuple[str, Curie | None], Fit]
    ) -> Proposal:
        target = self.knowledge.targets[key]
        unit = column.unit if column.unit and (target.unit is None or convertible(column.unit, target.unit)) else None
        numeric = target.record in {"measurement", "outcome"}
        elements = tuple(elements_of(self.knowledge, column, key, found.score, fits))
        return Proposal(
            target, round(min(found.score, 0.99), 3), tuple(found.reasons), unit if numeric else None, elements
        )

    def _identical(self, column: Column, collection: str | None) -> tuple[Decided, ...]:
        """Earlier decisions about a column of this name that mean the same, where all of them agree."""
        found = [item for item in self.knowledge.by_name.get(fold(column.name), ()) if _same(column, item, collection)]
        agreed = len({(item.variable, item.element) for item in found}) == 1
        return tuple(found) if agreed else ()


def _state_of_form(column: Column) -> bool:
    """Whether the cells are those by which REDCap says how far a form is filled in."""
    said = set(texts_of(column).values())
    return bool(said) and (said <= STATES or said <= {"0", "1", "2"})


def _shared(column: Column, asked: str) -> str:
    """The question with the words that most of its answers have: *Grade* where all of them are *adverse event*."""
    answers = [dict.fromkeys(words(text)) for text in column.meanings.values()]
    counted = Counter(word for answer in answers for word in answer)
    own = set(words(asked))
    more = [
        word
        for word, count in counted.items()
        if count > SHARED * len(answers) and not word.isdigit() and word not in own
    ]
    return " ".join([asked, *more]) if more and len(answers) >= FEWEST else ""


def _same(column: Column, item: Decided, collection: str | None) -> bool:
    """Whether an earlier decision spoke of cells of the same meaning: words decided alike, or a unit that is stated.

    Numbers as codes, and numbers without a unit, may mean another thing in another collection.
    """
    own = collection is not None and item.collection == collection
    if item.entry.record in {"measurement", "outcome"}:
        unit = item.entry.fields.get("unit")
        return column.numeric and (own or (column.unit is not None and column.unit == unit))
    cells = set(column.values)
    worded = not any(cell.lstrip("-.").replace(".", "").isdigit() for cell in cells)
    return bool(cells) and column.exact and cells <= item.values.keys() and (own or worded)


def _named(fit: Fit) -> str:
    degree = "is" if fit.score > 0.97 else "is like"
    return f"{fit.text[:60]!r} {degree} {fit.name.text[:60]!r} ({fit.name.origin})"


NOTHING = {
    ValueKind.TEXT: "free text; nothing known fits its name",
    ValueKind.IDENTIFIER: "identifiers; nothing known fits its name",
    ValueKind.UID: "unique identifiers of DICOM",
}
