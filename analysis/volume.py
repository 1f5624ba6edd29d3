"""Volumes outside DICOM, and the frames that they give on the images of a DICOM series.

Nothing is resampled: a volume belongs to a series where each pixel of its images is the centre of a voxel, whatever the
order and direction of the axes.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pydicom
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from ingest.nrrd_file import Header, read_header, read_values
from ingest.observed.quantities import ValueProblem
from ingest.parrec_header import read_header as read_par

__all__ = ["Volume", "frames_on", "images_of", "nrrd_volume", "par_volume"]

CLOSE: Final = 0.05
"""How far from a voxel's centre a pixel may lie, as a share of the voxel."""

GRID: Final = "images of the series that the file was made from, on the same grid"
MARKS: Final = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")

Affine = npt.NDArray[np.floating[Any]]
Pixels = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Volume:
    """Voxels with three axes, the fastest first, and where they lie in the patient's coordinates (LPS, mm)."""

    voxels: Pixels
    affine: Affine
    """From an index to a place: 4 x 4."""


def nrrd_volume(path: Path, header: Header | None = None, layer: int | None = None) -> Volume:
    """The volume of an NRRD file, or one layer of a file of several; `ValueProblem` where it is none."""
    header = header or read_header(path)
    directions, origin = header.directions, header.origin
    if directions is None or origin is None:
        raise ValueProblem("the file does not say where its voxels lie", "space, space directions and space origin")
    voxels = read_values(path, header)
    if layer is not None and voxels.ndim == 4:
        voxels = voxels[layer]
    if voxels.ndim != 3:
        raise ValueProblem("the file is not of three axes", "one volume")
    affine = np.eye(4)
    affine[:3, :3] = np.array(directions, dtype=np.float64).T
    affine[:3, 3] = origin
    return Volume(voxels, affine)


def par_volume(path: Path) -> Volume:
    """The volume of a PAR/REC pair in the values of the console; `ValueProblem` where it has several, or none."""
    from nibabel.parrec import load  # noqa: PLC0415 - slow to import

    read_par(path)  # tells what is wrong with the header in our words
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Any = load(str(path), strict_sort=True, scaling="dv")  # type: ignore[no-untyped-call]
            voxels = np.asarray(image.get_fdata(dtype=np.float32))
            affine = np.asarray(image.affine, dtype=np.float64)
    except (OSError, LookupError, ValueError) as error:
        raise ValueProblem("the pixels cannot be read", "the REC file beside the PAR file, whole") from error
    if voxels.ndim != 3:
        raise ValueProblem("the file holds several volumes", "one volume: one dynamic, echo and image type")
    return Volume(voxels, np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine)  # nibabel's world is RAS


def images_of(places: Sequence[Path]) -> list[Dataset]:
    """The images among files, in the order of their places; `ValueProblem` where they are not of one series."""
    images = []
    for place in places:
        try:
            dataset = pydicom.dcmread(place)
        except (InvalidDicomError, OSError):
            continue
        if not dataset.get("SpecificCharacterSet", "there is none"):
            del dataset.SpecificCharacterSet  # stands empty in some files, which is no character set
        if all(mark in dataset for mark in MARKS) and "SeriesInstanceUID" in dataset:
            images.append(dataset)
    if len({image.SeriesInstanceUID for image in images}) != 1:
        raise ValueProblem("the images are not of one series", GRID)
    return sorted(images, key=_along)


def _along(image: Dataset) -> float:
    row, column = np.array(image.ImageOrientationPatient, dtype=float).reshape(2, 3)
    return float(np.dot(np.cross(row, column), np.array(image.ImagePositionPatient, dtype=float)))


def frames_on(volume: Volume, images: Sequence[Dataset]) -> tuple[list[Dataset], Pixels]:
    """The images that the volume covers, and its voxels as frames on them; `ValueProblem` where the grids differ."""
    inverse = np.linalg.pinv(volume.affine)
    found = [(image, frame) for image in images if (frame := _frame(volume.voxels, inverse, image)) is not None]
    if len(found) != min(volume.voxels.shape) and len(found) not in volume.voxels.shape:
        raise ValueProblem(f"the volume covers {len(found)} of {len(images)} images, with slices left over", GRID)
    return [image for image, _ in found], np.stack([frame for _, frame in found])


def _frame(voxels: Pixels, inverse: Affine, image: Dataset) -> Pixels | None:
    """The voxels on one image; None where it lies beyond the volume."""
    row, column = np.array(image.ImageOrientationPatient, dtype=float).reshape(2, 3)
    down, across = (float(value) for value in image.PixelSpacing)
    corner = inverse @ np.array([*(float(value) for value in image.ImagePositionPatient), 1.0])
    steps = inverse @ np.array([[*(row * across), 0.0], [*(column * down), 0.0]]).T
    whole = np.rint(steps[:3])
    last = corner[:3] + steps[:3, 0] * (image.Columns - 1) + steps[:3, 1] * (image.Rows - 1)
    expected = np.rint(corner[:3]) + whole[:, 0] * (image.Columns - 1) + whole[:, 1] * (image.Rows - 1)
    if np.abs(corner[:3] - np.rint(corner[:3])).max() > CLOSE or np.abs(last - expected).max() > CLOSE:
        raise ValueProblem("the pixels of an image do not lie on the voxels", GRID)
    start = np.rint(corner[:3]).astype(int)
    columns, rows = np.meshgrid(np.arange(image.Columns), np.arange(image.Rows))
    index = [start[axis] + (whole[axis, 0] * columns + whole[axis, 1] * rows).astype(int) for axis in range(3)]
    inside = all(place.min() >= 0 and place.max() < size for place, size in zip(index, voxels.shape, strict=True))
    return voxels[tuple(index)] if inside else None
