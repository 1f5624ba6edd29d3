"""The checks of a series, each against headers that pass and that fail it for one reason."""

from __future__ import annotations

import pytest

from ontology.records import Finding, SeriesHeader
from ontology.terms import q

STATED = "activity concentration, weight, dose and the times of injection and scan are stated"
LATER = "Series Time is later than the first acquisition"
AXIAL = ["1", "0", "0", "0", "1", "0"]
FDG = {
    "Radiopharmaceutical": "FDG",
    "RadionuclideTotalDose": "370000000",
    "RadionuclideHalfLife": "6586.2",
    "RadiopharmaceuticalStartTime": "091000",
}
PET = {
    "SOPClassUID": "1.2.840.10008.5.1.4.1.1.128",
    "Modality": "PT",
    "Units": "BQML",
    "CorrectedImage": ["DECY", "ATTN", "SCAT"],
    "DecayCorrection": "START",
    "PatientWeight": "71",
    "SeriesTime": "101000",
    "AcquisitionTime": "101000",
    "RadiopharmaceuticalInformationSequence": [FDG],
}


def checks(factory):
    return {
        item.variable: (item.value, item.raw)
        for item in factory.read()
        if isinstance(item, Finding) and item.key.startswith("check/")
    }


def without(keyword):
    return {"RadiopharmaceuticalInformationSequence": [{name: value for name, value in FDG.items() if name != keyword}]}


@pytest.mark.parametrize(
    ("changed", "passed", "reason"),
    [
        ({}, True, "activity concentration, weight, dose and the times of injection and scan are stated"),
        ({"Units": "GML"}, True, "the values are SUV by body weight already"),
        ({"Units": "GML", "SUVType": "LBM"}, False, "the values are SUV of type LBM, not by body weight"),
        ({"Units": "CNTS"}, False, "Units CNTS: only a private factor"),
        ({"Units": "PROPCPS"}, False, "Units PROPCPS are no activity concentration"),
        ({"Units": None}, False, "no Units are stated"),
        ({"PatientWeight": None}, False, "no Patient's Weight is stated"),
        ({"PatientWeight": "0"}, False, "no Patient's Weight is stated"),
        ({"CorrectedImage": ["DECY"]}, False, "the images are not corrected for attenuation"),
        ({"CorrectedImage": ["ATTN"]}, False, "the images are not corrected for decay"),
        ({"DecayCorrection": "NONE"}, False, "Decay Correction is NONE"),
        ({"DecayCorrection": None}, False, "no Decay Correction is stated"),
        ({"DecayCorrection": "ADMIN", "SeriesTime": "150000"}, True, "activity concentration"),
        ({"SeriesTime": "150000"}, True, f"{STATED}; {LATER}, so the scan began at the earliest Acquisition Time"),
        (
            {"SeriesTime": "150000", "FrameReferenceTime": "60000", "ActualFrameDuration": "120000"},
            True,
            f"{STATED}; {LATER}, so the start of the scan is computed back from Frame Reference Time",
        ),
        (
            {"SeriesTime": "150000", "FrameReferenceTime": "0", "ActualFrameDuration": "120000"},
            True,
            f"{STATED}; {LATER}, so the scan began at the earliest Acquisition Time",
        ),
        ({"SeriesTime": "150000", "PatientWeight": None}, False, "no Patient's Weight is stated"),
        ({"SeriesTime": None}, False, "no Series Time is stated"),
        ({"RadiopharmaceuticalInformationSequence": None}, False, "no Radiopharmaceutical Information is stated"),
        (without("RadionuclideTotalDose"), False, "no Radionuclide Total Dose is stated"),
        (without("RadionuclideHalfLife"), False, "no Radionuclide Half Life is stated"),
        (without("RadiopharmaceuticalStartTime"), False, "no start time of the radiopharmaceutical is stated"),
    ],
)
def test_whether_suv_can_be_computed_and_why_not(factory, changed, passed, reason):
    factory.write("a", **{**PET, **changed})
    value, told = checks(factory)[q.SUVCHECK]
    assert value is passed
    assert told.startswith(reason)


def test_images_that_disagree_have_no_suv(factory):
    factory.write("a", 1, **PET)
    factory.write("b", 2, **{**PET, "PatientWeight": "82"})
    assert checks(factory)[q.SUVCHECK] == (False, "the images state several weights")


def test_other_modalities_are_not_asked_for_suv(factory):
    factory.write("a")
    assert checks(factory) == {}


@pytest.mark.parametrize(
    ("start", "passed"), [("091000", True), ("092000", True), ("092100", False), ("083000", False)]
)
def test_uptake_time_of_fdg_has_its_window(factory, start, passed):
    factory.write(
        "a", **PET | {"RadiopharmaceuticalInformationSequence": [{**FDG, "RadiopharmaceuticalStartTime": start}]}
    )
    assert checks(factory)[q.UPTAKE_CHECK][0] is passed


def test_uptake_of_dynamic_series_and_of_other_tracers_is_not_judged(factory):
    factory.write("a", **PET, SeriesType=["DYNAMIC", "IMAGE"])
    factory.write(
        "b",
        2,
        **{**PET, "RadiopharmaceuticalInformationSequence": [{**FDG, "Radiopharmaceutical": "FLT"}]},
        SeriesInstanceUID="1.2.3.1.2",
    )
    assert q.UPTAKE_CHECK not in checks(factory)


def write_slices(factory, places, **said):
    for number, place in enumerate(places, 1):
        position = {"ImagePositionPatient": ["0", "0", str(place)], "ImageOrientationPatient": AXIAL}
        factory.write(f"{number:03}", number, **position, **said)


@pytest.mark.parametrize(
    ("places", "reason"),
    [
        ((0, 3, 6, 9, 12), None),
        ((0, 3, 6, 12, 15), "1 slice missing among 5 places"),
        ((0, 3, 6, 15, 18, 21), "2 slices missing among 6 places"),
        ((0, 3, 6, 6, 9), "1 slice repeated among 4 places"),
        ((-3, -2, -1, 0, 1), None),
        ((0, 3), None),
        ((0, 3, 7, 12, 18), None),  # no usual spacing, so none is missing
        ((0, 9, 18, 20), None),
    ],
)
def test_slices_are_missing_or_repeated(factory, places, reason):
    write_slices(factory, places)
    assert checks(factory).get(q.SLICE_CHECK) == (None if reason is None else (False, reason))


def test_a_segmentation_may_leave_frames_out(factory):
    """Those in which nothing is segmented, so that none is missing."""
    write_slices(factory, (0, 3, 6, 12, 15), SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4", Modality="SEG")
    assert checks(factory) == {}


def test_slices_of_several_time_points_are_no_repeats(factory):
    write_slices(factory, (0, 3, 6, 9))
    for number, place in enumerate((0, 3, 6, 9), 5):
        factory.write(
            f"{number:03}", number, AcquisitionNumber=2,
            ImagePositionPatient=["0", "0", str(place)], ImageOrientationPatient=AXIAL,
        )  # fmt: skip
    assert checks(factory) == {}


def test_slices_of_two_kernels_are_no_repeats(factory):
    position = {"ImagePositionPatient": ["0", "0", "1"], "ImageOrientationPatient": AXIAL}
    factory.write("a", 1, **position, ConvolutionKernel="B30f")
    factory.write("b", 2, **position, ConvolutionKernel="B70f")
    assert checks(factory) == {}


def write_frames(factory, starts, places=(0, 3, 6), **said):
    number = 0
    for start in starts:
        for place in places:
            number += 1
            factory.write(
                f"{number:03}", number, **{**PET, **said, "SeriesTime": "101000", "AcquisitionTime": start},
                SeriesType=["DYNAMIC", "IMAGE"], ActualFrameDuration="60000",
                ImagePositionPatient=["0", "0", str(place)], ImageOrientationPatient=AXIAL,
            )  # fmt: skip


def test_time_frames_that_follow_each_other_pass(factory):
    write_frames(factory, ("101000", "101100", "101200"))
    assert q.FRAME_CHECK not in checks(factory)
    (header,) = (item for item in factory.read() if isinstance(item, SeriesHeader))
    assert (header.temporal_positions, header.time_step, header.scan_seconds) == (3, 60, 120)


def test_a_pause_between_time_frames_is_told(factory):
    write_frames(factory, ("101000", "101100", "101300"))
    assert checks(factory)[q.FRAME_CHECK] == (False, "1 pause between time frames")


def test_a_missing_image_of_a_time_point_is_told(factory):
    write_frames(factory, ("101000", "101100", "101200"))
    (factory.folder / "009").unlink()
    assert checks(factory)[q.FRAME_CHECK] == (False, "1 images missing of 3 time points")
