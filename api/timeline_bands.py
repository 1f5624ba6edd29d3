"""What a subject's timeline is drawn from: events, and the bands of those counted on one clock, with their scale.

Days are drawn against the clock they are counted on. Events on two clocks are two bands, each with its own axis,
because their days cannot be compared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from api.svg import element, shown

__all__ = ["LABEL", "MARGIN", "WIDTH", "Band", "Clock", "Lane", "Row", "Scale", "TimelineEvent", "Window", "bands"]

WIDTH, LABEL, MARGIN = 1120.0, 280.0, 22.0
"""The width of the drawing, of its column of labels, and what stays free beside the plots."""
STEPS = (1, 2, 7, 14, 28, 56, 84, 168, 364, 728, 1820, 3640, 7280, 18200)
"""Distances of ticks in days: weeks and four-week months, as trials count."""


class Lane(StrEnum):
    """The kinds of lanes, in the order in which they are drawn."""

    STATUS = "status"
    TREATMENT = "treatment"
    RESPONSE = "response"
    IMAGING = "imaging"
    LESION = "lesion"
    LAB = "lab"
    FINDING = "finding"


@dataclass(frozen=True, slots=True, order=True)
class Clock:
    """A way of counting days by what it is called, ``days from diagnosis (calendar)``; unique within a subject."""

    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimelineEvent:
    """One event on one lane.

    ``track`` names the row within the lane (a lesion, an agent, a modality), ``group`` the rows that belong together
    (one variable of all lesions), ``detail`` what is said
    below the row's name (a site), ``line`` the line within a plot (a reader), ``badge`` a short code such as ``PR``;
    ``last`` is the end of an interval or of a partial date, ``open_end`` says that no end is known.
    """

    lane: Lane
    track: str
    label: str
    clock: Clock
    day: int
    last: int | None = None
    open_end: bool = False
    group: str = ""
    value: float | None = None
    unit: str = ""
    detail: str = ""
    line: str = ""
    badge: str = ""
    href: str = ""

    @property
    def end(self) -> int:
        """The last day."""
        return self.day if self.last is None else max(self.day, self.last)

    @property
    def days(self) -> str:
        """The day or days in words."""
        if self.open_end:
            return f"from day {self.day}, no end known"
        return f"day {self.day}" if self.end == self.day else f"days {self.day} to {self.end}"

    @property
    def title(self) -> str:
        """Everything that the mark says, for the tooltip and for screen readers."""
        return f"{self.label}, {self.days}"


@dataclass(frozen=True, slots=True)
class Window:
    """The days that a zoomed band shows."""

    first: int
    last: int
    band: int = 0


@dataclass(frozen=True, slots=True)
class Scale:
    """From days to horizontal coordinates."""

    first: float
    last: float
    left: float = LABEL + MARGIN
    right: float = WIDTH - MARGIN

    def x(self, day: float) -> float:
        """The coordinate of a day."""
        return self.left + (day - self.first) / (self.last - self.first) * (self.right - self.left)

    def ticks(self, at_most: int = 10) -> range:
        """Round days within the scale; day 0 is one of them where it is in view."""
        step = next((step for step in STEPS if (self.last - self.first) / step <= at_most), None)
        step = step or int((self.last - self.first) / at_most) + 1
        start = int(-(-self.first // step) * step)
        return range(start, int(self.last) + 1, step)


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a band: what its label says, and the marks of its plot, drawn from 0 to ``height``."""

    label: str
    value: str
    marks: Sequence[str]
    height: float = 28.0
    swatch: str | None = None
    heading: bool = False
    below: str = ""
    """A second, smaller line of the label."""


@dataclass(slots=True)
class Band:
    """The events of one clock, and what the lanes need to draw them.

    ``zoom(first, last)`` is the address of the same page showing those days only.
    """

    clock: Clock
    events: list[TimelineEvent]
    scale: Scale
    zoom: Callable[[int, int], str]
    legend: dict[str, str] = field(default_factory=dict)
    """The markup of a sample mark by what it means, filled in while lanes are drawn."""
    lines: dict[str, int] = field(default_factory=dict)
    """The number of each line (reader), the same in every plot."""

    def line(self, name: str) -> int:
        """The number of a line, by which its colour and mark are chosen."""
        return self.lines.setdefault(name, len(self.lines))

    def clusters(self, events: Sequence[TimelineEvent], width: float) -> Iterator[list[TimelineEvent]]:
        """Events whose marks of that width would lie on one another, together."""
        held: list[TimelineEvent] = []
        for event in sorted(events, key=lambda event: event.day):
            if held and self.scale.x(event.day) - self.scale.x(held[0].day) >= width:
                yield held
                held = []
            held.append(event)
        if held:
            yield held

    def mark(self, events: Sequence[TimelineEvent], shape: str) -> str:
        """A mark that can be reached by keyboard, with everything it says as its title.

        One event leads to its row of the table; several on different days lead to a view of those days.
        """
        first, last = min(event.day for event in events), max(event.end for event in events)
        href = events[0].href if first == last or len(events) == 1 else self.zoom(first - 2, last + 2)
        heading = f"{len(events)} events\n" if len(events) > 1 else ""
        listed = "\n".join(event.title for event in events[:12])
        more = f"\nand {len(events) - 12} more" if len(events) > 12 else ""
        content = element("title", shown(heading + listed + more)) + shape
        if href:
            return element("a", content, href=href)
        return element("g", content, tabindex="0", role="img")


def bands(events: Sequence[TimelineEvent], window: Window | None, zoom: Callable[[Window], str]) -> list[Band]:
    """One band for each clock, the one with most events first; a window narrows its band to some days."""
    by_clock: dict[Clock, list[TimelineEvent]] = {}
    for event in events:
        by_clock.setdefault(event.clock, []).append(event)
    ordered = sorted(by_clock.items(), key=lambda item: (-len(item[1]), item[0]))
    return [_band(index, clock, mine, window, zoom) for index, (clock, mine) in enumerate(ordered)]


def _band(
    index: int, clock: Clock, events: list[TimelineEvent], window: Window | None, zoom: Callable[[Window], str]
) -> Band:
    if window is not None and window.band == index:
        scale = Scale(window.first, max(window.last, window.first + 1))
        events = [event for event in events if event.end >= scale.first and event.day <= scale.last]
    else:
        first, last = min(event.day for event in events), max(event.end for event in events)
        pad = max(7.0, (last - first) * 0.03)
        scale = Scale(first - pad, last + pad)
    return Band(clock, events, scale, lambda first, last: zoom(Window(first, last, index)))
