"""Real world value maps and parametric maps as a source: what the pixels of a series measure (PS3.3 C.7.6.16.2.11).

One file is one source. A map of another series (RWVM, PS3.3 section A.46) says of that series, and a parametric map
(section A.75) of its own, which quantity its pixels measure, as `q:MeasuredQuantity`, in which unit and by which
method, and by which slope and intercept a stored value becomes one. Look-up tables are not read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from ingest.base import Yield
from ingest.dicom.document import Document, DocumentKind, codes_in, source_of, uid_in
from ingest.dicom.header import Elements, place_of
from ingest.observed import quantities
from ingest.observed.coded import Code, meaning, raw_code
from ontology import records
from ontology.prefixes import Curie
from ontology.records import Finding, Measurement
from ontology.terms import ncit, q, sct
from ontology.variables import canonical

__all__ = ["SOURCE"]

VERSION: Final = "rwv-4"

KEYWORDS: Final = frozenset(
    (
        "PerFrameFunctionalGroupsSequence",
        "ReferencedImageRealWorldValueMappingSequence",
        "ReferencedSeriesSequence",
        "SharedFunctionalGroupsSequence",
    )
)


@dataclass(frozen=True, slots=True)
class Mapping:
    """One item of a Real World Value Mapping Sequence."""

    quantity: tuple[Code, ...]
    methods: tuple[Code, ...]
    modifiers: tuple[Code, ...]
    """Every other coded statement of the quantity's definition."""
    unit: tuple[Code, ...]
    slope: Decimal | None
    intercept: Decimal | None


def _mapping(document: Document, item: Elements) -> Mapping:
    """A mapping as its item states it."""
    quantity: list[Code] = []
    methods: list[Code] = []
    modifiers: list[Code] = []
    for said in item.items.get("QuantityDefinitionSequence", ()):
        name = meaning(codes_in(said, "ConceptNameCodeSequence"), document.codes)
        values = codes_in(said, "ConceptCodeSequence")
        into = quantity if name == ncit.QUANTITY else methods if name == sct.MEASUREMENT_METHOD else modifiers
        into.extend(values)
    return Mapping(
        tuple(quantity),
        tuple(methods),
        tuple(modifiers),
        codes_in(item, "MeasurementUnitsCodeSequence"),
        item.number("RealWorldValueSlope"),
        item.number("RealWorldValueIntercept"),
    )


def maps(document: Document) -> Iterator[Yield]:
    """What a map says of the one series that it refers to."""
    series = [
        uid
        for item in document.header.items.get("ReferencedSeriesSequence", ())
        if (uid := uid_in(item, "SeriesInstanceUID"))
    ]
    found = [
        item
        for image in document.header.items.get("ReferencedImageRealWorldValueMappingSequence", ())
        for item in image.items.get("RealWorldValueMappingSequence", ())
    ]
    if len(set(series)) != 1:
        wanted = "one series of the study, so that it is known whose pixels are mapped"
        yield document.reject(place_of("ReferencedSeriesSequence"), "names no one series", wanted)
        return
    yield records.Series(uid=series[0], subject=document.subject, study=document.study)
    yield from _said(document, found, series[0])


def parametric(document: Document) -> Iterator[Yield]:
    """What a parametric map says of itself."""
    groups = (
        *document.header.items.get("SharedFunctionalGroupsSequence", ()),
        *document.header.items.get("PerFrameFunctionalGroupsSequence", ()),
    )
    found = [item for group in groups for item in group.items.get("RealWorldValueMappingSequence", ())]
    yield from _said(document, found, document.header.text("SeriesInstanceUID"))


def _said(document: Document, found: list[Elements], series: str) -> Iterator[Yield]:
    """The distinct mappings as facts of a series."""
    mappings = list(dict.fromkeys(_mapping(document, item) for item in found))
    if not mappings:
        yield document.reject(
            place_of("RealWorldValueMappingSequence"), "holds no mapping", "at least one, with its quantity"
        )
    for at, mapping in enumerate(mappings, 1):
        yield from _facts(document, mapping, f"mapping/{at}", series)


def _facts(document: Document, mapping: Mapping, key: str, series: str) -> Iterator[Yield]:
    """One mapping: the quantity as a finding of the series, slope and intercept as parts of it."""
    quantity, unit = _quantity(document, mapping), _unit(mapping)
    yield Finding(
        key=key,
        subject=document.subject,
        study=document.study,
        series=series,
        variable=q.MEASURED_QUANTITY,
        value_concept=quantity or q.UNMAPPED,
        method=meaning(mapping.methods, document.codes),
        unit=unit,
        raw=None if unit else next((code.value for code in mapping.unit), None),
        raw_code=raw_code((*mapping.quantity, *mapping.methods, *mapping.modifiers)),
        when=document.when,
        document=document.uid,
    )
    for name, value, variable in (
        ("slope", mapping.slope, q.REAL_WORLD_SLOPE),
        ("intercept", mapping.intercept, q.REAL_WORLD_INTERCEPT),
    ):
        if value is not None:
            yield Measurement(
                key=f"{key}/{name}",
                subject=document.subject,
                study=document.study,
                series=series,
                variable=variable,
                value=value,
                unit=unit,
                raw=format(value, "f"),
                part_of=key,
                when=document.when,
                document=document.uid,
            )


def _quantity(document: Document, mapping: Mapping) -> Curie | None:
    """The variable that is measured: as it is registered, else the term itself."""
    term = meaning(mapping.quantity, document.codes)
    registered = canonical(term) if term else None
    return registered.curie if registered else term


def _unit(mapping: Mapping) -> str | None:
    """The UCUM code of the unit, None where it is none."""
    return next((unit for code in mapping.unit if (unit := quantities.unit_code(code.value, None))), None)


SOURCE = source_of(
    DocumentKind(
        name="rwv",
        version=VERSION,
        summary="DICOM real world value maps and parametric maps: what the pixels of a series measure",
        keywords=KEYWORDS,
        classes={"1.2.840.10008.5.1.4.1.1.67": maps, "1.2.840.10008.5.1.4.1.1.30": parametric},
    )
)
"""SOP classes of PS3.4 B.5."""
