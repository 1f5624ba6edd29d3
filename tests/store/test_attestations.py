"""Releases from quarantine: who answers for which content and check; only added, never changed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from ontology.records import Reject
from store.attestations import Attestations, CannotReleaseError
from store.control import Control

HELD = Reject(name="a.dcm", place="(0028,0301)", problem="is YES", wanted="NO", quarantine=True, content="c1")
NAMED = Reject(name="b.dcm", place="(0008,0090)", problem="holds a name", wanted="nothing", quarantine=True)
BROKEN = Reject(name="c.dcm", place="file", problem="is cut off", wanted="the whole file")


@pytest.fixture
def control(tmp_path: Path) -> Iterator[Control]:
    opened = Control(f"sqlite:///{tmp_path / 'control.db'}")
    opened.reject(opened.start_run("toys"), "toys", (), [HELD, NAMED, BROKEN])
    yield opened
    opened.engine.dispose()


def test_a_release_is_signed_and_holds_for_one_content_and_check_of_one_collection(control: Control) -> None:
    log = Attestations(control)
    assert log.release([control.quarantine()[0]], "Jo", "no text in the pixels") == 1
    [row] = log.history()
    assert (row.by, row.reason, row.name, row.released) == ("Jo", "no text in the pixels", "a.dcm", True)
    assert log.released("toys") == {("c1", "(0028,0301)")}
    assert log.released("others") == frozenset()


@pytest.mark.parametrize(("number", "why"), [(1, "never stored"), (2, "broken")])
def test_what_identifies_and_what_is_broken_is_never_released(control: Control, number: int, why: str) -> None:
    log = Attestations(control)
    entries = control.quarantine()
    with pytest.raises(CannotReleaseError, match=why):
        log.release([entries[0], entries[number]], "Jo", "all fine")
    assert log.history() == []


def test_a_release_names_who_and_why(control: Control) -> None:
    for by, reason in (("", "fine"), ("Jo", " ")):
        with pytest.raises(CannotReleaseError, match="who answers"):
            Attestations(control).release(control.quarantine()[:1], by, reason)


def test_a_release_is_taken_back_by_a_further_row(control: Control) -> None:
    log = Attestations(control)
    log.release(control.quarantine()[:1], "Jo", "looked")
    log.take_back([1], "Mo", "text at the edge")
    assert log.released("toys") == frozenset()
    assert [(row.by, row.released) for row in log.history("toys")] == [("Jo", True), ("Mo", False)]
    with pytest.raises(CannotReleaseError, match="no release 9"):
        log.take_back([9], "Mo", "none")
    with pytest.raises(sa.exc.IntegrityError, match="only added"), control.engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM attestation"))


def test_an_older_ledger_gets_the_column_and_its_entries_are_not_releasable(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'old.db'}"
    old = Control(url)
    old.reject(old.start_run("toys"), "toys", (), [HELD])
    with old.engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE quarantine DROP COLUMN content"))
    old.engine.dispose()
    [entry] = Control(url).quarantine()
    assert (entry.name, entry.content) == ("a.dcm", "")
