"""The image catalogue of the NCI Imaging Data Commons: ``idc://COLLECTION[,COLLECTION…]`` and ``idc://*``.

The package ``idc-index-data`` carries the index of every public series: one row each, with what identifies it and the
attributes that the archive publishes. One collection is one source. The archive has de-identified and reviewed what it
publishes; dates are those of its own shift, one clock.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb

from ingest.base import Context, Source, Yield
from ontology.fields import dicom_attributes
from ontology.prefixes import Curie
from ontology.records import (
    CollectionFacts,
    DataClass,
    Finding,
    Measurement,
    Record,
    Reject,
    Scalar,
    Series,
    SeriesHeader,
    SourceRecord,
    Study,
    StudyHeader,
    When,
)
from ontology.terminology import terms
from ontology.terms import ncit

__all__ = ["SOURCE"]

SCHEME = "idc://"
CLOCK = "idc"
RECIPE = "idc-1"

COLUMNS = (
    "PatientID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "PatientAge",
    "PatientSex",
    "StudyDate",
    "StudyDescription",
    "Modality",
    "instanceCount",
    "license_short_name",
    "source_DOI",
)
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
SEX = {"M": ncit.MALE, "F": ncit.FEMALE}
YEARS = {"Y": Decimal(1), "M": Decimal(12), "W": Decimal("52.1786"), "D": Decimal("365.25")}
VIEWER = "https://viewer.imaging.datacommons.cancer.gov/v3/viewer/?StudyInstanceUIDs="


def accepts(locator: str) -> bool:
    """Whether a locator names collections of the index."""
    return locator.startswith(SCHEME)


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """The collections that the locators name, each a source of its own; an unknown name is rejected."""
    import idc_index_data  # noqa: PLC0415 - its import alone opens a table of 74 MB

    index = Path(str(idc_index_data.IDC_INDEX_PARQUET_FILEPATH))
    with duckdb.connect() as connection:
        connection.execute("SET memory_limit = '1GB'")
        connection.execute("SET enable_progress_bar = false")
        counts = _counts(connection, index)
        for locator in locators:
            names = sorted(counts) if locator == f"{SCHEME}*" else locator.removeprefix(SCHEME).split(",")
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
                for item in _collection(connection, index, name, context):
                    if isinstance(item, Series):
                        done += 1
                        context.progress(done, total)
                    yield item


def _near(name: str, known: dict[str, int]) -> list[str]:
    from difflib import get_close_matches  # noqa: PLC0415

    return get_close_matches(name, known, n=3, cutoff=0.3) or sorted(known)[:3]


def _counts(connection: duckdb.DuckDBPyConnection, index: Path) -> dict[str, int]:
    rows = connection.execute("SELECT collection_id, count(*) FROM read_parquet(?) GROUP BY ALL", [str(index)])
    return dict(rows.fetchall())


def _collection(
    connection: duckdb.DuckDBPyConnection, index: Path, name: str, context: Context
) -> Iterator[SourceRecord | Record]:
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
    wanted = ", ".join(f'"{column}"' for column in (*COLUMNS, *ATTRIBUTES))
    rows = connection.execute(
        f"SELECT {wanted} FROM read_parquet(?) WHERE collection_id = ? "
        "ORDER BY PatientID, StudyInstanceUID, SeriesInstanceUID",
        [str(index), name],
    )
    names = (*COLUMNS, *ATTRIBUTES)
    subject = study = None
    while batch := rows.fetchmany(5_000):
        for values in batch:
            row = dict(zip(names, values, strict=True))
            if row["PatientID"] != subject:
                subject = row["PatientID"]
                yield from _sex(row)
            if row["StudyInstanceUID"] != study:
                study = row["StudyInstanceUID"]
                yield from _study(row)
            yield from _series(row)


def _facts(connection: duckdb.DuckDBPyConnection, table: Path, name: str) -> Iterator[Record]:
    if not table.exists():
        return
    query = "SELECT collection_name, cancer_types FROM read_parquet(?) WHERE collection_id = ?"
    for title, cancer_types in connection.execute(query, [str(table), name]).fetchall():
        yield CollectionFacts(title=title, cancer_type=cancer_types, synthetic=False)


def _sex(row: dict[str, Any]) -> Iterator[Record]:
    if row["PatientSex"] in SEX:
        yield Finding(
            key=f"{row['PatientID']}/PatientSex",
            subject=row["PatientID"],
            variable=ncit.SEX,
            value_concept=SEX[row["PatientSex"]],
            raw=row["PatientSex"],
        )


def _study(row: dict[str, Any]) -> Iterator[Record]:
    uid, subject = row["StudyInstanceUID"], row["PatientID"]
    when = _date(row["StudyDate"])
    yield Study(uid=uid, subject=subject)
    yield StudyHeader(uid=uid, subject=subject, when=when, description=row["StudyDescription"])
    age, unit = row["PatientAge"] or "", (row["PatientAge"] or "")[-1:]
    if unit in YEARS and age[:-1].isdigit():
        yield Measurement(
            key=f"{uid}/PatientAge",
            subject=subject,
            study=uid,
            variable=ncit.AGE,
            value=(Decimal(age[:-1]) / YEARS[unit]).quantize(Decimal("0.01")).normalize(),
            unit="a",
            raw=age,
            when=when,
        )


def _series(row: dict[str, Any]) -> Iterator[Record]:
    uid, study, subject = row["SeriesInstanceUID"], row["StudyInstanceUID"], row["PatientID"]
    modality = Curie(f"dcm:{row['Modality']}")
    attributes: dict[str, Scalar | tuple[Scalar, ...]] = {}
    for keyword in ATTRIBUTES:
        value = row[keyword]
        if value is not None and value != "":
            attributes[keyword] = value
    yield Series(uid=uid, subject=subject, study=study)
    yield SeriesHeader(
        uid=uid,
        subject=subject,
        modality=modality if modality in terms() else None,
        instance_count=row["instanceCount"],
        viewer=f"{VIEWER}{study}&SeriesInstanceUIDs={uid}",
        license=row["license_short_name"],
        source_doi=row["source_DOI"],
        attributes=attributes,
    )


def _date(text: object) -> When | None:
    try:
        return When.on(dt.date.fromisoformat(str(text)), CLOCK)
    except ValueError:
        return None


assert set(ATTRIBUTES) <= dicom_attributes().keys()

SOURCE = Source(
    name="idc",
    accepts=accepts,
    read=read,
    reviewed=True,
    summary="idc://COLLECTION[,COLLECTION…] or idc://*: the image catalogue of the NCI Imaging Data Commons",
)
