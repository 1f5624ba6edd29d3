"""Work in processes of its own: a pure function over many items, answered in the items' order.

Little work is done in the process that asks, since starting another one costs about half a second. Run as
``python -P -m ingest.apart PARENT`` it is such a process: it answers batches from standard input, and dies with its
parent. It is given nothing but the function and the items, and inherits neither locks nor open files.
"""

from __future__ import annotations

import contextlib
import gc
import itertools
import os
import pickle
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import IO, Any, TypeVar

from store.arrow import without_pandas
from store.loading import follow

__all__ = ["ApartError", "apart"]

T = TypeVar("T")
R = TypeVar("R")

LITTLE = 4 << 20
"""The size of the work from which on processes of its own pay."""

BATCH = 256 << 10
"""The size of what a process is given at once."""

MOST = 4
"""The largest number of processes: what they answer is used by one."""


GONE = "a process that reads documents ended before it was done"


class ApartError(RuntimeError):
    """A process that ended before it had answered, for lack of memory."""


def apart(work: Callable[[T], R], items: Iterable[T], size: Callable[[T], int], little: int = LITTLE) -> Generator[R]:
    """The answers of ``work`` to each item, in their order; ``work``, items and answers must be picklable.

    ``size`` is about what an item costs. What ``work`` raises is raised here; `ApartError` where a process is gone.
    Few batches are under way at once, so memory is bounded.
    """
    coming = iter(items)
    processes = min(os.cpu_count() or 1, MOST)
    first = _at_most(coming, size, little) if processes > 1 else []
    following = next(coming, None) if processes > 1 else None
    if following is None:
        yield from map(work, itertools.chain(first, coming))
        return
    with _Processes(work, processes) as several:
        yield from several.answers(_batches(itertools.chain(first, [following], coming), size))


def _at_most(items: Iterator[T], size: Callable[[T], int], little: int) -> list[T]:
    """The first items, until they are no little work any more."""
    held: list[T] = []
    done = 0
    for item in items:
        held.append(item)
        done += size(item)
        if done >= little:
            break
    return held


def _batches(items: Iterable[T], size: Callable[[T], int]) -> Iterator[list[T]]:
    held: list[T] = []
    total = 0
    for item in items:
        held.append(item)
        total += size(item) + 1
        if total >= BATCH:
            yield held
            held, total = [], 0
    if held:
        yield held


class _Processes:
    """Some processes that do the same work; a thread speaks with each."""

    def __init__(self, work: Callable[[Any], Any], count: int) -> None:
        self._work = pickle.dumps(work)
        self._count = count
        self._all: list[subprocess.Popen[bytes]] = []
        self._idle: SimpleQueue[subprocess.Popen[bytes]] = SimpleQueue()

    def __enter__(self) -> _Processes:
        # -P: nothing is imported from the folder that the command happens to be run in
        command = [sys.executable, "-P", "-m", "ingest.apart", str(os.getpid())]
        path = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH")]))
        for _ in range(self._count):
            process = subprocess.Popen(  # noqa: S603 - our own module, under our own interpreter
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path}
            )
            self._all.append(process)
            self._idle.put(process)
        self._threads = ThreadPoolExecutor(self._count)
        self._told: set[int] = set()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._all:
            process.kill()  # it holds nothing that could be lost
        self._threads.shutdown(cancel_futures=True)
        for process in self._all:
            for pipe in (process.stdin, process.stdout):
                assert pipe is not None
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
            process.wait()

    def answers(self, batches: Iterable[list[Any]]) -> Iterator[Any]:
        """The answers, batch by batch; two batches for each process are under way."""
        asked: deque[Future[bytes]] = deque()
        for batch in batches:
            asked.append(self._threads.submit(self._ask, batch))
            if len(asked) > 2 * self._count:
                yield from _answered(asked.popleft())
        while asked:
            yield from _answered(asked.popleft())

    def _ask(self, batch: Sequence[Any]) -> bytes:
        """The answer of a process, as it comes: a thread that unpacked it would hold up the one that uses it."""
        process = self._idle.get()
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            if process.pid not in self._told:
                self._told.add(process.pid)
                process.stdin.write(self._work)
            pickle.dump(batch, process.stdin, pickle.HIGHEST_PROTOCOL)
            process.stdin.flush()
            length = int.from_bytes(process.stdout.read(8), "big")
            answer = process.stdout.read(length)
        except BrokenPipeError as error:
            raise ApartError(GONE) from error
        finally:
            self._idle.put(process)
        if not length or len(answer) < length:
            raise ApartError(GONE)
        return answer


def _answered(asked: Future[bytes]) -> list[Any]:
    """The answers to a batch; what went wrong is raised."""
    answer = pickle.loads(asked.result())  # noqa: S301 - of our own process
    if isinstance(answer, BaseException):
        raise answer
    found: list[Any] = answer
    return found


def _serve(asking: IO[bytes], answering: IO[bytes]) -> None:
    """Answer batches until there are no more; what goes wrong is an answer too."""
    work = pickle.load(asking)  # noqa: S301 - of our own parent
    # a batch makes many objects and leaves hardly one behind: looking for cycles meanwhile is a third of the time
    gc.freeze()
    gc.disable()
    while True:
        try:
            batch = pickle.load(asking)  # noqa: S301 - of our own parent
        except EOFError:
            return
        answer: list[Any] | Exception
        try:
            answer = [work(item) for item in batch]
        except Exception as error:  # noqa: BLE001 - it is raised where the work was asked for
            answer = error
        packed = pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)
        answering.write(len(packed).to_bytes(8, "big") + packed)
        answering.flush()
        del answer, batch, packed
        gc.collect(0)


def main() -> None:
    """Serve the parent; whatever is printed meanwhile must not come between the answers."""
    follow(int(sys.argv[1]))
    without_pandas()
    answering = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _serve(sys.stdin.buffer, answering)


if __name__ == "__main__":
    main()
