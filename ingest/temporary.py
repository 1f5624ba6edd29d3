"""Temporary folders of a run, which a later run removes where their own was killed.

A folder is locked while its process lives, by the operating system: whatever kills it, the lock is gone, and the next
process that makes such a folder removes it. Folders of others, and those that another process holds, are left alone.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Final, Self

try:
    import fcntl
except ImportError:  # where there are no such locks, nothing is removed either
    fcntl = None  # type: ignore[assignment]

__all__ = ["PREFIX", "TemporaryFolder"]

PREFIX: Final = "qilin-run-"
DRAFT: Final = ".qilin-new-"
"""What a folder is called until it is locked."""


class TemporaryFolder:
    """A folder below ``TMPDIR``, gone when the context is left."""

    def __init__(self) -> None:
        base = Path(tempfile.gettempdir()).resolve()
        _swept(base)
        draft = Path(tempfile.mkdtemp(prefix=DRAFT, dir=base))
        self._lock = _locked(draft)
        self.path = draft.rename(base / draft.name.replace(DRAFT, PREFIX, 1))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self.remove()

    def remove(self) -> None:
        """Remove the folder and all that is in it."""
        shutil.rmtree(self.path, ignore_errors=True)
        lock, self._lock = self._lock, None
        if lock is not None:
            os.close(lock)


def _locked(folder: Path) -> int | None:
    """The descriptor that holds a folder's lock; None where another process has it, or where there are no locks."""
    if fcntl is None:
        return None
    held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(held)
        return None
    return held


@cache
def _swept(base: Path) -> None:
    """Remove the folders of this user that no process holds any more, once for each process."""
    for folder in base.glob(f"{PREFIX}*"):
        with suppress(OSError), _orphan(folder) as found:
            if found:
                shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def _orphan(folder: Path) -> Iterator[bool]:
    """Whether a folder is this user's and nobody's work any more; it is held meanwhile."""
    mine = folder.lstat().st_uid == os.getuid() if hasattr(os, "getuid") else False
    lock = _locked(folder) if mine else None
    try:
        yield lock is not None
    finally:
        if lock is not None:
            os.close(lock)
