"""An identifier at any attribute of the profile's table, at any depth, in any private block and character set.

What a reader gives is searched: records, rejects, questions to the steward; also where a steward has let in all files
that may be let in, since what identifies is not stored then either.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.datadict import dictionary_has_tag, dictionary_keyword, dictionary_VR
from pydicom.dataset import Dataset
from pydicom.filewriter import dcmwrite
from pydicom.uid import DeflatedExplicitVRLittleEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from ingest.base import Context
from ingest.dicom.reader import read
from ingest.gate.private import private_rows
from ingest.gate.profile import profile

LETTERS = {"ISO_IR 100": "Zébulon", "ISO_IR 101": "Żebulon", "ISO_IR 144": "Зебулон", "ISO_IR 192": "Zebulon 小東"}
SECRETS = ("quarxley", "ébulon", "żebulon", "зебулон", "zebulon", "小東", "19230417")
WRITTEN = dict.fromkeys(("DA", "DT", "IS"), "19230417")
NAMED = ("AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT")
RAW = ("OB", "UN")
PROFILE = sorted(
    (int(tag, 16), dictionary_VR(int(tag, 16)))
    for tag in profile()
    if "x" not in tag and tag != "PRIVATE" and dictionary_has_tag(int(tag, 16)) and int(tag, 16) >> 16 > 2
)
ATTRIBUTES = [(tag, vr) for tag, vr in PROFILE if vr in (*NAMED, "CS", "DA", "DT", "OB", "SQ")]
SEQUENCES = (
    *("AnatomicRegionSequence", "ContentSequence", "DeidentificationMethodCodeSequence", "ModifiedAttributesSequence"),
    *("PerFrameFunctionalGroupsSequence", "ProcedureCodeSequence", "RadiopharmaceuticalInformationSequence"),
    *("ReferencedStudySequence", "RequestAttributesSequence", "SourceImageSequence"),
)


@dataclass(frozen=True)
class Plant:
    """Where an identifier stands: a tag and its VR, a private creator where there is one, and what leads to it."""

    tag: int
    vr: str
    path: tuple[str, ...]
    creator: str
    characters: str

    def put(self, dataset: Dataset) -> None:
        """Write it."""
        dataset.SpecificCharacterSet = self.characters
        for keyword in self.path:
            item = self.item()
            setattr(dataset, keyword, [item])
            dataset = item
        value = self.value()
        if self.creator:
            dataset.private_block(self.tag >> 16, self.creator, create=True).add_new(self.tag & 0xFF, self.vr, value)
        else:
            dataset.add_new(self.tag, self.vr, value)

    def item(self) -> Dataset:
        """An item in the same characters."""
        item = Dataset()
        item.SpecificCharacterSet = self.characters
        return item

    def value(self) -> Any:
        """What is written at a VR."""
        name = f"Quarxley^{LETTERS[self.characters]}"
        if self.vr == "SQ":
            item = self.item()
            item.PatientName = name
            return [item]
        if self.vr in RAW:
            return b"Quarxley^Zebulon"
        if self.vr in {"AE", "UR"}:  # of the default repertoire whatever the file's is
            return "Quarxley^Zebulon"
        return WRITTEN.get(self.vr) or ("QUARXLEY^ZEBULON" if self.vr == "CS" else name)


public = st.builds(
    lambda attribute, path, characters: Plant(*attribute, path, "", characters),
    st.sampled_from(ATTRIBUTES),
    st.lists(st.sampled_from(SEQUENCES), max_size=4, unique=True).map(tuple),
    st.sampled_from(sorted(LETTERS)),
)
private = st.builds(
    Plant,
    st.tuples(st.sampled_from([0x0009, 0x0013, 0x0019, 0x0043, 0x2001, 0x7053]), st.integers(0, 0x40)).map(
        lambda place: place[0] << 16 | place[1]
    ),
    st.sampled_from([*NAMED, *RAW, "CS", "DA", "IS", "SQ"]),
    st.lists(st.sampled_from(SEQUENCES), max_size=2, unique=True).map(tuple),
    st.sampled_from(["CTP", "MAKER", *sorted({row.creator for row in private_rows()})]),
    st.sampled_from(sorted(LETTERS)),
)


def told(path: Path, *, attested: bool, released: bool) -> str:
    """All that the reader says of a file, in lower case."""
    asked: list[Any] = []
    context = Context(
        collection="test",
        attested=attested,
        released=lambda content, _place: released and len(content) == 64,  # files, not texts
        review=asked.append,
    )
    return str([*read(iter([str(path)]), context), asked]).lower()


def written(content: bytes, plant: Plant, syntax: str) -> bytes:
    dataset = pydicom.dcmread(io.BytesIO(content))
    dataset.file_meta.TransferSyntaxUID = syntax
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        plant.put(dataset)
        buffer = io.BytesIO()
        implicit = syntax == ImplicitVRLittleEndian
        dcmwrite(buffer, dataset, implicit_vr=implicit, little_endian=True, enforce_file_format=True)
    return buffer.getvalue()


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    plant=public | private,
    syntax=st.sampled_from([ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian]),
    attested=st.booleans(),
    released=st.booleans(),
)
def test_an_identifier_anywhere_is_not_told(factory, plant, syntax, attested, released):
    path = factory.folder / "planted.dcm"
    path.write_bytes(written(factory.content(), plant, syntax))
    said = told(path, attested=attested, released=released)
    assert [secret for secret in SECRETS if secret in said] == [], said


@pytest.mark.parametrize("released", [True, False])
def test_an_identifier_at_every_attribute_of_the_table_is_not_told(factory, released):
    path = factory.folder / "planted.dcm"
    content = factory.content()
    for tag, vr in ATTRIBUTES:
        path.write_bytes(written(content, Plant(tag, vr, (), "", "ISO_IR 192"), ExplicitVRLittleEndian))
        said = told(path, attested=True, released=released)
        assert [secret for secret in SECRETS if secret in said] == [], dictionary_keyword(tag)
