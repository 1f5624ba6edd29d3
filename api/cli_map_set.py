"""``qilin map set``: say on the command line what a table map says of a column, of the subject, of dates and visits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from api.console import err, out, print_json
from api.map_following import author_of, rederived, tell
from mappings.sssom import MappingError, column_id
from store.warehouse import Warehouse

if TYPE_CHECKING:
    from mappings.shape_change import Change

__all__ = ["set_"]

Column = Annotated[str | None, typer.Option(help="The column that is spoken of; else all of the map.")]


def set_(
    name: Annotated[str, typer.Argument(help="The map, one of the site's own; a new name makes a new map.")],
    column: Column = None,
    sheet: Annotated[str | None, typer.Option(help="Of a workbook: the sheet.")] = None,
    *,
    subject: Annotated[str | None, typer.Option(help="The column that names the subject.")] = None,
    element: Annotated[str | None, typer.Option(help="What it holds: a data element, such as cadsr:2200604.")] = None,
    variable: Annotated[str | None, typer.Option(help="What it holds: a term, such as ncit:C28421.")] = None,
    record: Annotated[
        str | None, typer.Option(help="What it makes, where element or variable do not say it: finding, measurement …")
    ] = None,
    unit: Annotated[str | None, typer.Option(help="The unit of its numbers.")] = None,
    missing: Annotated[list[str] | None, typer.Option(help="A cell that says nothing; more than once.")] = None,
    date: Annotated[str | None, typer.Option(help="The column with the date, or with days.")] = None,
    form: Annotated[str | None, typer.Option("--format", help="The form of its dates, such as %d.%m.%Y.")] = None,
    clock: Annotated[str | None, typer.Option(help="From when its days count, such as from-diagnosis.")] = None,
    visit: Annotated[str | None, typer.Option(help="The column with the number of the visit.")] = None,
    lesion: Annotated[str | None, typer.Option(help="The column that names the lesion.")] = None,
    reader: Annotated[str | None, typer.Option(help="The column that names the reader.")] = None,
    event: Annotated[str | None, typer.Option(help="Of an outcome: the column that says whether it happened.")] = None,
    yes: Annotated[list[str] | None, typer.Option(help="Its cells that say so; more than once.")] = None,
    no: Annotated[list[str] | None, typer.Option(help="Its cells that say the opposite; more than once.")] = None,
    start: Annotated[str | None, typer.Option(help="Of an outcome: from when it counts: q:DiagnosisAnchor …")] = None,
    drop: Annotated[bool, typer.Option("--drop", help="The column is read no longer.")] = False,
    author: Annotated[str, typer.Option(envvar="QILIN_AUTHOR", help="Who decides: an ORCID, or a name.")] = "",
    reason: Annotated[str, typer.Option(help="Why; that of the proposal where nothing is said.")] = "",
    later: Annotated[bool, typer.Option("--later", help="Do not read the sources again yet.")] = False,
    json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False,
) -> None:
    """Say what a column holds and where subject, date, visit, lesion and end of outcomes stand; no YAML is written.

    The rest of map.yaml stays as it is, comments too. Element and variable are decisions, made as `qilin map decide`
    makes them.

    Examples:

    qilin map set trial_x --subject "Pt No" --column Weight --variable ncit:C81328 --unit kg --reason "see protocol"

    qilin map set trial_x --date "Visit date" --format %d.%m.%Y --visit Visit

    qilin map set trial_x --column OS_days --event Status --yes dead --no alive --start q:SurgeryAnchor

    qilin map set trial_x --column Comment --drop
    """
    from mappings.shape_change import Change, unit_of  # noqa: PLC0415 - the registries are slow to load

    if drop and column is None:
        raise typer.BadParameter("name the column that is read no longer", param_hint="--column")
    fields = _fields(date, form, clock, visit=visit, lesion=lesion, reader=reader)
    if event:
        fields["event"] = {"column": event, "is_true": yes or [], "is_false": no or []}
        if not (yes and no):
            raise typer.BadParameter(
                "say which cells mean yes and which no: --yes dead --no alive", param_hint="--event"
            )
    given = {"start_event": start, "unit": unit_of(unit) if unit else None, "missing": missing, "record": record}
    fields |= {key: value for key, value in given.items() if value}
    if column is None and (own := {"event", "start_event", "unit", "record"} & fields.keys()):
        raise typer.BadParameter(f"name the column of which {', '.join(sorted(own))} is said", param_hint="--column")
    terms = [term for term in (element, variable) if term]
    if terms and column is None:
        raise typer.BadParameter("name the column that holds it", param_hint="--column")
    if not (fields or terms or subject or drop):
        raise typer.BadParameter("say what is to be set, such as --subject COLUMN or --column COLUMN --variable TERM")
    change = Change(column, sheet, subject, fields, drop)
    _set(name, change, terms, author, reason, later=later, json=json)


def _fields(date: str | None, form: str | None, clock: str | None, **columns: str | None) -> dict[str, Any]:
    """The fields that come from other columns."""
    fields: dict[str, Any] = {key: {"column": column} for key, column in columns.items() if column}
    if date:
        how = {"format": form, "clock": clock}
        fields["when"] = {"column": date, **{key: value for key, value in how.items() if value}}
    else:
        fields |= {key: value for key, value in {"format": form, "clock": clock}.items() if value}
    return fields


def _set(name: str, change: Change, terms: list[str], author: str, reason: str, *, later: bool, json: bool) -> None:
    from dataclasses import replace  # noqa: PLC0415

    from ingest.steward import Steward, Wish  # noqa: PLC0415 - the term index is slow to import
    from mappings.shape_change import applied, record_of  # noqa: PLC0415
    from mappings.sssom_write import write_text  # noqa: PLC0415
    from mappings.tables import SHAPE  # noqa: PLC0415

    warehouse = Warehouse.open()
    path = _place(warehouse, name) / SHAPE
    before = path.read_text(encoding="utf-8") if path.is_file() else None
    steward = Steward(warehouse)
    if terms and "record" not in change.entry:
        made = next((found for term in terms if (found := record_of(term, _imported(warehouse)))), None)
        if made and not _reads(before, change):
            change = replace(change, entry={"record": made, **change.entry})
    who = author_of(author) if terms else ""
    for term in terms:
        steward.targets.find(term)  # refuses one that no loaded vocabulary holds, before anything is written
    text = applied(before, path.parent.name, change)
    if text != before:
        write_text(path, text)
    spoken = f"{change.sheet}!{change.column}" if change.sheet and before and "sheets:" in before else change.column
    wishes = [
        Wish(mapping=path.parent.name, subject=column_id(spoken or ""), term=term, author=who, reason=reason)
        for term in terms
    ]
    try:
        decided = [steward.decide(wish).record for wish in wishes]
    except Exception:
        # what could not be decided is not half done
        write_text(path, before) if before is not None else path.unlink()
        raise
    result = None if later or before is None else rederived(warehouse, path.parent.name, None)
    if json:
        print_json({"map": str(path), "changed": text != before, "decisions": [item.id for item in decided]})
    else:
        err.print(f"{path}: {'changed' if text != before else 'says so already'}", highlight=False, markup=False)
        for item in decided:
            out.print(f"decision {item.id}: {item.subject} means {item.object} {item.object_label!r}", markup=False)
        if result is not None:
            tell(result)
    raise typer.Exit(result.exit_status if result else 0)


def _reads(text: str | None, change: Change) -> bool:
    """Whether the map has an entry for the column, which says itself what it makes."""
    import yaml  # noqa: PLC0415

    shape = yaml.safe_load(text) if text else {}
    part = shape.get("sheets", {}).get(change.sheet, {}) if shape.get("sheets") else shape
    return change.column in (part.get("columns") or {})


def _imported(warehouse: Warehouse) -> Any:
    from ontology.index import TermIndex  # noqa: PLC0415

    return TermIndex(warehouse.home.terms).elements()


def _place(warehouse: Warehouse, name: str) -> Path:
    """The folder of a map of the site's own, there or to be made."""
    from mappings.tables import Library, UnknownMapError, is_map  # noqa: PLC0415

    if is_map(Path(name)):
        return Path(name).absolute()
    library = Library.of(warehouse.home, warehouse.decisions)
    try:
        mapping = library.unchecked(name)
    except UnknownMapError:
        if "/" in name:
            raise
        return warehouse.home.mappings / name
    if not mapping.site:
        raise MappingError(f"{name} comes with Qilin; make it the site's own first: qilin map write {name} FOLDER")
    return mapping.folder
