"""Identifiers that were given up: where a subject leads that the cross-walk made one with another."""

from __future__ import annotations

from urllib.parse import quote, unquote

from api.asking import Asking
from store.identity import subject_key
from store.matching import live_ids
from store.warehouse import Caller

__all__ = ["also_known_as", "merged_into", "moved_node"]


def merged_into(asking: Asking, caller: Caller, collection: str, identifier: str) -> str | None:
    """The subject that another identifier of a collection is linked to; None where the caller may not know of either.

    A caller knows of an identifier where they may read a source that names it.
    """
    return _merged(asking, caller).get((collection, identifier))


def moved_node(asking: Asking, caller: Caller, iri: str) -> str | None:
    """The node of the subject that another is linked to, by the other's node; None as `merged_into`."""
    start = f"{asking.warehouse.base}subject/"
    parts = iri.removeprefix(start).split("/")
    if not iri.startswith(start) or len(parts) != 2:
        return None
    collection, identifier = map(unquote, parts)
    subject = merged_into(asking, caller, collection, identifier)
    return None if subject is None else start + "/".join(quote(part, safe="") for part in (collection, subject))


def also_known_as(asking: Asking, caller: Caller, collection: str, subject: str) -> list[str]:
    """The other identifiers of a subject that the caller may know of, in order."""
    return sorted(
        identifier
        for (owner, identifier), target in _merged(asking, caller).items()
        if (owner, target) == (collection, subject)
    )


def _merged(asking: Asking, caller: Caller) -> dict[tuple[str, str], str]:
    """By collection and identifier, the subject that the current generation makes of it."""

    def make() -> dict[tuple[str, str], str]:
        warehouse = asking.warehouse
        manifest = warehouse.generations.current()
        linked = {(link.collection, link.namespace, link.source_id): link.subject for link in manifest.links}
        if not linked:
            return {}
        collections = warehouse.control.collections()
        readable = [
            source
            for source in manifest.sources
            if caller.may_read(collections[source.collection].audience(source.data_class))
        ]
        return {
            (item.collection, subject_key(item.namespace, item.source_id)): linked[of]
            for item in live_ids(warehouse.home.log, readable)
            if (of := (item.collection, item.namespace, item.source_id)) in linked
        }

    return asking.once(("merged subjects",), caller, make)
