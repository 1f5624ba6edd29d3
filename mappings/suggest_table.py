"""What is proposed for a table as a whole: the subject's column, families of columns, dates, missing cells."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from mappings.profile import Column, Table, ValueKind
from mappings.suggest import Advice

__all__ = ["Family", "families", "missing_of", "subject_of"]

NUMBERED = re.compile(r"(\d+)(?=\D*$)")
PIECES: Mapping[str, re.Pattern[str]] = {
    "visit": re.compile(r"(?:^|[\W_])(?:t|v|tp|visit|time ?point|week|month|yr|year|day|fu)[\W_]*$", re.IGNORECASE),
    "lesion": re.compile(r"(?:lesion|tumou?r|nodule|finding|mass|target)[\W_]*$", re.IGNORECASE),
}
"""What a number in a column's name counts, by the letters before it."""


def subject_of(table: Table, advice: Sequence[Advice]) -> str | None:
    """The column that most likely names the subject; None where none does.

    One that is called so, rather than one whose cells merely differ from row to row.
    """
    ranked = sorted(advice, key=lambda item: (-_as_subject(table, item), item.column.index))
    return ranked[0].column.name if ranked and _as_subject(table, ranked[0]) > 0.3 else None


def _as_subject(table: Table, item: Advice) -> float:
    column = item.column
    if column.kind in {ValueKind.EMPTY, ValueKind.UID, ValueKind.DATE} or column.filled < 0.5 * table.rows:
        return 0.0
    alone = min(1.0, column.distinct / max(column.filled, 1))
    called = 1.0 if item.role == "role:subject" else 0.0
    if not called and (column.kind is ValueKind.NUMBER or item.proposed or (item.role and column.index > 0)):
        return 0.0
    first = 0.3 if column.index == 0 else 0.05 if column.index == 1 else 0.0
    worded = 0.1 if column.kind is ValueKind.IDENTIFIER else 0.0
    return called + 0.35 * alone + first + worded if called or alone > (0.05 if column.index == 0 else 0.3) else 0.0


def missing_of(columns: Sequence[Column]) -> tuple[str, ...]:
    """The cells that say nothing in any of some columns, and that say something in none of them."""
    missing = {cell for column in columns for cell in column.missing}
    return tuple(sorted(cell for cell in missing if not any(cell in column.values for column in columns)))


@dataclass(frozen=True)
class Family:
    """Columns that differ in one number, as ``LD_T0`` and ``LD_T1``: the pattern that speaks of all of them."""

    pattern: str
    piece: str
    members: tuple[Advice, ...]

    @property
    def first(self) -> Advice:
        """The member that stands for all."""
        return self.members[0]


def families(advice: Sequence[Advice]) -> list[Family]:
    """The proposed columns; those that differ in one number and hold the same as one family."""
    found: dict[tuple[str, str, str | None], list[Advice]] = {}
    for item in advice:
        if item.proposed is None:
            continue
        pattern, _ = _pattern(item.column.name)
        found.setdefault((pattern, item.proposed.target.key, item.column.unit), []).append(item)
    made: list[Family] = []
    for (pattern, _, _), members in found.items():
        if len(members) > 1 and "{" in pattern and _alike(members):
            made.append(Family(pattern, _pattern(members[0].column.name)[1], tuple(members)))
        else:
            made += [Family(item.column.name, "", (item,)) for item in members]
    return sorted(made, key=lambda family: family.first.column.index)


def _alike(members: Sequence[Advice]) -> bool:
    """Whether the dictionary says the same of all but for numbers; the answers of a list differ in words."""
    labels = {re.sub(r"\d+", "", item.column.described.label) for item in members if item.column.described}
    return len(labels) < 2


def _pattern(name: str) -> tuple[str, str]:
    """A name with its last number as a piece, and what the piece counts; the name itself where it has no number.

    >>> _pattern("LD_T0"), _pattern("GRADE2"), _pattern("Age")
    (('LD_T{visit}', 'visit'), ('GRADE{number}', 'number'), ('Age', ''))
    """
    hit = NUMBERED.search(name)
    if hit is None or "{" in name:
        return name, ""
    before = name[: hit.start()]
    piece = next((piece for piece, pattern in PIECES.items() if pattern.search(before)), "number")
    return f"{before}{{{piece}}}{name[hit.end() :]}", piece
