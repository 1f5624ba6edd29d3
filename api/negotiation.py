"""Content negotiation: which of the formats on offer a request gets (RFC 9110, section 12.5.1)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

__all__ = ["FORMATS", "Format", "NotAcceptableError", "accepted", "formats", "negotiate", "preferred"]


@dataclass(frozen=True, slots=True)
class Format:
    """A format: its suffix in URLs, its media types (the first is sent), and the store's name for it."""

    suffix: str
    types: tuple[str, ...]
    engine: str = ""

    @property
    def content_type(self) -> str:
        """The value of the Content-Type header."""
        text = self.types[0].startswith("text/") or self.types[0] == "image/svg+xml"
        return f"{self.types[0]}; charset=utf-8" if text else self.types[0]


FORMATS: dict[str, Format] = {
    item.suffix: item
    for item in (
        Format("html", ("text/html", "application/xhtml+xml")),
        Format("json", ("application/json",), "json"),
        Format("csv", ("text/csv",), "csv"),
        Format("tsv", ("text/tab-separated-values",), "tsv"),
        Format("svg", ("image/svg+xml",)),
        Format("srj", ("application/sparql-results+json", "application/json"), "json"),
        Format("srx", ("application/sparql-results+xml", "application/xml", "text/xml"), "xml"),
        Format("ttl", ("text/turtle", "application/x-turtle"), "turtle"),
        Format("nt", ("application/n-triples", "text/plain"), "ntriples"),
        Format("jsonld", ("application/ld+json", "application/json"), "jsonld"),
        Format("rdf", ("application/rdf+xml", "application/xml"), "rdfxml"),
    )
}
"""Every format by its suffix."""


class NotAcceptableError(ValueError):
    """None of the formats on offer is accepted; the message names those that are there."""

    def __init__(self, offered: Iterable[Format]) -> None:
        names = ", ".join(dict.fromkeys(item.types[0] for item in offered))
        super().__init__(f"nothing of what was asked for is available here; available: {names}")


def formats(*suffixes: str) -> tuple[Format, ...]:
    """Formats by suffix, the preferred one first."""
    return tuple(FORMATS[suffix] for suffix in suffixes)


def accepted(header: str | None) -> list[tuple[str, float]]:
    """The media ranges of an Accept header with their q-values; what cannot be read is passed over.

    >>> accepted("text/html, application/json;q=0.5, */*;q=0.1")
    [('text/html', 1.0), ('application/json', 0.5), ('*/*', 0.1)]
    """
    ranges = []
    for part in (header or "").split(","):
        name, *parameters = (piece.strip().lower() for piece in part.split(";"))
        quality = next((piece[2:].strip() for piece in parameters if piece.startswith("q=")), "1")
        try:
            weight = min(1.0, max(0.0, float(quality)))
        except ValueError:
            continue
        if name.count("/") == 1 and weight == weight:  # noqa: PLR0124 - not a NaN
            ranges.append((name, weight))
    return ranges or [("*/*", 1.0)]


def _quality(media_type: str, ranges: Sequence[tuple[str, float]]) -> float:
    """The q-value of a media type: that of the most specific range that holds it."""
    main = media_type.split("/", 1)[0]
    by_range = dict(reversed(ranges))
    for name in (media_type, f"{main}/*", "*/*"):
        if name in by_range:
            return by_range[name]
    return 0.0


def preferred(header: str | None, offered: Sequence[Format]) -> Format | None:
    """The format that a request likes best, the earlier of equals; None where it accepts none.

    >>> preferred("application/json;q=0.2, text/csv", formats("html", "json", "csv")).suffix
    'csv'
    """
    ranges = accepted(header)
    best = max(offered, key=lambda item: max(_quality(name, ranges) for name in item.types))
    return best if any(_quality(name, ranges) > 0 for name in best.types) else None


def negotiate(header: str | None, suffix: str | None, offered: Sequence[Format]) -> Format:
    """The format to answer in: a suffix wins over the Accept header; `NotAcceptableError` where nothing fits."""
    by_suffix = {item.suffix: item for item in offered}
    found = by_suffix.get(suffix) if suffix else preferred(header, offered)
    if found is None:
        raise NotAcceptableError(offered)
    return found
