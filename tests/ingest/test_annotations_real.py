"""Every kind of real annotation file: what is read, what is refused, and which numbers are mapped exactly."""

from __future__ import annotations

import pytest

from tests.ingest.annotation_table import KINDS, REAL, row

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not REAL.is_dir(), reason="../shared/data is not present"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
]

EXPECTED = {
    # kind: files, files read, numbers, of them mapped exactly, lesions
    "aim_v3": (70, 70, 182, 182, 67),
    "aim_v4": (1, 1, 4, 4, 1),
    # six numbers of an image and a mask, and a length without unit
    "aim_json": (21, 21, 950, 943, 15),
    "aim_template": (26, 0, 0, 0, 0),
    "epad_rest": (13, 1, 11, 11, 3),
    # two axes are in pixels, which are no lengths
    "dicom_sr": (16, 12, 36, 34, 12),
    "dicom_seg": (18, 17, 0, 0, 6),
    "dicom_rt": (12, 12, 3, 3, 5),
    "dicom_rwvm": (1, 1, 2, 2, 0),
    "dicom_pm": (6, 6, 0, 0, 0),
    "nrrd": (27, 23, 0, 0, 0),
    "slicer_markups": (14, 12, 0, 0, 0),
    "dcmqi_json": (13, 0, 0, 0, 0),
    "radiomics": (10, 6, 2705, 2705, 0),
    "ibsi": (9, 0, 0, 0, 0),
    "dce": (7, 2, 245, 245, 0),
    "recist": (13, 6, 506, 506, 148),
    "tcia": (3, 3, 0, 0, 0),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_comes_of_a_kind(kind: str) -> None:
    found = row(kind)
    assert (found.files, found.read, found.numbers, found.exact, len(found.lesions)) == EXPECTED[kind]
    assert found.reasons.total() == found.files - found.read
