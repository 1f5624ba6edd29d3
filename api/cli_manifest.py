"""The command that turns series into what fetches their pixels."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer

from api.cli_query import As, caller, pairs
from api.console import err
from store.warehouse import Warehouse

__all__ = ["manifest_command"]


def manifest_command(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(manifest)


class Form(StrEnum):
    """What a manifest may be for."""

    TCIA = "tcia"
    S5CMD = "s5cmd"
    DICOMWEB = "dicomweb"


def manifest(
    form: Annotated[
        Form, typer.Argument(help="For the NBIA Data Retriever, for `idc download`, or addresses of a DICOMweb server.")
    ],
    query: Annotated[str | None, typer.Option(help="A curated query with a column of series.")] = None,
    param: Annotated[list[str] | None, typer.Option("--param", "-p", help="Its parameters, as name=value.")] = None,
    sparql: Annotated[str | None, typer.Option(help="A SPARQL query, of whose result every series is taken.")] = None,
    series: Annotated[
        str | None, typer.Option(help="A file with series, one on a line; `-` is standard input.", metavar="FILE")
    ] = None,
    base: Annotated[str, typer.Option(help="The address of the DICOMweb server.", metavar="URL")] = "",
    audience: As = None,
    seconds: Annotated[float, typer.Option(help="The time that a query may take.")] = 300.0,
) -> None:
    """Write a manifest of series, by which their images are downloaded.

    Examples: qilin manifest tcia --query pet-protocol > pet.tcia; qilin manifest s5cmd --sparql 'SELECT ?s { ?s
    q:modality dcm:PT }' > pet.txt; qilin manifest dicomweb --series list.txt --base https://pacs.example.org/dicom-web
    """
    from queries.manifests import manifest as written  # noqa: PLC0415
    from queries.manifests import studies_of  # noqa: PLC0415

    if sum(given is not None for given in (query, sparql, series)) != 1:
        raise typer.BadParameter("give one of --query, --sparql and --series")
    if (form is Form.DICOMWEB) != (urlsplit(base).scheme in {"http", "https"} and bool(urlsplit(base).netloc)):
        raise typer.BadParameter("dicomweb, and it alone, needs the server's address: https://…", param_hint="--base")
    warehouse = Warehouse.open()
    found = _series(warehouse, query, param or [], sparql, series, audience, seconds)
    studies = studies_of(warehouse, found, caller(audience), seconds) if form is Form.DICOMWEB else {}
    made = written(form, found, studies, base)
    sys.stdout.write(made.text)
    left_out = f"; {made.left_out:,} left out: {UNKNOWN[form]}" if made.left_out else ""
    err.print(f"{made.listed:,} series{left_out}", highlight=False)
    if made.left_out or not made.listed:
        raise typer.Exit(1)


UNKNOWN = {
    Form.S5CMD: "not in the catalogue of the NCI Imaging Data Commons",
    Form.DICOMWEB: "in no study that may be read",
}


def _series(
    warehouse: Warehouse,
    query: str | None,
    param: list[str],
    sparql: str | None,
    series: str | None,
    audience: str | None,
    seconds: float,
) -> list[str]:
    """The series of a curated query, of a SPARQL query or of a file."""
    from queries.catalogue import query as curated  # noqa: PLC0415 - reading the catalogue takes a moment
    from queries.manifests import in_table, uids_in  # noqa: PLC0415
    from queries.results import run  # noqa: PLC0415

    if query is not None:
        values = pairs(param)
        return in_table(run(warehouse, curated(query), values, caller(audience), seconds=seconds))
    if sparql is not None:
        rows = warehouse.select(sparql, caller(audience), seconds=seconds)
        return _of_series(warehouse, uids_in(getattr(term, "value", "") for row in rows.rows for term in row), audience)
    try:
        text = sys.stdin.read() if series == "-" else Path(series or "").read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter("the file cannot be read", param_hint="--series") from error
    return uids_in(text.split())


def _of_series(warehouse: Warehouse, uids: list[str], audience: str | None) -> list[str]:
    """Those of UIDs that are of series: a query may name studies and images beside them."""
    from queries.manifests import studies_of  # noqa: PLC0415

    known = studies_of(warehouse, uids, caller(audience))
    return [uid for uid in uids if uid in known]
