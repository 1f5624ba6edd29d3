"""FHIR R4 with the profiles of mCODE as a source: JSON bundles, single resources, and NDJSON of bulk exports.

A document is read twice: first for what its resources are referred to for (patients, drugs, studies, volumes), then
for its facts, one resource at a time. Files of one bulk export (NDJSON in one folder) share their references; a
bundle knows only its own. The subject is the id of the Patient resource, or with ``--mapping identifier:SYSTEM`` the
value of its identifier of that system. See ``docs/fhir.md``.
"""

from __future__ import annotations

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Final

from ingest.base import Context, Source, Yield, head_of, sha256_of
from ingest.fhir import acts as fhir_acts
from ingest.fhir import facts as fhir_facts
from ingest.fhir.model import ID, Case, Concept, Node, References, key_of
from ingest.fhir.stream import LINES, WHOLE, Entry, StreamFault, resources
from ontology.records import DataClass, Record, Reject, SourceRecord

__all__ = ["SOURCE", "accepts", "read"]

log = logging.getLogger(__name__)

VERSION: Final = "fhir-4"
"""The reader's version: raise it when the same document would give other records."""

HEAD: Final = 4096
SUFFIXES: Final = LINES | {".json", ".fhir"}
BY_IDENTIFIER: Final = "identifier:"
HELD: Final = 5_000_000
"""References that one document, or one bulk export, may be looked up by."""

REFUSED: Final = frozenset(
    {"entered-in-error", "cancelled", "not-done", "preparation", "draft", "refuted", "on-hold", "registered"}
)
"""Status of what is not so, did not happen, or did not happen yet."""

READ: Final[Mapping[str, tuple[str, Callable[[Case], Iterator[Yield]]]]] = {
    "Patient": ("", fhir_facts.patient),
    "Condition": ("subject", fhir_facts.condition),
    "Observation": ("subject", fhir_facts.observation),
    "MedicationAdministration": ("subject", fhir_acts.medication),
    "MedicationRequest": ("subject", fhir_acts.medication),
    "MedicationStatement": ("subject", fhir_acts.medication),
    "Procedure": ("subject", fhir_acts.procedure),
    "ImagingStudy": ("subject", fhir_acts.imaging_study),
}
"""For each type of resource that is read: the element that names its subject, and what reads it."""

REFERRED: Final = frozenset(
    {"Patient", "Medication", "BodyStructure", "ImagingStudy", "MedicationAdministration", "MedicationStatement"}
)


def accepts(locator: str) -> bool:
    """Whether a file is named as JSON and begins as a FHIR resource does."""
    return Path(locator).suffix.lower() in SUFFIXES and b'"resourceType"' in head_of(locator, HEAD)


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """The records of each document; those of one bulk export are looked up together."""
    ordered = sorted(map(Path, locators), key=lambda path: (path.suffix.lower() not in LINES, str(path)))
    done = 0
    for shared, group in groupby(ordered, lambda path: path.parent if path.suffix.lower() in LINES else path):
        paths = list(group)
        try:
            references = _References(paths, context)
        except OSError as error:
            problem = f"cannot be opened ({type(error).__name__})"
            yield Reject(name=shared.name, place="file", problem=problem, wanted="a file that may be read")
            continue
        for path in paths:
            broken = references.broken.get(path)
            if broken is None:
                yield from _read(path, references, context)
            else:
                yield Reject(name=path.name, place=broken.place, problem=broken.problem, wanted=broken.wanted)
            done += 1
            context.progress(done, None)


class _References:
    """The first reading: what the resources of documents are referred to for, and on which files that depends."""

    def __init__(self, paths: list[Path], context: Context) -> None:
        self.found = References()
        self.broken: dict[Path, StreamFault] = {}
        """Documents that are none, or cut off: nothing of them comes in."""
        self.digests = {path: sha256_of(path) for path in paths}
        self.codes = context.codes
        self.system = (context.mapping or "").removeprefix(BY_IDENTIFIER) if context.mapping else ""
        telling = []
        for path in paths:
            before = len(self.found)
            for entry in resources(path):
                if isinstance(entry, StreamFault):
                    if entry.place == WHOLE:
                        self.broken[path] = entry
                elif len(self.found) < HELD:
                    self._note(entry)
            if len(self.found) > before and len(paths) > 1:
                telling.append(self.digests[path])
        self.digest = hashlib.sha256("\n".join([self.system, *telling]).encode()).hexdigest()

    def _note(self, entry: Entry) -> None:
        kind = entry.resource.get("resourceType")
        if not isinstance(kind, str) or kind not in REFERRED:
            return
        node = Node(entry.resource, entry.place, "", self.codes)
        keys = {f"{kind}/{node.text('id')}", key_of(entry.full_url)} - {f"{kind}/", ""}
        found = self.found
        if kind == "Patient":
            found.subjects.update(dict.fromkeys(keys, self._subject(node, entry.full_url)))
        elif kind == "Medication":
            found.agents.update(dict.fromkeys(keys, Concept.of(node.child("code"))))
        elif kind == "BodyStructure":
            found.sites.update(dict.fromkeys(keys, Concept.of(node.child("location"))))
        elif kind == "ImagingStudy" and (uid := fhir_acts.study_uid(node)):
            found.studies.update(dict.fromkeys(keys, uid))
        elif kind == "MedicationAdministration":
            found.fulfilled.add(key_of(node.reference("request")))
        elif kind == "MedicationStatement":
            found.fulfilled.update(key_of(item.text("reference")) for item in node.children("basedOn"))

    def _subject(self, node: Node, full_url: str) -> str:
        """The subject of a patient; empty where it has none."""
        if self.system:
            identifiers = (item for item in node.children("identifier") if item.text("system") == self.system)
            return next((item.text("value").strip() for item in identifiers), "")
        return node.text("id") or full_url.rpartition(":")[2]

    def subject_of(self, reference: str) -> str:
        """The subject of a reference to a patient; a patient outside the document goes by the id in the reference."""
        key = key_of(reference)
        if key in self.found.subjects:
            return self.found.subjects[key]
        return key.removeprefix("Patient/") if key.startswith("Patient/") and not self.system else ""


def _read(path: Path, references: _References, context: Context) -> Iterator[Yield]:
    """One document: its source, records and rejects."""
    if context.mapping and not context.mapping.startswith(BY_IDENTIFIER):
        wanted = f"--mapping {BY_IDENTIFIER}SYSTEM, with the system of the identifier that is the subject's"
        yield Reject(name=path.name, place="mapping", problem="a table map does not fit FHIR", wanted=wanted)
        return
    head = SourceRecord(
        kind="fhir",
        name=path.name,
        digest=references.digests[path],
        locator=str(path),
        data_class=DataClass.CLINICAL,
        recipe=f"{VERSION} codes-{context.codes.digest[:16]} references-{references.digest[:16]}",
    )
    yield head
    if context.known(head.digest, head.recipe):
        return
    left: Counter[str] = Counter()
    seen: set[str] = set()
    named: set[Record] = set()
    for entry in resources(path):
        if not isinstance(entry, Entry):
            yield Reject(name=path.name, place=entry.place, problem=entry.problem, wanted=entry.wanted)
            continue
        for item in _resource(entry, path.name, references, seen, left):
            if isinstance(item, Record) and item.identity:
                if item in named:
                    continue
                named.add(item)
            yield item
    if left:
        told = ", ".join(f"{count} {kind}" for kind, count in sorted(left.items()))
        log.info("%s: resources that were not read: %s", path.name, told)


def _resource(entry: Entry, name: str, references: _References, seen: set[str], left: Counter[str]) -> Iterator[Yield]:
    """The records of one resource, then what is wrong with it; what is of no use here is counted in ``left``."""
    kind = entry.resource.get("resourceType")
    if not isinstance(kind, str):
        wanted = "the type of the resource as a string"
        yield Reject(name=name, place=entry.place, problem="has no resourceType", wanted=wanted)
        return
    if kind not in READ:
        left[kind if kind.isalpha() and len(kind) < 40 else "unknown"] += 1
        return
    element, reader = READ[kind]
    node = Node(entry.resource, f"{entry.place} {kind}", name, references.codes)
    case = _case(node, kind, element, entry, references, seen)
    if case is not None:
        records = list(reader(case))
        yield from records
        if not records and not node.rejects:
            left[kind] += 1
    yield from dict.fromkeys(node.rejects)


def _case(node: Node, kind: str, element: str, entry: Entry, references: _References, seen: set[str]) -> Case | None:
    """The resource ready to be read; None where it is not so, has no subject or comes a second time."""
    verified = Concept.of(node.child("verificationStatus")).codes if kind == "Condition" else ()
    if node.text("status") in REFUSED or any(code.value in REFUSED for code in verified):
        return None
    own = node.text("id")
    reference = node.reference(element) if element else f"Patient/{own}" if own else entry.full_url
    subject = references.subject_of(reference)
    if not subject or len(subject) > 64 or not subject.isprintable():
        wanted = "a reference to a Patient of the document, or by its id"
        if references.system:
            wanted = f"a Patient of the document with an identifier of the system that --mapping {BY_IDENTIFIER} names"
        node.refuse(element or "id", "names no subject that is usable", wanted)
        return None
    # where an identifier of the study is the subject, the patient's id in the hospital's system stays out
    local = subject if kind == "Patient" else own
    key = f"{kind}/{local}" if own and ID.fullmatch(local) else entry.place
    if key in seen:
        node.refuse("id", "is that of an earlier resource of the document", "an id for each resource")
        return None
    seen.add(key)
    return Case(node, key, subject, references.found)


SOURCE = Source(
    name="fhir",
    accepts=accepts,
    read=read,
    summary="FHIR R4 and mCODE: JSON bundles, single resources, NDJSON of bulk exports",
)
