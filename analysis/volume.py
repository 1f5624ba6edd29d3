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

from ingest.observed.quantities import ValueProblem
from ingest.subjects_file import FILE_NAME
from ingest.volumes.nrrd_file import MAGIC, Header, read_header, read_values
from ingest.volumes.nrrd_series import Image
from ingest.volumes.parrec_header import read_header as read_par

__all__ = ["Volume", "frames_on", "images_of", "nrrd_volume", "sets_of", "volumes_of"]

CLOSE: Final = 0.05
"""How far from a voxel's centre a pixel may lie, as a share of the voxel."""

GRID: Final = "images of the series that the file was made from, on the same grid"
DYNAMIC: Final = "dynamic scan number"
IMAGE_TYPE: Final = "image_type_mr"
"""Columns of a PAR file, by nibabel's names: what counts times, and the type of an image."""

FRAMES: Final = frozenset({"domain", "list", "space", "time", "none", "???"})
"""Kinds of an NRRD's axis along which volumes lie side by side."""

MARKS: Final = ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing", "Rows", "Columns")

Affine = npt.NDArray[np.floating[Any]]
Pixels = npt.NDArray[Any]


@dataclass(frozen=True, slots=True)
class Volume:
    """Voxels with three axes, the fastest first, and where they lie in the patient's coordinates (LPS, mm)."""

    voxels: Pixels
    affine: Affine
    """From an index to a place: 4 x 4."""
    told: str = ""
    """What tells it from the other volumes of its file, such as "dynamic scan number 2"."""
    time: int | None = None
    """Which in time it is, from 1; None where the volumes of its file do not differ in time."""
    form: int = 0
    """The type of a Philips image: magnitude, real, imaginary, phase, or a computed map."""


def volumes_of(path: Path) -> list[Volume]:
    """The volumes of an NRRD file or of a PAR/REC pair; `ValueProblem` where it holds none."""
    with path.open("rb") as file:
        is_nrrd = file.read(len(MAGIC)) == MAGIC
    return nrrd_volumes(path) if is_nrrd else par_volumes(path)


def nrrd_volume(path: Path, header: Header, layer: int | None = None) -> Volume:
    """The one volume of an NRRD file, or one layer of a label map of several; `ValueProblem` where it is none."""
    voxels = read_values(path, header)
    if layer is not None and voxels.ndim == 4:
        voxels = voxels[layer]
    if voxels.ndim != 3:
        raise ValueProblem("the file is not of three axes", "one volume")
    return Volume(voxels, _affine(header))


def nrrd_volumes(path: Path) -> list[Volume]:
    """The volumes of an NRRD file, in the order of its axis that is none of space."""
    header = read_header(path)
    image = Image(header)
    space = image.spatial
    if len(space) != 3 or len(header.sizes) > 4:
        raise ValueProblem("the file is not of three axes of space and at most one other", "volumes of one grid")
    affine, voxels = _affine(header), read_values(path, header)
    if voxels.ndim == 3:
        return [Volume(voxels, affine)]
    apart = next(axis for axis in range(4) if axis not in space)
    if image.kinds[apart] not in FRAMES:
        raise ValueProblem("the file holds several numbers for each voxel, such as colours", "one number for each")
    frames = np.moveaxis(voxels, apart, 0)
    timed = image.described().temporal_positions is not None
    return [
        Volume(frame, affine, f"{'time' if timed else 'volume'} {number}", number if timed else None)
        for number, frame in enumerate(frames, 1)
    ]


def _affine(header: Header) -> Affine:
    directions, origin = header.directions, header.origin
    if directions is None or origin is None:
        raise ValueProblem("the file does not say where its voxels lie", "space, space directions and space origin")
    affine = np.eye(4)
    affine[:3, :3] = np.array(directions, dtype=np.float64).T
    affine[:3, 3] = origin
    return affine


def par_volumes(path: Path) -> list[Volume]:
    """The volumes of a PAR/REC pair in the values of the console; `ValueProblem` where there are none."""
    from nibabel.parrec import PARRECError, load  # noqa: PLC0415 - slow to import
    from nibabel.spatialimages import HeaderDataError  # noqa: PLC0415

    read_par(path)  # tells what is wrong with the header in our words
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image: Any = load(str(path), strict_sort=True, scaling="dv")  # type: ignore[no-untyped-call]
            voxels = np.asarray(image.get_fdata(dtype=np.float32))
            labels = {name: np.asarray(values) for name, values in image.header.get_volume_labels().items()}
            affine = np.diag([-1.0, -1.0, 1.0, 1.0]) @ np.asarray(image.affine, dtype=np.float64)  # its world is RAS
    except (OSError, LookupError, ValueError) as error:
        raise ValueProblem("the pixels cannot be read", "the REC file beside the PAR file, whole") from error
    except (ArithmeticError, HeaderDataError, PARRECError, TypeError) as error:
        raise ValueProblem("the images do not lie on one grid", "slices of one size, spacing and direction") from error
    if voxels.ndim == 3:
        return [Volume(voxels, affine)]
    times, forms = labels.get(DYNAMIC), labels.get(IMAGE_TYPE)
    return [
        Volume(
            voxels[..., at],
            affine,
            ", ".join(f"{name} {values[at]}" for name, values in labels.items()) or f"volume {at + 1}",
            int(times[at]) if times is not None else None,
            int(forms[at]) if forms is not None else 0,
        )
        for at in range(voxels.shape[3])
    ]


def images_of(places: Sequence[Path], series: str | None = None) -> list[Dataset]:
    """The images among files, along their normal; `ValueProblem` where they are not of one series.

    Of files of several series those of the one that is named are taken.
    """
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
    found = {str(image.SeriesInstanceUID) for image in images}
    if series is not None and series not in found:
        raise ValueProblem(f"the series that {FILE_NAME} names has no image here", GRID)
    if series is None and len(found) != 1:
        wanted = f"{GRID}, or a {FILE_NAME} that names the series of the file"
        raise ValueProblem("the images are not of one series", wanted)
    return sorted((image for image in images if series in {None, str(image.SeriesInstanceUID)}), key=_along)


def sets_of(images: Sequence[Dataset]) -> list[list[Dataset]]:
    """The images in sets of one at each position, such as one for each time; all in one where they make no sets."""
    places: dict[float, list[Dataset]] = {}
    for image in images:
        places.setdefault(round(_along(image), 2), []).append(image)
    if len({len(found) for found in places.values()}) != 1:
        return [list(images)]
    ordered = [sorted(found, key=_order) for found in places.values()]
    return [list(one) for one in zip(*ordered, strict=True)]


def _order(image: Dataset) -> tuple[float, ...]:
    """What orders the images of one position (PS3.3 C.8.3.1, C.7.6.1), as far as they state it."""
    stated = (image.get(name) for name in ("TemporalPositionIdentifier", "AcquisitionNumber", "InstanceNumber"))
    return tuple(float(value) if value is not None else 0.0 for value in stated)


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
