"""Segmentations, radiotherapy objects and value maps: golden folders, sizes against masks, hostile and real files."""

from __future__ import annotations

import copy
import csv
import dataclasses
import gzip
import json
import math
import re
import warnings
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset

from ingest import dcmqi, sources
from ingest.base import Context, Keepable, Yield
from ingest.gate.forms import identifier_in
from ingest.gate.records import admit
from ingest.observed.quantities import ValueProblem
from ingest.observed.region_names import region_name
from ingest.rt.contours import Contours, points_in
from ontology.records import (
    Finding,
    Instance,
    LesionFacts,
    Measurement,
    Record,
    Region,
    RegionFacts,
    Reject,
    Series,
    SeriesHeader,
    Treatment,
)
from ontology.terms import dcm, ncit, q
from tests.ingest import image_documents as made
from tests.ingest.test_aim import as_json, check_references

FOLDER = Path(__file__).parent
REAL = Path(__file__).parents[2].parent / "shared" / "data" / "imaging"
CASES = [(kind, name) for kind, found in made.DOCUMENTS.items() for name in found]
CONTEXT = Context(collection="golden", secret=b"a secret of the tests")
ATTESTED = dataclasses.replace(CONTEXT, attested=True, released=lambda _content, _place: True)
NAMES = ("Jane", "Example", "Reader1", "Reader2")


def read(path: Path, context: Context = CONTEXT) -> list[Yield]:
    """What the run would take of a file: its records after the gate, and rejects."""
    source = sources.accepting(str(path))
    assert source is not None
    found = source.read(iter([str(path)]), context)
    return [admit(item, context) if isinstance(item, Record) else item for item in found]


def saved(document: Dataset, folder: Path, name: str = "made.dcm") -> Path:
    document.save_as(folder / name, enforce_file_format=True)
    return folder / name


def of(kind: type[Any], found: list[Yield]) -> list[Any]:
    return [item for item in found if isinstance(item, kind)]


def check(found: list[Yield]) -> None:
    """Keys are unique in a source, and what facts refer to stands beside them."""
    check_references(found)
    regions = {item.key for item in of(Region, found)}
    instances = {item.uid for item in of(Instance, found)}
    series = {item.uid for item in of(Series, found)}
    for fact in of(RegionFacts, found):
        assert fact.region in regions
        assert fact.instance is None or fact.instance in instances
        assert fact.series is None or fact.series in series
    for measurement in of(Measurement, found):
        assert measurement.region is None or measurement.region in regions


# golden folders


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_an_object_gives_its_records(kind: str, case: str) -> None:
    path = FOLDER / kind / case / "input.dcm"
    source = sources.accepting(str(path))
    assert source is not None
    assert source.name == kind
    found = read(path)
    check(found)
    assert [as_json(item) for item in found] == json.loads(path.with_name("expected.json").read_text(encoding="utf-8"))
    text = repr(found).replace(str(FOLDER), "")
    assert not [name for name in NAMES if name in text]


def test_every_object_that_is_made_has_a_folder() -> None:
    for kind, found in made.DOCUMENTS.items():
        assert sorted(path.name for path in (FOLDER / kind).iterdir()) == sorted(found)


def test_the_series_of_an_object_keeps_its_identity() -> None:
    found = read(FOLDER / "seg" / "binary" / "input.dcm")
    uid = f"{made.ROOT}.4.5.1"
    assert uid in {item.uid for item in of(Series, found)}
    assert [(item.uid, item.modality) for item in of(SeriesHeader, found)] == [(uid, dcm.SEGMENTATION_SEG)]


# which regions are lesions, and what their names say


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("GTV-1", True),
        ("Lung_L", True),
        ("SpinalCord", True),
        ("Tumor Bed", True),
        ("GTV 20040102", False),
        ("Lung 123 456 789", False),
        ("Jane Example", False),
        ("Smith_L", False),
        ("Lung (Dr. Example)", False),
    ],
)
def test_a_name_is_kept_where_it_is_made_of_the_words_of_structures(name: str, kept: bool) -> None:
    record = RegionFacts(key="k", subject="S", region="1.2.3.1", label=name)
    found = admit(record, CONTEXT)
    assert isinstance(found, RegionFacts)
    assert found.label == (name if kept else None)
    assert (region_name(name) is not None) is kept


def test_the_names_of_regions_are_sorted_and_have_terms_with_their_labels() -> None:
    with files("mappings").joinpath("region_names.tsv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    assert [row["name"] for row in rows] == sorted({row["name"] for row in rows})
    for row in rows:
        assert (row["names"] == "plain") is (row["term"] == "")
        if row["term"]:
            prefix, code = row["term"].split(":")
            with files("ontology").joinpath(f"bundled/{prefix}.tsv").open(encoding="utf-8") as table:
                labels = {
                    one["code"]: one["label"] for one in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
                }
            assert labels[code] == row["label"], row["name"]


def test_the_address_of_a_repository_is_not_that_of_a_person() -> None:
    assert identifier_in("git@github.com:QIICR/dcmqi.git") is None
    assert identifier_in("git@example.org") == "an e-mail address"
    assert identifier_in("written by jane+git@example.org") == "an e-mail address"


# sizes


@given(
    st.lists(st.lists(st.booleans(), min_size=15, max_size=15), min_size=1, max_size=4),
    st.sampled_from([(3, 5), (5, 3), (1, 15)]),
)
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_packed_bits_are_counted_and_boxed_as_numpy_does(
    tmp_path: Path, voxels: list[list[bool]], shape: tuple[int, int]
) -> None:
    pixels = np.array(voxels, np.uint8).reshape(-1, *shape)
    frames = [made.frame(place, 1) for place in range(len(pixels))]
    found = read(saved(made.segmentation("BINARY", [made.segment(1)], frames, pixels), tmp_path))
    (region,) = of(RegionFacts, found)
    places = np.argwhere(pixels)
    assert region.volume == (Decimal(5 * len(places)) or None)
    if len(places):
        low, high = places.min(axis=0).tolist(), places.max(axis=0).tolist()
        assert (region.z_low, region.z_high) == (5 * low[0], 5 * high[0])
        assert (region.y_low, region.y_high) == (20 + 2 * low[1], 20 + 2 * high[1])
        assert (region.x_low, region.x_high) == (Decimal(low[2]) / 2 - 10, Decimal(high[2]) / 2 - 10)
        assert region.slices == len(set(places[:, 0]))


def test_a_frame_of_many_strips_is_counted_whole(tmp_path: Path) -> None:
    pixels = np.zeros((1, 1500, 1501), np.uint8)
    pixels[0, 3, 7] = pixels[0, 1499, 1500] = 1
    found = read(saved(made.segmentation("BINARY", [made.segment(1)], [made.frame(0, 1)], pixels), tmp_path))
    (region,) = of(RegionFacts, found)
    assert (region.volume, region.x_high, region.y_high) == (Decimal(10), 740, 3018)


def test_compressed_frames_are_counted(tmp_path: Path) -> None:
    pixels = np.zeros((2, 4, 4), np.uint8)
    pixels[0, 1, 1] = pixels[1, 2:, 3] = 1
    document = made.segmentation("LABELMAP", [made.segment(1)], [made.frame(0), made.frame(1)], pixels)
    document.compress("1.2.840.10008.1.2.5")  # RLE, which pydicom decodes by itself
    (region,) = of(RegionFacts, read(saved(document, tmp_path)))
    assert (region.volume, region.slices) == (Decimal(15), 2)


def ball(radius: float, step: float, corners: int) -> tuple[Contours, int]:
    """The contours of a ball on planes a step apart, and the number of voxels of a step in it."""
    contours = Contours()
    places = np.arange(-radius + step / 2, radius, step)
    for place in places:
        width = math.sqrt(radius**2 - place**2)
        contours.add(np.array(made.ring(width, place, corners)).reshape(-1, 3))
    x, y, z = np.meshgrid(places, places, places)
    return contours, int(np.count_nonzero(x**2 + y**2 + z**2 <= radius**2))


def test_the_volume_within_contours_is_that_of_the_mask_of_the_same_ball() -> None:
    contours, voxels = ball(20, 0.5, 180)
    slices, _, volume = contours.sizes()
    assert slices == 80
    assert volume == pytest.approx(voxels * 0.5**3, rel=0.01)
    assert volume == pytest.approx(4 / 3 * math.pi * 20**3, rel=0.01)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_planes_may_lie_any_way(axis: int) -> None:
    contours = Contours()
    for place in range(4):
        points = np.array(made.ring(10, 2.5 * place, 90)).reshape(-1, 3)
        contours.add(np.roll(points, axis, axis=1))
    slices, _, volume = contours.sizes()
    assert slices == 4
    assert volume == pytest.approx(math.pi * 100 * 10, rel=0.01)


def area_of(*rings: list[float]) -> float:
    contours = Contours()
    for ring in rings:
        contours.add(np.array(ring).reshape(-1, 3))
    return contours.sizes()[1]


def test_holes_islands_and_keyholes() -> None:
    half = math.sqrt(0.5)
    outer, hole, island = (made.ring(side * half, 0.0) for side in (20, 10, 4))
    aside = made.ring(4 * half, 0.0, x=40)
    assert area_of(outer, hole) == pytest.approx(300)
    assert area_of(outer, hole, island) == pytest.approx(316)
    assert area_of(outer, aside) == pytest.approx(416)
    assert area_of(outer, outer) == pytest.approx(400)
    keyhole = [*outer, *outer[:3], *hole[:3], *hole[9:], *hole[6:9], *hole[3:6], *hole[:3]]
    assert area_of(keyhole) == pytest.approx(300)


def test_a_gap_between_two_parts_is_not_filled() -> None:
    contours = Contours()
    for place in (0, 2, 4, 50, 52, 54):
        contours.add(np.array(made.ring(10 * math.sqrt(0.5), place)).reshape(-1, 3))
    assert contours.sizes()[2] == pytest.approx(100 * 2 * 6)


def test_one_plane_has_a_volume_only_where_its_thickness_is_stated() -> None:
    contours = Contours()
    contours.add(np.array(made.ring(10 * math.sqrt(0.5), 1.0)).reshape(-1, 3))
    slices, area, volume = contours.sizes()
    assert (slices, volume) == (1, None)
    assert area == pytest.approx(100)
    contours.thickness = 3
    assert contours.sizes()[2] == pytest.approx(300)


def test_contours_of_planes_that_cross_have_no_size() -> None:
    contours = Contours()
    points = np.array(made.ring(10, 0.0)).reshape(-1, 3)
    contours.add(points)
    contours.add(np.roll(points, 1, axis=1))
    with pytest.raises(ValueProblem, match="parallel"):
        contours.sizes()


@pytest.mark.parametrize("text", ["1\\2", "a\\b\\c", "1\\2\\nan", "1\\2\\1e9", "", "1\\2\\3\\4\\5\\6\\7"])
def test_coordinates_that_are_no_points_are_refused(text: str) -> None:
    with pytest.raises(ValueProblem):
        points_in(text)


# hostile objects


def test_what_is_nested_without_end_is_refused(tmp_path: Path) -> None:
    document = made.binary()
    deepest = Dataset()
    for _ in range(30):
        above = Dataset()
        above.SegmentSequence = [deepest]
        deepest = above
    document.SegmentSequence = [deepest]
    found = read(saved(document, tmp_path))
    assert [item.problem for item in of(Reject, found)] == ["sequences are nested more than 8 deep"]


def test_thousands_of_segments_come_in(tmp_path: Path) -> None:
    segments = [made.segment(number) for number in range(1, 1001)]
    pixels = np.arange(1, 7, dtype=np.uint8).reshape(1, 2, 3)
    found = read(saved(made.segmentation("LABELMAP", segments, [made.frame(0)], pixels), tmp_path))
    assert len(of(RegionFacts, found)) == 1000
    assert sum(item.volume is not None for item in of(RegionFacts, found)) == 6


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("Rows", 0),
        ("Rows", 65535),
        ("NumberOfFrames", 2**31 - 1),
        ("BitsAllocated", 12),
        ("SegmentationType", "OTHER"),
        ("SegmentSequence", []),
        ("PerFrameFunctionalGroupsSequence", []),
        ("PixelData", None),
    ],
)
def test_a_segmentation_that_contradicts_itself_is_told_and_the_rest_comes_in(
    tmp_path: Path, keyword: str, value: Any
) -> None:
    document = made.binary()
    if value is None:
        del document[keyword]
    else:
        setattr(document, keyword, value)
    found = read(saved(document, tmp_path))
    assert len(of(Reject, found)) == 1
    assert all(item.volume is None for item in of(RegionFacts, found))
    assert len(of(SeriesHeader, found)) == 1
    check(found)


def test_a_label_of_no_segment_is_told(tmp_path: Path) -> None:
    pixels = np.array([[[0, 1, 8]]], np.uint8)
    found = read(saved(made.segmentation("LABELMAP", [made.segment(1)], [made.frame(0)], pixels), tmp_path))
    assert [item.place for item in of(Reject, found)] == ["(0062,000B) ReferencedSegmentNumber 8"]
    assert [item.volume for item in of(RegionFacts, found)] == [Decimal(5)]


def test_frames_with_and_without_a_place_have_no_box_in_common(tmp_path: Path) -> None:
    frames = [made.frame(0, 1), made.frame(0, 1)]
    del frames[1]["PlanePositionSequence"]
    document = made.segmentation("BINARY", [made.segment(1)], frames, np.ones((2, 2, 2), np.uint8))
    (region,) = of(RegionFacts, read(saved(document, tmp_path)))
    assert (region.box_unit, region.volume) == (None, Decimal(40))


def test_two_contents_of_one_uid_are_not_both_taken(tmp_path: Path) -> None:
    first, second = made.plan(), made.plan()
    second.FractionGroupSequence[0].NumberOfFractionsPlanned = 20
    paths = [saved(first, tmp_path, "a.dcm"), saved(second, tmp_path, "b.dcm"), saved(first, tmp_path, "c.dcm")]
    source = sources.accepting(str(paths[0]))
    assert source is not None
    found = list(source.read(iter(map(str, paths)), CONTEXT))
    assert [item.fractions for item in of(Treatment, found)] == [30]
    assert [(item.name, item.quarantine) for item in of(Reject, found)] == [("b.dcm", True)]


def test_a_person_in_the_header_keeps_an_object_out(tmp_path: Path) -> None:
    document = made.structures()
    document.PatientName = "Example^Jane"
    found = read(saved(document, tmp_path))
    assert [(type(item), item.quarantine) for item in found if isinstance(item, Reject)] == [(Reject, True)]
    assert len(found) == 1


MADE = [make for found in made.DOCUMENTS.values() for make in found.values()]


@given(st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
def test_damaged_objects_are_read_or_told(tmp_path: Path, data: st.DataObject) -> None:
    path = saved(data.draw(st.sampled_from(MADE))(), tmp_path)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 6))):
        content[data.draw(st.integers(400, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.sampled_from([len(content), len(content) - 7, len(content) // 2]))])
    if sources.accepting(str(path)) is not None:
        found = read(path, ATTESTED)
        assert found
        check_references(found)


def test_dcmqi_meta_files_are_told_what_to_give_instead(tmp_path: Path) -> None:
    path = tmp_path / "meta.json"
    path.write_text('{"segmentAttributes": [[{"labelID": 1}]]}', encoding="utf-8")
    (found,) = read(path)
    assert isinstance(found, Reject)
    assert "segmentation" in found.problem
    path.write_text('{"segmentAttributes": [[', encoding="utf-8")
    assert [item.problem for item in of(Reject, read(path))] == ["is no meta file of dcmqi"]
    path.write_text('{"rows": []}', encoding="utf-8")
    assert not dcmqi.accepts(str(path))


# real files


def real(folder: str) -> list[Path]:
    return sorted(path for path in (REAL / folder).glob("*") if path.suffix != ".txt")


@pytest.fixture
def cleaned(tmp_path: Path) -> Iterator[Any]:
    """Copies of real objects without the made-up names of persons that some have."""

    def clean(path: Path) -> Path:
        document = pydicom.dcmread(path, force=True)
        document.PatientName = ""
        for keyword in ("ContentCreatorName", "OperatorsName", "ReferringPhysicianName"):
            if keyword in document:
                setattr(document, keyword, "")
        document.save_as(tmp_path / path.name)
        return tmp_path / path.name

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield clean


SEGMENTATIONS = [path for path in real("dicom_seg") if path.name != "REPORTING_slicer.seg.dcm"]


@pytest.mark.real
@pytest.mark.parametrize("path", SEGMENTATIONS or [None], ids=lambda path: path.name if path else "none")
def test_real_segmentations_have_the_voxels_that_numpy_counts(path: Path | None, cleaned: Any) -> None:
    if path is None:
        pytest.skip("no ../shared/data/imaging")
    document = pydicom.dcmread(path)
    found = read(cleaned(path), ATTESTED)
    check(found)
    facts = {item.number: item for item in of(RegionFacts, found)}
    numbers = {int(item.SegmentNumber): item for item in document.SegmentSequence}
    assert facts.keys() == numbers.keys() - ({0} if document.get("SegmentationType") == "LABELMAP" else set())
    if not hasattr(document, "NumberOfFrames"):
        assert [item.problem for item in of(Reject, found)] == ["has 3 items for 1 frames"]
        return
    assert not of(Reject, found)
    counted, images = Counter[int](), document.pixel_array.reshape(-1, document.Rows, document.Columns)
    shared = document.SharedFunctionalGroupsSequence[0]
    for pixels, groups in zip(images, document.PerFrameFunctionalGroupsSequence, strict=True):
        if document.SegmentationType == "LABELMAP":
            counted.update({number: int((pixels == number).sum()) for number in facts})
            continue
        where = groups if "SegmentIdentificationSequence" in groups else shared
        number = int(where.SegmentIdentificationSequence[0].ReferencedSegmentNumber)
        counted[number] += int((pixels > 127 if document.SegmentationType == "FRACTIONAL" else pixels > 0).sum())
    if "PixelMeasuresSequence" not in shared:
        return
    measures = shared.PixelMeasuresSequence[0]
    pixel = float(measures.PixelSpacing[0]) * float(measures.PixelSpacing[1])
    for number, region in facts.items():
        if region.box_unit == "mm":
            high = float(measures.get("SpacingBetweenSlices") or measures.SliceThickness) * pixel * counted[number]
            assert float(region.volume) == pytest.approx(high, rel=0.001) or "SpacingBetweenSlices" not in measures
        elif counted[number]:
            assert float(region.area) == pytest.approx(counted[number] * pixel, rel=0.01)


@pytest.mark.real
def test_a_real_mask_and_its_segmentation_have_one_volume(cleaned: Any) -> None:
    mask = REAL / "nrrd" / "DCMQI_liver_seg.nrrd"
    if not mask.exists():
        pytest.skip("no ../shared/data/imaging")
    head, _, data = mask.read_bytes().partition(b"\n\n")
    assert b"type: short" in head
    assert b"encoding: gzip" in head
    directions = re.findall(r"\(([^)]*)\)", next(line for line in head.decode().splitlines() if "directions" in line))
    size = abs(np.linalg.det([[float(number) for number in row.split(",")] for row in directions]))
    voxels = np.frombuffer(gzip.decompress(data), "<i2")
    (region,) = of(RegionFacts, read(cleaned(REAL / "dicom_seg" / "DCMQI_liver.dcm"), ATTESTED))
    assert float(region.volume) == pytest.approx(np.count_nonzero(voxels) * size, rel=0.001)


@pytest.mark.real
@pytest.mark.parametrize("path", real("dicom_rt") or [None], ids=lambda path: path.name if path else "none")
def test_real_radiotherapy_objects_hold_what_pydicom_sees(path: Path | None, cleaned: Any) -> None:
    if path is None:
        pytest.skip("no ../shared/data/imaging")
    document = pydicom.dcmread(path, force=True)
    found = read(cleaned(path), ATTESTED)
    check(found)
    facts = {item.number: item for item in of(RegionFacts, found)}
    assert facts.keys() == {int(item.ROINumber) for item in document.get("StructureSetROISequence", ())}
    for item in document.get("ROIContourSequence", ()):
        contours = item.get("ContourSequence") or []
        region = facts[int(item.ReferencedROINumber)]
        assert (region.contours, region.points or 0) == (len(contours), sum(c.NumberOfContourPoints for c in contours))
        if contours:
            points = np.concatenate([np.array(c.ContourData, float).reshape(-1, 3) for c in contours])
            assert float(region.x_low) == pytest.approx(points[:, 0].min(), abs=0.001)
            assert float(region.z_high) == pytest.approx(points[:, 2].max(), abs=0.001)
    if "DoseGridScaling" in document:
        dose = document.pixel_array * float(document.DoseGridScaling)
        values = {item.key: float(item.value) for item in of(Measurement, found)}
        assert values["grid/maximum"] == pytest.approx(dose.max(), rel=1e-6)
        assert values["grid/mean"] == pytest.approx(dose.mean(), rel=1e-6)
    given = [group.NumberOfFractionsPlanned for group in document.get("FractionGroupSequence", ())]
    assert [item.fractions for item in of(Treatment, found)] == given
    told = {"RTUTILS_non_existent_reference_rt.dcm": ["names no series"]}
    assert [item.problem for item in of(Reject, found)] == told.get(path.name, [])


@pytest.mark.real
def test_the_contours_of_one_tumor_on_three_images_have_one_volume(cleaned: Any) -> None:
    if not (REAL / "dicom_rt").exists():
        pytest.skip("no ../shared/data/imaging")
    volumes = [
        float(region.volume)
        for name in ("CT", "MR_T1", "PET")
        for region in of(RegionFacts, read(cleaned(REAL / "dicom_rt" / f"STS_001_{name}_RS.dcm")))
    ]
    assert volumes == pytest.approx([365_174] * 3, rel=0.001)


@pytest.mark.real
def test_a_real_map_says_that_its_series_measures_uptake(cleaned: Any) -> None:
    if not (REAL / "dicom_rwvm").exists():
        pytest.skip("no ../shared/data/imaging")
    found = read(cleaned(REAL / "dicom_rwvm" / "DCMQI_rwvm.dcm"))
    (fact,) = [item for item in of(Finding, found) if item.variable == q.MEASURED_QUANTITY]
    assert (fact.value_concept, fact.unit) == (ncit.STANDARDIZED_UPTAKE_VALUE, "g/ml")
    assert {item.value for item in of(Measurement, found) if item.part_of == fact.key} == {Decimal("0.000375125"), 0}


def test_a_gross_tumor_volume_is_a_lesion_of_its_document() -> None:
    found = read(FOLDER / "rt" / "structures" / "input.dcm")
    assert [(item.lesion, item.rule) for item in of(LesionFacts, found)] == [(f"{made.ROOT}.3.5.1", q.BY_DOCUMENT)]


def test_a_structure_set_without_its_images_is_read_and_told(tmp_path: Path) -> None:
    document = copy.deepcopy(made.structures())
    del document.ReferencedFrameOfReferenceSequence
    found = read(saved(document, tmp_path))
    assert "names no series" in [item.problem for item in of(Reject, found)]
    assert [item.volume for item in of(RegionFacts, found)][:1] == [Decimal(3300)]
    check(found)


@pytest.mark.parametrize(("kind", "case"), CASES)
def test_what_is_kept_names_nobody_and_is_dicom(kind: str, case: str) -> None:
    path = FOLDER / kind / case / "input.dcm"
    kept: list[str] = []

    def keep(document: Keepable) -> None:
        kept.extend(document.lines(set(), lambda _subject, when: (None, None, when.clock)))

    source = sources.accepting(str(path))
    assert source is not None
    list(source.read(iter([str(path)]), dataclasses.replace(CONTEXT, keep=keep)))
    text = "\n".join(kept)
    assert not [name for name in (*NAMES, "2020") if name in text]
    document = Dataset.from_json(text)
    assert (document.SOPInstanceUID, document.PatientID) == (pydicom.dcmread(path).SOPInstanceUID, "P-01")


def test_a_kept_structure_set_has_its_contours() -> None:
    path = FOLDER / "rt" / "structures" / "input.dcm"
    kept: list[str] = []
    source = sources.accepting(str(path))
    assert source is not None
    context = dataclasses.replace(
        CONTEXT, keep=lambda document: kept.extend(document.lines(set(), lambda _subject, when: (None, None, None)))
    )
    list(source.read(iter([str(path)]), context))
    document = Dataset.from_json("\n".join(kept))
    found = document.ROIContourSequence[0].ContourSequence[3].ContourData
    assert [float(number) for number in found[:3]] == [5.0, 5.0, 3.0]
    assert [item.get("ROIName") for item in document.StructureSetROISequence] == [
        "GTV-1",
        "Lung_L",
        "Isocenter 1",
        None,
    ]
