"""The values that parameters take, and that none of them reaches the text of a query."""

from __future__ import annotations

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontology.prefixes import Curie
from ontology.variables import VariableKind
from queries.catalogue import queries, query
from queries.parameters import LONGEST, Parameter, ParameterError, written
from store.guard import ESCAPE, check_query

NASTY = [
    '"',
    "'",
    "\\",
    "\\u0022",
    "\\U00000022",
    '" } SERVICE <http://x> { ',
    "#",
    "\\\\u0022",
    "${x}",
    "?s",
    "<x>",
    "\\n",
]


def parameter(of_type: str, **more: object) -> Parameter:
    return Parameter("p", of_type, "P", **more)  # type: ignore[arg-type]


def answer(text: str) -> str:
    """What an engine reads where a term stands in VALUES."""
    (row,) = ox.Store().query(f"SELECT ?x {{ VALUES ?x {{ {text} }} }}")
    return row[0].value


texts = st.one_of(
    st.text(alphabet=st.characters(blacklist_categories=("Cc", "Cs")), max_size=60),
    st.lists(st.sampled_from(NASTY), min_size=1, max_size=6).map("".join),
)


@given(texts)
def test_no_text_breaks_out_of_its_literal(text: str) -> None:
    """Whether an engine resolves code point escapes before it reads strings, or after, it reads the same text."""
    term = written(ox.Literal(text))
    assert answer(term) == text
    resolved = ESCAPE.sub(lambda match: chr(int(match[1] or match[2], 16)), term)
    assert answer(resolved) == text


@given(st.dictionaries(st.sampled_from(["collection", "keyword"]), texts.filter(str.strip), min_size=1))
def test_a_bound_query_always_parses_and_passes_the_guard(values: dict[str, str]) -> None:
    bound = query("clinical-variables").bind(values)
    check_query(bound)
    assert list(ox.Store().query(bound)) == []


@given(texts)
def test_whatever_is_given_is_a_term_or_a_parameter_error(text: str) -> None:
    for curated in queries().values():
        for item in curated.parameters:
            try:
                term = item.term(text)
            except ParameterError as error:
                assert str(error).startswith(f"{item.name}: ")  # noqa: PT017 - both ways are right
            else:
                answer(term)


@pytest.mark.parametrize(
    ("kind", "text", "term"),
    [
        ("integer", " 12 ", '"12"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        ("integer", "-3", '"-3"^^<http://www.w3.org/2001/XMLSchema#integer>'),
        ("decimal", "2.50", '"2.50"^^<http://www.w3.org/2001/XMLSchema#decimal>'),
        ("decimal", "1e3", '"1000"^^<http://www.w3.org/2001/XMLSchema#decimal>'),
        ("boolean", "Yes", '"true"^^<http://www.w3.org/2001/XMLSchema#boolean>'),
        ("modality", "ct", "<http://dicom.nema.org/resources/ontology/DCM/CT>"),
        ("modality", "dcm:SEG", "<http://dicom.nema.org/resources/ontology/DCM/SEG>"),
        ("concept", "ncit:C4878", "<http://purl.obolibrary.org/obo/NCIT_C4878>"),
        ("concept", "lung carcinoma", "<http://purl.obolibrary.org/obo/NCIT_C4878>"),
        ("concept", "http://purl.obolibrary.org/obo/NCIT_C4878", "<http://purl.obolibrary.org/obo/NCIT_C4878>"),
        ("concept", "ncit:C999999999", "<http://purl.obolibrary.org/obo/NCIT_C999999999>"),
        ("variable", "Longest Diameter", "<http://purl.obolibrary.org/obo/NCIT_C96684>"),
        ("variable", "sct:103339001", "<http://purl.obolibrary.org/obo/NCIT_C96684>"),
        ("variable", "longest diameter", "<http://purl.obolibrary.org/obo/NCIT_C96684>"),
        ("iri", "urn:oid:1.2.3", "<urn:oid:1.2.3>"),
        ("iri", "<https://example.org/a%20b>", "<https://example.org/a%20b>"),
        ("subject", "LUNG1-001", '"LUNG1-001"'),
    ],
)
def test_values_of_each_type(kind: str, text: str, term: str) -> None:
    assert parameter(kind).term(text) == term


@pytest.mark.parametrize(
    ("kind", "text", "problem"),
    [
        ("integer", "1.5", "is no whole number; wanted: a whole number"),
        ("integer", "١٢", "is no whole number"),
        ("integer", "9" * 30, "is no whole number"),
        ("decimal", "NaN", "is no decimal number"),
        ("decimal", "Infinity", "is no decimal number"),
        ("decimal", "1e400", "is no decimal number"),
        ("decimal", "two", "is no decimal number; wanted: a decimal number, such as 2.5"),
        ("boolean", "maybe", "is neither; wanted: true or false"),
        ("iri", "no iri", "is no IRI"),
        ("iri", "https://example.org/a> <b", "is no IRI"),
        ("concept", "lung cancre", "is no IRI; wanted: a concept by CURIE"),
        ("concept", "volume", "is the label of several terms; wanted: one of: "),
        ("variable", "ncit:C4878", "is no variable of the registry"),
        ("modality", "XX", "wanted: a DICOM modality"),
        ("string", "a\x00b", "control characters"),
        ("string", "a\nb", "control characters"),
        ("string", "a" * (LONGEST + 1), "too long"),
        ("string", "  ", "is empty"),
    ],
)
def test_what_is_wrong_is_said(kind: str, text: str, problem: str) -> None:
    with pytest.raises(ParameterError, match=r"^p: ") as caught:
        parameter(kind).term(text)
    assert problem in str(caught.value)
    assert caught.value.parameter == "p"


def test_a_concept_stays_within_its_bounds() -> None:
    neoplasm = parameter("concept", under=Curie("ncit:C3262"))
    assert neoplasm.term("Lung Carcinoma").endswith("C4878>")
    with pytest.raises(ParameterError, match=r"ncit:C20197 \(Male\) is something else; wanted: .*within ncit:C3262"):
        neoplasm.term("ncit:C20197")


def test_a_variable_is_of_its_kind() -> None:
    outcome = parameter("variable", kind=VariableKind.OUTCOME)
    with pytest.raises(
        ParameterError, match=r"\(Longest Diameter\) is of kind measurement; wanted: a variable of kind outcome"
    ):
        outcome.term("ncit:C96684")


def test_a_mapped_concept_is_asked_for_as_what_records_have() -> None:
    asked = query("concept-observations")
    liver = "<http://radlex.org/RID/RID58> <http://purl.obolibrary.org/obo/NCIT_C12392>"
    assert asked.bind({"concept": "radlex:RID58"}).count(f"VALUES ?concept {{ {liver} }}") == 3
    for text in ("liver", "ncit:C12392"):  # the label of both, of which one is mapped to the other
        assert "VALUES ?concept { <http://purl.obolibrary.org/obo/NCIT_C12392> }" in asked.bind({"concept": text})
    assert "VALUES ?concept { <https://example.org/x> }" in asked.bind({"concept": "https://example.org/x"})


def test_choices_are_kept() -> None:
    chosen = parameter("concept", choices=("q:Clinical", "q:Images"))
    assert chosen.term("q:Images") == "<https://w3id.org/qilin/ns#Images>"
    with pytest.raises(ParameterError, match="one of: q:Clinical, q:Images"):
        chosen.term("q:Other")


def test_options_are_offered_where_the_vocabulary_knows_them() -> None:
    assert ("ncit:C4878", "Lung Carcinoma") in parameter("concept", under=Curie("ncit:C3262")).options()
    measured = dict(parameter("variable", kind=VariableKind.MEASUREMENT).options())
    assert measured["ncit:C96684"] == "Longest Diameter"
    assert "ncit:C125201" not in measured
    assert parameter("string").options() == []
