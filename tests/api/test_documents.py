"""Kept documents over HTTP and on the command line: for who may read their sources, and as if absent for others."""

from __future__ import annotations

import hashlib
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree
from pydicom import Dataset, dcmread
from typer.testing import CliRunner

import store.generations
from api.app import create_app
from api.callers import caller_of
from api.cli import app as command_line
from api.documents import FORMS
from ingest.aim import read
from ingest.base import Context
from ingest.run import Job, run
from ontology.records import Measurement
from store.control import Collection
from store.warehouse import OPERATOR, Caller, Warehouse

GOLDEN = Path(__file__).parents[1] / "ingest"
AIM = GOLDEN / "aim" / "aim3_target_lesion" / "input.xml"
OTHER_AIM = GOLDEN / "aim" / "aim4_shapes" / "input.xml"
BROWSER = {"Accept": "text/html"}
TEAMS = ("public", "team", "clinic")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("files")
    for name, files in {"open_one": [AIM], "closed_one": [AIM, OTHER_AIM], "third": [OTHER_AIM]}.items():
        for file in files:
            place = root / name / file.parent.name
            place.mkdir(parents=True)
            shutil.copy(file, place / "reading.xml")
    (root / "table.csv").write_text("patient,visit\nP1,1\n", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory, folder: Path) -> Iterator[Warehouse]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.generations.Generations, "_vocabulary", lambda self: b"")
        opened = Warehouse.open(tmp_path_factory.mktemp("documents"))
        for name, audience in {"open_one": "public", "closed_one": "team", "third": "clinic"}.items():
            run(opened, [Job(locators=(str(folder / name),), collection=name, audience=audience)])
        yield opened
        opened.close()


def client(warehouse: Warehouse, caller: Caller | None = None) -> TestClient:
    app = create_app(warehouse)
    if caller is not None:
        app.dependency_overrides[caller_of] = lambda: caller
    return TestClient(app)


def kept_of(warehouse: Warehouse, file: Path) -> str:
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    [document] = {document for _, document in warehouse.kept(digest, OPERATOR, FORMS)}
    return document


def test_a_document_is_what_its_address_says_and_reads_again(warehouse: Warehouse, tmp_path: Path) -> None:
    response = client(warehouse).get(f"/documents/{kept_of(warehouse, AIM)}")
    assert response.status_code == 200
    assert response.headers["content-type"].startswith("application/xml")
    assert response.headers["content-disposition"].startswith("attachment")
    assert hashlib.sha256(response.content).hexdigest() == kept_of(warehouse, AIM)
    again = tmp_path / "again.xml"
    again.write_bytes(response.content)
    context = Context(collection="x", secret=b"s")

    def measured(path: Path) -> list[tuple[object, ...]]:
        found = (item for item in read(iter([str(path)]), context) if isinstance(item, Measurement))
        return [(item.key, item.variable, item.value, item.unit, item.region) for item in found]

    assert measured(again) == measured(AIM) != []


def test_nothing_of_a_person_is_in_what_is_downloaded(warehouse: Warehouse) -> None:
    original = etree.parse(str(AIM))
    [person] = original.iter("{*}Person")
    said = [str(text) for name, text in person.attrib.items() if name in {"name", "birthDate"}]
    said += [str(user.get("name")) for user in original.iter("{*}User")]
    assert said, "the file names people"
    text = client(warehouse).get(f"/documents/{kept_of(warehouse, AIM)}").text
    assert not [word for word in said if word and word in text]


def test_the_digest_of_the_file_leads_to_its_document(warehouse: Warehouse) -> None:
    digest = hashlib.sha256(AIM.read_bytes()).hexdigest()
    response = client(warehouse).get(f"/documents/{digest}")
    assert response.headers["content-location"] == f"/documents/{kept_of(warehouse, AIM)}"
    assert response.headers["etag"] == f'"{kept_of(warehouse, AIM)}"'


def test_the_page_of_a_source_and_of_its_records_links_to_it(warehouse: Warehouse) -> None:
    web = client(warehouse)
    digest = hashlib.sha256(AIM.read_bytes()).hexdigest()
    source = f"{warehouse.base}source/open_one/{digest[:16]}"
    page = web.get("/resource", params={"iri": source}, headers=BROWSER).text
    assert f'href="/documents/{kept_of(warehouse, AIM)}"' in page
    records = web.get("/resource.json", params={"iri": source}).json()["references"]
    record = next(item["node"] for item in records if item["class"].endswith("Measurement"))
    of_record = web.get("/resource", params={"iri": record}, headers=BROWSER).text
    [link] = re.findall(r'href="(/documents/[0-9a-f]+)"', of_record)
    assert web.get(link).status_code == 200
    collection = web.get("/resource", params={"iri": f"{warehouse.base}collection/open_one"}, headers=BROWSER).text
    assert "/documents/" not in collection


@pytest.mark.parametrize("address", ["0" * 64, "x", "..%2f..%2fcontrol.db", "%25", "a" * 16])
def test_what_is_no_document_is_not_there(warehouse: Warehouse, address: str) -> None:
    assert client(warehouse).get(f"/documents/{address}").status_code == 404


def test_what_may_not_be_read_is_as_if_absent(warehouse: Warehouse) -> None:
    web = client(warehouse)
    hidden, absent = kept_of(warehouse, OTHER_AIM), "f" * 64
    answers = [web.get(f"/documents/{digest}") for digest in (hidden, absent)]
    assert [answer.status_code for answer in answers] == [404, 404]
    texts = [answer.text.replace(digest, "") for answer, digest in zip(answers, (hidden, absent), strict=True)]
    assert texts[0] == texts[1]


def test_an_empty_warehouse_has_no_document(tmp_path: Path) -> None:
    opened = Warehouse.open(tmp_path)
    assert client(opened).get(f"/documents/{'0' * 64}").status_code == 404
    opened.close()


@settings(max_examples=8, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    st.fixed_dictionaries({name: st.sampled_from(TEAMS) for name in ("open_one", "closed_one", "third")}),
    st.booleans(),
    st.sets(st.sampled_from(TEAMS)),
)
def test_whose_document_is_whose_source(
    warehouse: Warehouse, placed: dict[str, str], published: bool, member: set[str]
) -> None:
    """Whatever the audiences, and whether or not a change is published yet: as SPARQL tells of the sources."""
    for name, audience in placed.items():
        changed = Collection(name, owner="operator").within(audience)
        warehouse.set_collection(changed) if published else warehouse.control.save_collection(changed)
    caller = Caller("someone", frozenset({"public", *member}))
    web = client(warehouse, caller)
    query = "SELECT ?digest { ?s a q:Source ; q:digest ?digest }"
    told = {row[0].value for row in warehouse.select(query, caller).rows if row[0] is not None}
    for file in (AIM, OTHER_AIM):
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        for address in (digest, kept_of_any(warehouse, digest)):
            assert (web.get(f"/documents/{address}").status_code == 200) == (digest in told)


def kept_of_any(warehouse: Warehouse, digest: str) -> str:
    return next(document for _, document in warehouse.documents.named(digest))


def test_the_command_writes_it(warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QILIN_HOME", str(warehouse.home.root))
    for name in ("open_one", "closed_one", "third"):
        warehouse.set_collection(Collection(name, owner="operator").within("public" if name == "open_one" else "team"))
    manifest = warehouse.generations.current()
    sid = next(source.sid for source in manifest.sources if source.collection == "open_one")
    target = tmp_path / "out.xml"
    runner = CliRunner()
    assert runner.invoke(command_line, ["document", sid, "-o", str(target)]).exit_code == 0
    assert hashlib.sha256(target.read_bytes()).hexdigest() == kept_of(warehouse, AIM)
    assert runner.invoke(command_line, ["document", sid, "-o", str(target)]).exit_code == 2
    hidden = kept_of(warehouse, OTHER_AIM)
    assert runner.invoke(command_line, ["document", hidden, "--as-audience", "public"]).exit_code == 2
    assert runner.invoke(command_line, ["document", hidden]).exit_code == 0


def test_a_retracted_source_takes_its_document_with_it(warehouse: Warehouse, folder: Path) -> None:
    run(warehouse, [Job(locators=(str(folder / "third"),), collection="fourth", audience="public")])
    document = kept_of(warehouse, OTHER_AIM)
    assert client(warehouse).get(f"/documents/{document}").status_code == 200
    served = warehouse.generations.current().sources
    warehouse.retract([source.sid for source in served if source.collection == "fourth"])
    assert client(warehouse).get(f"/documents/{document}").status_code == 404


@pytest.mark.parametrize("case", ["sr/planar", "seg/binary", "rt/structures", "rwv/value_map"])
def test_reports_and_segmentations_are_dicom_json(tmp_path: Path, case: str) -> None:
    """What pydicom loads, of the same object."""
    file = GOLDEN / case / "input.dcm"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(store.generations.Generations, "_vocabulary", lambda self: b"")
        opened = Warehouse.open(tmp_path / "var")
        run(opened, [Job(locators=(str(file),), collection="c", audience="public")])
        response = client(opened).get(f"/documents/{hashlib.sha256(file.read_bytes()).hexdigest()}")
        opened.close()
    assert response.headers["content-type"] == "application/dicom+json"
    loaded = Dataset.from_json(response.text)
    assert loaded.SOPInstanceUID == dcmread(file).SOPInstanceUID
    assert "PatientName" in dcmread(file)
    assert "PatientName" not in loaded
