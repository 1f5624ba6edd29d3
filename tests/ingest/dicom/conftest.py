"""A small factory of DICOM files, from keywords and plain values."""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian

from ingest.base import Context, Yield
from ingest.dicom import SOURCE
from ontology.records import When

CODES = ("113100", "113105", "113107", "113108", "113109")
"""What files of a research archive claim of CID 7050: the profile, cleaned texts, shifted dates, patient and device."""

COMMON: dict[str, Any] = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.2",
    "Modality": "CT",
    "PatientID": "P-01",
    "PatientName": "P-01",
    "PatientIdentityRemoved": "YES",
    "DeidentificationMethod": "basic profile",
    "DeidentificationMethodCodeSequence": [
        {"CodeValue": code, "CodingSchemeDesignator": "DCM", "CodeMeaning": "option"} for code in CODES
    ],
    "StudyInstanceUID": "1.2.3.1",
    "SeriesInstanceUID": "1.2.3.1.1",
    "Rows": 2,
    "Columns": 2,
    "BitsAllocated": 16,
    "BitsStored": 12,
    "HighBit": 11,
    "PixelRepresentation": 0,
    "SamplesPerPixel": 1,
    "PhotometricInterpretation": "MONOCHROME2",
    "PixelData": "00" * 8,
}


def _dataset(values: dict[str, Any]) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        if value is None:
            continue
        if keyword == "PixelData":
            made.add_new(keyword, "OW", bytes.fromhex(value))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            setattr(made, keyword, [_dataset(item) for item in value])
        else:
            setattr(made, keyword, value)
    return made


@dataclass(frozen=True)
class Factory:
    """Writes files into a folder, and reads a folder as the run does."""

    folder: Path

    @staticmethod
    def content(number: int = 1, **changes: Any) -> bytes:
        """The bytes of a file; a value of None leaves the attribute out."""
        values = {**COMMON, "SOPInstanceUID": f"1.2.3.1.1.{number}", "InstanceNumber": number, **changes}
        syntax = values.pop("TransferSyntaxUID", ExplicitVRLittleEndian)
        made = _dataset(values)
        made.file_meta = FileMetaDataset()
        made.file_meta.MediaStorageSOPClassUID = values["SOPClassUID"]
        made.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        made.file_meta.TransferSyntaxUID = syntax
        buffer = io.BytesIO()
        dcmwrite(buffer, made, enforce_file_format=True)
        return buffer.getvalue()

    def write(self, name: str, number: int = 1, **changes: Any) -> Path:
        path = self.folder / name
        path.write_bytes(self.content(number, **changes))
        return path

    def read(self, *, attested: bool = False, **more: Any) -> list[Yield]:
        paths = sorted(str(path) for path in self.folder.rglob("*") if path.is_file())
        context = Context(collection="test", attested=attested, **more)
        return list(SOURCE.read(filter(SOURCE.accepts, paths), context))

    def write_case(self, description: Path) -> None:
        """Write the files of a golden case: what they share, and what differs."""
        case = json.loads(description.read_text(encoding="utf-8"))
        for number, own in enumerate(case["files"], 1):
            self.write(f"{number:03}.dcm", number, **case["common"], **own)


def as_json(record: object) -> dict[str, Any]:
    """A record as JSON, without fields that have their default."""
    plain: dict[str, Any] = {"type": type(record).__name__}
    for field in fields(record):  # type: ignore[arg-type]
        value = getattr(record, field.name)
        if value not in (None, field.default, {}):
            plain[field.name] = _plain(value)
    return plain


def _plain(value: object) -> Any:
    if isinstance(value, When):
        return [_plain(value.first), _plain(value.last)]
    if isinstance(value, Decimal | dt.date):
        return str(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


@pytest.fixture
def factory(tmp_path: Path) -> Factory:
    return Factory(tmp_path)


@pytest.fixture(scope="session")
def whole_file() -> bytes:
    """A PET file with sequences, to be damaged."""
    return Factory.content(
        1,
        Modality="PT",
        SOPClassUID="1.2.840.10008.5.1.4.1.1.128",
        SeriesType=["STATIC", "IMAGE"],
        AcquisitionTime="101500",
        ImagePositionPatient=["0", "0", "1.5"],
        ImageOrientationPatient=["1", "0", "0", "0", "1", "0"],
        RadiopharmaceuticalInformationSequence=[
            {
                "Radiopharmaceutical": "FDG",
                "RadiopharmaceuticalStartTime": "091000",
                "RadiopharmaceuticalCodeSequence": [
                    {"CodeValue": "C-B1031", "CodingSchemeDesignator": "SRT", "CodeMeaning": "FDG"}
                ],
            }
        ],
    )


@pytest.fixture(scope="session")
def enhanced_file() -> bytes:
    """An enhanced MR file with shared and per-frame groups and a source image, to be damaged."""
    return Factory.content(
        1,
        Modality="MR",
        SOPClassUID="1.2.840.10008.5.1.4.1.1.4.1",
        NumberOfFrames=3,
        SharedFunctionalGroupsSequence=[
            {
                "PixelMeasuresSequence": [{"PixelSpacing": ["1", "1"], "SliceThickness": "2"}],
                "PlaneOrientationSequence": [{"ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"]}],
            }
        ],
        PerFrameFunctionalGroupsSequence=[
            {
                "PlanePositionSequence": [{"ImagePositionPatient": ["0", "0", str(place)]}],
                "MRDiffusionSequence": [{"DiffusionBValue": 800.0}],
                "FrameContentSequence": [{"FrameAcquisitionDateTime": "20140701101500", "TemporalPositionIndex": 1}],
                "DerivationImageSequence": [{"SourceImageSequence": [{"ReferencedSOPInstanceUID": "1.2.3.9"}]}],
            }
            for place in (0, 2, 4)
        ],
    )


@pytest.fixture(scope="session")
def to_json() -> Callable[[object], dict[str, Any]]:
    return as_json
