"""Spreadsheets: CSV, TSV and Excel, read through a table map (``docs/mappings.md``)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from ingest.base import Context, Source, Yield, head_of, sha256_of
from ingest.table_fields import Vocabulary
from ingest.table_file import DELIMITED, WORKBOOKS, Table, TableError, TableFile
from ingest.table_plan import Plan, compile_part
from ingest.table_records import Problems, RowReader
from mappings.shape import Part, plain, template
from mappings.tables import MappingError, TableMap, match, table_map, table_maps
from ontology.prefixes import Curie
from ontology.records import Reject, SourceRecord

__all__ = ["SOURCE", "Coverage", "Input", "coverage", "read_input"]

log = logging.getLogger(__name__)

STEP = 10_000
"""Rows between two reports of progress."""


@dataclass(frozen=True, slots=True)
class Coverage:
    """Which columns of a file a map reads; the others are not stored."""

    mapped: tuple[str, ...]
    unmapped: tuple[str, ...]


@dataclass(frozen=True)
class Input:
    """A table on its way in, and what its kind knows about it besides the map."""

    kind: str
    path: Path
    """The file; of what is no file, its name as people see it, and ``place`` then says where it is."""
    table: Table
    digest: str = ""
    """That of the file; of what is no file, it is taken over the rows once the map is known."""
    elements: Mapping[str, Curie] = field(default_factory=dict)
    labels: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    closed: frozenset[str] = frozenset()
    """Columns that are never read, whatever the map says: a dictionary flags them as identifying."""
    fallback: TableMap | None = None
    """The map that the source itself suggests; for where none is named and none fits."""
    place: str = ""
    """The locator of what is no file, without credentials."""

    def reject(self, place: str, problem: str, wanted: str) -> Reject:
        """A reject that names the file."""
        return Reject(name=self.path.name, place=place, problem=problem, wanted=wanted)


def accepts(locator: str) -> bool:
    """Whether a locator is a file with the suffix of a table; a .txt only where its first line has tabs."""
    path = Path(locator)
    suffix = path.suffix.lower()
    if "://" in locator or path.name.startswith((".", "~$")) or not path.is_file():
        return False
    if suffix == ".txt":
        return b"\t" in head_of(locator, 4096).split(b"\n", 1)[0]
    return suffix in DELIMITED | WORKBOOKS


def coverage(path: Path, mapping: TableMap) -> Coverage:
    """The columns of a file that a map reads and those that it leaves; `TableError` where it cannot be read."""
    table = _opened(path, mapping)
    mapped: list[str] = []
    unmapped: list[str] = []
    for part in mapping.parts:
        patterns = [pattern for name in part.columns if (pattern := template(name))]
        for name in filter(None, table.headers(part)):
            read = name in part.named or any(pattern.fullmatch(name) for pattern in patterns)
            (mapped if read else unmapped).append(name)
    return Coverage(tuple(mapped), tuple(unmapped))


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """Yield each table's head, records and rejects."""
    for locator in locators:
        path = Path(locator)
        try:
            table = Input("table", path, TableFile(path), sha256_of(path))
        except OSError as error:
            yield Reject(name=path.name, place="file", problem=f"cannot be opened ({error.strerror})", wanted="a file")
            continue
        yield from read_input(table, context)


def read_input(given: Input, context: Context) -> Iterator[Yield]:
    """Read one table through the map that the run names, or the one that fits."""
    try:
        mapping = _chosen(given, context)
    except MappingError as error:
        yield given.reject("map", "the table map cannot be used", str(error))
        return
    except TableError as error:
        yield given.reject(error.place, error.problem, error.wanted)
        return
    if isinstance(mapping, Reject):
        yield mapping
        return
    yield from _through(given, mapping, context)


def _chosen(given: Input, context: Context) -> TableMap | Reject:
    if context.mapping:
        return table_map(context.mapping)

    def headers(part: Part) -> Sequence[str]:
        try:
            return given.table.headers(part)
        except TableError:
            if part.sheet is None:
                raise
            return ()  # a workbook without that sheet is simply another table

    given.table.check()
    fitting = match(given.path.name, headers, context.collection)
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        names = ", ".join(sorted(found.name for found in fitting))
        return given.reject("header", "more than one table map fits", f"--mapping with one of: {names}")
    if given.fallback is not None:
        return given.fallback
    known = ", ".join(sorted(table_maps())) or "none yet"
    return given.reject("header", "no table map fits", f"--mapping NAME or a folder with map.yaml; known maps: {known}")


def _opened(path: Path, mapping: TableMap) -> TableFile:
    return TableFile(path, mapping.shape.encoding, mapping.shape.delimiter)


def _through(given: Input, mapping: TableMap, context: Context) -> Iterator[Yield]:
    """The records of a table, through its map; only rejects where none of its parts can be read."""
    if len(mapping.parts) > 1 and not given.table.workbook:
        problem = f"a text file holds one table, and the map {mapping.name} speaks of several sheets"
        yield given.reject("file", problem, "the workbook with all its sheets")
        return
    vocabulary = Vocabulary(mapping.decisions, given.elements, given.labels, context.pseudonym)
    given.table.reopen(mapping.shape.encoding, mapping.shape.delimiter)
    try:
        given.table.settle(mapping.parts[0])
        given = given if given.digest else replace(given, digest=given.table.digest(mapping.parts))
    except TableError as error:
        yield given.reject(error.place, error.problem, error.wanted)
        return
    prepared = [made for part in mapping.parts if (made := _prepared(given, part, vocabulary))]
    usable = [part for part in prepared if isinstance(part, _Prepared)]
    if usable:
        yield SourceRecord(
            kind=given.kind,
            name=given.path.name,
            digest=given.digest,
            locator=given.place or str(given.path),
            data_class=mapping.shape.data_class,
            recipe=mapping.recipe,
        )
        if context.known(given.digest, mapping.recipe):
            return
    for part in prepared:
        if isinstance(part, Reject):
            yield part
            continue
        for reject in part.rejects:
            yield given.reject(part.mark + reject.place, reject.problem, reject.wanted)
        yield from _rows(given, part, context.progress)
    _tell_unmapped(given, mapping)


@dataclass(frozen=True)
class _Prepared:
    """A part of the map, compiled against the columns of the file."""

    part: Part
    headers: tuple[str, ...]
    plans: list[Plan]
    rejects: list[Reject]
    mark: str


def _prepared(given: Input, part: Part, vocabulary: Vocabulary) -> _Prepared | Reject | None:
    mark = f"{part.sheet}!" if isinstance(part.sheet, str) else ""
    try:
        headers = tuple("" if name in given.closed else name for name in given.table.headers(part))
    except TableError as error:
        return None if part.optional else given.reject(error.place, error.problem, error.wanted)
    subject = plain(part.subject.column)
    line = f"{part.orientation.removesuffix('s')} {part.header_row[-1]}"
    row = f"{mark}header ({line})"
    if subject in given.closed:
        problem = f"the key column {subject!r} is flagged as identifying in the data dictionary"
        return given.reject(row, problem, "a study identifier as subject: in the map")
    for column in (subject, *map(plain, part.only)):
        if column not in headers:
            role = "key column" if column == subject else "column"
            wanted = f"a table whose {line} names {', '.join(sorted(part.named))}"
            return given.reject(row, f"no {role} {column!r}", wanted)
    plans, rejects = compile_part(part, headers, vocabulary)
    for closed in sorted(given.closed & part.named):
        rejects = [reject for reject in rejects if repr(closed) not in reject.problem]
        problem = f"column {closed!r} is flagged as identifying in the data dictionary and is not read"
        rejects.append(Reject(name="", place=row, problem=problem, wanted="a map without that column"))
    return _Prepared(part, headers, plans, rejects, mark)


def _rows(given: Input, prepared: _Prepared, progress: Callable[[int, int | None], None]) -> Iterator[Yield]:
    """The records of one part, then what was wrong with its rows."""
    part = prepared.part
    problems = Problems(given.path.name)
    reader = RowReader(part, prepared.plans, prepared.headers, problems, prepared.mark)

    def numbered() -> Iterator[tuple[int, Sequence[str]]]:
        rows = enumerate(given.table.table(part), 1)
        for number, row in islice(rows, part.data_row - 1, part.last_row):
            if number % STEP == 0:
                progress(number, None)
            yield number, row

    try:
        yield from reader.read(numbered())
    except TableError as error:
        yield given.reject(error.place, error.problem, error.wanted)
    yield from problems.rejects()


def _tell_unmapped(given: Input, mapping: TableMap) -> None:
    """Say how many columns were left out; their names stay out of the log, for a file without header has data there."""
    named = frozenset[str]().union(*(part.named for part in mapping.parts))
    patterns = [pattern for part in mapping.parts for name in part.columns if (pattern := template(name))]
    headers = set[str]()
    for part in mapping.parts:
        with suppress(TableError):
            headers.update(filter(None, given.table.headers(part)))
    left = sum(name not in named and not any(pattern.fullmatch(name) for pattern in patterns) for name in headers)
    if left:
        log.info("%s: %d columns without an entry in %s were not read", given.path.name, left, mapping.name)


SOURCE = Source(name="table", accepts=accepts, read=read, summary="spreadsheets: CSV, TSV, XLSX, through a table map")
