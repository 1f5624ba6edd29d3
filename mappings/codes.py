"""Code mappings: what the coded terms of annotations and reports mean here.

The mappings are code sets (`mappings.code_library`): SSSOM TSV in ``mappings/codes/``, a site's own, and the steward's
decisions over both. They serve AIM, DICOM SR and SEG alike (code triplets, DICOM PS3.3 section 8.8).

In a public scheme the code decides and its meaning is only a gloss (PS3.3 section 8.3). In a private scheme one code
is found with several meanings, so both have to agree with the mapping. A code of NCIt, RadLex, DCM or SCT that has no
row means its own bundled term, if the meaning as found agrees with that term's label and nobody has rejected it.

What a document's records owe to the mappings is told by the codes that its reader asked for: they are noted by key, and
the digest of what is in force about them says whether the document would be read otherwise today.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass
from functools import cache, cached_property
from importlib.resources import files
from typing import Final

from mappings.code_library import shipped_rows
from mappings.code_sets import Triplet
from mappings.schemes import FOLDER, Scheme, plain_meaning, scheme_for, scheme_of
from mappings.sssom import APPLIED, NO_TERM, Decision
from ontology.prefixes import Curie
from ontology.variables import variables

__all__ = ["BUNDLED", "Codes", "Concept", "bundled", "key_of", "mappings", "scheme_of"]

BUNDLED: Final = ("dcm", "ibsi", "ncit", "radlex", "sct")
"""The schemes whose codes may stand for themselves."""

OWN: Final = "q"
"""Our own vocabulary: the scheme of what has no code elsewhere, ``99QILIN`` in documents that are written here."""

HELD: Final = 65_536
"""Answers that are remembered."""

KEY: Final = 8
"""The bytes of a code's key."""


@dataclass(frozen=True, slots=True)
class Concept:
    """What a code means: the term, and whether it means exactly that."""

    curie: Curie
    exact: bool


def mappings() -> tuple[Decision, ...]:
    """Every row of every mapping set that comes with Qilin, in the order of the files."""
    return shipped_rows()


def key_of(subject: str) -> bytes:
    """The key by which it is noted that a code was asked for: it tells the code to nobody who does not know it."""
    return hashlib.blake2b(subject.encode(), digest_size=KEY).digest()


@cache
def _bundled(vocabulary: str) -> dict[str, tuple[str, ...]]:
    """Label and synonyms of each term of a bundled table, by code; of our own, the variables."""
    if vocabulary == OWN:
        own = (item for item in variables().values() if item.curie.startswith(f"{OWN}:"))
        return {item.curie.partition(":")[2]: (item.label,) for item in own}
    with files("ontology").joinpath("bundled", f"{vocabulary}.tsv").open(encoding="utf-8") as table:
        return {
            row["code"]: (row["label"], *(row["synonyms"].split("|") if row["synonyms"] else ()))
            for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE)
        }


@cache
def _terms_digest() -> str:
    """The SHA-256 (hex) of the terms, variables, units and spellings of schemes that mappings lead to."""
    total = hashlib.sha256(FOLDER.joinpath("schemes.tsv").read_bytes())
    for name in (*(f"bundled/{vocabulary}.tsv" for vocabulary in BUNDLED), "variables.tsv", "units.tsv"):
        total.update(files("ontology").joinpath(name).read_bytes())
    return total.hexdigest()


def _agrees(meaning: str, labels: tuple[str, ...]) -> bool:
    """Whether a meaning is one of a term's labels, or some of its words: *Homogeneous* for *homogeneous mass …*."""
    words = set(re.findall(r"\w+", meaning.casefold()))
    return not words or any(
        plain_meaning(meaning) == plain_meaning(label) or words <= set(re.findall(r"\w+", label.casefold()))
        for label in labels
    )


class Codes:
    """The code mappings of one warehouse: what readers ask for the meaning of a coded term.

    Without arguments it holds what comes with Qilin. ``note`` is called with the key of each code that is asked for.

    >>> Codes().canonical("G-A22A", "SRT", "Length")
    'ncit:C25334'
    """

    def __init__(self, rows: Iterable[Decision] | None = None, note: Callable[[bytes], None] | None = None) -> None:
        self.rows = mappings() if rows is None else tuple(rows)
        self._note = note
        self._found: dict[tuple[str, str, str], tuple[bytes, Concept | None]] = {}

    def noting(self, note: Callable[[bytes], None]) -> Codes:
        """The same mappings, telling the key of each code that is asked for."""
        same = copy(self)  # what has been looked up is remembered by both
        vars(same).update(_best=self._best, _note=note)
        return same

    def tell(self, keys: Iterable[bytes]) -> None:
        """Tell of the codes with these keys as if they were asked for: another process has asked for them."""
        if self._note is not None:
            for key in keys:
                self._note(key)

    @cached_property
    def _best(self) -> dict[tuple[str, str], Decision]:
        """The word to follow, by subject and plain meaning; the meaning is empty where the code decides."""
        best: dict[tuple[str, str], Decision] = {}
        for row in self.rows:
            held = best.get((row.subject, row.facet))
            if row.applied and (held is None or APPLIED.index(row.predicate) < APPLIED.index(held.predicate)):
                best[row.subject, row.facet] = row
        return best

    @cached_property
    def _denied(self) -> frozenset[tuple[str, str]]:
        """Subjects and the terms that they do not mean."""
        return frozenset((row.subject, row.term) for row in self.rows if row.negated)

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
            scheme = scheme_for(designator, code)
            self._found[asked] = key_of(scheme.subject(code)), self._look_up(code.strip(), scheme, meaning)
        key, found = self._found[asked]
        if self._note is not None:
            self._note(key)
        return found

    def _look_up(self, code: str, scheme: Scheme, meaning: str) -> Concept | None:
        if not code:
            return None
        subject = scheme.subject(code)
        row = self._row(subject, scheme, meaning)
        if row is not None:
            return None if row.term == NO_TERM else Concept(Curie(row.term), row.predicate == APPLIED[0])
        labels = _bundled(scheme.name).get(code) if scheme.name in (*BUNDLED, OWN) else None
        if labels is None or not _agrees(meaning, labels) or (subject, subject) in self._denied:
            return None
        return Concept(Curie(f"{scheme.name}:{code}"), exact=True)

    def _row(self, subject: str, scheme: Scheme, meaning: str) -> Decision | None:
        return self._best.get((subject, "" if scheme.code_decides else plain_meaning(meaning)))

    def canonical(self, code: str, designator: str, meaning: str = "") -> Curie | None:
        """The term that a code triplet means, None where nothing is known of it."""
        found = self.concept(code, designator, meaning)
        return found.curie if found else None

    def is_decided(self, triplet: Triplet) -> bool:
        """Whether a code has a meaning, or it is decided that there is no term for it."""
        row = self._row(triplet.scheme.subject(triplet.code), triplet.scheme, triplet.meaning)
        return row is not None or self.concept(*triplet) is not None

    @property
    def digest(self) -> str:
        """The SHA-256 (hex) of the terms, variables and units that the mappings lead to; it stands in a recipe.

        Of the mappings themselves a document depends on those that it asks for: see `digest_of`.
        """
        return _terms_digest()

    @cached_property
    def _by_key(self) -> dict[bytes, list[str]]:
        """What is in force of each code, as text, by its key; what no reader acts on is left out."""
        found: dict[bytes, list[str]] = {}
        for row in (*self._best.values(), *(row for row in self.rows if row.negated and row.term == row.subject)):
            if row.term != NO_TERM or row.subject.partition(":")[0] in BUNDLED:
                text = f"{row.subject}\t{row.facet}\t{row.predicate}\t{row.negated}\t{row.term}"
                found.setdefault(key_of(row.subject), []).append(text)
        return found

    def digest_of(self, keys: Iterable[bytes]) -> str:
        """The SHA-256 (hex) of what is in force of the codes with these keys.

        A decision about any other code leaves it as it is.

        >>> key = key_of("srt:G-A22A")
        >>> Codes().digest_of([key]) == Codes(mappings()[:0]).digest_of([key])
        False
        """
        total = hashlib.sha256()
        for key in sorted(set(keys) & self._by_key.keys()):
            for text in sorted(self._by_key[key]):
                total.update(f"{text}\n".encode())
        return total.hexdigest()


@cache
def bundled() -> Codes:
    """The code mappings that come with Qilin, as they come."""
    return Codes()
