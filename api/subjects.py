"""``/subjects``: find a subject, and see everything known of it in time."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, RedirectResponse, Response

from api.asking import Asking, asking_of, page_query
from api.callers import AskedBy
from api.collections import CollectionFacts, collection_of, collections_of
from api.errors import BadRequestError, NotFoundError
from api.events import EventRow, drawing_order, event_rows, timeline_events
from api.facts import facts_of
from api.merged import also_known_as, merged_into
from api.negotiation import Format, formats, negotiate
from api.pages import pages_of
from api.streaming import AnswerResponse
from api.subject_index import SubjectIndex, subject_index
from api.timeline import draw_timeline
from api.timeline_bands import Window
from queries.catalogue import query
from queries.results import Table, write
from store.warehouse import Caller

__all__ = ["router"]

router = APIRouter(prefix="/subjects", tags=["Subjects"])
OFFERED = formats("html", "json", "csv", "ttl", "nt", "jsonld", "rdf", "svg")
GRAPHS = formats("ttl", "nt", "jsonld", "rdf")


@router.get("", summary="Find subjects")
async def list_subjects(
    request: Request,
    caller: AskedBy,
    q: Annotated[str, Query(description="A part of the identifier", max_length=200)] = "",
    collection: Annotated[str, Query(description="The name of a collection", max_length=200)] = "",
    page: Annotated[int, Query(description="The page, from 1", ge=1, le=1_000_000)] = 1,
) -> Response:
    """Subjects by a part of their identifier and by collection, page by page with the total; HTML or JSON by Accept."""
    return await run_in_threadpool(_list, request, caller, q, collection, page, None)


@router.get(".json", summary="Find subjects, as JSON")
async def list_subjects_json(
    request: Request,
    caller: AskedBy,
    q: Annotated[str, Query(description="A part of the identifier", max_length=200)] = "",
    collection: Annotated[str, Query(description="The name of a collection", max_length=200)] = "",
    page: Annotated[int, Query(description="The page, from 1", ge=1, le=1_000_000)] = 1,
) -> Response:
    """The same as JSON."""
    return await run_in_threadpool(_list, request, caller, q, collection, page, "json")


@dataclass(frozen=True, slots=True)
class Listed:
    """One page of subjects, and how many there are in all."""

    subjects: Sequence[tuple[str, str]]
    total: int
    page: int
    pages: int
    first: int


def _page_of(found: Sequence[tuple[str, str]], page: int, size: int) -> Listed:
    pages = max(1, -(-len(found) // size))
    if page > pages:
        raise NotFoundError(f"there is no page {page}; the last is {pages}")
    first = (page - 1) * size
    return Listed(found[first : first + size], len(found), page, pages, first + 1)


def _list(request: Request, caller: Caller, q: str, collection: str, page: int, suffix: str | None) -> Response:
    asking, pages = asking_of(request), pages_of(request)
    chosen = negotiate(request.headers.get("accept"), suffix, formats("html", "json"))
    listed = _page_of(subject_index(asking, caller).find(q, collection), page, asking.settings.page_size)
    if chosen.suffix == "json":
        subjects = [
            {"collection": owner, "subject": name, "url": pages.urls.subject(owner, name)}
            for owner, name in listed.subjects
        ]
        content = {"total": listed.total, "page": listed.page, "pages": listed.pages, "subjects": subjects}
        return JSONResponse(content, headers={"Vary": "Accept"})
    known = collections_of(asking, caller)
    synthetic = {item.name for item in known if item.synthetic}
    return pages.response(
        request, "subjects.html", listed=listed, q=q, collection=collection, collections=known, synthetic=synthetic
    )


@router.get("/{collection}/{subject:path}", summary="Show a subject")
async def show_subject(
    request: Request,
    caller: AskedBy,
    collection: str,
    subject: str,
    first: Annotated[int | None, Query(alias="from", description="The first day to draw")] = None,
    last: Annotated[int | None, Query(alias="to", description="The last day to draw")] = None,
    band: Annotated[int, Query(description="Which clock the days are of, from 0", ge=0)] = 0,
) -> Response:
    """A subject in time. ``.json`` and ``.csv`` give the events, ``.ttl .nt .jsonld .rdf`` the triples, ``.svg`` the
    drawing alone; without a suffix the Accept header decides.
    """
    window = _window(first, last, band)
    return await run_in_threadpool(_show, request, caller, collection, subject, window)


def _window(first: int | None, last: int | None, band: int) -> Window | None:
    if first is None and last is None:
        return None
    if first is None or last is None or first >= last or max(abs(first), abs(last)) > 10**6:
        raise BadRequestError("`from` and `to` are two days, the first before the last, such as ?from=-30&to=400")
    return Window(first, last, band)


def _find(index: SubjectIndex, collection: str, subject: str) -> tuple[str, str | None]:
    """The identifier and the suffix that an address means; an identifier may hold a full stop itself."""
    known = {name for owner, name in index.subjects if owner == collection}
    stem, dot, suffix = subject.rpartition(".")
    if subject in known:
        return subject, None
    if dot and stem in known:
        return stem, suffix
    raise NotFoundError(f"no subject of that name in a collection {collection!r} that you may read")


@dataclass(frozen=True, slots=True)
class Subject:
    """Everything that the formats of a subject's page are made of."""

    collection: CollectionFacts
    name: str
    table: Table
    rows: list[EventRow]


def _show(request: Request, caller: Caller, collection: str, named: str, window: Window | None) -> Response:
    asking = asking_of(request)
    index = subject_index(asking, caller)
    try:
        name, suffix = _find(index, collection, named)
    except NotFoundError:
        return _moved(request, caller, index, collection, named)
    chosen = negotiate(request.headers.get("accept"), suffix, OFFERED)
    values = {"collection": collection, "subject": name}
    if chosen in GRAPHS:
        return _graph(asking, caller, values, chosen)
    table = asking.table(query("subject-timeline"), values, caller)
    subject = Subject(collection_of(asking, caller, collection), name, table, event_rows(table))
    headers = {"Content-Type": chosen.content_type, "Vary": "Accept"}
    if chosen.suffix == "csv":
        return Response(write(table, "csv"), headers=headers)
    if chosen.suffix == "json":
        return Response(_json(subject), headers=headers)
    drawing = _draw(request, subject, window)
    if chosen.suffix == "svg":
        return Response(drawing, headers=headers)
    return _page(request, caller, subject, drawing, window)


def _moved(request: Request, caller: Caller, index: SubjectIndex, collection: str, named: str) -> Response:
    """The way to the subject that an identifier was made one with; `NotFoundError` where the caller knows of none."""
    asking = asking_of(request)
    stem, dot, ending = named.rpartition(".")
    suffixes = {offered.suffix for offered in OFFERED}
    for old, suffix in ((named, ""), *(((stem, ending),) if dot and ending in suffixes else ())):
        subject = merged_into(asking, caller, collection, old)
        if subject is not None and (collection, subject) in index.subjects:
            # 303: a link may be withdrawn, and the old page is then its own again
            return RedirectResponse(pages_of(request).urls.subject(collection, subject, suffix), 303)
    raise NotFoundError(f"no subject of that name in a collection {collection!r} that you may read")


def _graph(asking: Asking, caller: Caller, values: dict[str, str], chosen: Format) -> Response:
    text = page_query("subject-graph").bind(values)
    seconds = asking.settings.query_seconds
    answer = asking.warehouse.ask(text, caller, graph_format=chosen.engine, seconds=seconds)
    return AnswerResponse(answer, chosen.content_type, seconds, {"Vary": "Accept"})


def _json(subject: Subject) -> str:
    content = {
        "collection": subject.collection.name,
        "subject": subject.name,
        "synthetic": subject.collection.synthetic,
        "facts": [asdict(fact) for fact in facts_of(subject.rows)],
        **json.loads(write(subject.table, "json")),
    }
    return json.dumps(content, ensure_ascii=False)


def _draw(request: Request, subject: Subject, window: Window | None) -> str:
    urls = pages_of(request).urls
    page = urls.subject(subject.collection.name, subject.name)
    events = drawing_order(timeline_events(subject.rows, page))

    def zoom(part: Window) -> str:
        return urls.subject(
            subject.collection.name, subject.name, "", **{"from": part.first, "to": part.last, "band": part.band}
        )

    return draw_timeline(events, subject.name, window, zoom)


def _page(request: Request, caller: Caller, subject: Subject, drawing: str, window: Window | None) -> Response:
    asking = asking_of(request)
    values = {"collection": subject.collection.name, "subject": subject.name}
    sources = asking.table(page_query("subject-sources"), values, caller)
    before, after = subject_index(asking, caller).beside(subject.collection.name, subject.name)
    return pages_of(request).response(
        request,
        "subject.html",
        collection=subject.collection,
        subject=subject.name,
        also=also_known_as(asking, caller, subject.collection.name, subject.name),
        facts=facts_of(subject.rows),
        drawing=drawing,
        window=window,
        groups=_by_clock(subject.rows[: asking.settings.page_rows]),
        total=len(subject.rows),
        sources={str(row["source"]): row for row in sources.dicts()},
        before=before,
        after=after,
    )


def _by_clock(rows: Sequence[EventRow]) -> list[tuple[str, list[EventRow]]]:
    """Events by clock, in order; those without a day last."""
    groups: dict[str, list[EventRow]] = {}
    for row in rows:
        if row.days:
            groups.setdefault(row.clock, []).append(row)
    undated = [row for row in rows if not row.days]
    return [*groups.items(), *([("", undated)] if undated else [])]
