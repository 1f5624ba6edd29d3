"""Headers of studies, series and collections: which of several is shown, and where what they say stands.

A header is no identifying node, of which all sources say the same, and no fact of its own: sources of several
audiences may each have one of the same series. Every one of their triples stands in one graph, as everything does.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from ontology.fields import Kind, Star
from store.control import PUBLIC
from store.stars import quoted, star_lines
from store.views import Views

__all__ = ["GRAPH_NAME", "node_columns", "shared_nodes", "shared_text", "shown"]

IS_PUBLIC: Final = f"audience = {quoted(PUBLIC)}"

GRAPH_NAME: Final = (
    f"CASE WHEN bool_or({IS_PUBLIC}) THEN {quoted(PUBLIC)} ELSE string_agg(audience, '+' ORDER BY audience) END"
)
"""SQL for the graph of a group of rows, one for each of its audiences, named as `store.manifest.audience_set` does."""

KIND_RANK: Final = (
    "CASE source_kind WHEN 'dicom' THEN 0 WHEN 'sr' THEN 0 WHEN 'dicomweb' THEN 1 "
    "WHEN 'idc' THEN 2 WHEN 'tcia' THEN 2 WHEN 'tcia-manifest' THEN 2 WHEN 'nbia' THEN 3 WHEN 'xnat' THEN 3 "
    "WHEN 'dimse' THEN 10 ELSE 9 END"
)
"""Which header of a series or study is shown: files before DICOMweb before catalogues, and queries last."""


def shown(build: Views, star: Star) -> str:
    """SQL that leaves of rows ``r`` about a study, series or collection those that are shown.

    Each audience is shown the header of the best-ranked source that is its own. Everyone reads the public one too, so
    another is shown beside it only where it ranks better.
    """
    if star.node is Kind.RECORD:
        return ""
    node = node_columns(star)
    count = "-instance_count" if build.has(star.table, "instance_count") else "0"
    rank = f"({KIND_RANK}, {count})"
    best = (
        f"SELECT {node}, audience, min({rank}) AS place, arg_min(lot, ({rank}, digest)) AS lot "
        f"FROM {build.view(star.table)} GROUP BY {node}, audience"
    )
    if several_audiences(build):
        everyone = f"min(place) FILTER ({IS_PUBLIC}) OVER (PARTITION BY {node})"
        best += f" QUALIFY {IS_PUBLIC} OR coalesce(place < {everyone}, true)"
    return f" SEMI JOIN ({best}) b USING ({node}, audience, lot)"


def several_audiences(build: Views) -> bool:
    """Whether any collection has sources of more than one audience."""
    placed = {(source.collection, build.manifest.audience(source)) for source in build.manifest.sources}
    return len(placed) > len({collection for collection, _ in placed})


def shared_nodes(build: Views, star: Star) -> str | None:
    """SQL for the nodes of which several audiences have headers; None where there can be none."""
    if star.node is Kind.RECORD or not several_audiences(build):
        return None
    node = node_columns(star)
    return f"(SELECT {node} FROM {build.view(star.table)} GROUP BY {node} HAVING min(audience) <> max(audience))"


def shared_text(build: Views, star: Star, rows: str, present: Collection[str]) -> str:
    """SQL for the TriG text of headers of several audiences: each triple in the graph of those that state it."""
    lines = (
        f"SELECT DISTINCT {build.minter.node(star)} AS node, audience, "
        f"unnest({star_lines(star, build.minter, present)}) AS line FROM ({rows})"
    )
    placed = f"SELECT node, line, {GRAPH_NAME} AS graph_name FROM ({lines}) WHERE line IS NOT NULL GROUP BY node, line"
    graph = build.minter.graph("graph_name")
    return f"SELECT {graph} || '{{' || node || ' ' || line || '}}' || chr(10) AS text FROM ({placed})"


def node_columns(star: Star) -> str:
    """The columns that name the node of a header."""
    return "collection, uid" if star.node is Kind.UID else "collection"
