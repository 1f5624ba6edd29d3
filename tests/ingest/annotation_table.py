"""What comes of the real files of annotation tools, kind by kind, against a scan that knows nothing of the readers.

``python -m tests.ingest.annotation_table`` prints the table of ``docs/annotations.md``. Every file is read as it is
published, but that DICOM objects are read as copies without the made-up names, dates and institutions for which the
gate refuses them, and files that name no subject stand beside a ``subjects.yaml``. A file counts as refused with the
reason of its reader.
"""

from __future__ import annotations

import csv
import json
import re
import shutil
import sys
import tempfile
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pydicom
from lxml import etree
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError

from ingest import sources
from ingest.base import Block, Context
from ingest.gate.dicom import WATCHED
from ontology.records import Lesion, Measurement, Observation, RegionFacts, Reject, SourceRecord
from ontology.terms import q
from ontology.variables import variables

__all__ = ["KINDS", "REAL", "Row", "cleaned", "lines", "row"]

REAL: Final = Path(__file__).parents[2].parent / "shared" / "data" / "imaging"
CONTEXT: Final = Context(collection="real", secret=b"a secret of the tests", attested=True)
NUMBER: Final = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
ABSENT: Final = frozenset(("", "NA", "nan"))


@dataclass
class Row:
    """What comes of the files of one kind."""

    files: int = 0
    read: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Why files were refused."""
    within: Counter[str] = field(default_factory=Counter)
    """Why elements of files that were read were rejected."""
    observations: int = 0
    measurements: int = 0
    regions: int = 0
    numbers: int = 0
    """Numbers that the scan finds in the files that were read."""
    exact: int = 0
    """Those that became a measurement of a registered variable in its unit."""
    missed: Counter[str] = field(default_factory=Counter)
    """What the other numbers are of, as far as measurements tell."""
    lesions: set[tuple[str, str]] = field(default_factory=set)


# what an independent scan finds: the numbers of a file, as texts


def _aim(path: Path) -> Iterator[str]:
    if path.suffix == ".json":
        yield from _in_json(json.loads(path.read_text(encoding="utf-8")), inside=False)
        return
    root = etree.parse(str(path))
    for data in root.iter("{*}CalculationData"):
        yield from (x for x in (data.get("value"), *(str(x.get("value")) for x in data.iter("{*}value"))) if x)
    for element in root.iter("{*}CharacteristicQuantification"):
        # an interval is one measurement, whichever of its ends is stated first
        texts = [element.get(name) for name in ("value", "minValue", "maxValue")]
        yield from [text for text in texts if text][:1]


def _in_json(held: Any, *, inside: bool) -> Iterator[str]:
    if isinstance(held, list):
        for item in held:
            yield from _in_json(item, inside=inside)
    elif isinstance(held, dict):
        for name, item in held.items():
            if name == "value" and inside and isinstance(item, dict) and set(item) == {"value"}:
                yield str(item["value"])
            elif name not in {"coordinateCollection", "dimensionCollection", "unitOfMeasure", "dataType"}:
                yield from _in_json(item, inside=inside or name == "CalculationResult")


LIBRARIES: Final = frozenset(("111028", "126200", "zzz034"))
"""Image libraries, which describe images and no lesion."""


def _report(path: Path) -> Iterator[str]:
    def walk(item: Dataset) -> Iterator[str]:
        name = item.get("ConceptNameCodeSequence")
        if name and name[0].get("CodeValue") in LIBRARIES:
            return
        measured = item.get("MeasuredValueSequence") if item.get("ValueType") == "NUM" else None
        if measured and measured[0].get("NumericValue") is not None:
            yield str(measured[0].NumericValue)
        for child in item.get("ContentSequence", []):
            yield from walk(child)

    yield from walk(pydicom.dcmread(path, force=True))


def _with_keywords(expression: str) -> Callable[[Path], Iterator[str]]:
    """The values of the attributes whose keyword fits, anywhere in an object."""
    wanted = re.compile(expression)

    def scan(path: Path) -> Iterator[str]:
        for element in pydicom.dcmread(path, force=True).iterall():
            if wanted.fullmatch(element.keyword) and element.value is not None:
                yield str(element.value)

    return scan


def _rows(path: Path) -> list[list[str]]:
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.reader(handle))


def _features(path: Path) -> Iterator[str]:
    """The cells of a table of features: those of the rows that are no diagnostics."""
    for cells in _rows(path)[1:]:
        if not cells[0].startswith(("diagnostics_", "general_")):
            yield from cells[1:]


RESULTS: Final = {
    "OSIPI_dce_DRO_data_extended_tofts.csv": r"Ktrans|ve|vp",
    "OSIPI_t1_prostate_data.csv": r"\s*T1 .*",
    "PYRECIST_synthetic_measurements.csv": r"measurement",
    # sums of other dates, and a difference of two of these columns, are stated by other rows or follow
    "PYRECIST_synthetic_evaluation.csv": r"current_burden|burden_(percent.*|difference_from_nadir)",
    "SDTM_tr_onco_recist.derived.csv": r"TRSTRESN",
}
"""The columns of results, by file; other tables have none."""


def _results(path: Path) -> Iterator[str]:
    header, *rows = _rows(path)
    wanted = [at for at, name in enumerate(header) if re.fullmatch(RESULTS.get(path.name, "-"), name)]
    yield from (cells[at] for cells in rows for at in wanted if len(cells) > at)


def _nothing(_path: Path) -> Iterator[str]:
    return iter(())


KINDS: Final[dict[str, Callable[[Path], Iterator[str]]]] = {
    "aim_v3": _aim,
    "aim_v4": _aim,
    "aim_json": _aim,
    "aim_template": _nothing,
    "epad_rest": _aim,
    "dicom_sr": _report,
    "dicom_seg": _nothing,
    "dicom_rt": _with_keywords(r"(Target|DVH)(Prescription|Minimum|Maximum|Mean)Dose"),
    "dicom_rwvm": _with_keywords(r"RealWorldValue(Slope|Intercept)"),
    "dicom_pm": _nothing,
    "nrrd": _nothing,
    "slicer_markups": _nothing,
    "dcmqi_json": _nothing,
    "radiomics": _features,
    "ibsi": _nothing,
    "dce": _results,
    "recist": _results,
    "tcia": _nothing,
}
"""The folders, with what an independent scan finds in their files."""


# what the readers find


def cleaned(path: Path, folder: Path) -> Path:
    """A copy to read: of a DICOM object without what the gate watches, of another beside a word on whose it is."""
    copy = folder / path.name
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        document = _object(path)
        if document is None:
            shutil.copy(path, copy)
            (folder / "subjects.yaml").write_text('"*": S1\n', encoding="utf-8")
            return copy
        for element in list(document.iterall()):
            watched = element.VR == "PN" or (element.keyword in WATCHED and element.keyword != "PatientID")
            if watched and element.value:
                element.value = [] if element.VR == "SQ" else ""
        document.PatientIdentityRemoved = "YES"
        implicit, little = document.original_encoding
        document.save_as(copy, implicit_vr=implicit, little_endian=little)
    return copy


def _object(path: Path) -> pydicom.FileDataset | None:
    """The DICOM object that a file holds, with or without a preamble; None where it holds none."""
    with suppress(InvalidDicomError, TypeError, ValueError, EOFError):
        document = pydicom.dcmread(path, force=True)
        return document if "SOPClassUID" in document else None
    return None


def _exactly(item: Measurement) -> bool:
    registered = variables().get(item.variable)
    return item.variable != q.UNMAPPED and registered is not None and registered.unit in {None, item.unit}


def _key(text: str) -> str | None:
    """A number to six digits, which is how much AIM written as a report has."""
    return f"{float(text):.6g}" if NUMBER.fullmatch(text) else None


def _stated(item: Measurement) -> set[str]:
    """The numbers by which a measurement may be known in its file: as written, else its value or bounds."""
    words = re.split(r"[ -]", item.raw or "")
    return {key for text in (*words, str(item.value), str(item.low), str(item.high)) if (key := _key(text)) is not None}


def row(kind: str) -> Row:
    """What comes of the files of a kind."""
    found = Row()
    for path in sorted((REAL / kind).iterdir()):
        found.files += 1
        with tempfile.TemporaryDirectory() as folder:
            _count(found, path, cleaned(path, Path(folder)), KINDS[kind])
    return found


def _count(found: Row, path: Path, copy: Path, scan: Callable[[Path], Iterator[str]]) -> None:
    source = sources.accepting(str(copy), None)
    found_in = source.read(iter([str(copy)]), CONTEXT) if source is not None else ()
    items = [item for item in found_in if not isinstance(item, Block)]  # a catalogue of series holds no observation
    rejects = [item.problem for item in items if isinstance(item, Reject)]
    if not any(isinstance(item, SourceRecord) for item in items):
        found.reasons.update(rejects[:1] or ["no kind of source reads this"])
        return
    found.read += 1
    found.within.update(rejects)
    found.observations += sum(isinstance(item, Observation) for item in items)
    found.regions += sum(isinstance(item, RegionFacts) for item in items)
    found.lesions |= {(item.subject, item.key) for item in items if isinstance(item, Lesion)}
    measured = [item for item in items if isinstance(item, Measurement)]
    found.measurements += len(measured)
    numbers = Counter(key for text in scan(path) if text not in ABSENT and (key := _key(text)) is not None)
    found.numbers += numbers.total()
    for item in measured:
        known = next((key for key in sorted(_stated(item)) if numbers[key]), None)
        if known is None:
            continue
        if _exactly(item):
            numbers[known] -= 1
            found.exact += 1
        else:
            found.missed[str(item.raw_code)] += 1


COLUMNS: Final = (
    *("kind", "files", "read", "refused", "rejected within", "observations", "measurements", "numbers", "exact"),
    *("lesions", "regions"),
)


def _cells(kind: str, found: Row) -> tuple[str, ...]:
    share = f" ({100 * found.exact / found.numbers:.1f} %)" if found.exact < found.numbers else ""
    counts = (found.files, found.read, found.files - found.read, found.within.total(), found.observations)
    more = (found.measurements, found.numbers)
    ends = (len(found.lesions), found.regions)
    texts = [*(f"{count:,}" for count in (*counts, *more)), f"{found.exact:,}{share}", *(f"{end:,}" for end in ends)]
    return (kind, *texts)


def lines() -> Iterator[str]:
    """The table, and below it why files were refused and what of the numbers is missing."""
    rows = {kind: row(kind) for kind in KINDS}
    for cells in (COLUMNS, ["---"] * len(COLUMNS), *(_cells(kind, found) for kind, found in rows.items())):
        yield f"| {' | '.join(cells)} |"
    for kind, found in rows.items():
        for what, counted in (("refused", found.reasons), ("rejected", found.within), ("not exact", found.missed)):
            yield from (f"{kind}: {count} {what}: {reason}" for reason, count in counted.most_common(8))


if __name__ == "__main__":
    sys.stdout.writelines(f"{line}\n" for line in lines())
