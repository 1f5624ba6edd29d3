"""The control data: collections, audiences, the ledger of sources, origins of days, quarantine and runs.

It lies beside the record log and never in the triple store: locators, calendar origins and the pseudonym secret are
private to the site. SQLite by default; any SQLAlchemy URL serves.
"""

from __future__ import annotations

import datetime as dt
import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa

from ontology.records import DataClass, Reject
from store.home import DEFAULT_BASE

__all__ = [
    "PUBLIC",
    "BadNameError",
    "Collection",
    "Control",
    "LoggedSource",
    "QuarantineEntry",
    "UnknownCollectionError",
]

PUBLIC = "public"
DEFAULT_ANCHORS = ("diagnosis", "registration", "first-treatment", "baseline-scan", "first-reading")

metadata = sa.MetaData()

setting_table = sa.Table(
    "setting", metadata, sa.Column("name", sa.String, primary_key=True), sa.Column("value", sa.String, nullable=False)
)
collection_table = sa.Table(
    "collection",
    metadata,
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("owner", sa.String, nullable=False),
    sa.Column("images", sa.String, nullable=False),
    sa.Column("metadata", sa.String, nullable=False),
    sa.Column("clinical", sa.String, nullable=False),
    sa.Column("anchors", sa.String, nullable=False),
    sa.Column("attestation", sa.String),
)
source_table = sa.Table(
    "source",
    metadata,
    sa.Column("sid", sa.String, primary_key=True),
    sa.Column("lot", sa.BigInteger, nullable=False),
    sa.Column("collection", sa.String, nullable=False, index=True),
    sa.Column("digest", sa.String, nullable=False),
    sa.Column("recipe", sa.String, nullable=False),
    sa.Column("kind", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("locator", sa.String, nullable=False, index=True),
    sa.Column("data_class", sa.String, nullable=False),
    sa.Column("records", sa.Integer, nullable=False),
    sa.Column("files", sa.String, nullable=False),
    sa.Column("logged_at", sa.String, nullable=False),
    sa.Column("namespace", sa.String, nullable=False, server_default=""),
)
origin_table = sa.Table(
    "origin",
    metadata,
    sa.Column("collection", sa.String, primary_key=True),
    sa.Column("subject", sa.String, primary_key=True),
    sa.Column("clock", sa.String, primary_key=True),
    sa.Column("day", sa.Date, nullable=False),
)
quarantine_table = sa.Table(
    "quarantine",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("run", sa.Integer, nullable=False, index=True),
    sa.Column("collection", sa.String, nullable=False),
    sa.Column("name", sa.String, nullable=False),
    sa.Column("place", sa.String, nullable=False),
    sa.Column("problem", sa.String, nullable=False),
    sa.Column("wanted", sa.String, nullable=False),
    sa.Column("quarantined", sa.Boolean, nullable=False),
    sa.Column("content", sa.String, nullable=False, server_default=""),
    sa.Column("review", sa.String, nullable=False, server_default=""),
)
run_table = sa.Table(
    "run",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("collection", sa.String, nullable=False),
    sa.Column("started", sa.String, nullable=False),
    sa.Column("finished", sa.String),
    sa.Column("generation", sa.Integer),
)


class BadNameError(ValueError):
    """A name of a collection or audience that could be taken for another."""


class UnknownCollectionError(LookupError):
    """A collection that the warehouse does not have; the message names those that it has."""

    def __init__(self, name: str, known: Iterable[str]) -> None:
        super().__init__(f"no collection {name!r}; there are: {', '.join(sorted(known)) or 'none yet'}")


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection as its owner has set it: who may see each class of data, and from what days are counted."""

    name: str
    owner: str = "operator"
    audiences: dict[DataClass, str] = field(default_factory=dict)
    anchors: tuple[str, ...] = DEFAULT_ANCHORS
    attestation: str | None = None
    """Who signed, when and why, that the collection's sources are de-identified."""

    def audience(self, data_class: DataClass) -> str:
        """The audience of a class of data; a new collection starts in its owner's own."""
        return self.audiences.get(data_class, f"collection:{self.name}")

    def within(self, audience: str) -> Collection:
        """The same collection with all three classes given to one audience."""
        return replace(self, audiences=dict.fromkeys(DataClass, audience))


@dataclass(frozen=True, slots=True)
class LoggedSource:
    """A source whose records stand in the record log, whether or not a generation serves them."""

    sid: str
    lot: int
    collection: str
    digest: str
    recipe: str
    kind: str
    name: str
    locator: str
    data_class: DataClass
    records: int
    files: tuple[str, ...]
    logged_at: str
    namespace: str = ""
    """Which ids its subjects are called by (`store.identity`)."""


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """Something that did not come in, as the ledger lists it: never a value."""

    id: int
    run: int
    collection: str
    name: str
    place: str
    problem: str
    wanted: str
    quarantined: bool
    content: str = ""
    """The digest of the content where a release can let it in; empty where none can (`store.attestations`)."""
    review: bool = False
    """Whether the source is in, and only this of it waits for a steward."""


def now() -> str:
    """The time in UTC to the second, ISO 8601."""
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Control:
    """The control database of one warehouse."""

    def __init__(self, url: str) -> None:
        self.engine = sa.create_engine(url)
        if self.engine.dialect.name == "sqlite":
            sa.event.listen(self.engine, "connect", _sqlite_pragmas)
        metadata.create_all(self.engine)
        self._later_columns()
        self._first_settings()

    def _later_columns(self) -> None:
        """Give a database of an earlier version the columns that came later."""
        for table, name in ((source_table, "namespace"), (quarantine_table, "content"), (quarantine_table, "review")):
            if name not in {column["name"] for column in sa.inspect(self.engine).get_columns(table.name)}:
                change = f"ALTER TABLE {table.name} ADD COLUMN {name} VARCHAR DEFAULT '' NOT NULL"
                with self.engine.begin() as connection:
                    connection.execute(sa.text(change))

    def _first_settings(self) -> None:
        with self.engine.begin() as connection:
            have = set(connection.scalars(sa.select(setting_table.c.name)))
            first = {"base": DEFAULT_BASE, "secret": secrets.token_hex(32)}
            missing = [{"name": name, "value": value} for name, value in first.items() if name not in have]
            if missing:
                connection.execute(sa.insert(setting_table), missing)

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        with self.engine.begin() as connection:
            yield connection

    def setting(self, name: str) -> str:
        """A setting of the warehouse: ``base`` of minted IRIs, or the ``secret`` of pseudonyms."""
        with self._begin() as connection:
            value = connection.scalar(sa.select(setting_table.c.value).where(setting_table.c.name == name))
        if value is None:
            raise LookupError(f"no setting {name!r}")
        return str(value)

    # collections

    def collections(self) -> dict[str, Collection]:
        """Every collection by name."""
        with self._begin() as connection:
            rows = connection.execute(sa.select(collection_table).order_by(collection_table.c.name)).mappings()
            return {row["name"]: _collection(row) for row in rows}

    def collection(self, name: str) -> Collection:
        """One collection; `UnknownCollectionError` where there is none of that name."""
        known = self.collections()
        if name not in known:
            raise UnknownCollectionError(name, known)
        return known[name]

    def save_collection(self, collection: Collection) -> None:
        """Insert or replace a collection's settings; `BadNameError` where a name could be taken for another."""
        for name in (collection.name, *(collection.audience(data_class) for data_class in DataClass)):
            if not name.strip() or "+" in name or not name.isprintable() or name == "vocabulary":
                raise BadNameError(f"{name!r} is no name for a collection or audience: no '+', and not 'vocabulary'")
        row = {
            "name": collection.name,
            "owner": collection.owner,
            **{str(data_class): collection.audience(data_class) for data_class in DataClass},
            "anchors": json.dumps(collection.anchors),
            "attestation": collection.attestation,
        }
        with self._begin() as connection:
            connection.execute(sa.delete(collection_table).where(collection_table.c.name == collection.name))
            connection.execute(sa.insert(collection_table), row)

    # the ledger of sources

    def sources(self, collection: str | None = None) -> list[LoggedSource]:
        """The sources of the record log, by collection and name."""
        query = sa.select(source_table).order_by(source_table.c.collection, source_table.c.name, source_table.c.sid)
        if collection is not None:
            query = query.where(source_table.c.collection == collection)
        with self._begin() as connection:
            return [_logged(row) for row in connection.execute(query).mappings()]

    def logged(self, sid: str) -> LoggedSource | None:
        """A source of the record log by its id."""
        with self._begin() as connection:
            row = connection.execute(sa.select(source_table).where(source_table.c.sid == sid)).mappings().first()
        return _logged(row) if row else None

    def known_sids(self) -> set[str]:
        """The ids of every source in the record log."""
        with self._begin() as connection:
            return set(connection.scalars(sa.select(source_table.c.sid)))

    def record_sources(self, logged: Sequence[LoggedSource], origins: Sequence[tuple[str, str, str, dt.date]]) -> None:
        """Enter sources whose log files are in place, and the origins their days are counted from, at once."""
        with self._begin() as connection:
            if logged:
                of_source = source_table.c.sid == sa.bindparam("of_source")
                sids = [{"of_source": source.sid} for source in logged]
                connection.execute(sa.delete(source_table).where(of_source), sids)
                connection.execute(sa.insert(source_table), [_row(source) for source in logged])
            if origins:
                names = ("collection", "subject", "clock", "day")
                rows = [dict(zip(names, origin, strict=True)) for origin in origins]
                connection.execute(sa.insert(origin_table), rows)

    def forget_sources(self, sids: Iterable[str]) -> None:
        """Take sources out of the ledger: their log rows are no longer reused."""
        with self._begin() as connection:
            for sid in sids:
                connection.execute(sa.delete(source_table).where(source_table.c.sid == sid))

    def origins(self, collection: str) -> dict[tuple[str, str], dt.date]:
        """The day zero of each subject and clock of a collection."""
        query = sa.select(origin_table).where(origin_table.c.collection == collection)
        with self._begin() as connection:
            return {(row.subject, row.clock): row.day for row in connection.execute(query)}

    # runs and what did not come in

    def start_run(self, collection: str) -> int:
        """Enter a run; its number."""
        with self._begin() as connection:
            result = connection.execute(sa.insert(run_table), {"collection": collection, "started": now()})
            assert result.inserted_primary_key is not None
            return int(result.inserted_primary_key[0])

    def finish_run(self, run: int, generation: int | None) -> None:
        """Enter the end of a run and the generation it published."""
        change = sa.update(run_table).where(run_table.c.id == run)
        with self._begin() as connection:
            connection.execute(change.values(finished=now(), generation=generation))

    def reject(self, run: int, collection: str, read: Iterable[str], rejects: Sequence[Reject]) -> None:
        """Enter what did not come in, in place of earlier entries of the files and sources that were read."""
        columns = quarantine_table.c
        stale = sa.delete(quarantine_table).where(
            columns.collection == collection,
            columns.name.in_(sa.bindparam("of", expanding=True)),
            columns.run != run,
        )
        names = sorted(set(read))
        rows = [
            {
                "run": run,
                "collection": collection,
                "name": item.name,
                "place": item.place,
                "problem": item.problem,
                "wanted": item.wanted,
                "quarantined": item.quarantine,
                "content": item.content,
                "review": "yes" if item.review else "",
            }
            for item in rejects
        ]
        asked = [{"at": row["place"], "what": row["content"]} for row in rows if row["review"]]
        again = sa.delete(quarantine_table).where(
            columns.collection == collection,
            columns.place == sa.bindparam("at"),
            columns.content == sa.bindparam("what"),
            columns.review != "",
        )
        with self._begin() as connection:
            first = _first_number(connection, len(rows))
            for start in range(0, len(names), 500):
                connection.execute(stale, {"of": names[start : start + 500]})
            if asked:  # what is to be decided once for a collection stands in its queue once
                connection.execute(again, asked)
            if rows:
                numbered = [{"id": number, **row} for number, row in enumerate(rows, first)]
                connection.execute(sa.insert(quarantine_table), numbered)

    def quarantine(self, collection: str | None = None) -> list[QuarantineEntry]:
        """What did not come in, newest run first."""
        query = sa.select(quarantine_table).order_by(quarantine_table.c.run.desc(), quarantine_table.c.id)
        if collection is not None:
            query = query.where(quarantine_table.c.collection == collection)
        with self._begin() as connection:
            rows = connection.execute(query).mappings()
            return [QuarantineEntry(**{**row, "review": bool(row["review"])}) for row in rows]


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA busy_timeout=30000")


def _collection(row: sa.RowMapping) -> Collection:
    return Collection(
        name=row["name"],
        owner=row["owner"],
        audiences={data_class: row[str(data_class)] for data_class in DataClass},
        anchors=tuple(json.loads(row["anchors"])),
        attestation=row["attestation"],
    )


def _logged(row: sa.RowMapping) -> LoggedSource:
    values = dict(row)
    return LoggedSource(
        **{**values, "files": tuple(json.loads(values["files"])), "data_class": DataClass(values["data_class"])}
    )


def _row(source: LoggedSource) -> dict[str, Any]:
    names = source_table.c.keys()
    values = {name: getattr(source, name) for name in names}
    return {**values, "files": json.dumps(source.files), "data_class": str(source.data_class)}


def _first_number(connection: sa.Connection, count: int) -> int:
    """The first of some numbers that no entry ever had: a steward who noted one must not answer for another entry."""
    named = setting_table.c.name == "entries"
    given = connection.scalar(sa.select(setting_table.c.value).where(named))
    last = max(int(given or 0), connection.scalar(sa.select(sa.func.max(quarantine_table.c.id))) or 0)
    connection.execute(sa.delete(setting_table).where(named))
    connection.execute(sa.insert(setting_table), {"name": "entries", "value": str(last + count)})
    return last + 1
