"""A name planted in every text of a document, one at a time, whatever its kind: none of what a run leaves holds it.

Images have a test of their own (`tests/ingest/dicom/test_dicom_planted.py`); here are the documents about images, and
the other formats and archives.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from lxml import etree
from pydicom.dataelem import DataElement
from pydicom.dataset import Dataset
from typer.testing import CliRunner

from api.app import create_app
from api.cli import app
from store.warehouse import Warehouse
from tests.ingest import image_documents, sr_documents
from tests.ingest.held import told_in

HERE = Path(__file__).parent
NAME = "Quarxley^Zebulon"
SECRETS = ["quarxley", "zebulon"]
TEXTS = {"CS", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "AE", "AS", "DA", "DT", "TM"}
"""The value representations that hold text; UIDs are what identifies the objects of a file."""
MARKS = {"PatientIdentityRemoved", "DeidentificationMethod", "SOPClassUID"}


def elements(dataset: Dataset, within: str = "") -> Iterator[tuple[str, DataElement]]:
    """The elements with text, at any depth, each with the sequence in which it stands."""
    for element in dataset:
        if element.VR == "SQ":
            for item in element.value:
                yield from elements(item, element.keyword)
        elif element.VR in TEXTS and element.keyword not in MARKS:
            yield f"{within} {element.keyword}", element


def dicom(make: Callable[[], Dataset]) -> Callable[[Path], int]:
    """Writes the variants of a DICOM object, each with the name in place of another of its texts."""

    def write(folder: Path) -> int:
        places = dict.fromkeys(place for place, _ in elements(make()))
        for number, wanted in enumerate(places):
            variant = make()
            for element in [element for place, element in elements(variant) if place == wanted]:
                element.value = NAME.upper() if element.VR == "CS" else NAME
            variant.SOPInstanceUID = f"1.2.999.{number}"
            variant.save_as(folder / f"{number:03}.dcm", enforce_file_format=True)
        return len(places)

    return write


def place_name(element: Any, attribute: str | None) -> str:
    """What tells the texts of a kind: the element, the one around it, and the attribute."""
    around = element.getparent()
    return f"{'' if around is None else around.tag} {element.tag} {attribute}"


def xml(path: Path) -> Callable[[Path], int]:
    """Writes the variants of an XML document."""

    def write(folder: Path) -> int:
        def places(root: Any) -> list[tuple[Any, str | None]]:
            found: list[tuple[Any, str | None]] = []
            for element in root.iter(etree.Element):
                found += [(element, name) for name in element.attrib if "schemaLocation" not in name]
                found += [(element, None)] if (element.text or "").strip() else []
            return found

        content = path.read_bytes()
        names = dict.fromkeys(place_name(*place) for place in places(etree.fromstring(content)))
        for number, wanted in enumerate(names):
            root = etree.fromstring(content)
            for element, name in [place for place in places(root) if place_name(*place) == wanted]:
                if name is None:
                    element.text = NAME
                else:
                    element.set(name, NAME)
            (folder / f"{number:03}.xml").write_bytes(etree.tostring(root))
        return len(names)

    return write


def in_json(path: Path) -> Callable[[Path], int]:
    """Writes the variants of a JSON document."""

    def write(folder: Path) -> int:
        def places(held: Any) -> Iterator[tuple[Any, Any]]:
            for key, value in held.items() if isinstance(held, dict) else enumerate(held):
                if isinstance(value, str):
                    yield held, key
                elif isinstance(value, dict | list):
                    yield from places(value)

        whole = path.read_text(encoding="utf-8")
        names = dict.fromkeys(key for _, key in places(json.loads(whole)))
        for number, wanted in enumerate(names):
            variant = json.loads(whole)
            for held, key in [place for place in places(variant) if place[1] == wanted]:
                held[key] = NAME
            (folder / f"{number:03}.json").write_text(json.dumps(variant), encoding="utf-8")
        return len(names)

    return write


def lines(path: Path, value: str) -> Callable[[Path], int]:
    """Writes the variants of a file of lines; ``value`` finds what of a line is a value."""

    def write(folder: Path) -> int:
        whole = path.read_text(encoding="latin-1")
        found = list(re.finditer(value, whole, re.MULTILINE))
        for number, match in enumerate(found):
            text = whole[: match.start(1)] + NAME + whole[match.end(1) :]
            (folder / f"{number:03}{path.suffix}").write_text(text, encoding="latin-1")
        subjects = path.with_name("subjects.yaml")
        if subjects.exists():
            spoken = subjects.read_text(encoding="utf-8")
            own = {f"{number:03}{path.suffix}" for number in range(len(found))}
            named = "\n".join(re.sub(re.escape(path.name), name, spoken) for name in sorted(own)[:1])
            (folder / "subjects.yaml").write_text(named, encoding="utf-8")
        return len(found)

    return write


def beside(path: Path, write: Callable[[Path], int]) -> Callable[[Path], int]:
    """Writes variants, and as it is a file that they need."""

    def both(folder: Path) -> int:
        shutil.copy(path, folder / f"whole{path.suffix}")
        return write(folder)

    return both


WRITERS: dict[str, Callable[[Path], int]] = {
    "sr": dicom(sr_documents.bidirectional),
    "sr-aim": dicom(sr_documents.aim),
    "sr-words": dicom(sr_documents.words),
    "seg": dicom(image_documents.binary),
    "rtstruct": dicom(image_documents.structures),
    "rtdose": dicom(image_documents.dose),
    "rtplan": dicom(image_documents.plan),
    "rwv": dicom(image_documents.value_map),
    "aim-xml": xml(next((HERE / "aim" / "aim4_epad").glob("*.xml"))),
    "aim3-xml": xml(next((HERE / "aim" / "aim3_target_lesion").glob("*.xml"))),
    "aim-json": in_json(next(p for p in (HERE / "aim" / "epad_json").glob("*.json") if p.name != "expected.json")),
    "nbia": in_json(next(p for p in (HERE / "nbia" / "series").glob("*.json") if p.name != "expected.json")),
    "xnat": beside(HERE / "xnat" / "pet" / "subject.xml", xml(HERE / "xnat" / "pet" / "session.xml")),
    "xnat-json": in_json(HERE / "xnat" / "items" / "session.json"),
    "par": lines(HERE / "parrec" / "diffusion" / "toy_3_1.par", r"^\.[^:\n]*: *(\S.*)$"),
    "nrrd": lines(next(p for p in (HERE / "nrrd" / "detached").glob("*.nhdr")), r"^[^#\n]*?:=? *(\S.*)$"),
}


PLANTED = ["quarxley", "zebulon", "19230417", "1923-04-17", "q4711471", "sankt quarx"]
"""What the report below is full of: a person's names, a date, a number, a hospital."""
ABOUT = ("121008", "DCM", "Person Observer Name")
HOSPITAL = ("121009", "DCM", "Person Observer's Organization Name")
LOGIN = ("128774", "DCM", "Person Observer's Login Name")
BORN = ("121031", "DCM", "Subject Birth Date")
SUBJECT = ("121029", "DCM", "Subject Name")
SUBJECT_ID = ("121030", "DCM", "Subject ID")
COMMENT = ("121106", "DCM", "Comment")


PAGES = ("/", "/collections/toys", "/subjects", "/subjects/toys/S-01", "/nothing", "/sparql?query=SELECT")


def identified_items() -> list[Dataset]:
    """Content items that say who the patient is, who read the images and where."""
    sr = sr_documents
    texts = ("Quarxley", "Zebulon of Sankt Quarx", "born 1923-04-17", "MRN Q4711471", NAME)
    meanings = (NAME, "Dr. Quarxley", "Deborah Quarxley", "MRN Q4711471", "seen 1923-04-17")
    return [
        *(sr.text(name, NAME, kind="PNAME") for name in (ABOUT, SUBJECT)),
        *(sr.text(name, "Sankt Quarx Hospital") for name in (HOSPITAL, COMMENT)),
        *(sr.text(name, value) for name in (LOGIN, SUBJECT_ID, COMMENT, sr.FINDING) for value in texts),
        *(sr.text(name, "19230417", kind="DATE") for name in (BORN, COMMENT)),
        sr.item("DATETIME", "CONTAINS", COMMENT, DateTime="19230417120000"),
        *(sr.coded(sr.FINDING, ("Q1", "99QUARX", meaning)) for meaning in meanings),
        *(sr.coded(("Q2", "99QUARX", meaning), ("52988006", "SCT", "Lesion")) for meaning in meanings),
        *(sr.number(("Q3", "99QUARX", meaning), "12", ("mm", "UCUM", meaning)) for meaning in meanings),
        *(sr.coded(sr.SITE, ("T-62000", "SRT", meaning)) for meaning in meanings),
    ]


def identified_report(deep: int) -> Dataset:
    """A report with those items beside a measurement, and once more within containers."""
    sr = sr_documents
    held = sr.container(sr.GROUP, *identified_items())
    for _ in range(deep):
        held = sr.container(("Q4", "99QUARX", "Deborah Quarxley"), held)
    tracked = sr.tracked("Lesion 1", "1.2.826.0.1.3680043.10.999.77")
    measured = sr.number(("410668003", "SCT", "Length"), "12", sr.MM)
    return sr.document(sr.measured_report(sr.container(sr.GROUP, *tracked, *identified_items(), measured), held))


@pytest.mark.filterwarnings("ignore")
def test_identifiers_in_the_content_of_a_report_never_leave_it(tmp_path, monkeypatch, caplog):
    folder, home, temporary = (tmp_path / name for name in ("in", "var", "tmp"))
    folder.mkdir()
    temporary.mkdir()
    monkeypatch.setenv("QILIN_HOME", str(home))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    for number, deep in enumerate((0, 1, 5, 12)):
        report = identified_report(deep)
        report.SOPInstanceUID = report.file_meta.MediaStorageSOPInstanceUID = f"1.2.999.{number}"
        report.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    marked = sr_documents.bidirectional()
    marked.InstitutionName, marked.VerifyingObserverSequence = "Sankt Quarx Hospital", [Dataset()]
    marked.VerifyingObserverSequence[0].VerifyingObserverName = NAME
    marked.SOPInstanceUID = marked.file_meta.MediaStorageSOPInstanceUID = "1.2.999.9"
    marked.save_as(folder / "9.dcm", enforce_file_format=True)
    caplog.clear()
    ingest = ["ingest", str(folder), "--collection", "toys", "--audience", "public", "--attest", "Jo, today: made up"]
    said = [run(*ingest), run("quarantine", "list", "--json")]
    entries = [entry for entry in json.loads(said[1]) if entry["content"] and not entry["review"]]
    assert {entry["place"].rpartition(" ")[2] for entry in entries} >= {"InstitutionName"}
    for _ in range(3):  # all that may be released of the files is: what identifies is not stored then either
        if ids := [str(entry["id"]) for entry in entries]:
            said += [run("quarantine", "release", *ids, "--by", "Jo", "--reason", "a test"), run(*ingest)]
            entries = [e for e in json.loads(run("quarantine", "list", "--json")) if e["content"] and not e["review"]]
    with caplog.at_level(logging.DEBUG), closing(Warehouse.open(home)) as warehouse:
        web = TestClient(create_app(warehouse), raise_server_exceptions=False)
        answers = [web.get(path) for path in PAGES]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 404, 400]
        assert len(warehouse.control.sources()) == 5
        said += [answer.text for answer in answers]
    assert told_in(home, PLANTED) == []
    assert list(temporary.iterdir()) == []
    spoken = (caplog.text + "".join(said)).lower()
    assert [secret for secret in PLANTED if secret in spoken] == []


def run(*words: str) -> str:
    """What a command says."""
    result = CliRunner().invoke(app, list(words))
    assert result.exit_code in {0, 1}, result.output
    return result.output


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
def test_a_name_in_a_text_of_a_document_never_leaves_it(zipped, tmp_path, monkeypatch, caplog):
    folder, home, temporary = (tmp_path / name for name in ("in", "var", "tmp"))
    temporary.mkdir()
    monkeypatch.setenv("QILIN_HOME", str(home))
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    for kind in ("rwv", "aim-xml", "par") if zipped else WRITERS:
        (folder / kind).mkdir(parents=True)
        assert WRITERS[kind](folder / kind) > 5
    place = folder
    if zipped:
        place = tmp_path / "in.zip"
        with zipfile.ZipFile(place, "w") as packed:
            for path in sorted(folder.rglob("*")):
                packed.write(path, path.relative_to(folder))
        shutil.rmtree(folder)
    words = ["ingest", str(place), "--collection", "toys", "--attest", "Jo, 2026-01-02: made up"]
    caplog.clear()  # pydicom's own words while the files were made
    with caplog.at_level(logging.DEBUG):
        said = [CliRunner().invoke(app, words), CliRunner().invoke(app, ["quarantine", "list", "--json"])]
    assert said[0].exit_code in {0, 1}, said[0].output
    assert said[1].exit_code == 0
    assert told_in(home, SECRETS) == []
    assert list(temporary.iterdir()) == []
    spoken = (caplog.text + "".join(result.output for result in said)).lower()
    assert [secret for secret in SECRETS if secret in spoken] == []
