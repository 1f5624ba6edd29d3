"""From a structured report to records, by the rules that AIM is translated by: `ingest.observed`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from ingest.aim.facts import ASSESSED, BASELINE_ROLES, procedure
from ingest.base import Context, Yield
from ingest.gate.dicom import is_dummy
from ingest.observed import lesions, quantities, readers, times
from ingest.observed.coded import meaning, meanings
from ingest.observed.quantities import ValueProblem
from ingest.observed.sites import Site
from ingest.sr.facts import Said, anatomy, finding, lengths_of, measurement, site_in
from ingest.sr.model import Group, Number, Observer, Report, Software, Statement
from ingest.sr.places import Common, Work, image_records, region_records, where_of
from ontology import records
from ontology.prefixes import Curie
from ontology.records import Reject, SourceRecord, When
from ontology.terms import q

__all__ = ["translate"]

ANNOTATION_CLOCK: Final = "annotation"
"""The clock of the report's own date: when it was written is not when the images were made."""


def translate(source: SourceRecord, report: Report, context: Context) -> Iterator[Yield]:
    """The records of a report whose subject is known, in the order of the document; identities may repeat."""
    work = Work(name=source.name, report=report, context=context)
    yield from image_records(work)
    for group in _shared(report.groups):
        yield from _group(work, group)


def _shared(groups: tuple[Group, ...]) -> Iterator[Group]:
    """The groups, of which those that are about nothing of their own share what is said beside them.

    A report with one measurement group is about one thing: its other sections, such as the qualitative evaluations that
    ePAD writes, are of the same, and so is the time point that stands in any of them.
    """
    followed = {group.about: group for group in groups if group.about == group.place}
    stated = {group.time_points for group in groups if group.time_points}
    points = next(iter(stated)) if len(stated) == 1 else ()
    for group in groups:
        if not group.numbers and not group.statements and group.marked != group.place:
            continue  # it only holds others
        one = next(iter(followed.values())) if len(followed) == 1 and not group.about else group
        yield replace(
            group,
            about=one.about,
            of_no_lesion=one.of_no_lesion,
            tracking_uid=one.tracking_uid,
            tracking_identifier=one.tracking_identifier,
            sites=group.sites or one.sites,
            shapes=group.shapes or one.shapes,
            marked=group.marked or one.marked,
            images=group.images or one.images,
            source_series=group.source_series or one.source_series,
            session=group.session or one.session,
            time_points=group.time_points or points,
        )


def _person(observers: tuple[Observer, ...]) -> Observer | None:
    """The first observer with a name that is one."""
    for observer in observers:
        words = [word for word in re.split(r"[\^=\s,]+", observer.name) if word]
        if words and not all(map(is_dummy, words)):
            return observer
    return None


def _software(group: Group, report: Report) -> Software | None:
    """What a group's values were made with: its algorithm, a device that observed, the equipment of the report."""
    device = next((observer.device for observer in group.observers if observer.device is not None), None)
    return group.software or device or report.equipment


def _automation(group: Group) -> Curie | None:
    """Automatic where devices alone observed (TID 1002). A person who observed may have let software do any part."""
    observers = group.observers
    return q.AUTOMATIC if observers and all(observer.device for observer in observers) else None


def _day(work: Work, group: Group, study: str | None) -> Iterator[When | Reject]:
    """The day of the study that was observed; else the report's own, on a clock of its own."""
    dated = work.report.dates.get(study or work.report.study, "")
    own = group.observed or work.report.date
    for place, text, clock in (
        ("(0008,0020) StudyDate", dated, None),
        (f"{group.place} (0040,A032) ObservationDateTime", own, ANNOTATION_CLOCK),
    ):
        try:
            when = times.date(text, clock)
        except ValueProblem as problem:
            yield work.reject(place, problem)
            continue
        if when is not None:
            yield when
            return


def _lesion(
    work: Work, group: Group, reader: records.Reader | None, site: Site
) -> tuple[records.Lesion, records.LesionFacts] | None:
    """The lesion that a group is about, and by which rule it is that one."""
    found = {meaning((statement.value,), work.codes) for statement in group.statements if statement.finding}
    if group.of_no_lesion:
        return None
    if not (group.about and lesions.is_lesion(found, group.tracking_identifier, place=site.structure, unsaid=True)):
        return None
    return lesions.identified(
        lesions.Named(
            subject=work.report.subject,
            place=group.about,
            document=f"{work.report.uid}.{group.about}",
            tracking_uid=group.tracking_uid,
            name=group.tracking_identifier,
            reader=reader.key if reader else None,
            site=site.structure,
        )
    )


def _group(work: Work, group: Group) -> Iterator[Yield]:
    """The records of a group."""
    person, site = _person(group.observers), site_in(work, group)
    reader = None
    if person is not None:
        reader = readers.reader_of(work.context, person.name, role=person.role.meaning if person.role else "")
    device = procedure(_software(group, work.report), _automation(group))
    lesion = _lesion(work, group, reader, site)
    where = where_of(work, group, group.marked, group.shapes, group.images)
    days = list(_day(work, group, where.study))
    assigned = set(meanings((statement.value for statement in group.statements), work.codes))
    common = Common(
        subject=work.report.subject,
        document=lesions.tracking_uid(group.source_document) or work.report.uid,
        lesion=lesion[0].key if lesion else None,
        study=where.study,
        series=where.series,
        reader=reader.key if reader else None,
        read_session=readers.session(group.session),
        when=next((day for day in days if isinstance(day, When)), None),
        **times.visited(
            next((point.number for point in group.time_points if point.number), None),
            (),
            points=[point.label for point in group.time_points],
            baseline=bool(assigned & BASELINE_ROLES.keys()),
        ),
    )
    yield from (record for record in (reader, device) if record is not None)
    if lesion is not None and lesion[1].key not in work.emitted:
        work.emitted.add(lesion[1].key)
        yield from lesion
    yield from (day for day in days if isinstance(day, Reject))
    if group.marked not in work.marked:
        work.marked.add(group.marked)
        yield from region_records(work, group, group.marked, group.shapes, where, common)
    elif where.instance is not None:
        yield records.Instance(uid=where.instance, subject=work.report.subject, series=where.series)
    yield from anatomy(work, group, where, common, site)
    lengths = lengths_of(work, group)
    assessed = lesion is not None and bool(lesion[1].tracking_uid or lesion[0].label or assigned & ASSESSED)
    said = Said(common, where, site, device, quantities.length_of(lengths, site.structure, assessed=assessed))
    items: list[Number | Statement] = [*group.numbers, *group.statements]
    for item in sorted(items, key=lambda item: [int(part) for part in item.place.split(".")]):
        if isinstance(item, Number):
            yield from measurement(work, group, item, said)
        else:
            yield from finding(work, item, said)
