"""``qilin map suggest`` on the command line: what it says, writes, keeps and refuses."""

import json

import pytest
from typer.testing import CliRunner

from api.cli import app, refusals
from ingest.table.file import TableError
from mappings.tables import table_map

TABLE = """Patient ID,Gender,weight (kg),Stage,Institution,Surname
P1,male,61.5,IIIA,A,Nutmouse
P2,female,47,IV,B,Wood
P3,female,55,??,B,Walker
"""


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("QILIN_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "Trial X (final).csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def run(*arguments):
    return CliRunner().invoke(app, ["map", "suggest", *map(str, arguments)], catch_exceptions=False)


def test_a_draft_in_the_data_folder(home, table):
    result = run(table, "--collection", "trial")
    assert result.exit_code == 0
    lines = {line.split("\t")[0]: line.split("\t") for line in result.stdout.splitlines()}
    assert lines["Gender"][2] == "Sex (ncit:C28421)"
    assert lines["Patient ID"][2] == "the subject"
    assert "about the study" in lines["Institution"][5]
    mapping = table_map(str(home / "mappings" / "trial_x_final"))
    assert mapping.shape.collection == "trial"
    assert {row.column for row in mapping.decisions.rows} == {"Gender"}
    assert "Nutmouse" not in result.output


def test_as_json(home, table, tmp_path):
    result = run(table, "--json", "--out", tmp_path / "draft")
    said = json.loads(result.stdout)
    columns = {column["column"]: column for column in said["tables"][0]["columns"]}
    assert said["written"] == ["map.yaml", "mapping.sssom.tsv", "proposals.sssom.tsv"]
    assert columns["weight (kg)"]["proposals"][0]["unit"] == "kg"
    assert columns["Stage"]["values"]["IV"][0]["term"] == "ncit:C27971"
    assert columns["Institution"]["left_out"]
    assert "Nutmouse" not in result.stdout
    assert (tmp_path / "draft" / "map.yaml").is_file()
    assert not home.exists()


def test_a_map_that_is_there_stays_as_it_is(home, table):
    run(table, "--name", "trial_x")
    shape = home / "mappings" / "trial_x" / "map.yaml"
    mine = shape.read_text(encoding="utf-8") + "# looked at\n"
    shape.write_text(mine, encoding="utf-8")
    proposals = shape.with_name("proposals.sssom.tsv")
    proposals.unlink()
    result = run(table, "--name", "trial_x")
    assert result.exit_code == 0
    assert shape.read_text(encoding="utf-8") == mine
    assert proposals.is_file()


def test_what_the_site_decided_is_known(home, table, tmp_path):
    def earlier() -> list[str]:
        said = json.loads(run(table, "--name", "second", "--json").stdout)
        return next(item for item in said["tables"][0]["columns"] if item["column"] == "Gender")["decided_before"]

    run(table, "--name", "first")
    assert earlier()
    assert "first" not in earlier(), "a draft only repeats what was decided elsewhere"
    decisions = home / "mappings" / "first" / "mapping.sssom.tsv"
    decisions.write_text(decisions.read_text(encoding="utf-8").replace("qilin map suggest", "A"), encoding="utf-8")
    assert "first" in earlier()


@pytest.mark.parametrize(("content", "problem"), [("<html></html>", "web page"), ("", "is empty")])
def test_what_is_no_table_is_refused(home, tmp_path, content, problem):
    path = tmp_path / "t.csv"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(TableError, match=problem):
        run(path)
    assert TableError in refusals()
    assert not home.exists()
