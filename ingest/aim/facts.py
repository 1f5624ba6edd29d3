"""What an annotation asserts: measurements, findings and responses from its calculations and coded statements."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, TypedDict

from ingest.aim.model import Annotation, Calculation, Cell, Entity, Quantification, Software
from ingest.aim.radiomics import Feature, Radiomics
from ingest.aim.regions import Marked
from ingest.base import Yield
from ingest.observed import quantities
from ingest.observed.coded import Code, meaning, meanings, raw_code
from ingest.observed.lesions import tracking_uid
from ingest.observed.quantities import Quantity, ValueProblem, unit_code
from mappings.codes import Codes
from mappings.schemes import plain_meaning
from ontology import records
from ontology.prefixes import Curie
from ontology.records import Finding, Measurement, Reject, When
from ontology.terms import dcm, ncit, q, radlex
from ontology.variables import VariableKind, canonical

__all__ = [
    "ASSESSED",
    "BASELINE_ROLES",
    "LESION_ROLES",
    "NOTHING",
    "RESPONSES",
    "Common",
    "Translation",
    "facts",
    "procedure",
    "record_of",
    "stated",
]

LESION_ROLES: Final = frozenset(
    (ncit.NEW_LESION_IDENTIFICATION, ncit.NON_TARGET_LESION_IDENTIFICATION, ncit.TARGET_LESION_IDENTIFICATION)
)
NOTHING: Final = frozenset((ncit.INDETERMINATE, ncit.NONE, ncit.NOT_APPLICABLE, ncit.UNKNOWN))
"""Terms that say that there is nothing to name: statements below them have no variable."""

RESPONSES: Final[dict[Curie, tuple[Curie, Curie]]] = {
    dcm.TARGET_LESION_COMPLETE_RESPONSE: (ncit.RESPONSE_IN_TARGET_LESION, ncit.COMPLETE_REMISSION),
    dcm.TARGET_LESION_PARTIAL_RESPONSE: (ncit.RESPONSE_IN_TARGET_LESION, ncit.PARTIAL_REMISSION),
    dcm.TARGET_LESION_PROGRESSIVE_DISEASE: (ncit.RESPONSE_IN_TARGET_LESION, ncit.PROGRESSIVE_DISEASE),
    dcm.TARGET_LESION_STABLE_DISEASE: (ncit.RESPONSE_IN_TARGET_LESION, ncit.STABLE_DISEASE),
    dcm.NON_TARGET_LESION_COMPLETE_RESPONSE: (ncit.RESPONSE_IN_NON_TARGET_LESION, ncit.COMPLETE_REMISSION),
    dcm.NON_TARGET_LESION_INCOMPLETE_RESPONSE_OR_STABLE_DISEASE: (
        ncit.RESPONSE_IN_NON_TARGET_LESION,
        ncit.NON_COMPLETE_RESPONSE_NON_PROGRESSIVE_DISEASE,
    ),
    dcm.NON_TARGET_LESION_PROGRESSIVE_DISEASE: (ncit.RESPONSE_IN_NON_TARGET_LESION, ncit.PROGRESSIVE_DISEASE),
}
"""Variable and value of the response codes of DICOM PS3.16 CID 6143 and 6144."""

BASELINE_ROLES: Final[dict[Curie, Curie]] = {
    dcm.TARGET_LESION_AT_BASELINE: ncit.TARGET_LESION_IDENTIFICATION,
    dcm.NON_TARGET_LESION_AT_BASELINE: ncit.NON_TARGET_LESION_IDENTIFICATION,
}
"""Role of a lesion by the codes of DICOM PS3.16 CID 6145."""

LABEL: Final = "AIM label"
"""The scheme under which the labels of characteristics stand where codes do."""

LONGEST_LABEL: Final = 64
"""In characters, as a meaning of DICOM (LO): of a longer one, which is rather an instruction, the beginning."""

ASSESSED: Final = frozenset(RESPONSES) | frozenset(BASELINE_ROLES) | LESION_ROLES


class Common(TypedDict):
    """What every observation of an annotation shares."""

    subject: str
    lesion: str | None
    region: str | None
    document: str | None
    study: str | None
    series: str | None
    instance: str | None
    reader: str | None
    when: When | None
    visit: int | None
    visit_label: str | None
    baseline: bool | None
    site: Curie | None
    laterality: Curie | None
    site_modifier: Curie | None


@dataclass(frozen=True, slots=True)
class Translation:
    """An annotation being translated: the ``common`` fields of its observations, and what its lengths are of."""

    name: str
    annotation: Annotation
    codes: Codes
    common: Common
    procedure: str | None
    length: Curie
    marked: Mapping[str, Marked]
    """The regions of the annotation, by the places of their shapes."""
    radiomics: Radiomics
    """How the features of radiomics in it were computed."""

    def reject(self, place: str, problem: ValueProblem) -> Reject:
        """An element that stays out."""
        return Reject(name=self.name, place=place, problem=problem.problem, wanted=problem.wanted)

    def meaning(self, found: tuple[Code, ...]) -> Curie | None:
        """The first known term of code triplets."""
        return meaning(found, self.codes)


def procedure(software: Software | None, automation: Curie | None = None) -> records.Procedure | None:
    """The program or device, keyed by a hash of what is known of it; None where nothing is.

    ``automation`` is how much of the work it did where that is not said of the software itself.
    """
    name, version = (software.name, software.version) if software else ("", "")
    automation = quantities.automation(software.automation if software else "") or automation
    if not (name or automation):
        return None
    said = "\0".join((name, version, automation) if automation else (name, version))
    key = hashlib.sha256(said.encode()).hexdigest()[:16]
    return records.Procedure(key=f"aim-{key}", software=name or None, version=version or None, automation=automation)


def facts(translation: Translation) -> Iterator[Yield]:
    """The facts of an annotation in the order of the document; what cannot be read is rejected by itself."""
    annotation = translation.annotation
    yield from _type(translation)
    for calculation in annotation.calculations:
        yield from _calculation(translation, calculation)
    for entity in annotation.anatomy:
        yield from _entity(translation, entity, radlex.ANATOMICAL_ENTITY)
    for entity in (*annotation.observations, *annotation.inferences):
        yield from _entity(translation, entity, radlex.IMAGING_OBSERVATION)


def _type(translation: Translation) -> Iterator[Yield]:
    """What the annotation's own type says: a response, a role at baseline, or a concept."""
    for at, code in enumerate(translation.annotation.codes, 1):
        if code.value.casefold() not in {"", "na"}:
            place = f"{translation.annotation.place}/typeCode[{at}]"
            yield from _entity(translation, Entity(place, (code,)), radlex.IMAGING_OBSERVATION)


def _certainty(translation: Translation, place: str, text: str) -> Iterator[Reject]:
    """A reject where a confidence is stated that is none."""
    try:
        quantities.certainty(text)
    except ValueProblem as problem:
        yield translation.reject(f"{place}/annotatorConfidence", problem)


def stated(variable: Curie, term: Curie | None) -> tuple[Curie, Curie]:
    """Variable and value of a statement: roles and responses have variables of their own.

    A statement whose code is not known has the value ``q:Unmapped``, and keeps its code.
    """
    if term in LESION_ROLES or term in BASELINE_ROLES:
        return ncit.TUMOR_IDENTIFICATION, BASELINE_ROLES.get(term, term)
    if term in RESPONSES:
        return RESPONSES[term]
    return variable, term or q.UNMAPPED


def record_of(variable: Curie) -> type[Finding | records.Response]:
    """What a statement about a variable is: a response where the variable is one."""
    registered = canonical(variable)
    return records.Response if registered and registered.kind is VariableKind.RESPONSE else Finding


def _asked(translation: Translation, question: tuple[Code, ...]) -> Curie | None:
    """The variable of a question that a statement answers, None where it is not known."""
    term = translation.meaning(question)
    registered = canonical(term) if term else None
    return registered.curie if registered else term


def _labelled(entity: Entity) -> tuple[Code, ...]:
    """The label of a characteristic as the code of a question; none where it only repeats the code's meaning.

    Templates of AIM 3 and ePAD say only there what is asked: *no* is the answer to *Adrenal Invasion*.
    """
    if any(plain_meaning(entity.label) == plain_meaning(code.meaning) for code in entity.codes):
        return ()
    label = " ".join(re.sub(r"[|+=]", " ", entity.label).split())[:LONGEST_LABEL].strip()
    return (Code(label, LABEL, label),) if label else ()


def _entity(
    translation: Translation, entity: Entity, variable: Curie, part_of: str | None = None, above: str = ""
) -> Iterator[Yield]:
    """A statement as a finding of ``variable``, and the statements nested in it as findings of its own term.

    A statement that something is absent is a finding of the thing itself with the value *absent*. ``above`` is the
    label of what it is part of: one that repeats it and is not known asks nothing else.
    """
    term = translation.meaning(entity.codes)
    if term == q.VISIT:
        return  # it is the visit of every observation
    refused = list(_certainty(translation, entity.place, entity.confidence))
    yield from refused
    question = _labelled(entity) if part_of else entity.question
    asked = _asked(translation, question)
    if part_of and entity.quantifications:
        term = asked or term  # it is the question itself, and what quantifies it the answer
    elif question and not (asked is None and entity.label == above):
        variable = asked or q.UNMAPPED
    kind, value = stated(variable, term)
    if entity.present is False:
        kind, value = term or q.UNMAPPED, ncit.ABSENT
    yield record_of(kind)(
        **translation.common,
        key=entity.place,
        variable=kind,
        value_concept=value,
        raw_code=" = ".join(filter(None, (raw_code(question), raw_code(entity.codes)))) or None,
        part_of=part_of,
        certainty=None if refused else quantities.certainty(entity.confidence),
        states=tracking_uid(entity.states),
    )
    below = q.UNMAPPED if term is None or term in NOTHING else term
    for part in entity.characteristics:
        yield from _entity(translation, part, below, entity.place, entity.label)
    for quantification in entity.quantifications:
        yield from _quantification(translation, quantification, entity, below)


def _quantification(
    translation: Translation, given: Quantification, entity: Entity, variable: Curie
) -> Iterator[Yield]:
    """How much of a characteristic: a finding where it is coded, a measurement where it is a number or interval."""
    if given.code is not None:
        coded = Entity(given.place, (given.code,), confidence=given.confidence)
        yield from _entity(translation, coded, variable, entity.place)
    if given.value or given.low or given.high:
        place = f"{given.place}/value" if given.code is not None else given.place
        try:
            yield _range(translation, given, entity, variable, place)
        except ValueProblem as problem:
            yield translation.reject(given.place, problem)


def _range(translation: Translation, given: Quantification, entity: Entity, variable: Curie, place: str) -> Measurement:
    """The measurement of a number with its operator, or of an interval; `ValueProblem` where it cannot be read."""
    low, high = (given.value, given.value) if given.value else (given.low, given.high)
    sides = quantities.same_range(low, high, given.operator)
    value, least, most = (quantities.amount(side, given.unit, variable) if side else None for side in sides)
    return Measurement(
        **translation.common,
        key=place,
        variable=variable,
        value=value.value if value else None,
        low=quantities.bound(least),
        high=quantities.bound(most),
        unit=next((side.unit for side in (value, least, most) if side), None),
        raw=quantities.as_written(f"{given.operator} {'-'.join(dict.fromkeys((low, high)))}", given.unit),
        raw_code=raw_code(entity.codes),
        part_of=entity.place,
    )


def _calculation(translation: Translation, calculation: Calculation) -> Iterator[Yield]:
    """Every value of a calculation as a measurement."""
    feature = translation.radiomics.feature(calculation)
    if feature is not None and feature.setting:
        return  # it says how the features were computed, which their procedure holds
    software = feature.procedure if feature is not None else procedure(calculation.software)
    if software is not None:
        yield software
    if calculation.packed or not calculation.cells:
        problem = "the result is compressed or encoded" if calculation.packed else "the calculation has no value"
        yield translation.reject(calculation.place, ValueProblem(problem, "CalculationData elements with a value each"))
        return
    for cell in calculation.cells:
        try:
            yield _measurement(translation, calculation, cell, feature, software)
        except ValueProblem as problem:
            yield translation.reject(cell.place, problem)


def _placed(common: Common, shape: Marked | None) -> Common:
    """What is common to observations, with the region that a measurement was made of where the document says it."""
    if shape is None:
        return common
    return {**common, "region": shape.region, "instance": shape.instance or common["instance"]}


def _of_pixels(quantity: Quantity, calculation: Calculation) -> Quantity:
    """What a statistic alone is of: where it has no unit and was made of what is drawn on an image, of the pixels."""
    alone = quantity.variable == q.UNMAPPED and quantity.statistic is not None
    if alone and calculation.marked and unit_code(calculation.unit or "1", None) == "1":
        return Quantity(q.IMAGE_INTENSITY, quantity.statistic)
    return quantity


def _measurement(
    translation: Translation,
    calculation: Calculation,
    cell: Cell,
    feature: Feature | None,
    software: records.Procedure | None,
) -> Measurement:
    """One value; `ValueProblem` where it cannot be read."""
    terms = meanings(calculation.codes, translation.codes)
    quantity = quantities.quantity_of(terms, calculation.unit, length=translation.length)
    quantity, unit = _of_pixels(quantity, calculation), calculation.unit
    if feature is not None and feature.variable is not None:
        quantity, unit = Quantity(feature.variable), feature.unit(unit)
    amount = quantities.amount(cell.text, unit, quantity.variable)
    return Measurement(
        **_placed(translation.common, translation.marked.get(calculation.marked or "")),
        key=cell.place,
        procedure=software.key if software else translation.procedure,
        states=tracking_uid(calculation.states),
        variable=quantity.variable,
        value=amount.value,
        unit=amount.unit,
        raw=quantities.as_written(cell.text, calculation.unit),
        raw_code=raw_code(calculation.codes),
        statistic=quantity.statistic,
        derived=translation.annotation.of_annotations,
    )
