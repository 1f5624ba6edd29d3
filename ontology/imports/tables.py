"""A vocabulary as a table with a header: BioPortal's CSV (RadLex), the IBSI table, lists of codes and labels.

Columns are known by their names (`COLUMNS`), lists within a cell are separated by ``|``, ids may be codes or IRIs.
"""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TextIO

from ontology.imports.base import Concept, Importer, Item, Release, UnreadableError, curie_of
from ontology.records import Reject

__all__ = ["TABLE", "columns_of"]

COLUMNS: Mapping[str, tuple[str, ...]] = {
    "code": ("code", "rid", "class id", "public_id", "ibsi_code", "concept code", "id"),
    "label": ("preferred_label", "preferred label", "label", "long_name", "feature_name", "name", "term"),
    "obsolete_label": ("http://radlex.org/rid/preferred_name_for_obsolete", "preferred_name_for_obsolete"),
    "parents": ("parents", "parent", "parent_rid", "parent_codes", "parent_code"),
    "synonyms": ("synonyms", "synonym", "other_labels", "pyradiomics_feature", "acronym"),
    "definition": ("definitions", "definition"),
    "retired": ("obsolete", "retired", "deprecated"),
    "replaced": ("replaced_by", "replaced by", "http://radlex.org/rid/replaced_by"),
}
"""The headers, in small letters, of each part of a concept; the first that a table has counts, of synonyms all."""

TRUE = frozenset({"true", "1", "yes", "y"})
TOPS = frozenset({"owl:Thing", "http://www.w3.org/2002/07/owl#Thing"})
WIDEST = 2**24


def columns_of(header: list[str]) -> dict[str, list[int]]:
    """The positions of each part of a concept in a header.

    >>> columns_of(["Class ID", "Preferred Label", "Synonyms", "Parents"])["parents"]
    [3]
    """
    spelled = {name.strip().strip('"').casefold(): place for place, name in reversed(list(enumerate(header)))}
    found = {part: [spelled[name] for name in names if name in spelled] for part, names in COLUMNS.items()}
    return {part: places if part == "synonyms" else places[:1] for part, places in found.items()}


def _header(head: bytes) -> tuple[list[str], str]:
    line = head.decode("utf-8", "replace").removeprefix("\ufeff").partition("\n")[0].rstrip("\r")
    delimiter = "\t" if "\t" in line else ";" if line.count(";") > line.count(",") else ","
    return next(csv.reader([line], delimiter=delimiter), []), delimiter


def accepts(path: Path, head: bytes) -> bool:
    """Whether the first line names a column of codes and one of labels."""
    if head.startswith(b"\x1f\x8b"):
        return path.name.casefold().endswith((".csv.gz", ".tsv.gz"))
    if path.suffix.casefold() not in {".csv", ".tsv", ".txt"}:
        return False
    found = columns_of(_header(head)[0])
    return bool(found["code"] and found["label"])


def _open(path: Path) -> TextIO:
    if path.suffix.casefold() == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def read(path: Path, vocabulary: str) -> Iterator[Item]:
    """The concepts of a table; a row without code or label is rejected, `UnreadableError` where it is no such table."""
    with _open(path) as text:
        try:
            yield from _rows(text, path.name, vocabulary)
        except UnicodeDecodeError as error:
            raise UnreadableError(f"{path.name} is not UTF-8 text; save it as UTF-8") from error
        except (csv.Error, OSError, EOFError) as error:
            raise UnreadableError(f"{path.name} cannot be read as a table ({type(error).__name__})") from error


def _rows(text: TextIO, name: str, vocabulary: str) -> Iterator[Item]:
    header, delimiter = _header(text.readline().encode())
    places = columns_of(header)
    if not places["code"] or not places["label"]:
        wanted = ", ".join((*COLUMNS["code"], *COLUMNS["label"]))
        raise UnreadableError(f"{name} has no column of codes and labels; headers that are known: {wanted}")
    yield Release()
    # tab-separated extracts write quotation marks as they are
    csv.field_size_limit(WIDEST)
    rows = csv.reader(text, delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter == "\t" else csv.QUOTE_MINIMAL)
    for row in rows:
        if any(row):
            yield _concept(row, places, vocabulary, f"line {rows.line_num + 1}", name)


def _concept(row: list[str], places: dict[str, list[int]], vocabulary: str, place: str, name: str) -> Concept | Reject:
    def cells(part: str) -> list[str]:
        return [row[place].strip() for place in places[part] if place < len(row)]

    def cell(part: str) -> str:
        return next(iter(cells(part)), "")

    def many(part: str) -> list[str]:
        return [item.strip() for text in cells(part) for item in text.split("|") if item.strip()]

    code, label, obsolete = cell("code"), cell("label"), cell("obsolete_label")
    unnamed = not label or label == code or code.endswith(f"/{label}")
    if unnamed and obsolete:
        label = obsolete
    if not code or not label:
        missing = "code" if not code else "label"
        return Reject(name=name, place=place, problem=f"no {missing}", wanted=f"a {missing} in every row")
    return Concept(
        curie=_curie(code, vocabulary),
        label=" ".join(label.split()),
        parents=tuple(_curie(parent, vocabulary) for parent in many("parents") if parent not in TOPS),
        synonyms=tuple(" ".join(text.split()) for text in many("synonyms")),
        definition=cell("definition") or None,
        retired=cell("retired").casefold() in TRUE or bool(unnamed and obsolete),
        replaced_by=_curie(cell("replaced"), vocabulary) if cell("replaced") else None,
    )


def _curie(code: str, vocabulary: str) -> str:
    """A code of the vocabulary, a CURIE or an IRI as CURIE."""
    if "://" in code:
        return curie_of(code)
    return code if code.startswith(f"{vocabulary}:") else f"{vocabulary}:{code}"


TABLE = Importer("table", "Table with a header: BioPortal CSV (RadLex), IBSI, codes and labels", accepts, read)
