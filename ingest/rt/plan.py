"""RT plans: what was prescribed, as a treatment (PS3.3 sections C.8.8.10 and C.8.8.13)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from ingest.base import Yield
from ingest.dicom.document import Document
from ingest.dicom.header import Elements, place_of
from ingest.observed import quantities
from ingest.observed.quantities import ValueProblem
from ontology.prefixes import Curie
from ontology.records import Measurement, Treatment
from ontology.terms import dcm, ncit

__all__ = ["PLAN_KEYWORDS", "plans"]

PLAN_KEYWORDS: Final = frozenset(("DoseReferenceSequence", "FractionGroupSequence"))

MOST_FRACTIONS: Final = 1000


def plans(document: Document) -> Iterator[Yield]:
    """The records of a plan: a treatment for each fraction group, and the doses and fractions that it prescribes.

    The dose of the treatment is the largest that is prescribed to a target; where the plan has several fraction groups,
    it is not stated which of them gives how much, and their treatments have none.
    """
    prescribed: list[Decimal] = []
    for at, item in enumerate(document.header.items.get("DoseReferenceSequence", ())):
        dose = item.number("TargetPrescriptionDose")
        if dose is None or item.text("DoseReferenceType") != "TARGET":
            continue
        place = f"dose/{at + 1}"
        try:
            value = _in_gray(dose)
        except ValueProblem as problem:
            yield document.reject(f"{place}, {place_of('TargetPrescriptionDose')}", problem.problem, problem.wanted)
            continue
        prescribed.append(value)
        yield _measurement(document, place, dcm.PRESCRIPTION_RADIATION_DOSE, value, "Gy", f"{dose:f} Gy")
    groups = document.header.items.get("FractionGroupSequence", ())
    if not groups:
        yield document.reject(place_of("FractionGroupSequence"), "holds no fraction group", "at least one")
    for at, item in enumerate(groups):
        yield from _treatment(document, item, at + 1, max(prescribed, default=None) if len(groups) == 1 else None)


def _in_gray(dose: Decimal) -> Decimal:
    """A dose in Gy; `ValueProblem` where it can be none."""
    amount = quantities.amount(format(dose, "f"), "Gy", dcm.PRESCRIPTION_RADIATION_DOSE)
    if not isinstance(amount.value, Decimal) or not 0 < amount.value < 1000:
        raise ValueProblem("the dose is none that is prescribed", "a number of Gy above 0 and below 1000")
    return amount.value


def _treatment(document: Document, item: Elements, at: int, dose: Decimal | None) -> Iterator[Yield]:
    """One fraction group as a treatment."""
    stated = item.number("NumberOfFractionsPlanned")
    fractions = int(stated) if stated is not None and 0 < stated <= MOST_FRACTIONS else None
    if stated is not None and fractions is None:
        place = f"fractions/{at}, {place_of('NumberOfFractionsPlanned')}"
        yield document.reject(place, "is no number of fractions", f"a whole number up to {MOST_FRACTIONS}")
    said = [f"{dose:f} Gy" if dose is not None else "", f"{fractions} fractions" if fractions else ""]
    yield Treatment(
        key=f"fractions/{at}",
        subject=document.subject,
        kind=_kind(item),
        dose=dose,
        dose_unit="Gy" if dose is not None else None,
        fractions=fractions,
        raw=" in ".join(part for part in said if part) or None,
    )
    if fractions is not None:
        key = f"fractions/{at}/planned"
        yield _measurement(document, key, dcm.NUMBER_OF_FRACTIONS_PLANNED, Decimal(fractions), "1", str(fractions))


def _kind(item: Elements) -> Curie:
    """From outside by beams, from inside by brachytherapy; radiation where it is both or neither."""
    beams, sources = (item.number(name) or 0 for name in ("NumberOfBeams", "NumberOfBrachyApplicationSetups"))
    if bool(beams) == bool(sources):
        return ncit.RADIATION_THERAPY
    return ncit.EXTERNAL_BEAM_RADIATION_THERAPY if beams else ncit.INTERNAL_RADIATION_THERAPY


def _measurement(document: Document, key: str, variable: Curie, value: Decimal, unit: str, raw: str) -> Measurement:
    return Measurement(
        key=key,
        subject=document.subject,
        study=document.study,
        series=document.header.text("SeriesInstanceUID"),
        variable=variable,
        value=value,
        unit=unit,
        raw=raw,
        when=document.when,
        document=document.uid,
    )
