"""Which lesion is meant: by a tracking UID, by its name within one reader, or the document's own.

The rules, of which the first that applies is taken and recorded (`records.LesionFacts`):

1. *By tracking UID*: documents that state the same UID speak of one lesion, whoever wrote them.
2. *By name within one reader*: where the name is nothing but a word for a lesion and a number, documents of one reader
   with the same subject, form of the name and anatomic structure speak of one lesion. Two readers' lesions 1 need not
   be the same, and neither need be lesions 1 of the liver and of the lung.
3. *By document*: else the lesion is that of the document alone.

A table that lists a subject's lesions names them in a column of their own: there any short name counts, *by name*,
within the reader of the row. The site is no part of it, since such a table states it once, and results elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Final

from ontology import records
from ontology.prefixes import Curie
from ontology.terms import ncit, q, sct

__all__ = [
    "ABNORMAL",
    "ANATOMICAL",
    "Listed",
    "Named",
    "identified",
    "is_lesion",
    "lesion_name",
    "listed",
    "tracking_uid",
]

LESION = re.compile(
    r"(?P<kind>lesion|non-?target|target|new|node|nodule|tumou?r|[tnlm]|nt|nl|nn|tl|ntl|ln)[\s_#-]*(?P<number>\d{1,3})",
    re.ASCII | re.IGNORECASE,
)

TRACKED = re.compile(
    r"[0-2](?:\.\d+){2,}|(?:urn:uuid:)?[0-9a-f]{8}(?:-?[0-9a-f]{4}){3}-?[0-9a-f]{12}", re.ASCII | re.IGNORECASE
)

UNKNOWN_READER: Final = "reader-unknown"

ABNORMAL: Final = frozenset(
    (
        ncit.MASS,
        ncit.NODULE,
        ncit.PRIMARY_NEOPLASM,
        ncit.SECONDARY_NEOPLASM,
        sct.MORPHOLOGICALLY_ABNORMAL_STRUCTURE,
    )
)
"""Categories, types and findings that make a lesion of what they are said of."""

ANATOMICAL: Final = frozenset((ncit.TISSUE, sct.BODY_STRUCTURE_BODY_STRUCTURE))
"""Categories of what is a structure of the body."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """What a document says of which lesion it speaks of."""

    subject: str
    place: str
    """Where in the document it is said: unique there."""
    document: str
    """The UID of the document or annotation; a stable name of it where it has none."""
    tracking_uid: str = ""
    name: str = ""
    reader: str | None = None
    site: Curie | None = None


def lesion_name(name: str) -> str | None:
    """The lesion that an annotation's name names, None where it names none.

    Only a name that is nothing but a word for a lesion and a number counts (the part before ePAD's ``~``): other names
    hold subjects, readers and times.

    >>> lesion_name("Lesion 2~sp1~-~sp1~-1~sp1~#FFFFFF"), lesion_name("t01"), lesion_name("Jane Roe 2012")
    ('Lesion2', 'T01', None)
    """
    found = LESION.fullmatch(name.partition("~")[0].strip())
    if not found:
        return None
    kind = found["kind"].replace("-", "")
    return f"{kind.upper() if len(kind) <= 3 and kind.casefold() != 'new' else kind.capitalize()}{found['number']}"


def is_lesion(said: Set[Curie | None], name: str, *, place: Curie | None = None, unsaid: bool = False) -> bool:
    """Whether a segment or a group of measurements is of a lesion, and not of a structure of the body.

    It is where its category, type or finding says so, or its name names one; it is not where its category is
    anatomical, or its finding is just the place where it is. A tracking UID alone says neither: templates want one of
    whatever is measured. Where nothing is said, ``unsaid`` decides.

    >>> is_lesion({ncit.LIVER}, "Liver", place=ncit.LIVER, unsaid=True), is_lesion({ncit.MASS}, "Liver")
    (False, True)
    """
    if said & ABNORMAL or lesion_name(name):
        return True
    return unsaid and not said & ANATOMICAL and (place is None or place not in said)


def tracking_uid(text: str) -> str | None:
    """A tracking UID that can be one: a DICOM UID or a UUID; ``0`` and names are none.

    >>> tracking_uid("1.2.840.99999.30.1"), tracking_uid("0"), tracking_uid("TL1")
    ('1.2.840.99999.30.1', None, None)
    """
    text = text.strip()
    return text if len(text) <= 64 and TRACKED.fullmatch(text) else None


def identified(named: Named) -> tuple[records.Lesion, records.LesionFacts]:
    """The lesion, and by which rule it is that one.

    >>> found, facts = identified(Named(subject="S1", place="A[1]", document="1.2.3", name="Lesion 1", reader="r-1"))
    >>> found.key, facts.rule
    ('r-1.lesion1', 'q:ByNameWithinReader')
    """
    label, tracked = lesion_name(named.name), tracking_uid(named.tracking_uid)
    key, rule, reader = named.document, q.BY_DOCUMENT, None
    if tracked:
        key, rule = tracked, q.BY_TRACKING_UID
    elif label:
        where = named.site.partition(":")[2].casefold() if named.site else ""
        reader = named.reader
        key = ".".join(part for part in (reader or UNKNOWN_READER, label.casefold(), where) if part)
        rule = q.BY_NAME_WITHIN_READER
    facts = records.LesionFacts(
        key=f"{named.place}/lesion",
        subject=named.subject,
        lesion=key,
        rule=rule,
        tracking_uid=tracked,
        label=label,
        site=named.site,
        reader=reader,
    )
    return records.Lesion(subject=named.subject, key=key, label=label), facts


@dataclass(frozen=True, slots=True)
class Listed:
    """A lesion as a table lists it: its key, the rule, and what the rule uses."""

    key: str
    rule: Curie
    label: str | None = None
    tracking_uid: str | None = None


def listed(name: str, reader: str | None) -> Listed:
    """The lesion that a cell of a table's column of lesions names; ``reader`` is that of the row, where it has one.

    >>> listed("target 1", "reader-a").key, listed("1.2.840.99999.30.1", "reader-a").key, listed("T01", None).key
    ('reader-a.target1', '1.2.840.99999.30.1', 'T01')
    """
    if tracked := tracking_uid(name):
        return Listed(tracked, q.BY_TRACKING_UID, tracking_uid=tracked)
    label = lesion_name(name) or name
    return Listed(f"{reader}.{label.casefold()}" if reader else label, q.BY_NAME, label)
