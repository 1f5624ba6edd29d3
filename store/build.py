"""Makes triples from the record log: the state of a generation as TriG text, whole or for some subjects.

All of it is SQL over the Parquet files of the live sources. What is derived here, and only here: where each
identifying node stands, which header of a series is shown, which of repeated statements is primary, and the days that
people see.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from ontology.fields import CLOCK_STAR, COLLECTION_STAR, SAME_LESION_STAR, SOURCE_STAR, STARS, Field, Kind, Star
from ontology.records import DataClass
from store.columns import columns_of
from store.control import PUBLIC
from store.days import count_days
from store.duplicates import REPEATED, Duplicates, linked
from store.headers import GRAPH_NAME, node_columns, shared_nodes, shared_text, shown
from store.home import Home
from store.identity import Identity
from store.log import files_by_table
from store.manifest import Manifest
from store.origins import LISTING, image_origins
from store.same_lesions import count_same
from store.stars import Minter, quoted, star_text

__all__ = ["CLAIMS", "Build", "arrow_batches", "connect"]

CLASS_CONCEPT = {DataClass.IMAGES: "q:Images", DataClass.METADATA: "q:ImageMetadata", DataClass.CLINICAL: "q:Clinical"}

OBSERVATIONS = ("Measurement", "Finding", "Response", "Outcome")

CLAIMING = {"Series", "Instance", "Derivation", "RegionFacts", *OBSERVATIONS}
"""The record types that refer to studies, series or instances."""

CLAIMED = ("Series", "Study", "Instance")
"""The record types whose nodes belong to one subject, in the order in which their claims are heard."""

RANKS = {
    **dict.fromkeys(("Derivation", "ImageSources", "Series", "SeriesHeader", "SeriesImages"), "0"),
    "Instance": "2",
}
"""Which claims record types stand by whose nodes are series or instances; the others stand by those to studies."""

CLAIMS = (*CLAIMED, *LISTING)
"""The record types that are read to know who claims what: images that no series is known of are claimed too."""

KEYS = {
    Kind.SUBJECT: ("collection", "subject"),
    Kind.UID: ("collection", "subject", "uid"),
    Kind.LESION: ("collection", "subject", "key"),
    Kind.REGION: ("collection", "subject", "key"),
    Kind.READER: ("collection", "key"),
    Kind.PROCEDURE: ("collection", "key"),
}


def connect(home: Home, memory: str = "400MB", threads: int = 2) -> duckdb.DuckDBPyConnection:
    """A DuckDB session that spills to the data folder beyond ``memory``."""
    connection = duckdb.connect()
    spill = home.scratch / "spill"
    connection.execute(f"SET memory_limit = {quoted(memory)}")
    connection.execute(f"SET threads = {threads}")
    connection.execute(f"SET temp_directory = {quoted(str(spill))}")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET enable_progress_bar = false")
    return connection


def arrow_batches(connection: duckdb.DuckDBPyConnection, query: str, rows: int = 4_000) -> Iterator[pa.RecordBatch]:
    """The result of a query as Arrow batches, as it comes."""
    reader = connection.sql(query).to_arrow_reader(rows)
    assert reader is not None
    yield from reader


def _among(name: str, tables: Collection[str] | None) -> bool:
    return tables is None or name.partition("/")[0] in tables


class Build:
    """The triples of one manifest, optionally of some subjects only.

    ``affected`` names a table ``(collection, subject)``; rows without a subject then count by their collection.
    ``tables`` names the record types that are wanted as views alone, to be counted or asked; then days, and lesions
    that are one, are derived only where ``derive`` says so.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        manifest: Manifest,
        log: Path,
        schema: str = "next",
        affected: str | None = None,
        tables: Collection[str] | None = None,
        derive: bool | None = None,
    ) -> None:
        self.connection = connection
        self.manifest = manifest
        self.minter = Minter(manifest.base)
        self.schema = schema
        self.affected = affected
        self.columns: dict[str, set[str]] = {}
        connection.execute(f'CREATE SCHEMA "{schema}"')
        self._live()
        self.identity = Identity(connection, self.view("link"), manifest.links, manifest.namespaces)
        logged = files_by_table(log, (name for name in manifest.files() if _among(name, tables)))
        self._beside = image_origins(connection, schema, self.identity, logged)
        self._conflicts(logged)
        for table, names in logged.items():
            self._view(table, names)
        self.paired = False
        """Whether any lesions are one by decision, as the table ``same`` then says."""
        if derive or (derive is None and tables is None):
            count_days(self)
            self.paired = count_same(self)

    # what is live

    def _live(self) -> None:
        sources = self.manifest.sources
        columns: dict[str, list[object]] = {
            "lot": [source.lot for source in sources],
            "collection": [source.collection for source in sources],
            "digest": [source.digest for source in sources],
            "source_kind": [source.kind for source in sources],
            "name": [source.name for source in sources],
            "data_class": [CLASS_CONCEPT[source.data_class] for source in sources],
            "logged_at": [source.logged_at for source in sources],
            "audience": [self.manifest.audience(source) for source in sources],
            "namespace": [source.namespace for source in sources],
        }
        strings = {name: pa.array(values, pa.string()) for name, values in columns.items() if name != "lot"}
        table = pa.table({"lot": pa.array(columns["lot"], pa.int64()), **strings})
        self.connection.register("live_arrow", table)
        self.connection.execute(f'CREATE TABLE "{self.schema}".live AS FROM live_arrow')
        self.connection.unregister("live_arrow")

    def _conflicts(self, logged: dict[str, list[str]]) -> None:
        """The DICOM nodes that more than one subject claims, with every claim but one.

        A node belongs to one subject. Public claims come before others, those of series before those of studies (more
        hangs on them), and what was logged earlier before what came later. A claim that loses is no part of the
        generation: neither the node nor what is said of it; references to it are left out.
        """
        scans = [
            f"SELECT {rank} AS rank, lot, uid, subject FROM {scan}"
            for rank, table in enumerate(CLAIMED)
            if (scan := self._scan(table, logged[table]))
        ]
        claims = " UNION ALL ".join(scans) or "SELECT 0 AS rank, 0 AS lot, '' AS uid, '' AS subject WHERE false"
        live = self.view("live")
        claimed = (
            f"(SELECT r.* REPLACE ({self.identity.subject} AS subject), l.collection, l.audience, l.logged_at, l.name "
            f"FROM ({claims}) r JOIN {live} l USING (lot) {self.identity.join})"
        )
        contested = (
            f"SELECT uid FROM {claimed} GROUP BY uid "
            "HAVING min(hash(collection, subject)) <> max(hash(collection, subject))"
        )
        order = f"(audience <> {quoted(PUBLIC)}, rank, logged_at, collection, subject)"
        each = (
            f"SELECT uid, collection, subject, rank, min(name) AS name, min({order}) AS place FROM {claimed} "
            f"WHERE uid IN ({contested}) GROUP BY uid, collection, subject, rank"
        )
        self.connection.execute(
            f"CREATE TABLE {self.view('conflict')} AS FROM ({each}) "
            "QUALIFY row_number() OVER (PARTITION BY uid ORDER BY place) > 1"
        )
        self.lost = bool(self.conflicts())

    def conflicts(self) -> list[tuple[str, str, str]]:
        """Every losing claim: collection, what it is a claim to, and the source that makes it."""
        rows = self.connection.execute(
            f"SELECT collection, ['Series ', 'Study ', 'Instance '][rank + 1] || uid, name "
            f"FROM {self.view('conflict')} ORDER BY ALL"
        )
        return [(str(collection), str(claim), str(name)) for collection, claim, name in rows.fetchall()]

    def _won(self, table: str, column: str) -> str:
        """SQL for a row's UID as a reference: null where its subject has lost that node."""
        if not self.lost or table not in CLAIMING:
            return f'r."{column}"'
        lost = f"SELECT uid, collection, subject FROM {self.view('conflict')}"
        claimant = f'(r."{column}", r.collection, {self.identity.subject})'
        return f'CASE WHEN {claimant} NOT IN ({lost}) THEN r."{column}" END AS "{column}"'

    def _view(self, table: str, names: list[str]) -> None:
        """One view per record type: its rows of live sources, with what the source adds."""
        scan = self._scan(table, names)
        if not scan:
            self.columns[table] = set()
            return
        have = {row[0] for row in self.connection.execute(f"DESCRIBE FROM {scan}").fetchall()}
        star = next(star for star in STARS if star.table == table)
        self.columns[table] = have & set(columns_of(star))
        kinds = {item.name: item.kind for item in star.fields}
        mine = ", ".join(self._column(table, name, kinds) for name in sorted(self.columns[table] - {"sid"}))
        join = self.identity.join if "subject" in have else ""
        conditions = [f"r.collection IN (SELECT collection FROM {self.affected})"] if self.affected else []
        if self.lost and star.node is Kind.UID:
            ranks = RANKS.get(table, "1")
            lost = f"SELECT uid, collection, subject FROM {self.view('conflict')} WHERE rank = {ranks}"
            conditions.append(f"(r.uid, r.collection, {self.identity.subject}) NOT IN ({lost})")
        within = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        self.connection.execute(
            f"CREATE VIEW {self.whole(table)} AS SELECT {mine}, l.digest, l.source_kind, l.audience "
            f"FROM {scan} r JOIN {self.view('live')} l USING (lot) {join} {within}"
        )
        touched = self.affected and "subject" in have
        only = f"WHERE (collection, subject) IN (FROM {self.affected})" if touched else ""
        self.connection.execute(f"CREATE VIEW {self.view(table)} AS FROM {self.whole(table)} {only}")

    def _scan(self, table: str, names: list[str]) -> str:
        """SQL for the rows of a record type in the log, and those that are made beside them; empty without any."""
        listed = ", ".join(map(quoted, names))
        parts = [f"FROM read_parquet([{listed}], union_by_name = true)"] if names else []
        parts += [self._beside[table]] if table in self._beside else []
        return f"({' UNION ALL BY NAME '.join(parts)})" if parts else ""

    def _column(self, table: str, name: str, kinds: dict[str, Kind]) -> str:
        """SQL for a column of a row: its subject and days under the cross-walk, its references where they are won."""
        if name == "subject":
            return f"{self.identity.subject} AS subject"
        if kinds.get(name) is Kind.UID:
            return self._won(table, name)
        item, _, end = name.rpartition("_")
        if end in {"first", "last"} and kinds.get(item) is Kind.WHEN:
            return f'{self.identity.day(name, f"{item}_clock")} AS "{name}"'
        return f'r."{name}"'

    def has(self, table: str, column: str = "lot") -> bool:
        """Whether a record type has rows in the log, or a column in them."""
        return column in self.columns[table]

    def view(self, table: str) -> str:
        """The qualified name of a record type's view, or of a table that this build made."""
        return f'"{self.schema}"."{table}"'

    def whole(self, table: str) -> str:
        """The view of a record type's rows in every touched collection: what days and clocks are derived from."""
        return f'"{self.schema}"."whole {table}"'

    def whens(self) -> Iterator[tuple[Star, Field]]:
        """Every field that holds a time and has values, with its star."""
        for star in STARS:
            for item in star.fields:
                if item.kind is Kind.WHEN and self.has(star.table, f"{item.name}_first"):
                    yield star, item

    # stars

    def texts(self) -> Iterator[str]:
        """One SQL query per kind of star, each giving rows of TriG text: a star with its graph."""
        if self.manifest.sources:
            yield self._select(COLLECTION_STAR, self.named("live", ("collection",), ()), ["collection"])
            yield self._select(SOURCE_STAR, self._own_graph("live"), [item.name for item in SOURCE_STAR.fields])
        for star in STARS:
            if not self.columns[star.table] or not star.told:
                continue
            if star.record.identity:
                keys = (*KEYS[star.node], *star.told_apart)
                others = [
                    item.name for item in star.fields if item.name not in keys and self.has(star.table, item.name)
                ]
                yield self._select(star, self.named(star.table, keys, others), [*keys, *others])
            else:
                made = {"duplicate_of"} if linked(star) else set[str]()
                yield from self._told(star, self.facts(star), self.columns[star.table] | made)
        yield self._clocks()
        if self.paired:
            yield self._select(SAME_LESION_STAR, f"FROM {self.view('same')}", ["other"])

    def _select(self, star: Star, rows: str, present: list[str] | set[str]) -> str:
        """The text of a star over rows that have its columns and the name of their ``graph_name``."""
        said = f"{self.minter.graph('graph_name')} AS graph, {self.minter.node(star)} AS node"
        said += f", {star_text(star, self.minter, present)} AS said"
        text = "graph || '{' || node || ' ' || said || '}' || chr(10)"
        return f"SELECT {text} AS text FROM (SELECT {said} FROM ({rows})) WHERE said <> ''"

    def _told(self, star: Star, rows: str, present: set[str]) -> Iterator[str]:
        """The text of facts and headers: a star in the graph of its audience, and what several have, by triple."""
        if several := shared_nodes(self, star):
            yield shared_text(self, star, f"FROM ({rows}) SEMI JOIN {several} USING ({node_columns(star)})", present)
            rows = f"FROM ({rows}) ANTI JOIN {several} USING ({node_columns(star)})"
        yield self._select(star, rows, present)

    def _own_graph(self, table: str) -> str:
        only = f"WHERE collection IN (SELECT collection FROM {self.affected})" if self.affected else ""
        return f"SELECT *, audience AS graph_name FROM {self.view(table)} {only}"

    def named(self, table: str, keys: tuple[str, ...], others: tuple[str, ...] | list[str]) -> str:
        """Identifying nodes with the set of audiences whose sources name them.

        What identifies is the same in all of them. A label on which they differ, or that one of the audiences lacks,
        is left out, and a public node says only what public sources say.
        """
        grouped = ", ".join(f'"{key}"' for key in keys)
        ends = "".join(f', min("{name}") AS "least {name}", max("{name}") AS "most {name}"' for name in others)
        only = ""
        if table == "live" and self.affected:
            only = f"WHERE collection IN (SELECT collection FROM {self.affected})"
        # one row for each audience first: aggregates of distinct values cost many times as much
        told = f"SELECT {grouped}, audience{ends} FROM {self.view(table)} {only} GROUP BY {grouped}, audience"
        public = f"audience = {quoted(PUBLIC)}"

        def agreed(name: str) -> str:
            """The value that every audience of the node knows, or none: no label passes from one to another."""
            least, most = f'"least {name}"', f'"most {name}"'
            stated = f"min({least}) FILTER ({public})"
            in_public = f"CASE WHEN {stated} = max({most}) FILTER ({public}) THEN {stated} END"
            by_all = f"CASE WHEN min({least}) = max({most}) AND count({least}) = count(*) THEN min({least}) END"
            return f'CASE WHEN bool_or({public}) THEN {in_public} ELSE {by_all} END AS "{name}"'

        chosen = ", ".join([grouped, *map(agreed, others), f"{GRAPH_NAME} AS graph_name"])
        return f"SELECT {chosen} FROM ({told}) GROUP BY {grouped}"

    def facts(self, star: Star) -> str:
        """The rows of a fact with their graph and, for each time, the zero that its day is counted from."""
        view = self.view(star.table)
        joins, days = "", ""
        for _, item in (pair for pair in self.whens() if pair[0] is star):
            name = item.name
            days += (
                f", z_{name}.anchor AS {name}_anchor, z_{name}.day AS {name}_anchor_day, "
                f"z_{name}.anchor IS NOT NULL AS {name}_anchored"
            )
            same = " AND ".join(f"z_{name}.{key} = r.{key}" for key in ("collection", "subject", "audience"))
            joins += f" LEFT JOIN {self.view('zero')} z_{name} ON {same} AND z_{name}.clock = r.{name}_clock"
        if star.table in REPEATED:
            rows = f"({Duplicates(self, star, self.minter.record()).once()}) r"
        else:
            rows = f"{view} r{shown(self, star)}"
        return f"SELECT r.*, r.audience AS graph_name{days} FROM {rows}{joins}"

    def _clocks(self) -> str:
        """The clocks that days were counted on, each where the records that use it stand."""
        named = (
            f"SELECT z.collection, z.clock, z.anchor, z.audience, a.individual, "
            f"'days from ' || a.label || ' (' || z.clock || ')' AS label "
            f"FROM {self.view('zero')} z JOIN {self.view('anchor')} a USING (anchor)"
        )
        self.connection.execute(f"CREATE VIEW {self.view('clock')} AS {named}")
        keys = ("collection", "clock", "anchor", "individual", "label")
        return self._select(CLOCK_STAR, self.named("clock", keys, ()), list(keys))
