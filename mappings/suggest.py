"""Proposals for the columns of a table: what each holds, with a score and the reason, best first.

A score is from 0 to 1 and calibrated so that below `PROPOSED` there is no proposal: a column that nothing known fits is
left out, and that is an answer. Nothing here is applied; a steward decides.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal

from mappings.knowledge import PLAIN_ANSWERS, Decided, Knowledge, Target
from mappings.naming import Fit, Naming
from mappings.profile import Column, Table, ValueKind
from mappings.words import fold
from ontology.element_rules import ValueType
from ontology.prefixes import Curie
from ontology.units import IncompatibleUnitsError, UnknownUnitError, convert

__all__ = ["PROPOSED", "Advice", "ElementProposal", "Proposal", "Suggester"]

PROPOSED = 0.6
"""The score from which a target is proposed."""
SHOWN = 5
SAID_BY_NAME = frozenset({"a", "d", "%", "g/ml", "kg/m2", "{pack_year}", "[hnsf'U]"})
"""Units that go without saying: of ages, survival, percentages, uptake values, pack years, Hounsfield."""
EXPLAINS = re.compile(
    r"^(?:please )?(?:specify|if other|explain|describe)\b|\b(?:other|specify|explain)\b[^a-z]*$", re.IGNORECASE
)
"""Questions that ask for words."""
NEGLIGIBLE = 0.15
"""Below this score nothing is listed at all."""
BY_NAME = 0.92
"""What a name that fits in every word is worth alone."""
BY_CELLS = 0.7
"""What cells that are all known are worth alone."""


@dataclass(frozen=True, slots=True)
class ElementProposal:
    """A data element for a column, with its score and reason."""

    curie: Curie
    version: str
    label: str
    score: float
    reason: str


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
    identical: tuple[Decided, ...] = ()
    """Earlier decisions about the same name with the same meaning, which agree."""


@dataclass
class _Scored:
    score: float
    reasons: list[str] = field(default_factory=list)


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
        ranked = sorted(scored.items(), key=lambda item: (-item[1].score, item[0]))
        records = [key for key, found in ranked if self.knowledge.targets[key].record and found.score >= NEGLIGIBLE]
        proposals = tuple(self._proposal(column, key, scored[key], fits) for key in records[:SHOWN])
        best = ranked[0] if ranked else None
        identical = self._identical(column, collection)
        if identical:
            places = ", ".join(item.source for item in identical[:4])
            first = self._proposal(column, identical[0].target, _Scored(0.99, [f"decided so in {places}"]), fits)
            others = tuple(item for item in proposals if item.target.key != first.target.key)
            return Advice(column, first, (first, *others)[:SHOWN], "", "", identical)
        if best is None or best[1].score < NEGLIGIBLE:
            return Advice(column, None, proposals, "", _nothing(column), identical)
        target = self.knowledge.targets[best[0]]
        if target.leave and best[1].score >= 0.5:
            role = target.key if target.key.startswith(("role:", "leave:")) else "leave:none"
            return Advice(column, None, proposals, role, f"{target.leave} ({best[1].reasons[0]})", identical)
        if proposals and proposals[0].score >= PROPOSED:
            return Advice(column, proposals[0], proposals, "", "", identical)
        return Advice(column, None, proposals, "", _nothing(column), identical)

    def _fits(self, column: Column, common: frozenset[str]) -> dict[tuple[str, Curie | None], Fit]:
        """The best fit of each target by any text of the column."""
        texts = [column.header.name, *column.other_names]
        if column.described and column.described.label:
            texts.append(column.described.label)
        best: dict[tuple[str, Curie | None], Fit] = {}
        for text in texts:
            for key, fit in self._naming.fits(text, common).items():
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
            factor, reason = self._fitting(column, self.knowledge.targets[key])
            item.score *= factor
            if reason:
                item.reasons.append(reason)
        self._by_code(column, scored)
        return scored

    def _by_form(self, column: Column, scored: dict[str, _Scored]) -> None:
        """Raise the roles that the form of the cells or of the question tells: dates, years, explanations."""
        label = column.described.label if column.described else column.header.name
        if column.years or column.kind is ValueKind.DATE:
            _raise(scored, "role:date", 0.8, "its cells are calendar years" if column.years else "its cells are dates")
        if EXPLAINS.search(label) or EXPLAINS.search(column.header.name):
            _raise(scored, "leave:text", 0.85, "it asks to explain an answer that is not listed")

    def _by_code(self, column: Column, scored: dict[str, _Scored]) -> None:
        """Raise the target of the data element that the header or the dictionary names."""
        stated = column.header.element or (column.described.element if column.described else None)
        if stated is None:
            return
        item = self.knowledge.elements.get(stated)
        key = item.variable if item and item.variable in self.knowledge.targets else stated
        if key in self.knowledge.targets:
            scored[key] = _Scored(0.98, [f"the header names the data element {stated}"])

    def texts_of(self, column: Column) -> dict[str, str]:
        """What each cell of a coded column says, folded: its meaning where one is given."""
        meanings = {**column.meanings}
        short = {cell.lstrip("."): text for cell, text in meanings.items()}
        return {cell: fold(meanings.get(cell) or short.get(cell) or cell) for cell in column.values}

    def _by_cells(self, column: Column) -> list[tuple[str, float, int]]:
        """The targets that know the cells, with the share they know and how many cells that is."""
        if not (column.exact and column.values) or (column.kind is ValueKind.NUMBER and not column.meanings):
            return []
        said = set(self.texts_of(column).values()) | {fold(text) for text in column.meanings.values()}
        telling = [text for text in said if text not in PLAIN_ANSWERS and not text.lstrip("-.").isdigit()]
        if not telling or len(telling) > 400:
            return []
        weights = {text: 1 / len(self.knowledge.cell_targets.get(text, ("",))) for text in telling}
        total = sum(weights.values())
        shares: dict[str, list[float]] = {}
        for text in telling:
            for key in self.knowledge.cell_targets.get(text, ()):
                shares.setdefault(key, []).append(weights[text])
        return [
            (
                key,
                sum(found) / total * len(found) / (len(found) + 0.7) * (1.0 if total > 0.5 else total * 2),
                len(found),
            )
            for key, found in shares.items()
        ]

    def _fitting(self, column: Column, target: Target) -> tuple[float, str]:
        """A factor for how cells and unit agree with a target, and what speaks against it."""
        if target.leave:
            return 1.0, ""
        kind = column.kind
        counted = column.numeric and not column.meanings
        if target.record in {"measurement", "outcome"}:
            if not column.numeric:
                return (
                    (0.25, "its cells are not numbers") if kind is not ValueKind.CODE else (0.3, "its cells are words")
                )
            if len(column.meanings) > 2 and column.coded:
                return 0.35, "its numbers are codes"
            return self._unit_factor(column, target)
        if target.record == "event":
            dated = kind is ValueKind.DATE or (counted and column.unit in {"d", "wk"})
            return (1.0, "") if dated else (0.4, "its cells are neither dates nor counts of days")
        if kind in {ValueKind.UID, ValueKind.DATE}:
            return 0.2, f"its cells are {kind.value}s"
        if kind is ValueKind.NUMBER and not column.meanings and len(column.values) > 12:
            return 0.3, "its cells are numbers"
        if counted and len(column.values) > 15:
            return 0.3, "its cells are many different numbers"
        if kind in {ValueKind.TEXT, ValueKind.IDENTIFIER}:
            return 0.6, "its cells are free text"
        if column.unit and not column.meanings and target.record == "finding":
            return 0.7, f"it has a unit, {column.unit}"
        return self._answers_factor(column, target)

    def _answers_factor(self, column: Column, target: Target) -> tuple[float, str]:
        """Less where the cells are yes and no, and those of the target are not."""
        said = set(self.texts_of(column).values())
        known = self.knowledge.cells.get(target.key, {})
        yes_no = bool(said) and said <= {
            "yes",
            "no",
            "y",
            "n",
            "true",
            "false",
            "unknown",
            "0",
            "1",
            "not marked",
            "marked",
            "checked",
            "unchecked",
        }
        if yes_no and self.choice_of(column, target):
            return 1.15, "one of its values is a column of its own"
        if (
            yes_no
            and not _listed(column)
            and column.meanings
            and target.record == "finding"
            and known
            and not {"yes", "no", "y", "true"} & known.keys()
        ):
            return 0.75, "its cells are yes and no"
        return 1.0, ""

    def choice_of(self, column: Column, target: Target) -> Curie | None:
        """The term of the value that a yes/no column is about, as *Race: White* is."""
        known = self.knowledge.cells.get(target.key, {})
        label = column.described.label if column.described else column.header.name
        for piece in reversed(re.split(r":|\s-\s|\)\s|=", label)):
            terms = known.get(fold(piece.strip(" )")))
            if terms:
                return terms.most_common(1)[0][0]
        return None

    def _unit_factor(self, column: Column, target: Target) -> tuple[float, str]:
        if column.years:
            return 0.3, "its cells are calendar years"
        if target.unit in {None, "1"}:
            return 1.0, ""
        if column.unit is None:
            return (
                (1.0, "")
                if target.unit in SAID_BY_NAME
                else (0.62, f"nothing says its unit, and {target.unit} is needed")
            )
        if _convertible(column.unit, target.unit or ""):
            return 1.0, f"its unit {column.unit} fits"
        return 0.35, f"its unit {column.unit} does not fit"

    def _proposal(
        self, column: Column, key: str, found: _Scored, fits: Mapping[tuple[str, Curie | None], Fit]
    ) -> Proposal:
        target = self.knowledge.targets[key]
        unit = column.unit if column.unit and (target.unit is None or _convertible(column.unit, target.unit)) else None
        numeric = target.record in {"measurement", "outcome"}
        elements = tuple(self._elements(column, key, found.score, fits))
        return Proposal(
            target, round(min(found.score, 0.99), 3), tuple(found.reasons), unit if numeric else None, elements
        )

    def _elements(
        self, column: Column, key: str, score: float, fits: Mapping[tuple[str, Curie | None], Fit]
    ) -> list[ElementProposal]:
        """The data elements of a target, best first: by earlier use, by name, by values."""
        stated = column.header.element or (column.described.element if column.described else None)
        uses = self.knowledge.uses.get(key, {})
        total = sum(uses.values()) + 1
        texts = {text for text in self.texts_of(column).values() if column.exact}
        candidates = {
            item.curie for item in self.knowledge.elements.values() if item.variable == key or item.curie == key
        }
        candidates |= {curie for curie in uses if curie is not None and curie in self.knowledge.elements}
        made = []
        for curie in candidates:
            item = self.knowledge.elements[curie]
            fit = fits.get((key, curie))
            named = fit.score if fit else 0.0
            used = uses.get(curie, 0) / total
            known = self.knowledge.element_cells.get(curie, frozenset())
            valued = len(texts & known) / len(texts) if texts and known else 0.0
            rank = 0.45 * named + 0.35 * used + 0.2 * valued
            if stated == curie:
                rank, reason = 1.0, "the header names it"
            elif item.value_type is ValueType.CODE and column.kind is ValueKind.NUMBER:
                rank, reason = rank * 0.5, "its values are coded"
            else:
                reason = _element_reason(fit, uses.get(curie, 0), valued)
            made.append(
                ElementProposal(
                    curie, item.version, item.long_name, round(min(0.99, score * (0.35 + 0.65 * rank)), 3), reason
                )
            )
        return sorted(made, key=lambda item: (-item.score, int(item.curie.partition(":")[2] or 0)))[:SHOWN]

    def _identical(self, column: Column, collection: str | None) -> tuple[Decided, ...]:
        """Earlier decisions about a column of this name that mean the same, where all of them agree."""
        found = [item for item in self.knowledge.by_name.get(fold(column.name), ()) if _same(column, item, collection)]
        agreed = len({(item.variable, item.element) for item in found}) == 1
        return tuple(found) if agreed else ()


def _raise(scored: dict[str, _Scored], key: str, score: float, reason: str) -> None:
    if key not in scored or scored[key].score < score:
        scored[key] = _Scored(score, [reason])


def _listed(column: Column) -> bool:
    """Whether a column's label has the form of one answer of a list: *Location of primary tumor - left lung*."""
    return bool(column.described and re.search(r":\s|\s-\s|\)\s", column.described.label))


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


def _convertible(unit: str, other: str) -> bool:
    try:
        convert(Decimal(1), unit, other)
    except (UnknownUnitError, IncompatibleUnitsError):
        return False
    return True


def _named(fit: Fit) -> str:
    degree = "is" if fit.score > 0.97 else "is like"
    return f"{fit.text[:60]!r} {degree} {fit.name.text[:60]!r} ({fit.name.origin})"


def _element_reason(fit: Fit | None, used: int, valued: float) -> str:
    parts = []
    if fit and fit.score > 0.3:
        parts.append(f"like {fit.name.text[:60]!r} ({fit.name.origin})")
    if used:
        parts.append(f"decided {used} times for this variable")
    if valued > 0.3:
        parts.append(f"{valued:.0%} of the values are permissible")
    return "; ".join(parts) or "an element of this variable"


def _nothing(column: Column) -> str:
    """Why nothing is proposed for a column that nothing known fits."""
    if column.kind is ValueKind.TEXT:
        return "free text; nothing known fits its name"
    if column.kind is ValueKind.IDENTIFIER:
        return "identifiers; nothing known fits its name"
    if column.kind is ValueKind.UID:
        return "unique identifiers of DICOM"
    return "nothing known fits well enough"
