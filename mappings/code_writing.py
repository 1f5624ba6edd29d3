"""The way out: from a term to a code triplet that is read back as that term.

A document that is written here has to mean the same to whoever reads it, ourselves among them. So a code is taken only
where the code mappings in force read it as exactly the term that it is written for, or as what that term means exactly;
of those that are, the first in the order of schemes that readers of the format expect.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import Final

from mappings.code_sets import Triplet
from mappings.codes import Codes
from mappings.schemes import code_in, scheme_named
from mappings.sssom import APPLIED
from ontology.prefixes import Curie
from ontology.terminology import label
from ontology.variables import canonical, variables

__all__ = ["AIM_SCHEMES", "DICOM_SCHEMES", "CodeWriter", "own_code"]

AIM_SCHEMES: Final = ("ncit", "radlex", "dcm", "sct", "ibsi", "q")
"""Schemes in the order in which AIM tools write them."""

DICOM_SCHEMES: Final = ("sct", "dcm", "ibsi", "ncit", "radlex", "q")
"""Schemes in the order in which the context groups of PS3.16 prefer them."""

DESIGNATORS: Final = {
    "dcm": "DCM",
    "epad": "99EPAD",
    "ibsi": "IBSI",
    "ncit": "NCIt",
    "q": "99QILIN",
    "radlex": "RADLEX",
    "sct": "SCT",
    "srt": "SRT",
}
"""Coding scheme designators (PS3.16 chapter 8) by the prefixes of schemes; ours is private."""

LONGEST_DESIGNATOR: Final = 16
LONGEST_MEANING: Final = 64
"""What a designator (SH) and a meaning (LO) may have in DICOM."""


def _short(meaning: str) -> str:
    """A meaning of at most 64 characters, cut between words."""
    if len(meaning) <= LONGEST_MEANING:
        return meaning
    return meaning[: LONGEST_MEANING + 1].rpartition(" ")[0] or meaning[:LONGEST_MEANING]


def _designator(scheme: str) -> str:
    """How a scheme is written.

    >>> _designator("sct"), _designator("x99pmp")
    ('SCT', '99PMP')
    """
    known = DESIGNATORS.get(scheme)
    return known or (scheme[1:].upper() if scheme[:1] == "x" and scheme[1:2].isdigit() else scheme.upper())


def own_code(term: Curie, meaning: str) -> Triplet:
    """A term by its own code, whether or not it is known here.

    >>> str(own_code(Curie("ncit:C38046"), "Not Specified"))
    'C38046|NCIt|Not Specified'
    """
    return Triplet(code_in(term), _designator(term.partition(":")[0]), _short(meaning))


class CodeWriter:
    """Writes terms as triplets of the schemes that a format prefers, under the code mappings in force.

    >>> from mappings.codes import bundled
    >>> str(CodeWriter(bundled(), DICOM_SCHEMES).triplet(Curie("ncit:C25229")))
    '7771000|SCT|Left'
    """

    def __init__(self, codes: Codes, schemes: Sequence[str]) -> None:
        self.codes = codes
        self._order = {scheme: at for at, scheme in enumerate(schemes)}
        self._found: dict[tuple[Curie, bool], Triplet | None] = {}

    @cached_property
    def _rows(self) -> dict[str, list[tuple[str, str]]]:
        """Codes and their meanings that mean a term exactly, by the term."""
        rows: dict[str, list[tuple[str, str]]] = defaultdict(list)
        for row in self.codes.rows:
            if row.predicate == APPLIED[0] and not row.negated:
                rows[row.term].append((row.subject, row.named))
        return rows

    def triplet(self, term: Curie, *, variable: bool = False) -> Triplet | None:
        """The triplet of a term, None where no code is read back as it.

        With ``variable`` a code of the same variable of the registry is as good.
        """
        key = (term, variable)
        if key not in self._found:
            self._found[key] = next(self._fitting(term, variable=variable), None)
        return self._found[key]

    def _fitting(self, term: Curie, *, variable: bool) -> Iterator[Triplet]:
        names = list(dict.fromkeys(self._names(term, variable=variable)))
        last = len(self._order)
        for subject, meaning in sorted(names, key=lambda item: self._order.get(item[0].partition(":")[0], last)):
            scheme = scheme_named(subject.partition(":")[0]).name
            found = Triplet(code_in(subject), _designator(scheme), _short(meaning))
            if len(found.designator) <= LONGEST_DESIGNATOR and self._means(found, term, variable=variable):
                yield found
        # a term that itself means another one here: its own code is as good as that
        own = self.codes.concept(term.partition(":")[2], _designator(term.partition(":")[0]), label(term) or "")
        if own is not None and own.exact and own.curie != term and label(term):
            yield from self._fitting(own.curie, variable=variable)

    def _names(self, term: Curie, *, variable: bool) -> Iterator[tuple[str, str]]:
        """Codes that may mean a term: its own, those of mappings, those of the variable."""
        registered = variables().get(term)
        own = label(term) or (registered.label if registered else None)
        if own:
            yield term, own
        yield from self._rows.get(term, ())
        for code in registered.codes if registered and variable else ():
            meaning = label(code)
            if meaning:
                yield code, meaning

    def _means(self, triplet: Triplet, term: Curie, *, variable: bool) -> bool:
        read = self.codes.canonical(*triplet)
        if read is None or not variable:
            return read == term
        registered = canonical(read)
        return (registered.curie if registered else read) == term

    def triplets(self, terms: Iterable[Curie]) -> list[Triplet] | None:
        """The triplets of several terms; None where one of them has none."""
        found = [self.triplet(term, variable=not at) for at, term in enumerate(terms)]
        written = [item for item in found if item is not None]
        return written if len(written) == len(found) else None
