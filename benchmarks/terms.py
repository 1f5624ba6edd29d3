"""The term index: search as people type, against the same search in SPARQL over the labels.

The peer is pyoxigraph's ``FILTER(CONTAINS(LCASE(?label), …))`` over the same labels in memory, in the same run. The
concepts are made up: 200,000 with two synonyms each, in a tree. Run ``python -m benchmarks.terms [CONCEPTS]``.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pyoxigraph as ox

from ontology.imports.base import Concept, Importer, Item
from ontology.index import TermIndex

STEMS = (
    "carcinoma",
    "lung",
    "adenoma",
    "renal",
    "hepatic",
    "neoplasm",
    "cell",
    "tumor",
    "stage",
    "grade",
    "left",
    "right",
    "upper",
    "lower",
    "lobe",
    "gland",
    "duct",
    "papillary",
    "squamous",
    "basal",
    "mixed",
    "benign",
    "malignant",
    "invasive",
    "primary",
    "secondary",
    "metastatic",
    "cerebral",
    "cardiac",
    "gastric",
    "oral",
    "nodal",
)
QUERIES = (
    "c",
    "ca",
    "carc",
    "lung",
    "lung carc",
    "lung carcinoma left",
    "neo",
    "entity 1234",
    "T19999",
    "benign bas",
    "zzz",
)


def concepts(count: int) -> Iterator[Item]:
    """Concepts in a tree of eight children each, with names of two to five words."""
    chance = random.Random(7)
    for number in range(count):
        words = [chance.choice(STEMS) for _ in range(chance.randint(2, 4))]
        label = " ".join([*words, f"entity {number}"])
        parents = (f"toy:T{(number - 1) // 8}",) if number else ()
        yield Concept(f"toy:T{number}", label, parents, (" ".join(reversed(words)), f"{words[0]} {number} NOS"))


def middle(search: Callable[[str], object], text: str, times: int) -> float:
    """The median time of a search, in milliseconds."""
    took = []
    for _ in range(times):
        started = time.perf_counter()
        search(text)
        took.append((time.perf_counter() - started) * 1000)
    return statistics.median(took)


def main(count: int) -> None:
    """Print, for each query, our time in three scopes and the ratio to the peer."""
    with tempfile.TemporaryDirectory() as folder:
        started = time.perf_counter()
        index = TermIndex(Path(folder, "terms.db"))
        toy = Importer("toy", "made up", lambda *_: True, lambda *_: concepts(count))
        index.load(Path("toy"), toy, "toy")
        size = sum(file.stat().st_size for file in Path(folder).iterdir()) / 1e6
        print(f"{count:,} concepts imported in {time.perf_counter() - started:.1f} s; {size:.0f} MB")
        store, label = ox.Store(), ox.NamedNode("http://www.w3.org/2004/02/skos/core#prefLabel")
        store.bulk_extend(
            ox.Quad(ox.NamedNode(f"http://x/{item.curie}"), label, ox.Literal(item.label))
            for item in concepts(count)
            if isinstance(item, Concept)
        )

        def peer(text: str) -> object:
            words = " && ".join(f'CONTAINS(LCASE(?l), "{word}")' for word in text.casefold().split())
            return list(
                store.query(f"SELECT ?s ?l {{ ?s <{label.value}> ?l FILTER({words}) }} ORDER BY STRLEN(?l) LIMIT 20")
            )

        print("query\tms\tin a vocabulary\tin a branch\tpeer ms\tratio")
        for text in QUERIES:
            ours = middle(index.search, text, 15)
            within = middle(lambda text: index.search(text, vocabulary="toy"), text, 15)
            branch = middle(lambda text: index.search(text, under="toy:T9"), text, 15)
            theirs = middle(peer, text, 3)
            print(f"{text}\t{ours:.2f}\t{within:.2f}\t{branch:.2f}\t{theirs:.0f}\t{theirs / ours:.0f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200_000)
