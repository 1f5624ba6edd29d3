"""Files that were damaged on purpose: each is told or goes in, in bounded time and memory."""

from __future__ import annotations

import random
import struct
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from ingest.base import Context
from ingest.dicom import read
from ontology.records import Reject, SourceRecord

SYNTAXES = (ExplicitVRLittleEndian, ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian)
EACH = 60

SEQUENCE = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" + b"\xfe\xff\0\xe0\xff\xff\xff\xff"
"""ReferencedImageSequence with an item, both without end."""
PIXELS = b"\xe0\x7f\x10\0"


def flip(content: bytearray, chance: random.Random) -> bytes:
    """Some bits turned over."""
    for _ in range(chance.randint(1, 24)):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(content)


def truncate(content: bytearray, chance: random.Random) -> bytes:
    """The end lost."""
    return bytes(content[: chance.randrange(1, len(content))])


def lengthen(content: bytearray, chance: random.Random) -> bytes:
    """A length of gigabytes, or none, in place of whatever is there."""
    at = chance.randrange(132, len(content) - 8)
    content[at : at + 4] = struct.pack("<L", chance.choice([0xFFFFFFFF, 0xFFFFFFFE, 0x7FFFFFFF, 0x40000000, 0xFFFF]))
    return bytes(content)


def splice(content: bytearray, chance: random.Random) -> bytes:
    """A piece of the file once more, somewhere else."""
    start = chance.randrange(len(content))
    piece = content[start : start + chance.randint(1, 200)]
    at = chance.randrange(132, len(content))
    return bytes(content[:at] + piece + content[at:])


def nest(content: bytearray, chance: random.Random) -> bytes:
    """Sequences within sequences, up to thousands of them, where the pixel data was."""
    at = content.find(PIXELS)
    return bytes(content[: at if at > 0 else 400]) + SEQUENCE * chance.choice([3, 50, 80, 500, 20_000])


MUTATIONS: tuple[Callable[[bytearray, random.Random], bytes], ...] = (flip, truncate, lengthen, splice, nest)


def accounted(path: Path, *, attested: bool) -> list[Any]:
    """What a reader says of one file: one source, or one reject."""
    found = read(iter([str(path)]), Context(collection="test", attested=attested))
    return [item for item in found if isinstance(item, Reject | SourceRecord)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.__name__)
def test_every_damaged_file_is_accounted_for(factory, tmp_path, mutation):
    items = [
        {"ReferencedSOPInstanceUID": f"1.2.{n}", "PurposeOfReferenceCodeSequence": [{"CodeValue": "1"}]} for n in (1, 2)
    ]
    whole = [factory.content(1, TransferSyntaxUID=syntax, ReferencedImageSequence=items) for syntax in SYNTAXES]
    chance = random.Random(mutation.__name__)
    path = tmp_path / "damaged.dcm"
    for number in range(EACH):
        path.write_bytes(mutation(bytearray(whole[number % len(whole)]), chance))
        assert len(accounted(path, attested=number % 2 == 0)) == 1, number


def test_a_deflate_bomb_is_refused_unexploded(factory, tmp_path):
    content = factory.content(TransferSyntaxUID=DeflatedExplicitVRLittleEndian)
    begin = content.find(DeflatedExplicitVRLittleEndian.encode()) + len(DeflatedExplicitVRLittleEndian)
    deflating = zlib.compressobj(9, zlib.DEFLATED, -zlib.MAX_WBITS)
    zeros = b"".join(deflating.compress(bytes(1 << 20)) for _ in range(200)) + deflating.flush()
    path = tmp_path / "bomb.dcm"
    path.write_bytes(content[:begin] + zeros)
    [reject] = accounted(path, attested=True)
    assert "larger than any header" in reject.problem


def test_a_huge_length_is_told_before_it_is_read(factory, tmp_path):
    path = factory.write("a.dcm")
    content = path.read_bytes()
    at = content.find(PIXELS)
    path.write_bytes(content[:at] + b"\x40\0\x00\x40UT\0\0\xf0\xff\xff\x7f" + content[at:])
    [reject] = accounted(path, attested=True)
    assert "bytes before the end" in reject.problem
