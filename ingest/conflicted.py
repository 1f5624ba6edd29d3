"""Copies that a synchronised folder makes where two people changed a file at once.

Dropbox, ownCloud and Nextcloud leave ``a (Jo's conflicted copy 2024-01-05).csv`` beside ``a.csv``, Syncthing
``a.sync-conflict-20240105-101112-ABCDEFG.csv``. Such a copy is no second file: with the same content it is passed over,
and with another somebody has to say which of the two holds.
"""

from __future__ import annotations

import filecmp
import re
from pathlib import Path
from typing import Final

from ontology.records import Reject

__all__ = ["CONFLICT", "copied_from", "disputed"]

CONFLICT: Final = "conflict"
"""What stands in every name that a copy has: most files are known by it to be none."""

CONFLICTED: Final = re.compile(r" ?\([^()]*\bconflicted copy\b[^()]*\)|\.sync-conflict-\d{8}-\d{6}-[A-Z0-9]{7}(?=\.|$)")


def copied_from(path: Path) -> Path | None:
    """The file of which a file is a conflicted copy, where that stands beside it.

    >>> CONFLICTED.sub("", "a (Jo's conflicted copy 2024-01-05).csv")
    'a.csv'
    """
    name = CONFLICTED.sub("", path.name)
    original = path.with_name(name) if name not in {"", path.name} else path
    return original if original != path and original.is_file() else None


def disputed(path: Path, original: Path) -> Reject | None:
    """Why a conflicted copy may not be passed over: it says something else."""
    try:
        if filecmp.cmp(path, original, shallow=False):
            return None
    except OSError:
        pass
    wanted = f"one of the two, called {original.name}"
    return Reject(
        name=path.name, place="file", problem="is a conflicted copy whose original has other content", wanted=wanted
    )
