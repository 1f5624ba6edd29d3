"""The bundled terms: each code once, with a label that its source gives, and a hierarchy without cycles."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pydicom.sr._concepts_dict as dicom_concepts
import pytest

from ontology import generate
from ontology.prefixes import Curie
from ontology.terminology import SCHEMES, UnknownTermError, broader_or_same, label, term, terms
from ontology.variables import canonical

SHARED = Path(__file__).parents[3] / "shared" / "terms"
real = pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/terms is not present")
CONFIRMED = {"C156420"}
"""Codes whose label stands in the reference table of codes and not in the extract of the NCI Thesaurus."""


def rows(path: Path, delimiter: str = "\t") -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as table:
        quoting = csv.QUOTE_MINIMAL if delimiter == "," else csv.QUOTE_NONE
        yield from csv.DictReader(table, delimiter=delimiter, quoting=quoting)


def clean(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()


def test_the_generated_constants_are_those_of_the_tables() -> None:
    assert files("ontology").joinpath("terms.py").read_text(encoding="utf-8") == generate.render()


@pytest.mark.parametrize("prefix", SCHEMES)
def test_every_code_stands_once_and_in_order(prefix: str) -> None:
    codes = [row["code"] for row in generate.bundled(prefix)]
    assert [code for code, times in Counter(codes).items() if times > 1] == []
    assert codes == sorted(codes, key=lambda code: (len(code), code))
    assert all(row["label"] == clean(row["label"]) != "" for row in generate.bundled(prefix))


def test_every_parent_is_bundled() -> None:
    missing = [(item.curie, parent) for item in terms().values() for parent in item.parents if parent not in terms()]
    assert missing == []


def test_nothing_is_broader_than_itself() -> None:
    for item in terms().values():
        assert all(item.curie not in broader_or_same(parent) for parent in item.parents), item


def test_the_added_hierarchy_names_its_sources_and_repeats_nothing() -> None:
    path = Path(str(files("ontology").joinpath("bundled", "hierarchy.tsv")))
    added = list(rows(path))
    pairs = [(row["child"], row["parent"]) for row in added]
    assert pairs == sorted(set(pairs))
    assert all(row["source"] for row in added)
    for child, parent in pairs:
        assert child in terms()
        own = {row["code"]: row["parents"] for row in generate.bundled(child.partition(":")[0])}
        assert parent.partition(":")[2] not in own[child.partition(":")[2]].split("|")


@pytest.mark.parametrize(
    ("narrow", "broad"),
    [
        ("ncit:C3512", "ncit:C4878"),
        ("ncit:C3493", "ncit:C4878"),
        ("ncit:C4917", "ncit:C4878"),
        ("ncit:C4450", "ncit:C4878"),
        ("ncit:C2919", "ncit:C4863"),
        ("ncit:C8851", "ncit:C3208"),
        ("ncit:C53556", "ncit:C4872"),
        ("ncit:C9383", "ncit:C2955"),
        ("ncit:C27975", "ncit:C28108"),
        ("radlex:RID1303", "radlex:RID34694"),
    ],
)
def test_what_a_researcher_asks_for_is_found_by_the_broader_term(narrow: str, broad: str) -> None:
    assert Curie(broad) in broader_or_same(Curie(narrow))
    assert Curie(narrow) not in broader_or_same(Curie(broad))


def test_synonyms_are_clean() -> None:
    for item in terms().values():
        assert item.label not in item.synonyms
        assert all(text == text.strip('" ') != "" for text in item.synonyms)
        assert len(set(item.synonyms)) == len(item.synonyms)


def test_unknown_terms_are_named() -> None:
    assert label("ncit:C4878") == "Lung Carcinoma"
    assert label("ncit:C0") is None
    with pytest.raises(UnknownTermError, match=r"ncit:C0.*radlex"):
        term("ncit:C0")


def test_ibsi_labels_are_those_of_dicom_where_it_lists_them() -> None:
    listed = {
        code: clean(found[0]) for by_code in dicom_concepts.concepts["IBSI"].values() for code, found in by_code.items()
    }
    rows_ = {row["code"]: row["label"] for row in generate.bundled("ibsi")}
    assert len(listed) > 140
    assert {code: rows_.get(code) for code in listed} == listed


@pytest.mark.real
@real
def test_every_ibsi_code_of_the_extract_is_bundled_and_every_feature_is_a_variable() -> None:
    names = {row["ibsi_code"]: clean(row["feature_name"]) for row in rows(SHARED / "ibsi.tsv")}
    bundled = {row["code"]: row for row in generate.bundled("ibsi")}
    assert bundled.keys() == names.keys()
    assert all(names[code] in {row["label"], *row["synonyms"].split("|")} for code, row in bundled.items())
    features = [code for code, row in bundled.items() if row["parents"]]
    assert len(features) > 160
    assert [code for code in features if canonical(Curie(f"ibsi:{code}")) is None] == []


@pytest.mark.parametrize("prefix", ["dcm", "sct"])
def test_dicom_codes_have_a_meaning_that_dicom_gives(prefix: str) -> None:
    meanings: dict[str, set[str]] = {}
    for by_code in dicom_concepts.concepts[prefix.upper()].values():
        for code, (meaning, _groups) in by_code.items():
            meanings.setdefault(code, set()).add(clean(meaning))
    for row in generate.bundled(prefix):
        assert row["label"] in meanings[row["code"]]


@pytest.mark.real
@real
def test_ncit_labels_are_those_of_the_extract() -> None:
    known = {row["code"]: {clean(row["preferred_label"])} for row in rows(SHARED / "ncit.tsv")}
    for table in ("core_recist_codes.csv", "cdisc_oncology_codelists.csv"):
        for row in rows(SHARED / table, ","):
            known.setdefault(row["code"], set()).add(clean(row["nci"]))
    for row in rows(SHARED / "reference_codes.tsv"):
        if row["scheme"] == "NCIt" and row["code"] in CONFIRMED:
            known.setdefault(row["code"], set()).add(clean(row["preferred_label"]))
    for row in generate.bundled("ncit"):
        assert row["label"] in known[row["code"]], row["code"]


@pytest.mark.real
@real
@pytest.mark.parametrize(
    ("prefix", "table", "code", "name"),
    [("radlex", "radlex.tsv", "rid", "label"), ("cadsr", "cadsr.tsv", "public_id", "long_name")],
)
def test_labels_are_those_of_the_extracts(prefix: str, table: str, code: str, name: str) -> None:
    known = {row[code]: clean(row[name]) for row in rows(SHARED / table)}
    for row in generate.bundled(prefix):
        assert row["label"] == known[row["code"]]


def test_every_table_states_its_licence() -> None:
    folder = files("ontology").joinpath("bundled")
    licences = folder.joinpath("LICENSES.md").read_text(encoding="utf-8")
    for entry in folder.iterdir():
        if entry.name.endswith(".tsv"):
            assert f"`{entry.name}`" in licences
