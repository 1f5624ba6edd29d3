"""Files of 3D Slicer and of PyRadiomics: golden folders, whose a file is, mutated bytes, and the real files."""

from __future__ import annotations

import csv
import dataclasses
import datetime as dt
import json
import os
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest import radiomics, sources, subjects_file
from ingest.base import Context, Source, Yield
from ingest.observed.quantities import ValueProblem
from ingest.radiomics_model import FEATURE
from ingest.slicer import reader as slicer
from ingest.subjects_file import placed
from ingest.volumes.nrrd_file import read_header, read_voxels
from ontology.records import Measurement, Procedure, Record, Region, RegionFacts, Reject, SourceRecord, When
from ontology.terms import ncit, q

HERE = Path(__file__).parent
KINDS: dict[str, Source] = {"slicer": slicer.SOURCE, "radiomics": radiomics.SOURCE}
CASES = sorted(path.parent for kind in KINDS for path in (HERE / kind).glob("*/*") if path.name == "expected.json")
REAL = HERE.parents[1].parent / "shared" / "data" / "imaging"
CONTEXT = Context(collection="golden", secret=b"a secret of the tests", attested=True)
LEFT_OUT = {"digest", "locator", "recipe"}
MOST = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


def plain(value: Any) -> Any:
    if isinstance(value, When):
        return [plain(value.first), plain(value.last), value.clock]
    return str(value) if isinstance(value, dt.date | Decimal) else value


def shown(item: Yield) -> dict[str, Any]:
    """A record as the golden files write it: its type and the fields that are not at their default."""
    fields = {field.name: field.default for field in dataclasses.fields(item) if field.name not in LEFT_OUT}
    said = {name: plain(getattr(item, name)) for name, default in fields.items() if getattr(item, name) != default}
    return {"type": type(item).__name__, **said}


def files_of(case: Path) -> list[str]:
    return sorted(str(path) for path in case.iterdir() if path.suffix != ".yaml" and path.name != "expected.json")


def read(*paths: Path | str) -> list[Yield]:
    found = sources.accepting(str(paths[0]))
    assert found is not None
    return list(found.read(iter(map(str, paths)), CONTEXT))


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.parent.name}-{case.name}")
def test_files_give_their_records(case: Path) -> None:
    files = files_of(case)
    assert {kind.name for path in files if (kind := sources.accepting(path))} == {case.parent.name}
    found = [shown(item) for item in read(*files)]
    if os.environ.get("QILIN_WRITE_GOLDEN"):
        lines = ",\n".join(json.dumps(item, ensure_ascii=False) for item in found)
        (case / "expected.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    assert found == json.loads((case / "expected.json").read_text(encoding="utf-8"))
    assert "Jane" not in json.dumps(found)


def test_only_diameters_in_the_plane_of_the_images_are_longest_diameters() -> None:
    found = [item for item in read(HERE / "radiomics" / "diameters" / "features.csv") if isinstance(item, Measurement)]
    longest = {(item.subject, item.raw) for item in found if item.variable == ncit.LONGEST_DIAMETER}
    assert longest == {("axial", "53.5"), ("axial", "51.5")}
    others = {item.raw for item in found if item.variable == ncit.DIAMETER}
    assert others == {"49.25", "65.75", "48.5", "47.5", "46.5"}
    assert not [item.lesion for item in found if item.lesion]


def test_every_folder_is_a_case() -> None:
    folders = {path for kind in KINDS for path in (HERE / kind).iterdir() if path.is_dir()}
    assert set(CASES) == folders


# whose a file is


def test_the_nearest_file_says_whose_another_is(tmp_path: Path) -> None:
    inner = tmp_path / "site" / "P07" / "day1"
    inner.mkdir(parents=True)
    (tmp_path / "subjects.yaml").write_text('"site/{subject}/**":\n')
    assert placed(inner / "a.fcsv").subject == "P07"
    (inner / "subjects.yaml").write_text('"a*": 007\n"*": {subject: S2, study: 1.2, date: 2014-02-03}\n')
    assert placed(inner / "a.fcsv").subject == "007"
    other = placed(inner / "b.fcsv")
    assert (other.subject, other.study, other.when) == ("S2", "1.2", When.on(dt.date(2014, 2, 3)))
    (inner / "subjects.yaml").write_text('"x": S3\n')
    with pytest.raises(ValueProblem, match="no path that fits"):
        placed(inner / "a.fcsv")


@pytest.mark.parametrize(
    "text",
    ["[1]", "a: [7]", "a: {subject: S, colour: red}", "a: {subject: S, series: 1.2}", "a: {study: x}", "a: [", "a:"],
)
def test_what_it_says_wrongly_is_told(tmp_path: Path, text: str) -> None:
    (tmp_path / "subjects.yaml").write_text(text)
    found = read(tmp_path / "subjects.yaml")
    assert found
    assert all(isinstance(item, Reject) for item in found)
    (tmp_path / "a").write_text("")
    with pytest.raises(ValueProblem):
        placed(tmp_path / "a")


def test_another_subject_makes_another_source(tmp_path: Path) -> None:
    (tmp_path / "F.acsv").write_bytes((HERE / "slicer" / "ruler" / "M_1.acsv").read_bytes())
    recipes = set()
    for subject in ("S1", "S2"):
        (tmp_path / "subjects.yaml").write_text(f'"*": {subject}\n# {subject}\n')
        subjects_file._read.cache_clear()
        head = read(tmp_path / "F.acsv")[0]
        assert isinstance(head, SourceRecord)
        recipes.add(head.recipe)
    assert len(recipes) == 2


# hostile files


def inputs() -> list[Path]:
    return [Path(path) for case in CASES if case.name not in {"nobody", "faults"} for path in files_of(case)]


@MOST
@given(data=st.data())
def test_mutated_files_yield_records_or_rejects(tmp_path: Path, data: st.DataObject) -> None:
    path = data.draw(st.sampled_from(inputs()))
    whole = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(whole) - 1))
        piece = data.draw(st.one_of(st.binary(max_size=3), st.sampled_from([b"1e999", b"NaN", b"-1", b"\x00", b'"'])))
        whole[at : at + data.draw(st.integers(0, 4))] = piece
    (tmp_path / "subjects.yaml").write_text('"*": S1\n')
    changed = tmp_path / path.name
    changed.write_bytes(bytes(whole))
    kind = KINDS[path.parent.parent.name]
    assert all(isinstance(item, Record | Reject | SourceRecord) for item in kind.read(iter([str(changed)]), CONTEXT))


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["type", "controlPoints", "position", "measurements", "center", "size", "name", "value"]),
            inner,
        )
    ),
    max_leaves=20,
)


@MOST
@given(
    markup=st.dictionaries(st.sampled_from(["type", "controlPoints", "measurements", "center", "size", "name"]), JSON)
)
def test_any_json_is_taken_or_refused(tmp_path: Path, markup: dict[str, Any]) -> None:
    (tmp_path / "subjects.yaml").write_text('"*": S1\n')
    path = tmp_path / "a.mrk.json"
    path.write_text(json.dumps({"markups": [markup, {**markup, "type": "ROI"}]}))
    assert all(isinstance(item, Record | Reject | SourceRecord) for item in read(path))


@pytest.mark.parametrize("status", [[], {}, None, ["defined"]])
def test_a_point_whose_status_is_no_text_is_not_placed(tmp_path: Path, status: object) -> None:
    (tmp_path / "subjects.yaml").write_text('"*": S1\n')
    path = tmp_path / "a.mrk.json"
    placed = [{"position": [at, 0, 0]} for at in (0, 3)]
    points = [*placed, {"position": [9, 9, 9], "positionStatus": status}]
    path.write_text(json.dumps({"markups": [{"type": "Fiducial", "coordinateSystem": "LPS", "controlPoints": points}]}))
    (facts,) = (item for item in read(path) if isinstance(item, RegionFacts))
    assert facts.points == 2


def test_nothing_is_unpacked_beyond_its_size(tmp_path: Path) -> None:
    path = tmp_path / "a_label.nrrd"
    path.write_bytes(b"NRRD0004\ntype: uchar\nsizes: 40000 40000 4\nencoding: gzip\n\n")
    with pytest.raises(ValueProblem, match="too large"):
        read_voxels(path, read_header(path))
    path.write_bytes(b"NRRD0004\ntype: uchar\nsizes: 2 2 2\nencoding: raw\ndata file: ../secret\n\n")
    with pytest.raises(ValueProblem, match="beside"):
        read_voxels(path, read_header(path))


# real files


def real(folder: str) -> Iterator[Path]:
    yield from sorted((REAL / folder).iterdir())


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not present")
def test_every_number_of_the_baselines_is_a_measurement() -> None:
    items, numbers = [], 0
    for path in real("radiomics"):
        if radiomics.accepts(str(path)):
            items += read(path)
            with path.open(newline="") as handle:
                rows = [row for row in csv.reader(handle) if FEATURE.fullmatch(row[0])]
            numbers += sum(bool(cell) for row in rows for cell in row[1:])
    found = [item for item in items if isinstance(item, Measurement)]
    assert len(found) == numbers == 2705
    assert sum(item.variable != q.UNMAPPED for item in found) / numbers > 0.97
    assert len({item for item in items if isinstance(item, Procedure)}) == 13
    assert len({item for item in items if isinstance(item, Region)}) == 10
    assert not [item for item in items if isinstance(item, Reject)]


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not present")
def test_a_label_map_has_the_volume_that_pyradiomics_found(tmp_path: Path) -> None:
    (tmp_path / "brain1_label.nrrd").write_bytes((REAL / "nrrd" / "PYRAD_brain1_label.nrrd").read_bytes())
    (tmp_path / "subjects.yaml").write_text('"*": brain1\n')
    (facts,) = (item for item in read(tmp_path / "brain1_label.nrrd") if isinstance(item, RegionFacts))
    baseline = read(REAL / "radiomics" / "PYRAD_baseline_shape.csv")
    stated = next(item for item in baseline if isinstance(item, Measurement) and "VoxelVolume" in (item.raw_code or ""))
    assert facts.volume == round(Decimal(stated.raw or ""), 3)
    assert facts.slices == 7


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not present")
def test_real_markups_are_read(tmp_path: Path) -> None:
    (tmp_path / "subjects.yaml").write_text('"*": S1\n')
    for path in real("slicer_markups"):
        (tmp_path / path.name).write_bytes(path.read_bytes())
    items = [item for path in sorted(tmp_path.iterdir()) for item in read(path)]
    lengths = [item.value for item in items if isinstance(item, Measurement) and item.variable == ncit.LENGTH]
    assert [round(value, 4) for value in lengths if isinstance(value, Decimal)] == [
        Decimal("131.4948"),
        Decimal("58.8242"),
    ]
    assert {item.place for item in items if isinstance(item, Reject)} == {f"R9C{column}" for column in range(4, 8)}
