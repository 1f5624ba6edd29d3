"""Tables, kept and read again: the same records as from the file, and nothing kept that identifies."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from ingest import sources
from ingest.base import Context
from ingest.gate import admit, identifier_in
from ingest.table import Input, read_input
from ingest.table_kept import KeptTable, TableDocument, shortfall
from mappings.tables import Library
from ontology.records import Record, Reject, When
from tests.ingest.test_table_golden import CASES, KINDS, files_of, mapping

DATA = Path(__file__).parents[3] / "shared" / "data" / "clinical"
SUFFIXES = {".csv", ".tsv", ".txt", ".xlsx", ".xls"}
FILES = (path for path in (DATA / "tcia").rglob("*") if path.suffix.lower() in SUFFIXES)
TABLES = sorted(path for path in FILES if path.stat().st_size < 300_000)
ORIGIN = dt.date(2000, 1, 1)


def days(_subject: str, when: When) -> tuple[int | None, int | None, str | None]:
    if isinstance(when.first, int):
        return when.first, when.last, when.clock
    return (when.first - ORIGIN).days, (when.last - ORIGIN).days, when.clock


class Origins(dict):
    def get(self, _key, _default=None):
        return ORIGIN


def through_gate(items, context) -> tuple[list[Record], set[str]]:
    admitted, refused = [], set()
    for item in items:
        found = admit(item, context) if isinstance(item, Record) else None
        if isinstance(found, Reject):
            refused.add(str(getattr(item, "key", "")))
        elif found is not None:
            admitted.append(found)
    return admitted, refused


def compare(path: Path, context: Context, source) -> int:
    """Read a table, keep it, read what was kept: the records are the same; how many tables that was."""
    kept: list[TableDocument] = []
    given = replace(context, keep=kept.append)
    records, refused = through_gate(source.read(iter([str(path)]), given), given)
    for document in kept:
        lines = list(document.lines(refused, days))
        assert shortfall(json.loads(lines[0]), context.library.get(context.mapping or document.mapping)).columns == ()
        texts = {row.value or "" for row in context.library.get(context.mapping or document.mapping).decisions.rows}
        known = {context.mark(text): text for text in texts}
        table = KeptTable("kept", lambda lines=lines: iter(lines), known, Origins(), "calendar")
        again = replace(context, mapping=context.mapping or document.mapping)
        own = document.known
        told = Input(document.kind, path, table, "0" * 64, own.elements, own.labels, decimals=own.decimals)
        assert through_gate(read_input(told, again), again)[0] == records, path.name
        for line in lines[1:]:
            row = json.loads(line)
            cells = [cell for cell in row if isinstance(cell, str)] if isinstance(row, list) else []
            # identifiers of subjects may hold runs of digits, as the gate allows
            found = [kind for cell in cells if (kind := identifier_in(cell, ("person", "mail", "date")))]
            assert not found, f"{path.name}: {found}"
    return len(kept)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_a_golden_table_reads_the_same_from_what_was_kept(case: Path) -> None:
    context = Context(collection="trial", mapping=mapping(case), secret=b"secret of the test")
    source = KINDS[case.parent.name]
    expected = json.loads((case / "expected.json").read_text(encoding="utf-8"))
    made = any(item["type"] not in {"SourceRecord", "Reject"} for item in expected)
    kept = sum(compare(path, context, source) for path in map(Path, files_of(case)))
    assert kept or not made or case.parent.name == "biotab"  # whose map follows from the file itself


@pytest.mark.real
@pytest.mark.skipif(not TABLES, reason="../shared/data is not present")
def test_every_real_table_reads_the_same_from_what_was_kept() -> None:
    library, compared = Library(), 0
    for path in TABLES:
        source = sources.accepting(str(path))
        if source is not None:
            compared += compare(path, Context(collection=path.parent.name, secret=b"s", library=library), source)
    assert compared >= 50
