"""Images outside DICOM as series: formats whose files name neither a series nor a subject.

Whose a file is, and of which DICOM study and series, ``subjects.yaml`` says (`ingest.subjects_file`). The file becomes
a series with a UID of its own, which is made of its content, so that it is the same whenever the file is read again;
it is keyed, since a date or name that went into it could be guessed otherwise. Where ``subjects.yaml`` names a DICOM
series, the file's series points at it with `q:derivedFrom`.
"""

from __future__ import annotations

import hashlib
import hmac
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

from ingest.base import Context, sha256_of
from ingest.gate.review import Reviews, person_elements, without
from ingest.subjects_file import Placed, placed
from ontology.prefixes import Curie
from ontology.records import (
    DataClass,
    Derivation,
    Record,
    Scalar,
    Series,
    SeriesHeader,
    SourceRecord,
    Study,
    StudyHeader,
    When,
)

__all__ = ["Described", "ImageFile", "decimal", "minted"]

DIGITS = 6
"""Decimal places that are kept of a number: a nanometre of a distance in mm."""


def decimal(number: float) -> Decimal:
    """A number of a header, without the noise of binary fractions.

    >>> decimal(0.30000000000000004), decimal(2000.0)
    (Decimal('0.3'), Decimal('2000'))
    """
    rounded = round(Decimal(repr(float(number))), DIGITS).normalize()
    return rounded.quantize(Decimal(1)) if rounded == rounded.to_integral_value() else rounded


def minted(context: Context, subject: str, *parts: str) -> str:
    """A UID under ``2.25`` (PS3.5 B.2) of parts, within the collection and subject; the same parts give the same.

    It is keyed, since a date or name among the parts could be guessed otherwise.
    """
    text = "\0".join((context.collection, subject, *parts))
    keyed = hmac.new(context.secret, f"image\0{text}".encode(), hashlib.sha256).digest()
    return f"2.25.{uuid.UUID(bytes=keyed[:16], version=5).int}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Described:
    """What the header of a file says of its images."""

    attributes: Mapping[str, Scalar | tuple[Scalar, ...]] = field(default_factory=dict)
    examination: tuple[str, ...] = ()
    """What the file calls its examination, by which it shares a study with others; never stored itself."""
    modality: Curie | None = None
    acquisition: Curie | None = None
    when: When | None = None
    instance_count: int | None = None
    slice_spacing: Decimal | None = None
    temporal_positions: int | None = None


@dataclass(frozen=True, slots=True)
class ImageFile:
    """One file: its name and content, and whose it is."""

    path: Path
    digest: str
    whose: Placed
    context: Context

    @classmethod
    def at(cls, path: Path, context: Context) -> ImageFile:
        """A file; `ValueProblem` where nothing says whose it is, OSError where it cannot be read."""
        return cls(path, sha256_of(path), placed(path), context)

    def head(self, kind: str, version: str) -> SourceRecord:
        """The source that the file is; what ``subjects.yaml`` says, and a steward of texts, is part of its recipe."""
        return SourceRecord(
            kind=kind,
            name=self.path.name,
            digest=self.digest,
            locator=str(self.path),
            data_class=DataClass.IMAGES,
            recipe=f"{version}{self.context.answers('')} {self.whose.recipe(self.context)}",
        )

    @property
    def series(self) -> str:
        """The UID of the file's series."""
        return minted(self.context, self.whose.subject, "series", self.digest)

    def reviewed(self, described: Described, name: str, reviews: Reviews) -> Iterator[Record]:
        """The records of the file, without what waits for a steward, who is asked as about a DICOM header.

        ``name`` is what the file calls its patient. Of texts the gate asks (`ingest.gate.records`).
        """
        dated = (self.whose.when or described.when) is not None
        asked = reviews.asked(person_elements(self.whose.subject, name, dated=dated))
        reviews.tell(self.path.name, asked)
        return filter(None, (without(record, asked.withheld) for record in self.records(described)))

    def records(self, described: Described) -> Iterator[Record]:
        """The series and its study, what the header says of them, and the DICOM series that it belongs to."""
        whose = self.whose
        when = whose.when or described.when
        study = whose.study or minted(self.context, whose.subject, "study", *(described.examination or (self.digest,)))
        yield Study(uid=study, subject=whose.subject)
        yield Series(uid=self.series, subject=whose.subject, study=study)
        if when is not None and whose.study is None:
            yield StudyHeader(uid=study, subject=whose.subject, when=when)
        yield SeriesHeader(
            uid=self.series,
            subject=whose.subject,
            modality=described.modality,
            when=when,
            instance_count=described.instance_count,
            acquisition=described.acquisition,
            slice_spacing=described.slice_spacing,
            temporal_positions=described.temporal_positions,
            attributes=described.attributes,
        )
        if whose.series is not None:
            yield Series(uid=whose.series, subject=whose.subject, study=study)
            yield Derivation(uid=self.series, subject=whose.subject, origin=whose.series)
