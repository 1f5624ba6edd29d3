"""NRRD files: the header, and the voxels of what is a label map.

Format: http://teem.sourceforge.net/nrrd/format.html. Encodings raw, gzip, bzip2 and text; data in the file or in one
file beside it. Sizes are checked before anything is unpacked, and no more is unpacked than they say.
"""

from __future__ import annotations

import bz2
import math
import re
import zlib
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from ingest.observed.quantities import ValueProblem

__all__ = ["MAGIC", "Header", "Values", "read_header", "read_values", "read_voxels"]

MAGIC: Final = b"NRRD000"
LONGEST_HEADER: Final = 1 << 22
MOST_BYTES: Final = 1 << 30
"""The bytes of voxels that are unpacked: 512 x 512 x 2000 of two bytes."""

TYPES: Final[dict[str, str]] = {
    **dict.fromkeys(("signed char", "int8", "int8_t"), "i1"),
    **dict.fromkeys(("uchar", "unsigned char", "uint8", "uint8_t"), "u1"),
    **dict.fromkeys(("short", "short int", "signed short", "signed short int", "int16", "int16_t"), "i2"),
    **dict.fromkeys(("ushort", "unsigned short", "unsigned short int", "uint16", "uint16_t"), "u2"),
    **dict.fromkeys(("int", "signed int", "int32", "int32_t"), "i4"),
    **dict.fromkeys(("uint", "unsigned int", "uint32", "uint32_t"), "u4"),
}
"""Whole-numbered types, of which a label map is."""

FLOATS: Final[dict[str, str]] = {"float": "f4", "double": "f8"}
"""Types with fractions, of which maps of a quantity are."""

SPACES: Final[dict[str, tuple[int, int]]] = {
    **dict.fromkeys(("left-posterior-superior", "lps"), (1, 1)),
    **dict.fromkeys(("right-anterior-superior", "ras"), (-1, -1)),
    **dict.fromkeys(("left-anterior-superior", "las"), (1, -1)),
}
"""The signs by which x and y become those of DICOM's patient coordinates."""

VECTOR = re.compile(r"none|\(([^()]*)\)")

Voxels: TypeAlias = npt.NDArray[np.integer[Any]]
Values: TypeAlias = npt.NDArray[np.integer[Any] | np.floating[Any]]


@dataclass(frozen=True, slots=False)
class Header:
    """What an NRRD header says."""

    fields: dict[str, str]
    """Fields by name in lower case, such as ``sizes``."""
    said: dict[str, str]
    """Keys and values (``key:=value``), such as ``Segment0_Name``."""
    end: int
    """Where the data begin in the file."""

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The lengths of the axes, the fastest first."""
        texts = self.fields.get("sizes", "").split()
        if not texts or len(texts) > 16 or not all(text.isascii() and text.isdigit() for text in texts):
            raise ValueProblem("the sizes of the axes are missing", "sizes: 512 512 120")
        sizes = tuple(int(text[:12]) for text in texts)
        if not all(sizes):
            raise ValueProblem("an axis has no voxels", "sizes of at least 1")
        return sizes

    @property
    def type(self) -> str | None:
        """The numpy code of the type; None where it is not of whole numbers."""
        return TYPES.get(self.fields.get("type", "").casefold())

    @cached_property
    def directions(self) -> list[tuple[float, float, float]] | None:
        """The steps along the spatial axes in the patient's coordinates; None where the file does not say them."""
        signs = SPACES.get(self.fields.get("space", "").casefold())
        if signs is None:
            return None
        texts = [found[1] for found in VECTOR.finditer(self.fields.get("space directions", "")) if found[1]]
        steps = [_vector(text, signs) for text in texts]
        return steps if len(steps) == 3 else None

    @cached_property
    def origin(self) -> tuple[float, float, float] | None:
        """The place of the first voxel's centre in the patient's coordinates."""
        signs = SPACES.get(self.fields.get("space", "").casefold())
        found = VECTOR.fullmatch(self.fields.get("space origin", "").strip())
        return _vector(found[1], signs) if signs and found and found[1] else None

    @property
    def voxel_volume(self) -> float | None:
        """The volume of a voxel in mm3."""
        steps = self.directions
        if steps is not None:
            (a, b, c), (d, e, f), (g, h, i) = steps
            return abs(a * (e * i - f * h) - b * (d * i - f * g) + c * (d * h - e * g)) or None
        try:
            spacings = [float(text) for text in self.fields.get("spacings", "").split()]
        except ValueError:
            return None
        usable = len(spacings) == 3 and all(math.isfinite(value) and 0 < value < 1e6 for value in spacings)
        return math.prod(spacings) if usable else None


def _vector(text: str, signs: tuple[int, int]) -> tuple[float, float, float]:
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise ValueProblem("a vector of the space is not of numbers", "(0.5,0,0)") from error
    if len(values) != 3 or not all(math.isfinite(value) and abs(value) < 1e6 for value in values):
        raise ValueProblem("a vector of the space has no three usable numbers", "(0.5,0,0)")
    return values[0] * signs[0], values[1] * signs[1], values[2]


def read_header(path: Path) -> Header:
    """The header of a file; `ValueProblem` where there is none."""
    fields: dict[str, str] = {}
    said: dict[str, str] = {}
    with path.open("rb") as handle:
        if not handle.readline(40).startswith(MAGIC):
            raise ValueProblem("the file is no NRRD", "a file that begins with NRRD000")
        while (line := handle.readline(1 << 16)) and handle.tell() < LONGEST_HEADER:
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            if not text:
                return Header(fields, said, handle.tell())
            if text.startswith("#"):
                continue
            key, mark, value = text.partition(":=")
            if mark and ": " not in key:
                said[key] = value
                continue
            key, mark, value = text.partition(":")
            if mark:
                fields[key.strip().casefold()] = value.strip()
    if "data file" in fields or "datafile" in fields:
        return Header(fields, said, 0)
    raise ValueProblem("the header has no end", "an empty line between header and data")


def read_voxels(path: Path, header: Header) -> Voxels:
    """The voxels of a label map, the fastest axis first; `ValueProblem` where they cannot be read."""
    if header.type is None:
        raise ValueProblem("the voxels are not whole numbers", "a label map of a whole-numbered type")
    return cast("Voxels", read_values(path, header))


def read_values(path: Path, header: Header) -> Values:
    """The voxels of any image of numbers, the fastest axis first; `ValueProblem` where they cannot be read."""
    kind = header.type or FLOATS.get(header.fields.get("type", "").casefold())
    if kind is None:
        raise ValueProblem("the voxels are no numbers", "an image of whole numbers, of float or double")
    order: Literal["<", ">"] = ">" if header.fields.get("endian", "little").casefold() == "big" else "<"
    count = math.prod(header.sizes)
    wanted = count * np.dtype(kind).itemsize
    if wanted > MOST_BYTES:
        raise ValueProblem("the image is too large", f"at most {MOST_BYTES >> 20} MiB of voxels")
    encoding = header.fields.get("encoding", "").casefold()
    if encoding in {"text", "txt", "ascii"}:
        flat = _text(_packed(path, header, count * 24), count, kind)
    else:
        unpack = UNPACKERS.get(encoding)
        if unpack is None:
            raise ValueProblem("the encoding is not known", "raw, gzip, bzip2 or text")
        data = unpack(_packed(path, header, wanted + LONGEST_HEADER), wanted + LONGEST_HEADER)
        skip = _whole(header, "byte skip", "byteskip")
        data = data[-wanted:] if skip == -1 else data[max(skip, 0) if encoding != "raw" else 0 :]
        if len(data) < wanted:
            raise ValueProblem("the voxels are cut short", f"{wanted} bytes of voxels")
        flat = np.frombuffer(data[:wanted], dtype=np.dtype(kind).newbyteorder(order))
    return flat.reshape(header.sizes, order="F")


def _whole(header: Header, *names: str) -> int:
    text = next((header.fields[name] for name in names if name in header.fields), "0")
    if not re.fullmatch(r"-?\d{1,9}", text):
        raise ValueProblem("a skip is no number", f"{names[0]}: 0")
    return int(text)


def _packed(path: Path, header: Header, most: int) -> bytes:
    """The bytes of the data as they are stored: in the file, or in the one file that it names, beside it."""
    name = header.fields.get("data file", header.fields.get("datafile"))
    if name is not None and (name != Path(name).name or name.upper().startswith("LIST") or "%" in name):
        raise ValueProblem("the data are in several files, or not beside the header", "one data file beside it")
    source, start = (path, header.end) if name is None else (path.parent / name, 0)
    try:
        with source.open("rb") as handle:
            handle.seek(start)
            for _ in range(min(_whole(header, "line skip", "lineskip"), 10_000)):
                handle.readline(1 << 16)
            if header.fields.get("encoding", "").casefold() == "raw":
                handle.seek(max(_whole(header, "byte skip", "byteskip"), 0), 1)
            return handle.read(most)
    except OSError as error:
        raise ValueProblem("the data file is not there", "the file that the header names, beside it") from error


def _inflate(data: bytes, most: int) -> bytes:
    try:
        return zlib.decompressobj(wbits=47).decompress(data, most)
    except zlib.error as error:
        raise ValueProblem("the voxels cannot be unpacked", "data packed by gzip") from error


def _bunzip(data: bytes, most: int) -> bytes:
    try:
        return bz2.BZ2Decompressor().decompress(data, most)
    except (OSError, EOFError) as error:
        raise ValueProblem("the voxels cannot be unpacked", "data packed by bzip2") from error


UNPACKERS: Final = {
    "raw": lambda data, _most: data,
    **dict.fromkeys(("gzip", "gz"), _inflate),
    **dict.fromkeys(("bzip2", "bz2"), _bunzip),
}


def _text(data: bytes, count: int, kind: str) -> Values:
    try:
        values: Values = np.array(data.split()[:count], dtype=np.float64 if kind in FLOATS.values() else np.int64)
    except (OverflowError, ValueError) as error:
        raise ValueProblem("the voxels are not whole numbers", "whole numbers separated by blanks") from error
    if len(values) < count:
        raise ValueProblem("the voxels are cut short", f"{count} numbers")
    return values.astype(kind)
