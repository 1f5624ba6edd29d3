"""Importers of vocabularies, each on a small file in its true format."""

from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from ontology.elements import Element, Makes, PermissibleValue
from ontology.imports import UnreadableError, importer_for, vocabulary_of
from ontology.imports.base import Concept, Item, Release, curie_of
from ontology.records import Reject

FOLDER = Path(__file__).parent / "terms"
ONTO = "https://example.org/onto/"
OBO = "http://purl.obolibrary.org/obo/DEMO_"


def read(name: str, form: str | None = None, vocabulary: str | None = None) -> list[Item]:
    path = FOLDER / name
    importer = importer_for(path, form)
    return list(importer.read(path, vocabulary_of(path, importer, vocabulary)))


def concepts(items: list[Item]) -> dict[str, Concept]:
    return {item.curie: item for item in items if isinstance(item, Concept)}


def rejects(items: list[Item]) -> list[tuple[str, str]]:
    return [(item.place, item.problem) for item in items if isinstance(item, Reject)]


@pytest.mark.parametrize(
    ("name", "form", "vocabulary"),
    [
        ("Thesaurus.txt", "thesaurus", "ncit"),
        ("thesaurus.owl", "rdf", "ncit"),
        ("RadLex.owl", "rdf", "radlex"),
        ("RADLEX.csv", "table", "radlex"),
        ("small.obo", "obo", "demo"),
        ("cdes.xml", "cadsr-xml", "cadsr"),
        ("cde.json", "cadsr-json", "cadsr"),
        ("crdc.json", "cadsr-json", "cadsr"),
    ],
)
def test_format_and_vocabulary_are_recognised(name: str, form: str, vocabulary: str) -> None:
    importer = importer_for(FOLDER / name)
    assert importer.name == form
    assert vocabulary_of(FOLDER / name, importer) == vocabulary


def test_thesaurus_flat_file() -> None:
    items = read("Thesaurus.txt")
    assert concepts(items)["ncit:C4878"] == Concept(
        "ncit:C4878", "Lung Carcinoma", ("ncit:C3262",), ("Cancer of Lung", "Lung Cancer"), "A carcinoma of the lung."
    )
    assert concepts(items)["ncit:C9999"].retired
    assert rejects(items) == [
        ("line 4", "2 columns"),
        ("line 5", "the first column is no code"),
        ("line 6", "no name"),
    ]


def test_thesaurus_owl_takes_the_parents_of_a_definition() -> None:
    items = read("thesaurus.owl")
    assert items[0] == Release(None, "24.01e")
    carcinoma = concepts(items)["ncit:C4878"]
    assert (carcinoma.parents, carcinoma.synonyms) == (("ncit:C2916",), ("Cancer of Lung",))
    assert carcinoma.definition == "A carcinoma that arises in the lung."
    assert concepts(items)["ncit:C9999"].retired
    assert set(concepts(items)) == {"ncit:C2916", "ncit:C12468", "ncit:C4878", "ncit:C9999"}


@pytest.mark.parametrize("name", ["RadLex.owl", "RADLEX.csv"])
def test_radlex_owl_and_csv_say_the_same(name: str) -> None:
    found = concepts(read(name))
    assert found["radlex:RID1301"].label == "lung"
    assert found["radlex:RID1301"].parents == ("radlex:RID3",)
    assert "pulmonary organ" in found["radlex:RID1301"].synonyms
    assert found["radlex:RID3"].parents == ()
    assert (found["radlex:RID99"].label, found["radlex:RID99"].retired) == ("old lung", True)


def test_table_rejects_a_row_without_a_label() -> None:
    assert rejects(read("RADLEX.csv")) == [("line 5", "no label")]


def test_a_compressed_table_is_read(tmp_path: Path) -> None:
    packed = tmp_path / "RADLEX.csv.gz"
    packed.write_bytes(gzip.compress((FOLDER / "RADLEX.csv").read_bytes()))
    importer = importer_for(packed)
    assert vocabulary_of(packed, importer) == "radlex"
    assert list(map(type, importer.read(packed, "radlex"))) == list(map(type, read("RADLEX.csv")))


def test_skos() -> None:
    items = read("small.ttl", vocabulary="demo")
    assert items[0] == Release("Small scheme", "3.1", None, "https://example.org/cc0")
    found = concepts(items)
    tumour = found["https://example.org/scheme/tumour"]
    assert (tumour.label, tumour.synonyms, tumour.code) == ("Tumour", ("Neoplasm", "Tumor"), "T")
    assert found["https://example.org/scheme/lung"].parents == ("https://example.org/scheme/tumour",)
    assert found["https://example.org/scheme/old"].replaced_by == "https://example.org/scheme/lung"
    assert rejects(items) == [("https://example.org/scheme/unnamed", "no name")]


def test_obo() -> None:
    items = read("small.obo")
    assert items[0] == Release("demo", "releases/2024-01-01", None, "https://creativecommons.org/licenses/by/4.0/")
    found = concepts(items)
    assert found[OBO + "0000001"].label == "disease {any}"
    assert found[OBO + "0000001"].definition == 'A "disorder" of structure, or function.'
    assert found[OBO + "0000002"].parents == (OBO + "0000001", "ncit:C3198")
    assert found[OBO + "0000002"].synonyms == ("pulmonary disease", "disorder of lung, NOS")
    assert found[OBO + "0000003"] == Concept(
        OBO + "0000003", "obsolete old lung", retired=True, replaced_by=OBO + "0000002"
    )
    assert rejects(items) == [("the [Term] at line 26", "no id")]


def test_a_tree_as_stated() -> None:
    assert concepts(read("infer.ttl", vocabulary="demo"))[ONTO + "LeftLungTumour"].parents == (ONTO + "Tumour",)


@pytest.mark.java
@pytest.mark.skipif(shutil.which("java") is None, reason="there is no Java")
def test_a_tree_as_inferred() -> None:
    found = concepts(read("infer.ttl", "inferred", "demo"))
    assert found[ONTO + "LeftLungTumour"].parents == (ONTO + "LungTumour",)
    assert found[ONTO + "LungTumour"].label == "Lung tumour"


def test_inference_without_java_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UnreadableError, match="needs Java"):
        read("infer.ttl", "inferred", "demo")


def test_cadsr_xml_keeps_versions_apart() -> None:
    items = read("cdes.xml")
    new, old = (item for item in items if isinstance(item, Element))
    assert (new.curie, new.version, old.curie, old.version) == ("cadsr:2200604", "3", "cadsr:2200604", "2")
    assert new.values == (PermissibleValue("Male", "Male", ("ncit:C20197",)),)
    assert new.question == ("Gender at entry",)
    assert (old.retired, old.unit, old.values) == (True, "mm", ())
    assert rejects(items) == [("the DataElement that ends before line 18", "no long name")]


def test_cadsr_json_of_the_registry_and_of_crdc() -> None:
    (answered,) = (item for item in read("cde.json") if isinstance(item, Element))
    items = read("crdc.json")
    (listed,) = (item for item in items if isinstance(item, Element))
    assert answered.long_name == listed.long_name == "Subject Taxonomy NCBI Identifier"
    assert answered.values[0].concepts == ("ncit:C45799", "ncit:C25364")
    assert listed.values[0].meaning == "National Center for Biotechnology Information"
    assert answered.concepts == ("ncit:C41189", "ncit:C17469")
    assert [place for place, _ in rejects(items)] == ["data element 2", "data element 3"]
    assert answered.makes is Makes.ADMINISTRATIVE


def test_json_lines_longer_than_a_piece(tmp_path: Path) -> None:
    text = (FOLDER / "cde.json").read_text(encoding="utf-8").replace("The identifier", "x " * 50_000)
    path = tmp_path / "many.jsonl"
    path.write_text(" ".join(text.split("\n")) + "\n" + " ".join(text.split("\n")), encoding="utf-8")
    importer = importer_for(path)
    assert sum(isinstance(item, Element) for item in importer.read(path, "cadsr")) == 2


@pytest.mark.parametrize(("word", "vocabulary", "curie"), [("dicom", "dcm", "dcm:126401"), ("ucum", "ucum", "ucum:m")])
def test_what_comes_with_packages(word: str, vocabulary: str, curie: str) -> None:
    importer = importer_for(Path(word))
    found = concepts(list(importer.read(Path(word), vocabulary)))
    assert importer.vocabulary == vocabulary
    assert curie in found


def test_codes_of_units_are_escaped_in_the_iri_only() -> None:
    found = concepts(list(importer_for(Path("ucum")).read(Path("ucum"), "ucum")))
    assert found["ucum:%5BiU%5D"].code == "[iU]"


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("bad.xml", '<!DOCTYPE a [<!ENTITY b "c">]><DataElementsList>&b;</DataElementsList>', "DOCTYPE"),
        ("cut.xml", "<DataElementsList><DataElement><PUBLICID>1</PUBLICID>", "not well-formed"),
        ("cut.json", '[{"DataElement": {"publicId": ', "JSON"),
        ("bad.ttl", "@prefix a: <b> .\na:x a:y", "line"),
        ("x.owl", "Prefix(:=<http://x/>)\nOntology(<http://x>)", "functional"),
        ("cut.owl", '<Ontology xmlns="http://www.w3.org/2002/07/owl#"><Declaration>', "not well-formed"),
    ],
)
def test_a_file_that_is_broken_is_refused(tmp_path: Path, name: str, content: str, problem: str) -> None:
    path = tmp_path / name
    path.write_text(content, encoding="utf-8")
    with pytest.raises(UnreadableError, match=problem):
        list(importer_for(path).read(path, "demo"))


def test_entities_of_owl_do_not_multiply(tmp_path: Path) -> None:
    entities = "".join(f'<!ENTITY e{n + 1} "{f"&e{n};" * 10}">' for n in range(9))
    path = tmp_path / "bomb.owl"
    path.write_text(
        f'<!DOCTYPE rdf:RDF [<!ENTITY e0 "{"x" * 100}">{entities}]>'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:s="http://www.w3.org/2004/02/skos/core#">'
        '<s:Concept rdf:about="http://x/1"><s:prefLabel>&e9;</s:prefLabel></s:Concept></rdf:RDF>',
        encoding="utf-8",
    )
    with pytest.raises(UnreadableError):
        list(importer_for(path).read(path, "demo"))


def test_an_unknown_file_names_the_formats(tmp_path: Path) -> None:
    path = tmp_path / "x.doc"
    path.write_bytes(b"\xd0\xcf")
    with pytest.raises(UnreadableError, match="thesaurus"):
        importer_for(path)
    with pytest.raises(UnreadableError, match="no file"):
        importer_for(tmp_path / "missing.owl")


@pytest.mark.parametrize(
    "iri",
    ["http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl#C3262", "http://purl.obolibrary.org/obo/NCIT_C3262"],
)
def test_spellings_of_an_iri_are_one_term(iri: str) -> None:
    assert curie_of(iri) == "ncit:C3262"


@pytest.mark.parametrize(
    "stem", ["http://www.radlex.org/RID/", "http://www.radlex.org/RID/#", "http://radlex.org/RID/"]
)
def test_spellings_of_radlex_are_one_term(stem: str) -> None:
    assert curie_of(f"{stem}RID1301") == "radlex:RID1301"
