"""A REDCap data dictionary: fields, their choices, and which of them identify a person."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ingest.base import head_of
from mappings.shape import plain
from ontology.prefixes import Curie

__all__ = ["Dictionary", "RedcapField", "is_dictionary", "read_dictionary"]

COLUMNS = {
    "name": ("Variable / Field Name", "field_name"),
    "form": ("Form Name", "form_name"),
    "type": ("Field Type", "field_type"),
    "label": ("Field Label", "field_label"),
    "choices": ("Choices, Calculations, OR Slider Labels", "select_choices_or_calculations"),
    "identifier": ("Identifier?", "identifier"),
    "annotation": ("Field Annotation", "field_annotation"),
}
"""The columns of a dictionary as downloaded from the project's page, and as the programming interface gives them."""

FIXED_CHOICES = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}
DATA_ELEMENT = re.compile(r"\b(?:CDE|caDSR)(?:\s*ID)?\s*[:=#]?\s*(\d{2,9})\b", re.IGNORECASE)
CONCEPT = re.compile(r"\bNCIT?\s*[:_]\s*(C\d{2,7})\b", re.IGNORECASE)
ALWAYS_CLOSED = frozenset({"redcap_survey_identifier"})
"""A survey participant's address, which REDCap adds to exports on its own."""


@dataclass(frozen=True, slots=True)
class RedcapField:
    """One field of the dictionary; ``choices`` are labels by code."""

    name: str
    form: str
    type: str
    label: str
    choices: Mapping[str, str]
    identifies: bool
    element: Curie | None


@dataclass(frozen=True)
class Dictionary:
    """The fields of a project, the first being the record's identifier."""

    path: Path
    fields: Mapping[str, RedcapField]

    @cached_property
    def closed(self) -> frozenset[str]:
        """Fields that are never read."""
        return ALWAYS_CLOSED | {name for name, field in self.fields.items() if field.identifies}

    @cached_property
    def elements(self) -> dict[str, Curie]:
        """Data elements by field, where an annotation names one."""
        return {name: field.element for name, field in self.fields.items() if field.element is not None}

    @cached_property
    def labels(self) -> dict[str, Mapping[str, str]]:
        """Labels by code, of each field with one choice."""
        return {
            name: field.choices for name, field in self.fields.items() if field.choices and field.type != "checkbox"
        }

    @cached_property
    def by_label(self) -> dict[str, str]:
        """Column names of a raw export by those of a label export; labels that several fields bear are left out."""
        named: dict[str, str] = {"Event Name": "redcap_event_name", "Data Access Group": "redcap_data_access_group"}
        named |= {"Repeat Instrument": "redcap_repeat_instrument", "Repeat Instance": "redcap_repeat_instance"}
        named |= {"Survey Identifier": "redcap_survey_identifier"}
        seen: set[str] = set()
        for name, field in self.fields.items():
            label = plain(field.label)
            columns = {label: name}
            if field.type == "checkbox":
                columns = {
                    f"{label} (choice={plain(text)})": f"{name}___{code}" for code, text in field.choices.items()
                }
            for shown, column in columns.items():
                if shown in seen:
                    named.pop(shown, None)
                else:
                    seen.add(shown)
                    named[shown] = column
        return named

    def field_of(self, column: str) -> RedcapField | None:
        """The field of an export's column; that of the checkbox for ``sym___2``."""
        return self.fields.get(column) or self.fields.get(column.split("___", 1)[0])


def is_dictionary(path: Path) -> bool:
    """Whether a CSV begins as a data dictionary does."""
    head = head_of(str(path), 64).lstrip(b"\xef\xbb\xbf").lstrip(b'" ')
    return head.startswith((b"Variable / Field Name", b"field_name"))


def read_dictionary(path: Path) -> Dictionary | None:
    """A data dictionary; None where the file lacks its columns or cannot be read."""
    try:
        text = path.read_text(encoding="utf-8-sig", errors="replace")
        rows = list(csv.DictReader(text.splitlines(keepends=True), restval=""))
    except (OSError, csv.Error):
        return None
    fields = (_field({part: _cell(row, names) for part, names in COLUMNS.items()}) for row in rows)
    known = {field.name: field for field in fields if field.name}
    return Dictionary(path, known) if known and any(field.type for field in known.values()) else None


def _cell(row: Mapping[str, str | None], names: tuple[str, ...]) -> str:
    """A cell by whichever name its column has; ``NA`` is how R writes an empty one."""
    text = next((row[name] for name in names if name in row), "") or ""
    return "" if text == "NA" else text.strip()


def _field(cells: Mapping[str, str]) -> RedcapField:
    kind = cells["type"].lower()
    choices: Mapping[str, str] = FIXED_CHOICES.get(kind, {})
    if kind in {"radio", "dropdown", "checkbox"}:
        pairs = (item.partition(",") for item in cells["choices"].split("|") if item.strip())
        choices = {code.strip(): plain(label) for code, _, label in pairs}
    return RedcapField(
        name=cells["name"],
        form=cells["form"],
        type=kind,
        label=cells["label"],
        choices=choices,
        identifies=cells["identifier"].lower() in {"y", "yes", "1", "true"},
        element=_element(cells["annotation"]),
    )


def _element(annotation: str) -> Curie | None:
    """The data element that an annotation names, else the NCIt concept."""
    if found := DATA_ELEMENT.search(annotation):
        return Curie(f"cadsr:{found[1]}")
    found = CONCEPT.search(annotation)
    return Curie(f"ncit:{found[1].upper()}") if found else None
