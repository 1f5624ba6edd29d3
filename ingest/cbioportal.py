"""Clinical files of cBioPortal studies: attributes of patients and samples, and timelines; read through table maps.

Above the row of attribute names stand rows that begin with ``#`` (display names, descriptions, datatypes, priorities;
in old files also the level): they are left out. Format: https://docs.cbioportal.org/file-formats/
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from ingest.base import Context, Source, Yield, head_of
from ingest.table.file import TableFile
from ingest.table.reader import read_files

__all__ = ["SOURCE", "PortalFile"]

HEAD = 65536
NAMES = re.compile(r"data_(?:bcr_)?(?:clinical|timeline)[\w.-]*\.(?:txt|tsv)", re.IGNORECASE)


class PortalFile(TableFile):
    """A clinical file as a table: the attribute names first, and every row of data under its number in the file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, delimiter="\t")

    def rows(self, sheet: str | int | None = None) -> Iterator[Sequence[str]]:
        """The names of the attributes, an empty row for each row that was above them, then the data."""
        rows = super().rows(sheet)
        above = 0
        for row in rows:
            if not row or not row[0].startswith("#"):
                yield row
                break
            above += 1
        yield from chain(([] for _ in range(above)), rows)


def accepts(locator: str) -> bool:
    """Whether a locator is a clinical file by its name, or by rows that begin with ``#`` above PATIENT_ID."""
    path = Path(locator)
    if "://" in locator or path.suffix.lower() not in {".txt", ".tsv"}:
        return False
    lines = head_of(locator, HEAD).decode("utf-8", errors="replace").splitlines()
    names = next((line for line in lines if not line.startswith("#")), "").split("\t")
    known = bool(lines) and (lines[0].startswith("#") or NAMES.fullmatch(path.name) is not None)
    return known and "PATIENT_ID" in names


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """Yield each file's head, records and rejects."""
    return read_files("cbioportal", PortalFile, locators, context)


SOURCE = Source(name="cbioportal", accepts=accepts, read=read, summary="clinical files and timelines of cBioPortal")
