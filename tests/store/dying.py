"""A child process for tests: it ingests toy sources and kills itself at a named moment.

Run as ``python -m tests.store.dying HOME MOMENT``; the moments are the keys of `MOMENTS`.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pyoxigraph as ox

import ingest.sources
import store.generations
from ingest.base import Context, Source, Yield
from ingest.run import Job, run
from store.control import Control
from store.generations import Generations
from store.log import LogWriter
from store.warehouse import Warehouse
from tests.store import toys

SUBJECTS = 40


def die(*_args: Any, **_kwargs: Any) -> Any:
    os.kill(os.getpid(), signal.SIGKILL)


def read(locators: Iterable[str], context: Context) -> Iterator[Yield]:
    """One source for each subject: a scan and a diameter."""
    for _ in locators:
        for number in range(SUBJECTS):
            records = [*toys.scan(f"S{number}", number, number), *toys.diameter(f"S{number}", "R1", 3, "12.5")]
            head = toys.head(f"source {number}", records)
            yield head
            if not context.known(head.digest, head.recipe):
                yield from records


TOY = Source(name="toy", accepts=lambda locator: locator == "toy://all", read=read)


def _nth(owner: Any, name: str, count: int) -> None:
    """Die at the n-th call of a function instead of making it."""
    real: Callable[..., Any] = getattr(owner, name)
    calls = [0]

    def counted(*args: Any, **kwargs: Any) -> Any:
        calls[0] += 1
        return die() if calls[0] == count else real(*args, **kwargs)

    setattr(owner, name, counted)


def _after(owner: Any, name: str) -> None:
    real: Callable[..., Any] = getattr(owner, name)

    def then(*args: Any, **kwargs: Any) -> None:
        real(*args, **kwargs)
        die()

    setattr(owner, name, then)


def _mid_load() -> None:
    def half(place: Path, texts: Iterable[bytes]) -> None:
        for piece in texts:
            ox.Store(str(place)).bulk_load(piece, format=ox.RdfFormat.TRIG)
            die()

    store.generations.load = half


MOMENTS: dict[str, Callable[[], None]] = {
    "never": lambda: None,
    "while reading": lambda: _nth(LogWriter, "add", 100),
    "log written, ledger not": lambda: _nth(Control, "record_sources", 2),
    "while loading": _mid_load,
    "before the draft is named": lambda: _nth(Generations, "_settle", 1),
    "published, run not entered": lambda: _after(Generations, "publish"),
}


def main() -> None:
    home, moment = sys.argv[1:]
    ingest.sources.all_sources = lambda: (TOY,)  # type: ignore[assignment]
    ingest.run.FLUSH_RECORDS = 60
    MOMENTS[moment]()
    run(Warehouse.open(home), [Job(locators=("toy://all",), collection="toys", audience="public")])


if __name__ == "__main__":
    main()
