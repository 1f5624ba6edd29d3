"""Table maps: the curated folders that say how a table is read, and which of them fits a file."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import cache
from importlib.resources import files
from pathlib import Path

import yaml
from pydantic import ValidationError

from mappings.shape import Part, Shape, plain
from mappings.sssom import Decisions, MappingError, read_decisions

__all__ = ["MappingError", "TableMap", "UnknownMapError", "match", "table_map", "table_maps"]

SHAPE = "map.yaml"
DECISIONS = "mapping.sssom.tsv"


class UnknownMapError(MappingError):
    """A name that is no table map; the message names those there are."""

    def __init__(self, name: str) -> None:
        self.name = name
        super().__init__(f"no table map {name!r}; known: {', '.join(table_maps()) or 'none'}; or the path of a folder")


@dataclass(frozen=True)
class TableMap:
    """A table map: its shape, its decisions and the digest of both."""

    shape: Shape
    parts: tuple[Part, ...]
    decisions: Decisions
    digest: str

    @property
    def name(self) -> str:
        """The map's name, that of its folder."""
        return self.shape.name

    @property
    def recipe(self) -> str:
        """What a source's records depend on besides the file: the map and its version."""
        return f"{self.name}@{self.digest[:16]}"


@cache
def table_maps() -> dict[str, TableMap]:
    """The maps that come with Qilin, by name."""
    root = Path(str(files("mappings").joinpath("tables")))
    return {folder.name: _load(folder) for folder in sorted(root.iterdir()) if (folder / SHAPE).is_file()}


def table_map(name: str) -> TableMap:
    """A map by its name or by the path of its folder; `UnknownMapError`, or `MappingError` where it is faulty."""
    known = table_maps()
    if name in known:
        return known[name]
    folder = Path(name)
    if not (folder / SHAPE).is_file():
        raise UnknownMapError(name)
    return _load(folder)


def match(name: str, headers: Callable[[Part], Sequence[str]], collection: str | None = None) -> list[TableMap]:
    """The maps that fit a file, those of its collection alone where there are any.

    ``headers(part)`` gives the file's column names, as that part of a map would read them.
    """
    fitting = [candidate for candidate in table_maps().values() if _fits(candidate, name, headers)]
    own = [candidate for candidate in fitting if candidate.shape.collection == collection]
    return own or fitting


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


def _load(folder: Path) -> TableMap:
    shape_file, decision_file = folder / SHAPE, folder / DECISIONS
    try:
        shape = Shape.model_validate(yaml.safe_load(shape_file.read_text(encoding="utf-8")))
        parts = shape.parts()
    except ValidationError as error:
        raise MappingError(_explained(shape_file, error)) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        raise MappingError(f"{folder.name}/{SHAPE}{line}: is not YAML: {getattr(error, 'problem', error)}") from error
    if shape.name != folder.name:
        raise MappingError(f"{folder.name}/{SHAPE}: name: is {shape.name!r}; right: that of the folder")
    digest = hashlib.sha256(shape_file.read_bytes())
    digest.update(b"\0")
    if decision_file.is_file():
        digest.update(decision_file.read_bytes())
        decisions = read_decisions(decision_file)
    else:
        decisions = Decisions(decision_file, ())
    return TableMap(shape, parts, decisions, digest.hexdigest())


def _explained(path: Path, error: ValidationError) -> str:
    """The faults of a map, each with its key path."""
    faults = (f"{'.'.join(map(str, fault['loc'])) or 'map'}: {fault['msg']}" for fault in error.errors())
    return f"{path.parent.name}/{path.name}: " + "; ".join(faults)
