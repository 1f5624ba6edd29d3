"""From an annotation to records: the one translation for every version of AIM."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Final

from ingest.aim.facts import ASSESSED, BASELINE_ROLES, LESION_ROLES, Common, Translation, facts, procedure
from ingest.aim.model import Annotation, Entity, ImageReference
from ingest.aim.radiomics import Radiomics
from ingest.aim.regions import Marked, described, is_uid, marked
from ingest.base import Context, Yield
from ingest.observed import lesions, readers, times
from ingest.observed.coded import meanings
from ingest.observed.quantities import STATISTICS, ValueProblem, length_of
from ingest.observed.sites import Site, site_of
from mappings.codes import Codes
from ontology import records
from ontology.records import Reject, SourceRecord, When
from ontology.terms import ncit, q

__all__ = ["ANNOTATION_CLOCK", "translate", "visits"]

ANNOTATION_CLOCK: Final = "annotation"
"""The clock of an annotation's own date: when it was read is not when it was imaged, and is not shifted with it."""

WITHIN: Final = STATISTICS | {ncit.AREA}
"""What is measured of the pixels within a shape."""


def _lesion(
    annotation: Annotation, reader: records.Reader | None, site: Site, source: str
) -> tuple[records.Lesion, records.LesionFacts]:
    """The lesion, and by which rule it is that one."""
    return lesions.identified(
        lesions.Named(
            subject=annotation.person,
            place=annotation.place,
            document=_document(annotation, source),
            tracking_uid=annotation.tracking_uid,
            name=annotation.name,
            reader=reader.key if reader else None,
            site=site.structure,
        )
    )


def document_of(annotation: Annotation) -> str | None:
    """The annotation's UID, which its copies in other formats share; None where it is none, as ``0`` is."""
    return lesions.tracking_uid(annotation.uid)


def _document(annotation: Annotation, source: str) -> str:
    """The annotation's UID, or what it is called after its source where it has none."""
    return document_of(annotation) or f"{source[:16]}.{annotation.place}"


def _site(anatomy: tuple[Entity, ...], codes: Codes) -> Site:
    """The first anatomic term, with what is stated of it."""
    for entity in anatomy:
        if entity.present is not False and not set(meanings(entity.codes, codes)) & LESION_ROLES:
            site = site_of(entity.codes, codes, [code for part in entity.characteristics for code in part.codes])
            if site is not None:
                return site
    return Site()


def _day(name: str, annotation: Annotation) -> Iterator[When | Reject]:
    """The day of the first dated image study; else the annotation's own, on a clock of its own."""
    dated = [(f"{image.place}/startDate", image.date, None) for image in annotation.images]
    for place, text, clock in (*dated, (f"{annotation.place}/dateTime", annotation.date, ANNOTATION_CLOCK)):
        try:
            when = times.date(text, clock)
        except ValueProblem as problem:
            yield Reject(name=name, place=place, problem=problem.problem, wanted=problem.wanted)
            continue
        if when is not None:
            yield when
            return


def visits(name: str, found: list[Annotation], codes: Codes) -> Iterator[tuple[str, int] | Reject]:
    """The number of the visit of each image study, where a characteristic of one of its annotations states it."""
    for annotation in found:
        parts = [part for entity in annotation.observations for part in entity.characteristics]
        for stated in (
            item for part in parts if q.VISIT in meanings(part.codes, codes) for item in part.quantifications
        ):
            if stated.value.isascii() and stated.value.isdecimal() and len(stated.value) <= 4:
                yield from ((image.study, int(stated.value)) for image in annotation.images)
            else:
                problem, wanted = "the visit is not a number", "a whole number, 0 for the baseline"
                yield Reject(name=name, place=stated.place, problem=problem, wanted=wanted)


def _images(
    name: str, person: str, images: tuple[ImageReference, ...]
) -> Iterator[records.Study | records.Series | records.Instance | Reject]:
    """Identity records of the referenced studies, series and images."""
    wanted = "a DICOM UID: numbers with points, at most 64 characters"
    for image in images:
        if not is_uid(image.study):
            yield Reject(name=name, place=image.place, problem="the study has no usable instance UID", wanted=wanted)
            continue
        yield records.Study(uid=image.study, subject=person)
        for series in image.series:
            if is_uid(series):
                yield records.Series(uid=series, subject=person, study=image.study)
            else:
                yield Reject(name=name, place=image.place, problem="a series UID is not usable", wanted=wanted)
        for instance, series in image.images:
            if is_uid(instance):
                yield records.Instance(uid=instance, subject=person, series=series if is_uid(series) else None)
            else:
                yield Reject(name=name, place=image.place, problem="an image's UID is not usable", wanted=wanted)


def _regions(
    source: SourceRecord,
    annotation: Annotation,
    common: Common,
    identity: records.LesionFacts | None,
    images: Mapping[str, str | None],
    enclosing: Set[str],
) -> tuple[dict[str, Marked], list[Yield]]:
    """The regions of an annotation by the places of their shapes, and the records and rejects that come of them.

    ``images`` are the images that it refers to, with their series; ``enclosing`` as for `marked`.
    """
    shapes: dict[str, Marked] = {}
    found: list[Yield] = []
    for item in marked(source.name, _document(annotation, source.digest), annotation, enclosing):
        if isinstance(item, Reject):
            found.append(item)
            continue
        place, shape = item
        shapes[place] = shape
        facts = records.RegionFacts(
            key=f"{place}/region",
            subject=annotation.person,
            region=shape.region,
            document=common["document"],
            lesion=common["lesion"],
            study=common["study"],
            series=common["series"],
            reader=common["reader"],
            when=common["when"],
            site=common["site"],
            laterality=common["laterality"],
            site_modifier=common["site_modifier"],
            label=identity.label if identity else None,
            tracking_uid=identity.tracking_uid if identity else None,
        )
        if shape.instance is not None and shape.instance not in images:
            found.append(records.Instance(uid=shape.instance, subject=annotation.person))
        found.extend(described(shape, facts, {uid: series for uid, series in images.items() if series}))
    return shapes, found


def translate(
    source: SourceRecord, annotation: Annotation, numbers: Mapping[str, int], context: Context
) -> Iterator[Yield]:
    """The records of one annotation of a source, whose subject is known; identity records may repeat.

    ``numbers`` are the visits of the studies by UID.
    """
    name, codes, user = source.name, context.codes, annotation.user
    reader = readers.reader_of(context, user.name, user.login, role=user.role) if user else None
    device, site = procedure(annotation.equipment), _site(annotation.anatomy, codes)
    of_none = annotation.of_annotations or annotation.of_no_lesion
    lesion, identity = (None, None) if of_none else _lesion(annotation, reader, site, source.digest)
    referred = list(_images(name, annotation.person, annotation.images))
    dates = list(_day(name, annotation))
    yield from (record for record in (reader, device, lesion, identity) if record is not None)
    yield from referred
    yield from (item for item in dates if isinstance(item, Reject))
    parts = [part for entity in annotation.observations for part in entity.characteristics]
    typed = (annotation.codes, *(part.codes for part in parts))
    assigned = {term for found in typed for term in meanings(found, codes)}
    spoken = (entity.codes for entity in annotation.observations if q.VISIT not in meanings(entity.codes, codes))
    observed = (code.meaning for found in spoken for code in found)
    study = next((item.uid for item in referred if isinstance(item, records.Study)), None)
    images = {item.uid: item.series for item in referred if isinstance(item, records.Instance)}
    common = Common(
        subject=annotation.person,
        lesion=lesion.key if lesion else None,
        region=None,
        document=document_of(annotation),
        study=study,
        series=next((item.uid for item in referred if isinstance(item, records.Series)), None),
        instance=next(iter(images)) if len(images) == 1 else None,
        reader=reader.key if reader else None,
        when=next((item for item in dates if isinstance(item, When)), None),
        **times.visited(
            numbers.get(study or ""),
            (annotation.name, *observed),
            baseline=bool(assigned & BASELINE_ROLES.keys()),
        ),
        site=site.structure,
        laterality=site.laterality,
        site_modifier=site.modifier,
    )
    enclosing = {
        calculation.marked
        for calculation in annotation.calculations
        if calculation.marked and not WITHIN.isdisjoint(meanings(calculation.codes, codes))
    }
    shapes, drawn = _regions(source, annotation, common, identity, images, enclosing)
    yield from drawn
    keys = {shape.region for shape in shapes.values()}
    if len(keys) == 1:
        common["region"] = keys.pop()  # what is said of an annotation with one region is said of that
    lengths = sum(ncit.LENGTH in meanings(item.codes, codes) for item in annotation.calculations)
    named = identity is not None and bool(identity.tracking_uid or identity.label or assigned & ASSESSED)
    yield from facts(
        Translation(
            name=name,
            annotation=annotation,
            codes=codes,
            common=common,
            procedure=device.key if device else None,
            length=length_of(lengths, site.structure, assessed=named),
            marked=shapes,
            radiomics=Radiomics(annotation.calculations, codes),
        )
    )
