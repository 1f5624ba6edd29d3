"""A table of a million rows: from ``qilin ingest`` to a published generation, against morph-kgc and the bare loader.

The peer maps the same table by RML to N-Quads of the same facts (``morph-kgc``, in an environment of its own, since it
pins an old pyoxigraph) and loads them with ``pyoxigraph.Store.bulk_load``. Both are wall time from the start of the
command, with the memory of all processes of the run together; both in the same run. Ours also checks what identifies
persons, keeps the record log, counts days, and proves that every triple stands in one graph.

Run ``python -m benchmarks.tables [ROWS …]``.
"""

from __future__ import annotations

import argparse
import csv
import datetime as dt
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.idc import Memory

STAGES = ("I", "II", "III", "IV")
VISITS_EACH = 20
"""Rows of a subject."""

MAP = """name: big
title: A table of laboratory values and stages, a row for each visit
subject: patient
missing: ["NA"]
common:
  when: {column: date, format: "%d.%m.%Y"}
  visit: {column: visit}
columns:
  cea: {record: measurement, unit: ng/ml}
  stage: {record: finding}
"""

DECISIONS = {
    "column:cea": "ncit:C81983",
    "column:stage": "ncit:C28108",
    "value:stage/I": "ncit:C27966",
    "value:stage/II": "ncit:C28054",
    "value:stage/III": "ncit:C27970",
    "value:stage/IV": "ncit:C27971",
}


NS = "https://w3id.org/qilin/"
RECORD = f"{NS}id/record/big/{{patient}}-{{visit}}-%s"
EVERY = {
    "q:subject": f'rr:template "{NS}id/subject/big/{{patient}}"',
    "q:visit": 'rml:reference "visit" ; rr:datatype xsd:integer',
    "q:origin": "rr:constant q:Asserted",
    "q:primary": 'rr:constant "true"^^xsd:boolean',
    "prov:wasDerivedFrom": f"rr:constant <{NS}id/source/big/0123456789abcdef>",
}
"""What every record says, and how RML makes it."""

TRIPLES_MAPS: dict[str, tuple[str, str, str, dict[str, str]]] = {
    "Subject": (
        "table",
        f"{NS}id/subject/big/{{patient}}",
        "q:Subject",
        {"q:identifier": 'rml:reference "patient"', "q:collection": f"rr:constant <{NS}id/collection/big>"},
    ),
    "Value": (
        "table",
        RECORD % "cea",
        "q:Measurement, q:Observation",
        {
            **EVERY,
            "q:locator": 'rr:template "{patient}-{visit}-cea" ; rr:termType rr:Literal',
            "q:variable": "rr:constant ncit:C81983",
            "q:value": 'rml:reference "cea" ; rr:datatype xsd:decimal',
            "q:unit": 'rr:constant "ng/ml"',
            "q:raw": 'rr:template "{cea} ng/ml" ; rr:termType rr:Literal',
        },
    ),
    "Stage": (
        "stages",
        RECORD % "stage",
        "q:Finding, q:Observation",
        {
            **EVERY,
            "q:locator": 'rr:template "{patient}-{visit}-stage" ; rr:termType rr:Literal',
            "q:variable": "rr:constant ncit:C28108",
            "q:valueConcept": 'rr:parentTriplesMap <#Code> ; rr:joinCondition [ rr:child "stage" ; rr:parent "stage" ]',
            "q:raw": 'rml:reference "stage"',
        },
    ),
    "Code": ("codes", "http://purl.obolibrary.org/obo/NCIT_{code}", "", {}),
}
"""The same facts in RML: name to its file, template of its node, classes, and predicates with their objects."""

PREFIXES = f"""@prefix rr: <http://www.w3.org/ns/r2rml#> .
@prefix rml: <http://semweb.mmlab.be/ns/rml#> .
@prefix ql: <http://semweb.mmlab.be/ns/ql#> .
@prefix q: <{NS}ns#> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
@prefix prov: <http://www.w3.org/ns/prov#> .
@prefix ncit: <http://purl.obolibrary.org/obo/NCIT_> .
"""


def make_table(path: Path, rows: int) -> None:
    """A table of made-up laboratory values: twenty visits a subject, the stage at the first of them."""
    rng = random.Random(rows)
    with path.open("w", encoding="utf-8", newline="") as handle:
        out = csv.writer(handle)
        out.writerow(["patient", "visit", "date", "cea", "stage", "comment"])
        for number in range(rows):
            subject, visit = divmod(number, VISITS_EACH)
            if not visit:
                start = dt.date(2000, 1, 1) + dt.timedelta(days=rng.randrange(7000))
            date = start + dt.timedelta(days=21 * visit + rng.randrange(-3, 4))
            value = "NA" if rng.random() < 0.02 else f"{rng.lognormvariate(1.5, 1):.2f}"
            stage = rng.choice(STAGES) if not visit else ""
            out.writerow([f"B{subject:06}", visit, date.strftime("%d.%m.%Y"), value, stage, "not mapped"])


def make_map(folder: Path) -> Path:
    """The table map, as a steward writes it."""
    target = folder / "big"
    target.mkdir()
    (target / "map.yaml").write_text(MAP, encoding="utf-8")
    head = "subject_id\tpredicate_id\tobject_id\tmapping_justification\n"
    rows = [f"{name}\tskos:exactMatch\t{term}\tsemapv:ManualMappingCuration\n" for name, term in DECISIONS.items()]
    (target / "mapping.sssom.tsv").write_text(head + "".join(rows), encoding="utf-8")
    return target


def make_rml(folder: Path, table: Path) -> Path:
    """The mapping of the peer, its table of codes, and its settings."""
    with table.open(encoding="utf-8") as rows, (folder / "stages.csv").open("w", encoding="utf-8", newline="") as kept:
        # RML has no "only where": the rows with a stage are handed to it as a table of their own
        chosen = csv.writer(kept)
        reader = csv.reader(rows)
        chosen.writerow(next(reader))
        chosen.writerows(row for row in reader if row[4])
    codes = [f"{name.partition('/')[2]},{term.partition(':C')[2]}" for name, term in DECISIONS.items() if "/" in name]
    (folder / "codes.csv").write_text("\n".join(["stage,code", *(row.replace(",", ",C") for row in codes)]) + "\n")
    files = {"table": table, "stages": folder / "stages.csv", "codes": folder / "codes.csv"}
    text = PREFIXES
    for name, (file, node, classes, objects) in TRIPLES_MAPS.items():
        source = f'rml:source "{files[file]}" ; rml:referenceFormulation ql:CSV'
        about = (
            f'rr:template "{node}"' + (f" ; rr:class {classes}" if classes else "") + f" ; rr:graph <{NS}id/graph/big>"
        )
        text += f"<#{name}> rml:logicalSource [ {source} ] ;\n  rr:subjectMap [ {about} ]"
        for predicate, made in objects.items():
            text += f" ;\n  rr:predicateObjectMap [ rr:predicate {predicate} ; rr:objectMap [ {made} ] ]"
        text += " .\n"
    (folder / "map.ttl").write_text(text, encoding="utf-8")
    settings = folder / "morph.ini"
    settings.write_text(
        f"[CONFIGURATION]\noutput_file={folder}/out.nq\noutput_format=N-QUADS\nna_values=NA\nlogging_level=WARNING\n"
        f"number_of_processes={os.cpu_count() or 1}\n[DataSource]\nmappings={folder}/map.ttl\n",
        encoding="utf-8",
    )
    return settings


PEER = """
import sys, time
import pyoxigraph as ox
store = ox.Store(sys.argv[1])
store.bulk_load(path=sys.argv[2], format=ox.RdfFormat.N_QUADS, lenient=True)
print(len(store))
"""


@dataclass(frozen=True)
class Measured:
    """Seconds, peak memory in bytes, and quads."""

    seconds: float
    peak: int
    quads: int


def watched(command: list[str], environment: dict[str, str] | None = None) -> tuple[float, int, str]:
    """Run a command; seconds, the peak of memory of all its processes, and what it printed."""
    started = time.perf_counter()
    running = subprocess.Popen(command, env={**os.environ, **(environment or {})}, stdout=subprocess.PIPE, text=True)
    memory = Memory(running.pid)
    said, _ = running.communicate()
    if running.returncode:
        raise SystemExit(f"{command[0]} ended with {running.returncode}")
    return time.perf_counter() - started, memory.end(), said


def ours(table: Path, mapping: Path, home: Path) -> Measured:
    """From the command to the published generation."""
    command = [sys.executable, "-m", "api.cli", "ingest", str(table), "--collection", "big", "--mapping", str(mapping)]
    seconds, peak, _ = watched(command, {"QILIN_HOME": str(home)})
    return Measured(seconds, peak, json.loads((home / "current/manifest.json").read_text())["quads"])


def theirs(python: Path, settings: Path, folder: Path) -> tuple[Measured, float]:
    """morph-kgc to N-Quads, then ``bulk_load`` of them; and the seconds of the load alone."""
    mapped, first, _ = watched([str(python), "-m", "morph_kgc", str(settings)])
    loaded, second, said = watched([sys.executable, "-c", PEER, str(folder / "peer"), str(folder / "out.nq")])
    return Measured(mapped + loaded, max(first, second), int(said)), loaded


def environment_of(folder: Path) -> Path:
    """The Python of an environment with morph-kgc in it."""
    place = folder / "morph"
    subprocess.run([sys.executable, "-m", "uv", "venv", "--quiet", str(place)], check=True)
    python = place / "bin" / "python"
    subprocess.run(
        [sys.executable, "-m", "uv", "pip", "install", "--quiet", "--python", str(python), "morph-kgc"], check=True
    )
    return python


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", type=int, default=[100_000, 1_000_000])
    parser.add_argument("--morph", type=Path, help="the Python of an environment that has morph-kgc; else one is made")
    chosen = parser.parse_args()
    for rows in chosen.rows:
        folder = Path(tempfile.mkdtemp(prefix="qilin-bench-"))
        try:
            python = chosen.morph or environment_of(folder)
            table = folder / "table.csv"
            make_table(table, rows)
            settings, mapping = make_rml(folder, table), make_map(folder)
            mine = ours(table, mapping, folder / "home")
            peer, loading = theirs(python, settings, folder)
        finally:
            shutil.rmtree(folder)
        print(f"{rows:,} rows")
        print(f"qilin ingest: {show(mine, rows)}")
        print(f"morph-kgc and bulk_load: {show(peer, rows)}; of which bulk_load {loading:.1f} s")
        print(f"ratio: {mine.seconds / peer.seconds:.2f}", flush=True)


def show(measured: Measured, rows: int) -> str:
    """A measurement in words."""
    return (
        f"{measured.seconds:.1f} s, {rows / measured.seconds:,.0f} rows/s, {measured.quads:,} quads, "
        f"peak memory {measured.peak / 2**30:.2f} GiB"
    )


if __name__ == "__main__":
    main()
