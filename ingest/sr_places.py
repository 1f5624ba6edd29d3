"""Where something is seen: the studies, series, images and regions that a structured report refers to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Final, TypedDict

from ingest.base import Context
from ingest.observed import lesions
from ingest.observed.quantities import ValueProblem
from ingest.sr_model import Group, Reference, Report, Shape
from ingest.sr_regions import images_of, region_of, regions
from mappings.codes import Codes
from ontology import records
from ontology.records import Record, Reject, When

__all__ = ["Common", "Where", "Work", "image_records", "region_records", "where_of"]

UID = re.compile(r"(?=.{3,64}$)[0-2](\.\d+)+", re.ASCII)

WANTED_UID: Final = "a DICOM UID: numbers with points, at most 64 characters"


class Common(TypedDict):
    """What every observation of a group shares."""

    subject: str
    document: str | None
    lesion: str | None
    study: str | None
    series: str | None
    reader: str | None
    read_session: str | None
    when: When | None
    visit: int | None
    visit_label: str | None
    baseline: bool | None


@dataclass(frozen=True, slots=True)
class Where:
    """Where on the images something is: series, instance and region."""

    study: str | None = None
    series: str | None = None
    instance: str | None = None
    region: str | None = None


@dataclass(slots=True)
class Work:
    """A report being translated."""

    name: str
    report: Report
    context: Context
    known: set[tuple[str, str]] = field(default_factory=set)
    """The studies and series whose UIDs can be used."""
    emitted: set[str] = field(default_factory=set)
    """The keys of the facts so far."""
    marked: set[str] = field(default_factory=set)
    """The places of shapes whose regions are out."""

    @property
    def codes(self) -> Codes:
        """What coded terms mean."""
        return self.context.codes

    def reject(self, place: str, problem: ValueProblem) -> Reject:
        """An item that stays out."""
        return Reject(name=self.name, place=place, problem=problem.problem, wanted=problem.wanted)

    def part_of(self, place: str | None) -> str | None:
        """The observation that another is part of, where it came in."""
        return place if place in self.emitted else None


def image_records(work: Work) -> Iterator[records.Study | records.Series | Reject]:
    """Identity records of the studies and series that the report refers to."""
    studies: set[str] = set()
    for study, series in sorted(set(work.report.instances.values())):
        if not UID.fullmatch(study) or not UID.fullmatch(series):
            problem = ValueProblem("a referenced study or series has no usable UID", WANTED_UID)
            yield work.reject("(0040,A375) CurrentRequestedProcedureEvidenceSequence", problem)
            continue
        work.known.add((study, series))
        if study not in studies:
            studies.add(study)
            yield records.Study(uid=study, subject=work.report.subject)
        yield records.Series(uid=series, subject=work.report.subject, study=study)


def where_of(work: Work, group: Group, place: str, shapes: tuple[Shape, ...], more: tuple[Reference, ...]) -> Where:
    """The series and image that something is seen on.

    It is the series that a segmentation was made on, else that of the images; what names no image is seen on the one
    series of a report that refers to no other.
    """
    drawn = [*images_of(shapes), *more]
    placed = [work.report.instances[image.instance] for image in drawn if image.instance in work.report.instances]
    series = next((pair for pair in work.known if pair[1] == group.source_series), None)
    if series is None:
        series = next((pair for pair in placed if pair in work.known), None)
    if series is None and not drawn and len(work.known) == len(set(work.report.instances.values())) == 1:
        (series,) = work.known
    instances = {image.instance for image in drawn}
    only = instances.pop() if len(instances) == 1 and series is not None else None
    return Where(
        study=series[0] if series else None,
        series=series[1] if series else None,
        instance=only if only and UID.fullmatch(only) and (series in placed) else None,
        region=region_of(work.report.uid, place, shapes),
    )


def region_records(
    work: Work, group: Group, place: str, shapes: tuple[Shape, ...], where: Where, common: Common
) -> Iterator[Record]:
    """The regions of shapes, and the image that they are on."""
    if where.instance is not None:
        yield records.Instance(uid=where.instance, subject=work.report.subject, series=where.series)
    for record in regions(work.report.subject, work.report.uid, place, shapes):
        if isinstance(record, records.RegionFacts):
            yield replace(
                record,
                lesion=common["lesion"],
                study=where.study,
                series=where.series,
                instance=record.instance if record.instance == where.instance else None,
                reader=common["reader"],
                when=common["when"],
                tracking_uid=lesions.tracking_uid(group.tracking_uid),
            )
        else:
            yield record
