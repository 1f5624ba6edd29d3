"""The command that writes images outside DICOM as DICOM, on the series that they were made from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from api.console import err

if TYPE_CHECKING:
    from highdicom.pm import ParametricMap
    from highdicom.seg import Segmentation

__all__ = ["convert_command"]


def convert_command(app: typer.Typer) -> None:
    """Add the command of this module."""
    app.command()(convert)


def convert(
    file: Annotated[Path, typer.Argument(help="A label map or a map of a quantity: NRRD or PAR/REC.", exists=True)],
    images: Annotated[
        Path,
        typer.Argument(
            help="The folder of the DICOM series it was made from; of several, that which subjects.yaml names.",
            exists=True,
        ),
    ],
    target: Annotated[Path, typer.Argument(help="The DICOM file to write.")],
    category: Annotated[str, typer.Option(help="What the segments are, as value|scheme|meaning.")] = "",
    kind: Annotated[str, typer.Option(help="Their type, as value|scheme|meaning.")] = "",
    quantity: Annotated[str, typer.Option(help="Of a map: what it is of, as value|scheme|meaning.")] = "",
    unit: Annotated[str, typer.Option(help="Of a map: its unit, as code|UCUM|meaning.")] = "",
    volume: Annotated[int | None, typer.Option(help="Of a map of several volumes: one of them, from 1.")] = None,
    nth: Annotated[
        int | None,
        typer.Option(help="Of several images at each position (times, echoes): those that it was made on, from 1."),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
) -> None:
    """Write a label map as a DICOM Segmentation or, with --quantity, a map as a Parametric Map. Nothing is resampled.

    Of several volumes each is a file with its number behind the name.

    Example: qilin convert liver.seg.nrrd series/ liver.dcm
    """
    from pydicom.uid import UID  # noqa: PLC0415

    from analysis.convert import code_of, parametric_maps, segmentation  # noqa: PLC0415 - highdicom is slow to import
    from analysis.volume import images_of  # noqa: PLC0415
    from ingest.observed.quantities import ValueProblem  # noqa: PLC0415
    from store.new_file import new_file  # noqa: PLC0415

    if bool(quantity) != bool(unit):
        raise typer.BadParameter("a map needs both --quantity and --unit")
    try:
        source = images_of(sorted(path for path in images.rglob("*") if path.is_file()), _series(file))
        made: Sequence[Segmentation | ParametricMap]
        if quantity:
            made = parametric_maps(file, source, code_of(quantity), code_of(unit), volume, nth)
        else:
            of_category, of_kind = (code_of(text) if text else None for text in (category, kind))
            made = [segmentation(file, source, of_category, of_kind, nth)]
    except ValueProblem as error:
        err.print(f"qilin: {file.name}: {error.problem}; wanted: {error.wanted}", highlight=False, markup=False)
        raise typer.Exit(2) from error
    for one in made:
        place = target if len(made) == 1 else target.with_stem(f"{target.stem}-{one.InstanceNumber}")
        with new_file(place, force) as out:
            one.save_as(out, enforce_file_format=True)
        err.print(f"{place}: {UID(one.SOPClassUID).name}, {one.NumberOfFrames} frames", highlight=False)


def _series(file: Path) -> str | None:
    """The DICOM series that a ``subjects.yaml`` names for a file, if there is one."""
    from ingest.observed.quantities import ValueProblem  # noqa: PLC0415
    from ingest.subjects_file import placed  # noqa: PLC0415

    try:
        return placed(file).series
    except ValueProblem:
        return None  # a file may be converted without being anybody's yet
