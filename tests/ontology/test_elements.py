"""Data elements: the bundled tables, the rules that say what an element makes, and versions."""

from __future__ import annotations

import csv
from dataclasses import replace
from importlib.resources import files

import pytest

from ontology.elements import Element, Makes, UnknownElementError, ValueType, bundled_elements, element, elements
from ontology.terminology import term
from ontology.terms import q
from ontology.variables import variables


def rows(name: str) -> list[dict[str, str]]:
    with files("ontology").joinpath(name).open(encoding="utf-8") as table:
        return list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


def test_every_element_is_a_bundled_term_of_that_name() -> None:
    for item in bundled_elements().values():
        assert term(item.curie).label == item.long_name


def test_elements_stand_once_and_in_order() -> None:
    keys = [
        (int(row["public_id"]), [int(part) for part in row["version"].split(".") if part])
        for row in rows("elements.tsv")
    ]
    assert keys == sorted(keys)
    assert len(bundled_elements()) == len(keys)


def test_every_value_belongs_to_an_element_and_stands_once() -> None:
    table = rows("element_values.tsv")
    assert {(row["public_id"], row["version"]) for row in table} <= set(bundled_elements())
    assert len({tuple(row.values()) for row in table}) == len(table)


def test_every_variable_is_registered_and_of_the_kind_that_the_element_makes() -> None:
    for item in bundled_elements().values():
        if item.variable:
            assert variables()[item.variable].kind.value == item.makes.value, item.long_name


def test_clinical_and_pathologic_stage_are_variables_of_their_own() -> None:
    found = {item.curie: item.variable for item in bundled_elements().values()}
    assert (found["cadsr:3440332"], found["cadsr:3203222"]) == (q.CLINICAL_STAGE, q.PATHOLOGIC_STAGE)


def test_a_decision_differs_from_the_rules() -> None:
    for item in bundled_elements().values():
        if item.decided:
            assert replace(item, decided=None).makes is not item.decided, item.long_name


@pytest.mark.parametrize(
    ("name", "datatype", "value_type", "makes"),
    [
        ("Patient Diagnosis Age Day Value", "", ValueType.NUMBER, Makes.MEASUREMENT),
        ("Surgical Procedure Performed Date", "DATE", ValueType.DATE, Makes.EVENT),
        ("Chemotherapy Regimen Start Date", "DATE", ValueType.DATE, Makes.TREATMENT),
        ("Lab Sample Collection Date", "DATE", ValueType.DATE, Makes.DATE),
        ("Patient Birth Date", "DATE", ValueType.DATE, Makes.IDENTIFYING),
        ("Patient Hospital Number", "ALPHANUMERIC", ValueType.NUMBER, Makes.IDENTIFYING),
        ("Participating Group Patient ID", "CHARACTER", ValueType.TEXT, Makes.SUBJECT),
        ("Best Overall Response Type", "CHARACTER", ValueType.CODE, Makes.RESPONSE),
        ("Death Less Initial Pathologic Diagnosis Date Calculated Day Value", "", ValueType.NUMBER, Makes.OUTCOME),
        ("Tumor Perineural Invasion Ind", "", ValueType.CODE, Makes.FINDING),
        ("Protocol Long Title Text", "CHARACTER", ValueType.TEXT, Makes.ADMINISTRATIVE),
        ("Organism java.lang.Boolean", "java.lang.Boolean", ValueType.BOOLEAN, Makes.FINDING),
    ],
)
def test_rules(name: str, datatype: str, value_type: ValueType, makes: Makes) -> None:
    item = Element("1", "1", name, datatype)
    assert (item.value_type, item.makes) == (value_type, makes)


def test_versions_are_different_items_and_the_newest_is_the_default() -> None:
    assert element("cadsr:2192199").version == "2"
    assert element("cadsr:2192199", "1.00").values
    assert element("cadsr:2192199", "v2.0").values == ()
    with pytest.raises(UnknownElementError, match="known: 1, 2"):
        element("cadsr:2192199", "9")
    with pytest.raises(UnknownElementError, match="no data element"):
        element("cadsr:0")


def test_an_imported_element_takes_the_place_and_keeps_the_decisions() -> None:
    imported = Element("2896960", "1", "Year of initial pathologic diagnosis", "NUMBER")
    other = Element("2200604", "9", "Person Gender Text Type", "CHARACTER")
    found = elements([imported, other])
    assert found[imported.curie, "1"].datatype == "NUMBER"
    assert found[imported.curie, "1"].makes is Makes.EVENT
    assert found[other.curie, "9"].variable == "ncit:C28421"
    assert (other.curie, "3") in found
