"""OBO flat files, format 1.2 and 1.4: the ``[Term]`` stanzas.

Of a term: id, name, synonyms, definition, ``is_a`` parents, ``is_obsolete``, ``replaced_by`` and ``alt_id``. An id of a
prefix that is not ours stands for its OBO Foundry IRI.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ontology.imports.base import Concept, Importer, Item, Release, curie_of, text_lines
from ontology.prefixes import prefixes
from ontology.records import Reject

__all__ = ["OBO"]

QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"')
ESCAPES = {"n": "\n", "t": "\t", "W": " "}

Tags = dict[str, list[str]]


def accepts(path: Path, head: bytes) -> bool:
    """Whether it begins as an OBO document does."""
    return path.suffix.casefold() == ".obo" or head.removeprefix(b"\xef\xbb\xbf").startswith(b"format-version:")


def read(path: Path, vocabulary: str) -> Iterator[Item]:
    """The terms of an OBO file; a term without id or name is rejected."""
    header: Tags = {}
    for kind, number, tags in _stanzas(path):
        if kind == "":
            header = tags
            yield Release(
                title=_first(header, "ontology"),
                version=_first(header, "data-version"),
                date=_first(header, "date"),
                licence=_licence(header),
            )
        elif kind == "Term":
            yield _concept(tags, vocabulary, path.name, number)


def _stanzas(path: Path) -> Iterator[tuple[str, int, Tags]]:
    """Each stanza: its kind, empty for the header, the line where it begins, its tags with their values."""
    kind, start, tags = "", 1, Tags()
    for number, line in text_lines(path):
        if line.startswith("[") and line.rstrip().endswith("]"):
            yield kind, start, tags
            kind, start, tags = line.strip()[1:-1], number, Tags()
        elif ":" in line and not line.startswith("!"):
            tag, _, value = line.partition(":")
            tags.setdefault(tag.strip(), []).append(value.strip())
    yield kind, start, tags


def _first(tags: Tags, tag: str) -> str | None:
    return next(iter(tags.get(tag, ())), None)


def _licence(header: Tags) -> str | None:
    for value in header.get("property_value", ()):
        if "license" in value.partition(" ")[0]:
            return value.partition(" ")[2].split(" xsd:")[0].strip('" ')
    return None


def _plain(text: str) -> str:
    """Unescaped, without trailing modifiers ``{…}`` and the comment after ``!``.

    >>> _plain(r"NCIT:C1 {source=\\"x\\"} ! Old \\\\{1}")
    'NCIT:C1'
    """
    text = re.split(r"(?<!\\)\s!\s|(?<!\\)\s\{", text)[0].strip()
    return re.sub(r"\\(.)", lambda found: ESCAPES.get(found[1], found[1]), text)


def _quoted(text: str) -> str | None:
    found = QUOTED.match(text)
    return re.sub(r"\\(.)", lambda mark: ESCAPES.get(mark[1], mark[1]), found[1]) if found else None


def _id(text: str, vocabulary: str) -> str:
    """The CURIE of an OBO id; an id without prefix is one of the vocabulary."""
    plain = _plain(text)
    if "://" in plain:
        return curie_of(plain)
    prefix, colon, local = plain.partition(":")
    if not colon:
        return f"{vocabulary}:{plain}"
    if prefix.casefold() in prefixes():
        return f"{prefix.casefold()}:{local}"
    return curie_of(f"http://purl.obolibrary.org/obo/{prefix}_{local}")


def _concept(tags: Tags, vocabulary: str, name: str, number: int) -> Concept | Reject:
    place = f"the [Term] at line {number}"
    if not _first(tags, "id"):
        return Reject(name=name, place=place, problem="no id", wanted="id: PREFIX:1234")
    label = _plain(_first(tags, "name") or "")
    if not label:
        return Reject(name=name, place=place, problem="no name", wanted="name: the preferred name")
    synonyms = [_quoted(text) for text in tags.get("synonym", ())]
    replaced = _first(tags, "replaced_by")
    return Concept(
        curie=_id(tags["id"][0], vocabulary),
        label=label,
        parents=tuple(_id(parent, vocabulary) for parent in tags.get("is_a", ())),
        synonyms=tuple(text for text in synonyms if text),
        definition=_quoted(_first(tags, "def") or ""),
        retired=(_first(tags, "is_obsolete") or "").startswith("true"),
        replaced_by=_id(replaced, vocabulary) if replaced else None,
    )


OBO = Importer("obo", "OBO flat file", accepts, read)
