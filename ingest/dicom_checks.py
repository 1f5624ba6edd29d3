"""Checks of a series that follow from its own header: findings of origin `q:Derived`, each with its reason.

- `q:SUVCheck`: whether standardized uptake values by body weight can be computed from what the header states, after the
  vendor-neutral rules of QIBA's FDG-PET profile; the public attributes alone are looked at, no private factors.
- `q:UptakeCheck`: whether the uptake time of fludeoxyglucose lies within 50 to 70 minutes.
- `q:SliceCheck` and `q:FrameCheck`, only where they fail: slices or time frames that are missing or stand twice.

What compares several series (another scanner at a later visit) is a curated query, since it changes with every source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from ingest.dicom_concepts import time_of
from ingest.dicom_header import Elements
from ingest.dicom_slices import Slices, clock_in
from ontology.prefixes import Curie
from ontology.terms import ncit, q

__all__ = ["CHECK_KEYWORDS", "Checked", "Verdict", "verdicts"]

CHECK_KEYWORDS: Final = frozenset(
    ("CorrectedImage", "DecayCorrected", "DecayCorrection", "DecayCorrectionDateTime", "PatientWeight", "SUVType",
     "SeriesTime", "Units")
)  # fmt: skip
"""The attributes that the checks look at, beside those of slices and tracer."""

UPTAKE: Final = (Decimal(50), Decimal(70))
"""The usual window of uptake times of FDG in minutes."""

BY_WEIGHT: Final = ("", "BW")
"""SUV Type (0054,1006): body weight where none is stated (PS3.3 section C.8.9.1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What the checks look at: the sums of a series."""

    modality: str
    acquisition: Curie | None
    tracer: Curie | None
    uptake: Decimal | None
    pharmaceutical: Elements | None
    doses: int
    """How many distinct doses the images state."""
    slices: Slices
    first: Decimal | None
    """The seconds after midnight of the first acquisition."""
    texts: Callable[[str], list[str]]
    """Every distinct value of an attribute as text."""

    def one(self, keyword: str) -> str:
        """The first value of an attribute as text, or ``""``."""
        return next(iter(self.texts(keyword)), "")


class Verdict(NamedTuple):
    """What a check says of a series, and why."""

    check: Curie
    name: str
    passed: bool
    reason: str


def verdicts(series: Checked) -> Iterator[Verdict]:
    """The verdicts of all checks that apply to a series."""
    for name, check, judge in CHECKS:
        found = judge(series)
        if found is not None:
            yield Verdict(check, name, *found)


# standardized uptake values


def _suv(series: Checked) -> tuple[bool, str] | None:
    if series.modality != "PT":
        return None
    units = series.texts("Units")
    if len(units) != 1:
        return False, "the Units of the images differ" if units else "no Units are stated"
    judge = BY_UNITS.get(units[0])
    if judge is None:
        return False, f"Units {units[0]} are no activity concentration"
    flaw = judge(series)
    return flaw is None, flaw or REASONS[units[0]]


def _already(series: Checked) -> str | None:
    kind = series.one("SUVType")
    return None if kind in BY_WEIGHT else f"the values are SUV of type {kind}, not by body weight"


def _counts(_series: Checked) -> str:
    return "Units CNTS: only a private factor of the manufacturer makes an activity of counts"


def _activity(series: Checked) -> str | None:
    """What is wanting to divide an activity concentration by the decayed dose per weight."""
    return next((flaw for flaw in (wanting(series) for wanting in WANTED) if flaw), None)


def _corrections(series: Checked) -> str | None:
    corrected = series.texts("CorrectedImage")
    stated = bool(corrected)
    if stated and "ATTN" not in corrected:
        return "the images are not corrected for attenuation"
    if stated and "DECY" not in corrected and series.one("DecayCorrected") != "YES":
        return "the images are not corrected for decay"
    return None


def _weight(series: Checked) -> str | None:
    weights = series.texts("PatientWeight")
    if not any(Decimal(weight) > 0 for weight in weights):
        return "no Patient's Weight is stated"
    return "the images state several weights" if len(weights) > 1 else None


def _dose(series: Checked) -> str | None:
    item = series.pharmaceutical
    if item is None:
        return "no Radiopharmaceutical Information is stated"
    if series.doses > 1:
        return "the images state several doses"
    dose, half_life = item.number("RadionuclideTotalDose"), item.number("RadionuclideHalfLife")
    if not dose or dose <= 0:
        return "no Radionuclide Total Dose is stated"
    return None if half_life and half_life > 0 else "no Radionuclide Half Life is stated"


def _decay(series: Checked) -> str | None:
    """Whether it is known to which time activities were corrected (PS3.3 section C.8.9.1)."""
    correction = series.texts("DecayCorrection")
    if correction == ["ADMIN"]:
        return None
    item = series.pharmaceutical
    start = None if item is None else _started(item)
    if start is None:
        return "no start time of the radiopharmaceutical is stated"
    if series.texts("DecayCorrectionDateTime"):
        return None
    if correction != ["START"]:
        return "Decay Correction is NONE" if correction == ["NONE"] else "no Decay Correction is stated"
    return _reference(series, start)


def _reference(series: Checked, start: Decimal) -> str | None:
    """Whether the series time is the start of the scan: later than the first acquisition it is that of processing."""
    times = [clock for text in series.texts("SeriesTime") if (clock := time_of(text)) is not None]
    if not times:
        return "no Series Time is stated, to which decay would be corrected"
    if series.first is None:
        return "no Acquisition Time is stated, by which the Series Time is known to be that of the scan"
    if min(times) > series.first:
        return "Series Time is later than the first acquisition: the time to which decay was corrected is not stated"
    if start == min(times) == 0:
        return "the times were blanked"
    return None


def _started(item: Elements) -> Decimal | None:
    clock = time_of(item.text("RadiopharmaceuticalStartTime"))
    return clock_in(item.text("RadiopharmaceuticalStartDateTime")) if clock is None else clock


WANTED: Final = (_corrections, _weight, _dose, _decay)
BY_UNITS: Final[dict[str, Callable[[Checked], str | None]]] = {"BQML": _activity, "CNTS": _counts, "GML": _already}
REASONS: Final = {
    "BQML": "activity concentration, weight, dose and the times of injection and scan are stated",
    "GML": "the values are SUV by body weight already",
}


# uptake, slices, frames


def _uptake(series: Checked) -> tuple[bool, str] | None:
    if series.uptake is None or series.tracer != ncit.FLUDEOXYGLUCOSE_F_18 or series.acquisition == q.DYNAMIC_PET:
        return None
    low, high = UPTAKE
    return low <= series.uptake <= high, f"{series.uptake} min, of {low} to {high} min"


def _slices(series: Checked) -> tuple[bool, str] | None:
    missing, twice = series.slices.missing(), series.slices.duplicates()
    told = [text for number, text in ((missing, "missing"), (twice, "repeated")) if number]
    counts = [number for number in (missing, twice) if number]
    reasons = [
        f"{number} {'slice' if number == 1 else 'slices'} {text} among {len(series.slices.places)} places"
        for number, text in zip(counts, told, strict=True)
    ]
    return (False, "; ".join(reasons)) if reasons else None


def _frames(series: Checked) -> tuple[bool, str] | None:
    missing, gaps = series.slices.incomplete(), 0
    if series.modality == "PT":
        gaps = series.slices.time_gaps()  # elsewhere pauses between phases are meant
    reasons = [f"{missing} images missing of {series.slices.repeats()} time points"] if missing else []
    reasons += [f"{gaps} {'pause' if gaps == 1 else 'pauses'} between time frames"] if gaps else []
    return (False, "; ".join(reasons)) if reasons else None


CHECKS: Final[tuple[tuple[str, Curie, Callable[[Checked], tuple[bool, str] | None]], ...]] = (
    ("suv", q.SUVCHECK, _suv),
    ("uptake", q.UPTAKE_CHECK, _uptake),
    ("slices", q.SLICE_CHECK, _slices),
    ("frames", q.FRAME_CHECK, _frames),
)
