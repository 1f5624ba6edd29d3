"""Checks of a series that follow from its own header: findings of origin `q:Derived`, each with its reason.

- `q:SUVCheck`: whether standardized uptake values by body weight can be computed from what the header states, after the
  vendor-neutral pseudo-code of QIBA's FDG-PET group: of private elements it asks for the scan time of GE, where the
  Series Time is that of processing, and for the two factors of Philips that make SUV or activities of counts.
- `q:UptakeCheck`: whether the uptake time of fludeoxyglucose lies within 50 to 70 minutes.
- `q:SliceCheck` and `q:FrameCheck`, only where they fail: slices or time frames that are missing or stand twice.

What compares several series (another scanner at a later visit) is a curated query, since it changes with every source.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from ingest.dicom.concepts import time_of
from ingest.dicom.header import Elements
from ingest.dicom.slices import Slices, clock_in
from ontology.prefixes import Curie
from ontology.terms import ncit, q

__all__ = ["CHECK_KEYWORDS", "Checked", "Verdict", "verdicts"]

CHECK_KEYWORDS: Final = frozenset(
    ("ActualFrameDuration", "CorrectedImage", "DecayCorrected", "DecayCorrection", "DecayCorrectionDateTime",
     "FrameReferenceTime", "GEScanDateTime", "PatientWeight", "PhilipsActivityFactor", "PhilipsSUVFactor", "SUVType",
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
    return judge(series)


def _already(series: Checked) -> tuple[bool, str]:
    kind = series.one("SUVType")
    if kind in BY_WEIGHT:
        return True, "the values are SUV by body weight already"
    return False, f"the values are SUV of type {kind}, not by body weight"


def _counts(series: Checked) -> tuple[bool, str]:
    if _factor(series, "PhilipsSUVFactor"):
        return True, "Units CNTS with the private SUV factor of Philips (7053,xx00)"
    if not _factor(series, "PhilipsActivityFactor"):
        return (
            False,
            "Units CNTS: only a private factor of the manufacturer makes an activity of counts, and none is stated",
        )
    passed, reason = _activity(series)
    return passed, f"Units CNTS with the private activity factor of Philips (7053,xx09): {reason}"


def _factor(series: Checked, keyword: str) -> bool:
    """Whether every image that states a factor states one above 0."""
    factors = series.texts(keyword)
    return bool(factors) and all(Decimal(factor) > 0 for factor in factors)


def _activity(series: Checked) -> tuple[bool, str]:
    """Whether an activity concentration can be divided by the decayed dose per weight."""
    flaw = next((flaw for flaw in (wanting(series) for wanting in WANTED) if flaw), None)
    if flaw:
        return False, flaw
    basis = _scan_time(series) if _by_series_time(series) else ""
    return True, f"{STATED}; {basis}" if basis else STATED


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


def _by_series_time(series: Checked) -> bool:
    """Whether the time to which decay was corrected is found by the Series Time."""
    return series.texts("DecayCorrection") == ["START"] and not series.texts("DecayCorrectionDateTime")


def _series_times(series: Checked) -> list[Decimal]:
    return [clock for text in series.texts("SeriesTime") if (clock := time_of(text)) is not None]


def _reference(series: Checked, start: Decimal) -> str | None:
    """Whether the start of the scan is known, to which decay was corrected."""
    times = _series_times(series)
    if not times:
        return "no Series Time is stated, to which decay would be corrected"
    if series.first is None:
        return "no Acquisition Time is stated, by which the Series Time is known to be that of the scan"
    return "the times were blanked" if start == min(times) == 0 else None


def _scan_time(series: Checked) -> str:
    """By what the start of the scan is known where the Series Time is later than the first acquisition; else empty.

    The order is that of the pseudo-code. A Series Time after the first acquisition is that of processing.
    """
    if series.first is None or min(_series_times(series)) <= series.first:
        return ""
    later = "Series Time is later than the first acquisition"
    if series.texts("GEScanDateTime"):
        return f"{later}, so the scan began at the private scan time of GE (0009,xx0D)"
    if _factor(series, "FrameReferenceTime") and _factor(series, "ActualFrameDuration"):
        return f"{later}, so the start of the scan is computed back from Frame Reference Time"
    return f"{later}, so the scan began at the earliest Acquisition Time (not so where a tracer was injected twice)"


def _started(item: Elements) -> Decimal | None:
    clock = time_of(item.text("RadiopharmaceuticalStartTime"))
    return clock_in(item.text("RadiopharmaceuticalStartDateTime")) if clock is None else clock


WANTED: Final = (_corrections, _weight, _dose, _decay)
STATED: Final = "activity concentration, weight, dose and the times of injection and scan are stated"
BY_UNITS: Final[dict[str, Callable[[Checked], tuple[bool, str]]]] = {
    "BQML": _activity,
    "CNTS": _counts,
    "GML": _already,
}


# uptake, slices, frames


def _uptake(series: Checked) -> tuple[bool, str] | None:
    if series.uptake is None or series.tracer != ncit.FLUDEOXYGLUCOSE_F_18 or series.acquisition == q.DYNAMIC_PET:
        return None
    low, high = UPTAKE
    return low <= series.uptake <= high, f"{series.uptake} min, of {low} to {high} min"


def _slices(series: Checked) -> tuple[bool, str] | None:
    if series.modality == "SEG":
        return None  # frames in which nothing is segmented may be left out (PS3.3 section C.8.20.2)
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
