"""The pixels of a DICOM object, strip by strip: no more than about a million of native ones are in memory at a time.

Native pixel data (PS3.5 section 8.1.1) is read straight from its place in the file; frames of one bit a pixel follow
each other without padding, so a strip may begin within a byte. Compressed frames are decoded one by one by pydicom.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np
import numpy.typing as npt

from ingest.dicom.header import UNREADABLE, BrokenDicomError, Header, place_of

__all__ = ["FRAME_KEYWORDS", "Array", "Frames", "Strip", "frames_of"]

Array: TypeAlias = npt.NDArray[Any]

FRAME_KEYWORDS: Final = frozenset(
    {"BitsAllocated", "Columns", "NumberOfFrames", "PixelRepresentation", "Rows", "SamplesPerPixel"}
)
"""The attributes that say how pixels lie."""

STRIP: Final = 1 << 20
MOST_DECODED: Final = 1 << 26
"""The pixels of a compressed frame, which is decoded whole."""
BIG_ENDIAN: Final = "1.2.840.10008.1.2.2"
UNDEFINED: Final = 0xFFFFFFFF
TYPES: Final[dict[tuple[int, int], str]] = {
    (1, 0): "u1", (8, 0): "u1", (16, 0): "<u2", (32, 0): "<u4", (8, 1): "i1", (16, 1): "<i2", (32, 1): "<i4",
}  # fmt: skip
"""NumPy types by Bits Allocated and Pixel Representation."""


class Strip(NamedTuple):
    """Some rows of a frame: ``row`` is the first of them; frames are counted from 0."""

    frame: int
    row: int
    pixels: Array


@dataclass(frozen=True, slots=True)
class Frames:
    """How the pixels of an object lie in its file."""

    path: Path
    rows: int
    columns: int
    count: int
    bits: int
    signed: int
    start: int
    """Where the first pixel is; 0 where frames are compressed."""

    def strips(self) -> Iterator[Strip]:
        """The pixels in the order of frames and rows. Raises `BrokenDicomError` where they cannot be decoded."""
        return self._native() if self.start else self._decoded()

    def _native(self) -> Iterator[Strip]:
        height = max(1, STRIP // self.columns)
        with self.path.open("rb") as handle:
            for frame in range(self.count):
                for row in range(0, self.rows, height):
                    count = min(height, self.rows - row) * self.columns
                    first = (frame * self.rows + row) * self.columns * self.bits
                    handle.seek(self.start + first // 8)
                    data = handle.read((first % 8 + count * self.bits + 7) // 8)
                    yield Strip(frame, row, self._array(data, first % 8, count).reshape(-1, self.columns))

    def _array(self, data: bytes, shift: int, count: int) -> Array:
        if self.bits > 1:
            return np.frombuffer(data, TYPES[self.bits, self.signed], count)
        packed = np.frombuffer(data, np.uint8)
        return np.unpackbits(packed, count=shift + count, bitorder="little")[shift:]

    def _decoded(self) -> Iterator[Strip]:
        from pydicom.pixels.utils import iter_pixels  # noqa: PLC0415 - only for compressed objects

        try:
            for frame, pixels in enumerate(iter_pixels(self.path, raw=True)):
                if frame >= self.count or pixels.shape != (self.rows, self.columns):
                    raise _broken("decodes to other frames than the header says")
                yield Strip(frame, 0, pixels)
        except (*UNREADABLE, RuntimeError) as error:
            raise _broken(f"cannot be decoded ({type(error).__name__})") from None


def _broken(problem: str) -> BrokenDicomError:
    return BrokenDicomError("(7FE0,0010) PixelData", problem, "native or decodable pixel data of the stated frames")


def frames_of(path: Path, header: Header) -> Frames:
    """How the pixels of an object lie. Raises `BrokenDicomError` where they are missing, or fewer than is stated."""
    sizes = [_whole(header, name) for name in ("Rows", "Columns", "BitsAllocated")]
    rows, columns, bits = sizes
    count, signed = _whole(header, "NumberOfFrames", 1), _whole(header, "PixelRepresentation", 0)
    if rows < 1 or columns < 1 or count < 1 or (bits, signed) not in TYPES or _whole(header, "SamplesPerPixel", 1) != 1:
        raise BrokenDicomError(
            "(0028,0010) Rows", "rows, columns, frames or bits are of no such image", "their numbers"
        )
    if header.pixels is None:
        raise _broken("is missing or deflated")
    if header.text("TransferSyntaxUID") == BIG_ENDIAN:
        raise _broken("is in the retired big endian order")
    start, length = _element(path, header.pixels)
    if length == UNDEFINED and rows * columns > MOST_DECODED:
        raise _broken("has compressed frames that are too large")
    whole = Frames(path, rows, columns, count, bits, signed, 0 if length == UNDEFINED else start)
    if length != UNDEFINED and (rows * columns * count * bits + 7) // 8 > length:
        raise _broken("is shorter than its rows, columns and frames")
    return whole


def _whole(header: Header, keyword: str, missing: int | None = None) -> int:
    value = header.number(keyword)
    if value is None and missing is not None:
        return missing
    if value is None or value != int(value):
        raise BrokenDicomError(place_of(keyword), "is missing or no whole number", "a whole number")
    return int(value)


def _element(path: Path, at: int) -> tuple[int, int]:
    """Where the value of the element at a place begins, and its length (PS3.5 section 7.1)."""
    with path.open("rb") as handle:
        handle.seek(at)
        head = handle.read(12)
    if len(head) == 12 and head[4:6] in {b"OB", b"OW", b"UN"}:
        return at + 12, struct.unpack("<L", head[8:])[0]
    if len(head) < 8:
        raise _broken("is missing")
    return at + 8, struct.unpack("<L", head[4:8])[0]
