"""Questions as an AIM annotation template: ``TemplateContainer`` in XML (AIMTemplate_v2rv13), and as ePAD's JSON of it.

A number is a ``Calculation`` component, a place an ``AnatomicEntity`` and all else an ``ImagingObservation`` with its
``AllowedTerm``s; the variable of an answer is the component's ``QuestionType``, which tools that know AIM 4 write into
``questionTypeCode``.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from lxml import etree

from mappings.code_sets import Triplet
from mappings.form_questions import Question
from ontology import xml

__all__ = ["aim_template_json", "aim_template_xml", "codes_of_template"]

NAMESPACE: Final = "gme://caCORE.caCORE/3.2/edu.northwestern.radiology.AIMTemplate"
SCHEMA: Final = f"{NAMESPACE} AIMTemplate_v2rv13.xsd"
XSI: Final = "http://www.w3.org/2001/XMLSchema-instance"
NAMESPACES: Any = {None: NAMESPACE, "xsi": XSI}  # lxml-stubs do not know the default namespace
NAMES: Final = uuid.uuid5(uuid.NAMESPACE_URL, "https://w3id.org/qilin/templates")

CODE: Final = ("codeValue", "codingSchemeDesignator", "codeMeaning")

Tree = dict[str, Any]
"""Attributes as texts, children as objects or lists of them."""


def _uid(*parts: object) -> str:
    """A UID of what a template says: the same template has the same."""
    return f"2.25.{uuid.uuid5(NAMES, repr(parts)).int}"


def _term(code: Triplet) -> Tree:
    return dict(zip(CODE, code, strict=True))


def _container(asked: Sequence[Question], name: str) -> Tree:
    """The template as a tree; children stand in the order of the schema."""
    about = {
        "name": name,
        "version": "1",
        "description": f"{name}: made by Qilin of coded variables",
        "authors": "Qilin",
    }
    template = {
        **about,
        "uid": _uid("template", name, asked),
        "codeValue": name,
        "codeMeaning": name,
        "codingSchemeDesignator": "99TEMPLATE",
        "Component": [_component(item, number, name) for number, item in enumerate(asked)],
    }
    return {**about, "uid": _uid("container", name, asked), "Template": [template]}


def _component(item: Question, number: int, name: str) -> Tree:
    component: Tree = {
        "label": item.label,
        "itemNumber": str(number),
        "authors": "Qilin",
        "explanatoryText": f"in {item.unit}" if item.unit not in {"", "1"} else "",
        "minCardinality": "0",
        "maxCardinality": "1",
        "shouldDisplay": "true",
        "groupLabel": "",
        "id": _uid("component", name, number, item),
    }
    if not item.answers:
        return component | {"Calculation": {"CalculationType": [_term(item.code)]}}
    if not (item.of_place or item.of_finding):
        component["QuestionType"] = _term(item.code)
    component["AnatomicEntity" if item.of_place else "ImagingObservation"] = {"annotatorConfidence": "false"}
    return component | {"AllowedTerm": [_term(code) for code in item.answers]}


def aim_template_json(asked: Sequence[Question], name: str) -> bytes:
    """The template as ePAD takes it."""
    return (
        json.dumps({**_container(asked, name), "schemaLocation": SCHEMA}, indent=1, ensure_ascii=False) + "\n"
    ).encode()


def aim_template_xml(asked: Sequence[Question], name: str) -> bytes:
    """The template as an XML document in UTF-8."""
    root = etree.Element(f"{{{NAMESPACE}}}TemplateContainer", nsmap=NAMESPACES)
    root.set(f"{{{XSI}}}schemaLocation", SCHEMA)
    _fill(root, _container(asked, name))
    etree.indent(root)
    written: bytes = etree.tostring(root, xml_declaration=True, encoding="UTF-8")
    return written


def _fill(element: etree._Element, tree: Tree) -> None:
    for name, held in tree.items():
        if isinstance(held, str):
            element.set(name, held)
            continue
        for child in held if isinstance(held, list) else [held]:
            _fill(etree.SubElement(element, f"{{{NAMESPACE}}}{name}"), child)


def codes_of_template(content: bytes) -> Iterator[tuple[Triplet | None, tuple[Triplet, ...]]]:
    """What a template asks, in XML or JSON: the code of each question, where it has one, and those of its answers.

    Of a calculation the code is that of what is calculated. Raises `ontology.xml.XmlError` or `ValueError` for what
    is no template.
    """
    tree = json.loads(content) if content.lstrip()[:1] == b"{" else _tree(xml.parse_bytes(content))
    tree = tree.get("TemplateContainer", tree)
    for template in _each(tree, "Template"):
        for component in _each(template, "Component"):
            calculated = [
                _code(item) for part in _each(component, "Calculation") for item in _each(part, "CalculationType")
            ]
            asked = [_code(item) for item in _each(component, "QuestionType")]
            answers = tuple(_code(item) for item in _each(component, "AllowedTerm"))
            yield next(iter([*calculated, *asked]), None), answers


def _tree(element: etree._Element) -> Tree:
    found: Tree = {str(name): str(value) for name, value in element.attrib.items()}
    for child in element:
        if isinstance(child.tag, str):
            found.setdefault(child.tag.rpartition("}")[2], []).append(_tree(child))
    return found


def _each(tree: Tree, name: str) -> Iterable[Tree]:
    held = tree.get(name, [])
    return held if isinstance(held, list) else [held]


def _code(tree: Tree) -> Triplet:
    return Triplet(*(str(tree.get(name, "")) for name in CODE))
