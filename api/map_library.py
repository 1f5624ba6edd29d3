"""The table maps of a data folder, also of one in which nothing has been decided yet."""

from __future__ import annotations

from mappings.tables import Library
from store.home import Home
from store.warehouse import Warehouse

__all__ = ["library_of"]


def library_of(home: Home) -> Library:
    """The maps under the decisions of the warehouse; without making one where there is none."""
    return Library.of(home, Warehouse(home).decisions) if home.control.exists() else Library(home.mappings)
