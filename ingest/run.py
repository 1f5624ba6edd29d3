"""The run: from locators to a published generation, through readers, gate and record log.

A run holds the write lock throughout. Sources are entered in the ledger as they are logged, so that a run which is cut
off is resumed by giving it again: what is logged is not read a second time. What is served changes once, at the end.
"""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from ingest import sources
from ingest.base import Block, Context, Source
from ingest.gate import admit
from ingest.report import NothingToDoError, Progress, Report
from ingest.uids import UidRegister
from ontology.records import Record, Reject, SourceRecord
from store.control import PUBLIC, Collection
from store.log import BrokenSourceError, sid_of
from store.warehouse import Warehouse, Writing

__all__ = ["Job", "NothingToDoError", "Progress", "Report", "run"]

log = logging.getLogger(__name__)

FLUSH_RECORDS = 20_000
FLUSH_SECONDS = 5.0


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


def run(warehouse: Warehouse, jobs: Iterable[Job], progress: Progress | None = None) -> Report:
    """Ingest and publish; `NothingToDoError` where no locator of a job can be read."""
    progress = progress or Progress()
    report = Report()
    with warehouse.writing(progress.waiting) as writing:
        uids = UidRegister()
        for uid, collection, subject in writing.live_uids():
            uids.learn(uid, collection, subject)
        runs = [_Run(warehouse, writing, uids, job, report, progress).read() for job in jobs]
        del uids  # the register of a large warehouse is large, and publishing has no use for it
        progress.stage("publishing")
        manifest = writing.publish()
        report.generation, report.quads = manifest.number, manifest.quads
        for number in runs:
            warehouse.control.finish_run(number, manifest.number)
    return report


class _Run:
    """One job of a run."""

    def __init__(
        self,
        warehouse: Warehouse,
        writing: Writing,
        uids: UidRegister,
        job: Job,
        report: Report,
        progress: Progress,
    ) -> None:
        self.warehouse = warehouse
        self.control = warehouse.control
        self.writing = writing
        self.job = job
        self.report = report
        self.progress = progress
        self.number = self.control.start_run(job.collection)
        self.known = self.control.known_sids()
        self.uids = uids
        self.rejects: list[tuple[str, Reject]] = []
        self.read_names: set[str] = set()
        self.seen: set[str] = set()
        self.flushed = time.monotonic()
        self.by_place = {(old.collection, old.kind, old.locator): old.sid for old in writing.current.sources}
        self.by_content = {(old.collection, old.digest): old.sid for old in writing.current.sources}

    def read(self) -> int:
        """Read every locator with the kind of source that accepts it; the number of the run."""
        for source, locators in self._by_kind().items():
            self.progress.stage(f"reading {source.name}")
            self._source_kind(source, locators)
        self._flush()
        return self.number

    def _collection(self, name: str) -> Collection:
        """The collection's settings; a new one starts in its owner's own audience unless the job says otherwise."""
        have = self.control.collections().get(name)
        collection = have or Collection(name)
        if self.job.audience and have is None:
            collection = collection.within(self.job.audience)
        if self.job.attestation:
            collection = replace(collection, attestation=self.job.attestation)
        if collection != have:
            self.control.save_collection(collection)
        return collection

    def _by_kind(self) -> dict[Source, list[str]]:
        kinds: dict[Source, list[str]] = defaultdict(list)
        for locator in sources.expand(self.job.locators):
            self.read_names.add(Path(locator).name)
            source = sources.accepting(locator, self.job.kind)
            if source is None:
                self._reject(
                    self.job.collection,
                    Reject(
                        name=Path(locator).name,
                        place="file",
                        problem="no kind of source reads this",
                        wanted=f"one of: {', '.join(sources.names())}",
                    ),
                )
            else:
                kinds[source].append(locator)
        if not kinds and not self.rejects:
            raise NothingToDoError(f"nothing to read at {', '.join(self.job.locators)}")
        return kinds

    def _context(self, source: Source) -> Context:
        return Context(
            collection=self.job.collection,
            clock=self.job.clock,
            mapping=self.job.mapping,
            secret=bytes.fromhex(self.control.setting("secret")),
            attested=source.reviewed or self._collection(self.job.collection).attestation is not None,
            reviewed=source.reviewed,
            known=self._is_known(source),
            progress=lambda done, total: self.progress.step(source.name, done, total),
        )

    def _is_known(self, source: Source) -> Callable[[str, str], bool]:
        """Readers ask by digest and recipe; the collection is theirs only where the locator names it (``idc``)."""
        contents = {
            (logged.digest, logged.recipe)
            for logged in self.control.sources()
            if logged.kind == source.name and (logged.collection == self.job.collection or source.name == "idc")
        }
        return lambda digest, recipe: (digest, recipe) in contents

    def _source_kind(self, source: Source, locators: list[str]) -> None:
        context = self._context(source)
        head: SourceRecord | None = None
        skipping = True
        for item in source.read(iter(locators), context):
            match item:
                case SourceRecord():
                    self._end(head, skipping)
                    head = item
                    skipping = not self._begin(item)
                case Reject():
                    self._reject(head.collection if head and head.collection else self.job.collection, item)
                case Record() if not skipping:
                    assert head is not None
                    self._admit(item, head, context)
                case Block() if not skipping:
                    assert head is not None
                    self._admit_block(item, head, context)
        self._end(head, skipping)

    def _begin(self, head: SourceRecord) -> bool:
        """Begin a source, or take it from the log as it is: whether its records are wanted."""
        name = head.collection or self.job.collection
        if name not in self.report.collections:
            self.report.collections.add(name)
            self._archived(name) if head.collection else self._collection(name)
        sid = sid_of(head, name)
        self.seen.add(sid)
        self._give_way(head, name, sid)
        if sid in self.known:
            logged = self.control.logged(sid)
            assert logged is not None
            self.writing.keep(logged)
            self.report.unchanged += 1
            self.read_names.discard(head.name)  # what did not come in of it is still listed
            return False
        self.read_names.add(head.name)
        self.writing.log.begin(head, name, self.job.clock)
        return True

    def _archived(self, name: str) -> None:
        """A collection that its locator names comes from a public archive: public, unless the job says otherwise."""
        if name not in self.control.collections():
            self.control.save_collection(Collection(name, owner="archive").within(self.job.audience or PUBLIC))

    def _give_way(self, head: SourceRecord, collection: str, sid: str) -> None:
        """What was read from the same place, or of the same content under another mapping, is replaced."""
        for old in {
            self.by_place.get((collection, head.kind, head.locator)),
            self.by_content.get((collection, head.digest)),
        }:
            if old is not None and old != sid and old not in self.seen:
                for uid in self.writing.uids_only_of(old):
                    self.uids.forget(uid)
                self.writing.drop(old)
                self.report.replaced += 1

    def _admit(self, record: Record, head: SourceRecord, context: Context) -> None:
        collection = head.collection or self.job.collection
        fitting, conflict = self.uids.check(record, collection, head.name)
        if conflict is not None:
            self._reject(collection, conflict)
        if fitting is None:
            return
        admitted = admit(fitting, context)
        if isinstance(admitted, Reject):
            self._reject(collection, replace(admitted, name=head.name))
            return
        self.writing.log.add(admitted)
        self.report.records[type(admitted).__name__] += 1

    def _admit_block(self, block: Block, head: SourceRecord, context: Context) -> None:
        """Many records of a reviewed catalogue at once; the gate has nothing to search in them."""
        assert context.reviewed, "only reviewed sources may yield blocks"
        collection = head.collection or self.job.collection
        fitting, conflicts = self.uids.check_block(block, collection, head.name)
        for conflict in conflicts:
            self._reject(collection, conflict)
        self.writing.log.add_rows(fitting.kind, fitting.rows)
        self.report.records[fitting.kind.__name__] += fitting.rows.num_rows

    def _end(self, head: SourceRecord | None, skipped: bool) -> None:
        if head is None or skipped:
            return
        try:
            self.writing.log.finish()
        except BrokenSourceError as error:
            wanted = "a reader that yields what it refers to; please report this"
            broken = Reject(name=head.name, place="source", problem=str(error), wanted=wanted)
            self._reject(head.collection or self.job.collection, broken)
            return
        self.report.added += 1
        if self.writing.log.held >= FLUSH_RECORDS or time.monotonic() - self.flushed > FLUSH_SECONDS:
            self._flush_log()

    def _reject(self, collection: str, reject: Reject) -> None:
        self.rejects.append((collection, reject))
        self.report.rejects.append(reject)

    def _flush_log(self) -> None:
        for logged in self.writing.log.flush():
            self.writing.keep(logged)
        self.flushed = time.monotonic()

    def _flush(self) -> None:
        self._flush_log()
        by_collection: dict[str, list[Reject]] = defaultdict(list)
        for collection, reject in self.rejects:
            by_collection[collection].append(reject)
        for collection in {self.job.collection, *by_collection}:
            self.control.reject(self.number, collection, self.read_names, by_collection[collection])
