"""What the commands of maps share: who decides, and how what was read through a map follows it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import typer

from api.console import err, out, report, report_json, watching
from mappings.code_sets import is_code_set
from store.warehouse import Warehouse

__all__ = ["as_json", "author_of", "rederived", "tell"]


def author_of(text: str) -> str:
    """Who decides; a usage error where nobody is named."""
    if not text.strip():
        raise typer.BadParameter("say who decides, here or in the environment as QILIN_AUTHOR", param_hint="--author")
    return text


def rederived(warehouse: Warehouse, name: str, collection: str | None) -> Any:
    """Let what was read through a map or code set follow it; what became of its sources."""
    from ingest.rederive import rederive  # noqa: PLC0415 - readers and pyarrow are slow to import
    from ingest.rederive_codes import rederive_codes  # noqa: PLC0415

    with watching() as progress:
        if is_code_set(name):
            return rederive_codes(warehouse, collection, progress)
        return rederive(warehouse, name, collection, progress)


def as_json(result: Any) -> dict[str, Any]:
    """What became of the sources, for machines."""
    return {
        "unchanged": result.unchanged,
        "from_files": result.from_files,
        "from_documents": result.from_documents,
        "needs_file": [asdict(item) for item in result.lacking],
        "report": report_json(result.report),
    }


def tell(result: Any) -> None:
    """What became of the sources, for people."""
    if result.from_files or result.from_documents:
        out.print(
            f"{result.from_files:,} sources read again from their files, {result.from_documents:,} from what was kept, "
            f"{result.unchanged:,} unchanged",
            highlight=False,
        )
        report(result.report)
    else:
        out.print(f"nothing to read again: {result.unchanged:,} sources follow from the map as it is", highlight=False)
    for item in result.lacking:
        columns = f" for the columns {', '.join(item.columns)}" if item.columns else ""
        state = "; it is served as it was read before" if item.kept_as_it_was else ""
        err.print(f"{item.collection}: {item.name} needs the file again{columns}{state}", highlight=False, markup=False)
