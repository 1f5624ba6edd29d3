"""Who is asking over HTTP: the one door at which a request becomes a caller."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from store.warehouse import ANONYMOUS, Caller

__all__ = ["AskedBy", "caller_of"]


async def caller_of(request: Request) -> Caller:  # noqa: ARG001 - accounts will read the session or token from it
    """The caller of a request: everyone is a member of ``public``, and nobody of more until there are accounts."""
    return ANONYMOUS


AskedBy = Annotated[Caller, Depends(caller_of)]
"""A route's parameter that is its caller."""
