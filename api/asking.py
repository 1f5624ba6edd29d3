"""How pages ask the warehouse: the queries that only pages need, and answers remembered for one generation.

The queries are written like the curated ones and read by the same catalogue; they stand in ``api/rq``.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any, TypeVar, cast

import pyoxigraph as ox
from fastapi import Request

from api.settings import Settings
from queries import columnar
from queries.catalogue import Query, parse
from queries.results import Table, value
from store.warehouse import Caller, EmptyWarehouseError, Rows, Warehouse
from store.workers import QueryTimeoutError

__all__ = ["Asking", "ResultTooLargeError", "asking_of", "page_query"]

Kept = TypeVar("Kept")


class ResultTooLargeError(ValueError):
    """A result beyond what a page may hold; the message says where it can be had."""

    def __init__(self, limit: int) -> None:
        super().__init__(
            f"the result passes {limit:,} bytes: narrow it, or ask the query's text at /sparql, which streams"
        )


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
        self._waiting = 0
        self._making: dict[tuple[object, ...], threading.Lock] = {}

    def table(self, query: Query, values: Mapping[str, str], caller: Caller, seconds: float | None = None) -> Table:
        """The result of a query as plain values; `QueryTimeoutError` after ``seconds``, else those of the settings."""
        limits = seconds or self.settings.page_seconds, self.settings.result_bytes
        try:
            found = columnar.rows(self.warehouse, query, values, caller, *limits)
        except columnar.ResultSizeError:
            raise ResultTooLargeError(self.settings.result_bytes) from None
        if found is not None:
            return Table(query, found)
        rows = self.rows(query, values, caller, seconds)
        places = [rows.columns.index(column.name) for column in query.columns]
        return Table(query, tuple(tuple(value(row[place]) for place in places) for row in rows.rows))

    def rows(self, query: Query, values: Mapping[str, str], caller: Caller, seconds: float | None = None) -> Rows:
        """The result of a query as RDF terms; `ResultTooLargeError` where it is more than a page may hold.

        A result is held in memory here, unlike at ``/sparql``, so it is bounded by its size before it is read.
        """
        answer = self.warehouse.ask(query.bind(values), caller, seconds=seconds or self.settings.page_seconds)
        content = bytearray()
        for piece in answer:
            content += piece
            if len(content) > self.settings.result_bytes:
                answer.close()
                raise ResultTooLargeError(self.settings.result_bytes)
        solutions = ox.parse_query_results(bytes(content), format=ox.QueryResultsFormat.JSON)
        assert isinstance(solutions, ox.QuerySolutions), "every query of pages is a SELECT"
        columns = tuple(variable.value for variable in solutions.variables)
        return Rows(columns, tuple(tuple(solution[name] for name in columns) for solution in solutions))

    @contextmanager
    def place(self) -> Iterator[None]:
        """A place among the queries that wait for a worker.

        `QueryTimeoutError` at once where all are taken: a crowd at ``/sparql`` leaves threads to everything else.
        """
        if self._waiting >= self.settings.queue:
            raise QueryTimeoutError("the server is busy with other queries; try again")
        self._waiting += 1
        try:
            yield
        finally:
            self._waiting -= 1

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
