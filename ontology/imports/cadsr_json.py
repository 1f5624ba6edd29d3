"""Data elements of caDSR in JSON: answers of the registry's API, and the list of elements that CRDC publishes.

A document is one element, an array of them, or one a line. In the API's answers *preferredName* is the name that people
read, and *longName* an internal one (``2523466v1.00:2180454v1.00``); older exports have it the other way round.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from ontology.elements import Element, PermissibleValue, normal_version
from ontology.imports.base import Importer, Item, UnreadableError
from ontology.imports.cadsr import TITLE, checked, codes, units
from ontology.records import Reject

__all__ = ["CADSR_JSON"]

INTERNAL = re.compile(r"\d+v[\d.]+(?::\d+v[\d.]+)*|[A-Z0-9_]+|C\d+(?::C\d+)*")
PIECE = 2**16
LARGEST = 2**26
"""The most characters that one element may have."""

Body = Mapping[str, Any]


def accepts(path: Path, head: bytes) -> bool:
    """Whether it is JSON that names a data element early on."""
    begins = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"[")
    return (
        begins
        and path.suffix.casefold() in {".json", ".jsonl", ".ndjson"}
        and (b"DataElement" in head or b'"CDE Public ID"' in head or b'"publicId"' in head)
    )


def read(path: Path, vocabulary: str) -> Iterator[Item]:  # noqa: ARG001 - elements are always caDSR's
    """The data elements of a document; one without public id, version or name is rejected."""
    yield TITLE
    for number, body in enumerate(_bodies(path), 1):
        place = f"data element {number}"
        if not isinstance(body, Mapping):
            problem = "not an object"
            yield Reject(name=path.name, place=place, problem=problem, wanted="a data element as a JSON object")
            continue
        yield checked(_listed(body) if "CDE Public ID" in body else _answered(body), path.name, place)


def _bodies(path: Path) -> Iterator[Any]:
    """Each data element of a document, whatever is wrapped around it."""
    for document in _documents(path):
        inner = document
        for wrapper in ("DataElements", "DataElement", "dataElements"):
            if isinstance(inner, Mapping) and wrapper in inner:
                inner = inner[wrapper]
        for item in inner if isinstance(inner, list) else [inner]:
            yield item.get("DataElement", item) if isinstance(item, Mapping) else item


def _documents(path: Path) -> Iterator[Any]:
    """The values of a file: the items of an array, or values one after another; no more than one is in memory."""
    decoder = json.JSONDecoder()
    try:
        with path.open(encoding="utf-8-sig") as text:
            waiting = text.read(PIECE).lstrip()
            in_array = waiting.startswith("[")
            waiting = waiting.removeprefix("[")
            while waiting := _next(waiting, in_array=in_array) or text.read(PIECE).lstrip():
                value, end, waiting = _value(decoder, waiting, text.read)
                yield value
                waiting = waiting[end:]
                if len(waiting) < PIECE:
                    waiting += text.read(PIECE)
    except UnicodeDecodeError as error:
        raise UnreadableError(f"{path.name} is not UTF-8 text") from error
    except json.JSONDecodeError as error:
        raise UnreadableError(f"{path.name}: not well-formed JSON, or cut off") from error
    except RecursionError as error:
        raise UnreadableError(f"{path.name}: JSON that is nested too deep") from error


def _next(waiting: str, *, in_array: bool) -> str:
    """What is left, from the beginning of the next value."""
    return waiting.lstrip(" \t\r\n,]" if in_array else " \t\r\n")


def _value(decoder: json.JSONDecoder, waiting: str, more: Any) -> tuple[Any, int, str]:
    """The value at the beginning, where it ends, and the text that it was read from."""
    while True:
        try:
            return (*decoder.raw_decode(waiting), waiting)
        except json.JSONDecodeError:
            piece = more(max(PIECE, len(waiting)))
            if not piece or len(waiting) > LARGEST:
                raise
            waiting += piece


def _text(body: Any, *path: str) -> str:
    for key in path:
        body = body.get(key) if isinstance(body, Mapping) else None
    return " ".join(str(body).split()) if isinstance(body, str | int | float) else ""


def _objects(body: Any, key: str) -> list[Body]:
    found = body.get(key) if isinstance(body, Mapping) else None
    return [item for item in found if isinstance(item, Mapping)] if isinstance(found, list) else []


def _name(body: Any) -> str:
    """The name that people read."""
    names = [_text(body, "preferredName"), _text(body, "longName")]
    return next((name for name in names if name and not INTERNAL.fullmatch(name)), names[0] or names[1])


def _concepts(body: Any) -> str:
    """The codes of a concept list, the main concept last, as names of caDSR have it."""
    ordered = sorted(_objects(body, "Concepts"), key=lambda item: -int(_text(item, "displayOrder") or 0))
    return ":".join(_text(item, "conceptCode") for item in ordered)


def _answered(body: Body) -> Element:
    """An element of the registry's API."""
    domain, concept = body.get("ValueDomain"), body.get("DataElementConcept")
    values = [
        PermissibleValue(
            _text(item, "value"), _name(item.get("ValueMeaning")), codes(_concepts(item.get("ValueMeaning")))
        )
        for item in _objects(domain, "PermissibleValues")
    ]
    about = [_concepts(concept.get(part)) for part in ("ObjectClass", "Property") if isinstance(concept, Mapping)]
    asked = [
        _text(item, "text") or _text(item, "description")
        for item in _objects(body, "ReferenceDocuments")
        if "Question Text" in _text(item, "type")
    ]
    return Element(
        public_id=_text(body, "publicId"),
        version=normal_version(_text(body, "version")),
        long_name=_name(body),
        datatype=_text(domain, "dataType"),
        unit=units(_text(domain, "unitOfMeasure")),
        definition=_text(body, "preferredDefinition") or _text(body, "definition") or None,
        question=tuple(dict.fromkeys(text for text in asked if text)),
        status=_text(body, "workflowStatus"),
        values=tuple(dict.fromkeys(values)),
        concepts=codes(":".join(about)),
    )


def _listed(body: Body) -> Element:
    """An element of CRDC's list."""
    values = [
        PermissibleValue(
            _text(item, "Permissible Value"), _text(item, "VM Long Name"), codes(_text(item, "Concept Code"))
        )
        for item in _objects(body, "permissibleValues")
    ]
    return Element(
        public_id=_text(body, "CDE Public ID"),
        version=normal_version(_text(body, "Version")),
        long_name=_text(body, "CDE Long Name") or _text(body, "CRDC Name"),
        datatype="enum" if _text(body, "VD Type") == "Enumerated" else "",
        definition=_text(body, "CRDC Definition") or None,
        question=tuple(text for text in [_text(body, "CRDC Name")] if text),
        status=_text(body, "Workflow Status"),
        values=tuple(dict.fromkeys(values)),
    )


CADSR_JSON = Importer("cadsr-json", "caDSR data elements, JSON", accepts, read, "cadsr", partial=True)
