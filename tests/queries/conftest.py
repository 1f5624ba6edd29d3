"""A hand-made warehouse for tests of curated queries: a rich subject, one with the least, and a closed collection."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator
from decimal import Decimal

import pytest

from ontology.records import (
    DataClass,
    Event,
    Finding,
    Lesion,
    Measurement,
    Outcome,
    Procedure,
    Reader,
    Record,
    Response,
    Series,
    SeriesHeader,
    SourceRecord,
    Study,
    StudyHeader,
    Treatment,
    When,
)
from ontology.terms import dcm, ncit, q
from store.control import Collection
from store.warehouse import Warehouse

DAY0 = dt.date(2020, 1, 10)


def day(number: int) -> When:
    return When.on(DAY0 + dt.timedelta(days=number))


def rich() -> list[Record]:
    """Two visits of a subject whose lesion two readers measure, on CT with a segmentation."""
    records: list[Record] = [
        Event(key="diagnosis", subject="S1", kind=ncit.DIAGNOSIS_ASSESSMENT, when=day(0)),
        Finding(
            key="histology", subject="S1", variable=ncit.MORPHOLOGIC_FINDING, value_concept=ncit.LUNG_ADENOCARCINOMA
        ),
        Finding(key="stage", subject="S1", variable=ncit.DISEASE_STAGE_QUALIFIER, value_concept=ncit.STAGE_IIIA),
        Lesion(subject="S1", key="L1", label="T01"),
        Reader(key="r1", role=q.INVESTIGATOR),
        Reader(key="r2", role=q.CENTRAL_READER),
        Procedure(key="p", software="Ruler", version="2"),
        Outcome(key="os", subject="S1", variable=ncit.OVERALL_SURVIVAL, value=Decimal(300), unit="d", event=True),
        Treatment(key="t", subject="S1", agent=ncit.CISPLATIN, regimen="cisplatin", line=1, start=day(8), end=day(60)),
    ]
    for visit, size in ((0, Decimal(40)), (1, Decimal(24))):
        study, series = f"1.2.{visit}", f"1.2.{visit}.1"
        records += [
            Study(uid=study, subject="S1"),
            StudyHeader(uid=study, subject="S1", when=day(5 + 50 * visit)),
            Series(uid=series, subject="S1", study=study),
            SeriesHeader(
                uid=series,
                subject="S1",
                modality=dcm.COMPUTED_TOMOGRAPHY,
                when=day(5 + 50 * visit),
                attributes={
                    "SliceThickness": Decimal("2.5"),
                    "ConvolutionKernel": ("B30f", "3"),
                    "Manufacturer": "ACME",
                },
            ),
        ]
        for number, reader in enumerate(("r1", "r2")):
            about = {"subject": "S1", "lesion": "L1", "reader": reader, "visit": visit, "when": day(5 + 50 * visit)}
            records += [
                Measurement(
                    key=f"{visit}{reader}",
                    variable=ncit.LONGEST_DIAMETER,
                    value=size + number,
                    unit="mm",
                    series=series,
                    study=study,
                    procedure="p",
                    site=ncit.LIVER,
                    **about,
                ),
                Finding(
                    key=f"role{visit}{reader}",
                    variable=ncit.TUMOR_IDENTIFICATION,
                    value_concept=ncit.TARGET_LESION_IDENTIFICATION,
                    **about,
                ),
            ]
    records += [
        Series(uid="1.2.0.9", subject="S1", study="1.2.0"),
        SeriesHeader(
            uid="1.2.0.9", subject="S1", modality=dcm.SEGMENTATION_SEG, viewer="https://viewer.example.org/1.2.0"
        ),
        Response(
            key="response",
            subject="S1",
            variable=ncit.OVERALL_RESPONSE,
            value_concept=ncit.PARTIAL_REMISSION,
            when=day(55),
            visit=1,
            visit_label="FU1",
        ),
        Response(key="best", subject="S1", variable=ncit.BEST_OVERALL_RESPONSE, value_concept=ncit.PARTIAL_REMISSION),
    ]
    return records


def bare() -> list[Record]:
    """A subject whose records have nothing that they need not have: no day, no reader, no label, no role."""
    return [
        Study(uid="1.3", subject="S2"),
        Series(uid="1.3.1", subject="S2", study="1.3"),
        SeriesHeader(uid="1.3.1", subject="S2", modality=dcm.COMPUTED_TOMOGRAPHY),
        SeriesHeader(uid="1.3.2", subject="S2", modality=dcm.POSITRON_EMISSION_TOMOGRAPHY, uptake_minutes=Decimal(90)),
        Series(uid="1.3.2", subject="S2", study="1.3"),
        Lesion(subject="S2", key="L/1"),
        Measurement(
            key="bare-m", subject="S2", variable=ncit.LONGEST_DIAMETER, lesion="L/1", value=Decimal(12), unit="mm"
        ),
        Measurement(key="bare-none", subject="S2", variable=ncit.LONGEST_DIAMETER, lesion="L/1"),
        Finding(key="bare-f", subject="S2", variable=ncit.MORPHOLOGIC_FINDING, value_concept=ncit.LUNG_ADENOCARCINOMA),
        Finding(key="bare-s", subject="S2", variable=ncit.DISEASE_STAGE_QUALIFIER, value_concept=ncit.STAGE_IIIA),
        Response(key="bare-r", subject="S2", variable=ncit.BEST_OVERALL_RESPONSE, value_concept=ncit.STABLE_DISEASE),
        Response(key="bare-o", subject="S2", variable=ncit.OVERALL_RESPONSE, value_concept=ncit.STABLE_DISEASE),
        Outcome(key="bare-os", subject="S2", variable=ncit.OVERALL_SURVIVAL, value=Decimal(10)),
        Treatment(key="bare-t", subject="S2"),
        Event(key="bare-e", subject="S2", kind=ncit.DEAD),
    ]


def log_source(
    warehouse: Warehouse, collection: str, records: list[Record], data_class: DataClass = DataClass.CLINICAL
) -> None:
    """Log and publish one source of a collection."""
    log_sources(warehouse, (collection, records, data_class))


def log_sources(warehouse: Warehouse, *sources: tuple[str, list[Record], DataClass]) -> None:
    """Log sources of collections one by one, and publish them together."""
    with warehouse.writing() as writing:
        for collection, records, data_class in sources:
            digest = hashlib.sha256(repr((collection, records)).encode()).hexdigest()
            head = SourceRecord(kind="toy", name="toy", digest=digest, locator=digest, data_class=data_class)
            writing.log.begin(head, collection, "calendar")
            for record in records:
                writing.log.add(record)
            writing.log.finish()
        for logged in writing.log.flush():
            writing.keep(logged)
        writing.publish()


@pytest.fixture(scope="session")
def handmade(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Warehouse]:
    """Collection ``open`` with subjects S1 and S2, and ``closed``, which nobody but the operator may read."""
    warehouse = Warehouse.open(tmp_path_factory.mktemp("queries"), workers=1)
    warehouse.control.save_collection(Collection("open").within("public"))
    warehouse.control.save_collection(Collection("closed").within("team"))
    renamed = [record for record in rich() if not isinstance(record, Study | StudyHeader | Series | SeriesHeader)]
    closed = [record for record in renamed if getattr(record, "series", None) is None]
    log_sources(warehouse, ("open", rich() + bare(), DataClass.CLINICAL), ("closed", closed, DataClass.CLINICAL))
    yield warehouse
    warehouse.close()
