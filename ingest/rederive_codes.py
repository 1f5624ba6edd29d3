"""Reading documents again after a decision about a code has changed: those that have the code, and no others.

Each document noted the codes that it asked for when it was read (`ingest.asked`). One for which something else is in
force now is read from its file where that is the same; else it stays as it was read, and is told: what is kept of an
annotation has neither days nor readers, so that other records would change with it.
"""

from __future__ import annotations

from collections import defaultdict

from ingest.asked import base_recipe, with_codes
from ingest.rederive import Lacking, Rederived, is_same, reading_of
from ingest.report import Progress
from ingest.run import Job, run
from mappings.tables import Library
from store.control import LoggedSource
from store.warehouse import Warehouse

__all__ = ["outdated", "rederive_codes"]


def outdated(warehouse: Warehouse, library: Library, collection: str | None = None) -> tuple[list[LoggedSource], int]:
    """The served sources whose codes mean something else now, and the number of those that follow already."""
    keys, codes = warehouse.coded.keys(), library.codes
    served = [
        source
        for source in warehouse.generations.current().sources
        if source.sid in keys and collection in (None, source.collection)
    ]
    stale = [old for old in served if with_codes(base_recipe(old.recipe), keys[old.sid], codes) != old.recipe]
    return stale, len(served) - len(stale)


def rederive_codes(warehouse: Warehouse, collection: str | None = None, progress: Progress | None = None) -> Rederived:
    """Read again the documents whose codes mean something else now, and publish what follows."""
    library = Library.of(warehouse.home, warehouse.decisions)
    stale, follows = outdated(warehouse, library, collection)
    result = Rederived(unchanged=follows)
    files: dict[tuple[str, str, str, str | None], list[str]] = defaultdict(list)
    for old in stale:
        reading = reading_of(warehouse, old)
        # a reader that names no map keeps its document under the name of its kind
        mapping = reading.mapping if reading and reading.mapping != old.kind else None
        if reading is not None and is_same(old, mapping or None, library):
            files[old.collection, old.kind, reading.clock, mapping or None].append(old.locator)
            result.from_files += 1
        else:
            result.lacking.append(Lacking(old.collection, old.name, (), kept_as_it_was=True))
    jobs = [
        Job(locators=tuple(locators), collection=name, kind=kind, mapping=mapping, clock=clock)
        for (name, kind, clock, mapping), locators in files.items()
    ]
    if jobs:
        result.report = run(warehouse, jobs, progress)
    return result
