"""The pool of query workers: who asks, within which limits, and what becomes of a query that passes them."""

from __future__ import annotations

import json
import logging
import os
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from ontology.prefixes import prefixes
from store.guard import check_query
from store.worker import HEADER

__all__ = ["Answer", "QueryError", "QueryFailedError", "QuerySyntaxError", "QueryTimeoutError", "WorkerPool"]


log = logging.getLogger(__name__)


class QueryError(RuntimeError):
    """A query that has no answer; the message is for the person who asked."""


class QuerySyntaxError(QueryError):
    """A query that is not SPARQL 1.1; the message says where."""


class QueryTimeoutError(QueryError):
    """A query that took longer than its caller may take."""


class QueryFailedError(QueryError):
    """A query whose worker died or ran out of memory."""


@dataclass(frozen=True, slots=True)
class QueryLimits:
    """What one query may take: seconds in all, bytes of memory, bytes of result."""

    seconds: float = 30.0
    memory: int = 2 << 30
    result: int = 1 << 30


@dataclass(slots=True)
class _Worker:
    """One worker process over one store."""

    store: Path
    memory: int
    process: subprocess.Popen[bytes] = field(init=False)

    def __post_init__(self) -> None:
        # -P: nothing is imported from the folder that the command happens to be run in
        command = [sys.executable, "-P", "-m", "store.worker", str(self.store), str(self.memory)]
        root = str(Path(__file__).parents[1])
        path = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
        self.process = subprocess.Popen(  # noqa: S603 - our own module, under our own interpreter
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": path, "MALLOC_ARENA_MAX": "2"},
        )
        kind, confined = self.frame(time.monotonic() + 60)
        if kind != b"Z":
            raise QueryFailedError("the query worker did not start")
        if not confined:
            log.warning("this system does not let query workers be cut off from the network; the guard stands alone")

    def ask(self, request: dict[str, object]) -> None:
        """Send a request."""
        assert self.process.stdin is not None
        try:
            self.process.stdin.write(json.dumps(request).encode() + b"\n")
            self.process.stdin.flush()
        except BrokenPipeError as error:
            raise QueryFailedError("the query worker has died") from error

    def frame(self, deadline: float) -> tuple[bytes, bytes]:
        """The next frame; `QueryTimeoutError` at the deadline, `QueryFailedError` where the process has died."""
        kind, size = HEADER.unpack(self._exactly(HEADER.size, deadline))
        return kind, self._exactly(size, deadline)

    def _exactly(self, size: int, deadline: float) -> bytes:
        assert self.process.stdout is not None
        descriptor = self.process.stdout.fileno()
        parts: list[bytes] = []
        while size:
            ready, _, _ = select.select([descriptor], [], [], max(0.0, deadline - time.monotonic()))
            if not ready:
                raise QueryTimeoutError
            part = os.read(descriptor, min(size, 1 << 20))
            if not part:
                raise QueryFailedError("the query needed more memory than a query may use, or stopped the engine")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)

    def kill(self) -> None:
        """End the process, whatever it does."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            if pipe:
                pipe.close()

    def idle(self) -> bool:
        """Whether the process can take another request."""
        return self.process.poll() is None and psutil.Process(self.process.pid).memory_info().rss < self.memory // 2


class Answer:
    """A result as it streams from its worker: its format by name, and its bytes.

    Made only once the first bytes are there, so that an early error raises from `WorkerPool.ask`. A later one raises
    from the iteration. Read it to the end or `close` it.
    """

    def __init__(self, pool: WorkerPool, worker: _Worker, deadline: float, seconds: float) -> None:
        self._pool = pool
        self._worker: _Worker | None = worker
        self._deadline = deadline
        self._seconds = seconds
        self._sent = 0
        kind, payload = self._frame(worker)
        self.format = payload.decode() if kind == b"M" else ""
        self._next = self._frame(worker)

    def _frame(self, worker: _Worker) -> tuple[bytes, bytes]:
        try:
            kind, payload = worker.frame(self._deadline)
        except QueryTimeoutError:
            message = f"the query took longer than {self._seconds:g} seconds; narrow it, or add a LIMIT"
            raise QueryTimeoutError(message) from None
        if kind == b"E":
            raise _error(payload)
        self._sent += len(payload)
        if self._sent > self._pool.limits.result:
            raise QueryFailedError(f"the result passes {self._pool.limits.result:,} bytes; add a LIMIT")
        return kind, payload

    def __iter__(self) -> Iterator[bytes]:
        try:
            while self._worker is not None:
                kind, payload = self._next
                if kind == b"Z":
                    self._end(usable=True)
                else:
                    yield payload
                    if self._worker is not None:
                        self._next = self._frame(self._worker)
        finally:
            self.close()

    def read(self) -> bytes:
        """The whole result."""
        return b"".join(self)

    def close(self) -> None:
        """Stop the query where it is not at its end."""
        self._end(usable=False)

    def _end(self, usable: bool) -> None:
        worker, self._worker = self._worker, None
        if worker is not None:
            self._pool.give_back(worker, usable)

    def __del__(self) -> None:
        if getattr(self, "_worker", None) is not None and hasattr(self, "_next"):
            self.close()


class WorkerPool:
    """A bounded number of workers over the generation that is current when a query is asked."""

    def __init__(self, size: int = 2, limits: QueryLimits | None = None) -> None:
        self.limits = limits or QueryLimits()
        self._free: list[_Worker] = []
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(size)

    def ask(
        self,
        store: Path,
        query: str,
        graphs: list[str],
        select_format: str = "json",
        graph_format: str = "turtle",
        base: str | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Evaluate a query over some graphs of a store; errors that come before the first byte raise here."""
        check_query(query)
        seconds = self.limits.seconds if seconds is None else seconds
        self._take_place(seconds)
        deadline = time.monotonic() + seconds
        worker: _Worker | None = None
        try:
            worker = self._take(store)
            worker.ask(
                {
                    "query": query,
                    "graphs": graphs,
                    "prefixes": prefixes(),
                    "base": base,
                    "select_format": select_format,
                    "graph_format": graph_format,
                    "seconds": seconds,
                }
            )
            return Answer(self, worker, deadline, seconds)
        except QuerySyntaxError:
            self.give_back(worker, usable=True)
            raise
        except BaseException:
            self.give_back(worker, usable=False)
            raise

    @contextmanager
    def place(self, seconds: float) -> Iterator[None]:
        """A place among the queries at work, for one that no worker answers; `QueryTimeoutError` where none is free."""
        self._take_place(seconds)
        try:
            yield
        finally:
            self._places.release()

    def _take_place(self, seconds: float) -> None:
        if not self._places.acquire(timeout=seconds):
            raise QueryTimeoutError(f"the server was busy for {seconds:g} seconds; try again")

    def _take(self, store: Path) -> _Worker:
        with self._lock:
            stale = [worker for worker in self._free if worker.store != store or not worker.idle()]
            self._free = [worker for worker in self._free if worker not in stale]
            ready = self._free.pop() if self._free else None
        for worker in stale:
            worker.kill()
        return ready or _Worker(store, self.limits.memory)

    def give_back(self, worker: _Worker | None, usable: bool) -> None:
        """Take a worker back, or end it, and let the next query have its place."""
        if worker is not None:
            if usable:
                with self._lock:
                    self._free.append(worker)
            else:
                worker.kill()
        self._places.release()

    def close(self) -> None:
        """End the workers that are not at work."""
        with self._lock:
            workers, self._free = self._free, []
        for worker in workers:
            worker.kill()


def _error(payload: bytes) -> QueryError:
    error = json.loads(payload)
    if error["kind"] == "syntax":
        return QuerySyntaxError(error["message"])
    return QueryFailedError("the query could not be evaluated")
