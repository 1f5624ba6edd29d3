"""From items of XNAT to records: a session is a study, a scan a series, a subject one of the collection's.

A session's ``UID`` and a scan's ``UID`` are those of DICOM; where XNAT has none, they are minted. A subject is called
by its label; a session that is read without its subject knows only XNAT's own number of it (``XNAT_S00017``), which is
an id of the namespace ``xnat`` (``docs/crosswalk.md``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from ingest.archives.nbia_rows import UID
from ingest.archives.xnat_items import Item
from ingest.archives.xnat_tracer import tracer_of_session
from ingest.base import Context
from ingest.dicom.concepts import body_part_of, date_of, modality_of, radionuclide_of, tracer_of
from ingest.dicom.header import Elements
from ingest.gate.dicom import Flaw, header_flaw
from ingest.volumes.image_file import decimal, minted
from ontology.fields import Kind, dicom_attributes
from ontology.records import Record, Scalar, Series, SeriesHeader, Study, StudyHeader, When

__all__ = ["elements_of", "flaw_of", "records_of", "session_date"]

MODALITIES: Final = {
    "mrScanData": "MR",
    "petScanData": "PT",
    "ctScanData": "CT",
    "usScanData": "US",
    "nmScanData": "NM",
}
"""By the type of a scan, where it states no modality."""

ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "BodyPartExamined": ("bodyPartExamined",),
    "ConvolutionKernel": ("parameters/convolutionKernel",),
    "EchoTime": ("parameters/te",),
    "FlipAngle": ("parameters/flip",),
    "InversionTime": ("parameters/ti",),
    "KVP": ("parameters/kvp",),
    "MRAcquisitionType": ("parameters/acqType",),
    "MagneticFieldStrength": ("fieldStrength",),
    "Manufacturer": ("scanner/manufacturer",),
    "ManufacturerModelName": ("scanner/model",),
    "PatientWeight": ("dcmPatientWeight",),
    "PixelBandwidth": ("parameters/pixelBandwidth",),
    "ProtocolName": ("protocolName",),
    "ReceiveCoilName": ("coil",),
    "RepetitionTime": ("parameters/tr",),
    "ScanOptions": ("parameters/scanOptions",),
    "ScanningSequence": ("parameters/scanSequence",),
    "SequenceName": ("parameters/sequence",),
    "SequenceVariant": ("parameters/seqVariant",),
    "SeriesDescription": ("series_description",),
}
"""Attributes of a series, and the path of the field of a scan that says the same."""

OF_SESSIONS: Final = frozenset({"Manufacturer", "ManufacturerModelName", "PatientWeight"})
"""Those that the session states for its scans."""

TRACED: Final = frozenset({"PT", "NM"})
DICOM: Final = "DICOM"
"""The label of the resource that holds a scan's images."""

IDENTIFYING: Final = {
    "PatientName": ("dcmPatientName", "patientName"),
    "PatientBirthDate": ("dcmPatientBirthDate",),
    "OperatorsName": ("operator",),
}
"""Fields of a session that are judged, and never stored."""

BORN: Final = "demographics/dob"
"""The birth date of a subject, likewise."""


def elements_of(session: Item, subject: str, person: Item | None) -> Elements:
    """What is judged of a session and of the person it is of, where that is known, as attributes of a DICOM header."""
    values: dict[str, tuple[Scalar, ...]] = {"PatientID": (subject,)}
    if session_date(session) is not None:
        values["StudyDate"] = ("",)
    for keyword, paths in IDENTIFYING.items():
        if text := session.text(*paths):
            values[keyword] = (text,)
    for scan in session.held.get("scans/scan", ()):
        text = scan.text("operator")
        if text and "OperatorsName" not in values:
            values["OperatorsName"] = (text,)
    if person is not None and "PatientBirthDate" not in values and (text := person.text(BORN)):
        values["PatientBirthDate"] = (text.replace("-", ""),)
    return Elements(values)


def flaw_of(said: Elements, context: Context, digest: str) -> Flaw | None:
    """Why a session may not come in, or None: XNAT keeps what the headers had, and no mark of de-identification."""
    return header_flaw(said, attested=context.attested, released=lambda place: context.released(digest, place))


def session_date(session: Item) -> When | None:
    """The day of a session."""
    date = date_of(re.sub(r"^(\d{4})-(\d{2})-(\d{2})$", r"\1\2\3", session.text("date")))
    return When.on(date) if date else None


def records_of(session: Item, subject: str, context: Context) -> Iterator[Record]:
    """The study of a session, and a series for each of its scans."""
    names = (session.text("project"), session.text("ID") or session.text("label"))
    study, when = _uid(session.text("UID")) or minted(context, subject, "xnat", *names), session_date(session)
    yield Study(uid=study, subject=subject)
    if when is not None:
        yield StudyHeader(uid=study, subject=subject, when=when)
    seen: set[str] = set()
    for scan in session.held.get("scans/scan", ()):
        series = _uid(scan.text("UID")) or minted(context, subject, "xnat", *names, scan.text("ID"))
        if series in seen:
            continue
        seen.add(series)
        yield Series(uid=series, subject=subject, study=study)
        yield _header(session, scan, series, subject, when)


def _header(session: Item, scan: Item, series: str, subject: str, when: When | None) -> SeriesHeader:
    modality = scan.text("modality") or MODALITIES.get(scan.kind, "") or session.text("modality")
    given = tracer_of_session(session) if modality in TRACED else None
    tracers = (given,) if given is not None else ()
    attributes = _attributes(session, scan) | {
        keyword: value
        for item in tracers
        for keyword, (stated,) in item.values.items()
        if (value := decimal(float(stated)) if isinstance(stated, Decimal) else _as(keyword, str(stated))) is not None
    }
    return SeriesHeader(
        uid=series,
        subject=subject,
        modality=modality_of(modality),
        when=when,
        instance_count=_count(scan),
        body_part=body_part_of((), scan.text("bodyPartExamined")),
        tracer=tracer_of(tracers),
        radionuclide=radionuclide_of(tracers)[0],
        slice_spacing=None,
        attributes=dict(sorted(attributes.items())),
    )


def _count(scan: Item) -> int | None:
    """How many images a scan has: as it says, else the files of its DICOM resource."""
    resource = "file" if scan.text("file/label") == DICOM else f"file[{DICOM}]"
    stated = (scan.text("frames"), scan.text(f"{resource}/file_count"))
    return next((int(text) for text in stated if re.fullmatch(r"[1-9]\d{0,6}", text, re.ASCII)), None)


def _attributes(session: Item, scan: Item) -> dict[str, Scalar | tuple[Scalar, ...]]:
    found: dict[str, Scalar | tuple[Scalar, ...]] = {}
    for keyword, paths in ATTRIBUTES.items():
        text = scan.text(*paths) or (session.text(*paths) if keyword in OF_SESSIONS else "")
        if (value := _as(keyword, text)) is not None:
            found[keyword] = value
    x, y, z = (_number(scan.text(f"parameters/voxelRes/{axis}")) for axis in "xyz")
    if scan.text("parameters/voxelRes/units") in {"", "mm"}:
        if x and y:
            found["PixelSpacing"] = (y, x)
        if z:
            found["SliceThickness"] = z
    columns, rows = (_number(scan.text(f"parameters/matrix/{axis}")) for axis in "xy")
    if columns and rows and columns == int(columns) and rows == int(rows):
        found |= {"Columns": int(columns), "Rows": int(rows)}
    return dict(sorted(found.items()))


def _as(keyword: str, text: str) -> Scalar | None:
    if not text:
        return None
    if dicom_attributes()[keyword].kind is Kind.STRING:
        return text if len(text) <= 64 and text.isprintable() else None
    return _number(text.split("\\", maxsplit=1)[0])


def _number(text: str) -> Decimal | None:
    """A positive number, or None."""
    return decimal(float(text)) if re.fullmatch(r"\d{1,9}(\.\d{1,12})?", text, re.ASCII) and float(text) > 0 else None


def _uid(text: str) -> str | None:
    return text if UID.fullmatch(text) else None


assert ATTRIBUTES.keys() <= dicom_attributes().keys()
