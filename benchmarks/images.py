"""Images: files per second from ``qilin ingest`` to a published generation, against pydicom and pydicom with rdflib.

The files are made up (`benchmarks.image_headers`): series of 200 images in the shapes of nine scanners. Measured in
the same run, each as a process of its own, in processor time, since all but the loading works on one core:

* (a) ``pydicom.dcmread(stop_before_pixels=True)`` alone on every file, nothing looked at;
* (b) `benchmarks.images_peer`, a plain script with pydicom and rdflib, in two ways: it states the attributes of every
  image, as scripts do, or sums them per series first, as Qilin does.

Run ``python -m benchmarks.images [FILES …]``; ``--alone`` measures Qilin only, for its memory with many files.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks import images_peer
from benchmarks.annotations import compiled
from benchmarks.image_headers import make_images
from benchmarks.tables import watched

READ = """
import sys, warnings
from pathlib import Path
import pydicom
warnings.simplefilter("ignore")
for path in sorted(Path(sys.argv[1]).rglob("*.dcm")):
    pydicom.dcmread(path, stop_before_pixels=True)
"""


@dataclass(frozen=True)
class Run:
    """What a process took: wall and processor seconds, and the peak of its memory in bytes."""

    seconds: float
    worked: float
    peak: int
    said: str

    def show(self, count: int) -> str:
        """In words."""
        return (
            f"{count / self.worked:,.0f} files/s of one core ({self.worked:.1f} s of processor time, "
            f"{self.seconds:.1f} s), peak memory {self.peak / 2**20:,.0f} MiB"
        )


def measured(command: list[str], environment: dict[str, str]) -> Run:
    """Run a command to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds, peak, said = watched([sys.executable, *command], environment)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    worked = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Run(seconds, worked, peak, said)


def ours(images: Path, home: Path, environment: dict[str, str]) -> Run:
    """From the command to the published generation."""
    command = ["-m", "api.cli", "ingest", str(images), "--collection", "bench", "--attest", "made up"]
    return measured(command, {**environment, "QILIN_HOME": str(home)})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("files", nargs="*", type=int, default=[2_000, 20_000])
    parser.add_argument("--alone", action="store_true", help="measure Qilin only")
    chosen = parser.parse_args()
    for count in chosen.files:
        folder = Path(tempfile.mkdtemp(prefix="qilin-bench-"))
        try:
            images = folder / "images"
            make_images(images, count)
            environment = compiled(folder)
            make_images(folder / "first", 1)
            ours(folder / "first", folder / "first_home", environment)  # so that the byte code of all is ready
            time.sleep(1)
            print(f"{count:,} files", flush=True)
            mine = ours(images, folder / "home", environment)
            print(f"qilin ingest: {mine.show(count)}", flush=True)
            if not chosen.alone:
                compare(mine, images, count, environment)
        finally:
            shutil.rmtree(folder)


def compare(mine: Run, images: Path, count: int, environment: dict[str, str]) -> None:
    """Measure the peers on the same files."""
    runs = {"pydicom alone": measured(["-c", READ, str(images)], environment)}
    for way in images_peer.WAYS:
        place = [str(images), str(images.parent / f"{way}.nq"), str(images.parent / f"{way}.store"), way]
        runs[f"pydicom and rdflib, {way}"] = measured([str(images_peer.__file__), *place], environment)
    for name, run in runs.items():
        triples = f", {int(run.said):,} triples" if run.said else ""
        print(f"{name}: {run.show(count)}{triples}")
        print(f"  qilin is {run.worked / mine.worked:.2f} times as fast", flush=True)


if __name__ == "__main__":
    main()
