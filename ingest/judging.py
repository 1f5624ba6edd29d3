"""Sources that are judged and made into columns where they are read: a process of its own sends no records.

What comes out is as if the run had been given the records one by one: each has passed the gate, and what did not pass
is told. Only what a steward has released of headers is not known here, so readers that yield headers do not use it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ingest.base import Context, Whole
from ingest.gate.records import judged
from ontology.records import Record, Reject, SeriesHeader, StudyHeader
from store.packs import BrokenRecordError, Pack, Packed, Packing

__all__ = ["Judged", "Judging", "broken"]


def broken(record: Record, error: BrokenRecordError) -> Reject:
    """The reject of a record that the log cannot hold."""
    place = getattr(record, "key", None) or type(record).__name__
    return Reject(name="", place=str(place), problem=str(error), wanted="a value that the record log can hold")


@dataclass(frozen=True, slots=True)
class Judged:
    """What became of the records of one source, without the columns that they are part of."""

    packed: Packed
    rejects: tuple[Reject, ...]
    refused: frozenset[str]

    def whole(self, pack: Pack) -> Whole:
        """With the columns."""
        return Whole(pack, self.packed, self.rejects, self.refused)


class Judging:
    """Judges the records of several sources, one after the other."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._packing = Packing()

    def source(self, records: Iterable[Record]) -> Judged:
        """Judge all records of a source."""
        rejects: list[Reject] = []
        refused: set[str] = set()
        for record in records:
            assert not isinstance(record, SeriesHeader | StudyHeader), "headers are judged by the run"
            admitted, reject = judged(record, self._context)
            if reject is not None:
                refused.add(str(getattr(record, "key", "")))
                rejects.append(reject)
            if admitted is not None:
                try:
                    self._packing.add(admitted)
                except BrokenRecordError as error:
                    rejects.append(broken(record, error))
        return Judged(self._packing.finish(), tuple(rejects), frozenset(refused))

    def made(self) -> Pack:
        """The columns of all sources so far."""
        return self._packing.made()
