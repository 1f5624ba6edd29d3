"""Working ahead: the next item is made in a thread while the one before is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

__all__ = ["ahead"]

T = TypeVar("T")


def ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items, each made while the one before is used.

    It pays where both sides let go of the interpreter's lock: DuckDB, the loader of the store, the writer of Parquet.

    >>> list(ahead(range(3)))
    [0, 1, 2]
    """
    coming = iter(items)
    end = object()
    with ThreadPoolExecutor(1) as maker:
        made = maker.submit(next, coming, end)
        while (item := made.result()) is not end:
            made = maker.submit(next, coming, end)
            yield item  # type: ignore[misc]
