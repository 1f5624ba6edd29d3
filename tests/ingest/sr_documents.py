"""The structured reports of the golden folders: how they are made, by highdicom and by pydicom.

``python -m tests.ingest.sr_documents`` writes them anew; ``expected.json`` beside each is written by hand and by
reading it through.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from highdicom import sr
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.uid import ExplicitVRLittleEndian

FOLDER = Path(__file__).with_name("sr")

CT = "1.2.840.10008.5.1.4.1.1.2"
SEG = "1.2.840.10008.5.1.4.1.1.66.4"
ENHANCED = "1.2.840.10008.5.1.4.1.1.88.22"
COMPREHENSIVE = "1.2.840.10008.5.1.4.1.1.88.33"
ROOT = "1.2.826.0.1.3680043.10.999"
STUDY, SERIES, IMAGE, OTHER_IMAGE = f"{ROOT}.1", f"{ROOT}.1.2", f"{ROOT}.1.2.3", f"{ROOT}.1.2.4"

Triplet = tuple[str, str, str]

REPORT: Triplet = ("126000", "DCM", "Imaging Measurement Report")
LIBRARY: Triplet = ("111028", "DCM", "Image Library")
LIBRARY_GROUP: Triplet = ("126200", "DCM", "Image Library Group")
MEASUREMENTS: Triplet = ("126010", "DCM", "Imaging Measurements")
GROUP: Triplet = ("125007", "DCM", "Measurement Group")
TRACKING: Triplet = ("112039", "DCM", "Tracking Identifier")
TRACKING_UID: Triplet = ("112040", "DCM", "Tracking Unique Identifier")
FINDING: Triplet = ("121071", "DCM", "Finding")
SITE: Triplet = ("G-C0E3", "SRT", "Finding Site")
OBSERVER: Triplet = ("121008", "DCM", "Person Observer Name")
MM: Triplet = ("mm", "UCUM", "millimeter")
PERCENT: Triplet = ("%", "UCUM", "%")


def code(triplet: Triplet) -> Sequence:
    found = Dataset()
    found.CodeValue, found.CodingSchemeDesignator, found.CodeMeaning = triplet
    return Sequence([found])


def reference(instance: str, sop_class: str = CT, segment: int | None = None) -> Sequence:
    found = Dataset()
    found.ReferencedSOPClassUID, found.ReferencedSOPInstanceUID = sop_class, instance
    if segment is not None:
        found.ReferencedSegmentNumber = segment
    return Sequence([found])


def item(kind: str, relationship: str, name: Triplet | None, *children: Dataset, **fields: Any) -> Dataset:
    """A content item; its fields by DICOM keyword."""
    found = Dataset()
    if relationship:
        found.RelationshipType = relationship
    if kind:
        found.ValueType = kind
    if name is not None:
        found.ConceptNameCodeSequence = code(name)
    for keyword, value in fields.items():
        setattr(found, keyword, value)
    if children:
        found.ContentSequence = Sequence(children)
    return found


def container(name: Triplet, *children: Dataset, relationship: str = "CONTAINS") -> Dataset:
    return item("CONTAINER", relationship, name, *children, ContinuityOfContent="SEPARATE")


def text(name: Triplet, value: str, relationship: str = "HAS OBS CONTEXT", kind: str = "TEXT") -> Dataset:
    keyword = {"TEXT": "TextValue", "UIDREF": "UID", "PNAME": "PersonName", "DATE": "Date"}[kind]
    return item(kind, relationship, name, **{keyword: value})


def coded(name: Triplet, value: Triplet, *children: Dataset, relationship: str = "CONTAINS") -> Dataset:
    return item("CODE", relationship, name, *children, ConceptCodeSequence=code(value))


def number(name: Triplet, value: str, unit: Triplet, *children: Dataset, relationship: str = "CONTAINS") -> Dataset:
    measured = Dataset()
    measured.NumericValue = value
    measured.MeasurementUnitsCodeSequence = code(unit)
    return item("NUM", relationship, name, *children, MeasuredValueSequence=Sequence([measured]))


def without_value(name: Triplet, qualifier: Triplet | None = None) -> Dataset:
    more = {"NumericValueQualifierCodeSequence": code(qualifier)} if qualifier else {}
    return item("NUM", "CONTAINS", name, MeasuredValueSequence=Sequence([]), **more)


def by_reference(*place: int) -> Dataset:
    found = item("", "INFERRED FROM", None)
    found.ReferencedContentItemIdentifier = list(place)
    return found


def line(*points: float, image: str = IMAGE, kind: str = "POLYLINE") -> Dataset:
    return item(
        "SCOORD",
        "INFERRED FROM",
        None,
        item("IMAGE", "SELECTED FROM", None, ReferencedSOPSequence=reference(image)),
        GraphicType=kind,
        GraphicData=list(points),
    )


def tracked(label: str, uid: str) -> tuple[Dataset, Dataset]:
    return text(TRACKING, label), text(TRACKING_UID, uid, kind="UIDREF")


def measured_report(*children: Dataset) -> Dataset:
    """A report of the newer kind without template identifiers, its observer a made-up person."""
    library = container(
        LIBRARY,
        container(
            LIBRARY_GROUP,
            number(
                ("110910", "DCM", "Pixel Data Rows"),
                "512",
                ("{pixels}", "UCUM", "pixels"),
                relationship="HAS ACQ CONTEXT",
            ),
            item("IMAGE", "CONTAINS", None, ReferencedSOPSequence=reference(IMAGE)),
        ),
    )
    return container(
        REPORT,
        text(OBSERVER, "Example^Jane", kind="PNAME"),
        library,
        container(MEASUREMENTS, *children),
        relationship="",
    )


def document(root: Dataset, sop_class: str = COMPREHENSIVE, **header: Any) -> Dataset:
    """A whole report: header, evidence and content."""
    found = root
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    found.file_meta.MediaStorageSOPClassUID = sop_class
    found.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.9"
    found.SOPClassUID, found.SOPInstanceUID = sop_class, f"{ROOT}.9"
    found.StudyInstanceUID, found.SeriesInstanceUID = STUDY, f"{ROOT}.8"
    found.PatientID, found.PatientName, found.Modality = "S-01", "S-01", "SR"
    found.PatientIdentityRemoved, found.DeidentificationMethod = "YES", "made up"
    found.StudyDate, found.ContentDate = "20100304", "20100401"
    found.ManufacturerModelName, found.SoftwareVersions = "Ruler", "2.1"
    instances = [reference(instance)[0] for instance in (IMAGE, OTHER_IMAGE)]
    series, study = Dataset(), Dataset()
    series.SeriesInstanceUID, series.ReferencedSOPSequence = SERIES, Sequence(instances)
    study.StudyInstanceUID, study.ReferencedSeriesSequence = STUDY, Sequence([series])
    found.CurrentRequestedProcedureEvidenceSequence = Sequence([study])
    for keyword, value in header.items():
        setattr(found, keyword, value)
    return found


def bidirectional() -> Dataset:
    """What a viewer writes: two axes with a line each, no template, older codes, evaluations beside."""
    evaluations = container(
        ("C0034375", "UMLS", "Qualitative Evaluations"),
        coded(("RDETBD3", "RADELEMENT", "Lesion Type"), ("S71", "99EPAD", "Target Lesion")),
        text(("RDETBD2", "RADELEMENT", "Timepoint"), "0", "CONTAINS"),
    )
    report = measured_report(
        container(
            GROUP,
            *tracked("Lesion 3", f"{ROOT}.77.1"),
            coded(SITE, ("T-62000", "SRT", "Liver"), relationship="HAS CONCEPT MOD"),
            text(("121106", "DCM", "Comment"), "Jane Example found it on the 4th", "CONTAINS"),
            number(("G-A185", "SRT", "Long Axis"), "28.26", MM, line(1, 2, 4, 6)),
            number(("103340004", "SCT", "Short Axis"), "1.41", ("cm", "UCUM", "centimeter"), line(3, 3, 5, 1)),
        )
    )
    report.ContentSequence.append(evaluations)
    return document(report, ENHANCED)


def segment() -> Dataset:
    """What dcmqi writes: uptake within a segment, with statistics, session and time point."""

    def uptake(value: str, statistic: Triplet) -> Dataset:
        derived = coded(("121401", "DCM", "Derivation"), statistic, relationship="HAS CONCEPT MOD")
        return number(("126401", "DCM", "SUVbw"), value, ("{SUVbw}g/ml", "UCUM", "SUV body weight"), derived)

    return document(
        measured_report(
            container(
                GROUP,
                text(("C67447", "NCIt", "Activity Session"), "2"),
                *tracked("primary tumor", f"{ROOT}.77.2"),
                text(("C2348792", "UMLS", "Time Point"), "1"),
                item(
                    "IMAGE", "CONTAINS", ("121191", "DCM", "Referenced Segment"),
                    ReferencedSOPSequence=reference(f"{ROOT}.6.6", SEG, 4),
                ),
                text(("121232", "DCM", "Source series for segmentation"), SERIES, "CONTAINS", "UIDREF"),
                uptake("6.01529", ("R-00317", "SRT", "Mean")),
                uptake("10.3814", ("56851009", "SCT", "Maximum")),
                uptake("1.5", ("X9", "99TEST", "Something")),
                number(("G-D705", "SRT", "Volume"), "33.5824", ("ml", "UCUM", "Milliliter")),
            )
        )
    )  # fmt: skip


def absent() -> Dataset:
    """Numbers without a value, one of no known quantity, and one that is no number of its unit."""
    return document(
        measured_report(
            container(
                GROUP,
                *tracked("Lesion 1", f"{ROOT}.77.3"),
                without_value(("G-D705", "SRT", "Volume"), ("114006", "DCM", "Measurement failure")),
                without_value(("111010", "DCM", "Center")),
                number(("M-1", "99TEST", "Wobble"), "12", ("1", "UCUM", "no units")),
                number(("G-A185", "SRT", "Long Axis"), "64.45", ("1", "UCUM", "px")),
            )
        )
    )


def references() -> Dataset:
    """References to other content items: one that is good, one to nothing, and a pair that go round."""
    return document(
        measured_report(
            container(
                GROUP,
                *tracked("T01", f"{ROOT}.77.4"),
                line(1, 1, 5, 1, 5, 5, 1, 1),
                number(("G-A166", "SRT", "Area"), "8", ("mm2", "UCUM", "mm2"), by_reference(1, 3, 1, 3)),
                number(("G-A185", "SRT", "Long Axis"), "5", MM, by_reference(1, 9, 9)),
                number(("G-A186", "SRT", "Short Axis"), "4", MM, by_reference(1, 3, 1)),
            ),
            item("COLOUR", "CONTAINS", ("121071", "DCM", "Finding"), number(("G-D705", "SRT", "Volume"), "1", MM)),
        )
    )


def detection() -> Dataset:
    """Computer-aided detection: two findings on images with their certainty and properties; no measurement group."""

    def finding(certainty: str, *children: Dataset) -> Dataset:
        sure = number(("111012", "DCM", "Certainty of Finding"), certainty, PERCENT, relationship="HAS PROPERTIES")
        return coded(
            ("111059", "DCM", "Single Image Finding"), ("27925004", "SCT", "Nodule"), sure, *children,
            relationship="INFERRED FROM",
        )  # fmt: skip

    return document(
        container(
            ("112000", "DCM", "Chest CAD Report"),
            coded(("121005", "DCM", "Observer Type"), ("121007", "DCM", "Device"), relationship="HAS OBS CONTEXT"),
            text(("121015", "DCM", "Device Observer Model Name"), "NoduleFinder"),
            container(
                ("111017", "DCM", "CAD Processing and Findings Summary"),
                finding("80", number(("81827009", "SCT", "Diameter"), "7.5", MM, relationship="HAS PROPERTIES")),
                finding("101", text(("111001", "DCM", "Algorithm Name"), "Second look")),
            ),
            relationship="",
        ),
        "1.2.840.10008.5.1.4.1.1.88.65",
    )


def aim() -> Dataset:
    """An AIM 3 annotation as the AIM toolkit writes it as a report."""
    own = "99NCIAIM"
    library = container(
        LIBRARY,
        item(
            "IMAGE", "CONTAINS", ("zzz034", own, "Image Library Entry"),
            text(("110180", "DCM", "Study Instance UID"), STUDY, "HAS ACQ CONTEXT", "UIDREF"),
            text(("111060", "DCM", "Study Date"), "20100304", "HAS ACQ CONTEXT", "DATE"),
            text(("112002", "DCM", "Series Instance UID"), SERIES, "HAS ACQ CONTEXT", "UIDREF"),
            ReferencedSOPSequence=reference(IMAGE),
        ),
    )  # fmt: skip
    calculation = container(
        ("zzz011", own, "Calculation"),
        coded(("G-C036", "SRT", "Measurement Method"), ("G-A22A", "SRT", "Length"), relationship="HAS CONCEPT MOD"),
        number(("zzz015", own, "Calculation Result"), "39.579597", ("mm", "DCM", "mm")),
    )
    person = coded(("121005", "DCM", "Observer Type"), ("121006", "DCM", "Person"), relationship="HAS OBS CONTEXT")
    person.ContentSequence = Sequence([text(OBSERVER, "Example^Jane", kind="PNAME")])
    annotation = container(
        ("zzz002", own, "AIM Annotation"),
        text(TRACKING_UID, f"{ROOT}.55", "HAS ACQ CONTEXT", "UIDREF"),
        coded(
            ("zzz005", own, "Annotation Type"), ("112041", "DCM", "Target Lesion Complete Response"),
            relationship="HAS ACQ CONTEXT",
        ),
        text(TRACKING, "Jane Example 2010", "HAS ACQ CONTEXT"),
        coded(("zzz008", own, "Anatomic Entity"), ("REX0001", "RADLEX", "LUNG"), relationship="HAS OBS CONTEXT"),
        coded(
            ("zzz009", own, "Imaging Observation"), ("REX4027", "RADREX", "Malignancy"),
            coded(
                ("zzz010", own, "Imaging Observation Characteristic"), ("REX4074", "RADREX", "Malignant"),
                number(("zzz058", own, "Annotator Confidence"), "0.7", PERCENT, relationship="HAS PROPERTIES"),
                relationship="HAS OBS CONTEXT",
            ),
            relationship="HAS OBS CONTEXT",
        ),
        calculation,
    )  # fmt: skip
    root = container(("zzz001", own, "AIM SR Report"), person, library, annotation, relationship="")
    return document(root)


def words() -> Dataset:
    """A report of texts, with a number under a private code: what a person said of a patient is never kept."""
    return document(
        container(
            ("1111", "99TEST", "Diagnosis"),
            text(("121029", "DCM", "Subject Name"), "Patricia^Pattern", kind="PNAME"),
            container(
                ("121070", "DCM", "Findings"),
                text(("121071", "DCM", "Finding"), "Patricia Pattern has a mass of", "CONTAINS"),
                number(("1234", "99TEST", "Diameter"), "3", ("cm", "99TEST", "Length Unit")),
                coded(("121071", "DCM", "Finding"), ("52988006", "SCT", "Lesion")),
            ),
            relationship="",
        ),
        "1.2.840.10008.5.1.4.1.1.88.11",
    )


def named() -> Dataset:
    """A report whose header names the patient."""
    return document(measured_report(), PatientName="Pattern^Patricia")


def nobody() -> Dataset:
    """A report of no known patient."""
    return document(measured_report(), PatientID="")


def image() -> Dataset:
    """The image that highdicom reports on."""
    found = Dataset()
    found.SOPClassUID, found.SOPInstanceUID = CT, IMAGE
    found.StudyInstanceUID, found.SeriesInstanceUID, found.FrameOfReferenceUID = STUDY, SERIES, f"{ROOT}.1.9"
    found.PatientID, found.PatientName, found.PatientBirthDate, found.PatientSex = "S-01", "S-01", "", "F"
    found.StudyID, found.StudyDate, found.StudyTime, found.AccessionNumber = "", "20100304", "101500", ""
    found.ReferringPhysicianName, found.Modality = "", "CT"
    found.Rows = found.Columns = 64
    return found


def planar() -> Dataset:
    """TID 1500 by highdicom: a planar region (TID 1410) with site, side, evaluation, statistic and algorithm."""
    context = sr.ObservationContext(
        observer_person_context=sr.ObserverContext(
            observer_type=codes.DCM.Person,
            observer_identifying_attributes=sr.PersonObserverIdentifyingAttributes(name="Example^Jane"),
        )
    )
    algorithm = sr.AlgorithmIdentification(name="Edges", version="3.2")
    attenuation = sr.Measurement(
        name=codes.DCM.AttenuationCoefficient,
        value=41.25,
        unit=codes.UCUM.HounsfieldUnit,
        derivation=codes.SCT.Mean,
        algorithm_id=algorithm,
    )
    group = sr.PlanarROIMeasurementsAndQualitativeEvaluations(
        tracking_identifier=sr.TrackingIdentifier(uid=f"{ROOT}.77.5", identifier="N2"),
        finding_type=codes.SCT.Lesion,
        finding_sites=[sr.FindingSite(anatomic_location=codes.SCT.Lung, laterality=codes.SCT.Left)],
        referenced_region=sr.ImageRegion(
            graphic_type=sr.GraphicTypeValues.CIRCLE,
            graphic_data=np.array([[20.0, 20.0], [20.0, 25.0]]),
            source_image=sr.SourceImageForRegion(CT, IMAGE),
        ),
        measurements=[
            attenuation,
            sr.Measurement(name=codes.SCT.Area, value=1.75, unit=codes.UCUM.SquareCentimeter),
        ],
        qualitative_evaluations=[
            sr.QualitativeEvaluation(name=codes.DCM.LevelOfSignificance, value=codes.SCT.NotSignificant)
        ],
    )
    report = sr.MeasurementReport(
        observation_context=context,
        procedure_reported=codes.LN.CTUnspecifiedBodyRegion,
        imaging_measurements=[group],
        title=codes.DCM.ImagingMeasurementReport,
    )
    found = sr.Comprehensive3DSR(
        evidence=[image()],
        content=report,
        series_number=1,
        series_instance_uid=f"{ROOT}.8",
        sop_instance_uid=f"{ROOT}.9",
        instance_number=1,
        manufacturer="made up",
        is_complete=True,
        is_final=True,
    )
    found.PatientIdentityRemoved, found.DeidentificationMethod = "YES", "made up"
    found.ContentDate, found.ContentTime = "20100401", "120000"
    for keyword in ("InstanceCreationDate", "InstanceCreationTime", "SeriesDate", "SeriesTime"):
        if keyword in found:
            del found[keyword]
    return found


DOCUMENTS: dict[str, Callable[[], Dataset]] = {
    "absent": absent,
    "aim": aim,
    "bidirectional": bidirectional,
    "detection": detection,
    "named": named,
    "nobody": nobody,
    "planar": planar,
    "references": references,
    "segment": segment,
    "words": words,
}


def write() -> None:
    """Write every document into its folder, each with a UID of its own."""
    for at, (name, make) in enumerate(DOCUMENTS.items(), 1):
        (FOLDER / name).mkdir(parents=True, exist_ok=True)
        found = make()
        found.SOPInstanceUID = found.file_meta.MediaStorageSOPInstanceUID = f"{ROOT}.9.{at}"
        found.save_as(FOLDER / name / "input.dcm", enforce_file_format=True)


if __name__ == "__main__":
    write()
