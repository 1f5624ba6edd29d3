"""What whoever runs the server may set."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the HTTP door.

    ``query_seconds`` bounds a query at ``/sparql`` from its start to its last byte, ``page_seconds`` each query of a
    page; ``queue`` is how many requests at ``/sparql`` may wait for a worker, ``body_bytes`` the largest request body,
    ``result_bytes`` the largest result of a curated query, ``page_rows`` the most rows of it that a page shows.
    """

    title: str = "Qilin"
    query_seconds: float = 30.0
    page_seconds: float = 20.0
    queue: int = 20
    body_bytes: int = 1 << 20
    result_bytes: int = 64 << 20
    page_rows: int = 1000
    page_size: int = 50
