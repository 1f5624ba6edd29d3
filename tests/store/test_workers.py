"""Hostile and heavy queries: a clear error or a bounded stream, and the next question is answered."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.guard import QueryRefusedError, check_query
from store.warehouse import ANONYMOUS, EmptyWarehouseError, Warehouse
from store.workers import QueryFailedError, QueryLimits, QuerySyntaxError, QueryTimeoutError
from tests.store import toys

PLAIN = "SELECT (COUNT(?s) AS ?n) { ?s a q:Subject }"
DIGITS = "VALUES ?{0} {{ 0 1 2 3 4 5 6 7 8 9 }}"


def numbers(power: int) -> str:
    """A pattern with ten to the power solutions."""
    return " ".join(DIGITS.format(f"d{place}") for place in range(power))


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    limits = QueryLimits(seconds=5, memory=1 << 30, result=20_000_000)
    opened = Warehouse.open(tmp_path_factory.mktemp("var"), limits)
    toys.collection(opened)
    toys.put(opened, "sexes", [toys.sex(f"S{number}") for number in range(30)])
    yield opened
    opened.close()


@pytest.fixture(autouse=True)
def answers_afterwards(warehouse: Warehouse) -> Iterator[None]:
    yield
    assert toys.number(warehouse, PLAIN, ANONYMOUS) == 30


SHAPES = {
    "braces": "SELECT * {" + "{" * 2000 + "?s ?p ?o" + "}" * 2000 + "}",
    "parentheses": "SELECT ?x {BIND(" + "(" * 2000 + "1" + ")" * 2000 + " AS ?x)}",
    "negations": "SELECT ?x {FILTER(" + "!" * 2000 + "true)}",
    "sums": "SELECT (1" + "+1" * 20_000 + " AS ?x) {}",
    "unions": "SELECT * {{?s ?p ?o}" + " UNION {?s ?p ?o}" * 5_000 + "}",
    "paths": "SELECT * {?s " + "(" * 2000 + "<urn:p>" + ")*" * 2000 + " ?o}",
    "subselects": "SELECT * {" + "{SELECT * {" * 1000 + "?s ?p ?o" + "}}" * 1000 + "}",
}


@pytest.mark.parametrize("shape", SHAPES)
def test_what_would_overflow_the_engine_is_refused(warehouse: Warehouse, shape: str) -> None:
    with pytest.raises(QueryRefusedError):
        warehouse.ask(SHAPES[shape], ANONYMOUS)


def test_a_crash_of_the_engine_is_an_error_of_one_query(warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch) -> None:
    """Were the guard passed, the worker would die and nothing else."""
    monkeypatch.setattr("store.workers.check_query", lambda _text: None)
    deep = "SELECT * {" + "{" * 100_000 + "?s ?p ?o" + "}" * 100_000 + "}"
    with pytest.raises(QueryFailedError):
        warehouse.ask(deep, ANONYMOUS)


EVASIONS = [
    "SELECT * {SERVICE %s {?s ?p ?o}}",
    "SELECT * {service%s{?s ?p ?o}}",
    "SELECT * {SERVICE\n#c\n SILENT %s {?s ?p ?o}}",
    "SELECT * {\\u0053ERVICE %s {?s ?p ?o}}",
    "SELECT * {FILTER EXISTS {SERVICE %s {?s ?p ?o}}}",
    "SELECT * {VALUES ?u {%s} SERVICE ?u {?s ?p ?o}}",
    "SELECT * {BIND('''a''b''' AS ?x)SERVICE %s {?s ?p ?o}}",
    "SELECT * {?s ?p 'it\\'s' . SERVICE %s {?s ?p ?o}}",
    "PREFIX service: <urn:x> SELECT ?service {service:a service:b ?service OPTIONAL{SERVICE %s {?s ?p ?o}}}",
    "SELECT * {?a <urn:#> ?b.SERVICE %s {?s ?p ?o}}",
    "PREFIX x: <urn:c> SELECT * { ?s ?p x:.SERVICE %s {?a ?b ?c}}",
    "PREFIX x: <urn:c> SELECT * { ?s ?p x:a.b.SERVICE %s {?a ?b ?c}}",
    "SELECT * { ?s ?p _:a.SERVICE %s {?a ?b ?c}}",
    "SELECT * {FILTER(?a<?b) SERVICE %s {?s ?p ?o} FILTER(?b>?a)}",
    "SELECT * {BIND('\\u0027' AS ?x) SERVICE %s {?s ?p ?o} BIND('\\u0027' AS ?y)}",
    "SELECT * {?s a:b\\#c ?o . SERVICE %s {?s ?p ?o}}",
]


@pytest.fixture(scope="module")
def listener() -> Iterator[tuple[str, list[str]]]:
    hits: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            hits.append(self.path)
            self.send_error(500)

        do_GET = do_POST  # noqa: N815 - the name that the library calls

        def log_message(self, *_args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"<http://127.0.0.1:{server.server_address[1]}/x>", hits
    server.shutdown()


@pytest.mark.parametrize("query", EVASIONS)
def test_service_is_refused_and_reaches_nobody(
    warehouse: Warehouse, listener: tuple[str, list[str]], query: str
) -> None:
    where, hits = listener
    with pytest.raises(QueryRefusedError, match="SERVICE"):
        warehouse.ask(query.replace("%s", where), ANONYMOUS)
    assert hits == []


def test_a_worker_that_is_asked_to_reaches_no_network(
    warehouse: Warehouse, listener: tuple[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("store.workers.check_query", lambda _text: None)
    where, hits = listener
    warehouse.pool.close()
    with pytest.raises(QueryFailedError):
        warehouse.ask(f"SELECT * {{ SERVICE {where} {{ ?s ?p ?o }} }}", ANONYMOUS).read()
    if _has_network_of_its_own():
        assert hits == []


def _has_network_of_its_own() -> bool:
    """Whether this system lets a process cut itself off from the network."""
    import subprocess
    import sys

    code = "import ctypes,sys; sys.exit(ctypes.CDLL(None).unshare(0x50000000) != 0)"
    return subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_words_inside_strings_names_and_comments_are_no_tokens() -> None:
    check_query(
        "PREFIX service: <urn:x> SELECT ?service {?service service:load 'SERVICE' . # SERVICE\n"
        ' ?s <urn:SERVICE> """LOAD"""}'
    )


@given(st.text(max_size=400))
def test_the_guard_takes_any_text(text: str) -> None:
    with suppress(QueryRefusedError):
        check_query(text)


def test_an_endless_join_ends_at_its_time(warehouse: Warehouse) -> None:
    query = f"SELECT (COUNT(*) AS ?n) {{ {numbers(12)} }}"
    with pytest.raises(QueryTimeoutError, match="1 seconds"):
        warehouse.ask(query, ANONYMOUS, seconds=1)


def test_a_sort_of_everything_ends_at_its_memory(warehouse: Warehouse) -> None:
    query = f"SELECT * {{ {numbers(8)} }} ORDER BY DESC(?d7) ?d0"
    with pytest.raises(QueryFailedError, match="memory"):
        warehouse.ask(query, ANONYMOUS, seconds=60)


def test_a_huge_result_streams_and_is_bounded(warehouse: Warehouse) -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    answer = warehouse.ask(f"SELECT * {{ {numbers(7)} }}", ANONYMOUS, "tsv", seconds=60)
    received = [0]

    def receive() -> None:
        for piece in answer:
            received[0] += len(piece)

    with pytest.raises(QueryFailedError, match="add a LIMIT"):
        receive()
    assert 1_000_000 < received[0] <= 20_000_000
    assert process.memory_info().rss - before < 100 << 20


def test_an_unread_answer_gives_its_worker_back(warehouse: Warehouse) -> None:
    for _ in range(5):
        warehouse.ask(f"SELECT * {{ {numbers(6)} }}", ANONYMOUS).close()


def test_a_syntax_error_says_where(warehouse: Warehouse) -> None:
    with pytest.raises(QuerySyntaxError, match="1:"):
        warehouse.ask("SELECT ?s { ?s ?p }", ANONYMOUS)


def test_the_dataset_of_a_caller_cannot_be_left(tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path / "var")
    toys.collection(warehouse, images="team", metadata="team", clinical="team")
    toys.put(warehouse, "sexes", [toys.sex("S1")])
    secret = warehouse.graph_iri("team")
    for query in (
        "SELECT ?s { ?s a q:Subject }",
        f"SELECT ?s FROM <{secret}> {{ ?s a q:Subject }}",
        f"SELECT ?s FROM NAMED <{secret}> {{ GRAPH ?g {{ ?s a q:Subject }} }}",
        f"SELECT ?s {{ GRAPH <{secret}> {{ ?s a q:Subject }} }}",
        "SELECT ?s { GRAPH ?g { ?s a q:Subject } }",
    ):
        assert warehouse.select(query, ANONYMOUS).rows == ()
    warehouse.close()


def test_an_empty_warehouse_says_what_to_do(tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path / "var")
    with pytest.raises(EmptyWarehouseError, match="qilin ingest"):
        warehouse.ask(PLAIN, ANONYMOUS)
    warehouse.close()
