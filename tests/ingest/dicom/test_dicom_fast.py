"""The quick way through a header agrees with pydicom, on real files and on generated ones, or leaves them to it."""

from __future__ import annotations

import io
import tempfile
import warnings
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from ingest.dicom import header as dicom_header
from ingest.dicom.elements import BrokenDicomError, Header
from ingest.dicom.reader import HEADER_KEYWORDS
from ingest.dicom.walk import MoreBytesError, OddBytesError

DATA = Path(__file__).parents[4] / "shared" / "data" / "imaging"

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\\^=\x7f"), max_size=20)
ELEMENTS: dict[str, st.SearchStrategy[Any]] = {
    "PatientID": TEXT,
    "PatientName": TEXT,
    "OperatorsName": TEXT,
    "SeriesDescription": TEXT,
    "ImageType": st.lists(st.sampled_from(["ORIGINAL", "PRIMARY", "AXIAL"]), max_size=3),
    "SliceThickness": st.decimals(-1000, 1000, places=3).map(str),
    "Rows": st.integers(0, 65535),
    "DiffusionBValue": st.floats(allow_nan=False, allow_infinity=False),
    "StudyDate": st.dates().map(lambda day: day.strftime("%Y%m%d")),
    "SOPClassUID": st.sampled_from(["1.2.840.10008.5.1.4.1.1.7", "1.2.3"]),
    "PatientComments": TEXT,
    "SpecificCharacterSet": st.sampled_from(["ISO_IR 100", "ISO_IR 192", "ISO_IR 144"]),
}
SEQUENCES = ("AnatomicRegionSequence", "RadiopharmaceuticalInformationSequence", "RequestAttributesSequence")


def dataset(values: dict[str, Any]) -> Dataset:
    made = Dataset()
    for keyword, value in values.items():
        setattr(made, keyword, [dataset(item) for item in value] if keyword in SEQUENCES else value)
        if keyword in SEQUENCES:
            made[keyword].is_undefined_length = bool(len(value) % 2)
    return made


PLAIN = st.fixed_dictionaries({}, optional=ELEMENTS)
ITEMS = st.recursive(
    PLAIN,
    lambda inner: st.fixed_dictionaries(
        {}, optional={**ELEMENTS, **dict.fromkeys(SEQUENCES, st.lists(inner, max_size=3))}
    ),
    max_leaves=6,
)
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian, DeflatedExplicitVRLittleEndian)


def quickly(path: Path, keywords: list[str], deepest: int | None = None) -> Header | None:
    """The header as the quick way reads it, or None where it does not."""
    alike = dicom_header._alike(tuple(keywords), deepest, frozenset())
    with path.open("rb") as handle:
        try:
            return dicom_header._quickly(handle, handle.read(dicom_header.FIRST), path.stat().st_size, alike)
        except (OddBytesError, MoreBytesError):
            return None


def patiently(path: Path, keywords: list[str], deepest: int | None = None) -> Header:
    """The header as pydicom reads it."""
    plan = dicom_header._alike(tuple(keywords), deepest, frozenset()).plan
    with path.open("rb") as handle:
        return dicom_header._patiently(handle, path.stat().st_size, plan)


def written(values: dict[str, Any], syntax: str, *, pixels: bool) -> bytes | None:
    """The bytes of a file; None where a value cannot be written."""
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        made = dataset(values)
        if pixels:
            made.add_new("PixelData", "OW", bytes(8))
        made.file_meta = FileMetaDataset()
        made.file_meta.MediaStorageSOPClassUID = made.file_meta.MediaStorageSOPInstanceUID = "1.2.3"
        made.file_meta.TransferSyntaxUID = syntax
        try:
            dcmwrite(buffer, made, enforce_file_format=True)
        except UnicodeError:
            return None
    return buffer.getvalue()


@settings(max_examples=150, deadline=None)
@given(values=ITEMS, syntax=st.sampled_from(SYNTAXES), pixels=st.booleans())
def test_generated_headers_agree_with_pydicom(values, syntax, pixels):
    content = written(values, syntax, pixels=pixels)
    if content is None:
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.dcm")
        path.write_bytes(content)
        assert quickly(path, HEADER_KEYWORDS) in (patiently(path, HEADER_KEYWORDS), None)


@settings(max_examples=60, deadline=None)
@given(
    first=ITEMS, changes=st.lists(ITEMS, min_size=2, max_size=3), syntax=st.sampled_from(SYNTAXES[:3]), data=st.data()
)
def test_further_headers_of_a_series_agree_with_pydicom(first, changes, syntax, data):
    """Whatever is changed, added and left out in the files of a series, no file is taken for another."""
    dicom_header._alike.cache_clear()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.dcm")
        for change in [{}, {}, *changes]:
            names = sorted({*first, *change})
            left = data.draw(st.sets(st.sampled_from(names), max_size=2)) if names and change else set()
            values = {name: value for name, value in {**first, **change}.items() if name not in left}
            content = written({**values, "SeriesInstanceUID": "1.2.3.4"}, syntax, pixels=True)
            if content is not None:
                path.write_bytes(content)
                assert quickly(path, HEADER_KEYWORDS) in (patiently(path, HEADER_KEYWORDS), None)


def test_of_a_further_file_what_differs_is_seen(factory):
    """Names, in an element or within a sequence, and character sets that come later in a series."""
    plain = {"ReferringPhysicianName": "", "StudyDescription": "Br\xfcste"}
    later = (
        {"ReferringPhysicianName": "DOE^JANE"},
        {"RequestAttributesSequence": [{"RequestingPhysician": "DOE^JANE"}]},
        {"SpecificCharacterSet": "ISO_IR 192"},
        {"OperatorsName": "DOE^JANE", "ReferringPhysicianName": None},
    )
    for change in (*({} for _ in range(3)), *later, {}, *later):
        said = {"SpecificCharacterSet": "ISO_IR 100", **plain, **change}
        path = factory.write("a.dcm", **said)
        found = quickly(path, HEADER_KEYWORDS)
        assert found == patiently(path, HEADER_KEYWORDS)
        assert found is not None
        assert found.text("StudyDescription") == "Br\xfcste"
        assert any("DOE^JANE" in watched.values for watched in found.watched) == ("DOE^JANE" in str(change))


def test_usual_files_are_read_quickly(factory):
    items = [{"CodeValue": "1", "CodeMeaning": "x"}]
    for number, syntax in enumerate(SYNTAXES):
        path = factory.write(f"{number}.dcm", TransferSyntaxUID=syntax, AnatomicRegionSequence=items)
        found = quickly(path, HEADER_KEYWORDS)
        assert found == patiently(path, HEADER_KEYWORDS)
        assert found is not None
        assert found.items["AnatomicRegionSequence"][0].text("CodeMeaning") == "x"


@pytest.mark.real
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not present")
@pytest.mark.parametrize("deepest", [None, 8])
def test_real_headers_agree_with_pydicom(deepest):
    quick = 0
    paths = [path for folder in sorted(DATA.glob("dicom_*")) for path in sorted(folder.iterdir()) if path.is_file()]
    for path in paths:
        try:
            expected = patiently(path, HEADER_KEYWORDS, deepest)
        except (BrokenDicomError, *dicom_header.UNREADABLE):
            continue  # what pydicom does not read is told, whichever way
        found = quickly(path, HEADER_KEYWORDS, deepest)
        assert found in (expected, None), path.name
        quick += found is not None
    assert quick > 0.9 * len(paths)
