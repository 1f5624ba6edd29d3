"""The check before a generation is published: no triple stands in two graphs.

Engines do not remove duplicates across the graphs of a dataset, so a triple that stood in two would be counted twice
by whoever may read both.
"""

from __future__ import annotations

from collections.abc import Iterable

import pyoxigraph as ox

__all__ = ["DuplicateTripleError", "check_added", "check_one_graph"]


class DuplicateTripleError(RuntimeError):
    """A triple that stands in two graphs: a fault of the writer, never of the data."""


def check_one_graph(store: ox.Store, small: str = "") -> list[str]:
    """The IRIs of the store's graphs; `DuplicateTripleError` at the first triple that stands in two of them.

    The largest graph is only looked up in, never walked: every duplicate has a side in a smaller graph. ``small`` is
    one that is known not to be large, so that it need not be compared with the others.
    """
    graphs = [graph for graph in store.named_graphs() if isinstance(graph, ox.NamedNode)]
    largest = _largest(store, [graph for graph in graphs if graph.value != small])
    for graph in graphs:
        if graph != largest:
            # the engine goes from left to right: it walks this graph and looks every triple up, in bounded memory
            twice = store.query(
                f"SELECT ?p {{ GRAPH {graph} {{ ?s ?p ?o }} GRAPH ?other {{ ?s ?p ?o }} "
                f"FILTER (?other != {graph}) }} LIMIT 1"
            )
            assert isinstance(twice, ox.QuerySolutions)
            for solution in twice:
                raise _duplicate(solution["p"])
    return [graph.value for graph in graphs]


def check_added(store: ox.Store, added: Iterable[bytes]) -> list[str]:
    """The same where all was well before this TriG was added: only they are looked up."""
    for piece in added:
        for quad in ox.parse(piece, format=ox.RdfFormat.TRIG):
            if sum(1 for _ in store.quads_for_pattern(quad.subject, quad.predicate, quad.object, None)) > 1:
                raise _duplicate(quad.predicate)
    return [graph.value for graph in store.named_graphs() if isinstance(graph, ox.NamedNode)]


def _duplicate(predicate: object) -> DuplicateTripleError:
    return DuplicateTripleError(f"a triple with predicate {predicate} stands in two graphs")


def _largest(store: ox.Store, graphs: list[ox.NamedNode]) -> ox.NamedNode | None:
    """The graph that has triples left when all others, walked side by side, have come to their end."""
    walks = {graph: store.quads_for_pattern(None, None, None, graph) for graph in graphs}
    last = None
    while walks:
        for graph in list(walks):
            if len(walks) == 1:
                return graph
            if next(walks[graph], None) is None:
                last = graph
                del walks[graph]
    return last
