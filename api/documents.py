"""``/documents/{digest}``: the kept document of an annotation, report or segmentation, for who may read its source.

What is kept has no more than may be kept of a person (`ingest.aim_kept`, `ingest.sr_kept`, `ingest.dicom_kept`), and it
is what the regions of the warehouse leave out: coordinates. What is kept of tables is not given out: its days are
counted from an origin that nobody may know.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Final

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.asking import asking_of
from api.callers import AskedBy
from api.errors import NotFoundError
from api.pages import pages_of
from store.warehouse import Caller, Warehouse

__all__ = ["FORMS", "Form", "document_link", "kept_document", "router"]

router = APIRouter(tags=["Documents"])


@dataclass(frozen=True, slots=True)
class Form:
    """What the documents of a kind of source are written as."""

    media_type: str
    suffix: str


XML: Final = Form("application/xml", "xml")
DICOM_JSON: Final = Form("application/dicom+json", "json")

FORMS: Final = {"aim": XML, "rt": DICOM_JSON, "rwv": DICOM_JSON, "seg": DICOM_JSON, "sr": DICOM_JSON}
"""The kinds of source whose documents are given out."""

SHA256: Final = "[0-9a-f]{64}"
NODE: Final = re.compile(r"(?:source|record)/([^/]+)/([0-9a-f]{16})(?:/.*)?")
"""A source or one of its records, below the base of the warehouse."""


@dataclass(frozen=True, slots=True)
class KeptDocument:
    """A document: the SHA-256 of its content, the content, and what it is written as."""

    digest: str
    content: bytes
    form: Form


@router.get(
    "/documents/{digest}",
    summary="Download a kept document",
    response_class=Response,
    responses={
        200: {
            "description": "AIM as XML; reports, segmentations, radiotherapy objects and value maps as DICOM JSON",
            "content": {form.media_type: {} for form in FORMS.values()},
        },
        404: {"description": "There is none, or you may not read its source"},
    },
)
async def show_document(
    request: Request,
    caller: AskedBy,
    digest: Annotated[str, Path(description="The SHA-256 of the document, or of the file that it was kept of")],
) -> Response:
    """What was kept of an annotation document, with its coordinates and without what may identify a person."""
    return await run_in_threadpool(_show, request, caller, digest)


def _show(request: Request, caller: Caller, digest: str) -> Response:
    asking = asking_of(request)
    kept = None if asking.empty() else kept_document(asking.warehouse, caller, digest)
    if kept is None:
        raise NotFoundError(f"no document {digest} that you may read")
    headers = {
        "Content-Disposition": f'attachment; filename="{kept.digest[:16]}.{kept.form.suffix}"',
        "Content-Location": pages_of(request).urls.document(kept.digest),
        "ETag": f'"{kept.digest}"',
        # who may read it may change, and what is kept may go, at any time
        "Cache-Control": "private, no-cache",
    }
    return Response(kept.content, media_type=kept.form.media_type, headers=headers)


def kept_document(
    warehouse: Warehouse, caller: Caller, digest: str, collection: str | None = None
) -> KeptDocument | None:
    """The document of that digest, or of the file of that digest; None where the caller may read no such source."""
    if not re.fullmatch(SHA256, digest):
        return None
    for source, document in warehouse.kept(digest, caller, FORMS, collection):
        try:
            lines = "".join(f"{line}\n" for line in warehouse.documents.lines(document))
        except FileNotFoundError:  # erased since it was looked up
            continue
        return KeptDocument(document, lines.encode(), FORMS[source.kind])
    return None


def document_link(warehouse: Warehouse, caller: Caller, iri: str) -> str | None:
    """The digest of the document of a source, or of the source of a record; None where there is none to be had."""
    found = NODE.fullmatch(iri.removeprefix(warehouse.base))
    if found is None:
        return None
    kept = warehouse.kept(found[2], caller, FORMS, found[1])
    return kept[0][1] if kept else None
