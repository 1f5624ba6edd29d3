"""What the choices and numbers of a field mean, by its data element: the same text, the same code, the stated unit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal

from ingest.redcap.dictionary import RedcapField, shown_text
from mappings.sssom import NO_TERM
from ontology.elements import Element, PermissibleValue
from ontology.units import IncompatibleUnitsError, UnknownUnitError, convert, normalise
from ontology.variables import Variable

__all__ = ["Meaning", "Waits", "unit_of_field"]

NOTED = re.compile(r"\bunits?\s*[:=]\s*(?P<unit>[^;,()]{1,24})", re.IGNORECASE)
BRACKETED = re.compile(r"\((?P<unit>[^()]{1,24})\)\W*$")
UNKNOWN_UNIT = "nothing says in which unit it is"


class Waits(Exception):  # noqa: N818  a signal: the field waits for the steward, for the reason given
    """Why a field is left to the steward."""


@dataclass(frozen=True)
class Meaning:
    """What the choices of a field mean, by permissible values and by the source's own code list."""

    item: RedcapField
    values: tuple[PermissibleValue, ...]

    @classmethod
    def by(cls, item: RedcapField, elements: Iterable[Element]) -> Meaning:
        """By the permissible values of one element, or of several that measure the same variable."""
        return cls(item, tuple(value for element in elements for value in element.values))

    def of_choices(self) -> Iterator[tuple[str, str]]:
        """Each choice's label that means one certain thing, and the term; `NO_TERM` where a value has no concept."""
        for code, label in self.item.choices.items():
            if label in self.item.concepts:
                yield label, self.item.concepts[label]
                continue
            found = {_concept(value) for value in self._values(code, label)}
            if len(found) > 1:
                found.discard(NO_TERM)  # of several elements some give concepts and some do not
            if len(found) == 1 and (term := found.pop()) is not None:
                yield label, term

    def _values(self, code: str, label: str) -> list[PermissibleValue]:
        """The permissible values with a choice's text; where there are none, those whose concept is its code."""
        text = label.casefold()
        same = [item for item in self.values if text in {item.value.casefold(), item.meaning.casefold()}]
        return same or [
            item for item in self.values if code.upper() in {name.partition(":")[2] for name in item.concepts}
        ]


def _concept(value: PermissibleValue) -> str | None:
    """The one concept of a value; None where it takes several to say what it means."""
    if len(value.concepts) > 1:
        return None
    return value.concepts[0] if value.concepts else NO_TERM


def unit_of_field(item: RedcapField, element: Element | None, variable: Variable | None) -> str | None:
    """The UCUM code of a field's numbers; None where they have none, `Waits` where it is not stated or does not fit.

    It is taken from the form's own unit, from a note such as ``Unit: mg/dl``, from brackets at the end of the label
    (``Height (cm)``) where that fits what is measured, and last from the data element.
    """
    kept = variable.unit if variable and variable.unit != "1" else None
    stated = element.canonical_unit if element else None
    noted = NOTED.search(item.note)
    own = item.unit or (noted["unit"].strip() if noted else "")
    if own:
        code = normalise(own)
        if code is None or not _fits(code, kept or stated):
            raise Waits("its unit is not known, or does not fit what the data element measures")
        return code
    bracketed = BRACKETED.search(shown_text(item.label))
    code = normalise(bracketed["unit"]) if bracketed else None
    if code and (kept or stated) and _fits(code, kept or stated):
        return code
    if kept and not stated:
        raise Waits(UNKNOWN_UNIT)
    return stated


def _fits(unit: str, other: str | None) -> bool:
    """Whether values can be converted between two units; any unit fits where nothing else is known."""
    try:
        convert(Decimal(1), unit, other or unit)
    except (UnknownUnitError, IncompatibleUnitsError):
        return False
    return True
