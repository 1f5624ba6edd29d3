"""Which lesions are one: links between lesions of a subject that a person decided, who said so, when and why.

Readers never merge lesions by what they look like. What two readers' documents call by two names may be one lesion; a
link says so, and becomes ``q:sameLesionAs`` in the next generation, without changing either lesion. Decisions stand in
the control data and are only ever added to: the last one about two lesions counts.

A lesion is named by the id of its subject as a source has it, and its key, so that links outlast the cross-walk.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

import sqlalchemy as sa

from store.control import now
from store.crosswalk import Decision
from store.identity import OWN, Link, subject_key

__all__ = [
    "Ambiguity",
    "LesionEntry",
    "LesionPair",
    "LesionPairError",
    "LesionPairs",
    "NamedLesion",
    "Verdict",
    "by_id",
    "components",
    "subject_of",
]

Node = TypeVar("Node", "tuple[str, str, str]", "NamedLesion")

metadata = sa.MetaData()

decision_table = sa.Table(
    "lesion_decision",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("collection", sa.String, nullable=False, index=True),
    *(sa.Column(f"{name}_{end}", sa.String, nullable=False) for end in "ab" for name in ("namespace", "id", "lesion")),
    sa.Column("verdict", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
)

for action in ("UPDATE", "DELETE"):
    sa.event.listen(
        decision_table,
        "after_create",
        sa.DDL(  # type: ignore[no-untyped-call]
            f"CREATE TRIGGER IF NOT EXISTS lesion_decision_no_{action.lower()} BEFORE {action} ON lesion_decision "
            "BEGIN SELECT RAISE(ABORT, 'decisions are only added: a change is a further row'); END"
        ).execute_if(dialect="sqlite"),
    )


class LesionPairError(ValueError):
    """A decision about lesions that cannot be; the message says why and what would be right, and names no id."""


class Verdict(StrEnum):
    """What a person said of two lesions."""

    SAME = "same"
    DIFFERENT = "different"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, order=True)
class NamedLesion:
    """A lesion by the id of its subject in a namespace, and its key."""

    namespace: str
    source_id: str
    key: str


@dataclass(frozen=True, slots=True, order=True)
class LesionPair:
    """Two lesions of a collection that are one, as a manifest holds them; the first comes before the second."""

    collection: str
    a: NamedLesion
    b: NamedLesion

    @classmethod
    def of(cls, collection: str, one: NamedLesion, other: NamedLesion) -> LesionPair:
        """The pair of two lesions, whichever is named first."""
        return cls(collection, min(one, other), max(one, other))

    @classmethod
    def load(cls, row: Iterable[Any]) -> LesionPair:
        """What `row` wrote."""
        collection, a, b = row
        return cls(collection, NamedLesion(*a), NamedLesion(*b))

    def row(self) -> tuple[Any, ...]:
        """The pair as JSON holds it."""
        return self.collection, *((end.namespace, end.source_id, end.key) for end in (self.a, self.b))

    def subjects(self, links: Mapping[tuple[str, str, str], Link]) -> set[tuple[str, str]]:
        """Whose lesions they are under a cross-walk: one subject, else the pair is of no effect."""
        return {(self.collection, subject_of(self.collection, end, links)) for end in (self.a, self.b)}


@dataclass(frozen=True, slots=True, order=True)
class Ambiguity:
    """A lesion of which documents leave open whether it is one, for a person to decide; a manifest holds it."""

    collection: str
    subject: str
    lesion: str
    other: str
    """The lesion that may be the same; empty where one lesion may be two."""
    problem: str


@dataclass(frozen=True, slots=True)
class LesionEntry:
    """What was said of two lesions at a time."""

    id: int
    pair: LesionPair
    verdict: Verdict
    author: str
    at: str
    reason: str


class LesionPairs:
    """The decisions about lesions of a warehouse, in its control database; writers hold the warehouse's write lock."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        metadata.create_all(engine)

    def history(self, collection: str | None = None) -> list[LesionEntry]:
        """Every decision, the oldest first."""
        query = sa.select(decision_table).order_by(decision_table.c.id)
        if collection is not None:
            query = query.where(decision_table.c.collection == collection)
        with self.engine.begin() as connection:
            return [_entry(row) for row in connection.execute(query).mappings()]

    def standing(self, collection: str | None = None) -> dict[LesionPair, LesionEntry]:
        """The last decision about each two lesions; those that were withdrawn are left out."""
        last = {entry.pair: entry for entry in self.history(collection)}
        return {pair: entry for pair, entry in last.items() if entry.verdict is not Verdict.WITHDRAWN}

    def pairs(self, collections: Iterable[str]) -> tuple[LesionPair, ...]:
        """The lesions of collections that are one, as they stand, for a manifest."""
        wanted = set(collections)
        standing = self.standing().items()
        return tuple(
            sorted(pair for pair, entry in standing if entry.verdict is Verdict.SAME and pair.collection in wanted)
        )

    def decide(self, pair: LesionPair, verdict: Verdict, decision: Decision) -> bool:
        """Say that two lesions are one, or are not; whether that is new.

        `LesionPairError` where it contradicts what was decided of these lesions and others.
        """
        standing = self.standing(pair.collection)
        if verdict is not Verdict.WITHDRAWN and pair in standing and standing[pair].verdict is verdict:
            return False
        if verdict is Verdict.WITHDRAWN and pair not in standing:
            raise LesionPairError("nothing stands of these two lesions that could be withdrawn")
        if pair.a == pair.b and verdict is Verdict.DIFFERENT:
            raise LesionPairError("a lesion cannot differ from itself: name two lesions")
        verdicts = {known: entry.verdict for known, entry in standing.items()} | {pair: verdict}
        one = {frozenset((known.a, known.b)) for known, said in verdicts.items() if said is Verdict.SAME}
        whole = components(one)
        for known, said in verdicts.items():
            if said is Verdict.DIFFERENT and whole.get(known.a, known.a) == whole.get(known.b, known.b):
                raise LesionPairError(
                    "that would make one lesion of two that were decided to differ, maybe by way of a third: "
                    "see `qilin lesions list`, and withdraw one of the decisions first"
                )
        self._enter(pair, verdict, decision)
        return True

    def _enter(self, pair: LesionPair, verdict: Verdict, decision: Decision) -> None:
        ends = {
            f"{name}_{letter}": value
            for letter, end in (("a", pair.a), ("b", pair.b))
            for name, value in (("namespace", end.namespace), ("id", end.source_id), ("lesion", end.key))
        }
        said = {"verdict": str(verdict), "author": decision.author, "at": now(), "reason": decision.reason}
        with self.engine.begin() as connection:
            connection.execute(sa.insert(decision_table), {"collection": pair.collection, **ends, **said})


def _entry(row: sa.RowMapping) -> LesionEntry:
    a, b = (NamedLesion(row[f"namespace_{end}"], row[f"id_{end}"], row[f"lesion_{end}"]) for end in "ab")
    pair = LesionPair(row["collection"], a, b)
    return LesionEntry(row["id"], pair, Verdict(row["verdict"]), row["author"], row["at"], row["reason"])


def components(edges: Iterable[frozenset[Node]]) -> dict[Node, Node]:
    """The first node of the component of each node that has an edge."""
    near: dict[Node, set[Node]] = defaultdict(set)
    for edge in edges:
        for node in edge:
            near[node] |= edge
    first: dict[Node, Node] = {}
    for start in sorted(near):
        todo = [] if start in first else [start]
        while todo:
            node = todo.pop()
            if node not in first:
                first[node] = start
                todo += near[node] - first.keys()
    return first


# whose lesions they are


def subject_of(collection: str, lesion: NamedLesion, links: Mapping[tuple[str, str, str], Link]) -> str:
    """The identifier of a lesion's subject under a cross-walk."""
    link = links.get((collection, lesion.namespace, lesion.source_id))
    return subject_key(OWN, link.subject) if link else subject_key(lesion.namespace, lesion.source_id)


def by_id(links: Iterable[Link]) -> dict[tuple[str, str, str], Link]:
    """Links by what they are links of."""
    return {(link.collection, link.namespace, link.source_id): link for link in links}
