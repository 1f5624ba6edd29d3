"""What is in force after any decisions, and that it survives being written and read again."""

from __future__ import annotations

import tempfile
from pathlib import Path
from urllib.parse import unquote

import pytest
import rdflib
from hypothesis import given
from hypothesis import strategies as st

from mappings.effective import in_force
from mappings.people import UnknownPersonError, person
from mappings.sssom import KNOWN_PREDICATES, NO_TERM, Decision, column_id, read_rows, value_id
from mappings.sssom_write import as_tsv, as_turtle, checked_tsv, set_metadata
from mappings.tables import Library
from store.decided import NOT, DecisionRecord, Verdict

TERMS = ("ncit:C28421", "ncit:C16576", "cadsr:2200604")
SUBJECTS = (column_id("Sex"), value_id("Sex", "f"), value_id("Sex", "m"))


@st.composite
def records(draw: st.DrawFn) -> list[DecisionRecord]:
    """Any decisions at all, in any order, contradictions included."""
    made = []
    for number in range(draw(st.integers(0, 12))):
        verdict = draw(st.sampled_from(list(Verdict)))
        term = NO_TERM if verdict is Verdict.NO_TERM else draw(st.sampled_from(TERMS))
        denied = verdict is Verdict.REJECTED or (verdict is Verdict.WITHDRAWN and draw(st.booleans()))
        made.append(
            DecisionRecord(
                id=number + 1,
                mapping="m",
                verdict=verdict,
                subject=draw(st.sampled_from(SUBJECTS)),
                object=term,
                modifier=NOT if denied else "",
                predicate=draw(st.sampled_from(KNOWN_PREDICATES)),
                author="Ada",
                reason="x",
                made_at=f"2026-11-{number + 1:02}T00:00:00Z",
            )
        )
    return made


def slot(record: DecisionRecord) -> tuple[str, bool]:
    return record.subject, record.subject.startswith("column:") and record.object.startswith("cadsr:")


def last_words(made: list[DecisionRecord]) -> tuple[set[tuple], set[tuple]]:
    """The same, found backwards: for each subject the last thing that was said of it, and of each term denied."""
    written = max((n for n, record in enumerate(made, 1) if record.verdict is Verdict.WRITTEN), default=0)
    later = made[written:]
    words, denied = set(), set()
    for key in {slot(record) for record in later}:
        mine = [record for record in later if slot(record) == key]
        for number in reversed(range(len(mine))):
            record = mine[number]
            if record.verdict in (Verdict.ACCEPTED, Verdict.NO_TERM):
                if not any(r.verdict is Verdict.REJECTED and r.object == record.object for r in mine[number:]):
                    words.add((record.subject, record.object, record.predicate))
                break
            if record.verdict is Verdict.WITHDRAWN and not record.modifier:
                break
        for term in TERMS:
            said = [
                record
                for record in mine
                if record.object == term and (record.modifier or record.verdict is Verdict.ACCEPTED)
            ]
            if said and said[-1].verdict is Verdict.REJECTED:
                denied.add((said[-1].subject, term, said[-1].predicate))
    return words, denied


@given(records())
def test_any_decisions_come_to_the_last_word_about_each_subject(made: list[DecisionRecord]) -> None:
    found = in_force((), made)
    words, denied = last_words(made)
    assert {(row.subject, row.term, row.predicate) for row in found if not row.negated} == words
    assert {(row.subject, row.term, row.predicate) for row in found if row.negated} == denied


@given(records(), st.integers(0, 12))
def test_what_was_decided_may_be_written_at_any_time(made: list[DecisionRecord], at: int) -> None:
    """Writing the file in between and going on from there comes to the same."""
    made = [record for record in made if record.verdict is not Verdict.WRITTEN]
    assert in_force(in_force((), made[:at]), made[at:]) == in_force((), made)


def test_a_record_takes_the_place_of_the_rows_of_the_file_about_the_same() -> None:
    rows = [
        Decision("Sex", "f", "skos:exactMatch", "ncit:C16576", 2),
        Decision("Sex", "f", "skos:narrowMatch", "ncit:C20197", 3),
        Decision("Sex", None, "skos:exactMatch", "ncit:C28421", 4),
    ]
    withdrawn = DecisionRecord(mapping="m", verdict=Verdict.WITHDRAWN, subject="value:Sex/f", object="x:y", author="A")
    assert [row.line for row in in_force(rows, [withdrawn])] == [4]


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1, max_size=12).filter(
    lambda text: text.strip()
)
ROWS = st.builds(
    Decision,
    column=TEXT,
    value=st.none() | TEXT,
    predicate=st.sampled_from(KNOWN_PREDICATES),
    term=st.sampled_from((*TERMS, NO_TERM)),
    line=st.just(0),
    negated=st.booleans(),
    label=TEXT.map(lambda text: " ".join(text.replace('"', "").split())),
    author=st.sampled_from(("", "Ada Lovelace", "orcid:0000-0002-1825-0097")),
    reviewer=st.sampled_from(("", "A. Reviewer", "orcid:0000-0002-1825-0097")),
    date=st.sampled_from(("2026-11-24", "")),
    confidence=st.sampled_from(("", "0.5", "1")),
    comment=TEXT.map(lambda text: " ".join(text.replace('"', "").split())),
)


def said(row: Decision) -> tuple:
    names = ("subject", "predicate", "term", "negated", "label", "author", "reviewer", "date", "confidence", "comment")
    return tuple(getattr(row, name) for name in names)


@given(st.lists(ROWS, max_size=6))
def test_a_set_that_is_written_and_read_is_the_same(rows: list[Decision]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "mapping.sssom.tsv"
        path.write_text(as_tsv(rows, set_metadata("m", "A map", path)), encoding="utf-8")
        read = list(read_rows(path))
        assert sorted(map(said, read)) == sorted(map(said, rows))
        assert as_tsv(read, set_metadata("m", "A map", path)) == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["nsclc_radiomics_lung1", "cmmd", "demo_redcap"])
def test_a_ready_set_is_exported_whole_as_sssom_and_as_rdf(name: str) -> None:
    mapping = Library().get(name)
    rows = mapping.decisions.rows
    metadata = set_metadata(name, mapping.shape.title, mapping.decisions.path)
    text = checked_tsv(as_tsv(rows, metadata))
    assert text.count("\n") - sum(line.startswith("#") for line in text.splitlines()) == len(rows) + 1
    graph = rdflib.Graph().parse(data=as_turtle(rows, metadata), format="turtle")
    owl, sssom = rdflib.OWL, rdflib.Namespace("https://w3id.org/sssom/")
    axioms = set(graph.subjects(rdflib.RDF.type, owl.Axiom))
    assert len(axioms) == len(rows)
    assert len(set(graph.objects(None, sssom.mappings))) == len(rows)
    for axiom in axioms:
        triple = tuple(
            graph.value(axiom, predicate)
            for predicate in (owl.annotatedSource, owl.annotatedProperty, owl.annotatedTarget)
        )
        untrue = triple[2] == sssom.NoTermFound or (axiom, sssom.predicate_modifier, sssom.NegatedPredicate) in graph
        assert (triple in graph) is not untrue
        assert unquote(str(triple[0])).startswith(f"https://w3id.org/qilin/mappings/{name}/")
        assert graph.value(axiom, sssom.mapping_justification) is not None


def test_a_negated_mapping_is_no_triple() -> None:
    row = Decision("Sex", None, "skos:exactMatch", "ncit:C28421", 1, negated=True, author="orcid:0000-0002-1825-0097")
    graph = rdflib.Graph().parse(data=as_turtle([row], set_metadata("m", "A map", Path("none"))), format="turtle")
    assert not list(graph.triples((None, rdflib.SKOS.exactMatch, None)))
    authors = list(graph.objects(None, rdflib.URIRef("http://purl.org/pav/authoredBy")))
    assert authors == [rdflib.URIRef("https://orcid.org/0000-0002-1825-0097")]


@pytest.mark.parametrize("text", ["", "  ", "0000-0002-1825-0098", "orcid:123", "a|b"])
def test_who_is_neither_an_orcid_nor_a_name_is_refused(text: str) -> None:
    with pytest.raises(UnknownPersonError):
        person(text)
