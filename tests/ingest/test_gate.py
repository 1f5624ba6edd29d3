from __future__ import annotations

import datetime as dt
from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.base import Context
from ingest.gate import forms
from ingest.gate.forms import PATTERNS, identifier_in
from ingest.gate.records import CHECKED, LABEL, admit
from ontology.fields import STARS
from ontology.records import (
    Finding,
    Lesion,
    Measurement,
    Procedure,
    Reader,
    RegionFacts,
    Reject,
    SeriesHeader,
    StudyHeader,
    Subject,
    When,
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
        Procedure(key="k", software="jane@example.org"),
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


TEXTS = [
    (StudyHeader(uid="1.2", subject="P1", description="CT of the chest"), "(0008,1030) StudyDescription"),
    (SeriesHeader(uid="1.2", subject="P1", attributes={"SeriesDescription": "lung"}), "(0008,103E) SeriesDescription"),
    (SeriesHeader(uid="1.2", subject="P1", attributes={"Manufacturer": ("A", "Roe^Jane")}), "(0008,0070) Manufacturer"),
    (RegionFacts(key="r", subject="P1", region="1", label="Zebulon's"), LABEL),
]


@pytest.mark.parametrize(("record", "place"), TEXTS)
@pytest.mark.parametrize("attested", [True, False])
def test_a_text_waits_until_a_steward_has_approved_it_whatever_is_attested(record, place, attested):
    asked, texts = [], []
    waiting = Context(
        collection="test", attested=attested, review=asked.append, asked=lambda place, text: texts.append((place, text))
    )
    bare = admit(record, waiting)
    assert type(bare) is type(record)
    [(at, text)] = texts
    assert at == place
    assert text not in repr(bare)
    assert [(entry.place, entry.content, entry.review) for entry in asked] == [(place, waiting.mark(text), True)]
    assert text not in repr(asked)
    approved = replace(waiting, released=lambda content, at: (content, at) == (waiting.mark(text), place))
    assert admit(record, approved) is record
    assert len(texts) == 1


def test_of_the_date_of_a_study_the_year_is_kept_and_day_counts_have_none():
    for when, year in [
        (When.on(dt.date(2001, 5, 6)), 2001),
        (When.partial("2001-05"), 2001),
        (When(dt.date(2000, 12, 31), dt.date(2001, 1, 1)), None),
        (When(12, 12), None),
        (None, None),
    ]:
        assert admit(StudyHeader(uid="1.2", subject="P1", when=when), PLAIN).year == year


def test_a_published_catalogue_is_not_reviewed_again():
    reviewed = Context(collection="test", attested=True, reviewed=True, review=lambda entry: pytest.fail(entry.place))
    for record, _ in TEXTS:
        assert admit(record, reviewed) is record


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
    assert not forms.HARMLESS.fullmatch(found), found


@pytest.mark.parametrize("text", ["+49 1234567890", "+1 5550100142", "1961-03-12", "219-09-9999"])
def test_groups_of_digits_are_looked_at(text: str) -> None:
    assert forms.HARMLESS.fullmatch(text) is None
    assert identifier_in(text) is not None


@pytest.mark.parametrize("text", ["42 mm", "<5", "-3.5e-7", "T01", "FU2", "1.2 g/ml", "", "benign"])
def test_numbers_with_units_and_words_are_quickly_told(text: str) -> None:
    assert forms.HARMLESS.fullmatch(text)
