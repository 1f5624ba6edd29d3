"""The Basic Application Level Confidentiality Profile and its options (PS3.15 Annex E, Table E.1-1, edition 2026d).

``gate/profile.tsv`` holds the table as the standard has it: tag, name, action of the basic profile, and for each option
that speaks of the attribute its code of CID 7050, with its action where that is not to keep.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Set
from functools import cache
from importlib.resources import files
from typing import Final, NamedTuple

from pydicom.datadict import tag_for_keyword

__all__ = ["EDITION", "OPTIONS", "Action", "Method", "methods", "profile", "removed_by_profile", "shapes"]

EDITION: Final = "2026d"

BASIC: Final = "113100"
FULL_DATES: Final = "113106"
MODIFIED_DATES: Final = "113107"
INSTITUTION: Final = "113112"

OPTIONS: Final = frozenset(str(code) for code in range(113100, 113113))
"""The codes of CID 7050, De-identification Method (PS3.16), of scheme DCM."""


class Action(NamedTuple):
    """What the profile does with an attribute: remove (X), empty (Z), replace (D, U), or as its kind of object asks."""

    name: str
    basic: str
    options: dict[str, str]
    """Code of an option to its action: keep (K) or clean (C)."""


class Method(NamedTuple):
    """How files of a tool for de-identification are met, by the text that it leaves."""

    pattern: re.Pattern[str]
    tool: str
    verdict: str
    """``passes``; ``review``; ``missing`` where the text says that nothing was done."""


@cache
def profile() -> dict[str, Action]:
    """The table by tag: eight hexadecimal digits, with ``x`` for those of repeating groups."""
    return {
        row["tag"]: Action(row["name"], row["basic"], dict(_option(text) for text in row["options"].split()))
        for row in _rows("gate/profile.tsv")
    }


def _option(text: str) -> tuple[str, str]:
    code, _, action = text.partition(":")
    return code, action or "K"


@cache
def removed_by_profile(keyword: str) -> frozenset[str] | None:
    """The codes of the options that keep an attribute which the basic profile removes; None where it is not removed.

    >>> sorted(removed_by_profile("PatientWeight") or ()), removed_by_profile("Rows")
    (['113108'], None)
    """
    tag = tag_for_keyword(keyword)
    action = profile().get(f"{tag:08X}") if tag is not None else None
    return frozenset(action.options) if action and action.basic.startswith("X") else None


@cache
def methods() -> tuple[Method, ...]:
    """The marks of tools, the first that fits being meant (``gate/methods.tsv``)."""
    return tuple(
        Method(re.compile(row["pattern"], re.IGNORECASE), row["tool"], row["verdict"])
        for row in _rows("gate/methods.tsv")
    )


@cache
def shapes() -> dict[str, re.Pattern[str]]:
    """Patient IDs of published collections that are all digits and yet nobody's number (``patient_shapes.tsv``)."""
    return {row["collection"]: re.compile(row["shape"]) for row in _rows("gate/patient_shapes.tsv")}


def claimed_in_text(text: str) -> Set[str]:
    """The codes of CID 7050 that stand in the text of a method, as some programs write them.

    >>> sorted(claimed_in_text("DCM:113100/113107"))
    ['113100', '113107']
    """
    return OPTIONS & set(re.findall(r"(?<!\d)\d{6}(?!\d)", text)) if "DCM" in text.upper() else frozenset()


def _rows(name: str) -> list[dict[str, str]]:
    text = files("ingest").joinpath(name).read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE))
