"""Runs that die, and runs that meet: the store is as it was before or after, never between."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from store.warehouse import OPERATOR, Warehouse
from tests.store import toys
from tests.store.dying import MOMENTS, SUBJECTS

COUNT = "SELECT (COUNT(?s) AS ?n) { ?s a q:Subject }"


def start(home: Path, moment: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-m", "tests.store.dying", str(home), moment], stderr=subprocess.PIPE)


@pytest.mark.parametrize("moment", [moment for moment in MOMENTS if moment != "never"])
def test_a_killed_run_leaves_before_or_after_and_the_next_resumes(tmp_path: Path, moment: str) -> None:
    home = tmp_path / "var"
    warehouse = Warehouse.open(home)
    toys.collection(warehouse)
    toys.put(warehouse, "first", [toys.sex("S0")])
    before = toys.everything(warehouse)
    died = start(home, moment)
    died.communicate(timeout=120)
    assert died.returncode == -signal.SIGKILL
    after_death = toys.everything(warehouse)
    if moment == "published, run not entered":
        assert toys.number(warehouse, COUNT) == SUBJECTS
    else:
        assert after_death == before
    logged = {source.sid for source in warehouse.control.sources()}
    assert len(logged) > 1

    assert start(home, "never").wait(timeout=120) == 0
    assert toys.number(warehouse, COUNT) == SUBJECTS
    assert toys.number(warehouse, "SELECT (COUNT(?m) AS ?n) { ?m a q:Measurement }") == SUBJECTS
    resumed = toys.everything(warehouse)
    kept = {source.sid: source.lot for source in warehouse.control.sources()}
    assert logged <= kept.keys()
    warehouse.rebuild()
    assert toys.everything(warehouse) == resumed
    warehouse.close()


def test_two_runs_at_once_wait_for_each_other(tmp_path: Path) -> None:
    home = tmp_path / "var"
    Warehouse.open(home).close()
    both = [start(home, "never"), start(home, "never")]
    assert [run.wait(timeout=120) for run in both] == [0, 0]
    warehouse = Warehouse.open(home)
    assert warehouse.generations.current().number == 1
    assert toys.number(warehouse, COUNT) == SUBJECTS
    rows = warehouse.select("SELECT ?d { ?s a q:Study ; q:day ?d }", OPERATOR).rows
    assert len(rows) == SUBJECTS
    warehouse.close()
