"""What the command line says, and where: reports on standard output, messages and progress on standard error."""

from __future__ import annotations

import json
import re
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import groupby
from typing import Any

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

from ingest.report import Progress, Report
from ontology.records import Reject
from store.matching import Matched, Side

__all__ = ["err", "out", "print_json", "print_rows", "report", "watching", "without_instance"]

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

PLAIN_SECONDS = 10.0


class Rate(ProgressColumn):
    """Items a second."""

    def render(self, task: Task) -> Text:
        """The rate so far, or nothing before the first."""
        speed = task.finished_speed or task.speed
        return Text(f"{speed:,.0f}/s" if speed else "", style="progress.data.speed")


def print_json(value: object) -> None:
    """One JSON document on standard output."""
    out.print_json(json.dumps(value, default=str))


def print_rows(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """A table on standard output: ruled on a terminal, tab-separated otherwise."""
    if not out.is_terminal:
        for row in (columns, *rows):
            sys.stdout.write("\t".join("" if cell is None else str(cell) for cell in row) + "\n")
        return
    table = Table(*columns, title=title, title_justify="left")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    out.print(table)


@contextmanager
def watching() -> Iterator[Progress]:
    """Progress of a run: bars with rate and remaining time on a terminal, plain lines now and then otherwise."""
    if err.is_terminal:
        with _bars() as progress:
            yield progress
    else:
        yield _lines()


@contextmanager
def _bars() -> Iterator[Progress]:
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), Rate())
    with Bars(*columns, TimeElapsedColumn(), TimeRemainingColumn(), console=err, transient=True) as bars:
        tasks: dict[str, Any] = {}
        current = bars.add_task("starting", total=None)

        def stage(text: str) -> None:
            bars.update(current, description=text)

        def step(kind: str, done: int, total: int | None) -> None:
            if kind not in tasks:
                tasks[kind] = bars.add_task(kind, total=total)
            bars.update(tasks[kind], completed=done, total=total)

        def waiting() -> None:
            bars.update(current, description="waiting for another run to end")

        yield Progress(stage=stage, step=step, waiting=waiting)


def _lines() -> Progress:
    last = [time.monotonic()]

    def say(text: str) -> None:
        err.print(text, highlight=False)

    def step(kind: str, done: int, total: int | None) -> None:
        if time.monotonic() - last[0] >= PLAIN_SECONDS:
            last[0] = time.monotonic()
            say(f"{kind}: {done:,} of {total:,}" if total else f"{kind}: {done:,}")

    return Progress(stage=say, step=step, waiting=lambda: say("waiting for another run to end"))


INSTANCE = re.compile(r" \(instance [^ ()]+\)$")
"""What DICOMweb says behind a problem: in which instance of the series it was found."""


def without_instance(problem: str) -> str:
    """A problem as all instances and series with it share it."""
    return INSTANCE.sub("", problem)


SHOWN_REJECTS = 20
"""Lines; each stands for all files with one problem."""
NAMED_FILES = 3


SHOWN_SIDES: dict[Side, str] = {"images": "images", "tables": "annotations and tables"}


def matched_lines(found: Sequence[Matched]) -> Iterator[str]:
    """A line for each namespace and side of ids; collections of images alone, which have nothing to match, as one."""
    alone: dict[str, int] = {}
    for collection, group in groupby(found, key=lambda item: item.collection):
        items = list(group)
        if all(item.side == "images" for item in items) and not any(item.linked or item.ambiguous for item in items):
            alone[collection] = sum(item.ids for item in items)
            continue
        for item in items:
            where = f"{collection}, {SHOWN_SIDES[item.side]}" + (f", ids of {item.namespace}" if item.namespace else "")
            ambiguous = f", {item.ambiguous:,} ambiguous" if item.ambiguous else ""
            yield f"subjects of {where}: {item.matched:,} matched, {item.unmatched:,} unmatched{ambiguous}"
    if alone:
        named = next(iter(alone)) if len(alone) == 1 else f"{len(alone):,} collections"
        yield f"subjects of {named}: {sum(alone.values()):,} with images alone"


def reject_lines(rejects: Iterable[Reject]) -> Iterator[str]:
    """A line for each problem, with the files that have it: the first few by name, the others as a number."""
    alike: dict[tuple[bool, str, str, str], list[str]] = {}
    for item in rejects:
        alike.setdefault((item.quarantine, item.place, without_instance(item.problem), item.wanted), []).append(
            item.name
        )
    for (quarantine, place, problem, wanted), names in alike.items():
        named = ", ".join(names[:NAMED_FILES])
        if len(names) > NAMED_FILES:
            named += f" and {len(names) - NAMED_FILES:,} more"
        word = "quarantined" if quarantine else "rejected"
        yield f"{word}: {named}: {place}: {problem}; wanted: {wanted}"


def report(result: Report) -> None:
    """The report of a run for people."""
    counted = ", ".join(f"{count:,} {name}" for name, count in sorted(result.records.items()))
    out.print(
        f"{result.added:,} sources added, {result.replaced:,} replaced, {result.unchanged:,} unchanged; "
        f"generation {result.generation} holds {result.quads:,} quads",
        highlight=False,
    )
    if counted:
        out.print(f"records: {counted}", highlight=False)
    for line in matched_lines(result.subjects):
        out.print(line, highlight=False, markup=False)
    for name, count in result.unmapped.items():
        if count:
            err.print(
                f"{name}: {count:,} columns without a decision were left out: see `qilin map check`", highlight=False
            )
    for old, new in result.superseded.items():
        err.print(f"{new} takes the place of {old}: an export of the same project", highlight=False, markup=False)
    lines = list(reject_lines(result.rejects))
    for line in lines[:SHOWN_REJECTS]:
        err.print(line, highlight=False, markup=False)
    if len(lines) > SHOWN_REJECTS:
        err.print(f"… and {len(lines) - SHOWN_REJECTS:,} more: see `qilin quarantine list --alike`", highlight=False)
    if askable := sum(1 for item in result.rejects if item.content):
        err.print(
            f"{askable:,} of the quarantined a steward may release: see `qilin quarantine list --alike`",
            highlight=False,
        )
    if result.reviews:
        waiting = f"{len(result.reviews):,} to review: in, but for what waits for a steward's word"
        err.print(f"{waiting}; see `qilin quarantine list --alike`", highlight=False)


def report_json(result: Report) -> dict[str, Any]:
    """The report of a run for machines."""
    return {
        "added": result.added,
        "replaced": result.replaced,
        "unchanged": result.unchanged,
        "records": dict(result.records),
        "collections": sorted(result.collections),
        "subjects": [asdict(item) for item in result.subjects],
        "unmapped_columns": result.unmapped,
        "superseded": result.superseded,
        "generation": result.generation,
        "quads": result.quads,
        "reviews": [{"name": item.name, "place": item.place, "problem": item.problem} for item in result.reviews],
        "rejects": [
            {
                "name": item.name,
                "place": item.place,
                "problem": item.problem,
                "wanted": item.wanted,
                "quarantine": item.quarantine,
            }
            for item in result.rejects
        ],
    }
