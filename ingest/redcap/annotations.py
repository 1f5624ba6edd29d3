"""What field annotations and choices name: common data elements, and concepts of vocabularies."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from ontology.elements import normal_version
from ontology.prefixes import Curie

__all__ = ["Named", "code_reader", "concept_named", "element_named"]

ELEMENT = re.compile(
    r"\b(?:CDE|caDSR)[\s_]*(?:ID)?\s*(?:[:=#]\s*(?P<id>\d{1,9})|(?P<bare>\d{2,9}))"
    r"(?:\s*v(?:ersion)?\s*(?P<version>\d+(?:\.\d+)*))?\b",
    re.IGNORECASE,
)
"""With a sign before it any number is an id; without one it has to look like an id (``CDE 1`` may count elements)."""


@dataclass(frozen=True, slots=True)
class _Vocabulary:
    """A vocabulary as annotations, BioPortal and CDISC call it."""

    prefix: str
    names: str
    code: str


VOCABULARIES = (
    _Vocabulary("ncit", r"NCI_?Thesaurus|NCIT?|nci:ExtCodeID", r"C\d{2,7}"),
    _Vocabulary("radlex", r"RADLEX", r"RID\d{1,6}"),
    _Vocabulary("loinc", r"LOINC", r"\d{1,7}-\d|LP\d+-\d"),
    _Vocabulary("sct", r"SNOMED[ -]?CT|SNOMEDCT_US|SCTID|SCT", r"\d{6,18}"),
    _Vocabulary("dcm", r"DCM|DICOM", r"\d{6}"),
    _Vocabulary("hgnc", r"HGNC", r"\d{1,6}"),
)

CONCEPTS = [
    (item.prefix, re.compile(rf"(?<![A-Za-z])(?:{item.names})\s*[:_=]\s*(?P<code>{item.code})\b", re.IGNORECASE))
    for item in VOCABULARIES
]
SERVICES = [
    (
        item.prefix,
        re.compile(rf"BIOPORTAL:(?:{item.names})", re.IGNORECASE),
        re.compile(rf"(?:.*[#/:_])?(?P<code>{item.code})", re.IGNORECASE),
    )
    for item in VOCABULARIES
]


STRUCTURED = re.compile(r"@ONTOLOGY\s*=.*", re.DOTALL)
"""An action tag that holds a document: which of its codes is the field's and which a choice's, is not told by order."""


@dataclass(frozen=True, slots=True)
class Named:
    """A data element that an annotation names; ``version`` where it does."""

    curie: Curie
    version: str | None = None


def element_named(annotation: str) -> Named | None:
    """The data element that a text names.

    >>> element_named("CDE:2200604v3.0")
    Named(curie='cadsr:2200604', version='3')
    >>> element_named("@DEFAULT='2200604'") is None
    True
    """
    found = ELEMENT.search(annotation)
    if found is None:
        return None
    version = normal_version(found["version"]) if found["version"] else None
    return Named(Curie(f"cadsr:{found['id'] or found['bare']}"), version)


def concept_named(annotation: str) -> Curie | None:
    """The first concept that a text names by vocabulary and code.

    >>> concept_named("@NCIT:C28421 @HIDDEN"), concept_named("LOINC = 2857-1"), concept_named("C28421")
    ('ncit:C28421', 'loinc:2857-1', None)
    """
    annotation = STRUCTURED.sub("", annotation)
    hits = [
        (found.start(), _curie(prefix, found["code"]))
        for prefix, form in CONCEPTS
        if (found := form.search(annotation))
    ]
    return min(hits)[1] if hits else None


def _curie(prefix: str, code: str) -> Curie:
    return Curie(f"{prefix}:{code.upper()}")


def code_reader(choices: str) -> Callable[[str], Curie | None] | None:
    """For a field whose values REDCap takes from BioPortal, what a cell means; None for other fields.

    >>> read = code_reader("BIOPORTAL:NCIT")
    >>> read("C4872"), read("http://ncicb.nci.nih.gov/xml/owl/EVS/Thesaurus.owl#C4872"), read("Breast")
    ('ncit:C4872', 'ncit:C4872', None)
    >>> code_reader("BIOPORTAL:ICD-10") is None
    True
    """
    for prefix, service, form in SERVICES:
        if service.fullmatch(choices.strip()):

            def read(cell: str, form: re.Pattern[str] = form, prefix: str = prefix) -> Curie | None:
                found = form.fullmatch(cell)
                return _curie(prefix, found["code"]) if found else None

            return read
    return None
