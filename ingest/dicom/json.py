"""A DICOM data set in the DICOM JSON model as plain values (PS3.18 Annex F), as DICOMweb servers write it."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from pydicom.datadict import dictionary_has_tag, dictionary_keyword, dictionary_VR

from ingest.dicom.elements import BrokenDicomError, Elements, Header, Watched
from ingest.dicom.values import LONGEST_VALUE, as_scalar
from ingest.dicom.watch import WATCHED, judged_values
from ingest.gate.private import PrivateElements, may_be_read
from ontology.records import Scalar

__all__ = ["header_in", "read_json", "sop_class_in"]

SOP_CLASS = re.compile(r'"00080016"\s*:\s*\{[^{}]*"Value"\s*:\s*\[\s*"(?P<uid>[0-9.]{1,64})"')

TAG = re.compile(r"[0-9A-Fa-f]{8}")

WHOLE: Final = frozenset({"IS", "SL", "SS", "UL", "US"})
NUMBERS: Final = WHOLE | {"DS", "FD", "FL"}
TEXTS: Final = frozenset({"AE", "AS", "CS", "DA", "DT", "LO", "LT", "SH", "ST", "TM", "UC", "UI", "UR", "UT"})

BINARY: Final = {b"FD": "d", b"FL": "f"}
"""The VRs of binary numbers that private elements may have, by their `struct` codes."""

LONGEST_DECIMAL: Final = 16
"""The characters of a DS value (PS3.5 6.2)."""

WANTED: Final = "one instance in the DICOM JSON model (PS3.18 F.2)"


def sop_class_in(head: bytes) -> str:
    """The SOP class that the first bytes of a DICOM JSON document state; empty where they state none.

    >>> sop_class_in(b'{"00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.88.22"]}}')
    '1.2.840.10008.5.1.4.1.1.88.22'
    """
    text = head.decode("utf-8", "replace").lstrip("\ufeff \t\r\n")
    found = SOP_CLASS.search(text) if text[:1] in {"{", "["} else None
    return found["uid"] if found else ""


def read_json(path: Path, deepest: int) -> Header:
    """The data set of a document with one instance; `BrokenDicomError` for whatever is none.

    Sequences that are nested more than ``deepest`` levels are refused. The digest is that of the file.
    """
    content = path.read_bytes()
    try:
        found = json.loads(content, parse_float=Decimal, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        problem = f"the document cannot be read ({type(error).__name__})"
        raise BrokenDicomError("file", problem, "well-formed JSON of usual depth") from None
    if isinstance(found, list) and len(found) == 1:
        found = found[0]
    if not isinstance(found, dict):
        raise BrokenDicomError("file", "the document holds no data set, or several", WANTED)
    elements = _elements(found, deepest)
    return Header(elements.values, elements.items, hashlib.sha256(content).hexdigest(), watched=tuple(_watched(found)))


def header_in(found: Mapping[str, Any], deepest: int) -> Header:
    """A data set as a server describes it (PS3.18 10.4.1.1.2); the digest is that of the text, however it is laid out.

    Sequences that are nested more than ``deepest`` levels are refused with `BrokenDicomError`.
    """
    elements = _elements(found, deepest)
    text = json.dumps(found, sort_keys=True, default=str)
    digest = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()
    return Header(elements.values, elements.items, digest, watched=tuple(_watched(found)))


def _watched(found: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[Watched]:
    """What stands at the watched attributes at any depth, also where it is no text or only an address of the value."""
    for tag, element in found.items():
        number = int(tag, 16) if TAG.fullmatch(tag) else 0
        if not dictionary_has_tag(number) or not isinstance(element, dict):
            continue
        keyword, vr = dictionary_keyword(number), dictionary_VR(number)
        held = [one for one in _listed(element.get("Value")) if _is_filled(one)]
        here = (*path, keyword)
        if keyword in WATCHED:
            filled = bool(held) or any(element.get(name) for name in ("BulkDataURI", "InlineBinary"))
            decoded = [_value(vr, one) for one in held]
            # one value that is no text makes the whole unreadable, so that nothing hides behind the others
            values = tuple(value for value in decoded if value is not None) if None not in decoded else ()
            if judged := judged_values(keyword, values, filled=filled):
                yield Watched(here, judged)
        if vr == "SQ":
            for item in held:
                if isinstance(item, dict):
                    yield from _watched(item, here)


def _listed(held: Any) -> list[Any]:
    return held if isinstance(held, list) else [] if held is None else [held]


def _is_filled(held: Any) -> bool:
    """Whether a value is one: no null, no empty text, no name without parts."""
    if isinstance(held, str):
        return bool(held.strip())
    return any(map(_is_filled, held.values())) if isinstance(held, dict) else held is not None


def _refuse(name: str) -> Any:
    raise ValueError(name)


def _elements(found: Mapping[str, Any], deepest: int) -> Elements:
    """The public elements of a data set, and the private ones that may be read; what their VR forbids is left out."""
    values: dict[str, tuple[Scalar, ...]] = {}
    items: dict[str, tuple[Elements, ...]] = {}
    private = PrivateElements()
    for tag, element in found.items():
        number = int(tag, 16) if TAG.fullmatch(tag) else 0
        if not isinstance(element, dict):
            continue
        if not dictionary_has_tag(number):
            if may_be_read(number):
                private.add(number, *_encoded(element))
            continue
        keyword, vr, held = dictionary_keyword(number), dictionary_VR(number), element.get("Value")
        if not isinstance(held, list):
            continue
        if vr == "SQ":
            if not deepest:
                raise BrokenDicomError(keyword, "sequences are nested too deep", "a document of usual depth")
            items[keyword] = tuple(_elements(item, deepest - 1) for item in held if isinstance(item, dict))
        elif decoded := tuple(value for one in held if (value := _value(vr, one)) is not None):
            values[keyword] = decoded
    return Elements({**private.values(little=True), **values}, items)


def _encoded(element: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """The VR of a private element, and its value as a file has it in little endian; empty for what is none."""
    vr = str(element.get("vr") or "").encode("ascii", "replace")
    held = [one for one in _listed(element.get("Value")) if isinstance(one, str | int | Decimal)]
    try:
        if inline := element.get("InlineBinary"):
            return vr, base64.b64decode(inline, validate=True)
        if code := BINARY.get(vr):
            return vr, struct.pack(f"<{len(held)}{code}", *map(float, held))
    except (TypeError, ValueError, OverflowError, struct.error):
        return vr, b""
    return vr, "\\".join(map(str, held)).encode("latin-1", "replace")


def _value(vr: str, held: Any) -> Scalar | None:
    """One value by its VR."""
    if vr == "PN" and isinstance(held, dict):
        groups = (held.get(group) for group in ("Alphabetic", "Ideographic", "Phonetic"))
        held = "=".join(group for group in groups if isinstance(group, str) and group)
    if isinstance(held, bool) or not isinstance(held, str | int | Decimal):
        return None
    text = str(held).strip()
    if vr in NUMBERS:
        number = _number(text) if len(text) <= LONGEST_VALUE else None
        if number is None or vr not in WHOLE:
            return number
        return int(number) if number == int(number) else None
    plain = (vr in TEXTS or vr == "PN") and text.isprintable() and len(text) <= LONGEST_VALUE
    return text if plain and text else None


def _number(text: str) -> Decimal | float | None:
    """A number; what has more digits than a decimal string may have (PS3.5 6.2) is a binary float that was printed.

    >>> _number("0.69140599999999997"), _number("0.691406")
    (Decimal('0.691406'), Decimal('0.691406'))
    """
    number = as_scalar(text)
    printed = len(text) > LONGEST_DECIMAL and isinstance(number, Decimal) and number != number.to_integral_value()
    return as_scalar(repr(float(text))) if printed else number
