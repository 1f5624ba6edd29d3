from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.base import Context
from ingest.gate import records as gate
from ingest.gate.forms import PATTERNS, identifier_in
from ingest.gate.records import CHECKED, admit
from ontology.fields import STARS
from ontology.records import (
    Finding,
    Lesion,
    Measurement,
    Procedure,
    Reader,
    Reject,
    SeriesHeader,
    StudyHeader,
    Subject,
)
from ontology.terms import ncit

PLAIN = Context(collection="test")
ATTESTED = Context(collection="test", attested=True)

IDENTIFYING = [
    "1961-03-12",
    "born 03/12/1961",
    "12.03.1961",
    "12 March 1961",
    "12-Mar-1961",
    "March 12, 1961",
    "555-010-0142",
    "(555) 010-0142",
    "+49 89 1234567",
    "jane.roe@example.org",
    "078-05-1120",
    "Roe^Jane",
]
HARMLESS = [
    "42 mm",
    "4.2 cm",
    "M",
    ">=90",
    "1.2.840.113619.2.55.3",
    "T2N0M0",
    "35321007|SCT|Fluorodeoxyglucose F^18^",
    "2014-02",
    "0.12 0.34 0.56",
    "120/80",
    "12/14",
    "1e-05",
    "Stable disease at week 12 of 2",
    "LUNG1-001",
    "TCGA-09-1667",
]


@pytest.mark.parametrize("text", IDENTIFYING)
@pytest.mark.parametrize("field", ["raw", "value"])
def test_identifying_text_is_quarantined_without_its_value(text, field):
    reject = admit(Finding(key="R2C3", subject="P1", variable=ncit.SEX, **{field: text}), ATTESTED)
    assert isinstance(reject, Reject)
    assert reject.quarantine
    assert reject.place == f"record R2C3, {field}"
    assert text not in str(reject)


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_passes(text):
    record = Finding(key="R2C3", subject=text, variable=ncit.SEX, raw=text, value=text)
    assert admit(record, PLAIN) is record


@pytest.mark.parametrize(
    "record",
    [
        Subject(subject="Roe^Jane"),
        Lesion(subject="P1", key="1", label="seen 1961-03-12"),
        Lesion(subject="P1", key="Roe^Jane"),
        Reader(key="jane@example.org"),
        StudyHeader(uid="1.2", subject="P1", description="call 555-010-0142"),
        Procedure(key="k", software="jane@example.org"),
        SeriesHeader(uid="1.2", subject="P1", attributes={"Manufacturer": ("A", "Roe^Jane")}),
    ],
    ids=lambda record: type(record).__name__,
)
def test_every_kind_of_record_is_checked(record):
    assert isinstance(admit(record, ATTESTED), Reject)


def test_key_that_identifies_is_not_told():
    reject = admit(Finding(key="Roe^Jane", subject="P1", variable=ncit.SEX, raw="Roe^Jane"), PLAIN)
    assert "Roe" not in str(reject)


def test_version_dates_are_no_dates_of_a_person():
    record = Procedure(key="k", software="tool", version="2021-03-12", settings='{"built": "2021-03-12"}')
    assert admit(record, PLAIN) is record


def test_free_text_of_headers_needs_attestation():
    header = SeriesHeader(uid="1.2", subject="P1", attributes={"SeriesDescription": "lung", "KVP": Decimal(120)})
    study = StudyHeader(uid="1.2", subject="P1", description="CT")
    assert admit(header, PLAIN).attributes == {"KVP": Decimal(120)}
    assert admit(study, PLAIN).description is None
    assert admit(header, ATTESTED) is header
    assert admit(study, ATTESTED) is study


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"value": Decimal(89), "raw": "89"}, (Decimal(89), None, None, "89")),
        ({"value": Decimal(90), "raw": "90 y"}, (None, Decimal(90), None, "90+")),
        ({"value": 93, "raw": "93"}, (None, Decimal(90), None, "90+")),
        ({"low": Decimal(85), "high": Decimal(95), "raw": "85-95"}, (None, Decimal(90), None, "90+")),
        ({"low": Decimal(90), "raw": "90+"}, (None, Decimal(90), None, "90+")),
    ],
)
def test_ages_are_capped(fields, expected):
    record = admit(Measurement(key="a", subject="P1", variable=ncit.AGE, unit="a", **fields), PLAIN)
    assert (record.value, record.low, record.high, record.raw) == expected


def test_other_measurements_are_left_alone():
    record = Measurement(key="a", subject="P1", variable=ncit.LONGEST_DIAMETER, value=Decimal(93), raw="93", unit="mm")
    assert admit(record, PLAIN) is record


def test_every_free_text_field_of_every_record_is_checked():
    chosen = {"viewer"}  # a published fact of the catalogue, no text about a person
    for star in STARS:
        if star.node == "collection" or star.record not in CHECKED:
            continue
        texts = {field.name for field in star.fields if field.kind in ("string", "scalar", "lesion", "reader")}
        checked = {name for name, _ in CHECKED[star.record]}
        assert texts - chosen <= checked, star.table


@given(st.sampled_from(sorted(PATTERNS)), st.data())
def test_what_is_quickly_called_harmless_has_no_form_of_an_identifier(kind: str, data: st.DataObject) -> None:
    found = data.draw(st.from_regex(PATTERNS[kind][1], fullmatch=True))
    assert not gate.HARMLESS.fullmatch(found), found


@pytest.mark.parametrize("text", ["+49 1234567890", "+1 5550100142", "1961-03-12", "219-09-9999"])
def test_groups_of_digits_are_looked_at(text: str) -> None:
    assert gate.HARMLESS.fullmatch(text) is None
    assert identifier_in(text) is not None


@pytest.mark.parametrize("text", ["42 mm", "<5", "-3.5e-7", "T01", "FU2", "1.2 g/ml", "", "benign"])
def test_numbers_with_units_and_words_are_quickly_told(text: str) -> None:
    assert gate.HARMLESS.fullmatch(text)
