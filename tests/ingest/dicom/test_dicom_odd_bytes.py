"""Files that break the dictionary or the order of elements: both ways read them as pydicom does."""

from __future__ import annotations

import io
import struct
from decimal import Decimal
from pathlib import Path

import pydicom
import pytest

from ingest.dicom import header as dicom_header
from ingest.dicom.elements import Header
from ingest.dicom.header import read_header
from ingest.dicom.reader import HEADER_KEYWORDS
from ingest.dicom.values import silent_pydicom
from tests.ingest.dicom.reference import by_pydicom, by_us, differences

UNDEFINED = 0xFFFFFFFF
META = {"MediaStorageSOPClassUID", "TransferSyntaxUID"}
KEYWORDS = tuple(HEADER_KEYWORDS)


def element(tag: int, vr: str, value: bytes, length: int | None = None) -> bytes:
    """An element in explicit VR little endian; one of undefined length has to bring its own end."""
    size = len(value) if length is None else length
    head = struct.pack("<HH", tag >> 16, tag & 0xFFFF) + vr.encode()
    long = vr in {"OB", "OW", "SQ", "UN", "UT"}
    return head + (struct.pack("<HL", 0, size) if long else struct.pack("<H", size)) + value


def item(*elements: bytes) -> bytes:
    value = b"".join(elements)
    return struct.pack("<HHL", 0xFFFE, 0xE000, len(value)) + value


def written(path: Path, *elements: bytes) -> Path:
    """A file of these elements, in explicit VR little endian; its series is stated where it belongs among them."""
    syntax = element(0x00020010, "UI", b"1.2.840.10008.1.2.1\0")
    length = element(0x00020000, "UL", struct.pack("<L", len(syntax)))
    series = element(0x0020000E, "UI", b"1.2.3.4\0")
    behind = next(
        (at for at, one in enumerate(elements) if struct.unpack("<HH", one[:4]) > (0x20, 0x0E)), len(elements)
    )
    content = b"".join((*elements[:behind], series, *elements[behind:]))
    path.write_bytes(bytes(128) + b"DICM" + length + syntax + content)
    return path


def patiently(path: Path) -> Header:
    """The same by the way that odd files take."""
    plan = dicom_header._alike(KEYWORDS, None, frozenset()).plan
    with path.open("rb") as handle, silent_pydicom():
        return dicom_header._patiently(io.BufferedReader(handle), path.stat().st_size, plan)  # type: ignore[arg-type]


def read(path: Path) -> Header:
    """The header, which both ways read alike, and pydicom too."""
    dicom_header._alike.cache_clear()
    found, slowly = read_header(path, KEYWORDS), patiently(path)
    assert (found.values, found.items, found.watched) == (slowly.values, slowly.items, slowly.watched)
    reference = by_pydicom(pydicom.dcmread(path), {*KEYWORDS})
    assert differences({name: values for name, values in by_us(found).items() if name not in META}, reference) == []
    return found


@pytest.mark.parametrize(
    ("tag", "vr", "value", "expected"),
    [
        (0x00280010, "IS", b"512 ", 512),  # Rows, US
        (0x00280010, "UL", struct.pack("<L", 512), 512),
        (0x00189087, "DS", b"1000", Decimal(1000)),  # DiffusionBValue, FD
        (0x00189087, "FL", struct.pack("<f", 50.5), Decimal("50.5")),
        (0x00180081, "FD", struct.pack("<d", 4.6), Decimal("4.6")),  # EchoTime, DS
        (0x00181151, "US", struct.pack("<H", 12849), 12849),  # XRayTubeCurrent, IS: the bytes are "12" too
        (0x00281054, "CS", b"HU", "HU"),  # RescaleType, LO
        (0x00280010, "UN", struct.pack("<H", 512), 512),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_bytes_are_read_by_the_vr_that_the_file_states(tmp_path, tag, vr, value, expected):
    found = read(written(tmp_path / "a", element(tag, vr, value)))
    assert found.values[pydicom.datadict.keyword_for_tag(tag)] == (expected,)
    sequence = element(0x00540016, "SQ", item(element(tag, vr, value)))
    (inner,) = read(written(tmp_path / "b", sequence)).items["RadiopharmaceuticalInformationSequence"]
    assert inner.values[pydicom.datadict.keyword_for_tag(tag)] == (expected,)


def test_the_same_bytes_of_another_vr_are_another_value(tmp_path):
    """Also where they were met before, and in files that are like another."""
    numbers = {"US": 12849, "IS": 12}
    paths = [
        written(tmp_path / f"{number}", element(0x00200013, "IS", str(number).encode()), element(0x00280010, vr, b"12"))
        for number, vr in enumerate([*numbers] * 4, 1)
    ]
    dicom_header._alike.cache_clear()
    found = [read_header(path, KEYWORDS) for path in paths]
    assert [header.values["Rows"] for header in found] == [(number,) for number in [*numbers.values()] * 4]
    assert found[-1].common is not None


def test_a_number_is_no_text(tmp_path):
    path = written(tmp_path / "a", element(0x00101001, "US", b"AB"), element(0x00189208, "US", b"AB"))
    dicom_header._alike.cache_clear()
    found = read_header(path, KEYWORDS)
    assert "ComplexImageComponent" not in found.values
    assert [watched.keyword for watched in found.watched] == ["OtherPatientNames"]


@pytest.mark.filterwarnings("ignore")
def test_a_character_set_behind_the_texts_counts_for_all_of_them(tmp_path):
    name, charset = element(0x0008103E, "LO", "Юпитер".encode("iso8859-5")), element(0x00080005, "CS", b"ISO_IR 144")
    assert read(written(tmp_path / "a", name, charset)).values["SeriesDescription"] == ("Юпитер",)
    sequence = element(0x00540016, "SQ", item(element(0x00180031, "LO", "Юпитер".encode("iso8859-5")), charset))
    (inner,) = read(written(tmp_path / "b", sequence)).items["RadiopharmaceuticalInformationSequence"]
    assert inner.values["Radiopharmaceutical"] == ("Юпитер",)


@pytest.mark.filterwarnings("ignore")
def test_an_item_that_states_an_empty_character_set_has_the_default_one(tmp_path):
    charset, none = element(0x00080005, "CS", b"ISO_IR 144"), element(0x00080005, "CS", b"")
    text = element(0x00180031, "LO", "é".encode("latin-1") + b" ")
    sequence = element(0x00540016, "SQ", item(none, text))
    (inner,) = read(written(tmp_path / "a", charset, sequence)).items["RadiopharmaceuticalInformationSequence"]
    assert inner.values["Radiopharmaceutical"] == ("é",)


TEXTS = {
    b"\\ISO 2022 IR 149": (b"\x1b$)C\xb1\xe8\xc8\xf1\xc1\xdf", "김희중"),
    b"\\ISO 2022 IR 58": (b"\x1b$)A\xcd\xf5\xd0\xa1\xb6\xab", "王小东"),
    b"ISO 2022 IR 6\\ISO 2022 IR 87": (b"\x1b$B;3ED\x1b(B", "山田"),
    b"ISO 2022 IR 13\\ISO 2022 IR 87 ": ("ﾔﾏﾀﾞ".encode("shift_jis") + b"\x1b$B;3ED\x1b(J", "ﾔﾏﾀﾞ山田"),
    b"ISO 2022 IR 6\\ISO 2022 IR 100\\ISO 2022 IR 144": (b"a\x1b-L\xb6\xce", "aЖЮ"),
    b"GB18030 ": ("王小东".encode("gb18030"), "王小东"),
    b"GBK ": ("王小东".encode("gbk"), "王小东"),
    b"ISO_IR 127": ("قباني".encode("iso8859-6"), "قباني"),
    b"ISO_IR 138": ("שרון".encode("iso8859-8"), "שרון"),
    b"ISO_IR 166": ("นามสกุล".encode("tis-620"), "นามสกุล"),
    b"ISO_IR 192": ("東京 é Ж".encode(), "東京 é Ж"),
}
"""By character set (PS3.3 C.12.1.1.2): the bytes of a text, and the text."""


@pytest.mark.parametrize("charset", TEXTS)
def test_texts_of_all_kinds_of_character_sets_are_read(tmp_path, charset):
    value, text = TEXTS[charset]
    stated = element(0x00080005, "CS", charset.ljust(len(charset) + len(charset) % 2))
    found = read(written(tmp_path / "a", stated, element(0x00080070, "LO", value.ljust(len(value) + len(value) % 2))))
    assert found.values["Manufacturer"] == (text,)


def test_a_private_element_is_read_beside_an_empty_one(tmp_path):
    """Both ways, though pydicom converts the creator while it looks at the empty one."""
    elements = (
        element(0x70530010, "LO", b"Philips PET Private Group "),
        element(0x70531000, "DS", b""),
        element(0x70531009, "DS", b"1.5 "),
    )
    path = written(tmp_path / "a", *elements)
    dicom_header._alike.cache_clear()
    assert read_header(path, KEYWORDS).values["PhilipsActivityFactor"] == (Decimal("1.5"),)
    assert patiently(path).values["PhilipsActivityFactor"] == (Decimal("1.5"),)
