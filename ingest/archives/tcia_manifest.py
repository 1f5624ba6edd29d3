"""Manifests of The Cancer Imaging Archive (``.tcia``) and of the NCI Imaging Data Commons (for s5cmd).

A manifest names series, or the places of their files, and nothing of them. What the index of the Imaging Data Commons
knows of a series comes in as it does for ``idc://`` (`ingest.archives.idc`); the others are told by their number, and
need the ``metadata.csv`` that comes with the download, or the archive itself (`ingest.archives.nbia`).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Final

from ingest.archives import idc
from ingest.base import Context, Source, Yield, head_of, sha256_of, unreadable
from ontology.records import DataClass, Reject, SourceRecord

__all__ = ["SOURCE", "accepts", "read", "series_in"]

SUFFIX: Final = ".tcia"
LIST: Final = "ListOfSeriesToDownload"
UID: Final = re.compile(r"(?=.{3,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
COPY: Final = re.compile(r"cp\s+(?:-\S+\s+)*[\"']?(?:s3|gs)://[\w.-]+/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})/")
"""How s5cmd is told to fetch a series of the IDC, whose folder is named by a UUID."""

HEAD: Final = 4096
LARGEST: Final = 1 << 28
"""The bytes of a manifest that is read: four million series."""


def accepts(locator: str) -> bool:
    """Whether a file is a manifest, by its name or by how it begins."""
    if locator.lower().endswith(SUFFIX):
        return True
    head = head_of(locator, HEAD)
    if not head.startswith((b"cp ", b"#")):
        return head.startswith(b"downloadServerUrl=")
    lines = head.decode("utf-8", "replace").splitlines()
    return COPY.match(next((line for line in lines if line.strip() and not line.startswith("#")), "")) is not None


def series_in(path: Path) -> tuple[list[str], list[Reject]]:
    """The series of a manifest, each once, and a reject for each line of its list that is none.

    OSError where it cannot be read. Settings (``key=value``) stand before the list, and maybe the name of its column.
    """
    series: dict[str, None] = {}
    folders: dict[str, None] = {}
    rejects: list[Reject] = []
    if path.stat().st_size > LARGEST:
        wanted = f"at most {LARGEST >> 20} MiB"
        return [], [Reject(name=path.name, place="file", problem="the manifest is too large", wanted=wanted)]
    with path.open(encoding="utf-8-sig", errors="replace") as handle:
        for number, line in enumerate(handle, 1):
            text = line.strip()
            if UID.fullmatch(text):
                series[text] = None
            elif place := COPY.match(text):
                folders[place[1]] = None
            elif text and "=" not in text and not text.startswith("#") and text.casefold() != "series id":
                wanted = "a Series Instance UID alone on its line"
                rejects.append(Reject(name=path.name, place=f"line {number}", problem="is no UID", wanted=wanted))
    known = idc.series_at(folders) if folders else {}
    series |= dict.fromkeys(known[folder] for folder in folders if folder in known)
    if lost := len(folders) - len(known):
        problem = f"{lost} of {len(folders)} places are not in the catalogue of the IDC {version('idc-index-data')}"
        wanted = "a manifest of this release of the IDC: it moves what it revises"
        rejects.append(Reject(name=path.name, place="places", problem=problem, wanted=wanted))
    if not series and not folders:
        wanted = f"series, each on a line of its own behind {LIST}="
        rejects.append(Reject(name=path.name, place="file", problem="the manifest lists no series", wanted=wanted))
    return list(series), rejects


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """What the catalogue knows of each manifest's series."""
    for locator in locators:
        path = Path(locator)
        try:
            series, rejects = series_in(path)
            digest = sha256_of(path)
        except OSError as error:
            yield unreadable(path.name, error)
            continue
        yield from rejects[:20]
        if series:
            yield from _found(path, digest, series, context)


def _found(path: Path, digest: str, series: list[str], context: Context) -> Iterator[Yield]:
    release = version("idc-index-data")
    # a catalogue's content is known by its digest alone, whatever collection it was read into
    told = hashlib.sha256(f"tcia\0{release}\0{context.collection}\0{digest}".encode()).hexdigest()
    with idc.listed(path.name, series) as catalogue:
        found, several = catalogue.found()
        if several:
            wanted = "a manifest for each collection of the archive, each into a collection of its own"
            problem = f"one Patient ID stands in several collections of the archive ({several} do)"
            yield Reject(name=path.name, place="file", problem=problem, wanted=wanted)
            return
        if found < len(series):
            problem = f"{len(series) - found} of {len(series)} series are not in the catalogue of the IDC {release}"
            wanted = "for these, the metadata.csv of the download, or nbia+https://…/#COLLECTION"
            yield Reject(name=path.name, place="series", problem=problem, wanted=wanted)
        if not found:
            return
        yield SourceRecord(
            kind=SOURCE.name,
            name=path.name,
            digest=told,
            locator=str(path),
            data_class=DataClass.IMAGES,
            recipe=idc.RECIPE,
        )
        if not context.known(told, idc.RECIPE):
            yield from catalogue.blocks()


SOURCE = Source(
    name="tcia-manifest",
    accepts=accepts,
    read=read,
    reviewed=True,
    summary="manifests of series (.tcia, and of the IDC for s5cmd): their series, as the IDC's catalogue has them",
)
