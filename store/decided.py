"""What a steward decides of a mapping, as it is held: whoever reads documents needs these and no database."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["NOT", "DecisionRecord", "Verdict"]

NOT = "Not"
"""The predicate modifier of SSSOM that makes a row say what something does not mean."""


class Verdict(StrEnum):
    """What a row says of its subject."""

    ACCEPTED = "accepted"
    REJECTED = "rejected"
    NO_TERM = "no term"
    WITHDRAWN = "withdrawn"
    WRITTEN = "written"
    """The decisions so far were written into the map's own TSV file, which speaks for them from then on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DecisionRecord:
    """One row: who decided what about a column, cell or code of a mapping set, when and why.

    ``id`` and ``made_at`` are given when it is added. ``author`` and ``reviewer`` are ORCIDs (``orcid:…``) or names;
    ``replaces`` is the place of the decision that was in force before: ``decision 7``, or file and line.
    """

    mapping: str
    verdict: Verdict
    subject: str = ""
    subject_label: str = ""
    modifier: str = ""
    predicate: str = ""
    object: str = ""
    object_label: str = ""
    object_version: str = ""
    """Of a data element its version, of another term the release of its vocabulary, as they were then."""
    justification: str = "semapv:ManualMappingCuration"
    author: str
    reviewer: str = ""
    confidence: float | None = None
    reason: str = ""
    replaces: str = ""
    id: int = 0
    made_at: str = ""
