"""The gate before a DICOM header: what PS3.15 Annex E removes must be gone, at any depth.

`header_flaw` is asked by the reader, since it alone sees the attributes that are never stored: names, addresses, the
birth date, and whether the file says that it was de-identified. What comes in and yet is to be looked at by a steward
is told by `ingest.gate.review`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import repeat
from typing import Final, NamedTuple

from ingest.dicom.concepts import words_of
from ingest.dicom.elements import Common, Elements, Header, Watched, place_of
from ingest.dicom.places import GROUPS, PLACE_SEQUENCES, nested
from ingest.dicom.watch import WATCHED, watched_in
from ingest.gate.forms import NAMING, identifier_in
from ingest.gate.profile import INSTITUTION, OPTIONS, claimed_in_text, methods
from ingest.gate.texts import FREE_TEXT
from ontology.fields import dicom_attributes
from ontology.records import Scalar

__all__ = [
    "HEADER_CHECKS",
    "HEADER_KEYWORDS",
    "Facts",
    "Flaw",
    "facts_of",
    "header_flaw",
    "header_flaws",
    "is_dummy",
    "method_of",
    "person_like",
]


class Flaw(NamedTuple):
    """Why a header is refused: the attribute, what is wrong with it, what would be right; never the value."""

    place: str
    problem: str
    wanted: str
    releasable: bool = False
    """Whether a steward may let the rest of the file in: what the check looks at is a mark, or is never stored."""


DUMMY_NAMES = {
    "anon", "anonym", "anonymous", "anonymous unknown", "anonymized", "anonymised", "deidentified", "de identified",
    "done", "dummy", "last name first name", "no name", "none", "not available", "null", "observer", "operator",
    "patient", "phantom", "physician", "reader", "removed", "removed by ctp", "research", "reviewer", "subject", "test",
    "unknown", "unknown unknown", "unspecified", "user", "xdonex",
}  # fmt: skip
"""Words for nobody, and what programs write in place of a name."""
CROSSED_OUT = re.compile(r"x{2,}( x{2,})*", re.IGNORECASE)
DUMMY_BIRTHDAYS = {"00010101", "11111111", "17000101", "18000101", "19000101", "99991231"}
MIDNIGHT = re.compile(r"[0:.]*")

METHODS: Final = ("DeidentificationMethod", "DeidentificationMethodCodeSequence")
TYPED: Final = tuple(
    sorted({*(k for k, a in dicom_attributes().items() if a.vr in ("LO", "SH")), *FREE_TEXT, "StudyDescription"})
)
"""Text that somebody typed and that is stored."""
DATES: Final = ("AcquisitionDate", "AcquisitionDateTime", "ContentDate", "SeriesDate", "StudyDate")
REMOVABLE: Final = tuple(sorted({*dicom_attributes(), "PatientAge", "PatientSex", "StudyDescription"}))
"""What is stored of a header, and may be something that the profile removes."""

JUDGED: Final = tuple(
    sorted(
        {"BurnedInAnnotation", "DeidentificationMethod", "PatientID", "PatientIdentityRemoved", "PatientName"}
        | {*TYPED, *DATES}
    )
)
HEADER_KEYWORDS = frozenset({*JUDGED, *METHODS, *REMOVABLE})
"""The attributes that the checks look at; what is watched at any depth comes beside them (`ingest.dicom.watch`)."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What of a header is judged, in a form that is known again in the next file of a series."""

    values: tuple[tuple[Scalar, ...], ...]
    """The values of `JUDGED`, in that order."""
    codes: tuple[tuple[str, str], ...]
    """Scheme and value of the codes of the method."""
    filled: frozenset[str]
    """Which of `REMOVABLE` have a value."""
    watched: tuple[Watched, ...]

    def of(self, keyword: str) -> tuple[Scalar, ...]:
        """The values of a judged attribute."""
        return self.values[PLACES[keyword]]

    def text(self, keyword: str) -> str:
        """The first value of a judged attribute as text, or ``""``."""
        values = self.of(keyword)
        return str(values[0]) if values else ""

    def claimed(self) -> frozenset[str]:
        """The codes of CID 7050 that the file claims, by its sequence or in the text of its method."""
        coded = frozenset(value for scheme, value in self.codes if scheme == "DCM" and value in OPTIONS)
        return coded.union(*(claimed_in_text(str(text)) for text in self.of("DeidentificationMethod")))


PLACES: Final = {keyword: place for place, keyword in enumerate(JUDGED)}
NOTHING: Final[tuple[Scalar, ...]] = ()


def facts_of(header: Elements) -> Facts:
    """What of a header is judged: of texts that somebody typed also those within sequences that are read as such.

    Headers that have all that is judged in common have the same object.
    """
    if not isinstance(header, Header):
        return _facts(header.values, header.items, tuple(watched_in(header)))
    if header.common is not None and header.watched == header.common.watched:
        shared = _shared_facts(header.common, tuple(header.own))
        if shared is not None:
            return shared
    return _facts(header.values, header.items, header.watched)


@lru_cache(maxsize=256)
def _shared_facts(common: Common, own: tuple[str, ...]) -> Facts | None:
    """What is judged of headers with these values of their own; None where some of that is judged itself."""
    if not (JUDGED_SET.isdisjoint(own) and JUDGED_SEQUENCES.isdisjoint(common.differing)):
        return None
    return _facts({**common.values, **dict.fromkeys(own, NOTHING)}, common.items, common.watched)


def _facts(
    values: Mapping[str, tuple[Scalar, ...]],
    items: Mapping[str, tuple[Elements, ...]],
    watched: tuple[Watched, ...],
) -> Facts:
    if within := nested(items, TYPED_SET):
        values = {**values, **{keyword: _both(values.get(keyword, ()), found) for keyword, found in within.items()}}
    codes = items.get(METHODS[1], ())
    return Facts(
        tuple(map(values.get, JUDGED, repeat(NOTHING))),
        tuple([(code.text("CodingSchemeDesignator"), code.text("CodeValue")) for code in codes]),
        _removable(tuple(values)),
        watched,
    )


def _both(own: tuple[Scalar, ...], within: tuple[Scalar, ...]) -> tuple[Scalar, ...]:
    return tuple(dict.fromkeys((*own, *within)))


REMOVABLE_SET: Final = frozenset(REMOVABLE)
TYPED_SET: Final = frozenset(TYPED)
JUDGED_SET: Final = frozenset(JUDGED)
JUDGED_SEQUENCES: Final = frozenset({METHODS[1], *GROUPS, *PLACE_SEQUENCES})
"""The sequences in which something is judged that is not watched."""


@lru_cache(maxsize=1024)
def _removable(keywords: tuple[str, ...]) -> frozenset[str]:
    """Which of `REMOVABLE` are among the attributes of a header, of which those of a series are mostly the same."""
    return REMOVABLE_SET.intersection(keywords)


def person_like(text: str) -> bool:
    """Whether a PN value reads as a person's name: two words of letters, or a family name of letters before ``^``.

    >>> person_like("DOE^JANE"), person_like("Jane Doe"), person_like("LUNG1-001"), person_like("06^Breast-MR")
    (True, True, False, False)
    """
    words = [word for word in re.split(r"[\^=\s,]+", text) if re.fullmatch(r"[^\W\d_](?:[^\W\d_]|['.-])*", word)]
    family = text.split("^", 1)[0]
    digits = any(character.isdigit() for character in text)
    return len(words) >= 2 or ("^" in text and not digits and family.strip() in words)


def is_dummy(text: str) -> bool:
    """Whether a name says that there is none: ``Anonymous``, ``----``, ``XXXX^XXX``, nothing."""
    words = words_of(text)
    return words in DUMMY_NAMES or bool(CROSSED_OUT.fullmatch(words)) or not any(map(str.isalpha, text))


def method_of(facts: Facts) -> str:
    """The verdict on the mark of a program: ``passes``, ``review`` or ``missing``; ``review`` where it is unknown.

    It is the text of the method, and the scheme of its code where that is a program's own: XNAT writes no text.
    """
    schemes = (scheme for scheme, value in facts.codes if value and scheme != "DCM")
    text = " ".join([*map(str, facts.of("DeidentificationMethod")), *dict.fromkeys(schemes)])
    if not text:
        return "missing"
    return next((method.verdict for method in methods() if method.pattern.search(text)), "review")


# what is looked at once ---------------------------------------------------------------------------------------------


def _patient_name(facts: Facts, _attested: bool) -> Iterator[Flaw]:
    name, identifier = facts.text("PatientName"), facts.text("PatientID")
    if person_like(name) and not is_dummy(name) and (name != identifier or "^" in name):
        yield _asked("PatientName", "looks like a person's name", "nothing, or the Patient ID")


def _patient_id(facts: Facts, _attested: bool) -> Iterator[Flaw]:
    identifier, wanted = facts.text("PatientID"), "the subject's code within the collection"
    if found := identifier_in(identifier, NAMING):
        yield Flaw(place_of("PatientID"), f"looks like {found}", wanted)
    elif person_like(identifier) and not is_dummy(identifier):
        yield _asked("PatientID", "looks like a person's name", wanted)


def _burned_in(facts: Facts, _attested: bool) -> Iterator[Flaw]:
    if facts.text("BurnedInAnnotation").upper() == "YES":
        yield _asked("BurnedInAnnotation", "is YES: the pixels hold text", "NO, after cleaning")


def _marked(facts: Facts, attested: bool) -> Iterator[Flaw]:
    """The one check that the owner's attestation stands for."""
    if attested:
        return
    if facts.text("PatientIdentityRemoved").upper() != "YES":
        yield _asked(
            "PatientIdentityRemoved", "is not YES", "YES (PS3.15 Annex E), or the owner's attestation (--attest)"
        )
    elif method_of(facts) == "missing" and not any(value for _, value in facts.codes):
        yield _asked(
            METHODS[0], "is missing, and so is its code sequence", "the method, or the owner's attestation (--attest)"
        )


# what is watched at any depth ---------------------------------------------------------------------------------------


def _name(found: Watched, facts: Facts) -> str:
    if found.keyword == "PersonName" and "ContentSequence" in found.path:
        return ""  # an observer of a structured report, who is stored as a keyed hash only
    own = {facts.text("PatientID"), facts.text("PatientName")} if found.keyword == "PatientName" else set()
    for name in map(str, found.values):
        coded = any(character.isdigit() for character in name) and not person_like(name)
        if not (is_dummy(name) or coded or name in own):
            return "holds a name"
    return ""


def _birth(found: Watched, _facts: Facts) -> str:
    said = (str(value).replace(".", "") for value in found.values)
    doubtful = any(text not in DUMMY_BIRTHDAYS and not MIDNIGHT.fullmatch(text) for text in said)
    return "holds a date or time of birth" if doubtful else ""


def _identifier(found: Watched, facts: Facts) -> str:
    own = found.keyword == "PatientID" and set(map(str, found.values)) == {facts.text("PatientID")}
    return "holds a value" if _filled(found.values) and not own else ""


def _contact(found: Watched, _facts: Facts) -> str:
    return "holds a value" if _filled(found.values) else ""


def _institution(found: Watched, facts: Facts) -> str:
    return "holds a value" if _filled(found.values) and INSTITUTION not in facts.claimed() else ""


def _content(_found: Watched, _facts: Facts) -> str:
    return "is there, and may hold anything"


WATCHES: Final[dict[str, tuple[Callable[[Watched, Facts], str], str]]] = {
    "name": (_name, "nothing, or a code"),
    "birth": (_birth, "no date"),
    "identifier": (_identifier, "nothing"),
    "contact": (_contact, "nothing"),
    "institution": (_institution, "nothing, or the code 113112"),
    "content": (_content, "nothing"),
    "removed": (lambda _found, _facts: "", "nothing"),
}
"""By kind of watched attribute: what is wrong with it (empty where nothing is), and what would be right.

What the profile removes keeps no file out: a steward is asked about it (`ingest.gate.review`).
"""


def _watched(facts: Facts, _attested: bool) -> Iterator[Flaw]:
    """What is never stored; a steward may let the rest of the file in, since nothing of this comes with it."""
    for found in facts.watched:
        check, wanted = WATCHES[WATCHED[found.keyword]]
        if problem := check(found, facts):
            yield Flaw(_path(found.path), problem, wanted, releasable=True)


def _path(path: Iterable[str]) -> str:
    return " > ".join(map(place_of, path))


def _filled(values: Iterable[Scalar]) -> bool:
    """Whether an attribute holds more than punctuation, a word for nothing, or a row of X."""
    return any(any(map(str.isalnum, text)) and not is_nothing(text) for text in map(str, values))


def is_nothing(text: str) -> bool:
    """Whether a text is a word for nothing or crossed out; unlike a name, digits are something."""
    words = words_of(text)
    return words in DUMMY_NAMES or bool(CROSSED_OUT.fullmatch(words))


def _asked(keyword: str, problem: str, wanted: str) -> Flaw:
    """A flaw that a person may look at and answer for: the name of a phantom, a mark that is missing."""
    return Flaw(place_of(keyword), problem, wanted, releasable=True)


HEADER_CHECKS: Final[tuple[Callable[[Facts, bool], Iterator[Flaw]], ...]] = (
    _patient_name,
    _patient_id,
    _watched,
    _burned_in,
    _marked,
)
"""In this order, so that a planted name is told even where the file is also unmarked."""


@lru_cache(maxsize=4096)
def _flaws(facts: Facts, attested: bool) -> tuple[Flaw, ...]:
    return tuple(dict.fromkeys(flaw for check in HEADER_CHECKS for flaw in check(facts, attested)))


def header_flaws(
    header: Elements | Facts, *, attested: bool, released: Callable[[str], bool] = lambda _place: False
) -> tuple[Flaw, ...]:
    """All for which a DICOM header may not come in (PS3.15 Annex E), worst first; empty where it may.

    ``released(place)`` says whether a steward answers for what this header has there.
    """
    facts = header if isinstance(header, Facts) else facts_of(header)
    return tuple(flaw for flaw in _flaws(facts, attested) if not (flaw.releasable and released(flaw.place)))


def header_flaw(
    header: Elements | Facts, *, attested: bool, released: Callable[[str], bool] = lambda _place: False
) -> Flaw | None:
    """The first for which a DICOM header may not come in, or None."""
    return next(iter(header_flaws(header, attested=attested, released=released)), None)
