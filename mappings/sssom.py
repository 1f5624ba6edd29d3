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
    facet: str = ""
    """Which of the things that a column says at once it is about: a field (``laterality``), or a name of the map's."""

    @property
    def applied(self) -> bool:
        """Whether the reader acts on it; a negated or too narrow match is kept as knowledge only."""
        return not self.negated and self.predicate in APPLIED


def column_id(column: str, facet: str = "") -> str:
    """The subject of a decision about a column, or about one of the things that it says at once.

    >>> column_id("Overall stage"), column_id("TNM", "n")
    ('column:Overall%20stage', 'column:TNM#n')
    """
    return f"column:{quote(column, safe='')}{facet and '#'}{facet}"


def value_id(column: str, value: str, facet: str = "") -> str:
    """The subject of a decision about a cell text of a column.

    >>> value_id("T stage", "1/2"), value_id("Place", "left lung", "laterality")
    ('value:T%20stage/1%2F2', 'value:Place#laterality/left%20lung')
    """
    return f"value:{quote(column, safe='')}{facet and '#'}{facet}/{quote(value, safe='')}"


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
    spoken_of, slash, value = local.partition("/")
    column, hashed, facet = spoken_of.partition("#")
    if kind not in {"column", "value"} or not column or (kind == "value") != bool(slash) or bool(hashed) != bool(facet):
        raise MappingError(
            f"{place}: subject {row['subject_id']!r}; right: column:NAME or value:NAME/CELL, or NAME#FACET for NAME"
        )
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
        facet=unquote(facet),
    )


@dataclass(frozen=True)
class Decisions:
    """A mapping set, by column and by cell."""

    path: Path
    rows: tuple[Decision, ...]

    @cached_property
    def _best(self) -> dict[tuple[str, str, str | None, bool], Decision]:
        """The decision to apply, by column, facet, value and whether the term is a data element."""
        best: dict[tuple[str, str, str | None, bool], Decision] = {}
        for row in filter(lambda row: row.applied, self.rows):
            key = _key(row)
            if key not in best or APPLIED.index(row.predicate) < APPLIED.index(best[key].predicate):
                best[key] = row
        return best

    def check(self) -> None:
        """`MappingError` where two decisions contradict each other."""
        denied = {(row.column, row.facet, row.value, row.term): row.line for row in self.rows if row.negated}
        for row in filter(lambda row: row.applied, self.rows):
            line = denied.get((row.column, row.facet, row.value, row.term))
            if line is not None:
                raise MappingError(f"{self.path.name}:{row.line}: accepts what line {line} rejects; keep one of them")
            best = self._best[_key(row)]
            if best.predicate == row.predicate and best.term != row.term:
                raise MappingError(
                    f"{self.path.name}:{row.line}: a second {row.predicate} beside line {best.line}; keep one of them"
                )

    def _column(self, names: tuple[str, ...], facet: str, *, element: bool) -> Curie | None:
        for spoken_of in dict.fromkeys((facet, "")):
            for name in names:
                found = self._best.get((name, spoken_of, None, element))
                if found is not None:
                    return None if found.term == NO_TERM else Curie(found.term)
        return None

    def element(self, *names: str, facet: str = "") -> Curie | None:
        """The common data element of a column, by the first of its names that has one."""
        return self._column(names, facet, element=True)

    def variable(self, *names: str, facet: str = "") -> Curie | None:
        """The variable that a column holds, by the first of its names that has one."""
        return self._column(names, facet, element=False)

    def values(self, *names: str, facet: str = "") -> dict[str, Curie | None]:
        """The decided cells of a column; None where there is no term and the cell is kept as written."""
        decided: dict[str, Curie | None] = {}
        for name in reversed(names):
            for value, row in self._values.get((name, facet), {}).items():
                decided[value] = None if row.term == NO_TERM else Curie(row.term)
        return decided

    def facets(self, *names: str) -> frozenset[str]:
        """The facets of a column about whose cells there are decisions; the empty one is the column as a whole."""
        return frozenset(facet for column, facet in self._values if column in names)

    @cached_property
    def _values(self) -> dict[tuple[str, str], dict[str, Decision]]:
        """The decisions about cells, by column and facet."""
        found: dict[tuple[str, str], dict[str, Decision]] = {}
        for (column, facet, value, _), row in self._best.items():
            if value is not None:
                found.setdefault((column, facet), {})[value] = row
        return found


def _key(row: Decision) -> tuple[str, str, str | None, bool]:
    """What a decision is about: two that are applied under one key must agree."""
    return row.column, row.facet, row.value, row.value is None and row.term.startswith("cadsr:")
