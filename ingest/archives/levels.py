"""At which level of an archive an attribute is searched: studies know nothing of what stands on their series.

An archive that is asked for studies by an attribute of series finds none, ignores it, or refuses; which, the standard
leaves open (PS3.18 8.3.4.1, PS3.4 C.2.2.1). Such attributes are asked of the series of each study instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

from pydicom.datadict import dictionary_VR, keyword_for_tag

from ingest.dicom.header import Elements

__all__ = ["by_level", "contradicts"]

OF_SERIES: Final = frozenset(
    {
        "BodyPartExamined", "Laterality", "Manufacturer", "ManufacturerModelName", "Modality",
        "NumberOfSeriesRelatedInstances", "OperatorsName", "PatientPosition", "PerformedProcedureStepStartDate",
        "PerformedProcedureStepStartTime", "PerformingPhysicianName", "ProtocolName", "SeriesDate", "SeriesDescription",
        "SeriesInstanceUID", "SeriesNumber", "SeriesTime", "StationName",
    }
)  # fmt: skip
"""The attributes of the series level (PS3.18 table 10.6.1-5, PS3.4 table C.6-3), and others of the modules there."""

IN_STUDY: Final = "ModalitiesInStudy"

PATTERN: Final = re.compile(r"[*?\\,]|^-|-$|^\d+-\d+$")
"""A wildcard, a list or a range, which a value matches without being the same."""

LOOSE: Final = frozenset({"PN", "TM", "DT"})
"""Names are matched in several ways, and times of any precision."""


def by_level(filters: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
    """What studies must match, and what series must; a study must have series of the modality that is asked for.

    >>> by_level({"PatientID": "P1", "Modality": "PT"})
    ({'PatientID': 'P1', 'ModalitiesInStudy': 'PT'}, {'Modality': 'PT'})
    """
    series = {name: value for name, value in filters.items() if _keyword(name) in OF_SERIES}
    studies = {name: value for name, value in filters.items() if name not in series}
    modality = next((value for name, value in series.items() if _keyword(name) == "Modality"), "")
    if modality and IN_STUDY not in map(_keyword, studies):
        studies[IN_STUDY] = modality
    return studies, series


def contradicts(found: Elements, filters: Mapping[str, str]) -> bool:
    """Whether a result states another value than was asked for, as archives give that do not search by an attribute.

    What it does not state, and what was asked for by a pattern, is taken at the archive's word.
    """
    return any(_contradicts(found, _keyword(name), wanted) for name, wanted in filters.items())


def _contradicts(found: Elements, keyword: str, wanted: str) -> bool:
    if not keyword or not wanted or PATTERN.search(wanted) or dictionary_VR(keyword) in LOOSE:
        return False
    stated = {str(value).strip().casefold() for value in found.values.get(keyword, ())} - {""}
    return bool(stated) and wanted.strip().casefold() not in stated


def _keyword(name: str) -> str:
    """The keyword of an attribute that is named by it or by its tag; nothing for a private one."""
    return keyword_for_tag(int(name, 16)) if re.fullmatch(r"[0-9A-Fa-f]{8}", name) else name
