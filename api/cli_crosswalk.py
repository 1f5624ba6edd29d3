"""``qilin crosswalk``: which id of which namespace is which subject; decided, imported, ruled, and looked through.

Ids go to standard output alone, and only where they are asked for; but whoever names an id that is unknown is told the
nearest ones.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import typer

from api.cli_crosswalk_rules import rule
from api.cli_options import Author, InCollection, Json, Reason, opened
from api.console import err, out, print_json, print_rows
from ingest.table.file import TableError, TableFile
from store.crosswalk import CrosswalkError, Decision, Id, exported
from store.identity import OWN
from store.matching import Match, State, live_ids, states, tally
from store.warehouse import Warehouse, Writing

__all__ = ["CROSSWALK_REFUSALS", "crosswalk_commands"]

CROSSWALK_REFUSALS = (CrosswalkError, TableError)
"""Errors of these commands that a person can mend."""

SHOWN = 20
EXPORTED = ("namespace", "source id", "subject", "method", "author", "at", "reason")

Namespace = Annotated[str, typer.Option(help="The namespace of the id; leave out for the collection's own.")]

crosswalk = typer.Typer(
    help="The subject cross-walk: which id of which source is which subject. Every decision is kept.",
    no_args_is_help=True,
)


def crosswalk_commands(app: typer.Typer) -> None:
    """Add the commands of this module, as ``qilin crosswalk …``."""
    crosswalk.add_typer(rule, name="rule")
    app.add_typer(crosswalk, name="crosswalk")


def _published(writing: Writing) -> None:
    manifest = writing.publish()
    err.print(f"generation {manifest.number} holds {manifest.quads:,} quads", highlight=False)


# looking


@crosswalk.command()
def show(
    collection: InCollection,
    ids: Annotated[bool, typer.Option("--ids", help="List every id; ids can be sensitive.")] = False,
    state: Annotated[State | None, typer.Option(help="With --ids: only ids in this state.")] = None,
    json: Json = False,
) -> None:
    """Show how many ids of images and of tables meet, by namespace; with --ids, which."""
    warehouse = opened(collection)
    live = [source for source in warehouse.generations.current().sources if source.collection == collection]
    named = live_ids(warehouse.home.log, live)
    standing = warehouse.crosswalk.standing(collection)
    found = list(states(named, standing, warehouse.rules.approved(collection)))
    if ids:
        _show_ids([match for match in found if state in (None, match.state)], json)
        return
    counted = tally(collection, found)
    if json:
        print_json([asdict(item) for item in counted])
        return
    columns = ("namespace", "side", "ids", "linked", "matched", "unmatched", "ambiguous")
    rows = [(i.namespace or "-", i.side, i.ids, i.linked, i.matched, i.unmatched, i.ambiguous) for i in counted]
    print_rows(f"Ids of {collection}", columns, rows)


def _show_ids(found: list[Match], json: bool) -> None:
    if json:
        print_json([asdict(match) for match in found])
        return
    columns = ("namespace", "side", "id", "subject", "linked by", "state")
    rows = [(m.namespace or "-", m.side, m.source_id, m.subject, m.method, m.state) for m in found]
    print_rows("Ids", columns, rows)


@crosswalk.command()
def history(
    collection: InCollection,
    namespace: Annotated[str | None, typer.Option(help="Only ids of this namespace.")] = None,
    source_id: Annotated[str | None, typer.Option("--id", help="Only this id.")] = None,
    json: Json = False,
) -> None:
    """List every decision of a collection, the oldest first: who, when, why."""
    entries = opened(collection).crosswalk.history(collection, namespace, source_id)
    if json:
        print_json([asdict(entry) for entry in entries])
        return
    columns = ("namespace", "id", "subject", "by", "author", "at", "reason")
    rows = [
        (
            e.namespace or "-",
            e.source_id,
            e.subject or "(none)",
            f"rule {e.rule}" if e.rule else e.method,
            e.author,
            e.at,
            e.reason,
        )
        for e in entries
    ]
    print_rows("Decisions", columns, rows)


@crosswalk.command()
def export(collection: InCollection) -> None:
    """Write the links of a collection as CSV, which `import` takes."""
    standing = opened(collection).crosswalk.standing(collection)
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(EXPORTED)
    writer.writerows(exported(entry for _, entry in sorted(standing.items())))


# deciding


@crosswalk.command()
def link(
    collection: InCollection,
    source_id: Annotated[str, typer.Argument(help="The id as the source has it.")],
    subject: Annotated[str, typer.Argument(help="The subject that it is: a PatientID of the collection.")],
    author: Author,
    reason: Reason,
    namespace: Namespace = OWN,
) -> None:
    """Say by hand that an id is a subject, and publish.

    Example: qilin crosswalk link acrin_flt_breast 17 ACRIN-FLT-Breast_017 --namespace acrin-case --reason "form A0"
    """
    _link(collection, (namespace, source_id), subject, Decision(author, reason))


@crosswalk.command()
def merge(
    collection: InCollection,
    alias: Annotated[str, typer.Argument(help="The PatientID that is given up.")],
    subject: Annotated[str, typer.Argument(help="The subject that it is one with.")],
    author: Author,
    reason: Reason,
) -> None:
    """Say that two PatientIDs of a collection are one subject, the second one, and publish."""
    _link(collection, (OWN, alias), subject, Decision(author, reason))


def _link(collection: str, of: Id, subject: str, decision: Decision) -> None:
    warehouse = opened(collection)
    with warehouse.writing() as writing:
        if not warehouse.crosswalk.link(collection, of, subject, decision):
            err.print("that link stands already", highlight=False)
        _published(writing)
    known = _known(warehouse, collection)
    for named in (of, (OWN, subject)):
        if named not in known:
            said = f"{_unknown(collection, named, known)}; the link waits for a source that names it"
            err.print(said, highlight=False, markup=False)


def _known(warehouse: Warehouse, collection: str) -> set[Id]:
    """The ids of a collection that sources name."""
    live = [source for source in warehouse.generations.current().sources if source.collection == collection]
    return {(item.namespace, item.source_id) for item in live_ids(warehouse.home.log, live)}


def _unknown(collection: str, of: Id, known: Iterable[Id]) -> str:
    """That no source names an id, where it is named otherwise, and what is like it."""
    namespace, source_id = of
    where = f"{collection}, {_spoken(namespace)}"
    others = sorted({space for space, name in known if name == source_id and space != namespace})
    near = get_close_matches(source_id, sorted({name for space, name in known if space == namespace}), n=3, cutoff=0.6)
    like = f"; like it: {', '.join(near)}" if near else ""
    if others:
        like = f"; it is one of {' and of '.join(map(_spoken, others))}"
    spaces = sorted({space for space, _ in known})
    if namespace not in spaces:
        like += f"; its namespaces are: {', '.join(map(_spoken, spaces)) or 'none'}"
    return f"no source names {source_id!r} in {where}{like}"


def _spoken(namespace: str) -> str:
    return f"namespace {namespace}" if namespace else "its own namespace"


@crosswalk.command()
def unlink(
    collection: InCollection,
    source_id: Annotated[str, typer.Argument(help="The id as the source has it.")],
    author: Author,
    reason: Reason,
    namespace: Namespace = OWN,
) -> None:
    """Withdraw the link of an id, and publish; no rule links it again."""
    warehouse = opened(collection)
    of, decision = (namespace, source_id), Decision(author, reason)
    links = warehouse.crosswalk.links(collection)
    if links.get(of) is None:
        known = _known(warehouse, collection)
        linked = {named for named, _ in links.items()}
        if of in known:
            raise CrosswalkError(f"{source_id!r} of {collection}, {_spoken(namespace)}, is not linked")
        raise CrosswalkError(f"{_unknown(collection, of, known | linked)}, and it is not linked")
    with warehouse.writing() as writing:
        warehouse.crosswalk.unlink(collection, of, decision)
        _published(writing)


@crosswalk.command("import")
def import_links(
    collection: InCollection,
    file: Annotated[Path, typer.Argument(help="A CSV, TSV or XLSX file with a header row.", exists=True)],
    author: Author,
    reason: Reason,
    namespace: Annotated[str | None, typer.Option(help="The namespace of every row, where no column says it.")] = None,
    namespace_column: Annotated[str, typer.Option(help="The column of namespaces.")] = "namespace",
    id_column: Annotated[str, typer.Option(help="The column of ids as the source has them.")] = "source id",
    subject_column: Annotated[str, typer.Option(help="The column of subjects.")] = "subject",
    sheet: Annotated[str | None, typer.Option(help="The sheet of a workbook; the first where not given.")] = None,
    json: Json = False,
) -> None:
    """Import links from a table, and publish; faulty rows are named and the others go in.

    Example: qilin crosswalk import trial7 keys.xlsx --namespace redcap --id-column record --subject-column PatientID
    """
    decision = Decision(author, reason)
    warehouse = opened(collection)
    columns = (None if namespace is not None else namespace_column, id_column, subject_column)
    rows = list(_rows(file, sheet, columns, namespace or OWN))
    with warehouse.writing() as writing:
        new, refused = warehouse.crosswalk.bring(collection, rows, decision)
        _published(writing)
    if json:
        print_json({"rows": len(rows), "new": new, "refused": [{"row": row, "problem": why} for row, why in refused]})
    else:
        out.print(f"{len(rows):,} rows: {new:,} new links, {len(refused):,} refused", highlight=False)
    for row, why in refused[:SHOWN]:
        err.print(f"refused: {file.name}: row {row}: {why}", highlight=False, markup=False)
    if len(refused) > SHOWN:
        err.print(f"… and {len(refused) - SHOWN:,} more: --json lists all", highlight=False)
    raise typer.Exit(1 if refused else 0)


def _rows(
    file: Path, sheet: str | None, columns: tuple[str | None, str, str], namespace: str
) -> Iterator[tuple[int, Id, str]]:
    """The rows of a table of links, with their numbers; rows without any of the cells are left out."""
    rows = TableFile(file).rows(int(sheet) if sheet and sheet.isdigit() else sheet)
    header = [cell.strip() for cell in next(rows, ())]
    places = []
    for name in columns:
        if name is not None and name not in header:
            raise TableError("header", f"no column {name!r}", f"one of: {', '.join(filter(None, header)) or 'none'}")
        places.append(None if name is None else header.index(name))
    for number, row in enumerate(rows, 2):
        cells = [row[at].strip() if at is not None and at < len(row) else "" for at in places]
        if any(cells):
            space, source_id, subject = cells
            yield number, (space if places[0] is not None else namespace, source_id), subject
