"""The tables of the demonstration cohort: a lesion spreadsheet, laboratory values, treatments; untidy as tables are."""

from __future__ import annotations

import csv
import datetime as dt
import io
import random
import re
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from openpyxl import Workbook

from api.demo.aim_files import SPREADSHEET_READERS
from api.demo.disease import DRUGS
from api.demo.model import Given, Lesion, Patient, Reading, Role, chance
from api.demo.uids import tracking_uid

__all__ = ["write_labs", "write_lesions", "write_treatments"]

LESION_HEADER = (
    "Subject ID",
    "Visit",
    "Scan Date",
    "Lesion #",
    "Lesion UID",
    "Organ",
    "Target?",
    "LD",
    "LD unit",
    "Short axis (mm)",
    "FTV (cc)",
    "Ktrans (/min)",
    "Read by",
)
ROLES = {Role.TARGET: "Target", Role.OTHER: "Non-target", Role.NEW: "New"}
WRITTEN_OTHERWISE = {
    "Pembrolizumab": "Keytruda",
    "Fluorouracil": "5-FU",
    "Carboplatin": "carboplatin",
    "Paclitaxel": "paclitaxel",
    "Cyclophosphamide": "cyclophosphamide",
    "Trastuzumab": "trastuzumab",
}
"""What some who fill in the chart write instead."""

EPOCH = (1980, 1, 1, 0, 0, 0)


def write_lesions(patients: Sequence[Patient], path: Path, seed: int) -> None:
    """The investigator's lesion spreadsheet: one row a lesion and visit, of the subjects imaged by MRI."""
    book = Workbook()
    sheet = book.active
    sheet.title = "Lesions"
    sheet.append(LESION_HEADER)
    own = [patient for patient in patients if any(cancer is patient.person.cancer for cancer, _ in SPREADSHEET_READERS)]
    for patient in own:
        rng = chance(seed, patient.name, "spreadsheet")
        for reading in patient.readings:
            if (patient.person.cancer, reading.reader) in SPREADSHEET_READERS:
                sheet.append(_lesion_row(patient, reading, seed, rng))
    book.properties.created = dt.datetime(*EPOCH)
    path.write_bytes(_without_clock(book))


def _lesion_row(patient: Patient, reading: Reading, seed: int, rng: random.Random) -> list[object]:
    """A row as the investigator typed it: now and then in centimetres, or in other letters."""
    visit, lesion = patient.visit(reading.visit), patient.lesion(reading.lesion)
    label = "Baseline" if visit.number == 0 else f"FU{visit.number}"
    size, unit = reading.long_axis, "mm"
    if size is not None and rng.random() < 0.08:
        size, unit = size / 10, "cm"
    return [
        patient.name,
        label.lower() if rng.random() < 0.1 else label,
        visit.date,
        lesion.label,
        tracking_uid(seed, patient.name, lesion.label),
        _organ(lesion, rng),
        ROLES[lesion.role],
        "NE" if size is None else float(size),
        unit,
        *[None if number is None else float(number) for number in (reading.short_axis, reading.volume, reading.ktrans)],
        reading.reader.value,
    ]


def _organ(lesion: Lesion, rng: random.Random) -> str:
    written = lesion.organ.written
    return written.capitalize() if rng.random() < 0.2 else written


def _without_clock(book: Workbook) -> bytes:
    """A workbook's bytes without the time at which it was saved, so that every run gives the same."""
    saved = io.BytesIO()
    book.save(saved)
    stable = io.BytesIO()
    with zipfile.ZipFile(saved) as source, zipfile.ZipFile(stable, "w", zipfile.ZIP_DEFLATED) as target:
        for name in sorted(source.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            content = source.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"(<dcterms:modified[^>]*>)[^<]*", rb"\g<1>1980-01-01T00:00:00Z", content)
            target.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)
    return stable.getvalue()


def write_labs(patients: Iterable[Patient], path: Path) -> None:
    """Laboratory values, one a row."""
    rows = ((patient.name, lab.date, lab.test, lab.value, lab.unit) for patient in patients for lab in patient.labs)
    _write(path, ("Subject", "Collected", "Test", "Result", "Units"), rows)


def write_treatments(patients: Iterable[Patient], path: Path, seed: int) -> None:
    """Treatments, one agent or course a row."""
    header = ("subject_id", "agent", "line", "setting", "regimen", "start_date", "stop_date", "dose", "dose_unit")
    rows = (row for patient in patients for row in _treatment_rows(patient, chance(seed, patient.name, "chart")))
    _write(path, header, rows)


def _treatment_rows(patient: Patient, rng: random.Random) -> Iterator[Sequence[object]]:
    for given in patient.treatments:
        drug = DRUGS[given.drug]
        otherwise = WRITTEN_OTHERWISE.get(given.drug)
        agent = otherwise if otherwise and rng.random() < 0.3 else given.drug
        yield (
            patient.name,
            agent,
            given.line,
            given.setting,
            given.regimen,
            _start(given, rng),
            given.stop or "ongoing",
            drug.dose,
            drug.unit,
        )


def _start(given: Given, rng: random.Random) -> str:
    """The first day, or its month alone where the chart knows no more (later lines, given elsewhere)."""
    text = given.start.isoformat()
    return text[:7] if given.line > 1 and rng.random() < 0.2 else text


def _write(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", encoding="utf-8", newline="") as handle:
        table = csv.writer(handle, lineterminator="\n")
        table.writerow(header)
        table.writerows(rows)
