"""The views of a build as the parts see them that derive from the whole: days, and lesions that are one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import duckdb

from ontology.fields import Field, Star
from store.manifest import Manifest
from store.stars import Minter

__all__ = ["Views"]


class Views(Protocol):
    """What `store.build.Build` offers to those: a session with the rows of a manifest by record type."""

    connection: duckdb.DuckDBPyConnection
    manifest: Manifest
    minter: Minter

    def has(self, table: str, column: str = "lot") -> bool:
        """Whether a record type has rows in the log, or a column in them."""

    def view(self, table: str) -> str:
        """The qualified name of a record type's view, or of a table that the build made."""

    def whole(self, table: str) -> str:
        """The view of a record type's rows in every touched collection."""

    def whens(self) -> Iterator[tuple[Star, Field]]:
        """Every field that holds a time and has values, with its star."""
