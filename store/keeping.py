"""Keeping states of the data: releases, backup and restore, and the upgrade of an older record log."""

from __future__ import annotations

import hashlib
import json
import shutil
import sqlite3
import tarfile
import tempfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from store import log
from store.control import Control, LoggedSource
from store.generations import Generations, writer_digest
from store.home import Home
from store.manifest import LINKS, Manifest
from store.new_file import new_file

__all__ = ["Difference", "NotEmptyError", "Releases", "UnknownReleaseError", "backup", "restore", "upgrade_log"]


class UnknownReleaseError(LookupError):
    """A release that was not kept; the message names those that were."""


class NotEmptyError(FileExistsError):
    """A data folder that is not empty where a backup is to be restored."""


@dataclass(frozen=True, slots=True)
class Difference:
    """What changed from one release to another: sources as ``collection/name``."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    relinked: int = 0
    """Ids that are another subject's now, by the cross-walk."""


class Releases:
    """Kept generations: citable states that can be asked again.

    A release is kept as its manifest. Its triples are made from the record log when it is asked for, under the
    audiences of that day: what a person may no longer see they do not see in an old release either.
    """

    def __init__(self, home: Home, control: Control, generations: Generations) -> None:
        self.home = home
        self.control = control
        self.generations = generations

    def names(self) -> list[str]:
        """The kept releases, by name."""
        return sorted(folder.name for folder in self.home.releases.iterdir() if (folder / "manifest.json").exists())

    def keep(self, name: str) -> Manifest:
        """Keep the current generation under a name that is not taken."""
        if not name.replace("-", "").replace(".", "").replace("_", "").isalnum():
            raise ValueError(f"{name!r} is no name for a release: letters, digits, '.', '-' and '_' only")
        folder = self.home.releases / name
        if folder.exists():
            raise FileExistsError(f"there is a release {name!r} already")
        manifest = self.generations.current()
        draft = Path(tempfile.mkdtemp(dir=self.home.scratch))
        manifest.save(draft)
        draft.rename(folder)
        return manifest

    def manifest(self, name: str) -> Manifest:
        """The manifest of a release; `UnknownReleaseError` where there is none."""
        if name not in self.names():
            raise UnknownReleaseError(f"no release {name!r}; there are: {', '.join(self.names()) or 'none'}")
        return Manifest.load(self.home.releases / name)

    def store(self, name: str) -> tuple[Path, Manifest]:
        """The triples of a release under today's audiences, made where they are not there yet."""
        kept = self.manifest(name)
        collections = self.control.collections()
        wanted = replace(
            kept, writer=writer_digest(), collections={n: collections[n] for n in kept.collections if n in collections}
        )
        settings = json.dumps([asdict(collection) for collection in wanted.collections.values()], sort_keys=True)
        key = hashlib.sha256((wanted.writer + settings).encode()).hexdigest()[:16]
        folder = self.home.releases / name / key
        if not folder.exists():
            with self.home.writing():
                for old in (self.home.releases / name).iterdir():
                    if old.is_dir():
                        shutil.rmtree(old)
                draft = Path(tempfile.mkdtemp(dir=self.home.scratch))
                made = self.generations.make(wanted, draft / "store")
                made.save(draft)
                draft.rename(folder)
        return folder / "store", Manifest.load(folder)

    def diff(self, before: str, after: str) -> Difference:
        """What sources came, went and changed from one release to another."""
        old, new = (
            {(s.collection, s.kind, s.locator): s for s in self.manifest(name).sources} for name in (before, after)
        )

        def named(keys: set[tuple[str, str, str]], of: dict[tuple[str, str, str], LoggedSource]) -> tuple[str, ...]:
            return tuple(sorted(f"{of[key].collection}/{of[key].name}" for key in keys))

        links = [
            {(link.collection, link.namespace, link.source_id, link.subject) for link in self.manifest(name).links}
            for name in (before, after)
        ]
        both = old.keys() & new.keys()
        return Difference(
            named(new.keys() - old.keys(), new),
            named(old.keys() - new.keys(), old),
            named({key for key in both if old[key].sid != new[key].sid}, new),
            len({link[:3] for link in links[0] ^ links[1]}),
        )


def backup(home: Home, target: Path, force: bool = False) -> None:
    """Write the data folder to one tar file: control data, record log, kept documents, site maps, releases, manifest.

    Triples are left out: they are made again from the log. The write lock is held, so the state is one. A name that
    ends in ``.gz`` is packed. Raises `FileExistsError` where the file is there, unless ``force`` says to replace it.
    """
    with home.writing(), new_file(target, force) as out, tempfile.TemporaryDirectory(dir=home.scratch) as folder:
        copy = Path(folder) / "control.db"
        with sqlite3.connect(home.control) as live, sqlite3.connect(copy) as saved:
            live.backup(saved)
        with tarfile.open(fileobj=out, mode="w|") as tar:
            tar.add(copy, "control.db")
            tar.add(home.log, "log")
            for place in (home.documents, home.mappings):
                if place.exists():
                    tar.add(place, place.name)
            for name in ("manifest.json", "sources.parquet", LINKS):
                if (home.current / name).exists():
                    tar.add(home.current / name, f"manifest/{name}")
                for release in home.releases.iterdir():
                    if (release / name).exists():
                        tar.add(release / name, f"releases/{release.name}/{name}")


def restore(source: Path, home: Home) -> None:
    """Unpack a backup into an empty data folder; its triples are then to be rebuilt by the warehouse."""
    if home.root.exists() and any(home.root.iterdir()):
        raise NotEmptyError(f"{home.root} is not empty; restore into a new folder")
    home.root.mkdir(parents=True, exist_ok=True)
    with tarfile.open(source) as tar:
        tar.extractall(home.root, filter="data")
    home.create()
    saved = home.root / "manifest"
    if saved.exists():
        number = Manifest.load(saved).number
        saved.rename(home.generations / str(number))
        home.current.symlink_to(Path("generations") / str(number))


Upgrade = Callable[[str, pa.Table], pa.Table]

UPGRADES: dict[int, Upgrade] = {}
"""From a version of the log's columns to the next: a function of the record type's name and its table."""


class NewerLogError(RuntimeError):
    """A record log that was written by a later version of the software."""


def upgrade_log(home: Home, control: Control, generations: Generations) -> int:
    """Rewrite log files of older versions and enter their new names; the number of files that were rewritten.

    The write lock must be held. Old files are left where releases may name them.
    """
    renamed: dict[str, str] = {}
    for path in sorted(home.log.glob("*/*.parquet")):
        version = int((pq.read_schema(path).metadata or {}).get(b"qilin.schema", b"0"))
        if version > log.SCHEMA_VERSION:
            raise NewerLogError(f"the record log has version {version}; this software reads up to {log.SCHEMA_VERSION}")
        if version < log.SCHEMA_VERSION:
            table = pq.ParquetFile(path).read()
            for step in range(version, log.SCHEMA_VERSION):
                table = UPGRADES[step](path.parent.name, table)
            renamed[f"{path.parent.name}/{path.name}"] = log.put_table(home, path.parent.name, table)
    if renamed:
        entries = [_renamed(source, renamed) for source in control.sources()]
        control.record_sources(entries, [])
        current = generations.current()
        folder = generations.folder()
        if folder is not None:
            replace(current, sources=tuple(_renamed(source, renamed) for source in current.sources)).save(folder)
        for name in home.releases.iterdir():
            kept = Manifest.load(name)
            replace(kept, sources=tuple(_renamed(source, renamed) for source in kept.sources)).save(name)
    return len(renamed)


def _renamed(source: LoggedSource, names: dict[str, str]) -> LoggedSource:
    return replace(source, files=tuple(sorted(names.get(name, name) for name in source.files)))
