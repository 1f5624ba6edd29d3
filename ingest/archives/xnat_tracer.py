"""The tracer of a PET session of XNAT as DICOM states it (PS3.3 C.8.9.2).

XNAT fills ``tracer`` from the headers, with doses in Bq and half-lives in s, and people fill it in forms, with doses in
the unit that they choose. A dose without a unit is not read; nor is a half-life beside a dose that came from a form,
whose unit nothing says.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

from ingest.archives.xnat_items import Item
from ingest.dicom.elements import Elements
from ontology.records import Scalar
from ontology.units import convert, normalise

__all__ = ["tracer_of_session"]

NUMBER: Final = re.compile(r"\d{1,15}(\.\d{1,12})?([eE]\+?\d{1,2})?", re.ASCII)
BECQUEREL: Final = "Bq"


def tracer_of_session(session: Item) -> Elements | None:
    """An item of the Radiopharmaceutical Information Sequence; None where the session names no tracer and no dose."""
    values: dict[str, tuple[Scalar, ...]] = {}
    if name := session.text("tracer/name"):
        values["Radiopharmaceutical"] = (name,)
    unit = session.text("tracer/dose/units")
    if (dose := _activity(session.text("tracer/dose"), unit)) is not None:
        values["RadionuclideTotalDose"] = (dose,)
        half_life = _number(session.text("tracer/isotope/half-life"))
        if half_life and unit == BECQUEREL:
            values["RadionuclideHalfLife"] = (half_life,)
    isotope = session.text("tracer/isotope")
    items = {"RadionuclideCodeSequence": (Elements({"CodeMeaning": (isotope,)}),)} if isotope else {}
    return Elements(values, items) if values or items else None


def _activity(text: str, unit: str) -> Decimal | None:
    """A dose in Bq; None where it or its unit is not understood."""
    value = _number(text)
    if value is None or unit == BECQUEREL:
        return value
    known = normalise(unit)
    if known is None:
        return None
    try:
        return convert(value, known, BECQUEREL)
    except ValueError:
        return None


def _number(text: str) -> Decimal | None:
    """A positive number, or None."""
    return Decimal(text) if NUMBER.fullmatch(text) and Decimal(text) > 0 else None
