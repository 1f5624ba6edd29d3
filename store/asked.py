"""What the record log is asked by: views of a build's facts as its triples state them, with what is derived.

`queries.columnar` tells what they hold. Every view has all its columns, whatever the log holds; a column without a
value anywhere is null.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import pyarrow as pa

from ontology.fields import STARS, Star
from ontology.records import Lesion, LesionFacts, Procedure, Reader, RegionFacts
from store.build import KEYS, OBSERVATIONS, Build
from store.columns import columns_of
from store.stars import concept, plain

__all__ = ["DERIVED", "NEEDED", "make_derived", "make_observation"]

NAMED: Final = tuple(record.__name__ for record in (Lesion, Reader, Procedure))
PLACING: Final = tuple(record.__name__ for record in (LesionFacts, RegionFacts))
ANCHORS: Final = ("Event", "Treatment", "StudyHeader")
"""The record types from whose times days may be counted (`store.days`)."""

NEEDED: Final = frozenset((*OBSERVATIONS, *NAMED, *PLACING, *ANCHORS))
"""The record types that `make_derived` reads."""

DERIVED: Final = frozenset(("fact", "identity", "lesion", "place", "procedure", "reader", "same"))
"""The views that `make_derived` makes."""

ADDED: Final = {
    **dict.fromkeys(("digest", "source_kind", "audience", "duplicate_of", "when_anchor"), pa.string()),
    "when_anchor_day": pa.int32(),
    "when_anchored": pa.bool_(),
}
"""The columns that a build adds to those of the log."""


def make_observation(build: Build) -> None:
    """The view ``observation``: every observation as the log has it, days from origins of their own."""
    _whole(build, OBSERVATIONS)
    build.connection.execute(f"CREATE VIEW observation AS {_together(OBSERVATIONS)}")


def make_derived(build: Build) -> None:
    """The views `DERIVED`, of a build that has derived days and lesions that are one."""
    _whole(build, (*OBSERVATIONS, *PLACING), facts=True)
    minter, run = build.minter, build.connection.execute
    record, source = plain(minter.record()), plain(minter.source())
    about = plain(minter.path("lesion", "collection", "subject", "lesion"))
    run(f"CREATE MACRO iri(curie) AS {plain(concept('curie'))}")
    clock = "CASE WHEN when_anchored THEN 'days from ' || label || ' (' || when_clock || ')' END"
    day = "CASE WHEN when_anchored AND when_first = when_last THEN when_first - when_anchor_day END"
    occasion = "coalesce('visit ' || visit, 'named ' || visit_label)"
    number = "CASE WHEN value IS NOT NULL THEN {'value': value, 'type': value_type} END"
    run(
        f"CREATE VIEW fact AS SELECT f.*, {record} AS record, {source} AS source, {about} AS about, {day} AS day, "
        f"{clock} AS clock, {occasion} AS occasion, {number} AS number FROM ({_together(OBSERVATIONS)}) f "
        f"LEFT JOIN {build.view('anchor')} a ON anchor = when_anchor"
    )
    run('CREATE VIEW identity AS FROM "every LesionFacts"')
    run(
        f"CREATE VIEW place AS SELECT collection, subject, lesion, reader, site, site_modifier, laterality, "
        f"{record} AS record FROM ({_together((*OBSERVATIONS, *PLACING))}) "
        "WHERE lesion IS NOT NULL AND site IS NOT NULL"
    )
    for star in _stars(NAMED):
        _named(build, star)
    one = plain(minter.path("lesion", "collection", "subject", "other"))
    pairs = f"SELECT DISTINCT collection, subject, key, other FROM {build.view('same')}"
    none = "SELECT '' AS collection, '' AS subject, '' AS key, '' AS other WHERE false"
    run(f"CREATE VIEW same AS SELECT *, {one} AS iri FROM ({pairs if build.paired else none})")


def _stars(tables: Iterable[str]) -> list[Star]:
    return [star for star in STARS if star.table in tables]


def _together(tables: Iterable[str]) -> str:
    """SQL for the rows of several record types, each with the name of its type."""
    return " UNION ALL BY NAME ".join(f"SELECT '{table}' AS record_type, * FROM \"every {table}\"" for table in tables)


def _whole(build: Build, tables: Iterable[str], facts: bool = False) -> None:
    """A view ``every X`` for each record type: its rows, as triples state them where ``facts``, with every column."""
    for star in _stars(tables):
        columns = columns_of(star) | (ADDED if facts else {})
        build.connection.register(f"no {star.table}", pa.schema(list(columns.items())).empty_table())
        rows = build.facts(star) if facts else f"FROM {build.view(star.table)}"
        held = f" UNION ALL BY NAME {rows}" if build.has(star.table) else ""
        build.connection.execute(f'CREATE VIEW "every {star.table}" AS FROM "no {star.table}"{held}')


def _named(build: Build, star: Star) -> None:
    """A view of identifying nodes by their keys, with what all who may read them know of them."""
    keys = KEYS[star.node]
    others = [item.name for item in star.fields if item.name not in keys]
    held = [name for name in others if build.has(star.table, name)]
    missing = "".join(f', CAST(NULL AS VARCHAR) AS "{name}"' for name in others if name not in held)
    none = "SELECT " + ", ".join(f"'' AS {name}" for name in (*keys, *held)) + " WHERE false"
    rows = build.named(star.table, keys, held) if build.has(star.table) else none
    build.connection.execute(f"CREATE VIEW {star.table.lower()} AS SELECT *{missing} FROM ({rows})")
