"""When something was observed: dates as tools write them, and visits by number or by name."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterable
from typing import TypedDict

from ingest.observed.quantities import ValueProblem
from ontology.records import When

__all__ = ["UNSET_DAY", "Visited", "date", "visit_label", "visited"]

DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})(?:$|[T ]|\d{2,})", re.ASCII)
UNSET_YEAR = 1
"""``0001-01-01`` is how AIM 3 tools write an empty date."""

UNSET_DAY = dt.date(1900, 1, 1)
"""How a date that a document must have and nobody knows is written: in DICOM a year begins with 1 or 2."""

VISIT = re.compile(
    r"(?<![^\W_])(?:(?P<baseline>baseline)|follow[- ]?up(?:[ _-]?(?P<number>\d{1,2}))?)(?![^\W_])",
    re.ASCII | re.IGNORECASE,
)


NUMBERED = re.compile(r"\d{1,4}", re.ASCII)


class Visited(TypedDict):
    """The visit of an observation, as observations hold it."""

    visit: int | None
    visit_label: str | None
    baseline: bool | None


def date(text: str, clock: str | None = None) -> When | None:
    """The day of an ISO date or time, ``YYYYMMDDhhmmss`` or ``YYYYMMDD``; None where it is empty or no date was set.

    Raises `ValueProblem` where there is another text.

    >>> date("20080606").first, date("2000-07-01T00:00:00").first, date("0001-01-01T00:00:00")
    (datetime.date(2008, 6, 6), datetime.date(2000, 7, 1), None)
    """
    if not text.strip():
        return None
    found = DATE.match(text.strip())
    try:
        day = dt.date(*(int(part) for part in found.groups())) if found else None
    except ValueError:
        day = None
    if day is None:
        raise ValueProblem("the date is none of the calendar", "YYYY-MM-DD, YYYYMMDD or YYYYMMDDhhmmss")
    return None if day.year == UNSET_YEAR or day == UNSET_DAY else When.on(day, clock)


def visit_label(*texts: str) -> str | None:
    """The visit that names or meanings state as a word of its own; None where they state none, or several.

    >>> visit_label("Lesion Followup Evaluation"), visit_label("0022BaselineA")
    ('Follow-up', None)
    """
    stated = {
        "Baseline" if found["baseline"] else f"Follow-up {int(found['number'])}" if found["number"] else "Follow-up"
        for text in texts
        for found in VISIT.finditer(text)
    }
    return stated.pop() if len(stated) == 1 else None


def visited(
    number: int | str | None, names: Iterable[str], *, points: Iterable[str] = (), baseline: bool = False
) -> Visited:
    """The visit by its stated number, and by name: one rule for whatever document states it.

    ``names`` are names of annotations and meanings of codes, in which a visit is a word among others; ``points`` are
    labels of time points, of which a bare number is one too. Other texts are not kept. ``baseline`` says whether a code
    assigns what is observed to the baseline.

    >>> visited("0", ["Lesion 1"]), visited(None, [], points=["2"])["visit_label"]
    ({'visit': 0, 'visit_label': None, 'baseline': True}, '2')
    """
    if isinstance(number, str):
        number = int(number) if NUMBERED.fullmatch(number) else None
    points = list(points)
    label = visit_label(*names, *points) or next((point for point in points if NUMBERED.fullmatch(point)), None)
    first = baseline or number == 0 or label == "Baseline"
    return Visited(visit=number, visit_label=label, baseline=True if first else None)
