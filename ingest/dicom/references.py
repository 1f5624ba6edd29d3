"""What an object was made from: the series and images that its header refers to as its sources.

Images name the images that they were derived from (PS3.3 sections C.7.6.1.1.4 and C.7.6.16.2.6); segmentations, maps,
presentation states, key objects, reports and radiotherapy objects the series and images that they were made on.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from ingest.dicom.header import Elements
from ingest.dicom.places import GROUPS

__all__ = ["REFERENCE_SEQUENCES", "Reference", "references_in"]

IMAGES: Final = (
    ("SourceImageSequence",),
    ("DerivationImageSequence", "SourceImageSequence"),
    ("ReferencedRTPlanSequence",),
    ("ReferencedStructureSetSequence",),
)
"""Where images and objects are named by their own UID, with which a series is not always named."""

SERIES: Final = (
    ("ReferencedSeriesSequence",),
    ("SourceSeriesSequence",),
    ("ReferencedFrameOfReferenceSequence", "RTReferencedStudySequence", "RTReferencedSeriesSequence"),
    ("StudiesContainingOtherReferencedInstancesSequence", "ReferencedSeriesSequence"),
    ("CurrentRequestedProcedureEvidenceSequence", "ReferencedSeriesSequence"),
    ("PertinentOtherEvidenceSequence", "ReferencedSeriesSequence"),
)
"""Where series are named, those of another study within an item that names it."""

WITHIN: Final = (
    "ReferencedInstanceSequence",
    "ReferencedImageSequence",
    "ReferencedSOPSequence",
    "ContourImageSequence",
)
"""Where a series' own images are named within its item."""

REFERENCE_SEQUENCES: Final = frozenset(path[0] for path in (*IMAGES, *SERIES))

ON_IMAGES = re.compile(r"1\.2\.840\.10008\.5\.1\.4\.1\.1\.(?!481\.1$)(?:11|30|66|67|88|481)(?!\d)")
"""The SOP classes (PS3.4 B.5) of objects that are made on images: presentation states, parametric maps, segmentations,
value maps, reports and key objects, and radiotherapy objects but for images of the treatment (481.1)."""

PICKING = re.compile(r"1\.2\.840\.10008\.5\.1\.4\.1\.1\.(?:11|88\.59)(?!\d)")
"""Presentation states and key objects, which are about the images that they name and not about the whole series."""

UID = re.compile(r"(?=.{3,64}$)[0-2](\.\d+)+", re.ASCII)


class Reference(NamedTuple):
    """A series, with its study, that an object was made from; or one image or object whose series is not named."""

    series: str
    study: str
    instance: str = ""
    shown: tuple[str, ...] = ()
    """The images of the series that a key object or presentation state picks out."""


def references_in(header: Elements) -> Iterator[Reference]:
    """The sources of an object as its header names them: series once each, then images whose series is not named.

    An image may refer to a series for other reasons, such as its localizer: then only its source images count.
    """
    whole = bool(ON_IMAGES.match(header.text("SOPClassUID")))
    picks = bool(PICKING.match(header.text("SOPClassUID")))
    images = dict.fromkeys(uid for root in _roots(header) for path in IMAGES for uid in _instances(root, path))
    images.pop(header.text("SOPInstanceUID"), None)
    own = header.text("SeriesInstanceUID")
    told: set[str] = set()
    known: set[str] = set()
    for path in SERIES:
        for study, item in _walk(header, path, header.text("StudyInstanceUID")):
            uid = _uid(item, "SeriesInstanceUID")
            held = {found for name in WITHIN for one in item.items.get(name, ()) if (found := _instance(one))}
            if not uid or uid == own or not (whole or held & images.keys()):
                continue
            shown = tuple(sorted(held - known)) if picks else ()
            known |= held
            if uid not in told or shown:
                yield Reference(uid, study, shown=shown)
            told.add(uid)
    yield from (Reference("", "", uid) for uid in images if uid not in known)


def _roots(header: Elements) -> Iterator[Elements]:
    """The header and its functional groups."""
    yield header
    for name in GROUPS:
        yield from header.items.get(name, ())


def _walk(root: Elements, path: tuple[str, ...], study: str) -> Iterator[tuple[str, Elements]]:
    """The items at the end of a path, each with the study that is named on the way there."""
    if not path:
        yield study, root
        return
    for item in root.items.get(path[0], ()):
        # a study is named by its own attribute, or by a reference to it as an object (PS3.3 section C.8.8.5)
        named = _uid(item, "StudyInstanceUID") or (_instance(item) if path[0] == "RTReferencedStudySequence" else "")
        yield from _walk(item, path[1:], named or study)


def _instances(root: Elements, path: tuple[str, ...]) -> Iterable[str]:
    return (uid for _, item in _walk(root, path, "") if (uid := _instance(item)))


def _instance(item: Elements) -> str:
    return _uid(item, "ReferencedSOPInstanceUID")


def _uid(item: Elements, keyword: str) -> str:
    text = item.text(keyword)
    return text if UID.fullmatch(text) else ""
