"""An answer of the store as a streamed HTTP response.

Nothing is held back, so an error after the first byte can no longer change the status: the connection is then broken
off before the last chunk, and a client sees a body that is not whole instead of a result that is silently short.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Mapping

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from store.workers import Answer, QueryError

__all__ = ["AnswerResponse"]

log = logging.getLogger(__name__)


class AnswerResponse(Response):
    """A response whose body is an `Answer`.

    ``seconds`` bounds the sending too: a client that stops reading may not keep a query worker for itself.
    """

    def __init__(self, answer: Answer, content_type: str, seconds: float, headers: Mapping[str, str] | None = None):
        self.answer = answer
        self.seconds = seconds
        super().__init__(None, headers={**(headers or {}), "Content-Type": content_type})
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the answer piece by piece."""
        gone = asyncio.create_task(_disconnected(receive))
        sending = asyncio.create_task(self._send(send))
        try:
            done, _ = await asyncio.wait({gone, sending}, return_when=asyncio.FIRST_COMPLETED)
            if sending in done:
                sending.result()
        except QueryError as error:
            log.warning("%s: the answer was broken off: %s", scope["path"], error)
            raise
        except TimeoutError:
            log.warning("%s: the client did not take the answer within %g s", scope["path"], self.seconds)
            raise
        finally:
            for task in (gone, sending):
                task.cancel()
            await asyncio.wait({gone, sending})
            await run_in_threadpool(self.answer.close)

    async def _send(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        pieces = iter(self.answer)
        async with asyncio.timeout(self.seconds):
            while (piece := await run_in_threadpool(_next, pieces)) is not None:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _next(pieces: Iterator[bytes]) -> bytes | None:
    return next(pieces, None)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
