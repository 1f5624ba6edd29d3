"""The term index: search, scopes, hierarchy, and what an update of a vocabulary reports."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ontology.imports import IMPORTERS, UnreadableError
from ontology.imports.base import Concept, Importer, Item, Release, Status
from ontology.index import TermIndex, UnknownConceptError, UnknownVocabularyError
from ontology.index_schema import IndexVersionError
from ontology.index_search import Match
from ontology.terminology import terms


def holding(*items: Item, partial: bool = False) -> Importer:
    """An importer that yields these items, whatever the file."""
    return Importer("toy", "A toy", lambda path, head: True, lambda path, vocabulary: iter(items), partial=partial)


FIRST = (
    Release("Toys", "1"),
    Concept("toy:1", "Neoplasm", synonyms=("Tumour", "Growth")),
    Concept("toy:2", "Lung Neoplasm", ("toy:1",), ("NSCLC-like Entity",)),
    Concept("toy:3", "Neoplasm of the Left Lung", ("toy:2",)),
    Concept("toy:4", "Neoplastic Process"),
    Concept("toy:5", "Ménière's Disease", ("toy:9",)),
    Concept("toy:6", "Benign Neoplasm", ("toy:1",), retired=True),
)


@pytest.fixture(scope="module")
def index(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TermIndex]:
    opened = TermIndex(tmp_path_factory.mktemp("terms") / "terms.db")
    opened.load(Path("toys"), holding(*FIRST), "toy")
    yield opened
    opened.close()


def found(index: TermIndex, text: str, **scope: str) -> list[str]:
    return [hit.curie for hit in index.search(text, **scope)]


def test_the_bundled_terms_are_there(index: TermIndex) -> None:
    for curie in ("ncit:C4878", "dcm:126401", "radlex:RID1301", "q:StandardizedUptakeValueMean"):
        assert index.show(curie).vocabulary == curie.partition(":")[0]
    held = {item.name: item.concepts for item in index.vocabularies()}
    assert held["ncit"] == sum(curie.startswith("ncit:") for curie in terms())


def test_the_exact_label_comes_first_then_labels_that_begin_so_then_words(index: TermIndex) -> None:
    assert found(index, "neoplasm", vocabulary="toy") == ["toy:1", "toy:3", "toy:2", "toy:6"]
    hits = {hit.curie: hit.match for hit in index.search("neoplasm", vocabulary="toy")}
    assert hits["toy:1"] is Match.LABEL
    assert hits["toy:3"] is Match.LABEL_PREFIX
    assert hits["toy:2"] is Match.LABEL_WORDS


def test_what_is_retired_comes_last_and_says_so(index: TermIndex) -> None:
    hits = index.search("neoplasm", vocabulary="toy")
    assert [hit.curie for hit in hits if hit.retired] == ["toy:6"] == [hits[-1].curie]


def test_a_synonym_finds_its_term_and_is_shown(index: TermIndex) -> None:
    (hit,) = index.search("tumo", vocabulary="toy")
    assert (hit.curie, hit.label, hit.name) == ("toy:1", "Neoplasm", "Tumour")


@pytest.mark.parametrize("text", ["lung neo", "neo lu", "  LUNG,neo ", "left lu neoplasm"])
def test_every_word_is_a_beginning_in_any_order(index: TermIndex, text: str) -> None:
    assert "toy:3" in found(index, text, vocabulary="toy")


def test_a_word_that_is_nowhere_finds_nothing(index: TermIndex) -> None:
    assert found(index, "lung xyzzy") == []


@pytest.mark.parametrize("text", ["meniere", "Ménière", "MENIERE'S dis"])
def test_accents_and_case_do_not_matter(index: TermIndex, text: str) -> None:
    assert found(index, text, vocabulary="toy") == ["toy:5"]


@pytest.mark.parametrize("text", ["ncit:C4878", "NCIT:C4878", "C4878", "c4878"])
def test_a_code_finds_its_term_first(index: TermIndex, text: str) -> None:
    hit = index.search(text)[0]
    assert (hit.curie, hit.match) == ("ncit:C4878", Match.CODE)


def test_the_beginning_of_a_code_finds_terms(index: TermIndex) -> None:
    assert "ncit:C4878" in found(index, "C487", vocabulary="ncit")
    assert all(hit.code.startswith("C487") for hit in index.search("C487", vocabulary="ncit"))


def test_a_branch_holds_the_term_and_what_is_below(index: TermIndex) -> None:
    assert found(index, "neoplasm", under="toy:2") == ["toy:3", "toy:2"]
    assert found(index, "carcinoma", under="toy:1") == []


def test_a_scope_that_is_not_there_is_refused(index: TermIndex) -> None:
    with pytest.raises(UnknownVocabularyError, match="ncit"):
        index.search("lung", vocabulary="nowhere")
    with pytest.raises(UnknownConceptError, match="toy:77"):
        index.search("lung", under="toy:77")
    with pytest.raises(UnknownConceptError):
        index.show("toy:77")


@pytest.mark.parametrize(
    "text",
    ['"', "*", "^lung", "lung AND", "NEAR(lung neoplasm, 2)", "folded:lung", "lung*", "(lung", "lung OR NOT", "-lung"],
)
def test_query_syntax_is_plain_text(index: TermIndex, text: str) -> None:
    assert all("lung" in hit.name.casefold() or hit.match is Match.CODE for hit in index.search(text))


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None)
def test_any_text_may_be_searched(index: TermIndex, text: str) -> None:
    hits = index.search(text, limit=5)
    assert len(hits) <= 5
    assert len({hit.curie for hit in hits}) == len(hits)


def test_hierarchy(index: TermIndex) -> None:
    assert list(index.descendants("toy:1")) == ["toy:2", "toy:3", "toy:6"]
    assert list(index.ancestors("toy:3")) == ["toy:1", "toy:2"]
    entry = index.show("toy:1")
    assert (entry.children, entry.descendants, entry.release) == (2, 3, "1")
    assert index.show("toy:2").parents == (("toy:1", "Neoplasm"),)


def test_a_parent_that_is_not_there_makes_a_root(index: TermIndex) -> None:
    assert index.show("toy:5").parents == (("toy:9", ""),)
    assert list(index.ancestors("toy:5")) == []


def test_a_cycle_does_no_harm(tmp_path: Path) -> None:
    index = TermIndex(tmp_path / "terms.db")
    index.load(Path("x"), holding(Concept("c:1", "One", ("c:2",)), Concept("c:2", "Two", ("c:1",))), "c")
    assert list(index.ancestors("c:1")) == ["c:2"]


SECOND = (
    Release("Toys", "2"),
    Concept("toy:1", "Neoplasm", synonyms=("Tumour", "Growth")),
    Concept("toy:2", "Neoplasm of Lung", ("toy:1",), ("NSCLC-like Entity",)),
    Concept("toy:3", "Neoplasm of the Left Lung", ("toy:1",)),
    Concept("toy:4", "Neoplastic Process", retired=True, replaced_by="toy:1"),
    Concept("toy:6", "Benign Neoplasm", ("toy:1",)),
    Concept("toy:7", "New Entity"),
)


def test_an_update_reports_what_changed(tmp_path: Path) -> None:
    index = TermIndex(tmp_path / "terms.db")
    first = index.load(Path("toys"), holding(*FIRST), "toy")
    assert (first.first, first.counts, list(index.changes(first.imported))) == (True, {"added": 6}, [])
    again = index.load(Path("toys"), holding(*FIRST), "toy")
    assert (again.first, again.counts, again.read) == (False, {}, 6)
    update = index.load(Path("toys"), holding(*SECOND), "toy")
    assert update.release == "2"
    assert set(index.changes(update.imported)) == {
        ("relabelled", "toy:2", "Lung Neoplasm", "Neoplasm of Lung"),
        ("reparented", "toy:3", "toy:2", "toy:1"),
        ("retired", "toy:4", "active", "toy:1"),
        ("restored", "toy:6", "retired", "active"),
        ("withdrawn", "toy:5", "Ménière's Disease", None),
        ("added", "toy:7", None, "New Entity"),
    }
    assert found(index, "lung neoplasm", vocabulary="toy") == ["toy:2", "toy:3"]
    assert index.show("toy:5").status is Status.WITHDRAWN
    assert index.show("toy:4").replaced_by == "toy:1"
    assert list(index.descendants("toy:2")) == []


def test_a_second_import_leaves_the_full_text_index_whole(tmp_path: Path) -> None:
    path = tmp_path / "terms.db"
    index = TermIndex(path)
    for items in (FIRST, SECOND, FIRST):
        index.load(Path("toys"), holding(*items), "toy")
    index.close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO words (words, rank) VALUES ('integrity-check', 1)")


def test_a_release_keeps_bundled_terms_and_hierarchy_that_it_lacks(tmp_path: Path) -> None:
    index = TermIndex(tmp_path / "terms.db")
    index.load(Path("x"), holding(Concept("ncit:C4878", "Lung Carcinoma (new)")), "ncit")
    assert index.show("ncit:C4878").label == "Lung Carcinoma (new)"
    assert "ncit:C2916" in set(index.ancestors("ncit:C4878"))
    assert index.show("ncit:C3512").status is Status.ACTIVE
    index.remove("ncit")
    assert index.show("ncit:C4878").label == "Lung Carcinoma"


def test_a_selection_adds_and_takes_nothing_away(tmp_path: Path) -> None:
    index = TermIndex(tmp_path / "terms.db")
    index.load(Path("x"), holding(Concept("toy:1", "One")), "toy")
    update = index.load(Path("y"), holding(Concept("toy:2", "Two"), partial=True), "toy")
    assert update.counts == {"added": 1}
    assert index.show("toy:1").status is Status.ACTIVE


def test_an_import_that_fails_changes_nothing(tmp_path: Path) -> None:
    def failing(path: Path, vocabulary: str) -> Iterator[Item]:
        yield Concept("toy:8", "Eight")
        raise UnreadableError("cut off")

    index = TermIndex(tmp_path / "terms.db")
    index.load(Path("x"), holding(*FIRST), "toy")
    with pytest.raises(UnreadableError, match="cut off"):
        index.load(Path("x"), holding()._replace(read=failing), "toy")
    with pytest.raises(UnreadableError, match="no concept"):
        index.load(Path("x"), holding(Release("nothing")), "toy")
    assert found(index, "neoplasm", vocabulary="toy")[0] == "toy:1"
    with pytest.raises(UnknownConceptError):
        index.show("toy:8")


def test_changed_bundled_terms_come_in_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "terms.db"
    TermIndex(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = 'old' WHERE key = 'bundled'")
        connection.execute("UPDATE concept SET label = 'wrong', print = '' WHERE curie = 'ncit:C4878'")
    assert TermIndex(path).show("ncit:C4878").label == "Lung Carcinoma"


def test_an_index_of_another_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "terms.db"
    TermIndex(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE meta SET value = '99' WHERE key = 'schema'")
    with pytest.raises(IndexVersionError, match="99"):
        TermIndex(path)


def test_every_format_has_a_name_of_its_own() -> None:
    names = [importer.name for importer in IMPORTERS]
    assert len(set(names)) == len(names)
