"""Tables, kept and read again: the same records as from the file, and nothing kept that identifies."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from ingest import sources
from ingest.base import Context
from ingest.gate.forms import identifier_in
from ingest.gate.records import admit
from ingest.table.kept import KeptTable, TableDocument
from ingest.table.reader import Input, read_input
from ingest.table.ways import shortfall
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
        assert shortfall(json.loads(lines[0]), context.library().get(context.mapping or document.mapping)).columns == ()
        texts = {row.value or "" for row in context.library().get(context.mapping or document.mapping).decisions.rows}
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
            compared += compare(
                path, Context(collection=path.parent.name, secret=b"s", library=lambda: library), source
            )
    assert compared >= 50


HEAD = "subject_id\tpredicate_id\tobject_id\tmapping_justification\n"


def small(folder: Path, shape: str, terms: tuple[str, ...], table: str) -> Path:
    """A table beside a map of its own; the path of the table."""
    own = folder / "own"
    own.mkdir()
    (own / "map.yaml").write_text(f"name: own\ntitle: own\n{shape}", encoding="utf-8")
    rows = "".join(f"{row}\tsemapv:ManualMappingCuration\n" for row in terms)
    (own / "mapping.sssom.tsv").write_text(HEAD + rows, encoding="utf-8")
    path = folder / "t.csv"
    path.write_text(table, encoding="utf-8")
    return path


def kept_of(path: Path) -> list[str]:
    """The lines that are kept of a small table."""
    documents: list[TableDocument] = []
    context = Context(collection="c", mapping=str(path.parent / "own"), secret=b"s", keep=documents.append)
    _, refused = through_gate(sources.accepting(str(path)).read(iter([str(path)]), context), context)
    return [line for document in documents for line in document.lines(refused, days)]


AGE = ("column:Age\tskos:exactMatch\tncit:C25150",)


@pytest.mark.parametrize(
    ("shape", "terms", "table"),
    [
        pytest.param(
            "subject: ID\n"
            "columns:\n  Age: {record: measurement, unit: a, missing: ['999'], absent: {'998': ncit:C62222}}\n",
            AGE,
            "ID,Age\nS1,61\nS2,999\nS3,93\nS4,998\n",
            id="a code for a missing age",
        ),
        pytest.param(
            "subject: ID\ncolumns:\n  Age: {record: measurement, unit: {column: In}}\n",
            AGE,
            "ID,Age,In\nS1,61,a\nS2,1100,mo\nS3,300,mo\nS4,93,a\n",
            id="a unit of its own in each row",
        ),
        pytest.param(
            "subject: ID\ncolumns:\n  Value: {record: measurement, unit: a, variable: {columns: [What, More]}}\n",
            ("value:What/age at-scan\tskos:exactMatch\tncit:C25150",),
            "ID,What,More,Value\nS1,age,at-scan,61\n",
            id="a variable made of two columns",
        ),
    ],
)
def test_a_small_table_reads_the_same_from_what_was_kept(tmp_path: Path, shape, terms, table) -> None:
    path = small(tmp_path, shape, terms, table)
    context = Context(collection="c", mapping=str(tmp_path / "own"), secret=b"s")
    assert compare(path, context, sources.accepting(str(path))) == 1


def test_of_a_key_cell_no_more_is_kept_than_the_identifier(tmp_path: Path) -> None:
    shape = "subject: {column: ID, find: '[0-9]+$', prefix: P-}\ncolumns:\n  Age: {record: measurement, unit: a}\n"
    path = small(tmp_path, shape, AGE, "ID,Age\nWolfgang Kleinschmidt 17,61\n18,62\n")
    assert "Kleinschmidt" not in "".join(kept_of(path))
    context = Context(collection="c", mapping=str(tmp_path / "own"), secret=b"s")
    assert compare(path, context, sources.accepting(str(path))) == 1


def test_a_number_is_not_kept_where_another_row_says_what_it_is(tmp_path: Path) -> None:
    shape = (
        'subject: ID\ncolumns:\n  Value:\n    record: measurement\n    unit: a\n    where: {What: [""]}\n'
        "    variable: {column: What, per: [Visit]}\n"
    )
    path = small(tmp_path, shape, ("value:What/age\tskos:exactMatch\tncit:C25150",), PER)
    kept = "".join(kept_of(path))
    assert '"61"' in kept
    assert '"93"' not in kept


PER = "ID,Visit,What,Value\nS1,1,age,\nS1,1,,61\nS2,1,age,\nS2,1,,93\n"
