"""From the decoded elements of a structured report to its tree of content items (DICOM PS3.3 C.17.3).

The tree is checked as it is built: an item that is none, or that stands by reference to nothing or to what it is part
of, stays out with what is below it. A document that is beyond all measure is refused whole.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from ingest.dicom.header import BrokenDicomError, Elements, place_of
from ingest.sr.model import Code, Flaw, Graphic, Item, Reference

__all__ = ["DEEPEST", "KEYWORDS", "VALUE_TYPES", "tree"]

DEEPEST: Final = 64
"""How deep sequences may be nested: reports in use have ten levels."""

MOST_ITEMS: Final = 100_000
"""How many content items a document may have: that of a dose report of many days has some ten thousand."""

KEYWORDS: Final = (
    "CompletionFlag",
    "ConceptNameCodeSequence",
    "ContentSequence",
    "CurrentRequestedProcedureEvidenceSequence",
    "ObservationDateTime",
    "PertinentOtherEvidenceSequence",
    "ValueType",
)
"""The attributes of the header in which a report is found."""

NEAR: Final = 1e-4
"""How far the written form of a number, of at most 16 characters, may be from its floating point form."""

FREE_TEXT: Final = "freetext"

CODES: Final = ("CodeValue", "LongCodeValue", "URNCodeValue")
REFERENCING: Final = frozenset({"IMAGE", "COMPOSITE", "WAVEFORM"})
TEXTS: Final[Mapping[str, str]] = {
    "DATE": "Date",
    "DATETIME": "DateTime",
    "PNAME": "PersonName",
    "TEXT": "TextValue",
    "TIME": "Time",
    "UIDREF": "UID",
}
"""The attribute of each value type that is written as text."""
OTHERS: Final = frozenset({"CODE", "CONTAINER", "NUM", "SCOORD", "SCOORD3D", "TABLE", "TCOORD"})
VALUE_TYPES: Final = REFERENCING | TEXTS.keys() | OTHERS
"""The value types (PS3.3 C.17.3.2.1)."""

NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def tree(document: Elements) -> tuple[Item, tuple[Flaw, ...]]:
    """The root of a document's content, and what stays out of it; `BrokenDicomError` where there is no tree."""
    if document.text("ValueType") != "CONTAINER":
        raise BrokenDicomError(place_of("ValueType"), "the root of the report is no container", "CONTAINER")
    flat = _flat(document)
    out: dict[str, Flaw] = {}
    for place, elements in flat.items():
        if (flaw := _own_flaw(place, elements)) is not None:
            out[place] = flaw
    out |= _by_reference(flat, out)
    children: dict[str, list[Item]] = {}
    root: Item | None = None
    for place, elements in reversed(flat.items()):
        below = tuple(reversed(children.pop(place, ())))
        if place in out:
            continue  # and so is what is below it
        root = _item(place, elements, below)
        children.setdefault(_parent(place), []).append(root)
    assert root is not None, "the root is a container, so it is in"
    return root, tuple(flaw for place, flaw in out.items() if not _below_another(place, out))


def _flat(document: Elements) -> dict[str, Elements]:
    """Every content item by its place, in the order of the document."""
    flat: dict[str, Elements] = {}
    stack = [("1", document)]
    while stack:
        place, elements = stack.pop()
        flat[place] = elements
        if len(flat) > MOST_ITEMS:
            raise BrokenDicomError(
                place_of("ContentSequence"), f"the report has more than {MOST_ITEMS} content items", "a smaller report"
            )
        # what stands by reference has its content at its own place
        below = () if _target(elements) and place != "1" else elements.items.get("ContentSequence", ())
        stack.extend((f"{place}.{at}", below[at - 1]) for at in range(len(below), 0, -1))
    return flat


def _parent(place: str) -> str:
    return place.rpartition(".")[0]


def _below_another(place: str, out: Mapping[str, Flaw]) -> bool:
    while place := _parent(place):
        if place in out:
            return True
    return False


def _own_flaw(place: str, elements: Elements) -> Flaw | None:
    """What is wrong with an item by itself."""
    if place == "1" or "ReferencedContentItemIdentifier" in elements.values:
        return None
    kind = elements.text("ValueType")
    if kind not in VALUE_TYPES:
        problem = "the content item has no value type" if not kind else "the value type is not known"
        return Flaw(place, problem, "a value type of PS3.3 C.17.3.2.1, such as NUM")
    return None


def _by_reference(flat: Mapping[str, Elements], out: Mapping[str, Flaw]) -> dict[str, Flaw]:
    """The items by reference that lead to nothing, or back to themselves (PS3.3 C.17.3.2.5 forbids loops)."""
    flaws: dict[str, Flaw] = {}
    targets = {place: target for place, item in flat.items() if (target := _target(item)) and place != "1"}
    for place, target in targets.items():
        if target not in flat or target in targets or target in out or _below_another(target, out):
            wanted = "the place of a content item of this report that stands there itself"
            flaws[place] = Flaw(place, "the item refers to a content item that is not there", wanted)
    for place in _looping(flat, {place: target for place, target in targets.items() if place not in flaws}):
        wanted = "a reference that does not lead back to the item that it is part of"
        flaws[place] = Flaw(place, "the reference is part of what it refers to", wanted)
    return flaws


def _looping(flat: Mapping[str, Elements], targets: Mapping[str, str]) -> set[str]:
    """The references that close a loop, found on one walk along children and references."""
    below: dict[str, list[str]] = {}
    for place in flat:
        below.setdefault(_parent(place), []).append(place)
    closing: set[str] = set()
    open_, done = set[str](), set[str]()
    stack = [("1", "", False)]  # the item, the last reference on the way to it, and whether all below is done
    while stack:
        place, last, left = stack.pop()
        if left:
            open_.discard(place)
            done.add(place)
        elif place in open_:
            closing.add(last)
        elif place not in done:
            open_.add(place)
            stack.append((place, last, True))
            if place in targets:
                stack.append((targets[place], place, False))
            stack.extend((child, last, False) for child in reversed(below.get(place, ())))
    return closing


def _target(elements: Elements) -> str:
    return ".".join(map(str, elements.values.get("ReferencedContentItemIdentifier", ())))


def _item(place: str, elements: Elements, children: tuple[Item, ...]) -> Item:
    kind = elements.text("ValueType")
    measured = next(iter(elements.items.get("MeasuredValueSequence", ())), None)
    return Item(
        place=place,
        relationship=elements.text("RelationshipType"),
        kind=kind,
        name=_code(elements, "ConceptNameCodeSequence"),
        code=_code(elements, "ConceptCodeSequence") if kind == "CODE" else None,
        text=elements.text(TEXTS[kind]) if kind in TEXTS else "",
        number=_number(measured) if measured else "",
        unit=_code(measured, "MeasurementUnitsCodeSequence") if measured else None,
        qualifier=_code(elements, "NumericValueQualifierCodeSequence"),
        references=tuple(map(_reference, elements.items.get("ReferencedSOPSequence", ()))),
        graphic=_graphic(elements, spatial=kind == "SCOORD3D") if kind.startswith("SCOORD") else None,
        observed=elements.text("ObservationDateTime"),
        target=_target(elements),
        children=children,
    )


def _code(elements: Elements, keyword: str) -> Code | None:
    """The first code triplet of a sequence (PS3.3 section 8.8)."""
    item = next(iter(elements.items.get(keyword, ())), None)
    if item is None:
        return None
    value = next((text for name in CODES if (text := item.text(name))), "")
    # some viewers write what a person typed as the meaning of one code
    meaning = "" if FREE_TEXT in value.casefold() else item.text("CodeMeaning")
    return Code(value, item.text("CodingSchemeDesignator"), meaning) if value or meaning else None


def _number(measured: Elements) -> str:
    """A measured value as written; in its floating point form, where that is more exact and the same number."""
    written, exact = measured.text("NumericValue"), measured.number("FloatingPointValue")
    if exact is None:
        return written
    plain = format(exact, "f") if abs(exact.adjusted()) < 20 else str(exact)
    if not written:
        return plain
    near = NUMBER.fullmatch(written) and math.isclose(float(written), float(exact), rel_tol=NEAR)
    return plain if near and len(plain) > len(written) else written


def _whole(elements: Elements, keyword: str) -> tuple[int, ...]:
    return tuple(value for value in elements.values.get(keyword, ()) if isinstance(value, int))


def _reference(elements: Elements) -> Reference:
    return Reference(
        sop_class=elements.text("ReferencedSOPClassUID"),
        instance=elements.text("ReferencedSOPInstanceUID"),
        segments=_whole(elements, "ReferencedSegmentNumber"),
        frames=_whole(elements, "ReferencedFrameNumber"),
    )


def _graphic(elements: Elements, *, spatial: bool) -> Graphic:
    return Graphic(
        kind=elements.text("GraphicType"),
        data=tuple(float(value) for value in elements.values.get("GraphicData", ())),
        spatial=spatial,
        frame=elements.text("ReferencedFrameOfReferenceUID"),
    )
