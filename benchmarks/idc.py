"""The whole index of the NCI Imaging Data Commons: from ``idc://*`` to a served generation, against the bare loader.

The peer is ``pyoxigraph.Store.bulk_load`` of the same quads from a ready N-Quads file, in the same run. Ours is wall
time from the start of the command until the settled generation has answered a count, with the memory of all processes
of the run together. Run ``python -m benchmarks.idc [idc://COLLECTION,…]``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pyoxigraph as ox

COUNT = "SELECT (COUNT(?s) AS ?n) { ?s a q:Series }"

PEER = """
import sys, time
import pyoxigraph as ox
started = time.perf_counter()
store = ox.Store(sys.argv[1])
store.bulk_load(path=sys.argv[2], format=ox.RdfFormat.N_QUADS, lenient=True)
print(time.perf_counter() - started)
"""


class Memory:
    """The largest resident memory of a process and its children together, sampled ten times a second."""

    def __init__(self, process: int) -> None:
        self.peak = 0
        self._process = psutil.Process(process)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._stop.wait(0.1):
            try:
                family = [self._process, *self._process.children(recursive=True)]
                self.peak = max(self.peak, sum(each.memory_info().rss for each in family))
            except psutil.NoSuchProcess:
                continue

    def end(self) -> int:
        """The peak in bytes."""
        self._stop.set()
        self._thread.join()
        return self.peak


def ours(locator: str, home: Path) -> dict[str, float]:
    """Ingest, publish and answer once: seconds of each, and the peak of memory."""
    environment = {**os.environ, "QILIN_HOME": str(home)}
    started = time.perf_counter()
    command = [sys.executable, "-m", "api.cli"]
    ingest = subprocess.Popen([*command, "ingest", locator], env=environment)
    memory = Memory(ingest.pid)
    ingest.wait()
    published = time.perf_counter()
    peak = memory.end()
    subprocess.run([*command, "sparql", COUNT], env=environment, check=True)
    answered = time.perf_counter()
    return {"published": published - started, "answered": answered - started, "peak": float(peak)}


def peer(home: Path, folder: Path) -> float:
    """Seconds of ``bulk_load`` for the same quads from a file."""
    quads = folder / "quads.nq"
    ox.Store.read_only(str(home / "current" / "store")).dump(str(quads), format=ox.RdfFormat.N_QUADS)
    done = subprocess.run(
        [sys.executable, "-c", PEER, str(folder / "peer"), str(quads)], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("locator", nargs="?", default="idc://*")
    chosen = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="qilin-bench-"))
    try:
        mine = ours(chosen.locator, folder / "home")
        quads = json.loads((folder / "home/current/manifest.json").read_text())["quads"]
        theirs = peer(folder / "home", folder)
    finally:
        shutil.rmtree(folder)
    print(f"{quads:,} quads")
    print(f"qilin ingest {chosen.locator}: published after {mine['published']:.1f} s")
    print(f"answered a count after {mine['answered']:.1f} s")
    print(f"memory of all its processes together: {mine['peak'] / 2**30:.2f} GiB")
    print(f"bulk_load of the same quads from a file: {theirs:.1f} s")
    print(f"ratio: {mine['answered'] / theirs:.2f}")


if __name__ == "__main__":
    main()
