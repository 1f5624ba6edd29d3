"""Commands on table maps: decide what columns and cells mean, apply it, and see what waits (``qilin map …``)."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli_codes import check_codes, pending_codes
from api.cli_map_set import set_
from api.cli_map_show import map_reports
from api.console import err, out, print_json, print_rows, report, report_json, watching
from ingest.report import places
from mappings.code_sets import is_code_set
from mappings.people import UnknownPersonError
from mappings.sssom import MappingError
from mappings.tables import Library, is_map
from store.decisions import DecisionRecord, Verdict
from store.warehouse import Warehouse

__all__ = ["MAP_REFUSALS", "map_commands"]

MAP_REFUSALS = (MappingError, UnknownPersonError)
"""Errors of these commands that a person can mend."""

SHOWN = 200
Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
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


def decide(
    name: Annotated[str, typer.Argument(help="The map; or codes, or a code set such as codes/srt.")],
    subject: Annotated[
        str, typer.Argument(help="A column, or COLUMN=CELL; of a code set CODE, CODE=MEANING or CODE|SCHEME|MEANING.")
    ],
    term: Annotated[
        str | None,
        typer.Argument(metavar="[OBJECT]", help="What it means, such as ncit:C28421; else the best proposal."),
    ] = None,
    *,
    accept: Annotated[bool, typer.Option("--accept", help="It means OBJECT (as where nothing is said).")] = False,
    reject: Annotated[bool, typer.Option("--reject", help="It does not mean OBJECT.")] = False,
    no_term: Annotated[bool, typer.Option("--no-term", help="There is no term: the cell is kept as written.")] = False,
    withdraw: Annotated[bool, typer.Option("--withdraw", help="What was decided holds no longer.")] = False,
    author: Annotated[str, typer.Option(envvar="QILIN_AUTHOR", help="Who decides: an ORCID, or a name.")] = "",
    reviewer: Annotated[str, typer.Option(help="Who has looked at it too.")] = "",
    variable: Annotated[
        str | None, typer.Option(help="Of a data element: the variable, where it is not that of the element.")
    ] = None,
    predicate: Annotated[str | None, typer.Option(help="skos:exactMatch, closeMatch, broadMatch …")] = None,
    confidence: Annotated[float | None, typer.Option(help="From 0 to 1.", min=0, max=1)] = None,
    reason: Annotated[str, typer.Option(help="Why; that of the proposal where nothing is said.")] = "",
    later: Annotated[bool, typer.Option("--later", help="Do not read the sources again yet.")] = False,
    json: Json = False,
) -> None:
    """Decide what a column or a cell means; what was read through the map then follows at once.

    A column means a data element, which brings its variable (else name it with --variable), or a variable alone. The
    exit status is 1 where this decision left something rejected that was not, or needs a file that is gone.

    Examples:

    qilin map decide trial_x Sex cadsr:2200604 --author orcid:0000-0002-1825-0097 --reason "see protocol"

    qilin map decide trial_x "Overall stage" cadsr:3440332 --variable ncit:C28108 --reason "clinical or pathologic"

    qilin map decide trial_x "Overall stage=IIIb" ncit:C27978 --reason "same stage, other spelling"

    qilin map decide trial_x "Overall stage=5" --no-term --reason "no stage of this name"

    qilin map decide trial_x "Overall stage=IIIb" --withdraw --reason "the site says it means IIIa"

    qilin map decide codes "S71|99EPAD|target" ncit:C94520 --reason "a target lesion of RECIST"
    """
    from ingest.steward import Steward, Wish  # noqa: PLC0415 - the term index is slow to import

    wish = Wish(
        mapping=name,
        subject=subject,
        verdict=_verdict(accept=accept, reject=reject, no_term=no_term, withdraw=withdraw),
        term=term,
        variable=variable,
        predicate=_predicate(predicate),
        author=_author(author),
        reviewer=reviewer,
        confidence=confidence,
        reason=reason,
    )
    warehouse = Warehouse.open()
    made = Steward(warehouse).decide(wish)
    if not json:
        for record in (made.record, *made.brought):
            out.print(_sentence(record), highlight=False, markup=False)
    if not made.is_read:
        err.print(f"{name} does not read that column: name it below columns: in map.yaml", highlight=False)
    if made.needs_variable:
        err.print(f"{made.record.object} brings no variable; name one with --variable", highlight=False)
    before = _standing(warehouse)
    result = None if later else _rederived(warehouse, name, None)
    as_before = _leave_out(result, before) if result else 0
    if json:
        brought = [asdict(record) for record in made.brought]
        applied = result and {**_as_json(result), "rejected_as_before": as_before}
        print_json({**asdict(made.record), "brought": brought, "is_read": made.is_read, "applied": applied})
    elif result is not None:
        _tell(result)
        if as_before:
            err.print(f"{as_before:,} places wait as before: see `qilin map pending {name}`", highlight=False)
    raise typer.Exit(result.exit_status if result else 0)


Problem = tuple[str, str, str]
"""What a reject is about: file, problem, and what is wanted."""


def _standing(warehouse: Warehouse) -> Counter[Problem]:
    """At how many places each problem stands so far."""
    entries = warehouse.control.quarantine()
    return Counter({(item.name, item.problem, item.wanted): places(item.place) for item in entries})


def _leave_out(result: Any, before: Counter[Problem]) -> int:
    """Leave out of a report the problems that stood before, at as many places or more; how many places that are."""
    new, old = [], 0
    for item in result.report.rejects:
        count = places(item.place)
        if count <= before[item.name, item.problem, item.wanted]:
            old += count
        else:
            new.append(item)
    result.report.rejects = new
    return old


def _verdict(*, accept: bool, reject: bool, no_term: bool, withdraw: bool) -> Verdict:
    chosen = {
        Verdict.ACCEPTED: accept,
        Verdict.REJECTED: reject,
        Verdict.NO_TERM: no_term,
        Verdict.WITHDRAWN: withdraw,
    }
    given = [verdict for verdict, said in chosen.items() if said]
    if len(given) > 1:
        raise typer.BadParameter("only one of --accept, --reject, --no-term and --withdraw")
    return given[0] if given else Verdict.ACCEPTED


def _predicate(text: str | None) -> str | None:
    """A predicate with its prefix, which may be left out."""
    return f"skos:{text}" if text and ":" not in text else text


def _author(text: str) -> str:
    if not text.strip():
        raise typer.BadParameter("say who decides, here or in the environment as QILIN_AUTHOR", param_hint="--author")
    return text


def _sentence(record: DecisionRecord) -> str:
    """A decision for people."""
    said = {
        Verdict.ACCEPTED: f"means {record.object} {record.object_label!r} ({record.predicate.removeprefix('skos:')})",
        Verdict.REJECTED: f"does not mean {record.object} {record.object_label!r}",
        Verdict.NO_TERM: "has no term and is kept as written",
        Verdict.WITHDRAWN: f"is undecided again (was: {record.object} {record.object_label!r})",
    }
    before = f"; in place of {record.replaces}" if record.replaces else ""
    return f"decision {record.id}: {record.subject} {said[record.verdict]}, by {record.author}{before}"


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
    result = _rederived(warehouse, target, collection)
    print_json(_as_json(result)) if json else _tell(result)
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


def _rederived(warehouse: Warehouse, name: str, collection: str | None) -> Any:
    from ingest.rederive import rederive  # noqa: PLC0415 - readers and pyarrow are slow to import
    from ingest.rederive_codes import rederive_codes  # noqa: PLC0415

    with watching() as progress:
        if is_code_set(name):
            return rederive_codes(warehouse, collection, progress)
        return rederive(warehouse, name, collection, progress)


def _as_json(result: Any) -> dict[str, Any]:
    return {
        "unchanged": result.unchanged,
        "from_files": result.from_files,
        "from_documents": result.from_documents,
        "needs_file": [asdict(item) for item in result.lacking],
        "report": report_json(result.report),
    }


def _tell(result: Any) -> None:
    """What became of the sources, for people."""
    if result.from_files or result.from_documents:
        out.print(
            f"{result.from_files:,} sources read again from their files, {result.from_documents:,} from what was kept, "
            f"{result.unchanged:,} unchanged",
            highlight=False,
        )
        report(result.report)
    else:
        out.print(f"nothing to read again: {result.unchanged:,} sources follow from the map as it is", highlight=False)
    for item in result.lacking:
        columns = f" for the columns {', '.join(item.columns)}" if item.columns else ""
        state = "; it is served as it was read before" if item.kept_as_it_was else ""
        err.print(f"{item.collection}: {item.name} needs the file again{columns}{state}", highlight=False, markup=False)


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
    from ingest.table_review import review_table  # noqa: PLC0415 - readers are slow to import

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
    from ingest.table_review import review_table  # noqa: PLC0415

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
