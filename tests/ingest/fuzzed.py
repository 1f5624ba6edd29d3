"""Readers of annotations under atheris: bytes that coverage leads to, from the golden files on.

``python -m tests.ingest.fuzzed KIND FOLDER -max_total_time=600`` runs one kind until it is done or something is not
caught; the bytes that did it are then a file ``crash-…`` of the present folder. ``FOLDER`` gathers what was found.
atheris (PyPI) is no dependency: install it where this is run.
"""

from __future__ import annotations

import logging
import random
import sys
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["ingest"]):
    from ingest import radiomics, rwv
    from ingest.aim import reader as aim
    from ingest.base import Context, Source
    from ingest.rt import reader as rt
    from ingest.seg import reader as seg
    from ingest.slicer import reader as slicer
    from ingest.sr import reader as sr
from ontology.records import Record, Reject, SourceRecord
from tests.ingest.mutated import mutated_dicom, mutated_json, mutated_xml

HERE = Path(__file__).parent
CONTEXT = Context(collection="golden", secret=b"a secret of the tests", attested=True)

KINDS: dict[str, tuple[Source, str, str, str]] = {
    "aim": (aim.SOURCE, "aim", "input.xml", "a.xml"),
    "aim-json": (aim.SOURCE, "aim", "input.json", "a.json"),
    "sr": (sr.SOURCE, "sr", "input.dcm", "a.dcm"),
    "seg": (seg.SOURCE, "seg", "input.dcm", "a.dcm"),
    "rt": (rt.SOURCE, "rt", "input.dcm", "a.dcm"),
    "rwv": (rwv.SOURCE, "rwv", "input.dcm", "a.dcm"),
    "markups": (slicer.SOURCE, "slicer", "*.mrk.json", "a.mrk.json"),
    "points": (slicer.SOURCE, "slicer", "*.fcsv", "a.fcsv"),
    "labels": (slicer.SOURCE, "slicer", "*.nrrd", "a.seg.nrrd"),
    "radiomics": (radiomics.SOURCE, "radiomics", "*.csv", "a.csv"),
    "radiomics-json": (radiomics.SOURCE, "radiomics", "*.json", "a.json"),
}
"""By kind: its source, the folder and the names of its golden files, and the name of a file that is read."""


def reading(source: Source, path: Path) -> Callable[[bytes], None]:
    """What atheris calls: the bytes as a file, read as the run would, whatever is found."""

    def read(content: bytes) -> None:
        path.write_bytes(content)
        if source.accepts(str(path)):
            for item in source.read(iter([str(path)]), CONTEXT):
                assert isinstance(item, Record | Reject | SourceRecord), item

    return read


MUTATED = {".xml": mutated_xml, ".json": mutated_json, ".dcm": mutated_dicom}


def mutating(suffix: str) -> Callable[[bytes, int, int], bytes]:
    """How atheris makes the next bytes: now and then by the structure of the document, where there is one."""
    by_structure = MUTATED.get(suffix)

    def mutate(content: bytes, size: int, seed: int) -> bytes:
        chance = random.Random(seed)
        if by_structure is not None and chance.random() < 0.7:
            try:
                return by_structure(content, chance)[:size]
            except Exception:  # noqa: BLE001 - whatever these bytes are, they are no such document
                pass
        made: bytes = atheris.Mutate(content, size)
        return made

    return mutate


def main() -> None:
    """Fuzz one kind; what follows its name is for libFuzzer."""
    logging.disable()
    warnings.simplefilter("ignore")
    kind, corpus, *options = sys.argv[1:]
    source, folder, pattern, name = KINDS[kind]
    seeds = Path(corpus)
    seeds.mkdir(parents=True, exist_ok=True)
    for number, path in enumerate(sorted((HERE / folder).glob(f"*/{pattern}"))):
        if path.name != "expected.json":
            (seeds / f"golden-{number}").write_bytes(path.read_bytes())
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "subjects.yaml").write_text('"*": S1\n', encoding="utf-8")
        atheris.Setup(
            [sys.argv[0], corpus, "-max_len=60000", "-timeout=30", *options],
            reading(source, Path(scratch) / name),
            custom_mutator=mutating(Path(name).suffix),
        )
        atheris.Fuzz()


if __name__ == "__main__":
    main()
