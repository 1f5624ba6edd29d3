"""Kept annotations: an AIM document without what may identify a person, content-addressed in the data folder.

What may stay is listed by name, so that whatever a tool adds stays out: codes, values, UIDs, markups with their
coordinates, devices and software, and of an annotation's name the lesion that it names. Names of people, logins, birth
dates, sex, dates and times, comments, labels and descriptions go, and so does whatever the gate takes for an
identifier. What is kept is AIM still (also of JSON), and gives the same measurements when it is read.
"""

from __future__ import annotations

from collections.abc import Iterator, Set
from copy import deepcopy
from dataclasses import dataclass
from typing import Final

from lxml import etree

from ingest.base import Days
from ingest.gate import FREE, TECHNICAL, identifier_in
from ingest.observed.lesions import lesion_name

__all__ = ["AimDocument", "redacted"]

HOLDING: Final = frozenset(("extension", "root", "value"))
"""The attributes in which AIM 4 keeps the value of an element."""

TECHNOLOGY: Final = frozenset(
    ("algorithmname", "algorithmversion", "manufacturermodelname", "manufacturername", "softwareversion", "version")
)

KEPT: Final = TECHNOLOGY | frozenset(
    (
        *("aimversion", "annotatorconfidence", "cagridid", "code", "codemeaning", "codesystem", "codesystemname"),
        *("codesystemversion", "codevalue", "codingschemedesignator", "codingschemeversion", "compression"),
        *("coordinateindex", "datatype", "dimensionindex", "displayname", "encoding", "id", "imagereferenceuid"),
        *("includeflag", "index", "instanceuid", "ispresent", "lesionuniqueidentifier", "maxoperator", "maxvalue"),
        *("minoperator", "minvalue", "numberofdimensions", "objectuniqueidentifier", "operator", "originaltext"),
        *("position", "referencedframenumber", "referencedshapeidentifier", "roleintrial", "seriesinstanceuid"),
        *("shapeidentifier", "size", "sopclassuid", "sopinstanceuid", "studyinstanceuid", "subjectuniqueidentifier"),
        *("trackinguniqueidentifier", "type", "ucumstring", "uid", "uniqueidentifier", "unitofmeasure", "x", "y", "z"),
        # the elements of AIM 3 and 4 whose attribute ``value`` is a result
        *("calculationdata", "characteristicquantification", "data", "value"),
        # what links annotations, segments and templates
        *("frameofreferenceuid", "precedentreferencedannotationuid", "referencedsopinstanceuid", "segmentnumber"),
        *("templateuid",),
    )
)
"""The attributes that are kept and the elements whose value is kept, in lower case."""


ANNOTATIONS: Final = frozenset(("annotationofannotation", "imageannotation"))

ALGORITHM: Final = "algorithm"


def _local(name: str) -> str:
    return name.rpartition("}")[2].casefold()


def _stays(element: etree._Element, name: str, text: str) -> bool:
    attribute, own = _local(name), _local(str(element.tag))
    spoken_of = own if attribute in HOLDING else attribute
    if spoken_of == "name" and _parent(element) == ALGORITHM and attribute in HOLDING:
        spoken_of = "algorithmname"  # as AIM 3 calls it
    kinds = TECHNICAL if spoken_of in TECHNOLOGY else FREE
    return spoken_of in KEPT and (spoken_of.endswith("uid") or identifier_in(text, kinds) is None)


def _parent(element: etree._Element) -> str:
    parent = element.getparent()
    return _local(str(parent.tag)) if parent is not None else ""


def _named_lesion(element: etree._Element) -> None:
    """Leave of an annotation's name only the lesion that it names: its lengths and its lesion depend on it."""
    own = _local(str(element.tag))
    if own in ANNOTATIONS and "name" in element.attrib:
        element.set("name", lesion_name(str(element.get("name"))) or "")
    elif own == "name" and _parent(element) in ANNOTATIONS:
        element.set("value", lesion_name(element.get("value", "")) or "")


def _may_stay(element: etree._Element, name: str, text: str) -> bool:
    """Whether an attribute stays: one that is kept, or the form of a lesion's name."""
    own = _local(str(element.tag))
    named = (own in ANNOTATIONS and name == "name") or (own == "name" and _parent(element) in ANNOTATIONS)
    return _stays(element, name, text) or (named and lesion_name(text) == text)


def redacted(root: etree._Element) -> etree._Element:
    """A copy of a document with what may be kept of it; comments and text between elements are left out."""
    kept = deepcopy(root)
    for element in list(kept.iter()):
        if not isinstance(element.tag, str):
            parent = element.getparent()
            if parent is not None:
                parent.remove(element)
            continue
        if element.text and (len(element) or _local(element.tag) not in KEPT or identifier_in(element.text)):
            element.text = None
        element.tail = None
        _named_lesion(element)
        for name, text in list(element.attrib.items()):
            if not _may_stay(element, str(name), str(text)):
                del element.attrib[name]
    return kept


@dataclass(frozen=True)
class AimDocument:
    """What may be kept of an annotation document (`ingest.base.Keepable`)."""

    root: etree._Element
    size: int
    mapping: str = "aim"
    again: str | None = None

    def lines(self, refused: Set[str], days: Days) -> Iterator[str]:  # noqa: ARG002 - no record's text is kept unjudged
        """The document's text, indented; it has no dates, so none is counted."""
        kept = redacted(self.root)
        etree.indent(kept)
        yield from etree.tostring(kept, encoding="unicode").splitlines()
