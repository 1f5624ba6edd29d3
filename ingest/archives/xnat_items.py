"""Documents of XNAT as items: the fields of a project, subject, session or scan by their path in XNAT's schema.

XNAT writes one thing in two ways: XML of its schema (``http://nrg.wustl.edu/xnat``), as the REST interface gives it
with ``format=xml`` and as sessions are exported; and JSON of items with ``data_fields`` (``format=json``). In both, a
path such as ``parameters/tr`` names a field, and ``scanner/manufacturer`` an attribute or an element. Of several of a
kind that are no lists here, each has its name in its path: ``file[DICOM]/file_count``.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from lxml import etree

from ontology.xml import XmlError, parse_bytes

__all__ = ["NAMESPACE", "Item", "read_item"]

NAMESPACE: Final = "http://nrg.wustl.edu/xnat"
TYPE: Final = "{http://www.w3.org/2001/XMLSchema-instance}type"
DEEPEST: Final = 12
LISTS: Final = frozenset({"scans/scan", "fields/field", "experiments/experiment", "assessors/assessor"})
"""Where an item holds others of a kind."""

NAMES: Final = ("name", "label", "ID")
LONGEST_NAME: Final = 80


@dataclass(frozen=True, slots=True)
class Item:
    """A thing of XNAT: its kind (``mrSessionData``), its fields by path, and what it holds."""

    kind: str
    fields: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, tuple[Item, ...]] = field(default_factory=dict)

    def text(self, *paths: str) -> str:
        """The first of the fields that says something."""
        return next((text for path in paths if (text := self.fields.get(path, "").strip())), "")

    @property
    def variables(self) -> dict[str, str]:
        """The custom variables by name."""
        found = ((item.text("name"), item.text("field")) for item in self.held.get("fields/field", ()))
        return {name: value for name, value in found if name and value}


def read_item(content: bytes) -> Item:
    """The item of a document in XML or JSON; ValueError (of which `XmlError` is one) where it is none."""
    if content.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        root = parse_bytes(content)
        if etree.QName(root).namespace != NAMESPACE:
            raise XmlError("the document is none of XNAT's", f"a root element of {NAMESPACE}")
        return _of_xml(root, KINDS.get(etree.QName(root).localname, etree.QName(root).localname))
    try:
        answer = json.loads(content.decode("utf-8-sig"))
    except RecursionError:
        raise ValueError("nested too deep") from None
    items = answer.get("items") if isinstance(answer, dict) else None
    if not isinstance(items, list) or len(items) != 1:
        raise ValueError("no item of XNAT")
    return _of_json(items[0], 0)


KINDS: Final = {"Project": "projectData", "Subject": "subjectData"}
"""The names of root elements that are not those of their types; those of sessions lack the ``Data`` at their end."""


def _of_xml(element: etree._Element, kind: str) -> Item:
    fields: dict[str, str] = {}
    held: dict[str, list[Item]] = {}
    _walk(element, "", fields, held, 0)
    named = f"{kind}Data" if kind.endswith("Session") else kind
    return Item(named[:1].lower() + named[1:], fields, {path: tuple(items) for path, items in held.items()})


def _walk(element: etree._Element, path: str, fields: dict[str, str], held: dict[str, list[Item]], depth: int) -> None:
    """Take in an element's attributes, text and children below a path."""
    prefix = f"{path}/" if path else ""
    for name, value in element.attrib.items():
        if name != TYPE:
            fields.setdefault(prefix + etree.QName(name).localname, str(value))
    if path and element.text and element.text.strip():
        fields.setdefault(path, element.text.strip())
    counts = Counter(child.tag for child in element)
    for child in element if depth < DEEPEST else ():
        if not isinstance(child.tag, str):
            continue
        below = prefix + etree.QName(child).localname
        if below in LISTS:
            kind = (child.get(TYPE) or "").rpartition(":")[2] or below.rpartition("/")[2]
            item = _of_xml(child, kind)
            if below == "fields/field":
                item = Item("field", {"name": child.get("name", ""), "field": (child.text or "").strip()})
            held.setdefault(below, []).append(item)
        else:
            told = _named(below, dict(child.attrib)) if counts[child.tag] > 1 else below
            _walk(child, told, fields, held, depth + 1)


def _named(path: str, said: Mapping[Any, Any]) -> str:
    """A path with the name of what stands there, if it has one."""
    name = next((str(said[key]) for key in NAMES if said.get(key)), "")
    return f"{path}[{name[:LONGEST_NAME]}]" if name else path


def _of_json(item: Any, depth: int) -> Item:
    if not isinstance(item, dict) or depth > DEEPEST:
        raise ValueError("no item of XNAT")
    data, meta = item.get("data_fields"), item.get("meta")
    fields = {str(path): _plain(value) for path, value in data.items()} if isinstance(data, dict) else {}
    kind = str(meta.get("xsi:type", "")) if isinstance(meta, dict) else ""
    held: dict[str, tuple[Item, ...]] = {}
    children = item.get("children")
    for path, items in _children(children if isinstance(children, list) else []):
        below = tuple(_of_json(child, depth + 1) for child in items)
        if path in LISTS:
            held[path] = held.get(path, ()) + below
        else:
            for child in reversed(below):
                told = _named(path, child.fields) if len(below) > 1 else path
                fields |= {f"{told}/{name}": text for name, text in child.fields.items()}
    return Item(kind.rpartition(":")[2], fields, held)


def _children(children: list[Any]) -> Iterator[tuple[str, list[Any]]]:
    for child in children:
        if isinstance(child, dict) and isinstance(child.get("items"), list):
            yield re.sub(r"^/", "", str(child.get("field", ""))), child["items"]


def _plain(value: Any) -> str:
    return "" if value is None or isinstance(value, dict | list) else str(value)
