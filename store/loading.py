"""Loads triples into a store: a little text in this process, much of it in one of its own.

Run as ``python -m store.loading STORE PARENT PIPE …`` it loads TriG from open pipes, and dies with its parent process.

The loader keeps two cores busy, as it takes the text through two pipes: one load sorts and writes a batch of a million
quads in one thread, which would leave a core idle where the text is not many batches. It shares nothing with what makes
the text. In one process the two wait for each other's memory: DuckDB gives all free memory of a process back whenever
one of its threads falls idle.
"""

from __future__ import annotations

import contextlib
import ctypes
import itertools
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

import pyoxigraph as ox

from store.ahead import ahead

__all__ = ["LoaderError", "follow", "load"]

LARGE = 16 << 20
"""Bytes of text from which on a process of its own pays."""

SECOND = 48 << 20
"""Bytes of text that the second pipe takes at most, some half of a batch: more would cost memory and gain nothing."""

PR_SET_PDEATHSIG = 1

MEMORY = ":".join(
    (
        "glibc.malloc.hugetlb=1",  # pages of 2 MiB where the system has them on request
        f"glibc.malloc.mmap_threshold={1 << 26}",
        f"glibc.malloc.trim_threshold={1 << 33}",
        f"glibc.malloc.top_pad={1 << 26}",
    )
)
"""How the C library of Linux gives the loader its memory: in large pages, and none of it back before the end.

The loader sorts millions of small keys that lie anywhere, so that a fifth of its time goes to finding pages.
"""


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
    pipes = [os.pipe() for _ in range(2)]
    ends = [reading for reading, _ in pipes]
    # -P: nothing is imported from the folder that the command happens to be run in
    command = [sys.executable, "-P", "-m", "store.loading", str(place), str(os.getpid()), *map(str, ends)]
    path = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
    environment = {"GLIBC_TUNABLES": MEMORY, **os.environ, "PYTHONPATH": path}
    with subprocess.Popen(  # noqa: S603 - our own module, under our own interpreter
        command, stderr=subprocess.PIPE, env=environment, pass_fds=ends
    ) as loader:
        assert loader.stderr is not None
        for end in ends:
            os.close(end)
        coming = _Shared(ahead(texts))
        (_, first), (_, second) = pipes
        with ThreadPoolExecutor(2) as writers:
            written = [writers.submit(_write, coming, first, None), writers.submit(_write, coming, second, SECOND)]
            try:
                for each in written:
                    each.result()
            except BaseException:
                loader.kill()
                raise
        why = loader.stderr.read().decode(errors="replace").strip()
    if loader.returncode:
        raise LoaderError(f"the loader of the triple store ended: {why or f'status {loader.returncode}'}")


class _Shared:
    """Items that several threads take one by one."""

    def __init__(self, items: Iterator[bytes]) -> None:
        self._items = items
        self._taking = threading.Lock()

    def take(self) -> bytes | None:
        """The next item, None where there is none; what goes wrong with it is raised once, and ends the items."""
        with self._taking:
            return next(self._items, None)


def _write(texts: _Shared, pipe: int, most: int | None) -> None:
    """Write texts to a pipe until there are none, or so many bytes are written, and close it.

    A loader that has ended before the text closes its end; it says why.
    """
    left = most
    with open(pipe, "wb", buffering=0) as end, contextlib.suppress(BrokenPipeError):
        while (left is None or left > 0) and (text := texts.take()) is not None:
            rest = memoryview(text)
            while rest:
                rest = rest[end.write(rest) :]
            left = None if left is None else left - len(text)


def follow(parent: int) -> None:
    """End when the parent does, by whatever: an orphan must not write into what the next run makes."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        sys.exit("the process that asked is gone")


def main() -> None:
    """Load what comes, and say plainly what is wrong with it."""
    place, parent, *ends = sys.argv[1:]
    follow(int(parent))
    store = ox.Store(place)
    outcomes: SimpleQueue[str | None] = SimpleQueue()

    def take(end: str) -> None:
        """Load the text of a pipe."""
        try:
            store.bulk_load(path=f"/dev/fd/{end}", format=ox.RdfFormat.TRIG, lenient=True)
        except (SyntaxError, OSError, MemoryError) as error:
            outcomes.put(f"{type(error).__name__}: {error}")
        except BaseException as error:  # noqa: BLE001 - whoever waits for the outcome must hear of it
            outcomes.put(repr(error))
        else:
            outcomes.put(None)

    for end in ends:
        threading.Thread(target=take, args=(end,), daemon=True).start()
    for _ in ends:
        wrong = outcomes.get()
        if wrong is not None:
            sys.stderr.write(f"{wrong}\n")
            sys.stderr.flush()
            os._exit(1)  # the other thread may wait for text that never comes


if __name__ == "__main__":
    main()
