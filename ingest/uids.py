"""Which subject each DICOM UID belongs to: a UID that turns up under a second subject does not come in."""

from __future__ import annotations

import re

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

    def check(self, record: Record, collection: str, name: str) -> Reject | None:
        """A reject where a record's UID is malformed or belongs to another subject; identity records enter theirs."""
        subject = getattr(record, "subject", None)
        if subject is None:
            return None
        owner = hash((collection, subject))
        entering = isinstance(record, Study | Series)
        for attribute in ("uid", "study", "series"):
            uid = getattr(record, attribute, None)
            if uid is None:
                continue
            known = self._owner.get(hash(uid))
            if known is None:
                if entering and (len(uid) > 64 or not UID.fullmatch(uid)):
                    return Reject(
                        name=name,
                        place=attribute,
                        problem="not a DICOM UID",
                        wanted="at most 64 characters of digits and dots (PS3.5 section 9)",
                    )
                if entering:
                    self._owner[hash(uid)] = owner
            elif known != owner:
                return Reject(
                    name=name,
                    place=f"{attribute} {uid}",
                    problem="this UID belongs to another subject already",
                    wanted="one subject for each study and series",
                    quarantine=True,
                )
        return None
