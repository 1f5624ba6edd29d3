"""The steward's mapping decisions: an append-only table of the control data. No row is changed or removed.

A decision that is changed or withdrawn is a further row that names the one it replaces, so the history of every subject
is readable. What is in force follows from the rows in their order (`mappings.effective`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from store.control import Control, metadata, now
from store.decided import DecisionRecord, Verdict

__all__ = ["DecisionLog"]

decision_table = sa.Table(
    "decision",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("mapping", sa.String, nullable=False, index=True),
    sa.Column("verdict", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("subject_label", sa.String, nullable=False),
    sa.Column("modifier", sa.String, nullable=False),
    sa.Column("predicate", sa.String, nullable=False),
    sa.Column("object", sa.String, nullable=False),
    sa.Column("object_label", sa.String, nullable=False),
    sa.Column("object_version", sa.String, nullable=False),
    sa.Column("justification", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("reviewer", sa.String, nullable=False),
    sa.Column("confidence", sa.Float),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("replaces", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)

for action in ("UPDATE", "DELETE"):
    sa.event.listen(
        decision_table,
        "after_create",
        sa.DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER IF NOT EXISTS decision_no_{action.lower()} BEFORE {action} ON decision "
            "BEGIN SELECT RAISE(ABORT, 'decisions are only added: a change is a further row'); END"
        ).execute_if(dialect="sqlite"),
    )


class DecisionLog:
    """The decisions of one warehouse."""

    def __init__(self, control: Control) -> None:
        self._engine = control.engine
        decision_table.create(self._engine, checkfirst=True)

    def add(self, records: Iterable[DecisionRecord]) -> list[DecisionRecord]:
        """Add rows at once, all or none; the same with their numbers and their time."""
        time, added = now(), []
        with self._engine.begin() as connection:
            for record in records:
                row = {**asdict(record), "verdict": str(record.verdict), "made_at": time}
                del row["id"]
                result = connection.execute(sa.insert(decision_table), row)
                assert result.inserted_primary_key is not None
                added.append(_record({**row, "id": int(result.inserted_primary_key[0])}))
        return added

    def history(self, mapping: str, subject: str | None = None) -> list[DecisionRecord]:
        """Every row of a mapping set, or of one subject of it, oldest first."""
        query = sa.select(decision_table).where(decision_table.c.mapping == mapping).order_by(decision_table.c.id)
        if subject is not None:
            query = query.where(decision_table.c.subject == subject)
        with self._engine.begin() as connection:
            return [_record(dict(row)) for row in connection.execute(query).mappings()]

    def by_mapping(self) -> dict[str, list[DecisionRecord]]:
        """Every row by mapping set, oldest first."""
        found: dict[str, list[DecisionRecord]] = defaultdict(list)
        with self._engine.begin() as connection:
            for row in connection.execute(sa.select(decision_table).order_by(decision_table.c.id)).mappings():
                found[row["mapping"]].append(_record(dict(row)))
        return dict(found)


def _record(row: dict[str, Any]) -> DecisionRecord:
    return DecisionRecord(**{**row, "verdict": Verdict(row["verdict"])})
