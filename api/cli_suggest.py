"""``qilin map suggest``: profile a new table, propose how it maps, and write a draft that a steward decides on."""

from __future__ import annotations

import datetime as dt
import os
import re
import tempfile
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
    table: Annotated[Path, typer.Argument(help="The table: CSV, TSV, XLSX, XLS, ODS, or a REDCap export.")],
    collection: Annotated[str | None, typer.Option(help="The collection that it belongs to.")] = None,
    sheet: Annotated[str | None, typer.Option(help="Only this sheet, by name or by number from 1.")] = None,
    name: Annotated[str | None, typer.Option(help="The name of the map; else made from that of the file.")] = None,
    folder: Annotated[
        Path | None, typer.Option("--out", help="Where to write the draft; else mappings/NAME in the data folder.")
    ] = None,
    *,
    json: Annotated[bool, typer.Option("--json", help="Everything, as JSON.")] = False,
) -> None:
    """Profile a table and propose what its columns and cells mean, with scores and reasons; nothing is applied.

    Writes a draft: map.yaml, mapping.sssom.tsv with what earlier identical decisions say, and proposals.sssom.tsv with
    what waits for a decision (`qilin map decide`). A map that is there already stays as it is: its proposals alone are
    made anew.

    Example: qilin map suggest patients.xlsx --collection trial7
    """
    from ingest.table_profile import profile_file  # noqa: PLC0415 - readers are slow to import
    from mappings.draft import draft  # noqa: PLC0415
    from mappings.knowledge import gather  # noqa: PLC0415
    from mappings.suggest import Suggester  # noqa: PLC0415

    tables = profile_file(table, sheet)
    name = _name(name or (folder and folder.name) or table.stem)
    home = Home.find()
    index = _index(home)
    maps = [item for item in _maps(home) if item.name != name]
    knowledge = gather(maps, index.elements() if index else ())
    suggester = Suggester(knowledge)
    lookup = _lookup(index)
    sheets = [_sheet(suggester, item, collection, lookup) for item in tables]
    made = draft(name, f"{table.name}, draft", collection, sheets, dt.date.today().isoformat())
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
    from mappings.suggest_values import values_of  # noqa: PLC0415

    advice = suggester.table(table, collection)
    values = {
        item.column.name: values_of(suggester, item.column, item.proposed.target, lookup)
        for item in advice
        if item.proposed
    }
    return Sheet(table, advice, values)


def _write(folder: Path, made: Draft) -> list[str]:
    """Write the draft; what is there of a map stays. The names of the files that were written."""
    new = not (folder / SHAPE).exists()
    texts = {PROPOSALS: made.proposals}
    if new and made.shape is not None:
        texts |= {SHAPE: made.shape, DECISIONS: made.decisions}
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        _replace(folder / name, text)
    return sorted(texts)


def _replace(path: Path, text: str) -> None:
    """Write a file whole or not at all."""
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            file.write(text)
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


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
    rows = [_row(sheet, item) for item in sheet.advice]
    print_rows(where, ("column", "cells", "proposed", "element", "score", "reason", "cells decided", "next"), rows)


def _row(sheet: Sheet, item: Advice) -> tuple[object, ...]:
    proposed, column = item.proposed, item.column
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
        err.print(f"no {SHAPE}: {_lack(sheets)}", highlight=False)
    taken = sum(bool(item.identical) for sheet in sheets for item in sheet.advice)
    if taken:
        columns = "column was" if taken == 1 else "columns were"
        err.print(f"{taken} {columns} decided before under the same name with the same meaning", highlight=False)
    err.print("nothing is applied until it is decided", highlight=False)


def _lack(sheets: Sequence[Sheet]) -> str:
    """Why nothing could be drafted, and what a steward who knows better does."""
    if not any(sheet.subject for sheet in sheets):
        return (
            "no column looks like the ids of subjects; where one is, name it in a map of your own (`subject:`, "
            "docs/mappings.md), else give the table such a column"
        )
    return (
        "nothing is proposed for any column beside the subject; the reasons are above. Where you know what one holds "
        "(or its unit), write an entry for it in a map of your own (docs/mappings.md)"
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
