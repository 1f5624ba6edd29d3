"""The made-up scanner park of the demonstration: what each machine writes into the headers of its series."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

__all__ = ["CT_SCANNERS", "MR_SCANNERS", "PET_SCANNERS", "Protocol"]

Header = dict[str, object]
"""DICOM attributes by keyword (PS3.6)."""


@dataclass(frozen=True, slots=True)
class Protocol:
    """A series that a machine makes at a visit: ``key`` is unique within the visit."""

    key: str
    modality: str
    number: int
    phases: int
    header: Header


def _ct(
    maker: str, model: str, soft: str, sharp: str, thickness: str, kvp: str, current: int
) -> tuple[Protocol, Protocol]:
    """A chest CT in two reconstructions: soft tissue, then lung."""
    common: Header = {
        "Manufacturer": maker,
        "ManufacturerModelName": model,
        "KVP": kvp,
        "XRayTubeCurrent": current,
        "ExposureTime": 500,
        "ContrastBolusAgent": "Iohexol",
        "ContrastBolusRoute": "IV",
        "SliceThickness": thickness,
        "SpacingBetweenSlices": thickness,
        "PixelSpacing": ["0.742188", "0.742188"],
        "ScanOptions": "HELICAL MODE",
        "RescaleSlope": "1",
        "RescaleIntercept": "-1024",
        "RescaleType": "HU",
        "BodyPartExamined": "CHEST",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SpiralPitchFactor": 0.984,
    }
    soft_part: Header = {"ConvolutionKernel": soft, "SeriesDescription": "Chest with contrast"}
    lung_part: Header = {
        "ConvolutionKernel": sharp,
        "SeriesDescription": "Chest lung",
        "SliceThickness": "1.25",
        "SpacingBetweenSlices": "1.25",
    }
    return Protocol("ct", "CT", 2, 1, common | soft_part), Protocol("ctlung", "CT", 3, 1, common | lung_part)


CT_SCANNERS: tuple[tuple[Protocol, Protocol], ...] = (
    _ct("GE MEDICAL SYSTEMS", "LightSpeed VCT", "STANDARD", "LUNG", "2.5", "120", 250),
    _ct("SIEMENS", "SOMATOM Definition AS", "B30f", "B70f", "3", "120", 180),
    _ct("Philips", "Brilliance 64", "B", "L", "2", "120", 210),
    _ct("SIEMENS", "Sensation 64", "B31f", "B60f", "5", "100", 160),
    _ct("TOSHIBA", "Aquilion ONE", "FC08", "FC52", "5", "135", 190),
)


def _pet(maker: str, model: str, method: str, spacing: str, thickness: str) -> tuple[Protocol, Protocol]:
    """A PET/CT: the CT for attenuation correction, then the corrected PET."""
    common: Header = {"Manufacturer": maker, "ManufacturerModelName": model, "SliceThickness": thickness}
    low_dose: Header = {
        "KVP": "120",
        "XRayTubeCurrent": 60,
        "ConvolutionKernel": "STANDARD" if maker.startswith("GE") else "B19f",
        "PixelSpacing": ["1.367188", "1.367188"],
        "RescaleSlope": "1",
        "RescaleIntercept": "-1024",
        "RescaleType": "HU",
        "SeriesDescription": "CT AC low dose",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
    }
    emission: Header = {
        "Units": "BQML",
        "CountsSource": "EMISSION",
        "SeriesType": ["WHOLE BODY", "IMAGE"],
        "CorrectedImage": ["DECY", "ATTN", "SCAT", "DTIM", "RAN", "NORM"],
        "DecayCorrection": "START",
        "ReconstructionMethod": method,
        "AttenuationCorrectionMethod": "measured, CT",
        "RandomsCorrectionMethod": "DLYD",
        "ScatterCorrectionMethod": "Model-based",
        "PixelSpacing": [spacing, spacing],
        "ActualFrameDuration": 120000,
        "NumberOfSlices": 3,
        "SeriesDescription": "PET WB AC",
        "ImageType": ["ORIGINAL", "PRIMARY"],
        "RescaleSlope": "1",
        "RescaleIntercept": "0",
    }
    return Protocol("ctac", "CT", 4, 1, common | low_dose), Protocol("pet", "PT", 5, 1, common | emission)


PET_SCANNERS: tuple[tuple[Protocol, Protocol], ...] = (
    _pet("GE MEDICAL SYSTEMS", "Discovery STE", "3D IR", "4.6875", "3.27"),
    _pet("SIEMENS", "Biograph mCT", "PSF+TOF 2i21s", "4.07283", "5"),
    _pet("Philips", "Gemini TF", "BLOB-OS-TF", "4", "4"),
)


def _mr(maker: str, model: str, field: str, repetition: str, echo: str, phases: int) -> tuple[Protocol, Protocol]:
    """A breast MRI: the dynamic series with contrast agent, then diffusion."""
    common: Header = {
        "Manufacturer": maker,
        "ManufacturerModelName": model,
        "MagneticFieldStrength": field,
        "BodyPartExamined": "BREAST",
        "ReceiveCoilName": "BREAST COIL",
        "ImagedNucleus": "1H",
        "ImagingFrequency": str(Decimal(field) * Decimal("42.576")),
        "ImageType": ["ORIGINAL", "PRIMARY", "M"],
    }
    dynamic: Header = {
        "RepetitionTime": repetition,
        "EchoTime": echo,
        "FlipAngle": "10",
        "ScanningSequence": "GR",
        "SequenceVariant": "SP",
        "MRAcquisitionType": "3D",
        "SliceThickness": "2",
        "PixelSpacing": ["0.703125", "0.703125"],
        "NumberOfTemporalPositions": phases,
        "TemporalResolution": "85000",
        "ContrastBolusAgent": "Gadobutrol",
        "ContrastBolusRoute": "IV",
        "ContrastBolusVolume": "7.5",
        "SeriesDescription": "DCE T1 3D dynamic",
    }
    diffusion: Header = {
        "RepetitionTime": "8200",
        "EchoTime": "68",
        "FlipAngle": "90",
        "ScanningSequence": "EP",
        "SequenceVariant": "SK",
        "MRAcquisitionType": "2D",
        "SliceThickness": "4",
        "PixelSpacing": ["1.5625", "1.5625"],
        "DiffusionBValue": 800.0,
        "SeriesDescription": "DWI b800",
    }
    return Protocol("dce", "MR", 2, phases, common | dynamic), Protocol("dwi", "MR", 3, 1, common | diffusion)


MR_SCANNERS: tuple[tuple[Protocol, Protocol], ...] = (
    _mr("SIEMENS", "Avanto", "1.5", "5.2", "2.4", 5),
    _mr("GE MEDICAL SYSTEMS", "SIGNA HDxt", "1.5", "6.2", "3", 4),
    _mr("Philips", "Achieva", "3", "4.1", "2", 5),
)
