"""The codes that each source of a run asks the mappings for, and the readings that stand as they are under them.

A reader asks while it reads, so what its records owe to the mappings is known at the end of a source. The recipe then
gets a last word: the digest of what is in force about these codes. Whether a source is known already is answered by
asking again what it asked when it was last read. So a decision about one code reads no document that does not have it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from ingest.base import Yield
from mappings.codes import Codes
from ontology.records import SourceRecord
from store.coded import Coded, CodedSource
from store.log import sid_of

__all__ = ["Asked", "Earlier", "base_recipe", "with_codes"]

MARK = " asked-"


def with_codes(recipe: str, keys: Iterable[bytes], codes: Codes) -> str:
    """A recipe with what is in force about the codes that were asked for; as it is where there are none."""
    keys = list(keys)
    return f"{recipe}{MARK}{codes.digest_of(keys)[:16]}" if keys else recipe


def base_recipe(recipe: str) -> str:
    """A recipe without what it owes to the codes.

    >>> base_recipe("aim-1 codes-0011 asked-2233")
    'aim-1 codes-0011'
    """
    return recipe.partition(MARK)[0]


@dataclass(slots=True)
class Asked:
    """The keys of the codes asked for, source by source, while a reader is followed."""

    _step: set[bytes] = field(default_factory=set)
    """What was asked for since the item before."""
    _ahead: set[bytes] = field(default_factory=set)
    """What was asked for before the first source began: any of them may follow from it."""
    keys: set[bytes] = field(default_factory=set)
    """What the open source asked for."""

    def note(self, key: bytes) -> None:
        """Take note of a code that was asked for."""
        self._step.add(key)

    def follow(self, items: Iterator[Yield]) -> Iterator[tuple[Yield, frozenset[bytes]]]:
        """The items of a reader; a head comes with the keys of the source before it, which ends there.

        What is asked for in the step that brings a head counts for both sources.
        """
        begun = False
        for item in items:
            step, self._step = self._step, set()
            if not begun:
                self._ahead |= step
            self.keys |= step
            ended = frozenset(self.keys)
            if isinstance(item, SourceRecord):
                begun = True
                self.keys = self._ahead | step
            yield item, ended
        self.keys |= self._step
        self._step = set()


class Earlier:
    """The sources of a kind and collection in the ledger that asked for codes, by their content."""

    def __init__(self, coded: Coded, codes: Codes, kind: str, collection: str, clock: str) -> None:
        self._coded, self._codes = coded, codes
        self._kind, self._collection, self._clock = kind, collection, clock

    @cached_property
    def _by_content(self) -> dict[str, list[CodedSource]]:
        return self._coded.of_content(self._kind, self._collection)

    def sid(self, digest: str, recipe: str) -> str | None:
        """The source that a content would be now, asking what it asked before; None where it was not read so."""
        for old in self._by_content.get(digest, ()):
            now = with_codes(recipe, old.keys, self._codes)
            if old.recipe == now and old.sid == sid_of(self._kind, digest, now, self._collection, self._clock):
                return old.sid
        return None
