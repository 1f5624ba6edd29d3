"""What a structured report asserts: its numbers as measurements, its coded statements as findings and responses."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import TypedDict

from ingest.aim.facts import procedure, record_of, stated
from ingest.base import Yield
from ingest.observed import quantities
from ingest.observed.coded import Code, meaning, meanings, raw_code
from ingest.observed.lesions import tracking_uid
from ingest.observed.quantities import Amount, Quantity, ValueProblem
from ingest.observed.sites import Site, site_of
from ingest.sr.concepts import Role, role
from ingest.sr.model import Group, Number, Statement
from ingest.sr.places import Common, Where, Work, region_records, where_of
from ontology import records
from ontology.prefixes import Curie
from ontology.records import Finding, Measurement, Record
from ontology.terms import ncit, q, radlex
from ontology.variables import VariableKind, canonical, variables

__all__ = ["Said", "anatomy", "finding", "lengths_of", "measurement", "site_in"]


@dataclass(frozen=True, slots=True)
class Said:
    """What is said of all observations of a group."""

    common: Common
    where: Where
    site: Site
    device: records.Procedure | None
    length: Curie


class Placed(TypedDict):
    """A site as observations hold it."""

    site: Curie | None
    laterality: Curie | None
    site_modifier: Curie | None


def _placed(site: Site) -> Placed:
    return Placed(site=site.structure, laterality=site.laterality, site_modifier=site.modifier)


def site_in(work: Work, group: Group) -> Site:
    """The first finding site that is known."""
    for site in group.sites:
        found = site_of((site.code,), work.codes, site.modifiers)
        if found is not None:
            return found
    return Site()


def lengths_of(work: Work, group: Group) -> int:
    """How many of the numbers of a group are lengths."""
    return sum(ncit.LENGTH in meanings(_named(number), work.codes) for number in group.numbers)


def anatomy(work: Work, group: Group, where: Where, common: Common, site: Site) -> Iterator[Record]:
    """The finding sites of a group as findings."""
    for stated_ in group.sites:
        if stated_.place in work.emitted:
            continue
        work.emitted.add(stated_.place)
        yield Finding(
            **common,
            **_placed(site),
            key=stated_.place,
            instance=where.instance,
            region=where.region,
            variable=radlex.ANATOMICAL_ENTITY,
            value_concept=meaning((stated_.code,), work.codes) or q.UNMAPPED,
            raw_code=raw_code((stated_.code, *stated_.modifiers)),
            states=tracking_uid(stated_.states),
        )


def finding(work: Work, statement: Statement, said: Said) -> Iterator[Yield]:
    """A coded statement: what was found, or the answer to an evaluation whose name is then the variable."""
    term = meaning((statement.value,), work.codes)
    variable = radlex.IMAGING_OBSERVATION
    if not statement.finding:
        asked = meaning((statement.name,), work.codes) if statement.name else None
        registered = canonical(asked) if asked else None
        variable = registered.curie if registered else asked or q.UNMAPPED
    kind, value = stated(variable, term)
    certainty = None
    if statement.certainty is not None:
        try:
            certainty = _certainty(statement.certainty)
        except ValueProblem as problem:
            yield work.reject(statement.certainty.place, problem)
    part_of = work.part_of(statement.part_of)
    work.emitted.add(statement.place)
    name = () if statement.finding or statement.name is None else (statement.name,)
    yield record_of(kind)(
        **said.common,
        **_placed(said.site),
        key=statement.place,
        instance=said.where.instance,
        region=said.where.region,
        variable=kind,
        value_concept=value,
        raw_code=raw_code((*name, statement.value)),
        states=tracking_uid(statement.states),
        certainty=certainty,
        part_of=part_of,
    )


def _certainty(number: Number) -> Decimal | None:
    """A certainty from 0 to 1; reports state it in percent (TID 4003)."""
    text = number.number
    if number.unit is not None and number.unit.value == "%":
        text = format(quantities.number(text) / 100, "f")
    return quantities.certainty(text)


def _named(number: Number) -> tuple[Code, ...]:
    return (number.quantity,) if number.quantity else ()


def _quantity(work: Work, number: Number, said: Said) -> Quantity:
    """What a number is of: of nothing known where its name or how it was derived is not known."""
    if role(number.quantity) is Role.SUBJECT_AGE:
        return Quantity(ncit.AGE)  # which the gate bounds
    quantity = meaning(_named(number), work.codes)
    derived = meanings(number.derivations, work.codes)
    if quantity is None or len(derived) < len(number.derivations):
        return Quantity(q.UNMAPPED, next(iter(derived), None))
    unit = number.unit.value if number.unit else ""
    return quantities.quantity_of((quantity, *derived), unit, length=said.length, statistic=next(iter(derived), None))


def measurement(work: Work, group: Group, number: Number, said: Said) -> Iterator[Yield]:
    """A number as a measurement with all that is said of it, or of why it has none."""
    own = procedure(number.software, said.device.automation if said.device else None) if number.software else None
    software = own or said.device
    if own is not None:
        yield own
    where, common = said.where, said.common
    shapes = tuple(shape for shape in number.shapes if shape not in group.shapes)
    if shapes or number.images:
        where = where_of(work, group, number.place, shapes, number.images)
        where = replace(where, region=where.region or said.where.region)
        common = Common(
            **{**common, "study": where.study or common["study"], "series": where.series or common["series"]}
        )
    if shapes:
        yield from region_records(work, group, number.place, shapes, where, common)
    elif where.instance is not None:
        yield records.Instance(uid=where.instance, subject=work.report.subject, series=where.series)
    try:
        yield _measured(work, group, number, said, where, common, software)
    except ValueProblem as problem:
        yield work.reject(number.place, problem)


def _measured(
    work: Work,
    group: Group,
    number: Number,
    said: Said,
    where: Where,
    common: Common,
    software: records.Procedure | None,
) -> Measurement:
    """The measurement; `ValueProblem` where its value cannot be read."""
    unit = number.unit.value if number.unit else ""
    absent = _absent(work, number) if not number.number else None
    quantity, amount = _quantity(work, number, said), None
    if not absent:
        quantity, amount = _amount(number, unit, quantity)
    methods = number.methods or group.methods
    method = meaning(methods, work.codes)
    part_of = work.part_of(number.part_of)
    work.emitted.add(number.place)
    site = site_in(work, replace(group, sites=number.sites)) if number.sites else said.site
    return Measurement(
        **common,
        **_placed(site),
        key=number.place,
        instance=where.instance,
        region=where.region,
        variable=quantity.variable,
        statistic=quantity.statistic,
        method=method,
        value=amount.value if amount else None,
        unit=amount.unit if amount else None,
        raw=quantities.as_written(number.number, "" if unit == "1" else unit) if number.number else None,
        raw_code=raw_code((*_named(number), *number.derivations, *number.modifiers, *(() if method else methods))),
        absent_reason=absent,
        procedure=software.key if software else None,
        part_of=part_of,
        states=tracking_uid(number.states),
    )


def _amount(number: Number, unit: str, quantity: Quantity) -> tuple[Quantity, Amount]:
    """The number in the unit of its quantity; `ValueProblem` where it cannot be.

    Where code and unit contradict each other, and the meaning names the quantity that the unit is of, the meaning goes
    before the code: a widespread viewer writes areas with the code of a length.
    """
    try:
        return quantity, quantities.amount(number.number, unit, quantity.variable)
    except ValueProblem:
        named = _called(number.quantity.meaning) if number.quantity else None
        if named is None:
            raise
        return Quantity(named, quantity.statistic), quantities.amount(number.number, unit, named)


def _called(meaning_: str) -> Curie | None:
    """The measurement whose label a meaning is."""
    label = meaning_.casefold()
    return next(
        (
            item.curie
            for item in variables().values()
            if item.kind is VariableKind.MEASUREMENT and item.unit and item.label.casefold() == label
        ),
        None,
    )


def _absent(work: Work, number: Number) -> Curie:
    """Why a number has no value (PS3.16 CID 42); unknown where the report does not say."""
    reason = meaning((number.qualifier,), work.codes) if number.qualifier else None
    return reason or ncit.UNKNOWN
