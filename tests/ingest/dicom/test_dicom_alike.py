"""Further files of a series, of which only what differs is read, say what they would say alone, and are judged so."""

from __future__ import annotations

import io
import tempfile
import warnings
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydicom.dataset import FileMetaDataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ingest.base import Context, Yield
from ingest.dicom import header as dicom_header
from ingest.dicom import reader
from ingest.dicom.elements import BrokenDicomError, Header
from ingest.dicom.header import read_header
from ingest.dicom.instances import Instance, Instances, Seen
from ingest.dicom.meta import Metas, meta_of
from ingest.dicom.reader import HEADER_KEYWORDS
from ontology.records import Reject
from tests.ingest.dicom.conftest import Factory
from tests.ingest.dicom.test_dicom_planted import PLACES

DATA = Path(__file__).parents[4] / "shared" / "data" / "imaging"
SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian)


def code(meaning: str) -> list[dict[str, str]]:
    return [{"CodeValue": meaning.upper(), "CodingSchemeDesignator": "99MADE", "CodeMeaning": meaning}]


def images(*uids: str) -> list[dict[str, str]]:
    return [{"ReferencedSOPClassUID": "1.2.840.10008.5.1.4.1.1.2", "ReferencedSOPInstanceUID": uid} for uid in uids]


def options(*more: str) -> list[dict[str, str]]:
    """The codes of a method that says that dates were changed."""
    return [
        {"CodeValue": value, "CodingSchemeDesignator": "DCM", "CodeMeaning": "x"}
        for value in ("113100", "113107", *more)
    ]


DIFFERING: dict[str, list[Any]] = {
    "AcquisitionTime": ["081500", "081510", "081530.5", "", "081400"],
    "ContentTime": ["081500", "081501", "", "081502"],
    "InstanceNumber": [1, 2, 3, 4],
    "ImagePositionPatient": [["0", "0", "0"], ["0", "0", "2"], ["0", "0", "4"], ["1", "1"], ["0", "0", "-6"]],
    "ImageOrientationPatient": [["1", "0", "0", "0", "1", "0"], [], ["0", "1", "0", "0", "0", "1"]],
    "EchoTime": ["4", "8", "", "12"],
    "ActualFrameDuration": [1000, 2000, 3000, 500],
    "Rows": [1, 2, 3, 4],
    "AcquisitionDate": ["20010204", "20010205", "", "20010203"],
    "BurnedInAnnotation": ["NO", "", "YES", "NO"],
    "SeriesDescription": ["chest", "", "call 555-010-0142", "Br\xfcste"],
    "PatientName": ["P-01", "", "DOE^JANE"],
    "PatientID": ["P-01", "P-02", "P-01", "P-03"],
    "StudyInstanceUID": ["1.2.3.1", "1.2.3.5", "1.2.3.1", "no UID"],
    "SOPInstanceUID": ["1.2.3.9.1", "1.2.3.9.22", "1.2.3.9.3", "no UID", "1.2.3.9.3"],
    "PatientIdentityRemoved": ["YES", "NO", "YES", "NO"],
    "OperatorsName": ["", "anonymous", "DOE^JANE"],
    "InstitutionAddress": ["", "----", "Zebulonstrasse 7"],
    "SourceImageSequence": [*map(images, ("1.2.3.8", "1.2.3.7", "1.2.3.1.1.5")), [], images("1.2.3.5", "1.2.3.4")],
    "AnatomicRegionSequence": [[], code("chest"), code("brain"), code("chest")],
    "RadiopharmaceuticalInformationSequence": [
        *([{"RadionuclideTotalDose": dose}] for dose in ("1", "2", "3", "4")),
        [{"RadionuclideTotalDose": "5", "Radiopharmaceutical": "call 555-010-0142"}],
        [],
    ],
    "RequestAttributesSequence": [[], code("x"), [{"RequestingPhysician": "DOE^JANE"}], code("y")],
    "DeidentificationMethodCodeSequence": [options("113105"), options("113108"), options("113109"), options(), []],
    "SpecificCharacterSet": ["ISO_IR 100", "ISO_IR 192", "ISO_IR 100"],
}
"""What may differ from file to file, of every kind: passed over, kept, judged, watched, within sequences."""

FIXED: dict[str, Any] = {
    "SpecificCharacterSet": "ISO_IR 100",
    "AcquisitionTime": "081500",
    "ContentTime": "081500",
    "ImagePositionPatient": ["0", "0", "0"],
    "ImageOrientationPatient": ["1", "0", "0", "0", "1", "0"],
    "EchoTime": "4",
    "SeriesDescription": "chest",
    "BurnedInAnnotation": "NO",
    "OperatorsName": "",
    "AcquisitionDate": "20010203",
    "SourceImageSequence": images("1.2.3.1.1.2"),
    "AnatomicRegionSequence": code("chest"),
    "RequestAttributesSequence": code("x"),
    "Units": "BQML",
    "Modality": "PT",
    "ActualFrameDuration": 1000,
}


@st.composite
def changes(draw: st.DrawFn) -> list[dict[str, Any]]:
    """What each file of a series says of a few attributes that differ in it, and now and then of another."""
    names = draw(st.sets(st.sampled_from(sorted(DIFFERING)), min_size=1, max_size=4))
    usual = {name: st.sampled_from(DIFFERING[name]) for name in sorted(names)}
    files = draw(st.lists(st.fixed_dictionaries(usual), min_size=3, max_size=7))
    odd = draw(st.sampled_from(sorted(DIFFERING)))
    files[draw(st.integers(0, len(files) - 1))][odd] = draw(st.sampled_from([*DIFFERING[odd], None]))
    return files


def private(content: bytes, value: str) -> bytes:
    """The same file with a private element that may be read, the b-value of Siemens, and one that may not."""
    dataset = pydicom.dcmread(io.BytesIO(content))
    syntax = dataset.file_meta.TransferSyntaxUID
    dataset.file_meta = FileMetaDataset(dataset.file_meta)
    dataset.private_block(0x0019, "SIEMENS MR HEADER", create=True).add_new(0x0C, "IS", value)
    dataset.private_block(0x0029, "MAKER", create=True).add_new(0x0C, "LO", value)
    buffer = io.BytesIO()
    implicit, little = syntax == ImplicitVRLittleEndian, syntax != ExplicitVRBigEndian
    dcmwrite(buffer, dataset, implicit_vr=implicit, little_endian=little, enforce_file_format=True)
    return buffer.getvalue()


def written(folder: Path, files: Iterable[dict[str, Any]], syntax: str, *, with_private: bool = True) -> list[str]:
    """The paths of the files of a series."""
    factory = Factory(folder)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for number, said in enumerate(files, 1):
            path = factory.write(f"{number}.dcm", number, **{**FIXED, "TransferSyntaxUID": syntax, **said})
            if with_private and number % 3:
                path.write_bytes(private(path.read_bytes(), str(100 * number)))
    return sorted(map(str, folder.iterdir()))


def alone(path: Path | str, *_: Any) -> Header:
    """A header that is read as if it were the first."""
    dicom_header._alike.cache_clear()
    found = read_header(path, HEADER_KEYWORDS)
    assert found.common is None
    return found


def records(paths: Iterable[str], **context: Any) -> list[Yield]:
    """What a run gives, what it asks a steward included."""
    asked: list[Yield] = []
    told = list(reader.read(iter(paths), Context(collection="toys", review=asked.append, **context)))
    return [*told, *asked]


@settings(max_examples=40, deadline=None)
@given(files=changes(), syntax=st.sampled_from(SYNTAXES))
def test_a_further_file_says_what_it_says_alone(files, syntax):
    with tempfile.TemporaryDirectory() as folder:
        paths = written(Path(folder), files, syntax)
        told = [alone(path) for path in paths]
        dicom_header._alike.cache_clear()
        for path, expected in zip(paths * 3, told * 3, strict=True):
            found = read_header(path, HEADER_KEYWORDS)
            assert found == expected
            if found.common:
                shared = {key: value for key, value in found.values.items() if key not in found.own}
                assert shared.items() <= found.common.values.items()
                assert {**shared, **found.own} == found.values
                differing = {key for key in found.items if found.items[key] != found.common.items.get(key)}
                assert differing <= found.common.differing


@settings(max_examples=40, deadline=None)
@given(files=changes(), syntax=st.sampled_from(SYNTAXES), attested=st.booleans())
def test_a_series_comes_in_as_if_each_file_were_judged_and_summed_alone(files, syntax, attested):
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        paths = written(Path(folder), files, syntax)
        dicom_header._alike.cache_clear()
        found = records(paths, attested=attested)
        patch.setattr(reader, "read_header", alone)
        assert found == records(paths, attested=attested)


@pytest.mark.parametrize("attested", [True, False])
@pytest.mark.parametrize("name", sorted(DIFFERING))
def test_whatever_differs_in_a_series_is_judged_and_summed(tmp_path, monkeypatch, name, attested):
    values = DIFFERING[name]
    files = [{name: value} for value in values * 2]
    paths = written(tmp_path, files, ExplicitVRLittleEndian, with_private=False)
    dicom_header._alike.cache_clear()
    found = records(paths, attested=attested)
    assert all(read_header(path, HEADER_KEYWORDS).common for path in paths)
    monkeypatch.setattr(reader, "read_header", alone)
    assert found == records(paths, attested=attested)


def test_files_of_a_series_share_what_is_alike(factory):
    headers = [
        read_header(factory.write(f"{number}.dcm", number, EchoTime=str(number)), HEADER_KEYWORDS)
        for number in range(1, 8)
    ]
    commons = {header.common for header in headers[3:]}
    assert len(commons) == 1
    assert None not in commons
    assert headers[6].own.keys() >= {"EchoTime", "SOPInstanceUID"}
    assert "PatientID" not in headers[6].own


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("place", PLACES)
def test_what_is_planted_in_later_files_is_met_as_in_a_first_one(factory, place):
    """Quarantined, asked about or left out, in the first file that has it and in those that are like that file."""
    for number in range(1, 8):
        content = factory.content(number, StationName="S", StudyID="1", SliceLocation=str(number))
        dataset = pydicom.dcmread(io.BytesIO(content))
        if number in {4, 5, 7}:
            PLACES[place](dataset)
        dcmwrite(factory.folder / f"{number}.dcm", dataset, enforce_file_format=True)
    paths = sorted(map(str, factory.folder.iterdir()))
    dicom_header._alike.cache_clear()
    found = records(paths)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reader, "read_header", alone)
        assert found == records(paths)
    refused = {item.name for item in found if isinstance(item, Reject) and not item.review}
    assert refused in (set(), {"4.dcm", "5.dcm", "7.dcm"})


@pytest.mark.parametrize("length", [100, 9_000, 40_000, 70_000, 200_000])
def test_a_header_may_be_longer_than_that_of_the_file_before(factory, length):
    """More bytes are read where those that sufficed for the last file do not."""
    short = factory.write("1.dcm", 1)
    long = factory.write("2.dcm", 2, SeriesInstanceUID="1.2.3.1.2", PatientComments="x" * 100)
    dataset = pydicom.dcmread(long)
    dataset.private_block(0x0029, "MAKER", create=True).add_new(0x0C, "OB", bytes(length))
    dataset.save_as(long)
    for path in (long, short, long, short, long):
        expected = alone(path)
        dicom_header._alike.cache_clear()
        read_header(short, HEADER_KEYWORDS)
        assert read_header(path, HEADER_KEYWORDS) == expected
    assert expected.pixels is not None
    assert expected.pixels > length


def test_two_kinds_of_image_in_a_series_are_both_known_again(factory):
    """Files with other elements have a pattern of their own, so that their turns cost nothing."""
    told = [{"EchoTime": str(number)} | ({"FlipAngle": "12"} if number % 2 else {}) for number in range(12)]
    paths = [factory.write(f"{number}.dcm", number + 1, **said) for number, said in enumerate(told)]
    headers = [read_header(path, HEADER_KEYWORDS) for path in paths]
    assert len({header.common for header in headers[-4:]} - {None}) == 2


def test_a_released_file_does_not_let_the_next_one_in(factory):
    """A steward answers for one file of a series, and the next has the same flaw."""
    for number in (1, 2, 3, 4):
        factory.write(f"{number}.dcm", number, BurnedInAnnotation="YES")
    digest = read_header(factory.folder / "3.dcm", HEADER_KEYWORDS).digest
    found = records(map(str, sorted(factory.folder.iterdir())), released=lambda content, _place: content == digest)
    assert [item.name for item in found if isinstance(item, Reject)] == ["1.dcm", "2.dcm", "4.dcm"]


def outcome(path: Path) -> tuple[str, str] | Header:
    try:
        return read_header(path, HEADER_KEYWORDS)
    except BrokenDicomError as error:
        return error.place, error.problem


def test_a_file_of_a_series_that_is_cut_off_is_told_as_it_is_alone(factory):
    whole = [factory.write(f"{number}.dcm", number) for number in (1, 2, 3, 4)]
    content = whole[-1].read_bytes()
    expected = []
    for length in range(132, len(content), 3):
        whole[-1].write_bytes(content[:length])
        dicom_header._alike.cache_clear()
        expected.append(outcome(whole[-1]))
    assert sum(isinstance(told, tuple) for told in expected) > len(expected) / 2
    dicom_header._alike.cache_clear()
    whole[-1].write_bytes(content)
    assert [read_header(path, HEADER_KEYWORDS).common is None for path in whole] == [True, True, False, False]
    found = []
    for length in range(132, len(content), 3):
        whole[-1].write_bytes(content[:length])
        found.append(outcome(whole[-1]))
    assert found == expected


@given(st.binary(max_size=60), st.lists(st.integers(1, 64), min_size=1, max_size=6), st.binary(max_size=12))
def test_meta_information_that_is_known_again_says_what_it_says(uid, lengths, behind):
    metas = Metas()
    for length in lengths:
        value = (uid * 64)[:length].ljust(length, b"1")
        elements = [(2, "UI", b"1.2.840.10008.5.1.4.1.1.2\0"), (3, "UI", value), (0x10, "UI", b"1.2.840.10008.1.2\0")]
        group = b"".join(
            b"\x02\0" + tag.to_bytes(2, "little") + vr.encode() + len(text).to_bytes(2, "little") + text
            for tag, vr, text in elements
        )
        content = bytes(128) + b"DICM\x02\0\0\0UL\x04\0" + len(group).to_bytes(4, "little") + group + b"\x08" + behind
        assert metas.read(content) == meta_of(content)


@given(
    st.lists(
        st.builds(
            Instance,
            uid=st.text("0123456789.", min_size=1),
            digest=st.binary(min_size=32, max_size=32),
            folder=st.sampled_from(["/a", "/b/c", ""]),
            name=st.text(st.characters(exclude_characters="/\0")),
        )
    )
)
def test_packed_instances_are_what_they_were(given_):
    held = Instances()
    seen = Seen(lambda: held)
    first: dict[str, Instance] = {}
    for instance in given_:
        assert seen.before(instance) == first.get(instance.uid)
        if first.setdefault(instance.uid, instance) is instance:
            held.append(instance)
    assert list(held) == list(first.values())
    assert len(held) == len(first)


@pytest.mark.real
@pytest.mark.skipif(not DATA.is_dir(), reason="../shared/data is not present")
def test_real_series_come_in_as_if_each_file_were_judged_and_summed_alone(monkeypatch):
    paths = [str(path) for path in sorted(DATA.glob("dicom_*/**/*")) if path.is_file()]
    dicom_header._alike.cache_clear()
    found = records(paths, attested=True)

    def unshared(path: str, keywords: Iterable[str]) -> Header:
        return replace(read_header(path, keywords), common=None, own={})

    monkeypatch.setattr(reader, "read_header", unshared)
    assert found == records(paths, attested=True)
