"""Measurement sets as files, one for each document, with what was left out and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from analysis.aim_document import aim_document
from analysis.measurement_set import Document, MeasurementSet, Unwritten
from analysis.sr_document import NothingToSayError, sr_document
from analysis.statements import Words, becomes_longest
from ingest.observed.times import visit_label
from mappings.code_writing import AIM_SCHEMES, DICOM_SCHEMES, CodeWriter
from mappings.codes import Codes

__all__ = ["FORMATS", "Format", "Written", "write_documents"]


@dataclass(frozen=True, slots=True)
class Format:
    """A kind of document: how it is written, in which codes, and how its files end."""

    write: Callable[[Document, MeasurementSet, Words, Unwritten], bytes]
    schemes: tuple[str, ...]
    suffix: str


FORMATS: Final[Mapping[str, Format]] = {
    "aim": Format(aim_document, AIM_SCHEMES, ".xml"),
    "sr": Format(sr_document, DICOM_SCHEMES, ".dcm"),
}
"""The formats by name."""

UNSAID: Final = ("accepted_reading", "criteria", "minute", "replicate")
"""What observations may have that neither format says."""


@dataclass(slots=True)
class Written:
    """What was written: the files, how many observations went in, and what is missing."""

    files: list[Path] = field(default_factory=list)
    observations: int = 0
    missing: Counter[str] = field(default_factory=Counter)


def write_documents(given: MeasurementSet, form: str, codes: Codes, folder: Path) -> Written:
    """Write every document of a set into a folder; a file is named by the UID of its document."""
    how = FORMATS[form]
    words, written = Words(CodeWriter(codes, how.schemes)), Written()
    folder.mkdir(parents=True, exist_ok=True)
    for document in given.documents():
        unwritten = Unwritten()
        try:
            content = how.write(document, given, words, unwritten)
        except NothingToSayError:
            content = b""
        written.missing.update(unwritten.reasons)
        written.observations += sum(len(group.observations) for group in document.groups) - unwritten.count
        if content:
            written.missing.update(_lacking(document, form))
            path = folder / f"{document.uid}{how.suffix}"
            partial = path.with_suffix(".partial")
            partial.write_bytes(content)
            partial.replace(path)
            written.files.append(path)
    return written


def _lacking(document: Document, form: str) -> Counter[str]:
    """What a reader of the document will miss, or take otherwise than it was meant."""
    found: Counter[str] = Counter()
    for group in document.groups:
        if not any(image.sop_class for image in group.images) and not (form == "sr" and group.segment):
            known = "only the series" if group.series else "only the study" if group.study else "no image"
            found[f"group that names {known}: the images' UIDs and SOP classes are not known (see --images)"] += 1
        if becomes_longest(group, tracked=form == "sr"):
            found["length of a lesion without another, which is read as its longest diameter"] += 1
        if form == "sr" and any(item.part_of for item in group.observations):
            found["group whose statements are parts of others, which TID 1500 cannot say"] += 1
        if form == "aim" and group.visit is not None and group.study is None:
            found["group with the number of a visit, but no study: AIM says visits of studies only"] += 1
        if form == "aim" and group.visit_label and visit_label(group.visit_label) != group.visit_label:
            found["group whose visit has a name that AIM readers do not know as one"] += 1
        unsaid = UNSAID if form == "sr" else (*UNSAID, "read_session")
        for name in unsaid:
            if any(getattr(item, name, None) is not None for item in group.observations):
                found[f"group with {name.replace('_', ' ')}, of which the format says nothing"] += 1
        if any(item.region for item in group.observations) and not (form == "sr" and group.segment):
            found["group measured on a marked region: its coordinates are in its own document only"] += 1
    return found
