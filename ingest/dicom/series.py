"""A series as it is gathered from its files: small sums instead of headers, and the records they become."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal
from itertools import chain
from typing import Final

from ingest.dicom.checks import CHECK_KEYWORDS, Checked, verdicts
from ingest.dicom.concepts import (
    body_part_of,
    contrast_of,
    date_of,
    modality_named,
    modality_of,
    radionuclide_of,
    regions_of,
    stain_of,
    tracer_of,
    triplets_of,
    uptake_of,
)
from ingest.dicom.elements import Common, Elements, Header
from ingest.dicom.instances import Instance, Instances
from ingest.dicom.places import GROUPS, PLACE_SEQUENCES, found_in, images_in
from ingest.dicom.references import REFERENCE_SEQUENCES, Reference, references_in
from ingest.dicom.rules import SeriesFacts, acquisition_of
from ingest.dicom.slices import SLICE_KEYWORDS, Slices, acquired_at
from ingest.dicom.sums import Distinct
from ingest.gate.records import OLDEST
from ontology import records
from ontology.fields import dicom_attributes
from ontology.prefixes import Curie
from ontology.records import Finding, Measurement, Record, Scalar, Series, SeriesHeader, Study, StudyHeader, When
from ontology.terms import ncit
from ontology.units import convert

__all__ = ["HEADER_KEYWORDS", "SeriesSum", "age_of"]

POSITIVE = {"HeartRate", "KVP", "PatientSize", "PatientWeight"}
"""Written as 0 by devices where nobody entered or measured them."""
FREE_STUDY_TEXT = "StudyDescription"

TRACER = "RadiopharmaceuticalInformationSequence"
AGENT = "ContrastBolusAgentSequence"
REGION = "AnatomicRegionSequence"
TITLE = "ConceptNameCodeSequence"
VIEW = "ViewCodeSequence"
SPECIMEN = "SpecimenDescriptionSequence"

ATTRIBUTES = tuple(sorted(dicom_attributes()))
SEQUENCES = (REGION, AGENT, TRACER, TITLE, VIEW, SPECIMEN)
HEADER_KEYWORDS = frozenset(ATTRIBUTES).union(
    SEQUENCES,
    GROUPS,
    PLACE_SEQUENCES,
    REFERENCE_SEQUENCES,
    SLICE_KEYWORDS,
    CHECK_KEYWORDS,
    ("Modality", "PatientAge", "PatientID", "PatientSex", "SOPInstanceUID", "SeriesDate", "SeriesInstanceUID"),
    ("StudyDate", "StudyInstanceUID", FREE_STUDY_TEXT),
)
"""The attributes that a series is summed from."""

SUMMED = frozenset(ATTRIBUTES).union(
    CHECK_KEYWORDS,
    ("DiffusionGradientOrientation", "Modality", "PatientAge", "PatientSex", "TemporalPositionIdentifier"),
    (FREE_STUDY_TEXT,),
)

DATES: Final = frozenset(("AcquisitionDate", "SeriesDate", "StudyDate"))
SHARED: Final = frozenset((*SEQUENCES, *GROUPS, *PLACE_SEQUENCES))
"""The sequences that are summed."""

SEXES = {"M": ncit.MALE, "F": ncit.FEMALE}
SEX = re.compile(r"[A-Z]|(FE)?MALE|OTHER|UNKNOWN", re.IGNORECASE)
"""What says a sex; the defined terms are M, F and O (PS3.3 C.7.1.1), and what else stands there may be anything."""

AGE_UNITS = {"D": "d", "W": "wk", "M": "mo", "Y": "a"}

LONGEST_SCAN = 86400
"""In s: no series is acquired over more than a day."""

STRONGEST = 30
"""In T: no magnet for people is as strong."""


class SeriesSum:
    """Everything that is kept of the files of one series under one study and subject."""

    def __init__(self, uid: str, study: str, subject: str) -> None:
        self.uid, self.study, self.subject = uid, study, subject
        self.instances = Instances()
        self.values: dict[str, Distinct] = {}
        self.acquired: tuple[dt.date, Decimal] | None = None
        self.last_acquired: tuple[dt.date, Decimal] | None = None
        self.dates: dict[str, dt.date] = {}
        self.slices = Slices()
        self.items: dict[str, tuple[Elements, ...]] = {}
        self.references: dict[Reference, None] = {}
        self.common: Common | None = None
        """What the last file has in common with others, where it is a single image whose sequences are."""
        self.placed: dict[str, tuple[Scalar, ...]] = {}
        """What that says elsewhere than at its top (`ingest.dicom.places`)."""

    def add(self, header: Header, instance: Instance) -> None:
        """Take in one file; of one that has something in common with the file before it, only what it does not."""
        self.instances.append(instance)
        if self.common is not None and header.common is self.common:
            self._add_alike(header)
            return
        self.references |= dict.fromkeys(references_in(header))
        self._add_dates(header)
        for image in images_in(header):
            self._add_values(image.values)
            self._add_image(image)
        shared = header.common is not None and SHARED.isdisjoint(header.common.differing)
        self.common = header.common if shared and header.items.keys().isdisjoint(GROUPS) else None
        self.placed = found_in(header) if self.common else {}

    def _add_alike(self, header: Header) -> None:
        """Take in a file that is a single image and has all sequences but references in common with the one before."""
        if not header.items.keys().isdisjoint(REFERENCE_SEQUENCES):
            self.references |= dict.fromkeys(references_in(header))
        if not DATES.isdisjoint(header.own):
            self._add_dates(header)
        if self.placed:
            self._add_values({keyword: told for keyword, told in header.own.items() if keyword not in self.placed})
            self._add_image(Elements({**header.values, **self.placed}, header.items))
        else:
            self._add_values(header.own)
            self._add_image(header)

    def _add_dates(self, header: Header) -> None:
        for keyword in DATES:
            if date := date_of(header.text(keyword)):
                self.dates[keyword] = min(date, self.dates.get(keyword, date))

    def _add_values(self, values: Mapping[str, tuple[Scalar, ...]]) -> None:
        sums = self.values
        for keyword, told in values.items():
            found = sums.get(keyword)
            if found is None:
                if keyword in SUMMED:
                    sums[keyword] = Distinct(told)
            elif found.latest is not told:
                found.add(told)

    def _add_image(self, image: Elements) -> None:
        for keyword in SEQUENCES:
            if items := image.items.get(keyword):
                self.items.setdefault(keyword, items)
        when = acquired_at(image)
        if when is not None:
            self.acquired = min(when, self.acquired or when)
            self.last_acquired = max(when, self.last_acquired or when)
        self.slices.add(image, when)

    # what the sums say -------------------------------------------------------------------------------------------

    def temporal_positions(self) -> int | None:
        """Points in time: as stated (PS3.3 C.8.3.1), else counted by identifier, else by repeats of each slice."""
        stated = self._distinct("NumberOfTemporalPositions").result()
        number = stated if isinstance(stated, int) else 0
        identified = self._distinct("TemporalPositionIdentifier").count()
        return next((count for count in (number, identified, self.slices.repeats()) if count > 1), number or None)

    def attributes(self) -> dict[str, Scalar | tuple[Scalar, ...]]:
        """The attributes of the series by keyword; the gate leaves out the texts that nobody has approved."""
        results = ((keyword, self.values[keyword].result()) for keyword in ATTRIBUTES if keyword in self.values)
        return {
            keyword: value
            for keyword, value in results
            if value is not None and not (keyword in POSITIVE and value == 0)
        }

    def _distinct(self, keyword: str) -> Distinct:
        return self.values.get(keyword) or Distinct()

    def _modality(self) -> str:
        return modality_named(self._distinct("Modality").texts(), self._distinct("SOPClassUID").texts())

    def _contrast(self) -> tuple[bool, bool, Curie | None]:
        """Whether an agent is stated as given, whether it is stated that none was, and which where that is sure."""
        agents = self.items.get(AGENT, ())
        texts = self._distinct("ContrastBolusAgent").texts()
        found = [contrast_of(agents, text) for text in (*texts, "")]
        concepts = {concept for _, concept in found if concept}
        given = any(given for given, _ in found)
        return given, bool(texts) and not given, concepts.pop() if len(concepts) == 1 else None

    def _scan_seconds(self) -> Decimal | None:
        """From the first to the last acquisition; None where there is one time only, or days are stated of some."""
        if self.acquired is None or self.last_acquired is None or self.acquired == self.last_acquired:
            return None
        (first_day, first), (last_day, last) = self.acquired, self.last_acquired
        seconds = 86400 * (last_day - first_day).days + last - first
        return seconds if seconds <= LONGEST_SCAN else None

    def _regions(self) -> tuple[Elements, ...]:
        """The anatomic region of the series, of a slide that of its specimens."""
        return self.items.get(REGION) or regions_of(self.items.get(SPECIMEN, ()))

    def _body_part(self) -> Curie | None:
        texts = (*self._distinct("BodyPartExamined").texts(), "")
        found = {part for text in texts if (part := body_part_of(self._regions(), text))}
        return found.pop() if len(found) == 1 else None

    # records -----------------------------------------------------------------------------------------------------

    def records(self, *, instances: bool = False) -> Iterator[Record]:
        """The records of the series: identities, both headers, checks, and what it says of the subject.

        ``instances`` asks for a node of each image.
        """
        study_date = self.dates.get("StudyDate")
        of_study = When.on(study_date) if study_date else None
        description = self._distinct(FREE_STUDY_TEXT).one()
        yield Study(uid=self.study, subject=self.subject)
        yield Series(uid=self.uid, subject=self.subject, study=self.study)
        yield StudyHeader(uid=self.study, subject=self.subject, when=of_study, description=description or None)
        date = self.dates.get("SeriesDate") or self.dates.get("AcquisitionDate") or study_date
        header = self._header(When.on(date) if date else None)
        yield header
        if images := joined(image.uid for image in self.instances):
            yield records.SeriesImages(uid=self.uid, subject=self.subject, images=images)
        yield from self._sources(instances=instances)
        yield from self._checks(header)
        if instances:
            for image in self.instances:
                yield records.Instance(uid=image.uid, subject=self.subject, series=self.uid)
        yield from self._subject_facts(of_study)

    def _header(self, when: When | None) -> SeriesHeader:
        tracers = self.items.get(TRACER, ())
        contrast, plain, agent = self._contrast()
        radionuclide, radionuclide_code = radionuclide_of(tracers)
        stain, stain_code = stain_of(self.items.get(SPECIMEN, ()))
        modality = self._modality()
        facts = SeriesFacts(
            modality=modality,
            contrast=contrast,
            plain=plain,
            repeats=self.temporal_positions() or self.slices.repeats(),
            directions=self._distinct("DiffusionGradientOrientation").count(),
            body_part=self._body_part(),
            attributes={keyword: found.values() for keyword, found in self.values.items()},
        )
        rule = acquisition_of(facts)
        return SeriesHeader(
            uid=self.uid,
            subject=self.subject,
            modality=modality_of(modality),
            when=when,
            instance_count=len(self.instances),
            body_part=facts.body_part,
            body_part_code=triplets_of(self._regions()),
            tracer=tracer_of(tracers),
            tracer_code=triplets_of(
                chain(*(item.items.get("RadiopharmaceuticalCodeSequence", ()) for item in tracers))
            ),
            radionuclide=radionuclide,
            radionuclide_code=radionuclide_code,
            contrast=agent,
            contrast_code=triplets_of(self.items.get(AGENT, ())),
            title_code=triplets_of(self.items.get(TITLE, ())),
            view_code=triplets_of(_with_modifiers(self.items.get(VIEW, ()))),
            stain=stain,
            stain_code=stain_code,
            uptake_minutes=uptake_of(tracers[0], self.acquired) if tracers else None,
            acquisition=rule.kind if rule else None,
            acquisition_rule=rule.name if rule else None,
            field_strength=field_strength_of(self._distinct("MagneticFieldStrength").values()),
            slice_spacing=self.slices.spacing(),
            temporal_positions=self.temporal_positions(),
            time_step=self.slices.time_step(),
            scan_seconds=self._scan_seconds(),
            attributes=self.attributes(),
        )

    def _sources(self, *, instances: bool) -> Iterator[Record]:
        """What the series was made from: series where they are named, and images of which no series is.

        Where every image is a node, also the images that key objects and presentation states pick out.
        """
        told: set[str] = {self.uid}
        for reference in self.references:
            for image in reference.shown if instances else ():
                if image not in told:
                    told.add(image)
                    yield records.Instance(uid=image, subject=self.subject, series=reference.series)
                    yield records.Derivation(uid=self.uid, subject=self.subject, origin=image)
            if reference.series and reference.series not in told:
                told.add(reference.series)
                yield Series(uid=reference.series, subject=self.subject, study=reference.study)
                yield records.Derivation(uid=self.uid, subject=self.subject, origin=reference.series)
        if images := joined(reference.instance for reference in self.references if not reference.series):
            yield records.ImageSources(uid=self.uid, subject=self.subject, images=images)

    def _checks(self, header: SeriesHeader) -> Iterator[Finding]:
        """The verdicts on the series as findings."""
        tracers = self.items.get(TRACER, ())
        checked = Checked(
            modality=self._modality(),
            acquisition=header.acquisition,
            tracer=header.tracer,
            uptake=header.uptake_minutes,
            pharmaceutical=tracers[0] if tracers else None,
            doses=self._distinct("RadionuclideTotalDose").count(),
            slices=self.slices,
            first=self.acquired[1] if self.acquired else None,
            texts=lambda keyword: self._distinct(keyword).texts(),
        )
        for verdict in verdicts(checked):
            yield Finding(
                key=f"check/{verdict.name}",
                subject=self.subject,
                study=self.study,
                series=self.uid,
                variable=verdict.check,
                value=verdict.passed,
                raw=verdict.reason,
                when=header.when,
                derived=True,
            )

    def _subject_facts(self, when: When | None) -> Iterator[Record]:
        age = self._distinct("PatientAge").one()
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
        if SEX.fullmatch(sex := self._distinct("PatientSex").one()):
            yield Finding(
                key="PatientSex", subject=self.subject, variable=ncit.SEX, value_concept=SEXES.get(sex), raw=sex
            )


def _with_modifiers(views: Iterable[Elements]) -> Iterator[Elements]:
    """The codes of a view, each followed by those that modify it (PS3.3 C.8.11.7)."""
    for view in views:
        yield view
        yield from view.items.get("ViewModifierCodeSequence", ())


def joined(uids: Iterable[str]) -> str:
    """UIDs as one text, each once and in order."""
    return "\\".join(sorted({*uids} - {""}))


def field_strength_of(values: tuple[Scalar, ...]) -> Decimal | None:
    """The one strength of a magnet in T: older devices wrote gauss, of which no scanner has fewer than some hundred.

    >>> field_strength_of((Decimal("15000"),)), field_strength_of((Decimal("3"),)), field_strength_of(())
    (Decimal('1.5'), Decimal('3'), None)
    """
    if len(values) != 1 or not isinstance(values[0], Decimal) or values[0] <= 0:
        return None
    return values[0] if values[0] < STRONGEST else Decimal(format((values[0] / 10_000).normalize(), "f"))


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
