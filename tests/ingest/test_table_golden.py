"""Golden folders of table, REDCap and ODM readers: the input and its map beside the records that must come out."""

import dataclasses
import datetime as dt
import json
import os
from decimal import Decimal
from pathlib import Path

import pytest

from ingest import odm, redcap, table
from ingest.base import Context
from ontology.records import Reject, When

HERE = Path(__file__).parent
KINDS = {"odm": odm.SOURCE, "table": table.SOURCE, "redcap": redcap.SOURCE}
CASES = sorted(folder.parent.parent for kind in KINDS for folder in (HERE / kind).glob("*/trial/map.yaml"))
LEFT_OUT = {"digest", "locator", "recipe"}


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


def records(case: Path) -> list[dict]:
    source = KINDS[case.parent.name]
    files = sorted(str(path) for path in case.iterdir() if path.suffix in {".csv", ".tsv", ".xml"})
    taken = [path for path in files if source.accepts(path)]
    assert taken == files, "the kind accepts every file of its folder"
    context = Context(collection="trial", mapping=str(case / "trial"), secret=b"secret of the test")
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
    context = Context(collection="trial", mapping=str(case / "trial"))
    files = sorted(str(path) for path in case.iterdir() if path.suffix in {".csv", ".tsv", ".xml"})
    items = list(KINDS[case.parent.name].read(iter(files), context))
    keys = [item.key for item in items if hasattr(item, "subject") and hasattr(item, "key") and hasattr(item, "raw")]
    assert len(keys) == len(set(keys))
    named = (case / "trial" / "map.yaml").read_text(encoding="utf-8")
    lines = (line for path in files for line in Path(path).read_text(encoding="cp1252").splitlines()[3:])
    cells = {cell for line in lines for cell in line.replace(";", ",").replace("\t", ",").split(",") if len(cell) > 4}
    private = {cell for cell in cells if cell not in named}
    for reject in (item for item in items if isinstance(item, Reject)):
        said = f"{reject.place} {reject.problem} {reject.wanted}"
        assert not [cell for cell in private if cell in said]
