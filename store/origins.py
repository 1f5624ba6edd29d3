"""What series were made from, where their headers name images alone: whose series an image is of, by all sources.

A source says which images a series holds (`SeriesImages`), and another which images a series was made from
(`ImageSources`); either may come first. An audience finds a series by what it may read: sources of its own, and public
ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import duckdb

from store.control import PUBLIC
from store.identity import Identity
from store.stars import quoted

__all__ = ["LISTING", "image_origins"]

LISTING = ("ImageSources", "SeriesImages")
"""The record types of which rows are made here."""

ORIGIN = """
WITH referred AS (
    SELECT lot, collection, named, subject, uid, audience, unnest(string_split(images, '\\')) AS image FROM {referred}
), listed AS (
    SELECT collection, subject, audience, uid AS series, unnest(string_split(images, '\\')) AS image
    FROM {listed} SEMI JOIN {referred} USING (collection, subject)
)
SELECT r.lot, r.collection, r.named AS subject, r.uid, r.image, min(l.series) AS series
FROM referred r LEFT JOIN listed l ON l.collection = r.collection AND l.subject = r.subject AND l.image = r.image
    AND l.audience IN ({public}, r.audience)
GROUP BY ALL HAVING min(l.series) IS DISTINCT FROM r.uid
"""
"""Every image that a series was made from, with the series that it is of, if any may be known."""


def image_origins(
    connection: duckdb.DuckDBPyConnection, schema: str, identity: Identity, logged: Mapping[str, Sequence[str]]
) -> dict[str, str]:
    """SQL for rows that stand beside those of the log, by record type: the series that others were made from.

    Where no source holds an image, the image itself is what a series was made from, and a node. ``logged`` are the
    files of the log by record type, ``schema`` where the sources that are live are listed.
    """
    referred, listed = (_rows(schema, identity, logged.get(table, ())) for table in LISTING)
    if not referred:
        return {}
    listed = listed or f"(FROM {referred} WHERE false)"
    origin = f'"{schema}"."image origin"'
    query = ORIGIN.format(referred=referred, listed=listed, public=quoted(PUBLIC))
    connection.execute(f"CREATE TABLE {origin} AS {query}")
    return {
        "Derivation": f"SELECT DISTINCT lot, collection, subject, uid, coalesce(series, image) AS origin FROM {origin}",
        "Instance": f"SELECT DISTINCT lot, collection, subject, image AS uid FROM {origin} WHERE series IS NULL",
    }


def _rows(schema: str, identity: Identity, names: Sequence[str]) -> str:
    """SQL for the rows of live sources, each with its subject, the id by which its source names it, and its audience.

    Empty where there are none.
    """
    if not names:
        return ""
    said = f"r.lot, r.collection, r.subject AS named, {identity.subject} AS subject, r.uid, r.images, l.audience"
    scan = f"read_parquet([{', '.join(map(quoted, names))}])"
    return f'(SELECT {said} FROM {scan} r JOIN "{schema}".live l USING (lot) {identity.join})'
