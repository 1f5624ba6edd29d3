"""Manifests of series: what they list, who is answered with what, on the command line and over HTTP."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app
from ingest.idc import index_file
from ingest.tcia_manifest import series_in
from queries.catalogue import query
from queries.manifests import NoSeriesError, in_table, manifest, studies_of, uids_in
from queries.results import Table, run
from store.warehouse import OPERATOR, Caller, Warehouse

PET = {"onlyBreaking": "false"}


def pet_series(warehouse: Warehouse) -> list[str]:
    return in_table(run(warehouse, query("pet-protocol"), PET, OPERATOR))


def test_a_query_becomes_a_manifest_that_reads_back(demo_warehouse: Warehouse, tmp_path: Path) -> None:
    series = pet_series(demo_warehouse)
    assert len(series) > 5
    made = manifest("tcia", series)
    (tmp_path / "a.tcia").write_text(made.text)
    assert series_in(tmp_path / "a.tcia") == (series, [])
    assert made.listed == len(series)


def test_addresses_have_the_study_of_each_series(demo_warehouse: Warehouse) -> None:
    series = pet_series(demo_warehouse)
    studies = studies_of(demo_warehouse, [*series, "1.2.3"], OPERATOR)
    made = manifest("dicomweb", [*series, "1.2.3"], studies, "https://pacs.example.org/dicom-web/")
    lines = made.text.splitlines()
    assert lines[0] == f"https://pacs.example.org/dicom-web/studies/{studies[series[0]]}/series/{series[0]}"
    assert (made.listed, made.left_out) == (len(series), 1)


def test_nobody_learns_the_study_of_what_they_may_not_read(demo_warehouse: Warehouse) -> None:
    nobody = Caller("nobody", frozenset({"nobody"}))
    assert studies_of(demo_warehouse, pet_series(demo_warehouse), nobody) == {}


def test_the_catalogue_says_where_pixels_lie() -> None:
    text = "SELECT SeriesInstanceUID, series_aws_url FROM read_parquet(?) WHERE collection_id = 'rider_pilot' LIMIT 2"
    rows = dict(duckdb.execute(text, [str(index_file())]).fetchall())
    made = manifest("s5cmd", [*rows, "1.2.3"])
    lines = [line for line in made.text.splitlines() if not line.startswith("#")]
    assert lines == [f"cp {url} ." for url in rows.values()]
    assert (made.listed, made.left_out) == (2, 1)


def test_a_query_without_series_makes_none() -> None:
    with pytest.raises(NoSeriesError, match="pet-protocol"):
        in_table(Table(query("survival-by-stage"), ()))


def test_only_uids_are_listed() -> None:
    assert uids_in(["urn:oid:1.2.3", "1.2.03", "1.2\n", None, 7, "https://x/1.2.3", "1.2.3"]) == ["1.2.3", "1.2"]


@pytest.fixture
def line(demo_home: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("QILIN_HOME", str(demo_home))
    return lambda *words, **more: CliRunner().invoke(app, ["manifest", *words], **more)


def test_the_command_line_writes_them(line: Any, demo_warehouse: Warehouse) -> None:
    series = pet_series(demo_warehouse)
    by_query = line("tcia", "--query", "pet-protocol", "-p", "onlyBreaking=false")
    assert by_query.exit_code == 0
    text = "SELECT ?study ?series { ?series q:modality dcm:PT ; q:study ?study }"
    by_sparql = line("tcia", "--sparql", text)
    assert set(by_sparql.stdout.splitlines()) == set(by_query.stdout.splitlines())
    listed = line("dicomweb", "--series", "-", "--base", "https://x.org/w", input="\n".join([*series, "9.9.9"]))
    assert listed.exit_code == 1
    assert len(listed.stdout.splitlines()) == len(series)


@pytest.mark.parametrize(
    "words",
    [
        ["tcia"],
        ["tcia", "--sparql", "x", "--query", "y"],
        ["dicomweb", "--series", "-"],
        ["tcia", "--series", "/no/such"],
    ],
)
def test_wrong_usage_is_told(line: Any, words: list[str]) -> None:
    assert line(*words).exit_code == 2


def test_over_http_queries_with_series_have_manifests(demo_warehouse: Warehouse) -> None:
    with TestClient(create_app(demo_warehouse)) as web:
        answer = web.get("/queries/pet-protocol.tcia", params=PET)
        assert answer.status_code == 200
        assert uids_in(answer.text.split()) == pet_series(demo_warehouse)
        assert 'filename="pet-protocol.tcia"' in answer.headers["content-disposition"]
        assert web.get("/queries/pet-protocol.s5cmd", params=PET).text.startswith("#")
        assert web.get("/queries/survival-by-stage.tcia").status_code == 406
        assert "TCIA manifest" in web.get("/queries/pet-protocol", params=PET, headers={"accept": "text/html"}).text
