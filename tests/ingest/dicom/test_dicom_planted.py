"""One identifier, planted in every place of a DICOM file that could hold one: it never leaves the file.

Whatever the gate does with a file (quarantine, review, or taking it in without the place), none of the bytes that a run
writes or says may hold what was planted: record log, generation, control data, kept documents, output, log messages.
"""

from __future__ import annotations

import contextlib
import io
import json
import logging
import warnings
from collections.abc import Callable
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian
from typer.testing import CliRunner

from api.cli import app
from ingest.dicom.header import BrokenDicomError, read_header
from ingest.dicom.watch import PERSON_NAMES
from tests.ingest.held import told_in

NAME = "Quarxley^Zebulon"
SECRETS = ["quarxley", "zebulon", "19230417", "1923-04-17", "4711-0815-77", "555-010-0142"]
"""What must not be found, in lower case; as written in the places below."""

Plant = Callable[[Dataset], None]


def at(keyword: str, value: Any = NAME, *path: str) -> tuple[str, Plant]:
    """A value at an attribute, within the sequences of a path."""

    def plant(dataset: Dataset) -> None:
        for sequence in path:
            item = Dataset()
            setattr(dataset, sequence, [item])
            dataset = item
        setattr(dataset, keyword, value)

    return " > ".join((*path, keyword)), plant


def private(group: int, vr: str, value: Any, creator: str = "QUARXIAN 1.0") -> tuple[str, Plant]:
    """A private element."""

    def plant(dataset: Dataset) -> None:
        dataset.private_block(group, creator, create=True).add_new(0x01, vr, value)

    return f"private {group:04X} {vr}", plant


def private_sequence(dataset: Dataset) -> None:
    item = Dataset()
    item.PatientName = NAME
    dataset.private_block(0x0029, "MAKER", create=True).add_new(0x10, "SQ", [item])


def in_meta(keyword: str, value: Any) -> tuple[str, Plant]:
    """A value in the file meta information."""

    def plant(dataset: Dataset) -> None:
        if keyword == "PrivateInformation":
            dataset.file_meta.PrivateInformationCreatorUID = "1.2.3"
        setattr(dataset.file_meta, keyword, value)

    return f"meta {keyword}", plant


def in_preamble(dataset: Dataset) -> None:
    dataset.preamble = NAME.encode().ljust(128, b"\0")


DEEP = ("RequestAttributesSequence", "RequestedProcedureCodeSequence", "EquivalentCodeSequence")
PLACES: dict[str, Plant] = dict(
    [
        *(at(keyword) for keyword in sorted(PERSON_NAMES)),
        *(at(keyword, NAME, "ReferencedStudySequence") for keyword in ("PatientName", "OperatorsName")),
        at("PatientName", "Zebulon Quarxley"),
        at("PatientName", "Anonymous=Quarxley^Zebulon"),
        at("OtherPatientNames", ["Anonymous", NAME]),
        at("PatientID", NAME),
        at("PatientID", "4711-0815-77", "OtherPatientIDsSequence"),
        at("PatientName", NAME, *DEEP),
        at("PersonAddress", "Zebulonstrasse 7", "ReferringPhysicianIdentificationSequence"),
        at("PersonTelephoneNumbers", "555-010-0142", "OperatorIdentificationSequence"),
        at("InstitutionAddress", "Zebulonstrasse 7"),
        at("InstitutionAddress", "Zebulonstrasse 7", "ContributingEquipmentSequence"),
        at("InstitutionName", "Quarxley Hospital"),
        at("InstitutionName", "Quarxley Hospital", "ContributingEquipmentSequence"),
        at("PatientAddress", "Zebulonstrasse 7"),
        at("PatientTelephoneNumbers", "555-010-0142"),
        at("PatientTelecomInformation", "zebulon@quarxley.org"),
        at("ReferringPhysicianTelephoneNumbers", "555-010-0142"),
        at("PatientBirthDate", "19230417"),
        at("PatientBirthDate", "19230417", "ReferencedPatientSequence"),
        at("PatientBirthDateInAlternativeCalendar", "Quarxley 5"),
        at("OtherPatientIDs", "4711-0815-77"),
        at("MedicalRecordLocator", "4711-0815-77"),
        at("InsurancePlanIdentification", "4711-0815-77"),
        at("IssuerOfPatientID", "Quarxley Hospital"),
        at("MilitaryRank", "Captain Zebulon"),
        at("AdmissionID", "4711-0815-77"),
        at("AccessionNumber", "4711-0815-77"),
        at("PatientComments", NAME),
        at("ImageComments", NAME),
        at("AdditionalPatientHistory", "seen by Dr. Quarxley"),
        at("AdmittingDiagnosesDescription", NAME),
        at("StudyDescription", "for Dr. Quarxley"),
        at("SeriesDescription", NAME),
        at("ProtocolName", "call 555-010-0142"),
        at("ContrastBolusAgent", "zebulon@quarxley.org"),
        at("PerformedProcedureStepDescription", NAME),
        at("RequestedProcedureDescription", NAME, "RequestAttributesSequence"),
        at("ReasonForTheRequestedProcedure", NAME, "RequestAttributesSequence"),
        at("StudyID", "4711-0815-77"),
        at("StationName", "QUARXLEY"),
        at("DeviceSerialNumber", "4711-0815-77"),
        at("Manufacturer", NAME),
        at("SoftwareVersions", ["1.0", NAME]),
        at("BodyPartExamined", NAME.upper()),
        at("SequenceName", NAME),
        at("ImageType", ["ORIGINAL", NAME.upper()]),
        at("PatientSex", NAME.upper()),
        at("Modality", NAME.upper()),
        at("SeriesInstanceUID", NAME),
        at("FrameOfReferenceUID", NAME),
        at("CodeMeaning", NAME, "ProcedureCodeSequence"),
        at("CodeMeaning", NAME, "AnatomicRegionSequence"),
        at("CodeMeaning", NAME, "DeidentificationMethodCodeSequence"),
        at("DeidentificationMethod", NAME),
        at("Radiopharmaceutical", NAME, "RadiopharmaceuticalInformationSequence"),
        at("ReasonForTheAttributeModification", NAME, "OriginalAttributesSequence"),
        at("EncapsulatedDocument", b"%PDF Quarxley"),
        at("DataSetTrailingPadding", b"Quarxley"),
        at("SpecificCharacterSet", ["ISO_IR 100", NAME]),
        private(0x0009, "LO", NAME),
        private(0x0011, "UN", NAME.encode()),
        private(0x0013, "LO", NAME, "CTP"),
        private(0x0019, "IS", "19230417", "SIEMENS MR HEADER"),
        private(0x0029, "OB", NAME.encode()),
        private(0x0033, "PN", NAME),
        private(0x0035, "LO", "x", NAME),
        ("private sequence", private_sequence),
        in_meta("SourceApplicationEntityTitle", "QUARXLEY"),
        in_meta("ImplementationVersionName", "QUARXLEY"),
        in_meta("PrivateInformation", NAME.encode()),
        ("preamble", in_preamble),
    ]
)  # fmt: skip


def file_with(plant: Plant, number: int, content: Callable[..., bytes], syntax: str) -> bytes:
    """A sound file with one identifier planted in it."""
    dataset = pydicom.dcmread(io.BytesIO(content(number, SeriesInstanceUID=f"1.2.3.1.{number}")))
    dataset.file_meta = FileMetaDataset(dataset.file_meta)
    dataset.file_meta.TransferSyntaxUID = syntax
    plant(dataset)
    buffer = io.BytesIO()
    dcmwrite(
        buffer, dataset, implicit_vr=syntax == ImplicitVRLittleEndian, little_endian=True, enforce_file_format=True
    )
    return buffer.getvalue()


def test_there_are_places_enough() -> None:
    assert len(PLACES) >= 90


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("attested", "syntax"), [(True, ExplicitVRLittleEndian), (False, ImplicitVRLittleEndian)])
def test_a_planted_identifier_never_leaves_its_file(factory, tmp_path, monkeypatch, caplog, attested, syntax):
    home = tmp_path.parent / f"{tmp_path.name}-var"
    monkeypatch.setenv("QILIN_HOME", str(home))
    for number, plant in enumerate(PLACES.values(), 1):
        (tmp_path / f"{number:03}.dcm").write_bytes(file_with(plant, number, factory.content, syntax))
    caplog.clear()  # pydicom's own words while the files were made
    words = ["ingest", str(tmp_path), "--collection", "toys"]
    words += ["--attest", "Jo, 2026-01-02: made up"] if attested else []
    signed = ["--by", "Jo", "--reason", "a name of the tests"]

    def held(**what: bool) -> list[dict[str, Any]]:
        entries = json.loads(CliRunner().invoke(app, ["quarantine", "list", "--json"]).stdout)
        return [entry for entry in entries if what.items() <= entry.items()]

    with caplog.at_level(logging.DEBUG):
        said = [CliRunner().invoke(app, words) for _ in range(2)]  # again, with what the first run left
        said += [CliRunner().invoke(app, ["quarantine", "list", *more]) for more in ([], ["--json"])]
        assert [result.exit_code for result in said] == [1, 1, 0, 0]
        assert told_in(home, SECRETS) == []
        before = held(review=False)
        assert 0 < len(before) < len(PLACES)  # some come in, without the place
        # what a steward lets in comes in without the place, too; a file may have several
        while numbers := [str(entry["id"]) for entry in held(review=False) if entry["content"]]:
            said.append(CliRunner().invoke(app, ["quarantine", "release", *numbers, *signed]))
            assert said[-1].exit_code == 0
            said.append(CliRunner().invoke(app, words))
        said.append(CliRunner().invoke(app, ["sources"]))
    assert told_in(home, SECRETS) == []
    spoken = (caplog.text + "".join(result.output for result in said)).lower()
    assert [secret for secret in SECRETS if secret in spoken] == []
    assert {name.split("/")[0] for name in (entry.split(":")[0] for entry in told_in(home, ["p-01"]))} >= {
        "log",
        "generations",
    }
    assert len(held(review=False)) < len(before) / 5  # what is left is a Patient ID, or no UID


def test_what_stands_in_the_file_meta_in_place_of_a_uid_is_not_said(factory, caplog, recwarn):
    path = factory.write("1.dcm", 1)
    uid = str(pydicom.dcmread(path).file_meta.MediaStorageSOPClassUID).encode()
    content = path.read_bytes().replace(uid, NAME.encode().ljust(len(uid), b"!"), 1)
    # a length of group 0002 that is wrong is one of the oddities that only pydicom reads
    assert content[132:136] == b"\x02\x00\x00\x00"
    path.write_bytes(content[:140] + b"\x00\x00\x00\x00" + content[144:])
    with caplog.at_level(logging.DEBUG), contextlib.suppress(BrokenDicomError):
        read_header(path, ["PatientID"])
    assert NAME not in caplog.text
    assert not [str(warning.message) for warning in recwarn if "Zebulon" in str(warning.message)]


def test_a_file_that_ends_within_its_meta_is_not_quoted(factory, caplog):
    """pydicom warns of a UID that is none by quoting it, whichever way a broken file takes."""
    whole = factory.content()
    path = factory.folder / "a.dcm"
    for length in range(132, 400):
        path.write_bytes(whole[:length])
        with warnings.catch_warnings(), caplog.at_level(logging.DEBUG), contextlib.suppress(BrokenDicomError):
            warnings.simplefilter("error")
            read_header(path, ["PatientID"])
    assert caplog.records == []
