"""Warehouses of these tests hold our own vocabulary alone: that of everybody takes longer to load than all they do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import store.generations
from ontology.prefixes import expand
from ontology.vocabulary import vocabulary_lines


@pytest.fixture(scope="package", autouse=True)
def our_own_vocabulary() -> Iterator[None]:
    """What is no term of ours is left out of the vocabulary graph; processes that tests start load all of it."""
    ours = f"<{expand('q:')}"
    lines = [line for line in vocabulary_lines() if line.startswith(ours)]
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(store.generations, "vocabulary_lines", lambda: lines)
        yield
