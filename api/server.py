"""Serves a warehouse over HTTP."""

from __future__ import annotations

import logging
import threading

import uvicorn

from api.app import create_app
from api.asking import Asking
from api.collections import collections_of
from api.settings import Settings
from store.warehouse import ANONYMOUS, EmptyWarehouseError, Warehouse
from store.workers import QueryError

__all__ = ["serve"]

log = logging.getLogger(__name__)


def serve(warehouse: Warehouse, host: str = "127.0.0.1", port: int = 8000, settings: Settings | None = None) -> None:
    """Serve a warehouse until the process is told to end, then close it."""
    app = create_app(warehouse, settings)
    threading.Thread(target=_warm, args=(app.state.asking,), daemon=True).start()
    config = uvicorn.Config(app, host=host, port=port, server_header=False, timeout_graceful_shutdown=5)
    try:
        uvicorn.Server(config).run()
    finally:
        warehouse.close()


def _warm(asking: Asking) -> None:
    """Read the list of subjects before the first visitor needs it."""
    try:
        collections_of(asking, ANONYMOUS)
    except EmptyWarehouseError:
        log.info("nothing has been ingested yet")
    except QueryError as error:
        log.warning("the list of subjects is not ready: %s", error)
