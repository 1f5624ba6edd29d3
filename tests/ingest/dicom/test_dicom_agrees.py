"""The header path reads what pydicom reads: on generated data sets, and on every real file."""

from __future__ import annotations

import io
import tempfile
import warnings
from decimal import Decimal
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, tag_for_keyword
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from ingest.base import Context
from ingest.dicom.header import BrokenDicomError, read_header
from ingest.dicom.reader import HEADER_KEYWORDS, SOURCE
from ontology.fields import dicom_attributes
from ontology.records import Reject, SeriesHeader
from tests.ingest.dicom.reference import by_pydicom, by_us, differences, private_by_pydicom

DATA = Path(__file__).parents[4] / "shared" / "data" / "imaging"
META = ("MediaStorageSOPClassUID", "TransferSyntaxUID")
SYNTAXES = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    ExplicitVRBigEndian,
    DeflatedExplicitVRLittleEndian,
)
CHARSETS = {
    "ISO_IR 100": "Müller 3µ",
    "ISO_IR 144": "Юпитер",
    "ISO_IR 192": "東京 é",
    "ISO 2022 IR 87": "",
    "GB18030": "王小东",
}
"""Character sets of PS3.3 C.12.1.1.2 with a text that they can write."""

words = st.text(st.characters(codec="ascii", categories=("L", "N")), min_size=1, max_size=12)
VALUES = {
    "CS": st.text("ABCDEFGHIJ_ 0123456789", min_size=1, max_size=16),
    "DS": st.decimals(-(10**6), 10**6, places=4).map(lambda number: format(number, "f")[:16]),
    "FD": st.floats(-1e12, 1e12).filter(lambda number: number == 0 or abs(number) > 1e-200),
    "FL": st.floats(-1e6, 1e6, width=32),
    "IS": st.integers(-(2**31), 2**31 - 1).map(str),
    "LO": words,
    "SH": words,
    "UI": st.lists(st.integers(0, 999), min_size=2, max_size=8).map(lambda parts: ".".join(map(str, parts))),
    "UL": st.integers(0, 2**32 - 1),
    "US": st.integers(0, 2**16 - 1),
}
KEYWORDS = sorted(name for name, attribute in dicom_attributes().items() if attribute.vr in VALUES)
KEYWORDS.remove("TransferSyntaxUID")  # stands in the file meta information


@st.composite
def datasets(draw, depth=2):
    found = Dataset()
    for keyword in draw(st.lists(st.sampled_from(KEYWORDS), unique=True, max_size=8)):
        many = draw(st.lists(VALUES[dictionary_VR(tag_for_keyword(keyword))], min_size=1, max_size=3))
        setattr(found, keyword, many if dicom_attributes()[keyword].vm != "1" else many[0])
    if depth:
        items = draw(st.lists(datasets(depth=depth - 1), max_size=2))
        name = draw(st.sampled_from(("SharedFunctionalGroupsSequence", "RadiopharmaceuticalInformationSequence")))
        setattr(found, name, Sequence(items))
    return found


def written(found: Dataset, syntax: str, charset: str, uid: str = "1.2.3") -> bytes:
    found.SOPClassUID, found.SOPInstanceUID = "1.2.840.10008.5.1.4.1.1.7", uid
    found.SpecificCharacterSet = charset
    if CHARSETS[charset]:
        found.SeriesDescription = CHARSETS[charset]
    found.file_meta = FileMetaDataset()
    found.file_meta.TransferSyntaxUID = syntax
    buffer = io.BytesIO()
    dcmwrite(buffer, found, enforce_file_format=True)
    return buffer.getvalue()


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(datasets(), st.sampled_from(SYNTAXES), st.sampled_from(sorted(CHARSETS)))
def test_a_generated_data_set_reads_as_pydicom_reads_it(found, syntax, charset):
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        path = Path(folder) / "a.dcm"
        path.write_bytes(written(found, syntax, charset))
        ours = by_us(read_header(path, HEADER_KEYWORDS))
        theirs = by_pydicom(pydicom.dcmread(path), {*HEADER_KEYWORDS})
    for name in META:
        ours.pop(name, None)
    assert differences(ours, theirs) == []
    if CHARSETS[charset]:
        assert ours["SeriesDescription"] == [CHARSETS[charset]]


GEOMETRY = ("PlanePositionSequence", "ImagePositionPatient"), ("PlaneOrientationSequence", "ImageOrientationPatient")


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(datasets(), st.lists(datasets(depth=0), max_size=3), st.data()), min_size=1, max_size=3))
def test_whatever_a_header_says_its_file_comes_in_or_is_told(drawn):
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, (found, groups, data) in enumerate(drawn):
            found.PatientID, found.StudyInstanceUID, found.SeriesInstanceUID = "P-01", "1.2.3", "1.2.3.4"
            found.PerFrameFunctionalGroupsSequence = Sequence(groups)
            for group in groups:
                for sequence, keyword in GEOMETRY:
                    item = Dataset()
                    setattr(item, keyword, data.draw(st.lists(VALUES["DS"], min_size=1, max_size=6)))
                    setattr(group, sequence, Sequence([item]))
            content = written(found, ExplicitVRLittleEndian, "ISO_IR 192", f"1.2.3.4.{number}")
            (Path(folder) / f"{number}.dcm").write_bytes(content)
        paths = sorted(map(str, Path(folder).iterdir()))
        records = list(SOURCE.read(iter(paths), Context(collection="test", attested=True)))
    told = {record.name for record in records if isinstance(record, Reject)}
    counted = sum(record.instance_count or 0 for record in records if isinstance(record, SeriesHeader))
    assert told == set()
    assert counted == len(paths)


def test_a_difference_is_seen():
    """The comparison itself: another value, another item, a value that only one of both has."""
    item = {"EchoTime": [Decimal(1)]}
    assert differences({"Rows": [Decimal(1)]}, {"Rows": [Decimal(2)]}) == ["/Rows"]
    assert differences({}, {"Rows": [Decimal(2)]}) == ["/Rows"]
    assert differences({"Rows": [Decimal(1)]}, {}) == ["/Rows is ours only"]
    assert differences({"A": [item]}, {"A": [{"EchoTime": [Decimal(2)]}]}) == ["/A[0]/EchoTime"]
    assert differences({"A": [item]}, {"A": [item, item]}) == ["/A has 1 items"]
    assert differences({"A": [item]}, {"A": [item]}) == []


@pytest.mark.real
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not present")
def test_every_real_file_reads_as_pydicom_reads_it():
    seen, differing = 0, {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for path in sorted(path for path in DATA.glob("dicom_*/**/*") if path.is_file()):
            try:
                header = read_header(path, HEADER_KEYWORDS)
            except BrokenDicomError:
                continue
            try:
                found = pydicom.dcmread(path, stop_before_pixels=True, force=True)
                theirs = {**private_by_pydicom(found), **by_pydicom(found, {*HEADER_KEYWORDS})}
            except NotImplementedError:
                continue  # a value representation that pydicom does not know, in an element that is not read here
            ours = by_us(header)
            for name in META:
                ours.pop(name, None)
            seen += 1
            if told := differences(ours, theirs):
                differing[path.name] = told
    assert differing == {}
    assert seen > 200
