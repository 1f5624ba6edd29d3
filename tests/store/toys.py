"""Hand-made sources for tests of the store: records logged directly, without files or readers."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterable
from decimal import Decimal

from ontology.prefixes import Curie
from ontology.records import (
    DataClass,
    Event,
    Finding,
    Lesion,
    Measurement,
    Reader,
    Record,
    Series,
    SeriesHeader,
    SourceRecord,
    Study,
    StudyHeader,
    Treatment,
    When,
)
from ontology.terms import ncit
from store.control import Collection
from store.warehouse import OPERATOR, Caller, Warehouse

DAY0 = dt.date(2020, 1, 10)


def head(
    name: str, records: Iterable[Record], data_class: DataClass = DataClass.CLINICAL, kind: str = "toy"
) -> SourceRecord:
    """The head of a toy source: its content is its records."""
    digest = hashlib.sha256(repr((name, list(records))).encode()).hexdigest()
    return SourceRecord(kind=kind, name=name, digest=digest, locator=f"/toys/{name}", data_class=data_class)


def collection(warehouse: Warehouse, name: str = "toys", **audiences: str) -> Collection:
    """Make a collection, public unless its classes are given audiences by name."""
    given = {DataClass(key): value for key, value in audiences.items()}
    made = Collection(name).within("public") if not given else Collection(name, audiences=given)
    warehouse.control.save_collection(made)
    return made


def put(
    warehouse: Warehouse,
    name: str,
    records: list[Record],
    data_class: DataClass = DataClass.CLINICAL,
    in_collection: str = "toys",
    replacing: str | None = None,
    kind: str = "toy",
) -> str:
    """Log and publish one source; its id."""
    with warehouse.writing() as writing:
        source = writing.log.begin(head(name, records, data_class, kind), in_collection, "calendar")
        for record in records:
            writing.log.add(record)
        writing.log.finish()
        for logged in writing.log.flush():
            writing.keep(logged)
        if replacing:
            writing.drop(replacing)
        writing.publish()
    return source.sid


def scan(subject: str, number: int, day: int, manufacturer: str = "ACME") -> list[Record]:
    """A study with one CT series, ``day`` days after day 0."""
    study, series = f"1.2.{number}", f"1.2.{number}.1"
    return [
        Study(uid=study, subject=subject),
        StudyHeader(uid=study, subject=subject, when=When.on(DAY0 + dt.timedelta(days=day))),
        Series(uid=series, subject=subject, study=study),
        SeriesHeader(
            uid=series,
            subject=subject,
            modality=Curie("dcm:CT"),
            instance_count=3,
            attributes={
                "Manufacturer": manufacturer,
                "SliceThickness": Decimal("2.50"),
                "ImageType": ("ORIGINAL", "AXIAL"),
            },
        ),
    ]


def diameter(subject: str, key: str, day: int, value: str, reader: str = "reader-a") -> list[Record]:
    """A longest diameter of lesion T01 by a reader."""
    return [
        Lesion(subject=subject, key="T01", label="T01"),
        Reader(key=reader),
        Measurement(
            key=key,
            subject=subject,
            variable=ncit.LONGEST_DIAMETER,
            lesion="T01",
            reader=reader,
            value=Decimal(value),
            unit="mm",
            raw=f"{value} mm",
            when=When.on(DAY0 + dt.timedelta(days=day)),
        ),
    ]


def sex(subject: str) -> Record:
    """A subject's sex."""
    return Finding(key=f"{subject}/sex", subject=subject, variable=ncit.SEX, value_concept=ncit.FEMALE, raw="f")


def treatment(subject: str, start: int, end: int) -> Record:
    """A treatment with cisplatin."""
    days = [When.on(DAY0 + dt.timedelta(days=day)) for day in (start, end)]
    return Treatment(key=f"{subject}/tx", subject=subject, agent=ncit.CISPLATIN, start=days[0], end=days[1])


def diagnosis(subject: str, day: int) -> Record:
    """The diagnosis of a subject."""
    when = When.on(DAY0 + dt.timedelta(days=day))
    return Event(key=f"{subject}/dx", subject=subject, kind=ncit.DIAGNOSIS_ASSESSMENT, when=when)


def everything(warehouse: Warehouse, caller: Caller = OPERATOR) -> set[str]:
    """Every triple that a caller may read, vocabulary left out, as N-Triples lines."""
    ours = f"STRSTARTS(STR(?s), '{warehouse.base}') || STRSTARTS(STR(?s), 'urn:oid:')"
    query = f"CONSTRUCT {{ ?s ?p ?o }} {{ ?s ?p ?o FILTER({ours}) }}"
    return set(warehouse.ask(query, caller, graph_format="ntriples").read().decode().splitlines())


def number(warehouse: Warehouse, query: str, caller: Caller = OPERATOR) -> int | float:
    """The one number that a query gives."""
    [[term]] = warehouse.select(query, caller).rows
    assert term is not None
    return float(term.value)
