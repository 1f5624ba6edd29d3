"""Elements of AIM documents by their local names, in whatever namespace, and what they hold in AIM 3 and in AIM 4."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from lxml import etree

__all__ = ["called", "field_of", "held", "kind_of", "local", "named", "numbered", "under"]


def local(element: etree._Element) -> str:
    """The element's name without namespace; empty for what is no element, such as an unresolved entity."""
    tag = element.tag
    return tag[tag.rfind("}") + 1 :] if isinstance(tag, str) else ""


@lru_cache(maxsize=1024)
def _patterns(names: str) -> tuple[str, ...]:
    """``A|B`` as lxml's patterns for these names in whatever namespace."""
    return tuple(f"{{*}}{name}" for name in names.split("|"))


def named(element: etree._Element, names: str) -> Iterator[etree._Element]:
    """The children of that name; ``A|B`` for either."""
    return element.iterchildren(*_patterns(names))


def under(element: etree._Element, *paths: str) -> Iterator[etree._Element]:
    """The descendants at ``Collection/Item`` paths, in document order for each path."""
    for path in paths:
        found = [element]
        for names in path.split("/"):
            patterns = _patterns(names)
            found = [child for parent in found for child in parent.iterchildren(*patterns)]
        yield from found


def numbered(place: str, elements: Iterator[etree._Element]) -> Iterator[tuple[str, etree._Element]]:
    """Elements with their places: name and position among their like."""
    counts: dict[str, int] = {}
    for element in elements:
        name = local(element)
        counts[name] = counts.get(name, 0) + 1
        yield f"{place}/{name}[{counts[name]}]".lstrip("/"), element


def field_of(element: etree._Element | None, *names: str) -> str:
    """A value by the first of its names: an attribute (AIM 3), or a child's ``value``, ``root`` or text (AIM 4)."""
    if element is None:
        return ""
    for name in names:
        text = element.get(name)
        if text is None:
            child = next(element.iterchildren(*_patterns(name)), None)
            text = held(child) if child is not None else None
        if text and text.strip():
            return text.strip()
    return ""


def called(element: etree._Element, name: str, label: str) -> str:
    """The UID below an element in a child of that name, where it is called by that label (ISO 21090 II)."""
    child = next(element.iterchildren(*_patterns(name)), None)
    return child.get("root", "") if child is not None and child.get("identifierName") == label else ""


def held(element: etree._Element) -> str:
    """The value that an AIM 4 element holds."""
    return next((text for name in ("value", "root", "extension") if (text := element.get(name))), element.text or "")


def kind_of(element: etree._Element) -> str:
    """The type that an element has by ``xsi:type``: the attribute of that name that has a namespace."""
    return next((str(text) for name, text in element.attrib.items() if str(name).endswith("}type")), "").strip()
