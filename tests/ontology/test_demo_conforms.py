"""Everything that the demonstration warehouse holds conforms to the shapes, by two engines, in bounded batches."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pyoxigraph as ox
import pyrudof
import pyshacl
import pytest
import rdflib

from ingest.run import Job, run
from ontology.prefixes import expand
from store.raw_codes import raw_codes
from store.warehouse import OPERATOR, Warehouse
from tests.ingest import image_documents

SHAPES = files("ontology").joinpath("shapes.ttl").read_text(encoding="utf-8")
SUBJECT, UNIT = expand("q:subject"), expand("q:canonicalUnit")
KINDS = ("Collection", "Source", "Reader", "Procedure", "Clock")


def batches(warehouse: Warehouse, subjects: int) -> Iterator[str]:
    """All that is held as N-Triples, some subjects at a time, each with the nodes that subjects share."""
    about: dict[str, str] = {}
    stars: dict[str, list[str]] = defaultdict(list)
    answer = warehouse.ask("CONSTRUCT { ?s ?p ?o } { ?s ?p ?o }", OPERATOR, graph_format="ntriples", seconds=120)
    for triple in ox.parse(answer.read(), format=ox.RdfFormat.N_TRIPLES):
        node = str(triple.subject)
        stars[node].append(f"{triple.subject} {triple.predicate} {triple.object} .")
        if triple.predicate.value == SUBJECT:
            about[node] = str(triple.object)
    people = sorted(set(about.values()))
    shared_kinds = {f"<{expand(f'q:{kind}')}>" for kind in KINDS}
    shared = [
        line
        for node, lines in stars.items()
        if any(f"<{UNIT}>" in line or line.split(" ")[2] in shared_kinds for line in lines)
        for line in lines
    ]
    of: dict[str, list[str]] = defaultdict(list)
    for node, person in about.items():
        of[person] += stars[node]
    for start in range(0, len(people), subjects):
        chosen = people[start : start + subjects]
        yield "\n".join([*shared, *(line for person in chosen for line in [*stars[person], *of[person]])])


def by_pyrudof(data: str) -> list[str]:
    with pyrudof.Rudof() as engine:
        engine.read_shacl(SHAPES)
        engine.read_data(data, pyrudof.RDFFormat.NTriples)
        return [str(entry) for entry in engine.validate_shacl()]


def by_pyshacl(data: str) -> str:
    shapes = rdflib.Graph().parse(data=SHAPES, format="turtle")
    conforms, _graph, text = pyshacl.validate(rdflib.Graph().parse(data=data, format="nt"), shacl_graph=shapes)
    return "" if conforms else str(text)


def test_the_cohort_conforms_by_pyrudof(demo_warehouse: Warehouse) -> None:
    made = list(batches(demo_warehouse, 8))
    assert len(made) == 5
    for data in made:
        assert data.count("\n") > 10_000
        assert by_pyrudof(data) == []


@pytest.mark.slow
def test_the_cohort_conforms_by_pyshacl(demo_warehouse: Warehouse) -> None:
    for data in batches(demo_warehouse, 8):
        assert by_pyshacl(data) == ""


def test_a_fault_in_the_cohort_is_found(demo_warehouse: Warehouse) -> None:
    """Both engines see a measurement that loses its unit among all the others."""
    data = next(batches(demo_warehouse, 1))
    unit = next(line for line in data.splitlines() if f"<{expand('q:unit')}>" in line)
    broken = data.replace(unit, "")
    assert by_pyrudof(broken)
    assert by_pyshacl(broken)


def test_fhir_documents_conform(tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path / "var")
    documents = Path(__file__).parents[1] / "ingest" / "fhir"
    found = [str(path) for path in sorted(documents.glob("*/*")) if path.name != "expected.json"]
    assert run(warehouse, [Job(locators=tuple(found), collection="fhir")]).added == 4
    for data in batches(warehouse, 20):
        assert by_pyrudof(data) == []
        assert by_pyshacl(data) == ""
    warehouse.close()


def test_structured_reports_conform(tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path / "var")
    documents = Path(__file__).parents[1] / "ingest" / "sr"
    found = tuple(str(path) for path in sorted(documents.glob("*/input.dcm")))
    report = run(warehouse, [Job(locators=found, collection="reports")])
    assert report.added == 8
    assert {(reject.problem, reject.quarantine) for reject in report.rejects if reject.place.startswith("(")} == {
        ("is missing or empty", False),
        ("looks like a person's name", True),
    }
    for data in batches(warehouse, 20):
        assert by_pyrudof(data) == []
        assert by_pyshacl(data) == ""
    warehouse.close()


def test_segmentations_radiotherapy_objects_and_value_maps_conform(tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path / "var")
    makers = [make for found in image_documents.DOCUMENTS.values() for make in found.values()]
    for number, make in enumerate(makers):
        document = make()
        document.SOPInstanceUID += f".{number}"
        document.SeriesInstanceUID += f".{number}"
        document.save_as(tmp_path / f"{number}.dcm", enforce_file_format=True)
    paths = tuple(str(tmp_path / f"{number}.dcm") for number in range(len(makers)))
    report = run(warehouse, [Job(locators=paths, collection="objects")])
    assert report.added == len(makers)
    assert not [reject for reject in report.rejects if reject.quarantine]
    for data in batches(warehouse, 20):
        assert by_pyrudof(data) == []
        assert by_pyshacl(data) == ""
    sources = warehouse.generations.current().sources
    waiting = {code.text for code in raw_codes(warehouse.home.log, sources) if code.unmapped}
    assert waiting == {"X1|99MADE|made up + 126410|DCM|SUV body weight calculation method"}
    seen = {code.text for code in raw_codes(warehouse.home.log, sources)}
    assert {"86049000|SCT|Neoplasm, Primary", "39607008|SCT|Lung + 7771000|SCT|Left"} <= seen
    warehouse.close()


def test_a_catalogue_conforms(tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path / "var")
    run(warehouse, [Job(locators=("idc://qin_breast_dce_mri",), collection="idc")])
    for data in batches(warehouse, 20):
        assert by_pyrudof(data) == []
        assert by_pyshacl(data) == ""
    warehouse.close()
