"""Commands over what the warehouse holds: sources, quarantine, collections, releases, variables."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated

import typer

from api.cli_options import Json
from api.cli_query import As, caller
from api.console import err, print_json, print_rows, without_instance
from ontology.records import DataClass
from store.control import QuarantineEntry
from store.new_file import new_file
from store.warehouse import Warehouse

__all__ = ["keep_commands"]

InCollection = Annotated[str | None, typer.Option("--collection", help="Only of this collection.")]

quarantine = typer.Typer(help="What did not come in, and why: by place, never by value.", no_args_is_help=True)
collections = typer.Typer(help="Collections: who sees what, and from which event days are counted.")
releases = typer.Typer(help="Kept states of the data, citable and re-queryable.", no_args_is_help=True)


def keep_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(sources)
    app.command()(document)
    app.command()(retract)
    app.command()(variables)
    app.add_typer(quarantine, name="quarantine")
    app.add_typer(collections, name="collections")
    app.add_typer(releases, name="releases")


def sources(collection: InCollection = None, json: Json = False) -> None:
    """List the sources that are served."""
    live = Warehouse.open().generations.current().sources
    chosen = [source for source in live if collection in (None, source.collection)]
    if json:
        print_json([{**asdict(source), "files": None} for source in chosen])
        return
    columns = ("source", "collection", "kind", "name", "class", "records", "logged")
    rows = [(s.sid, s.collection, s.kind, s.name, s.data_class, s.records, s.logged_at) for s in chosen]
    print_rows("Sources", columns, rows)


def document(
    source: Annotated[
        str, typer.Argument(help="The id of a source, as `qilin sources` lists them, or the SHA-256 of its document.")
    ],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="The file to write; else standard output.")
    ] = None,
    force: Annotated[bool, typer.Option(help="Replace a file that is there already.")] = False,
    audience: As = None,
) -> None:
    """Write what was kept of an annotation, report, segmentation or plan: with coordinates, without what identifies.

    Example: qilin document 3c9d0f1a22b04e57 -o reading.xml
    """
    from api.documents import kept_document  # noqa: PLC0415 - the web framework is slow to import

    warehouse = Warehouse.open()
    named = warehouse.generations.current().live.get(source)
    wanted = (named.digest, named.collection) if named else (source, None)
    kept = kept_document(warehouse, caller(audience), *wanted) if warehouse.generations.folder() else None
    if kept is None:
        raise typer.BadParameter("no document that may be read was kept of it; see `qilin sources`")
    if output is None:
        sys.stdout.buffer.write(kept.content)
        return
    try:
        with new_file(output, force) as handle:
            handle.write(kept.content)
    except FileExistsError as error:
        raise typer.BadParameter(str(error)) from error


def retract(
    source: Annotated[list[str], typer.Argument(help="Ids of sources, as `qilin sources` lists them.")],
) -> None:
    """Take sources out of the warehouse: no triple of theirs is left."""
    warehouse = Warehouse.open()
    live = warehouse.generations.current().live
    unknown = [sid for sid in source if sid not in live]
    if unknown:
        raise typer.BadParameter(f"not served: {', '.join(unknown)}; see `qilin sources`")
    manifest = warehouse.retract(source)
    err.print(f"generation {manifest.number} holds {manifest.quads:,} quads", highlight=False)


def variables(json: Json = False) -> None:
    """List the canonical variables: one for each quantity, whatever the source calls it."""
    from ontology.variables import variables as registry  # noqa: PLC0415

    rows = [
        (item.curie, item.label, str(item.kind), item.unit or "", "|".join(item.codes)) for item in registry().values()
    ]
    columns = ("variable", "label", "kind", "unit", "codes")
    print_json([dict(zip(columns, row, strict=True)) for row in rows]) if json else print_rows(
        "Variables", columns, rows
    )


@quarantine.command("list")
def quarantine_list(
    collection: InCollection = None,
    alike: Annotated[
        bool,
        typer.Option(
            "--alike", help="One line for all entries of a collection with the same problem: one id, how many."
        ),
    ] = False,
    json: Json = False,
) -> None:
    """List what was rejected or quarantined, newest run first; then the lesions that documents leave open.

    With --alike the ids are those to give to `qilin quarantine text --alike` and `qilin quarantine release --alike`.
    """
    from api.cli_lesions import REVIEWED, open_items  # noqa: PLC0415 - the queries are slow to import

    warehouse = Warehouse.open()
    groups = _groups(warehouse.control.quarantine(collection), alike)
    if json:
        print_json([{**asdict(group[0]), **({"entries": len(group)} if alike else {})} for group in groups])
        return
    columns = ("id", "collection", "entries" if alike else "file", "place", "problem", "verdict")
    listed = [(group[0], len(group) if alike else group[0].name) for group in groups]
    told = without_instance if alike else str
    rows = [(e.review, (e.id, e.collection, said, e.place, told(e.problem), _verdict(e))) for e, said in listed]
    asked = [row for review, row in rows if review]
    held = [row for review, row in rows if not review]
    if held or not asked:
        print_rows("Not in", columns, held)
    if asked:
        print_rows("In, and to review: `qilin quarantine text` shows a text, `release` answers", columns, asked)
    if undecided := open_items(warehouse, collection):
        print_rows("In, and to decide: see `qilin lesions review`", REVIEWED, undecided)


def _problem(entry: QuarantineEntry) -> tuple[str, ...]:
    """What makes entries alike: the collection, and the same problem in the same place."""
    return entry.collection, entry.place, without_instance(entry.problem), _verdict(entry)


def _groups(entries: Iterable[QuarantineEntry], alike: bool) -> list[list[QuarantineEntry]]:
    """Each entry by itself or, if wanted, all that are alike together, in the order of the first of them."""
    groups: dict[object, list[QuarantineEntry]] = {}
    for entry in entries:
        groups.setdefault(_problem(entry) if alike else entry.id, []).append(entry)
    return list(groups.values())


def _entries(warehouse: Warehouse, numbers: Iterable[int], alike: bool) -> list[QuarantineEntry]:
    """The entries of these numbers, and those like them if wanted; raises `typer.BadParameter` for an unknown one."""
    known = {entry.id: entry for entry in warehouse.control.quarantine()}
    if unknown := [number for number in numbers if number not in known]:
        raise typer.BadParameter(f"no entry {unknown[0]}; see `qilin quarantine list`")
    chosen = [known[number] for number in numbers]
    wanted = {_problem(entry) for entry in chosen}
    return [entry for entry in known.values() if _problem(entry) in wanted] if alike else chosen


def _verdict(entry: QuarantineEntry) -> str:
    if entry.review:
        return "to review"
    return ("quarantined, may be released" if entry.content else "quarantined") if entry.quarantined else "rejected"


@quarantine.command("show")
def quarantine_show(entry: Annotated[int, typer.Argument(help="The id of an entry.")]) -> None:
    """Show one entry whole: what is wrong, where, and what would be right."""
    found = [item for item in Warehouse.open().control.quarantine() if item.id == entry]
    if not found:
        raise typer.BadParameter(f"no entry {entry}; see `qilin quarantine list`")
    print_json(asdict(found[0]))


Alike = Annotated[
    bool, typer.Option("--alike", help="And all entries of the same collection with the same problem there.")
]


@quarantine.command("text")
def quarantine_text(
    entries: Annotated[list[int], typer.Argument(metavar="ENTRY…", help="Ids under review.")],
    alike: Alike = False,
    json: Json = False,
) -> None:
    """Show the texts under review, read again where they came from: they may identify, and stand nowhere else."""
    from ingest.gate.shown import shown  # noqa: PLC0415 - pydicom is slow to import

    warehouse = Warehouse.open()
    columns = ("id", "place", "text", "file")
    found = sorted(
        shown(warehouse, _entries(warehouse, entries, alike)), key=lambda item: (item.entry.place, item.text)
    )
    rows = [(item.entry.id, item.entry.place, item.text, item.file) for item in found]
    print_json([dict(zip(columns, row, strict=True)) for row in rows]) if json else print_rows(
        "Under review", columns, rows
    )


By = Annotated[str, typer.Option("--by", help="Who answers for it: a name or an ORCID.")]
Reason = Annotated[str, typer.Option("--reason", help="Why: what was looked at, and what was seen.")]


@quarantine.command("release")
def quarantine_release(
    entries: Annotated[list[int], typer.Argument(metavar="ENTRY…", help="The ids of entries.")],
    by: By,
    reason: Reason,
    alike: Alike = False,
    but: Annotated[
        list[int] | None, typer.Option("--except", help="With --alike: not this entry. May be given several times.")
    ] = None,
) -> None:
    """Answer for what is held back, so that the next ingest of its files takes it: a record that is kept for good.

    It holds for that content and that check alone. What identifies a person is not stored after it either, and what is
    broken or would be stored is never released.
    """
    warehouse = Warehouse.open()
    chosen = [entry for entry in _entries(warehouse, entries, alike) if entry.id not in (but or ())]
    count = warehouse.attestations.release(chosen, by, reason)
    err.print(f"{count:,} released; give `qilin ingest` again for their files", highlight=False)


@quarantine.command("releases")
def quarantine_releases(collection: InCollection = None, json: Json = False) -> None:
    """List what was released, by whom and why, and what was taken back."""
    found = Warehouse.open().attestations.history(collection)
    if json:
        print_json([asdict(item) for item in found])
        return
    columns = ("id", "collection", "file", "place", "word", "by", "reason", "at")
    rows = [
        (a.id, a.collection, a.name, a.place, "released" if a.released else "taken back", a.by, a.reason, a.made_at)
        for a in found
    ]
    print_rows("Released", columns, rows)


@quarantine.command("take-back")
def quarantine_take_back(
    releases_: Annotated[list[int], typer.Argument(metavar="RELEASE…", help="Ids of `qilin quarantine releases`.")],
    by: By,
    reason: Reason,
) -> None:
    """Take releases back: the next ingest of those files holds them back again."""
    count = Warehouse.open().attestations.take_back(releases_, by, reason)
    err.print(f"{count:,} taken back; give `qilin ingest` again for their files", highlight=False)


@collections.callback(invoke_without_command=True)
def collections_list(context: typer.Context) -> None:
    """List the collections."""
    if context.invoked_subcommand is None:
        rows = [
            (c.name, c.owner, *(c.audience(data_class) for data_class in DataClass), ", ".join(c.anchors))
            for c in Warehouse.open().control.collections().values()
        ]
        print_rows("Collections", ("collection", "owner", "images", "metadata", "clinical", "anchors"), rows)


@collections.command("audience")
def collections_audience(
    name: Annotated[str, typer.Argument(help="The collection.")],
    audience: Annotated[str, typer.Argument(help="The audience, such as public.")],
    data_class: Annotated[list[DataClass] | None, typer.Option("--class", help="Only this class of data.")] = None,
) -> None:
    """Give a collection's data, or one class of it, to an audience."""
    warehouse = Warehouse.open()
    collection = warehouse.control.collection(name)
    now = {one: collection.audience(one) for one in DataClass}
    warehouse.set_collection(
        replace(collection, audiences={**now, **dict.fromkeys(data_class or tuple(DataClass), audience)})
    )


@collections.command("anchors")
def collections_anchors(
    name: Annotated[str, typer.Argument(help="The collection.")],
    anchors: Annotated[list[str], typer.Argument(help="Events in order, such as diagnosis first-treatment.")],
) -> None:
    """Choose the events that days are counted from, first that a subject has; no file is read again."""
    from store.days import anchor_names  # noqa: PLC0415

    if unknown := set(anchors) - set(anchor_names()):
        known = ", ".join(anchor_names())
        raise typer.BadParameter(f"unknown: {', '.join(sorted(unknown))}; there are: {known}", param_hint="anchors")
    warehouse = Warehouse.open()
    warehouse.set_collection(replace(warehouse.control.collection(name), anchors=tuple(anchors)))


@releases.command("list")
def releases_list() -> None:
    """List the kept releases."""
    kept = Warehouse.open().releases
    manifests = [(name, kept.manifest(name)) for name in kept.names()]
    rows = [(name, m.number, m.published, f"{m.quads:,}", len(m.sources)) for name, m in manifests]
    print_rows("Releases", ("release", "generation", "published", "quads", "sources"), rows)


@releases.command("keep")
def releases_keep(name: Annotated[str, typer.Argument(help="A name, such as 2026-11.")]) -> None:
    """Keep the current state under a name."""
    manifest = Warehouse.open().releases.keep(name)
    err.print(f"release {name}: generation {manifest.number}, {manifest.quads:,} quads", highlight=False)


@releases.command("diff")
def releases_diff(before: str, after: str) -> None:
    """Say which sources came, went and changed between two releases."""
    print_json(asdict(Warehouse.open().releases.diff(before, after)))
