"""Where and when the images of a series were acquired: its slices, their spacing, repeats, gaps and time steps."""

from __future__ import annotations

import datetime as dt
import math
import re
import statistics
from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise
from typing import Final

from ingest.dicom.concepts import date_of, time_of
from ingest.dicom.header import Elements
from ontology.records import Scalar

__all__ = ["SLICE_KEYWORDS", "Slices", "acquired_at", "clock_in"]

REGULAR: Final = 0.01
"""The largest deviation from the median spacing, as a share of it, at which slices count as evenly spaced."""

SETTINGS: Final = (
    "ConvolutionKernel", "DiffusionBValue", "DiffusionGradientOrientation", "EchoNumbers", "EchoTime", "FlipAngle",
    "ImageType", "InversionTime", "KVP", "ReferencedSegmentNumber", "RepetitionTime", "SequenceName",
)  # fmt: skip
"""What makes two images of one slice differ without being a repeat in time."""

COUNTERS: Final = (
    "AcquisitionNumber", "ContentTime", "FrameReferenceTime", "TemporalPositionIdentifier", "TriggerTime",
    "NominalCardiacTriggerDelayTime",
)  # fmt: skip
"""What tells repeats of a slice apart, beside the time of acquisition."""

SLICE_KEYWORDS: Final = frozenset(
    (*SETTINGS, *COUNTERS, "AcquisitionDate", "AcquisitionDateTime", "AcquisitionTime", "ActualFrameDuration",
     "FrameAcquisitionDuration", "ImageOrientationPatient", "ImagePositionPatient", "SeriesTime")
)  # fmt: skip
"""The attributes that say where and when."""

LEAST_SLICES: Final = 4
"""With fewer, no spacing is the usual one."""

UNTIMED: Final = -1
MICRO: Final = 1_000_000
"""Times of day have at most six digits behind the second (PS3.5 6.2)."""

SLACK: Final = Decimal("0.05")
"""The pause between time frames that is no gap, as a share of the frame; at least a second."""


def clock_in(stamp: str) -> Decimal | None:
    """The seconds after midnight of a DT value (PS3.5 6.2); None where it has none."""
    return time_of(re.sub(r"[+-]\d{4}$", "", stamp[8:]))


def acquired_at(image: Elements) -> tuple[dt.date, Decimal] | None:
    """Day and seconds after midnight of the acquisition; the earliest day where none is stated.

    A derived series has the time of its processing as that of the series, so that is taken of others only.
    """
    stamp = image.text("AcquisitionDateTime")
    clock = time_of(image.text("AcquisitionTime"))
    if clock is None:
        clock = clock_in(stamp)
    if clock is None and image.values.get("ImageType", ("",))[0] != "DERIVED":
        clock = time_of(image.text("SeriesTime"))
    return None if clock is None else (date_of(image.text("AcquisitionDate")) or date_of(stamp) or dt.date.min, clock)


class Slices:
    """The places of a series along its normal, and the moments at which each was acquired with the same settings.

    Of an image some numbers are kept, in arrays: a run may have hundreds of thousands of them.
    """

    def __init__(self) -> None:
        self.orientations: set[tuple[float, ...]] = set()
        self.settings: dict[tuple[object, ...], int] = {}
        """The orientations and settings, numbered."""
        self.latest: tuple[tuple[object, ...], int] = ((), -1)
        """Those of the last image, which as a rule are those of the next: comparing takes less time than hashing."""
        self.durations: dict[Decimal | None, int] = {}
        """How long an image took in seconds, numbered."""
        self.along = array("d")
        """The place of each image in mm."""
        self.setting = array("l")
        self.start = array("q")
        """When its acquisition began, in microseconds of some clock; `UNTIMED` where that is not stated."""
        self.duration = array("l")
        self.marks = array("q")
        """The hash of all this and of what counts repeats: images that agree in it are taken for the same."""

    def add(self, image: Elements, when: tuple[dt.date, Decimal] | None) -> None:
        """Take in one image, where it says where it lies in the patient (PS3.3 C.7.6.2.1.1)."""
        values = image.values
        position, direction = values.get("ImagePositionPatient", ()), values.get("ImageOrientationPatient", ())
        if len(position) != 3 or len(direction) != 6:
            return
        orientation, (a, b, c) = _plane(direction)
        x, y, z = map(float, position)
        along = round(a * x + b * y + c * z, 3)
        if not math.isfinite(along):
            return
        self.orientations.add(orientation)
        settings = (orientation, *map(values.get, SETTINGS))
        if settings != self.latest[0]:
            self.latest = (settings, self.settings.setdefault(settings, len(self.settings)))
        start = UNTIMED if when is None else 86_400_000_000 * when[0].toordinal() + int(when[1] * 1_000_000)
        lasts = image.number("ActualFrameDuration") or image.number("FrameAcquisitionDuration")
        self.along.append(along)
        self.setting.append(self.latest[1])
        self.start.append(start)
        self.duration.append(self.durations.setdefault(lasts / 1000 if lasts else None, len(self.durations)))
        # an odd number, in half micrometres: -1 and -2, where slices do lie, have one hash in Python
        place = 2 * round(1000 * along) + 1
        self.marks.append(hash((place, self.latest[1], start, lasts, *map(values.get, COUNTERS))))

    @property
    def places(self) -> list[float]:
        """The distinct places in mm, sorted; none where the slices have several orientations."""
        if len(self.orientations) != 1:
            return []
        return sorted(set(self.along))

    def spacing(self) -> Decimal | None:
        """The distance of neighbouring slices in mm along their normal (PS3.3 C.7.6.2.1.1), where it is regular."""
        steps = [after - before for before, after in pairwise(self.places)]
        middle = statistics.median(steps) if steps else 0.0
        regular = middle > 0 and all(_same(step, middle) for step in steps)
        return Decimal(str(round(middle, 3))) if regular else None

    def missing(self) -> int:
        """How many slices are missing between others, where most of them are evenly spaced; 0 elsewhere."""
        steps = [after - before for before, after in pairwise(self.places)]
        if len(steps) + 1 < LEAST_SLICES:
            return 0
        middle = statistics.median(steps)
        even = sum(_same(step, middle) for step in steps)
        wide = [step for step in steps if not _same(step, middle)]
        whole = all(_same(step, middle * round(step / middle)) and round(step / middle) > 1 for step in wide)
        return sum(round(step / middle) - 1 for step in wide) if whole and 2 * even > len(steps) else 0

    def duplicates(self) -> int:
        """How many images repeat one of the same place, settings, time and counters."""
        return len(self.marks) - len(set(self.marks))

    def repeats(self) -> int:
        """How often a slice was acquired with the same settings: the count that most slices share."""
        return min(statistics.multimode(self._counts()), default=0)

    def incomplete(self) -> int:
        """How many images are missing where most slices were acquired more often than some."""
        usual = self.repeats()
        counts = list(self._counts())
        if usual < 2 or 2 * counts.count(usual) <= len(counts):
            return 0
        return sum(max(0, usual - count) for count in counts)

    def time_step(self) -> Decimal | None:
        """The median time from one repeat of a slice to the next, in seconds."""
        steps = [
            Decimal(after - before) / MICRO
            for timed in self._timed()
            for before, after in pairwise(sorted({start for start, _ in timed}))
        ]
        return (round(statistics.median(steps), 3) or None) if steps else None

    def time_gaps(self) -> int:
        """How often a time frame begins later than the one before it ends; frames whose length is unknown have none."""
        durations = list(self.durations)
        found = 0
        for timed in self._timed():
            frames = sorted((Decimal(start) / MICRO, lasts) for start, number in timed if (lasts := durations[number]))
            gaps = sum(
                after - (before + lasts) > max(Decimal(1), SLACK * lasts)
                for (before, lasts), (after, _) in pairwise(frames)
            )
            found = max(found, gaps)
        return found

    def _counts(self) -> Iterable[int]:
        """How many images there are of each place with the same settings."""
        return Counter(zip(self.along, self.setting, strict=True)).values()

    def _timed(self) -> Iterable[list[tuple[int, int]]]:
        """The start, in microseconds, and the number of the duration of the images of each of these."""
        held: defaultdict[tuple[float, int], list[tuple[int, int]]] = defaultdict(list)
        for along, setting, start, duration in zip(self.along, self.setting, self.start, self.duration, strict=True):
            if start != UNTIMED:
                held[along, setting].append((start, duration))
        return held.values()


@lru_cache(maxsize=256)
def _plane(direction: tuple[Scalar, ...]) -> tuple[tuple[float, ...], tuple[float, float, float]]:
    """The orientation of an image, rounded, and its normal (PS3.3 C.7.6.2.1.1), of the cosines of row and column."""
    a, b, c, d, e, f = cosines = tuple(map(float, direction))
    return tuple(round(x, 3) for x in cosines), (b * f - c * e, c * d - a * f, a * e - b * d)


def _same(step: float, usual: float) -> bool:
    return abs(step - usual) <= REGULAR * usual + 0.001
