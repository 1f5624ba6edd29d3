"""What a decision may point at: the bundled terms and what the term index has loaded, and what became of it since."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from mappings.sssom import NO_TERM, Decision
from ontology.elements import Element, UnknownElementError, bundled_elements, element
from ontology.imports.base import Status
from ontology.index import TermIndex, UnknownConceptError
from ontology.prefixes import Curie
from ontology.terms import q
from ontology.variables import variables

__all__ = ["Finding", "Target", "Targets"]


OWN: Final = frozenset(str(value) for value in vars(q).values() if str(value).startswith("q:"))
"""Our own terms, of which the index has only those that are concepts."""


@dataclass(frozen=True, slots=True)
class Target:
    """A term or data element: its label, whether it may be used, and its version (of an element) or release."""

    curie: str
    label: str
    status: Status
    replaced_by: str = ""
    version: str = ""

    @property
    def usable(self) -> bool:
        """Whether a new decision may point at it."""
        return self.status is Status.ACTIVE


@dataclass(frozen=True, slots=True)
class Finding:
    """A decision to be looked at again, and why."""

    decision: Decision
    problem: str
    now: str
    """The label, version or replacement of today."""


class Targets:
    """The terms of one index, which holds the bundled ones too."""

    def __init__(self, index: TermIndex) -> None:
        self._index = index
        self._imported: tuple[Element, ...] | None = None

    def find(self, curie: str) -> Target:
        """A term; `UnknownConceptError` or `UnknownElementError` where no loaded vocabulary holds it."""
        if curie.startswith("cadsr:"):
            try:
                return self._element(curie)
            except UnknownElementError:
                pass  # a release may hold an element's name alone
        own = variables().get(Curie(curie)) if curie in OWN else None
        if own is not None:
            return Target(curie, own.label, Status.ACTIVE)
        entry = self._index.show(curie)
        return Target(curie, entry.label, entry.status, entry.replaced_by or "", entry.release or "")

    def variable(self, curie: str) -> Curie | None:
        """The registry's variable that a data element measures, where that has been decided."""
        try:
            return self._known(curie).variable
        except UnknownElementError:
            return None

    def _known(self, curie: str) -> Element:
        if self._imported is None:
            self._imported = tuple(self._index.elements())
        return element(curie, None, self._imported)

    def _element(self, curie: str) -> Target:
        found = self._known(curie)
        status = Status.RETIRED if found.retired else Status.ACTIVE
        return Target(curie, found.long_name, status, "", found.version)

    def review(self, decisions: Iterable[Decision], versions: dict[str, str] | None = None) -> Iterator[Finding]:
        """The decisions whose target was retired, withdrawn, relabelled, or (an element) has a newer version.

        ``versions`` are those of the elements when the decisions about them were made; else the bundled one counts.
        """
        made = {item.curie: item.version for item in bundled_elements().values()} | (versions or {})
        for row in decisions:
            if row.term == NO_TERM:
                continue
            try:
                now = self.find(row.term)
            except UnknownConceptError:
                if row.term not in OWN:
                    yield Finding(row, "is in no loaded vocabulary", "")
                continue
            if not now.usable:
                yield Finding(row, f"was {now.status}", now.replaced_by)
            elif row.label and now.label != row.label:
                yield Finding(row, "was relabelled", now.label)
            elif row.term.startswith("cadsr:") and made.get(row.term, now.version) != now.version:
                yield Finding(row, f"has a newer version than {made[row.term]}", now.version)
