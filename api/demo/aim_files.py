"""The lesion annotations of the demonstration cohort as AIM 4 documents, in the form in which ePAD writes them.

One document for each subject, visit and reader. The two readers use different tools: one codes with NCIt and the
other with SNOMED RT, one names organs with RadLex and the other with NCIt, so that mapping has something to do.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import cast

from lxml import etree

from api.demo.dicom_files import SOP_CLASSES, protocols, series_uid, sop_uid, study_uid
from api.demo.disease import CancerKind
from api.demo.model import Lesion, Patient, Reading, Role, Seen, Visit
from api.demo.uids import tracking_uid, uid
from ontology.generate import bundled
from ontology.prefixes import Curie
from ontology.terms import dcm, ncit, radlex

__all__ = ["write_aim"]

AIM = "gme://caCORE.caCORE/4.4/edu.northwestern.radiology.AIM"
XSI = "http://www.w3.org/2001/XMLSchema-instance"
ISO = "uri:iso.org:21090"
NAMESPACES = cast("dict[str, str]", {None: AIM, "xsi": XSI})
"""The stubs of lxml do not know None, which is the default namespace."""

SPREADSHEET_READERS = {(CancerKind.BREAST, Seen.A)}
"""Whose readings stand in the spreadsheet and not in annotations."""


@dataclass(frozen=True, slots=True)
class Coded:
    """A code as a document writes it: value, scheme, meaning."""

    value: str
    scheme: str
    meaning: str


SCHEMES = {"ncit": "NCI", "radlex": "RadLex", "dcm": "DCM"}
"""How annotation tools write the vocabularies."""


def _term(concept: Curie, meaning: str) -> Coded:
    """A concept as an annotation tool writes it."""
    prefix, _, local = concept.partition(":")
    return Coded(local, SCHEMES[prefix], meaning)


LENGTHS = {
    Seen.A: (_term(ncit.LONGEST_DIAMETER, "Longest Diameter"), _term(ncit.SHORT_AXIS, "Short Axis")),
    Seen.B: (Coded("G-A185", "SRT", "LongAxis"), Coded("G-A186", "SRT", "ShortAxis")),
}
"""Long and short axis as each reader's tool codes them."""

UPTAKE = {
    Seen.A: (_term(ncit.STANDARDIZED_UPTAKE_VALUE_MAXIMUM, "Standardized Uptake Value Maximum"),),
    Seen.B: (_term(dcm.SUVBW, "SUVbw"), Coded("G-A437", "SRT", "Maximum")),
}
ROLES = {
    Role.TARGET: Coded("S71", "99EPAD", "Target Lesion"),
    Role.OTHER: Coded("S72", "99EPAD", "Non-Target Lesion"),
    Role.NEW: Coded("S73", "99EPAD", "New Lesion"),
}
TEMPLATE = Coded("RECIST_v2", "99EPAD", "Tumor assessment")
DOUBLE = Coded("C48870", "NCI", "Double")
EVALUABLE = {True: Coded("S86", "99EPAD", "Evaluable"), False: _term(radlex.NONEVALUABLE, "Nonevaluable")}
PRESENT = {True: _term(radlex.PRESENT, "present"), False: _term(radlex.ABSENT, "absent")}
STATUS = _term(ncit.TUMOR_STATUS, "Tumor Status")
LESION = _term(radlex.LESION, "lesion")
TIMEPOINT = Coded("S90", "99EPAD", "FU Number (0=Baseline)")
SPICULATED = _term(radlex.SPICULATED_MARGIN, "spiculated margin")
TRIAL_ROLES = {Seen.A: "Investigator", Seen.B: "Central reader"}
WORKSTATIONS = {
    Seen.A: {"manufacturerName": "Demo", "manufacturerModelName": "Lesion Tracker", "softwareVersion": "3.2"},
    Seen.B: {"manufacturerName": "Demo", "manufacturerModelName": "Central Read", "softwareVersion": "7.0.1"},
}
"""The made-up software that the readers use."""

LUNG_LOBES = frozenset({"rul", "rll", "lul", "lll"})
MODALITIES = {"CT": "Computed Tomography", "MR": "Magnetic Resonance", "PT": "Positron emission tomography"}


def write_aim(patient: Patient, folder: Path, seed: int) -> int:
    """Write every annotation document of a subject into ``folder``; the number of files."""
    folder.mkdir(parents=True, exist_ok=True)
    count = 0
    for visit in patient.visits:
        for reader in Seen:
            if (patient.person.cancer, reader) in SPREADSHEET_READERS:
                continue
            content = etree.tostring(
                _document(patient, visit, reader, seed), xml_declaration=True, encoding="UTF-8", pretty_print=True
            )
            name = f"{patient.name}_V{visit.number}_{reader.value.replace(' ', '')}.xml"
            (folder / name).write_bytes(content)
            count += 1
    return count


def _document(patient: Patient, visit: Visit, reader: Seen, seed: int) -> etree._Element:
    """What one reader annotated at one visit."""
    root = etree.Element(f"{{{AIM}}}ImageAnnotationCollection", nsmap=NAMESPACES)
    root.set("aimVersion", "AIMv4_2")
    root.set(f"{{{XSI}}}schemaLocation", f"{AIM} AIM_v4.2_rv2_XML.xsd")
    stamp = f"{visit.date:%Y%m%d}{16 if reader is Seen.A else 17}0000"
    first = protocols(patient, visit, seed)[0]
    _rooted(root, "uniqueIdentifier", uid(seed, patient.name, visit.number, reader.value))
    _rooted(root, "studyInstanceUid", study_uid(seed, patient, visit))
    _rooted(root, "seriesInstanceUid", series_uid(seed, patient, visit, first.key))
    _valued(root, "dateTime", stamp)
    user = _child(root, "user")
    _valued(user, "name", reader.value)
    _valued(user, "loginName", reader.value.replace(" ", "").lower())
    _valued(user, "roleInTrial", TRIAL_ROLES[reader])
    equipment = _child(root, "equipment")
    for name, value in WORKSTATIONS[reader].items():
        _valued(equipment, name, value)
    person = _child(root, "person")
    _valued(person, "name", patient.name)
    _valued(person, "id", patient.name)
    _valued(person, "sex", patient.person.sex[0])
    annotations = _child(root, "imageAnnotations")
    for reading in patient.readings:
        if reading.visit == visit.number and reading.reader is reader:
            for annotation in _annotations(patient, visit, reading, stamp, seed):
                annotations.append(annotation)
    return root


def _annotations(patient: Patient, visit: Visit, reading: Reading, stamp: str, seed: int) -> Iterator[etree._Element]:
    """One annotation on the images that show anatomy and, where measured, one on the PET images."""
    long_axis, short_axis = LENGTHS[reading.reader]
    sizes: list[tuple[tuple[Coded, ...], Decimal, str]] = []
    if reading.long_axis is not None:
        sizes.append(((long_axis,), reading.long_axis, "mm"))
    if reading.short_axis is not None:
        sizes.append(((short_axis,), reading.short_axis, "mm"))
    yield _annotation(patient, visit, reading, stamp, seed, pet=False, sizes=sizes)
    if reading.suv_max is not None:
        uptake = [(UPTAKE[reading.reader], reading.suv_max, "g/ml")]
        yield _annotation(patient, visit, reading, stamp, seed, pet=True, sizes=uptake)


def _annotation(
    patient: Patient,
    visit: Visit,
    reading: Reading,
    stamp: str,
    seed: int,
    *,
    pet: bool,
    sizes: list[tuple[tuple[Coded, ...], Decimal, str]],
) -> etree._Element:
    """One ImageAnnotation with its calculations, where the lesion lies and what was observed."""
    lesion = patient.lesion(reading.lesion)
    own = (seed, patient.name, visit.number, reading.reader.value, lesion.label, "pet" if pet else "size")
    node = etree.Element(f"{{{AIM}}}ImageAnnotation", nsmap=NAMESPACES)
    _rooted(node, "uniqueIdentifier", uid(*own))
    _rooted(node, "trackingUniqueIdentifier", tracking_uid(seed, patient.name, lesion.label))
    _coded(node, "typeCode", TEMPLATE)
    _valued(node, "dateTime", stamp)
    _valued(node, "name", lesion.label)
    place = _child(_child(node, "imagingPhysicalEntityCollection"), "ImagingPhysicalEntity")
    _rooted(place, "uniqueIdentifier", uid(*own, "place"))
    _coded(place, "typeCode", _organ(lesion, reading.reader))
    _valued(place, "label", "Location")
    if sizes:
        calculations = _child(node, "calculationEntityCollection")
        for number, (codes, size, unit) in enumerate(sizes):
            calculations.append(_calculation(uid(*own, "calculation", number), codes, size, unit))
    if not pet:
        observations = _child(node, "imagingObservationEntityCollection")
        for observation in _observations(visit, lesion, reading, "/".join(map(str, own))):
            observations.append(observation)
    references = _child(node, "imageReferenceEntityCollection")
    references.append(_image(patient, visit, seed, pet=pet, own=uid(*own, "image")))
    return node


def _calculation(identifier: str, codes: tuple[Coded, ...], size: Decimal, unit: str) -> etree._Element:
    """A measured number."""
    node = etree.Element(f"{{{AIM}}}CalculationEntity", nsmap=NAMESPACES)
    _rooted(node, "uniqueIdentifier", identifier)
    for code in codes:
        _coded(node, "typeCode", code)
    _valued(node, "description", codes[-1].meaning if len(codes) == 1 else "SUVmax")
    result = _child(_child(node, "calculationResultCollection"), "CalculationResult")
    result.set("type", "Scalar")
    result.set(f"{{{XSI}}}type", "CompactCalculationResult")
    _valued(result, "unitOfMeasure", unit)
    _coded(result, "dataType", DOUBLE)
    dimension = _child(_child(result, "dimensionCollection"), "Dimension")
    _valued(dimension, "index", "0")
    _valued(dimension, "size", "1")
    _valued(dimension, "label", codes[0].meaning)
    _valued(result, "value", str(size))
    return node


def _observations(visit: Visit, lesion: Lesion, reading: Reading, own: str) -> Iterator[etree._Element]:
    """Whether the lesion could be evaluated, time point and role; then its state and, of some, its margin."""
    quality = _observation("Lesion Quality", EVALUABLE[reading.evaluable], f"{own}/quality")
    features = _child(quality, "imagingObservationCharacteristicCollection")
    timepoint = _characteristic(features, "Timepoint", TIMEPOINT)
    scale = _child(_child(timepoint, "characteristicQuantificationCollection"), "CharacteristicQuantification")
    scale.set("type", "Nominal")
    scale.set(f"{{{XSI}}}type", "Scale")
    _valued(scale, "label", "Timepoint")
    _valued(scale, "valueLabel", f"FU{visit.number}" if visit.number else "Baseline")
    _valued(scale, "value", str(visit.number))
    _characteristic(features, "Type", ROLES[lesion.role])
    yield quality
    if reading.evaluable:
        yield _described("Lesion Status", STATUS, PRESENT[reading.present], f"{own}/status")
    if lesion.site in LUNG_LOBES and lesion.role is Role.TARGET and reading.present and lesion.shape < 0.69:
        yield _described("Lesion Margin", LESION, SPICULATED, f"{own}/margin")


def _observation(label: str, code: Coded, own: str) -> etree._Element:
    """An imaging observation."""
    node = etree.Element(f"{{{AIM}}}ImagingObservationEntity", nsmap=NAMESPACES)
    _rooted(node, "uniqueIdentifier", uid(own))
    _coded(node, "typeCode", code)
    _valued(node, "label", label)
    return node


def _described(label: str, code: Coded, characteristic: Coded, own: str) -> etree._Element:
    """An imaging observation with one characteristic."""
    node = _observation(label, code, own)
    _characteristic(_child(node, "imagingObservationCharacteristicCollection"), label, characteristic)
    return node


def _characteristic(features: etree._Element, label: str, code: Coded) -> etree._Element:
    """A characteristic of an observation."""
    node = _child(features, "ImagingObservationCharacteristic")
    _coded(node, "typeCode", code)
    _valued(node, "label", label)
    return node


def _image(patient: Patient, visit: Visit, seed: int, *, pet: bool, own: str) -> etree._Element:
    """The image that the annotation was made on."""
    protocol = next(item for item in protocols(patient, visit, seed) if not pet or item.modality == "PT")
    node = etree.Element(f"{{{AIM}}}ImageReferenceEntity", nsmap=NAMESPACES)
    node.set(f"{{{XSI}}}type", "DicomImageReferenceEntity")
    _rooted(node, "uniqueIdentifier", own)
    study = _child(node, "imageStudy")
    _rooted(study, "instanceUid", study_uid(seed, patient, visit))
    _valued(study, "startDate", f"{visit.date:%Y%m%d}")
    _valued(study, "startTime", "120000")
    series = _child(study, "imageSeries")
    _rooted(series, "instanceUid", series_uid(seed, patient, visit, protocol.key))
    _coded(series, "modality", Coded(protocol.modality, "DCM", MODALITIES[protocol.modality]))
    image = _child(_child(series, "imageCollection"), "Image")
    _rooted(image, "sopClassUid", SOP_CLASSES[protocol.modality])
    _rooted(image, "sopInstanceUid", sop_uid(seed, patient, visit, protocol.key, 2))
    return node


def _organ(lesion: Lesion, reader: Seen) -> Coded:
    """Where the lesion lies, in the vocabulary of the reader's tool."""
    concept = lesion.organ.radlex if reader is Seen.A else lesion.organ.ncit
    prefix, _, local = concept.partition(":")
    return _term(concept, _labels(prefix)[local])


@cache
def _labels(vocabulary: str) -> dict[str, str]:
    """The labels of a bundled term table by code."""
    return {row["code"]: row["label"] for row in bundled(vocabulary)}


def _child(parent: etree._Element, name: str) -> etree._Element:
    return etree.SubElement(parent, f"{{{AIM}}}{name}")


def _valued(parent: etree._Element, name: str, value: str) -> None:
    _child(parent, name).set("value", value)


def _rooted(parent: etree._Element, name: str, identifier: str) -> None:
    _child(parent, name).set("root", identifier)


def _coded(parent: etree._Element, name: str, code: Coded) -> None:
    node = _child(parent, name)
    node.set("code", code.value)
    node.set("codeSystemName", code.scheme)
    display = etree.SubElement(node, f"{{{ISO}}}displayName", nsmap={"iso": ISO})
    display.set("value", code.meaning)
