"""Pages: the Jinja environment of one app, and a response made of a template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import HTMLResponse

from api.settings import Settings
from api.terms import label_of
from api.urls import Urls
from queries.results import Cell, plain

__all__ = ["Pages", "pages_of"]


class Pages:
    """The templates of one app; everything that enters them as text is escaped."""

    def __init__(self, settings: Settings, urls: Urls) -> None:
        self.urls = urls
        self.environment = Environment(
            loader=PackageLoader("api"),
            autoescape=select_autoescape(default=True),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self.environment.globals |= {"settings": settings, "urls": urls}
        self.environment.filters |= FILTERS

    def response(
        self,
        request: Request,
        template: str,
        status_code: int = 200,
        headers: Mapping[str, str] | None = None,
        **values: Any,
    ) -> HTMLResponse:
        """A page."""
        text = self.environment.get_template(template).render(path=request.url.path, **values)
        return HTMLResponse(text, status_code, {"Vary": "Accept", **(headers or {})})


def capitalize_first(text: str) -> str:
    """A text with its first letter in upper case, and the rest as it is."""
    return text[:1].upper() + text[1:]


def plainly(value: Cell) -> str:
    """A value of a result for people."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return plain(value)


def thousands(value: float) -> str:
    """A number with commas.

    >>> thousands(86362)
    '86,362'
    """
    return f"{value:,}"


def short(iri: str) -> str:
    """The name of a node in a table, where a whole UID would push all else out of sight.

    >>> short("urn:oid:1.3.6.1.4.1.14519.5.2.1.7695.4164.588007658875211151397302775781")
    '1.3.6.1…397302775781'
    """
    uid = iri.removeprefix("urn:oid:")
    return f"{uid[:7]}…{uid[-12:]}" if uid != iri and len(uid) > 24 else label_of(iri)


FILTERS: dict[str, Callable[..., str]] = {
    "capitalize_first": capitalize_first,
    "plainly": plainly,
    "short": short,
    "svg": Markup,
    "thousands": thousands,
}


def pages_of(request: Request) -> Pages:
    """The pages of the app that a request came to."""
    pages = request.app.state.pages
    assert isinstance(pages, Pages)
    return pages
