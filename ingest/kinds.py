"""The kinds of source that this house reads, in the order in which they are asked whether a locator is theirs.

A module of its own, since the readers' imports are heavy: `ingest.sources` imports it when a kind is first asked for.
"""

from __future__ import annotations

from ingest import (
    biotab,
    cbioportal,
    collection_file,
    dcmqi,
    filemaker,
    forms,
    gdc,
    radiomics,
    rwv,
    sas,
    sql,
    subjects_file,
)
from ingest.aim import reader as aim
from ingest.archives import dicomweb, dimse, idc, nbia, tcia_manifest, xnat
from ingest.base import Source
from ingest.dicom import reader as dicom
from ingest.fhir import reader as fhir
from ingest.odm import reader as odm
from ingest.redcap import reader as redcap
from ingest.rt import reader as rt
from ingest.seg import reader as seg
from ingest.slicer import reader as slicer
from ingest.sr import reader as sr
from ingest.table import reader as table
from ingest.volumes import nrrd, parrec

__all__ = ["KINDS"]

KINDS: tuple[Source, ...] = (
    idc.SOURCE,
    nbia.ARCHIVE,  # before the reader of all other archives
    nbia.SOURCE,
    tcia_manifest.SOURCE,
    dicomweb.SOURCE,
    dimse.SOURCE,
    collection_file.SOURCE,
    subjects_file.SOURCE,
    sr.SOURCE,  # this and the next before the reader of all other DICOM files
    seg.SOURCE,
    rt.SOURCE,
    rwv.SOURCE,
    dicom.SOURCE,
    xnat.SOURCE,
    aim.SOURCE,
    dcmqi.SOURCE,
    parrec.SOURCE,
    nrrd.SOURCE,  # before the reader of label maps
    slicer.SOURCE,
    radiomics.SOURCE,
    fhir.SOURCE,
    odm.SOURCE,
    redcap.SOURCE,
    forms.SOURCE,
    filemaker.SOURCE,
    sas.SOURCE,
    sql.SOURCE,
    gdc.SOURCE,
    cbioportal.SOURCE,
    biotab.SOURCE,
    table.SOURCE,
)
