"""The events of a subject: rows of the curated query ``subject-timeline`` as a table and as a drawing."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from api.terms import label_of
from api.timeline_bands import Clock, Lane, TimelineEvent
from ontology.prefixes import Curie, compact, expand
from ontology.terms import ncit
from queries.results import Table, plain

__all__ = ["EventRow", "by_reader", "drawing_order", "event_rows", "timeline_events"]

BADGES = (
    ("non-complete response", "NN"),
    ("non-irecist complete", "NN"),
    ("incomplete response", "SD"),
    ("unconfirmed progressive", "UPD"),
    ("complete response", "CR"),
    ("complete remission", "CR"),
    ("partial response", "PR"),
    ("partial remission", "PR"),
    ("stable disease", "SD"),
    ("progressive disease", "PD"),
    ("progression", "PD"),
    ("evaluable", "NE"),
)
"""The short form of a response by what its label holds; the first that fits."""

DEATHS = ("death", "dead", "died", "deceased")

FIRST_VARIABLES = (
    ncit.LONGEST_DIAMETER,
    ncit.LONGEST_PERPENDICULAR,
    ncit.STANDARDIZED_UPTAKE_VALUE_MAXIMUM,
    ncit.VOLUME,
)
"""Variables of lesions that are drawn before others."""

NOT_DRAWN = (ncit.AGE, ncit.AGE_AT_DIAGNOSIS, ncit.SEX)
"""Variables of the head of the page that a drawing over time adds nothing to."""


TRACKING_UID = re.compile(r"[0-9]+(?:\.[0-9]+)+")
UNNAMED = "days on a clock without a name"
"""What the days are called of records that name no clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One event as the table shows it; ``anchor`` is the name of its row."""

    anchor: str
    kind: str
    lane: str
    label: str
    day: int | None
    last: int | None
    earliest: int | None
    latest: int | None
    clock: str
    visit: str
    value: str
    unit: str
    number: float | None
    happened: bool | None
    concept: str
    absent: str
    code: str
    variable: Curie
    variable_label: str
    lesion: str
    site: str
    reader: str
    study: str
    record: str
    source: str

    @property
    def days(self) -> str:
        """The day or days for people; empty where none is known."""
        if self.day is not None:
            return f"{self.day} to {self.last}" if self.last is not None and self.last != self.day else str(self.day)
        if self.earliest is not None and self.latest is not None:
            return f"between {self.earliest} and {self.latest}"
        return ""

    @property
    def said(self) -> str:
        """The value for people; empty where `what` says it all."""
        if self.kind in ("event", "imaging"):
            return "" if self.concept == self.what else self.concept
        said = " ".join(part for part in (self.value, "" if self.unit == "1" else self.unit) if part)
        said = said or self.concept or self.absent
        if self.happened is None:
            return said
        return f"{said} ({'event' if self.happened else 'censored'})".strip()

    @property
    def what(self) -> str:
        """What the event is about, for people."""
        return " · ".join(part for part in (self.lesion, self.variable_label or self.label) if part)


def event_rows(table: Table) -> list[EventRow]:
    """The rows of the curated query, in its order."""
    return [_row(index, row) for index, row in enumerate(table.dicts())]


def _row(index: int, row: dict[str, Any]) -> EventRow:
    def text(name: str) -> str:
        return plain(row[name])

    value = row["value"]
    number = None if value is None or isinstance(value, str | bool) else float(value)
    concept = text("conceptLabel") or (label_of(text("concept")) if row["concept"] else "")
    variable = compact(text("variable"))
    return EventRow(
        anchor=f"event-{index + 1}",
        kind=text("kind"),
        lane=text("lane"),
        label=text("label") or concept,
        day=row["day"],
        last=row["endDay"],
        earliest=row["dayEarliest"],
        latest=row["dayLatest"],
        clock=text("clock") or UNNAMED,
        visit=text("visit"),
        value=f"{number:g}" if isinstance(number, float) and not isinstance(value, int) else text("value"),
        unit=text("unit"),
        number=number,
        happened=row["event"],
        concept=concept,
        absent=text("absentLabel"),
        code=compact(text("concept")).rpartition(":")[2],
        variable=Curie(variable),
        variable_label=text("variableLabel") or (label_of(text("variable")) if variable else ""),
        lesion=lesion_name(text("lesion")),
        site=text("siteLabel"),
        reader=text("reader"),
        study=text("study"),
        record=text("record"),
        source=text("source"),
    )


def lesion_name(label: str) -> str:
    """A lesion's label; one that has only a tracking UID is called by the end of it.

    >>> lesion_name("T01"), lesion_name("2.25.234486095208039088854815")
    ('T01', 'lesion …854815')
    """
    return f"lesion …{label[-6:]}" if TRACKING_UID.fullmatch(label) else label


# the drawing


def timeline_events(rows: Sequence[EventRow], page: str) -> list[TimelineEvent]:
    """The events that have a day, as the drawing takes them; each leads to its row of the table on ``page``."""
    dated = [row for row in rows if row.day is not None or row.earliest is not None or row.latest is not None]
    events = [event for row in dated if row.kind != "imaging" for event in _event(row, page)]
    return [*events, *_imaging([row for row in dated if row.kind == "imaging"], page)]


def _event(row: EventRow, page: str) -> Iterator[TimelineEvent]:
    draw = KINDS.get(row.kind)
    if draw is not None and (values := draw(row)) is not None:
        first = row.day if row.day is not None else row.earliest if row.earliest is not None else row.latest
        assert first is not None, "only events with a day are drawn"
        last = row.last if row.day is not None else row.latest
        yield TimelineEvent(clock=Clock(row.clock), day=first, last=last, href=f"{page}#{row.anchor}", **values)


def badge_of(label: str) -> str:
    """The short form of a response.

    >>> badge_of("Target Lesion Partial Response"), badge_of("Near-complete")
    ('PR', 'Near-comp…')
    """
    known = next((badge for words, badge in BADGES if words in label.casefold()), None)
    return known or (label if len(label) <= 10 else label[:9] + "…")


def by_reader(row: EventRow) -> str:
    """Whose reading it is, as the end of a sentence."""
    return f" by {row.reader}" if row.reader else ""


def _response(row: EventRow) -> dict[str, Any]:
    track = " · ".join(part for part in (row.variable_label, row.lesion, row.reader) if part)
    said = row.said
    label = f"{row.what}: {said or 'no category'}{by_reader(row)}"
    return {"lane": Lane.RESPONSE, "track": track, "label": label, "badge": badge_of(said) or "none"}


def _measurement(row: EventRow) -> dict[str, Any] | None:
    site = f" in {row.site}" if row.site else ""
    label = f"{row.what}{site}: {row.said or 'no value'}{by_reader(row)}"
    unit = "" if row.unit == "1" else row.unit
    common = {"label": label, "value": row.number, "unit": unit, "line": row.reader}
    if row.lesion:
        return {"lane": Lane.LESION, "group": row.variable_label, "track": row.lesion, "detail": row.site, **common}
    if row.variable in NOT_DRAWN:
        return None
    return {"lane": Lane.LAB, "track": row.variable_label, **common}


def _finding(row: EventRow) -> dict[str, Any] | None:
    """A finding about a lesion, its role or status at a visit, is in the table only."""
    if row.lesion or row.variable in NOT_DRAWN:
        return None
    badge = row.said.removeprefix(row.variable_label).strip()
    label = f"{row.what}: {row.said}{by_reader(row)}"
    return {"lane": Lane.FINDING, "track": row.variable_label, "label": label, "badge": badge}


def _treatment(row: EventRow) -> dict[str, Any]:
    dose = f" {row.value} {row.unit}".rstrip()
    name = row.lane if row.label in row.lane else f"{row.lane}: {row.label}"
    ongoing = row.last is None and row.day is not None
    track = row.lane or row.label
    return {"lane": Lane.TREATMENT, "track": track, "label": name + dose, "badge": row.label, "open_end": ongoing}


def _status(row: EventRow) -> dict[str, Any]:
    dead = any(word in row.label.casefold() for word in DEATHS)
    return {"lane": Lane.STATUS, "track": "Events", "label": row.label, "badge": "death" if dead else ""}


KINDS: dict[str, Callable[[EventRow], dict[str, Any] | None]] = {
    "event": _status,
    "finding": _finding,
    "measurement": _measurement,
    "response": _response,
    "treatment": _treatment,
}
"""How each kind of row is drawn; outcomes stand in the head of the page, series are drawn together."""


def _imaging(rows: Sequence[EventRow], page: str) -> Iterator[TimelineEvent]:
    """One event for the series of a modality and a day."""
    groups: dict[tuple[str, str, int], list[EventRow]] = {}
    for row in rows:
        if row.day is not None:
            groups.setdefault((row.clock, row.concept, row.day), []).append(row)
    for (clock, modality, day), mine in groups.items():
        names = list(dict.fromkeys(row.label for row in mine))
        listed = "; ".join(names[:6]) + (" …" if len(names) > 6 else "")
        count = f"{len(mine)} series" if len(mine) > 1 else "1 series"
        yield TimelineEvent(
            lane=Lane.IMAGING,
            track=modality,
            label=f"{modality}, {count}: {listed}",
            clock=Clock(clock),
            day=day,
            value=len(mine),
            badge=mine[0].code,
            href=f"{page}#{mine[0].anchor}",
        )


def drawing_order(events: Sequence[TimelineEvent]) -> list[TimelineEvent]:
    """The events in the order of their rows: well-known variables of lesions first, treatments as they began."""
    known = {label_of(expand(item)): rank for rank, item in enumerate(FIRST_VARIABLES)}
    began: dict[str, int] = {}
    for event in events:
        if event.lane is Lane.TREATMENT:
            began[event.track] = min(event.day, began.get(event.track, event.day))

    def place(event: TimelineEvent) -> tuple[int, str, int, str, int]:
        start = began[event.track] if event.lane is Lane.TREATMENT else 0
        return known.get(event.group, len(known)), event.group, start, event.track, event.day

    return sorted(events, key=place)
