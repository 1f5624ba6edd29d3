"""Reading sources again after a decision has changed: from files that are the same, else from what was kept of them.

Only sources whose records depend on what changed are read. Their record IRIs stay the same, and the next generation
differs from the one before in the records of the columns and cells that the decision speaks of, and in nothing else.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from ingest import sources
from ingest.base import Context, Source, Yield
from ingest.report import Progress, Report
from ingest.run import Job, run
from ingest.table.kept import KeptTable
from ingest.table.reader import Input, read_input
from ingest.table.ways import Shortfall, shortfall
from mappings.tables import Library, TableMap
from ontology.prefixes import Curie
from ontology.records import Reject, SourceRecord
from store.control import LoggedSource
from store.documents import Reading
from store.log import sid_of
from store.warehouse import Warehouse

__all__ = ["Lacking", "Rederived", "is_same", "reading_of", "rederive", "served_through"]


USUAL_CLOCK = "calendar"


@dataclass(frozen=True, slots=True)
class Lacking:
    """A source that could not be read again whole: what of it needs the file."""

    collection: str
    name: str
    columns: tuple[str, ...]
    kept_as_it_was: bool
    """Whether it is served as it was read before; else only the columns named are missing."""


@dataclass(slots=True)
class Rederived:
    """What became of a changed map: how many sources follow from it already, were read again, and lack their file."""

    unchanged: int = 0
    from_files: int = 0
    from_documents: int = 0
    lacking: list[Lacking] = field(default_factory=list)
    report: Report = field(default_factory=Report)

    @property
    def exit_status(self) -> int:
        """0: all follows from what is decided; 1: something was rejected or needs its file."""
        return 1 if self.lacking else self.report.exit_status


def served_through(warehouse: Warehouse, mapping: str, collection: str | None = None) -> list[LoggedSource]:
    """The sources that are served as read through a map, by its name."""
    return [
        source
        for source in warehouse.generations.current().sources
        if source.recipe.startswith(f"{mapping}@") and collection in (None, source.collection)
    ]


def rederive(
    warehouse: Warehouse, mapping: str, collection: str | None = None, progress: Progress | None = None
) -> Rederived:
    """Read again what is served through a map and publish what follows; `MappingError` where the map cannot be used."""
    library = Library.of(warehouse.home, warehouse.decisions)
    current = library.get(mapping)
    result = Rederived()
    jobs = list(
        _jobs(warehouse, library, mapping, current, served_through(warehouse, current.name, collection), result)
    )
    if jobs:
        result.report = run(warehouse, jobs, progress)
    return result


def _jobs(
    warehouse: Warehouse,
    library: Library,
    mapping: str,
    current: TableMap,
    served: Iterable[LoggedSource],
    result: Rederived,
) -> Iterator[Job]:
    """The jobs that bring the sources up to date; what needs its file is noted in the result."""
    files: dict[tuple[str, str, str], list[str]] = defaultdict(list)
    for old in served:
        if old.recipe == current.recipe:
            result.unchanged += 1
            continue
        reading = reading_of(warehouse, old)
        if reading is not None and is_same(old, mapping, library):
            files[old.collection, old.kind, reading.clock].append(old.locator)
            result.from_files += 1
            continue
        lack, document = _best_document(warehouse, current, old)
        if lack.columns or lack.useless:
            result.lacking.append(Lacking(old.collection, old.name, lack.columns, kept_as_it_was=lack.useless))
        if not lack.useless and reading is not None:
            yield _from_document(warehouse, current, mapping, old, document, reading.clock)
            result.from_documents += 1
    for (collection, kind, clock), locators in files.items():
        yield Job(locators=tuple(locators), collection=collection, kind=kind, mapping=mapping, clock=clock)


def reading_of(warehouse: Warehouse, old: LoggedSource) -> Reading | None:
    """How a source was read; one that was logged before that was entered may have been read on the usual clock."""
    found = warehouse.documents.reading(old.sid)
    usual = sid_of(old.kind, old.digest, old.recipe, old.collection, USUAL_CLOCK) == old.sid
    return found or (Reading(old.sid, old.recipe.partition("@")[0], USUAL_CLOCK) if usual else None)


def is_same(old: LoggedSource, mapping: str | None, library: Library) -> bool:
    """Whether the source's locator still gives the content that was read from it."""
    if "://" not in old.locator and not Path(old.locator).exists():
        return False
    context = Context(
        collection=old.collection, mapping=mapping, library=lambda: library, known=lambda _digest, _recipe: True
    )
    try:
        kind = sources.accepting(old.locator, old.kind)
    except sources.UnknownKindError:
        return False
    if kind is None:
        return False
    heads = (item for item in kind.read(iter([old.locator]), context) if isinstance(item, SourceRecord))
    try:
        return any(head.digest == old.digest for head in heads)
    except OSError:
        return False  # gone, or out of reach


def _best_document(warehouse: Warehouse, current: TableMap, old: LoggedSource) -> tuple[Shortfall, str]:
    """The kept document of a source that lacks least of what the map reads now, and what it lacks."""
    documents = warehouse.documents.kept_of(old.collection, old.digest)
    lacks = [(shortfall(json.loads(next(warehouse.documents.lines(name))), current), name) for name in documents]
    none = (Shortfall((), useless=True), "")
    return min(lacks, key=lambda pair: (pair[0].useless, len(pair[0].columns)), default=none)


def _from_document(
    warehouse: Warehouse, current: TableMap, mapping: str, old: LoggedSource, document: str, clock: str
) -> Job:
    """The job that reads a source from what was kept of it."""
    read = partial(_read_kept, warehouse=warehouse, current=current, old=old, document=document, clock=clock)
    source = Source(name=old.kind, accepts=lambda _locator: True, read=read)
    return Job(locators=(old.locator,), collection=old.collection, mapping=mapping, clock=clock, source=source)


def _read_kept(
    _locators: Iterator[str],
    context: Context,
    *,
    warehouse: Warehouse,
    current: TableMap,
    old: LoggedSource,
    document: str,
    clock: str,
) -> Iterator[Yield]:
    """The records of a kept document, under the name and place of its file."""
    texts = {row.value for row in current.decisions.rows if row.value is not None}
    table = KeptTable(
        document,
        partial(warehouse.documents.lines, document),
        {},
        warehouse.control.origins(old.collection),
        clock,
        old.namespace,
    )
    labels = table.head["labels"]
    texts |= {label for found in labels.values() for label in found.values()}
    table.known.update((context.mark(text), text) for text in texts)
    elements = {name: Curie(term) for name, term in table.head["elements"].items()}
    given = Input(old.kind, Path(old.name), table, old.digest, elements, labels, decimals=table.head["decimals"])
    for item in read_input(given, context):
        match item:
            case SourceRecord():
                yield replace(item, name=old.name, locator=old.locator)
            case Reject():
                yield replace(item, name=old.name)
            case _:
                yield item
