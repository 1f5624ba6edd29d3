"""Dictionaries of case-report forms, as the cooperative groups publish them with their tables.

Three layouts are known, all of a row for each field and answer code:

- a CSV for each form: ``field_name, ques_desc, data_type, resp_seq_no, resp_desc``, the field repeated for each code;
- a workbook with a sheet for each form: ``Variable Name, Variable Label, Data Type, Option Code, Option Description``,
  the further codes of a field on rows without its name;
- a sheet below a few title rows: ``Variable name, Variable definition, Code Table/Values``, codes as ``1=Yes``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path
from typing import Final

from ingest.table.file import DELIMITED, WORKBOOKS, TableError, TableFile
from mappings.shape import plain
from ontology.units import normalise

__all__ = ["FormDictionary", "FormField", "is_named_dictionary", "read_dictionaries"]

NAMED: Final = re.compile(r"dictionar", re.IGNORECASE)
TITLES: Final = 12
"""Rows within which the column names of a dictionary stand."""
ROWS: Final = 20_000

COLUMNS: Final[tuple[Mapping[str, str], ...]] = (
    {"name": "field_name", "label": "ques_desc", "type": "data_type", "code": "resp_seq_no", "answer": "resp_desc"},
    {
        "name": "variable name",
        "label": "variable label",
        "type": "data type",
        "code": "option code",
        "answer": "option description",
    },
    {"name": "variable name", "label": "variable definition", "answer": "code table/values"},
)
"""The column names of each layout, by what they hold."""

IDENTIFYING: Final = re.compile(
    r"\b(?:date|day|month|year) of birth\b|\bbirth ?(?:date|day|year)\b|\binitials\b|\bsignature\b|\bsocial security\b"
    r"|\bmedical record (?:number|no)\b|\b(?:zip|postal) ?code\b|\b(?:tele)?phone (?:number|no)\b|\be-?mail address\b"
    r"|\b(?:patient|participant|physician|investigator|radiologist|pathologist|institution|hospital)(?:'?s)? "
    r"(?:last |first |full )?(?:name|address)\b"
    r"|\bname of (?:the )?(?:person|patient|participant|physician|institution)\b",
    re.IGNORECASE,
)
"""Words of a question that asks who somebody is, or when they were born."""

UNIT: Final = re.compile(r"[(\[]\s*([^()\[\]]{1,12}?)\s*[)\]]")
CODED: Final = re.compile(r"(\.?[A-Za-z0-9]{1,6})\s*=\s*(.+)")
FORMATS: Final = re.compile(r"(?:best|\$F|F)\d+\.", re.IGNORECASE)
"""SAS formats, which stand in place of answers where a field has none."""


@dataclass(frozen=True, slots=True)
class FormField:
    """One question of a form; ``answers`` are texts by code."""

    name: str
    label: str
    type: str
    answers: Mapping[str, str]

    @property
    def identifies(self) -> bool:
        """Whether the question asks for what identifies a person."""
        return IDENTIFYING.search(self.label) is not None

    @property
    def unit(self) -> str | None:
        """The UCUM code of a unit in brackets in the question."""
        return next((code for found in UNIT.findall(self.label) if (code := normalise(found))), None)


@dataclass(frozen=True)
class FormDictionary:
    """The fields of one form; names are compared without regard to case, as the tables do not keep it."""

    path: Path
    form: str
    fields: Mapping[str, FormField]
    """By name in lower case."""

    @cached_property
    def names(self) -> frozenset[str]:
        """The names of the fields, in lower case."""
        return frozenset(self.fields)

    def field_of(self, column: str) -> FormField | None:
        """The field of a table's column."""
        return self.fields.get(column.casefold())

    def describes(self, header: Sequence[str]) -> int:
        """How many columns of a table it describes; 0 where these are no more than half."""
        known = sum(name.casefold() in self.names for name in header)
        return known if known * 2 > len(header) else 0

    def labels(self, header: Sequence[str]) -> dict[str, Mapping[str, str]]:
        """The answers by code of each coded column."""
        found = {name: self.field_of(name) for name in header}
        return {name: field.answers for name, field in found.items() if field is not None and field.answers}

    def closed(self, header: Sequence[str]) -> frozenset[str]:
        """The columns that ask for what identifies a person."""
        return frozenset(name for name in header if (field := self.field_of(name)) is not None and field.identifies)


def is_named_dictionary(path: Path) -> bool:
    """Whether a file calls itself a dictionary and is a table."""
    return NAMED.search(path.name) is not None and path.suffix.lower() in DELIMITED | WORKBOOKS


def read_dictionaries(path: Path) -> tuple[FormDictionary, ...]:
    """The dictionaries of a file, one for each form; none where it has another layout or cannot be read."""
    table = TableFile(path)
    found = []
    try:
        for sheet in table.sheet_names() or (None,):
            rows = islice(table.rows(sheet), ROWS)
            fields = _fields([[cell.strip() for cell in row] for row in rows])
            if fields:
                found.append(FormDictionary(path, sheet or path.stem, fields))
    except (TableError, OSError):
        return ()
    return tuple(found)


def _fields(rows: list[list[str]]) -> dict[str, FormField]:
    """The fields of a sheet by name in lower case; empty where no row has the column names of a layout."""
    for number, row in enumerate(rows[:TITLES]):
        names = [plain(cell).casefold() for cell in row]
        for layout in COLUMNS:
            places = {
                part: next((at for at, name in enumerate(names) if name.startswith(column)), -1)
                for part, column in layout.items()
            }
            if min(places.values()) >= 0:
                return _gathered(rows[number + 1 :], places)
    return {}


def _gathered(rows: list[list[str]], places: Mapping[str, int]) -> dict[str, FormField]:
    fields: dict[str, FormField] = {}
    current: list[FormField] = []
    for row in rows:
        cells = {part: row[at] if at < len(row) else "" for part, at in places.items()}
        if names := _names(cells["name"]):
            current = [_begun(fields, name, cells) for name in names]
        for code, answer in _answers(cells):
            for field in current:
                assert isinstance(field.answers, dict)
                field.answers[code] = answer
    return fields


def _names(cell: str) -> list[str]:
    """The names of a cell, which may speak of several fields: those of a date's year and its days."""
    words = cell.split()
    return words if all(re.fullmatch(r"\w+", word) for word in words) and len(words) <= 4 else []


def _begun(fields: dict[str, FormField], name: str, cells: Mapping[str, str]) -> FormField:
    """The field of a row: a new one, or that which its earlier rows began."""
    new = FormField(name, plain(cells["label"]).strip('"'), cells.get("type", ""), {})
    return fields.setdefault(name.casefold(), new)


def _answers(cells: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """The code and answer of a row."""
    answer = plain(cells["answer"])
    if "code" in cells:
        code = cells["code"]
        if code and answer and not FORMATS.fullmatch(answer):
            yield code, answer
        return
    for line in cells["answer"].split("\n"):
        if found := CODED.fullmatch(plain(line)):
            # a missing-value code of SAS (.M) stands in some tables without its point
            yield found[1], found[2]
            if found[1].startswith("."):
                yield found[1][1:], found[2]
