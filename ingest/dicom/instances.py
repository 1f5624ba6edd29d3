"""The files of a run, packed: of each one some hundred bytes are kept, since there may be hundreds of thousands."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

__all__ = ["Instance", "Instances", "Seen"]

DIGEST: Final = 32
"""The bytes of a SHA-256."""


class Instance(NamedTuple):
    """What is kept of a file: whose instance it is, the SHA-256 of its header, and where it lies."""

    uid: str
    digest: bytes
    folder: str
    name: str

    @classmethod
    def at(cls, locator: str, uid: str, digest: str) -> Instance:
        """The instance at a locator; the digest is hexadecimal."""
        return cls(uid, bytes.fromhex(digest), *os.path.split(locator))

    @property
    def locator(self) -> str:
        """Where it lies."""
        return os.path.join(self.folder, self.name)  # noqa: PTH118 (it may be a URL)


class Instances:
    """The instances of a series in the order in which they came, end to end in one piece of memory.

    >>> held = Instances()
    >>> held.append(Instance.at("/scans/1.dcm", "1.2.3", "00" * 32))
    >>> len(held), [instance.locator for instance in held], list(held.folders)
    (1, ['/scans/1.dcm'], ['/scans'])
    """

    def __init__(self) -> None:
        self.folders: dict[str, int] = {}
        """The folders in which they lie, numbered."""
        self._packed = bytearray()
        self._ends = array("Q")

    def append(self, instance: Instance) -> None:
        """Take in one more."""
        folder = self.folders.setdefault(instance.folder, len(self.folders))
        text = f"{instance.uid}\0{folder}\0{instance.name}"
        self._packed += instance.digest
        self._packed += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._packed))

    def __len__(self) -> int:
        return len(self._ends)

    def __iter__(self) -> Iterator[Instance]:
        folders = list(self.folders)
        begin = 0
        for end in self._ends:
            digest, text = self._packed[begin : begin + DIGEST], self._packed[begin + DIGEST : end]
            uid, folder, name = text.decode("utf-8", "surrogatepass").split("\0", 2)
            yield Instance(uid, bytes(digest), folders[int(folder)], name)
            begin = end


class Seen:
    """The UIDs that came in a run; which instance had one is looked up where it comes again, which is rare."""

    def __init__(self, held: Callable[[], Iterable[Instance]]) -> None:
        """``held()`` gives all instances that came in."""
        self._held = held
        self._marks: set[int] = set()
        self._index: dict[str, Instance] | None = None

    def before(self, instance: Instance) -> Instance | None:
        """The instance with the same UID that came in before; where there is none, this one comes in."""
        mark = hash(instance.uid)
        if mark in self._marks:
            if self._index is None:
                self._index = {held.uid: held for held in self._held()}
            if (found := self._index.get(instance.uid)) is not None:
                return found
        self._marks.add(mark)
        if self._index is not None:
            self._index[instance.uid] = instance
        return None
