"""The data folder: where everything of one warehouse lies, and the lock that lets one run at a time write."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

__all__ = ["DEFAULT_BASE", "Home"]

DEFAULT_BASE = "https://w3id.org/qilin/id/"


@dataclass(frozen=True, slots=True)
class Home:
    """The paths of a data folder (``QILIN_HOME``, by default ``./var``)."""

    root: Path

    @classmethod
    def find(cls, root: Path | str | None = None) -> Home:
        """The data folder that is named, else that of the environment, else ``./var``."""
        return cls(Path(root or os.environ.get("QILIN_HOME") or "var").absolute())

    @property
    def control(self) -> Path:
        """The SQLite file of the control data."""
        return self.root / "control.db"

    @property
    def log(self) -> Path:
        """The record log: one folder per record type."""
        return self.root / "log"

    @property
    def generations(self) -> Path:
        """The states of the triple store, each a folder."""
        return self.root / "generations"

    @property
    def current(self) -> Path:
        """The link to the generation that is served."""
        return self.root / "current"

    @property
    def releases(self) -> Path:
        """The manifests of kept generations."""
        return self.root / "releases"

    @property
    def terms(self) -> Path:
        """The SQLite file of the term index."""
        return self.root / "terms.db"

    @property
    def mappings(self) -> Path:
        """The site's own table maps: one folder per map."""
        return self.root / "mappings"

    @property
    def documents(self) -> Path:
        """Kept documents: what was read of small tables, content-addressed."""
        return self.root / "documents"

    @property
    def scratch(self) -> Path:
        """Space for spilling and for files that are not yet in place; emptied by every run."""
        return self.root / "tmp"

    def create(self) -> Home:
        """Make the folders that are missing."""
        for folder in (self.root, self.log, self.generations, self.releases, self.scratch):
            folder.mkdir(parents=True, exist_ok=True)
        return self

    @contextmanager
    def writing(self, waiting: Callable[[], None] = lambda: None) -> Iterator[None]:
        """Hold the write lock across processes; ``waiting`` is called once where another run holds it."""
        self.create()
        lock = FileLock(self.root / "write.lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            waiting()
            lock.acquire()
        try:
            yield
        finally:
            lock.release()
