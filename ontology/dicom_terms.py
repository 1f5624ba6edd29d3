"""Declarations of the DICOM attributes that are predicates here: ``dicom:<Keyword>``.

Names, tags and value representations are those of DICOM PS3.6, as pydicom's dictionary holds them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from pydicom.datadict import dictionary_description, dictionary_VR, tag_for_keyword

from ontology.fields import STARS, Kind, dicom_attributes
from ontology.prefixes import Curie

__all__ = ["DicomTerm", "dicom_terms"]

RANGES = {
    Kind.STRING: Curie("xsd:string"),
    Kind.INTEGER: Curie("xsd:integer"),
    Kind.DECIMAL: Curie("q:number"),
}


class DicomTerm(NamedTuple):
    """A DICOM attribute as a datatype property; ``tag`` is written ``(0018,0050)``."""

    curie: Curie
    label: str
    tag: str
    vr: str
    range: Curie


def _keywords() -> dict[str, Kind]:
    """Every keyword that a record may write, with the kind of its values."""
    named = {
        field.predicate.removeprefix("dicom:"): field.kind
        for star in STARS
        for field in star.fields
        if field.predicate.startswith("dicom:") and field.kind is not Kind.ATTRIBUTES
    }
    return named | {keyword: attribute.kind for keyword, attribute in dicom_attributes().items()}


def dicom_terms() -> Iterator[DicomTerm]:
    """The attributes in the order of their keywords; KeyError where DICOM has no such keyword."""
    for keyword, kind in sorted(_keywords().items()):
        tag = tag_for_keyword(keyword)
        if tag is None:
            raise KeyError(keyword)
        yield DicomTerm(
            curie=Curie(f"dicom:{keyword}"),
            label=dictionary_description(tag),
            tag=f"({tag >> 16:04X},{tag & 0xFFFF:04X})",
            vr=dictionary_VR(tag),
            range=RANGES[kind],
        )
