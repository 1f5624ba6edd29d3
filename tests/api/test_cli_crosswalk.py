"""``qilin crosswalk`` as a steward uses it: a table whose ids are not those of the images, from ingest to history."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path

import openpyxl
import pytest
from click.testing import Result
from typer.testing import CliRunner

from api.cli import app
from ontology.records import DataClass
from store.crosswalk import CrosswalkError
from store.warehouse import Warehouse
from tests.store import toys

MAP = """name: own
title: A site's table
namespace: site
subject: ID
columns: {Sex: {record: finding}}
"""
DECISIONS = (
    "subject_id\tpredicate_id\tobject_id\tmapping_justification\n"
    "column:Sex\tskos:exactMatch\tncit:C28421\tsemapv:ManualMappingCuration\n"
    "value:Sex/m\tskos:exactMatch\tncit:C20197\tsemapv:ManualMappingCuration\n"
)
Qilin = Callable[..., Result]


@pytest.fixture
def qilin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Qilin:
    """The command line over a warehouse with the images of three people, and a table and its map beside it."""
    monkeypatch.setenv("QILIN_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("QILIN_AUTHOR", "orcid:0000-0002-1825-0097")
    monkeypatch.chdir(tmp_path)
    warehouse = Warehouse.open()
    toys.collection(warehouse)
    images = [record for number in (1, 2, 3) for record in toys.scan(f"LUNG-00{number}", number, 0)]
    toys.put(warehouse, "ct", images, DataClass.IMAGES)
    warehouse.close()
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "map.yaml").write_text(MAP)
    (tmp_path / "own" / "mapping.sssom.tsv").write_text(DECISIONS)
    (tmp_path / "table.csv").write_text("ID,Sex\n1,m\n2,m\nX9,m\n")

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments))

    return run


def ingest(qilin: Qilin, *more: str) -> Result:
    return qilin("ingest", "table.csv", "--collection", "toys", "--mapping", "own", *more)


def test_from_an_unmatched_table_to_an_approved_rule(qilin: Qilin) -> None:
    done = ingest(qilin)
    assert "subjects of toys, images: 0 matched, 3 unmatched" in done.stdout
    assert "subjects of toys, annotations and tables, ids of site: 0 matched, 3 unmatched" in done.stdout
    assert "X9" not in done.output
    rule = ("crosswalk", "rule", "propose", "toys", "--namespace", "site", "--pad", "3", "--prefix", "LUNG-")
    proposed = json.loads(qilin(*rule, "--reason", "key list", "--json").stdout)
    assert {name: proposed["would"][name] for name in ("fit", "new", "subjects")} == {"fit": 2, "new": 2, "subjects": 2}
    assert [item["matched"] for item in proposed["would"]["after"]] == [2, 2]
    shown = json.loads(qilin("crosswalk", "show", "toys", "--json").stdout)
    assert [item["matched"] for item in shown] == [0, 0]
    assert qilin("crosswalk", "rule", "approve", "1", "--reason", "checked").exit_code == 0
    again = json.loads(ingest(qilin, "--json").stdout)
    assert [(i["namespace"], i["side"], i["matched"], i["unmatched"]) for i in again["subjects"]] == [
        ("", "images", 2, 1),
        ("site", "tables", 2, 1),
    ]
    listed = qilin("crosswalk", "show", "toys", "--ids", "--state", "unmatched").stdout.splitlines()
    assert [line.split("\t")[:4] for line in listed[1:]] == [
        ["-", "images", "LUNG-003", "LUNG-003"],
        ["site", "tables", "X9", "site|X9"],
    ]
    assert "LUNG-001" in qilin("crosswalk", "history", "toys", "--namespace", "site", "--id", "1").stdout
    assert "approved\t2" in qilin("crosswalk", "rule", "list").stdout
    assert qilin("crosswalk", "rule", "withdraw", "1", "--reason", "wrong").exit_code == 0
    assert "withdrawn\t0" in qilin("crosswalk", "rule", "list", "toys").stdout


def test_an_import_says_what_is_wrong_by_row_and_never_by_value(qilin: Qilin, tmp_path: Path) -> None:
    ingest(qilin)
    book = openpyxl.Workbook()
    assert book.active is not None
    for row in [("record", "PatientID"), (1, "LUNG-001"), (2, None), (None, None), (1, "LUNG-002"), ("X9", "LUNG-003")]:
        book.active.append(row)
    book.save(tmp_path / "keys.xlsx")
    columns = ("--namespace", "site", "--id-column", "record", "--subject-column", "PatientID", "--reason", "key list")
    done = qilin("crosswalk", "import", "toys", "keys.xlsx", *columns)
    assert done.exit_code == 1
    assert "4 rows: 2 new links, 2 refused" in done.stdout
    assert [line.split(":")[2] for line in done.stderr.splitlines() if "refused" in line] == [" row 3", " row 5"]
    assert "LUNG" not in done.output
    exported = qilin("crosswalk", "export", "toys").stdout
    rows = list(csv.DictReader(io.StringIO(exported)))
    assert [(row["namespace"], row["source id"], row["subject"]) for row in rows] == [
        ("site", "1", "LUNG-001"),
        ("site", "X9", "LUNG-003"),
    ]
    (tmp_path / "saved.csv").write_text(exported)
    back = qilin("crosswalk", "import", "toys", "saved.csv", "--reason", "again", "--json")
    assert json.loads(back.stdout) == {"rows": 2, "new": 0, "refused": []}
    assert qilin("crosswalk", "import", "toys", "saved.csv", "--reason", "no", "--id-column", "none").exit_code != 0


def test_links_by_hand_are_published_at_once_and_chains_are_refused(qilin: Qilin) -> None:
    ingest(qilin)
    why = ("--reason", "letter of the site")
    done = qilin("crosswalk", "link", "toys", "1", "LUNG-001", "--namespace", "site", *why)
    assert (done.exit_code, "waits" in done.stderr) == (0, False)
    assert "waits" in qilin("crosswalk", "link", "toys", "77", "LUNG-001", "--namespace", "site", *why).stderr
    assert qilin("crosswalk", "merge", "toys", "LUNG-003", "LUNG-002", *why).exit_code == 0
    refused = qilin("crosswalk", "merge", "toys", "LUNG-001", "LUNG-002", *why)
    assert isinstance(refused.exception, CrosswalkError)
    warehouse = Warehouse.open()
    assert toys.number(warehouse, "SELECT (COUNT(?s) AS ?n) { ?s a q:Subject }") == 4
    warehouse.close()
    assert qilin("crosswalk", "unlink", "toys", "LUNG-003", *why).exit_code == 0
    kept = json.loads(qilin("crosswalk", "history", "toys", "--json").stdout)
    assert [(entry["source_id"], entry["subject"]) for entry in kept] == [
        ("1", "LUNG-001"),
        ("77", "LUNG-001"),
        ("LUNG-003", "LUNG-002"),
        ("LUNG-003", None),
    ]
    assert {entry["author"] for entry in kept} == {"orcid:0000-0002-1825-0097"}


def test_a_decision_without_author_or_reason_is_refused(qilin: Qilin, monkeypatch: pytest.MonkeyPatch) -> None:
    assert qilin("crosswalk", "merge", "toys", "LUNG-003", "LUNG-002").exit_code == 2
    monkeypatch.delenv("QILIN_AUTHOR")
    assert qilin("crosswalk", "merge", "toys", "LUNG-003", "LUNG-002", "--reason", "why").exit_code == 2


def test_an_unknown_id_is_told_with_its_collection_and_what_is_like_it(qilin: Qilin) -> None:
    ingest(qilin)
    why = ("--reason", "x")
    said = qilin("crosswalk", "unlink", "toys", "LUNG-01", *why)
    assert said.exit_code
    assert str(said.exception) == (
        "no source names 'LUNG-01' in toys, its own namespace; like it: LUNG-001, LUNG-003, LUNG-002, "
        "and it is not linked"
    )
    assert str(qilin("crosswalk", "unlink", "toys", "LUNG-001", *why).exception) == (
        "'LUNG-001' of toys, its own namespace, is not linked"
    )
    assert "it is one of namespace site" in str(qilin("crosswalk", "unlink", "toys", "X9", *why).exception)
    said = qilin("crosswalk", "unlink", "toys", "X9", "--namespace", "sites", *why)
    assert "its namespaces are: its own namespace, namespace site" in str(said.exception)
    said = qilin("crosswalk", "merge", "toys", "LUNG-0002", "LUNG-001", *why)
    assert said.exit_code == 0
    assert "no source names 'LUNG-0002' in toys, its own namespace; like it: " in " ".join(said.stderr.split())
    assert "the link waits for a source that names it" in " ".join(said.stderr.split())
    assert "no source" not in qilin("crosswalk", "link", "toys", "X9", "LUNG-001", "--namespace", "site", *why).stderr
