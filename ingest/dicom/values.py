"""Raw DICOM values to plain ones: text, decimals as written, integers (PS3.5 6.2).

Decoded here and not by pydicom, whose conversion may warn with the value in the text and makes binary floats of DS.
"""

from __future__ import annotations

import logging
import struct
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, TypeAlias

from pydicom.charset import decode_bytes
from pydicom.config import disable_value_validation
from pydicom.datadict import dictionary_has_tag, dictionary_keyword, dictionary_VR

from ontology.records import Scalar

__all__ = [
    "DECODERS",
    "UNTOLD",
    "Decoder",
    "as_scalar",
    "decoder_of",
    "known_attribute",
    "silent_pydicom",
    "whole_text",
]

LONGEST_VALUE = 1024

CHINESE = "\x1b$)A"
"""What says that ISO-IR 58 follows (PS3.3 C.12.1.1.2, PS3.5 annex K); pydicom leaves it in what it decodes."""

Decoder: TypeAlias = Callable[[bytes, tuple[str, ...], bool], tuple[Scalar, ...]]
"""``decoder(value, encodings, little)``: the values of an element; encodings are Python names of character sets."""


@contextmanager
def silent_pydicom() -> Iterator[None]:
    """Keep pydicom from warning and logging, since its texts quote values."""
    log = logging.getLogger("pydicom")
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    try:
        with disable_value_validation(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        log.setLevel(level)


@lru_cache(maxsize=8192)
def known_attribute(tag: int) -> tuple[str, str]:
    """Keyword and VR of a public attribute (PS3.6); empty for others."""
    return (dictionary_keyword(tag), dictionary_VR(tag)) if dictionary_has_tag(tag) else ("", "")


def _texts(value: bytes, encodings: tuple[str, ...], _little: bool) -> tuple[Scalar, ...]:
    """Text values without padding; control characters mark damaged bytes, and such a value is left out."""
    if value.isascii() and b"\x1b" not in value:
        text = value.decode("ascii")
    else:
        with silent_pydicom():
            text = decode_bytes(value, list(encodings), {0x5C}).replace(CHINESE, "")
    parts = (part.strip(" \0") for part in text.split("\\"))
    return tuple(part for part in parts if part and part.isprintable() and len(part) <= LONGEST_VALUE)


def _codes(value: bytes, _encodings: tuple[str, ...], _little: bool) -> tuple[Scalar, ...]:
    """Values that no character set applies to (PS3.5 6.1.2.3), as pydicom reads them: damaged bytes stay apart."""
    parts = (part.strip(" \0") for part in value.decode("latin-1").split("\\"))
    return tuple(part for part in parts if part and part.isprintable() and len(part) <= LONGEST_VALUE)


def whole_text(value: bytes, _encodings: tuple[str, ...], _little: bool) -> tuple[Scalar, ...]:
    """A list of numbers as the one text that it is in the file; what is no ASCII becomes ``?``, which no number has."""
    return (value.decode("ascii", "replace").replace("\ufffd", "?"),)


def _decimals(value: bytes, _encodings: tuple[str, ...], _little: bool) -> tuple[Scalar, ...]:
    """DS: decimals as written (PS3.5 6.2), never by way of a binary float."""
    return tuple(
        number for part in value.split(b"\\") if (number := as_scalar(part.strip(b" \0").decode("latin-1"))) is not None
    )


def _integers(value: bytes, encodings: tuple[str, ...], little: bool) -> tuple[Scalar, ...]:
    """IS: integers; some writers add a decimal point."""
    return tuple(int(number) for number in _decimals(value, encodings, little) if number == int(number))


def as_scalar(text: str) -> Decimal | float | None:
    """A number as written, without exponent; a float where `xsd:decimal` cannot hold it; None where it is no number.

    >>> as_scalar("3.88777472E8"), as_scalar("1E+30"), as_scalar("n/a")
    (Decimal('388777472'), 1e+30, None)
    """
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or abs(number.adjusted()) > 300:
        return None
    plain = Decimal(format(number, "f"))
    exponent = plain.as_tuple().exponent
    fits = abs(plain) < Decimal(10) ** 17 and isinstance(exponent, int) and exponent >= -18
    return plain if fits else float(plain)


def _binary(code: str) -> Decoder:
    """A decoder of binary numbers by their `struct` code; floats keep their shortest decimal form."""
    size = struct.calcsize(f"<{code}")

    def decode(value: bytes, _encodings: tuple[str, ...], little: bool) -> tuple[Scalar, ...]:
        count = len(value) // size
        numbers: tuple[Any, ...] = struct.unpack(f"{'<' if little else '>'}{count}{code}", value[: count * size])
        scalars = (number if isinstance(number, int) else as_scalar(repr(number)) for number in numbers)
        return tuple(scalar for scalar in scalars if scalar is not None)

    return decode


TEXTS: Mapping[str, Decoder] = {
    **dict.fromkeys(("AE", "AS", "CS", "DA", "DT", "TM", "UI", "UR"), _codes),
    **dict.fromkeys(("LO", "LT", "PN", "SH", "ST", "UC", "UT"), _texts),
}
DECODERS: Mapping[str, Decoder] = {
    **TEXTS,
    "DS": _decimals,
    "IS": _integers,
    "US": _binary("H"),
    "SS": _binary("h"),
    "UL": _binary("L"),
    "SL": _binary("l"),
    "FD": _binary("d"),
    "FL": _binary("f"),
}
"""By VR (PS3.5 6.2); attributes of other VRs are not among those that are kept."""

UNTOLD = frozenset({b"", b"OB", b"OW", b"UN"})
"""What stands for a VR in files that do not say how the bytes are to be read."""
WHOLE = frozenset({"IS", "SL", "SS", "UL", "US"})
WRITTEN = frozenset({"DS", "IS"})


@lru_cache(maxsize=1024)
def decoder_of(vr: str, stated: bytes) -> Decoder | None:
    """The decoder of an attribute whose VR in the dictionary is ``vr``, and in the file ``stated`` (PS3.5 7.1.2).

    The bytes are read as the file says, and give what the attribute holds: its number where one is written as text or
    in another binary form. None where there is no such value, as no text in the bytes of a number.

    >>> decoder_of("US", b"IS")(b"512 ", (), True), decoder_of("FD", b"US")(b"\\x02\\x00", (), True)
    ((512,), (2,))
    """
    other = stated.decode("latin-1")
    if stated in UNTOLD or other == vr:
        return DECODERS.get(vr)
    if vr in TEXTS:
        return DECODERS[vr] if other in WRITTEN else TEXTS.get(other)
    if vr not in DECODERS or other not in DECODERS:
        return None
    decoder = _decimals if other in TEXTS or other in WRITTEN else DECODERS[other]
    return _whole(decoder) if vr in WHOLE else decoder


def _whole(decoder: Decoder) -> Decoder:
    def decode(value: bytes, encodings: tuple[str, ...], little: bool) -> tuple[Scalar, ...]:
        numbers = decoder(value, encodings, little)
        return tuple(int(number) for number in numbers if not isinstance(number, str) and number == int(number))

    return decode
