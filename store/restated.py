"""Statements of documents that were written here, as duplicates of the records that they restate.

A document that is written names beside each number and statement the record that it was made of, by a UID
(`ontology.record_uids`). Where that record is there too, in the same collection and for the same audience, and says the
same of the same subject, the statement that was read again is its duplicate: what a table says and a report written of
it, an annotation and a document of some of its numbers. One that was changed in between is a statement of its own.
"""

from __future__ import annotations

from collections.abc import Iterable

__all__ = ["RECORD_UID", "restated"]

RECORD_UID = "'2.25.' || md5_number(digest[:16] || ' ' || key)"
"""SQL for the UID of a row's record: `ontology.record_uids.record_uid`."""


def restated(view: str, record: str, values: Iterable[str]) -> str:
    """SQL for the rows of a view that restate others of it: ``lot``, ``key``, and those records as ``origin``.

    ``record`` is the SQL of a row's record, ``values`` that of what two of them have to say alike.
    """
    # as one text, in which a value that is missing differs from one that is empty
    said = f"to_json([{', '.join(f'CAST({value} AS VARCHAR)' for value in values)}])"
    restating = f"SELECT lot, key, collection, subject, audience, states, {said} AS said FROM {view}"
    restating = f"{restating} WHERE states IS NOT NULL"
    meant = f"SELECT collection, subject, audience, {RECORD_UID} AS states, {said} AS said, {record} AS origin"
    meant = f"{meant} FROM {view} SEMI JOIN ({restating}) USING (collection, subject)"
    found = f"({restating}) r JOIN ({meant}) o USING (collection, subject, audience, states, said)"
    return f"SELECT r.lot, r.key, min(o.origin) AS origin FROM {found} GROUP BY r.lot, r.key"
