"""Importers of vocabularies, one module a format; each streams concepts, and rejects with place and reason."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

from ontology.imports.base import Importer, UnreadableError
from ontology.imports.cadsr import CADSR_XML
from ontology.imports.cadsr_json import CADSR_JSON
from ontology.imports.dicom import DICOM
from ontology.imports.inferred import INFERRED
from ontology.imports.obo import OBO
from ontology.imports.rdf import RDF_IMPORTER
from ontology.imports.tables import TABLE
from ontology.imports.thesaurus import THESAURUS
from ontology.imports.ucum import UCUM

__all__ = ["IMPORTERS", "Importer", "UnreadableError", "importer_for", "vocabulary_of"]

IMPORTERS: tuple[Importer, ...] = (
    DICOM,
    UCUM,
    CADSR_XML,
    CADSR_JSON,
    THESAURUS,
    OBO,
    TABLE,
    RDF_IMPORTER,
    INFERRED,
)
"""In the order in which a file is offered to them."""

HEAD = 2**16
MARKS: tuple[tuple[re.Pattern[bytes], str], ...] = (
    (re.compile(rb"EVS/Thesaurus\.owl|obo/NCIT_|\bNCIT:C\d|^C\d{3,}\t", re.MULTILINE), "ncit"),
    (re.compile(rb"radlex\.org/RID|RADLEX\.owl|^rid\t|^RID\d", re.MULTILINE), "radlex"),
    (re.compile(rb"\bibsi_code\b"), "ibsi"),
    (re.compile(rb"^public_id\t"), "cadsr"),
)
OBO_NAME = re.compile(rb"^ontology: *([A-Za-z][\w-]*)", re.MULTILINE)


def _head(path: Path) -> bytes:
    if not path.is_file():
        return b""
    with path.open("rb") as file:
        return file.read(HEAD)


def importer_for(path: Path, name: str | None = None, others: tuple[Importer, ...] = ()) -> Importer:
    """The importer of a name, else the first that accepts the file; `UnreadableError` names those that there are.

    ``others`` are importers of formats whose terms other packages know how to name; they are offered a file first.
    """
    importers = (*others, *IMPORTERS)
    known = ", ".join(importer.name for importer in importers)
    if name is not None:
        found = next((importer for importer in importers if importer.name == name), None)
        if found is None:
            raise UnreadableError(f"there is no vocabulary format {name!r}; known: {known}")
        if not path.is_file() and str(path) != found.name:
            raise UnreadableError(f"{path} is no file")
        return found
    if not path.is_file() and str(path) not in {DICOM.name, UCUM.name}:
        raise UnreadableError(f"{path} is no file")
    head = _head(path)
    found = next((importer for importer in importers if importer.accepts(path, head)), None)
    if found is None:
        raise UnreadableError(f"{path.name} is of no vocabulary format that is known; name one with --as: {known}")
    return found


def vocabulary_of(path: Path, importer: Importer, name: str | None = None) -> str:
    """The vocabulary (prefix) that a file is of: as named, as the format has it, or as the file's first bytes say."""
    if name is not None:
        if not re.fullmatch(r"[a-z][a-z0-9_-]*", name):
            raise UnreadableError(f"{name!r} is no name for a vocabulary; write small letters, digits, - and _")
        return name
    if importer.vocabulary:
        return importer.vocabulary
    head = _head(path)
    if head.startswith(b"\x1f\x8b"):
        with gzip.open(path) as file:
            head = file.read(HEAD)
    declared = OBO_NAME.search(head)
    if declared:
        return declared[1].decode().casefold()
    found = next((vocabulary for pattern, vocabulary in MARKS if pattern.search(head)), None)
    if found is None:
        raise UnreadableError(f"{path.name} does not say which vocabulary it is of; name it with --vocabulary")
    return found
