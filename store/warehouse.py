"""The warehouse as the rest of the house knows it: ask it, write to it, keep and restore its states."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

import duckdb
import pyoxigraph as ox
from filelock import FileLock

from ontology.records import DataClass
from store.attestations import Attestations
from store.coded import Coded
from store.control import PUBLIC, Collection, Control, LoggedSource
from store.crosswalk import Crosswalk
from store.crosswalk_rules import Rules
from store.decisions import DecisionLog
from store.documents import Documents
from store.export import Readable
from store.generations import Generations
from store.home import Home
from store.keeping import Releases, upgrade_log
from store.lesion_pairs import LesionPairs
from store.log import LogWriter
from store.manifest import VOCABULARY, Manifest
from store.matching import manifest_links
from store.projects import Projects
from store.stars import Minter
from store.twin import Held, inventory, observations, subjects
from store.workers import Answer, QueryLimits, WorkerPool

__all__ = ["ANONYMOUS", "OPERATOR", "Caller", "EmptyWarehouseError", "Rows", "Warehouse", "Writing"]

Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple


class EmptyWarehouseError(RuntimeError):
    """A question to a warehouse in which nothing has been published yet."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks: the audiences that they are a member of, or all of them for the operator on the command line."""

    name: str
    audiences: frozenset[str] = frozenset({PUBLIC})
    everything: bool = False

    def may_read(self, graph: str) -> bool:
        """Whether a graph, named by its set of audiences, is among the caller's."""
        return self.everything or graph == VOCABULARY or not self.audiences.isdisjoint(graph.split("+"))


ANONYMOUS = Caller("anonymous")
OPERATOR = Caller("operator", everything=True)


@dataclass(frozen=True, slots=True)
class Rows:
    """The result of a SELECT: column names, and rows of terms or None."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Term | None, ...], ...]

    def dicts(self) -> Iterator[dict[str, Term | None]]:
        """Each row by column name."""
        for row in self.rows:
            yield dict(zip(self.columns, row, strict=True))


class Writing:
    """A change to the warehouse while the write lock is held: log sources, name what is live, publish once."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.log = LogWriter(warehouse.home, warehouse.control)
        self.current = warehouse.generations.current()
        self._add: dict[str, LoggedSource] = {}
        self._remove: set[str] = set()

    def keep(self, source: LoggedSource) -> None:
        """Serve a logged source from the next generation on; another reading of the same place gives way."""
        self._remove.discard(source.sid)
        self._add[source.sid] = source

    def drop(self, sid: str) -> None:
        """No longer serve a source from the next generation on."""
        self._add.pop(sid, None)
        self._remove.add(sid)

    def live(self) -> tuple[LoggedSource, ...]:
        """What is served from the next generation on, as far as it is known now."""
        return self.current.changed(self._add.values(), self._remove).sources

    def publish(self, rebuild: bool = False) -> Manifest:
        """Make the next generation of what is live now, with collections and cross-walk as they stand now."""
        wanted = self.current.changed(self._add.values(), self._remove)
        collections = self.warehouse.control.collections()
        used = {source.collection for source in wanted.sources}
        wanted = replace(
            wanted,
            collections={name: collections[name] for name in sorted(used)},
            links=manifest_links(self.warehouse.control, self.warehouse.rules, self.warehouse.home.log, wanted.sources),
            pairs=self.warehouse.lesions.pairs(used),
        )
        return self.warehouse.generations.publish(wanted, rebuild=rebuild)


class Warehouse:
    """One data folder, opened."""

    def __init__(self, home: Home, limits: QueryLimits | None = None, workers: int = 2) -> None:
        self.home = home.create()
        with FileLock(self.home.root / "control.lock"):
            self.control = Control(f"sqlite:///{home.control}")
            self.crosswalk = Crosswalk(self.control.engine)
            self.rules = Rules(self.crosswalk)
            self.lesions = LesionPairs(self.control.engine)
            self.decisions = DecisionLog(self.control)
            self.documents = Documents(self.home, self.control)
            self.attestations = Attestations(self.control)
            self.coded = Coded(self.control)
            self.projects = Projects(self.control)
        self.base = self.control.setting("base")
        self.minter = Minter(self.base)
        self.generations = Generations(home, self.base)
        self.releases = Releases(self.home, self.control, self.generations)
        self.pool = WorkerPool(workers, limits)

    @classmethod
    def open(cls, root: Path | str | None = None, limits: QueryLimits | None = None, workers: int = 2) -> Warehouse:
        """Open the data folder that is named, else ``QILIN_HOME``, else ``./var``; it is made where it is missing."""
        return cls(Home.find(root), limits, workers)

    def close(self) -> None:
        """End the query workers and let go of the control data."""
        self.pool.close()
        self.control.engine.dispose()

    # asking

    def graphs(self, caller: Caller) -> list[str]:
        """The IRIs of the graphs of the current generation that a caller may read, the vocabulary among them."""
        return self._readable(self.generations.current(), caller)

    def _readable(self, manifest: Manifest, caller: Caller) -> list[str]:
        """The graphs of a caller, without those of an audience from which something was taken since they were made."""
        left = self._left(manifest)
        graphs = [name for name in manifest.graphs if left.isdisjoint(name.split("+"))]
        return [self.graph_iri(name) for name in (*graphs, VOCABULARY) if caller.may_read(name)]

    def _left(self, manifest: Manifest) -> set[str]:
        """The audiences that a class of data has left by its owner's word, and not yet in the triples."""
        now = self.control.collections()
        return {
            made.audience(data_class)
            for name, made in manifest.collections.items()
            for data_class in DataClass
            if name in now and now[name].audience(data_class) not in {made.audience(data_class), PUBLIC}
        }

    def graph_iri(self, name: str) -> str:
        """The IRI of the graph of a set of audiences."""
        return f"{self.base}graph/{quote(name, safe='')}"

    def ask(
        self,
        query: str,
        caller: Caller,
        select_format: str = "json",
        graph_format: str = "turtle",
        seconds: float | None = None,
        release: str | None = None,
    ) -> Answer:
        """Evaluate SPARQL over what the caller may read; the answer streams.

        Formats: ``json xml csv tsv`` for SELECT and ASK, ``turtle ntriples jsonld rdfxml`` for CONSTRUCT and DESCRIBE.
        Raises `store.guard.QueryRefusedError`, `store.workers.QueryError` or `EmptyWarehouseError`.
        """
        store, graphs = self._state(caller, release)
        return self.pool.ask(store, query, graphs, select_format, graph_format, seconds=seconds)

    def readable(self, caller: Caller, release: str | None = None) -> Readable:
        """What a caller may read of the current generation, or of a release, as quads: for exports."""
        store, graphs = self._state(caller, release)
        vocabulary = self.graph_iri(VOCABULARY)
        chosen = tuple(graph for graph in graphs if graph != vocabulary)
        return Readable(ox.Store.read_only(str(store)), self.base, chosen, vocabulary)

    def inventory(self, collection: str, caller: Caller) -> tuple[Held, ...] | None:
        """What a collection holds of what a caller may read, counted without the triple store.

        None where only the triples can tell: while something is being taken from an audience, or where a node of the
        collection is claimed by another.
        """
        mine = self._read_by(caller)
        return inventory(self.home, mine, collection) if mine else None

    def subjects(self, caller: Caller) -> list[tuple[str, str]] | None:
        """The subjects that a caller may know of, as collection and identifier in no order; None as `inventory`."""
        mine = self._read_by(caller)
        return subjects(self.home, mine) if mine else None

    @contextmanager
    def observations(
        self, caller: Caller, derived: bool = False, seconds: float | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection | None]:
        """A session over the observations that a caller may read (`store.twin.observations`); None as `inventory`.

        It takes a place among the queries at work, for which it waits ``seconds``, and may use as much memory as they.
        """
        mine = self._read_by(caller)
        if mine is None:
            yield None
            return
        limits = self.pool.limits
        with (
            self.pool.place(limits.seconds if seconds is None else seconds),
            observations(self.home, mine, derived, limits.memory) as connection,
        ):
            yield connection

    def kept(
        self, digest: str, caller: Caller, kinds: Container[str], collection: str | None = None
    ) -> list[tuple[LoggedSource, str]]:
        """The served sources of these kinds that a caller may read and their kept documents, the last logged first.

        ``digest`` is a document's own, or that of a source's content, which may be shortened.
        """
        manifest = self._served()[1]
        left, live = self._left(manifest), manifest.live
        return [
            (source, document)
            for sid, document in self.documents.named(digest, collection)
            if (source := live.get(sid)) is not None
            and source.kind in kinds
            and (audience := manifest.audience(source)) not in left
            and caller.may_read(audience)
        ]

    def _read_by(self, caller: Caller) -> Manifest | None:
        """The manifest with the sources that a caller may read; None while something is taken from an audience."""
        manifest = self._served()[1]
        if self._left(manifest):
            return None
        mine = tuple(source for source in manifest.sources if caller.may_read(manifest.audience(source)))
        return replace(manifest, sources=mine)

    def _state(self, caller: Caller, release: str | None) -> tuple[Path, list[str]]:
        """The store of the current generation or of a release, and the graphs of it that a caller may read."""
        store, manifest = self.releases.store(release) if release else self._served()
        return store, self._readable(manifest, caller)

    def _served(self) -> tuple[Path, Manifest]:
        folder = self.generations.folder()
        if folder is None:
            raise EmptyWarehouseError("nothing has been ingested yet; try `qilin demo` or `qilin ingest`")
        return folder / "store", self.generations.at(folder)

    def select(self, query: str, caller: Caller, seconds: float | None = None) -> Rows:
        """The whole result of a SELECT as terms."""
        answer = self.ask(query, caller, seconds=seconds)
        solutions = ox.parse_query_results(answer.read(), format=ox.QueryResultsFormat.JSON)
        if not isinstance(solutions, ox.QuerySolutions):
            raise TypeError("not a SELECT query")
        columns = tuple(variable.value for variable in solutions.variables)
        return Rows(columns, tuple(tuple(solution[name] for name in columns) for solution in solutions))

    # writing

    @contextmanager
    def writing(self, waiting: Callable[[], None] = lambda: None) -> Iterator[Writing]:
        """Hold the write lock; ``waiting`` is called once where another run holds it."""
        with self.home.writing(waiting):
            yield Writing(self)

    def set_collection(self, collection: Collection) -> None:
        """Change a collection's settings and publish the generation that follows from them."""
        with self.writing() as writing:
            self.control.save_collection(collection)
            writing.publish()

    def retract(self, sids: list[str]) -> Manifest:
        """Take sources out of what is served; their log rows are forgotten, and what was kept of them is removed."""
        with self.writing() as writing:
            for sid in sids:
                writing.drop(sid)
            manifest = writing.publish()
            self.documents.forget(sids)
            self.coded.forget(sids)
            self.projects.forget(sids)
            self.control.forget_sources(sids)
            return manifest

    def rebuild(self) -> Manifest:
        """Make the generation anew from the record log alone, upgrading an older log first."""
        with self.home.writing():
            upgrade_log(self.home, self.control, self.generations)
            return Writing(self).publish(rebuild=True)
