"""The events of a longitudinal project: their names in exports, their order, and the visits that follow from it."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from ingest.base import head_of
from mappings.shape import plain

__all__ = [
    "StudyEvent",
    "delimiter_of",
    "derived_name",
    "is_events",
    "name_reader",
    "read_events",
    "to_events",
    "visit_numbers",
]

COLUMNS = frozenset({"event_name", "arm_num", "unique_event_name"})
ARM_COLUMNS = frozenset({"arm_num", "name"})
NAMED_ARM = re.compile(r"(?P<event>.*) \(Arm (?P<number>\d+): .*\)")
NAME_LENGTH = 18
"""Characters of an event's label that REDCap takes into its unique name."""


@dataclass(frozen=True, slots=True)
class StudyEvent:
    """An event of an arm: ``name`` is the unique name of raw exports, ``label`` that of label exports."""

    name: str
    label: str
    arm: str = "1"
    planned: int | None = None
    """The planned day (``DayOffset``), where scheduling is on. A plan: it orders events and dates nothing."""


def delimiter_of(text: str) -> str:
    """The sign that cuts the column names: REDCap lets each user choose it.

    >>> delimiter_of('"field_name";"form_name"'), delimiter_of("field_name,form_name")
    (';', ',')
    """
    line = text.split("\n", 1)[0]
    return max(",;\t", key=line.count)


def is_events(path: Path) -> bool:
    """Whether a CSV is a project's list of events or of arms, as REDCap exports them."""
    return _has(path, COLUMNS) or _has(path, ARM_COLUMNS, only=True)


def _has(path: Path, columns: frozenset[str], *, only: bool = False) -> bool:
    line = head_of(str(path), 512).decode("utf-8-sig", errors="replace").splitlines()[:1]
    header = {cell.strip(' "') for cell in line[0].split(delimiter_of(line[0]))} if line else set()
    return header == columns if only else columns <= header


def read_events(path: Path) -> tuple[StudyEvent, ...]:
    """The events of a list as REDCap exports it; none where the file is another or cannot be read."""
    if not _has(path, COLUMNS):
        return ()
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
        rows = list(csv.DictReader(text.splitlines(), restval="", delimiter=delimiter_of(text)))
    except (OSError, csv.Error):
        return ()
    return to_events(rows)


def to_events(rows: Iterable[Mapping[str, object]], *, scheduled: bool = False) -> tuple[StudyEvent, ...]:
    """The events of rows as REDCap gives them, in their order; the planned day counts only where scheduling is on."""
    return tuple(
        StudyEvent(
            name=str(row["unique_event_name"]),
            label=plain(str(row["event_name"])),
            arm=str(row.get("arm_num") or "1"),
            planned=_day(str(row.get("day_offset", ""))) if scheduled else None,
        )
        for row in rows
        if row.get("unique_event_name") and row.get("event_name")
    )


def _day(text: str) -> int | None:
    return int(text) if re.fullmatch(r"-?\d{1,6}", text) else None


def visit_numbers(events: Iterable[StudyEvent]) -> dict[str, int]:
    """The number of each event's visit: its place in its arm, from 0, by planned day where there is one.

    >>> visit_numbers([StudyEvent("a_arm_1", "A"), StudyEvent("b_arm_1", "B"), StudyEvent("a_arm_2", "A", "2")])
    {'a_arm_1': 0, 'b_arm_1': 1, 'a_arm_2': 0}
    """
    listed = list(events)
    if all(event.planned is not None for event in listed):
        listed.sort(key=lambda event: event.planned or 0)
    seen: Counter[str] = Counter()
    numbers: dict[str, int] = {}
    for event in listed:
        numbers[event.name] = seen[event.arm]
        seen[event.arm] += 1
    return numbers


def name_reader(events: Iterable[StudyEvent]) -> Callable[[str], str]:
    """From an event as an export writes it, by unique name or by label, to its unique name.

    >>> read = name_reader([StudyEvent("a_arm_1", "A"), StudyEvent("a_arm_2", "A", "2")])
    >>> read("a_arm_1"), read("A (Arm 2: Drug B)"), read("Week 6")
    ('a_arm_1', 'a_arm_2', 'week_6_arm_1')
    """
    listed = list(events)
    counted = Counter(event.label for event in listed)
    known = {event.name: event.name for event in listed}
    known |= {event.label: event.name for event in listed if counted[event.label] == 1 and event.label not in known}
    in_arm = {(event.label, event.arm): event.name for event in listed}

    def read(text: str) -> str:
        found = NAMED_ARM.fullmatch(text)
        return (
            known.get(text) or (in_arm.get((found["event"], found["number"])) if found else None) or derived_name(text)
        )

    return read


def derived_name(label: str) -> str:
    """The unique name that REDCap makes of an event's label, for a project whose list of events is not at hand.

    >>> derived_name("Follow up"), derived_name("Week 6 (Arm 2: Drug B)"), derived_name("follow_up_arm_1")
    ('follow_up_arm_1', 'week_6_arm_2', 'follow_up_arm_1')
    """
    if re.fullmatch(r"[a-z0-9_]*_arm_\d+", label) or not label:
        return label
    found = NAMED_ARM.fullmatch(label)
    event, arm = (found["event"], found["number"]) if found else (label, "1")
    return f"{re.sub(r'[^a-z0-9_ ]', '', event.lower()).replace(' ', '_')[:NAME_LENGTH]}_arm_{arm}"
