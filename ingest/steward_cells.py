"""The cells of a column decided with it: each as it is proposed, where the proposal is likely."""

from __future__ import annotations

from dataclasses import replace

from ingest.steward import Steward, Wish, confidence_of, subject_of
from ingest.steward_records import is_element
from mappings.sssom import MappingError, column_id, parse_subject
from mappings.suggest import PROPOSED
from mappings.tables import TableMap
from store.decided import Verdict

__all__ = ["cells_as_proposed"]


def cells_as_proposed(steward: Steward, wish: Wish) -> list[Wish]:
    """The decisions on the cells of the column that a wish is about; those decided or rejected before stay so.

    `MappingError` where the wish is no acceptance of a column, or gives it another meaning than the one for which its
    cells are proposed.
    """
    mapping = steward.library.mapping_set(wish.mapping)
    if not isinstance(mapping, TableMap) or wish.verdict is not Verdict.ACCEPTED:
        raise MappingError("cells are taken as proposed with a column of a table that is accepted, and else one by one")
    column = parse_subject(subject_of(mapping, wish.subject).subject)
    if column.value is not None:
        raise MappingError(f"{wish.subject!r} is a cell already; name its column, {column.column!r}")
    proposals = steward.proposals(mapping)
    about = proposals.get(column_id(column.column, column.facet), [])
    meant = {wish.term, wish.variable, steward.targets.variable(wish.term) if wish.term else None}
    first = next((row.term for row in about if not is_element(row.term)), None)
    if first is None or (wish.term and first not in meant):
        said = f"the cells of {column.column} are proposed for {first or 'nothing'}, not for {wish.term}"
        raise MappingError(f"{said}; decide them one by one")
    held = {row.subject for row in mapping.decisions.rows if not row.negated}
    denied = {(row.subject, row.term) for row in mapping.decisions.rows if row.negated}
    likely = [
        cell
        for cell, rows in proposals.items()
        if cell not in held
        and (cell, rows[0].term) not in denied
        and (spoken := parse_subject(cell)).value is not None
        and (spoken.column, spoken.facet) == (column.column, column.facet)
        and confidence_of(rows[0]) >= PROPOSED
    ]
    bare = replace(wish, term=None, variable=None, predicate=None, confidence=None)
    return [replace(bare, subject=cell) for cell in likely]
