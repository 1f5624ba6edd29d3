"""The run: from locators to a published generation, through readers, gate and record log.

A run holds the write lock throughout. Sources are entered in the ledger as they are logged, so that a run which is cut
off is resumed by giving it again: what is logged is not read a second time. What is served changes once, at the end.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from ingest import sources
from ingest.asked import Asked, Earlier, with_codes
from ingest.base import Block, Context, Keepable, KeptText, Source, Whole
from ingest.gate.records import admit_block, judged
from ingest.judging import broken
from ingest.locators import without_credentials
from ingest.report import NothingToDoError, Progress, Report
from ingest.staging import Staging
from ingest.superseding import Superseding
from mappings.tables import Library
from ontology.elements import Element
from ontology.elements import elements as known_elements
from ontology.index import TermIndex
from ontology.prefixes import Curie
from ontology.records import DataClass, Record, Reject, SourceRecord
from store.control import PUBLIC, Collection
from store.document_text import LIMIT
from store.documents import Reading
from store.home import Home
from store.log import BrokenRecordError, BrokenSourceError, sid_of
from store.manifest import Manifest
from store.matching import matches
from store.open_source import OpenSource
from store.warehouse import Warehouse, Writing

__all__ = ["Job", "NothingToDoError", "Progress", "Report", "run"]

log = logging.getLogger(__name__)

FLUSH_RECORDS = 20_000
FLUSH_SECONDS = 5.0
DIGEST = 64
"""The length of the SHA-256 by which a release knows a file; it knows a text or condition by a shorter mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """What to ingest: locators, the collection they belong to, and how they are read."""

    locators: tuple[str, ...]
    collection: str
    kind: str | None = None
    mapping: str | None = None
    audience: str | None = None
    clock: str = "calendar"
    attestation: str | None = None
    instances: bool = False
    """Whether every image becomes a node, not only those that something refers to."""
    source: Source | None = None
    """What reads the locators, where it is not to be found by them: kept documents in place of their files."""


def run(warehouse: Warehouse, jobs: Iterable[Job], progress: Progress | None = None) -> Report:
    """Ingest and publish; `NothingToDoError` where no locator of a job can be read."""
    progress = progress or Progress()
    report = Report()
    with warehouse.writing(progress.waiting) as writing:
        library = Library.of(warehouse.home, warehouse.decisions)  # with what was decided while another run wrote
        runs = [_Run(warehouse, writing, job, report, progress, library).read() for job in jobs]
        warehouse.documents.sweep()  # of sources that did not come in whole, or of a run that was cut off
        progress.stage("publishing")
        manifest = writing.publish()
        warehouse.documents.keep_only({(source.collection, source.digest) for source in manifest.sources})
        report.generation, report.quads = manifest.number, manifest.quads
        for number in runs:
            warehouse.control.finish_run(number, manifest.number)
        _tell_conflicts(warehouse, writing, manifest, report, runs)
        read = [source for source in manifest.sources if source.collection in report.collections]
        report.subjects = matches(warehouse.crosswalk, warehouse.rules, warehouse.home.log, read)
    return report


def _tell_conflicts(
    warehouse: Warehouse, writing: Writing, manifest: Manifest, report: Report, runs: list[int]
) -> None:
    """Enter the claims to nodes of another subject that were left out of the generation for the first time."""
    for collection, claim, name in manifest.conflicts:
        if (collection, claim, name) not in writing.current.conflicts:
            conflict = Reject(
                name=name,
                place=claim,
                problem="this UID belongs to another subject already, of this collection or another",
                wanted="one subject for each study and series",
                quarantine=True,
            )
            report.rejects.append(conflict)
            warehouse.control.reject(runs[-1], collection, (), [conflict])


class _Run:
    """One job of a run."""

    def __init__(
        self,
        warehouse: Warehouse,
        writing: Writing,
        job: Job,
        report: Report,
        progress: Progress,
        library: Library,
    ) -> None:
        self.control = warehouse.control
        self.home = warehouse.home
        self.documents = warehouse.documents
        self.released = warehouse.attestations.released(job.collection)
        self.coded = warehouse.coded
        self.library = library
        self.asked = Asked()
        self.codes = library.codes.noting(self.asked.note)
        self.earlier: dict[tuple[str, str], Earlier] = {}
        self.keys: dict[str, frozenset[bytes]] = {}
        self.writing = writing
        self.staging = Staging()
        self.job = job
        self.report = report
        self.progress = progress
        self.number = self.control.start_run(job.collection)
        self.known = self.control.known_sids()
        self.rejects: list[tuple[str, Reject]] = []
        self.read_names: set[str] = set()
        self.seen: set[str] = set()
        self.open: OpenSource | None = None
        self.created: set[str] = set()
        self.refused: set[str] = set()
        self.told: set[tuple[str, str]] = set()
        self.readings: list[Reading] = []
        self.flushed = time.monotonic()
        self.by_place = {(old.collection, old.kind, old.locator): old.sid for old in writing.current.sources}
        self.by_content = {(old.collection, old.digest): old.sid for old in writing.current.sources}
        self.superseding = Superseding(warehouse.projects, writing, report.superseded)

    def read(self) -> int:
        """Read every locator with the kind of source that accepts it; the number of the run."""
        with self.staging:
            for source, locators in self._by_kind().items():
                self.progress.stage(f"reading {source.name}")
                self._source_kind(source, locators)
        self._flush_log()
        self._enter_rejects()
        return self.number

    # what is to be read

    def _by_kind(self) -> dict[Source, list[str]]:
        kinds: dict[Source, list[str]] = defaultdict(list)
        for locator in self._places():
            if isinstance(locator, Reject):
                self._reject(self.job.collection, locator)
                continue
            name = sources.shown(locator)
            self.read_names.add(name)
            path = "" if "://" in locator else locator
            if path and name != os.path.basename(path):  # noqa: PTH119 - of every file of a run, as the next
                self._reject(self.job.collection, _unread(name, "the file's name is not UTF-8", "another name"))
            elif self.job.source is None and path and not os.path.exists(path):  # noqa: PTH110
                self._reject(self.job.collection, _unread(name, "is not there", "the path of a file or folder"))
            elif (source := self.job.source or sources.accepting(locator, self.job.kind)) is not None:
                kinds[source].append(locator)
            elif path and not os.access(path, os.R_OK):
                self._reject(self.job.collection, _unread(name, "may not be read", "permission to read it"))
            else:
                kinds_read = ", ".join(sources.names())
                wanted = f"a file of one of these kinds, which --as names where its bytes do not tell: {kinds_read}"
                self._reject(self.job.collection, _unread(name, "no kind of source reads this", wanted))
        self.read_names.update(self.staging.names)
        if not kinds and not self.rejects:
            raise NothingToDoError(f"nothing to read at {', '.join(map(without_credentials, self.job.locators))}")
        return kinds

    def _places(self) -> Iterable[str | Reject]:
        """What stands at the locators of the job, as paths and as URLs that a reader takes."""
        if self.job.source is not None:
            return self.job.locators  # kept documents
        named = sources.accepting("", self.job.kind) if self.job.kind else None

        def reads(locator: str) -> bool:
            return named.accepts(locator) if named else sources.accepting(locator) is not None

        return self.staging.walk(self.job.locators, reads)

    def _context(self, source: Source) -> Context:
        return Context(
            collection=self.job.collection,
            clock=self.job.clock,
            mapping=self.job.mapping,
            secret=bytes.fromhex(self.control.setting("secret")),
            attested=source.reviewed or self._collection(self.job.collection).attestation is not None,
            reviewed=source.reviewed,
            instances=self.job.instances,
            blocks=True,
            released=lambda content, place: (content, place) in self.released,
            known=self._is_known(source),
            elements=cache(lambda: _known_elements(self.home)),
            progress=lambda done, total: self.progress.step(source.name, done, total),
            codes=self.codes,
            library=lambda: self.library,
            keep=self._keep,
            review=self._review,
            answers=self._answers,
            unmapped=self.report.unmapped.__setitem__,
        )

    def _is_known(self, source: Source) -> Callable[[str, str], bool]:
        """Whether the log holds a content as it would be read now; a catalogue's content names its collection."""
        if source.reviewed:
            held = {(old.digest, old.recipe) for old in self.control.sources() if old.kind == source.name}
            return lambda digest, recipe: (digest, recipe) in held
        name = self.job.collection
        return lambda digest, recipe: self._known_sid(source.name, digest, recipe, name) is not None

    def _known_sid(self, kind: str, digest: str, recipe: str, collection: str) -> str | None:
        """The source of the ledger that a content would be, as it would be read now."""
        sid = sid_of(kind, digest, recipe, collection, self.job.clock)
        if sid in self.known:
            return sid
        if (kind, collection) not in self.earlier:
            self.earlier[kind, collection] = Earlier(self.coded, self.library.codes, kind, collection, self.job.clock)
        return self.earlier[kind, collection].sid(digest, recipe)

    def _collection(self, name: str, archived: bool = False) -> Collection:
        """The collection's settings; a new one starts in its owner's own audience, a public archive's in public."""
        have = self.control.collections().get(name)
        collection = have or Collection(name, owner="archive" if archived else "operator")
        audience = self.job.audience or (PUBLIC if archived else None)
        if audience and have is None:
            collection = collection.within(audience)
        if self.job.attestation:
            collection = replace(collection, attestation=self.job.attestation)
        if collection != have:
            self.control.save_collection(collection)
        if have is None:
            self.created.add(name)
        return collection

    def _open(self, name: str, data_class: DataClass) -> None:
        """Show a class of data of a collection that this run made to everybody, where nobody has named an audience."""
        collection = self.control.collections()[name]
        own = Collection(name).audience(data_class)
        if name in self.created and self.job.audience is None and collection.audience(data_class) == own:
            shown = {**collection.audiences, data_class: PUBLIC}
            self.control.save_collection(replace(collection, audiences=shown))

    # sources and their records

    def _source_kind(self, source: Source, locators: list[str]) -> None:
        context = self._context(source)
        served = any("://" in locator for locator in locators)
        head: SourceRecord | None = None
        self.asked.keys.clear()
        for item, ended in self.asked.follow(source.read(self.staging.whole(locators), context)):
            match item:
                case SourceRecord():
                    self._end(head, ended)
                    head = self._begin(item)
                case Reject():
                    if served:
                        self.read_names.add(item.name)  # no file has that name, so only this tells of it anew
                    self._reject(head.collection if head and head.collection else self.job.collection, item)
                case Record() if head is not None:
                    self._admit(item, head, context)
                case Block() if head is not None:
                    self._admit_block(item, head, context)
                case Whole() if head is not None:
                    self._admit_whole(item, head)
                case _:
                    continue
        self._end(head, frozenset(self.asked.keys))

    def _begin(self, head: SourceRecord) -> SourceRecord | None:
        """Begin a source whose records are wanted, or take it from the log as it is (None)."""
        head = replace(head, locator=self.staging.origin(head.locator))
        name = head.collection or self.job.collection
        if name not in self.report.collections:
            self.report.collections.add(name)
            self._collection(name, archived=head.collection is not None)
        if head.public:
            self._open(name, head.data_class)
        sid = sid_of(head.kind, head.digest, head.recipe, name, self.job.clock)
        if sid in self.seen:
            return None
        self.seen.add(sid)
        if not self._wanted(head, name):
            return None
        if (known := self._known_sid(head.kind, head.digest, head.recipe, name)) is not None:
            self.seen.add(known)
            self._keep_known(head, known)
            return None
        self.read_names.add(head.name)
        same = self.writing.current.live.get(self.by_content.get((name, head.digest), ""))
        self.open = self.writing.log.begin(head, name, self.job.clock, same.logged_at if same else None)
        self.refused.clear()
        return head

    def _wanted(self, head: SourceRecord, collection: str) -> bool:
        """Whether a source is to be read: not where another export of its project stands in its place or way."""
        if head.extent is not None:
            self._flush_log()  # another export of the project may be of this run
        wanted = self.superseding.judged(head, collection, self._replaced(head, collection))
        if isinstance(wanted, Reject):
            self._reject(collection, wanted)
        elif not wanted:
            self.report.unchanged += 1
        return wanted is True

    def _keep(self, document: Keepable | KeptText) -> None:
        """Keep what may be kept of the open source, without what the gate refused of it."""
        if self.open is None:
            return
        name = None
        if isinstance(document, KeptText):
            name = self.documents.put_packed(document.text) if document.text else None
        elif document.again is not None:
            name = document.again
        elif document.size <= LIMIT:
            name = self.documents.put(document.lines(self.refused, self.open.days))
        self.readings.append(Reading(self.open.sid, document.mapping, self.job.clock, name))

    def _keep_known(self, head: SourceRecord, sid: str) -> None:
        """Serve a source from the log; where its file has moved, the ledger follows."""
        logged = self.control.logged(sid)
        assert logged is not None
        if logged.locator != head.locator and not Path(logged.locator).exists():
            logged = replace(logged, locator=head.locator, name=head.name)
            self.control.record_sources([logged], [])
        self._give_way(head, logged.collection, sid)
        self.writing.keep(logged)
        self.report.unchanged += 1
        self.read_names.discard(head.name)  # what did not come in of it is still listed

    def _give_way(self, head: SourceRecord, collection: str, sid: str) -> None:
        """What was read from the same place, or of the same content under another mapping, is replaced."""
        for old in self._replaced(head, collection):
            if old is not None and old != sid and old not in self.seen:
                self.writing.drop(old)
                self.report.replaced += 1
        self.report.replaced += self.superseding.come(head, collection)

    def _replaced(self, head: SourceRecord, collection: str) -> set[str | None]:
        """The sources that a source replaces by its place and by its content."""
        return {
            self.by_place.get((collection, head.kind, head.locator)),
            self.by_content.get((collection, head.digest)),
        }

    def _admit(self, record: Record, head: SourceRecord, context: Context) -> None:
        admitted, reject = judged(record, context)
        if reject is not None:
            self.refused.add(str(getattr(record, "key", "")))
            self._reject_of(head, reject)
        if admitted is None:
            return
        try:
            self.writing.log.add(admitted)
        except BrokenRecordError as error:
            self._reject_of(head, broken(record, error))
            return
        self.report.records[type(admitted).__name__] += 1

    def _admit_whole(self, whole: Whole, head: SourceRecord) -> None:
        """Take all records of a source, which were judged where it was read."""
        self.refused.update(whole.refused)
        for reject in whole.rejects:
            self._reject_of(head, reject)
        self.writing.log.add_pack(whole.pack, whole.packed)
        for name, count in whole.packed.counts.items():
            self.report.records[name] += count

    def _admit_block(self, block: Block, head: SourceRecord, context: Context) -> None:
        admitted, rejects, refused = admit_block(block, context)
        self.refused.update(refused)
        for reject in rejects:
            self._reject_of(head, reject)
        if admitted.rows.num_rows:
            self.writing.log.add_rows(admitted.kind, admitted.rows)
            self.report.records[admitted.kind.__name__] += admitted.rows.num_rows

    def _end(self, head: SourceRecord | None, keys: frozenset[bytes]) -> None:
        """Finish a source that asked for these codes; only what came in whole replaces what was there."""
        if head is None:
            return
        opened, self.open = self.open, None
        begun_as = opened.sid if opened else ""
        try:
            finished = self.writing.log.finish(with_codes(head.recipe, keys, self.library.codes))
        except BrokenSourceError as error:
            self.readings = [reading for reading in self.readings if opened is None or reading.sid != opened.sid]
            broken = _unread(head.name, str(error), "a document that is whole without what was refused")
            self._reject(head.collection or self.job.collection, broken)
            return
        if keys:
            self._note_codes(begun_as, finished.sid, keys)
        self._give_way(head, finished.collection, finished.sid)
        self.report.added += 1
        if self.writing.log.held >= FLUSH_RECORDS or time.monotonic() - self.flushed > FLUSH_SECONDS:
            self._flush_log()

    def _note_codes(self, begun_as: str, sid: str, keys: frozenset[bytes]) -> None:
        """Note the codes of a finished source, and how it was read, under its last name."""
        self.seen.add(sid)
        self.keys[sid] = keys
        if self.readings and self.readings[-1].sid == begun_as:
            self.readings[-1] = replace(self.readings[-1], sid=sid)
        else:
            self.readings.append(Reading(sid, self.job.mapping or "", self.job.clock))

    # the ledger

    def _reject(self, collection: str, reject: Reject) -> None:
        self.rejects.append((collection, reject))
        self.report.rejects.append(reject)

    def _reject_of(self, head: SourceRecord, reject: Reject) -> None:
        """Reject something of a source."""
        self._reject(head.collection or self.job.collection, replace(reject, name=head.name))

    def _review(self, entry: Reject) -> None:
        """Enter what a steward is asked about, once in a run."""
        if (entry.content, entry.place) in self.told:
            return
        self.told.add((entry.content, entry.place))
        if not entry.name and self.open is not None:
            entry = replace(entry, name=self.open.head.name)
        self.rejects.append((self.job.collection, entry))
        self.report.reviews.append(entry)

    def _answers(self, place: str) -> str:
        """The word that a recipe has for what was approved of texts and conditions of the collection."""
        spoken_of = ((at, content) for content, at in self.released if len(content) < DIGEST)
        given = "\n".join(f"{at} {content}" for at, content in sorted(spoken_of) if place in {"", at})
        return f" answers-{hashlib.sha256(given.encode()).hexdigest()[:16]}" if given else ""

    def _flush_log(self) -> None:
        self.documents.enter(self.readings)
        self.readings.clear()
        self.coded.enter(self.keys)
        self.keys.clear()
        for logged in self.writing.log.flush():
            self.writing.keep(logged)
        self.flushed = time.monotonic()

    def _enter_rejects(self) -> None:
        by_collection: dict[str, list[Reject]] = defaultdict(list)
        for collection, reject in self.rejects:
            by_collection[collection].append(reject)
        for collection in {self.job.collection, *by_collection}:
            self.control.reject(self.number, collection, self.read_names, by_collection[collection])


def _known_elements(home: Home) -> dict[tuple[Curie, str], Element]:
    """The data elements that come with Qilin, and those of the term index where there is one."""
    return known_elements(TermIndex(home.terms).elements() if home.terms.exists() else ())


def _unread(name: str, problem: str, wanted: str) -> Reject:
    return Reject(name=name, place="file", problem=problem, wanted=wanted)
