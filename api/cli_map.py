"""Commands on table maps (``qilin map …``)."""

from __future__ import annotations

import typer

__all__ = ["map_commands"]


def map_commands(app: typer.Typer) -> typer.Typer:
    """Add the group of commands on table maps; the group, for further commands."""
    maps = typer.Typer(name="map", help="Table maps: what the columns and cells of tables mean.", no_args_is_help=True)

    @maps.callback()
    def group() -> None:
        """Table maps: what the columns and cells of tables mean."""

    app.add_typer(maps)
    return maps
