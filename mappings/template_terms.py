"""The coded terms of annotation templates (AIM templates in XML, and ePAD's in JSON) for the term index.

A template says what a reader could be asked and answer: each answer, question and the template itself may have a code.
They come into a vocabulary of their own, ``template``, by the terms that they are: a code of a public scheme keeps its
prefix (``radlex:RID5980``), a private one that of its code set (``brca:BRCA-2``), so that what a template offers can be
found, and mapped, before the first annotation is made. What a template says of its authors stays out.

AIM template schema: AIMTemplate_v2rv13 (caBIG / NCI, Stanford University).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from lxml import etree

from mappings.schemes import namespace_of, scheme_for
from ontology import json_elements, xml
from ontology.imports.base import Concept, Importer, Item, Release, UnreadableError
from ontology.prefixes import compact
from ontology.records import Reject

__all__ = ["ROOTS", "TEMPLATE", "read"]

ROOTS: Final = ("Template", "TemplateContainer")

CODE: Final = ("codeValue", "code")
SCHEME: Final = ("codingSchemeDesignator", "codeSystemName", "codeSystem")
MEANING: Final = ("codeMeaning", "displayName", "codeSystemMeaning")

NO_CODE: Final = frozenset(("", "na", "n/a"))
"""What templates write where nothing is coded."""

ANSWERS: Final = ("AllowedTerm", "ValidTerm")
"""The elements whose point is a code."""

WORDS: Final = 200
"""Characters of a meaning: a longer one is no name."""

TITLE: Final = Release(title="Terms of annotation templates")


def accepts(path: Path, head: bytes) -> bool:  # noqa: ARG001 - the first bytes decide
    """Whether a file begins as an annotation template."""
    return xml.root_name(head) in ROOTS or json_elements.mentions(head, {"TemplateContainer"}) or _bare(head)


def _bare(head: bytes) -> bool:
    """Whether a file begins as ePAD's JSON of what stands within a container."""
    return json_elements.mentions(head, {"Template"}) and (b'"Component"' in head or b"AIMTemplate" in head)


def read(path: Path, vocabulary: str) -> Iterator[Item]:  # noqa: ARG001 - the codes say what they are of
    """The coded terms of a template, each once, with the questions that they answer as definition.

    An answer without a code is rejected; `UnreadableError` where the file is no template.
    """
    try:
        root = _parsed(path)
    except xml.XmlError as error:
        raise UnreadableError(f"{path.name}: {error}") from error
    if not isinstance(root.tag, str) or root.tag.rpartition("}")[2] not in ROOTS:
        raise UnreadableError(f"{path.name} is no annotation template")
    yield TITLE
    yield from _terms(path.name, root)


def _parsed(path: Path) -> etree._Element:
    """The root of a template; of JSON, the element that it mirrors."""
    with path.open("rb") as file:
        head = file.read(4096)
    if xml.root_name(head) is not None:
        return xml.parse(path)
    held = json_elements.load(path)
    inner = held.get(ROOTS[1], held) if isinstance(held, dict) else None
    if not isinstance(inner, dict):
        raise xml.XmlError("the document is no object", "a TemplateContainer as a JSON object")
    return json_elements.to_elements(ROOTS[1], inner)


def _field(element: etree._Element, names: tuple[str, ...]) -> str:
    """An attribute by the first of its names, with spaces as single ones."""
    return next((" ".join(text.split()) for name in names if (text := element.get(name)) and text.strip()), "")


def _terms(name: str, root: etree._Element) -> Iterator[Concept | Reject]:
    found: dict[str, tuple[str, list[str], list[str]]] = {}
    for element in root.iter("*"):
        local = str(element.tag).rpartition("}")[2]
        code, meaning = _field(element, CODE), _field(element, MEANING)
        if code.casefold() in NO_CODE or not meaning or len(meaning) > WORDS or len(code) > WORDS:
            if local in ANSWERS and code.casefold() not in NO_CODE - {""}:
                yield Reject(
                    name=name,
                    place=_place(element),
                    problem="the answer has no code with a meaning",
                    wanted="codeValue, codeMeaning and codingSchemeDesignator",
                )
            continue
        curie = _curie(code, _field(element, SCHEME))
        _, meanings, questions = found.setdefault(curie, (code, [], []))
        meanings.append(meaning)
        asked = _question(element)
        if asked:
            questions.append(asked)
    for curie, (code, meanings, questions) in sorted(found.items()):
        names = list(dict.fromkeys(meanings))
        asked = "; ".join(dict.fromkeys(questions))
        definition = f"Answers: {asked}." if asked else None
        yield Concept(curie, names[0], synonyms=tuple(names[1:]), definition=definition, code=code)


def _curie(code: str, designator: str) -> str:
    scheme = scheme_for(designator, code)
    return compact(f"{namespace_of(scheme.name)}{scheme.subject(code).partition(':')[2]}")


def _place(element: etree._Element) -> str:
    """Where an element stands: the line of XML, else the position among its like."""
    local = str(element.tag).rpartition("}")[2]
    position = sum(1 for other in element.itersiblings(element.tag, preceding=True)) + 1
    return f"line {element.sourceline}" if element.sourceline else f"{local}[{position}]"


def _question(element: etree._Element) -> str:
    """The label of the question that a term answers: that of the nearest element around it that has one."""
    for outer in element.iterancestors():
        label = _field(outer, ("label",))
        if label and len(label) <= WORDS:
            return label
    return ""


TEMPLATE = Importer("template", "annotation templates, AIM XML and ePAD JSON", accepts, read, "template", partial=True)
