"""Spreadsheets: CSV, TSV and Excel, read through a table map (``docs/mappings.md``)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from difflib import get_close_matches
from itertools import islice
from pathlib import Path

from ingest.base import Context, Source, Yield, head_of, sha256_of
from ingest.gate.tables import header_kind, quarantined, shown, value_kind
from ingest.table.fields import Vocabulary
from ingest.table.file import DELIMITED, WORKBOOKS, Table, TableError, TableFile
from ingest.table.kept import Known, TableDocument
from ingest.table.plan import Made, Plan, compile_part
from ingest.table.records import Problems, RowReader, at_once, one_by_one
from ingest.table.uses import PartRead
from mappings.shape import Part, plain
from mappings.tables import MappingError, TableMap
from ontology.prefixes import Curie
from ontology.records import Reject, SourceRecord

__all__ = ["SOURCE", "Coverage", "Input", "coverage", "read_files", "read_input"]

log = logging.getLogger(__name__)

TOLD = "if they do, list them below missing: in the map"

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
    codes: Mapping[str, Callable[[str], Curie | None]] = field(default_factory=dict)
    decimals: Mapping[str, str] = field(default_factory=dict)
    proposed: TableMap | None = None
    """The map that follows from the source's own dictionary; used where no curated map fits."""
    waiting: tuple[Reject, ...] = ()
    """What the proposed map leaves to the steward."""
    name: str = ""
    """The name that is shown, where it is not that of the file."""
    locator: str = ""
    """Where the source stands, where that is not the file that is read."""

    @property
    def shown(self) -> str:
        """The name for people."""
        return self.name or self.path.name

    def reject(self, place: str, problem: str, wanted: str) -> Reject:
        """A reject that names the file."""
        return Reject(name=self.shown, place=place, problem=problem, wanted=wanted)


def accepts(locator: str) -> bool:
    """Whether a locator has the suffix of a table; a .txt only where its first line that is no comment has tabs."""
    path = Path(locator)
    suffix = path.suffix.lower()
    if "://" in locator or path.name.startswith((".", "~$")) or not path.is_file():
        return False
    if suffix == ".txt":
        lines = head_of(locator, 65536).split(b"\n")
        return b"\t" in next((line for line in lines if not line.startswith(b"#")), b"")
    return suffix in DELIMITED | WORKBOOKS


def coverage(path: Path, mapping: TableMap) -> Coverage:
    """The columns of a file that a map reads and those that it leaves; `TableError` where it cannot be read."""
    table = _opened(path, mapping)
    mapped: list[str] = []
    unmapped: list[str] = []
    for part in mapping.parts:
        for name in filter(None, table.headers(part)):
            (mapped if part.reads(name) else unmapped).append(name)
    return Coverage(tuple(mapped), tuple(unmapped))


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """Yield each table's head, records and rejects."""
    return read_files("table", TableFile, locators, context)


def read_files(
    kind: str, opened: Callable[[Path], Table], locators: Iterator[str], context: Context
) -> Iterator[Yield]:
    """Read files that are a table each, and nothing but that is known of them."""
    for locator in locators:
        path = Path(locator)
        try:
            given = Input(kind, path, opened(path), sha256_of(path))
        except OSError as error:
            yield Reject(name=path.name, place="file", problem=f"cannot be opened ({error.strerror})", wanted="a file")
            continue
        yield from read_input(given, context)


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
    rows = _first_rows(given.table)
    if rows == 0:
        return given.reject("file", "is empty", "a table with a header and rows below it")
    if context.mapping:
        return context.library().get(context.mapping)

    def headers(part: Part) -> Sequence[str]:
        try:
            return given.table.headers(part)
        except TableError:
            if part.sheet is None:
                raise
            return ()  # a workbook without that sheet is simply another table

    given.table.check()
    fitting = context.library().match(given.shown, headers, context.collection)
    if len(fitting) == 1:
        return fitting[0]
    if not fitting and given.proposed:
        return given.proposed
    return _unfit(given, fitting, rows)


def _unfit(given: Input, fitting: Sequence[TableMap], rows: int | None) -> Reject:
    """Why no map is taken."""
    if fitting:
        names = ", ".join(sorted(found.name for found in fitting))
        return given.reject("header", "more than one table map fits", f"--mapping with one of: {names}")
    if rows == 1:
        return given.reject("file", "has a header and no rows, and no table map fits", "the table with its rows")
    wanted = "--mapping NAME (`qilin map list` lists them) or a folder with map.yaml, as `qilin map suggest` drafts it"
    return given.reject("header", "no table map fits", wanted)


def _first_rows(table: Table) -> int | None:
    """How many of a text file's rows say something, up to two; None of another kind of table."""
    if not isinstance(table, TableFile) or table.workbook:
        return None
    with suppress(TableError):  # which is told where the file is read; a map may know its encoding
        said = (row for row in table.rows() if any(cell.strip() for cell in row))
        return sum(1 for _ in islice(said, 2))
    return None


def _opened(path: Path, mapping: TableMap) -> TableFile:
    return TableFile(path, mapping.shape.encoding, mapping.shape.delimiter)


def _through(given: Input, mapping: TableMap, context: Context) -> Iterator[Yield]:
    """The records of a table, through its map; only rejects where none of its parts can be read."""
    if len(mapping.parts) > 1 and not given.table.workbook:
        problem = f"a text file holds one table, and the map {mapping.name} speaks of several sheets"
        yield given.reject("file", problem, "the workbook with all its sheets")
        return
    vocabulary = Vocabulary(
        mapping.decisions, given.elements, given.labels, context.pseudonym, given.codes, given.decimals
    )
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
            name=given.shown,
            digest=given.digest,
            locator=given.locator or str(given.path),
            data_class=mapping.shape.data_class,
            recipe=mapping.recipe,
            namespace=mapping.shape.namespace,
            extent=given.table.extent(usable[0].part, context.mark),
        )
        if context.known(given.digest, mapping.recipe):
            return
    for part in prepared:
        if isinstance(part, Reject):
            yield part
            continue
        for reject in part.rejects:
            yield replace(reject, name=given.shown, place=part.mark + reject.place)
        yield from _rows(given, part, context)
    if mapping is given.proposed:
        yield from given.waiting
    context.unmapped(given.shown, _unmapped(given, mapping))
    read = [part.read for part in usable if part.named]
    if read and mapping is not given.proposed:
        known = Known(given.elements, given.labels, given.decimals, frozenset(given.codes))
        context.keep(TableDocument(given.kind, mapping.name, given.table, read, context, known))


@dataclass
class _Prepared:
    """A part of the map, compiled against the columns of the file; ``plans`` shrink where columns are kept out."""

    part: Part
    headers: tuple[str, ...]
    plans: list[Plan]
    made: list[Made]
    rejects: list[Reject]
    mark: str
    stated: Part
    named: bool = True
    """Whether its subjects may be named: not where their identifiers are of a kind that is kept out."""

    @property
    def read(self) -> PartRead:
        """The part as it was read."""
        return PartRead(self.part, self.headers, self.plans, self.mark, self.made, self.stated)


NEAR = 0.85
"""How alike a column's name is to one that is missing, to be named in its place."""


def _prepared(given: Input, part: Part, vocabulary: Vocabulary) -> _Prepared | Reject | None:
    mark = f"{part.sheet}!" if isinstance(part.sheet, str) else ""
    try:
        stated, part = part, given.table.completed(part)
        named = given.table.headers(part)
    except TableError as error:
        return None if part.optional else given.reject(error.place, error.problem, error.wanted)
    subject = plain(part.subject.column)
    line = f"{part.orientation.removesuffix('s')} {part.header_row[-1]}"
    row = f"{mark}header ({line})"
    flagged = _flagged(given, part, named)
    if subject in flagged:
        problem = f"the key column {subject!r} {flagged[subject]}"
        return given.reject(row, problem, "a study identifier as subject: in the map")
    headers = tuple("" if name in flagged else name for name in named)
    for column in (subject, *part.only, *part.skip):
        if column not in headers:
            role = "key column" if column == subject else "column"
            wanted = f"a table whose {line} names {', '.join(sorted(part.named))}"
            if near := get_close_matches(column, [name for name in headers if value_kind(name) is None], 1, NEAR):
                wanted += f"; near it the table has {near[0]!r}: `qilin map set` changes the map"
            return given.reject(row, f"no {role} {column!r}", wanted)
    part = _decided(part, vocabulary)
    compiled = compile_part(part, headers, vocabulary)
    rejects = compiled.rejects
    for number, name in enumerate(named):
        if name in flagged and part.stores(name):
            rejects = [reject for reject in rejects if repr(name) not in reject.problem]
            told = quarantined(row, f"{shown(name, number)} {flagged[name]} and is not read")
            rejects.append(replace(told, quarantine=name not in given.closed))
    return _Prepared(part, headers, compiled.plans, compiled.made, rejects, mark, stated)


def _flagged(given: Input, part: Part, names: Sequence[str]) -> dict[str, str]:
    """The columns that are never read, whatever the map says, and why."""
    by_dictionary = dict.fromkeys(given.closed, "is flagged as identifying in the data dictionary")
    by_header: dict[str, str] = {}
    for name in filter(part.stores, names):
        if kind := header_kind(name):
            by_header[name] = f"is named after {kind}"
        elif name not in part.named and (kind := value_kind(name)):
            by_header[name] = f"has a name that looks like {kind}"
    return {**by_header, **by_dictionary}


def _decided(part: Part, vocabulary: Vocabulary) -> Part:
    """A part whose rows are left out where a cell of ``only_decided`` has no decision."""
    if not part.only_decided:
        return part
    lists = {name: tuple(vocabulary.values(name)) for name in map(plain, part.only_decided)}
    return part.model_copy(update={"only": {**part.only, **lists}})


def _rows(given: Input, prepared: _Prepared, context: Context) -> Iterator[Yield]:
    """The records of one part, then what was wrong with its rows."""
    part = prepared.part
    problems = Problems(given.shown)
    reader = RowReader(part, prepared.plans, prepared.headers, problems, prepared.mark, prepared.made)

    try:
        watch = reader.survey(given.table.numbered(part))
        for number, found in watch.kinds():
            column = shown(prepared.headers[number], number)
            yield replace(quarantined(f"{prepared.mark}{column}", found), name=given.shown)
        for number in dict.fromkeys(reader.doubtful(watch)):
            column = shown(prepared.headers[number], number)
            log.warning("%s: %s holds numbers that may stand for a missing value; %s", given.shown, column, TOLD)
        prepared.named = reader.without(watch.found)
        prepared.plans = list(reader.plans)
        if prepared.plans:
            for makings in reader.read(_told(given.table.numbered(part), context.progress)):
                yield from at_once(makings) if context.blocks else one_by_one(makings)
    except TableError as error:
        yield given.reject(error.place, error.problem, error.wanted)
    yield from problems.rejects()


def _told(
    rows: Iterator[tuple[int, Sequence[str]]], progress: Callable[[int, int | None], None]
) -> Iterator[tuple[int, Sequence[str]]]:
    """The same rows, with a report of progress now and then."""
    for count, (number, row) in enumerate(rows, 1):
        if count % STEP == 0:
            progress(count, None)
        yield number, row


def _unmapped(given: Input, mapping: TableMap) -> int:
    """How many columns were left out; their names stay out of it, for a file without header has data there."""
    headers = set[str]()
    for part in mapping.parts:
        with suppress(TableError):
            headers.update(filter(None, given.table.headers(part)))
    return sum(not any(part.reads(name) for part in mapping.parts) for name in headers)


SOURCE = Source(name="table", accepts=accepts, read=read, summary="spreadsheets: CSV, TSV, XLSX, through a table map")
