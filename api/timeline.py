"""A subject's timeline as SVG text: a pure function of typed events.

Days are drawn against the clock they are counted on. Events on two clocks are two bands, each with its own axis,
because their days cannot be compared. Within a band every kind of event has its lanes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from api.svg import clipped, element, number, shown, text_width

__all__ = ["Band", "Clock", "Lane", "Scale", "TimelineEvent", "Window", "bands", "draw_timeline"]

WIDTH, LABEL, MARGIN = 1120.0, 280.0, 22.0
AXIS, GAP = 34.0, 18.0
HEADING: dict[str, str] = {"font_weight": "600"}
INK, MUTED, GRID, RULE = "#1b1f24", "#55606e", "#e3e8ee", "#eef1f4"
FONT = "system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif"
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


def draw_timeline(
    events: Sequence[TimelineEvent],
    name: str,
    window: Window | None = None,
    zoom: Callable[[Window], str] = lambda window: f"?from={window.first}&to={window.last}&band={window.band}",
) -> str:
    """The timeline of the subject called ``name`` as one SVG element; ``window`` shows some days of one band."""
    from api.timeline_lanes import rows_of  # noqa: PLC0415 - the lanes draw with this module's types

    top, parts = 6.0, list[str]()
    drawn = bands(events, window, zoom)
    for index, band in enumerate(drawn):
        part, height = _draw_band(band, list(rows_of(band)), index, several=len(drawn) > 1)
        parts.append(element("g", part, transform=f"translate(0 {number(top)})"))
        top += height + GAP
    if not drawn:
        parts.append(_text("No event of this subject has a day that can be shown.", 8, 24))
        top = 40.0
    title = element("title", shown(f"Timeline of {name}"))
    return element(
        "svg",
        title + "".join(parts),
        xmlns="http://www.w3.org/2000/svg",
        viewBox=f"0 0 {number(WIDTH)} {number(top)}",
        role="group",
        font_family=FONT,
        font_size="12",
        fill=INK,
        class_="timeline",
    )


def _draw_band(band: Band, rows: list[Row], index: int, several: bool) -> tuple[str, float]:
    """The markup of a band from 0 downwards, and its height."""
    top, parts = AXIS + (18.0 if several else 0.0), list[str]()
    base = top
    for row in rows:
        parts.append(_draw_row(row, top, index))
        top += row.height
    clip = element("rect", x=LABEL + 6, y=-4, width=WIDTH - LABEL - 6, height=top + 8)
    clip = element("clipPath", clip, id=f"plot-{index}")
    axis = _draw_axis(band, base, top)
    note = ""
    if several:
        text = f"Clock {index + 1}: {band.clock.label}. Its days cannot be compared with those of another clock."
        note = _text(text, 8, 13, font_weight="600")
    legend, height = _draw_legend(band, top + 10)
    return clip + note + axis + "".join(parts) + legend, top + 10 + height


def _draw_axis(band: Band, base: float, bottom: float) -> str:
    parts = [_text(clipped(band.clock.label, LABEL, 12), 8, base - 14, fill=MUTED)]
    for day in band.scale.ticks():
        x = band.scale.x(day)
        zero = day == 0
        parts.append(
            element(
                "line",
                x1=x,
                x2=x,
                y1=base - 8,
                y2=bottom,
                stroke="#7b8694" if zero else GRID,
                stroke_dasharray="4 3" if zero else None,
            )
        )
        weight = "600" if zero else None
        parts.append(_text(str(day), x, base - 14, fill=MUTED, text_anchor="middle", font_weight=weight))
    return element("g", "".join(parts), aria_hidden="true")


def _draw_row(row: Row, top: float, index: int) -> str:
    middle = top + row.height / 2 + (-2 if row.below else 4)
    start = 24.0 if row.swatch else 8.0 if row.heading else 18.0
    value = clipped(row.value, max(LABEL / 2, LABEL - start - text_width(row.label, 12) - 14), 11)
    room = LABEL - start - (text_width(value, 11) + 10 if value else 0)
    title = element("title", shown(" ".join(part for part in (row.label, row.below, row.value) if part)))
    parts = [
        element(
            "text", title + shown(clipped(row.label, room, 12)), x=start, y=middle, **HEADING if row.heading else {}
        )
    ]
    if row.below:
        parts.append(_text(clipped(row.below, LABEL - start, 11), start, middle + 15, fill=MUTED, font_size="11"))
    if row.swatch:
        parts.append(element("rect", x=8, y=middle - 9, width=10, height=10, rx=2, fill=row.swatch))
    if value:
        parts.append(_text(value, LABEL - 4, middle, fill=MUTED, font_size="11", text_anchor="end"))
    parts.append(element("line", x1=0, x2=WIDTH, y1=top + row.height, y2=top + row.height, stroke=RULE))
    marks = element("g", "".join(row.marks), transform=f"translate(0 {number(top)})")
    parts.append(element("g", marks, clip_path=f"url(#plot-{index})"))
    return "".join(parts)


def _draw_legend(band: Band, top: float) -> tuple[str, float]:
    """Sample marks with their meaning, in as many lines as they need."""
    x, y, parts = 8.0, top + 8, list[str]()
    for meaning, sample in band.legend.items():
        width = 34 + text_width(meaning, 11.5) + 14
        if x + width > WIDTH:
            x, y = 8.0, y + 20
        parts.append(element("g", sample, transform=f"translate({number(x + 14)} {number(y)})"))
        parts.append(_text(meaning, x + 34, y + 4, font_size="11.5", fill=MUTED))
        x += width
    return element("g", "".join(parts), aria_label="Legend", role="group"), (y - top + 12 if parts else 0.0)


def _text(text: str, x: float, y: float, **attributes: str | float | None) -> str:
    return element("text", shown(text), x=x, y=y, **attributes)
