"""Sources that are judged and made into columns where they are read: the same comes in as of their records."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyoxigraph as ox
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.aim_documents import make_documents
from ingest.aim.reader import SOURCE
from ingest.base import Context, Source, Yield
from ingest.judging import Judging
from ingest.run import Job, Report, run
from ontology.prefixes import Curie
from ontology.records import DataClass, Finding, Lesion, Measurement, Record, RegionFacts, SourceRecord, When
from ontology.terms import ncit, q
from store.control import Control
from store.log import BrokenSourceError
from store.open_source import OpenSource, day_columns
from store.packs import Packing
from store.warehouse import OPERATOR, Warehouse
from tests.store import toys

VOCABULARY = "<https://w3id.org/qilin/id/graph/vocabulary>"
LOGGED_AT = "http://www.w3.org/ns/prov#generatedAtTime"

DATES = st.dates(dt.date(1990, 1, 1), dt.date(2030, 1, 1))
WHENS = (
    st.none()
    | st.builds(lambda first, span: When(first, first + dt.timedelta(span)), DATES, st.integers(0, 400))
    | st.builds(When.on, DATES, st.just("annotation"))
    | st.builds(When.day, st.integers(-5000, 5000), st.just("from-surgery"))
)


def one_by_one() -> Source:
    """The reader of annotations, which does not know of a run that takes columns."""

    def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
        return SOURCE.read(locators, replace(context, blocks=False))

    return replace(SOURCE, read=read)


def ingested(home: Path, documents: Path, source: Source) -> tuple[Report, set[str], list[object], set[str]]:
    """The report of a run; the triples, what is listed as not come in, and the kept documents, by content."""
    warehouse = Warehouse.open(home)
    try:
        locators = tuple(map(str, sorted(documents.iterdir())))
        report = run(warehouse, [Job(locators=locators, collection="c", audience="public", source=source)])
        quads = ox.Store.read_only(str(home / "current" / "store"))
        stated = {text for quad in quads if VOCABULARY not in (text := str(quad)) and LOGGED_AT not in text}
        listed = sorted((entry.name, entry.place, entry.problem) for entry in warehouse.control.quarantine())
        return report, stated, listed, {path.name for path in warehouse.home.documents.glob("*/*.gz")}
    finally:
        warehouse.close()


def test_annotations_in_columns_say_what_their_records_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setting = Control.setting
    monkeypatch.setattr(Control, "setting", lambda self, name: "0f" * 32 if name == "secret" else setting(self, name))
    documents = tmp_path / "documents"
    make_documents(documents, 12)
    first = (documents / "aim-000000.xml").read_text(encoding="utf-8")
    changed = {
        "broken": "<ImageAnnotationCollection>",
        "twice": first,
        "software": first.replace("Scanner 10", "Scanner of doe@example.org").replace("2.25.33", "2.25.43"),
        "series": first.replace('Uid root="1.2.826.0.1', 'Uid root="x').replace("2.25.33", "2.25.53"),
        "value": first.replace('<value value="6.238445133134"/>', '<value value="long"/>'),
    }
    for name, text in changed.items():
        (documents / f"zz-{name}.xml").write_text(text, encoding="utf-8")
    alone = ingested(tmp_path / "alone", documents, one_by_one())
    together = ingested(tmp_path / "together", documents, SOURCE)
    assert together[1] ^ alone[1] == set()
    assert len(alone[1]) > 1000
    assert together[2:] == alone[2:]
    assert together[0].records == alone[0].records
    assert (together[0].added, together[0].unchanged) == (alone[0].added, alone[0].unchanged)
    problems = {problem for _, _, problem in together[2]}
    assert {"looks like an e-mail address", "the study has no usable instance UID"} <= problems
    assert len(together[3]) >= 12


def measurement(key: str, **said: object) -> Measurement:
    return Measurement(key=key, subject="S1", variable=ncit.LENGTH, **said)


def test_what_the_gate_and_the_log_refuse_is_told_and_the_rest_comes_in() -> None:
    judging = Judging(Context(collection="c"))
    told = judging.source(
        [
            measurement("a", raw="born 1961-03-12"),
            measurement("b", value=dt.MAXYEAR, visit=2**40),
            replace(measurement("c"), variable=Curie("nowhere:1")),
            measurement("d"),
            Lesion(subject="S1", key="L", label="doe@example.org"),
        ]
    )
    assert [(reject.place, reject.quarantine) for reject in told.rejects] == [
        ("record a, raw", True),
        ("b", False),
        ("c", False),
        ("record L, label", True),
    ]
    assert told.refused == {"a", "L"}
    assert told.packed.counts == {"Measurement": 1, "Lesion": 1}
    tables = judging.made().tables
    assert tables["Measurement"].column("key").to_pylist() == ["d"]
    assert tables["Subject"].column("subject").to_pylist() == ["S1"]
    assert "label" not in tables["Lesion"].column_names


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 2), st.sampled_from("AB"), WHENS), min_size=1, max_size=20))
def test_days_of_a_pack_are_those_of_its_records(rows: list[tuple[int, str, When | None]]) -> None:
    head = SourceRecord(kind="t", name="t", digest="0" * 64, locator="t", data_class=DataClass.METADATA)

    def opened() -> list[OpenSource]:
        origins: dict[tuple[str, str], dt.date] = {("A", "calendar"): dt.date(2001, 2, 3)}
        return [OpenSource(head, "c", "calendar", f"sid{number}", origins) for number in range(3)]

    records = [
        Finding(key=str(n), subject=subject, variable=q.UNMAPPED, when=when)
        for n, (_, subject, when) in enumerate(rows)
    ]
    mine, others = opened(), opened()
    packing = Packing()
    for record in records:
        packing.add(record)
    packing.finish()
    table = packing.made().tables["Finding"]
    expected = [others[at].days(subject, when) for at, subject, when in rows]
    if all(when is None for _, _, when in rows):
        assert "when_first" not in table.column_names
        return
    columns = day_columns(mine, np.array([at for at, _, _ in rows], dtype=np.int64), "when", table)
    found = zip(*(columns[f"when_{end}"].to_pylist() for end in ("first", "last", "clock")), strict=True)
    assert list(found) == expected
    assert mine[0].origins == others[0].origins


def test_a_source_of_a_pack_that_is_not_whole_stays_out_alone(tmp_path: Path) -> None:
    packing = Packing()
    packed = []
    region: Record = RegionFacts(key="r", subject="S1", region="R")
    for records in ([measurement("a", value=1)], [region], [measurement("b", value=2)]):
        for record in records:
            packing.add(record)
        packed.append(packing.finish())
    pack = packing.made()
    warehouse = Warehouse.open(tmp_path / "var")
    try:
        toys.collection(warehouse)
        with warehouse.writing() as writing:
            for number, one in enumerate(packed):
                writing.log.begin(toys.head(f"t{number}", [], DataClass.METADATA), "toys", "calendar")
                writing.log.add_pack(pack, one)
                if number == 1:
                    with pytest.raises(BrokenSourceError):
                        writing.log.finish()
                else:
                    writing.log.finish()
            assert writing.log.held == 4  # two measurements and the subject of each
            for logged in writing.log.flush():
                assert logged.records == 2
                writing.keep(logged)
            writing.publish()
        rows = warehouse.select("SELECT ?v { ?m a q:Measurement; q:value ?v }", OPERATOR).rows
        assert sorted(term.value for (term,) in rows if isinstance(term, ox.Literal)) == ["1", "2"]
        assert "RegionFacts" not in {path.parent.name for path in warehouse.home.log.glob("*/*.parquet")}
    finally:
        warehouse.close()
