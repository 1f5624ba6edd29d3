"""Generations: states of the triple store, each a folder, made beside the current one and published by a link."""

from __future__ import annotations

import itertools
import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from urllib.parse import unquote

import duckdb
import pyarrow as pa
import pyoxigraph as ox

from ontology.vocabulary import vocabulary_digest, vocabulary_lines
from store.build import Build, arrow_batches, connect
from store.check import check_added, check_one_graph
from store.control import now
from store.home import Home
from store.identity import Identity
from store.lesion_pairs import by_id
from store.loading import load
from store.manifest import VOCABULARY, Manifest, synced
from store.same_lesions import ambiguities
from store.stars import quoted

__all__ = ["Generations", "writer_digest"]

log = logging.getLogger(__name__)

SMALL = 4
"""A change that touches more than one in this many rows is made by building anew, not by deleting."""

MANY_FILES = 600
"""Table files of a store beyond which it is built anew: many small runs make queries slow."""


def writer_digest() -> str:
    """What writes the triples: the vocabulary, the field table and the code that compiles it."""
    import hashlib  # noqa: PLC0415

    import ontology.fields  # noqa: PLC0415
    import store.build  # noqa: PLC0415
    import store.copies  # noqa: PLC0415
    import store.days  # noqa: PLC0415
    import store.headers  # noqa: PLC0415
    import store.identity  # noqa: PLC0415
    import store.origins  # noqa: PLC0415
    import store.same_lesions  # noqa: PLC0415
    import store.stars  # noqa: PLC0415

    modules = (
        *(ontology.fields, store.build, store.copies, store.days, store.headers, store.identity, store.origins),
        *(store.same_lesions, store.stars),
    )
    code = b"".join(Path(str(module.__file__)).read_bytes() for module in modules)
    code += files("ontology").joinpath("anchors.tsv").read_bytes()
    return hashlib.sha256(code + vocabulary_digest().encode()).hexdigest()


class Generations:
    """The generations of one data folder."""

    def __init__(self, home: Home, base: str) -> None:
        self.home = home
        self.base = base
        self._read: tuple[Path, int, Manifest] | None = None

    def current(self) -> Manifest:
        """The manifest that is served; an empty one before the first publication."""
        folder = self.folder()
        return self.at(folder) if folder else Manifest(self.base)

    def at(self, folder: Path) -> Manifest:
        """The manifest of a generation's folder; the last one read is remembered, since every query asks for it."""
        stamp = (folder / "manifest.json").stat().st_mtime_ns
        if self._read is None or self._read[:2] != (folder, stamp):
            self._read = (folder, stamp, Manifest.load(folder))
        return self._read[2]

    def folder(self) -> Path | None:
        """The folder of the generation that is served, or None before the first publication."""
        try:
            return self.home.generations / self.home.current.readlink().name
        except OSError:
            return None

    def publish(self, wanted: Manifest, rebuild: bool = False) -> Manifest:
        """Make the wanted state, check it, and serve it; the write lock must be held.

        Nothing is done where the wanted state is the current one. Whatever fails leaves the current state served.
        """
        old = self.current()
        wanted = replace(wanted, writer=writer_digest())
        same = all(
            getattr(wanted, name) == getattr(old, name)
            for name in ("writer", "places", "collections", "links", "pairs")
        )
        nothing = not old.number and not wanted.sources
        if nothing or (same and not rebuild):
            return old
        self._sweep(keep={old.number, old.number - 1})
        draft = self.home.generations / f"draft-{old.number + 1}-{os.getpid()}"
        draft.mkdir()
        with connect(self.home) as connection:
            made = None
            if not rebuild and old.writer == wanted.writer:
                made = self._update(connection, old, wanted, draft / "store")
            made = made or self._make(connection, wanted, draft / "store")
        return self._settle(made, old.number + 1, draft)

    def make(self, manifest: Manifest, store: Path) -> Manifest:
        """Make and check the triples of a manifest in a new store, as `publish` does: for releases."""
        with connect(self.home) as connection:
            return self._make(connection, manifest, store)

    def _sweep(self, keep: set[int]) -> None:
        """Remove drafts of runs that died, and generations that nobody reads any more."""
        for folder in self.home.generations.iterdir():
            if folder.name not in {str(number) for number in keep}:
                shutil.rmtree(folder)
        for left in self.home.scratch.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()

    # making triples

    def _make(self, connection: duckdb.DuckDBPyConnection, manifest: Manifest, store: Path) -> Manifest:
        """The whole state from the log, checked."""
        build = Build(connection, manifest, self.home.log)
        connection.execute("SET threads = 1")  # which keeps up with the loader, and leaves it the rest
        texts = itertools.chain([self._vocabulary()], *(pieces(connection, query) for query in build.texts()))
        load(store, texts)
        return self._checked(manifest, build, store, None)

    def _vocabulary(self) -> bytes:
        graph = ox.NamedNode(f"{self.base}graph/{VOCABULARY}")
        triples = " .\n".join(vocabulary_lines())
        return f"{graph} {{\n{triples} .\n}}\n".encode()

    def _update(
        self, connection: duckdb.DuckDBPyConnection, old: Manifest, wanted: Manifest, place: Path
    ) -> Manifest | None:
        """The state as the difference to the current one, checked, or None where building anew is the better way."""
        folder = self.folder()
        if folder is None or not old.sources or not wanted.sources:
            return None
        if sum(1 for _ in (folder / "store").glob("*.sst")) > MANY_FILES:
            return None
        if not _mark_affected(connection, old, wanted, self.home.log):
            return None
        builds = {}
        for schema, manifest in (("before", old), ("after", wanted)):
            build = builds[schema] = Build(connection, manifest, self.home.log, schema=schema, affected="affected")
            connection.execute(f'CREATE TABLE "{schema}".star (text VARCHAR)')
            for query in build.texts():
                connection.execute(f'INSERT INTO "{schema}".star {query}')
        if old.conflicts != tuple(builds["after"].conflicts()):
            return None  # who owns a node has changed, which may touch subjects that no changed source names
        ox.Store.read_only(str(folder / "store")).backup(str(place))
        store = ox.Store(str(place))
        for piece in pieces(connection, 'SELECT text FROM (FROM "before".star EXCEPT FROM "after".star)'):
            for quad in ox.parse(piece, format=ox.RdfFormat.TRIG):
                store.remove(quad)
        added = 'SELECT text FROM (FROM "after".star EXCEPT FROM "before".star)'
        del store  # the loader opens it
        load(place, pieces(connection, added))
        return self._checked(wanted, builds["after"], place, pieces(connection, added))

    # putting it in place

    def _settle(self, wanted: Manifest, number: int, draft: Path) -> Manifest:
        """Check the draft, give it its number and manifest, and move the link."""
        manifest = replace(wanted, number=number, published=now())
        manifest.save(draft)
        place = self.home.generations / str(number)
        draft.rename(place)
        link = self.home.root / f"current.{os.getpid()}"
        link.unlink(missing_ok=True)
        link.symlink_to(Path("generations") / str(number))
        synced(self.home.generations)
        link.replace(self.home.current)
        synced(self.home.root)
        log.info("generation %d: %d quads, %d sources", number, manifest.quads, len(manifest.sources))
        return manifest

    def _checked(self, manifest: Manifest, build: Build, place: Path, added: Iterable[bytes] | None) -> Manifest:
        """The manifest with what its store holds, once no triple is in two graphs; all of them, or those added."""
        store = ox.Store.read_only(str(place))
        vocabulary = f"{self.base}graph/{VOCABULARY}"
        graphs = check_one_graph(store, vocabulary) if added is None else check_added(store, added)
        names = {unquote(graph.removeprefix(f"{self.base}graph/")) for graph in graphs} - {VOCABULARY}
        found = [*ambiguities(build)]
        if build.affected:
            rows = build.connection.execute(f"SELECT DISTINCT collection FROM {build.affected}").fetchall()
            touched = {collection for [collection] in rows}
            found += (item for item in self.current().ambiguous if item.collection not in touched)
        return replace(
            manifest,
            quads=len(store),
            graphs=tuple(sorted(names)),
            conflicts=tuple(build.conflicts()),
            ambiguous=tuple(sorted(found)),
        )


def pieces(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[bytes]:
    """The texts of a query's only column, joined into pieces of some megabytes."""
    for batch in arrow_batches(connection.cursor(), query):
        yield joined(batch.column(0))


def joined(texts: pa.Array) -> bytes:
    """The bytes of an Arrow string column, end to end, without making Python strings."""
    column = texts.cast(pa.large_string())
    offsets, data = column.buffers()[1:]
    if data is None or not len(column):
        return b""
    ends = memoryview(offsets).cast("q")
    return bytes(memoryview(data)[ends[column.offset] : ends[column.offset + len(column)]])


def _mark_affected(connection: duckdb.DuckDBPyConnection, old: Manifest, wanted: Manifest, log_folder: Path) -> bool:
    """Make the table of the subjects that a change touches; False where they are too many for a difference to pay."""
    changed = [old.live[sid] for sid in old.live.keys() - wanted.live.keys()]
    changed += [wanted.live[sid] for sid, place in wanted.places.items() if old.places.get(sid) != place]
    moved = {name for name, settings in wanted.collections.items() if old.collections.get(name, settings) != settings}
    relinked = {subject for link in set(old.links) ^ set(wanted.links) for subject in link.subjects}
    for manifest in (old, wanted):
        known = by_id(manifest.links)
        relinked |= {one for pair in set(old.pairs) ^ set(wanted.pairs) for one in pair.subjects(known)}
    everything = {source.lot: source for source in (*old.sources, *wanted.sources)}
    lots = {source.lot for source in changed} | {s.lot for s in everything.values() if s.collection in moved}
    collections = {source.collection for source in changed} | moved | {collection for collection, _ in relinked}
    names = sorted({name for source in everything.values() for name in source.files if name.startswith("Subject/")})
    within = [source for source in everything.values() if source.lot in lots]
    connection.register(
        "lots",
        pa.table(
            {
                "lot": pa.array([source.lot for source in within], pa.int64()),
                "collection": pa.array([source.collection for source in within], pa.string()),
                "namespace": pa.array([source.namespace for source in within], pa.string()),
            }
        ),
    )
    connection.register("touched", pa.table({"collection": pa.array(sorted(collections), pa.string())}))
    pairs = [pa.array(part, pa.string()) for part in zip(*sorted(relinked), strict=True)] if relinked else []
    connection.register("relinked", pa.table(pairs or [pa.array([], pa.string())] * 2, ["collection", "subject"]))
    listed = ", ".join(quoted(str(log_folder / name)) for name in names)
    parts = ["SELECT collection, '' AS subject FROM touched", "FROM relinked"]
    if names:
        for table, manifest in (("old_link", old), ("new_link", wanted)):
            whose = Identity(connection, table, manifest.links, manifest.namespaces)
            parts.append(
                f"SELECT l.collection, {whose.subject} AS subject FROM read_parquet([{listed}]) r "
                f"JOIN lots l USING (lot) {whose.join}"
            )
    connection.execute(f"CREATE TABLE affected AS {' UNION '.join(parts)}")
    if not names:
        return True
    total = connection.execute(f"SELECT count(DISTINCT (collection, subject)) FROM read_parquet([{listed}])").fetchone()
    touched = connection.execute("SELECT count(*) FROM affected").fetchone()
    assert total is not None
    assert touched is not None
    return bool(touched[0] * SMALL <= total[0])
