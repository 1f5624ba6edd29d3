"""Texts of every format wait for a steward, who sees them, approves one, and finds it in the store."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from api.cli import app
from store.warehouse import OPERATOR, Warehouse
from tests.ingest import image_documents

HERE = Path(__file__).parent
TEXT = "Zebulon with a twist"
ATTEST = ("--attest", "Jo, today: made up")


def structures(folder: Path) -> None:
    made = image_documents.structures()
    made.StructureSetROISequence[0].ROIName = TEXT
    made.save_as(folder / "rs.dcm", enforce_file_format=True)


def parrec(folder: Path) -> None:
    text = (HERE / "parrec" / "diffusion" / "toy_3_1.par").read_text(encoding="latin-1")
    (folder / "a.par").write_text(re.sub(r"(Protocol name *: *)\S.*", rf"\1{TEXT}", text), encoding="latin-1")
    (folder / "subjects.yaml").write_text("a.par: S1\n")


def session(folder: Path) -> None:
    for name in ("session.xml", "subject.xml"):
        shutil.copy(HERE / "xnat" / "session" / name, folder)
    text = (folder / "session.xml").read_text(encoding="utf-8")
    at = text.index("<xnat:series_description>") + len("<xnat:series_description>")
    (folder / "session.xml").write_text(text[:at] + TEXT + text[text.index("<", at) :], encoding="utf-8")


def rows(folder: Path) -> None:
    (folder / "metadata.csv").write_text(
        "Series UID,Subject ID,Study UID,Modality,Study Date,Series Description\n"
        f"1.2.3.51,TOY-1,1.2.3.5,CT,04-30-1994,{TEXT}\n1.2.3.52,TOY-1,1.2.3.5,CT,04-30-1994,another\n"
    )


PLACES = {
    structures: ("label of a region", "q:label"),
    parrec: ("(0018,1030) ProtocolName", "dicom:ProtocolName"),
    session: ("(0008,103E) SeriesDescription", "dicom:SeriesDescription"),
    rows: ("(0008,103E) SeriesDescription", "dicom:SeriesDescription"),
}


def said(*words: str) -> str:
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code in {0, 1}, result.output
    return result.output


def stored(query: str) -> set[str]:
    warehouse = Warehouse.open()
    try:
        return {row[0].value for row in warehouse.select(query, OPERATOR).rows if row[0] is not None}
    finally:
        warehouse.close()


@pytest.mark.parametrize("make", PLACES, ids=lambda make: make.__name__)
def test_a_text_is_shown_approved_and_taken_back(make, tmp_path, monkeypatch):
    monkeypatch.setenv("QILIN_HOME", str(tmp_path / "home"))
    place, prop = PLACES[make]
    folder = tmp_path / "in"
    folder.mkdir()
    make(folder)
    ingest = ("ingest", str(folder), "--collection", "toys", *ATTEST)
    said(*ingest)
    texts = f"SELECT ?text WHERE {{ ?x {prop} ?text }}"
    assert TEXT not in stored(texts)
    asked = [entry for entry in json.loads(said("quarantine", "list", "--json")) if entry["place"] == place]
    assert TEXT not in str(asked)
    shown = json.loads(said("quarantine", "text", *(str(entry["id"]) for entry in asked), "--json"))
    [number] = [item["id"] for item in shown if item["text"] == TEXT]
    said("quarantine", "release", str(number), "--by", "Jo", "--reason", "nobody")
    said(*ingest)
    assert stored(texts) & {TEXT, "another"} == {TEXT}
    assert number not in {entry["id"] for entry in json.loads(said("quarantine", "list", "--json"))}
    [release] = json.loads(said("quarantine", "releases", "--json"))
    said("quarantine", "take-back", str(release["id"]), "--by", "Jo", "--reason", "it is somebody")
    said(*ingest)
    assert TEXT not in stored(texts)


def test_of_a_date_the_year_can_be_asked_for_and_nothing_more_stands_in_the_store(tmp_path, monkeypatch):
    monkeypatch.setenv("QILIN_HOME", str(tmp_path / "home"))
    folder = tmp_path / "in"
    folder.mkdir()
    rows(folder)
    said("ingest", str(folder), "--collection", "toys", *ATTEST)
    assert stored("SELECT ?year WHERE { ?study a q:Study ; q:year ?year }") == {"1994"}
    days = stored("SELECT ?day WHERE { ?study a q:Study ; q:day ?day }")
    assert days
    assert all(abs(int(day)) < 10 for day in days), "counted from the subject's own start"
    literals = stored("SELECT (STR(?o) AS ?text) WHERE { ?s ?p ?o FILTER(isLiteral(?o)) }")
    assert not [text for text in literals if "1994-" in text or "199404" in text or "04-30" in text]
