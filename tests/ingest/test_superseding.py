"""Exports of one project that are ingested side by side: no fact counts twice, and none is lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from ingest.report import Report
from ingest.run import Job, run
from ontology.records import Extent
from store.projects import overlap
from store.warehouse import OPERATOR, Warehouse
from tests.ingest import redcap_project as project
from tests.ingest.test_redcap_exports import DECISIONS, MAP, ROWS

WEIGHT, PSA = "ncit:C81328", "ncit:C17634"


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    opened = Warehouse.open(tmp_path / "home", workers=1)
    folder = opened.home.root / "mappings" / "trial"
    folder.mkdir(parents=True)
    (folder / "map.yaml").write_text(MAP, encoding="utf-8")
    (folder / "mapping.sssom.tsv").write_text(DECISIONS, encoding="utf-8")
    yield opened
    opened.close()


@pytest.fixture
def exports(tmp_path: Path) -> Path:
    folder = tmp_path / "exports"
    folder.mkdir()
    (folder / "dictionary.csv").write_text(project.dictionary(), encoding="utf-8")
    (folder / "events.csv").write_text(project.event_list(), encoding="utf-8")
    return folder


def ingest(warehouse: Warehouse, *files: Path) -> Report:
    return run(warehouse, [Job(locators=tuple(map(str, files)), collection="trial", mapping="trial")])


def values(warehouse: Warehouse, variable: str) -> list[str]:
    query = f"SELECT ?value {{ ?m q:variable {variable} ; q:value ?value }} ORDER BY ?value"
    return [str(row["value"].value) for row in warehouse.select(query, OPERATOR).dicts() if row["value"]]  # type: ignore[union-attr]


def sources(warehouse: Warehouse) -> list[str]:
    return sorted(source.name for source in warehouse.generations.current().sources)


def test_csv_and_xml_of_a_project_count_once_however_often_they_are_given(warehouse: Warehouse, exports: Path) -> None:
    (exports / "raw.csv").write_text(project.raw_csv(ROWS), encoding="utf-8")
    (exports / "labels.csv").write_text(project.label_csv(ROWS), encoding="utf-8")
    (exports / "project.xml").write_text(project.project_xml(ROWS), encoding="utf-8")
    report = ingest(warehouse, exports)
    assert report.rejects == []

    assert values(warehouse, WEIGHT) == ["70.25", "71.5"]
    assert values(warehouse, PSA) == ["3.5", "4.5"]
    (left,) = sources(warehouse)
    assert set(report.superseded) == {"raw.csv", "labels.csv", "project.xml"} - {left}
    again = ingest(warehouse, exports)
    assert (again.added, again.replaced, again.unchanged, again.rejects) == (0, 0, 3, [])
    assert sources(warehouse) == [left]


def test_a_later_download_under_another_name_replaces_the_earlier_one(warehouse: Warehouse, exports: Path) -> None:
    first, second = exports / "trial_2024-01.csv", exports / "trial_2024-02.csv"
    first.write_text(project.raw_csv(ROWS), encoding="utf-8")
    ingest(warehouse, first)
    changed = [{**row, "weight": "72"} if row.get("weight") == "71,5" else row for row in ROWS]
    changed.append({"record_id": "3", "redcap_event_name": "baseline_arm_1", "weight": "60"})
    second.write_text(project.raw_csv(changed), encoding="utf-8")
    report = ingest(warehouse, second)
    assert report.superseded == {"trial_2024-01.csv": "trial_2024-02.csv"}
    assert values(warehouse, WEIGHT) == ["60", "70.25", "72"]
    # the earlier one lies there still, and is not taken for news
    assert ingest(warehouse, exports).rejects == []
    assert values(warehouse, WEIGHT) == ["60", "70.25", "72"]
    # it is served again where the later one is taken out
    warehouse.retract([source.sid for source in warehouse.generations.current().sources])
    ingest(warehouse, first)
    assert values(warehouse, WEIGHT) == ["70.25", "71.5"]


def test_an_export_that_lacks_what_it_would_replace_is_left_to_the_steward(warehouse: Warehouse, exports: Path) -> None:
    whole, part = exports / "whole.csv", exports / "part.csv"
    whole.write_text(project.raw_csv(ROWS), encoding="utf-8")
    ingest(warehouse, whole)
    part.write_text(project.raw_csv(ROWS[:-2]), encoding="utf-8")
    (reject,) = ingest(warehouse, part).rejects
    assert "states again what whole.csv states" in reject.problem
    assert "lacks 2 of its rows" in reject.problem
    (sid,) = [source.sid for source in warehouse.generations.current().sources]
    assert f"qilin retract {sid}" in reject.wanted
    assert values(warehouse, PSA) == ["3.5", "4.5"]
    warehouse.retract([sid])
    assert ingest(warehouse, part).rejects == []
    assert values(warehouse, PSA) == ["4.5"]


def test_a_file_that_is_overwritten_with_less_is_replaced_as_ever(warehouse: Warehouse, exports: Path) -> None:
    path = exports / "raw.csv"
    path.write_text(project.raw_csv(ROWS), encoding="utf-8")
    ingest(warehouse, path)
    path.write_text(project.raw_csv(ROWS[:1]), encoding="utf-8")
    assert ingest(warehouse, path).rejects == []
    assert values(warehouse, WEIGHT) == ["71.5"]


def test_exports_of_different_records_stand_side_by_side(warehouse: Warehouse, exports: Path) -> None:
    for number in ("1", "2"):
        rows = [row for row in ROWS if row["record_id"] == number]
        (exports / f"site{number}.csv").write_text(project.raw_csv(rows), encoding="utf-8")
    report = ingest(warehouse, exports)
    assert (report.rejects, report.superseded) == ([], {})
    assert sources(warehouse) == ["site1.csv", "site2.csv"]


A, B, C = (bytes([number]) * 8 for number in range(3))
WHOLE = Extent(fields=frozenset("abc"), columns=frozenset("abc"), rows=frozenset({A, B}), wanted=frozenset("ab"))


@pytest.mark.parametrize(
    ("later", "lacking"),
    [
        (WHOLE, (0, ())),
        (replace(WHOLE, rows=frozenset({A, B, C})), (0, ())),
        (replace(WHOLE, columns=frozenset("ab")), (0, ())),  # what no map reads may be left out
        (replace(WHOLE, columns=frozenset("a")), (0, ("b",))),
        (replace(WHOLE, rows=frozenset({A, C})), (1, ())),
        (replace(WHOLE, rows=frozenset({C})), None),
        (replace(WHOLE, columns=frozenset("c")), None),
        (replace(WHOLE, fields=frozenset("aXYZ")), None),  # another project
    ],
)
def test_what_a_later_export_lacks(later: Extent, lacking: tuple[int, tuple[str, ...]] | None) -> None:
    found = overlap(WHOLE, later)
    assert (found and (found.rows, found.columns)) == lacking
