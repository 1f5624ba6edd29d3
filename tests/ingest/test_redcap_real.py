"""The published REDCap projects of the shared folder: dictionary, CSV and XML give the same records."""

from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from ingest.base import Context
from ingest.odm import reader as odm
from ingest.odm.metadata import read_study
from ingest.redcap import reader as redcap
from ingest.redcap.dictionary import read_dictionary
from ingest.redcap.reader import dictionary_of
from ingest.run import Job, run
from ingest.sources import accepting
from ontology.records import Reject, SourceRecord
from store.warehouse import OPERATOR, Warehouse

CLINICAL = Path(__file__).parents[2].parent / "shared" / "data" / "clinical"
pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not CLINICAL.is_dir(), reason="../shared/data is not present"),
]
PROJECTS = CLINICAL / "redcap_redcapr" / "projects"
BOTH = (
    sorted(path.parent.name for path in PROJECTS.glob("*/data.csv") if (path.parent / "project.xml").is_file())
    if CLINICAL.is_dir()
    else []
)

UNLIKE = {
    "arm-multiple-delete": "the XML is of a later state: records 102, 103, 105 and 120 have lost an event",
    "arm-single-delete": "the XML is of a later state: records 102, 103, 105 and 120 are deleted",
    "survey": "the XML is of a copy of the project, with other times of entry",
}
"""Projects whose two exports are not of the same state."""
KINDS = {"number": "measurement", "integer": "measurement"}


def everything(dictionary, folder):
    """A map that reads every field that may be read: choices and texts as written, numbers and dates as such."""
    columns = {}
    for name, field in dictionary.fields.items():
        if field.closed or name == dictionary.subject or field.type == "descriptive":
            continue
        if field.type == "checkbox":
            columns |= {
                column: {"record": "finding", "type": "integer", "variable": "ncit:C3367"} for column in field.columns()
            }
        elif field.validation.startswith("date"):
            columns[name] = {"record": "event", "kind": "ncit:C15220"}
        elif field.validation.startswith(("number", "integer")) or field.type == "calc":
            columns[name] = {"record": "measurement", "variable": "ncit:C3367"}
        else:
            columns[name] = {"record": "finding", "keep_unmapped": True, "variable": "ncit:C3367"}
    entries = {name: {**entry, "optional": True} for name, entry in columns.items()}
    said = {"name": "all", "title": "Everything", "subject": dictionary.subject, "columns": entries}
    if "interview_date" in columns:
        said["dates"] = {"collection": "interview_date"}
    if "date_bp" in columns:
        said |= {"dates": {"bp": "date_bp", "demographics": "date_enrolled"}}
    (folder / "all").mkdir()
    (folder / "all" / "map.yaml").write_text(yaml.safe_dump(said), encoding="utf-8")
    return str(folder / "all")


def read(path, mapping):
    source = odm.SOURCE if path.suffix == ".xml" else redcap.SOURCE
    assert source.accepts(str(path))
    return list(source.read(iter([str(path)]), Context(collection="trial", mapping=mapping)))


def facts(items):
    """What is said, in any order: row and column differ where one export holds a column that the other lacks."""
    return sorted(
        repr(replace(item, key="", raw=" ".join(item.raw.split()) if getattr(item, "raw", None) else None))
        for item in items
        if not isinstance(item, SourceRecord | Reject)
    )


@pytest.mark.parametrize("name", BOTH)
def test_csv_and_xml_of_a_project_give_the_same_records(name, tmp_path):
    folder = PROJECTS / name
    dictionary = dictionary_of(folder / "data.csv")
    mapping = everything(dictionary, tmp_path)
    from_csv, from_xml = (facts(read(folder / file, mapping)) for file in ("data.csv", "project.xml"))
    if name in UNLIKE:
        assert len(from_xml) <= len(from_csv)
        assert set(from_xml) <= set(from_csv)
    else:
        assert from_csv == from_xml
    if name not in {"dag", "dag-write", "checkboxes-1", "nonnumeric-record-id"}:  # the last holds names alone
        assert from_csv, "there is something to compare"


@pytest.mark.parametrize(
    ("name", "said", "taken"),
    # of the last the XML lacks rows: nothing tells whether they were deleted
    [
        ("simple", 65, 1),
        ("arm-single-longitudinal", 9, 1),
        ("repeating-instruments", 16, 1),
        ("arm-single-delete", 20, 0),
    ],
)
def test_two_exports_of_a_project_count_once(name, said, taken, tmp_path):
    mapping = everything(dictionary_of(PROJECTS / name / "data.csv"), tmp_path)
    warehouse = Warehouse.open(tmp_path / "var")
    served = "SELECT (COUNT(?m) AS ?n) { ?m a q:Observation ; q:primary true }"
    try:
        for file, replaced in (("data.csv", 0), ("project.xml", taken), ("data.csv", 0)):
            job = Job(locators=(str(PROJECTS / name / file),), collection="trial", mapping=mapping)
            assert run(warehouse, [job]).replaced == replaced
            assert warehouse.select(served, OPERATOR).rows[0][0].value == str(said)
    finally:
        warehouse.close()


@pytest.mark.parametrize("name", BOTH)
def test_dictionary_and_xml_say_the_same_of_fields(name):
    folder = PROJECTS / name
    from_csv, from_xml = dictionary_of(folder / "data.csv").fields, read_study(folder / "project.xml").dictionary.fields
    changed = {"age"} if name in {"metadata-write", "repeating-instruments-sparse"} else set()
    for field in from_csv.values():
        other = from_xml[field.name]
        same = ("form", "choices", "closed", "element", "annotation", "note")
        assert [getattr(field, attribute) for attribute in same] == [getattr(other, attribute) for attribute in same]
        if field.name not in changed:
            assert (field.type, field.validation, field.decimal) == (other.type, other.validation, other.decimal)


def test_a_longitudinal_project_has_visits_and_days(tmp_path):
    folder = PROJECTS / "arm-single-longitudinal"
    mapping = everything(dictionary_of(folder / "data.csv"), tmp_path)
    weights = [
        item for item in read(folder / "project.xml", mapping) if getattr(item, "raw", None) in {"11", "12", "13"}
    ]
    told = [(item.subject, str(item.when.first), item.visit, item.visit_label) for item in weights]
    assert told == [
        ("1", "2001-01-01", 0, "intake_arm_1"),
        ("1", "2001-01-02", 1, "dischage_arm_1"),
        ("1", "2001-01-03", 2, "follow_up_arm_1"),
    ]


def test_every_file_is_read_or_refused_with_a_reason():
    files = [
        path for kind in ("redcap_redcapr", "redcap_pycap", "redcap_cancer") for path in (CLINICAL / kind).rglob("*")
    ]
    kinds = {}
    for path in filter(Path.is_file, files):
        source = accepting(str(path))
        kinds.setdefault(source.name if source else None, []).append(path)
    assert {None: [path.name for path in kinds.pop(None)]} == {None: ["data.txt"]}
    assert {name: len(paths) for name, paths in kinds.items()} == {"odm": 22, "redcap": 45}
    for name, paths in kinds.items():
        source = {"odm": odm.SOURCE, "redcap": redcap.SOURCE}[name]
        items = list(source.read(iter(map(str, sorted(paths))), Context(collection="trial")))
        assert {type(item) for item in items} == {Reject}, "nothing is annotated, so nothing comes in without a map"
        assert {item.problem for item in items} <= {
            "no table map fits",
            "a data dictionary without its export",
            "the document defines forms and holds no data",
        }


def test_a_very_wide_dictionary_is_read_from_its_archive():
    dictionary = read_dictionary(
        CLINICAL / "redcap_redcapr" / "super-wide-metadata" / "super-wide-metadata-dictionary.zip"
    )
    assert len(dictionary.fields) > 3000
    assert dictionary.subject == "record_id"
    assert not [field.name for field in dictionary.fields.values() if "<" in "".join(field.choices.values())]
