"""A subject's timeline as SVG text: a pure function of typed events. In a band every kind of event has its lanes."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from api.svg import INK, MUTED, clipped, element, number, shown, text_width
from api.timeline_bands import LABEL, WIDTH, Band, Row, TimelineEvent, Window, bands
from api.timeline_lanes import rows_of

__all__ = ["draw_timeline"]

AXIS, GAP = 34.0, 18.0
HEADING: dict[str, str] = {"font_weight": "600"}
GRID, RULE = "#e3e8ee", "#eef1f4"
FONT = "system-ui, -apple-system, Segoe UI, Roboto, DejaVu Sans, sans-serif"


def draw_timeline(
    events: Sequence[TimelineEvent],
    name: str,
    window: Window | None = None,
    zoom: Callable[[Window], str] = lambda window: f"?from={window.first}&to={window.last}&band={window.band}",
) -> str:
    """The timeline of the subject called ``name`` as one SVG element; ``window`` shows some days of one band."""
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
