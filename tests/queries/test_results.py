"""Answers over hand-made records, value by value, and the formats that they are written in."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from decimal import Decimal

import pytest

from ontology.prefixes import expand
from queries.catalogue import query
from queries.results import Cell, Table, UnknownFormatError, run, write
from store.warehouse import OPERATOR, Warehouse


def ask(warehouse: Warehouse, name: str, **values: str) -> list[dict[str, Cell]]:
    return list(run(warehouse, query(name), values, OPERATOR).dicts())


def test_a_timeline_has_every_record_once(handmade: Warehouse) -> None:
    rows = ask(handmade, "subject-timeline", collection="open", subject="S1")
    kinds = Counter(row["kind"] for row in rows)
    expected = {"imaging": 3, "measurement": 4, "finding": 6, "response": 2, "outcome": 1, "treatment": 1, "event": 1}
    assert kinds == expected
    assert len({row["record"] for row in rows}) == len(rows)
    treatment = next(row for row in rows if row["kind"] == "treatment")
    assert (treatment["lane"], treatment["label"], treatment["day"], treatment["endDay"]) == (
        "cisplatin",
        "Cisplatin",
        8,
        60,
    )
    assert treatment["clock"] == "days from diagnosis (calendar)"
    size = next(row for row in rows if row["kind"] == "measurement" and row["visit"] == 1 and row["reader"] == "r2")
    assert (size["lane"], size["label"], size["day"], size["value"], size["unit"]) == (
        "T01",
        "Longest Diameter",
        55,
        25,
        "mm",
    )


def test_what_has_the_least_is_shown_once_and_undated(handmade: Warehouse) -> None:
    """An OPTIONAL over an unbound variable would multiply these rows by every label of the vocabulary."""
    rows = ask(handmade, "subject-timeline", collection="open", subject="S2")
    assert Counter(row["kind"] for row in rows) == {
        "imaging": 2,
        "measurement": 2,
        "finding": 2,
        "response": 2,
        "outcome": 1,
        "treatment": 1,
        "event": 1,
    }
    assert {row["day"] for row in rows} == {None}
    assert {row["clock"] for row in rows} == {None}
    assert {row["lane"] for row in rows if row["kind"] == "measurement"} == {"L%2F1"}


@pytest.mark.parametrize(
    ("name", "values", "number"),
    [
        ("cohort-by-diagnosis", {}, 1),
        ("lesion-diameters", {}, 2),
        ("series-acquisition-outcome", {}, 1),
        ("response-by-visit", {}, 1),
        ("best-response-and-survival", {}, 1),
        ("treatment-response", {}, 1),
        ("pet-protocol", {}, 1),
        ("stage-imaging-survival", {}, 1),
        ("reader-agreement", {}, 0),
    ],
)
def test_a_bare_subject_has_one_row_each(handmade: Warehouse, name: str, values: dict[str, str], number: int) -> None:
    rows = [row for row in ask(handmade, name, collection="open", **values) if row["subject"] == "S2"]
    assert len(rows) == number


def test_a_diagnosis_finds_what_is_narrower(handmade: Warehouse) -> None:
    found = ask(handmade, "cohort-by-diagnosis", diagnosis="Lung Carcinoma", modality="CT", minTimePoints="2")
    assert [(row["collection"], row["subject"], row["timePoints"], row["seriesCount"]) for row in found] == [
        ("open", "S1", 2, 2)
    ]
    assert found[0]["diagnosedLabel"] == "Lung Adenocarcinoma"
    assert ask(handmade, "cohort-by-diagnosis", diagnosis="Invasive Breast Carcinoma") == []


def test_two_readers_of_one_lesion_are_paired(handmade: Warehouse) -> None:
    rows = ask(handmade, "reader-agreement", collection="open")
    assert [(row["day"], row["a"], row["b"], row["difference"], row["mean"]) for row in rows] == [
        (5, 40, 41, -1, Decimal("40.5")),
        (55, 24, 25, -1, Decimal("24.5")),
    ]


def test_sums_change_against_baseline(handmade: Warehouse) -> None:
    rows = ask(handmade, "sum-of-diameters", collection="open", subject="S1")
    assert [(row["reader"], row["visit"], row["total"], row["percentChange"]) for row in rows] == [
        ("r1", 0, 40, 0),
        ("r1", 1, 24, -40),
        ("r2", 0, 41, 0),
        ("r2", 1, 25, -39),
    ]
    assert {(row["targets"], row["missing"]) for row in rows} == {(1, 0)}


def test_an_attribute_with_two_values_gives_one_row(handmade: Warehouse) -> None:
    rows = [row for row in ask(handmade, "series-acquisition-outcome", collection="open") if row["subject"] == "S1"]
    assert [(row["kernel"], row["sliceThickness"], row["days"], row["event"]) for row in rows] == [
        ("3", Decimal("2.5"), 300, True),
        ("3", Decimal("2.5"), 300, True),
    ]
    thin = ask(handmade, "series-acquisition-outcome", collection="open", maxSliceThickness="2")
    assert thin == []


def test_segmentations_count_the_images_beside_them(handmade: Warehouse) -> None:
    (row,) = ask(handmade, "subjects-with-segmentation")
    assert (row["series"], row["imageSeries"], row["viewer"]) == (
        "urn:oid:1.2.0.9",
        1,
        "https://viewer.example.org/1.2.0",
    )


def test_a_value_is_traced_to_its_source(handmade: Warehouse) -> None:
    first = ask(handmade, "lesion-diameters", collection="open", subject="S1")[0]
    (row,) = ask(handmade, "measurement-provenance", record=str(first["record"]))
    assert (row["locator"], row["sourceName"], row["sourceKind"], row["value"]) == ("0r1", "toy", "toy", 40)
    assert (row["software"], row["version"], row["reader"]) == ("Ruler", "2", "r1")
    assert len(str(row["digest"])) == 64


def test_anomalies_are_found_by_rule(handmade: Warehouse) -> None:
    assert ask(handmade, "measurement-anomalies", collection="open") == []
    rows = ask(handmade, "measurement-anomalies", collection="open", maxLength="40", changeFactor="1.65")
    assert [(row["rule"], row["value"], row["compared"]) for row in rows] == [
        ("changed too much since the visit before", 24, 40),
        ("longer than expected", 41, 40),
    ]


def test_stage_rows_and_their_sums_agree(handmade: Warehouse) -> None:
    rows = ask(handmade, "stage-imaging-survival", collection="open")
    assert [(row["subject"], row["seriesCount"], row["annotated"], row["days"], row["event"]) for row in rows] == [
        ("S1", 2, False, 300, True),
        ("S2", 1, False, 10, None),
    ]
    (total,) = ask(handmade, "survival-by-stage", collection="open", annotation="SEG")
    assert (total["subjects"], total["seriesCount"], total["annotated"]) == (2, 3, 1)
    assert (total["dead"], total["medianDays"]) == (1, 300)


def table(handmade: Warehouse) -> Table:
    return run(handmade, query("lesion-diameters"), {"collection": "open"}, OPERATOR)


def test_json_has_columns_and_typed_values(handmade: Warehouse) -> None:
    content = json.loads(write(table(handmade), "json"))
    assert content["query"] == "lesion-diameters"
    site = next(column for column in content["columns"] if column["name"] == "site")
    assert site == {"name": "site", "label": "Site", "type": "concept"}
    assert next(column for column in content["columns"] if column["name"] == "day")["unit"] == "d"
    first = content["rows"][0]
    assert first["value"] == 40
    assert first["site"] == expand("ncit:C12392")
    assert first["siteLabel"] == "Liver"
    assert content["rows"][-1]["day"] is None


def test_csv_and_tsv_hold_the_same(handmade: Warehouse) -> None:
    separated = list(csv.DictReader(io.StringIO(write(table(handmade), "csv"))))
    tabbed = list(csv.DictReader(io.StringIO(write(table(handmade), "tsv")), delimiter="\t"))
    assert separated == tabbed
    assert separated[0]["value"] == "40"
    assert separated[-1]["day"] == ""


def test_an_unknown_format_lists_the_known_ones(handmade: Warehouse) -> None:
    with pytest.raises(UnknownFormatError, match="no format 'xml'; there are: json, csv, tsv"):
        write(table(handmade), "xml")


def test_a_terminal_shows_labels_for_concepts(handmade: Warehouse) -> None:
    titles, rows = table(handmade).shown()
    assert titles.count("Site") == 1
    assert "Day [d]" in titles
    assert "Liver" in rows[0]
    assert not any("NCIT_" in cell for row in rows for cell in row)
