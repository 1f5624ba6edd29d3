"""The columnar twin: what a collection holds, counted over the record log by DuckDB rather than triple by triple.

It reads the sources that a caller may read and no others, through the same views from which the triples were made
(`store.build`), so that it counts what a query would.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import duckdb

from ontology.fields import STARS, Kind, Star
from ontology.prefixes import Curie
from ontology.terms import q
from store.asked import NEEDED, make_derived, make_observation
from store.build import CLAIMS, KEYS, OBSERVATIONS, Build, connect
from store.headers import shown
from store.home import Home
from store.manifest import Manifest

__all__ = ["Held", "inventory", "observations", "subjects"]

RECORD = ("digest", "key")
COUNTED = (
    q.SUBJECT_CLASS,
    q.STUDY_CLASS,
    q.SERIES_CLASS,
    q.LESION,
    q.MEASUREMENT,
    q.FINDING,
    q.RESPONSE,
    q.OUTCOME,
    q.TREATMENT,
    q.EVENT_CLASS,
)
"""The classes of things that are counted, in the order in which they are told."""


@dataclass(frozen=True, slots=True)
class Held:
    """How many things of a class a collection holds, for series by modality, and of how many subjects."""

    kind: Curie
    modality: Curie | None
    number: int
    subjects: int


def inventory(home: Home, manifest: Manifest, collection: str) -> tuple[Held, ...] | None:
    """What a collection holds by the sources of a manifest that are given: those of one caller.

    None where a node of the collection is claimed by another: whose it is depends on sources outside.
    """
    mine = tuple(source for source in manifest.sources if source.collection == collection)
    links = tuple(link for link in manifest.links if link.collection == collection)
    with connect(home) as connection:
        build = Build(
            connection, replace(manifest, sources=mine, links=links), home.log, tables={star.table for star in STARS}
        )
        if set(build.conflicts()) != {claim for claim in manifest.conflicts if claim[0] == collection}:
            return None
        counted = {star.classes[0]: star for star in STARS if star.classes and build.has(star.table)}
        return tuple(held for kind in COUNTED if kind in counted for held in _count(build, counted[kind]))


def subjects(home: Home, manifest: Manifest) -> list[tuple[str, str]]:
    """Every subject that the sources of a manifest name, as collection and identifier, in no order."""
    with connect(home) as connection:
        build = Build(connection, manifest, home.log, tables={"Subject"})
        if not build.has("Subject"):
            return []
        rows = connection.execute(f"SELECT DISTINCT collection, subject FROM {build.view('Subject')}").fetchall()
        return [(str(collection), str(subject)) for collection, subject in rows]


@contextmanager
def observations(
    home: Home, manifest: Manifest, derived: bool = False, memory: int = 400_000_000
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A session with the views of `store.asked` over a manifest's sources: ``observation``, or those that are derived.

    It uses ``memory`` bytes at most, and as many on the disk.
    """
    claims = CLAIMS if manifest.conflicts else ()  # who owns a study matters only where that is contested
    with connect(home, f"{memory}B") as connection:
        connection.execute(f"SET max_temp_directory_size = '{memory}B'")
        read = {*(NEEDED if derived else OBSERVATIONS), *claims}
        build = Build(connection, manifest, home.log, tables=read, derive=derived)
        (make_derived if derived else make_observation)(build)
        yield connection


def _count(build: Build, star: Star) -> Iterator[Held]:
    """The things of a class by modality, which only series have; none where there is no row."""
    keys = [f'"{key}"' for key in (KEYS[star.node] if star.node is not Kind.RECORD else RECORD)]
    things = f"SELECT DISTINCT {', '.join(dict.fromkeys([*keys, 'subject']))} FROM {build.view(star.table)}"
    modality, joined = "NULL", ""
    if star.table == "Series" and build.has("SeriesHeader", "modality"):
        header = next(other for other in STARS if other.table == "SeriesHeader")
        describing = sum(any(name.startswith("SeriesHeader/") for name in s.files) for s in build.manifest.sources)
        chosen = shown(build, header) if describing > 1 else ""  # of one source's headers none is to be chosen
        headers = f"SELECT DISTINCT uid, modality FROM {build.view(header.table)} r{chosen}"
        modality, joined = "modality", f"LEFT JOIN ({headers}) USING (uid)"
    rows = build.connection.execute(
        f"SELECT {modality} AS modality, count(*), count(DISTINCT subject) FROM ({things}) {joined} GROUP BY ALL"
    )
    for found, number, subjects in rows.fetchall():
        if number:
            yield Held(star.classes[0], Curie(found) if found else None, int(number), int(subjects))
