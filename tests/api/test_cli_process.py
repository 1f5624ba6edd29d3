"""The command line as a process of its own."""

import os
import subprocess
import sys
from pathlib import Path


def test_a_command_says_nothing_beside_its_answer(tmp_path: Path) -> None:
    environment = {**os.environ, "QILIN_HOME": str(tmp_path)}
    done = subprocess.run(
        [sys.executable, "-m", "api.cli", "query"],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    assert done.stdout
