"""Statements of documents that were written here, as duplicates of the records that they restate.

A document that is written names beside each number and statement the record that it was made of, by a UID
(`ontology.record_uids`). Where that record is there too, in the same collection and for the same audience, and says the
same of the same subject, the statement that was read again is its duplicate: what a table says and a report written of
it, an annotation and a document of some of its numbers. Where the record is not there, or no longer, the first of those
that restate it stands for it. One that was changed in between, is of another study or by another reader, is a statement
of its own: a report may be the pattern of the next.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ontology.terms import ncit

__all__ = ["LENGTHS", "RECORD_UID", "SAID", "TOLD_APART", "restated"]

RECORD_UID: Final = "'2.25.' || md5_number(digest[:16] || ' ' || key)"
"""SQL for the UID of a row's record: `ontology.record_uids.record_uid`."""

SAID: Final = ("value", "low", "high", "value_concept")
"""What a statement and the record that it restates say alike, beside their variable."""

TOLD_APART: Final = ("study", "reader", "read_session", "visit")
"""What is of another record where both state it, and not the same; a format may not have it."""

LENGTHS: Final = f"CASE variable WHEN '{ncit.LENGTH}' THEN '{ncit.LONGEST_DIAMETER}' ELSE variable END"
"""SQL for a variable as it is compared: a length alone on a lesion is read again as its longest diameter."""


def restated(view: str, record: str, values: Iterable[str], apart: Iterable[str]) -> str:
    """SQL for the rows of a view that restate others of it: ``lot``, ``key``, and those records as ``origin``.

    ``record`` is the SQL of a row's record, ``values`` that of what two of them have to say alike, and ``apart`` are
    the columns of `TOLD_APART` that the view has. An origin restates no other; rows that could only restate each other
    are left out.
    """
    # as one text, in which a value that is missing differs from one that is empty
    said = f"to_json([{', '.join(f'CAST({value} AS VARCHAR)' for value in values)}])"
    columns = ", ".join(("lot", "key", "collection", "subject", "audience", "states", *apart))
    agreeing = "".join(f" AND coalesce(r.{name} = o.{name}, true)" for name in apart)
    return f"""
        WITH RECURSIVE given AS (
            SELECT {columns}, {said} AS said, {record} AS iri, {RECORD_UID} AS uid, (source_kind, digest, key) AS place
            FROM {view} SEMI JOIN (FROM {view} WHERE states IS NOT NULL) USING (collection, subject)
        ),
        meant AS (
            SELECT *, uid AS named, 0 AS rank FROM given
            UNION ALL SELECT *, states AS named, 1 AS rank FROM given WHERE states IS NOT NULL
        ),
        link AS (
            SELECT r.iri, any_value(r.lot) AS lot, any_value(r.key) AS key, arg_min(o.iri, (o.rank, o.place)) AS origin
            FROM given r JOIN meant o ON r.states = o.named
                AND (r.collection, r.subject, r.audience, r.said) = (o.collection, o.subject, o.audience, o.said)
                AND r.iri <> o.iri AND (o.rank = 0 OR o.place < r.place){agreeing}
            GROUP BY r.iri
        ),
        chain AS (
            SELECT lot, key, origin FROM link
            UNION SELECT c.lot, c.key, l.origin FROM chain c JOIN link l ON l.iri = c.origin
        )
        SELECT lot, key, origin FROM chain WHERE origin NOT IN (SELECT iri FROM link)"""
