"""The SPARQL 1.1 Protocol at /sparql: forms of request, formats, errors, and queries that mean harm."""

from __future__ import annotations

import csv
import http.client
import io
import json
import socket
import time
from urllib.parse import urlencode, urlsplit

import psutil
import pyoxigraph as ox
import pytest
from fastapi.testclient import TestClient
from SPARQLWrapper import CSV, JSON, POST, POSTDIRECTLY, TURTLE, XML, SPARQLWrapper

SUBJECTS = "SELECT ?id { ?s a q:Subject ; q:identifier ?id } ORDER BY ?id"
ENDLESS = "SELECT (COUNT(*) AS ?n) { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i . ?j ?k ?l FILTER(?a != ?l) }"
MANY = "SELECT ?a ?d ?g { ?a ?b ?c . ?d ?e ?f . ?g ?h ?i }"
BROWSER = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


def names(body: str) -> set[str]:
    return {row["id"]["value"] for row in json.loads(body)["results"]["bindings"]}


@pytest.mark.parametrize(
    "ask",
    [
        lambda web: web.get("/sparql", params={"query": SUBJECTS}),
        lambda web: web.post("/sparql", data={"query": SUBJECTS}),
        lambda web: web.post(
            "/sparql", content=SUBJECTS, headers={"Content-Type": "application/sparql-query; charset=utf-8"}
        ),
    ],
    ids=["get", "form", "direct"],
)
def test_the_three_forms_of_request(web: TestClient, ask) -> None:
    response = ask(web)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/sparql-results+json"
    assert "P-10" in names(response.text)
    assert "HIDDEN-1" not in response.text


@pytest.mark.parametrize(
    ("accept", "query", "content_type", "parse"),
    [
        ("application/sparql-results+json", SUBJECTS, "application/sparql-results+json", ox.QueryResultsFormat.JSON),
        ("application/json", SUBJECTS, "application/json", ox.QueryResultsFormat.JSON),
        ("application/sparql-results+xml", SUBJECTS, "application/sparql-results+xml", ox.QueryResultsFormat.XML),
        ("text/tab-separated-values", SUBJECTS, "text/tab-separated-values; charset=utf-8", ox.QueryResultsFormat.TSV),
        (
            "application/sparql-results+xml",
            "ASK { ?s a q:Subject }",
            "application/sparql-results+xml",
            ox.QueryResultsFormat.XML,
        ),
        ("text/turtle", "CONSTRUCT WHERE { ?s a q:Subject }", "text/turtle; charset=utf-8", ox.RdfFormat.TURTLE),
        (
            "application/n-triples",
            "CONSTRUCT WHERE { ?s a q:Subject }",
            "application/n-triples",
            ox.RdfFormat.N_TRIPLES,
        ),
        ("application/rdf+xml", "CONSTRUCT WHERE { ?s a q:Subject }", "application/rdf+xml", ox.RdfFormat.RDF_XML),
        (
            "application/ld+json",
            "DESCRIBE <https://w3id.org/qilin/id/collection/open_one>",
            "application/ld+json",
            ox.RdfFormat.JSON_LD,
        ),
        (
            "text/csv;q=0.5, text/turtle",
            "CONSTRUCT WHERE { ?s a q:Subject }",
            "text/turtle; charset=utf-8",
            ox.RdfFormat.TURTLE,
        ),
    ],
)
def test_the_accept_header_decides(web: TestClient, accept: str, query: str, content_type: str, parse) -> None:
    response = web.get("/sparql", params={"query": query}, headers={"Accept": accept})
    assert (response.status_code, response.headers["content-type"]) == (200, content_type)
    assert "Accept" in response.headers["vary"]
    if isinstance(parse, ox.RdfFormat):
        assert list(ox.parse(response.content, format=parse))
    else:
        result = ox.parse_query_results(response.content, format=parse)
        assert bool(result) if isinstance(result, ox.QueryBoolean) else len(list(result)) == 4


def test_csv_by_suffix_whatever_is_accepted(web: TestClient) -> None:
    response = web.get("/sparql.csv", params={"query": SUBJECTS}, headers={"Accept": BROWSER})
    rows = list(csv.reader(io.StringIO(response.text)))
    assert rows[0] == ["id"]
    assert ["P-2"] in rows


@pytest.mark.parametrize(
    ("query", "accept"),
    [
        (SUBJECTS, "text/turtle"),
        ("CONSTRUCT WHERE { ?s a q:Subject }", "text/csv"),
        (SUBJECTS, "image/png"),
        (SUBJECTS, "application/sparql-results+json;q=0"),
    ],
)
def test_a_format_that_cannot_be(web: TestClient, query: str, accept: str) -> None:
    response = web.get("/sparql", params={"query": query}, headers={"Accept": accept})
    assert response.status_code == 406
    assert "available" in response.json()["detail"]


def problem(response) -> str:
    assert response.headers["content-type"] == "application/problem+json"
    assert response.json()["status"] == response.status_code
    return str(response.json()["detail"])


def test_syntax_errors_say_where(web: TestClient) -> None:
    response = web.get("/sparql", params={"query": "SELECT * {\n ?s ?p }"})
    assert response.status_code == 400
    assert "2:" in problem(response)


@pytest.mark.parametrize("name", ["default-graph-uri", "named-graph-uri", "using-graph-uri"])
def test_a_dataset_is_refused(web: TestClient, name: str) -> None:
    assert web.get("/sparql", params={"query": SUBJECTS, name: "http://example.org/"}).status_code == 400
    posted = web.post(
        f"/sparql?{name}=http://example.org/", content=SUBJECTS, headers={"Content-Type": "application/sparql-query"}
    )
    assert posted.status_code == 400
    assert "everything that you may read" in problem(posted)


@pytest.mark.parametrize("clause", ["FROM <{g}>", "FROM NAMED <{g}>"])
def test_a_dataset_clause_opens_nothing(web: TestClient, clause: str) -> None:
    said = clause.format(g="https://w3id.org/qilin/id/graph/team")
    response = web.get(
        "/sparql",
        params={
            "query": f"SELECT ?id {said} {{ {{ ?s q:identifier ?id }} UNION {{ GRAPH ?g {{ ?s q:identifier ?id }} }} }}"
        },
    )
    assert "HIDDEN" not in response.text


def test_updates_are_refused(web: TestClient) -> None:
    direct = web.post("/sparql", content="CLEAR ALL", headers={"Content-Type": "application/sparql-update"})
    assert direct.status_code == 400
    assert "updates are refused" in problem(direct)
    assert web.post("/sparql", data={"update": "CLEAR ALL"}).status_code == 400
    assert web.post("/sparql", data={"query": "CLEAR ALL"}).status_code == 400
    assert web.put("/sparql").status_code == 405


def test_bodies_that_are_not_read(web: TestClient) -> None:
    assert web.post("/sparql", content="x", headers={"Content-Type": "text/plain"}).status_code == 415
    assert web.post("/sparql", content=b"\xff", headers={"Content-Type": "application/sparql-query"}).status_code == 400
    assert web.post("/sparql", data={"query": ["ASK {}", "ASK {}"]}).status_code == 400
    big = web.post("/sparql", content="#" * 300_000, headers={"Content-Type": "application/sparql-query"})
    assert big.status_code == 413


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("SELECT * {" * 400 + "}" * 400, 400, "nests deeper"),
        ("SELECT * WHERE { " + "{" * 2000 + " ?s ?p ?o " + "}" * 2000 + " }", 400, "nests deeper"),
        ("SELECT * { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }", 400, "SERVICE"),
        ("SELECT * { s\\u0065rvice <http://127.0.0.1:9/> { ?s ?p ?o } }", 400, "SERVICE"),
        (ENDLESS, 503, "took longer than 2 seconds"),
    ],
    ids=["subselects", "braces", "service", "escaped service", "endless join"],
)
def test_hostile_queries_get_an_answer_and_the_next_request_too(
    web: TestClient, query: str, status: int, said: str
) -> None:
    response = web.get("/sparql", params={"query": query})
    assert response.status_code == status
    assert said in problem(response)
    assert "P-1" in names(web.get("/sparql", params={"query": SUBJECTS}).text)


def test_a_large_result_is_streamed_and_bounded(served: str, web: TestClient) -> None:
    """The result would have millions of rows: it begins at once, is broken off, and memory stays where it was."""
    process = psutil.Process()
    before = process.memory_info().rss
    connection = http.client.HTTPConnection(urlsplit(served).netloc, timeout=30)
    connection.request("GET", "/sparql.csv?" + urlencode({"query": MANY}))
    response = connection.getresponse()
    assert (response.status, response.getheader("Transfer-Encoding")) == (200, "chunked")
    sizes: list[int] = []
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        sizes.extend(len(piece) for piece in iter(lambda: response.read(1 << 16), b""))
    size = sum(sizes)
    assert 1 << 20 < size <= 65 << 20
    assert process.memory_info().rss - before < 100 << 20
    assert "P-1" in names(web.get("/sparql", params={"query": SUBJECTS}).text)


def test_clients_that_stop_reading_keep_no_worker(served: str, web: TestClient) -> None:
    where = urlsplit(served)
    clients = [socket.create_connection((where.hostname, where.port)) for _ in range(3)]
    for client in clients:
        client.sendall(f"GET /sparql?{urlencode({'query': MANY})} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    time.sleep(3)
    assert "P-1" in names(web.get("/sparql", params={"query": SUBJECTS}).text)
    for client in clients:
        client.close()


def test_service_description(web: TestClient) -> None:
    for accept, form in (("text/turtle", ox.RdfFormat.TURTLE), ("application/rdf+xml", ox.RdfFormat.RDF_XML)):
        response = web.get("/sparql", headers={"Accept": accept})
        triples = {
            str(quad.predicate.value).rpartition("#")[2]: quad.object
            for quad in ox.parse(response.content, format=form)
        }
        assert triples["endpoint"] == ox.NamedNode("http://testserver/sparql")
        assert triples["supportedLanguage"].value.endswith("SPARQL11Query")


def test_sparqlwrapper(served: str) -> None:
    client = SPARQLWrapper(f"{served}/sparql")
    client.setQuery(SUBJECTS)
    client.setReturnFormat(JSON)
    assert len(client.queryAndConvert()["results"]["bindings"]) == 4
    client.setMethod(POST)
    client.setReturnFormat(XML)
    assert len(client.queryAndConvert().getElementsByTagName("result")) == 4
    client.setRequestMethod(POSTDIRECTLY)
    client.setReturnFormat(CSV)
    assert b"P-10" in client.queryAndConvert()
    client.setQuery("CONSTRUCT WHERE { ?s a q:Subject }")
    client.setReturnFormat(TURTLE)
    assert b"q/id/subject" in client.queryAndConvert().replace(b"qilin/id", b"q/id")


def test_any_origin_may_ask(web: TestClient) -> None:
    asked = web.get("/sparql", params={"query": "ASK {}"}, headers={"Origin": "https://elsewhere.example"})
    assert asked.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in asked.headers
    preflight = {
        "Origin": "https://elsewhere.example",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "content-type",
    }
    assert web.options("/sparql", headers=preflight).status_code == 200


def test_head_has_headers_only(web: TestClient) -> None:
    response = web.head("/sparql", params={"query": "ASK {}"})
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"] == "application/sparql-results+json"


def test_the_page_shows_results_and_errors(web: TestClient) -> None:
    browser = {"Accept": BROWSER}
    form = web.get("/sparql", headers=browser)
    assert "<textarea" in form.text
    shown = web.get("/sparql", params={"query": SUBJECTS}, headers=browser)
    assert "P-10" in shown.text
    assert "<script" not in shown.text
    graph = web.get("/sparql", params={"query": "CONSTRUCT WHERE { ?s ?p ?o }"}, headers=browser)
    assert "There is more" in graph.text
    wrong = web.get("/sparql", params={"query": "SELECT </textarea><script>"}, headers=browser)
    assert wrong.status_code == 400
    assert "<script" not in wrong.text
    assert "true" in web.get("/sparql", params={"query": "ASK {}"}, headers=browser).text


def test_a_crowd_is_turned_away_at_once(web_app, web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(web_app.state.asking, "_waiting", 20)
    response = web.get("/sparql", params={"query": SUBJECTS})
    assert (response.status_code, response.headers["retry-after"]) == (503, "10")
    assert "busy" in problem(response)
    assert web.get("/healthz").status_code == 200
