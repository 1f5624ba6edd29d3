"""What whoever runs the server may set."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the HTTP door.

    ``query_seconds`` bounds a query at ``/sparql`` from its start to its last byte, ``page_seconds`` each query of a
    page; ``body_bytes`` is the largest request body, ``page_rows`` the most rows that a page shows of a result.
    """

    title: str = "Qilin"
    query_seconds: float = 30.0
    page_seconds: float = 20.0
    body_bytes: int = 1 << 20
    page_rows: int = 1000
    page_size: int = 50
