"""What a project says of itself: fields with their choices, instruments, events, and which fields identify a person.

It is read from a data dictionary (CSV, also zipped) with the list of events beside it; `ingest.odm.metadata` reads the
same from project XML, `ingest.redcap.api` from a server.
"""

from __future__ import annotations

import csv
import html
import io
import re
import zipfile
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ingest.base import head_of
from ingest.redcap.annotations import Named, code_reader, concept_named, element_named
from ingest.redcap.events import StudyEvent, delimiter_of
from mappings.shape import plain
from ontology.prefixes import Curie

__all__ = [
    "Dictionary",
    "RedcapField",
    "choices_of",
    "is_dictionary",
    "read_dictionary",
    "shown_text",
    "to_fields",
]

COLUMNS = {
    "name": ("Variable / Field Name", "field_name"),
    "form": ("Form Name", "form_name"),
    "type": ("Field Type", "field_type"),
    "label": ("Field Label", "field_label"),
    "choices": ("Choices, Calculations, OR Slider Labels", "select_choices_or_calculations"),
    "note": ("Field Note", "field_note"),
    "validation": ("Text Validation Type OR Show Slider Number", "text_validation_type_or_show_slider_number"),
    "identifier": ("Identifier?", "identifier"),
    "branching": ("Branching Logic (Show field only if...)", "branching_logic"),
    "annotation": ("Field Annotation", "field_annotation"),
}
"""The columns of a dictionary as downloaded from the project's page, and as the programming interface gives them."""

FIXED_CHOICES = {"yesno": {"1": "Yes", "0": "No"}, "truefalse": {"1": "True", "0": "False"}}
CHOSEN = frozenset({"radio", "dropdown", "select", "checkbox"})
ALWAYS_CLOSED = frozenset({"redcap_survey_identifier"})
"""A survey participant's address, which REDCap adds to exports on its own."""

FILES = frozenset({"file", "signature"})
"""Fields whose cells are the names of uploaded files, which people choose."""

PERSONAL = re.compile(r"email|phone|ssn|zipcode|postalcode|v?mrn", re.IGNORECASE)
"""Validation types of what identifies a person, whether it is flagged or not."""

UNPACKED_LIMIT = 64 << 20
"""Bytes to which a zipped dictionary may unpack."""


@dataclass(frozen=True, slots=True)
class RedcapField:
    """One field; ``choices`` are labels by code, ``concepts`` what a code list says that its labels mean."""

    name: str
    form: str
    type: str
    label: str
    choices: Mapping[str, str] = field(default_factory=dict)
    identifies: bool = False
    annotation: str = ""
    note: str = ""
    validation: str = ""
    branching: str = ""
    """The condition under which the form shows the field: an unticked box says nothing where it was not shown."""
    ontology: str = ""
    """The vocabulary that the values are taken from, such as ``BIOPORTAL:NCIT``."""
    unit: str = ""
    concepts: Mapping[str, Curie] = field(default_factory=dict)

    @property
    def named(self) -> Named | None:
        """The data element that the annotation names, with its version."""
        return element_named(self.annotation)

    @property
    def element(self) -> Curie | None:
        """The data element that the annotation names."""
        return self.named.curie if self.named else None

    @property
    def concept(self) -> Curie | None:
        """The concept that the annotation names."""
        return concept_named(self.annotation)

    @property
    def closed(self) -> bool:
        """Whether the field is never read: flagged as identifying, an uploaded file, or of an identifying form."""
        return (
            self.identifies
            or self.type in FILES
            or self.validation == "signature"
            or bool(PERSONAL.match(self.validation))
        )

    @property
    def decimal(self) -> str | None:
        """The decimal sign of its numbers, where the validation or the type decides it."""
        if "comma_decimal" in self.validation:
            return ","
        return "." if self.type in {"calc", "slider"} or self.validation.startswith(("number", "integer")) else None

    def columns(self) -> dict[str, str]:
        """The columns of a raw export and what a label export calls them."""
        label = shown_text(self.label)
        if self.type != "checkbox":
            return {self.name: label}
        return {f"{self.name}___{_suffix(code)}": f"{label} (choice={text})" for code, text in self.choices.items()}


def _suffix(code: str) -> str:
    """A choice's code in the name of its checkbox column: lower case, -9 as ``_9``, without other signs."""
    return re.sub(r"[^a-z0-9_]", "", re.sub(r"[-.]", "_", code.lower()))


@dataclass(frozen=True)
class Dictionary:
    """The fields of a project, the first being the record's identifier, and what else is known of it."""

    path: Path
    fields: Mapping[str, RedcapField]
    events: tuple[StudyEvent, ...] = ()
    missing_codes: Mapping[str, str] = field(default_factory=dict)
    """The project's codes for data that are missing, with their labels."""
    key: str = ""
    """The column that names the subject, where it is not the first field."""
    event_column: str = "redcap_event_name"
    files: tuple[Path, ...] = ()
    """What it was read from besides ``path``."""

    @property
    def subject(self) -> str:
        """The column that names the subject."""
        return self.key or next(iter(self.fields))

    @cached_property
    def closed(self) -> frozenset[str]:
        """Columns that are never read."""
        shut = [item for item in self.fields.values() if item.closed]
        return ALWAYS_CLOSED | {name for item in shut for name in (item.name, *item.columns())}

    @cached_property
    def elements(self) -> dict[str, Curie]:
        """Data elements by column, where the field's annotation names one."""
        named = [item for item in self.fields.values() if item.element is not None]
        return {name: item.element for item in named for name in (item.name, *item.columns()) if item.element}

    @cached_property
    def labels(self) -> dict[str, Mapping[str, str]]:
        """Labels by code, of each field with one choice."""
        return {name: item.choices for name, item in self.fields.items() if item.choices and item.type != "checkbox"}

    @cached_property
    def codes(self) -> dict[str, Callable[[str], Curie | None]]:
        """What the cells of fields mean whose values are codes of a vocabulary."""
        readers = {name: code_reader(item.ontology) for name, item in self.fields.items() if item.ontology}
        return {name: read for name, read in readers.items() if read is not None}

    @cached_property
    def decimals(self) -> dict[str, str]:
        """The decimal sign of each field for which it is known."""
        return {name: item.decimal for name, item in self.fields.items() if item.decimal}

    @cached_property
    def forms(self) -> tuple[str, ...]:
        """The instruments in their order."""
        return tuple(dict.fromkeys(item.form for item in self.fields.values()))

    @cached_property
    def _by_column(self) -> dict[str, RedcapField]:
        return {column: item for item in self.fields.values() for column in item.columns()} | dict(self.fields)

    def field_of(self, column: str) -> RedcapField | None:
        """The field of an export's column; that of the checkbox for ``sym___2``."""
        return self._by_column.get(column) or self.fields.get(column.split("___", 1)[0])

    def form_of(self, column: str) -> str | None:
        """The instrument that a column belongs to."""
        found = self.field_of(column)
        if found is not None:
            return found.form
        return next((form for form in self.forms if column in {f"{form}_complete", f"{form}_timestamp"}), None)


def shown_text(text: str) -> str:
    """A label without mark-up, as exports show it.

    >>> shown_text("<b>Weight</b><br>(kg) &amp;  height")
    'Weight (kg) & height'
    """
    bare = re.sub(r"</?[A-Za-z][^<>]*>", "", re.sub(r"(?i)<br */?>", " ", text)) if "<" in text else text
    return plain(html.unescape(bare) if "&" in bare else bare)


def choices_of(text: str) -> dict[str, str]:
    """Labels by code, from ``1, Male | 2, Female``.

    >>> choices_of("1, Male | -9, Unknown, or other|2,Female")
    {'1': 'Male', '-9': 'Unknown, or other', '2': 'Female'}
    """
    pairs = (item.partition(",") for item in text.split("|") if item.strip())
    return {code.strip(): shown_text(label) for code, _, label in pairs}


def is_dictionary(path: Path) -> bool:
    """Whether a CSV, or the one CSV in a zip archive, begins as a data dictionary does."""
    if path.suffix.lower() == ".zip":
        return _packed(path, 64).startswith(STARTS)
    return _plain_head(head_of(str(path), 64)).startswith(STARTS)


STARTS = (b"Variable / Field Name", b"field_name")


def _plain_head(head: bytes) -> bytes:
    return head.lstrip(b"\xef\xbb\xbf").lstrip(b'" ')


def _packed(path: Path, size: int = UNPACKED_LIMIT) -> bytes:
    """The first bytes of the only CSV in an archive; empty where there is none or more than one."""
    try:
        with zipfile.ZipFile(path) as archive:
            inside = [item for item in archive.infolist() if item.filename.lower().endswith(".csv")]
            if len(inside) != 1 or inside[0].file_size > UNPACKED_LIMIT or inside[0].flag_bits & 1:
                return b""
            with archive.open(inside[0]) as content:
                return _plain_head(content.read(size)) if size < 1024 else content.read(size)
    except (zipfile.BadZipFile, OSError, NotImplementedError, EOFError):
        return b""


def read_dictionary(path: Path) -> Dictionary | None:
    """A data dictionary; None where the file lacks its columns or cannot be read."""
    try:
        content = _packed(path) if path.suffix.lower() == ".zip" else path.read_bytes()
        text = _decoded(content)
        rows = list(csv.DictReader(io.StringIO(text, newline=""), restval="", delimiter=delimiter_of(text)))
    except (OSError, csv.Error):
        return None
    known = to_fields(rows)
    return Dictionary(path, known) if known and any(item.type for item in known.values()) else None


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError:
        return content.decode("cp1252", errors="replace")


def to_fields(rows: Iterable[Mapping[str, str | None]]) -> dict[str, RedcapField]:
    """The fields of a dictionary's rows, by name."""
    found = (_field({part: _cell(row, names) for part, names in COLUMNS.items()}) for row in rows)
    return {item.name: item for item in found if item.name}


def _cell(row: Mapping[str, str | None], names: tuple[str, ...]) -> str:
    """A cell by whichever name its column has; ``NA`` is how R writes an empty one."""
    text = next((row[name] for name in names if name in row), "") or ""
    return "" if text == "NA" else text.strip()


def _field(cells: Mapping[str, str]) -> RedcapField:
    kind = cells["type"].lower()
    choices: Mapping[str, str] = FIXED_CHOICES.get(kind, {})
    if kind in CHOSEN:
        choices = choices_of(cells["choices"])
    return RedcapField(
        name=cells["name"],
        form=cells["form"],
        type=kind,
        label=cells["label"],
        choices=choices,
        identifies=cells["identifier"].lower() in {"y", "yes", "1", "true"},
        annotation=cells["annotation"],
        note=cells["note"],
        validation=cells["validation"].lower(),
        branching=cells["branching"],
        ontology=cells["choices"] if cells["choices"].upper().startswith("BIOPORTAL:") else "",
    )
