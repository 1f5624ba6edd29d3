"""The HTTP door: one FastAPI application over one warehouse."""

from __future__ import annotations

from importlib.resources import files

from fastapi import FastAPI
from starlette.middleware.cors import CORSMiddleware
from starlette.staticfiles import StaticFiles

from api import collections, documents, home, query_pages, resource, sparql, subjects
from api.asking import Asking
from api.errors import add_error_handlers
from api.headers import SecurityHeaders
from api.pages import Pages
from api.settings import Settings
from api.urls import Urls
from store.warehouse import Warehouse

__all__ = ["create_app"]

DESCRIPTION = """A semantic data warehouse for quantitative cancer imaging research.

Every caller is answered from what the caller may read, and from nothing else. Errors are problem details (RFC 9457).
"""


def create_app(warehouse: Warehouse, settings: Settings | None = None, root: str = "") -> FastAPI:
    """The application over an open warehouse; ``root`` is the path below which a proxy serves it.

    The caller keeps the warehouse and closes it when the server has ended.
    """
    settings = settings or Settings()
    app = FastAPI(
        title=settings.title, description=DESCRIPTION, version="0.1.0", docs_url=None, redoc_url=None, root_path=root
    )
    app.state.settings = settings
    app.state.pages = Pages(settings, Urls(root))
    app.state.asking = Asking(warehouse, settings)
    app.mount("/static", StaticFiles(directory=str(files("api").joinpath("static"))), name="static")
    for module in (home, sparql, query_pages, subjects, collections, documents, resource):
        app.include_router(module.router)
    add_error_handlers(app)
    # any page may ask for what is public: no cookie or other credential is ever sent along
    app.add_middleware(
        CORSMiddleware,
        allow_origins=["*"],
        allow_methods=["GET", "HEAD", "POST"],
        allow_headers=["Accept", "Content-Type"],
    )
    app.add_middleware(SecurityHeaders)
    return app
