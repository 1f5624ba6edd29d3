"""A draft of a table map from proposals: ``map.yaml`` with what is uncertain said beside it, and two mapping sets.

``mapping.sssom.tsv`` holds only what earlier identical decisions say; all else is in ``proposals.sssom.tsv``, in the
same columns, and waits for a steward.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from mappings.draft_context import STATED, clock_of, of_lesions, start_of
from mappings.draft_outcome import event_of
from mappings.draft_sets import Sheet, decided_rows, item_rows, mapping_set, proposed_rows
from mappings.profile import Column, Table, ValueKind
from mappings.suggest import Advice, Proposal
from mappings.suggest_long import RECORDS, Long
from mappings.suggest_table import Family, missing_of
from mappings.suggest_values import ABOUT, YES
from mappings.words import fold

__all__ = ["Draft", "Sheet", "draft"]

TOLD_BY = 6
"""Columns by which the file is recognised."""


@dataclass(frozen=True)
class Draft:
    """The texts of a draft; ``shape`` is None where no column of the file could be read through a map."""

    shape: str | None
    decisions: str
    proposals: str


def draft(name: str, title: str, collection: str | None, sheets: Sequence[Sheet], date: str) -> Draft:
    """The draft for a file: its map, what is decided already, and what is proposed."""
    usable = [sheet for sheet in sheets if sheet.usable]
    marked = len(usable) > 1
    shape = "".join(f"{line}\n" for line in _shape(name, title, collection, usable)) if usable else None
    decided: list[tuple[str, ...]] = []
    proposed: list[tuple[str, ...]] = []
    for sheet in sheets:
        mark = f"{sheet.table.sheet}!" if marked and sheet.table.sheet else ""
        decided += decided_rows(sheet, mark, date)
        proposed += [*proposed_rows(sheet, mark, date), *item_rows(sheet, mark, date)]
    return Draft(shape, mapping_set(name, title, decided), mapping_set(name, f"{title}: proposals", proposed))


def _scalar(value: object) -> str:
    """A text as YAML, quoted wherever it could be read as something else."""
    text = str(value)
    plain = re.fullmatch(r"[A-Za-z][\w .-]*[\w.]|[A-Za-z]", text) and fold(text) not in NOT_PLAIN
    return text if plain else _quoted(text)


def _quoted(text: str) -> str:
    """A text in quotation marks, with escapes for what YAML takes for a line end or refuses."""
    return UNSEEN.sub(lambda hit: f"\\u{ord(hit[0]):04x}", json.dumps(text, ensure_ascii=False))


UNSEEN = re.compile("[^\t\x20-\x7e\xa0-\u2027\u202a-\ud7ff\ue000-\ufefe\uff00-\ufffd\U00010000-\U0010ffff]")
NOT_PLAIN = frozenset({"y", "n", "yes", "no", "true", "false", "on", "off", "null", "nan"})


def _list(items: Iterable[str]) -> str:
    return f"[{', '.join(_quoted(item) for item in items)}]"


def _shape(name: str, title: str, collection: str | None, sheets: Sequence[Sheet]) -> Iterator[str]:
    yield "# A draft by `qilin map suggest`: nothing is read until its columns are decided. Look at every comment."
    yield f"name: {name}"
    yield f"title: {_scalar(title)}"
    known = [column.name for column in sheets[0].table.columns if column.name != sheets[0].subject]
    yield f"matches:\n  headers: {_list(known[:TOLD_BY])}"
    if collection:
        yield f"collection: {_scalar(collection)}"
    yield "data_class: clinical"
    if len(sheets) == 1:
        sheet = sheets[0]
        if sheet.table.sheet is not None and not sheet.table.first:
            yield f"sheet: {_scalar(sheet.table.sheet)}"
        yield from _part(sheet, "")
        return
    yield "sheets:"
    for sheet in sheets:
        yield f"  {_scalar(sheet.table.sheet or '')}:"
        yield from _part(sheet, "    ")


def _place(table: Table, space: str) -> Iterator[str]:
    """Where header and rows stand."""
    layout = table.layout
    if table.query:
        yield f"{space}query: {_quoted(table.query)}"
    if table.turned:
        yield f"{space}# each column speaks of a subject: the rows below are columns, and the columns rows"
        yield f"{space}orientation: columns"
    if layout.header_rows != (1,):
        rows = layout.header_rows
        yield f"{space}header_row: {rows[0] if len(rows) == 1 else list(rows)}"
    if layout.first_row != layout.header_rows[-1] + 1:
        yield f"{space}first_row: {layout.first_row}"
    if table.last_row:
        yield f"{space}last_row: {table.last_row}   # notes below"


def _part(sheet: Sheet, space: str) -> Iterator[str]:
    """The lines of one table."""
    table = sheet.table
    yield from _place(table, space)
    yield f"{space}subject: {_scalar(sheet.subject or '')}"
    subject = next(column for column in table.columns if column.name == sheet.subject)
    if subject.distinct == subject.filled:
        yield f"{space}one_row_per: {_list([subject.name])}"
    read = [item.column for family in sheet.families for item in family.members]
    if missing := missing_of(read):
        yield f"{space}missing: {_list(missing)}"
    if any(column.decimal_comma for column in read):
        yield f'{space}decimal: ","   # commas in numbers: decimal signs?'
    units = {column.cell_unit_text: column.cell_unit for column in read if column.cell_unit}
    if units:
        said = ", ".join(f"{_quoted(text)}: {_quoted(code)}" for text, code in units.items())
        yield f"{space}units: {{{said}}}"
    yield from _served(sheet, space)
    yield f"{space}columns:"
    if sheet.long:
        yield from _long(sheet.long, space + "  ")
    for family in sheet.families:
        yield from _entry(sheet, family, space + "  ")


def _long(long: Long, space: str) -> Iterator[str]:
    """The entries of the value's column in a long table: one for what is measured, one for what is found."""
    yield f"{space}# a long table, {long.score:.2f}: {_comment(long.reason)}; decide what its cells mean"
    named = _ref({"column": long.item.name})
    made: list[dict[str, str]] = []
    for record in RECORDS:
        if items := long.of(record):
            entry = {"record": record, "variable": named}
            if record == "measurement" and long.unit:
                entry["unit"] = _ref({"column": long.unit.name})
            if record != "measurement" or len([kind for kind in RECORDS if long.of(kind)]) > 1:
                entry["where"] = f"{{{_quoted(long.item.name)}: {_list(items)}}}"
            made.append(entry)
    if long.unit is None and long.of("measurement"):
        yield f"{space}# ? no column names the units; add unit: where the numbers have one"
    said = ", ".join(f"{{{', '.join(f'{key}: {value}' for key, value in entry.items())}}}" for entry in made)
    yield f"{space}{_scalar(long.value.name)}: {said if len(made) == 1 else f'[{said}]'}"


def _served(sheet: Sheet, space: str) -> Iterator[str]:
    """What dates, numbers and names the records: stated where the evidence is good, else a comment."""
    context = sheet.context
    if context.visit and context.visit.stated and context.visit.visits:
        said = ", ".join(f"{_quoted(text)}: {number}" for text, number in context.visit.visits.items())
        yield f"{space}visits: {{{said}}}   # ? numbers taken from the texts"
    stated = [item for item in context.dates if item.stated]
    if stated:
        yield f"{space}dated_by:"
    for item in stated:
        names = [_spoken(sheet, name) for name in item.of]
        of = _list(dict.fromkeys(GLOB.sub(r"[\g<0>]", name) for name in names))
        yield f"{space}  # when, {item.score:.2f}: {_comment(item.reason)}"
        yield f"{space}  - {_ref({**item.ref, 'of': of})}"
    common = [item for item in (context.visit, context.reader) if item and item.stated]
    if common:
        yield f"{space}common:"
    for served in common:
        yield f"{space}  # {served.field}, {served.score:.2f}: {_comment(served.reason)}"
        yield f"{space}  {served.field}: {_ref(served.ref)}"
    for maybe in (*context.dates, context.visit, context.lesion, context.reader):
        if maybe and not maybe.stated:
            yield f"{space}# {maybe.field}? {maybe.score:.2f}: {_ref(maybe.ref)}; {_comment(maybe.reason)}"


GLOB = re.compile(r"[*?\[]")
"""Signs that stand for others in the names of ``of``."""


def _spoken(sheet: Sheet, name: str) -> str:
    """The name by which the map reads a column: that of its family."""
    families = (family.pattern for family in sheet.families for item in family.members if item.column.name == name)
    return next(families, name)


def _ref(ref: Mapping[str, str]) -> str:
    """A reference to a column, in YAML."""
    raw = {"of", "is_true", "is_false", "as_written", "lenient"}
    return f"{{{', '.join(f'{key}: {value if key in raw else _quoted(value)}' for key, value in ref.items())}}}"


def _entry(sheet: Sheet, family: Family, space: str) -> Iterator[str]:
    """The entry of a column or of a family of them."""
    item = family.first
    proposal = item.proposed
    assert proposal is not None
    fields, unsure = _fields(sheet, item, proposal)
    if family.piece in {"visit", "lesion"}:
        fields[family.piece] = f"{{header: {family.piece}}}"
    if "lesion" not in fields:
        unsure += _lesion(sheet, item, fields)
    yield f"{space}# {proposal.target.label}, {proposal.score:.2f}: {_comment(proposal.reason)}"
    for text in unsure:
        yield f"{space}# ? {_comment(text)}"
    said = ", ".join(f"{key}: {value}" for key, value in fields.items())
    yield f"{space}{_scalar(family.pattern)}: {{{said}}}"


def _comment(text: str) -> str:
    return UNSEEN.sub("?", " ".join(text.split()))


def _fields(sheet: Sheet, item: Advice, proposal: Proposal) -> tuple[dict[str, str], list[str]]:
    """The fields of an entry, and what a steward must look at."""
    target, column = proposal.target, item.column
    fields = {"record": target.record}
    unsure: list[str] = []
    if target.record == "measurement":
        unsure += _unit(fields, column, proposal)
    elif target.record == "outcome":
        if column.unit is None:
            unsure.append("nothing says the unit; days are taken")
        fields["unit"] = _scalar(column.unit or "d")
        unsure += _event(sheet, item, fields)
    elif target.record == "event":
        unsure += _day(fields, column)
    elif target.record == "treatment":
        unsure += _treatment(fields, column, proposal)
    if item.identical:
        return fields, unsure
    yes = _checked(sheet, column)
    if yes and target.record == "finding":
        fields["only_if"] = _list(yes)
    missing = len(_undecided(sheet, column)) if target.record in {"finding", "response", "treatment"} else 0
    if missing and not yes:
        unsure.append(f"{missing} of its values have no likely concept")
    return fields, unsure


def _unit(fields: dict[str, str], column: Column, proposal: Proposal) -> list[str]:
    if column.cell_unit:
        return []
    unit = proposal.unit or proposal.target.unit
    if unit is None:
        return ["nothing says the unit" if column.unit is None else f"the unit {column.unit} is taken from the table"]
    fields["unit"] = _quoted(unit)
    return [] if proposal.unit else [f"nothing says the unit; {unit} is the usual one"]


def _event(sheet: Sheet, item: Advice, fields: dict[str, str]) -> list[str]:
    """Whether the outcome happened, and from when its time is counted, as far as the table says it."""
    said: list[str] = []
    found = event_of(item, sheet.advice)
    if found and found.score >= STATED:
        fields["event"] = _ref(
            {"column": found.column.name, "is_true": _list(found.true), "is_false": _list(found.false)}
        )
        said.append(f"event, {found.score:.2f}: {found.reason}")
    elif found:
        said.append(f"event? {found.score:.2f}: {found.column.name}; {found.reason}; which cells say that it happened?")
    else:
        said.append("event: which column says whether it happened?")
    if start := start_of(item.column):
        fields["start_event"], score, reason = start
        said.append(f"start_event, {score:.2f}: {reason}")
    else:
        said.append("start_event: counted from which event?")
    return said


def _lesion(sheet: Sheet, item: Advice, fields: dict[str, str]) -> list[str]:
    """The lesion of a record, where a column names it and what is recorded is known to be of lesions."""
    served = sheet.context.lesion
    if served is None or not served.stated or not of_lesions(item):
        return []
    fields["lesion"] = _ref(served.ref)
    return [f"lesion, {served.score:.2f}: {served.reason}"]


def _day(fields: dict[str, str], column: Column) -> list[str]:
    if column.kind is ValueKind.DATE:
        if column.form:
            fields["format"] = _quoted(column.form)
        return []
    said = clock_of(column.header.text) or (clock_of(column.described.label) if column.described else None)
    fields["clock"] = said[0] if said else "from-base"
    if column.unit == "wk":
        fields["unit"] = "wk"
    return [] if said else ["clock: from which event are the days counted?"]


def _treatment(fields: dict[str, str], column: Column, proposal: Proposal) -> list[str]:
    yes = [cell for cell in column.values if fold(column.meanings.get(cell, cell)) in YES]
    if yes:
        fields |= {"fills": "kind", "only_if": _list(yes)}
        return ["a treatment for each yes; of which kind?"]
    if "Agent" not in proposal.target.label:
        fields["fills"] = "kind"
    return []


def _checked(sheet: Sheet, column: Column) -> list[str]:
    """The cells of yes, where the column is about one value."""
    found = sheet.values.get(column.name, {})
    about = [cell for cell, items in found.items() if items and items[0].reason == ABOUT]
    return about if len(about) == len(found) else []


def _undecided(sheet: Sheet, column: Column) -> list[str]:
    found = sheet.values.get(column.name, {})
    return [cell for cell in column.values if not found.get(cell)] if column.exact else []
