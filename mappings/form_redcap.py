"""A form as a REDCap data dictionary: the CSV that a project's page takes under "Upload instruments"."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from mappings.forms import RECORD, FormField

__all__ = ["COLUMNS", "data_dictionary"]

COLUMNS = (
    "Variable / Field Name",
    "Form Name",
    "Section Header",
    "Field Type",
    "Field Label",
    "Choices, Calculations, OR Slider Labels",
    "Field Note",
    "Text Validation Type OR Show Slider Number",
    "Text Validation Min",
    "Text Validation Max",
    "Identifier?",
    "Branching Logic (Show field only if...)",
    "Required Field?",
    "Custom Alignment",
    "Question Number (surveys only)",
    "Matrix Group Name",
    "Matrix Ranking?",
    "Field Annotation",
)
"""The 18 columns in REDCap's order."""


def data_dictionary(fields: Iterable[FormField], form: str) -> str:
    """The dictionary as CSV: the record's identifier, then the fields with their elements as annotations."""
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerow({COLUMNS[0]: RECORD, COLUMNS[1]: form, COLUMNS[3]: "text", COLUMNS[4]: "Record ID"})
    for field in fields:
        writer.writerow(
            {
                "Variable / Field Name": field.name,
                "Form Name": form,
                "Field Type": field.type,
                "Field Label": field.label,
                COLUMNS[5]: " | ".join(f"{choice.code}, {choice.label}" for choice in field.choices),
                "Field Note": f"Unit: {field.unit}" if field.unit else "",
                COLUMNS[7]: field.validation,
                "Identifier?": "y" if field.identifies else "",
                "Field Annotation": f"CDE:{field.reference}",
            }
        )
    return text.getvalue()
