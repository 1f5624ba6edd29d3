"""Code mappings: what the coded terms of annotations and reports mean here.

The mappings are SSSOM TSV, one file for each coding scheme, in ``mappings/codes/``; ``schemes.tsv`` beside them says
how sources spell the schemes. They serve AIM, DICOM SR and SEG alike (code triplets, DICOM PS3.3 section 8.8).

In a public scheme the code decides and its meaning is only a gloss (PS3.3 section 8.3). In a private scheme one code
is found with several meanings, so both have to agree with the mapping. A code of NCIt, RadLex, DCM or SCT that has no
row means its own bundled term, if the meaning as found agrees with that term's label.

The files are read with the standard library at run time (importing ``sssom_pydantic`` costs 0.6 s); the tests load
them with ``sssom_pydantic`` too. SSSOM: https://mapping-commons.github.io/sssom/
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Final

from ontology.prefixes import Curie

__all__ = ["Codes", "Concept", "Mapping", "bundled", "mappings", "scheme_of"]

FOLDER = files("mappings").joinpath("codes")

APPLIED: Final = ("skos:exactMatch", "skos:closeMatch", "skos:broadMatch")
"""The predicates that are applied, best first: what the term says is then true of what was coded."""

BUNDLED: Final = ("dcm", "ncit", "radlex", "sct")
"""The schemes whose codes may stand for themselves."""

HELD: Final = 65_536
"""Answers that are remembered."""

CODE_FORMS: Final = {"radlex": re.compile(r"RID\d+"), "rex": re.compile(r"REX\d+")}
"""Codes that show their own scheme: tools write them under the wrong designator, or as the designator."""


@dataclass(frozen=True, slots=True)
class Mapping:
    """One row of a mapping set, with its place for messages."""

    subject: str
    label: str
    predicate: str
    object: Curie
    object_label: str
    place: str


@dataclass(frozen=True, slots=True)
class Concept:
    """What a code means: the term, and whether it means exactly that."""

    curie: Curie
    exact: bool


@dataclass(frozen=True, slots=True)
class Scheme:
    """A coding scheme: the prefix of its codes, and whether its codes mean something without their meaning."""

    name: str
    code_decides: bool


def _plain(text: str) -> str:
    """A meaning as it is compared: letters and digits only.

    >>> _plain("Long Axis") == _plain("LongAxis")
    True
    """
    return re.sub(r"[^0-9a-z]+", "", text.casefold())


def _spelled(designator: str) -> str:
    """A scheme designator as it is compared: ``99_NCI_CIP`` and ``99NCI_CIP`` are one."""
    return re.sub(r"[\s_-]+", "", designator).casefold()


@cache
def _schemes() -> dict[str, Scheme]:
    with FOLDER.joinpath("schemes.tsv").open(encoding="utf-8") as table:
        return {
            _spelled(row["spelling"]): Scheme(row["scheme"], row["code_decides"] == "yes")
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        }


def scheme_of(designator: str, code: str = "") -> Scheme | None:
    """The scheme that a source names, None where it is unknown; the code's own form goes before the designator.

    >>> scheme_of("RadLex").name, scheme_of("RADREX", "REX4001").name, scheme_of("RID1338", "1").name
    ('radlex', 'rex', 'radlex')
    """
    for name, form in CODE_FORMS.items():
        if form.fullmatch(code.strip()) or form.fullmatch(designator.strip()):
            return Scheme(name, code_decides=name == "radlex")
    return _schemes().get(_spelled(designator))


def _sets() -> Iterator[tuple[str, str]]:
    """Name and text of each mapping set, sorted."""
    for entry in sorted(FOLDER.iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".sssom.tsv"):
            yield entry.name, entry.read_text(encoding="utf-8")


@cache
def mappings() -> tuple[Mapping, ...]:
    """Every row of every mapping set, in the order of the files."""
    rows = []
    for name, text in _sets():
        lines = text.splitlines()
        start = next(number for number, line in enumerate(lines) if not line.startswith("#"))
        table = csv.DictReader(lines[start:], delimiter="\t", quoting=csv.QUOTE_NONE)
        for number, row in enumerate(table, start + 2):
            rows.append(
                Mapping(
                    row["subject_id"],
                    row["subject_label"],
                    row["predicate_id"],
                    Curie(row["object_id"]),
                    row["object_label"],
                    f"{name}:{number}",
                )
            )
    return tuple(rows)


@cache
def _bundled(vocabulary: str) -> dict[str, tuple[str, ...]]:
    """Label and synonyms of each term of a bundled table, by code."""
    with files("ontology").joinpath("bundled", f"{vocabulary}.tsv").open(encoding="utf-8") as table:
        return {
            row["code"]: (row["label"], *(row["synonyms"].split("|") if row["synonyms"] else ()))
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        }


def _agrees(meaning: str, labels: tuple[str, ...]) -> bool:
    """Whether a meaning is one of a term's labels, or some of its words: *Homogeneous* for *homogeneous mass …*."""
    words = set(re.findall(r"\w+", meaning.casefold()))
    return not words or any(
        _plain(meaning) == _plain(label) or words <= set(re.findall(r"\w+", label.casefold())) for label in labels
    )


class Codes:
    """The code mappings of one warehouse: what readers ask for the meaning of a coded term.

    Without arguments it holds what comes with Qilin.

    >>> Codes().canonical("G-A22A", "SRT", "Length")
    'ncit:C25334'
    """

    def __init__(self, rows: Iterable[Mapping] | None = None) -> None:
        self.rows = mappings() if rows is None else tuple(rows)
        self._found: dict[tuple[str, str, str], Concept | None] = {}

    @cached_property
    def _by_code(self) -> dict[tuple[str, str | None], Mapping]:
        """The mapping to apply by subject and plain meaning; the meaning is None where the code decides."""
        decides = {scheme.name: scheme.code_decides for scheme in _schemes().values()}
        best: dict[tuple[str, str | None], Mapping] = {}
        for row in self.rows:
            if row.predicate not in APPLIED:
                continue
            meaning = None if decides.get(row.subject.partition(":")[0], False) else _plain(row.label)
            held = best.get((row.subject, meaning))
            if held is None or APPLIED.index(row.predicate) < APPLIED.index(held.predicate):
                best[row.subject, meaning] = row
        return best

    def concept(self, code: str, designator: str, meaning: str = "") -> Concept | None:
        """What a code triplet means, None where nothing is known of it.

        >>> Codes().concept("G-A22A", "SRT", "Length")
        Concept(curie='ncit:C25334', exact=True)
        >>> Codes().concept("S71", "99EPAD", "something else") is None
        True
        """
        asked = (code, designator, meaning)
        if asked not in self._found:
            if len(self._found) >= HELD:
                self._found.clear()
            self._found[asked] = self._look_up(code.strip(), designator, meaning)
        return self._found[asked]

    def _look_up(self, code: str, designator: str, meaning: str) -> Concept | None:
        scheme = scheme_of(designator, code)
        if scheme is None or not code:
            return None
        row = self._by_code.get((f"{scheme.name}:{code}", None if scheme.code_decides else _plain(meaning)))
        if row is not None:
            return Concept(row.object, row.predicate == APPLIED[0])
        labels = _bundled(scheme.name).get(code) if scheme.name in BUNDLED else None
        if labels is None or not _agrees(meaning, labels):
            return None
        return Concept(Curie(f"{scheme.name}:{code}"), exact=True)

    def canonical(self, code: str, designator: str, meaning: str = "") -> Curie | None:
        """The term that a code triplet means, None where nothing is known of it."""
        found = self.concept(code, designator, meaning)
        return found.curie if found else None

    @cached_property
    def digest(self) -> str:
        """The SHA-256 (hex) of the mappings and of the terms, variables and units they lead to.

        A reader's records depend on these beside the document, so it stands in the reader's recipe.
        """
        total = hashlib.sha256(FOLDER.joinpath("schemes.tsv").read_bytes())
        for row in self.rows:
            total.update(f"\0{row.subject}\t{row.label}\t{row.predicate}\t{row.object}".encode())
        for name in (*(f"bundled/{vocabulary}.tsv" for vocabulary in BUNDLED), "variables.tsv", "units.tsv"):
            total.update(files("ontology").joinpath(name).read_bytes())
        return total.hexdigest()


@cache
def bundled() -> Codes:
    """The code mappings that come with Qilin, as they come."""
    return Codes()
