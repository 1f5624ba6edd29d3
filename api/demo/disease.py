"""The cancers of the demonstration cohort: where they grow, how they are treated, how often they respond."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ontology.prefixes import Curie
from ontology.terms import ncit, radlex

__all__ = ["CANCERS", "CYCLE", "DRUGS", "ORGANS", "Cancer", "CancerKind", "Course", "Drug", "Organ", "Regimen"]


class CancerKind(StrEnum):
    """The cancers that the cohort has."""

    ADENO = "lung adenocarcinoma"
    SQUAMOUS = "lung squamous cell carcinoma"
    BREAST = "breast carcinoma"
    COLORECTAL = "colorectal adenocarcinoma"


class Course(StrEnum):
    """How the tumours of a subject take their first treatment."""

    CLEARS = "clears"
    SHRINKS = "shrinks"
    HOLDS = "holds"
    GROWS = "grows"


@dataclass(frozen=True, slots=True)
class Organ:
    """Where a lesion lies, as the two readers code it and as the spreadsheet writes it."""

    written: str
    ncit: Curie
    radlex: Curie
    nodal: bool = False


ORGANS: dict[str, Organ] = {
    "rul": Organ("RUL", ncit.UPPER_LOBE_OF_THE_RIGHT_LUNG, radlex.UPPER_LOBE_OF_RIGHT_LUNG),
    "rll": Organ("RLL", ncit.LOWER_LOBE_OF_THE_RIGHT_LUNG, radlex.LOWER_LOBE_OF_RIGHT_LUNG),
    "lul": Organ("LUL", ncit.UPPER_LOBE_OF_THE_LEFT_LUNG, radlex.UPPER_LOBE_OF_LEFT_LUNG),
    "lll": Organ("LLL", ncit.LOWER_LOBE_OF_THE_LEFT_LUNG, radlex.LOWER_LOBE_OF_LEFT_LUNG),
    "mediastinum": Organ("mediastinal LN", ncit.MEDIASTINAL_LYMPH_NODE, radlex.MEDIASTINAL_LYMPH_NODE, nodal=True),
    "axilla": Organ("axillary LN", ncit.AXILLARY_LYMPH_NODE, radlex.AXILLARY_LYMPH_NODE, nodal=True),
    "adrenal": Organ("adrenal", ncit.ADRENAL_GLAND, radlex.ADRENAL_GLAND),
    "liver": Organ("liver", ncit.LIVER, radlex.LIVER),
    "bone": Organ("bone", ncit.BONE, radlex.BONE_ORGAN),
    "brain": Organ("brain", ncit.BRAIN, radlex.BRAIN),
    "breast": Organ("breast", ncit.BREAST, radlex.BREAST),
    "colon": Organ("colon", ncit.COLON, radlex.COLON),
}


@dataclass(frozen=True, slots=True)
class Drug:
    """A treatment and the dose that is usual for it; ``unit`` as charts write it."""

    concept: Curie
    dose: str
    unit: str


DRUGS: dict[str, Drug] = {
    "Carboplatin": Drug(ncit.CARBOPLATIN, "5", "AUC"),
    "Cisplatin": Drug(ncit.CISPLATIN, "75", "mg/m2"),
    "Pemetrexed": Drug(ncit.PEMETREXED, "500", "mg/m2"),
    "Paclitaxel": Drug(ncit.PACLITAXEL, "80", "mg/m2"),
    "Docetaxel": Drug(ncit.DOCETAXEL, "75", "mg/m2"),
    "Pembrolizumab": Drug(ncit.PEMBROLIZUMAB, "200", "mg"),
    "Nivolumab": Drug(ncit.NIVOLUMAB, "240", "mg"),
    "Durvalumab": Drug(ncit.DURVALUMAB, "10", "mg/kg"),
    "Erlotinib": Drug(ncit.ERLOTINIB, "150", "mg"),
    "Osimertinib": Drug(ncit.OSIMERTINIB, "80", "mg"),
    "Alectinib": Drug(ncit.ALECTINIB, "600", "mg"),
    "Etoposide": Drug(ncit.ETOPOSIDE, "50", "mg/m2"),
    "Thoracic radiotherapy": Drug(ncit.RADIATION_THERAPY, "60", "Gy"),
    "Doxorubicin": Drug(ncit.DOXORUBICIN, "60", "mg/m2"),
    "Cyclophosphamide": Drug(ncit.CYCLOPHOSPHAMIDE, "600", "mg/m2"),
    "Trastuzumab": Drug(ncit.TRASTUZUMAB, "6", "mg/kg"),
    "Pertuzumab": Drug(ncit.PERTUZUMAB, "420", "mg"),
    "Tamoxifen": Drug(ncit.TAMOXIFEN, "20", "mg"),
    "Oxaliplatin": Drug(ncit.OXALIPLATIN, "85", "mg/m2"),
    "Leucovorin": Drug(ncit.LEUCOVORIN, "400", "mg/m2"),
    "Fluorouracil": Drug(ncit.FLUOROURACIL, "2400", "mg/m2"),
    "Bevacizumab": Drug(ncit.BEVACIZUMAB, "5", "mg/kg"),
    "Cetuximab": Drug(ncit.CETUXIMAB, "500", "mg/m2"),
    "Irinotecan": Drug(ncit.IRINOTECAN, "180", "mg/m2"),
}


@dataclass(frozen=True, slots=True)
class Regimen:
    """Drugs given together: each with its first day and its last, or None where it goes on until progression."""

    name: str
    parts: tuple[tuple[str, int, int | None], ...]


@dataclass(frozen=True, slots=True)
class Cancer:
    """One cancer: where it starts and spreads to, when it is imaged, what share of subjects takes which course.

    ``visits`` are days from the first treatment; ``hazard`` is the median number of days from progression to death.
    """

    diagnosis: Curie
    written: tuple[str, ...]
    primary: tuple[str, ...]
    spread: tuple[str, ...]
    modality: str
    visits: tuple[int, ...]
    courses: tuple[tuple[Course, int], ...]
    hazard: int


EIGHT_WEEKS = (56, 112, 168, 224, 280, 336)
LOBES = ("rul", "rul", "lul", "lul", "rll", "lll")
LUNG_COURSES = ((Course.CLEARS, 2), (Course.SHRINKS, 9), (Course.HOLDS, 7), (Course.GROWS, 4))

CANCERS: dict[CancerKind, Cancer] = {
    CancerKind.ADENO: Cancer(
        ncit.LUNG_ADENOCARCINOMA,
        ("Adenocarcinoma", "adenocarcinoma", "Adenocarcinoma"),
        LOBES,
        ("mediastinum", "adrenal", "liver", "bone", "brain", "mediastinum"),
        "CT",
        EIGHT_WEEKS,
        LUNG_COURSES,
        300,
    ),
    CancerKind.SQUAMOUS: Cancer(
        ncit.LUNG_SQUAMOUS_CELL_CARCINOMA,
        ("Squamous cell carcinoma", "squamous cell ca"),
        LOBES,
        ("mediastinum", "mediastinum", "liver", "bone", "adrenal"),
        "CT",
        EIGHT_WEEKS,
        LUNG_COURSES,
        210,
    ),
    CancerKind.BREAST: Cancer(
        ncit.INVASIVE_BREAST_CARCINOMA,
        ("Invasive breast carcinoma", "Invasive Breast carcinoma"),
        ("breast",),
        ("axilla",),
        "MR",
        (21, 84, 147),
        ((Course.CLEARS, 3), (Course.SHRINKS, 5), (Course.HOLDS, 2), (Course.GROWS, 1)),
        900,
    ),
    CancerKind.COLORECTAL: Cancer(
        ncit.COLORECTAL_ADENOCARCINOMA,
        ("Colorectal adenocarcinoma",),
        ("liver",),
        ("liver", "rll", "liver", "lul"),
        "CT",
        EIGHT_WEEKS,
        ((Course.SHRINKS, 5), (Course.HOLDS, 3), (Course.GROWS, 2)),
        420,
    ),
}

_A, _S, _B, _C = CancerKind.ADENO, CancerKind.SQUAMOUS, CancerKind.BREAST, CancerKind.COLORECTAL

CYCLE: tuple[CancerKind, ...] = (_A, _S, _B, _A, _C, _A, _B, _A, _S, _B, _A, _C, _A, _B, _S, _A, _A, _B, _C, _S)
"""The order in which cancers are enrolled: 8 and 4 of the lung, 5 of the breast and 3 of the colon in 20 subjects."""
