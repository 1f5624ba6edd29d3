"""From the files of 3D Slicer to records: regions, their measurements, and the lesions that they are named after."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from ingest.base import Context, Yield
from ingest.observed import lesions
from ingest.observed.coded import Code, meaning
from ingest.observed.quantities import STATISTICS, Quantity, ValueProblem, amount, as_written, quantity_of
from ingest.observed.regions import MILLIMETRES, box_of, region_key
from ingest.observed.sites import site_of
from ingest.slicer.model import Markup, Stated
from ingest.slicer.segments import Segment
from ingest.slicer.table import Row
from ingest.slicer.text import Fault
from ingest.subjects_file import Placed
from ontology import records
from ontology.prefixes import Curie
from ontology.records import Measurement, Region, RegionFacts, Reject
from ontology.terms import ibsi, ncit, q
from ontology.variables import variables

__all__ = ["Translation"]

SCHEME: Final = "3D Slicer"
"""The scheme of the names by which Slicer calls quantities: ``mappings/codes/slicer.sssom.tsv``."""

OF_AN_IMAGE: Final[dict[Curie, Curie]] = {
    ncit.ARITHMETIC_MEAN: ibsi.MEAN,
    ncit.MAXIMUM: ibsi.MAXIMUM_GREY_LEVEL,
    ncit.MEDIAN: ibsi.MEDIAN,
    ncit.MINIMUM: ibsi.MINIMUM_GREY_LEVEL,
}
"""A statistic of an image whose unit is not stated is that of its grey levels (IBSI)."""

OWN_NAME: Final = re.compile(r"[A-Z]{1,2}(?:_\d+)?")
"""The names that Slicer gives by itself, by the kind of markup: ``F_1``, ``L``, ``M_2``, ``OC``."""

PROCEDURE: Final = "3d-slicer"
EDGES: Final = Decimal("0.001")


@dataclass(slots=True)
class Translation:
    """The translation of one file: its name and digest, and whose it is."""

    name: str
    digest: str
    whose: Placed
    context: Context

    @property
    def _document(self) -> str:
        """A stable name of the file, which has no UID."""
        return self.digest[:32]

    def markups(self, found: Iterable[Markup | Fault]) -> Iterator[Yield]:
        """The regions and measurements of markups."""
        number = 0
        for item in found:
            if isinstance(item, Fault):
                yield self._reject(item.place, item)
                continue
            if not item.points and not item.corners and not item.values:
                yield self._reject(item.place, ValueProblem("the markup has no points", "a markup that is placed"))
                continue
            number += 1
            facts = RegionFacts(
                key=f"{item.place}/region",
                subject=self.whose.subject,
                region=region_key(self._document, item.place),
                number=number,
                shape=item.shape,
                points=len(item.points) or None,
                label=item.name.strip() or None,
                volume=_held(item.volume),
            )
            box = box_of(item.corners or item.points, MILLIMETRES)
            yield from self._region(replace(facts, **box) if box else facts, item.place)
            lesion = self._lesion_key(item.name, item.place, None)
            for value in item.values:
                yield from self._value(value, facts.region, lesion, None)

    def segments(self, found: Iterable[Segment]) -> Iterator[Yield]:
        """The regions of a label map."""
        for item in found:
            place = f"segment {item.number}"
            if not item.voxels:
                yield self._reject(place, ValueProblem("the segment is empty", "voxels with the segment's label"))
                continue
            codes = self.context.codes
            anatomy = [code for code in (item.site, item.kind) if code is not None]
            beside = [code for code in (item.site_modifier, item.kind_modifier) if code is not None]
            site = site_of(anatomy[:1], codes, beside) if item.site else None
            facts = RegionFacts(
                key=f"{place}/region",
                subject=self.whose.subject,
                region=region_key(self._document, item.identifier or item.number),
                number=item.number,
                shape=q.MASK_SHAPE,
                category=meaning([item.category], codes) if item.category else None,
                category_code=str(item.category) if item.category else None,
                kind=meaning([item.kind], codes) if item.kind else None,
                kind_code=str(item.kind) if item.kind else None,
                site=site.structure if site else None,
                site_code=str(item.site) if item.site else None,
                laterality=site.laterality if site else None,
                site_modifier=site.modifier if site else None,
                label=item.name.strip() or None,
                slices=item.slices or None,
                volume=_held(item.volume),
            )
            box = box_of(item.corners, MILLIMETRES)
            yield from self._region(replace(facts, **box) if box else facts, place)

    def statistics(self, found: Iterable[Row]) -> Iterator[Yield]:
        """The measurements of a table of segment statistics."""
        yield records.Procedure(
            key=f"{PROCEDURE}.segment-statistics",
            software="3D Slicer Segment Statistics",
            automation=q.AUTOMATIC,
        )
        for row in found:
            place = f"R{row.number}"
            facts = RegionFacts(
                key=f"{place}/region",
                subject=self.whose.subject,
                region=region_key(self._document, row.number),
                number=row.number - 1,
                shape=q.MASK_SHAPE,
                label=row.segment,
            )
            yield from self._region(facts, place)
            lesion = self._lesion_key(row.segment, place, None)
            for cell in row.cells:
                column = cell.column
                value = Stated(name=column.name, text=cell.text, unit=column.unit, place=f"{place}C{column.number}")
                code = Code(column.name, SCHEME, column.header)
                yield from self._value(value, facts.region, lesion, code, f"{PROCEDURE}.segment-statistics")

    # parts

    def _region(self, facts: RegionFacts, place: str) -> Iterator[Yield]:
        """A region and its description, and the lesion that it is named after."""
        yield Region(subject=self.whose.subject, key=facts.region)
        named = self._named(facts.label or "", place, facts.site)
        lesion = None
        if named is not None:
            found, identity = lesions.identified(named)
            lesion = found.key
            yield from (found, identity)
        yield replace(
            facts,
            lesion=lesion,
            study=self.whose.study,
            series=self.whose.series,
            when=self.whose.when,
            reader=self.whose.observer(self.context),
        )

    def _named(self, name: str, place: str, site: Curie | None) -> lesions.Named | None:
        """What a name says of a lesion, where it is nothing but a lesion's name."""
        if OWN_NAME.fullmatch(name.strip()) or lesions.lesion_name(name) is None:
            return None
        reader = self.whose.observer(self.context)
        # names hold within one reader: of a file that nobody is known to have made, they hold within the file alone
        return lesions.Named(
            subject=self.whose.subject,
            place=place,
            document=region_key(self._document, f"{place}.lesion"),
            name=name if reader else "",
            reader=reader,
            site=site,
        )

    def _lesion_key(self, name: str, place: str, site: Curie | None) -> str | None:
        named = self._named(name, place, site)
        return lesions.identified(named)[0].key if named else None

    def _value(
        self, value: Stated, region: str, lesion: str | None, code: Code | None, procedure: str | None = None
    ) -> Iterator[Yield]:
        """A measurement, of a variable of the registry where its name is decided."""
        code = code or Code(value.name, SCHEME, value.name)
        term = meaning([code], self.context.codes)
        of = _quantity(term, value.unit)
        try:
            found = amount(value.text, value.unit or _own_unit(of.variable), of.variable)
        except ValueProblem as error:
            yield self._reject(value.place, error)
            return
        yield Measurement(
            key=value.place,
            subject=self.whose.subject,
            variable=of.variable,
            lesion=lesion,
            region=region,
            study=self.whose.study,
            series=self.whose.series,
            when=self.whose.when,
            reader=self.whose.observer(self.context),
            procedure=procedure,
            value=found.value,
            unit=found.unit,
            raw=as_written(value.text, value.unit),
            raw_code=str(code),
            statistic=of.statistic,
            derived=value.derived,
        )

    def _reject(self, place: str, problem: ValueProblem | Fault) -> Reject:
        return Reject(name=self.name, place=place, problem=problem.problem, wanted=problem.wanted)


def _quantity(term: Curie | None, unit: str) -> Quantity:
    """What a value is of; a statistic of an image without unit is one of its grey levels."""
    if term is None:
        return Quantity(q.UNMAPPED)
    found = quantity_of([term], unit)
    if found.variable == q.UNMAPPED and term in STATISTICS and not unit.strip():
        return Quantity(OF_AN_IMAGE[term]) if term in OF_AN_IMAGE else found
    return found


def _own_unit(variable: Curie) -> str:
    """The unit of a value that is written without one: that of a ratio; of what has a unit, none."""
    registered = variables().get(variable)
    return "1" if registered and registered.unit == "1" else ""


def _held(volume: float | None) -> Decimal | None:
    """A volume in mm3 to a thousandth."""
    return Decimal(repr(volume)).quantize(EDGES).normalize() + 0 if volume and volume < 1e12 else None
