"""Clinical files of the GDC portal (``clinical.tsv``, ``exposure.tsv``, ``follow_up.tsv``), read through a table map.

Such a file joins several tables: a row for each treatment repeats the diagnosis and the case that it belongs to. Here
each of them is a sheet of its own, in which every case, diagnosis or treatment stands once. A cell that says nothing
holds ``'--``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from ingest.base import Context, Source, Yield, head_of
from ingest.table.file import TableError, TableFile
from ingest.table.reader import read_files
from mappings.shape import plain

__all__ = ["SOURCE", "GdcFile"]

HEAD = 65536
NOTHING = "'--"
CASE = "cases.submitter_id"
SHEETS = {
    "cases": CASE,
    "diagnoses": "diagnoses.diagnosis_id",
    "treatments": "treatments.treatment_id",
    "follow_ups": "follow_ups.follow_up_id",
    "molecular_tests": "molecular_tests.molecular_test_id",
    "exposures": "exposures.exposure_id",
    "family_histories": "family_histories.family_history_id",
}
"""Each table that a file may join, and the column by which a row of it is known."""


class GdcFile(TableFile):
    """A joined file as a workbook: each sheet has its rows once, under their numbers in the file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path, delimiter="\t")
        self.workbook = True

    def check(self) -> None:
        """`TableError` where the file is no text."""
        self._detected_encoding()

    def rows(self, sheet: str | int | None = None) -> Iterator[Sequence[str]]:
        """The column names, then the rows; of a sheet, an empty one in place of every repeat."""
        rows = self._text_rows()
        if not isinstance(sheet, str):
            yield from rows
            return
        names = [plain(cell) for cell in next(rows, [])]
        key = SHEETS.get(sheet, "")
        if key not in names:
            raise TableError(
                f"table {sheet}", f"the file has no column {key or 'of that table'!r}", f"one of: {', '.join(SHEETS)}"
            )
        yield names
        at, seen = names.index(key), set[int]()
        for row in rows:
            name = row[at] if at < len(row) else ""
            # hashes, so that a million rows cost some megabytes
            if not name or name == NOTHING or hash(name) in seen:
                yield ()
                continue
            seen.add(hash(name))
            yield row


def accepts(locator: str) -> bool:
    """Whether a locator is a TSV whose columns are named as the portal does."""
    if "://" in locator or Path(locator).suffix.lower() not in {".tsv", ".txt"}:
        return False
    first = head_of(locator, HEAD).decode("utf-8-sig", errors="replace").partition("\n")[0]
    return CASE in first.strip().split("\t")


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """Yield each file's head, records and rejects."""
    return read_files("gdc", GdcFile, locators, context)


SOURCE = Source(
    name="gdc", accepts=accepts, read=read, summary="clinical, exposure and follow-up TSVs of the GDC portal"
)
