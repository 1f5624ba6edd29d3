"""The identifiers of all subjects in memory, by collection: what searching and paging through subjects needs.

Sorting 86,000 subjects in SPARQL takes seconds for each page; held once for a generation they take milliseconds. They
are read from the record log, column by column.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from api.asking import Asking, page_query
from api.terms import natural
from store.warehouse import Caller

__all__ = ["SubjectIndex", "subject_index"]


@dataclass(frozen=True, slots=True)
class SubjectIndex:
    """Subjects as (collection, identifier), in the order in which people would list them."""

    subjects: tuple[tuple[str, str], ...]
    counts: Counter[str]
    """Subjects by collection."""

    @classmethod
    def of(cls, subjects: list[tuple[str, str]]) -> SubjectIndex:
        """The index of some subjects."""
        ordered = tuple(sorted(subjects, key=lambda pair: (pair[0], natural(pair[1]))))
        return cls(ordered, Counter(collection for collection, _ in ordered))

    def find(self, text: str = "", collection: str = "") -> list[tuple[str, str]]:
        """The subjects of a collection, or of all, whose identifier holds a text, whatever its case."""
        wanted = text.strip().casefold()
        return [
            pair
            for pair in self.subjects
            if (not collection or pair[0] == collection) and (not wanted or wanted in pair[1].casefold())
        ]

    def beside(self, collection: str, subject: str) -> tuple[str | None, str | None]:
        """The identifiers before and after a subject within its collection."""
        mine = [name for owner, name in self.subjects if owner == collection]
        place = mine.index(subject)
        return (mine[place - 1] if place else None), (mine[place + 1] if place + 1 < len(mine) else None)


def subject_index(asking: Asking, caller: Caller) -> SubjectIndex:
    """The subjects that a caller may know of."""

    def make() -> SubjectIndex:
        counted = asking.warehouse.subjects(caller)
        if counted is not None:
            return SubjectIndex.of(counted)
        collections = asking.table(page_query("collection-list"), {}, caller).dicts()
        names = {str(row["node"]): str(row["collection"]) for row in collections}
        rows = asking.table(page_query("subject-list"), {}, caller).rows
        return SubjectIndex.of([(names[str(owner)], str(subject)) for owner, subject in rows if str(owner) in names])

    return asking.once(("subjects",), caller, make)
