"""``/queries``: the curated queries, each with a form for its parameters and its result as a table."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from api.asking import Asking, asking_of
from api.callers import AskedBy
from api.collections import collections_of
from api.errors import STATUS, Status
from api.negotiation import formats, negotiate
from api.pages import pages_of
from queries.catalogue import Query, UnknownParameterError, UnknownQueryError, queries, query
from queries.manifests import in_table, manifest
from queries.parameters import Parameter, ParameterError
from queries.results import LINKS, Table, write
from store.warehouse import Caller

__all__ = ["router"]

router = APIRouter(prefix="/queries", tags=["Curated queries"])
OFFERED = formats("html", "json", "csv", "tsv")
MANIFESTS = formats("tcia", "s5cmd")
"""Offered by suffix alone, for queries with a column of series."""

STATUS |= {
    UnknownQueryError: Status(404, "No such query"),
    UnknownParameterError: Status(400, "No such parameter"),
    ParameterError: Status(400, "A parameter is wrong"),
}


@router.get("", summary="List the curated queries")
async def list_queries(request: Request) -> Response:
    """Every curated query with its summary and parameters; HTML or JSON by Accept."""
    return _list(request, None)


@router.get(".json", summary="List the curated queries as JSON")
async def list_queries_json(request: Request) -> Response:
    """The same as JSON."""
    return _list(request, "json")


@router.get("/{name}", summary="Run a curated query")
async def run_query(request: Request, name: str, caller: AskedBy) -> Response:
    """The result of a curated query; its parameters are parameters of the address.

    ``.json .csv .tsv`` or the Accept header choose the format; for a browser there is a form, and the first rows. A
    query with a column of series also has ``.tcia`` and ``.s5cmd``: manifests by which the images are downloaded.
    """
    return await run_in_threadpool(_run, request, caller, name)


def _list(request: Request, suffix: str | None) -> Response:
    chosen = negotiate(request.headers.get("accept"), suffix, formats("html", "json"))
    found = list(queries().values())
    if chosen.suffix == "json":
        return JSONResponse({"queries": [_about(item) for item in found]}, headers={"Vary": "Accept"})
    return pages_of(request).response(request, "queries.html", queries=found)


def _about(item: Query) -> dict[str, object]:
    return {
        "name": item.name,
        "summary": item.summary,
        "description": item.description,
        "parameters": [
            {"name": p.name, "label": p.label, "wanted": p.wanted, "required": p.required, "default": p.default}
            for p in item.parameters
        ],
        "columns": [{"name": c.name, "label": c.label, "type": c.type, "unit": c.unit} for c in item.columns],
    }


def _run(request: Request, caller: Caller, name: str) -> Response:
    stem, dot, suffix = name.rpartition(".")
    item = query(stem if dot else name)
    listing = any(column.type == "series" for column in item.columns)
    offered = OFFERED + MANIFESTS if dot and listing else OFFERED
    chosen = negotiate(request.headers.get("accept"), suffix if dot else None, offered)
    asking = asking_of(request)
    values = _values(item, request)
    if chosen.suffix == "html":
        return _page(request, asking, caller, item, values)
    table = asking.table(item, values, caller)
    if chosen in MANIFESTS:
        content = manifest(chosen.suffix, in_table(table)).text
        named = f'attachment; filename="{item.name}.{chosen.suffix}"'
        return Response(content, headers={"Content-Type": chosen.content_type, "Content-Disposition": named})
    return Response(write(table, chosen.suffix), headers={"Content-Type": chosen.content_type, "Vary": "Accept"})


def _values(item: Query, request: Request) -> dict[str, str]:
    """The parameters that are given; `ParameterError` where one is given twice, of which one would be passed over."""
    given = [(key, value) for key, value in request.query_params.multi_items() if value.strip()]
    for number, (key, _) in enumerate(given):
        if any(key == other for other, _ in given[:number]):
            raise ParameterError(key, "is given twice", f"one value: {item.name} takes one of each parameter")
    return dict(given)


def _page(request: Request, asking: Asking, caller: Caller, item: Query, values: dict[str, str]) -> Response:
    """The form, and the result once its required parameters are there."""
    missing = [p for p in item.parameters if p.required and p.default is None and p.name not in values]
    table: Table | None = None
    error: str | None = None
    if not missing:
        try:
            table = asking.table(item, values, caller)
        except (ParameterError, UnknownParameterError) as problem:
            error = str(problem)
    return pages_of(request).response(
        request,
        "query.html",
        400 if error else 200,
        query=item,
        values=values,
        options={p.name: _options(asking, caller, p) for p in item.parameters},
        table=table,
        rows=table.rows[: asking.settings.page_rows] if table else (),
        labelled={column.name for column in item.columns if f"{column.name}Label" in {c.name for c in item.columns}},
        places={column.name: place for place, column in enumerate(item.columns)},
        links=LINKS,
        manifests=[form.suffix for form in MANIFESTS if any(column.type == "series" for column in item.columns)],
        error=error,
        missing=missing,
    )


def _options(asking: Asking, caller: Caller, parameter: Parameter) -> list[tuple[str, str]]:
    """What a parameter's field offers."""
    if parameter.type == "collection":
        return [(found.name, found.title or found.name) for found in collections_of(asking, caller)]
    if parameter.type == "boolean":
        return [("true", "yes"), ("false", "no")]
    return parameter.options()
