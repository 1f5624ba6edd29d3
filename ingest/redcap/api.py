"""A REDCap project on a server, downloaded through PyCap (``redcap+https://host/api/``).

The records come in batches, by record ids, into a temporary file in the layout of a raw CSV export; fields that
identify a person are not even asked for. The token is read from the environment and appears nowhere else.
"""

from __future__ import annotations

import csv
import ipaddress
import os
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

from ingest.redcap.dictionary import Dictionary, choices_of, to_fields
from ingest.redcap.events import to_events
from ingest.redcap.table import ProjectTable
from ingest.temporary import TemporaryFolder

__all__ = ["TOKEN", "Server", "ServerError", "downloaded", "is_server"]

TOKEN = "QILIN_REDCAP_TOKEN"  # noqa: S105 - the name of the variable, not a token
"""The environment variable that holds the token; ``…/api/#trial7`` reads ``QILIN_REDCAP_TOKEN_TRIAL7``."""

SCHEMES = ("redcap+https://", "redcap+http://")
BATCH = 200
"""Records asked for at once."""

WAITS = (1.0, 5.0, 20.0)
"""Seconds before a request is made again that the server could not answer."""

TIMEOUT = (15, 300)
"""Seconds to connect, and to wait for an answer."""

BUSY = frozenset({429, 500, 502, 503, 504})
REASONS = {
    400: ("the server refused the request", "a project whose data the token's user may export through the API"),
    401: ("the server does not know the token", f"the project's own API token in {TOKEN}"),
    403: ("the server refused the token", "a token whose user has the right of API export in this project"),
    404: ("there is no API at this address", "the address that REDCap's API page shows, ending in /api/"),
}
Answer = TypeVar("Answer")


class ServerError(RuntimeError):
    """A server from which the project could not be downloaded: what is wrong, and what would be right."""

    def __init__(self, name: str, problem: str, wanted: str) -> None:
        self.name, self.problem, self.wanted = name, problem, wanted
        super().__init__(f"{name}: {problem}; wanted: {wanted}")


class _Status(Exception):  # noqa: N818  a signal, never shown
    """An answer with an HTTP status that is no success."""

    def __init__(self, code: int) -> None:
        self.code = code
        super().__init__(code)


def is_server(locator: str) -> bool:
    """Whether a locator names a project on a server."""
    return locator.lower().startswith(SCHEMES)


@dataclass(frozen=True)
class Server:
    """One project on a server; ``waits`` are the seconds before each repetition of a request."""

    locator: str
    batch: int = BATCH
    waits: Sequence[float] = WAITS

    @property
    def name(self) -> str:
        """The server and project for people: host and fragment."""
        parts = urlsplit(self.locator)
        return f"{parts.hostname or 'server'}{f'#{parts.fragment}' if parts.fragment else ''}"

    @property
    def variable(self) -> str:
        """The environment variable that holds the token."""
        project = re.sub(r"\W+", "_", urlsplit(self.locator).fragment).upper()
        return f"{TOKEN}_{project}" if project else TOKEN

    def _error(self, problem: str, wanted: str) -> ServerError:
        return ServerError(self.name, problem, wanted)

    def _address(self) -> str:
        """The address of the API; `ServerError` where a token must not be sent there."""
        parts = urlsplit(self.locator)
        scheme = parts.scheme.lower().removeprefix("redcap+")
        if parts.username or parts.password or parts.query:
            raise self._error(
                "the address holds more than host and path", f"the token in {self.variable}, not in the address"
            )
        if scheme == "http" and not _on_this_machine(parts.hostname or ""):
            raise self._error("without https the token would be sent in the clear", "redcap+https://…")
        return f"{scheme}://{parts.netloc}{parts.path.rstrip('/') or '/api'}/"

    def _token(self) -> str:
        token = os.environ.get(self.variable, "").strip()
        # PyCap repeats a token of the wrong length in its error, so it is never given one
        if not re.fullmatch(r"[0-9A-Fa-f]{32}", token):
            problem = f"{self.variable} is not set" if not token else f"{self.variable} is no token"
            raise self._error(problem, "the project's API token there: 32 characters of 0-9 and A-F")
        return token

    def project(self) -> Any:
        """The project as PyCap has it; nothing is asked of the server yet."""
        from redcap.project import Project  # noqa: PLC0415 - requests is slow to import

        address, token = self._address(), self._token()
        if not address.endswith("/api/"):
            raise self._error("the address does not end in /api/", "the address that REDCap's API page shows")

        def check(response: Any, **_: object) -> None:
            if not 200 <= response.status_code < 300:
                raise _Status(response.status_code)

        # a redirection would carry the token elsewhere
        return Project(address, token, timeout=TIMEOUT, allow_redirects=False, hooks={"response": check})

    def ask(self, request: Callable[[], Answer]) -> Answer:
        """The answer to a request, repeated while the server is busy or cannot be reached; `ServerError` otherwise.

        What the server says of an error is not repeated: it may quote data.
        """
        from requests import ConnectionError as Unreachable  # noqa: PLC0415 - slow to import
        from requests import RequestException, Timeout  # noqa: PLC0415

        problem = ""
        for wait in (*self.waits, None):
            try:
                return request()
            except _Status as status:
                problem = f"the server answered with status {status.code}"
                if status.code not in BUSY:
                    wanted = "the address of a REDCap server's API"
                    raise self._error(*REASONS.get(status.code, (problem, wanted))) from None
            except (Unreachable, Timeout) as error:
                problem = f"the server cannot be reached ({type(error).__name__})"
            except RequestException:
                # a redirection, a page instead of JSON, or an error that came as an answer
                raise self._error("the answer is not that of a REDCap API", REASONS[404][1]) from None
            if wait is not None:
                time.sleep(wait)
        raise self._error(f"{problem}, {len(self.waits) + 1} times", "to try again later: what was there before stays")

    def dictionary(self, project: Any, path: Path) -> Dictionary:
        """What the project says of itself."""
        info = self.ask(lambda: project.export_project_info(format_type="json"))
        fields = to_fields(self.ask(lambda: project.export_metadata(format_type="json")))
        if not fields or not isinstance(info, dict):
            raise self._error("the answer is not that of a REDCap API", REASONS[404][1])
        if next(iter(fields.values())).closed:
            problem = "the record's identifier is flagged as identifying in the data dictionary"
            raise self._error(problem, "a project whose first field is a study identifier")
        events = []
        if str(info.get("is_longitudinal", "0")) == "1":
            events = self.ask(lambda: project.export_events(format_type="json"))
        scheduled = str(info.get("scheduling_enabled", "0")) == "1"
        return Dictionary(
            path,
            fields,
            events=to_events(events, scheduled=scheduled),
            missing_codes=choices_of(str(info.get("missing_data_codes") or "").replace("\n", "|")),
        )

    def rows(self, project: Any, dictionary: Dictionary) -> Iterator[tuple[int, int, list[dict[str, Any]]]]:
        """Batches of records with how many are done, and of how many."""
        shown = [item for item in dictionary.fields.values() if item.type != "descriptive"]
        asked = [item.name for item in shown if item.name not in dictionary.closed]
        asked += [f"{form}_complete" for form in dictionary.forms]
        listed = self.ask(lambda: project.export_records(fields=[dictionary.subject], format_type="json"))
        # the rows of one record stand together; a record has one for each event and repetition
        ids = list(dict.fromkeys(str(row[dictionary.subject]) for row in listed))
        for start in range(0, len(ids), self.batch):
            wanted = ids[start : start + self.batch]
            rows = self.ask(
                lambda wanted=wanted: project.export_records(  # type: ignore[misc]
                    records=wanted, fields=asked, format_type="json", event_name="unique", export_survey_fields=True
                )
            )
            yield start + len(wanted), len(ids), rows


def _on_this_machine(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def downloaded(
    locator: str, progress: Callable[[int, int | None], None] = lambda _done, _total: None
) -> Iterator[tuple[ProjectTable, str]]:
    """The records of a project as a table, and the name of the source; gone when the context is left.

    Raises `ServerError` before anything is yielded where the download does not come to its end.
    """
    server = Server(locator)
    with TemporaryFolder() as folder:
        path = folder.path / "records.csv"
        yield fetch(server, path, progress), server.name


def fetch(server: Server, path: Path, progress: Callable[[int, int | None], None]) -> ProjectTable:
    """Download a project into a file; the table that reads it."""
    project = server.project()
    dictionary = server.dictionary(project, path)
    columns: list[str] = []
    with path.open("x", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle)
        for done, total, rows in server.rows(project, dictionary):
            for row in rows:
                if not columns:
                    # with the times of surveys comes the address of the participant
                    columns = [name for name in row if name not in dictionary.closed]
                    writer.writerow(columns)
                if row.keys() - dictionary.closed - set(columns):
                    raise server._error("the project changed while it was downloaded", "to try again")  # noqa: SLF001
                writer.writerow([row.get(name, "") for name in columns])
            progress(done, total)
        if not columns:
            writer.writerow([dictionary.subject])
    return ProjectTable(path, dictionary)
