"""FHIR documents as a stream of resources: JSON bundles, single resources, and NDJSON of bulk exports.

One resource is held at a time. What is nested or long beyond any resource of use is left out with a fault, not held.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import ijson

__all__ = ["DEPTH", "LINES", "Entry", "StreamFault", "resources"]

LINES: Final = frozenset({".ndjson", ".jsonl"})
"""Suffixes of files with one resource on each line (FHIR Bulk Data Access)."""

DEPTH: Final = 64
"""Levels of nesting within a resource; those of FHIR itself stay below 20."""

NODES: Final = 200_000
"""Values within one resource."""

LINE: Final = 64 << 20
"""Bytes of one line."""


@dataclass(frozen=True, slots=True)
class StreamFault:
    """Something of a document that cannot be read."""

    place: str
    problem: str
    wanted: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One resource with its place in the document, and the URL by which others refer to it."""

    place: str
    resource: dict[str, Any]
    full_url: str = ""


TOO_MUCH = StreamFault(
    "", f"is nested deeper than {DEPTH} levels or holds more than {NODES:,} values", "a resource as FHIR R4 defines it"
)
END: Final = ("end", None)
NO_RESOURCE = StreamFault("", "holds no resource", "an object with a resourceType")


def resources(path: Path) -> Iterator[Entry | StreamFault]:
    """The resources of a document in order; OSError where the file cannot be opened."""
    return _lines(path) if path.suffix.lower() in LINES else _document(path)


# one JSON document


def _document(path: Path) -> Iterator[Entry | StreamFault]:
    with path.open("rb") as handle:
        if handle.read(3) != b"\xef\xbb\xbf":
            handle.seek(0)
        events = iter(ijson.basic_parse(handle, use_float=False))
        try:
            yield from _root(events)
        except (ijson.JSONError, ValueError, OverflowError):
            yield StreamFault("document", "is no JSON, or is cut off", "a whole JSON document in UTF-8")


def _root(events: Iterator[tuple[str, Any]]) -> Iterator[Entry | StreamFault]:
    """The entries of a bundle as they come; where the document is one resource, that."""
    if next(events, END)[0] != "start_map":
        yield StreamFault("document", "is no object", "a Bundle or another resource")
        return
    root: dict[str, Any] = {}
    entries = False
    for event, key in events:
        if event == "end_map":
            break
        kind, value = next(events, END)
        if key == "entry" and kind == "start_array":
            entries = True
            yield from _entries(events)
            continue
        built = _built(kind, value, events)
        if not isinstance(built, StreamFault):
            root[key] = built
    if root.get("resourceType") == "Bundle":
        return
    if entries or not isinstance(root.get("resourceType"), str):
        yield StreamFault("document", "is neither a Bundle nor a resource", "a resourceType at the root")
    else:
        yield Entry("document", root)


def _entries(events: Iterator[tuple[str, Any]]) -> Iterator[Entry | StreamFault]:
    for number, (kind, value) in enumerate(events):
        if kind == "end_array":
            return
        place = f"entry[{number}]"
        built = _built(kind, value, events)
        yield _named(built, place) if isinstance(built, StreamFault) else _entry(built, place)


def _entry(built: object, place: str) -> Entry | StreamFault:
    resource = built.get("resource") if isinstance(built, dict) else None
    if not isinstance(built, dict) or not isinstance(resource, dict):
        return _named(NO_RESOURCE, place)
    full_url = built.get("fullUrl")
    return Entry(f"{place}.resource", resource, full_url if isinstance(full_url, str) else "")


def _named(fault: StreamFault, place: str) -> StreamFault:
    return StreamFault(place, fault.problem, fault.wanted)


def _built(kind: str, value: Any, events: Iterator[tuple[str, Any]]) -> Any:
    """The value that begins with an event, a fault where it is beyond the bounds; its events are consumed."""
    if kind not in {"start_map", "start_array"}:
        return value
    top: Any = {} if kind == "start_map" else []
    stack, keys, count, depth = [top], [""], 0, 1
    for event, item in events:
        count += 1
        if event in {"end_map", "end_array"}:
            depth -= 1
            if depth < len(stack):
                stack.pop()
                keys.pop()
            if depth == 0:
                return top if count <= NODES else TOO_MUCH
            continue
        starts = event in {"start_map", "start_array"}
        depth += starts
        if depth > DEPTH or count > NODES:
            count = NODES + 1
            continue
        if event == "map_key":
            keys[-1] = item
            continue
        made: Any = ({} if event == "start_map" else []) if starts else item
        if isinstance(stack[-1], dict):
            stack[-1][keys[-1]] = made
        else:
            stack[-1].append(made)
        if starts:
            stack.append(made)
            keys.append("")
    return TOO_MUCH


# one resource a line


def _lines(path: Path) -> Iterator[Entry | StreamFault]:
    with path.open("rb") as handle:
        number = 0
        while line := handle.readline(LINE):
            number += 1
            place = f"line {number}"
            if not line.endswith(b"\n") and len(line) == LINE:
                yield StreamFault(place, "is too long", f"a resource of at most {LINE >> 20} MiB on each line")
                return
            if line.strip():
                yield _line(line, place)


def _line(line: bytes, place: str) -> Entry | StreamFault:
    try:
        built = json.loads(line.decode("utf-8-sig"), parse_float=Decimal, parse_constant=_no_constant)
    except (ValueError, ArithmeticError):
        return StreamFault(place, "is no JSON", "one resource as JSON in UTF-8")
    except RecursionError:
        return _named(TOO_MUCH, place)
    if not isinstance(built, dict):
        return _named(NO_RESOURCE, place)
    return Entry(place, built) if _within(built) else _named(TOO_MUCH, place)


def _no_constant(text: str) -> float:
    raise ValueError(text)


def _within(top: object) -> bool:
    """Whether a value is within the bounds."""
    level, depth, count = [top], 0, 0
    while level:
        depth, count = depth + 1, count + len(level)
        if depth > DEPTH + 1 or count > NODES:
            return False
        level = [
            item
            for node in level
            if isinstance(node, dict | list)
            for item in (node.values() if isinstance(node, dict) else node)
        ]
    return True
