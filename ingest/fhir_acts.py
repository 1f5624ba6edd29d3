"""What was done: drugs, radiotherapy and surgery as treatments, and imaging studies by their UIDs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from ingest.base import Yield
from ingest.dicom_concepts import modality_of
from ingest.fhir_model import Case, Concept, Node, fields_of, key_of, period, placed, where
from ingest.fhir_values import Statement, decimal, quantity
from ontology import records
from ontology.records import Event, Measurement, Treatment, When
from ontology.terms import ncit, q
from ontology.units import normalise

__all__ = ["imaging_study", "medication", "procedure", "study_uid"]

UID = re.compile(r"(?:urn:oid:)?(?=.{1,64}$)([0-2](?:\.(?:0|[1-9]\d*))+)", re.ASCII)
DICOM_UID: Final = "urn:dicom:uid"
VOLUME: Final = "mcode-radiotherapy-dose-delivered-to-volume"
INTENDED: Final = frozenset({"plan", "proposal"})
"""Requests that order nothing yet."""


# drugs


def medication(case: Case) -> Iterator[Yield]:
    """A drug given or ordered for cancer, over its interval; an order that was carried out is told by that."""
    node = case.node
    said = drug(node, case)
    relevant = said.term is not None or node.profiled("mcode-cancer-related-medication")
    if not relevant or case.key in case.references.fulfilled or node.text("intent") in INTENDED:
        return
    dosages = _dosages(node)
    start, end = _interval(node, dosages)
    amount, unit = _dose(dosages)
    intent = _intent(node)
    yield Treatment(
        key=case.key,
        subject=case.subject,
        agent=said.term or q.UNMAPPED,
        start=start,
        end=end,
        dose=amount,
        dose_unit=unit,
        intent=intent.term,
        raw=_codes(said, *([] if intent.term else [intent])),
    )


def drug(node: Node, case: Case) -> Concept:
    """What was given, also where a Medication resource says it."""
    said = Concept.of(node.child("medicationCodeableConcept"))
    return said if said.codes else case.references.agents.get(key_of(node.reference("medicationReference")), said)


def _dosages(node: Node) -> list[Node]:
    """The dosages: one of an administration, several of a statement, the instructions of a request."""
    if isinstance(node.value.get("dosage"), list):
        return node.children("dosage")
    single = node.child("dosage")
    return [single] if single else node.children("dosageInstruction")


def _interval(node: Node, dosages: list[Node]) -> tuple[When | None, When | None]:
    """From when to when; an end before the start is left out."""
    start, end = _stated_interval(node, dosages)
    if start is not None and end is not None and end.before(start):
        node.refuse("", "ends before it starts", "an end that is not before the start; it is left out")
        end = None
    return start, end


def _stated_interval(node: Node, dosages: list[Node]) -> tuple[When | None, When | None]:
    """From when to when: as told of the act, else as ordered; an order without bounds starts when it was written."""
    for element in ("effectivePeriod", "performedPeriod"):
        if (within := node.child(element)) is not None:
            return period(within)
    if (day := node.when("effectiveDateTime", "performedDateTime")) is not None:
        # a single administration is over on its day
        return day, day
    for dosage in dosages:
        timing = dosage.child("timing")
        repeat = timing.child("repeat") if timing else None
        if repeat and (within := repeat.child("boundsPeriod")) is not None:
            return period(within)
    return node.when("authoredOn"), None


def _dose(dosages: list[Node]) -> tuple[Decimal | None, str | None]:
    """The first dose with a unit that is known."""
    for dosage in dosages:
        rates = (item.child("doseQuantity") for item in dosage.children("doseAndRate"))
        for found in (dosage.child("dose"), *rates):
            amount, unit = _amount(found)
            if amount is not None:
                return amount, unit
    return None, None


def _amount(found: Node | None) -> tuple[Decimal | None, str | None]:
    """Number and UCUM unit of a quantity; nothing where one of them is not known."""
    unit = normalise(found.text("code") or found.text("unit")) if found else None
    amount = decimal(found.number("value")) if found and unit else None
    return (amount, unit) if amount is not None else (None, None)


def _intent(node: Node) -> Concept:
    said = [Concept.of(item.child("valueCodeableConcept")) for item in node.extensions("mcode-treatment-intent")]
    return next(iter(said), Concept())


def _codes(*said: Concept) -> str | None:
    """The codes of a treatment as found; those of its intent only where that is not known."""
    return " + ".join(concept.raw for concept in said if concept.raw) or None


# procedures


def procedure(case: Case) -> Iterator[Yield]:
    """A course of radiotherapy with the dose to each volume, or a surgery; other procedures are left out."""
    node = case.node
    code, category = Concept.of(node.child("code")), Concept.of(node.child("category"))
    radiation = node.profiled("mcode-radiotherapy-course-summary") or node.profiled("mcode-cancer-related-radiation")
    surgery = node.profiled("mcode-cancer-related-surgical-procedure")
    if not (radiation or surgery):
        return
    start, end = _interval(node, [])
    intent = _intent(node)
    volumes = node.extensions(VOLUME)
    # the doses to several volumes are no dose of the course
    amount, unit = _amount(_total(volumes[0])) if len(volumes) == 1 else (None, None)
    yield Treatment(
        key=case.key,
        subject=case.subject,
        kind=ncit.RADIATION_THERAPY if radiation else ncit.SURGICAL_PROCEDURE,
        start=start,
        end=end,
        dose=amount,
        dose_unit=unit,
        intent=intent.term,
        raw=_codes(code, category, *([] if intent.term else [intent])),
    )
    if surgery and start is not None:
        yield Event(
            key=f"{case.key}.event", subject=case.subject, kind=ncit.SURGICAL_PROCEDURE, when=start, raw=code.raw
        )
    if radiation:
        yield from _doses(case, end or start)


def _total(volume: Node) -> Node | None:
    """The dose that was delivered to a volume."""
    return next((item.child("valueQuantity") for item in volume.extensions("totalDoseDelivered")), None)


def _doses(case: Case, when: When | None) -> Iterator[Yield]:
    """The dose delivered to each volume, in Gy, at the site of the volume where the document holds it."""
    body = where(case.node.children("bodySite"))
    for number, item in enumerate(case.node.extensions(VOLUME)):
        total = _total(item)
        if total is None:
            continue
        volume = next((key_of(part.reference("valueReference")) for part in item.extensions("volume")), "")
        at = case.references.sites.get(volume, Concept())
        shared = {
            "key": f"{case.key}.dose[{number}]",
            "subject": case.subject,
            "when": when,
            **fields_of(placed([at]) if at.codes else body),
            "raw_code": at.raw,
        }
        yield from quantity(Statement(total, ncit.ABSORBED_RADIATION_DOSE, Measurement, shared))


# imaging studies


def study_uid(node: Node) -> str:
    """The StudyInstanceUID of an imaging study, empty where it has none that is usable."""
    stated = (item.text("value") for item in node.children("identifier") if item.text("system") == DICOM_UID)
    return next((found[1] for text in stated if (found := UID.fullmatch(text))), "")


def imaging_study(case: Case) -> Iterator[Yield]:
    """Study and series by their UIDs, with modality, number of instances and day: what links to the images."""
    node = case.node
    uid = study_uid(node)
    if not uid:
        node.refuse("identifier", "has no usable StudyInstanceUID", f"an identifier of the system {DICOM_UID}")
        return
    when = node.when("started")
    yield records.Study(uid=uid, subject=case.subject)
    yield records.StudyHeader(uid=uid, subject=case.subject, when=when)
    for item in node.children("series"):
        series = UID.fullmatch(item.text("uid"))
        if series is None:
            item.refuse("uid", "is no usable SeriesInstanceUID", "digits and dots, at most 64")
            continue
        modality = item.child("modality")
        count = item.number("numberOfInstances")
        yield records.Series(uid=series[1], subject=case.subject, study=uid)
        yield records.SeriesHeader(
            uid=series[1],
            subject=case.subject,
            modality=modality_of(modality.text("code")) if modality else None,
            when=item.when("started") or when,
            instance_count=int(count) if count is not None and 0 <= count < 10**9 else None,
        )
