"""Asking a server for documents over HTTP: bounded, patient with one that is busy, and silent about what is secret.

Redirections are not followed, since they would carry a token elsewhere; what a server says of an error is not repeated,
since it may quote data.
"""

from __future__ import annotations

import ipaddress
import json
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from ingest.locators import split_table

__all__ = ["Place", "Server", "ServerError", "from_environment", "new_session", "on_this_machine", "place_of"]

WAITS: Final = (1.0, 5.0, 20.0)
"""Seconds before a request is made again that the server could not answer."""

TIMEOUT: Final = (15, 300)
"""Seconds to connect, and to wait for an answer."""

LARGEST: Final = 1 << 29
"""The bytes of an answer that are read: 512 MiB."""

BUSY: Final = frozenset({429, 500, 502, 503, 504})


class ServerError(RuntimeError):
    """A server that gave no usable answer: to which request, what is wrong, and what would be right."""

    def __init__(self, place: str, problem: str, wanted: str) -> None:
        self.place, self.problem, self.wanted = place, problem, wanted
        super().__init__(f"{place}: {problem}; wanted: {wanted}")


@dataclass(frozen=True, slots=True)
class Place:
    """What a locator ``KIND+https://host/path#part`` names."""

    base: str
    """The URL without kind, user and part, and without a slash at its end."""
    part: str
    """What stands behind ``#``."""
    host: str


def place_of(locator: str, scheme: str) -> Place:
    """The server and the part of it that a locator of a scheme names; `ServerError` where a secret stands in it.

    >>> place_of("nbia+https://example.org/nbia-api/#LIDC-IDRI", "nbia")
    Place(base='https://example.org/nbia-api', part='LIDC-IDRI', host='example.org')
    """
    url, part = split_table(locator)
    parts = urlsplit(url.partition("+")[2])
    try:
        unusable = parts.scheme not in {"http", "https"} or not parts.hostname or (parts.port or 1) < 1
    except ValueError:
        unusable = True
    if unusable or parts.query or parts.fragment:
        raise ServerError("locator", "the address cannot be used", f"{scheme}+https://host/path#part")
    if parts.username or parts.password:
        raise ServerError("locator", "the address holds a user or password", "both in the environment, not in it")
    if parts.scheme == "http" and not on_this_machine(parts.hostname or ""):
        raise ServerError("locator", "without https what is asked would go in the clear", f"{scheme}+https://…")
    return Place(f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}", part or "", parts.hostname or "")


def new_session(url: str) -> Any:
    """A session of requests to a server, with proxies and ``REQUESTS_CA_BUNDLE`` of the environment, and no ``.netrc``.

    A ``.netrc`` would send credentials that nobody named.
    """
    import requests  # noqa: PLC0415 - slow to import

    session = requests.Session()
    session.trust_env = False
    session.verify = os.environ.get("REQUESTS_CA_BUNDLE") or True
    session.proxies = requests.utils.get_environ_proxies(url)
    return session


def on_this_machine(host: str) -> bool:
    """Whether a host is this machine, to which what is sent cannot be read on the way."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(slots=True)
class Server:
    """A server that is asked; ``token`` and ``login`` are sent to it and shown nowhere."""

    base: str
    token: str = field(default="", repr=False)
    login: tuple[str, str] | None = field(default=None, repr=False)
    waits: Sequence[float] = WAITS

    def json(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The JSON answer to a GET; None where the server says that there is nothing."""
        return self._parsed(path, self.content(path, params, "application/json"))

    def content(self, path: str, params: Mapping[str, str] | None = None, accept: str = "*/*") -> bytes:
        """The answer to a GET as it comes."""
        return self._ask("GET", path, params=dict(params or {}), headers={"Accept": accept})

    def posted(self, path: str, form: Mapping[str, str]) -> Any:
        """The JSON answer to a form."""
        return self._parsed(path, self._ask("POST", path, data=dict(form), headers={"Accept": "application/json"}))

    def _parsed(self, path: str, content: bytes) -> Any:
        if not content.strip():
            return None
        try:
            return json.loads(content)
        except (ValueError, RecursionError):
            raise ServerError(path, "the answer is no JSON", "the address of the server's REST interface") from None

    def _ask(self, method: str, path: str, **request: Any) -> bytes:
        """The answer, the request being repeated while the server is busy or cannot be reached."""
        problem = ""
        for wait in (*self.waits, None):
            status, content = self._once(method, path, request)
            if status in {200, 204}:
                return content
            problem = f"the server answered with status {status}" if status else "the server cannot be reached"
            if status and status not in BUSY:
                raise ServerError(path, problem, REASONS.get(status, "the address of the server's REST interface"))
            if wait is not None:
                time.sleep(wait)
        raise ServerError(path, f"{problem}, {len(self.waits) + 1} times", "to try again later")

    def _once(self, method: str, path: str, request: dict[str, Any]) -> tuple[int, bytes]:
        """Status and content; status 0 where there was no answer."""
        import requests  # noqa: PLC0415 - slow to import

        headers = {**request["headers"], **({"Authorization": f"Bearer {self.token}"} if self.token else {})}
        url = f"{self.base}/{path}"
        sent = {**request, "headers": headers, "timeout": TIMEOUT, "allow_redirects": False, "stream": True}
        try:
            with new_session(url) as session, session.request(method, url, auth=self.login, **sent) as answer:
                content = bytearray()
                for piece in answer.iter_content(1 << 20):
                    content += piece
                    if len(content) > LARGEST:
                        raise ServerError(path, "the answer is too large", f"at most {LARGEST >> 20} MiB")
                return answer.status_code, bytes(content)
        except (requests.ConnectionError, requests.Timeout):
            return 0, b""
        except (requests.RequestException, ValueError):
            raise ServerError(path, "the answer is none of HTTP", "the address of the server") from None


REASONS: Final[Mapping[int, str]] = {
    301: "the address to which this one leads",
    302: "the address to which this one leads, or credentials that the server knows",
    400: "a request that this version of the server knows",
    401: "credentials that the server knows",
    403: "credentials with the right to read this",
    404: "the address of the server's REST interface, and a part that is there",
}


def from_environment(*names: str) -> tuple[str, ...]:
    """The values of environment variables; empty where they are not set."""
    return tuple(os.environ.get(name, "").strip() for name in names)
