"""From an annotation to records: the one translation for every version of AIM."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ingest import aim_values
from ingest.aim_facts import (
    ASSESSED,
    BASELINE_ROLES,
    LATERALITIES,
    NO_SITE,
    Common,
    Translation,
    facts,
    length_of,
    meanings,
    procedure,
)
from ingest.aim_model import Annotation, Entity, ImageReference
from ingest.aim_values import ValueProblem
from ingest.base import Context, Yield
from ontology import records
from ontology.prefixes import Curie
from ontology.records import Reject, SourceRecord, When
from ontology.terms import q

__all__ = ["translate", "visits"]

UID = re.compile(r"[0-2](\.\d+)+", re.ASCII)

ANNOTATION_CLOCK: Final = "annotation"
"""The clock of an annotation's own date: when it was read is not when it was imaged, and is not shifted with it."""

ROLES: Final[dict[str, Curie]] = {
    "investigator": q.INVESTIGATOR,
    "centralreader": q.CENTRAL_READER,
    "central": q.CENTRAL_READER,
    "algorithm": q.ALGORITHM,
}
"""Roles in a trial that are surely ours; Performing, Recording and Referring are not."""


def _reader(annotation: Annotation, context: Context) -> records.Reader | None:
    """The annotator's pseudonym: of the name, else of the login, which a site may share."""
    user = annotation.user
    who = (user.name or user.login) if user else ""
    if user is None or not who:
        return None
    role = ROLES.get(re.sub(r"[^a-z]", "", user.role.casefold()))
    return records.Reader(key=context.pseudonym(who), role=role)


def _lesion(annotation: Annotation, reader: records.Reader | None, source: str) -> records.Lesion:
    """The lesion by its tracking UID, else by reader and name, else by the annotation: its UID or place."""
    label = aim_values.lesion_name(annotation.name)
    if annotation.tracking_uid:
        return records.Lesion(subject=annotation.person, key=annotation.tracking_uid, label=label)
    if label:
        # two readers' lesions 1 need not be the same lesion
        who = reader.key if reader else "reader-unknown"
        return records.Lesion(subject=annotation.person, key=f"{who}.{label.casefold()}", label=label)
    return records.Lesion(subject=annotation.person, key=annotation.uid or f"{source[:16]}.{annotation.place}")


def _sites(anatomy: tuple[Entity, ...]) -> tuple[Curie | None, Curie | None]:
    """The first anatomic term, and the first side stated of it."""
    for entity in anatomy:
        site = next((term for term in meanings(entity.codes) if term not in NO_SITE), None)
        if site is not None and entity.present is not False:
            stated = (term for part in entity.characteristics for term in meanings(part.codes))
            return site, next((term for term in stated if term in LATERALITIES), None)
    return None, None


def _day(name: str, annotation: Annotation) -> Iterator[When | Reject]:
    """The day of the first dated image study; else the annotation's own, on a clock of its own."""
    dated = [(f"{image.place}/startDate", image.date, None) for image in annotation.images]
    for place, text, clock in (*dated, (f"{annotation.place}/dateTime", annotation.date, ANNOTATION_CLOCK)):
        try:
            when = aim_values.date(text, clock)
        except ValueProblem as problem:
            yield Reject(name=name, place=place, problem=problem.problem, wanted=problem.wanted)
            continue
        if when is not None:
            yield when
            return


def visits(name: str, found: list[Annotation]) -> Iterator[tuple[str, int] | Reject]:
    """The number of the visit of each image study, where a characteristic of one of its annotations states it."""
    for annotation in found:
        parts = [part for entity in annotation.observations for part in entity.characteristics]
        for stated in (item for part in parts if q.VISIT in meanings(part.codes) for item in part.quantifications):
            if stated.value.isascii() and stated.value.isdecimal() and len(stated.value) <= 4:
                yield from ((image.study, int(stated.value)) for image in annotation.images)
            else:
                problem, wanted = "the visit is not a number", "a whole number, 0 for the baseline"
                yield Reject(name=name, place=stated.place, problem=problem, wanted=wanted)


def _images(
    name: str, person: str, images: tuple[ImageReference, ...]
) -> Iterator[records.Study | records.Series | Reject]:
    """Identity records of the referenced studies and series."""
    wanted = "a DICOM UID: numbers with points, at most 64 characters"
    for image in images:
        if not UID.fullmatch(image.study) or len(image.study) > 64:
            yield Reject(name=name, place=image.place, problem="the study has no usable instance UID", wanted=wanted)
            continue
        yield records.Study(uid=image.study, subject=person)
        for series in image.series:
            if UID.fullmatch(series) and len(series) <= 64:
                yield records.Series(uid=series, subject=person, study=image.study)
            else:
                yield Reject(name=name, place=image.place, problem="a series UID is not usable", wanted=wanted)


def translate(
    source: SourceRecord, annotation: Annotation, numbers: Mapping[str, int], context: Context
) -> Iterator[Yield]:
    """The records of one annotation of a source, whose subject is known; identity records may repeat.

    ``numbers`` are the visits of the studies by UID.
    """
    name = source.name
    reader, device = _reader(annotation, context), procedure(annotation.equipment)
    lesion = _lesion(annotation, reader, source.digest)
    images = list(_images(name, annotation.person, annotation.images))
    dates = list(_day(name, annotation))
    yield from (record for record in (reader, device, lesion) if record is not None)
    yield from images
    yield from (item for item in dates if isinstance(item, Reject))
    assigned = set(meanings(annotation.codes)) | {
        term for entity in annotation.observations for part in entity.characteristics for term in meanings(part.codes)
    }
    observed = (code.meaning for entity in annotation.observations for code in entity.codes)
    study = next((item.uid for item in images if isinstance(item, records.Study)), None)
    visit = numbers.get(study or "")
    visit_label = aim_values.visit_label(annotation.name, *observed)
    site, laterality = _sites(annotation.anatomy)
    translation = Translation(
        name=name,
        annotation=annotation,
        common=Common(
            subject=annotation.person,
            lesion=lesion.key,
            study=study,
            series=next((item.uid for item in images if isinstance(item, records.Series)), None),
            reader=reader.key if reader else None,
            when=next((item for item in dates if isinstance(item, When)), None),
            visit=visit,
            visit_label=visit_label,
            baseline=True if visit == 0 or visit_label == "Baseline" or assigned & BASELINE_ROLES.keys() else None,
            site=site,
            laterality=laterality,
        ),
        procedure=device.key if device else None,
        length=length_of(
            annotation, site, assessed=bool(annotation.tracking_uid or lesion.label or assigned & ASSESSED)
        ),
    )
    yield from facts(translation)
