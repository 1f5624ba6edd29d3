"""The elements of AIM 4 documents, with their children in the order of the schema (AIM_v4_rv44_XML.xsd)."""

from __future__ import annotations

from typing import Any, Final

from lxml import etree

from mappings.code_sets import Triplet

__all__ = ["AIM", "ISO", "XSI", "Node", "coded", "element", "rooted", "unknown", "valued"]

AIM: Final = "gme://caCORE.caCORE/4.4/edu.northwestern.radiology.AIM"
ISO: Final = "uri:iso.org:21090"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
NAMESPACES: Final[Any] = {None: AIM, "iso": ISO, "xsi": XSI}  # lxml-stubs do not know the default namespace

Node = etree._Element  # noqa: SLF001  the type of lxml's elements has no public name


def element(parent: Node | None, name: str, kind: str = "") -> Node:
    """A child element; ``kind`` is its type where the schema leaves a choice."""
    tag = f"{{{AIM}}}{name}"
    made = etree.Element(tag, nsmap=NAMESPACES) if parent is None else etree.SubElement(parent, tag)
    if kind:
        made.set(f"{{{XSI}}}type", kind)
    return made


def valued(parent: Node, name: str, value: str) -> None:
    """A child that holds a value."""
    element(parent, name).set("value", value)


def rooted(parent: Node, name: str, uid: str | None, called: str = "") -> None:
    """A child that holds a UID, with what it is called; one that is not known is said to be so."""
    made = element(parent, name)
    if called:
        made.set("identifierName", called)
    if uid is None:
        made.set("nullFlavor", "UNK")
    else:
        made.set("root", uid)


def unknown(parent: Node, name: str, flavor: str = "UNK") -> None:
    """A child that the schema wants, of which nothing is known (ISO 21090 null flavor)."""
    element(parent, name).set("nullFlavor", flavor)


def coded(parent: Node, name: str, code: Triplet) -> None:
    """A child that holds a code."""
    made = element(parent, name)
    made.set("code", code.code)
    made.set("codeSystemName", code.designator)
    display = etree.SubElement(made, f"{{{ISO}}}displayName")
    display.set("value", code.meaning)
