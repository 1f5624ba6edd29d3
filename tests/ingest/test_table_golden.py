"""Golden folders of table, REDCap and ODM readers: the input and its map beside the records that must come out."""

import dataclasses
import datetime as dt
import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from ingest import biotab, cbioportal, filemaker, gdc, sas
from ingest.base import Context
from ingest.odm import reader as odm
from ingest.redcap import reader as redcap
from ingest.table import reader as table
from mappings.tables import table_map, table_maps
from ontology.records import Reject, SourceRecord, When

HERE = Path(__file__).parent
KINDS = {
    "biotab": biotab.SOURCE,
    "cbioportal": cbioportal.SOURCE,
    "filemaker": filemaker.SOURCE,
    "gdc": gdc.SOURCE,
    "odm": odm.SOURCE,
    "redcap": redcap.SOURCE,
    "sas": sas.SOURCE,
    "table": table.SOURCE,
}
SUFFIXES = {".csv", ".tsv", ".txt", ".xml", ".xpt"}
CASES = sorted(path.parent for kind in KINDS for path in (HERE / kind).glob("*/expected.json"))
LEFT_OUT = {"digest", "locator", "recipe", "extent"}


def plain(value):
    if isinstance(value, When):
        return [plain(value.first), plain(value.last), value.clock]
    if isinstance(value, dt.date | Decimal):
        return str(value)
    return value


def shown(item):
    """A record as JSON: its type and what it says; what it leaves at its default is left out."""
    fields = {field.name: field.default for field in dataclasses.fields(item) if field.name not in LEFT_OUT}
    said = {name: plain(getattr(item, name)) for name, default in fields.items() if getattr(item, name) != default}
    return {"type": type(item).__name__, **said}


def mapping(case: Path) -> str | None:
    """The case's own map, or None where a map that Qilin brings must fit the file."""
    return str(case / "trial") if (case / "trial").is_dir() else None


def files_of(case: Path) -> list[str]:
    return sorted(str(path) for path in case.iterdir() if path.suffix in SUFFIXES)


def records(case: Path) -> list[dict]:
    source = KINDS[case.parent.name]
    files = files_of(case)
    taken = [path for path in files if source.accepts(path)]
    assert taken == files, "the kind accepts every file of its folder"
    context = Context(collection="trial", mapping=mapping(case), secret=b"secret of the test")
    return [shown(item) for item in source.read(iter(taken), context)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_golden(case):
    expected = case / "expected.json"
    found = records(case)
    if os.environ.get("QILIN_WRITE_GOLDEN"):
        lines = ",\n".join(json.dumps(item, ensure_ascii=False) for item in found)
        expected.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    assert found == json.loads(expected.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_keys_are_unique_and_rejects_repeat_no_cell(case):
    context = Context(collection="trial", mapping=mapping(case))
    files = files_of(case)
    items = list(KINDS[case.parent.name].read(iter(files), context))
    keys = [item.key for item in items if hasattr(item, "subject") and hasattr(item, "key") and hasattr(item, "raw")]
    assert len(keys) == len(set(keys))
    recipe = next((item.recipe for item in items if isinstance(item, SourceRecord)), "")
    chosen = mapping(case) or recipe.partition("@")[0]
    folder = table_map(chosen).decisions.path.parent if chosen in table_maps() or mapping(case) else None
    named = (folder / "map.yaml").read_text(encoding="utf-8") if folder else ""
    lines = (line for path in files for line in Path(path).read_text(encoding="cp1252").splitlines()[3:])
    cells = {cell for line in lines for cell in line.replace(";", ",").replace("\t", ",").split(",") if len(cell) > 4}
    private = {cell for cell in cells if cell not in named}
    for reject in (item for item in items if isinstance(item, Reject)):
        said = f"{reject.place} {reject.problem} {reject.wanted}"
        assert not [cell for cell in private if cell in said]
