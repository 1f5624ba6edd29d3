"""The command that writes out what a caller may read, as RDF."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

import pyoxigraph as ox
import typer

from api.cli_query import As, caller
from api.console import err
from store.export import RdfForm, Readable, form_of, write_rdf
from store.new_file import new_file
from store.warehouse import Warehouse

__all__ = ["export_command"]


def export_command(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(export)


def export(
    target: Annotated[
        str, typer.Argument(help="The file to write, packed where its name ends in .gz; `-` is standard output.")
    ] = "-",
    form: Annotated[
        RdfForm | None, typer.Option("--format", help="Else that of the file's name, else nquads.", show_default=False)
    ] = None,
    collection: Annotated[str | None, typer.Option(help="Only this collection.")] = None,
    subject: Annotated[str | None, typer.Option(help="Only this subject, by its id in the collection.")] = None,
    audience: As = None,
    release: Annotated[str | None, typer.Option(help="A kept release.")] = None,
    vocabulary: Annotated[
        bool | None,
        typer.Option(
            "--vocabulary/--no-vocabulary",
            help="With the vocabulary and the labels of terms, or without; by default with them where all is exported.",
            show_default=False,
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
) -> None:
    """Write what may be read as RDF: all of it, one collection, or one subject.

    nquads, trig and jsonld keep which graph, and so which audience, each triple is of; turtle and ntriples do not.

    Examples: qilin export lung.ttl.gz --collection nsclc_radiomics --as-audience public; qilin export | wc -l
    """
    chosen = form or (form_of(Path(target)) if target != "-" else RdfForm.NQUADS)
    if chosen is None:
        raise typer.BadParameter(
            f"the name {target!r} says no form of RDF: let it end in .nq, .trig, .ttl, .nt or .jsonld, or give --format"
        )
    readable = Warehouse.open().readable(caller(audience), release)
    quads = _chosen(readable, collection, subject)
    if vocabulary or (vocabulary is None and collection is None and subject is None):
        quads = itertools.chain(readable.words(), quads)
    if target == "-":
        count = write_rdf(quads, sys.stdout.buffer, chosen)
        sys.stdout.buffer.flush()
    else:
        with new_file(Path(target), force) as out:
            count = write_rdf(quads, out, chosen)
    err.print(f"{'standard output' if target == '-' else target}: {count:,} triples as {chosen}", highlight=False)


def _chosen(readable: Readable, collection: str | None, subject: str | None) -> Iterator[ox.Quad]:
    if subject is not None:
        return readable.of_subject(subject, collection)
    return readable.whole() if collection is None else readable.of_collection(collection)
