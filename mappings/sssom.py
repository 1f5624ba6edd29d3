"""Mapping decisions: what a steward decided that columns and values mean, read from SSSOM TSV.

The set is read with the standard library at run time (importing ``sssom_pydantic`` costs 0.6 s); the tests load every
set that we ship with ``sssom_pydantic`` too. SSSOM: https://mapping-commons.github.io/sssom/
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
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
    "Spoken",
    "column_id",
    "fields_of",
    "parse_subject",
    "raw_rows",
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


class Spoken(NamedTuple):
    """What a decision speaks of: a column or one of its cells, whole or one of the things that it says at once."""

    column: str
    value: str | None
    facet: str

    @property
    def subject(self) -> str:
        """The subject as SSSOM writes it."""
        if self.value is None:
            return column_id(self.column, self.facet)
        return value_id(self.column, self.value, self.facet)

    @property
    def label(self) -> str:
        """The column or cell as it stands in the table."""
        return self.column if self.value is None else self.value


class Slot(NamedTuple):
    """What one word is decided about: of a column, the data element and any other term each for itself."""

    column: str
    facet: str
    value: str | None
    is_element: bool


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
    facet: str = ""
    """Which of the things that a column says at once it is about: a field (``laterality``), or a name of the map's."""

    @property
    def applied(self) -> bool:
        """Whether the reader acts on it; a negated or too narrow match is kept as knowledge only."""
        return not self.negated and self.predicate in APPLIED

    @property
    def subject(self) -> str:
        """The subject as SSSOM writes it."""
        return Spoken(self.column, self.value, self.facet).subject

    @property
    def named(self) -> str:
        """The column or cell as it stands in the table."""
        return self.column if self.value is None else self.value

    @property
    def slot(self) -> Slot:
        """What it is about: of a column, the data element and any other term are decided each for itself."""
        return Slot(self.column, self.facet, self.value, self.value is None and self.term.startswith("cadsr:"))


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
    decisions = Decisions(path, tuple(read_rows(path)))
    decisions.check()
    return decisions


def read_rows(path: Path) -> Iterator[Decision]:
    """The rows of a mapping set in their order; `MappingError` at the first that cannot be used."""
    for row, place, line in raw_rows(path):
        try:
            spoken_of = parse_subject(row["subject_id"])
        except MappingError as error:
            raise MappingError(f"{place}: {error}") from error
        yield Decision(**spoken_of._asdict(), **fields_of(row, place, line))


def raw_rows(path: Path) -> Iterator[tuple[dict[str, str], str, int]]:
    """The rows of a mapping set by column, with place and line; `MappingError` where it is none."""
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
        yield row, f"{path.name}:{line}", line


def parse_subject(subject: str) -> Spoken:
    """What a subject speaks of; `MappingError` where it is neither a column nor a cell.

    >>> parse_subject("value:T%20stage/1%2F2"), parse_subject("column:TNM#n")
    (Spoken(column='T stage', value='1/2', facet=''), Spoken(column='TNM', value=None, facet='n'))
    """
    kind, _, local = subject.partition(":")
    spoken_of, slash, value = local.partition("/")
    column, hashed, facet = spoken_of.partition("#")
    if kind not in {"column", "value"} or not column or (kind == "value") != bool(slash) or bool(hashed) != bool(facet):
        raise MappingError(f"subject {subject!r}; right: column:NAME or value:NAME/CELL, or NAME#FACET for NAME")
    return Spoken(unquote(column), unquote(value) if slash else None, unquote(facet))


def fields_of(row: Mapping[str, str], place: str, line: int) -> dict[str, Any]:
    """The fields of a row but for what it speaks of; `MappingError` where predicate or object cannot be used."""
    if row["predicate_id"] not in KNOWN_PREDICATES:
        raise MappingError(f"{place}: predicate {row['predicate_id']!r}; known: {', '.join(KNOWN_PREDICATES)}")
    term = row["object_id"]
    if term != NO_TERM:
        try:
            expand(term)
        except UnknownPrefixError as error:
            raise MappingError(f"{place}: {error}") from error
    return {
        "predicate": row["predicate_id"],
        "term": term,
        "line": line,
        "negated": row.get("predicate_modifier", "") == "Not",
        "label": row.get("object_label", ""),
        "subject_label": row.get("subject_label", ""),
        "justification": row["mapping_justification"],
        "author": row.get("author_id") or row.get("author_label", ""),
        "reviewer": row.get("reviewer_id") or row.get("reviewer_label", ""),
        "date": row.get("mapping_date", ""),
        "confidence": row.get("confidence", ""),
        "comment": row.get("comment", ""),
        "place": place,
        "extra": tuple((name, text) for name, text in row.items() if text and name and name not in READ),
    }


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

    def _column(self, names: tuple[str, ...], facet: str, *, element: bool) -> Curie | None:
        for spoken_of in dict.fromkeys((facet, "")):
            for name in names:
                found = self.applied.get(Slot(name, spoken_of, None, element))
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
        for (column, facet, value, _), row in self.applied.items():
            if value is not None:
                found.setdefault((column, facet), {})[value] = row
        return found
