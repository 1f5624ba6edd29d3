"""Builds the demonstration warehouse: catalogues of public collections, and the synthetic cohort beside them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from api.demo import COLLECTION, write_demo
from ingest.run import Job, Progress, Report, run
from store.warehouse import Warehouse

__all__ = ["PUBLIC_COLLECTIONS", "build_demo", "what_to_try"]

PUBLIC_COLLECTIONS = (
    "acrin_flt_breast",
    "hcc_tace_seg",
    "ispy1",
    "nsclc_radiogenomics",
    "nsclc_radiomics",
    "qin_breast",
    "qin_breast_02",
    "qin_breast_dce_mri",
    "qin_lung_ct",
    "qin_pet_phantom",
    "qin_prostate_repeatability",
    "qin_sarcoma",
    "soft_tissue_sarcoma",
)
"""The public collections whose image catalogues stand in the demonstration: those of the QIN, and some of its kin."""


def build_demo(warehouse: Warehouse, seed: int, progress: Progress | None = None) -> Report:
    """Write the synthetic cohort's files into the data folder and ingest them with the public catalogues, in one run.

    Done again, nothing is read twice.
    """
    progress = progress or Progress()
    progress.stage("writing the synthetic cohort")
    files = write_demo(warehouse.home.root / "demo-files", seed)
    jobs = [
        Job(locators=(f"idc://{','.join(PUBLIC_COLLECTIONS)}",), collection="idc", audience="public"),
        Job(locators=files.locators, collection=COLLECTION, audience="public"),
    ]
    return run(warehouse, jobs, progress)


def what_to_try(port: int) -> str:
    """What a newcomer may do next, with the command as it was called."""
    here = f"http://127.0.0.1:{port}"
    called = Path(sys.argv[0])
    qilin = called if not called.is_absolute() else os.path.relpath(called)
    return f"""
The demonstration warehouse is ready (the collection {COLLECTION} is synthetic). Try:

  {here}/subjects/{COLLECTION}/QD-001    a subject's timeline
  {here}/queries                         curated queries across images, annotations and clinical data
  {here}/sparql                          SPARQL 1.1
  {qilin} query lesion-diameters --param subject=QD-001
  {qilin} sparql 'SELECT ?c (COUNT(?s) AS ?subjects) {{ ?s a q:Subject ; q:collection ?c }} GROUP BY ?c'
  {qilin} --help

Stop the server with Ctrl-C.
"""
