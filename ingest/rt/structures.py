"""RT structure sets: each ROI as a region (PS3.3 sections C.8.8.5, C.8.8.6 and C.8.8.8)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Final

from ingest.base import Yield
from ingest.dicom.document import Document, codes_in, uid_in
from ingest.dicom.header import Elements, place_of
from ingest.gate.dicom import is_dummy
from ingest.observed import lesions, quantities, readers
from ingest.observed.coded import meaning, meanings, raw_code
from ingest.observed.quantities import ValueProblem
from ingest.observed.region_names import RegionName, region_name
from ingest.observed.regions import MILLIMETRES, box_of, region_key, size
from ingest.observed.sites import Site, site_of
from ingest.rt.contours import Contours, points_in
from ontology import records
from ontology.prefixes import Curie
from ontology.records import Measurement, Region, RegionFacts
from ontology.terms import dcm, ncit, q, sct

__all__ = ["STRUCTURE_KEYWORDS", "STRUCTURE_LISTS", "TYPES", "structures"]

STRUCTURE_KEYWORDS: Final = frozenset(
    (
        "ROIContourSequence",
        "RTROIObservationsSequence",
        "ReferencedFrameOfReferenceSequence",
        "StructureSetROISequence",
    )
)
STRUCTURE_LISTS: Final = frozenset({"ContourData"})

TYPES: Final[dict[str, Curie]] = {
    "AVOIDANCE": dcm.AVOIDANCE_VOLUME,
    "CTV": sct.CTV,
    "EXTERNAL": dcm.EXTERNAL_BODY_MODEL,
    "GTV": sct.GTV,
    "IRRAD_VOLUME": sct.IRRADIATED_VOLUME,
    "ISOCENTER": dcm.ISOCENTRIC_TREATMENT_LOCATION_POINT,
    "ORGAN": ncit.ORGAN,
    "PTV": sct.PTV,
    "TREATED_VOLUME": dcm.TREATED_VOLUME,
}
"""What an ROI is of, by RT ROI Interpreted Type (PS3.3 section C.8.8.8.1)."""

TUMORS: Final = frozenset((dcm.GTV_NODAL, dcm.GTV_PRIMARY, ncit.MASS, ncit.NODULE, sct.GTV))
"""Kinds of region that are a lesion: what is seen of a tumor, without the margins of other targets."""

TARGETS: Final = TUMORS | {dcm.CTV_NODAL, dcm.CTV_PRIMARY, dcm.ITV, dcm.PTV_NODAL, dcm.PTV_PRIMARY, sct.CTV, sct.PTV}
"""Kinds that codes of an ROI name; other codes name its structure."""

SHAPES: Final[dict[str, Curie]] = {
    "CLOSEDPLANAR_XOR": q.CLOSED_CONTOUR_SHAPE,
    "CLOSED_PLANAR": q.CLOSED_CONTOUR_SHAPE,
    "OPEN_NONPLANAR": q.OPEN_CONTOUR_SHAPE,
    "OPEN_PLANAR": q.OPEN_CONTOUR_SHAPE,
    "POINT": q.POINT_SHAPE,
}
"""Shapes by Contour Geometric Type (PS3.3 section C.8.8.6.1)."""

METHODS: Final[dict[int, Curie]] = {
    1: dcm.VOLUME_ESTIMATED_FROM_SINGLE_2D_REGION,
    2: dcm.VOLUME_ESTIMATED_FROM_TWO_NON_COPLANAR_2D_REGIONS,
}
"""How a volume follows from planes, by their number; from three or more, by the one below."""

MANY_PLANES: Final = dcm.VOLUME_ESTIMATED_FROM_THREE_OR_MORE_NON_COPLANAR_2D_REGIONS


def structures(document: Document) -> Iterator[Yield]:
    """The records of a structure set."""
    series = list(_series(document))
    for study, uid in series:
        yield records.Study(uid=study, subject=document.subject)
        yield records.Series(uid=uid, subject=document.subject, study=study)
    if not series:
        wanted = "the series on whose images its contours are drawn"
        yield document.reject(place_of("ReferencedFrameOfReferenceSequence"), "names no series", wanted)
    seen: set[int] = set()
    contours, said = (_by_roi(document, name) for name in ("ROIContourSequence", "RTROIObservationsSequence"))
    for at, item in enumerate(document.header.items.get("StructureSetROISequence", ())):
        number = item.number("ROINumber")
        if number is None or int(number) in seen or not 0 <= number < 2**31:
            place = f"{place_of('ROINumber')}, item {at + 1}"
            yield document.reject(place, "is missing or stands twice", "one number for each ROI")
            continue
        seen.add(int(number))
        one = Elements({})
        yield from _roi(document, item, said.get(int(number), one), contours.get(int(number), one), series)
    if not seen:
        yield document.reject(place_of("StructureSetROISequence"), "holds no ROI", "at least one ROI")
    for stray in sorted((contours.keys() | said.keys()) - seen):
        place = f"{place_of('ReferencedROINumber')} {stray}"
        yield document.reject(place, "is the number of no ROI", "a number of the Structure Set ROI Sequence")


def _series(document: Document) -> Iterator[tuple[str, str]]:
    """The studies and series on whose images the contours are drawn."""
    for frame in document.header.items.get("ReferencedFrameOfReferenceSequence", ()):
        for study in frame.items.get("RTReferencedStudySequence", ()):
            for series in study.items.get("RTReferencedSeriesSequence", ()):
                of, uid = uid_in(study, "ReferencedSOPInstanceUID"), uid_in(series, "SeriesInstanceUID")
                if of is not None and uid is not None:
                    yield of, uid


def _by_roi(document: Document, keyword: str) -> dict[int, Elements]:
    """The items of a sequence by the ROI that they refer to; the first of several."""
    found: dict[int, Elements] = {}
    for item in document.header.items.get(keyword, ()):
        if (number := item.number("ReferencedROINumber")) is not None:
            found.setdefault(int(number), item)
    return found


def _roi(
    document: Document, item: Elements, said: Elements, drawn: Elements, series: list[tuple[str, str]]
) -> Iterator[Yield]:
    """The records of one ROI."""
    number = int(item.number("ROINumber") or 0)
    key, place = region_key(document.uid, number), f"roi/{number}"
    name = item.text("ROIName")
    named = region_name(name) or RegionName()
    typed = said.text("RTROIInterpretedType")
    codes = codes_in(said, "RTROIIdentificationCodeSequence") + codes_in(said, "SegmentedPropertyTypeCodeSequence")
    category = codes_in(said, "SegmentedPropertyCategoryCodeSequence")
    modifiers = codes_in(said, "SegmentedPropertyTypeModifierCodeSequence")
    site = site_of(codes, document.codes, modifiers) or named.site or Site()
    targets = (term for term in meanings(codes, document.codes) if term in TARGETS)
    kind = next(targets, None) or TYPES.get(typed) or named.kind or (q.UNMAPPED if typed else None)
    procedure, reader = _procedure(document, item), _reader(document, said)
    yield procedure
    yield from (record for record in (reader,) if record is not None)
    lesion = None
    if lesions.lesion_name(name) or kind in TUMORS:
        lesion = _lesion(document, name, number, reader, site)
        yield from lesion
    yield Region(subject=document.subject, key=key)
    study, uid = series[0] if len(set(series)) == 1 else (document.study, None)
    facts = RegionFacts(
        key=place,
        subject=document.subject,
        region=key,
        document=document.uid,
        number=number,
        lesion=lesion[0].key if lesion else None,
        study=study,
        series=uid,
        reader=reader.key if reader else None,
        procedure=procedure.key,
        when=document.when,
        category=meaning(category, document.codes) or (q.UNMAPPED if category else None),
        category_code=raw_code(category),
        kind=kind,
        kind_code=typed or None,
        site=site.structure or (q.UNMAPPED if codes else None),
        site_code=raw_code((*codes, *modifiers)),
        laterality=site.laterality,
        site_modifier=site.modifier,
        label=name or None,
        frame_of_reference=uid_in(item, "ReferencedFrameOfReferenceUID"),
    )
    yield from _drawn(document, facts, drawn)
    stated = item.number("ROIVolume")
    if stated is not None and stated > 0:
        yield _stated_volume(facts, stated)


def _lesion(
    document: Document, name: str, number: int, reader: records.Reader | None, site: Site
) -> tuple[records.Lesion, records.LesionFacts]:
    """The lesion that an ROI marks, and by which rule it is that one."""
    return lesions.identified(
        lesions.Named(
            subject=document.subject,
            place=f"roi/{number}",
            document=region_key(document.uid, number),
            name=name,
            reader=reader.key if reader else None,
            site=site.structure,
        )
    )


def _stated_volume(facts: RegionFacts, stated: Decimal) -> Measurement:
    """The volume that the document states of an ROI, in cm3 (PS3.3 section C.8.8.5)."""
    amount = quantities.amount(format(stated, "f"), "cm3", ncit.VOLUME)
    return Measurement(
        key=f"{facts.key}/ROIVolume",
        subject=facts.subject,
        variable=ncit.VOLUME,
        value=amount.value,
        unit=amount.unit,
        raw=f"{stated:f} cm3",
        region=facts.region,
        lesion=facts.lesion,
        study=facts.study,
        series=facts.series,
        procedure=facts.procedure,
        reader=facts.reader,
        when=facts.when,
        site=facts.site if facts.site != q.UNMAPPED else None,
        laterality=facts.laterality,
        document=facts.document,
    )


def _drawn(document: Document, facts: RegionFacts, drawn: Elements) -> Iterator[Yield]:
    """What is said of a region with its contours, and the image that they are drawn on where it is one."""
    items = drawn.items.get("ContourSequence", ())
    images: dict[str, None] = {}
    kinds: dict[Curie | None, None] = {}
    corners: list[tuple[float, ...]] = []
    count = points = 0
    contours = Contours()
    closed = True
    for at, item in enumerate(items):
        try:
            stated = item.number("NumberOfContourPoints")
            found = points_in(item.text("ContourData"), None if stated is None else int(stated))
        except ValueProblem as problem:
            closed = False
            place = f"{facts.key}, {place_of('ContourData')}, item {at + 1}"
            yield document.reject(place, problem.problem, problem.wanted)
            continue
        count, points = count + 1, points + len(found)
        corners += [tuple(map(float, found.min(axis=0))), tuple(map(float, found.max(axis=0)))]
        shape = SHAPES.get(item.text("ContourGeometricType"))
        kinds[shape] = None
        closed = closed and shape == q.CLOSED_CONTOUR_SHAPE
        if closed:
            contours.add(found)
            contours.thickness = contours.thickness or _positive(item.number("ContourSlabThickness"))
        for image in item.items.get("ContourImageSequence", ()):
            images.update(dict.fromkeys(uid for uid in (uid_in(image, "ReferencedSOPInstanceUID"),) if uid))
    one = next(iter(images)) if len(images) == 1 else None
    if one is not None:
        yield records.Instance(uid=one, subject=facts.subject, series=facts.series)
    whole = replace(
        facts,
        instance=one,
        instance_count=len(images) or None,
        shape=next(iter(kinds)) if len(kinds) == 1 else None,
        contours=count,
        points=points or None,
    )
    box = box_of(corners, MILLIMETRES)
    whole = replace(whole, **box) if box is not None else whole
    if not contours.rings or not closed:
        yield whole
        return
    try:
        yield _sized(whole, contours)
    except ValueProblem as problem:
        yield document.reject(f"{facts.key}, {place_of('ContourSequence')}", problem.problem, problem.wanted)
        yield whole


def _positive(number: Decimal | None) -> float | None:
    return float(number) if number is not None and 0 < number < 1000 else None


def _sized(facts: RegionFacts, contours: Contours) -> RegionFacts:
    """The slices, area and volume of closed contours."""
    slices, area, volume = contours.sizes()
    held: Decimal | None = size(volume) if volume is not None else None
    return replace(
        facts,
        slices=slices,
        area=size(area) if slices == 1 else None,
        volume=held,
        method=METHODS.get(slices, MANY_PLANES) if held is not None else None,
    )


def _procedure(document: Document, item: Elements) -> records.Procedure:
    """The program that the ROI was made with, and how automatic that was."""
    automation = quantities.automation(item.text("ROIGenerationAlgorithm"))
    software, version = (document.header.text(name) for name in ("ManufacturerModelName", "SoftwareVersions"))
    key = hashlib.sha256(f"{software}\0{version}\0{automation}".encode()).hexdigest()[:16]
    return records.Procedure(key=f"rt-{key}", software=software or None, version=version or None, automation=automation)


def _reader(document: Document, said: Elements) -> records.Reader | None:
    """The interpreter of an ROI as a pseudonym."""
    name = said.text("ROIInterpreter")
    words = [word for word in re.split(r"[\^=\s,]+", name) if word]
    return readers.reader_of(document.context, name) if words and not all(map(is_dummy, words)) else None
