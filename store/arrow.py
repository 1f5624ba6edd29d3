"""pyarrow without pandas, which nothing here uses.

pyarrow imports pandas where it makes its first array, to see whether what it was given is one of pandas'. That takes
some 0.4 s of each process, and 50 MB.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

import pyarrow as pa

__all__ = ["without_pandas"]

PANDAS = "pandas"


class _Absent(MetaPathFinder):
    """Finds no pandas."""

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        """As of a package that is not installed."""
        if fullname == PANDAS:
            raise ModuleNotFoundError(name=PANDAS)
        return None


def without_pandas() -> None:
    """Let pyarrow ask for pandas now, once, and find none; for the main function of a process of ours.

    Whoever imports pandas later gets it, but `pyarrow.array` takes its series for any sequence. Where pandas is
    imported already, nothing is done.
    """
    if PANDAS in sys.modules:
        return
    absent = _Absent()
    sys.meta_path.insert(0, absent)
    try:
        pa.array([])
    finally:
        sys.meta_path.remove(absent)
