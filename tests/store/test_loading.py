"""Loading: the same triples and the same faults here and in a process of its own, which never outlives its parent."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pyoxigraph as ox
import pytest

from store import loading

STARS = [b'<urn:g>{<urn:s%d> a <urn:c>;<urn:p> "%d";}\n' % (number, number) for number in range(2000)]


@pytest.fixture(params=[0, 1 << 30], ids=["beside", "here"])
def where(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loading, "LARGE", request.param)


@pytest.mark.usefixtures("where")
def test_all_of_the_text_is_loaded(tmp_path: Path) -> None:
    loading.load(tmp_path / "store", STARS)
    assert len(ox.Store.read_only(str(tmp_path / "store"))) == 2 * len(STARS)


@pytest.mark.usefixtures("where")
def test_a_fault_while_text_is_made_is_not_taken_for_its_end(tmp_path: Path) -> None:
    def texts() -> Iterator[bytes]:
        yield from STARS
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        loading.load(tmp_path / "store", texts())


@pytest.mark.usefixtures("where")
def test_text_that_the_loader_refuses_is_said_as_such(tmp_path: Path) -> None:
    wrong = itertools.chain([b"<urn:g>{<urn:s> a }\n"], itertools.repeat(b" " * 4096, 1000))
    with pytest.raises((SyntaxError, loading.LoaderError), match="not a valid RDF"):
        loading.load(tmp_path / "store", wrong)


PARENT = """
import itertools, sys
from pathlib import Path
from store import loading
loading.LARGE = 0
loading.load(Path(sys.argv[1]), itertools.repeat(b"<urn:g>{<urn:s> a <urn:c>;}\\n"))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_the_loader_ends_with_its_parent(tmp_path: Path) -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT, str(tmp_path / "store")])
    found: list[psutil.Process] = []
    until = time.monotonic() + 30
    while not found and time.monotonic() < until:
        time.sleep(0.05)
        found = [each for each in psutil.Process(parent.pid).children() if (tmp_path / "store").exists()]
    os.kill(parent.pid, signal.SIGKILL)
    parent.wait()
    assert found
    gone, alive = psutil.wait_procs(found, timeout=30)
    assert gone
    assert not alive
