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
        Format("tcia", ("application/x-nbia-manifest-file",)),
        Format("s5cmd", ("text/plain",)),
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
        if name.count("/") == 1:
            ranges.append((name, weight))
    return ranges or [("*/*", 1.0)]


def _quality(item: Format, ranges: Sequence[tuple[str, float]]) -> float:
    """The q-value of a format: that of the most specific range that holds its media type, or of an alias by name."""
    by_range = dict(reversed(ranges))
    own, *aliases = item.types
    holding = (own, f"{own.split('/', 1)[0]}/*", "*/*")
    quality = next((by_range[name] for name in holding if name in by_range), 0.0)
    return max([quality, *(by_range.get(alias, 0.0) for alias in aliases)])


def preferred(header: str | None, offered: Sequence[Format]) -> Format | None:
    """The format that a request likes best, the earlier of equals; None where it accepts none.

    >>> preferred("application/json;q=0.2, text/csv", formats("html", "json", "csv")).suffix
    'csv'
    """
    ranges = accepted(header)
    qualities = [(_quality(item, ranges), item) for item in offered]
    quality, best = max(qualities, key=lambda pair: pair[0], default=(0.0, None))
    return best if quality > 0 else None


def negotiate(header: str | None, suffix: str | None, offered: Sequence[Format]) -> Format:
    """The format to answer in: a suffix wins over the Accept header; `NotAcceptableError` where nothing fits."""
    by_suffix = {item.suffix: item for item in offered}
    found = by_suffix.get(suffix) if suffix else preferred(header, offered)
    if found is None:
        raise NotAcceptableError(offered)
    return found
