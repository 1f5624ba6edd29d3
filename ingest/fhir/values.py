"""What the value of a FHIR observation says: quantities with comparators, codes, ranges, and reasons for absence."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from ingest.base import Yield
from ingest.fhir.model import Concept, Node, ajcc
from ingest.observed import quantities
from ingest.observed.quantities import ValueProblem
from ontology.prefixes import Curie
from ontology.records import Finding, Measurement, Observation
from ontology.terms import ncit, q

__all__ = ["VALUES", "Statement", "absent", "quantity"]

SIDES: Final = {"<": "LessThan", "<=": "LessThanEqual", ">": "GreaterThan", ">=": "GreaterThanEqual", "": ""}
"""The comparators of a Quantity as the operators of a bounded number."""

GRADES: Final = {
    ncit.ECOG_PERFORMANCE_STATUS: (
        ncit.ECOG_PERFORMANCE_STATUS_0,
        ncit.ECOG_PERFORMANCE_STATUS_1,
        ncit.ECOG_PERFORMANCE_STATUS_2,
        ncit.ECOG_PERFORMANCE_STATUS_3,
        ncit.ECOG_PERFORMANCE_STATUS_4,
        ncit.ECOG_PERFORMANCE_STATUS_5,
    )
}
"""The terms of grades that are given as numbers from 0."""

STAGED: Final = {
    ncit.DISEASE_STAGE_QUALIFIER: True,
    ncit.GENERIC_PRIMARY_TUMOR_TNM_FINDING: False,
    ncit.GENERIC_REGIONAL_LYMPH_NODES_TNM_FINDING: False,
    ncit.GENERIC_DISTANT_METASTASIS_TNM_FINDING: False,
}
"""The variables whose values are known by their names; whether these are stage groups, or else TNM categories."""

RECEPTORS: Final[Mapping[tuple[Curie, Curie], Curie]] = {
    (ncit.ESTROGEN_RECEPTOR_STATUS, ncit.POSITIVE_FINDING): ncit.ESTROGEN_RECEPTOR_POSITIVE,
    (ncit.ESTROGEN_RECEPTOR_STATUS, ncit.NEGATIVE_FINDING): ncit.ESTROGEN_RECEPTOR_NEGATIVE,
    (ncit.PROGESTERONE_RECEPTOR_STATUS, ncit.POSITIVE_FINDING): ncit.PROGESTERONE_RECEPTOR_POSITIVE,
    (ncit.PROGESTERONE_RECEPTOR_STATUS, ncit.NEGATIVE_FINDING): ncit.PROGESTERONE_RECEPTOR_NEGATIVE,
    (ncit.HER2_NEU_STATUS, ncit.POSITIVE_FINDING): ncit.HER2_NEU_POSITIVE,
    (ncit.HER2_NEU_STATUS, ncit.NEGATIVE_FINDING): ncit.HER2_NEU_NEGATIVE,
}
"""The terms of receptors' states, where tables and reports name them so, by variable and answer."""


@dataclass(frozen=True)
class Statement:
    """A variable and the node that holds its value; ``shared`` are the fields that the record takes as they are."""

    node: Node
    variable: Curie
    kind: type[Observation] | None
    """The record type of a registered variable; where there is none, the value decides."""
    shared: Mapping[str, Any]
    element: str = ""

    def record(self, otherwise: type[Observation], **more: Any) -> Observation:
        """The record with the given fields."""
        return (self.kind or otherwise)(variable=self.variable, **{**self.shared, **more})

    def refuse(self, problem: ValueProblem) -> None:
        """Note why the value is not taken."""
        self.node.refuse(self.element, problem.problem, problem.wanted)


def absent(said: Statement, reason: Concept) -> Iterator[Yield]:
    """An observation without value, and why."""
    yield said.record(Finding, absent_reason=reason.term or q.UNMAPPED)


def quantity(said: Statement) -> Iterator[Yield]:
    """A Quantity (or Age): number, comparator and UCUM unit; the number is a bound where it has a comparator."""
    node = said.node.child(said.element) if said.element else said.node
    if node is None:
        return
    number, comparator = node.number("value"), node.text("comparator")
    unit = node.text("code") or node.text("unit")
    try:
        text = "" if number is None else str(number)
        sides = quantities.same_range(text, text, SIDES.get(comparator, comparator))
        yield _bounded(said, sides, unit, comparator)
    except ValueProblem as problem:
        said.refuse(problem)


def _bounded(said: Statement, sides: tuple[str, str, str], unit: str, comparator: str = "") -> Observation:
    """A record of a value or of bounds as texts; `ValueProblem` where they cannot be read."""
    value, least, most = (quantities.amount(side, unit, said.variable) if side else None for side in sides)
    known = next((amount for amount in (value, least, most) if amount is not None), None)
    if known is None:
        raise ValueProblem("has no number", "a value, or a low or high")
    written = comparator + "-".join(dict.fromkeys(filter(None, sides)))
    return said.record(
        Measurement,
        value=value.value if value else None,
        low=quantities.bound(least),
        high=quantities.bound(most),
        unit=known.unit,
        raw=quantities.as_written(written, unit),
    )


def _range(said: Statement) -> Iterator[Yield]:
    """A Range: its low and high quantities, in one unit."""
    node = said.node.child(said.element)
    ends = [node.child(name) if node else None for name in ("low", "high")]
    numbers = [end.number("value") if end else None for end in ends]
    units = {
        end.text("code") or end.text("unit")
        for end, number in zip(ends, numbers, strict=True)
        if end and number is not None
    }
    try:
        low, high = ("" if number is None else str(number) for number in numbers)
        yield _bounded(said, quantities.same_range(low, high, ""), units.pop() if len(units) == 1 else "")
    except ValueProblem as problem:
        said.refuse(problem)


def _coded(said: Statement) -> Iterator[Yield]:
    """A CodeableConcept: its term, and the codes as found where it has none; its text is not read."""
    found = Concept.of(said.node.child(said.element))
    staged = ajcc(found, group=STAGED[said.variable]) if said.variable in STAGED else None
    term = staged or found.term
    if not found.codes and term is None:
        said.refuse(ValueProblem("has no code; text is not read", "a coding"))
        return
    term = RECEPTORS.get((said.variable, term), term) if term else q.UNMAPPED
    code = " = ".join(filter(None, (said.shared.get("raw_code"), found.raw)))
    kind = said.kind if said.kind is not Measurement else Finding
    yield (kind or Finding)(
        **{**said.shared, "variable": said.variable, "value_concept": term, "raw_code": code or None}
    )


def _whole(said: Statement) -> Iterator[Yield]:
    """An integer: a grade where the variable has grades, else a number without unit."""
    number = said.node.number(said.element)
    if number is None:
        return
    grades = GRADES.get(said.variable)
    if grades is None:
        try:
            yield _bounded(said, (str(number), "", ""), "")
        except ValueProblem as problem:
            said.refuse(problem)
    elif number in range(len(grades)):
        yield said.record(Finding, value_concept=grades[int(number)], raw=str(number))
    else:
        said.refuse(ValueProblem("is no grade of the scale", f"a whole number from 0 to {len(grades) - 1}"))


def _flag(said: Statement) -> Iterator[Yield]:
    """A boolean."""
    flag = said.node.flag(said.element)
    if flag is not None:
        yield (Finding if said.kind is Measurement else said.kind or Finding)(
            **{**said.shared, "variable": said.variable, "value": flag, "raw": str(flag).lower()}
        )


VALUES: Final[Mapping[str, Callable[[Statement], Iterator[Yield]]]] = {
    "valueQuantity": quantity,
    "valueCodeableConcept": _coded,
    "valueInteger": _whole,
    "valueRange": _range,
    "valueBoolean": _flag,
}
"""How each type of value is read; strings are free text, and are not."""


def decimal(number: Decimal | None) -> Decimal | None:
    """A number as a field of a record holds it; None where it is none, or beyond it."""
    if number is None or not number.is_finite():
        return None
    try:
        held = quantities.amount(str(number), "", q.UNMAPPED).value
    except ValueProblem:
        return None
    return held if isinstance(held, Decimal) else None
