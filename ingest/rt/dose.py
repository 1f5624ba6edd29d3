"""RT dose: the grid in summary, and what its dose-volume histograms state (PS3.3 sections C.8.8.3 and C.8.8.4)."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Final, TypedDict

import numpy as np

from ingest.base import Yield
from ingest.dicom.document import Document, uid_in
from ingest.dicom.frames import FRAME_KEYWORDS, frames_of
from ingest.dicom.header import BrokenDicomError, Elements, place_of
from ingest.observed import quantities
from ingest.observed.quantities import Amount, Quantity, ValueProblem
from ingest.observed.regions import region_key
from ontology import records
from ontology.prefixes import Curie
from ontology.records import Measurement, Region, When
from ontology.terms import ncit, q

__all__ = ["DOSE_KEYWORDS", "DOSE_LISTS", "doses"]

DOSE_KEYWORDS: Final = FRAME_KEYWORDS | frozenset(
    ("DVHSequence", "DoseGridScaling", "DoseSummationType", "DoseType", "DoseUnits", "ReferencedStructureSetSequence")
)
DOSE_LISTS: Final = frozenset({"DVHData"})

STATED: Final = (
    ("DVHMinimumDose", ncit.MINIMUM),
    ("DVHMaximumDose", ncit.MAXIMUM),
    ("DVHMeanDose", ncit.ARITHMETIC_MEAN),
)


class Common(TypedDict):
    """What every measurement of a dose shares."""

    subject: str
    document: str
    study: str
    series: str
    instance: str
    when: When | None


def doses(document: Document) -> Iterator[Yield]:
    """The records of a dose: the least, mean and largest dose of its grid, and of each histogram's structure."""
    series = document.header.text("SeriesInstanceUID")
    yield records.Instance(uid=document.uid, subject=document.subject, series=series)
    common = Common(
        subject=document.subject,
        document=document.uid,
        study=document.study,
        series=series,
        instance=document.uid,
        when=document.when,
    )
    yield from _grid(document, common)
    references = document.header.items.get("ReferencedStructureSetSequence", ())
    structures = next((uid for item in references if (uid := uid_in(item, "ReferencedSOPInstanceUID"))), None)
    for at, item in enumerate(document.header.items.get("DVHSequence", ())):
        yield from _histogram(document, item, at + 1, structures, common)


def _of(units: str, kind: str, statistic: Curie) -> tuple[Quantity, str]:
    """What a dose is of, and its unit: absorbed where it is physical, relative where its units are."""
    if units == "RELATIVE":
        return Quantity(q.RELATIVE_DOSE, statistic), "1"
    if kind == "PHYSICAL":
        return quantities.quantity_of((ncit.ABSORBED_RADIATION_DOSE, statistic), "Gy"), "Gy"
    return Quantity(q.UNMAPPED, statistic), "Gy"


def _grid(document: Document, common: Common) -> Iterator[Yield]:
    """The dose grid in summary."""
    header = document.header
    if header.pixels is None and header.number("Rows") is None:
        return  # histograms alone
    scaling, units = header.number("DoseGridScaling"), header.text("DoseUnits")
    if scaling is None or scaling <= 0 or units not in {"GY", "RELATIVE"}:
        wanted = "a positive scaling, and GY or RELATIVE"
        yield document.reject(place_of("DoseGridScaling"), "scaling or units of the grid are missing", wanted)
        return
    try:
        low, mean, high = _summary(document)
    except BrokenDicomError as error:
        yield document.reject(error.place, error.problem, error.wanted)
        return
    for name, number, statistic in (
        ("minimum", low, ncit.MINIMUM),
        ("mean", mean, ncit.ARITHMETIC_MEAN),
        ("maximum", high, ncit.MAXIMUM),
    ):
        quantity, unit = _of(units, header.text("DoseType"), statistic)
        value = Decimal(repr(number)) * scaling
        rounded = value.quantize(Decimal("1e-9")) if abs(value) < Decimal("1e9") else value
        yield _measurement(f"grid/{name}", quantity, Amount(rounded.normalize() + 0, unit), common, _summed(document))


def _summed(document: Document) -> str:
    """What the dose is the sum of: a plan's is not a beam's."""
    said = (f"{document.header.text(name)}|{name}" for name in ("DoseType", "DoseSummationType"))
    return " + ".join(text for text in said if not text.startswith("|"))


def _summary(document: Document) -> tuple[float, float, float]:
    """The least, mean and largest of the grid's numbers."""
    frames = frames_of(document.path, document.header)
    low, high, total, count = np.inf, -np.inf, 0.0, 0
    for strip in frames.strips():
        low, high = min(low, float(strip.pixels.min())), max(high, float(strip.pixels.max()))
        total, count = total + float(strip.pixels.sum(dtype=np.float64)), count + strip.pixels.size
    if not count:
        raise BrokenDicomError("(7FE0,0010) PixelData", "holds no pixel", "the pixels of the grid")
    return low, total / count, high


def _histogram(document: Document, item: Elements, at: int, structures: str | None, common: Common) -> Iterator[Yield]:
    """What one dose-volume histogram states of its structure."""
    included = [
        int(number)
        for roi in item.items.get("DVHReferencedROISequence", ())
        if roi.text("DVHROIContributionType") != "EXCLUDED"
        and (number := roi.number("ReferencedROINumber")) is not None
    ]
    place = f"{place_of('DVHSequence')}, item {at}"
    if structures is None or len(included) != 1:
        yield document.reject(place, "is of no one structure", "one included ROI of the referenced structure set")
        return
    region = region_key(structures, included[0])
    yield Region(subject=document.subject, key=region)
    for keyword, statistic in STATED:
        number = item.number(keyword)
        if number is None:
            continue
        quantity, unit = _of(item.text("DoseUnits"), item.text("DoseType"), statistic)
        raw = f"{format(number, 'f')} {unit}"
        try:
            amount = quantities.amount(format(number, "f"), unit, quantity.variable)
        except ValueProblem as problem:
            yield document.reject(f"{place}, {place_of(keyword)}", problem.problem, problem.wanted)
            continue
        yield _measurement(f"dvh/{at}/{keyword}", quantity, amount, common, _summed(document), region, raw)
    volume = _volume(item)
    if volume is not None:
        amount = quantities.amount(format(volume, "f"), "cm3", ncit.VOLUME)
        yield _measurement(f"dvh/{at}/volume", Quantity(ncit.VOLUME), amount, common, None, region, f"{volume:f} cm3")


def _volume(item: Elements) -> Decimal | None:
    """The volume of the structure: where a cumulative histogram begins."""
    if item.text("DVHType") != "CUMULATIVE" or item.text("DVHVolumeUnits") != "CM3":
        return None
    try:
        value = quantities.number(item.text("DVHData").split("\\", 2)[1])
    except (IndexError, ValueProblem):
        return None
    return value if value > 0 else None


def _measurement(
    key: str,
    quantity: Quantity,
    amount: Amount,
    common: Common,
    raw_code: str | None,
    region: str | None = None,
    raw: str | None = None,
) -> Measurement:
    return Measurement(
        **common,
        key=key,
        region=region,
        variable=quantity.variable,
        statistic=quantity.statistic,
        value=amount.value,
        unit=amount.unit,
        raw=raw,
        raw_code=raw_code,
        derived=raw is None,
    )
