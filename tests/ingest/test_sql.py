"""Databases: the records are those of a CSV of the table, whatever the engine, and no password is ever said or kept."""

import csv
import datetime as dt
import json
import os
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from ingest import sources, sql
from ingest.base import Context
from ingest.locators import shown, without_credentials
from ingest.run import Job, run
from ingest.table import reader as table
from ontology.records import Measurement, Reject, SourceRecord
from store.warehouse import Warehouse
from tests.ingest.test_table_golden import shown as as_json

CASES = sorted((Path(__file__).parent / "sql").glob("*/trial.sql"))
LESIONS = Path(__file__).parent / "sql" / "lesions"


def database(script, folder):
    path = folder / "trial.db"
    with sqlite3.connect(path) as connection:
        connection.executescript(script.read_text(encoding="utf-8"))
    connection.close()
    return path


def read(locator, mapping, **context):
    return list(sql.SOURCE.read(iter([locator]), Context(collection="trial", mapping=str(mapping), **context)))


def said(items):
    """What was read, without where it was read."""
    return [as_json(item) | {"kind": "", "name": ""} for item in items]


@pytest.mark.parametrize("script", CASES, ids=lambda script: script.parent.name)
def test_golden(script, tmp_path):
    table_name = "#lesions" if script.parent == LESIONS else ""
    found = [
        as_json(item) for item in read(f"sqlite:///{database(script, tmp_path)}{table_name}", script.with_name("trial"))
    ]
    expected = script.with_name("expected.json")
    if os.environ.get("QILIN_WRITE_GOLDEN"):
        lines = ",\n".join(json.dumps(item, ensure_ascii=False) for item in found)
        expected.write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    assert found == json.loads(expected.read_text(encoding="utf-8"))


def test_a_csv_of_the_table_gives_the_same_records(tmp_path):
    path = database(LESIONS / "trial.sql", tmp_path)
    with sqlite3.connect(path) as connection, (tmp_path / "lesions.csv").open("w", newline="") as target:
        rows = connection.execute("SELECT * FROM lesions ORDER BY id")
        writer = csv.writer(target)
        writer.writerow([column[0] for column in rows.description])
        writer.writerows(rows)
    context = Context(collection="trial", mapping=str(LESIONS / "trial"))
    of_file = list(table.SOURCE.read(iter([str(tmp_path / "lesions.csv")]), context))
    of_database = read(f"sqlite:///{path}#lesions", LESIONS / "trial")
    assert said(of_database) == said(of_file)
    assert len([item for item in of_database if isinstance(item, Measurement)]) == 4


def test_the_digest_is_that_of_the_rows_in_any_order(tmp_path):
    path = database(LESIONS / "trial.sql", tmp_path)

    def digest():
        (head,) = [
            item for item in read(f"sqlite:///{path}#lesions", LESIONS / "trial") if isinstance(item, SourceRecord)
        ]
        return head.digest

    before = digest()
    with sqlite3.connect(path) as connection:
        connection.executescript(
            "CREATE TABLE again AS SELECT * FROM lesions ORDER BY ld;"
            "DROP TABLE lesions; ALTER TABLE again RENAME TO lesions;"
        )
    assert digest() == before
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE lesions SET ld = 42.4 WHERE id = 1")
    assert digest() != before


def test_read_again_nothing_changes_and_a_changed_row_replaces_the_source(tmp_path):
    path = database(LESIONS / "trial.sql", tmp_path)
    warehouse = Warehouse.open(tmp_path / "home")
    job = Job(locators=(f"sqlite:///{path}#lesions",), collection="trial", mapping=str(LESIONS / "trial"))
    first = run(warehouse, [job])
    assert (first.added, first.records["Measurement"]) == (1, 4)
    assert run(warehouse, [job]).unchanged == 1
    with sqlite3.connect(path) as connection:
        connection.execute("UPDATE lesions SET ld = 42.4 WHERE id = 1")
    third = run(warehouse, [job])
    assert (third.added, third.replaced) == (1, 1)
    source = max(warehouse.control.sources(), key=lambda source: source.logged_at)
    assert source.locator == f"sqlite:///{path}#lesions"
    assert source.name == "trial.db#lesions"


def test_a_database_is_only_read(tmp_path):
    path = database(LESIONS / "trial.sql", tmp_path)
    folder = tmp_path / "own"
    folder.mkdir()
    shape = (LESIONS / "trial" / "map.yaml").read_text(encoding="utf-8").replace("name: trial", "name: own")
    (folder / "map.yaml").write_text(f"{shape}query: DELETE FROM lesions\n", encoding="utf-8")
    (reject,) = [item for item in read(f"sqlite:///{path}", folder) if isinstance(item, Reject)]
    assert reject.place == "query"
    (folder / "map.yaml").write_text(
        f"{shape}query: WITH gone AS (SELECT 1) DELETE FROM lesions RETURNING *\n", encoding="utf-8"
    )
    (reject,) = [item for item in read(f"sqlite:///{path}", folder) if isinstance(item, Reject)]
    assert "cannot be read" in reject.problem
    with sqlite3.connect(path) as connection:
        assert connection.execute("SELECT count(*) FROM lesions").fetchone() == (6,)


@pytest.mark.parametrize(
    ("locator", "says"),
    [
        ("sqlite:///{folder}/none.db#lesions", "is not there"),
        ("sqlite:///{folder}/trial.db#absent", "is not in the database"),
        ("sqlite:///{folder}/trial.db", "nothing says which table"),
        ("sqlite:///{folder}/text.db#lesions", "this is no SQLite database, or a damaged one"),
        ("postgresql://reader:geheim@127.0.0.1:9/trial#lesions", "the database cannot be opened (OperationalError)"),
        ("mssql+pyodbc://reader:geheim@127.0.0.1:9/trial#lesions", "its driver is not installed"),
    ],
)
def test_what_cannot_be_read_says_why_without_the_password(tmp_path, locator, says):
    database(LESIONS / "trial.sql", tmp_path)
    (tmp_path / "text.db").write_text("this is no database, but text of more than sixteen bytes" * 20)
    (reject,) = read(locator.format(folder=tmp_path), LESIONS / "trial")
    assert says in reject.problem
    assert "geheim" not in repr(reject)
    assert not Path(tmp_path / "none.db").exists()


def test_a_database_needs_a_map_by_name_or_one_that_fits(tmp_path):
    path = database(LESIONS / "trial.sql", tmp_path)
    (reject,) = list(sql.SOURCE.read(iter([f"sqlite:///{path}#lesions"]), Context(collection="trial")))
    assert reject.problem == "no table map fits"


@pytest.mark.parametrize(
    ("locator", "accepted"),
    [
        ("postgresql://reader@host/trial#lesions", True),
        ("postgresql+psycopg://host/trial", True),
        ("sqlite:////data/trial.db", True),
        ("mysql://host/trial", True),
        ("idc://nsclc_radiomics", False),
        ("dicomweb+https://host/studies", False),
        ("redcap+https://host/api", False),
        ("/data/trial.db", False),
        ("://", False),
    ],
)
def test_every_url_of_sqlalchemy_is_a_database_and_no_other(locator, accepted):
    assert sql.SOURCE.accepts(locator) is accepted
    assert (sources.accepting(locator) is sql.SOURCE) is accepted


@given(
    user=st.text(alphabet="abcdefg", min_size=1),
    password=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1).map("\u20ac{}\u20ac".format),
    table_name=st.sampled_from(["", "#lesions", "#public.lesions"]),
)
def test_no_password_is_shown_or_kept(user, password, table_name):
    locator = f"postgresql://{user}:{password}@db.example.org/trial?sslpassword={password}{table_name}"
    for text in (shown(locator), without_credentials(locator)):
        assert "\u20ac" not in text
    kept = password.replace("?", "")
    assert without_credentials(f"postgresql://{user}:{kept}@db.example.org/trial{table_name}") == (
        f"postgresql://db.example.org/trial{table_name}"
    )


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (None, ""),
        (True, "t"),
        (False, "f"),
        (7, "7"),
        (42.0, "42"),
        (0.1, "0.1"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+3"), "1000"),
        (dt.date(2014, 2, 3), "2014-02-03"),
        (dt.datetime(2014, 2, 3, 8), "2014-02-03 08:00:00"),
        ("x", "x"),
        (b"x", "(binary)"),
    ],
)
def test_a_cell_of_every_kind_is_that_which_copy_writes(cell, text):
    assert sql.text_of(cell) == text


def test_rows_are_streamed(tmp_path):
    path = tmp_path / "many.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE many (patient TEXT, ld REAL)")
        connection.executemany("INSERT INTO many VALUES (?, ?)", ((f"P{n}", n / 2) for n in range(5000)))
    fetched = []
    engine = sql._engine(sa.make_url(f"sqlite:///{path}"))
    with engine.connect() as connection:
        rows = sql.DatabaseTable(connection, "many")._streamed(sa.text("SELECT * FROM many"))
        fetched = [next(rows) for _ in range(3)]
        rows.close()
    assert fetched == [["patient", "ld"], ["P0", "0"], ["P1", "0.5"]]
