"""Lesions of two readers that may be one, for a person to decide: nothing is done with a suggestion by itself.

Two lesions of a subject are suggested where different readers measured them on the same study or day, at sites and
sides that do not contradict each other, and alike in size. A lesion that has two suggestions of nearly the same score
is marked, since a person has to look at the images then.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import combinations
from typing import Final
from urllib.parse import unquote

from pyoxigraph import Literal, NamedNode

from store.warehouse import Caller, Warehouse

__all__ = ["Measured", "Suggestion", "measured", "suggestions"]

SIZES: Final = ("ncit:C96684", "ncit:C96685")
"""The variables whose values are held against each other: longest diameter and short axis."""

LEAST = 0.5
"""The least ratio of two sizes that are called alike; readers differ by 20 % and more on small lesions."""

DAY, VISIT = "day", "visit"
"""How a time begins that is a day of a clock, or a visit; all others are studies."""

SECONDS = 120.0
"""The time that each question may take: a trial may have hundred thousands of statements."""

CLOSE = 0.8
"""A second suggestion with so much of the score of the first makes it ambiguous."""


@dataclass(slots=True)
class Measured:
    """A lesion as its readers measured it."""

    subject: str
    key: str
    one: str
    """The IRI that lesions share which were decided to be one."""
    label: str = ""
    readers: set[str] = field(default_factory=set)
    sites: dict[str, str] = field(default_factory=dict)
    """IRIs of sites, with their labels."""
    sides: set[str] = field(default_factory=set)
    sizes: dict[tuple[str, str], float] = field(default_factory=dict)
    """The greatest size in mm by variable, and by study or day of a clock."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """Two lesions that may be one, and why."""

    a: Measured
    b: Measured
    score: float
    """From 0 to 1: how alike they are in size, halved where no site is known of one of them."""
    times: int
    """How many studies or days both were measured on."""
    ambiguous: bool = False


def measured(warehouse: Warehouse, caller: Caller, collection: str, subject: str = "") -> list[Measured]:
    """The measured lesions of a collection or subject, as a caller sees them."""
    asked = partial(_asked, warehouse, caller, collection, subject)
    found: dict[str, Measured] = {}
    for name, about, variable, value, label, reader, *times in asked(SIZE):
        key = unquote(about.rpartition("/")[2])
        lesion = found.setdefault(about, Measured(name, key, about, label or key))
        if reader:
            lesion.readers.add(reader)
        size = float(value)
        for time in _times(*times):
            lesion.sizes[variable, time] = max(size, lesion.sizes.get((variable, time), size))
    for about, site, label, side in asked(PLACE):
        if about in found:
            found[about].sites[site] = label or site
            found[about].sides.update([side] if side else [])
    for about, other in asked(SAME):
        if about in found:
            found[about].one = min(found[about].one, other)
    return list(found.values())


FIRST = """PREFIX ncit: <http://purl.obolibrary.org/obo/NCIT_>
PREFIX q: <https://w3id.org/qilin/ns#>
PREFIX rdfs: <http://www.w3.org/2000/01/rdf-schema#>
PREFIX skos: <http://www.w3.org/2004/02/skos/core#>
SELECT {columns} {{
  ?c q:identifier {collection} . ?s q:collection ?c ; q:identifier ?subject . {narrowed}
  {pattern}
}}"""

SIZE = (
    "?subject ?about ?variable ?value ?label ?reader ?study ?day ?clock ?visit",
    f"""?size q:subject ?s ; q:variable ?variable ; q:about ?about ; q:primary true ; q:value ?value ; q:unit "mm" .
  FILTER(?variable IN ({", ".join(SIZES)}))
  OPTIONAL {{ ?about q:label ?label }}
  OPTIONAL {{ ?size q:reader/q:identifier ?reader }}
  OPTIONAL {{ ?size q:study ?study }}
  OPTIONAL {{ ?size q:day ?day ; q:clock/rdfs:label ?clock }}
  OPTIONAL {{ ?size q:visit ?visit }}""",
)
PLACE = (
    "?about ?site ?label ?side",
    """?said q:subject ?s ; q:site ?site ; q:about ?about .
  OPTIONAL { ?site skos:prefLabel ?label }
  OPTIONAL { ?said q:laterality/skos:prefLabel ?side }""",
)
"""What anything said of a lesion tells of its place: SDTM says where a lesion is, and elsewhere how large."""
SAME = ("?about ?other", "?about q:subject ?s ; q:sameLesionAs ?other .")


def _asked(
    warehouse: Warehouse, caller: Caller, collection: str, subject: str, question: tuple[str, str]
) -> Iterator[list[str]]:
    """The distinct answers as texts, ``""`` where there is none. Leaner than the curated queries, for whole trials."""
    columns, pattern = question
    narrowed = f"FILTER(?subject = {Literal(subject)})" if subject else ""
    query = FIRST.format(
        columns=f"DISTINCT {columns}", collection=Literal(collection), narrowed=narrowed, pattern=pattern
    )
    for row in warehouse.select(query, caller, seconds=SECONDS).rows:
        yield [term.value if isinstance(term, NamedNode | Literal) else "" for term in row]


def _times(study: str, day: str, clock: str, visit: str) -> Iterator[str]:
    """When a size was taken: by study and by day, since an annotation names its study and a table a day.

    A visit counts where nothing else is known: two documents may number visits in two ways.
    """
    if study:
        yield study
    if day:
        yield f"{DAY} {day} of {clock}"
    if visit and not (study or day):
        yield f"{VISIT} {visit}"


def suggestions(lesions: Iterable[Measured], decided: set[frozenset[tuple[str, str]]]) -> Iterator[Suggestion]:
    """Suggestions among lesions, the most alike of each subject first; none for what was decided (subject and key)."""
    by_subject: dict[str, list[Measured]] = defaultdict(list)
    for lesion in lesions:
        by_subject[lesion.subject].append(lesion)
    for _, mine in sorted(by_subject.items()):
        pairs = combinations(sorted(mine, key=lambda lesion: lesion.key), 2)
        found = [
            suggestion
            for a, b in pairs
            if frozenset({(a.subject, a.key), (b.subject, b.key)}) not in decided and (suggestion := _suggested(a, b))
        ]
        found.sort(key=lambda item: (-item.score, item.a.key, item.b.key))
        for item in found:
            yield Suggestion(item.a, item.b, item.score, item.times, ambiguous=_rivalled(item, found))


def _suggested(a: Measured, b: Measured) -> Suggestion | None:
    if a.one == b.one or not a.readers or not b.readers or a.readers & b.readers:
        return None
    if (a.sites and b.sites and not a.sites.keys() & b.sites.keys()) or (a.sides and b.sides and not a.sides & b.sides):
        return None
    shared = a.sizes.keys() & b.sizes.keys()
    ratios = [min(a.sizes[at], b.sizes[at]) / (max(a.sizes[at], b.sizes[at]) or 1.0) for at in shared]
    ratios = [1.0 if a.sizes[at] == b.sizes[at] else ratio for at, ratio in zip(shared, ratios, strict=True)]
    if not ratios or (mean := sum(ratios) / len(ratios)) < LEAST:
        return None
    known = bool(a.sites and b.sites)
    days = Counter(time.startswith((DAY, VISIT)) for time in {time for _, time in shared})
    return Suggestion(a, b, round(mean if known else mean / 2, 3), max(days.values()))


def _rivalled(item: Suggestion, found: list[Suggestion]) -> bool:
    """Whether another lesion of the same reader fits one of the two nearly as well."""
    for mine, theirs in ((item.a, item.b), (item.b, item.a)):
        for other in found:
            rival = other.b if other.a is mine else other.a if other.b is mine else None
            if (
                rival is not None
                and rival is not theirs
                and other.score >= CLOSE * item.score
                and rival.readers & theirs.readers
            ):
                return True
    return False
