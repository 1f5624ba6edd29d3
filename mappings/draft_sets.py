"""The mapping sets of a draft, as SSSOM TSV: what is taken over from earlier decisions, and what is proposed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from mappings.draft_context import Context, context_of
from mappings.knowledge import DRAFTED, Decided
from mappings.profile import Table
from mappings.sssom import column_id, value_id
from mappings.suggest import Advice
from mappings.suggest_long import Long
from mappings.suggest_table import Family, families, subject_of
from mappings.suggest_values import ValueProposal
from mappings.words import fold
from ontology.prefixes import prefixes

__all__ = ["Sheet", "decided_rows", "item_rows", "mapping_set", "proposed_rows"]

COLUMNS = (
    "subject_id",
    "subject_label",
    "predicate_modifier",
    "predicate_id",
    "object_id",
    "object_label",
    "mapping_justification",
    "author_label",
    "mapping_date",
    "confidence",
    "comment",
)
SETS = "https://w3id.org/qilin/mappings/"
LISTED = 0.3
"""The score from which a candidate is worth a row."""


@dataclass(frozen=True)
class Sheet:
    """A table with its advice and the proposals for cells, by column and cell."""

    table: Table
    advice: Sequence[Advice]
    values: Mapping[str, Mapping[str, Sequence[ValueProposal]]]
    long: Long | None = None
    """How the table is long, where one column names what another holds."""

    @cached_property
    def usable(self) -> bool:
        """Whether a map can be made of it: a subject, and a column that holds something."""
        return self.subject is not None and bool(self.families or self.long)

    @cached_property
    def subject(self) -> str | None:
        """The column of the subject."""
        return subject_of(self.table, self.advice)

    @cached_property
    def families(self) -> list[Family]:
        """The columns that the map reads."""
        taken = {self.subject, *(self.long.names if self.long else ())}
        return [family for family in families(self.advice) if family.first.column.name not in taken]

    @cached_property
    def context(self) -> Context:
        """What dates and numbers the records."""
        read = [item for family in self.families for item in family.members]
        if self.long:
            read += [item for item in self.advice if item.column.name == self.long.value.name]
        return context_of(self.advice, self.subject, read)


def _predicate(score: float) -> str:
    return "skos:exactMatch" if score >= 0.9 else "skos:closeMatch"


def _row(subject: str, label: str, term: str, text: str, score: float, reason: str, date: str) -> tuple[str, ...]:
    lexical = "known for" not in reason and "decided" not in reason
    justification = "semapv:LexicalMatching" if lexical else "semapv:SemanticSimilarityThresholdMatching"
    cells = (
        subject,
        label,
        "",
        _predicate(score),
        term,
        text,
        justification,
        DRAFTED,
        date,
        f"{score:.3f}".rstrip("0").rstrip("."),
        reason,
    )
    return tuple(_flat(cell) for cell in cells)


def _flat(text: str) -> str:
    """A cell without line ends and tabs, and without a quotation mark at its beginning."""
    flat = " ".join(text.split())
    return f"'{flat[1:]}" if flat.startswith('"') else flat


def proposed_rows(sheet: Sheet, mark: str, date: str) -> Iterator[tuple[str, ...]]:
    """Rows for columns and, of columns for which something is proposed, for their cells."""
    spoken = {item.column.name: family.pattern for family in sheet.families for item in family.members}
    for item in sheet.advice:
        name = f"{mark}{spoken.get(item.column.name, item.column.name)}"
        subject = column_id(name)
        for proposal in (found for found in item.proposals if found.score >= LISTED):
            if not proposal.term.startswith("cadsr:"):
                label = proposal.target.label
                yield _row(subject, name, proposal.term, label, proposal.score, proposal.reason, date)
            for element in (found for found in proposal.elements[:3] if found.score >= LISTED):
                yield _row(subject, name, element.curie, element.label, element.score, element.reason, date)
        if item.proposed is None and not (sheet.long and item.column.name == sheet.long.value.name):
            continue
        for cell, found in sheet.values.get(item.column.name, {}).items():
            for value in found:
                said = value.reason if fold(value.text) == fold(cell) else f"it means {value.text!r}; {value.reason}"
                yield _row(value_id(name, cell), cell, value.term, value.label, value.score, said, date)


def item_rows(sheet: Sheet, mark: str, date: str) -> Iterator[tuple[str, ...]]:
    """Rows for the items of a long table: the variable that each cell names."""
    if sheet.long is None:
        return
    name = f"{mark}{sheet.long.item.name}"
    for cell, found in sheet.long.items.items():
        for proposal in (item for item in found if item.score >= LISTED and not item.term.startswith("cadsr:")):
            yield _row(
                value_id(name, cell), cell, proposal.term, proposal.target.label, proposal.score, proposal.reason, date
            )


def decided_rows(sheet: Sheet, mark: str, date: str) -> Iterator[tuple[str, ...]]:
    """Rows that are taken over from earlier identical decisions."""
    for item in sheet.advice:
        for earlier in item.identical[:1]:
            yield from _taken(item, earlier, mark, date)


def _taken(item: Advice, earlier: Decided, mark: str, date: str) -> Iterator[tuple[str, ...]]:
    name = f"{mark}{item.column.name}"
    for row in earlier.rows:
        if row.value is not None and row.value not in item.column.values:
            continue
        subject = column_id(name) if row.value is None else value_id(name, row.value)
        reason = (
            f"as decided in {earlier.source}: same name, same cells"
            if earlier.values
            else f"as decided in {earlier.source}: same name and unit"
        )
        cells = (
            subject,
            name if row.value is None else row.value,
            "",
            row.predicate,
            row.term,
            row.label,
            "semapv:BackgroundKnowledgeBasedMatching",
            DRAFTED,
            date,
            "",
            reason,
        )
        yield tuple(_flat(cell) for cell in cells)


def mapping_set(name: str, title: str, rows: Iterable[tuple[str, ...]]) -> str:
    """Rows as SSSOM TSV: sorted, each subject with an object once, the most confident first."""
    best: dict[tuple[str, str], tuple[str, ...]] = {}
    for row in rows:
        key = (row[0], row[4])
        if key not in best or best[key][9] < row[9]:
            best[key] = row
    ordered = sorted(best.values(), key=lambda row: (row[0], -float(row[9] or 0), row[4]))
    used = {row[4].partition(":")[0] for row in ordered}
    curies = {prefix: iri for prefix, iri in prefixes().items() if prefix in used}
    curies |= {"column": f"{SETS}{name}/column/", "value": f"{SETS}{name}/value/"}
    head = [
        f"#mapping_set_id: {SETS}{name}",
        f"#mapping_set_title: {json.dumps(title, ensure_ascii=False)}",
        "#license: https://w3id.org/sssom/license/unspecified",
        "#curie_map:",
        *(f"#  {prefix}: {json.dumps(iri)}" for prefix, iri in sorted(curies.items())),
    ]
    return "".join(f"{line}\n" for line in (*head, "\t".join(COLUMNS), *("\t".join(row) for row in ordered)))
