"""Commands on terms: import a vocabulary, search, show, list, and take one out again."""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli_options import Json
from api.console import err, out, print_json, print_rows, watching
from mappings.template_terms import TEMPLATE
from ontology.elements import UnknownElementError, element
from ontology.imports import importer_for, vocabulary_of
from ontology.imports.base import UnreadableError
from ontology.index import TermIndex, UnknownConceptError, UnknownVocabularyError
from ontology.index_import import Update
from ontology.index_schema import IndexVersionError
from store.home import Home

__all__ = ["TERM_REFUSALS", "terms_commands"]

TERM_REFUSALS = (
    UnreadableError,
    UnknownConceptError,
    UnknownElementError,
    UnknownVocabularyError,
    IndexVersionError,
)
"""Errors of these commands that a person can mend."""

SHOWN = 20
EVERY = 1000


def terms_commands(app: typer.Typer) -> None:
    """Add the commands of this module, as ``qilin terms …``."""
    terms = typer.Typer(name="terms", help="Vocabularies: import, search and show their terms.", no_args_is_help=True)
    terms.command("import")(import_terms)
    terms.command()(search)
    terms.command()(show)
    terms.command("list")(list_vocabularies)
    terms.command()(remove)
    app.add_typer(terms)


def _index() -> TermIndex:
    return TermIndex(Home.find().terms)


def import_terms(
    file: Annotated[Path, typer.Argument(help="The file; or the word dicom or ucum, for what comes with Qilin.")],
    form: Annotated[
        str | None,
        typer.Option(
            "--as", help="Its format: thesaurus, rdf, obo, table, cadsr-xml, cadsr-json, ucum, dicom, template."
        ),
    ] = None,
    vocabulary: Annotated[str | None, typer.Option(help="The vocabulary, by its prefix, such as ncit.")] = None,
    infer: Annotated[bool, typer.Option("--infer", help="OWL: infer the class tree with HermiT (Java).")] = False,
    json: Json = False,
) -> None:
    """Import a vocabulary into the term index; a release takes the place of the one before, and the changes are listed.

    Examples: qilin terms import Thesaurus.txt; qilin terms import RadLex.owl; qilin terms import cdes.xml
    """
    if infer and form not in (None, "inferred"):
        raise typer.BadParameter("--infer is for OWL; leave --as out", param_hint="--infer")
    importer = importer_for(file, "inferred" if infer else form, (TEMPLATE,))
    name = vocabulary_of(file, importer, vocabulary)
    index = _index()
    with watching() as progress:
        progress.stage(f"reading {file.name} as {importer.title}")

        def step(done: int) -> None:
            if done % EVERY == 0:
                progress.step(name, done, None)

        update = index.load(file, importer, name, _digest(file), step)
    if json:
        changes = [change._asdict() for change in index.changes(update.imported)]
        print_json({**asdict(update), "changes": changes})
    else:
        _report(index, update)
    raise typer.Exit(update.exit_status)


def _digest(file: Path) -> str | None:
    if not file.is_file():
        return None
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def _report(index: TermIndex, update: Update) -> None:
    counted = ", ".join(f"{count:,} {kind}" for kind, count in sorted(update.counts.items())) or "nothing changed"
    release = f" {update.release}" if update.release else ""
    out.print(f"{update.vocabulary}{release}: {update.read:,} read; {counted}", highlight=False, markup=False)
    listed = [change for change in index.changes(update.imported) if change.kind != "added"]
    if listed:
        rows = [(change.kind, change.curie, change.before, change.after) for change in listed[:SHOWN]]
        print_rows("Changes", ("change", "term", "before", "after"), rows)
    if len(listed) > SHOWN:
        err.print(f"… and {len(listed) - SHOWN:,} more changes: --json lists all", highlight=False)
    for item in update.rejects[:SHOWN]:
        text = f"rejected: {item.name}: {item.place}: {item.problem}; wanted: {item.wanted}"
        err.print(text, highlight=False, markup=False)
    if update.rejected > SHOWN:
        err.print(f"… and {update.rejected - min(SHOWN, len(update.rejects)):,} more rejected", highlight=False)


def search(
    text: Annotated[str, typer.Argument(help="Words, or their beginnings, or a code.")],
    vocabulary: Annotated[str | None, typer.Option(help="Only in this vocabulary.")] = None,
    under: Annotated[str | None, typer.Option(help="Only this term and its descendants, such as ncit:C3262.")] = None,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=1000)] = 20,
    json: Json = False,
) -> None:
    """Search terms by label, synonym and code.

    Example: qilin terms search 'lung adeno' --vocabulary ncit
    """
    hits = _index().search(text, vocabulary, under, limit)
    if json:
        print_json([{**asdict(hit), "match": hit.match.name.casefold()} for hit in hits])
        return
    rows = [
        (hit.curie, hit.label, "" if hit.name == hit.label else hit.name, "retired" if hit.retired else "")
        for hit in hits
    ]
    print_rows(f"Terms for {text!r}", ("term", "label", "found by", "status"), rows)


def show(
    curie: Annotated[str, typer.Argument(help="The term, such as ncit:C4878 or cadsr:2200604.")],
    version: Annotated[str | None, typer.Option(help="The version of a data element; else the newest.")] = None,
    json: Json = False,
) -> None:
    """Show a term: names, definition, broader terms, status and release; of a data element also its values."""
    index = _index()
    entry = index.show(curie)
    held = _element(index, curie, version)
    if json:
        print_json({**asdict(entry), "element": held})
        return
    rows: list[tuple[str, object]] = [
        ("term", entry.curie),
        ("label", entry.label),
        ("synonyms", "; ".join(entry.synonyms)),
        ("definition", entry.definition),
        ("broader", "; ".join(f"{parent} {label}".strip() for parent, label in entry.parents)),
        ("narrower", f"{entry.children:,} directly, {entry.descendants:,} in all"),
        ("status", f"{entry.status}, replaced by {entry.replaced_by}" if entry.replaced_by else entry.status),
        ("source", " ".join(part for part in (entry.vocabulary, entry.release, f"({entry.source})") if part)),
    ]
    if held:
        values = held.pop("values")
        rows += [(name, value) for name, value in held.items() if value]
        rows += [("value", " = ".join(part for part in value if part)) for value in values]
    print_rows(entry.label, ("", ""), rows)


def _element(index: TermIndex, curie: str, version: str | None) -> dict[str, Any] | None:
    """A data element as plain values, None for any other term."""
    if not curie.startswith("cadsr:"):
        return None
    try:
        item = element(curie, version, index.elements())
    except UnknownElementError:
        if version is not None:
            raise
        return None
    return {
        "version": item.version,
        "datatype": item.datatype,
        "kind of value": item.value_type,
        "unit": item.canonical_unit,
        "makes": item.makes,
        "variable": item.variable,
        "workflow status": item.status,
        "values": [(value.value, value.meaning, " ".join(value.concepts)) for value in item.values],
    }


def list_vocabularies(json: Json = False) -> None:
    """List the vocabularies of the index with release, licence and counts."""
    found = _index().vocabularies()
    if json:
        print_json([asdict(item) for item in found])
        return
    rows = [
        (
            item.name,
            item.title,
            item.release,
            item.date,
            f"{item.concepts:,}",
            f"{item.retired:,}",
            item.licence,
            item.source,
        )
        for item in found
    ]
    columns = ("vocabulary", "title", "release", "date", "terms", "retired", "licence", "source")
    print_rows("Vocabularies", columns, rows)


def remove(vocabulary: Annotated[str, typer.Argument(help="The vocabulary, by its prefix.")]) -> None:
    """Take an imported vocabulary out of the index; bundled terms stay."""
    _index().remove(vocabulary)
    err.print(f"{vocabulary} was taken out", highlight=False)
