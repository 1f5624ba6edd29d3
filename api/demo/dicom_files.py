"""The images of the demonstration cohort as DICOM files: headers as scanners write them, without pixel data.

De-identification is declared as PS3.15 Annex E asks: the profile, its options, and that dates were shifted.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from pathlib import Path

from pydicom import Dataset
from pydicom.dataset import FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.sr.codedict import codes
from pydicom.sr.coding import Code
from pydicom.uid import (
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    MRImageStorage,
    PositronEmissionTomographyImageStorage,
)

from api.demo.disease import CancerKind
from api.demo.model import Patient, Visit, chance
from api.demo.scanners import CT_SCANNERS, MR_SCANNERS, PET_SCANNERS, Protocol
from api.demo.uids import uid

__all__ = ["SOP_CLASSES", "protocols", "series_uid", "sop_uid", "study_uid", "write_dicom"]

SOP_CLASSES = {"CT": CTImageStorage, "MR": MRImageStorage, "PT": PositronEmissionTomographyImageStorage}
SLICES = 3
HALF_LIFE = "6586.2"
"""Of fluorine-18, in seconds."""

INJECTION = Protocol("injection", "", 0, 1, {})
"""The moment at which a visit begins, and the tracer is given."""

DEIDENTIFICATION: tuple[Code, ...] = (
    codes.DCM.BasicApplicationConfidentialityProfile,
    codes.DCM.CleanDescriptorsOption,
    codes.DCM.RetainLongitudinalTemporalInformationModifiedDatesOption,
    codes.DCM.RetainPatientCharacteristicsOption,
    codes.DCM.RetainDeviceIdentityOption,
)


def study_uid(seed: int, patient: Patient, visit: Visit) -> str:
    """The StudyInstanceUID of a visit."""
    return uid(seed, patient.name, visit.number, "study")


def series_uid(seed: int, patient: Patient, visit: Visit, key: str) -> str:
    """The SeriesInstanceUID of one of the visit's protocols."""
    return uid(seed, patient.name, visit.number, key)


def sop_uid(seed: int, patient: Patient, visit: Visit, key: str, instance: int) -> str:
    """The SOPInstanceUID of an image, counted from 1."""
    return uid(seed, patient.name, visit.number, key, instance)


def protocols(patient: Patient, visit: Visit, seed: int) -> list[Protocol]:
    """The series of a visit; the first is the one on which lesions are measured."""
    rng = chance(seed, patient.name, "scanner", visit.number > 1 and patient.person.age % 4 == 0)
    if visit.modality == "MR":
        return list(rng.choice(MR_SCANNERS))
    soft, lung = rng.choice(CT_SCANNERS)
    colorectal = patient.person.cancer is CancerKind.COLORECTAL
    made = [soft] if colorectal else [soft, lung]
    return [*made, *rng.choice(PET_SCANNERS)] if visit.uptake else made


def write_dicom(patient: Patient, folder: Path, seed: int) -> int:
    """Write every image of a subject under ``folder``; the number of files."""
    count = 0
    for visit in patient.visits:
        for protocol in protocols(patient, visit, seed):
            place = folder / patient.name / f"visit{visit.number}" / f"{protocol.number}-{protocol.key}"
            place.mkdir(parents=True, exist_ok=True)
            for number, dataset in enumerate(_images(patient, visit, protocol, seed), start=1):
                dataset.save_as(place / f"{number:04d}.dcm", enforce_file_format=True)
                count += 1
    return count


def _images(patient: Patient, visit: Visit, protocol: Protocol, seed: int) -> Iterator[Dataset]:
    """The images of a series: every slice of every phase."""
    head = _series(patient, visit, protocol, seed)
    thickness = float(head.SliceThickness)
    begun = _begun(patient, visit, protocol, seed)
    for number in range(1, protocol.phases * SLICES + 1):
        phase, position = divmod(number - 1, SLICES)
        image = Dataset()
        image.update(head)
        image.SOPInstanceUID = sop_uid(seed, patient, visit, protocol.key, number)
        image.InstanceNumber = number
        image.AcquisitionNumber = phase + 1
        image.AcquisitionTime = f"{begun + dt.timedelta(seconds=85 * phase):%H%M%S}"
        image.ImagePositionPatient = ["-180", "-180", f"{position * thickness:g}"]
        if protocol.phases > 1:
            image.TemporalPositionIdentifier = phase + 1
            image.TriggerTime = str(85_000 * phase)
        if protocol.modality == "PT":
            image.FrameReferenceTime = "60000"
            image.ImageIndex = number
        image.file_meta = _meta(image)
        yield image


def _meta(image: Dataset) -> FileMetaDataset:
    """The file meta information (PS3.10 section 7.1), the same for every run."""
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = image.SOPClassUID
    meta.MediaStorageSOPInstanceUID = image.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = UID(uid("implementation"))
    meta.ImplementationVersionName = "QILIN_DEMO"
    return meta


def _begun(patient: Patient, visit: Visit, protocol: Protocol, seed: int) -> dt.datetime:
    """When a series began, on the shifted clock: PET after the uptake time, the rest when it is its turn."""
    rng = chance(seed, patient.name, "clock", visit.number)
    start = dt.datetime.combine(visit.date, dt.time(8)) + dt.timedelta(minutes=rng.randint(0, 420))
    if protocol.modality == "PT" and visit.uptake:
        return start + dt.timedelta(minutes=visit.uptake)
    return start + dt.timedelta(minutes=2 * protocol.number)


def _series(patient: Patient, visit: Visit, protocol: Protocol, seed: int) -> Dataset:
    """What is the same in every image of a series."""
    person, begun = patient.person, _begun(patient, visit, protocol, seed)
    head = Dataset()
    head.SpecificCharacterSet = "ISO_IR 192"
    head.SOPClassUID = SOP_CLASSES[protocol.modality]
    head.Modality = protocol.modality
    head.StudyInstanceUID = study_uid(seed, patient, visit)
    head.SeriesInstanceUID = series_uid(seed, patient, visit, protocol.key)
    head.FrameOfReferenceUID = uid(seed, patient.name, visit.number, "frame")
    head.PatientID = head.PatientName = person.name
    head.PatientSex = person.sex[0]
    age = person.age + (visit.date - person.diagnosed).days // 365
    head.PatientAge = f"{age:03d}Y"
    head.PatientSize, head.PatientWeight = str(person.height), str(person.weight)
    head.PatientIdentityRemoved = "YES"
    head.DeidentificationMethod = "Synthetic demonstration data: no person exists"
    head.DeidentificationMethodCodeSequence = Sequence(map(_item, DEIDENTIFICATION))
    head.LongitudinalTemporalInformationModified = "MODIFIED"
    head.StudyID = f"V{visit.number}"
    head.AccessionNumber = ""
    head.StudyDescription = {"MR": "MRI BREAST", "CT": "PET/CT" if visit.uptake else "CT CHEST ABDOMEN"}[visit.modality]
    head.StudyDate = head.SeriesDate = head.AcquisitionDate = head.ContentDate = f"{visit.date:%Y%m%d}"
    head.StudyTime = f"{_begun(patient, visit, INJECTION, seed):%H%M%S}"
    head.SeriesTime = head.ContentTime = f"{begun:%H%M%S}"
    head.SeriesNumber = protocol.number
    head.PatientPosition = "FFP" if protocol.modality == "MR" else "HFS"
    head.Rows = head.Columns = 512 if protocol.modality == "CT" else 256
    head.BitsAllocated, head.BitsStored, head.HighBit = 16, 12, 11
    head.SamplesPerPixel, head.PixelRepresentation = 1, 0
    head.PhotometricInterpretation = "MONOCHROME2"
    head.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    for keyword, content in protocol.header.items():
        setattr(head, keyword, content)
    if protocol.modality == "PT":
        head.RadiopharmaceuticalInformationSequence = Sequence([_injection(patient, visit, seed)])
    return head


def _injection(patient: Patient, visit: Visit, seed: int) -> Dataset:
    """The radiopharmaceutical as given (PS3.3 C.8.9.2)."""
    rng = chance(seed, patient.name, "dose", visit.number)
    start = _begun(patient, visit, INJECTION, seed)
    item = Dataset()
    item.Radiopharmaceutical = "FDG -- fluorodeoxyglucose"
    item.RadiopharmaceuticalStartTime = f"{start:%H%M%S}"
    item.RadiopharmaceuticalStartDateTime = f"{start:%Y%m%d%H%M%S}"
    item.RadionuclideTotalDose = str(rng.randint(300, 440) * 1_000_000)
    item.RadionuclideHalfLife = HALF_LIFE
    item.RadionuclidePositronFraction = "0.967"
    item.RadionuclideCodeSequence = Sequence([_item(codes.SCT._18Fluorine)])  # noqa: SLF001 - pydicom's name for a code that begins with a digit
    item.RadiopharmaceuticalCodeSequence = Sequence([_item(codes.SCT.FluorodeoxyglucoseF18)])
    return item


def _item(code: Code) -> Dataset:
    """A code sequence item (PS3.3 table 8.8-1)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = code.value, code.scheme_designator, code.meaning
    return item
