"""Temporary folders: gone with their run, and with the next one where theirs was killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest import temporary
from ingest.temporary import PREFIX, TemporaryFolder

WAITING = """
import time
from ingest.temporary import TemporaryFolder
folder = TemporaryFolder()
(folder.path / "x").write_text("1")
print(folder.path, flush=True)
time.sleep(60)
"""


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    temporary._swept.cache_clear()
    yield tmp_path
    temporary._swept.cache_clear()


def another(base: Path) -> tuple[subprocess.Popen[str], Path]:
    """A process that holds a folder there."""
    process = subprocess.Popen(
        [sys.executable, "-c", WAITING], stdout=subprocess.PIPE, text=True, env={**os.environ, "TMPDIR": str(base)}
    )
    assert process.stdout is not None
    return process, Path(process.stdout.readline().strip())


def test_a_folder_is_gone_when_it_is_left(base: Path) -> None:
    with TemporaryFolder() as folder:
        (folder.path / "a" / "b").mkdir(parents=True)
        assert folder.path.parent == base.resolve()
        assert folder.path.stat().st_mode & 0o77 == 0
    assert list(base.iterdir()) == []


def test_the_folder_of_a_killed_run_goes_and_that_of_a_living_one_stays(base: Path) -> None:
    killed, left = another(base)
    living, held = another(base)
    try:
        killed.send_signal(signal.SIGKILL)
        killed.wait(30)
        assert left.is_dir()
        with TemporaryFolder() as folder:
            assert sorted(base.iterdir()) == sorted([held, folder.path])
            assert (held / "x").read_text() == "1"
    finally:
        living.kill()
        living.wait(30)


def test_what_is_of_others_stays(base: Path) -> None:
    file, foreign, linked = base / f"{PREFIX}file", base / f"{PREFIX}foreign", base / f"{PREFIX}link"
    kept = base / "kept"
    kept.mkdir()
    (kept / "x").write_text("1")
    file.write_text("1")
    linked.symlink_to(kept)
    foreign.mkdir()
    if os.getuid() == 0:
        os.chown(foreign, 12345, 12345)
    with TemporaryFolder():
        assert file.exists()
        assert (linked / "x").exists()
        assert foreign.exists() == (os.getuid() == 0)


def test_one_process_has_several_at_a_time() -> None:
    with TemporaryFolder() as one:
        temporary._swept.cache_clear()
        with TemporaryFolder() as other:
            assert one.path.is_dir()
            assert other.path.is_dir()
