"""A changed decision changes the records that it speaks of and nothing else, from the file or from what was kept."""

from __future__ import annotations

import gzip
import re
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pyoxigraph as ox
import pytest

from ingest.base import Context, Source, Yield
from ingest.rederive import rederive, served_through
from ingest.run import Job, run
from ingest.steward import Steward, Wish
from mappings.sssom import NO_TERM
from ontology.index import TermIndex
from ontology.prefixes import expand
from ontology.records import DataClass, Measurement, SourceRecord
from ontology.terms import ncit
from store import keeping
from store.decided import Verdict
from store.generations import Generations
from store.home import Home
from store.warehouse import Warehouse

MAP = """\
name: trial
title: A trial
subject: ID
missing: [NA]
one_row_per: [ID, Born]
only: {Status: [final]}
common:
  reader: {column: Reader}
columns:
  Sex: {record: finding}
  Stage: {record: finding}
  Age: {record: measurement, unit: a}
  Note: {record: finding, keep_unmapped: true}
  LD:
    record: measurement
    unit: cm
    lesion: {column: Lesion}
    when: {column: Scan, format: "%d.%m.%Y"}
  Born: {record: event, format: "%d.%m.%Y"}
"""
ROWS = (
    "column:Age\tskos:exactMatch\tncit:C25150\n"
    "column:Born\tskos:exactMatch\tncit:C83217\n"
    "column:LD\tskos:exactMatch\tncit:C96684\n"
    "column:Note\tskos:exactMatch\tncit:C28108\n"
    "column:Sex\tskos:exactMatch\tncit:C28421\n"
    "column:Stage\tskos:exactMatch\tncit:C28108\n"
    "value:Sex/f\tskos:exactMatch\tncit:C16576\n"
    "value:Sex/m\tskos:exactMatch\tncit:C20197\n"
    "value:Stage/2\tskos:exactMatch\tncit:C28054\n"
)
TABLE = """\
ID,Status,Sex,Stage,Age,Note,Reader,Lesion,LD,Scan,Born,Secret
S1,final,m,2,61,clear,Dr Who,T1,4.2,03.02.2014,05.11.1952,alpha
S2,final,f,IIIb,93,clear,Dr No,T1,large,07.03.2014,06.11.1930,beta
,final,f,2,50,clear,,,,,,gamma

S3,draft,f,2,50,clear,,,,,,delta
S4,final,m,NA,47,ask 555-123-4567,Dr Who,T2,<1.5,2014-05,07.11.1966,epsilon
S5,final,m,2,47,1966-11-07,Dr Who,T2,2,09.05.2014,,zeta,too many
S6,final,X,2,45,on 1966-11-07,Dr Who,,1,,,eta
"""


@pytest.fixture(autouse=True)
def without_vocabulary(monkeypatch: pytest.MonkeyPatch) -> None:
    """The vocabulary is the same in every generation, and loading it takes most of the time."""
    monkeypatch.setattr(Generations, "_vocabulary", lambda self: b"")


@pytest.fixture
def table(tmp_path: Path) -> Path:
    folder = tmp_path / "trial"
    folder.mkdir()
    (folder / "map.yaml").write_text(MAP, encoding="utf-8")
    head = "subject_id\tpredicate_id\tobject_id\tmapping_justification\n"
    rows = "".join(f"{row}\tsemapv:ManualMappingCuration\n" for row in ROWS.splitlines())
    (folder / "mapping.sssom.tsv").write_text(head + rows, encoding="utf-8")
    path = tmp_path / "table.csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


@cache
def terms() -> bytes:
    """The term index of the bundled vocabularies, made once."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "terms.db"
        TermIndex(path).close()
        return path.read_bytes()


def opened(root: Path, table: Path) -> Warehouse:
    shutil.copytree(table.parent / "trial", root / "mappings" / "trial")
    (root / "terms.db").write_bytes(terms())
    return Warehouse.open(root)


@pytest.fixture
def warehouse(tmp_path: Path, table: Path) -> Iterator[Warehouse]:
    found = opened(tmp_path / "var", table)
    ingest(found, table)
    yield found
    found.close()


def ingest(warehouse: Warehouse, table: Path):
    return run(warehouse, [Job(locators=(str(table),), collection="c", mapping="trial", clock="shifted")])


def decide(warehouse: Warehouse, subject: str, term: str | None = None, verdict: Verdict = Verdict.ACCEPTED, **more):
    wish = Wish(mapping="trial", subject=subject, term=term, verdict=verdict, author="Ada", reason="as seen", **more)
    return Steward(warehouse).decide(wish).record


def quads(warehouse: Warehouse) -> set[str]:
    folder = warehouse.generations.folder()
    assert folder is not None
    store = ox.Store.read_only(str(folder / "store"))
    return {str(quad) for quad in store if not str(quad.graph_name).endswith("graph/vocabulary>")}


def without_time(found: set[str]) -> set[str]:
    return {quad for quad in found if "generatedAtTime" not in quad}


def rejects(warehouse: Warehouse) -> list[tuple[str, str]]:
    return sorted((entry.place, entry.problem) for entry in warehouse.control.quarantine())


def places_of(found: list[tuple[str, str]]) -> set[str]:
    return {one for place, _ in found for one in re.findall(r"R\d+(?:C\d+)?", place)}


def kept(warehouse: Warehouse) -> str:
    (path,) = warehouse.home.documents.glob("*/*.gz")
    return gzip.decompress(path.read_bytes()).decode()


def records_of(found: set[str]) -> set[str]:
    return {quad.split(" ", 1)[0] for quad in found if "/record/" in quad.split(" ", 1)[0]}


@pytest.mark.parametrize("gone", [False, True], ids=["from the file", "from what was kept"])
@pytest.mark.parametrize(
    ("subject", "term", "places"),
    [
        ("Stage=2", "ncit:C27970", {"R2C4", "R9C4"}),  # a changed decision
        ("Stage=IIIb", "ncit:C27978", {"R3C4"}),  # a first one, about a value that waited
    ],
)
def test_a_decision_about_a_value_changes_the_records_that_hold_it(
    warehouse: Warehouse, table: Path, tmp_path: Path, gone: bool, subject: str, term: str, places: set[str]
) -> None:
    before, waited = quads(warehouse), rejects(warehouse)
    decide(warehouse, subject, term)
    if gone:
        table.rename(tmp_path / "away.csv")
    result = rederive(warehouse, "trial")
    after = quads(warehouse)
    assert (result.from_files, result.from_documents, result.lacking) == (int(not gone), int(gone), [])
    changed = {quad.split(" ", 1)[0] for quad in before ^ after}
    assert {iri.rsplit("/", 1)[1].rstrip(">") for iri in changed} == places
    assert records_of(before) <= records_of(after)
    # what else did not come in is listed as before, and a fresh warehouse under the new decision holds the same
    assert places_of(rejects(warehouse)) == places_of(waited) - (places & places_of(waited))
    fresh = opened(tmp_path / "fresh", table)
    decide(fresh, subject, term)
    with fresh.control.engine.begin() as connection:
        secret = warehouse.control.setting("secret")
        connection.exec_driver_sql("UPDATE setting SET value = ? WHERE name = 'secret'", (secret,))
    shutil.copy(tmp_path / "away.csv", table) if gone else None
    ingest(fresh, table)
    assert without_time(quads(fresh)) == without_time(after)
    assert places_of(rejects(fresh)) == places_of(rejects(warehouse))
    fresh.close()


def test_what_was_kept_names_no_date_person_or_refused_cell(warehouse: Warehouse) -> None:
    assert any("telephone" in problem for _, problem in rejects(warehouse))
    assert any("date" in problem for _, problem in rejects(warehouse))
    text = re.sub(r'"mark","[0-9a-f]+"|reader-[0-9a-f]+', "", kept(warehouse))  # hashes may hold any digits
    hidden = ("555-123", "1966", "2014", "1952", "Who", '"93', "large", "IIIb", "alpha", "Secret", "draft", "too many")
    assert [cell for cell in hidden if cell in text] == []
    for shown in ('"S1"', '"m"', '"4.2"', '"<1.5"', '">=90"'):
        assert shown in text


def test_the_same_again_is_the_same_document_and_retracting_removes_it(warehouse: Warehouse, table: Path) -> None:
    decide(warehouse, "Sex=X", "ncit:C20197")
    assert rederive(warehouse, "trial").from_files == 1
    assert rederive(warehouse, "trial").unchanged == 1
    assert len(list(warehouse.home.documents.glob("*/*.gz"))) == 2  # one more cell is kept as it is
    warehouse.retract([source.sid for source in served_through(warehouse, "trial")])
    assert list(warehouse.home.documents.glob("*/*.gz")) == []
    assert warehouse.documents.kept_of("c", "any") == []


def test_a_withdrawn_decision_takes_its_records_out_and_the_log_serves_the_one_before(warehouse: Warehouse) -> None:
    before = quads(warehouse)
    decide(warehouse, "Stage=2", verdict=Verdict.WITHDRAWN)
    rederive(warehouse, "trial")
    assert {quad.split(" ", 1)[0].rsplit("/")[-1] for quad in before - quads(warehouse)} >= {"R2C4>", "R9C4>"}
    decide(warehouse, "Stage=2", "ncit:C28054")
    rederive(warehouse, "trial")
    assert quads(warehouse) == before


def test_decisions_that_make_no_difference_read_nothing(warehouse: Warehouse) -> None:
    decide(warehouse, "column:Secret", "ncit:C28421")
    decide(warehouse, "value:Secret/alpha", "ncit:C16576")
    decide(warehouse, "Stage=2", "ncit:C28054", confidence=0.5)
    decide(warehouse, "Stage=2", "ncit:C27971", Verdict.REJECTED)
    result = rederive(warehouse, "trial")
    assert (result.unchanged, result.from_files, result.report.generation) == (1, 0, 0)
    assert warehouse.generations.current().number == 1


def test_a_new_column_needs_the_file_and_the_rest_is_read_from_what_was_kept(warehouse: Warehouse, table: Path) -> None:
    before = quads(warehouse)
    table.unlink()
    place = warehouse.home.mappings / "trial" / "map.yaml"
    place.write_text(MAP + "  Secret: {record: finding}\n", encoding="utf-8")
    decide(warehouse, "Secret", "ncit:C28108")
    result = rederive(warehouse, "trial")
    ((lacking),) = result.lacking
    assert (lacking.name, lacking.columns, lacking.kept_as_it_was) == ("table.csv", ("Secret",), False)
    assert result.exit_status == 1
    assert quads(warehouse) == before
    # a column that is now read in another way cannot be made of what was kept: the source stays as it is
    place.write_text(MAP.replace("Age: {record: measurement, unit: a}", "Age: {record: finding}"), encoding="utf-8")
    ((lacking),) = rederive(warehouse, "trial").lacking
    assert (lacking.columns, lacking.kept_as_it_was) == (("Age",), True)
    assert quads(warehouse) == before


def test_a_file_that_has_changed_is_not_read_for_what_it_was(warehouse: Warehouse, table: Path) -> None:
    table.write_text(TABLE.replace("S1,final", "S9,final"), encoding="utf-8")
    decide(warehouse, "Stage=2", "ncit:C27970")
    result = rederive(warehouse, "trial")
    assert (result.from_files, result.from_documents) == (0, 1)
    assert any("subject/c/S1>" in quad for quad in quads(warehouse))
    assert not any("subject/c/S9>" in quad for quad in quads(warehouse))


def test_a_table_beyond_the_limit_is_not_kept_and_needs_its_file(
    warehouse: Warehouse, table: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert warehouse.documents.put(["x" * 100] * 10, limit=1000) is None
    assert warehouse.documents.put(["x" * 98] * 10, limit=1000) is not None
    warehouse.documents.enter([])  # it is on the disk
    warehouse.retract([source.sid for source in served_through(warehouse, "trial")])
    monkeypatch.setattr(type(warehouse.documents), "put", lambda self, lines: None)
    ingest(warehouse, table)
    decide(warehouse, "Stage=2", "ncit:C27970")
    assert rederive(warehouse, "trial").from_files == 1
    decide(warehouse, "Stage=2", "ncit:C28054", confidence=0.2)
    decide(warehouse, "Stage=2", "ncit:C27971")
    table.unlink()
    ((lacking),) = rederive(warehouse, "trial").lacking
    assert lacking.kept_as_it_was


def test_backup_and_restore_keep_documents_maps_and_decisions(
    warehouse: Warehouse, table: Path, tmp_path: Path
) -> None:
    decide(warehouse, "Stage=2", "ncit:C27970")
    keeping.backup(warehouse.home, tmp_path / "saved.tar")
    keeping.restore(tmp_path / "saved.tar", Home(tmp_path / "elsewhere"))
    table.unlink()
    restored = Warehouse.open(tmp_path / "elsewhere")
    restored.rebuild()
    assert rederive(restored, "trial").from_documents == 1
    rederive(warehouse, "trial")
    assert quads(restored) == quads(warehouse)
    restored.close()


def test_a_redcap_project_whose_folder_is_gone_follows_from_what_was_kept(tmp_path: Path) -> None:
    golden = Path(__file__).parent / "redcap" / "raw"
    folder = tmp_path / "project"
    shutil.copytree(golden, folder)
    shutil.copytree(golden / "trial", tmp_path / "var" / "mappings" / "trial")
    (tmp_path / "var" / "terms.db").write_bytes(terms())
    warehouse = Warehouse.open(tmp_path / "var")
    files = tuple(str(path) for path in sorted(folder.glob("*.csv")))
    run(warehouse, [Job(locators=files, collection="c", mapping="trial")])
    before = quads(warehouse)
    row = next(
        row for row in Steward(warehouse).library.get("trial").decisions.rows if row.value and row.term != NO_TERM
    )
    shutil.rmtree(folder)
    decide(warehouse, f"{row.subject}", verdict=Verdict.NO_TERM)
    result = rederive(warehouse, "trial")
    assert (result.from_documents, result.lacking) == (1, [])
    assert records_of(quads(warehouse)) == records_of(before)
    changed = {quad.split(" ")[2] for quad in before - quads(warehouse)}
    assert changed == {f"<{expand(row.term)}>"}
    warehouse.close()


def test_nothing_stays_kept_of_a_source_that_did_not_come_in(warehouse: Warehouse, tmp_path: Path) -> None:
    class Document:
        mapping, again, size = "trial", None, 0

        def lines(self, _refused: object, _days: object) -> Iterator[str]:
            yield "kept of a broken source"

    def read(_locators: Iterator[str], context: Context) -> Iterator[Yield]:
        yield SourceRecord(
            kind="table",
            name="b.csv",
            digest="b" * 64,
            locator="b.csv",
            data_class=DataClass.CLINICAL,
            recipe="trial@1",
        )
        yield Measurement(key="R2C2", subject="S1", variable=ncit.LONGEST_DIAMETER, lesion="of another file")
        context.keep(Document())

    before = kept(warehouse)
    broken = tmp_path / "b.csv"
    broken.touch()
    source = Source(name="table", accepts=lambda _locator: True, read=read)
    report = run(warehouse, [Job(locators=(str(broken),), collection="c", source=source)])
    assert ["refer to" in reject.problem for reject in report.rejects] == [True]
    assert kept(warehouse) == before


def test_what_was_kept_of_a_replaced_file_goes_with_it(warehouse: Warehouse, table: Path) -> None:
    (old,) = warehouse.home.documents.rglob("*.gz")
    other = table.with_name("other.csv")
    other.write_text(TABLE, encoding="utf-8")
    run(warehouse, [Job(locators=(str(other),), collection="d", mapping="trial", clock="shifted")])
    held = set(warehouse.home.documents.rglob("*.gz"))
    table.write_text(TABLE.replace("S4,final,m", "S4,final,f"), encoding="utf-8")
    assert ingest(warehouse, table).replaced == 1
    (new,) = set(warehouse.home.documents.rglob("*.gz")) - held
    assert all(path.exists() for path in held - {old}), "another collection keeps its own"
    warehouse.retract([source.sid for source in served_through(warehouse, "trial", "d")])
    assert set(warehouse.home.documents.rglob("*.gz")) == {new}
    decide(warehouse, "Sex=X", "ncit:C17998")
    table.unlink()
    assert rederive(warehouse, "trial").from_documents == 1, "what is served can be read again"
