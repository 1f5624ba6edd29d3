"""The map commands on code sets, as a steward uses them."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from api.cli import app, refusals
from mappings.code_library import shipped_set
from mappings.code_sets import read_code_rows
from ontology.index import TermIndex
from store.generations import Generations
from store.home import Home

GOLDEN = Path(__file__).parents[1] / "ingest" / "aim" / "aim3_target_lesion" / "input.xml"
CODE = "2891770|caBIG|Proportion Necrosis"

Run = Callable[..., Result]


@pytest.fixture(scope="module")
def terms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("terms") / "terms.db"
    TermIndex(path).close()
    return path


@pytest.fixture
def home(tmp_path: Path, terms: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    root = tmp_path / "var"
    root.mkdir()
    shutil.copy(terms, root / "terms.db")
    text = GOLDEN.read_text(encoding="utf-8").replace('"2891771"', '"2891770"')  # a code that has no mapping
    (tmp_path / "one.xml").write_text(text, encoding="utf-8")
    monkeypatch.setenv("QILIN_HOME", str(root))
    monkeypatch.setenv("QILIN_AUTHOR", "Ada")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Generations, "_vocabulary", lambda self: b"")
    return Home(root)


@pytest.fixture
def qilin(home: Home) -> Run:
    def run(*words: str, status: int | None = 0) -> Result:
        result = CliRunner().invoke(app, [*words])
        if result.exception and not isinstance(result.exception, (SystemExit, *refusals())):
            raise result.exception
        assert status is None or result.exit_code == status, result.output
        return result

    run("ingest", "one.xml", "--collection", "c", status=None)
    return run


def waiting(qilin: Run) -> dict[str, dict]:
    found = json.loads(qilin("map", "pending", "codes", "--json", status=None).stdout)
    return {f"{row['code']}|{row['scheme']}|{row['meaning']}": row for row in found}


def test_a_code_that_waits_is_listed_decided_and_gone(qilin: Run) -> None:
    row = waiting(qilin)[CODE]
    assert (row["set"], row["collections"]) == ("codes/cabig", "c")
    assert row["records"] > 0
    made = qilin(
        "map", "decide", "codes", CODE, "radlex:RID5171", "--predicate", "closeMatch", "--reason", "x", "--json"
    )
    made = json.loads(made.stdout)
    assert (made["mapping"], made["subject"], made["subject_label"]) == (
        "codes/cabig",
        "cabig:2891770",
        "Proportion Necrosis",
    )
    assert made["applied"]["from_files"] == 1
    assert CODE not in waiting(qilin)
    history = json.loads(qilin("map", "history", "codes/cabig", "--json").stdout)
    assert [item["reason"] for item in history["decisions"]] == ["x"]
    shown = json.loads(qilin("map", "show", "codes/cabig", "2891770=Proportion Necrosis", "--json").stdout)
    assert [item["term"] for item in shown] == ["radlex:RID5171"]


def test_the_best_proposal_is_taken_where_no_term_is_named(qilin: Run) -> None:
    made = qilin("map", "decide", "codes", "7|99NEW|Standardized Uptake Value Maximum", "--later", "--json")
    found = json.loads(made.stdout)
    assert (found["mapping"], found["object"]) == ("codes/x99new", "ncit:C95012")
    assert found["reason"] == "its label or synonym"


def test_coverage_counts_codes_and_records(qilin: Run) -> None:
    before = {row["set"]: row for row in json.loads(qilin("map", "check", "codes", "--json", status=1).stdout)}
    qilin("map", "decide", "codes", CODE, "--no-term", "--reason", "x", status=None)
    after = {row["set"]: row for row in json.loads(qilin("map", "check", "codes", "--json", status=0).stdout)}
    assert after["codes"]["codes decided"] == before["codes"]["codes decided"] + 1
    assert after["codes"]["records"] == before["codes"]["records"]
    assert after["codes/cabig"]["records decided"] > before["codes/cabig"]["records decided"]


def test_a_set_is_exported_written_and_then_speaks(qilin: Run, home: Home) -> None:
    qilin("map", "decide", "codes", CODE, "radlex:RID5171", "--later", "--reason", "x")
    text = qilin("map", "export", "codes/cabig").stdout
    assert "cabig:2891770\tProportion Necrosis" in text
    assert "#  cabig: https://w3id.org/qilin/scheme/cabig#" in text
    turtle = qilin("map", "export", "codes/cabig", "--format", "turtle").stdout
    assert "<https://w3id.org/qilin/scheme/cabig#2891770> skos:exactMatch <http://radlex.org/RID/RID5171>" in turtle
    qilin("map", "write", "codes/cabig")
    path = home.mappings / "codes" / "cabig.sssom.tsv"
    kept = [row for row in read_code_rows(path) if row.subject == "cabig:2891770"]
    assert [(row.term, row.author) for row in kept] == [("radlex:RID5171", "Ada")]
    path.write_text(path.read_text(encoding="utf-8").replace("RID5171\tnecrosis", "RID4865\tedema"), encoding="utf-8")
    shown = json.loads(qilin("map", "show", "codes/cabig", "2891770=Proportion Necrosis", "--json").stdout)
    assert [item["term"] for item in shown] == ["radlex:RID4865"]
    listed = {row["map"]: row for row in json.loads(qilin("map", "list", "--json").stdout)}
    assert listed["codes/cabig"]["whose"] == "site"
    assert listed["codes/srt"]["whose"] == "ready"


def test_nothing_that_comes_with_qilin_needs_a_review_and_what_was_relabelled_does(qilin: Run, home: Home) -> None:
    sets = [row["map"] for row in json.loads(qilin("map", "list", "--json").stdout) if row["map"].startswith("codes/")]
    assert json.loads(qilin("map", "review", *sets, "--json").stdout) == []
    qilin("map", "write", "codes/srt", str(home.root / "whole"))
    path = home.mappings / "codes" / "srt.sssom.tsv"
    path.parent.mkdir(parents=True, exist_ok=True)
    (home.root / "whole" / "srt.sssom.tsv").rename(path)
    path.write_text(
        path.read_text(encoding="utf-8").replace("ncit:C25334\tLength", "ncit:C25334\tOld"), encoding="utf-8"
    )
    found = json.loads(qilin("map", "review", "codes/srt", "--json", status=1).stdout)
    assert {(row["label"], row["problem"], row["now"]) for row in found} == {("Old", "was relabelled", "Length")}


def test_a_set_of_the_site_stands_beside_the_one_that_comes_with_qilin(qilin: Run, home: Home) -> None:
    shipped = len(json.loads(qilin("map", "show", "codes/srt", "--json").stdout))
    qilin("map", "decide", "codes/srt", "G-A22A", "ncit:C96684", "--later", "--reason", "x")
    qilin("map", "decide", "codes/srt", "M-8FFFF=Ours", "ncit:C94520", "--later", "--reason", "x")
    qilin("map", "decide", "codes/srt", "G-A185", "--withdraw", "--later", "--reason", "x")
    (gone,) = [row for row in shipped_set("codes/srt") if row.subject == "srt:G-A185"]
    qilin("map", "write", "codes/srt")
    path = home.mappings / "codes" / "srt.sssom.tsv"
    held = {(row.subject, row.term, row.negated) for row in read_code_rows(path)}
    assert held == {
        ("srt:G-A22A", "ncit:C96684", False),
        ("srt:M-8FFFF", "ncit:C94520", False),
        ("srt:G-A185", gone.term, True),
    }
    rows = json.loads(qilin("map", "show", "codes/srt", "--json").stdout)
    assert len(rows) == shipped + 1
    terms = {row["code"]: (row["term"], row["word"]) for row in rows}
    assert terms["srt:G-A22A"] == ("ncit:C96684", "exactMatch")
    assert terms["srt:G-A185"] == (gone.term, "does not mean")
    qilin("map", "write", "codes/srt")
    assert {(row.subject, row.term, row.negated) for row in read_code_rows(path)} == held


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("command", ["pending", "check"])
def test_a_set_that_is_not_known_is_no_empty_list(command: str) -> None:
    assert "no code set 'codes/nosuch'" in str(CliRunner().invoke(app, ["map", command, "codes/nosuch"]).exception)
