"""AIM annotations that were written as structured reports, back in the shape in which annotations of AIM are held.

The AIM toolkit writes AIM 3 so, with concepts of its own (``99NCIAIM``); what it means is what the XML means, so it is
translated by the same rules and is known as the same annotation by its UID. Values have six decimals in it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingest.aim.model import (
    Annotation,
    Calculation,
    Cell,
    Entity,
    ImageReference,
    Quantification,
    User,
)
from ingest.observed.coded import Code
from ingest.sr.concepts import Role, role_of
from ingest.sr.context import algorithm_of, text_of
from ingest.sr.model import Item, Report

__all__ = ["annotations_of", "is_aim"]

CHARACTERISTICS: Final = frozenset(
    {Role.AIM_ANATOMIC_ENTITY_CHARACTERISTIC, Role.AIM_IMAGING_OBSERVATION_CHARACTERISTIC}
)
ANSWERS: Final = {"yes": True, "true": True, "no": False, "false": False}


def is_aim(root: Item) -> bool:
    """Whether a report is AIM written as one."""
    return role_of(root) is Role.AIM_REPORT


def annotations_of(report: Report, root: Item) -> list[Annotation]:
    """The annotations of a report."""
    user = next(_users(root), None)
    images = tuple(_images(report, root))
    return [
        Annotation(
            place=item.place,
            uid=text_of(item.children, Role.TRACKING_UID),
            name=text_of(item.children, Role.TRACKING_IDENTIFIER),
            date=item.observed,
            codes=tuple(_codes(item, Role.AIM_ANNOTATION_TYPE)),
            tracking_uid="",
            person=report.subject,
            person_place="(0010,0020) PatientID",
            user=user,
            equipment=report.equipment,
            calculations=tuple(_calculations(item)),
            anatomy=tuple(_entities(item, Role.AIM_ANATOMIC_ENTITY)),
            observations=tuple(_entities(item, Role.AIM_IMAGING_OBSERVATION)),
            images=images,
        )
        for item in root.walk()
        if role_of(item) is Role.AIM_ANNOTATION
    ]


def _below(item: Item, *roles: Role) -> Iterator[Item]:
    return (child for child in item.children if role_of(child) in roles)


def _codes(item: Item, said: Role) -> Iterator[Code]:
    return (child.code for child in _below(item, said) if child.code is not None)


def _users(root: Item) -> Iterator[User]:
    for item in _below(root, Role.OBSERVER_TYPE):
        part = next(_codes(item, Role.OBSERVER_ROLE), None)
        yield User(
            name=text_of(item.children, Role.OBSERVER_NAME),
            login=text_of(item.children, Role.AIM_LOGIN),
            role=part.meaning if part else "",
        )


def _images(report: Report, root: Item) -> Iterator[ImageReference]:
    """The studies of the image library, with the series below each, in the order of the document."""
    series: dict[str, dict[str, None]] = {}
    places: dict[str, str] = {}
    for item in root.walk():
        if item.kind == "IMAGE" and role_of(item) is Role.IMAGE_LIBRARY:
            for study, one in (report.instances.get(reference.instance, ("", "")) for reference in item.references):
                if study:
                    series.setdefault(study, {})[one] = None
                    places.setdefault(study, item.place)
    for study, below in series.items():
        yield ImageReference(places[study], study, report.dates.get(study, ""), tuple(below))


def _entities(item: Item, *roles: Role) -> Iterator[Entity]:
    for child in _below(item, *roles):
        if child.code is not None:
            stated = next(_codes(child, Role.AIM_PRESENT), None)
            yield Entity(
                place=child.place,
                codes=(child.code,),
                present=ANSWERS.get(stated.meaning.casefold()) if stated else None,
                confidence=_number(child, Role.AIM_CONFIDENCE),
                characteristics=tuple(_entities(child, *CHARACTERISTICS)),
                quantifications=tuple(map(_quantification, _below(child, Role.AIM_QUANTIFICATION))),
            )


def _number(item: Item, said: Role) -> str:
    return next((child.number or child.text.strip() for child in _below(item, said)), "")


def _quantification(item: Item) -> Quantification:
    """How much of a characteristic; its own code only says of which kind the quantification is."""
    numbers = _below(item, Role.AIM_VALUE, Role.AIM_MAXIMUM, Role.AIM_MINIMUM)
    return Quantification(
        place=item.place,
        code=next(_codes(item, Role.AIM_CODE), None),
        value=_number(item, Role.AIM_VALUE),
        operator="",
        low=_number(item, Role.AIM_MINIMUM),
        high=_number(item, Role.AIM_MAXIMUM),
        unit=next((child.unit.value for child in numbers if child.unit is not None), ""),
        confidence=_number(item, Role.AIM_CONFIDENCE),
    )


def _calculations(item: Item) -> Iterator[Calculation]:
    """The calculations of an annotation: a scalar is a number of its own, an array a container with its data."""
    for child in _below(item, Role.AIM_CALCULATION):
        results = [
            one
            for result in _below(child, Role.AIM_CALCULATION_RESULT)
            for one in result.walk()
            if one.kind == "NUM" and role_of(one) in {Role.AIM_CALCULATION_RESULT, Role.AIM_CALCULATION_DATA}
        ]
        yield Calculation(
            place=child.place,
            codes=tuple(_codes(child, Role.METHOD)),
            unit=next((one.unit.value for one in results if one.unit is not None), ""),
            cells=tuple(Cell(one.place, one.number) for one in results),
            software=algorithm_of(child.children),
        )
