"""A DICOMweb server: searches (QIDO-RS), metadata and instances (WADO-RS) by HTTP (PS3.18 sections 8.3, 10.4 and 10.6).

Spoken through requests itself and not through dicomweb-client, which parses decimals to binary floats, decodes an
instance instead of giving its bytes, and logs addresses, which may hold a patient's id. Answers go to a temporary file
and are parsed one data set at a time. What a server says of an error is not repeated: it may quote data.
"""

from __future__ import annotations

import hashlib
import io
import json
import mmap
import os
import re
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import parse_qsl, urlsplit

from pydicom.datadict import tag_for_keyword

from ingest.archives.json_stream import objects
from ingest.archives.web import new_session, on_this_machine
from ingest.locators import without_credentials

__all__ = ["PASSWORD", "TOKEN", "USER", "DicomwebError", "Server", "is_server"]

USER: Final = "QILIN_DICOMWEB_USER"
PASSWORD: Final = "QILIN_DICOMWEB_PASSWORD"  # noqa: S105 - the names of variables
TOKEN: Final = "QILIN_DICOMWEB_TOKEN"  # noqa: S105
"""The environment variables with the credentials; for ``…/dicom-web#site2`` their names end in ``_SITE2``."""

SCHEMES: Final = ("dicomweb+https://", "dicomweb+http://")

JSON_TYPES: Final = "application/dicom+json, application/json;q=0.9"
INSTANCE_TYPE: Final = 'multipart/related; type="application/dicom"; transfer-syntax=*'

WITHIN: Final = re.compile(
    r"(?P<service>.*?)(/studies(/(?P<study>[0-9.]+)(/series(/(?P<series>[0-9.]+))?)?)?)?/?", re.DOTALL
)

PAGE: Final = 200
"""Results asked for at once; a server may give fewer, or all of them."""

WAITS: Final = (1.0, 4.0, 16.0)
"""Seconds before a request is made again that the server could not answer."""

LONGEST_WAIT: Final = 60.0
"""Seconds that a server may ask us to wait."""

TIMEOUT: Final = (15, 300)
"""Seconds to connect, and to wait for the next bytes of an answer."""

BUSY: Final = frozenset({408, 429, 500, 502, 503, 504})

LARGEST_ANSWER: Final = 4 << 30

PIECE: Final = 1 << 20

NO_TLS: Final = (
    "the server speaks no TLS, or with a certificate that is not trusted",
    "https with a certificate of a known authority, or of one that REQUESTS_CA_BUNDLE names",
)
WRONG_ADDRESS: Final = "the address of a DICOMweb service, such as dicomweb+https://pacs.example.org/dicom-web"
REASONS: Final = {
    401: ("the server does not know the credentials", f"{USER} and {PASSWORD}, or {TOKEN}, in the environment"),
    403: ("the server refuses these credentials", "credentials that may search and retrieve here"),
    404: ("there is nothing at this address", WRONG_ADDRESS),
    406: ("the server does not give this form", "a server that answers in DICOM JSON"),
}


class DicomwebError(RuntimeError):
    """A request that was not answered as it should be; ``place`` names it without values of the search."""

    def __init__(self, place: str, problem: str, wanted: str, *, gone: bool = False) -> None:
        super().__init__(problem)
        self.place, self.problem, self.wanted = place, problem, wanted
        self.gone = gone
        """Whether the server answers no request at all, or none with these credentials."""


def is_server(locator: str) -> bool:
    """Whether a locator names a DICOMweb service."""
    return locator.lower().startswith(SCHEMES)


@dataclass(frozen=True)
class Server:
    """A service, and what is wanted of it: ``dicomweb+https://host/path[/studies/…[/series/…]][?PatientID=…]``."""

    locator: str
    waits: Sequence[float] = field(default_factory=lambda: WAITS)

    @cached_property
    def _parts(self) -> re.Match[str]:
        """The path of the service, and what is named behind it."""
        found = WITHIN.fullmatch(urlsplit(self.locator).path)
        if found is None or re.search(r"/studies(/|$)", found["service"]):
            wanted = "…/studies/UID or …/studies/UID/series/UID"
            raise DicomwebError("locator", "does not name a study or series", wanted)
        return found

    @property
    def told(self) -> str:
        """The service as it may be shown and kept, without what is wanted of it."""
        parts = urlsplit(without_credentials(self.locator))
        return f"{parts.scheme}://{parts.netloc}{self._parts['service']}"

    @cached_property
    def base(self) -> str:
        """The address that requests begin with; `DicomwebError` where credentials must not be sent there."""
        parts = urlsplit(self.locator)
        scheme = parts.scheme.lower().removeprefix("dicomweb+")
        if parts.username or parts.password:
            raise DicomwebError("locator", "the address holds credentials", f"{USER} and {PASSWORD} in the environment")
        if scheme == "http" and self._credentials and not on_this_machine(parts.hostname or ""):
            raise DicomwebError("locator", "without https credentials would be sent in the clear", "dicomweb+https://…")
        if not parts.hostname:
            raise DicomwebError("locator", "the address names no host", WRONG_ADDRESS)
        return f"{scheme}://{parts.netloc}{self._parts['service']}"

    @property
    def within(self) -> tuple[str | None, str | None]:
        """The study and the series that the locator names, if any."""
        return self._parts["study"], self._parts["series"]

    @cached_property
    def filters(self) -> dict[str, str]:
        """What the locator asks studies and series to match (PS3.18 8.3.4), by keyword or tag."""
        pairs = parse_qsl(urlsplit(self.locator).query, keep_blank_values=True)
        for name, _ in pairs:
            if tag_for_keyword(name) is None and not re.fullmatch(r"[0-9A-Fa-f]{8}", name):
                raise DicomwebError(
                    "locator", "asks for what is no DICOM attribute", "such as ?PatientID=…&ModalitiesInStudy=PT"
                )
        return dict(pairs)

    @cached_property
    def _credentials(self) -> dict[str, str]:
        name = re.sub(r"\W+", "_", urlsplit(self.locator).fragment).upper()
        ending = f"_{name}" if name else ""
        named = {variable: os.environ.get(f"{variable}{ending}", "") for variable in (USER, PASSWORD, TOKEN)}
        return {variable: value for variable, value in named.items() if value}

    @cached_property
    def _session(self) -> Any:
        from requests.auth import HTTPBasicAuth  # noqa: PLC0415 - slow to import

        session = new_session(self.base)
        given = self._credentials
        if TOKEN in given:
            session.headers["Authorization"] = f"Bearer {given[TOKEN]}"
        elif USER in given:
            session.auth = HTTPBasicAuth(given[USER].encode(), given.get(PASSWORD, "").encode())
        return session

    # requests -----------------------------------------------------------------------------------------------------

    def search(self, path: str, filters: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """Every result of a search, page by page.

        A page may be shorter than was asked for, so that only an empty one is the last; a server that knows no paging
        gives the same results again, and that ends it too.
        """
        seen: set[bytes] = set()
        offset = 0
        while True:
            before, count = len(seen), 0
            for found in self.data_sets(path, {**(filters or {}), "limit": str(PAGE), "offset": str(offset)}):
                count += 1
                marked = hashlib.blake2b(
                    json.dumps(found, sort_keys=True, default=str).encode(), digest_size=16
                ).digest()
                if marked not in seen:
                    seen.add(marked)
                    yield found
            if len(seen) == before:
                return
            offset += count

    def data_sets(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[dict[str, Any]]:
        """The data sets of an answer in DICOM JSON (PS3.18 F.2), one at a time; none for 204."""
        with self._answer(path, query or {}, JSON_TYPES) as (answer, kind):
            if "json" not in kind and answer.read(1):
                told = re.sub(r"[^\w/+.-]", "", kind.partition(";")[0])[:60] or "something unnamed"
                raise DicomwebError(_place(path, query), f"the answer is {told}, not DICOM JSON", WRONG_ADDRESS)
            answer.seek(0)
            try:
                yield from objects(_unpacked(answer, kind))
            except (ValueError, RecursionError):
                raise DicomwebError(
                    _place(path, query),
                    "the answer is no list of data sets in DICOM JSON, or is cut off",
                    WRONG_ADDRESS,
                ) from None

    def instance(self, path: str, target: Path) -> None:
        """Write an instance as the server has it, byte by byte."""
        with self._answer(path, {}, INSTANCE_TYPE) as (answer, kind):
            try:
                _write_part(answer, kind, target)
            except ValueError:
                raise DicomwebError(
                    _place(path), "the answer holds no DICOM file", "one part, application/dicom"
                ) from None

    @contextmanager
    def _answer(self, path: str, query: Mapping[str, str], accept: str) -> Iterator[tuple[IO[bytes], str]]:
        """The body of a good answer in a temporary file, with its type; repeated while the server is busy."""
        import requests  # noqa: PLC0415

        place = _place(path, query)
        problem = ""
        with tempfile.TemporaryFile(prefix="qilin-dicomweb-") as body:
            for wait in (*self.waits, None):
                pause = wait or 0.0
                try:
                    status, kind, asked = self._get(path, query, accept, body, place)
                    if status < 300:
                        body.seek(0)
                        yield body, kind
                        return
                    problem = f"the server answered with status {status}"
                    if status not in BUSY:
                        known = (problem, WRONG_ADDRESS)
                        raise DicomwebError(place, *REASONS.get(status, known), gone=status in {401, 403})
                    pause = max(pause, min(asked, LONGEST_WAIT))
                except requests.exceptions.SSLError:
                    raise DicomwebError(place, *NO_TLS, gone=True) from None
                except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError) as error:
                    problem = f"the server cannot be reached ({type(error).__name__})"
                except requests.RequestException as error:
                    raise DicomwebError(
                        place, f"the request cannot be made ({type(error).__name__})", WRONG_ADDRESS
                    ) from None
                if wait is not None:
                    time.sleep(pause)
        tries = f"{problem}, {len(self.waits) + 1} times"
        raise DicomwebError(place, tries, "to try again later: what was there before stays", gone="reached" in problem)

    def _get(
        self, path: str, query: Mapping[str, str], accept: str, body: IO[bytes], place: str
    ) -> tuple[int, str, float]:
        """Status and type of an answer, whose body is written; and the seconds that a busy server asks us to wait."""
        body.seek(0)
        body.truncate()
        address = f"{self.base}/{path}"
        # a redirection would carry the credentials elsewhere
        with self._session.get(
            address, params=query, headers={"Accept": accept}, stream=True, timeout=TIMEOUT, allow_redirects=False
        ) as response:
            length = 0
            if response.status_code < 300:
                for piece in response.iter_content(PIECE):
                    length += len(piece)
                    if length > LARGEST_ANSWER:
                        raise DicomwebError(place, "the answer is too large", f"at most {LARGEST_ANSWER >> 30} GB")
                    body.write(piece)
            asked = response.headers.get("Retry-After", "")
            kind = response.headers.get("Content-Type", "")
            return response.status_code, kind, float(asked) if re.fullmatch(r"\d{1,6}", asked) else 0.0


def _place(path: str, query: Mapping[str, str] | None = None) -> str:
    """A request as it is told: a search names what it filters by, but not the values, which may be a patient's."""
    plain = {name: value if name in {"limit", "offset"} else "…" for name, value in (query or {}).items()}
    return f"GET /{path}" + ("?" + "&".join(f"{name}={value}" for name, value in plain.items()) if plain else "")


def _unpacked(answer: IO[bytes], kind: str) -> IO[bytes]:
    """The first part of an answer in parts, as some archives wrap their JSON; others as they are."""
    return io.BytesIO(_first_part(answer, kind)[:]) if kind.lower().startswith("multipart/") else answer


def _write_part(answer: IO[bytes], kind: str, target: Path) -> None:
    """Write the first part of a multipart answer, or the answer where it has none; ValueError if odd."""
    with target.open("wb") as whole:
        if kind.lower().startswith("multipart/"):
            part = _first_part(answer, kind)
            for at in range(0, len(part), PIECE):
                whole.write(part[at : at + PIECE])
            return
        if "dicom" not in kind.lower() and "octet-stream" not in kind.lower():
            raise ValueError
        while piece := answer.read(PIECE):
            whole.write(piece)


def _first_part(answer: IO[bytes], kind: str) -> memoryview:
    """The content of the first part (RFC 2046 5.1); ValueError where there is none."""
    named = re.search(r'boundary="?([^";]+)"?', kind, re.IGNORECASE)
    if named is None:
        raise ValueError
    mark = b"--" + named[1].encode()
    body = mmap.mmap(answer.fileno(), 0, access=mmap.ACCESS_READ)  # let go of when nothing views it any more
    head = body.find(mark)
    start = body.find(b"\r\n\r\n", head) + 4
    end = body.find(b"\r\n" + mark, start)
    if head < 0 or start < 4 or end < 0:
        raise ValueError
    return memoryview(body)[start:end]
