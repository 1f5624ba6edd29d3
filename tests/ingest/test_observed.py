"""What annotations share: any text at all is read or refused, and every code of its tables is known by its label."""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Callable
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.observed import lesions, quantities, readers, sites, times
from ingest.observed.coded import Code
from ingest.observed.quantities import ValueProblem
from ingest.observed.region_names import region_name
from mappings.codes import bundled
from ontology.prefixes import Curie
from ontology.terminology import terms
from ontology.terms import ncit, q

STRUCTURES = {"adrenal": ncit.ADRENAL_GLAND, "lung": ncit.LUNG, "left lung": ncit.LEFT_LUNG}
VARIABLES = st.sampled_from([ncit.LONGEST_DIAMETER, ncit.VOLUME])


def rows(name: str) -> list[dict[str, str]]:
    with files("mappings").joinpath(name).open(encoding="utf-8") as table:
        lines = (line for line in table if not line.startswith("#"))
        return list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))


def refused(read: Callable[[], object]) -> str | None:
    """What would be right where a text is refused, None where it is read."""
    try:
        read()
    except ValueProblem as problem:
        return problem.wanted
    return None


@given(st.text(max_size=80), st.text(max_size=20), VARIABLES)
def test_any_number_is_read_or_refused_with_what_would_be_right(text: str, unit: str, variable: Curie) -> None:
    assert refused(lambda: quantities.amount(text, unit, variable)) != ""


@given(st.decimals(min_value=0, max_value=10_000, places=3), st.sampled_from(["mm", "cm", "m"]))
def test_a_length_is_the_same_in_every_unit(value, unit: str) -> None:
    found = quantities.amount(str(value), unit, ncit.LONGEST_DIAMETER)
    assert found.unit == "mm"
    assert float(found.value) == pytest.approx(float(value) * {"mm": 1, "cm": 10, "m": 1000}[unit])


@given(st.text(max_size=80))
def test_any_text_is_a_time_a_name_a_role_or_nothing(text: str) -> None:
    for read in (lesions.lesion_name, lesions.tracking_uid, readers.role_of, readers.session, readers.accepted):
        read(text)
    region_name(text)
    times.visit_label(text)
    quantities.automation(text)
    sites.text_site(text, STRUCTURES)
    sites.site_of([Code(text, text, text)], bundled(), [Code(text, "SCT", text)])
    assert refused(lambda: times.date(text)) != ""


@given(st.dates(min_value=dt.date(1901, 1, 1)), st.sampled_from(["%Y-%m-%d", "%Y%m%d"]))
def test_a_date_that_is_written_is_the_date_that_is_read(day, form: str) -> None:
    found = times.date(day.strftime(form))
    assert found is not None
    assert found.first == day


@given(st.integers(1, 99), st.sampled_from(["Lesion {}", "lesion_{}", "LESION{}", "Lesion-{}~sp1~x"]))
def test_a_lesion_has_one_name_however_it_is_written(number: int, form: str) -> None:
    name = lesions.lesion_name(form.format(number))
    assert name == f"Lesion{number}"
    assert lesions.lesion_name(name) == name
    assert lesions.listed(form.format(number).partition("~")[0], "r").key == f"r.lesion{number}"


@pytest.mark.parametrize("text", ["L adrenal", "adrenal, left", "Adrenal (Lt)", "left Adrenal"])
def test_a_side_at_either_end_of_a_text_is_a_side(text: str) -> None:
    assert sites.text_site(text, STRUCTURES) == sites.Site(ncit.ADRENAL_GLAND, ncit.LEFT)


def test_a_whole_name_goes_before_a_side_that_it_begins_with() -> None:
    assert sites.text_site("left lung", STRUCTURES) == sites.parts_of(ncit.LEFT_LUNG)
    assert sites.text_site("left", STRUCTURES) is None


@given(st.text(max_size=30), st.text(max_size=30))
def test_lesions_of_two_readers_are_never_one_by_name(one: str, other: str) -> None:
    keys = {lesions.listed("T01", f"r{reader}").key for reader in (one, other)}
    assert len(keys) == len({one, other})
    assert lesions.listed("T01", one).rule == q.BY_NAME


@pytest.mark.parametrize("row", rows("sites.tsv"), ids=lambda row: row["term"])
def test_every_part_of_a_site_has_the_label_of_its_term(row: dict[str, str]) -> None:
    own = Curie(row["term"])
    if not own.startswith("sct:"):  # a code of a source is held by its code mapping
        assert terms()[own].label == row["label"]
    else:
        assert bundled().canonical(own.partition(":")[2], "SCT", row["label"]) is not None
    for part in ("structure", "laterality", "modifier"):
        assert bool(row[part]) == bool(row[f"{part}_label"])
        if row[part]:
            assert terms()[Curie(row[part])].label == row[f"{part}_label"]


def test_sides_and_parts_are_of_their_kind() -> None:
    for row in rows("sites.tsv"):
        assert not row["laterality"] or Curie(row["laterality"]) in sites.LATERALITIES
        assert not row["modifier"] or Curie(row["modifier"]) in sites.MODIFIERS


def test_every_name_of_a_region_has_the_label_of_its_term() -> None:
    named = [row for row in rows("region_names.tsv") if row["term"]]
    assert named
    for row in named:
        assert terms()[Curie(row["term"])].label == row["label"]
