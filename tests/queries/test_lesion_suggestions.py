"""Which lesions of two readers are suggested to be one: alike in size, on the same study or day, at one place."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from queries.lesion_suggestions import LEAST, Measured, Suggestion, suggestions

LONGEST = "ncit:C96684"


def lesion(key: str, reader: str, **sizes: float) -> Measured:
    """A lesion in the liver, with its longest diameter by study or day."""
    known = {(LONGEST, time): size for time, size in sizes.items()}
    return Measured("S1", key, one=key, readers={reader}, sites={"ncit:C12392": "Liver"}, sizes=known)


def pairs(*lesions: Measured) -> list[tuple[str, str, float]]:
    return [(item.a.key, item.b.key, item.score) for item in suggestions(lesions, set())]


A, B = lesion("A", "r1", study=20.0), lesion("B", "r2", study=25.0)


def test_two_readers_with_sizes_alike_may_mean_one_lesion() -> None:
    assert pairs(A, B) == [("A", "B", 0.8)]


@pytest.mark.parametrize(
    "other",
    [
        lesion("B", "r1", study=20.0),  # of the same reader
        lesion("B", "r2", study=60.0),  # of another size
        lesion("B", "r2", later=20.0),  # of another time
        replace(B, sites={"ncit:C12468": "Lung"}),
        replace(B, subject="S2"),
        replace(B, one="A"),  # decided before
        replace(B, readers=set()),
    ],
)
def test_what_speaks_against_it(other: Measured) -> None:
    assert pairs(A, other) == []


def test_sides_that_differ_speak_against_it() -> None:
    assert pairs(replace(A, sides={"left"}), replace(B, sides={"right"})) == []
    assert pairs(replace(A, sides={"left"}), B) == [("A", "B", 0.8)]


def test_a_place_that_is_not_known_halves_the_score() -> None:
    assert pairs(A, replace(B, sites={})) == [("A", "B", 0.4)]


def test_the_best_is_first_and_rivals_are_marked() -> None:
    rival = lesion("C", "r2", study=24.0)
    found = list(suggestions([A, B, rival], set()))
    assert [(item.a.key, item.b.key, item.ambiguous) for item in found] == [("A", "C", True), ("A", "B", True)]
    far = lesion("C", "r2", study=38.0)
    assert [item.ambiguous for item in suggestions([A, B, far], set())] == [False, True], "the best has no near rival"


def test_what_was_decided_is_not_suggested() -> None:
    assert list(suggestions([A, B], {frozenset({("S1", "A"), ("S1", "B")})})) == []


SIZES = st.dictionaries(st.sampled_from(["day 0", "day 40", "urn:oid:1.2"]), st.floats(0, 500), max_size=3)
LESIONS = st.lists(
    st.builds(lambda reader, sizes: lesion("", reader, **sizes), st.sampled_from(["r1", "r2", "r3"]), SIZES), max_size=6
)


@given(LESIONS)
def test_a_suggestion_is_of_two_readers_and_alike(found: list[Measured]) -> None:
    lesions = [replace(item, key=str(at), one=str(at)) for at, item in enumerate(found)]
    said: list[Suggestion] = list(suggestions(lesions, set()))
    assert len({frozenset({item.a.key, item.b.key}) for item in said}) == len(said)
    assert [item.score for item in said] == sorted((item.score for item in said), reverse=True)
    for item in said:
        assert not item.a.readers & item.b.readers
        assert LEAST <= item.score <= 1
        assert 1 <= item.times <= 3
