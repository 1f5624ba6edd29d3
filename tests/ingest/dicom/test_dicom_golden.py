from __future__ import annotations

import json
from pathlib import Path

import pytest

CASES = sorted(path.parent for path in Path(__file__).parent.glob("*/files.json"))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_records_of_case(case, factory, to_json):
    factory.write_case(case / "files.json")
    answered = (case / "answered").exists()  # a steward has answered all that was asked
    records = [to_json(record) for record in factory.read(released=lambda _content, _place: answered)]
    for record in records:
        if record["type"] == "SourceRecord":
            assert len(record.pop("digest")) == 64
            assert record.pop("locator").startswith(str(factory.folder))
    assert records == json.loads((case / "expected.json").read_text(encoding="utf-8"))
