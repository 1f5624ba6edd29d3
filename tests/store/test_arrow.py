"""pyarrow in a process of ours: pandas is not imported behind our back, and is there for whoever asks for it."""

from __future__ import annotations

import subprocess
import sys

BEFORE = "import sys, pyarrow as pa\nfrom store.arrow import without_pandas\nwithout_pandas()\n"


def run(code: str) -> str:
    """What some code prints in a process of its own."""
    done = subprocess.run([sys.executable, "-c", BEFORE + code], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def test_arrays_are_made_without_pandas() -> None:
    assert run("print(pa.array([1, None]).to_pylist(), 'pandas' in sys.modules)") == "[1, None] False"


def test_pandas_is_there_for_whoever_asks() -> None:
    assert run("import pandas\nprint(pa.table({'a': [1]}).to_pandas()['a'].tolist())") == "[1]"


def test_where_pandas_is_imported_it_stays() -> None:
    assert run("import pandas\nwithout_pandas()\nprint(pandas is sys.modules['pandas'])") == "True"
