"""What holds files but is no folder: zip archives, and the locations that fsspec knows."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, Final, Protocol
from urllib.parse import unquote, urlsplit

from ingest.locators import shown, without_credentials
from ontology.records import Reject

__all__ = ["Holder", "HolderError", "Member", "RemoteHolder", "ZipHolder", "holder_at", "is_archive"]

MARKS: Final = (b"PK\x03\x04", b"PK\x05\x06")
"""How zip archives begin: with a member, or with their end where they hold nothing."""

BLOCK: Final = 1 << 18
"""The bytes that are read ahead at a location: as a rule the head of a file is wanted first."""

MOST_MEMBERS: Final = 1_000_000

MOST_TIMES: Final = 1_100
"""Deflate makes of one byte at most 1,032 (RFC 1951): an archive that promises more has members that share bytes."""

DOCUMENTS: Final = ("[Content_Types].xml", "mimetype", "META-INF/MANIFEST.MF")
"""What office documents, books and programs hold, which are zip archives by their form alone."""

NO_PLACES: Final = frozenset(
    {
        "file",
        "local",
        "blockcache",
        "filecache",
        "simplecache",
        "cached",
        "dir",
        "reference",
        "zip",
        "tar",
        "libarchive",
    }
    | {"generic", "dask", "data", "git", "asynclocal", "async_wrapper"}
)
"""What fsspec calls a protocol and is no other place, or only another view of one."""


class HolderError(Exception):
    """Why a file, archive or location cannot be read, and what would be right; never holds a value or a secret."""

    def __init__(self, problem: str, wanted: str) -> None:
        super().__init__(problem)
        self.problem, self.wanted = problem, wanted


@dataclass(frozen=True, slots=True)
class Member:
    """A file that is held: its name from the root (with ``/``), its bytes as far as known, and how it is opened."""

    name: str
    size: int
    open: Callable[[], Any]
    """A context with the content; raises `HolderError` where it cannot be read."""


class Holder(Protocol):
    """An archive or a location."""

    @property
    def origin(self) -> str:
        """How the root is named as a locator, without credentials."""

    @property
    def told(self) -> str:
        """How the archive or location itself is named."""

    def members(self) -> Iterator[Member | Reject]:
        """The files, but for hidden ones; rejects for those that may not be laid out."""

    def close(self) -> None:
        """Let go of what is open."""


def is_archive(path: Path | str, head: bytes) -> bool:
    """Whether a file with these first bytes is a zip archive that is no document of another kind."""
    if not head.startswith(MARKS):
        return False
    try:
        with zipfile.ZipFile(path) as packed:
            return not any(name in packed.NameToInfo for name in DOCUMENTS)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        return True  # opening it says what is wrong


class ZipHolder:
    """A zip archive on disk."""

    def __init__(self, path: Path, origin: str) -> None:
        self.path, self.origin, self.told = path, origin, origin.removesuffix("!")
        try:
            self.packed = zipfile.ZipFile(path)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise HolderError(
                f"the archive cannot be read ({type(error).__name__})", "a zip archive that is whole"
            ) from None

    def close(self) -> None:
        """Close the file."""
        self.packed.close()

    def members(self) -> Iterator[Member | Reject]:
        """Its files, the last of a name where it holds several, as unzip leaves them."""
        found = {member.filename: member for member in self.packed.infolist() if not member.is_dir()}
        if not found:
            raise HolderError("the archive is empty", "an archive with files in it")
        promised = sum(member.file_size for member in found.values())
        if len(found) > MOST_MEMBERS or promised > MOST_TIMES * max(self.path.stat().st_size, 1 << 20):
            raise HolderError("the archive promises more than it can hold", "an archive that is no zip bomb")
        for name, member in found.items():
            if _hidden(name):
                continue
            if flaw := _unsafe(name):
                yield Reject(name=shown(self.told), place="member", problem=flaw, wanted=PLAIN)
            elif member.flag_bits & 1:
                problem, wanted = "is encrypted", "an archive without a password"
                yield Reject(name=PurePosixPath(name).name, place="file", problem=problem, wanted=wanted)
            else:
                yield Member(name, member.file_size, _opened(self.packed, member))


def _opened(packed: zipfile.ZipFile, member: zipfile.ZipInfo) -> Callable[[], Any]:
    @contextmanager
    def opened() -> Iterator[IO[bytes]]:
        try:
            with packed.open(member) as content:
                yield content
        except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
            raise HolderError(
                f"cannot be unpacked ({type(error).__name__})", "an archive that unzip finds no fault with"
            ) from None

    return opened


PLAIN: Final = "the name of a file within the archive"


def _unsafe(name: str) -> str | None:
    """Why a name may not be laid out, or None."""
    parts = name.split("/")
    if name.startswith("/") or ".." in parts or re.match(r"[A-Za-z]:", name):
        return "a name leads out of the archive"
    if not name.isprintable() or any(len(part.encode(errors="replace")) > 255 for part in parts) or "" in parts:
        return "a name is none that a file can have"
    return None


def _hidden(name: str) -> bool:
    """Whether a file is hidden, or one of those that macOS adds."""
    parts = name.split("/")
    return "__MACOSX" in parts or any(part.startswith(".") and part != ".." for part in parts)


class RemoteHolder:
    """A file or folder at a location that fsspec knows; keys and passwords are those of its own configuration."""

    def __init__(self, url: str) -> None:
        from fsspec.core import url_to_fs  # noqa: PLC0415 - only where it is asked for

        scheme = url.partition("://")[0].lower()
        self.web = scheme in {"http", "https"}
        with self._reached():
            try:
                self.system, self.path = url_to_fs(url)
            except ImportError as error:
                told = re.search(r"[Ii]nstall (\S+)", str(error))
                lacking = told[1] if told else (error.name or "what fsspec names for it").partition(".")[0]
                raise HolderError(f"the package for {scheme}:// is not installed", f"pip install {lacking}") from None
            self.single = not url.endswith("/") if self.web else self.system.isfile(self.path)
        self.told = without_credentials(url).rstrip("/")
        self.origin = self.told.rpartition("/")[0] if self.single else self.told

    def close(self) -> None:
        """Nothing stays open."""

    def members(self) -> Iterator[Member | Reject]:
        """The file, or all files below the folder."""
        if self.single:
            plain = unquote(urlsplit(self.path).path) if self.web else self.path
            name = PurePosixPath(plain).name or "index.html"
            yield Member(name, self._size(), self._opened(self.path))
            return
        with self._reached():
            found = self.system.find(self.path, detail=True)
        if not found:
            raise HolderError("there is nothing at this place", "the location of a file or folder")
        root = self.system._strip_protocol(self.path).rstrip("/") + "/"  # noqa: SLF001 - fsspec offers no public name
        for path, about in sorted(found.items()):
            name = (path if self.web else self.system._strip_protocol(path)).removeprefix(root).lstrip("/")  # noqa: SLF001
            name = unquote(name) if self.web else name
            if _hidden(name):
                continue
            if flaw := _unsafe(name):
                yield Reject(name=shown(self.told), place="file", problem=flaw, wanted="a plain name")
            else:
                yield Member(name, int(about.get("size") or 0), self._opened(path))

    def _size(self) -> int:
        with self._reached():
            return int(self.system.info(self.path).get("size") or 0)

    def _opened(self, path: str) -> Callable[[], Any]:
        @contextmanager
        def opened() -> Iterator[IO[bytes]]:
            with self._reached(local=True), self.system.open(path, "rb", block_size=BLOCK) as content:
                yield content

        return opened

    @contextmanager
    def _reached(self, *, local: bool = False) -> Iterator[None]:
        """Whatever a file system raises as a place that cannot be reached: each raises errors of its own family.

        With ``local``, what the system says of its own disk while contents are laid out there is left as it is.
        """
        try:
            yield
        except HolderError:
            raise
        except Exception as error:
            of_disk = isinstance(error, OSError) and error.errno is not None
            if local and of_disk and not isinstance(error, FileNotFoundError | PermissionError):
                raise
            raise self._unreachable(error) from None

    def _unreachable(self, error: Exception) -> HolderError:
        if isinstance(error, FileNotFoundError):
            # of the web fsspec does not tell a server that is not there from a file that is not
            problem = "is not there, or its server does not answer" if self.web else "is not there"
            return HolderError(problem, "the location of a file or folder")
        return HolderError(
            f"the place cannot be reached ({type(error).__name__})",
            "a location that answers, and the credentials that it asks for in the environment",
        )


def holder_at(locator: str) -> RemoteHolder | None:
    """The holder of a location that fsspec knows, or None; `HolderError` where it cannot be reached."""
    from fsspec import available_protocols  # noqa: PLC0415

    scheme = locator.partition("://")[0].lower()
    if scheme in NO_PLACES or scheme not in available_protocols():
        return None
    return RemoteHolder(locator)
