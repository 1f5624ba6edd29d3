"""A measurement set as DICOM structured reports: Comprehensive 3D SR by PS3.16 TID 1500 (Measurement Report).

- One report for each subject, reader, reading and study; one measurement group for each group: of a segment (TID 1411)
  where all of it is of one whose segmentation is known, else of images (TID 1501).
- Numbers are measurements (TID 300) with derivation and algorithm; findings are findings and qualitative evaluations;
  the site is a finding site with its laterality and topographical modifier.
- The observer is the reader's pseudonym, else a device.
- Images are referred to where their UIDs and classes are known. Where only the series is known, the group names it
  (*Source series for segmentation*, the one series reference that measurement groups have), and nothing stands in the
  evidence.
- All UIDs are made of the content, and no time of writing stands in the report: the same input gives the same bytes.
  What no calendar date is known of is dated 1900-01-01, which is read as no date.
"""

from __future__ import annotations

import datetime as dt
import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import Any, Final, cast

from highdicom.sr import (
    AlgorithmIdentification,
    CodedConcept,
    Comprehensive3DSR,
    DeviceObserverIdentifyingAttributes,
    FindingSite,
    MeasurementReport,
    MeasurementsAndQualitativeEvaluations,
    ObservationContext,
    ObserverContext,
    PersonObserverIdentifyingAttributes,
    QualitativeEvaluation,
    ReferencedSegment,
    RelationshipTypeValues,
    SourceImageForMeasurementGroup,
    SourceSeriesForSegmentation,
    TextContentItem,
    TimePointContext,
    TrackingIdentifier,
    UIDRefContentItem,
    VolumetricROIMeasurementsAndQualitativeEvaluations,
)
from highdicom.sr import Measurement as Numeric
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.sr.coding import Code

from analysis.measurement_set import Document, Group, Image, MeasurementSet, Unwritten
from analysis.statements import Words, is_place, number_codes, place_codes, raw_codes, value_code
from analysis.uids import is_uid, uid_of
from ingest.aim.records import ANNOTATION_CLOCK
from ingest.observed.quantities import automation_word
from ingest.observed.times import UNSET_DAY
from ingest.sr.report import NO_LESION
from mappings.code_sets import Triplet
from ontology.record_uids import LABEL
from ontology.records import Finding, Measurement, Observation, When
from ontology.terms import q, radlex

__all__ = ["NothingToSayError", "sr_document"]


class NothingToSayError(ValueError):
    """A document of which nothing can be said in a report."""


MANUFACTURER: Final = "Qilin"
UNKNOWN: Final = "unknown"
NO_UNIT: Final = "1"

DEIDENTIFIED: Final = "Subject ids and readers by the pseudonyms of the data warehouse"

OWN: Final = "99QILIN"
ROLES: Final = {q.INVESTIGATOR: "investigator", q.CENTRAL_READER: "central reader", q.ALGORITHM: "algorithm"}
"""The roles of readers, by their labels."""

PERSON: Final = Code("121006", "DCM", "Person")
DEVICE: Final = Code("121007", "DCM", "Device")
FINDING: Final = Code("121071", "DCM", "Finding")
PROCEDURE: Final = Code("363679005", "SCT", "Imaging procedure")
SERIES: Final = Code("121232", "DCM", "Source series for segmentation")
DOCUMENT: Final = Code("document", OWN, "Document that states it")
"""Which document stated first what a group states: read again, it is a copy, and counts once."""
RECORD: Final = Code("record", OWN, LABEL)
"""The record that a number or statement restates (TID 300 and 301 have no such item)."""
LESION: Final = Code("lesion", OWN, "Whether it is of a lesion")

AUTOMATION: Final = Code("automation", OWN, "How much of it software did")
VISIT: Final = Code("RDETBD2", "RADELEMENT", "Timepoint")
"""The number of a visit, as ePAD writes it: TID 1502 has an order, and no number."""


def sr_document(document: Document, given: MeasurementSet, words: Words, unwritten: Unwritten) -> bytes:
    """A report as the bytes of a DICOM file; what TID 1500 cannot say is counted in ``unwritten``.

    Raises `NothingToSayError` where the document has nothing that a report can say.
    """
    groups = [made for group in document.groups for made in _group(group, given, words, unwritten)]
    if not groups:
        raise NothingToSayError
    evidence = _evidence(document, given.collection)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names without a caret: a pseudonym has none
        content = MeasurementReport(
            observation_context=_observed_by(document),
            procedure_reported=PROCEDURE,
            imaging_measurements=groups,
        )
        report = Comprehensive3DSR(
            evidence=evidence,
            content=content,
            series_instance_uid=uid_of("series", given.collection, document.subject, document.study, _key(document)),
            series_number=1,
            sop_instance_uid=uid_of("report", document.uid),
            instance_number=1,
            manufacturer=MANUFACTURER,
            is_complete=True,
        )
    _without_values(report)
    _timeless(report, document, known=bool(_known(document)))
    if given.deidentified:
        report.PatientIdentityRemoved = "YES"
        report.DeidentificationMethod = DEIDENTIFIED
    held = BytesIO()
    report.save_as(held, enforce_file_format=True)
    return held.getvalue()


def _key(document: Document) -> tuple[str, str | None]:
    return (document.reader.key if document.reader else "", document.session)


def _observed_by(document: Document) -> ObservationContext:
    """The reader by pseudonym; a device where there is none."""
    if document.reader is not None:
        role = document.reader.role
        part = CodedConcept(role.partition(":")[2], OWN, ROLES[role]) if role in ROLES else None
        person = PersonObserverIdentifyingAttributes(name=document.reader.key, role_in_procedure=part)
        return ObservationContext(observer_person_context=ObserverContext(CodedConcept.from_code(PERSON), person))
    device = DeviceObserverIdentifyingAttributes(uid=uid_of("device", MANUFACTURER))
    return ObservationContext(observer_device_context=ObserverContext(CodedConcept.from_code(DEVICE), device))


def _without_values(item: Dataset) -> None:
    """Take out the values of measurements that have none: the only ones with a qualifier (PS3.3 C.18.1)."""
    if "NumericValueQualifierCodeSequence" in item:
        item.MeasuredValueSequence = []
    for child in item.get("ContentSequence", ()):
        _without_values(child)


def _timeless(report: Dataset, document: Document, *, known: bool) -> None:
    """Take out of a report when and where it was written, and evidence that only stood in for none."""
    date = next((day for group in document.groups if (day := _date(group.when)) is not None), UNSET_DAY)
    report.ContentDate, report.ContentTime = f"{date:%Y%m%d}", "000000"
    for keyword in (
        "InstanceCreationDate",
        "InstanceCreationTime",
        "SoftwareVersions",
        "ContributingEquipmentSequence",
    ):
        if keyword in report:
            delattr(report, keyword)
    seen = [group.when for group in document.groups if group.when and group.when.clock != ANNOTATION_CLOCK]
    imaged = next((day for when in seen if (day := _date(when)) is not None), None)
    if imaged is not None:
        report.StudyDate = f"{imaged:%Y%m%d}"
    if not known:
        for keyword in ("CurrentRequestedProcedureEvidenceSequence", "PertinentOtherEvidenceSequence"):
            if keyword in report:
                delattr(report, keyword)


def _date(when: When | None) -> dt.date | None:
    """A calendar day where it is known exactly."""
    exact = when is not None and when.first == when.last
    return when.first if when is not None and exact and isinstance(when.first, dt.date) else None


# images


def _known(document: Document) -> list[Image]:
    """The images and segmentations that can be referred to: their class, series and study are known."""
    found = {image.uid: image for group in document.groups for image in _named(group)}
    return [found[uid] for uid in sorted(found)]


def _named(group: Group) -> list[Image]:
    """What a group refers to: its segmentation, else its images."""
    return [group.segment[1]] if group.segment else _referable(group)


def _referable(group: Group) -> list[Image]:
    return [
        image
        for image in group.images
        if image.sop_class and all(map(is_uid, (image.uid, image.series, image.study, image.sop_class)))
    ]


def _evidence(document: Document, collection: str) -> list[Dataset]:
    """The images as evidence; where none is known, a stand-in from which subject and study are taken."""
    study = document.study if is_uid(document.study) else uid_of("study", collection, document.subject, document.study)
    images = _known(document) or [Image(uid_of("none"), uid_of("none"), study, "1.2.840.10008.5.1.4.1.1.2")]
    return [_instance(document, image) for image in sorted(images, key=lambda image: image.study != study)]


def _instance(document: Document, image: Image) -> Dataset:
    made = Dataset()
    made.PatientID = made.PatientName = document.subject
    made.PatientBirthDate = made.PatientSex = made.AccessionNumber = made.StudyID = ""
    made.StudyDate = made.StudyTime = made.ReferringPhysicianName = ""
    made.StudyInstanceUID, made.SeriesInstanceUID = image.study, image.series
    made.SOPInstanceUID, made.SOPClassUID = image.uid, image.sop_class
    made.SpecificCharacterSet = "ISO_IR 192"
    return made


# groups


def _concept(code: Triplet) -> CodedConcept:
    return CodedConcept(code.code, code.designator, code.meaning or code.code)


def _group(
    group: Group, given: MeasurementSet, words: Words, unwritten: Unwritten
) -> Iterator[MeasurementsAndQualitativeEvaluations | VolumetricROIMeasurementsAndQualitativeEvaluations]:
    """One measurement group; none where nothing of it can be said."""
    numbers = [
        made
        for item in group.observations
        if isinstance(item, Measurement)
        for made in _number(item, given, words, unwritten)
    ]
    findings, answers = _statements(group, words, unwritten)
    sites = _sites(group, words, unwritten)
    if not (numbers or findings or answers or sites):
        return
    tracked = group.lesion
    uid = tracked.uid if tracked and is_uid(tracked.uid) else uid_of("group", tracked.uid if tracked else group.uid)
    label = (tracked.label if tracked else None) or uid
    said: dict[str, Any] = {
        "tracking_identifier": TrackingIdentifier(uid=uid, identifier=label),
        "time_point_context": _time_point(group),
        "finding_type": findings[0][0] if findings else None,
        "finding_sites": sites or None,
        "session": group.session,
        "measurements": numbers or None,
        "qualitative_evaluations": answers or None,
    }
    made = _of_segment(group, said) if group.segment else _of_images(group, said)
    more = made[0].ContentSequence
    contains, context = RelationshipTypeValues.CONTAINS, RelationshipTypeValues.HAS_OBS_CONTEXT
    if findings:
        _restating(next(item for item in more if item.name == FINDING), findings[0][1])
    more.extend(_restating(QualitativeEvaluation(FINDING, code)[0], item) for code, item in findings[1:])
    if group.series and is_uid(group.series) and not _referable(group) and not group.segment:
        more.append(UIDRefContentItem(SERIES, group.series, relationship_type=contains))
    if is_uid(group.document):
        more.append(UIDRefContentItem(DOCUMENT, str(group.document), relationship_type=context))
    if tracked is None:
        more.append(TextContentItem(LESION, NO_LESION, relationship_type=context))
    if group.visit is not None:
        more.append(TextContentItem(VISIT, str(group.visit), relationship_type=context))
    yield made


def _of_images(group: Group, said: dict[str, Any]) -> MeasurementsAndQualitativeEvaluations:
    """A group of what no region is known of (TID 1501)."""
    images = [SourceImageForMeasurementGroup(str(image.sop_class), image.uid) for image in _referable(group)]
    return MeasurementsAndQualitativeEvaluations(**said, source_images=images or None)


def _of_segment(group: Group, said: dict[str, Any]) -> VolumetricROIMeasurementsAndQualitativeEvaluations:
    """A group of a segment, which is referred to with the series that it is drawn on (TID 1411)."""
    assert group.segment is not None
    segment, image = group.segment
    return VolumetricROIMeasurementsAndQualitativeEvaluations(
        **said,
        referenced_segment=ReferencedSegment(
            str(image.sop_class),
            segment.segmentation,
            segment.number,
            source_series=SourceSeriesForSegmentation(str(segment.series)),
        ),
    )


def _time_point(group: Group) -> TimePointContext | None:
    """The time point by the label or number of the visit."""
    if group.visit is None and group.visit_label is None:
        return None
    return TimePointContext(time_point=group.visit_label or f"visit {group.visit}")


def _sites(group: Group, words: Words, unwritten: Unwritten) -> list[FindingSite]:
    """The site of the group, then the other places that it names."""
    site, made = group.site, []
    written = place_codes(site, words)
    if site.structure is not None and written is None:
        unwritten.add("a site that no code is read back as")
    if written is not None:
        side, part = words.code(site.laterality), words.code(site.modifier)
        made.append(
            FindingSite(
                anatomic_location=_concept(written[0]),
                laterality=_concept(side) if side else None,
                topographical_modifier=_concept(part) if part else None,
            )
        )
    first = True
    for item in group.observations:
        if not is_place(item):
            continue
        code = value_code(item, words)
        found = words.site([code]) if code is not None else None
        if code is None:
            unwritten.add("a place that no code is read back as")
        elif not (first and written is not None and found is not None and item.value_concept == site.structure):
            made.append(FindingSite(anatomic_location=_concept(code)))
            _restating(made[-1], item)
        else:
            first = False
            _restating(made[0], item)
    return made


def _restating(made: Dataset, item: Observation) -> Dataset:
    """A content item with the record that it restates below it."""
    if item.states is not None:
        below = UIDRefContentItem(RECORD, item.states, relationship_type=RelationshipTypeValues.HAS_OBS_CONTEXT)
        made.ContentSequence = Sequence([*made.get("ContentSequence", ()), below])
    return made


def _statements(
    group: Group, words: Words, unwritten: Unwritten
) -> tuple[list[tuple[CodedConcept, Observation]], list[QualitativeEvaluation]]:
    """What was found, each with its record, and answers with their questions."""
    findings: list[tuple[CodedConcept, Observation]] = []
    answers: list[QualitativeEvaluation] = []
    keys = {item.key: item for item in group.observations}
    for item in group.observations:
        if isinstance(item, Measurement) or is_place(item):
            continue
        code = value_code(item, words)
        if code is None:
            what = "a text" if isinstance(item.value, str) else "a value that no code is read back as"
            unwritten.add(f"a statement of {what}")
        elif item.variable == radlex.IMAGING_OBSERVATION and isinstance(item, Finding):
            findings.append((_concept(code), item))
        else:
            asked = _question(item, keys.get(item.part_of or ""), words)
            if asked is None:
                unwritten.add("an answer to a question that no code is read back as")
            else:
                answers.append(QualitativeEvaluation(_concept(asked), _concept(code)))
                _restating(answers[-1][0], item)
    return findings, answers


def _question(item: Observation, whole: Observation | None, words: Words) -> Triplet | None:
    """The name of an evaluation: its variable; where that is not known, the code as found, or of what it is part of."""
    if item.variable != q.UNMAPPED:
        return words.code(item.variable, variable=True)
    found = raw_codes(item)[:-1] or (raw_codes(whole)[-1:] if whole is not None else [])
    return found[0] if found and not words.meanings(found[:1]) else None


def _number(item: Measurement, given: MeasurementSet, words: Words, unwritten: Unwritten) -> Iterator[Numeric]:
    """A measurement; one that was not possible has no value, and the reason."""
    codes = number_codes(item, words, derived=True)
    if codes is None:
        unwritten.add("a measurement of what no code is read back as")
        return
    if item.value is None and item.absent_reason is None:
        unwritten.add("a measurement of which only bounds are known")
        return
    reason = words.code(item.absent_reason) if item.value is None else None
    software = given.procedure(item)
    derivations = codes[1:]
    method = words.code(item.method)
    made = Numeric(
        name=_concept(codes[0]),
        value=float(cast("Any", item.value)) if item.value is not None else 0.0,
        unit=CodedConcept(item.unit or NO_UNIT, "UCUM", item.unit or "no units"),
        qualifier=_concept(reason) if reason else None,
        derivation=_concept(derivations[0]) if derivations else None,
        method=_concept(method) if method else None,
        algorithm_id=AlgorithmIdentification(software.software, software.version or UNKNOWN)
        if software is not None and software.software
        else None,
    )
    if software is not None and software.automation is not None:
        said = automation_word(software.automation)
        modifier = RelationshipTypeValues.HAS_CONCEPT_MOD
        made[0].ContentSequence = [
            *made[0].get("ContentSequence", ()),
            TextContentItem(AUTOMATION, said, relationship_type=modifier),
        ]
    _restating(made[0], item)
    yield made
