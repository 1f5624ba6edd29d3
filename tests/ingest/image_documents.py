"""The segmentations, radiotherapy objects and value maps of the golden folders: how they are made.

``python -m tests.ingest.image_documents`` writes them anew; ``expected.json`` beside each is read through by hand.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.utils import pack_bits
from pydicom.uid import ExplicitVRLittleEndian

FOLDER = Path(__file__).parent

SEG, LABEL_MAP = "1.2.840.10008.5.1.4.1.1.66.4", "1.2.840.10008.5.1.4.1.1.66.7"
DOSE, STRUCTURES, PLAN = (f"1.2.840.10008.5.1.4.1.1.481.{number}" for number in (2, 3, 5))
MAP, PARAMETRIC = "1.2.840.10008.5.1.4.1.1.67", "1.2.840.10008.5.1.4.1.1.30"
CT = "1.2.840.10008.5.1.4.1.1.2"

ROOT = "1.2.826.0.1.3680043.10.998"
STUDY, SERIES = f"{ROOT}.1", f"{ROOT}.1.2"
IMAGES = [f"{ROOT}.1.2.{number}" for number in range(1, 8)]
FRAME = f"{ROOT}.1.9"

Item = dict[str, Any]

ABNORMAL = ("49755003", "SCT", "Morphologically Abnormal Structure")
TISSUE = ("85756007", "SCT", "Tissue")
PRIMARY = ("86049000", "SCT", "Neoplasm, Primary")
LIVER = ("10200004", "SCT", "Liver")
BACKGROUND = ("125040", "DCM", "Background")
SPATIAL = ("309825002", "SCT", "Spatial and Relational Concept")
LEFT = ("7771000", "SCT", "Left")
LUNG = ("39607008", "SCT", "Lung")


def dataset(values: Item) -> Dataset:
    """A data set of plain values: items are dictionaries, codes triples."""
    made = Dataset()
    for keyword, value in values.items():
        if isinstance(value, tuple):
            code = dict(zip(("CodeValue", "CodingSchemeDesignator", "CodeMeaning"), value, strict=True))
            setattr(made, keyword, [dataset(code)])
        elif keyword == "PixelData":
            made.add_new(keyword, "OW", value + b"\0" * (len(value) % 2))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            setattr(made, keyword, [dataset(item) for item in value])
        else:
            setattr(made, keyword, value)
    return made


def document(sop_class: str, modality: str, **values: Any) -> Dataset:
    """An object of the made subject with its header."""
    uid = f"{ROOT}.{sop_class.rpartition('.')[2]}.5"
    header: Item = {
        "SOPClassUID": sop_class,
        "SOPInstanceUID": uid,
        "StudyDate": "20200102",
        "Modality": modality,
        "Manufacturer": "Made",
        "ManufacturerModelName": "Maker",
        "SoftwareVersions": "3.1",
        "PatientID": "P-01",
        "PatientName": "P-01",
        "PatientIdentityRemoved": "YES",
        "DeidentificationMethod": "basic profile",
        "StudyInstanceUID": STUDY,
        "SeriesInstanceUID": f"{uid}.1",
    }
    found = dataset(header | values)
    found.file_meta = FileMetaDataset()
    found.file_meta.MediaStorageSOPClassUID = sop_class
    found.file_meta.MediaStorageSOPInstanceUID = uid
    found.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return found


def image(number: int) -> Item:
    return {"ReferencedSOPClassUID": CT, "ReferencedSOPInstanceUID": IMAGES[number]}


def segment(number: int, kind: tuple[str, str, str] = LIVER, **values: Any) -> Item:
    """An item of the Segment Sequence."""
    return {
        "SegmentNumber": number,
        "SegmentLabel": "Liver",
        "SegmentAlgorithmType": "SEMIAUTOMATIC",
        "SegmentAlgorithmName": "grow",
        "SegmentedPropertyCategoryCodeSequence": TISSUE,
        "SegmentedPropertyTypeCodeSequence": kind,
    } | values


def frame(place: int, number: int | None = None) -> Item:
    """The functional groups of a frame on the n-th slice."""
    groups: Item = {
        "DerivationImageSequence": [{"SourceImageSequence": [image(place)]}],
        "PlanePositionSequence": [{"ImagePositionPatient": [-10, 20, 5 * place]}],
    }
    if number is not None:
        groups["SegmentIdentificationSequence"] = [{"ReferencedSegmentNumber": number}]
    return groups


def segmentation(kind: str, segments: list[Item], frames: list[Item], pixels: np.ndarray, **values: Any) -> Dataset:
    """A segmentation of voxels of 2 by 0.5 by 5 mm."""
    packed = kind == "BINARY"
    shared = {
        "PlaneOrientationSequence": [{"ImageOrientationPatient": [1, 0, 0, 0, 1, 0]}],
        "PixelMeasuresSequence": [{"PixelSpacing": [2, 0.5], "SliceThickness": 5, "SpacingBetweenSlices": 5}],
    }
    given: Item = {
        "FrameOfReferenceUID": FRAME,
        "SegmentationType": kind,
        "NumberOfFrames": len(pixels),
        "Rows": pixels.shape[1],
        "Columns": pixels.shape[2],
        "BitsAllocated": 1 if packed else 8,
        "BitsStored": 1 if packed else 8,
        "HighBit": 0 if packed else 7,
        "PixelRepresentation": 0,
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "ReferencedSeriesSequence": [
            {"SeriesInstanceUID": SERIES, "ReferencedInstanceSequence": [image(number) for number in range(4)]}
        ],
        "SegmentSequence": segments,
        "SharedFunctionalGroupsSequence": [shared],
        "PerFrameFunctionalGroupsSequence": frames,
        "PixelData": pack_bits(pixels.astype(np.uint8)) if packed else pixels.astype(np.uint8).tobytes(),
    }
    return document(LABEL_MAP if kind == "LABELMAP" else SEG, "SEG", **(given | values))


def binary() -> Dataset:
    """A tracked tumor of the left lung and a liver, in frames of nine bits that begin within bytes."""
    pixels = np.zeros((3, 3, 3), np.uint8)
    pixels[0, 1, 1] = pixels[1, 1:, 1] = 1
    pixels[2] = 1
    tumor = segment(
        1,
        PRIMARY,
        SegmentLabel="Tumor of Jane Example",
        SegmentAlgorithmType="MANUAL",
        SegmentedPropertyCategoryCodeSequence=ABNORMAL,
        AnatomicRegionSequence=[dict(zip(("CodeValue", "CodingSchemeDesignator", "CodeMeaning"), LUNG, strict=True))],
        TrackingID="lesion of Jane",
        TrackingUID=f"{ROOT}.77",
    )
    tumor["AnatomicRegionSequence"][0]["AnatomicRegionModifierSequence"] = LEFT
    del tumor["SegmentAlgorithmName"]
    frames = [frame(0, 1), frame(1, 1), frame(1, 2)]
    return segmentation("BINARY", [tumor, segment(2)], frames, pixels, ContentCreatorName="Reader1")


def fractional() -> Dataset:
    """A probability of which two voxels are at least half."""
    pixels = np.array([[[0, 127, 128, 255]]], np.uint8)
    values = {"SegmentationFractionalType": "PROBABILITY", "MaximumFractionalValue": 255}
    return segmentation("FRACTIONAL", [segment(1)], [frame(0, 1)], pixels, **values)


def occupancy() -> Dataset:
    """Voxels that are filled by halves: a voxel and a half in all."""
    pixels = np.array([[[0, 50, 100, 0]]], np.uint8)
    values = {"SegmentationFractionalType": "OCCUPANCY", "MaximumFractionalValue": 100}
    return segmentation("FRACTIONAL", [segment(1)], [frame(0, 1)], pixels, **values)


def label_map() -> Dataset:
    """A background and two segments, one of them in both slices."""
    pixels = np.array([[[0, 1, 1], [0, 0, 7]], [[1, 0, 0], [0, 0, 0]]], np.uint8)
    void = segment(0, BACKGROUND, SegmentLabel="Background", SegmentedPropertyCategoryCodeSequence=SPATIAL)
    segments = [void, segment(1), segment(7, SegmentLabel="Lesion 3")]
    return segmentation("LABELMAP", segments, [frame(0), frame(1)], pixels)


def stray() -> Dataset:
    """Frames of no segment, a segment twice, and one frame fewer than is stated in the pixels of another object."""
    pixels = np.ones((3, 2, 2), np.uint8)
    return segmentation("BINARY", [segment(1), segment(1), segment(2)], [frame(0, 9), frame(1), frame(2, 2)], pixels)


def short() -> Dataset:
    """Pixels that are fewer than the frames say."""
    made = segmentation("LABELMAP", [segment(1)], [frame(0), frame(1)], np.ones((2, 4, 4), np.uint8))
    made.NumberOfFrames = 20
    return made


# radiotherapy


def ring(radius: float, place: float, corners: int = 4, x: float = 0.0) -> list[float]:
    """The corners of a regular polygon around the axis."""
    angles = [2 * math.pi * (number + 0.5) / corners for number in range(corners)]
    return [round(value, 4) for a in angles for value in (x + radius * math.cos(a), radius * math.sin(a), place)]


def contour(points: list[float], number: int, kind: str = "CLOSED_PLANAR") -> Item:
    return {
        "ContourImageSequence": [image(number)],
        "ContourGeometricType": kind,
        "NumberOfContourPoints": len(points) // 3,
        "ContourData": points,
    }


def roi(number: int, name: str, **values: Any) -> Item:
    return {
        "ROINumber": number,
        "ReferencedFrameOfReferenceUID": FRAME,
        "ROIName": name,
        "ROIGenerationAlgorithm": "MANUAL",
    } | values


REFERENCED: list[Item] = [
    {
        "FrameOfReferenceUID": FRAME,
        "RTReferencedStudySequence": [
            {
                "ReferencedSOPClassUID": "1.2.840.10008.3.1.2.3.1",
                "ReferencedSOPInstanceUID": STUDY,
                "RTReferencedSeriesSequence": [{"SeriesInstanceUID": SERIES}],
            }
        ],
    }
]


def structures() -> Dataset:
    """A target with a hole in three slices, a lung, a point, and an ROI that somebody named after a person."""
    half = math.sqrt(0.5)
    target = [contour(ring(20 * half, 3.0 * place), place) for place in range(3)]
    target.append(contour(ring(10 * half, 3.0), 1))
    drawn = [
        {"ReferencedROINumber": 1, "ContourSequence": target},
        {"ReferencedROINumber": 2, "ContourSequence": [contour(ring(10 * half, 0.0), 0)]},
        {"ReferencedROINumber": 3, "ContourSequence": [contour([1.0, 2.0, 3.0], 0, "POINT")]},
        {"ReferencedROINumber": 4, "ContourSequence": [contour([0.0, 0.0], 0)]},
    ]
    said = [
        {"ObservationNumber": 1, "ReferencedROINumber": 1, "RTROIInterpretedType": "GTV", "ROIInterpreter": "Reader2"},
        {"ObservationNumber": 2, "ReferencedROINumber": 2, "RTROIInterpretedType": "ORGAN", "ROIInterpreter": ""},
        {"ObservationNumber": 3, "ReferencedROINumber": 3, "RTROIInterpretedType": "ISOCENTER"},
        {"ObservationNumber": 4, "ReferencedROINumber": 9, "RTROIInterpretedType": "CAVITY"},
    ]
    return document(
        STRUCTURES,
        "RTSTRUCT",
        StructureSetLabel="made",
        ReferencedFrameOfReferenceSequence=REFERENCED,
        StructureSetROISequence=[
            roi(1, "GTV-1", ROIVolume=3.3),
            roi(2, "Lung_L"),
            roi(3, "Isocenter 1"),
            roi(4, "Jane Example"),
        ],
        ROIContourSequence=drawn,
        RTROIObservationsSequence=said,
    )


def dose() -> Dataset:
    """A grid of four doses, and histograms of a structure and of none."""
    histogram = {
        "DVHType": "CUMULATIVE",
        "DoseUnits": "GY",
        "DoseType": "PHYSICAL",
        "DVHDoseScaling": 1,
        "DVHVolumeUnits": "CM3",
        "DVHNumberOfBins": 2,
        "DVHData": [0.5, 12.5, 0.5, 3],
        "DVHReferencedROISequence": [{"ReferencedROINumber": 1, "DVHROIContributionType": "INCLUDED"}],
        "DVHMinimumDose": 1.5,
        "DVHMaximumDose": 60.25,
        "DVHMeanDose": 31,
    }
    none = {"DVHType": "CUMULATIVE", "DoseUnits": "GY", "DoseType": "PHYSICAL", "DVHReferencedROISequence": []}
    return document(
        DOSE,
        "RTDOSE",
        DoseUnits="GY",
        DoseType="PHYSICAL",
        DoseSummationType="PLAN",
        DoseGridScaling="0.01",
        NumberOfFrames=2,
        Rows=1,
        Columns=2,
        BitsAllocated=32,
        BitsStored=32,
        HighBit=31,
        PixelRepresentation=0,
        SamplesPerPixel=1,
        PhotometricInterpretation="MONOCHROME2",
        ReferencedStructureSetSequence=[
            {"ReferencedSOPClassUID": STRUCTURES, "ReferencedSOPInstanceUID": f"{ROOT}.3.5"}
        ],
        DVHSequence=[histogram, none],
        PixelData=np.array([0, 100, 2000, 6100], "<u4").tobytes(),
    )


def relative_dose() -> Dataset:
    """A grid of a beam in units of a reference dose."""
    made = dose()
    made.DoseUnits, made.DoseSummationType = "RELATIVE", "BEAM"
    del made.DVHSequence
    return made


def plan() -> Dataset:
    """Two prescriptions in thirty fractions by beams, and a limit that is none of them."""
    references = [
        {"DoseReferenceNumber": 1, "DoseReferenceType": "TARGET", "TargetPrescriptionDose": "60"},
        {"DoseReferenceNumber": 2, "DoseReferenceType": "TARGET", "TargetPrescriptionDose": "54.5"},
        {"DoseReferenceNumber": 3, "DoseReferenceType": "ORGAN_AT_RISK", "TargetPrescriptionDose": "75"},
    ]
    group = {"NumberOfFractionsPlanned": 30, "NumberOfBeams": 3, "NumberOfBrachyApplicationSetups": 0}
    return document(
        PLAN,
        "RTPLAN",
        RTPlanLabel="made",
        DoseReferenceSequence=references,
        FractionGroupSequence=[{"FractionGroupNumber": 1} | group],
    )


# what a series measures


def mapping(quantity: tuple[str, str, str], unit: str, slope: float) -> Item:
    said = [
        {
            "ValueType": "CODE",
            "ConceptNameCodeSequence": ("246205007", "SCT", "Quantity"),
            "ConceptCodeSequence": quantity,
        },
        {
            "ValueType": "CODE",
            "ConceptNameCodeSequence": ("370129005", "SCT", "Measurement Method"),
            "ConceptCodeSequence": ("126410", "DCM", "SUV body weight calculation method"),
        },
    ]
    return {
        "MeasurementUnitsCodeSequence": (unit, "UCUM", unit),
        "RealWorldValueSlope": slope,
        "RealWorldValueIntercept": 0.0,
        "QuantityDefinitionSequence": said,
    }


def value_map() -> Dataset:
    """SUV of a PET series."""
    return document(
        MAP,
        "RWV",
        ReferencedSeriesSequence=[{"SeriesInstanceUID": SERIES, "ReferencedInstanceSequence": [image(0)]}],
        ReferencedImageRealWorldValueMappingSequence=[
            {
                "ReferencedImageSequence": [image(0)],
                "RealWorldValueMappingSequence": [mapping(("126401", "DCM", "SUVbw"), "{SUVbw}g/ml", 0.25)],
            }
        ],
    )


def parametric_map() -> Dataset:
    """ADC, said twice of its frames, and a quantity that has no mapping."""
    adc = mapping(("113041", "DCM", "Apparent Diffusion Coefficient"), "um2/s", 1.0)
    own = mapping(("X1", "99MADE", "made up"), "1", 0.5)
    return document(
        PARAMETRIC,
        "MR",
        PerFrameFunctionalGroupsSequence=[{"RealWorldValueMappingSequence": [item]} for item in (adc, adc, own)],
    )


DOCUMENTS: dict[str, dict[str, Callable[[], Dataset]]] = {
    "seg": {
        "binary": binary,
        "fractional": fractional,
        "label_map": label_map,
        "occupancy": occupancy,
        "short": short,
        "stray": stray,
    },
    "rt": {"dose": dose, "plan": plan, "relative_dose": relative_dose, "structures": structures},
    "rwv": {"parametric_map": parametric_map, "value_map": value_map},
}
"""The made objects, by kind and folder."""


def write() -> None:
    """Write every object into its folder."""
    for kind, made in DOCUMENTS.items():
        for name, make in made.items():
            folder = FOLDER / kind / name
            folder.mkdir(parents=True, exist_ok=True)
            make().save_as(folder / "input.dcm", enforce_file_format=True)


if __name__ == "__main__":
    write()
