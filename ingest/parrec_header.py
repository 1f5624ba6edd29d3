"""The header of a Philips PAR file (V3 to V4.2) as attributes of a series; nibabel reads the text.

The names on the right are DICOM's (PS3.3 C.8.3.1). What is constant over the images stands once; what varies is the
tuple of its values, or their bounds where there are many.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import numpy as np

from ingest.dicom_concepts import date_of, modality_of
from ingest.image_file import Described, decimal
from ingest.observed.quantities import ValueProblem
from ontology.records import Scalar, When
from ontology.terms import ncit

__all__ = ["MARK", "ParHeader", "read_header"]

MARK: Final = b"DATA DESCRIPTION FILE"
LARGEST: Final = 1 << 26
"""The bytes of a header that is read: 64 MiB, a quarter of a million images."""

MOST_VALUES: Final = 32

WANTED: Final = "a PAR file as the scanner exports it (V3, V4, V4.1, V4.2)"

COLUMNS: Final[Mapping[str, str]] = {
    "DiffusionBValue": "diffusion_b_factor",
    "EchoTime": "echo_time",
    "FlipAngle": "image_flip_angle",
    "InversionTime": "Inversion delay",
    "NumberOfAverages": "number of averages",
    "SliceThickness": "slice thickness",
}
"""Attributes that stand in the line of each image, by nibabel's name of the column."""

WHERE_POSITIVE: Final = frozenset({"EchoTime", "InversionTime", "NumberOfAverages", "SliceThickness"})
POSITIONS: Final = {
    "head first supine": "HFS",
    "head first prone": "HFP",
    "feet first supine": "FFS",
    "feet first prone": "FFP",
    "head first right": "HFDR",
    "head first left": "HFDL",
    "feet first right": "FFDR",
    "feet first left": "FFDL",
}
"""Philips' names of patient positions, and DICOM's (PS3.3 C.7.3.1.1.2)."""

MODES: Final = {"3d": "3D", "2d": "2D", "ms": "2D", "m2d": "2D", "ss": "2D"}
"""Scan modes, and MR Acquisition Types: multislice and single slice are two-dimensional."""

ACQUIRED: Final = 3
"""The highest type of an image that was acquired (magnitude, real, imaginary, phase); above are computed maps."""

COUNTED: Final = (
    ("slices", "slice number", "max_slices"),
    ("echoes", "echo number", "max_echoes"),
    ("dynamics", "dynamic scan number", "max_dynamics"),
    ("cardiac phases", "cardiac phase number", "max_cardiac_phases"),
)
"""What the head of the file announces, and the column in which it is counted."""

BROKEN: Final = (
    AttributeError,
    ArithmeticError,
    EOFError,
    LookupError,
    TypeError,
    ValueError,  # includes nibabel's own and UnicodeError
)
"""What nibabel and numpy raise on text that is no PAR header; each is a property of the file."""


@dataclass(frozen=True, slots=True)
class ParHeader:
    """What a PAR file says: fields of its head by nibabel's names, and a row for each image."""

    general: Mapping[str, Any]
    images: Any

    def text(self, name: str) -> str:
        """A field of the head as text."""
        return str(self.general.get(name) or "").strip()

    def numbers(self, name: str) -> list[float]:
        """The distinct finite values of a column of the images, sorted; none where there is no such column."""
        if name not in (self.images.dtype.names or ()):
            return []
        values = np.unique(np.asarray(self.images[name], dtype=np.float64))
        return [float(value) for value in values if np.isfinite(value) and abs(value) < 1e9]

    @property
    def when(self) -> When | None:
        """The date of the examination."""
        date = date_of(self.text("exam_date"))
        return When.on(date) if date else None

    @property
    def pixel_bytes(self) -> int:
        """How many bytes the REC file has by this header."""
        sides = np.asarray(self.images["recon resolution"], dtype=np.int64).reshape(len(self.images), -1)
        bits = np.asarray(self.images["image pixel size"], dtype=np.int64)
        return int((sides.prod(axis=1) * bits).sum() // 8)

    def described(self) -> Described:
        """The header as attributes of a series."""
        spacing = self._spacing()
        dynamics = len(self.numbers("dynamic scan number"))
        weighted = bool(self.general.get("diffusion")) and max(self.numbers("diffusion_b_factor"), default=0) > 0
        return Described(
            attributes=self._attributes(),
            examination=tuple(self.text(name) for name in ("patient_name", "exam_name", "exam_date")),
            modality=modality_of("MR"),
            acquisition=ncit.DIFFUSION_WEIGHTED_IMAGING if weighted and not self._computed() else None,
            when=self.when,
            instance_count=len(self.images),
            slice_spacing=decimal(spacing) if spacing is not None else None,
            temporal_positions=dynamics if dynamics > 1 else None,
        )

    def _computed(self) -> bool:
        return max(self.numbers("image_type_mr"), default=0) > ACQUIRED

    def _spacing(self) -> float | None:
        """The distance of neighbouring slices: thickness and gap, where both are constant."""
        thickness, gap = self.numbers("slice thickness"), self.numbers("slice gap")
        whole = thickness[0] + gap[0] if len(thickness) == len(gap) == 1 else 0.0
        return whole if whole > 0 else None

    def _attributes(self) -> dict[str, Scalar | tuple[Scalar, ...]]:
        found: dict[str, Scalar | tuple[Scalar, ...] | None] = {
            "ProtocolName": self.text("protocol_name") or None,
            "SequenceName": self.text("tech")[:16] or None,
            "MRAcquisitionType": MODES.get(self.text("scan_mode").casefold()),
            "PatientPosition": self._position(),
            "RepetitionTime": _said(
                [float(x) for x in np.atleast_1d(self.general.get("repetition_time", [])) if x > 0]
            ),
            "EchoTrainLength": self._train(),
            "NumberOfTemporalPositions": len(self.numbers("dynamic scan number")) or None,
            "SpacingBetweenSlices": _said([s] if (s := self._spacing()) is not None else []),
            "TemporalResolution": self._step(),
        }
        for keyword, column in COLUMNS.items():
            values = self.numbers(column)
            found[keyword] = _said([x for x in values if x > 0] if keyword in WHERE_POSITIVE else values)
        if not self.general.get("diffusion") or self._computed():
            del found["DiffusionBValue"]
        found |= self._matrix()
        return {keyword: value for keyword, value in sorted(found.items()) if value is not None}

    def _matrix(self) -> dict[str, Scalar | tuple[Scalar, ...]]:
        """Rows, columns and their spacing, where the images share them; a PAR file states x before y."""
        names = self.images.dtype.names or ()
        sides: Any = np.unique(self.images["recon resolution"], axis=0) if "recon resolution" in names else []
        steps: Any = np.unique(self.images["pixel spacing"], axis=0) if "pixel spacing" in names else []
        found: dict[str, Scalar | tuple[Scalar, ...]] = {}
        if len(sides) == 1 and np.shape(sides) == (1, 2):
            found |= {"Columns": int(sides[0][0]), "Rows": int(sides[0][1])}
        if len(steps) == 1 and np.shape(steps) == (1, 2) and np.all(np.asarray(steps) > 0):
            found["PixelSpacing"] = (decimal(steps[0][1]), decimal(steps[0][0]))
        return found

    def _position(self) -> str | None:
        text = self.text("patient_position")
        return POSITIONS.get(text.casefold()) or (text if text in POSITIONS.values() else None)

    def _train(self) -> int | None:
        """Echoes after an excitation: the EPI factor, else the turbo factor of a spin echo sequence."""
        epi = int(self.general.get("epi_factor") or 0)
        turbo = self.numbers("TURBO factor") if "TSE" in self.text("tech").upper() else []
        return epi if epi > 1 else int(turbo[0]) if len(turbo) == 1 and turbo[0] > 1 else None

    def _step(self) -> Scalar | None:
        """The time from one dynamic to the next in ms, where it is the same throughout (the file states seconds)."""
        begun = self.numbers("dyn_scan_begin_time")
        steps = {round(after - before, 3) for before, after in pairwise(begun)}
        return decimal(1000 * steps.pop()) if len(steps) == 1 and len(self.numbers("dynamic scan number")) > 1 else None

    def shortfall(self) -> str | None:
        """What the head announces and the lines of images do not hold, or None."""
        for what, column, announced in COUNTED:
            wanted, found = int(self.general.get(announced) or 0), len(self.numbers(column))
            if wanted > found and not self._computed():
                return f"the head announces {wanted} {what}, the lines hold {found}"
        slices = len(self.numbers("slice number"))
        if slices and len(self.images) % slices:
            return f"the last volume has {len(self.images) % slices} of {slices} slices"
        return None


def _said(values: list[float]) -> Scalar | tuple[Scalar, ...] | None:
    """One value, several, or the bounds of many."""
    if not values:
        return None
    kept = values if len(values) <= MOST_VALUES else [values[0], values[-1]]
    numbers = tuple(dict.fromkeys(decimal(value) for value in kept))
    return numbers[0] if len(numbers) == 1 else numbers


def read_header(path: Path) -> ParHeader:
    """The header of a PAR file; `ValueProblem` where it is none or breaks off, OSError where it cannot be read."""
    from nibabel.parrec import parse_PAR_header  # noqa: PLC0415 - slow to import

    if path.stat().st_size > LARGEST:
        raise ValueProblem("the header is too large", f"at most {LARGEST >> 20} MiB")
    text = path.read_bytes().decode("utf-8", "replace")
    try:
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")  # of fields that are not expected; a warning would quote them
            general, images = parse_PAR_header(io.StringIO(text))  # type: ignore[no-untyped-call]
        header = ParHeader(general, images)
        lines = header.pixel_bytes > 0
        header.described()
        missing = header.shortfall()
    except BROKEN as error:
        raise ValueProblem("the header cannot be read", WANTED) from error
    if not lines:
        raise ValueProblem("the file has no lines of images", WANTED)
    if missing:
        raise ValueProblem(f"the header is incomplete: {missing}", "the whole file, as after a finished export")
    return header
