"""Annotations per second: from ``qilin ingest`` to a published generation, against lxml with rdflib.

The peer (`benchmarks.annotations_peer`) is a plain script that states the same triples of the same AIM 4 documents in
an rdflib graph, writes it as N-Quads and loads that with ``pyoxigraph.Store.bulk_load``. Both are wall time from the
start of the command, in the same run (and, for whoever leaves the facts in rdflib's graph and file, the peer's without
its loading); that both state the same is checked by counting the triples of each predicate.
Ours also checks what identifies persons, keeps the record log and a redacted copy of each document, counts days, and
proves that every triple stands in one graph.

Run ``python -m benchmarks.annotations [DOCUMENTS …]``.
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
from pathlib import Path

import pyoxigraph as ox

from benchmarks import annotations_peer
from benchmarks.aim_documents import make_documents
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


def ours(documents: Path, home: Path, environment: dict[str, str]) -> Measured:
    """From the command to the published generation."""
    command = [sys.executable, "-m", "api.cli", "ingest", str(documents), "--collection", "bench"]
    seconds, peak, _ = watched(command, {**environment, "QILIN_HOME": str(home)})
    return Measured(seconds, peak, facts(home / "current" / "store").total())


def theirs(documents: Path, folder: Path, environment: dict[str, str]) -> tuple[Measured, list[float]]:
    """The plain script; and its seconds for stating, writing and loading."""
    place = [str(documents), str(folder / "peer.nq"), str(folder / "peer")]
    seconds, peak, said = watched([sys.executable, str(annotations_peer.__file__), *place], environment)
    quads, *steps = said.split()
    return Measured(seconds, peak, int(quads)), [float(step) for step in steps]


def compiled(folder: Path) -> dict[str, str]:
    """An environment in which the byte code of both is ready, as it is after the first use of an installation."""
    environment = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(folder / "bytecode")}
    for command in (["-m", "api.cli", "--help"], ["-c", "import rdflib, lxml.etree, pyoxigraph"]):
        subprocess.run(
            [sys.executable, *command], env={**os.environ, **environment}, check=True, stdout=subprocess.DEVNULL
        )
    return environment


def processor_time() -> float:
    """The seconds of processor time of all ended processes of the run together."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("documents", nargs="*", type=int, default=[6000])
    for count in parser.parse_args().documents:
        folder = Path(tempfile.mkdtemp(prefix="qilin-bench-"))
        try:
            documents = folder / "documents"
            make_documents(documents, count)
            environment = compiled(folder)
            time.sleep(1)
            begun = processor_time()
            mine = ours(documents, folder / "home", environment)
            between = processor_time()
            peer, (stated, written, loaded) = theirs(documents, folder, environment)
            worked = between - begun, processor_time() - between
            different = facts(folder / "home/current/store") - facts(folder / "peer")
        finally:
            shutil.rmtree(folder)
        print(f"{count:,} documents, {peer.quads:,} triples")
        print(f"qilin ingest: {show(mine, count)}")
        print(f"lxml and rdflib: {show(peer, count)}")
        print(f"of which: stated {stated:.1f} s, written {written:.1f} s, bulk_load {loaded:.1f} s")
        print(f"facts that only ours has: {dict(different) or 'none'}")
        print(f"processor time: {worked[0]:.1f} s and {worked[1]:.1f} s")
        print(f"ratio: {peer.seconds / mine.seconds:.2f} times as fast")
        without = peer.seconds - loaded
        print(f"ratio to a peer that stops at its file: {without / mine.seconds:.2f} times as fast", flush=True)


def show(measured: Measured, count: int) -> str:
    """A measurement in words."""
    return (
        f"{measured.seconds:.1f} s, {count / measured.seconds:,.0f} annotations/s, {measured.quads:,} quads, "
        f"peak memory {measured.peak / 2**30:.2f} GiB"
    )


if __name__ == "__main__":
    main()
