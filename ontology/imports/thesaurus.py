"""NCI Thesaurus as its flat file ``Thesaurus.txt``: one concept a line, eight columns without a header.

Code, concept IRI, parents, synonyms (the first is the preferred name), definition, display name, concept status and
semantic type, separated by tabs; lists by ``|``. Newer releases add a ninth column, the concept's subsets.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ontology.imports.base import Concept, Importer, Item, Release, text_lines
from ontology.records import Reject

__all__ = ["THESAURUS"]

CODE = re.compile(r"C\d+")
RETIRED = frozenset({"Retired_Concept", "Obsolete_Concept"})
WANTED = "code, concept IRI, parents, synonyms, definition, display name, status and semantic type, separated by tabs"


def accepts(path: Path, head: bytes) -> bool:
    """Whether the first line has a code of the Thesaurus and enough columns."""
    first = head.partition(b"\n")[0].decode("utf-8", "replace").removeprefix("\ufeff").split("\t")
    return path.suffix.casefold() in {".txt", ".tsv"} and len(first) >= 7 and bool(CODE.fullmatch(first[0]))


def read(path: Path, vocabulary: str) -> Iterator[Item]:
    """The concepts of a flat file; a line with too few columns, without code or without a name is rejected."""
    yield Release("NCI Thesaurus", _release(path.name), None, "CC BY 4.0")
    for number, line in text_lines(path):
        if line:
            yield _concept(line.split("\t"), vocabulary, path.name, number)


def _release(name: str) -> str | None:
    """The release where the file's name says it: ``Thesaurus_24.01e.txt``."""
    found = re.search(r"\d{2}\.\d{2}[a-z]?", name)
    return found[0] if found else None


def _concept(cells: list[str], vocabulary: str, name: str, number: int) -> Concept | Reject:
    place = f"line {number}"
    if len(cells) < 7:
        return Reject(name=name, place=place, problem=f"{len(cells)} columns", wanted=WANTED)
    code, _, parents, synonyms, definition, display, status = cells[:7]
    if not CODE.fullmatch(code):
        return Reject(name=name, place=place, problem="the first column is no code", wanted="a code such as C3262")
    names = [text.strip() for text in synonyms.split("|") if text.strip()]
    if not names and not display:
        return Reject(name=name, place=place, problem="no name", wanted="synonyms, the preferred name first")
    label = names[0] if names else display
    return Concept(
        curie=f"{vocabulary}:{code}",
        label=label,
        # a retired concept names the retired parents after it was taken out of the tree
        parents=tuple(f"{vocabulary}:{parent}" for parent in parents.split("|") if CODE.fullmatch(parent)),
        synonyms=tuple(dict.fromkeys(text for text in (*names[1:], display) if text and text != label)),
        definition=definition or None,
        retired=bool(RETIRED & set(status.split("|"))),
    )


THESAURUS = Importer("thesaurus", "NCI Thesaurus, flat file Thesaurus.txt", accepts, read, vocabulary="ncit")
