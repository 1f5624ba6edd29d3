"""The vocabulary as the store loads it."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

import pyoxigraph as ox
import pytest

from ontology.prefixes import expand, prefixes
from ontology.terminology import terms
from ontology.variables import variables
from ontology.vocabulary import vocabulary_digest, vocabulary_triples


@pytest.fixture(scope="module")
def store() -> ox.Store:
    loaded = ox.Store()
    loaded.extend(ox.Quad(t.subject, t.predicate, t.object) for t in vocabulary_triples())
    return loaded


def ask(store: ox.Store, query: str) -> list[str]:
    answer = store.query(query, prefixes=dict(prefixes()))
    assert isinstance(answer, ox.QuerySolutions)
    return [row[0].value for row in answer]  # type: ignore[union-attr]


def test_no_triple_comes_twice(store: ox.Store) -> None:
    triples = list(vocabulary_triples())
    assert len(triples) == len(set(triples)) == len(store)


def test_any_lung_carcinoma_is_one_pattern(store: ox.Store) -> None:
    found = ask(store, "SELECT ?label { ?x q:broaderTransitive ncit:C4878 ; skos:prefLabel ?label }")
    assert {"Lung Carcinoma", "Lung Adenocarcinoma", "Lung Squamous Cell Carcinoma"} <= set(found)
    assert "Breast Carcinoma" not in found


def test_the_closure_is_that_of_the_broader_terms(store: ox.Store) -> None:
    missing = ask(store, "SELECT ?x { ?x skos:broader* ?y . ?x a skos:Concept . MINUS { ?x q:broaderTransitive ?y } }")
    assert missing == []
    surplus = ask(store, "SELECT ?x { ?x q:broaderTransitive ?y . MINUS { ?x skos:broader* ?y } }")
    assert surplus == []


def test_every_concept_has_one_preferred_label_and_a_scheme(store: ox.Store) -> None:
    labels = Counter(ask(store, "SELECT ?x { ?x skos:prefLabel ?label }"))
    assert [node for node, times in labels.items() if times > 1] == []
    for curie in [*terms(), *variables()]:
        assert labels[expand(curie)] == 1, curie
    schemes = Counter(ask(store, "SELECT ?x { ?x skos:inScheme ?s . ?s a skos:ConceptScheme }"))
    assert all(schemes[expand(curie)] == 1 for curie in terms())


def test_a_variable_says_all_that_the_registry_does(store: ox.Store) -> None:
    [unit] = ask(store, "SELECT ?u { ncit:C96684 a q:Variable ; q:canonicalUnit ?u ; q:variableKind q:Measurement }")
    assert unit == "mm"
    assert expand("sct:103339001") in ask(store, "SELECT ?c { ncit:C96684 q:code ?c }")
    assert len(ask(store, "SELECT ?v { ?v q:variableKind ?k }")) == len(variables())


def test_attributes_and_elements_are_described(store: ox.Store) -> None:
    assert ask(store, "SELECT ?t { dicom:SliceThickness skos:notation ?t ; q:vr 'DS' }") == ["(0018,0050)"]
    assert ask(store, "SELECT ?l { cadsr:2200604 a q:DataElement ; skos:prefLabel ?l }") == ["Person Gender Text Type"]
    assert ask(store, "SELECT ?l { q:DynamicPET skos:prefLabel ?l }") == ["dynamic PET"]


def test_the_digest_is_the_same_in_every_process() -> None:
    code = "from ontology.vocabulary import vocabulary_digest as d; print(d())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert other.stdout.strip() == vocabulary_digest()
    assert len(vocabulary_digest()) == 64
