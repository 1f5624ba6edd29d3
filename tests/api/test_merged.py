"""The page of a subject that was made one with another: it leads there, for whoever may know of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from ontology.records import DataClass
from store.control import Collection
from store.crosswalk import Decision
from store.identity import OWN
from store.warehouse import Warehouse
from tests.store import toys


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[Warehouse]:
    """Images of three people, which all may see, and clinical data of ``OLD`` and ``LUNG-1``, which a team may."""
    opened = Warehouse.open(tmp_path / "var")
    toys.collection(opened)
    shared = Collection("toys", audiences={DataClass.IMAGES: "public", DataClass.CLINICAL: "team"})
    opened.control.save_collection(shared)
    toys.put(opened, "ct", [*toys.scan("LUNG-1", 1, 0), *toys.scan("SAME.1", 2, 0)], DataClass.IMAGES)
    toys.put(opened, "care", [toys.sex("OLD"), toys.sex("LUNG-1")], DataClass.CLINICAL)
    with opened.writing() as writing:
        for alias in ("SAME.1", "OLD"):
            opened.crosswalk.merge("toys", alias, "LUNG-1", Decision("Ada", "one person"))
        writing.publish()
    yield opened
    opened.close()


def test_a_merged_subject_leads_to_the_other_within_what_the_caller_may_know(warehouse: Warehouse) -> None:
    with TestClient(create_app(warehouse, Settings()), follow_redirects=False) as web:
        for suffix in ("", ".json", ".ttl"):
            answer = web.get(f"/subjects/toys/SAME.1{suffix}")
            assert (answer.status_code, answer.headers["location"]) == (303, f"/subjects/toys/LUNG-1{suffix}")
        base = f"{warehouse.base}subject/toys/"
        for suffix in ("", ".json", ".ttl"):
            answer = web.get(f"/resource{suffix}", params={"iri": f"{base}SAME.1"})
            assert answer.status_code == 303
            location = urlsplit(answer.headers["location"])
            assert (location.path, parse_qs(location.query)) == (f"/resource{suffix}", {"iri": [f"{base}LUNG-1"]})
            assert web.get(answer.headers["location"]).status_code == 200
        assert web.get("/resource", params={"iri": f"{base}OLD"}).status_code == 404
        page = web.get("/subjects/toys/LUNG-1", headers={"Accept": "text/html"}).text
        assert "Also known as SAME.1:" in page
        assert "OLD" not in page, "only the team's data name it"
        unknown, hidden = web.get("/subjects/toys/NONE"), web.get("/subjects/toys/OLD")
        assert (unknown.status_code, hidden.status_code) == (404, 404)
        assert unknown.text == hidden.text.replace("OLD", "NONE")
    with warehouse.writing() as writing:
        warehouse.crosswalk.unlink("toys", (OWN, "SAME.1"), Decision("Ada", "two after all"))
        writing.publish()
    with TestClient(create_app(warehouse, Settings()), follow_redirects=False) as web:
        assert web.get("/subjects/toys/SAME.1").status_code == 200
