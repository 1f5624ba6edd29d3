"""Mapping decisions: what a steward decided that columns and values mean, read from SSSOM TSV.

The set is read with the standard library at run time (importing ``sssom_pydantic`` costs 0.6 s); the tests load every
set that we ship with ``sssom_pydantic`` too. SSSOM: https://mapping-commons.github.io/sssom/
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias
from urllib.parse import quote, unquote

from ontology.prefixes import Curie, UnknownPrefixError, expand

__all__ = [
    "APPLIED",
    "KNOWN_PREDICATES",
    "NO_TERM",
    "Decision",
    "Decisions",
    "MappingError",
    "Slot",
    "column_id",
    "parse_subject",
    "read_decisions",
    "read_rows",
    "value_id",
]

NO_TERM = "sssom:NoTermFound"
"""The object of a decision that there is no term: the cell is approved and kept as written."""

APPLIED = ("skos:exactMatch", "skos:closeMatch", "skos:broadMatch")
"""The predicates that are applied, best first: what the term says is then true of the cell."""

KNOWN_PREDICATES = (*APPLIED, "skos:narrowMatch", "skos:relatedMatch")
REQUIRED = ("subject_id", "predicate_id", "object_id", "mapping_justification")
PLAIN = ("subject_label", "mapping_justification", "mapping_date", "confidence", "comment", "object_label")
PEOPLE = ("author_id", "author_label", "reviewer_id", "reviewer_label")
READ = frozenset((*REQUIRED, *PLAIN, *PEOPLE, "predicate_modifier"))

Slot: TypeAlias = tuple[str, str | None, bool]
"""A column, one of its cells or None, and whether it is the column's data element."""


class MappingError(ValueError):
    """A mapping that cannot be used; the message says file, place and what would be right."""


@dataclass(frozen=True, slots=True)
class Decision:
    """One row of a mapping set: a column, or one cell text of a column (``value``), and the term it means."""

    column: str
    value: str | None
    predicate: str
    term: str
    line: int
    negated: bool = False
    label: str = ""
    subject_label: str = ""
    justification: str = "semapv:ManualMappingCuration"
    author: str = ""
    """An ORCID (``orcid:…``) or a name, as the reviewer."""
    reviewer: str = ""
    date: str = ""
    confidence: str = ""
    comment: str = ""
    place: str = ""
    """Where it stands, for messages: file and line, or the number of a decision of the control data."""
    extra: tuple[tuple[str, str], ...] = ()
    """Further columns of the row, by name."""

    @property
    def applied(self) -> bool:
        """Whether the reader acts on it; a negated or too narrow match is kept as knowledge only."""
        return not self.negated and self.predicate in APPLIED

    @property
    def subject(self) -> str:
        """The subject as SSSOM writes it."""
        return column_id(self.column) if self.value is None else value_id(self.column, self.value)

    @property
    def slot(self) -> Slot:
        """What it is about: of a column, the data element and any other term are decided each for itself."""
        return (self.column, self.value, self.value is None and self.term.startswith("cadsr:"))


def column_id(column: str) -> str:
    """The subject of a decision about a column.

    >>> column_id("Overall stage")
    'column:Overall%20stage'
    """
    return f"column:{quote(column, safe='')}"


def value_id(column: str, value: str) -> str:
    """The subject of a decision about a cell text of a column.

    >>> value_id("T stage", "1/2")
    'value:T%20stage/1%2F2'
    """
    return f"value:{quote(column, safe='')}/{quote(value, safe='')}"


def read_decisions(path: Path) -> Decisions:
    """The decisions of a mapping set; `MappingError` naming file and line where a row cannot be used."""
    decisions = Decisions(path, tuple(read_rows(path)))
    decisions.check()
    return decisions


def read_rows(path: Path) -> Iterator[Decision]:
    """The rows of a mapping set in their order; `MappingError` at the first that cannot be used."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise MappingError(f"{path.name}: cannot be read as UTF-8 text ({type(error).__name__})") from error
    start = next((number for number, line in enumerate(lines) if not line.startswith("#")), len(lines))
    reader = csv.DictReader(lines[start:], delimiter="\t", quoting=csv.QUOTE_NONE, restval="")
    lacking = [name for name in REQUIRED if name not in (reader.fieldnames or ())]
    if lacking:
        raise MappingError(f"{path.name}:{start + 1}: no column {', '.join(lacking)}; SSSOM TSV has {REQUIRED}")
    for line, row in enumerate(reader, start + 2):
        yield _decision(row, f"{path.name}:{line}", line)


def parse_subject(subject: str) -> tuple[str, str | None]:
    """Column and cell (None where the whole column is meant) of a subject; `MappingError` where it is neither.

    >>> parse_subject("value:T%20stage/1%2F2"), parse_subject("column:Age")
    (('T stage', '1/2'), ('Age', None))
    """
    kind, _, local = subject.partition(":")
    column, slash, value = local.partition("/")
    if kind not in {"column", "value"} or not column or (kind == "value") != bool(slash):
        raise MappingError(f"subject {subject!r}; right: column:NAME or value:NAME/CELL")
    return unquote(column), unquote(value) if slash else None


def _decision(row: dict[str, str], place: str, line: int) -> Decision:
    try:
        column, value = parse_subject(row["subject_id"])
    except MappingError as error:
        raise MappingError(f"{place}: {error}") from error
    if row["predicate_id"] not in KNOWN_PREDICATES:
        raise MappingError(f"{place}: predicate {row['predicate_id']!r}; known: {', '.join(KNOWN_PREDICATES)}")
    term = row["object_id"]
    if term != NO_TERM:
        try:
            expand(term)
        except UnknownPrefixError as error:
            raise MappingError(f"{place}: {error}") from error
    return Decision(
        column=column,
        value=value,
        predicate=row["predicate_id"],
        term=term,
        line=line,
        negated=row.get("predicate_modifier", "") == "Not",
        label=row.get("object_label", ""),
        subject_label=row.get("subject_label", ""),
        justification=row["mapping_justification"],
        author=row.get("author_id") or row.get("author_label", ""),
        reviewer=row.get("reviewer_id") or row.get("reviewer_label", ""),
        date=row.get("mapping_date", ""),
        confidence=row.get("confidence", ""),
        comment=row.get("comment", ""),
        place=place,
        extra=tuple((name, text) for name, text in row.items() if text and name and name not in READ),
    )


@dataclass(frozen=True)
class Decisions:
    """A mapping set, by column and by cell."""

    path: Path
    rows: tuple[Decision, ...]

    @cached_property
    def applied(self) -> dict[Slot, Decision]:
        """The decision to apply, by column, value and whether the term is a data element."""
        best: dict[Slot, Decision] = {}
        for row in filter(lambda row: row.applied, self.rows):
            key = row.slot
            if key not in best or APPLIED.index(row.predicate) < APPLIED.index(best[key].predicate):
                best[key] = row
        return best

    def check(self) -> None:
        """`MappingError` where two decisions contradict each other, with the places of both."""
        denied = {(row.slot, row.term): row for row in self.rows if row.negated}
        for row in filter(lambda row: row.applied, self.rows):
            rejected = denied.get((row.slot, row.term))
            if rejected is not None:
                raise MappingError(f"{row.place}: accepts what {rejected.place} rejects; keep one of them")
            best = self.applied[row.slot]
            if best.predicate == row.predicate and best.term != row.term:
                raise MappingError(f"{row.place}: a second {row.predicate} beside {best.place}; keep one of them")

    def _column(self, names: tuple[str, ...], *, element: bool) -> Curie | None:
        for name in names:
            found = self.applied.get((name, None, element))
            if found is not None:
                return None if found.term == NO_TERM else Curie(found.term)
        return None

    def element(self, *names: str) -> Curie | None:
        """The common data element of a column, by the first of its names that has one."""
        return self._column(names, element=True)

    def variable(self, *names: str) -> Curie | None:
        """The variable that a column holds, by the first of its names that has one."""
        return self._column(names, element=False)

    def values(self, *names: str) -> dict[str, Curie | None]:
        """The decided cells of a column; None where there is no term and the cell is kept as written."""
        decided: dict[str, Curie | None] = {}
        for name in reversed(names):
            for (column, value, _), row in self.applied.items():
                if column == name and value is not None:
                    decided[value] = None if row.term == NO_TERM else Curie(row.term)
        return decided
