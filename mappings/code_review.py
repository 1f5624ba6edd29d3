"""The codes of the store as a steward sees them: what each means, and which wait for a decision."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from mappings.code_sets import ALL, Triplet, triplets_in
from mappings.codes import Codes
from ontology.prefixes import Curie
from store.raw_codes import RawCode

__all__ = ["CodeState", "code_states", "shares"]


@dataclass(slots=True)
class CodeState:
    """A code as sources have it: what it means, whether it was decided, and how many records have it."""

    triplet: Triplet
    term: Curie | None
    decided: bool
    """Whether it has a meaning, or it is decided that there is no term."""
    records: int = 0
    unmapped: int = 0
    """The records among them that stand without a meaning."""
    collections: set[str] = field(default_factory=set)
    kinds: set[str] = field(default_factory=set)

    @property
    def code_set(self) -> str:
        """The code set that it belongs to."""
        return f"{ALL}/{self.triplet.scheme.name}"


def code_states(found: Iterable[RawCode], codes: Codes) -> list[CodeState]:
    """Every code of the store, those that most records have first."""
    states: dict[Triplet, CodeState] = {}
    for raw in found:
        for triplet in dict.fromkeys(triplets_in(raw.text)):
            if triplet not in states:
                states[triplet] = CodeState(triplet, codes.canonical(*triplet), codes.is_decided(triplet))
            state = states[triplet]
            state.records += raw.records
            state.unmapped += raw.records if raw.unmapped else 0
            state.collections.add(raw.collection)
            state.kinds.add(raw.kind)
    return sorted(states.values(), key=lambda state: (-state.records, state.triplet))


def shares(states: Iterable[CodeState]) -> dict[str, tuple[int, int, int, int]]:
    """Codes decided and all, records decided and all, by code set and then over all of them."""
    total: dict[str, list[int]] = {}
    for state in states:
        for name in (state.code_set, ALL):
            counts = total.setdefault(name, [0, 0, 0, 0])
            counts[0] += state.decided
            counts[1] += 1
            counts[2] += state.records if state.decided else 0
            counts[3] += state.records
    ordered = sorted(total, key=lambda name: (name == ALL, -total[name][3], name))
    return {name: (total[name][0], total[name][1], total[name][2], total[name][3]) for name in ordered}
