"""``qilin.ttl``: complete against the field table, documented, aligned, and consistent in OWL DL."""

from __future__ import annotations

import dataclasses
import re
import shutil
from collections.abc import Iterator
from importlib.resources import files
from io import BytesIO

import owlready2
import pyoxigraph as ox
import pytest
from pydicom.datadict import tag_for_keyword

from ontology import fields, records
from ontology.dicom_terms import dicom_terms
from ontology.fields import STARS, Kind
from ontology.prefixes import compact, expand, prefixes
from ontology.terminology import SCHEMES, terms

TURTLE = files("ontology").joinpath("qilin.ttl").read_text(encoding="utf-8")
TRIPLES = [ox.Triple(q.subject, q.predicate, q.object) for q in ox.parse(TURTLE, format=ox.RdfFormat.TURTLE)]
OBJECT_KINDS = {
    Kind.CONCEPT,
    Kind.COLLECTION,
    Kind.SUBJECT,
    Kind.UID,
    Kind.LESION,
    Kind.REGION,
    Kind.READER,
    Kind.PROCEDURE,
    Kind.RECORD,
    Kind.IRI,
    Kind.DERIVED,
}
ALIGNMENTS = {expand(name) for name in ("rdfs:subClassOf", "rdfs:subPropertyOf", "rdfs:seeAlso")}
WRITTEN = [*STARS, fields.COLLECTION_STAR, fields.SOURCE_STAR, fields.CLOCK_STAR]


def types_of(curie: str) -> set[str]:
    node, kind = expand(curie), expand("rdf:type")
    return {
        compact(t.object.value)
        for t in TRIPLES
        if isinstance(t.subject, ox.NamedNode) and t.subject.value == node and t.predicate.value == kind
        if isinstance(t.object, ox.NamedNode)
    }


def declared() -> Iterator[str]:
    """CURIEs of everything of our own that is declared."""
    own = prefixes()["q"]
    yield from sorted(
        {
            compact(t.subject.value)
            for t in TRIPLES
            if isinstance(t.subject, ox.NamedNode) and t.subject.value.startswith(own)
        }
    )


def objects(curie: str, predicates: set[str]) -> list[ox.NamedNode | ox.Literal | ox.BlankNode | ox.Triple]:
    node = expand(curie)
    return [
        t.object
        for t in TRIPLES
        if isinstance(t.subject, ox.NamedNode) and t.subject.value == node and t.predicate.value in predicates
    ]


def predicates_of(star: fields.Star) -> Iterator[tuple[str, Kind]]:
    for item in star.fields:
        if item.kind is Kind.ATTRIBUTES or item.predicate.startswith(("dicom:", "rdfs:")):
            continue
        yield item.predicate, item.kind
        if item.kind is Kind.WHEN:
            yield f"{item.predicate}Earliest", item.kind
            yield f"{item.predicate}Latest", item.kind


@pytest.mark.parametrize("star", WRITTEN, ids=lambda star: f"{star.table}-{star.node}")
def test_every_predicate_is_declared_as_its_kind_of_property(star: fields.Star) -> None:
    for predicate, kind in predicates_of(star):
        wanted = "owl:ObjectProperty" if kind in OBJECT_KINDS else "owl:DatatypeProperty"
        assert wanted in types_of(predicate), f"{predicate} of {star.table} should be an {wanted}"


@pytest.mark.parametrize("star", WRITTEN, ids=lambda star: f"{star.table}-{star.node}")
def test_every_class_is_declared(star: fields.Star) -> None:
    for name in star.classes:
        assert "owl:Class" in types_of(name)


def test_what_the_writer_adds_to_every_record_is_declared() -> None:
    for predicate in ("prov:wasDerivedFrom", "q:clock", "q:origin"):
        assert "owl:ObjectProperty" in types_of(predicate)
    assert "owl:DatatypeProperty" in types_of("q:locator")


@pytest.mark.parametrize("star", [star for star in STARS if star.told], ids=lambda star: star.table)
def test_the_star_has_every_field_of_its_record(star: fields.Star) -> None:
    of_record = {field.name for field in dataclasses.fields(star.record)}
    of_star = {item.name for item in star.fields}
    # the key, the UID and the subject make the node's own IRI; the collection is that of the source
    # what an observation restates is said by what it is a duplicate of
    assert of_record - of_star <= {"key", "uid", "subject", "states"}
    assert of_star - of_record <= {"collection"}


def test_every_record_type_has_a_star() -> None:
    concrete = {
        item
        for item in vars(records).values()
        if isinstance(item, type) and issubclass(item, records.Record)
        if item not in {records.Record, records.Observation}
    }
    assert {star.record for star in STARS} == concrete


@pytest.mark.parametrize("curie", list(declared()))
def test_every_term_has_label_definition_and_alignment(curie: str) -> None:
    [label] = objects(curie, {expand("rdfs:label")})
    [definition] = objects(curie, {expand("skos:definition")})
    assert isinstance(label, ox.Literal)
    assert label.language == "en"
    assert isinstance(definition, ox.Literal)
    assert definition.value.endswith(".")
    assert objects(curie, ALIGNMENTS), f"{curie} is aligned to nothing"


@pytest.mark.parametrize("curie", list(declared()))
def test_every_term_is_one_kind_of_thing(curie: str) -> None:
    kinds = {
        "owl:Class",
        "owl:ObjectProperty",
        "owl:DatatypeProperty",
        "owl:AnnotationProperty",
        "owl:NamedIndividual",
        "rdfs:Datatype",
    }
    assert len(types_of(curie) & kinds) == 1


def test_alignments_name_what_exists() -> None:
    ours = set(declared())
    for triple in TRIPLES:
        if triple.predicate.value == expand("rdfs:seeAlso") and isinstance(triple.object, ox.NamedNode):
            curie = compact(triple.object.value)
            prefix, _, local = curie.partition(":")
            assert prefix in prefixes(), curie
            assert prefix != "q" or curie in ours, curie
            assert prefix != "dicom" or tag_for_keyword(local) is not None, curie
            assert prefix not in SCHEMES or curie in terms(), curie


def test_every_superclass_and_superproperty_is_declared() -> None:
    supers = {expand("rdfs:subClassOf"): "owl:Class", expand("rdfs:subPropertyOf"): "Property"}
    for triple in TRIPLES:
        wanted = supers.get(triple.predicate.value)
        if wanted and isinstance(triple.object, ox.NamedNode):
            assert any(kind.endswith(wanted) for kind in types_of(compact(triple.object.value))), triple.object


def test_prefixes_agree_with_the_table() -> None:
    for name in ("qilin.ttl", "shapes.ttl"):
        text = files("ontology").joinpath(name).read_text(encoding="utf-8")
        stated = dict(re.findall(r"^@prefix (\w+): <([^>]+)> \.$", text, flags=re.MULTILINE))
        assert stated.items() <= prefixes().items()
        assert list(stated) == sorted(stated)


def test_the_file_is_sorted() -> None:
    sections = re.split(r"^# .*$", TURTLE, flags=re.MULTILINE)[1:]
    assert len(sections) >= 5
    for section in sections:
        heads = [head for head in re.findall(r"^([a-z]+:\w+) a ", section, flags=re.MULTILINE) if head != "q:number"]
        assert heads == sorted(heads)


def test_dicom_attributes_agree_with_their_table() -> None:
    by_keyword = {term.curie.removeprefix("dicom:"): term for term in dicom_terms()}
    for keyword, attribute in fields.dicom_attributes().items():
        assert by_keyword[keyword].tag == attribute.tag
        assert attribute.vr in by_keyword[keyword].vr
    assert by_keyword["StudyDescription"].label == "Study Description"


@pytest.mark.java
@pytest.mark.skipif(shutil.which("java") is None, reason="there is no Java")
def test_the_ontology_is_consistent() -> None:
    text = ox.serialize(TRIPLES, format=ox.RdfFormat.N_TRIPLES)
    assert text is not None
    world = owlready2.World()
    loaded = world.get_ontology("https://w3id.org/qilin/ns").load(fileobj=BytesIO(text), format="ntriples")
    owlready2.sync_reasoner(world, debug=0)
    assert list(world.inconsistent_classes()) == []
    measurement = world[expand("q:Measurement")]
    assert world[expand("sosa:Observation")] in measurement.ancestors()
    assert len(list(loaded.classes())) > 20
