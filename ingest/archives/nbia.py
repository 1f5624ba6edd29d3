"""Catalogues of NBIA archives, such as The Cancer Imaging Archive: files of their answers, and servers.

- ``metadata.csv`` of the NBIA Data Retriever, and answers of the REST interface in JSON or CSV: one file is one source.
- ``nbia+https://services.cancerimagingarchive.net/#COLLECTION``: the series and studies of one collection as the
  server lists them. Without credentials the open interface is asked (``/nbia-api/services/v1``), with them the one
  that knows collections of limited access (``v2``); another address may stand before the ``#``.

Credentials are read from the environment: ``QILIN_NBIA_TOKEN``, or ``QILIN_NBIA_USER`` and ``QILIN_NBIA_PASSWORD``, by
which a token is asked for. What the servers of The Cancer Imaging Archive list is de-identified and reviewed by it.
Rows of other archives and of files are judged as DICOM headers are (`ingest.gate.dicom`): they have no mark of
de-identification, so the collection's owner has to attest it, or a steward to answer for the file.
"""

from __future__ import annotations

import csv
import hashlib
import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from functools import partial
from pathlib import Path
from typing import Any, Final

from ingest.archives.nbia_rows import Catalogue, Row, is_catalogue
from ingest.archives.web import Server, ServerError, from_environment, place_of
from ingest.base import Context, Source, Yield, head_of, once, sha256_of, unreadable
from ingest.gate.dicom import facts_of, header_flaw
from ingest.gate.review import Asked, Reviews, without
from ingest.locators import without_credentials
from ontology.records import DataClass, Record, Reject, SourceRecord

__all__ = ["ARCHIVE", "SOURCE", "accepts", "read"]

VERSION: Final = "nbia-2"
"""Changes whenever the same rows would give other records."""

SCHEMES: Final = ("nbia+https://", "nbia+http://")
REVIEWED: Final = re.compile(r"nbia\+https://([a-z0-9-]+\.)*cancerimagingarchive\.net(?=[/#]|$)", re.IGNORECASE)
CREDENTIALS: Final = ("QILIN_NBIA_TOKEN", "QILIN_NBIA_USER", "QILIN_NBIA_PASSWORD")
OPEN, LIMITED, LOGIN = "nbia-api/services/v1", "nbia-api/services/v2", "nbia-api/oauth/token"
CLIENT: Final = "NBIA"
"""The name under which clients of NBIA ask for a token."""

HEAD: Final = 8192
LARGEST: Final = 1 << 28
"""The bytes of a JSON file that is read: 256 MiB. Tables are read row by row, whatever their size."""


def is_server(locator: str) -> bool:
    """Whether a locator names a server."""
    return locator.lower().startswith(SCHEMES)


def accepts(locator: str) -> bool:
    """Whether a file lists series with their studies and subjects under NBIA's names, or a locator names a server."""
    if is_server(locator):
        return True
    name = locator.lower()
    if name.endswith(".csv"):
        lines = head_of(locator, HEAD).decode("utf-8-sig", "replace").splitlines()
        return is_catalogue(next(csv.reader(lines[:1]), []))
    return name.endswith(".json") and _lists_series(head_of(locator, HEAD))


IN_JSON = frozenset({"SeriesInstanceUID", "Series Instance UID", "SeriesUID", "Series UID"})
"""How NBIA's answers spell what other servers, such as ePAD's, call ``seriesUID``."""


def _lists_series(head: bytes) -> bool:
    """Whether JSON begins as a list whose first object has the fields of a series, or of a study, of NBIA."""
    text = head.decode("utf-8-sig", "replace").lstrip()
    names = re.findall(r'"([A-Za-z ]{1,60})"\s*:', text.partition("}")[0])
    series = is_catalogue(names) and not IN_JSON.isdisjoint(names)
    return text[:1] == "[" and (series or {"StudyInstanceUID", "PatientID", "SeriesCount", "Collection"} <= {*names})


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """The records of each file or server, in the order of the locators."""
    for locator in locators:
        yield from once(_server(locator, context) if is_server(locator) else _file(Path(locator), context))


def _recipe(context: Context) -> str:
    return f"{VERSION}{context.answers('')}"


@dataclass(slots=True)
class _Judged:
    """The rows of one source on their way through the gate."""

    name: str
    digest: str
    context: Context
    reviews: Reviews
    catalogue: Catalogue
    asked: Asked = field(default_factory=Asked)

    @classmethod
    def of(cls, name: str, digest: str, context: Context) -> _Judged:
        """The rows of a source with that content."""
        return cls(name, digest, context, Reviews(context), Catalogue(name))

    def unmarked(self) -> Reject | None:
        """Why nothing of the source may come in: nobody has said that it is de-identified."""
        if self.context.attested or self.context.released(self.digest, "rows"):
            return None
        problem, wanted = "nothing says that they were de-identified", "the owner's attestation (--attest)"
        return Reject(
            name=self.name, place="rows", problem=problem, wanted=wanted, quarantine=True, content=self.digest
        )

    def records(self, rows: Iterable[Row]) -> Iterator[Yield]:
        """What may come in of the rows; a steward is asked about the rest."""
        for row in rows:
            if self.context.reviewed:
                yield from self.catalogue.records(row)
            else:
                yield from self._row(row)
        self.reviews.tell(self.name, self.asked)

    def _row(self, row: Row) -> Iterator[Yield]:
        facts = facts_of(row.said)
        flaw = header_flaw(facts, attested=True, released=partial(self.context.released, self.digest))
        if flaw is not None:
            content, problem = self.digest if flaw.releasable else "", f"{flaw.problem}, in {row.place}"
            yield Reject(
                name=self.name, place=flaw.place, problem=problem, wanted=flaw.wanted, quarantine=True, content=content
            )
            return
        asked = Asked()
        asked.add(facts, self.reviews.open(facts))
        self.asked.add(facts, asked.reviews)
        for item in self.catalogue.records(row):
            kept = without(item, asked.withheld) if isinstance(item, Record) else item
            if kept is not None:
                yield kept


def _file(path: Path, context: Context) -> Iterator[Yield]:
    try:
        digest, recipe = sha256_of(path), _recipe(context)
        rows = _json_rows(path) if path.suffix.lower() == ".json" else _csv_rows(path)
        head = SourceRecord(
            kind="nbia", name=path.name, digest=digest, locator=str(path), data_class=DataClass.IMAGES, recipe=recipe
        )
        judged = _Judged.of(path.name, digest, context)
        if refused := judged.unmarked():
            yield refused
            return
        yield head
        if not context.known(digest, recipe):
            yield from judged.records(rows)
    except OSError as error:
        yield unreadable(path.name, error)
    except (csv.Error, ValueError, RecursionError):
        wanted = "an answer of NBIA in CSV or JSON, in UTF-8"
        yield Reject(name=path.name, place="file", problem="the file breaks off or is none", wanted=wanted)


def _csv_rows(path: Path) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", errors="replace", newline="") as handle:
        reader = csv.reader(handle)
        columns = next(reader, [])
        for cells in reader:
            if any(map(str.strip, cells)):
                yield Row.of(f"R{reader.line_num}", dict(zip(columns, cells, strict=False)))


def _json_rows(path: Path) -> Iterator[Row]:
    """The rows of an answer, of which nothing comes in where it cannot be read whole."""
    if path.stat().st_size > LARGEST:
        raise ValueError("too large")
    return iter(list(_rows(json.loads(path.read_text(encoding="utf-8-sig")))))


def _rows(answer: Any) -> Iterator[Row]:
    """The rows of an answer; ValueError where it is no list of objects."""
    if answer is None:
        return
    if not isinstance(answer, list) or not all(isinstance(item, dict) for item in answer):
        raise ValueError("no list of objects")
    yield from (Row.of(f"item {number}", item) for number, item in enumerate(answer, 1))


def _server(locator: str, context: Context) -> Iterator[Yield]:
    shown = without_credentials(locator)
    try:
        place = place_of(locator, "nbia")
        server, path = _asked(place.base)
        listed = _listed(server, path, place.part)
    except ServerError as error:
        yield Reject(name=shown, place=error.place, problem=error.problem, wanted=error.wanted)
        return
    lines = sorted(json.dumps(sorted(row.values.items())) for row in listed)
    digest = hashlib.sha256("\n".join([context.collection, shown, *lines]).encode()).hexdigest()
    head = SourceRecord(
        kind=ARCHIVE.name if REVIEWED.match(locator) else "nbia",
        name=f"NBIA {place.host}: {place.part}",
        digest=digest,
        locator=shown,
        data_class=DataClass.IMAGES,
        recipe=_recipe(context),
    )
    judged = _Judged.of(shown, digest, context)
    if refused := judged.unmarked():
        yield refused
        return
    yield head
    if not context.known(head.digest, head.recipe):
        yield from judged.records(listed)


def _asked(base: str) -> tuple[Server, str]:
    """The server with its token, and the path of the interface that is asked."""
    token, user, password = from_environment(*CREDENTIALS)
    scheme, _, rest = base.partition("://")
    host, _, path = rest.partition("/")
    server = Server(f"{scheme}://{host}")
    if not token and user:
        form = {"username": user, "password": password, "client_id": CLIENT, "grant_type": "password"}
        answer = server.posted(LOGIN, form)
        token = str(answer.get("access_token", "")) if isinstance(answer, dict) else ""
        if not token:
            raise ServerError(
                LOGIN, "the server gave no token", f"the user and password in {', '.join(CREDENTIALS[1:])}"
            )
    if not re.fullmatch(r"[\x21-\x7e]*", token):
        raise ServerError("credentials", f"{CREDENTIALS[0]} is no token", "the access token as the server gave it")
    server.token = token
    return server, path.strip("/") or (LIMITED if token else OPEN)


def _listed(server: Server, path: str, collection: str) -> list[Row]:
    """The series of a collection, and its studies, whose rows also say sex and age."""
    if not collection:
        raise _unknown(server, path, collection)
    asked = {"Collection": collection, "format": "json"}
    rows: list[Row] = []
    for request in ("getPatientStudy", "getSeries"):
        try:
            rows += [
                replace(row, place=f"{request} {row.place}") for row in _rows(server.json(f"{path}/{request}", asked))
            ]
        except ValueError:
            raise ServerError(request, "the answer is no list of NBIA", "the address of an NBIA server") from None
    if not any("series" in row.values for row in rows):
        raise _unknown(server, path, collection)
    return rows


def _unknown(server: Server, path: str, collection: str) -> ServerError:
    """The error of a collection that has no series there, with those that are like it."""
    request = "getCollectionValues"
    answer = server.json(f"{path}/{request}", {"format": "json"})
    known = (
        [str(item.get("Collection", "")) for item in answer if isinstance(item, dict)]
        if isinstance(answer, list)
        else []
    )
    near = get_close_matches(collection, known, n=3, cutoff=0.3) or sorted(known)[:3]
    wanted = f"one of {len(known)} collections, such as {', '.join(near)}; some need credentials"
    return ServerError(request, "no such collection on the server", wanted)


SOURCE = Source(
    name="nbia",
    accepts=accepts,
    read=read,
    summary="NBIA archives: metadata.csv, REST answers (JSON, CSV), nbia+https://HOST/#COLLECTION",
)

ARCHIVE = Source(
    name="tcia",
    accepts=lambda locator: bool(REVIEWED.match(locator)),
    read=read,
    reviewed=True,
    summary="The Cancer Imaging Archive: nbia+https://services.cancerimagingarchive.net/#COLLECTION",
)
