"""Label maps of 3D Slicer and others in NRRD: each segment with what it is of, and its geometry in summary."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from ingest.observed.coded import Code
from ingest.observed.quantities import ValueProblem
from ingest.slicer.model import Point
from ingest.volumes.nrrd_file import Header, Voxels, read_header, read_voxels

__all__ = ["Segment", "is_named_label_map", "read_segments"]

SEGMENT = re.compile(r"Segment(\d{1,5})_ID")
LABELS = re.compile(r"(?:^|[^a-z])(?:label|labels|labelmap|seg|segmentation|mask)(?:$|[^a-z])")
"""Words in a file's name that say that its numbers are labels."""

MOST_LABELS: Final = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """One segment: its numbers in the file, what the file says of it, and what its voxels give."""

    number: int
    label: int
    layer: int
    identifier: str
    name: str = ""
    category: Code | None = None
    kind: Code | None = None
    kind_modifier: Code | None = None
    site: Code | None = None
    site_modifier: Code | None = None
    voxels: int = 0
    slices: int = 0
    corners: tuple[Point, ...] = ()
    volume: float | None = None


def read_segments(path: Path) -> list[Segment]:
    """The segments of Slicer's header, else the labels that occur; `ValueProblem` where there are none."""
    header = read_header(path)
    named = list(_named(header))
    if not named and not is_named_label_map(path, header):
        raise ValueProblem(
            "the file is an image, or does not say that it is a label map",
            "a .seg.nrrd as 3D Slicer writes it, or a name with the word label, mask or seg",
        )
    if header.type is None:
        raise ValueProblem("the voxels are not whole numbers", "a label map: voxels of a whole-numbered type")
    spatial = len(header.sizes) - (1 if header.fields.get("kinds", "").startswith("list") else 0)
    if spatial != 3 or len(header.sizes) > 4:
        raise ValueProblem("the label map is not of three spatial axes", "three spatial axes, and one of layers")
    voxels = read_voxels(path, header)
    layers = voxels if len(header.sizes) == 4 else voxels[np.newaxis]
    found = {(layer, mark.label): mark for layer in range(len(layers)) for mark in _marks(layers[layer])}
    wanted = named or [
        Segment(number=label, label=label, layer=layer, identifier=f"{layer}.{label}" if layer else str(label))
        for layer, label in sorted(found)
    ]
    if not wanted:
        raise ValueProblem("the label map is empty", "voxels with labels other than 0")
    return [_measured(segment, found.get((segment.layer, segment.label)), header) for segment in wanted]


def is_named_label_map(path: Path, header: Header) -> bool:
    """Whether numbers are labels: the header lists segments or the file's name says so; else it could be any image."""
    words = re.sub(r"([a-z])([A-Z])", r"\1_\2", path.name.partition(".")[0]).casefold()
    named = path.name.casefold().endswith(".seg.nrrd") or LABELS.search(words) is not None
    return named or any(SEGMENT.fullmatch(key) for key in header.said)


def _named(header: Header) -> Iterator[Segment]:
    numbers = sorted(int(found[1]) for key in header.said if (found := SEGMENT.fullmatch(key)))
    for number in numbers[:MOST_LABELS]:
        said = {key: header.said.get(f"Segment{number}_{key}", "") for key in ("ID", "Name", "LabelValue", "Layer")}
        codes = _terminology(header.said.get(f"Segment{number}_Tags", ""))
        yield Segment(
            number=number + 1,
            # files of versions before 4.13 have a layer for each segment, and no values
            label=_number(said["LabelValue"], 1),
            layer=_number(said["Layer"], number),
            identifier=said["ID"],
            name=said["Name"],
            category=codes.get(1),
            kind=codes.get(2),
            kind_modifier=codes.get(3),
            site=codes.get(5),
            site_modifier=codes.get(6),
        )


def _number(text: str, otherwise: int) -> int:
    return int(text) if re.fullmatch(r"\d{1,9}", text.strip(), re.ASCII) else otherwise


def _terminology(tags: str) -> dict[int, Code]:
    """The codes of Slicer's terminology entry, by place: 1 category, 2 type, 3 its modifier, 5 region, 6 its modifier.

    >>> _terminology("TerminologyEntry:A list~SCT^85756007^Tissue~SCT^85756007^Tissue~^^~Anatomic~^^~^^|")[1].meaning
    'Tissue'
    """
    entry = next((tag.partition(":")[2] for tag in tags.split("|") if tag.startswith("TerminologyEntry:")), "")
    codes: dict[int, Code] = {}
    for place, part in enumerate(entry.split("~")):
        pieces = part.split("^")
        if len(pieces) == 3 and pieces[1].strip():
            codes[place] = Code(pieces[1].strip(), pieces[0].strip(), pieces[2].strip())
    return codes


@dataclass(frozen=True, slots=True)
class Mark:
    """A label's voxels in one layer: how many, on how many slices, between which indices."""

    label: int
    count: int
    slices: int
    low: tuple[int, ...]
    high: tuple[int, ...]


def _marks(layer: Voxels) -> Iterator[Mark]:
    places = np.nonzero(layer)
    labels = layer[places]
    order = np.argsort(labels, kind="stable")
    values, starts, counts = np.unique(labels[order], return_index=True, return_counts=True)
    if len(values) > MOST_LABELS:
        raise ValueProblem("there are too many labels for a label map", f"at most {MOST_LABELS} labels")
    for value, start, count in zip(values.tolist(), starts.tolist(), counts.tolist(), strict=True):
        inside = order[start : start + count]
        axes = [axis[inside] for axis in places]
        low, high = tuple(int(axis.min()) for axis in axes), tuple(int(axis.max()) for axis in axes)
        yield Mark(int(value), count, len(np.unique(axes[2])), low, high)


def _measured(segment: Segment, mark: Mark | None, header: Header) -> Segment:
    if mark is None:
        return segment
    each = header.voxel_volume
    said = {name: getattr(segment, name) for name in segment.__dataclass_fields__}
    return Segment(
        **{
            **said,
            "voxels": mark.count,
            "slices": mark.slices,
            "corners": _corners(mark, header),
            "volume": mark.count * each if each else None,
        }
    )


def _corners(mark: Mark, header: Header) -> tuple[Point, ...]:
    """The corners of the box of the voxels' centres, as of segments in DICOM, in mm in the patient's coordinates."""
    steps, origin = header.directions, header.origin
    if steps is None or origin is None:
        return ()
    ends = list(zip(mark.low, mark.high, strict=True))
    return tuple(
        (
            origin[0] + sum(at * step[0] for at, step in zip(index, steps, strict=True)),
            origin[1] + sum(at * step[1] for at, step in zip(index, steps, strict=True)),
            origin[2] + sum(at * step[2] for at, step in zip(index, steps, strict=True)),
        )
        for index in itertools.product(*ends)
    )
