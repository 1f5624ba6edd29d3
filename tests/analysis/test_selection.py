"""Sets out of a warehouse, through its fence, and out of an algorithm's table: with the command line, too."""

from __future__ import annotations

from pathlib import Path

import pydicom
import pytest
from typer.testing import CliRunner

from analysis.selection import NoRecordsError, Selection, of_query, selected
from analysis.writing import write_documents
from api.cli import app, main
from ingest.run import Job, run
from mappings.codes import bundled
from ontology.records import Measurement
from ontology.terms import ncit
from queries.catalogue import query
from store.warehouse import ANONYMOUS, OPERATOR, Warehouse
from tests.analysis.said import OF_AIM, read_again, said

AIM = Path(__file__).parents[1] / "ingest" / "aim"
MAP = """name: results
title: What a segmenter measured
data_class: metadata
subject: Patient
common:
  lesion: {column: Lesion}
  series: {column: Series}
  study: {column: Study}
columns:
  Volume (ml): {record: measurement, unit: ml, procedure: segmenter, site: {column: Site}}
  Mean HU: {record: measurement, unit: "[hnsf'U]", procedure: segmenter}
"""
DECISIONS = (
    "subject_id\tpredicate_id\tobject_id\tmapping_justification\n"
    "column:Volume%20(ml)\tskos:exactMatch\tncit:C25335\tsemapv:ManualMappingCuration\n"
    "column:Mean%20HU\tskos:exactMatch\tdcm:112181\tsemapv:ManualMappingCuration\n"
    "value:Site/liver\tskos:exactMatch\tncit:C12392\tsemapv:ManualMappingCuration\n"
)
ROWS = """Patient,Lesion,Study,Series,Site,Volume (ml),Mean HU
P1,T01,1.2.3,1.2.3.1,liver,2.5,61.25
P1,T02,1.2.3,1.2.3.1,liver,0.5,-12
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A warehouse with a public and a closed collection of the same annotations."""
    folder = tmp_path_factory.mktemp("home")
    warehouse = Warehouse.open(folder)
    files = (str(AIM / "aim4_tracked" / "input.xml"),)
    jobs = [
        Job(locators=files, collection=name, audience=audience)
        for name, audience in (("open", "public"), ("shut", "shut"))
    ]
    run(warehouse, jobs)
    warehouse.close()
    return folder


@pytest.fixture
def warehouse(home):
    opened = Warehouse.open(home)
    yield opened
    opened.close()


def annotate(*words):
    return CliRunner().invoke(app, ["annotate", *map(str, words)])


def test_what_was_ingested_is_written_as_it_was_read(warehouse, tmp_path):
    found = selected(warehouse, Selection(collection="open"), OPERATOR)
    write_documents(found, "aim", bundled(), tmp_path)
    again = read_again("aim", tmp_path)
    stated = [field for field in OF_AIM if field != "lesion"]
    assert said(again, *stated).total() == len(found.observations) > 5
    held = {
        (item.subject, item.variable, item.value, item.study, item.series, item.document) for item in found.observations
    }
    assert {
        (i.subject, i.variable, i.value, i.study, i.series, i.document) for i in again if hasattr(i, "variable")
    } == held


def test_what_is_written_and_ingested_again_is_a_copy(warehouse, tmp_path):
    asked = "SELECT ?m { ?m a q:Measurement ; q:primary true ; q:subject/q:collection/q:identifier 'open' }"
    before = len(warehouse.select(asked, OPERATOR).rows)
    write_documents(selected(warehouse, Selection(collection="open"), OPERATOR), "aim", bundled(), tmp_path)
    report = run(warehouse, [Job(locators=(str(tmp_path),), collection="open")])
    assert not report.rejects
    assert len(warehouse.select(asked, OPERATOR).rows) == before


def test_a_selection_is_through_the_fence(warehouse):
    assert selected(warehouse, Selection(collection="open"), ANONYMOUS).observations
    assert selected(warehouse, Selection(collection="shut"), OPERATOR).observations
    with pytest.raises(NoRecordsError, match="no observation of images"):
        selected(warehouse, Selection(collection="shut"), ANONYMOUS)


def test_a_selection_is_narrowed(warehouse):
    found = selected(
        warehouse,
        Selection(collection="open", subjects=("P-003",), lesions=("T01",), variables=(ncit.LONGEST_DIAMETER,)),
        OPERATOR,
    )
    assert {(type(item), item.variable) for item in found.observations} == {(Measurement, ncit.LONGEST_DIAMETER)}
    for nobody in ({"subjects": ("P-9",)}, {"readers": ("reader-00000000",)}, {"sources": ("other.xml",)}):
        with pytest.raises(NoRecordsError):
            selected(warehouse, Selection(collection="open", **nobody), OPERATOR)


def test_the_rows_of_a_query_are_a_set(warehouse):
    found = of_query(warehouse, query("lesion-diameters"), {"collection": "open"}, OPERATOR)
    assert {item.variable for item in found.observations} == {ncit.LONGEST_DIAMETER}
    with pytest.raises(NoRecordsError, match="returns no records"):
        of_query(warehouse, query("collection-inventory"), {}, OPERATOR)


def test_the_command_writes_what_a_collection_holds(home, tmp_path, monkeypatch):
    monkeypatch.setenv("QILIN_HOME", str(home))
    for form, suffix in (("aim", ".xml"), ("sr", ".dcm")):
        result = annotate(form, "--collection", "open", "--subject", "P-003", "-o", tmp_path / form)
        assert result.exit_code == 0, result.output
        assert {path.suffix for path in (tmp_path / form).iterdir()} == {suffix}


@pytest.fixture
def table(tmp_path):
    folder = tmp_path / "results"
    folder.mkdir()
    (folder / "map.yaml").write_text(MAP, encoding="utf-8")
    (folder / "mapping.sssom.tsv").write_text(DECISIONS, encoding="utf-8")
    (tmp_path / "results.csv").write_text(ROWS, encoding="utf-8")
    return tmp_path


def test_an_algorithms_table_becomes_a_report(table, monkeypatch):
    monkeypatch.setenv("QILIN_HOME", str(table / "var"))
    image = pydicom.Dataset()
    image.SOPClassUID, image.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.2", "1.2.3.1.7"
    image.StudyInstanceUID, image.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    image.file_meta = pydicom.dataset.FileMetaDataset()
    image.file_meta.TransferSyntaxUID = pydicom.uid.ExplicitVRLittleEndian
    (table / "images").mkdir()
    image.save_as(table / "images" / "1.dcm", enforce_file_format=True)
    result = annotate(
        "sr", table / "results.csv", "--mapping", table / "results", "--collection", "c", "--images", table / "images",
        "--deidentified", "-o", table / "out",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    found = [item for item in read_again("sr", table / "out") if isinstance(item, Measurement)]
    assert {(item.variable, item.value, item.unit, item.instance, item.study) for item in found} == {
        ("ncit:C25335", 2500, "mm3", "1.2.3.1.7", "1.2.3"),
        ("ncit:C25335", 500, "mm3", "1.2.3.1.7", "1.2.3"),
        ("dcm:112181", 61.25, "[hnsf'U]", "1.2.3.1.7", "1.2.3"),
        ("dcm:112181", -12, "[hnsf'U]", "1.2.3.1.7", "1.2.3"),
    }
    assert len({item.lesion for item in found}) == 2


def test_what_is_missing_is_said(table, monkeypatch):
    monkeypatch.setenv("QILIN_HOME", str(table / "var"))
    result = annotate(
        "aim", table / "results.csv", "--mapping", table / "results", "--collection", "c", "-o", table / "out"
    )
    assert result.exit_code == 0
    assert "names only the series" in result.stderr
    assert "4 observations" in result.stderr


def test_a_folder_that_cannot_be_is_said(home, tmp_path, monkeypatch):
    monkeypatch.setenv("QILIN_HOME", str(home))
    (tmp_path / "file").write_text("")
    for words in (["annotate", "aim", "--collection", "open"], ["forms", "aim", "ncit:C96684"]):
        result = CliRunner().invoke(app, [*words, "-o", str(tmp_path / "file" / "out")])
        assert (result.exit_code, "cannot be written" in result.stderr) == (2, True)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["aim", "--collection", "nowhere", "-o", "out"], "nothing has been ingested yet"),
        (["aim", "nothing.csv", "--collection", "c", "-o", "out"], "nothing.csv is not there"),
        (["sr", "--query", "nope", "-o", "out"], "no query 'nope'"),
        (["sr", "--collection", "c", "--variable", "ncit:C1", "-o", "out"], "is no variable"),
    ],
)
def test_errors_are_one_line(tmp_path, monkeypatch, capsys, words, message):
    monkeypatch.setenv("QILIN_HOME", str(tmp_path / "var"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["qilin", "annotate", *words])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err
