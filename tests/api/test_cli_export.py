"""`qilin export` and `qilin backup` as a person uses them: files, standard output, and errors of one line."""

from __future__ import annotations

from pathlib import Path

import pyoxigraph as ox
import pytest
from typer.testing import CliRunner

from api.cli import app, main
from ontology.records import DataClass
from store.warehouse import Warehouse
from tests.store import toys


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("QILIN_HOME", str(tmp_path / "var"))
    warehouse = Warehouse.open()
    toys.collection(warehouse, "toys", images="public", metadata="team", clinical="team")
    toys.put(warehouse, "ct", toys.scan("S1", 1, 0), DataClass.IMAGES)
    toys.put(warehouse, "clinic", [toys.sex("S2")])
    warehouse.close()
    return tmp_path


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    """The one line with which a command is refused."""
    with pytest.raises(SystemExit) as stopped:
        main(lambda: app(list(words), standalone_mode=False))
    assert stopped.value.code == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def test_the_name_of_the_file_says_the_form(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = home / "toys.ttl"
    result = CliRunner().invoke(app, ["export", str(place), "--collection", "toys", "--as-audience", "public"])
    assert result.exit_code == 0
    triples = list(ox.parse(place.read_bytes(), format=ox.RdfFormat.TURTLE))
    assert f"{len(triples)} triples as turtle" in result.stderr
    assert "S1" in place.read_text()
    assert "S2" not in place.read_text()
    assert "--force" in refused(capsys, "export", str(place))
    assert CliRunner().invoke(app, ["export", str(place), "--force"]).exit_code == 0
    assert "S2" in place.read_text()


def test_without_a_file_it_goes_to_standard_output(home: Path) -> None:
    result = CliRunner().invoke(app, ["export", "--no-vocabulary"])
    quads = list(ox.parse(result.stdout_bytes, format=ox.RdfFormat.N_QUADS))
    assert len({quad.graph_name for quad in quads}) > 1
    assert len(list(ox.parse(CliRunner().invoke(app, ["export"]).stdout_bytes, format=ox.RdfFormat.N_QUADS))) > len(
        quads
    )


def test_a_name_without_a_form_is_wrong_usage(home: Path) -> None:
    result = CliRunner().invoke(app, ["export", str(home / "toys.zip")])
    assert result.exit_code == 2
    assert not (home / "toys.zip").exists()


def test_a_collection_that_may_not_be_read_is_as_one_that_is_not_there(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    secret = refused(capsys, "export", "--subject", "S2", "--as-audience", "public")
    missing = refused(capsys, "export", "--subject", "S8", "--as-audience", "public")
    assert secret == missing.replace("S8", "S2")


def test_a_backup_replaces_a_file_only_by_force(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = home / "saved.tar.gz"
    place.write_text("precious")
    assert "--force" in refused(capsys, "backup", str(place))
    assert place.read_text() == "precious"
    assert CliRunner().invoke(app, ["backup", str(place), "--force"]).exit_code == 0
    assert "not empty" in refused(capsys, "restore", str(place))


def test_a_packed_backup_is_restored(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = home / "saved.tar.gz"
    assert CliRunner().invoke(app, ["backup", str(place)]).exit_code == 0
    before = CliRunner().invoke(app, ["export", "--no-vocabulary"]).stdout_bytes
    monkeypatch.setenv("QILIN_HOME", str(home / "elsewhere"))
    assert CliRunner().invoke(app, ["restore", str(place)]).exit_code == 0
    assert sorted(CliRunner().invoke(app, ["export", "--no-vocabulary"]).stdout_bytes.splitlines()) == sorted(
        before.splitlines()
    )
