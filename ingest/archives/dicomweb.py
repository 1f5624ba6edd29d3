"""DICOMweb services as a source: series as the server describes them, a series at a time (PS3.18).

``dicomweb+https://host/path`` is everything that the server lets us see; ``/studies/UID``, ``/series/UID`` and
``?PatientID=…`` narrow it. Images come by their metadata alone, through the same gate and into the same sums as files,
so that a series says the same from either place; pixel data and other bulk data are not asked for. Reports,
segmentations, radiotherapy objects and value maps are retrieved as files and read as files are.

A series is not asked for again while the search finds the same instances under the same patient, study and date: by
its UID an instance has one content. What could not be had is rejected with the request; what came in before stays.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from ingest import rwv
from ingest.archives.dicomweb_server import DicomwebError, Server, is_server
from ingest.archives.levels import by_level, contradicts
from ingest.base import Context, Source, Yield
from ingest.dicom import reader as dicom
from ingest.dicom.header import BrokenDicomError, Elements, Header, place_of
from ingest.dicom.json import header_in
from ingest.locators import shown
from ingest.rt import reader as rt
from ingest.seg import reader as seg
from ingest.sr import reader as sr
from ingest.temporary import TemporaryFolder
from ontology.records import DataClass, Reject, SourceRecord

__all__ = ["SOURCE", "read"]

VERSION: Final = "dicomweb 3"
"""Changes whenever the same answers would give other records."""

DOCUMENTS: Final = (sr.SOURCE, seg.SOURCE, rt.SOURCE, rwv.SOURCE)
"""The readers of objects that are retrieved as files."""

DEEPEST: Final = 16
"""How deep sequences of metadata may be nested."""


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """Every series that the servers give, each headed by its source record."""
    for locator in locators:
        name = shown(locator.partition("?")[0])
        try:
            reading = _Reading(Server(locator), name, context)
            yield from reading.series()
        except DicomwebError as error:
            yield _refused(name, error)


def _refused(name: str, error: DicomwebError) -> Reject:
    return Reject(name=name, place=error.place, problem=error.problem, wanted=error.wanted)


@dataclass(frozen=True, slots=True)
class _Found:
    """A series as the search names it."""

    path: str
    uid: str
    study: str
    subject: str
    study_date: str

    @property
    def name(self) -> str:
        """The name of its source."""
        return f"series {self.uid}"

    def holds(self, header: Header) -> bool:
        """Whether an instance is of this series, or does not say of which it is."""
        named = {"StudyInstanceUID": self.study, "SeriesInstanceUID": self.uid}
        return all(header.text(keyword) in {"", uid} for keyword, uid in named.items())

    def digest(self, instances: Iterable[str]) -> str:
        """The SHA-256 over what the series is and the UIDs of its instances."""
        lines = [self.uid, self.study, self.subject, self.study_date, *sorted(instances)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


class _Reading:
    """One locator as it is read."""

    def __init__(self, server: Server, name: str, context: Context) -> None:
        self.server, self.name, self.context = server, name, context
        self.done = 0
        study, series = server.within
        self.of_studies, self.of_series = by_level(server.filters)
        self.of_studies |= {"StudyInstanceUID": study} if study else {}
        self.of_series |= {"SeriesInstanceUID": series} if series else {}

    def series(self) -> Iterator[Yield]:
        """Every series; one that cannot be had is rejected, a server that is gone ends it (`DicomwebError`)."""
        seen: set[str] = set()
        for about in self._studies():
            uid = about.text("StudyInstanceUID")
            if not dicom.UID.fullmatch(uid):
                yield self._odd("studies", "a study has no valid UID")
            elif not contradicts(about, self.of_studies) and uid not in seen:
                seen.add(uid)  # a study that stands under two patients is found twice
                yield from self._guarded(self._study(about, uid))

    def _studies(self) -> Iterator[Elements]:
        """Every study that may match; where none has the modality, as archives say that do not list what studies hold,
        those of the series that have it, if the archive can search all series (PS3.18 table 10.6.1-1)."""
        nothing = True
        for answer in self.server.search("studies", self.of_studies):
            nothing = False
            yield self._header(answer)
        added = self.of_studies.keys() - self.server.filters.keys() - {"StudyInstanceUID"}
        if nothing and added:
            asked = {name: value for name, value in self.of_studies.items() if name not in added}
            try:
                yield from map(self._header, self.server.search("series", {**asked, **self.of_series}))
            except DicomwebError as error:
                if error.gone:
                    raise

    def _study(self, about: Elements, uid: str) -> Iterator[Yield]:
        path = f"studies/{uid}/series"
        listed = 0
        for one in self.server.search(path, self.of_series):
            listed += 1
            header = self._header(one)
            if contradicts(header, self.of_series):
                continue
            series_uid = header.text("SeriesInstanceUID")
            if not dicom.UID.fullmatch(series_uid):
                yield self._odd(path, "a series has no valid UID")
                continue
            found = _Found(f"{path}/{series_uid}", series_uid, uid, about.text("PatientID"), about.text("StudyDate"))
            yield from self._guarded(self._one_series(found, header.number("NumberOfSeriesRelatedInstances")))
            self.done += 1
            self.context.progress(self.done, None)
        if not self.of_series:
            yield from self._fewer(path, "series", listed, about.number("NumberOfStudyRelatedSeries"))

    def _fewer(self, path: str, what: str, listed: int, stated: Decimal | None) -> Iterator[Reject]:
        """A reject where a server lists fewer than it states, as one does that limits its answers and says nothing."""
        if stated is not None and stated > listed:
            problem = f"the server lists {listed} of {int(stated)} {what}"
            wanted = "a server that lists all: it may limit its answers (Orthanc: LimitFindResults)"
            yield Reject(name=self.name, place=f"GET /{path}", problem=problem, wanted=wanted)

    def _guarded(self, items: Iterator[Yield]) -> Iterator[Yield]:
        """The same, with a reject for a request that fails; a server that is gone is asked no more."""
        try:
            yield from items
        except DicomwebError as error:
            if error.gone:
                raise
            yield _refused(self.name, error)

    def _odd(self, path: str, problem: str) -> Reject:
        return Reject(name=self.name, place=f"GET /{path}", problem=problem, wanted="UIDs by PS3.5 9.1")

    def _one_series(self, found: _Found, stated: Decimal | None) -> Iterator[Yield]:
        """The series of images, then each object that is retrieved."""
        path = f"{found.path}/instances"
        listed = [self._header(one) for one in self.server.search(path)]
        documents = {
            header.text("SOPInstanceUID"): header.text("SOPClassUID")
            for header in listed
            if _is_document(header.text("SOPClassUID"))
        }
        images = {header.text("SOPInstanceUID") for header in listed} - documents.keys()
        if images:
            yield from self._images(found, images)  # all of them, however many are listed
        else:
            yield from self._fewer(path, "instances", len(listed), stated)
        for uid in documents:
            if dicom.UID.fullmatch(uid):
                yield from self._guarded(self._document(found, uid))

    # images -------------------------------------------------------------------------------------------------------

    def _images(self, found: _Found, listed: set[str]) -> Iterator[Yield]:
        """The series by its metadata, unless it is known as the search lists it."""
        gathered = dicom.Gathered(self.context)
        digest, recipe = found.digest(listed), gathered.recipe(VERSION, found.uid)
        if self.context.known(digest, recipe):
            yield self._head(found, digest, recipe)
            return
        for answer in self.server.data_sets(f"{found.path}/metadata"):
            if refused := self._take(gathered, found, answer):
                yield refused
        for refused in gathered.disputed():
            yield replace(refused, name=found.name, problem=f"{refused.problem} (instance {refused.name})")
        for series in gathered.accepted():
            digest = found.digest(instance.uid for instance in series.instances)
            recipe = gathered.recipe(VERSION, found.uid)
            yield self._head(found, digest, recipe)
            if not self.context.known(digest, recipe):
                yield from gathered.records(series)

    def _head(self, found: _Found, digest: str, recipe: str) -> SourceRecord:
        return SourceRecord(
            kind="dicomweb",
            name=found.name,
            digest=digest,
            locator=f"{self.server.told}/{found.path}",
            data_class=DataClass.IMAGES,
            recipe=recipe,
        )

    def _take(self, gathered: dicom.Gathered, found: _Found, answer: dict[str, Any]) -> Reject | None:
        """Add an instance to its series, or say why not; what is read as a file is left to that."""
        try:
            header = header_in(answer, DEEPEST)
        except BrokenDicomError as error:
            return Reject(name=found.name, place=error.place, problem=error.problem, wanted=error.wanted)
        if _is_document(header.text("SOPClassUID")):
            return None
        uid = header.text("SOPInstanceUID")
        refused = next(iter(gathered.admit(uid, header)), None) if found.holds(header) else None
        if not found.holds(header):
            wanted = "the UIDs of the request in its answer"
            refused = Reject(
                name=uid, place=place_of("SeriesInstanceUID"), problem="is of another series", wanted=wanted
            )
        return refused and replace(refused, name=found.name, problem=f"{refused.problem} (instance {uid})")

    def _header(self, answer: dict[str, Any]) -> Elements:
        """What a search says of one result; nothing where it is broken."""
        try:
            return header_in(answer, DEEPEST)
        except BrokenDicomError:
            return Header({}, watched=())

    # other objects ------------------------------------------------------------------------------------------------

    def _document(self, found: _Found, uid: str) -> Iterator[Yield]:
        """An object as its own reader reads its file; a report from the metadata where the file cannot be had."""
        path = f"{found.path}/instances/{uid}"
        with TemporaryFolder() as folder:
            file = folder.path / f"{uid}.dcm"
            try:
                self.server.instance(path, file)
            except DicomwebError as error:
                if error.gone:
                    raise
                file = self._as_json(path, folder.path / f"{uid}.json", error)
            reader = next((source for source in DOCUMENTS if source.accepts(str(file))), dicom.SOURCE)
            for item in reader.read(iter([str(file)]), self.context):
                yield replace(item, locator=f"{self.server.told}/{path}") if isinstance(item, SourceRecord) else item

    def _as_json(self, path: str, file: Path, error: DicomwebError) -> Path:
        """The metadata of a report, which is the whole of it; the first error for what is none."""
        for answer in self.server.data_sets(f"{path}/metadata"):
            file.write_text(json.dumps([answer], default=float), encoding="utf-8")
            if sr.SOURCE.accepts(str(file)):
                return file
        raise error


def _is_document(sop_class: str) -> bool:
    return any(source.sop_classes(sop_class) for source in DOCUMENTS)


SOURCE = Source(
    name="dicomweb",
    accepts=is_server,
    read=read,
    summary="DICOMweb services (dicomweb+https://host/path): images by their metadata, other objects as files",
)
