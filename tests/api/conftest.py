"""A small warehouse with two clocks, two readers and hostile names, and the app over it."""

from __future__ import annotations

import datetime as dt
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from decimal import Decimal

import pytest
import uvicorn
from fastapi import FastAPI
from fastapi.testclient import TestClient

from api.app import create_app
from api.settings import Settings
from ontology import records as r
from ontology.prefixes import Curie
from ontology.terms import dcm, ncit
from store.control import Collection
from store.warehouse import Warehouse
from store.workers import QueryLimits

HOSTILE = '<script>alert("1")</script>/ß.csv'
DAYS = (-7, 50, 110)
START = dt.date(2001, 1, 8)


def on(day: int) -> r.When:
    return r.When.on(START + dt.timedelta(days=day))


def root(subject: str) -> int:
    """A part of UIDs that no other subject has."""
    return int.from_bytes(subject.encode()[-4:])


def images(subject: str) -> Iterator[r.Record]:
    """A study with CT at each time point; the second has two series."""
    for number, day in enumerate(DAYS, 1):
        study = f"1.2.{root(subject)}.{number}"
        yield r.Study(uid=study, subject=subject)
        yield r.StudyHeader(uid=study, subject=subject, when=on(day))
        for series in range(2 if number == 2 else 1):
            uid = f"{study}.{series + 1}"
            yield r.Series(uid=uid, subject=subject, study=study)
            attributes = {"SeriesDescription": "thin <b>slices</b> & more"}
            yield r.SeriesHeader(
                uid=uid, subject=subject, when=on(day), modality=dcm.COMPUTED_TOMOGRAPHY, attributes=attributes
            )


def reading(subject: str) -> Iterator[r.Record]:
    """Two readers measure one lesion."""
    yield r.Lesion(subject=subject, key="T01", label="T01 <i>")
    for reader, more in (("reader-a", 0), ("reader-b", 2)):
        yield r.Reader(key=reader)
        for number, day in enumerate(DAYS):
            yield r.Measurement(
                key=f"{reader}/{number}",
                subject=subject,
                variable=ncit.LONGEST_DIAMETER,
                lesion="T01",
                reader=reader,
                value=Decimal(40 - 8 * number + more),
                unit="mm",
                when=on(day),
                site=ncit.LIVER,
            )


def care(subject: str) -> Iterator[r.Record]:
    """What happened to a subject, with a laboratory value on another clock."""
    yield r.Event(key="1", subject=subject, kind=ncit.DIAGNOSIS_ASSESSMENT, when=on(0))
    yield r.Event(key="2", subject=subject, kind=ncit.DEAD, when=on(200))
    yield r.Treatment(key="3", subject=subject, regimen="A & <B>", start=on(5), end=on(90))
    yield r.Treatment(key="4", subject=subject, regimen="open", start=on(95))
    yield r.Finding(key="5", subject=subject, variable=ncit.SEX, value="Female")
    yield r.Response(
        key="6", subject=subject, variable=ncit.OVERALL_RESPONSE, value_concept=ncit.PROGRESSIVE_DISEASE, when=on(110)
    )
    shifted = r.When.on(dt.date(1990, 5, 1), "shifted")
    yield r.StudyHeader(uid=f"1.9.{root(subject)}", subject=subject, when=shifted)
    yield r.Study(uid=f"1.9.{root(subject)}", subject=subject)
    yield r.Measurement(
        key="7",
        subject=subject,
        variable=Curie("ncit:C64848"),
        value=Decimal("11.5"),
        unit="g/dl",
        when=shifted,
    )


def fill(warehouse: Warehouse) -> None:
    public, closed = Collection("open_one").within("public"), Collection("closed_one").within("team")
    subjects = ["P-1", "P-2", "P-10", HOSTILE]
    with warehouse.writing() as writing:
        for collection in (public, closed):
            warehouse.control.save_collection(collection)

        def log(name: str, collection: str, data_class: r.DataClass, content: Iterable[r.Record]) -> None:
            digest = (name * 64)[:64]
            head = r.SourceRecord(kind="table", name=name, digest=digest, locator=name, data_class=data_class)
            writing.log.begin(head, collection, "calendar")
            for record in content:
                writing.log.add(record)
            writing.log.finish()

        facts = r.CollectionFacts(title="The open one", license="CC0-1.0", doi="10.1234/abc", synthetic=True)
        log("facts", "open_one", r.DataClass.IMAGES, [facts])
        for number, subject in enumerate(subjects):
            log(f"images{number}", "open_one", r.DataClass.IMAGES, images(subject))
            log(f"reading{number}", "open_one", r.DataClass.METADATA, reading(subject))
            log(f"care{number}", "open_one", r.DataClass.CLINICAL, care(subject))
        log(
            "secret",
            "closed_one",
            r.DataClass.CLINICAL,
            [r.Finding(key="1", subject="HIDDEN-1", variable=ncit.SEX, value="Male")],
        )
        for source in writing.log.flush():
            writing.keep(source)
        writing.publish()


@pytest.fixture(scope="session")
def web_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    limits = QueryLimits(seconds=20, memory=1 << 30, result=64 << 20)
    warehouse = Warehouse.open(tmp_path_factory.mktemp("web"), limits)
    fill(warehouse)
    yield warehouse
    warehouse.close()


@pytest.fixture(scope="session")
def web_app(web_warehouse: Warehouse) -> FastAPI:
    return create_app(
        web_warehouse, Settings(query_seconds=2, page_seconds=10, page_rows=50, page_size=2, body_bytes=200_000)
    )


@pytest.fixture(scope="session")
def web(web_app: FastAPI) -> Iterator[TestClient]:
    with TestClient(web_app, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="session")
def served(web_app: FastAPI) -> Iterator[str]:
    """The app on a port of this machine."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(web_app, log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
