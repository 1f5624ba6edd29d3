"""XNAT: sessions and subjects as files (XML, JSON), and projects on a server (``xnat+https://HOST/#PROJECT``).

- A session is a study and its scans are series (`ingest.archives.xnat_records`). One session is one source.
- Custom variables of subjects and sessions become two tables, ``PROJECT subjects`` and ``PROJECT sessions``, that are
  read through a table map as every table is; without one they are told and nothing of them is stored. The columns are
  ``subject``, then ``gender`` or ``session`` and ``date``, then the variables by their names in XNAT. Assessors of
  sessions are tables too, one for each type of them (`ingest.archives.xnat_tables`).
- A project that is *public* in XNAT opens the images of a new collection to everybody; *protected* and *private* ones
  stay with their owner, as every new collection does.

Credentials of a server are read from the environment: ``QILIN_XNAT_USER`` and ``QILIN_XNAT_PASSWORD``, or an alias
token and its secret there. Without them only what the server shows to everybody is read.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from ingest.archives.web import Server, ServerError, from_environment, place_of
from ingest.archives.xnat_items import NAMESPACE, Item, read_item
from ingest.archives.xnat_records import elements_of, flaw_of, records_of
from ingest.archives.xnat_tables import assessments_of, resources_of, rows_of
from ingest.base import Context, Source, Yield, head_of, once, unreadable
from ingest.gate.review import Reviews, without
from ingest.locators import without_credentials
from ingest.table.file import Table
from ingest.table.reader import Input, read_input
from ontology.records import DataClass, Reject, SourceRecord
from ontology.xml import XmlError, root_name

__all__ = ["SOURCE", "accepts", "read"]

VERSION: Final = "xnat-3"
"""Changes whenever the same document would give other records."""

SCHEMES: Final = ("xnat+https://", "xnat+http://")
CREDENTIALS: Final = ("QILIN_XNAT_USER", "QILIN_XNAT_PASSWORD")
OWN: Final = "xnat"
"""The namespace of XNAT's own numbers of subjects."""

HEAD: Final = 4096
LARGEST: Final = 1 << 26
"""The bytes of a document that is read: 64 MiB."""

PROJECT: Final = re.compile(r"[\w-]{1,64}", re.ASCII)
"""The id of a project, by which its tables are called; what has another form may be anything."""

WANTED: Final = "a session or subject of XNAT, as its REST interface gives it in XML or JSON"


class VariablesTable(Table):
    """Custom variables as the rows of a table."""

    def __init__(self, rows: list[list[str]]) -> None:
        super().__init__()
        self._rows = rows

    def rows(self, sheet: str | int | None = None) -> Iterator[Sequence[str]]:  # noqa: ARG002 - there is one
        """The column names, and a row for each subject or session."""
        return iter(self._rows)


@dataclass(slots=True)
class _Project:
    """The documents of one project, or of the files of a run."""

    name: str
    locator: str
    accessibility: str = ""
    subjects: dict[str, Item] = field(default_factory=dict)
    """By XNAT's own number."""
    sessions: list[tuple[str, str, str, Item]] = field(default_factory=list)
    """Name, place, digest and item of each."""

    def add(self, name: str, place: str, content: bytes) -> bool:
        """Take in a document; whether it is one of those that are read."""
        item = read_item(content)
        if item.kind == "subjectData" and item.text("ID"):
            self.subjects[item.text("ID")] = item
        elif item.kind.endswith("SessionData") and item.text("subject_ID"):
            self.sessions.append((name, place, hashlib.sha256(content).hexdigest(), item))
        else:
            return item.kind == "projectData"
        return True

    def subject_of(self, session: Item) -> tuple[str, str]:
        """The subject of a session by its label, or XNAT's own number of it, with the namespace of that name."""
        number = session.text("subject_ID")
        known = self.subjects.get(number)
        label = known.text("label") if known else ""
        return (label, "") if label else (number, OWN)


def is_server(locator: str) -> bool:
    """Whether a locator names a server."""
    return locator.lower().startswith(SCHEMES)


def accepts(locator: str) -> bool:
    """Whether a file is XML of XNAT's schema or JSON of its items, or a locator names a server."""
    if is_server(locator):
        return True
    head = head_of(locator, HEAD)
    if NAMESPACE.encode() in head and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        return root_name(head) is not None
    return locator.lower().endswith(".json") and b'"items"' in head and b'"data_fields"' in head


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """The sessions of each server, and those of the files, whose subjects may stand in other files of the run."""
    files = _Project("XNAT", "")
    for locator in locators:
        if is_server(locator):
            yield from _server(locator, context)
        elif refused := _take(files, Path(locator)):
            yield refused
    if files.sessions:
        project = files.sessions[0][3].text("project")
        files.name = project if PROJECT.fullmatch(project) else files.name
        files.locator = str(Path(files.sessions[0][1]).parent)
    yield from _project(files, context)


def _take(files: _Project, path: Path) -> Reject | None:
    try:
        if path.stat().st_size > LARGEST:
            return _told(path.name, "document", "the document is too large", f"at most {LARGEST >> 20} MiB")
        if not files.add(path.name, str(path), path.read_bytes()):
            return _told(path.name, "document", "it is no session, subject or project", WANTED)
    except OSError as error:
        return unreadable(path.name, error, "document")
    except XmlError as error:
        return _told(path.name, error.place, error.problem, error.wanted)
    except (ValueError, RecursionError):
        return _told(path.name, "document", "the document cannot be read", WANTED)
    return None


def _told(name: str, place: str, problem: str, wanted: str) -> Reject:
    return Reject(name=name, place=place, problem=problem, wanted=wanted)


def _project(project: _Project, context: Context) -> Iterator[Yield]:
    """The sources of a project: a session each, then its tables of custom variables."""
    admitted: list[tuple[Item, str]] = []
    reviews = Reviews(context)
    for done, (name, place, digest, session) in enumerate(project.sessions, 1):
        subject, namespace = project.subject_of(session)
        said = elements_of(session, subject, project.subjects.get(session.text("subject_ID")))
        if flaw := flaw_of(said, context, digest):
            content = digest if flaw.releasable else ""
            told = _told(name, flaw.place, flaw.problem, flaw.wanted)
            yield replace(told, quarantine=True, content=content)
            continue
        if not namespace:
            admitted.append((session, subject))
        head = SourceRecord(
            kind="xnat",
            name=name,
            digest=digest,
            locator=place,
            data_class=DataClass.IMAGES,
            recipe=f"{VERSION}{context.answers('')} of-{context.mark(subject)}",
            namespace=namespace,
            public=project.accessibility == "public",
        )
        yield head
        if not context.known(head.digest, head.recipe):
            asked = reviews.asked(said)
            reviews.tell(name, asked)
            yield from once(
                filter(None, (without(record, asked.withheld) for record in records_of(session, subject, context)))
            )
        context.progress(done, len(project.sessions))
    people = [(item, item.text("label")) for item in project.subjects.values() if item.text("label")]
    yield from _variables(project, "subjects", rows_of(people, {"gender": "demographics/gender"}), context)
    yield from _variables(project, "sessions", rows_of(admitted, {"session": "label", "date": "date"}), context)
    for kind, rows in assessments_of(admitted):
        yield from _variables(project, kind, rows, context)
    yield from _resources(project, resources_of(admitted), context)


def _variables(project: _Project, what: str, rows: list[list[str]], context: Context) -> Iterator[Yield]:
    """A table through the table map that fits them; a reject that says how to make one, where none does."""
    if rows:
        name = f"{project.name} {what}"
        given = Input("xnat", Path(name), VariablesTable(rows), name=name, locator=f"{project.locator}#{what}")
        yield from read_input(given, context)


def _resources(project: _Project, rows: list[list[str]], context: Context) -> Iterator[Yield]:
    """The files of scans, where the library has a map for them: every project has such files, and few want them."""
    name = f"{project.name} resources"
    if rows and context.library().match(name, lambda _part: rows[0], context.collection):
        yield from _variables(project, "resources", rows, replace(context, mapping=None))


def _server(locator: str, context: Context) -> Iterator[Yield]:
    shown = without_credentials(locator)
    try:
        place = place_of(locator, "xnat")
        project = _fetched(_asked(place.base), place.part, shown, context)
    except ServerError as error:
        yield _told(shown, error.place, error.problem, error.wanted)
        return
    except (ValueError, RecursionError):
        yield _told(shown, "document", "an answer is no document of XNAT", "the address of an XNAT server")
        return
    yield from _project(project, context)


def _asked(base: str) -> Server:
    user, password = from_environment(*CREDENTIALS)
    return Server(base, login=(user, password) if user else None)


def _fetched(server: Server, name: str, shown: str, context: Context) -> _Project:
    """The documents of a project on a server."""
    known = _table(server, "data/projects", {"format": "json"})
    names = sorted(str(row.get("ID", "")) for row in known)
    if name not in names:
        near = get_close_matches(name, names, n=3, cutoff=0.3) or names[:3]
        wanted = f"one of {len(names)} projects that may be read, such as {', '.join(near)}"
        raise ServerError("data/projects", "no such project on the server", wanted)
    within = f"data/projects/{quote(name, safe='')}"
    access = server.content(f"{within}/accessibility").decode("utf-8", "replace").strip().lower()
    project = _Project(name, shown, access)
    for row in _table(server, f"{within}/subjects", {"format": "json", "columns": "ID,label"}):
        number = quote(str(row.get("ID", "")), safe="")
        project.add(f"{name} subject", shown, server.content(f"{within}/subjects/{number}", {"format": "xml"}))
    listed = _table(server, f"{within}/experiments", {"format": "json", "columns": "ID,label,xsiType"})
    sessions = [row for row in listed if str(row.get("xsiType", "")).endswith("SessionData")]
    for done, row in enumerate(sessions, 1):
        number = str(row.get("ID", ""))
        content = server.content(f"{within}/experiments/{quote(number, safe='')}", {"format": "xml"})
        project.add(f"XNAT session {number}", f"{shown}/{number}", content)
        context.progress(done, len(sessions))
    return project


def _table(server: Server, path: str, params: dict[str, str]) -> list[dict[str, Any]]:
    """The rows of a listing: ``{"ResultSet": {"Result": […]}}``."""
    answer = server.json(path, params)
    found = answer.get("ResultSet") if isinstance(answer, dict) else None
    rows = found.get("Result") if isinstance(found, dict) else None
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ServerError(path, "the answer is no listing of XNAT", "the address of an XNAT server")
    return rows


SOURCE = Source(
    name="xnat",
    accepts=accepts,
    read=read,
    summary="XNAT: sessions and subjects (XML, JSON), projects on a server (xnat+https://HOST/#PROJECT)",
)
