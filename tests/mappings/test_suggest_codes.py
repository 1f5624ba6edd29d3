"""Proposals for codes: what was decided of the same meaning first, then labels, then what is nearly the same."""

from __future__ import annotations

import pytest

from mappings.code_sets import triplets_in
from mappings.codes import Codes
from mappings.schemes import scheme_for
from mappings.suggest_codes import suggest_code

CODES = Codes()


@pytest.mark.parametrize(
    ("meaning", "term", "reason"),
    [
        ("LongAxis", "ncit:C96684", "so decided of"),
        ("Standardized Uptake Value Peak", "ncit:C95013", "its label or synonym"),
        ("Standardised Uptake Value Maximum", "ncit:C95012", "like"),
    ],
)
def test_the_first_proposal(meaning: str, term: str, reason: str) -> None:
    first = suggest_code(meaning, CODES)[0]
    assert first.term == term
    assert first.reason.startswith(reason)


@pytest.mark.parametrize("meaning", ["", "xyzzy of no kind", "...."])
def test_nothing_is_proposed_where_nothing_fits(meaning: str) -> None:
    assert suggest_code(meaning, CODES) == []


def test_a_raw_code_is_taken_apart() -> None:
    raw = "REX4062|RADREX|LI|DC Texture 3 + 1|x = 7|99A|b"
    assert [tuple(item) for item in triplets_in(raw)] == [("REX4062", "RADREX", "LI|DC Texture 3"), ("7", "99A", "b")]


def test_every_designator_is_a_scheme() -> None:
    names = {
        text: scheme_for(text).name
        for text in ("SRT", "99_NCI_CIP", "my own!", "9", "", "\N{GREEK SMALL LETTER ALPHA}")
    }
    assert list(names.values()) == ["srt", "cip", "myown", "x9", "unnamed", "unnamed"]
