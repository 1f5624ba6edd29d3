"""``qilin map suggest``: profile a new table, propose how it maps, and write a draft that a steward decides on."""

from __future__ import annotations

import datetime as dt
import re
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.console import err, print_json, print_rows
from store.home import Home

if TYPE_CHECKING:
    from mappings.draft import Draft, Sheet
    from mappings.profile import Column
    from mappings.suggest import Advice, Suggester
    from mappings.suggest_values import Lookup
    from mappings.tables import TableMap
    from ontology.index import TermIndex

__all__ = ["suggest_command", "suggest_refusals"]

ASKS = 70
"""Letters of a question that are shown."""
SHAPE, DECISIONS, PROPOSALS = "map.yaml", "mapping.sssom.tsv", "proposals.sssom.tsv"
NEXT = 2
"""Further proposals that are shown in a row."""


def suggest_command(app: typer.Typer) -> None:
    """Add the command, as ``qilin map suggest``."""
    app.command()(suggest)


def suggest_refusals() -> tuple[type[BaseException], ...]:
    """The errors of this command that a person can mend."""
    from ingest.table_file import TableError  # noqa: PLC0415 - readers are slow to import
    from mappings.sssom import MappingError  # noqa: PLC0415

    return (TableError, MappingError)


def suggest(
    table: Annotated[
        str,
        typer.Argument(
            help="The table: CSV, TSV, XLSX, XLS, ODS, XPT, FileMaker XML, a REDCap export; or a database, as "
            "postgresql://host/trial#labs or sqlite:///trial.db#labs (without #TABLE all of its tables)."
        ),
    ],
    collection: Annotated[str | None, typer.Option(help="The collection that it belongs to.")] = None,
    sheet: Annotated[str | None, typer.Option(help="Only this sheet, by name or by number from 1.")] = None,
    name: Annotated[str | None, typer.Option(help="The name of the map; else made from that of the file.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Where to write the draft; else mappings/NAME in the data folder.")
    ] = None,
    query: Annotated[
        str | None, typer.Option(help="Of a database: the rows that this SELECT gives, in place of a table.")
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
) -> None:
    """Profile a table and propose what its columns and cells mean, with scores and reasons; nothing is applied.

    Writes a draft: map.yaml, mapping.sssom.tsv with what earlier identical decisions say, and proposals.sssom.tsv with
    what waits for a decision (`qilin map decide`). A map that is there already stays as it is: its proposals alone are
    made anew.

    Examples: qilin map suggest patients.xlsx --collection trial7;
    qilin map suggest sqlite:///trial.db#labs; qilin map suggest postgresql://host/trial --query "SELECT * FROM labs"
    """
    from ingest.locators import shown  # noqa: PLC0415
    from ingest.table_profile import profile_locator  # noqa: PLC0415 - readers are slow to import
    from mappings.draft import draft  # noqa: PLC0415
    from mappings.knowledge import gather  # noqa: PLC0415
    from mappings.suggest import Suggester  # noqa: PLC0415

    tables = profile_locator(table, sheet, query)
    called = shown(table)
    name = _name(name or (folder and folder.name) or (called.replace("#", "_") if "#" in called else Path(called).stem))
    home = Home.find()
    index = _index(home)
    maps = [item for item in _maps(home) if item.name != name]
    knowledge = gather(maps, index.elements() if index else ())
    suggester = Suggester(knowledge)
    lookup = _lookup(index)
    sheets = [_sheet(suggester, item, collection, lookup) for item in tables]
    made = draft(name, f"{called}, draft", collection, sheets, dt.date.today().isoformat())
    target = folder or home.mappings / name
    written = _write(target, made)
    if json:
        print_json(
            {"name": name, "folder": str(target), "written": written, "tables": [_as_json(item) for item in sheets]}
        )
        return
    for item in sheets:
        _show(item)
    _tell(target, written, sheets)


def _name(text: str) -> str:
    """A map's name, from a file's.

    >>> _name("Trial X (final) 2")
    'trial_x_final_2'
    """
    made = re.sub(r"[^a-z0-9.-]+", "_", text.casefold()).strip("_.-")
    return made or "table"


def _index(home: Home) -> TermIndex | None:
    """The term index, where the site has one: it knows more elements and terms than come with Qilin."""
    if not home.terms.is_file():
        return None
    from ontology.index import TermIndex  # noqa: PLC0415

    return TermIndex(home.terms)


def _maps(home: Home) -> Iterator[TableMap]:
    """The maps that come with Qilin and the site's own, under the decisions of the warehouse, where there is one."""
    from api.map_library import library_of  # noqa: PLC0415

    yield from library_of(home).maps().values()


def _lookup(index: TermIndex | None) -> Lookup:
    from mappings.suggest_values import bundled_lookup, index_lookup  # noqa: PLC0415

    return bundled_lookup if index is None else index_lookup(index)


def _sheet(suggester: Suggester, table: Any, collection: str | None, lookup: Lookup) -> Sheet:
    from mappings.draft import Sheet  # noqa: PLC0415
    from mappings.suggest_long import long_of  # noqa: PLC0415
    from mappings.suggest_table import subject_of  # noqa: PLC0415
    from mappings.suggest_values import values_of  # noqa: PLC0415

    advice = suggester.table(table, collection)
    values = {
        item.column.name: values_of(suggester, item.column, item.proposed.target, lookup, table)
        for item in advice
        if item.proposed
    }
    long = long_of(suggester, table, advice, subject_of(table, advice))
    if long:
        targets = {found[0].target.key: found[0].target for found in long.items.values()}
        values[long.value.name] = {
            cell: found
            for target in targets.values()
            if target.record != "measurement"
            for cell, found in values_of(suggester, long.value, target, lookup).items()
        }
    return Sheet(table, advice, values, long)


def _write(folder: Path, made: Draft) -> list[str]:
    """Write the draft; what is there of a map stays. The names of the files that were written."""
    from mappings.sssom_write import write_text  # noqa: PLC0415 - slow to import

    new = not (folder / SHAPE).exists()
    texts = {PROPOSALS: made.proposals}
    if new and made.shape is not None:
        texts |= {SHAPE: made.shape, DECISIONS: made.decisions}
    for name, text in texts.items():
        write_text(folder / name, text)
    return sorted(texts)


def _show(sheet: Sheet) -> None:
    """The columns of a table with what is proposed for each."""
    table = sheet.table
    where = f"{table.file}, sheet {table.sheet}" if table.sheet else table.file
    described = f"; described in {table.dictionary}" if table.dictionary else ""
    subject = f"subject: {sheet.subject}" if sheet.subject else "no column of the subject found"
    err.print(
        f"{where}: {table.rows:,} rows, {len(table.columns)} columns; {subject}{described}",
        highlight=False,
        markup=False,
    )
    if table.turned:
        err.print("each column speaks of a subject: the table is read turned", highlight=False)
    if sheet.long:
        about = f"{sheet.long.item.name} names what {sheet.long.value.name} holds"
        err.print(f"a long table: {about}", highlight=False, markup=False)
    columns: tuple[str, ...] = ("column", "cells", "proposed", "element", "score", "reason", "cells decided", "next")
    rows = [_row(sheet, item) for item in sheet.advice]
    if any(column.described for column in table.columns):
        columns = ("column", "asks", *columns[1:])
        rows = [(row[0], _asks(item.column), *row[1:]) for row, item in zip(rows, sheet.advice, strict=True)]
    print_rows(where, columns, rows)


def _asks(column: Column) -> str:
    """What the data dictionary says of a column, in a few words."""
    label = column.described.label if column.described else ""
    return label if len(label) <= ASKS else f"{label[: ASKS - 1]}\u2026"


def _row(sheet: Sheet, item: Advice) -> tuple[object, ...]:
    proposed, column, long = item.proposed, item.column, sheet.long
    if long and column.name in long.names:
        says = "the item" if column is long.item else "the value of the item" if column is long.value else "its unit"
        known = f"{len(long.items)} of {len(column.values)}" if column is long.item else ""
        return (column.name, _cells(column), says, "", f"{long.score:.2f}", long.reason, known, "")
    others = item.proposals[1 if proposed else 0 :][:NEXT]
    following = "; ".join(f"{other.target.label} {other.score:.2f}" for other in others)
    if column.name == sheet.subject:
        return (column.name, _cells(column), "the subject", "", "", item.leave, "", "")
    if proposed is None:
        return (column.name, _cells(column), "", "", "", item.leave, "", following)
    element = next(iter(proposed.elements), None)
    values = sheet.values.get(column.name, {})
    known = f"{len(values)} of {len(column.values)}" if values else ""
    shown = f"{proposed.target.label} ({proposed.term})"
    named = f"{element.label} ({element.curie})" if element else ""
    return (column.name, _cells(column), shown, named, f"{proposed.score:.2f}", proposed.reason, known, following)


def _cells(column: Column) -> str:
    """The cells of a column in a few words."""
    if column.described and column.described.identifies:
        return "not looked at"
    unit = f" {column.unit}" if column.unit else ""
    about = "" if column.exact else "about "
    return f"{column.kind.value}{unit}, {column.share:.0%} filled, {about}{column.distinct:,} different"


def _tell(folder: Path, written: Sequence[str], sheets: Sequence[Sheet]) -> None:
    err.print(f"written to {folder}: {', '.join(written)}", highlight=False, markup=False)
    if SHAPE not in written and (folder / SHAPE).exists():
        err.print(f"{SHAPE} and {DECISIONS} were there already and stay as they are", highlight=False)
    elif SHAPE not in written:
        err.print(f"no {SHAPE}: {_lack(folder.name, sheets)}", highlight=False, markup=False)
    taken = sum(bool(item.identical) for sheet in sheets for item in sheet.advice)
    if taken:
        columns = "column was" if taken == 1 else "columns were"
        err.print(f"{taken} {columns} decided before under the same name with the same meaning", highlight=False)
    err.print("nothing is applied until it is decided", highlight=False)


def _lack(name: str, sheets: Sequence[Sheet]) -> str:
    """Why nothing could be drafted, and what a steward who knows better does."""
    if not any(sheet.subject for sheet in sheets):
        return (
            "no column looks like the ids of subjects; where one is, name it in a map of your own (`subject:`, "
            "docs/mappings.md), else give the table such a column"
        )
    subject = shlex.quote(next(sheet.subject for sheet in sheets if sheet.subject))
    return (
        "nothing is proposed for any column beside the subject; the reasons are above. Where you know what one holds, "
        f"say it and so begin the map: qilin map set {name} --subject {subject} --column COLUMN --variable TERM "
        "[--unit UNIT]; `qilin variables` and `qilin terms search` find the term"
    )


def _as_json(sheet: Sheet) -> dict[str, Any]:
    table = sheet.table
    return {
        "file": table.file,
        "kind": table.kind,
        "sheet": table.sheet,
        "header_rows": table.layout.header_rows,
        "first_row": table.layout.first_row,
        "last_row": table.last_row,
        "rows": table.rows,
        "dictionary": table.dictionary,
        "subject": sheet.subject,
        "orientation": "columns" if table.turned else "rows",
        "long": sheet.long
        and {
            "item": sheet.long.item.name,
            "value": sheet.long.value.name,
            "unit": sheet.long.unit and sheet.long.unit.name,
            "score": sheet.long.score,
            "reason": sheet.long.reason,
            "items": {
                cell: [{"term": p.term, "label": p.target.label, "score": p.score, "reason": p.reason} for p in found]
                for cell, found in sheet.long.items.items()
            },
        },
        "columns": [_column_json(sheet, item) for item in sheet.advice],
    }


def _column_json(sheet: Sheet, item: Advice) -> dict[str, Any]:
    """A column for machines; its cells only where something is proposed for them."""
    column = item.column
    return {
        "column": column.name,
        "kind": column.kind.value,
        "filled": round(column.share, 4),
        "distinct": column.distinct,
        "counted": column.exact,
        "missing": list(column.missing),
        "unit": column.unit,
        "date_form": column.form,
        "described": column.described.label if column.described else None,
        "meanings": dict(column.meanings),
        "role": item.role,
        "left_out": item.leave,
        "decided_before": sorted({found.source for found in item.identical}),
        "proposed": item.proposed is not None,
        "proposals": [
            {
                "term": proposal.term,
                "label": proposal.target.label,
                "record": proposal.target.record,
                "unit": proposal.unit or proposal.target.unit,
                "score": proposal.score,
                "reason": proposal.reason,
                "elements": [
                    {
                        "element": found.curie,
                        "version": found.version,
                        "label": found.label,
                        "score": found.score,
                        "reason": found.reason,
                    }
                    for found in proposal.elements
                ],
            }
            for proposal in item.proposals
        ],
        "values": {
            cell: [
                {
                    "term": value.term,
                    "label": value.label,
                    "means": value.text,
                    "score": value.score,
                    "reason": value.reason,
                }
                for value in found
            ]
            for cell, found in sheet.values.get(column.name, {}).items()
        },
    }
