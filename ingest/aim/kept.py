"""Kept annotations: an AIM document without what may identify a person, content-addressed in the data folder.

What may stay is listed by name, so that whatever a tool adds stays out: codes, values, UIDs, markups with their
coordinates, devices and software, of an annotation's name the lesion that it names, and of labels those of
characteristics, which say what is asked. Names of people, logins, birth dates, sex, dates and times, comments, other
labels and descriptions go, and so does whatever the gate takes for an identifier. What is kept is AIM still (also of
JSON), and gives the same measurements when it is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence, Set
from copy import deepcopy
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from lxml import etree

from ingest.base import Days, KeptText
from ingest.gate.forms import CODED, HARMLESS, TECHNICAL, identifier_in
from ingest.observed.lesions import lesion_name
from store.document_text import LIMIT, packed

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

CHARACTERISTICS: Final = frozenset(
    ("anatomicentitycharacteristic", "imagingobservationcharacteristic", "imagingphysicalentitycharacteristic")
)

ALGORITHM: Final = "algorithm"

UID: Final = re.compile(r"[0-9A-Fa-f.-]+")

Rule: TypeAlias = Callable[[str], str | None]
"""What stays of a text: as it is, the lesion that it names, or nothing."""


def _gone(_text: str) -> None:
    return None


def _free(text: str) -> str | None:
    return text if HARMLESS.fullmatch(text) or identifier_in(text, CODED) is None else None


def _technical(text: str) -> str | None:
    return text if HARMLESS.fullmatch(text) or identifier_in(text, TECHNICAL) is None else None


def _uid(text: str) -> str | None:
    """A UID or UUID is long and may look like a date or a number of a person; what is neither is a text."""
    return text if UID.fullmatch(text) else _free(text)


def _local(name: str) -> str:
    return name.rpartition("}")[2].casefold()


@lru_cache(maxsize=1 << 14)
def _rule(parent: str, tag: str, name: str) -> Rule:
    """What stays of an attribute of an element below another.

    Of an annotation's name it is the lesion that it names: its lengths and its lesion depend on it.
    """
    above, own, attribute = _local(parent), _local(tag), _local(name)
    if (own in ANNOTATIONS and attribute == "name") or (own == "name" and above in ANNOTATIONS):
        return lesion_name
    if (own in CHARACTERISTICS and attribute == "label") or (own == "label" and above in CHARACTERISTICS):
        return _free
    spoken_of = own if attribute in HOLDING else attribute
    if spoken_of == "name" and above == ALGORITHM and attribute in HOLDING:
        spoken_of = "algorithmname"  # as AIM 3 calls it
    if spoken_of not in KEPT:
        return _gone
    if spoken_of.endswith("uid"):
        return _uid
    return _technical if spoken_of in TECHNOLOGY else _free


@lru_cache(maxsize=1 << 16)
def _stays(parent: str, tag: str, name: str, text: str) -> str | None:
    """What stays of the text of an attribute; most texts are codes and words that come again in every document."""
    return _rule(parent, tag, name)(text)


@lru_cache(maxsize=1 << 10)
def _keeps_text(tag: str) -> bool:
    return _local(tag) in KEPT


def redacted(root: etree._Element) -> etree._Element:
    """A copy of a document with what may be kept of it; comments and text between elements are left out."""
    kept = deepcopy(root)
    _redact(list(kept.iter()))
    return kept


def _redact(elements: Iterable[etree._Element]) -> None:
    """Take out of a document what may not be kept of it; ``elements`` are all of it."""
    for element in elements:
        tag, parent = element.tag, element.getparent()
        if not isinstance(tag, str):
            if parent is not None:
                parent.remove(element)
            continue
        if element.text and (len(element) or not _keeps_text(tag) or identifier_in(element.text, CODED)):
            element.text = None
        if element.tail:
            element.tail = None
        above = str(parent.tag) if parent is not None else ""
        for name, text in element.items():
            stays = _stays(above, tag, str(name), str(text))
            if stays is None:
                del element.attrib[name]
            elif stays != text:
                element.set(name, stays)


@dataclass(frozen=True, slots=True)
class AimDocument:
    """What may be kept of an annotation document (`ingest.base.Keepable`)."""

    text: str
    """The document's text, indented."""
    size: int
    mapping: str = "aim"
    again: str | None = None

    @classmethod
    def of(cls, elements: Sequence[etree._Element], size: int) -> AimDocument:
        """Of all elements of a document whose file has that many bytes; nothing of one that is too large to be kept.

        The document is no longer what it was: it is redacted itself, and not copied first.
        """
        if size > LIMIT:
            return cls("", size)
        root = elements[0]
        _redact(elements)
        etree.indent(root)
        return cls(etree.tostring(root, encoding="unicode"), size)

    def packed(self) -> KeptText:
        """The text as it is kept."""
        return KeptText(self.mapping, packed([self.text]) if self.size <= LIMIT else None)

    def lines(self, refused: Set[str], days: Days) -> Iterator[str]:  # noqa: ARG002 - no record's text is kept unjudged
        """The document's text at once; it has no dates, so none is counted."""
        yield self.text
