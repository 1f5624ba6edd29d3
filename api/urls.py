"""Every URL of the server, built in one place: parts and parameters are percent-encoded here and nowhere else."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote, urlencode

__all__ = ["Urls"]


def _path(*parts: str) -> str:
    return "/" + "/".join(quote(part, safe="") for part in parts)


def _with(path: str, parameters: Mapping[str, str | int | None]) -> str:
    given = {name: value for name, value in parameters.items() if value not in (None, "")}
    return f"{path}?{urlencode(given)}" if given else path


def _suffixed(path: str, suffix: str) -> str:
    return f"{path}.{suffix}" if suffix else path


class Urls:
    """The paths of the server below ``root`` (the prefix at which a proxy mounts it, else empty).

    >>> Urls().subject("qin_breast", "A/1", "ttl")
    '/subjects/qin_breast/A%2F1.ttl'
    """

    def __init__(self, root: str = "") -> None:
        self.root = root.rstrip("/")

    def home(self) -> str:
        """The front page."""
        return f"{self.root}/"

    def static(self, name: str) -> str:
        """A file of our own that pages need."""
        return self.root + _path("static", name)

    def sparql(self, query: str | None = None, suffix: str = "") -> str:
        """The SPARQL endpoint, with a query."""
        return self.root + _with(_suffixed("/sparql", suffix), {"query": query})

    def queries(self) -> str:
        """The list of curated queries."""
        return f"{self.root}/queries"

    def query(self, name: str, suffix: str = "", parameters: Mapping[str, str | int | None] | None = None) -> str:
        """A curated query with its parameters."""
        return self.root + _with(_suffixed(_path("queries", name), suffix), parameters or {})

    def subjects(self, q: str = "", collection: str = "", page: int = 1) -> str:
        """The list of subjects: those whose identifier holds ``q``, of one collection."""
        return self.root + _with("/subjects", {"q": q, "collection": collection, "page": page if page > 1 else None})

    def subject(self, collection: str, subject: str, suffix: str = "", **parameters: int | None) -> str:
        """The page of a subject."""
        return self.root + _with(_suffixed(_path("subjects", collection, subject), suffix), parameters)

    def collections(self) -> str:
        """The list of collections."""
        return f"{self.root}/collections"

    def collection(self, name: str, suffix: str = "") -> str:
        """The page of a collection."""
        return self.root + _suffixed(_path("collections", name), suffix)

    def resource(self, iri: str, suffix: str = "") -> str:
        """What is known of a node."""
        return self.root + _with(_suffixed("/resource", suffix), {"iri": iri})

    def document(self, digest: str) -> str:
        """A kept document, by its SHA-256."""
        return self.root + _path("documents", digest)
