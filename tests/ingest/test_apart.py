"""Work in processes of its own answers as work here does: in order, with what goes wrong, and with an end."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from functools import partial
from operator import mul, truediv
from pathlib import Path
from typing import Any

import pytest

from benchmarks.aim_documents import make_documents
from ingest.aim import reader as aim
from ingest.apart import BATCH, ApartError, apart
from ingest.base import Context, Keepable, Yield
from mappings.codes import bundled
from ontology.records import SourceRecord

TWICE = partial(mul, 2)


def large(_item: object) -> int:
    """As much as a batch holds, so that each item is one."""
    return BATCH


@pytest.fixture(autouse=True)
def two_processors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.cpu_count", lambda: 2)


def test_the_answers_come_in_order_whatever_the_batches() -> None:
    assert list(apart(TWICE, range(500), lambda item: item * 4096, little=1)) == [2 * item for item in range(500)]


def test_little_work_is_done_here() -> None:
    assert list(apart(lambda item: item, range(9), large, little=10 * BATCH)) == list(range(9))  # no lambda is sent


def test_what_goes_wrong_in_a_process_is_raised_where_it_was_asked() -> None:
    answers = apart(partial(truediv, 1), [1, 2, 4, 0, 8], large, little=1)
    assert [next(answers) for _ in range(3)] == [1, 0.5, 0.25]
    with pytest.raises(ZeroDivisionError):
        next(answers)


def test_a_process_that_is_gone_is_told() -> None:
    with pytest.raises(ApartError):
        list(apart(signal.raise_signal, [0, signal.SIGKILL], large, little=1))  # the first is no signal, and sent here


def test_items_are_not_taken_far_ahead_and_whoever_stops_early_leaves_no_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    taken: list[int] = []
    started: list[subprocess.Popen[bytes]] = []

    class Noted(subprocess.Popen[bytes]):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **kwargs)
            started.append(self)

    monkeypatch.setattr(subprocess, "Popen", Noted)

    def items() -> Iterator[int]:
        for item in range(1000):
            taken.append(item)
            yield item

    answers = apart(TWICE, items(), large, little=1)
    assert [next(answers) for _ in range(3)] == [0, 2, 4]
    answers.close()
    assert len(taken) < 20
    assert len(started) == 2
    assert all(process.returncode is not None for process in started)


def test_annotations_are_the_same_read_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    documents = tmp_path / "documents"
    make_documents(documents, 30)
    (documents / "zz.xml").write_text("<ImageAnnotation>", encoding="utf-8")
    here = _read(documents)
    monkeypatch.setattr(aim, "apart", partial(apart, little=1))
    assert _read(documents) == here
    assert sum(isinstance(item, SourceRecord) for item in here[0]) == 30
    assert len(here[1]) == 30
    assert here[2]


def _read(documents: Path) -> tuple[list[Yield], list[str], list[tuple[int, frozenset[bytes]]]]:
    """What is read, what is kept, and which codes had been asked for when each source began."""
    kept: list[str] = []
    keys: set[bytes] = set()
    asked: list[tuple[int, frozenset[bytes]]] = []
    items: list[Yield] = []

    def keep(document: Keepable) -> None:
        kept.extend(document.lines(set(), lambda _subject, _when: (None, None, None)))

    context = Context(collection="c", secret=b"s", codes=bundled().noting(keys.add), keep=keep)
    for item in aim.read(iter(map(str, sorted(documents.iterdir()))), context):
        if isinstance(item, SourceRecord):
            asked.append((len(items), frozenset(keys)))
        items.append(item)
    return items, kept, [*asked, (len(items), frozenset(keys))]
