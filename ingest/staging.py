"""Files of archives and of other places than folders, brought into a temporary folder while they are read.

Readers take paths. A zip archive or a location that fsspec knows (``s3://``, ``https://``, ``sftp://`` …) is laid out
in a temporary folder under the same names, and what a reader says of a path there is told as the place that it came
from: ``/data/scans.zip!/CT/1.dcm``. Files other than DICOM stay until the run ends, since tables, dictionaries and
their like are read side by side; of DICOM files only the head is laid out at first, and each is whole only while it is
read.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from ingest.base import head_of
from ingest.conflicted import CONFLICT, copied_from, disputed
from ingest.dicom.header import is_dicom
from ingest.dicomdir import is_directory, named_files
from ingest.holders import Holder, HolderError, Member, ZipHolder, holder_at, is_archive
from ingest.locators import shown, without_credentials
from ingest.sources import files_at
from ingest.temporary import TemporaryFolder
from ontology.records import Reject

__all__ = ["Staging"]

HEAD: Final = 1 << 16
"""The bytes of a DICOM file by which its kind is known; readers ask for less."""

DEEPEST: Final = 3
"""How deep archives may lie within archives."""

LARGEST: Final = 16 << 30
"""The bytes of the largest single file that is laid out."""

SPARE: Final = 1 << 29
"""The bytes that are left free on the disk of the temporary folder."""

PIECE: Final = 1 << 20

INSIDE: Final = "!/"
"""Parts the locator of an archive from the name of a file or folder within it."""


class Staging:
    """The temporary folder of a run, gone when the context is left."""

    def __init__(self) -> None:
        self._temporary = TemporaryFolder()
        self.folder = self._temporary.path
        self.names: set[str] = set()
        """The names of the archives, locations and indexes that were walked."""
        self._origins: dict[Path, str] = {}
        self._members: dict[str, Member] = {}
        self._holders: list[Holder] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        for holder in self._holders:
            holder.close()
        self._temporary.remove()

    def walk(self, locators: Iterable[str], reads: Callable[[str], bool]) -> Iterator[str | Reject]:
        """Every file at the locators, each once: those of archives and locations as paths in the temporary folder.

        ``reads(locator)`` says whether a reader takes a locator as it is. A DICOMDIR stands for the files that it
        names (PS3.10 8.6): those are yielded, and a reject for each that is not there.
        """
        seen: set[str] = set()
        for locator in locators:
            for place in self._at(locator, reads):
                if isinstance(place, Reject):
                    yield place
                elif place not in seen:
                    seen.add(place)
                    yield place

    def whole(self, locators: Iterable[str]) -> Iterator[str]:
        """The same locators; a DICOM file of an archive or location is there until the next one is asked for.

        One that cannot be brought in any more is what is left of it: its reader finds that it is cut off.
        """
        for locator in locators:
            member = self._members.get(locator)
            if member is None:
                yield locator
                continue
            try:
                self._lay_out(member, Path(locator), whole=True)
            except HolderError:
                Path(locator).write_bytes(b"")
            yield locator
            Path(locator).unlink(missing_ok=True)

    def origin(self, locator: str) -> str:
        """Where a path in the temporary folder, with whatever follows it, came from; other locators as they are."""
        if not locator.startswith(str(self.folder)):
            return locator
        path, mark, part = locator.partition("#")
        for root in (Path(path), *Path(path).parents):
            if root in self._origins:
                inside = Path(path).relative_to(root).as_posix()
                return self._origins[root] + ("" if inside == "." else f"/{inside}") + mark + part
        return next(iter(self._origins.values()), locator) + mark + part  # of several archives: named by the first

    # the walk -----------------------------------------------------------------------------------------------------

    def _at(self, locator: str, reads: Callable[[str], bool]) -> Iterator[str | Reject]:
        locator = locator.removeprefix("file://")
        archive, *inside = locator.split(INSIDE) if INSIDE in locator and not os.path.exists(locator) else [locator]  # noqa: PTH110
        if "://" in archive:
            try:
                holder = None if reads(archive) else holder_at(archive)
            except HolderError as error:
                yield _reject(shown(archive), error)
                return
            if holder is None:
                yield locator
            else:
                # of a single file its own name comes first, and what is named behind it lies within that
                yield from self._held(holder, ["", *inside] if holder.single else inside, 0, reads)
            return
        of_many = Path(archive).is_dir()  # who names a copy itself means it
        for place in files_at(archive):
            yield from (self._agreed if of_many else self._place)(place, inside, 0, reads)

    def _agreed(
        self, place: str, inside: list[str], depth: int, reads: Callable[[str], bool]
    ) -> Iterator[str | Reject]:
        """One file of several, unless it is a conflicted copy of another of them."""
        original = copied_from(Path(place)) if CONFLICT in place else None
        if original is None:
            yield from self._place(place, inside, depth, reads)
        elif told := disputed(Path(place), original):
            yield told

    def _place(self, place: str, inside: list[str], depth: int, reads: Callable[[str], bool]) -> Iterator[str | Reject]:
        """One file: itself, what an archive holds, or what an index names."""
        head = head_of(place)
        if is_directory(head):
            yield from self._indexed(Path(place))
        elif is_archive(place, head) and not reads(place):
            if depth == DEEPEST:
                yield _reject(Path(place).name, HolderError("lies too deep in archives", f"at most {DEEPEST} levels"))
                return
            try:
                holder = ZipHolder(Path(place), f"{self.origin(place)}!")
            except HolderError as error:
                yield _reject(shown(place), error)
                return
            yield from self._held(holder, inside, depth + 1, reads)
        else:
            yield place

    def _held(
        self, holder: Holder, inside: list[str], depth: int, reads: Callable[[str], bool]
    ) -> Iterator[str | Reject]:
        """What an archive or a location holds: all of it is laid out first, since files may belong together."""
        self._holders.append(holder)
        self.names.add(shown(holder.told))
        root = self.folder / str(len(self._origins))
        root.mkdir()
        self._origins[root] = holder.origin
        wanted, deeper = (inside[0].strip("/") if inside else ""), inside[1:]
        laid_out: list[Path] = []
        try:
            for member in holder.members():
                if isinstance(member, Reject):
                    yield member
                    continue
                if wanted and member.name != wanted and not member.name.startswith(f"{wanted}/"):
                    continue
                path = root / member.name
                try:
                    self._lay_out(member, path, whole=False)
                except HolderError as error:
                    yield _reject(path.name, error)
                    continue
                laid_out.append(path)
        except HolderError as error:
            yield _reject(shown(holder.told), error)
        if wanted and not laid_out:
            missing = HolderError("is not there", "the name of a file or folder within the archive")
            yield _reject(shown(wanted), missing)
        for path in sorted(laid_out):
            yield from self._agreed(str(path), deeper, depth, reads)

    def _indexed(self, path: Path) -> Iterator[str | Reject]:
        """The files that a DICOMDIR names, and a reject for those that are not there."""
        self.names.add(path.name)
        missing = []
        for number, found in named_files(path):
            if isinstance(found, Path):
                yield str(found)
            else:
                missing.append(f"{found} (record {number})")
        if missing:
            listed = ", ".join(missing[:5]) + (f" and {len(missing) - 5} more" if len(missing) > 5 else "")
            problem = f"names {f'{len(missing)} files that are' if len(missing) > 1 else 'a file that is'} not there"
            yield Reject(name=path.name, place=listed, problem=problem, wanted="the whole medium: copy it again")

    def _lay_out(self, member: Member, path: Path, *, whole: bool) -> None:
        """Write a file, or the head of a DICOM file."""
        free = shutil.disk_usage(self.folder).free - SPARE
        if member.size > min(LARGEST, free):
            raise _too_large(min(LARGEST, free))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with member.open() as content, path.open("wb") as target:
                head = content.read(HEAD)
                target.write(head)
                if not whole and is_dicom(head[:132]):
                    self._members[str(path)] = member
                    return
                _copy(content, target, min(LARGEST, free) - len(head))
        except OSError as error:
            raise HolderError(f"cannot be read ({type(error).__name__})", "a file that is whole") from None


def _copy(content: IO[bytes], target: IO[bytes], limit: int) -> None:
    """Copy at most so many bytes; what is longer than it said is refused."""
    while piece := content.read(PIECE):
        limit -= len(piece)
        if limit < 0:
            raise _too_large(LARGEST)
        target.write(piece)


def _too_large(limit: int) -> HolderError:
    return HolderError(
        "is too large to be laid out in the temporary folder", f"at most {max(limit, 0) >> 20} MB, or TMPDIR elsewhere"
    )


def _reject(name: str, error: HolderError) -> Reject:
    return Reject(name=without_credentials(name), place="file", problem=error.problem, wanted=error.wanted)
