"""The subject cross-walk: which id of which namespace is which subject, who said so, when and why.

It stands in the control data and is only ever added to: a link that is withdrawn is a further entry without a subject.
The last entry of an id counts. What a person decided by hand outlasts imports and rules.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

import sqlalchemy as sa

from store.control import now
from store.identity import NAMESPACE, OWN

__all__ = ["Crosswalk", "CrosswalkError", "Decision", "Entry", "Id", "Links", "Method", "exported"]

metadata = sa.MetaData()

entry_table = sa.Table(
    "crosswalk_entry",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("collection", sa.String, nullable=False),
    sa.Column("namespace", sa.String, nullable=False),
    sa.Column("source_id", sa.String, nullable=False),
    sa.Column("subject", sa.String),
    sa.Column("method", sa.String, nullable=False),
    sa.Column("rule", sa.Integer),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("at", sa.String, nullable=False),
    sa.Column("reason", sa.String, nullable=False),
    sa.Index("crosswalk_entry_of", "collection", "namespace", "source_id"),
)

Id = tuple[str, str]
"""A namespace and an id in it, within one collection."""


class CrosswalkError(ValueError):
    """A link that cannot be; the message says why and what would be right, and names no id."""


class Method(StrEnum):
    """How a link came to be."""

    IMPORT = "import"
    RULE = "rule"
    HAND = "hand"


@dataclass(frozen=True, slots=True)
class Decision:
    """Who decides, and why; `CrosswalkError` where either is not said."""

    author: str
    reason: str

    def __post_init__(self) -> None:
        if not self.author.strip() or not self.reason.strip():
            raise CrosswalkError("a decision has an author and a reason")


@dataclass(frozen=True, slots=True)
class Entry:
    """What was said of an id at a time; ``subject`` is None where a link was withdrawn."""

    id: int
    collection: str
    namespace: str
    source_id: str
    subject: str | None
    method: Method
    rule: int | None
    author: str
    at: str
    reason: str


class Links:
    """The links of one collection as they stand: id to subject, one step and no further."""

    def __init__(self, standing: Mapping[Id, str]) -> None:
        self._subjects = dict(standing)
        self._targets = Counter(standing.values())

    def __len__(self) -> int:
        return len(self._subjects)

    def get(self, of: Id) -> str | None:
        """The subject that an id is linked to."""
        return self._subjects.get(of)

    def items(self) -> Iterable[tuple[Id, str]]:
        """Every link."""
        return self._subjects.items()

    def problem(self, of: Id, subject: str) -> str | None:
        """Why an id cannot be linked to a subject; None where it can."""
        namespace, source_id = of
        if namespace != OWN and not NAMESPACE.fullmatch(namespace):
            return "a namespace has small letters, digits, '.', '-' and '_' only"
        if not source_id.strip() or not subject.strip() or not (source_id + subject).isprintable():
            return "an id and a subject are printable and not empty"
        if of == (OWN, subject):
            return "an id cannot be linked to itself"
        if (OWN, subject) in self._subjects:
            return "that subject is itself linked to another one: link to that one"
        if namespace == OWN and self._targets[source_id]:
            return "other ids are linked to that id: link them to the other subject first"
        return None

    def put(self, of: Id, subject: str) -> None:
        """Link an id, in place of an earlier link; `CrosswalkError` where it cannot be."""
        if problem := self.problem(of, subject):
            raise CrosswalkError(problem)
        self.drop(of)
        self._subjects[of] = subject
        self._targets[subject] += 1

    def drop(self, of: Id) -> None:
        """Withdraw the link of an id, if it has one."""
        if (old := self._subjects.pop(of, None)) is not None:
            self._targets[old] -= 1


class Crosswalk:
    """The cross-walk of a warehouse, in its control database; writers hold the warehouse's write lock."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine
        metadata.create_all(engine)

    # reading

    def collections(self) -> set[str]:
        """The collections that have entries."""
        with self.engine.begin() as connection:
            return set(connection.scalars(sa.select(entry_table.c.collection).distinct()))

    def history(self, collection: str, namespace: str | None = None, source_id: str | None = None) -> list[Entry]:
        """Every entry of a collection, the oldest first."""
        columns = entry_table.c
        query = sa.select(entry_table).where(columns.collection == collection).order_by(columns.id)
        if namespace is not None:
            query = query.where(columns.namespace == namespace)
        if source_id is not None:
            query = query.where(columns.source_id == source_id)
        with self.engine.begin() as connection:
            return [_entry(row) for row in connection.execute(query).mappings()]

    def standing(self, collection: str) -> dict[Id, Entry]:
        """The last entry of each id of a collection, links and withdrawals alike."""
        columns = entry_table.c
        last = (
            sa.select(sa.func.max(columns.id))
            .where(columns.collection == collection)
            .group_by(columns.namespace, columns.source_id)
        )
        query = sa.select(entry_table).where(columns.id.in_(last)).order_by(columns.id)
        with self.engine.begin() as connection:
            entries = map(_entry, connection.execute(query).mappings())
            return {(entry.namespace, entry.source_id): entry for entry in entries}

    def links(self, collection: str) -> Links:
        """The links of a collection as they stand."""
        return Links({of: entry.subject for of, entry in self.standing(collection).items() if entry.subject})

    # deciding

    def link(self, collection: str, of: Id, subject: str, decision: Decision) -> bool:
        """Link an id by hand; whether that is new. `CrosswalkError` where it would make a chain."""
        links = self.links(collection)
        if links.get(of) == subject:
            return False
        links.put(of, subject)
        self.enter(collection, [(of, subject)], Method.HAND, decision)
        return True

    def unlink(self, collection: str, of: Id, decision: Decision) -> str:
        """Withdraw the link of an id by hand: no rule links it again. The subject that it was linked to."""
        old = self.links(collection).get(of)
        if old is None:
            raise CrosswalkError("that id is not linked")
        self.enter(collection, [(of, None)], Method.HAND, decision)
        return old

    def merge(self, collection: str, alias: str, subject: str, decision: Decision) -> bool:
        """Make one id of the collection's own an alias of another: two PatientIDs of one person."""
        return self.link(collection, (OWN, alias), subject, decision)

    def bring(
        self, collection: str, rows: Iterable[tuple[int, Id, str]], decision: Decision
    ) -> tuple[int, list[tuple[int, str]]]:
        """Import links, each with its row number: how many are new, and the rows that were refused, with the reason.

        What was decided by hand is not overwritten.
        """
        standing = self.standing(collection)
        links = Links({of: entry.subject for of, entry in standing.items() if entry.subject})
        seen: dict[Id, str] = {}
        new: list[tuple[Id, str | None]] = []
        refused: list[tuple[int, str]] = []
        for number, of, subject in rows:
            if seen.get(of, subject) != subject:
                refused.append((number, "an earlier row links that id to another subject"))
            elif links.get(of) == subject:
                seen[of] = subject
            elif of in standing and standing[of].method is Method.HAND:
                refused.append((number, "that id was decided by hand otherwise"))
            elif problem := links.problem(of, subject):
                refused.append((number, problem))
            else:
                seen[of] = subject
                links.put(of, subject)
                new.append((of, subject))
        self.enter(collection, new, Method.IMPORT, decision)
        return len(new), refused

    def enter(
        self,
        collection: str,
        links: Sequence[tuple[Id, str | None]],
        method: Method,
        decision: Decision,
        rule: int | None = None,
    ) -> None:
        """Append entries, which were checked before."""
        shared = {"collection": collection, "method": str(method), "rule": rule, "at": now(), **asdict(decision)}
        rows = [
            {**shared, "namespace": namespace, "source_id": source_id, "subject": subject}
            for (namespace, source_id), subject in links
        ]
        if rows:
            with self.engine.begin() as connection:
                connection.execute(sa.insert(entry_table), rows)


def _entry(row: sa.RowMapping) -> Entry:
    return Entry(**{**row, "method": Method(row["method"])})


def exported(entries: Iterable[Entry]) -> Iterator[tuple[str, ...]]:
    """Links as rows of text, for a file that `Crosswalk.bring` takes."""
    for entry in entries:
        if entry.subject is not None:
            yield entry.namespace, entry.source_id, entry.subject, entry.method, entry.author, entry.at, entry.reason
