"""The map commands, as a steward uses them."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from typer.testing import CliRunner, Result

from api.cli import app, refusals
from ontology.imports.base import Concept, Importer, Release
from ontology.index import TermIndex
from store.generations import Generations
from store.home import Home

MAP = "name: trial\ntitle: A trial\nsubject: ID\ncolumns:\n  Sex: {record: finding}\n  Stage: {record: finding}\n"
HEAD = "subject_id\tpredicate_id\tobject_id\tobject_label\tmapping_justification\tconfidence\tcomment\n"
MADE = "semapv:ManualMappingCuration"
GUESSED = "semapv:LexicalMatching"
DECISIONS = (
    f"column:Sex\tskos:exactMatch\tncit:C28421\tSex\t{MADE}\t\t\n"
    f"value:Sex/f\tskos:exactMatch\tncit:C16576\tFemale\t{MADE}\t\t\n"
)
PROPOSALS = (
    f"column:Stage\tskos:closeMatch\tncit:C28421\tSex\t{GUESSED}\t0.1\tno reason\n"
    f"column:Stage\tskos:closeMatch\tncit:C28108\tDisease Stage Qualifier\t{GUESSED}\t0.8\tthe label agrees\n"
)
TABLE = "ID,Sex,Stage,Extra\nS1,f,II,x\nS2,m,II,y\nS3,f,odd,z\n"

Run = Callable[..., Result]


@pytest.fixture(scope="session")
def terms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("terms") / "terms.db"
    TermIndex(path).close()
    return path


@pytest.fixture
def home(tmp_path: Path, terms: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Home]:
    """A data folder with one site map, and a table beside it."""
    root = tmp_path / "var"
    folder = root / "mappings" / "trial"
    folder.mkdir(parents=True)
    (folder / "map.yaml").write_text(MAP, encoding="utf-8")
    (folder / "mapping.sssom.tsv").write_text(HEAD + DECISIONS, encoding="utf-8")
    (folder / "proposals.sssom.tsv").write_text(HEAD + PROPOSALS, encoding="utf-8")
    (tmp_path / "table.csv").write_text(TABLE, encoding="utf-8")
    shutil.copy(terms, root / "terms.db")
    monkeypatch.setenv("QILIN_HOME", str(root))
    monkeypatch.delenv("QILIN_AUTHOR", raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Generations, "_vocabulary", lambda self: b"")
    yield Home(root)
    logging.getLogger().handlers.clear()


@pytest.fixture
def qilin(home: Home) -> Run:
    def run(*words: str, status: int | None = 0, env: dict[str, str] | None = None) -> Result:
        result = CliRunner().invoke(app, ["map", *words], env=env)
        if result.exception and not isinstance(result.exception, (SystemExit, *refusals())):
            raise result.exception
        assert status is None or result.exit_code == status, result.output
        return result

    return run


def decide(qilin: Run, *words: str, **more) -> dict:
    result = qilin("decide", "trial", *words, "--author", "Ada", "--reason", "as the protocol says", "--json", **more)
    return json.loads(result.stdout)


def refused(qilin: Run, *words: str) -> str:
    more = [] if "--author" in words else ["--author", "Ada"]
    result = qilin("decide", "trial", *words, *more, status=None)
    assert result.exit_code
    return str(result.exception) if isinstance(result.exception, refusals()) else result.output


def test_from_a_proposal_to_records_and_back(qilin: Run, home: Home) -> None:
    assert "undecided" in qilin("show", "trial", "Stage").stdout
    assert "ncit:C28108 Disease Stage Qualifier" in qilin("show", "trial", "Stage").stdout
    qilin("apply", "table.csv", "--mapping", "trial", "--collection", "c", status=1)
    # the best proposal is taken, with its predicate, confidence and reason
    result = qilin("decide", "trial", "Stage", "--json", env={"QILIN_AUTHOR": "0000-0002-1825-0097"}, status=1)
    made = json.loads(result.stdout)
    assert (made["object"], made["object_label"]) == ("ncit:C28108", "Disease Stage Qualifier")
    assert (made["predicate"], made["confidence"], made["reason"]) == ("skos:closeMatch", 0.8, "the label agrees")
    assert made["author"] == "orcid:0000-0002-1825-0097"
    assert made["applied"]["report"]["records"] == {"Finding": 2}  # the two values of Stage wait
    made = decide(qilin, "Stage=II", "ncit:C28054")
    assert made["applied"]["report"]["records"] == {"Finding": 4}
    # what waited before is counted, not told again, and the exit status is about this decision
    assert (made["applied"]["report"]["rejects"], made["applied"]["rejected_as_before"]) == ([], 2)
    # a changed mind: another term, then none at all
    assert decide(qilin, "Stage=II", "ncit:C27966", "--later")["replaces"].startswith("decision 2 (Ada")
    assert decide(qilin, "Stage=II", "--withdraw", "--later")["verdict"] == "withdrawn"
    told = json.loads(qilin("apply", "trial", "--json").stdout)
    assert (told["from_files"], told["report"]["replaced"]) == (1, 1)
    assert json.loads(qilin("apply", "trial", "--json").stdout)["unchanged"] == 1
    verdicts = [
        row["verdict"] for row in json.loads(qilin("history", "trial", "Stage=II", "--json").stdout)["decisions"]
    ]
    assert verdicts == ["accepted", "accepted", "withdrawn"]


def test_a_decision_that_cannot_stand_is_refused_with_what_would_be_right(qilin: Run, home: Home) -> None:
    decide(qilin, "Sex=m", "ncit:C20197")
    reason = ("--reason", "x")
    said = refused(qilin, "Sex=m", "ncit:C20197", "--reject", *reason)
    assert said.startswith("decision 1 (Ada,")
    assert "for value:Sex/m, which this would reject" in said
    assert "mapping.sssom.tsv:3 accepts" in refused(qilin, "Sex=f", "ncit:C16576", "--reject", *reason)
    decide(qilin, "Sex=f", "ncit:C20197", "--reject")
    assert "rejects ncit:C20197" in refused(qilin, "Sex=f", "ncit:C20197", *reason)
    assert "no vocabulary" in refused(qilin, "Sex=x", "ncit:C0", *reason)
    assert "reads: ID, Sex, Stage" in refused(qilin, "Gender", "ncit:C28421", *reason)
    assert "a cell or code means a concept" in refused(qilin, "Sex=x", "cadsr:2200604", *reason)
    assert "calendar date" in refused(qilin, "Stage=seen on 1966-11-07", "--no-term", *reason)
    assert "without a reason" in refused(qilin, "Sex=x", "--no-term")
    assert "nothing is proposed for value:Sex/x" in refused(qilin, "Sex=x", *reason)
    assert "no decision is in force" in refused(qilin, "Sex=x", "--withdraw", *reason)
    assert "predicate 'skos:sameish'" in refused(qilin, "Sex=x", "ncit:C20197", "--predicate", "sameish", *reason)
    assert "is no ORCID" in refused(qilin, "Sex=x", "--no-term", "--author", "0000-0002-1825-0098", *reason)
    assert "only one of" in refused(qilin, "Sex=x", "--no-term", "--reject", *reason)
    assert "no table map" in str(qilin("show", "trail", status=None).exception)
    assert "QILIN_AUTHOR" in qilin("decide", "trial", "Sex=x", "--no-term", "--reason", "x", status=2).output
    assert len(json.loads(qilin("history", "trial", "--json").stdout)["decisions"]) == 2


def terms_of(qilin: Run, column: str) -> set[str]:
    (shown,) = json.loads(qilin("show", "trial", column, "--json").stdout)
    return {row["term"] for row in shown["decisions"]}


def test_an_element_brings_its_variable_unless_another_is_named(qilin: Run) -> None:
    made = decide(qilin, "Sex", "cadsr:2200604", "--later")
    assert made["brought"] == [], "its variable was decided already"
    made = decide(qilin, "Stage", "cadsr:2200604", "--later")
    assert [row["object"] for row in made["brought"]] == ["ncit:C28421"]
    made = decide(qilin, "Stage", "cadsr:3440332", "--later")
    assert [(row["object"], row["object_label"]) for row in made["brought"]] == [("q:ClinicalStage", "clinical stage")]
    made = decide(qilin, "Stage", "cadsr:3440332", "--variable", "ncit:C28108", "--later")
    assert "ncit:C28421" not in terms_of(qilin, "Stage")
    assert made["brought"][0]["replaces"].startswith("decision 5 (Ada")
    assert terms_of(qilin, "Stage") == {"cadsr:3440332", "ncit:C28108"}
    for words in (("Stage", "ncit:C28108"), ("Stage=II", "ncit:C28054"), ("Stage", "--withdraw")):
        assert "--variable" in refused(qilin, *words, "--variable", "ncit:C28108", "--reason", "x")
    decide(qilin, "Stage", "ncit:C28421", "--reject", "--later")
    assert "rejects ncit:C28421" in refused(qilin, "Stage", "cadsr:2200604", "--reason", "x"), "it would bring it"
    shown = qilin("decide", "trial", "Stage", "cadsr:3", "--author", "Ada", "--reason", "x", "--later").output
    assert "brings no variable" not in shown, "one is in force"


def test_an_element_without_a_variable_says_so(qilin: Run) -> None:
    shown = qilin("decide", "trial", "Stage", "cadsr:3", "--author", "Ada", "--reason", "x", "--later").output
    assert "cadsr:3 brings no variable; name one with --variable" in shown


def test_a_proposed_variable_brings_its_best_proposed_element(qilin: Run, home: Home) -> None:
    rows = (
        f"column:Sex\tskos:exactMatch\tncit:C28421\tSex\t{GUESSED}\t0.9\tthe name\n"
        f"column:Sex\tskos:closeMatch\tcadsr:62\t\t{GUESSED}\t0.6\tits name is alike\n"
        f"column:Sex\tskos:closeMatch\tcadsr:2200604\t\t{GUESSED}\t0.8\tdecided elsewhere\n"
    )
    (home.mappings / "trial" / "proposals.sssom.tsv").write_text(HEAD + rows, encoding="utf-8")
    (brought,) = json.loads(qilin("decide", "trial", "Sex", "--author", "Ada", "--later", "--json").stdout)["brought"]
    assert (brought["object"], brought["predicate"], brought["confidence"]) == ("cadsr:2200604", "skos:closeMatch", 0.8)
    assert brought["reason"] == "decided elsewhere"


def test_a_column_is_withdrawn_as_a_whole_or_by_term(qilin: Run) -> None:
    decide(qilin, "Sex", "cadsr:2200604", "--later")
    decide(qilin, "Sex", "ncit:C17049", "--reject", "--later")
    decide(qilin, "Sex", "cadsr:2200604", "--withdraw", "--later")
    assert terms_of(qilin, "Sex") == {"ncit:C28421", "ncit:C17049"}
    decide(qilin, "Sex", "cadsr:2200604", "--later")
    made = decide(qilin, "Sex", "--withdraw", "--later")
    assert {made["object"], *(row["object"] for row in made["brought"])} == {"ncit:C28421", "cadsr:2200604"}
    assert terms_of(qilin, "Sex") == {"ncit:C17049"}, "what it does not mean stays known"
    decide(qilin, "Sex", "--withdraw", "--later")
    assert terms_of(qilin, "Sex") == set()


def test_check_counts_and_pending_shows_what_waits_but_nothing_that_identifies(
    qilin: Run, home: Home, caplog: pytest.LogCaptureFixture
) -> None:
    found = json.loads(qilin("check", "table.csv", "--mapping", "trial", "--json", status=1).stdout)
    assert found["unread"] == ["Stage"], "an entry without a variable is not covered, nor are its cells"
    assert found["coverage"]["columns"] == {"covered": 2, "all": 4}
    assert found["coverage"]["cells"] == {"covered": 5, "all": 9}
    decide(qilin, "Stage")
    found = json.loads(qilin("check", "table.csv", "--mapping", "trial", "--json", status=1).stdout)
    assert found["coverage"] == {
        "columns": {"covered": 3, "all": 4},
        "values": {"covered": 4, "all": 7},
        "cells": {"covered": 5, "all": 9},
        "rows": {"covered": 2, "all": 3},
    }
    assert found["unread"] == []
    assert (found["unmapped"], found["waiting"]) == (["Extra"], {"Sex": 1, "Stage": 2})
    qilin("apply", "table.csv", "--mapping", "trial", "--collection", "c", status=1)
    for target in (["table.csv", "--mapping", "trial"], ["trial"]):
        result = qilin("pending", *target, "--json", status=1)
        rows = [(row["column"], row["cell"], row["rows"]) for row in json.loads(result.stdout)]
        assert rows == [("Extra", "", 0), ("Sex", "m", 1), ("Stage", "II", 2), ("Stage", "odd", 1)]
    assert "II" not in caplog.text
    Path("dated.csv").write_text(TABLE.replace("odd", "seen on 1966-11-07"), encoding="utf-8")
    result = qilin("pending", "dated.csv", "--mapping", "trial", "--json", status=1)
    assert "1966" not in result.output + caplog.text
    qilin("apply", "dated.csv", "--mapping", "trial", "--collection", "c", status=1)
    for path in home.root.rglob("*"):
        if path.is_file():
            assert b"1966-11-07" not in path.read_bytes()


def test_what_was_decided_is_written_to_the_file_which_then_speaks(qilin: Run, home: Home) -> None:
    decide(qilin, "Stage")
    decide(qilin, "Stage=II", "ncit:C28054", "--reviewer", "0000-0002-1825-0097")
    before = json.loads(qilin("show", "trial", "--json").stdout)
    qilin("write", "trial", "--author", "Ada")
    path = home.mappings / "trial" / "mapping.sssom.tsv"
    text = path.read_text(encoding="utf-8")
    subjects = [line.split("\t")[0] for line in text.splitlines() if line.startswith(("column:", "value:"))]
    assert subjects == ["column:Sex", "column:Stage", "value:Sex/f", "value:Stage/II"]
    assert "#  orcid: https://orcid.org/" in text
    after = json.loads(qilin("show", "trial", "--json").stdout)
    said = [
        [(row["term"], row["author"], row["comment"]) for state in found for row in state["values"]]
        for found in (before, after)
    ]
    assert said[0] == said[1]
    # what is edited there by hand counts from now on
    path.write_text(text.replace("ncit:C28054\tStage II", "ncit:C27966\tStage I"), encoding="utf-8")
    assert "ncit:C27966 Stage I" in qilin("show", "trial", "Stage").stdout
    qilin("write", "trial", "--author", "Ada")
    assert [r["verdict"] for r in json.loads(qilin("history", "trial", "--json").stdout)["decisions"]][-1] == "written"


def test_a_ready_map_is_written_to_a_folder_of_its_name(qilin: Run, tmp_path: Path) -> None:
    assert "name a folder" in qilin("write", "cmmd", status=2).output
    qilin("write", "cmmd", str(tmp_path / "other"), status=2)
    qilin("write", "cmmd", str(tmp_path / "cmmd"))
    first = (tmp_path / "cmmd" / "mapping.sssom.tsv").read_bytes()
    qilin("write", str(tmp_path / "cmmd"))
    assert (tmp_path / "cmmd" / "mapping.sssom.tsv").read_bytes() == first
    assert qilin("export", str(tmp_path / "cmmd")).stdout == qilin("export", "cmmd").stdout


def test_a_site_map_stands_before_one_that_comes_with_qilin(qilin: Run, home: Home) -> None:
    qilin("write", "cmmd", str(home.mappings / "cmmd"))
    listed = {row["map"]: row["whose"] for row in json.loads(qilin("list", "--json").stdout)}
    assert (listed["cmmd"], listed["trial"], listed["qin_breast"]) == ("site", "site", "ready")


def test_an_update_of_a_vocabulary_lists_the_decisions_to_look_at(qilin: Run, home: Home) -> None:
    decide(qilin, "Sex=m", "ncit:C20197")
    assert json.loads(qilin("review", "trial", "--json").stdout) == []
    update = (
        Release("NCIt", "26.11"),
        Concept("ncit:C28421", "Sex at Birth"),
        Concept("ncit:C16576", "Female", retired=True, replaced_by="ncit:C28421"),
    )
    importer = Importer("toy", "A toy", lambda path, head: True, lambda path, vocabulary: iter(update))
    index = TermIndex(home.terms)
    index.load(Path("new"), importer, "ncit")
    index.close()
    found = json.loads(qilin("review", "trial", "--json", status=1).stdout)
    listed = {(row["subject"], row["problem"], row["now"]) for row in found}
    assert ("column:Sex", "was relabelled", "Sex at Birth") in listed
    assert ("value:Sex/f", "was retired", "ncit:C28421") in listed
    assert all(row["place"] for row in found)
    assert "takes no new decisions; it was replaced by ncit:C28421" in refused(
        qilin, "Sex=w", "ncit:C16576", "--reason", "x"
    )


def test_every_map_command_teaches_with_an_example(qilin: Run) -> None:
    for name in ("show", "decide", "set", "apply", "check", "pending", "history", "export", "write", "review"):
        assert "qilin map" in qilin(name, "--help").stdout, name


def set_(qilin: Run, *words: str, **more) -> Result:
    return qilin("set", *words, "--author", "Ada", "--reason", "as the protocol says", **more)


def test_a_column_is_set_without_an_editor(qilin: Run, home: Home) -> None:
    path = home.mappings / "trial" / "map.yaml"
    path.write_text(f"# read this\n{MAP}  # end\n", encoding="utf-8")
    set_(qilin, "trial", "--column", "Extra", "--variable", "ncit:C81328", "--unit", "kg", "--date", "Seen")
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# read this\n{MAP}"), "what was there stays as it was written"
    assert "  Extra: {record: measurement, when: {column: Seen}, unit: kg}\n" in text
    shown = json.loads(qilin("show", "trial", "Extra", "--json").stdout)
    assert shown[0]["decisions"][0]["term"] == "ncit:C81328"
    set_(qilin, "trial", "--column", "Extra", "--unit", "g")
    assert "unit: g}" in path.read_text(encoding="utf-8")
    set_(qilin, "trial", "--column", "Extra", "--drop")
    assert "Extra" not in path.read_text(encoding="utf-8")


def test_what_holds_for_all_columns_is_set_once(qilin: Run, home: Home) -> None:
    set_(qilin, "trial", "--subject", "Patient", "--date", "Visit date", "--format", "%d.%m.%Y", "--visit", "Visit")
    text = (home.mappings / "trial" / "map.yaml").read_text(encoding="utf-8")
    assert "subject: Patient\n" in text
    common = yaml.safe_load(text)["common"]
    assert common == {"when": {"column": "Visit date", "format": "%d.%m.%Y"}, "visit": {"column": "Visit"}}
    made = json.loads(qilin("show", "trial", "--json").stdout)
    assert {"Visit", "Visit date"} <= {state["name"] for state in made}


def test_a_map_is_made_from_nothing(qilin: Run, home: Home) -> None:
    set_(qilin, "fresh", "--subject", "ID", "--column", "Sex", "--element", "cadsr:2200604")
    set_(qilin, "fresh", "--column", "OS", "--variable", "ncit:C125201", "--unit", "mo", "--start", "q:SurgeryAnchor")
    set_(qilin, "fresh", "--column", "OS", "--event", "st", "--yes", "1", "--no", "0")
    said = qilin("check", "table.csv", "--mapping", "fresh", status=None)
    assert "fresh" in said.output
    entry = (home.mappings / "fresh" / "map.yaml").read_text(encoding="utf-8")
    assert "  Sex: {record: finding}\n" in entry
    assert "OS: {record: outcome, start_event: 'q:SurgeryAnchor', unit: mo, event: " in entry


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("trial", "--column", "Sex", "--unit", "furlong"), "is no unit"),
        (("trial", "--column", "Extra", "--unit", "kg"), "--record"),
        (("trial", "--column", "Extra", "--variable", "ncit:C0"), "no vocabulary"),
        (("trial", "--column", "Extra", "--record", "frob"), "record"),
        (("trial", "--column", "Nothing", "--drop"), "has no"),
        (("trial", "--unit", "kg"), "name the column"),
        (("trial",), "say what is to be set"),
        (("trial", "--column", "Sex", "--event", "x"), "--yes dead"),
        (("newer", "--column", "Sex", "--variable", "ncit:C28421"), "--subject"),
        (("nsclc_radiomics_lung1", "--subject", "x"), "comes with Qilin"),
    ],
)
def test_what_cannot_be_set_changes_nothing(qilin: Run, home: Home, words: tuple[str, ...], problem: str) -> None:
    path = home.mappings / "trial" / "map.yaml"
    result = set_(qilin, *words, status=None)
    assert result.exit_code
    said = str(result.exception) if isinstance(result.exception, refusals()) else " ".join(result.output.split())
    assert problem in said
    assert path.read_text(encoding="utf-8") == MAP
    assert not (home.mappings / "newer").exists()


def test_the_cells_of_a_column_are_decided_with_it(qilin: Run, home: Home) -> None:
    cells = (
        f"value:Stage/II\tskos:exactMatch\tncit:C28054\tStage II\t{GUESSED}\t0.9\tits label\n"
        f"value:Stage/odd\tskos:closeMatch\tncit:C27966\tStage I\t{GUESSED}\t0.3\tperhaps\n"
        f"value:Sex/f\tskos:exactMatch\tncit:C20197\tMale\t{GUESSED}\t0.9\twrong\n"
    )
    (home.mappings / "trial" / "proposals.sssom.tsv").write_text(HEAD + PROPOSALS + cells, encoding="utf-8")
    assert "are proposed for ncit:C28108, not for ncit:C28421" in refused(qilin, "Stage", "ncit:C28421", "--cells")
    assert "name its column, 'Stage'" in refused(qilin, "Stage=II", "--cells")
    assert "one by one" in refused(qilin, "Stage", "--reject", "--cells")
    assert json.loads(qilin("history", "trial", "--json").stdout)["decisions"] == [], "nothing is half decided"
    made = decide(qilin, "Stage", "--cells", "--later")
    told = {made["subject"]: made["object"], **{item["subject"]: item["object"] for item in made["brought"]}}
    assert told == {"column:Stage": "ncit:C28108", "value:Stage/II": "ncit:C28054"}
    assert [item["reason"] for item in made["brought"]] == ["as the protocol says"]
    assert len(decide(qilin, "Stage", "--cells", "--later")["brought"]) == 0, "what is decided stays as it is"
    decide(qilin, "Stage=II", "--withdraw", "--later")
    decide(qilin, "Stage=II", "ncit:C28054", "--reject", "--later")
    assert len(decide(qilin, "Stage", "--cells", "--later")["brought"]) == 0, "what is rejected stays rejected"
