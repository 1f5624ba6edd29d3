"""``/sparql``: the SPARQL 1.1 Protocol for queries, its service description, and a plain form for a browser."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any
from urllib.parse import parse_qs

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from api.asking import asking_of
from api.callers import AskedBy
from api.errors import BadRequestError, BodyTooLargeError, UnsupportedBodyError
from api.negotiation import FORMATS, Format, NotAcceptableError, formats, preferred
from api.pages import pages_of
from api.service_description import describe_service
from api.sparql_page import form_page, result_page
from api.streaming import AnswerResponse
from store.warehouse import Caller
from store.workers import Answer

__all__ = ["router"]

router = APIRouter(tags=["SPARQL"])

TABLES = formats("srj", "srx", "csv", "tsv")
GRAPHS = formats("ttl", "nt", "rdf", "jsonld")
SUFFIXES = {
    "json": "srj",
    "xml": "srx",
    "csv": "csv",
    "tsv": "tsv",
    "ttl": "ttl",
    "nt": "nt",
    "rdf": "rdf",
    "jsonld": "jsonld",
}
DATASET = ("default-graph-uri", "named-graph-uri", "using-graph-uri", "using-named-graph-uri")
FORM, DIRECT, UPDATE = "application/x-www-form-urlencoded", "application/sparql-query", "application/sparql-update"

GET_QUERY: dict[str, Any] = {
    "parameters": [
        {
            "name": "query",
            "in": "query",
            "required": False,
            "description": "A SPARQL 1.1 query. Without it: the service description, or a form for a browser.",
            "schema": {"type": "string"},
        }
    ]
}
POST_QUERY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            FORM: {"schema": {"type": "object", "required": ["query"], "properties": {"query": {"type": "string"}}}},
            DIRECT: {"schema": {"type": "string"}},
        },
    }
}
RESPONSES: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The result, streamed",
        "content": {item.types[0]: {} for item in (*TABLES, *GRAPHS)},
    },
    400: {"description": "Not SPARQL 1.1, refused (SERVICE, too deep, too long), an update, or a dataset parameter"},
    406: {"description": "The result cannot be had in any format that the request accepts"},
    413: {"description": "The request body is too large"},
    503: {"description": "The query took longer than a query may, or the server is busy"},
}


@router.get("/sparql", summary="Ask a SPARQL query", responses=RESPONSES, openapi_extra=GET_QUERY)
async def get_sparql(request: Request, caller: AskedBy) -> Response:
    """SPARQL 1.1 Protocol, section 2.1.1, over everything that the caller may read, as one default graph."""
    return await _get(request, caller, None)


@router.get(
    "/sparql.{suffix}", summary="Ask a SPARQL query in a named format", responses=RESPONSES, openapi_extra=GET_QUERY
)
async def get_sparql_as(
    request: Request, caller: AskedBy, suffix: Annotated[str, Path(description=f"One of: {', '.join(SUFFIXES)}")]
) -> Response:
    """The same with the format in the address, where a link cannot say what it accepts."""
    if suffix not in SUFFIXES:
        raise NotAcceptableError((*TABLES, *GRAPHS))
    return await _get(request, caller, FORMATS[SUFFIXES[suffix]])


@router.post("/sparql", summary="Ask a SPARQL query in the body", responses=RESPONSES, openapi_extra=POST_QUERY)
async def post_sparql(request: Request, caller: AskedBy) -> Response:
    """SPARQL 1.1 Protocol, sections 2.1.2 (URL-encoded form) and 2.1.3 (the query itself)."""
    content_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    _refuse_dataset(request.query_params.multi_items())
    if content_type == UPDATE:
        raise BadRequestError("updates are refused: the warehouse is written by ingest only, never by SPARQL")
    if content_type not in (FORM, DIRECT):
        raise UnsupportedBodyError(f"{content_type or 'no media type'} is not read here; send {DIRECT} or {FORM}")
    body = await _body(request, asking_of(request).settings.body_bytes)
    if content_type == DIRECT:
        return await _answer(request, caller, body, None)
    try:
        pairs = [(name, value) for name, values in parse_qs(body, keep_blank_values=True).items() for value in values]
    except ValueError as error:
        raise BadRequestError("the form cannot be read") from error
    return await _answer(request, caller, _query_of(pairs), None)


async def _get(request: Request, caller: Caller, asked: Format | None) -> Response:
    pairs = request.query_params.multi_items()
    if any(name == "query" for name, _ in pairs) or any(name in (*DATASET, "update") for name, _ in pairs):
        query = _query_of(pairs)
        if query.strip() or not _wants_page(request, asked):
            return await _answer(request, caller, query, asked)
    if asked is None and _wants_page(request, asked):
        return form_page(request)
    offered = (asked,) if asked in GRAPHS else GRAPHS
    chosen = preferred(None if asked else request.headers.get("accept"), offered)
    if chosen is None or (asked is not None and asked not in GRAPHS):
        raise BadRequestError("there is no query; give one as ?query=")
    endpoint = str(request.url.replace(query="", path=pages_of(request).urls.sparql()))
    return Response(describe_service(endpoint, chosen.engine), headers=_type(chosen))


def _type(chosen: Format) -> dict[str, str]:
    return {"Content-Type": chosen.content_type, "Vary": "Accept"}


def _wants_page(request: Request, asked: Format | None) -> bool:
    """Whether the request likes a page better than any result format: a browser does."""
    if asked is not None:
        return False
    chosen = preferred(request.headers.get("accept"), (*TABLES, *GRAPHS, FORMATS["html"]))
    return chosen is FORMATS["html"]


def _query_of(pairs: Sequence[tuple[str, str]]) -> str:
    """The one query of a request's parameters."""
    _refuse_dataset(pairs)
    if any(name == "update" for name, _ in pairs):
        raise BadRequestError("updates are refused: the warehouse is written by ingest only, never by SPARQL")
    found = [value for name, value in pairs if name == "query"]
    if len(found) != 1:
        raise BadRequestError(f"exactly one parameter `query` is needed; there are {len(found)}")
    return found[0]


def _refuse_dataset(pairs: Sequence[tuple[str, str]]) -> None:
    given = next((name for name, _ in pairs if name in DATASET), None)
    if given:
        raise BadRequestError(
            f"{given} is refused: the dataset of a query is always everything that you may read, as one default graph"
        )


async def _body(request: Request, limit: int) -> str:
    """The body as text; `BodyTooLargeError` as soon as it passes the limit."""
    parts, size = list[bytes](), 0
    async for part in request.stream():
        size += len(part)
        if size > limit:
            raise BodyTooLargeError(f"the body passes {limit:,} bytes")
        parts.append(part)
    try:
        return b"".join(parts).decode("utf-8")
    except UnicodeDecodeError as error:
        raise BadRequestError("the body is not UTF-8") from error


async def _answer(request: Request, caller: Caller, query: str, asked: Format | None) -> Response:
    """The answer in the format asked for: streamed, or as a page."""
    if asked is None and _wants_page(request, asked):
        with asking_of(request).place():
            return await run_in_threadpool(result_page, request, caller, query)
    accept = None if asked else request.headers.get("accept")
    table = preferred(accept, [item for item in TABLES if asked in (None, item)])
    graph = preferred(accept, [item for item in GRAPHS if asked in (None, item)])
    if table is None and graph is None:
        raise NotAcceptableError((*TABLES, *GRAPHS))
    with asking_of(request).place():
        answer = await run_in_threadpool(_ask, request, caller, query, table, graph)
    chosen = next((item for item in (table, graph) if item is not None and item.engine == answer.format), None)
    if chosen is None:
        await run_in_threadpool(answer.close)
        raise NotAcceptableError(TABLES if answer.format in {item.engine for item in TABLES} else GRAPHS)
    seconds = asking_of(request).settings.query_seconds
    return AnswerResponse(answer, _content_type(chosen, accept), seconds, {"Vary": "Accept"})


def _content_type(chosen: Format, accept: str | None) -> str:
    """The format's own media type, or plain JSON where that is what was asked for by name."""
    named = (accept or "").lower()
    if chosen is FORMATS["srj"] and chosen.types[0] not in named and "application/json" in named:
        return "application/json"
    return chosen.content_type


def _ask(request: Request, caller: Caller, query: str, table: Format | None, graph: Format | None) -> Answer:
    asking = asking_of(request)
    return asking.warehouse.ask(
        query,
        caller,
        select_format=(table or TABLES[0]).engine,
        graph_format=(graph or GRAPHS[0]).engine,
        seconds=asking.settings.query_seconds,
    )
