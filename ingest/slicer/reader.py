"""Files of 3D Slicer as a source: markups, label maps with segments, tables of segment statistics.

One file is one source. What comes in:

- Markups (``.mrk.json``, ``.fcsv``, ``.acsv``): each a region with its shape, number of points and box in the patient's
  coordinates (RAS is turned into LPS). Lengths, angles, areas and volumes that the file states as measurements; where
  it does not, those of a line and an angle, computed from their points, as Slicer shows them.
- Label maps (``.seg.nrrd``, and ``.nrrd`` or ``.nhdr`` that are named as label maps): each segment a region with what
  it is of (category, type, anatomic region, each with its code), its box, slices and volume.
- Tables of segment statistics: each cell a measurement of its segment.
- A lesion, where the name of a markup or segment is nothing but a word for a lesion and a number
  (`ingest.observed.lesions`): the reader's, where ``subjects.yaml`` names one; else that of the file alone.

Whose a file is, ``subjects.yaml`` says (`ingest.subjects_file`): the files themselves do not. Points, descriptions and
paths of other files stay in the document.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from ingest.base import Context, Source, Yield, head_of, sha256_of, unreadable
from ingest.gate.records import LABEL
from ingest.observed.quantities import ValueProblem
from ingest.slicer import records as slicer_records
from ingest.slicer.json import read_markups
from ingest.slicer.segments import read_segments
from ingest.slicer.table import SCHEMA_END, is_statistics, read_table, schema_of
from ingest.slicer.text import read_annotation, read_fiducials
from ingest.subjects_file import placed
from ingest.volumes.nrrd_file import MAGIC
from ontology.records import DataClass, Record, Reject, SourceRecord

__all__ = ["SOURCE", "accepts", "read"]

VERSION: Final = "slicer-2"
"""The reader's version: raise it when the same document would give other records."""

HEAD: Final = 4096
LARGEST: Final = 1 << 26
"""The bytes of a document of markups that is read: 64 MiB."""

MARKUPS: Final = re.compile(rb'markups-schema-v1|"markups"\s*:')


def _kind(locator: str) -> str | None:
    """Which kind of file it is; None where it is none of 3D Slicer's."""
    path, name = Path(locator), Path(locator).name.casefold()
    if name.endswith(".mrk.json"):
        return "json"
    if name.endswith((".fcsv", ".acsv")):
        return name.rpartition(".")[2]
    if name.endswith(SCHEMA_END):
        return "schema"
    if name.endswith((".csv", ".tsv", ".txt")):
        line = head_of(locator, HEAD).split(b"\n", 1)[0].decode("utf-8", "replace")
        return "table" if is_statistics(line, path) else None
    if name.endswith(".json"):
        return "json" if MARKUPS.search(head_of(locator, HEAD)) else None
    return "nrrd" if name.endswith((".nrrd", ".nhdr")) or head_of(locator, 8).startswith(MAGIC) else None


def accepts(locator: str) -> bool:
    """Whether a file is one of 3D Slicer's, by its name or first bytes."""
    kind = _kind(locator)
    return kind is not None and (kind != "schema" or _has_table(Path(locator)))


def _has_table(path: Path) -> bool:
    """Whether the table stands beside its schema."""
    table = path.with_name(f"{path.name[: -len(SCHEMA_END)]}.csv")
    return table.is_file() and schema_of(table) == path


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """The records of each file, in the order of the locators; a schema is read with its table."""
    for done, locator in enumerate(locators, 1):
        kind = _kind(locator)
        if kind != "schema":
            yield from _document(Path(locator), kind or "json", context)
        context.progress(done, None)


def _document(path: Path, kind: str, context: Context) -> Iterator[Yield]:
    """One file: its source and records, or a reject for the whole of it."""
    try:
        whose, digest = placed(path), sha256_of(path)
        beside = f" schema-{sha256_of(schema_of(path))[:16]}" if kind == "table" and schema_of(path).is_file() else ""
        recipe = f"{VERSION}{context.answers(LABEL)} codes-{context.codes.digest[:16]} {whose.recipe(context)}{beside}"
        head = SourceRecord(
            kind="slicer",
            name=path.name,
            digest=digest,
            locator=str(path),
            data_class=DataClass.METADATA,
            recipe=recipe,
        )
        if context.known(digest, recipe):
            yield head
            return
        found = list(READERS[kind](slicer_records.Translation(path.name, digest, whose, context), path))
    except ValueProblem as error:
        yield Reject(name=path.name, place="document", problem=error.problem, wanted=error.wanted)
        return
    except OSError as error:
        yield unreadable(path.name, error, "document")
        return
    if any(isinstance(item, Record) for item in found):
        yield head
        yield from whose.nodes(context)
    yield from found


def _text(path: Path) -> str:
    if path.stat().st_size > LARGEST:
        raise ValueProblem("the document is too large", f"at most {LARGEST >> 20} MiB")
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueProblem("the document is no text in UTF-8", "a document as 3D Slicer writes it") from error


READERS: Final[dict[str, Callable[[slicer_records.Translation, Path], Iterator[Yield]]]] = {
    "acsv": lambda to, path: to.markups(read_annotation(_text(path))),
    "fcsv": lambda to, path: to.markups(read_fiducials(_text(path))),
    "json": lambda to, path: to.markups(read_markups(_text(path))),
    "nrrd": lambda to, path: to.segments(read_segments(path)),
    "table": lambda to, path: to.statistics(read_table(path)),
}

SOURCE = Source(
    name="slicer",
    accepts=accepts,
    read=read,
    summary="3D Slicer: markups (.mrk.json, .fcsv, .acsv), label maps (.seg.nrrd, .nrrd), segment statistics",
)
