"""What the commands of several modules share: options that mean the same everywhere, and the warehouse they open."""

from __future__ import annotations

from typing import Annotated

import typer

from store.warehouse import Warehouse

__all__ = ["Author", "InCollection", "Json", "Reason", "opened"]

Json = Annotated[bool, typer.Option("--json", help="As JSON.")]
InCollection = Annotated[str, typer.Argument(metavar="COLLECTION", help="The collection.")]
Author = Annotated[str, typer.Option(envvar="QILIN_AUTHOR", help="Who decides: a name, e-mail or ORCID.")]
Reason = Annotated[str, typer.Option(help="Why: kept with the decision.")]


def opened(collection: str) -> Warehouse:
    """The warehouse, once it is known to have the collection."""
    warehouse = Warehouse.open()
    warehouse.control.collection(collection)
    return warehouse
