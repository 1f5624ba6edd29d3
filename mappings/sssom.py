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
from urllib.parse import quote, unquote

from ontology.prefixes import Curie, UnknownPrefixError, expand

__all__ = ["APPLIED", "NO_TERM", "Decision", "Decisions", "MappingError", "column_id", "read_decisions", "value_id"]

NO_TERM = "sssom:NoTermFound"
"""The object of a decision that there is no term: the cell is approved and kept as written."""

APPLIED = ("skos:exactMatch", "skos:closeMatch", "skos:broadMatch")
"""The predicates that are applied, best first: what the term says is then true of the cell."""

KNOWN_PREDICATES = (*APPLIED, "skos:narrowMatch", "skos:relatedMatch")
REQUIRED = ("subject_id", "predicate_id", "object_id", "mapping_justification")


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

    @property
    def applied(self) -> bool:
        """Whether the reader acts on it; a negated or too narrow match is kept as knowledge only."""
        return not self.negated and self.predicate in APPLIED


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
    decisions = Decisions(path, tuple(_rows(path)))
    decisions.check()
    return decisions


def _rows(path: Path) -> Iterator[Decision]:
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


def _decision(row: dict[str, str], place: str, line: int) -> Decision:
    kind, _, local = row["subject_id"].partition(":")
    column, slash, value = local.partition("/")
    if kind not in {"column", "value"} or not column or (kind == "value") != bool(slash):
        raise MappingError(f"{place}: subject {row['subject_id']!r}; right: column:NAME or value:NAME/CELL")
    if row["predicate_id"] not in KNOWN_PREDICATES:
        raise MappingError(f"{place}: predicate {row['predicate_id']!r}; known: {', '.join(KNOWN_PREDICATES)}")
    term = row["object_id"]
    if term != NO_TERM:
        try:
            expand(term)
        except UnknownPrefixError as error:
            raise MappingError(f"{place}: {error}") from error
    return Decision(
        column=unquote(column),
        value=unquote(value) if slash else None,
        predicate=row["predicate_id"],
        term=term,
        line=line,
        negated=row.get("predicate_modifier", "") == "Not",
        label=row.get("object_label", ""),
    )


@dataclass(frozen=True)
class Decisions:
    """A mapping set, by column and by cell."""

    path: Path
    rows: tuple[Decision, ...]

    @cached_property
    def _best(self) -> dict[tuple[str, str | None, bool], Decision]:
        """The decision to apply, by column, value and whether the term is a data element."""
        best: dict[tuple[str, str | None, bool], Decision] = {}
        for row in filter(lambda row: row.applied, self.rows):
            key = (row.column, row.value, row.value is None and row.term.startswith("cadsr:"))
            if key not in best or APPLIED.index(row.predicate) < APPLIED.index(best[key].predicate):
                best[key] = row
        return best

    def check(self) -> None:
        """`MappingError` where two decisions contradict each other."""
        denied = {(row.column, row.value, row.term): row.line for row in self.rows if row.negated}
        for row in filter(lambda row: row.applied, self.rows):
            line = denied.get((row.column, row.value, row.term))
            if line is not None:
                raise MappingError(f"{self.path.name}:{row.line}: accepts what line {line} rejects; keep one of them")
            best = self._best[row.column, row.value, row.value is None and row.term.startswith("cadsr:")]
            if best.predicate == row.predicate and best.term != row.term:
                raise MappingError(
                    f"{self.path.name}:{row.line}: a second {row.predicate} beside line {best.line}; keep one of them"
                )

    def _column(self, names: tuple[str, ...], *, element: bool) -> Curie | None:
        for name in names:
            found = self._best.get((name, None, element))
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
            for (column, value, _), row in self._best.items():
                if column == name and value is not None:
                    decided[value] = None if row.term == NO_TERM else Curie(row.term)
        return decided
