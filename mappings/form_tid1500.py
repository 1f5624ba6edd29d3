"""Questions as a profile of DICOM PS3.16 TID 1500: what a measurement group of a study has to hold.

The JSON has the names of dcmqi's ``tid1500writer`` (``measurementItems``, ``qualitativeEvaluations``, ``FindingSite``),
without values: in place of each stands ``allowed``, the codes of which one is to be taken.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Final

from mappings.code_sets import Triplet
from mappings.form_questions import Question

__all__ = ["codes_of_profile", "tid1500_profile"]

NAMES: Final = ("CodeValue", "CodingSchemeDesignator", "CodeMeaning")


def _coded(code: Triplet) -> dict[str, str]:
    return dict(zip(NAMES, code, strict=True))


def tid1500_profile(asked: Sequence[Question], name: str) -> bytes:
    """The profile as JSON."""
    group: dict[str, Any] = {"TemplateIdentifier": "1501"}
    for item in asked:
        allowed = [_coded(code) for code in item.answers]
        if not item.answers:
            unit = {"CodeValue": item.unit, "CodingSchemeDesignator": "UCUM", "CodeMeaning": item.unit}
            group.setdefault("measurementItems", []).append({"quantity": _coded(item.code), "units": unit})
        elif item.of_place or item.of_finding:
            group["FindingSite" if item.of_place else "Finding"] = {"allowed": allowed}
        else:
            answer = {"conceptCode": _coded(item.code), "conceptValue": {"allowed": allowed}}
            group.setdefault("qualitativeEvaluations", []).append(answer)
    profile = {"name": name, "TemplateIdentifier": "1500", "MappingResource": "DCMR", "Measurements": [group]}
    return (json.dumps(profile, indent=1, ensure_ascii=False) + "\n").encode()


def codes_of_profile(content: bytes) -> Iterator[tuple[Triplet | None, tuple[Triplet, ...]]]:
    """What a profile asks: the code of each question, where it has one, and those of its answers."""
    for group in json.loads(content)["Measurements"]:
        for name in ("Finding", "FindingSite"):
            if name in group:
                yield None, _allowed(group[name])
        for item in group.get("measurementItems", ()):
            yield _triplet(item["quantity"]), ()
        for item in group.get("qualitativeEvaluations", ()):
            yield _triplet(item["conceptCode"]), _allowed(item["conceptValue"])


def _triplet(held: dict[str, str]) -> Triplet:
    return Triplet(*(held[name] for name in NAMES))


def _allowed(held: dict[str, Any]) -> tuple[Triplet, ...]:
    return tuple(_triplet(item) for item in held["allowed"])
