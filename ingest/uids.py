"""Which subject each DICOM UID belongs to: a UID that turns up under a second subject does not come in."""

from __future__ import annotations

import re
from dataclasses import replace

import pyarrow as pa

from ingest.base import Block
from ontology.records import Record, Reject, Series, Study

__all__ = ["UidRegister"]

UID = re.compile(r"[0-9]+(\.[0-9]+)*")


class UidRegister:
    """The owner of every study and series that is live or was met in this run.

    Kept as hashes (of the process, 64 bits), since a warehouse may hold millions of UIDs.
    """

    def __init__(self) -> None:
        self._owner: dict[int, int] = {}

    def learn(self, uid: str, collection: str, subject: str) -> None:
        """Enter a UID that is live."""
        self._owner[hash(uid)] = hash((collection, subject))

    def forget(self, uid: str) -> None:
        """Take out a UID that no live source names any more."""
        self._owner.pop(hash(uid), None)

    def check(self, record: Record, collection: str, name: str) -> tuple[Record | None, Reject | None]:
        """The record as it fits what is known, or None, and the conflict where there is one.

        A node under a second subject does not come in, nor does a fact about it. A series whose own UID is clear comes
        in without its study where that is another subject's: the archives hold such cases, and nothing is lost.
        """
        subject = getattr(record, "subject", None)
        if subject is None:
            return record, None
        owner = hash((collection, subject))
        uid = getattr(record, "uid", None)
        if uid is not None and (flaw := self._flaw(record, uid, owner, name)) is not None:
            return None, flaw
        for attribute in ("study", "series"):
            other = getattr(record, attribute, None)
            if other is None or self._owner.get(hash(other), owner) == owner:
                continue
            if isinstance(record, Series):
                return replace(record, study=None), None
            return None, _conflict(name, f"{attribute} {other}")
        return record, None

    def check_block(self, block: Block, collection: str, name: str) -> tuple[Block, list[Reject]]:
        """The same for many records at once: the rows that fit, and the conflicts."""
        rows = block.rows
        subjects = rows.column("subject").to_pylist()
        uids = rows.column("uid").to_pylist() if "uid" in rows.column_names else subjects
        studies = rows.column("study").to_pylist() if "study" in rows.column_names else [None] * len(subjects)
        owners = self._owner
        entering = issubclass(block.kind, Study | Series)
        series = block.kind is Series
        fits: list[bool] = []
        cut: set[int] = set()
        conflicts: list[Reject] = []
        for place, (uid, subject, study) in enumerate(zip(uids, subjects, studies, strict=True)):
            owner = hash((collection, subject))
            fit = uid is subject or owners.get(hash(uid)) == owner
            if not fit and entering:
                flaw = self._enter(uid, owner, block.kind, name)
                fit = flaw is None
                conflicts += [flaw] if flaw else []
            if fit and study is not None and owners.get(hash(study)) != owner:
                cut.add(place)
                fit = series
            fits.append(fit)
        if cut and series:
            kept = [None if place in cut else study for place, study in enumerate(studies)]
            rows = rows.set_column(rows.column_names.index("study"), "study", pa.array(kept, pa.string()))
        return Block(block.kind, rows if all(fits) else rows.filter(pa.array(fits))), conflicts

    def _enter(self, uid: str, owner: int, kind: type[Record], name: str) -> Reject | None:
        """Enter a UID for its subject, or say why it cannot be."""
        if len(uid) > 64 or not UID.fullmatch(uid):
            wanted = "at most 64 characters of digits and dots (PS3.5 section 9)"
            return Reject(name=name, place="UID", problem="not a DICOM UID", wanted=wanted)
        if self._owner.setdefault(hash(uid), owner) != owner:
            return _conflict(name, f"{kind.__name__} {uid}")
        return None

    def _flaw(self, record: Record, uid: str, owner: int, name: str) -> Reject | None:
        if isinstance(record, Study | Series):
            return self._enter(uid, owner, type(record), name)
        return None if self._owner.get(hash(uid)) == owner else _conflict(name, f"{type(record).__name__} {uid}")


def _conflict(name: str, place: str) -> Reject:
    return Reject(
        name=name,
        place=place,
        problem="this UID belongs to another subject, or did not come in",
        wanted="one subject for each study and series",
        quarantine=True,
    )
