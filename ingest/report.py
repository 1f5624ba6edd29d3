"""What a run tells: its progress to whoever watches, and its report at the end."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field

from ontology.records import Reject
from store.matching import Matched

__all__ = ["NothingToDoError", "Progress", "Report", "places"]

MORE = re.compile(r"(.*) and (\d+) more", re.DOTALL)


class NothingToDoError(ValueError):
    """Locators of which none can be read; the message says what would be right."""


@dataclass(slots=True)
class Progress:
    """What a run tells whoever watches it; every call is cheap and may be ignored."""

    stage: Callable[[str], None] = lambda _text: None
    step: Callable[[str, int, int | None], None] = lambda _kind, _done, _total: None
    waiting: Callable[[], None] = lambda: None


@dataclass(slots=True)
class Report:
    """What became of a run, in numbers."""

    added: int = 0
    unchanged: int = 0
    replaced: int = 0
    records: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    rejects: list[Reject] = field(default_factory=list)
    reviews: list[Reject] = field(default_factory=list)
    """What came in and waits for a steward's word."""
    unmapped: dict[str, int] = field(default_factory=dict)
    """How many columns of each table no map speaks of; they stay outside the store."""
    superseded: dict[str, str] = field(default_factory=dict)
    """The name of each export that gave way to a later one of its project, with the name of that."""
    collections: set[str] = field(default_factory=set)
    subjects: list[Matched] = field(default_factory=list)
    """How the ids of the collections that were read meet between images and tables."""
    generation: int = 0
    quads: int = 0

    @property
    def exit_status(self) -> int:
        """0: all in, be it under review; 1: something was rejected or quarantined."""
        return 1 if self.rejects else 0


def places(shown: str) -> int:
    """How many places the place of a reject names.

    >>> places("R3C2"), places("R3C2, R4C2"), places("R3C2, R4C2, R5C2 and 7 more")
    (1, 2, 10)
    """
    more = MORE.fullmatch(shown)
    named = more[1] if more else shown
    return len(named.split(", ")) + (int(more[2]) if more else 0)
