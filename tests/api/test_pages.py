"""Pages and the same content in other formats."""

from __future__ import annotations

import csv
import html
import io
import re
from pathlib import Path
from urllib.parse import quote
from xml.etree import ElementTree

import pyoxigraph as ox
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from ontology.prefixes import expand
from store.warehouse import Warehouse

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
HOSTILE = '<script>alert("1")</script>/ß.csv'
BASE = "https://w3id.org/qilin/id/"
PAGES = [
    "/",
    "/subjects",
    "/subjects?q=p-&collection=open_one",
    "/subjects/open_one/P-1",
    "/subjects/open_one/P-1?from=0&to=60",
    f"/subjects/open_one/{quote(HOSTILE, safe='')}",
    "/collections",
    "/collections/open_one",
    "/queries",
    "/queries/lesion-diameters",
    "/queries/subject-timeline?collection=open_one&subject=P-1",
    "/sparql",
    f"/resource?iri={quote(BASE + 'subject/open_one/P-1', safe='')}",
    f"/resource?iri={quote(expand('q:Subject'), safe='')}",
]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_stands_and_is_escaped(web: TestClient, path: str) -> None:
    response = web.get(path, headers=BROWSER)
    assert response.status_code == 200, response.text
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert re.search(r"<title>[^<]+ · Qilin</title>", response.text)
    assert "<script" not in response.text
    assert "<i>" not in response.text
    assert "<b>" not in response.text
    assert "style=" not in response.text
    assert "HIDDEN-1" not in response.text
    assert "closed_one" not in response.text


@pytest.mark.parametrize("path", PAGES)
def test_every_link_of_a_page_leads_somewhere(web: TestClient, path: str) -> None:
    text = web.get(path, headers=BROWSER).text
    links = {link.replace("&amp;", "&").split("#")[0] for link in re.findall(r'(?:href|src)="(/[^"]*)"', text)}
    assert len(links) > 4
    for link in sorted(links)[:40]:
        assert web.get(link, headers=BROWSER).status_code == 200, link


def test_security_headers_are_on_everything(web: TestClient) -> None:
    for path in (
        "/",
        "/healthz",
        "/nowhere",
        "/static/qilin.css",
        "/subjects/open_one/P-1.svg",
        "/sparql?query=ASK%20%7B%7D",
    ):
        headers = web.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'")
        assert "unsafe-inline" not in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"


def test_subjects_are_found_paged_and_counted(web: TestClient) -> None:
    first = web.get("/subjects.json").json()
    assert (first["total"], first["page"], first["pages"]) == (4, 1, 2)
    second = web.get("/subjects.json?page=2").json()
    listed = [item["subject"] for item in first["subjects"] + second["subjects"]]
    assert listed == [HOSTILE, "P-1", "P-2", "P-10"]
    assert [item["subject"] for item in web.get("/subjects.json?q=P-1").json()["subjects"]] == ["P-1", "P-10"]
    assert web.get("/subjects.json?collection=closed_one").json()["total"] == 0
    assert web.get("/subjects?page=9", headers=BROWSER).status_code == 404
    assert web.get("/subjects?page=0").status_code == 400


def test_the_subject_page_says_what_is_known(web: TestClient) -> None:
    text = web.get("/subjects/open_one/P-1", headers=BROWSER).text
    assert 'class="badge synthetic"' in text
    assert re.search(r"<dt>Sex</dt><dd>Female</dd>", text)
    assert "days from diagnosis (calendar)" in text
    assert text.count("cannot be compared") == 2
    assert "reader-a" in text
    for row in re.findall(r'<tr id="event-\d+">.*?</tr>', text, re.DOTALL):
        assert "/resource?iri=" in row
    ids = set(re.findall(r'id="(event-\d+)"', text))
    assert set(re.findall(r'href="/subjects/open_one/P-1#(event-\d+)"', text)) <= ids


def test_the_same_subject_in_other_formats(web: TestClient) -> None:
    path = "/subjects/open_one/P-1"
    events = web.get(f"{path}.json").json()
    rows = list(csv.DictReader(io.StringIO(web.get(path, headers={"Accept": "text/csv"}).text)))
    assert len(rows) == len(events["rows"]) > 10
    assert events["synthetic"] is True
    assert {"name": "Sex", "values": ["Female"]} in events["facts"]
    svg = web.get(f"{path}.svg")
    assert svg.headers["content-type"] == "image/svg+xml; charset=utf-8"
    assert ElementTree.fromstring(svg.text).get("role") == "group"
    turtle = web.get(f"{path}.ttl")
    predicates = {quad.predicate.value for quad in ox.parse(turtle.content, format=ox.RdfFormat.TURTLE)}
    assert {expand("q:identifier"), expand("q:value"), expand("q:study")} <= predicates
    assert "@prefix q: <" in turtle.text
    assert f"<{expand('q:identifier')}>" not in turtle.text
    assert web.get(f"{path}.png").status_code == 406


def test_a_subject_whose_name_ends_like_a_format(web: TestClient) -> None:
    path = f"/subjects/open_one/{quote(HOSTILE, safe='')}"
    assert web.get(path, headers=BROWSER).headers["content-type"].startswith("text/html")
    assert web.get(f"{path}.csv").headers["content-type"].startswith("text/csv")


@pytest.mark.parametrize("days", ["from=0", "from=9&to=3", "from=0&to=99999999", "from=a&to=b"])
def test_a_window_that_is_none(web: TestClient, days: str) -> None:
    assert web.get(f"/subjects/open_one/P-1?{days}").status_code == 400


@pytest.mark.parametrize(
    "path",
    [
        "/subjects/closed_one/HIDDEN-1",
        "/subjects/open_one/HIDDEN-1",
        "/collections/closed_one",
        f"/resource?iri={BASE}subject/closed_one/HIDDEN-1",
        f"/resource?iri={BASE}collection/closed_one",
        "/queries/nothing",
        "/nowhere",
    ],
)
def test_what_may_not_be_read_is_as_what_is_not_there(web: TestClient, path: str) -> None:
    response = web.get(path)
    assert response.status_code == 404
    assert response.headers["content-type"] == "application/problem+json"
    assert web.get(path, headers=BROWSER).headers["content-type"].startswith("text/html")


def test_collections(web: TestClient) -> None:
    listed = web.get("/collections.json").json()["collections"]
    assert [(item["name"], item["synthetic"], item["subjects"]) for item in listed] == [("open_one", True, 4)]
    one = web.get("/collections/open_one.json").json()
    assert one["licence"] == "CC0-1.0"
    assert {"kind": "series", "modalityLabel": "Computed Tomography", "number": 16, "subjects": 4} in one["inventory"]
    assert {item["audience"] for item in one["sources"]} == {"public"}
    assert "days from diagnosis (calendar)" in one["clocks"]
    page = web.get("/collections/open_one", headers=BROWSER).text
    assert "https://doi.org/10.1234/abc" in page
    assert "No real person is described" in page


def test_curated_queries_answer_in_every_format(web: TestClient) -> None:
    parameters = {"collection": "open_one", "subject": "P-1"}
    path = "/queries/subject-timeline"
    rows = web.get(f"{path}.json", params=parameters).json()["rows"]
    for suffix, delimiter in (("csv", ","), ("tsv", "\t")):
        text = web.get(f"{path}.{suffix}", params=parameters).text
        assert len(list(csv.DictReader(io.StringIO(text), delimiter=delimiter))) == len(rows)
    assert f"{len(rows)} rows" in web.get(path, params=parameters, headers=BROWSER).text
    assert web.get(f"{path}.json").status_code == 400
    assert "subject" in web.get(f"{path}.json", params={"collection": "open_one"}).json()["detail"]
    assert web.get(f"{path}.json", params={**parameters, "nonsense": "1"}).status_code == 400
    twice = web.get(f"{path}.json?collection=open_one&subject=P-1&subject=P-2")
    assert (twice.status_code, "subject: is given twice" in twice.json()["detail"]) == (400, True)
    missing = web.get(path, headers=BROWSER)
    assert (missing.status_code, "to see the result" in missing.text) == (200, True)
    named = {item["name"] for item in web.get("/queries.json").json()["queries"]}
    assert "subject-timeline" in named


def test_a_node_in_every_format(web: TestClient) -> None:
    iri = f"{BASE}subject/open_one/P-1"
    forms = {
        "ttl": ox.RdfFormat.TURTLE,
        "nt": ox.RdfFormat.N_TRIPLES,
        "rdf": ox.RdfFormat.RDF_XML,
        "jsonld": ox.RdfFormat.JSON_LD,
    }
    for suffix, form in forms.items():
        quads = list(ox.parse(web.get(f"/resource.{suffix}", params={"iri": iri}).content, format=form))
        assert {quad.subject.value for quad in quads} == {iri}
    as_json = web.get("/resource.json", params={"iri": iri}).json()
    assert as_json["properties"][expand("q:identifier")] == [{"value": "P-1"}]
    assert len(as_json["references"]) > 5
    page = web.get("/resource", params={"iri": iri}, headers=BROWSER).text
    assert 'href="/subjects/open_one/P-1"' in page
    assert web.get("/resource", params={"iri": "q:Subject"}, headers=BROWSER).status_code == 200
    assert web.get("/resource", params={"iri": "no iri> at all"}).status_code == 400


def test_a_pasted_iri_with_percent_signs_is_found(web: TestClient) -> None:
    iri = f"{BASE}subject/open_one/{quote(HOSTILE, safe='')}"
    assert web.get("/resource", params={"iri": iri}).status_code == 200
    assert web.get(f"/resource.json?iri={iri}").json()["iri"] == iri


def test_nodes_redirect_to_what_is_known_of_them(web: TestClient) -> None:
    encoded = quote(HOSTILE, safe="")
    response = web.get(f"/id/subject/open_one/{encoded}", follow_redirects=False)
    assert response.status_code == 303
    assert web.get(response.headers["location"]).status_code == 200


def test_the_vocabulary(web: TestClient) -> None:
    turtle = list(ox.parse(web.get("/ns").content, format=ox.RdfFormat.TURTLE))
    other = list(
        ox.parse(web.get("/ns", headers={"Accept": "application/n-triples"}).content, format=ox.RdfFormat.N_TRIPLES)
    )
    assert len(turtle) == len(other) > 300


def test_the_description_of_the_api_says_what_each_route_is(web: TestClient) -> None:
    paths = web.get("/openapi.json").json()["paths"]
    assert {"/sparql", "/queries/{name}", "/subjects", "/collections", "/resource", "/healthz", "/ns"} <= paths.keys()
    for path, methods in paths.items():
        for operation in methods.values():
            assert operation["summary"], path
            assert operation["description"], path
    assert web.get("/docs").status_code == 404


def test_an_empty_warehouse_says_what_to_do(tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path)
    empty = TestClient(create_app(warehouse))
    assert "qilin demo" in empty.get("/", headers=BROWSER).text
    assert empty.get("/healthz").json() == {"status": "ok", "generation": 0}
    for path in ("/subjects", "/collections", "/sparql?query=ASK%20%7B%7D", "/queries/collection-inventory.csv"):
        response = empty.get(path)
        assert response.status_code == 503, path
        assert "qilin ingest" in response.json()["detail"]
    warehouse.close()


def test_a_fault_of_ours_tells_nothing(web_app: FastAPI, web: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_arguments: object, **_more: object) -> None:
        raise RuntimeError("secret detail")

    monkeypatch.setattr(web_app.state.asking, "once", fail)
    for accept in ("application/json", "text/html"):
        response = web.get("/collections", headers={"Accept": accept})
        assert response.status_code == 500
        assert "secret" not in response.text
        assert response.headers["x-frame-options"] == "DENY"


def test_a_result_beyond_what_a_page_may_hold_is_an_error(web_warehouse: Warehouse) -> None:
    app = TestClient(create_app(web_warehouse, Settings(result_bytes=2_000)))
    response = app.get("/queries/subject-timeline.csv", params={"collection": "open_one", "subject": "P-1"})
    assert response.status_code == 400
    assert "/sparql" in response.json()["detail"]
    assert app.get("/healthz").status_code == 200


def test_what_refers_to_a_node_is_grouped_counted_and_sorted(web: TestClient) -> None:
    iri = f"{BASE}collection/open_one"
    as_json = web.get("/resource.json", params={"iri": iri}).json()
    counts = {(item["predicate"], item["class"]): item["number"] for item in as_json["counts"]}
    assert counts[expand("q:collection"), expand("q:Subject")] == 4
    assert counts[expand("q:collection"), expand("q:Source")] == 13
    page = web.get("/resource", params={"iri": iri}, headers=BROWSER).text
    referring = page[page.index("What refers to it") :]
    names = [name for name in re.findall(r">([^<>]+)</a></span>", referring) if name.startswith("P-")]
    assert names == ["P-1", "P-2", "P-10"]


def test_a_long_group_of_references_is_cut_with_its_number_and_a_query_for_all(web: TestClient) -> None:
    page = web.get("/resource", params={"iri": expand("q:Measurement")}, headers=BROWSER).text
    referring = page[page.index("What refers to it") :]
    [group] = [part for part in referring.split("<div>") if "of 28 " in part]
    assert group.count("<span>") == 20 + 1
    [link] = re.findall(r'<a href="([^"]+)">all of them', group)
    answer = web.get(html.unescape(link), headers={"Accept": "text/csv"}).text
    assert len(answer.split()) == 28 + 1
