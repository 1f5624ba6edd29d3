"""The drawing of a subject's time, as a function of typed events."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from api.events import badge_of
from api.svg import clipped, text_width
from api.timeline import draw_timeline
from api.timeline_bands import Clock, Lane, TimelineEvent, Window

SVG = "{http://www.w3.org/2000/svg}"
CLOCK = Clock("days from diagnosis (calendar)")
OTHER = Clock("days from baseline scan (shifted)")


def event(lane: Lane, day: int, **more) -> TimelineEvent:
    values = {"track": "row", "label": "something", "clock": CLOCK, "href": f"/s#e{day}"}
    return TimelineEvent(lane=lane, day=day, **{**values, **more})


def drawn(*events: TimelineEvent, window: Window | None = None) -> ElementTree.Element:
    return ElementTree.fromstring(draw_timeline(events, "P <1>", window))


def titles(root: ElementTree.Element) -> list[str]:
    return [title.text or "" for link in root.iter(f"{SVG}a") for title in link.iter(f"{SVG}title")]


def texts(root: ElementTree.Element) -> list[str]:
    """What is written, without the titles of what is written."""
    return [(item.text or "") + "".join(part.tail or "" for part in item) for item in root.iter(f"{SVG}text")]


def test_a_drawing_without_events_says_so() -> None:
    assert any("No event" in text for text in texts(drawn()))


def test_it_is_a_group_and_each_mark_is_a_titled_link() -> None:
    root = drawn(event(Lane.STATUS, 0, label="Diagnosis"), event(Lane.LESION, 5, value=4.0, unit="mm", line="a"))
    assert root.get("role") == "group"
    links = list(root.iter(f"{SVG}a"))
    assert [link.get("href") for link in links] == ["/s#e0", "/s#e5"]
    assert titles(root) == ["Diagnosis, day 0", "something, day 5"]


def test_nothing_in_it_is_a_script_or_a_style() -> None:
    text = draw_timeline([event(Lane.FINDING, 1, track="<script>", label='"><script>x</script>', badge="\x00&")], "<b>")
    ElementTree.fromstring(text)
    assert "<script" not in text
    assert "style=" not in text
    assert "&lt;script&gt;" in text


def test_two_clocks_are_two_bands_that_are_not_compared() -> None:
    root = drawn(
        event(Lane.IMAGING, 0, badge="CT", value=1), event(Lane.IMAGING, 900, badge="CT", value=1, clock=OTHER)
    )
    notes = [text for text in texts(root) if "cannot be compared" in text]
    assert len(notes) == 2
    assert CLOCK.label in notes[0] + notes[1]
    # each band spans its own days only: both marks stand in the middle of their own axis
    squares = [
        float(item.get("x", "0"))
        for item in root.iter(f"{SVG}rect")
        if item.get("rx") == "2" and item.get("height") == "14"
    ]
    assert len(set(squares)) <= 3
    one = drawn(event(Lane.IMAGING, 0, badge="CT", value=1))
    assert not [text for text in texts(one) if "cannot be compared" in text]


def test_the_axis_is_named_and_has_day_zero() -> None:
    root = drawn(event(Lane.STATUS, -20), event(Lane.STATUS, 200))
    assert CLOCK.label in texts(root)
    assert "0" in texts(root)


def test_events_on_one_spot_are_one_mark_with_their_number() -> None:
    root = drawn(*(event(Lane.IMAGING, day, badge="CT", value=2, label=f"scan {day}") for day in (10, 11, 400)))
    assert "4" in texts(root)
    together = next(title for title in titles(root) if title.startswith("2 events"))
    assert "scan 10, day 10" in together
    assert "scan 11, day 11" in together
    assert next(link.get("href") for link in root.iter(f"{SVG}a")) == "?from=8&to=13&band=0"


def test_a_window_shows_its_days_only() -> None:
    events = [event(Lane.STATUS, day, label=f"e{day}") for day in (0, 50, 400)]
    assert titles(drawn(*events, window=Window(40, 60))) == ["e50, day 50"]
    assert len(titles(drawn(*events, window=Window(40, 60, band=1)))) == 3


def test_readers_are_lines_that_differ_in_more_than_colour_and_stand_in_the_legend() -> None:
    events = [
        event(Lane.LESION, day, line=line, value=day + 1.0, unit="mm", track="T01") for line in "ab" for day in (0, 90)
    ]
    root = drawn(*events)
    dashes = {line.get("stroke-dasharray") for line in root.iter(f"{SVG}polyline")}
    assert len(dashes) == 2
    assert {"reader a", "reader b"} <= set(texts(root))
    assert "91 mm" in texts(root)


def lesion_label(*values: tuple[str, float]) -> list[str]:
    return texts(drawn(*(event(Lane.LESION, 5, line=line, value=value, unit="mm") for line, value in values)))


def test_the_label_says_the_last_value_of_each_reader_where_they_differ() -> None:
    assert "by reader: 40, 42.5 mm" in lesion_label(("b", 42.5), ("a", 40.0))
    assert "40 mm" in lesion_label(("a", 40.0), ("b", 40.0))
    assert "4 readers: 10 to 40 mm" in lesion_label(("a", 40.0), ("b", 20.0), ("c", 10.0), ("d", 20.0))


def test_repeated_values_of_one_reader_are_a_range() -> None:
    assert "40 to 42.5 mm" in lesion_label(("a", 40.0), ("a", 42.5))


def test_overlapping_courses_stand_in_layers_and_equal_ones_are_one_bar() -> None:
    courses = [(0, 90, "A"), (0, 90, "B"), (30, 60, "C")]
    root = drawn(*(event(Lane.TREATMENT, first, last=last, badge=name) for first, last, name in courses))
    bars = [item for item in root.iter(f"{SVG}rect") if item.get("height") == "16"]
    assert len(bars) == 2
    assert len({bar.get("y") for bar in bars}) == 2
    assert "A + B" in texts(root)


def test_long_labels_are_cut_and_said_in_full() -> None:
    name = "A name that no label column could ever hold in full, whatever its width"
    root = drawn(event(Lane.LAB, 0, track=name, value=123456.7, unit="ng/ml"))
    label = next(
        item
        for item in root.iter(f"{SVG}text")
        if (item.find(f"{SVG}title") is not None) and name in "".join(item.itertext())
    )
    assert "…" in "".join(label.itertext())
    visible = label.find(f"{SVG}title").tail or ""
    value = next(item for item in root.iter(f"{SVG}text") if item.text == "123457 ng/ml")
    assert float(label.get("x")) + text_width(visible, 12) < float(value.get("x")) - text_width(value.text, 11)


def test_more_rows_than_fit_are_counted() -> None:
    root = drawn(*(event(Lane.LAB, day, track=f"lab {day}", value=1.0) for day in range(20)))
    assert "6 more rows: see the table" in texts(root)


@pytest.mark.parametrize(
    ("label", "badge"),
    [
        ("Complete Response", "CR"),
        ("Partial Remission", "PR"),
        ("Stable Disease", "SD"),
        ("Progressive Disease", "PD"),
        ("Unevaluable", "NE"),
        ("iRECIST Unconfirmed Progressive Disease", "UPD"),
        ("Non-Complete Response/Non-Progressive Disease", "NN"),
    ],
)
def test_responses_have_short_forms(label: str, badge: str) -> None:
    assert badge_of(label) == badge


def test_clipped_text_fits() -> None:
    for width in (0, 5, 40, 100):
        assert text_width(clipped("Mediastinal lymph node, station 7", width, 12), 12) <= width
