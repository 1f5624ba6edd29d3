"""Importers on the shared extracts of real vocabularies and real caDSR exports."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from ontology.elements import ValueType, bundled_elements, elements, normal_version
from ontology.imports import importer_for, vocabulary_of
from ontology.index import TermIndex

SHARED = Path(__file__).parents[3] / "shared" / "terms"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/terms is not present"),
]


def load(index: TermIndex, name: str) -> tuple[str, int, int]:
    path = SHARED / name
    importer = importer_for(path)
    vocabulary = vocabulary_of(path, importer)
    update = index.load(path, importer, vocabulary)
    return vocabulary, update.read, update.rejected


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> TermIndex:
    return TermIndex(tmp_path_factory.mktemp("terms") / "terms.db")


def test_radlex_has_every_row_and_its_branches(index: TermIndex) -> None:
    assert load(index, "radlex.tsv") == ("radlex", 45_468, 0)
    assert index.search("lung", vocabulary="radlex")[0].curie == "radlex:RID1301"
    assert "radlex:RID1303" in set(index.descendants("radlex:RID34694"))


@pytest.mark.parametrize(("name", "found"), [("ibsi.tsv", ("ibsi", 223, 0)), ("ucum-essence.xml", ("ucum", 312, 0))])
def test_small_tables(index: TermIndex, name: str, found: tuple[str, int, int]) -> None:
    assert load(index, name) == found


def test_every_cadsr_export(index: TermIndex) -> None:
    files = sorted((SHARED / "cadsr_xml").glob("*.xml"))
    assert len(files) == 33
    counted = [load(index, f"cadsr_xml/{path.name}") for path in files]
    assert sum(read for _, read, _ in counted) == 113
    assert all(rejected == 0 for _, _, rejected in counted)
    found = elements(index.elements())
    assert found["cadsr:62", "6"].values[0].meaning == "Female Gender"
    assert found["cadsr:2001831", "3"].values[0].concepts == ("ncit:C12809",)
    assert found["cadsr:2001039", "3"].retired
    assert not found["cadsr:2001039", "4"].retired
    assert found["cadsr:2188100", "1"].canonical_unit == "Cel"
    assert found["cadsr:5254714", "1"].value_type is ValueType.DATETIME


def test_bundled_elements_are_those_of_the_extracts() -> None:
    with (SHARED / "cadsr.tsv").open(encoding="utf-8") as table:
        rows = {row["public_id"]: row for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)}
    with (SHARED / "cadsr_values.tsv").open(encoding="utf-8") as table:
        values = {
            (row["public_id"], normal_version(row["version"]), " ".join(row["permissible_value"].split()))
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        }
    for (public_id, version), item in bundled_elements().items():
        assert item.long_name == " ".join(rows[public_id]["long_name"].split())
        versions = {normal_version(text) for text in rows[public_id]["versions"].split("|")}
        assert version in versions or any(key[:2] == (public_id, version) for key in values)
        assert all((public_id, version, value.value) in values for value in item.values)
