"""What changed between the visits of a subject, against visits made by hand."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path

from ontology.prefixes import expand
from ontology.records import DataClass, Record, Series, SeriesHeader, Study, StudyHeader, When
from ontology.terms import dcm, ncit
from queries.catalogue import query
from queries.results import run
from store.control import Collection
from store.warehouse import OPERATOR, Warehouse
from tests.queries.conftest import log_source

DYNAMIC = ncit.DYNAMIC_CONTRAST_ENHANCED_MAGNETIC_RESONANCE_IMAGING


def visit(number: int, **said: Decimal) -> list[Record]:
    """A dynamic series, and one of no known kind, with the same attributes."""
    study, when = f"1.2.{number}", When.on(dt.date(2020, 1, 1) + dt.timedelta(days=50 * number))
    records: list[Record] = [Study(uid=study, subject="S1"), StudyHeader(uid=study, subject="S1", when=when)]
    for end, kind in enumerate((DYNAMIC, None), 1):
        records += [
            Series(uid=f"{study}.{end}", subject="S1", study=study),
            SeriesHeader(
                uid=f"{study}.{end}", subject="S1", modality=dcm.MAGNETIC_RESONANCE, when=when,
                acquisition=kind, attributes=dict(said),
            ),
        ]  # fmt: skip
    return records


def test_times_of_mr_are_compared_where_the_kind_of_series_is_known(tmp_path: Path) -> None:
    warehouse = Warehouse.open(tmp_path, workers=1)
    try:
        warehouse.control.save_collection(Collection("open").within("public"))
        first = visit(0, RepetitionTime=Decimal("4.6"), FlipAngle=Decimal(12), SliceThickness=Decimal(2))
        second = visit(1, RepetitionTime=Decimal("5.2"), FlipAngle=Decimal(12), SliceThickness=Decimal(3))
        log_source(warehouse, "open", first + second, DataClass.IMAGES)
        rows = list(run(warehouse, query("scanner-changes"), {"modality": "MR"}, OPERATOR).dicts())
    finally:
        warehouse.close()
    found = {(row["acquisition"] == expand(DYNAMIC), str(row["attribute"]).rsplit("#")[-1]) for row in rows}
    assert found == {(True, "RepetitionTime"), (True, "SliceThickness"), (False, "SliceThickness")}
