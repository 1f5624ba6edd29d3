"""What the links between lesions become in a generation, and which lesions its documents leave open."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from itertools import permutations
from pathlib import Path
from typing import TypeAlias

import duckdb
import pyarrow as pa

from ontology.terms import ncit
from store.control import PUBLIC
from store.identity import Link
from store.lesion_pairs import Ambiguity, LesionPair, NamedLesion, by_id, components, subject_of
from store.log import files_by_table
from store.manifest import Manifest, audience_set
from store.views import Views

__all__ = ["ambiguities", "count_same", "named_lesions", "resolved", "same"]

Named: TypeAlias = tuple[str, str, str]
"""A lesion as triples name it: collection, subject and key."""


def resolved(pairs: Iterable[LesionPair], links: Iterable[Link]) -> set[frozenset[Named]]:
    """The pairs by the subjects that a cross-walk gives them; lesions of two subjects are never one."""
    known, found = by_id(links), set()
    for pair in pairs:
        if len(pair.subjects(known)) == 1:
            ends = ((pair.collection, subject_of(pair.collection, end, known), end.key) for end in (pair.a, pair.b))
            if len(both := frozenset(ends)) == 2:
                found.add(both)
    return found


def same(pairs: Iterable[frozenset[Named]], audiences: Mapping[Named, set[str]]) -> dict[tuple[Named, Named], str]:
    """Every two lesions that links make one, directly or by way of others, with the audiences that may know.

    An audience follows only links between lesions that it may read, so that no link tells of a lesion that it may not.
    """
    told: dict[tuple[Named, Named], set[str]] = defaultdict(set)
    edges = [pair for pair in pairs if all(end in audiences for end in pair)]
    for audience in sorted({PUBLIC, *(name for names in audiences.values() for name in names)}):
        seen = [pair for pair in edges if all(audiences[end] & {PUBLIC, audience} for end in pair)]
        members: dict[Named, list[Named]] = defaultdict(list)
        for lesion, first in components(seen).items():
            members[first].append(lesion)
        for lesions in members.values():
            for both in permutations(lesions, 2):
                told[both].add(audience)
    return {both: audience_set(names) for both, names in told.items()}


def count_same(build: Views) -> bool:
    """Make the table of lesions that are one in a generation; False where there are none."""
    pairs = resolved(build.manifest.pairs, build.manifest.links)
    if not pairs or not build.has("Lesion"):
        return False
    asked = sorted({end for pair in pairs for end in pair})
    columns = [pa.array(part, pa.string()) for part in zip(*asked, strict=True)]
    build.connection.register("asked_lesions", pa.table(columns, ["collection", "subject", "key"]))
    audiences: dict[Named, set[str]] = defaultdict(set)
    query = (
        f"SELECT DISTINCT collection, subject, key, audience FROM {build.view('Lesion')} "
        "SEMI JOIN asked_lesions USING (collection, subject, key)"
    )
    for *named, audience in build.connection.execute(query).fetchall():
        audiences[named[0], named[1], named[2]].add(audience)
    build.connection.unregister("asked_lesions")
    rows = [(*one, other[2], graph) for (one, other), graph in sorted(same(pairs, audiences).items())]
    if not rows:
        return False
    columns = [pa.array(part, pa.string()) for part in zip(*rows, strict=True)]
    names = ["collection", "subject", "key", "other", "graph_name"]
    build.connection.register("same_lesions", pa.table(columns, names))
    build.connection.execute(f"CREATE TABLE {build.view('same')} AS FROM same_lesions")
    build.connection.unregister("same_lesions")
    return True


OPEN = """
SELECT collection, subject, lesion, '' AS other, 'documents place one lesion in ' || count(DISTINCT site) || ' sites: '
    || string_agg(DISTINCT site, ', ' ORDER BY site) AS problem
FROM {facts} WHERE site IS NOT NULL GROUP BY collection, subject, lesion HAVING count(DISTINCT site) > 1
UNION ALL
SELECT DISTINCT a.collection, a.subject, least(a.lesion, b.lesion), greatest(a.lesion, b.lesion),
    'one reader names both alike, and only one of them has a site'
FROM {named} a JOIN {named} b USING (collection, subject, reader, name)
WHERE a.site IS NULL AND b.site IS NOT NULL AND a.lesion <> b.lesion
UNION ALL
SELECT DISTINCT f.collection, f.subject, f.lesion, '', 'the same tracking UID in ' || t.subjects || ' subjects'
FROM {facts} f JOIN (
    SELECT collection, lesion, count(DISTINCT subject) AS subjects
    FROM {facts} WHERE rule = 'q:ByTrackingUID' GROUP BY ALL HAVING count(DISTINCT subject) > 1
) t USING (collection, lesion)
ORDER BY ALL
"""
"""What a person has to decide: one lesion that may be several, two that may be one, a lesion of two subjects."""


SIZES = (ncit.AREA, ncit.LENGTH, ncit.LONGEST_DIAMETER, ncit.LONGEST_PERPENDICULAR, ncit.VOLUME)

DIGITS = 5
"""As many digits of a size are hardly ever the same twice."""

COPIES = f"""
SELECT DISTINCT collection, subject, a.lesion, b.lesion,
    'both have the same size on one image: one document may be a copy of the other' AS problem
FROM {{sizes}} a JOIN {{sizes}} b USING (collection, subject, audience, instance, variable, value)
WHERE a.lesion < b.lesion AND coalesce(a.reader = b.reader, true)
    AND length(ltrim(replace(value, '.', ''), '0')) >= {DIGITS}
ORDER BY ALL
"""
"""Lesions that documents without a UID or name in common may measure twice, as two exports of one annotation do."""


def ambiguities(build: Views) -> Iterator[Ambiguity]:
    """The lesions that the documents of the touched collections leave open."""
    if not build.has("LesionFacts"):
        return
    if all(build.has("Measurement", name) for name in ("lesion", "instance", "value")):
        reader = "reader" if build.has("Measurement", "reader") else "CAST(NULL AS VARCHAR)"
        sizes = (
            f"(SELECT collection, subject, audience, instance, variable, lesion, {reader} AS reader, "
            f"printf('%.6g', try_cast(value AS DOUBLE)) AS value FROM {build.whole('Measurement')} "
            f"WHERE variable IN {SIZES} AND lesion IS NOT NULL AND instance IS NOT NULL)"
        )
        for row in build.connection.execute(COPIES.format(sizes=sizes)).fetchall():
            yield Ambiguity(*map(str, row))
    facts = build.whole("LesionFacts")
    columns = (
        name if build.has("LesionFacts", name) else f"CAST(NULL AS VARCHAR) AS {name}"
        for name in ("collection", "subject", "lesion", "rule", "label", "site", "reader")
    )
    facts = f"(SELECT {', '.join(columns)} FROM {facts})"
    named = (
        f"(SELECT DISTINCT collection, subject, lesion, site, reader, lower(label) AS name FROM {facts} "
        "WHERE rule IN ('q:ByNameWithinReader', 'q:ByName') AND reader IS NOT NULL)"
    )
    for row in build.connection.execute(OPEN.format(facts=facts, named=named)).fetchall():
        yield Ambiguity(*map(str, row))


def named_lesions(log: Path, manifest: Manifest, collection: str) -> dict[tuple[str, str], NamedLesion]:
    """The lesions of a collection by subject and key, as a link names them; of several ids of a subject the first."""
    live = {source.lot: source for source in manifest.sources if source.collection == collection}
    names = files_by_table(log, {name for source in live.values() for name in source.files})["Lesion"]
    if not names:
        return {}
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        rows = connection.execute("SELECT DISTINCT lot, subject, key FROM read_parquet(?)", [names]).fetchall()
    links, found = by_id(manifest.links), dict[tuple[str, str], NamedLesion]()
    for lot, source_id, key in rows:
        if lot in live:
            lesion = NamedLesion(live[lot].namespace, source_id, key)
            place = (subject_of(collection, lesion, links), key)
            found[place] = min(lesion, found.get(place, lesion))
    return found
