"""What a kind of source is, and what its reader is given.

A module ``ingest/<kind>.py`` ends with ``SOURCE = Source(name=…, accepts=…, read=…)``. Readers are pure: they yield
records and rejects, and touch neither store, terminal nor network beyond their locator.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, TypeAlias

import pyarrow as pa

from mappings.codes import Codes, bundled
from ontology.elements import Element
from ontology.elements import elements as known_elements
from ontology.prefixes import Curie
from ontology.records import Record, Reject, SourceRecord, When
from store.document_text import PackedText
from store.packs import Pack, Packed

if TYPE_CHECKING:
    from mappings.tables import Library


@dataclass(frozen=True, slots=True)
class Block:
    """Many records of one type at once, as columns: of tables, and of the catalogue of an archive.

    ``rows`` has the columns of that type in the record log (`store.log.columns_of`), but for those that name the
    source; times are dates or day counts.
    """

    kind: type[Record]
    rows: pa.Table


@dataclass(frozen=True, slots=True)
class Whole:
    """All records of a source, judged by the gate and made into columns where it was read (`ingest.judging`)."""

    pack: Pack
    packed: Packed
    rejects: tuple[Reject, ...]
    refused: frozenset[str]
    """The keys of the records that the gate refused."""


Yield: TypeAlias = SourceRecord | Record | Block | Whole | Reject
"""What a reader yields: the head of a source, then its records; a `Reject` at any point."""


Days: TypeAlias = Callable[[str, When], tuple[int | None, int | None, str | None]]
"""A subject's time as first day, last day and clock, counted from the subject's origin where it is a date."""


class Keepable(Protocol):
    """What a reader can keep of a source, so that a changed mapping may read it again without the file."""

    @property
    def mapping(self) -> str:
        """The name of the map that the source was read through."""

    @property
    def again(self) -> str | None:
        """The name of the document, where the source was read from a kept one."""

    @property
    def size(self) -> int:
        """The bytes of the file that was read; 0 where there is none."""

    def lines(self, refused: Set[str], days: Days) -> Iterator[str]:
        """The text to keep, without the cells of the records (by key) that the gate refused and without dates."""


@dataclass(frozen=True, slots=True)
class KeptText:
    """What a reader keeps of a source, packed where it was read; None where it is too large to be kept."""

    mapping: str
    text: PackedText | None


PSEUDONYM = re.compile(r"reader-[0-9a-f]{8}")


def _bundled_library() -> Library:
    """The table maps that come with Qilin; few readers ask for them, and what reads them is slow to import."""
    from mappings.tables import Library  # noqa: PLC0415

    return Library()


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """What a reader may know of the run it reads for."""

    collection: str
    clock: str = "calendar"
    mapping: str | None = None
    secret: bytes = b""
    attested: bool = False
    """Whether the collection's owner has signed that its sources are de-identified."""
    reviewed: bool = False
    """Whether the source is the published catalogue of an archive that has de-identified and reviewed it."""
    instances: bool = False
    """Whether every image is asked for as a node of its own, not only those that something refers to."""
    blocks: bool = False
    """Whether the run takes many records at once, as a `Block` or a `Whole`; else they come one by one."""
    released: Callable[[str, str], bool] = field(default=lambda _content, _place: False)
    """``released(content, place)``: whether a steward answers for that content passing the check of that place."""
    known: Callable[[str, str], bool] = field(default=lambda _digest, _recipe: False)
    """``known(digest, recipe)``: whether the record log holds that content already, so that reading may stop there."""
    elements: Callable[[], Mapping[tuple[Curie, str], Element]] = field(default=known_elements)
    """The common data elements that are known: those that come with Qilin, and those of the term index."""
    progress: Callable[[int, int | None], None] = field(default=lambda _done, _total: None)
    """``progress(done, total)`` within a long locator."""
    codes: Codes = field(default_factory=bundled)
    """What coded terms mean in the warehouse."""
    library: Callable[[], Library] = field(default_factory=lambda: cache(_bundled_library))
    """The table maps of the warehouse."""
    keep: Callable[[Keepable | KeptText], None] = field(default=lambda _document: None)
    """Called by a reader at the end of a source with what may be kept of it."""
    review: Callable[[Reject], None] = field(default=lambda _entry: None)
    """Called with what a steward is to look at of a source that comes in."""
    asked: Callable[[str, str], None] = field(default=lambda _place, _text: None)
    """``asked(place, text)``: the text itself that a steward is asked about; a run is deaf to it."""
    answers: Callable[[str], str] = field(default=lambda _place: "")
    """``answers(place)``: a word for a recipe that tells what a steward has approved in the collection, of texts at
    that place, or of all where it is empty; no word where that is nothing."""
    unmapped: Callable[[str, int], None] = field(default=lambda _name, _count: None)
    """``unmapped(name, count)``: how many columns of a source no map speaks of; they are not stored."""

    def pseudonym(self, name: str) -> str:
        """A stable pseudonym of a person within the collection: a keyed hash, never reversible without the secret.

        What is a pseudonym already, as in a kept document, stays as it is.
        """
        if PSEUDONYM.fullmatch(name):
            return name
        keyed = hmac.new(self.secret, f"{self.collection}\0{name.strip().casefold()}".encode(), hashlib.sha256)
        return f"reader-{keyed.hexdigest()[:8]}"

    def mark(self, text: str) -> str:
        """A keyed hash of a text that is not kept itself, by which it is known again once it has been decided."""
        return hmac.new(self.secret, f"cell\0{text}".encode(), hashlib.sha256).hexdigest()[:20]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A kind of source: what it accepts and how it is read.

    ``accepts(locator)`` looks at the path, URL scheme or first bytes, never at the whole content.
    ``read(locators, context)`` is given every locator of the run that this kind accepted, in sorted order, so that
    files which belong together (the instances of a series, a table and its dictionary) become one source.
    """

    name: str
    accepts: Callable[[str], bool]
    read: Callable[[Iterator[str], Context], Iterator[Yield]]
    summary: str = ""
    reviewed: bool = False
    """Whether what is read was de-identified and reviewed by the archive that publishes it."""
    sop_classes: Callable[[str], bool] = lambda _uid: False
    """The DICOM SOP classes (PS3.4 B.5) of the objects that this kind reads one by one."""


def once(items: Iterable[Yield]) -> Iterator[Yield]:
    """The same items, identity records once each."""
    seen: set[Record] = set()
    for item in items:
        if isinstance(item, Record) and item.identity:
            if item in seen:
                continue
            seen.add(item)
        yield item


def unreadable(name: str, error: OSError, place: str = "file") -> Reject:
    """The reject of a file that the system does not let us read."""
    problem = f"the file cannot be read ({type(error).__name__})"
    return Reject(name=name, place=place, problem=problem, wanted="a file that may be read")


def sha256_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hex; read in pieces."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def head_of(locator: str, size: int = 512) -> bytes:
    """The first bytes of a local file, or nothing where the locator is a URL or no readable file."""
    try:
        with open(locator, "rb", buffering=0) as handle:  # noqa: PTH123 - asked of every file of a run
            return handle.read(size)
    except OSError:
        return b""
