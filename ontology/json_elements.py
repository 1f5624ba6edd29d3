"""JSON that mirrors an XML document, as ePAD writes AIM: read as the elements that it mirrors.

A member that holds an object becomes an element, one that holds a list an element for each item, and one that holds a
text, number or truth value an attribute. A prefix is dropped from elements (``iso:displayName``) and makes an
attribute another than its namesake without prefix (``xsi:type`` beside ``type``). So whoever reads the XML reads the
JSON too. The document is held to the same bounds as XML (`ontology.xml`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any, Final, NoReturn

from lxml import etree

from ontology.xml import LARGEST, XmlError

__all__ = ["DEEPEST", "load", "mentions", "parse", "to_elements"]

DEEPEST: Final = 250
"""Levels of objects within each other, as many as the XML parser allows of elements."""

MEMBER: Final = re.compile(r'"([A-Za-z]{1,60})"\s*:\s*[\[{]')

NAME: Final = re.compile(r"[A-Za-z_][\w.-]*", re.ASCII)

OTHER: Final = "urn:prefixed:"
"""The namespace of attributes with a prefix: all that matters is that they have one."""


def mentions(head: bytes, names: Container[str]) -> bool:
    """Whether a file begins as JSON and has a member with one of these names in its first bytes.

    >>> mentions(b'{"ImageAnnotationCollection": {"aimVersion": "AIMv4_0"', {"ImageAnnotationCollection"})
    True
    """
    text = head.decode("utf-8-sig", errors="ignore").lstrip()
    return text.startswith(("{", "[")) and any(found[1] in names for found in MEMBER.finditer(text))


def _constant(_: str) -> NoReturn:
    raise XmlError("a number is not finite (NaN or Infinity)", "finite decimal numbers, as JSON has them")


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise XmlError("an object has two members of one name", "each member once; several things as a list")
    return found


def load(path: Path) -> Any:
    """What a JSON file holds, numbers as the texts that stand there.

    Raises `XmlError` with the line where the file cannot be read, is too large or too deep, is no JSON or no UTF-8,
    or has a member twice or a number that is none.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise XmlError(f"the document has {path.stat().st_size:,} bytes", f"at most {LARGEST:,} bytes")
        text = path.read_bytes().decode("utf-8-sig")
        return json.loads(text, parse_float=str, parse_int=str, parse_constant=_constant, object_pairs_hook=_pairs)
    except OSError as error:
        raise XmlError(f"the file cannot be read ({type(error).__name__})", "a file that may be read") from error
    except UnicodeDecodeError as error:
        raise XmlError("the text is not UTF-8", "JSON in UTF-8") from error
    except json.JSONDecodeError as error:
        what = error.msg[:1].lower() + error.msg[1:].partition(":")[0]
        problem = f"not well-formed JSON (column {error.colno}: {what})"
        raise XmlError(problem, "a complete, well-formed JSON document", error.lineno) from error
    except RecursionError as error:
        raise _deep() from error


def _deep() -> XmlError:
    return XmlError("the document is nested too deeply", f"at most {DEEPEST} levels")


def parse(path: Path, name: str, whole: str) -> etree._Element:
    """The elements of one name that a file mirrors, wherever they stand in it, as the children of one called ``whole``.

    Where there is one alone, it is the root itself. Raises `XmlError` as `load`, and where there is none, or a name or
    text could not stand in XML.
    """
    found = [to_elements(name, item) for item in _members(load(path), name, 1)]
    if len(found) == 1:
        return found[0]
    if not found:
        raise XmlError(f"the document holds no {name}", f"a member {name} that mirrors the element of that name")
    root = etree.Element(whole)
    root.extend(found)
    return root


def _members(held: Any, name: str, depth: int) -> Iterator[dict[str, Any]]:
    """The objects that are members of one name, from outside inwards; what stands within one is not looked into."""
    if depth > DEEPEST:
        raise _deep()
    if isinstance(held, list):
        for item in held:
            yield from _members(item, name, depth + 1)
    elif isinstance(held, dict):
        for member, item in held.items():
            if member == name:
                yield from (one for one in (item if isinstance(item, list) else [item]) if isinstance(one, dict))
            else:
                yield from _members(item, name, depth + 1)


def to_elements(name: str, members: dict[str, Any]) -> etree._Element:
    """The element that an object of `load` mirrors; `XmlError` where it mirrors none.

    >>> held = to_elements("a", {"xsi:type": "B", "c": [{"value": "1"}, {"value": "2"}], "d": None})
    >>> [child.get("value") for child in held]
    ['1', '2']
    """
    whole = etree.Element(_name(name))
    _fill(whole, members, 1)
    return whole


def _name(text: str) -> str:
    local = text.rpartition(":")[2]
    if not NAME.fullmatch(local):
        raise XmlError("a member's name can be that of no element", "the names of AIM's elements and attributes")
    return local


def _fill(element: etree._Element, members: dict[str, Any], depth: int) -> None:
    if depth > DEEPEST:
        raise _deep()
    for name, held in members.items():
        if name.startswith("xmlns"):
            continue
        local = _name(name)
        for item in held if isinstance(held, list) else [held]:
            if isinstance(item, dict):
                _fill(etree.SubElement(element, local), item, depth + 1)
            elif isinstance(item, list):
                raise XmlError("a list stands in a list", "a list of objects")
            elif item is not None:
                _write(element, name, local, item, alone=not isinstance(held, list))


def _write(element: etree._Element, name: str, local: str, item: str | bool, *, alone: bool) -> None:
    """A text as an attribute, or as an element where it is one of a list."""
    text = str(item).lower() if isinstance(item, bool) else item
    try:
        if alone:
            element.set(local if name == local else f"{{{OTHER}}}{local}", text)
        else:
            etree.SubElement(element, local).text = text
    except (ValueError, UnicodeError) as error:
        raise XmlError("a text holds characters that XML cannot hold", "text without control characters") from error
