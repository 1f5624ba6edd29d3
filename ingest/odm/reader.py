"""CDISC ODM: REDCap's project XML and the eCRF exports of other systems (C3D), read through a table map.

The document is laid out as a table (`ingest.odm.table`), so that one map reads a REDCap project from its CSV export and
from its XML. Where no map fits, items whose annotation or alias names a data element come in under it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from ingest.base import Context, Source, Yield, head_of, sha256_of
from ingest.odm.metadata import read_study
from ingest.odm.table import OdmTable
from ingest.redcap.map import project_input
from ingest.table.reader import read_input
from ontology.records import Reject
from ontology.xml import XmlError, root_name, stream

__all__ = ["SOURCE"]

HEAD = 4096


def accepts(locator: str) -> bool:
    """Whether a locator is a file whose root element is ODM."""
    path = Path(locator)
    return "://" not in locator and path.suffix.lower() == ".xml" and root_name(head_of(locator, HEAD)) == "ODM"


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """Yield each document's head, records and rejects."""
    for locator in locators:
        path = Path(locator)
        try:
            yield from _read(path, context)
        except XmlError as error:
            large = "resource limit" in error.problem
            wanted = "the document exported without uploaded files" if large else error.wanted
            yield Reject(name=path.name, place=error.place, problem=error.problem, wanted=wanted)


def _read(path: Path, context: Context) -> Iterator[Yield]:
    study = read_study(path)
    if study is None or not study.dictionary.fields:
        yield Reject(
            name=path.name,
            place="document",
            problem="the document has no definitions of items (Study/MetaDataVersion/ItemDef)",
            wanted="an ODM document with its metadata and its clinical data",
        )
    elif not sum(1 for _ in stream(path, "{*}SubjectData")):  # to the end, so that half a document brings nothing in
        yield Reject(
            name=path.name,
            place="document",
            problem="the document defines forms and holds no data",
            wanted="the project with its records (REDCap: download metadata and data)",
        )
    else:
        yield from read_input(project_input("odm", OdmTable(path, study), sha256_of(path), context), context)


SOURCE = Source(
    name="odm", accepts=accepts, read=read, summary="CDISC ODM (XML): REDCap project XML, C3D and other eCRF exports"
)
