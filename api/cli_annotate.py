"""Commands that write measurement sets as standard objects: AIM 4 documents and DICOM structured reports."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.cli_query import As, caller, pairs
from api.console import err
from mappings.tables import Library
from ontology.prefixes import Curie
from store.warehouse import Warehouse

if TYPE_CHECKING:
    from analysis.measurement_set import MeasurementSet

__all__ = ["annotate_commands"]

Files = Annotated[
    list[str] | None,
    typer.Argument(help="Files to write from, such as an algorithm's CSV; without them, from the warehouse."),
]
Output = Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")]
InCollection = Annotated[str, typer.Option("--collection", help="The collection.")]
Subject = Annotated[list[str] | None, typer.Option("--subject", help="Only of these subjects.")]
SourceName = Annotated[list[str] | None, typer.Option("--source", help="Only what these sources (by name) state.")]
LesionName = Annotated[list[str] | None, typer.Option("--lesion", help="Only of lesions with this label, key or IRI.")]
ReaderName = Annotated[list[str] | None, typer.Option("--reader", help="Only of these readers, by pseudonym.")]
OfVariable = Annotated[list[str] | None, typer.Option("--variable", help="Only of these variables: ncit:C96684.")]
Curated = Annotated[str | None, typer.Option("--query", help="What a curated query returns, in place of a selection.")]
Param = Annotated[list[str] | None, typer.Option("--param", "-p", help="A parameter of the query, as name=value.")]
Mapping = Annotated[str | None, typer.Option("--mapping", help="The table map of the files; else the one that fits.")]
Kind = Annotated[str | None, typer.Option("--as", help="Read the files as this kind, such as table or aim.")]
Images = Annotated[
    Path | None,
    typer.Option(
        "--images", help="A folder of the DICOM images measured on, and of segmentations.", exists=True, file_okay=False
    ),
]
Attest = Annotated[
    bool, typer.Option("--deidentified", help="Say that the files hold pseudonyms only; reports are marked so.")
]


class Form(StrEnum):
    """A standard object that measurements are written as."""

    AIM = "aim"
    SR = "sr"


def annotate_commands(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(annotate)


def annotate(
    form: Annotated[Form, typer.Argument(help="AIM 4 annotations (XML), or DICOM structured reports (TID 1500).")],
    files: Files = None,
    *,
    output: Output,
    collection: InCollection = "",
    subject: Subject = None,
    source: SourceName = None,
    lesion: LesionName = None,
    reader: ReaderName = None,
    variable: OfVariable = None,
    query: Curated = None,
    param: Param = None,
    mapping: Mapping = None,
    kind: Kind = None,
    images: Images = None,
    deidentified: Attest = False,
    audience: As = None,
) -> None:
    """Write measurements as AIM or DICOM SR, one file for each subject, reader and study.

    Examples:

    qilin annotate aim --collection qilin_demo --subject QD-001 -o out/

    qilin annotate sr --query lesion-diameters --param subject=QD-001 -o out/

    qilin annotate sr results.csv --mapping my_map --collection trial7 --images scans/ -o out/
    """
    chosen = _Chosen(collection, subject, source, lesion, reader, variable, query, param, audience)
    _write(form, output, _given(files, chosen, mapping, kind, deidentified=deidentified), images)


class _Chosen:
    """What of the warehouse is asked for."""

    def __init__(
        self,
        collection: str,
        subject: Sequence[str] | None,
        source: Sequence[str] | None,
        lesion: Sequence[str] | None,
        reader: Sequence[str] | None,
        variable: Sequence[str] | None,
        query: str | None,
        param: Sequence[str] | None,
        audience: str | None,
    ) -> None:
        self.collection, self.query, self.param, self.audience = collection, query, tuple(param or ()), audience
        self.subjects, self.sources, self.lesions = tuple(subject or ()), tuple(source or ()), tuple(lesion or ())
        self.readers, self.variables = tuple(reader or ()), tuple(Curie(item) for item in variable or ())

    @property
    def narrowed(self) -> bool:
        """Whether anything but the collection is named."""
        return bool(self.subjects or self.sources or self.lesions or self.readers or self.variables)

    def of(self, warehouse: Warehouse) -> MeasurementSet:
        """The set, as the caller may read it."""
        from analysis.selection import Selection, of_query, selected  # noqa: PLC0415 - the catalogue takes a moment
        from ontology.variables import variable  # noqa: PLC0415
        from queries.catalogue import query as curated  # noqa: PLC0415

        if self.query is not None:
            if self.narrowed or self.collection:
                raise typer.BadParameter("say what is wanted by --param, not beside it", param_hint="--query")
            return of_query(warehouse, curated(self.query), pairs(self.param), caller(self.audience))
        if not self.collection:
            raise typer.BadParameter("name the collection, or files, or a query", param_hint="--collection")
        known = tuple(variable(item).curie for item in self.variables)
        wanted = Selection(
            collection=self.collection,
            subjects=self.subjects,
            sources=self.sources,
            lesions=self.lesions,
            readers=self.readers,
            variables=known,
        )
        return selected(warehouse, wanted, caller(self.audience))


def _given(
    files: Sequence[str] | None, chosen: _Chosen, mapping: str | None, kind: str | None, *, deidentified: bool
) -> MeasurementSet:
    """The set out of files, or out of the warehouse."""
    warehouse = Warehouse.open()
    if not files:
        return chosen.of(warehouse)
    from analysis.file_set import of_files  # noqa: PLC0415 - readers are slow to import
    from ingest.base import Context  # noqa: PLC0415

    if chosen.narrowed or chosen.query:
        raise typer.BadParameter("these choose from the warehouse; of files everything is written", param_hint="FILES")
    if not chosen.collection:
        raise typer.BadParameter("name the collection that the files belong to", param_hint="--collection")
    library = Library.of(warehouse.home, warehouse.decisions)
    context = Context(
        collection=chosen.collection,
        mapping=mapping,
        secret=bytes.fromhex(warehouse.control.setting("secret")),
        attested=deidentified,
        codes=library.codes,
        library=lambda: library,
    )
    given, rejects = of_files(files, context, kind)
    for item in rejects:
        err.print(f"{item.name}, {item.place}: {item.problem}; right: {item.wanted}", highlight=False, markup=False)
    return given


def _write(form: str, output: Path, given: MeasurementSet, images: Path | None) -> None:
    """Write and say what was written, and what is missing."""
    from analysis.file_set import images_in  # noqa: PLC0415 - pydicom is slow to import
    from analysis.writing import write_documents  # noqa: PLC0415 - highdicom is slow to import

    if images is not None:
        given = given.with_images(images_in([str(images)]))
    warehouse = Warehouse.open()
    codes = Library.of(warehouse.home, warehouse.decisions).codes
    try:
        written = write_documents(given, form, codes, output)
    except OSError as error:
        raise typer.BadParameter(f"{output} cannot be written: {error.strerror}", param_hint="--output") from error
    for path in written.files:
        typer.echo(path)
    err.print(f"{len(written.files):,} files with {written.observations:,} observations", highlight=False)
    for reason, count in sorted(written.missing.items()):
        err.print(f"  {count:,} x {reason}", highlight=False, markup=False)
    if not written.files:
        raise typer.Exit(1)
