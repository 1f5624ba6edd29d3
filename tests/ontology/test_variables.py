"""The registry of variables: one concept per quantity, each code claimed once, units that convert."""

from __future__ import annotations

import csv
from collections import Counter
from decimal import Decimal
from importlib.resources import files

import pyoxigraph as ox
import pytest

from ontology.prefixes import Curie, expand
from ontology.terminology import terms
from ontology.units import convert, normalise
from ontology.variables import UnknownVariableError, VariableKind, canonical, variable, variables

PREFERENCE = ["ncit", "dcm", "ibsi", "radlex", "q"]


def own_variables() -> set[str]:
    turtle = files("ontology").joinpath("qilin.ttl").read_bytes()
    kind, wanted = expand("rdf:type"), expand("q:Variable")
    return {
        "q:" + quad.subject.value.removeprefix(expand("q:"))
        for quad in ox.parse(turtle, format=ox.RdfFormat.TURTLE)
        if quad.predicate.value == kind and getattr(quad.object, "value", None) == wanted
        if isinstance(quad.subject, ox.NamedNode)
    }


def test_no_code_is_claimed_twice() -> None:
    claimed = Counter(code for item in variables().values() for code in (item.curie, *item.codes))
    assert [code for code, times in claimed.items() if times > 1] == []
    composed = Counter(pair for item in variables().values() for pair in item.composed)
    assert [pair for pair, times in composed.items() if times > 1] == []


def test_every_code_is_bundled_or_our_own() -> None:
    ours = own_variables()
    for item in variables().values():
        for code in (item.curie, *item.codes, *(part for pair in item.composed for part in pair)):
            assert code in terms() or code in ours, f"{code} of {item.label}"


def test_labels_are_those_of_the_terms() -> None:
    for item in variables().values():
        if item.curie in terms():
            assert item.label == terms()[item.curie].label


def test_the_registry_lists_all_of_our_own_variables() -> None:
    listed = {curie for curie in variables() if curie.startswith("q:")}
    # what has no term yet can be of any kind
    assert own_variables() - listed == {"q:Unmapped"}
    assert listed <= own_variables()


def test_the_preferred_vocabulary_names_the_variable() -> None:
    for item in variables().values():
        rank = PREFERENCE.index(item.curie.partition(":")[0])
        for code in item.codes:
            prefix = code.partition(":")[0]
            assert prefix == "sct" or PREFERENCE.index(prefix) >= rank, f"{code} is to be preferred to {item.curie}"


def test_units_are_canonical() -> None:
    for item in variables().values():
        if item.unit is None:
            assert item.kind is not VariableKind.OUTCOME, "an outcome is counted in days"
            continue
        assert normalise(item.unit) == item.unit
        assert convert(Decimal(1), item.unit, item.unit) == 1
        assert item.kind in {VariableKind.MEASUREMENT, VariableKind.OUTCOME}


def test_composed_variables_build_on_one_in_the_same_unit() -> None:
    for item in variables().values():
        for base, _statistic in item.composed:
            assert variable(base).unit == item.unit


def test_the_table_is_sorted_and_complete() -> None:
    with files("ontology").joinpath("variables.tsv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    kinds = list(VariableKind)

    def order(row: dict[str, str]) -> tuple[int, int, int, str]:
        prefix, _, code = row["curie"].partition(":")
        return (
            kinds.index(VariableKind(row["kind"])),
            PREFERENCE.index(prefix),
            0 if prefix == "q" else len(code),
            code,
        )

    assert rows == sorted(rows, key=order)
    assert all(row["definition"].endswith(".") for row in rows)
    assert all(None not in row.values() for row in rows)


@pytest.mark.parametrize(
    ("code", "statistic", "wanted"),
    [
        ("ncit:C96684", None, "ncit:C96684"),
        ("sct:103339001", None, "ncit:C96684"),
        ("ncit:C94982", None, "ncit:C96685"),
        ("ncit:C17357", None, "ncit:C28421"),
        ("dcm:126401", "sct:56851009", "ncit:C95012"),
        ("dcm:126400", "dcm:126031", "ncit:C95013"),
        ("ncit:C69310", "ncit:C53319", "q:StandardizedUptakeValueMean"),
        ("dcm:113041", "sct:373098007", "dcm:113041"),
    ],
)
def test_one_variable_for_each_quantity(code: str, statistic: str | None, wanted: str) -> None:
    found = canonical(Curie(code), Curie(statistic) if statistic else None)
    assert found is not None
    assert found.curie == wanted


def test_what_nobody_claims_has_no_variable() -> None:
    assert canonical(Curie("ncit:C12468")) is None


def test_unknown_variables_list_those_near() -> None:
    with pytest.raises(UnknownVariableError, match="ncit:C96684 \\(Longest Diameter\\)"):
        variable("longest diametre")
    with pytest.raises(UnknownVariableError, match=r"the registry has \d+ variables"):
        variable("xyz")
