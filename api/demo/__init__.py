"""The demonstration data: a made-up cohort as the files that a site has, the same for the same seed.

`write_demo` writes them; `api.demo.cohort.make` is the truth that they were written from. Everything is synthetic.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from api.demo.aim_files import write_aim
from api.demo.cohort import SEED, make
from api.demo.dicom_files import write_dicom
from api.demo.model import Patient
from api.demo.redcap_files import write_redcap
from api.demo.table_files import write_labs, write_lesions, write_treatments

__all__ = ["COLLECTION", "SEED", "DemoFiles", "write_demo"]

COLLECTION = "qilin_demo"
"""The collection that the demonstration warehouse puts the files in; the table maps of the demo are for it."""

README = """SYNTHETIC DATA

Everything in this folder was made up by a program ("qilin demo", seed {seed}). No person, no scan, no hospital
and no treatment in it exists. Use it to try the software out, never to learn about a disease.

{subjects} subjects QD-001 ... with lung, breast and colorectal cancer; all dates are on one made-up calendar.

dicom/            {images} DICOM headers without pixel data: CT, PET/CT with FDG, dynamic contrast-enhanced MRI
aim/              {annotations} AIM 4 documents: lesions over time, measured by two readers
lesions_breast.xlsx          the lesion spreadsheet of the breast MRI readings of one reader
redcap_data.csv              REDCap export (raw): demographics, disease, biomarkers, follow-up, response
redcap_dictionary.csv        its data dictionary
labs.csv                     laboratory values
treatments.csv               treatments with start and stop
"""

FACTS = """# SYNTHETIC DATA, made by "qilin demo"
title: Qilin demonstration cohort (synthetic)
description: {subjects} made-up subjects with images, annotations and clinical data, seed {seed}; no person is in it.
license: CC0-1.0
cancer_type: Lung, breast and colorectal cancer
synthetic: true
"""


@dataclass(frozen=True, slots=True)
class DemoFiles:
    """Where the demonstration files stand, and the truth that they were written from."""

    folder: Path
    dicom: Path
    aim: Path
    lesions: Path
    redcap: Path
    dictionary: Path
    labs: Path
    treatments: Path
    readme: Path
    facts: Path
    patients: tuple[Patient, ...]
    images: int
    annotations: int

    @property
    def locators(self) -> tuple[str, ...]:
        """What there is to ingest, in the order of a site's day: images, annotations, then tables."""
        places = (
            self.facts,
            self.dicom,
            self.aim,
            self.lesions,
            self.redcap,
            self.dictionary,
            self.labs,
            self.treatments,
        )
        return tuple(map(str, places))


def write_demo(folder: Path, seed: int = SEED, subjects: int = 40) -> DemoFiles:
    """Write the demonstration files into a folder, which is made where it does not exist.

    The same seed and number of subjects give the same bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    patients = make(seed, subjects)
    dicom, aim = folder / "dicom", folder / "aim"
    files = DemoFiles(
        folder=folder,
        dicom=dicom,
        aim=aim,
        lesions=folder / "lesions_breast.xlsx",
        redcap=folder / "redcap_data.csv",
        dictionary=folder / "redcap_dictionary.csv",
        labs=folder / "labs.csv",
        treatments=folder / "treatments.csv",
        readme=folder / "README.txt",
        facts=folder / "collection.yaml",
        patients=patients,
        images=sum(write_dicom(patient, dicom, seed) for patient in patients),
        annotations=sum(write_aim(patient, aim, seed) for patient in patients),
    )
    write_lesions(patients, files.lesions, seed)
    write_redcap(patients, files.redcap, files.dictionary, seed)
    write_labs(patients, files.labs)
    write_treatments(patients, files.treatments, seed)
    text = README.format(seed=seed, subjects=subjects, images=files.images, annotations=files.annotations)
    files.readme.write_text(text, encoding="utf-8")
    files.facts.write_text(FACTS.format(seed=seed, subjects=subjects), encoding="utf-8")
    return files
