"""Exports of one project that state the same: the later takes the place of the earlier, so that no fact counts twice.

Each download of a project has a name of its own, and a project may come as CSV and as XML. An export that has every
row and every mapped column of an earlier one replaces it; one that shares cells with it and lacks others is left to
the steward, since nothing tells whether those were deleted or not exported.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from ontology.records import Reject, SourceRecord
from store.control import LoggedSource
from store.projects import Overlap, Projects, overlap
from store.warehouse import Writing

__all__ = ["Superseding"]

LISTED = 5
"""Columns named in a message."""


@dataclass
class Superseding:
    """The exports of one run, and what is served already."""

    projects: Projects
    writing: Writing
    told: dict[str, str] = field(default_factory=dict)
    """The name of each export that gave way, with that of the one that took its place."""
    _leaving: list[LoggedSource] = field(default_factory=list)

    def judged(self, head: SourceRecord, collection: str, replaced: set[str | None]) -> Reject | bool:
        """Whether an export is to be read; or why not. ``replaced`` are sources that give way to it anyhow.

        False where a later export that is served has taken its place already.
        """
        self._leaving = []
        if head.extent is None:
            return True
        served = {old.digest: old for old in self.writing.live() if old.collection == collection}
        if self.projects.superseded_by(collection, head.digest) in served and head.digest not in served:
            return False
        known = self.projects.extents(collection, served.keys() - {head.digest})
        for digest, extent in known.items():
            old = served[digest]
            if old.sid in replaced or old.namespace != head.namespace:
                continue
            if (shared := overlap(extent, head.extent)) is None:
                continue
            if not shared.whole:
                return _refused(head, old, shared)
            self._leaving.append(old)
        return True

    def come(self, head: SourceRecord, collection: str) -> int:
        """Note an export that has come in, and let those go whose place it takes; how many they are."""
        if head.extent is None:
            return 0
        self.projects.enter(collection, head.digest, head.extent)
        for old in self._leaving:
            self.projects.supersede(collection, old.digest, head.digest)
            self.writing.drop(old.sid)
            self.told[old.name] = head.name
        gone, self._leaving = len(self._leaving), []
        return gone


def _refused(head: SourceRecord, old: LoggedSource, shared: Overlap) -> Reject:
    named = ", ".join(shared.columns[:LISTED])
    more = f" and {len(shared.columns) - LISTED} more" if len(shared.columns) > LISTED else ""
    lacking = [f"{shared.rows:,} of its rows"] if shared.rows else []
    lacking += [f"its columns {named}{more}"] if shared.columns else []
    return Reject(
        name=head.name,
        place="file",
        problem=f"states again what {old.name} states, of the same project, and lacks {' and '.join(lacking)}",
        wanted=f"the project exported whole, or without what is in already; or first: qilin retract {old.sid}",
    )
