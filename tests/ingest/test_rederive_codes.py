"""A decision about a code reads again the documents that have it, and no others."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.asked import Asked, base_recipe
from ingest.base import Yield
from ingest.rederive_codes import outdated, rederive_codes
from ingest.run import Job, run
from ingest.steward import ContradictionError, Made, Steward, Wish
from mappings.code_review import code_states
from mappings.codes import key_of
from mappings.sssom import MappingError
from mappings.tables import Library
from ontology.index import TermIndex
from ontology.records import DataClass, Reject, SourceRecord
from store.decided import Verdict
from store.generations import Generations
from store.raw_codes import raw_codes
from store.warehouse import Warehouse

GOLDEN = Path(__file__).parent / "aim" / "aim3_target_lesion" / "input.xml"
PRIVATE = "2891770|caBIG|Proportion Necrosis"
OTHER = "1|99NOBODY|has this"


@pytest.fixture(scope="module")
def terms(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("terms") / "terms.db"
    TermIndex(path).close()
    return path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Two documents, of which one has a private code."""
    folder = tmp_path / "files"
    folder.mkdir()
    text = GOLDEN.read_text(encoding="utf-8").replace('"2891771"', '"2891770"')
    (folder / "with.xml").write_text(text, encoding="utf-8")
    (folder / "without.xml").write_text(
        text.replace('"2891770"', '"17"').replace("1.2.840.99999.1.1", "1.2.840.99999.1.2"), encoding="utf-8"
    )
    return folder


@pytest.fixture
def warehouse(tmp_path: Path, terms: Path, files: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Warehouse]:
    monkeypatch.setattr(Generations, "_vocabulary", lambda self: b"")
    (tmp_path / "var").mkdir()
    shutil.copy(terms, tmp_path / "var" / "terms.db")
    opened = Warehouse.open(tmp_path / "var")
    ingest(opened, files)
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory, terms: Path) -> Iterator[Warehouse]:
    """A warehouse in which only refusals are tried, so that it stays empty."""
    root = tmp_path_factory.mktemp("empty")
    shutil.copy(terms, root / "terms.db")
    opened = Warehouse.open(root)
    yield opened
    opened.close()


def ingest(warehouse: Warehouse, files: Path):
    return run(warehouse, [Job(locators=(str(files),), collection="c", kind="aim")])


def decide(warehouse: Warehouse, subject: str, term: str | None = None, **more) -> Made:
    wish = Wish(mapping="codes", subject=subject, term=term, author="Ada", reason="as the template says", **more)
    return Steward(warehouse).decide(wish)


def lots(warehouse: Warehouse) -> dict[str, int]:
    return {source.name: source.lot for source in warehouse.generations.current().sources}


def unmapped(warehouse: Warehouse) -> set[str]:
    library = Library.of(warehouse.home, warehouse.decisions)
    states = code_states(raw_codes(warehouse.home.log, warehouse.generations.current().sources), library.codes)
    return {str(state.triplet) for state in states if not state.decided}


def test_only_the_documents_that_have_the_code_are_read_again(warehouse: Warehouse) -> None:
    before = lots(warehouse)
    assert PRIVATE in unmapped(warehouse)
    decide(warehouse, PRIVATE, "radlex:RID5171", predicate="skos:closeMatch")
    result = rederive_codes(warehouse)
    assert (result.from_files, result.unchanged, result.lacking) == (1, 1, [])
    after = lots(warehouse)
    assert after["without.xml"] == before["without.xml"]
    assert after["with.xml"] != before["with.xml"]
    assert PRIVATE not in unmapped(warehouse)
    assert "17|caBIG|Proportion Necrosis" in unmapped(warehouse)


def test_a_decision_about_a_code_that_nobody_has_reads_nothing(warehouse: Warehouse, files: Path) -> None:
    before = lots(warehouse)
    decide(warehouse, OTHER, "ncit:C14143")
    assert rederive_codes(warehouse).unchanged == 2
    assert ingest(warehouse, files).unchanged == 2
    assert lots(warehouse) == before


def test_what_is_withdrawn_is_served_as_it_was_before(warehouse: Warehouse) -> None:
    before = lots(warehouse)
    decide(warehouse, PRIVATE, "radlex:RID5171")
    rederive_codes(warehouse)
    decide(warehouse, PRIVATE, verdict=Verdict.WITHDRAWN)
    result = rederive_codes(warehouse)
    assert result.report.unchanged == 1
    assert lots(warehouse) == before


def test_without_its_file_a_document_stays_and_is_read_when_it_comes_again(warehouse: Warehouse, files: Path) -> None:
    before = lots(warehouse)
    aside = files / "with.xml"
    text = aside.read_text(encoding="utf-8")
    aside.unlink()
    decide(warehouse, PRIVATE, "radlex:RID5171")
    (lacking,) = rederive_codes(warehouse).lacking
    assert (lacking.name, lacking.kept_as_it_was) == ("with.xml", True)
    assert lots(warehouse) == before
    aside.write_text(text, encoding="utf-8")
    report = ingest(warehouse, files)
    assert (report.added, report.unchanged) == (1, 1)
    assert lots(warehouse)["without.xml"] == before["without.xml"]
    assert outdated(warehouse, Library.of(warehouse.home, warehouse.decisions)) == ([], 2)


def test_that_there_is_no_term_takes_a_code_from_the_list_and_reads_nothing(warehouse: Warehouse) -> None:
    decide(warehouse, PRIVATE, verdict=Verdict.NO_TERM)
    assert PRIVATE not in unmapped(warehouse)
    assert rederive_codes(warehouse).unchanged == 2


def test_what_is_retracted_is_not_remembered(warehouse: Warehouse) -> None:
    sids = [source.sid for source in warehouse.generations.current().sources]
    assert warehouse.coded.keys().keys() == set(sids)
    warehouse.retract(sids)
    assert warehouse.coded.keys() == {}


@pytest.mark.parametrize(
    ("mapping", "subject", "term", "problem"),
    [
        ("codes/srt", "G-A22A", "cadsr:2200604", "data element"),
        ("codes/epad", "S71", "ncit:C94520", "code and meaning go together"),
        ("codes/epad", "G-A22A|SRT|Length", "ncit:C25334", "is a code of codes/srt"),
        ("codes/eepad", "S71=target", "ncit:C94520", "near it: codes/epad"),
        ("codes", "G-A22A", "ncit:C25334", "does not say its scheme"),
        ("codes", "|SRT|Length", "ncit:C25334", "is no code"),
        ("codes/srt", "G-A22A", "ncit:C0", "qilin terms import"),
    ],
)
def test_what_cannot_stand_is_refused(empty: Warehouse, mapping: str, subject: str, term: str, problem: str) -> None:
    with pytest.raises(MappingError, match=problem):
        Steward(empty).decide(Wish(mapping=mapping, subject=subject, term=term, author="Ada", reason="x"))


def test_rejecting_what_is_accepted_names_the_place(empty: Warehouse) -> None:
    with pytest.raises(ContradictionError, match=r"srt\.sssom\.tsv:\d+ accepts ncit:C25334"):
        Steward(empty).decide(
            Wish(
                mapping="codes/srt",
                subject="G-A22A",
                term="ncit:C25334",
                verdict=Verdict.REJECTED,
                author="Ada",
                reason="x",
            )
        )


def test_a_rejected_code_no_longer_stands_for_itself(warehouse: Warehouse) -> None:
    decide(warehouse, "112031|DCM|Attenuation Coefficient", "dcm:112031", verdict=Verdict.REJECTED)
    codes = Library.of(warehouse.home, warehouse.decisions).codes
    assert codes.canonical("112031", "DCM", "Attenuation Coefficient") is None


def test_codes_asked_for_belong_to_the_source_that_is_open() -> None:
    asked = Asked()

    def head(name: str) -> SourceRecord:
        return SourceRecord(kind="k", name=name, digest=name, locator=name, data_class=DataClass.METADATA, recipe="k-1")

    def reader() -> Iterator[Yield]:
        asked.note(key_of("a:0"))  # before any source: all may follow from it
        yield Reject(name="x", place="x", problem="x", wanted="x")
        yield head("one")
        asked.note(key_of("a:1"))
        yield Reject(name="x", place="x", problem="x", wanted="x")
        asked.note(key_of("a:2"))  # in the step that brings the second: it may be of either
        yield head("two")
        asked.note(key_of("a:3"))

    ended = [keys for item, keys in asked.follow(reader()) if isinstance(item, SourceRecord)]
    assert ended[1] == {key_of("a:0"), key_of("a:1"), key_of("a:2")}
    assert asked.keys == {key_of("a:0"), key_of("a:2"), key_of("a:3")}
    assert base_recipe("k-1") == "k-1"
