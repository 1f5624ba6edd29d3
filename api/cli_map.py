"""Commands on table maps: decide what columns and cells mean, apply it, and see what waits (``qilin map …``)."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from api.cli_codes import check_codes, pending_codes
from api.cli_map_decide import decide
from api.cli_map_set import set_
from api.cli_map_show import map_reports
from api.cli_options import Json
from api.console import err, out, print_json, print_rows, report, report_json, watching
from api.map_following import as_json, rederived, tell
from mappings.code_sets import is_code_set
from mappings.people import UnknownPersonError
from mappings.sssom import MappingError
from mappings.tables import Library, is_map
from store.warehouse import Warehouse

__all__ = ["MAP_REFUSALS", "map_commands"]

MAP_REFUSALS = (MappingError, UnknownPersonError)
"""Errors of these commands that a person can mend."""

SHOWN = 200
Mapping = Annotated[str | None, typer.Option(help="The map, by name or folder; else the one that fits.")]
InCollection = Annotated[str | None, typer.Option("--collection", help="Only sources of this collection.")]


def map_commands(app: typer.Typer) -> typer.Typer:
    """Add the commands of this module and its neighbour, as ``qilin map …``; the group, for further commands."""
    maps = typer.Typer(
        name="map",
        help="Table maps: what the columns and cells of tables mean. Every decision is kept with author, time and "
        "reason, and none is overwritten.\n\nA first table: `qilin map suggest TABLE`, then `qilin map show NAME`, "
        "`qilin map decide NAME COLUMN`, `qilin map set NAME --column COLUMN --variable TERM`, "
        "`qilin map check TABLE`, `qilin map apply TABLE --collection C`.",
        no_args_is_help=True,
    )
    map_reports(maps)
    for command in (decide, apply, check, pending):
        maps.command()(command)
    maps.command("set")(set_)
    app.add_typer(maps)
    return maps


def apply(
    target: Annotated[
        str, typer.Argument(help="A map, to read again what was read through it; or a table, to ingest.")
    ],
    mapping: Mapping = None,
    collection: InCollection = None,
    json: Json = False,
) -> None:
    """Apply the decisions of a map: to what was read through it, or to a new table.

    Sources are read again from their files where these are the same, else from what was kept of them; only the
    records that a decision speaks of change. What needs a file that is gone is listed.

    Examples: qilin map apply trial_x; qilin map apply table.xlsx --mapping trial_x --collection trial7
    """
    warehouse = Warehouse.open()
    if _is_table(target):
        _ingest(warehouse, target, mapping, collection, json=json)
        return
    if mapping is not None:
        raise typer.BadParameter(f"{target} is no file; --mapping is for tables", param_hint="--mapping")
    result = rederived(warehouse, target, collection)
    print_json(as_json(result)) if json else tell(result)
    raise typer.Exit(result.exit_status)


def _ingest(warehouse: Warehouse, table: str, mapping: str | None, collection: str | None, *, json: bool) -> None:
    """The same as ``qilin ingest`` with a map."""
    from ingest.run import Job, run  # noqa: PLC0415 - readers and pyarrow are slow to import

    if collection is None:
        raise typer.BadParameter("name the collection that the table belongs to", param_hint="--collection")
    with watching() as progress:
        result = run(warehouse, [Job(locators=(table,), collection=collection, mapping=mapping)], progress)
    print_json(report_json(result)) if json else report(result)
    raise typer.Exit(result.exit_status)


def _is_table(target: str) -> bool:
    """Whether what is named is a file to read, not a map or code set."""
    return not is_code_set(target) and Path(target).exists() and not is_map(Path(target))


def check(
    table: Annotated[str, typer.Argument(help="The table; or codes, or a code set, for the codes of the store.")],
    mapping: Mapping = None,
    collection: InCollection = None,
    json: Json = False,
) -> None:
    """Say how much of a table a map covers: of columns, distinct values, cells and rows. Nothing is stored.

    Of code sets it says how many of the codes in the store, and of the records that have them, are decided.
    Exit status 1 where something of it waits. Examples: qilin map check table.xlsx --mapping trial_x;
    qilin map check codes
    """
    from ingest.table.review import review_table  # noqa: PLC0415 - readers are slow to import

    if is_code_set(table):
        check_codes(table, collection, json=json)
    if not Path(table).is_file():
        raise typer.BadParameter(f"{table} is no file", param_hint="TABLE")
    found = review_table(table, _library(), mapping)
    waiting = [column for column in found.columns if column.waiting]
    unread = [column.name for column in found.columns if not column.read]
    if json:
        print_json(
            {
                "mapping": found.mapping,
                "coverage": {name: {"covered": a, "all": b} for name, (a, b) in found.shares.items()},
                "unmapped": found.unmapped,
                "unread": unread,
                "waiting": {column.name: len(column.waiting) for column in waiting},
                "rejects": [asdict(item) for item in found.rejects],
            }
        )
    else:
        rows: list[tuple[object, ...]] = [
            (name, f"{covered:,}", f"{all_:,}", f"{covered / all_:.1%}" if all_ else "")
            for name, (covered, all_) in found.shares.items()
        ]
        print_rows(f"{found.name} under {found.mapping}", ("of", "covered", "all", "share"), rows)
        if found.unmapped:
            out.print(f"columns of which the map does not speak: {', '.join(found.unmapped)}", markup=False)
        if unread:
            out.print(f"columns of the map that cannot be read yet: {', '.join(unread)}", highlight=False, markup=False)
        if waiting:
            out.print("cells wait in: " + ", ".join(f"{c.name} ({len(c.waiting):,})" for c in waiting), markup=False)
        if unread or waiting:
            out.print(f"`qilin map pending TABLE --mapping {found.mapping}` shows them", highlight=False, markup=False)
    raise typer.Exit(1 if found.unmapped or unread or waiting else 0)


def pending(
    target: Annotated[str, typer.Argument(help="A map, for the files read through it; a table; or codes.")],
    mapping: Mapping = None,
    collection: InCollection = None,
    json: Json = False,
) -> None:
    """Show the columns and cells that wait for a decision, from the files themselves; or the codes, from the store.

    They are shown here and nowhere else: neither kept nor logged. Cells that look like identifiers are not shown.
    Codes come with what is proposed for their meaning. Examples: qilin map pending trial_x;
    qilin map pending table.xlsx --mapping trial_x; qilin map pending codes; qilin map pending codes/srt
    """
    if is_code_set(target):
        pending_codes(target, collection, json=json)
    from ingest.rederive import served_through  # noqa: PLC0415 - readers are slow to import
    from ingest.table.review import review_table  # noqa: PLC0415

    library = _library()
    if _is_table(target):
        places = [(target, mapping)]
    else:
        served = served_through(Warehouse.open(), library.unchecked(target).name)
        places = [(source.locator, target) for source in served]
        if not places:
            raise MappingError(f"nothing is served through {target}; name a table: qilin map pending TABLE")
    rows: list[tuple[str, str, str, int, str]] = []
    for locator, through in places:
        if "://" not in locator and not Path(locator).exists():
            err.print(f"{Path(locator).name}: the file is not there any more", highlight=False, markup=False)
            continue
        found = review_table(locator, library, through)
        rows += [(found.name, column, "", 0, "no entry in the map") for column in found.unmapped]
        rows += [
            (found.name, "", "", 0, f"{item.place}: {item.problem}")
            for item in found.rejects
            if _about_columns(item.place)
        ]
        for column in found.columns:
            for text, count in column.waiting.most_common(None if json else SHOWN):
                problem = column.problems[text]
                rows.append((found.name, column.name, "" if problem.startswith("looks like") else text, count, problem))
    columns = ("file", "column", "cell", "rows", "waits because")
    if json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_rows("Waiting for a decision", columns, rows)
    raise typer.Exit(1 if rows else 0)


def _about_columns(place: str) -> bool:
    """Whether a reject is about a column, not about cells, which are shown one by one."""
    return place.startswith(("header", "column")) or "!header" in place


def _library() -> Library:
    warehouse = Warehouse.open()
    return Library.of(warehouse.home, warehouse.decisions)
