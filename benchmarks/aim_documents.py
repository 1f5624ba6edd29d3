"""Made-up AIM 4 documents in the shape that ePAD writes: one annotation of one reader, of one lesion, on one image."""

from __future__ import annotations

import random
from dataclasses import dataclass
from pathlib import Path
from typing import Final

__all__ = ["make_documents"]

LESIONS: Final = 3
READERS: Final = ("Reader One", "Reader Two")
VISITS: Final = 4
EACH: Final = LESIONS * len(READERS) * VISITS
"""Documents of a subject."""

SITES: Final = (("RID58", "liver"), ("RID1301", "lung"), ("RID86", "spleen"), ("RID205", "kidney"))
STATISTICS: Final = (
    ("R-00317", "Mean"),
    ("R-404FB", "Minimum"),
    ("G-A437", "Maximum"),
    ("R-10047", "Standard Deviation"),
)
ISO: Final = 'xmlns:iso="uri:iso.org:21090"'
NAMESPACE: Final = "gme://caCORE.caCORE/4.4/edu.northwestern.radiology.AIM"


@dataclass(frozen=True, slots=True)
class Reading:
    """What one document says."""

    subject: str
    visit: int
    reader: str
    lesion: int
    study: str
    series: str
    image: str
    site: tuple[str, str]
    date: str


def make_documents(folder: Path, count: int) -> None:
    """Write ``count`` documents to a folder; the same each time."""
    rng = random.Random(count)
    folder.mkdir(parents=True)
    for number in range(count):
        reading = _reading(number)
        (folder / f"aim-{number:06}.xml").write_text(_document(reading, rng), encoding="utf-8")


def _reading(number: int) -> Reading:
    subject, within = divmod(number, EACH)
    visit, within = divmod(within, LESIONS * len(READERS))
    reader, lesion = divmod(within, LESIONS)
    study = f"1.2.826.0.1.3680043.10.999.{subject + 1}.{visit + 1}"
    return Reading(
        subject=f"B{subject:05}",
        visit=visit,
        reader=READERS[reader],
        lesion=lesion + 1,
        study=study,
        series=f"{study}.1",
        image=f"{study}.1.{10 * lesion + 7}",
        site=SITES[(subject + lesion) % len(SITES)],
        date=f"{2010 + subject % 9}{3 * visit + 1:02}15",
    )


def _uid(rng: random.Random) -> str:
    return f"2.25.{rng.getrandbits(122)}"


def _code(name: str, code: str, scheme: str, meaning: str) -> str:
    shown = f'<iso:displayName {ISO} value="{meaning}"/>'
    return f'<{name} code="{code}" codeSystemName="{scheme}" codeSystemVersion="1">\n{shown}\n</{name}>\n'


def _calculation(rng: random.Random, codes: str, unit: str, label: str, value: float) -> str:
    return f"""<CalculationEntity>
<uniqueIdentifier root="{_uid(rng)}"/>
{codes}<description value="{label}"/>
<mathML/>
<calculationResultCollection>
<CalculationResult type="Scalar" xsi:type="ExtendedCalculationResult">
<unitOfMeasure value="{unit}"/>
{_code("dataType", "C48870", "NCI", "Double")}<dimensionCollection>
<Dimension>
<index value="0"/>
<size value="1"/>
<label value="{label}"/>
</Dimension>
</dimensionCollection>
<calculationDataCollection>
<CalculationData>
<value value="{value:.12f}"/>
<coordinateCollection>
<Coordinate>
<dimensionIndex value="0"/>
<position value="0"/>
</Coordinate>
</coordinateCollection>
</CalculationData>
</calculationDataCollection>
</CalculationResult>
</calculationResultCollection>
</CalculationEntity>
"""


def _calculations(rng: random.Random) -> str:
    length = _code("typeCode", "G-D7FE", "SRT", "Length")
    found = _calculation(rng, length, "linear", "Length", rng.uniform(0.6, 9.0))
    for code, meaning in STATISTICS:
        codes = _code("typeCode", "112031", "DCM", "Attenuation Coefficient") + _code("typeCode", code, "SRT", meaning)
        found += _calculation(rng, codes, "[hnsf'U]", meaning, rng.gauss(60, 25))
    return found


def _anatomy(rng: random.Random, code: str, scheme: str, meaning: str, label: str) -> str:
    return f"""<ImagingPhysicalEntity>
<uniqueIdentifier root="{_uid(rng)}"/>
{_code("typeCode", code, scheme, meaning)}<annotatorConfidence value="0.0"/>
<label value="{label}"/>
</ImagingPhysicalEntity>
"""


def _observation(rng: random.Random) -> str:
    return f"""<ImagingObservationEntity>
<uniqueIdentifier root="{_uid(rng)}"/>
{_code("typeCode", "S82", "99EPAD", "Lesion Followup Evaluation")}<annotatorConfidence value="0.0"/>
<label value="Lesion"/>
<comment/>
<imagingObservationCharacteristicCollection>
<ImagingObservationCharacteristic>
{_code("typeCode", "S71", "99EPAD", "target")}<annotatorConfidence value="0.0"/>
<label value="Type"/>
<comment/>
</ImagingObservationCharacteristic>
</imagingObservationCharacteristicCollection>
</ImagingObservationEntity>
"""


def _markup(rng: random.Random, shape: str, image: str) -> str:
    points = "".join(
        f"""<TwoDimensionSpatialCoordinate>
<coordinateIndex value="{at}"/>
<x value="{rng.uniform(40, 470):.11f}"/>
<y value="{rng.uniform(40, 470):.11f}"/>
</TwoDimensionSpatialCoordinate>
"""
        for at in range(2)
    )
    return f"""<MarkupEntity xsi:type="TwoDimensionMultiPoint">
<uniqueIdentifier root="{shape}"/>
<shapeIdentifier value="1"/>
<includeFlag value="true"/>
<lineColor/>
<lineOpacity/>
<lineStyle/>
<lineThickness/>
<imageReferenceUid root="{image}"/>
<referencedFrameNumber value="1"/>
<twoDimensionSpatialCoordinateCollection>
{points}</twoDimensionSpatialCoordinateCollection>
</MarkupEntity>
"""


def _image(rng: random.Random, reading: Reading) -> str:
    return f"""<ImageReferenceEntity xsi:type="DicomImageReferenceEntity">
<uniqueIdentifier root="{_uid(rng)}"/>
<imageStudy>
<instanceUid root="{reading.study}"/>
<startDate value="{reading.date}"/>
<startTime value="121600"/>
<imageSeries>
<instanceUid root="{reading.series}"/>
{_code("modality", "CT", "DCM", "Computed Tomography")}<imageCollection>
<Image>
<sopClassUid root="1.2.840.10008.5.1.4.1.1.2"/>
<sopInstanceUid root="{reading.image}"/>
</Image>
</imageCollection>
</imageSeries>
</imageStudy>
</ImageReferenceEntity>
"""


def _document(reading: Reading, rng: random.Random) -> str:
    site, site_name = reading.site
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<ImageAnnotationCollection xmlns="{NAMESPACE}"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" aimVersion="AIMv4_0">
<uniqueIdentifier root="{_uid(rng)}"/>
<studyInstanceUid root="{reading.study}"/>
<seriesInstanceUid root="{reading.series}"/>
<dateTime value="20190614184439"/>
<user>
<name value="{reading.reader}"/>
<loginName value="{reading.reader}"/>
<roleInTrial/>
</user>
<equipment>
<manufacturerName value="Maker"/>
<manufacturerModelName value="Scanner 10"/>
<softwareVersion value="3.2.0"/>
</equipment>
<person>
<name value="{reading.subject}"/>
<id value="{reading.subject}"/>
<birthDate value=""/>
<sex value="M"/>
<ethnicGroup/>
</person>
<imageAnnotations>
<ImageAnnotation>
<uniqueIdentifier root="{_uid(rng)}"/>
{_code("typeCode", "RECIST", "99EPAD", "Tumor assessment")}<dateTime value="20190614184439"/>
<name value="Lesion{reading.lesion}~sp1~-~sp1~-1~sp1~#FFFFFF"/>
<comment value="CT / ABD / 23"/>
<imagingPhysicalEntityCollection>
{_anatomy(rng, site, "RadLex", site_name, "Location")}
{_anatomy(rng, "S83", "99EPAD", "tracked", "Status")}</imagingPhysicalEntityCollection>
<calculationEntityCollection>
{_calculations(rng)}</calculationEntityCollection>
<imagingObservationEntityCollection>
{_observation(rng)}</imagingObservationEntityCollection>
<markupEntityCollection>
{_markup(rng, _uid(rng), reading.image)}</markupEntityCollection>
<imageReferenceEntityCollection>
{_image(rng, reading)}</imageReferenceEntityCollection>
</ImageAnnotation>
</imageAnnotations>
</ImageAnnotationCollection>
"""
