"""How each kind of lane is drawn: marks, badges, bars and small line plots."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from api.svg import INK, MUTED, clipped, element, number, shown, text_width
from api.timeline_bands import Band, Lane, Row, TimelineEvent

__all__ = ["rows_of"]

RESPONSES = {"CR": "#0b5d44", "PR": "#2e7d57", "SD": "#8a6100", "PD": "#a4211a", "NE": "#5b6470"}
RESPONSE_NAMES = {
    "CR": "complete response",
    "PR": "partial response",
    "SD": "stable disease",
    "PD": "progressive disease",
    "NE": "not evaluable",
}
MODALITIES = {"CT": "#2c5aa0", "MR": "#0b717b", "PT": "#7a3e9d", "NM": "#7a3e9d", "MG": "#a2456b", "US": "#6b5d16"}
OTHER_MODALITY = "#66707d"
LINES = ("#1f4e8c", "#b3541e", "#0b717b", "#7a3e9d", "#6b5d16", "#3c434c")
BARS = ("#3f6ea3", "#5d7189", "#7b6a9b", "#3d7f78", "#8a6d3b")
DASHES = (None, "6 3", "2 3", "8 3 2 3")
AT_MOST = {Lane.LESION: 40, Lane.LAB: 14, Lane.FINDING: 10, Lane.TREATMENT: 20}
"""How many rows of a kind are drawn; the table has the rest."""


def rows_of(band: Band) -> Iterator[Row]:
    """The rows of a band, lane by lane under their headings; what is left out is said."""
    for lane, draw in LANES.items():
        groups: dict[str, dict[str, list[TimelineEvent]]] = {}
        for event in band.events:
            if event.lane is lane:
                groups.setdefault(event.group, {}).setdefault(event.track, []).append(event)
        limit = AT_MOST.get(lane, 100)
        for group, tracks in groups.items():
            if limit > 0 and (heading := group or HEADINGS.get(lane)):
                yield Row(heading, "", [], height=24.0, heading=True)
            for index, (track, events) in enumerate(list(tracks.items())[: max(limit, 0)]):
                yield draw(band, track, sorted(events, key=lambda event: event.day), index)
            limit -= len(tracks)
        if limit < 0:
            yield Row(f"{-limit} more rows: see the table", "", [], height=24.0)


def _count(x: float, y: float, count: int) -> str:
    return element(
        "text", str(count), x=x, y=y, fill="#ffffff", font_size="10", font_weight="600", text_anchor="middle"
    )


def _status(band: Band, track: str, events: Sequence[TimelineEvent], _index: int) -> Row:
    """Triangles with their names where there is room, a cross for a death; a line spans a day that is not exact."""
    groups = list(band.clusters(events, 14))
    lefts = [band.scale.x(group[0].day) for group in groups]
    marks, free_from = list[str](), band.scale.left - 20
    for place, group in enumerate(groups):
        x = lefts[place]
        until = lefts[place + 1] - 12 if place + 1 < len(groups) else band.scale.right + 20
        dead = any(event.badge == "death" for event in group)
        name = " + ".join(dict.fromkeys(event.label for event in group))
        width = text_width(name, 11)
        shape = _span(band, group) + (_cross(x, 14) if dead else _triangle(x, 14))
        if until - x - 11 >= width or x - 14 - free_from < width:
            text = clipped(name, until - x - 11, 11)
            if len(text) > 3:
                shape += element("text", shown(text), x=x + 11, y=18, fill=MUTED, font_size="11")
            free_from = x + 11 + text_width(text, 11)
        else:
            shape += element("text", shown(name), x=x - 11, y=18, fill=MUTED, font_size="11", text_anchor="end")
            free_from = x + 11
        marks.append(band.mark(group, shape))
    return Row(track, "", marks)


def _span(band: Band, group: Sequence[TimelineEvent]) -> str:
    """A line over the days in which an event of uncertain day may have happened."""
    first, last = group[0].day, max(event.end for event in group)
    if last == first:
        return ""
    return element("line", x1=band.scale.x(first), x2=band.scale.x(last), y1=22, y2=22, stroke=MUTED, stroke_width="2")


def _triangle(x: float, y: float) -> str:
    return element(
        "path",
        d=f"M{number(x - 6)} {number(y + 6)}L{number(x)} {number(y - 6)}L{number(x + 6)} {number(y + 6)}Z",
        fill=INK,
    )


def _cross(x: float, y: float) -> str:
    arms = f"M{number(x - 5)} {number(y - 5)}L{number(x + 5)} {number(y + 5)}"
    arms += f"M{number(x - 5)} {number(y + 5)}L{number(x + 5)} {number(y - 5)}"
    hit = element("rect", x=x - 7, y=y - 7, width=14, height=14, fill="#ffffff", fill_opacity="0")
    return hit + element("path", d=arms, stroke=INK, stroke_width="3", fill="none")


def _response(band: Band, track: str, events: Sequence[TimelineEvent], _index: int) -> Row:
    """Badges; several on one spot are one badge with the worst of them and their number."""
    marks = []
    order = list(RESPONSES)
    for group in band.clusters(events, 26):
        worst = max(group, key=lambda event: order.index(event.badge) if event.badge in order[:4] else -1)
        x, colour = band.scale.x(worst.day), RESPONSES.get(worst.badge, RESPONSES["NE"])
        text = worst.badge if len(group) == 1 else f"{worst.badge}+{len(group) - 1}"
        width = max(28.0, text_width(text, 11) + 8)
        badge = element("rect", x=x - width / 2, y=5, width=width, height=18, rx=4, fill=colour)
        badge += element(
            "text", shown(text), x=x, y=18, fill="#ffffff", font_size="11", font_weight="600", text_anchor="middle"
        )
        marks.append(band.mark(group, badge))
        for event in group:
            if event.badge in RESPONSE_NAMES:
                sample = element("rect", x=-8, y=-6, width=16, height=12, rx=3, fill=RESPONSES[event.badge])
                band.legend.setdefault(f"{event.badge} {RESPONSE_NAMES[event.badge]}", sample)
    return Row(track, _number_of(events, "assessment"), marks)


def _imaging(band: Band, track: str, events: Sequence[TimelineEvent], _index: int) -> Row:
    """A square for the series of a day; its number is that of the series."""
    colour = MODALITIES.get(events[0].badge, OTHER_MODALITY)
    marks = []
    for group in band.clusters(events, 16):
        count = sum(int(event.value or 1) for event in group)
        wide = 14 + 6 * (len(str(count)) - 1)
        x = band.scale.x(group[0].day)
        shape = element("rect", x=x - wide / 2, y=7, width=wide, height=14, rx=2, fill=colour)
        marks.append(band.mark(group, shape + _count(x, 18, count)))
    total = sum(int(event.value or 1) for event in events)
    sample = element("rect", x=-7, y=-7, width=14, height=14, rx=2, fill=OTHER_MODALITY) + _count(0, 4, 3)
    band.legend.setdefault("images: the number is that of the series", sample)
    return Row(track, f"{total} series", marks, swatch=colour)


def _layers(events: Sequence[TimelineEvent]) -> list[list[list[TimelineEvent]]]:
    """Courses in as few layers as keep them apart; those over the same days are one bar."""
    bars: dict[tuple[int, int, bool], list[TimelineEvent]] = {}
    for event in events:
        bars.setdefault((event.day, event.end, event.open_end), []).append(event)
    layers: list[list[list[TimelineEvent]]] = []
    for bar in bars.values():
        free = next((layer for layer in layers if layer[-1][0].end < bar[0].day), None)
        if free is None:
            layers.append([bar])
        else:
            free.append(bar)
    return layers


def _treatment(band: Band, track: str, events: Sequence[TimelineEvent], index: int) -> Row:
    """A bar from the first to the last day, named where it fits; short with an arrow where no end is known."""
    layers = _layers(events)
    colour = BARS[index % len(BARS)]
    marks = [
        band.mark(bar, _bar(band, track, bar, 6 + 20 * level, colour))
        for level, layer in enumerate(layers)
        for bar in layer
    ]
    if any(event.open_end for event in events):
        sample = element("rect", x=-10, y=-7, width=20, height=14, rx=3, fill=BARS[0])
        sample += element("path", d="M-2 -5l5 5l-5 5", stroke="#ffffff", stroke_width="2", fill="none")
        band.legend.setdefault("treatment whose end is not known", sample)
    value = _number_of(events, "course") if len(events) > 1 else ""
    return Row(track, value, marks, height=8 + 20.0 * len(layers))


def _bar(band: Band, track: str, bar: Sequence[TimelineEvent], top: float, colour: str) -> str:
    event = bar[0]
    left = max(band.scale.x(event.day), band.scale.left - 12)
    width = 20.0 if event.open_end else max(5.0, min(band.scale.x(event.end), band.scale.right + 12) - left)
    drawn = element("rect", x=left, y=top, width=width, height=16, rx=3, fill=colour)
    if event.open_end:
        tip = f"M{number(left + 8)} {number(top + 3)}l5 5l-5 5"
        return drawn + element("path", d=tip, stroke="#ffffff", stroke_width="2", fill="none")
    name = " + ".join(dict.fromkeys(one.badge or track for one in bar))
    text = clipped(name, width - 12, 11)
    if len(text) > 3 or text == name:
        drawn += element("text", shown(text), x=left + 6, y=top + 12, fill="#ffffff", font_size="11")
    return drawn


def _point(x: float, y: float, shape: int, colour: str) -> str:
    """The mark of a line's value: the shape tells lines apart without colour."""
    if shape % 3 == 1:
        return element("rect", x=x - 3.4, y=y - 3.4, width=6.8, height=6.8, fill=colour)
    if shape % 3 == 2:
        corners = ((x - 4.2, y + 3.4), (x, y - 4.4), (x + 4.2, y + 3.4))
        return element("polygon", points=" ".join(f"{number(a)},{number(b)}" for a, b in corners), fill=colour)
    return element("circle", cx=x, cy=y, r=3.6, fill=colour)


def _plot(band: Band, events: Sequence[TimelineEvent], height: float, low: float, high: float) -> list[str]:
    """One line for each reader, then the points over them."""
    lines: dict[str, list[TimelineEvent]] = {}
    for event in events:
        lines.setdefault(event.line, []).append(event)

    def y(value: float) -> float:
        return height - 6 - (height - 13) * (value - low) / ((high - low) or 1.0)

    under, over = list[str](), list[str]()
    for name, mine in lines.items():
        style = band.line(name) if name else 5
        colour = LINES[style % len(LINES)]
        valued = [(band.scale.x(event.day), y(event.value), event) for event in mine if event.value is not None]
        points = " ".join(f"{number(a)},{number(b)}" for a, b, _ in valued)
        dash = DASHES[style % len(DASHES)] if name else None
        if len(valued) > 1:
            line = element(
                "polyline", points=points, fill="none", stroke=colour, stroke_width="1.6", stroke_dasharray=dash
            )
            under.append(line)
        over += [band.mark([event], _point(a, b, style if name else 0, colour)) for a, b, event in valued]
        if name:
            sample = element(
                "line", x1=-13, x2=13, y1=0, y2=0, stroke=colour, stroke_width="1.6", stroke_dasharray=dash
            )
            band.legend.setdefault(
                name if "reader" in name.casefold() else f"reader {name}", sample + _point(0, 0, style, colour)
            )
    absent = [event for event in events if event.value is None]
    return under + over + [band.mark([event], _absent(band.scale.x(event.day), height / 2)) for event in absent]


def _absent(x: float, y: float) -> str:
    return element("circle", cx=x, cy=y, r=3.6, fill="#ffffff", stroke=MUTED, stroke_width="1.4")


def _last(events: Sequence[TimelineEvent]) -> str:
    """The last value with its unit: one for each reader, in their order, where they differ on that day."""
    valued = [event for event in events if event.value is not None]
    if not valued:
        return ""
    day = max(event.day for event in valued)
    readers: dict[str, list[float]] = {}
    for event in sorted(valued, key=lambda event: event.line):
        if event.day == day and event.value is not None:
            readers.setdefault(event.line, []).append(event.value)
    each = [_between(values) for values in readers.values()]
    among = _between([value for values in readers.values() for value in values])
    unit = valued[-1].unit
    if len(set(each)) == 1:
        return f"{each[0]} {unit}".strip()
    if len(each) > 3:
        return f"{len(each)} readers: {among} {unit}".strip()
    return f"by reader: {', '.join(each)} {unit}".strip()


def _between(values: Sequence[float]) -> str:
    """One value, or the least and the greatest of several."""
    least, most = min(values), max(values)
    return f"{least:g}" if least == most else f"{least:g} to {most:g}"


def _lesion(band: Band, track: str, events: Sequence[TimelineEvent], _index: int) -> Row:
    """A line plot from zero, so that its height is the lesion's size."""
    height = 48.0
    values = [event.value for event in events if event.value is not None]
    low, high = min([0.0, *values]), max([0.0, *values])
    below = next((event.detail for event in events if event.detail), "")
    return Row(track, _last(events), _plot(band, events, height, low, high), height=height, below=below)


def _lab(band: Band, track: str, events: Sequence[TimelineEvent], _index: int) -> Row:
    """A line plot over the range of its own values."""
    values = [event.value for event in events if event.value is not None] or [0.0]
    plot = _plot(band, events, 30.0, min(values), max(values))
    return Row(track, _last(events), plot, height=30.0)


def _finding(band: Band, track: str, events: Sequence[TimelineEvent], _index: int) -> Row:
    """Diamonds; the value of the last one stands beside the name."""
    marks = []
    for group in band.clusters(events, 14):
        x = band.scale.x(group[0].day)
        shape = element("path", d=f"M{number(x)} 6l7 7l-7 7l-7 -7Z", fill=MUTED)
        marks.append(band.mark(group, _span(band, group) + shape))
    return Row(track, events[-1].badge, marks, height=26.0)


def _number_of(events: Sequence[TimelineEvent], noun: str) -> str:
    return f"{len(events)} {noun}{'s' if len(events) != 1 else ''}"


HEADINGS = {
    Lane.RESPONSE: "Response",
    Lane.IMAGING: "Imaging",
    Lane.TREATMENT: "Treatment",
    Lane.LAB: "Measurements",
    Lane.FINDING: "Findings",
}
"""What stands above the rows of a lane that are in no group of their own."""

Draw = Callable[[Band, str, Sequence[TimelineEvent], int], Row]

LANES: dict[Lane, Draw] = {
    Lane.STATUS: _status,
    Lane.TREATMENT: _treatment,
    Lane.RESPONSE: _response,
    Lane.IMAGING: _imaging,
    Lane.LESION: _lesion,
    Lane.LAB: _lab,
    Lane.FINDING: _finding,
}
