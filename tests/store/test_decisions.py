"""The decisions of a warehouse are only ever added to."""

from __future__ import annotations

from pathlib import Path

import pytest
import sqlalchemy as sa

from store.control import Control
from store.decided import DecisionRecord, Verdict
from store.decisions import DecisionLog


def record(**values: str) -> DecisionRecord:
    common = {"mapping": "m", "verdict": Verdict.ACCEPTED, "subject": "column:a", "author": "Ada", "reason": "x"}
    return DecisionRecord(**{**common, **values})


@pytest.fixture
def control(tmp_path: Path) -> Control:
    return Control(f"sqlite:///{tmp_path / 'control.db'}")


def test_rows_are_numbered_in_their_order_and_read_by_map_and_subject(control: Control) -> None:
    decisions = DecisionLog(control)
    first, second = decisions.add([record(), record(subject="column:b")])
    (third,) = decisions.add([record(mapping="n", verdict=Verdict.WITHDRAWN)])
    assert (first.id, second.id, third.id) == (1, 2, 3)
    assert first.made_at.endswith("Z")
    assert decisions.history("m") == [first, second]
    assert decisions.history("m", "column:b") == [second]
    assert DecisionLog(control).by_mapping() == {"m": [first, second], "n": [third]}


@pytest.mark.parametrize("change", ["UPDATE decision SET object = 'x'", "DELETE FROM decision"])
def test_no_row_is_changed_or_removed(control: Control, change: str) -> None:
    decisions = DecisionLog(control)
    decisions.add([record()])
    with pytest.raises(sa.exc.IntegrityError, match="only added"), control.engine.begin() as connection:
        connection.exec_driver_sql(change)
    assert len(decisions.history("m")) == 1


def test_a_row_that_cannot_be_added_leaves_none_of_its_company(control: Control) -> None:
    decisions = DecisionLog(control)
    with pytest.raises(sa.exc.IntegrityError):
        decisions.add([record(), record(subject=None)])  # type: ignore[arg-type]
    assert decisions.history("m") == []
