"""The steward's desk: the one way in which pages and the command line make decisions, checked before they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingest.gate import identifier_in
from mappings.code_library import CodeSet
from mappings.code_sets import ALL, SpokenCode, code_decision
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
from mappings.suggest_codes import CodeProposal, suggest_code
from mappings.suggest_values import index_lookup
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

    ``subject`` is ``column:…`` or ``value:…/…``, or simply a column's name, or ``column=cell``; of a code set
    (``codes/srt``) the code, of a private scheme with its meaning, or the triplet as the store has it.
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
        self._index = TermIndex(warehouse.home.terms)
        self.targets = Targets(self._index)

    @property
    def library(self) -> Library:
        """The maps as they are now."""
        return Library.of(self.warehouse.home, self.warehouse.decisions)

    def decide(self, wish: Wish) -> Made:
        """Check a decision and add it to the records; `MappingError` where it cannot stand, saying why."""
        library = self.library
        mapping = library.code_sets.of_code(wish.subject) if wish.mapping == ALL else library.mapping_set(wish.mapping)
        spoken_of = subject_of(mapping, wish.subject)
        _check(wish, spoken_of)
        held = [r for r in mapping.decisions.rows if (r.subject, r.facet) == (spoken_of.subject, spoken_of.facet)]
        record = DecisionRecord(
            mapping=mapping.name,
            verdict=wish.verdict,
            subject=spoken_of.subject,
            subject_label=spoken_of.label or next((row.subject_label for row in held), ""),
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
        return Made(added, _is_read(mapping, spoken_of))

    def _pointed(
        self, record: DecisionRecord, mapping: TableMap | CodeSet, wish: Wish, held: Sequence[Decision]
    ) -> DecisionRecord:
        """The record with its term and with what it replaces."""
        if wish.verdict is Verdict.WITHDRAWN:
            return _withdrawn(record, wish.term, held)
        if wish.verdict is Verdict.NO_TERM:
            return _replacing(replace(record, object=NO_TERM), held)
        target, proposal = self._target(mapping, wish, record)
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

    def code_proposals(self, meaning: str) -> list[CodeProposal]:
        """What is proposed for a code of that meaning, best first."""
        return suggest_code(meaning, self.library.codes, index_lookup(self._index))

    def _proposed(self, mapping: TableMap | CodeSet, record: DecisionRecord) -> list[Decision]:
        if isinstance(mapping, TableMap):
            return self.proposals(mapping).get(record.subject, [])
        found = self.code_proposals(record.subject_label)
        return [code_decision(record.subject, record.subject_label, item.fields) for item in found]

    def _target(
        self, mapping: TableMap | CodeSet, wish: Wish, record: DecisionRecord
    ) -> tuple[Target, Decision | None]:
        """The term that is meant, and the proposal where it came from one."""
        subject, proposed = record.subject, self._proposed(mapping, record)
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
        if term.startswith("cadsr:") and (subject.startswith("value:") or isinstance(mapping, CodeSet)):
            raise MappingError(f"{term} is a data element; a cell or code means a concept; a column has the element")
        return target, next((row for row in proposed if row.term == term), None)


def subject_of(mapping: TableMap | CodeSet, text: str) -> Spoken | SpokenCode:
    """Column and cell that a steward names, as SSSOM does, or simply ``Overall stage=IIIb``; of a code set the code."""
    return mapping.spoken_of(text) if isinstance(mapping, CodeSet) else _column_of(mapping, text)


def _column_of(mapping: TableMap, text: str) -> Spoken:
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


def _check(wish: Wish, spoken_of: Spoken | SpokenCode) -> None:
    """`MappingError` where something about the wish itself is wrong."""
    if wish.predicate not in (None, *KNOWN_PREDICATES):
        raise MappingError(f"predicate {wish.predicate!r}; known: {', '.join(KNOWN_PREDICATES)}")
    if wish.confidence is not None and not 0 <= wish.confidence <= 1:
        raise MappingError(f"confidence {wish.confidence}; right: from 0 to 1")
    if isinstance(spoken_of, SpokenCode):
        if found := identifier_in(spoken_of.meaning):
            raise MappingError(f"the meaning looks like {found}: such codes are not decided about")
    elif spoken_of.value is not None and (found := identifier_in(spoken_of.value)):
        raise MappingError(f"the cell looks like {found}: such cells are not decided about; leave the column out")


def _is_read(mapping: TableMap | CodeSet, spoken_of: Spoken | SpokenCode) -> bool:
    """Whether anything is read of what a decision speaks of; any source may have any code."""
    return not isinstance(mapping, TableMap) or (isinstance(spoken_of, Spoken) and spoken_of.column in mapping.columns)


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
