"""Made-up series with headers in the shapes that scanners write: CT, MR and PET of three makers, private tags included.

Each file is as long as a real one (540 kB); its pixel data are a hole in the file, which takes no space on most file
systems: nothing that is measured reads them.
"""

from __future__ import annotations

import io
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

__all__ = ["SHAPES", "Shape", "make_images"]

SERIES_LENGTH = 200
PIXELS = 512 * 512 * 2
ROOT = "1.2.826.0.1.3680043.10.511"

# What differs from file to file stands in the template as texts of a fixed length that occur nowhere else.
UID, NUMBER, PLACE, CLOCK, FRAME, SCALE = "90000001", "88888888", "-77777.7", "010101.01", "66666666", "5.555555"

Items = list[dict[str, Any]]


def code(value: str, scheme: str, meaning: str) -> Items:
    """A code sequence of one item."""
    return [{"CodeValue": value, "CodingSchemeDesignator": scheme, "CodeMeaning": meaning}]


COMMON: dict[str, Any] = {
    "SpecificCharacterSet": "ISO_IR 100",
    "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    "InstanceCreationDate": "20010203",
    "InstanceCreationTime": CLOCK,
    "StudyDate": "20010203",
    "SeriesDate": "20010203",
    "AcquisitionDate": "20010203",
    "ContentDate": "20010203",
    "StudyTime": "081500.00",
    "SeriesTime": "082000.00",
    "AcquisitionTime": CLOCK,
    "ContentTime": CLOCK,
    "AccessionNumber": "",
    "ReferringPhysicianName": "",
    "PatientBirthDate": "",
    "PatientSex": "F",
    "PatientAge": "061Y",
    "PatientWeight": "71.5",
    "PatientSize": "1.68",
    "EthnicGroup": "",
    "PregnancyStatus": 4,
    "PatientIdentityRemoved": "YES",
    "DeidentificationMethod": "Per DICOM PS 3.15 AnnexE",
    "DeidentificationMethodCodeSequence": [
        {"CodeValue": value, "CodingSchemeDesignator": "DCM", "CodeMeaning": "option"}
        for value in ("113100", "113101", "113105", "113107", "113108", "113109", "113111")
    ],
    "BodyPartExamined": "CHEST",
    "SoftwareVersions": "syngo 2007B",
    "ProtocolName": "Thorax routine",
    "StudyDescription": "Thorax",
    "SeriesDescription": "Thorax 1.5 axial",
    "PatientPosition": "HFS",
    "StudyID": "",
    "SeriesNumber": 4,
    "AcquisitionNumber": 1,
    "InstanceNumber": NUMBER,
    "SliceLocation": PLACE,
    "ImagePositionPatient": ["-171.5", "-180.25", PLACE],
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    "PositionReferenceIndicator": "",
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "Rows": 512,
    "Columns": 512,
    "PixelSpacing": ["0.703125", "0.703125"],
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "WindowCenter": ["40", "-600"],
    "WindowWidth": ["350", "1500"],
    "BurnedInAnnotation": "NO",
    "LongitudinalTemporalInformationModified": "MODIFIED",
    "LossyImageCompression": "00",
    "TimezoneOffsetFromUTC": "+0100",
    "ReferencedStudySequence": [
        {"ReferencedSOPClassUID": "1.2.840.10008.3.1.2.3.1", "ReferencedSOPInstanceUID": f"{ROOT}.7"}
    ],
    "RequestAttributesSequence": [
        {
            "ScheduledProcedureStepDescription": "Thorax",
            "ScheduledProcedureStepID": "1",
            "ScheduledProtocolCodeSequence": code("CTTHOR", "99MADE", "Thorax"),
        }
    ],
    "ProcedureCodeSequence": code("RPID16", "RadLex", "CT Chest"),
    "PerformedProcedureStepDescription": "Thorax",
    "AnatomicRegionSequence": code("51185008", "SCT", "Chest"),
    "ReferencedImageSequence": [
        {"ReferencedSOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "ReferencedSOPInstanceUID": f"{ROOT}.8.{n}"}
        for n in (1, 2)
    ],
}
"""What every file says."""

CT: dict[str, Any] = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
    "Modality": "CT",
    "KVP": "120",
    "SliceThickness": "1.5",
    "DataCollectionDiameter": "500",
    "ReconstructionDiameter": "360",
    "DistanceSourceToDetector": "1040",
    "DistanceSourceToPatient": "570",
    "GantryDetectorTilt": "0",
    "TableHeight": "152",
    "RotationDirection": "CW",
    "ExposureTime": 500,
    "XRayTubeCurrent": FRAME,
    "Exposure": 90,
    "FilterType": "WEDGE_3",
    "GeneratorPower": 46,
    "FocalSpots": "1.2",
    "ConvolutionKernel": "B30f",
    "RescaleIntercept": "-1024",
    "RescaleSlope": "1",
    "RescaleType": "HU",
    "ContrastBolusAgent": "Iodine",
    "ContrastBolusVolume": "80",
    "SpiralPitchFactor": 1.2,
    "CTDIvol": 7.25,
    "SingleCollimationWidth": 0.6,
    "TotalCollimationWidth": 19.2,
    "TableSpeed": 46.08,
    "ContrastBolusAgentSequence": code("C-B0300", "SRT", "Contrast agent"),
}

MR: dict[str, Any] = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.4",
    "Modality": "MR",
    "ScanningSequence": "GR",
    "SequenceVariant": "SP",
    "ScanOptions": "FS",
    "MRAcquisitionType": "3D",
    "SequenceName": "*fl3d1",
    "AngioFlag": "N",
    "SliceThickness": "2",
    "RepetitionTime": "4.54",
    "EchoTime": "1.82",
    "NumberOfAverages": "1",
    "ImagingFrequency": "123.254",
    "ImagedNucleus": "1H",
    "EchoNumbers": 1,
    "MagneticFieldStrength": "3",
    "SpacingBetweenSlices": "2",
    "NumberOfPhaseEncodingSteps": 302,
    "EchoTrainLength": 1,
    "PercentSampling": "80",
    "PercentPhaseFieldOfView": "100",
    "PixelBandwidth": "490",
    "ContrastBolusAgent": "Gadolinium",
    "TriggerTime": "0",
    "ReceiveCoilName": "Body",
    "TransmitCoilName": "Body",
    "AcquisitionMatrix": [0, 384, 302, 0],
    "InPlanePhaseEncodingDirection": "ROW",
    "FlipAngle": "12",
    "VariableFlipAngleFlag": "N",
    "SAR": "0.41",
    "dBdt": "0",
    "TemporalPositionIdentifier": 1,
    "NumberOfTemporalPositions": 1,
    "Laterality": "L",
}

PET: dict[str, Any] = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.128",
    "Modality": "PT",
    "SliceThickness": "3",
    "Units": "BQML",
    "CorrectedImage": ["NORM", "DTIM", "ATTN", "SCAT", "DECY", "RAN"],
    "CountsSource": "EMISSION",
    "SeriesType": ["WHOLE BODY", "IMAGE"],
    "DecayCorrection": "START",
    "RandomsCorrectionMethod": "DLYD",
    "AttenuationCorrectionMethod": "measured",
    "ReconstructionMethod": "OSEM 3D 4i8s",
    "ScatterCorrectionMethod": "Model",
    "NumberOfSlices": SERIES_LENGTH,
    "FrameReferenceTime": FRAME,
    "ActualFrameDuration": 180000,
    "DecayFactor": "1.0141",
    "DoseCalibrationFactor": "1",
    "ScatterFractionFactor": "0.31",
    "ImageIndex": 1,
    "RescaleIntercept": "0",
    "RescaleSlope": SCALE,
    "CollimatorType": "NONE",
    "ConvolutionKernel": "XYZ Gauss5.00",
    "AxialAcceptance": "38",
    "FieldOfViewShape": "CYLINDRICAL RING",
    "TypeOfDetectorMotion": "NONE",
    "SUVType": "BW",
    "EnergyWindowRangeSequence": [{"EnergyWindowLowerLimit": "435", "EnergyWindowUpperLimit": "650"}],
    "RadiopharmaceuticalInformationSequence": [
        {
            "Radiopharmaceutical": "Fluorodeoxyglucose",
            "RadiopharmaceuticalVolume": "0",
            "RadiopharmaceuticalStartTime": "071500.00",
            "RadionuclideTotalDose": "361000000",
            "RadionuclideHalfLife": "6586.2",
            "RadionuclidePositronFraction": "0.97",
            "RadionuclideCodeSequence": code("C-111A1", "SRT", "^18^Fluorine"),
            "RadiopharmaceuticalCodeSequence": code("C-B1031", "SRT", "Fluorodeoxyglucose F^18^"),
        }
    ],
    "PatientOrientationCodeSequence": [
        {
            **code("F-10450", "99SDM", "recumbent")[0],
            "PatientOrientationModifierCodeSequence": code("F-10340", "99SDM", "supine"),
        }
    ],
    "PatientGantryRelationshipCodeSequence": code("F-10470", "99SDM", "headfirst"),
}


@dataclass(frozen=True)
class Shape:
    """The headers of a maker's series: what is said, private blocks (group, creator, elements, bytes of each)."""

    name: str
    said: dict[str, Any]
    blocks: tuple[tuple[int, str, int, int], ...]
    nested: int = 0
    """Private sequences, each with an item of twenty elements."""
    explicit: bool = True
    more: dict[str, Any] = field(default_factory=dict)


SIEMENS = {"Manufacturer": "SIEMENS", "ManufacturerModelName": "Made 64", "StationName": ""}
GE = {"Manufacturer": "GE MEDICAL SYSTEMS", "ManufacturerModelName": "Made RX", "StationName": ""}
PHILIPS = {"Manufacturer": "Philips Medical Systems", "ManufacturerModelName": "Made Achieva", "StationName": ""}

SHAPES = (
    Shape("CT Siemens", CT | SIEMENS, ((0x19, "MADE CT VA0  COAD", 24, 12), (0x21, "MADE MED", 6, 10))),
    Shape("CT GE", CT | GE, tuple((group, "GEMS_MADE_01", 24, 6) for group in (0x19, 0x21, 0x23, 0x27, 0x43, 0x45))),
    Shape(
        "CT Philips", CT | PHILIPS, ((0x1E1, "MADE ELSCINT", 20, 8), (0x7A1, "MADE ELSCINT", 12, 16)), explicit=False
    ),
    Shape("MR Siemens", MR | SIEMENS, ((0x19, "MADE MR HEADER", 18, 8), (0x29, "MADE CSA HEADER", 4, 11_000))),
    Shape("MR GE", MR | GE, tuple((group, "GEMS_MADE_01", 40, 6) for group in (0x19, 0x21, 0x25, 0x27, 0x43))),
    Shape(
        "MR Philips",
        MR | PHILIPS,
        ((0x2001, "Made Imaging DD 001", 60, 6), (0x2005, "Made MR Imaging DD 001", 180, 6)),
        nested=6,
    ),
    Shape("PET Siemens", PET | SIEMENS, ((0x71, "MADE MED PT", 8, 16), (0x41, "MADE MED ECAT", 10, 8))),
    Shape("PET GE", PET | GE, ((0x9, "MADE_PETD_01", 180, 6), (0x11, "MADE_PETD_02", 20, 8)), explicit=False),
    Shape("PET Philips", PET | PHILIPS, ((0x7053, "Made PET Private Group", 12, 10),), nested=2),
)


def _dataset(said: dict[str, Any]) -> Dataset:
    made = Dataset()
    for keyword, value in said.items():
        nested = isinstance(value, list) and isinstance(value[0], dict)
        setattr(made, keyword, [_dataset(item) for item in value] if nested else value)
    return made


def _add_private(made: Dataset, shape: Shape, rng: random.Random) -> None:
    for group, creator, count, size in shape.blocks:
        block = made.private_block(group, creator, create=True)
        for number in range(min(count, 0xF0)):
            if size > 1000 or number % 3 == 0:
                block.add_new(number, "OB", rng.randbytes(size + size % 2))
            elif number % 3 == 1:
                block.add_new(number, "DS", f"{rng.random():.4f}")
            else:
                block.add_new(number, "LO", f"made {number}")
    if shape.nested:
        block = made.private_block(0x2005, "Made MR Imaging DD 005", create=True)
        for number in range(shape.nested):
            item = Dataset()
            inner = item.private_block(0x2005, "Made MR Imaging DD 005", create=True)
            for place in range(20):
                inner.add_new(place, "LO", f"made {place}")
            block.add_new(number, "SQ", [item])


def _template(shape: Shape, series: int) -> bytes:
    """The bytes of a file of a series up to its pixels, with the fixed texts in place of what differs."""
    study = series // 3
    made = _dataset({**COMMON, **shape.said})
    made.PatientID = made.PatientName = f"BENCH-{study // 2:04}"
    made.StudyInstanceUID, made.SeriesInstanceUID = f"{ROOT}.1.{study}", f"{ROOT}.2.{series}"
    made.FrameOfReferenceUID = f"{ROOT}.3.{study}"
    made.SOPInstanceUID = f"{ROOT}.4.{series}.{UID}"
    made.SeriesNumber = series % 9 + 1
    _add_private(made, shape, random.Random(series))
    made.file_meta = FileMetaDataset()
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.file_meta.MediaStorageSOPInstanceUID = made.SOPInstanceUID
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian if shape.explicit else ImplicitVRLittleEndian
    made.add_new("PixelData", "OW", b"\0\0")
    buffer = io.BytesIO()
    dcmwrite(buffer, made, enforce_file_format=True)
    head = buffer.getvalue()[:-6]
    return head + PIXELS.to_bytes(4, "little")


def _texts(number: int) -> Iterator[tuple[str, str]]:
    """The fixed texts, and what stands in their place in one file."""
    yield UID, f"{90_000_000 + number}"
    yield NUMBER, f"{number + 1:<8}"
    yield PLACE, f"{-310 + 1.5 * number:<8.2f}"
    yield CLOCK, f"0820{number // 10 % 60:02}.{number % 10:02}"
    yield FRAME, f"{90 + number * 37 % 211:<8}"
    yield SCALE, f"{1 + number * 7919 % 1000 / 997:<8.6f}"


def make_images(folder: Path, count: int) -> None:
    """Write ``count`` files, a folder for each series of 200."""
    for begin in range(0, count, SERIES_LENGTH):
        series = begin // SERIES_LENGTH
        shape = SHAPES[series % len(SHAPES)]
        template = _template(shape, series)
        place = folder / f"{series:04}"
        place.mkdir(parents=True)
        for number in range(min(SERIES_LENGTH, count - begin)):
            content = template
            for fixed, told in _texts(number):
                assert len(fixed) == len(told)
                content = content.replace(fixed.encode(), told.encode())
            with (place / f"{number:04}.dcm").open("wb") as handle:
                handle.write(content)
                handle.truncate(len(content) + PIXELS)
