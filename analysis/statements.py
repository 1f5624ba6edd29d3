"""What a group says, as codes that are read back as it: numbers, statements, the site; shared by AIM and SR."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from analysis.measurement_set import Group
from ingest.aim.facts import ASSESSED, RESPONSES
from ingest.observed.coded import Code, meanings
from ingest.observed.quantities import Quantity, length_of, quantity_of
from ingest.observed.sites import Site, site_of
from mappings.code_sets import Triplet, triplets_in
from mappings.code_writing import CodeWriter
from ontology.prefixes import Curie
from ontology.records import Finding, Measurement, Observation, Response
from ontology.terms import ncit, q, radlex

__all__ = ["Words", "as_codes", "number_codes", "place_codes", "value_code"]

CODE_OF_RESPONSE: Final = {pair: code for code, pair in RESPONSES.items()}
"""The response codes of DICOM by variable and value."""


@dataclass(frozen=True, slots=True)
class Words:
    """The codes that a document is written in."""

    writer: CodeWriter

    def code(self, term: Curie | None, *, variable: bool = False) -> Triplet | None:
        """The triplet of a term; None where it has none."""
        return self.writer.triplet(term, variable=variable) if term else None

    def meanings(self, triplets: Iterable[Triplet]) -> list[Curie]:
        """The terms that triplets are read back as."""
        return meanings(as_codes(triplets), self.writer.codes)

    def site(self, triplets: Sequence[Triplet]) -> Site | None:
        """The place that triplets are read back as: a structure, then what is said of it."""
        codes = as_codes(triplets)
        return site_of(codes[:1], self.writer.codes, codes[1:])


def as_codes(triplets: Iterable[Triplet]) -> list[Code]:
    """Triplets as the readers hold them."""
    return [Code(*item) for item in triplets]


def raw_codes(item: Observation) -> list[Triplet]:
    """The triplets as found in the source."""
    return [found for found in triplets_in(item.raw_code or "") if found.code]


def number_codes(item: Measurement, words: Words, *, derived: bool = False) -> list[Triplet] | None:
    """The codes of what a number is of, its variable and statistic; None where none are read back as that.

    ``derived`` says whether the document tells the statistic apart, as SR's derivation does. What no term is known for
    keeps the codes that it was found with.
    """
    wanted = Quantity(item.variable, item.statistic)
    if item.variable == q.UNMAPPED:
        found = raw_codes(item)
        whole = (found, found[:1])
        return next((codes for codes in whole if codes and _reads_as(codes, item, words, derived) == wanted), None)
    codes = words.writer.triplets([item.variable, *([item.statistic] if item.statistic else [])])
    return codes if codes and _reads_as(codes, item, words, derived) == wanted else None


def _reads_as(codes: list[Triplet], item: Measurement, words: Words, derived: bool) -> Quantity:
    terms = words.meanings(codes)
    return quantity_of(terms, item.unit or "", statistic=terms[1] if derived and len(terms) > 1 else None)


def response_code(item: Observation) -> Curie | None:
    """The term that says both which response and what it is, as DICOM has them for lesions; None without one."""
    if not isinstance(item, Response):
        return None
    return CODE_OF_RESPONSE.get((item.variable, item.value_concept or q.UNMAPPED))


def value_code(item: Observation, words: Words) -> Triplet | None:
    """The code of what a finding or response states; None where it is no coded one, or no code is read back as it.

    What no term is known for keeps the code that it was found with.
    """
    if (response := response_code(item)) is not None:
        return words.code(response)
    if item.value_concept == q.UNMAPPED:
        found = raw_codes(item)
        return found[-1] if found and not words.meanings(found[-1:]) else None
    return words.code(item.value_concept)


def place_codes(site: Site, words: Words) -> list[Triplet] | None:
    """The codes of a structure, then of its side and part; None where none are read back as it."""
    if site.structure is None:
        return None
    terms = [term for term in (site.structure, site.laterality, site.modifier) if term is not None]
    codes = [words.code(term) for term in terms]
    written = [code for code in codes if code is not None]
    return written if len(written) == len(terms) and words.site(written) == site else None


def is_place(item: Observation) -> bool:
    """Whether a finding names a place in the body."""
    return isinstance(item, Finding) and item.variable == radlex.ANATOMICAL_ENTITY


def becomes_longest(group: Group, *, tracked: bool) -> bool:
    """Whether a length of a group is read as a longest diameter, by the rule of response assessments.

    ``tracked`` says whether the document gives whatever it speaks of a tracking UID.
    """
    lengths = [item for item in group.observations if item.variable == ncit.LENGTH and isinstance(item, Measurement)]
    assigned = {item.value_concept for item in group.observations} & ASSESSED
    lesion = group.lesion
    assessed = lesion is not None and bool(tracked or lesion.stated or lesion.label or assigned)
    return length_of(len(lengths), group.site.structure, assessed=assessed) != ncit.LENGTH and bool(lengths)
