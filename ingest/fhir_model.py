"""How a resource is looked at: nodes that note where the JSON type is not that of FHIR, concepts, dates, references."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache
from typing import Any, Final

from ingest.observed.coded import Code, raw_code
from ingest.observed.sites import Site, parts_of, site_of
from mappings.codes import Codes, scheme_of
from ontology.prefixes import Curie
from ontology.records import Finding, Reject, When
from ontology.terminology import terms
from ontology.terms import q

__all__ = ["Case", "Concept", "Node", "References", "ajcc", "fields_of", "key_of", "period", "placed", "where"]

ID = re.compile(r"[A-Za-z0-9\-.]{1,64}")
DATE = re.compile(r"(\d{4}(?:-\d{2}){0,2})(?:T.*)?")
LONGEST: Final = 200
"""Characters of a code or its display that are kept."""

HIERARCHIES: Final = frozenset({"icd10cm"})
"""Schemes whose longer codes are kinds of the shorter ones: ``C50.811`` is a ``C50``."""


@dataclass(frozen=True)
class Node:
    """A JSON object of a resource and its place; what has another type than FHIR gives it is noted as a reject."""

    value: Mapping[str, Any]
    place: str
    name: str
    known: Codes
    """What codes mean in the warehouse."""
    rejects: list[Reject] = field(default_factory=list)

    def refuse(self, element: str, problem: str, wanted: str) -> None:
        """Note a reject about an element."""
        place = f"{self.place}.{element}" if element else self.place
        self.rejects.append(Reject(name=self.name, place=place, problem=problem, wanted=wanted))

    def _typed(self, element: str, kinds: tuple[type, ...], wanted: str) -> Any:
        found = self.value.get(element)
        if found is None or (isinstance(found, kinds) and not (isinstance(found, bool) and bool not in kinds)):
            return found
        self.refuse(element, "is not of the JSON type that FHIR gives it", wanted)
        return None

    def text(self, element: str) -> str:
        """A string, empty where it is absent."""
        return self._typed(element, (str,), "a string") or ""

    def number(self, element: str) -> Decimal | None:
        """A number."""
        found = self._typed(element, (int, Decimal), "a number")
        return None if found is None else Decimal(found)

    def flag(self, element: str) -> bool | None:
        """A boolean."""
        found: bool | None = self._typed(element, (bool,), "true or false")
        return found

    def child(self, element: str) -> Node | None:
        """An object."""
        found = self._typed(element, (dict,), "an object")
        return None if found is None else self._below(found, element)

    def children(self, element: str) -> list[Node]:
        """The objects of an array."""
        found = self._typed(element, (list,), "an array")
        below = []
        for number, item in enumerate(found or ()):
            if isinstance(item, dict):
                below.append(self._below(item, f"{element}[{number}]"))
            else:
                self.refuse(f"{element}[{number}]", "is not of the JSON type that FHIR gives it", "an object")
        return below

    def texts(self, element: str) -> list[str]:
        """The strings of an array."""
        found = self._typed(element, (list,), "an array")
        return [item for item in found or () if isinstance(item, str)]

    def _below(self, value: Mapping[str, Any], element: str) -> Node:
        return Node(value, f"{self.place}.{element}", self.name, self.known, self.rejects)

    def extensions(self, url: str) -> list[Node]:
        """The extensions whose URL is the given one, or ends with it."""
        return [item for item in self.children("extension") if item.text("url").endswith(url)]

    def profiled(self, name: str) -> bool:
        """Whether the resource claims a profile of that name."""
        meta = self.child("meta")
        return any(name in profile for profile in (meta.texts("profile") if meta else ()))

    def when(self, *elements: str) -> When | None:
        """The date of the first element that has one: ``xDateTime``, or both ends of ``xPeriod``."""
        for element in elements:
            if element.endswith("Period"):
                within = self.child(element)
                start, end = period(within) if within else (None, None)
                if start is not None:
                    return _spanning(start, end or start)
            elif (found := self._date(element)) is not None:
                return found
        return None

    def _date(self, element: str) -> When | None:
        text = self.text(element)
        form = DATE.fullmatch(text)
        try:
            if form:
                return When.partial(form[1])
        except ValueError:
            form = None
        if text:
            self.refuse(element, "is no date", "YYYY, YYYY-MM or YYYY-MM-DD, with or without a time")
        return None

    def reference(self, element: str) -> str:
        """Where a reference points, empty where nowhere."""
        found = self.child(element)
        return found.text("reference") if found else ""


def _spanning(start: When, end: When) -> When:
    """A time that is somewhere between two, or the first where they are the wrong way round."""
    return start if end.before(start) else When(start.first, end.last)


def period(node: Node) -> tuple[When | None, When | None]:
    """Start and end of a period."""
    return node.when("start"), node.when("end")


def key_of(reference: str) -> str:
    """A reference as it is looked up: ``Type/id``, or the URN; versions and servers are left out.

    >>> key_of("https://example.org/fhir/Patient/p1/_history/2"), key_of("urn:uuid:0c3")
    ('Patient/p1', 'urn:uuid:0c3')
    """
    plain = reference.partition("/_history/")[0]
    parts = plain.split("/")
    return "/".join(parts[-2:]) if len(parts) > 1 else plain


@dataclass(frozen=True)
class Concept:
    """A CodeableConcept or Coding: its codes as found, and its text, which is never kept."""

    codes: tuple[Code, ...] = ()
    text: str = ""
    known: Codes | None = field(default=None, compare=False, repr=False)
    """What the codes mean in the warehouse; None where there are no codes."""

    @classmethod
    def of(cls, node: Node | None) -> Concept:
        """The concept of a CodeableConcept, or of one Coding; empty where there is none."""
        if node is None:
            return cls()
        codings = node.children("coding") or ([node] if "code" in node.value else [])
        found = (Code(item.text("code"), item.text("system"), item.text("display")) for item in codings)
        kept = (Code(code.value[:LONGEST], code.scheme[:LONGEST], code.meaning[:LONGEST]) for code in found)
        return cls(tuple(code for code in kept if code.value), node.text("text"), node.known)

    @property
    def term(self) -> Curie | None:
        """What the first code that is known means."""
        known = self.known
        return next((term for code in self.codes if known and (term := _term(code, known)) is not None), None)

    @property
    def raw(self) -> str | None:
        """The codes as found, in one text."""
        return raw_code(self.codes)

    def has(self, scheme: str, pattern: str) -> bool:
        """Whether one of the codes is of a scheme and of a form."""
        return any(
            (known := scheme_of(code.scheme)) is not None and known.name == scheme and re.fullmatch(pattern, code.value)
            for code in self.codes
        )


def _term(code: Code, known: Codes) -> Curie | None:
    scheme = scheme_of(code.scheme)
    value = code.value.strip()
    found = known.canonical(value, code.scheme, code.meaning)
    while found is None and scheme is not None and scheme.name in HIERARCHIES and len(value) > 3:
        value = value[:-1].rstrip(".")
        found = known.canonical(value, code.scheme)
    return found


NAMED: Final = r"(?:(?:American Joint Committee on Cancer|AJCC) )?"
CATEGORY = re.compile(
    NAMED
    + r"[cpyra]{0,3}(?P<category>T(?:X|[0-4](?:mi|[a-d])?)|N(?:X|[0-3](?:mi|[a-c])?)|M(?:X|[01][a-c]?))(?: \(.*\))?"
)
GROUP = re.compile(
    NAMED + r"(?:(?:clinical|pathological) )?(?:stage )?(?P<number>0|IV|I{1,3})(?P<letter>[A-C]?)[1-3]?(?: \(.*\))?",
    re.IGNORECASE,
)
DIGITS = re.compile(r"(?P<number>[0-4])(?P<letter>[A-C]?)[1-3]?")
ROMAN: Final = {"1": "I", "2": "II", "3": "III", "4": "IV"}
AJCC: Final = "http://cancerstaging.org"


@cache
def _stages() -> dict[str, Curie]:
    """The bundled stages and categories by label."""
    found = (item for item in terms().values() if item.curie.startswith("ncit:"))
    return {
        item.label: item.curie for item in found if item.label.startswith("Stage ") or "Stage Finding" in item.label
    }


def ajcc(concept: Concept, *, group: bool) -> Curie | None:
    """The term of a stage group (or else of a TNM category) by its own name, as code of the AJCC, display or text.

    The codes of the AJCC manual are those names: ``cT3``, ``IIIC``, also written ``3C``. Whether a category is
    clinical or pathological stands in what was observed; a subdivision beyond the letter (``IA1``) is its letter's.

    >>> ajcc(Concept((Code("3C", AJCC, "IIIC"),)), group=True), ajcc(Concept(text="pN1mi"), group=False)
    ('ncit:C27982', 'ncit:C95955')
    """
    own = [code.value for code in concept.codes if code.scheme == AJCC]
    if group and (coded := next(filter(None, map(DIGITS.fullmatch, own)), None)):
        return _stages().get(f"Stage {ROMAN.get(coded['number'], '0')}{coded['letter']}")
    named = (*own, *(code.meaning.strip() for code in concept.codes), concept.text.strip())
    found = next(filter(None, map((GROUP if group else CATEGORY).fullmatch, named)), None)
    if found is None:
        return None
    return _stages().get(
        f"Stage {found['number']}{found['letter']}".upper().replace("STAGE", "Stage")
        if group
        else f"{found['category']} Stage Finding"
    )


def where(places: list[Node]) -> Site:
    """The first site that is known, as structure, side and part: of its code, and of the qualifiers of the sites."""
    said = [Concept.of(place) for place in places]
    qualifiers = [
        code
        for place in places
        for url in ("mcode-laterality-qualifier", "mcode-body-location-qualifier")
        for extension in place.extensions(url)
        for code in Concept.of(extension.child("valueCodeableConcept")).codes
    ]
    return placed(said, qualifiers)


def placed(said: Sequence[Concept], qualifiers: Sequence[Code] = ()) -> Site:
    """The first place that concepts name, with what is coded beside it; empty where none is known."""
    known = next((item.known for item in said if item.known), None)
    found = site_of((code for item in said for code in item.codes), known, qualifiers) if known else None
    if found is None:
        term = next((term for item in said if (term := item.term)), None)
        found = parts_of(term) if term else Site()
    return found


def fields_of(place: Site) -> dict[str, Curie | None]:
    """A place as observations have it."""
    return {"site": place.structure, "laterality": place.laterality, "site_modifier": place.modifier}


@dataclass(slots=True)
class References:
    """What resources of a document are referred to for, by the keys under which they may be referred to."""

    subjects: dict[str, str] = field(default_factory=dict)
    """The subject of each patient; empty where it has none."""
    agents: dict[str, Concept] = field(default_factory=dict)
    studies: dict[str, str] = field(default_factory=dict)
    sites: dict[str, Concept] = field(default_factory=dict)
    fulfilled: set[str] = field(default_factory=set)
    """Orders of which the administration is told as well."""

    def __len__(self) -> int:
        """How much is held."""
        parts = (self.subjects, self.agents, self.studies, self.sites)
        return sum(len(part) for part in parts) + len(self.fulfilled)


@dataclass(frozen=True)
class Case:
    """A resource being read: its node, the key of its records, its subject, and what it may refer to."""

    node: Node
    key: str
    subject: str
    references: References

    def finding(
        self, suffix: str, variable: Curie, concept: Concept, term: Curie | None = None, **more: Any
    ) -> Finding:
        """A coded statement; one whose code is not known has the value ``q:Unmapped``, and keeps its code."""
        return Finding(
            key=self.key + suffix,
            subject=self.subject,
            variable=variable,
            value_concept=term or concept.term or q.UNMAPPED,
            raw_code=concept.raw,
            **more,
        )
