"""The kind of an acquisition by stated rules: a table, of which the first rule that holds decides and is named.

A kind is given only where a header says it; the free text of descriptions and protocol names decides nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Final, NamedTuple

from ontology.prefixes import Curie
from ontology.records import Scalar
from ontology.terms import ncit, q

__all__ = ["RULES", "Rule", "SeriesFacts", "acquisition_of"]

SPECTROSCOPY: Final = "1.2.840.10008.5.1.4.1.1.4.2"
TOMOSYNTHESIS: Final = frozenset({"1.2.840.10008.5.1.4.1.1.13.1.3", "1.2.840.10008.5.1.4.1.1.13.1.4",
                                  "1.2.840.10008.5.1.4.1.1.13.1.5"})  # fmt: skip
"""MR Spectroscopy Storage; Breast Tomosynthesis, Breast Projection X-Ray (for presentation, processing) (PS3.4 B.5)."""

ENHANCED_PET: Final = ("1.2.840.10008.5.1.4.1.1.130", "1.2.840.10008.5.1.4.1.1.128.1")
"""Enhanced and Legacy Converted Enhanced PET Image Storage (PS3.4 B.5)."""

MAPS: Final = ("ADC", "FA", "TRACEW_ADC", "EADC", "T1 MAP", "T1_MAP", "T2 MAP", "T2_MAP", "PERFUSION")
PROTON: Final = ("1H", "H1", "H")
ENHANCED_SEQUENCES: Final = {
    "SE": ("EchoPulseSequence", "SPIN", "BOTH"),
    "GR": ("EchoPulseSequence", "GRADIENT", "BOTH"),
    "EP": ("EchoPlanarPulseSequence", "YES"),
}
"""The attribute of enhanced MR objects, and its values, for a scanning sequence of single images."""
SODIUM: Final = ("23NA", "NA23", "23Na", "Na23", "NA", "Na")
TENSOR: Final = 6
"""The directions that a diffusion tensor takes at least."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesFacts:
    """What the rules look at."""

    modality: str
    contrast: bool = False
    """Whether a contrast agent is stated as given."""
    plain: bool = False
    """Whether it is stated that none was given."""
    repeats: int = 0
    """How often each slice position was acquired with the same settings."""
    directions: int = 0
    """How many directions of diffusion gradients there are."""
    body_part: Curie | None = None
    attributes: Mapping[str, tuple[Scalar, ...]]
    """Every value of an attribute over the series."""

    def has(self, keyword: str, *values: str) -> bool:
        """Whether an attribute has one of the values."""
        return any(value in self.attributes.get(keyword, ()) for value in values)

    def scanned(self, *sequences: str) -> bool:
        """Whether the scanning sequence is one of some (PS3.3 C.8.3.1), as enhanced objects say it too (C.8.13.4)."""
        return any(self.has("ScanningSequence", name) or self.has(*ENHANCED_SEQUENCES[name]) for name in sequences)

    def values(self, keyword: str) -> int:
        """How many distinct values an attribute has over the series."""
        return len(set(self.attributes.get(keyword, ())))

    def number(self, keyword: str) -> Decimal:
        """The largest number of an attribute; 0 where it has none."""
        numbers = (Decimal(str(n)) for n in self.attributes.get(keyword, ()) if isinstance(n, Decimal | int | float))
        return max(numbers, default=Decimal(0))

    def diffusion_weighted(self) -> bool:
        """Whether a b-value above 0, or the name of the sequence or of the image type, says diffusion."""
        named = any(re.search(r"\bep_b\d", str(name)) for name in self.attributes.get("SequenceName", ()))
        typed = self.has("ImageType", "DIFFUSION") or self.has("AcquisitionContrast", "DIFFUSION")
        return self.number("DiffusionBValue") > 0 or named or typed

    def nucleus(self) -> str:
        """The nucleus that was imaged; empty where none is stated."""
        stated = (*self.attributes.get("ResonantNucleus", ()), *self.attributes.get("ImagedNucleus", ()))
        return str(stated[0]).strip("^") if stated else ""


class Rule(NamedTuple):
    """A named rule for the kind of an acquisition; the first that holds decides."""

    name: str
    modalities: str
    """Separated by spaces; empty for any."""
    kind: Curie
    holds: Callable[[SeriesFacts], bool]


RULES: Final = (
    Rule("image type LOCALIZER", "", q.LOCALIZER, lambda series: series.has("ImageType", "LOCALIZER", "SCOUT")),
    Rule("PET, series type DYNAMIC", "PT", q.DYNAMIC_PET, lambda series: series.has("SeriesType", "DYNAMIC")),
    Rule("PET, series type GATED", "PT", q.GATED_PET, lambda series: series.has("SeriesType", "GATED")),
    Rule("PET, series type WHOLE BODY", "PT", q.WHOLE_BODY_PET, lambda series: series.has("SeriesType", "WHOLE BODY")),
    Rule("PET, series type STATIC", "PT", q.STATIC_PET, lambda series: series.has("SeriesType", "STATIC")),
    Rule(
        "PET without series type, 2 or more repeats of each slice",
        "PT",
        q.DYNAMIC_PET,
        lambda series: series.repeats >= 2,
    ),
    Rule(
        "PET, object with functional groups, each slice once",
        "PT",
        q.STATIC_PET,
        lambda series: series.repeats == 1 and series.has("SOPClassUID", *ENHANCED_PET),
    ),
    Rule(
        "MR spectroscopy, more than one voxel",
        "MR",
        ncit.MAGNETIC_RESONANCE_SPECTROSCOPIC_IMAGING,
        lambda series: series.has("SOPClassUID", SPECTROSCOPY) and series.number("Rows") * series.number("Columns") > 1,
    ),
    Rule(
        "MR spectroscopy, by SOP class or image type",
        "MR",
        ncit.MAGNETIC_RESONANCE_SPECTROSCOPY,
        lambda series: series.has("SOPClassUID", SPECTROSCOPY) or series.has("ImageType", "SPECTROSCOPY"),
    ),
    Rule("MR, imaged nucleus sodium", "MR", q.SODIUM_MRI, lambda series: series.nucleus() in SODIUM),
    Rule(
        "MR, imaged nucleus other than hydrogen",
        "MR",
        q.OTHER_NUCLEUS_MRI,
        lambda series: series.nucleus() not in ("", *PROTON),
    ),
    Rule("MR, image type T1 MAP", "MR", q.T1_MAPPING, lambda series: series.has("ImageType", "T1 MAP", "T1_MAP")),
    Rule("MR, image type T2 MAP", "MR", q.T2_MAPPING, lambda series: series.has("ImageType", "T2 MAP", "T2_MAP")),
    Rule(
        "MR with b-values above 0 in 6 or more directions, no map",
        "MR",
        ncit.DIFFUSION_TENSOR_IMAGING,
        lambda series: series.directions >= TENSOR and not series.has("ImageType", *MAPS),
    ),
    Rule(
        "MR with b-values above 0, but no map of the diffusion coefficient",
        "MR",
        ncit.DIFFUSION_WEIGHTED_IMAGING,
        lambda series: series.diffusion_weighted() and not series.has("ImageType", *MAPS),
    ),
    Rule(
        "MR with contrast agent, echo-planar, 20 or more repeats of each slice",
        "MR",
        ncit.DYNAMIC_SUSCEPTIBILITY_CONTRAST_ENHANCED_MAGNETIC_RESONANCE_IMAGING,
        lambda series: series.contrast and series.repeats >= 20 and series.scanned("EP"),
    ),
    Rule(
        "MR with contrast agent, 3 or more repeats of each slice",
        "MR",
        ncit.DYNAMIC_CONTRAST_ENHANCED_MAGNETIC_RESONANCE_IMAGING,
        lambda series: series.contrast and series.repeats >= 3,
    ),
    Rule(
        "MR of the breast, neither spin echo nor echo-planar, 3 or more repeats of each slice (agent often unsaid)",
        "MR",
        ncit.DYNAMIC_CONTRAST_ENHANCED_MAGNETIC_RESONANCE_IMAGING,
        lambda series: series.body_part == ncit.BREAST and series.repeats >= 3 and not series.scanned("SE", "EP"),
    ),
    Rule(
        "MR, spin echo, 4 or more echo times",
        "MR",
        q.T2_MAPPING,
        lambda series: series.values("EchoTime") >= 4 and series.scanned("SE"),
    ),
    Rule(
        "MR, 4 or more inversion times",
        "MR",
        q.T1_MAPPING,
        lambda series: series.values("InversionTime") >= 4,
    ),
    Rule(
        "MR, gradient echo, 3 or more flip angles",
        "MR",
        q.T1_MAPPING,
        lambda series: series.values("FlipAngle") >= 3 and series.scanned("GR"),
    ),
    Rule(
        "MR with contrast agent",
        "MR",
        ncit.CONTRAST_ENHANCED_MAGNETIC_RESONANCE_IMAGING,
        lambda series: series.contrast,
    ),
    Rule(
        "CT, 5 or more repeats of each slice",
        "CT",
        ncit.COMPUTED_TOMOGRAPHY_PERFUSION_IMAGING,
        lambda series: series.repeats >= 5,
    ),
    Rule(
        "CT, image type PERFUSION",
        "CT",
        ncit.COMPUTED_TOMOGRAPHY_PERFUSION_IMAGING,
        lambda series: series.has("ImageType", "PERFUSION"),
    ),
    Rule("CT with contrast agent", "CT", ncit.COMPUTED_TOMOGRAPHY_WITH_CONTRAST, lambda series: series.contrast),
    Rule(
        "CT, stated to be without contrast agent",
        "CT",
        ncit.COMPUTED_TOMOGRAPHY_WITHOUT_CONTRAST,
        lambda series: series.plain,
    ),
    Rule(
        "nuclear medicine, image type TOMO",
        "NM",
        ncit.SINGLE_PHOTON_EMISSION_COMPUTED_TOMOGRAPHY,
        lambda series: series.has("ImageType", "TOMO", "RECON TOMO", "GATED TOMO", "RECON GATED TOMO"),
    ),
    Rule(
        "nuclear medicine, image type of planar images",
        "NM",
        q.PLANAR_SCINTIGRAPHY,
        lambda series: series.has("ImageType", "STATIC", "WHOLE BODY", "DYNAMIC", "GATED"),
    ),
    Rule(
        "breast tomosynthesis, by SOP class",
        "MG",
        ncit.DIGITAL_TOMOSYNTHESIS_MAMMOGRAPHY,
        lambda series: series.has("SOPClassUID", *TOMOSYNTHESIS),
    ),
)


def acquisition_of(facts: SeriesFacts) -> Rule | None:
    """The first rule that holds, or None."""
    mine = (rule for rule in RULES if not rule.modalities or facts.modality in rule.modalities.split())
    return next((rule for rule in mine if rule.holds(facts)), None)
