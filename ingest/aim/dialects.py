"""From the XML of AIM 3 and AIM 4 to the one shape of `ingest.aim.model`.

AIM 3 keeps values in attributes (``codeValue``, ``codingSchemeDesignator``) below an ``ImageAnnotation`` root, in two
dialects: images stand under ``ImageStudy`` and ``ImageSeries``, or under ``Study`` and ``Series``. AIM 4 uses elements
with a ``value`` or ``root`` attribute below an ``ImageAnnotationCollection``. The version strings in documents do not
tell them apart (``aimVersion`` may be ``3.0``, ``AIM.1.0`` or ``TCGA``), so the shape of the document decides.

Elements are found by their local names, in whatever namespace; ePAD's JSON mirrors those of AIM 4
(`ontology.json_elements`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ingest.aim.elements import called, field_of, held, local, named, numbered, under
from ingest.aim.markups import markups, segments, shapes_of
from ingest.aim.model import (
    Annotation,
    Calculation,
    Cell,
    Entity,
    ImageReference,
    Quantification,
    Software,
    User,
)
from ingest.observed.coded import Code
from ingest.observed.quantities import automation
from ontology.record_uids import LABEL

__all__ = ["COLLECTION", "COLLECTIONS", "NO_LESION", "ROOTS", "read_annotations"]

OF_ANNOTATIONS: Final = "AnnotationOfAnnotation"

COLLECTION: Final = "ImageAnnotationCollection"

COLLECTIONS: Final = "ImageAnnotationCollections"
"""What several collections of one JSON document are put into: no tool writes it."""

ROOTS: Final = (OF_ANNOTATIONS, "AnnotationOfAnnotationCollection", "ImageAnnotation", COLLECTION, COLLECTIONS)
"""The root elements of annotation documents; templates have others."""

NO_LESION: Final = Code("no-lesion", "99QILIN", "What it is of is no lesion")
"""The type of annotations that are written here of what is no lesion, such as an organ: AIM has no place for it."""

ANNOTATIONS: Final = (
    "imageAnnotations|imageAnnotationCollection/ImageAnnotation",
    "annotationOfAnnotations|annotationOfAnnotationCollection/AnnotationOfAnnotation",
)

ANSWERS: Final = {"true": True, "1": True, "false": False, "0": False}

CHARACTERISTICS: Final = (
    "anatomicEntityCharacteristicCollection/AnatomicEntityCharacteristic",
    "imagingPhysicalEntityCharacteristicCollection/ImagingPhysicalEntityCharacteristic",
    "imagingObservationCharacteristicCollection/ImagingObservationCharacteristic",
)

IMAGES: Final = ("imageCollection/Image", "data/Data", "dataCollection/Data")

TRACKING: Final = ("trackingUniqueIdentifier", "lesionUniqueIdentifier")
"""Where tools put the identifier that follows a lesion over time: of the annotation, or of a lesion observation."""


def _codes_3(element: etree._Element) -> Iterator[Code]:
    """The code triplet of an AIM 3 element."""
    value, scheme, meaning = (field_of(element, name) for name in AIM_3_CODE)
    if value or meaning:
        yield Code(value, scheme, meaning)


AIM_3_CODE: Final = ("codeValue", "codingSchemeDesignator", "codeMeaning")


def _codes_4(element: etree._Element, name: str = "typeCode") -> Iterator[Code]:
    """The code triplets of an AIM 4 element: a quantity may be coded by several, such as SUV and *maximum*."""
    for code in named(element, name):
        value, meaning = code.get("code", "").strip(), field_of(code, "displayName", "originalText")
        if value or meaning:
            yield Code(value, field_of(code, "codeSystemName", "codeSystem"), meaning)


@dataclass(frozen=True, slots=True)
class Dialect:
    """Where a version of AIM keeps things: paths of local names below the annotation."""

    codes: Callable[[etree._Element], Iterator[Code]]
    calculations: str
    anatomy: str
    observations: str
    inferences: str
    studies: str
    series: str


AIM_3: Final = Dialect(
    codes=_codes_3,
    calculations="calculationCollection/Calculation",
    anatomy="anatomicEntityCollection/AnatomicEntity",
    observations="imagingObservationCollection/ImagingObservation",
    inferences="inferenceCollection/Inference",
    studies="imageReferenceCollection/ImageReference/imageStudy|study/ImageStudy|Study",
    series="imageSeries|series/ImageSeries|Series",
)

AIM_4: Final = Dialect(
    codes=_codes_4,
    calculations="calculationEntityCollection/CalculationEntity",
    anatomy="imagingPhysicalEntityCollection/ImagingPhysicalEntity",
    observations="imagingObservationEntityCollection/ImagingObservationEntity",
    inferences="inferenceEntityCollection/InferenceEntity",
    studies="imageReferenceEntityCollection/ImageReferenceEntity/imageStudy",
    series="imageSeries",
)


def _cells(place: str, result: etree._Element) -> Iterator[Cell]:
    """The values of a result: one element each, or the one text of an AIM 4 compact result, separated by commas."""
    data = under(result, "calculationDataCollection/CalculationData", "dataCollection/Data")
    cells = [Cell(at, field_of(element, "value")) for at, element in numbered(place, data)]
    compact = field_of(result, "value")
    if not cells and compact:
        # a comma in a scalar is a decimal comma, which the translation refuses; elsewhere it parts the values
        texts = [compact] if field_of(result, "type").casefold() in {"", "scalar"} else compact.split(",")
        cells = [Cell(f"{place}/value[{at}]", text.strip()) for at, text in enumerate(texts, 1)]
    yield from cells


def _calculations(
    dialect: Dialect, place: str, annotation: etree._Element, marked: dict[int, str]
) -> Iterator[Calculation]:
    """Every calculation, once for each of its results; ``marked`` are the shapes that they were made of."""
    for position, (at, element) in enumerate(numbered(place, under(annotation, dialect.calculations)), 1):
        codes = tuple(dialect.codes(element))
        algorithm = next(named(element, "algorithm"), element)
        software = _software(
            field_of(algorithm, "algorithmName", *(("name",) if algorithm is not element else ())),
            field_of(algorithm, "algorithmVersion", "version"),
            next((code.value for code in _codes_4(algorithm, "type") if automation(code.value)), ""),
        )
        results = list(numbered(at, under(element, "calculationResultCollection/CalculationResult")))
        if not results:
            yield Calculation(at, codes, "", (), software, marked=marked.get(position))
        for where, result in results:
            yield Calculation(
                place=at if len(results) == 1 else where,
                codes=codes,
                unit=field_of(result, "unitOfMeasure"),
                cells=tuple(_cells(at if len(results) == 1 else where, result)),
                software=software,
                packed=bool(field_of(result, "compression", "encoding")),
                marked=marked.get(position),
                states=called(element, "uniqueIdentifier", LABEL),
            )


def _software(name: str, version: str, worked: str = "") -> Software | None:
    return Software(name, version, worked) if name or worked else None


def _quantification(dialect: Dialect, place: str, element: etree._Element) -> Quantification:
    ends = {field_of(element, name) for name in ("minOperator", "maxOperator")}
    return Quantification(
        place=place,
        code=next(dialect.codes(element), None),
        value=field_of(element, "value"),
        # tools write *less than 5* as the interval whose ends are both less than 5
        operator=field_of(element, "operator") or (ends.pop() if len(ends) == 1 else ""),
        low=field_of(element, "minValue"),
        high=field_of(element, "maxValue"),
        unit=field_of(element, "ucumString"),
        confidence=field_of(element, "annotatorConfidence"),
    )


def _entity(dialect: Dialect, place: str, element: etree._Element) -> Entity:
    """A coded statement with those nested in it; nothing nests deeper than the parser allows."""
    quantities = under(element, "characteristicQuantificationCollection/CharacteristicQuantification")
    return Entity(
        place=place,
        codes=tuple(dialect.codes(element)),
        present=ANSWERS.get(field_of(element, "isPresent").casefold()),
        confidence=field_of(element, "annotatorConfidence"),
        question=tuple(_codes_4(element, "questionTypeCode")),
        label=field_of(element, "label"),
        characteristics=tuple(
            _entity(dialect, at, child) for at, child in numbered(place, under(element, *CHARACTERISTICS))
        ),
        quantifications=tuple(_quantification(dialect, at, child) for at, child in numbered(place, quantities)),
        states=called(element, "uniqueIdentifier", LABEL),
    )


def _entities(dialect: Dialect, place: str, annotation: etree._Element, path: str) -> tuple[Entity, ...]:
    return tuple(_entity(dialect, at, child) for at, child in numbered(place, under(annotation, path)))


def _image(dialect: Dialect, place: str, study: etree._Element) -> ImageReference:
    below = [(field_of(child, "instanceUID", "instanceUid"), child) for child in under(study, dialect.series)]
    images = [
        (field_of(image, "sopInstanceUID", "sopInstanceUid"), uid)
        for uid, child in below
        for image in under(child, *IMAGES)
    ]
    return ImageReference(
        place=place,
        study=field_of(study, "instanceUID", "instanceUid"),
        date=field_of(study, "startDate"),
        series=tuple(dict.fromkeys(uid for uid, _ in below if uid)),
        images=tuple(dict.fromkeys(pair for pair in images if pair[0])),
    )


def _one(holders: tuple[etree._Element, ...], outer: str, inner: str) -> etree._Element | None:
    """The first ``outer/Inner`` or bare ``outer`` of the holders: AIM 3 wraps a person, AIM 4 does not."""
    for holder in holders:
        found = next(under(holder, f"{outer}/{inner}"), None)
        found = found if found is not None else next(named(holder, outer), None)
        if found is not None:
            return found
    return None


def _tracking(annotation: etree._Element) -> str:
    """The lesion's tracking UID: the annotation's own, else the one that all its lesion observations share."""
    own = field_of(annotation, *TRACKING)
    below = {held(child).strip() for name in TRACKING for child in annotation.iter(f"{{*}}{name}")} - {""}
    return own or (below.pop() if len(below) == 1 else "")


def _annotation(dialect: Dialect, place: str, element: etree._Element, collection: etree._Element) -> Annotation:
    holders = (element, collection)
    person = _one(holders, "person", "Person")
    user = _one(holders, "user", "User")
    equipment = _one(holders, "equipment", "Equipment")
    marked = shapes_of(place, element, dialect.calculations)
    codes = tuple(dialect.codes(element))
    return Annotation(
        place=place,
        uid=field_of(element, "uniqueIdentifier"),
        name=field_of(element, "name"),
        date=field_of(element, "dateTime"),
        codes=tuple(code for code in codes if code != NO_LESION),
        tracking_uid=_tracking(element),
        person=field_of(person, "id"),
        person_place=f"{place.rpartition('/')[0]}/{'person/Person/@id' if dialect is AIM_3 else 'person/id'}".lstrip(
            "/"
        ),
        user=None
        if user is None
        else User(field_of(user, "name"), field_of(user, "loginName"), field_of(user, "roleInTrial")),
        equipment=_software(field_of(equipment, "manufacturerModelName"), field_of(equipment, "softwareVersion")),
        calculations=tuple(_calculations(dialect, place, element, marked)),
        anatomy=_entities(dialect, place, element, dialect.anatomy),
        observations=_entities(dialect, place, element, dialect.observations),
        inferences=_entities(dialect, place, element, dialect.inferences),
        images=tuple(_image(dialect, at, child) for at, child in numbered(place, under(element, dialect.studies))),
        markups=tuple(markups(place, element, marked)),
        segments=tuple(segments(place, element)),
        of_no_lesion=NO_LESION in codes,
        of_annotations=local(element) == OF_ANNOTATIONS,
    )


def read_annotations(root: etree._Element) -> Iterator[Annotation]:
    """The annotations of a document, in its order; none where its root is no annotation.

    A lone AIM 4 ``ImageAnnotation`` (with ``value=`` elements) is told from AIM 3 by its elements.
    """
    if local(root) == COLLECTIONS:
        for within, collection in numbered("", iter(root)):
            for place, element in numbered(within, under(collection, *ANNOTATIONS)):
                yield _annotation(AIM_4, place, element, collection)
    elif local(root).endswith("Collection") and local(root) in ROOTS:
        for place, element in numbered("", under(root, *ANNOTATIONS)):
            yield _annotation(AIM_4, place, element, root)
    elif local(root) in ROOTS:
        lone_4 = next(named(root, "uniqueIdentifier|typeCode"), None) is not None
        yield _annotation(AIM_4 if lone_4 else AIM_3, f"{local(root)}[1]", root, root)
