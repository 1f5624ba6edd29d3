"""The real annotations of AIM 3, AIM 4, ePAD's JSON and ePAD's server, counted against an independent walk."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from lxml import etree

from ingest.aim.reader import accepts, read
from ingest.base import Context
from ontology.records import (
    Finding,
    Lesion,
    LesionFacts,
    Measurement,
    Observation,
    RegionFacts,
    Reject,
    Response,
    SourceRecord,
)
from ontology.terms import q
from ontology.variables import variables

pytestmark = pytest.mark.real

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "imaging"
CONTEXT = Context(collection="real", secret=b"a secret of the tests")
NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


@dataclass
class Row:
    """What comes of the files of one kind."""

    files: int = 0
    read: int = 0
    refused: int = 0
    rejects: int = 0
    observations: int = 0
    measurements: int = 0
    numbers: int = 0
    """Values of calculations that the walk finds and that are numbers."""
    exact: int = 0
    """Numbers that became measurements of a registered variable, in its unit."""
    below_five: int = 0
    lesions: set[tuple[str, str]] = field(default_factory=set)
    regions: Counter[str] = field(default_factory=Counter)


def calculated(path: Path) -> Iterator[str]:
    """The values of calculations in a document, by a walk that knows nothing of the reader."""
    if path.suffix == ".json":
        yield from in_json(json.loads(path.read_text(encoding="utf-8")), inside=False)
        return
    for data in etree.parse(str(path)).iter("{*}CalculationData"):
        yield from (
            value for value in (data.get("value"), *(str(x.get("value")) for x in data.iter("{*}value"))) if value
        )


def in_json(held: Any, *, inside: bool) -> Iterator[str]:
    if isinstance(held, list):
        for item in held:
            yield from in_json(item, inside=inside)
    elif isinstance(held, dict):
        for name, item in held.items():
            if name == "value" and inside and isinstance(item, dict) and set(item) == {"value"}:
                yield str(item["value"])
            elif name not in {"coordinateCollection", "dimensionCollection", "unitOfMeasure", "dataType"}:
                yield from in_json(item, inside=inside or name == "CalculationResult")


def exactly(item: Measurement) -> bool:
    registered = variables().get(item.variable)
    return item.variable != q.UNMAPPED and registered is not None and registered.unit in {None, item.unit}


@cache
def table(kind: str) -> Row:
    if not REAL.is_dir():
        pytest.skip("../shared/data is not present")
    row = Row()
    for path in sorted((REAL / kind).iterdir()):
        row.files += 1
        found = list(read(iter([str(path)]), CONTEXT))
        heads = sum(isinstance(item, SourceRecord) for item in found)
        row.read += heads
        row.refused += not heads
        row.rejects += sum(isinstance(item, Reject) for item in found) if heads else 0
        row.observations += sum(isinstance(item, Observation) for item in found)
        measured = [item for item in found if isinstance(item, Measurement)]
        row.measurements += len(measured)
        row.below_five += sum(item.raw == "LessThan 5 %" and item.low is None and item.high == 5 for item in measured)
        row.lesions |= {(item.subject, item.key) for item in found if isinstance(item, Lesion)}
        row.regions.update(str(item.shape) for item in found if isinstance(item, RegionFacts))
        if heads:
            numbers = [text for text in calculated(path) if NUMBER.fullmatch(text)]
            row.numbers += len(numbers)
            calculations = [item for item in measured if "/Calculation" in item.key]
            exact = Counter((item.raw or "").split()[0] for item in calculations if exactly(item))
            row.exact += (Counter(numbers) & exact).total()
    return row


def test_aim_3() -> None:
    row = table("aim_v3")
    assert (row.files, row.read, row.refused, row.rejects) == (70, 70, 0, 0)
    assert (row.observations, row.measurements) == (1378, 182)
    assert (row.numbers, row.exact) == (110, 110)
    assert row.regions == {"q:LineShape": 80, "q:EllipseShape": 9, "q:ClosedContourShape": 1}
    assert row.below_five == 19  # "less than 5 %", written as an interval whose ends are both less than 5
    assert len(row.lesions) == 67  # three annotations come twice, as the files of the model


def test_aim_4() -> None:
    row = table("aim_v4")
    assert (row.files, row.read, row.refused, row.rejects) == (1, 1, 0, 0)
    assert (row.numbers, row.exact) == (4, 4)
    assert row.regions == {"q:LineShape": 1}


def test_epad_json() -> None:
    row = table("aim_json")
    assert (row.files, row.read, row.refused, row.rejects) == (21, 21, 0, 1)  # a length without its unit
    assert row.exact / row.numbers > 0.95
    assert row.regions == {"q:LineShape": 14}


def test_epad_server() -> None:
    row = table("epad_rest")
    assert (row.files, row.read, row.refused, row.rejects) == (13, 1, 12, 0)
    assert (row.numbers, row.exact) == (11, 11)


def test_templates_are_never_read() -> None:
    row = table("aim_template")
    assert (row.files, row.read, row.refused) == (26, 0, 26)
    assert all(accepts(str(path)) for path in (REAL / "aim_template").iterdir())


def test_nothing_of_a_person_leaves_the_reader() -> None:
    """Names, logins, birth dates, comments and names of annotations of every real document."""
    if not REAL.is_dir():
        pytest.skip("../shared/data is not present")
    for path in (path for kind in ("aim_json", "epad_rest") for path in sorted((REAL / kind).iterdir())):
        words = {
            text
            for name, text in named(json.loads(path.read_text(encoding="utf-8")), "")
            if len(text) > 3 and name in {"user/name", "user/loginName", "person/name", "person/birthDate", "comment"}
        }
        ids = {text for name, text in named(json.loads(path.read_text(encoding="utf-8")), "") if name == "person/id"}
        items = [item for item in read(iter([str(path)]), CONTEXT) if not isinstance(item, SourceRecord)]
        stored = repr(items)
        assert not [word for word in words - ids if word in stored]


def named(held: Any, outer: str) -> Iterator[tuple[str, str]]:
    if isinstance(held, list):
        for item in held:
            yield from named(item, outer)
    elif isinstance(held, dict):
        for name, item in held.items():
            if isinstance(item, dict) and set(item) == {"value"}:
                yield (name if name == "comment" else f"{outer}/{name}"), str(item["value"])
            else:
                yield from named(item, name)


def test_two_formats_of_one_annotation_agree() -> None:
    """AIMCONVERT's XML and the JSON that it was made of say the same, under the same document."""
    if not REAL.is_dir():
        pytest.skip("../shared/data is not present")
    xml_path = REAL / "aim_v4" / "AIMCONVERT_recist_sample.xml"
    said = []
    json_path = REAL / "aim_json" / "EPAD_recist_460094.49039853.9919683716.21820.3563633.409.8.813686790.89.4569.json"
    for path in (xml_path, json_path):
        items = list(read(iter([str(path)]), CONTEXT))
        said.append(
            [
                (item.document, item.lesion, item.region, item.variable, item.value, item.unit, item.statistic)
                for item in items
                if isinstance(item, Measurement)
            ]
        )
        assert [item for item in items if isinstance(item, LesionFacts | Finding | Response)]
    assert said[0] == said[1]
