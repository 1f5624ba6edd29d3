"""Loads triples into a store: a little text in this process, much of it in one of its own.

Run as ``python -m store.loading STORE PARENT`` it loads TriG from standard input, and dies with its parent process.

The loader keeps two cores busy and shares nothing with what makes the text. In one process the two wait for each
other's memory: DuckDB gives all free memory of a process back whenever one of its threads falls idle.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import signal
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pyoxigraph as ox

from store.ahead import ahead

__all__ = ["LoaderError", "follow", "load"]

LARGE = 16 << 20
"""Bytes of text from which on a process of its own pays."""

PR_SET_PDEATHSIG = 1


class LoaderError(RuntimeError):
    """The loader ended before it was done: a fault of the writer of the text, or a lack of memory or disk."""


def load(place: Path, texts: Iterable[bytes]) -> None:
    """Load TriG into the store at a place in one go, which gives fewer and larger files than many pieces.

    Nobody else may have the store open. What goes wrong while the text is made is raised as it is; `LoaderError` or
    `SyntaxError` where the loader does not take it. The store is then of no use.
    """
    coming = iter(texts)
    held, size = [], 0
    for text in coming:
        held.append(text)
        size += len(text)
        if size >= LARGE:
            _load_beside(place, itertools.chain(held, coming))
            return
    ox.Store(str(place)).bulk_load(b"".join(held), format=ox.RdfFormat.TRIG, lenient=True)


def _load_beside(place: Path, texts: Iterable[bytes]) -> None:
    """Load in a process of its own, while the next piece of text is made in this one."""
    # -P: nothing is imported from the folder that the command happens to be run in
    command = [sys.executable, "-P", "-m", "store.loading", str(place), str(os.getpid())]
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    with subprocess.Popen(  # noqa: S603 - our own module, under our own interpreter
        command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}, bufsize=0
    ) as loader:
        assert loader.stdin is not None
        assert loader.stderr is not None
        try:
            for text in ahead(texts):
                _write_all(loader.stdin.fileno(), text)
        except BrokenPipeError:
            pass  # the loader has ended before the text; it says why
        except BaseException:
            loader.kill()
            raise
        loader.stdin.close()
        why = loader.stderr.read().decode(errors="replace").strip()
    if loader.returncode:
        raise LoaderError(f"the loader of the triple store ended: {why or f'status {loader.returncode}'}")


def _write_all(pipe: int, text: bytes) -> None:
    rest = memoryview(text)
    while rest:
        rest = rest[os.write(pipe, rest) :]


def follow(parent: int) -> None:
    """End when the parent does, by whatever: an orphan must not write into what the next run makes."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the process that asked is gone")


def main() -> None:
    """Load what comes, and say plainly what is wrong with it."""
    follow(int(sys.argv[2]))
    try:
        ox.Store(sys.argv[1]).bulk_load(path="/dev/stdin", format=ox.RdfFormat.TRIG, lenient=True)
    except (SyntaxError, OSError, MemoryError) as error:
        sys.exit(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    main()
