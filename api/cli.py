"""The command line: ``qilin``. Reports go to standard output, messages and progress to standard error.

Exit status 0: all in; 1: something was rejected or quarantined; 2: wrong usage, or nothing could be done.
"""

from __future__ import annotations

import atexit
import gc
import logging
import sys
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from api.cli_annotate import annotate_commands
from api.cli_convert import convert_command
from api.cli_crosswalk import CROSSWALK_REFUSALS, crosswalk_commands
from api.cli_export import export_command
from api.cli_forms import FORM_REFUSALS, forms_commands
from api.cli_keep import keep_commands
from api.cli_lesions import LESION_REFUSALS, lesions_commands
from api.cli_manifest import manifest_command
from api.cli_map import MAP_REFUSALS, map_commands
from api.cli_query import query_commands
from api.cli_suggest import suggest_command, suggest_refusals
from api.cli_terms import TERM_REFUSALS, terms_commands
from api.console import err, print_json, report, report_json, watching
from ingest.report import NothingToDoError
from store.arrow import without_pandas
from store.warehouse import Warehouse

__all__ = ["app", "main"]

app = typer.Typer(
    name="qilin",
    help="Qilin, a semantic data warehouse for quantitative cancer imaging: images, image metadata and clinical data "
    "as linked data.\n\nThe data folder is QILIN_HOME, by default ./var. Start with `qilin demo`.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=True,
)


@app.callback()
def options(verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Say what is being done.")] = False) -> None:
    """What every command takes."""
    logging.basicConfig(level=logging.INFO if verbose else logging.WARNING, stream=sys.stderr)


class Instances(StrEnum):
    """Which images become nodes."""

    REFERRED = "referred"
    ALL = "all"


@app.command()
def ingest(
    locators: Annotated[
        list[str],
        typer.Argument(
            help="Files, folders, zip archives (a part of one: a.zip!/FOLDER), DICOMDIRs; s3://, https://, sftp:// …; "
            "dicomweb+https://HOST/PATH, also with /studies/UID or ?PatientID=… behind it; dimse://TITLE@HOST:PORT; "
            "idc://COLLECTION[,COLLECTION…] or idc://*; nbia+https://HOST/#COLLECTION; xnat+https://HOST/#PROJECT; "
            "redcap+https://HOST/api/; or a database's URL#TABLE."
        ),
    ],
    collection: Annotated[str, typer.Option(help="The collection that the sources belong to.")] = "",
    kind: Annotated[
        str | None, typer.Option("--as", help="Read as this kind, such as dicom, redcap, sql or table.")
    ] = None,
    mapping: Annotated[str | None, typer.Option(help="The table map to apply; else the one that fits.")] = None,
    audience: Annotated[
        str | None, typer.Option(help="Who may read a new collection, such as public; else its own audience.")
    ] = None,
    clock: Annotated[str, typer.Option(help="The name of the calendar that dates are on.")] = "calendar",
    attest: Annotated[
        str | None, typer.Option(help="Sign that the sources are de-identified: who, and why. Kept as provenance.")
    ] = None,
    instances: Annotated[
        Instances, typer.Option(help="Which DICOM images become nodes of their own: those that something refers to.")
    ] = Instances.REFERRED,
    json: Annotated[bool, typer.Option("--json", help="Report as JSON.")] = False,
) -> None:
    """Bring sources into the warehouse and publish what follows.

    Given again, unchanged sources are skipped, changed ones replace exactly their own records, and a run that was cut
    off goes on where it stopped.

    Passwords and tokens come from the environment, never from the command line: docs/places.md says which.

    Examples: qilin ingest idc://qin_breast; qilin ingest scans/ more.zip table.xlsx --collection trial7 --audience
    public; qilin ingest dicomweb+https://pacs.example.org/dicom-web --collection trial7
    """
    from ingest.run import Job, run  # noqa: PLC0415 - readers and pyarrow are slow to import

    if not collection and any(not locator.startswith("idc://") for locator in locators):
        raise typer.BadParameter("name the collection that the files belong to", param_hint="--collection")
    job = Job(
        locators=tuple(locators),
        collection=collection or "idc",
        kind=kind,
        mapping=mapping,
        audience=audience,
        clock=clock,
        attestation=attest,
        instances=instances is Instances.ALL,
    )
    warehouse = Warehouse.open()
    with watching() as progress:
        result = run(warehouse, [job], progress)
    print_json(report_json(result)) if json else report(result)
    raise typer.Exit(result.exit_status)


@app.command()
def demo(
    serve_it: Annotated[bool, typer.Option("--serve/--no-serve", help="Serve it when it is built.")] = True,
    port: Annotated[int, typer.Option(help="The port to serve on.")] = 8000,
    seed: Annotated[int, typer.Option(help="The seed of the synthetic cohort.")] = 20120401,
) -> None:
    """Build the demonstration warehouse, of public catalogues and a synthetic cohort, and serve it on this machine."""
    from api.demo.build import build_demo, what_to_try  # noqa: PLC0415 - pydicom and friends are slow to import

    warehouse = Warehouse.open()
    with watching() as progress:
        result = build_demo(warehouse, seed, progress)
    report(result)
    if result.rejects:
        raise typer.Exit(result.exit_status)
    err.print(what_to_try(port), highlight=False)
    if serve_it:
        _serve(warehouse, "127.0.0.1", port)


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="The port to listen on.")] = 8000,
) -> None:
    """Serve the pages, the curated queries and the SPARQL endpoint."""
    _serve(Warehouse.open(), host, port)


def _serve(warehouse: Warehouse, host: str, port: int) -> None:
    from api.server import serve as serve_warehouse  # noqa: PLC0415 - the web framework is slow to import

    serve_warehouse(warehouse, host, port)


@app.command()
def rebuild() -> None:
    """Make the triples anew from the record log alone, upgrading an older log first."""
    manifest = Warehouse.open().rebuild()
    err.print(f"generation {manifest.number} holds {manifest.quads:,} quads", highlight=False)


@app.command()
def backup(
    target: Annotated[Path, typer.Argument(help="The tar file to write; packed where its name ends in .gz.")],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
) -> None:
    """Write the data folder to one file: control data, record log, kept documents, site maps, releases.

    Triples are made again from the log.
    """
    from store.keeping import backup as write_backup  # noqa: PLC0415

    write_backup(Warehouse.open().home, target, force)
    err.print(f"{target}: {target.stat().st_size:,} bytes", highlight=False)


@app.command()
def restore(source: Annotated[Path, typer.Argument(help="A file that `qilin backup` wrote.", exists=True)]) -> None:
    """Unpack a backup into an empty data folder and make its triples."""
    from store.home import Home  # noqa: PLC0415
    from store.keeping import restore as unpack  # noqa: PLC0415

    unpack(source, Home.find())
    rebuild()


keep_commands(app)
query_commands(app)
export_command(app)
manifest_command(app)
convert_command(app)
terms_commands(app)
crosswalk_commands(app)
lesions_commands(app)
forms_commands(app)
annotate_commands(app)
suggest_command(map_commands(app))

Refusal = type[BaseException]


def refusals() -> tuple[Refusal, ...]:
    """The errors that are the person's to mend: one line each, exit status 2."""
    from analysis.selection import NoRecordsError  # noqa: PLC0415
    from ingest.gate.shown import NotShownError  # noqa: PLC0415
    from ingest.sources import UnknownKindError  # noqa: PLC0415
    from ontology.variables import UnknownVariableError  # noqa: PLC0415
    from queries.catalogue import UnknownParameterError, UnknownQueryError  # noqa: PLC0415
    from queries.manifests import NoSeriesError  # noqa: PLC0415
    from queries.parameters import ParameterError  # noqa: PLC0415
    from store.attestations import CannotReleaseError  # noqa: PLC0415
    from store.control import UnknownCollectionError  # noqa: PLC0415
    from store.export import NothingToExportError  # noqa: PLC0415
    from store.guard import QueryRefusedError  # noqa: PLC0415
    from store.keeping import NewerLogError, NotEmptyError, UnknownReleaseError  # noqa: PLC0415
    from store.warehouse import EmptyWarehouseError  # noqa: PLC0415
    from store.workers import QueryError  # noqa: PLC0415

    return (
        CannotReleaseError,
        NotShownError,
        NothingToDoError,
        UnknownKindError,
        UnknownCollectionError,
        QueryRefusedError,
        NewerLogError,
        NothingToExportError,
        NotEmptyError,
        UnknownReleaseError,
        EmptyWarehouseError,
        QueryError,
        FileExistsError,
        UnknownQueryError,
        UnknownParameterError,
        ParameterError,
        NoRecordsError,
        NoSeriesError,
        UnknownVariableError,
        *TERM_REFUSALS,
        *CROSSWALK_REFUSALS,
        *FORM_REFUSALS,
        *LESION_REFUSALS,
        *MAP_REFUSALS,
        *suggest_refusals(),
    )


def main(command: Callable[..., Any] = app) -> None:
    """Run the command line; an error that a person can mend is one line on standard error."""
    without_pandas()
    gc.freeze()  # what was imported is no garbage while the command runs, and need not be looked through
    atexit.register(gc.unfreeze)  # DuckDB's bindings take for a leak what is not let go of at the end
    try:
        command()
    except refusals() as error:
        err.print(f"qilin: {error}", highlight=False, markup=False)
        sys.exit(2)


if __name__ == "__main__":
    main()
