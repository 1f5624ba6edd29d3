"""Damaged bytes: every file is told or goes in, and no exception leaves the reader."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.base import Context
from ingest.dicom import read
from ontology.records import Reject, SourceRecord

FLIPS = st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12)


@settings(max_examples=300, deadline=None)
@given(flips=FLIPS, keep=st.floats(0.05, 1))
def test_damage_is_told(whole_file, flips, keep):
    damage(whole_file, flips, keep)


@settings(max_examples=200, deadline=None)
@given(flips=FLIPS, keep=st.floats(0.05, 1))
def test_damaged_frames_are_told(enhanced_file, flips, keep):
    damage(enhanced_file, flips, keep)


def damage(whole, flips, keep):
    """Write a file with other bytes in places, cut short, and read it."""
    content = bytearray(whole)
    for place, value in flips:
        content[int(place * len(content))] = value
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a.dcm")
        path.write_bytes(content[: max(1, int(keep * len(content)))])
        records = list(read(iter([str(path)]), Context(collection="test", attested=True)))
    assert len([record for record in records if isinstance(record, Reject | SourceRecord)]) == 1


def test_file_that_vanished_is_told(tmp_path):
    (reject,) = read(iter([str(tmp_path / "gone.dcm")]), Context(collection="test"))
    assert isinstance(reject, Reject)
    assert "FileNotFoundError" in reject.problem
