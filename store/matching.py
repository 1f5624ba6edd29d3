"""Ids that live sources use: the links that a manifest needs of them, and what matches between images and tables."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from pathlib import Path
from typing import Any, Literal

import duckdb
import pyarrow as pa

from ontology.records import DataClass
from store.control import Control, LoggedSource
from store.crosswalk import Crosswalk, Entry, Id, Links
from store.crosswalk_rules import Rule, Rules, followed, open_ids
from store.identity import OWN, Link, origin_key, subject_key
from store.stars import quoted

__all__ = [
    "Foreseen",
    "LiveId",
    "Match",
    "Matched",
    "State",
    "foreseen",
    "live_ids",
    "manifest_links",
    "matches",
    "states",
    "tally",
]

Side = Literal["images", "tables"]
State = Literal["matched", "unmatched", "ambiguous"]
SIDES: tuple[Side, ...] = ("images", "tables")


@dataclass(frozen=True, slots=True)
class LiveId:
    """An id that live sources name, and on which sides: images, or the other two classes of data."""

    collection: str
    namespace: str
    source_id: str
    sides: tuple[Side, ...]


@dataclass(frozen=True, slots=True)
class Match:
    """One id on one side: its subject, how it came to it, and whether the other side knows that subject."""

    namespace: str
    side: Side
    source_id: str
    subject: str
    method: str | None
    state: State


@dataclass(frozen=True, slots=True)
class Matched:
    """How the ids of one namespace on one side meet the other side, in numbers."""

    collection: str
    namespace: str
    side: Side
    ids: int
    linked: int
    matched: int
    unmatched: int
    ambiguous: int


def live_ids(log: Path, sources: Iterable[LoggedSource]) -> list[LiveId]:
    """The ids that sources name, by collection, namespace and id."""
    return [
        LiveId(collection, namespace, source_id, tuple(side for side, on in zip(SIDES, where, strict=True) if on))
        for collection, namespace, source_id, *where in _asked(log, sources, "FROM named ORDER BY ALL")
    ]


def _asked(log: Path, sources: Iterable[LoggedSource], query: str) -> list[tuple[Any, ...]]:
    """A query over the ids that sources name: ``named`` (collection, namespace, subject, images, tables)."""
    sources = list(sources)
    files = sorted({name for source in sources for name in source.files if name.startswith("Subject/")})
    if not files:
        return []
    live = pa.table(
        {
            "lot": pa.array([source.lot for source in sources], pa.int64()),
            "collection": pa.array([source.collection for source in sources], pa.string()),
            "namespace": pa.array([source.namespace for source in sources], pa.string()),
            "images": pa.array([source.data_class is DataClass.IMAGES for source in sources], pa.bool_()),
        }
    )
    listed = ", ".join(quoted(str(log / name)) for name in files)
    named = (
        "SELECT l.collection, l.namespace, r.subject, bool_or(l.images) AS images, NOT bool_and(l.images) AS tables "
        f"FROM read_parquet([{listed}]) r JOIN live l USING (lot) GROUP BY ALL"
    )
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.register("live", live)
        return connection.execute(f"WITH named AS ({named}) {query}").fetchall()


# links for a manifest


def manifest_links(control: Control, rules: Rules, log: Path, sources: Sequence[LoggedSource]) -> tuple[Link, ...]:
    """Follow the approved rules for the ids of live sources; then every link that those use, with its shifts."""
    crosswalk = rules.crosswalk
    concerned = crosswalk.collections() | rules.collections()
    ids = live_ids(log, (source for source in sources if source.collection in concerned))
    links: list[Link] = []
    for collection, found in groupby(ids, key=lambda item: item.collection):
        used = {(item.namespace, item.source_id) for item in found}
        rules.follow(collection, used)
        standing = crosswalk.links(collection)
        plain = [Link(collection, *of, subject) for of, subject in standing.items() if of in used]
        links += shifted(plain, control.origins(collection)) if plain else []
    return tuple(sorted(links, key=lambda link: (link.collection, link.namespace, link.source_id)))


def shifted(links: Iterable[Link], origins: dict[tuple[str, str], dt.date]) -> Iterator[Link]:
    """Links with the days by which the days of their ids have to be moved, so that a subject has one origin a clock.

    That is the origin of the subject's own id, or the first of those linked where it has none. Which it is shows in no
    triple, since days are differences.
    """
    by_key: dict[str, dict[str, dt.date]] = defaultdict(dict)
    for (key, clock), day in origins.items():
        by_key[key][clock] = day
    by_subject: dict[str, list[Link]] = defaultdict(list)
    for link in links:
        by_subject[link.subject].append(link)
    for subject, together in by_subject.items():
        zero: dict[str, dt.date] = {}
        for link in together:
            for clock, day in by_key.get(origin_key(link.namespace, link.source_id), {}).items():
                zero[clock] = min(day, zero.get(clock, day))
        zero |= by_key.get(subject, {})
        for link in together:
            own = by_key.get(origin_key(link.namespace, link.source_id), {})
            days = ((clock, (day - zero[clock]).days) for clock, day in sorted(own.items()))
            yield replace(link, shifts=tuple((clock, shift) for clock, shift in days if shift))


# what matches


def states(ids: Sequence[LiveId], standing: dict[Id, Entry], rules: Iterable[Rule]) -> Iterator[Match]:
    """What becomes of each id of one collection on each side, under the entries that stand and these rules."""
    links = Links({of: entry.subject for of, entry in standing.items() if entry.subject})
    new, ambiguous = followed(rules, links, open_ids(standing, ((i.namespace, i.source_id) for i in ids)))
    by_rule = {of for found in new.values() for of, _ in found}

    def subject(of: Id) -> str:
        linked = links.get(of)
        return subject_key(*of) if linked is None else subject_key(OWN, linked)

    known: dict[Side, set[str]] = {side: set() for side in SIDES}
    for item in ids:
        for side in item.sides:
            known[side].add(subject((item.namespace, item.source_id)))
    for item in ids:
        of = (item.namespace, item.source_id)
        entry = standing.get(of)
        method = "rule" if of in by_rule else str(entry.method) if entry and entry.subject else None
        for side in item.sides:
            other = known["tables" if side == "images" else "images"]
            state: State = "ambiguous" if of in ambiguous else "matched" if subject(of) in other else "unmatched"
            yield Match(item.namespace, side, item.source_id, subject(of), method, state)


UNLINKED = """
SELECT collection, namespace, unnest(['images', 'tables']) AS side,
    unnest([count(*) FILTER (images), count(*) FILTER (tables)]) AS ids, count(*) FILTER (images AND tables) AS matched
FROM named GROUP BY collection, namespace ORDER BY ALL"""
"""What meets where nothing is linked: the ids that are on both sides as they stand."""


def matches(crosswalk: Crosswalk, rules: Rules, log: Path, sources: Iterable[LoggedSource]) -> list[Matched]:
    """How many ids of sources match in each collection, namespace and side."""
    sources = list(sources)
    concerned = crosswalk.collections() | rules.collections()
    counted = [
        Matched(collection, namespace, side, ids, 0, matched, ids - matched, 0)
        for collection, namespace, side, ids, matched in _asked(
            log, (source for source in sources if source.collection not in concerned), UNLINKED
        )
        if ids
    ]
    ids = live_ids(log, (source for source in sources if source.collection in concerned))
    for collection, group in groupby(ids, key=lambda item: item.collection):
        found = states(list(group), crosswalk.standing(collection), rules.approved(collection))
        counted += tally(collection, found)
    return sorted(counted, key=lambda item: (item.collection, item.namespace, item.side))


def tally(collection: str, found: Iterable[Match]) -> list[Matched]:
    """The numbers of one collection, by namespace and side."""
    counts: dict[tuple[str, Side], dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for match in found:
        count = counts[match.namespace, match.side]
        count["ids"] += 1
        count["linked"] += match.method is not None
        count[match.state] += 1
    return [
        Matched(
            collection=collection,
            namespace=namespace,
            side=side,
            **{name: count[name] for name in ("ids", "linked", "matched", "unmatched", "ambiguous")},
        )
        for (namespace, side), count in sorted(counts.items())
    ]


@dataclass(frozen=True, slots=True)
class Foreseen:
    """What approving a rule would do, in numbers."""

    fit: int
    """Ids of the namespace that the rule gives a subject."""
    new: int
    """Of them, those that it would link: nobody has decided them, and no rule says otherwise."""
    subjects: int
    """The subjects of the new links."""
    before: tuple[Matched, ...]
    after: tuple[Matched, ...]


def foreseen(rules: Rules, candidate: Rule, ids: Sequence[LiveId]) -> Foreseen:
    """What a rule would do to the ids of its collection if it were approved."""
    standing = rules.crosswalk.standing(candidate.collection)
    approved = [rule for rule in rules.approved(candidate.collection) if rule.id != candidate.id]
    mine = [item for item in ids if item.namespace == candidate.namespace]
    fit = [item for item in mine if candidate.steps.subject(item.source_id) is not None]
    before = list(states(ids, standing, approved))
    after = list(states(ids, standing, [*approved, candidate]))
    linked = {(match.namespace, match.source_id) for match in before if match.method}
    new = {
        (m.namespace, m.source_id): m.subject for m in after if m.method and (m.namespace, m.source_id) not in linked
    }
    return Foreseen(
        fit=len(fit),
        new=len(new),
        subjects=len(set(new.values())),
        before=tuple(tally(candidate.collection, before)),
        after=tuple(tally(candidate.collection, after)),
    )
