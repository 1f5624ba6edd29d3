"""The front page, the vocabulary, and whether the server is well."""

from __future__ import annotations

from importlib.resources import files

import pyoxigraph as ox
from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.asking import asking_of
from api.callers import AskedBy
from api.collections import collections_of
from api.negotiation import formats, negotiate
from api.pages import pages_of
from api.subject_index import subject_index
from queries.catalogue import queries
from store.warehouse import Caller
from store.worker import GRAPH_FORMATS

__all__ = ["router"]

router = APIRouter(tags=["Warehouse"])


@router.get("/", summary="What this warehouse holds")
async def home(request: Request, caller: AskedBy) -> Response:
    """A page: collections, counts, links, and where to start."""
    return await run_in_threadpool(_home, request, caller)


def _home(request: Request, caller: Caller) -> Response:
    asking, pages = asking_of(request), pages_of(request)
    if asking.empty():
        return pages.response(request, "empty.html")
    index = subject_index(asking, caller)
    return pages.response(
        request,
        "home.html",
        collections=collections_of(asking, caller),
        index=index,
        queries=list(queries().values()),
        generation=asking.warehouse.generations.current(),
    )


@router.get("/healthz", summary="Whether the server answers", responses={200: {"content": {"application/json": {}}}})
async def healthz(request: Request) -> Response:
    """Always answers at once; ``generation`` is the number of the state that is served, 0 before there is one."""
    number = asking_of(request).warehouse.generations.current().number
    return JSONResponse({"status": "ok", "generation": number})


@router.get("/ns", summary="The vocabulary of Qilin")
async def vocabulary(request: Request) -> Response:
    """``ontology/qilin.ttl``, as it is in Turtle or converted."""
    chosen = negotiate(request.headers.get("accept"), None, formats("ttl", "nt", "rdf", "jsonld", "html"))
    turtle = files("ontology").joinpath("qilin.ttl").read_bytes()
    if chosen.suffix in ("ttl", "html"):
        return Response(turtle, headers={"Content-Type": "text/turtle; charset=utf-8", "Vary": "Accept"})
    triples = (quad.triple for quad in ox.parse(turtle, format=ox.RdfFormat.TURTLE))
    written = ox.serialize(triples, format=GRAPH_FORMATS[chosen.engine])
    return Response(written, headers={"Content-Type": chosen.content_type, "Vary": "Accept"})


@router.get("/id/{path:path}", summary="A node of this warehouse", status_code=303)
async def node(request: Request, path: str) -> Response:  # noqa: ARG001 - the encoded path of the scope is what counts
    """A node is no document: see other (303) what is known of it."""
    raw = request.scope.get("raw_path", b"").decode("ascii").split("?")[0]
    local = raw.partition("/id/")[2]
    base = asking_of(request).warehouse.base
    return RedirectResponse(pages_of(request).urls.resource(base + local), 303)
