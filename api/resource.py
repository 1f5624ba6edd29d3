"""``/resource?iri=``: what is said of a node, and what refers to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import unquote

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.asking import Asking, asking_of, page_query
from api.callers import AskedBy
from api.documents import document_link
from api.errors import NotFoundError
from api.merged import moved_node
from api.negotiation import NotAcceptableError, formats, negotiate
from api.pages import pages_of
from api.references import COUNTED, groups_of, references_of
from api.streaming import AnswerResponse
from api.terms import Cell, cell, label_of, plain, text_of
from ontology.prefixes import expand
from queries.parameters import ParameterError
from store.warehouse import Caller, Rows

__all__ = ["router"]

router = APIRouter(tags=["Resources"])
OFFERED = formats("html", "ttl", "nt", "jsonld", "rdf", "json")
LISTED = 200
"""How many references to a node are listed as JSON."""


@dataclass(frozen=True, slots=True)
class Statement:
    """One line of the page: a property, and the nodes or values that it leads to."""

    predicate: Cell
    others: list[Cell]


@router.get("/resource", summary="Show a node")
async def show_resource(
    request: Request, caller: AskedBy, iri: Annotated[str, Query(description="The IRI of the node", max_length=1000)]
) -> Response:
    """Its properties, and what refers to it. HTML, Turtle, N-Triples, JSON-LD, RDF/XML or plain JSON."""
    return await run_in_threadpool(_show, request, caller, iri, None)


@router.get("/resource.{suffix}", summary="Show a node in a named format")
async def show_resource_as(
    request: Request,
    caller: AskedBy,
    suffix: str,
    iri: Annotated[str, Query(description="The IRI of the node", max_length=1000)],
) -> Response:
    """The same with the format in the address: ``.ttl .nt .jsonld .rdf .json``."""
    if not suffix:
        raise NotAcceptableError(OFFERED)
    return await run_in_threadpool(_show, request, caller, iri, suffix)


@dataclass(frozen=True, slots=True)
class Known:
    """A node, what is said of it and what refers to it."""

    iri: str
    said: Rows
    referring: Rows


def _show(request: Request, caller: Caller, asked: str, suffix: str | None) -> Response:
    asking = asking_of(request)
    chosen = negotiate(request.headers.get("accept"), suffix, OFFERED)
    spellings = _spellings(request, asked)
    known = _known(asking, caller, spellings)
    if known is None:
        for iri in filter(None, (moved_node(asking, caller, spelling) for spelling in spellings)):
            # 303: a link may be withdrawn, and the node is then its own again
            return RedirectResponse(pages_of(request).urls.resource(iri, suffix or ""), 303)
        raise NotFoundError(f"nothing that you may read is known of {asked}")
    if chosen.engine and chosen.suffix != "json":
        text = page_query("resource-graph").bind({"iri": known.iri})
        seconds = asking.settings.query_seconds
        answer = asking.warehouse.ask(text, caller, graph_format=chosen.engine, seconds=seconds)
        return AnswerResponse(answer, chosen.content_type, seconds, {"Vary": "Accept"})
    if chosen.suffix == "json":
        return JSONResponse(_json(known), headers={"Vary": "Accept"})
    return _page(request, asking, caller, known)


def _spellings(request: Request, asked: str) -> list[str]:
    """The IRI as it was decoded, and as it stands in the address: people paste IRIs that hold percent signs."""
    raw = request.url.query.partition("iri=")[2].split("&")[0]
    return [asked, *([raw] if "://" in raw and raw != asked else [])]


def _known(asking: Asking, caller: Caller, spellings: Sequence[str]) -> Known | None:
    """The first spelling of which something is known; `ParameterError` where the last of them is no IRI."""
    for place, iri in enumerate(spellings):
        try:
            said = asking.rows(page_query("resource-out"), {"iri": iri}, caller)
            referring = asking.rows(page_query("resource-in"), {"iri": iri}, caller)
        except ParameterError:
            if place + 1 == len(spellings):
                raise
            continue
        if said.rows or referring.rows:
            return Known(iri, said, referring)
    return None


def _json(known: Known) -> dict[str, object]:
    properties: dict[str, list[object]] = {}
    for row in known.said.dicts():
        value: dict[str, object] = {"value": plain(row["object"])}
        if row["label"] is not None:
            value["label"] = text_of(row["label"])
        properties.setdefault(text_of(row["predicate"]), []).append(value)
    found = references_of(known.referring)
    return {
        "iri": known.iri,
        "properties": properties,
        "references": [{"node": item.node, "predicate": item.predicate, "class": item.kind} for item in found[:LISTED]],
        "more_references": len(found) > LISTED,
        "counts": [
            {"predicate": predicate, "class": kind, "number": number}
            for (predicate, kind), number in Counter((item.predicate, item.kind) for item in found).items()
        ],
        "more_counted": len(known.referring.rows) > COUNTED,
    }


def _statements(rows: Rows) -> list[Statement]:
    """What is said by property; a node is shown by its label where it has one."""
    grouped: dict[str, Statement] = {}
    seen: set[tuple[str, str]] = set()
    for row in rows.dicts():
        predicate, term = text_of(row["predicate"]), row["object"]
        if (predicate, str(term)) in seen:
            continue
        seen.add((predicate, str(term)))
        shown = cell(term)
        label = text_of(row["label"])
        if shown.iri and label:
            shown = Cell(label, shown.iri, title=shown.iri)
        grouped.setdefault(predicate, Statement(cell(row["predicate"]), [])).others.append(shown)
    return sorted(grouped.values(), key=lambda item: (item.predicate.title != expand("rdf:type"), item.predicate.text))


def _page(request: Request, asking: Asking, caller: Caller, known: Known) -> Response:
    iri = known.iri
    document = document_link(asking.warehouse, caller, iri)
    return pages_of(request).response(
        request,
        "resource.html",
        iri=iri,
        name=_name(iri, known.said),
        minted=iri.startswith(asking.warehouse.base),
        page=_own_page(request, asking, iri),
        document=pages_of(request).urls.document(document) if document else None,
        statements=_statements(known.said),
        groups=groups_of(iri, references_of(known.referring)),
        more=len(known.referring.rows) > COUNTED,
        counted=COUNTED,
    )


def _own_page(request: Request, asking: Asking, iri: str) -> str | None:
    """The page of a subject or collection; None for other nodes."""
    urls = pages_of(request).urls
    kind, *parts = (unquote(part) for part in iri.removeprefix(asking.warehouse.base).split("/"))
    match kind, parts:
        case "subject", [collection, subject]:
            return urls.subject(collection, subject)
        case "collection", [collection]:
            return urls.collection(collection)
        case _:
            return None


NAMED_BY = ("skos:prefLabel", "rdfs:label", "q:label", "q:identifier")
CALLED_AFTER = ("q:variable", "q:kind", "q:agent", "q:modality")


def _name(iri: str, said: Rows) -> str:
    """What a node is called: its own label, or that of what a record is of, else the short form of its IRI."""
    own = {text_of(row["predicate"]): text_of(row["object"]) for row in said.dicts()}
    others = {text_of(row["predicate"]): text_of(row["label"]) for row in said.dicts()}
    names = [own.get(expand(name)) for name in NAMED_BY] + [others.get(expand(name)) for name in CALLED_AFTER]
    return next((name for name in names if name), label_of(iri))
