"""From the XML of AIM 3 and AIM 4 to the one shape of `ingest.aim_model`.

AIM 3 keeps values in attributes (``codeValue``, ``codingSchemeDesignator``) below an ``ImageAnnotation`` root, in two
dialects: images stand under ``ImageStudy`` and ``ImageSeries``, or under ``Study`` and ``Series``. AIM 4 uses elements
with a ``value`` or ``root`` attribute below an ``ImageAnnotationCollection``. The version strings in documents do not
tell them apart (``aimVersion`` may be ``3.0``, ``AIM.1.0`` or ``TCGA``), so the shape of the document decides.

Elements are found by their local names, in whatever namespace.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ingest.aim_model import (
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

__all__ = ["ROOTS", "read_annotations"]

ROOTS: Final = ("ImageAnnotation", "ImageAnnotationCollection")
"""The root elements of annotation documents; templates have others."""

ANSWERS: Final = {"true": True, "1": True, "false": False, "0": False}

CHARACTERISTICS: Final = (
    "anatomicEntityCharacteristicCollection/AnatomicEntityCharacteristic",
    "imagingPhysicalEntityCharacteristicCollection/ImagingPhysicalEntityCharacteristic",
    "imagingObservationCharacteristicCollection/ImagingObservationCharacteristic",
)

TRACKING: Final = ("trackingUniqueIdentifier", "lesionUniqueIdentifier")
"""Where tools put the identifier that follows a lesion over time: of the annotation, or of a lesion observation."""


def _local(element: etree._Element) -> str:
    """The element's name without namespace; empty for what is no element, such as an unresolved entity."""
    return element.tag.rpartition("}")[2] if isinstance(element.tag, str) else ""


def _named(element: etree._Element, names: str) -> Iterator[etree._Element]:
    """The children of that name; ``A|B`` for either."""
    wanted = names.split("|")
    return (child for child in element if _local(child) in wanted)


def _under(element: etree._Element, *paths: str) -> Iterator[etree._Element]:
    """The descendants at ``Collection/Item`` paths, in document order for each path."""
    for path in paths:
        found = [element]
        for names in path.split("/"):
            found = [child for parent in found for child in _named(parent, names)]
        yield from found


def _numbered(place: str, elements: Iterator[etree._Element]) -> Iterator[tuple[str, etree._Element]]:
    """Elements with their places: name and position among their like."""
    counts: dict[str, int] = {}
    for element in elements:
        name = _local(element)
        counts[name] = counts.get(name, 0) + 1
        yield f"{place}/{name}[{counts[name]}]".lstrip("/"), element


def _field(element: etree._Element | None, *names: str) -> str:
    """A value by the first of its names: an attribute (AIM 3), or a child's ``value``, ``root`` or text (AIM 4)."""
    if element is None:
        return ""
    for name in names:
        text = element.get(name)
        if text is None:
            child = next(_named(element, name), None)
            text = _held(child) if child is not None else None
        if text and text.strip():
            return text.strip()
    return ""


def _held(element: etree._Element) -> str:
    """The value that an AIM 4 element holds."""
    return next((text for name in ("value", "root", "extension") if (text := element.get(name))), element.text or "")


def _codes_3(element: etree._Element) -> Iterator[Code]:
    """The code triplet of an AIM 3 element."""
    value, scheme, meaning = (_field(element, name) for name in AIM_3_CODE)
    if value or meaning:
        yield Code(value, scheme, meaning)


AIM_3_CODE: Final = ("codeValue", "codingSchemeDesignator", "codeMeaning")


def _codes_4(element: etree._Element) -> Iterator[Code]:
    """The code triplets of an AIM 4 element: a quantity may be coded by several, such as SUV and *maximum*."""
    for code in _named(element, "typeCode"):
        value, meaning = code.get("code", "").strip(), _field(code, "displayName", "originalText")
        if value or meaning:
            yield Code(value, _field(code, "codeSystemName", "codeSystem"), meaning)


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
    data = _under(result, "calculationDataCollection/CalculationData", "dataCollection/Data")
    cells = [Cell(at, _field(element, "value")) for at, element in _numbered(place, data)]
    compact = _field(result, "value")
    if not cells and compact:
        # a comma in a scalar is a decimal comma, which the translation refuses; elsewhere it parts the values
        texts = [compact] if _field(result, "type").casefold() in {"", "scalar"} else compact.split(",")
        cells = [Cell(f"{place}/value[{at}]", text.strip()) for at, text in enumerate(texts, 1)]
    yield from cells


def _calculations(dialect: Dialect, place: str, annotation: etree._Element) -> Iterator[Calculation]:
    """Every calculation, once for each of its results."""
    for at, element in _numbered(place, _under(annotation, dialect.calculations)):
        codes = tuple(dialect.codes(element))
        algorithm = next(_named(element, "algorithm"), element)
        software = _software(
            _field(algorithm, "algorithmName", *(("name",) if algorithm is not element else ())),
            _field(algorithm, "algorithmVersion", "version"),
        )
        results = list(_numbered(at, _under(element, "calculationResultCollection/CalculationResult")))
        if not results:
            yield Calculation(at, codes, "", (), software)
        for where, result in results:
            yield Calculation(
                place=at if len(results) == 1 else where,
                codes=codes,
                unit=_field(result, "unitOfMeasure"),
                cells=tuple(_cells(at if len(results) == 1 else where, result)),
                software=software,
                packed=bool(_field(result, "compression", "encoding")),
            )


def _software(name: str, version: str) -> Software | None:
    return Software(name, version) if name else None


def _quantification(dialect: Dialect, place: str, element: etree._Element) -> Quantification:
    return Quantification(
        place=place,
        code=next(dialect.codes(element), None),
        value=_field(element, "value"),
        operator=_field(element, "operator"),
        low=_field(element, "minValue"),
        high=_field(element, "maxValue"),
        unit=_field(element, "ucumString"),
        confidence=_field(element, "annotatorConfidence"),
    )


def _entity(dialect: Dialect, place: str, element: etree._Element) -> Entity:
    """A coded statement with those nested in it; nothing nests deeper than the parser allows."""
    quantities = _under(element, "characteristicQuantificationCollection/CharacteristicQuantification")
    return Entity(
        place=place,
        codes=tuple(dialect.codes(element)),
        present=ANSWERS.get(_field(element, "isPresent").casefold()),
        confidence=_field(element, "annotatorConfidence"),
        characteristics=tuple(
            _entity(dialect, at, child) for at, child in _numbered(place, _under(element, *CHARACTERISTICS))
        ),
        quantifications=tuple(_quantification(dialect, at, child) for at, child in _numbered(place, quantities)),
    )


def _entities(dialect: Dialect, place: str, annotation: etree._Element, path: str) -> tuple[Entity, ...]:
    return tuple(_entity(dialect, at, child) for at, child in _numbered(place, _under(annotation, path)))


def _image(dialect: Dialect, place: str, study: etree._Element) -> ImageReference:
    series = (_field(child, "instanceUID", "instanceUid") for child in _under(study, dialect.series))
    return ImageReference(
        place=place,
        study=_field(study, "instanceUID", "instanceUid"),
        date=_field(study, "startDate"),
        series=tuple(dict.fromkeys(uid for uid in series if uid)),
    )


def _one(holders: tuple[etree._Element, ...], outer: str, inner: str) -> etree._Element | None:
    """The first ``outer/Inner`` or bare ``outer`` of the holders: AIM 3 wraps a person, AIM 4 does not."""
    for holder in holders:
        found = next(_under(holder, f"{outer}/{inner}"), None)
        found = found if found is not None else next(_named(holder, outer), None)
        if found is not None:
            return found
    return None


def _tracking(annotation: etree._Element) -> str:
    """The lesion's tracking UID: the annotation's own, else the one that all its lesion observations share."""
    own = _field(annotation, *TRACKING)
    below = {_held(child).strip() for name in TRACKING for child in annotation.iter(f"{{*}}{name}")} - {""}
    return own or (below.pop() if len(below) == 1 else "")


def _annotation(dialect: Dialect, place: str, element: etree._Element, collection: etree._Element) -> Annotation:
    holders = (element, collection)
    person = _one(holders, "person", "Person")
    user = _one(holders, "user", "User")
    equipment = _one(holders, "equipment", "Equipment")
    return Annotation(
        place=place,
        uid=_field(element, "uniqueIdentifier"),
        name=_field(element, "name"),
        date=_field(element, "dateTime"),
        codes=tuple(dialect.codes(element)),
        tracking_uid=_tracking(element),
        person=_field(person, "id"),
        person_place=("person/Person/@id" if dialect is AIM_3 else "person/id"),
        user=None
        if user is None
        else User(_field(user, "name"), _field(user, "loginName"), _field(user, "roleInTrial")),
        equipment=_software(_field(equipment, "manufacturerModelName"), _field(equipment, "softwareVersion")),
        calculations=tuple(_calculations(dialect, place, element)),
        anatomy=_entities(dialect, place, element, dialect.anatomy),
        observations=_entities(dialect, place, element, dialect.observations),
        inferences=_entities(dialect, place, element, dialect.inferences),
        images=tuple(_image(dialect, at, child) for at, child in _numbered(place, _under(element, dialect.studies))),
    )


def read_annotations(root: etree._Element) -> Iterator[Annotation]:
    """The annotations of a document, in its order; none where its root is no annotation.

    A lone AIM 4 ``ImageAnnotation`` (with ``value=`` elements) is told from AIM 3 by its elements.
    """
    if _local(root) == "ImageAnnotationCollection":
        found = _under(root, "imageAnnotations|imageAnnotationCollection/ImageAnnotation")
        for place, element in _numbered("", found):
            yield _annotation(AIM_4, place, element, root)
    elif _local(root) == "ImageAnnotation":
        lone_4 = next(_named(root, "uniqueIdentifier|typeCode"), None) is not None
        yield _annotation(AIM_4 if lone_4 else AIM_3, "ImageAnnotation[1]", root, root)
