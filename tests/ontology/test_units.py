"""Units: what sources write, and conversions that lose nothing."""

from __future__ import annotations

import csv
import subprocess
import sys
from decimal import Decimal
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ontology.units import IncompatibleUnitsError, UnknownUnitError, convert, normalise

SPELLINGS = {
    "mm": "mm",
    "MM": "mm",
    " cm ": "cm",
    "millimeters": "mm",
    "cc": "cm3",
    "cm^3": "cm3",
    "mm\N{SUPERSCRIPT THREE}": "mm3",
    "HU": "[hnsf'U]",
    "[hnsf'U]": "[hnsf'U]",
    "Hounsfield  Unit": "[hnsf'U]",
    "g/ml": "g/ml",
    "{SUVbw}g/ml": "g/ml",
    "g/ml{SUVbw}": "g/ml",
    "GML": "g/ml",
    "BQML": "Bq/ml",
    "1": "1",
    "no units": "1",
    "%": "%",
    "Percent": "%",
    "10-6 mm2/s": "um2/s",
    "10^-6 mm^2/s": "um2/s",
    "x10-3 mm2/s": "10*-3.mm2/s",
    "um2/s": "um2/s",
    "1/min": "/min",
    "min-1": "/min",
    "ng/mL": "ng/ml",
    "\N{MICRO SIGN}g/L": "ug/l",
    "U/mL": "[arb'U]/ml",
    "U/L": "U/l",
    "10^9/L": "10*9/l",
    "K/uL": "10*3/ul",
    "mmHg": "mm[Hg]",
    "years": "a",
    "Y": "a",
    "months": "mo",
    "days": "d",
    "pack years": "{pack_year}",
    "lbs": "[lb_av]",
    "mCi": "mCi",
    "cGy": "cGy",
}

CONVERSIONS = [
    ("4.2", "cm", "mm", "42"),
    ("0.1", "m", "mm", "100"),
    ("1.5", "cm3", "mm3", "1500"),
    ("2", "ml", "mm3", "2000"),
    ("1", "l", "dm3", "1"),
    ("730.5", "d", "a", "2"),
    ("12", "mo", "a", "1"),
    ("3", "wk", "d", "21"),
    ("1.1", "10*-3.mm2/s", "um2/s", "1100"),
    ("0.0011", "mm2/s", "um2/s", "1100"),
    ("0.5", "/s", "/min", "30"),
    ("5", "ug/l", "ng/ml", "5"),
    ("0.3", "1", "%", "30"),
    ("6.4", "{SUVbw}g/ml", "g/ml", "6.4"),
    ("20", "1", "{pack_year}", "20"),
    ("3", "kU/l", "U/l", "3000"),
    ("70", "[in_i]", "cm", "177.8"),
    ("150", "[lb_av]", "kg", "68.0388555"),
    ("2", "Gy", "cGy", "200"),
    ("37", "MBq", "mCi", "1"),
]


@pytest.mark.parametrize(("text", "ucum"), SPELLINGS.items())
def test_spellings(text: str, ucum: str) -> None:
    assert normalise(text) == ucum


@pytest.mark.parametrize("text", ["", " ", "M", "furlong", "patients", "100 mm", "mm)", "10"])
def test_what_is_no_unit_is_not_guessed(text: str) -> None:
    assert normalise(text) is None


@pytest.mark.parametrize(("value", "source", "target", "wanted"), CONVERSIONS)
def test_conversions(value: str, source: str, target: str, wanted: str) -> None:
    assert convert(Decimal(value), source, target) == Decimal(wanted)


def test_a_quotient_that_does_not_end_is_rounded() -> None:
    assert convert(Decimal(1), "d", "a") == Decimal("0.00273785078713210")


@pytest.mark.parametrize(("source", "target"), [("mm", "g"), ("cm3", "cm2"), ("U/l", "mm"), ("[hnsf'U]", "g/ml")])
def test_different_quantities_are_refused_by_name(source: str, target: str) -> None:
    with pytest.raises(IncompatibleUnitsError) as caught:
        convert(Decimal(1), source, target)
    assert source in str(caught.value)
    assert target in str(caught.value)


@pytest.mark.parametrize("unit", ["foo", "m/", "(mm", "0", "/0"])
def test_what_is_no_ucum_is_refused(unit: str) -> None:
    with pytest.raises(UnknownUnitError, match="is no UCUM unit"):
        convert(Decimal(1), unit, "mm")


@given(st.decimals(min_value=-(10**9), max_value=10**9, places=6))
def test_there_and_back_again(value: Decimal) -> None:
    assert convert(convert(value, "cm3", "mm3"), "mm3", "cm3") == value
    assert convert(convert(value, "min", "s"), "s", "min") == value


def test_the_table_of_spellings_is_sound() -> None:
    with files("ontology").joinpath("units.tsv").open(encoding="utf-8") as table:
        rows = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))
    spellings = [text for row in rows for text in row["spellings"].split("|")]
    assert len(spellings) == len(set(spellings))
    for row in rows:
        assert normalise(row["ucum"]) == row["ucum"]
        assert convert(Decimal(1), row["ucum"], row["ucum"]) == 1


def test_importing_is_cheap() -> None:
    code = "import sys, ontology.units as u; u.normalise('cm'); print('pint' in sys.modules)"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


def test_a_large_whole_number_is_converted_exactly() -> None:
    assert convert(Decimal("1E57"), "cm", "mm") == Decimal("1E58")
