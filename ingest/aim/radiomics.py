"""PyRadiomics' features in annotations: what each is of, and how it was computed.

ePAD writes the output of PyRadiomics as one calculation a feature, named as PyRadiomics names it: image type, class and
feature, such as ``wavelet-LLL_glcm_Contrast``. The code mappings know the names on the original image; on a filtered
image a feature is of the same variable, and its procedure says of which image. What PyRadiomics says of itself
(``diagnostics_Versions_…``, ``diagnostics_Configuration_…``) makes the procedure; what it says of its image and mask in
tuples and hashes is no measurement, and stays in the document. The numbers come without units: PyRadiomics computes
shapes in millimetres (https://pyradiomics.readthedocs.io/en/latest/features.html).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from ingest.aim.model import Calculation
from mappings.codes import Codes, scheme_of
from ontology import records
from ontology.prefixes import Curie
from ontology.units import normalise
from ontology.variables import variables

__all__ = ["Feature", "Radiomics"]

NAME: Final = re.compile(
    r"(?P<image>[A-Za-z][\w.-]*?)_(?P<kind>firstorder|shape2?D?|glcm|glrlm|glszm|gldm|ngtdm)_(?P<feature>\w+)"
)

ORIGINAL: Final = "original"

SETTINGS: Final = re.compile(r"diagnostics_(?:Versions|Configuration)_\w+")

DIAGNOSTICS: Final = "diagnostics_"

PYRADIOMICS: Final = "pyradiomics"

VERSION: Final = "diagnostics_Versions_PyRadiomics"

NO_UNIT: Final = "1"


@dataclass(frozen=True, slots=True)
class Feature:
    """A feature: its variable where the mappings have it, and the procedure that made it."""

    variable: Curie | None
    procedure: records.Procedure | None
    setting: bool = False
    """Whether it is no feature, but says how features were computed."""

    def unit(self, stated: str) -> str:
        """The unit of the value: PyRadiomics' own, in millimetres, where none is stated."""
        registered = variables().get(self.variable) if self.variable is not None else None
        none_stated = not stated.strip() or normalise(stated) == NO_UNIT
        return registered.unit or stated if registered is not None and none_stated else stated


def _named(calculation: Calculation) -> str:
    return calculation.codes[0].meaning if calculation.codes else ""


@lru_cache(maxsize=4)
def _by_name(codes: Codes) -> dict[tuple[str, str], str]:
    """The codes of features on the original image by scheme and name, as the mappings have them."""
    return {
        (row.subject.partition(":")[0], row.subject_label): row.subject.partition(":")[2]
        for row in codes.rows
        if row.subject_label.startswith(f"{ORIGINAL}_") and NAME.fullmatch(row.subject_label)
    }


class Radiomics:
    """The features of one annotation, whose calculations together say how they were computed."""

    def __init__(self, calculations: Iterable[Calculation], codes: Codes) -> None:
        self._codes = codes
        told = {
            name: calculation.cells[0].text
            for calculation in calculations
            if SETTINGS.fullmatch(name := _named(calculation)) and calculation.cells
        }
        self._version = told.get(VERSION)
        text = "\0".join(f"{name}\0{value}" for name, value in sorted(told.items()))
        self._settings = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:12] if told else None

    def feature(self, calculation: Calculation) -> Feature | None:
        """What a calculation is of by PyRadiomics' names; None where it is none of its."""
        name, software = _named(calculation), calculation.software
        if software is None or software.name.casefold() != PYRADIOMICS:
            return None
        if name.startswith(DIAGNOSTICS) and not _is_number(calculation):
            return Feature(None, None, setting=True)
        found = NAME.fullmatch(name)
        if found is None:
            return Feature(None, self._procedure(None, software.version))
        variable = self._variable(calculation.codes[0].scheme, f"{ORIGINAL}_{found['kind']}_{found['feature']}")
        return Feature(variable, self._procedure(found["image"], software.version))

    def _variable(self, designator: str, name: str) -> Curie | None:
        """The variable of a feature by its name on the original image, which has a code of its own."""
        scheme = scheme_of(designator)
        code = _by_name(self._codes).get((scheme.name, name)) if scheme is not None else None
        return self._codes.canonical(code, designator, name) if code is not None else None

    def _procedure(self, image: str | None, version: str) -> records.Procedure:
        """One procedure for each image type of one configuration."""
        told = (("image", image), ("settings", self._settings))
        settings = "; ".join(f"{name} {value}" for name, value in told if value) or None
        whole = f"{PYRADIOMICS}\0{self._version or version}\0{settings}"
        return records.Procedure(
            key=f"pyradiomics-{hashlib.sha256(whole.encode('utf-8', 'replace')).hexdigest()[:16]}",
            software="PyRadiomics",
            version=self._version or version or None,
            settings=settings,
        )


def _is_number(calculation: Calculation) -> bool:
    """Whether a diagnostic is a single number, such as that of voxels, and no version, setting or tuple."""
    if SETTINGS.fullmatch(_named(calculation)):
        return False
    return all(re.fullmatch(r"[+-]?\d+(\.\d+)?([eE][+-]?\d+)?", cell.text) for cell in calculation.cells)
