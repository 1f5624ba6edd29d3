"""The days that people see, counted for each subject, clock and audience from the first anchor event that is known."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from store.control import PUBLIC
from store.stars import quoted
from store.views import Views

__all__ = ["anchor_names", "count_days"]

READINGS: Final = {"Measurement": ("study", "lesion"), "Finding": ("study",), "Response": ("study",)}
"""The observations that are of images: those that have one of these fields.

Annotations without their images, and tables of lesions, date nothing else.
"""


def anchor_rows() -> list[dict[str, str]]:
    """The anchor events that days may be counted from: name, individual, label, the kinds of event that are it."""
    with files("ontology").joinpath("anchors.tsv").open(encoding="utf-8") as table:
        return list(csv.DictReader(table, delimiter="\t"))


def anchor_names() -> list[str]:
    """The names of the anchor events."""
    return [row["anchor"] for row in anchor_rows()]


def count_days(build: Views) -> None:
    """Make the table ``zero``: the zero day of each subject, clock and audience.

    It is that of the first anchor in the collection's list that is known.

    An anchor is known to an audience where its record is public or the audience's own: no day may betray an
    event that its reader may not see.
    """
    rows = anchor_rows()
    columns = "anchor VARCHAR, individual VARCHAR, label VARCHAR"
    build.connection.execute(f"CREATE TABLE {build.view('anchor')} ({columns})")
    for row in rows:
        values = ", ".join(map(quoted, (row["anchor"], row["individual"], row["label"])))
        build.connection.execute(f"INSERT INTO {build.view('anchor')} VALUES ({values})")
    wanted = [
        f"({quoted(collection.name)}, {quoted(anchor)}, {position})"
        for collection in build.manifest.collections.values()
        for position, anchor in enumerate(collection.anchors)
    ]
    build.connection.execute(
        f"CREATE TABLE {build.view('wanted')} (collection VARCHAR, anchor VARCHAR, position INTEGER)"
    )
    if wanted:
        build.connection.execute(f"INSERT INTO {build.view('wanted')} VALUES {', '.join(wanted)}")
    events = {row["anchor"]: row["events"].split("|") for row in rows if row["events"]}
    dated = " UNION ".join(_dated(build)) or (
        "SELECT '' AS collection, '' AS subject, '' AS clock, '' AS audience WHERE false"
    )
    build.connection.execute(f"CREATE TABLE {build.view('dated')} AS {dated}")
    candidates = " UNION ALL ".join(_candidates(build, events))
    order = f"(w.position, c.audience <> {quoted(PUBLIC)}, c.day)"
    build.connection.execute(
        f"CREATE TABLE {build.view('zero')} AS "
        f"SELECT d.collection, d.subject, d.clock, d.audience, "
        f"arg_min(w.anchor, {order}) AS anchor, arg_min(c.day, {order}) AS day "
        f"FROM {build.view('dated')} d "
        f"JOIN ({candidates}) c ON c.collection = d.collection AND c.subject = d.subject AND c.clock = d.clock "
        f"AND c.audience IN ({quoted(PUBLIC)}, d.audience) "
        f"JOIN {build.view('wanted')} w ON w.collection = d.collection AND w.anchor = c.anchor "
        f"GROUP BY ALL"
    )


def _dated(build: Views) -> Iterator[str]:
    for star, item in build.whens():
        yield (
            f"SELECT DISTINCT collection, subject, {item.name}_clock AS clock, audience "
            f"FROM {build.whole(star.table)} WHERE {item.name}_clock IS NOT NULL"
        )


def _candidates(build: Views, events: dict[str, list[str]]) -> Iterator[str]:
    """Where an anchor may come from: an event, the first treatment, study or reading, the clock's own zero."""
    columns = "collection, subject, {clock} AS clock, audience, {anchor} AS anchor, {day} AS day"
    grouped = "FROM {view} WHERE {first} = {last} GROUP BY ALL"

    def least(table: str, when: str, anchor: str, only: str = "true") -> str:
        chosen = columns.format(clock=f"{when}_clock", anchor=quoted(anchor), day=f"min({when}_first)")
        source = grouped.format(view=build.whole(table), first=f"{when}_first", last=f"{when}_last")
        return f"SELECT {chosen} {source.replace('GROUP', f'AND {only} GROUP')}"

    if build.has("Event", "when_first"):
        for anchor, kinds in events.items():
            yield least("Event", "when", anchor, f"kind IN ({', '.join(map(quoted, kinds))})")
    if build.has("Treatment", "start_first"):
        yield least("Treatment", "start", "first-treatment")
    if build.has("StudyHeader", "when_first"):
        yield least("StudyHeader", "when", "baseline-scan")
    for table, fields in READINGS.items():
        held = [f"{name} IS NOT NULL" for name in fields if build.has(table, name)]
        if held and build.has(table, "when_first"):
            yield least(table, "when", "first-reading", f"({' OR '.join(held)})")
    yield (
        f"SELECT {columns.format(clock='clock', anchor='substr(clock, 6)', day='0')} "
        f"FROM {build.view('dated')} WHERE starts_with(clock, 'from-')"
    )
