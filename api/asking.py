"""How pages ask the warehouse: the queries that only pages need, and answers remembered for one generation.

The queries are written like the curated ones and read by the same catalogue; they stand in ``api/rq``.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar, cast

from fastapi import Request

from api.settings import Settings
from queries.catalogue import Query, parse
from queries.results import Table, run
from store.warehouse import Caller, EmptyWarehouseError, Rows, Warehouse

__all__ = ["Asking", "asking_of", "page_query"]

Kept = TypeVar("Kept")


@cache
def page_query(name: str) -> Query:
    """A query of ``api/rq``."""
    return parse(name, files("api").joinpath("rq", f"{name}.rq").read_text(encoding="utf-8"))


class Asking:
    """The warehouse as pages see it, always on behalf of a caller."""

    def __init__(self, warehouse: Warehouse, settings: Settings) -> None:
        self.warehouse = warehouse
        self.settings = settings
        self._kept: OrderedDict[tuple[object, ...], Any] = OrderedDict()
        self._lock = threading.Lock()
        self._making: dict[tuple[object, ...], threading.Lock] = {}

    def table(self, query: Query, values: Mapping[str, str], caller: Caller) -> Table:
        """The result of a query."""
        return run(self.warehouse, query, values, caller, seconds=self.settings.page_seconds)

    def rows(self, query: Query, values: Mapping[str, str], caller: Caller) -> Rows:
        """The result of a query as RDF terms."""
        return self.warehouse.select(query.bind(values), caller, seconds=self.settings.page_seconds)

    def empty(self) -> bool:
        """Whether nothing has been published yet."""
        return self.warehouse.generations.folder() is None

    def once(self, name: tuple[str, ...], caller: Caller, make: Callable[[], Kept], size: int = 64) -> Kept:
        """What ``make`` gives, made once for each generation and set of graphs that callers may read.

        Two callers share an answer only where they may read the same graphs.
        """
        if self.empty():
            raise EmptyWarehouseError("nothing has been ingested yet; try `qilin demo` or `qilin ingest`")
        number = self.warehouse.generations.current().number
        key = (number, *self.warehouse.graphs(caller), *name)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return cast("Kept", self._kept[key])
            making = self._making.setdefault(key, threading.Lock())
        with making:
            with self._lock:
                if key in self._kept:
                    return cast("Kept", self._kept[key])
            try:
                made = make()
            finally:
                with self._lock:
                    self._making.pop(key, None)
            with self._lock:
                self._kept[key] = made
                while len(self._kept) > size:
                    self._kept.popitem(last=False)
        return made


def asking_of(request: Request) -> Asking:
    """The warehouse of the app that a request came to."""
    asking = request.app.state.asking
    assert isinstance(asking, Asking)
    return asking
