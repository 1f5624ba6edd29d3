"""The records of decisions in view of those in force: what a new one points at, replaces or ends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from mappings.effective import decision_of
from mappings.sssom import Decision, MappingError, Slot
from mappings.targets import Target
from store.decided import NOT, DecisionRecord

__all__ = ["ContradictionError", "is_element", "pointing", "replacing", "withdrawn"]


class ContradictionError(MappingError):
    """A decision that contradicts one that is in force; the message names both places."""


def is_element(term: str) -> bool:
    """Whether a term is a common data element."""
    return term.startswith("cadsr:")


def pointing(record: DecisionRecord, target: Target) -> DecisionRecord:
    """The record with the term that it points at, and that term's label and version."""
    return replace(record, object=target.curie, object_label=target.label, object_version=target.version)


def replacing(record: DecisionRecord, held: Sequence[Decision]) -> DecisionRecord:
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


def withdrawn(record: DecisionRecord, term: str | None, held: Sequence[Decision]) -> list[DecisionRecord]:
    """The records that end what is in force: about a term; else all that the subject means, else its one rejection.

    What a column means is one thing to a steward, though element and variable are records of their own.
    """
    found = [row for row in held if term is None or row.term == term]
    if not found:
        raise MappingError(f"no decision{f' about {term}' if term else ''} is in force for {record.subject}")
    words = [row for row in found if not row.negated]
    by_slot: dict[tuple[Slot, str], list[Decision]] = {}
    for row in words or found:
        by_slot.setdefault((row.slot, row.term if row.negated else ""), []).append(row)
    if not words and len(by_slot) > 1:
        listed = ", ".join(sorted({row.term for row in found}))
        raise MappingError(f"{record.subject} has several rejections and no other word; name the term: {listed}")
    return [
        replace(
            record,
            predicate=rows[0].predicate,
            object=rows[0].term,
            object_label=rows[0].label,
            modifier=NOT if rows[0].negated else "",
            replaces="; ".join(item.place for item in rows),
        )
        for rows in by_slot.values()
    ]
