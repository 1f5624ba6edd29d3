"""Annotations per second: from ``qilin ingest`` to a published generation, against lxml with rdflib.

The peers (`benchmarks.annotations_peer`) are a plain script that states the same triples of the same AIM 4 documents
with rdflib, and brings them into a pyoxigraph store on disk in three ways: through a file and the store's own bulk
loader (which leaves rdflib's own ways behind), and through rdflib's plug-in for that store (``oxrdflib``), a document
or a triple at a time. All take turns in the same run, each from the start of its command, in wall time, in processor
time and in memory of all processes together; that all state the same is checked by counting the triples of each
predicate. Ours also checks what identifies persons, keeps the record log and a redacted copy of each document, and
proves that every triple stands in one graph.

Run ``python -m benchmarks.annotations [DOCUMENTS …]``; ``--peer`` names the peers, where not all are wanted.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pyoxigraph as ox

from benchmarks import annotations_peer
from benchmarks.aim_documents import make_documents
from benchmarks.annotations_peer import WAYS
from benchmarks.tables import Measured, watched

VOCABULARY = "https://w3id.org/qilin/id/graph/vocabulary"


def facts(store: Path) -> Counter[str]:
    """The number of triples of each predicate, without those of the vocabulary."""
    graphs = (
        quad.predicate.value
        for quad in ox.Store.read_only(str(store))
        if not (isinstance(quad.graph_name, ox.NamedNode) and quad.graph_name.value == VOCABULARY)
    )
    return Counter(graphs)


@dataclass(frozen=True, slots=True)
class Turn:
    """What a command took, of all its processes."""

    measured: Measured
    processor: float
    """Seconds of processor time."""
    steps: tuple[float, ...] = ()
    """Seconds of each step, where the command says them."""
    predicates: Counter[str] = field(default_factory=Counter)

    def shown(self, count: int) -> str:
        """In words."""
        seconds, steps = self.measured.seconds, ", ".join(f"{step:.1f}" for step in self.steps)
        return (
            f"{seconds:.1f} s, {count / seconds:,.0f} annotations/s, processor time {self.processor:.1f} s, "
            f"{self.measured.quads:,} quads, peak memory {self.measured.peak / 2**30:.2f} GiB"
            + (f", steps of {steps} s" if len(self.steps) > 1 else "")
        )


def turn(command: list[str], store: Path, environment: dict[str, str]) -> Turn:
    """Run a command and count what it wrote."""
    time.sleep(1)
    begun = processor_time()
    seconds, peak, said = watched([sys.executable, *command], environment)
    worked = processor_time() - begun
    steps = tuple(float(word) for word in said.split()[1:]) if PEER in command else ()
    predicates = facts(store)
    return Turn(Measured(seconds, peak, predicates.total()), worked, steps, predicates)


PEER = str(annotations_peer.__file__)


def ours(documents: Path, folder: Path, environment: dict[str, str]) -> Turn:
    """From the command to the published generation."""
    home = folder / "home"
    command = ["-m", "api.cli", "ingest", str(documents), "--collection", "bench"]
    return turn(command, home / "current" / "store", {**environment, "QILIN_HOME": str(home)})


def theirs(way: str, documents: Path, folder: Path, environment: dict[str, str]) -> Turn:
    """The plain script, in one of its ways."""
    store = folder / f"peer-{way}"
    return turn([PEER, way, str(documents), str(store)], store, environment)


def compiled(folder: Path) -> dict[str, str]:
    """An environment in which the byte code of both is ready, as it is after the first use of an installation."""
    environment = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    first, home = folder / "first", folder / "first-home"
    make_documents(first, 1)
    commands = [["-m", "api.cli", "ingest", str(first), "--collection", "bench"]]
    commands += [[PEER, way, str(first), str(folder / f"first-{way}")] for way in WAYS]
    for command in commands:
        subprocess.run(
            [sys.executable, *command],
            env={**os.environ, **environment, "QILIN_HOME": str(home)},
            check=True,
            capture_output=True,
        )
    return environment


def processor_time() -> float:
    """The seconds of processor time of all ended processes of the run together."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documents", nargs="*", type=int, default=[3000])
    parser.add_argument("--peer", action="append", choices=WAYS)
    given = parser.parse_args()
    for count in given.documents:
        folder = Path(tempfile.mkdtemp(prefix="qilin-bench-"))
        try:
            documents = folder / "documents"
            make_documents(documents, count)
            environment = compiled(folder)
            mine = ours(documents, folder, environment)
            print(f"{count:,} documents; load of the machine {os.getloadavg()[0]:.1f}")
            print(f"qilin ingest: {mine.shown(count)}", flush=True)
            for way in given.peer or WAYS:
                compare(way, mine, theirs(way, documents, folder, environment), count)
        finally:
            shutil.rmtree(folder)


def compare(way: str, mine: Turn, peer: Turn, count: int) -> None:
    """Print what a peer took, and how many times as fast ours is."""
    print(f"lxml and rdflib, {NAMES[way]}: {peer.shown(count)}")
    for whose, more in (("ours", mine.predicates - peer.predicates), ("theirs", peer.predicates - mine.predicates)):
        if more:
            print(f"  facts that are only {whose}: {dict(more)}")
    wall = peer.measured.seconds / mine.measured.seconds
    print(f"  ours is {wall:.2f} times as fast, {peer.processor / mine.processor:.2f} in processor time", flush=True)


NAMES = {
    "file": "N-Quads and bulk_load",
    "documents": "the store plug-in, addN of each document",
    "triples": "the store plug-in, add of each triple",
}


if __name__ == "__main__":
    main()
