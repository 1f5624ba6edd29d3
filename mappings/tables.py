"""Table maps: the curated folders that say how a table is read, and which of them fits a file."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from fnmatch import fnmatch
from functools import cache, cached_property
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import ValidationError

from mappings.code_library import CodeSet, CodeSets
from mappings.code_sets import is_code_set
from mappings.codes import Codes
from mappings.effective import in_force
from mappings.shape import Part, Shape, plain
from mappings.sssom import Decision, Decisions, MappingError, read_rows
from store.decided import DecisionRecord
from store.decisions import DecisionLog
from store.home import Home

__all__ = [
    "DECISIONS",
    "SHAPE",
    "Library",
    "MappingError",
    "TableMap",
    "UnknownMapError",
    "explained",
    "is_map",
    "table_map",
    "table_maps",
]

log = logging.getLogger(__name__)

SHAPE = "map.yaml"
DECISIONS = "mapping.sssom.tsv"
READING = 3
"""The version of how tables are read: raise it when the same table and map would give other records."""

NOT_RECIPE = {"name", "title", "matches", "collection"}
"""What a shape says that makes no difference to the records."""
SAFE: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The safe loader in C where there is one: sixty maps take 0.2 s instead of 3."""


class UnknownMapError(MappingError):
    """A name that is no table map; the message names those there are."""

    def __init__(self, name: str, known: Sequence[str]) -> None:
        self.name = name
        near = get_close_matches(name, known, n=5, cutoff=0.4)
        like = f"; like it: {', '.join(near)}" if near else ""
        super().__init__(f"no table map {name!r}{like}; `qilin map list` lists them; or the path of a folder")


@dataclass(frozen=True)
class TableMap:
    """A table map: its folder, its shape and the decisions in force."""

    folder: Path
    shape: Shape
    parts: tuple[Part, ...]
    decisions: Decisions
    site: bool = False
    """Whether it is the site's own, not one that comes with Qilin."""

    @property
    def name(self) -> str:
        """The map's name, that of its folder."""
        return self.shape.name

    @property
    def title(self) -> str:
        """What it is, for people."""
        return self.shape.title

    @cached_property
    def columns(self) -> frozenset[str]:
        """Every name by which decisions may speak of a column that the map reads."""
        names = {(part.sheet, name) for part in self.parts for name in (*part.named, *part.columns)}
        return frozenset(
            spoken
            for sheet, name in names
            for spoken in ((f"{sheet}!{name}", name) if isinstance(sheet, str) else (name,))
        )

    @cached_property
    def digest(self) -> str:
        """The SHA-256 (hex) of what decides the records: where things stand, and what is in force of columns read."""
        shape = self.shape.model_dump(mode="json", exclude=NOT_RECIPE, exclude_defaults=True, by_alias=True)
        effective = sorted(
            [slot.column, slot.facet, slot.value or "", slot.value is not None, slot.is_element, str(row.term)]
            for slot, row in self.decisions.applied.items()
            if slot.column in self.columns
        )
        text = json.dumps([READING, shape, effective], ensure_ascii=False, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def recipe(self) -> str:
        """What a source's records depend on besides the file: the map, and what of it makes a difference."""
        return f"{self.name}@{self.digest[:16]}"


class Library:
    """The table maps of one warehouse: those that come with Qilin, the site's own, and the decisions over both.

    A site's map is a folder ``mappings/NAME`` of the data folder; it stands before a map of that name that comes with
    Qilin. Maps are read when they are first asked for and held for the life of the library. Without arguments it
    holds what comes with Qilin, as it comes.
    """

    def __init__(self, site: Path | None = None, records: Mapping[str, Sequence[DecisionRecord]] | None = None) -> None:
        self._site = site
        self._records = records or {}
        self._held: dict[str, TableMap] = {}
        self._faults: dict[str, MappingError] = {}

    @classmethod
    def of(cls, home: Home, decisions: DecisionLog) -> Library:
        """The library of a warehouse, as it is now."""
        return cls(home.mappings, decisions.by_mapping())

    @cached_property
    def code_sets(self) -> CodeSets:
        """The code sets of the warehouse."""
        return CodeSets(self._site and self._site / "codes", self._records)

    @cached_property
    def codes(self) -> Codes:
        """What coded terms mean in the warehouse; a faulty set is logged, and what comes with Qilin stands for it."""
        return Codes(row for found in self.code_sets.usable() for row in found.decisions.rows)

    def mapping_set(self, name: str) -> TableMap | CodeSet:
        """A map or a code set by its name, even where decisions contradict each other."""
        return self.code_sets.unchecked(name) if is_code_set(name) else self.unchecked(name)

    @cached_property
    def _own(self) -> dict[str, Path]:
        found = self._site.iterdir() if self._site is not None and self._site.is_dir() else ()
        return {folder.name: folder for folder in sorted(found) if is_map(folder)}

    def names(self) -> list[str]:
        """The names of the maps, sorted."""
        return sorted({*_shipped(), *self._own})

    def maps(self) -> dict[str, TableMap]:
        """Every map that can be used, by name; a faulty one is logged and left out."""
        for name in self.names():
            if name not in self._held and name not in self._faults:
                try:
                    self._held[name] = self.get(name)
                except MappingError as error:
                    self._faults[name] = error
                    log.warning("a table map cannot be used: %s", error)
        return {name: self._held[name] for name in self.names() if name in self._held}

    def get(self, name: str) -> TableMap:
        """A map by its name or by the path of its folder; `UnknownMapError`, or `MappingError` where it is faulty."""
        if name not in self._held:
            found = self.unchecked(name)
            found.decisions.check()
            self._held[name] = found
        return self._held[name]

    def unchecked(self, name: str) -> TableMap:
        """The same, even where decisions contradict each other: for mending them."""
        if name in self._own:
            return self._overlaid(_load(self._own[name], site=True))
        if name in _shipped():
            return self._overlaid(_shipped()[name])
        if not is_map(Path(name)):
            raise UnknownMapError(name, self.names())
        return self._overlaid(_load(Path(name), site=True))

    def match(
        self, name: str, headers: Callable[[Part], Sequence[str]], collection: str | None = None
    ) -> list[TableMap]:
        """The maps that fit a file: those of its collection alone where there are any, else the site's own, else all.

        ``headers(part)`` gives the file's column names, as that part of a map would read them.
        """
        fitting = [candidate for candidate in self.maps().values() if _fits(candidate, name, headers)]
        own = [candidate for candidate in fitting if candidate.shape.collection == collection]
        return own or [candidate for candidate in fitting if candidate.site] or fitting

    def _overlaid(self, found: TableMap) -> TableMap:
        records = self._records.get(found.name, ())
        if not records:
            return found
        rows = in_force(found.decisions.rows, records)
        return TableMap(found.folder, found.shape, found.parts, Decisions(found.decisions.path, rows), found.site)


def is_map(folder: Path) -> bool:
    """Whether a folder holds a table map."""
    return (folder / SHAPE).is_file()


@cache
def _shipped() -> dict[str, TableMap]:
    """The maps that come with Qilin, by name: files of the package, which do not change while it runs."""
    root = Path(str(files("mappings").joinpath("tables")))
    return {folder.name: _load(folder, site=False) for folder in sorted(root.iterdir()) if is_map(folder)}


def _fits(candidate: TableMap, name: str, headers: Callable[[Part], Sequence[str]]) -> bool:
    wanted = candidate.shape.matches
    if (not wanted.file and not wanted.headers) or any(part.query for part in candidate.parts):
        return False  # a map with a query of its own is applied by name
    if not wanted.file and any(part.names for part in candidate.parts):
        return False  # column names that only the map gives recognise no file
    if wanted.file and not any(fnmatch(name.casefold(), pattern.casefold()) for pattern in wanted.file):
        return False
    needed = {plain(header) for header in wanted.headers}
    return not needed or any(needed <= set(headers(part)) for part in candidate.parts)


def _load(folder: Path, *, site: bool) -> TableMap:
    shape_file, decision_file = folder / SHAPE, folder / DECISIONS
    try:
        shape = Shape.model_validate(yaml.load(shape_file.read_text(encoding="utf-8"), Loader=SAFE))  # noqa: S506
        parts = shape.parts()
    except ValidationError as error:
        raise MappingError(explained(folder.name, error)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise MappingError(f"{folder.name}/{SHAPE}{line}: is not YAML: {getattr(error, 'problem', error)}") from error
    if shape.name != folder.name:
        raise MappingError(f"{folder.name}/{SHAPE}: name: is {shape.name!r}; right: that of the folder")
    rows: tuple[Decision, ...] = tuple(read_rows(decision_file)) if decision_file.is_file() else ()
    return TableMap(folder, shape, parts, Decisions(decision_file, rows), site)


def explained(name: str, error: ValidationError) -> str:
    """The faults of a map, each with its key path."""
    faults = (f"{'.'.join(map(str, fault['loc'])) or 'map'}: {fault['msg']}" for fault in error.errors())
    return f"{name}/{SHAPE}: " + "; ".join(faults)


def table_maps() -> dict[str, TableMap]:
    """The maps that come with Qilin, by name, as they come."""
    return Library().maps()


def table_map(name: str) -> TableMap:
    """A map that comes with Qilin, by its name, or any by the path of its folder."""
    return Library().get(name)
