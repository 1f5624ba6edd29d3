"""``/collections``: what each collection is, what it holds, and who may see it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import JSONResponse, Response

from api.asking import Asking, asking_of, page_query
from api.callers import AskedBy
from api.errors import NotFoundError
from api.negotiation import formats, negotiate
from api.pages import pages_of
from api.subject_index import subject_index
from ontology.prefixes import compact, expand
from ontology.records import DataClass
from ontology.terminology import label
from ontology.terms import q
from queries.catalogue import query
from queries.results import Cell, Table
from store.twin import Held
from store.warehouse import Caller
from store.workers import QueryTimeoutError

__all__ = ["CollectionFacts", "collections_of", "router"]

router = APIRouter(prefix="/collections", tags=["Collections"])
OFFERED = formats("html", "json")
COUNTING = 20.0
"""Seconds that counting what a collection holds may take, before its page does without."""
CLASSES = {q.IMAGES: DataClass.IMAGES, q.IMAGE_METADATA: DataClass.METADATA, q.CLINICAL: DataClass.CLINICAL}

KINDS = {
    q.SUBJECT_CLASS: "subjects",
    q.STUDY_CLASS: "studies",
    q.SERIES_CLASS: "series",
    q.LESION: "lesions",
    q.MEASUREMENT: "measurements",
    q.FINDING: "findings",
    q.RESPONSE: "responses",
    q.OUTCOME: "outcomes",
    q.TREATMENT: "treatments",
    q.EVENT_CLASS: "events",
}
"""What the query ``collection-inventory`` calls the things of a class, in its order."""


@dataclass(frozen=True, slots=True)
class CollectionFacts:
    """What is said of a collection; ``subjects`` is how many of them the caller may know of."""

    name: str
    iri: str
    title: str
    description: str
    licence: str
    doi: str
    cancer_type: str
    synthetic: bool
    subjects: int

    @property
    def doi_link(self) -> str | None:
        """The address of the DOI; None where the identifier is no DOI."""
        bare = self.doi.removeprefix("doi:").removeprefix("https://doi.org/")
        return f"https://doi.org/{bare}" if bare.startswith("10.") else None


@dataclass(frozen=True, slots=True)
class SourceCount:
    """How many sources of a kind a collection has, of which class of data, and who may read that class."""

    data_class: str
    kind: str
    sources: int
    audience: str


def collections_of(asking: Asking, caller: Caller) -> Sequence[CollectionFacts]:
    """Every collection that the caller may read something of."""

    def make() -> tuple[CollectionFacts, ...]:
        index = subject_index(asking, caller)
        table = asking.table(page_query("collection-list"), {}, caller)
        return tuple(
            CollectionFacts(
                name=str(row["collection"]),
                iri=str(row["node"]),
                title=str(row["title"] or ""),
                description=str(row["description"] or ""),
                licence=str(row["licence"] or ""),
                doi=str(row["doi"] or ""),
                cancer_type=str(row["cancerType"] or ""),
                synthetic=row["synthetic"] is True,
                subjects=index.counts[str(row["collection"])],
            )
            for row in table.dicts()
        )

    return asking.once(("collections",), caller, make)


def collection_of(asking: Asking, caller: Caller, name: str) -> CollectionFacts:
    """One collection; `NotFoundError` where the caller may read nothing of that name."""
    found = next((item for item in collections_of(asking, caller) if item.name == name), None)
    if found is None:
        raise NotFoundError(f"no collection {name!r} that you may read; /collections lists those that there are")
    return found


@router.get("", summary="List the collections")
async def list_collections(request: Request, caller: AskedBy) -> Response:
    """Every collection with its title, licence and number of subjects; HTML or JSON by Accept."""
    return await run_in_threadpool(_list, request, caller, None)


@router.get(".json", summary="List the collections as JSON")
async def list_collections_json(request: Request, caller: AskedBy) -> Response:
    """The same as JSON."""
    return await run_in_threadpool(_list, request, caller, "json")


@router.get("/{name}", summary="Show a collection")
async def show_collection(request: Request, name: str, caller: AskedBy) -> Response:
    """What a collection is, its things by kind, its sources and its clocks; ``.json`` gives the same as JSON."""
    return await run_in_threadpool(_show, request, caller, name)


def _list(request: Request, caller: Caller, suffix: str | None) -> Response:
    chosen = negotiate(request.headers.get("accept"), suffix, OFFERED)
    found = collections_of(asking_of(request), caller)
    if chosen.suffix == "json":
        return JSONResponse({"collections": [asdict(item) for item in found]}, headers={"Vary": "Accept"})
    return pages_of(request).response(request, "collections.html", collections=found)


def _show(request: Request, caller: Caller, name: str) -> Response:
    asking = asking_of(request)
    known = {item.name for item in collections_of(asking, caller)}
    stem, dot, suffix = name.rpartition(".")
    named, asked = (stem, suffix) if name not in known and dot and stem in known else (name, None)
    chosen = negotiate(request.headers.get("accept"), asked, OFFERED)
    collection = collection_of(asking, caller, named)
    inventory = _inventory(asking, caller, named)
    sources = _sources(asking, caller, named)
    clocks = [str(row["label"]) for row in _clocks(asking, caller, named).dicts()]
    if chosen.suffix == "json":
        content = asdict(collection) | {
            "inventory": [
                {key: row[key] for key in ("kind", "modalityLabel", "number", "subjects")} for row in inventory.dicts()
            ]
            if inventory
            else None,
            "sources": [asdict(item) for item in sources],
            "clocks": clocks,
        }
        return JSONResponse(content, headers={"Vary": "Accept"})
    return pages_of(request).response(
        request, "collection.html", collection=collection, inventory=inventory, sources=sources, clocks=clocks
    )


def _inventory(asking: Asking, caller: Caller, name: str) -> Table | None:
    """What the collection holds; None where counting it takes longer than a page may."""

    def make() -> Table:
        curated = query("collection-inventory")
        held = asking.warehouse.inventory(name, caller)
        if held is None:
            return asking.table(curated, {"collection": name}, caller, seconds=COUNTING)
        return Table(curated, tuple(_row(name, item) for item in sorted(held, key=_place)))

    try:
        return asking.once(("inventory", name), caller, make)
    except QueryTimeoutError:
        return None


def _place(item: Held) -> tuple[int, str]:
    return list(KINDS).index(item.kind), (label(item.modality) or "") if item.modality else ""


def _row(collection: str, item: Held) -> tuple[Cell, ...]:
    """A row of the query ``collection-inventory``."""
    modality = (expand(item.modality), label(item.modality)) if item.modality else (None, None)
    return (collection, KINDS[item.kind], *modality, item.number, item.subjects)


def _sources(asking: Asking, caller: Caller, name: str) -> list[SourceCount]:
    """The sources by kind. Only the audiences of classes of which the caller sees a source are told."""
    table = asking.table(page_query("collection-sources"), {"collection": name}, caller)
    settings = asking.warehouse.generations.current().collections[name]
    return [
        SourceCount(
            str(row["dataClassLabel"] or ""),
            str(row["kind"]),
            int(str(row["sources"])),
            settings.audience(CLASSES[compact(str(row["dataClass"]))]),  # type: ignore[index]
        )
        for row in table.dicts()
    ]


def _clocks(asking: Asking, caller: Caller, name: str) -> Table:
    return asking.table(page_query("collection-clocks"), {"collection": name}, caller)
