"""The clinical data of the demonstration cohort as a REDCap project: raw export and data dictionary.

One record a subject; the response to treatment is a repeating instrument with one instance for each assessment.
"""

from __future__ import annotations

import csv
import datetime as dt
from collections.abc import Iterator, Sequence
from pathlib import Path

from api.demo.disease import CancerKind
from api.demo.model import Patient, Role, Seen, chance
from mappings.form_redcap import COLUMNS

__all__ = ["FIELDS", "write_redcap"]

RECIST = "1, Complete response (CR) | 2, Partial response (PR) | 3, Stable disease (SD) | 4, Progressive disease (PD) | 5, Not evaluable (NE)"  # noqa: E501
MARKER = "1, Positive | 0, Negative | 9, Not tested"
YES_NO = "1, Yes | 0, No"
STAGES = ("IIA", "IIB", "IIIA", "IIIB", "IVA", "IVB")


def _choices(labels: Sequence[str], start: int = 1) -> str:
    """Choices as a data dictionary writes them."""
    return " | ".join(f"{number}, {label}" for number, label in enumerate(labels, start))


RACES = ("White", "Black or African American", "Asian", "Unknown")
SMOKING = ("Never", "Former", "Current")
SITES = {"1": "bone", "2": "brain", "3": "liver", "4": "adrenal", "5": "lung"}
"""The checkbox of metastatic sites: the choice and where lesions of the cohort lie."""

FIELDS: tuple[tuple[str, str, str, str, str, str], ...] = (
    ("record_id", "demographics", "text", "Study ID (synthetic)", "", ""),
    ("date_registered", "demographics", "text", "Date of registration", "", "date_ymd"),
    ("age_dx", "demographics", "text", "Age at diagnosis (years)", "", "integer"),
    ("sex", "demographics", "radio", "Sex", "1, Male | 2, Female", ""),
    ("race", "demographics", "dropdown", "Race", _choices(RACES), ""),
    ("ethnicity", "demographics", "radio", "Ethnicity", "0, Not Hispanic or Latino | 1, Hispanic or Latino", ""),
    ("smoking", "demographics", "radio", "Smoking status", _choices(SMOKING, 0), ""),
    ("pack_years", "demographics", "text", "Pack years", "", "number"),
    ("weight_kg", "demographics", "text", "Weight at registration (kg)", "", "number"),
    ("dx_date", "disease", "text", "Date of diagnosis (as far as known)", "", ""),
    ("histology", "disease", "text", "Histology (from the pathology report)", "", ""),
    ("laterality", "disease", "radio", "Side of the primary", "1, Left | 2, Right", ""),
    ("stage", "disease", "dropdown", "Stage at registration (AJCC 8)", _choices([f"Stage {s}" for s in STAGES]), ""),
    ("t_stage", "disease", "dropdown", "T", "1, T1 | 2, T2 | 3, T3 | 4, T4", ""),
    ("n_stage", "disease", "dropdown", "N", "0, N0 | 1, N1 | 2, N2 | 3, N3", ""),
    ("m_stage", "disease", "dropdown", "M", "0, M0 | 1, M1", ""),
    (
        "mets",
        "disease",
        "checkbox",
        "Metastatic sites at registration",
        "1, Bone | 2, Brain | 3, Liver | 4, Adrenal | 5, Lung",
        "",
    ),
    ("ecog", "disease", "radio", "ECOG performance status", "0, 0 | 1, 1 | 2, 2 | 3, 3 | 4, 4", ""),
    ("egfr", "biomarkers", "radio", "EGFR mutation", MARKER, ""),
    ("kras", "biomarkers", "radio", "KRAS mutation", MARKER, ""),
    ("alk", "biomarkers", "radio", "ALK rearrangement", MARKER, ""),
    ("pdl1_tps", "biomarkers", "text", "PD-L1 tumour proportion score (%)", "", ""),
    ("er", "biomarkers", "radio", "Estrogen receptor", MARKER, ""),
    ("pr", "biomarkers", "radio", "Progesterone receptor", MARKER, ""),
    ("her2", "biomarkers", "radio", "HER2", MARKER, ""),
    ("ki67", "biomarkers", "text", "Ki-67 (%)", "", "number"),
    ("surgery_date", "follow_up", "text", "Date of breast surgery", "", "date_ymd"),
    ("pcr", "follow_up", "yesno", "Pathologic complete response", "", ""),
    ("best_response", "follow_up", "dropdown", "Best overall response (RECIST 1.1, unconfirmed)", RECIST, ""),
    ("progression_date", "follow_up", "text", "Date of first progression", "", "date_ymd"),
    ("pfs_days", "follow_up", "text", "Progression-free survival (days from registration)", "", "integer"),
    ("pfs_event", "follow_up", "yesno", "Progressed or died", "", ""),
    ("vital_status", "follow_up", "radio", "Vital status", "0, Alive | 1, Dead", ""),
    ("last_contact", "follow_up", "text", "Date of death or last contact", "", "date_ymd"),
    ("os_days", "follow_up", "text", "Overall survival (days from registration)", "", "integer"),
    ("resp_visit", "response", "text", "Imaging visit", "", "integer"),
    ("resp_date", "response", "text", "Date of assessment", "", "date_ymd"),
    ("resp_sum", "response", "text", "Sum of diameters of target lesions (mm)", "", "number"),
    ("resp_recist", "response", "dropdown", "Overall response (RECIST 1.1)", RECIST, ""),
)
"""Name, form, type, label, choices, validation."""

FORMS = ("demographics", "disease", "biomarkers", "follow_up", "response")


def write_redcap(patients: Sequence[Patient], data: Path, dictionary: Path, seed: int) -> None:
    """Write the raw export and the data dictionary."""
    with dictionary.open("w", encoding="utf-8", newline="") as handle:
        rows = csv.writer(handle, lineterminator="\n")
        rows.writerow(COLUMNS)
        for name, form, kind, label, choices, validation in FIELDS:
            rows.writerow([name, form, "", kind, label, choices, "", validation, *[""] * 10])
    header = _header()
    with data.open("w", encoding="utf-8", newline="") as handle:
        table = csv.DictWriter(handle, header, restval="", lineterminator="\n")
        table.writeheader()
        for patient in patients:
            table.writerow(_record(patient, seed))
            table.writerows(_responses(patient))


def _header() -> list[str]:
    """The columns of a raw export: checkboxes in one column a choice, and a status after each form."""
    columns = ["record_id", "redcap_repeat_instrument", "redcap_repeat_instance"]
    for form in FORMS:
        for name, owner, kind, *_ in FIELDS:
            if owner == form and name != "record_id":
                columns += [f"{name}___{choice}" for choice in SITES] if kind == "checkbox" else [name]
        columns.append(f"{form}_complete")
    return columns


def _record(patient: Patient, seed: int) -> dict[str, object]:
    """The row of a subject itself."""
    return {
        "record_id": patient.name,
        **_demographics(patient),
        **_disease(patient, seed),
        **_biomarkers(patient),
        **_follow_up(patient),
        **{f"{form}_complete": 2 for form in FORMS if form != "response"},
    }


def _demographics(patient: Patient) -> dict[str, object]:
    person = patient.person
    return {
        "date_registered": person.registered.isoformat(),
        "age_dx": person.age,
        "sex": 1 if person.sex == "Male" else 2,
        "race": RACES.index(person.race) + 1,
        "ethnicity": int(person.hispanic),
        "smoking": SMOKING.index(person.smoking),
        "pack_years": person.pack_years,
        "weight_kg": person.weight,
    }


def _disease(patient: Patient, seed: int) -> dict[str, object]:
    person = patient.person
    rng = chance(seed, patient.name, "form")
    tumour, node, metastasis = (stage[1] for stage in patient.tnm)
    first = [lesion for lesion in patient.lesions[1:] if lesion.role is not Role.NEW]
    colorectal = person.cancer is CancerKind.COLORECTAL
    places = {lesion.site for lesion in (patient.lesions if colorectal else first) if lesion.role is not Role.NEW}
    sites = {"lung" if place in {"rul", "rll", "lul", "lll"} else place for place in places}
    known = person.diagnosed.isoformat()
    return {
        "dx_date": known[:7] if rng.random() < 0.15 else known,
        "histology": rng.choice(person.about.written),
        "laterality": {"Left": 1, "Right": 2, "": ""}[patient.side],
        "stage": STAGES.index(patient.stage) + 1,
        "t_stage": tumour,
        "n_stage": node,
        "m_stage": metastasis,
        **{f"mets___{choice}": int(site in sites and metastasis == "1") for choice, site in SITES.items()},
        "ecog": person.ecog,
    }


def _biomarkers(patient: Patient) -> dict[str, object]:
    """Results as codes; empty where that cancer is never tested for the marker."""
    marks = patient.person.biomarkers
    signs = {"positive": 1, "negative": 0, "": 9}
    coded: dict[str, object] = {
        name: signs[marks[name]] for name in ("egfr", "kras", "alk", "er", "pr", "her2") if name in marks
    }
    return {**coded, "pdl1_tps": marks.get("pdl1", ""), "ki67": marks.get("ki67", "")}


def _follow_up(patient: Patient) -> dict[str, object]:
    return {
        "surgery_date": _day(patient.surgery),
        "pcr": "" if patient.cleared is None else int(patient.cleared),
        "best_response": _choice(patient.best.value),
        "progression_date": _day(patient.progressed),
        "pfs_days": patient.progression_free,
        "pfs_event": int(patient.progressed is not None or patient.died),
        "vital_status": int(patient.died),
        "last_contact": patient.last_contact.isoformat(),
        "os_days": patient.survival,
    }


def _responses(patient: Patient) -> Iterator[dict[str, object]]:
    """One instance of the repeating instrument for each of the investigator's assessments."""
    own = [item for item in patient.assessments if item.reader is Seen.A]
    for instance, item in enumerate(own, start=1):
        yield {
            "record_id": patient.name,
            "redcap_repeat_instrument": "response",
            "redcap_repeat_instance": instance,
            "resp_visit": item.visit,
            "resp_date": patient.visit(item.visit).date.isoformat(),
            "resp_sum": item.total if item.category.value != "NE" else "NA",
            "resp_recist": _choice(item.category.value),
            "response_complete": 2,
        }


def _choice(category: str) -> str:
    """The choice of a response category."""
    return next(
        choice.split(",")[0].strip() for choice in RECIST.split("|") if choice.strip().endswith(f"({category})")
    )


def _day(date: dt.date | None) -> str:
    return date.isoformat() if date else ""
