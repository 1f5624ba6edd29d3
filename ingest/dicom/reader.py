"""Reader of DICOM files: every series of the run becomes one source (DICOM PS3.3, PS3.10).

Headers are read one by one and summed per series, so that a folder of any size is read in one pass; of a file only
its UID, hash and place are kept. Files of kinds that have no reader of their own yet are series like any other.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from ingest.base import Context, Source, Yield, head_of
from ingest.dicom import series as dicom_series
from ingest.dicom.header import BrokenDicomError, Header, is_dicom, place_of, read_header
from ingest.dicom.instances import Instance, Seen
from ingest.dicom.series import SeriesSum
from ingest.gate import dicom as gate_dicom
from ingest.gate import review as gate_review
from ingest.gate.dicom import Facts
from ingest.gate.review import Asked, Reviews
from ontology.records import DataClass, Record, Reject, SourceRecord

__all__ = [
    "HEADER_KEYWORDS",
    "SOURCE",
    "Gathered",
    "accepts",
    "contradicting",
    "read",
    "refusals",
]

VERSION = "dicom 6"
"""Changes whenever the same files would give other records."""

SUFFIXES = {".dcm", ".dicom", ".ima"}
DIRECTORY = "1.2.840.10008.1.3.10"
"""Media Storage Directory Storage (PS3.4 B.5): a DICOMDIR."""
UID = re.compile(r"(?=.{3,64}$)(0|[1-9]\d*)(\.(0|[1-9]\d*))+")
UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
HEADER_KEYWORDS = tuple(sorted(dicom_series.HEADER_KEYWORDS | gate_dicom.HEADER_KEYWORDS))


def accepts(locator: str) -> bool:
    """Whether a local file is, or claims to be, DICOM: by its first bytes or by its suffix."""
    return Path(locator).suffix.lower() in SUFFIXES or is_dicom(head_of(locator, 132))


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """Every series among the files, each headed by its source record; a reject for every file that does not come in."""
    gathered = Gathered(context)
    for done, locator in enumerate(locators, 1):
        context.progress(done, None)
        yield from gathered.take(locator)
    yield from gathered.disputed()
    for series in gathered.accepted():
        recipe = gathered.recipe(VERSION, series.uid)
        digest = _digest(series)
        folder = os.path.commonpath(series.instances.folders)
        yield SourceRecord(
            kind="dicom",
            name=f"series {series.uid}",
            digest=digest,
            locator=f"{folder}#{series.uid}",
            data_class=DataClass.IMAGES,
            recipe=recipe,
        )
        if not context.known(digest, recipe):
            yield from gathered.records(series)


def _digest(series: SeriesSum) -> str:
    """The SHA-256 over the instances by UID: files may be renamed, moved and reordered without a change."""
    lines = sorted(f"{instance.uid} {instance.digest.hex()}\n" for instance in series.instances)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


class Gathered:
    """The series of a run, by series, study and subject as their files state them."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self.series: dict[tuple[str, str, str], SeriesSum] = {}
        self.passed: dict[tuple[str, str, str], Facts] = {}
        """What was judged last of each series, where it passed."""
        self.seen = Seen(lambda: (instance for series in self.series.values() for instance in series.instances))
        self.reviews = Reviews(context)
        self.asked: defaultdict[str, Asked] = defaultdict(self.reviews.asked)

    def take(self, locator: str) -> tuple[Reject, ...]:
        """Add one file to its series, or say why not."""
        try:
            header = read_header(locator, HEADER_KEYWORDS)
        except BrokenDicomError as error:
            return (_reject(locator, error.place, error.problem, error.wanted),)
        return self.admit(locator, header)

    def admit(self, locator: str, header: Header) -> tuple[Reject, ...]:
        """Add what was read at a locator to its series, or say why not: all that a steward would have to answer."""
        facts = gate_dicom.facts_of(header)
        key = (header.text("SeriesInstanceUID"), header.text("StudyInstanceUID"), header.text("PatientID"))
        passed = self.passed.get(key) is facts  # as a file of the series before it, so only who it is can be wrong
        if refused := identity_flaws(locator, header) if passed else refusals(locator, header, facts, self.context):
            return refused
        instance = Instance.at(locator, header.text("SOPInstanceUID"), header.digest)
        if before := self.seen.before(instance):
            return () if before.digest == instance.digest else (contradicting(instance.locator, before.locator),)
        series = self.series.get(key)
        if series is None:
            series = self.series[key] = SeriesSum(*key)
        series.add(header, instance)
        if not passed:
            self.asked[key[0]].add(facts, self.reviews.open(facts))
            self._note_passed(key, facts)
        return ()

    def _note_passed(self, key: tuple[str, str, str], facts: Facts) -> None:
        """Note what passed the gate by itself, and not since a steward answers for one file."""
        if gate_dicom.header_flaw(facts, attested=self.context.attested) is None:
            self.passed[key] = facts

    def disputed(self) -> Iterator[Reject]:
        """Rejects for the files whose series or study stands under another patient or study in more files."""
        yield from self._outvoted("StudyInstanceUID", lambda series: series.study, lambda series: series.subject)
        yield from self._outvoted("SeriesInstanceUID", lambda series: series.uid, lambda series: series.study)

    def accepted(self) -> list[SeriesSum]:
        """The series that come in, those of a study side by side."""
        return sorted(self.series.values(), key=lambda series: (series.subject, series.study, series.uid))

    def recipe(self, version: str, series: str) -> str:
        """What decides the records of a series beside its content."""
        return version + self.asked[series].recipe

    def records(self, series: SeriesSum) -> Iterator[Record]:
        """The records of a series that came in, without what waits for a steward, who is asked."""
        asked = self.asked[series.uid]
        self.reviews.tell(f"series {series.uid}", asked)
        records = series.records(instances=self.context.instances)
        return filter(None, (gate_review.without(record, asked.withheld) for record in records))

    def _outvoted(
        self, keyword: str, owned: Callable[[SeriesSum], str], owner: Callable[[SeriesSum], str]
    ) -> Iterator[Reject]:
        """Take out what stands under two owners, except under the one with most files (the first of equals)."""
        votes: dict[str, Counter[str]] = {}
        for series in self.series.values():
            votes.setdefault(owned(series), Counter())[owner(series)] += len(series.instances)
        for key, series in list(self.series.items()):
            if owner(series) != votes[owned(series)].most_common(1)[0][0]:
                del self.series[key]
                for instance in series.instances:
                    yield _reject(instance.locator, place_of(keyword), *DISPUTES[keyword], quarantine=True)


DISPUTES = {
    "StudyInstanceUID": (
        "the study stands under another Patient ID in most of its files",
        "one Patient ID for all files of a study",
    ),
    "SeriesInstanceUID": (
        "the series stands under another Study Instance UID in most of its files",
        "one study for all files of a series",
    ),
}


def identity_flaws(locator: str, header: Header) -> tuple[Reject, ...]:
    """Why a header does not say whose image it holds: the first reason, or none."""
    if header.text("MediaStorageSOPClassUID") == DIRECTORY:
        place, problem = "(0002,0002) MediaStorageSOPClassUID", "the file is a DICOMDIR, an index that holds no image"
        return (_reject(locator, place, problem, "the folder with the files that it names"),)
    for keyword in ("PatientID", *UIDS):
        text = header.text(keyword)
        if not text:
            wanted = "a value: it says where the file belongs"
            return (_reject(locator, place_of(keyword), "is missing or empty", wanted),)
        if keyword in UIDS and not UID.fullmatch(text):
            wanted = "numbers without leading zeros joined by dots, at most 64 characters (PS3.5 9.1)"
            return (_reject(locator, place_of(keyword), "is no valid UID", wanted),)
    return ()


def refusals(locator: str, header: Header, facts: Facts, context: Context) -> tuple[Reject, ...]:
    """Why nothing of a file may come in: it says not whose it is, or its header says what may identify a person.

    What a steward answers for is let in; what may be answered for is told with the content of the header, all at
    once. What may not hides the rest.
    """
    if refused := identity_flaws(locator, header):
        return refused
    released = partial(context.released, header.digest)
    flaws = gate_dicom.header_flaws(facts, attested=context.attested, released=released)
    final = [flaw for flaw in flaws if not flaw.releasable][:1]
    return tuple(
        _reject(locator, flaw.place, flaw.problem, flaw.wanted, quarantine=True, content="" if final else header.digest)
        for flaw in final or flaws
    )


def contradicting(locator: str, other: str) -> Reject:
    """The reject of a file whose UID another file has, with other content."""
    problem = f"stands in {Path(other).name} too, with other content"
    return _reject(locator, place_of("SOPInstanceUID"), problem, "one content for one UID", quarantine=True)


def _reject(
    locator: str, place: str, problem: str, wanted: str, *, quarantine: bool = False, content: str = ""
) -> Reject:
    name = Path(locator).name
    return Reject(name=name, place=place, problem=problem, wanted=wanted, quarantine=quarantine, content=content)


SOURCE = Source(name="dicom", accepts=accepts, read=read, summary="DICOM files and folders: one source for each series")
