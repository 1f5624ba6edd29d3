"""What goes wrong over HTTP: each kind of error has one status, and one handler renders it as JSON or as a page."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from api.asking import ResultTooLargeError
from api.headers import SECURITY_HEADERS
from api.negotiation import NotAcceptableError, formats, preferred
from api.pages import pages_of
from store.guard import QueryRefusedError
from store.warehouse import EmptyWarehouseError
from store.workers import QueryFailedError, QuerySyntaxError, QueryTimeoutError

__all__ = [
    "STATUS",
    "BadRequestError",
    "BodyTooLargeError",
    "NotFoundError",
    "UnsupportedBodyError",
    "add_error_handlers",
    "status_of",
]

log = logging.getLogger(__name__)


class BadRequestError(ValueError):
    """A request that does not make sense; the message says what would."""


class NotFoundError(LookupError):
    """Nothing of that name among what the caller may read."""


class BodyTooLargeError(ValueError):
    """A request body beyond what the server takes."""


class UnsupportedBodyError(ValueError):
    """A request body of a media type that the server does not read."""


@dataclass(frozen=True, slots=True)
class Status:
    """The HTTP status of a kind of error, and what that kind is called."""

    code: int
    title: str
    headers: tuple[tuple[str, str], ...] = ()


STATUS: dict[type[Exception], Status] = {
    BadRequestError: Status(400, "The request does not make sense"),
    ResultTooLargeError: Status(400, "The result is too large"),
    QueryRefusedError: Status(400, "The query is refused"),
    QuerySyntaxError: Status(400, "The query is not SPARQL 1.1"),
    NotFoundError: Status(404, "Not found"),
    NotAcceptableError: Status(406, "No such format"),
    BodyTooLargeError: Status(413, "The request is too large"),
    UnsupportedBodyError: Status(415, "The request has an unknown form"),
    QueryFailedError: Status(500, "The query failed"),
    QueryTimeoutError: Status(503, "The query took too long", (("Retry-After", "10"),)),
    EmptyWarehouseError: Status(503, "The warehouse is empty", (("Retry-After", "60"),)),
}
"""The one table of errors. Errors of `queries.catalogue` are added by `api.query_pages`."""


def status_of(error: Exception) -> Status | None:
    """The status of an error, None where it is not one that is expected."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), None)


def add_error_handlers(app: FastAPI) -> None:
    """Render every error in one way."""
    for kind in STATUS:
        app.add_exception_handler(kind, _expected)
    app.add_exception_handler(HTTPException, _of_framework)
    app.add_exception_handler(RequestValidationError, _of_parameters)
    app.add_exception_handler(Exception, _unexpected)


async def _expected(request: Request, error: Exception) -> Response:
    status = status_of(error)
    assert status is not None, "the handler is only registered for kinds in the table"
    if status.code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        log.warning("%s %s: %s", request.method, request.url.path, error)
    return _render(request, status, str(error))


async def _of_framework(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    details = {404: "There is nothing at this address.", 405: "This address does not take that method."}
    title = HTTPStatus(error.status_code).phrase
    headers = tuple((error.headers or {}).items())
    return _render(request, Status(error.status_code, title, headers), details.get(error.status_code, error.detail))


async def _of_parameters(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    said = "; ".join(f"{item['loc'][-1]}: {item['msg']}" for item in error.errors())
    return _render(request, STATUS[BadRequestError], said)


async def _unexpected(request: Request, error: Exception) -> Response:
    log.error("%s %s", request.method, request.url.path, exc_info=error)
    response = _render(request, Status(500, "Something went wrong on the server"), "It has been written to the log.")
    response.headers.update(SECURITY_HEADERS)
    return response


def _render(request: Request, status: Status, detail: str) -> Response:
    """An error as a page for a browser, else as problem details (RFC 9457)."""
    offered = formats("json", "html")
    chosen = preferred(request.headers.get("accept"), offered)
    headers = dict(status.headers)
    if chosen is not None and chosen.suffix == "html":
        return pages_of(request).response(
            request, "error.html", status_code=status.code, headers=headers, status=status, detail=detail
        )
    problem = {"type": "about:blank", "title": status.title, "status": status.code, "detail": detail}
    return JSONResponse(problem, status.code, headers, media_type="application/problem+json")
