"""Label maps and maps of a quantity as DICOM: grids in any order, codes, what is refused, and a second validator."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian
from typer.testing import CliRunner

from analysis.convert import code_of, parametric_maps, segmentation
from analysis.volume import images_of, volumes_of
from api.cli import app
from ingest import sources
from ingest.base import Context, Yield
from ingest.observed.quantities import ValueProblem
from ingest.seg import reader as seg
from ontology.records import Derivation, Finding, RegionFacts, Reject, Series

REAL = Path(__file__).parents[2].parent / "shared" / "data" / "imaging"
CATEGORY, KIND = code_of("123037004|SCT|Body structure"), code_of("10200004|SCT|Liver")
QUANTITY, UNIT = code_of("113041|DCM|Apparent Diffusion Coefficient"), code_of("mm2/s|UCUM|mm2/s")
COLUMNS, ROWS, SLICES = 5, 4, 3


def written_series(folder: Path, times: int = 1, series: str = "1.2.3.4") -> Path:
    """Three slices of 4 rows and 5 columns, 0.5 mm by 0.75 mm, 2 mm apart, at so many times."""
    folder.mkdir()
    for at in range(SLICES * times):
        time, number = divmod(at, SLICES)
        image = Dataset()
        image.file_meta = FileMetaDataset()
        image.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        image.SOPClassUID = image.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.4"
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = f"{series}.{at + 1}"
        image.StudyInstanceUID, image.SeriesInstanceUID, image.FrameOfReferenceUID = "1.2.3", series, "1.2.9"
        image.PatientID, image.PatientName, image.PatientBirthDate, image.PatientSex = "TOY-1", "TOY-1", "", "O"
        image.StudyID, image.StudyDate, image.StudyTime, image.AccessionNumber = "1", "20140203", "101112", ""
        image.ReferringPhysicianName, image.Modality, image.SeriesNumber, image.InstanceNumber = "", "MR", 1, at + 1
        image.ImagePositionPatient, image.ImageOrientationPatient = [10, 20, 30 + 2 * number], [1, 0, 0, 0, 1, 0]
        image.PixelSpacing, image.SliceThickness = [0.75, 0.5], 2
        image.Rows, image.Columns, image.SamplesPerPixel, image.PhotometricInterpretation = (
            ROWS,
            COLUMNS,
            1,
            "MONOCHROME2",
        )
        image.BitsAllocated, image.BitsStored, image.HighBit, image.PixelRepresentation = 16, 16, 15, 0
        image.PixelData = bytes(2 * ROWS * COLUMNS)
        image.PositionReferenceIndicator = ""
        if times > 1:
            image.TemporalPositionIdentifier = time + 1
        image.save_as(folder / f"{at}.dcm", enforce_file_format=True)
    return folder


def written_nrrd(path: Path, voxels: np.ndarray, directions: str, origin: str, *said: str) -> Path:
    kind = {"i": "short", "f": "float"}[voxels.dtype.kind]
    head = [
        "NRRD0004", f"type: {kind}", f"dimension: {voxels.ndim}", "space: left-posterior-superior",
        f"sizes: {' '.join(map(str, voxels.shape))}", f"space directions: {directions}",
        "endian: little", "encoding: raw", f"space origin: {origin}", *said,
    ]  # fmt: skip
    path.write_bytes("\n".join([*head, "", ""]).encode() + voxels.tobytes(order="F"))
    return path


def labels() -> np.ndarray:
    """Voxels by column, row and slice; each slice differs."""
    voxels = np.zeros((COLUMNS, ROWS, SLICES), dtype="<i2")
    voxels[0, 0, 0] = voxels[4, 0, 1] = voxels[1:3, 3, 2] = 1
    voxels[2, 2, 1] = 2
    return voxels


AXES = {
    "as the images": ((0, 1, 2), (1, 1, 1)),
    "slices from above": ((0, 1, 2), (1, 1, -1)),
    "mirrored": ((0, 1, 2), (-1, -1, 1)),
    "slices first": ((2, 0, 1), (1, -1, 1)),
}
"""The order of axes in the file, and their directions."""


def turned(path: Path, voxels: np.ndarray, order: tuple[int, ...], signs: tuple[int, ...], *said: str) -> Path:
    """The same volume, written with its axes in another order and direction."""
    steps, origin = [0.5, 0.75, 2.0], [10.0, 20.0, 30.0]
    for axis, sign in enumerate(signs):
        if sign < 0:
            voxels = np.flip(voxels, axis)
            origin[axis] += steps[axis] * (voxels.shape[axis] - 1)
    vectors = [[signs[axis] * steps[axis] if at == axis else 0 for at in range(3)] for axis in range(3)]
    directions = " ".join(f"({','.join(map(str, vectors[axis]))})" for axis in order)
    return written_nrrd(path, np.transpose(voxels, order), directions, f"({','.join(map(str, origin))})", *said)


@pytest.mark.parametrize("axes", AXES.values(), ids=AXES)
def test_a_label_map_in_any_order_of_axes_gives_the_same_frames(
    tmp_path: Path, axes: tuple[tuple[int, ...], tuple[int, ...]]
) -> None:
    images = images_of(sorted(written_series(tmp_path / "series").iterdir()))
    made = segmentation(turned(tmp_path / "a_label.nrrd", labels(), *axes), images, CATEGORY, KIND)
    found = np.zeros((2, COLUMNS, ROWS, SLICES), dtype=np.uint8)
    for groups, frame in zip(made.PerFrameFunctionalGroupsSequence, made.pixel_array, strict=True):
        segment = groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber
        place = round((groups.PlanePositionSequence[0].ImagePositionPatient[2] - 30) / 2)
        found[segment - 1, :, :, place] = frame.T
    assert np.array_equal(found, np.stack([labels() == 1, labels() == 2]))
    assert made.ReferencedSeriesSequence[0].SeriesInstanceUID == "1.2.3.4"


def test_codes_of_the_file_come_before_those_that_are_given(tmp_path: Path) -> None:
    images = images_of(sorted(written_series(tmp_path / "series").iterdir()))
    tags = "TerminologyEntry:x~SCT^49755003^Morphologically Abnormal Structure~SCT^108369006^Neoplasm~^^~x~^^~^^|"
    said = ("Segment0_ID:=S1", "Segment0_LabelValue:=1", "Segment0_Layer:=0", f"Segment0_Tags:={tags}")
    path = turned(tmp_path / "a.seg.nrrd", labels(), *AXES["as the images"], *said)
    made = segmentation(path, images, CATEGORY, KIND)
    assert [item.SegmentedPropertyTypeCodeSequence[0].CodeValue for item in made.SegmentSequence] == ["108369006"]


def test_a_map_keeps_its_values_and_names_quantity_and_unit(tmp_path: Path) -> None:
    images = images_of(sorted(written_series(tmp_path / "series").iterdir()))
    values = (labels() * 1.5 + 0.25).astype("<f4")
    path = turned(tmp_path / "adc.nrrd", values, *AXES["slices first"])
    (made,) = parametric_maps(path, images, QUANTITY, UNIT)
    frames = np.frombuffer(made.FloatPixelData, dtype="<f4").reshape(SLICES, ROWS, COLUMNS)
    for groups, frame in zip(made.PerFrameFunctionalGroupsSequence, frames, strict=True):
        place = round((groups.PlanePositionSequence[0].ImagePositionPatient[2] - 30) / 2)
        assert np.allclose(frame.T, values[:, :, place])


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    images = images_of(sorted(written_series(tmp_path / "series").iterdir()))
    path = turned(tmp_path / "a_label.nrrd", labels(), *AXES["as the images"])
    made: list[list[bytes]] = []
    for _ in range(2):
        objects = (segmentation(path, images, CATEGORY, KIND), *parametric_maps(path, images, QUANTITY, UNIT))
        made.append([])
        for one in objects:
            one.save_as(tmp_path / "made.dcm", enforce_file_format=True)
            made[-1].append((tmp_path / "made.dcm").read_bytes())
        time.sleep(0.01)  # a time that is taken from the clock would differ
    assert made[0] == made[1]


def test_layers_of_overlapping_segments_are_frames_of_their_own(tmp_path: Path) -> None:
    images = images_of(sorted(written_series(tmp_path / "series").iterdir()))
    layers = np.stack([labels() == 1, labels() >= 1]).astype("<i2")
    said = []
    for at in (0, 1):
        tags = f"TerminologyEntry:x~SCT^123037004^Body structure~SCT^{10200004 + at}^Part~^^~x~SCT^39607008^Lung~^^|"
        said += [f"Segment{at}_ID:=S{at}", f"Segment{at}_LabelValue:=1", f"Segment{at}_Layer:={at}"]
        said += [f"Segment{at}_Name:=part {at}", f"Segment{at}_Tags:={tags}"]
    directions = "none (0.5,0,0) (0,0.75,0) (0,0,2)"
    path = written_nrrd(
        tmp_path / "a.seg.nrrd", layers, directions, "(10,20,30)", "kinds: list domain domain domain", *said
    )
    made = segmentation(path, images)
    assert [item.SegmentLabel for item in made.SegmentSequence] == ["part 0", "part 1"]
    sites = {item.AnatomicRegionSequence[0].CodeValue for item in made.SegmentSequence}
    assert sites == {"39607008"}
    counts = dict.fromkeys((1, 2), 0)
    for groups, frame in zip(made.PerFrameFunctionalGroupsSequence, made.pixel_array, strict=True):
        counts[int(groups.SegmentIdentificationSequence[0].ReferencedSegmentNumber)] += int(frame.sum())
    assert counts == {1: int((labels() == 1).sum()), 2: int((labels() >= 1).sum())}


def dynamic(tmp_path: Path) -> tuple[Path, np.ndarray]:
    """An NRRD of the values at two times."""
    values = np.stack([labels() * 1.5 + time for time in (1, 2)]).astype("<f4")
    directions = "none (0.5,0,0) (0,0.75,0) (0,0,2)"
    path = written_nrrd(tmp_path / "dce.nrrd", values, directions, "(10,20,30)", "kinds: time domain domain domain")
    return path, values


def test_each_time_becomes_a_map_on_the_images_of_its_time(tmp_path: Path) -> None:
    images = images_of(sorted(written_series(tmp_path / "series", times=2).iterdir()))
    path, values = dynamic(tmp_path)
    made = parametric_maps(path, images, QUANTITY, UNIT)
    assert [one.InstanceNumber for one in made] == [1, 2]
    assert len({one.SeriesInstanceUID for one in made}) == 1
    assert len({one.SOPInstanceUID for one in made}) == 2
    for at, one in enumerate(made):
        (referred,) = one.ReferencedSeriesSequence
        numbers = {
            int(item.ReferencedSOPInstanceUID.rpartition(".")[2]) for item in referred.ReferencedInstanceSequence
        }
        assert numbers == {1 + SLICES * at, 2 + SLICES * at, 3 + SLICES * at}
        assert one.ContentDescription == f"time {at + 1}"
        frames = np.frombuffer(one.FloatPixelData, dtype="<f4").reshape(SLICES, ROWS, COLUMNS)
        for groups, frame in zip(one.PerFrameFunctionalGroupsSequence, frames, strict=True):
            place = round((groups.PlanePositionSequence[0].ImagePositionPatient[2] - 30) / 2)
            assert np.allclose(frame.T, values[at, :, :, place])
            assert groups.FrameContentSequence[0].TemporalPositionIndex == at + 1
    (second,) = parametric_maps(path, images, QUANTITY, UNIT, volume=2)
    assert (second.SOPInstanceUID, second.InstanceNumber) == (made[1].SOPInstanceUID, 2)


def test_colours_are_no_volumes(tmp_path: Path) -> None:
    _, values = dynamic(tmp_path)
    colours = ("none (0.5,0,0) (0,0.75,0) (0,0,2)", "(10,20,30)", "kinds: 2-color domain domain domain")
    with pytest.raises(ValueProblem, match="several numbers for each voxel"):
        volumes_of(written_nrrd(tmp_path / "a.nrrd", values, *colours))


def test_a_map_of_several_times_is_on_those_that_are_named(tmp_path: Path) -> None:
    images = images_of(sorted(written_series(tmp_path / "series", times=3).iterdir()))
    path, _ = dynamic(tmp_path)
    with pytest.raises(ValueProblem, match="3 images at each position, the file 2 volumes"):
        parametric_maps(path, images, QUANTITY, UNIT)
    with pytest.raises(ValueProblem, match="holds 2 volumes"):
        parametric_maps(path, images, QUANTITY, UNIT, volume=3)
    mask = turned(tmp_path / "a_label.nrrd", labels(), *AXES["as the images"])
    with pytest.raises(ValueProblem, match="3 images at each position, the file 1 volumes"):
        segmentation(mask, images, CATEGORY, KIND)
    made = segmentation(mask, images, CATEGORY, KIND, nth=3)
    (referred,) = made.ReferencedSeriesSequence
    assert {item.ReferencedSOPInstanceUID for item in referred.ReferencedInstanceSequence} == {
        f"1.2.3.4.{number}" for number in (7, 8, 9)
    }


def test_of_several_series_that_of_the_mapping_is_taken(tmp_path: Path) -> None:
    both = tmp_path / "both"
    both.mkdir()
    for number in (4, 5):
        written_series(both / str(number), series=f"1.2.3.{number}")
    path = turned(tmp_path / "a_label.nrrd", labels(), *AXES["mirrored"])
    words = ["convert", str(path), str(both), str(tmp_path / "a.dcm"), "--category", str(CATEGORY), "--kind", str(KIND)]
    told = CliRunner().invoke(app, words)
    assert (told.exit_code, "not of one series" in told.output) == (2, True)
    mapping = tmp_path / "subjects.yaml"
    mapping.write_text('"*": {subject: TOY-1, study: 1.2.3, series: 1.2.3.5}')
    made = CliRunner().invoke(app, words)
    assert made.exit_code == 0, made.output
    assert pydicom.dcmread(tmp_path / "a.dcm").ReferencedSeriesSequence[0].SeriesInstanceUID == "1.2.3.5"
    mapping.write_text('"*": {subject: TOY-1, study: 1.2.3, series: 1.2.3.6}')
    told = CliRunner().invoke(app, [*words, "--force"])
    assert (told.exit_code, "has no image here" in told.output) == (2, True)


def test_several_volumes_become_as_many_files_of_one_derived_series(tmp_path: Path) -> None:
    written_series(tmp_path / "series", times=2)
    path, _ = dynamic(tmp_path)
    words = ["convert", str(path), str(tmp_path / "series"), str(tmp_path / "out.dcm")]
    made = CliRunner().invoke(app, [*words, "--quantity", str(QUANTITY), "--unit", str(UNIT)])
    assert made.exit_code == 0, made.output
    files = [tmp_path / f"out-{number}.dcm" for number in (1, 2)]
    items = read_back(files)
    (uid,) = {item.uid for item in items if isinstance(item, Series)} - {"1.2.3.4"}
    assert {(item.uid, item.origin) for item in items if isinstance(item, Derivation)} == {(uid, "1.2.3.4")}
    said = {(item.series, item.value_concept, item.unit) for item in items if isinstance(item, Finding) and item.series}
    assert said == {(uid, "dcm:113041", "mm2/s")}


def read_back(files: list[Path]) -> list[Yield]:
    """What the warehouse reads of the files that were written."""
    context = Context(collection="toy", secret=b"s", attested=True)
    found: list[Yield] = []
    for file in files:
        source = sources.accepting(str(file))
        assert source is not None
        found += source.read(iter([str(file)]), context)
    assert not [item for item in found if isinstance(item, Reject)]
    return found


def refused(tmp_path: Path, **changes: str) -> str:
    images = images_of(sorted((tmp_path / "series").iterdir()))
    text = {"directions": "(0.5,0,0) (0,0.75,0) (0,0,2)", "origin": "(10,20,30)", **changes}
    path = written_nrrd(tmp_path / "a_label.nrrd", labels(), text["directions"], text["origin"])
    with pytest.raises(ValueProblem) as told:
        segmentation(path, images, CATEGORY, KIND)
    return told.value.problem


def test_another_grid_is_refused(tmp_path: Path) -> None:
    written_series(tmp_path / "series")
    assert "do not lie on" in refused(tmp_path, directions="(0.6,0,0) (0,0.75,0) (0,0,2)")
    assert "do not lie on" in refused(tmp_path, origin="(10.2,20,30)")
    assert "slices left over" in refused(tmp_path, origin="(10,20,32)")
    pixels = pydicom.dcmread(tmp_path / "series" / "0.dcm")
    pixels.SeriesInstanceUID = "1.2.3.5"
    pixels.save_as(tmp_path / "series" / "0.dcm")
    with pytest.raises(ValueProblem, match="not of one series"):
        images_of(sorted((tmp_path / "series").iterdir()))


def test_the_command_writes_what_the_warehouse_reads(tmp_path: Path) -> None:
    written_series(tmp_path / "series")
    path = turned(tmp_path / "a_label.nrrd", labels(), *AXES["mirrored"])
    words = ["convert", str(path), str(tmp_path / "series"), str(tmp_path / "a.dcm")]
    unnamed = CliRunner().invoke(app, words)
    assert unnamed.exit_code == 2
    made = CliRunner().invoke(app, [*words, "--category", str(CATEGORY), "--kind", str(KIND)])
    assert made.exit_code == 0, made.output
    assert sources.accepting(str(tmp_path / "a.dcm")) is seg.SOURCE
    context = Context(collection="toy", secret=b"s", attested=True)
    found = [
        item for item in seg.SOURCE.read(iter([str(tmp_path / "a.dcm")]), context) if isinstance(item, RegionFacts)
    ]
    assert [item.series for item in found] == ["1.2.3.4"] * 2
    assert [item.slices for item in found] == [3, 1]


@pytest.mark.skipif(shutil.which("dciodvfy") is None, reason="dciodvfy (dicom3tools) is not installed")
def test_a_second_validator_finds_no_error(tmp_path: Path) -> None:
    images = images_of(sorted(written_series(tmp_path / "series").iterdir()))
    path = turned(tmp_path / "a_label.nrrd", labels(), *AXES["as the images"])
    for made in (segmentation(path, images, CATEGORY, KIND), *parametric_maps(path, images, QUANTITY, UNIT)):
        made.save_as(tmp_path / "made.dcm", enforce_file_format=True)
        told = subprocess.run(["dciodvfy", str(tmp_path / "made.dcm")], capture_output=True, text=True, check=False)
        assert not [line for line in told.stderr.splitlines() if line.startswith("Error")]


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not present")
def test_a_real_label_map_gives_the_pixels_of_another_converter() -> None:
    images = images_of(sorted((REAL / "dicom_ct").glob("DCMQI_0*.dcm")))
    made = segmentation(REAL / "nrrd" / "DCMQI_liver_seg.nrrd", images, CATEGORY, KIND)
    theirs = pydicom.dcmread(REAL / "dicom_seg" / "DCMQI_liver.dcm")
    by_place = [
        {
            round(float(groups.PlanePositionSequence[0].ImagePositionPatient[2]), 2): frame
            for groups, frame in zip(item.PerFrameFunctionalGroupsSequence, item.pixel_array, strict=True)
        }
        for item in (made, theirs)
    ]
    assert by_place[0].keys() == by_place[1].keys()
    assert all(np.array_equal(frame, by_place[1][place]) for place, frame in by_place[0].items())


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not present")
def test_a_real_philips_series_becomes_a_map_of_each_dynamic(tmp_path: Path) -> None:
    path = REAL / "parrec" / "NIB_phantom_EPI_asc_CLEAR_2_1.PAR"
    volumes = volumes_of(path)
    stored = np.fromfile(path.with_suffix(".REC"), dtype="<i2").reshape(3, 9, 64, 64)
    images = on_the_grid_of(volumes[0].affine, written_series(tmp_path / "series", times=9), (64, 64, 9))
    made = parametric_maps(path, images, QUANTITY, UNIT)
    assert [one.ContentDescription for one in made] == [f"dynamic scan number {number}" for number in (1, 2, 3)]
    files = []
    for number, one in enumerate(made):
        values = np.frombuffer(one.FloatPixelData, dtype="<f4")
        assert np.allclose(np.sort(values), np.sort(stored[number].ravel() * 1.29035), rtol=1e-4)
        files.append(tmp_path / f"{number}.dcm")
        one.save_as(files[-1], enforce_file_format=True)
    assert {item.origin for item in read_back(files) if isinstance(item, Derivation)} == {"1.2.3.4"}
    if shutil.which("dciodvfy"):
        told = subprocess.run(["dciodvfy", str(files[1])], capture_output=True, text=True, check=False)
        assert not [line for line in told.stderr.splitlines() if line.startswith("Error")]


def on_the_grid_of(affine: np.ndarray, folder: Path, shape: tuple[int, int, int]) -> list[Dataset]:
    """The images of a folder moved onto the slices of a volume, at three times."""
    images = images_of(sorted(folder.iterdir()))
    steps = [float(np.linalg.norm(affine[:3, axis])) for axis in range(3)]
    for at, image in enumerate(images):
        time, number = divmod(at, shape[2])
        image.Columns, image.Rows, image.TemporalPositionIdentifier = shape[0], shape[1], time + 1
        row, column = affine[:3, 0] / steps[0], affine[:3, 1] / steps[1]
        image.ImageOrientationPatient = [round(float(value), 8) for value in (*row, *column)]
        image.PixelSpacing = [steps[1], steps[0]]
        image.ImagePositionPatient = [round(float(value), 6) for value in affine[:3, 3] + number * affine[:3, 2]]
    return images


@pytest.mark.real
@pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not present")
@pytest.mark.parametrize(
    ("column", "cell", "problem"),
    [(22, "2.5", "one grid"), (25, "9", "one grid"), (9, "99", "one grid"), (22, "x", "header cannot be read")],
)
def test_a_philips_series_of_several_grids_is_refused(tmp_path: Path, column: int, cell: str, problem: str) -> None:
    """Slice gap, orientation and resolution of one image differ."""
    real = REAL / "parrec" / "NIB_phantom_EPI_asc_CLEAR_2_1.PAR"
    lines = real.read_text().splitlines()
    cells = lines[100].split()
    cells[column] = cell
    lines[100] = "  ".join(cells)
    (tmp_path / "a.PAR").write_text("\n".join(lines))
    shutil.copy(real.with_suffix(".REC"), tmp_path / "a.REC")
    with pytest.raises(ValueProblem, match=problem):
        volumes_of(tmp_path / "a.PAR")
