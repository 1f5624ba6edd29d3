"""Statements that stand in several documents, as duplicates of the one that counts: those of documents that were made
of each other.

A document that is *written here* names beside each number and statement the record that it was made of, by a UID
(`ontology.record_uids`). Where that record is there too, in the same collection and for the same audience, and says the
same of the same subject, the statement that was read again is its duplicate: what a table says and a report written of
it, an annotation and a document of some of its numbers. Where the record is not there, or no longer, the first of those
that restate it stands for it. One that was changed in between, is of another study or by another reader, is a statement
of its own: a report may be the pattern of the next.

A document that another tool *converted* into another format has a UID of its own (an ePAD annotation made of a report).
Where an annotation and a report say the same of one lesion on one image, and name no two readers, one is a duplicate of
the other: of that which names a reader, else of the annotation. Two documents of one format are never taken for copies
of each other.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from ontology.terms import ncit

__all__ = ["APART", "CONVERTED", "FORMATS", "LENGTHS", "RECORD_UID", "SAID", "converted", "restating", "roots"]

RECORD_UID: Final = "'2.25.' || md5_number(digest[:16] || ' ' || key)"
"""SQL for the UID of a row's record: `ontology.record_uids.record_uid`."""

SAID: Final = ("value", "low", "high", "value_concept")
"""What a statement and the record that it restates say alike, beside their variable."""

APART: Final = ("study", "reader", "read_session", "visit")
"""What is of another record where both state it, and not the same; a format may not have it."""

LENGTHS: Final = f"CASE variable WHEN '{ncit.LENGTH}' THEN '{ncit.LONGEST_DIAMETER}' ELSE variable END"
"""SQL for a variable as it is compared: a length alone on a lesion is read again as its longest diameter."""

CONVERTED: Final = ("variable", "statistic", "method", "absent_reason", *SAID)
"""What an annotation and a report say alike where one was converted into the other."""

FORMATS: Final = frozenset(("aim", "sr"))
"""The kinds of source that are converted into each other; the statement of the first by name counts,
where not only the other names a reader."""


def _text(values: Iterable[str]) -> str:
    """SQL for values as one text, in which one that is missing differs from one that is empty."""
    return f"to_json([{', '.join(f'CAST({value} AS VARCHAR)' for value in values)}])"


def restating(view: str, record: str, values: Iterable[str], apart: Iterable[str]) -> str:
    """SQL for the rows of a view that restate others of it: ``lot``, ``key``, their ``iri`` and that of the ``origin``.

    ``record`` is the SQL of a row's record, ``values`` that of what two of them have to say alike, and ``apart`` are
    the columns of `APART` that the view has.
    """
    columns = ", ".join(("lot", "key", "collection", "subject", "audience", "states", *apart))
    agreeing = "".join(f" AND coalesce(r.{name} = o.{name}, true)" for name in apart)
    given = (
        f"SELECT {columns}, {_text(values)} AS said, {record} AS iri, {RECORD_UID} AS uid, "
        f"(source_kind, digest, key) AS place FROM {view} "
        f"SEMI JOIN (FROM {view} WHERE states IS NOT NULL) USING (collection, subject)"
    )
    return f"""(
        WITH given AS ({given}),
        meant AS (
            SELECT *, uid AS named, 0 AS rank FROM given
            UNION ALL SELECT *, states AS named, 1 AS rank FROM given WHERE states IS NOT NULL
        )
        SELECT r.lot, r.key, r.iri, arg_min(o.iri, (o.rank, o.place)) AS origin
        FROM given r JOIN meant o ON r.states = o.named
            AND (r.collection, r.subject, r.audience, r.said) = (o.collection, o.subject, o.audience, o.said)
            AND r.iri <> o.iri AND (o.rank = 0 OR o.place < r.place){agreeing}
        GROUP BY ALL
    )"""


def converted(view: str, record: str, values: Iterable[str], reader: str) -> str:
    """SQL for the rows of a view that a conversion repeats: ``lot``, ``key``, their ``iri`` and that of the ``origin``.

    ``reader`` is the SQL of a row's reader. The n-th such statement of a document is the n-th of its copy, and the
    n-th document of a format the n-th of the other.
    """
    same = "collection, subject, audience, lesion, instance, said"
    given = (
        f"SELECT lot, key, {same.removesuffix(', said')}, document, source_kind, {reader} AS reader, "
        f"{_text(values)} AS said, {record} AS iri, (digest, key) AS place FROM {view} WHERE lesion IS NOT NULL "
        f"AND instance IS NOT NULL AND document IS NOT NULL AND source_kind IN {tuple(sorted(FORMATS))}"
    )
    return f"""(
        WITH given AS (
            SELECT *, dense_rank() OVER (PARTITION BY {same}, source_kind, reader ORDER BY document) AS copy,
                row_number() OVER (PARTITION BY {same}, lot ORDER BY key) AS nth
            FROM ({given})
        )
        SELECT r.lot, r.key, r.iri, arg_min(o.iri, (o.reader IS DISTINCT FROM r.reader, o.place)) AS origin
        FROM given r JOIN given o USING ({same}, copy, nth)
        WHERE o.source_kind <> r.source_kind
            AND (o.reader IS NULL, o.source_kind) < (r.reader IS NULL, r.source_kind)
            AND o.document <> r.document AND coalesce(o.reader = r.reader, true)
        GROUP BY ALL
    )"""


def roots(links: Iterable[str]) -> str:
    """SQL for what links lead to in the end, those of the first SQL before others: ``lot``, ``key``, ``origin``.

    An origin is a duplicate of no other. Rows that only link to each other are left out, so that each of them counts.
    """
    ranked = " UNION ALL ".join(f"SELECT *, {rank} AS rank FROM {sql}" for rank, sql in enumerate(links))
    return f"""
        WITH RECURSIVE link AS (
            SELECT iri, any_value(lot) AS lot, any_value(key) AS key, arg_min(origin, rank) AS origin
            FROM ({ranked}) GROUP BY iri
        ),
        chain AS (
            SELECT lot, key, origin FROM link
            UNION SELECT c.lot, c.key, l.origin FROM chain c JOIN link l ON l.iri = c.origin
        )
        SELECT lot, key, origin FROM chain WHERE origin NOT IN (SELECT iri FROM link)"""
