"""Biotab files of The Cancer Genome Atlas: tab separated, with three header rows of which the last names data elements.

A ready map reads the files of patients. Any other Biotab file is read by its ``CDE_ID:`` alone: a column comes in where
its data element is bundled and has a variable, and where its cells fit the element: permissible values whose concept
has the value's own name, numbers in the element's unit. Every other column and cell waits for a decision.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from ingest.base import Context, Source, Yield, head_of, sha256_of
from ingest.table.file import TableError, TableFile
from ingest.table.reader import Input, read_input
from mappings.shape import Part, Shape
from mappings.sssom import Decision, Decisions
from mappings.tables import TableMap
from ontology.elements import Element, elements, newest
from ontology.prefixes import Curie
from ontology.records import Reject
from ontology.terminology import label
from ontology.variables import VariableKind, canonical

__all__ = ["SOURCE", "map_of", "named_elements"]

HEAD = 262_144
SUBJECT = "bcr_patient_barcode"
MISSING = ["[Not Available]", "[Not Applicable]", "[Not Evaluated]", "[Unknown]", "[Discrepancy]", "[Completed]"]
SILENT = frozenset({"not reported", "unknown", "not allowed to collect", "unspecified", "not evaluated"})
"""Permissible values that say nothing of the subject."""

FRAME = Part.model_validate({"subject": SUBJECT, "columns": {SUBJECT: {"record": "finding"}}})
"""The shape of the header alone, by which its columns get their names."""


def named_elements(table: TableFile) -> dict[str, Element]:
    """The bundled data elements that the third header row names, by column; `TableError` where it cannot be read."""
    names = table.headers(FRAME)
    third = next(islice(table.rows(), 2, 3), [])
    bundled: dict[Curie, list[Element]] = {}
    for (curie, _), element in elements().items():
        bundled.setdefault(curie, []).append(element)
    found = {}
    for name, cell in zip(names, third, strict=False):
        public_id = re.fullmatch(r"CDE_ID:\s*(\d+)", cell.strip())
        if public_id and name and (versions := bundled.get(Curie(f"cadsr:{public_id[1]}"))):
            found[name] = newest(versions)
    return found


def map_of(named: Mapping[str, Element]) -> TableMap | None:
    """A table map of the columns that their data elements explain; None where there is no such column."""
    columns: dict[str, dict[str, Any]] = {}
    rows: list[Decision] = []
    for name, element in named.items():
        variable = canonical(element.variable) if element.variable else None
        if variable is None:
            continue
        unit = element.canonical_unit
        if variable.kind is VariableKind.FINDING and element.values:
            columns[name] = {"record": "finding"}
            rows.extend(_values(name, element))
        elif variable.kind is VariableKind.MEASUREMENT and (unit or variable.unit in {None, "1"}):
            columns[name] = {"record": "measurement", **({"unit": unit} if unit else {})}
        else:
            continue
        rows.append(Decision(name, None, "skos:exactMatch", variable.curie, 0))
    if not columns:
        return None
    shape = Shape.model_validate(
        {
            "name": "biotab_elements",
            "title": "Biotab, by the data elements of its header",
            "first_row": 4,
            "subject": SUBJECT,
            "missing": MISSING,
            "columns": columns,
        }
    )
    decisions = Decisions(Path("a table map of your own"), tuple(rows))
    return TableMap(Path(shape.name), shape, shape.parts(), decisions)


def _values(column: str, element: Element) -> Iterator[Decision]:
    """What the permissible values mean, each as written and in capitals, where the concept bears the value's name."""
    for item in element.values:
        concept = item.concepts[-1] if item.concepts else None
        if concept is None or item.value.casefold() in SILENT or _words(item.value) != _words(label(concept) or ""):
            continue
        for cell in dict.fromkeys((item.value, item.value.upper(), item.value.capitalize())):
            yield Decision(column, cell, "skos:exactMatch", concept, 0)


def _words(text: str) -> list[str]:
    """The words of a value or label by which they are compared: ``T1a`` is named ``T1a Stage Finding``."""
    return sorted(re.findall(r"[\w+()-]+", text.casefold().removesuffix(" stage finding")))


def accepts(locator: str) -> bool:
    """Whether a locator is a text file whose third row names data elements."""
    if "://" in locator or Path(locator).suffix.lower() not in {".txt", ".tsv"}:
        return False
    lines = head_of(locator, HEAD).split(b"\n", 3)
    return len(lines) > 2 and lines[2].startswith(b"CDE_ID") and SUBJECT.encode() in lines[0].split(b"\t")


def read(locators: Iterator[str], context: Context) -> Iterator[Yield]:
    """Yield each file's head, records and rejects."""
    for locator in locators:
        path = Path(locator)
        try:
            given = _input(path)
        except TableError as error:
            yield Reject(name=path.name, place=error.place, problem=error.problem, wanted=error.wanted)
            continue
        except OSError as error:
            yield Reject(name=path.name, place="file", problem=f"cannot be opened ({error.strerror})", wanted="a file")
            continue
        yield from read_input(given, context)


def _input(path: Path) -> Input:
    table = TableFile(path, delimiter="\t")
    named = named_elements(table)
    curies: Mapping[str, Curie] = {name: element.curie for name, element in named.items()}
    return Input("biotab", path, table, sha256_of(path), elements=curies, proposed=map_of(named))


SOURCE = Source(name="biotab", accepts=accepts, read=read, summary="Biotab files of The Cancer Genome Atlas")
