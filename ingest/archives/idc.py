"""The image catalogue of the NCI Imaging Data Commons: ``idc://COLLECTION[,COLLECTION…]`` and ``idc://*``.

The package ``idc-index-data`` carries the index of every public series: one row each, with what identifies it and the
attributes that the archive publishes. One collection is one source. The archive has de-identified and reviewed what it
publishes; dates are those of its own shift, one clock.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import duckdb
import pyarrow as pa

from ingest.base import Block, Context, Source, Yield
from ingest.temporary import TemporaryFolder
from ontology.fields import dicom_attributes
from ontology.records import (
    CollectionFacts,
    DataClass,
    Finding,
    Measurement,
    Record,
    Reject,
    Series,
    SeriesHeader,
    SourceRecord,
    Study,
    StudyHeader,
)
from ontology.terminology import terms
from ontology.terms import ncit
from store.ahead import ahead

__all__ = ["RECIPE", "SOURCE", "Listed", "index_file", "listed", "places_of", "series_at"]

SCHEME = "idc://"
CLOCK = "idc"
RECIPE = "idc 4"

ATTRIBUTES = (
    "BodyPartExamined",
    "Manufacturer",
    "ManufacturerModelName",
    "SeriesDescription",
    "SeriesNumber",
    "SOPClassUID",
    "TransferSyntaxUID",
    "PhotometricInterpretation",
    "PixelRepresentation",
)
VIEWER = "https://viewer.imaging.datacommons.cancer.gov/v3/viewer/?StudyInstanceUIDs="
OLDEST = 90
"""Ages from here on are stored as this bound only (45 CFR 164.514(b)(2)(i)(C))."""

READ = (
    "collection_id",
    "SeriesInstanceUID",
    "StudyInstanceUID",
    "PatientID",
    "StudyDate",
    "StudyDescription",
    "Modality",
    "instanceCount",
    "license_short_name",
    "source_DOI",
    "PatientSex",
    "PatientAge",
    *ATTRIBUTES,
)
"""The columns of the index that are read."""

ROWS = 50_000
"""Rows of a block."""

MINE = "FROM idc WHERE collection_id = $name"
STUDY_DATE = "min(try_cast(StudyDate AS DATE))"

SERIES = f"""
SELECT SeriesInstanceUID AS uid, PatientID AS subject, StudyInstanceUID AS study
{MINE} ORDER BY 2, 3, 1"""

STUDY_HEADERS = f"""
SELECT StudyInstanceUID AS uid, PatientID AS subject, {STUDY_DATE} AS when_first, {STUDY_DATE} AS when_last,
    '{CLOCK}' AS when_clock, year({STUDY_DATE}) AS year, nullif(min(StudyDescription), '') AS description
{MINE} GROUP BY ALL ORDER BY 2, 1"""

SERIES_HEADERS = f"""
SELECT SeriesInstanceUID AS uid, PatientID AS subject, m.curie AS modality, instanceCount AS instance_count,
    '{VIEWER}' || StudyInstanceUID || '&SeriesInstanceUIDs=' || SeriesInstanceUID AS viewer,
    license_short_name AS license, source_DOI AS source_doi,
    {", ".join(f"nullif({keyword}, '') AS {keyword}" for keyword in ATTRIBUTES)}
{MINE.replace("WHERE", "LEFT JOIN modality m ON m.code = Modality WHERE")} ORDER BY 2, StudyInstanceUID, 1"""

SEXES = f"""
SELECT PatientID || '/PatientSex' AS key, PatientID AS subject, '{ncit.SEX}' AS variable, min(PatientSex) AS raw,
    CASE min(PatientSex) WHEN 'M' THEN '{ncit.MALE}' ELSE '{ncit.FEMALE}' END AS value_concept,
    false AS derived, true AS "primary"
{MINE} AND PatientSex IN ('M', 'F') GROUP BY PatientID HAVING count(DISTINCT PatientSex) = 1 ORDER BY 1"""

AGES = f"""
WITH stated AS (
    SELECT StudyInstanceUID AS study, PatientID AS subject, min(PatientAge) AS age, {STUDY_DATE} AS date
    {MINE} AND regexp_full_match(PatientAge, '[0-9]{{3}}[YMWD]')
    GROUP BY ALL HAVING count(DISTINCT PatientAge) = 1),
counted AS (
    SELECT *, (substr(age, 1, 3)::DECIMAL(9, 4)
        / CASE right(age, 1) WHEN 'Y' THEN 1 WHEN 'M' THEN 12 WHEN 'W' THEN 52.1786 ELSE 365.25 END
    )::DECIMAL(9, 2) AS years FROM stated)
SELECT study || '/PatientAge' AS key, subject, study, '{ncit.AGE}' AS variable, 'a' AS unit,
    false AS derived, true AS "primary",
    CASE WHEN years < {OLDEST} THEN years::VARCHAR END AS value,
    CASE WHEN years < {OLDEST} THEN 'decimal' END AS value_type,
    CASE WHEN years >= {OLDEST} THEN '{OLDEST}' END AS low,
    CASE WHEN years >= {OLDEST} THEN '{OLDEST}+' ELSE age END AS raw,
    date AS when_first, date AS when_last, '{CLOCK}' AS when_clock
FROM counted ORDER BY 2, 1"""

COLLECTION = """
SELECT collection_name, cancer_types, original.source_doi, original.license.license_short_name
FROM (
    SELECT *, list_filter(sources, lambda s: s.source_type = 'original_data')[1] AS original
    FROM read_parquet(?) WHERE collection_id = ?)"""
"""What is said of a collection: its DOI and licence are those of its images, not of what others derived from them."""

QUERIES: tuple[tuple[type[Record], str], ...] = (
    (Study, f"SELECT DISTINCT StudyInstanceUID AS uid, PatientID AS subject {MINE} ORDER BY ALL"),
    (Series, SERIES),
    (StudyHeader, STUDY_HEADERS),
    (SeriesHeader, SERIES_HEADERS),
    (Finding, SEXES),
    (Measurement, AGES),
)
"""Record type to the query that gives its rows: identities first, and the index has one row for each series."""


def accepts(locator: str) -> bool:
    """Whether a locator names collections of the index."""
    return locator.startswith(SCHEME)


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """The collections that the locators name, each a source of its own; an unknown name is rejected."""
    index = index_file()
    with _connected() as connection:
        counts = _counts(connection, index)
        for locator in locators:
            names = sorted(counts) if locator == f"{SCHEME}*" else locator.removeprefix(SCHEME).split(",")
            _together(connection, index, names)
            done, total = 0, sum(counts.get(name, 0) for name in names)
            for name in names:
                if name not in counts:
                    yield Reject(
                        name=locator,
                        place=name,
                        problem="no such collection in the index",
                        wanted=f"one of {len(counts)} collections, such as {', '.join(_near(name, counts))}",
                    )
                    continue
                yield from _collection(connection, index, name, context)
                done += counts[name]
                context.progress(done, total)


def index_file() -> Path:
    """The index of series, as the package brings it."""
    import idc_index_data  # noqa: PLC0415 - its import alone opens a table of 74 MB

    return Path(str(idc_index_data.IDC_INDEX_PARQUET_FILEPATH))


@contextmanager
def _connected() -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection of bounded memory, with the table of modalities."""
    with TemporaryFolder() as spill, duckdb.connect() as connection:
        connection.execute("SET memory_limit = '600MB'")
        connection.execute(f"SET temp_directory = '{spill.path}'")
        connection.execute("SET enable_progress_bar = false")
        connection.execute("CREATE TABLE modality (code VARCHAR, curie VARCHAR)")
        codes = [curie for curie in terms() if curie.startswith("dcm:")]
        connection.executemany("INSERT INTO modality VALUES (?, ?)", [(c.removeprefix("dcm:"), c) for c in codes])
        yield connection


@dataclass(frozen=True, slots=True)
class Listed:
    """What the index has of a list of series, whatever collections they are of."""

    connection: duckdb.DuckDBPyConnection
    name: str

    def found(self) -> tuple[int, int]:
        """How many of the series are in the index, and how many Patient IDs stand in several of its collections."""
        several = "SELECT PatientID FROM idc GROUP BY 1 HAVING count(DISTINCT archived) > 1"
        query = f"SELECT (SELECT count(*) FROM idc), (SELECT count(*) FROM ({several}))"
        found, several_of = self.connection.execute(query).fetchall()[0]
        return int(found), int(several_of)

    def blocks(self) -> Iterator[Block]:
        """Their records."""
        return ahead(_blocks(self.connection.cursor(), self.name))


@contextmanager
def listed(name: str, series: list[str]) -> Iterator[Listed]:
    """What the index has of series by their UIDs, under a name for the list."""
    rest = ", ".join(column for column in READ if column != "collection_id")
    with _connected() as connection:
        connection.execute(
            f"CREATE TABLE idc AS SELECT ?::VARCHAR AS collection_id, collection_id AS archived, {rest} "
            "FROM read_parquet(?) WHERE SeriesInstanceUID IN (SELECT unnest(?))",
            [name, str(index_file()), series],
        )
        yield Listed(connection, name)


def places_of(series: Iterable[str]) -> dict[str, str]:
    """Where the pixels of series lie, by UID: objects in the cloud (``s3://bucket/uuid/*``), of those in the index."""
    query = (
        "SELECT SeriesInstanceUID, any_value(series_aws_url) FROM read_parquet(?) "
        "WHERE SeriesInstanceUID IN (SELECT unnest(?)) AND series_aws_url IS NOT NULL GROUP BY 1"
    )
    with duckdb.connect() as connection:
        return dict(connection.execute(query, [str(index_file()), list(series)]).fetchall())


def series_at(folders: Iterable[str]) -> dict[str, str]:
    """The series in folders of the Imaging Data Commons, by the UUID that each is called, as far as indexed."""
    query = (
        "SELECT crdc_series_uuid, SeriesInstanceUID FROM read_parquet(?) WHERE crdc_series_uuid IN (SELECT unnest(?))"
    )
    with duckdb.connect() as connection:
        return dict(connection.execute(query, [str(index_file()), list(folders)]).fetchall())


def _together(connection: duckdb.DuckDBPyConnection, index: Path, names: list[str]) -> None:
    """Make the table ``idc`` of the collections that are read, the rows of each together: the index mixes them."""
    query = f"SELECT {', '.join(READ)} FROM read_parquet(?) WHERE collection_id IN (SELECT unnest(?)) ORDER BY 1"
    connection.execute(f"CREATE OR REPLACE TABLE idc AS {query}", [str(index), names])


def _near(name: str, known: dict[str, int]) -> list[str]:
    from difflib import get_close_matches  # noqa: PLC0415

    return get_close_matches(name, known, n=3, cutoff=0.3) or sorted(known)[:3]


def _counts(connection: duckdb.DuckDBPyConnection, index: Path) -> dict[str, int]:
    rows = connection.execute("SELECT collection_id, count(*) FROM read_parquet(?) GROUP BY ALL", [str(index)])
    return dict(rows.fetchall())


def _collection(connection: duckdb.DuckDBPyConnection, index: Path, name: str, context: Context) -> Iterator[Yield]:
    release = version("idc-index-data")
    head = SourceRecord(
        kind="idc",
        name=f"NCI Imaging Data Commons index {release}: {name}",
        digest=hashlib.sha256(f"idc\0{release}\0{name}".encode()).hexdigest(),
        locator=f"{SCHEME}{name}",
        data_class=DataClass.IMAGES,
        recipe=RECIPE,
        collection=name,
    )
    yield head
    if context.known(head.digest, head.recipe):
        return
    yield from _facts(connection, index.with_name("collections_index.parquet"), name)
    yield from ahead(_blocks(connection.cursor(), name))


def _blocks(cursor: duckdb.DuckDBPyConnection, name: str) -> Iterator[Block]:
    for kind, query in QUERIES:
        found = cursor.sql(query, params={"name": name}).to_arrow_reader(ROWS)
        assert found is not None
        for batch in found:
            yield Block(kind, pa.Table.from_batches([batch]))


def _facts(connection: duckdb.DuckDBPyConnection, table: Path, name: str) -> Iterator[Record]:
    if not table.exists():
        return
    rows = connection.execute(COLLECTION, [str(table), name]).fetchall()
    for title, cancer_types, doi, licence in rows:
        yield CollectionFacts(title=title, cancer_type=cancer_types, doi=doi, license=licence, synthetic=False)


assert set(ATTRIBUTES) <= dicom_attributes().keys()

SOURCE = Source(
    name="idc",
    accepts=accepts,
    read=read,
    reviewed=True,
    summary="idc://COLLECTION[,COLLECTION…] or idc://*: the image catalogue of the NCI Imaging Data Commons",
)
