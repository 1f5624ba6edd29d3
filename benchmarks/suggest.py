"""``qilin map suggest`` against the ready mappings: is what is right proposed first, or in the first five?

Each collection is tested with the maps of its whole family left out (`FAMILIES`), on the real files in
``../shared/data/clinical``. Run ``python -m benchmarks.suggest [MAP…] [--failures] [--without-names]
[--without-decisions]``: the last two leave out the curated names and all earlier decisions.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from functools import lru_cache
from pathlib import Path

from ingest.table.file import TableError, TableFile
from ingest.table.profile import profile_file
from mappings.knowledge import gather
from mappings.profile import Column, Table, ValueKind
from mappings.shape import Part, plain, template
from mappings.suggest import PROPOSED, Advice, Suggester
from mappings.suggest_table import subject_of
from mappings.suggest_values import values_of
from mappings.tables import TableMap, table_maps
from ontology.prefixes import Curie
from ontology.variables import canonical

CLINICAL = Path(__file__).parents[2] / "shared" / "data" / "clinical"

FAMILIES = {
    "acrin": ("acrin_", "ispy2"),
    "breast_cancer_screening_dbt": ("breast_cancer_screening_dbt_",),
    "cbis": ("cbis_",),
    "cptac": ("cptac_",),
    "ea": ("ea1141_",),
    "nsclc_radiomics": ("nsclc_radiomics_",),
    "spie_aapm": ("spie_aapm_",),
    "demo": ("demo_",),
}
"""Maps by the beginning of their names that belong together: same authors, forms or subjects. Others stand alone."""


def family_of(name: str) -> str:
    """The family of a map."""
    return next((family for family, starts in FAMILIES.items() if name.startswith(starts)), name)


@dataclass(frozen=True)
class Truth:
    """A column of a real file as its ready map has it; no terms where it rightly stays unmapped."""

    mapping: str
    column: Column
    terms: frozenset[str] = frozenset()
    element: Curie | None = None
    values: tuple[tuple[str, Curie | None], ...] = ()
    table: Table | None = None


@dataclass
class Case:
    """The columns of one map, by the table in which they stand."""

    mapping: TableMap
    tables: list[Table] = field(default_factory=list)
    truths: list[Truth] = field(default_factory=list)
    subjects: list[tuple[Table, str]] = field(default_factory=list)


def files() -> list[Path]:
    """Every real clinical file."""
    return [path for path in sorted(CLINICAL.rglob("*")) if path.is_file()]


def fitting(path: Path) -> list[TableMap]:
    """The ready maps for a file."""
    table = TableFile(path)

    def headers(part: Part) -> Sequence[str]:
        try:
            return table.headers(part)
        except TableError:
            return ()

    def fits(mapping: TableMap) -> bool:
        matches = mapping.shape.matches
        if not (matches.file or matches.headers):
            return False  # a map that is applied by name alone
        named = not matches.file or any(fnmatch(path.name.casefold(), item.casefold()) for item in matches.file)
        wanted = {plain(header) for header in matches.headers}
        return named and any(wanted <= set(headers(part)) for part in mapping.parts)

    try:
        table.check()
        return [mapping for mapping in table_maps().values() if fits(mapping)]
    except TableError:
        return []


def cases(names: Sequence[str]) -> list[Case]:
    """Every ready map with a real file, its columns and what they are."""
    found: dict[str, Case] = {}
    seen: defaultdict[str, set[str]] = defaultdict(set)
    for path in files():
        for mapping in fitting(path):
            if family_of(mapping.name) == "demo" or (names and mapping.name not in names):
                continue
            case = found.setdefault(mapping.name, Case(mapping))
            for table, part in _parts(mapping, _profiled(path)):
                case.tables.append(table)
                case.subjects.append((table, plain(part.subject.column)))
                case.truths += _truths(mapping, part, table, seen[mapping.name])
    for case in found.values():
        case.truths = [truth for truth in case.truths if truth.column.kind is not ValueKind.EMPTY or not truth.terms]
    return [found[name] for name in sorted(found)]


@lru_cache(maxsize=8)
def _profiled(path: Path) -> list[Table]:
    """The tables of a file; none of a dictionary whose columns happen to be those of a map."""
    try:
        return profile_file(path)
    except TableError:
        return []


def _parts(mapping: TableMap, tables: list[Table]) -> Iterator[tuple[Table, Part]]:
    for part in mapping.parts:
        for number, table in enumerate(tables, 1):
            if part.sheet in {table.sheet, number} or (part.sheet is None and table.first):
                yield table, part
                break


def _truths(mapping: TableMap, part: Part, table: Table, seen: set[str]) -> Iterator[Truth]:
    """Each column once, and of a pattern one column."""
    patterns = [(name, pattern) for name in part.columns if (pattern := template(name))]
    for column in table.columns:
        written = column.name if column.name in part.columns else ""
        written = written or next((name for name, pattern in patterns if pattern.fullmatch(column.name)), "")
        if (
            column.kind is ValueKind.EMPTY
            or (written or column.name) in seen
            or (not written and column.name in part.named)
        ):
            continue
        seen.add(written or column.name)
        if not written:
            yield Truth(mapping.name, column)
            continue
        entries = part.columns[written]
        given = [mapping.decisions.variable(written), *(entry.fields.get("variable") for entry in entries)]
        terms = frozenset(_canonical(term) for term in given if isinstance(term, str))
        element = mapping.decisions.element(written)
        if terms or element:
            values = tuple(item for item in mapping.decisions.values(written).items() if item[0] in column.values)
            yield Truth(mapping.name, column, terms, element, values, table)


def _canonical(term: str) -> str:
    registered = canonical(Curie(term))
    return registered.curie if registered else term


def right_variable(truth: Truth, advice: Advice, first: int) -> bool:
    """Whether a right variable is among the first proposals; for one, it has to be proposed in earnest."""
    targets = [advice.proposed] if first == 1 else list(advice.proposals[:first])
    wanted = truth.terms or ({str(truth.element)} if truth.element else set())
    return any(item and {item.target.key, str(item.target.variable)} & wanted for item in targets)


def right_element(truth: Truth, advice: Advice, first: int) -> bool:
    """Whether the right data element is among the first."""
    if first == 1:
        items = advice.proposed.elements[:1] if advice.proposed else ()
        return any(item.curie == truth.element for item in items)
    ranked = sorted((item for proposal in advice.proposals for item in proposal.elements), key=lambda item: -item.score)
    return truth.element in list(dict.fromkeys(item.curie for item in ranked))[:first]


@dataclass
class Tally:
    """Counts of what was right, by what was asked."""

    asked: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    right: defaultdict[str, int] = field(default_factory=lambda: defaultdict(int))
    families: dict[str, Tally] = field(default_factory=dict)

    def count(self, what: str, *, right: bool) -> None:
        """One more of a kind."""
        self.asked[what] += 1
        self.right[what] += right

    def line(self, what: str) -> str:
        """The share for people."""
        asked, right = self.asked[what], self.right[what]
        return f"{what:<58}{right:>5} of {asked:>5}  {right / asked:7.1%}" if asked else f"{what:<58}    -"


def main(arguments: Sequence[str]) -> None:
    """Print the shares, and the failures where asked."""
    names = [name for name in arguments if not name.startswith("--")]
    started = time.perf_counter()
    tests = cases(names)
    tables, took = sum(len(case.tables) for case in tests), time.perf_counter() - started
    print(f"{len(tests)} maps with {tables} tables, profiled in {took:.1f} s")
    tally, failures = Tally(), []
    maps = table_maps()
    suggesters: dict[str, Suggester] = {}
    for case in tests:
        family = family_of(case.mapping.name)
        if family not in suggesters:
            others = [item for name, item in maps.items() if family_of(name) != family]
            earlier = [] if "--without-decisions" in arguments else others
            suggesters[family] = Suggester(gather(earlier, usual="--without-names" not in arguments))
        _test(case, suggesters[family], tally, failures)
    for what in ORDER:
        print(tally.line(what))
    for what in ORDER[:2]:
        shares = [item.right[what] / item.asked[what] for item in tally.families.values() if item.asked[what]]
        print(f"{what}, {len(shares)} families alike: {sum(shares) / len(shares):.1%}")
    if "--failures" in arguments:
        print(*failures, sep="\n")


ORDER = (
    "the right element (else variable) first",
    "the right element (else variable) in the first five",
    "the right variable first",
    "the right variable in the first five",
    "the right data element first",
    "the right data element in the first five",
    "columns rightly unmapped: nothing proposed",
    "nothing proposed: rightly unmapped",
    "something proposed: rightly",
    "the subject column found",
    "cells: the right concept first",
    "cells: the right concept in the first five",
    "cells with a proposal: the first is right",
    "cells rightly without a concept: nothing likely proposed",
)


def _test(case: Case, suggester: Suggester, tally: Tally, failures: list[str]) -> None:
    advice: dict[tuple[int, str], Advice] = {}
    for table in case.tables:
        items = suggester.table(table)
        for item in items:
            advice[id(item.column), item.column.name] = item
        wanted = next(column for other, column in case.subjects if other is table)
        found = subject_of(table, items)
        tally.count(ORDER[9], right=found == wanted)
        if found != wanted:
            failures.append(f"subject\t{table.file}\t{found}\twanted {wanted}")
    for truth in case.truths:
        said = advice[id(truth.column), truth.column.name]
        shown = [(item.target.label, item.score) for item in said.proposals[:3]]
        where = f"{truth.mapping}\t{truth.column.name[:50]}"
        if not (truth.terms or truth.element):
            tally.count(ORDER[6], right=said.proposed is None)
            if said.proposed is None:
                tally.count(ORDER[7], right=True)
            else:
                tally.count(ORDER[8], right=False)
                failures.append(f"unmapped\t{where}\t{shown[0]}\t{said.proposed.reason[:90]}")
            continue
        _test_values(truth, said, suggester, tally, failures)
        variable = (right_variable(truth, said, 1), right_variable(truth, said, 5))
        element = (right_element(truth, said, 1), right_element(truth, said, 5)) if truth.element else variable
        own = tally.families.setdefault(family_of(truth.mapping), Tally())
        for what, right in zip(ORDER[:4], (*element, *variable), strict=True):
            tally.count(what, right=right)
            own.count(what, right=right)
        if truth.element:
            tally.count(ORDER[4], right=element[0])
            tally.count(ORDER[5], right=element[1])
        tally.count(ORDER[7] if said.proposed is None else ORDER[8], right=said.proposed is not None and variable[0])
        if not (variable[0] and element[0]):
            wanted = ", ".join(
                [*(suggester.knowledge.label(Curie(term)) or term for term in truth.terms), str(truth.element or "")]
            )
            level = "variable" if not variable[0] else "element"
            elements = [item.curie for item in said.proposed.elements[:3]] if said.proposed else []
            failures.append(f"{level}\t{where}\twanted {wanted}\t{said.role} {said.leave[:50]}\t{shown}\t{elements}")


def _test_values(truth: Truth, said: Advice, suggester: Suggester, tally: Tally, failures: list[str]) -> None:
    """The cells of a column, through what is proposed for the column itself."""
    proposed = values_of(suggester, truth.column, said.proposed.target, table=truth.table) if said.proposed else {}
    for cell, term in truth.values:
        found = [item.term for item in proposed.get(cell, ())]
        likely = [item.term for item in proposed.get(cell, ()) if item.score >= PROPOSED]
        if term is None:
            tally.count(ORDER[13], right=not likely)
            continue
        tally.count(ORDER[10], right=found[:1] == [term])
        tally.count(ORDER[11], right=term in found[:5])
        if likely:
            tally.count(ORDER[12], right=likely[0] == term)
        if found[:1] != [term] and said.proposed:
            label = suggester.knowledge.label(term)
            shown = [suggester.knowledge.label(item) for item in found[:2]]
            failures.append(f"cell\t{truth.mapping}\t{truth.column.name[:30]}={cell[:30]}\twanted {label}\t{shown}")


if __name__ == "__main__":
    main(sys.argv[1:])
