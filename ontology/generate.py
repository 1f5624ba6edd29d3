"""Write ``ontology/terms.py``: typed constants of every bundled term and of our own vocabulary.

Run ``python -m ontology.generate`` after a table or ``qilin.ttl`` has changed; a test regenerates and compares.
"""

from __future__ import annotations

import csv
import keyword
import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pyoxigraph as ox

from ontology.prefixes import prefixes

VOCABULARIES = ("cadsr", "dcm", "ibsi", "ncit", "radlex", "sct")

HEADER = '''"""Typed constants of the bundled terms and our own, by ``python -m ontology.generate``; do not edit."""

from __future__ import annotations

from ontology.prefixes import Curie

# ruff: noqa: N801, D101, E501
# fmt: off
'''


def constant(label: str) -> str:
    """A Python name for a label: upper case, words joined by underscores.

    >>> constant("18F-Sodium Fluoride")
    'N18F_SODIUM_FLUORIDE'
    """
    name = re.sub(r"[^0-9A-Za-z]+", "_", label).strip("_").upper()
    name = f"N{name}" if name[:1].isdigit() else name
    return f"{name}_" if keyword.iskeyword(name) or not name else name


def bundled(vocabulary: str) -> list[dict[str, str]]:
    """The rows of a bundled term table: code, label, parents and synonyms (``|`` between items)."""
    with files("ontology").joinpath("bundled", f"{vocabulary}.tsv").open(encoding="utf-8") as table:
        return list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


def own_terms() -> dict[str, str]:
    """Local names declared in ``qilin.ttl`` under ``q:``, by constant name."""
    namespace = prefixes()["q"]
    turtle = files("ontology").joinpath("qilin.ttl").read_bytes()
    declared = {
        quad.subject.value.removeprefix(namespace)
        for quad in ox.parse(turtle, format=ox.RdfFormat.TURTLE)
        if isinstance(quad.subject, ox.NamedNode) and quad.subject.value.startswith(namespace)
    }
    spaced = {name: re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name) for name in declared if name}
    repeated = Counter(map(constant, spaced.values()))
    return {
        # a class and a property may differ in case only: Subject and subject
        (constant(text) if repeated[constant(text)] == 1 or name[0].islower() else f"{constant(text)}_CLASS"): name
        for name, text in spaced.items()
    }


def _class(vocabulary: str, members: dict[str, str]) -> str:
    """The source text of one vocabulary's constants."""
    lines = [f'    {name} = Curie("{vocabulary}:{local}")' for name, local in sorted(members.items())]
    return "\n".join([f"\n\nclass {vocabulary}:", *lines, ""])


def render() -> str:
    """The text of ``ontology/terms.py``."""
    parts = [HEADER]
    for vocabulary in VOCABULARIES:
        rows = bundled(vocabulary)
        repeated = Counter(constant(row["label"]) for row in rows)
        members = {
            constant(row["label"])
            if repeated[constant(row["label"])] == 1
            else f"{constant(row['label'])}_{constant(row['code'])}": row["code"]
            for row in rows
        }
        parts.append(_class(vocabulary, members))
    parts.append(_class("q", own_terms()))
    return "".join(parts)


if __name__ == "__main__":
    Path(__file__).with_name("terms.py").write_text(render(), encoding="utf-8")
