"""Coded terms of annotation templates: what is taken, what is rejected, and the real templates."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mappings.template_terms import TEMPLATE
from ontology.imports import importer_for
from ontology.imports.base import Concept, UnreadableError
from ontology.index import TermIndex
from ontology.records import Reject

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "imaging" / "aim_template"

XML = """<TemplateContainer xmlns="u" authors="Jane Example" name="Lung">
  <Template name="Lung" authors="Jane Example" codeValue="na" codeMeaning="na" codingSchemeDesignator="na">
    <Component label="Margin" authors="Jane Example">
      <AllowedTerm codeValue="RID5714" codeMeaning="spiculated" codingSchemeDesignator="RadLex_3.9.1"/>
      <AllowedTerm codeValue="BRCA-21" codeMeaning="Uneven" codingSchemeDesignator="BRCA"/>
      <AllowedTerm codeMeaning="no code"/>
    </Component>
    <Component label="Edge">
      <AllowedTerm codeValue="RID5714" codeMeaning="spiky" codingSchemeDesignator="RADLEX"/>
    </Component>
  </Template>
</TemplateContainer>"""

JSON = """{"uid": "1.2.3", "authors": "Jane Example", "Template": [{"Component": [{"label": "Margin", "AllowedTerm": [
  {"codeValue": "RID5714", "codeMeaning": "spiculated", "codingSchemeDesignator": "RadLex"}]}]}]}"""


def written(folder: Path, text: str, name: str = "template.xml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_template_gives_each_of_its_terms_once_with_what_it_answers(tmp_path: Path) -> None:
    path = written(tmp_path, XML)
    assert importer_for(path, None, (TEMPLATE,)) is TEMPLATE
    found = list(TEMPLATE.read(path, "template"))
    concepts = {item.curie: item for item in found if isinstance(item, Concept)}
    assert sorted(concepts) == ["https://w3id.org/qilin/scheme/brca#BRCA-21", "radlex:RID5714"]
    shape = concepts["radlex:RID5714"]
    assert (shape.label, shape.synonyms, shape.definition) == ("spiculated", ("spiky",), "Answers: Margin; Edge.")
    (reject,) = [item for item in found if isinstance(item, Reject)]
    assert reject.place == "line 6"
    assert "Jane" not in repr(found)


def test_json_gives_what_the_xml_gives(tmp_path: Path) -> None:
    path = written(tmp_path, JSON, "template.json")
    assert importer_for(path, None, (TEMPLATE,)) is TEMPLATE
    (concept,) = [item for item in TEMPLATE.read(path, "template") if isinstance(item, Concept)]
    assert (concept.curie, concept.label) == ("radlex:RID5714", "spiculated")


def test_terms_of_templates_are_found_in_the_index_and_add_up(tmp_path: Path) -> None:
    index = TermIndex(tmp_path / "terms.db")
    for text, name in ((XML, "a.xml"), (JSON, "b.json")):
        index.load(written(tmp_path, text, name), TEMPLATE, "template")
    for words in ("uneven", "BRCA-21"):  # which the second template lacks
        found = [hit.curie for hit in index.search(words, vocabulary="template")]
        assert found == ["https://w3id.org/qilin/scheme/brca#BRCA-21"]


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"TemplateContainer": 1}', "<Template>", "<a/>", "", '{"a": {"b c": {}}}']
)
def test_what_is_no_template_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(UnreadableError):
        list(TEMPLATE.read(written(tmp_path, text), "template"))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.sampled_from([XML, JSON]), data=st.data())
def test_mutated_templates_are_read_or_refused(text: str, data: st.DataObject, tmp_path: Path) -> None:
    start = data.draw(st.integers(0, len(text)))
    changed = text[:start] + data.draw(st.text(max_size=6)) + text[start + data.draw(st.integers(0, 20)) :]
    path = tmp_path / "mutated"
    path.write_bytes(changed.encode("utf-8", "surrogatepass"))
    said = repr(outcome(path))
    assert said
    assert "Jane Example" not in said


def outcome(path: Path) -> list[object]:
    """The items of a template, or why it is refused."""
    try:
        return list(TEMPLATE.read(path, "template"))
    except UnreadableError as error:
        return [error]


@pytest.mark.real
def test_real_templates_give_their_terms() -> None:
    if not REAL.is_dir():
        pytest.skip("../shared/data is not present")
    counts: dict[str, tuple[int, int]] = {}
    for path in sorted(REAL.iterdir()):
        assert importer_for(path, None, (TEMPLATE,)) is TEMPLATE
        found = outcome(path)
        if path.name == "EPADJS_testing_quantifiers.json":
            assert "line 121" in str(found)  # a comma is missing there
            continue
        concepts, rejects = (sum(isinstance(item, kind) for item in found) for kind in (Concept, Reject))
        counts[path.name] = (concepts, rejects)
    assert len(counts) == 25
    assert counts.pop("EPADJS_short.json") == (0, 8)  # its answers have labels and no codes
    assert {rejected for _, rejected in counts.values()} == {0}
    assert sum(concepts for concepts, _ in counts.values()) == 1454
