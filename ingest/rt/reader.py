"""Radiotherapy objects as a source: structure sets, doses and plans (DICOM PS3.3 sections A.18 to A.20).

One file is one source. What comes in:

- The object's own series, its header through the same gate as any DICOM header, and the series that it refers to.
- Each ROI of a structure set as a region: its number, type, structure with its side, who drew it and how automatically,
  contours, slices, box, and the volume that they enclose with how it was had (`ingest.rt.contours`).
- Of a dose, the least, mean and largest value of its grid in Gy, and what its histograms state of each structure; a
  grid in relative units is a relative dose. Whether it is of a plan or of a beam stands in `q:rawCode`.
- A plan as the treatment that it is for, with the prescribed doses and the fractions planned: what was given it does
  not say, nor when, so the treatment has no days.

An ROI's name is kept where it is made of the words of structures (`ingest.observed.region_names`) or a steward
has approved it; descriptions, labels and plan names never.
"""

from __future__ import annotations

from typing import Final

from ingest.dicom.document import DocumentKind, source_of
from ingest.rt.dose import DOSE_KEYWORDS, DOSE_LISTS, doses
from ingest.rt.plan import PLAN_KEYWORDS, plans
from ingest.rt.structures import STRUCTURE_KEYWORDS, STRUCTURE_LISTS, structures

__all__ = ["SOURCE"]

VERSION: Final = "rt-4"

SOURCE = source_of(
    DocumentKind(
        name="rt",
        version=VERSION,
        summary="DICOM radiotherapy: structure sets, doses and plans",
        keywords=STRUCTURE_KEYWORDS | DOSE_KEYWORDS | PLAN_KEYWORDS,
        lists=STRUCTURE_LISTS | DOSE_LISTS,
        classes={
            "1.2.840.10008.5.1.4.1.1.481.2": doses,
            "1.2.840.10008.5.1.4.1.1.481.3": structures,
            "1.2.840.10008.5.1.4.1.1.481.5": plans,
            "1.2.840.10008.5.1.4.1.1.481.8": plans,  # ions
        },
    )
)
"""SOP classes of PS3.4 B.5."""
