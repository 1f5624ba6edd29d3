"""dcmqi's meta files: recognised, and refused with what to give instead.

They tell dcmqi what to write into a segmentation, parametric map or report, and name neither a subject nor images, so
nothing that they say could be stored of anyone. The DICOM object that dcmqi makes with one holds all of it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from ingest.base import Context, Source, Yield, head_of
from ontology.records import Reject

__all__ = ["SOURCE", "accepts", "read"]

HEAD: Final = 4096
LARGEST: Final = 16 << 20

KINDS: Final = (
    ("segmentAttributes", "a segmentation"),
    ("segmentAttributesFileMapping", "a segmentation"),
    ("QuantityValueCode", "a parametric map"),
    ("compositeContext", "a structured report"),
)
"""What a meta file is for, by a key that it has at its top."""


def accepts(locator: str) -> bool:
    """Whether a local file is JSON that begins like a meta file of dcmqi."""
    head = head_of(locator, HEAD)
    return head.lstrip().startswith(b"{") and any(f'"{key}"'.encode() in head for key, _ in KINDS)


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """A reject for each file: what it is, and what would be right."""
    for done, locator in enumerate(locators, 1):
        yield _refused(Path(locator))
        context.progress(done, None)


def _refused(path: Path) -> Reject:
    """Why a meta file cannot be read alone."""
    try:
        found: Any = json.loads(path.read_bytes()) if path.stat().st_size <= LARGEST else None
    except (OSError, ValueError, RecursionError):
        found = None
    kind = next((said for key, said in KINDS if isinstance(found, dict) and key in found), None)
    if kind is None:
        return Reject(
            name=path.name, place="file", problem="is no meta file of dcmqi", wanted="a JSON object of its keys"
        )
    problem = f"is dcmqi's description of {kind}, without subject, images or pixels"
    return Reject(
        name=path.name, place="file", problem=problem, wanted=f"the DICOM object of {kind} that dcmqi made with it"
    )


SOURCE = Source(
    name="dcmqi", accepts=accepts, read=read, summary="dcmqi meta files: refused, since the DICOM object says it all"
)
