"""A file that is held back, released by a steward, taken in by the next ingest, and held back again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pydicom
import pytest
from typer.testing import CliRunner

from api.cli import app
from api.console import reject_lines
from ingest.dicom.header import read_header
from ontology.records import Reject
from store.warehouse import OPERATOR, Warehouse
from tests.ingest import sr_documents


def qilin(*words: object) -> Any:
    return CliRunner().invoke(app, list(map(str, words)))


def instances() -> int:
    rows = Warehouse.open().select("SELECT (SUM(?n) AS ?all) { ?s q:instanceCount ?n }", OPERATOR).rows
    assert rows[0][0] is not None
    return int(rows[0][0].value)


def test_release_ingest_and_take_back(factory, tmp_path, monkeypatch):
    monkeypatch.setenv("QILIN_HOME", str(tmp_path.parent / f"{tmp_path.name}-var"))
    factory.write("1.dcm", 1)
    for number in (2, 3):
        factory.write(f"{number}.dcm", number, BurnedInAnnotation="YES")
    factory.write("4.dcm", 4, PatientID="Roe^Jane", PatientName="")
    ingest = ("ingest", tmp_path, "--collection", "toys")
    signed = ("--by", "Jo", "--reason", "looked at the pixels")
    assert qilin(*ingest).exit_code == 1
    assert instances() == 1
    entries = {entry["name"]: entry["id"] for entry in json.loads(qilin("quarantine", "list", "--json").stdout)}
    assert sorted(entries) == ["2.dcm", "3.dcm", "4.dcm"]
    assert isinstance(qilin("quarantine", "release", entries["4.dcm"], *signed).exception, ValueError)
    assert qilin("quarantine", "release", entries["2.dcm"], *signed, "--alike").exit_code == 0
    qilin(*ingest)
    assert instances() == 3
    assert [entry["name"] for entry in json.loads(qilin("quarantine", "list", "--json").stdout)] == ["4.dcm"]
    [first, _] = json.loads(qilin("quarantine", "releases", "--json").stdout)
    assert (first["by"], first["reason"]) == ("Jo", "looked at the pixels")
    assert qilin("quarantine", "take-back", first["id"], *signed).exit_code == 0
    qilin(*ingest)
    assert instances() == 2


def test_a_report_is_released_as_an_image_is(tmp_path, monkeypatch):
    """A name that a steward knows to be nobody's lets a document of its own in too."""
    monkeypatch.setenv("QILIN_HOME", str(tmp_path.parent / f"{tmp_path.name}-var"))
    sr_documents.bidirectional().save_as(path := tmp_path / "report.dcm", enforce_file_format=True)
    named = pydicom.dcmread(path)
    named.PatientName = "Lung Phantom Two"
    named.save_as(path)
    ingest, signed = ("ingest", path, "--collection", "toys"), ("--by", "Jo", "--reason", "a phantom")

    def measured() -> int:
        return len(Warehouse.open().select("SELECT ?m { ?m a q:Measurement }", OPERATOR).rows)

    assert qilin(*ingest).exit_code == 1
    [entry] = json.loads(qilin("quarantine", "list", "--json").stdout)
    assert entry["place"] == "(0010,0010) PatientName"
    assert qilin("quarantine", "release", entry["id"], *signed).exit_code == 0
    qilin(*ingest)
    assert measured() == 2


@pytest.mark.parametrize("words", [["99"], []])
def test_an_entry_that_is_not_there_is_wrong_usage(tmp_path, monkeypatch, words):
    monkeypatch.setenv("QILIN_HOME", str(tmp_path / "var"))
    assert qilin("quarantine", "release", *words, "--by", "Jo", "--reason", "x").exit_code == 2


def test_alike_problems_are_one_line_one_text_and_one_release(factory, tmp_path, monkeypatch):
    monkeypatch.setenv("QILIN_HOME", str(tmp_path.parent / f"{tmp_path.name}-var"))
    for number in range(1, 6):
        factory.write(f"{number}.dcm", number, BurnedInAnnotation="YES")
    factory.write("6.dcm", 6, PatientID="Roe^Jane", PatientName="")
    said = qilin("ingest", tmp_path, "--collection", "toys").stderr
    assert "quarantined: 1.dcm, 2.dcm, 3.dcm and 2 more: (0028,0301) BurnedInAnnotation" in said
    assert "5 of the quarantined a steward may release" in said
    groups = json.loads(qilin("quarantine", "list", "--alike", "--json").stdout)
    assert sorted((group["place"].split()[-1], group["entries"]) for group in groups) == [
        ("BurnedInAnnotation", 5),
        ("PatientID", 1),
    ]
    [number] = [str(group["id"]) for group in groups if group["entries"] == 5]
    assert f"{number}\ttoys\t5\t" in qilin("quarantine", "list", "--alike").stdout
    assert "5 released" in qilin("quarantine", "release", number, "--alike", "--by", "Jo", "--reason", "seen").stderr


def test_what_an_archive_says_of_instances_is_alike():
    rejects = [
        Reject(name=f"series {n}", place="PatientName", problem=f"reads as a name (instance 1.2.{n})", wanted="nothing")
        for n in range(3)
    ]
    assert list(reject_lines(rejects)) == [
        "rejected: series 0, series 1, series 2: PatientName: reads as a name; wanted: nothing"
    ]


def test_many_texts_are_shown_with_each_file_read_once_and_approved_but_for_some(factory, tmp_path, monkeypatch):
    monkeypatch.setenv("QILIN_HOME", str(tmp_path.parent / f"{tmp_path.name}-var"))
    for number in range(12):
        series = {"SeriesInstanceUID": f"1.2.3.1.{number}", "SeriesDescription": f"text {number // 2}"}
        factory.write(f"{number:02}.dcm", number + 1, **series)
    ingest = ("ingest", tmp_path, "--collection", "toys")
    qilin(*ingest)
    [group] = json.loads(qilin("quarantine", "list", "--alike", "--json").stdout)
    assert group["entries"] == 6
    read: list[str] = []

    def counted(path: Path, keywords: Any) -> Any:
        read.append(path.name)
        return read_header(path, keywords)

    monkeypatch.setattr("ingest.gate.shown.read_header", counted)
    texts = json.loads(qilin("quarantine", "text", group["id"], "--alike", "--json").stdout)
    assert [item["text"] for item in texts] == [f"text {number}" for number in range(6)]
    assert len(read) == len(set(read))
    refused = next(item["id"] for item in texts if item["text"] == "text 4")
    signed = ("--by", "Jo", "--reason", "read them")
    said = qilin("quarantine", "release", group["id"], "--alike", "--except", refused, *signed)
    assert "5 released" in said.stderr
    qilin(*ingest)
    rows = Warehouse.open().select("SELECT ?t { ?s dicom:SeriesDescription ?t }", OPERATOR).rows
    assert sorted(row[0].value for row in rows if row[0]) == sorted(f"text {n}" for n in (0, 1, 2, 3, 5) for _ in "ab")
    [left] = json.loads(qilin("quarantine", "list", "--json").stdout)
    assert left["id"] == refused
