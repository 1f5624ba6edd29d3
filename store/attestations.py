"""What a steward has released from quarantine: an append-only table of the control data.

A release is a person's word about one content and one check: this was looked at, by whom, when and why. It lets the
next ingest pass over that check for that content, and over nothing else. It is taken back by a further row.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

import sqlalchemy as sa

from store.control import Control, QuarantineEntry, metadata, now

__all__ = ["Attestation", "Attestations", "CannotReleaseError"]

attestation_table = sa.Table(
    "attestation",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("collection", sa.String, nullable=False, index=True),
    sa.Column("content", sa.String, nullable=False),
    sa.Column("place", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("problem", sa.String, nullable=False),
    sa.Column("released", sa.Boolean, nullable=False),
    sa.Column("by", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Column("made_at", sa.String, nullable=False),
)

for action in ("UPDATE", "DELETE"):
    sa.event.listen(
        attestation_table,
        "after_create",
        sa.DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER IF NOT EXISTS attestation_no_{action.lower()} BEFORE {action} ON attestation "
            "BEGIN SELECT RAISE(ABORT, 'attestations are only added: a change is a further row'); END"
        ).execute_if(dialect="sqlite"),
    )


class CannotReleaseError(ValueError):
    """A release that cannot be made; the message says why, and what would be right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """One row: who answers for which content passing which check, or takes that back, when and why."""

    id: int
    collection: str
    content: str
    """The digest of what was looked at: of a DICOM file, of its header."""
    place: str
    """The check, by the place that it looks at."""
    name: str
    problem: str
    released: bool
    """False where an earlier release is taken back."""
    by: str
    reason: str
    made_at: str


class Attestations:
    """The releases of one warehouse."""

    def __init__(self, control: Control) -> None:
        self._engine = control.engine
        attestation_table.create(self._engine, checkfirst=True)

    def release(self, entries: Iterable[QuarantineEntry], by: str, reason: str) -> int:
        """Let the content of these entries pass the check that held it back, at the next ingest; how many they are.

        Raises `CannotReleaseError` where one of them is of a kind that is never released; then none is.
        """
        rows = []
        for entry in entries:
            if not entry.content:
                raise CannotReleaseError(_why_not(entry))
            about = {name: getattr(entry, name) for name in ("collection", "content", "place", "name", "problem")}
            rows.append({**about, "released": True})
        return self._add(rows, by, reason)

    def take_back(self, ids: Iterable[int], by: str, reason: str) -> int:
        """Hold back again what was released under these numbers, from the next ingest on."""
        known = {item.id: item for item in self.history()}
        unknown = [number for number in ids if number not in known]
        if unknown:
            raise CannotReleaseError(f"no release {unknown[0]}; `qilin quarantine releases` lists those that there are")
        rows = [{**asdict(known[number]), "released": False} for number in ids]
        return self._add([{k: v for k, v in row.items() if k != "id"} for row in rows], by, reason)

    def history(self, collection: str | None = None) -> list[Attestation]:
        """Every row, oldest first."""
        query = sa.select(attestation_table).order_by(attestation_table.c.id)
        if collection is not None:
            query = query.where(attestation_table.c.collection == collection)
        with self._engine.begin() as connection:
            return [Attestation(**row) for row in connection.execute(query).mappings()]

    def released(self, collection: str) -> frozenset[tuple[str, str]]:
        """Content and place of what is released in a collection now: the last word about each."""
        last = {(item.content, item.place): item.released for item in self.history(collection)}
        return frozenset(about for about, released in last.items() if released)

    def _add(self, rows: list[dict[str, object]], by: str, reason: str) -> int:
        if not by.strip() or not reason.strip():
            raise CannotReleaseError("a release names who answers for it, and why")
        signed = {"by": by.strip(), "reason": reason.strip(), "made_at": now()}
        with self._engine.begin() as connection:
            if rows:
                connection.execute(sa.insert(attestation_table), [{**row, **signed} for row in rows])
        return len(rows)


def _why_not(entry: QuarantineEntry) -> str:
    why = "what may identify a person, or contradicts what is held, is never stored, whoever answers for it"
    if not entry.quarantined:
        why = "it is broken, not held back"
    return f"entry {entry.id} ({entry.place}) cannot be released: {why}; wanted: {entry.wanted}"
