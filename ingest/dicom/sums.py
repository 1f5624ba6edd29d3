"""The distinct values of an attribute over the images of a series."""

from __future__ import annotations

from decimal import Decimal
from itertools import chain
from typing import Final

from ontology.records import Scalar

__all__ = ["Distinct"]

MOST_VALUES: Final = 32


class Distinct:
    """The distinct values of one attribute over a series, up to a number; beyond it, the bounds of numbers."""

    __slots__ = ("bounds", "latest", "seen")

    def __init__(self, *images: tuple[Scalar, ...]) -> None:
        self.seen: dict[tuple[Scalar, ...], None] = dict.fromkeys(images)
        self.latest: tuple[Scalar, ...] | None = None
        """The values of the image before: readers give equal values as the same object, which need not be added."""
        self.bounds: tuple[Decimal | int | float, Decimal | int | float] | None = None

    def add(self, values: tuple[Scalar, ...]) -> None:
        """Take in the values of one image."""
        self.latest = values
        if values in self.seen or self.full:
            return
        self.seen[values] = None
        if len(self.seen) > MOST_VALUES:
            numbers = [number for number in chain(*self.seen, self.bounds or ()) if not isinstance(number, str)]
            if numbers:
                self.bounds = (min(numbers), max(numbers))
                self.seen = {}

    @property
    def full(self) -> bool:
        """Whether there are so many values without a number that none is kept."""
        return len(self.seen) > MOST_VALUES

    def count(self) -> int:
        """How many distinct values there are, as far as they are counted."""
        return MOST_VALUES + 1 if self.bounds else len(self.seen)

    def result(self) -> Scalar | tuple[Scalar, ...] | None:
        """One value where constant; else the distinct values: in order as written, or sorted over several images."""
        if self.bounds:
            low, high = self.bounds
            rest = [number for number in chain(*self.seen) if not isinstance(number, str)]
            return (min(low, *rest), max(high, *rest))
        if self.full:
            return None
        images = list(self.seen) if len(self.seen) == 1 else sorted(self.seen, key=_order)
        values = tuple(dict.fromkeys(chain(*images)))
        if len(images) > 1 and values and not isinstance(values[0], str):
            values = tuple(sorted(values, key=lambda number: Decimal(str(number))))
        return values[0] if len(values) == 1 else values or None

    def values(self) -> tuple[Scalar, ...]:
        """Every distinct value, or the bounds of many."""
        return self.bounds or tuple(chain(*self.seen))

    def texts(self) -> list[str]:
        """Every distinct value as text."""
        return [str(value) for value in self.values()]

    def one(self) -> str:
        """The only value as text, or ``""`` where there is none or where images differ."""
        return str(next(iter(self.seen))[0]) if len(self.seen) == 1 else ""


def _order(values: tuple[Scalar, ...]) -> tuple[str, ...]:
    return tuple(map(str, values))
