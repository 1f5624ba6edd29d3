"""Code sets: the mapping sets that say what the codes of a scheme mean, and the decisions over them.

A set is the file ``mappings/codes/SCHEME.sssom.tsv``, named ``codes/SCHEME``. A site's own lie in ``mappings/codes`` of
the data folder. One of the same name stands beside that which comes with Qilin: its rows speak for their codes, and of
all others the set says what it said before, after an update too.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path

from mappings.code_sets import ALL, SpokenCode, is_code_set, read_code_rows, triplets_in
from mappings.effective import in_force
from mappings.schemes import FOLDER, code_in, namespace_of, scheme_named
from mappings.sssom import NO_TERM, Decision, Decisions, MappingError
from store.decided import DecisionRecord

__all__ = ["CodeSet", "CodeSets", "beside", "own_rows", "shipped_rows", "shipped_set"]

log = logging.getLogger(__name__)

ENDING = ".sssom.tsv"


@dataclass(frozen=True)
class CodeSet:
    """A code set: the file it is kept in, and the decisions in force."""

    name: str
    decisions: Decisions
    site: bool = False
    """Whether it is the site's own, not one that comes with Qilin."""

    @property
    def prefix(self) -> str:
        """The prefix of its codes."""
        return self.name.removeprefix(f"{ALL}/")

    @property
    def title(self) -> str:
        """What it is, for people."""
        return f"Codes of {self.prefix}"

    @property
    def set_name(self) -> str:
        """The end of the IRI of the set."""
        return f"{self.name}{ENDING}"

    @property
    def namespaces(self) -> dict[str, str]:
        """The namespaces of its subjects, by prefix."""
        subjects = {row.subject.partition(":")[0] for row in self.decisions.rows}
        return {prefix: namespace_of(prefix) for prefix in sorted(subjects | {self.prefix})}

    def spoken_of(self, text: str) -> SpokenCode:
        """The code that a steward names: ``CODE``, ``SCHEME:CODE``, ``CODE=MEANING`` or a triplet as the store has it.

        `MappingError` where the code is of another set, or of a private scheme and without a meaning.
        """
        found = _spoken(text.strip(), self.prefix)
        prefix = found.subject.partition(":")[0]
        if prefix != self.prefix:
            raise MappingError(f"{text!r} is a code of {ALL}/{prefix}, not of {self.name}")
        if not scheme_named(prefix).code_decides and not found.facet:
            raise MappingError(
                f"in {self.name} code and meaning go together: {code_in(found.subject)}=MEANING, as sources have it"
            )
        return found


def _spoken(text: str, prefix: str) -> SpokenCode:
    if text.count("|") >= 2:
        triplet = next(triplets_in(text), None)
        if triplet is None or not triplet.code:
            raise MappingError(f"{text!r} is no code; right: CODE|SCHEME|MEANING")
        return SpokenCode(triplet.scheme.subject(triplet.code), triplet.meaning)
    code, _, meaning = text.partition("=")
    if not code.strip():
        raise MappingError(f"{text!r} names no code; right: CODE, CODE=MEANING or CODE|SCHEME|MEANING")
    if code.startswith(f"{prefix}:"):
        return SpokenCode(code.strip(), meaning.strip())
    return SpokenCode(scheme_named(prefix).subject(code), meaning.strip())


class CodeSets:
    """The code sets of one warehouse: those that come with Qilin, the site's own, and the decisions over both.

    ``site`` is the folder of the site's own; ``records`` the decisions by the name of the set.
    """

    def __init__(self, site: Path | None = None, records: Mapping[str, Sequence[DecisionRecord]] | None = None) -> None:
        self._site = site
        self._records = {name: rows for name, rows in (records or {}).items() if is_code_set(name)}
        self._held: dict[str, CodeSet] = {}

    @cached_property
    def _own(self) -> dict[str, Path]:
        found = sorted(self._site.glob(f"*{ENDING}")) if self._site is not None and self._site.is_dir() else []
        return {f"{ALL}/{path.name.removesuffix(ENDING)}": path for path in found}

    def names(self) -> list[str]:
        """The names of the sets in which something stands or was decided, sorted."""
        return sorted({*_shipped(), *self._own, *self._records})

    def usable(self) -> Iterator[CodeSet]:
        """Every set that can be used; of a faulty one, which is logged, what comes with Qilin under its name."""
        for name in self.names():
            try:
                yield self.get(name)
            except MappingError as error:
                log.warning("a code set cannot be used: %s", error)
                if name in _shipped():
                    yield CodeSet(name, _shipped()[name])

    def get(self, name: str) -> CodeSet:
        """A set by its name; `MappingError` where decisions contradict each other, or where there is none."""
        if name not in self._held:
            found = self.unchecked(name)
            found.decisions.check()
            self._held[name] = found
        return self._held[name]

    def unchecked(self, name: str) -> CodeSet:
        """The same, even where decisions contradict each other: for mending them."""
        if name not in self.names():
            near = get_close_matches(name, self.names(), n=5, cutoff=0.4) or self.names()
            raise MappingError(f"no code set {name!r}; near it: {', '.join(near)}; or {ALL}, with a whole triplet")
        path = self._own.get(name)
        decisions = _shipped().get(name) or Decisions(Path(f"{name.removeprefix(f'{ALL}/')}{ENDING}"), ())
        if path:
            decisions = Decisions(path, beside(decisions.rows, tuple(read_code_rows(path))))
        records = self._records.get(name, ())
        if records:
            decisions = Decisions(decisions.path, in_force(decisions.rows, records))
        return CodeSet(name, decisions, path is not None)

    def of_code(self, text: str) -> CodeSet:
        """The set of the code in a triplet, an empty one where nothing stands in it yet."""
        triplet = next(triplets_in(text), None)
        if triplet is None:
            raise MappingError(f"{text!r} does not say its scheme; right: CODE|SCHEME|MEANING, or name the code set")
        name = f"{ALL}/{triplet.scheme.name}"
        if name in self.names():
            return self.unchecked(name)
        return CodeSet(name, Decisions(Path(f"{triplet.scheme.name}{ENDING}"), ()))


def beside(shipped: Sequence[Decision], own: Sequence[Decision]) -> tuple[Decision, ...]:
    """The rows of a set that comes with Qilin, with those of a site in place of what they speak about."""
    worded = {row.slot for row in own if not row.negated}
    denied = {(row.slot, row.term) for row in own if row.negated}
    meant = {(row.slot, row.term) for row in own if not row.negated}
    left = [
        row
        for row in shipped
        if (row.slot, row.term) not in (denied | meant) and (row.negated or row.slot not in worded)
    ]
    return tuple(sorted([*left, *own], key=lambda row: (row.subject, row.term == NO_TERM, row.term, row.predicate)))


def own_rows(chosen: CodeSet) -> tuple[Decision, ...]:
    """The rows of a set that a site's file has to hold: those that differ from what comes with Qilin.

    Of a code whose meaning was withdrawn, that it does not mean it.
    """
    shipped = shipped_set(chosen.name)
    known = {_said(row) for row in shipped}
    rows = chosen.decisions.rows
    worded = {row.slot for row in rows if not row.negated}
    denied = {(row.slot, row.term) for row in rows if row.negated}
    gone = [
        replace(row, negated=True, comment="withdrawn", author="qilin map write", date="", confidence="")
        for row in shipped
        if not row.negated and row.slot not in worded and (row.slot, row.term) not in denied and row.term != NO_TERM
    ]
    return beside((), [*(row for row in rows if _said(row) not in known), *gone])


def _said(row: Decision) -> Decision:
    """A row without the place where it stands."""
    return replace(row, line=0, place="")


@cache
def _shipped() -> dict[str, Decisions]:
    """The sets that come with Qilin, by name: files of the package, which do not change while it runs."""
    paths = sorted(Path(str(FOLDER)).glob(f"*{ENDING}"))
    return {f"{ALL}/{path.name.removesuffix(ENDING)}": Decisions(path, tuple(read_code_rows(path))) for path in paths}


def shipped_set(name: str) -> tuple[Decision, ...]:
    """The rows that come with Qilin under a name; none where it brings no such set."""
    found = _shipped().get(name)
    return tuple(found.rows) if found else ()


def shipped_rows() -> tuple[Decision, ...]:
    """Every row of every set that comes with Qilin, in the order of the files."""
    return tuple(row for decisions in _shipped().values() for row in decisions.rows)
