"""What pydicom reads of a data set, as plain values: the reference that the header path is held against."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from pydicom.datadict import dictionary_has_tag, dictionary_VR, keyword_for_tag
from pydicom.dataset import Dataset

from ingest.dicom.header import DEEPEST_ITEM, Elements
from ingest.dicom.values import LONGEST_VALUE
from ingest.gate.private import private_rows

TEXT = {"AE", "AS", "CS", "DA", "DT", "LO", "LT", "PN", "SH", "ST", "TM", "UC", "UI", "UR", "UT"}
NUMBER = {"DS", "FD", "FL", "IS", "SL", "SS", "UL", "US"}

Plain = dict[str, Any]


def _parts(value: Any) -> Iterable[Any]:
    if value is None:
        return ()
    many = isinstance(value, Iterable) and not isinstance(value, str | bytes) and not hasattr(value, "family_name")
    return value if many else (value,)


def _number(value: Any) -> Decimal | None:
    try:
        return Decimal(str(value).strip(" \0"))
    except InvalidOperation:
        return None


def by_pydicom(found: Dataset, keywords: set[str] | None = None, depth: int = 0) -> Plain:
    """The public elements of a data set by keyword, sequences as lists; numbers as decimals."""
    plain: Plain = {}
    for element in found:
        keyword = keyword_for_tag(element.tag) if dictionary_has_tag(element.tag) else ""
        if not keyword or (keywords is not None and keyword not in keywords):
            continue
        vr = dictionary_VR(element.tag)
        if vr == "SQ" and depth < DEEPEST_ITEM and element.VR == "SQ":
            plain[keyword] = [by_pydicom(item, None, depth + 1) for item in element.value]
        elif vr in TEXT:
            # an empty last component of a name ("=") says nothing; control characters mark damaged bytes
            found_texts = (
                str(value).replace("\x1b$)A", "") for value in _parts(element.value)
            )  # of ISO-IR 58, left in
            texts = [part.strip(" \0=") for text in found_texts for part in text.split("\\")]
            plain[keyword] = [text for text in texts if text and text.isprintable() and len(text) <= LONGEST_VALUE]
        elif vr in NUMBER:
            plain[keyword] = [number for value in _parts(element.value) if (number := _number(value)) is not None]
    return {keyword: values for keyword, values in plain.items() if values or isinstance(values, list)}


def private_by_pydicom(found: Dataset) -> Plain:
    """The private elements that may be read, as pydicom finds their blocks by the creator."""
    plain: Plain = {}
    for row in private_rows():
        try:
            element = found.private_block(row.group, row.creator)[row.offset]
        except KeyError:
            continue
        if row.vr == "LO":  # pydicom leaves the bytes of UN as they are
            text = element.value.decode("ascii") if isinstance(element.value, bytes) else str(element.value)
            plain.setdefault(row.keyword, [text.strip(" \0")])
            continue
        numbers = [number for value in _parts(element.value) if (number := _number(value)) is not None]
        if row.vr == "FD" or numbers:
            plain[row.keyword] = numbers if row.vr == "FD" else numbers[:1]
    return plain


def by_us(elements: Elements) -> Plain:
    """The same of what the header path read."""
    values: Mapping[str, Any] = {
        keyword: [one.strip("=") if isinstance(one, str) else Decimal(str(one)) for one in many]
        for keyword, many in elements.values.items()
    }
    return {**values, **{keyword: [by_us(item) for item in items] for keyword, items in elements.items.items()}}


def differences(ours: Plain, theirs: Plain, place: str = "") -> list[str]:
    """Where a value of ours is not pydicom's, or one of pydicom's is not among ours."""
    found: list[str] = []
    for keyword in sorted(ours.keys() | theirs.keys()):
        mine, reference = ours.get(keyword, []), theirs.get(keyword, [])
        here = f"{place}/{keyword}"
        if mine and isinstance(mine[0], dict):
            found += [] if len(mine) == len(reference) else [f"{here} has {len(mine)} items"]
            for at, (one, other) in enumerate(zip(mine, reference, strict=False)):
                found += differences(one, other, f"{here}[{at}]")
        elif mine != reference and reference:
            found.append(here)
        elif mine and not reference:
            found.append(f"{here} is ours only")
    return found
