"""The command that writes images outside DICOM as DICOM, on the series that they were made from."""

from __future__ import annotations

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
    images: Annotated[Path, typer.Argument(help="The folder of the DICOM series it was made from.", exists=True)],
    target: Annotated[Path, typer.Argument(help="The DICOM file to write.")],
    category: Annotated[str, typer.Option(help="What the segments are, as value|scheme|meaning.")] = "",
    kind: Annotated[str, typer.Option(help="Their type, as value|scheme|meaning.")] = "",
    quantity: Annotated[str, typer.Option(help="Of a map: what it is of, as value|scheme|meaning.")] = "",
    unit: Annotated[str, typer.Option(help="Of a map: its unit, as code|UCUM|meaning.")] = "",
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there already.")] = False,
) -> None:
    """Write a label map as a DICOM Segmentation or, with --quantity, a map as a Parametric Map. Nothing is resampled.

    Example: qilin convert liver.seg.nrrd series/ liver.dcm
    """
    from pydicom.uid import UID  # noqa: PLC0415

    from analysis.convert import code_of, parametric_map, segmentation  # noqa: PLC0415 - highdicom is slow to import
    from analysis.volume import images_of  # noqa: PLC0415
    from ingest.observed.quantities import ValueProblem  # noqa: PLC0415
    from store.new_file import new_file  # noqa: PLC0415

    if bool(quantity) != bool(unit):
        raise typer.BadParameter("a map needs both --quantity and --unit")
    try:
        source = images_of(sorted(path for path in images.rglob("*") if path.is_file()))
        made: Segmentation | ParametricMap
        if quantity:
            made = parametric_map(file, source, code_of(quantity), code_of(unit))
        else:
            given = [code_of(text) if text else None for text in (category, kind)]
            made = segmentation(file, source, *given)
    except ValueProblem as error:
        err.print(f"qilin: {file.name}: {error.problem}; wanted: {error.wanted}", highlight=False, markup=False)
        raise typer.Exit(2) from error
    with new_file(target, force) as out:
        made.save_as(out, enforce_file_format=True)
    err.print(f"{target}: {UID(made.SOPClassUID).name}, {made.NumberOfFrames} frames", highlight=False)
