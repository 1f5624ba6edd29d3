"""Changing one thing in a map.yaml and leaving the rest as it was written, comments and order included.

The places come from PyYAML's nodes; what is new is written in flow style (``{record: finding}``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from mappings.sssom import MappingError

__all__ = ["changed", "flow", "removed"]


def flow(value: object) -> str:
    """A value as YAML in one line.

    >>> flow({"record": "finding", "only_if": ["1", "yes"]})
    "{record: finding, only_if: ['1', 'yes']}"
    """
    text = _dumped(value, plainly=True)
    # letters that YAML takes for line ends are written as escapes
    return text if yaml.safe_load(text) == value else _dumped(value, plainly=False)


def _dumped(value: object, *, plainly: bool) -> str:
    text = yaml.safe_dump(value, default_flow_style=True, width=1 << 20, sort_keys=False, allow_unicode=plainly)
    return text.removesuffix("\n").removesuffix("\n...").rstrip()


def changed(text: str, path: Sequence[str], value: object) -> str:
    """The text of a map with the value at a path of keys; keys that are missing are added at the end of their mapping.

    >>> changed("subject: ID  # the key\\ncolumns:\\n  A: {record: finding}\\n", ["columns", "B"], {"record": "event"})
    'subject: ID  # the key\\ncolumns:\\n  A: {record: finding}\\n  B: {record: event}\\n'
    """
    node, left = _reached(text, path)
    if not left:
        return text[: node.start_mark.index] + flow(value) + text[_end(node) :]
    for key in reversed(left[1:]):
        value = {key: value}
    return _added(text, node, left[0], value)


def removed(text: str, path: Sequence[str]) -> str:
    """The text without the key at a path, and without the comments that stand right above it."""
    parent, left = _reached(text, path[:-1])
    pair = None if left else next((pair for pair in _pairs(parent) if _name(pair[0]) == path[-1]), None)
    if pair is None:
        raise MappingError(f"the map has no {' / '.join(path)}")
    if parent.flow_style:
        held = yaml.safe_load(text[parent.start_mark.index : _end(parent)])
        kept = {key: item for key, item in held.items() if " ".join(str(key).split()) != path[-1]}
        return text[: parent.start_mark.index] + flow(kept) + text[_end(parent) :]
    start = text.rfind("\n", 0, pair[0].start_mark.index) + 1
    while start and (line := text[text.rfind("\n", 0, start - 1) + 1 : start]).lstrip().startswith("#"):
        start -= len(line)
    return text[:start] + text[_line_end(text, _end(pair[1])) :]


def _reached(text: str, path: Sequence[str]) -> tuple[Any, list[str]]:
    """The deepest node on a path that there is, and the keys that are left."""
    node = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(node, yaml.MappingNode):
        raise MappingError("the map is no YAML of keys and values")
    for at, key in enumerate(path):
        found = next((value for name, value in _pairs(node) if _name(name) == key), None)
        if found is None:
            return node, list(path[at:])
        node = found
    return node, []


def _pairs(node: Any) -> list[tuple[Any, Any]]:
    return list(node.value) if isinstance(node, yaml.MappingNode) else []


def _name(node: Any) -> str:
    return " ".join(str(node.value).split())


def _end(node: Any) -> int:
    """Where a node ends; the mark of a block includes what stands below it."""
    if isinstance(node, yaml.ScalarNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


def _line_end(text: str, at: int) -> int:
    found = text.find("\n", at)
    return len(text) if found < 0 else found + 1


def _added(text: str, node: Any, key: str, value: object) -> str:
    if not isinstance(node, yaml.MappingNode):
        raise MappingError(f"there is no place for {key} in the map")
    if node.flow_style:
        at = _end(node) - 1
        comma = ", " if node.value else ""
        return f"{text[:at].rstrip()}{comma}{flow({key: value})[1:-1]}{text[at:]}"
    space = " " * node.value[0][0].start_mark.column
    at = _line_end(text, _end(node))
    before = text[:at] if text[:at].endswith("\n") else f"{text[:at]}\n"
    return f"{before}{space}{flow({key: value})[1:-1]}\n{text[at:]}"
