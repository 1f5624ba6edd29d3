"""What content items say of the observations beside them: site, time point, algorithm, observer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from ingest.observed.coded import Code
from ingest.sr.concepts import Role, role, role_of
from ingest.sr.model import Item, Observer, Site, Software, TimePoint

__all__ = ["algorithm_of", "codes_of", "observers_of", "sites_of", "text_of", "time_points_of"]

UNKNOWN: Final = "unknown"
"""What stands where the template wants a version and nobody knows it."""


def text_of(items: list[Item] | tuple[Item, ...], said: Role) -> str:
    """The first text of that role among items, empty where there is none."""
    return next((item.text.strip() for item in items if role_of(item) is said and item.text.strip()), "")


def codes_of(items: tuple[Item, ...], said: Role) -> Iterator[Code]:
    """The values of the coded items of that role."""
    return (item.code for item in items if item.code is not None and role_of(item) is said)


def sites_of(items: tuple[Item, ...]) -> Iterator[Site]:
    """The finding sites among items; a side beside a site that has none is of that site."""
    beside = tuple(code for item in items for code in _sided(item) if role_of(item) is not Role.SITE)
    for item in items:
        if item.code is not None and role_of(item) is Role.SITE:
            own = tuple(code for child in item.children for code in _sided(child))
            yield Site(item.place, item.code, own or beside, text_of(item.children, Role.RECORD))


def _sided(item: Item) -> Iterator[Code]:
    """The value of a laterality or topographical modifier, and of the modifiers below it."""
    if item.code is not None and role_of(item) in {Role.LATERALITY, Role.TOPOGRAPHICAL_MODIFIER}:
        yield item.code
        for child in item.children:
            yield from _sided(child)


def time_points_of(items: tuple[Item, ...]) -> Iterator[TimePoint]:
    """The time points stated among items."""
    for item in items:
        match role_of(item):
            case Role.TIME_POINT:
                yield TimePoint(item.place, item.text.strip())
            case Role.TIME_POINT_TYPE if item.code is not None:
                yield TimePoint(item.place, item.code.meaning)
            case Role.VISIT:
                yield TimePoint(item.place, "", item.text.strip() or item.number)


def algorithm_of(items: tuple[Item, ...]) -> Software | None:
    """The algorithm that is identified among items (TID 4019), and how much of the work it did."""
    name, version, automation = (
        text_of(items, part) for part in (Role.ALGORITHM_NAME, Role.ALGORITHM_VERSION, Role.AUTOMATION)
    )
    known = "" if not name or version.casefold() == UNKNOWN else version
    return Software(name, known, automation) if name or automation else None


def observers_of(items: tuple[Item, ...]) -> Iterator[Observer]:
    """The observers among items: each begins with its type, or with a name where the type is left out (TID 1002).

    Some writers put what identifies an observer below its type.
    """
    one: list[Item] = []
    for item in items:
        if role_of(item) is Role.OBSERVER_TYPE:
            yield from _observer(one)
            one = [item, *item.children]
        else:
            one.append(item)
    yield from _observer(one)


def _observer(items: list[Item]) -> Iterator[Observer]:
    """The observer that items identify; a device's own name may be that of a site, and is not taken."""
    name = text_of(items, Role.OBSERVER_NAME) or text_of(items, Role.LOGIN) or text_of(items, Role.AIM_LOGIN)
    model = text_of(items, Role.DEVICE_MODEL) or text_of(items, Role.DEVICE_MANUFACTURER)
    kinds = {role(item.code) for item in items if role_of(item) is Role.OBSERVER_TYPE}
    if name or Role.PERSON in kinds:
        part = next((item.code for item in items if role_of(item) is Role.OBSERVER_ROLE), None)
        yield Observer(name=name, role=part)
    elif model:
        yield Observer(device=Software(model, ""))
