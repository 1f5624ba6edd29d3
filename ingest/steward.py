"""The steward's desk: the one way in which pages and the command line make decisions, checked before they are kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ingest.gate.forms import CODED, identifier_in
from ingest.steward_records import ContradictionError, is_element, pointing, replacing, withdrawn
from ingest.table.plan import ABOUT
from mappings.code_library import CodeSet
from mappings.code_sets import ALL, SpokenCode, code_decision
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
from mappings.suggest import PROPOSED
from mappings.suggest_codes import CodeProposal, suggest_code
from mappings.suggest_values import index_lookup
from mappings.tables import Library, TableMap
from mappings.targets import Target, Targets
from ontology.index import TermIndex, UnknownConceptError
from store.decided import NOT, DecisionRecord, Verdict
from store.warehouse import Warehouse

__all__ = ["PROPOSALS", "ContradictionError", "Made", "Steward", "Wish", "confidence_of", "subject_of"]

PROPOSALS = "proposals.sssom.tsv"
"""The file of a map's folder in which proposals wait, several for a subject; they are never applied by themselves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """A decision as a steward states it. Without ``term`` the best proposal is meant; to withdraw, what is in force.

    ``subject`` is ``column:…`` or ``value:…/…``, or simply a column's name, or ``column=cell``; of a code set
    (``codes/srt``) the code, of a private scheme with its meaning, or the triplet as the store has it. A data element
    brings the variable that it measures, unless ``variable`` names another.
    """

    mapping: str
    subject: str
    verdict: Verdict = Verdict.ACCEPTED
    term: str | None = None
    variable: str | None = None
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
    """A decision that was kept, what it brought with it, and whether the map reads the column that it speaks of."""

    record: DecisionRecord
    is_read: bool
    brought: tuple[DecisionRecord, ...] = ()
    """The variable of an element, the element of a variable, or what else of a column was withdrawn with it."""
    needs_variable: bool = False
    """Whether the column has an element but nothing says which variable it holds."""


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
        records = self._pointed(record, mapping, wish, held)
        if not all(item.reason for item in records):
            raise MappingError("a decision without a reason; say why, for those who come after you")
        added, *brought = self.warehouse.decisions.add(records)
        terms = {row.term for row in held if row.applied} | {item.object for item in brought}
        needs = wish.verdict is Verdict.ACCEPTED and is_element(added.object) and all(map(is_element, terms))
        needs = needs and not _says_variable(mapping, spoken_of)
        return Made(added, _is_read(mapping, spoken_of), tuple(brought), needs)

    def _pointed(
        self, record: DecisionRecord, mapping: TableMap | CodeSet, wish: Wish, held: Sequence[Decision]
    ) -> list[DecisionRecord]:
        """The record with its term and with what it replaces, then what it brings with it."""
        if wish.verdict is Verdict.WITHDRAWN:
            return withdrawn(record, wish.term, held)
        if wish.verdict is Verdict.NO_TERM:
            return [replacing(replace(record, object=NO_TERM), held)]
        target, proposal = self._target(mapping, wish, record)
        made = _as_proposed(pointing(record, target), proposal, wish)
        if wish.verdict is Verdict.REJECTED:
            return [replacing(replace(made, modifier=NOT), held)]
        return [replacing(made, held), *self._brought(record, made, mapping, wish, held)]

    def _brought(
        self,
        record: DecisionRecord,
        made: DecisionRecord,
        mapping: TableMap | CodeSet,
        wish: Wish,
        held: Sequence[Decision],
    ) -> list[DecisionRecord]:
        """What an accepted term of a column brings: an element its variable, a proposed variable its element."""
        if isinstance(mapping, CodeSet) or record.subject.startswith("value:"):
            return []
        spoken_of = parse_subject(record.subject)
        if not is_element(made.object):
            return [] if wish.term else self._element_of(record, made, mapping, wish, held)
        term = wish.variable
        if term is None and not _says_variable(mapping, spoken_of):
            term = self.targets.variable(made.object)
        if term is None or any(row.applied and row.term == term for row in held):
            return []
        reason = made.reason if wish.variable else f"the variable of {made.object}: {made.reason}"
        brought = replace(
            pointing(record, self._usable(term, Verdict.ACCEPTED)),
            predicate=made.predicate,
            confidence=made.confidence,
            reason=reason if made.reason else "",
        )
        return [replacing(brought, held)]

    def _element_of(
        self,
        record: DecisionRecord,
        made: DecisionRecord,
        mapping: TableMap,
        wish: Wish,
        held: Sequence[Decision],
    ) -> list[DecisionRecord]:
        """The best proposed element of the variable that was taken from the proposals, where it is good enough."""
        denied = {row.term for row in held if row.negated}
        for row in self.proposals(mapping).get(record.subject, []):
            fits = is_element(row.term) and self.targets.variable(row.term) == made.object
            if fits and row.term not in denied and confidence_of(row) >= PROPOSED:
                element = pointing(record, self._usable(row.term, Verdict.ACCEPTED))
                return [replacing(_as_proposed(element, row, wish), held)]
        return []

    def proposals(self, mapping: TableMap) -> dict[str, list[Decision]]:
        """What is proposed for each subject of a map, best first."""
        path = mapping.folder / PROPOSALS
        found: dict[str, list[Decision]] = {}
        for row in read_rows(path) if path.is_file() else ():
            found.setdefault(row.subject, []).append(row)
        return {subject: sorted(rows, key=confidence_of, reverse=True) for subject, rows in found.items()}

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
        target = self._usable(term, wish.verdict)
        if is_element(term) and (subject.startswith("value:") or isinstance(mapping, CodeSet)):
            raise MappingError(f"{term} is a data element; a cell or code means a concept; a column has the element")
        if wish.variable and not is_element(term):
            raise MappingError(f"{term} is no data element, so it is the variable itself; leave --variable out")
        return target, next((row for row in proposed if row.term == term), None)

    def _usable(self, term: str, verdict: Verdict) -> Target:
        """A term that is known and, to be accepted, in use."""
        try:
            target = self.targets.find(term)
        except UnknownConceptError as error:
            raise MappingError(f"{error}; `qilin terms import` loads further vocabularies") from error
        if verdict is Verdict.ACCEPTED and not target.usable:
            instead = f"; it was replaced by {target.replaced_by}" if target.replaced_by else ""
            raise MappingError(f"{term} {target.label!r} is {target.status} and takes no new decisions{instead}")
        return target


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


def _says_variable(mapping: TableMap | CodeSet, spoken_of: Spoken | SpokenCode) -> bool:
    """Whether every record that the map makes of a column has its variable from elsewhere, or has none."""
    if isinstance(mapping, CodeSet) or isinstance(spoken_of, SpokenCode):
        return True
    entries = [
        entry
        for part in mapping.parts
        for name, listed in part.columns.items()
        for entry in listed
        if name == spoken_of.column.removeprefix(f"{part.sheet}!") and entry.facet == spoken_of.facet
    ]
    return bool(entries) and all(
        entry.record in ABOUT or "variable" in {entry.main, *entry.fields} for entry in entries
    )


def _as_proposed(record: DecisionRecord, proposal: Decision | None, wish: Wish) -> DecisionRecord:
    """The record with what its proposal says and the wish does not."""
    if proposal is None:
        return record
    return replace(
        record,
        predicate=wish.predicate or proposal.predicate,
        confidence=confidence_of(proposal) if wish.confidence is None else wish.confidence,
        reason=record.reason or proposal.comment,
    )


def _check(wish: Wish, spoken_of: Spoken | SpokenCode) -> None:
    """`MappingError` where something about the wish itself is wrong."""
    is_column = isinstance(spoken_of, Spoken) and spoken_of.value is None
    if wish.variable and (not is_column or wish.verdict is not Verdict.ACCEPTED):
        raise MappingError("--variable says which variable a column of a data element holds: it goes with nothing else")
    if wish.variable and is_element(wish.variable):
        raise MappingError(f"{wish.variable} is a data element; a variable is a term such as ncit:C28421")
    if wish.predicate not in (None, *KNOWN_PREDICATES):
        raise MappingError(f"predicate {wish.predicate!r}; known: {', '.join(KNOWN_PREDICATES)}")
    if wish.confidence is not None and not 0 <= wish.confidence <= 1:
        raise MappingError(f"confidence {wish.confidence}; right: from 0 to 1")
    if isinstance(spoken_of, SpokenCode):
        if found := identifier_in(spoken_of.meaning, CODED):
            raise MappingError(f"the meaning looks like {found}: such codes are not decided about")
    elif spoken_of.value is not None and (found := identifier_in(spoken_of.value)):
        raise MappingError(f"the cell looks like {found}: such cells are not decided about; leave the column out")


def _is_read(mapping: TableMap | CodeSet, spoken_of: Spoken | SpokenCode) -> bool:
    """Whether anything is read of what a decision speaks of; any source may have any code."""
    return not isinstance(mapping, TableMap) or (isinstance(spoken_of, Spoken) and spoken_of.column in mapping.columns)


def confidence_of(row: Decision) -> float:
    """The score of a proposal; 0 where it states none that is a number."""
    try:
        return float(row.confidence)
    except ValueError:
        return 0.0
