"""What refers to a node, for people: grouped by property and class, counted, and sorted by name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyoxigraph as ox

from api.terms import Cell, cell, label_of, natural, text_of
from store.warehouse import Rows

__all__ = ["AT_MOST", "COUNTED", "Group", "Reference", "groups_of", "references_of"]

COUNTED = 5_000
"""How many references are counted and sorted; of a node to which more refer, as many as this are found."""
AT_MOST = 20
"""How many of a group are shown."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A node, the property by which it refers, one of its classes (empty where none is said), and its name."""

    node: str
    predicate: str
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Group:
    """The nodes of one class that refer by one property: how many, and the first of them by name."""

    predicate: Cell
    kind: Cell | None
    number: int
    shown: Sequence[Cell]
    query: str
    """The SPARQL text that lists all of them."""


def references_of(rows: Rows) -> list[Reference]:
    """The references of a result, those of a property and class side by side, by name as people would list them."""
    found = [
        Reference(*(text_of(row[name]) for name in ("node", "predicate", "class", "label")))
        for row in list(rows.dicts())[:COUNTED]
    ]
    return sorted(found, key=lambda item: (item.predicate, item.kind, natural(item.label or item.node), item.node))


def groups_of(iri: str, references: Sequence[Reference]) -> list[Group]:
    """References by property and class, by the names of these."""
    together: dict[tuple[str, str], list[Reference]] = {}
    for item in references:
        together.setdefault((item.predicate, item.kind), []).append(item)
    groups = [_group(iri, predicate, kind, items) for (predicate, kind), items in together.items()]
    return sorted(groups, key=lambda group: (group.predicate.text, group.kind.text if group.kind else ""))


def _group(iri: str, predicate: str, kind: str, items: Sequence[Reference]) -> Group:
    of_class = f" ; a <{kind}>" if kind else ""
    return Group(
        cell(ox.NamedNode(predicate)),
        cell(ox.NamedNode(kind)) if kind else None,
        len(items),
        [Cell(item.label or label_of(item.node), item.node, title=item.node) for item in items[:AT_MOST]],
        f"SELECT ?node {{ ?node <{predicate}> <{iri}>{of_class} }} ORDER BY ?node LIMIT 1000",
    )
