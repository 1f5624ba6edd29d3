"""How a map reads its columns, as digests in a kept document: which changed maps the document still serves."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from mappings.shape import Part, Ref, plain
from mappings.tables import TableMap

__all__ = ["FORM", "Shortfall", "completion_of", "layout_of", "shortfall", "ways_of"]

FORM: Final = 1
"""The version of the documents."""


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:16]


def layout_of(part: Part) -> str:
    """A digest of where things stand in a part, but for what its columns mean."""
    return _digest(part.model_dump(mode="json", exclude={"columns", "common"}, exclude_defaults=True))


def ways_of(part: Part) -> dict[str, str]:
    """For each column that a part speaks of, a digest of how it is read."""
    ways: dict[str, list[str]] = defaultdict(list)
    for written, entries in part.columns.items():
        for entry in entries:
            said = entry.model_dump(mode="json", exclude={"fields"}, exclude_defaults=True)
            unit = entry.fields.get("unit")  # an age that was kept as a bound is one in this unit
            ways[written].append(_digest([said, None if isinstance(unit, Ref) else unit]))
            refs = [(name, given) for name, given in entry.fields.items() if isinstance(given, Ref)]
            for name, given in refs:
                for choice in given.choices:
                    for source in filter(None, (*choice.sources, *choice.per, choice.role)):
                        ways[plain(source)].append(_digest([name, choice.model_dump(mode="json")]))
    for name in part.named:
        ways.setdefault(name, [])
    return {name: _digest(sorted(set(found))) for name, found in ways.items()}


def completion_of(stated: Part, part: Part) -> dict[str, Any]:
    """What a source added to a part of a map: visits, and for each entry of a column the fields that it gave it."""
    added = {
        name: [
            {item: _plain_field(given) for item, given in entry.fields.items() if item not in own.fields}
            for entry, own in zip(entries, stated.columns[name], strict=True)
        ]
        for name, entries in part.columns.items()
    }
    return {
        "visits": {} if part.visits == stated.visits else dict(part.visits),
        "columns": {name: entries for name, entries in added.items() if any(entries)},
    }


def _plain_field(given: Ref | bool | float | str) -> Any:
    return given.model_dump(mode="json", exclude_defaults=True) if isinstance(given, Ref) else given


@dataclass(frozen=True, slots=True)
class Shortfall:
    """Why a kept document does not serve a map whole: columns that it does not hold, and whether it serves at all."""

    columns: tuple[str, ...]
    useless: bool


def shortfall(head: Mapping[str, Any], mapping: TableMap) -> Shortfall:
    """What a document lacks of what a map reads; it serves no map that reads one of its columns in another way."""
    kept = {part["sheet"]: part for part in head["parts"]}
    lacking: list[str] = []
    useless = head["form"] != FORM or bool(head["coded"])
    for part in mapping.parts:
        found = kept.get(part.sheet)
        ways = ways_of(part)
        if found is None and part.optional:
            continue  # the table has no such sheet
        if found is None or found["layout"] != layout_of(part):
            useless = True
            lacking += sorted(ways)
            continue
        lacking += sorted(ways.keys() - found["ways"].keys())
        changed = sorted(name for name, way in ways.items() if found["ways"].get(name, way) != way)
        lacking += changed
        useless = useless or bool(changed)
    return Shortfall(tuple(dict.fromkeys(lacking)), useless)
