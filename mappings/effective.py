"""What is in force: the rows of a mapping set, overlaid by the steward's decisions in the order in which they came.

About each column or cell there is one word (the term it means, or that there is none) and any number of terms that it
does not mean. The later word takes the place of the earlier one; accepting a term ends its rejection and the other way
round; what is withdrawn is undecided again. A column's data element and its other term are decided each for itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from mappings.code_sets import code_decision, is_code_set
from mappings.sssom import NO_TERM, Decision, Slot, parse_subject
from store.decided import NOT, DecisionRecord, Verdict

__all__ = ["decision_of", "in_force", "pending_writes"]


def decision_of(record: DecisionRecord) -> Decision:
    """A record as a row of its mapping set."""
    fields: dict[str, Any] = {
        "predicate": record.predicate,
        "term": record.object,
        "line": record.id,
        "negated": record.modifier == NOT,
        "label": record.object_label,
        "subject_label": record.subject_label,
        "justification": record.justification,
        "author": record.author,
        "reviewer": record.reviewer,
        "date": record.made_at[:10],
        "confidence": "" if record.confidence is None else f"{record.confidence:g}",
        "comment": record.reason,
        "place": f"decision {record.id} ({record.author}, {record.made_at[:10]})",
    }
    if is_code_set(record.mapping):
        return code_decision(record.subject, record.subject_label, fields)
    return Decision(**parse_subject(record.subject)._asdict(), **fields)


def pending_writes(records: Sequence[DecisionRecord]) -> Sequence[DecisionRecord]:
    """The records since the map's own file was last written: what came before stands in the file."""
    written = [number for number, record in enumerate(records, 1) if record.verdict is Verdict.WRITTEN]
    return records[written[-1] :] if written else records


def in_force(rows: Iterable[Decision], records: Sequence[DecisionRecord]) -> tuple[Decision, ...]:
    """The rows of a mapping set after the records, in order of subject, term and predicate."""
    words: dict[Slot, list[Decision]] = {}
    denied: dict[tuple[Slot, str], Decision] = {}
    for row in rows:
        if row.negated:
            denied[row.slot, row.term] = row
        else:
            words.setdefault(row.slot, []).append(row)
    for record in pending_writes(records):
        _follow(decision_of(record), record.verdict, words, denied)
    found = [*(row for held in words.values() for row in held), *denied.values()]
    return tuple(sorted(found, key=lambda row: (row.subject, row.term == NO_TERM, row.term, row.predicate)))


def _follow(
    row: Decision, verdict: Verdict, words: dict[Slot, list[Decision]], denied: dict[tuple[Slot, str], Decision]
) -> None:
    """Let one record change what is in force."""
    if verdict is Verdict.WITHDRAWN:
        if row.negated:
            denied.pop((row.slot, row.term), None)
        else:
            words.pop(row.slot, None)
    elif verdict is Verdict.REJECTED:
        denied[row.slot, row.term] = row
        left = [word for word in words.pop(row.slot, []) if word.term != row.term]
        if left:
            words[row.slot] = left
    else:
        words[row.slot] = [row]
        denied.pop((row.slot, row.term), None)
