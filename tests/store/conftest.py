"""Warehouses of these tests hold our own vocabulary alone: that of everybody takes longer to load than all they do."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

import pytest

import store.generations
from ontology.prefixes import expand
from ontology.vocabulary import vocabulary_lines


@cache
def own_lines() -> tuple[str, ...]:
    """The lines of the vocabulary about terms of ours."""
    return tuple(line for line in vocabulary_lines() if line.startswith(f"<{expand('q:')}"))


@pytest.fixture(scope="module", autouse=True)
def our_own_vocabulary() -> Iterator[None]:
    """What is no term of ours is left out of the vocabulary graph; processes that tests start load all of it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store.generations, "vocabulary_lines", own_lines)
        yield
