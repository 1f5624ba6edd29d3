"""What XNAT keeps of people, sessions and assessments beside images, as rows of tables that a table map reads.

Assessors are what was found on a session: a type of them, such as ``qcManualAssessorData`` or FreeSurfer's regions, is
a table, and what the XML states a column by its path. Where several elements stand side by side, the name of each is
part of its path: ``regions/region[Left-Hippocampus]/Volume``. The files of scans are a table as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ingest.archives.xnat_items import Item

__all__ = ["assessments_of", "resources_of", "rows_of"]

FILES: Final = "file"
RESOURCE: Final = {
    "resource": "label",
    "format": "format",
    "content": "content",
    "files": "file_count",
    "bytes": "file_size",
}
"""The columns of a resource, and its attributes in XNAT."""

MOST_COLUMNS: Final = 5000

KIND: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}Data", re.ASCII)
"""How types are called in XNAT; what is called otherwise may be anything, and is not told."""

ABOUT: Final = frozenset(
    {"ID", "UID", "date", "imageSession_ID", "label", "note", "project", "subject_ID", "time", "version", "visit_id"}
)
BESIDE: Final = frozenset({"file", "in", "investigator", "out", "provenance", "resources", "sharing", "validation"})
"""What says nothing of the images: what an assessor is, and the files, programs and persons behind it."""


def rows_of(items: list[tuple[Item, str]], head: Mapping[str, str]) -> list[list[str]]:
    """A table of custom variables: a row for each item with its subject, and the fields of ``head`` by path."""
    cells = [([subject, *(item.text(path) for path in head.values())], item.variables) for item, subject in items]
    return _table(["subject", *head], cells)


def assessments_of(sessions: list[tuple[Item, str]]) -> Iterator[tuple[str, list[list[str]]]]:
    """The types of assessors of sessions, each with its table: subject, session, date, assessor, and what it states."""
    found: dict[str, list[tuple[list[str], dict[str, str]]]] = {}
    for session, subject in sessions:
        for item in session.held.get("assessors/assessor", ()):
            date = item.text("date") or session.text("date")
            head = [subject, session.text("label"), date, item.text("label", "ID")]
            kind = item.kind if KIND.fullmatch(item.kind) else "assessors"
            found.setdefault(kind, []).append((head, _stated(item)))
    for kind, cells in sorted(found.items()):
        if rows := _table(["subject", "session", "date", "assessor"], cells):
            yield kind, rows


def resources_of(sessions: list[tuple[Item, str]]) -> list[list[str]]:
    """What files the scans of sessions have beside each other: a row for each resource, with the UID of its series."""
    rows: list[list[str]] = []
    for session, subject in sessions:
        for scan in session.held.get("scans/scan", ()):
            about = [subject, session.text("label"), scan.text("ID"), scan.text("UID")]
            places = sorted({path.partition("/")[0] for path in scan.fields if _root(path) == FILES})
            rows += [[*about, *(scan.text(f"{place}/{name}") for name in RESOURCE.values())] for place in places]
    return [["subject", "session", "scan", "series", *RESOURCE], *rows] if rows else []


def _stated(item: Item) -> dict[str, str]:
    """What an assessor states, custom variables among it."""
    said = {path: text for path, text in item.fields.items() if path not in ABOUT and _root(path) not in BESIDE}
    return {**said, **item.variables}


def _root(path: str) -> str:
    return path.partition("/")[0].partition("[")[0]


def _table(head: list[str], cells: list[tuple[list[str], dict[str, str]]]) -> list[list[str]]:
    """The rows under their head; none where nothing is stated."""
    names = sorted({name for _, said in cells for name in said} - set(head))[:MOST_COLUMNS]
    rows = [[*known, *(said.get(name, "") for name in names)] for known, said in cells]
    return [[*head, *names], *rows] if names else []
