"""Documents turned over by their structure: what bytes changed at random hardly ever give is a document still.

For `tests.ingest.fuzzed`. Each function takes a document and chance, and gives another; any error means that the bytes
are no such document.
"""

from __future__ import annotations

import copy
import io
import json
import random
from typing import Any

import pydicom
from lxml import etree

__all__ = ["mutated_dicom", "mutated_json", "mutated_xml"]

ODD = (
    *(
        "",
        "0",
        "-1",
        "1e999",
        "NaN",
        "-inf",
        "1" * 300,
        "٣",
        "1_0",
        "1.5.",
        "\\",
        "a\\b",
        "1\\2\\3",
        "~sp1~",
        "//",
        "|",
    ),
    *(
        "0001-01-01",
        "99999999",
        "20200230",
        "20201301",
        "linear",
        "10*",
        "px",
        "1",
        "mm",
        "{SUVbw}g/ml",
        "null",
        "true",
    ),
    *("1.2.3", "2.25.1", "P-003", "A^B", "\u202e", "x" * 5000, "C96684", "RID5", "99QILIN", "UTF-8", "<", "&lt;"),
)
OTHERS: tuple[Any, ...] = (None, True, 0, -1, 1.5, 1e308, 10**40, "", [], {}, [[]], [{}], [None], {"value": None}, "1")


def mutated_xml(content: bytes, chance: random.Random) -> bytes:
    """Elements copied, moved, taken away, renamed; values and texts replaced."""
    root = etree.fromstring(content, etree.XMLParser(resolve_entities=False, huge_tree=False))
    for _ in range(chance.randint(1, 4)):
        nodes = [node for node in root.iter("*") if node is not root] or [root]
        one, other = chance.choice(nodes), chance.choice(nodes)
        match chance.randrange(6):
            case 0 if one.getparent() is not None:
                one.getparent().remove(one)
            case 1:
                other.append(copy.deepcopy(one))
            case 2 if other not in one.iter():
                other.append(one)
            case 3:
                one.tag = other.tag
            case 4 if one.attrib:
                del one.attrib[chance.choice(list(one.attrib))]
            case _:
                name = chance.choice([*one.attrib, *other.attrib, "value", "root", "code"])
                one.set(name, chance.choice([*filter(lambda odd: "\x00" not in odd, ODD), *other.attrib.values()]))
    return etree.tostring(root)


def mutated_json(content: bytes, chance: random.Random) -> bytes:
    """Members and items replaced by others, copied, wrapped and taken away."""
    whole = json.loads(content)
    for _ in range(chance.randint(1, 4)):
        held = list(_held(whole))
        if not held:
            break
        (node, key), (from_node, from_key) = chance.choice(held), chance.choice(held)
        match chance.randrange(5):
            case 0:
                del node[key]
            case 1:
                node[key] = copy.deepcopy(from_node[from_key])
            case 2:
                node[key] = chance.choice([[node[key]], [node[key]] * 3, {"value": node[key]}, {"root": node[key]}])
            case 3:
                node[key] = chance.choice(ODD)
            case _:
                node[key] = chance.choice(OTHERS)
    return json.dumps(whole).encode()


def _held(node: Any) -> Any:
    """Every place of a value: what holds it, and by which key."""
    pairs = list(node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ())
    for key, value in pairs:
        yield node, key
        yield from _held(value)


def mutated_dicom(content: bytes, chance: random.Random) -> bytes:
    """Elements replaced by values of others, items of sequences copied, moved and taken away."""
    whole = pydicom.dcmread(io.BytesIO(content))
    for _ in range(chance.randint(1, 4)):
        sets = [whole, *(item for element in whole.iterall() if element.VR == "SQ" for item in element.value or ())]
        one, other = chance.choice(sets), chance.choice(sets)
        if not len(one) or not len(other):
            continue
        element, source = chance.choice(list(one)), chance.choice(list(other))
        match chance.randrange(5):
            case 0 if element.keyword != "SOPClassUID":
                del one[element.tag]
            case 1:
                one[source.tag] = copy.deepcopy(source)
            case 2 if element.VR == "SQ" and len(element.value):
                element.value = [*element.value, copy.deepcopy(chance.choice(sets))]
            case 3 if element.VR == "SQ":
                element.value = []
            case _ if element.VR not in {"SQ", "OB", "OW", "UN"} and element.keyword != "SOPClassUID":
                element.value = chance.choice(ODD)
    written = io.BytesIO()
    whole.save_as(written, enforce_file_format=False)
    return written.getvalue()
