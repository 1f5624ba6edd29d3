"""What the header of an NRRD image says, as attributes of a series.

Beside the geometry of the format: the keys of NA-MIC's DWI convention (``modality``, ``DWMRI_b-value``,
``DWMRI_gradient_0000``), of 3D Slicer's multi-volumes (``MultiVolume.DICOM.EchoTime``), and of converters that copy
DICOM attributes (``DICOM_0018_0080_RepetitionTime``). Other keys may hold anything and are not read.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from pydicom.datadict import dictionary_has_tag, dictionary_keyword

from ingest.dicom_concepts import date_of, modality_of
from ingest.dicom_header import Elements
from ingest.image_file import Described, decimal
from ingest.nrrd_file import Header
from ingest.observed.quantities import ValueProblem
from ontology.fields import Kind, dicom_attributes
from ontology.prefixes import Curie
from ontology.records import Scalar, When
from ontology.terms import ncit

__all__ = ["Image"]

COPIED: Final = re.compile(r"DICOM_([0-9A-Fa-f]{4})_([0-9A-Fa-f]{4})(?:_\w*)?")
MULTI_VOLUME: Final = re.compile(r"MultiVolume\.DICOM\.(\w+)")
GRADIENT: Final = re.compile(r"DWMRI_gradient_\d{4,6}")
B_VALUE: Final = "DWMRI_b-value"

MODALITIES: Final = {"DWMRI": "MR", "DTMRI": "MR", "MRI": "MR", "PET": "PT"}
"""What ``modality`` is called there, and DICOM's term."""

ALONG: Final = frozenset({"domain", "space"})
REPEATED: Final = frozenset({"list", "time"})
VECTORS: Final = frozenset({"vector", "covariant-vector", "normal", "3-vector", "3-gradient", "3-normal", "4-vector"})
WHOLE: Final = re.compile(r"[+-]?\d{1,9}")
MOST_VALUES: Final = 32
MOST: Final = 1e9


@dataclass(frozen=True)
class Image:
    """The header of an NRRD file as that of an image."""

    header: Header

    @cached_property
    def kinds(self) -> list[str]:
        """The kind of each axis; an axis without is spatial."""
        texts = self.header.fields.get("kinds", "").split()
        count = len(self.header.sizes)
        known = [text.casefold() for text in texts] if len(texts) == count else ["domain"] * count
        return ["domain" if kind in {"???", "none"} and len(texts) != count else kind for kind in known]

    @cached_property
    def spatial(self) -> list[int]:
        """The axes of space, the fastest first; `ValueProblem` where the file holds no image."""
        if VECTORS & set(self.kinds):
            raise ValueProblem(
                "the file is a field of vectors, no image", "an image: one number for each voxel and frame"
            )
        axes = [axis for axis, kind in enumerate(self.kinds) if kind in ALONG]
        if len(axes) == 4 and "kinds" not in self.header.fields:
            axes = self._with_direction() or axes[:3]
        if not 2 <= len(axes) <= 3:
            raise ValueProblem(f"the file has {len(axes)} axes of space, so it is no image", "two or three of them")
        return axes

    def _with_direction(self) -> list[int]:
        """The axes that have a direction in space."""
        texts = re.findall(r"none|\([^()]*\)", self.header.fields.get("space directions", ""))
        return [axis for axis, text in enumerate(texts) if text != "none"] if len(texts) == 4 else []

    @cached_property
    def steps(self) -> list[float | None]:
        """The distance of neighbouring voxels along each axis of space, in mm."""
        directions = re.findall(r"none|\(([^()]*)\)", self.header.fields.get("space directions", ""))
        spacings = self.header.fields.get("spacings", "").split()
        count = len(self.header.sizes)
        if len(directions) == count:
            lengths = [_length(text) for text in directions]
        else:
            lengths = [_number(text) for text in spacings] if len(spacings) == count else [None] * count
        return [length if length and length > 0 else None for axis in self.spatial for length in [lengths[axis]]]

    @cached_property
    def copied(self) -> Elements:
        """The DICOM attributes that the file repeats, by keyword; the gate is asked about them."""
        values: dict[str, tuple[Scalar, ...]] = {}
        for key, text in self.header.said.items():
            if found := COPIED.fullmatch(key):
                tag = int(found[1] + found[2], 16)
                keyword = dictionary_keyword(tag) if dictionary_has_tag(tag) else ""
            else:
                keyword = found[1] if (found := MULTI_VOLUME.fullmatch(key)) else ""
            if keyword and text.strip():
                values[keyword] = tuple(part.strip() for part in text.split("\\"))
        return Elements(values)

    @property
    def _modality(self) -> Curie | None:
        said = (
            next((text for key, text in self.header.said.items() if key.casefold() == "modality"), "").strip().upper()
        )
        term = modality_of(MODALITIES.get(said, said)) or modality_of(self.copied.text("Modality"))
        return term or (modality_of("MR") if self._weighted else None)

    @property
    def _weighted(self) -> bool:
        return _number(self.header.said.get(B_VALUE, "")) is not None

    def _b_values(self) -> list[float]:
        """The b-value of each volume in s/mm2: the nominal one times the squared length of its gradient."""
        nominal = _number(self.header.said.get(B_VALUE, ""))
        lengths = [_length(re.sub(r"\s+", ",", text.strip())) for text in self._gradients()]
        if nominal is None or nominal < 0 or not lengths:
            return []
        return sorted({float(round(nominal * length * length)) for length in lengths if length is not None})

    def _gradients(self) -> Iterator[str]:
        return (text for key, text in self.header.said.items() if GRADIENT.fullmatch(key))

    def described(self) -> Described:
        """The header as attributes of a series; `ValueProblem` where the file holds no image."""
        frames = [self.header.sizes[axis] for axis, kind in enumerate(self.kinds) if kind == "time"]
        multi = self.header.said.get("MultiVolume.FrameIdentifyingDICOMTagName", "")
        if not frames and multi in {
            "AcquisitionTime",
            "ContentTime",
            "SeriesTime",
            "TriggerTime",
            "TemporalPositionIdentifier",
        }:
            frames = [self.header.sizes[axis] for axis, kind in enumerate(self.kinds) if kind in REPEATED]
        b_values = self._b_values()
        third = self.steps[2] if len(self.steps) == 3 else None
        dates = (date_of(self.copied.text(name)) for name in ("AcquisitionDate", "SeriesDate", "StudyDate"))
        date = next((found for found in dates if found), None)
        return Described(
            attributes=self._attributes(b_values),
            modality=self._modality,
            acquisition=ncit.DIFFUSION_WEIGHTED_IMAGING if max(b_values, default=0) > 0 else None,
            when=When.on(date) if date else None,
            slice_spacing=decimal(third) if third else None,
            temporal_positions=frames[0] if frames and frames[0] > 1 else None,
        )

    def _attributes(self, b_values: list[float]) -> Mapping[str, Scalar | tuple[Scalar, ...]]:
        sizes = [self.header.sizes[axis] for axis in self.spatial]
        found: dict[str, Scalar | tuple[Scalar, ...]] = {}
        for keyword in self.copied.values.keys() & dicom_attributes().keys():
            values = [_as(keyword, str(text)) for text in self.copied.values[keyword]]
            usable = tuple(value for value in values if value is not None)
            if usable and len(usable) == len(values):
                found[keyword] = usable[0] if len(usable) == 1 else usable
        found |= {"Columns": sizes[0], "Rows": sizes[1]}
        column, row = self.steps[:2]
        if column and row:
            found["PixelSpacing"] = (decimal(row), decimal(column))
        if len(sizes) == 3:
            found["NumberOfSlices"] = sizes[2]
        if (thickness := self._thickness()) is not None:
            found["SliceThickness"] = decimal(thickness)
        if b_values:
            kept = b_values if len(b_values) <= MOST_VALUES else [b_values[0], b_values[-1]]
            found["DiffusionBValue"] = tuple(map(decimal, kept)) if len(kept) > 1 else decimal(kept[0])
        return dict(sorted(found.items()))

    def _thickness(self) -> float | None:
        """The thickness of slices, where the file states it of its third axis of space."""
        texts = self.header.fields.get("thicknesses", "").split()
        if len(texts) != len(self.header.sizes) or len(self.spatial) != 3:
            return None
        found = _number(texts[self.spatial[2]])
        return found if found and found > 0 else None


def _number(text: str) -> float | None:
    """A finite number of usable size, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and abs(value) < MOST else None


def _length(text: str) -> float | None:
    """The length of a vector written with commas; None where it is none."""
    values = [_number(part) for part in text.split(",")]
    numbers = [value for value in values if value is not None]
    return math.hypot(*numbers) if len(numbers) == len(values) else None


def _as(keyword: str, text: str) -> Scalar | None:
    """A text as the attribute's kind of value; None where it is none."""
    kind = dicom_attributes()[keyword].kind
    if kind is Kind.INTEGER:
        return int(text) if WHOLE.fullmatch(text) else None
    if kind is Kind.DECIMAL:
        number = _number(text)
        return decimal(number) if number is not None else None
    return text if len(text) <= 64 and text.isprintable() else None
