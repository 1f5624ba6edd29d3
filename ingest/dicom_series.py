"""A series as it is gathered from its files: small sums instead of headers, and the records they become."""

from __future__ import annotations

import datetime as dt
import re
import statistics
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from itertools import chain, pairwise
from typing import NamedTuple

from ingest.dicom_concepts import (
    SeriesFacts,
    acquisition_of,
    body_part_of,
    contrast_of,
    date_of,
    modality_of,
    time_of,
    tracer_of,
    uptake_of,
)
from ingest.dicom_header import Elements, Header
from ingest.gate import FREE_TEXT, OLDEST
from ontology.fields import dicom_attributes
from ontology.prefixes import Curie
from ontology.records import Finding, Measurement, Record, Scalar, Series, SeriesHeader, Study, StudyHeader, When
from ontology.terms import ncit
from ontology.units import convert

__all__ = ["HEADER_KEYWORDS", "Instance", "SeriesSum", "age_of"]

MOST_VALUES = 32
REGULAR = 0.01
"""The largest deviation from the median spacing, as a share of it, at which slices count as evenly spaced."""

FROM_TRACER = ("RadionuclideHalfLife", "RadionuclideTotalDose")
POSITIVE = {"PatientSize", "PatientWeight"}
"""Written as 0 by devices where nobody entered them."""
SETTINGS = ("EchoTime", "DiffusionBValue", "FlipAngle", "ImageType", "InversionTime", "SequenceName")
"""What makes two images of one slice differ without being a repeat in time."""
FREE_STUDY_TEXT = "StudyDescription"

ATTRIBUTES = tuple(sorted(dicom_attributes()))
SEQUENCES = ("AnatomicRegionSequence", "ContrastBolusAgentSequence", "RadiopharmaceuticalInformationSequence")
HEADER_KEYWORDS = frozenset(ATTRIBUTES).union(
    SEQUENCES,
    ("AcquisitionDate", "AcquisitionDateTime", "AcquisitionTime", "ImageOrientationPatient", "ImagePositionPatient"),
    ("Modality", "PatientAge", "PatientID", "PatientSex", "SOPInstanceUID", "SeriesDate", "SeriesInstanceUID"),
    ("SeriesTime", "StudyDate", "StudyInstanceUID", "TemporalPositionIdentifier", FREE_STUDY_TEXT),
)
"""The attributes that a series is summed from."""

SEXES = {"M": ncit.MALE, "F": ncit.FEMALE}
AGE_UNITS = {"D": "d", "W": "wk", "M": "mo", "Y": "a"}


class Instance(NamedTuple):
    """What is kept of a file: whose instance it is, the SHA-256 of its header, and where it lies."""

    uid: str
    digest: str
    locator: str


class Distinct:
    """The distinct values of one attribute over a series, up to a number; beyond it, the bounds of numbers."""

    __slots__ = ("bounds", "seen")

    def __init__(self) -> None:
        self.seen: dict[tuple[Scalar, ...], None] = {}
        self.bounds: tuple[Decimal | int | float, Decimal | int | float] | None = None

    def add(self, values: tuple[Scalar, ...]) -> None:
        """Take in the values of one file."""
        self.seen[values] = None
        if len(self.seen) > MOST_VALUES:
            numbers = [number for number in chain(*self.seen, self.bounds or ()) if not isinstance(number, str)]
            if numbers:
                self.bounds = (min(numbers), max(numbers))
                self.seen = {}

    def result(self) -> Scalar | tuple[Scalar, ...] | None:
        """One value where constant; else the distinct values: in order as written, or sorted over several files."""
        if self.bounds:
            low, high = self.bounds
            rest = [number for number in chain(*self.seen) if not isinstance(number, str)]
            return (min(low, *rest), max(high, *rest))
        if len(self.seen) > MOST_VALUES:
            return None
        files = list(self.seen) if len(self.seen) == 1 else sorted(self.seen, key=_order)
        values = tuple(dict.fromkeys(chain(*files)))
        if len(files) > 1 and values and not isinstance(values[0], str):
            values = tuple(sorted(values, key=lambda number: Decimal(str(number))))
        return values[0] if len(values) == 1 else values or None

    def one(self) -> str:
        """The only value as text, or ``""`` where there is none or where files differ."""
        return str(next(iter(self.seen))[0]) if len(self.seen) == 1 else ""


def _order(values: tuple[Scalar, ...]) -> tuple[str, ...]:
    return tuple(map(str, values))


SUMMED = frozenset(ATTRIBUTES).union(
    ("Modality", "PatientAge", "PatientSex", "TemporalPositionIdentifier"), (FREE_STUDY_TEXT,)
)


class SeriesSum:
    """Everything that is kept of the files of one series under one study and subject."""

    def __init__(self, uid: str, study: str, subject: str) -> None:
        self.uid, self.study, self.subject = uid, study, subject
        self.instances: list[Instance] = []
        self.values: dict[str, Distinct] = {}
        self.acquired: tuple[dt.date, Decimal] | None = None
        self.dates: dict[str, dt.date] = {}
        self.slices: Counter[tuple[object, ...]] = Counter()
        self.orientations: set[tuple[float, ...]] = set()
        self.items: dict[str, tuple[Elements, ...]] = {}

    def add(self, header: Header, instance: Instance) -> None:
        """Take in one file."""
        self.instances.append(instance)
        for keyword, values in header.values.items():
            if keyword in SUMMED:
                self.values.setdefault(keyword, Distinct()).add(values)
        for keyword in SEQUENCES:
            if items := header.items.get(keyword):
                self.items.setdefault(keyword, items)
        for keyword in ("AcquisitionDate", "SeriesDate", "StudyDate"):
            if date := date_of(header.text(keyword)):
                self.dates[keyword] = min(date, self.dates.get(keyword, date))
        self._add_time(header)
        self._add_slice(header)

    def _add_time(self, header: Header) -> None:
        stamp = header.text("AcquisitionDateTime")
        clock = time_of(header.text("AcquisitionTime"))
        if clock is None:
            clock = time_of(re.sub(r"[+-]\d{4}$", "", stamp[8:]))
        if clock is None and header.values.get("ImageType", ("",))[0] != "DERIVED":
            clock = time_of(header.text("SeriesTime"))  # a derived series has the time of its processing
        if clock is not None:
            date = date_of(header.text("AcquisitionDate")) or date_of(stamp) or dt.date.min
            self.acquired = min((date, clock), self.acquired or (date, clock))

    def _add_slice(self, header: Header) -> None:
        position = [float(x) for x in header.values.get("ImagePositionPatient", ())]
        direction = [float(x) for x in header.values.get("ImageOrientationPatient", ())]
        if len(position) != 3 or len(direction) != 6:
            return
        (a, b, c), (d, e, f) = direction[:3], direction[3:]
        normal = (b * f - c * e, c * d - a * f, a * e - b * d)
        orientation = tuple(round(x, 3) for x in direction)
        along = round(sum(n * p for n, p in zip(normal, position, strict=True)), 3)
        self.orientations.add(orientation)
        self.slices[(along, orientation, *(header.values.get(keyword) for keyword in SETTINGS))] += 1

    # what the sums say -------------------------------------------------------------------------------------------

    def spacing(self) -> Decimal | None:
        """The distance of neighbouring slices in mm along their normal (PS3.3 C.7.6.2.1.1), where it is regular."""
        if len(self.orientations) != 1:
            return None
        places = sorted({key[0] for key in self.slices if isinstance(key[0], float)})
        steps = [after - before for before, after in pairwise(places)]
        middle = statistics.median(steps) if steps else 0.0
        regular = middle > 0 and all(abs(step - middle) <= REGULAR * middle + 0.001 for step in steps)
        return Decimal(str(round(middle, 3))) if regular else None

    def repeats(self) -> int:
        """How often a slice was acquired with the same settings: the count that most slices share."""
        return min(statistics.multimode(self.slices.values()), default=0)

    def temporal_positions(self) -> int | None:
        """Points in time: as stated (PS3.3 C.8.3.1), else counted by identifier, else by repeats of each slice."""
        stated = self.values.get("NumberOfTemporalPositions", Distinct()).result()
        number = stated if isinstance(stated, int) else 0
        identified = len(self.values.get("TemporalPositionIdentifier", Distinct()).seen)
        return next((count for count in (number, identified, self.repeats()) if count > 1), number or None)

    def attributes(self, *, attested: bool) -> dict[str, Scalar | tuple[Scalar, ...]]:
        """The attributes of the series by keyword; free text only where the owner attested de-identification."""
        sums = {keyword: self.values[keyword] for keyword in ATTRIBUTES if keyword in self.values}
        for keyword in FROM_TRACER:
            for item in self.items.get("RadiopharmaceuticalInformationSequence", ())[:1]:
                if keyword in item.values:
                    sums.setdefault(keyword, Distinct()).add(item.values[keyword])
        results = ((keyword, found.result()) for keyword, found in sorted(sums.items()))
        return {
            keyword: value
            for keyword, value in results
            if value is not None and (attested or keyword not in FREE_TEXT) and not (keyword in POSITIVE and value == 0)
        }

    def _texts(self, keyword: str) -> Iterator[str]:
        return (str(value) for values in self.values.get(keyword, Distinct()).seen for value in values)

    def _contrast(self) -> tuple[bool, Curie | None]:
        agents = self.items.get("ContrastBolusAgentSequence", ())
        found = [contrast_of(agents, text) for text in (*self._texts("ContrastBolusAgent"), "")]
        concepts = {concept for _, concept in found if concept}
        return any(given for given, _ in found), concepts.pop() if len(concepts) == 1 else None

    def records(self, *, attested: bool) -> Iterator[Record]:
        """The records of the series: identities, both headers, and what it says of the subject."""
        study_date, dates = self.dates.get("StudyDate"), self.dates
        description = self.values.get(FREE_STUDY_TEXT, Distinct()).one() if attested else ""
        yield Study(uid=self.study, subject=self.subject)
        yield Series(uid=self.uid, subject=self.subject, study=self.study)
        yield StudyHeader(
            uid=self.study,
            subject=self.subject,
            when=When.on(study_date) if study_date else None,
            description=description or None,
        )
        date = dates.get("SeriesDate") or dates.get("AcquisitionDate") or study_date
        yield self._header(When.on(date) if date else None, attested=attested)
        yield from self._subject_facts(When.on(study_date) if study_date else None)

    def _header(self, when: When | None, *, attested: bool) -> SeriesHeader:
        tracers = self.items.get("RadiopharmaceuticalInformationSequence", ())
        body_parts = {
            part
            for text in (*self._texts("BodyPartExamined"), "")
            if (part := body_part_of(self.items.get("AnatomicRegionSequence", ()), text))
        }
        body_part = body_parts.pop() if len(body_parts) == 1 else None
        modality = self.values.get("Modality", Distinct()).one()
        contrast, agent = self._contrast()
        distinct = {keyword: tuple(chain(*found.seen)) for keyword, found in self.values.items()}
        facts = SeriesFacts(modality, contrast, self.temporal_positions() or 0, body_part, distinct)
        return SeriesHeader(
            uid=self.uid,
            subject=self.subject,
            modality=modality_of(modality),
            when=when,
            instance_count=len(self.instances),
            body_part=body_part,
            tracer=tracer_of(tracers),
            contrast=agent,
            uptake_minutes=uptake_of(tracers[0], self.acquired) if tracers else None,
            acquisition=acquisition_of(facts),
            slice_spacing=self.spacing(),
            temporal_positions=self.temporal_positions(),
            attributes=self.attributes(attested=attested),
        )

    def _subject_facts(self, when: When | None) -> Iterator[Record]:
        age = self.values.get("PatientAge", Distinct()).one()
        if (years := age_of(age)) is not None:
            old = years >= OLDEST
            yield Measurement(
                key="PatientAge",
                subject=self.subject,
                study=self.study,
                variable=ncit.AGE,
                value=None if old else years,
                low=Decimal(OLDEST) if old else None,
                unit="a",
                raw=f"{OLDEST}+" if old else age,
                when=when,
            )
        if sex := self.values.get("PatientSex", Distinct()).one():
            yield Finding(
                key="PatientSex", subject=self.subject, variable=ncit.SEX, value_concept=SEXES.get(sex), raw=sex
            )


def age_of(text: str) -> Decimal | None:
    """An AS value (PS3.5 6.2) in years; None where it is none, or the 0 that devices write for unknown.

    >>> age_of("059Y"), age_of("018M"), age_of("000Y")
    (Decimal('59'), Decimal('1.5'), None)
    """
    match = re.fullmatch(r"(\d{1,3})([DWMY])", text)
    if match is None or int(match[1]) == 0:
        return None
    years = convert(Decimal(match[1]), AGE_UNITS[match[2]], "a")
    return round(years, 3) if match[2] in "DW" else years
