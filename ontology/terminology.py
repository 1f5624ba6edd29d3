"""The bundled terms: label, synonyms and broader terms of every code that ships with Qilin.

Each vocabulary is one table ``ontology/bundled/<prefix>.tsv``; ``hierarchy.tsv`` adds broader terms that the tables
lack, each with the kind of source that confirmed it. Licences: ``ontology/bundled/LICENSES.md``.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from ontology.prefixes import Curie

__all__ = ["SCHEMES", "Term", "UnknownTermError", "broader_or_same", "label", "term", "terms"]

SCHEMES: Mapping[str, Curie] = {
    "cadsr": Curie("q:CaDSR"),
    "dcm": Curie("q:DICOMTerminology"),
    "ibsi": Curie("q:IBSIFeatures"),
    "ncit": Curie("q:NCIThesaurus"),
    "radlex": Curie("q:RadLex"),
    "sct": Curie("q:SNOMEDTerms"),
}
"""The concept scheme of each bundled vocabulary, by prefix."""


@dataclass(frozen=True, slots=True)
class Term:
    """A bundled term; ``parents`` are its directly broader terms."""

    curie: Curie
    label: str
    parents: tuple[Curie, ...]
    synonyms: tuple[str, ...]


class UnknownTermError(KeyError):
    """A CURIE that is not among the bundled terms; the message names the vocabularies that are."""

    def __init__(self, curie: str) -> None:
        self.curie = curie
        super().__init__(curie)

    def __str__(self) -> str:
        return f"{self.curie!r} is not among the bundled terms of {', '.join(sorted(SCHEMES))}"


def _rows(name: str) -> list[dict[str, str]]:
    """The rows of a table in ``ontology/bundled``."""
    with files("ontology").joinpath("bundled", f"{name}.tsv").open(encoding="utf-8") as table:
        return list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


def _synonyms(text: str, label: str) -> tuple[str, ...]:
    """Synonyms other than the label, each once; the sources leave stray quotation marks around some."""
    stripped = (item.strip().strip('"').strip() for item in text.split("|"))
    return tuple(dict.fromkeys(item for item in stripped if item and item != label))


def _bundled(prefix: str, added: Mapping[Curie, list[Curie]]) -> Iterator[Term]:
    """The terms of one vocabulary with the broader terms that ``hierarchy.tsv`` adds."""
    for row in _rows(prefix):
        curie = Curie(f"{prefix}:{row['code']}")
        parents = [Curie(f"{prefix}:{parent}") for parent in row["parents"].split("|") if parent]
        yield Term(
            curie=curie,
            label=row["label"],
            parents=tuple(dict.fromkeys([*parents, *added.get(curie, [])])),
            synonyms=_synonyms(row["synonyms"], row["label"]),
        )


@cache
def terms() -> dict[Curie, Term]:
    """Every bundled term by CURIE, in the order of the tables."""
    added: dict[Curie, list[Curie]] = {}
    for row in _rows("hierarchy"):
        added.setdefault(Curie(row["child"]), []).append(Curie(row["parent"]))
    return {item.curie: item for prefix in SCHEMES for item in _bundled(prefix, added)}


def term(curie: str) -> Term:
    """The bundled term of a CURIE; `UnknownTermError` where there is none.

    >>> term("ncit:C96684").label
    'Longest Diameter'
    """
    found = terms().get(Curie(curie))
    if found is None:
        raise UnknownTermError(curie)
    return found


def label(curie: str) -> str | None:
    """The label of a bundled term, None where there is none."""
    found = terms().get(Curie(curie))
    return found.label if found else None


@cache
def broader_or_same(curie: Curie) -> frozenset[Curie]:
    """A term and every broader term: the reflexive, transitive closure of its parents.

    >>> Curie("ncit:C4878") in broader_or_same(Curie("ncit:C3512"))
    True
    """
    reached: set[Curie] = set()
    waiting = [curie]
    while waiting:
        current = waiting.pop()
        if current not in reached:
            reached.add(current)
            found = terms().get(current)
            waiting.extend(found.parents if found else ())
    return frozenset(reached)
