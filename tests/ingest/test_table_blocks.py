"""Records in blocks: that they say the same as records one by one, at the gate, in days, and in the log."""

import datetime as dt
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.base import Block, Context
from ingest.gate.records import admit, admit_block
from ingest.table import records as table_records
from ingest.table.reader import SOURCE
from ontology.fields import star_of
from ontology.prefixes import Curie
from ontology.records import Finding, Measurement, Outcome, Record, Reject, SourceRecord, When
from ontology.terms import ncit
from store.columns import columns_of, defaults_of, logged, records_of
from store.open_source import OpenSource, day_columns
from tests.ingest.test_table_shapes import read as read_table

CONTEXT = Context(collection="c")
TEXTS = st.text(max_size=12) | st.sampled_from(["1961-03-12", "a@b.org", "42 mm", "DOE^JOHN", "555-123-4567", "II"])
DATES = st.dates(dt.date(1990, 1, 1), dt.date(2030, 1, 1))
WHENS = st.none() | st.builds(lambda first, span: When(first, first + dt.timedelta(span)), DATES, st.integers(0, 400))
COUNTS = st.none() | st.builds(When.day, st.integers(-5000, 5000), st.just("from-surgery"))
VALUES = st.none() | st.decimals(-200, 200, places=2) | st.integers(-200, 200)


def table_of(records: list[Record]) -> pa.Table:
    """Records of one type as the columns of a block."""
    kind = type(records[0])
    star = star_of(kind.__name__)
    fields = {item.name: item for item in star.fields}
    rows = []
    for record in records:
        row: dict = {"key": record.key, **defaults_of(kind)}
        for name, item in fields.items():
            row |= logged(item, getattr(record, name))
        rows.append(row)
    types = {
        name: pa.date32()
        if name.endswith(("_first", "_last")) and any(isinstance(row.get(name), dt.date) for row in rows)
        else kind_of
        for name, kind_of in columns_of(star).items()
        if name in rows[0]
    }
    return pa.table({name: pa.array([row[name] for row in rows], kind_of) for name, kind_of in types.items()})


def measurements(whens):
    return st.lists(
        st.builds(
            Measurement,
            key=st.from_regex(r"R[1-9]{1,6}C1", fullmatch=True),
            subject=st.sampled_from(["S1", "S2", "S3", "born 12 March 1961"]),
            variable=st.sampled_from([ncit.AGE, ncit.LONGEST_DIAMETER]),
            value=VALUES,
            low=st.none() | st.decimals(-120, 120, places=1),
            high=st.none() | st.decimals(-120, 120, places=1),
            unit=st.sampled_from([None, "a"]),
            raw=st.none() | TEXTS,
            when=whens,
            visit=st.none() | st.integers(0, 9),
            lesion=st.none() | TEXTS,
        ),
        min_size=1,
        max_size=8,
        unique_by=lambda record: record.key,
    )


@settings(max_examples=50, deadline=None)
@given(measurements(WHENS) | measurements(COUNTS))
def test_columns_of_records_are_those_records(records):
    assert list(records_of(Measurement, table_of(records))) == records


@settings(max_examples=50, deadline=None)
@given(measurements(WHENS))
def test_a_block_is_judged_as_its_records_are(records):
    one_by_one = [admit(record, CONTEXT) for record in records]
    block, rejects, keys = admit_block(Block(Measurement, table_of(records)), CONTEXT)
    kept = list(records_of(Measurement, block.rows))
    assert kept == [item for item in one_by_one if not isinstance(item, Reject)]
    refused = [item for item in one_by_one if isinstance(item, Reject)]
    assert keys == {record.key for record, item in zip(records, one_by_one, strict=True) if isinstance(item, Reject)}
    assert {item.problem for item in rejects} == {item.problem for item in refused}
    assert all(item.quarantine for item in rejects)


@settings(max_examples=50, deadline=None)
@given(measurements(WHENS) | measurements(COUNTS), st.booleans())
def test_days_of_a_block_are_those_of_its_records(records, known):
    origins = {("S1", "calendar"): dt.date(2001, 2, 3)} if known else {}
    head = SourceRecord(kind="table", name="t", digest="0" * 64, locator="t", data_class="clinical", recipe="")
    mine = OpenSource(head, "c", "calendar", "sid", dict(origins))
    other = OpenSource(head, "c", "calendar", "sid", dict(origins))
    columns = day_columns([mine], np.zeros(len(records), dtype=np.int64), "when", table_of(records))
    found = list(zip(*(columns[f"when_{end}"].to_pylist() for end in ("first", "last", "clock")), strict=True))
    assert found == [other.days(record.subject, record.when) for record in records]
    assert mine.origins == other.origins
    assert sorted(mine.new_origins) == sorted(other.new_origins)


def test_an_old_age_is_a_bound_whatever_it_is_written_as():
    made = [
        Measurement(key=f"R{number}", subject="S", variable=ncit.AGE, value=value, low=low, raw="x")
        for number, (value, low) in enumerate([(Decimal(89), None), (95, None), (Decimal("1e2"), None), (None, 90)])
    ]
    made.append(Measurement(key="R9", subject="S", variable=ncit.AGE_AT_DIAGNOSIS, value=Decimal("-93.5"), raw="x"))
    block, rejects, _ = admit_block(Block(Measurement, table_of(made)), CONTEXT)
    assert not rejects
    bounded = list(records_of(Measurement, block.rows))
    assert [(item.value, item.low, item.high, item.raw) for item in bounded] == [
        (89, None, None, "x"),
        *[(None, 90, None, "90+")] * 3,
        (None, None, -90, "90+"),  # the years from the diagnosis back to birth
    ]
    assert bounded == [admit(item, CONTEXT) for item in made]
    reviewed = Context(collection="c", reviewed=True)
    assert list(records_of(Measurement, admit_block(Block(Measurement, table_of(made)), reviewed)[0].rows)) == bounded


def test_a_reviewed_block_passes_as_it_is():
    rows = table_of([Finding(key="R1", subject="S", variable=Curie("ncit:C28421"), raw="1961-03-12")])
    block, rejects, _ = admit_block(Block(Finding, rows), Context(collection="c", reviewed=True))
    assert block.rows is rows
    assert not rejects


@pytest.mark.parametrize("rows", [3, 57])
def test_a_table_in_blocks_says_the_same_as_one_by_one(tmp_path, rows, monkeypatch):
    monkeypatch.setattr(table_records, "BLOCK", 25)
    lines = [
        f"S{n % 50},{n % 7},{'2020-01-02' if n % 3 else ''},{n % 11 or 'x'},{'mf'[n % 2]},{n}" for n in range(rows)
    ]
    table = "\n".join(["ID,Visit,Seen,LD,Sex,OS", *lines]) + "\n"
    shape = (
        "common: {when: {column: Seen}, visit: {column: Visit}}\n"
        "columns:\n  LD: {record: measurement, unit: mm, lesion: {columns: [Visit, Sex]}}\n  Sex: {record: finding}\n"
        "  OS: {record: outcome, unit: d, event: true}\n"
    )
    one_by_one = read_table(tmp_path, table, shape)
    context = Context(collection="c", mapping=str(tmp_path / "own"), blocks=True)
    found: list[Record] = []
    rejects: list[Reject] = []
    for item in SOURCE.read(iter([str(tmp_path / "t.csv")]), context):
        if isinstance(item, Block):
            found.extend(records_of(item.kind, item.rows))
        elif isinstance(item, Reject):
            rejects.append(item)
        else:
            found.append(item)
    assert sorted(map(repr, found)) == sorted(repr(item) for item in one_by_one if not isinstance(item, Reject))
    assert rejects == [item for item in one_by_one if isinstance(item, Reject)]
    assert sum(isinstance(item, Outcome) for item in found) == rows
