"""What the rows of an NBIA archive say: the names that its answers, downloads and older versions have for one thing.

The names are those of NBIA's REST interface (``getSeries``, ``getSeriesMetaData``, ``getPatientStudy``; versions 1 to
4) and of the ``metadata.csv`` that the NBIA Data Retriever writes. A row is judged as a DICOM header is: names and
birth dates are looked at for that alone, ethnic groups not at all.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Final

from ingest.dicom.concepts import body_part_of, date_of, modality_of
from ingest.dicom.elements import Elements
from ingest.dicom.series import SEXES, age_of
from ingest.gate.records import OLDEST
from ontology.fields import Kind, dicom_attributes
from ontology.records import (
    Finding,
    Measurement,
    Record,
    Reject,
    Scalar,
    Series,
    SeriesHeader,
    Study,
    StudyHeader,
    When,
)
from ontology.terms import ncit

__all__ = ["Catalogue", "Row", "is_catalogue", "meant"]

UID: Final = re.compile(r"(?=.{3,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
LONGEST_ID: Final = 64
WANTED_UID: Final = "numbers without leading zeros joined by dots, at most 64 characters (PS3.5 9.1)"

NAMES: Final[dict[str, tuple[str, ...]]] = {
    "series": ("seriesinstanceuid", "seriesuid", "seriesid"),
    "study": ("studyinstanceuid", "studyuid"),
    "subject": ("patientid", "subjectid"),
    "study_date": ("studydate",),
    "series_date": ("seriesdate",),
    "study_text": ("studydescription", "studydesc"),
    "count": ("imagecount", "numberofimages", "images"),
    "modality": ("modality",),
    "sex": ("patientsex",),
    "age": ("patientage",),
    "name": ("patientname",),
    "born": ("patientbirthdate", "patientdob", "birthdate"),
    "license": ("licensename",),
    "doi": ("collectionuri", "datadescriptionuri"),
}
"""By what is meant: the names of a column, without blanks, marks and case."""

ATTRIBUTES: Final[dict[str, tuple[str, ...]]] = {
    "BodyPartExamined": ("bodypartexamined",),
    "Manufacturer": ("manufacturer",),
    "ManufacturerModelName": ("manufacturermodelname",),
    "ProtocolName": ("protocolname",),
    "SOPClassUID": ("sopclassuid",),
    "SeriesDescription": ("seriesdescription",),
    "SeriesNumber": ("seriesnumber",),
    "SliceThickness": ("slicethicknessmm", "slicethickness"),
    "SoftwareVersions": ("softwareversions", "softwareversion"),
}
"""The columns that are attributes of a series, by keyword."""

JUDGED: Final = {
    "subject": "PatientID",
    "name": "PatientName",
    "born": "PatientBirthDate",
    "age": "PatientAge",
}
"""What the gate looks at in a row beside its texts, and the attribute that it is."""

NOTHING: Final = frozenset({"", "null", "none", "n/a", "na", "not specified"})


@cache
def meant() -> Mapping[str, str]:
    """What is meant by the name of a column, in `plain` form."""
    return {name: of for of, names in {**NAMES, **ATTRIBUTES}.items() for name in names}


def plain(name: str) -> str:
    """The name of a column without what its spellings differ by.

    >>> plain("Series Instance UID"), plain("SliceThickness(mm)")
    ('seriesinstanceuid', 'slicethicknessmm')
    """
    return re.sub(r"[\W_]+", "", name).casefold()


def is_catalogue(columns: Iterator[str] | list[str]) -> bool:
    """Whether a table with these columns lists series of an NBIA archive, each with its study and subject."""
    found = {meant().get(plain(name)) for name in columns}
    return {"series", "study", "subject", "modality"} <= found


@dataclass(frozen=True, slots=True)
class Row:
    """A row by what is meant, with where it stands."""

    place: str
    values: Mapping[str, str]

    @classmethod
    def of(cls, place: str, cells: Mapping[str, Any]) -> Row:
        """A row of named cells; the first of two names for one thing counts."""
        values: dict[str, str] = {}
        for name, cell in cells.items():
            of, text = meant().get(plain(str(name))), "" if cell is None else str(cell).strip()
            if of is not None and text.casefold() not in NOTHING:
                values.setdefault(of, text)
        return cls(place, values)

    def date(self, name: str) -> dt.date | None:
        """A date as NBIA writes it: ``2000-01-01 00:00:00.0``, ``04-30-1994``, ``20000101``."""
        text = self.values.get(name, "")
        if found := re.fullmatch(r"(\d{1,2})[-/](\d{1,2})[-/](\d{4})", text):
            text = f"{found[3]}{int(found[1]):02}{int(found[2]):02}"
        return date_of(re.sub(r"^(\d{4})-(\d{2})-(\d{2})", r"\1\2\3", text))

    @property
    def said(self) -> Elements:
        """What is judged of the row, as attributes of a DICOM header."""
        values = {keyword: (text,) for name, keyword in JUDGED.items() if (text := self.values.get(name, ""))}
        if "PatientBirthDate" in values:
            values["PatientBirthDate"] = (values["PatientBirthDate"][0].partition(" ")[0].replace("-", ""),)
        dated = {"StudyDate": ("",)} if self.date("study_date") or self.date("series_date") else {}
        return Elements({**values, **dated})

    def number(self, name: str) -> int | None:
        """A whole number, or None."""
        text = self.values.get(name, "")
        return int(text) if re.fullmatch(r"\d{1,9}", text, re.ASCII) else None


@dataclass(slots=True)
class Catalogue:
    """The records of rows, one after the other; what was said of a study or subject is not said again."""

    name: str
    studies: dict[str, tuple[str, dt.date | None]] = field(default_factory=dict)
    series: dict[str, str] = field(default_factory=dict)
    subjects: set[tuple[str, str]] = field(default_factory=set)

    def records(self, row: Row) -> Iterator[Record | Reject]:
        """What a row says of its study, its series and its subject."""
        subject, study, series = (row.values.get(name, "") for name in ("subject", "study", "series"))
        problem = _unusable(subject, study, series)
        if problem is None and self.studies.get(study, (subject,))[0] != subject:
            problem = ("Study UID", "the study stands under another subject further up", "one subject for each study")
        if problem is None and series and self.series.setdefault(series, study) != study:
            problem = ("Series UID", "the series stands in another study further up", "one study for each series")
        if problem is not None:
            yield Reject(name=self.name, place=f"{row.place}, {problem[0]}", problem=problem[1], wanted=problem[2])
            return
        yield from self._study(row, subject, study)
        if series:
            yield Series(uid=series, subject=subject, study=study)
            yield self._header(row, subject, series)
        yield from self._person(row, subject, study)

    def _study(self, row: Row, subject: str, study: str) -> Iterator[Record]:
        if study in self.studies:
            return
        date = row.date("study_date")
        self.studies[study] = subject, date
        yield Study(uid=study, subject=subject)
        when, text = When.on(date) if date else None, row.values.get("study_text")
        if when or text:
            yield StudyHeader(uid=study, subject=subject, when=when, description=text)

    def _header(self, row: Row, subject: str, series: str) -> SeriesHeader:
        date = row.date("series_date") or row.date("study_date")
        attributes = {keyword: value for keyword in ATTRIBUTES if (value := _attribute(row, keyword)) is not None}
        doi = row.values.get("doi", "")
        return SeriesHeader(
            uid=series,
            subject=subject,
            modality=modality_of(row.values.get("modality", "")),
            when=When.on(date) if date else None,
            instance_count=row.number("count"),
            body_part=body_part_of((), row.values.get("BodyPartExamined", "")),
            license=row.values.get("license"),
            source_doi=re.sub(r"^https?://(dx\.)?doi\.org/", "", doi) or None,
            attributes=attributes,
        )

    def _person(self, row: Row, subject: str, study: str) -> Iterator[Record]:
        """Sex, once for a subject; age, once for a study."""
        sex, age = row.values.get("sex", ""), row.values.get("age", "")
        if sex in SEXES and (subject, "") not in self.subjects:
            self.subjects.add((subject, ""))
            key = f"{subject}/PatientSex"
            yield Finding(key=key, subject=subject, variable=ncit.SEX, value_concept=SEXES[sex], raw=sex)
        if (years := age_of(age)) is not None and (subject, study) not in self.subjects:
            self.subjects.add((subject, study))
            date, old = self.studies[study][1], years >= OLDEST
            yield Measurement(
                key=f"{study}/PatientAge",
                subject=subject,
                study=study,
                variable=ncit.AGE,
                value=None if old else years,
                low=Decimal(OLDEST) if old else None,
                unit="a",
                raw=f"{OLDEST}+" if old else age,
                when=When.on(date) if date else None,
            )


def _unusable(subject: str, study: str, series: str) -> tuple[str, str, str] | None:
    """Why a row cannot be placed: where, what is wrong, what would be right."""
    if not subject or len(subject) > LONGEST_ID or not subject.isprintable():
        return "Patient ID", "is missing or none", f"at most {LONGEST_ID} printable characters"
    if not UID.fullmatch(study):
        return "Study UID", "is missing or no UID", WANTED_UID
    if series and not UID.fullmatch(series):
        return "Series UID", "is no UID", WANTED_UID
    return None


def _attribute(row: Row, keyword: str) -> Scalar | None:
    """A value as the attribute has it; None where there is none or it is of another kind."""
    text, kind = row.values.get(keyword), dicom_attributes()[keyword].kind
    if text is None or kind is Kind.STRING:
        return text
    if kind is Kind.INTEGER:
        return row.number(keyword)
    try:
        value = Decimal(text)
    except InvalidOperation:
        return None
    return value if value.is_finite() and 0 < value < 10_000 else None


assert ATTRIBUTES.keys() <= dicom_attributes().keys()
