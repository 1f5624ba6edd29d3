"""The rows of code sets: what a code of a scheme means.

The subject of a row is a code; where the scheme is private, code and meaning (``subject_label``) together.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from mappings.schemes import Scheme, plain_meaning, scheme_for, scheme_named
from mappings.sssom import Decision, MappingError, fields_of, raw_rows

__all__ = [
    "ALL",
    "CodeDecision",
    "SpokenCode",
    "Triplet",
    "code_decision",
    "is_code_set",
    "read_code_rows",
    "triplets_in",
]

ALL = "codes"
"""The name of all code sets together, where the code itself says of which one it is."""


class Triplet(NamedTuple):
    """A code as a source has it."""

    code: str
    designator: str
    meaning: str

    def __str__(self) -> str:
        """As it stands in the store."""
        return "|".join(self)

    @property
    def scheme(self) -> Scheme:
        """The scheme of the code."""
        return scheme_for(self.designator, self.code)


def triplets_in(raw: str) -> Iterator[Triplet]:
    """The triplets of a raw code, which may join several of one thing (`` + ``), and question and answer (`` = ``).

    >>> [item.code for item in triplets_in("G-A185|SRT|Long axis + C96684|NCIT|LDIAM")]
    ['G-A185', 'C96684']
    """
    for side in raw.split(" = "):
        for text in side.split(" + "):
            pieces = text.split("|", 2)
            if len(pieces) == 3:
                yield Triplet(*(piece.strip() for piece in pieces))


class SpokenCode(NamedTuple):
    """What a decision about a code speaks of: its subject, and the meaning that it is found with."""

    subject: str
    meaning: str

    @property
    def label(self) -> str:
        """The meaning as sources have it."""
        return self.meaning

    @property
    def facet(self) -> str:
        """The meaning as it is compared; empty where the code alone decides."""
        scheme = scheme_named(self.subject.partition(":")[0])
        return "" if scheme.code_decides else plain_meaning(self.meaning)


@dataclass(frozen=True, slots=True)
class CodeDecision(Decision):
    """One row of a code set: ``column`` is the code with its prefix, ``facet`` the meaning of a private code."""

    @property
    def subject(self) -> str:
        """The subject as SSSOM writes it."""
        return self.column

    @property
    def named(self) -> str:
        """The meaning as sources have it."""
        return self.subject_label


def code_decision(subject: str, meaning: str, fields: Mapping[str, Any]) -> CodeDecision:
    """A row about a code."""
    spoken_of = SpokenCode(subject, meaning)
    return CodeDecision(column=subject, value=None, facet=spoken_of.facet, **fields)


def read_code_rows(path: Path) -> Iterator[CodeDecision]:
    """The rows of a code set in their order; `MappingError` at the first that cannot be used."""
    for row, place, line in raw_rows(path):
        prefix, _, code = row["subject_id"].partition(":")
        if not prefix or not code:
            raise MappingError(f"{place}: subject {row['subject_id']!r}; right: SCHEME:CODE, such as srt:G-A185")
        yield code_decision(row["subject_id"], row.get("subject_label", ""), fields_of(row, place, line))


def is_code_set(name: str) -> bool:
    """Whether a name is that of a code set, or of all of them.

    >>> is_code_set("codes/srt"), is_code_set("codes"), is_code_set("trial_x")
    (True, True, False)
    """
    return name == ALL or name.startswith(f"{ALL}/")
