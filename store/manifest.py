"""The manifest of a generation: everything that decides its triples, so that it can be made again."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import asdict, astuple, dataclass, field, replace
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from ontology.records import DataClass
from store.control import PUBLIC, Collection, LoggedSource
from store.identity import Link, link_table, links_from
from store.lesion_pairs import Ambiguity, LesionPair

__all__ = ["VOCABULARY", "Manifest", "audience_set"]

VOCABULARY = "vocabulary"
"""The name of the graph that holds the vocabulary and that everyone may read."""

SOURCE_SCHEMA = pa.schema(
    [
        ("sid", pa.string()),
        ("lot", pa.int64()),
        ("collection", pa.string()),
        ("digest", pa.string()),
        ("recipe", pa.string()),
        ("kind", pa.string()),
        ("name", pa.string()),
        ("locator", pa.string()),
        ("data_class", pa.string()),
        ("records", pa.int64()),
        ("files", pa.list_(pa.string())),
        ("logged_at", pa.string()),
        ("namespace", pa.string()),
    ]
)

LINKS = "crosswalk.parquet"
"""The file of the links; a manifest without any has none."""


def synced(place: Path) -> None:
    """See that a file or folder is on the disk before anything points at it."""
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def audience_set(audiences: Iterable[str]) -> str:
    """The name of the graph of a set of audiences: ``public`` alone as soon as it is among them.

    >>> audience_set(["team b", "team a"]), audience_set(["team a", "public"])
    ('team a+team b', 'public')
    """
    names = sorted(set(audiences))
    return PUBLIC if PUBLIC in names else "+".join(names)


@dataclass(frozen=True)
class Manifest:
    """The live sources of a generation, its collections' settings, and what wrote its triples."""

    base: str
    writer: str = ""
    """Digest of the vocabulary and of the writer's own code: where it differs, triples are made anew."""
    number: int = 0
    published: str = ""
    quads: int = 0
    graphs: tuple[str, ...] = ()
    conflicts: tuple[tuple[str, str, str], ...] = ()
    """Claims to a DICOM node that belongs to another subject: collection, node, source. They are left out."""
    collections: dict[str, Collection] = field(default_factory=dict)
    sources: tuple[LoggedSource, ...] = ()
    links: tuple[Link, ...] = ()
    """The cross-walk as far as the live sources' ids use it."""
    pairs: tuple[LesionPair, ...] = ()
    """The lesions of its collections that a person decided to be one."""
    ambiguous: tuple[Ambiguity, ...] = ()
    """The lesions that documents leave open, whether or not a person has decided."""

    @cached_property
    def live(self) -> dict[str, LoggedSource]:
        """The live sources by id."""
        return {source.sid: source for source in self.sources}

    @property
    def namespaces(self) -> set[str]:
        """The namespaces in which the live sources have the ids of their subjects."""
        return {source.namespace for source in self.sources}

    @cached_property
    def places(self) -> dict[str, tuple[str, str]]:
        """Where each live source was read, and what it is called."""
        return {source.sid: (source.locator, source.name) for source in self.sources}

    def changed(self, add: Iterable[LoggedSource], remove: Iterable[str]) -> Manifest:
        """The same state with sources added and removed."""
        gone = set(remove)
        kept = {source.sid: source for source in self.sources if source.sid not in gone}
        kept |= {source.sid: source for source in add}
        ordered = sorted(kept.values(), key=lambda source: (source.collection, source.name, source.sid))
        return replace(self, sources=tuple(ordered))

    def audience(self, source: LoggedSource) -> str:
        """The audience that may read a source's records."""
        return self.collections[source.collection].audience(source.data_class)

    def files(self) -> set[str]:
        """Every log file that a live source has rows in."""
        return {name for source in self.sources for name in source.files}

    def save(self, folder: Path) -> None:
        """Write ``manifest.json``, ``sources.parquet`` and, where there are links, ``crosswalk.parquet``."""
        head = {
            "base": self.base,
            "writer": self.writer,
            "number": self.number,
            "published": self.published,
            "quads": self.quads,
            "graphs": list(self.graphs),
            "conflicts": self.conflicts,
            "pairs": [pair.row() for pair in self.pairs],
            "ambiguous": [astuple(found) for found in self.ambiguous],
            "collections": [asdict(collection) for collection in self.collections.values()],
        }
        (folder / "manifest.json").write_text(json.dumps(head, indent=1), encoding="utf-8")
        columns = {name: [getattr(source, name) for source in self.sources] for name in SOURCE_SCHEMA.names}
        pq.write_table(pa.table(columns, schema=SOURCE_SCHEMA), folder / "sources.parquet")
        written = [folder / "manifest.json", folder / "sources.parquet"]
        if self.links:
            pq.write_table(link_table(self.links), folder / LINKS)
            written.append(folder / LINKS)
        for place in (*written, folder):
            synced(place)

    @classmethod
    def load(cls, folder: Path) -> Manifest:
        """Read what `save` wrote."""
        head = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        collections = [
            Collection(
                **{
                    **row,
                    "audiences": {DataClass(name): audience for name, audience in row["audiences"].items()},
                    "anchors": tuple(row["anchors"]),
                }
            )
            for row in head.pop("collections")
        ]
        sources = [
            LoggedSource(**{**row, "files": tuple(row["files"]), "data_class": DataClass(row["data_class"])})
            for row in pq.ParquetFile(folder / "sources.parquet").read().to_pylist()
        ]
        links = links_from(pq.ParquetFile(folder / LINKS).read()) if (folder / LINKS).exists() else ()
        return cls(
            **{
                **head,
                "graphs": tuple(head["graphs"]),
                "conflicts": tuple(map(tuple, head.get("conflicts", ()))),
                "pairs": tuple(map(LesionPair.load, head.get("pairs", ()))),
                "ambiguous": tuple(Ambiguity(*row) for row in head.get("ambiguous", ())),
            },
            collections={collection.name: collection for collection in collections},
            sources=tuple(sources),
            links=links,
        )
