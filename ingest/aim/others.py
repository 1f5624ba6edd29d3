"""Documents of annotation tools that are no annotations: recognised, so that they are refused with a reason.

A template looks much like an annotation, and says what could have been asked; a server's answers name annotations, or
tables computed of them, and not what was observed.
"""

from __future__ import annotations

import re
from typing import Final

from ontology import xml
from ontology.records import Reject

__all__ = ["TEMPLATES", "refusal"]

TEMPLATES: Final = ("Template", "TemplateContainer")
"""The root elements of templates, which JSON mirrors."""

TEMPLATE: Final = (
    "the document is a template: it says what annotations could state, and states nothing",
    "an annotation; the coded terms of a template come into the term index by `qilin terms import`",
)

LISTED: Final = (
    "the document lists annotations of a server without their values",
    "the annotations themselves, as ePAD exports them",
)

REPORTED: Final = (
    "the document is a report that a server computed: it names no subject, and its lengths are those of annotations",
    "the annotations themselves, as ePAD exports them",
)

EXPORTED: Final = (
    "the document is a table that a server computed, whose columns have no units",
    "the annotations themselves, or the table as CSV with a table map that says its units",
)

CHARTED: Final = (
    "the document is a chart that a server computed: its responses are judged from the baseline, not from the nadir",
    "the annotations themselves, as ePAD exports them",
)

MARKS: Final = (
    (re.compile(r'AIMTemplate|"TemplateContainer"\s*:|^\{.*"Template"\s*:.*"Component"\s*:', re.DOTALL), TEMPLATE),
    (re.compile(r'"aimID"\s*:'), LISTED),
    (re.compile(r'"tLesionNames"\s*:|"tUIDs"\s*:'), REPORTED),
    (re.compile(r'"waterfall(?:Headers|Export)"\s*:'), EXPORTED),
    (re.compile(r'^\{\s*"series"\s*:\s*\[\s*\{.*"rc"\s*:', re.DOTALL), CHARTED),
)
"""What stands in the first bytes of JSON documents that are none, and why they are refused."""


def refusal(name: str, head: bytes) -> Reject | None:
    """Why a document with these first bytes is no annotation; None where it may be one."""
    found = TEMPLATE if xml.root_name(head) in TEMPLATES else None
    text = head.decode("utf-8-sig", errors="ignore").lstrip()
    if text.startswith(("{", "[")):
        found = next((words for mark, words in MARKS if mark.search(text)), None)
    if found is None:
        return None
    problem, wanted = found
    return Reject(name=name, place="document", problem=problem, wanted=wanted)
