"""What table maps say, and who decided it: list, show, history, export, write, review (``qilin map …``)."""

from __future__ import annotations

import sys
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli_codes import show_codes
from api.cli_options import Json
from api.console import err, print_json, print_rows
from mappings.code_library import CodeSet, CodeSets, own_rows
from mappings.code_sets import ALL, is_code_set
from mappings.overview import overview
from mappings.sssom import NO_TERM, Decision, MappingError
from mappings.sssom_write import as_tsv, as_turtle, checked_tsv, set_metadata, write_text
from mappings.tables import DECISIONS, SHAPE, Library, TableMap
from store.decided import DecisionRecord, Verdict
from store.warehouse import Warehouse

__all__ = ["map_reports"]

Name = Annotated[str, typer.Argument(help="The map, by name or folder.")]


class Form(StrEnum):
    """The formats of an export."""

    SSSOM = "sssom"
    TURTLE = "turtle"


def map_reports(maps: typer.Typer) -> None:
    """Add the commands of this module."""
    maps.command("list")(list_maps)
    for command in (show, history, export, write, review):
        maps.command()(command)


def list_maps(json: Json = False) -> None:
    """List the table maps: those that come with Qilin and the site's own, in QILIN_HOME/mappings."""
    warehouse = Warehouse.open()
    library, made = _library(warehouse), warehouse.decisions.by_mapping()
    served: dict[str, int] = {}
    for source in warehouse.generations.current().sources:
        name = source.recipe.partition("@")[0]
        served[name] = served.get(name, 0) + 1
    columns = ("map", "title", "whose", "collection", "columns", "decisions", "made here", "sources")
    rows = [
        (
            item.name,
            item.shape.title,
            "site" if item.site else "ready",
            item.shape.collection or "",
            sum(len(part.columns) for part in item.parts),
            len(item.decisions.rows),
            len(made.get(item.name, ())),
            served.get(item.name, 0),
        )
        for item in library.maps().values()
    ]
    rows += [
        (
            item.name,
            item.title,
            "site" if item.site else "ready",
            "",
            0,
            len(item.decisions.rows),
            len(made.get(item.name, ())),
            served.get(item.name, 0),
        )
        for item in library.code_sets.usable()
    ]
    print_json([dict(zip(columns, row, strict=True)) for row in rows]) if json else print_rows("Maps", columns, rows)


def show(
    name: Name,
    column: Annotated[str | None, typer.Argument(help="Only this column.")] = None,
    json: Json = False,
) -> None:
    """Show what the columns and cells of a map mean, who decided it, when and why, and what is undecided.

    Examples: qilin map show trial_x; qilin map show trial_x "Overall stage"
    """
    from ingest.steward import Steward  # noqa: PLC0415 - the term index is slow to import

    steward = Steward(Warehouse.open())
    if is_code_set(name):
        show_codes(steward.library, name, column, json=json)
        return
    mapping = steward.library.unchecked(name)
    states = [state for state in overview(mapping, steward.proposals(mapping)) if column in (None, state.name)]
    if not states:
        known = ", ".join(sorted(mapping.columns))
        raise MappingError(f"{mapping.name} reads no column {column!r}; it reads: {known}")
    if json:
        print_json([asdict(state) for state in states])
        return
    rows: list[tuple[str, ...]] = []
    for state in states:
        makes = ", ".join(state.makes) or "serves others"
        label = f"{state.sheet}!{state.name}" if isinstance(state.sheet, str) else state.name
        if state.undecided:
            rows.append((label, "", makes, "undecided", "", "", "", "", ""))
        rows += [(label, "", makes, *_cells(row)) for row in state.decisions]
        rows += [(label, "", makes, "proposed", *_cells(row)[1:]) for row in state.proposals if state.undecided]
        rows += [(label, row.value or "", "", *_cells(row)) for row in state.values]
        if not (state.undecided or state.decisions or state.values):
            rows.append((label, "", makes, "", "", "", "", "", ""))
    print_rows(mapping.shape.title, ("column", "cell", "makes", "word", "term", "score", "who", "when", "why"), rows)


def _cells(row: Decision) -> tuple[str, str, str, str, str, str]:
    """A decision in force, or a proposal: what is said, of which term, how sure, by whom, when and why."""
    word = "does not mean" if row.negated else row.predicate.removeprefix("skos:")
    term = "no term" if row.term == NO_TERM else f"{row.term} {row.label}".strip()
    return word, term, row.confidence, ", ".join(filter(None, (row.author, row.reviewer))), row.date, row.comment


def history(
    name: Name,
    subject: Annotated[str | None, typer.Argument(help="A column, or COLUMN=CELL.")] = None,
    json: Json = False,
) -> None:
    """Show every decision that was made about a map or one of its columns or cells, oldest first.

    What stands in the map's own TSV file comes first. Example: qilin map history trial_x "Overall stage=IIIb"
    """
    from ingest.steward import subject_of  # noqa: PLC0415 - the term index is slow to import

    warehouse = Warehouse.open()
    mapping = _as_filed(warehouse, name)
    wanted = None if subject is None else subject_of(mapping, subject).subject
    filed = [row for row in mapping.decisions.rows if wanted in (None, row.subject)]
    made = warehouse.decisions.history(mapping.name, wanted)
    if json:
        print_json({"file": [asdict(row) for row in filed], "decisions": [asdict(record) for record in made]})
        return
    rows = [(row.place, row.date, row.author, "in the file", row.subject, row.term, row.comment, "") for row in filed]
    rows += [
        (f"decision {r.id}", r.made_at, r.author, str(r.verdict), r.subject, r.object, r.reason, r.replaces)
        for r in made
    ]
    print_rows("History", ("place", "when", "who", "verdict", "subject", "term", "why", "in place of"), rows)


def export(
    name: Name,
    form: Annotated[Form, typer.Option("--format", help="sssom (TSV) or turtle (RDF).")] = Form.SSSOM,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="The file to write; else standard output.")
    ] = None,
) -> None:
    """Write the decisions in force as an SSSOM mapping set: as TSV, or as RDF with who, when and why.

    Example: qilin map export trial_x --format turtle -o trial_x.ttl
    """
    mapping = _checked(_library(Warehouse.open()), name)
    metadata = _metadata(mapping)
    rows = mapping.decisions.rows
    text = checked_tsv(as_tsv(rows, metadata)) if form is Form.SSSOM else as_turtle(rows, metadata).decode()
    if output is None:
        sys.stdout.write(text)
    else:
        write_text(output, text)
        err.print(f"{output}: {len(rows):,} mappings", highlight=False)


def write(
    name: Name,
    folder: Annotated[Path | None, typer.Argument(help="Where to write; for a site's own map its folder.")] = None,
    author: Annotated[str, typer.Option(envvar="QILIN_AUTHOR", help="Who writes: an ORCID, or a name.")] = "",
    json: Json = False,
) -> None:
    """Write the decisions in force back into the TSV file of a map, sorted, fit for version control.

    A map that comes with Qilin is written, map.yaml too, to a folder of the same name:
    qilin map write nsclc_radiomics_lung1 our_maps/nsclc_radiomics_lung1
    """
    from mappings.people import person  # noqa: PLC0415

    warehouse = Warehouse.open()
    who = person(author) if author else ""
    if is_code_set(name):
        _write_codes(warehouse, name, folder, who, json=json)
        return
    mapping = _library(warehouse).get(name)
    if folder is None and not mapping.site:
        raise typer.BadParameter(f"{name} comes with Qilin; name a folder to write to, such as ./{mapping.name}")
    target = (folder or mapping.folder).absolute()
    if target.name != mapping.name:
        raise typer.BadParameter(f"the folder of a map has its name: {target / mapping.name}")
    text = checked_tsv(as_tsv(mapping.decisions.rows, _metadata(mapping)))
    if not (target / SHAPE).exists():
        write_text(target / SHAPE, (mapping.folder / SHAPE).read_text(encoding="utf-8"))
    write_text(target / DECISIONS, text)
    if _library(warehouse).unchecked(name).folder.absolute() == target:
        _speaks(warehouse, mapping.name, who)
    _tell_written(target / DECISIONS, len(mapping.decisions.rows), json=json)


def _write_codes(warehouse: Warehouse, name: str, folder: Path | None, who: str, *, json: bool) -> None:
    """Write a code set whole to a folder; to the data folder what differs from Qilin's own, and then speaks."""
    chosen = _library(warehouse).code_sets.get(name)
    own = warehouse.home.mappings / ALL
    target = (folder or own).absolute() / f"{chosen.prefix}.sssom.tsv"
    rows = own_rows(chosen) if target.parent == own.absolute() else chosen.decisions.rows
    write_text(target, checked_tsv(as_tsv(rows, _metadata(chosen))))
    if target.parent == own.absolute():
        _speaks(warehouse, name, who)
    _tell_written(target, len(rows), json=json)


def _speaks(warehouse: Warehouse, name: str, who: str) -> None:
    """From now on the file speaks for the decisions so far, so that what is edited there by hand counts."""
    pending = warehouse.decisions.history(name)
    if pending and pending[-1].verdict is not Verdict.WRITTEN:
        done = DecisionRecord(mapping=name, verdict=Verdict.WRITTEN, author=who or "qilin map write")
        warehouse.decisions.add([done])


def _tell_written(path: Path, mappings: int, *, json: bool) -> None:
    if json:
        print_json({"file": str(path), "mappings": mappings})
    else:
        err.print(f"{path}: {mappings:,} mappings", highlight=False)


def review(
    names: Annotated[list[str] | None, typer.Argument(help="Maps; else every map.")] = None,
    json: Json = False,
) -> None:
    """List the decisions whose term was retired, withdrawn or relabelled in the loaded vocabularies, for review.

    Exit status 1 where there are any. Do this after `qilin terms import`. Example: qilin map review trial_x
    """
    from ingest.steward import Steward  # noqa: PLC0415 - the term index is slow to import

    warehouse = Warehouse.open()
    steward, library = Steward(warehouse), _library(warehouse)
    chosen: list[TableMap | CodeSet] = (
        [_checked(library, name) for name in names]
        if names
        else [*library.maps().values(), *library.code_sets.usable()]
    )
    rows = []
    for mapping in chosen:
        versions = {r.object: r.object_version for r in warehouse.decisions.history(mapping.name) if r.object_version}
        for found in steward.targets.review(mapping.decisions.rows, versions):
            row = found.decision
            rows.append((mapping.name, row.place, row.subject, row.term, row.label, found.problem, found.now))
    columns = ("map", "place", "subject", "term", "label", "problem", "now")
    print_json([dict(zip(columns, row, strict=True)) for row in rows]) if json else print_rows("Review", columns, rows)
    raise typer.Exit(1 if rows else 0)


def _library(warehouse: Warehouse) -> Library:
    return Library.of(warehouse.home, warehouse.decisions)


def _checked(library: Library, name: str) -> TableMap | CodeSet:
    """A map or a code set by its name; `MappingError` where it contradicts itself."""
    return library.code_sets.get(name) if is_code_set(name) else library.get(name)


def _as_filed(warehouse: Warehouse, name: str) -> TableMap | CodeSet:
    """A map or a code set as its file has it, without the decisions of the control data."""
    if is_code_set(name) and name not in CodeSets(warehouse.home.mappings / ALL).names():
        known = _library(warehouse).code_sets.unchecked(name)  # all of it was decided here
        return replace(known, decisions=replace(known.decisions, rows=()))
    return Library(warehouse.home.mappings).mapping_set(name)


def _metadata(mapping: TableMap | CodeSet) -> dict[str, Any]:
    if isinstance(mapping, CodeSet):
        return set_metadata(mapping.set_name, mapping.title, mapping.decisions.path, mapping.namespaces)
    return set_metadata(mapping.name, mapping.title, mapping.decisions.path)
