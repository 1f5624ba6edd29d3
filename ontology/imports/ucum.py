"""Units of UCUM from its ``ucum-essence.xml``: base units and units, not the prefixes.

The licence of UCUM forbids modified copies: what is taken over is code, name and the kind of quantity, for search.
"""

from __future__ import annotations

from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from urllib.parse import quote

from ontology import xml
from ontology.imports.base import Concept, Importer, Item, Release, UnreadableError
from ontology.records import Reject

__all__ = ["UCUM"]

NAMESPACE = "{http://unitsofmeasure.org/ucum-essence}"


def accepts(path: Path, head: bytes) -> bool:
    """Whether the root is that of the UCUM essence, or the word ``ucum`` stands for the copy that ucumvert brings."""
    return str(path) == "ucum" or b"unitsofmeasure.org/ucum-essence" in head[:1000]


def read(path: Path, vocabulary: str) -> Iterator[Item]:
    """The units; one without code or name is rejected."""
    try:
        root = xml.parse_bytes(_bytes(path))
    except xml.XmlError as error:
        raise UnreadableError(f"{path.name}: {error}") from error
    yield Release("Unified Code for Units of Measure", root.get("version"), root.get("revision-date"), "UCUM License")
    for element in root.iterchildren(f"{NAMESPACE}base-unit", f"{NAMESPACE}unit"):
        code = element.get("Code")
        names = [" ".join(str(text) for text in node.itertext()).strip() for node in element.iter(f"{NAMESPACE}name")]
        if not code or not names:
            place = f"line {element.sourceline}"
            yield Reject(name=path.name, place=place, problem="a unit without code or name", wanted="Code and <name>")
            continue
        symbols = ("".join(map(str, node.itertext())).strip() for node in element.iter(f"{NAMESPACE}printSymbol"))
        kind = element.findtext(f"{NAMESPACE}property")
        yield Concept(
            curie=f"{vocabulary}:{quote(code, safe='')}",
            label=" ".join(names[0].split()),
            synonyms=tuple(dict.fromkeys(text for text in (code, *names[1:], *symbols) if text)),
            definition=f"A unit of {kind.strip()}." if kind else None,
            code=code,
        )


def _bytes(path: Path) -> bytes:
    if str(path) == "ucum":
        return files("ucumvert").joinpath("vendor", "ucum-essence.xml").read_bytes()
    return path.read_bytes()


UCUM = Importer("ucum", "UCUM units, ucum-essence.xml", accepts, read, vocabulary="ucum")
