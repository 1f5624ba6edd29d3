"""The steward's desk: the one way in which pages and the command line make decisions, checked before they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingest.gate import identifier_in
from mappings.effective import decision_of
from mappings.people import person
from mappings.sssom import (
    KNOWN_PREDICATES,
    NO_TERM,
    Decision,
    MappingError,
    Spoken,
    parse_subject,
    read_rows,
)
from mappings.tables import Library, TableMap
from mappings.targets import Target, Targets
from ontology.index import TermIndex, UnknownConceptError
from store.decisions import NOT, DecisionRecord, Verdict
from store.warehouse import Warehouse

__all__ = ["PROPOSALS", "ContradictionError", "Made", "Steward", "Wish"]

PROPOSALS = "proposals.sssom.tsv"
"""The file of a map's folder in which proposals wait, several for a subject; they are never applied by themselves."""


class ContradictionError(MappingError):
    """A decision that contradicts one that is in force; the message names both places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A decision as a steward states it. Without ``term`` the best proposal is meant; to withdraw, what is in force.

    ``subject`` is ``column:…`` or ``value:…/…``, or simply a column's name, or ``column=cell``.
    """

    mapping: str
    subject: str
    verdict: Verdict = Verdict.ACCEPTED
    term: str | None = None
    predicate: str | None = None
    """That of the proposal where the term is one; else an exact match."""
    author: str
    reviewer: str = ""
    confidence: float | None = None
    reason: str = ""
    """Why; that of the proposal where the term is one and nothing else is said."""
    justification: str = "semapv:ManualMappingCuration"


@dataclass(frozen=True, slots=True)
class Made:
    """A decision that was kept, and whether the map reads the column that it speaks of."""

    record: DecisionRecord
    is_read: bool


class Steward:
    """Decides for one warehouse."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.targets = Targets(TermIndex(warehouse.home.terms))

    @property
    def library(self) -> Library:
        """The maps as they are now."""
        return Library.of(self.warehouse.home, self.warehouse.decisions)

    def decide(self, wish: Wish) -> Made:
        """Check a decision and add it to the records; `MappingError` where it cannot stand, saying why."""
        mapping = self.library.unchecked(wish.mapping)
        spoken_of = subject_of(mapping, wish.subject)
        _check(wish, spoken_of.value)
        held = [row for row in mapping.decisions.rows if (row.column, row.value, row.facet) == spoken_of]
        record = DecisionRecord(
            mapping=mapping.name,
            verdict=wish.verdict,
            subject=spoken_of.subject,
            subject_label=spoken_of.column if spoken_of.value is None else spoken_of.value,
            predicate=wish.predicate or "skos:exactMatch",
            justification=wish.justification,
            author=person(wish.author),
            reviewer=person(wish.reviewer) if wish.reviewer else "",
            confidence=wish.confidence,
            reason=" ".join(wish.reason.split()),
        )
        record = self._pointed(record, mapping, wish, held)
        if not record.reason:
            raise MappingError("a decision without a reason; say why, for those who come after you")
        (added,) = self.warehouse.decisions.add([record])
        return Made(added, spoken_of.column in mapping.columns)

    def _pointed(
        self, record: DecisionRecord, mapping: TableMap, wish: Wish, held: Sequence[Decision]
    ) -> DecisionRecord:
        """The record with its term and with what it replaces."""
        if wish.verdict is Verdict.WITHDRAWN:
            return _withdrawn(record, wish.term, held)
        if wish.verdict is Verdict.NO_TERM:
            return _replacing(replace(record, object=NO_TERM), held)
        target, proposal = self._target(mapping, wish, record.subject)
        record = replace(record, object=target.curie, object_label=target.label, object_version=target.version)
        if proposal is not None:
            record = replace(
                record,
                predicate=wish.predicate or proposal.predicate,
                confidence=_confidence(proposal) if wish.confidence is None else wish.confidence,
                reason=record.reason or proposal.comment,
            )
        if wish.verdict is Verdict.REJECTED:
            record = replace(record, modifier=NOT)
        return _replacing(record, held)

    def proposals(self, mapping: TableMap) -> dict[str, list[Decision]]:
        """What is proposed for each subject of a map, best first."""
        path = mapping.folder / PROPOSALS
        found: dict[str, list[Decision]] = {}
        for row in read_rows(path) if path.is_file() else ():
            found.setdefault(row.subject, []).append(row)
        return {subject: sorted(rows, key=_confidence, reverse=True) for subject, rows in found.items()}

    def _target(self, mapping: TableMap, wish: Wish, subject: str) -> tuple[Target, Decision | None]:
        """The term that is meant, and the proposal where it came from one."""
        proposed = self.proposals(mapping).get(subject, [])
        term = wish.term or (proposed[0].term if proposed else None)
        if term is None:
            raise MappingError(
                f"nothing is proposed for {subject} in {mapping.name}; name the term, such as ncit:C28421"
            )
        try:
            target = self.targets.find(term)
        except UnknownConceptError as error:
            raise MappingError(f"{error}; `qilin terms import` loads further vocabularies") from error
        if wish.verdict is Verdict.ACCEPTED and not target.usable:
            instead = f"; it was replaced by {target.replaced_by}" if target.replaced_by else ""
            raise MappingError(f"{term} {target.label!r} is {target.status} and takes no new decisions{instead}")
        if subject.startswith("value:") and term.startswith("cadsr:"):
            raise MappingError(f"{term} is a data element; a cell means a concept, and its column has the element")
        return target, next((row for row in proposed if row.term == term), None)


def subject_of(mapping: TableMap, text: str) -> Spoken:
    """Column and cell that a steward names: as SSSOM does, or simply ``Overall stage`` or ``Overall stage=IIIb``."""
    if text.startswith(("column:", "value:")):
        return parse_subject(text)
    if text in mapping.columns:
        return Spoken(text, None, "")
    for at, letter in enumerate(text):
        if letter == "=" and text[:at].strip() in mapping.columns and text[at + 1 :].strip():
            return Spoken(text[:at].strip(), text[at + 1 :].strip(), "")
    known = ", ".join(sorted(mapping.columns))
    raise MappingError(
        f"{mapping.name} reads no column {text.partition('=')[0]!r}; it reads: {known}. "
        "Another column is named as column:NAME or value:NAME/CELL"
    )


def _check(wish: Wish, value: str | None) -> None:
    """`MappingError` where something about the wish itself is wrong."""
    if wish.predicate not in (None, *KNOWN_PREDICATES):
        raise MappingError(f"predicate {wish.predicate!r}; known: {', '.join(KNOWN_PREDICATES)}")
    if wish.confidence is not None and not 0 <= wish.confidence <= 1:
        raise MappingError(f"confidence {wish.confidence}; right: from 0 to 1")
    if value is not None and (found := identifier_in(value)):
        raise MappingError(f"the cell looks like {found}: such cells are not decided about; leave the column out")


def _replacing(record: DecisionRecord, held: Sequence[Decision]) -> DecisionRecord:
    """The record with the place of what it replaces; `ContradictionError` where the opposite is in force."""
    new = decision_of(record)
    same = [row for row in held if row.slot == new.slot]
    opposite = next((row for row in same if row.term == new.term and row.negated != new.negated), None)
    if opposite is not None:
        done, asked = ("rejects", "accept") if opposite.negated else ("accepts", "reject")
        raise ContradictionError(
            f"{opposite.place} {done} {opposite.term} for {new.subject}, which this would {asked}; "
            "withdraw that first, with --withdraw"
        )
    before = [row.place for row in same if row.negated == new.negated and (not new.negated or row.term == new.term)]
    return replace(record, replaces="; ".join(before))


def _withdrawn(record: DecisionRecord, term: str | None, held: Sequence[Decision]) -> DecisionRecord:
    """The record that ends a decision in force: that about a term, else the only one."""
    found = [row for row in held if term is None or row.term == term]
    if not found:
        raise MappingError(f"no decision{f' about {term}' if term else ''} is in force for {record.subject}")
    if len({(row.slot, row.negated, row.term) for row in found}) > 1:
        listed = ", ".join(sorted({row.term for row in found}))
        raise MappingError(f"several decisions are in force for {record.subject}; name the term: {listed}")
    row = found[0]
    return replace(
        record,
        predicate=row.predicate,
        object=row.term,
        object_label=row.label,
        modifier=NOT if row.negated else "",
        replaces="; ".join(item.place for item in found),
    )


def _confidence(row: Decision) -> float:
    try:
        return float(row.confidence)
    except ValueError:
        return 0.0
