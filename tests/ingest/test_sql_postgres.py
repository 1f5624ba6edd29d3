"""A real PostgreSQL, started here in a folder of its own: what it copies out as CSV is what is read from it."""

import os
import secrets
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import psycopg
import pytest

from ingest import sql
from ingest.base import Context
from ingest.run import Job, run
from ingest.table import reader as table
from ontology.records import Finding, Measurement, Reject, SourceRecord
from store.warehouse import Warehouse
from tests.ingest.test_sql import said

PLACES = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
BINARIES = next((place for place in PLACES if (place / "initdb").exists()), None)
ACCOUNT = "nobody" if os.name == "posix" and os.geteuid() == 0 else None
"""PostgreSQL refuses to run as root."""
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.skipif(BINARIES is None, reason="PostgreSQL's server is not installed below /usr/lib/postgresql"),
]
TABLE = """
CREATE TABLE lesions (id integer PRIMARY KEY, patient text, lesion varchar(8), ld numeric(6, 1),
    volume double precision, scan date, read_at timestamp, visit smallint, accepted boolean,
    sex char(1), note text, image bytea);
INSERT INTO lesions VALUES
    (1, 'P01', 'T01', 42.5, 0.1, '2014-02-03', '2014-02-03 08:15:30.5', 0, true, 'm', 'left, "upper" lobe', NULL),
    (2, 'P01', 'T02', 11.0, 42, '2014-02-03', '2014-02-04', 0, NULL, 'm', NULL, NULL),
    (3, 'P02', 'T01', NULL, 1e20, '2014-03-01', NULL, 0, false, 'f', '', NULL),
    (4, 'P02', 'T01', 17.5, NULL, NULL, NULL, 1, false, NULL, 'ä', NULL);
CREATE SCHEMA other;
CREATE VIEW other.large AS SELECT * FROM lesions WHERE ld > 12;
CREATE TABLE closed (patient text);
"""
COLUMNS = """
columns:
  ld: {record: measurement, unit: mm, lesion: {column: lesion}, when: {column: scan}, visit: {column: visit},
       accepted_reading: {column: accepted, is_true: ["t"], is_false: ["f"]}}
  volume: {record: measurement, unit: ml, lesion: {column: lesion}, when: {column: read_at}}
  sex: {record: finding}
"""
DECISIONS = (
    "subject_id\tpredicate_id\tobject_id\tmapping_justification\n"
    "column:ld\tskos:exactMatch\tncit:C96684\tx\ncolumn:volume\tskos:exactMatch\tncit:C25335\tx\n"
    "column:sex\tskos:exactMatch\tncit:C28421\tx\n"
    "value:sex/f\tskos:exactMatch\tncit:C16576\tx\nvalue:sex/m\tskos:exactMatch\tncit:C20197\tx\n"
)


def called(*command):
    subprocess.run(command, user=ACCOUNT, check=True, capture_output=True, cwd="/")


@pytest.fixture(scope="module")
def server():
    """A server on a free port with one database and a reader whose password stands in a PGPASSFILE."""
    folder = Path(tempfile.mkdtemp(prefix="qilin-postgres-"))
    if ACCOUNT:
        shutil.chown(folder, ACCOUNT)
    words = {"boss": secrets.token_hex(8), "reader": secrets.token_hex(8)}
    (folder / "word").write_text(words["boss"])
    (folder / "word").chmod(0o644)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = str(folder / "data")
    called(
        BINARIES / "initdb",
        "-D",
        data,
        "-U",
        "boss",
        "-A",
        "scram-sha-256",
        f"--pwfile={folder / 'word'}",
        "-E",
        "UTF8",
        "--no-sync",
    )
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='{folder}' -c fsync=off"
    called(BINARIES / "pg_ctl", "-D", data, "-l", str(folder / "log"), "-w", "-o", options, "start")
    try:
        boss = f"host=127.0.0.1 port={port} user=boss password={words['boss']} dbname=postgres"
        with psycopg.connect(boss, autocommit=True) as connection:
            connection.execute(TABLE)
            connection.execute(f"CREATE ROLE reader LOGIN PASSWORD '{words['reader']}'")
            connection.execute("GRANT SELECT ON lesions TO reader; GRANT USAGE ON SCHEMA other TO reader")
            connection.execute("GRANT SELECT ON other.large TO reader; GRANT INSERT ON lesions TO reader")
        keys = folder / "pgpass"
        keys.write_text(f"127.0.0.1:{port}:postgres:reader:{words['reader']}\n")
        keys.chmod(0o600)
        yield {
            "url": f"postgresql://reader@127.0.0.1:{port}/postgres",
            "keys": keys,
            "words": words,
            "boss": boss,
            "log": folder / "log",
        }
    finally:
        called(BINARIES / "pg_ctl", "-D", data, "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def mapping(tmp_path):
    folder = tmp_path / "own"
    folder.mkdir()
    (folder / "map.yaml").write_text(f"name: own\ntitle: T\ndata_class: metadata\nsubject: patient\n{COLUMNS}")
    (folder / "mapping.sssom.tsv").write_text(DECISIONS)
    return folder


def read(locator, mapping):
    return list(sql.SOURCE.read(iter([locator]), Context(collection="trial", mapping=str(mapping))))


def test_a_table_gives_what_its_csv_gives(server, mapping, tmp_path, monkeypatch):
    monkeypatch.setenv("PGPASSFILE", str(server["keys"]))
    copied = tmp_path / "lesions.csv"
    with psycopg.connect(server["boss"]) as connection, copied.open("wb") as target:
        out = connection.cursor().copy("COPY (SELECT * FROM lesions ORDER BY id) TO STDOUT (FORMAT csv, HEADER)")
        with out as rows:
            target.writelines(rows)
    of_file = list(table.SOURCE.read(iter([str(copied)]), Context(collection="trial", mapping=str(mapping))))
    of_database = read(f"{server['url']}#lesions", mapping)
    assert said(of_database) == said(of_file)
    assert not [item for item in of_database if isinstance(item, Reject)]
    assert len([item for item in of_database if isinstance(item, Measurement)]) == 6
    assert [str(item.value) for item in of_database if isinstance(item, Measurement)][:2] == ["42.5", "100"]
    assert len([item for item in of_database if isinstance(item, Finding)]) == 3


def test_views_schemas_and_queries_are_read(server, mapping, monkeypatch):
    monkeypatch.setenv("PGPASSFILE", str(server["keys"]))
    large = read(f"{server['url']}#other.large", mapping)
    assert [item.raw for item in large if isinstance(item, Measurement) and item.unit == "mm"] == ["42.5 mm", "17.5 mm"]
    shape = mapping / "map.yaml"
    shape.write_text(shape.read_text() + "query: SELECT * FROM lesions WHERE patient = 'P01' ORDER BY id DESC\n")
    asked = read(server["url"], mapping)
    assert [item.raw for item in asked if isinstance(item, Measurement) and item.unit == "mm"] == ["11.0 mm", "42.5 mm"]


def test_nothing_can_be_written_even_by_who_may(server, mapping, monkeypatch):
    monkeypatch.setenv("PGPASSFILE", str(server["keys"]))
    shape = mapping / "map.yaml"
    insert = "WITH made AS (INSERT INTO lesions (id) VALUES (99) RETURNING *) SELECT * FROM made"
    shape.write_text(shape.read_text() + f"query: {insert}\n")
    (reject,) = read(server["url"], mapping)
    # 25006 is "read only sql transaction"; a cursor refuses a statement that changes data before that, with 0A000
    assert reject.problem in {"cannot be read (InternalError 25006)", "cannot be read (NotSupportedError 0A000)"}
    with psycopg.connect(server["boss"]) as connection:
        assert connection.execute("SELECT count(*) FROM lesions").fetchone() == (4,)


@pytest.mark.parametrize("table_name", ["closed", "absent"])
def test_a_table_that_may_not_be_read_is_refused(server, mapping, monkeypatch, table_name):
    monkeypatch.setenv("PGPASSFILE", str(server["keys"]))
    (reject,) = read(f"{server['url']}#{table_name}", mapping)
    assert ("42501" in reject.problem) is (table_name == "closed")
    assert ("is not in the database" in reject.problem) is (table_name == "absent")


def test_a_wrong_password_is_said_nowhere(server, mapping, tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("PGPASSFILE", str(tmp_path / "none"))
    (reject,) = read(f"{server['url'].replace('reader@', 'reader:geheim@')}#lesions", mapping)
    assert reject.problem.startswith("the database cannot be opened (OperationalError")
    assert "geheim" not in repr(reject) + caplog.text


def test_a_run_keeps_no_password_and_changes_nothing_the_second_time(server, mapping, tmp_path, monkeypatch):
    monkeypatch.delenv("PGPASSFILE", raising=False)
    word = server["words"]["reader"]
    url = server["url"].replace("reader@", f"reader:{word}@")
    warehouse = Warehouse.open(tmp_path / "home")
    job = Job(locators=(f"{url}#lesions",), collection="trial", mapping=str(mapping))
    assert run(warehouse, [job]).added == 1
    with psycopg.connect(server["boss"], autocommit=True) as connection:
        # an update writes rows anew, at the end of the table
        connection.execute("UPDATE lesions SET note = note WHERE id = 1")
    assert run(warehouse, [job]).unchanged == 1
    (source,) = warehouse.control.sources()
    assert source.locator == f"{server['url'].replace('reader@', '')}#lesions"
    assert source.name == "postgres#lesions"
    written = [path for path in (tmp_path / "home").rglob("*") if path.is_file()]
    assert written
    assert not [path for path in written if word.encode() in path.read_bytes()]


def test_rows_come_by_a_cursor_of_the_server(server, mapping, monkeypatch):
    monkeypatch.setenv("PGPASSFILE", str(server["keys"]))
    with psycopg.connect(server["boss"], autocommit=True) as connection:
        connection.execute("ALTER ROLE reader SET log_statement = 'all'")
    try:
        head = read(f"{server['url']}#lesions", mapping)[0]
    finally:
        with psycopg.connect(server["boss"], autocommit=True) as connection:
            connection.execute("ALTER ROLE reader RESET log_statement")
    assert isinstance(head, SourceRecord)
    log = server["log"].read_text()
    assert "DECLARE" in log
    assert "READ ONLY" in log
