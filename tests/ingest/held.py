"""All that a data folder holds, in clear: what is compressed is unpacked, and the store is asked for every quad.

The bytes on disk tell nothing: documents are gzip, the record log is compressed Parquet, and so are the store's blocks.
"""

from __future__ import annotations

import contextlib
import gzip
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pyoxigraph as ox

__all__ = ["everything", "told_in"]


def everything(home: Path) -> Iterator[tuple[str, str]]:
    """The text of every file of a data folder, by its name, in lower case.

    Of the control data the origins are left out: the day from which the days of a subject are counted stands there.
    """
    for path in sorted(home.rglob("*")):
        name = str(path.relative_to(home))
        if path.is_dir():
            if path.name == "store" and path.parent.parent.name == "generations":
                with contextlib.suppress(OSError):
                    yield name, "\n".join(map(str, ox.Store.read_only(str(path)))).lower()
        elif path.suffix == ".gz":
            yield name, gzip.decompress(path.read_bytes()).decode().lower()
        elif path.suffix == ".parquet":
            yield name, str(pq.read_table(path).to_pylist()).lower()
        elif path.suffix == ".db":
            with contextlib.closing(sqlite3.connect(path)) as held:
                lines = (line for line in held.iterdump() if not line.startswith('INSERT INTO "origin"'))
                yield name, "\n".join(lines).lower()
        else:
            yield name, path.read_bytes().decode("latin-1").lower()


def told_in(home: Path, secrets: Iterator[str] | list[str]) -> list[str]:
    """Where a data folder holds one of the secrets (in lower case), with it; empty is what is wanted."""
    wanted = list(secrets)
    return [f"{name}: {secret}" for name, text in everything(home) for secret in wanted if secret in text]
