"""Commands that ask: SPARQL and the curated queries."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import pyoxigraph as ox
import typer

from api.console import out, print_rows
from store.warehouse import OPERATOR, Caller, Warehouse

__all__ = ["As", "caller", "pairs", "query_commands"]


class Format(StrEnum):
    """What a result may be written as."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    TSV = "tsv"
    XML = "xml"
    TURTLE = "turtle"
    NTRIPLES = "ntriples"
    JSONLD = "jsonld"


GRAPH_FORMATS = {Format.TURTLE, Format.NTRIPLES, Format.JSONLD}
As = Annotated[str | None, typer.Option("--as-audience", help="Ask as a member of this audience only, such as public.")]


def query_commands(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command()(sparql)
    app.command()(query)


def caller(audience: str | None) -> Caller:
    """Who the command line asks as: the operator, who reads everything, or a member of one audience."""
    return OPERATOR if audience is None else Caller(audience, frozenset({"public", audience}))


def sparql(
    query: Annotated[str | None, typer.Argument(help="A SPARQL query; `-` reads it from standard input.")] = None,
    file: Annotated[Path | None, typer.Option("--file", "-f", help="Read the query from a file.", exists=True)] = None,
    form: Annotated[Format, typer.Option("--format", help="The format of the result.")] = Format.TABLE,
    audience: As = None,
    release: Annotated[str | None, typer.Option(help="Ask a kept release.")] = None,
    seconds: Annotated[float, typer.Option(help="The time that the query may take.")] = 300.0,
) -> None:
    """Ask in SPARQL 1.1; the prefixes of the warehouse (q:, ncit:, dcm:, dicom: …) are declared already.

    Example: qilin sparql 'SELECT ?modality (COUNT(*) AS ?n) { ?series q:modality ?modality } GROUP BY ?modality'
    """
    if (query is None) == (file is None):
        raise typer.BadParameter("give a query, or a file with -f")
    text = file.read_text(encoding="utf-8") if file else sys.stdin.read() if query == "-" else query or ""
    answer = Warehouse.open().ask(
        text,
        caller(audience),
        select_format="json" if form in GRAPH_FORMATS | {Format.TABLE} else form,
        graph_format=form if form in GRAPH_FORMATS else "turtle",
        seconds=seconds,
        release=release,
    )
    if form is Format.TABLE and answer.format == "json":
        _table(answer.read())
    else:
        for piece in answer:
            sys.stdout.buffer.write(piece)
        sys.stdout.buffer.flush()


class TableFormat(StrEnum):
    """What the result of a curated query may be written as."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    TSV = "tsv"


def query(
    name: Annotated[
        str | None, typer.Argument(help="The name of a curated query; without one they are listed.")
    ] = None,
    param: Annotated[list[str] | None, typer.Option("--param", "-p", help="A parameter, as name=value.")] = None,
    form: Annotated[TableFormat, typer.Option("--format", help="The format of the result.")] = TableFormat.TABLE,
    audience: As = None,
    seconds: Annotated[float, typer.Option(help="The time that the query may take.")] = 300.0,
) -> None:
    """Run a curated query, or list them.

    Example: qilin query lesion-diameters --param subject=QD-001
    """
    from queries.catalogue import queries as catalogue  # noqa: PLC0415 - reading the catalogue takes a moment
    from queries.catalogue import query as curated  # noqa: PLC0415
    from queries.results import run, write  # noqa: PLC0415

    if name is None:
        rows = [
            (found.name, found.summary, " ".join(item.name for item in found.parameters))
            for found in catalogue().values()
        ]
        print_rows("Curated queries", ("query", "what it answers", "parameters"), rows)
        return
    values = pairs(param or [])
    table = run(Warehouse.open(), curated(name), values, caller(audience), seconds=seconds)
    if form is TableFormat.TABLE:
        columns, rows_shown = table.shown()
        print_rows(curated(name).summary, columns, rows_shown)
    else:
        sys.stdout.write(write(table, form))


def pairs(texts: Iterable[str]) -> dict[str, str]:
    """Parameters that are given as ``name=value``, each once."""
    found: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals:
            raise typer.BadParameter(f"{text!r} is not name=value", param_hint="--param")
        if name in found:
            raise typer.BadParameter(f"{name} is given twice; a query takes one of each", param_hint="--param")
        found[name] = value
    return found


def _table(result: bytes) -> None:
    from ontology.prefixes import compact  # noqa: PLC0415

    parsed = ox.parse_query_results(result, format=ox.QueryResultsFormat.JSON)
    if isinstance(parsed, ox.QueryBoolean):
        out.print("true" if parsed else "false")
        return
    assert isinstance(parsed, ox.QuerySolutions)
    columns = [variable.value for variable in parsed.variables]

    def shown(term: object) -> str:
        if isinstance(term, ox.NamedNode):
            return compact(term.value)
        return term.value if isinstance(term, ox.Literal) else str(term or "")

    print_rows("Result", columns, [[shown(solution[name]) for name in columns] for solution in parsed])
