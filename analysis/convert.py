"""Label maps and maps of a quantity as DICOM: Segmentations and Parametric Maps on the series they were made from.

Both refer to the images of that series (PS3.3 sections C.8.20 and C.8.32), so the warehouse knows what they were made
from. Codes come from the file, else from whoever converts it: none is guessed. UIDs are made of the content.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
from highdicom.pm import ParametricMap, RealWorldValueMapping
from highdicom.seg import Segmentation, SegmentDescription
from pydicom.dataset import Dataset
from pydicom.sr.coding import Code as DicomCode

from analysis.uids import uid_of
from analysis.volume import Volume, frames_on, nrrd_volume, sets_of, volumes_of
from ingest.base import sha256_of
from ingest.observed.coded import Code
from ingest.observed.quantities import ValueProblem
from ingest.slicer.segments import Segment, read_segments
from ingest.volumes.nrrd_file import read_header

__all__ = ["code_of", "parametric_maps", "segmentation"]

Written = TypeVar("Written", Segmentation, ParametricMap)

SERIES_NUMBER: Final = 9000
MANUFACTURER: Final = "Qilin"
WANTED_CODES: Final = "a .seg.nrrd with Slicer's terminology, or --category and --kind, such as 10200004|SCT|Liver"


def code_of(text: str) -> Code:
    """A code triplet written ``value|scheme|meaning``; `ValueProblem` otherwise."""
    parts = [part.strip() for part in text.split("|")]
    if len(parts) != 3 or not all(parts):
        raise ValueProblem("a code is no triplet", "value|scheme|meaning, such as 10200004|SCT|Liver")
    return Code(*parts)


def _dicom(code: Code) -> DicomCode:
    return DicomCode(code.value, code.scheme, code.meaning)


def _made(path: Path, images: Sequence[Dataset], *more: object, number: int = 1) -> dict[str, Any]:
    """What both objects have in common; the same input gives the same UIDs, and one series whatever the number."""
    key = (sha256_of(path), sorted(str(image.SOPInstanceUID) for image in images), *more)
    return {
        "series_instance_uid": uid_of("series", *key),
        "sop_instance_uid": uid_of("instance", *key, number),
        "series_number": SERIES_NUMBER,
        "instance_number": number,
        "manufacturer": MANUFACTURER,
        "manufacturer_model_name": MANUFACTURER,
        "software_versions": version("qilin"),
        "device_serial_number": hashlib.sha256(MANUFACTURER.encode()).hexdigest()[:8],
    }


@contextmanager
def _refusing() -> Iterator[None]:
    """What highdicom cannot write from these images as a problem of theirs; its words may quote a header."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        problem = f"the headers of the images do not carry the object ({type(error).__name__})"
        raise ValueProblem(
            problem, "images of one series with complete patient, study and frame of reference"
        ) from error


def _settled(made: Written, path: Path) -> Written:
    """The object with the times of its file and a UID of its content in place of those of this moment.

    The same input then gives the same object, which may be read twice.
    """
    at = dt.datetime.fromtimestamp(path.stat().st_mtime)  # local, as dates and times of DICOM are
    for keyword in ("InstanceCreation", "Content"):
        setattr(made, f"{keyword}Date", f"{at:%Y%m%d}")
        setattr(made, f"{keyword}Time", f"{at:%H%M%S}")
    for equipment in made.get("ContributingEquipmentSequence", ()):
        equipment.ContributionDateTime = f"{at:%Y%m%d%H%M%S}"
    organization = uid_of("dimensions", made.SOPInstanceUID)
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = organization
    return made


def segmentation(
    path: Path,
    images: Sequence[Dataset],
    category: Code | None = None,
    kind: Code | None = None,
    nth: int | None = None,
) -> Segmentation:
    """A label map in NRRD as a binary Segmentation; `ValueProblem` where it has no codes, or another grid.

    Of a series with several images at each position ``nth`` says on which of them it was drawn, from 1.
    """
    header = read_header(path)
    segments = [segment for segment in read_segments(path) if segment.voxels]
    if not segments:
        raise ValueProblem("all segments are empty", "voxels with the label of a segment")
    described = [_described(number, segment, category, kind) for number, segment in enumerate(segments, 1)]
    (drawn_on,) = _sets(images, nth, 1)
    layers: dict[int, tuple[list[Dataset], Any]] = {}
    for segment in segments:
        if segment.layer not in layers:
            layers[segment.layer] = frames_on(nrrd_volume(path, header, segment.layer), drawn_on)
    covered = next(iter(layers.values()))[0]
    masks = np.stack([layers[segment.layer][1] == segment.label for segment in segments], axis=-1).astype(np.uint8)
    with _refusing():
        made = Segmentation(
            source_images=covered,
            pixel_array=masks,
            segmentation_type="BINARY",
            segment_descriptions=described,
            omit_empty_frames=True,
            **_made(path, images, "segmentation"),
        )
    return _settled(made, path)


def _described(number: int, segment: Segment, category: Code | None, kind: Code | None) -> SegmentDescription:
    of_category, of_kind = segment.category or category, segment.kind or kind
    if of_category is None or of_kind is None:
        raise ValueProblem("the segments do not say by a code what they are of", WANTED_CODES)
    return SegmentDescription(
        segment_number=number,
        segment_label=(segment.name or of_kind.meaning)[:64],
        segmented_property_category=_dicom(of_category),
        segmented_property_type=_dicom(of_kind),
        algorithm_type="MANUAL",
        anatomic_regions=[_dicom(segment.site)] if segment.site else None,
    )


def _sets(images: Sequence[Dataset], nth: int | None, count: int) -> list[list[Dataset]]:
    """The images of each of so many volumes: all of them, one of their sets, or a set for each."""
    sets = sets_of(images)
    if nth is not None:
        if not 1 <= nth <= len(sets):
            raise ValueProblem(f"the series has {len(sets)} images at each position", f"--nth 1 to {len(sets)}")
        return [sets[nth - 1]] * count
    if len(sets) == 1:
        return sets * count
    if len(sets) == count:
        return sets
    problem = f"the series has {len(sets)} images at each position, the file {count} volumes"
    raise ValueProblem(problem, "as many, or --nth with the one that was used, from 1")


def parametric_maps(
    path: Path,
    images: Sequence[Dataset],
    quantity: Code,
    unit: Code,
    volume: int | None = None,
    nth: int | None = None,
) -> list[ParametricMap]:
    """A map of a quantity in NRRD or PAR/REC as Parametric Maps (single precision): one series, one for each volume.

    ``unit`` is a UCUM code; ``volume`` takes one volume alone, from 1. Volumes stand on the images of the same number,
    where the series has as many at each position, or on those that ``nth`` names. `ValueProblem` where the grid is
    another, and where the volumes are of several quantities, as magnitude and phase are.
    """
    volumes = volumes_of(path)
    if volume is not None and not 1 <= volume <= len(volumes):
        raise ValueProblem(f"the file holds {len(volumes)} volumes", f"--volume 1 to {len(volumes)}")
    sets = _sets(images, nth, len(volumes))
    wanted = range(len(volumes)) if volume is None else [volume - 1]
    if len({volumes[at].form for at in wanted}) > 1:
        told = "; ".join(f"{at + 1}: {volumes[at].told}" for at in wanted)
        raise ValueProblem("the volumes are images of several types", f"--volume with one of them ({told})")
    made = []
    for at in wanted:
        keys = _made(path, images, "map", str(quantity), str(unit), number=at + 1)
        made.append(_settled(_parametric_map(volumes[at], sets[at], quantity, unit, keys), path))
    return made


def _parametric_map(
    volume: Volume, images: Sequence[Dataset], quantity: Code, unit: Code, keys: dict[str, Any]
) -> ParametricMap:
    covered, frames = frames_on(replace(volume, voxels=volume.voxels.astype(np.float32)), images)
    if not np.isfinite(frames).all():
        raise ValueProblem("some voxels have no value", "a finite number in each voxel")
    low, high = float(frames.min()), float(frames.max())
    mapping = RealWorldValueMapping(
        lut_label=quantity.meaning[:16],
        lut_explanation=quantity.meaning[:64],
        unit=_dicom(unit),
        value_range=(low, high),
        slope=1.0,
        intercept=0.0,
        quantity_definition=_dicom(quantity),
    )
    with _refusing():
        made = ParametricMap(
            source_images=covered,
            pixel_array=frames,
            contains_recognizable_visual_features=False,
            real_world_value_mappings=[mapping],
            window_center=(low + high) / 2,
            window_width=max(high - low, 1e-6),
            content_label="MAP",
            content_description=volume.told[:64] or None,
            **keys,
        )
        if "Laterality" not in made:
            made.Laterality = ""  # type 2C where the body part may be a paired one (PS3.3 C.7.3.1)
        for groups in made.PerFrameFunctionalGroupsSequence if volume.time is not None else ():
            groups.FrameContentSequence[0].TemporalPositionIndex = volume.time
    return made
