"""What ``qilin map …`` says of code sets: the codes that wait, and how much of the store's codes is decided."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import typer

from api.console import err, print_json, print_rows
from mappings.code_review import CodeState, code_states, shares
from mappings.code_sets import ALL
from mappings.tables import Library
from store.raw_codes import raw_codes
from store.warehouse import Warehouse

if TYPE_CHECKING:
    from ingest.steward import Steward

__all__ = ["check_codes", "pending_codes", "show_codes"]

SHOWN = 200
SUGGESTED = 2


def _states(warehouse: Warehouse, library: Library, name: str, collection: str | None) -> list[CodeState]:
    """The codes of the store that belong to a set, or to all of them; `MappingError` where there is no such set."""
    served = warehouse.generations.current().sources
    sources = [source for source in served if collection in (None, source.collection)]
    states = code_states(raw_codes(warehouse.home.log, sources), library.codes)
    found = [state for state in states if name in (ALL, state.code_set)]
    if not found and name != ALL:
        library.code_sets.unchecked(name)
    return found


def pending_codes(name: str, collection: str | None, *, json: bool) -> None:
    """The codes of the store that have no meaning and wait for a decision, with what is proposed."""
    from ingest.gate.forms import CODED, identifier_in  # noqa: PLC0415 - readers are slow to import
    from ingest.steward import Steward  # noqa: PLC0415

    warehouse = Warehouse.open()
    steward = Steward(warehouse)
    waiting = [state for state in _states(warehouse, steward.library, name, collection) if not state.decided]
    listed = waiting if json else waiting[:SHOWN]
    columns = ("set", "code", "scheme", "meaning", "records", "collections", "proposed")
    rows = [
        (
            state.code_set,
            state.triplet.code,
            state.triplet.designator,
            "(looks like an identifier)" if identifier_in(state.triplet.meaning, CODED) else state.triplet.meaning,
            state.records,
            ", ".join(sorted(state.collections)),
            _proposed(steward, state),
        )
        for state in listed
    ]
    if json:
        print_json([dict(zip(columns, row, strict=True)) for row in rows])
    else:
        print_rows("Codes that wait for a decision", columns, rows)
        if len(waiting) > len(listed):
            err.print(f"{len(waiting) - len(listed):,} more: --json lists all", highlight=False)
        if rows:
            err.print('`qilin map decide codes "CODE|SCHEME|MEANING" TERM --reason …` decides one', highlight=False)
    raise typer.Exit(1 if rows else 0)


def _proposed(steward: Steward, state: CodeState) -> str:
    found = steward.code_proposals(state.triplet.meaning)[:SUGGESTED]
    return "; ".join(f"{item.term} {item.label} ({item.score:.2f}, {item.reason})" for item in found)


def check_codes(name: str, collection: str | None, *, json: bool) -> None:
    """How much of the codes of the store is decided: of different codes, and of the records that have them."""
    warehouse = Warehouse.open()
    library = Library.of(warehouse.home, warehouse.decisions)
    found = shares(_states(warehouse, library, name, collection))
    columns = ("set", "codes decided", "codes", "records decided", "records", "share")
    rows = [(each, *counts, f"{counts[2] / counts[3]:.1%}") for each, counts in found.items()]
    print_json([dict(zip(columns, row, strict=True)) for row in rows]) if json else print_rows("Codes", columns, rows)
    raise typer.Exit(1 if any(counts[0] < counts[1] for counts in found.values()) else 0)


def show_codes(library: Library, name: str, code: str | None, *, json: bool) -> None:
    """What the codes of a set mean, who decided it, when and why."""
    chosen = library.code_sets.unchecked(name)
    spoken_of = chosen.spoken_of(code) if code else None
    rows = [row for row in chosen.decisions.rows if spoken_of is None or row.subject == spoken_of.subject]
    columns = ("code", "meaning", "word", "term", "label", "who", "when", "why", "place")
    cells: Iterable[tuple[str, ...]] = [
        (
            row.subject,
            row.subject_label,
            "does not mean" if row.negated else row.predicate.removeprefix("skos:"),
            row.term,
            row.label,
            ", ".join(filter(None, (row.author, row.reviewer))),
            row.date,
            row.comment,
            row.place,
        )
        for row in rows
    ]
    print_json([dict(zip(columns, row, strict=True)) for row in cells]) if json else print_rows(name, columns, cells)
