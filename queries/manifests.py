"""Lists of series as what fetches their pixels: manifests of archives, and addresses of a DICOMweb server.

- ``tcia``: the manifest of The Cancer Imaging Archive, for the NBIA Data Retriever;
- ``s5cmd``: the manifest of the NCI Imaging Data Commons, for ``idc download`` and ``s5cmd run``;
- ``dicomweb``: one address for each series (PS3.18 section 10.4.1), at a server that is named.

A manifest holds nothing but series that its caller was answered with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from ontology.prefixes import expand
from ontology.terms import q
from queries.results import Table, value
from store.warehouse import Caller, Warehouse

__all__ = ["FORMS", "Manifest", "NoSeriesError", "in_table", "manifest", "studies_of", "uids_in"]

UID: Final = re.compile(r"(?=.{3,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))+", re.ASCII)
OID: Final = "urn:oid:"
BATCH: Final = 500
"""The series of one query for their studies."""

TCIA: Final = """\
downloadServerUrl=https://nbia.cancerimagingarchive.net/nbia-download/servlet/DownloadServlet
includeAnnotation=true
noOfrRetry=4
databasketId=qilin.tcia
manifestVersion=3.0
ListOfSeriesToDownload=
"""
"""How a manifest begins that the NBIA Data Retriever reads."""

S5CMD: Final = """\
# To download these series: pip install idc-index; idc download FILE
# or: s5cmd --no-sign-request --endpoint-url https://s3.amazonaws.com run FILE
"""


class NoSeriesError(ValueError):
    """A result without a column of series; the message says what would have one."""

    def __init__(self, wanted: str) -> None:
        super().__init__(f"there is no column of series to make a manifest of; wanted: {wanted}")


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest, and how many of the series it could not name."""

    text: str
    listed: int
    left_out: int = 0


def uids_in(values: Iterable[object]) -> list[str]:
    """The UIDs among values that are UIDs or their IRIs, each once, in order.

    >>> uids_in(["urn:oid:1.2.3", "1.2.4", None, "1.2.3", "x"])
    ['1.2.3', '1.2.4']
    """
    texts = (str(value or "").strip().removeprefix(OID) for value in values)
    return list(dict.fromkeys(text for text in texts if UID.fullmatch(text)))


def in_table(table: Table) -> list[str]:
    """The series of a curated query's result; `NoSeriesError` where no column is of series."""
    places = [place for place, column in enumerate(table.columns) if column.type == "series"]
    if not places:
        raise NoSeriesError("a curated query with a column of the type series, such as pet-protocol")
    return uids_in(row[place] for row in table.rows for place in places)


def studies_of(
    warehouse: Warehouse, series: Sequence[str], caller: Caller, seconds: float | None = None
) -> dict[str, str]:
    """The study of each series, as far as the caller may read it."""
    found: dict[str, str] = {}
    for start in range(0, len(series), BATCH):
        values = " ".join(f"<{OID}{uid}>" for uid in series[start : start + BATCH])
        query = f"SELECT ?series ?study {{ VALUES ?series {{ {values} }} ?series <{expand(q.STUDY)}> ?study }}"
        rows = warehouse.select(query, caller, seconds=seconds)
        for row in rows.rows:
            one, study = (str(value(term)).removeprefix(OID) for term in row)
            found[one] = study
    return found


def _tcia(series: Sequence[str], _studies: Mapping[str, str], _base: str) -> Manifest:
    return Manifest(TCIA + "".join(f"{uid}\n" for uid in series), len(series))


def _s5cmd(series: Sequence[str], _studies: Mapping[str, str], _base: str) -> Manifest:
    from ingest.idc import places_of  # noqa: PLC0415 - its import alone opens a table of 74 MB

    places = places_of(series)
    lines = [f"cp {places[uid]} .\n" for uid in series if uid in places]
    return Manifest(S5CMD + "".join(lines), len(lines), len(series) - len(lines))


def _dicomweb(series: Sequence[str], studies: Mapping[str, str], base: str) -> Manifest:
    known = [(uid, studies[uid]) for uid in series if uid in studies]
    lines = [f"{base.rstrip('/')}/studies/{study}/series/{uid}\n" for uid, study in known]
    return Manifest("".join(lines), len(lines), len(series) - len(lines))


FORMS: Final[Mapping[str, Callable[[Sequence[str], Mapping[str, str], str], Manifest]]] = {
    "tcia": _tcia,
    "s5cmd": _s5cmd,
    "dicomweb": _dicomweb,
}
"""How a manifest of each form is written, from series, their studies and the address of a server."""


def manifest(form: str, series: Sequence[str], studies: Mapping[str, str] | None = None, base: str = "") -> Manifest:
    """The manifest of series in one of `FORMS`; ``dicomweb`` needs their studies and the server's address."""
    return FORMS[form](series, studies or {}, base)
