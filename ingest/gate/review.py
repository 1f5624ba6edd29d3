"""What of a DICOM header comes in under review: a steward is asked, and what is doubtful stays out until then.

A review names an attribute and what is doubtful about it, never a value. It is answered once for a collection, by a
release of its entry: a text by that text, a condition by that condition. The ledger knows both by a keyed hash.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, NamedTuple

from ingest.base import Context
from ingest.dicom.header import Elements, place_of
from ingest.dicom.watch import REMOVED
from ingest.gate.dicom import DATES, TYPED, Facts, facts_of, is_dummy, method_of, person_like
from ingest.gate.profile import BASIC, FULL_DATES, MODIFIED_DATES, OPTIONS, removed_by_profile, shapes
from ingest.gate.texts import TEXTS, WANTED, text_asked
from ontology.records import Finding, Measurement, Record, Reject, Scalar, SeriesHeader, StudyHeader

__all__ = ["Asked", "Review", "Reviews", "person_elements", "reviews_of", "without"]


class Review(NamedTuple):
    """Something to be looked at: where, what is doubtful, what would be right, and what stays out until then."""

    place: str
    problem: str
    wanted: str
    about: str
    """What is decided about: the text itself, or the condition; it leaves the reader as a keyed hash only."""
    withheld: str = ""
    """The attribute that stays out, where one does."""


def _texts(facts: Facts, _collection: str) -> Iterator[Review]:
    for keyword in TYPED:
        for text in map(str, facts.of(keyword)):
            if problem := text_asked(keyword, text):
                yield Review(place_of(keyword), problem, WANTED, text, keyword)


def _name(facts: Facts, _collection: str) -> Iterator[Review]:
    name = facts.text("PatientName")
    if not (is_dummy(name) or person_like(name) or name == facts.text("PatientID")):
        yield Review(place_of("PatientName"), "is neither empty nor the Patient ID", "nothing, or the Patient ID", name)


def _patient_id(facts: Facts, collection: str) -> Iterator[Review]:
    identifier = facts.text("PatientID")
    if re.fullmatch(r"[0-9]{6,10}", identifier):
        known = shapes().get(re.sub(r"[\s-]+", "_", collection.strip().casefold()))
        if known is None or not known.fullmatch(identifier):
            problem = f"is a number of {len(identifier)} digits, as medical record numbers are"
            yield Review(place_of("PatientID"), problem, "a code of the collection", problem)


def _method(facts: Facts, _collection: str) -> Iterator[Review]:
    place = place_of("DeidentificationMethodCodeSequence")
    for scheme, value in facts.codes:
        if scheme != "DCM" or value not in OPTIONS:
            yield _condition(place, "holds a code that is not of CID 7050", "codes of CID 7050 (PS3.16), scheme DCM")
    if BASIC not in facts.claimed():
        yield _condition(place, f"lacks the code {BASIC}", "the code of the basic profile (PS3.15 Annex E)")
    if method_of(facts) == "review" and BASIC not in facts.claimed():
        text = " ".join(map(str, facts.of("DeidentificationMethod")))
        problem = "names a program or way whose profile is not known"
        yield Review(place_of("DeidentificationMethod"), problem, "a method whose profile is known", text)


def _dates(facts: Facts, _collection: str) -> Iterator[Review]:
    dated = next((keyword for keyword in DATES if facts.of(keyword)), None)
    if dated is None:
        return
    claimed = facts.claimed()
    if FULL_DATES in claimed:
        yield _condition(
            place_of(dated), f"is kept as it was (code {FULL_DATES})", "shifted dates, or a steward's word"
        )
    elif MODIFIED_DATES not in claimed:
        problem = f"is there, and neither code {FULL_DATES} nor {MODIFIED_DATES} says how"
        yield _condition(place_of(dated), problem, "the code of the option, or a steward's word")


def _profile(facts: Facts, _collection: str) -> Iterator[Review]:
    """What the basic profile removes, and no option that the file claims keeps."""
    claimed = facts.claimed()
    unstored = {found.keyword for found in facts.watched if found.keyword in REMOVED}
    for keyword in sorted((facts.filled - TEXTS) | unstored):
        keeping = removed_by_profile(keyword)
        if keeping is not None and not keeping & claimed:
            wanted = f"a claimed option that keeps it: {', '.join(sorted(keeping)) or 'there is none'}"
            problem = "is removed by the basic profile, and kept by no option that the file claims"
            yield Review(place_of(keyword), problem, wanted, problem, keyword)


def _condition(place: str, problem: str, wanted: str) -> Review:
    return Review(place, problem, wanted, problem)


REVIEWS: Final[tuple[Callable[[Facts, str], Iterator[Review]], ...]] = (
    _texts,
    _name,
    _patient_id,
    _method,
    _dates,
    _profile,
)


@lru_cache(maxsize=4096)
def _found(facts: Facts, collection: str) -> tuple[Review, ...]:
    return tuple(dict.fromkeys(review for check in REVIEWS for review in check(facts, collection)))


def reviews_of(header: Elements | Facts, context: Context) -> tuple[Review, ...]:
    """What of a header a steward is to look at, whether or not that was done."""
    facts = header if isinstance(header, Facts) else facts_of(header)
    return _found(facts, context.collection)


@dataclass(slots=True)
class Asked:
    """What is asked of a steward about one source, and what stays out of it until that is answered."""

    instances: bool = False
    """Whether every image is to be a node of its own."""
    reviews: dict[Review, None] = field(default_factory=dict)
    texts: set[str] = field(default_factory=set)

    def add(self, facts: Facts, reviews: Iterable[Review]) -> None:
        """Take in one file of the source."""
        self.reviews.update(dict.fromkeys(reviews))
        self.texts |= facts.filled & TEXTS

    @property
    def withheld(self) -> frozenset[str]:
        """The attributes that stay out."""
        return frozenset(review.withheld for review in self.reviews if review.withheld)

    @property
    def recipe(self) -> str:
        """What the recipe of the source says of it: once something is approved, the source is read again."""
        kept, out = self.texts - self.withheld, self.withheld - TEXTS
        told = [f"{word} {', '.join(sorted(names))}" for word, names in (("with", kept), ("without", out)) if names]
        return "".join(f" {text}" for text in [*(["with all instances"] if self.instances else []), *told])


@dataclass(slots=True)
class Reviews:
    """The reviews of a run: which are open, and which were told."""

    context: Context
    contents: dict[Review, str | None] = field(default_factory=dict)
    told: set[str] = field(default_factory=set)

    def asked(self, header: Elements | None = None) -> Asked:
        """What is asked about a source that is one file; about one of many files that are still to be added."""
        asked = Asked(self.context.instances)
        if header is not None:
            facts = facts_of(header)
            asked.add(facts, self.open(facts))
        return asked

    def open(self, facts: Facts) -> tuple[Review, ...]:
        """The reviews of a header that no steward has answered."""
        return tuple(review for review in reviews_of(facts, self.context) if self._content(review))

    def _content(self, review: Review) -> str | None:
        """The keyed hash of what is to be decided; None once it is."""
        if review not in self.contents:
            content = self.context.mark(review.about)
            self.contents[review] = None if self.context.released(content, review.place) else content
        return self.contents[review]

    def tell(self, name: str, asked: Asked) -> None:
        """Enter what is asked about a source in the steward's queue, each thing once in a run."""
        for review in asked.reviews:
            content = self._content(review) or ""
            if f"{content} {review.place}" not in self.told:
                self.told.add(f"{content} {review.place}")
                place, problem, wanted = review.place, review.problem, review.wanted
                self.context.asked(place, review.about)
                self.context.review(
                    Reject(name=name, place=place, problem=problem, wanted=wanted, content=content, review=True)
                )


def person_elements(subject: str, name: str = "", *, dated: bool, also: Iterable[str] = ()) -> Elements:
    """What is judged of a source that is no DICOM: its subject as the Patient ID, what it calls the patient, whether it
    has a date, and other attributes that it fills."""
    values: dict[str, tuple[Scalar, ...]] = {"PatientID": (subject,), **dict.fromkeys(also, ("",))}
    if name:
        values["PatientName"] = (name,)
    if dated:
        values["StudyDate"] = ("",)
    return Elements(values)


OF_SUBJECT: Final = frozenset({"PatientAge", "PatientSex"})


def without(record: Record, withheld: frozenset[str]) -> Record | None:
    """A record of a series without what is withheld; None where nothing is left."""
    match record:
        case SeriesHeader():
            kept = {keyword: value for keyword, value in record.attributes.items() if keyword not in withheld}
            return record if len(kept) == len(record.attributes) else replace(record, attributes=kept)
        case StudyHeader() if "StudyDescription" in withheld:
            return replace(record, description=None)
        case Measurement() | Finding() if record.key.rpartition("/")[2] in OF_SUBJECT & withheld:
            return None
    return record
