"""Databases: a table or a query of any database that SQLAlchemy reaches, read through a table map as any table.

A locator is the database's URL with ``#table``: ``postgresql://reader@host/trial#lesions``, ``sqlite:////data/trial.db#labs``.
Without ``#table`` the map says what is read: ``query:``, or its sheets, each of which is a table of the database.

Rows are streamed by a server-side cursor within one read-only transaction, once for their digest and once for their
records, so that both speak of the same state. A password comes from where the driver looks for it (``PGPASSFILE``,
``PGPASSWORD``); one in the URL is used and never kept: names, locators and messages are made without it, and never of
what the database says, which quotes rows.
"""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError, SQLAlchemyError

from ingest.base import Context, Source, Yield
from ingest.locators import shown, split_table, without_credentials
from ingest.table.file import Table, TableError, cell_text
from ingest.table.reader import Input, read_input
from mappings.shape import Part
from ontology.records import Reject

__all__ = ["SOURCE", "DatabaseTable", "accepts", "opened", "text_of"]

BATCH = 1000
"""Rows that are fetched at once."""

DRIVERS = {"postgresql": "postgresql+psycopg"}
"""The driver of a URL that names none, where SQLAlchemy's own choice is not installed."""

READ_ONLY = {"postgresql": {"postgresql_readonly": True, "isolation_level": "REPEATABLE READ"}}
"""How a transaction is made read-only and steady, by dialect."""

QUERIES = ("select", "with", "table", "values")


def text_of(cell: object) -> str:
    """A cell of a database as a CSV of the table has it: what PostgreSQL's ``COPY … CSV`` writes.

    >>> text_of(None), text_of(Decimal("1.50")), text_of(True), text_of(dt.date(2014, 2, 3)), text_of(42.0)
    ('', '1.50', 't', '2014-02-03', '42')
    """
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "t" if cell else "f"
    if isinstance(cell, dt.datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    if isinstance(cell, bytes | bytearray | memoryview):
        return "(binary)"
    return cell_text(cell)


class DatabaseTable(Table):
    """One database as a table, or as a workbook whose sheets are its tables. Its connection is the caller's."""

    workbook = True

    def __init__(self, connection: sa.Connection, table: str | None) -> None:
        super().__init__()
        self._connection = connection
        self._table = table

    def sheet_names(self) -> tuple[str, ...]:
        """The names of the tables and views; none where the locator or a query names the one that is read."""
        if self._table is not None:
            return ()
        inspector = sa.inspect(self._connection)
        return tuple(sorted({*inspector.get_table_names(), *inspector.get_view_names()}))

    def rows(self, sheet: str | int | None = None) -> Iterator[Sequence[str]]:
        """The rows of the table of the locator, or of one by its name; the column names first."""
        return self._streamed(self._of_table(self._table or (sheet if isinstance(sheet, str) else None)))

    def query_rows(self, query: str) -> Iterator[Sequence[str]]:
        """The rows that a query gives, the column names first."""
        return self._streamed(_query(query))

    def part_rows(self, part: Part) -> Iterator[Sequence[str]]:
        """The rows that a part of a map reads: of its query, its table, or the table of the locator."""
        return self._streamed(self._statement(part))

    def _statement(self, part: Part) -> sa.Executable:
        if part.query is not None and self._table is None:
            return _query(part.query)
        return self._of_table(self._table or (part.sheet if isinstance(part.sheet, str) else None))

    def _of_table(self, name: str | None) -> sa.Executable:
        if name is None:
            wanted = "#TABLE at the end of the locator, or query: or sheet: in the map"
            raise TableError("database", "nothing says which table is read", wanted)
        schema, _, plain_name = name.rpartition(".")
        inspector = sa.inspect(self._connection)
        if not inspector.has_table(plain_name, schema or None):
            raise TableError(
                f"table {name}", "is not in the database, or may not be read", "a table or view by its name"
            )
        columns: list[sa.ColumnClause[object]] = [
            sa.column(str(column["name"])) for column in inspector.get_columns(plain_name, schema or None)
        ]
        key = inspector.get_pk_constraint(plain_name, schema or None).get("constrained_columns") or []
        rows = sa.select(*columns).select_from(sa.table(plain_name, schema=schema or None))
        return rows.order_by(*(sa.column(str(name)) for name in key))

    def _streamed(self, statement: sa.Executable) -> Iterator[Sequence[str]]:
        try:
            result = self._connection.execution_options(stream_results=True, yield_per=BATCH).execute(statement)
            with result:
                yield list(result.keys())
                for row in result:
                    yield [text_of(cell) for cell in row]
        except SQLAlchemyError as error:
            wanted = "a query that the database runs, and a table that may be read"
            raise TableError("database", f"cannot be read ({_kind(error)})", wanted) from None


def _query(query: str) -> sa.Executable:
    if not query.lstrip().casefold().startswith(QUERIES):
        raise TableError("query", "is no query", "a query: in the map that begins with SELECT or WITH")
    return sa.text(query.rstrip().rstrip(";"))


def _kind(error: SQLAlchemyError) -> str:
    """What kind of fault it is: the class and the SQLSTATE, never the message, which quotes rows and names."""
    state = getattr(getattr(error, "orig", None), "sqlstate", None) if isinstance(error, DBAPIError) else None
    return f"{type(error).__name__} {state}" if state else type(error).__name__


def accepts(locator: str) -> bool:
    """Whether a locator is a URL of a database that SQLAlchemy knows."""
    if "://" not in locator:
        return False
    try:
        sa.make_url(split_table(locator)[0]).get_dialect()
    except (ArgumentError, NoSuchModuleError, ValueError):
        return False
    return True


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """Yield each database's head, records and rejects."""
    for locator in locators:
        url, table = split_table(locator)
        name = shown(locator)
        try:
            yield from _read(sa.make_url(url), table, locator, context)
        except TableError as error:
            yield Reject(name=name, place=error.place, problem=error.problem, wanted=error.wanted)
        except SQLAlchemyError as error:
            problem, wanted = _unopened(url, error)
            yield Reject(name=name, place="database", problem=problem, wanted=wanted)
        except ImportError:
            wanted = f"the driver of {url.split('://', 1)[0]} installed beside Qilin"
            yield Reject(name=name, place="database", problem="its driver is not installed", wanted=wanted)


def _unopened(url: str, error: SQLAlchemyError) -> tuple[str, str]:
    """What is wrong with a database that gives nothing, and what would be right."""
    if url.startswith("sqlite") and isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.DatabaseError):
        if not isinstance(error.orig, sqlite3.OperationalError):
            return "this is no SQLite database, or a damaged one", "a whole file of SQLite"
        return f"the SQLite database cannot be read ({_kind(error)})", "a whole file of SQLite that may be read"
    wanted = "a database that can be reached, with the password in PGPASSFILE or the environment"
    return f"the database cannot be opened ({_kind(error)})", wanted


def _read(url: sa.URL, table: str | None, locator: str, context: Context) -> Iterator[Yield]:
    """One database, within one transaction that is undone at the end."""
    with _connected(url, table) as rows:
        yield from read_input(Input("sql", Path(shown(locator)), rows, locator=_place(url, locator)), context)


@contextmanager
def _connected(url: sa.URL, table: str | None) -> Iterator[DatabaseTable]:
    engine = _engine(url)
    options = READ_ONLY.get(url.get_backend_name(), {})
    try:
        with engine.connect().execution_options(**options) as connection:
            if url.get_backend_name() == "sqlite":
                connection.exec_driver_sql("BEGIN")
            yield DatabaseTable(connection, table)
    finally:
        engine.dispose()


@contextmanager
def opened(locator: str) -> Iterator[DatabaseTable]:
    """The database or table of a locator, read-only; `TableError` where it cannot be opened or read."""
    url, table = split_table(locator)
    try:
        with _connected(sa.make_url(url), table) as rows:
            yield rows
    except SQLAlchemyError as error:
        wanted = "a database that can be reached, with the password in PGPASSFILE or the environment"
        raise TableError("database", f"cannot be opened ({_kind(error)})", wanted) from None
    except ImportError:
        wanted = f"the driver of {url.split('://', 1)[0]} installed beside Qilin"
        raise TableError("database", "its driver is not installed", wanted) from None


def _place(url: sa.URL, locator: str) -> str:
    """Where the database is, without credentials; a file's by its whole path."""
    if url.get_backend_name() == "sqlite" and url.database:
        table = split_table(locator)[1]
        return f"sqlite:///{Path(url.database).absolute()}" + (f"#{table}" if table else "")
    return without_credentials(locator)


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url.set(drivername=DRIVERS.get(url.drivername, url.drivername)), poolclass=sa.NullPool)
    path = Path(url.database or "")
    if not path.is_file():
        raise TableError("file", "is not there", "a file of SQLite: sqlite:///name.db, sqlite:////data/name.db")

    def connect() -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, isolation_level=None)

    return sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)


SOURCE = Source(
    name="sql", accepts=accepts, read=read, summary="databases: postgresql://…#table, sqlite:///…, through a table map"
)
